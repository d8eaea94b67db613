//! The proxy's own figures, where clients ask for them: Redis' `INFO`, memcached's `stats`.
//!
//! They are those of a pool, added up over all workers. The statistics port has them all in forms of
//! its own; see the proxy's `stats_server`.

use std::fmt::Write as _;
use std::sync::Arc;

use nutcracker_proto::resp::local::ServerFacts;

use crate::engine::Engine;
use crate::ids::PoolId;
use crate::many_keys::gathering::End;
use crate::stats::{FaultFigure, LimitFigure, PoolFigure, PoolStats, ServerFigure, Stats};

impl Engine {
    /// The counters of all workers, this one's among them. Without it, the engine knows its own alone.
    pub fn set_all_stats(&mut self, stats: Arc<[Arc<Stats>]>) {
        self.all_stats = stats;
    }

    /// What `INFO` and `CONFIG` tell of the process and the pool.
    #[cold]
    pub(crate) fn server_facts(&self, pool: PoolId) -> ServerFacts {
        let requests = |stats: &PoolStats| -> i64 {
            stats.servers.iter().map(|each| each.at(ServerFigure::Requests).get()).sum()
        };
        let clients = |stats: &PoolStats| stats.at(PoolFigure::ClientConnections).get();
        ServerFacts {
            uptime: u64::from(self.now.seconds()),
            clients: u64::try_from(self.sum(pool, clients)).unwrap_or(0),
            requests: u64::try_from(self.sum(pool, requests)).unwrap_or(0),
            databases: self.pools[pool.0 as usize].config().databases,
        }
    }

    /// The pool's figures as one more server's answer to `stats`. Their names begin with `proxy_`, as
    /// those of memcached's own proxy do, so that no server's figure has the same.
    #[cold]
    pub(crate) fn answer_stats(&mut self, pool: PoolId) -> End {
        let mut lines = format!("STAT proxy_uptime {}\r\n", self.now.seconds());
        let mut line = |name: &str, value: i64| {
            let _ = write!(lines, "STAT proxy_{name} {}\r\n", value.max(0));
        };
        for figure in PoolFigure::ALL {
            line(figure.name(), self.sum(pool, |stats| stats.at(*figure).get()));
        }
        for figure in LimitFigure::ALL {
            line(figure.name(), self.sum(pool, |stats| stats.limit(*figure).get()));
        }
        for figure in FaultFigure::ALL {
            line(figure.name(), self.sum(pool, |stats| stats.fault(*figure).get()));
        }
        lines.push_str("END\r\n");
        End::Response(self.holding.hold(lines.as_bytes(), &mut self.spares))
    }

    fn sum(&self, pool: PoolId, of: impl Fn(&PoolStats) -> i64) -> i64 {
        self.all_stats.iter().map(|stats| of(&stats.pools[pool.0 as usize])).sum()
    }
}
