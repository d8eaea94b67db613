//! What clients say about themselves: versions, databases, names, and which requests are answered.

use nutcracker_engine::stats::ServerFigure;
use nutcracker_engine::{ConnId, PoolConfig};

use crate::stage::{Stage, cmd, ejection, redis};

/// What the client gets for `line`, which no server is asked for.
fn said(stage: &mut Stage, client: ConnId, line: &str) -> String {
    stage.sends(client, cmd(line));
    String::from_utf8(stage.take(client)).expect("answers are text")
}

/// The whole answer to a `HELLO` of the stage's client with that number.
fn hello(version: u8, id: u64) -> String {
    let head = if version == 3 { "%7" } else { "*14" };
    format!(
        "{head}\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.4.0\r\n$5\r\nproto\r\n:{version}\r\n\
         $2\r\nid\r\n:{id}\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"
    )
}

fn secret() -> PoolConfig {
    let mut config = redis(1);
    config.password = Some((*b"s3cret").into());
    config
}

#[test]
fn a_client_of_resp3_has_a_conn_of_resp3_and_others_keep_theirs() {
    let mut stage = Stage::new(redis(1));
    let (old, new) = (stage.client(), stage.client());
    assert_eq!(said(&mut stage, new, "HELLO 3"), hello(3, 2));
    stage.all_send(&[(old, &cmd("GET k")), (new, &cmd("HGETALL h"))]);
    let [plain, modern] = *stage.conns_of(0) else { panic!("two conns") };
    stage.gets(plain, cmd("GET k"));
    stage.gets(modern, cmd("HELLO 3"));
    stage.sends(modern, "%1\r\n+server\r\n+redis\r\n");
    stage.gets(modern, cmd("HGETALL h"));
    stage.sends(modern, "%1\r\n$1\r\nf\r\n$1\r\nv\r\n");
    stage.gets(new, "%1\r\n$1\r\nf\r\n$1\r\nv\r\n");
    stage.sends(plain, "$-1\r\n");
    stage.gets(old, "$-1\r\n");
    // Another of the kind shares the conn, and back in RESP2 it takes the other again.
    assert_eq!(said(&mut stage, old, "HELLO 3"), hello(3, 1));
    assert_eq!(said(&mut stage, new, "HELLO 2"), hello(2, 2));
    stage.all_send(&[(old, &cmd("GET a")), (new, &cmd("GET b"))]);
    stage.gets(modern, cmd("GET a"));
    stage.gets(plain, cmd("GET b"));
}

#[test]
fn nulls_of_resp3_are_gathered_as_they_are() {
    let mut stage = Stage::new(redis(2));
    let client = stage.client();
    said(&mut stage, client, "HELLO 3");
    let (a, b) = (stage.key(0, "a"), stage.key(1, "b"));
    stage.sends(client, cmd(&format!("MGET {b} {a}")));
    for server in [0, 1] {
        let conn = stage.server(server);
        stage.sends(conn, "%0\r\n");
        stage.take(conn);
        stage.sends(conn, "*1\r\n_\r\n");
    }
    stage.gets(client, "*2\r\n_\r\n_\r\n");
    stage.is_quiet();
}

#[test]
fn news_that_nobody_asked_for_is_no_response() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    said(&mut stage, client, "HELLO 3");
    stage.sends(client, cmd("GET k"));
    let server = stage.server(0);
    let news = ">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n";
    stage.sends(server, [news, "%0\r\n", news].concat());
    stage.sends(server, [news, "$1\r\nv\r\n", news].concat());
    stage.gets(client, "$1\r\nv\r\n");
    assert_eq!(stage.server_figure(0, ServerFigure::Responses), 1);
    assert!(!stage.is_closed(server));
    stage.is_quiet();
}

#[test]
fn a_server_without_resp3_disturbs_those_who_want_it_alone() {
    let mut config = redis(1);
    config.ejection = ejection(1, 1_000);
    let mut stage = Stage::new(config);
    let (old, new) = (stage.client(), stage.client());
    said(&mut stage, new, "HELLO 3");
    for _again in 0..3 {
        stage.sends(new, cmd("TTL k"));
        let server = stage.server(0);
        stage.sends(server, "-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n");
        stage.gets(new, "-ERR unknown command `HELLO`, with args beginning with: `3`,\r\n");
        assert!(stage.is_closed(server));
    }
    stage.sends(old, cmd("TTL k"));
    let server = stage.server(0);
    stage.gets(server, cmd("TTL k"));
    assert_eq!(stage.reports.len(), 0, "{:?}", stage.reports);
    stage.sends(server, ":1\r\n");
    stage.gets(old, ":1\r\n");
}

#[test]
fn a_wrong_password_of_the_pool_is_a_failure_whatever_the_version() {
    let mut config = secret();
    config.ejection = ejection(1, 1_000);
    let mut stage = Stage::new(config);
    let client = stage.client();
    said(&mut stage, client, "HELLO 3 AUTH default s3cret");
    stage.sends(client, cmd("GET k"));
    let server = stage.server(0);
    stage.sends(server, "-WRONGPASS no\r\n");
    stage.gets(client, "-ERR WRONGPASS no\r\n");
    assert_eq!(said(&mut stage, client, "GET k"), "-ERR Connection refused\r\n", "it is ejected");
}

#[test]
fn each_client_has_its_database() {
    let mut config = redis(1);
    config.database = 3;
    config.ejection = ejection(1, 1_000);
    let mut stage = Stage::new(config);
    let (one, two) = (stage.client(), stage.client());
    assert_eq!(said(&mut stage, one, "SELECT 0"), "+OK\r\n");
    assert_eq!(said(&mut stage, one, "SELECT 16"), "-ERR DB index is out of range\r\n");
    stage.all_send(&[(one, &cmd("TTL k")), (two, &cmd("TTL k"))]);
    let [zero, three] = *stage.conns_of(0) else { panic!("two conns") };
    stage.gets(zero, cmd("TTL k"));
    stage.gets(three, cmd("SELECT 3"));
    stage.sends(three, "+OK\r\n");
    stage.gets(three, cmd("TTL k"));
    stage.sends(zero, ":0\r\n");
    stage.sends(three, ":3\r\n");
    stage.gets(one, ":0\r\n");
    stage.gets(two, ":3\r\n");
    // A database that the server does not have is its chooser's affair.
    stage.sends(two, [cmd("SELECT 15"), cmd("TTL k")].concat());
    let fifteen = stage.server(0);
    stage.sends(fifteen, "-ERR DB index is out of range\r\n");
    stage.gets(two, "+OK\r\n-ERR DB index is out of range\r\n");
    assert_eq!(stage.reports.len(), 0, "{:?}", stage.reports);
    stage.sends(two, [cmd("SELECT 3"), cmd("TTL k")].concat());
    stage.gets(three, cmd("TTL k"));
}

#[test]
fn what_changes_the_way_waits_for_what_went_before() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, [cmd("TTL a"), cmd("SELECT 2"), cmd("TTL b"), cmd("HELLO 3")].concat());
    let first = stage.server(0);
    stage.gets(first, cmd("TTL a"));
    assert_eq!(stage.conns_of(0).len(), 1, "the second request waits");
    stage.sends(first, ":1\r\n");
    stage.gets(client, ":1\r\n+OK\r\n");
    let second = stage.server(0);
    stage.gets(second, cmd("SELECT 2"));
    stage.sends(second, "+OK\r\n");
    stage.gets(second, cmd("TTL b"));
    stage.sends(second, ":2\r\n");
    stage.gets(client, [":2\r\n", &hello(3, 1)].concat());
    stage.is_quiet();
}

#[test]
fn hello_takes_the_password_and_is_asked_for_it() {
    let mut stage = Stage::new(secret());
    let client = stage.client();
    let owed = "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time\r\n";
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    for (line, answer) in [
        ("HELLO", owed),
        ("HELLO 3", owed),
        ("HELLO 4", "-NOPROTO unsupported protocol version\r\n"),
        ("HELLO 3 AUTH default nope", wrong),
        ("HELLO 3 AUTH bob s3cret", wrong),
        ("CLIENT ID", "-NOAUTH Authentication required\r\n"),
        ("HELLO 3 AUTH default s3cret SETNAME me", &hello(3, 1)),
        ("CLIENT GETNAME", "$2\r\nme\r\n"),
        // Neither a wrong pair nor one that is right takes anything back.
        ("AUTH default nope", wrong),
        ("HELLO 2", &hello(2, 1)),
        ("AUTH default s3cret", "+OK\r\n"),
        ("RESET", "+RESET\r\n"),
        ("CLIENT ID", "-NOAUTH Authentication required\r\n"),
    ] {
        assert_eq!(said(&mut stage, client, line), answer, "{line}");
    }
}

#[test]
fn a_client_is_known_by_its_number_and_its_names() {
    let mut stage = Stage::new(redis(1));
    let (one, two) = (stage.client(), stage.client());
    for (line, answer) in [
        ("CLIENT ID", ":1\r\n"),
        ("CLIENT GETNAME", "$-1\r\n"),
        ("CLIENT SETNAME me", "+OK\r\n"),
        ("CLIENT GETNAME", "$2\r\nme\r\n"),
        ("CLIENT SETINFO LIB-NAME redis-py", "+OK\r\n"),
        ("CLIENT SETINFO LIB-VER 5.0.1", "+OK\r\n"),
        ("CLIENT NO-EVICT ON", "+OK\r\n"),
        (
            "CLIENT MAINT_NOTIFICATIONS ON",
            "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.\r\n",
        ),
        ("ECHO hi", "$2\r\nhi\r\n"),
        ("PING", "+PONG\r\n"),
        ("PING hi", "$2\r\nhi\r\n"),
    ] {
        assert_eq!(said(&mut stage, one, line), answer, "{line}");
    }
    assert_eq!(said(&mut stage, two, "CLIENT ID"), ":2\r\n");
    assert_eq!(said(&mut stage, two, "HELLO 3"), hello(3, 2));
    assert_eq!(said(&mut stage, two, "CLIENT GETNAME"), "_\r\n");
    stage.passes(65_000);
    let list = said(&mut stage, two, "CLIENT LIST");
    let lines: Vec<&str> = list.split('\n').filter(|line| line.contains("id=")).collect();
    assert_eq!(lines.len(), 2, "{list}");
    for part in [
        "id=1 addr=127.0.0.1:50000 ",
        " name=me age=65 ",
        " flags=e db=0 ",
        " cmd=NULL ",
        " resp=2 lib-name=redis-py lib-ver=5.0.1",
    ] {
        assert!(lines[0].contains(part), "{part}: {list}");
    }
    assert!(lines[1].contains("cmd=client|list user=default redir=-1 resp=3"), "{list}");
    assert!(list.starts_with("=") && list.contains("\r\ntxt:id=1 "), "{list}");
    let info = said(&mut stage, one, "CLIENT INFO");
    assert!(info.contains("id=1 ") && info.contains("cmd=client|info"), "{info}");
}

#[test]
fn a_reset_leaves_a_client_as_if_it_had_come_just_now() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    let lines = ["HELLO 3 SETNAME me", "SELECT 4", "CLIENT SETINFO LIB-NAME x"];
    stage.sends(client, lines.map(cmd).concat());
    stage.take(client);
    assert_eq!(said(&mut stage, client, "RESET"), "+RESET\r\n");
    assert_eq!(said(&mut stage, client, "CLIENT GETNAME"), "$-1\r\n");
    stage.sends(client, cmd("GET k"));
    let server = stage.server(0);
    stage.gets(server, cmd("GET k"));
}

#[test]
fn requests_that_shall_not_be_answered_are_not() {
    let mut stage = Stage::new(redis(2));
    let client = stage.client();
    let (a, b) = (stage.key(0, "a"), stage.key(1, "b"));
    let silent = [
        cmd(&format!("GET {a}")),
        cmd("CLIENT REPLY OFF"),
        cmd(&format!("SET {a} 1")),
        cmd(&format!("DEL {a} {b}")),
        cmd("PING"),
        cmd("NONSENSE"),
        cmd("CLIENT REPLY SKIP"),
        cmd("GET"),
    ];
    stage.sends(client, silent.concat());
    let (one, two) = (stage.server(0), stage.server(1));
    stage.gets(
        one,
        [cmd(&format!("GET {a}")), cmd(&format!("SET {a} 1")), cmd(&format!("del {a}"))].concat(),
    );
    stage.gets(two, cmd(&format!("del {b}")));
    stage.sends(one, "$1\r\nv\r\n+OK\r\n:1\r\n");
    stage.sends(two, ":1\r\n");
    stage.gets(client, "$1\r\nv\r\n");
    stage.is_quiet();
    // On again, it is said so; and then one is passed over, be it served or refused.
    assert_eq!(said(&mut stage, client, "CLIENT REPLY ON"), "+OK\r\n");
    let skips =
        ["CLIENT REPLY SKIP", "PING", "PING one", "CLIENT REPLY SKIP", "NONSENSE", "PING two"];
    stage.sends(client, skips.map(cmd).concat());
    stage.gets(client, "$3\r\none\r\n$3\r\ntwo\r\n");
    stage.sends(
        client,
        [cmd("CLIENT REPLY SKIP"), cmd(&format!("TTL {a}")), cmd(&format!("TTL {a}"))].concat(),
    );
    stage.sends(one, ":1\r\n:2\r\n");
    stage.gets(client, ":2\r\n");
    stage.is_quiet();
}

#[test]
fn a_silent_client_that_leaves_goes_when_its_requests_are_answered() {
    let mut stage = Stage::new(redis(2));
    let client = stage.client();
    let (a, b) = (stage.key(0, "a"), stage.key(1, "b"));
    stage.sends(
        client,
        [cmd("CLIENT REPLY OFF"), cmd(&format!("DEL {a} {b}")), cmd("QUIT")].concat(),
    );
    for server in [0, 1] {
        stage.gets_nothing(client);
        assert!(!stage.is_closed(client), "they have their place in its line");
        let conn = stage.server(server);
        stage.sends(conn, ":1\r\n");
        assert!(!stage.is_closed(conn));
    }
    assert!(stage.is_closed(client));
    stage.is_quiet();
}

#[test]
fn clients_are_closed_by_number_or_address_and_spare_themselves() {
    let mut stage = Stage::new(redis(1));
    let [one, two, three] = [(); 3].map(|()| stage.client());
    assert_eq!(said(&mut stage, one, "CLIENT KILL ID 99"), ":0\r\n");
    assert_eq!(said(&mut stage, one, "CLIENT KILL 1.2.3.4:5"), "-ERR No such client\r\n");
    stage.sends(two, cmd("GET k"));
    assert_eq!(said(&mut stage, one, "CLIENT KILL ID 2"), ":1\r\n");
    assert!(stage.is_closed(two) && !stage.is_closed(one));
    let server = stage.server(0);
    stage.sends(server, ":1\r\n");
    assert_eq!(said(&mut stage, one, "CLIENT KILL ADDR 127.0.0.1:50000"), ":1\r\n");
    assert!(stage.is_closed(three) && !stage.is_closed(one));
    assert_eq!(said(&mut stage, one, "CLIENT KILL ID 1"), ":0\r\n");
    assert_eq!(said(&mut stage, one, "CLIENT KILL ID 1 SKIPME no"), ":1\r\n");
    assert!(stage.is_closed(one));
    stage.is_quiet();
}

#[test]
fn the_list_tells_who_is_subscribed_and_who_is_in_a_transaction() {
    let mut stage = Stage::new(redis(1));
    let [one, subscriber, other] = [(); 3].map(|()| stage.client());
    stage.sends(subscriber, [cmd("SUBSCRIBE a b"), cmd("PSUBSCRIBE p*")].concat());
    stage.sends(other, [cmd("MULTI"), cmd("PING"), cmd("SET k v")].concat());
    let list = said(&mut stage, one, "CLIENT LIST");
    let of = |id: u32| {
        let line = list.lines().find(|line| line.contains(&format!("id={id} ")));
        line.expect("each is in the list").to_owned()
    };
    assert!(of(1).contains(" flags=N ") && of(1).contains(" sub=0 psub=0 ssub=0 multi=-1 "));
    assert!(of(2).contains(" flags=P ") && of(2).contains(" sub=2 psub=0 ssub=0 multi=-1 "));
    assert!(of(3).contains(" flags=x ") && of(3).contains(" sub=0 psub=0 ssub=0 multi=2 "));
    let subscribers = said(&mut stage, one, "CLIENT LIST TYPE pubsub");
    assert!(subscribers.contains("id=2 ") && !subscribers.contains("id=1 "), "{subscribers}");
    assert_eq!(said(&mut stage, one, "CLIENT KILL TYPE pubsub"), ":1\r\n");
    assert!(stage.is_closed(subscriber) && !stage.is_closed(other));
}

/// What libraries were seen to send first, off the wire, at their default settings.
#[test]
fn the_first_words_of_each_library_are_answered_as_it_hopes() {
    for (library, lines) in [
        (
            "redis-py 8 and node-redis 6",
            &[
                ("HELLO 3", "%7\r\n"),
                ("CLIENT SETINFO LIB-NAME redis-py", "+OK\r\n"),
                ("CLIENT SETINFO LIB-VER 8.0.0", "+OK\r\n"),
                (
                    "CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type none",
                    "-ERR unknown subcommand",
                ),
            ][..],
        ),
        ("coredis", &[("HELLO 3", "%7\r\n"), ("CLIENT SETINFO LIB-NAME coredis", "+OK\r\n")]),
        (
            "valkey-glide",
            &[
                ("HELLO 3", "%7\r\n"),
                ("CLIENT SETINFO LIB-NAME GlidePy", "+OK\r\n"),
                ("INFO REPLICATION", "=52\r\ntxt:# Replication\r\nrole:master\r\n"),
            ],
        ),
        ("ioredis, iovalkey and node-redis 3", &[("INFO", "$")]),
        (
            "redis-py 5, valkey-py, node-redis 4 and 5, jedis 7, redis-rs",
            &[
                ("CLIENT SETINFO LIB-NAME redis-rs", "+OK\r\n"),
                ("CLIENT SETINFO LIB-VER 1.0.0", "+OK\r\n"),
            ],
        ),
        ("ruby-redis and hiredis", &[("QUIT", "+OK\r\n")]),
    ] {
        let mut stage = Stage::new(redis(1));
        let client = stage.client();
        for (line, beginning) in lines {
            let answer = said(&mut stage, client, line);
            assert!(answer.starts_with(beginning), "{library}: {line}: {answer}");
            assert!(*line != "INFO" || answer.contains("\r\nloading:0\r\n"), "{answer}");
        }
        assert!(stage.conns_of(0).is_empty(), "{library}: no server is asked");
    }
}

#[test]
fn a_server_without_cluster_mode_is_what_the_proxy_seems_to_be() {
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    for line in ["CLUSTER INFO", "CLUSTER SLOTS", "READONLY", "READWRITE", "ASKING"] {
        let answer = said(&mut stage, client, line);
        assert_eq!(answer, "-ERR This instance has cluster support disabled\r\n", "{line}");
    }
    assert_eq!(
        said(&mut stage, client, "CONFIG GET databases"),
        "*2\r\n$9\r\ndatabases\r\n$2\r\n16\r\n"
    );
    stage.engine.set_epoch_time(std::time::Duration::from_secs(1_000));
    stage.passes(2_500);
    assert_eq!(said(&mut stage, client, "TIME"), "*2\r\n$4\r\n1002\r\n$6\r\n500000\r\n");
    assert_eq!(said(&mut stage, client, "COMMAND GETKEYS GET k"), "*1\r\n$1\r\nk\r\n");
}
