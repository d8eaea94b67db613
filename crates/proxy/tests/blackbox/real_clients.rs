//! Clients that people use.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::harness::client::Client;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::{MEMCACHED, Memcached, REDIS, Redis};
use crate::harness::wire::{set, value, value_block};

fn redis_proxy() -> (Proxy, u16) {
    let listen = free_port();
    let servers: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let keys = ["redis: true", "auto_eject_hosts: false"];
    (Proxy::start(&pool("alpha", listen, &keys, &servers)), listen)
}

fn redis_cli(port: u16, args: &[&str], stdin: &str) -> String {
    let mut process = Command::new("redis-cli")
        .args(["-p", &port.to_string()])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-cli comes with redis-server");
    process.stdin.take().expect("it is piped").write_all(stdin.as_bytes()).expect("it reads");
    let output = process.wait_with_output().expect("it is our child");
    assert!(output.status.success(), "{args:?} {stdin:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn redis_cli_talks_through_the_proxy() {
    let (_proxy, port) = redis_proxy();
    assert_eq!(redis_cli(port, &["set", "cli:a", "one word"], ""), "OK\n");
    assert_eq!(redis_cli(port, &["get", "cli:a"], ""), "one word\n");
    assert_eq!(
        redis_cli(port, &["mget", "cli:a", "cli:none", "cli:a"], ""),
        "one word\n\none word\n"
    );
    assert_eq!(redis_cli(port, &["-x", "set", "cli:b"], "from standard input"), "OK\n");
    let script = "set cli:n 41\nincr cli:n\nping\nrpush cli:l a b c\nlrange cli:l 0 -1\n";
    assert_eq!(redis_cli(port, &[], script), "OK\n42\nPONG\n3\na\nb\nc\n");
    let script = "return {KEYS[1], ARGV[1]}";
    assert_eq!(redis_cli(port, &["eval", script, "1", "cli:k", "v"], ""), "cli:k\nv\n");
    let said =
        redis_cli(port, &[], "multi\nset {cli}:c 1\nincr {cli}:c\nexec\npublish cli:news x\n");
    assert_eq!(said, "OK\nQUEUED\nQUEUED\nOK\n2\n0\n");
    let said = redis_cli(port, &["no-such-command", "x"], "");
    assert!(said.starts_with("ERR unknown command"), "{said}");
    let repeated = redis_cli(port, &["-r", "5", "incr", "cli:r"], "");
    assert_eq!(repeated, "1\n2\n3\n4\n5\n");
}

#[test]
fn redis_benchmark_gets_all_its_answers() {
    let (mut proxy, port) = redis_proxy();
    let count = 20_000;
    let tests = "ping,set,get,incr,lpush,rpop,sadd,hset,mset";
    let Output { status, stdout, .. } = Command::new("redis-benchmark")
        .args(["-p", &port.to_string(), "-P", "50", "-n", &count.to_string(), "-q", "-t", tests])
        .args(["-r", "1000"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .expect("redis-benchmark comes with redis-server");
    let said = String::from_utf8_lossy(&stdout);
    assert!(status.success(), "{said}");
    // It goes by the names that it gives them; `ping` is two, one of them inline.
    for test in
        ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "RPOP", "SADD", "HSET", "MSET"]
    {
        let line = said
            .split(['\n', '\r'])
            .find(|line| line.starts_with(test) && line.contains("requests per second"));
        assert!(line.is_some(), "no result for {test}: {said}");
    }
    assert!(!said.contains("Error"), "{said}");
    assert!(proxy.runs());
    let stats = proxy.stats();
    assert_eq!(stats["alpha"]["forward_error"], 0, "{stats}");
    assert_eq!(stats["alpha"]["client_err"], 0, "{stats}");
    let mut outstanding = 0;
    for server in REDIS.iter().map(|server| format!("127.0.0.1:{}", server.port())) {
        let of = &stats["alpha"][&*server];
        outstanding += of["requests"].as_i64().expect("a number")
            - of["responses"].as_i64().expect("a number");
    }
    assert_eq!(outstanding, 0, "{stats}");
}

/// What memcached's own client library says in the course of its tools' work: `memccp`, `memccat`,
/// `memcexist`, `memctouch`, `memcrm`.
#[test]
fn the_dialogue_of_memcacheds_tools_goes_through_the_proxy() {
    let listen = free_port();
    let servers: Vec<String> = MEMCACHED.iter().map(Memcached::item).collect();
    let _proxy = Proxy::start(&pool("alpha", listen, &[], &servers));
    let mut client = Client::tcp(listen);
    client.send("version\r\n");
    let version = client.line();
    assert!(version.starts_with("VERSION 1."), "{version}");
    client.ask("set tool:a 0 0 5 \r\nhello\r\n", "STORED\r\n");
    client.ask("get tool:a \r\n", value("tool:a", b"hello"));
    // To see whether a key exists it tries to add one that has expired already.
    client.ask("add tool:a 0 2678400 0\r\n\r\n", "NOT_STORED\r\n");
    client.ask("add tool:none 0 -1 0\r\n\r\n", "STORED\r\n");
    client.ask("get tool:none\r\n", "END\r\n");
    client.ask("touch tool:a 60\r\n", "TOUCHED\r\n");
    client.ask("append tool:a 0 0 1\r\n!\r\nprepend tool:a 0 0 1\r\n>\r\n", "STORED\r\nSTORED\r\n");
    client.ask(set("tool:b", b"two"), "STORED\r\n");
    let both =
        [value_block("tool:a", b">hello!"), value_block("tool:b", b"two"), b"END\r\n".to_vec()];
    client.ask("get tool:a tool:b tool:none\r\n", both.concat());
    client.ask(
        "set tool:n 0 0 1\r\n9\r\nincr tool:n 1\r\ndecr tool:n 4\r\n",
        "STORED\r\n10\r\n6\r\n",
    );
    client.ask("delete tool:a\r\ndelete tool:a\r\n", "DELETED\r\nNOT_FOUND\r\n");
    client.send("gets tool:b\r\n");
    let line = client.line();
    let cas = line.trim().rsplit(' ').next().expect("a word").to_owned();
    client.expect("two\r\nEND\r\n");
    client.ask(format!("cas tool:b 0 0 3 {cas}\r\nTWO\r\n"), "STORED\r\n");
    client.ask(format!("cas tool:b 0 0 3 {cas}\r\nbad\r\n"), "EXISTS\r\n");
    client.ask("set tool:b 0 0 5 noreply\r\nquiet\r\nget tool:b\r\n", value("tool:b", b"quiet"));
    client.send("quit\r\n");
    client.expect_close();
}
