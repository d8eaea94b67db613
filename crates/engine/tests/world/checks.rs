//! What must hold: after every turn, and when all is quiet.

use nutcracker_engine::PoolId;
use nutcracker_engine::stats::{Kind, PoolFigure, ServerFigure};

use super::World;
use super::shell::Far;

impl World {
    /// Who was subscribed has heard what was published, where nothing went wrong.
    pub(super) fn check_heard(&self) {
        if !self.plan.quiet || self.stopping {
            return;
        }
        for client in self.clients.iter().filter(|client| client.hears_in_time()) {
            for server in &self.servers[client.pool] {
                client.ears.check_whole(&server.board.published, client.leaves_at);
            }
        }
    }

    /// No gauge is ever below zero.
    pub(super) fn check_gauges(&self) {
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

    /// Nothing is outstanding, and the counters add up.
    pub(super) fn check_counters(&self) {
        assert_eq!(self.engine.outstanding(), (0, 0), "requests, split requests");
        assert_eq!(self.engine.held(), 0, "responses held");
        for pool in 0..self.plan.pools.len() {
            let pinned = self.engine.pinned(PoolId(pool as u32));
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
                    assert_eq!(bytes, seen, "{name}: bytes of requests and responses");
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
            assert_eq!(at(PoolFigure::ClientConnections), open, "pool {p}: clients");
            let ended = at(PoolFigure::ClientEof) + at(PoolFigure::ClientErr);
            assert_eq!(ended + open, all, "pool {p}: clients that came and went");
        }
        let open = self.sockets.values().filter(|socket| socket.open);
        assert_eq!(self.stats.curr_connections.get(), open.count() as i64, "conns");
    }
}
