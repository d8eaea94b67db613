//! What clients cost, and what is left when they are gone.

use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::{MEMCACHED, REDIS};
use crate::harness::wire::{bulk, redis};

const MEGABYTE: u64 = 1 << 20;

fn start() -> (Proxy, u16) {
    let listen = free_port();
    (Proxy::start(&pool("alpha", listen, &["redis: true"], &[REDIS[0].item()])), listen)
}

/// Clients that each made a request and stay.
fn idle_clients(listen: u16, count: usize) -> Vec<Client> {
    let request = redis(&["STRLEN", "memory:none"]);
    let connect = |_| {
        let mut client = Client::tcp(listen);
        client.ask(&request, ":0\r\n");
        client
    };
    (0..count).map(connect).collect()
}

#[test]
fn an_idle_client_costs_less_than_350_bytes() {
    const CLIENTS: usize = 2_000;
    let (proxy, listen) = start();
    // What the first clients bring with them is not theirs.
    let mut clients = idle_clients(listen, 100);
    let before = proxy.resident();
    clients.extend(idle_clients(listen, CLIENTS));
    let each = proxy.resident().saturating_sub(before) / CLIENTS as u64;
    // A few tens of them are the share of what two thousand have in common.
    assert!(each <= 350, "an idle client costs {each} bytes");
    assert_eq!(proxy.figure("alpha", "client_connections"), 100 + CLIENTS as i64);
}

#[test]
fn a_burst_leaves_little_behind() {
    let (proxy, listen) = start();
    let value = "x".repeat(100_000);
    let mut client = Client::tcp(listen);
    client.ask(redis(&["SET", "memory:k", &value]), "+OK\r\n");
    drop(idle_clients(listen, 100));
    let before = proxy.resident();

    // Many at once, each with a pipeline of small requests and large responses.
    let mut clients: Vec<Client> = (0..100).map(|_| Client::tcp(listen)).collect();
    for client in &mut clients {
        client.send(redis(&["GET", "memory:k"]).repeat(8));
        client.send(redis(&["STRLEN", "memory:none"]).repeat(500));
        client.send(redis(&["MGET", "memory:none", "memory:none"]).repeat(100));
    }
    let expected =
        [bulk(&value).repeat(8), b":0\r\n".repeat(500), b"*2\r\n$-1\r\n$-1\r\n".repeat(100)]
            .concat();
    let peak = proxy.resident();
    for client in &mut clients {
        assert!(client.receive(expected.len()) == expected, "each gets what it asked for");
    }
    // Large requests too.
    let large = "y".repeat(8 << 20);
    clients[0].ask(redis(&["SET", "memory:large", &large]), "+OK\r\n");
    clients[0].ask(redis(&["GET", "memory:large"]), bulk(&large));
    clients[0].ask(redis(&["DEL", "memory:large", "memory:k"]), ":2\r\n");
    drop(clients);
    proxy.expect_figure("alpha", "client_connections", 1);
    let back = eventually(|| proxy.resident() <= before + 8 * MEGABYTE);
    let after = proxy.resident();
    assert!(back, "{before} bytes before, {peak} at the height, {after} after");
}

#[test]
fn what_a_client_has_begun_to_send_is_given_back_when_it_leaves() {
    let (proxy, listen) = start();
    drop(idle_clients(listen, 100));
    let before = proxy.resident();
    // Each has announced much and sent some of it.
    let mut clients: Vec<Client> = (0..50).map(|_| Client::tcp(listen)).collect();
    for client in &mut clients {
        client.send(b"*3\r\n$3\r\nSET\r\n$8\r\nmemory:k\r\n$500000000\r\n");
        client.send(vec![b'z'; 300_000]);
    }
    proxy.expect_figure("alpha", "client_connections", 50);
    let grown = proxy.resident().saturating_sub(before);
    assert!(grown < 120 * MEGABYTE, "{grown} bytes for 15,000,000 that came");
    drop(clients);
    proxy.expect_figure("alpha", "client_connections", 0);
    let back = eventually(|| proxy.resident() <= before + 8 * MEGABYTE);
    assert!(back, "{before} bytes before, {} after", proxy.resident());
}

#[test]
fn a_client_that_announces_much_and_sends_little_costs_what_it_sent() {
    const CLIENTS: usize = 1_000;
    let (listen, cache) = (free_port(), free_port());
    let conf = pool("alpha", listen, &["redis: true"], &[REDIS[0].item()])
        + &pool("beta", cache, &[], &[MEMCACHED[0].item()]);
    let proxy = Proxy::start(&conf);
    drop(idle_clients(listen, 100));
    let announced = "*3\r\n$3\r\nSET\r\n$8\r\nmemory:k\r\n$536870911\r\nx";
    for (pool, port, request) in
        [("alpha", listen, announced), ("beta", cache, "set memory:k 0 0 536870911\r\nx")]
    {
        let (resident, held) = (proxy.resident(), proxy.memory());
        let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::tcp(port)).collect();
        clients.iter_mut().for_each(|client| client.send(request));
        proxy.expect_figure(pool, "client_connections", CLIENTS as i64);
        // The last byte of the last of them has been read when somebody behind it is answered.
        Client::tcp(listen).ask(redis(&["STRLEN", "memory:none"]), ":0\r\n");
        let resident = proxy.resident().saturating_sub(resident) / CLIENTS as u64;
        let held = (proxy.memory() - held) / CLIENTS as i64;
        assert!(
            resident <= 16 * 1024 && held <= 16 * 1024,
            "{pool}: each is resident with {resident} bytes and holds {held}"
        );
        // And a byte a time costs no more than that.
        for client in &mut clients[..50] {
            for _ in 0..20 {
                client.send("x");
            }
        }
        Client::tcp(listen).ask(redis(&["STRLEN", "memory:none"]), ":0\r\n");
        drop(clients);
        proxy.expect_figure(pool, "client_connections", 0);
    }
}
