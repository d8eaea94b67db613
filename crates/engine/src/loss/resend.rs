//! Where requests go whose server was lost before they were answered, if they may get another chance.
//!
//! They are routed anew, so a server that was ejected meanwhile gets none of them, and what it alone would
//! have had may belong to several now. Each has the pool's timeout again.

use nutcracker_proto::limits::MEMCACHE_KEY_BYTES_MAX;
use nutcracker_proto::{Progress, Request as Parsed, Routed, Travel, memcache};

use crate::action::CloseReason;
use crate::bytes::frame::Frame;
use crate::bytes::shared::Shared;
use crate::engine::Engine;
use crate::ids::{ConnId, PoolId, ServerId};
use crate::loss::repeat::Again;
use crate::many_keys::gathering::End;
use crate::many_keys::split::Part;
use crate::many_keys::spread::Spread;
use crate::many_keys::together::Unplaced;
use crate::request::{Chances, RequestId, Role};
use crate::stats::{FaultFigure, PoolFigure};

impl Engine {
    /// Gives the requests in `again`, which a conn to `server` was lost with for `reason`, their chance, or
    /// fails them. To send one again costs the budget. One that was not sent yet costs nothing; and where the
    /// server is ejected now, it goes to the one that has its keys without counting, once.
    #[cold]
    pub(crate) fn send_again(
        &mut self,
        (pool, server): (PoolId, ServerId),
        again: Vec<Again>,
        reason: &CloseReason,
        was_open: bool,
    ) {
        let pool_state = &mut self.pools[pool.0 as usize];
        pool_state.refresh();
        let is_replaced = pool_state.shared.health.is_replaced(server);
        let times = pool_state.config().retries.after(reason, was_open);
        for Again { id, was_sent, bytes } in again {
            let had = self.requests.get(id).had;
            let is_free = !was_sent && is_replaced && !had.moved;
            let may = is_free || had.tries < times && (!was_sent || self.take_retry(pool));
            let is_paid = may && was_sent;
            let had = match is_free {
                true => Chances { moved: true, ..had },
                false => Chances { tries: had.tries.saturating_add(1), ..had },
            };
            if may && self.queue_again(pool, id, &bytes, had) {
                let figure = match was_sent {
                    true => FaultFigure::RequestsRetried,
                    false => FaultFigure::RequestsMoved,
                };
                self.pool_stats(pool).fault(figure).add(1);
            } else {
                if is_paid {
                    self.pools[pool.0 as usize].budget.give_back();
                }
                self.fail(id, reason);
            }
        }
    }

    /// Takes a retry from the pool's budget, if there is one.
    fn take_retry(&mut self, pool: PoolId) -> bool {
        let taken = self.pools[pool.0 as usize].budget.take(self.now);
        if !taken {
            self.pool_stats(pool).fault(FaultFigure::RetriesDenied).add(1);
        }
        taken
    }

    /// Routes the request in `bytes` anew and queues it. Says whether it did.
    fn queue_again(&mut self, pool: PoolId, id: RequestId, bytes: &Shared, had: Chances) -> bool {
        let Some(client) = self.client_of(id) else { return false };
        let config = self.pools[pool.0 as usize].config();
        let mut parser = config.request_parser();
        let frame = Frame::of_shared(bytes);
        let Ok(Progress::Done(Parsed::Routed(routed))) = parser.parse(frame.bytes) else {
            return false;
        };
        let request = Resent { client, id, frame, routed: &routed, had };
        let mut spread = std::mem::take(&mut self.spread);
        let queued = match (self.requests.get(id).role, routed.command.travel) {
            (Role::Fragment { gathering, ordinal }, _) => {
                let spreads = self.spread_keys(pool, frame, &routed, &mut spread);
                spreads.map(|fragments| {
                    self.divide(request, (gathering, ordinal), fragments, &spread);
                })
            }
            (_, Travel::Split(gather)) if routed.keys >= 2 => {
                let spreads = self.spread_keys(pool, frame, &routed, &mut spread);
                spreads.and_then(|fragments| match fragments {
                    1 => self.queue_whole(pool, request, ServerId(spread.fragment(0).0)),
                    _ => {
                        let gathering = self.gather_for(pool, id, gather, &spread);
                        let whole = (frame, &routed);
                        self.queue_fragments(client, whole, gathering, &spread, had);
                        Ok(())
                    }
                })
            }
            _ => {
                let home = self.home_of(pool, frame, &routed);
                home.and_then(|server| self.queue_whole(pool, request, server))
            }
        };
        spread.clear();
        self.spread = spread;
        queued.is_ok()
    }

    /// The server of a request that goes to one, whole.
    fn home_of(
        &mut self,
        pool: PoolId,
        frame: Frame<'_>,
        routed: &Routed,
    ) -> Result<ServerId, CloseReason> {
        let home = match routed.meta.encoded_key {
            true => {
                let key = &frame.bytes[routed.key.start as usize..routed.key.end as usize];
                let mut space = [0; MEMCACHE_KEY_BYTES_MAX];
                let key = memcache::decode_key(key, &mut space).ok_or(CloseReason::Refused)?;
                let random = &mut self.random;
                let server = self.pools[pool.0 as usize].route(key, || random.draw());
                server.ok_or(Unplaced::AllEjected)
            }
            false => self.server_of_all(pool, frame, routed),
        };
        // That its keys have come apart is no better for its client than that the server was lost.
        home.map_err(|_| CloseReason::Refused)
    }

    /// Queues a request, whole, for `server`.
    fn queue_whole(
        &mut self,
        pool: PoolId,
        request: Resent<'_>,
        server: ServerId,
    ) -> Result<(), CloseReason> {
        let Resent { client, id, frame, routed, had } = request;
        let conn = self.open_conn(pool, server, client)?;
        let request = self.requests.get_mut(id);
        (request.had, request.is_shared) = (had, false);
        self.queue_frame(conn, id, frame, routed);
        Ok(())
    }

    /// Queues a fragment anew. Its keys may belong to several servers by now: then it becomes as many, of
    /// which the first has its place, and the others have new ones.
    fn divide(
        &mut self,
        request: Resent<'_>,
        (gathering, ordinal): (u32, u32),
        fragments: usize,
        spread: &Spread,
    ) {
        self.requests.remove(request.id);
        let second = self.gatherings.get_mut(gathering).divide(ordinal, fragments, spread.owners());
        let pool = self.clients.get(request.client.key()).expect("it sent the request").pool;
        self.pool_stats(pool).at(PoolFigure::Fragments).add(fragments as i64 - 1);
        let whole = (request.frame, request.routed);
        for nth in 0..fragments {
            let ordinal = if nth == 0 { ordinal } else { second + nth as u32 - 1 };
            let part = Part { gathering, ordinal, nth };
            match self.queue_fragment(request.client, whole, part, spread, request.had) {
                Ok(bytes) => {
                    self.gatherings.get_mut(gathering).ends[ordinal as usize] =
                        End::Pending { bytes };
                }
                Err(reason) => {
                    self.end_fragment(gathering, ordinal, End::Failed(Box::new(reason)));
                }
            }
        }
    }
}

/// A request that is queued once more.
#[derive(Clone, Copy, Debug)]
struct Resent<'a> {
    client: ConnId,
    id: RequestId,
    frame: Frame<'a>,
    routed: &'a Routed,
    had: Chances,
}
