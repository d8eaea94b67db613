//! Passwords, databases, and what a conn to a server says first.

use nutcracker_engine::stats::ServerFigure;
use nutcracker_engine::{CloseReason, PoolConfig, Report};

use crate::stage::{Stage, cmd, redis};

fn secret() -> PoolConfig {
    let mut config = redis(1);
    config.password = Some((*b"s3cret").into());
    config.database = 7;
    config
}

/// A stage whose client has said its password.
fn authenticated(config: PoolConfig) -> (Stage, nutcracker_engine::ConnId) {
    let mut stage = Stage::new(config);
    let client = stage.client();
    stage.sends(client, cmd("AUTH s3cret"));
    stage.gets(client, "+OK\r\n");
    (stage, client)
}

#[test]
fn the_password_and_the_database_come_before_the_first_request() {
    let (mut stage, client) = authenticated(secret());
    stage.sends(client, cmd("GET k"));
    let server = stage.server(0);
    stage.gets(server, [cmd("AUTH s3cret"), cmd("SELECT 7")].concat());
    stage.sends(server, "+OK\r\n");
    stage.gets_nothing(server);
    assert_eq!(stage.server_figure(0, ServerFigure::InQueue), 1);
    stage.sends(server, "+OK\r\n");
    stage.gets(server, cmd("GET k"));
    stage.gets_nothing(client);
    stage.sends(server, "$1\r\nv\r\n");
    stage.gets(client, "$1\r\nv\r\n");
    assert_eq!(stage.server_figure(0, ServerFigure::Responses), 1, "of requests alone");
    stage.sends(client, cmd("GET k"));
    stage.gets(server, cmd("GET k"));
}

#[test]
fn a_handshake_sent_in_pieces_is_sent_whole_and_the_requests_behind_it_wait() {
    let handshake = [cmd("AUTH s3cret"), cmd("SELECT 7")].concat();
    for cut in 0..=handshake.len() {
        let (mut stage, client) = authenticated(secret());
        stage.servers_accept = false;
        stage.sends(client, cmd("TTL k"));
        let server = stage.server(0);
        stage.clogs(server, cut);
        stage.accepts(server);
        stage.gets(server, &handshake[..cut]);
        stage.unclogs(server);
        stage.gets(server, &handshake[cut..]);
        stage.sends(server, "+OK\r\n+OK\r\n");
        stage.gets(server, cmd("TTL k"));
        stage.sends(server, ":1\r\n");
        stage.gets(client, ":1\r\n");
        stage.is_quiet();
    }
}

#[test]
fn a_refused_handshake_fails_the_requests_with_the_server_s_words() {
    for (said, told) in [
        ("-WRONGPASS invalid password\r\n", "WRONGPASS invalid password"),
        ("-ERR DB index is out of range\r\n", "DB index is out of range"),
        ("+OK\r\n-ERR DB index is out of range\r\n", "DB index is out of range"),
        ("-LOADING wait\r\n", "LOADING wait"),
        // Line ends would make two responses of one.
        ("-ERR two\nlines\r\n", "two lines"),
        ("!13\r\nERR two\r\nline\r\n", "two  line"),
    ] {
        let (mut stage, client) = authenticated(secret());
        stage.sends(client, [cmd("GET a"), cmd("PING")].concat());
        let server = stage.server(0);
        stage.sends(server, said);
        stage.gets(client, format!("-ERR {told}\r\n+PONG\r\n"));
        assert!(stage.is_closed(server));
        assert_eq!(stage.server_figure(0, ServerFigure::ServerErr), 1);
        let [Report::ServerClosed { reason: CloseReason::Handshake(_), failed: 1, .. }] =
            stage.reports.as_slice()
        else {
            panic!("{:?}", stage.reports);
        };
        stage.is_quiet();
    }
}

#[test]
fn a_server_that_answers_the_handshake_before_it_has_it_all_does_no_harm() {
    let (mut stage, client) = authenticated(secret());
    stage.servers_accept = false;
    stage.sends(client, [cmd("TTL a"), cmd("TTL b")].concat());
    let server = stage.server(0);
    stage.clogs(server, 10);
    stage.accepts(server);
    stage.sends(server, "+OK\r\n+OK\r\n");
    stage.takes(server, 59);
    // The rest of the handshake and 20 bytes, which is the first request.
    assert_eq!(stage.server_figure(0, ServerFigure::OutQueue), 1);
    stage.unclogs(server);
    assert_eq!(stage.server_figure(0, ServerFigure::OutQueue), 2);
    stage.sends(server, ":1\r\n:2\r\n");
    stage.gets(client, ":1\r\n:2\r\n");
    stage.is_quiet();
}

#[test]
fn a_client_without_the_password_is_served_nothing() {
    let mut stage = Stage::new(secret());
    let client = stage.client();
    let required = "-NOAUTH Authentication required\r\n";
    stage.sends(client, [cmd("GET k"), cmd("PING"), cmd("MGET a b")].concat());
    stage.gets(client, required.repeat(3));
    stage.sends(client, cmd("AUTH wrong"));
    stage.gets(client, "-ERR invalid password\r\n");
    stage.sends(client, [cmd("PING"), cmd("AUTH s3cret"), cmd("PING")].concat());
    stage.gets(client, format!("{required}+OK\r\n+PONG\r\n"));
    // A wrong password takes back what a right one gave.
    stage.sends(client, [cmd("AUTH s3cre"), cmd("PING")].concat());
    stage.gets(client, format!("-ERR invalid password\r\n{required}"));
    assert!(stage.conns_of(0).is_empty(), "no server was asked");
    stage.sends(client, cmd("QUIT"));
    assert!(stage.is_closed(client));
}

#[test]
fn a_client_without_the_password_is_told_of_its_command_and_not_of_its_arguments() {
    let mut stage = Stage::new(secret());
    let client = stage.client();
    let faulty =
        [cmd("ZUNION 5 a"), cmd("EVAL script many a"), cmd(&format!("GET {}", "k".repeat(20_000)))];
    stage.sends(client, faulty.concat());
    stage.gets(client, "-NOAUTH Authentication required\r\n".repeat(3));
    stage.sends(client, [cmd("NONSENSE a"), cmd("GET a b")].concat());
    stage.gets(client, "-ERR unknown command 'NONSENSE', with args beginning with: 'a' \r\n-ERR wrong number of arguments for 'get' command\r\n");
    stage.sends(client, [cmd("AUTH s3cret"), cmd("ZUNION 5 a")].concat());
    stage.gets(client, "+OK\r\n-ERR syntax error\r\n");
}

#[test]
fn a_password_for_a_pool_without_one_is_answered_so() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, [cmd("AUTH any"), cmd("PING")].concat());
    stage.gets(client, "-ERR Client sent AUTH, but no password is set\r\n+PONG\r\n");
}

#[test]
fn a_database_alone_is_selected_without_a_password() {
    let mut config = redis(1);
    config.database = 12;
    let mut stage = Stage::new(config);
    let client = stage.client();
    stage.sends(client, cmd("GET k"));
    let server = stage.server(0);
    stage.gets(server, cmd("SELECT 12"));
    stage.sends(server, "+OK\r\n");
    stage.gets(server, cmd("GET k"));
}
