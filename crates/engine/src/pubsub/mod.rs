//! Publish and subscribe: who is subscribed to what, and which server conns hear it.
//!
//! A channel lives on the server that its name belongs to, as a key does, and what is published to it
//! goes there. A worker has one conn to a server that listens, for all its clients; what comes in on it
//! is read once and copied to each subscriber (shared with it, when large).
//!
//! ```text
//!  clients               topics of the pool                     listeners
//!  c1 --+-- "news"       [c1, c2]   home: server 1   <--------  server 0:  p*
//!  c2 --+                                                       server 1:  news, p*
//!  c3 ----- "p*"         [c3]       home: every server <------  server 2:  p*
//! ```
//! What is published matches a pattern on the server of its channel alone, so a pattern is asked for
//! everywhere and its messages come once.
//!
//! The request of a client waits in its line until every server has said that it listens; what is
//! published from then on reaches the client. A conn that ends is opened anew and asks for all that it
//! heard before; what was published in between is lost, as it is when a client itself reconnects.
//!
//! `subscriber.rs` has the clients' side, `listener.rs` the servers'; `audience.rs` counts both, over all
//! workers, and `recount.rs` tells clients.

mod audience;
mod listener;
mod recount;
mod subscriber;

use std::collections::{BTreeSet, HashMap};

use nutcracker_proto::resp::pubsub::Topic;

use crate::ids::{ConnId, Key, ServerId};
use crate::pool::SharedPool;
use crate::request::RequestId;
use crate::slab::Slab;
use crate::time::tick::Tick;
pub(crate) use audience::Audiences;
use listener::Listener;

/// Who is subscribed to what in one pool, as far as one worker's clients are concerned.
#[derive(Debug)]
pub(crate) struct PubSub {
    /// The topics by name, a table a kind.
    names: [HashMap<Box<[u8]>, Key>; Topic::ALL.len()],
    topics: Slab<Subscribed>,
    /// One a server.
    listeners: Box<[Listener]>,
    /// The version of the ring that the topics' homes are of.
    ring_version: u64,
    /// When to look after the listeners next; `None` while nobody is subscribed and nothing was asked.
    alarm: Option<Tick>,
}

/// A topic that somebody is subscribed to.
#[derive(Debug)]
struct Subscribed {
    topic: Topic,
    name: Box<[u8]>,
    /// The servers that are asked for it.
    homes: Vec<ServerId>,
    /// Servers that have been asked and have not answered.
    unheard: u32,
    /// When all of them were asked last.
    asked_at: Tick,
    /// The clients that get what is published.
    clients: Vec<ConnId>,
    /// Those whose request is not answered yet.
    waiting: Vec<ConnId>,
    /// Those that were subscribed elsewhere, and get what is published once it is sure that they have not
    /// got it there.
    joining: Vec<ConnId>,
}

impl Subscribed {
    /// Whether anybody is subscribed, or about to be.
    fn is_wanted(&self) -> bool {
        !(self.clients.is_empty() && self.waiting.is_empty() && self.joining.is_empty())
    }
}

/// What one client is subscribed to.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    topics: BTreeSet<(Topic, Key)>,
    /// How many of each kind.
    counts: [usize; Topic::ALL.len()],
    /// Its request that waits for servers; a client has one at most, as the next one waits for it.
    pending: Option<Pending>,
}

/// A request to subscribe that waits for servers.
#[derive(Debug)]
struct Pending {
    request: RequestId,
    /// What it subscribes to.
    topics: Vec<Key>,
    /// Those of them that not all servers have confirmed.
    unheard: BTreeSet<Key>,
    /// What the client will be told.
    reply: Vec<u8>,
}

impl PubSub {
    /// Nobody is subscribed to anything yet.
    pub(crate) fn new(pool: &SharedPool) -> Self {
        let servers = pool.config.servers.len();
        Self {
            names: Default::default(),
            topics: Slab::new(),
            listeners: (0..servers).map(|_server| Listener::default()).collect(),
            ring_version: 0,
            alarm: None,
        }
    }

    /// When [`tend_listeners`](crate::Engine::tend_listeners) has something to do.
    pub(crate) const fn alarm(&self) -> Option<Tick> {
        self.alarm
    }

    /// Topics, and the subscriptions that they know of.
    pub(crate) fn census(&self) -> (usize, usize) {
        let topics = self.topics.keys().filter_map(|key| self.topics.get(key));
        let subscribers = topics.map(|it| it.clients.len() + it.waiting.len() + it.joining.len());
        (self.topics.len(), subscribers.sum())
    }

    fn find(&self, topic: Topic, name: &[u8]) -> Option<Key> {
        self.names[topic as usize].get(name).copied()
    }

    /// Adds a topic that nobody is subscribed to yet.
    fn insert(&mut self, topic: Topic, name: &[u8], homes: Vec<ServerId>) -> Key {
        let name: Box<[u8]> = name.into();
        let key = self.topics.insert(Subscribed {
            topic,
            name: name.clone(),
            homes,
            unheard: 0,
            asked_at: Tick::default(),
            clients: Vec::new(),
            waiting: Vec::new(),
            joining: Vec::new(),
        });
        self.names[topic as usize].insert(name, key);
        key
    }

    /// Takes out a topic that nobody is subscribed to any more.
    fn remove(&mut self, key: Key) -> Option<Subscribed> {
        let subscribed = self.topics.remove(key)?;
        self.names[subscribed.topic as usize].remove(&subscribed.name);
        Some(subscribed)
    }
}

impl Subscriptions {
    /// Adds a topic and says whether it is new.
    fn insert(&mut self, topic: Topic, key: Key) -> bool {
        let is_new = self.topics.insert((topic, key));
        self.counts[topic as usize] += usize::from(is_new);
        is_new
    }

    /// Takes a topic out and says whether it was there.
    fn remove(&mut self, topic: Topic, key: Key) -> bool {
        let was_there = self.topics.remove(&(topic, key));
        self.counts[topic as usize] -= usize::from(was_there);
        was_there
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.topics.len()
    }

    /// Channels, patterns and shard channels.
    pub(crate) const fn counts(&self) -> [usize; Topic::ALL.len()] {
        self.counts
    }

    /// How many there are, as a client is told: channels and patterns are counted together.
    const fn count(&self, topic: Topic) -> usize {
        match topic {
            Topic::Shard => self.counts[Topic::Shard as usize],
            Topic::Channel | Topic::Pattern => {
                self.counts[Topic::Channel as usize] + self.counts[Topic::Pattern as usize]
            }
        }
    }
}
