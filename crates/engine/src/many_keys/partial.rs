//! What a client is told of a split request when some of its servers failed and others did not.
//!
//! By default one failure makes the whole an error. A pool with `multi_error: partial` gives what the
//! others brought: `MGET` a null for each key of a server that failed, `DEL` and its like the number
//! from the others, memcached's `get` no block, as for a key that is not there. `MSET` has no answer
//! with room for it and says in an error how many keys failed. Where nothing came back at all the
//! whole is an error in every case: nulls alone would say that no key exists.

use nutcracker_proto::split;

use crate::action::CloseReason;
use crate::engine::Engine;
use crate::ids::{ConnId, PoolId};
use crate::many_keys::gathering::{End, Lack};

impl Engine {
    /// Puts something in the place of fragments that failed, where that is wanted and can be.
    #[cold]
    pub(crate) fn make_up(&mut self, conn: ConnId, pool: PoolId, gathering: u32) {
        let place = self.gatherings.get_mut(gathering);
        let (lack, kind) = (place.lack, place.gather);
        if lack == Lack::Fails {
            return;
        }
        let owners = std::mem::take(&mut place.owners);
        let mut ends = std::mem::take(&mut place.ends);
        let protocol = self.pools[pool.0 as usize].config().protocol;
        let failed = |engine: &Self, end: &End| match end {
            End::Response(held) => protocol.is_error(engine.holding.bytes(held)),
            End::Failed(_) | End::Pending { .. } => true,
        };
        let failures: Vec<bool> = ends.iter().map(|end| failed(self, end)).collect();
        let some_failed = failures.contains(&true);
        if some_failed && failures.contains(&false) {
            match lack {
                Lack::Fails => {}
                Lack::LeftOut => {
                    // An error that a server gave is told: only those that gave nothing are left out.
                    ends.retain(|end| matches!(end, End::Response(_)));
                }
                Lack::StandIn => {
                    self.stand_in(conn, pool, kind, &owners, &failures, &mut ends);
                }
            }
        }
        let place = self.gatherings.get_mut(gathering);
        (place.owners, place.ends) = (owners, ends);
    }

    /// Something in the place of each fragment that failed; or, where nothing can be, an error for
    /// the whole.
    fn stand_in(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        kind: nutcracker_proto::Gather,
        owners: &[u32],
        failures: &[bool],
        ends: &mut [End],
    ) {
        let class = self.clients.get(conn.key()).expect("its line was just popped").session.class;
        let version = self.pools[pool.0 as usize].classes.get(class).version;
        for (fragment, end) in ends.iter_mut().enumerate() {
            if !failures[fragment] {
                continue;
            }
            let keys = owners.iter().filter(|&&owner| owner as usize == fragment).count();
            let mut bytes = Vec::new();
            let new = if split::stand_in(kind, version, keys, &mut bytes) {
                End::Response(self.holding.hold(&bytes, &mut self.spares))
            } else {
                let lost = owners.iter().filter(|&&owner| failures[owner as usize]).count();
                let why = match &*end {
                    End::Failed(reason) => reason.text().to_owned(),
                    _ => "a server answered with an error".to_owned(),
                };
                let text = format!("{lost} of {} keys failed: {why}", owners.len());
                End::Failed(Box::new(CloseReason::Other(text.into())))
            };
            if let End::Response(held) = std::mem::replace(end, new) {
                self.holding.release(held, &mut self.spares);
            }
        }
    }
}
