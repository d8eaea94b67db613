//! Clients that subscribe: what they ask, and what they hear.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::{answer, bad};
use super::asks::Asker;
use super::board::{FORBIDDEN, Published, Sort, TOPICS, Topic};
use super::events::Event;
use super::expected::{Answers, Ask, Expected, here};
use super::key::{Kind, Tag};
use super::wire::{array, strings};

use nutcracker_proto::Protocol;

/// What a client hears.
#[derive(Debug, Default)]
pub(crate) struct Ears {
    /// What it has asked for, if all of that went well.
    wanted: BTreeSet<Topic>,
    /// What was confirmed, and when.
    confirmed: BTreeMap<Topic, u64>,
    heard: BTreeSet<(Topic, Tag)>,
    /// The latest message of a client to a channel.
    latest: BTreeMap<(Topic, Vec<u8>, u32), u32>,
    /// When it asked for no more of a topic.
    ended: BTreeMap<Topic, u64>,
}

/// A response that tells of a subscription, begun or ended.
#[derive(Clone, Debug)]
pub(crate) struct Confirmation {
    pub(crate) topic: Topic,
    pub(crate) begins: bool,
    resp3: bool,
    /// How many the client has left, where that is certain.
    count: Option<usize>,
}

impl Confirmation {
    pub(crate) fn allows(&self, response: &[u8]) -> bool {
        let verb = self.topic.sort.verbs()[usize::from(!self.begins)];
        let first = if self.resp3 { ">" } else { "*" };
        let name = self.topic.name;
        let head =
            format!("{first}3\r\n${}\r\n{verb}\r\n${}\r\n{name}\r\n:", verb.len(), name.len());
        let rest = response.strip_prefix(head.as_bytes()).and_then(|it| it.strip_suffix(b"\r\n"));
        let count = rest.and_then(|count| std::str::from_utf8(count).ok()?.parse().ok());
        count.is_some() && self.count.is_none_or(|own| Some(own) == count)
    }
}

impl Asker<'_> {
    /// A request of a client that subscribes.
    pub(crate) fn of_subscriber(&mut self) -> Ask {
        if self.owes() {
            return self.auth();
        }
        if self.request < 2 && self.random.chance(30) && self.ears.wanted.is_empty() {
            self.session.class.resp3 = true;
            let expected = Some(Expected::here(Answers::Beginning("%7\r\n")));
            return Ask { wire: array(&["HELLO", "3"]), expected };
        }
        match self.random.below(100) {
            0..50 => self.subscribe(),
            50..70 => self.unsubscribe(),
            70..85 => self.ping(),
            _ if self.session.class.resp3 => {
                let ask = self.redis();
                self.measured(ask)
            }
            _ => self.ask_while_subscribed(),
        }
    }

    fn subscribe(&mut self) -> Ask {
        let mut topics = vec![self.random.pick(&TOPICS)];
        if self.random.chance(30) {
            let other = self.random.pick(&TOPICS);
            topics.extend(Some(other).filter(|other| other.sort == topics[0].sort));
        }
        if !self.plan.quiet && topics[0].sort == Sort::Channel && self.random.chance(5) {
            topics.push(FORBIDDEN);
        }
        let verb = topics[0].sort.verbs()[0];
        let words: Vec<&str> =
            [verb].into_iter().chain(topics.iter().map(|topic| topic.name)).collect();
        let mut confirmations = Vec::new();
        for topic in topics {
            self.ears.wanted.insert(topic);
            confirmations.push(Expected {
                attempts: 3,
                ..Expected::served(Answers::Confirmation(self.confirmation(topic, true)))
            });
        }
        let mut then = None;
        while let Some(expected) = confirmations.pop() {
            then = Some(Expected { then: then.map(Box::new), ..expected });
        }
        Ask { wire: array(&words), expected: then }
    }

    fn unsubscribe(&mut self) -> Ask {
        let topic = self.random.pick(&TOPICS);
        self.ears.wanted.remove(&topic);
        self.ears.ended.entry(topic).or_insert(self.now);
        let confirmation = self.confirmation(topic, false);
        let expected = Some(Expected::here(Answers::Confirmation(confirmation)));
        Ask { wire: array(&[topic.sort.verbs()[1], topic.name]), expected }
    }

    fn confirmation(&self, topic: Topic, begins: bool) -> Confirmation {
        let in_shard = |topic: &Topic| topic.sort == Sort::Shard;
        let alike = |other: &&Topic| in_shard(other) == in_shard(&topic);
        let count = self.plan.quiet.then(|| self.ears.wanted.iter().filter(alike).count());
        Confirmation { topic, begins, resp3: self.session.class.resp3, count }
    }

    /// Whether the client may ask for nothing else: it is, it is not, or nobody knows.
    fn is_restricted(&self) -> Option<bool> {
        let would_be = !self.session.class.resp3 && !self.ears.wanted.is_empty();
        (self.plan.quiet || self.session.class.resp3).then_some(would_be)
    }

    fn ping(&mut self) -> Ask {
        let (plain, special) = ("+PONG\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
        let answers = match self.is_restricted() {
            Some(true) => vec![special],
            Some(false) => vec![plain],
            None => vec![plain, special],
        };
        let answers = answers.into_iter().map(|answer| answer.as_bytes().to_vec()).collect();
        Ask { wire: array(&["PING"]), expected: Some(Expected::here(Answers::AnyOf(answers))) }
    }

    fn ask_while_subscribed(&mut self) -> Ask {
        let refused = "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / \
                       QUIT / RESET are allowed in this context\r\n";
        let words = [b"get".to_vec(), self.key(0, Kind::Value(50))];
        let wire = array(&words);
        if self.is_restricted() == Some(true) {
            return Ask { wire, expected: Some(here(refused)) };
        }
        let mut answers = vec![answer(self.tongue(), &words)];
        if self.is_restricted().is_none() {
            answers.push(refused.into());
        }
        Ask { wire, expected: Some(Expected::served(Answers::AnyOf(answers))) }
    }

    /// Something for those who listen.
    pub(crate) fn publish(&mut self) -> Ask {
        let kind = match self.random.chance(95) {
            // Far enough from any other's, with the subscribers counted in.
            true => Kind::Number(self.client * 1_000_000 + self.request * 1_000 + 500),
            false => Kind::Error,
        };
        let mut payload = self.key(0, kind);
        payload.push(b'_');
        let room = self.random.pick(&[100, 100, 2_000, 20_000]).min(self.plan.value_bytes_max);
        payload.resize(payload.len() + self.random.below(room) as usize, b'x');
        let (verb, channel) =
            self.random.pick(&[("publish", "ch0"), ("publish", "ch1"), ("spublish", "ch0")]);
        let words = [verb.into(), channel.into(), payload];
        let answers = match kind {
            Kind::Number(number) => Answers::Near(number.into()),
            _ => Answers::AnyOf(vec![answer(self.tongue(), &words)]),
        };
        let expected = Expected::served(answers).seen_as(Event::Published);
        Ask { wire: array(&words), expected: Some(expected) }
    }
}

/// Whether a request to publish is carried out.
pub(crate) fn is_published(words: &[Vec<u8>]) -> bool {
    matches!(words[0].as_slice(), b"publish" | b"spublish")
        && bad(Protocol::Redis, &[&words[2]]).is_none()
}

impl Ears {
    /// A subscription has begun or ended, by the proxy's word.
    pub(crate) fn confirm(&mut self, confirmation: &Confirmation, now: u64) {
        let topic = confirmation.topic;
        if confirmation.begins {
            self.confirmed.entry(topic).or_insert(now);
        } else {
            self.confirmed.remove(&topic);
        }
    }

    /// Takes a message: whether the response is one at all. It is one that the client is subscribed
    /// to, comes once, and, where servers keep their channels, behind those that were before it.
    pub(crate) fn hear(&mut self, response: &[u8], resp3: bool, steady: bool) -> bool {
        if !matches!(response.first(), Some(b'*' | b'>')) {
            return false;
        }
        let words = strings(response);
        let Some(topic) = Topic::of_message(&words) else { return false };
        assert_eq!(response[0] == b'>', resp3, "a message in the client's own version");
        assert!(self.confirmed.contains_key(&topic), "a message of {topic:?}, unasked");
        let [.., channel, payload] = words.as_slice() else { panic!("a message of {words:?}") };
        let tag = Tag::of(payload).unwrap_or_else(|| panic!("{} as a message", words.len()));
        let is_first = self.heard.insert((topic, tag));
        assert!(is_first, "{topic:?}: {tag:?} heard twice");
        let latest = (topic, channel.clone(), tag.client);
        let latest = self.latest.entry(latest).or_insert(tag.request);
        assert!(!steady || *latest <= tag.request, "{topic:?}: {tag:?} behind {latest}");
        *latest = tag.request;
        true
    }

    /// Where nothing goes wrong, whoever was subscribed has heard all that was published by then, and was under way
    /// for so long at the very most.
    pub(crate) fn check_whole(&self, published: &[Published], left_at: u64, under_way_max: u64) {
        for (topic, since) in &self.confirmed {
            let until = self.ended.get(topic).copied().unwrap_or(left_at);
            for message in published.iter().filter(|message| topic.hears(message)) {
                let tag = Tag::of(&message.payload).expect("a client's");
                let missed = !self.heard.contains(&(*topic, tag));
                let in_time = message.at > *since && message.at + under_way_max < until;
                assert!(!(missed && in_time), "{topic:?} did not hear {tag:?} of {}", message.at);
            }
        }
    }

    /// Whether it is, or was, subscribed to anything.
    pub(crate) fn has_listened(&self) -> bool {
        !self.confirmed.is_empty() || !self.heard.is_empty()
    }
}
