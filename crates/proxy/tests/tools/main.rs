//! The tools, as an operator runs them: the binary, files, and what it says.

mod arguments;
mod check;
mod diff;
mod docs;
mod locate;
mod ring;
mod traps;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// The binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_nutcracker");

/// What a run said, and how it ended.
struct Said {
    out: String,
    err: String,
    status: i32,
}

impl Said {
    /// The output of a run that went well.
    #[track_caller]
    fn fine(self) -> String {
        assert!(
            self.status == 0 && self.err.is_empty(),
            "{}: {}\n{}",
            self.status,
            self.err,
            self.out
        );
        self.out
    }

    /// The output of a run that ended with this status and nothing on standard error.
    #[track_caller]
    fn ended(self, status: i32) -> String {
        assert!(
            self.status == status && self.err.is_empty(),
            "{}: {}\n{}",
            self.status,
            self.err,
            self.out
        );
        self.out
    }

    /// Standard error of a run that could not do its work.
    #[track_caller]
    fn trouble(self) -> String {
        assert!(self.status == 2 && !self.err.is_empty(), "{}: {}", self.status, self.out);
        self.err
    }
}

/// Runs the binary with nothing on standard input.
fn run(args: &[&str]) -> Said {
    run_with(args, b"")
}

/// Runs the binary with these bytes on standard input.
fn run_with(args: &[&str], input: &[u8]) -> Said {
    run_command(Command::new(BINARY).args(args), input)
}

/// Runs a command that is the binary, or ends in it.
fn run_command(command: &mut Command, input: &[u8]) -> Said {
    let mut child = start(command);
    let mut stdin = child.stdin.take().expect("it is piped");
    let output = thread::scope(|scope| {
        scope.spawn(move || {
            // It may end without having read everything.
            let _ = stdin.write_all(input);
        });
        child.wait_with_output().expect("it is our child")
    });
    Said {
        out: String::from_utf8(output.stdout).expect("it writes text"),
        err: String::from_utf8(output.stderr).expect("it writes text"),
        status: output.status.code().expect("nobody kills it"),
    }
}

/// Starts a command with all its streams piped.
fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it can be run")
}

/// A file of its own in the tests' folder, removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(ending: &str, text: impl AsRef<[u8]>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tools-{}-{n}.{ending}", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, text).expect("the tests' folder can be written");
        Self(path)
    }

    /// A configuration.
    fn conf(text: &str) -> Self {
        Self::new("yml", text)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("the tests' folder has a name in text")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A pool with `keys` and `servers`, as text for a file.
fn pool(name: &str, listen: &str, keys: &[&str], servers: &[&str]) -> String {
    let mut text = format!("{name}:\n  listen: {listen}\n");
    keys.iter().for_each(|key| text += &format!("  {key}\n"));
    text += "  servers:\n";
    servers.iter().for_each(|server| text += &format!("    - {server}\n"));
    text
}

/// Three servers of one weight, with names.
const THREE: &[&str] = &["10.0.0.1:6379:1 one", "10.0.0.2:6379:1 two", "10.0.0.3:6379:1 three"];
