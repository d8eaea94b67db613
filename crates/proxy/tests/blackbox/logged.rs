//! What the log says of servers and clients in trouble: whom it names, and that nobody's trouble hides
//! another's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::harness::client::Client;
use crate::harness::ms;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{REDIS, Redis, item};
use crate::harness::wire::redis;

#[test]
fn a_dead_server_hides_no_other_servers_death() {
    for workers in ["1", "2"] {
        let (one, two) = (free_port(), free_port());
        let (dead, server) = (free_port(), Redis::start());
        let conf = [
            pool("alpha", one, &["redis: true"], &[item(dead)]),
            pool("beta", two, &["redis: true"], &[server.item()]),
        ];
        let proxy = Proxy::start_with(&conf.concat(), &["-w", workers]);
        let get = redis(&["GET", "logged:none"]);
        let mut client = Client::tcp(two);
        client.ask(&get, "$-1\r\n");
        let of_beta = format!("server '127.0.0.1:{}' of pool 'beta'", server.port());
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            // 200 a second, or as many as a busy machine makes of it.
            scope.spawn(|| {
                let mut client = Client::tcp(one);
                while !is_over.load(Ordering::Relaxed) {
                    client.ask(&get, "-ERR Connection refused\r\n");
                    thread::sleep(ms(5));
                }
            });
            proxy
                .expect_log(&format!(" more like it of server '127.0.0.1:{dead}' of pool 'alpha'"));
            assert!(!proxy.log().contains(&of_beta), "{}", proxy.log());
            drop(server);
            for _ in 0..20 {
                client.send(&get);
                assert!(client.line().starts_with("-ERR "));
            }
            is_over.store(true, Ordering::Relaxed);
        });
        proxy.expect_log(&format!("{of_beta} closed with "));
    }
}

#[test]
fn a_client_that_breaks_a_rule_is_named_as_client_list_shows_it() {
    let scratch = Scratch::new();
    let (listen, path) = (free_port(), scratch.path("logged.sock"));
    let servers = [REDIS[0].item()];
    let conf = [
        pool("alpha", listen, &["redis: true"], &servers),
        pool("beta", text(&path), &["redis: true"], &servers),
    ];
    let proxy = Proxy::start(&conf.concat());
    for (pool, connect) in [
        ("alpha", &(|| Client::tcp(listen)) as &dyn Fn() -> Client),
        ("beta", &|| Client::unix(&path)),
    ] {
        let mut others = [connect(), connect()];
        others.iter_mut().for_each(|client| client.ask(redis(&["PING"]), "+PONG\r\n"));
        let mut client = connect();
        // `$LENGTH`, then `id=3 addr=127.0.0.1:60698 ...`.
        client.send(redis(&["CLIENT", "INFO"]));
        client.line();
        let facts = client.line();
        client.line();
        let fact = |name: &str| {
            facts
                .split(' ')
                .find_map(|fact| fact.strip_prefix(name))
                .expect("it is told")
                .to_owned()
        };
        let (id, address) = (fact("id="), fact("addr="));
        client.send("*1\r\n!oops\r\n");
        client.expect("-ERR Protocol error: expected '$', got '!'\r\n");
        proxy.expect_log(&format!(
            "client {address} (id {id}) of pool '{pool}' broke a rule and is closed: byte 4 is '!'"
        ));
    }
}
