//! Servers that go and come, take too long or refuse, in pools that eject nobody: what a request
//! meets is told in its own response, and the next one finds the server as it is by then.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use socket2::{Domain, Socket, Type};

use crate::harness::client::Client;
use crate::harness::peer::{Does, Peer};
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::{Memcached, REDIS, Redis, item};
use crate::harness::wire::{bulk, redis, set, value};
use crate::harness::{eventually, ms};

const REFUSED: &str = "-ERR Connection refused\r\n";

/// What the loss of a server can look like to a request that was on its way.
const LOSSES: [&str; 3] = [REFUSED, "-ERR unknown\r\n", "-ERR Connection reset by peer\r\n"];

#[test]
fn a_restarted_redis_is_used_again_at_once() {
    let (port, listen) = (free_port(), free_port());
    let mut server = Redis::start_on(port, &[]);
    let proxy = Proxy::start(&pool("alpha", listen, &["redis: true"], &[item(port)]));
    let mut client = Client::tcp(listen);
    let of = format!("alpha/127.0.0.1:{port}");
    for round in 0..3 {
        client.ask(redis(&["SET", "k", &round.to_string()]), "+OK\r\n");
        drop(server);
        proxy.expect_figure(&of, "server_connections", 0);
        client.ask(redis(&["GET", "k"]).repeat(2), REFUSED.repeat(2));
        client.ask(redis(&["PING"]), "+PONG\r\n");
        server = Redis::start_on(port, &[]);
        // No request before it is told how the server is: there is no pause after a failure.
        client.ask(redis(&["GET", "k"]), "$-1\r\n");
    }
    assert_eq!(proxy.figure("alpha", "server_ejects"), 0);
    assert_eq!(proxy.figure(&of, "server_eof"), 3);
    assert_eq!(proxy.figure(&of, "server_err"), 3, "two requests of one turn share a connect");
    proxy.expect_log(&format!(
        "server '127.0.0.1:{port}' of pool 'alpha' closed with 2 requests waiting: \
         Connection refused"
    ));
}

#[test]
fn a_restarted_memcached_is_used_again_at_once() {
    let (port, listen) = (free_port(), free_port());
    let mut server = Memcached::start_on(port, &[]);
    let proxy = Proxy::start(&pool("alpha", listen, &[], &[format!("{} one", item(port))]));
    let mut client = Client::tcp(listen);
    for _ in 0..3 {
        client.ask(set("k", b"v"), "STORED\r\n");
        client.ask("get k\r\n", value("k", b"v"));
        drop(server);
        proxy.expect_figure("alpha/one", "server_connections", 0);
        client.ask("get k\r\n", "SERVER_ERROR Connection refused\r\n");
        client.ask("get k l m\r\n", "SERVER_ERROR Connection refused\r\n");
        server = Memcached::start_on(port, &[]);
        client.ask("get k l m\r\n", "END\r\n");
    }
    assert_eq!(proxy.figure("alpha", "server_ejects"), 0);
}

#[test]
fn every_request_tries_a_dead_server_anew_and_none_is_sent_twice() {
    let (listen, dead) = (free_port(), free_port());
    let proxy = Proxy::start(&pool("alpha", listen, &["redis: true"], &[item(dead)]));
    let mut client = Client::tcp(listen);
    for _ in 0..20 {
        client.ask(redis(&["INCR", "k"]), REFUSED);
    }
    assert_eq!(proxy.figure(&format!("alpha/127.0.0.1:{dead}"), "server_err"), 20);

    for does in [Does::Close, Does::Reset, Does::Say(b"nonsense\r\n".to_vec())] {
        let server = Peer::start(does.clone());
        let listen = free_port();
        let _proxy = Proxy::start(&pool("alpha", listen, &["redis: true"], &[item(server.port())]));
        let mut client = Client::tcp(listen);
        for n in 0..10 {
            client.send(redis(&["INCR", &format!("key-{n}")]));
            assert!(client.line().starts_with("-ERR "), "{does:?}");
        }
        let heard = server.heard();
        let once: Vec<Vec<u8>> = (0..10).map(|n| redis(&["INCR", &format!("key-{n}")])).collect();
        assert_eq!(heard, once, "{does:?}: each on a connection of its own");
    }
}

/// The end of a connection may come in the same instant as its last response.
#[test]
fn a_close_right_behind_a_response_is_always_noticed() {
    let server = Peer::scripted(|_, stream| {
        let _ = stream.write_all(b"+OK\r\n");
        false
    });
    let listen = free_port();
    let proxy = Proxy::start(&pool("alpha", listen, &["redis: true"], &[item(server.port())]));
    let of = format!("alpha/127.0.0.1:{}", server.port());
    let mut client = Client::tcp(listen);
    for n in 1..=50 {
        client.ask(redis(&["SET", "k", "v"]), "+OK\r\n");
        proxy.expect_figure(&of, "server_connections", 0);
        assert_eq!(proxy.figure(&of, "server_eof"), n);
    }
    assert_eq!(proxy.figure("alpha", "forward_error"), 0);
    // Those behind it on the same connection have nothing to wait for: there is no timeout here.
    client.send(redis(&["SET", "k", "v"]).repeat(3));
    assert_eq!(client.line(), "+OK\r\n");
    for _ in 0..2 {
        let answer = client.line();
        assert!(LOSSES.contains(&&*answer), "{answer}");
    }
}

#[test]
fn a_script_that_takes_too_long_times_out_and_the_next_one_does_not() {
    let server = Redis::start();
    let listen = free_port();
    let keys = ["redis: true", "timeout: 100"];
    let proxy = Proxy::start(&pool("alpha", listen, &keys, &[server.item()]));
    let mut client = Client::tcp(listen);
    let sum = |to: &str| format!("local x = 0; for i = 1, {to} do x = x + i end; return x");
    let mut is_quick = || {
        client.send(redis(&["EVAL", &sum("100"), "1", "k"]));
        client.line() == ":5050\r\n"
    };
    assert!(eventually(&mut is_quick));
    let late = || proxy.figure(&format!("alpha/127.0.0.1:{}", server.port()), "server_timedout");
    let before = late();
    // Some tenths of a second, wherever.
    let mut other = Client::tcp(listen);
    let slow = redis(&["EVAL", &sum("40000000"), "1", "k"]);
    other.ask(slow, "-ERR Connection timed out\r\n");
    assert!(late() > before);
    assert!(eventually(&mut is_quick));
}

/// Two servers, and a key of each.
struct Two {
    servers: Vec<Redis>,
    proxy: Proxy,
    client: Client,
    keys: [String; 2],
}

impl Two {
    fn start() -> Self {
        let servers = vec![Redis::start(), Redis::start()];
        let items = [format!("{} one", servers[0].item()), format!("{} two", servers[1].item())];
        let listen = free_port();
        let proxy = Proxy::start(&pool("alpha", listen, &["redis: true", "hash: murmur"], &items));
        let mut client = Client::tcp(listen);
        let keys = [0, 1].map(|n| {
            let of_server = |key: &String| {
                client.ask(redis(&["SET", key, "v"]), "+OK\r\n");
                let mut direct = servers[n].client();
                direct.send(redis(&["EXISTS", key]));
                direct.line() == ":1\r\n"
            };
            (0..).map(|at| format!("recovery:{at}")).find(of_server).expect("both have keys")
        });
        Self { servers, proxy, client, keys }
    }
}

#[test]
fn requests_of_many_keys_fail_as_a_whole_with_the_servers_that_are_down() {
    let Two { mut servers, proxy, mut client, keys: [one, two] } = Two::start();
    let both = |name: &str| redis(&[name, &one, &two]);
    let mset = redis(&["MSET", &one, "1", &two, "2"]);
    client.ask(&mset, "+OK\r\n");
    client.ask(both("MGET"), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");

    drop(servers.pop());
    proxy.expect_figure("alpha/two", "server_connections", 0);
    client.ask(redis(&["GET", &two]), REFUSED);
    client.ask(redis(&["MGET", &two]), REFUSED);
    // What one server could do is done, though the other one could not.
    client.ask(redis(&["MSET", &one, "8", &two, "9"]), REFUSED);
    client.ask(redis(&["GET", &one]), bulk("8"));
    for request in [both("MGET"), both("DEL"), mset.clone(), both("TOUCH"), both("UNLINK")] {
        client.ask(&request, REFUSED);
        // The client is still there, and so is what lives on the other server.
        client.ask(redis(&["SET", &one, "1"]), "+OK\r\n");
        client.ask(redis(&["MGET", &one]), "*1\r\n$1\r\n1\r\n");
    }

    drop(servers.pop());
    proxy.expect_figure("alpha/one", "server_connections", 0);
    for request in [both("MGET"), both("DEL"), mset, redis(&["GET", &one])] {
        client.ask(&request, REFUSED);
    }
    client.ask(redis(&["PING"]), "+PONG\r\n");
    assert_eq!(proxy.figure("alpha", "client_connections"), 1);
}

/// A listener that takes no connection, and whose queue is full: the kernel leaves connects to it without
/// an answer. With the connections that fill it.
fn unreachable() -> (TcpListener, Vec<TcpStream>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("loopback has a port");
    listener.listen(0).expect("it is bound");
    let listener = TcpListener::from(listener);
    let address = listener.local_addr().expect("it is bound");
    let connect = || TcpStream::connect_timeout(&address, ms(300)).ok();
    let filling = std::iter::from_fn(connect).take(10).collect();
    (listener, filling)
}

#[test]
fn a_server_that_cannot_be_reached_is_waited_for_once() {
    const LATE: &str = "-ERR Connection timed out\r\n";
    let (server, filling) = unreachable();
    let listen = free_port();
    let port = server.local_addr().expect("it is bound").port();
    let keys = ["redis: true", "timeout: 600"];
    let proxy = Proxy::start(&pool("alpha", listen, &keys, &[item(port)]));
    let mut client = Client::tcp(listen);
    let begun = Instant::now();
    client.ask(redis(&["GET", "k"]), LATE);
    assert!(begun.elapsed() >= ms(600), "a connect has all its time");
    let begun = Instant::now();
    for _ in 0..20 {
        client.ask(redis(&["GET", "k"]), LATE);
    }
    assert!(begun.elapsed() < 5 * ms(600), "{:?} for 20 requests", begun.elapsed());

    drop(filling);
    thread::spawn(move || {
        for mut stream in server.incoming().filter_map(Result::ok) {
            thread::spawn(move || {
                while stream.read(&mut [0; 1024]).is_ok_and(|len| len > 0) {
                    if stream.write_all(b"$-1\r\n").is_err() {
                        return;
                    }
                }
            });
        }
    });
    let back = eventually(|| {
        client.send(redis(&["GET", "k"]));
        client.line() == "$-1\r\n"
    });
    assert!(back, "it was not reached again");
    proxy.expect_log(&format!("server '127.0.0.1:{port}' of pool 'alpha' can be reached again"));
}

#[test]
fn a_replica_that_may_not_be_written_to_says_so_itself() {
    let Two { servers, proxy: _proxy, mut client, keys: [one, two] } = Two::start();
    let port = servers[0].port().to_string();
    servers[1].client().ask(redis(&["REPLICAOF", "127.0.0.1", &port]), "+OK\r\n");
    let refusal = "-READONLY You can't write against a read only replica.\r\n";
    client.ask(redis(&["DEL", &two]), refusal);
    client.ask(redis(&["DEL", &one]), ":1\r\n");
    client.ask(redis(&["DEL", &one, &two]), refusal);
    client.ask(redis(&["MSET", &one, "1", &two, "2"]), refusal);
    client.ask(redis(&["GET", &one]), bulk("1"));
}

/// The original refuses a longer key by closing.
#[test]
fn keys_are_as_long_as_m_allows_and_as_the_original_takes_them() {
    let servers = [REDIS[0].item(), REDIS[1].item()];
    let keys = ["redis: true", "hash: murmur"];
    let [theirs, ours] = [free_port(), free_port()];
    let m = ["-m", "512"];
    let _original =
        Proxy::start_original_with(&pool("alpha", theirs, &keys, &servers), &[theirs], &m);
    let _ours = Proxy::start_with(&pool("alpha", ours, &keys, &servers), &m);
    let key = |n: usize, len: usize| format!("recovery:{n}:{}", "x".repeat(len - 11));
    for listen in [theirs, ours] {
        let mut client = Client::tcp(listen);
        for len in [462, 463] {
            let keys: Vec<String> = (0..5).map(|n| key(n, len)).collect();
            let mut mset = vec!["MSET"];
            keys.iter().for_each(|key| mset.extend([&**key, "vvv"]));
            client.ask(redis(&mset), "+OK\r\n");
            let with = |name| [name].into_iter().chain(keys.iter().map(|key| &**key));
            let values = bulk("vvv").repeat(5);
            client.ask(redis(&with("MGET").collect::<Vec<_>>()), [b"*5\r\n", &values[..]].concat());
            client.ask(redis(&with("DEL").collect::<Vec<_>>()), ":5\r\n");
        }
        client.send(redis(&["GET", &key(0, 464)]));
        if listen == theirs {
            client.expect_close();
            continue;
        }
        let error = "-ERR a key is longer than 463 bytes, the limit that -m/--mbuf-size sets\r\n";
        client.expect(error);
        client.expect_silence(ms(50));
    }
}
