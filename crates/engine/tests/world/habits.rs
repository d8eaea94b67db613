//! How a client behaves, and how it ends.

use nutcracker_proto::Protocol;

use super::plan::{MILLISECOND, Plan};
use super::random::Random;

/// How a client behaves.
#[derive(Debug)]
pub(crate) struct Habits {
    /// Requests it makes.
    pub(crate) requests: u32,
    /// Requests outstanding at most.
    pub(crate) window: u64,
    /// Pauses between requests, at most, microseconds.
    pub(crate) asks_after_max: u64,
    /// Pauses between reads, at most, microseconds; and bytes a read. A client without pauses reads
    /// all there is.
    pub(crate) reads_after_max: u64,
    pub(crate) read_bytes_max: u64,
    /// It subscribes, and leaves so long after it came; most of such a time it listens.
    pub(crate) listens_for: Option<u64>,
    /// It asks only what cannot fail once all is well.
    pub(crate) probes: bool,
    pub(crate) ending: Ending,
}

/// How a client's life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It stays connected.
    Stays,
    /// It has all its responses and closes.
    Closes,
    /// It ends its own stream behind its last request.
    HalfCloses,
    /// It says QUIT.
    Quits,
    /// It breaks a rule of the protocol.
    Misbehaves,
    /// It closes without waiting for what is due, after so many requests.
    Vanishes(u32),
    /// It resets the conn, after so many requests.
    Resets(u32),
}

impl Habits {
    /// Those of any client.
    pub(crate) fn draw(plan: &Plan, pool: usize, random: &mut Random) -> Self {
        let requests = random.between(0, plan.requests_max) as u32;
        let some = random.below(u64::from(requests) + 1) as u32;
        let is_redis = plan.pools[pool].config.protocol == Protocol::Redis;
        let listens_for = (plan.subscribers && is_redis && random.chance(40))
            .then(|| random.pick(&[50, 50, 500, 25_000]) * MILLISECOND);
        let slow_reader = random.chance(if listens_for.is_some() { 40 } else { 20 });
        Self {
            requests,
            window: random.between(1, plan.window_max),
            asks_after_max: random.pick(&[0, 0, 200, 2 * MILLISECOND]),
            reads_after_max: match slow_reader {
                true if listens_for.is_some() => random.pick(&[2, 200, 5_000]) * MILLISECOND,
                true => random.pick(&[2, 2, 200]) * MILLISECOND,
                false => 0,
            },
            listens_for,
            probes: false,
            read_bytes_max: if slow_reader { random.pick(&[700, 30_000]) } else { u64::MAX },
            ending: match random.below(10) {
                0 if listens_for.is_none() => Ending::Stays,
                0..3 => Ending::Closes,
                3..5 => Ending::HalfCloses,
                5 => Ending::Quits,
                6 => Ending::Misbehaves,
                7..9 => Ending::Vanishes(some),
                _ => Ending::Resets(some),
            },
        }
    }

    /// Those of one that sees whether all is well.
    pub(crate) fn probe() -> Self {
        const REQUESTS: u32 = 10;
        Self {
            requests: REQUESTS,
            window: 1,
            asks_after_max: 0,
            reads_after_max: 0,
            read_bytes_max: u64::MAX,
            listens_for: None,
            probes: true,
            ending: Ending::Closes,
        }
    }
}
