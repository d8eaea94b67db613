//! What is published at a server, and the conns that listen there.

use std::collections::{BTreeMap, BTreeSet};

use super::broadcasts::list;
use super::wire::push_bulk;

/// What can be listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    Channel,
    Pattern,
    Shard,
}

/// A channel, a pattern, or a shard channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Topic {
    pub(crate) sort: Sort,
    pub(crate) name: &'static str,
}

const fn topic(sort: Sort, name: &'static str) -> Topic {
    Topic { sort, name }
}

/// All that clients subscribe to.
pub(crate) const TOPICS: [Topic; 6] = [
    topic(Sort::Channel, "ch0"),
    topic(Sort::Channel, "ch1"),
    topic(Sort::Pattern, "ch*"),
    topic(Sort::Pattern, "*1"),
    topic(Sort::Shard, "ch0"),
    topic(Sort::Shard, "ch3"),
];

/// A channel that servers let nobody listen to.
pub(crate) const FORBIDDEN: Topic = topic(Sort::Channel, "forbidden");

/// What a server says of it.
pub(crate) const FORBIDDEN_WORDS: &str = "nobody listens to that";

impl Sort {
    /// What begins to listen, ends it, and tells of what was published.
    pub(crate) const fn verbs(self) -> [&'static str; 3] {
        match self {
            Self::Channel => ["subscribe", "unsubscribe", "message"],
            Self::Pattern => ["psubscribe", "punsubscribe", "pmessage"],
            Self::Shard => ["ssubscribe", "sunsubscribe", "smessage"],
        }
    }
}

impl Topic {
    /// The topic of that verb, its place among the sort's verbs, and that name.
    fn of(verb: &[u8], name: &[u8]) -> Option<(Self, usize)> {
        let mut all = TOPICS.iter().chain([&FORBIDDEN]);
        let at =
            |topic: &Self| topic.sort.verbs().iter().position(|known| known.as_bytes() == verb);
        all.find_map(|topic| {
            at(topic).filter(|_| topic.name.as_bytes() == name).map(|at| (*topic, at))
        })
    }

    /// The topic of a message that was heard, by its first two words.
    pub(crate) fn of_message(words: &[Vec<u8>]) -> Option<Self> {
        let [verb, name, ..] = words else { return None };
        Self::of(verb, name).filter(|(_, at)| *at == 2).map(|(topic, _)| topic)
    }

    /// Whether what is published there is heard here.
    pub(crate) fn hears(self, published: &Published) -> bool {
        let Published { channel, in_shard, .. } = published;
        match self.sort {
            Sort::Shard => *in_shard && channel == self.name,
            Sort::Channel => !in_shard && channel == self.name,
            Sort::Pattern => {
                let (head, tail) = self.name.split_once('*').expect("a pattern");
                !in_shard && channel.starts_with(head) && channel.ends_with(tail)
            }
        }
    }
}

/// One message.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) channel: String,
    pub(crate) in_shard: bool,
    pub(crate) payload: Vec<u8>,
    pub(crate) at: u64,
}

/// What was published at a server.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) published: Vec<Published>,
    /// What any conn has listened to.
    listened: BTreeSet<Topic>,
}

impl Board {
    /// A request to publish, which is carried out.
    pub(crate) fn publish(&mut self, words: &[Vec<u8>], at: u64) {
        self.published.push(Published {
            channel: String::from_utf8(words[1].clone()).expect("a channel's name"),
            in_shard: words[0] == b"spublish",
            payload: words[2].clone(),
            at,
        });
    }
}

/// A conn that listens, as the server sees it.
#[derive(Debug, Default)]
pub(crate) struct Ear {
    /// What it listens to, and the first message that it is told.
    topics: BTreeMap<Topic, usize>,
    /// It has listened to something.
    pub(crate) listens: bool,
    /// Messages that it was told, or need not be.
    told: usize,
}

impl Ear {
    /// What a request of such a conn is answered; `None` for any other. Says as well whether it
    /// listens to something that another conn has listened to before.
    pub(crate) fn hear(&mut self, words: &[Vec<u8>], board: &mut Board) -> Option<(Vec<u8>, bool)> {
        if words[0] == b"ping" && self.listens {
            let pong = match self.topics.is_empty() {
                true => b"+PONG\r\n".to_vec(),
                false => list(&[b"pong".to_vec(), Vec::new()]),
            };
            return Some((pong, false));
        }
        let (topic, verb) = Topic::of(&words[0], words.get(1)?)?;
        assert_eq!(words.len(), 2, "one topic at a time");
        let mut again = false;
        if verb == 0 {
            if topic == FORBIDDEN {
                self.listens = true;
                return Some((format!("-ERR {FORBIDDEN_WORDS}\r\n").into_bytes(), false));
            }
            again = !self.listens && !board.listened.insert(topic);
            board.listened.insert(topic);
            self.listens = true;
            self.topics.entry(topic).or_insert(board.published.len());
        } else {
            self.topics.remove(&topic);
        }
        let mut out = b"*3\r\n".to_vec();
        push_bulk(&words[0], &mut out);
        push_bulk(&words[1], &mut out);
        out.extend(format!(":{}\r\n", self.topics.len()).into_bytes());
        Some((out, again))
    }

    /// Whether there is something that it was not told.
    pub(crate) fn is_behind(&self, board: &Board) -> bool {
        !self.topics.is_empty() && self.told < board.published.len()
    }

    /// What it is told now.
    pub(crate) fn overhear(&mut self, board: &Board) -> Vec<Vec<u8>> {
        let begin = std::mem::replace(&mut self.told, board.published.len());
        let mut told = Vec::new();
        for (at, published) in board.published.iter().enumerate().skip(begin) {
            for (topic, _) in self.topics.iter().filter(|(_, first)| at >= **first) {
                if topic.hears(published) {
                    let mut words = vec![topic.sort.verbs()[2].as_bytes().to_vec()];
                    if topic.sort == Sort::Pattern {
                        words.push(topic.name.into());
                    }
                    words.extend([published.channel.clone().into(), published.payload.clone()]);
                    told.push(list(&words));
                }
            }
        }
        told
    }
}
