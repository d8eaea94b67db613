//! A child process that never outlives this one.
//!
//! Three ways lead to its end. [`Proc`] kills it when dropped, by its own process id. Ctrl-C
//! reaches this process alone, because each child has a process group of its own, and makes the
//! guards drop (see `interrupt.rs`). And when this process dies without dropping anything, the
//! kernel kills the child: it is started by way of `setpriv --pdeathsig`, which replaces itself
//! with the program and so keeps the process id. The kernel takes the death of the *thread* that
//! started a child for its parent's: start children from a thread that lives as long as they should.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::{Failure, Result};
use crate::interrupt;

/// Folders searched after those of `PATH`: where Debian keeps servers, which a user's `PATH` lacks.
const SERVER_FOLDERS: [&str; 2] = ["/usr/local/sbin", "/usr/sbin"];

/// Finds `program` in `PATH` and in the folders where servers live.
///
/// # Errors
/// [`Failure::MissingProgram`], naming the Debian `package` that brings it.
pub(crate) fn find(program: &str, package: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SERVER_FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .ok_or_else(|| Failure::missing_package(Path::new(program), package))
}

/// What a [`Proc`] is started with, beside its arguments.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    /// What messages call the process; its log is the file NAME.log in `folder`.
    pub(crate) name: &'a str,
    /// The binary.
    pub(crate) program: &'a Path,
    /// Where it runs and its log lies.
    pub(crate) folder: &'a Path,
    /// The only cores it may run on; none leaves it where this process may run.
    pub(crate) cores: &'a [usize],
    /// Its standard input; `None` is an empty one.
    pub(crate) input: Option<File>,
}

/// A running child process, killed when dropped.
#[derive(Debug)]
pub(crate) struct Proc {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Proc {
    /// Starts a program with `arguments`. Its standard output and error go to its log.
    ///
    /// # Errors
    /// A missing `setpriv` or `taskset`, or the system's refusal to start the program.
    pub(crate) fn start<A: AsRef<OsStr>>(launch: Launch<'_>, arguments: &[A]) -> Result<Self> {
        let Launch { name, program, folder, cores, input } = launch;
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).map_err(Failure::system("making a log file"))?;
        let errors = output.try_clone().map_err(Failure::system("sharing a log file"))?;
        let child = command(program, cores)?
            .args(arguments)
            .current_dir(folder)
            .stdin(input.map_or_else(Stdio::null, Stdio::from))
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(Failure::system(format!("starting {name}")))?;
        Ok(Self { child, name: name.to_owned(), log })
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What messages call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Sends it a signal. A process that is gone gets none.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        // Not waited for yet, so the id is still its own.
        let pid = Pid::from_child(&self.child);
        let doing = || format!("sending {signal:?} to {}", self.name);
        kill_process(pid, signal).map_err(|error| Failure::system(doing())(error.into()))
    }

    /// How it ended, or `None` while it runs.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().map_err(Failure::system(format!("asking after {}", self.name)))
    }

    /// Errs if the process is gone, quoting the end of what it wrote.
    ///
    /// # Errors
    /// [`Failure::Wrong`].
    pub(crate) fn expect_running(&mut self) -> Result<()> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => Err(self.failure(status)),
        }
    }

    /// Waits for the end of a process that does its work and goes, and returns what it wrote.
    ///
    /// # Errors
    /// [`Failure::Wrong`] when it ends with any status but 0, and [`Failure::Interrupted`].
    pub(crate) fn finish(mut self) -> Result<String> {
        const STEP: Duration = Duration::from_millis(5);
        let status = loop {
            if let Some(status) = self.ended()? {
                break status;
            }
            interrupt::sleep(STEP)?;
        };
        if status.success() { Ok(self.output()) } else { Err(self.failure(status)) }
    }

    /// What it has written until now.
    pub(crate) fn output(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The whole lines that it has written behind that many bytes.
    pub(crate) fn lines_from(&self, bytes: u64) -> Vec<u8> {
        let mut text = Vec::new();
        let read = File::open(&self.log).and_then(|mut log| {
            log.seek(SeekFrom::Start(bytes))?;
            log.read_to_end(&mut text)
        });
        // A log that cannot be read has nothing new.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        text.truncate(if read.is_ok() { whole } else { 0 });
        text
    }

    /// An end that should not have come, with the last lines the process wrote.
    fn failure(&self, status: ExitStatus) -> Failure {
        const LINES: usize = 8;
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        let tail = lines[lines.len().saturating_sub(LINES)..].join("\n");
        Failure::Wrong(format!("{} ended ({status}); it said:\n{tail}", self.name))
    }

    /// Kills it and waits until it is gone. Killing what is gone already does nothing.
    pub(crate) fn kill(&mut self) {
        // The only error is that it has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Proc {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command that runs `program` and dies with this process; see the top of this file.
///
/// # Errors
/// [`Failure::MissingProgram`] without `setpriv` or, when `cores` are given, `taskset`.
fn command(program: &Path, cores: &[usize]) -> Result<Command> {
    let mut command = Command::new(find("setpriv", "util-linux")?);
    command.args(["--pdeathsig", "KILL"]).process_group(0);
    if !cores.is_empty() {
        let list: Vec<String> = cores.iter().map(usize::to_string).collect();
        command.arg(find("taskset", "util-linux")?).arg("--cpu-list").arg(list.join(","));
    }
    command.arg(program);
    Ok(command)
}

/// The soft limit of open files of this process and of the children it starts from now on,
/// raised to the hard limit. Returns the limit.
pub(crate) fn raise_open_files_limit() -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => limit.maximum.unwrap_or(u64::MAX),
        // Some systems report a hard limit that they do not grant; the old limit still holds.
        Err(_) => before.unwrap_or(u64::MAX),
    }
}
