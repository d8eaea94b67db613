//! One connection's requests that await an answer, and the judgement of what comes.
//!
//! No I/O: bytes go in, verdicts come out. Answers belong to requests by their order alone, so an
//! answer too many or too few shows as one nobody asked for, as requests left over at the end, or as
//! answers that are another key's.

use std::collections::VecDeque;
use std::time::Instant;

use super::known::Known;
use super::speech::{self, Reply};
use super::world::World;
use crate::soak::reply::Protocol;

/// A request that was sent.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The indexes of its keys among the client's: one, or several for a get of several.
    pub(super) at: Vec<usize>,
    /// The number of the set; `None` is a get.
    pub(super) set: Option<u64>,
    /// How often the key's home had lost all it held when this was sent.
    pub(super) epoch: u64,
    /// When it was sent.
    pub(super) sent: Instant,
}

/// What an answer is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it must be.
    Right,
    /// An error; its text.
    Error(String),
    /// Not what it must be, and why.
    Wrong(String),
    /// An answer to nothing.
    Unasked(String),
}

/// A connection's requests and the bytes that have come and are no whole answer yet.
#[derive(Debug)]
pub(super) struct Conversation {
    protocol: Protocol,
    outstanding: VecDeque<Asked>,
    bytes: Vec<u8>,
}

impl Conversation {
    /// Nothing said yet.
    pub(super) fn new(protocol: Protocol) -> Self {
        Self { protocol, outstanding: VecDeque::new(), bytes: Vec::new() }
    }

    /// A request went out.
    pub(super) fn asked(&mut self, asked: Asked) {
        self.outstanding.push_back(asked);
    }

    /// How many await their answer.
    pub(super) fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Whether part of an answer is there.
    pub(super) fn is_torn(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Bytes came: the verdict on each answer that is now whole, with the request if there is one.
    pub(super) fn received(
        &mut self,
        bytes: &[u8],
        keys: &mut [Known],
        world: &World,
    ) -> Vec<(Option<Asked>, Verdict)> {
        self.bytes.extend_from_slice(bytes);
        let mut verdicts = Vec::new();
        let mut read = 0;
        while let Some((reply, len)) = speech::read_reply(self.protocol, &self.bytes[read..]) {
            read += len;
            verdicts.push(match self.outstanding.pop_front() {
                None => (None, Verdict::Unasked(format!("{reply:?}"))),
                Some(asked) => {
                    let verdict = match asked.at[..] {
                        [at] => judge(&asked, reply, &mut keys[at], world),
                        _ => judge_several(&asked, reply, keys, world),
                    };
                    (Some(asked), verdict)
                }
            });
        }
        self.bytes.drain(..read);
        verdicts
    }

    /// The connection is over: the requests that got no answer. Their sets are in doubt.
    pub(super) fn end(self, keys: &mut [Known]) -> Vec<Asked> {
        for asked in &self.outstanding {
            if let Some(sequence) = asked.set {
                keys[asked.at[0]].in_doubt(sequence);
            }
        }
        self.outstanding.into()
    }
}

fn judge(asked: &Asked, reply: Reply, known: &mut Known, world: &World) -> Verdict {
    match (asked.set, reply) {
        (set, Reply::Error(text)) => {
            if let Some(sequence) = set {
                known.in_doubt(sequence);
            }
            Verdict::Error(text)
        }
        (Some(sequence), Reply::Stored) => {
            known.acknowledged(sequence, asked.epoch);
            Verdict::Right
        }
        (None, Reply::Value { key: Some(key), .. }) if key != known.key => {
            Verdict::Wrong(format!("{}: the answer is about {key}", known.key))
        }
        (None, Reply::Value { bytes, .. }) => {
            verdict(known.found(Some(&bytes), world.circumstances(known.home)))
        }
        (None, Reply::Missing) => verdict(known.found(None, world.circumstances(known.home))),
        (set, reply) => {
            if let Some(sequence) = set {
                known.in_doubt(sequence);
            }
            let asked = if set.is_some() { "a set" } else { "a get" };
            Verdict::Wrong(format!("{}: {asked} was answered with {reply:?}", known.key))
        }
    }
}

/// A get of several keys.
fn judge_several(asked: &Asked, reply: Reply, keys: &mut [Known], world: &World) -> Verdict {
    let of = |at: &usize| keys[*at].key.clone();
    let values: Vec<Option<Vec<u8>>> = match reply {
        Reply::Error(text) => return Verdict::Error(text),
        Reply::Places(places) if places.len() == asked.at.len() => places,
        // memcached says nothing of what it lacks; what it has it says in any order.
        Reply::Missing => vec![None; asked.at.len()],
        Reply::Value { key: Some(key), bytes } => {
            return judge_several(asked, Reply::Pairs(vec![(key, bytes)]), keys, world);
        }
        Reply::Pairs(mut pairs) => {
            let mut take = |key: String| {
                let at = pairs.iter().position(|(name, _)| *name == key)?;
                Some(pairs.swap_remove(at).1)
            };
            let values = asked.at.iter().map(|at| take(of(at))).collect();
            if let Some((key, _)) = pairs.first() {
                return Verdict::Wrong(format!("{key} was answered about, and not asked for"));
            }
            values
        }
        other => {
            let names: Vec<String> = asked.at.iter().map(of).collect();
            return Verdict::Wrong(format!("a get of {names:?} was answered with {other:?}"));
        }
    };
    let mut found = asked.at.iter().zip(values).map(|(at, value)| {
        let known = &mut keys[*at];
        known.found(value.as_deref(), world.circumstances(known.home))
    });
    verdict(found.try_for_each(|one| one))
}

fn verdict(found: Result<(), String>) -> Verdict {
    found.map_or_else(Verdict::Wrong, |()| Verdict::Right)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client with keys `a` and `b`, both set once, and a conversation that gets each in turn.
    fn stage(gets: &[usize]) -> (Conversation, Vec<Known>, World) {
        let world = World::new(1, false);
        let mut keys = ["a", "b"].map(|key| Known::new(key.to_owned())).into_iter().collect();
        for known in &mut keys as &mut Vec<Known> {
            let sequence = known.next_set();
            known.acknowledged(sequence, 0);
        }
        let mut conversation = Conversation::new(Protocol::Redis);
        for at in gets {
            conversation.asked(Asked { at: vec![*at], set: None, epoch: 0, sent: Instant::now() });
        }
        (conversation, keys, world)
    }

    fn bulk(known: &Known, sequence: u64) -> Vec<u8> {
        let value = known.value(sequence, 40);
        [format!("${}\r\n", value.len()).as_bytes(), &value, b"\r\n"].concat()
    }

    fn verdicts(gets: &[usize], answers: impl Fn(&[Known]) -> Vec<u8>) -> (Vec<Verdict>, usize) {
        let (mut conversation, mut keys, world) = stage(gets);
        let bytes = answers(&keys);
        let mut verdicts = Vec::new();
        for byte in bytes {
            verdicts.extend(conversation.received(&[byte], &mut keys, &world));
        }
        let verdicts = verdicts.into_iter().map(|(_, verdict)| verdict).collect();
        (verdicts, conversation.end(&mut keys).len())
    }

    #[test]
    fn answers_in_order_are_right() {
        let answers = |keys: &[Known]| [bulk(&keys[0], 1), bulk(&keys[1], 1)].concat();
        assert_eq!(verdicts(&[0, 1], answers), (vec![Verdict::Right, Verdict::Right], 0));
    }

    #[test]
    fn swapped_answers_are_wrong_both() {
        let answers = |keys: &[Known]| [bulk(&keys[1], 1), bulk(&keys[0], 1)].concat();
        let (verdicts, lost) = verdicts(&[0, 1], answers);
        assert!(matches!(verdicts[..], [Verdict::Wrong(_), Verdict::Wrong(_)]), "{verdicts:?}");
        assert_eq!(lost, 0);
    }

    #[test]
    fn an_answer_too_few_leaves_a_request_over() {
        let (verdicts, lost) = verdicts(&[0, 1], |keys| bulk(&keys[0], 1));
        assert_eq!((verdicts, lost), (vec![Verdict::Right], 1));
    }

    #[test]
    fn an_answer_left_out_in_the_middle_is_wrong_and_leaves_one_over() {
        let answers = |keys: &[Known]| [bulk(&keys[1], 1), bulk(&keys[0], 1)].concat();
        let (verdicts, lost) = verdicts(&[0, 1, 0], answers);
        assert!(matches!(verdicts[..], [Verdict::Wrong(_), Verdict::Wrong(_)]), "{verdicts:?}");
        assert_eq!(lost, 1);
    }

    #[test]
    fn an_answer_twice_is_one_nobody_asked_for() {
        let answers = |keys: &[Known]| bulk(&keys[0], 1).repeat(2);
        let (verdicts, lost) = verdicts(&[0], answers);
        assert!(matches!(verdicts[..], [Verdict::Right, Verdict::Unasked(_)]), "{verdicts:?}");
        assert_eq!(lost, 0);
    }

    #[test]
    fn an_answer_of_a_kind_that_was_not_asked_for_is_wrong() {
        for answer in ["+OK\r\n", ":7\r\n", "*0\r\n"] {
            let (verdicts, _) = verdicts(&[0], |_| answer.into());
            assert!(matches!(verdicts[..], [Verdict::Wrong(_)]), "{verdicts:?}");
        }
    }

    #[test]
    fn a_get_of_several_is_judged_place_by_place_and_key_by_key() {
        let ask = |protocol, answer: &dyn Fn(&[Known]) -> Vec<u8>| {
            let (_, mut keys, world) = stage(&[]);
            let mut conversation = Conversation::new(protocol);
            let at = vec![0, 1];
            conversation.asked(Asked { at, set: None, epoch: 0, sent: Instant::now() });
            let bytes = answer(&keys);
            conversation.received(&bytes, &mut keys, &world).remove(0).1
        };
        let places = |first: usize, second: usize| {
            move |keys: &[Known]| {
                [b"*2\r\n".to_vec(), bulk(&keys[first], 1), bulk(&keys[second], 1)].concat()
            }
        };
        assert_eq!(ask(Protocol::Redis, &places(0, 1)), Verdict::Right);
        assert!(matches!(ask(Protocol::Redis, &places(1, 0)), Verdict::Wrong(_)));
        let few = |keys: &[Known]| [b"*1\r\n".to_vec(), bulk(&keys[0], 1)].concat();
        assert!(matches!(ask(Protocol::Redis, &few), Verdict::Wrong(_)));
        let pairs = |names: &'static [&'static str], values: [usize; 2]| {
            move |keys: &[Known]| {
                let mut bytes = Vec::new();
                for (name, value) in names.iter().zip(values) {
                    let value = keys[value].value(1, 40);
                    bytes.extend(format!("VALUE {name} 0 {}\r\n", value.len()).into_bytes());
                    bytes.extend([&value[..], b"\r\n"].concat());
                }
                [&bytes[..], b"END\r\n"].concat()
            }
        };
        assert_eq!(ask(Protocol::Memcached, &pairs(&["a", "b"], [0, 1])), Verdict::Right);
        assert_eq!(ask(Protocol::Memcached, &pairs(&["b", "a"], [1, 0])), Verdict::Right);
        for wrong in [
            pairs(&["a", "b"], [1, 0]),
            pairs(&["a"], [0, 0]),
            pairs(&["a", "c"], [0, 1]),
            pairs(&["a", "a"], [0, 0]),
        ] {
            let verdict = ask(Protocol::Memcached, &wrong);
            assert!(matches!(verdict, Verdict::Wrong(_)), "{verdict:?}");
        }
    }
}
