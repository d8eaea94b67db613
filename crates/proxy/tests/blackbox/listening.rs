//! Where the proxy listens and where its servers do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::harness::client::Client;
use crate::harness::ports::free_port;
use crate::harness::proxy::{BINARY, Proxy, pool, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{MEMCACHED, Memcached, REDIS, Redis, item};
use crate::harness::wire::{bulk, redis, set, value};

#[test]
fn a_pool_listens_on_a_unix_socket_with_the_permissions_it_is_given() {
    let scratch = Scratch::new();
    let (strict, open) = (scratch.path("strict.sock"), scratch.path("open.sock"));
    // What stands in the way from an earlier run is taken away.
    fs::write(&strict, "an old one").expect("a scratch file can be written");
    let servers = [REDIS[0].item()];
    let conf = [("alpha", &strict, "0600"), ("beta", &open, "0777")]
        .map(|(name, path, mode)| {
            pool(name, format!("{} {mode}", text(path)), &["redis: true"], &servers)
        })
        .concat();
    let _proxy = Proxy::start(&conf);
    for (path, mode) in [(&strict, 0o600), (&open, 0o777)] {
        let found = fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(found, mode, "{found:o} is not {mode:o}");
        let mut client = Client::unix(path);
        client.ask(redis(&["SET", "listening:unix", "v"]), "+OK\r\n");
        client.ask(redis(&["GET", "listening:unix"]), bulk("v"));
        client.ask(redis(&["PING"]), "+PONG\r\n");
    }
}

#[test]
fn servers_on_unix_sockets_are_served() {
    let scratch = Scratch::new();
    let (store, cache) = (scratch.path("redis.sock"), scratch.path("memcached.sock"));
    let redis_server = Redis::start_on(free_port(), &["--unixsocket", text(&store)]);
    let _memcached = Memcached::start_unix(&cache);
    let (one, two) = (free_port(), free_port());
    let conf = [
        pool("alpha", one, &["redis: true"], &[format!("{}:1", text(&store))]),
        pool("beta", two, &[], &[format!("{}:1 cache", text(&cache))]),
    ];
    let proxy = Proxy::start(&conf.concat());
    let mut client = Client::tcp(one);
    client.ask(redis(&["SET", "k", "v"]), "+OK\r\n");
    redis_server.client().ask(redis(&["GET", "k"]), bulk("v"));
    let mut client = Client::tcp(two);
    client.ask(set("k", b"v"), "STORED\r\n");
    client.ask("get k\r\n", value("k", b"v"));
    // The original counts such a server's connections only as they close.
    assert_eq!(proxy.figure(&format!("alpha/{}:", text(&store)), "server_connections"), 1);
    assert_eq!(proxy.figure("beta/cache", "server_connections"), 1);
}

#[test]
fn pools_of_both_protocols_live_in_one_process() {
    let ports = [(); 4].map(|()| free_port());
    let stores: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let caches: Vec<String> = MEMCACHED.iter().map(Memcached::item).collect();
    let conf = [
        pool("alpha", ports[0], &["redis: true"], &stores),
        pool("beta", ports[1], &[], &caches),
        pool("gamma", ports[2], &["redis: true", "redis_db: 1"], &stores),
        pool("delta", ports[3], &["hash: md5"], &caches[..1]),
    ];
    let _proxy = Proxy::start(&conf.concat());
    let mut clients = ports.map(Client::tcp);
    clients[0].ask(redis(&["SET", "pools:k", "alpha's"]), "+OK\r\n");
    clients[2].ask(redis(&["SET", "pools:k", "gamma's"]), "+OK\r\n");
    clients[1].ask(set("pools:b", b"beta's"), "STORED\r\n");
    clients[3].ask(set("pools:d", b"delta's"), "STORED\r\n");
    clients[0].ask(redis(&["GET", "pools:k"]), bulk("alpha's"));
    clients[2].ask(redis(&["GET", "pools:k"]), bulk("gamma's"));
    clients[1].ask("get pools:b\r\n", value("pools:b", b"beta's"));
    clients[3].ask("get pools:d\r\n", value("pools:d", b"delta's"));
}

#[test]
fn a_servers_name_is_looked_up() {
    let (one, two, three) = (free_port(), free_port(), free_port());
    let named = [format!("localhost:{}:1", REDIS[0].port())];
    let unknown = ["no-such-host.invalid:6379:1".to_owned()];
    let conf = [
        pool("alpha", one, &["redis: true"], &named),
        pool("beta", two, &["redis: true"], &unknown),
        pool("gamma", three, &[], &unknown),
    ];
    let proxy = Proxy::start(&conf.concat());
    let mut client = Client::tcp(one);
    client.ask(redis(&["SET", "listening:dns", "v"]), "+OK\r\n");
    client.ask(redis(&["GET", "listening:dns"]), bulk("v"));
    let mut client = Client::tcp(two);
    for _ in 0..2 {
        client.ask(redis(&["GET", "k"]), "-ERR Host is down\r\n");
        client.ask(redis(&["MGET", "k", "l"]), "-ERR Host is down\r\n");
    }
    Client::tcp(three).ask("get k\r\n", "SERVER_ERROR Host is down\r\n");
    assert_eq!(proxy.figure("beta/no-such-host.invalid:6379", "server_err"), 4);
    proxy.expect_log("its name has no address");
}

/// A name whose lookup ends after its request has given up must not disturb what came after.
#[test]
fn a_timeout_shorter_than_the_lookup_is_told_as_such() {
    let listen = free_port();
    let servers = [format!("localhost:{}:1", REDIS[0].port())];
    let proxy = Proxy::start(&pool("alpha", listen, &["redis: true", "timeout: 1"], &servers));
    let mut client = Client::tcp(listen);
    for _ in 0..50 {
        client.send(redis(&["STRLEN", "listening:none"]));
        let answer = client.line();
        assert!([":0\r\n", "-ERR Connection timed out\r\n"].contains(&&*answer), "{answer}");
    }
    let of = format!("alpha/localhost:{}", REDIS[0].port());
    assert!((0..=1).contains(&proxy.figure(&of, "server_connections")));
}

#[test]
fn one_more_client_than_the_pool_takes_is_closed_and_the_others_live_on() {
    let (limited, other) = (free_port(), free_port());
    let servers = [REDIS[0].item()];
    let conf = [
        pool("alpha", limited, &["redis: true", "client_connections: 3"], &servers),
        pool("beta", other, &["redis: true"], &servers),
    ];
    for workers in ["1", "2"] {
        let proxy = Proxy::start_with(&conf.concat(), &["-w", workers]);
        let ping = redis(&["PING"]);
        let mut clients = [(); 3].map(|()| Client::tcp(limited));
        clients.iter_mut().for_each(|client| client.ask(&ping, "+PONG\r\n"));
        Client::tcp(limited).expect_close();
        Client::tcp(limited).expect_close();
        clients.iter_mut().for_each(|client| client.ask(&ping, "+PONG\r\n"));
        Client::tcp(other).ask(&ping, "+PONG\r\n");
        assert_eq!(proxy.figure("alpha", "client_connections"), 3);
        assert_eq!(proxy.metric("client_refused_total", "alpha"), 2);
        proxy.expect_log(
            "pool 'alpha' has 3 clients, as many as 'client_connections' lets it have: one more is closed",
        );
        proxy.expect_log("pool 'alpha' has closed no new client for a second, before that 2 in");
        let refused = proxy.log().matches("one more is closed").count();
        assert_eq!(refused, 1, "a line when it begins:\n{}", proxy.log());
        // One leaves, one may come.
        let [leaves, ..] = clients;
        drop(leaves);
        proxy.expect_figure("alpha", "client_connections", 2);
        let mut next = Client::tcp(limited);
        next.ask(&ping, "+PONG\r\n");
        Client::tcp(limited).expect_close();
        next.ask(&ping, "+PONG\r\n");
    }
}

/// What the system's limit of open files leaves once all servers have their connections is for
/// clients: a server can always be connected to.
#[test]
fn the_limit_of_open_files_bounds_the_clients() {
    let listen = free_port();
    let servers: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let keys = ["redis: true", "hash: murmur", "server_connections: 2"];
    let conf = pool("alpha", listen, &keys, &servers);
    let mut proxy = Proxy::start_with_open_files(&conf, 60);
    // 60 less 32 kept, 6 for the servers, a listener, and 3 of the worker's own.
    let room = 18;
    let ping = redis(&["PING"]);
    let mut clients: Vec<Client> = (0..room).map(|_| Client::tcp(listen)).collect();
    clients.iter_mut().for_each(|client| client.ask(&ping, "+PONG\r\n"));
    for _ in 0..30 {
        Client::tcp(listen).expect_close();
    }
    for (n, client) in clients.iter_mut().enumerate() {
        for key in 0..5 {
            client.ask(redis(&["STRLEN", &format!("listening:none:{n}:{key}")]), ":0\r\n");
        }
    }
    assert_eq!(proxy.figure("alpha", "client_connections"), room);
    assert_eq!(proxy.figure("alpha", "forward_error"), 0);
    let told = "the limit of open files (60) leaves no room for more clients: one more of pool 'alpha' is \
                closed; raise it (ulimit -n, LimitNOFILE=)";
    proxy.expect_log(told);
    proxy.expect_log("pool 'alpha' has closed no new client for a second, before that 30 in");
    assert_eq!(proxy.log().matches(told).count(), 1, "a line when it begins:\n{}", proxy.log());
    assert!(!proxy.log().contains("'client_connections'"), "it has none:\n{}", proxy.log());
    clients.pop();
    proxy.expect_figure("alpha", "client_connections", room - 1);
    Client::tcp(listen).ask(&ping, "+PONG\r\n");
    assert!(proxy.runs());
}

/// The original reckons without a sign: it starts, and takes any number of clients.
#[test]
fn where_servers_alone_take_all_open_files_there_is_no_start() {
    let scratch = Scratch::new();
    let keys = ["redis: true", "server_connections: 30"];
    let conf = pool("alpha", free_port(), &keys, &[REDIS[0].item()]);
    let conf = scratch.write("nutcracker.yml", &conf);
    let start = format!("ulimit -n 66; exec timeout 10 \"$0\" -c '{}' -a \"$1\"", text(&conf));
    let stats = scratch.path("stats.sock");
    let ended = Command::new("sh").args(["-c", &start, BINARY, text(&stats)]).output();
    let ended = ended.expect("there is a shell");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let why = "making room for clients failed: the servers need 66 open files and the limit is 66: \
               raise it (ulimit -n)\n";
    assert!(said.contains(why), "{said}");
}

/// A connection that a client has to itself takes the place of one more client while it is open.
#[test]
fn connections_of_clients_own_share_the_room_that_open_files_leave() {
    let (listen, server) = (free_port(), Redis::start());
    let conf = pool("alpha", listen, &["redis: true"], &[server.item()]);
    let proxy = Proxy::start_with_open_files(&conf, 60);
    // 60 less 32 kept, one for the server, a listener, and 3 of the worker's own.
    let room = 23;
    let ping = redis(&["PING"]);
    let mut clients: Vec<Client> = (0..room - 2).map(|_| Client::tcp(listen)).collect();
    clients.iter_mut().for_each(|client| client.ask(&ping, "+PONG\r\n"));
    let mut blocked = Client::tcp(listen);
    blocked.send(redis(&["BLPOP", "listening:room", "0"]));
    let of_server = format!("alpha/127.0.0.1:{}", server.port());
    proxy.expect_figure(&of_server, "server_connections", 1);
    Client::tcp(listen).expect_close();
    let refused = "-ERR no server connection is left for a transaction or a blocking command: the limit \
                   of open files leaves none, raise it (ulimit -n, LimitNOFILE)\r\n";
    clients[0].ask(redis(&["WATCH", "listening:room"]), refused);
    clients[0].ask(redis(&["LPUSH", "listening:room", "v"]), ":1\r\n");
    blocked.expect("*2\r\n$14\r\nlistening:room\r\n$1\r\nv\r\n");
    // What one has done with serves the next.
    clients[0].ask(redis(&["WATCH", "listening:room"]), "+OK\r\n");
    assert_eq!(proxy.figure("alpha", "server_ejects"), 0);
    drop(blocked);
    proxy.expect_figure("alpha", "client_connections", room - 2);
    Client::tcp(listen).ask(&ping, "+PONG\r\n");
}

#[test]
fn servers_are_connected_to_before_the_first_request_if_wanted() {
    let (eager, lazy) = (free_port(), free_port());
    let servers: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let dead = [item(free_port()), REDIS[0].item()];
    let conf = [
        pool("alpha", eager, &["redis: true", "preconnect: true"], &servers),
        pool("beta", lazy, &["redis: true"], &servers),
        pool("gamma", free_port(), &["redis: true", "preconnect: true"], &dead),
    ];
    let proxy = Proxy::start(&conf.concat());
    for server in &*REDIS {
        let name = format!("127.0.0.1:{}", server.port());
        proxy.expect_figure(&format!("alpha/{name}"), "server_connections", 1);
        assert_eq!(proxy.figure(&format!("beta/{name}"), "server_connections"), 0);
    }
    // One that does not answer keeps nobody from starting.
    let name = dead[0].trim_end_matches(":1");
    proxy.expect_figure(&format!("gamma/{name}"), "server_err", 1);
    Client::tcp(eager).ask(redis(&["PING"]), "+PONG\r\n");
}
