//! A worker that was held up: no server is late for it, and no request waits for ever.

use std::time::Duration;

use nutcracker_engine::PoolConfig;
use nutcracker_engine::stats::ServerFigure;

use crate::stage::{Stage, bulk, cmd, redis};

const LATE: &str = "-ERR Connection timed out\r\n";

/// A pool of one server, which has 100 ms for an answer.
fn stage() -> Stage {
    Stage::new(PoolConfig { timeout: Some(Duration::from_millis(100)), ..redis(1) })
}

#[test]
fn a_server_has_as_much_more_time_as_the_worker_was_held_up() {
    let mut stage = stage();
    let client = stage.client();
    stage.sends(client, cmd("SET k v"));
    let server = stage.server(0);
    stage.passes(40);
    stage.stalls(2_000);
    stage.gets_nothing(client);
    stage.passes(59);
    stage.gets_nothing(client);
    stage.sends(server, "+OK\r\n");
    stage.gets(client, "+OK\r\n");
    assert!(!stage.is_closed(server));
    stage.is_quiet();
}

#[test]
fn and_no_more_than_that() {
    let mut stage = stage();
    let client = stage.client();
    stage.sends(client, cmd("SET k v"));
    stage.passes(40);
    stage.stalls(2_000);
    stage.passes(61);
    stage.gets(client, LATE);
    assert_eq!(stage.server_figure(0, ServerFigure::ServerTimedout), 1);
    stage.is_quiet();
}

#[test]
fn what_has_come_since_the_poll_is_heard_before_a_server_is_late() {
    for request in ["SET k v", "BLPOP k 0.01", "SUBSCRIBE k"] {
        for answers in [true, false] {
            let mut stage = stage();
            let client = stage.client();
            stage.sends(client, cmd(request));
            let server = stage.server(0);
            stage.stalls_unseen(150);
            stage.gets_nothing(client);
            assert!(!stage.is_closed(server), "{request}");
            let answer = match request {
                "SET k v" => "+OK\r\n",
                "BLPOP k 0.01" => "*-1\r\n",
                _ => "*3\r\n$9\r\nsubscribe\r\n$1\r\nk\r\n:1\r\n",
            };
            if answers {
                stage.sends(server, answer);
                stage.gets(client, answer);
                assert!(!stage.is_closed(server), "{request}");
            } else {
                stage.passes(0);
                assert!(stage.is_closed(server), "{request}");
            }
        }
    }
}

#[test]
fn what_is_asked_after_the_stall_has_the_time_it_always_has() {
    let mut stage = stage();
    let (early, late) = (stage.client(), stage.client());
    stage.sends(early, cmd("SET k v"));
    stage.stalls(50);
    stage.sends(late, cmd("SET k w"));
    let server = stage.server(0);
    stage.sends(server, "+OK\r\n");
    stage.gets(early, "+OK\r\n");
    stage.passes(99);
    stage.gets_nothing(late);
    stage.passes(2);
    stage.gets(late, LATE);
}

#[test]
fn a_worker_that_stalls_all_the_time_ends_its_requests_all_the_same() {
    let mut stage = stage();
    let client = stage.client();
    stage.sends(client, cmd("SET k v"));
    for _ in 0..7 {
        stage.stalls(30);
    }
    stage.gets(client, LATE);
    stage.is_quiet();
    stage.sends(client, cmd("SET k v"));
    stage.stalls(200);
    stage.gets_nothing(client);
}

#[test]
fn a_connect_has_more_time_too() {
    let mut stage = stage();
    stage.servers_accept = false;
    let client = stage.client();
    stage.sends(client, cmd("SET k v"));
    stage.stalls(300);
    stage.gets_nothing(client);
    let server = stage.server(0);
    stage.accepts(server);
    stage.gets(server, cmd("SET k v"));
    stage.sends(server, "+OK\r\n");
    stage.gets(client, "+OK\r\n");
}

#[test]
fn so_has_what_goes_over_a_conn_of_the_clients_own() {
    for answers in [true, false] {
        let mut stage = stage();
        let client = stage.client();
        stage.sends(client, cmd("BLPOP k 0.05"));
        let server = stage.server(0);
        stage.stalls(500);
        stage.passes(140);
        stage.gets_nothing(client);
        if answers {
            stage.sends(server, "*-1\r\n");
            stage.gets(client, "*-1\r\n");
        } else {
            stage.passes(20);
            stage.gets(client, LATE);
        }
        stage.is_quiet();
    }
}

#[test]
fn and_a_pinned_conn_that_is_being_opened() {
    let mut stage = stage();
    stage.servers_accept = false;
    let client = stage.client();
    stage.sends(client, cmd("BLPOP k 0"));
    stage.stalls(500);
    let server = stage.server(0);
    assert!(!stage.is_closed(server));
    stage.accepts(server);
    stage.sends(server, [&b"*2\r\n"[..], &bulk(b"k"), &bulk(b"v")].concat());
    stage.gets(client, [&b"*2\r\n"[..], &bulk(b"k"), &bulk(b"v")].concat());
}

#[test]
fn and_a_subscription_that_is_not_confirmed_yet() {
    let mut stage = stage();
    let client = stage.client();
    stage.sends(client, cmd("SUBSCRIBE a"));
    let listener = stage.server(0);
    stage.stalls(500);
    stage.passes(90);
    assert!(!stage.is_closed(listener));
    stage.passes(20);
    assert!(stage.is_closed(listener));
}
