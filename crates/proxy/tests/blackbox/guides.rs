//! The command lines that guides print, as they stand, in a folder laid out as theirs.

use std::env;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::ms;
use crate::harness::ports::free_port;
use crate::harness::process::{Process, signal};
use crate::harness::proxy::{BINARY, ORIGINAL, read_tcp, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::Redis;
use crate::harness::wire::redis;

/// The ports that guides name, 22121 for a pool and 22222 for the statistics. Who runs tests at the
/// same time takes turns at them; where they are in use for good, others do.
struct Ports {
    pool: u16,
    stats: u16,
    /// Others wait while it is open.
    _turn: Option<File>,
}

/// How long to wait for a turn, and then for the ports.
const TURN: Duration = ms(6000);
const RELEASE: Duration = ms(500);

impl Ports {
    /// For lines that open none.
    const UNUSED: Self = Self { pool: 22121, stats: 22222, _turn: None };

    fn take() -> Self {
        let Self { pool, stats, .. } = Self::UNUSED;
        let path = env::temp_dir().join("nutcracker-tests-22222.lock");
        let turn = File::options().create(true).append(true).open(path).ok();
        let free = |addr, port| TcpListener::bind((addr, port)).is_ok();
        if within(TURN, || turn.as_ref().is_none_or(|turn| turn.try_lock().is_ok()))
            && within(RELEASE, || free("127.0.0.1", pool) && free("0.0.0.0", stats))
        {
            return Self { pool, stats, _turn: turn };
        }
        Self { pool: free_port(), stats: free_port(), _turn: None }
    }
}

/// Whether it comes to be so in time.
fn within(at_most: Duration, is_so: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !is_so() {
        if begun.elapsed() > at_most {
            return false;
        }
        thread::sleep(ms(10));
    }
    true
}

/// `/opt/local/twemproxy`, somewhere else. All proxies that run in it end with it.
struct Folder {
    scratch: Scratch,
    servers: [Redis; 2],
    ports: Ports,
}

impl Folder {
    /// With a published configuration, its servers replaced by some that are there.
    fn new(ports: Ports) -> Self {
        let scratch = Scratch::new();
        let servers = [Redis::start(), Redis::start()];
        for name in ["bin", "conf", "logs", "run", "sbin"] {
            fs::create_dir(scratch.path(name)).expect("a scratch folder can be written");
        }
        for name in ["bin/nutcracker", "sbin/nutcracker"] {
            symlink(BINARY, scratch.path(name)).expect("a scratch folder can be written");
        }
        let conf = published("two-servers-indented.yml")
            .replace("127.0.0.1:22121", &format!("127.0.0.1:{}", ports.pool))
            .replace("127.0.0.1:6380", &format!("127.0.0.1:{}", servers[0].port()))
            .replace("127.0.0.1:6381", &format!("127.0.0.1:{}", servers[1].port()));
        scratch.write("conf/nutcracker.yml", &conf);
        scratch.write("nutcracker.xy.yml", &conf);
        Self { scratch, servers, ports }
    }

    /// A guide's line for the shell, with this folder as the working directory and its `bin` before
    /// all others; the statistics port is added where it is not the usual one.
    fn line(&self, line: &str) -> Command {
        let folder = text(self.scratch.as_ref());
        let mut line = line.replace("/opt/local/twemproxy", folder);
        if self.ports.stats != Ports::UNUSED.stats {
            line = line.replace(":22222", &format!(":{}", self.ports.stats));
            if line.contains("nutcracker") {
                line += &format!(" -s {}", self.ports.stats);
            }
        }
        line = line.replace("-p 22121", &format!("-p {}", self.ports.pool));
        let path = env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command.args(["-c", &line]).current_dir(folder).stdin(Stdio::null());
        command.env("PATH", format!("{folder}/bin:{path}:/usr/sbin"));
        command
    }

    /// Runs it to its end.
    fn output(&self, line: &str) -> Output {
        self.line(line).output().expect("there is a shell")
    }

    /// The ids of proxies that run in this folder.
    fn running(&self) -> Vec<u32> {
        let here = fs::canonicalize(self.scratch.as_ref()).expect("it is there");
        let processes = fs::read_dir("/proc").expect("Linux").flatten().filter(|process| {
            // Those of others do not tell their folder, and some are gone by now.
            let comm = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            comm == "nutcracker\n"
                && fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == here)
        });
        processes.filter_map(|process| process.file_name().to_str()?.parse().ok()).collect()
    }

    /// That the pool and the statistics are served.
    #[track_caller]
    fn expect_service(&self) {
        let (pool, stats) = (self.ports.pool, self.ports.stats);
        assert!(eventually(|| read_tcp(stats).contains(r#""alpha": {"#)), "no statistics");
        Client::tcp(pool).ask(redis(&["PING"]), "+PONG\r\n");
        Client::tcp(pool).ask(redis(&["SET", "guide", "v"]), "+OK\r\n");
        assert_eq!(self.servers.iter().map(Redis::keys).sum::<u64>(), 1);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for pid in self.running() {
            // It may end by itself just now.
            let _ = Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status();
        }
        // The next turn at the ports begins when they are free.
        eventually(|| self.running().is_empty());
    }
}

fn published(file: &str) -> String {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/field-configs");
    fs::read_to_string(data.join(file)).expect("a published file")
}

/// Exit status and standard error; nothing may be on standard output.
fn said(output: &Output) -> (Option<i32>, String) {
    assert!(output.stdout.is_empty(), "{output:?}");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn nutcracker_h_and_describe_stats_say_what_the_original_says() {
    let folder = Folder::new(Ports::UNUSED);
    for line in ["nutcracker -h", "nutcracker --describe-stats"] {
        let theirs = said(&folder.output(&line.replace("nutcracker", ORIGINAL)));
        let (status, ours) = said(&folder.output(line));
        assert_eq!(status, Some(0), "{line}");
        // One option is new, and three defaults are Debian's own choice there.
        let known = |text: &str| -> String {
            let defaults = |line: &str| {
                ["-o,", "-c,", "-p,"].iter().any(|option| line.trim().starts_with(option))
            };
            let new = |line: &str| line.trim().starts_with("-w,");
            let lines = text.split_inclusive('\n').filter(|line| !defaults(line) && !new(line));
            lines.collect()
        };
        assert_eq!((status, known(&ours)), (theirs.0, known(&theirs.1)), "{line}");
        let lines = ours.lines().count() - theirs.1.lines().count();
        assert_eq!(lines, usize::from(line.ends_with("-h")), "{line}: {ours}");
    }
}

#[test]
fn nutcracker_t_gives_every_published_file_the_originals_verdict_and_says_why() {
    let folder = Folder::new(Ports::UNUSED);
    for (file, reasons) in [
        ("first-alpha.yml", &[][..]),
        ("two-servers-indented.yml", &[]),
        ("meetbill.yml", &[]),
        ("five-pools.yml", &[]),
        ("guide-two-pools-four-servers.yml", &["16:3: "]),
        ("sxt-tabs-typo.yml", &["1:1: ", "2:11: ", "3:9: ", "5:26: ", "6:15: "]),
    ] {
        let conf = folder.scratch.write("conf/nutcracker.yml", &published(file));
        let line = "nutcracker -t -c /opt/local/twemproxy/conf/nutcracker.yml";
        let theirs =
            said(&folder.output(&line.replace("nutcracker -t", &format!("{ORIGINAL} -t"))));
        let (status, ours) = said(&folder.output(line));
        let verdict = format!("nutcracker: configuration file '{}' syntax is ", text(&conf));
        let (verdicts, told): (Vec<&str>, Vec<&str>) =
            ours.lines().partition(|line| line.starts_with(&verdict));
        assert_eq!((status, verdicts), (theirs.0, theirs.1.lines().collect()), "{file}: {ours}");
        assert_eq!(status, Some(i32::from(!reasons.is_empty())), "{file}");
        let places: Vec<String> =
            reasons.iter().map(|reason| format!("{}:{reason}", text(&conf))).collect();
        let all = told.iter().zip(&places).all(|(told, place)| told.starts_with(place));
        assert!(all && told.len() == places.len(), "{file}: {places:?}: {told:?}");
    }
}

#[test]
fn nutcracker_d_with_a_pid_file_and_a_log_is_a_daemon_that_serves_and_can_be_stopped() {
    let folder = Folder::new(Ports::take());
    let line = "nutcracker -d -c /opt/local/twemproxy/conf/nutcracker.yml \
                -p /opt/local/twemproxy/run/redisproxy.pid \
                -o /opt/local/twemproxy/logs/redisproxy.log";
    assert_eq!(said(&folder.output(line)), (Some(0), String::new()));
    folder.expect_service();
    let pid_file = folder.scratch.path("run/redisproxy.pid");
    let pid = fs::read_to_string(&pid_file).expect("there is a pid file");
    assert_eq!(folder.running(), [pid.parse::<u32>().expect("an id and nothing else")]);
    let log = || fs::read_to_string(folder.scratch.path("logs/redisproxy.log")).expect("a log");
    assert!(log().contains(&format!(" started on pid {pid}\n")), "{}", log());
    // As an init script stops it.
    let stopped = folder.output("kill $(cat run/redisproxy.pid)");
    assert_eq!(said(&stopped), (Some(0), String::new()));
    assert!(eventually(|| folder.running().is_empty()), "it has not ended: {}", log());
    assert!(!pid_file.exists(), "the pid file is left");
    assert!(log().ends_with("done, rabbit done\n"), "{}", log());
}

#[test]
fn nutcracker_d_with_nothing_but_a_file_of_the_working_directory_serves() {
    let folder = Folder::new(Ports::take());
    assert_eq!(
        said(&folder.output("nutcracker -d -c nutcracker.xy.yml")),
        (Some(0), String::new())
    );
    folder.expect_service();
    let [pid] = folder.running()[..] else { panic!("{:?} run", folder.running()) };
    for fd in 0..3 {
        let stream = fs::read_link(format!("/proc/{pid}/fd/{fd}")).expect("it is open");
        assert_eq!(stream, Path::new("/dev/null"), "descriptor {fd}");
    }
    signal(pid, "TERM");
    assert!(eventually(|| folder.running().is_empty()), "it has not ended");
}

/// The rest of the tour: started by its path, it reads `conf/nutcracker.yml` below the working
/// directory; then `redis-cli`, then `curl`, as they are today.
#[test]
fn sbin_nutcracker_serves_redis_cli_and_curl() {
    let folder = Folder::new(Ports::take());
    let mut line = folder.line("exec ./sbin/nutcracker");
    let mut proxy = Process::start(line.stderr(Stdio::null()));
    assert!(eventually(|| !read_tcp(folder.ports.stats).is_empty()), "{:?}", proxy.ended());

    for (line, answer) in [
        ("redis-cli -p 22121 set msg hello", "OK\n"),
        ("redis-cli -p 22121 get msg", "hello\n"),
        ("redis-cli -p 22121 set date 2015", "OK\n"),
        ("redis-cli -p 22121 get date", "2015\n"),
        ("redis-cli -p 22121 sadd numbers 1 3 6 2", "4\n"),
        (
            "printf 'get msg\nget date\nsadd numbers 1 3 6 2\n' | redis-cli -p 22121",
            "hello\n2015\n0\n",
        ),
    ] {
        let output = folder.output(line);
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && out == answer, "{line}: {output:?}");
    }

    let want = ["\"service\": \"nutcracker\",", "\"version\": \"0.5.0\",", "\"alpha\": {"];
    let shows = |line: &str| {
        let output = folder.output(line);
        let out = String::from_utf8_lossy(&output.stdout);
        output.status.success() && want.iter().all(|words| out.contains(words))
    };
    for line in [
        "curl -s http://127.0.0.1:22222 | python3 -mjson.tool",
        "curl -s --http0.9 http://127.0.0.1:22222 | python3 -mjson.tool",
        "curl -s http://127.0.0.1:22222/ | python3 -m json.tool",
    ] {
        // A reader may send nothing, so the proxy waits for a request for two milliseconds and no
        // longer: on a busy machine curl may be later than that, though not twenty times.
        assert!((0..20).any(|_| shows(line)), "{line}: {:?}", folder.output(line));
    }
}
