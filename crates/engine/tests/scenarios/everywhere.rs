//! Requests for all servers, for all of them one after the other, and for the one of all their keys.

use nutcracker_engine::stats::PoolFigure;
use nutcracker_engine::{CloseReason, ConnId, MultiError, PoolConfig};
use nutcracker_ring::{DistributionKind, HashTag};

use crate::stage::{Stage, bulk, cmd, ejection, memcached, redis};

/// Three servers that each have a conn, and a client.
fn three(config: PoolConfig) -> (Stage, ConnId, [ConnId; 3]) {
    let mut stage = Stage::new(config);
    let client = stage.client();
    let servers = [0, 1, 2].map(|server| {
        let key = stage.key(server, "k");
        stage.sends(client, cmd(&format!("GET {key}")));
        let conn = stage.server(server);
        stage.take(conn);
        stage.sends(conn, "$-1\r\n");
        conn
    });
    stage.gets(client, "$-1\r\n".repeat(3));
    (stage, client, servers)
}

/// Server `n` fails as often as it takes to be ejected.
fn eject(stage: &mut Stage, client: ConnId, server: u32) {
    let key = stage.key(server, "k");
    stage.sends(client, cmd(&format!("GET {key}")));
    stage.closes(stage.server(server), CloseReason::Reset);
    stage.gets(client, "-ERR Connection reset by peer\r\n");
}

#[test]
fn all_servers_get_the_request_as_it_came_and_the_client_one_answer() {
    let (mut stage, client, servers) = three(redis(3));
    let cases = [
        ("DBSIZE", [":1\r\n", ":20\r\n", ":300\r\n"], ":321\r\n"),
        (
            "KEYS *",
            ["*1\r\n$1\r\na\r\n", "*0\r\n", "*1\r\n$1\r\nb\r\n"],
            "*2\r\n$1\r\na\r\n$1\r\nb\r\n",
        ),
        ("RANDOMKEY", ["$-1\r\n", "$1\r\nb\r\n", "$-1\r\n"], "$1\r\nb\r\n"),
        ("KEYS x", ["*0\r\n", "-ERR no\r\n", "*0\r\n"], "-ERR no\r\n"),
    ];
    for (request, answers, expected) in cases {
        stage.sends(client, cmd(request));
        // The last to answer is any of them, and what comes first waits.
        for server in [2, 0, 1] {
            stage.gets(servers[server], cmd(request));
            stage.gets_nothing(client);
            stage.sends(servers[server], answers[server]);
        }
        stage.gets(client, expected);
    }
    stage.is_quiet();
}

#[test]
fn a_random_key_comes_from_every_server() {
    let (mut stage, client, servers) = three(redis(3));
    let mut seen = [0; 3];
    for _ in 0..60 {
        stage.sends(client, cmd("RANDOMKEY"));
        for (n, server) in servers.into_iter().enumerate() {
            stage.sends(server, bulk(format!("{n}").as_bytes()));
        }
        let answer = stage.take(client);
        seen[usize::from(answer[4] - b'0')] += 1;
    }
    assert!(seen.iter().all(|&times| times > 5), "{seen:?}");
}

#[test]
fn the_answer_keeps_its_place_in_the_line() {
    let (mut stage, client, servers) = three(redis(3));
    let key = stage.key(1, "k");
    stage.sends(client, [cmd("DBSIZE"), cmd(&format!("GET {key}")), cmd("PING")].concat());
    stage.sends(servers[1], ":1\r\n$1\r\nv\r\n");
    stage.sends(servers[2], ":1\r\n");
    stage.gets_nothing(client);
    stage.sends(servers[0], ":1\r\n");
    stage.gets(client, ":3\r\n$1\r\nv\r\n+PONG\r\n");
    stage.is_quiet();
}

#[test]
fn a_server_that_fails_fails_the_whole_and_is_named() {
    let (mut stage, client, servers) = three(redis(3));
    stage.sends(client, cmd("DBSIZE"));
    stage.sends(servers[0], ":1\r\n");
    stage.closes(servers[1], CloseReason::TimedOut);
    stage.gets_nothing(client);
    stage.sends(servers[2], ":1\r\n");
    stage.gets(client, "-ERR server 'server1': Connection timed out\r\n");
    assert_eq!(stage.figure(PoolFigure::ForwardError), 1);
    stage.is_quiet();
}

#[test]
fn a_server_that_answers_with_another_kind_fails_the_whole_and_is_named() {
    let (mut stage, client, servers) = three(redis(3));
    stage.sends(client, cmd("DBSIZE"));
    stage.sends(servers[1], "+OK\r\n");
    assert!(stage.is_closed(servers[1]));
    stage.sends(servers[0], ":1\r\n");
    stage.sends(servers[2], ":1\r\n");
    stage.gets(client, "-ERR server 'server1': Invalid argument\r\n");
    stage.is_quiet();
}

#[test]
fn an_ejected_server_fails_the_whole_at_once_until_it_is_back() {
    let (mut stage, client, servers) =
        three(PoolConfig { ejection: ejection(1, 1_000), ..redis(3) });
    eject(&mut stage, client, 2);
    for server in servers {
        stage.take(server);
    }
    for request in ["DBSIZE", "KEYS *", "RANDOMKEY"] {
        stage.sends(client, cmd(request));
        let command = request.split(' ').next().unwrap_or_default().to_ascii_lowercase();
        stage.gets(
            client,
            format!("-ERR server 'server2' is ejected, and '{command}' needs every server\r\n"),
        );
    }
    stage.gets_nothing(servers[0]);
    stage.returns(2, 1_000);
    stage.sends(client, cmd("DBSIZE"));
    for server in 0..3 {
        stage.sends(stage.server(server), ":1\r\n");
    }
    stage.gets(client, ":3\r\n");
    stage.is_quiet();
}

#[test]
fn a_client_that_goes_leaves_nothing_behind() {
    let (mut stage, client, servers) = three(redis(3));
    stage.sends(client, [cmd("DBSIZE"), cmd("SCAN 0")].concat());
    stage.sends(servers[1], ":1\r\n");
    stage.closes(client, CloseReason::Reset);
    stage.sends(servers[0], ":1\r\n*2\r\n$1\r\n0\r\n*0\r\n");
    stage.sends(servers[2], ":1\r\n");
    stage.is_quiet();
}

#[test]
fn data_is_flushed_only_where_the_operator_allows_it() {
    let refused =
        "flushing the servers is off; the pool's option 'allow_flush: true' turns it on\r\n";
    let (mut stage, client, servers) = three(redis(3));
    for request in ["FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC"] {
        stage.sends(client, cmd(request));
        stage.gets(client, format!("-ERR {refused}"));
    }
    for server in servers {
        stage.gets_nothing(server);
    }

    let (mut stage, client, servers) = three(PoolConfig { allow_flush: true, ..redis(3) });
    for request in ["FLUSHALL", "FLUSHDB", "FLUSHALL SYNC"] {
        stage.sends(client, cmd(request));
        for server in servers {
            stage.gets(server, cmd(request));
            stage.sends(server, "+OK\r\n");
        }
        stage.gets(client, "+OK\r\n");
    }
    stage.is_quiet();
}

#[test]
fn meta_commands_are_served_unless_the_operator_says_otherwise() {
    let wire = "ms a 11 T0\r\nflush_all\r\n\r\nmg a v q\r\nmn\r\nget a\r\n";
    let mut stage = Stage::new(PoolConfig { meta_commands: false, ..memcached(1) });
    let client = stage.client();
    stage.sends(client, wire);
    let server = stage.server(0);
    stage.gets(server, "get a\r\n");
    stage.sends(server, "END\r\n");
    let refused = "CLIENT_ERROR meta commands not allowed: the pool's option 'meta_commands: true' allows them\r\n";
    stage.gets(client, [refused, refused, refused, "END\r\n"].concat());
    stage.is_quiet();

    let mut stage = Stage::new(memcached(1));
    let client = stage.client();
    stage.sends(client, wire);
    let server = stage.server(0);
    stage.gets(server, "ms a 11 T0\r\nflush_all\r\n\r\nmg a v\r\nget a\r\n");
    stage.sends(server, "HD\r\nEN\r\nEND\r\n");
    stage.gets(client, "HD\r\nMN\r\nEND\r\n");
    stage.is_quiet();
}

#[test]
fn memcached_is_flushed_only_where_the_operator_allows_it() {
    let mut stage = Stage::new(memcached(2));
    let client = stage.client();
    stage.sends(client, "flush_all noreply\r\nflush_all 10\r\n");
    let refused =
        "CLIENT_ERROR flush_all not allowed: the pool's option 'allow_flush: true' allows it\r\n";
    stage.gets(client, refused);
    let mut stage = Stage::new(PoolConfig { allow_flush: true, ..memcached(2) });
    let client = stage.client();
    stage.sends(client, "flush_all 10\r\nflush_all noreply\r\n");
    for server in 0..2 {
        let server = stage.server(server);
        stage.gets(server, "flush_all 10\r\nflush_all\r\n");
        stage.sends(server, "OK\r\nOK\r\n");
    }
    stage.gets(client, "OK\r\n");
    stage.is_quiet();
}

/// The cursor in an answer to `SCAN`, and the keys.
fn scanned(answer: &[u8]) -> (String, Vec<String>) {
    let text = String::from_utf8(answer.to_vec()).expect("made of text");
    let mut lines = text.split("\r\n").filter(|line| !line.starts_with(['$', '*']));
    let cursor = lines.next().expect("a cursor").to_owned();
    (cursor, lines.filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

#[test]
fn a_scan_goes_from_server_to_server_behind_one_cursor() {
    let (mut stage, client, servers) = three(redis(3));
    // Each server's own cursors and keys, request by request.
    let steps = [
        (0, "0", "17", "a"),
        (0, "17", "5", "b"),
        (0, "5", "0", "c"),
        (1, "0", "0", "d"),
        (2, "0", "4096", "e"),
        (2, "4096", "0", "f"),
    ];
    let mut cursor = "0".to_owned();
    for (n, (server, asked, next, key)) in steps.into_iter().enumerate() {
        // Any client may go on.
        let client = if n % 2 == 0 { client } else { stage.client() };
        stage.sends(client, cmd(&format!("SCAN {cursor} MATCH * COUNT 7")));
        stage.gets(servers[server], cmd(&format!("SCAN {asked} MATCH * COUNT 7")));
        let keys = format!("*1\r\n{}", String::from_utf8_lossy(&bulk(key.as_bytes())));
        let answer = format!("*2\r\n${}\r\n{next}\r\n{keys}", next.len());
        stage.sends(servers[server], answer);
        let (given, keys) = scanned(&stage.take(client));
        assert_eq!(keys, [key]);
        assert_eq!(given == "0", n + 1 == steps.len(), "{given}");
        assert!(given.parse::<u32>().is_ok(), "{given} is small");
        cursor = given;
    }
    stage.is_quiet();
}

#[test]
fn a_scan_stops_with_an_error_while_its_server_is_ejected_and_goes_on_when_it_is_back() {
    let (mut stage, client, servers) =
        three(PoolConfig { ejection: ejection(1, 1_000), ..redis(3) });
    stage.sends(client, cmd("SCAN 0"));
    stage.sends(servers[0], "*2\r\n$1\r\n0\r\n*0\r\n");
    let (cursor, _) = scanned(&stage.take(client));
    eject(&mut stage, client, 1);
    let request = cmd(&format!("SCAN {cursor}"));
    stage.sends(client, &request);
    stage.gets(client, "-ERR server 'server1' is ejected, and 'scan' needs every server\r\n");
    stage.returns(1, 1_000);
    stage.sends(client, &request);
    stage.gets(stage.server(1), cmd("SCAN 0"));
    stage.closes(stage.server(1), CloseReason::Reset);
    stage.gets(client, "-ERR Connection reset by peer\r\n");
    stage.is_quiet();
}

#[test]
fn a_cursor_that_was_never_given_out_is_refused_and_one_too_large_to_give_out_is_an_error() {
    let (mut stage, client, servers) = three(redis(3));
    for cursor in ["x", "-1", "18446744073709551615", "9223372036854775807", "3", "+0"] {
        stage.sends(client, cmd(&format!("SCAN {cursor}")));
        stage.gets(client, "-ERR invalid cursor\r\n");
    }
    stage.sends(client, cmd("SCAN 0"));
    stage.sends(servers[0], "*2\r\n$20\r\n18446744073709551615\r\n*0\r\n");
    stage.gets(client, "-ERR server 'server0' gave a cursor too large for a pool of servers\r\n");
    stage.sends(client, cmd("SCAN 0"));
    stage.sends(servers[0], "-NOPERM no\r\n");
    stage.gets(client, "-NOPERM no\r\n");
    stage.is_quiet();

    // One server's cursors are its own.
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("SCAN 18446744073709551615"));
    stage.gets(stage.server(0), cmd("SCAN 18446744073709551615"));
}

#[test]
fn keys_of_one_request_live_on_one_server_or_it_is_refused() {
    let words = "-CROSSSLOT Keys in request don't hash to the same slot: they are on different \
                 servers of this pool; ";
    let (mut stage, client, servers) = three(redis(3));
    let [a, b] = [stage.key(0, "a"), stage.key(0, "b")];
    let elsewhere = stage.key(1, "c");
    for together in [format!("ZUNION 2 {a} {b}"), format!("EVAL x 2 {b} {a}")] {
        stage.sends(client, cmd(&together));
        stage.gets(servers[0], cmd(&together));
        stage.sends(servers[0], "*0\r\n");
        stage.gets(client, "*0\r\n");
    }
    for apart in [
        format!("ZUNION 3 {a} {b} {elsewhere}"),
        format!("EVAL x 2 {elsewhere} {a}"),
        format!("EVALSHA x 2 {elsewhere} {a}"),
    ] {
        stage.sends(client, cmd(&apart));
        let told = String::from_utf8(stage.take(client)).expect("made of text");
        assert!(told.starts_with(words) && told.contains("hash_tag: \"{}\""), "{told}");
    }
    for server in servers {
        stage.gets_nothing(server);
    }
    stage.is_quiet();

    let mut config = redis(3);
    config.placement.tag = Some(HashTag::new(b'{', b'}'));
    let (mut stage, client, _) = three(config);
    stage.sends(client, cmd(&format!("ZUNION 2 {a} {elsewhere}")));
    let told = String::from_utf8(stage.take(client)).expect("made of text");
    assert!(told.starts_with(words) && told.contains("between '{' and '}'"), "{told}");

    // Where servers are drawn no key has a home.
    let mut stage = Stage::new(PoolConfig { distribution: DistributionKind::Random, ..redis(3) });
    let client = stage.client();
    for _ in 0..20 {
        stage.sends(client, cmd(&format!("ZUNION 2 {a} {elsewhere}")));
    }
    stage.gets_nothing(client);
}

#[test]
fn whose_keys_live_apart_is_told_of_the_tag_that_the_pool_has() {
    let mut config = redis(3);
    config.placement.tag = Some(HashTag::new(b'<', b'>'));
    let (mut stage, client, servers) = three(config);
    let [key, elsewhere] = [stage.key(0, "a"), stage.key(1, "b")];
    let refuses = |stage: &mut Stage, request: String, words: &str| {
        stage.sends(client, cmd(&request));
        let told = String::from_utf8(stage.take(client)).expect("made of text");
        let begins = format!("-CROSSSLOT Keys in request don't hash to the same slot: {words}");
        assert!(told.starts_with(&begins), "{request}: {told}");
        let hint = "; keys with the same text between '<' and '>' share a server (the pool's option \
                    'hash_tag')\r\n";
        assert!(told.ends_with(hint), "{request}: {told}");
    };
    let blocking = "the keys of a blocking command must be on ";
    refuses(&mut stage, format!("ZUNION 2 {key} {elsewhere}"), "they are on different servers");
    refuses(&mut stage, format!("BLPOP {key} {elsewhere} 0"), &format!("{blocking}one server"));
    refuses(&mut stage, format!("WATCH {key} {elsewhere}"), "watched keys must be on one server");

    stage.sends(client, cmd(&format!("WATCH {key}")));
    let pinned = stage.server(0);
    assert_ne!(pinned, servers[0]);
    stage.sends(pinned, "+OK\r\n");
    stage.gets(client, "+OK\r\n");
    let words = format!("{blocking}the server of the watched ones");
    refuses(&mut stage, format!("BLPOP {elsewhere} 0"), &words);
    stage.sends(client, cmd("MULTI"));
    stage.sends(pinned, "+OK\r\n");
    stage.gets(client, "+OK\r\n");
    refuses(
        &mut stage,
        format!("GET {elsewhere}"),
        "the keys of a transaction must be on one server",
    );
}

#[test]
fn a_sort_looks_up_keys_of_its_own_server_or_is_refused() {
    let refused =
        "-ERR BY and GET look up keys that may be on other servers of this pool ('w_*'); ";
    let mut config = redis(3);
    config.placement.tag = Some(HashTag::new(b'{', b'}'));
    let (mut stage, client, servers) = three(config);
    let [tag, other] = [0, 1].map(|server| stage.key(server, "t"));
    for sort in [
        format!("SORT {tag}"),
        format!("SORT {tag} BY nosort GET # LIMIT 0 1"),
        format!("SORT {{{tag}}}l BY w{{{tag}}}_* GET {{{tag}}}o_*->f STORE {{{tag}}}d"),
        format!("SORT_RO {tag} BY {{{tag}}}*"),
    ] {
        stage.sends(client, cmd(&sort));
        stage.gets(servers[0], cmd(&sort));
        stage.sends(servers[0], "*0\r\n");
        stage.gets(client, "*0\r\n");
    }
    stage.sends(client, cmd(&format!("SORT {tag} BY w_*")));
    let told = String::from_utf8(stage.take(client)).expect("made of text");
    assert!(told.starts_with(refused) && told.contains("between '{' and '}'"), "{told}");
    for astray in [
        format!("SORT {tag} BY {{{other}}}w_*"),
        format!("SORT_RO {tag} GET *{{{tag}}}"),
        format!("SORT {tag} GET o_*->{{{tag}}}"),
    ] {
        stage.sends(client, cmd(&astray));
        assert!(stage.take(client).starts_with(b"-ERR BY and GET look up keys"), "{astray}");
    }
    stage.sends(client, cmd("MULTI"));
    stage.gets(client, "+OK\r\n");
    stage.sends(client, cmd(&format!("SORT {tag} GET w_*")));
    assert!(stage.take(client).starts_with(refused.as_bytes()));
    stage.sends(client, cmd("EXEC"));
    stage.gets(client, "-EXECABORT Transaction discarded because of previous errors.\r\n");
    servers.iter().for_each(|server| stage.gets_nothing(*server));
    stage.is_quiet();

    let (mut stage, client, _) = three(redis(3));
    stage.sends(client, cmd("SORT k BY w_*"));
    let told = String::from_utf8(stage.take(client)).expect("made of text");
    assert!(told.starts_with(refused) && told.contains("hash_tag: \"{}\""), "{told}");

    // One server has all keys.
    let mut stage = Stage::new(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("SORT k BY w_*"));
    stage.gets(stage.server(0), cmd("SORT k BY w_*"));
}

#[test]
fn a_partial_answer_has_what_the_servers_that_are_left_brought() {
    let partial = |config| PoolConfig { multi_error: MultiError::Partial, ..config };
    let (mut stage, client, _) = three(partial(redis(3)));
    let [a, b, c] = [0, 1, 2].map(|server| stage.key(server, "k"));
    let cases = [
        (
            format!("MGET {a} {b} {a} {c}"),
            "*2\r\n$1\r\nv\r\n$1\r\nw\r\n",
            "*1\r\n$1\r\nz\r\n",
            "*4\r\n$1\r\nv\r\n$-1\r\n$1\r\nw\r\n$1\r\nz\r\n",
        ),
        (format!("DEL {a} {b} {c}"), ":1\r\n", ":1\r\n", ":2\r\n"),
        (
            format!("MSET {a} 1 {b} 1 {c} 1"),
            "+OK\r\n",
            "+OK\r\n",
            "-ERR 1 of 3 keys failed: Connection reset by peer\r\n",
        ),
    ];
    for (request, first, third, expected) in &cases {
        stage.sends(client, cmd(request));
        stage.sends(stage.server(0), first);
        stage.closes(stage.server(1), CloseReason::Reset);
        stage.sends(stage.server(2), third);
        stage.gets(client, expected);
    }
    // An error is as good as no response.
    stage.sends(client, cmd(&cases[0].0));
    stage.sends(stage.server(1), "-LOADING wait\r\n");
    stage.sends(stage.server(0), cases[0].1);
    stage.sends(stage.server(2), cases[0].2);
    stage.gets(client, cases[0].3);
    // Nothing at all is an error.
    stage.sends(client, cmd(&cases[0].0));
    for server in 0..3 {
        stage.closes(stage.server(server), CloseReason::Reset);
    }
    stage.gets(client, "-ERR Connection reset by peer\r\n");
    stage.is_quiet();

    let mut stage = Stage::new(partial(memcached(2)));
    let client = stage.client();
    let [a, b] = [stage.key(0, "a"), stage.key(1, "b")];
    stage.sends(client, format!("get {b} {a}\r\n"));
    stage.closes(stage.server(1), CloseReason::Refused);
    stage.sends(stage.server(0), format!("VALUE {a} 0 1\r\nx\r\nEND\r\n"));
    stage.gets(client, format!("VALUE {a} 0 1\r\nx\r\nEND\r\n"));
    stage.is_quiet();
}
