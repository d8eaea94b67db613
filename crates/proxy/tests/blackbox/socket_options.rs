//! What the kernel is told of sockets, by the proxy and by the original with the same configuration.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::kernel;
use crate::harness::peer::{Does, Peer};
use crate::harness::ports::free_port;
use crate::harness::process::Process;
use crate::harness::proxy::{BINARY, ORIGINAL, Proxy, pool, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{REDIS, item};
use crate::harness::wire::redis;

/// Both proxies, one after the other, each with ports of its own.
const BOTH: [&str; 2] = [ORIGINAL, BINARY];

/// Starts either of them and waits until it listens on `ports`.
fn start(binary: &str, conf: &str, ports: &[u16]) -> Proxy {
    if binary == ORIGINAL {
        return Proxy::start_original(conf, ports);
    }
    let proxy = Proxy::start(conf);
    assert!(ports.iter().all(|port| kernel::listens(*port)), "it serves, so it listens");
    proxy
}

#[test]
fn sockets_of_the_file_system_get_the_permissions_that_the_original_gives_them() {
    // Without a mode, or with 0, the umask decides.
    let modes = [
        ("", 0o750),
        (" 0", 0o750),
        (" 0600", 0o600),
        (" 660", 0o660),
        (" 0777", 0o777),
        (" 0001", 0o001),
    ];
    for binary in BOTH {
        let scratch = Scratch::new();
        let path = |n: usize| scratch.path(&format!("{n}.sock"));
        let conf: String = modes
            .iter()
            .enumerate()
            .map(|(n, (mode, _))| {
                let listen = format!("{}{mode}", text(&path(n)));
                pool(&format!("pool{n}"), listen, &["redis: true"], &[REDIS[0].item()])
            })
            .collect();
        let conf = scratch.write("nutcracker.yml", &conf);
        let _proxy = Process::start(
            Command::new("sh")
                .args(["-c", "umask 027; exec \"$@\"", "masked", binary, "-c", text(&conf)])
                .args(["-o", text(&scratch.path("log")), "-a", text(&scratch.path("stats"))])
                .stderr(Stdio::null()),
        );
        for (n, (mode, expected)) in modes.iter().enumerate() {
            let path = path(n);
            assert!(eventually(|| UnixStream::connect(&path).is_ok()), "{binary}: {mode:?}");
            let found = fs::metadata(&path).expect("it is there").permissions().mode() & 0o777;
            assert_eq!(found, *expected, "{binary}: {mode:?} gives {found:o}");
        }
    }
}

#[test]
fn the_kernel_probes_idle_clients_of_pools_with_tcpkeepalive_and_of_no_others() {
    for binary in BOTH {
        let (probed, plain) = (free_port(), free_port());
        let servers = [REDIS[0].item()];
        let conf = pool("alpha", probed, &["redis: true", "tcpkeepalive: true"], &servers)
            + &pool("beta", plain, &["redis: true"], &servers);
        let _proxy = start(binary, &conf, &[probed, plain]);
        let ping = |port| {
            let mut client = Client::tcp(port);
            client.ask(redis(&["PING"]), "+PONG\r\n");
            client
        };
        let _clients = [ping(probed), ping(plain)];
        // The proxy's ends: a timer is seen once nothing is on its way any more.
        let kept_alive = |port| {
            let ends = kernel::tcp().into_iter();
            let mut ends = ends.filter(|end| end.local == port && end.is_established());
            let end = ends.next().expect("its client is connected");
            assert_eq!(ends.next(), None, "there is one client");
            end.is_kept_alive()
        };
        assert!(eventually(|| kept_alive(probed)), "{binary}: tcpkeepalive: true has no effect");
        assert!(!kept_alive(plain), "{binary}: a client is probed that should not be");
    }
}

#[test]
fn the_kernel_keeps_as_many_clients_waiting_as_backlog_says() {
    let most = fs::read_to_string("/proc/sys/net/core/somaxconn").expect("Linux");
    let most: u32 = most.trim().parse().expect("a number");
    for binary in BOTH {
        let backlogs = [(None, 512), (Some(1), 1), (Some(7), 7), (Some(1024), 1024)];
        let ports = backlogs.map(|_| free_port());
        let conf: String = backlogs
            .iter()
            .zip(ports)
            .map(|((backlog, _), port)| {
                let key = backlog.map(|n: u32| format!("backlog: {n}"));
                let keys: Vec<&str> = key.as_deref().into_iter().chain(["redis: true"]).collect();
                pool(&format!("pool-{port}"), port, &keys, &[REDIS[0].item()])
            })
            .collect();
        let _proxy = start(binary, &conf, &ports);
        // Of a listener, Send-Q is how many may wait.
        let told = Command::new("ss").args(["-H", "-l", "-t", "-n"]).output().expect("iproute2");
        let told = String::from_utf8(told.stdout).expect("text");
        let queues: BTreeMap<&str, &str> = told
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .map(|words| (words[3], words[2]))
            .collect();
        for ((backlog, expected), port) in backlogs.iter().zip(ports) {
            let queue = queues[&*format!("127.0.0.1:{port}")];
            assert_eq!(queue, expected.min(&most).to_string(), "{binary}: {backlog:?}");
        }
    }
}

#[test]
fn two_processes_listen_on_one_port_with_reuseport_and_share_its_clients() {
    let port = free_port();
    let keys = ["redis: true", "reuseport: true"];
    let conf = pool("alpha", port, &keys, &[REDIS[0].item()]);
    let (first, second) = (Proxy::start(&conf), Proxy::start(&conf));
    let mut clients: Vec<Client> = (0..60).map(|_| Client::tcp(port)).collect();
    clients.iter_mut().for_each(|client| client.ask(redis(&["PING"]), "+PONG\r\n"));
    let shares = [&first, &second].map(|proxy| proxy.figure("alpha", "client_connections"));
    assert_eq!(shares[0] + shares[1], 60, "{shares:?}");
    // The kernel chooses by a hash of the addresses.
    assert!(shares[0] > 0 && shares[1] > 0, "{shares:?}");
    // One of them leaves: who comes now is served by the other.
    drop(first);
    for _ in 0..10 {
        Client::tcp(port).ask(redis(&["PING"]), "+PONG\r\n");
    }
}

#[test]
fn with_preconnect_every_server_has_one_connection_before_any_client_comes() {
    for binary in BOTH {
        let servers = [(); 4].map(|()| Peer::start(Does::Nothing));
        let items: Vec<String> = servers.iter().map(|server| item(server.port())).collect();
        let ports = [free_port(), free_port()];
        let eager = ["redis: true", "preconnect: true", "server_connections: 3"];
        let conf = pool("alpha", ports[0], &eager, &items[..2])
            + &pool("beta", ports[1], &["redis: true"], &items[2..]);
        let _proxy = start(binary, &conf, &ports);
        let connections = |server: &Peer| {
            let ends = kernel::tcp();
            ends.iter().filter(|end| end.remote == server.port() && end.is_established()).count()
        };
        let came = || servers[..2].iter().all(|server| connections(server) == 1);
        assert!(eventually(came), "{binary}: {:?}", servers.each_ref().map(connections));
        // One each, whatever server_connections says, and none where it was not asked for.
        assert_eq!(servers.each_ref().map(connections), [1, 1, 0, 0], "{binary}");
    }
}
