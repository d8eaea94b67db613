//! Responses that are larger than they may be, or than memory is left for: who is told, and who is not harmed.

use std::time::Duration;

use nutcracker_engine::limits::{LISTEN_AGAIN, PoolLimits, SHORT_INTERVAL, SHORT_PATIENCE};
use nutcracker_engine::stats::{FaultFigure, LimitFigure, PoolFigure, ServerFigure};
use nutcracker_engine::{
    CloseReason, ConnId, MemoryState, MultiError, PoolConfig, Report, Retries,
};

use crate::stage::{POOL, Stage, bulk, cmd, ejection, memcached, redis};

const MAX: usize = 100_000;
const TOO_LARGE: &str = "-ERR the response has more than 100000 bytes: ask for less at a time, or \
                         raise 'response_max'\r\n";
const GIVEN_UP: &str = "-ERR the server connection was given up over another request, its response \
                        was too large\r\n";
const SHORT_FOR_RESPONSE: &str =
    "-ERR memory is short for the response: ask for less at a time, or raise 'memory_max'\r\n";
const SHORT_FOR_QUEUE: &str = "-ERR memory is short for what waits for the server: send less at a \
                               time, or raise 'memory_max'\r\n";

fn limited(config: PoolConfig) -> Stage {
    let limits = PoolLimits { response_bytes: MAX, ..PoolLimits::default() };
    Stage::new(PoolConfig { limits, ..config })
}

/// A client's next request is answered, by a server conn that is well.
#[track_caller]
fn is_served(stage: &mut Stage, client: ConnId) {
    let key = stage.key(0, "well");
    stage.sends(client, cmd(&format!("GET {key}")));
    let server = stage.server(0);
    stage.gets(server, cmd(&format!("GET {key}")));
    stage.sends(server, "$2\r\nok\r\n");
    stage.gets(client, "$2\r\nok\r\n");
    stage.is_quiet();
}

#[test]
fn a_response_that_is_announced_too_large_is_given_up_at_once_and_passed_over() {
    let request =
        |response: &str| cmd(if response.starts_with('$') { "GET k" } else { "HGETALL k" });
    for (response, rest) in [
        ("$99991\r\n", "v".repeat(99_991) + "\r\n"),
        ("*33333\r\n", ":1\r\n$3\r\nabc\r\n+s\r\n".repeat(11_111)),
        ("*2\r\n:1\r\n$99984\r\n", "v".repeat(99_984) + "\r\n"),
        ("%1\r\n+a\r\n*2\r\n$99984\r\n", "v".repeat(99_984) + "\r\n:1\r\n"),
    ] {
        for step in [999, 5_000, 64_000, 1_000_000] {
            let mut stage = limited(PoolConfig { retries: Retries::default(), ..redis(1) });
            let [greedy, reader, writer] = [(); 3].map(|()| stage.client());
            stage.sends(greedy, request(response));
            stage.sends(writer, cmd("INCR n"));
            stage.sends(reader, cmd("GET k"));
            let server = stage.server(0);
            stage.take(server);
            stage.sends(server, response);
            stage.gets(greedy, TOO_LARGE);
            assert_eq!(stage.limit(LimitFigure::ResponseTooLarge), 1);
            assert_eq!(stage.figure(PoolFigure::ForwardError), 1);
            for piece in [rest.as_bytes(), b":7\r\n$2\r\nhi\r\n"].concat().chunks(step) {
                stage.sends(server, piece);
                assert!(stage.engine.inventory().unparsed_bytes < 100, "it is not kept");
            }
            stage.gets(writer, ":7\r\n");
            stage.gets(reader, "$2\r\nhi\r\n");
            stage.gets_nothing(greedy);
            assert!(!stage.is_closed(server));
            assert!(stage.reports.is_empty());
            let bytes = response.len() + rest.len() + ":7\r\n$2\r\nhi\r\n".len();
            assert_eq!(stage.server_figure(0, ServerFigure::ResponseBytes), bytes as i64);
            is_served(&mut stage, greedy);
        }
    }
}

#[test]
fn of_memcacheds_responses_each_that_is_too_large_is_passed_over_to_its_end() {
    let too_large = TOO_LARGE.replace("-ERR", "SERVER_ERROR");
    let data = "v".repeat(99_990);
    for (request, response) in [
        ("get a b c\r\n", format!("VALUE a 0 99990\r\n{data}\r\nVALUE c 5 2 17\r\nab\r\nEND\r\n")),
        ("get a b c\r\n", format!("VALUE b 0 3\r\nabc\r\nVALUE c 0 99990\r\n{data}\r\nEND\r\n")),
        ("mg a v\r\n", format!("VA 99999 f1\r\n{data}123456789\r\n")),
    ] {
        for step in [1, 7, 4_000, 65_000, 1_000_000] {
            let mut stage = limited(memcached(1));
            let [greedy, other] = [(); 2].map(|()| stage.client());
            stage.sends(greedy, request);
            stage.sends(other, "incr n 1\r\n");
            let server = stage.server(0);
            stage.take(server);
            for piece in [response.as_bytes(), b"17\r\n"].concat().chunks(step) {
                stage.sends(server, piece);
            }
            stage.gets(greedy, &too_large);
            stage.gets(other, "17\r\n");
            assert!(!stage.is_closed(server));
            stage.is_quiet();
        }
    }
}

#[test]
fn what_is_passed_over_has_a_bound_and_keeps_to_the_protocol() {
    let writes = |rest: &[u8], expected: &str| {
        let mut stage = limited(PoolConfig { retries: Retries::default(), ..redis(1) });
        let [greedy, writer] = [(); 2].map(|()| stage.client());
        stage.sends(greedy, cmd("LRANGE k 0 -1"));
        stage.sends(writer, cmd("INCR n"));
        let server = stage.server(0);
        stage.sends(server, "*1000000\r\n");
        stage.gets(greedy, TOO_LARGE);
        stage.gets_nothing(writer);
        stage.sends(server, rest);
        stage.gets(writer, expected);
        assert!(stage.is_closed(server));
        assert_eq!(stage.figure(PoolFigure::ServerEjects), 0);
        stage.is_quiet();
    };
    writes(b":1\r\n$300000000\r\n", GIVEN_UP);
    writes(b":1\r\n?!\r\n", "-ERR Invalid argument\r\n");
}

#[test]
fn of_a_response_that_is_passed_over_each_byte_counts_and_the_last_that_may_come_may_come() {
    const BEYOND: usize = 50_000;
    let limits =
        PoolLimits { response_bytes: MAX, passed_over_bytes: BEYOND, ..PoolLimits::default() };
    let small = ":1\r\n".repeat(33_332);
    let head = "*33333\r\n";
    for bytes in [MAX + BEYOND, MAX + BEYOND + 1] {
        let len = bytes - head.len() - small.len() - "$00000\r\n\r\n".len();
        let large = format!("${len}\r\n{}\r\n", "v".repeat(len));
        for response in [[head, &large, &small], [head, &small, &large]] {
            let response = response.concat();
            assert_eq!(response.len(), bytes);
            for step in [9, 1_000, 65_536] {
                let mut stage = Stage::new(PoolConfig { limits, ..redis(1) });
                let [greedy, writer] = [(); 2].map(|()| stage.client());
                stage.sends(greedy, cmd("LRANGE k 0 -1"));
                stage.sends(writer, cmd("INCR n"));
                let server = stage.server(0);
                for piece in response.as_bytes().chunks(step) {
                    if !stage.is_closed(server) {
                        stage.sends(server, piece);
                    }
                }
                stage.gets(greedy, TOO_LARGE);
                if bytes == MAX + BEYOND {
                    stage.sends(server, ":7\r\n");
                    stage.gets(writer, ":7\r\n");
                } else {
                    assert!(stage.is_closed(server), "in steps of {step}");
                    stage.gets(writer, GIVEN_UP);
                }
            }
        }
    }
}

#[test]
fn a_length_that_may_be_passed_over_to_its_last_byte_leaves_the_conn_as_it_is() {
    let limits =
        PoolLimits { response_bytes: MAX, passed_over_bytes: 50_000, ..PoolLimits::default() };
    let fits = 150_000 - "$149989\r\n\r\n".len();
    for (bytes, fits) in [(fits, true), (fits + 1, false)] {
        let mut stage = Stage::new(PoolConfig { limits, ..redis(1) });
        let client = stage.client();
        stage.sends(client, cmd("GET k"));
        let server = stage.server(0);
        stage.sends(server, format!("${bytes}\r\n"));
        stage.gets(client, TOO_LARGE);
        assert_eq!(stage.is_closed(server), !fits, "{bytes} bytes");
    }
}

#[test]
fn a_server_that_takes_long_over_what_is_passed_over_has_not_failed() {
    let mut stage = limited(PoolConfig {
        timeout: Some(Duration::from_millis(100)),
        ejection: ejection(1, 1_000),
        retries: Retries::default(),
        ..redis(1)
    });
    let [greedy, reader, writer] = [(); 3].map(|()| stage.client());
    stage.sends(greedy, cmd("GET k"));
    stage.sends(writer, cmd("INCR n"));
    stage.sends(reader, cmd("GET n"));
    let server = stage.server(0);
    stage.sends(server, "$200000000\r\n");
    stage.gets(greedy, TOO_LARGE);
    for _ in 0..11 {
        stage.sends(server, [b'v'; 10_000]);
        stage.passes(10);
    }
    assert!(stage.is_closed(server));
    stage.gets(writer, GIVEN_UP);
    assert_eq!(stage.figure(PoolFigure::ServerEjects), 0);
    assert_eq!(stage.server_figure(0, ServerFigure::ServerTimedout), 0);
    let next = stage.server(0);
    assert_ne!(next, server);
    stage.take(next);
    stage.sends(next, "$1\r\n1\r\n");
    stage.gets(reader, "$1\r\n1\r\n");
    stage.is_quiet();
}

#[test]
fn a_request_that_gets_no_such_response_is_not_taken_for_its() {
    let mut stage = limited(redis(1));
    let [writer, other] = [(); 2].map(|()| stage.client());
    stage.sends(writer, cmd("INCR n"));
    stage.sends(other, cmd("GET k"));
    let server = stage.server(0);
    stage.sends(server, "$200000\r\n");
    assert!(stage.is_closed(server));
    stage.gets(writer, TOO_LARGE);
    stage.gets(other, GIVEN_UP);
}

#[test]
fn a_response_that_is_announced_far_too_large_costs_its_conn_and_the_client_stays() {
    for response in ["$300000000\r\n", "*100000000\r\n", "*2\r\n:1\r\n$300000000\r\n"] {
        let mut stage = limited(PoolConfig {
            ejection: ejection(1, 1_000),
            retries: Retries::of(2),
            ..redis(1)
        });
        let client = stage.client();
        stage.sends(client, cmd("LRANGE k 0 -1"));
        let server = stage.server(0);
        stage.gets(server, cmd("LRANGE k 0 -1"));
        stage.sends(server, response);
        stage.gets(client, TOO_LARGE);
        assert!(stage.is_closed(server));
        assert!(matches!(
            stage.reports.as_slice(),
            [Report::ServerClosed { reason: CloseReason::TooLarge(_), failed: 1, .. }]
        ));
        assert_eq!(stage.limit(LimitFigure::ResponseTooLarge), 1);
        assert_eq!(stage.figure(PoolFigure::ForwardError), 1);
        assert_eq!(stage.figure(PoolFigure::ServerEjects), 0, "the server is well");
        is_served(&mut stage, client);
        assert_eq!(stage.stats.pools[0].fault(FaultFigure::RequestsRetried).get(), 0);
    }
}

#[test]
fn a_response_of_the_most_bytes_passes_and_one_of_a_byte_more_does_not_however_it_comes() {
    // Below what is read at once, above, and above by far.
    for max in [1_100, 50_000, 300_000] {
        for step in [700, 40_000, 65_536] {
            let limits = PoolLimits { response_bytes: max, ..PoolLimits::default() };
            let mut stage = Stage::new(PoolConfig { limits, ..redis(1) });
            let client = stage.client();
            let head = bulk(&vec![b'v'; max]).len() - max;
            for (bytes, fits) in [(max, true), (max + 1, false)] {
                stage.sends(client, cmd("GET k"));
                let server = stage.server(0);
                let response = bulk(&vec![b'v'; bytes - head]);
                assert_eq!(response.len(), bytes);
                let pieces = response.chunks(step);
                pieces.for_each(|piece| assert!(stage.sends(server, piece)));
                stage.take(server);
                assert!(!stage.is_closed(server), "{bytes} of {max} in steps of {step}");
                let got = stage.take(client);
                let is_told = got.starts_with(b"-ERR the response has more than ");
                assert!(if fits { got == response } else { is_told }, "{bytes} of {max}");
            }
            is_served(&mut stage, client);
        }
    }
}

#[test]
fn a_response_whose_length_nobody_tells_is_given_up_when_so_much_has_come() {
    let mut stage = limited(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("LRANGE k 0 -1"));
    let server = stage.server(0);
    stage.sends(server, "*20000\r\n");
    let piece = bulk(b"elements").repeat(200);
    let mut most = 0;
    for _ in 0..100 {
        stage.sends(server, &piece);
        most = stage.engine.inventory().unparsed_bytes.max(most);
    }
    assert!(most <= MAX + piece.len(), "{most} bytes were held");
    stage.gets(client, TOO_LARGE);
    stage.take(server);
    is_served(&mut stage, client);

    let mut stage = limited(memcached(1));
    let client = stage.client();
    stage.sends(client, "get a b c d\r\n");
    let server = stage.server(0);
    let block = |key: &str| format!("VALUE {key} 0 30000\r\n{}\r\n", "v".repeat(30_000));
    for key in ["a", "b", "c"] {
        stage.sends(server, block(key));
        stage.gets_nothing(client);
    }
    stage.sends(server, "VALUE d 0 30000\r\n");
    stage.gets(client, TOO_LARGE.replace("-ERR", "SERVER_ERROR"));
    assert!(!stage.is_closed(server));
    stage.is_quiet();
}

#[test]
fn in_a_pipeline_the_others_are_as_when_their_server_is_lost_and_all_keep_their_order() {
    let mut stage = limited(PoolConfig { retries: Retries::default(), ..redis(1) });
    let [greedy, reader, writer] = [(); 3].map(|()| stage.client());
    stage.sends(greedy, [cmd("GET a"), cmd("LRANGE big 0 -1"), cmd("GET c")].concat());
    stage.sends(reader, cmd("GET d"));
    stage.sends(writer, [cmd("INCR n"), cmd("GET n")].concat());
    let first = stage.server(0);
    stage.take(first);
    stage.sends(first, "$1\r\na\r\n*200000000\r\n$1\r\n");
    stage.gets(greedy, ["$1\r\na\r\n", TOO_LARGE].concat());
    stage.gets_nothing(reader);
    stage.gets(writer, GIVEN_UP);
    assert!(stage.is_closed(first));
    let second = stage.server(0);
    let again = [cmd("GET c"), cmd("GET d"), cmd("GET n")];
    stage.gets(second, again.concat());
    assert_eq!(stage.stats.pools[0].fault(FaultFigure::RequestsRetried).get(), 3);
    stage.sends(second, "$1\r\nc\r\n$1\r\nd\r\n$1\r\n1\r\n");
    stage.gets(greedy, "$1\r\nc\r\n");
    stage.gets(reader, "$1\r\nd\r\n");
    stage.gets(writer, "$1\r\n1\r\n");
    is_served(&mut stage, greedy);
}

#[test]
fn what_was_not_sent_behind_a_response_that_is_too_large_goes_to_the_next_conn() {
    let mut stage = limited(PoolConfig { retries: Retries::default(), ..redis(1) });
    let [greedy, writer] = [(); 2].map(|()| stage.client());
    stage.sends(greedy, cmd("GET big"));
    let first = stage.server(0);
    stage.clogs(first, 5);
    stage.sends(writer, [cmd("INCR n"), cmd("INCR m")].concat());
    stage.sends(first, "$300000000\r\n");
    stage.gets(greedy, TOO_LARGE);
    // Of the one before it a part was sent.
    stage.gets(writer, GIVEN_UP);
    let second = stage.server(0);
    stage.gets(second, cmd("INCR m"));
    stage.sends(second, ":1\r\n");
    stage.gets(writer, ":1\r\n");
    is_served(&mut stage, greedy);
}

#[test]
fn a_fragment_whose_response_is_too_large_fails_the_whole_or_is_made_up_for() {
    for multi_error in [MultiError::Fail, MultiError::Partial] {
        let mut stage = limited(PoolConfig { multi_error, ..redis(2) });
        let (a, b) = (stage.key(0, "a"), stage.key(1, "b"));
        let client = stage.client();
        stage.sends(client, cmd(&format!("MGET {a} {b}")));
        let (first, second) = (stage.server(0), stage.server(1));
        stage.sends(first, "*1\r\n$200000\r\n");
        stage.gets_nothing(client);
        stage.sends(second, "*1\r\n$1\r\nb\r\n");
        let expected = match multi_error {
            MultiError::Fail => TOO_LARGE,
            MultiError::Partial => "*2\r\n$-1\r\n$1\r\nb\r\n",
        };
        stage.gets(client, expected);
        assert!(!stage.is_closed(first) && !stage.is_closed(second));
        stage.sends(first, ["v".repeat(200_000).as_bytes(), b"\r\n"].concat());
        stage.take(first);
        is_served(&mut stage, client);
    }
}

#[test]
fn what_is_gathered_has_no_more_bytes_than_one_response_may() {
    let mut stage = limited(redis(2));
    let (a, b) = (stage.key(0, "a"), stage.key(1, "b"));
    let client = stage.client();
    let elements = [40_000, 59_000, 60_000].map(|len| bulk(&vec![b'v'; len]));
    for (of_b, fits) in [(&elements[1], true), (&elements[2], false)] {
        stage.sends(client, cmd(&format!("MGET {a} {b}")));
        let (first, second) = (stage.server(0), stage.server(1));
        stage.sends(first, [b"*1\r\n", &elements[0][..]].concat());
        stage.sends(second, [b"*1\r\n", &of_b[..]].concat());
        let whole = [b"*2\r\n", &elements[0][..], of_b].concat();
        stage.gets(client, if fits { &whole } else { TOO_LARGE.as_bytes() });
        assert!(!stage.is_closed(first) && !stage.is_closed(second), "both are of use");
        stage.is_quiet();
    }
    assert_eq!(stage.limit(LimitFigure::ResponseTooLarge), 1);
    let (first, second) = (stage.server(0), stage.server(1));
    stage.take(first);
    stage.take(second);
    is_served(&mut stage, client);
}

#[test]
fn a_transaction_whose_response_is_too_large_loses_its_conn_alone() {
    let mut stage = limited(redis(1));
    let client = stage.client();
    stage.sends(client, [cmd("MULTI"), cmd("LRANGE k 0 -1"), cmd("EXEC")].concat());
    let own = stage.server(0);
    stage.sends(own, "+OK\r\n+QUEUED\r\n*1\r\n*100000\r\n");
    stage.gets(client, ["+OK\r\n+QUEUED\r\n", TOO_LARGE].concat());
    assert!(stage.is_closed(own));
    assert_eq!(stage.engine.pinned(POOL), 0);
    is_served(&mut stage, client);
}

#[test]
fn what_is_published_and_too_large_costs_the_conn_that_listens_and_the_next_one_listens_on() {
    let mut stage = limited(redis(1));
    let client = stage.client();
    stage.sends(client, cmd("SUBSCRIBE news"));
    let first = stage.server(0);
    let confirmation = "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n";
    stage.sends(first, confirmation);
    stage.gets(client, confirmation);
    stage.sends(first, "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$200000\r\n");
    assert!(stage.is_closed(first));
    stage.passes(LISTEN_AGAIN.as_millis() as u64 + 1);
    let second = stage.server(0);
    stage.sends(second, confirmation);
    let message = "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n";
    stage.sends(second, message);
    stage.gets(client, message);
    assert_eq!(stage.limit(LimitFigure::ResponseTooLarge), 1);
}

#[test]
fn what_a_server_says_to_a_handshake_is_not_for_a_client_to_bound() {
    let limits = PoolLimits { response_bytes: 1_000, ..PoolLimits::default() };
    let mut stage = Stage::new(PoolConfig { limits, ..redis(1) });
    let client = stage.client();
    stage.sends(client, cmd("HELLO 3"));
    stage.take(client);
    stage.sends(client, cmd("GET k"));
    let server = stage.server(0);
    stage.gets(server, cmd("HELLO 3"));
    let modules = [b"%1\r\n+modules\r\n".to_vec(), bulk(&[b'm'; 5_000])].concat();
    stage.sends(server, &modules[..3_000]);
    stage.sends(server, &modules[3_000..]);
    stage.gets(server, cmd("GET k"));
    stage.sends(server, bulk(&[b'v'; 2_000]));
    assert!(stage.take(client).starts_with(b"-ERR the response has more than 1000 bytes"));

    stage.closes(server, CloseReason::Eof);
    stage.sends(client, cmd("GET k"));
    let server = stage.server(0);
    stage.sends(server, "$100000\r\n");
    assert!(stage.is_closed(server), "that is no answer to a handshake");
    assert!(matches!(
        stage.reports.last(),
        Some(Report::ServerClosed { reason: CloseReason::Unasked(_), .. })
    ));
}

fn milliseconds(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

/// A client of whose request `bytes` bytes are there, and more are missing.
fn half_a_request(stage: &mut Stage, bytes: usize) -> ConnId {
    let client = stage.client();
    stage.sends(client, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10000000\r\n");
    stage.sends(client, vec![b'v'; bytes]);
    client
}

/// Of the response to the front request of that conn so many bytes have come, and many more are to.
fn half_a_response(stage: &mut Stage, server: ConnId, bytes: usize) {
    stage.sends(server, "$500000000\r\n");
    stage.sends(server, vec![b'v'; bytes]);
}

#[test]
fn when_a_response_holds_most_of_what_memory_is_short_of_it_is_given_up_and_nobody_is_closed() {
    for stays in [true, false] {
        let mut stage = Stage::new(PoolConfig { retries: Retries::default(), ..redis(1) });
        let (greedy, reader) = (stage.client(), stage.client());
        stage.sends(greedy, cmd("GET big"));
        stage.sends(reader, cmd("GET k"));
        let bystander = half_a_request(&mut stage, 100_000);
        let first = stage.server(0);
        half_a_response(&mut stage, first, 1_000_000);
        if !stays {
            stage.closes(greedy, CloseReason::Reset);
        }
        stage.memory_is(MemoryState::Short);
        stage.passes(milliseconds(SHORT_PATIENCE) + 1);
        assert!(stage.is_closed(first));
        assert!(!stage.is_closed(bystander) && stage.is_closed(greedy) != stays);
        if stays {
            stage.gets(greedy, SHORT_FOR_RESPONSE);
        }
        let second = stage.server(0);
        stage.gets(second, cmd("GET k"));
        stage.sends(second, "$1\r\nv\r\n");
        stage.gets(reader, "$1\r\nv\r\n");
        assert!(matches!(
            stage.reports.as_slice(),
            [Report::ServerClosed { reason: CloseReason::TooLarge(_), failed: 2, .. }]
        ));
        assert_eq!(stage.limit(LimitFigure::ServerClosedMemory), 1);
        assert_eq!(stage.limit(LimitFigure::ClientClosedMemory), 0);
        stage.memory_is(MemoryState::Enough);
        is_served(&mut stage, reader);
    }
}

#[test]
fn whoever_holds_most_goes_first_be_it_a_client_or_what_a_server_says() {
    let mut stage = Stage::new(redis(2));
    let asks = stage.client();
    let (a, b) = (stage.key(0, "a"), stage.key(1, "b"));
    stage.sends(asks, [cmd(&format!("GET {a}")), cmd(&format!("GET {b}"))].concat());
    let (first, second) = (stage.server(0), stage.server(1));
    half_a_response(&mut stage, first, 4_000_000);
    half_a_response(&mut stage, second, 10_000);
    let large = half_a_request(&mut stage, 2_000_000);
    let closed = |stage: &Stage| [first, large, second].map(|conn| stage.is_closed(conn));
    stage.memory_is(MemoryState::Exhausted);
    assert_eq!(closed(&stage), [true, false, false]);
    stage.memory_is(MemoryState::Exhausted);
    assert_eq!(closed(&stage), [true, true, false]);
    stage.memory_is(MemoryState::Exhausted);
    assert_eq!(closed(&stage), [true, true, true]);
    stage.gets(asks, SHORT_FOR_RESPONSE.repeat(2));
    stage.memory_is(MemoryState::Exhausted);
    assert!(!stage.is_closed(asks), "who holds nothing is not to blame");
    stage.memory_is(MemoryState::Enough);
    is_served(&mut stage, asks);
}

#[test]
fn what_waits_for_a_server_that_takes_nothing_is_given_up_and_not_sent_again() {
    let mut stage = Stage::new(PoolConfig { retries: Retries::of(2), ..redis(1) });
    let (writer, idle) = (stage.client(), stage.client());
    let waits = half_a_request(&mut stage, 100_000);
    stage.sends(writer, cmd("GET k"));
    let server = stage.server(0);
    stage.clogs(server, 1_000);
    for _ in 0..10 {
        stage.sends(writer, crate::stage::array(&[b"SET", b"k", &vec![b'v'; 50_000]]));
    }
    stage.memory_is(MemoryState::Short);
    stage.passes(milliseconds(SHORT_PATIENCE) + 1);
    assert!(stage.is_closed(server) && !stage.is_closed(waits));
    stage.gets(writer, SHORT_FOR_QUEUE.repeat(11));
    assert_eq!(stage.conns_of(0).len(), 1, "nothing is sent again");
    assert_eq!(stage.limit(LimitFigure::ServerClosedMemory), 1);
    stage.passes(milliseconds(SHORT_INTERVAL) + 1);
    assert!(stage.is_closed(waits));
    stage.passes(10 * milliseconds(SHORT_PATIENCE));
    assert!(!stage.is_closed(writer) && !stage.is_closed(idle));
    stage.memory_is(MemoryState::Enough);
    is_served(&mut stage, writer);
}

#[test]
fn a_busy_server_that_takes_its_requests_is_not_given_up_for_the_memory_of_those() {
    let mut stage = Stage::new(redis(1));
    let writer = stage.client();
    let waits = half_a_request(&mut stage, 100_000);
    stage.sends(writer, cmd("GET k"));
    let server = stage.server(0);
    stage.clogs(server, 1_000);
    for _ in 0..10 {
        stage.sends(writer, crate::stage::array(&[b"SET", b"k", &vec![b'v'; 50_000]]));
    }
    stage.memory_is(MemoryState::Short);
    for _ in 0..3 {
        stage.passes(milliseconds(SHORT_PATIENCE) / 2);
        stage.takes(server, 1_000);
    }
    assert!(!stage.is_closed(server) && stage.is_closed(waits));
    stage.passes(2 * milliseconds(SHORT_PATIENCE));
    assert!(stage.is_closed(server), "it takes nothing now");
}
