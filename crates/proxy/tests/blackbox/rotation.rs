//! Signals to a proxy at work: the log is moved away and opened anew, its level goes up and down,
//! and no client notices.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::eventually;
use crate::harness::kernel;
use crate::harness::load::Load;
use crate::harness::ports::free_port;
use crate::harness::process::{Process, signal};
use crate::harness::proxy::{BINARY, ORIGINAL, pool, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{MEMCACHED, REDIS};

/// What a log says of signals and levels, without stamps and places.
fn told(path: &Path) -> Vec<String> {
    let log = fs::read_to_string(path).unwrap_or_default();
    let lines = log.lines().filter(|line| line.contains("signal") || line.contains("log level to"));
    let message = |line: &str| {
        // The original leaves the place out in the handler of a signal.
        let (_, rest) = line.split_once("] ").expect("a stamp");
        let place = rest.split_once(' ').filter(|(place, _)| place.contains(':'));
        place.map_or(rest, |(_, message)| message).to_owned()
    };
    lines.map(message).collect()
}

#[test]
fn under_load_a_log_is_rotated_and_its_level_changed_as_by_the_original() {
    // Each round: signals, and how many lines they come to.
    let rounds: [&[&str]; 4] = [&["TTIN", "TTIN"], &["TTOU"], &["USR1"], &["TTIN", "TTOU", "TTOU"]];
    let mut logs = Vec::new();
    for binary in [ORIGINAL, BINARY] {
        let scratch = Scratch::new();
        let ports = [free_port(), free_port()];
        let conf = pool("alpha", ports[0], &["redis: true"], &[REDIS[0].item(), REDIS[1].item()])
            + &pool("beta", ports[1], &[], &[MEMCACHED[0].item()]);
        let (conf, log) = (scratch.write("nutcracker.yml", &conf), scratch.path("log"));
        let stats = scratch.path("stats");
        let args = ["-c", text(&conf), "-o", text(&log), "-a", text(&stats)];
        let proxy = Process::start(Command::new(binary).args(args).stderr(Stdio::null()));
        assert!(eventually(|| ports.iter().all(|port| kernel::listens(*port))), "{binary}");
        let of = |protocol, port| format!("{protocol}:{port}:rotation-{port}");
        let load = Load::start(&[of("redis", ports[0]), of("memcached", ports[1])]);
        let mut parts = Vec::new();
        for (n, signals) in rounds.iter().enumerate() {
            for name in *signals {
                // A level that changes has a second line.
                let lines = told(&log).len() + if name.starts_with("TT") { 2 } else { 1 };
                signal(proxy.pid(), name);
                let came = eventually(|| told(&log).len() >= lines);
                assert!(came, "{binary}: SIG{name}: {:?}", told(&log));
            }
            let moved = scratch.path(&format!("log.{n}"));
            fs::rename(&log, &moved).expect("both are in one folder");
            signal(proxy.pid(), "HUP");
            assert!(eventually(|| log.exists()), "{binary}: the log is not opened anew");
            load.expect_sweeps(1);
            parts.push(told(&moved));
        }
        load.finish(&[]);
        parts.push(told(&log));
        logs.push(parts);
    }
    let [theirs, ours] = &logs[..] else { unreachable!("two proxies") };
    assert_eq!(ours, theirs);
    assert_eq!(
        ours[0],
        [
            "signal 21 (SIGTTIN) received, up logging level",
            "up log level to 6",
            "signal 21 (SIGTTIN) received, up logging level",
            "up log level to 7",
            "signal 1 (SIGHUP) received, reopening log file",
        ]
    );
}
