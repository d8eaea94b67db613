//! Trouble that lasts: worth a line when it begins and one when it is over, however often it shows.

use std::time::{Duration, Instant};

/// A kind of trouble in one place, now and then. It is over when it has not shown for a second.
#[derive(Debug, Default)]
pub struct Spell(Option<Present>);

/// A spell that is not over.
#[derive(Clone, Copy, Debug)]
struct Present {
    begun: Instant,
    last: Instant,
    times: u64,
}

/// A spell that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// From the first time to the last.
    pub lasted: Duration,
    /// How often it showed.
    pub times: u64,
}

/// How long trouble may be away before it is over: longer than what is tried again takes to fail
/// again, so that one spell is not told as many.
const QUIET: Duration = Duration::from_secs(1);

impl Spell {
    /// No trouble yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// It shows. Says whether that is the begin of a spell.
    pub fn show(&mut self, now: Instant) -> bool {
        match &mut self.0 {
            Some(present) => {
                (present.last, present.times) = (now, present.times + 1);
                false
            }
            None => {
                self.0 = Some(Present { begun: now, last: now, times: 1 });
                true
            }
        }
    }

    /// The spell that is over by now, told once.
    pub fn take_past(&mut self, now: Instant) -> Option<Past> {
        if self.poll_timeout()? > now {
            return None;
        }
        let Present { begun, last, times } = self.0.take()?;
        Some(Past { lasted: last - begun, times })
    }

    /// When to look whether it is over.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.0.map(|present| present.last + QUIET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spell_begins_once_and_is_over_when_it_has_been_quiet() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut spell = Spell::default();
        assert_eq!((spell.poll_timeout(), spell.take_past(at(0))), (None, None));
        assert!(spell.show(at(0)));
        for ms in [100, 200, 1_199] {
            assert!(!spell.show(at(ms)));
            assert_eq!(spell.take_past(at(ms)), None);
        }
        assert_eq!(spell.poll_timeout(), Some(at(2_199)));
        assert_eq!(spell.take_past(at(2_198)), None);
        let past = Past { lasted: Duration::from_millis(1_199), times: 4 };
        assert_eq!(spell.take_past(at(2_199)), Some(past));
        assert_eq!((spell.poll_timeout(), spell.take_past(at(9_000))), (None, None));
        assert!(spell.show(at(9_000)), "the next one");
    }
}
