//! A snapshot of who owns what.

use crate::distribution::{Ketama, Modula, Random};
use crate::{DistributionKind, RingBuilder, RingServer};

/// Which server owns which hash value, for one set of live servers.
///
/// A ring never changes. When a server leaves or returns, build the next one, best with a
/// [`RingBuilder`], and put it in this one's place.
#[derive(Debug, Clone)]
pub struct Ring {
    servers: usize,
    live: usize,
    owners: Owners,
    /// The live server, when there is exactly one.
    sole: Option<usize>,
}

/// What a distribution keeps to answer from.
#[derive(Debug, Clone)]
pub(crate) enum Owners {
    /// No server is live.
    Nobody,
    Ketama(Ketama),
    Modula(Modula),
    Random(Random),
}

impl Ring {
    /// The ring of those of `servers` whose entry in `live` is true.
    ///
    /// Servers are known by their index in `servers`, and their order matters: the original's is
    /// [`RingServer::order`]. Costs what [`RingBuilder::build`] costs the first time.
    ///
    /// # Panics
    /// When `live` is not as long as `servers`.
    #[must_use]
    pub fn new(kind: DistributionKind, servers: &[RingServer], live: &[bool]) -> Self {
        RingBuilder::new(kind, servers).build(live)
    }

    pub(crate) fn from_parts(servers: usize, live: &[u32], owners: Owners) -> Self {
        let sole = match *live {
            [server] => Some(server as usize),
            _ => None,
        };
        Self { servers, live: live.len(), owners, sole }
    }

    /// The server that owns `hash`, as an index into the servers that the ring was built from;
    /// `None` when no server is live.
    ///
    /// With none live the original keeps its last ring but answers every request with an error
    /// before it looks at it (`server_pool_update`); `None` is where that error comes from here.
    ///
    /// `draw` gives a random number; only `random` calls it. Ketama reads a table and about one
    /// point, `modula` divides and searches its live servers by halves. Nothing allocates.
    #[inline]
    #[must_use]
    pub fn server(&self, hash: u32, draw: impl FnOnce() -> u32) -> Option<usize> {
        self.pick(|| hash, draw)
    }

    /// [`server`](Self::server), for a hash that is worth computing only if somebody looks at it.
    ///
    /// The original skips hash and distribution when its pool has one server (`server_pool_idx`).
    /// Here one live server of several is enough: every point and slot is that server's, so the
    /// answer is the same.
    #[inline(always)]
    pub(crate) fn pick(
        &self,
        hash: impl FnOnce() -> u32,
        draw: impl FnOnce() -> u32,
    ) -> Option<usize> {
        if self.sole.is_some() {
            return self.sole;
        }
        match &self.owners {
            Owners::Nobody => None,
            Owners::Ketama(ketama) => Some(ketama.server(hash())),
            Owners::Modula(modula) => Some(modula.server(hash())),
            Owners::Random(random) => Some(random.server(draw())),
        }
    }

    pub(crate) fn owners(&self) -> &Owners {
        &self.owners
    }

    /// How many servers the ring was built from, live or not.
    #[must_use]
    pub fn server_count(&self) -> usize {
        self.servers
    }

    /// How many of them are live.
    #[must_use]
    pub fn live_count(&self) -> usize {
        self.live
    }

    /// The points of a ketama ring in ascending order: value, and the server that owns the values
    /// up to it. The first also owns those above the last. Other distributions have no points.
    pub fn points(&self) -> impl ExactSizeIterator<Item = (u32, usize)> + '_ {
        let points = match &self.owners {
            Owners::Ketama(ketama) => ketama.points(),
            Owners::Nobody | Owners::Modula(_) | Owners::Random(_) => &[],
        };
        points.iter().map(|point| (point.value, point.server as usize))
    }

    /// How many points of a ketama ring are `server`'s. Looks at every point.
    #[must_use]
    pub fn points_of(&self, server: usize) -> usize {
        self.points().filter(|&(_, owner)| owner == server).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(count: usize) -> Vec<RingServer> {
        (0..count).map(|i| RingServer::new(format!("server{i}"), 1 + i as u32)).collect()
    }

    #[test]
    fn nobody_owns_anything_when_no_server_is_live() {
        for kind in DistributionKind::ALL {
            for count in 0..4 {
                let ring = Ring::new(kind, &servers(count), &vec![false; count]);
                for hash in [0, 1, u32::MAX] {
                    assert_eq!(ring.server(hash, || 0), None, "{kind}, {count} servers");
                }
                assert_eq!((ring.server_count(), ring.live_count()), (count, 0), "{kind}");
                assert_eq!(ring.points().count(), 0, "{kind}, {count} servers");
            }
        }
    }

    #[test]
    fn one_live_server_owns_everything_and_nothing_is_hashed_or_drawn() {
        for kind in DistributionKind::ALL {
            for count in 1..4 {
                for sole in 0..count {
                    let live: Vec<bool> = (0..count).map(|i| i == sole).collect();
                    let ring = Ring::new(kind, &servers(count), &live);
                    let owner = ring.pick(|| panic!("hashed"), || panic!("drawn"));
                    assert_eq!(owner, Some(sole), "{kind}, {count} servers");
                }
            }
        }
    }

    #[test]
    fn one_live_server_of_several_owns_the_whole_table_too() {
        for count in 1..4 {
            for sole in 0..count {
                let live: Vec<bool> = (0..count).map(|i| i == sole).collect();
                let ketama = Ring::new(DistributionKind::Ketama, &servers(count), &live);
                assert!(ketama.points().all(|(_, owner)| owner == sole));
                assert_eq!(ketama.points_of(sole), 160);
            }
        }
    }

    #[test]
    fn a_server_of_weight_0_is_as_good_as_dead() {
        let servers = [RingServer::new("a", 0), RingServer::new("b", 2), RingServer::new("c", 2)];
        for kind in DistributionKind::ALL {
            let ring = Ring::new(kind, &servers, &[true; 3]);
            assert_eq!(ring.live_count(), 2, "{kind}");
            for hash in (0..=u32::MAX).step_by(1 << 20) {
                assert_ne!(ring.server(hash, || hash), Some(0), "{kind}, hash {hash}");
            }
            let nobody = Ring::new(kind, &servers[..1], &[true]);
            assert_eq!(nobody.server(7, || 7), None, "{kind}");
        }
    }

    #[test]
    #[should_panic(expected = "one entry a server")]
    fn a_list_of_live_servers_of_another_length_is_refused() {
        let _ = Ring::new(DistributionKind::Ketama, &servers(2), &[true]);
    }
}
