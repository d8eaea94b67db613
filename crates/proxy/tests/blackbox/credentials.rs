//! `redis_auth` and `redis_db`: said to every server, over TCP and unix sockets, before anything
//! else.

use crate::harness::client::Client;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{MEMCACHED, Redis};
use crate::harness::wire::{bulk, redis, set, value};

/// A server with the password `s3cret`, on a port and on a unix socket.
fn guarded() -> (Scratch, Redis, [String; 2]) {
    let scratch = Scratch::new();
    let path = scratch.path("redis.sock");
    let args = ["--requirepass", "s3cret", "--unixsocket", text(&path)];
    let server = Redis::start_on(free_port(), &args);
    let items = [server.item(), format!("{}:1", text(&path))];
    (scratch, server, items)
}

#[test]
fn the_password_and_the_database_reach_every_server() {
    let (_scratch, server, items) = guarded();
    let mut direct = server.client();
    direct.ask(redis(&["AUTH", "s3cret"]), "+OK\r\n");
    for (database, servers) in [(3, &items[..1]), (4, &items[1..])] {
        for preconnect in [true, false] {
            let listen = free_port();
            let database = database.to_string();
            let keys = [
                "redis: true",
                "redis_auth: s3cret",
                &*format!("redis_db: {database}"),
                &*format!("preconnect: {preconnect}"),
            ];
            let mut proxy = Proxy::start(&pool("alpha", listen, &keys, servers));
            let mut client = Client::tcp(listen);
            client.ask(redis(&["GET", "k"]), "-NOAUTH Authentication required\r\n");
            client.ask(redis(&["AUTH", "wrong"]), "-ERR invalid password\r\n");
            client.ask(redis(&["GET", "k"]), "-NOAUTH Authentication required\r\n");
            client.ask(redis(&["AUTH", "s3cret"]), "+OK\r\n");
            client.ask(redis(&["SET", "k", &database]), "+OK\r\n");
            client.ask(redis(&["GET", "k"]), bulk(&database));
            direct.ask(redis(&["SELECT", &database]), "+OK\r\n");
            direct.ask(redis(&["GET", "k"]), bulk(&database));
            direct.ask(redis(&["SELECT", "0"]), "+OK\r\n");
            direct.ask(redis(&["EXISTS", "k"]), ":0\r\n");
            // A second client has to say it too, and shares the server's connection.
            let mut second = Client::tcp(listen);
            second.ask(redis(&["GET", "k"]), "-NOAUTH Authentication required\r\n");
            second.ask(
                [redis(&["AUTH", "s3cret"]), redis(&["GET", "k"])].concat(),
                [b"+OK\r\n".to_vec(), bulk(&database)].concat(),
            );
            assert!(proxy.runs());
        }
    }
}

#[test]
fn a_password_that_the_server_refuses_is_told_and_no_request_is_sent() {
    let (_scratch, server, items) = guarded();
    for servers in [&items[..1], &items[1..]] {
        let listen = free_port();
        let keys = ["redis: true", "redis_auth: wrong"];
        let proxy = Proxy::start(&pool("alpha", listen, &keys, servers));
        let mut client = Client::tcp(listen);
        client.ask(redis(&["AUTH", "wrong"]), "+OK\r\n");
        let refusal = "-ERR WRONGPASS invalid username-password pair or user is disabled.\r\n";
        client.ask(redis(&["SET", "k", "v"]), refusal);
        client.ask(redis(&["MGET", "k", "l"]), refusal);
        client.ask(redis(&["PING"]), "+PONG\r\n");
        proxy.expect_log("handshake refused: WRONGPASS");
    }
    let mut direct = server.client();
    direct.ask(redis(&["AUTH", "s3cret"]), "+OK\r\n");
    direct.ask(redis(&["DBSIZE"]), ":0\r\n");
}

#[test]
fn a_database_that_the_server_does_not_have_is_told_and_no_request_is_sent() {
    let (_scratch, server, items) = guarded();
    for servers in [&items[..1], &items[1..]] {
        let listen = free_port();
        let keys = ["redis: true", "redis_auth: s3cret", "redis_db: 99"];
        let _proxy = Proxy::start(&pool("alpha", listen, &keys, servers));
        let mut client = Client::tcp(listen);
        client.ask(redis(&["AUTH", "s3cret"]), "+OK\r\n");
        client.ask(redis(&["SET", "k", "v"]), "-ERR DB index is out of range\r\n");
    }
    let mut direct = server.client();
    direct.ask(redis(&["AUTH", "s3cret"]), "+OK\r\n");
    direct.ask(redis(&["DBSIZE"]), ":0\r\n");
}

#[test]
fn a_database_means_nothing_to_a_pool_of_memcached() {
    let listen = free_port();
    let conf = pool("alpha", listen, &["redis_db: 5"], &[MEMCACHED[0].item()]);
    let proxy = Proxy::start(&conf);
    let mut client = Client::tcp(listen);
    client.ask(set("credentials:db", b"v"), "STORED\r\n");
    client.ask("get credentials:db\r\n", value("credentials:db", b"v"));
    proxy.expect_log("'redis_db'");
}
