//! What is asked of one descriptor.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

/// Waits until a descriptor has something to read, for as long as `patience` says at most; whether it has. One that is
/// not open has an error to read at once.
///
/// # Errors
/// As `ppoll(2)`; [`io::ErrorKind::Interrupted`] when a signal came.
pub fn wait_readable(descriptor: RawFd, patience: Duration) -> io::Result<bool> {
    let mut asked = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    let patience = libc::timespec {
        tv_sec: libc::time_t::try_from(patience.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: patience.subsec_nanos().into(),
    };
    // SAFETY: the call writes to the one entry behind the first pointer and reads what is behind the second; both
    // are ours. A null mask changes no signal's.
    match unsafe { libc::ppoll(&raw mut asked, 1, &raw const patience, std::ptr::null()) } {
        -1 => Err(io::Error::last_os_error()),
        ready => Ok(ready > 0),
    }
}

/// Bytes written to a stream socket that its peer has not acknowledged; 0 where the system does not
/// tell.
pub fn unsent_bytes(socket: BorrowedFd<'_>) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the call writes one int behind the pointer, which is one of ours; the descriptor is
    // open as long as it is borrowed.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) } {
        0 => usize::try_from(bytes).unwrap_or(0),
        _ => 0,
    }
}
