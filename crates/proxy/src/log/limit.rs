//! A ceiling for lines that a stranger can cause: an allowance a second, then a count.

use std::convert::Infallible;
use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tracing::Level;

use super::subjects::Subjects;

/// The allowance of one call site: [`LINES_PER_SECOND`] lines a second, counted from the first of
/// them. Further ones are counted, and told of in one line, `... and 123 more like it`, once the
/// second is over. The macro [`limited!`](crate::log::limited) makes one where it stands.
///
/// Where lines are about one of several, servers say, the first about each is written beyond the
/// allowance, and the others share it: see [`limited_each!`](crate::log::limited_each).
#[derive(Debug)]
pub struct Limit {
    level: Level,
    file: &'static str,
    line: u32,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the running second began; `None` before the first line.
    started: Option<Instant>,
    /// Lines written in it.
    written: u32,
    /// Lines not written and not told of yet.
    held: u64,
    /// Whom lines were about; empty where nobody says.
    subjects: Subjects,
    /// Whether [`write_summaries`] knows of this limit.
    known: bool,
}

impl Limit {
    /// The full allowance for lines at `level` from that place in the source.
    #[must_use]
    pub const fn new(level: Level, file: &'static str, line: u32) -> Self {
        let subjects = Subjects::new();
        let state = State { started: None, written: 0, held: 0, subjects, known: false };
        Self { level, file, line, state: Mutex::new(state) }
    }

    /// Whether one more line may be written now. Tells of held ones first, when it is time.
    #[must_use]
    pub fn admit(&'static self) -> bool {
        self.admit_at(None, Instant::now())
    }

    /// The same for a line about `subject`. The first about it in a minute (`subjects.rs`) may
    /// always be written. A lock that all threads share, and an allocation: for what goes wrong.
    #[must_use]
    pub fn admit_about(&'static self, subject: &dyn Display) -> bool {
        self.admit_at(Some(&subject.to_string()), Instant::now())
    }

    fn admit_at(&'static self, subject: Option<&str>, now: Instant) -> bool {
        self.summarise_at(now);
        let mut state = self.state();
        let started = *state.started.get_or_insert(now);
        if now.duration_since(started) >= SECOND {
            state.started = Some(now);
            state.written = 0;
            state.subjects.forget_quiet(now);
        }
        if subject.is_some_and(|subject| state.subjects.meet(subject, now)) {
            return true;
        }
        if state.written < LINES_PER_SECOND {
            state.written += 1;
            return true;
        }
        state.held += 1;
        if let Some(subject) = subject {
            state.subjects.hold(subject);
        }
        if state.held == 1 {
            HELD.notify_one();
        }
        if !state.known {
            state.known = true;
            drop(state);
            limits().push(self);
        }
        false
    }

    /// Writes how many lines were held in a second that is over.
    fn summarise_at(&self, now: Instant) {
        let (held, whose) = {
            let mut state = self.state();
            let is_over = state.started.is_some_and(|it| now.duration_since(it) >= SECOND);
            if !is_over || state.held == 0 {
                return;
            }
            (std::mem::take(&mut state.held), state.subjects.take_held())
        };
        let (file, line) = (self.file, self.line);
        macro_rules! summary {
            ($level:ident) => {
                tracing::event!(
                    Level::$level,
                    log.file = file,
                    log.line = line,
                    "... and {held} more like it{whose}"
                )
            };
        }
        match self.level {
            Level::ERROR => summary!(ERROR),
            Level::WARN => summary!(WARN),
            Level::INFO => summary!(INFO),
            Level::DEBUG => summary!(DEBUG),
            Level::TRACE => summary!(TRACE),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many lines of one call site a second are read by somebody.
pub const LINES_PER_SECOND: u32 = 10;

const SECOND: Duration = Duration::from_secs(1);

/// The limits that ever held a line: at most one a call site.
static LIMITS: Mutex<Vec<&'static Limit>> = Mutex::new(Vec::new());

fn limits() -> MutexGuard<'static, Vec<&'static Limit>> {
    LIMITS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells of the lines held in seconds that are over, at every call site.
pub fn write_summaries() {
    // Copied out, so that no lock is held while lines are written.
    let limits = limits().clone();
    let now = Instant::now();
    for limit in limits {
        limit.summarise_at(now);
    }
}

/// Says that a line is held which nobody has been told of.
static HELD: Notify = Notify::const_new();

/// [`write_summaries`] a second after a line was held, so that the end of a flood is told of, too. For
/// the control plane. Sleeps as long as there is nothing to tell.
pub async fn write_summaries_for_ever() -> Infallible {
    loop {
        HELD.notified().await;
        tokio::time::sleep(SECOND).await;
        write_summaries();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_gets_its_allowance_once_a_second() {
        static LIMIT: Limit = Limit::new(Level::WARN, "here.rs", 1);
        let start = Instant::now();
        let admitted =
            |after: Duration| (0..50).filter(|_| LIMIT.admit_at(None, start + after)).count();
        assert_eq!(admitted(Duration::ZERO), LINES_PER_SECOND as usize);
        assert_eq!(admitted(Duration::from_millis(999)), 0, "the second is not over");
        assert_eq!(LIMIT.state().held, 90);
        assert_eq!(admitted(Duration::from_millis(1000)), LINES_PER_SECOND as usize);
        assert_eq!(LIMIT.state().held, 40, "the first second's lines have been told of");
        assert_eq!(limits().iter().filter(|&&known| std::ptr::eq(known, &LIMIT)).count(), 1);
    }

    #[test]
    fn a_thousand_subjects_get_their_first_lines_and_share_the_rest() {
        static LIMIT: Limit = Limit::new(Level::WARN, "here.rs", 2);
        let start = Instant::now();
        let admitted = |after: Duration| {
            let subjects = (0..5).flat_map(|_| 0..1000).map(|at| format!("server {at}"));
            subjects.filter(|subject| LIMIT.admit_at(Some(subject), start + after)).count()
        };
        let shared = LINES_PER_SECOND as usize;
        assert_eq!(admitted(Duration::ZERO), 1000 + shared);
        assert_eq!(admitted(SECOND), shared, "no subject has been quiet");
        assert!(LIMIT.admit_at(Some("another"), start + SECOND), "whatever the others say");
        assert!(!LIMIT.admit_at(Some("another"), start + SECOND));
        assert_eq!(admitted(Duration::from_secs(61)), 1000 + shared);
    }
}
