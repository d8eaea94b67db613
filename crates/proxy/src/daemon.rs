//! `-d`: leaving the terminal and the process that was started, as the original's `nc_daemonize`.
//!
//! The original's launching process exits with status 0 at once, so that nobody learns of a
//! configuration that does not load. Here it waits until the daemon serves or fails, passes the
//! failure on, and exits with a status that means something.
//!
//! ```text
//! launcher ── fork ──> session leader ── fork ──> daemon
//!    │                   exits                      │ loads, binds, ...
//!    └──────────── reads the pipe <── Launcher ─────┘ ready() or failed()
//! ```

use std::fs::OpenOptions;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::process;

use crate::standard_error::say;
use crate::sys::{self, Forked};

/// Becomes a daemon: a session of its own, SIGHUP ignored, umask 0, the standard streams on
/// `/dev/null`, the working directory as it was.
///
/// Returns in the daemon only. The calling process waits for what the daemon tells the
/// [`Launcher`], then exits. To be called before any thread exists.
///
/// # Errors
/// The system's, when the first step fails: in the calling process, which is no daemon then. Once
/// there is a child, a failure goes the way of [`Launcher::failed`].
pub fn detach() -> io::Result<Launcher> {
    let (told, launcher) = io::pipe()?;
    if sys::fork()? == Forked::Parent {
        drop(launcher);
        wait(told);
    }
    drop(told);
    match leave_session() {
        Ok(()) => Ok(Launcher(Some(launcher))),
        Err(error) => {
            Launcher(Some(launcher))
                .failed(&format!("nutcracker: cannot become a daemon: {error}"));
            process::exit(1);
        }
    }
}

/// The steps in the children.
fn leave_session() -> io::Result<()> {
    sys::new_session()?;
    // The session's leader exits next, which sends its children SIGHUP.
    sys::ignore_hangup()?;
    // A process that does not lead its session never gets a terminal again.
    if sys::fork()? == Forked::Parent {
        process::exit(0);
    }
    sys::set_umask(0);
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    sys::redirect_standard_streams(&null)
}

/// The launcher's part: ends with what the daemon reports.
fn wait(mut told: PipeReader) -> ! {
    let mut report = Vec::new();
    // A report that cannot be read is none.
    let _ = told.read_to_end(&mut report);
    let Some((&verdict, message)) = report.split_first() else {
        say("nutcracker: the daemon ended before it was serving");
        process::exit(1);
    };
    if verdict == READY {
        process::exit(0);
    }
    say(String::from_utf8_lossy(message));
    process::exit(1);
}

/// The process that waits to hear how the start went; dropped without a word, it hears that the
/// daemon ended.
#[derive(Debug)]
#[must_use = "the launching process waits for `ready` or `failed`"]
pub struct Launcher(Option<PipeWriter>);

impl Launcher {
    /// Nobody waits: the proxy runs in the foreground and its errors are seen as they are.
    pub fn nobody() -> Self {
        Self(None)
    }

    /// The proxy serves: the launcher exits with status 0.
    pub fn ready(self) {
        self.report(&[READY]);
    }

    /// The proxy does not start: the launcher writes `message` to standard error, with a line end,
    /// and exits with status 1.
    pub fn failed(self, message: &str) {
        let mut report = vec![FAILED];
        report.extend_from_slice(message.as_bytes());
        self.report(&report);
    }

    fn report(self, report: &[u8]) {
        if let Some(mut launcher) = self.0 {
            // A launcher that was killed has nobody to tell.
            let _ = launcher.write_all(report);
        }
    }
}

/// The first byte of a report: the daemon serves.
const READY: u8 = b'+';

/// The first byte of a report: the rest says why it does not.
const FAILED: u8 = b'-';
