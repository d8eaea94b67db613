//! Pollers, and what a signal does to who waits at one: nothing, but that a pause ends early.

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use crate::sys;

/// The pollers of a worker.
#[derive(Debug)]
pub struct Pollers {
    /// Tells of all there is.
    pub all: Poll,
    /// Tells of what servers have sent, for a worker that waits for nothing else. The other one tells of it too.
    pub answers: Poll,
}

impl Pollers {
    /// Two pollers that watch nothing yet.
    ///
    /// # Errors
    /// As `epoll_create(2)`.
    pub fn new() -> io::Result<Self> {
        Ok(Self { all: Poll::new()?, answers: Poll::new()? })
    }

    /// Waits until a server has sent something, for as long as `patience` says at most, and to the microsecond; the
    /// poller itself knows milliseconds. No event is there when it has ended without one. One system call, and
    /// another where there is something.
    ///
    /// # Errors
    /// When the poller fails.
    pub fn wait_for_answers(&mut self, events: &mut Events, patience: Duration) -> io::Result<()> {
        events.clear();
        match sys::wait_readable(self.answers.as_raw_fd(), patience) {
            Ok(true) => poll_now(&mut self.answers, events),
            Ok(false) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The events that are there, without waiting.
///
/// # Errors
/// When the poller fails.
pub fn poll_now(poll: &mut Poll, events: &mut Events) -> io::Result<()> {
    loop {
        match poll.poll(events, Some(Duration::ZERO)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            polled => return polled,
        }
    }
}

/// Waits for events, for as long as `timeout` says at most, the first `busy` of it without sleep. A signal that
/// ends the wait may have come after the process was stopped, and whoever answered in the meantime is not late: what
/// is there is taken then.
///
/// # Errors
/// When the poller fails.
pub fn wait(
    poll: &mut Poll,
    events: &mut Events,
    timeout: Option<Duration>,
    busy: Duration,
) -> io::Result<()> {
    let busy = timeout.map_or(busy, |timeout| timeout.min(busy));
    if !busy.is_zero() {
        let begun = Instant::now();
        while begun.elapsed() < busy {
            poll_now(poll, events)?;
            if !events.is_empty() {
                return Ok(());
            }
        }
    }
    match poll.poll(events, timeout.map(|timeout| timeout - busy)) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => poll_now(poll, events),
        waited => waited,
    }
}
