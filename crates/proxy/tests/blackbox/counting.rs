//! The statistics after traffic that is known.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::peer::{Does, Peer};
use crate::harness::ports::free_port;
use crate::harness::process::Process;
use crate::harness::proxy::{BINARY, Proxy, pool, read_tcp, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{MEMCACHED, REDIS, item};
use crate::harness::wire::{bulk, redis, set};

#[test]
fn the_figures_are_those_of_the_traffic() {
    let (listen, cache) = (free_port(), free_port());
    let silent = Peer::start(Does::Nothing);
    let slow = free_port();
    let conf = [
        pool("alpha", listen, &["redis: true"], &[format!("{} one", REDIS[0].item())]),
        pool("beta", cache, &[], &[format!("{} two", MEMCACHED[0].item())]),
        pool(
            "gamma",
            slow,
            &["redis: true", "timeout: 200"],
            &[format!("{} three", item(silent.port()))],
        ),
    ];
    let proxy = Proxy::start(&conf.concat());
    let stats = proxy.stats();
    assert_eq!((&stats["total_connections"], &stats["curr_connections"]), (&3.into(), &3.into()));

    let mut client = Client::tcp(listen);
    let (write, read) = (redis(&["SET", "counting:k", "value"]), redis(&["GET", "counting:k"]));
    client.ask(&write, "+OK\r\n");
    for _ in 0..9 {
        client.ask(&read, bulk("value"));
    }
    // Answered by the proxy: no request of any server.
    client.ask(redis(&["PING"]), "+PONG\r\n");
    client.ask(
        redis(&["NONSENSE"]),
        "-ERR unknown command 'NONSENSE', with args beginning with: \r\n",
    );
    let mut other = Client::tcp(cache);
    let quiet = b"set counting:k 0 0 1 noreply\r\nv\r\n";
    other.send([&quiet[..], &set("counting:k", b"v")].concat());
    other.expect("STORED\r\n");
    let mut waiting = Client::tcp(slow);
    waiting.send(redis(&["GET", "a"]).repeat(2));
    waiting.expect("-ERR Connection timed out\r\n".repeat(2));

    let stats = proxy.stats();
    let expected = [
        ("alpha/one", "requests", 10),
        ("alpha/one", "request_bytes", (write.len() + 9 * read.len()) as i64),
        ("alpha/one", "responses", 10),
        ("alpha/one", "response_bytes", 5 + 9 * bulk("value").len() as i64),
        ("alpha/one", "server_connections", 1),
        ("alpha/one", "in_queue", 0),
        ("alpha/one", "in_queue_bytes", 0),
        ("alpha/one", "out_queue", 0),
        ("alpha/one", "out_queue_bytes", 0),
        ("alpha/one", "server_eof", 0),
        ("alpha/one", "server_err", 0),
        ("alpha/one", "server_timedout", 0),
        ("alpha/one", "server_ejected_at", 0),
        ("alpha", "client_connections", 1),
        ("alpha", "client_eof", 0),
        ("alpha", "client_err", 0),
        ("alpha", "forward_error", 0),
        ("alpha", "fragments", 0),
        ("alpha", "server_ejects", 0),
        ("beta/two", "requests", 2),
        ("beta/two", "responses", 2),
        ("beta", "client_connections", 1),
        ("gamma/three", "requests", 2),
        ("gamma/three", "responses", 0),
        ("gamma/three", "server_timedout", 1),
        ("gamma/three", "server_connections", 0),
        ("gamma/three", "out_queue", 0),
        ("gamma/three", "out_queue_bytes", 0),
        ("gamma", "forward_error", 2),
    ];
    for (of, name, value) in expected {
        let place = of.split('/').fold(&stats, |stats, key| &stats[key]);
        assert_eq!(place[name], value, "{name} of {of}: {stats}");
    }
    // A listener a pool, three clients, and three servers of which one is closed again.
    assert_eq!((&stats["total_connections"], &stats["curr_connections"]), (&9.into(), &8.into()));

    // Ways to leave.
    drop(client);
    proxy.expect_figure("alpha", "client_eof", 1);
    let mut quits = Client::tcp(listen);
    quits.send(redis(&["QUIT"]));
    quits.expect("+OK\r\n");
    quits.expect_close();
    let resets = Client::tcp(listen);
    proxy.expect_figure("alpha", "client_connections", 1);
    resets.reset();
    let mut errs = Client::tcp(listen);
    errs.ask("*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n");
    errs.expect_close();
    assert!(eventually(|| {
        let alpha = &proxy.stats()["alpha"];
        alpha["client_connections"] == 0 && alpha["client_eof"] == 2 && alpha["client_err"] == 2
    }));
}

#[test]
fn the_figures_of_a_split_request_are_those_of_its_fragments() {
    let listen = free_port();
    let servers = [format!("{} one", REDIS[0].item()), format!("{} two", REDIS[1].item())];
    let proxy = Proxy::start(&pool("alpha", listen, &["redis: true", "hash: murmur"], &servers));
    let mut client = Client::tcp(listen);
    let keys: Vec<String> = (0..40).map(|n| format!("counting:split:{n}")).collect();
    let words: Vec<&str> = ["MGET"].into_iter().chain(keys.iter().map(String::as_str)).collect();
    client.ask(redis(&words), format!("*40\r\n{}", "$-1\r\n".repeat(40)));
    let stats = proxy.stats();
    for server in ["one", "two"] {
        assert_eq!(stats["alpha"][server]["requests"], 1, "{stats}");
        assert_eq!(stats["alpha"][server]["responses"], 1, "{stats}");
    }
    assert_eq!(stats["alpha"]["fragments"], 2, "{stats}");
}

/// The original counts all values but the last twice.
#[test]
fn the_bytes_of_a_split_mset_are_those_that_the_servers_get() {
    let listen = free_port();
    let servers = [format!("{} one", REDIS[0].item()), format!("{} two", REDIS[1].item())];
    let proxy = Proxy::start(&pool("alpha", listen, &["redis: true", "hash: murmur"], &servers));
    let keys: Vec<String> = (0..9).map(|n| format!("counting:mset:{n}")).collect();
    let pairs = keys.iter().flat_map(|key| [key.as_str(), "a value"]);
    let words: Vec<&str> = ["mset"].into_iter().chain(pairs).collect();
    Client::tcp(listen).ask(redis(&words), "+OK\r\n");
    let stats = proxy.stats();
    let bytes = ["one", "two"].map(|server| stats["alpha"][server]["request_bytes"].as_u64());
    let [Some(one), Some(two)] = bytes else { panic!("{stats}") };
    assert!(one > 0 && two > 0, "the keys are on both servers: {stats}");
    // Of nine pairs one server gets five or more, with a count of two digits, as in the whole; the
    // other's head comes on top.
    let sent = redis(&words).len() + "*9\r\n$4\r\nmset\r\n".len();
    assert_eq!(one + two, sent as u64, "{stats}");
}

#[test]
fn an_ejection_is_counted_and_dated() {
    let listen = free_port();
    let keys = ["redis: true", "auto_eject_hosts: true", "server_failure_limit: 1"];
    let servers = [format!("{} gone", item(free_port()))];
    let proxy = Proxy::start(&pool("alpha", listen, &keys, &servers));
    Client::tcp(listen).ask(redis(&["GET", "k"]), "-ERR Connection refused\r\n");
    let stats = proxy.stats();
    assert_eq!(stats["alpha"]["server_ejects"], 1, "{stats}");
    let ejected = stats["alpha"]["gone"]["server_ejected_at"].as_i64().expect("a number");
    let now = stats["timestamp"].as_i64().expect("a number") * 1_000_000;
    assert!((now - 30_000_000..=now + 1_000_000).contains(&ejected), "{ejected} at {now}");
    proxy.expect_log("server 'gone' of pool 'alpha' ejected");
    let live = "nutcracker_server_live{pool=\"alpha\",server=\"gone\"} 0\n";
    assert!(proxy.metrics().contains(live), "{}", proxy.metrics());
}

/// All other tests read them from a unix socket.
#[test]
fn the_figures_can_be_read_from_a_port() {
    let scratch = Scratch::new();
    let (listen, port) = (free_port(), free_port());
    let conf = pool("alpha", listen, &["redis: true"], &[REDIS[0].item()]);
    let conf = scratch.write("nutcracker.yml", &conf);
    let args = ["-c", text(&conf), "-a", "127.0.0.1", "-s", &port.to_string()];
    let _proxy = Process::start(Command::new(BINARY).args(args).stderr(Stdio::null()));
    assert!(eventually(|| !read_tcp(port).is_empty()), "nobody answers there");
    Client::tcp(listen).ask(redis(&["STRLEN", "counting:none"]), ":0\r\n");
    let said = read_tcp(port);
    let json: Value = serde_json::from_str(&said).expect("JSON");
    let server = format!("127.0.0.1:{}", REDIS[0].port());
    assert_eq!(json["alpha"][&*server]["requests"], 1, "{said}");
    assert_eq!(json["service"], "nutcracker");
}
