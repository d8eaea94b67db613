//! SIGUSR2: the configuration is loaded anew, and no client notices but by what has changed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::harness::client::Client;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{MEMCACHED, REDIS, Redis, item};
use crate::harness::wire::{bulk, redis, set, value};
use crate::harness::workload::Workload;
use crate::harness::{SOON, eventually, kernel, ms};

fn cmd(line: &str) -> Vec<u8> {
    redis(&line.split(' ').collect::<Vec<_>>())
}

/// How many threads of the process serve clients, those among them that have not run yet and bear the name of the
/// thread that made them.
fn workers(proxy: &Proxy) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", proxy.pid())).expect("it runs");
    let name = |id: &str| fs::read_to_string(format!("/proc/{}/task/{id}/comm", proxy.pid())).ok();
    let main = proxy.pid().to_string();
    let unnamed = name(&main).expect("it runs");
    tasks
        .flatten()
        .filter_map(|task| task.file_name().into_string().ok())
        .filter(|id| *id != main)
        .filter_map(|id| name(&id))
        .filter(|it| it.starts_with("worker-") || *it == unnamed)
        .count()
}

#[test]
fn a_client_that_stays_connected_reaches_a_server_that_was_added() {
    let listen = free_port();
    let keys = ["redis: true", "hash: murmur"];
    let all: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let proxy = Proxy::start(&pool("alpha", listen, &keys, &all[..1]));
    let mut client = Client::tcp(listen);
    let names: Vec<String> = (0..40).map(|n| format!("reload:added:{n}")).collect();
    for name in &names {
        client.ask(redis(&["SET", name, "old"]), "+OK\r\n");
    }
    proxy.reload(&pool("alpha", listen, &keys, &all));
    assert!(eventually(|| workers(&proxy) == 1), "the client has gone over");
    // Where keys live is what a proxy says that began with this configuration.
    let other = free_port();
    let fresh = Proxy::start(&pool("alpha", other, &keys, &all));
    let mut fresh_client = Client::tcp(other);
    for name in &names {
        client.ask(redis(&["SET", name, name]), "+OK\r\n");
        fresh_client.ask(redis(&["GET", name]), bulk(name));
    }
    for server in &*REDIS {
        let of = format!("alpha/127.0.0.1:{}", server.port());
        assert!(proxy.figure(&of, "requests") > 0, "{of} gets its share");
    }
    let of = |proxy: &Proxy, server: &Redis| {
        proxy.figure(&format!("alpha/127.0.0.1:{}", server.port()), "requests")
    };
    assert_eq!(of(&proxy, &REDIS[1]), of(&fresh, &REDIS[1]));
    // And away again: the server's connections are closed.
    proxy.reload(&pool("alpha", listen, &keys, &all[..1]));
    assert!(eventually(|| workers(&proxy) == 1), "the client has gone over");
    for name in &names {
        client.ask(redis(&["SET", name, "new"]), "+OK\r\n");
        client.ask(redis(&["GET", name]), bulk("new"));
    }
    assert!(!proxy.stats()["alpha"].to_string().contains(&REDIS[1].port().to_string()));
    client.ask(
        redis(&names.iter().fold(vec!["DEL"], |mut all, name| {
            all.push(name);
            all
        })),
        ":40\r\n",
    );
}

#[test]
fn counters_go_on_and_connections_are_counted_once() {
    let listen = free_port();
    let servers = [format!("{} one", REDIS[0].item()), format!("{} two", REDIS[1].item())];
    let proxy = Proxy::start(&pool("alpha", listen, &["redis: true"], &servers));
    let mut client = Client::tcp(listen);
    for n in 0..20 {
        client.ask(redis(&["GET", &format!("reload:counted:{n}")]), "$-1\r\n");
    }
    let requests = |of| proxy.figure(of, "requests");
    let before = [requests("alpha/one"), requests("alpha/two")];
    let total = proxy.stats()["total_connections"].as_i64().expect("a number");
    for round in 1..4 {
        // Their order is another each time, and one of them has another weight.
        let mut servers = servers.to_vec();
        servers[0] = servers[0].replace(":1 one", &format!(":{} one", round + 1));
        if round % 2 == 1 {
            servers.reverse();
        }
        proxy.reload(&pool("alpha", listen, &["redis: true"], &servers));
        proxy.expect_figure("alpha", "client_connections", 1);
        assert_eq!([requests("alpha/one"), requests("alpha/two")], before);
    }
    let now = proxy.stats()["total_connections"].as_i64().expect("a number");
    assert_eq!(now, total, "nobody has come");
    client.ask(cmd("GET reload:counted:0"), "$-1\r\n");
    assert_eq!(requests("alpha/one") + requests("alpha/two"), 21);
    assert_eq!(proxy.figure("alpha", "client_eof") + proxy.figure("alpha", "client_err"), 0);
}

#[test]
fn nothing_is_lost_or_mixed_up_while_it_is_reloaded_over_and_over() {
    let listen = free_port();
    let servers: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let conf = |round: usize| {
        let keys = ["redis: true", "hash: murmur", "timeout: 5000", "preconnect: true"];
        let each = format!("server_connections: {}", 1 + round % 3);
        let keys = [&keys[..], &[&each]].concat();
        let global = format!("global:\n  workers: {}\n", 1 + round % 2);
        global + &pool("alpha", listen, &keys, &servers)
    };
    let proxy = Proxy::start(&conf(0));
    let loads: Vec<Workload> =
        (0..6).map(|n| Workload::start(listen, &format!("reload:load:{n}"))).collect();
    for round in 1..25 {
        proxy.reload(&conf(round));
        if round % 4 == 0 {
            loads.iter().for_each(|load| load.expect_progress(2));
        }
    }
    // Faster than clients can go over.
    for _ in 0..20 {
        proxy.signal("USR2");
        Client::tcp(listen).ask(cmd("PING"), "+PONG\r\n");
    }
    loads.iter().for_each(|load| load.expect_progress(5));
    loads.into_iter().for_each(Workload::stop);
    proxy.expect_figure("alpha", "client_connections", 0);
    assert_eq!(proxy.figure("alpha", "client_err"), 0);
    assert_eq!(proxy.figure("alpha", "client_eof"), 6 + 20);
    assert_eq!(proxy.figure("alpha", "forward_error"), 0);
    let asked: i64 = REDIS
        .iter()
        .map(|server| format!("alpha/127.0.0.1:{}", server.port()))
        .map(|of| {
            assert_eq!(proxy.figure(&of, "requests"), proxy.figure(&of, "responses"), "{of}");
            proxy.figure(&of, "requests")
        })
        .sum();
    assert!(asked > 1_000, "{asked} requests");
    assert!(eventually(|| workers(&proxy) == 1), "{} workers are left", workers(&proxy));
    // Those of the first one's servers, one listener, and the reader.
    let conns = proxy.stats()["curr_connections"].as_i64().expect("a number");
    assert!(conns <= 1 + 3, "{conns} connections");
}

#[test]
fn memcached_clients_go_over_too_behind_what_they_wanted_no_answer_to() {
    let listen = free_port();
    let servers: Vec<String> = MEMCACHED.iter().map(|server| item(server.port())).collect();
    let proxy = Proxy::start(&pool("alpha", listen, &[], &servers));
    let mut client = Client::tcp(listen);
    for round in 0..10 {
        let name = format!("reload:silent:{round}");
        let quiet = format!("set {name} 0 0 4 noreply\r\nlost\r\n");
        client.send(quiet.repeat(50));
        proxy.reload(&pool("alpha", listen, &[], &servers));
        client.ask(set(&name, b"kept"), "STORED\r\n");
        client.ask(format!("get {name}\r\n"), value(&name, b"kept"));
        // The first half before, the second half after.
        let request = set(&name, b"torn");
        let (head, tail) = request.split_at(request.len() - 4);
        client.send(head);
        proxy.reload(&pool("alpha", listen, &[], &servers));
        client.ask(tail, "STORED\r\n");
    }
}

#[test]
fn what_a_client_has_begun_is_ended_and_what_it_has_said_holds() {
    let listen = free_port();
    let conf = pool("alpha", listen, &["redis: true"], &[REDIS[0].item()]);
    let proxy = Proxy::start(&conf);
    let mut client = Client::tcp(listen);
    client.ask(cmd("SELECT 3"), "+OK\r\n");
    client.ask(cmd("CLIENT SETNAME me"), "+OK\r\n");
    let mut writer = Client::tcp(listen);
    writer.ask(cmd("MULTI"), "+OK\r\n");
    let mut waiter = Client::tcp(listen);
    waiter.send(cmd("BLPOP reload:list 0"));
    assert!(eventually(|| workers(&proxy) == 1));
    proxy.reload(&conf);
    client.ask(cmd("SET reload:session 3"), "+OK\r\n");
    client.ask(cmd("CLIENT GETNAME"), bulk("me"));
    let mut past = REDIS[0].client();
    past.ask(cmd("SELECT 3"), "+OK\r\n");
    past.ask(cmd("DEL reload:session"), ":1\r\n");
    writer.ask(cmd("SET reload:transaction 1"), "+QUEUED\r\n");
    writer.ask(cmd("EXEC"), "*1\r\n+OK\r\n");
    // One waits where it asked, whatever comes; of what was in between nothing stays.
    for _ in 0..5 {
        proxy.reload(&conf);
        client.ask(cmd("CLIENT GETNAME"), bulk("me"));
    }
    assert!(eventually(|| workers(&proxy) == 2), "{} workers", workers(&proxy));
    writer.ask(cmd("DEL reload:transaction"), ":1\r\n");
    writer.ask(cmd("RPUSH reload:list x"), ":1\r\n");
    waiter.expect([b"*2\r\n".to_vec(), bulk("reload:list"), bulk("x")].concat());
    waiter.ask(cmd("PING"), "+PONG\r\n");
    assert!(eventually(|| workers(&proxy) == 1));
    assert_eq!(proxy.figure("alpha", "client_connections"), 3);
}

#[test]
fn subscribers_hear_on_and_from_a_server_that_was_added() {
    let listen = free_port();
    let all: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let proxy = Proxy::start(&pool("alpha", listen, &["redis: true"], &all[..1]));
    let channels: Vec<String> = (0..6).map(|n| format!("reload:channel:{n}")).collect();
    let mut subscriber = Client::tcp(listen);
    for (n, channel) in channels.iter().enumerate() {
        let told = [b"*3\r\n".to_vec(), bulk("subscribe"), bulk(channel)].concat();
        subscriber.ask(
            redis(&["SUBSCRIBE", channel]),
            [&told[..], format!(":{}\r\n", n + 1).as_bytes()].concat(),
        );
    }
    let mut publisher = Client::tcp(listen);
    for round in 0..4 {
        let payload = round.to_string();
        for channel in &channels {
            // Until the servers have been asked again nobody hears.
            let heard = eventually(|| {
                publisher.send(redis(&["PUBLISH", channel, &payload]));
                publisher.line() == ":1\r\n"
            });
            assert!(heard, "{channel} is heard");
            let message = [bulk("message"), bulk(channel), bulk(&payload)].concat();
            subscriber.expect([b"*3\r\n".to_vec(), message].concat());
        }
        subscriber.expect_silence(ms(20));
        proxy.reload(&pool("alpha", listen, &["redis: true"], &all[..1 + round % 3]));
    }
}

#[test]
fn pools_come_and_go_and_so_do_their_addresses() {
    let [one, two, three] = [free_port(), free_port(), free_port()];
    let keys = ["redis: true"];
    let of = |name, port, server: usize| pool(name, port, &keys, &[REDIS[server].item()]);
    let proxy = Proxy::start(&(of("alpha", one, 0) + &of("beta", two, 1)));
    let [mut alpha, mut beta] = [Client::tcp(one), Client::tcp(two)];
    for client in [&mut alpha, &mut beta] {
        client.ask(cmd("PING"), "+PONG\r\n");
    }
    // One is gone, one is new, and one listens elsewhere.
    proxy.reload(&(of("alpha", three, 0) + &of("gamma", one, 2)));
    beta.expect_close();
    assert!(eventually(|| !kernel::listens(two)));
    alpha.ask(cmd("SET reload:pools a"), "+OK\r\n");
    Client::tcp(three).ask(cmd("GET reload:pools"), bulk("a"));
    let mut gamma = Client::tcp(one);
    gamma.ask(cmd("GET reload:pools"), "$-1\r\n");
    // Only the name is another.
    proxy.reload(&(of("omega", three, 0) + &of("gamma", one, 2)));
    alpha.ask(cmd("DEL reload:pools"), ":1\r\n");
    gamma.ask(cmd("PING"), "+PONG\r\n");
    assert_eq!(proxy.figure("omega", "client_connections"), 1);
    // A client that speaks the one protocol is no client of the other.
    proxy.reload(&pool("omega", three, &[], &[item(MEMCACHED[0].port())]));
    alpha.expect_close();
    Client::tcp(three).ask("version\r\n", "VERSION ");
}

#[test]
fn a_configuration_that_cannot_be_is_told_of_and_changes_nothing() {
    let [listen, taken] = [free_port(), free_port()];
    let _holds = std::net::TcpListener::bind(("127.0.0.1", taken)).expect("it is free");
    let keys = ["redis: true"];
    let servers = [REDIS[0].item()];
    let good = pool("alpha", listen, &keys, &servers);
    let proxy = Proxy::start(&good);
    let mut client = Client::tcp(listen);
    for (conf, words) in [
        (good.replace("redis: true", "redis: perhaps"), "perhaps"),
        (String::new(), "nutcracker.yml"),
        (good.clone() + &pool("beta", taken, &keys, &servers), "another process listens there"),
        (good.clone() + &pool("beta", format!("127.1:{listen}"), &keys, &servers), "is where pool"),
        (
            good.replace("127.0.0.1", "0.0.0.0"),
            "overlap: a restart can change the one to the other",
        ),
    ] {
        proxy.reload_in_vain(&conf);
        proxy.expect_log(words);
        client.ask(cmd("PING"), "+PONG\r\n");
        Client::tcp(listen).ask(cmd("PING"), "+PONG\r\n");
        assert_eq!(workers(&proxy), 1);
    }
    proxy.reload(&good);
    client.ask(cmd("PING"), "+PONG\r\n");
}

#[test]
fn a_unix_socket_stays_and_takes_on_other_permissions() {
    let scratch = Scratch::new();
    let socket = scratch.path("alpha.sock");
    let conf = |mode: &str| {
        pool("alpha", format!("{} {mode}", text(&socket)), &["redis: true"], &[REDIS[0].item()])
    };
    let proxy = Proxy::start(&conf("0700"));
    let mut client = Client::unix(&socket);
    let before = fs::metadata(&socket).expect("it is there");
    proxy.reload(&conf("0770"));
    client.ask(cmd("PING"), "+PONG\r\n");
    Client::unix(&socket).ask(cmd("PING"), "+PONG\r\n");
    let after = fs::metadata(&socket).expect("it is there");
    assert_eq!(before.ino(), after.ino());
    assert_eq!(after.permissions().mode() & 0o777, 0o770);
}

#[test]
fn a_server_that_is_ejected_is_so_still() {
    let (listen, dead) = (free_port(), free_port());
    let keys = [
        "redis: true",
        // The default hash leaves these keys close together: with some ports none is on the dead server.
        "hash: murmur",
        "auto_eject_hosts: true",
        "server_failure_limit: 1",
        "server_retry_timeout: 60000",
    ];
    let servers = [item(dead), REDIS[0].item()];
    let conf = pool("alpha", listen, &keys, &servers);
    let proxy = Proxy::start(&conf);
    let mut client = Client::tcp(listen);
    let ejected = eventually(|| {
        (0..20).for_each(|n| {
            client.send(redis(&["GET", &format!("reload:ejected:{n}")]));
            client.line();
        });
        proxy.figure("alpha", "server_ejects") == 1
    });
    assert!(ejected);
    proxy.reload(&conf);
    for n in 0..40 {
        client.ask(redis(&["GET", &format!("reload:ejected:{n}")]), "$-1\r\n");
    }
    assert_eq!(proxy.figure("alpha", "server_ejects"), 1);
    assert!(proxy.figure(&format!("alpha/127.0.0.1:{dead}"), "server_ejected_at") > 0);
}

#[test]
fn failures_before_and_after_count_together() {
    let (listen, dead) = (free_port(), free_port());
    let keys = ["redis: true", "auto_eject_hosts: true", "server_failure_limit: 2"];
    let conf = pool("alpha", listen, &keys, &[item(dead)]);
    let proxy = Proxy::start(&conf);
    let mut client = Client::tcp(listen);
    for ejects in [0, 1] {
        client.ask(cmd("GET reload:failures"), "-ERR Connection refused\r\n");
        proxy.expect_figure("alpha", "server_ejects", ejects);
        proxy.reload(&conf);
    }
}

#[test]
fn every_worker_of_every_configuration_hears_of_the_next() {
    let listen = free_port();
    let conf = |name: &str| {
        let global = "global:\n  workers: 2\n";
        global.to_owned() + &pool(name, listen, &["redis: true"], &[REDIS[0].item()])
    };
    let proxy = Proxy::start(&conf("alpha"));
    // They are dealt in turn: the second worker has the one that waits, and the first one ends.
    let [mut client, mut waiter] = [Client::tcp(listen), Client::tcp(listen)];
    waiter.send(cmd("BLPOP reload:workers 0"));
    proxy.expect_figure(&format!("alpha/127.0.0.1:{}", REDIS[0].port()), "requests", 1);
    for name in ["alpha", "beta", "gamma"] {
        proxy.reload(&conf(name));
        client.ask(cmd("PING"), "+PONG\r\n");
        assert!(eventually(|| workers(&proxy) == 3), "{} workers", workers(&proxy));
    }
    client.ask(cmd("RPUSH reload:workers x"), ":1\r\n");
    waiter.expect([b"*2\r\n".to_vec(), bulk("reload:workers"), bulk("x")].concat());
    assert!(eventually(|| workers(&proxy) == 2));
    waiter.ask(cmd("PING"), "+PONG\r\n");
    waiter.send(cmd("BLPOP reload:workers 0"));
    proxy.reload(&conf("delta"));
    // Who waits for nothing in a pool that is no more is told so.
    let elsewhere = pool("omega", free_port(), &["redis: true"], &[REDIS[0].item()]);
    proxy.reload(&elsewhere);
    waiter.expect("-ERR the pool is removed\r\n");
    waiter.expect_close();
    client.expect_close();
    assert!(eventually(|| workers(&proxy) == 1));
}

#[test]
fn a_stop_ends_clients_of_every_configuration() {
    let listen = free_port();
    let conf = pool("alpha", listen, &["redis: true"], &[REDIS[0].item()]);
    let mut proxy = Proxy::start(&conf);
    let [mut waiter, mut client] = [Client::tcp(listen), Client::tcp(listen)];
    waiter.send(cmd("BLPOP reload:never 0"));
    client.ask(cmd("PING"), "+PONG\r\n");
    proxy.reload(&conf);
    client.ask(cmd("PING"), "+PONG\r\n");
    proxy.signal("TERM");
    let status = proxy.wait(SOON).expect("it ends");
    assert!(status.success(), "{status}");
    assert!(waiter.line().starts_with("-ERR "), "who waits is told");
    waiter.expect_close();
    client.expect_close();
}

/// Those that stay behind count, and those that have not come over yet.
#[test]
fn a_reload_lets_in_no_more_clients_than_there_may_be() {
    let ping = redis(&["PING"]);
    // In the second case 60 open files are the limit: less 32 kept, one for the server, a listener, 3 of the
    // worker's own, and the connections of the client that blocks and for the one that is subscribed.
    for (key, most, others) in [("client_connections: 5", 5, 0), ("client_connections: 0", 21, 1)] {
        let (listen, server) = (free_port(), Redis::start());
        let conf = pool("alpha", listen, &["redis: true", key], &[server.item()]);
        let proxy = Proxy::start_with_open_files(&conf, 60);
        let mut waiter = Client::tcp(listen);
        waiter.send(cmd("BLPOP reload:limits 0"));
        let of_server = format!("alpha/127.0.0.1:{}", server.port());
        proxy.expect_figure(&of_server, "server_connections", 1);
        let mut subscriber = Client::tcp(listen);
        subscriber.ask(
            cmd("SUBSCRIBE reload:limits"),
            "*3\r\n$9\r\nsubscribe\r\n$13\r\nreload:limits\r\n:1\r\n",
        );
        let mut clients: Vec<Client> = (2..most).map(|_| Client::tcp(listen)).collect();
        clients.iter_mut().for_each(|client| client.ask(&ping, "+PONG\r\n"));
        Client::tcp(listen).expect_close();
        for _ in 0..3 {
            proxy.reload(&conf);
            proxy.expect_figure("alpha", "client_connections", most - 1);
            Client::tcp(listen).expect_close();
            clients.iter_mut().for_each(|client| client.ask(&ping, "+PONG\r\n"));
        }
        clients[0].ask(cmd("LPUSH reload:limits v"), ":1\r\n");
        waiter.expect("*2\r\n$13\r\nreload:limits\r\n$1\r\nv\r\n");
        assert!(eventually(|| workers(&proxy) == 1), "it has gone over: {key}");
        // What its connection took is free again, and what those of the subscriber took before.
        let mut more: Vec<Client> = (0..others).map(|_| Client::tcp(listen)).collect();
        more.iter_mut().for_each(|client| client.ask(&ping, "+PONG\r\n"));
        Client::tcp(listen).expect_close();
        drop(clients);
        proxy.expect_figure("alpha", "client_connections", 2 + others);
        Client::tcp(listen).ask(&ping, "+PONG\r\n");
    }
}

#[test]
fn who_waits_at_a_server_since_before_a_reload_counts_against_the_limit_of_those() {
    let (listen, server) = (free_port(), Redis::start());
    let conf = |most: u32| {
        let most = format!("pinned_connections_max: {most}");
        pool("alpha", listen, &["redis: true", &most], &[server.item()])
    };
    let proxy = Proxy::start(&conf(1));
    let [mut waiter, mut other] = [Client::tcp(listen), Client::tcp(listen)];
    waiter.send(cmd("BLPOP reload:pinned 0"));
    let of_server = format!("alpha/127.0.0.1:{}", server.port());
    proxy.expect_figure(&of_server, "server_connections", 1);
    for most in [1, 1, 2] {
        proxy.reload(&conf(most));
        other.ask(cmd("PING"), "+PONG\r\n");
        other.send(cmd("WATCH reload:pinned"));
        let answer = other.line();
        assert_eq!(answer.starts_with("-ERR "), most == 1, "{most}: {answer}");
    }
    other.ask(cmd("UNWATCH"), "+OK\r\n");
    other.ask(cmd("LPUSH reload:pinned v"), ":1\r\n");
    waiter.expect("*2\r\n$13\r\nreload:pinned\r\n$1\r\nv\r\n");
    proxy.reload(&conf(1));
    other.ask(cmd("WATCH reload:pinned"), "+OK\r\n");
}
