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
//! What each has brought is the median of its slices, for a slice in which the machine did something else says nothing.
//! The longer one has to bring clearly more responses, in nearly all of its slices. Where they are as many as the
//! requests that arrive, whatever the pause, it is chance that tells the slices apart, and there the shorter one stays,
//! which delays them less. A pause is taken as well where there are as many responses as without, for clearly less
//! processor time.

use std::cmp::{max, min};
use std::time::Duration;

use crate::sys;

/// How long one of the two holds before it is the other's turn.
const SLICE: Duration = Duration::from_millis(10);

/// Slices of a trial. The order of four is turned round in the middle, so that a load that grows or falls
/// favours neither.
const SLICES: usize = 16;

/// Slices of each of the two.
const HALF: usize = SLICES / 2;

/// Time between trials that do not agree, and the longest there is: it doubles from trial to trial as long as they do.
/// The slowest one in a hundred requests is not to be one that came in a trial.
const REST: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(16);

/// Time before the first one, for connections are opened first, before the next when one came to nothing, and before
/// what has just become the middle one is tried against its other neighbour.
const FIRST_REST: Duration = Duration::from_millis(100);

/// Fewer responses than that in half of the slices say nothing.
const RESPONSES_MIN: u64 = 2_000;

/// What the longer one has to have to be taken, and to be kept.
const TO_BE_TAKEN: Wanted = Wanted { responses: 106, cost: 88, pairs: 53 };
const TO_BE_KEPT: Wanted = Wanted { responses: 103, cost: 94, pairs: 40 };

/// So many responses are as many as those of the shorter one, percent of them.
const AS_MANY: u64 = 97;

/// How much better than the shorter one the longer one has to be.
#[derive(Clone, Copy)]
struct Wanted {
    /// Responses that it has to bring, percent of the shorter one's.
    responses: u64,
    /// Or what each may cost at most, percent.
    cost: u64,
    /// In how many of the 64 pairs of a slice of each it has to be better. By chance 53 come about once in a hundred times,
    /// and 40 once in five (Mann and Whitney, 1947).
    pairs: usize,
}

/// A pause of a busy worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Length {
    /// It polls at once.
    None,
    /// The shorter one.
    Shorter,
    /// The longer one.
    Longer,
}

/// Which pause holds, and what is known of it.
#[derive(Debug)]
pub struct Trial {
    holds: Length,
    /// What it is tried against next, or now.
    other: Length,
    /// How long it rests after a trial that changes nothing.
    rest: Duration,
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

/// The slices of a trial.
#[derive(Debug)]
struct Slices {
    /// Which it is, from 0, and how much of it has passed.
    slice: usize,
    passed: Duration,
    /// The processor time at its beginning.
    began: Duration,
    /// Responses of each so far.
    responses: [u64; SLICES],
    /// Nanoseconds of processor time of each, for a thousand responses.
    cost: [u64; SLICES],
}

impl Default for Trial {
    /// There is no pause before it has been shown that one is better.
    fn default() -> Self {
        Self {
            holds: Length::None,
            other: Length::Shorter,
            rest: REST,
            phase: Phase::Rests { left: FIRST_REST },
            cpu_time: sys::thread_cpu_time,
        }
    }
}

impl Trial {
    /// One that tries nothing.
    #[cfg(test)]
    pub(crate) fn holding(length: Length) -> Self {
        Self { holds: length, phase: Phase::Rests { left: Duration::MAX }, ..Self::default() }
    }

    /// The pause that comes.
    #[must_use]
    pub fn length(&self) -> Length {
        match &self.phase {
            Phase::Rests { .. } => self.holds,
            Phase::Tries(slices) if is_of_longer(slices.slice) => max(self.holds, self.other),
            Phase::Tries(_) => min(self.holds, self.other),
        }
    }

    /// A busy worker's pauses have these lengths now: a trial may begin.
    pub fn offer(&mut self, shorter: Duration, longer: Duration) {
        let Phase::Rests { left: Duration::ZERO } = self.phase else { return };
        if shorter == longer {
            self.holds = self.holds.min(Length::Shorter);
            self.other = if self.holds == Length::None { Length::Shorter } else { Length::None };
        }
        self.phase = Phase::Tries(Box::new(Slices {
            slice: 0,
            passed: Duration::ZERO,
            began: (self.cpu_time)(),
            responses: [0; SLICES],
            cost: [0; SLICES],
        }));
    }

    /// A turn took so much `time`, the pause before it included, and brought `responses`. Makes a system call at the end
    /// of a slice.
    pub fn record(&mut self, responses: usize, time: Duration) {
        match &mut self.phase {
            // Of a time in which nothing came no more than that counts: what held before it holds after it.
            Phase::Rests { left } => *left = left.saturating_sub(time.min(SLICE)),
            // The load has gone, or paused: nothing to compare.
            Phase::Tries(_) if time > SLICE => self.phase = Phase::Rests { left: FIRST_REST },
            Phase::Tries(slices) => {
                slices.record(responses, time, self.cpu_time);
                if slices.slice == SLICES {
                    let (shorter, longer) = (slices.half(false), slices.half(true));
                    self.decide(&shorter, &longer);
                }
            }
        }
    }

    fn decide(&mut self, shorter: &Half, longer: &Half) {
        if shorter.sum().min(longer.sum()) < RESPONSES_MIN {
            self.phase = Phase::Rests { left: REST };
            return;
        }
        let (lower, higher) = (min(self.holds, self.other), max(self.holds, self.other));
        let before = self.holds;
        let wanted = if before == higher { TO_BE_KEPT } else { TO_BE_TAKEN };
        // A longer one for the processor's sake alone would be one more delay for those that have one already.
        let is_cheaper = lower == Length::None && wanted.is_cheaper(shorter, longer);
        let is_better = is_cheaper || wanted.brings_more(shorter, longer);
        self.holds = if is_better { higher } else { lower };
        self.other = match self.holds {
            Length::None | Length::Longer => Length::Shorter,
            Length::Shorter if lower == Length::None => Length::Longer,
            Length::Shorter => Length::None,
        };
        self.rest = if self.holds == before { REST_MAX.min(self.rest * 2) } else { REST };
        let is_new_middle = self.holds != before && self.holds == Length::Shorter;
        self.phase = Phase::Rests { left: if is_new_middle { FIRST_REST } else { self.rest } };
    }
}

impl Slices {
    fn record(&mut self, responses: usize, time: Duration, cpu_time: fn() -> Duration) {
        let own = &mut self.responses[self.slice];
        *own += responses as u64;
        self.passed += time;
        if self.passed < SLICE {
            return;
        }
        let now = cpu_time();
        let taken = now.saturating_sub(self.began).as_nanos() as u64;
        self.cost[self.slice] = taken * 1_000 / (*own).max(1);
        // A slice ends with a turn, and so a little late: as if it had not.
        *own = *own * SLICE.as_nanos() as u64 / self.passed.as_nanos() as u64;
        (self.slice, self.passed, self.began) = (self.slice + 1, Duration::ZERO, now);
    }

    /// What one of the two has brought.
    fn half(&self, is_longer: bool) -> Half {
        let own = |all: &[u64; SLICES]| {
            let slices = (0..SLICES).filter(|&slice| is_of_longer(slice) == is_longer);
            let mut own = [0; HALF];
            for (own, slice) in own.iter_mut().zip(slices) {
                *own = all[slice];
            }
            own.sort_unstable();
            own
        };
        Half { responses: own(&self.responses), cost: own(&self.cost) }
    }
}

/// What one of the two has brought in its slices, and what it has cost, each in ascending order.
struct Half {
    responses: [u64; HALF],
    cost: [u64; HALF],
}

impl Half {
    fn sum(&self) -> u64 {
        self.responses.iter().sum()
    }
}

impl Wanted {
    /// Whether there are clearly more responses.
    fn brings_more(self, shorter: &Half, longer: &Half) -> bool {
        twice(&longer.responses) * 100 >= twice(&shorter.responses) * self.responses
            && pairs(&longer.responses, &shorter.responses) >= self.pairs
    }

    /// Whether as many cost clearly less.
    fn is_cheaper(self, shorter: &Half, longer: &Half) -> bool {
        twice(&longer.responses) * 100 >= twice(&shorter.responses) * AS_MANY
            && twice(&longer.cost) * 100 <= twice(&shorter.cost) * self.cost
            && pairs(&shorter.cost, &longer.cost) >= self.pairs
    }
}

/// Twice the median: there are two in the middle.
const fn twice(own: &[u64; HALF]) -> u64 {
    own[HALF / 2 - 1] + own[HALF / 2]
}

/// In how many pairs of one of each it is that of `these` which is larger.
fn pairs(these: &[u64; HALF], those: &[u64; HALF]) -> usize {
    these.iter().map(|this| those.iter().filter(|that| this > that).count()).sum()
}

/// Whether a slice is the longer one's.
const fn is_of_longer(slice: usize) -> bool {
    matches!(slice % 4, 1 | 2)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const TURN: Duration = Duration::from_micros(250);

    /// A trial and the rest behind it, but for as much as the first rest lasts.
    const ROUND: Duration = REST.saturating_add(SLICE.saturating_mul(SLICES as u32));

    /// What the responses of a turn cost that brings a hundred.
    const WORK: Duration = Duration::from_micros(100);

    thread_local! {
        static CPU_TIME: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    fn trial() -> Trial {
        Trial { cpu_time: || CPU_TIME.get(), ..Trial::default() }
    }

    /// A turn that brings so many responses, each of which costs so many percent.
    fn turn(trial: &mut Trial, responses: usize, cost: u32) {
        trial.offer(TURN / 4, TURN / 2);
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

    /// What holds after several trials.
    fn holds_after(trial: &mut Trial, brought: [usize; 3], cost: [u32; 3]) -> Length {
        trial.rest = REST;
        passes(trial, ROUND * 10, brought, cost);
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
    fn few_responses_say_nothing_and_neither_does_a_load_that_has_gone() {
        let mut trial = trial();
        passes(&mut trial, ROUND, [1, 5, 9], [100; 3]);
        assert_eq!(trial.holds, Length::None);
        passes(&mut trial, FIRST_REST, [100, 200, 300], [100; 3]);
        trial.offer(TURN / 4, TURN / 2);
        assert!(matches!(trial.phase, Phase::Tries(_)), "{trial:?}");
        passes(&mut trial, SLICE * (SLICES as u32 - 1), [100, 200, 300], [100; 3]);
        trial.record(0, SLICE * 2);
        assert!(matches!(trial.phase, Phase::Rests { left: FIRST_REST }), "{trial:?}");
        assert_eq!(trial.holds, Length::None);
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
            trial.offer(TURN / 4, TURN / 2);
            let tries = |trial: &Trial| match &trial.phase {
                Phase::Tries(slices) => Some(slices.slice),
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
        trial.offer(TURN, TURN);
        assert_eq!((trial.holds, trial.other), (Length::Shorter, Length::None));
        assert!(matches!(trial.phase, Phase::Tries(_)), "{trial:?}");
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
