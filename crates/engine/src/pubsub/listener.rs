//! The servers' side: the conns that listen, what they ask for, and what becomes of them.

use std::collections::VecDeque;
use std::time::Duration;

use nutcracker_proto::resp::pubsub::{self, Heard, Topic};

use crate::action::CloseReason;
use crate::bytes::frame::Frame;
use crate::clients::session::ClassId;
use crate::engine::Engine;
use crate::ids::{ConnId, Key, PoolId, ServerId};
use crate::limits::{LISTEN_AGAIN, LISTEN_AGAIN_MAX, LISTEN_CHECK, LISTEN_SILENCE_MAX};
use crate::relay::error_text;
use crate::server::Tenancy;
use crate::time::tick::Tick;

/// One server's conn that listens.
#[derive(Debug, Default)]
pub(super) struct Listener {
    conn: Option<ConnId>,
    /// What it was asked and has not answered, in order.
    asked: VecDeque<Asked>,
    /// When something came in last.
    heard_at: Tick,
    /// When to open the next conn, after one has ended.
    again_at: Option<Tick>,
    /// Conns in a row that ended before they said anything.
    vain: u32,
}

/// A question to a server, and when it was asked.
#[derive(Debug)]
struct Asked {
    question: Question,
    at: Tick,
}

/// What a server is asked over a conn that listens.
#[derive(Debug)]
enum Question {
    /// For what is published to a topic.
    Begin { key: Key, topic: Topic, name: Box<[u8]> },
    /// For no more of it.
    End { topic: Topic, name: Box<[u8]> },
    /// Whether it is there.
    Ping,
}

impl Question {
    /// The topic that is to be heard.
    const fn begun(&self) -> Option<Key> {
        match self {
            Self::Begin { key, .. } => Some(*key),
            Self::End { .. } | Self::Ping => None,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Begin { topic, name, .. } => pubsub::ask(*topic, true, name, out),
            Self::End { topic, name } => pubsub::ask(*topic, false, name, out),
            Self::Ping => out.extend_from_slice(b"*1\r\n$4\r\nPING\r\n"),
        }
    }
}

impl Listener {
    /// How long to wait before the next conn.
    fn pause(&self) -> Duration {
        LISTEN_AGAIN.saturating_mul(1 << self.vain.min(10)).min(LISTEN_AGAIN_MAX)
    }
}

impl Engine {
    /// Asks a server for what is published to a topic, over its conn that listens, which is opened if
    /// need be.
    pub(super) fn ask_for(&mut self, pool: PoolId, server: ServerId, key: Key) {
        let listener = &self.pubsub[pool.0 as usize].listeners[server.0 as usize];
        if listener.conn.is_none() && listener.again_at.is_some() {
            // Its conn has ended, and what was heard over it is not heard since. The new one asks for all
            // of that; this topic is at home there as well by now.
            return self.listen_again(pool, server);
        }
        let Some(subscribed) = self.pubsub[pool.0 as usize].topics.get_mut(key) else { return };
        subscribed.unheard += 1;
        let (topic, name) = (subscribed.topic, subscribed.name.clone());
        self.ask(pool, server, Question::Begin { key, topic, name });
    }

    /// Tells a server that nobody is subscribed to a topic any more.
    pub(super) fn ask_no_more(
        &mut self,
        pool: PoolId,
        server: ServerId,
        topic: Topic,
        name: &[u8],
    ) {
        if self.pubsub[pool.0 as usize].listeners[server.0 as usize].conn.is_some() {
            self.ask(pool, server, Question::End { topic, name: name.into() });
        }
    }

    fn ask(&mut self, pool: PoolId, server: ServerId, question: Question) {
        let mut wire = Vec::new();
        question.write(&mut wire);
        let known = self.pubsub[pool.0 as usize].listeners[server.0 as usize].conn;
        let conn = known
            .unwrap_or_else(|| self.connect(pool, server, ClassId::default(), Tenancy::Listener));
        let listener = &mut self.pubsub[pool.0 as usize].listeners[server.0 as usize];
        if known.is_none() {
            (listener.conn, listener.again_at, listener.heard_at) = (Some(conn), None, self.now);
        }
        listener.asked.push_back(Asked { question, at: self.now });
        if let Some(conn) = self.servers.get_mut(conn.key()) {
            conn.outbox.push(&wire, &mut self.spares);
        }
        self.mark_server_dirty(conn);
        self.set_alarm(pool);
    }

    /// Something came in on a conn that listens.
    pub(crate) fn hear(&mut self, conn: ConnId, frame: Frame<'_>) {
        let server = self.servers.get(conn.key()).expect("it has just spoken");
        let (pool, server) = (server.pool, server.server);
        let pubsub = &mut self.pubsub[pool.0 as usize];
        let listener = &mut pubsub.listeners[server.0 as usize];
        (listener.heard_at, listener.vain) = (self.now, 0);
        match pubsub::hear(frame.bytes) {
            // One that nobody waits for any more came before the server knew.
            Heard::Message { topic, name } => {
                if let Some(key) = pubsub.find(topic, name) {
                    self.publish(pool, key, frame);
                }
            }
            Heard::Done | Heard::Pong => match listener.asked.pop_front() {
                Some(asked) => self.hear_done(pool, server, &asked.question),
                None => self.close_unasked(conn, frame.bytes),
            },
            Heard::Refused(words) => {
                let reason = CloseReason::Other(error_text(words).into());
                let asked = listener.asked.pop_front();
                if let Some(key) = asked.and_then(|asked| asked.question.begun()) {
                    self.topic_refused(conn, pool, key, reason);
                }
            }
            Heard::Odd => self.close_unasked(conn, frame.bytes),
        }
    }

    /// A server has done what it was asked.
    fn hear_done(&mut self, pool: PoolId, server: ServerId, question: &Question) {
        let worker = self.worker;
        let audiences = &self.pools[pool.0 as usize].shared.audiences;
        match question {
            Question::Begin { key, topic, name } => {
                audiences.add_conn(worker, *topic, name, server);
                self.topic_heard(pool, *key);
            }
            Question::End { topic, name } => audiences.remove_conn(worker, *topic, name, server),
            Question::Ping => {}
        }
        // Its silence is counted from here on; or it may have been the last that was looked after.
        self.set_alarm(pool);
    }

    /// One more server listens to a topic. With the last of them its clients are told.
    fn topic_heard(&mut self, pool: PoolId, key: Key) {
        let pubsub = &mut self.pubsub[pool.0 as usize];
        let Some(subscribed) = pubsub.topics.get_mut(key) else { return };
        subscribed.unheard -= 1;
        if subscribed.unheard > 0 {
            return;
        }
        let waiting = subscribed.waiting.clone();
        self.admit(pool, key);
        for conn in waiting {
            let client = self.clients.get_mut(conn.key());
            let subscriptions = client.and_then(|client| client.subscriptions.as_mut());
            let Some(pending) = subscriptions.and_then(|all| all.pending.as_mut()) else {
                continue;
            };
            pending.unheard.remove(&key);
            if pending.unheard.is_empty() {
                self.confirm(conn, pool);
            }
        }
    }

    /// Every server that was asked for a topic has said something, or is gone: who was subscribed elsewhere
    /// gets what comes from now on.
    fn admit(&mut self, pool: PoolId, key: Key) {
        let pubsub = &mut self.pubsub[pool.0 as usize];
        let audiences = &self.pools[pool.0 as usize].shared.audiences;
        let Some(subscribed) = pubsub.topics.get_mut(key) else { return };
        if subscribed.unheard > 0 {
            return;
        }
        for conn in std::mem::take(&mut subscribed.joining) {
            subscribed.clients.push(conn);
            audiences.add_client(self.worker, subscribed.topic, &subscribed.name);
        }
    }

    /// A server will not listen to a topic. Who asked for it is told; for those that heard it before,
    /// it is tried again on a new conn.
    fn topic_refused(&mut self, conn: ConnId, pool: PoolId, key: Key, reason: CloseReason) {
        let Some(subscribed) = self.pubsub[pool.0 as usize].topics.get_mut(key) else { return };
        subscribed.unheard -= 1;
        let is_heard = !(subscribed.clients.is_empty() && subscribed.joining.is_empty());
        let waiting = subscribed.waiting.clone();
        self.admit(pool, key);
        for client in waiting {
            self.fail_subscription(client, pool, &reason);
        }
        if is_heard {
            self.close_server(conn, reason);
        }
    }

    /// A conn that listened has ended. Who waited for it is told; for the others the next one is opened
    /// soon, and asks for all of it again.
    pub(crate) fn close_listener(&mut self, pool: PoolId, server: ServerId, reason: &CloseReason) {
        let pubsub = &mut self.pubsub[pool.0 as usize];
        let listener = &mut pubsub.listeners[server.0 as usize];
        listener.conn = None;
        listener.again_at = Some(self.now.after(listener.pause()));
        listener.vain += 1;
        let (mut unheard, mut topics) = (Vec::new(), Vec::new());
        for asked in listener.asked.drain(..) {
            let begun = asked.question.begun();
            if let Some(subscribed) = begun.and_then(|key| pubsub.topics.get_mut(key)) {
                subscribed.unheard -= 1;
                unheard.extend_from_slice(&subscribed.waiting);
                topics.extend(begun);
            }
        }
        self.pools[pool.0 as usize].shared.audiences.lose_conn(self.worker, server);
        for key in topics {
            self.admit(pool, key);
        }
        for conn in unheard {
            self.fail_subscription(conn, pool, reason);
        }
        self.set_alarm(pool);
    }

    /// Closes the conn that listens to a server, to open one anew at once: the server has another
    /// address. Not while it has something to answer. Says whether it did.
    pub(crate) fn relisten(&mut self, pool: PoolId, server: ServerId) -> bool {
        let listener = &self.pubsub[pool.0 as usize].listeners[server.0 as usize];
        let Some(conn) = listener.conn.filter(|_| listener.asked.is_empty()) else { return false };
        self.take_down(conn, &CloseReason::Eof);
        let listener = &mut self.pubsub[pool.0 as usize].listeners[server.0 as usize];
        (listener.again_at, listener.vain) = (Some(self.now), 0);
        self.set_alarm(pool);
        true
    }

    /// Sees to the listeners of all pools, at the end of a turn: opens those anew that have ended, asks
    /// the silent ones whether they are there, and follows the ring. One load a pool while nobody is
    /// subscribed.
    pub(crate) fn tend_listeners(&mut self, looked: Tick) {
        for at in 0..self.pubsub.len() {
            if self.pubsub[at].alarm.is_some_and(|alarm| alarm <= looked) {
                let pool = PoolId(at as u32);
                self.welcome_back(pool);
                self.move_topics(pool);
                for server in 0..self.pubsub[at].listeners.len() {
                    self.tend(pool, ServerId(server as u32), looked);
                }
                self.set_alarm(pool);
            }
        }
    }

    /// Servers have so much longer for what they were asked: the worker was held up.
    pub(crate) fn excuse_listeners(&mut self, lasted: Duration) {
        for pool in 0..self.pubsub.len() {
            for listener in &mut self.pubsub[pool].listeners {
                listener.asked.iter_mut().for_each(|asked| asked.at = asked.at.after(lasted));
            }
            if self.pubsub[pool].alarm.is_some() {
                self.set_alarm(PoolId(pool as u32));
            }
        }
    }

    fn tend(&mut self, pool: PoolId, server: ServerId, looked: Tick) {
        let pubsub = &mut self.pubsub[pool.0 as usize];
        let listener = &mut pubsub.listeners[server.0 as usize];
        let patience = self.pools[pool.0 as usize].config().timeout.unwrap_or(LISTEN_SILENCE_MAX);
        match (listener.conn, listener.again_at) {
            (Some(conn), _) => {
                let overdue = |asked: &Asked| asked.at.after(patience) <= looked;
                if listener.asked.front().is_some_and(overdue) {
                    self.close_server(conn, CloseReason::TimedOut);
                } else if listener.heard_at.after(LISTEN_SILENCE_MAX) <= looked
                    && listener.asked.is_empty()
                    && pubsub.topics.len() > 0
                {
                    self.ask(pool, server, Question::Ping);
                }
            }
            (None, Some(again_at)) if again_at <= looked => self.listen_again(pool, server),
            (None, _) => {}
        }
    }

    /// Asks a server whose conn has ended for all topics that are at home there, over a new one.
    fn listen_again(&mut self, pool: PoolId, server: ServerId) {
        let pubsub = &mut self.pubsub[pool.0 as usize];
        pubsub.listeners[server.0 as usize].again_at = None;
        let is_home =
            |key: &Key| pubsub.topics.get(*key).is_some_and(|topic| topic.homes.contains(&server));
        for key in pubsub.topics.keys().filter(is_home).collect::<Vec<_>>() {
            self.ask_for(pool, server, key);
        }
    }

    /// Moves the topics whose servers are others since the ring has changed. O(topics), when it has.
    pub(super) fn move_topics(&mut self, pool: PoolId) {
        let version = self.pools[pool.0 as usize].routing_version();
        let pubsub = &mut self.pubsub[pool.0 as usize];
        if pubsub.ring_version == version {
            return;
        }
        pubsub.ring_version = version;
        for key in pubsub.topics.keys().collect::<Vec<_>>() {
            let Some(subscribed) = self.pubsub[pool.0 as usize].topics.get(key) else { continue };
            let (topic, name) = (subscribed.topic, subscribed.name.clone());
            let homes = self.homes(pool, topic, &name);
            let Some(subscribed) = self.pubsub[pool.0 as usize].topics.get_mut(key) else {
                continue;
            };
            let left = std::mem::replace(&mut subscribed.homes, homes.clone());
            for &server in left.iter().filter(|server| !homes.contains(server)) {
                self.ask_no_more(pool, server, topic, &name);
            }
            for &server in homes.iter().filter(|server| !left.contains(server)) {
                self.ask_for(pool, server, key);
            }
        }
    }

    /// Sets when to look after the pool's listeners next.
    pub(super) fn set_alarm(&mut self, pool: PoolId) {
        let shared = &self.pools[pool.0 as usize].shared;
        let patience = shared.config.timeout.unwrap_or(LISTEN_SILENCE_MAX);
        let pubsub = &mut self.pubsub[pool.0 as usize];
        let given_up = |listener: &Listener| {
            listener.conn.and(listener.asked.front()).map(|asked| asked.at.after(patience))
        };
        if pubsub.topics.len() == 0 {
            // No conn is opened before somebody is subscribed; a server that does not answer must not
            // be found so by the next who is.
            pubsub.listeners.iter_mut().for_each(|listener| listener.again_at = None);
            pubsub.alarm = pubsub.listeners.iter().filter_map(given_up).min();
            return;
        }
        let soonest = self.now.after(Duration::from_micros(1));
        let next = |listener: &Listener| match (listener.conn, listener.asked.front()) {
            (Some(_), Some(asked)) => Some(asked.at.after(patience)),
            // One that nobody needed for a while has been silent for longer than is looked at.
            (Some(_), None) => Some(listener.heard_at.after(LISTEN_SILENCE_MAX).max(soonest)),
            (None, _) => listener.again_at,
        };
        let check = shared.health.ejects().then(|| self.now.after(LISTEN_CHECK));
        pubsub.alarm = pubsub.listeners.iter().filter_map(next).chain(check).min();
    }
}
