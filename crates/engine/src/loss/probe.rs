//! Whether an ejected server is back: asked by the proxy itself, over a conn of its own.
//!
//! A server is back when it has taken the pool's handshake and answered. What it answers does not matter
//! much: an error of its own, such as that a password is missing, is what clients would get too; but one
//! that is loading its data, or says otherwise that it is unwell, is not back, and neither is one whose
//! answer is none to that question.

use nutcracker_proto::{Outcome, Response};

use crate::action::{Action, CloseReason, Report};
use crate::clients::session::ClassId;
use crate::engine::Engine;
use crate::ids::{ConnId, PoolId};
use crate::limits::PROBE_PATIENCE;
use crate::server::{ServerConn, State, Tenancy};
use crate::stats::{FaultFigure, ServerFigure};

impl Engine {
    /// Probes the ejected servers of a pool whose time has come, unless another worker does.
    #[cold]
    pub(crate) fn probe(&mut self, pool: PoolId) {
        let shared = &self.pools[pool.0 as usize].shared;
        let patience = shared.config.timeout.unwrap_or(PROBE_PATIENCE);
        for server in shared.health.take_probes(self.now, patience) {
            let conn = self.connect(pool, server, ClassId::default(), Tenancy::Probe);
            let question = self.pools[pool.0 as usize].config().protocol.probe();
            let probe = self.servers.get_mut(conn.key()).expect("it was opened just now");
            probe.outbox.push(question, &mut self.spares);
            probe.connect_by = self.now.after(patience);
            probe.armed = true;
            self.deadlines.set(probe.connect_by, conn);
            self.mark_server_dirty(conn);
            self.pool_stats(pool).fault(FaultFigure::Probes).add(1);
        }
    }

    /// The answer to a probe.
    pub(crate) fn judge_probe(&mut self, conn: ConnId, answer: &[u8], response: Response) {
        if response.outcome == Outcome::Unwell {
            let words = String::from_utf8_lossy(answer).trim().replace(['\r', '\n'], " ");
            return self.close_server(conn, CloseReason::Other(words.into()));
        }
        let Some(server) = self.servers.get(conn.key()) else { return };
        let protocol = self.pools[server.pool.0 as usize].config().protocol;
        if !protocol.probe_kinds().contain(response.kind) {
            return self.close_wrong_kind(conn, answer);
        }
        let Some(server) = self.servers.remove(conn.key()) else { return };
        let (pool, id) = (server.pool, server.server);
        self.forget_probe(server, conn);
        if self.pools[pool.0 as usize].shared.health.restore(id, self.now) {
            self.actions.push_back(Action::Report(Report::Returned { pool, server: id }));
        }
        self.pools[pool.0 as usize].refresh();
    }

    /// A probe has come to nothing.
    pub(crate) fn end_probe(&mut self, server: ServerConn, conn: ConnId, reason: CloseReason) {
        let (pool, id) = (server.pool, server.server);
        self.forget_probe(server, conn);
        self.pool_stats(pool).fault(FaultFigure::ProbesFailed).add(1);
        self.pools[pool.0 as usize].shared.health.record_vain_probe(id, self.now);
        self.actions.push_back(Action::Report(Report::StillAway { pool, server: id, reason }));
    }

    fn forget_probe(&mut self, mut server: ServerConn, conn: ConnId) {
        let pool = server.pool;
        server.outbox.clear(&mut self.spares);
        server.inbox.clear(&mut self.spares);
        if !matches!(server.state, State::Connecting { .. }) {
            let stats = self.server_stats(pool, server.server);
            stats.at(ServerFigure::ServerConnections).add(-1);
        }
        self.stats.curr_connections.add(-1);
        self.actions.push_back(Action::Close { conn, pool });
    }
}
