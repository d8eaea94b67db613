//! Commands of a transaction that the proxy answers itself, and those that need all servers.

use nutcracker_engine::{CloseReason, ConnId};

use crate::stage::{POOL, Stage, bulk, cmd, redis};

const ABORTED: &str = "-EXECABORT Transaction discarded because of previous errors.\r\n";
const NOT_INSIDE: &str = "-ERR this command cannot be part of a transaction through the proxy\r\n";

/// Several requests in a row.
fn cmds(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| cmd(line)).collect()
}

/// Nothing is outstanding, and nobody has a conn of its own.
#[track_caller]
fn is_left_alone(stage: &Stage) {
    stage.is_quiet();
    assert_eq!(stage.engine.pinned(POOL), 0);
}

/// What the client gets for `line`, which no server is asked for.
fn said(stage: &mut Stage, client: ConnId, line: &str) -> String {
    stage.sends(client, cmd(line));
    String::from_utf8(stage.take(client)).expect("answers are text")
}

#[test]
fn what_the_proxy_answers_has_its_places_in_the_answer_to_exec() {
    let mut stage = Stage::new(redis(2));
    let (client, key) = (stage.client(), stage.key(1, "k"));
    let get = format!("GET {key}");
    // Before the first key, behind it, and next to each other.
    let lines = ["MULTI", "CLIENT SETNAME me", &get, "CLIENT GETNAME", "CLIENT ID", &get, "EXEC"];
    stage.sends(client, cmds(&lines));
    let pinned = stage.server(1);
    let expected = ["MULTI", "PING", &get, "PING", "PING", &get, "EXEC"];
    stage.gets(pinned, cmds(&expected));
    stage.sends(pinned, ["+OK\r\n", &"+QUEUED\r\n".repeat(5)].concat());
    stage.gets(client, ["+OK\r\n", &"+QUEUED\r\n".repeat(5)].concat());
    stage.sends(pinned, "*5\r\n+PONG\r\n$-1\r\n+PONG\r\n+PONG\r\n*1\r\n+PONG\r\n");
    let answer = "*5\r\n+OK\r\n$-1\r\n$2\r\nme\r\n:1\r\n*1\r\n+PONG\r\n";
    stage.gets(client, answer);
    is_left_alone(&stage);

    // The conn is clean, and serves the next. In RESP3 nulls are others.
    stage.sends(client, cmds(&["MULTI", &get, "CLIENT NO-EVICT ON", "EXEC", "CLIENT GETNAME"]));
    stage.gets(pinned, cmds(&["MULTI", &get, "PING", "EXEC"]));
    stage.sends(pinned, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n+PONG\r\n");
    stage.take(client);
    stage.sends(client, cmd("HELLO 3"));
    stage.take(client);
    stage.sends(
        client,
        cmds(&["CLIENT SETNAME you", "MULTI", "CLIENT GETNAME", "INFO nothing", "EXEC"]),
    );
    let pinned = stage.server(stage.owner("placeholder"));
    stage.sends(pinned, "%1\r\n+proto\r\n:3\r\n");
    stage.sends(pinned, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+PONG\r\n+PONG\r\n");
    let queued = "+OK\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n";
    stage.gets(client, [queued, "*2\r\n$3\r\nyou\r\n=4\r\ntxt:\r\n"].concat());
    is_left_alone(&stage);
}

#[test]
fn where_nothing_is_run_nothing_is_done_here_either() {
    for end in ["*-1\r\n", "-EXECABORT Transaction discarded.\r\n", "-ERR odd\r\n", "*0\r\n"] {
        let mut stage = Stage::new(redis(1));
        let client = stage.client();
        stage.sends(client, cmds(&["WATCH k", "MULTI", "CLIENT SETNAME me", "EXEC"]));
        let pinned = stage.server(0);
        stage.gets(pinned, cmd("WATCH k"));
        stage.sends(pinned, "+OK\r\n");
        stage.gets(pinned, cmds(&["MULTI", "PING", "EXEC"]));
        stage.sends(pinned, ["+OK\r\n+QUEUED\r\n", end].concat());
        stage.gets(client, ["+OK\r\n+OK\r\n+QUEUED\r\n", end].concat());
        assert_eq!(said(&mut stage, client, "CLIENT GETNAME"), "$-1\r\n", "{end:?}");
        is_left_alone(&stage);
    }
    // Nor where the client says so, its server is gone, or the client is.
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmds(&["MULTI", "CLIENT SETNAME me", "DISCARD", "CLIENT GETNAME"]));
    stage.gets(client, "+OK\r\n+QUEUED\r\n+OK\r\n$-1\r\n");
    stage.sends(client, cmds(&["MULTI", "GET k", "CLIENT SETNAME me", "EXEC"]));
    let pinned = stage.server(0);
    stage.sends(pinned, "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    stage.take(client);
    stage.closes(pinned, CloseReason::Reset);
    stage.gets(client, "-ERR Connection reset by peer\r\n");
    assert_eq!(said(&mut stage, client, "CLIENT GETNAME"), "$-1\r\n");
    stage.sends(client, cmds(&["MULTI", "GET k", "CLIENT SETNAME me", "EXEC"]));
    let pinned = stage.server(0);
    stage.closes(client, CloseReason::Reset);
    stage.sends(pinned, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$-1\r\n+PONG\r\n");
    is_left_alone(&stage);
}

#[test]
fn what_would_be_answered_with_an_error_fails_the_transaction() {
    let unknown = "-ERR unknown subcommand 'NONSENSE'. Try CLIENT HELP.\r\n";
    let name = "-ERR Client names cannot contain spaces, newlines or special characters.\r\n";
    let no_cluster = "-ERR This instance has cluster support disabled\r\n";
    for (line, refusal) in [
        ("CLIENT NONSENSE", unknown),
        ("CLIENT SETNAME \u{1}", name),
        ("CLIENT LIST", NOT_INSIDE),
        ("CLIENT KILL ID 1", NOT_INSIDE),
        ("CLIENT REPLY OFF", NOT_INSIDE),
        ("CLUSTER NODES", no_cluster),
        ("SELECT 16", "-ERR DB index is out of range\r\n"),
        ("HELLO 3", NOT_INSIDE),
    ] {
        let mut stage = Stage::new(redis(1));
        let client = stage.client();
        stage.sends(client, cmds(&["MULTI", "SET k v", line, "CLIENT SETNAME me", "EXEC"]));
        let pinned = stage.server(0);
        stage.gets(pinned, cmds(&["MULTI", "SET k v", "PING", "DISCARD"]));
        stage.sends(pinned, "+OK\r\n+QUEUED\r\n+QUEUED\r\n+OK\r\n");
        stage.gets(client, ["+OK\r\n+QUEUED\r\n", refusal, "+QUEUED\r\n", ABORTED].concat());
        assert_eq!(said(&mut stage, client, "CLIENT GETNAME"), "$-1\r\n", "{line}");
        is_left_alone(&stage);
    }
    // They are kept until the end, and so they are not too many.
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("MULTI"));
    stage.take(client);
    let many = cmd(&format!("CLIENT SETNAME {}", "x".repeat(1_000))).repeat(70);
    stage.sends(client, [many, cmd("EXEC")].concat());
    let answer = String::from_utf8(stage.take(client)).expect("text");
    assert!(answer.starts_with(&"+QUEUED\r\n".repeat(60)), "{answer}");
    let refusal = "-ERR too much is queued in the transaction that the proxy answers itself\r\n";
    assert!(answer.ends_with(&[refusal, ABORTED].concat()), "{answer}");
    is_left_alone(&stage);
}

#[test]
fn a_silent_client_s_asides_are_done_without_a_word() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    let lines = ["CLIENT REPLY OFF", "MULTI", "CLIENT SETNAME me", "EXEC", "CLIENT REPLY ON"];
    stage.sends(client, cmds(&lines));
    let pinned = stage.server(0);
    stage.gets(pinned, cmds(&["MULTI", "PING", "EXEC"]));
    stage.sends(pinned, "+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n");
    stage.gets(client, "+OK\r\n");
    assert_eq!(said(&mut stage, client, "CLIENT GETNAME"), "$2\r\nme\r\n");
    is_left_alone(&stage);
}

#[test]
fn another_database_is_the_server_s_first_and_then_the_client_s() {
    let lines = ["MULTI", "SELECT 3", "SET k three", "SELECT 4", "CLIENT INFO", "EXEC"];
    let ran = "*4\r\n+OK\r\n+OK\r\n";
    for (run, end, database) in [
        (true, "+OK\r\n+PONG\r\n", 4),
        // This server has fewer.
        (true, "-ERR DB index is out of range\r\n+PONG\r\n", 3),
        (false, "*-1\r\n", 0),
    ] {
        let mut stage = Stage::new(redis(1));
        let client = stage.client();
        stage.sends(client, cmds(&lines));
        let pinned = stage.server(0);
        let [multi, select, set, other, _, exec] = lines;
        stage.gets(pinned, cmds(&[multi, select, set, other, "PING", exec]));
        let queued = ["+OK\r\n", &"+QUEUED\r\n".repeat(4)].concat();
        let ran = if run { ran } else { "" };
        stage.sends(pinned, [&*queued, ran, end].concat());
        let answer = String::from_utf8(stage.take(client)).expect("text");
        let unchanged = end.trim_end_matches("+PONG\r\n");
        assert!(answer.starts_with(&[&*queued, ran, unchanged].concat()), "{answer}");
        let info = said(&mut stage, client, "CLIENT INFO");
        for text in [(run, &answer), (true, &info)] {
            assert_eq!(text.1.contains(&format!(" db={database} ")), text.0, "{}", text.1);
        }
        // Nobody is given a conn that is in another database.
        assert_eq!(stage.is_closed(pinned), run);
        is_left_alone(&stage);
    }
}

#[test]
fn what_needs_all_servers_is_part_of_a_transaction_where_there_is_one() {
    let lines = ["DBSIZE", "SCAN 0", "FLUSHALL"];
    let config = |servers| nutcracker_engine::PoolConfig { allow_flush: true, ..redis(servers) };
    let mut stage = Stage::new(config(1));
    let client = stage.client();
    let all = [&["MULTI"][..], &lines, &["SCRIPT LOAD return", "EXEC"]].concat();
    stage.sends(client, cmds(&all));
    let pinned = stage.server(0);
    stage.gets(pinned, cmds(&all));
    let results = [":3\r\n*2\r\n$1\r\n0\r\n*0\r\n+OK\r\n".into(), bulk(b"digest")].concat();
    let answer =
        [["+OK\r\n", &"+QUEUED\r\n".repeat(4), "*4\r\n"].concat().into(), results].concat();
    stage.sends(pinned, &answer);
    stage.gets(client, &answer);
    is_left_alone(&stage);

    for line in lines {
        let mut stage = Stage::new(config(2));
        let client = stage.client();
        stage.sends(client, cmds(&["MULTI", line, "EXEC"]));
        stage.gets(client, ["+OK\r\n", NOT_INSIDE, ABORTED].concat());
        is_left_alone(&stage);
    }
}
