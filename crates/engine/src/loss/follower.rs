//! The ring of a pool, which follows who is live.
//!
//! A large ring takes milliseconds to make, in which its worker serves nobody, and an outage ejects
//! servers by the thousand. So between two of them it rests, and the one after takes in all that happened
//! meanwhile. Until then requests for a server that is ejected and still in the ring fail at once; as they do
//! for good in pools whose ring does not follow.

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use nutcracker_ring::{Ring, RingBuilder};

use crate::ids::ServerId;
use crate::limits::{RING_REST_A_POINT, RING_REST_MIN};
use crate::time::tick::Tick;

/// A ring, and what it is made with.
#[derive(Debug)]
pub(super) struct Follower {
    builder: RingBuilder,
    ring: Arc<Ring>,
    failing: Option<Arc<[bool]>>,
    /// Whether the keys of who is ejected go to others.
    rehashes: bool,
    /// Which servers the ring is of. Of one that is ejected and still in it the keys fail.
    placed: Vec<bool>,
    /// How long the ring stays as it is at least once it was made anew.
    rest: Duration,
    rests_until: Tick,
}

impl Follower {
    /// The ring of so many servers, all of them live.
    pub(super) fn new(mut builder: RingBuilder, servers: usize, rehashes: bool) -> Self {
        let placed = vec![true; servers];
        let ring = Arc::new(builder.build(&placed));
        let rest = RING_REST_A_POINT * ring.points().len() as u32;
        let rest = if rest < RING_REST_MIN { Duration::ZERO } else { rest };
        let (failing, rests_until) = (None, Tick(0));
        Self { builder, ring, failing, rehashes, placed, rest, rests_until }
    }

    /// Where keys are, and which servers are ejected and still in the ring; `None` for none.
    pub(super) fn placement(&self) -> (Arc<Ring>, Option<Arc<[bool]>>) {
        (Arc::clone(&self.ring), self.failing.clone())
    }

    /// Whether the server is in the ring.
    pub(super) fn places(&self, server: ServerId) -> bool {
        self.placed[server.0 as usize]
    }

    /// Others are `live`: makes the ring anew, unless it rests.
    pub(super) fn follow(&mut self, live: &[bool], now: Tick) {
        // One of nobody is made in no time.
        let may_build = now >= self.rests_until || !live.contains(&true);
        if self.rehashes && may_build {
            self.ring = Arc::new(self.builder.build(live));
            self.placed.copy_from_slice(live);
            self.rests_until = now.after(self.rest);
        }
        let gone = iter::zip(&self.placed, live);
        let failing: Arc<[bool]> = gone.map(|(placed, live)| *placed && !*live).collect();
        self.failing = failing.contains(&true).then_some(failing);
    }

    /// When the ring is to follow, where it is of others than those that are `live`; else [`Tick::NEVER`].
    pub(super) fn follows_at(&self, live: &[bool]) -> Tick {
        if self.rehashes && self.placed != live { self.rests_until } else { Tick::NEVER }
    }
}
