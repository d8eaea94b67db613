//! Requests that are served in runs, and what ends a run: nobody can tell it from the answers.

use nutcracker_engine::limits::ROOM_PATIENCE;
use nutcracker_engine::stats::{LimitFigure, ServerFigure};
use nutcracker_engine::{CloseReason, PoolConfig};
use nutcracker_ring::DistributionKind;

use crate::stage::{Stage, cmd, redis};

#[test]
fn requests_of_all_sorts_in_one_pipeline_are_answered_in_their_order() {
    let mut stage = Stage::new(redis(2));
    let (a, b) = (stage.key(0, "a"), stage.key(1, "b"));
    let client = stage.client();
    let large = "x".repeat(20_000);
    let pipeline: Vec<String> = [
        format!("GET {a}"),
        format!("get {b}"),
        "PING".into(),
        format!("GET {b}"),
        format!("MGET {a} {b}"),
        "NONSENSE 1".into(),
        format!("SET {a} 1"),
        format!("SET {b} {large}"),
        format!("GET {a}"),
        format!("HSET {b} f 1 g 2"),
        format!("GET {a} {b}"),
        format!("MGET {a}"),
    ]
    .into();
    for cut in [0, 7, 60, 140, 300] {
        let wire = pipeline.iter().map(|line| cmd(line)).collect::<Vec<_>>().concat();
        if cut > 0 {
            stage.sends(client, &wire[..cut]);
        }
        stage.sends(client, &wire[cut..]);
        let [first, second] = [0, 1].map(|server| stage.server(server));
        let fragments = [&a, &b].map(|key| format!("mget {key}"));
        let heard = [
            [&pipeline[0], &fragments[0], &pipeline[6], &pipeline[8], &pipeline[11]],
            [&pipeline[1], &pipeline[3], &fragments[1], &pipeline[7], &pipeline[9]],
        ];
        for (server, lines) in [first, second].into_iter().zip(heard) {
            stage.gets(server, lines.map(|line| cmd(line)).concat());
        }
        stage.sends(second, "$1\r\nx\r\n$1\r\ny\r\n*1\r\n$1\r\nz\r\n+OK\r\n:4\r\n");
        stage.gets_nothing(client);
        stage.sends(first, "$1\r\na\r\n*1\r\n$1\r\nm\r\n+OK\r\n-ERR no\r\n*1\r\n$1\r\nn\r\n");
        let got = String::from_utf8(stage.take(client)).expect("made of text");
        let answers = [
            "$1\r\na\r\n$1\r\nx\r\n+PONG\r\n$1\r\ny\r\n*2\r\n$1\r\nm\r\n$1\r\nz\r\n-ERR unknown command 'NONSENSE'",
            "\r\n+OK\r\n+OK\r\n-ERR no\r\n:4\r\n-ERR wrong number of arguments for 'get' command\r\n*1\r\n$1\r\nn\r\n",
        ];
        assert!(got.starts_with(answers[0]) && got.ends_with(answers[1]), "{got:?}");
    }
    stage.is_quiet();
}

#[test]
fn a_run_that_fills_its_servers_queue_goes_on_for_the_other_servers() {
    let mut config = redis(2);
    let one = cmd("GET 0123456789abcdef").len();
    config.limits.server_queue_bytes = 2 * one;
    let mut stage = Stage::new(config);
    stage.servers_accept = false;
    let client = stage.client();
    // Keys of one length: two requests are what fits.
    let of = |server| {
        (0..1_000)
            .map(|n| format!("{n:016}"))
            .find(|key| stage.owner(key) == server)
            .expect("one of many")
    };
    let (a, b) = (of(0), of(1));
    let line = |key: &str| cmd(&format!("GET {key}"));
    stage.sends(client, [line(&a), line(&a), line(&a), line(&b), line(&a)].concat());
    assert_eq!(stage.limit(LimitFigure::ServerQueueFull), 0, "it may take them yet");
    stage.passes(ROOM_PATIENCE.as_millis() as u64 + 1);
    assert_eq!(stage.limit(LimitFigure::ServerQueueFull), 2);
    for server in [0, 1] {
        let conn = stage.server(server);
        stage.accepts(conn);
    }
    let [first, second] = [0, 1].map(|server| stage.server(server));
    stage.gets(first, [line(&a), line(&a)].concat());
    stage.gets(second, line(&b));
    stage.sends(first, "$1\r\n1\r\n$1\r\n2\r\n");
    stage.sends(second, "$1\r\n3\r\n");
    let full = "-ERR Server queue is full\r\n";
    stage.gets(client, format!("$1\r\n1\r\n$1\r\n2\r\n{full}$1\r\n3\r\n{full}"));
    stage.is_quiet();
}

#[test]
fn a_drawn_server_that_has_no_conn_gets_its_share_all_the_same() {
    const ROUNDS: i64 = 600;
    let mut stage = Stage::new(PoolConfig { distribution: DistributionKind::Random, ..redis(3) });
    let client = stage.client();
    for _ in 0..ROUNDS {
        stage.sends(client, cmd("GET a"));
        for server in 0..3 {
            let Some(&conn) = stage.conns_of(server).last() else { continue };
            if stage.is_closed(conn) || stage.take(conn).is_empty() {
                continue;
            }
            stage.sends(conn, "$-1\r\n");
            // It tidies up: whoever is sent there next has to open another.
            if server == 2 {
                stage.closes(conn, CloseReason::Eof);
            }
        }
        stage.gets(client, "$-1\r\n");
    }
    let third = stage.server_figure(2, ServerFigure::Requests);
    assert!((ROUNDS / 4..ROUNDS / 2).contains(&third), "{third} of {ROUNDS}");
    stage.is_quiet();
}
