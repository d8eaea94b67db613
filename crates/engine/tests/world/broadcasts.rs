//! Requests that go to every server of a pool, and what those say together.

use nutcracker_proto::Protocol;

use super::answers::bad;
use super::asks::Asker;
use super::events::Event;
use super::expected::{Answers, Ask, Expected, here};
use super::key::{Kind, Tag};
use super::wire::{array, push_bulk};

/// The part of a key that goes to all servers is, at each of them, this, a thousand times its own, and
/// the server's number.
pub(crate) const EVERYWHERE: u32 = 100_000;

/// What a server has that other servers have not: for a pattern that says so, as many keys as that.
fn matching(pattern: &[u8], index: usize) -> Vec<Vec<u8>> {
    let count = match Tag::of(pattern).map(|tag| tag.kind) {
        Some(Kind::Value(bytes)) => bytes % 4,
        Some(Kind::Number(number)) => number % 3,
        _ => 0,
    };
    (0..count).map(|n| [pattern, format!("@{index}.{n}").as_bytes()].concat()).collect()
}

fn keys_at(index: usize) -> u64 {
    1_000 * (index as u64 + 1)
}

fn some_key_at(index: usize) -> String {
    format!("$7\r\nserver{index}\r\n")
}

/// What the server of that number answers to a request that goes to all; `None` to any other.
pub(crate) fn answer_at(index: usize, words: &[Vec<u8>]) -> Option<Vec<u8>> {
    Some(match words[0].as_slice() {
        b"keys" => match bad(Protocol::Redis, &[&words[1]]) {
            Some(bad) => bad,
            None => list(&matching(&words[1], index)),
        },
        b"dbsize" => format!(":{}\r\n", keys_at(index)).into_bytes(),
        b"randomkey" => some_key_at(index).into_bytes(),
        b"flushall" | b"flushdb" => b"+OK\r\n".to_vec(),
        b"flush_all" => b"OK\r\n".to_vec(),
        b"stats" => format!("STAT curr_items {}\r\nEND\r\n", keys_at(index)).into_bytes(),
        _ => return None,
    })
}

pub(crate) fn list(elements: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", elements.len()).into_bytes();
    elements.iter().for_each(|element| push_bulk(element, &mut out));
    out
}

impl Asker<'_> {
    /// Something that is asked of every server.
    pub(crate) fn broadcast(&mut self) -> Ask {
        let servers = 0..self.config().servers.len();
        let total: u64 = servers.clone().map(keys_at).sum();
        let any_of = |answers| Expected::served(Answers::AnyOf(answers));
        let one = |answer: String| any_of(vec![answer.into_bytes()]);
        let (wire, expected) = match (self.config().protocol, self.random.below(10)) {
            (Protocol::Redis, 0..4) => {
                let kind = self.kind();
                let pattern = self.key(0, kind);
                let answers = match bad(Protocol::Redis, &[&pattern]) {
                    Some(bad) if servers.len() == 1 || bad.starts_with(b"-") => {
                        Answers::AnyOf(vec![bad])
                    }
                    // A status is no list.
                    Some(_) => Answers::AnyOf(vec![b"-ERR Invalid argument\r\n".to_vec()]),
                    None => Answers::Elements(
                        servers.flat_map(|index| matching(&pattern, index)).collect(),
                    ),
                };
                (array(&[b"KEYS".to_vec(), pattern]), Expected::served(answers))
            }
            (Protocol::Redis, 4..6) => (array(&["DBSIZE"]), one(format!(":{total}\r\n"))),
            (Protocol::Redis, 6..8) => {
                let keys = servers.map(|index| some_key_at(index).into_bytes());
                (array(&["RANDOMKEY"]), any_of(keys.collect()))
            }
            (Protocol::Redis, _) => {
                let wire = array(&[self.random.pick(&["FLUSHALL", "flushdb"])]);
                return self.flush(wire, "+OK\r\n");
            }
            (Protocol::Memcache, 0..6) => {
                let figure = Answers::Figure(format!("STAT curr_items {total}\r\n"));
                (b"stats\r\n".to_vec(), Expected::served(figure))
            }
            (Protocol::Memcache, 6..8) => return self.flush(b"flush_all\r\n".to_vec(), "OK\r\n"),
            (Protocol::Memcache, _) => {
                return Ask { wire: b"flush_all noreply\r\n".to_vec(), expected: None };
            }
        };
        Ask { wire, expected: Some(expected.seen_as(Event::BroadcastWhole)) }
    }

    fn flush(&self, wire: Vec<u8>, answer: &str) -> Ask {
        let config = self.config();
        let expected = match config.allow_flush {
            true => Expected::served(Answers::AnyOf(vec![answer.into()])),
            false => {
                let refusal = String::from_utf8_lossy(config.protocol.flush_refused());
                here(&refusal)
            }
        };
        Ask { wire, expected: Some(expected.seen_as(Event::BroadcastWhole)) }
    }
}
