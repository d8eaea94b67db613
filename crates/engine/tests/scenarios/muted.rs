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
