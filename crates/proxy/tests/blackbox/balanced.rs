//! Both proxies at once behind a load balancer, HAProxy, as while a fleet is moved over: either may
//! die, and the other one takes its clients on.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use crate::harness::eventually;
use crate::harness::load::Load;
use crate::harness::ports::free_port;
use crate::harness::process::Process;
use crate::harness::proxy::{Proxy, pool, read_all, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{MEMCACHED, Memcached, REDIS, Redis};
use crate::harness::{SOON, ms};

/// In a folder that a user's PATH may lack.
const HAPROXY: &str = "/usr/sbin/haproxy";

/// HAProxy in the foreground, in front of two proxies; killed when dropped.
struct Balancer {
    _process: Process,
    scratch: Scratch,
    /// The pools' ports: Redis, then memcached.
    ports: [u16; 2],
}

/// What HAProxy knows of one of its servers.
#[derive(Debug)]
struct Seen {
    status: String,
    sessions: u64,
}

impl Balancer {
    /// `behind` are each proxy's name and its pools' ports.
    fn start(behind: [(&str, [u16; 2]); 2]) -> Self {
        let scratch = Scratch::new();
        let ports = [free_port(), free_port()];
        let mut conf = format!(
            "global\n  stats socket {}\n\ndefaults\n  mode tcp\n  balance roundrobin\n  \
             timeout connect 5s\n  timeout check 5s\n  timeout client 30s\n  timeout server 30s\n  retries 3\n  \
             option redispatch 1\n  default-server check inter 100ms fall 1 rise 2\n",
            text(&scratch.path("haproxy.sock"))
        );
        for (n, name) in ["store", "cache"].into_iter().enumerate() {
            conf += &format!("\nlisten {name}\n  bind 127.0.0.1:{}\n", ports[n]);
            for (server, ports) in behind {
                conf += &format!("  server {server} 127.0.0.1:{}\n", ports[n]);
            }
        }
        let conf = scratch.write("haproxy.cfg", &conf);
        let mut haproxy = Command::new(HAPROXY);
        haproxy.args(["-db", "-q", "-f", text(&conf)]).stdout(Stdio::null()).stderr(Stdio::null());
        let balancer = Self { _process: Process::start(&mut haproxy), scratch, ports };
        behind.iter().for_each(|(server, _)| balancer.wait_for(server, "UP"));
        balancer
    }

    /// What HAProxy tells of `server`, for each of the two pools; nothing before it serves.
    fn seen(&self, server: &str) -> Vec<Seen> {
        let Ok(mut socket) = UnixStream::connect(self.scratch.path("haproxy.sock")) else {
            return Vec::new();
        };
        // One command a connection.
        if socket.write_all(b"show stat\n").is_err() {
            return Vec::new();
        }
        let table = read_all(socket);
        let mut lines = table.lines();
        let head = lines.next().unwrap_or_default().trim_start_matches("# ").split(',');
        let head: Vec<&str> = head.collect();
        let column = |name| head.iter().position(|column| *column == name).expect("a column");
        lines
            .map(|line| line.split(',').collect::<Vec<_>>())
            .filter(|row| row.len() > 1 && row[column("svname")] == server)
            .map(|row| Seen {
                status: row[column("status")].to_owned(),
                sessions: row[column("stot")].parse().expect("a number"),
            })
            .collect()
    }

    #[track_caller]
    fn wait_for(&self, server: &str, status: &str) {
        let all = |seen: &[Seen]| seen.len() == 2 && seen.iter().all(|one| one.status == status);
        let came = eventually(|| all(&self.seen(server)));
        assert!(came, "{server} is not {status}: {:?}", self.seen(server));
    }

    /// Waits until `server` has been given further clients of both pools.
    #[track_caller]
    fn expect_sessions(&self, server: &str) {
        let sessions = || self.seen(server).iter().map(|one| one.sessions).collect::<Vec<_>>();
        let before = sessions();
        let came = eventually(|| sessions().iter().zip(&before).all(|(now, before)| now > before));
        assert!(came, "{server} gets no clients: {:?}", self.seen(server));
    }
}

/// The same pools for either proxy.
fn conf(ports: [u16; 2]) -> String {
    let stores: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let caches: Vec<String> = MEMCACHED.iter().map(Memcached::item).collect();
    pool("store", ports[0], &["redis: true", "hash: murmur"], &stores)
        + &pool("cache", ports[1], &["distribution: modula"], &caches)
}

#[test]
fn behind_haproxy_the_original_and_the_proxy_stand_in_for_each_other_when_one_is_killed() {
    let ports = [[free_port(), free_port()], [free_port(), free_port()]];
    let start = |which: usize| match which {
        0 => Proxy::start_original(&conf(ports[0]), &ports[0]),
        _ => Proxy::start(&conf(ports[1])),
    };
    let names = ["original", "ours"];
    let mut running = [start(0), start(1)];
    let balancer = Balancer::start([(names[0], ports[0]), (names[1], ports[1])]);
    let load = Load::start(&[
        "--clients=4".to_owned(),
        // So that a proxy that is back gets clients again.
        "--reconnect=50".to_owned(),
        format!("redis:{}:balanced-store", balancer.ports[0]),
        format!("memcached:{}:balanced-cache", balancer.ports[1]),
    ]);
    for how in ["KILL", "TERM"] {
        for victim in [0, 1] {
            names.iter().for_each(|name| balancer.expect_sessions(name));
            running[victim].signal(how);
            assert!(running[victim].wait(SOON).is_some(), "SIG{how} ends {}", names[victim]);
            balancer.wait_for(names[victim], "DOWN");
            load.expect_sweeps(1);
            running[victim] = start(victim);
            balancer.wait_for(names[victim], "UP");
        }
    }
    names.iter().for_each(|name| balancer.expect_sessions(name));
    load.expect_sweeps(1);
    load.finish(&["closed"]);
    // Those that were not killed any more served to the end.
    assert!(running.iter_mut().all(|proxy| proxy.wait(ms(0)).is_none()));
}
