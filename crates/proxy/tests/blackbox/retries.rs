//! A read is sent again when its server is lost, a write never, and what was not sent goes elsewhere.

use std::net::TcpStream;

use crate::harness::client::Client;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::{Memcached, Redis, item};
use crate::harness::wire::{bulk, redis, set};
use crate::harness::{eventually, ms};

const LATE: &str = "-ERR Connection timed out\r\n";

#[test]
fn a_frozen_redis_that_thaws_answers_the_read_and_did_the_write_once_at_most() {
    let server = Redis::start();
    let listen = free_port();
    let keys = ["redis: true", "timeout: 500", "retries: 10"];
    let proxy = Proxy::start(&pool("alpha", listen, &keys, &[server.item()]));
    let mut client = Client::tcp(listen);
    client.ask(redis(&["SET", "k", "v"]), "+OK\r\n");
    client.ask(redis(&["INCR", "n"]), ":1\r\n");
    server.signal("STOP");
    let mut writer = Client::tcp(listen);
    writer.send(redis(&["INCR", "n"]));
    client.send(redis(&["GET", "k"]));
    writer.expect(LATE);
    client.expect_silence(ms(50));
    server.signal("CONT");
    client.expect(bulk("v"));
    assert!(proxy.metric("requests_retried_total", "alpha") >= 1);
    // It may have been done: its bytes had arrived. It was not sent a second time.
    let mut direct = server.client();
    direct.send(redis(&["GET", "n"]));
    let count = (direct.line(), direct.line());
    assert!(["1\r\n", "2\r\n"].contains(&&*count.1), "{count:?}");
}

#[test]
fn a_frozen_memcached_that_thaws_answers_reads_of_several_keys() {
    let servers = [Memcached::start(), Memcached::start()];
    let items = [format!("{} one", servers[0].item()), format!("{} two", servers[1].item())];
    let listen = free_port();
    let proxy = Proxy::start(&pool(
        "alpha",
        listen,
        &["timeout: 500", "retries: 10", "hash: murmur"],
        &items,
    ));
    let mut client = Client::tcp(listen);
    let keys: Vec<String> = (0..20).map(|n| format!("retries:{n}")).collect();
    for key in &keys {
        client.ask(set(key, b"v"), "STORED\r\n");
    }
    servers[0].signal("STOP");
    let mut writer = Client::tcp(listen);
    let is_late = |key: &&String| {
        writer.send(set(key, b"w"));
        writer.line() == "SERVER_ERROR Connection timed out\r\n"
    };
    // From the first set that fails on, the server is known to be silent, and the get is sent to it.
    keys.iter().find(is_late).expect("the keys are spread");
    client.send(format!("get {}\r\n", keys.join(" ")));
    assert!(eventually(|| proxy.metric("requests_retried_total", "alpha") >= 1));
    servers[0].signal("CONT");
    let mut got = String::new();
    while !got.ends_with("END\r\n") {
        got.push_str(&client.line());
    }
    assert_eq!(got.matches("VALUE retries:").count(), keys.len(), "{got}");
}

#[test]
fn a_write_to_a_server_that_is_not_there_goes_to_the_one_that_has_its_key_then() {
    let lives = Redis::start();
    let dead = free_port();
    let listen = free_port();
    let keys = [
        "redis: true",
        "hash: murmur",
        "auto_eject_hosts: true",
        "server_failure_limit: 1",
        "timeout: 2000",
        "retries: 1",
    ];
    let items = [format!("{} one", lives.item()), format!("{} two", item(dead))];
    let proxy = Proxy::start(&pool("alpha", listen, &keys, &items));
    assert!(TcpStream::connect(("127.0.0.1", dead)).is_err(), "nobody listens there");
    let mut client = Client::tcp(listen);
    for n in 0..40 {
        client.ask(redis(&["INCR", &format!("retries:{n}")]), ":1\r\n");
    }
    assert_eq!(proxy.figure("alpha", "forward_error"), 0);
    assert_eq!(proxy.figure("alpha", "server_ejects"), 1);
    assert_eq!(proxy.metric("requests_moved_total", "alpha"), 1);
    assert_eq!(proxy.metric("requests_retried_total", "alpha"), 0);
}

#[test]
fn a_frozen_server_costs_each_client_one_timeout_with_the_originals_options() {
    let servers = [Redis::start(), Redis::start()];
    let items = [format!("{} one", servers[0].item()), format!("{} two", servers[1].item())];
    let listen = free_port();
    let keys = [
        "redis: true",
        "hash: murmur",
        "auto_eject_hosts: true",
        "server_failure_limit: 2",
        "server_retry_timeout: 60000",
        "timeout: 600",
    ];
    let proxy = Proxy::start(&pool("alpha", listen, &keys, &items));
    let mut clients: Vec<Client> = (0..8).map(|_| Client::tcp(listen)).collect();
    let lives_there = |key: &String| {
        clients[0].ask(redis(&["SET", key, "v"]), "+OK\r\n");
        let mut direct = servers[0].client();
        direct.send(redis(&["EXISTS", key]));
        direct.line() == ":1\r\n"
    };
    let key = (0..).map(|n| format!("retries:{n}")).find(lives_there).expect("it has keys");
    servers[0].signal("STOP");
    for round in [LATE, "$-1\r\n"] {
        for client in &mut clients {
            client.send(redis(&["GET", &key]));
        }
        for client in &mut clients {
            assert_eq!(client.line(), round);
        }
    }
    assert_eq!(proxy.figure("alpha", "server_ejects"), 1);
    assert_eq!(proxy.metric("requests_moved_total", "alpha"), clients.len() as i64);
    assert!(eventually(|| proxy.figure("alpha", "forward_error") == clients.len() as i64));
    servers[0].signal("CONT");
}

#[test]
fn by_default_nobody_hears_of_a_server_that_was_killed_but_who_was_writing_to_it() {
    let servers = [Redis::start(), Redis::start()];
    let items = [format!("{} one", servers[0].item()), format!("{} two", servers[1].item())];
    let listen = free_port();
    let keys = ["redis: true", "hash: murmur", "auto_eject_hosts: true", "timeout: 5000"];
    let proxy = Proxy::start(&pool("alpha", listen, &keys, &items));
    let mut readers: Vec<Client> = (0..8).map(|_| Client::tcp(listen)).collect();
    let mut writer = Client::tcp(listen);
    let lives_there = |key: &String| {
        writer.ask(redis(&["SET", key, "v"]), "+OK\r\n");
        let mut direct = servers[0].client();
        direct.send(redis(&["EXISTS", key]));
        direct.line() == ":1\r\n"
    };
    let key = (0..).map(|n| format!("retries:{n}")).find(lives_there).expect("it has keys");
    servers[0].signal("STOP");
    writer.send(redis(&["SET", &key, "w"]));
    for reader in &mut readers {
        reader.send(redis(&["GET", &key]));
    }
    assert!(eventually(|| proxy.figure("alpha/one", "out_queue") == 9));
    servers[0].signal("KILL");
    assert!(writer.line().starts_with("-ERR "));
    for reader in &mut readers {
        reader.expect("$-1\r\n");
    }
    assert_eq!(proxy.figure("alpha", "server_ejects"), 1);
    assert_eq!(proxy.figure("alpha", "forward_error"), 1);
    assert_eq!(proxy.metric("requests_retried_total", "alpha"), readers.len() as i64);
}
