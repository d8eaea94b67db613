//! More than one worker, and more than one connection to a server.

use crate::harness::client::Client;
use crate::harness::peer::{Does, Peer};
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::{REDIS, Redis, item};
use crate::harness::wire::{bulk, redis};
use crate::harness::workload::Workload;

/// How a proxy is told of two workers.
fn ways() -> [(&'static str, &'static [&'static str]); 2] {
    [("", &["-w", "2"]), ("global:\n  workers: 2\n", &[])]
}

#[test]
fn clients_are_dealt_evenly() {
    for (global, args) in ways() {
        let server = Peer::start(Does::Say(bulk("v")));
        let listen = free_port();
        let conf = pool("alpha", listen, &["redis: true"], &[item(server.port())]);
        let proxy = Proxy::start_with(&format!("{global}{conf}"), args);
        let mut clients: Vec<Client> = Vec::new();
        for n in 0..10 {
            let mut client = Client::tcp(listen);
            client.ask(redis(&["GET", &format!("client-{n}")]), bulk("v"));
            clients.push(client);
        }
        // A worker has a connection of its own to each server.
        let shares: Vec<usize> = server
            .heard()
            .iter()
            .map(|heard| String::from_utf8_lossy(heard).matches("client-").count())
            .collect();
        assert_eq!(shares, [5, 5], "{global:?} {args:?}");

        // Those of one worker leave: who comes now goes there.
        let (mut of_first, of_second): (Vec<_>, Vec<_>) = {
            let heard = String::from_utf8_lossy(&server.heard()[0]).into_owned();
            clients
                .into_iter()
                .enumerate()
                .partition(|(n, _)| heard.contains(&format!("client-{n}\r")))
        };
        of_first.clear();
        proxy.expect_figure("alpha", "client_connections", 5);
        let mut next: Vec<Client> = Vec::new();
        for n in 0..5 {
            let mut client = Client::tcp(listen);
            client.ask(redis(&["GET", &format!("later-{n}")]), bulk("v"));
            next.push(client);
        }
        let heard = String::from_utf8_lossy(&server.heard()[0]).into_owned();
        assert_eq!(heard.matches("later-").count(), 5, "{global:?} {args:?}");
        drop(of_second);
    }
}

#[test]
fn both_workers_answer_rightly_at_once() {
    for (global, args) in ways() {
        let listen = free_port();
        let servers: Vec<String> = REDIS.iter().map(Redis::item).collect();
        let conf = pool("alpha", listen, &["redis: true", "hash: murmur"], &servers);
        let proxy = Proxy::start_with(&format!("{global}{conf}"), args);
        let loads: Vec<Workload> =
            (0..6).map(|n| Workload::start(listen, &format!("workers:{n}"))).collect();
        loads.iter().for_each(|load| load.expect_progress(30));
        loads.into_iter().for_each(Workload::stop);
        proxy.expect_figure("alpha", "client_connections", 0);
        assert_eq!(proxy.figure("alpha", "client_err"), 0);
        assert_eq!(proxy.figure("alpha", "forward_error"), 0);
        for server in &*REDIS {
            let of = format!("alpha/127.0.0.1:{}", server.port());
            assert_eq!(proxy.figure(&of, "server_connections"), 2, "one a worker");
            assert_eq!(proxy.figure(&of, "requests"), proxy.figure(&of, "responses"));
        }
    }
}

#[test]
fn a_server_that_fails_each_worker_once_has_failed_twice() {
    let (listen, dead) = (free_port(), free_port());
    let keys = ["redis: true", "hash: murmur", "auto_eject_hosts: true", "server_failure_limit: 2"];
    let servers = [item(dead), REDIS[0].item()];
    let conf = pool("alpha", listen, &keys, &servers);
    let proxy = Proxy::start_with(&conf, &["-w", "2"]);
    let key = (0..)
        .map(|n| format!("workers:eject:{n}"))
        .find(|key| {
            // A key of the dead server: one that is not answered. The first of them is its first
            // failure.
            let mut client = Client::tcp(listen);
            client.send(redis(&["STRLEN", key]));
            client.line() == "-ERR Connection refused\r\n"
        })
        .expect("there are many keys");
    assert_eq!(proxy.figure("alpha", "server_ejects"), 0);
    // Two clients at once are two workers'.
    let mut clients = [Client::tcp(listen), Client::tcp(listen)];
    // Whichever of them has the second failure, its request goes elsewhere with the key.
    clients[0].ask(redis(&["STRLEN", &key]), ":0\r\n");
    clients[1].ask(redis(&["STRLEN", &key]), ":0\r\n");
    assert_eq!(proxy.figure("alpha", "server_ejects"), 1);
}

/// Whatever connections there are, a client's own requests keep their order.
#[test]
fn several_connections_to_a_server_are_shared_out_among_the_clients() {
    let server = Peer::start(Does::Say(bulk("v")));
    let (scripted, real) = (free_port(), free_port());
    let keys = ["redis: true", "server_connections: 3"];
    let conf = pool("alpha", scripted, &keys, &[item(server.port())])
        + &pool("beta", real, &keys, &[REDIS[0].item()]);
    let proxy = Proxy::start(&conf);
    let mut clients: Vec<Client> = Vec::new();
    for n in 0..6 {
        let mut client = Client::tcp(scripted);
        for _ in 0..4 {
            client.ask(redis(&["GET", &format!("client-{n}")]), bulk("v"));
        }
        clients.push(client);
    }
    let heard: Vec<String> =
        server.heard().iter().map(|heard| String::from_utf8_lossy(heard).into_owned()).collect();
    let shares: Vec<usize> = heard.iter().map(|heard| heard.matches("client-").count()).collect();
    assert_eq!(shares, [8, 8, 8]);
    for n in 0..6 {
        let name = format!("client-{n}\r");
        let on = heard.iter().filter(|heard| heard.contains(&name)).count();
        assert_eq!(on, 1, "client {n} keeps to one connection");
    }

    let loads: Vec<Workload> =
        (0..4).map(|n| Workload::start(real, &format!("workers:several:{n}"))).collect();
    loads.iter().for_each(|load| load.expect_progress(20));
    let of = format!("beta/127.0.0.1:{}", REDIS[0].port());
    assert_eq!(proxy.figure(&of, "server_connections"), 3);
    loads.into_iter().for_each(Workload::stop);
}
