//! Requests that block: on a conn of the client's own, for as long as it takes, and no longer than
//! its client is there.

use std::time::Duration;

use nutcracker_engine::stats::{PoolFigure, ServerFigure};
use nutcracker_engine::{CloseReason, ConnId};

use crate::stage::{POOL, Stage, cmd, redis};

/// A pool of two servers with a timeout.
fn stage() -> Stage {
    let mut config = redis(2);
    config.timeout = Some(Duration::from_millis(100));
    Stage::new(config)
}

/// A client that blocks on server 0, and its conn.
fn blocked(stage: &mut Stage, timeout: &str) -> (ConnId, ConnId) {
    let (client, key) = (stage.client(), stage.key(0, "q"));
    let pop = cmd(&format!("BLPOP {key} {timeout}"));
    stage.sends(client, &pop);
    let pinned = stage.server(0);
    stage.gets(pinned, &pop);
    (client, pinned)
}

/// Nothing is outstanding, and nobody has a conn of its own.
#[track_caller]
fn is_left_alone(stage: &Stage) {
    stage.is_quiet();
    assert_eq!(stage.engine.pinned(POOL), 0);
}

#[test]
fn a_blocked_client_holds_up_nobody_and_its_conn_serves_the_next() {
    let mut stage = stage();
    let (client, pinned) = blocked(&mut stage, "0");
    let (other, key) = (stage.client(), stage.key(0, "q"));
    stage.sends(other, cmd(&format!("RPUSH {key} v")));
    let shared = stage.server(0);
    assert_ne!(shared, pinned);
    stage.sends(shared, ":1\r\n");
    stage.gets(other, ":1\r\n");
    stage.sends(pinned, "*2\r\n$1\r\nq\r\n$1\r\nv\r\n");
    stage.gets(client, "*2\r\n$1\r\nq\r\n$1\r\nv\r\n");
    is_left_alone(&stage);
    stage.sends(other, cmd(&format!("BRPOP {key} 0")));
    stage.gets(pinned, cmd(&format!("BRPOP {key} 0")));
    stage.sends(pinned, "-WRONGTYPE no\r\n");
    stage.gets(other, "-WRONGTYPE no\r\n");
    assert!(!stage.is_closed(pinned), "an error ends the wait as well as anything");
    is_left_alone(&stage);
}

#[test]
fn what_comes_behind_waits_and_what_came_before_is_answered_first() {
    let mut stage = stage();
    let (client, key) = (stage.client(), stage.key(0, "q"));
    let (get, pop) = (cmd(&format!("GET {key}")), cmd(&format!("BLPOP {key} 0")));
    stage.sends(client, [&get[..], &pop, &get, &pop].concat());
    let shared = stage.server(0);
    stage.gets(shared, &get);
    assert_eq!(stage.conns_of(0).len(), 1);
    stage.sends(shared, "$1\r\n0\r\n");
    let pinned = stage.server(0);
    stage.gets(pinned, &pop);
    stage.gets_nothing(shared);
    stage.sends(pinned, "*-1\r\n");
    stage.gets(shared, &get);
    stage.gets_nothing(pinned);
    stage.sends(shared, "$1\r\n1\r\n");
    stage.gets(pinned, &pop);
    stage.sends(pinned, "*-1\r\n");
    stage.gets(client, "$1\r\n0\r\n*-1\r\n$1\r\n1\r\n*-1\r\n");
    is_left_alone(&stage);
}

#[test]
fn a_blocking_request_may_take_its_own_time_and_the_pool_s() {
    let mut stage = stage();
    let (client, pinned) = blocked(&mut stage, "1.5");
    stage.passes(1_599);
    stage.gets_nothing(client);
    stage.passes(2);
    stage.gets(client, "-ERR Connection timed out\r\n");
    assert!(stage.is_closed(pinned));
    assert_eq!(stage.server_figure(0, ServerFigure::ServerTimedout), 1);
    is_left_alone(&stage);

    let (client, pinned) = blocked(&mut stage, "0");
    stage.passes(10_000_000);
    assert!(!stage.is_closed(pinned));
    stage.sends(pinned, "*-1\r\n");
    stage.gets(client, "*-1\r\n");
    is_left_alone(&stage);

    // What is no time is refused at once, or the server is as good as dead.
    let (client, _) = blocked(&mut stage, "soon");
    stage.passes(101);
    stage.gets(client, "-ERR Connection timed out\r\n");
    is_left_alone(&stage);
}

#[test]
fn a_conn_used_again_forgets_how_long_the_last_wait_was() {
    let mut stage = stage();
    let (client, pinned) = blocked(&mut stage, "1000");
    stage.sends(pinned, "*-1\r\n");
    stage.gets(client, "*-1\r\n");
    let key = stage.key(0, "q");
    stage.sends(client, [cmd("MULTI"), cmd(&format!("GET {key}"))].concat());
    stage.gets(client, "+OK\r\n");
    stage.passes(101);
    stage.gets(client, "-ERR Connection timed out\r\n");
    assert!(stage.is_closed(pinned));
}

#[test]
fn a_conn_that_does_not_come_about_times_out_however_long_the_wait() {
    let mut stage = stage();
    stage.servers_accept = false;
    let (client, key) = (stage.client(), stage.key(0, "q"));
    stage.sends(client, cmd(&format!("BLPOP {key} 0")));
    stage.passes(101);
    stage.gets(client, "-ERR Connection timed out\r\n");
    is_left_alone(&stage);
}

#[test]
fn a_conn_that_comes_about_late_may_wait_as_long_as_any() {
    let mut stage = stage();
    stage.servers_accept = false;
    let (client, key) = (stage.client(), stage.key(0, "q"));
    stage.sends(client, cmd(&format!("BLPOP {key} 0")));
    let pinned = stage.server(0);
    stage.passes(60);
    stage.accepts(pinned);
    stage.passes(1_000_000);
    assert!(!stage.is_closed(pinned));
    stage.sends(pinned, "*-1\r\n");
    stage.gets(client, "*-1\r\n");
    is_left_alone(&stage);
}

#[test]
fn keys_on_several_servers_are_refused() {
    let mut stage = stage();
    let (client, a, b) = (stage.client(), stage.key(0, "a"), stage.key(1, "b"));
    for apart in [format!("BLMPOP 0 2 {a} {b} LEFT"), format!("BLPOP {a} {b} 0")] {
        stage.sends(client, cmd(&apart));
        stage.gets(
            client,
            "-CROSSSLOT Keys in request don't hash to the same slot: the keys of a blocking \
             command must be on one server; with the pool's option 'hash_tag: \"{}\"', keys with the \
             same text in braces share a server\r\n",
        );
    }
    stage.sends(client, cmd(&format!("BLMPOP 0 2 {a} {a} LEFT")));
    let pinned = stage.server(0);
    stage.gets(pinned, cmd(&format!("BLMPOP 0 2 {a} {a} LEFT")));
    stage.sends(pinned, "*-1\r\n");
    stage.gets(client, "*-1\r\n");
    is_left_alone(&stage);
}

#[test]
fn what_could_block_and_does_not_is_an_ordinary_request() {
    let mut stage = stage();
    let (client, key) = (stage.client(), stage.key(0, "s"));
    let read = cmd(&format!("XREAD COUNT 1 STREAMS {key} 0"));
    stage.sends(client, [cmd(&format!("GET {key}")), read.clone()].concat());
    let shared = stage.server(0);
    stage.sends(shared, "$-1\r\n");
    stage.gets(shared, [cmd(&format!("GET {key}")), read].concat());
    assert_eq!(stage.engine.pinned(POOL), 0);
    stage.sends(shared, "*-1\r\n");
    stage.gets(client, "$-1\r\n*-1\r\n");
    stage.sends(client, cmd(&format!("XREAD BLOCK 5 STREAMS {key} 0")));
    assert_eq!((stage.conns_of(0).len(), stage.engine.pinned(POOL)), (2, 1));
}

#[test]
fn streams_of_several_servers_are_not_read_as_if_one_had_all() {
    let mut stage = stage();
    let (client, here, there) = (stage.client(), stage.key(0, "s"), stage.key(1, "s"));
    for request in ["XREAD COUNT 9 STREAMS", "XREADGROUP GROUP g c STREAMS"] {
        stage.sends(client, cmd(&format!("{request} {here} {there} 0 0")));
        let told = String::from_utf8(stage.take(client)).expect("a text");
        assert!(told.starts_with("-CROSSSLOT "), "{told}");
    }
    assert!(stage.conns_of(0).is_empty() && stage.conns_of(1).is_empty());
    let read = cmd(&format!("XREAD STREAMS {here} {here} 0 0"));
    stage.sends(client, &read);
    stage.gets(stage.server(0), &read);
}

#[test]
fn a_blocked_client_that_leaves_is_gone_at_once_and_the_server_need_not_wait_for_it() {
    for (reason, figure) in
        [(CloseReason::Eof, PoolFigure::ClientEof), (CloseReason::Reset, PoolFigure::ClientErr)]
    {
        let mut stage = stage();
        let (client, pinned) = blocked(&mut stage, "0");
        stage.closes(client, reason);
        assert!(stage.is_closed(client) && stage.is_closed(pinned));
        assert_eq!(stage.figure(figure), 1);
        assert_eq!(stage.server_figure(0, ServerFigure::ServerConnections), 0);
        assert!(stage.reports.is_empty(), "{:?}", stage.reports);
        is_left_alone(&stage);
    }
}

#[test]
fn so_is_one_whose_next_request_is_unread() {
    let mut stage = stage();
    let (client, pinned) = blocked(&mut stage, "0");
    // It waits in its turn; what is behind it may be the end of the stream.
    assert!(stage.sends(client, cmd("PING")), "it is read on");
    while stage.engine.may_read(client) {
        stage.sends(client, cmd("PING"));
    }
    stage.gets_nothing(client);
    stage.engine.begin_turn(stage.now);
    stage.engine.handle_hung_up(client);
    stage.finish_turn();
    assert!(stage.is_closed(client) && stage.is_closed(pinned));
    is_left_alone(&stage);
}

#[test]
fn what_a_blocked_client_has_sent_behind_its_request_is_served_when_that_is_answered() {
    let mut stage = stage();
    let (client, pinned) = blocked(&mut stage, "0");
    for _ in 0..3 {
        assert!(stage.sends(client, cmd("PING").repeat(2_000)), "it is read on");
    }
    stage.sends(pinned, "*-1\r\n");
    stage.gets(client, format!("*-1\r\n{}", "+PONG\r\n".repeat(6_000)));
    is_left_alone(&stage);
}

#[test]
fn who_has_hung_up_before_does_not_begin_to_wait() {
    let mut stage = stage();
    let (client, key) = (stage.client(), stage.key(0, "q"));
    stage.sends(
        client,
        [cmd(&format!("GET {key}")), cmd(&format!("BLPOP {key} 0")), cmd("PING")].concat(),
    );
    let shared = stage.server(0);
    stage.engine.begin_turn(stage.now);
    stage.engine.handle_hung_up(client);
    stage.finish_turn();
    assert!(!stage.is_closed(client), "the GET is due to it");
    stage.sends(shared, "$-1\r\n");
    stage.gets(client, "$-1\r\n");
    assert!(stage.is_closed(client));
    assert_eq!(stage.conns_of(0).len(), 1);
    is_left_alone(&stage);
}

#[test]
fn a_blocked_client_hears_that_its_server_has_died() {
    let mut stage = stage();
    let (client, pinned) = blocked(&mut stage, "0");
    stage.closes(pinned, CloseReason::Reset);
    stage.gets(client, "-ERR Connection reset by peer\r\n");
    assert_eq!(stage.reports.len(), 1);
    stage.sends(client, cmd("PING"));
    stage.gets(client, "+PONG\r\n");
    is_left_alone(&stage);
}

#[test]
fn a_blocked_client_is_told_when_the_proxy_stops() {
    let mut stage = stage();
    let (client, pinned) = blocked(&mut stage, "0");
    stage.engine.begin_turn(stage.now);
    stage.engine.drain();
    stage.finish_turn();
    stage.gets(client, "-ERR the proxy is stopping\r\n");
    assert!(stage.is_closed(client) && stage.is_closed(pinned));
    assert!(stage.reports.is_empty(), "{:?}", stage.reports);
    is_left_alone(&stage);
}

#[test]
fn a_client_that_watches_keys_blocks_on_the_same_conn_and_watches_on() {
    let mut stage = stage();
    let (client, key, other) = (stage.client(), stage.key(0, "w"), stage.key(1, "o"));
    stage.sends(client, cmd(&format!("WATCH {key}")));
    let pinned = stage.server(0);
    stage.sends(pinned, "+OK\r\n");
    stage.take(pinned);
    stage.take(client);
    stage.sends(client, cmd(&format!("BLPOP {other} 0")));
    stage.gets(
        client,
        "-CROSSSLOT Keys in request don't hash to the same slot: the keys of a blocking command \
         must be on the server of the watched ones, unless UNWATCH comes first; with the pool's \
         option 'hash_tag: \"{}\"', keys with the same text in braces share a server\r\n",
    );
    stage.sends(client, cmd(&format!("BLPOP {key} 0")));
    stage.gets(pinned, cmd(&format!("BLPOP {key} 0")));
    stage.sends(pinned, "*-1\r\n");
    stage.gets(client, "*-1\r\n");
    assert_eq!(stage.engine.pinned(POOL), 1);
    stage.sends(client, [cmd("MULTI"), cmd("EXEC")].concat());
    stage.gets(pinned, [cmd("MULTI"), cmd("EXEC")].concat());
    stage.sends(pinned, "+OK\r\n*0\r\n");
    stage.gets(client, "+OK\r\n*0\r\n");
    is_left_alone(&stage);
}
