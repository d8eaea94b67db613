//! Requests with several keys: taken apart, and their responses put together.

use nutcracker_engine::CloseReason;
use nutcracker_engine::ConnId;
use nutcracker_engine::stats::{PoolFigure, ServerFigure};

use crate::stage::{Stage, cmd, memcached, redis};

/// Two servers, a client, and keys: `a0 a1` of the first server, `b0 b1` of the second.
struct Split {
    stage: Stage,
    client: ConnId,
    a: [String; 2],
    b: [String; 2],
}

fn on(config: nutcracker_engine::PoolConfig) -> Split {
    let mut stage = Stage::new(config);
    let client = stage.client();
    let a = [stage.key(0, "a"), stage.key(0, "other-a")];
    let b = [stage.key(1, "b"), stage.key(1, "other-b")];
    Split { stage, client, a, b }
}

#[test]
fn mget_comes_back_in_the_order_of_the_keys() {
    let Split { mut stage, client, a: [a0, a1], b: [b0, b1] } = on(redis(2));
    stage.sends(client, cmd(&format!("MGET {b0} {a0} {a1} {b1}")));
    let [first, second] = [stage.server(0), stage.server(1)];
    stage.gets(first, cmd(&format!("mget {a0} {a1}")));
    stage.gets(second, cmd(&format!("mget {b0} {b1}")));
    stage.sends(second, "*2\r\n$2\r\nb0\r\n$-1\r\n");
    stage.gets_nothing(client);
    stage.sends(first, "*2\r\n$2\r\na0\r\n$2\r\na1\r\n");
    stage.gets(client, "*4\r\n$2\r\nb0\r\n$2\r\na0\r\n$2\r\na1\r\n$-1\r\n");
    assert_eq!(stage.figure(PoolFigure::Fragments), 2);
    assert_eq!(stage.server_figure(0, ServerFigure::Requests), 1);
    stage.is_quiet();
}

#[test]
fn counts_are_added_up() {
    for name in ["DEL", "UNLINK", "EXISTS", "TOUCH"] {
        let Split { mut stage, client, a: [a0, a1], b: [b0, _] } = on(redis(2));
        stage.sends(client, cmd(&format!("{name} {a0} {b0} {a1}")));
        let [first, second] = [stage.server(0), stage.server(1)];
        let name = name.to_lowercase();
        stage.gets(first, cmd(&format!("{name} {a0} {a1}")));
        stage.gets(second, cmd(&format!("{name} {b0}")));
        stage.sends(first, ":2\r\n");
        stage.sends(second, ":1\r\n");
        stage.gets(client, ":3\r\n");
        stage.is_quiet();
    }
}

#[test]
fn mset_takes_each_value_along_with_its_key() {
    let Split { mut stage, client, a: [a0, a1], b: [b0, _] } = on(redis(2));
    stage.sends(client, cmd(&format!("MSET {a0} 1 {b0} 2 {a1} 3")));
    let [first, second] = [stage.server(0), stage.server(1)];
    stage.gets(first, cmd(&format!("mset {a0} 1 {a1} 3")));
    stage.gets(second, cmd(&format!("mset {b0} 2")));
    stage.sends(first, "+OK\r\n");
    stage.gets_nothing(client);
    stage.sends(second, "+OK\r\n");
    stage.gets(client, "+OK\r\n");
    stage.is_quiet();
}

#[test]
fn memcached_values_come_in_the_order_of_the_keys() {
    for name in ["get", "gets"] {
        let Split { mut stage, client, a: [a0, a1], b: [b0, _] } = on(memcached(2));
        stage.sends(client, format!("{name} {a0} {b0} {a1}\r\n"));
        let [first, second] = [stage.server(0), stage.server(1)];
        stage.gets(first, format!("{name} {a0} {a1} \r\n"));
        stage.gets(second, format!("{name} {b0} \r\n"));
        stage.sends(first, format!("VALUE {a0} 0 1\r\nx\r\nVALUE {a1} 0 1\r\nz\r\nEND\r\n"));
        stage.sends(second, format!("VALUE {b0} 0 1\r\ny\r\nEND\r\n"));
        stage.gets(
            client,
            format!("VALUE {a0} 0 1\r\nx\r\nVALUE {b0} 0 1\r\ny\r\nVALUE {a1} 0 1\r\nz\r\nEND\r\n"),
        );
        stage.is_quiet();
    }
}

#[test]
fn keys_that_live_together_are_not_taken_apart() {
    let Split { mut stage, client, a: [a0, a1], .. } = on(redis(2));
    let request = cmd(&format!("MGET {a1} {a0} {a1}"));
    stage.sends(client, &request);
    let server = stage.server(0);
    stage.gets(server, &request);
    stage.sends(server, "*3\r\n:1\r\n:2\r\n:3\r\n");
    stage.gets(client, "*3\r\n:1\r\n:2\r\n:3\r\n");
    assert_eq!(stage.figure(PoolFigure::Fragments), 0);
    stage.is_quiet();
}

#[test]
fn a_key_named_twice_is_asked_for_and_answered_twice() {
    let Split { mut stage, client, a: [a0, _], b: [b0, _] } = on(redis(2));
    stage.sends(client, cmd(&format!("MGET {a0} {b0} {a0}")));
    let [first, second] = [stage.server(0), stage.server(1)];
    stage.gets(first, cmd(&format!("mget {a0} {a0}")));
    stage.sends(first, "*2\r\n:1\r\n:1\r\n");
    stage.sends(second, "*1\r\n:2\r\n");
    stage.gets(client, "*3\r\n:1\r\n:2\r\n:1\r\n");
}

#[test]
fn a_split_request_and_its_neighbours_keep_their_order() {
    let Split { mut stage, client, a: [a0, a1], b: [b0, b1] } = on(redis(2));
    let requests =
        [format!("GET {a0}"), format!("DEL {a1} {b0}"), format!("GET {b1}"), "PING".into()];
    stage.sends(client, requests.map(|line| cmd(&line)).concat());
    let [first, second] = [stage.server(0), stage.server(1)];
    stage.sends(second, ":1\r\n$2\r\nb1\r\n");
    stage.gets_nothing(client);
    stage.sends(first, "$2\r\na0\r\n");
    stage.gets(client, "$2\r\na0\r\n");
    stage.sends(first, ":1\r\n");
    stage.gets(client, ":2\r\n$2\r\nb1\r\n+PONG\r\n");
    stage.is_quiet();
}

#[test]
fn a_server_s_error_for_a_fragment_stands_for_the_whole() {
    let Split { mut stage, client, a: [a0, _], b: [b0, _] } = on(redis(2));
    stage.sends(client, cmd(&format!("DEL {b0} {a0}")));
    let [first, second] = [stage.server(0), stage.server(1)];
    stage.sends(first, ":1\r\n");
    stage.sends(second, "-READONLY no\r\n");
    stage.gets(client, "-READONLY no\r\n");
    stage.is_quiet();
}

#[test]
fn a_fragment_s_response_of_another_type_fails_the_whole() {
    let Split { mut stage, client, a: [a0, _], b: [b0, _] } = on(redis(2));
    stage.sends(client, cmd(&format!("MGET {b0} {a0}")));
    let [first, second] = [stage.server(0), stage.server(1)];
    stage.sends(first, "*2\r\n:1\r\n:2\r\n");
    stage.sends(second, "*1\r\n:1\r\n");
    stage.gets(client, "-ERR Invalid argument\r\n");
    assert_eq!(stage.figure(PoolFigure::ForwardError), 1);
    stage.is_quiet();
}

#[test]
fn a_fragment_whose_server_fails_fails_the_whole_once_all_have_ended() {
    let Split { mut stage, client, a: [a0, _], b: [b0, _] } = on(redis(2));
    stage.sends(client, [cmd(&format!("MGET {a0} {b0}")), cmd("PING")].concat());
    let [first, second] = [stage.server(0), stage.server(1)];
    stage.closes(first, CloseReason::Reset);
    stage.gets_nothing(client);
    stage.sends(second, "*1\r\n:1\r\n");
    stage.gets(client, "-ERR Connection reset by peer\r\n+PONG\r\n");
    assert_eq!(stage.figure(PoolFigure::ForwardError), 1);
    assert!(!stage.is_closed(client));
    stage.is_quiet();
}

#[test]
fn when_several_fragments_fail_the_first_server_s_error_is_told() {
    let Split { mut stage, client, a: [a0, _], b: [b0, _] } = on(redis(2));
    stage.sends(client, cmd(&format!("MGET {b0} {a0}")));
    let [first, second] = [stage.server(0), stage.server(1)];
    stage.closes(second, CloseReason::Reset);
    stage.closes(first, CloseReason::Eof);
    stage.gets(client, "-ERR unknown\r\n");
    stage.is_quiet();
}

#[test]
fn a_client_that_leaves_takes_its_split_request_along() {
    for answered_before in [false, true] {
        let Split { mut stage, client, a: [a0, _], b: [b0, _] } = on(redis(2));
        let bystander = stage.client();
        stage.sends(client, cmd(&format!("MGET {a0} {b0}")));
        stage.sends(bystander, cmd(&format!("MGET {b0} {a0}")));
        let [first, second] = [stage.server(0), stage.server(1)];
        if answered_before {
            stage.sends(first, "*1\r\n:1\r\n");
        }
        stage.closes(client, CloseReason::Reset);
        if !answered_before {
            stage.sends(first, "*1\r\n:1\r\n");
        }
        stage.sends(second, "*1\r\n:2\r\n*1\r\n:3\r\n");
        stage.sends(first, "*1\r\n:4\r\n");
        stage.gets_nothing(client);
        stage.gets(bystander, "*2\r\n:3\r\n:4\r\n");
        stage.is_quiet();
    }
}

#[test]
fn a_finished_split_request_that_waits_for_its_turn_leaves_with_its_client() {
    let Split { mut stage, client, a: [a0, a1], b: [b0, _] } = on(redis(3));
    let slow = stage.key(2, "slow");
    stage.sends(client, cmd(&format!("GET {slow}")));
    stage.sends(client, cmd(&format!("MGET {a0} {b0} {a1}")));
    let [first, second] = [stage.server(0), stage.server(1)];
    stage.sends(first, "*2\r\n:1\r\n:2\r\n");
    stage.sends(second, "*1\r\n:3\r\n");
    stage.closes(client, CloseReason::Reset);
    let slow = stage.server(2);
    stage.sends(slow, "$-1\r\n");
    stage.is_quiet();
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn many_servers_are_gathered_from_too() {
    // More than fit the room on the stack.
    let servers = 100;
    let mut stage = Stage::new(redis(servers));
    let keys: Vec<_> = (0..servers as u32).rev().map(|n| stage.key(n, "k")).collect();
    let client = stage.client();
    stage.sends(client, cmd(&format!("MGET {}", keys.join(" "))));
    for n in 0..servers as u32 {
        let conn = stage.server(n);
        stage.sends(conn, format!("*1\r\n:{n}\r\n"));
    }
    let elements: String = (0..servers).rev().map(|n| format!(":{n}\r\n")).collect();
    stage.gets(client, format!("*{servers}\r\n{elements}"));
    stage.is_quiet();
}
