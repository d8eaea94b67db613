//! Waiting for events, and what a signal does to it: nothing.

use std::io;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

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
