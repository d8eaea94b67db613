//! What was counted under earlier configurations: counters go on when a configuration is loaded anew.

use std::sync::Arc;

use nutcracker_engine::stats::{
    FaultFigure, Figure, Kind, LimitFigure, PoolFigure, PoolStats, ServerFigure, ServerStats, Stats,
};

/// Where a pool's figures go on: its number in the newer configuration, and that of each of its servers
/// that is there still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The pool's number.
    pub pool: usize,
    /// The servers' numbers, in their earlier order.
    pub servers: Vec<Option<usize>>,
}

/// The figures of an earlier configuration, on their way into a table of the one that followed.
#[derive(Debug)]
pub struct Past {
    from: Arc<[Arc<Stats>]>,
    into: Arc<Stats>,
    /// For each pool of `from`.
    places: Vec<Option<Place>>,
    /// As much of `from` as is in `into`.
    carried: Stats,
}

impl Past {
    /// Nothing is carried yet. `into` is written by nobody else on another thread.
    #[must_use]
    pub fn new(from: Arc<[Arc<Stats>]>, into: Arc<Stats>, places: Vec<Option<Place>>) -> Self {
        let sizes = from[0].pools.iter().map(|pool| pool.servers.len());
        let carried = Stats::new(sizes);
        Self { from, into, places, carried }
    }

    /// Carries into another table from now on; what has been carried is there already.
    pub fn redirect(&mut self, into: Arc<Stats>, places: Vec<Option<Place>>) {
        self.carry();
        (self.into, self.places) = (into, places);
    }

    /// Carries what has been counted since the last time. Gauges end with the configuration they are of.
    pub fn carry(&self) {
        let made = self.from.iter().map(|stats| stats.total_connections.get()).sum();
        advance(&self.carried.total_connections, made, &self.into.total_connections);
        for (pool, place) in self.places.iter().enumerate() {
            let Some(place) = place else { continue };
            let into = &self.into.pools[place.pool];
            let from: Vec<&PoolStats> = self.from.iter().map(|stats| &stats.pools[pool]).collect();
            let carried = &self.carried.pools[pool];
            carry(
                from.iter().map(|of| pool_figures(of)),
                pool_figures(carried),
                pool_figures(into),
            );
            for (server, now) in place.servers.iter().enumerate() {
                let Some(now) = now else { continue };
                let each = from.iter().map(|of| server_figures(&of.servers[server]));
                let carried = server_figures(&carried.servers[server]);
                carry(each, carried, server_figures(&into.servers[*now]));
            }
        }
    }
}

/// A row of a table, and what its figures do over time.
type Row<'a> = Vec<(Kind, &'a Figure)>;

fn pool_figures(of: &PoolStats) -> Row<'_> {
    let own = PoolFigure::ALL.iter().map(|&figure| (figure.kind(), of.at(figure)));
    let limits = LimitFigure::ALL.iter().map(|&figure| (figure.kind(), of.limit(figure)));
    let faults = FaultFigure::ALL.iter().map(|&figure| (figure.kind(), of.fault(figure)));
    own.chain(limits).chain(faults).collect()
}

fn server_figures(of: &ServerStats) -> Row<'_> {
    ServerFigure::ALL.iter().map(|&figure| (figure.kind(), of.at(figure))).collect()
}

/// Carries one row, counted in several tables.
fn carry<'a>(from: impl Iterator<Item = Row<'a>>, carried: Row<'a>, into: Row<'a>) {
    let from: Vec<Row<'_>> = from.collect();
    for (at, (kind, into)) in into.into_iter().enumerate() {
        let now = from.iter().map(|row| row[at].1.get());
        match kind {
            Kind::Counter => advance(carried[at].1, now.sum(), into),
            Kind::Timestamp => into.set(now.max().unwrap_or(0).max(into.get())),
            Kind::Gauge => {}
        }
    }
}

/// Adds what a counter has grown by.
fn advance(carried: &Figure, now: i64, into: &Figure) {
    into.add(now.wrapping_sub(carried.get()));
    carried.set(now);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_go_on_where_their_pools_and_servers_are_now_and_are_carried_once() {
        let workers = [Arc::new(Stats::new([1, 3])), Arc::new(Stats::new([1, 3]))];
        let into = Arc::new(Stats::new([2, 2]));
        let place = Place { pool: 0, servers: vec![Some(1), None, Some(0)] };
        let past = Past::new(workers.clone().into(), Arc::clone(&into), vec![None, Some(place)]);
        for (n, stats) in (1..).zip(&workers) {
            stats.total_connections.add(n);
            stats.curr_connections.add(n);
            stats.pools[0].at(PoolFigure::ForwardError).add(7);
            stats.pools[1].at(PoolFigure::ForwardError).add(10 * n);
            stats.pools[1].at(PoolFigure::ClientConnections).add(n);
            stats.pools[1].limit(LimitFigure::ClientPaused).add(2);
            stats.pools[1].fault(FaultFigure::Probes).add(3);
            for (server, counts) in (1..).zip(&stats.pools[1].servers) {
                counts.at(ServerFigure::Requests).add(100 * server);
                counts.at(ServerFigure::InQueue).add(5);
                counts.at(ServerFigure::ServerEjectedAt).set(1_000 * server + n);
            }
        }
        for more in [0, 4] {
            past.carry();
            past.carry();
            let pool = &into.pools[0];
            assert_eq!(into.total_connections.get(), 3 + more);
            assert_eq!(into.curr_connections.get(), 0);
            assert_eq!(pool.at(PoolFigure::ForwardError).get(), 30);
            assert_eq!(pool.at(PoolFigure::ClientConnections).get(), 0);
            assert_eq!(pool.limit(LimitFigure::ClientPaused).get(), 4);
            assert_eq!(pool.fault(FaultFigure::Probes).get(), 6);
            let at = |server: usize, figure| pool.servers[server].at(figure).get();
            assert_eq!(at(0, ServerFigure::Requests), 600);
            assert_eq!(at(1, ServerFigure::Requests), 200 + more);
            assert_eq!(at(1, ServerFigure::InQueue), 0);
            assert_eq!(at(0, ServerFigure::ServerEjectedAt), 3_002);
            assert_eq!(into.pools[1].at(PoolFigure::ForwardError).get(), 0);
            workers[0].total_connections.add(4);
            workers[1].pools[1].servers[0].at(ServerFigure::Requests).add(4);
        }
    }
}
