//! What the log says of clients in trouble: whom it names.

use crate::harness::client::Client;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::REDIS;
use crate::harness::wire::redis;

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
