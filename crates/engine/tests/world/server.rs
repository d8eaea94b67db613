//! The model servers: they check what they are sent, think, and answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use nutcracker_engine::PoolConfig;
use nutcracker_proto::Protocol;
use nutcracker_proto::command::Command;

use super::answers::{answer, keys, payloads};
use super::board::{Board, Ear};
use super::broadcasts::{self, EVERYWHERE};
use super::events::{Event, Events};
use super::key::{Kind, Tag, value};
use super::meta;
use super::phrases::{INSIDE, WAITS_MAX};
use super::pipe::{End, Pipe};
use super::plan::{Absence, may_move, rehashes};
use super::random::Random;
use super::scans;
use super::scripts::{Known, UNKNOWN};
use super::session::{Class, Greeting};
use super::subscriber::is_published;
use super::wire::{Tongue, memcached_line, request};

/// One server of a pool, whatever conns it has.
#[derive(Debug, Default)]
pub(crate) struct Server {
    /// It does nothing until then.
    pub(crate) frozen_until: u64,
    /// Until then it cannot be reached.
    pub(crate) absent_until: u64,
    pub(crate) absence: Option<Absence>,
    /// What it will do wrong with its next answer.
    pub(crate) slip: Option<Slip>,
    /// The latest request of each client, and the latest of those that change data: whatever conns there
    /// are, a client's requests come in its order. Where they may be sent anew, this holds for those whose
    /// keys have the same homes.
    latest: BTreeMap<(u32, Vec<usize>), [u32; 2]>,
    pub(crate) scripts: Known,
    pub(crate) board: Board,
    /// Requests with a script that it did not know.
    puzzles: BTreeSet<(u32, u32)>,
    /// How often it was ejected.
    pub(crate) ejections: u32,
    /// Bytes of requests that arrived, and of answers that were sent; handshakes not counted.
    pub(crate) received_bytes: u64,
    pub(crate) sent_bytes: u64,
}

/// What a server does wrong once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    /// Says half of an answer and ends the conn.
    Half(End),
    /// Says half of an answer, and the rest so much later.
    Torn(u64),
    /// Says something that is no answer.
    Garbage,
    /// Says something more.
    Unasked,
}

/// One conn to a server, as the server sees it.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    inbox: Vec<u8>,
    /// Answers it thinks about, each with when it has finished.
    thoughts: VecDeque<(u64, Thought)>,
    /// Bytes that the pipe had no room for.
    outbox: Vec<u8>,
    greeting: Greeting,
    ear: Ear,
    /// What comes now is for clients.
    serves: bool,
    /// The request at the front of the inbox was answered before it was whole.
    answered_early: bool,
    /// Between MULTI and its end: the answers to what is queued.
    queued: Option<Vec<Vec<u8>>>,
    ended: bool,
}

#[derive(Debug)]
struct Thought {
    answer: Vec<u8>,
    sort: Sort,
    /// It is the rest of a torn answer.
    is_rest: bool,
}

/// What a thought is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Greeting,
    Answer,
    /// Something for who listens.
    Heard,
}

/// What a conn's server is and knows.
pub(crate) struct Surroundings<'a> {
    pub(crate) config: &'a PoolConfig,
    pub(crate) server: &'a mut Server,
    /// Keys that any server has received, and how often.
    pub(crate) received: &'a mut BTreeMap<(u32, u32, u32), u32>,
    /// The server that has a key while all are well, and those that have it while others are ejected; none
    /// where keys have no home.
    pub(crate) homes: &'a dyn Fn(&[u8]) -> Vec<usize>,
    /// What a client had said about itself when it made a request.
    pub(crate) class_of: &'a dyn Fn(u32, u32) -> Class,
    pub(crate) index: usize,
    pub(crate) thinks_max: u64,
    /// Whether servers say what nobody asked for, and so a client may be told of a request that has not
    /// arrived yet.
    pub(crate) lies: bool,
    pub(crate) now: u64,
    pub(crate) random: &'a mut Random,
    pub(crate) events: &'a mut Events,
}

impl Peer {
    /// Reads, thinks and writes as far as it can now.
    pub(crate) fn act(
        &mut self,
        inbound: &mut Pipe,
        outbound: &mut Pipe,
        at: &mut Surroundings<'_>,
    ) {
        if self.ended || at.now < at.server.frozen_until {
            return;
        }
        outbound.read_all(&mut self.inbox, usize::MAX);
        self.understand(at);
        for message in self.ear.overhear(&at.server.board) {
            self.think(message, Sort::Heard, at);
        }
        while let Some((due, _)) = self.thoughts.front()
            && *due <= at.now
            && !self.ended
        {
            let (_, thought) = self.thoughts.pop_front().expect("there is a front");
            self.say(thought, inbound, at);
        }
        if !self.outbox.is_empty() && !self.ended {
            // The proxy's end of a pipe never breaks without the whole conn.
            let taken = inbound.write(&self.outbox, at.now, at.random).unwrap_or(0);
            self.outbox.drain(..taken);
        }
    }

    /// When it will have something to do, if nothing comes in before.
    pub(crate) fn wakes_at(&self, inbound: &Pipe, server: &Server, now: u64) -> Option<u64> {
        if self.ended {
            return None;
        }
        let writes = (!self.outbox.is_empty() && inbound.room() > 0).then_some(now + 1);
        let thought = self.thoughts.front().map(|(due, _)| *due);
        let overhears = self.ear.is_behind(&server.board).then_some(now + 1);
        // A frozen server also wakes to what it has not read yet.
        let thaw = (now < server.frozen_until).then_some(server.frozen_until);
        let wake = writes.into_iter().chain(thought).chain(overhears).min();
        match thaw {
            Some(thaw) => Some(wake.map_or(thaw, |wake| wake.max(thaw))),
            None => wake,
        }
    }

    /// Ends the conn from this side.
    pub(crate) fn end(&mut self, end: End, inbound: &mut Pipe, now: u64, random: &mut Random) {
        if !self.ended {
            self.ended = true;
            inbound.end(end, now, random);
        }
    }

    fn understand(&mut self, at: &mut Surroundings<'_>) {
        let mut start = 0;
        loop {
            let rest = &self.inbox[start..];
            if rest.is_empty() {
                break;
            }
            let found = request(at.config.protocol, rest)
                .unwrap_or_else(|error| panic!("server {} was sent {error}", at.index));
            let Some(found) = found else {
                self.refuse_early(start, at);
                break;
            };
            start += found.len;
            if at.config.protocol == Protocol::Redis
                && let Some(answer) = self.greeting.hear(&found.words, at.config)
            {
                self.greet(answer, at);
                continue;
            }
            self.greeting.end();
            if self.is_asked(&found.words) {
                self.serves = true;
                self.greet("+PONG\r\n", at);
                continue;
            }
            self.serves = true;
            if let Some((answer, again)) = self.ear.hear(&found.words, &mut at.server.board) {
                at.events.see_if(again, Event::SubscribedAnew);
                self.think(answer, Sort::Heard, at);
                continue;
            }
            at.server.received_bytes += found.len as u64;
            if !self.answered_early {
                let answer = self.understand_one(&found.words, at);
                let blocks = self.queued.is_none()
                    && matches!(found.words[0].as_slice(), b"blpop" | b"bzpopmin");
                let waits = if blocks { at.random.below(WAITS_MAX) } else { 0 };
                self.think_for(waits, answer, at);
            }
            self.answered_early = false;
        }
        self.inbox.drain(..start);
    }

    /// Checks a request and says what is answered.
    fn understand_one(&mut self, words: &[Vec<u8>], at: &mut Surroundings<'_>) -> Vec<u8> {
        let scripted = at.server.scripts.hear(words);
        if scripted.as_deref() == Some(UNKNOWN) {
            for key in keys(at.config.protocol, words) {
                let tag = Tag::of(key).expect("a key of a client's");
                at.server.puzzles.insert((tag.client, tag.request));
            }
            return UNKNOWN.to_vec();
        }
        self.check(words, at);
        if is_published(words) {
            at.server.board.publish(words, at.now);
        }
        scripted
            .or_else(|| meta::answer(words))
            .or_else(|| broadcasts::answer_at(at.index, words))
            .or_else(|| (words[0] == b"scan").then(|| scans::answer_at(at.index, words)))
            .unwrap_or_else(|| {
                let tongue = self.greeting.class.tongue(at.config.protocol);
                self.answer(words, tongue)
            })
    }

    /// What it answers, in a transaction or out of one.
    fn answer(&mut self, words: &[Vec<u8>], tongue: Tongue) -> Vec<u8> {
        match (words[0].as_slice(), &mut self.queued) {
            (b"multi", queued @ None) => {
                *queued = Some(Vec::new());
                b"+OK\r\n".to_vec()
            }
            (b"exec", Some(answers)) => {
                let answers = std::mem::take(answers);
                self.queued = None;
                let head = format!("*{}\r\n", answers.len()).into_bytes();
                [head, answers.concat()].concat()
            }
            (b"discard", Some(_)) => {
                self.queued = None;
                b"+OK\r\n".to_vec()
            }
            (b"multi" | b"exec" | b"discard", _) => panic!("{words:?} out of its order"),
            (_, Some(answers)) => {
                answers.push(answer(tongue, words));
                b"+QUEUED\r\n".to_vec()
            }
            (_, None) => answer(tongue, words),
        }
    }

    /// memcached refuses a value that is too large as soon as it has read its length.
    fn refuse_early(&mut self, start: usize, at: &mut Surroundings<'_>) {
        if at.config.protocol != Protocol::Memcache || self.answered_early {
            return;
        }
        let Some((words, _)) = memcached_line(&self.inbox[start..]) else { return };
        let kind = words.get(1).and_then(|key| Tag::of(key)).map(|tag| tag.kind);
        if kind == Some(Kind::TooLarge) {
            self.check(&words[..2], at);
            self.think(answer(Tongue::Memcached, &words), Sort::Answer, at);
            self.answered_early = true;
            at.events.see(Event::ServerTooEarly);
        }
    }

    /// Whether this is the question whether the server is there, which the proxy may ask first: no client's
    /// PING comes first on a conn.
    fn is_asked(&self, words: &[Vec<u8>]) -> bool {
        !self.serves && words == [b"ping".to_vec()]
    }

    fn greet(&mut self, answer: &str, at: &mut Surroundings<'_>) {
        let unfriendly =
            at.now < at.server.absent_until && at.server.absence == Some(Absence::Unfriendly);
        let answer = if unfriendly { "-WRONGPASS go away\r\n" } else { answer };
        self.think(answer.into(), Sort::Greeting, at);
    }

    /// Every request arrives once, or as often as it may, at the right server, behind the handshake, and in
    /// the order in which its client made it.
    fn check(&mut self, words: &[Vec<u8>], at: &mut Surroundings<'_>) {
        let shown = words[0].escape_ascii();
        let rows = at.config.protocol.commands();
        let row = rows.iter().find(|row| row.name.as_bytes() == words[0]);
        let reads = self.queued.is_none() && row.is_some_and(Command::is_read);
        assert!(
            !self.thoughts.iter().any(|(_, thought)| thought.sort == Sort::Greeting),
            "server {}: {shown} before the handshake was answered",
            at.index
        );
        assert_ne!(words.last().map(Vec::as_slice), Some(&b"noreply"[..]), "a silent {shown}");
        let is_quiet = at.config.protocol == Protocol::Memcache && words.contains(&b"q".to_vec());
        assert!(!is_quiet, "a quiet {shown}");
        for key in keys(at.config.protocol, words) {
            let tag = Tag::of(key).unwrap_or_else(|| panic!("{shown} {}", key.escape_ascii()));
            let everywhere = matches!(words[0].as_slice(), b"keys" | b"scan");
            let part = match everywhere {
                true => EVERYWHERE + 1_000 * tag.part + at.index as u32,
                false => tag.part,
            };
            let times = at.received.entry((tag.client, tag.request, part)).or_default();
            *times += 1;
            let times_max = if reads { 1 + u32::from(at.config.retries.times) } else { 1 };
            assert!(*times <= times_max, "{shown} {} arrived {times} times", key.escape_ascii());
            let class = (at.class_of)(tag.client, tag.request);
            if at.config.protocol == Protocol::Redis {
                assert_eq!(self.greeting.class, class, "the class of {}", key.escape_ascii());
                at.events.see_if(class.resp3, Event::ServedResp3);
                at.events.see_if(class.database != at.config.database, Event::ServedDatabase);
            }
            let publishes = matches!(words[0].as_slice(), b"publish" | b"spublish");
            let placed = if publishes { &words[1] } else { key };
            let homes = if everywhere { Vec::new() } else { (at.homes)(placed) };
            if let Some(home) = homes.first()
                && !rehashes(at.config)
            {
                assert_eq!(*home, at.index, "the server of {}", key.escape_ascii());
            }
            assert_eq!(
                tag.part >= INSIDE,
                self.queued.is_some(),
                "{shown} {}: outside its transaction, or inside another's",
                key.escape_ascii()
            );
            if at.server.puzzles.contains(&(tag.client, tag.request)) {
                // It was sent again, with its script, and others may have come in between.
                at.events.see(Event::ScriptHealed);
                continue;
            }
            if may_move(at.config) && homes.is_empty() {
                continue;
            }
            let of = (tag.client, if may_move(at.config) { homes } else { Vec::new() });
            let [latest, latest_write] = at.server.latest.entry(of).or_default();
            // A read may come once more, and then behind others.
            let before = if reads && at.config.retries.times > 0 { *latest_write } else { *latest };
            let in_order = before <= tag.request;
            assert!(in_order || at.lies, "{shown} {} came behind {before}", key.escape_ascii());
            *latest = tag.request.max(*latest);
            if !reads {
                *latest_write = tag.request.max(*latest_write);
            }
        }
        for (key, payload) in payloads(at.config.protocol, words) {
            assert!(
                payload == value(key, payload.len()),
                "{shown} {}: another's value",
                key.escape_ascii()
            );
        }
    }

    /// Thinks, after a while.
    fn think_for(&mut self, waits: u64, answer: Vec<u8>, at: &mut Surroundings<'_>) {
        self.think(answer, Sort::Answer, at);
        if let Some((due, _)) = self.thoughts.back_mut() {
            *due += waits;
        }
    }

    fn think(&mut self, answer: Vec<u8>, sort: Sort, at: &mut Surroundings<'_>) {
        let due = at.now + at.random.below(at.thinks_max + 1);
        let due = self.thoughts.back().map_or(due, |(last, _)| due.max(*last));
        self.thoughts.push_back((due, Thought { answer, sort, is_rest: false }));
    }

    fn say(&mut self, thought: Thought, inbound: &mut Pipe, at: &mut Surroundings<'_>) {
        let Thought { answer, sort, is_rest } = thought;
        // Of what is torn each part counts as it is said: of an answer that is too large it counts as it comes.
        let mut count = |bytes: usize| {
            at.server.sent_bytes += if sort == Sort::Answer { bytes as u64 } else { 0 };
        };
        if sort == Sort::Greeting {
            self.outbox.extend_from_slice(&answer);
            return;
        }
        if is_rest {
            // What would be said wrong in its middle might be taken for a part of it.
            count(answer.len());
            self.outbox.extend_from_slice(&answer);
            return;
        }
        match at.server.slip.take() {
            None => {
                count(answer.len());
                self.outbox.extend_from_slice(&answer);
            }
            Some(Slip::Half(end)) => {
                let half = at.random.below(answer.len() as u64) as usize;
                count(half);
                self.outbox.extend_from_slice(&answer[..half]);
                let taken = inbound.write(&self.outbox, at.now, at.random).unwrap_or(0);
                self.outbox.drain(..taken);
                self.end(end, inbound, at.now, at.random);
            }
            Some(Slip::Torn(wait)) => {
                let half = at.random.below(answer.len() as u64) as usize;
                count(half);
                self.outbox.extend_from_slice(&answer[..half]);
                let rest = Thought { answer: answer[half..].to_vec(), sort, is_rest: true };
                self.thoughts.push_front((at.now + wait, rest));
            }
            Some(Slip::Garbage) => self.outbox.extend_from_slice(b"?!\r\n"),
            Some(Slip::Unasked) => {
                let more = match at.config.protocol {
                    Protocol::Redis => &b":99\r\n"[..],
                    Protocol::Memcache => b"99\r\n",
                };
                self.outbox.extend_from_slice(&answer);
                self.outbox.extend_from_slice(more);
            }
        }
    }
}
