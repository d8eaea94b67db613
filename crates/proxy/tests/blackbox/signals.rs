//! Signals to the binary, beside the original where both obey.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use crate::harness::client::Client;
use crate::harness::ports::free_port;
use crate::harness::process::{Process, signal};
use crate::harness::proxy::{BINARY, Proxy, pool, read_unix, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::REDIS;
use crate::harness::{SOON, eventually};

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// What the proxy has logged, without the stamps and places: the words behind the second space
/// after the stamp's bracket. Lines of the original's signals have no place.
fn messages(log: &str) -> Vec<String> {
    let message = |line: &str| {
        let (_, rest) = line.split_once("] ").expect("a line begins with its stamp");
        match rest.split_once(' ') {
            Some((place, words)) if place.contains(".c:") || place.contains(".rs:") => words,
            _ => rest,
        }
        .to_owned()
    };
    log.lines().map(message).collect()
}

#[test]
fn the_lines_from_the_start_to_the_signals_are_those_of_the_original() {
    let said = [true, false].map(|original| {
        let listen = free_port();
        let conf = pool("alpha", listen, &["redis: true"], &[REDIS[0].item()]);
        // At the next level our start has a line of its own.
        let proxy = match original {
            true => Proxy::start_original_with(&conf, &[listen], &["-v", "4"]),
            false => Proxy::start_with(&conf, &["-v", "4"]),
        };
        for (name, last) in [
            ("TTIN", "up log level to 5"),
            ("TTOU", "down log level to 4"),
            ("USR1", "(SIGUSR1) received"),
            ("HUP", "(SIGHUP) received, reopening log file"),
        ] {
            proxy.signal(name);
            proxy.expect_log(last);
        }
        let pid = proxy.pid().to_string();
        messages(&proxy.log()).iter().map(|line| line.replace(&pid, "PID")).collect::<Vec<_>>()
    });
    let [theirs, ours] = said;
    assert_eq!(ours, theirs);
}

#[test]
fn signals_that_are_not_caught_end_it_as_the_system_does() {
    // The language's runtime looks whether a SIGSEGV is the overflow of a stack, and lets the next
    // one have its way: one that is met comes again by itself, and one that is sent does not.
    for (name, times, number) in [("QUIT", 1, 3), ("SEGV", 2, 11)] {
        let conf = pool("alpha", free_port(), &["redis: true"], &[REDIS[0].item()]);
        // No file of its memory: nobody is to look at it. Who runs the tests in the background has them ignore
        // SIGQUIT, and with them all that they start.
        let script = "ulimit -c 0; exec \"$@\"";
        let command = ["env", "--default-signal=QUIT", "sh", "-c", script, "sh"];
        let mut proxy = Proxy::start_under(&command, &conf);
        for _ in 1..times {
            proxy.signal(name);
            // Sent before the first is dealt with, the second would be the same one.
            assert!(eventually(|| !is_caught(proxy.pid(), number)));
        }
        proxy.signal(name);
        let status = proxy.wait(SOON).expect("it ends");
        assert_eq!(status.signal(), Some(number), "SIG{name}");
        assert!(!proxy.log().contains("received"), "SIG{name}: {}", proxy.log());
    }
}

/// Whether a process has a handler for a signal.
fn is_caught(pid: u32, number: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("Linux");
    let mask = u64::from_str_radix(mask.trim(), 16).expect("a number");
    mask >> (number - 1) & 1 == 1
}

#[test]
fn a_broken_pipe_is_nothing_to_die_of() {
    let listen = free_port();
    let conf = pool("alpha", listen, &["redis: true"], &[REDIS[0].item()]);
    let mut proxy = Proxy::start(&conf);
    proxy.signal("PIPE");
    Client::tcp(listen).ask(PING, "+PONG\r\n");
    assert!(proxy.runs());
}

#[test]
fn a_log_on_standard_error_goes_on_after_sighup() {
    let scratch = Scratch::new();
    let conf = pool("alpha", free_port(), &["redis: true"], &[REDIS[0].item()]);
    let conf = scratch.write("nutcracker.yml", &conf);
    let (log, stats) = (scratch.path("stderr"), scratch.path("stats.sock"));
    let stderr = fs::File::create(&log).expect("a scratch file can be written");
    let args = ["-c", text(&conf), "-a", text(&stats)];
    let proxy = Process::start(Command::new(BINARY).args(args).stderr(stderr));
    let logged = |words: &str| {
        let log = fs::read_to_string(&log).expect("it is there");
        log.contains(words)
    };
    assert!(eventually(|| !read_unix(&stats).is_empty()), "it does not serve");
    signal(proxy.pid(), "HUP");
    assert!(eventually(|| logged("(SIGHUP) received, reopening log file")));
    signal(proxy.pid(), "USR1");
    assert!(eventually(|| logged("(SIGUSR1) received")));
}
