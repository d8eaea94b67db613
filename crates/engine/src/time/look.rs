//! Up to when an engine has been told all that has come, which is how late it may call a server.
//!
//! ```text
//!  turn   poll begins    returns         next turn: the clock is read
//!   |--------|--------------|---- stopped ----|
//!                                  ^ an answer comes; the poll after that will tell of it
//! ```
//! The worker may be stopped anywhere, by a signal or with the whole machine. By the clock a deadline may have passed
//! in the meantime, but what the turn knows is as old as its poll. That began after the turn before it: a deadline
//! counts as missed when it had passed by then, and not by the turn's own clock.

use crate::time::tick::Tick;

/// Most turns in a row that may leave something out. A conn that always has more to read, or a poll that always
/// has more to tell, does not put deadlines off for ever.
const PARTIAL_MAX: u32 = 16;

/// What an engine has been told.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// The time of the turn before: this one's poll began after it.
    before: Tick,
    /// All that had come by then.
    all_until: Tick,
    partial: u32,
}

impl Look {
    /// The time of the turn before.
    pub(crate) const fn before(&self) -> Tick {
        self.before
    }

    /// A turn begins, after one at `before`.
    pub(crate) const fn begin_turn(&mut self, before: Tick) {
        self.before = before;
    }

    /// The turn took all of what its poll had found, or left something for the next. Says up to when deadlines may
    /// be called missed.
    pub(crate) const fn record(&mut self, took_all: bool) -> Tick {
        if took_all || self.partial == PARTIAL_MAX {
            (self.all_until, self.partial) = (self.before, 0);
        } else {
            self.partial += 1;
        }
        self.all_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_was_there_when_the_poll_began_has_been_told() {
        let mut look = Look::default();
        for before in [1, 2, 700].map(Tick) {
            look.begin_turn(before);
            assert_eq!(look.record(true), before);
        }
    }

    #[test]
    fn what_was_left_is_waited_for_and_not_for_ever() {
        let (begin, later) = (Tick(5), Tick(1_000_000));
        let mut look = Look::default();
        for _ in 0..3 {
            look.begin_turn(begin);
            assert_eq!(look.record(true), begin);
            look.begin_turn(later);
            for _ in 0..PARTIAL_MAX {
                assert_eq!(look.record(false), begin);
            }
            assert_eq!(look.record(false), later);
            look.begin_turn(begin);
            assert_eq!(look.record(false), later, "and again from there");
        }
    }
}
