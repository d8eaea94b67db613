//! What happens to whole processes: `-d` and signals. Run without the usual harness, because a
//! process that forks may have one thread only. Each test starts this program again, in a role
//! that the environment names.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{self, Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use nutcracker::daemon::{self, Launcher};
use nutcracker::log::{self, Log};
use nutcracker::pid_file::PidFile;
use nutcracker::signals::{Signals, Wish};

/// Names the role and, after a colon, what it needs to know.
const ROLE: &str = "NUTCRACKER_TEST_ROLE";

fn main() {
    if let Ok(role) = env::var(ROLE) {
        let (role, argument) = role.split_once(':').expect("ROLE:ARGUMENT");
        return play(role, argument);
    }
    let tests: &[(&str, fn())] = &[
        ("a_daemon_that_serves_lets_its_launcher_end_well", serving),
        ("a_daemon_is_on_its_own", on_its_own),
        ("a_daemons_failure_is_its_launchers", failing),
        ("a_daemon_that_dies_is_noticed", dying),
        ("in_the_foreground_nobody_waits", foreground),
        ("signals_are_logged_and_obeyed", signalled),
        ("the_second_request_to_stop_ends_the_process", impatient),
    ];
    for (name, test) in tests {
        test();
        println!("test {name} ... ok");
    }
}

fn play(role: &str, argument: &str) {
    match role {
        "ready" => {
            let launcher = daemon::detach().expect("one thread can fork");
            report_to(argument, launcher);
        }
        "failed" => {
            let launcher = daemon::detach().expect("one thread can fork");
            launcher.failed("nutcracker: listen.yml:1:1: nothing to serve");
        }
        "die" => {
            let _launcher = daemon::detach().expect("one thread can fork");
        }
        "foreground" => {
            Launcher::nobody().ready();
            Launcher::nobody().failed("not seen");
        }
        "signals" => obey_signals(PathBuf::from(argument), true),
        "stubborn" => obey_signals(PathBuf::from(argument), false),
        other => panic!("no role is called {other}"),
    }
}

fn start(role: &str, argument: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program has a path"));
    command.env(ROLE, format!("{role}:{argument}")).stdin(Stdio::null());
    command
}

fn output(role: &str, argument: &str) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        start(role, argument).output().expect("this program can be run");
    assert_eq!(stdout, b"", "nothing goes to standard output");
    (status.code(), String::from_utf8(stderr).expect("messages are text"))
}

/// The daemon's part of [`serving`] and [`on_its_own`]: tells of itself over a socket, waits for
/// a word, tells the launcher, then lives until the socket is closed.
fn report_to(port: &str, launcher: Launcher) {
    let mut test = TcpStream::connect(format!("127.0.0.1:{port}")).expect("the test listens");
    let link = |fd: i32| fs::read_link(format!("/proc/self/fd/{fd}")).expect("it is open");
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    // After the name in brackets: state, parent, group, session, terminal.
    let after_name: Vec<_> = stat.rsplit(") ").next().expect("a name").split(' ').collect();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).expect("Linux");
        line.split_whitespace().nth(1).expect("a value").to_owned()
    };
    let pid = process::id();
    let lines = [
        format!("streams {:?}", (0..3).map(link).collect::<Vec<_>>()),
        format!("directory {}", env::current_dir().expect("there is one").display()),
        format!("leads its session {}", after_name[3] == pid.to_string()),
        format!("terminal {}", after_name[4]),
        format!("umask {}", field("Umask:")),
        // SIGHUP is the first bit.
        format!(
            "ignores SIGHUP {}",
            field("SigIgn:").ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f'])
        ),
    ];
    // In one write, so that one read gets it all.
    test.write_all(lines.join("\n").as_bytes()).expect("the test reads");
    test.read_exact(&mut [0]).expect("the test gives the word");
    launcher.ready();
    // The end of the stream.
    let _ = test.read(&mut [0]);
}

/// Starts a daemon, gives it the word, and returns what it said, with the launcher's end.
fn run_daemon() -> (String, Option<i32>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let mut launcher = start("ready", &port.to_string()).spawn().expect("this program can be run");
    let (mut daemon, _) = listener.accept().expect("the daemon calls");
    daemon.set_read_timeout(Some(Duration::from_secs(10))).expect("not zero");
    let mut said = [0; 4096];
    let len = daemon.read(&mut said).expect("the daemon tells of itself");
    thread::sleep(Duration::from_millis(100));
    let early = launcher.try_wait().expect("it is our child");
    assert_eq!(early, None, "the launcher waits until the daemon serves");
    daemon.write_all(b"!").expect("the daemon listens");
    let status = launcher.wait().expect("it is our child");
    (String::from_utf8_lossy(&said[..len]).into_owned(), status.code())
}

fn serving() {
    assert_eq!(run_daemon().1, Some(0));
}

fn on_its_own() {
    let (said, _) = run_daemon();
    let directory = env::current_dir().expect("there is one");
    let expected = format!(
        "streams [\"/dev/null\", \"/dev/null\", \"/dev/null\"]\n\
         directory {}\n\
         leads its session false\n\
         terminal 0\n\
         umask 0000\n\
         ignores SIGHUP true",
        directory.display()
    );
    assert_eq!(said, expected);
}

fn failing() {
    let expected = (Some(1), "nutcracker: listen.yml:1:1: nothing to serve\n".to_owned());
    assert_eq!(output("failed", ""), expected);
}

fn dying() {
    let expected = (Some(1), "nutcracker: the daemon ended before it was serving\n".to_owned());
    assert_eq!(output("die", ""), expected);
}

fn foreground() {
    assert_eq!(output("foreground", ""), (Some(0), String::new()));
}

/// The proxy's part of [`signalled`] and [`impatient`]: logs to `path`, runs until stopped or, if
/// not `obedient`, until it is ended.
fn obey_signals(path: PathBuf, obedient: bool) {
    let log = Log::open(5, Some(&path)).expect("a scratch file can be written");
    log.install().expect("there is no other log");
    let _pid_file = PidFile::create(&path.with_extension("pid")).expect("a scratch file");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system has an epoll for us");
    runtime.block_on(async {
        let mut signals = Signals::catch().expect("the system lets us");
        signals.catch_stops().expect("the system lets us");
        let (wished, mut wishes) = tokio::sync::mpsc::unbounded_channel();
        let wish = move |what| wished.send(what).expect("the proxy waits");
        let stop = async { while wishes.recv().await != Some(Wish::Stop) {} };
        println!("caught");
        tokio::select! {
            never = signals.run(log, wish) => match never {},
            () = stop, if obedient => {}
        }
    });
    log::always!("done, rabbit done");
}

/// A process that obeys signals, and the file it logs to.
struct Obeying {
    child: Child,
    path: PathBuf,
}

impl Obeying {
    fn start(role: &str) -> Self {
        let path = env::temp_dir().join(format!("nutcracker-signals-{}-{role}", process::id()));
        let _ = fs::remove_file(&path);
        let mut child = start(role, path.to_str().expect("text"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be run");
        let mut caught = [0; 7];
        child.stdout.as_mut().expect("it is piped").read_exact(&mut caught).expect("it starts");
        Self { child, path }
    }

    /// Sends a signal and waits until the log tells of it, in `lines` lines in all.
    fn signal(&self, name: &str, lines: usize) {
        self.kill(name);
        self.wait(name, || self.log().lines().count() >= lines);
    }

    fn kill(&self, name: &str) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(kill.success());
    }

    fn wait(&self, name: &str, done: impl Fn() -> bool) {
        for _ in 0..1000 {
            if done() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("SIG{name} was not obeyed: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.path).unwrap_or_default()
    }

    /// The log without its stamps and places.
    fn messages(&self) -> Vec<String> {
        let log = self.log();
        log.lines().map(|line| line.splitn(4, ' ').last().expect("a line").to_owned()).collect()
    }

    fn end(&mut self) -> Option<i32> {
        self.child.wait().expect("it is our child").code()
    }
}

impl Drop for Obeying {
    fn drop(&mut self) {
        // Both are gone already when all went well.
        let _ = self.child.kill();
        for path in [self.path.clone(), self.path.with_extension("pid")] {
            let _ = fs::remove_file(path);
        }
    }
}

fn signalled() {
    let mut proxy = Obeying::start("signals");
    proxy.signal("TTIN", 2);
    proxy.signal("TTOU", 4);
    proxy.signal("USR1", 5);
    proxy.signal("USR2", 6);
    let rotated = proxy.path.with_extension("1");
    fs::rename(&proxy.path, &rotated).expect("both are in one directory");
    proxy.kill("HUP");
    proxy.wait("HUP", || proxy.path.exists());
    proxy.signal("INT", 2);
    assert_eq!(proxy.end(), Some(0));
    let before = fs::read_to_string(&rotated).expect("it was moved");
    fs::remove_file(&rotated).expect("it is ours to remove");
    let before: Vec<_> =
        before.lines().map(|line| line.splitn(4, ' ').last().expect("a line")).collect();
    assert_eq!(
        before,
        [
            "signal 21 (SIGTTIN) received, up logging level",
            "up log level to 6",
            "signal 22 (SIGTTOU) received, down logging level",
            "down log level to 5",
            "signal 10 (SIGUSR1) received",
            "signal 12 (SIGUSR2) received, reloading configuration",
            "signal 1 (SIGHUP) received, reopening log file",
        ]
    );
    assert_eq!(proxy.messages(), ["signal 2 (SIGINT) received, exiting", "done, rabbit done"]);
    assert!(!proxy.path.with_extension("pid").exists(), "the pid file is gone");
}

fn impatient() {
    let mut proxy = Obeying::start("stubborn");
    proxy.signal("TERM", 1);
    proxy.signal("INT", 2);
    assert_eq!(proxy.end(), Some(1));
    assert_eq!(
        proxy.messages(),
        ["signal 15 (SIGTERM) received, exiting", "signal 2 (SIGINT) received, exiting"]
    );
}
