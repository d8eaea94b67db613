//! The ways to read the statistics port: raw or in HTTP, at once, slowly, or in part, by hand.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::report::shape;
use crate::harness::load::Load;
use crate::harness::ports::free_port;
use crate::harness::process::{Process, signal};
use crate::harness::proxy::{BINARY, ORIGINAL, pool, read_all, read_tcp, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{MEMCACHED, REDIS};
use crate::harness::{SOON, eventually, ms};

/// A proxy whose statistics are on a port; all other tests have them on a unix socket.
struct OnPort {
    process: Process,
    _scratch: Scratch,
    stats: u16,
    /// Of a Redis pool and of a memcached pool.
    pools: [u16; 2],
}

impl OnPort {
    fn start(binary: &str) -> Self {
        let scratch = Scratch::new();
        let (stats, pools) = (free_port(), [free_port(), free_port()]);
        let conf = pool("alpha", pools[0], &["redis: true"], &[REDIS[0].item(), REDIS[1].item()])
            + &pool("beta", pools[1], &[], &[format!("{} cache", MEMCACHED[0].item())]);
        let conf = scratch.write("nutcracker.yml", &conf);
        let args = ["-c", text(&conf), "-a", "127.0.0.1", "-s", &stats.to_string(), "-i", "20"];
        let log = scratch.path("log");
        let mut command = Command::new(binary);
        command.args(args).args(["-o", text(&log)]).stderr(Stdio::null());
        let process = Process::start(&mut command);
        assert!(eventually(|| read_tcp(stats).ends_with("}}}\n")), "{binary} tells nothing");
        Self { process, _scratch: scratch, stats, pools }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.stats)).expect("it listens");
        stream.set_read_timeout(Some(SOON)).expect("not zero");
        stream
    }

    /// What a line for the shell reads; PORT is the port.
    fn shell(&self, line: &str) -> Option<String> {
        let line = line.replace("PORT", &self.stats.to_string());
        let mut shell = Command::new("sh");
        let output = shell.args(["-c", &line]).stdin(Stdio::null()).output();
        let output = output.expect("there is a shell");
        let out = String::from_utf8(output.stdout).expect("text");
        output.status.success().then_some(out)
    }

    /// Load on both pools.
    fn load(&self) -> Load {
        let [store, cache] = self.pools;
        let of = |protocol, port| format!("{protocol}:{port}:monitoring-{protocol}-{port}");
        Load::start(&[of("redis", store), of("memcached", cache)])
    }
}

/// Twenty bytes at a time, with pauses.
fn slowly(mut stream: TcpStream) -> String {
    let (mut text, mut space) = (Vec::new(), [0; 20]);
    while let Ok(len @ 1..) = stream.read(&mut space) {
        text.extend_from_slice(&space[..len]);
        thread::sleep(ms(1));
    }
    String::from_utf8(text).expect("text")
}

#[test]
fn under_load_every_raw_reader_gets_the_whole_report_from_either_proxy() {
    let (original, ours) = (OnPort::start(ORIGINAL), OnPort::start(BINARY));
    let loads = [original.load(), ours.load()];
    let want = shape(&read_tcp(original.stats));
    for proxy in [&original, &ours] {
        let name = if proxy.stats == ours.stats { "ours" } else { "original" };
        let half_closed = || {
            let stream = proxy.connect();
            stream.shutdown(Shutdown::Write).expect("it is open");
            read_all(stream)
        };
        let reports = [
            ("to the end", read_all(proxy.connect())),
            ("slowly", slowly(proxy.connect())),
            ("half closed", half_closed()),
            ("nc", proxy.shell("nc 127.0.0.1 PORT").unwrap_or_default()),
            ("nc -d", proxy.shell("nc -d 127.0.0.1 PORT").unwrap_or_default()),
            ("nc with a time limit", proxy.shell("nc -w 10 127.0.0.1 PORT").unwrap_or_default()),
            ("a shell", proxy.shell("bash -c 'cat < /dev/tcp/127.0.0.1/PORT'").unwrap_or_default()),
        ];
        for (way, report) in reports {
            assert_eq!(shape(&report), want, "{name}, {way}");
        }
        // One who has had enough after some bytes is of no concern to the next one.
        for _ in 0..10 {
            let mut some = [0; 10];
            proxy.connect().read_exact(&mut some).expect("ten bytes");
            assert_eq!(&some, b"{\"service\"", "{name}");
        }
        assert_eq!(shape(&read_tcp(proxy.stats)), want, "{name}, afterwards");
    }
    for load in loads {
        load.finish(&[]);
    }
}

#[test]
fn curl_of_today_reads_the_report_with_its_defaults_and_with_http_0_9() {
    let (original, ours) = (OnPort::start(ORIGINAL), OnPort::start(BINARY));
    let want = shape(&read_tcp(original.stats));
    // With its defaults it takes nothing from the original.
    assert_eq!(original.shell("curl -s http://127.0.0.1:PORT/"), None);
    for line in [
        "curl -s http://127.0.0.1:PORT",
        "curl -sf http://127.0.0.1:PORT/stats",
        "curl -s --http0.9 http://127.0.0.1:PORT",
        "curl -s --http1.0 http://127.0.0.1:PORT",
        "curl -s --compressed http://127.0.0.1:PORT",
        "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:PORT",
    ] {
        let want = if line.contains("http_code") { "200" } else { &want };
        // Its request may come later than the proxy waits for one, though not twenty times.
        let read = || ours.shell(line).map(|text| shape(&text));
        let got = (0..20).map(|_| read()).find(|text| text.as_deref() == Some(want));
        assert!(got.is_some(), "{line}: {:?}", read());
    }
}

/// While the proxy does not run the kernel takes the connection and the request for it.
#[test]
fn a_request_that_waits_already_is_always_answered_in_http_and_no_request_never_is() {
    let ours = OnPort::start(BINARY);
    let want = shape(&read_tcp(ours.stats));
    for request in
        ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /", "HEAD / HTTP/1.0\r\n\r\n", "", "stats\r\n"]
    {
        for _ in 0..5 {
            signal(ours.process.pid(), "STOP");
            let mut reader = ours.connect();
            reader.write_all(request.as_bytes()).expect("the kernel takes it");
            signal(ours.process.pid(), "CONT");
            let response = read_all(reader);
            let (header, body) = match response.split_once("\r\n\r\n") {
                Some((header, body)) => (header, body),
                None => ("", &*response),
            };
            let asked = request.starts_with("GET ") || request.starts_with("HEAD ");
            assert_eq!(header.starts_with("HTTP/1.0 200 OK\r\n"), asked, "{request:?}: {response}");
            let want = if request.starts_with("HEAD") { "" } else { &want };
            assert_eq!(shape(body), want, "{request:?}");
        }
    }
}

#[test]
fn a_raw_reader_has_the_report_within_some_milliseconds_under_load() {
    let ours = OnPort::start(BINARY);
    let load = ours.load();
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..50 {
        let begun = Instant::now();
        let report = read_all(ours.connect());
        took.push(begun.elapsed());
        assert!(report.ends_with("}}}\n"), "{report}");
    }
    took.sort();
    load.finish(&[]);
    // The best of fifty: the machine may be busy with more than this.
    assert!(took[0] < ms(30), "{took:?}");
}
