//! Where on a ring a hash lies: the answer to "why that server".

use std::fmt;

use crate::Ring;
use crate::ring::Owners;

/// What decides which server a hash belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// Ketama: the point the hash belongs to, the first that is not below it or else the first
    /// there is.
    Point {
        /// The point's place on the circle.
        value: u32,
    },
    /// Modula: the slot, counted from 0.
    Slot {
        /// Which slot.
        index: u64,
        /// How many there are: the sum of the live servers' weights.
        slots: u64,
    },
    /// Random: the hash decides nothing, a server is drawn at each request.
    Drawn {
        /// Of how many live servers.
        servers: usize,
    },
}

/// `point 2863311530`, `slot 3 of 12`, `drawn of 3`.
impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Point { value } => write!(f, "point {value}"),
            Self::Slot { index, slots } => write!(f, "slot {index} of {slots}"),
            Self::Drawn { servers } => write!(f, "drawn of {servers}"),
        }
    }
}

impl Ring {
    /// The spot that decides whose `hash` is; `None` when no server is live. Its server is what
    /// [`server`](Self::server) answers for the same hash. Costs what that costs.
    #[must_use]
    pub fn spot(&self, hash: u32) -> Option<Spot> {
        match self.owners() {
            Owners::Nobody => None,
            Owners::Ketama(ketama) => Some(Spot::Point { value: ketama.point(hash) }),
            Owners::Modula(modula) => {
                let slots = modula.slots();
                Some(Spot::Slot { index: u64::from(hash) % slots, slots })
            }
            Owners::Random(_) => Some(Spot::Drawn { servers: self.live_count() }),
        }
    }

    /// Of the hash values below `values` (at most 2^32), how many each server owns: exact, and
    /// with [`HashKind::values`](crate::HashKind::values) the shares of a pool's servers.
    ///
    /// One count a server that the ring was built from. They add up to `values`, but for a ring of
    /// nobody, where all are 0, and for `random`, where hashes have no owner and the answer is
    /// `None`. One pass over the points or the servers.
    #[must_use]
    pub fn owned(&self, values: u64) -> Option<Vec<u64>> {
        let values = values.min(1 << u32::BITS);
        let mut owned = vec![0; self.server_count()];
        match self.owners() {
            Owners::Nobody => {}
            Owners::Ketama(ketama) => ketama.count(values, &mut owned),
            Owners::Modula(modula) => modula.count(values, &mut owned),
            Owners::Random(_) => return None,
        }
        Some(owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Generator;
    use crate::{DistributionKind, HashKind, RingServer};

    fn ring(kind: DistributionKind, weights: &[u32]) -> Ring {
        let servers: Vec<RingServer> = (0..)
            .zip(weights)
            .map(|(i, &weight)| RingServer::new(format!("10.0.0.{i}:6379"), weight))
            .collect();
        Ring::new(kind, &servers, &vec![true; weights.len()])
    }

    #[test]
    fn a_spot_is_what_decides() {
        let mut random = Generator::seeded(11);
        let ketama = ring(DistributionKind::Ketama, &[1, 2, 3]);
        let modula = ring(DistributionKind::Modula, &[1, 2, 3]);
        let points: Vec<(u32, usize)> = ketama.points().collect();
        let near = points.iter().flat_map(|&(value, _)| [value, value.wrapping_add(1)]);
        let hashes = near.chain([0, u32::MAX]);
        let drawn: Vec<u32> = (0..1000).map(|_| random.next_u32()).collect();
        for hash in hashes.chain(drawn).take(if cfg!(miri) { 40 } else { usize::MAX }) {
            let owner = points.iter().find(|(value, _)| *value >= hash).unwrap_or(&points[0]);
            assert_eq!(ketama.spot(hash), Some(Spot::Point { value: owner.0 }), "hash {hash}");
            assert_eq!(ketama.server(hash, || 0), Some(owner.1), "hash {hash}");
            let index = u64::from(hash) % 6;
            assert_eq!(modula.spot(hash), Some(Spot::Slot { index, slots: 6 }), "hash {hash}");
        }
        let drawn = ring(DistributionKind::Random, &[1, 2, 3]);
        assert_eq!(drawn.spot(7), Some(Spot::Drawn { servers: 3 }));
        assert_eq!(ring(DistributionKind::Ketama, &[0]).spot(7), None);
    }

    #[test]
    fn counts_are_those_of_asking_for_every_value() {
        for weights in [&[1][..], &[1, 2, 3], &[5, 1, 1, 1, 9], &[100_000, 1], &[0, 4, 4]] {
            for kind in [DistributionKind::Ketama, DistributionKind::Modula] {
                let ring = ring(kind, weights);
                let all = HashKind::Crc32.values();
                for values in if cfg!(miri) { vec![0, 1, 100] } else { vec![0, 1, 1000, all] } {
                    let mut asked = vec![0; weights.len()];
                    for hash in 0..values {
                        asked[ring.server(hash as u32, || 0).unwrap()] += 1;
                    }
                    assert_eq!(ring.owned(values), Some(asked), "{kind}, {weights:?}, {values}");
                }
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn counts_of_the_whole_circle_add_up_and_follow_its_arcs() {
        for weights in [&[1][..], &[1, 2, 3], &[7; 25], &[100_000, 1], &[u32::MAX, u32::MAX]] {
            for kind in [DistributionKind::Ketama, DistributionKind::Modula] {
                let ring = ring(kind, weights);
                let owned = ring.owned(1 << 32).unwrap();
                assert_eq!(owned.iter().sum::<u64>(), 1 << 32, "{kind}, {weights:?}");
                assert_eq!(ring.owned(u64::MAX).unwrap(), owned, "{kind}: there are no more");
            }
            let ring = ring(DistributionKind::Ketama, weights);
            let (mut arcs, mut before) = (vec![0; weights.len()], None);
            for (value, owner) in ring.points() {
                arcs[owner] += u64::from(value) - before.unwrap_or(0);
                before = Some(u64::from(value));
            }
            // Value 0 starts the first arc, and what is above the last point belongs to the first.
            let (_, first) = ring.points().next().unwrap();
            arcs[first] += (1 << 32) - before.unwrap();
            assert_eq!(ring.owned(1 << 32), Some(arcs), "{weights:?}");
        }
    }

    #[test]
    fn random_and_nobody_own_nothing() {
        assert_eq!(ring(DistributionKind::Random, &[1, 1]).owned(1 << 32), None);
        assert_eq!(ring(DistributionKind::Ketama, &[0, 0]).owned(1 << 32), Some(vec![0, 0]));
    }
}
