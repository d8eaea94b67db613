//! What the proxy does when there is nothing to do.

use std::fs;
use std::thread;

use crate::harness::client::Client;
use crate::harness::ms;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::REDIS;
use crate::harness::wire::redis;

/// How often threads of the process went to sleep by themselves: each wake-up ends in one.
fn sleeps(proxy: &Proxy) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", proxy.pid())).expect("it runs");
    let of = |task: fs::DirEntry| {
        let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    tasks.map(|task| of(task.expect("an entry"))).sum()
}

#[test]
fn an_idle_proxy_sleeps_as_long_as_nobody_wakes_it() {
    let listen = free_port();
    let conf = pool("alpha", listen, &["redis: true", "timeout: 400"], &[REDIS[0].item()]);
    for workers in ["1", "2"] {
        let proxy = Proxy::start_with(&conf, &["-w", workers]);
        let mut clients: Vec<Client> = (0..20).map(|_| Client::tcp(listen)).collect();
        for client in &mut clients {
            client.ask(redis(&["STRLEN", "resting:none"]), ":0\r\n");
        }
        // Deadlines that were set are looked at once more, and then no longer.
        thread::sleep(ms(1500));
        let before = sleeps(&proxy);
        thread::sleep(ms(2500));
        let after = sleeps(&proxy);
        assert!(after - before <= 1, "{} wake-ups in 2.5 seconds", after - before);
        clients[0].ask(redis(&["STRLEN", "resting:none"]), ":0\r\n");
    }
}
