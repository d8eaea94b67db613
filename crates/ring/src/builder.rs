//! Makes a pool's rings, one for each set of live servers it meets.

use crate::distribution::{Modula, PointCache, Random};
use crate::ring::Owners;
use crate::{DistributionKind, Ring, RingServer};

/// Builds the rings of one pool and remembers, from one to the next, what does not change.
///
/// A ketama ring is mostly MD5 digests of the servers' names. They are computed when first needed
/// and kept in sorted order, so that the ring of another set of live servers is a walk over what
/// is there. The points kept are at most those of the largest share each server has had.
#[derive(Debug, Clone)]
pub struct RingBuilder {
    kind: DistributionKind,
    servers: Vec<RingServer>,
    /// Empty unless `kind` is ketama.
    points: PointCache,
}

impl RingBuilder {
    /// A builder for `servers`, which are known by their index from here on. Does no work yet.
    ///
    /// Their order matters: the original's is [`RingServer::order`].
    #[must_use]
    pub fn new(kind: DistributionKind, servers: &[RingServer]) -> Self {
        Self { kind, servers: servers.to_vec(), points: PointCache::new(servers.len()) }
    }

    /// The servers, in the order they were given.
    #[must_use]
    pub fn servers(&self) -> &[RingServer] {
        &self.servers
    }

    /// The ring of the servers whose entry in `live` is true and whose weight is not 0.
    ///
    /// Ketama takes about 40 MD5 digests a server and a sort for the first ring; later ones
    /// take one pass over the points, and digests only where a share has grown beyond all before.
    /// The other distributions take one pass over the servers.
    ///
    /// # Panics
    /// When `live` is not as long as the list of servers.
    #[must_use]
    pub fn build(&mut self, live: &[bool]) -> Ring {
        assert_eq!(live.len(), self.servers.len(), "`live` has one entry a server");
        let live: Vec<u32> = (0..)
            .zip(self.servers.iter().zip(live))
            .filter(|(_, (server, live))| **live && server.weight > 0)
            .map(|(at, _)| at)
            .collect();
        let owners = if live.is_empty() {
            Owners::Nobody
        } else {
            match self.kind {
                DistributionKind::Ketama => {
                    Owners::Ketama(self.points.ketama(&self.servers, &live))
                }
                DistributionKind::Modula => Owners::Modula(Modula::new(&self.servers, &live)),
                DistributionKind::Random => Owners::Random(Random::new(&live)),
            }
        };
        Ring::from_parts(self.servers.len(), &live, owners)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Generator;

    /// A builder that has seen other sets must build what a fresh one builds: same points, same
    /// owners.
    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn a_rebuilt_ring_equals_one_built_from_nothing() {
        let mut random = Generator::seeded(1);
        for round in 0..40 {
            let count = 1 + random.below(12) as usize;
            let servers: Vec<RingServer> = (0..count)
                .map(|i| RingServer::new(format!("10.0.0.{i}:6379"), 1 << random.below(10)))
                .collect();
            for kind in DistributionKind::ALL {
                let mut builder = RingBuilder::new(kind, &servers);
                for step in 0..12 {
                    let live: Vec<bool> = (0..count).map(|_| random.below(3) > 0).collect();
                    let (rebuilt, fresh) = (builder.build(&live), Ring::new(kind, &servers, &live));
                    let case = format!("round {round}, {kind}, step {step}, live {live:?}");
                    assert!(rebuilt.points().eq(fresh.points()), "{case}");
                    for _ in 0..50 {
                        let hash = random.next_u32();
                        let owners = (rebuilt.server(hash, || hash), fresh.server(hash, || hash));
                        assert_eq!(owners.0, owners.1, "{case}, hash {hash}");
                        assert!(owners.0.is_none_or(|owner| live[owner]), "{case}, hash {hash}");
                    }
                }
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn a_ring_of_a_thousand_servers_is_built_and_rebuilt() {
        let servers: Vec<RingServer> = (0..1000)
            .map(|i| RingServer::new(format!("10.0.{}.{}:6379", i / 250, i % 250), 1))
            .collect();
        let mut builder = RingBuilder::new(DistributionKind::Ketama, &servers);
        let mut live = vec![true; 1000];
        let before = builder.build(&live);
        live[500] = false;
        let after = builder.build(&live);
        assert!(before.points_of(500) > 0);
        assert_eq!(after.points_of(500), 0);
        assert_eq!((before.live_count(), after.live_count()), (1000, 999));
    }
}
