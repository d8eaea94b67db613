//! Scripts that one server lacks: loaded there, and the client sees the final answer alone.

use nutcracker_engine::{CloseReason, ConnId, PoolConfig};

use crate::stage::{Stage, array, bulk, cmd, ejection, redis};

/// What servers call `return 1`.
const DIGEST: &str = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
const SCRIPT: &[u8] = b"return 1";
const UNKNOWN: &str = "-NOSCRIPT No matching script. Please use EVAL.\r\n";

/// Two servers, a client, and a key of the second server. The script has come by.
fn known() -> (Stage, ConnId, ConnId, String) {
    let mut stage = Stage::new(redis(2));
    let client = stage.client();
    let key = stage.key(1, "k");
    stage.sends(client, array(&[b"EVAL", SCRIPT, b"1", key.as_bytes()]));
    let server = stage.server(1);
    stage.take(server);
    stage.sends(server, ":1\r\n");
    stage.gets(client, ":1\r\n");
    (stage, client, server, key)
}

#[test]
fn a_script_that_came_by_is_given_to_a_server_that_lacks_it() {
    let (mut stage, client, server, key) = known();
    let by_digest = cmd(&format!("EVALSHA {DIGEST} 1 {key} argument"));
    let in_full = array(&[b"EVAL", SCRIPT, b"1", key.as_bytes(), b"argument"]);
    // Others are behind it on the same conn, and the same client's wait for their turn.
    let other = stage.client();
    stage.sends(client, [by_digest.clone(), cmd(&format!("GET {key}"))].concat());
    stage.sends(other, cmd(&format!("GET {key}")));
    stage
        .gets(server, [by_digest, cmd(&format!("GET {key}")), cmd(&format!("GET {key}"))].concat());
    stage.sends(server, UNKNOWN);
    stage.gets_nothing(client);
    stage.gets(server, &in_full);
    stage.sends(server, [bulk(b"first"), bulk(b"second")].concat());
    stage.gets_nothing(client);
    stage.gets(other, bulk(b"second"));
    stage.sends(server, ":7\r\n");
    stage.gets(client, [b":7\r\n".to_vec(), bulk(b"first")].concat());
    stage.is_quiet();
}

#[test]
fn a_script_that_came_by_in_a_transaction_is_given_to_a_server_that_lacks_it() {
    let mut stage = Stage::new(redis(2));
    let (client, key) = (stage.client(), stage.key(1, "k"));
    let run = array(&[b"EVAL", SCRIPT, b"1", key.as_bytes()]);
    stage.sends(client, [cmd("MULTI"), run.clone(), cmd("EXEC")].concat());
    let pinned = stage.server(1);
    stage.gets(pinned, [cmd("MULTI"), run, cmd("EXEC")].concat());
    stage.sends(pinned, "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
    stage.gets(client, "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
    // The other server has never seen it.
    let key = stage.key(0, "k");
    stage.sends(client, cmd(&format!("EVALSHA {DIGEST} 1 {key}")));
    let server = stage.server(0);
    stage.take(server);
    stage.sends(server, UNKNOWN);
    stage.gets(server, array(&[b"EVAL", SCRIPT, b"1", key.as_bytes()]));
    stage.sends(server, ":1\r\n");
    stage.gets(client, ":1\r\n");
    stage.is_quiet();
}

#[test]
fn a_request_without_a_key_is_sent_again_too_and_only_once() {
    let (mut stage, client, _, _) = known();
    stage.sends(client, cmd(&format!("EVALSHA {} 0", DIGEST.to_ascii_uppercase())));
    let server = stage.server(stage.owner("placeholder"));
    stage.take(server);
    stage.sends(server, UNKNOWN);
    stage.gets(server, array(&[b"EVAL", SCRIPT, b"0"]));
    stage.sends(server, UNKNOWN);
    stage.gets(client, UNKNOWN);
    stage.is_quiet();
}

#[test]
fn a_script_that_nobody_sent_is_the_clients_to_send() {
    let (mut stage, client, server, key) = known();
    let strange = "0".repeat(40);
    for digest in [&*strange, "short"] {
        stage.sends(client, cmd(&format!("EVALSHA {digest} 1 {key}")));
        stage.take(server);
        stage.sends(server, UNKNOWN);
        stage.gets_nothing(server);
        stage.gets(client, UNKNOWN);
    }
    // Another error of a known script is told.
    stage.sends(client, cmd(&format!("EVALSHA {DIGEST} 1 {key}")));
    stage.take(server);
    stage.sends(server, "-ERR no\r\n");
    stage.gets(client, "-ERR no\r\n");
    stage.is_quiet();
}

#[test]
fn what_is_kept_for_a_script_goes_with_its_client_or_its_server() {
    let (mut stage, client, server, key) = known();
    let request = cmd(&format!("EVALSHA {DIGEST} 1 {key}"));
    stage.sends(client, &request);
    stage.take(server);
    assert_ne!(stage.engine.held(), 0, "a copy is kept");
    stage.closes(client, CloseReason::Reset);
    stage.sends(server, UNKNOWN);
    stage.gets_nothing(server);
    stage.is_quiet();

    let client = stage.client();
    stage.sends(client, &request);
    stage.closes(server, CloseReason::Reset);
    stage.gets(client, "-ERR Connection reset by peer\r\n");
    stage.is_quiet();

    // The server goes between the two tries.
    stage.sends(client, &request);
    let server = stage.server(1);
    stage.sends(server, UNKNOWN);
    stage.closes(server, CloseReason::Reset);
    stage.gets(client, "-ERR Connection reset by peer\r\n");
    stage.is_quiet();
}

#[test]
fn a_script_that_came_by_one_worker_is_known_to_the_others() {
    let (stage, _, _, key) = known();
    let mut sibling = stage.sibling();
    let client = sibling.client();
    sibling.sends(client, cmd(&format!("EVALSHA {DIGEST} 1 {key}")));
    let server = sibling.server(1);
    sibling.take(server);
    sibling.sends(server, UNKNOWN);
    sibling.gets(server, array(&[b"EVAL", SCRIPT, b"1", key.as_bytes()]));
    sibling.sends(server, ":1\r\n");
    sibling.gets(client, ":1\r\n");
}

/// Both servers of a pool that ejects after one failure, and a client.
fn two() -> (Stage, ConnId, [ConnId; 2]) {
    let mut stage = Stage::new(PoolConfig { ejection: ejection(1, 1_000), ..redis(2) });
    let client = stage.client();
    stage.sends(client, cmd("SCRIPT EXISTS x"));
    let servers = [stage.server(0), stage.server(1)];
    for server in servers {
        stage.gets(server, cmd("SCRIPT EXISTS x"));
        stage.sends(server, "*1\r\n:0\r\n");
    }
    stage.gets(client, "*1\r\n:0\r\n");
    (stage, client, servers)
}

#[test]
fn scripts_are_loaded_asked_for_and_flushed_on_all_servers() {
    let (mut stage, client, [first, second]) = two();
    let load = array(&[b"SCRIPT", b"LOAD", SCRIPT]);
    let [exists, flush] = ["SCRIPT EXISTS a b", "SCRIPT FLUSH ASYNC"].map(cmd);
    let digest = String::from_utf8(bulk(DIGEST.as_bytes())).expect("made of text");
    for (request, answers, expected) in [
        (load, [&*digest, &*digest], &*digest),
        (exists, ["*2\r\n:1\r\n:1\r\n", "*2\r\n:0\r\n:1\r\n"], "*2\r\n:0\r\n:1\r\n"),
        (flush, ["+OK\r\n", "+OK\r\n"], "+OK\r\n"),
    ] {
        stage.sends(client, &request);
        stage.gets(first, &request);
        stage.gets(second, &request);
        stage.sends(second, answers[1]);
        stage.gets_nothing(client);
        stage.sends(first, answers[0]);
        stage.gets(client, expected);
    }
    // What was flushed is forgotten here too.
    let key = stage.key(1, "k");
    stage.sends(client, cmd(&format!("EVALSHA {DIGEST} 1 {key}")));
    stage.take(second);
    stage.sends(second, UNKNOWN);
    stage.gets_nothing(second);
    stage.gets(client, UNKNOWN);
    stage.is_quiet();
}

#[test]
fn a_script_is_loaded_where_servers_are_and_the_others_get_it_when_they_are_asked() {
    let (mut stage, client, [first, second]) = two();
    let load = array(&[b"SCRIPT", b"LOAD", SCRIPT]);
    let digest = bulk(DIGEST.as_bytes());
    // One fails while it is asked, and is ejected for it.
    stage.sends(client, &load);
    stage.closes(second, CloseReason::Reset);
    stage.sends(first, &digest);
    stage.gets(client, &digest);
    // One is ejected.
    stage.sends(client, [load.clone(), cmd("SCRIPT FLUSH"), cmd("FUNCTION LOAD x")].concat());
    stage.take(first);
    stage.sends(first, &digest);
    let ejected = |command| {
        format!("-ERR server 'server1' is ejected, and '{command}' needs every server\r\n")
    };
    let errors = ejected("script flush") + &ejected("function load");
    stage.gets(client, [&*digest, errors.as_bytes()].concat());

    // A server's error is told although another took it.
    stage.returns(1, 1_000);
    stage.sends(client, &load);
    stage.sends(first, &digest);
    stage.sends(stage.server(1), "-ERR Error compiling script\r\n");
    stage.gets(client, "-ERR Error compiling script\r\n");

    // It is back, and lacks the script. Although it was to be flushed, it is known still.
    stage.sends(client, &load);
    let second = stage.server(1);
    stage.sends(first, &digest);
    stage.sends(second, &digest);
    stage.gets(client, &digest);
    stage.take(second);
    let key = stage.key(1, "k");
    stage.sends(client, cmd(&format!("EVALSHA {DIGEST} 1 {key}")));
    stage.take(second);
    stage.sends(second, UNKNOWN);
    stage.gets(second, array(&[b"EVAL", SCRIPT, b"1", key.as_bytes()]));
    stage.sends(second, ":1\r\n");
    stage.gets(client, ":1\r\n");

    // All are gone.
    for server in [first, second] {
        stage.closes(server, CloseReason::Reset);
    }
    stage.sends(client, &load);
    stage.gets(client, ejected("script load").replace("server1", "server0"));
    stage.is_quiet();
}
