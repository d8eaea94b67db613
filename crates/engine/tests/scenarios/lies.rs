//! Servers that say what they were not asked: nobody gets another's answer for it.

use std::time::Duration;

use nutcracker_engine::stats::{FaultFigure, ServerFigure};
use nutcracker_engine::{CloseReason, PoolConfig, Report};

use crate::stage::{Stage, cmd, ejection, memcached, redis};

/// What was reported of the only server conn that closed.
fn reason(stage: &Stage) -> String {
    let [Report::ServerClosed { reason, .. }] = stage.reports.as_slice() else {
        panic!("{:?}", stage.reports)
    };
    reason.to_string()
}

#[test]
fn an_answer_of_another_kind_fails_all_that_wait_on_the_conn_and_closes_it() {
    for (request, answer) in [
        ("GET a", "+OK\r\n"),
        ("GET a", ":1\r\n"),
        ("GET a", "*1\r\n$1\r\na\r\n"),
        ("SET a 1", ":1\r\n"),
        ("INCR a", "$1\r\n1\r\n"),
        ("INCR a", "+OK\r\n"),
        ("EXISTS a", "$-1\r\n"),
        ("DEL a", "*0\r\n"),
        ("MGET a b", "$1\r\na\r\n"),
        ("MSET a 1 b 2", "*0\r\n"),
        ("HGETALL a", "$1\r\na\r\n"),
        ("RENAME a b", "$2\r\nOK\r\n"),
        ("XINFO STREAM a", ":1\r\n"),
    ] {
        let mut stage = Stage::new(redis(1));
        let clients = [stage.client(), stage.client()];
        stage.sends(clients[0], cmd(request));
        stage.sends(clients[1], cmd("GET b"));
        let server = stage.server(0);
        stage.sends(server, format!("{answer}$1\r\nb\r\n"));
        for client in clients {
            stage.gets(client, "-ERR Invalid argument\r\n");
        }
        assert!(stage.is_closed(server), "{request}: {answer:?}");
        assert_eq!(stage.server_figure(0, ServerFigure::ServerErr), 1);
        assert_eq!(
            reason(&stage),
            format!(
                "a response of a kind that its request never gets; it begins \"{}\"",
                answer.escape_default()
            )
        );
        // Whoever asks next is asked on another conn.
        stage.sends(clients[1], cmd("GET b"));
        let next = stage.server(0);
        assert_ne!(next, server);
        stage.sends(next, "$1\r\nb\r\n");
        stage.gets(clients[1], "$1\r\nb\r\n");
        stage.is_quiet();
    }
}

#[test]
fn whatever_servers_have_for_a_command_is_passed_on() {
    for (request, answers) in [
        ("GET a", &["$1\r\na\r\n", "$-1\r\n", "_\r\n", "-WRONGTYPE x\r\n", "-LOADING x\r\n"][..]),
        ("SET a 1", &["+OK\r\n", "$-1\r\n", "_\r\n", "$1\r\na\r\n", "-OOM x\r\n", "!3\r\nERR\r\n"]),
        ("BLPOP a 1", &["*-1\r\n", "$-1\r\n", "_\r\n", "*2\r\n$1\r\na\r\n$1\r\nv\r\n"]),
        ("SMEMBERS a", &["*0\r\n", "~0\r\n"]),
        ("HGETALL a", &["*0\r\n", "%0\r\n"]),
        ("ZSCORE a m", &["$3\r\n1.5\r\n", ",1.5\r\n", "$-1\r\n", "_\r\n"]),
        ("ZRANK a m", &[":1\r\n", "*2\r\n:1\r\n,2\r\n", "$-1\r\n", "*-1\r\n"]),
        ("LPOP a", &["$1\r\nv\r\n", "*1\r\n$1\r\nv\r\n", "$-1\r\n", "*-1\r\n"]),
        ("EVAL s 1 a", &["+OK\r\n", ":1\r\n", "$-1\r\n", "*0\r\n", "%0\r\n", "#t\r\n", "(12\r\n"]),
        ("GET a", &["|1\r\n+ttl\r\n:3\r\n$1\r\na\r\n"]),
    ] {
        for answer in answers {
            let mut stage = Stage::new(redis(1));
            let client = stage.client();
            stage.sends(client, cmd(request));
            let server = stage.server(0);
            stage.sends(server, answer);
            stage.gets(client, answer);
            assert!(!stage.is_closed(server), "{request}: {answer:?}");
        }
    }
}

#[test]
fn a_word_of_memcached_that_is_no_answer_closes_the_conn() {
    for (request, answer) in [
        ("get a\r\n", "STORED\r\n"),
        ("get a\r\n", "HD\r\n"),
        ("get a\r\n", "STAT a 1\r\nEND\r\n"),
        ("gets a b\r\n", "7\r\n"),
        ("set a 0 0 1\r\nx\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n"),
        ("set a 0 0 1\r\nx\r\n", "END\r\n"),
        ("incr a 1\r\n", "STORED\r\n"),
        ("delete a\r\n", "TOUCHED\r\n"),
        ("touch a 1\r\n", "DELETED\r\n"),
        ("mg a v\r\n", "END\r\n"),
        ("mg a v\r\n", "VERSION 1.6\r\n"),
        ("ms a 1\r\nx\r\n", "VA 1\r\nx\r\n"),
        ("version\r\n", "OK\r\n"),
    ] {
        let mut stage = Stage::new(memcached(1));
        let client = stage.client();
        stage.sends(client, [request, "get b\r\n"].concat());
        let server = stage.server(0);
        stage.sends(server, [answer, "END\r\n"].concat());
        stage.gets(client, "SERVER_ERROR Invalid argument\r\n".repeat(2));
        assert!(stage.is_closed(server), "{request:?}: {answer:?}");
        stage.is_quiet();
    }
}

// It has not read the data, and runs it.
#[test]
fn a_server_that_refuses_the_line_of_what_stores_is_heard_no_more() {
    let cases = [
        ("set a 0 0 5\r\nget b\r\n", "ERROR\r\n"),
        ("cas a 0 0 5 1\r\nget b\r\n", "CLIENT_ERROR bad command line format\r\n"),
        ("append a 0 0 5 noreply\r\nget b\r\n", "ERROR\r\n"),
        ("ms a 5\r\nget b\r\n", "ERROR\r\n"),
        ("ms a 5 T0 q\r\nget b\r\n", "CLIENT_ERROR invalid flag\r\n"),
    ];
    for (request, answer) in cases {
        let mut stage = Stage::new(memcached(1));
        let clients = [stage.client(), stage.client()];
        stage.sends(clients[0], request);
        stage.sends(clients[1], "get secret\r\n");
        let server = stage.server(0);
        stage.sends(server, [answer, "VALUE b 0 1\r\nx\r\nEND\r\n"].concat());
        let error = "SERVER_ERROR Invalid argument\r\n";
        stage.gets(clients[0], if request.contains("noreply") { "" } else { error });
        stage.gets(clients[1], error);
        assert!(stage.is_closed(server), "{request:?}: {answer:?}");
        stage.is_quiet();
    }
    for (request, answer) in [
        ("set a 0 0 1\r\nx\r\n", "SERVER_ERROR out of memory storing object\r\n"),
        ("ms a 1\r\nx\r\n", "CLIENT_ERROR bad token in command line format\r\n"),
        // A flag that not every server knows: its data has been read.
        ("ms a 1 z\r\nx\r\n", "CLIENT_ERROR invalid flag\r\n"),
        ("get a\r\n", "ERROR\r\n"),
        ("mg a z\r\n", "CLIENT_ERROR invalid flag\r\n"),
        ("incr a 1\r\n", "CLIENT_ERROR bad command line format\r\n"),
    ] {
        let mut stage = Stage::new(memcached(1));
        let client = stage.client();
        stage.sends(client, request);
        let server = stage.server(0);
        stage.sends(server, answer);
        stage.gets(client, answer);
        assert!(!stage.is_closed(server), "{request:?}: {answer:?}");
        stage.is_quiet();
    }
}

#[test]
fn a_fragment_s_answer_that_is_none_fails_the_whole_and_closes_that_conn_alone() {
    for answer in ["$1\r\nx\r\n", "+OK\r\n", ":2\r\n"] {
        let mut stage = Stage::new(redis(2));
        let (a, b) = (stage.key(0, "a"), stage.key(1, "b"));
        let client = stage.client();
        stage.sends(client, cmd(&format!("MGET {a} {b} {a}")));
        let (first, second) = (stage.server(0), stage.server(1));
        stage.sends(first, answer);
        stage.gets_nothing(client);
        stage.sends(second, "*1\r\n$-1\r\n");
        stage.gets(client, "-ERR Invalid argument\r\n");
        assert!(stage.is_closed(first) && !stage.is_closed(second), "{answer:?}");
        stage.is_quiet();
    }
}

#[test]
fn what_is_queued_in_a_transaction_is_said_to_be_and_nothing_else() {
    for (said, told) in [
        ("$1\r\nv\r\n", "+OK\r\n-ERR Invalid argument\r\n-ERR Invalid argument\r\n"),
        ("+OK\r\n$1\r\nv\r\n", "+OK\r\n-ERR Invalid argument\r\n-ERR Invalid argument\r\n"),
        ("+OK\r\n+QUEUED\r\n$1\r\nv\r\n", "+OK\r\n+QUEUED\r\n-ERR Invalid argument\r\n"),
    ] {
        let mut stage = Stage::new(redis(1));
        let client = stage.client();
        stage.sends(client, ["MULTI", "GET a", "EXEC"].map(cmd).concat());
        let pinned = stage.server(0);
        stage.sends(pinned, said);
        stage.gets(client, told);
        assert!(stage.is_closed(pinned), "{said:?}");
        stage.is_quiet();
    }
}

#[test]
fn a_handshake_that_is_answered_with_another_kind_closes_the_conn() {
    let mut stage = Stage::new(PoolConfig { database: 3, ..redis(1) });
    let client = stage.client();
    stage.sends(client, cmd("GET a"));
    let server = stage.server(0);
    stage.sends(server, "$1\r\na\r\n");
    stage.gets(client, "-ERR Invalid argument\r\n");
    assert!(stage.is_closed(server));
    stage.is_quiet();
}

#[test]
fn a_server_that_answers_a_probe_with_another_kind_is_not_back() {
    let mut stage = Stage::new(PoolConfig { ejection: ejection(1, 500), ..redis(1) });
    let client = stage.client();
    stage.sends(client, cmd("GET a"));
    stage.closes(stage.server(0), CloseReason::Reset);
    stage.gets(client, "-ERR Connection reset by peer\r\n");
    stage.passes(501);
    let probe = stage.server(0);
    stage.gets(probe, cmd("PING"));
    stage.sends(probe, "$1\r\na\r\n");
    let Some(Report::StillAway { reason: CloseReason::WrongKind(_), .. }) = stage.reports.last()
    else {
        panic!("{:?}", stage.reports)
    };
    assert_eq!(stage.stats.pools[0].fault(FaultFigure::ProbesFailed).get(), 1);
}

#[test]
fn an_answer_that_is_cut_and_goes_on_after_the_timeout_reaches_nobody() {
    let response = b"$10\r\n0123456789\r\n";
    for cut in 0..response.len() {
        let config = PoolConfig { timeout: Some(Duration::from_millis(100)), ..redis(1) };
        let mut stage = Stage::new(config);
        let clients = [stage.client(), stage.client()];
        stage.sends(clients[0], cmd("GET a"));
        let slow = stage.server(0);
        stage.sends(slow, &response[..cut]);
        stage.passes(101);
        stage.gets(clients[0], "-ERR Connection timed out\r\n");
        assert!(stage.is_closed(slow));
        for client in clients {
            stage.sends(client, cmd("GET b"));
        }
        // The rest is still under way to a socket that nobody reads any more.
        assert!(!stage.engine.may_read(slow));
        let next = stage.server(0);
        assert_ne!(next, slow);
        for client in clients {
            stage.gets_nothing(client);
        }
        stage.sends(next, "$1\r\nb\r\n".repeat(2));
        for client in clients {
            stage.gets(client, "$1\r\nb\r\n");
        }
        stage.is_quiet();
    }
}

#[test]
fn the_log_gets_the_first_bytes_of_what_should_not_have_come_and_no_more() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("GET a"));
    let server = stage.server(0);
    stage.sends(server, format!("?{}\r\n", "x".repeat(1_000)));
    stage.gets(client, "-ERR Invalid argument\r\n");
    let reason = reason(&stage);
    assert!(reason.ends_with(&format!("; it begins \"?{}\"", "x".repeat(63))), "{reason}");

    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("GET a"));
    stage.sends(stage.server(0), "$-1\r\n$5\r\nextra\r\n");
    stage.gets(client, "$-1\r\n");
    let expected = "a response that no request waits for; it begins \"$5\\r\\nextra\\r\\n\"";
    assert_eq!(self::reason(&stage), expected);
}
