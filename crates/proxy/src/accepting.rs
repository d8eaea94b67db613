//! A listener as its worker uses it: whether clients may be waiting there, and when to try again.

use std::io;
use std::time::{Duration, Instant};

use nutcracker_engine::PoolId;

use crate::log::{self, reason};
use crate::net::{Listener, Socket};

/// Most clients accepted before those that are there get their turn.
pub const ACCEPTS_A_TURN: usize = 256;

/// How long accepting rests when the system has no descriptor left.
const REST: Duration = Duration::from_millis(100);

/// A listener and its state.
#[derive(Debug)]
pub struct Accepting {
    /// Whose clients come here.
    pub pool: PoolId,
    listener: Listener,
    /// Clients may be waiting that the kernel will not tell of again.
    ready: bool,
    /// When to try again after the system had no descriptor left.
    resting: Option<Instant>,
}

impl Accepting {
    /// One that knows of no client yet.
    #[must_use]
    pub const fn new(pool: PoolId, listener: Listener) -> Self {
        Self { pool, listener, ready: false, resting: None }
    }

    /// The kernel has told of a client.
    pub const fn wake(&mut self) {
        self.ready = true;
    }

    /// Whether clients may be waiting that can be accepted now.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.ready && self.resting.is_none()
    }

    /// When to try again, after a failure.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.resting
    }

    /// Ends a rest that is over.
    pub fn begin_turn(&mut self, now: Instant) {
        if self.resting.is_some_and(|until| until <= now) {
            self.resting = None;
        }
    }

    /// Takes a client that waits; `None` when there is none, or none can be had now. `name` is the
    /// pool's, for the log.
    pub fn accept(&mut self, now: Instant, name: &str) -> Option<Socket> {
        while self.is_ready() {
            match self.listener.accept() {
                Ok(socket) => return Some(socket),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => self.ready = false,
                    // The client is gone before it was taken; the next may be there.
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
                    _ => {
                        log::limited!(
                            ERROR,
                            "accept for pool '{name}' failed, next try in {} ms: {}",
                            REST.as_millis(),
                            reason(&error)
                        );
                        self.resting = Some(now + REST);
                    }
                },
            }
        }
        None
    }
}
