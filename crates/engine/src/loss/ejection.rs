//! Failures in a row, when a server is ejected, when it is probed, when it comes back.
//!
//! ```text
//!             failure_limit failures in a row          its time has come
//!   in service ----------------------------> ejected ------------------> probed
//!       ^                                       ^                          |  |
//!       |                                       +---- no good answer ------+  |
//!       +--------------------- a good answer ---------------------------------+
//! ```
//! A probe is a conn and a request of the proxy's own, so no client's request is risked on a server
//! that may still be gone. What an ejection means for its keys is [`OnEject`]'s to say.
//!
//! One [`Health`] a pool, shared by all workers: a server that fails three workers once has failed
//! three times. The request path reads atomics that seldom change; only a failure and a return
//! take the lock, which also guards the ring's rebuilding, so that it is rebuilt once for all.
//! How the ring follows is the [`Follower`]'s.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nutcracker_ring::{Ring, RingBuilder};

use crate::ids::ServerId;
use crate::limits::{DEPARTURE_WINDOW, EJECTION_DOUBLINGS_MAX, FLAPPING_TIMES, PROBE_INTERVAL_MIN};
use crate::loss::follower::Follower;
use crate::time::tick::Tick;

/// When a server leaves the ring and when it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// Failures in a row after which it leaves; 0 is taken for 1, as by the original.
    pub failure_limit: u32,
    /// How long it stays away before it is probed. The time doubles, up to
    /// [`EJECTION_DOUBLINGS_MAX`] times, for each probe in a row that fails and for a server that is
    /// ejected again soon after it came back; not while every server of the pool is away.
    pub retry_timeout: Duration,
    /// What becomes of its keys.
    pub on_eject: OnEject,
}

impl Ejection {
    /// How long it is until the first probe.
    fn probe_interval(&self) -> Duration {
        self.retry_timeout.max(PROBE_INTERVAL_MIN)
    }
}

/// What becomes of the keys of an ejected server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnEject {
    /// They belong to the others until it is back, as in the original: it leaves the ring.
    #[default]
    Rehash,
    /// They fail at once; no key moves.
    Fail,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Verdict {
    /// The server stays where it is.
    Stay,
    /// It has been ejected just now, and stays so for a while.
    Leave {
        /// How long until it is probed.
        away: Duration,
    },
}

/// What requests are routed by. Replaced whole when a server is ejected and when it returns.
#[derive(Clone, Debug)]
pub(crate) struct Routing {
    pub(crate) ring: Arc<Ring>,
    /// Which servers are ejected and still in the ring, whose keys fail; `None` for none.
    pub(crate) failing: Option<Arc<[bool]>>,
    /// Grows with each one.
    pub(crate) version: u64,
}

/// The state of a pool's servers, for the whole process.
#[derive(Debug)]
pub struct Health {
    ejection: Option<Ejection>,
    /// Grows with every new routing.
    version: AtomicU64,
    /// When the first ejected server is to be probed or the ring is to follow, microseconds; `u64::MAX` when
    /// neither is.
    next_probe: AtomicU64,
    /// Failures in a row, a server.
    failures: Box<[AtomicU32]>,
    /// Which servers have let requests wait in vain, and answered none since.
    silent: Box<[AtomicBool]>,
    /// When each closed a conn last of which nothing was asked, microseconds; `u64::MAX` when none did
    /// since one was opened to it.
    departures: Box<[AtomicU64]>,
    members: Mutex<Members>,
}

#[derive(Debug)]
struct Members {
    ring: Follower,
    live: Vec<bool>,
    /// When each is to be probed; of meaning for those not live.
    probe_at: Vec<Tick>,
    /// When each came back last.
    returned_at: Vec<Option<Tick>>,
    /// How often the time that each stays away has doubled.
    doublings: Vec<u32>,
}

impl Health {
    pub(crate) fn new(builder: RingBuilder, servers: usize, ejection: Option<Ejection>) -> Self {
        let rehashes = ejection.is_some_and(|ejection| ejection.on_eject == OnEject::Rehash);
        Self {
            ejection,
            version: AtomicU64::new(0),
            next_probe: AtomicU64::new(Tick::NEVER.0),
            failures: (0..servers).map(|_| AtomicU32::new(0)).collect(),
            silent: (0..servers).map(|_| AtomicBool::new(false)).collect(),
            departures: (0..servers).map(|_| AtomicU64::new(Tick::NEVER.0)).collect(),
            members: Mutex::new(Members {
                ring: Follower::new(builder, servers, rehashes),
                live: vec![true; servers],
                probe_at: vec![Tick::NEVER; servers],
                returned_at: vec![None; servers],
                doublings: vec![0; servers],
            }),
        }
    }

    /// Grows whenever the routing is another.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// What requests are routed by now.
    pub(crate) fn routing(&self) -> Routing {
        let members = self.members();
        let (ring, failing) = members.ring.placement();
        Routing { ring, failing, version: self.version() }
    }

    /// A server answered: what went before is forgiven.
    #[inline]
    pub(crate) fn record_success(&self, server: ServerId) {
        let failures = &self.failures[server.0 as usize];
        // Almost always 0, and then the line stays shared between the workers.
        if failures.load(Ordering::Relaxed) != 0 {
            failures.store(0, Ordering::Relaxed);
            self.silent[server.0 as usize].store(false, Ordering::Relaxed);
        }
    }

    /// A server did not answer what it was asked. Until it answers something, new conns to it begin with the
    /// question whether it is there, and no request is risked before that: where it is going to be
    /// ejected, they go elsewhere instead.
    pub(crate) fn note_silence(&self, server: ServerId) {
        if self.ejects() {
            self.silent[server.0 as usize].store(true, Ordering::Relaxed);
        }
    }

    /// Whether a server has let a request wait in vain, and answered none since. One load.
    pub(crate) fn is_silent(&self, server: ServerId) -> bool {
        self.silent[server.0 as usize].load(Ordering::Relaxed)
    }

    /// A server closed a conn of which nothing was asked. It tidies up, or it is gone: whoever connects next
    /// will know.
    pub(crate) fn note_departure(&self, server: ServerId, now: Tick) {
        self.departures[server.0 as usize].store(now.0, Ordering::Relaxed);
    }

    /// A conn to a server is open: if it closed one before, it was tidying up.
    pub(crate) fn note_connect(&self, server: ServerId) {
        self.departures[server.0 as usize].store(Tick::NEVER.0, Ordering::Relaxed);
    }

    /// Nobody listens where a server is: says whether it has closed a conn just before, and was going. It is
    /// told once.
    pub(crate) fn take_departure(&self, server: ServerId, now: Tick) -> bool {
        let departure = &self.departures[server.0 as usize];
        let at = Tick(departure.swap(Tick::NEVER.0, Ordering::Relaxed));
        at != Tick::NEVER && now < at.after(DEPARTURE_WINDOW)
    }

    /// Whether a server is ejected and its keys belong to others meanwhile. Takes the lock.
    pub(crate) fn is_replaced(&self, server: ServerId) -> bool {
        let members = self.members();
        let at = server.0 as usize;
        !members.live[at] && !members.ring.places(server)
    }

    /// Counts a failure of `server` and says whether it is ejected for it.
    ///
    /// It is after `failure_limit` failures in a row, and is probed `retry_timeout` after `now`. A
    /// returning server gets its full allowance again (`server_failure`).
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
        let came_back_lately = members.returned_at[at]
            .is_some_and(|back| now < back.after(ejection.retry_timeout * FLAPPING_TIMES));
        members.doublings[at] = if came_back_lately { members.doublings[at] + 1 } else { 0 };
        let away = members.postpone(at, ejection, now);
        if members.is_empty() {
            members.hasten(ejection, now);
        }
        self.follow(&mut members, now);
        Verdict::Leave { away }
    }

    /// Whether each server is in the ring. Takes the lock.
    pub(crate) fn live(&self) -> Vec<bool> {
        self.members().live.clone()
    }

    /// Holds those servers ejected that are so in `earlier`, until the same time. `servers` says for each
    /// which of the earlier ones it is.
    pub(crate) fn learn(&self, earlier: &Self, servers: &[Option<ServerId>]) {
        if !self.ejects() {
            return;
        }
        let mut members = self.members();
        let known = earlier.members();
        let mut learnt = false;
        for (at, server) in servers.iter().enumerate() {
            let Some(was) = server.map(|server| server.0 as usize) else { continue };
            if !known.live[was] {
                members.live[at] = false;
                members.probe_at[at] = known.probe_at[was];
                members.doublings[at] = known.doublings[was];
                learnt = true;
            }
        }
        if learnt {
            // It is as new as its ring, which has not been made anew yet.
            self.follow(&mut members, Tick(0));
        }
    }

    /// Whether servers are ever ejected.
    pub(crate) const fn ejects(&self) -> bool {
        self.ejection.is_some()
    }

    /// Whether an ejected server is to be probed, or the ring to follow. One load.
    #[inline]
    pub(crate) fn is_probe_due(&self, now: Tick) -> bool {
        now.0 >= self.next_probe.load(Ordering::Relaxed)
    }

    /// When the next ejected server is to be probed, or the ring to follow. One load.
    pub(crate) fn next_probe(&self) -> Option<Tick> {
        let at = Tick(self.next_probe.load(Ordering::Relaxed));
        (at != Tick::NEVER).then_some(at)
    }

    /// The servers that are to be probed, for the caller to probe: nobody else is told of them before
    /// `patience` has passed, by when the caller has said how it went. Has the ring follow if it is time.
    pub(crate) fn take_probes(&self, now: Tick, patience: Duration) -> Vec<ServerId> {
        let mut members = self.members();
        if members.ring.follows_at(&members.live) <= now {
            self.follow(&mut members, now);
        }
        let due: Vec<usize> = (0..members.live.len())
            .filter(|&at| !members.live[at] && members.probe_at[at] <= now)
            .collect();
        for &at in &due {
            // A worker that ends in the middle of a probe must not leave the server ejected for ever.
            members.probe_at[at] = now.after(patience * 2);
        }
        self.note_next_probe(&members);
        due.into_iter().map(|at| ServerId(at as u32)).collect()
    }

    /// A probe was answered well: the server is back. Says whether it was away until now.
    pub(crate) fn restore(&self, server: ServerId, now: Tick) -> bool {
        let at = server.0 as usize;
        let mut members = self.members();
        if members.live[at] {
            return false;
        }
        members.live[at] = true;
        members.returned_at[at] = Some(now);
        self.failures[at].store(0, Ordering::Relaxed);
        self.silent[at].store(false, Ordering::Relaxed);
        self.follow(&mut members, now);
        true
    }

    /// A probe was not answered well: the server stays away, longer than before where another has its keys.
    pub(crate) fn record_vain_probe(&self, server: ServerId, now: Tick) {
        let Some(ejection) = self.ejection else { return };
        let at = server.0 as usize;
        let mut members = self.members();
        if !members.live[at] {
            if !members.is_empty() {
                members.doublings[at] += 1;
            }
            members.postpone(at, ejection, now);
            self.note_next_probe(&members);
        }
    }

    /// Has the routing follow who is live.
    fn follow(&self, members: &mut Members, now: Tick) {
        members.ring.follow(&members.live, now);
        self.note_next_probe(members);
        self.version.fetch_add(1, Ordering::Release);
    }

    fn note_next_probe(&self, members: &Members) {
        let next = std::iter::zip(&members.live, &members.probe_at)
            .filter(|(live, _)| !**live)
            .map(|(_, at)| *at)
            .min()
            .unwrap_or(Tick::NEVER);
        let next = next.min(members.ring.follows_at(&members.live));
        self.next_probe.store(next.0, Ordering::Relaxed);
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        // Nothing in here is left half done by a panic that matters: the ring is replaced whole.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Members {
    /// Whether every server is ejected: the pool serves nobody until one is back.
    fn is_empty(&self) -> bool {
        !self.live.contains(&true)
    }

    /// Sets when the server at `at` is to be probed, and says how long that is until then. Nothing is won by
    /// sparing servers while there is none else.
    fn postpone(&mut self, at: usize, ejection: Ejection, now: Tick) -> Duration {
        let doublings = if self.is_empty() { 0 } else { self.doublings[at] };
        let times = 1 << doublings.min(EJECTION_DOUBLINGS_MAX);
        let away = ejection.probe_interval() * times;
        self.probe_at[at] = now.after(away);
        away
    }

    /// The last one has gone: those that were to be spared are asked as soon as it is.
    fn hasten(&mut self, ejection: Ejection, now: Tick) {
        let soon = now.after(ejection.probe_interval());
        self.probe_at.iter_mut().for_each(|at| *at = soon.min(*at));
    }
}

#[cfg(test)]
mod tests;
