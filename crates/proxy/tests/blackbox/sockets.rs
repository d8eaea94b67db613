//! What the system is told about the proxy's sockets, seen from outside.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::harness::client::Client;
use crate::harness::ms;
use crate::harness::peer::{Does, Peer};
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{Memcached, REDIS};
use crate::harness::wire::{bulk, redis, set, value};

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

#[test]
fn ipv6_is_written_without_brackets_and_listened_on_and_connected_to() {
    // A machine may have none.
    if TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let (cache, listen) = (free_port(), free_port());
    let _memcached = Memcached::start_on(cache, &["-l", "::1"]);
    let conf = pool("alpha", format!("::1:{listen}"), &[], &[format!("::1:{cache}:1")]);
    let proxy = Proxy::start(&conf);
    let mut client = Client::to(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], listen)));
    client.ask(set("sockets:ipv6", b"v"), "STORED\r\n");
    client.ask("get sockets:ipv6\r\n", value("sockets:ipv6", b"v"));
    // Its name is the address as it is written.
    assert_eq!(proxy.figure(&format!("alpha/::1:{cache}"), "requests"), 2);
}

/// As for the original's `getaddrinfo`. The proxy has a network of its own, with IPv6 and without.
#[test]
fn an_asterisk_is_loopback_whether_there_is_ipv6_or_not() {
    let permitted = Command::new("unshare").args(["-rn", "true"]).stderr(Stdio::null()).status();
    if !permitted.is_ok_and(|status| status.success()) {
        // The unit tests of `names` have the address that is found on this machine.
        eprintln!("this system permits no network namespace: not tried");
        return;
    }
    let port = free_port();
    let conf = pool("alpha", format!("\"*:{port}\""), &["redis: true"], &[REDIS[0].item()]);
    for (disabled, table, address) in
        [(0, "tcp6", "00000000000000000000000001000000"), (1, "tcp", "0100007F")]
    {
        let network = format!(
            "echo {disabled} > /proc/sys/net/ipv6/conf/all/disable_ipv6 && ip link set lo up && \
             exec \"$@\""
        );
        let proxy = Proxy::start_under(&["unshare", "-rn", "sh", "-c", &network, "sh"], &conf);
        let sockets = fs::read_to_string(format!("/proc/{}/net/{table}", proxy.pid()));
        let sockets = sockets.expect("its network has a table");
        assert!(sockets.contains(&format!(" {address}:{port:04X} ")), "{table}:\n{sockets}");
    }
}

#[test]
fn a_unix_socket_without_permissions_has_the_umasks_and_stays_at_the_end() {
    let scratch = Scratch::new();
    let path = scratch.path("pool.sock");
    let conf = pool("alpha", text(&path), &["redis: true"], &[REDIS[0].item()]);
    let mut proxy = Proxy::start_after("umask 027", &conf);
    Client::unix(&path).ask(PING, "+PONG\r\n");
    let mode = fs::metadata(&path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o750, "{mode:o}");
    proxy.signal("TERM");
    assert!(proxy.wait(ms(6000)).is_some_and(|status| status.success()));
    let left = fs::symlink_metadata(&path).expect("it stays").file_type();
    assert!(left.is_socket());
    // It is in nobody's way.
    let _next = Proxy::start(&conf);
    Client::unix(&path).ask(PING, "+PONG\r\n");
}

/// Sets the most files that a running process may open, as far as it does not have to be raised
/// above the hard limit.
fn limit_open_files(proxy: &Proxy, files: u32) {
    let [pid, limit] = [format!("--pid={}", proxy.pid()), format!("--nofile={files}:")];
    let status = Command::new("prlimit").args([pid, limit]).status();
    assert!(status.expect("prlimit comes with util-linux").success());
}

/// Lines of the log with `words` in them.
fn lines(proxy: &Proxy, words: &str) -> usize {
    proxy.log().lines().filter(|line| line.contains(words)).count()
}

#[test]
fn clients_that_come_while_no_descriptor_is_left_are_accepted_later() {
    let listen = free_port();
    let proxy = Proxy::start(&pool("alpha", listen, &["redis: true"], &[REDIS[0].item()]));
    let mut before = Client::tcp(listen);
    before.ask(redis(&["SET", "sockets:files", "v"]), "+OK\r\n");
    limit_open_files(&proxy, 3);
    let mut clients: Vec<Client> = (0..5).map(|_| Client::tcp(listen)).collect();
    proxy.expect_log("accept for pool 'alpha' failed, next try in 100 ms: Too many open files");
    // Those who are there are served, however often it is tried again.
    let begun = Instant::now();
    while begun.elapsed() < ms(600) {
        before.ask(redis(&["GET", "sockets:files"]), bulk("v"));
        thread::sleep(ms(5));
    }
    limit_open_files(&proxy, 200);
    clients.iter_mut().for_each(|client| client.ask(PING, "+PONG\r\n"));
    assert_eq!(proxy.figure("alpha", "client_connections"), 6);
    assert!(proxy.metric("accept_paused_total", "alpha") > 1, "{}", proxy.metrics());
    // A line when it begins, and one when it is over.
    proxy.expect_log("accept for pool 'alpha' goes on, it failed ");
    assert_eq!(lines(&proxy, "accept for pool"), 2, "{}", proxy.log());
}

/// As during a reload, when the workers before have conns to servers still.
#[test]
fn a_server_that_a_descriptor_is_soon_there_for_answers_as_ever() {
    let listen = free_port();
    let server = Peer::start(Does::Say(bulk("v")));
    let servers = [format!("127.0.0.1:{}:1", server.port())];
    let proxy = Proxy::start(&pool("alpha", listen, &["redis: true"], &servers));
    let mut client = Client::tcp(listen);
    client.ask(PING, "+PONG\r\n");
    limit_open_files(&proxy, 3);
    client.send(redis(&["GET", "k"]));
    client.expect_silence(ms(150));
    limit_open_files(&proxy, 200);
    client.expect(bulk("v"));
    assert_eq!(lines(&proxy, "Too many open files"), 0, "{}", proxy.log());
}

/// A server that cannot be connected to for want of a descriptor fails its requests, where none is there soon, and is
/// connected to once there is one. Requests that have little time learn of it within that.
#[test]
fn a_server_that_no_descriptor_is_left_for_fails_its_requests_and_no_others() {
    let (listen, other) = (free_port(), free_port());
    let server = Peer::start(Does::Say(bulk("v")));
    let conf = pool("alpha", listen, &["redis: true"], &[REDIS[0].item()])
        + &pool(
            "beta",
            other,
            &["redis: true", "auto_eject_hosts: true", "server_failure_limit: 1", "timeout: 400"],
            &[format!("127.0.0.1:{}:1", server.port())],
        );
    let proxy = Proxy::start(&conf);
    let (mut client, mut stranded) = (Client::tcp(listen), Client::tcp(other));
    client.ask(redis(&["STRLEN", "sockets:none"]), ":0\r\n");
    stranded.ask(PING, "+PONG\r\n");
    limit_open_files(&proxy, 3);
    stranded.ask(redis(&["GET", "k"]).repeat(2), "-ERR Too many open files\r\n".repeat(2));
    client.ask(redis(&["STRLEN", "sockets:none"]), ":0\r\n");
    for _ in 0..30 {
        stranded.ask(redis(&["GET", "k"]), "-ERR Too many open files\r\n");
    }
    limit_open_files(&proxy, 200);
    stranded.ask(redis(&["GET", "k"]), bulk("v"));
    // The server has nothing to do with it, and one line says so.
    assert_eq!(proxy.figure("beta", "server_ejects"), 0);
    assert_eq!(lines(&proxy, "Too many open files"), 1, "{}", proxy.log());
    proxy.expect_log("no connection to a server has failed for want of a descriptor for a second");
}
