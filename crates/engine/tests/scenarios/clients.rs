//! How clients end, and how the proxy does.

use nutcracker_engine::stats::PoolFigure;
use nutcracker_engine::{CloseReason, Report};

use crate::stage::{POOL, Stage, cmd, memcached, redis};

#[test]
fn a_dead_client_s_responses_are_discarded_and_nobody_else_s() {
    for reason in [CloseReason::Reset, CloseReason::Other("Broken pipe".into())] {
        let mut stage = Stage::new(redis(1));
        let clients = [stage.client(), stage.client(), stage.client()];
        for (n, client) in clients.into_iter().enumerate() {
            stage.sends(client, [cmd(&format!("TTL {n}a")), cmd(&format!("TTL {n}b"))].concat());
        }
        let server = stage.server(0);
        stage.sends(server, ":1\r\n:2\r\n:3\r\n");
        stage.closes(clients[1], reason);
        assert!(stage.is_closed(clients[1]));
        // A newcomer may take the dead client's place in the table, but not its responses.
        let newcomer = stage.client();
        stage.sends(newcomer, cmd("TTL new"));
        stage.sends(server, ":4\r\n:5\r\n:6\r\n:7\r\n");
        stage.gets(clients[0], ":1\r\n:2\r\n");
        stage.gets(clients[1], ":3\r\n");
        stage.gets(clients[2], ":5\r\n:6\r\n");
        stage.gets(newcomer, ":7\r\n");
        assert_eq!(stage.figure(PoolFigure::ClientErr), 1);
        assert_eq!(stage.figure(PoolFigure::ClientConnections), 3);
        stage.is_quiet();
    }
}

#[test]
fn a_client_that_half_closes_still_gets_what_is_due_and_then_the_end() {
    let mut stage = Stage::new(redis(2));
    let (a, b) = (stage.key(0, "a"), stage.key(1, "b"));
    let client = stage.client();
    stage.sends(client, [&a, &b, &a].map(|key| cmd(&format!("TTL {key}"))).concat());
    stage.sends(client, "*2\r\n$3\r\nGET\r\n$5\r\nunfin");
    stage.closes(client, CloseReason::Eof);
    assert!(!stage.is_closed(client));
    let (first, second) = (stage.server(0), stage.server(1));
    stage.sends(first, ":1\r\n:3\r\n");
    stage.gets(client, ":1\r\n");
    stage.clogs(client, 3);
    stage.sends(second, ":2\r\n");
    assert!(!stage.is_closed(client), "not all of it has gone");
    stage.unclogs(client);
    stage.gets(client, ":2\r\n:3\r\n");
    assert!(stage.is_closed(client));
    assert_eq!(stage.figure(PoolFigure::ClientEof), 1);
    stage.is_quiet();
}

#[test]
fn a_client_that_leaves_with_nothing_due_is_closed_at_once() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.closes(client, CloseReason::Eof);
    assert!(stage.is_closed(client));
    assert_eq!(stage.figure(PoolFigure::ClientEof), 1);
    assert_eq!(stage.stats.curr_connections.get(), 0);
    assert_eq!(stage.stats.total_connections.get(), 1);
}

#[test]
fn a_client_that_says_quit_gets_what_is_due_and_nothing_for_what_follows() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, [cmd("TTL a"), cmd("QUIT"), cmd("TTL b"), cmd("PING")].concat());
    let server = stage.server(0);
    stage.gets(server, cmd("TTL a"));
    assert!(!stage.engine.may_read(client));
    stage.sends(server, ":1\r\n");
    stage.gets(client, ":1\r\n+OK\r\n");
    assert!(stage.is_closed(client));
    assert_eq!(stage.figure(PoolFigure::ClientEof), 1);

    let client = stage.client();
    stage.sends(client, cmd("QUIT"));
    stage.gets(client, "+OK\r\n");
    assert!(stage.is_closed(client));
    stage.is_quiet();
}

#[test]
fn a_client_that_breaks_a_rule_gets_what_is_due_and_the_rule_and_then_the_end() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, [&cmd("TTL a")[..], b"*1\r\n!oops\r\n", &cmd("PING")].concat());
    stage.gets_nothing(client);
    let [Report::ClientError { conn, client: label, pool, found, .. }] = stage.reports.as_slice()
    else {
        panic!("{:?}", stage.reports);
    };
    assert_eq!((*conn, *pool), (client, POOL));
    assert_eq!(label.to_string(), "127.0.0.1:50000 (id 1)", "as CLIENT LIST shows it");
    assert!(found.starts_with(b"*1\r\n!oops\r\n"), "{}", found.escape_ascii());
    let server = stage.server(0);
    stage.gets(server, cmd("TTL a"));
    stage.sends(server, ":1\r\n");
    stage.gets(client, ":1\r\n-ERR Protocol error: expected '$', got '!'\r\n");
    assert!(stage.is_closed(client));
    assert_eq!(stage.figure(PoolFigure::ClientErr), 1);
    stage.is_quiet();
}

#[test]
fn a_client_that_misbehaves_while_nothing_is_due_is_told_and_closed() {
    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    stage.sends(client, "GET / HTTP/1.1\r\n");
    stage.gets(client, "CLIENT_ERROR HTTP is not served; use the text protocol\r\n");
    assert!(stage.is_closed(client));
}

#[test]
fn a_client_that_resets_after_it_said_goodbye_is_gone_at_once() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("GET a"));
    stage.closes(client, CloseReason::Eof);
    stage.closes(client, CloseReason::Reset);
    assert!(stage.is_closed(client));
    let server = stage.server(0);
    stage.sends(server, ":1\r\n");
    stage.gets_nothing(client);
    stage.is_quiet();
}

#[test]
fn a_drain_answers_what_is_outstanding_and_closes_each_client_then() {
    let mut stage = Stage::new(redis(1));
    let (idle, busy) = (stage.client(), stage.client());
    stage.sends(busy, [cmd("TTL a"), cmd("TTL b")].concat());
    stage.sends(busy, &cmd("TTL c")[..7]);
    stage.engine.begin_turn(stage.now);
    stage.engine.drain();
    stage.finish_turn();
    assert!(stage.is_closed(idle));
    assert!(!stage.is_closed(busy));
    assert!(!stage.engine.may_read(busy));
    assert_eq!(stage.engine.clients(), 1);
    let late = stage.client();
    assert!(stage.is_closed(late));

    let server = stage.server(0);
    stage.sends(server, ":1\r\n");
    stage.gets(busy, ":1\r\n");
    stage.sends(server, ":2\r\n");
    stage.gets(busy, ":2\r\n");
    assert!(stage.is_closed(busy));
    assert_eq!(stage.engine.clients(), 0);
    stage.is_quiet();
}
