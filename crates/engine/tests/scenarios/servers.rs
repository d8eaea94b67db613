//! How server conns end, and what becomes of the requests on them.

use nutcracker_engine::stats::{PoolFigure, ServerFigure};
use nutcracker_engine::{CloseReason, Report};
use std::time::Duration;

use crate::stage::{Stage, cmd, ejection, redis};

#[test]
fn a_closed_server_conn_fails_all_requests_on_it_each_in_its_place() {
    for (reason, text, figure) in [
        (CloseReason::Eof, "unknown", ServerFigure::ServerEof),
        (CloseReason::Reset, "Connection reset by peer", ServerFigure::ServerErr),
        (CloseReason::TimedOut, "Connection timed out", ServerFigure::ServerTimedout),
        (CloseReason::Other("Broken pipe".into()), "Broken pipe", ServerFigure::ServerErr),
    ] {
        let mut stage = Stage::new(redis(2));
        let (a, b) = (stage.key(0, "a"), stage.key(1, "b"));
        let clients = [stage.client(), stage.client()];
        stage.sends(clients[0], cmd(&format!("GET {a}")));
        stage.sends(clients[1], [&a, &b, &a].map(|key| cmd(&format!("GET {key}"))).concat());
        let (first, second) = (stage.server(0), stage.server(1));
        stage.closes(first, reason);
        assert!(stage.is_closed(first));
        stage.gets(clients[0], format!("-ERR {text}\r\n"));
        stage.gets(clients[1], format!("-ERR {text}\r\n"));
        stage.sends(second, "$1\r\nb\r\n");
        stage.gets(clients[1], format!("$1\r\nb\r\n-ERR {text}\r\n"));
        assert_eq!(stage.server_figure(0, figure), 1, "{text}");
        assert_eq!(stage.server_figure(0, ServerFigure::ServerConnections), 0, "{text}");
        assert_eq!(stage.figure(PoolFigure::ForwardError), 3, "{text}");
        stage.is_quiet();
    }
}

#[test]
fn the_next_request_opens_a_new_conn() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("GET a"));
    let old = stage.server(0);
    stage.closes(old, CloseReason::Reset);
    stage.gets(client, "-ERR Connection reset by peer\r\n");
    stage.sends(client, cmd("GET b"));
    let new = stage.server(0);
    assert_ne!(old, new);
    stage.gets(new, cmd("GET b"));
    stage.sends(new, "$-1\r\n");
    stage.gets(client, "$-1\r\n");
    stage.is_quiet();
}

#[test]
fn nothing_said_about_a_conn_that_is_gone_has_an_effect() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("GET a"));
    let old = stage.server(0);
    stage.closes(old, CloseReason::Reset);
    stage.take(client);
    stage.sends(client, cmd("GET b"));
    let new = stage.server(0);
    stage.take(new);

    assert!(!stage.engine.may_read(old));
    stage.closes(old, CloseReason::Eof);
    stage.unclogs(old);
    stage.accepts(old);
    stage.sends(new, "$-1\r\n");
    stage.gets(client, "$-1\r\n");
    assert_eq!(stage.server_figure(0, ServerFigure::ServerEof), 0);
}

#[test]
fn an_idle_server_conn_that_closes_in_good_order_is_no_failure() {
    let mut config = redis(1);
    config.ejection = ejection(1, 1_000);
    let mut stage = Stage::new(config);
    let client = stage.client();
    for _ in 0..3 {
        stage.sends(client, cmd("GET a"));
        let server = stage.server(0);
        stage.sends(server, "$-1\r\n");
        stage.gets(client, "$-1\r\n");
        stage.closes(server, CloseReason::Eof);
    }
    assert!(stage.reports.is_empty(), "{:?}", stage.reports);
    assert_eq!(stage.server_figure(0, ServerFigure::ServerEof), 3);
    assert_eq!(stage.figure(PoolFigure::ServerEjects), 0);
}

#[test]
fn a_request_that_times_out_closes_the_conn_and_fails_all_on_it() {
    let mut config = redis(1);
    config.timeout = Some(Duration::from_millis(100));
    let mut stage = Stage::new(config);
    let (patient, late) = (stage.client(), stage.client());
    stage.sends(patient, cmd("GET a"));
    stage.passes(60);
    stage.sends(late, cmd("GET b"));
    stage.passes(39);
    stage.gets_nothing(patient);
    stage.passes(2);
    stage.gets(patient, "-ERR Connection timed out\r\n");
    stage.gets(late, "-ERR Connection timed out\r\n");
    let server = stage.server(0);
    assert!(stage.is_closed(server));
    assert_eq!(stage.server_figure(0, ServerFigure::ServerTimedout), 1);
    let [Report::ServerClosed { failed: 2, reason: CloseReason::TimedOut, .. }] =
        stage.reports.as_slice()
    else {
        panic!("{:?}", stage.reports);
    };
    stage.is_quiet();
}

#[test]
fn a_deadline_is_the_oldest_unanswered_request_s() {
    let mut config = redis(1);
    config.timeout = Some(Duration::from_millis(100));
    let mut stage = Stage::new(config);
    let client = stage.client();
    stage.sends(client, cmd("TTL a"));
    let server = stage.server(0);
    for _ in 0..10 {
        stage.passes(60);
        stage.sends(client, cmd("TTL a"));
        stage.sends(server, ":1\r\n");
        stage.gets(client, ":1\r\n");
    }
    stage.passes(99);
    assert!(!stage.is_closed(server));
    stage.passes(2);
    assert!(stage.is_closed(server));
    stage.gets(client, "-ERR Connection timed out\r\n");
    stage.passes(1_000);
    assert_eq!(stage.engine.poll_timeout(), None);
    stage.is_quiet();
}

#[test]
fn a_conn_that_does_not_come_about_times_out_like_a_response() {
    let mut config = redis(1);
    config.timeout = Some(Duration::from_millis(100));
    let mut stage = Stage::new(config);
    stage.servers_accept = false;
    let client = stage.client();
    stage.sends(client, cmd("GET a"));
    stage.passes(101);
    stage.gets(client, "-ERR Connection timed out\r\n");
    let server = stage.server(0);
    assert!(stage.is_closed(server));
    assert_eq!(stage.server_figure(0, ServerFigure::ServerConnections), 0);
    stage.is_quiet();
}

#[test]
fn a_conn_that_cannot_be_opened_says_why() {
    for (reason, text) in [
        (CloseReason::Refused, "Connection refused"),
        (CloseReason::Unresolved, "Host is down"),
        (CloseReason::Other("No route to host".into()), "No route to host"),
    ] {
        let mut stage = Stage::new(redis(1));
        stage.servers_accept = false;
        let client = stage.client();
        stage.sends(client, [cmd("GET a"), cmd("GET b")].concat());
        let server = stage.server(0);
        stage.gets_nothing(server);
        stage.closes(server, reason);
        stage.gets(client, format!("-ERR {text}\r\n-ERR {text}\r\n"));
        stage.is_quiet();
    }
}

#[test]
fn requests_wait_until_the_conn_is_open() {
    let mut stage = Stage::new(redis(1));
    stage.servers_accept = false;
    let client = stage.client();
    stage.sends(client, cmd("GET a"));
    stage.sends(client, cmd("GET b"));
    let server = stage.server(0);
    assert_eq!(stage.connecting.len(), 1, "one conn is enough");
    stage.gets_nothing(server);
    assert_eq!(stage.server_figure(0, ServerFigure::InQueue), 2);
    stage.accepts(server);
    stage.gets(server, [cmd("GET a"), cmd("GET b")].concat());
    assert_eq!(stage.server_figure(0, ServerFigure::InQueue), 0);
    assert_eq!(stage.server_figure(0, ServerFigure::OutQueue), 2);
}

#[test]
fn a_request_is_in_flight_once_it_is_wholly_sent() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("TTL 0"));
    let server = stage.server(0);
    stage.sends(server, ":0\r\n");
    stage.take(server);
    stage.take(client);

    stage.clogs(server, 30);
    stage.sends(client, [cmd("TTL 1"), cmd("TTL 2")].concat());
    let figures = |stage: &Stage| {
        [
            ServerFigure::InQueue,
            ServerFigure::InQueueBytes,
            ServerFigure::OutQueue,
            ServerFigure::OutQueueBytes,
        ]
        .map(|figure| stage.server_figure(0, figure))
    };
    assert_eq!(figures(&stage), [1, 20, 1, 20]);
    stage.sends(server, ":1\r\n");
    assert_eq!(figures(&stage), [1, 20, 0, 0]);
    stage.unclogs(server);
    assert_eq!(figures(&stage), [0, 0, 1, 20]);
    stage.gets(server, [cmd("TTL 1"), cmd("TTL 2")].concat());
    stage.sends(server, ":2\r\n");
    stage.gets(client, ":1\r\n:2\r\n");
    stage.is_quiet();
}

#[test]
fn a_response_that_nobody_asked_for_closes_the_conn() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("TTL a"));
    let server = stage.server(0);
    stage.sends(server, ":1\r\n:2\r\n");
    stage.gets(client, ":1\r\n");
    assert!(stage.is_closed(server));
    assert_eq!(stage.server_figure(0, ServerFigure::ServerErr), 1);
    stage.is_quiet();
}

#[test]
fn a_response_before_the_request_has_begun_to_leave_is_not_its_own() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("TTL a"));
    let server = stage.server(0);
    stage.sends(server, ":1\r\n");
    stage.gets(client, ":1\r\n");
    stage.clogs(server, 0);
    stage.sends(client, cmd("TTL b"));
    stage.sends(server, ":stale\r\n".replace("stale", "9"));
    assert!(stage.is_closed(server));
    stage.gets(client, "-ERR Invalid argument\r\n");
    stage.is_quiet();
}

#[test]
fn bytes_that_are_no_response_close_the_conn() {
    let mut stage = Stage::new(redis(1));
    let clients = [stage.client(), stage.client()];
    stage.sends(clients[0], cmd("TTL a"));
    stage.sends(clients[1], cmd("TTL b"));
    let server = stage.server(0);
    stage.sends(server, ":1\r\nHTTP/1.1 400 Bad Request\r\n");
    stage.gets(clients[0], ":1\r\n");
    stage.gets(clients[1], "-ERR Invalid argument\r\n");
    assert!(stage.is_closed(server));
    stage.is_quiet();
}

#[test]
fn a_server_that_dies_within_a_response_leaves_no_part_of_it() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("GET a"));
    let server = stage.server(0);
    stage.sends(server, "$10\r\nhalf");
    stage.closes(server, CloseReason::Eof);
    stage.gets(client, "-ERR unknown\r\n");
    stage.is_quiet();
}

#[test]
fn preconnect_opens_one_conn_to_each_server() {
    let mut config = redis(3);
    config.preconnect = true;
    config.server_connections = 2;
    let mut stage = Stage::new(config);
    stage.engine.begin_turn(stage.now);
    stage.engine.preconnect();
    stage.engine.preconnect();
    stage.finish_turn();
    for n in 0..3 {
        assert_eq!(stage.conns_of(n).len(), 1, "server {n}");
    }
    let (key, client) = (stage.key(1, "k"), stage.client());
    stage.sends(client, cmd(&format!("GET {key}")));
    assert_eq!(stage.conns_of(1).len(), 1, "it is used");
}

#[test]
fn a_conn_that_this_machine_has_no_room_for_is_no_failure_of_the_server() {
    let mut config = redis(1);
    config.ejection = ejection(1, 1_000);
    let mut stage = Stage::new(config);
    stage.servers_accept = false;
    let client = stage.client();
    for _ in 0..3 {
        stage.sends(client, cmd("STRLEN a"));
        stage.closes(stage.server(0), CloseReason::NoRoom("Too many open files".into()));
        stage.gets(client, "-ERR Too many open files\r\n");
    }
    assert_eq!(stage.figure(PoolFigure::ServerEjects), 0);
    assert_eq!(stage.server_figure(0, ServerFigure::ServerErr), 3);
    stage.servers_accept = true;
    stage.sends(client, cmd("STRLEN a"));
    stage.sends(stage.server(0), ":1\r\n");
    stage.gets(client, ":1\r\n");
    stage.is_quiet();
}
