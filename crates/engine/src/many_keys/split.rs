//! A request with keys of several servers, taken apart: a fragment a server.

use nutcracker_proto::{Gather, Kinds, Routed, split};

use crate::action::CloseReason;
use crate::bytes::frame::Frame;
use crate::engine::Engine;
use crate::ids::{ConnId, PoolId, ServerId};
use crate::limits::EVERYDAY_BYTES;
use crate::many_keys::gathering::{End, Lack};
use crate::many_keys::spread::Spread;
use crate::pool::MultiError;
use crate::request::{Chances, Request, RequestId, Role};
use crate::stats::PoolFigure;

/// One fragment of a request that is being split.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// Where its response is due, and its place there.
    pub(crate) gathering: u32,
    pub(crate) ordinal: u32,
    /// Which of the servers in the [`Spread`] gets it.
    pub(crate) nth: usize,
}

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
            Ok(_) => {
                debug_assert!(!routed.noreply, "no request that is split has the word");
                let parent = self.begin_parent(conn, routed);
                let gathering = self.gather_for(pool, parent, gather, &spread);
                let had = Chances::default();
                self.queue_fragments(conn, (frame, routed), gathering, &spread, had);
            }
        }
        spread.clear();
        self.spread = spread;
    }

    /// A place in its client's line for a request that becomes several.
    pub(crate) fn begin_parent(&mut self, conn: ConnId, routed: &Routed) -> RequestId {
        let mut parent = Request::new(Some(conn), Role::Whole, Kinds::ANY);
        parent.quiet = routed.meta.quiet;
        parent.reads = routed.command.is_read();
        let parent = self.requests.insert(parent);
        self.put_in_line(conn, parent);
        parent
    }

    /// Finds each key's server, and says how many servers there are.
    pub(crate) fn spread_keys(
        &mut self,
        pool: PoolId,
        frame: Frame<'_>,
        routed: &Routed,
        spread: &mut Spread,
    ) -> Result<usize, CloseReason> {
        let pool = &self.pools[pool.0 as usize];
        let random = &mut self.random;
        for part in split::parts(pool.config().protocol, routed, frame.bytes) {
            spread.push(part);
        }
        let owner = |hash| pool.owner(hash, || random.draw());
        let assigned = spread.assign(frame.bytes, |keys| pool.hashes(keys), owner);
        assigned.ok_or(CloseReason::Refused)?;
        Ok(spread.arrange())
    }

    /// A place where the responses to the fragments of `parent`, which stands in its client's line, will
    /// come together.
    pub(crate) fn gather_for(
        &mut self,
        pool: PoolId,
        parent: RequestId,
        gather: Gather,
        spread: &Spread,
    ) -> u32 {
        let lack = match self.pools[pool.0 as usize].config().multi_error {
            MultiError::Fail => Lack::Fails,
            MultiError::Partial => Lack::StandIn,
        };
        let room = self.response_bytes_max(pool);
        let gathering = self.gatherings.insert(gather, parent, room);
        self.requests.get_mut(parent).role = Role::Parent { gathering };
        let place = self.gatherings.get_mut(gathering);
        place.lack = lack;
        if matches!(gather, Gather::Array | Gather::Values) || lack == Lack::StandIn {
            place.owners.extend(spread.owners());
        }
        gathering
    }

    /// Writes and queues a fragment for each server of `spread`.
    pub(crate) fn queue_fragments(
        &mut self,
        client: ConnId,
        request: (Frame<'_>, &Routed),
        gathering: u32,
        spread: &Spread,
        had: Chances,
    ) {
        let fragments = spread.fragments();
        for nth in 0..fragments {
            let part = Part { gathering, ordinal: nth as u32, nth };
            let queued = self.queue_fragment(client, request, part, spread, had);
            let place = self.gatherings.get_mut(gathering);
            match queued {
                Ok(bytes) => {
                    place.pending += 1;
                    place.ends.push(End::Pending { bytes });
                }
                Err(reason) => place.ends.push(End::Failed(Box::new(reason))),
            }
        }
        let pool = self.clients.get(client.key()).expect("it sent the request").pool;
        self.pool_stats(pool).at(PoolFigure::Fragments).add(fragments as i64);
        if self.gatherings.get_mut(gathering).pending == 0 {
            self.finish_parent(gathering);
        }
    }

    /// Writes and queues one fragment, and says how many bytes it has.
    pub(crate) fn queue_fragment(
        &mut self,
        client: ConnId,
        (frame, routed): (Frame<'_>, &Routed),
        Part { gathering, ordinal, nth }: Part,
        spread: &Spread,
        had: Chances,
    ) -> Result<u32, CloseReason> {
        let pool = self.clients.get(client.key()).expect("it sent the request").pool;
        let (server, keys) = spread.fragment(nth);
        let conn = self.open_conn(pool, ServerId(server), client)?;
        let protocol = self.pools[pool.0 as usize].config().protocol;
        let server = self.servers.get_mut(conn.key()).expect("it is open");
        let before = server.outbox.len();
        let tail = server.tail(room(frame, spread, nth), &mut self.spares);
        split::head(protocol, routed, frame.bytes, keys, tail);
        for part in spread.parts(nth) {
            split::part(protocol, &frame.bytes[part], tail);
        }
        split::tail(protocol, tail);
        let bytes = server.outbox.len() - before;
        let role = Role::Fragment { gathering, ordinal };
        let mut request = Request::new(None, role, routed.command.kinds);
        request.reads = routed.command.is_read();
        request.had = had;
        let request = self.requests.insert(request);
        self.enqueue(conn, request, bytes);
        Ok(bytes as u32)
    }
}

/// About how many bytes a fragment of `frame` has: of a small one as many as all of it, for that is not worth a look; of a
/// large one no more than it needs, for there may be a thousand of them.
fn room(frame: Frame<'_>, spread: &Spread, nth: usize) -> usize {
    /// Its count and its command's name.
    const HEAD_BYTES: usize = 64;
    if frame.bytes.len() <= EVERYDAY_BYTES {
        return frame.bytes.len();
    }
    spread.parts(nth).map(|part| part.len()).sum::<usize>() + HEAD_BYTES
}
