//! More is asked of a server at a time than may wait for it.

use nutcracker_engine::limits::{PoolLimits, ROOM_PATIENCE};
use nutcracker_engine::stats::{LimitFigure, PoolFigure};
use nutcracker_engine::{CloseReason, ConnId, MemoryState, PoolConfig};

use crate::stage::{Stage, array, cmd, memcached, redis};

/// What may wait for a server here.
const QUEUE_BYTES: usize = 100_000;

/// A pool in which so little may wait.
fn narrow(config: PoolConfig) -> Stage {
    let limits = PoolLimits { server_queue_bytes: QUEUE_BYTES, ..PoolLimits::default() };
    Stage::new(PoolConfig { limits, ..config })
}

/// A request of a little more than 20,000 bytes.
fn large(key: &str) -> Vec<u8> {
    array(&[b"SET", key.as_bytes(), &[b'v'; 20_000]])
}

/// A client that has opened a conn to a server, which takes nothing more from then on.
fn busy(stage: &mut Stage, server: u32) -> ConnId {
    let (client, key) = (stage.client(), stage.key(server, "first"));
    stage.sends(client, cmd(&format!("GET {key}")));
    let conn = stage.server(server);
    stage.gets(conn, cmd(&format!("GET {key}")));
    stage.sends(conn, "$-1\r\n");
    stage.gets(client, "$-1\r\n");
    stage.clogs(conn, 0);
    conn
}

fn patience() -> u64 {
    ROOM_PATIENCE.as_millis() as u64
}

/// Has the server answer all it has been sent, `takes` bytes at a time, until it is sent nothing more.
fn answers(stage: &mut Stage, server: ConnId, takes: usize) -> usize {
    let mut all = 0;
    let mut seen = Vec::new();
    loop {
        stage.takes(server, takes);
        let sent = stage.take(server);
        if sent.is_empty() {
            assert!(seen.is_empty(), "only whole requests are left");
            return all;
        }
        seen.extend(sent);
        while seen.len() >= large("k00").len() {
            seen.drain(..large("k00").len());
            all += 1;
            stage.sends(server, "+OK\r\n");
        }
        stage.passes(patience() / 2);
    }
}

#[test]
fn clients_wait_for_a_busy_server_and_none_of_their_requests_fails() {
    let mut stage = narrow(redis(1));
    let server = busy(&mut stage, 0);
    let clients: Vec<_> = (0..20).map(|_| stage.client()).collect();
    let requests: Vec<_> = (10..30).map(|n| large(&format!("k{n}"))).collect();
    let all: Vec<_> = clients.iter().zip(&requests).map(|(c, r)| (*c, &r[..])).collect();
    stage.all_send(&all);
    let queued = stage.engine.inventory().server_queue_bytes[0];
    assert!((QUEUE_BYTES..QUEUE_BYTES + requests[0].len()).contains(&queued), "{queued}");
    assert_eq!(stage.limit(LimitFigure::ClientPausedQueue), 15);
    assert!(!stage.engine.may_read(clients[19]) && stage.engine.may_read(clients[0]));
    assert_eq!(answers(&mut stage, server, 30_000), 20);
    for client in clients {
        stage.gets(client, "+OK\r\n");
        assert!(stage.engine.may_read(client));
    }
    assert_eq!(stage.figure(PoolFigure::ForwardError), 0);
    assert_eq!(stage.engine.inventory().waiting, 0);
    stage.is_quiet();
}

#[test]
fn who_came_first_goes_on_first() {
    let mut stage = narrow(redis(1));
    let server = busy(&mut stage, 0);
    let clients: Vec<_> = (0..9).map(|_| stage.client()).collect();
    for (n, client) in clients.iter().enumerate() {
        stage.sends(*client, large(&format!("k1{n}")));
    }
    stage.unclogs(server);
    let expected: Vec<_> = (0..9).flat_map(|n| large(&format!("k1{n}"))).collect();
    stage.gets(server, expected);
}

#[test]
fn who_comes_later_gets_no_room_before_those_who_wait() {
    let small = array(&[b"SET", b"k00", &[b'v'; 10_000]]);
    for request in [large("k00"), small] {
        let mut stage = narrow(redis(1));
        let server = busy(&mut stage, 0);
        let clients: Vec<_> = (0..15).map(|_| stage.client()).collect();
        for client in &clients {
            stage.sends(*client, &request);
        }
        // As soon as one is answered it asks again.
        let mut answers = [0; 15];
        for _ in 0..60 {
            stage.takes(server, request.len());
            stage.gets(server, &request);
            stage.sends(server, "+OK\r\n");
            for (client, answers) in clients.iter().zip(&mut answers) {
                if !stage.take(*client).is_empty() {
                    *answers += 1;
                    stage.sends(*client, &request);
                }
            }
        }
        assert_eq!(answers.iter().sum::<u32>(), 60);
        assert!(answers.iter().all(|answers| (3..=5).contains(answers)), "{answers:?}");
    }
}

#[test]
fn one_who_fills_a_queue_leaves_room_for_others() {
    for (config, own) in [
        (redis(1), large("k00")),
        (memcached(1), [b"set k 0 0 20000 noreply\r\n", &[b'v'; 20_000][..], b"\r\n"].concat()),
    ] {
        let is_redis = config.protocol == nutcracker_proto::Protocol::Redis;
        let get = if is_redis { cmd("GET k") } else { b"get k\r\n".to_vec() };
        let mut stage = narrow(config);
        let greedy = stage.client();
        stage.sends(greedy, &get);
        let server = stage.server(0);
        stage.gets(server, &get);
        stage.clogs(server, 0);
        while stage.sends(greedy, &own) {}
        let queued = stage.engine.inventory().server_queue_bytes[0];
        assert!(queued < QUEUE_BYTES / 2 + 2 * own.len(), "{queued}");
        let modest = stage.client();
        assert!(stage.sends(modest, get.repeat(50)), "who asks for little is let in");
        let queued = stage.engine.inventory().queued;
        assert!(queued > 50, "{queued}");
        assert_eq!(stage.limit(LimitFigure::ServerQueueFull), 0);
    }
}

#[test]
fn who_has_more_outstanding_waits_with_a_large_request_from_half_a_queue_on_and_not_before() {
    let mut stage = narrow(redis(1));
    let server = busy(&mut stage, 0);
    let [first, second] = [(); 2].map(|()| stage.client());
    for client in [first, second] {
        stage.sends(client, cmd("GET k"));
    }
    for _ in 0..4 {
        let client = stage.client();
        stage.sends(client, large("k00"));
    }
    let queued = stage.engine.inventory().server_queue_bytes[0];
    stage.takes(server, queued - QUEUE_BYTES / 2);
    assert!(!stage.sends(first, large("k00")));
    stage.takes(server, 1);
    assert!(stage.sends(second, large("k00")), "a byte is missing to half");
    assert!(!stage.sends(second, large("k00")));
    assert_eq!(stage.engine.inventory().waiting, 2);
}

#[test]
fn those_who_wait_go_on_when_a_quarter_is_left_and_not_before() {
    let mut stage = narrow(redis(1));
    let server = busy(&mut stage, 0);
    for _ in 0..6 {
        let client = stage.client();
        stage.sends(client, large("k00"));
    }
    let queued = stage.engine.inventory().server_queue_bytes[0];
    stage.takes(server, queued - QUEUE_BYTES / 4 - 1);
    assert_eq!(stage.engine.inventory().waiting, 1);
    stage.takes(server, 1);
    assert_eq!(stage.engine.inventory().waiting, 0);
    stage.unclogs(server);
    stage.gets(server, large("k00").repeat(6));
}

#[test]
fn one_who_leaves_takes_none_of_those_along_who_wait_with_it() {
    let mut stage = narrow(redis(1));
    let server = busy(&mut stage, 0);
    let clients: Vec<_> = (0..8).map(|_| stage.client()).collect();
    for client in &clients {
        stage.sends(*client, large("k00"));
    }
    assert_eq!(stage.engine.inventory().waiting, 3);
    stage.closes(clients[6], CloseReason::Reset);
    assert_eq!(stage.engine.inventory().waiting, 2);
    assert_eq!(answers(&mut stage, server, 30_000), 7);
    for client in [&clients[..6], &clients[7..]].concat() {
        stage.gets(client, "+OK\r\n");
    }
    stage.is_quiet();
}

#[test]
fn a_key_in_base64_waits_for_the_server_of_the_key_that_it_stands_for() {
    let mut waited = [false; 2];
    for (plain, encoded) in [
        ("a", "YQ=="),
        ("b", "Yg=="),
        ("c", "Yw=="),
        ("d", "ZA=="),
        ("key1", "a2V5MQ=="),
        ("key2", "a2V5Mg=="),
    ] {
        let mut stage = narrow(memcached(2));
        let client = stage.client();
        let key = stage.key(0, "first");
        stage.sends(client, format!("get {key}\r\n"));
        let server = stage.server(0);
        stage.gets(server, format!("get {key}\r\n"));
        stage.clogs(server, 0);
        let set =
            [format!("set {key} 0 0 20000\r\n").as_bytes(), &[b'v'; 20_000], b"\r\n"].concat();
        for _ in 0..5 {
            let client = stage.client();
            stage.sends(client, &set);
        }
        let is_there = stage.owner(plain) == 0;
        let client = stage.client();
        assert_eq!(stage.sends(client, format!("mg {encoded} b v\r\n")), !is_there, "{plain}");
        waited[usize::from(is_there)] |= (stage.owner(encoded) == 0) != is_there;
    }
    assert_eq!(waited, [true; 2], "of both servers there is a key whose base64 is the other's");
}

#[test]
fn nobody_waits_for_a_server_that_takes_nothing() {
    let mut stage = narrow(redis(2));
    let stuck = busy(&mut stage, 0);
    let (a, b) = (stage.key(0, "a"), stage.key(1, "b"));
    for _ in 0..5 {
        let client = stage.client();
        stage.sends(client, large(&a));
    }
    let client = stage.client();
    stage.sends(client, [cmd(&format!("GET {a}")), cmd(&format!("GET {b}"))].concat());
    stage.gets_nothing(client);
    assert!(!stage.engine.may_read(client));
    stage.passes(patience() - 1);
    assert!(!stage.engine.may_read(client));
    stage.passes(2);
    let full = "-ERR Server queue is full\r\n";
    stage.gets(client, full);
    assert!(stage.engine.may_read(client));
    let other = stage.server(1);
    stage.gets(other, cmd(&format!("GET {b}")));
    stage.sends(other, "$1\r\nb\r\n");
    stage.gets(client, "$1\r\nb\r\n");
    // From now on they are told at once.
    stage.sends(client, cmd(&format!("GET {a}")));
    stage.sends(client, cmd(&format!("DEL {a} {b}")));
    stage.gets(client, full);
    // With the next that it takes they wait again.
    stage.takes(stuck, 1);
    stage.sends(other, ":1\r\n");
    stage.gets(client, full);
    assert!(!stage.sends(client, cmd(&format!("GET {a}"))));
    stage.closes(stuck, CloseReason::Reset);
    let anew = stage.server(0);
    assert_ne!(anew, stuck);
    stage.gets(anew, cmd(&format!("GET {a}")));
    stage.sends(anew, "$1\r\na\r\n");
    stage.gets(client, "$1\r\na\r\n");
    stage.is_quiet();
}

#[test]
fn a_server_that_was_given_nothing_for_long_is_not_stuck() {
    let mut stage = narrow(redis(1));
    let server = busy(&mut stage, 0);
    let clients: Vec<_> = (0..9).map(|_| stage.client()).collect();
    for client in &clients[..8] {
        stage.sends(*client, large("k00"));
    }
    // The worker is held up, or one turn takes so long.
    stage.now += 2 * ROOM_PATIENCE;
    stage.sends(clients[8], large("k00"));
    stage.unclogs(server);
    stage.gets(server, large("k00").repeat(9));
    assert_eq!(stage.limit(LimitFigure::ServerQueueFull), 0);
}

#[test]
fn requests_for_other_servers_do_not_wait() {
    let mut stage = narrow(redis(2));
    busy(&mut stage, 0);
    let (a, b) = (stage.key(0, "a"), stage.key(1, "b"));
    for _ in 0..5 {
        let client = stage.client();
        stage.sends(client, large(&a));
    }
    let [reader, splitter, asker] = [(); 3].map(|()| stage.client());
    assert!(
        stage.sends(reader, [cmd(&format!("GET {b}")), cmd(&format!("MGET {b} {b}"))].concat())
    );
    let other = stage.server(1);
    stage.gets(other, [cmd(&format!("GET {b}")), cmd(&format!("MGET {b} {b}"))].concat());
    assert!(!stage.sends(splitter, cmd(&format!("MGET {b} {a}"))));
    assert!(!stage.sends(asker, cmd("DBSIZE")));
    stage.gets_nothing(other);
    // Who leaves meanwhile waits no more.
    stage.closes(splitter, CloseReason::Reset);
    assert_eq!(stage.engine.inventory().waiting, 1);
    assert!(stage.sends(reader, "GET b"));
}

#[test]
fn a_transaction_of_large_values_waits_for_its_own_conn() {
    let mut stage = narrow(redis(1));
    let client = stage.client();
    stage.sends(client, [cmd("MULTI"), large("k00")].concat());
    stage.gets(client, "+OK\r\n");
    let server = stage.server(0);
    stage.gets(server, [cmd("MULTI"), large("k00")].concat());
    stage.sends(server, "+OK\r\n+QUEUED\r\n");
    stage.gets(client, "+QUEUED\r\n");
    stage.clogs(server, 0);
    let mut requests = 1;
    while stage.sends(client, large("k00")) {
        requests += 1;
    }
    assert!(requests <= 5, "{requests}");
    stage.unclogs(server);
    stage.gets(server, large("k00").repeat(requests));
    stage.sends(server, "+QUEUED\r\n".repeat(requests));
    stage.gets(client, "+QUEUED\r\n".repeat(requests));
    stage.sends(client, cmd("EXEC"));
    stage.gets(server, cmd("EXEC"));
    stage.sends(server, "*0\r\n");
    stage.gets(client, "*0\r\n");
    stage.is_quiet();
}

#[test]
fn who_has_room_on_a_server_goes_on_while_memory_is_short_and_is_not_read() {
    let mut stage = narrow(redis(1));
    let server = busy(&mut stage, 0);
    let clients: Vec<_> = (0..20).map(|_| stage.client()).collect();
    for client in &clients {
        stage.sends(*client, large("k00"));
    }
    let modest = stage.client();
    stage.sends(modest, cmd("GET k"));
    stage.memory_is(MemoryState::Short);
    stage.unclogs(server);
    stage.gets(server, large("k00").repeat(20));
    stage.sends(server, "+OK\r\n".repeat(20));
    for client in &clients {
        stage.gets(*client, "+OK\r\n");
        assert!(!stage.engine.may_read(*client));
    }
    // What it holds is nothing, and its answer may be large.
    stage.gets_nothing(server);
    stage.reads.clear();
    stage.memory_is(MemoryState::Enough);
    stage.gets(server, cmd("GET k"));
    stage.sends(server, "$-1\r\n");
    stage.gets(modest, "$-1\r\n");
    assert!(clients[5..].iter().all(|client| stage.reads.contains(client)));
    assert_eq!(stage.engine.inventory().waiting, 0);
    stage.is_quiet();
}

#[test]
fn a_blocked_client_waits_once_however_often_it_is_read_meanwhile() {
    let mut stage = narrow(redis(1));
    let server = busy(&mut stage, 0);
    for _ in 0..5 {
        let client = stage.client();
        stage.sends(client, large("k00"));
    }
    let client = stage.client();
    stage.sends(client, cmd("BLPOP list 0"));
    let own = stage.server(0);
    stage.gets(own, cmd("BLPOP list 0"));
    for byte in cmd("GET k").repeat(5) {
        assert!(stage.sends(client, [byte]), "its end is to be seen");
    }
    assert_eq!(stage.engine.inventory().waiting, 1);
    assert_eq!(stage.limit(LimitFigure::ClientPausedQueue), 1);
    stage.sends(own, "*-1\r\n");
    stage.gets(client, "*-1\r\n");
    stage.unclogs(server);
    stage.gets(server, [large("k00").repeat(5), cmd("GET k").repeat(5)].concat());
}
