//! Servers that are known by name: names that do not resolve, and names that come to mean another
//! address.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::harness::client::Client;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{MEMCACHED, REDIS};
use crate::harness::wire::{redis, set};
use crate::harness::{SOON, ms};

/// A name that no name server knows, by its definition.
const NOWHERE: &str = "no-such-host.invalid";

#[test]
fn a_pool_starts_and_serves_though_some_names_do_not_resolve() {
    let (stores, caches) = (free_port(), free_port());
    let lost = |port: u16| format!("{NOWHERE}:{port}:1 lost");
    let shared = ["hash: fnv1a_64", "distribution: modula", "preconnect: true"];
    let keys: Vec<&str> = shared.iter().copied().chain(["redis: true"]).collect();
    let conf = pool("alpha", stores, &keys, &[lost(6379), format!("{} here", REDIS[0].item())])
        + &pool("beta", caches, &shared, &[lost(11211), format!("{} here", MEMCACHED[0].item())]);
    let proxy = Proxy::start(&conf);
    for (port, request, fine, failed) in [
        (
            stores,
            (|key| redis(&["SET", key, "v"])) as fn(&str) -> Vec<u8>,
            "+OK",
            "-ERR Host is down",
        ),
        (caches, |key| set(key, b"v"), "STORED", "SERVER_ERROR Host is down"),
    ] {
        let mut client = Client::tcp(port);
        let mut answers = [0, 0];
        // At once: where name servers are slow, one lookup is for all of them.
        client.send((0..40).flat_map(|n| request(&format!("names:{n}"))).collect::<Vec<u8>>());
        for n in 0..40 {
            let answer = client.line();
            let of = [fine, failed].iter().position(|known| answer.trim_end() == *known);
            answers[of.unwrap_or_else(|| panic!("names:{n}: {answer}"))] += 1;
        }
        assert!(answers.iter().all(|&count| count > 0), "each has some of 40 keys: {answers:?}");
    }
    for of in ["alpha", "beta"] {
        assert!(proxy.metric("connect_failed_total", of) > 0);
        assert_eq!(proxy.figure(&format!("{of}/here"), "server_err"), 0);
        proxy.expect_log(&format!("server 'lost' of pool '{of}' closed with"));
    }
    proxy.expect_log("its name has no address");
}

/// The original looks the name up before it queues a request, and so for each.
#[test]
fn requests_that_wait_for_a_name_without_an_address_are_counted_and_fail_together() {
    let listen = free_port();
    let conf = pool("alpha", listen, &["redis: true"], &[format!("{NOWHERE}:6379:1 lost")]);
    let proxy = Proxy::start(&conf);
    let mut client = Client::tcp(listen);
    client.send(redis(&["GET", "k"]).repeat(3));
    client.expect("-ERR Host is down\r\n".repeat(3));
    for (figure, count) in [("requests", 3), ("server_err", 1)] {
        assert_eq!(proxy.figure("alpha/lost", figure), count, "{figure}");
    }
    assert_eq!(proxy.figure("alpha", "forward_error"), 3);
}

/// Answers each request on that address with a number.
fn start_server(address: &str, port: u16, number: u8) {
    let listener = TcpListener::bind((address, port)).expect("all of 127/8 is loopback");
    thread::spawn(move || {
        let serve = move |mut stream: TcpStream| {
            let mut space = [0; 4096];
            while let Ok(len @ 1..) = stream.read(&mut space) {
                // A request has one such word, and is not cut: it comes alone.
                let requests = space[..len].windows(8).filter(|at| at == b"STRLEN\r\n").count();
                let answers = format!(":{number}\r\n").repeat(requests);
                if stream.write_all(answers.as_bytes()).is_err() {
                    return;
                }
            }
        };
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
}

/// The system's own file of names is changed for the proxy alone, in a mount namespace of its own.
#[test]
fn a_name_that_comes_to_mean_another_address_is_followed_and_nothing_is_lost() {
    let permitted = Command::new("unshare").args(["-rm", "true"]).stderr(Stdio::null()).status();
    if !permitted.is_ok_and(|status| status.success()) {
        // The engine's scenarios and the unit tests of `rounds` have the parts of it.
        eprintln!("this system permits no mount namespace: not tried");
        return;
    }
    let (listen, port) = (free_port(), free_port());
    start_server("127.0.0.1", port, 1);
    start_server("127.0.0.2", port, 2);
    let scratch = Scratch::new();
    let hosts = scratch.write("hosts", "127.0.0.1 cache.test\n");
    let conf = pool(
        "alpha",
        listen,
        &["redis: true", "resolve_interval: 50", "timeout: 5000"],
        &[format!("cache.test:{port}:1 one")],
    );
    let mount = format!("mount --bind '{}' /etc/hosts && exec \"$@\"", text(&hosts));
    let proxy = Proxy::start_under(&["unshare", "-rm", "sh", "-c", &mount, "sh"], &conf);

    let mut clients: Vec<Client> = (0..8).map(|_| Client::tcp(listen)).collect();
    let mut answers = |rounds: &mut dyn FnMut(&[String]) -> bool| {
        let begun = Instant::now();
        loop {
            for client in &mut clients {
                client.send(redis(&["STRLEN", "k"]));
            }
            let got: Vec<String> =
                clients.iter_mut().map(|client| client.line().trim_end().to_owned()).collect();
            assert!(got.iter().all(|it| it == ":1" || it == ":2"), "{got:?}");
            if rounds(&got) {
                return;
            }
            assert!(begun.elapsed() < SOON, "{got:?} still:\n{}", proxy.log());
        }
    };
    let all = |number: &'static str| move |got: &[String]| got.iter().all(|it| it == number);
    answers(&mut |got| {
        assert!(all(":1")(got), "{got:?}");
        true
    });

    // What cannot be looked up stays where it is.
    fs::write(&hosts, "").expect("it is there");
    proxy.expect_log("looking up server host 'cache.test' of pool 'alpha' failed");
    let begun = Instant::now();
    answers(&mut |got| {
        assert!(all(":1")(got), "{got:?}");
        begun.elapsed() > ms(300)
    });
    let failed = proxy.log().matches("looking up server host").count();
    assert_eq!(failed, 1, "it is said once:\n{}", proxy.log());

    for (address, number) in [("127.0.0.2", ":2"), ("127.0.0.1", ":1")] {
        fs::write(&hosts, format!("{address} cache.test\n")).expect("it is there");
        answers(&mut all(number));
    }
    proxy.expect_log("server 'one' of pool 'alpha' has another address");
    assert_eq!(proxy.metric("server_moved_total", "alpha"), 2);
    assert_eq!(proxy.figure("alpha", "forward_error"), 0);
    proxy.expect_figure("alpha/one", "server_connections", 1);
    assert_eq!(proxy.figure("alpha/one", "server_err"), 0);
}
