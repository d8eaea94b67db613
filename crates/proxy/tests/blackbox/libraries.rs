//! Client libraries that people use, driven by scripts in Debian's Python: what a library gets
//! through the proxy is what it gets from the server itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool, text};
use crate::harness::servers::{MEMCACHED, Memcached, REDIS, Redis};

/// Debian's, which has Debian's libraries; another in the PATH might not.
const PYTHON: &str = "/usr/bin/python3";

/// How many commands the script asks for at the least: those of the original and a few more. The
/// oracle plays every row of the table; here a library does what people do with it.
const COMMANDS_MIN: usize = 125;

/// Runs a script with ports for arguments, and returns what it says.
fn script(name: &str, package: &str, ports: &[u16]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/clients").join(name);
    let output = Command::new(PYTHON)
        .arg(text(&path))
        .args(ports.iter().map(u16::to_string))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{PYTHON}: {error}; please install {package}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} (it needs Debian's {package}): {said}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn redis_py_gets_the_same_from_the_proxy_as_from_redis_for_every_command() {
    let (server, behind) = (Redis::start(), Redis::start());
    let (one, many) = (free_port(), free_port());
    let servers: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let conf = pool("alpha", one, &["redis: true"], &[behind.item()])
        + &pool("beta", many, &["redis: true", "hash: murmur"], &servers);
    let proxy = Proxy::start(&conf);
    let said = script("redis_client.py", "python3-redis", &[server.port(), one, many]);
    let compared: BTreeSet<&str> = said.lines().collect();
    assert!(compared.len() >= COMMANDS_MIN, "{} commands: {compared:?}", compared.len());
    for name in ["alpha", "beta"] {
        assert_eq!(proxy.figure(name, "forward_error"), 0);
        assert_eq!(proxy.figure(name, "client_err"), 0);
    }
}

#[test]
fn pymemcache_gets_the_same_from_the_proxy_as_from_memcached() {
    let server = Memcached::start();
    let listen = free_port();
    let servers: Vec<String> = MEMCACHED.iter().map(Memcached::item).collect();
    let proxy = Proxy::start(&pool("alpha", listen, &["hash: murmur"], &servers));
    script("memcached_client.py", "python3-pymemcache", &[server.port(), listen]);
    assert_eq!(proxy.figure("alpha", "forward_error"), 0);
    assert_eq!(proxy.figure("alpha", "client_err"), 0);
}
