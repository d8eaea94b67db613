//! What happens to those who say nothing: nothing, for as long as they like.

use std::time::Duration;

use crate::stage::{Stage, cmd, redis};

/// A day, in milliseconds.
const LONG: u64 = 24 * 60 * 60 * 1000;

#[test]
fn nobody_is_closed_for_being_idle() {
    let mut config = redis(1);
    config.timeout = Some(Duration::from_millis(100));
    let mut stage = Stage::new(config);
    let (silent, client) = (stage.client(), stage.client());
    // Half of a request does not wait for a server, so it has no deadline.
    stage.sends(silent, "*2\r\n$3\r\nGET\r\n$1\r\n");
    stage.sends(client, cmd("GET k"));
    let server = stage.server(0);
    stage.sends(server, "$-1\r\n");
    stage.gets(client, "$-1\r\n");
    stage.passes(LONG);
    for conn in [silent, client, server] {
        assert!(!stage.is_closed(conn), "{conn:?}");
    }
    stage.sends(silent, "k\r\n");
    stage.take(server);
    stage.sends(server, "$1\r\nv\r\n");
    stage.gets(silent, "$1\r\nv\r\n");
    stage.is_quiet();
}

#[test]
fn without_a_timeout_a_connect_and_a_response_are_waited_for_without_end() {
    let mut stage = Stage::new(redis(1));
    stage.servers_accept = false;
    let client = stage.client();
    stage.sends(client, cmd("GET k"));
    let server = stage.server(0);
    assert_eq!(stage.engine.poll_timeout(), None);
    stage.passes(LONG);
    stage.accepts(server);
    stage.gets(server, cmd("GET k"));
    assert_eq!(stage.engine.poll_timeout(), None);
    stage.passes(LONG);
    stage.gets_nothing(client);
    stage.sends(server, "$-1\r\n");
    stage.gets(client, "$-1\r\n");
    stage.is_quiet();
}

#[test]
fn what_the_proxy_answers_itself_has_no_deadline() {
    let mut config = redis(1);
    config.timeout = Some(Duration::from_millis(100));
    let mut stage = Stage::new(config);
    let client = stage.client();
    stage.sends(client, [cmd("PING"), cmd("NOSUCH"), cmd("GET")].concat());
    assert_eq!(stage.engine.poll_timeout(), None);
    assert!(stage.conns_of(0).is_empty(), "nobody was asked");
    assert!(stage.take(client).starts_with(b"+PONG\r\n-ERR unknown command"));
}
