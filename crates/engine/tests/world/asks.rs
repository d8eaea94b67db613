//! What clients ask, each request with the only answers that are its own.

use std::collections::BTreeSet;

use nutcracker_engine::PoolConfig;
use nutcracker_proto::Protocol;

use super::answers::{self, answer, block};
use super::expected::{Answers, Ask, Expected, beginning, here};
use super::key::{Kind, Tag, value};
use super::plan::Plan;
use super::random::Random;
use super::scans::Scan;
use super::session::Session;
use super::subscriber::Ears;
use super::wire::{Tongue, array, stores};

/// Draws the requests of one client.
#[derive(Debug)]
pub(crate) struct Asker<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) pool: usize,
    pub(crate) client: u32,
    pub(crate) request: u32,
    /// What the client has said about itself by now.
    pub(crate) session: &'a mut Session,
    /// Its walk through all keys.
    pub(crate) scan: &'a mut Scan,
    /// What it is subscribed to.
    pub(crate) ears: &'a mut Ears,
    pub(crate) now: u64,
    /// Scripts that it knows the proxy to know.
    pub(crate) known: &'a BTreeSet<u32>,
    pub(crate) random: &'a mut Random,
}

const REQUIRED: &str = "-NOAUTH Authentication required\r\n";

impl Asker<'_> {
    /// Any request.
    pub(crate) fn any(&mut self) -> Ask {
        let is_redis = self.config().protocol == Protocol::Redis;
        if is_redis && self.random.chance(if self.owes() { 50 } else { 1 }) {
            return self.auth();
        }
        if is_redis && self.plan.switches && !self.owes() && self.random.chance(4) {
            return self.introduction();
        }
        let mut ask = if is_redis { self.redis() } else { self.memcached() };
        if self.owes() {
            // Whatever it is, unless it could not even be understood.
            if let Some(expected) = &mut ask.expected
                && !matches!(expected.answers, Answers::Beginning("-ERR wrong" | "-ERR unknown"))
            {
                *expected = here(REQUIRED);
            }
        }
        self.measured(ask)
    }

    /// A request that is refused if it is longer than it may be.
    pub(crate) fn measured(&self, mut ask: Ask) -> Ask {
        if let Some(expected) = &mut ask.expected
            && let Some(refusal) = self.refusal_of_length(&ask.wire)
        {
            *expected = here(&refusal);
        }
        ask
    }

    /// What a request gets that is longer than it may be.
    fn refusal_of_length(&self, wire: &[u8]) -> Option<String> {
        let max = self.config().limits.request_bytes;
        if wire.len() <= max {
            return None;
        }
        match self.config().protocol {
            Protocol::Redis => Some(format!(
                "-ERR request is longer than {max} bytes, the limit that request_max sets\r\n"
            )),
            // Lines have a limit of their own.
            Protocol::Memcache => {
                let name = wire.split(|&byte| byte == b' ').next()?;
                stores(name).then(|| "SERVER_ERROR object too large for cache\r\n".into())
            }
        }
    }

    /// A request that a healthy pool answers without fail; the password, if it is not given yet.
    pub(crate) fn probe(&mut self) -> Ask {
        let config = self.config();
        let protocol = config.protocol;
        if let Some(password) = &config.password
            && !self.session.authenticated
        {
            let wire = array(&[&b"AUTH"[..], password]);
            self.session.authenticated = true;
            return Ask { wire, expected: Some(here("+OK\r\n")) };
        }
        let key = self.key(0, Kind::Value(100));
        let words = [b"get".to_vec(), key];
        let wire = match protocol {
            Protocol::Redis => array(&words),
            Protocol::Memcache => [&words.join(&b' ')[..], b"\r\n"].concat(),
        };
        let answers = Answers::AnyOf(vec![answer(self.tongue(), &words)]);
        Ask { wire, expected: Some(Expected::here(answers)) }
    }

    /// How it is answered.
    pub(crate) fn tongue(&self) -> Tongue {
        self.session.class.tongue(self.config().protocol)
    }

    pub(crate) fn config(&self) -> &PoolConfig {
        &self.plan.pools[self.pool].config
    }

    pub(crate) fn key(&mut self, part: u32, kind: Kind) -> Vec<u8> {
        let braced = self.config().placement.tag.is_some() && self.random.chance(50);
        self.braced_key(part, kind, braced)
    }

    pub(crate) fn braced_key(&mut self, part: u32, kind: Kind, braced: bool) -> Vec<u8> {
        let tag = Tag { client: self.client, request: self.request, part, kind };
        tag.key(braced, self.random)
    }

    /// A kind for a request with one key, or for one of several.
    pub(crate) fn kind(&mut self) -> Kind {
        match self.random.below(100) {
            0..4 => Kind::Error,
            4..6 if self.plan.unwell => Kind::Unwell,
            6..8 if self.plan.wrong => Kind::Wrong,
            8..20 => Kind::Missing,
            20..40 => Kind::Number(self.client * 100_000 + self.request),
            _ => Kind::Value(self.size()),
        }
    }

    fn size(&mut self) -> u32 {
        let max = match self.random.below(100) {
            0..50 if self.plan.heavy => self.plan.value_bytes_max,
            0..75 => 50,
            75..92 => 3_000,
            92..99 => 40_000,
            _ => self.plan.value_bytes_max,
        };
        self.random.below(max.min(self.plan.value_bytes_max) + 1) as u32
    }

    /// Keys of a request with several, seldom one of them such that all goes wrong.
    fn keys(&mut self, kinds: fn(&mut Self) -> Kind) -> Vec<Vec<u8>> {
        let many = if self.random.chance(5) { 60 } else { 6 };
        let count = self.random.between(1, many) as u32;
        let goes_wrong = self.random.chance(10);
        (0..count)
            .map(|part| {
                let kind = if goes_wrong { self.kind() } else { kinds(self) };
                self.key(part, kind)
            })
            .collect()
    }

    pub(crate) fn redis(&mut self) -> Ask {
        match self.random.below(100) {
            0..8 => self.redis_local(),
            8..10 => self.broadcast(),
            10..20 => {
                let keys = self.keys(|asker| Kind::Number(asker.random.below(1_000) as u32));
                let name = self.random.pick(&["DEL", "unlink", "EXISTS", "Touch"]);
                self.redis_split(name, &keys, &keys)
            }
            20..32 => {
                let keys = self.keys(|asker| match asker.random.chance(20) {
                    true => Kind::Missing,
                    false => Kind::Value(asker.size() / 4),
                });
                self.redis_split("MGET", &keys, &keys)
            }
            32..40 => {
                let keys = self.keys(|_| Kind::Missing);
                let mut arguments = Vec::new();
                for key in &keys {
                    let size = self.size() as usize;
                    arguments.extend([key.clone(), value(key, size)]);
                }
                self.redis_split("mset", &keys, &arguments)
            }
            40..45 => self.script(),
            55..75 if self.plan.subscribers => self.publish(),
            45..55 if self.plan.scans => self.step().unwrap_or_else(|| self.redis_whole()),
            _ => self.redis_whole(),
        }
    }

    /// A request that goes to one server as it is.
    fn redis_whole(&mut self) -> Ask {
        let kind = self.kind();
        let key = self.key(0, kind);
        let payload = self.size() as usize;
        let payload = value(&key, payload);
        let line = self.random.pick(&[
            "GET key",
            "GET key",
            "get key",
            "SET key payload",
            "SET key payload",
            "SET key payload EX 10",
            "INCR key",
            "HSET key f payload",
            "LPUSH key payload 2",
            "ZADD key 1 payload",
            "GETRANGE key 0 -1",
            "TTL key",
            "XADD key * f payload",
            "EVAL payload 1 key x",
        ]);
        let words: Vec<&[u8]> = line
            .split(' ')
            .map(|word| match word {
                "key" => key.as_slice(),
                "payload" => payload.as_slice(),
                word => word.as_bytes(),
            })
            .collect();
        let inline = line == "get key" && self.random.chance(50);
        let wire = if inline { [&words.join(&b' ')[..], b"\r\n"].concat() } else { array(&words) };
        let mut words: Vec<Vec<u8>> = words.into_iter().map(<[u8]>::to_vec).collect();
        words[0].make_ascii_lowercase();
        let told = told(self.tongue(), &words);
        let answers = match words[0].as_slice() {
            // A script may answer with anything, so anything may be taken for its answer.
            b"eval" if self.plan.lies => Answers::Beginning(""),
            // With another argument they are answered with a value, or with none.
            b"set" | b"zadd" if self.plan.lies => Answers::AnyOf(vec![told, b"$-1\r\n".to_vec()]),
            _ => Answers::AnyOf(vec![told]),
        };
        Ask { wire, expected: Some(Expected::served(answers)) }
    }

    /// A request that may be taken apart: a bad answer to a part may stand for the whole, and one
    /// of a wrong kind becomes the proxy's own.
    fn redis_split(&mut self, name: &str, keys: &[Vec<u8>], arguments: &[Vec<u8>]) -> Ask {
        let mut words = vec![name.as_bytes().to_vec()];
        words.extend_from_slice(arguments);
        let wire = array(&words);
        words[0].make_ascii_lowercase();
        let bad: Vec<_> =
            keys.iter().filter_map(|key| answers::bad(Protocol::Redis, &[key])).collect();
        let mut answers = vec![told(self.tongue(), &words)];
        answers.extend(bad);
        if answers::is_wrong(Protocol::Redis, &words) {
            // One fragment's server may say an error, and another's something wrong.
            answers.push(invalid(Protocol::Redis));
        }
        let partly = self.partly(name, keys);
        let expected = Expected { partly, ..Expected::served(Answers::AnyOf(answers)) };
        Ask { wire, expected: Some(expected) }
    }

    /// A request that no server sees.
    fn redis_local(&mut self) -> Ask {
        let (wire, expected) = match self.random.below(6) {
            0 => (array(&["PING"]), Some(here("+PONG\r\n"))),
            1 => (b"ping\r\n".to_vec(), Some(here("+PONG\r\n"))),
            2 => (array(&["NOSUCH", "a"]), Some(beginning("-ERR unknown"))),
            3 => (array(&["GET", "a", "b"]), Some(beginning("-ERR wrong"))),
            4 => (array(&["MOVE", "a", "1"]), Some(beginning("-ERR MOVE"))),
            _ => (self.random.pick(&["\r\n", "*0\r\n", "\n"]).into(), None),
        };
        Ask { wire, expected }
    }

    fn memcached(&mut self) -> Ask {
        match self.random.below(100) {
            0..6 => self.memcached_local(),
            6..8 => self.broadcast(),
            8..12 => Ask {
                wire: b"version\r\n".to_vec(),
                expected: Some(Expected::served(Answers::AnyOf(vec![
                    b"VERSION 1.6.0\r\n".to_vec(),
                ]))),
            },
            12..20 if !self.plan.lies => self.burst(),
            12..50 => self.memcached_get(),
            _ => self.memcached_whole(),
        }
    }

    fn memcached_get(&mut self) -> Ask {
        let keys = self.keys(|asker| match asker.random.chance(20) {
            true => Kind::Missing,
            false => Kind::Value(asker.size() / 4),
        });
        let name = self.random.pick(&["get", "gets"]);
        let space = self.random.pick(&[" ", "   "]);
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let line_end = self.random.pick(&["\r\n", "\n"]);
        let wire =
            [name.as_bytes(), space.as_bytes(), &keys.join(space.as_bytes()), line_end.as_bytes()]
                .concat();
        let mut bad: Vec<_> =
            keys.iter().filter_map(|key| answers::bad(Protocol::Memcache, &[key])).collect();
        let words: Vec<Vec<u8>> =
            [name.as_bytes()].iter().chain(&keys).map(|word| word.to_vec()).collect();
        if answers::is_wrong(Protocol::Memcache, &words) {
            bad.push(invalid(Protocol::Memcache));
        }
        let answers = if bad.is_empty() {
            Answers::Blocks(
                keys.iter()
                    .map(|key| block(key, name == "gets"))
                    .filter(|block| !block.is_empty())
                    .collect(),
            )
        } else {
            Answers::AnyOf(bad)
        };
        let expected = Expected { partly: self.partly(name, &keys), ..Expected::served(answers) };
        Ask { wire, expected: Some(expected) }
    }

    fn memcached_whole(&mut self) -> Ask {
        let mut kind = self.kind();
        let name = self.random.pick(&["set", "set", "cas", "append", "delete", "incr", "touch"]);
        let noreply = self.random.chance(15);
        if name == "set" && self.random.chance(5) {
            kind = Kind::TooLarge;
        }
        let key = self.key(0, kind);
        let payload = match kind {
            Kind::TooLarge => self.plan.value_bytes_max as usize,
            _ => self.size() as usize,
        };
        let payload = value(&key, payload);
        let rest = match name {
            "delete" => String::new(),
            "incr" | "touch" => " 5".into(),
            "cas" => format!(" 0 0 {} 77", payload.len()),
            _ => format!(" 0 0 {}", payload.len()),
        };
        let silence = if noreply { " noreply" } else { "" };
        let mut wire =
            [name.as_bytes(), b" ", &key, rest.as_bytes(), silence.as_bytes(), b"\r\n"].concat();
        if matches!(name, "set" | "cas" | "append") {
            wire.extend_from_slice(&payload);
            wire.extend_from_slice(b"\r\n");
        }
        let words = [name.as_bytes().to_vec(), key];
        let answers = Answers::AnyOf(vec![told(self.tongue(), &words)]);
        let expected = (!noreply).then_some(Expected::served(answers));
        Ask { wire, expected }
    }

    fn memcached_local(&mut self) -> Ask {
        let (wire, expected) = match self.random.below(5) {
            0 => ("bogus a b\r\n", Some(here("ERROR\r\n"))),
            1 => ("get\r\n", Some(here("ERROR\r\n"))),
            2 => ("incr a b\r\n", Some(beginning("CLIENT_ERROR invalid numeric"))),
            3 => ("set a b 0 1\r\nx\r\n", Some(beginning("CLIENT_ERROR bad command line"))),
            _ => ("set a b 0 1 noreply\r\nx\r\n", None),
        };
        Ask { wire: wire.into(), expected }
    }

    /// Bytes that no rule allows, and the beginning of the only answer to them.
    pub(crate) fn nonsense(&mut self) -> Ask {
        let (wire, answer): (&[u8], _) = match self.config().protocol {
            Protocol::Redis => (
                self.random.pick(&[&b"*x\r\n"[..], b"*1\r\n!3\r\n", b"*1\r\n$-5\r\n"]),
                "-ERR Protocol error: ",
            ),
            Protocol::Memcache => (
                self.random.pick(&[
                    &b"GET / HTTP/1.1\r\n"[..],
                    b"set k 0 0 x\r\n",
                    b"set k 0 0 1\r\nxyz\r\n",
                ]),
                "CLIENT_ERROR ",
            ),
        };
        Ask { wire: wire.to_vec(), expected: Some(beginning(answer)) }
    }

    /// A farewell, and something nobody should hear behind it.
    pub(crate) fn quit(&mut self) -> Ask {
        let (wire, expected): (&[u8], _) = match self.config().protocol {
            Protocol::Redis => (b"*1\r\n$4\r\nQUIT\r\nPING\r\n", Some(here("+OK\r\n"))),
            Protocol::Memcache => (b"quit\r\nget a\r\n", None),
        };
        Ask { wire: wire.to_vec(), expected }
    }
}

/// What the client of a request is told when its server answers: that, or that it was no answer to it.
fn told(tongue: Tongue, words: &[Vec<u8>]) -> Vec<u8> {
    let protocol = match tongue {
        Tongue::Resp2 | Tongue::Resp3 => Protocol::Redis,
        Tongue::Memcached => Protocol::Memcache,
    };
    let answer = answer(tongue, words);
    if !answers::is_wrong(protocol, words) || protocol.is_error(&answer) {
        return answer;
    }
    invalid(protocol)
}

/// What the proxy says of an answer that is none.
fn invalid(protocol: Protocol) -> Vec<u8> {
    let mut told = Vec::new();
    protocol.error("Invalid argument", &mut told);
    told
}
