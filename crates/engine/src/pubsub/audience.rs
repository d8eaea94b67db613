//! How many hear what is published to a topic: the conns that listen and the clients behind them, over
//! all workers of a pool.
//!
//! A server counts conns, and all clients of a worker hear by way of one. So what a server says of its
//! subscribers is too little, but for those that are not the pool's clients:
//!
//! ```text
//! told to a client = the server's number - conns that it has in its number + clients behind these
//! ```
//! A conn counts from when the server has confirmed that it listens to when it has confirmed that it
//! does no more; a client while it is subscribed and its worker's conn counts. The workers share the
//! figures, behind a lock that is taken when one of them changes and when a count is asked for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nutcracker_proto::resp::glob;
use nutcracker_proto::resp::pubsub::Topic;

use crate::ids::{ServerId, WorkerId};

/// Who hears what in one pool.
#[derive(Debug, Default)]
pub(crate) struct Audiences {
    known: Mutex<Known>,
    /// How many topics are known, for who need not ask further.
    topics: AtomicUsize,
}

/// The topics by name, a table a kind. One that nobody hears is in none.
type Known = [HashMap<Box<[u8]>, Vec<Share>>; Topic::ALL.len()];

/// What one worker has to do with a topic.
#[derive(Debug)]
struct Share {
    worker: WorkerId,
    /// Its clients that are subscribed.
    clients: u64,
    /// The servers that its conns hear the topic from, in order.
    servers: Vec<ServerId>,
}

/// Who hears a topic from one server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Audience {
    /// Conns that listen, which the server counts.
    conns: u64,
    /// Clients behind them.
    clients: u64,
}

impl Audience {
    /// What a client is told where the server says `counted`. One that counts nobody has told nobody: what
    /// listens to it has ended, and that is not heard yet, or began only then.
    pub(crate) const fn told(self, counted: u64) -> u64 {
        if counted == 0 { 0 } else { counted.saturating_sub(self.conns) + self.clients }
    }

    fn add(&mut self, server: ServerId, shares: &[Share]) {
        for share in shares.iter().filter(|share| share.servers.binary_search(&server).is_ok()) {
            self.conns += 1;
            self.clients += share.clients;
        }
    }
}

impl Audiences {
    /// Whether nobody is subscribed to anything. One load.
    pub(crate) fn is_empty(&self) -> bool {
        self.topics.load(Ordering::Acquire) == 0
    }

    /// A client of that worker is subscribed from now on.
    pub(crate) fn add_client(&self, worker: WorkerId, topic: Topic, name: &[u8]) {
        self.change(worker, topic, name, |share| share.clients += 1);
    }

    /// A client of that worker that was subscribed is so no more.
    pub(crate) fn remove_client(&self, worker: WorkerId, topic: Topic, name: &[u8]) {
        self.change(worker, topic, name, |share| {
            debug_assert!(share.clients > 0, "it was added");
            share.clients -= 1;
        });
    }

    /// That worker's conn to `server` hears the topic from now on.
    pub(crate) fn add_conn(&self, worker: WorkerId, topic: Topic, name: &[u8], server: ServerId) {
        self.change(worker, topic, name, |share| {
            if let Err(at) = share.servers.binary_search(&server) {
                share.servers.insert(at, server);
            }
        });
    }

    /// It hears the topic no more.
    pub(crate) fn remove_conn(
        &self,
        worker: WorkerId,
        topic: Topic,
        name: &[u8],
        server: ServerId,
    ) {
        self.change(worker, topic, name, |share| share.servers.retain(|other| *other != server));
    }

    /// That worker's conn to `server` has ended, and hears nothing. O(topics).
    pub(crate) fn lose_conn(&self, worker: WorkerId, server: ServerId) {
        let mut known = self.known();
        for topics in known.iter_mut() {
            topics.retain(|_, shares| {
                for share in shares.iter_mut().filter(|share| share.worker == worker) {
                    share.servers.retain(|other| *other != server);
                }
                shares.retain(|share| !share.is_empty());
                !shares.is_empty()
            });
        }
        self.note_topics(&known);
    }

    /// Who hears from `server` what is published to that topic: by its name, and once more for each
    /// pattern that it matches where it is a channel's. O(patterns).
    pub(crate) fn of_message(&self, topic: Topic, name: &[u8], server: ServerId) -> Audience {
        let known = self.known();
        let mut audience = of_name(&known, topic, name, server);
        if topic == Topic::Channel {
            for (pattern, shares) in &known[Topic::Pattern as usize] {
                if glob::matches(pattern, name) {
                    audience.add(server, shares);
                }
            }
        }
        audience
    }

    /// Who hears that topic from `server` by its name.
    pub(crate) fn of_topic(&self, topic: Topic, name: &[u8], server: ServerId) -> Audience {
        of_name(&self.known(), topic, name, server)
    }

    fn change(&self, worker: WorkerId, topic: Topic, name: &[u8], change: impl FnOnce(&mut Share)) {
        let mut known = self.known();
        let topics = &mut known[topic as usize];
        let shares = match topics.get_mut(name) {
            Some(shares) => shares,
            None => topics.entry(name.into()).or_default(),
        };
        let at = shares.iter().position(|share| share.worker == worker).unwrap_or_else(|| {
            shares.push(Share { worker, clients: 0, servers: Vec::new() });
            shares.len() - 1
        });
        change(&mut shares[at]);
        if shares[at].is_empty() {
            shares.swap_remove(at);
        }
        if shares.is_empty() {
            topics.remove(name);
        }
        self.note_topics(&known);
    }

    fn note_topics(&self, known: &Known) {
        self.topics.store(known.iter().map(HashMap::len).sum(), Ordering::Release);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic leaves at worst a count that is wrong.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    fn is_empty(&self) -> bool {
        self.clients == 0 && self.servers.is_empty()
    }
}

fn of_name(known: &Known, topic: Topic, name: &[u8], server: ServerId) -> Audience {
    let mut audience = Audience::default();
    if let Some(shares) = known[topic as usize].get(name) {
        audience.add(server, shares);
    }
    audience
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: ServerId = ServerId(1);
    const ELSEWHERE: ServerId = ServerId(0);

    #[test]
    fn the_clients_of_a_worker_count_while_its_conn_does() {
        let audiences = Audiences::default();
        let (one, two) = (WorkerId(0), WorkerId(1));
        let is = |conns, clients| {
            let audience = audiences.of_topic(Topic::Channel, b"a", HERE);
            assert_eq!(audience, Audience { conns, clients });
        };
        is(0, 0);
        assert!(audiences.is_empty());
        audiences.add_conn(one, Topic::Channel, b"a", HERE);
        is(1, 0);
        audiences.add_client(one, Topic::Channel, b"a");
        audiences.add_client(one, Topic::Channel, b"a");
        is(1, 2);
        audiences.add_conn(two, Topic::Channel, b"a", HERE);
        audiences.add_client(two, Topic::Channel, b"a");
        is(2, 3);
        assert_eq!(audiences.of_topic(Topic::Shard, b"a", HERE), Audience::default());
        assert_eq!(audiences.of_topic(Topic::Channel, b"a", ELSEWHERE), Audience::default());
        audiences.lose_conn(one, HERE);
        is(1, 1);
        audiences.remove_client(one, Topic::Channel, b"a");
        audiences.add_conn(one, Topic::Channel, b"a", HERE);
        is(2, 2);
        audiences.remove_client(one, Topic::Channel, b"a");
        audiences.remove_client(two, Topic::Channel, b"a");
        is(2, 0);
        assert!(!audiences.is_empty(), "the server counts the conns still");
        audiences.remove_conn(one, Topic::Channel, b"a", HERE);
        audiences.lose_conn(two, HERE);
        is(0, 0);
        assert!(audiences.is_empty());
    }

    #[test]
    fn each_pattern_that_matches_a_channel_counts() {
        let audiences = Audiences::default();
        let worker = WorkerId(0);
        for (topic, name, clients) in [
            (Topic::Channel, &b"news"[..], 1),
            (Topic::Pattern, b"news", 10),
            (Topic::Pattern, b"[mn]ews", 100),
            (Topic::Pattern, b"m*", 1_000),
            (Topic::Shard, b"news", 10_000),
        ] {
            audiences.add_conn(worker, topic, name, HERE);
            (0..clients).for_each(|_| audiences.add_client(worker, topic, name));
        }
        let is = |audience, conns, clients| assert_eq!(audience, Audience { conns, clients });
        is(audiences.of_message(Topic::Channel, b"news", HERE), 3, 111);
        is(audiences.of_message(Topic::Channel, b"mews", HERE), 2, 1_100);
        is(audiences.of_message(Topic::Channel, b"news", ELSEWHERE), 0, 0);
        is(audiences.of_message(Topic::Shard, b"news", HERE), 1, 10_000);
        is(audiences.of_topic(Topic::Channel, b"news", HERE), 1, 1);
        is(audiences.of_topic(Topic::Channel, b"mews", HERE), 0, 0);
    }

    #[test]
    fn what_the_server_counts_beside_our_conns_is_told_on() {
        let audience = Audience { conns: 2, clients: 7 };
        assert_eq!(audience.told(2), 7);
        assert_eq!(audience.told(5), 10);
        // It answered before it was told of the second conn.
        assert_eq!(audience.told(1), 7);
        assert_eq!(audience.told(0), 0, "nobody heard it");
    }
}
