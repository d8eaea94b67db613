//! The statistics port as its readers know it: raw, in HTTP, slow, many at once.

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nutcracker::stats_server::{PoolNames, READERS_MAX, StatsServer, StatsSource};
use nutcracker_engine::stats::Stats;
use tokio::sync::{oneshot, watch};

/// Longer than anything that works takes, shorter than a test run.
const SOON: Duration = Duration::from_secs(10);

/// A server on a thread of its own, until dropped.
struct Running {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Running {
    fn start(server: StatsServer, servers: usize) -> Self {
        let names = (0..servers).map(|n| format!("server-{n}")).collect();
        let pools = vec![PoolNames { name: "alpha".into(), servers: names }];
        let workers = vec![Arc::new(Stats::new([servers]))];
        let source = Arc::new(StatsSource::new(
            "host".into(),
            Instant::now(),
            usize::MAX,
            pools,
            workers.into(),
        ));
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("the system has an epoll for us");
            runtime.block_on(async {
                tokio::select! {
                    ended = server.serve(watch::Sender::new(source).subscribe()) => panic!("serving ended: {ended:?}"),
                    _ = stopped => {}
                }
            });
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }

    fn on_tcp(servers: usize) -> (Self, SocketAddr) {
        let server = StatsServer::bind("127.0.0.1", 0).expect("loopback has a free port");
        let addr = server.local_addr().expect("it is TCP");
        (Self::start(server, servers), addr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server served to the end");
        }
    }
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&addr, SOON).expect("the server listens");
    stream.set_read_timeout(Some(SOON)).expect("not zero");
    stream
}

fn read_all(mut stream: impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the server ends the stream in good order");
    text
}

fn assert_is_report(text: &str) {
    let start = r#"{"service":"nutcracker", "source":"host", "version":"0.5.0", "uptime":"#;
    assert!(text.starts_with(start), "{text}");
    assert!(text.ends_with("}}}\n"), "{text}");
    let json: serde_json::Value = serde_json::from_str(text).expect("names here need no escapes");
    assert_eq!(json["curr_connections"], 1, "the pool's listener");
    assert_eq!(json["alpha"]["server-0"]["requests"], 0);
}

#[test]
fn a_raw_reader_gets_the_report_at_once_and_the_end_of_the_stream() {
    let (_running, addr) = Running::on_tcp(1);
    let begun = Instant::now();
    const READS: u32 = 20;
    for _ in 0..READS {
        assert_is_report(&read_all(connect(addr)));
    }
    let each = begun.elapsed() / READS;
    assert!(each < Duration::from_millis(100), "a read took {each:?}");
}

#[test]
fn a_reader_that_closes_its_side_first_gets_the_report() {
    let (_running, addr) = Running::on_tcp(1);
    let stream = connect(addr);
    stream.shutdown(Shutdown::Write).expect("it is open");
    assert_is_report(&read_all(stream));
}

#[test]
fn curl_gets_the_report_in_http() {
    let (_running, addr) = Running::on_tcp(1);
    // On a busy machine the request may come too late to be waited for; not twenty times, though.
    for _ in 0..20 {
        let curl = Command::new("curl").args(["-sSi", &format!("http://{addr}/")]).output();
        let output = match curl {
            Ok(output) => output,
            // A machine without curl has nothing to show here.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => panic!("curl does not run: {error}"),
        };
        if !output.status.success() {
            continue;
        }
        let text = String::from_utf8(output.stdout).expect("all of it is text");
        let (header, body) = text.split_once("\r\n\r\n").expect("a header and a body");
        assert!(header.starts_with("HTTP/1.0 200 OK\r\n"), "{header}");
        return assert_is_report(body);
    }
    panic!("curl failed 20 times");
}

#[test]
fn prometheus_gets_its_page() {
    let (_running, addr) = Running::on_tcp(1);
    for _ in 0..20 {
        let mut stream = TcpStream::connect(addr).expect("it listens");
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").expect("a few bytes");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("all of it is text");
        // On a busy machine the request may come too late to be waited for; not twenty times, though.
        let Some((header, body)) = text.split_once("\r\n\r\n") else { continue };
        assert!(header.contains("Content-Type: text/plain; version=0.0.4"), "{header}");
        assert!(header.contains(&format!("Content-Length: {}", body.len())), "{header}");
        assert!(body.contains("# TYPE nutcracker_client_refused_total counter\n"), "{body}");
        return;
    }
    panic!("no answer in HTTP, 20 times");
}

#[test]
fn an_http_request_is_answered_by_method() {
    let (_running, addr) = Running::on_tcp(1);
    for (request, has_header, has_body) in [
        ("GET / HTTP/1.1\r\nHost: proxy\r\n\r\n", true, true),
        ("GET /stats HTTP/1.0\r\n\r\n", true, true),
        ("HEAD / HTTP/1.1\r\nHost: proxy\r\n\r\n", true, false),
        ("stats\r\n", false, true),
        ("GETTING", false, true),
    ] {
        // Sent in the same instant as connected, or else the proxy might not wait for it.
        let text = (0..20)
            .map(|_| {
                let mut stream = connect(addr);
                stream.write_all(request.as_bytes()).expect("the server listens");
                read_all(stream)
            })
            .find(|text| text.starts_with("HTTP/") == has_header)
            .unwrap_or_else(|| panic!("{request:?} got the wrong kind of answer 20 times"));
        let body = if has_header {
            let (header, body) = text.split_once("\r\n\r\n").expect("a header's end");
            assert!(header.contains("\r\nContent-Type: application/json"), "{header}");
            let length = header.rsplit_once("Content-Length: ").expect("a length").1;
            let length: usize = length.parse().expect("a number");
            assert!(length > 100, "the body's length, sent or not: {length}");
            if has_body {
                assert_eq!(length, body.len(), "{request:?}");
            }
            body
        } else {
            &text
        };
        if has_body {
            assert_is_report(body);
        } else {
            assert_eq!(body, "", "{request:?}");
        }
    }
}

#[test]
fn a_report_larger_than_the_sockets_buffers_arrives_whole() {
    let (_running, addr) = Running::on_tcp(20_000);
    let stream = connect(addr);
    // The server has filled the buffers by the time the first byte is read.
    thread::sleep(Duration::from_millis(200));
    let text = read_all(stream);
    assert!(text.len() > 4_000_000, "{} bytes", text.len());
    assert_is_report(&text);
}

/// A scraper on a busy machine loses the processor between connecting and asking.
#[test]
fn a_request_that_is_late_by_some_time_slices_is_answered_in_http() {
    let (_running, addr) = Running::on_tcp(1);
    let answered_in_http = || {
        let mut stream = connect(addr);
        thread::sleep(Duration::from_millis(8));
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").expect("the server waits for the end");
        read_all(stream).starts_with("HTTP/1.0 200 OK\r\n")
    };
    // This machine may be busy too.
    assert!((0..10).any(|_| answered_in_http()));
}

#[test]
fn bytes_that_come_late_do_not_reset_the_report() {
    let (_running, addr) = Running::on_tcp(1);
    let mut stream = connect(addr);
    thread::sleep(Duration::from_millis(50));
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("the server waits for the end");
    thread::sleep(Duration::from_millis(50));
    assert_is_report(&read_all(stream));
}

#[test]
fn readers_beyond_the_limit_wait_and_are_served() {
    let (_running, addr) = Running::on_tcp(1);
    // None of these closes, so each keeps its place until the server has had enough.
    let idle: Vec<_> = (0..READERS_MAX).map(|_| connect(addr)).collect();
    let late = connect(addr);
    late.set_read_timeout(Some(Duration::from_millis(300))).expect("not zero");
    let mut byte = [0];
    let early = (&late).read(&mut byte);
    assert!(early.is_err(), "served while {READERS_MAX} others were: {early:?}");
    late.set_read_timeout(Some(SOON)).expect("not zero");
    assert_is_report(&read_all(late));
    drop(idle);
}

/// A socket's path that no other test uses.
fn scratch(name: &str) -> PathBuf {
    let path = env::temp_dir().join(format!("nutcracker-stats-{}-{name}", process::id()));
    let _ = fs::remove_file(&path);
    path
}

fn bind_unix(path: &Path) -> Result<StatsServer, String> {
    let addr = path.to_str().expect("the temporary directory's name is text");
    StatsServer::bind(addr, 22222).map_err(|error| error.to_string())
}

#[test]
fn an_absolute_path_is_a_unix_socket_that_goes_at_the_end() {
    let path = scratch("served");
    let running = Running::start(bind_unix(&path).expect("the path is free"), 1);
    assert_is_report(&read_all(UnixStream::connect(&path).expect("the server listens")));
    drop(running);
    assert!(!path.exists());
}

#[test]
fn a_socket_left_behind_is_replaced_and_anything_else_is_not() {
    let path = scratch("stale");
    let left_behind = std::os::unix::net::UnixListener::bind(&path).expect("the path is free");
    let taken = bind_unix(&path).expect_err("somebody listens");
    let fd = taken.split(' ').nth(3).expect("bind on m FD");
    assert_eq!(
        taken,
        format!(
            "bind on m {fd} to stats server addr '{}:22222' failed: Address already in use",
            path.display()
        )
    );
    drop(left_behind);
    let running = Running::start(bind_unix(&path).expect("nobody listens"), 1);
    assert_is_report(&read_all(UnixStream::connect(&path).expect("the server listens")));
    drop(running);
    fs::write(&path, "precious").expect("the path is free");
    bind_unix(&path).expect_err("a file is in the way");
    assert_eq!(fs::read_to_string(&path).expect("it stayed"), "precious");
    fs::remove_file(&path).expect("it is ours to remove");
}

#[test]
fn a_bind_error_reads_as_the_originals() {
    for (addr, message) in [
        ("", "address resolution of node '' service '25012' failed: Name or service not known"),
        (
            "192.0.2.1",
            "bind on m {fd} to stats server addr '192.0.2.1:25012' failed: Cannot assign requested address",
        ),
    ] {
        let error =
            StatsServer::bind(addr, 25012).expect_err("no address of this host").to_string();
        let fd = error.split(' ').nth(3).expect("more words than that");
        assert_eq!(error, message.replace("{fd}", fd));
    }
}

#[test]
fn an_asterisk_is_loopback_and_not_every_address() {
    let server = StatsServer::bind("*", 0).expect("it needs no name server");
    let addr = server.local_addr().expect("it is TCP");
    assert!(addr.ip().is_loopback(), "{addr}");
}

#[test]
fn a_port_in_use_is_refused() {
    let (_running, addr) = Running::on_tcp(1);
    let error = StatsServer::bind("127.0.0.1", addr.port()).expect_err("it is taken").to_string();
    assert!(error.ends_with("failed: Address already in use"), "{error}");
}
