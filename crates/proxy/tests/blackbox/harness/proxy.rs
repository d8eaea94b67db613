//! The proxy under test, and the original.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::kernel;
use super::process::{Process, signal};
use super::scratch::Scratch;
use super::{SOON, eventually};

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_nutcracker");

/// The original: in a folder that a user's PATH may lack, and under the same name.
pub(crate) const ORIGINAL: &str = "/usr/sbin/nutcracker";

/// A proxy that serves; killed when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    process: Process,
    scratch: Scratch,
}

impl Proxy {
    /// Starts the binary under test and waits until it serves.
    pub(crate) fn start(conf: &str) -> Self {
        Self::start_with(conf, &[])
    }

    /// The same with further arguments.
    pub(crate) fn start_with(conf: &str, args: &[&str]) -> Self {
        let mut proxy = Self::launch(&[BINARY], conf, args);
        // The statistics are served once all pools are: and asking does not count as a client.
        proxy.wait_until(|proxy| !read_unix(&proxy.stats_socket()).is_empty());
        proxy
    }

    /// The same with its statistics on a port.
    pub(crate) fn start_with_port(conf: &str, statistics: u16) -> Self {
        let args = ["-a", "127.0.0.1", "-s", &statistics.to_string()];
        let mut proxy = Self::launch(&[BINARY], conf, &args);
        // Somebody else may still answer at that port.
        proxy.wait_until(|proxy| {
            proxy.log().contains(" serves: ") && !read_tcp(statistics).is_empty()
        });
        proxy
    }

    /// The same where the process may have only so many files open.
    pub(crate) fn start_with_open_files(conf: &str, files: u32) -> Self {
        Self::start_after(&format!("ulimit -n {files}"), conf)
    }

    /// Starts the binary under test in a shell that has run `preamble`, a limit or a mask that the
    /// process inherits, and waits until it serves.
    pub(crate) fn start_after(preamble: &str, conf: &str) -> Self {
        let script = format!("{preamble}; exec \"$@\"");
        Self::start_under(&["sh", "-c", &script, "sh"], conf)
    }

    /// Starts the binary under test by way of a command that becomes it, and waits until it serves.
    pub(crate) fn start_under(command: &[&str], conf: &str) -> Self {
        let mut proxy = Self::launch(&[command, &[BINARY]].concat(), conf, &[]);
        proxy.wait_until(|proxy| !read_unix(&proxy.stats_socket()).is_empty());
        proxy
    }

    /// Starts the original and waits until it serves the pools that listen on `ports`.
    pub(crate) fn start_original(conf: &str, ports: &[u16]) -> Self {
        Self::start_original_with(conf, ports, &[])
    }

    /// The same with further arguments.
    pub(crate) fn start_original_with(conf: &str, ports: &[u16], args: &[&str]) -> Self {
        let mut proxy = Self::launch(&[ORIGINAL], conf, args);
        // Its statistics are served before its pools are, and to connect would count as a client.
        proxy.wait_until(|_| ports.iter().all(|port| kernel::listens(*port)));
        proxy
    }

    fn launch(binary: &[&str], conf: &str, args: &[&str]) -> Self {
        let scratch = Scratch::new();
        let process = Process::start(
            Command::new(binary[0])
                .args(&binary[1..])
                .arg("-c")
                .arg(scratch.write("nutcracker.yml", conf))
                .arg("-o")
                .arg(scratch.path("log"))
                .arg("-a")
                .arg(scratch.path("stats.sock"))
                .args(args)
                .stderr(Stdio::null()),
        );
        Self { process, scratch }
    }

    fn wait_until(&mut self, serves: impl Fn(&Self) -> bool) {
        let came = eventually(|| self.process.ended().is_some() || serves(self));
        let ended = self.process.ended();
        assert!(came && ended.is_none(), "it does not serve ({ended:?}):\n{}", self.log());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Has it load another configuration, and waits until that holds.
    #[track_caller]
    pub(crate) fn reload(&self, conf: &str) {
        self.ask_to_reload(conf, "' is reloaded: ");
    }

    /// Has it load a configuration that it does not take.
    #[track_caller]
    pub(crate) fn reload_in_vain(&self, conf: &str) {
        self.ask_to_reload(conf, "the configuration is not reloaded");
    }

    #[track_caller]
    fn ask_to_reload(&self, conf: &str, words: &str) {
        let times = || self.log().matches(words).count();
        let before = times();
        self.scratch.write("nutcracker.yml", conf);
        self.signal("USR2");
        assert!(eventually(|| times() > before), "no \"{words}\" in the log:\n{}", self.log());
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, at_most: Duration) -> Option<ExitStatus> {
        self.process.wait(at_most)
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.scratch.path("log")).unwrap_or_default()
    }

    /// Waits for a line of the log with `words` in it.
    #[track_caller]
    pub(crate) fn expect_log(&self, words: &str) {
        let logged = eventually(|| self.log().contains(words));
        assert!(logged, "no \"{words}\" in the log:\n{}", self.log());
    }

    /// Where it tells its statistics.
    pub(crate) fn stats_socket(&self) -> PathBuf {
        self.scratch.path("stats.sock")
    }

    /// The statistics of now.
    pub(crate) fn stats(&self) -> Value {
        let text = read_unix(&self.stats_socket());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// One figure of now: of a pool, or with "pool/server" of a server.
    pub(crate) fn figure(&self, of: &str, name: &str) -> i64 {
        let stats = self.stats();
        let place = match of.split_once('/') {
            Some((pool, server)) => &stats[pool][server],
            None => &stats[of],
        };
        place[name].as_i64().unwrap_or_else(|| panic!("{of} has no {name}: {stats}"))
    }

    /// The page for Prometheus, of now.
    pub(crate) fn metrics(&self) -> String {
        // A request that the proxy sees too late is answered as none; the next may be in time.
        for _ in 0..50 {
            let mut stream = UnixStream::connect(self.stats_socket()).expect("it listens");
            let asked = stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n");
            let page = read_all(stream);
            if let (Ok(()), Some((_, body))) = (asked, page.split_once("\r\n\r\n")) {
                return body.to_owned();
            }
        }
        panic!("no answer in HTTP");
    }

    /// One figure of a pool that only that page has.
    pub(crate) fn metric(&self, name: &str, pool: &str) -> i64 {
        let page = self.metrics();
        let begin = format!("nutcracker_{name}{{pool=\"{pool}\"}} ");
        let value = page.lines().find_map(|line| line.strip_prefix(&begin));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {begin}:\n{page}"))
    }

    /// Waits until a figure has a value.
    #[track_caller]
    pub(crate) fn expect_figure(&self, of: &str, name: &str, value: i64) {
        let came = eventually(|| self.figure(of, name) == value);
        assert!(came, "{name} of {of} is {}, not {value}", self.figure(of, name));
    }

    /// Memory that it holds by its own count, in bytes.
    pub(crate) fn memory(&self) -> i64 {
        let page = self.metrics();
        let value = page.lines().find_map(|line| line.strip_prefix("nutcracker_memory_bytes "));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no memory:\n{page}"))
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> u64 {
        self.of_status("VmRSS:")
    }

    /// The most that it ever had, bytes.
    pub(crate) fn resident_most(&self) -> u64 {
        self.of_status("VmHWM:")
    }

    fn of_status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with(name)).expect("Linux");
        let kilobytes = line.split_whitespace().nth(1).expect("a number");
        kilobytes.parse::<u64>().expect("a number") * 1024
    }
}

/// Runs the binary under test to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("it can be run");
    let mut stderr = process.stderr.take().expect("it is piped");
    // The end of the stream is the end of the process; one that stays is one that started.
    let ended = eventually(|| process.try_wait().expect("it is our child").is_some());
    if !ended {
        let _ = process.kill();
    }
    assert!(ended, "{args:?}: it runs on after {SOON:?}");
    let mut said = Vec::new();
    stderr.read_to_end(&mut said).expect("a pipe can be read");
    let output = process.wait_with_output().expect("it is our child");
    Output { stderr: said, ..output }
}

/// A pool, as text for the configuration file: `keys` are its further lines.
pub(crate) fn pool(name: &str, listen: impl ToString, keys: &[&str], servers: &[String]) -> String {
    let mut text = format!("{name}:\n  listen: {}\n", on_loopback(&listen.to_string()));
    keys.iter().for_each(|key| text += &format!("  {key}\n"));
    text += "  servers:\n";
    servers.iter().for_each(|server| text += &format!("   - {server}\n"));
    text
}

/// A bare port is one of 127.0.0.1; anything else is an address already.
fn on_loopback(listen: &str) -> String {
    match listen.parse::<u16>() {
        Ok(port) => format!("127.0.0.1:{port}"),
        Err(_) => listen.to_owned(),
    }
}

/// All that a port of 127.0.0.1 says, nothing if nobody listens.
pub(crate) fn read_tcp(port: u16) -> String {
    TcpStream::connect(("127.0.0.1", port)).map(read_all).unwrap_or_default()
}

/// All that a unix socket says, nothing if nobody listens.
pub(crate) fn read_unix(path: &Path) -> String {
    UnixStream::connect(path).map(read_all).unwrap_or_default()
}

pub(crate) fn read_all(mut stream: impl Read) -> String {
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

/// The path as text.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("scratch paths are text")
}
