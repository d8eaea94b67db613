//! Requests whose server is lost: which of them get another chance, where, how often, and which never.

use std::time::Duration;

use nutcracker_engine::stats::{FaultFigure, PoolFigure};
use nutcracker_engine::{CloseReason, ConnId, OnEject, PoolConfig, Retries};
use nutcracker_ring::DistributionKind;

use crate::stage::{Stage, array, bulk, cmd, ejection, memcached, redis};

const RESET: &str = "-ERR Connection reset by peer\r\n";
const LATE: &str = "-ERR Connection timed out\r\n";

/// A pool whose servers time out after 100 ms.
fn retrying(config: PoolConfig, retries: u8) -> PoolConfig {
    PoolConfig {
        retries: Retries::of(retries),
        timeout: Some(Duration::from_millis(100)),
        ..config
    }
}

/// Ends the newest conn to that server.
fn lose(stage: &mut Stage, server: u32, reason: CloseReason) {
    let conn = stage.server(server);
    stage.closes(conn, reason);
}

/// Retries, moves and denials so far.
fn counted(stage: &Stage) -> [i64; 3] {
    [FaultFigure::RequestsRetried, FaultFigure::RequestsMoved, FaultFigure::RetriesDenied]
        .map(|figure| stage.stats.pools[0].fault(figure).get())
}

#[test]
fn a_read_is_sent_again_whatever_its_server_was_lost_by_and_a_write_is_not() {
    let losses: [fn(&mut Stage); 4] = [
        |stage| lose(stage, 0, CloseReason::Reset),
        |stage| lose(stage, 0, CloseReason::Eof),
        |stage| lose(stage, 0, CloseReason::Other("No route to host".into())),
        |stage| stage.passes(101),
    ];
    for (nth, happens) in losses.into_iter().enumerate() {
        let mut stage = Stage::new(retrying(redis(1), 1));
        let (reader, writer) = (stage.client(), stage.client());
        stage.sends(reader, cmd("GET k"));
        stage.sends(writer, cmd("INCR k"));
        let first = stage.server(0);
        stage.gets(first, [cmd("GET k"), cmd("INCR k")].concat());
        happens(&mut stage);
        assert!(stage.is_closed(first));
        assert!(stage.take(writer).starts_with(b"-ERR "), "loss {nth}");
        stage.gets_nothing(reader);
        let second = stage.server(0);
        stage.gets(second, cmd("GET k"));
        stage.sends(second, bulk(b"v"));
        stage.gets(reader, bulk(b"v"));
        assert_eq!(counted(&stage), [1, 0, 0]);
        stage.is_quiet();
    }
}

#[test]
fn a_read_on_a_conn_that_is_being_left_goes_to_the_one_in_its_place() {
    let mut stage = Stage::new(retrying(redis(1), 1));
    let (reader, writer) = (stage.client(), stage.client());
    stage.sends(reader, cmd("GET k"));
    stage.sends(writer, cmd("INCR k"));
    let old = stage.server(0);
    stage.take(old);
    stage.moves(old);
    let new = stage.server(0);
    stage.sends(reader, cmd("SET k 1"));
    stage.gets_nothing(new);

    stage.closes(old, CloseReason::Reset);
    stage.gets(writer, RESET);
    stage.gets(new, cmd("GET k"));
    stage.sends(new, bulk(b"v"));
    stage.gets(reader, bulk(b"v"));
    stage.gets(new, cmd("SET k 1"));
    stage.sends(new, "+OK\r\n");
    stage.gets(reader, "+OK\r\n");
    assert_eq!(counted(&stage), [1, 0, 0]);
    stage.is_quiet();
}

#[test]
fn half_an_answer_is_none_and_the_second_one_is_told() {
    let mut stage = Stage::new(retrying(redis(1), 1));
    let client = stage.client();
    stage.sends(client, cmd("GET k"));
    let conn = stage.server(0);
    stage.sends(conn, "$5\r\nhal");
    lose(&mut stage, 0, CloseReason::Eof);
    let conn = stage.server(0);
    stage.sends(conn, "$5\r\nwhole\r\n");
    stage.gets(client, "$5\r\nwhole\r\n");
    stage.is_quiet();
}

#[test]
fn a_read_is_sent_again_as_often_as_the_pool_says_and_each_time_has_the_timeout() {
    for retries in 0..3 {
        let mut stage = Stage::new(retrying(redis(1), retries));
        let client = stage.client();
        stage.sends(client, cmd("GET k"));
        stage.passes(u64::from(retries + 1) * 100 - 1);
        stage.gets_nothing(client);
        stage.passes(2);
        stage.gets(client, LATE);
        assert_eq!(stage.conns_of(0).len(), retries as usize + 1);
        assert_eq!(counted(&stage), [i64::from(retries), 0, 0]);
        stage.is_quiet();
    }
}

#[test]
fn by_default_a_read_is_sent_again_once_where_its_conn_ended() {
    for (times_lost, answers) in [(1, true), (2, false)] {
        let mut stage =
            Stage::new(PoolConfig { retries: Retries::default(), ..retrying(redis(1), 0) });
        let client = stage.client();
        // Not where its client has written behind it.
        stage.sends(client, [cmd("GET k"), cmd("INCR k")].concat());
        lose(&mut stage, 0, CloseReason::Eof);
        stage.gets(client, "-ERR unknown\r\n".repeat(2));
        stage.sends(client, cmd("GET k"));
        (0..times_lost).for_each(|_| lose(&mut stage, 0, CloseReason::Reset));
        if answers {
            let conn = stage.server(0);
            stage.gets(conn, cmd("GET k"));
            stage.sends(conn, bulk(b"v"));
            stage.gets(client, bulk(b"v"));
        } else {
            stage.gets(client, RESET);
        }
        assert_eq!(counted(&stage), [1, 0, 0]);

        // Nor where the server did not answer, or refuses.
        stage.sends(client, cmd("GET k"));
        stage.passes(101);
        stage.gets(client, LATE);
        stage.servers_accept = false;
        stage.sends(client, cmd("GET k"));
        lose(&mut stage, 0, CloseReason::Refused);
        stage.gets(client, "-ERR Connection refused\r\n");
        assert_eq!(counted(&stage), [1, 0, 0]);
        stage.is_quiet();
    }
}

#[test]
fn by_default_who_finds_a_server_gone_for_good_goes_elsewhere() {
    let mut config = PoolConfig { retries: Retries::default(), ..retrying(redis(2), 0) };
    config.ejection = ejection(2, 5_000);
    let mut stage = Stage::new(config);
    stage.servers_accept = false;
    let key = stage.key(0, "k");
    let (client, set) = (stage.client(), cmd(&format!("SET {key} v")));
    // Two failures eject it, and these are two requests' failures.
    stage.sends(client, &set);
    lose(&mut stage, 0, CloseReason::Refused);
    stage.gets(client, "-ERR Connection refused\r\n");
    stage.sends(client, &set);
    lose(&mut stage, 0, CloseReason::Refused);
    let conn = stage.server(1);
    stage.accepts(conn);
    stage.gets(conn, &set);
    stage.sends(conn, "+OK\r\n");
    stage.gets(client, "+OK\r\n");
    assert_eq!(counted(&stage), [0, 1, 0]);
    stage.is_quiet();
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn a_read_that_was_answered_is_not_sent_again_with_those_behind_it() {
    let mut stage = Stage::new(retrying(redis(1), 1));
    let client = stage.client();
    let ask = |n: usize| cmd(&format!("GET key-{n}{}", "x".repeat(n % 50)));
    let (mut asked, mut answered) = (0, 0);
    // Never quite answered, for so long that the outbox forgets what is answered.
    for _ in 0..40 {
        let batch: Vec<u8> = (asked..asked + 100).flat_map(ask).collect();
        asked += 100;
        stage.sends(client, &batch);
        let conn = stage.server(0);
        stage.gets(conn, &batch);
        let due = asked - answered - 7;
        stage.sends(conn, bulk(b"v").repeat(due));
        stage.gets(client, bulk(b"v").repeat(due));
        answered += due;
    }
    lose(&mut stage, 0, CloseReason::Reset);
    let conn = stage.server(0);
    stage.gets(conn, (answered..asked).flat_map(ask).collect::<Vec<u8>>());
    stage.sends(conn, bulk(b"w").repeat(7));
    stage.gets(client, bulk(b"w").repeat(7));
    assert_eq!(counted(&stage), [7, 0, 0]);
    stage.is_quiet();
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn a_large_read_is_sent_again_too_and_a_large_write_before_it_is_not() {
    let mut stage = Stage::new(retrying(redis(1), 1));
    let (reader, writer) = (stage.client(), stage.client());
    let keys: Vec<String> = (0..2_000).map(|n| format!("a-key-that-is-long-{n}")).collect();
    let (read, value) = (cmd(&format!("MGET {}", keys.join(" "))), "x".repeat(50_000));
    let write = array(&[b"SET", b"k", value.as_bytes()]);
    stage.sends(writer, &write);
    stage.sends(reader, &read);
    stage.sends(reader, cmd("GET k"));
    let first = stage.server(0);
    stage.gets(first, [write, read.clone(), cmd("GET k")].concat());
    lose(&mut stage, 0, CloseReason::Reset);
    stage.gets(writer, RESET);
    let second = stage.server(0);
    stage.gets(second, [read, cmd("GET k")].concat());
    stage.sends(second, [&b"*0\r\n"[..], &bulk(b"v")].concat());
    stage.gets(reader, [&b"*0\r\n"[..], &bulk(b"v")].concat());
    stage.is_quiet();
}

#[test]
fn what_a_server_says_is_an_answer_and_nonsense_is_not_asked_for_again() {
    for (says, gets) in [
        ("-LOADING wait\r\n", "-LOADING wait\r\n"),
        ("-ERR no\r\n", "-ERR no\r\n"),
        ("nonsense\r\n", "-ERR Invalid argument\r\n"),
    ] {
        let mut stage = Stage::new(retrying(redis(1), 2));
        let client = stage.client();
        stage.sends(client, cmd("GET k"));
        let conn = stage.server(0);
        stage.sends(conn, says);
        stage.gets(client, gets);
        assert_eq!(stage.conns_of(0).len(), 1, "{says:?}");
        stage.is_quiet();
    }
}

#[test]
fn what_is_not_a_read_of_a_key_is_never_sent_twice() {
    for line in ["SET k v", "DEL k", "TOUCH k", "GETEX k", "EVAL x 1 k", "MSET k v", "SPOP k"] {
        let reads = line == "TOUCH k";
        let mut stage = Stage::new(retrying(redis(1), 1));
        let client = stage.client();
        stage.sends(client, cmd(line));
        lose(&mut stage, 0, CloseReason::Reset);
        assert_eq!(stage.take(client) == RESET.as_bytes(), !reads, "{line}");
        assert_eq!(counted(&stage)[0], i64::from(reads), "{line}");
    }
}

#[test]
fn what_was_not_sent_is_queued_anew_though_it_writes_and_no_more_often_than_it_may() {
    let mut stage = Stage::new(PoolConfig { timeout: None, ..retrying(redis(1), 1) });
    stage.servers_accept = false;
    let client = stage.client();
    let large = "x".repeat(20_000);
    let set = array(&[b"SET", b"large", large.as_bytes()]);
    let requests = [cmd("INCR k"), set, cmd("GET k")].concat();
    stage.sends(client, &requests);
    lose(&mut stage, 0, CloseReason::Refused);
    stage.gets_nothing(client);
    let conn = stage.server(0);
    stage.accepts(conn);
    stage.gets(conn, &requests);
    stage.sends(conn, ":1\r\n+OK\r\n");
    stage.gets(client, ":1\r\n+OK\r\n");
    assert_eq!(counted(&stage), [0, 3, 0]);
    // It has been given to a server twice.
    lose(&mut stage, 0, CloseReason::Eof);
    stage.gets(client, "-ERR unknown\r\n");

    stage.sends(client, cmd("INCR k"));
    lose(&mut stage, 0, CloseReason::Refused);
    lose(&mut stage, 0, CloseReason::Refused);
    stage.gets(client, "-ERR Connection refused\r\n");
    stage.is_quiet();
}

#[test]
fn a_write_of_which_a_byte_was_sent_is_lost_and_the_one_behind_it_is_not() {
    let mut stage = Stage::new(retrying(redis(1), 1));
    let client = stage.client();
    stage.sends(client, cmd("GET warm"));
    let conn = stage.server(0);
    stage.sends(conn, bulk(b"v"));
    stage.take(client);
    stage.clogs(conn, cmd("INCR a").len() + 1);
    stage.sends(client, [cmd("INCR a"), cmd("INCR b"), cmd("INCR c")].concat());
    lose(&mut stage, 0, CloseReason::Reset);
    stage.gets(client, RESET.repeat(2));
    let conn = stage.server(0);
    stage.gets(conn, cmd("INCR c"));
    stage.sends(conn, ":7\r\n");
    stage.gets(client, ":7\r\n");
    assert_eq!(counted(&stage), [0, 1, 0]);
    stage.is_quiet();
}

#[test]
fn a_read_does_not_see_what_its_client_wrote_later() {
    let mut stage = Stage::new(retrying(redis(1), 1));
    let (mixed, other) = (stage.client(), stage.client());
    stage.sends(mixed, [cmd("GET k"), cmd("SET k new"), cmd("GET k")].concat());
    stage.sends(other, cmd("GET k"));
    lose(&mut stage, 0, CloseReason::Reset);
    stage.gets(mixed, RESET.repeat(2));
    let conn = stage.server(0);
    stage.gets(conn, cmd("GET k").repeat(2));
    stage.sends(conn, bulk(b"v").repeat(2));
    stage.gets(mixed, bulk(b"v"));
    stage.gets(other, bulk(b"v"));
    stage.is_quiet();
}

#[test]
fn a_read_does_not_see_what_its_client_wrote_later_and_wants_no_response_to() {
    let mut stage = Stage::new(retrying(memcached(1), 1));
    let (mixed, other) = (stage.client(), stage.client());
    stage.sends(other, "get k\r\n");
    stage.sends(mixed, "get k\r\nset k 0 0 1 noreply\r\nx\r\nget k\r\n");
    lose(&mut stage, 0, CloseReason::Reset);
    stage.gets(mixed, "SERVER_ERROR Connection reset by peer\r\n");
    let conn = stage.server(0);
    stage.gets(conn, "get k\r\n".repeat(2));
    stage.sends(conn, "END\r\n".repeat(2));
    stage.gets(mixed, "END\r\n");
    stage.gets(other, "END\r\n");
    stage.is_quiet();
}

/// What one worker's client has in flight at server 0 when another worker has it ejected.
fn ejected_meanwhile(later: &str) -> (Stage, ConnId) {
    let mut config = retrying(redis(2), 1);
    config.ejection = ejection(1, 5_000);
    let mut stage = Stage::new(config);
    let mut other = stage.sibling();
    let key = stage.key(0, "k");
    let client = stage.client();
    stage.sends(client, cmd(&format!("GET {key}")));
    let stranger = other.client();
    other.sends(stranger, cmd(&format!("SET {key} v")));
    lose(&mut other, 0, CloseReason::Reset);
    stage.sends(client, cmd(&later.replace("key", &key)));
    let conn = stage.server(1);
    stage.sends(conn, "$1\r\nv\r\n");
    stage.gets_nothing(client);
    stage.take(conn);
    lose(&mut stage, 0, CloseReason::Reset);
    (stage, client)
}

#[test]
fn when_the_ring_has_changed_meanwhile_all_that_came_later_counts() {
    let (mut stage, client) = ejected_meanwhile("SET key new");
    stage.gets(client, [RESET.as_bytes(), b"$1\r\nv\r\n"].concat());
    let (mut stage, client) = ejected_meanwhile("GET key");
    stage.gets_nothing(client);
    let conn = stage.server(1);
    stage.sends(conn, "$3\r\nold\r\n");
    stage.gets(client, "$3\r\nold\r\n$1\r\nv\r\n");
    stage.is_quiet();
}

#[test]
fn with_its_server_ejected_a_read_goes_to_who_has_its_key_then() {
    let mut config = retrying(redis(2), 1);
    config.ejection = ejection(1, 5_000);
    let mut stage = Stage::new(config);
    let key = stage.key(0, "k");
    let client = stage.client();
    stage.sends(client, cmd(&format!("GET {key}")));
    lose(&mut stage, 0, CloseReason::Reset);
    let conn = stage.server(1);
    stage.gets(conn, cmd(&format!("GET {key}")));
    stage.sends(conn, "$-1\r\n");
    stage.gets(client, "$-1\r\n");
    assert_eq!(stage.conns_of(0).len(), 1, "an ejected server is not tried");
    stage.is_quiet();
}

#[test]
fn where_ejection_means_failure_its_requests_fail_with_it() {
    let mut config = retrying(redis(2), 1);
    config.ejection = ejection(1, 5_000);
    config.ejection.as_mut().expect("it ejects").on_eject = OnEject::Fail;
    let mut stage = Stage::new(config);
    let key = stage.key(0, "k");
    let client = stage.client();
    stage.sends(client, cmd(&format!("GET {key}")));
    lose(&mut stage, 0, CloseReason::Reset);
    stage.gets(client, RESET);
    assert_eq!((stage.conns_of(0).len(), stage.conns_of(1).len()), (1, 0));
    stage.is_quiet();
}

#[test]
fn a_fragment_is_sent_again_and_taken_apart_where_its_keys_have_come_apart() {
    let mut config = retrying(redis(3), 1);
    config.ejection = ejection(1, 5_000);
    let mut stage = Stage::new(config);
    let mut keys: Vec<String> = (0..12).map(|n| stage.key(0, &format!("k{n}-"))).collect();
    keys.insert(5, stage.key(1, "other"));
    let client = stage.client();
    stage.sends(client, cmd(&format!("MGET {}", keys.join(" "))));
    lose(&mut stage, 0, CloseReason::Reset);
    let answer = |wire: &[u8]| {
        let text = String::from_utf8_lossy(wire).into_owned();
        text.split("mget\r\n")
            .skip(1)
            .map(|one| {
                let names: Vec<&str> =
                    one.lines().filter(|line| line.starts_with(['k', 'o'])).collect();
                let values: String =
                    names.iter().map(|name| format!("${}\r\n{name}\r\n", name.len())).collect();
                format!("*{}\r\n{values}", names.len())
            })
            .collect::<String>()
    };
    let conns = [stage.server(1), stage.server(2)];
    for conn in conns {
        let wire = stage.take(conn);
        let answers = answer(&wire);
        assert!(!answers.is_empty(), "its keys have come apart");
        stage.sends(conn, answers);
    }
    let values: String = keys.iter().map(|key| format!("${}\r\n{key}\r\n", key.len())).collect();
    stage.gets(client, format!("*{}\r\n{values}", keys.len()));
    stage.is_quiet();
}

#[test]
fn a_request_whose_keys_were_together_is_taken_apart_where_they_are_no_more() {
    let mut config = retrying(redis(3), 1);
    config.ejection = ejection(1, 5_000);
    let mut stage = Stage::new(config);
    let keys: Vec<String> = (0..12).map(|n| stage.key(0, &format!("k{n}-"))).collect();
    let client = stage.client();
    stage.sends(client, cmd(&format!("EXISTS {}", keys.join(" "))));
    lose(&mut stage, 0, CloseReason::Reset);
    let conns = [stage.server(1), stage.server(2)];
    for (conn, says) in conns.into_iter().zip([":3\r\n", ":4\r\n"]) {
        assert!(stage.take(conn).windows(6).any(|bytes| bytes == b"exists"));
        stage.sends(conn, says);
    }
    stage.gets(client, ":7\r\n");
    stage.is_quiet();
}

#[test]
fn when_the_budget_is_spent_reads_fail_as_without_retries() {
    let mut stage = Stage::new(retrying(redis(1), 1));
    let client = stage.client();
    stage.sends(client, cmd("GET k").repeat(100));
    lose(&mut stage, 0, CloseReason::Reset);
    let conn = stage.server(0);
    // A sixth of a hundred, and the ten of a second.
    stage.gets(conn, cmd("GET k").repeat(26));
    stage.sends(conn, bulk(b"v").repeat(26));
    stage.gets(client, [bulk(b"v").repeat(26), RESET.repeat(74).into_bytes()].concat());
    assert_eq!(counted(&stage), [26, 0, 74]);
    stage.is_quiet();
}

#[test]
fn for_a_client_that_is_gone_nothing_is_sent_again() {
    let mut stage = Stage::new(retrying(redis(2), 1));
    let (a, b) = (stage.key(0, "a"), stage.key(1, "b"));
    let client = stage.client();
    stage.sends(client, [cmd(&format!("GET {a}")), cmd(&format!("MGET {a} {b}"))].concat());
    stage.closes(client, CloseReason::Reset);
    lose(&mut stage, 0, CloseReason::Reset);
    lose(&mut stage, 1, CloseReason::Reset);
    assert_eq!((stage.conns_of(0).len(), stage.conns_of(1).len()), (1, 1));
    assert_eq!(counted(&stage), [0, 0, 0]);
    stage.is_quiet();
}

#[test]
fn a_silent_server_is_asked_before_it_gets_requests_and_who_waits_goes_elsewhere() {
    for (is_back, retries) in [(true, 0), (false, 0), (false, 1)] {
        let mut config = retrying(redis(2), retries);
        config.ejection = ejection(2, 5_000);
        let mut stage = Stage::new(config);
        let key = stage.key(0, "k");
        let (client, set) = (stage.client(), cmd(&format!("SET {key} v")));
        stage.sends(client, &set);
        stage.passes(101);
        stage.gets(client, LATE);

        // Nothing is risked on the next conn.
        stage.sends(client, &set);
        let conn = stage.server(0);
        stage.gets(conn, cmd("PING"));
        let home = if is_back {
            // Whatever it says: its clients are to have the same.
            stage.sends(conn, "-LOADING wait\r\n");
            conn
        } else {
            stage.passes(101);
            assert_eq!(stage.figure(PoolFigure::ServerEjects), 1);
            stage.server(1)
        };
        stage.gets(home, &set);
        stage.sends(home, "+OK\r\n");
        stage.gets(client, "+OK\r\n");
        assert_eq!(counted(&stage), [0, i64::from(!is_back), 0]);
        stage.is_quiet();
    }
}

#[test]
fn with_retries_a_server_that_was_lost_in_any_way_is_asked_first() {
    for (retries, first) in [
        (Retries::default(), CloseReason::Reset),
        (Retries::of(1), CloseReason::Reset),
        (Retries::of(1), CloseReason::Refused),
    ] {
        let mut config = PoolConfig { retries, ..retrying(redis(2), 0) };
        config.ejection = ejection(3, 5_000);
        let mut stage = Stage::new(config);
        let key = stage.key(0, "k");
        let (client, set) = (stage.client(), cmd(&format!("SET {key} v")));
        stage.servers_accept = first != CloseReason::Refused;
        stage.sends(client, &set);
        lose(&mut stage, 0, first.clone());
        if first == CloseReason::Refused {
            // It waits for the next conn already.
            stage.servers_accept = true;
            let conn = stage.server(0);
            stage.accepts(conn);
        } else {
            stage.gets(client, RESET);
            stage.sends(client, &set);
        }
        let conn = stage.server(0);
        stage.gets(conn, cmd("PING"));
        stage.sends(conn, "+PONG\r\n");
        stage.gets(conn, &set);
        stage.sends(conn, "+OK\r\n");
        stage.gets(client, "+OK\r\n");
        stage.is_quiet();
    }
}

#[test]
fn where_an_answer_came_before_its_request_had_gone_the_reads_behind_it_are_found() {
    let mut stage = Stage::new(retrying(redis(1), 1));
    let (writer, reader) = (stage.client(), stage.client());
    stage.sends(reader, cmd("GET warm"));
    let conn = stage.server(0);
    stage.sends(conn, bulk(b"v"));
    stage.take(reader);
    let set = array(&[b"SET", b"k", "x".repeat(5_000).as_bytes()]);
    stage.clogs(conn, 1_000);
    stage.sends(writer, &set);
    stage.sends(reader, [cmd("GET a"), cmd("GET b")].concat());
    stage.sends(conn, "-ERR too large\r\n");
    stage.gets(writer, "-ERR too large\r\n");
    lose(&mut stage, 0, CloseReason::Reset);
    let conn = stage.server(0);
    stage.gets(conn, [cmd("GET a"), cmd("GET b")].concat());
    stage.sends(conn, bulk(b"v").repeat(2));
    stage.gets(reader, bulk(b"v").repeat(2));
    stage.is_quiet();
}

#[test]
fn where_no_key_has_a_home_a_read_is_not_sent_again_behind_a_write_elsewhere() {
    let mut config = retrying(redis(2), 1);
    config.distribution = DistributionKind::Random;
    let mut stage = Stage::new(config);
    let client = stage.client();
    // Both are connected to.
    while stage.conns_of(0).is_empty() || stage.conns_of(1).is_empty() {
        stage.sends(client, cmd("GET k"));
    }
    let conns = [stage.server(0), stage.server(1)];
    for conn in conns {
        let asked = stage.take(conn).len() / cmd("GET k").len();
        stage.sends(conn, bulk(b"v").repeat(asked));
    }
    stage.take(client);
    // Until two in a row are drawn to different servers.
    for _ in 0..100 {
        let drawn = ["GET k", "SET k v"].map(|line| {
            stage.sends(client, cmd(line));
            conns.into_iter().find(|conn| !stage.take(*conn).is_empty()).expect("it is sent")
        });
        if drawn[0] != drawn[1] {
            stage.sends(drawn[1], "+OK\r\n");
            stage.closes(drawn[0], CloseReason::Reset);
            stage.gets(client, [RESET, "+OK\r\n"].concat());
            return stage.is_quiet();
        }
        stage.sends(drawn[0], [bulk(b"v"), b"+OK\r\n".to_vec()].concat());
        stage.take(client);
    }
    panic!("the draw is always the same");
}

#[test]
fn a_request_goes_elsewhere_without_counting_once() {
    let mut config = retrying(redis(3), 0);
    config.ejection = ejection(2, 5_000);
    let mut stage = Stage::new(config);
    let clients: Vec<ConnId> = (0..3).map(|_| stage.client()).collect();
    let keys: Vec<String> = (0..3).map(|server| stage.key(server, "k")).collect();
    let ask = |stage: &mut Stage, at: usize| {
        stage.sends(clients[at], cmd(&format!("GET {}", keys[at])));
    };
    (0..3).for_each(|at| ask(&mut stage, at));
    stage.passes(101);
    (0..3).for_each(|at| stage.gets(clients[at], LATE));
    // All three are silent; the first two to fail again have theirs moved, to the third in the end.
    ask(&mut stage, 0);
    stage.passes(50);
    (1..3).for_each(|at| ask(&mut stage, at));
    stage.passes(500);
    (0..3).for_each(|at| assert!(stage.take(clients[at]).starts_with(b"-ERR "), "client {at}"));
    stage.is_quiet();
}

#[test]
fn where_nobody_is_ejected_a_silent_server_is_not_asked() {
    let mut stage = Stage::new(retrying(redis(1), 0));
    let client = stage.client();
    for _ in 0..3 {
        stage.sends(client, cmd("GET k"));
        let conn = stage.server(0);
        stage.gets(conn, cmd("GET k"));
        stage.passes(101);
        stage.gets(client, LATE);
    }
    stage.is_quiet();
}
