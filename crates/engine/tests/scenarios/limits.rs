//! What a pool may hold, and what happens where it may hold no more.

use std::sync::Arc;
use std::time::Duration;

use nutcracker_engine::limits::{PoolLimits, SHORT_INTERVAL, SHORT_PATIENCE};
use nutcracker_engine::stats::{LimitFigure, PoolFigure};
use nutcracker_engine::{CloseReason, ConnId, MemoryState, PoolConfig, Report, Room};

use crate::stage::{Stage, array, bulk, cmd, memcached, redis};

const TOO_LARGE: &str =
    "-ERR request is longer than 1000 bytes, the limit that request_max sets\r\n";

fn limited(config: PoolConfig, limits: PoolLimits) -> Stage {
    Stage::new(PoolConfig { limits, ..config })
}

fn requests_up_to(bytes: usize) -> PoolLimits {
    PoolLimits { request_bytes: bytes, ..PoolLimits::default() }
}

#[test]
fn a_pool_sets_how_many_requests_of_a_client_may_be_outstanding() {
    let limits = PoolLimits { client_requests: 4, ..PoolLimits::default() };
    let mut stage = limited(redis(1), limits);
    let client = stage.client();
    stage.sends(client, cmd("TTL k").repeat(10));
    let server = stage.server(0);
    stage.gets(server, cmd("TTL k").repeat(4));
    assert_eq!(stage.limit(LimitFigure::ClientPaused), 1);
    stage.sends(server, ":1\r\n:1\r\n");
    stage.gets(server, cmd("TTL k").repeat(2));
    assert_eq!(stage.limit(LimitFigure::ClientPaused), 2, "paused anew");
}

#[test]
fn a_request_that_is_too_large_is_answered_before_it_is_there_and_its_bytes_are_passed_over() {
    let mut stage = limited(redis(1), requests_up_to(1000));
    let client = stage.client();
    stage.sends(client, cmd("GET before"));
    let value = vec![b'v'; 100_000];
    let set = array(&[b"SET", b"k", &value, b"EX", b"10"]);
    let header = set.len() - bulk(&value).len() - array(&[b"EX", b"10"]).len() + 4;
    stage.sends(client, &set[..header + 10]);
    let server = stage.server(0);
    stage.sends(server, "$1\r\nb\r\n");
    stage.gets(client, ["$1\r\nb\r\n", TOO_LARGE].concat());
    for piece in set[header + 10..].chunks(7_000) {
        stage.sends(client, piece);
    }
    stage.gets_nothing(client);
    stage.gets(server, cmd("GET before"));
    stage.sends(client, cmd("GET after"));
    stage.gets(server, cmd("GET after"));
    stage.sends(server, "$1\r\na\r\n");
    stage.gets(client, "$1\r\na\r\n");
    assert_eq!(stage.limit(LimitFigure::RequestTooLarge), 1);
    stage.is_quiet();
}

#[test]
fn a_memcached_value_that_is_too_large_gets_memcacheds_own_words_and_the_stream_goes_on() {
    let mut stage = limited(memcached(1), requests_up_to(1000));
    let client = stage.client();
    let data = "v".repeat(200_000);
    stage.sends(client, "set k 0 0 200000\r\n");
    stage.gets(client, "SERVER_ERROR object too large for cache\r\n");
    stage.sends(client, format!("{data}\r\nset k 0 0 200000 noreply\r\n{data}\r\nget a\r\n"));
    stage.gets_nothing(client);
    let server = stage.server(0);
    stage.gets(server, "get a\r\n");
    assert_eq!(stage.limit(LimitFigure::RequestTooLarge), 2);
}

#[test]
fn a_client_that_leaves_in_the_middle_of_what_is_passed_over_leaves_nothing() {
    let mut stage = limited(redis(1), requests_up_to(1000));
    let client = stage.client();
    stage.sends(client, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000\r\nabc");
    stage.gets(client, TOO_LARGE);
    stage.closes(client, CloseReason::Eof);
    assert!(stage.is_closed(client));
    stage.is_quiet();
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

#[test]
fn while_memory_is_short_clients_are_not_read_and_what_is_on_its_way_is_answered() {
    let mut stage = Stage::new(redis(1));
    let (busy, idle) = (stage.client(), stage.client());
    stage.sends(busy, cmd("GET a"));
    let server = stage.server(0);
    stage.memory_is(MemoryState::Short);
    stage.sends(server, "$1\r\na\r\n");
    stage.gets(busy, "$1\r\na\r\n");
    assert!(!stage.engine.may_read(busy) && !stage.engine.may_read(idle));
    for conn in [busy, idle, idle] {
        stage.engine.handle_unread(conn);
    }
    assert_eq!(stage.limit(LimitFigure::ClientPausedMemory), 2);
    assert!(stage.engine.may_read(server), "servers are read: that sets memory free");
    stage.memory_is(MemoryState::Short);
    assert!(stage.reads.is_empty());

    stage.memory_is(MemoryState::Enough);
    let mut reads = std::mem::take(&mut stage.reads);
    reads.sort();
    assert_eq!(reads, [busy, idle]);
    stage.sends(idle, cmd("GET b"));
    stage.sends(server, "$1\r\nb\r\n");
    stage.gets(idle, "$1\r\nb\r\n");
    stage.is_quiet();
}

#[test]
fn a_large_request_that_there_is_room_for_is_read_to_its_end_while_memory_is_short() {
    let mut stage = Stage::new(redis(1));
    let request = array(&[b"SET", b"k", &[b'v'; 100_000]]);
    let [client, other] = [(); 2].map(|()| stage.client());
    stage.sends(client, &request[..60_000]);
    stage.sends(other, &request[..1_000]);
    let much = half_a_request(&mut stage, 500_000);
    stage.memory_is(MemoryState::Short);
    assert!(!stage.engine.may_read(other) && !stage.engine.may_read(much));
    stage.sends(client, &request[60_000..]);
    let server = stage.server(0);
    stage.gets(server, &request);
    assert!(!stage.engine.may_read(client), "its next one needs more");
    stage.sends(server, "+OK\r\n");
    stage.gets(client, "+OK\r\n");
}

#[test]
fn when_memory_stays_short_who_holds_most_is_closed_one_after_the_other() {
    let mut stage = Stage::new(redis(1));
    let small = half_a_request(&mut stage, 100_000);
    let idle = stage.client();
    let large = half_a_request(&mut stage, 3_000_000);
    let patience = milliseconds(SHORT_PATIENCE);
    stage.memory_is(MemoryState::Short);
    stage.passes(patience - 1);
    assert!(!stage.is_closed(large), "not before the patience ends");
    stage.passes(2);
    assert!(stage.is_closed(large) && !stage.is_closed(small));
    assert!(matches!(
        stage.reports.as_slice(),
        [Report::ClientHeldMost { conn, client, bytes, .. }]
            if *conn == large
                && client.to_string() == "127.0.0.1:50000 (id 3)"
                && *bytes >= 3_000_000
    ));
    stage.passes(milliseconds(SHORT_INTERVAL) + 1);
    assert!(stage.is_closed(small));
    stage.passes(10 * patience);
    assert!(!stage.is_closed(idle), "who holds nothing is not to blame");
    assert_eq!(stage.limit(LimitFigure::ClientClosedMemory), 2);
    assert_eq!(stage.figure(PoolFigure::ClientErr), 2);
}

#[test]
fn of_all_workers_the_one_whose_client_holds_most_closes_it_and_no_other_does() {
    for state in [MemoryState::Short, MemoryState::Exhausted] {
        let mut workers: [Stage; 3] = Stage::workers(redis(1));
        let larger = [100_000, 3_000_000, 200_000];
        let clients = std::array::from_fn::<_, 3, _>(|own| {
            half_a_request(&mut workers[own], 50_000);
            half_a_request(&mut workers[own], larger[own])
        });
        // The first to find it has the others told, who would not look before they have something to do.
        workers[0].memory_is(state);
        assert_eq!(workers[0].shortages, 1, "{state:?}");
        workers[1..].iter_mut().for_each(|worker| worker.memory_is(state));
        // It is not enough before each has closed one.
        let closed = |worker: &Stage| worker.limit(LimitFigure::ClientClosedMemory);
        let mut seen = vec![[0; 3]];
        for _ in 0..2 * milliseconds(SHORT_PATIENCE) / milliseconds(SHORT_INTERVAL) {
            pass_all(&mut workers, MemoryState::Short);
            seen.push(std::array::from_fn(|own| closed(&workers[own])));
            if seen.ends_with(&[[1; 3]]) {
                break;
            }
        }
        seen.dedup();
        assert_eq!(seen, [[0, 0, 0], [0, 1, 0], [0, 1, 1], [1, 1, 1]], "{state:?}");
        assert!(std::iter::zip(&workers, clients).all(|(worker, client)| worker.is_closed(client)));
    }
}

/// A while passes for all workers of a process.
fn pass_all(workers: &mut [Stage], state: MemoryState) {
    for worker in workers {
        worker.passes(milliseconds(SHORT_INTERVAL));
        worker.memory_is(state);
    }
}

#[test]
fn a_worker_that_does_not_tell_what_it_holds_is_waited_for_for_a_moment() {
    let [mut first, _busy] = Stage::workers(redis(1));
    let client = half_a_request(&mut first, 3_000_000);
    first.memory_is(MemoryState::Exhausted);
    first.passes(milliseconds(SHORT_INTERVAL) - 1);
    assert!(!first.is_closed(client));
    first.passes(2);
    assert!(first.is_closed(client));
    assert_eq!(first.shortages, 2, "it is told again");
}

#[test]
fn when_much_more_is_held_than_may_be_nobody_waits() {
    let mut stage = Stage::new(redis(1));
    let small = half_a_request(&mut stage, 10_000);
    let large = half_a_request(&mut stage, 3_000_000);
    stage.memory_is(MemoryState::Exhausted);
    assert!(stage.is_closed(large) && !stage.is_closed(small), "one a turn");
    stage.memory_is(MemoryState::Short);
    assert!(!stage.is_closed(small));
    stage.memory_is(MemoryState::Exhausted);
    assert!(stage.is_closed(small));
    stage.memory_is(MemoryState::Enough);
    stage.is_quiet();
}

#[test]
fn responses_that_nobody_reads_count_as_held_by_their_client() {
    let mut stage = Stage::new(redis(2));
    let deaf = stage.client();
    let waits = half_a_request(&mut stage, 200_000);
    let (slow, quick) = (stage.key(0, "k"), stage.key(1, "k"));
    // The first response is awaited, so those that come after it are held.
    stage.sends(
        deaf,
        [cmd(&format!("GET {slow}")), cmd(&format!("GET {quick}")).repeat(3)].concat(),
    );
    let server = stage.server(1);
    stage.sends(server, bulk(&vec![b'v'; 500_000]).repeat(3));
    stage.memory_is(MemoryState::Short);
    stage.passes(milliseconds(SHORT_PATIENCE) + 1);
    assert!(stage.is_closed(deaf) && !stage.is_closed(waits));
    let first = stage.server(0);
    stage.sends(first, "$1\r\na\r\n");
    stage.memory_is(MemoryState::Enough);
    stage.closes(waits, CloseReason::Eof);
    stage.is_quiet();
}

/// The shell takes places for clients; here all of them are for server conns.
#[test]
fn conns_beyond_the_ordinary_ones_take_room_and_a_pinned_one_is_refused_where_there_is_none() {
    let room = Arc::new(Room::new(3));
    let mut stage = Stage::with_room(redis(1), &room);
    let [plain, other_class, subscriber, first, second] = [(); 5].map(|()| stage.client());
    stage.sends(plain, cmd("GET k"));
    assert_eq!(room.free(), 3, "an ordinary conn has its place");
    stage.sends(other_class, [cmd("SELECT 3"), cmd("GET k")].concat());
    stage.sends(subscriber, cmd("SUBSCRIBE news"));
    assert_eq!(room.free(), 1);
    stage.sends(first, cmd("WATCH k"));
    assert_eq!(room.free(), 0);
    let refused = "-ERR no server connection is left for a transaction or a blocking command: the limit \
                   of open files leaves none, raise it (ulimit -n, LimitNOFILE)\r\n";
    stage.sends(second, [cmd("WATCH k"), cmd("BLPOP k 0")].concat());
    stage.gets(second, refused.repeat(2));
    assert_eq!(stage.limit(LimitFigure::PinnedRefused), 2);
    // Conns that many depend on are opened all the same.
    stage.sends(second, [cmd("SELECT 4"), cmd("GET k")].concat());
    assert_eq!(room.free(), -1);

    let conns = stage.conns_of(0).to_vec();
    let watching = conns[3];
    stage.gets(watching, cmd("WATCH k"));
    stage.sends(watching, "+OK\r\n");
    stage.sends(first, cmd("UNWATCH"));
    stage.sends(watching, "+OK\r\n");
    assert_eq!(room.free(), -1, "what is kept is open still");
    for conn in conns {
        stage.closes(conn, CloseReason::Reset);
    }
    assert_eq!(room.free(), 3);
    stage.is_quiet();
}
