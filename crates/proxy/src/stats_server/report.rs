//! The statistics as the original's JSON, to the byte (its `stats_make_rsp`).
//!
//! One line. Names stand in it as they are configured, quotes and all: consumers have learnt to
//! read that, and the shape is closed (any further key breaks some of them).

use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use nutcracker_engine::SharedPool;
use nutcracker_engine::stats::{Kind, PoolFigure, PoolStats, ServerFigure, Stats};

/// A pool as the statistics name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolNames {
    /// Its own name.
    pub name: String,
    /// Its servers' names.
    pub servers: Vec<String>,
}

/// Where the figures come from, and what they are called.
#[derive(Debug)]
pub struct StatsSource {
    source: String,
    started: Instant,
    memory_max: usize,
    pools: Vec<PoolNames>,
    workers: Arc<[Arc<Stats>]>,
    /// The pools themselves, for what is no count. Without them all servers are live.
    shared: Box<[Arc<SharedPool>]>,
}

impl StatsSource {
    /// Figures of `workers` for `pools`, both in the configuration's order; `source` is the name
    /// of the host, `started` when the process began, `memory_max` how many bytes it may hold.
    ///
    /// # Panics
    /// When a worker counts for other pools or servers than those.
    #[must_use]
    pub fn new(
        source: String,
        started: Instant,
        memory_max: usize,
        pools: Vec<PoolNames>,
        workers: Arc<[Arc<Stats>]>,
    ) -> Self {
        for worker in workers.iter() {
            let counted = worker.pools.iter().map(|pool| pool.servers.len());
            let named = pools.iter().map(|pool| pool.servers.len());
            assert!(counted.eq(named), "a worker's figures are not those of the pools");
        }
        Self { source, started, memory_max, pools, workers, shared: Box::default() }
    }

    /// The same, which also knows the pools themselves, in the configuration's order.
    #[must_use]
    pub fn of_pools(self, shared: &[Arc<SharedPool>]) -> Self {
        Self { shared: shared.into(), ..self }
    }

    /// All figures now, each summed over the workers; of a point in time the latest counts.
    ///
    /// Connections include one listener a pool, as in the original. A gauge that the moment of
    /// reading makes negative (one worker's addition unseen, another's subtraction seen) is 0.
    #[must_use]
    pub fn json(&self) -> String {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.json_at(self.uptime(), since_epoch.as_secs())
    }

    /// Seconds since the process began.
    pub(super) fn uptime(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// How many bytes the process may hold, if there is a limit.
    pub(super) fn memory_max(&self) -> Option<usize> {
        (self.memory_max < usize::MAX).then_some(self.memory_max)
    }

    /// The pools and their servers by name.
    pub(super) fn pools(&self) -> &[PoolNames] {
        &self.pools
    }

    /// Whether each server of that pool is live.
    pub(super) fn live(&self, pool: usize) -> Vec<bool> {
        match self.shared.get(pool) {
            Some(shared) => shared.live(),
            None => vec![true; self.pools[pool].servers.len()],
        }
    }

    /// Connections ever made, and those there are: of clients and servers, and one listener a pool.
    pub(super) fn connections(&self) -> (i64, i64) {
        let listeners = i64::try_from(self.pools.len()).unwrap_or(i64::MAX);
        let total = listeners + self.sum(|worker| worker.total_connections.get());
        (total, listeners + self.sum(|worker| worker.curr_connections.get()))
    }

    fn json_at(&self, uptime: u64, timestamp: u64) -> String {
        let servers: usize = self.pools.iter().map(|pool| pool.servers.len()).sum();
        let mut out = String::with_capacity(
            HEADER_BYTES + self.pools.len() * POOL_BYTES + servers * SERVER_BYTES,
        );
        // A `String` takes anything.
        let _ = self.write(&mut out, uptime, timestamp);
        out
    }

    fn write(&self, out: &mut String, uptime: u64, timestamp: u64) -> fmt::Result {
        let source = &self.source;
        let (total, current) = self.connections();
        write!(out, r#"{{"service":"nutcracker", "source":"{source}", "version":"{VERSION}", "#)?;
        write!(out, r#""uptime":{uptime}, "timestamp":{timestamp}, "#)?;
        write!(out, r#""total_connections":{total}, "curr_connections":{current}, "#)?;
        for (index, pool) in self.pools.iter().enumerate() {
            separate(out, index);
            self.write_pool(out, index, pool)?;
        }
        out.push_str("}\n");
        Ok(())
    }

    fn write_pool(&self, out: &mut String, pool: usize, names: &PoolNames) -> fmt::Result {
        write!(out, r#""{}": {{"#, names.name)?;
        for &figure in PoolFigure::ALL {
            let value = self.value(figure.kind(), pool, |stats| stats.at(figure).get());
            write!(out, r#""{}":{value}, "#, figure.name())?;
        }
        for (server, name) in names.servers.iter().enumerate() {
            separate(out, server);
            write!(out, r#""{name}": {{"#)?;
            for (place, &figure) in ServerFigure::ALL.iter().enumerate() {
                let of = |stats: &PoolStats| stats.servers[server].at(figure).get();
                let value = self.value(figure.kind(), pool, of);
                let separator = if place == 0 { "" } else { ", " };
                write!(out, r#"{separator}"{}":{value}"#, figure.name())?;
            }
            out.push('}');
        }
        out.push('}');
        Ok(())
    }

    /// One figure over all workers.
    pub(super) fn value(&self, kind: Kind, pool: usize, of: impl Fn(&PoolStats) -> i64) -> i64 {
        let of = |worker: &Stats| of(&worker.pools[pool]);
        match kind {
            Kind::Counter => self.sum(of),
            Kind::Gauge => self.sum(of).max(0),
            Kind::Timestamp => self.workers.iter().map(|worker| of(worker)).max().unwrap_or(0),
        }
    }

    fn sum(&self, of: impl Fn(&Stats) -> i64) -> i64 {
        self.workers.iter().fold(0, |sum, worker| sum.wrapping_add(of(worker)))
    }
}

/// What consumers of the original expect to be told.
const VERSION: &str = "0.5.0";

/// Room for the head, a pool and a server with figures of middling size.
const HEADER_BYTES: usize = 256;
const POOL_BYTES: usize = 256;
const SERVER_BYTES: usize = 384;

/// Objects are set apart by a comma alone, unlike figures.
fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(workers: &[Arc<Stats>]) -> StatsSource {
        let pools = vec![
            PoolNames { name: "beta".into(), servers: vec!["127.0.0.1:25092".into()] },
            PoolNames { name: "alpha".into(), servers: vec!["one".into(), "we\"ird".into()] },
        ];
        StatsSource::new("vm".into(), Instant::now(), usize::MAX, pools, workers.into())
    }

    fn worker() -> Arc<Stats> {
        Arc::new(Stats::new([1, 2]))
    }

    #[test]
    fn an_idle_proxys_report_is_the_originals_to_the_byte() {
        let recorded = include_str!("../../tests/data/stats_idle.json");
        assert_eq!(source(&[worker(), worker()]).json_at(1, 1_795_243_329), recorded);
    }

    #[test]
    fn figures_of_all_workers_are_summed() {
        let workers = [worker(), worker(), worker()];
        for (n, stats) in (1..).zip(&workers) {
            stats.total_connections.add(10 * n);
            stats.curr_connections.add(n);
            stats.pools[1].at(PoolFigure::ForwardError).add(n);
            stats.pools[1].servers[0].at(ServerFigure::Requests).add(100 * n);
            stats.pools[1].servers[1].at(ServerFigure::RequestBytes).add(i64::from(u32::MAX));
        }
        let json = source(&workers).json_at(7, 8);
        let parts = [
            r#""uptime":7, "timestamp":8, "total_connections":62, "curr_connections":8, "beta""#,
            r#""forward_error":6, "fragments":0, "one": {"#,
            r#""server_ejected_at":0, "requests":600, "request_bytes":0, "responses":0"#,
            r#""requests":0, "request_bytes":12884901885, "responses":0"#,
        ];
        for part in parts {
            assert!(json.contains(part), "{part} is not in {json}");
        }
    }

    #[test]
    fn an_ejection_is_as_late_as_the_last_workers() {
        let workers = [worker(), worker(), worker()];
        for (stats, at) in workers.iter().zip([5, 1_795_243_329_000_001, 0]) {
            stats.pools[0].servers[0].at(ServerFigure::ServerEjectedAt).set(at);
        }
        let json = source(&workers).json_at(0, 0);
        assert!(json.contains(r#""server_ejected_at":1795243329000001, "#), "{json}");
    }

    #[test]
    fn a_gauge_never_shows_less_than_nothing_and_workers_offset_each_other() {
        let workers = [worker(), worker()];
        workers[0].pools[0].at(PoolFigure::ClientConnections).add(-2);
        workers[1].pools[0].at(PoolFigure::ClientConnections).add(5);
        workers[0].pools[1].at(PoolFigure::ClientConnections).add(-2);
        let json = source(&workers).json_at(0, 0);
        let shown: Vec<_> = json
            .match_indices("\"client_connections\":")
            .map(|(at, name)| &json[at + name.len()..=at + name.len()])
            .collect();
        assert_eq!(shown, ["3", "0"]);
    }

    #[test]
    #[should_panic(expected = "not those of the pools")]
    fn a_worker_of_other_pools_is_refused() {
        let _ = source(&[Arc::new(Stats::new([1, 3]))]);
    }
}
