//! Processes that end with the test, however it ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{eventually, ms};

/// Sends a signal, named without its `SIG`. A process that is told to stop has stopped afterwards.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(status.expect("there is a kill(1)").success(), "SIG{name} to {pid}");
    if name == "STOP" {
        assert!(eventually(|| has_stopped(pid)), "{pid} has not stopped");
    }
}

/// Whether all threads of a process are stopped: each of them takes the signal by itself.
fn has_stopped(pid: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("it is there");
    tasks.flatten().all(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        // After the name in brackets comes the state.
        stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
    })
}

/// A process whose end is of interest. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_owned();
        command.stdin(Stdio::null());
        Self(command.spawn().unwrap_or_else(|error| panic!("starting {name:?}: {error}")))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("it is our child")
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, at_most: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        loop {
            match self.ended() {
                None if begun.elapsed() < at_most => thread::sleep(ms(2)),
                ended => return ended,
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that ends when this is dropped or when the test process ends, so that it can be kept
/// in a static: a shell holds it, and waits for the end of its own standard input.
#[derive(Debug)]
pub(crate) struct Guarded {
    shell: Child,
    stdin: Option<ChildStdin>,
    pid: u32,
}

const GUARD: &str = r#""$@" </dev/null >/dev/null 2>&1 & echo $!; read _; kill -s KILL $!"#;

impl Guarded {
    pub(crate) fn start(command: &[&str]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("there is a shell");
        let mut pid = String::new();
        let stdout = shell.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut pid).expect("the shell names the process");
        let pid = pid.trim().parse().expect("a process id");
        let stdin = shell.stdin.take();
        Self { shell, stdin, pid }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.shell.wait();
    }
}
