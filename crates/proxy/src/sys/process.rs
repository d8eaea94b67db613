//! Of the process: how it becomes a daemon.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;

/// Which of the two processes a [`fork`] returned in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// The process that called.
    Parent,
    /// The new one.
    Child,
}

/// Splits the process in two.
///
/// # Errors
/// The system's, and [`io::ErrorKind::Unsupported`] where the process has more than one thread:
/// the child would have only the calling one, and any lock that another held would stay locked.
/// Threads are counted in `/proc`; on a system without it the caller's care has to do.
pub fn fork() -> io::Result<Forked> {
    if thread_count().is_some_and(|threads| threads > 1) {
        let why = "a process with several threads cannot fork";
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    // SAFETY: this is the only thread (checked above), so the child is a whole copy of the process
    // and may go on to do anything that the parent may.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        _ => Ok(Forked::Parent),
    }
}

/// How many threads the process has, where the system tells.
fn thread_count() -> Option<usize> {
    Some(fs::read_dir("/proc/self/task").ok()?.count())
}

/// Puts the process into a session of its own, without a terminal.
///
/// # Errors
/// The system's: the process leads a process group already.
pub fn new_session() -> io::Result<()> {
    // SAFETY: takes no argument and touches no memory of ours.
    match unsafe { libc::setsid() } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// From here on SIGHUP does nothing to the process, until it is handled.
///
/// # Errors
/// None that the system documents for this signal.
pub fn ignore_hangup() -> io::Result<()> {
    // SAFETY: SIG_IGN is no function of ours, so nothing can run at a bad moment.
    match unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) } {
        libc::SIG_ERR => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Sets which permissions new files are denied; returns what was denied before.
pub fn set_umask(denied: libc::mode_t) -> libc::mode_t {
    // SAFETY: always succeeds and touches no memory of ours.
    unsafe { libc::umask(denied) }
}

/// Makes standard input, output and error mean `file`, which may be closed afterwards.
///
/// # Errors
/// The system's; the streams before the failing one have changed by then.
pub fn redirect_standard_streams(file: &File) -> io::Result<()> {
    for stream in [libc::STDIN_FILENO, libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // SAFETY: `file` is open for the length of the call, and no value of Rust owns the
        // descriptors 0 to 2, so none is closed under its owner.
        if unsafe { libc::dup2(file.as_raw_fd(), stream) } == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_threads_is_not_forked() {
        // The test harness runs each test on a thread of its own.
        let refused = fork().expect_err("there are several threads");
        assert_eq!(refused.kind(), io::ErrorKind::Unsupported);
    }
}
