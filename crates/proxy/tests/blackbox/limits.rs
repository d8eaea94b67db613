//! What a pool and the process may hold, and what clients and operators see at the limit.

use std::thread;
use std::time::{Duration, Instant};

use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::{MEMCACHED, Memcached, REDIS};
use crate::harness::wire::{bulk, redis, value};

const MEGABYTE: u64 = 1 << 20;

#[test]
fn a_request_above_request_max_is_refused_at_once_and_the_client_stays() {
    let (redis_port, memcached_port) = (free_port(), free_port());
    let conf = [
        pool("alpha", redis_port, &["redis: true", "request_max: 100k"], &[REDIS[0].item()]),
        pool("beta", memcached_port, &["request_max: 100k"], &[MEMCACHED[0].item()]),
    ];
    let proxy = Proxy::start(&conf.concat());

    let mut client = Client::tcp(redis_port);
    // The answer is there before the value is.
    client.send(b"*3\r\n$3\r\nSET\r\n$8\r\nlimits:k\r\n$50000000\r\n");
    let refused = "-ERR request is longer than 102400 bytes, the limit that request_max sets\r\n";
    client.ask(b"", refused);
    let before = proxy.resident();
    for _ in 0..50 {
        client.send(vec![b'v'; 1_000_000]);
    }
    client.ask("\r\n", "");
    client.ask(redis(&["STRLEN", "limits:k"]), ":0\r\n");
    let grown = proxy.resident().saturating_sub(before);
    assert!(grown < 4 * MEGABYTE, "{grown} bytes for a value that is passed over");

    let mut client = Client::tcp(memcached_port);
    client.send("set limits:k 0 0 1000000\r\n");
    client.ask("", "SERVER_ERROR object too large for cache\r\n");
    client.send(vec![b'v'; 1_000_000]);
    client.ask("\r\nget limits:k\r\n", "END\r\n");

    assert_eq!(proxy.metric("request_too_large_total", "alpha"), 1);
    assert_eq!(proxy.metric("request_too_large_total", "beta"), 1);
    assert_eq!(proxy.figure("alpha", "client_err"), 0);
}

#[test]
fn a_client_that_wants_no_responses_stops_itself_alone() {
    const SETS: usize = 2_000;
    let server = Memcached::start();
    let listen = free_port();
    let proxy =
        Proxy::start(&pool("alpha", listen, &["client_requests_max: 50"], &[server.item()]));
    server.signal("STOP");
    let data = "x".repeat(10_000);
    let sets: String = (0..SETS)
        .map(|n| format!("set limits:quiet:{n} 0 0 10000 noreply\r\n{data}\r\n"))
        .collect();
    let mut client = Client::tcp(listen);
    let mut sender = client.again();
    let sends = thread::spawn(move || sender.send(sets));
    let of = format!("alpha/127.0.0.1:{}", server.port());
    let outstanding = || proxy.figure(&of, "in_queue") + proxy.figure(&of, "out_queue");
    assert!(eventually(|| outstanding() == 50), "{} are outstanding", outstanding());
    let mut other = Client::tcp(listen);
    other.send("get limits:none\r\n");
    assert!(eventually(|| outstanding() == 51), "{} are outstanding", outstanding());
    server.signal("CONT");
    other.expect("END\r\n");
    sends.join().expect("sending does not panic");
    for n in [0, SETS / 2, SETS - 1] {
        let key = format!("limits:quiet:{n}");
        client.ask(format!("get {key}\r\n"), value(&key, data.as_bytes()));
    }
    assert!(proxy.metric("client_paused_total", "alpha") > 0);
    assert_eq!(proxy.figure(&of, "responses"), SETS as i64 + 4);
    assert_eq!(proxy.figure("alpha", "forward_error"), 0);
}

#[test]
fn a_response_above_response_max_is_refused_and_the_client_stays() {
    let (redis_port, memcached_port) = (free_port(), free_port());
    let conf = [
        pool("alpha", redis_port, &["redis: true", "response_max: 100k"], &[REDIS[0].item()]),
        pool("beta", memcached_port, &["response_max: 100k"], &[MEMCACHED[0].item()]),
    ];
    let proxy = Proxy::start(&conf.concat());
    let words =
        "the response has more than 102400 bytes: ask for less at a time, or raise 'response_max'";

    let mut client = Client::tcp(redis_port);
    let element = "e".repeat(10_000);
    for nth in 1..=20 {
        client.ask(redis(&["RPUSH", "limits:list", &element]), format!(":{nth}\r\n"));
    }
    let whole = redis(&["LRANGE", "limits:list", "0", "-1"]);
    for _ in 0..3 {
        client.ask(&whole, format!("-ERR {words}\r\n"));
        let part = redis(&["LRANGE", "limits:list", "0", "1"]);
        client.ask(part, [b"*2\r\n".to_vec(), bulk(&element).repeat(2)].concat());
    }

    let mut client = Client::tcp(memcached_port);
    let value = "v".repeat(60_000);
    for key in ["limits:a", "limits:b"] {
        client.ask(format!("set {key} 0 0 60000\r\n{value}\r\n"), "STORED\r\n");
    }
    client.ask("get limits:a limits:b\r\n", format!("SERVER_ERROR {words}\r\n"));
    client.ask("get limits:b\r\n", format!("VALUE limits:b 0 60000\r\n{value}\r\nEND\r\n"));

    assert_eq!(proxy.metric("response_too_large_total", "alpha"), 3);
    assert_eq!(proxy.metric("response_too_large_total", "beta"), 1);
    assert_eq!(proxy.figure("alpha", "server_ejects"), 0);
    let server = REDIS[0].item();
    let server = format!("alpha/{}", server.strip_suffix(":1").expect("its weight"));
    assert_eq!(proxy.figure(&server, "server_err"), 0, "what is too large is passed over");
    assert_eq!(proxy.figure(&server, "server_connections"), 1);
}

#[test]
fn with_memory_max_no_more_is_read_in_one_turn_than_there_is_memory_for() {
    const CLIENTS: usize = 400;
    let listen = free_port();
    let global = "global:\n  memory_max: 16m\n";
    let conf = pool("alpha", listen, &["redis: true"], &[REDIS[0].item()]);
    let proxy = Proxy::start(&[global, &conf].concat());
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::tcp(listen)).collect();
    proxy.expect_figure("alpha", "client_connections", CLIENTS as i64);
    let before = proxy.resident();
    // All of it is there when the proxy looks.
    proxy.signal("STOP");
    for client in &mut clients {
        client.send(b"*3\r\n$3\r\nSET\r\n$8\r\nlimits:k\r\n$1000000\r\n");
        client.send(vec![b'z'; 150_000]);
    }
    proxy.signal("CONT");
    let paused = || proxy.metric("client_paused_memory_total", "alpha") > 0;
    assert!(eventually(paused), "{}", proxy.metrics());
    let grown = proxy.resident_most().saturating_sub(before);
    assert!(grown < 32 * MEGABYTE, "{grown} bytes where {CLIENTS} clients sent 60 MB at once");
}

#[test]
fn with_memory_max_deaf_clients_are_closed_and_the_others_are_served() {
    const DEAF: usize = 60;
    let listen = free_port();
    let global = "global:\n  memory_max: 16m\n";
    let conf = pool("alpha", listen, &["redis: true"], &[REDIS[0].item()]);
    let proxy = Proxy::start(&[global, &conf].concat());
    let mut client = Client::tcp(listen);
    let value = "x".repeat(100_000);
    client.ask(redis(&["SET", "limits:large", &value]), "+OK\r\n");
    let before = proxy.resident();

    // Nobody of these reads anything.
    let request = redis(&["GET", "limits:large"]).repeat(100);
    let mut deaf: Vec<Client> = (0..DEAF).map(|_| Client::tcp(listen)).collect();
    deaf.iter_mut().for_each(|client| client.send(&request));

    let mut peak = 0;
    let mut slowest = Duration::ZERO;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        let asked = Instant::now();
        client.ask(redis(&["STRLEN", "limits:large"]), ":100000\r\n");
        slowest = slowest.max(asked.elapsed());
        peak = peak.max(proxy.resident());
        thread::sleep(Duration::from_millis(5));
    }
    let closed = proxy.metric("client_closed_memory_total", "alpha");
    assert!(closed > 0, "{}", proxy.metrics());
    proxy.expect_log("memory_max is reached: client 127.0.0.1:");
    let grown = peak.saturating_sub(before);
    // A quarter above the limit a client is closed each turn; one turn reads no more than that sets free.
    assert!(grown < 32 * MEGABYTE, "{grown} bytes where {DEAF} clients asked for 600 MB");
    assert!(slowest < Duration::from_secs(5), "a client that reads waited for {slowest:?}");

    drop(deaf);
    proxy.expect_figure("alpha", "client_connections", 1);
    client.ask(redis(&["GET", "limits:large"]), bulk(&value));
    let back = eventually(|| proxy.resident() <= before + 8 * MEGABYTE);
    assert!(back, "{before} bytes before, {peak} at the height, {} after", proxy.resident());
}

/// The worker of that client sleeps meanwhile, and the other one's clients hold less.
#[test]
fn with_memory_max_the_client_that_holds_most_of_all_workers_is_closed_and_no_other() {
    let listen = free_port();
    let global = "global:\n  memory_max: 16m\n  workers: 2\n";
    let conf = pool("alpha", listen, &["redis: true"], &[REDIS[0].item()]);
    let proxy = Proxy::start(&[global, &conf].concat());
    // They are dealt to one worker and the other in turn.
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..16 {
        let mut client = Client::tcp(listen);
        client.ask(redis(&["STRLEN", "limits:none"]), ":0\r\n");
        clients.push(client);
    }
    let begin = |client: &mut Client, bytes: usize| {
        client.send(format!("*3\r\n$3\r\nSET\r\n$8\r\nlimits:m\r\n${}\r\n", bytes + 50_000));
        client.send(vec![b'v'; bytes]);
    };
    begin(&mut clients[0], 10_000_000);
    assert!(eventually(|| proxy.memory() > 10_000_000), "{}", proxy.memory());
    for client in clients.iter_mut().skip(1).step_by(2) {
        begin(client, 1_000_000);
    }
    let closed = || proxy.metric("client_closed_memory_total", "alpha");
    assert!(eventually(|| closed() > 0), "{}", proxy.metrics());
    let end = [vec![b'v'; 50_000], b"\r\n".to_vec()].concat();
    for client in clients.iter_mut().skip(1).step_by(2) {
        client.ask(&end, "+OK\r\n");
    }
    assert_eq!(closed(), 1);
    proxy.expect_figure("alpha", "client_connections", 15);
}
