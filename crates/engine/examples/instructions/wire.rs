//! What clients ask and servers answer. Values are functions of their keys, so that an answer to
//! the wrong request shows.

use std::io::IoSlice;

use nutcracker_proto::{Progress, Protocol, Request, RequestParser, split};

/// Bytes of an ordinary value.
const VALUE_BYTES: usize = 64;

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    /// A value.
    Get,
    /// To keep a value.
    Set,
    /// So many values.
    Many(u32),
    /// To keep so many Redis values.
    SetMany(u32),
    /// A Redis value of so many bytes.
    GetLarge(u64),
    /// To keep a Redis value of so many bytes.
    SetLarge(u64),
}

/// Bytes on a conn. In a large value only the ends matter: what lies between them is never
/// written, as a kernel's copy costs the process nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    head: Vec<u8>,
    /// Bytes of any kind.
    filler: usize,
    tail: Vec<u8>,
}

impl Message {
    pub(crate) const fn len(&self) -> usize {
        self.head.len() + self.filler + self.tail.len()
    }

    /// Puts the bytes from `at` on into `space`, but for the filler.
    pub(crate) fn write(&self, at: usize, space: &mut [u8]) {
        if let Some(head) = self.head.get(at..) {
            let len = head.len().min(space.len());
            space[..len].copy_from_slice(&head[..len]);
        }
        let tail_at = self.head.len() + self.filler;
        if at + space.len() > tail_at && !self.tail.is_empty() {
            let from = at.max(tail_at);
            let to = at + space.len();
            space[from - at..].copy_from_slice(&self.tail[from - tail_at..to - tail_at]);
        }
    }

    /// Whether `bytes` are these.
    pub(crate) fn fits(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.len() && bytes.starts_with(&self.head) && bytes.ends_with(&self.tail)
    }

    /// The bytes, all of them: for messages without filler.
    pub(crate) fn bytes(&self) -> &[u8] {
        assert_eq!(self.filler, 0, "filler has no bytes of its own");
        &self.head
    }

    fn large(mut head: Vec<u8>, filler: u64) -> Self {
        head.extend(format!("${filler}\r\n").into_bytes());
        Self { head, filler: filler as usize, tail: b"\r\n".to_vec() }
    }
}

/// A client's requests: `pipeline` of them, about the keys from number `first` on.
pub(crate) fn pipeline(protocol: Protocol, ask: Ask, pipeline: u32, first: u32) -> Message {
    if let Ask::SetLarge(bytes) = ask {
        assert!(pipeline == 1, "a large value travels alone");
        let head = [b"*3\r\n".as_slice(), &bulk(b"SET"), &bulk(&key(first))].concat();
        return Message::large(head, bytes);
    }
    let requests = (0..pipeline).flat_map(|nth| request(protocol, ask, first + nth));
    Message { head: requests.collect(), ..Message::default() }
}

/// One request; its keys are those from number `first` on.
fn request(protocol: Protocol, ask: Ask, first: u32) -> Vec<u8> {
    let keys = match ask {
        // Far from another client's, so that no two ask for the same.
        Ask::Many(keys) | Ask::SetMany(keys) => {
            (first * 100_000..first * 100_000 + keys).map(key).collect()
        }
        _ => vec![key(first)],
    };
    match (protocol, ask) {
        (Protocol::Redis, Ask::Set) => words(&[b"SET", &keys[0], &value(&keys[0])]),
        (Protocol::Redis, Ask::Many(_)) => {
            let mut all = vec![b"MGET".as_slice()];
            all.extend(keys.iter().map(Vec::as_slice));
            words(&all)
        }
        (Protocol::Redis, Ask::SetMany(_)) => {
            let values: Vec<Vec<u8>> = keys.iter().map(|key| value(key)).collect();
            let pairs = keys.iter().zip(&values).flat_map(|(key, value)| [key.as_slice(), value]);
            words(&[b"MSET".as_slice()].into_iter().chain(pairs).collect::<Vec<_>>())
        }
        (Protocol::Redis, _) => words(&[b"GET", &keys[0]]),
        (Protocol::Memcache, Ask::Set) => {
            let line = format!(" 0 0 {VALUE_BYTES}\r\n");
            [b"set ", keys[0].as_slice(), line.as_bytes(), &value(&keys[0]), b"\r\n"].concat()
        }
        (Protocol::Memcache, _) => [b"get ", keys.join(&b' ').as_slice(), b"\r\n"].concat(),
    }
}

/// What an honest server says to `requests`, one after the other.
pub(crate) fn answer(protocol: Protocol, ask: Ask, requests: &[u8]) -> Message {
    let mut said = Message::default();
    let mut parser = RequestParser::new(protocol, usize::MAX, usize::MAX);
    let mut rest = requests;
    while !rest.is_empty() {
        let Ok(Progress::Done(Request::Routed(routed))) = parser.parse(rest) else {
            unreachable!("only whole requests are sent");
        };
        let keys = || split::parts(protocol, &routed, rest).map(|part| part.key(rest));
        let first = &rest[routed.key.start as usize..routed.key.end as usize];
        match (routed.command.name, ask) {
            ("get", Ask::GetLarge(bytes)) => {
                assert!(said.len() == 0, "a large value travels alone");
                said = Message::large(Vec::new(), bytes);
            }
            ("get", _) if protocol == Protocol::Redis => said.head.extend(bulk(&value(first))),
            ("mget", _) => {
                said.head.extend(format!("*{}\r\n", routed.keys).into_bytes());
                keys().for_each(|key| said.head.extend(bulk(&value(key))));
            }
            ("get", _) => {
                keys().for_each(|key| said.head.extend(block(key)));
                said.head.extend(b"END\r\n");
            }
            ("set" | "mset", _) if protocol == Protocol::Redis => said.head.extend(stored().head),
            ("set", _) => said.head.extend(b"STORED\r\n"),
            (other, _) => unreachable!("no scenario asks for {other}"),
        }
        rest = &rest[routed.len..];
    }
    said
}

/// What Redis says to a `SET`.
pub(crate) fn stored() -> Message {
    Message { head: b"+OK\r\n".to_vec(), ..Message::default() }
}

/// The key of that number: twelve bytes, as long as any other. Keys of neighbours have nothing in
/// common, as FNV tells too little apart what differs in its last digits alone.
pub(crate) fn key(number: u32) -> Vec<u8> {
    /// Has no divisor in common with the modulus, so every number has a key of its own.
    const STRIDE: u64 = 61_803_399;
    let digits = u64::from(number) * STRIDE % 100_000_000;
    format!("key:{digits:08}").into_bytes()
}

/// The value of a key.
fn value(key: &[u8]) -> Vec<u8> {
    key.iter().copied().cycle().take(VALUE_BYTES).collect()
}

fn words(words: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    words.iter().for_each(|word| out.extend(bulk(word)));
    out
}

fn bulk(bytes: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn block(key: &[u8]) -> Vec<u8> {
    let line = format!(" 0 {VALUE_BYTES}\r\n");
    [b"VALUE ", key, line.as_bytes(), &value(key), b"\r\n"].concat()
}

/// How many bytes the slices have.
pub(crate) fn len(slices: &[IoSlice<'_>]) -> usize {
    slices.iter().map(|slice| slice.len()).sum()
}
