//! Requests for all servers of a pool, through the real binary and three servers of their own.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool, text};
use crate::harness::servers::Redis;
use crate::harness::wire::redis;
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
