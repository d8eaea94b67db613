//! What the system is told about the proxy's sockets, seen from outside.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::process::Command;

use crate::harness::client::Client;
use crate::harness::peer::{Does, Peer};
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool, run, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{Memcached, REDIS};
use crate::harness::wire::{bulk, redis, set, value};
use crate::harness::{eventually, ms};

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

#[test]
fn two_processes_share_an_address_if_both_say_reuseport() {
    let scratch = Scratch::new();
    let listen = free_port();
    let servers = [REDIS[0].item()];
    let shared = pool("alpha", listen, &["redis: true", "reuseport: true"], &servers);
    let mut first = Proxy::start(&shared);
    let second = Proxy::start(&shared);
    let mut clients: Vec<Client> = (0..60).map(|_| Client::tcp(listen)).collect();
    clients.iter_mut().for_each(|client| client.ask(PING, "+PONG\r\n"));
    let [of_first, of_second] =
        [&first, &second].map(|proxy| proxy.figure("alpha", "client_connections"));
    assert!(of_first > 0 && of_second > 0, "{of_first} and {of_second} of 60 clients");
    // One goes, the other one serves on.
    first.signal("TERM");
    assert!(first.wait(ms(6000)).is_some_and(|status| status.success()));
    drop(clients);
    (0..10).for_each(|_| Client::tcp(listen).ask(PING, "+PONG\r\n"));

    let alone = pool("alpha", listen, &["redis: true"], &servers);
    let path = scratch.write("alone.yml", &alone);
    let stats = scratch.path("stats");
    let output = run(&["-c", text(&path), "-a", text(&stats)]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("Address already in use"), "{said}");
}

#[test]
fn as_many_clients_wait_to_be_accepted_as_backlog_says() {
    let listen = free_port();
    let conf = pool("alpha", listen, &["redis: true", "backlog: 4"], &[REDIS[0].item()]);
    let proxy = Proxy::start(&conf);
    // Whom nobody accepts waits in the kernel; it takes one more than it is told.
    proxy.signal("STOP");
    let address = SocketAddr::from(([127, 0, 0, 1], listen));
    let waiting: Vec<TcpStream> =
        (0..10).filter_map(|_| TcpStream::connect_timeout(&address, ms(100)).ok()).collect();
    proxy.signal("CONT");
    assert_eq!(waiting.len(), 5);
    proxy.expect_figure("alpha", "client_connections", 5);
}

/// The state of the kernel's timer of the proxy's end of a connection: 0 for none, 2 for
/// keepalive.
fn timer(listen: u16, client: u16) -> Option<u8> {
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux");
    let (ours, theirs) = (format!("0100007F:{listen:04X}"), format!("0100007F:{client:04X}"));
    let row = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = row.into_iter().find(|cells| cells.get(1..3) == Some(&[&ours, &theirs]))?;
    row[5].split(':').next()?.parse().ok()
}

#[test]
fn clients_are_probed_by_the_kernel_if_tcpkeepalive_says_so() {
    let ports = [free_port(), free_port()];
    let servers = [REDIS[0].item()];
    let conf = pool("alpha", ports[0], &["redis: true", "tcpkeepalive: true"], &servers)
        + &pool("beta", ports[1], &["redis: true"], &servers);
    let _proxy = Proxy::start(&conf);
    for (port, expected) in ports.into_iter().zip([2, 0]) {
        let mut client = Client::tcp(port);
        client.ask(PING, "+PONG\r\n");
        // A response that is not acknowledged yet has a timer of its own.
        let settled = eventually(|| timer(port, client.port()) == Some(expected));
        assert!(settled, "the timer is {:?}, not {expected}", timer(port, client.port()));
    }
}

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

#[test]
fn clients_that_come_while_no_descriptor_is_left_are_accepted_later() {
    let listen = free_port();
    let proxy = Proxy::start(&pool("alpha", listen, &["redis: true"], &[REDIS[0].item()]));
    let mut before = Client::tcp(listen);
    before.ask(redis(&["SET", "sockets:files", "v"]), "+OK\r\n");
    limit_open_files(&proxy, 3);
    let mut clients: Vec<Client> = (0..5).map(|_| Client::tcp(listen)).collect();
    proxy.expect_log("accept for pool 'alpha' failed, next try in 100 ms: Too many open files");
    // Those who are there are served.
    before.ask(redis(&["GET", "sockets:files"]), bulk("v"));
    limit_open_files(&proxy, 200);
    clients.iter_mut().for_each(|client| client.ask(PING, "+PONG\r\n"));
    assert_eq!(proxy.figure("alpha", "client_connections"), 6);
}

/// A server that cannot be connected to for want of a descriptor fails its requests, and is
/// connected to once there is one.
#[test]
fn a_server_that_no_descriptor_is_left_for_fails_its_requests_and_no_others() {
    let (listen, other) = (free_port(), free_port());
    let server = Peer::start(Does::Say(b"+OK\r\n".to_vec()));
    let conf = pool("alpha", listen, &["redis: true"], &[REDIS[0].item()])
        + &pool("beta", other, &["redis: true"], &[format!("127.0.0.1:{}:1", server.port())]);
    let proxy = Proxy::start(&conf);
    let (mut client, mut stranded) = (Client::tcp(listen), Client::tcp(other));
    client.ask(redis(&["STRLEN", "sockets:none"]), ":0\r\n");
    stranded.ask(PING, "+PONG\r\n");
    limit_open_files(&proxy, 3);
    stranded.ask(redis(&["GET", "k"]).repeat(2), "-ERR Too many open files\r\n".repeat(2));
    client.ask(redis(&["STRLEN", "sockets:none"]), ":0\r\n");
    limit_open_files(&proxy, 200);
    stranded.ask(redis(&["GET", "k"]), "+OK\r\n");
}
