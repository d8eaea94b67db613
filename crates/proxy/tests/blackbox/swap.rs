//! One proxy in the other's place, under load from client libraries that people use: nobody finds
//! a key missing, reads a wrong value, or sees more than a connection that has to be made anew.

use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use crate::harness::load::Load;
use crate::harness::ports::free_port;
use crate::harness::process::{Process, signal};
use crate::harness::proxy::{BINARY, ORIGINAL, pool, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{MEMCACHED, Memcached, REDIS, Redis};
use crate::harness::{SOON, eventually};

/// A machine's place for a proxy: its folder, its ports, its command line. Only the binary differs.
struct Place {
    scratch: Scratch,
    ports: Vec<u16>,
    args: Vec<String>,
}

impl Place {
    fn new(conf: &str, ports: Vec<u16>) -> Self {
        let scratch = Scratch::new();
        let stats = free_port().to_string();
        let conf = scratch.write("nutcracker.yml", conf);
        let (log, pid) = (scratch.path("nutcracker.log"), scratch.path("nutcracker.pid"));
        let args = ["-c", text(&conf), "-o", text(&log), "-p", text(&pid)];
        let args =
            [&args[..], &["-a", "127.0.0.1", "-s", &stats, "-i", "1000", "-v", "4"]].concat();
        let args = args.into_iter().map(str::to_owned).collect();
        Self { scratch, ports, args }
    }

    /// Starts `binary` and waits until it serves.
    fn start(&self, binary: &str) -> Process {
        let mut proxy = Process::start(Command::new(binary).args(&self.args).stderr(Stdio::null()));
        let listens = |port: &u16| TcpStream::connect(("127.0.0.1", *port)).is_ok();
        let came = eventually(|| proxy.ended().is_some() || self.ports.iter().all(listens));
        assert!(came && proxy.ended().is_none(), "{binary} does not serve: {}", self.log());
        proxy
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.scratch.path("nutcracker.log")).unwrap_or_default()
    }
}

/// Clients of each pool.
const CLIENTS: usize = 2;

/// Pools of both protocols, placed in several ways: configuration, ports, arguments for the load.
fn pools() -> (String, Vec<u16>, Vec<String>) {
    let stores: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let caches: Vec<String> = MEMCACHED.iter().map(Memcached::item).collect();
    let named: Vec<String> = REDIS
        .iter()
        .zip(["one", "two", "three"])
        .map(|(server, name)| format!("127.0.0.1:{}:{} {name}", server.port(), name.len()))
        .collect();
    let mut conf = String::new();
    let (mut ports, mut load) = (Vec::new(), Vec::new());
    for (name, protocol, keys, servers) in [
        ("defaults", "redis", &[][..], &stores),
        ("modula", "redis", &["hash: murmur", "distribution: modula"], &stores),
        ("tags", "redis", &["hash: md5", r#"hash_tag: "{}""#], &stores),
        ("named", "redis", &["hash: crc16", "timeout: 5000"], &named),
        ("eject", "redis", &["hash: hsieh", "auto_eject_hosts: true", "preconnect: true"], &stores),
        ("cache", "memcached", &[], &caches),
        ("cache-modula", "memcached", &["hash: crc32a", "distribution: modula"], &caches),
        ("cache-tags", "memcached", &["hash: jenkins", r#"hash_tag: "{}""#], &caches),
    ] {
        let listen = free_port();
        let redis: &[&str] = if protocol == "redis" { &["redis: true"] } else { &[] };
        conf += &pool(name, listen, &[redis, keys].concat(), servers);
        load.push(format!("{protocol}:{listen}:swap-{name}"));
        ports.push(listen);
    }
    (conf, ports, load)
}

#[test]
fn the_original_is_replaced_under_load_and_put_back_and_clients_only_reconnect() {
    let (conf, ports, mut args) = pools();
    let clients = CLIENTS as i64 * args.len() as i64;
    args.extend(["--clients".to_owned(), CLIENTS.to_string()]);
    let place = Place::new(&conf, ports);
    let mut running = place.start(ORIGINAL);
    let load = Load::start(&args);
    load.expect_sweeps(1);
    // How each is stopped, and who comes next.
    let swaps = [("TERM", BINARY), ("TERM", ORIGINAL), ("KILL", BINARY), ("INT", ORIGINAL)];
    for (how, next) in swaps {
        signal(running.pid(), how);
        let status = running.wait(SOON).expect("it ends");
        let (graceful, killed) = (status.code(), status.signal().is_some());
        // The original ends by the signal itself, or with status 1.
        let well = if next == BINARY { killed || graceful == Some(1) } else { graceful == Some(0) };
        assert!(well, "SIG{how} before {next}: {status}");
        running = place.start(next);
        load.expect_sweeps(2);
    }
    let tally = load.finish(&["refused", "closed"]);
    // Somebody noticed that there was a swap, or else there was none.
    let closed = tally["errors"]["closed"].as_i64().expect("connections were cut");
    assert!(closed <= 3 * clients * swaps.len() as i64, "more than a reconnect each: {tally:#}");
    let banners = place.log().matches("run, rabbit run").count();
    assert_eq!(banners, 1 + swaps.len(), "all of them wrote to one log");
}
