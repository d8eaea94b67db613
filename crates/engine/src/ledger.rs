//! What is noted of a request when it is queued, and where.

use crate::flushes::Flushes;
use crate::ids::ConnId;
use crate::pool::Pool;
use crate::request::{RequestId, Requests};
use crate::server::ServerConn;
use crate::stats::{PoolStats, ServerFigure};
use crate::time::deadlines::Deadlines;
use crate::time::tick::Tick;

/// All that has to know of a request that is queued, for servers of one pool.
pub(crate) struct Ledger<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) requests: &'a mut Requests,
    pub(crate) deadlines: &'a mut Deadlines,
    pub(crate) flushes: &'a mut Flushes,
    pub(crate) stats: &'a PoolStats,
    pub(crate) now: Tick,
    /// When a request of this turn gives up.
    pub(crate) deadline: Tick,
}

impl Ledger<'_> {
    /// Queues a request of so many bytes, which are in the outbox already; gives it its deadline, which one on a pinned
    /// conn has already; and counts it. Inlined: it is a good part of what an ordinary request costs.
    #[inline(always)]
    pub(crate) fn enter(self, conn: ConnId, server: &mut ServerConn, id: RequestId, bytes: usize) {
        let request = self.requests.get_mut(id);
        request.bytes = u32::try_from(bytes).expect("a request is shorter than 4 GiB");
        request.queued_at = self.now.0 as u32;
        if !server.is_pinned() {
            request.deadline = self.deadline;
            if self.deadline != Tick::NEVER && !server.armed {
                server.armed = true;
                self.deadlines.set(self.deadline, conn);
            }
        }
        if server.queue.is_empty() {
            server.placed_at = self.pool.moment();
        }
        server.enqueue(id, self.requests);
        if server.become_dirty() {
            self.flushes.push_server(conn);
        }
        let stats = &self.stats.servers[server.server.0 as usize];
        let bytes = bytes as i64;
        stats.at(ServerFigure::Requests).add(1);
        stats.at(ServerFigure::RequestBytes).add(bytes);
        stats.at(ServerFigure::InQueue).add(1);
        stats.at(ServerFigure::InQueueBytes).add(bytes);
    }
}
