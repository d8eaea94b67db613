//! The engine, and those whose clients go over to it.

use nutcracker_engine::{ConnId, Engine, Inventory, PoolId};

/// A conn of one of the engines: two of them may give the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    /// The engine's number.
    pub(crate) engine: u32,
    /// What it calls the conn.
    pub(crate) conn: ConnId,
}

/// Engines by number. The newest takes the clients; the others give theirs away.
#[derive(Debug)]
pub(crate) struct Engines(Vec<(u32, Engine)>);

impl Engines {
    pub(crate) fn new(first: Engine) -> Self {
        Self(vec![(0, first)])
    }

    /// The number that the next will have.
    pub(crate) fn next_number(&self) -> u32 {
        self.newest().0 + 1
    }

    /// One more, which is the newest from now on.
    pub(crate) fn add(&mut self, engine: Engine) {
        self.0.push((self.next_number(), engine));
    }

    pub(crate) fn remove(&mut self, number: u32) {
        self.0.retain(|(of, _)| *of != number);
    }

    /// Those that are there, oldest first.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        self.0.iter().map(|(number, _)| *number).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Engine> {
        self.0.iter().map(|(_, engine)| engine)
    }

    pub(crate) fn newest(&self) -> &(u32, Engine) {
        self.0.last().expect("there is one")
    }

    pub(crate) fn newest_mut(&mut self) -> &mut Engine {
        &mut self.0.last_mut().expect("there is one").1
    }

    pub(crate) fn of(&self, number: u32) -> &Engine {
        let engine = self.0.iter().find(|(of, _)| *of == number);
        &engine.expect("it is there as long as it has a conn").1
    }

    pub(crate) fn of_mut(&mut self, number: u32) -> &mut Engine {
        let engine = self.0.iter_mut().find(|(of, _)| *of == number);
        &mut engine.expect("it is there as long as it has a conn").1
    }

    /// Clients of all.
    pub(crate) fn clients(&self) -> usize {
        self.iter().map(Engine::clients).sum()
    }

    /// Clients with a conn of their own, of all.
    pub(crate) fn pinned(&self, pool: PoolId) -> u32 {
        // The pools are the same ones.
        self.newest().1.pinned(pool)
    }

    /// All that all hold. Buffers between two uses are those of the one that has most.
    pub(crate) fn inventory(&self) -> Inventory {
        let mut all: Option<Inventory> = None;
        for one in self.iter().map(Engine::inventory) {
            let Some(all) = &mut all else {
                all = Some(one);
                continue;
            };
            all.requests += one.requests;
            all.queued += one.queued;
            all.queued_bytes += one.queued_bytes;
            all.gatherings += one.gatherings;
            all.errands += one.errands;
            all.held += one.held;
            all.unparsed_bytes += one.unparsed_bytes;
            all.unsent_bytes += one.unsent_bytes;
            all.kept_bytes += one.kept_bytes;
            for (most, bytes) in all.server_queue_bytes.iter_mut().zip(one.server_queue_bytes) {
                *most = bytes.max(*most);
            }
            all.topics += one.topics;
            all.subscriptions += one.subscriptions;
            all.subscribers += one.subscribers;
            all.waiting += one.waiting;
            all.alarms += one.alarms;
            all.kept += one.kept;
            all.spare_bytes = all.spare_bytes.max(one.spare_bytes);
            all.clients.extend(one.clients);
        }
        all.expect("there is one")
    }
}
