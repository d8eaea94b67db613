//! What a worker begins with: what is its own, and what all have.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nutcracker_engine::stats::Stats;
use nutcracker_engine::{Holders, PoolId};

use crate::net::Listener;
use crate::polling::Pollers;
use crate::shared::Everybody;

/// What a worker begins with. Unlike a worker, which keeps to its thread, it can be handed over.
#[derive(Debug)]
pub struct Seat {
    /// The worker's number, from 0.
    pub id: usize,
    /// The pollers, of which the first has the mailbox's waker registered as
    /// [`Subject::Waker`](crate::subject::Subject::Waker).
    pub pollers: Pollers,
    /// The listeners, and whose clients come there, for the worker that accepts; none for the others. Each is
    /// registered with it as a [`Subject::Listener`](crate::subject::Subject::Listener).
    pub listeners: Vec<(PoolId, Listener)>,
    /// What it has in common with the others.
    pub terms: Terms,
}

/// What all workers of a generation begin with.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The counters of all workers; a worker's own are at its number.
    pub stats: Arc<[Arc<Stats>]>,
    /// A moment before any other.
    pub epoch: Instant,
    /// What choices at random begin with, once a worker has added its number.
    pub seed: u64,
    /// How long a worker looks for events before it sleeps; zero for never.
    pub busy_poll: Duration,
    /// How long a worker waits before a poll when it is busy; zero for never.
    pub turn_pause: Duration,
    /// How many bytes of memory the process may hold.
    pub memory_max: usize,
    /// The workers of the process, those of other generations too.
    pub everybody: Arc<Everybody>,
    /// What these tell each other while memory is short.
    pub holders: Arc<Holders>,
}
