//! How the proxy starts, and when it does not.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;

use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::ports::free_port;
use crate::harness::process::signal;
use crate::harness::proxy::{pool, read_tcp, run, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::REDIS;
use crate::harness::wire::redis;

/// Exit status and standard error; nothing may be on standard output.
fn ended(output: &Output) -> (Option<i32>, String) {
    assert!(output.stdout.is_empty(), "standard output is never written: {output:?}");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn nobody_listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_err()
}

#[test]
fn a_configuration_is_checked_without_starting() {
    let scratch = Scratch::new();
    let listen = free_port();
    let good = pool("alpha", listen, &["redis: true"], &["127.0.0.1:6379:1".to_owned()]);
    let path = scratch.write("good.yml", &good);
    let path = text(&path);
    let said = format!("nutcracker: configuration file '{path}' syntax is ok\n");
    assert_eq!(ended(&run(&["-t", "-c", path])), (Some(0), said));
    assert!(nobody_listens(listen));

    let bad = good.replace("redis: true", "hash: fnv1a64");
    let path = scratch.write("bad.yml", &bad);
    let path = text(&path);
    let (status, said) = ended(&run(&["-t", "-c", path]));
    let verdict = format!("nutcracker: configuration file '{path}' syntax is invalid\n");
    assert_eq!(status, Some(1));
    assert!(said.contains(&format!("{path}:3:9: ")), "the place is named: {said}");
    assert!(said.contains("fnv1a_64"), "what would do is named: {said}");
    assert!(said.ends_with(&verdict.repeat(2)), "{said}");

    let path = scratch.path("none.yml");
    let path = text(&path);
    let (status, said) = ended(&run(&["-t", "-c", path]));
    let verdict = format!("nutcracker: configuration file '{path}' syntax is invalid\n");
    assert_eq!((status, said.matches(&verdict).count()), (Some(1), 1), "{said}");
}

#[test]
fn a_proxy_that_cannot_work_never_starts() {
    let scratch = Scratch::new();
    let (listen, stats) = (free_port(), free_port().to_string());
    let servers = ["127.0.0.1:6379:1".to_owned()];
    let good = pool("alpha", listen, &[], &servers);
    let bad = [
        ("unknown key", good.replace("  servers", "  speed: 9\n  servers"), ":3:3: "),
        ("bad number", good.replace("  servers", "  timeout: soon\n  servers"), ":3:12: "),
        ("no servers", good.replace("   - 127.0.0.1:6379:1\n", ""), ":3:3: "),
        ("bad weight", good.replace(":1\n", ":x\n"), ":4:6: "),
        ("same server twice", format!("{good}   - 127.0.0.1:6379:2\n"), ":5:6: "),
        ("same address twice", format!("{good}{}", good.replace("alpha", "beta")), ":6:11: "),
        ("a tab", good.replace("  listen", "\tlisten"), ":2:1: "),
    ];
    for (what, conf, place) in bad {
        let path = scratch.write("bad.yml", &conf);
        let (path, pid) = (text(&path), scratch.path("pid"));
        let args = ["-c", path, "-a", "127.0.0.1", "-s", &stats, "-p", text(&pid)];
        let (status, said) = ended(&run(&args));
        assert_eq!(status, Some(1), "{what}: {said}");
        assert!(said.contains(&format!("{path}{place}")), "{what}: no {place} in {said}");
        let log = scratch.path("log");
        let _ = fs::remove_file(&log);
        let (status, said) = ended(&run(&[&args[..], &["-o", text(&log)]].concat()));
        assert_eq!(status, Some(1), "{what}: {said}");
        assert!(said.contains(&format!("{path}{place}")), "{what}, with a log: {said}");
        let logged = fs::read_to_string(&log).expect("there is a log");
        assert!(logged.contains(&format!("{path}{place}")), "{what}: {logged}");
        assert!(logged.ends_with("done, rabbit done\n"), "{what}: {logged}");
        assert!(nobody_listens(listen), "{what}: it listens");
        assert!(!pid.exists(), "{what}: the pid file is left");
    }
}

#[test]
fn a_port_in_use_is_named_with_its_pool_and_what_would_do() {
    let scratch = Scratch::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let taken = taken.local_addr().map(|addr| (taken, addr.port())).expect("it is bound");
    let (first, stats) = (free_port(), free_port().to_string());
    let servers = ["127.0.0.1:6379:1".to_owned()];
    let conf = pool("alpha", first, &[], &servers) + &pool("beta", taken.1, &[], &servers);
    let path = scratch.write("nutcracker.yml", &conf);
    let args = ["-c", text(&path), "-a", "127.0.0.1", "-s", &stats];
    let (status, said) = ended(&run(&args));
    assert_eq!(status, Some(1), "{said}");
    let message = format!(
        "pool 'beta': bind on '127.0.0.1:{}' failed: Address already in use; \
         another process listens there: stop it, or change 'listen'",
        taken.1
    );
    assert!(said.contains(&message), "{said}");
    assert!(nobody_listens(first), "no pool is served when one of them cannot be");

    let conf = pool("alpha", first, &[], &servers);
    let path = scratch.write("nutcracker.yml", &conf);
    let taken = taken.1.to_string();
    let (status, said) = ended(&run(&["-c", text(&path), "-a", "127.0.0.1", "-s", &taken]));
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains(&taken) && said.contains("Address already in use"), "{said}");
    assert!(nobody_listens(first));
}

/// A daemon outlives its launcher, so it is ended by its pid file.
struct Daemon<'a>(&'a Path);

impl Daemon<'_> {
    fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.0).ok()?.parse().ok()
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            signal(pid, "KILL");
        }
    }
}

#[test]
fn a_daemon_serves_when_its_launcher_returns_and_cleans_up_when_it_is_stopped() {
    let scratch = Scratch::new();
    let (listen, stats) = (free_port(), free_port().to_string());
    let conf = pool("alpha", listen, &["redis: true"], &[REDIS[0].item()]);
    let (conf, pid, log) =
        (scratch.write("nutcracker.yml", &conf), scratch.path("pid"), scratch.path("log"));
    let daemon = Daemon(&pid);
    let args = ["-d", "-c", text(&conf), "-p", text(&pid), "-o", text(&log)];
    let args = [&args[..], &["-a", "127.0.0.1", "-s", &stats]].concat();
    assert_eq!(ended(&run(&args)), (Some(0), String::new()));
    // No waiting: it serves.
    Client::tcp(listen).ask(redis(&["PING"]), "+PONG\r\n");
    assert!(read_tcp(stats.parse().expect("a number")).contains("alpha"));
    let id = daemon.pid().expect("the pid file names it");
    let comm = fs::read_to_string(format!("/proc/{id}/comm")).expect("it runs");
    assert_eq!(comm, "nutcracker\n");
    signal(id, "TERM");
    assert!(eventually(|| !Path::new(&format!("/proc/{id}")).exists()), "it has not ended");
    assert!(!pid.exists(), "the pid file is left");
    let logged = fs::read_to_string(&log).expect("there is a log");
    assert!(logged.ends_with("done, rabbit done\n"), "{logged}");
}

#[test]
fn a_daemon_that_cannot_work_tells_its_launcher() {
    let scratch = Scratch::new();
    let stats = free_port().to_string();
    let conf = pool("alpha", free_port(), &["redis: maybe"], &["127.0.0.1:6379:1".to_owned()]);
    let (conf, pid, log) =
        (scratch.write("nutcracker.yml", &conf), scratch.path("pid"), scratch.path("log"));
    let args = ["-d", "-c", text(&conf), "-p", text(&pid), "-o", text(&log)];
    let (status, said) = ended(&run(&[&args[..], &["-s", &stats]].concat()));
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains(&format!("{}:3:10: ", text(&conf))), "{said}");
    assert!(!pid.exists(), "the pid file is left");
}
