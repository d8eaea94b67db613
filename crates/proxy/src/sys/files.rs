//! How many files the process may have open.

use std::io;

/// How many files the process may have open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFilesLimit {
    /// How many now.
    pub soft: libc::rlim_t,
    /// How many it may allow itself.
    pub hard: libc::rlim_t,
}

/// Reads `RLIMIT_NOFILE`.
///
/// # Errors
/// None that the system documents for this limit.
pub fn open_files_limit() -> io::Result<OpenFilesLimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a value that lives through the call, of the type it fills in.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } {
        0 => Ok(OpenFilesLimit { soft: limit.rlim_cur, hard: limit.rlim_max }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Allows the process as many open files as it may allow itself; returns how many those are.
///
/// Every client and server connection is an open file, and the usual soft limit of 1024 is for
/// programs that use `select`.
///
/// # Errors
/// The system's; the limit is then what it was.
pub fn raise_open_files_limit() -> io::Result<libc::rlim_t> {
    let OpenFilesLimit { soft, hard } = open_files_limit()?;
    if soft == hard {
        return Ok(soft);
    }
    let limit = libc::rlimit { rlim_cur: hard, rlim_max: hard };
    // SAFETY: the pointer is to a value that lives through the call, which only reads it.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
        0 => Ok(hard),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_files_limit_rises_to_the_hard_one() {
        let raised = raise_open_files_limit().expect("raising up to the hard limit is allowed");
        let limit = open_files_limit().expect("the limit can be read");
        assert_eq!((limit.soft, limit.hard), (raised, raised));
    }
}
