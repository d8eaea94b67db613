//! Requests for all servers of a pool, through the real binary and three servers of their own.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool, text};
use crate::harness::servers::{Memcached, Redis};
use crate::harness::wire::{bulk, redis};
use crate::harness::{client::Client, eventually};

/// Three servers, and a pool of them with further keys.
fn three(keys: &[&str]) -> ([Redis; 3], Proxy, u16) {
    let servers = [(); 3].map(|()| Redis::start());
    let listen = free_port();
    let keys = [&["redis: true", "hash: murmur"], keys].concat();
    let proxy = Proxy::start(&pool("alpha", listen, &keys, &servers.each_ref().map(Redis::item)));
    (servers, proxy, listen)
}

#[test]
fn a_librarys_iterator_sees_every_key_once() {
    let (servers, proxy, listen) = three(&[]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/clients");
    let output = Command::new("/usr/bin/python3")
        .arg(text(&path.join("everywhere_client.py")))
        .arg(listen.to_string())
        .args(servers.iter().map(|server| server.port().to_string()))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("python3: {error}; please install python3-redis"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "it needs Debian's python3-redis: {said}");
    assert_eq!(proxy.figure("alpha", "forward_error"), 0);
    assert_eq!(proxy.figure("alpha", "client_err"), 0);
}

#[test]
fn the_keys_of_all_servers_are_counted_listed_and_drawn() {
    let (servers, _proxy, listen) = three(&[]);
    let mut client = Client::tcp(listen);
    client.ask(redis(&["DBSIZE"]), ":0\r\n");
    client.ask(redis(&["KEYS", "*"]), "*0\r\n");
    client.ask(redis(&["RANDOMKEY"]), "$-1\r\n");
    for (n, server) in servers.iter().enumerate() {
        server.client().ask(redis(&["SET", &format!("k{n}"), "v"]), "+OK\r\n");
    }
    client.ask(redis(&["DBSIZE"]), ":3\r\n");
    client.send(redis(&["KEYS", "k?"]));
    client.expect("*3\r\n");
    let mut lines: Vec<String> = (0..6).map(|_| client.line()).collect();
    lines.retain(|line| line.starts_with('k'));
    lines.sort();
    assert_eq!(lines.concat(), "k0\r\nk1\r\nk2\r\n");
    let mut drawn: Vec<String> = Vec::new();
    assert!(eventually(|| {
        client.send(redis(&["RANDOMKEY"]));
        client.expect("$2\r\n");
        let key = client.line();
        if !drawn.contains(&key) {
            drawn.push(key);
        }
        drawn.len() == 3
    }));
}

#[test]
fn data_is_flushed_on_all_servers_where_it_is_allowed() {
    let (servers, _proxy, listen) = three(&["allow_flush: true"]);
    let mut client = Client::tcp(listen);
    for request in [&["FLUSHALL"][..], &["FLUSHDB"], &["FLUSHALL", "ASYNC"], &["FLUSHDB", "SYNC"]] {
        for server in &servers {
            server.client().ask(redis(&["SET", "k", "v"]), "+OK\r\n");
        }
        client.ask(redis(request), "+OK\r\n");
        assert_eq!(servers.each_ref().map(Redis::keys), [0; 3], "{request:?}");
    }
    client.ask(redis(&["FLUSHALL", "NOW"]), "-ERR syntax error\r\n");

    let (servers, _proxy, listen) = three(&[]);
    servers[0].client().ask(redis(&["SET", "k", "v"]), "+OK\r\n");
    let refused =
        "-ERR flushing the servers is off; the pool's option 'allow_flush: true' turns it on\r\n";
    Client::tcp(listen).ask(redis(&["FLUSHALL"]), refused);
    assert_eq!(servers[0].keys(), 1);
}

#[test]
fn a_server_that_is_gone_makes_a_whole_answer_an_error_and_a_partial_one_smaller() {
    let keys = ["timeout: 2000", "multi_error: partial"];
    let (servers, mut proxy, listen) = three(&keys);
    let mut client = Client::tcp(listen);
    let names: Vec<String> = (0..30).map(|n| format!("k{n}")).collect();
    let mut mget = vec!["MGET"];
    for name in &names {
        client.ask(redis(&["SET", name, "v"]), "+OK\r\n");
        mget.push(name);
    }
    let gone = format!("127.0.0.1:{}", servers[1].port());
    let lost = servers[1].keys() as usize;
    assert!(0 < lost && lost < names.len(), "{lost}");
    servers[1].signal("KILL");
    for request in [&["DBSIZE"][..], &["KEYS", "*"], &["RANDOMKEY"]] {
        client.send(redis(request));
        let line = client.line();
        assert!(line.starts_with(&format!("-ERR server '{gone}': ")), "{line}");
    }
    client.send(redis(&mget));
    client.expect("*30\r\n");
    let mut nulls = 0;
    for _ in &names {
        match &*client.line() {
            "$-1\r\n" => nulls += 1,
            _ => client.expect("v\r\n"),
        }
    }
    assert_eq!(nulls, lost);
    assert!(proxy.runs());
}

#[test]
fn a_script_is_loaded_again_where_a_server_lost_it() {
    let (servers, _proxy, listen) = three(&[]);
    let mut client = Client::tcp(listen);
    let digest = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
    client.send(redis(&["EVALSHA", digest, "1", "k"]));
    let line = client.line();
    assert!(line.starts_with("-NOSCRIPT "), "nobody has sent it: {line}");
    client.ask(redis(&["EVAL", "return 1", "1", "k"]), ":1\r\n");
    for n in 0..30 {
        client.ask(redis(&["EVALSHA", digest, "1", &format!("k{n}")]), ":1\r\n");
    }
    for server in &servers {
        server.client().ask(redis(&["SCRIPT", "FLUSH"]), "+OK\r\n");
    }
    let other = &mut Client::tcp(listen);
    other.ask(redis(&["EVALSHA", digest, "1", "k"]), ":1\r\n");
}

/// Servers under names of their own, so that keys lie where they lie whatever the ports.
fn named(items: [String; 2]) -> [String; 2] {
    let mut names = ["first", "second"].into_iter();
    items.map(|item| format!("{item} {}", names.next().unwrap_or_default()))
}

/// What `stats` tells, by name.
fn told(client: &mut Client, request: &str) -> BTreeMap<String, u64> {
    client.send(request);
    let mut figures = BTreeMap::new();
    loop {
        let line = client.line();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["STAT", name, value] => {
                // Versions and the like are no numbers, and not looked at here.
                let twice = figures.insert(name.to_owned(), value.parse().unwrap_or(u64::MAX));
                assert_eq!(twice, None, "{line}");
            }
            ["END"] => return figures,
            _ => panic!("{request:?} was answered with {line:?}"),
        }
    }
}

#[test]
fn memcacheds_figures_are_those_of_all_servers_and_the_proxys_own() {
    let servers = [Memcached::start(), Memcached::start()];
    let alone = Memcached::start();
    let (both, one) = (free_port(), free_port());
    let items = named(servers.each_ref().map(Memcached::item));
    let pools =
        pool("both", both, &["hash: murmur"], &items) + &pool("one", one, &[], &[alone.item()]);
    let proxy = Proxy::start(&format!("global:\n  workers: 2\n{pools}"));
    let mut clients = [Client::tcp(both), Client::tcp(both), Client::tcp(both)];
    for n in 0..20 {
        clients[n % 3].ask(format!("set k{n} 0 0 1\r\nx\r\n"), "STORED\r\n");
    }
    let counted =
        |server: &Memcached| told(&mut Client::tcp(server.port()), "stats\r\n")["cmd_set"];
    let sets = servers.each_ref().map(counted);
    assert!(sets.iter().all(|sets| *sets > 0), "{sets:?}");
    let figures = told(&mut clients[0], "stats\r\n");
    assert_eq!((figures["cmd_set"], figures["curr_items"]), (20, 20), "{figures:?}");
    let limit = told(&mut Client::tcp(alone.port()), "stats\r\n")["limit_maxbytes"];
    assert_eq!(figures["limit_maxbytes"], 2 * limit);
    assert_eq!(figures["proxy_client_connections"], 3, "over both workers: {figures:?}");
    assert_eq!(figures["proxy_client_err"], 0);
    let items = told(&mut clients[1], "stats items\r\n");
    assert!(items.keys().all(|name| name.starts_with("items:")), "{items:?}");
    clients[2].ask("stats reset\r\n", "ERROR\r\n");

    let figures = told(&mut Client::tcp(one), "stats\r\n");
    assert_eq!((figures["cmd_set"], figures["proxy_client_connections"]), (0, 1), "{figures:?}");
    assert_eq!(proxy.figure("both", "forward_error"), 0);
}

#[test]
fn a_command_that_only_the_servers_know_is_sent_where_its_key_is() {
    // A command under another name stands for those of a module.
    let args = ["--rename-command", "SET", "module.set", "--rename-command", "MGET", "module.mget"];
    let servers = [(); 2].map(|()| Redis::start_on(free_port(), &args));
    let items = named(servers.each_ref().map(Redis::item));
    let (with, without) = (free_port(), free_port());
    let keys = [
        "redis: true",
        "hash: murmur",
        "hash_tag: \"{}\"",
        "commands: module.set 1, module.mget 1..-1",
    ];
    let pools = pool("with", with, &keys, &items) + &pool("without", without, &keys[..3], &items);
    let _proxy = Proxy::start(&pools);
    let mut client = Client::tcp(with);
    for n in 0..20 {
        client.ask(redis(&["Module.Set", &format!("k{n}"), &format!("v{n}")]), "+OK\r\n");
    }
    for n in 0..20 {
        let value = format!("v{n}");
        client.ask(redis(&["GET", &format!("k{n}")]), bulk(&value));
    }
    let kept = servers.each_ref().map(Redis::keys);
    assert!(kept.iter().all(|keys| *keys > 0) && kept.iter().sum::<u64>() == 20, "{kept:?}");
    client.ask(redis(&["module.set", "{t}1", "a"]), "+OK\r\n");
    client.ask(redis(&["module.mget", "{t}1", "{t}2"]), "*2\r\n$1\r\na\r\n$-1\r\n");
    let names: Vec<String> = (0..20).map(|n| format!("k{n}")).collect();
    let mut words = vec!["module.mget"];
    words.extend(names.iter().map(String::as_str));
    client.send(redis(&words));
    let line = client.line();
    assert!(line.starts_with("-CROSSSLOT ") && line.contains("hash_tag"), "{line}");
    let mut client = Client::tcp(without);
    client.send(redis(&["module.set", "k", "v"]));
    let line = client.line();
    assert!(line.starts_with("-ERR unknown command 'module.set', with args"), "{line}");
}
