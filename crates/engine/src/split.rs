//! A request with keys of several servers, taken apart: a fragment a server.

use nutcracker_proto::{Gather, Kinds, Routed, split};

use crate::action::CloseReason;
use crate::engine::Engine;
use crate::frame::Frame;
use crate::gathering::{End, Lack};
use crate::ids::{ConnId, PoolId, ServerId};
use crate::pool::MultiError;
use crate::request::{Request, RequestId, Role};
use crate::spread::Spread;
use crate::stats::PoolFigure;

impl Engine {
    /// Queues one fragment a server for a request with several keys. Linear in the request.
    pub(crate) fn split(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        frame: Frame<'_>,
        routed: &Routed,
        gather: Gather,
    ) {
        self.welcome_back(pool);
        let mut spread = std::mem::take(&mut self.spread);
        match self.spread_keys(pool, frame, routed, &mut spread) {
            Err(reason) => self.fail_request(Some(conn), pool, reason),
            // All keys live on one server: there is nothing to take apart.
            Ok(1) => self.forward(conn, pool, frame, routed),
            Ok(fragments) => {
                let lack = match self.pools[pool.0 as usize].config().multi_error {
                    MultiError::Fail => Lack::Fails,
                    MultiError::Partial => Lack::StandIn,
                };
                let parent = self.begin_gathering(conn, routed, (gather, lack), &spread);
                for ordinal in 0..fragments {
                    self.queue_fragment(conn, frame, routed, parent, ordinal, &spread);
                }
                self.pool_stats(pool).at(PoolFigure::Fragments).add(fragments as i64);
                if self.gatherings.get_mut(parent).pending == 0 {
                    self.finish_parent(parent);
                }
            }
        }
        spread.clear();
        self.spread = spread;
    }

    /// Finds each key's server, and says how many servers there are.
    fn spread_keys(
        &mut self,
        pool: PoolId,
        frame: Frame<'_>,
        routed: &Routed,
        spread: &mut Spread,
    ) -> Result<usize, CloseReason> {
        let pool = &self.pools[pool.0 as usize];
        let random = &mut self.random;
        for part in split::parts(pool.config().protocol, routed, frame.bytes) {
            spread.push(pool.hash(part.key(frame.bytes)), part.bytes);
        }
        let assigned = spread.assign(|hash| pool.owner(hash, || random.draw()));
        assigned.ok_or(CloseReason::Refused)?;
        Ok(spread.arrange())
    }

    /// Gives a request that is being split its place in its client's line, and a place where its
    /// fragments' responses will come together.
    fn begin_gathering(
        &mut self,
        conn: ConnId,
        routed: &Routed,
        (gather, lack): (Gather, Lack),
        spread: &Spread,
    ) -> u32 {
        if routed.noreply {
            return self.gatherings.insert(gather, RequestId::NONE);
        }
        let parent = self.requests.insert(Request::new(Some(conn), Role::Whole, Kinds::ANY));
        let gathering = self.gatherings.insert(gather, parent);
        self.requests.get_mut(parent).role = Role::Parent { gathering };
        self.put_in_line(conn, parent);
        self.gatherings.get_mut(gathering).lack = lack;
        if matches!(gather, Gather::Array | Gather::Values) || lack == Lack::StandIn {
            self.gatherings.get_mut(gathering).owners.extend(spread.owners());
        }
        gathering
    }

    /// Writes and queues one fragment.
    fn queue_fragment(
        &mut self,
        client: ConnId,
        frame: Frame<'_>,
        routed: &Routed,
        gathering: u32,
        ordinal: usize,
        spread: &Spread,
    ) {
        let pool = self.clients.get(client.key()).expect("it sent the request").pool;
        let (server, keys) = spread.fragment(ordinal);
        let conn = match self.open_conn(pool, ServerId(server), client) {
            Ok(conn) => conn,
            Err(reason) => {
                let end = End::Failed(Box::new(reason));
                return self.gatherings.get_mut(gathering).ends.push(end);
            }
        };
        let protocol = self.pools[pool.0 as usize].config().protocol;
        let outbox = &mut self.servers.get_mut(conn.key()).expect("it is open").outbox;
        let before = outbox.len();
        let tail = outbox.tail(frame.bytes.len(), &mut self.spares);
        split::head(protocol, routed, frame.bytes, keys, tail);
        for part in spread.parts(ordinal) {
            split::part(protocol, &frame.bytes[part], tail);
        }
        split::tail(protocol, tail);
        let bytes = outbox.len() - before;
        let role = Role::Fragment { gathering, ordinal: ordinal as u32 };
        let request = self.requests.insert(Request::new(None, role, routed.command.kinds));
        let place = self.gatherings.get_mut(gathering);
        place.pending += 1;
        place.ends.push(End::Pending);
        self.enqueue(conn, request, bytes);
    }
}
