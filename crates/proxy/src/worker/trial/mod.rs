//! Whether a busy worker pauses at all, and whether longer, by what that brings: it is tried, for nobody can know it.
//!
//! Where clients and servers are kept busy themselves, a pause gives them larger batches, and everybody gains. Where they
//! have nothing to do but wait for the proxy, or where requests come when they come, they wait for the pause, and
//! everybody loses. A worker cannot see which it is, but in how many responses come and in what they cost. So every few
//! seconds each of two lengths that are neighbours holds for some milliseconds, in turns:
//!
//! ```text
//!  none  | none shorter shorter none none shorter shorter none ... | which was better
//!  rests |  slices of a trial                                      | rests, and is tried against the other neighbour
//! ```
//! The longer one has to bring clearly more responses, in nearly all of its slices. Where they are as many as the
//! requests that arrive, whatever the pause, it is chance that tells the slices apart, and there the shorter one stays,
//! which delays them less. A pause is taken as well where there are as many responses as without, for clearly less
//! processor time.

mod slices;

use std::cmp::{max, min};
use std::time::Duration;

use self::slices::{Outcome, SLICE, SLICE_MAX, Slices, TO_BE_KEPT, TO_BE_TAKEN};
use crate::sys;

/// Time between trials that do not agree, and the longest there is: it doubles from trial to trial as long as they do.
/// The slowest one in a hundred requests is not to be one that came in a trial.
const REST: Duration = Duration::from_secs(2);
const REST_MAX: Duration = Duration::from_secs(32);

/// Time before the first one, for connections are opened first, before the next when one came to nothing, and before the
/// longer one is tried, when the shorter one was found better than none.
const FIRST_REST: Duration = Duration::from_millis(100);

/// A pause of a busy worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Length {
    /// It polls at once.
    None,
    /// The shorter one.
    Shorter,
    /// The longer one.
    Longer,
}

/// Which pause holds, and what is known of it.
#[derive(Debug)]
pub(super) struct Trial {
    holds: Length,
    /// What it is tried against next, or now.
    other: Length,
    /// How long it rests after a trial that changes nothing.
    rest: Duration,
    /// How long the slices of the next one are, or of the one under way.
    slice_length: Duration,
    phase: Phase,
    /// Tells how much processor time the worker has taken so far.
    cpu_time: fn() -> Duration,
}

#[derive(Debug)]
enum Phase {
    /// The next trial begins when so much time has passed, and the pauses differ.
    Rests { left: Duration },
    /// One is under way.
    Tries(Box<Slices>),
}

impl Default for Trial {
    /// The shorter one, until it is seen whether that is better than none.
    fn default() -> Self {
        Self {
            holds: Length::Shorter,
            other: Length::None,
            rest: REST,
            slice_length: SLICE,
            phase: Phase::Rests { left: FIRST_REST },
            cpu_time: sys::thread_cpu_time,
        }
    }
}

impl Trial {
    /// One that tries nothing.
    #[cfg(test)]
    pub(super) fn holding(length: Length) -> Self {
        Self { holds: length, phase: Phase::Rests { left: Duration::MAX }, ..Self::default() }
    }

    /// One that judges by responses alone: they cost nothing, whatever the thread does.
    #[cfg(test)]
    pub(super) fn free_of_cost() -> Self {
        Self { cpu_time: || Duration::ZERO, ..Self::default() }
    }

    /// The pause that comes.
    #[must_use]
    pub(super) fn length(&self) -> Length {
        match &self.phase {
            Phase::Rests { .. } => self.holds,
            Phase::Tries(slices) if slices.is_of_longer() => max(self.holds, self.other),
            Phase::Tries(_) => min(self.holds, self.other),
        }
    }

    /// A busy worker's pauses have these lengths now, in the order of [`Length`]: a trial may begin. Slow servers may make
    /// all of them one, the first too.
    pub(super) fn offer(&mut self, lengths: [Duration; 3]) {
        let Phase::Rests { left: Duration::ZERO } = self.phase else { return };
        if lengths[self.holds as usize] == lengths[self.other as usize] {
            // Nothing is to be tried until the two differ; but where there is no longer one, the shorter one is tried
            // against none next, after the rest that is due.
            if max(self.holds, self.other) == Length::Longer {
                (self.holds, self.other) = (Length::Shorter, Length::None);
                self.phase = Phase::Rests { left: self.rest };
            }
            return;
        }
        self.phase = Phase::Tries(Box::new(Slices::new(self.slice_length, (self.cpu_time)())));
    }

    /// A turn took so much `time`, the pause before it included, and brought `responses`. Makes a system call at the end
    /// of a slice.
    pub(super) fn record(&mut self, responses: usize, time: Duration) {
        match &mut self.phase {
            // Of a time in which nothing came no more than that counts: what held before it holds after it.
            Phase::Rests { left } => *left = left.saturating_sub(time.min(SLICE)),
            // The load had gone, and is back: that time belongs to neither.
            Phase::Tries(_) if time > SLICE => {}
            Phase::Tries(slices) => {
                slices.record(responses, time, self.cpu_time);
                if slices.are_over() {
                    let outcome = slices.outcome();
                    self.decide(&outcome);
                }
            }
        }
    }

    fn decide(&mut self, outcome: &Outcome) {
        let is_unsteady = outcome.is_unsteady();
        if is_unsteady && self.slice_length < SLICE_MAX {
            self.slice_length *= 2;
            self.phase = Phase::Rests { left: FIRST_REST };
            return;
        }
        self.slice_length = SLICE.max(self.slice_length / 2);
        let (lower, higher) = (min(self.holds, self.other), max(self.holds, self.other));
        let before = self.holds;
        let wanted = if before == higher { TO_BE_KEPT } else { TO_BE_TAKEN };
        // A longer one for the processor's sake alone would be one more delay for those that have one already.
        let is_cheaper = lower == Length::None && outcome.is_cheaper(wanted);
        let is_better = is_cheaper || outcome.brings_more(wanted);
        self.holds =
            if outcome.says_something() && !is_unsteady && is_better { higher } else { lower };
        self.other = self.holds.against(lower);
        let agrees = self.holds == before;
        self.rest = if agrees { REST_MAX.min(self.rest * 2) } else { REST };
        let is_halfway = self.other == Length::Longer;
        self.phase = Phase::Rests { left: if is_halfway { FIRST_REST } else { self.rest } };
    }
}

impl Length {
    /// What one that holds is tried against next, after a trial of which the shorter was `lower`.
    fn against(self, lower: Self) -> Self {
        match self {
            Self::None | Self::Longer => Self::Shorter,
            Self::Shorter if lower == Self::None => Self::Longer,
            Self::Shorter => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::slices::SLICES;
    use super::*;

    const TURN: Duration = Duration::from_micros(250);

    /// No pause, the shorter and the longer one.
    const LENGTHS: [Duration; 3] =
        [Duration::ZERO, Duration::from_micros(60), Duration::from_micros(120)];

    /// A trial and the rest behind it, but for as much as the first rest lasts.
    const ROUND: Duration = REST.saturating_add(SLICE.saturating_mul(SLICES as u32));

    /// What the responses of a turn cost that brings a hundred.
    const WORK: Duration = Duration::from_micros(100);

    thread_local! {
        static CPU_TIME: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    /// One that has settled for no pause.
    fn trial() -> Trial {
        let [holds, other] = [Length::None, Length::Shorter];
        Trial { holds, other, cpu_time: || CPU_TIME.get(), ..Trial::default() }
    }

    /// A turn that brings so many responses, each of which costs so many percent.
    fn turn(trial: &mut Trial, responses: usize, cost: u32) {
        trial.offer(LENGTHS);
        CPU_TIME.set(CPU_TIME.get() + WORK * responses as u32 * cost / 10_000);
        trial.record(responses, TURN);
    }

    /// Lets so much time pass in turns that bring so many responses, at such a cost, without a pause, with the shorter one
    /// and with the longer one.
    fn passes(trial: &mut Trial, time: Duration, brought: [usize; 3], cost: [u32; 3]) {
        for _ in 0..time.as_nanos() / TURN.as_nanos() {
            let at = trial.length() as usize;
            turn(trial, brought[at], cost[at]);
        }
    }

    /// What holds after several trials, the longest rest before them.
    fn holds_after(trial: &mut Trial, brought: [usize; 3], cost: [u32; 3]) -> Length {
        trial.rest = REST;
        passes(trial, REST_MAX + ROUND * 10, brought, cost);
        trial.holds
    }

    #[test]
    fn the_longer_one_holds_where_it_brings_clearly_more_and_for_as_long() {
        let mut trial = trial();
        for (brought, length) in [
            ([100, 100, 100], Length::None),
            ([100, 105, 120], Length::None),
            ([100, 106, 100], Length::Shorter),
            ([100, 103, 108], Length::Shorter),
            ([100, 110, 117], Length::Longer),
            ([100, 110, 114], Length::Longer),
            ([100, 110, 112], Length::Shorter),
            ([100, 102, 102], Length::None),
        ] {
            assert_eq!(holds_after(&mut trial, brought, [100; 3]), length, "{brought:?}");
        }
    }

    #[test]
    fn a_pause_holds_where_as_many_responses_cost_clearly_less() {
        for (brought, cost, length) in [
            ([100, 100, 100], [100, 88, 60], Length::Shorter),
            ([100, 97, 97], [100, 60, 40], Length::Shorter),
            ([100, 100, 100], [100, 89, 60], Length::None),
            ([100, 96, 96], [100, 60, 40], Length::None),
        ] {
            let held = holds_after(&mut trial(), brought, cost);
            assert_eq!(held, length, "{brought:?} at {cost:?}");
        }
    }

    #[test]
    fn more_responses_that_cost_more_each_have_come_by_chance() {
        for (cost, length) in [([100, 100, 120], Length::Shorter), ([100, 101, 102], Length::None)]
        {
            let held = holds_after(&mut trial(), [100, 120, 140], cost);
            assert_eq!(held, length, "{cost:?}");
        }
    }

    #[test]
    fn a_load_that_comes_by_chance_brings_about_no_pause_but_seldom() {
        let (mut trial, mut random, mut paused) = (trial(), 1_u64, 0);
        let turns = Duration::from_secs(200).as_nanos() / TURN.as_nanos();
        for _ in 0..turns {
            paused += usize::from(trial.length() != Length::None);
            let mut chance = || {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 33) as usize % 100
            };
            // Ten on average, and sometimes many.
            let responses = if chance() < 10 { chance() * 2 } else { 0 };
            turn(&mut trial, responses, 100);
        }
        assert!(paused < turns as usize / 25, "{paused} of {turns}");
    }

    #[test]
    fn it_is_tried_seldom_and_more_seldom_where_it_comes_to_the_same() {
        let mut trial = trial();
        let mut tried = |seconds| {
            let turns = Duration::from_secs(seconds).as_nanos() / TURN.as_nanos();
            let mut tried = 0;
            for _ in 0..turns {
                tried += usize::from(trial.length() != Length::None);
                turn(&mut trial, 100, 100);
            }
            tried as f64 / turns as f64
        };
        let (first, later) = (tried(10), tried(100));
        assert!(
            (0.01..0.04).contains(&first) && (0.002..0.007).contains(&later),
            "{first} {later}"
        );
    }

    #[test]
    fn a_load_that_grows_favours_neither() {
        let mut trial = trial();
        let mut brought = 50.0;
        for _ in 0..Duration::from_secs(2).as_nanos() / TURN.as_nanos() {
            turn(&mut trial, brought as usize, 100);
            brought *= 1.001;
            assert_eq!(trial.holds, Length::None, "{brought}");
        }
    }

    #[test]
    fn a_worker_begins_with_a_pause_and_what_cannot_be_shown_does_not_stay() {
        for (brought, length) in [
            ([100, 110, 110], Length::Shorter),
            ([100, 100, 100], Length::None),
            ([1, 2, 3], Length::None),
        ] {
            let mut trial = Trial { cpu_time: || CPU_TIME.get(), ..Trial::default() };
            assert_eq!(trial.length(), Length::Shorter);
            passes(&mut trial, FIRST_REST + SLICE * SLICES as u32, brought, [100; 3]);
            assert_eq!(trial.holds, length, "{brought:?}");
        }
    }

    #[test]
    fn few_responses_say_nothing() {
        let mut trial = trial();
        passes(&mut trial, ROUND * 4, [1, 3, 9], [100; 3]);
        assert_eq!(trial.holds, Length::None);
        passes(&mut trial, ROUND * 4, [10, 30, 90], [100; 3]);
        assert_eq!(trial.holds, Length::Longer);
    }

    #[test]
    fn a_load_that_comes_and_goes_is_compared_while_it_is_there() {
        for (brought, length) in
            [([100, 120, 110], Length::Shorter), ([100, 100, 100], Length::None)]
        {
            let mut trial = trial();
            for _ in 0..(ROUND * 2).as_micros() / SLICE.as_micros() {
                passes(&mut trial, SLICE, brought, [100; 3]);
                trial.record(0, REST * 100);
            }
            assert_eq!(trial.holds, length, "{brought:?}");
        }
    }

    #[test]
    fn a_load_in_waves_is_compared_over_longer_slices() {
        // Of 22 ms, in half of which next to nothing comes.
        let lasts = 88;
        for (brought, length) in
            [([100, 130, 120], Length::Shorter), ([100, 100, 100], Length::None)]
        {
            let mut trial = trial();
            let mut longest = SLICE;
            for at in 0..Duration::from_secs(20).as_micros() / TURN.as_micros() {
                let brought =
                    brought[trial.length() as usize] * if at % lasts < lasts / 2 { 2 } else { 0 };
                turn(&mut trial, brought + 1, 100);
                longest = longest.max(trial.slice_length);
            }
            assert_eq!(trial.holds, length, "{brought:?}");
            assert!((SLICE * 2..=SLICE_MAX).contains(&longest), "{longest:?}");
            passes(&mut trial, (REST_MAX + ROUND) * 4, [100; 3], [100; 3]);
            assert_eq!(trial.slice_length, SLICE, "it is even again");
        }
    }

    #[test]
    fn a_slice_in_which_the_machine_did_something_else_says_nothing() {
        for (disturbed, brings, length) in [
            (Length::None, 120, Length::Shorter),
            (Length::Shorter, 120, Length::Shorter),
            (Length::None, 100, Length::None),
            (Length::Shorter, 100, Length::None),
        ] {
            let mut trial = trial();
            passes(&mut trial, FIRST_REST, [100; 3], [100; 3]);
            trial.offer(LENGTHS);
            let tries = |trial: &Trial| match &trial.phase {
                Phase::Tries(slices) => Some(slices.slice()),
                Phase::Rests { .. } => None,
            };
            while let Some(slice) = tries(&trial) {
                // One of the eight slices of one of the two.
                let is_disturbed = trial.length() == disturbed && slice < 2;
                let responses = if trial.length() == Length::Shorter { brings } else { 100 };
                turn(&mut trial, if is_disturbed { responses / 3 } else { responses }, 100);
            }
            assert_eq!(trial.holds, length, "{disturbed:?} {brings}");
        }
    }

    #[test]
    fn pauses_of_one_length_are_one() {
        let mut trial = Trial { holds: Length::Longer, ..trial() };
        trial.record(1, SLICE);
        trial.phase = Phase::Rests { left: Duration::ZERO };
        trial.offer([Duration::ZERO, TURN, TURN]);
        assert_eq!((trial.holds, trial.other), (Length::Shorter, Length::None));
        assert!(matches!(trial.phase, Phase::Rests { left } if left == REST), "{trial:?}");
    }

    #[test]
    fn a_pause_that_holds_is_tried_seldom_where_there_is_no_longer_one() {
        let mut trial = Trial { cpu_time: || CPU_TIME.get(), ..Trial::default() };
        let mut without = |seconds| {
            let turns = Duration::from_secs(seconds).as_nanos() / TURN.as_nanos();
            let mut without = 0;
            for _ in 0..turns {
                let is_without = trial.length() == Length::None;
                without += usize::from(is_without);
                let responses = if is_without { 100 } else { 120 };
                trial.offer([Duration::ZERO, TURN / 4, TURN / 4]);
                trial.record(responses, TURN);
            }
            assert_eq!(trial.holds, Length::Shorter);
            without as f64 / turns as f64
        };
        let (first, later) = (without(10), without(100));
        assert!(first < 0.04 && (0.001..0.007).contains(&later), "{first} {later}");
    }

    #[test]
    fn what_held_before_an_idle_time_holds_after_it() {
        let mut trial = trial();
        assert_eq!(holds_after(&mut trial, [100, 120, 120], [100; 3]), Length::Shorter);
        trial.phase = Phase::Rests { left: REST };
        trial.record(0, REST * 100);
        assert!(matches!(trial.phase, Phase::Rests { left } if left > REST / 2), "{trial:?}");
        assert_eq!(trial.length(), Length::Shorter);
    }
}
