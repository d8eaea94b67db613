//! What a worker begins with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nutcracker_engine::PoolId;
use nutcracker_engine::stats::Stats;

use crate::memory::Memory;
use crate::net::Listener;
use crate::polling::Pollers;

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
    /// The counters of all workers; the worker's own are at its number.
    pub stats: Arc<[Arc<Stats>]>,
    /// A moment before any other, the same for all workers.
    pub epoch: Instant,
    /// What the worker's choices at random begin with.
    pub seed: u64,
    /// How long the worker looks for events before it sleeps; zero for never.
    pub busy_poll: Duration,
    /// How long the worker waits before a poll when it is busy; zero for never.
    pub turn_pause: Duration,
    /// How much memory the process may hold.
    pub memory: Memory,
    /// How long a stop may take.
    pub stop_timeout: Duration,
}
