//! Clients that want no answers, on a server conn of their own or at their end.

use nutcracker_engine::CloseReason;

use crate::stage::{POOL, Stage, cmd, memcached, redis};

/// Several requests in a row.
fn cmds(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| cmd(line)).collect()
}

#[test]
fn what_shall_not_be_answered_is_not_in_a_transaction_and_around_it() {
    let mut stage = Stage::new(redis(2));
    let (client, key) = (stage.client(), stage.key(0, "k"));
    let get = format!("GET {key}");
    // The one that is passed over is MULTI, whoever answers what follows.
    stage.sends(client, cmds(&["CLIENT REPLY SKIP", "MULTI", "PING", "NONSENSE", &get, "EXEC"]));
    let unknown = "-ERR unknown command 'NONSENSE', with args beginning with: \r\n";
    stage.gets(
        client,
        [
            "+QUEUED\r\n",
            unknown,
            "+QUEUED\r\n",
            "-EXECABORT Transaction discarded because of previous errors.\r\n",
        ]
        .concat(),
    );
    // All of it is silent, the failure too, and what follows waits for it.
    stage.sends(client, cmds(&["CLIENT REPLY OFF", "MULTI", &get, "EXEC", "CLIENT REPLY ON"]));
    let pinned = stage.server(0);
    stage.gets(pinned, cmds(&["MULTI", &get, "EXEC"]));
    stage.gets_nothing(client);
    stage.sends(pinned, "+OK\r\n+QUEUED\r\n*1\r\n$1\r\nv\r\n");
    stage.gets(client, "+OK\r\n");
    let pop = format!("BLPOP {key} 0");
    stage.sends(client, cmds(&["CLIENT REPLY SKIP", &pop, "PING"]));
    stage.gets(pinned, cmd(&pop));
    stage.closes(pinned, CloseReason::Reset);
    stage.gets(client, "+PONG\r\n");
    stage.is_quiet();
    assert_eq!(stage.engine.pinned(POOL), 0);
}

#[test]
fn a_client_that_leaves_is_closed_when_its_last_response_is_one_that_it_does_not_want() {
    for end in ["quit\r\n", ""] {
        let mut stage = Stage::new(memcached(1));
        let client = stage.client();
        stage.sends(client, format!("mg a v q\r\n{end}"));
        if end.is_empty() {
            stage.closes(client, CloseReason::Eof);
        }
        let server = stage.server(0);
        stage.gets(server, "mg a v\r\n");
        assert!(!stage.is_closed(client), "a value would be due to it");
        stage.sends(server, "EN\r\n");
        stage.gets_nothing(client);
        assert!(stage.is_closed(client), "{end:?}");
        stage.is_quiet();
    }
}

#[test]
fn what_goes_another_way_waits_for_what_shall_not_be_answered() {
    for (other, begun) in [("MULTI", "MULTI"), ("BLPOP {k} 0", "BLPOP {k} 0")] {
        let mut stage = Stage::new(redis(2));
        let (client, key) = (stage.client(), stage.key(0, "k"));
        let (set, get) = (format!("SET {key} 1"), format!("GET {key}"));
        let (other, begun) = (other.replace("{k}", &key), begun.replace("{k}", &key));
        stage.sends(client, cmds(&["CLIENT REPLY SKIP", &set, &other, &get]));
        let shared = stage.server(0);
        stage.gets(shared, cmd(&set));
        assert_eq!(stage.conns_of(0).len(), 1, "{other}: two conns know no order between them");
        stage.sends(shared, "+OK\r\n");
        let pinned = *stage.conns_of(0).last().expect("it goes on");
        assert_ne!(pinned, shared, "{other}");
        let sent = String::from_utf8(stage.take(pinned)).expect("a request is text");
        assert!(sent.starts_with(std::str::from_utf8(&cmd(&begun)).expect("it is text")), "{sent}");
    }
}

#[test]
fn nothing_that_a_client_wants_no_answer_to_is_answered() {
    let mut stage = Stage::new(redis(2));
    let (client, a, b) = (stage.client(), stage.key(0, "a"), stage.key(1, "b"));
    // Known here, so that a request by its digest may have to be sent again.
    let script = "return";
    let digest = "63143b6f8007b98c53ca2149822777b3566f9241";
    let eval = format!("EVAL {script} 1 {a}");
    stage.sends(client, cmd(&eval));
    let (first, second) = {
        let first = stage.server(0);
        stage.gets(first, cmd(&eval));
        stage.sends(first, "$-1\r\n");
        stage.take(client);
        stage.sends(client, cmd(&format!("GET {b}")));
        let second = stage.server(1);
        stage.take(second);
        stage.sends(second, "$-1\r\n");
        stage.take(client);
        (first, second)
    };
    let mget = format!("MGET {a} {b}");
    let evalsha = format!("EVALSHA {digest} 1 {a}");
    for (request, asked, answers) in [
        ("SCAN 0", vec![first], vec!["*2\r\n$1\r\n0\r\n*0\r\n"]),
        ("DBSIZE", vec![first, second], vec![":1\r\n", ":2\r\n"]),
        (&mget, vec![first, second], vec!["*1\r\n$-1\r\n", "-ERR no\r\n"]),
        (&evalsha, vec![first, first], vec!["-NOSCRIPT no\r\n", "$-1\r\n"]),
        (&format!("PUBLISH {a} x"), vec![first], vec![":1\r\n"]),
    ] {
        stage.sends(client, cmds(&["CLIENT REPLY SKIP", request, "PING"]));
        for (&server, answer) in asked.iter().zip(answers) {
            assert!(!stage.take(server).is_empty(), "{request}: the server is asked");
            stage.gets_nothing(client);
            stage.sends(server, answer);
        }
        stage.gets(client, "+PONG\r\n");
        stage.is_quiet();
    }
}

#[test]
fn one_request_is_passed_over_and_not_the_nonsense_behind_it() {
    for (mode, told) in [("SKIP", true), ("OFF", false)] {
        let mut stage = Stage::new(redis(1));
        let client = stage.client();
        stage.sends(client, cmds(&[&format!("CLIENT REPLY {mode}"), "PING"]));
        stage.sends(client, "*x\r\n");
        let expected = if told { "-ERR Protocol error: invalid multibulk length\r\n" } else { "" };
        stage.gets(client, expected);
        assert!(stage.is_closed(client), "{mode}");
    }
}
