//! How many keys move from which server to which, between two versions of a pool.
//!
//! Keys live where their server listens, so a key moves when the address of its owner changes: a
//! new name for the same address moves nothing by itself. Two cases are told apart: the ring sends
//! a key to another server, or its server has another address, where it is found only if the data
//! went along.

use std::collections::HashMap;
use std::fmt;

use nutcracker_ring::{DistributionKind, HashKind};

use super::servers::Pairs;
use crate::tools::keys::Source;
use crate::tools::placed::Placed;
use crate::tools::shares::{no_keys, uneven};
use crate::tools::trouble::Trouble;

/// A pool of both configurations.
pub(super) struct Both<'a> {
    pub(super) old: Placed<'a>,
    pub(super) new: Placed<'a>,
    pub(super) pairs: Pairs,
}

/// Where keys go.
#[derive(Debug)]
pub(super) struct Movement {
    /// How this is known.
    pub(super) method: Method,
    /// From server to server, by index and as a share of all keys; the largest first.
    pub(super) moves: Vec<Flow>,
    /// To another address of the same server.
    pub(super) readdressed: Vec<Flow>,
}

/// Keys on their way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Flow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) share: f64,
}

/// How it is known where keys go.
#[derive(Debug)]
pub(super) enum Method {
    /// By giving every value of this hash to its owners.
    Counted(HashKind),
    /// By placing so many keys.
    Measured(Source, u64),
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counted(hash) if hash.values() < 1 << u32::BITS => {
                write!(f, "exact, by the {} values that {hash} can have", hash.values())
            }
            Self::Counted(hash) => write!(f, "exact, by all 2^32 values of {hash}"),
            Self::Measured(Source::Sample, _) => write!(f, "measured on {}", Source::Sample),
            Self::Measured(source, keys) => write!(f, "measured on {source}: {keys}"),
        }
    }
}

/// How many keys, or values of the hash, go from which server to which.
type Counts = HashMap<(usize, usize), u64>;

/// The movement of each of `pools`: of the keys in `source` if there is one, which is read once,
/// else as exactly as it can be known. `None` for a pool that draws servers, before or after: no
/// key has a place in it.
///
/// # Errors
/// Keys that cannot be read, or that there are none of.
pub(super) fn of(
    pools: &[Both<'_>],
    source: Option<&Source>,
) -> Result<Vec<Option<Movement>>, Trouble> {
    let mut found: Vec<Option<(Method, Counts)>> = Vec::with_capacity(pools.len());
    if let Some(source) = source {
        let (keys, counts) = measure(pools, source)?;
        let method = || Method::Measured(source.clone(), keys);
        found.extend(counts.into_iter().map(|counts| Some((method(), counts))));
    } else {
        for both in pools {
            found.push(Some(match count(both) {
                Some(counts) => (Method::Counted(both.old.pool.hash), counts),
                None => {
                    let (keys, mut counts) = measure(std::slice::from_ref(both), &Source::Sample)?;
                    (Method::Measured(Source::Sample, keys), counts.remove(0))
                }
            }));
        }
    }
    let placed = |both: &Both<'_>| {
        [&both.old, &both.new].iter().all(|side| side.pool.distribution != DistributionKind::Random)
    };
    Ok(pools
        .iter()
        .zip(found)
        .map(|(both, found)| found.filter(|_| placed(both)).map(|found| sort(both, found)))
        .collect())
}

/// Gives every value of the hash to its owners; `None` where that cannot be done, takes too long or
/// says little.
fn count(both: &Both<'_>) -> Option<Counts> {
    let (old, new) = (&both.old, &both.new);
    let hash = old.pool.hash;
    if old.placement != new.placement || uneven(hash).is_some() {
        return None;
    }
    let values = hash.values();
    let Runs { ends, period } = runs(both)?;
    let (rounds, rest) = (values / period, values % period);
    let mut counts = Counts::new();
    let mut start = 0;
    for end in ends {
        let first = u32::try_from(start).expect("runs end below 2^32");
        let owners = (old.owner(first)?, new.owner(first)?);
        let of_rest = rest.clamp(start, end) - start;
        *counts.entry(owners).or_default() += rounds * (end - start) + of_rest;
        start = end;
    }
    Some(counts)
}

/// The values of a hash in runs of the same two owners.
struct Runs {
    /// Behind the last value of each run, ascending.
    ends: Vec<u64>,
    /// The last of them; from there on all is as it was from 0 on.
    period: u64,
}

fn runs(both: &Both<'_>) -> Option<Runs> {
    let values = both.old.pool.hash.values();
    let sides = [&both.old, &both.new];
    let all = |kind| sides.iter().all(|side| side.pool.distribution == kind);
    if values <= RUNS_MAX {
        return Some(Runs { ends: (1..=values).collect(), period: values });
    }
    let (mut ends, period): (Vec<u64>, u64) = if all(DistributionKind::Ketama) {
        let points = sides.iter().flat_map(|side| side.ring.points());
        (points.map(|(value, _)| u64::from(value) + 1).collect(), values)
    } else if all(DistributionKind::Modula) {
        let slots = sides.map(slots);
        let period = least_common_multiple(slots[0], slots[1]).min(values);
        let run_count = |(side, slots): (&&Placed<'_>, u64)| {
            (period / slots + 1) * side.pool.servers.len() as u64
        };
        if sides.iter().zip(slots).map(run_count).sum::<u64>() > RUNS_MAX {
            return None;
        }
        let ends = sides.iter().flat_map(|side| slot_ends(side, period)).collect();
        (ends, period)
    } else {
        return None;
    };
    ends.retain(|&end| end < period);
    ends.push(period);
    ends.sort_unstable();
    ends.dedup();
    Some(Runs { ends, period })
}

/// As many runs are looked at one by one; more would take longer than a sample is off.
const RUNS_MAX: u64 = 1 << 20;

/// How many slots a modula pool has.
fn slots(side: &Placed<'_>) -> u64 {
    side.pool.servers.iter().map(|server| u64::from(server.weight)).sum()
}

/// Behind which values below `period` a modula pool goes on to the next server.
fn slot_ends(side: &Placed<'_>, period: u64) -> impl Iterator<Item = u64> {
    let slots = slots(side);
    (0..=period / slots).flat_map(move |round| {
        side.pool.servers.iter().scan(round * slots, |end, server| {
            *end += u64::from(server.weight);
            Some(*end)
        })
    })
}

fn least_common_multiple(a: u64, b: u64) -> u64 {
    let (mut divisor, mut rest) = (a, b);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (a / divisor).saturating_mul(b)
}

/// Places the keys of `source` in both versions of each pool. Returns how many keys there were, too.
fn measure(pools: &[Both<'_>], source: &Source) -> Result<(u64, Vec<Counts>), Trouble> {
    let mut counts = vec![Counts::new(); pools.len()];
    let mut keys = 0;
    source.read(|key| {
        keys += 1;
        for (both, counts) in pools.iter().zip(&mut counts) {
            let owner = |side: &Placed<'_>| side.owner(side.placement.key_hash(key));
            if let (Some(from), Some(to)) = (owner(&both.old), owner(&both.new)) {
                *counts.entry((from, to)).or_default() += 1;
            }
        }
        Ok(())
    })?;
    if keys == 0 {
        return Err(no_keys(source));
    }
    Ok((keys, counts))
}

/// Tells what stays from what moves.
fn sort(both: &Both<'_>, (method, counts): (Method, Counts)) -> Movement {
    let total: u64 = counts.values().sum();
    let mut movement = Movement { method, moves: Vec::new(), readdressed: Vec::new() };
    for ((from, to), count) in counts {
        if both.old.server(from).address == both.new.server(to).address {
            continue;
        }
        let flow = Flow { from, to, share: count as f64 / total as f64 };
        if both.pairs.new_of(from) == Some(to) {
            movement.readdressed.push(flow);
        } else {
            movement.moves.push(flow);
        }
    }
    for flows in [&mut movement.moves, &mut movement.readdressed] {
        flows.sort_by(|a, b| {
            b.share.total_cmp(&a.share).then_with(|| (a.from, a.to).cmp(&(b.from, b.to)))
        });
    }
    movement
}

/// The share of all of `flows` together.
pub(super) fn together(flows: &[Flow]) -> f64 {
    flows.iter().map(|flow| flow.share).sum()
}
