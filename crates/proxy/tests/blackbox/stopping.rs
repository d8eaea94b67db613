//! How the proxy stops: what is in flight is answered, and it does not take for ever.

use std::thread;
use std::time::{Duration, Instant};

use crate::harness::client::Client;
use crate::harness::peer::{Does, Peer};
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{Memcached, REDIS, Redis, item};
use crate::harness::wire::{bulk, redis, value};
use crate::harness::{eventually, ms};

/// How long a slow server takes.
const SLOW: Duration = ms(300);

#[test]
fn a_signal_to_stop_lets_what_is_in_flight_end_first() {
    for (signal, workers) in [("TERM", "1"), ("INT", "2")] {
        let scratch = Scratch::new();
        let pid_file = scratch.path("pid");
        let server = Peer::start(Does::SayLater(SLOW, bulk("late")));
        let (listen, fast) = (free_port(), free_port());
        let conf = pool("alpha", listen, &["redis: true"], &[item(server.port())])
            + &pool("beta", fast, &["redis: true"], &[REDIS[0].item()]);
        let args = ["-p", text(&pid_file), "-w", workers];
        let mut proxy = Proxy::start_with(&conf, &args);
        assert!(pid_file.exists());
        let mut idle = Client::tcp(listen);
        idle.ask(redis(&["PING"]), "+PONG\r\n");
        let mut busy = Client::tcp(listen);
        busy.send(redis(&["GET", "k"]));
        let mut other = Client::tcp(fast);
        other.ask(redis(&["STRLEN", "stopping:none"]), ":0\r\n");
        proxy.expect_figure(&format!("alpha/127.0.0.1:{}", server.port()), "out_queue", 1);
        let begun = Instant::now();
        proxy.signal(signal);
        // Those to whom nothing is due are closed at once, and nobody new is taken.
        idle.expect_close();
        other.expect_close();
        assert!(begun.elapsed() < SLOW, "{signal}: the idle wait for the busy");
        busy.expect(bulk("late"));
        busy.expect_close();
        let status = proxy.wait(ms(2000)).expect("it ends");
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(!pid_file.exists(), "{signal}: the pid file is left");
        let log = proxy.log();
        assert!(log.contains(&format!("(SIG{signal}) received, exiting")), "{log}");
        assert!(log.ends_with("done, rabbit done\n"), "{log}");
    }
}

#[test]
fn a_start_right_behind_a_stop_takes_over_all_ports() {
    let server = Peer::start(Does::SayLater(SLOW, bulk("late")));
    let (listen, statistics) = (free_port(), free_port());
    let conf = pool("alpha", listen, &["redis: true"], &[item(server.port())]);
    let mut first = Proxy::start_with_port(&conf, statistics);
    let mut busy = Client::tcp(listen);
    busy.send(redis(&["GET", "k"]));
    assert!(eventually(|| !server.heard().concat().is_empty()));
    first.signal("TERM");
    let mut second = Proxy::start_with_port(&conf, statistics);
    assert!(first.runs(), "it still has something to answer");
    Client::tcp(listen).ask(redis(&["PING"]), "+PONG\r\n");
    busy.expect(bulk("late"));
    assert_eq!(first.wait(ms(2000)).expect("it ends").code(), Some(0));
    assert!(second.runs());
}

#[test]
fn what_wants_no_response_is_in_the_server_when_the_proxy_has_stopped() {
    const SETS: usize = 100;
    let server = Memcached::start();
    let listen = free_port();
    let mut proxy = Proxy::start(&pool("alpha", listen, &[], &[server.item()]));
    server.signal("STOP");
    let data = "x".repeat(100_000);
    let set = |n| format!("set stopping:quiet:{n} 0 0 100000 noreply\r\n{data}\r\n");
    // One leaves, the other is there when the signal comes.
    let mut clients = [Client::tcp(listen), Client::tcp(listen)];
    for n in 0..SETS {
        clients[n % 2].send(set(n));
    }
    let [gone, mut idle] = clients;
    drop(gone);
    let of = format!("alpha/127.0.0.1:{}", server.port());
    let outstanding = || proxy.figure(&of, "in_queue") + proxy.figure(&of, "out_queue");
    assert!(eventually(|| outstanding() == SETS as i64), "{} are outstanding", outstanding());
    assert!(proxy.figure(&of, "in_queue") > 0, "the kernel has not taken all");
    proxy.signal("TERM");
    idle.expect_close();
    thread::sleep(SLOW);
    assert!(proxy.runs(), "it has gone with what was outstanding");
    server.signal("CONT");
    assert_eq!(proxy.wait(ms(2000)).expect("it ends").code(), Some(0));
    let mut client = Client::tcp(server.port());
    for n in 0..SETS {
        let key = format!("stopping:quiet:{n}");
        client.ask(format!("get {key}\r\n"), value(&key, data.as_bytes()));
    }
}

#[test]
fn a_worker_that_polls_busily_answers_and_stops_as_any_other() {
    let (listen, slow) = (free_port(), free_port());
    let server = Peer::start(Does::SayLater(ms(50), bulk("late")));
    let conf = pool("alpha", listen, &["redis: true"], &[REDIS[0].item()])
        + &pool("beta", slow, &["redis: true"], &[item(server.port())]);
    let mut proxy = Proxy::start(&format!("global:\n  busy_poll: 1000\n  workers: 2\n{conf}"));
    let mut clients = [Client::tcp(listen), Client::tcp(listen), Client::tcp(slow)];
    for _ in 0..100 {
        clients[0].ask(redis(&["STRLEN", "stopping:none"]), ":0\r\n");
        clients[1].ask(redis(&["STRLEN", "stopping:none"]), ":0\r\n");
    }
    // It sleeps in between, and is woken.
    clients[2].ask(redis(&["GET", "k"]), bulk("late"));
    proxy.signal("TERM");
    clients.iter_mut().for_each(Client::expect_close);
    assert_eq!(proxy.wait(ms(2000)).expect("it ends").code(), Some(0));
}

#[test]
fn under_load_no_response_is_cut_short() {
    let listen = free_port();
    let servers: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let conf = pool("alpha", listen, &["redis: true"], &servers);
    let mut proxy = Proxy::start_with(&conf, &["-w", "2"]);
    let value = "x".repeat(100_000);
    Client::tcp(listen).ask(redis(&["SET", "stopping:load", &value]), "+OK\r\n");
    let response = bulk(&value);
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let mut client = Client::tcp(listen);
            let (mut sender, response) = (client.again(), response.clone());
            let sends = thread::spawn(move || {
                // Until it is closed.
                while sender.try_send(redis(&["GET", "stopping:load"]).repeat(10)).is_ok() {}
            });
            thread::spawn(move || {
                let mut count = 0;
                let end = loop {
                    let received = client.receive(response.len());
                    if received != response {
                        break received;
                    }
                    count += 1;
                };
                sends.join().expect("sending does not panic");
                (count, end)
            })
        })
        .collect();
    thread::sleep(SLOW);
    proxy.signal("TERM");
    for client in clients {
        let (count, end) = client.join().expect("reading does not panic");
        assert!(count > 0, "it was served");
        assert_eq!(end.len(), 0, "{} bytes of a response after {count} whole ones", end.len());
    }
    assert_eq!(proxy.wait(ms(8000)).expect("it ends").code(), Some(0));
}

/// A proxy with a request in flight to a server that never answers, and who waits for it.
fn in_vain() -> (Proxy, Client, Peer) {
    let server = Peer::start(Does::Nothing);
    let listen = free_port();
    let proxy = Proxy::start(&pool("alpha", listen, &["redis: true"], &[item(server.port())]));
    let mut client = Client::tcp(listen);
    client.send(redis(&["GET", "k"]));
    proxy.expect_figure(&format!("alpha/127.0.0.1:{}", server.port()), "out_queue", 1);
    (proxy, client, server)
}

#[test]
fn a_server_that_never_answers_does_not_keep_the_proxy_from_stopping() {
    let (mut proxy, mut client, _server) = in_vain();
    let begun = Instant::now();
    proxy.signal("TERM");
    client.expect_close();
    let status = proxy.wait(ms(2000)).expect("it ends");
    let took = begun.elapsed();
    assert_eq!(status.code(), Some(0));
    assert!((4..7).contains(&took.as_secs()), "it took {took:?}");
}

#[test]
fn a_client_that_does_not_read_does_not_keep_the_proxy_from_stopping_either() {
    let listen = free_port();
    let mut proxy = Proxy::start(&pool("alpha", listen, &["redis: true"], &[REDIS[0].item()]));
    let mut client = Client::tcp(listen);
    let value = "x".repeat(1 << 20);
    client.ask(redis(&["SET", "stopping:large", &value]), "+OK\r\n");
    client.send(redis(&["GET", "stopping:large"]).repeat(30));
    let of = format!("alpha/127.0.0.1:{}", REDIS[0].port());
    proxy.expect_figure(&of, "out_queue", 0);
    proxy.signal("TERM");
    let begun = Instant::now();
    assert_eq!(proxy.wait(ms(8000)).expect("it ends").code(), Some(0));
    assert!(begun.elapsed() < ms(7000));
}

#[test]
fn the_second_signal_ends_it_on_the_spot() {
    let (mut proxy, _client, _server) = in_vain();
    let begun = Instant::now();
    proxy.signal("TERM");
    proxy.expect_log("(SIGTERM) received");
    proxy.signal("INT");
    assert_eq!(proxy.wait(ms(2000)).expect("it ends").code(), Some(1));
    assert!(begun.elapsed() < ms(2000));
}
