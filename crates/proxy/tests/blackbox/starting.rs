//! How the proxy starts, and when it does not.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::Value;

use crate::harness::client::Client;
use crate::harness::ports::free_port;
use crate::harness::process::{Process, signal};
use crate::harness::proxy::{BINARY, Proxy, pool, read_tcp, run, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::REDIS;
use crate::harness::wire::redis;
use crate::harness::{eventually, ms};

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

/// The original goes back to the beginning of the file, which a pipe has not.
#[test]
fn a_configuration_may_come_by_a_pipe() {
    let scratch = Scratch::new();
    let good = pool("alpha", free_port(), &["redis: true"], &["127.0.0.1:6379:1".to_owned()]);
    for (conf, status) in [(&good, 0), (&good.replace("true", "maybe"), 1)] {
        let conf = scratch.write("nutcracker.yml", conf);
        let pipe = "cat \"$1\" | exec \"$0\" -t -c /dev/stdin";
        let output = Command::new("sh").args(["-c", pipe, BINARY, text(&conf)]).output();
        let (ended, said) = ended(&output.expect("there is a shell"));
        assert_eq!(ended, Some(status), "{said}");
    }
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
        let verdict = format!("nutcracker: configuration file '{path}' syntax is invalid\n");
        assert_eq!(said.matches(&verdict).count(), 1, "{what}: {said}");
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
fn a_file_that_cannot_be_opened_is_told_in_the_log() {
    let scratch = Scratch::new();
    let (path, stats) = (scratch.path("none.yml"), scratch.path("stats"));
    let (status, said) = ended(&run(&["-c", text(&path), "-a", text(&stats)]));
    assert_eq!(status, Some(1), "{said}");
    let why = "No such file or directory";
    let line = format!("failed to open configuration '{}': {why}\n", text(&path));
    assert!(said.contains(&line), "{said}");
    assert!(!said.contains("syntax is invalid"), "nobody has read it: {said}");
    assert!(said.ends_with("done, rabbit done\n"), "{said}");

    let log = scratch.path("log");
    let args = ["-c", text(&path), "-a", text(&stats), "-o", text(&log)];
    assert_eq!(ended(&run(&args)), (Some(1), line.clone()), "who typed it is told as well");
    assert!(fs::read_to_string(&log).expect("there is a log").contains(&line));
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

#[test]
fn a_start_that_fails_leaves_the_pid_file_to_who_serves() {
    let scratch = Scratch::new();
    let (listen, stats) = (free_port(), free_port().to_string());
    let good = pool("alpha", listen, &["redis: true"], &[REDIS[0].item()]);
    let conf = scratch.write("nutcracker.yml", &good);
    let bad = scratch.write("bad.yml", &good.replace("true", "maybe"));
    let pid = scratch.path("pid");
    let rest = ["-p", text(&pid), "-a", "127.0.0.1", "-s", &stats];
    let args = [&["-c", text(&conf)], &rest[..]].concat();
    let serving = Process::start(Command::new(BINARY).args(&args).stderr(Stdio::null()));
    let written = || fs::read_to_string(&pid).unwrap_or_default();
    assert!(eventually(|| written() == serving.pid().to_string()), "it writes its pid file");
    // The same once more, and the same with a slip in the file.
    for (args, reason) in
        [(args, "Address already in use"), ([&["-c", text(&bad)], &rest[..]].concat(), ":3:10: ")]
    {
        let (status, said) = ended(&run(&args));
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains(reason), "{said}");
        assert_eq!(written(), serving.pid().to_string(), "after: {said}");
        Client::tcp(listen).ask(redis(&["PING"]), "+PONG\r\n");
    }
}

#[test]
fn a_log_that_is_told_to_be_silent_does_not_keep_the_reason_back() {
    let scratch = Scratch::new();
    let conf = pool("alpha", free_port(), &["redis: maybe"], &["127.0.0.1:6379:1".to_owned()]);
    let conf = scratch.write("nutcracker.yml", &conf);
    let (status, said) = ended(&run(&["-c", text(&conf), "-v", "0"]));
    assert_eq!(status, Some(1), "{said}");
    assert_eq!(said.matches(&format!("{}:3:10: ", text(&conf))).count(), 1, "{said}");
    assert_eq!(said.matches("syntax is invalid").count(), 1, "{said}");
}

/// What the texts say is held in `cli_parse.rs`; this is what becomes of the process.
#[test]
fn the_recorded_command_lines_end_as_they_did() {
    for line in include_str!("../data/cli_cases.jsonl").lines() {
        let case: Value = serde_json::from_str(line).expect("a case a line");
        let args = case["args"].as_array().expect("a list");
        let args: Vec<&str> = args.iter().map(|arg| arg.as_str().expect("text")).collect();
        let (status, said) = ended(&run(&args));
        assert_eq!(status.map(i64::from), case["exit"].as_i64(), "{args:?}");
        let recorded = case["stderr"].as_str().expect("text").replace("{conf}", "no-such-file.yml");
        let verdict = recorded.lines().next().expect("it says something");
        assert!(said.lines().any(|line| line == verdict), "{args:?}: no {verdict:?} in {said:?}");
    }
}

/// As where a supervisor has it go to a file, and the disk is full.
#[test]
fn standard_error_that_takes_nothing_changes_no_status() {
    let scratch = Scratch::new();
    let good = pool("alpha", free_port(), &["redis: true"], &["127.0.0.1:6379:1".to_owned()]);
    let bad = scratch.write("bad.yml", &good.replace("true", "maybe"));
    let good = scratch.write("good.yml", &good);
    let (good, bad, stats) = (text(&good), text(&bad), scratch.path("stats"));
    let nowhere = scratch.path("none/log");
    for (args, status) in [
        (&["-V"][..], 0),
        (&["-h"], 0),
        (&["-D"], 0),
        (&["-t", "-c", good], 0),
        (&["-t", "-c", bad], 1),
        (&["-z"], 1),
        (&["-c", bad, "-a", text(&stats)], 1),
        (&["-c", bad, "-a", text(&stats), "-v", "0"], 1),
        (&["-c", good, "-a", text(&stats), "-o", text(&nowhere)], 1),
        (&["-d", "-c", bad, "-a", text(&stats), "-o", text(&scratch.path("log"))], 1),
    ] {
        let full = File::options().write(true).open("/dev/full").expect("Linux has it");
        let ended = Command::new(BINARY).args(args).stderr(full).status().expect("it starts");
        assert_eq!(ended.code(), Some(status), "{args:?}: {ended}");
    }
}

#[test]
fn a_log_or_pid_file_that_cannot_be_made_ends_the_start() {
    let scratch = Scratch::new();
    let listen = free_port();
    let conf = pool("alpha", listen, &["redis: true"], &[REDIS[0].item()]);
    let (conf, log) = (scratch.write("nutcracker.yml", &conf), scratch.path("log"));
    let nowhere = scratch.path("none/file");
    let why = format!("file '{}' failed: No such file or directory", text(&nowhere));
    let start = ["-c", text(&conf), "-a", text(&scratch.path("stats"))].map(str::to_owned);
    let start: Vec<&str> = start.iter().map(String::as_str).collect();

    let (status, said) = ended(&run(&[&start[..], &["-o", text(&nowhere)]].concat()));
    assert_eq!((status, said), (Some(1), format!("opening log {why}\n")));

    let args = [&start[..], &["-p", text(&nowhere), "-o", text(&log)]].concat();
    let (status, said) = ended(&run(&args));
    assert_eq!(status, Some(1), "{said}");
    let logged = fs::read_to_string(&log).expect("there is a log");
    let lines: Vec<&str> = logged.lines().collect();
    let [.., reason, end] = lines[..] else { panic!("{logged}") };
    assert!(reason.ends_with(&format!("opening pid {why}")), "{logged}");
    assert!(end.ends_with("done, rabbit done"), "{logged}");
    assert!(nobody_listens(listen));
}

/// The original runs a thread round and round at that.
#[test]
fn an_interval_of_zero_costs_nothing() {
    let conf = pool("alpha", free_port(), &["redis: true"], &[REDIS[0].item()]);
    let proxy = Proxy::start_with(&conf, &["-i", "0"]);
    let ticks = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", proxy.pid())).expect("it runs");
        // After the name in brackets come the state and ten more, then ticks as user and system.
        let after = stat.rsplit_once(") ").expect("a name").1.split(' ').skip(11).take(2);
        after.map(|ticks| ticks.parse::<u64>().expect("a number")).sum::<u64>()
    };
    let before = ticks();
    thread::sleep(ms(500));
    let spent = ticks() - before;
    assert!(spent <= 5, "{spent} ticks of 10 ms within 500 ms");
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
    // Its log can be rotated, although whoever becomes a daemon ignores SIGHUP on the way.
    let rotated = scratch.path("log.1");
    fs::rename(&log, &rotated).expect("both are in one directory");
    signal(id, "HUP");
    assert!(eventually(|| log.exists()), "no new log");
    let first = fs::read_to_string(&rotated).expect("it was moved");
    assert!(first.contains("run, rabbit run") && first.contains("(SIGHUP)"), "{first}");
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
