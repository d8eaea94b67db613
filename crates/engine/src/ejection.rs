//! Failures in a row, when a server leaves the ring, when it comes back.
//!
//! One [`Health`] a pool, shared by all workers: a server that fails three workers once has failed
//! three times. The request path reads atomics that seldom change; only a failure and a return
//! take the lock, which also guards the ring's rebuilding, so that it is rebuilt once for all.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nutcracker_ring::{Ring, RingBuilder};

use crate::ids::ServerId;
use crate::tick::Tick;

/// When a server leaves the ring and when it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// Failures in a row after which it leaves; 0 is taken for 1, as by the original.
    pub failure_limit: u32,
    /// How long it stays away.
    pub retry_timeout: Duration,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Verdict {
    /// The server stays where it is.
    Stay,
    /// It has left the ring just now.
    Leave,
}

/// The state of a pool's servers, for the whole process.
#[derive(Debug)]
pub struct Health {
    ejection: Option<Ejection>,
    /// Grows with every new ring.
    version: AtomicU64,
    /// When the first ejected server may come back, microseconds; `u64::MAX` when none is ejected.
    next_return: AtomicU64,
    /// Failures in a row, a server.
    failures: Box<[AtomicU32]>,
    members: Mutex<Members>,
}

#[derive(Debug)]
struct Members {
    builder: RingBuilder,
    ring: Arc<Ring>,
    live: Vec<bool>,
    /// When each may come back; of meaning for those not live.
    return_at: Vec<Tick>,
}

impl Health {
    pub(crate) fn new(builder: RingBuilder, servers: usize, ejection: Option<Ejection>) -> Self {
        let live = vec![true; servers];
        let mut builder = builder;
        let ring = Arc::new(builder.build(&live));
        Self {
            ejection,
            version: AtomicU64::new(0),
            next_return: AtomicU64::new(Tick::NEVER.0),
            failures: (0..servers).map(|_| AtomicU32::new(0)).collect(),
            members: Mutex::new(Members {
                builder,
                ring,
                live,
                return_at: vec![Tick::NEVER; servers],
            }),
        }
    }

    /// Grows whenever the ring is another.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The ring as it is now, and its version.
    pub(crate) fn ring(&self) -> (Arc<Ring>, u64) {
        let members = self.members();
        (Arc::clone(&members.ring), self.version())
    }

    /// A server answered: what went before is forgiven.
    #[inline]
    pub(crate) fn record_success(&self, server: ServerId) {
        let failures = &self.failures[server.0 as usize];
        // Almost always 0, and then the line stays shared between the workers.
        if failures.load(Ordering::Relaxed) != 0 {
            failures.store(0, Ordering::Relaxed);
        }
    }

    /// Counts a failure of `server` and says whether it leaves the ring for it.
    ///
    /// It leaves after `failure_limit` failures in a row and may come back `retry_timeout` after
    /// `now`. A returning server gets its full allowance again (`server_failure`).
    pub(crate) fn record_failure(&self, server: ServerId, now: Tick) -> Verdict {
        let Some(ejection) = self.ejection else { return Verdict::Stay };
        let at = server.0 as usize;
        let mut members = self.members();
        if !members.live[at] {
            return Verdict::Stay;
        }
        let failures = self.failures[at].load(Ordering::Relaxed).saturating_add(1);
        if failures < ejection.failure_limit {
            self.failures[at].store(failures, Ordering::Relaxed);
            return Verdict::Stay;
        }
        self.failures[at].store(0, Ordering::Relaxed);
        members.live[at] = false;
        members.return_at[at] = now.after(ejection.retry_timeout);
        self.rebuild(&mut members);
        Verdict::Leave
    }

    /// Whether each server is in the ring. Takes the lock.
    pub(crate) fn live(&self) -> Vec<bool> {
        self.members().live.clone()
    }

    /// Whether servers are ever ejected.
    pub(crate) const fn ejects(&self) -> bool {
        self.ejection.is_some()
    }

    /// Whether a server's time to come back has come. One load.
    #[inline]
    pub(crate) fn is_return_due(&self, now: Tick) -> bool {
        now.0 >= self.next_return.load(Ordering::Relaxed)
    }

    /// Puts the servers whose time has come back into the ring, and names them.
    pub(crate) fn take_back(&self, now: Tick) -> Vec<ServerId> {
        let mut members = self.members();
        let back: Vec<usize> = (0..members.live.len())
            .filter(|&at| !members.live[at] && members.return_at[at] <= now)
            .collect();
        if back.is_empty() {
            return Vec::new();
        }
        for &at in &back {
            members.live[at] = true;
        }
        self.rebuild(&mut members);
        back.into_iter().map(|at| ServerId(at as u32)).collect()
    }

    fn rebuild(&self, members: &mut Members) {
        let Members { builder, ring, live, return_at } = members;
        *ring = Arc::new(builder.build(live));
        let next = std::iter::zip(live, return_at)
            .filter(|(live, _)| !**live)
            .map(|(_, at)| at.0)
            .min()
            .unwrap_or(Tick::NEVER.0);
        self.next_return.store(next, Ordering::Relaxed);
        self.version.fetch_add(1, Ordering::Release);
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        // Nothing in here is left half done by a panic that matters: the ring is replaced whole.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
