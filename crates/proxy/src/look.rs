//! Up to when a worker has seen all that has come, which is how late it may call a server.
//!
//! ```text
//!  poll begins    returns          clock is read
//!   |--------------|---- stopped ----|
//!                        ^ an answer comes; the next poll will tell of it
//! ```
//! The worker may be stopped anywhere, by a signal or with the whole machine. By the clock a deadline may have passed
//! in the meantime, but what the turn knows is as old as its poll. So a deadline counts as missed when it had
//! passed before the poll began, and not by the clock after it.

use std::io;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

/// Most looks in a row that may leave something out. A conn that always has more to read, or a poll that always
/// has more to tell, does not put deadlines off for ever.
const PARTIAL_MAX: u32 = 16;

/// What a worker has seen.
#[derive(Debug)]
pub struct Look {
    /// All that had come by then.
    all_until: Instant,
    partial: u32,
}

impl Look {
    /// Nothing has come before `begin`.
    #[must_use]
    pub fn new(begin: Instant) -> Self {
        Self { all_until: begin, partial: 0 }
    }

    /// A turn's poll began at `begun`, and the turn took all of what was there or left something for the next.
    /// Says up to when deadlines may be called missed.
    pub fn record(&mut self, begun: Instant, took_all: bool) -> Instant {
        if took_all || self.partial == PARTIAL_MAX {
            *self = Self::new(begun);
        } else {
            self.partial += 1;
        }
        self.all_until
    }
}

/// The events that are there, without waiting.
///
/// # Errors
/// When the poller fails. An interruption is no failure.
pub fn poll_now(poll: &mut Poll, events: &mut Events) -> io::Result<()> {
    loop {
        match poll.poll(events, Some(Duration::ZERO)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            polled => return polled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_was_there_when_the_poll_began_has_been_seen() {
        let begin = Instant::now();
        let mut look = Look::new(begin);
        for ms in [1, 2, 700] {
            let begun = begin + Duration::from_millis(ms);
            assert_eq!(look.record(begun, true), begun);
        }
    }

    #[test]
    fn what_was_left_is_waited_for_and_not_for_ever() {
        let begin = Instant::now();
        let mut look = Look::new(begin);
        for _ in 0..3 {
            let later = begin + Duration::from_secs(1);
            for _ in 0..PARTIAL_MAX {
                assert_eq!(look.record(later, false), begin);
            }
            assert_eq!(look.record(later, false), later);
            assert_eq!(look.record(later, false), later, "and again from there");
            assert_eq!(look.record(begin, true), begin);
        }
    }
}
