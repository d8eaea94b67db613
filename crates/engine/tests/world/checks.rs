//! What must hold: after every turn, and when all is quiet.

use nutcracker_engine::limits::{
    BLOCKED_UNPARSED_BYTES_MAX, EVERYDAY_BYTES, GROWN_BYTES_MAX, RECV_BYTES, SPARE_BUFFERS_MAX,
    SPARE_GROWN_MAX, SPARE_LARGE_BYTES_KEPT,
};
use nutcracker_engine::stats::{Kind, PoolFigure, ServerFigure};
use nutcracker_engine::{Inventory, PoolId};

use super::World;
use super::client::Client;
use super::plan::SECOND;
use super::shell::Far;

impl World {
    /// Who was subscribed has heard what was published, where nothing went wrong.
    pub(super) fn check_heard(&self) {
        /// How long a message is under way by what weather and slow peers do.
        const UNDER_WAY_MAX: u64 = 10 * SECOND;
        // Between two conns to a server that moves nobody listens there, nor between two engines.
        let stays = self.plan.moves.is_empty() && self.plan.reloads.is_empty();
        if !self.plan.quiet || self.stopping || !stays {
            return;
        }
        // A proxy that is held up passes nothing on, and who leaves in the meantime has not heard it.
        let under_way_max = UNDER_WAY_MAX + self.plan.stall_allowance();
        for client in self.clients.iter().filter(|client| client.hears_in_time()) {
            for server in &self.servers[client.pool] {
                client.ears.check_whole(&server.board.published, client.leaves_at, under_way_max);
            }
        }
    }

    /// After every turn: no gauge is below zero, all that is held is within its limits, and the counters
    /// agree with what there is.
    pub(super) fn check_turn(&self) {
        self.check_gauges();
        let held = self.engines.inventory();
        self.check_limits(&held);
        let gauge = |figure| {
            let servers = self.stats.pools.iter().flat_map(|pool| &pool.servers);
            servers.map(|server| server.at(figure).get()).sum::<i64>()
        };
        let queued = gauge(ServerFigure::InQueue) + gauge(ServerFigure::OutQueue);
        assert_eq!(queued, held.queued as i64, "requests in queues");
        let bytes = gauge(ServerFigure::InQueueBytes) + gauge(ServerFigure::OutQueueBytes);
        assert_eq!(bytes, held.queued_bytes as i64, "bytes in queues");
        assert!(
            held.kept_bytes <= held.queued_bytes,
            "{} bytes kept, {bytes} queued",
            held.kept_bytes
        );
        let open = |is: &dyn Fn(&Far) -> bool| {
            self.sockets.values().filter(|socket| socket.open && is(&socket.far)).count() as i64
        };
        let is_connected = |far: &Far| matches!(far, Far::Server { connecting: None, .. });
        assert_eq!(gauge(ServerFigure::ServerConnections), open(&is_connected), "server conns");
        assert_eq!(self.stats.curr_connections.get(), open(&|_| true), "conns");
        let clients = open(&|far| matches!(far, Far::Client(_)));
        assert_eq!(held.clients.len() as i64, clients, "clients");
        assert_eq!(held.subscriptions, held.subscribers, "subscriptions");
        self.check_progress();
    }

    /// Nobody holds more than may be held for it.
    fn check_limits(&self, held: &Inventory) {
        /// A request grows by this much at most on its way: a cursor, a script in a digest's place.
        const GROWTH: usize = 200;
        for (pool, &queued) in held.server_queue_bytes.iter().enumerate() {
            let longest = self.longest(pool, |client| client.request_bytes_max);
            let max = self.plan.pools[pool].config.limits.server_queue_bytes + longest + GROWTH;
            assert!(queued <= max, "pool {pool}: {queued} bytes wait for a server, above {max}");
        }
        for client in &held.clients {
            let pool = client.pool.0 as usize;
            let limits = &self.plan.pools[pool].config.limits;
            let known = client.line + client.noreply;
            assert_eq!(known, client.outstanding, "requests of {client:?}");
            let requests_max = limits.client_requests as usize;
            // One that goes to all servers and wants no response is as many.
            let most = requests_max + self.plan.pools[pool].config.servers.len() - 1;
            let may = client.line <= requests_max && client.outstanding <= most;
            assert!(may, "{client:?} has too much outstanding");
            // What was outstanding when it was last read may all have come since.
            let longest = self.longest(pool, |client| client.response_bytes_max);
            let mut max = limits.client_unsent_bytes as usize + requests_max * longest;
            // It may have had subscriptions, and what was published waits still.
            if self.plan.subscribers {
                max += limits.subscriber_unsent_bytes
                    + self.longest(pool, |client| client.request_bytes_max)
                    + GROWTH;
            }
            // Where servers lie a client may be told another's answer, which was to be longer.
            let fits = self.plan.lies || client.unsent_bytes <= max;
            assert!(fits, "{client:?}: above {max} bytes unsent");
        }
        let unparsed_max: usize = self.clients.iter().map(|client| client.request_bytes_max).sum();
        // A read may bring the beginning of what is behind a request.
        let behind = if self.plan.pins { BLOCKED_UNPARSED_BYTES_MAX } else { 0 } + RECV_BYTES;
        let unparsed_max = unparsed_max + self.clients.len() * behind;
        assert!(held.unparsed_bytes <= unparsed_max, "{} bytes unparsed", held.unparsed_bytes);
    }

    fn longest(&self, pool: usize, bytes: impl Fn(&Client) -> usize) -> usize {
        self.clients.iter().filter(|client| client.pool == pool).map(bytes).max().unwrap_or(0)
    }

    /// Servers were sent nothing that was not counted, and nothing was counted that they did not say.
    fn check_progress(&self) {
        for (p, pool) in self.stats.pools.iter().enumerate() {
            for (s, figures) in pool.servers.iter().enumerate() {
                let at = |figure| figures.at(figure).get();
                let (name, model) = (format!("pool {p}, server {s}"), &self.servers[p][s]);
                // Probes count as nothing.
                let is_probed = self.plan.pools[p].config.ejection.is_some();
                let received = model.received_bytes as i64;
                let asked = at(ServerFigure::RequestBytes);
                assert!(is_probed || received <= asked, "{name}: bytes it received");
                let sent = model.sent_bytes as i64;
                let told = at(ServerFigure::ResponseBytes);
                assert!(self.plan.lies || told <= sent, "{name}: bytes it sent");
                let begun = at(ServerFigure::Requests);
                let ended = at(ServerFigure::Responses)
                    + self.failed[p][s]
                    + at(ServerFigure::InQueue)
                    + at(ServerFigure::OutQueue);
                assert!(begun >= ended, "{name}: {begun} requests, and {ended} ended or under way");
            }
        }
    }

    fn check_gauges(&self) {
        for pool in &self.stats.pools {
            for figure in PoolFigure::ALL {
                assert!(pool.at(*figure).get() >= 0, "{}", figure.name());
            }
            for server in &pool.servers {
                for figure in ServerFigure::ALL {
                    assert!(server.at(*figure).get() >= 0, "{}", figure.name());
                }
            }
        }
    }

    /// When all is quiet nothing is kept for anybody who is gone, and buffers are given back.
    fn check_leftovers(&self) {
        /// What a burst may leave behind.
        const SPARE_BYTES_MAX: usize = SPARE_LARGE_BYTES_KEPT
            + SPARE_BUFFERS_MAX * EVERYDAY_BYTES
            + SPARE_GROWN_MAX * GROWN_BYTES_MAX;
        let held = self.engines.inventory();
        let expected = Inventory {
            // Those that are kept for a while have gone as well, and their alarms.
            clients: held.clients.clone(),
            server_queue_bytes: vec![0; self.plan.pools.len()],
            spare_bytes: held.spare_bytes,
            ..Inventory::default()
        };
        assert_eq!(held, expected, "nothing is left behind");
        let spare = held.spare_bytes;
        assert!(spare <= SPARE_BYTES_MAX, "{spare} bytes of spare buffers");
        for client in &held.clients {
            let is_idle = client.outstanding == 0 && client.unsent_bytes == 0;
            assert!(is_idle && !client.listens, "{client:?} has nothing to wait for");
        }
    }

    /// Nothing is outstanding, and the counters add up.
    pub(super) fn check_counters(&self) {
        self.check_leftovers();
        for pool in 0..self.plan.pools.len() {
            let pinned = self.engines.pinned(PoolId(pool as u32));
            assert_eq!(pinned, 0, "clients of pool {pool} with a conn of their own");
        }
        for (p, pool) in self.stats.pools.iter().enumerate() {
            for (s, figures) in pool.servers.iter().enumerate() {
                let at = |figure| figures.at(figure).get();
                let (name, model) = (format!("pool {p}, server {s}"), &self.servers[p][s]);
                let (responses, failed) = (at(ServerFigure::Responses), self.failed[p][s]);
                let ended = responses + failed;
                // What a client leaves behind on a conn of its own nobody waits for, and that a server
                // refuses what clients chose for themselves is not reported.
                if self.plan.pins || self.plan.switches || self.plan.subscribers {
                    assert!(at(ServerFigure::Requests) >= ended, "{name}: requests");
                } else {
                    assert_eq!(at(ServerFigure::Requests), ended, "{name}: requests");
                }
                for figure in ServerFigure::ALL {
                    if figure.kind() == Kind::Gauge && *figure != ServerFigure::ServerConnections {
                        assert_eq!(at(*figure), 0, "{name}: {}", figure.name());
                    }
                }
                if self.plan.quiet && !self.plan.pins {
                    let bytes = [at(ServerFigure::RequestBytes), at(ServerFigure::ResponseBytes)];
                    let seen = [model.received_bytes as i64, model.sent_bytes as i64];
                    // A server that moves, or whose engine goes, may be left before it has read the value that it
                    // has refused.
                    let may_be_left = !self.plan.moves.is_empty() || !self.plan.reloads.is_empty();
                    let is_seen = bytes == seen || may_be_left && bytes[0] > seen[0];
                    assert!(
                        is_seen,
                        "{name}: bytes of requests and responses, {bytes:?}, {seen:?}"
                    );
                    assert_eq!(failed, 0, "{name}: nothing went wrong");
                }
                let conns = self.sockets.values().filter(|socket| {
                    matches!(socket.far, Far::Server { pool, server, .. } if (pool, server) == (p, s))
                });
                let conns = conns.count() as i64;
                assert_eq!(at(ServerFigure::ServerConnections), conns, "{name}: conns");
            }
            let all =
                self.clients.iter().filter(|client| client.pool == p && client.conn.is_some());
            let all = all.count() as i64;
            let open = self.sockets.values().filter(
                |socket| matches!(socket.far, Far::Client(n) if socket.open && self.clients[n].pool == p),
            );
            let open = open.count() as i64;
            let at = |figure| pool.at(figure).get();
            let told: i64 =
                self.clients.iter().filter(|client| client.pool == p).map(|it| it.told).sum();
            assert!(told <= at(PoolFigure::ForwardError), "pool {p}: failures told");
            assert_eq!(at(PoolFigure::ClientConnections), open, "pool {p}: clients");
            let ended = at(PoolFigure::ClientEof) + at(PoolFigure::ClientErr);
            assert_eq!(ended + open, all, "pool {p}: clients that came and went");
        }
        let open = self.sockets.values().filter(|socket| socket.open);
        assert_eq!(self.stats.curr_connections.get(), open.count() as i64, "conns");
    }
}
