//! The real servers.

use std::env;
use std::net::TcpStream;
use std::path::Path;
use std::sync::LazyLock;

use super::client::Client;
use super::eventually;
use super::ports::free_port;
use super::process::{Guarded, signal};
use super::wire::redis;

/// Three Redis servers that all tests share: each keeps to keys of its own.
pub(crate) static REDIS: LazyLock<[Redis; 3]> =
    LazyLock::new(|| [Redis::start(), Redis::start(), Redis::start()]);

/// Two memcached servers that all tests share: each keeps to keys of its own.
pub(crate) static MEMCACHED: LazyLock<[Memcached; 2]> =
    LazyLock::new(|| [Memcached::start(), Memcached::start()]);

/// A `redis-server` that keeps nothing.
#[derive(Debug)]
pub(crate) struct Redis {
    process: Guarded,
    port: u16,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_on(free_port(), &[])
    }

    /// On a certain port, with further arguments.
    pub(crate) fn start_on(port: u16, args: &[&str]) -> Self {
        let (directory, number) = (temp_dir(), port.to_string());
        let mut command = vec!["redis-server", "--port", &number, "--bind", "127.0.0.1"];
        command.extend(["--save", "", "--appendonly", "no", "--dir", &directory]);
        command.extend(args);
        let process = Guarded::start(&command);
        wait_for(port);
        Self { process, port }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// As an item of `servers:`.
    pub(crate) fn item(&self) -> String {
        item(self.port)
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.process.pid(), name);
    }

    /// A client of the server itself.
    pub(crate) fn client(&self) -> Client {
        Client::tcp(self.port)
    }

    /// How many keys it has, in database 0.
    pub(crate) fn keys(&self) -> u64 {
        let mut client = self.client();
        client.send(redis(&["DBSIZE"]));
        client.line().trim().trim_start_matches(':').parse().expect("a number")
    }
}

/// A `memcached`.
#[derive(Debug)]
pub(crate) struct Memcached {
    process: Guarded,
    port: u16,
}

impl Memcached {
    pub(crate) fn start() -> Self {
        Self::start_on(free_port(), &[])
    }

    /// On a certain port, with further arguments.
    pub(crate) fn start_on(port: u16, args: &[&str]) -> Self {
        let number = port.to_string();
        // As root it wants to be told whom to run as; as anybody else it does not mind.
        let mut command = vec!["memcached", "-u", "root", "-l", "127.0.0.1", "-p", &number];
        command.extend(["-U", "0", "-t", "1", "-m", "64"]);
        command.extend(args);
        let process = Guarded::start(&command);
        wait_for(port);
        Self { process, port }
    }

    /// On a unix socket.
    pub(crate) fn start_unix(path: &Path) -> Guarded {
        let path = path.to_str().expect("scratch paths are text");
        let process = Guarded::start(&["memcached", "-u", "root", "-s", path, "-t", "1"]);
        assert!(eventually(|| Path::new(path).exists()), "memcached listens on {path}");
        process
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// As an item of `servers:`.
    pub(crate) fn item(&self) -> String {
        item(self.port)
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.process.pid(), name);
    }
}

/// Something on a port of 127.0.0.1, as an item of `servers:`.
pub(crate) fn item(port: u16) -> String {
    format!("127.0.0.1:{port}:1")
}

fn temp_dir() -> String {
    env::temp_dir().to_str().expect("it is text").to_owned()
}

fn wait_for(port: u16) {
    let listens = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    assert!(eventually(listens), "nobody listens on port {port}");
}
