//! Clients that misbehave disturb nobody but themselves.

use std::thread;

use crate::harness::client::Client;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::{MEMCACHED, Memcached, REDIS, Redis};
use crate::harness::wire::{bulk, redis, set, value};
use crate::harness::workload::Workload;
use crate::harness::{SOON, ms};

/// A proxy with one server, so that all share its connection, and a well-behaved client at work.
struct Scene {
    proxy: Proxy,
    port: u16,
    load: Workload,
}

impl Scene {
    fn start(name: &str) -> Self {
        let port = free_port();
        let proxy = Proxy::start(&pool("alpha", port, &["redis: true"], &[REDIS[0].item()]));
        let load = Workload::start(port, &format!("misbehaving:{name}"));
        load.expect_progress(3);
        Self { proxy, port, load }
    }

    /// The well-behaved client has noticed nothing.
    fn conclude(mut self) {
        self.load.expect_progress(10);
        self.load.stop();
        assert!(self.proxy.runs());
        self.proxy.expect_figure("alpha", "client_connections", 0);
        let of = format!("alpha/127.0.0.1:{}", REDIS[0].port());
        for name in ["out_queue", "out_queue_bytes", "in_queue", "in_queue_bytes"] {
            self.proxy.expect_figure(&of, name, 0);
        }
        assert_eq!(self.proxy.figure("alpha", "forward_error"), 0);
        let (requests, responses) =
            (self.proxy.figure(&of, "requests"), self.proxy.figure(&of, "responses"));
        assert_eq!(requests, responses, "each request was answered");
        assert_eq!(self.proxy.figure(&of, "server_connections"), 1);
        assert_eq!(self.proxy.figure(&of, "server_err"), 0);
    }
}

#[test]
fn a_broken_rule_is_answered_after_what_is_due_and_logged_with_its_byte() {
    let scene = Scene::start("rules");
    let good = redis(&["SET", "misbehaving:k", "v"]);
    let get = redis(&["GET", "misbehaving:k"]);
    let rules: [(&[u8], &str, &str); 4] = [
        (b"*1\r\nPING\r\n", "expected '$', got 'P'", "byte 4 is 'P' (0x50)"),
        (b"*-3x\r\n", "invalid multibulk length", "'x' (0x78)"),
        (b"*1\r\n$4\r\nPINGxx", "expected CR LF after a bulk string", "byte 12 is 'x' (0x78)"),
        (b"*2\r\n$3\r\nGET\r\n$-1\r\n", "invalid bulk length", "invalid bulk length"),
    ];
    for (bad, told, logged) in rules {
        let mut client = Client::tcp(scene.port);
        client.send([&good[..], &get, bad].concat());
        client.expect("+OK\r\n");
        client.expect(bulk("v"));
        client.expect(format!("-ERR Protocol error: {told}\r\n"));
        client.expect_close();
        scene.proxy.expect_log(logged);
        let begins = format!("its message begins \"{}\"", bad.escape_ascii());
        scene.proxy.expect_log(&begins);
    }
    scene.proxy.expect_log("of pool 'alpha' broke a rule and is closed");
    assert_eq!(scene.proxy.figure("alpha", "client_err"), 4);
    scene.conclude();
}

#[test]
fn one_byte_at_a_time_is_as_good_as_all_at_once() {
    let scene = Scene::start("bytes");
    let mut client = Client::tcp(scene.port);
    let wire = [
        redis(&["SET", "misbehaving:slow", "slow value"]),
        redis(&["MGET", "misbehaving:slow", "misbehaving:none"]),
        b"PING\r\n".to_vec(),
        redis(&["GET", "misbehaving:slow"]),
    ];
    for byte in wire.concat() {
        client.send([byte]);
        thread::sleep(ms(1));
    }
    let slow = bulk("slow value");
    client.expect([&b"+OK\r\n*2\r\n"[..], &slow, b"$-1\r\n+PONG\r\n", &slow].concat());
    drop(client);
    scene.conclude();
}

#[test]
fn a_client_that_closes_its_side_gets_what_is_due_and_one_that_stops_midway_nothing() {
    let scene = Scene::start("half");
    let mut client = Client::tcp(scene.port);
    client.send(redis(&["INCR", "misbehaving:half"]).repeat(1000));
    client.half_close();
    let mut due = String::new();
    (1..=1000).for_each(|n| due += &format!(":{n}\r\n"));
    client.expect(due);
    client.expect_close();
    // With more outstanding than a client may have, too: it is paused, and loses nothing.
    let mut client = Client::tcp(scene.port);
    let mut sender = client.again();
    let sends = thread::spawn(move || {
        sender.send(redis(&["STRLEN", "misbehaving:none"]).repeat(20_000));
        sender.half_close();
    });
    client.expect(":0\r\n".repeat(20_000));
    client.expect_close();
    sends.join().expect("sending does not panic");

    let mut client = Client::tcp(scene.port);
    client.send(b"*2\r\n$3\r\nGET\r\n$100\r\nonly so mu");
    client.half_close();
    client.expect_close();
    scene.conclude();
}

#[test]
fn a_client_that_resets_in_the_middle_of_a_pipeline_takes_no_one_with_it() {
    let scene = Scene::start("reset");
    for n in 0..40 {
        let mut client = Client::tcp(scene.port);
        let value = "x".repeat(10_000 * (n % 4));
        client.send(redis(&["SET", "misbehaving:reset", &value]).repeat(20));
        client.send(redis(&["GET", "misbehaving:reset"]).repeat(50));
        client.send(redis(&["MGET", "misbehaving:reset", "misbehaving:none"]).repeat(10));
        client.send(b"*3\r\n$3\r\nSET\r\n$17\r\nmisbehaving:reset\r\n$1000\r\nnot all");
        if n % 2 == 0 {
            client.reset();
        }
    }
    scene.conclude();
}

#[test]
fn a_client_that_reads_nothing_stops_itself_alone() {
    let scene = Scene::start("unread");
    let mut client = Client::tcp(scene.port);
    let value = "x".repeat(100_000);
    client.ask(redis(&["SET", "misbehaving:unread", &value]), "+OK\r\n");
    let before = scene.proxy.resident();
    // 300 MB if all of it were fetched.
    let mut sender = client.again();
    let sends = thread::spawn(move || {
        sender.send(redis(&["GET", "misbehaving:unread"]).repeat(3_000));
    });
    scene.load.expect_progress(20);
    let grown = scene.proxy.resident().saturating_sub(before);
    assert!(grown < 48 << 20, "{grown} bytes are kept for one that does not read");
    // It wakes up, and all is there.
    let expected = bulk(&value);
    for n in 0..3_000 {
        let received = client.receive(expected.len());
        assert!(received == expected, "response {n}");
    }
    sends.join().expect("sending does not panic");
    drop(client);
    scene.conclude();
}

#[test]
fn memcached_clients_that_misbehave_disturb_nobody_either() {
    let port = free_port();
    let servers: Vec<String> = MEMCACHED.iter().map(Memcached::item).collect();
    let mut proxy = Proxy::start(&pool("alpha", port, &[], &servers));
    let mut good = Client::tcp(port);
    let mut check = |n: usize| {
        let key = format!("misbehaving:{}", n % 7);
        let text = format!("value {n}");
        good.ask(set(&key, text.as_bytes()), "STORED\r\n");
        good.ask(format!("get {key}\r\n"), value(&key, text.as_bytes()));
    };
    let wires: [&[u8]; 8] = [
        b"bogus\r\n",
        b"get a\nflush_all\r\n",
        b"set k 0 0 5\r\ntoo long for it\r\n",
        b"set k 0 0 x\r\n",
        b"\x80\x01\0\0\0\0\0\0",
        b"get \r\n",
        b"set k 0 0 10 noreply\r\nshort",
        b"incr k notanumber\r\n",
    ];
    for (n, wire) in wires.iter().cycle().take(40).enumerate() {
        check(n);
        let mut bad = Client::tcp(port);
        bad.send(set("misbehaving:bad", b"v"));
        bad.send(wire);
        check(n + 1);
        match n % 3 {
            0 => bad.reset(),
            1 => {
                bad.half_close();
                let (said, _) = bad.listen(SOON);
                assert!(said.starts_with(b"STORED\r\n"), "what is due is delivered");
            }
            _ => drop(bad),
        }
        check(n + 2);
    }
    // Nobody's keys were flushed.
    check(1000);
    assert!(proxy.runs());
    assert_eq!(proxy.figure("alpha", "forward_error"), 0);
    for server in &*MEMCACHED {
        assert_eq!(proxy.figure(&format!("alpha/127.0.0.1:{}", server.port()), "server_err"), 0);
    }
}

#[test]
fn many_clients_of_all_kinds_at_once_leave_nothing_behind() {
    let port = free_port();
    let servers: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let mut proxy =
        Proxy::start_with(&pool("alpha", port, &["redis: true"], &servers), &["-w", "2"]);
    let load = Workload::start(port, "misbehaving:crowd");
    let threads: Vec<_> = (0..8)
        .map(|who| {
            thread::spawn(move || {
                for n in 0..60 {
                    let mut client = Client::tcp(port);
                    let key = format!("misbehaving:crowd:{who}:{n}");
                    client.send(redis(&["SET", &key, "v"]));
                    client.send(redis(&["MGET", &key, "misbehaving:none", &key]).repeat(20));
                    match (who + n) % 4 {
                        0 => client.reset(),
                        1 => client.send(b"*9999999\r\n"),
                        2 => {
                            client.expect("+OK\r\n");
                            let v = bulk("v");
                            let one = [&b"*3\r\n"[..], &v, b"$-1\r\n", &v].concat();
                            client.expect(one.repeat(20));
                        }
                        _ => client.half_close(),
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        assert!(thread.join().is_ok(), "a client got a wrong answer");
    }
    load.expect_progress(5);
    load.stop();
    assert!(proxy.runs());
    proxy.expect_figure("alpha", "client_connections", 0);
    for server in &*REDIS {
        let of = format!("alpha/127.0.0.1:{}", server.port());
        for name in ["in_queue", "out_queue", "in_queue_bytes", "out_queue_bytes"] {
            proxy.expect_figure(&of, name, 0);
        }
        assert_eq!(proxy.figure(&of, "requests"), proxy.figure(&of, "responses"));
    }
}

/// A socket that is closed with bytes unread is reset, and what was on its way is lost: so the
/// proxy reads on, and drops what it reads, until the client has all that is due to it.
#[test]
fn what_is_due_arrives_even_if_the_client_goes_on_talking() {
    let scene = Scene::start("talking");
    let value = "x".repeat(3_000_000);
    let mut client = Client::tcp(scene.port);
    client.ask(redis(&["SET", "misbehaving:talking", &value]), "+OK\r\n");
    let get = redis(&["GET", "misbehaving:talking"]);
    let error = b"-ERR Protocol error: invalid multibulk length\r\n";
    for (last, told) in [(&b"*x\r\n"[..], &error[..]), (b"*1\r\n$4\r\nQUIT\r\n", b"+OK\r\n")] {
        let mut client = Client::tcp(scene.port);
        let mut sender = client.again();
        let first = [&get[..], last].concat();
        let talks = thread::spawn(move || {
            sender.send(first);
            // It does not stop at that, and it does not read yet.
            for _ in 0..20 {
                let _ = sender.try_send([b'z'; 10_000]);
                thread::sleep(ms(10));
            }
        });
        thread::sleep(ms(300));
        client.expect(bulk(&value));
        client.expect(told);
        talks.join().expect("sending does not panic");
        client.half_close();
        client.expect_close();
    }
    drop(client);
    scene.conclude();
}
