//! What clients ask for in several requests that belong together, or in one that takes its time: a
//! transaction, a blocking pop. Nothing of it may arrive anywhere but on a conn of the client's own.

use nutcracker_proto::Protocol;

use super::answers::answer;
use super::asks::Asker;
use super::events::Event;
use super::expected::{Answers, Ask, Expected, here};
use super::key::{Kind, value};
use super::plan::{MILLISECOND, SECOND};
use super::scripts::some_digest;
use super::wire::array;

/// The parts of a key that is used between `MULTI` and `EXEC`, and nowhere else, begin here.
pub(crate) const INSIDE: u32 = 1_000;

/// How long a server lets a client wait that blocks, at most, microseconds. Longer than pools wait.
pub(crate) const WAITS_MAX: u64 = 150 * MILLISECOND;

const OK: &str = "+OK\r\n";
const QUEUED: &str = "+QUEUED\r\n";
const ABORTED: &str = "-EXECABORT Transaction discarded because of previous errors.\r\n";
const APART: &str = "-CROSSSLOT Keys in request don't hash to the same slot: the keys of a \
                     transaction must be on one server, or be sent without MULTI (redis-py: \
                     pipeline(transaction=False)); ";
/// Behind that, where the pool has a hash tag, and where it has none.
const BRACES: &str =
    "keys with the same text between '{' and '}' share a server (the pool's option 'hash_tag')\r\n";
const NO_BRACES: &str = "with the pool's option 'hash_tag: \"{}\"', keys with the same text in braces \
                         share a server\r\n";
const LOST: &str = "-ERR the transaction is lost: its server connection has ended\r\n";

impl Asker<'_> {
    /// Several requests, or one that blocks; only from those who may ask at all.
    pub(crate) fn phrase(&mut self) -> Option<Vec<Ask>> {
        if self.config().protocol != Protocol::Redis || self.owes() {
            return None;
        }
        match self.random.below(100) {
            18..22 if self.plan.mutes => Some(self.silence()),
            _ if !self.plan.pins => None,
            0..10 => Some(self.transaction()),
            10..18 => Some(vec![self.pop()]),
            _ => None,
        }
    }

    /// A pop that waits for a while, less than it may.
    fn pop(&mut self) -> Ask {
        let key = self.key(0, Kind::Value(20));
        // A server that is frozen may well let it wait for all that it allows, and for ever where it
        // sets no time; one that is not answers within `WAITS_MAX`.
        let (seconds, waits) =
            self.random.pick(&[("0", u64::MAX), ("1", SECOND), ("1.5", SECOND * 3 / 2)]);
        let name = self.random.pick(&["BLPOP", "bzpopmin"]);
        let mut words = [name.into(), key, seconds.into()];
        let wire = array(&words);
        words[0].make_ascii_lowercase();
        let answers = Answers::AnyOf(vec![answer(self.tongue(), &words)]);
        let expected = Expected { waits, ..Expected::served(answers).seen_as(Event::PopAnswered) };
        Ask { wire, expected: Some(expected) }
    }

    /// Requests that get no answer, because their client wants none.
    fn silence(&mut self) -> Vec<Ask> {
        let skips = self.random.chance(40);
        let mode = if skips { "SKIP" } else { "off" };
        let mut asks = vec![Ask { wire: array(&["CLIENT", "REPLY", mode]), expected: None }];
        let count = if skips { 1 } else { self.random.between(1, 8) as u32 };
        for part in 0..count {
            let kind = self.kind();
            let key = self.key(part, kind);
            let words = match self.random.below(7) {
                6 if self.plan.subscribers => vec![b"publish".to_vec(), b"ch0".to_vec(), key],
                0 | 1 => vec![b"set".to_vec(), key.clone(), value(&key, 100)],
                2 => vec![b"keys".to_vec(), key],
                3 => vec![b"evalsha".to_vec(), some_digest().into(), b"1".to_vec(), key],
                4 => vec![b"get".to_vec(), key],
                _ => vec![b"mget".to_vec(), key, self.key(100 + part, Kind::Missing)],
            };
            asks.push(Ask { wire: array(&words), expected: None });
        }
        if !skips {
            let on = Ask { wire: array(&["CLIENT", "REPLY", "ON"]), expected: Some(here(OK)) };
            asks.push(on.seen_as(Event::Silenced));
        }
        asks
    }

    fn transaction(&mut self) -> Vec<Ask> {
        let mut asks = Vec::new();
        let braced = self.config().placement.tag.is_some() && self.random.chance(70);
        let commands = self.random.below(6) as u32;
        let watches = self.random.chance(30);
        // Whether all keys are sure to be of one server, and nothing goes wrong.
        let together = braced
            || self.config().servers.len() == 1
            || commands + u32::from(watches) < 2
            || self.config().distribution == nutcracker_ring::DistributionKind::Random;
        let sure = self.plan.quiet && together;
        if watches {
            let key = self.braced_key(0, Kind::Missing, braced);
            asks.push(served(array(&[b"WATCH".to_vec(), key]), vec![OK.into()]));
        }
        asks.push(Ask { wire: array(&["MULTI"]), expected: Some(here(OK)) });
        let mut said = vec![QUEUED.into()];
        if !sure {
            let hint = if self.config().placement.tag.is_some() { BRACES } else { NO_BRACES };
            said.extend([[APART, hint].concat().into(), LOST.into()]);
        }
        let mut results = Vec::new();
        if self.random.chance(20) {
            asks.push(served(array(&["PING"]), said.clone()));
            results.push(b"+PONG\r\n".to_vec());
        }
        for part in 0..commands {
            let kind = self.kind();
            let key = self.braced_key(INSIDE + part, kind, braced);
            let payload = value(&key, self.random.below(100) as usize);
            let words = match self.random.below(3) {
                0 => vec![b"get".to_vec(), key],
                1 => vec![b"set".to_vec(), key, payload],
                _ => vec![b"mget".to_vec(), key],
            };
            results.push(answer(self.tongue(), &words));
            asks.push(served(array(&words), said.clone()));
        }
        if self.random.chance(15) {
            let discard = served(array(&["DISCARD"]), vec![OK.into()]);
            asks.push(discard.seen_as(Event::TransactionDiscarded));
            return asks;
        }
        if self.random.chance(15) {
            let expected = Answers::Beginning("-ERR unknown");
            let expected = Some(Expected::here(expected));
            asks.push(Ask { wire: array(&["NOSUCH"]), expected });
            asks.push(Ask { wire: array(&["EXEC"]), expected: Some(here(ABORTED)) });
            return asks;
        }
        let all = [format!("*{}\r\n", results.len()).into_bytes(), results.concat()].concat();
        let ends = if sure { vec![all] } else { vec![all, ABORTED.into()] };
        asks.push(served(array(&["EXEC"]), ends).seen_as(Event::TransactionRun));
        asks
    }
}

fn served(wire: Vec<u8>, answers: Vec<Vec<u8>>) -> Ask {
    let answers = Answers::AnyOf(answers);
    Ask { wire, expected: Some(Expected::served(answers)) }
}
