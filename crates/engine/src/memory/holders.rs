//! Who of all workers holds most, while memory is short.
//!
//! A worker knows its own conns alone, and what it would close may be next to nothing beside what a conn of another
//! holds. So each tells the others what the one that holds most of its own does, again and again, and the worker
//! with the most closes it:
//!
//! ```text
//!   worker 0   short . tells 40 MB ................. patience ends: closes it
//!                |  Action::SpreadShortage
//!   worker 1   ..... short . tells 300 KB .......... patience ends: another has more
//! ```
//! One that sleeps, because the client that holds most reads nothing, is woken. One that does not tell is waited for
//! for a moment only: it may be in the midst of a long turn.
//!
//! Behind a lock, which is taken by nobody while there is memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::{SHORT_INTERVAL, TOLD_FOR};
use crate::time::tick::Tick;

/// What the workers of a process have told each other: those of all configurations.
#[derive(Debug, Default)]
pub struct Holders(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    workers: Vec<Told>,
    /// The next one's place.
    next: u64,
    /// When one was closed last.
    closed_at: Option<Tick>,
    /// When all were last told that memory is short.
    spread_at: Option<Tick>,
}

/// What one worker has told.
#[derive(Debug)]
struct Told {
    place: u64,
    /// How many bytes the conn holds that holds most.
    bytes: usize,
    /// When it said so.
    at: Option<Tick>,
}

/// One worker's place among them.
#[derive(Debug)]
pub(crate) struct Holder {
    all: Arc<Holders>,
    place: u64,
}

/// How a worker stands among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// None of the others has told of more.
    pub(crate) has_most: bool,
    /// All of them have told.
    pub(crate) all_told: bool,
}

impl Holder {
    pub(crate) fn join(all: &Arc<Holders>) -> Self {
        let mut known = all.known();
        let place = known.next;
        known.next += 1;
        known.workers.push(Told { place, bytes: 0, at: None });
        drop(known);
        Self { all: Arc::clone(all), place }
    }

    /// Whether there is nobody to tell.
    pub(crate) fn is_alone(&self) -> bool {
        self.all.known().workers.len() == 1
    }

    /// Tells the others what the conn holds that holds most of this worker's. Of equals the first worker has most.
    pub(crate) fn tell(&self, bytes: usize, now: Tick) -> Standing {
        let mut known = self.all.known();
        let mut standing = Standing { has_most: true, all_told: true };
        for told in &mut known.workers {
            if told.place == self.place {
                (told.bytes, told.at) = (bytes, Some(now));
            } else if told.at.is_none_or(|at| at.after(TOLD_FOR) < now) {
                standing.all_told = false;
            } else if told.bytes > bytes || (told.bytes == bytes && told.place < self.place) {
                standing.has_most = false;
            }
        }
        standing
    }

    /// Whether it is time to close one more, which is up to the caller then.
    pub(crate) fn may_close(&self, now: Tick) -> bool {
        is_time(&mut self.all.known().closed_at, now)
    }

    /// Whether it is time to tell all again that memory is short, which is up to the caller then.
    pub(crate) fn may_spread(&self, now: Tick) -> bool {
        is_time(&mut self.all.known().spread_at, now)
    }
}

/// Whether the last time is long enough ago; then the next is now.
fn is_time(last: &mut Option<Tick>, now: Tick) -> bool {
    let is_time = last.is_none_or(|at| at.after(SHORT_INTERVAL) <= now);
    if is_time {
        *last = Some(now);
    }
    is_time
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.all.known().workers.retain(|told| told.place != self.place);
    }
}

impl Holders {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(has_most: bool, all_told: bool) -> Standing {
        Standing { has_most, all_told }
    }

    #[test]
    fn who_has_told_of_most_has_most() {
        let all = Arc::default();
        let [first, second] = [(); 2].map(|()| Holder::join(&all));
        assert_eq!(first.tell(10, Tick(1)), standing(true, false));
        assert_eq!(second.tell(20, Tick(2)), standing(true, true));
        assert_eq!(first.tell(10, Tick(3)), standing(false, true));
        assert_eq!(second.tell(10, Tick(4)), standing(false, true), "of equals the first");
        assert_eq!(first.tell(10, Tick(5)), standing(true, true));
    }

    #[test]
    fn what_was_told_long_ago_and_who_has_gone_do_not_count() {
        let all = Arc::default();
        let first = Holder::join(&all);
        assert!(first.is_alone());
        let second = Holder::join(&all);
        assert!(!first.is_alone());
        second.tell(20, Tick(1));
        let later = Tick(1).after(TOLD_FOR);
        assert_eq!(first.tell(10, later), standing(false, true));
        let later = Tick(later.0 + 1);
        assert_eq!(first.tell(10, later), standing(true, false));
        drop(second);
        assert_eq!(first.tell(10, later), standing(true, true));
    }

    #[test]
    fn one_of_all_closes_at_a_time() {
        let all = Arc::default();
        let [first, second] = [(); 2].map(|()| Holder::join(&all));
        assert!(first.may_close(Tick(1)));
        assert!(!second.may_close(Tick(1)) && !first.may_close(Tick(1)));
        assert!(second.may_spread(Tick(1)) && !first.may_spread(Tick(1)));
        assert!(second.may_close(Tick(1).after(SHORT_INTERVAL)));
    }
}
