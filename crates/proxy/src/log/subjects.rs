//! Whom the lines of one call site are about: who has been quiet, and how many lines of each were held.
//!
//! A site that writes of servers has lines of all of them, and one that fails a hundred times a second would
//! take the place of the others. So the first line about a subject is written whatever the others say, and
//! the summary of those held says whom they were about.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// The subjects that there were lines about in the last minute.
#[derive(Debug)]
pub(super) struct Subjects(BTreeMap<Box<str>, Subject>);

#[derive(Debug)]
struct Subject {
    /// When there was a line about it last, written or held.
    last: Instant,
    /// Lines not written and not told of yet.
    held: u64,
}

impl Subjects {
    /// None yet.
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// There is a line about `subject`. Says whether it is the first after some [quiet](QUIET).
    /// O(log subjects); allocates for one that is new.
    pub(super) fn meet(&mut self, subject: &str, now: Instant) -> bool {
        match self.0.get_mut(subject) {
            Some(known) => {
                let last = std::mem::replace(&mut known.last, now);
                now.duration_since(last) >= QUIET
            }
            None => {
                self.0.insert(subject.into(), Subject { last: now, held: 0 });
                true
            }
        }
    }

    /// The line about `subject`, which was met, is not written.
    pub(super) fn hold(&mut self, subject: &str) {
        if let Some(known) = self.0.get_mut(subject) {
            known.held += 1;
        }
    }

    /// Drops those whose next line is a first one anyway. O(subjects).
    pub(super) fn forget_quiet(&mut self, now: Instant) {
        self.0.retain(|_, known| known.held > 0 || now.duration_since(known.last) < QUIET);
    }

    /// Whom the lines were about that were held, told once: the end of a sentence, empty where there are no
    /// subjects. O(subjects log subjects).
    pub(super) fn take_held(&mut self) -> String {
        let held = self.0.iter_mut().filter(|(_, known)| known.held > 0);
        let mut held: Vec<(&str, u64)> =
            held.map(|(name, known)| (&**name, std::mem::take(&mut known.held))).collect();
        // The loudest first; the sort is stable, so those alike stay in the order of their names.
        held.sort_by_key(|(_, held)| std::cmp::Reverse(*held));
        match &held[..] {
            [] => String::new(),
            [(name, _)] => format!(" of {name}"),
            _ => {
                let (named, others) = held.split_at(held.len().min(NAMED_MAX));
                let named: Vec<_> =
                    named.iter().map(|(name, held)| format!("{held} of {name}")).collect();
                let mut text = format!(": {}", named.join(", "));
                if !others.is_empty() {
                    let held: u64 = others.iter().map(|(_, held)| held).sum();
                    // A `String` does not fail.
                    let _ = write!(text, ", {held} of {} others", others.len());
                }
                text
            }
        }
    }
}

/// How long there must have been no line about a subject for its next one to count as a first. Long enough
/// that a thousand servers which are tried every now and then do not each have a first line every time.
pub(super) const QUIET: Duration = Duration::from_secs(60);

/// How many subjects a summary names.
const NAMED_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_new_again_when_it_has_been_quiet() {
        let begin = Instant::now();
        let mut subjects = Subjects::new();
        let mut meet = |name, seconds| subjects.meet(name, begin + Duration::from_secs(seconds));
        assert!(meet("a", 0) && meet("b", 0));
        assert!(!meet("a", 59) && !meet("a", 60), "it was not quiet for a minute");
        assert!(meet("b", 60));
        subjects.hold("a");
        subjects.forget_quiet(begin + Duration::from_secs(120));
        assert_eq!(subjects.0.keys().map(|name| &**name).collect::<Vec<_>>(), ["a"], "b is quiet");
        assert_eq!(subjects.take_held(), " of a");
        subjects.forget_quiet(begin + Duration::from_secs(120));
        assert!(subjects.0.is_empty());
    }

    #[test]
    fn the_loudest_are_named_and_the_others_counted() {
        let mut subjects = Subjects::new();
        assert_eq!(subjects.take_held(), "");
        for (name, times) in [("a", 2), ("b", 7), ("c", 2)] {
            subjects.meet(name, Instant::now());
            (0..times).for_each(|_| subjects.hold(name));
        }
        assert_eq!(subjects.take_held(), ": 7 of b, 2 of a, 2 of c");
        assert_eq!(subjects.take_held(), "", "they are told of once");
        for at in 0..50 {
            let name = format!("s{at:02}");
            subjects.meet(&name, Instant::now());
            (0..50 - at).for_each(|_| subjects.hold(&name));
        }
        let told = subjects.take_held();
        assert!(told.starts_with(": 50 of s00, 49 of s01, ") && told.contains(", 41 of s09, "));
        assert!(told.ends_with(", 820 of 40 others"), "{told}");
    }
}
