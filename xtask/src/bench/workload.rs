//! What a client asks, and the answer that is right: requests and responses on the wire.
//!
//! Keys and values are functions of a number, so the right answer to any request is known when the
//! request is written, and a client compares bytes instead of parsing. Keys that are read and keys
//! that are written have different prefixes: a bench that writes never spoils one that reads.

use std::fmt::Write as _;
use std::io::Write as _;

/// What the servers behind the proxy are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Redis, RESP2.
    Redis,
    /// memcached's text protocol.
    Memcached,
}

/// What one request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Reads one key that is there.
    Get,
    /// Writes one key.
    Set,
    /// Reads this many keys that are there.
    MultiGet(usize),
    /// Writes this many keys (Redis only).
    MultiSet(usize),
}

/// Requests of one kind, on random keys of a fixed number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Workload {
    /// The language.
    pub(crate) protocol: Protocol,
    /// What a request does.
    pub(crate) operation: Operation,
    /// How long each value is.
    pub(crate) value_bytes: usize,
    /// How many different keys are used, numbered from 0.
    pub(crate) keys: u32,
}

impl Workload {
    /// Whether the right response may come in another order of its values: memcached names the key
    /// beside each value, so the original gathers them server by server.
    pub(crate) fn is_unordered(&self) -> bool {
        self.protocol == Protocol::Memcached && matches!(self.operation, Operation::MultiGet(_))
    }

    /// Whether keys must be there before.
    pub(crate) fn is_reading(&self) -> bool {
        matches!(self.operation, Operation::Get | Operation::MultiGet(_))
    }

    /// Appends requests that store the keys of `numbers` for a [`Script`](super::script::Script) to read, and their right
    /// responses.
    pub(crate) fn write_preload(
        &self,
        numbers: impl Iterator<Item = u32>,
        request: &mut Vec<u8>,
        response: &mut Vec<u8>,
    ) {
        let store = Self { operation: Operation::Set, ..*self };
        let [head, tail] = [store.head(), store.tail()];
        for number in numbers {
            for piece in [&head, &store.part('r', number), &tail] {
                request.extend_from_slice(&piece.request);
                response.extend_from_slice(&piece.response);
            }
        }
    }

    /// The command of `redis-benchmark` for this, with `__rand_int__` for the random part of each
    /// key, which it replaces by twelve digits. The last word of [`Operation::Set`], the value, is
    /// left out: it may be longer than an argument may be, and goes to standard input.
    pub(crate) fn redis_command(&self) -> Vec<String> {
        let key = |prefix| format!("{prefix}{}:__rand_int__", self.value_bytes);
        match self.operation {
            Operation::Get => vec!["get".to_owned(), key('r')],
            Operation::Set => vec!["set".to_owned(), key('w')],
            Operation::MultiGet(count) => {
                let mut words = vec!["mget".to_owned()];
                words.resize(1 + count, key('r'));
                words
            }
            Operation::MultiSet(count) => {
                let pair = [key('w'), value(0, self.value_bytes)];
                let pairs = std::iter::repeat_n(pair, count).flatten();
                std::iter::once("mset".to_owned()).chain(pairs).collect()
            }
        }
    }

    /// How many keys a request has.
    pub(crate) fn count(&self) -> usize {
        match self.operation {
            Operation::Get | Operation::Set => 1,
            Operation::MultiGet(count) | Operation::MultiSet(count) => count,
        }
    }

    /// What stands before the keys.
    pub(crate) fn head(&self) -> Piece {
        let mut head = Piece::default();
        match (self.protocol, self.operation) {
            (Protocol::Redis, operation) => {
                let (name, words) = match operation {
                    Operation::Get => ("get", 2),
                    Operation::Set => ("set", 3),
                    Operation::MultiGet(count) => ("mget", 1 + count),
                    Operation::MultiSet(count) => ("mset", 1 + 2 * count),
                };
                append(&mut head.request, format_args!("*{words}\r\n"));
                resp_bulk(name, &mut head.request);
                if let Operation::MultiGet(count) = operation {
                    append(&mut head.response, format_args!("*{count}\r\n"));
                }
            }
            (Protocol::Memcached, Operation::Get | Operation::MultiGet(_)) => {
                head.request.extend_from_slice(b"get");
            }
            (Protocol::Memcached, Operation::Set | Operation::MultiSet(_)) => {}
        }
        head
    }

    /// What one key adds.
    pub(crate) fn part(&self, prefix: char, number: u32) -> Piece {
        let (key, bytes) = (self.key(prefix, number), self.value_bytes);
        let value = value(number, bytes);
        let mut part = Piece::default();
        match (self.protocol, self.is_reading()) {
            (Protocol::Redis, true) => {
                resp_bulk(&key, &mut part.request);
                resp_bulk(&value, &mut part.response);
            }
            (Protocol::Redis, false) => {
                resp_bulk(&key, &mut part.request);
                resp_bulk(&value, &mut part.request);
            }
            (Protocol::Memcached, true) => {
                append(&mut part.request, format_args!(" {key}"));
                let line = format_args!("VALUE {key} 0 {bytes}\r\n{value}\r\n");
                append(&mut part.response, line);
            }
            (Protocol::Memcached, false) => {
                append(&mut part.request, format_args!("set {key} 0 0 {bytes}\r\n{value}\r\n"));
                part.response.extend_from_slice(b"STORED\r\n");
            }
        }
        part
    }

    /// What stands behind the keys.
    pub(crate) fn tail(&self) -> Piece {
        let [request, response]: [&[u8]; 2] = match (self.protocol, self.is_reading()) {
            (Protocol::Redis, true) | (Protocol::Memcached, false) => [b"", b""],
            (Protocol::Redis, false) => [b"", b"+OK\r\n"],
            (Protocol::Memcached, true) => [b"\r\n", b"END\r\n"],
        };
        Piece { request: request.to_vec(), response: response.to_vec() }
    }

    /// The key of a number, in the form that `redis-benchmark` writes it.
    fn key(&self, prefix: char, number: u32) -> String {
        format!("{prefix}{}:{number:012}", self.value_bytes)
    }
}

/// A part of a request, and what the right response has for it.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) request: Vec<u8>,
    pub(crate) response: Vec<u8>,
}

/// The value of a key: its number again and again, so that a piece of one value, or one byte more
/// or less of it, is not the value of another.
pub(crate) fn value(number: u32, bytes: usize) -> String {
    let mut unit = String::new();
    // Writing to a string cannot fail.
    let _ = write!(unit, "{number:07};");
    unit.repeat(bytes.div_ceil(unit.len()))[..bytes].to_owned()
}

/// A small generator of random numbers, the same numbers in every run (xorshift, Marsaglia 2003).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The generator number `stream`; different streams give different numbers.
    pub(crate) fn new(stream: usize) -> Self {
        // Any odd constant spreads small stream numbers over all bits; zero must not come out.
        let seed = (stream as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(seed | 1)
    }

    /// The next number, at least 0 and below `limit`.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (((self.0 >> 32) * u64::from(limit)) >> 32) as u32
    }
}

fn resp_bulk(word: &str, out: &mut Vec<u8>) {
    append(out, format_args!("${}\r\n{word}\r\n", word.len()));
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a vector cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::script::Script;

    fn written(workload: Workload) -> (String, String) {
        let (mut request, mut response) = (Vec::new(), Vec::new());
        Script::new(&workload).write(&mut Random::new(0), &mut request, &mut response);
        let text = |bytes| String::from_utf8(bytes).expect("ASCII");
        (text(request), text(response))
    }

    #[test]
    fn each_operation_is_written_with_its_right_response() {
        #[rustfmt::skip]
        let cases = [
            (Protocol::Redis, Operation::Get,
             "*2\r\n$3\r\nget\r\n$15\r\nr4:000000000000\r\n", "$4\r\n0000\r\n"),
            (Protocol::Redis, Operation::Set,
             "*3\r\n$3\r\nset\r\n$15\r\nw4:000000000000\r\n$4\r\n0000\r\n", "+OK\r\n"),
            (Protocol::Redis, Operation::MultiGet(1),
             "*2\r\n$4\r\nmget\r\n$15\r\nr4:000000000000\r\n", "*1\r\n$4\r\n0000\r\n"),
            (Protocol::Redis, Operation::MultiSet(1),
             "*3\r\n$4\r\nmset\r\n$15\r\nw4:000000000000\r\n$4\r\n0000\r\n", "+OK\r\n"),
            (Protocol::Memcached, Operation::Get,
             "get r4:000000000000\r\n", "VALUE r4:000000000000 0 4\r\n0000\r\nEND\r\n"),
            (Protocol::Memcached, Operation::Set,
             "set w4:000000000000 0 0 4\r\n0000\r\n", "STORED\r\n"),
            (Protocol::Memcached, Operation::MultiGet(2),
             "get r4:000000000000 r4:000000000000\r\n",
             "VALUE r4:000000000000 0 4\r\n0000\r\nVALUE r4:000000000000 0 4\r\n0000\r\nEND\r\n"),
        ];
        for (protocol, operation, request, response) in cases {
            let workload = Workload { protocol, operation, value_bytes: 4, keys: 1 };
            let expected = (request.to_owned(), response.to_owned());
            assert_eq!(written(workload), expected, "{protocol:?} {operation:?}");
        }
    }

    #[test]
    fn values_have_their_length_and_differ_between_numbers() {
        for bytes in [8, 64, 65, 1_000] {
            assert_eq!(value(7, bytes).len(), bytes);
            assert_ne!(value(7, bytes), value(8, bytes), "{bytes} bytes");
        }
    }

    #[test]
    fn random_numbers_stay_below_their_limit_and_reach_all_of_it() {
        let mut random = Random::new(3);
        let mut seen = [false; 10];
        for _ in 0..1_000 {
            seen[random.below(10) as usize] = true;
        }
        assert_eq!(seen, [true; 10]);
    }
}
