//! Very many clients at once, each with requests of its own.

use std::thread;

use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::{MEMCACHED, Memcached, REDIS, Redis};
use crate::harness::wire::{bulk, redis, set, value};

const CLIENTS: usize = 3_000;

#[test]
fn thousands_of_clients_each_get_their_own_answers() {
    let (listen, cache) = (free_port(), free_port());
    let stores: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let caches: Vec<String> = MEMCACHED.iter().map(Memcached::item).collect();
    let conf = pool("alpha", listen, &["redis: true", "hash: murmur"], &stores)
        + &pool("beta", cache, &["hash: murmur"], &caches);
    let proxy = Proxy::start_with(&conf, &["-w", "2"]);
    // Every third is memcached's.
    let is_cache = |n: usize| n.is_multiple_of(3);
    let mut clients: Vec<Client> =
        (0..CLIENTS).map(|n| Client::tcp(if is_cache(n) { cache } else { listen })).collect();
    for round in 0..2 {
        let words = |n: usize| (format!("crowd:{n}"), format!("{round} of client {n}"));
        for (n, client) in clients.iter_mut().enumerate() {
            let (key, it) = words(n);
            client.send(match is_cache(n) {
                true => [set(&key, it.as_bytes()), format!("get {key}\r\n").into_bytes()].concat(),
                false => [redis(&["SET", &key, &it]), redis(&["GET", &key])].concat(),
            });
        }
        for (n, client) in clients.iter_mut().enumerate() {
            let (key, it) = words(n);
            client.expect(match is_cache(n) {
                true => [&b"STORED\r\n"[..], &value(&key, it.as_bytes())].concat(),
                false => [&b"+OK\r\n"[..], &bulk(it)].concat(),
            });
        }
    }
    let of_cache = CLIENTS.div_ceil(3) as i64;
    assert_eq!(proxy.figure("beta", "client_connections"), of_cache);
    assert_eq!(proxy.figure("alpha", "client_connections"), CLIENTS as i64 - of_cache);
    // However many clients there are, servers see one connection a worker.
    for server in &*REDIS {
        let of = format!("alpha/127.0.0.1:{}", server.port());
        assert_eq!(proxy.figure(&of, "server_connections"), 2);
    }
    drop(clients);
    proxy.expect_figure("alpha", "client_connections", 0);
    proxy.expect_figure("beta", "client_connections", 0);
    assert_eq!(proxy.figure("alpha", "client_err"), 0);
}

/// How often the kernel had no room for a client in some listener's queue.
fn overflows() -> u64 {
    let told = std::fs::read_to_string("/proc/net/netstat").expect("Linux");
    let mut lines = told.lines().filter_map(|line| line.strip_prefix("TcpExt: "));
    let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
    let of = |name: &str| names.split(' ').position(|other| other == name);
    let at = of("ListenOverflows").expect("every Linux has it");
    values.split(' ').nth(at).and_then(|value| value.parse().ok()).expect("a number")
}

#[test]
fn more_clients_at_once_than_the_backlog_holds_are_all_served_a_little_later() {
    let listen = free_port();
    let keys = ["redis: true", "backlog: 8"];
    let proxy = Proxy::start(&pool("alpha", listen, &keys, &[REDIS[0].item()]));
    let before = overflows();
    // Nobody is accepted while they come, so that the queue overflows for sure.
    proxy.signal("STOP");
    let clients: Vec<_> = (0..60)
        .map(|n| {
            thread::spawn(move || {
                let mut client = Client::tcp(listen);
                client.ask(redis(&["ECHO", &n.to_string()]), bulk(n.to_string()));
                client
            })
        })
        .collect();
    assert!(eventually(|| overflows() > before), "the queue does not overflow");
    proxy.signal("CONT");
    let clients: Vec<Client> =
        clients.into_iter().map(|client| client.join().expect("it is served")).collect();
    assert_eq!(proxy.figure("alpha", "client_connections"), clients.len() as i64);
    assert_eq!(proxy.figure("alpha", "client_err"), 0);
}
