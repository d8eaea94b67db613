//! Servers that die, freeze, come back, and talk nonsense: only their own keys suffer.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use crate::harness::client::Client;
use crate::harness::peer::{Does, Peer};
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::{MEMCACHED, Memcached, REDIS, Redis, item};
use crate::harness::wire::{bulk, redis, shown};
use crate::harness::workload::Workload;
use crate::harness::{eventually, ms};

/// Keys used in each of the tests.
const KEYS: usize = 60;

/// The default hash leaves keys that differ in their last bytes alone close together.
const SPREADS: &str = "hash: murmur";

fn key(n: usize) -> String {
    format!("failures:{n}")
}

/// Asks for each key on its own; the answers, one a key.
fn read_all(client: &mut Client) -> Vec<String> {
    let wire: Vec<u8> = (0..KEYS).flat_map(|n| redis(&["STRLEN", &key(n)])).collect();
    client.send(wire);
    (0..KEYS).map(|_| client.line()).collect()
}

/// The keys whose answer is `wanted`.
fn with_answer(answers: &[String], wanted: &str) -> BTreeSet<usize> {
    (0..KEYS).filter(|&n| answers[n] == wanted).collect()
}

fn fill(client: &mut Client) {
    for n in 0..KEYS {
        client.ask(redis(&["SET", &key(n), "value"]), "+OK\r\n");
    }
}

/// The keys that live on a server.
fn keys_of(server: &Redis) -> BTreeSet<usize> {
    let mut client = server.client();
    (0..KEYS)
        .filter(|&n| {
            client.send(redis(&["EXISTS", &key(n)]));
            client.line() == ":1\r\n"
        })
        .collect()
}

#[test]
fn a_killed_server_fails_its_own_keys_leaves_the_ring_and_returns() {
    let servers = [Redis::start(), Redis::start(), Redis::start()];
    let items: Vec<String> = servers.iter().map(Redis::item).collect();
    let listen = free_port();
    let keys = [
        "redis: true",
        SPREADS,
        "auto_eject_hosts: true",
        "server_failure_limit: 3",
        "server_retry_timeout: 1500",
        "timeout: 1000",
        "retries: 0",
    ];
    let proxy = Proxy::start(&pool("alpha", listen, &keys, &items));
    let mut client = Client::tcp(listen);
    fill(&mut client);
    let lost = keys_of(&servers[1]);
    assert!(lost.len() > 5 && lost.len() < KEYS, "the keys are spread: {lost:?}");
    let healthy: BTreeSet<usize> = (0..KEYS).filter(|n| !lost.contains(n)).collect();

    // Under load, so that some requests are in flight as it dies.
    servers[1].signal("STOP");
    let wire: Vec<u8> = (0..KEYS).flat_map(|n| redis(&["STRLEN", &key(n)])).collect();
    client.send(wire);
    let victim = format!("alpha/127.0.0.1:{}", servers[1].port());
    proxy.expect_figure(&victim, "out_queue", lost.len() as i64);
    let [first, second, third] = servers;
    let port = second.port();
    second.signal("KILL");
    let answers: Vec<String> = (0..KEYS).map(|_| client.line()).collect();
    assert_eq!(with_answer(&answers, ":5\r\n"), healthy, "{answers:?}");
    let failed = with_answer(&answers, "-ERR unknown\r\n");
    let reset = with_answer(&answers, "-ERR Connection reset by peer\r\n");
    assert_eq!(&failed | &reset, lost, "{answers:?}");

    // A process that ends closes its listener last, and takes connections until then.
    assert!(eventually(|| TcpStream::connect(("127.0.0.1", port)).is_err()), "it lives on");

    // That was one failure; two more and it is ejected: its keys live elsewhere, as misses.
    for round in 0..2 {
        client.send(redis(&["STRLEN", &key(*lost.first().expect("there are some"))]));
        assert_eq!(client.line(), "-ERR Connection refused\r\n", "round {round}");
    }
    let ejected = Instant::now();
    let answers = read_all(&mut client);
    assert_eq!(with_answer(&answers, ":5\r\n"), healthy, "{answers:?}");
    assert_eq!(with_answer(&answers, ":0\r\n"), lost, "{answers:?}");
    assert_eq!(proxy.figure("alpha", "server_ejects"), 1);
    proxy
        .expect_log(&format!("server '127.0.0.1:{port}' of pool 'alpha' ejected after 3 failures"));

    // It returns empty, after the retry time and not before.
    drop(second);
    let second = Redis::start_on(port, &[]);
    if ejected.elapsed() < ms(1000) {
        let _ = read_all(&mut client);
        assert_eq!(proxy.figure(&victim, "server_connections"), 0, "it is back too early");
    }
    assert!(eventually(|| {
        let _ = read_all(&mut client);
        proxy.figure(&victim, "server_connections") == 1
    }));
    assert!(ejected.elapsed() > ms(1400), "it is back after {:?}", ejected.elapsed());
    fill(&mut client);
    assert_eq!(keys_of(&second), lost, "it has the keys that it had");
    proxy.expect_log("of pool 'alpha' is back\n");
    assert_eq!(proxy.figure("alpha", "server_ejects"), 1);
    drop((first, third));
}

#[test]
fn a_proxy_that_was_frozen_reads_what_has_come_before_it_calls_a_server_late() {
    let server = Peer::start(Does::SayLater(ms(150), b"+OK\r\n".to_vec()));
    let listen = free_port();
    let item = format!("127.0.0.1:{}:1", server.port());
    let proxy = Proxy::start(&pool("alpha", listen, &["redis: true", "timeout: 400"], &[item]));
    let mut client = Client::tcp(listen);
    let request = redis(&["SET", "k", "v"]);
    for nth in 1..=5 {
        client.send(&request);
        let has_all = || server.heard().concat().len() == nth * request.len();
        assert!(eventually(has_all), "request {nth}");
        proxy.signal("STOP");
        thread::sleep(ms(600));
        proxy.signal("CONT");
        client.expect("+OK\r\n");
    }
    assert_eq!(proxy.figure("alpha", "client_connections"), 1);
}

#[test]
fn a_frozen_server_times_out_for_its_own_keys_alone() {
    let frozen = Redis::start();
    let items = [frozen.item(), REDIS[0].item(), REDIS[1].item()];
    let (listen, other) = (free_port(), free_port());
    let keys = ["redis: true", "timeout: 300", SPREADS];
    let conf =
        pool("alpha", listen, &keys, &items) + &pool("beta", other, &["redis: true"], &items[1..]);
    let proxy = Proxy::start(&conf);
    let mut client = Client::tcp(listen);
    fill(&mut client);
    let lost = keys_of(&frozen);
    assert!(!lost.is_empty());
    let load = Workload::start(other, "failures:load");
    load.expect_progress(5);
    frozen.signal("STOP");
    let begun = Instant::now();
    let answers = read_all(&mut client);
    let took = begun.elapsed();
    assert_eq!(with_answer(&answers, "-ERR Connection timed out\r\n"), lost, "{answers:?}");
    assert_eq!(with_answer(&answers, ":5\r\n").len(), KEYS - lost.len(), "{answers:?}");
    assert!((ms(290)..ms(900)).contains(&took), "{took:?}");
    // While it is frozen, a client that does not ask for its keys does not wait.
    let alive = (0..KEYS).find(|n| !lost.contains(n)).expect("the keys are spread");
    let mut waiting = Client::tcp(listen);
    waiting.send(redis(&["STRLEN", &key(*lost.first().expect("not empty"))]));
    let begun = Instant::now();
    client.ask(redis(&["STRLEN", &key(alive)]), ":5\r\n");
    assert!(begun.elapsed() < ms(200), "{:?}", begun.elapsed());
    waiting.expect("-ERR Connection timed out\r\n");
    load.expect_progress(5);
    load.stop();
    frozen.signal("CONT");
    assert!(eventually(|| with_answer(&read_all(&mut client), ":5\r\n").len() == KEYS));
    let of = format!("alpha/127.0.0.1:{}", frozen.port());
    assert!(proxy.figure(&of, "server_timedout") >= 2);
}

#[test]
fn a_frozen_memcached_times_out_for_its_own_keys_alone() {
    let frozen = Memcached::start();
    let items = [format!("{} one", frozen.item()), format!("{} two", MEMCACHED[0].item())];
    let listen = free_port();
    let _proxy = Proxy::start(&pool("alpha", listen, &["timeout: 300", SPREADS], &items));
    let mut client = Client::tcp(listen);
    let answers = |client: &mut Client| -> Vec<String> {
        let wire: Vec<u8> =
            (0..KEYS).flat_map(|n| format!("get {}\r\n", key(n)).into_bytes()).collect();
        client.send(wire);
        (0..KEYS).map(|_| client.line()).collect()
    };
    assert_eq!(with_answer(&answers(&mut client), "END\r\n").len(), KEYS);
    frozen.signal("STOP");
    let frozen_answers = answers(&mut client);
    let late = with_answer(&frozen_answers, "SERVER_ERROR Connection timed out\r\n").len();
    let fine = with_answer(&frozen_answers, "END\r\n").len();
    assert!(late > 5 && fine > 5 && late + fine == KEYS, "{frozen_answers:?}");
    // A request for keys of both is answered once, with the error.
    let all: Vec<String> = (0..KEYS).map(key).collect();
    client.ask(format!("get {}\r\n", all.join(" ")), "SERVER_ERROR Connection timed out\r\n");
    frozen.signal("CONT");
    assert!(eventually(|| with_answer(&answers(&mut client), "END\r\n").len() == KEYS));
}

#[test]
fn when_all_servers_are_ejected_every_request_is_refused_until_one_may_return() {
    let (listen, port) = (free_port(), free_port());
    let keys = [
        "redis: true",
        "auto_eject_hosts: true",
        "server_failure_limit: 1",
        "server_retry_timeout: 700",
    ];
    let proxy = Proxy::start(&pool("alpha", listen, &keys, &[item(port)]));
    let mut client = Client::tcp(listen);
    let refused = "-ERR Connection refused\r\n";
    client.ask(redis(&["GET", "k"]), refused);
    let ejected = Instant::now();
    let server = Redis::start_on(port, &[]);
    if ejected.elapsed() < ms(500) {
        client.ask([redis(&["GET", "k"]), redis(&["MGET", "k", "l"])].concat(), refused.repeat(2));
        client.ask(redis(&["PING"]), "+PONG\r\n");
    }
    assert!(eventually(|| {
        client.send(redis(&["GET", "k"]));
        client.line() == "$-1\r\n"
    }));
    assert!(ejected.elapsed() >= ms(690), "{:?}", ejected.elapsed());
    assert_eq!(proxy.figure("alpha", "server_ejects"), 1);
    drop(server);
}

#[test]
fn a_servers_nonsense_is_an_error_for_who_asked_it_and_for_nobody_else() {
    let nonsense: [&[u8]; 6] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"$-7\r\n",
        b"*3\r\n:x\r\n",
        b"\r\n",
        b"\0\0\0\0",
        b"$99999999999\r\n",
    ];
    for words in nonsense {
        let server = Peer::start(Does::Say(words.to_vec()));
        let (listen, other) = (free_port(), free_port());
        let keys = ["redis: true", "timeout: 500"];
        let conf = pool("alpha", listen, &keys, &[item(server.port())])
            + &pool("beta", other, &["redis: true"], &[REDIS[0].item()]);
        let proxy = Proxy::start(&conf);
        let mut client = Client::tcp(listen);
        for _ in 0..3 {
            client.send(redis(&["GET", "k"]));
            let answer = client.line();
            assert_eq!(answer, "-ERR Invalid argument\r\n", "{}", shown(words));
        }
        Client::tcp(other).ask(redis(&["PING"]), "+PONG\r\n");
        let shown = format!("; it begins \"{}\"", words.escape_ascii());
        proxy.expect_log(&format!(
            "server '127.0.0.1:{}' of pool 'alpha' closed with",
            server.port()
        ));
        proxy.expect_log(": protocol error: ");
        proxy.expect_log(&shown);
        assert_eq!(proxy.figure("alpha", "forward_error"), 3);
    }
}

/// What answers more often than it is asked cannot be matched with requests any more.
#[test]
fn a_response_that_nobody_asked_for_closes_the_server_and_is_given_to_nobody() {
    let server = Peer::start(Does::Say([bulk("right"), bulk("stray")].concat()));
    let listen = free_port();
    let conf = pool("alpha", listen, &["redis: true"], &[item(server.port())]);
    let proxy = Proxy::start(&conf);
    let mut client = Client::tcp(listen);
    for _ in 0..5 {
        client.ask(redis(&["GET", "k"]), bulk("right"));
        client.expect_silence(ms(20));
    }
    assert_eq!(server.heard().len(), 5, "each stray response closed its connection");
    let shown = bulk("stray").escape_ascii().to_string();
    let said = format!("a response that no request waits for; it begins \"{shown}\"");
    proxy.expect_log(&format!("server '127.0.0.1:{}' of pool 'alpha'", server.port()));
    proxy.expect_log(&said);
}

/// An answer of a kind that the request never gets says that requests and answers are out of step: nobody
/// gets it, nor what comes behind it.
#[test]
fn a_response_of_the_wrong_kind_closes_the_server_and_is_given_to_nobody() {
    for (protocol, request, said, told) in [
        ("redis: true", redis(&["GET", "k"]), ":7\r\n", "-ERR Invalid argument\r\n"),
        ("redis: true", redis(&["SET", "k", "v"]), ":7\r\n", "-ERR Invalid argument\r\n"),
        ("redis: false", b"get k\r\n".to_vec(), "TOUCHED\r\n", "SERVER_ERROR Invalid argument\r\n"),
    ] {
        let server = Peer::start(Does::Say(said.into()));
        let listen = free_port();
        let proxy = Proxy::start(&pool("alpha", listen, &[protocol], &[item(server.port())]));
        let mut client = Client::tcp(listen);
        for _ in 0..3 {
            client.ask(&request, told);
            client.expect_silence(ms(20));
        }
        assert_eq!(server.heard().len(), 3, "each closed its connection");
        proxy.expect_log(&format!(
            "server '127.0.0.1:{}' of pool 'alpha' closed with 1 requests waiting: a response of a kind \
             that its request never gets; it begins \"{}\"",
            server.port(),
            said.escape_default()
        ));
        assert_eq!(proxy.figure("alpha", "forward_error"), 3);
    }
}

#[test]
fn a_server_that_closes_while_idle_is_connected_to_again_without_an_error() {
    let server = Redis::start_on(free_port(), &[]);
    let listen = free_port();
    let keys = ["redis: true", "auto_eject_hosts: true", "server_failure_limit: 1"];
    let proxy = Proxy::start(&pool("alpha", listen, &keys, &[server.item()]));
    let mut client = Client::tcp(listen);
    client.ask(redis(&["SET", "k", "v"]), "+OK\r\n");
    for _ in 0..3 {
        // Redis closes those that are idle for longer than its `timeout`.
        server.client().send(redis(&["CLIENT", "KILL", "TYPE", "normal"]));
        let of = format!("alpha/127.0.0.1:{}", server.port());
        proxy.expect_figure(&of, "server_connections", 0);
        client.ask(redis(&["GET", "k"]), bulk("v"));
    }
    assert_eq!(proxy.figure("alpha", "server_ejects"), 0);
    assert_eq!(proxy.figure("alpha", "forward_error"), 0);
}

#[test]
fn a_lost_write_is_an_error_and_a_lost_connection_in_a_response_too() {
    // Half of a response, then the end.
    let server = Peer::scripted(|_, stream| {
        let _ = std::io::Write::write_all(stream, b"$10\r\nhalf");
        false
    });
    let listen = free_port();
    let _proxy = Proxy::start(&pool("alpha", listen, &["redis: true"], &[item(server.port())]));
    let mut client = Client::tcp(listen);
    client.ask(redis(&["GET", "k"]), "-ERR unknown\r\n");
    client.ask(redis(&["PING"]), "+PONG\r\n");
    client.ask(redis(&["GET", "k"]), "-ERR unknown\r\n");
}
