//! Servers that cannot be connected to in time, in pools that eject none.

use std::time::Duration;

use nutcracker_engine::limits::REACH_INTERVAL;
use nutcracker_engine::stats::{FaultFigure, ServerFigure};
use nutcracker_engine::{CloseReason, ConnId, PoolConfig, Report};

use crate::stage::{POOL, Stage, cmd, ejection, memcached, redis};

const LATE: &str = "-ERR Connection timed out\r\n";

/// A stage whose servers do not take conns, with a timeout of 100 ms.
fn deserted(config: PoolConfig) -> Stage {
    let mut stage = Stage::new(PoolConfig { timeout: Some(Duration::from_millis(100)), ..config });
    stage.servers_accept = false;
    stage
}

/// Time passes until a lost server may be tried again.
fn waits(stage: &mut Stage) {
    stage.passes(REACH_INTERVAL.as_millis() as u64);
}

/// A request of `client` is served on `conn`.
#[track_caller]
fn is_served(stage: &mut Stage, client: ConnId, conn: ConnId) {
    stage.sends(client, cmd("GET a"));
    stage.gets(conn, cmd("GET a"));
    stage.sends(conn, "$-1\r\n");
    stage.gets(client, "$-1\r\n");
}

#[test]
fn a_server_that_cannot_be_reached_costs_a_client_its_time_once() {
    let mut stage = deserted(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("GET a"));
    stage.passes(101);
    stage.gets(client, LATE);
    for _ in 0..3 {
        stage.sends(client, [cmd("GET a"), cmd("SET a 1"), cmd("BLPOP a 0")].concat());
        stage.gets(client, LATE.repeat(3));
    }
    assert_eq!(stage.conns_of(0).len(), 1, "nobody has tried again");

    waits(&mut stage);
    assert_eq!(stage.conns_of(0).len(), 2, "it is tried");
    for _ in 0..3 {
        stage.sends(client, cmd("GET a"));
        stage.gets(client, LATE);
    }
    assert_eq!(stage.conns_of(0).len(), 2, "nobody waits for it, or tries another");
    let attempt = stage.server(0);
    stage.passes(101);
    assert!(stage.is_closed(attempt));
    stage.sends(client, cmd("GET a"));
    stage.gets(client, LATE);
    assert_eq!(stage.conns_of(0).len(), 2);
    assert_eq!(stage.stats.pools[0].fault(FaultFigure::ConnectFailed).get(), 2);
    assert_eq!(stage.server_figure(0, ServerFigure::ServerTimedout), 2);

    waits(&mut stage);
    let attempt = stage.server(0);
    stage.accepts(attempt);
    stage.gets_nothing(attempt);
    assert!(
        matches!(stage.reports.last(), Some(Report::Reached { pool: POOL, .. })),
        "{:?}",
        stage.reports
    );
    is_served(&mut stage, client, attempt);
    stage.is_quiet();
}

#[test]
fn a_server_that_refuses_is_tried_by_each_request() {
    let mut stage = deserted(memcached(1));
    let client = stage.client();
    stage.sends(client, "get a\r\n");
    stage.passes(101);
    stage.gets(client, "SERVER_ERROR Connection timed out\r\n");
    waits(&mut stage);
    let attempt = stage.server(0);
    stage.closes(attempt, CloseReason::Refused);
    for conns in 3..6 {
        stage.sends(client, "get a\r\n");
        assert_eq!(stage.conns_of(0).len(), conns);
        let conn = stage.server(0);
        stage.closes(conn, CloseReason::Refused);
        stage.gets(client, "SERVER_ERROR Connection refused\r\n");
    }
    stage.is_quiet();
}

#[test]
fn conns_that_are_open_are_used_on() {
    let mut stage = deserted(PoolConfig { server_connections: 2, ..redis(1) });
    stage.servers_accept = true;
    let (first, second) = (stage.client(), stage.client());
    stage.sends(first, cmd("GET a"));
    let open = stage.server(0);
    stage.sends(open, "$-1\r\n");
    stage.gets(first, "$-1\r\n");
    stage.take(open);

    stage.servers_accept = false;
    stage.sends(second, cmd("GET a"));
    stage.passes(101);
    stage.gets(second, LATE);
    stage.sends(second, cmd("GET a"));
    stage.gets(second, LATE);
    is_served(&mut stage, first, open);
    stage.is_quiet();
}

#[test]
fn where_servers_are_ejected_each_connect_counts() {
    let mut stage = deserted(PoolConfig { ejection: ejection(2, 10_000), ..redis(1) });
    let client = stage.client();
    for conns in 1..3 {
        stage.sends(client, cmd("GET a"));
        assert_eq!(stage.conns_of(0).len(), conns);
        stage.passes(101);
        stage.gets(client, LATE);
    }
    stage.sends(client, cmd("GET a"));
    stage.gets(client, "-ERR Connection refused\r\n");
    assert_eq!(stage.conns_of(0).len(), 2, "it is ejected");
    stage.is_quiet();
}
