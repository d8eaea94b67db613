//! Servers that fail too often, and their return.

use std::time::Duration;

use nutcracker_engine::stats::{FaultFigure, PoolFigure, ServerFigure};
use nutcracker_engine::{CloseReason, OnEject, PoolConfig, Report, Retries};

use crate::stage::{Stage, cmd, ejection, redis};

/// A request for `key`, failed by the reset of `server`'s conn.
fn fail(stage: &mut Stage, server: u32, key: &str) {
    let client = stage.client();
    stage.sends(client, cmd(&format!("GET {key}")));
    let conn = stage.server(server);
    stage.closes(conn, CloseReason::Reset);
    stage.gets(client, "-ERR Connection reset by peer\r\n");
}

/// A request for `key`, answered by `server`.
fn succeed(stage: &mut Stage, server: u32, key: &str) {
    let client = stage.client();
    stage.sends(client, cmd(&format!("TTL {key}")));
    let conn = stage.server(server);
    stage.sends(conn, ":1\r\n");
    stage.gets(client, ":1\r\n");
    stage.closes(client, CloseReason::Eof);
}

#[test]
fn at_the_limit_a_server_leaves_and_after_the_retry_time_it_is_back() {
    let mut config = redis(2);
    config.ejection = ejection(2, 500);
    let mut stage = Stage::new(config);
    let key = stage.key(0, "k");
    fail(&mut stage, 0, &key);
    assert_eq!(stage.figure(PoolFigure::ServerEjects), 0);
    fail(&mut stage, 0, &key);
    assert_eq!(stage.figure(PoolFigure::ServerEjects), 1);
    assert!(matches!(stage.reports.last(), Some(Report::Ejected { .. })), "{:?}", stage.reports);

    succeed(&mut stage, 1, &key);
    stage.passes(499);
    succeed(&mut stage, 1, &key);
    stage.returns(0, 1);
    succeed(&mut stage, 0, &key);

    fail(&mut stage, 0, &key);
    assert_eq!(stage.figure(PoolFigure::ServerEjects), 1, "it has its full allowance again");
    stage.is_quiet();
}

#[test]
fn a_success_forgives_the_failures_before() {
    let mut config = redis(2);
    config.ejection = ejection(2, 500);
    let mut stage = Stage::new(config);
    let key = stage.key(0, "k");
    for _ in 0..5 {
        fail(&mut stage, 0, &key);
        succeed(&mut stage, 0, &key);
    }
    assert_eq!(stage.figure(PoolFigure::ServerEjects), 0);
}

#[test]
fn a_conn_that_fails_with_many_requests_is_one_failure() {
    let mut config = redis(2);
    config.ejection = ejection(2, 500);
    let mut stage = Stage::new(config);
    let (key, client) = (stage.key(0, "k"), stage.client());
    stage.sends(client, cmd(&format!("GET {key}")).repeat(10));
    let conn = stage.server(0);
    stage.closes(conn, CloseReason::Reset);
    stage.gets(client, "-ERR Connection reset by peer\r\n".repeat(10));
    assert_eq!(stage.figure(PoolFigure::ServerEjects), 0);
}

#[test]
fn with_every_server_ejected_requests_are_refused_at_once() {
    let mut config = redis(2);
    config.ejection = ejection(1, 500);
    let mut stage = Stage::new(config);
    let (a, b) = (stage.key(0, "a"), stage.key(1, "b"));
    fail(&mut stage, 0, &a);
    fail(&mut stage, 1, &b);
    let client = stage.client();
    let refused = "-ERR Connection refused\r\n";
    for request in [format!("GET {a}"), format!("MGET {a} {b}"), "OBJECT HELP".into()] {
        stage.sends(client, cmd(&request));
        stage.gets(client, refused);
    }
    stage.sends(client, cmd("PING"));
    stage.gets(client, "+PONG\r\n");
    assert_eq!((stage.conns_of(0).len(), stage.conns_of(1).len()), (1, 1), "nobody was asked");
    stage.returns(0, 500);
    stage.returns(1, 0);
    succeed(&mut stage, 0, &a);
    succeed(&mut stage, 1, &b);
    stage.is_quiet();
}

#[test]
fn a_server_that_says_it_is_unwell_has_failed_though_its_words_are_passed_on() {
    let mut config = redis(2);
    config.ejection = ejection(2, 500);
    let mut stage = Stage::new(config);
    let (key, client) = (stage.key(0, "k"), stage.client());
    stage.sends(client, cmd(&format!("TTL {key}")).repeat(3));
    let conn = stage.server(0);
    stage.sends(conn, "-LOADING wait\r\n-OOM no\r\n");
    stage.gets(client, "-LOADING wait\r\n-OOM no\r\n");
    assert_eq!(stage.figure(PoolFigure::ServerEjects), 1);
    assert!(!stage.is_closed(conn));
    stage.sends(conn, ":1\r\n");
    stage.gets(client, ":1\r\n");
    succeed(&mut stage, 1, &key);
    stage.is_quiet();
}

#[test]
fn a_pool_that_does_not_eject_keeps_its_failing_servers() {
    let mut stage = Stage::new(redis(2));
    let key = stage.key(0, "k");
    for _ in 0..10 {
        fail(&mut stage, 0, &key);
    }
    assert_eq!(stage.figure(PoolFigure::ServerEjects), 0);
    succeed(&mut stage, 0, &key);
}

#[test]
fn failures_count_for_all_workers_together_and_so_does_an_ejection() {
    let mut config = redis(2);
    config.ejection = ejection(2, 500);
    let mut one = Stage::new(config);
    let mut other = one.sibling();
    let key = one.key(0, "k");
    fail(&mut one, 0, &key);
    fail(&mut other, 0, &key);
    assert_eq!(one.figure(PoolFigure::ServerEjects), 0);
    assert_eq!(other.figure(PoolFigure::ServerEjects), 1);
    succeed(&mut one, 1, &key);
    succeed(&mut other, 1, &key);
    one.passes(501);
    other.passes(501);
    assert_eq!(other.conns_of(0).len(), 1, "one worker asks for all");
    one.returns(0, 0);
    succeed(&mut one, 0, &key);
    succeed(&mut other, 0, &key);
}

/// What a server conn can end in while a request is on it, or as it is opened.
#[test]
fn every_way_to_fail_is_one_failure() {
    // How often in a row, until it leaves. What nobody asked for comes behind a response, which
    // forgives what was before.
    let failures: [(&str, u32, Happens); 8] = [
        ("refused", 3, |stage| ends(stage, CloseReason::Refused)),
        ("without an address", 3, |stage| ends(stage, CloseReason::Unresolved)),
        ("reset", 3, |stage| ends(stage, CloseReason::Reset)),
        ("closed", 3, |stage| ends(stage, CloseReason::Eof)),
        ("some error", 3, |stage| ends(stage, CloseReason::Other("No route to host".into()))),
        ("late", 3, |stage| stage.passes(101)),
        ("nonsense", 3, |stage| says(stage, "HTTP/1.1 400 Bad Request\r\n")),
        ("unasked", 1, |stage| says(stage, ":1\r\n:2\r\n:3\r\n")),
    ];
    for (what, limit, happens) in failures {
        let mut config = redis(1);
        config.ejection = ejection(limit, 500);
        config.timeout = Some(Duration::from_millis(100));
        let mut stage = Stage::new(config);
        for round in 1..=limit {
            let client = stage.client();
            stage.sends(client, cmd("GET k").repeat(2));
            happens(&mut stage);
            let ejected = stage.figure(PoolFigure::ServerEjects);
            assert_eq!(ejected, i64::from(round == limit), "{what}, {round} times");
        }
        stage.is_quiet();
    }
}

/// Its clients have nothing under way, so its end is not seen as one; what they send next is not lost to it.
#[test]
fn a_server_that_closes_an_idle_conn_and_is_gone_has_failed_twice() {
    let mut config = redis(2);
    config.ejection = ejection(2, 500);
    config.retries = Retries::default();
    let mut stage = Stage::new(config);
    let key = stage.key(0, "k");
    let closes_idle = |stage: &mut Stage| {
        succeed(stage, 0, &key);
        let conn = stage.server(0);
        stage.closes(conn, CloseReason::Eof);
    };
    let is_refused = |stage: &mut Stage| {
        let client = stage.client();
        stage.sends(client, cmd(&format!("SET {key} v")));
        let conn = stage.server(0);
        stage.closes(conn, CloseReason::Refused);
        client
    };
    // It was tidying up: it takes the next conn.
    for _ in 0..3 {
        closes_idle(&mut stage);
    }
    succeed(&mut stage, 0, &key);
    let conn = stage.server(0);
    stage.closes(conn, CloseReason::Reset);
    assert_eq!(stage.figure(PoolFigure::ServerEjects), 0, "one failure");
    // It has been away for longer than that says anything.
    closes_idle(&mut stage);
    stage.passes(1_001);
    stage.servers_accept = false;
    let client = is_refused(&mut stage);
    stage.gets(client, "-ERR Connection refused\r\n");
    assert_eq!(stage.figure(PoolFigure::ServerEjects), 0, "one failure");

    stage.servers_accept = true;
    closes_idle(&mut stage);
    stage.passes(999);
    stage.servers_accept = false;
    let client = is_refused(&mut stage);
    assert_eq!(stage.figure(PoolFigure::ServerEjects), 1);
    let conn = stage.server(1);
    stage.accepts(conn);
    stage.gets(conn, cmd(&format!("SET {key} v")));
    stage.sends(conn, "+OK\r\n");
    stage.gets(client, "+OK\r\n");
    stage.is_quiet();
}

type Happens = fn(&mut Stage);

fn ends(stage: &mut Stage, reason: CloseReason) {
    let conn = stage.server(0);
    stage.closes(conn, reason);
}

fn says(stage: &mut Stage, words: &str) {
    let conn = stage.server(0);
    stage.sends(conn, words);
    assert!(stage.is_closed(conn), "{words:?}");
}

#[test]
fn an_error_of_the_server_forgives_too_and_what_it_says_to_the_handshake_does_not() {
    for (says, ejects) in [("-WRONGTYPE no\r\n", 0), ("", 1)] {
        let mut config = redis(1);
        config.ejection = ejection(2, 500);
        config.database = 7;
        let mut stage = Stage::new(config);
        for _ in 0..2 {
            let client = stage.client();
            stage.sends(client, cmd("GET k"));
            let conn = stage.server(0);
            stage.sends(conn, "+OK\r\n");
            stage.take(conn);
            if !says.is_empty() {
                stage.sends(conn, says);
                stage.gets(client, says);
                stage.sends(client, cmd("GET k"));
            }
            stage.closes(conn, CloseReason::Reset);
            stage.gets(client, "-ERR Connection reset by peer\r\n");
        }
        assert_eq!(stage.figure(PoolFigure::ServerEjects), ejects, "{says:?}");
    }
}

#[test]
fn a_server_that_answers_no_probe_is_asked_less_and_less_often() {
    let mut config = redis(2);
    config.ejection = ejection(1, 500);
    config.timeout = Some(Duration::from_millis(100));
    let mut stage = Stage::new(config);
    let key = stage.key(0, "k");
    fail(&mut stage, 0, &key);
    let fails: [Happens; 6] = [
        |stage| ends(stage, CloseReason::Refused),
        |stage| ends(stage, CloseReason::Eof),
        |stage| stage.passes(101),
        |stage| says(stage, "-LOADING wait\r\n"),
        |stage| says(stage, "HTTP/1.1 400 Bad Request\r\n"),
        |stage| says(stage, "-BUSY\r\n"),
    ];
    for (wait_ms, happens) in [500, 1_000, 2_000, 4_000, 4_000, 4_000].into_iter().zip(fails) {
        let before = stage.conns_of(0).len();
        stage.passes(wait_ms - 3);
        assert_eq!(stage.conns_of(0).len(), before, "before {wait_ms} ms");
        stage.passes(4);
        assert_eq!(stage.conns_of(0).len(), before + 1, "after {wait_ms} ms");
        happens(&mut stage);
        let away = matches!(stage.reports.last(), Some(Report::StillAway { .. }));
        assert!(away, "{:?}", stage.reports);
        succeed(&mut stage, 1, &key);
    }
    assert_eq!(stage.stats.pools[0].fault(FaultFigure::ProbesFailed).get(), 6);
    assert_eq!(stage.figure(PoolFigure::ServerEjects), 1);
    stage.returns(0, 4_000);
    succeed(&mut stage, 0, &key);
    stage.is_quiet();
    assert_eq!(stage.server_figure(0, ServerFigure::ServerConnections), 1);
}

#[test]
fn a_server_that_fails_again_soon_after_it_came_back_stays_away_for_longer() {
    let mut config = redis(2);
    config.ejection = ejection(1, 500);
    let mut stage = Stage::new(config);
    let key = stage.key(0, "k");
    for wait_ms in [500, 1_000, 2_000, 4_000, 4_000] {
        fail(&mut stage, 0, &key);
        stage.passes(wait_ms - 1);
        succeed(&mut stage, 1, &key);
        stage.returns(0, 1);
    }
    // It has been well for long enough.
    stage.passes(2_001);
    fail(&mut stage, 0, &key);
    stage.returns(0, 500);
}

#[test]
fn where_ejection_means_failure_no_key_moves() {
    let mut config = redis(2);
    config.ejection = ejection(1, 500);
    config.ejection.as_mut().expect("it ejects").on_eject = OnEject::Fail;
    let mut stage = Stage::new(config);
    let (dead, well) = (stage.key(0, "k"), stage.key(1, "k"));
    fail(&mut stage, 0, &dead);
    let client = stage.client();
    stage.sends(client, cmd(&format!("GET {dead}")));
    stage.gets(client, "-ERR Server is ejected\r\n");
    stage.sends(client, cmd(&format!("MGET {dead} {well}")));
    let conn = stage.server(1);
    stage.sends(conn, "*1\r\n$1\r\nv\r\n");
    stage.gets(client, "-ERR Server is ejected\r\n");
    succeed(&mut stage, 1, &well);
    assert_eq!(stage.conns_of(0).len(), 1);
    stage.returns(0, 500);
    succeed(&mut stage, 0, &dead);
    stage.is_quiet();
}

#[test]
fn a_connect_may_have_a_shorter_time_than_a_request() {
    let config = || PoolConfig {
        timeout: Some(Duration::from_millis(400)),
        connect_timeout: Some(Duration::from_millis(50)),
        ..redis(1)
    };
    let mut stage = Stage::new(config());
    stage.servers_accept = false;
    let client = stage.client();
    stage.sends(client, cmd("GET k"));
    stage.passes(49);
    stage.gets_nothing(client);
    stage.passes(2);
    stage.gets(client, "-ERR Connection timed out\r\n");
    assert_eq!(stage.stats.pools[0].fault(FaultFigure::ConnectFailed).get(), 1);
    stage.is_quiet();

    // Once it is there, a request has all its time.
    let mut stage = Stage::new(config());
    let client = stage.client();
    stage.sends(client, cmd("GET k"));
    stage.passes(399);
    stage.gets_nothing(client);
    stage.passes(2);
    stage.gets(client, "-ERR Connection timed out\r\n");
    assert_eq!(stage.stats.pools[0].fault(FaultFigure::RequestTimedout).get(), 1);
    assert_eq!(stage.stats.pools[0].fault(FaultFigure::ConnectFailed).get(), 0);
    stage.is_quiet();
}
