//! The slices of a trial of two pauses: what each has brought and cost in its own, and whether one is clearly better.
//!
//! Two slices of one pause differ, by chance and by what else the machine does. So what a pause has brought is the median
//! of its slices, and it has to be better in most pairs of a slice of each as well.
//!
//! Where slices of one pause differ so much among themselves that the other's say nothing, because requests come in waves
//! or are few, they have to be longer.

use std::time::Duration;

/// How long one of the two holds before it is the other's turn, if that is enough for its slices to be like each other,
/// and at most.
pub(super) const SLICE: Duration = Duration::from_millis(10);
pub(super) const SLICE_MAX: Duration = Duration::from_millis(80);

/// Slices of a trial. The order of four is turned round in the middle, so that a load that grows or falls
/// favours neither.
pub(super) const SLICES: usize = 16;

/// Slices of each of the two.
const HALF: usize = SLICES / 2;

/// Fewer responses than that in half of the slices say nothing.
const RESPONSES_MIN: u64 = 1_000;

/// Slices of one pause are like each other when the middle half of them differs by so much of their median at most: one part
/// in so many. Requests that come by chance differ by less, if they are enough.
const ALIKE_PART: u64 = 4;

/// What the longer one has to have to be taken, and to be kept.
pub(super) const TO_BE_TAKEN: Wanted = Wanted { responses: 106, cost: 88, pairs: 53 };
pub(super) const TO_BE_KEPT: Wanted = Wanted { responses: 103, cost: 94, pairs: 40 };

/// So many responses are as many as those of the shorter one, percent of them.
const AS_MANY: u64 = 97;

/// How much better than the shorter one the longer one has to be.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// Responses that it has to bring, percent of the shorter one's.
    responses: u64,
    /// Or what each may cost at most, percent.
    cost: u64,
    /// In how many of the 64 pairs of a slice of each it has to be better. By chance 53 come about once in a hundred times,
    /// and 40 once in five (Mann and Whitney, 1947).
    pairs: usize,
}

/// The slices of a trial.
#[derive(Debug)]
pub(super) struct Slices {
    /// How long each is.
    length: Duration,
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

impl Slices {
    /// None of this `length` has passed; the worker has taken so much processor time before.
    pub(super) const fn new(length: Duration, began: Duration) -> Self {
        let (responses, cost) = ([0; SLICES], [0; SLICES]);
        Self { length, slice: 0, passed: Duration::ZERO, began, responses, cost }
    }

    /// Whether the present one is the longer pause's.
    pub(super) const fn is_of_longer(&self) -> bool {
        is_of_longer(self.slice)
    }

    /// Which one it is, from 0.
    #[cfg(test)]
    pub(super) const fn slice(&self) -> usize {
        self.slice
    }

    /// Whether all have passed.
    pub(super) const fn are_over(&self) -> bool {
        self.slice == SLICES
    }

    /// A turn took so much `time` and brought `responses`. The processor time is asked for at the end of a slice.
    pub(super) fn record(&mut self, responses: usize, time: Duration, cpu_time: fn() -> Duration) {
        let own = &mut self.responses[self.slice];
        *own += responses as u64;
        self.passed += time;
        if self.passed < self.length {
            return;
        }
        let now = cpu_time();
        let taken = now.saturating_sub(self.began).as_nanos() as u64;
        self.cost[self.slice] = taken * 1_000 / (*own).max(1);
        // A slice ends with a turn, and so a little late: as if it had not.
        *own = *own * self.length.as_nanos() as u64 / self.passed.as_nanos() as u64;
        (self.slice, self.passed, self.began) = (self.slice + 1, Duration::ZERO, now);
    }

    /// What both pauses came to.
    pub(super) fn outcome(&self) -> Outcome {
        Outcome { shorter: self.half(false), longer: self.half(true) }
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

/// What two pauses came to.
#[derive(Debug)]
pub(super) struct Outcome {
    shorter: Half,
    longer: Half,
}

/// What one of the two has brought in its slices, and what it has cost, each in ascending order.
#[derive(Debug)]
struct Half {
    responses: [u64; HALF],
    cost: [u64; HALF],
}

impl Outcome {
    /// Whether there were responses enough to compare.
    pub(super) fn says_something(&self) -> bool {
        let sum = |half: &Half| half.responses.iter().sum::<u64>();
        sum(&self.shorter).min(sum(&self.longer)) >= RESPONSES_MIN
    }

    /// Whether the slices of one pause are too different from each other to be compared with the other's.
    pub(super) fn is_unsteady(&self) -> bool {
        let is_unsteady = |half: &Half| {
            let own = &half.responses;
            let middle_half = own[HALF * 3 / 4 - 1] - own[HALF / 4];
            middle_half * ALIKE_PART > twice(own) / 2
        };
        is_unsteady(&self.shorter) || is_unsteady(&self.longer)
    }

    /// Whether the longer one brings clearly more, and that for no more each: where more has come by chance, it shares
    /// nothing for the pause.
    pub(super) fn brings_more(&self, wanted: Wanted) -> bool {
        let Self { shorter, longer } = self;
        twice(&longer.responses) * 100 >= twice(&shorter.responses) * wanted.responses
            && pairs(&longer.responses, &shorter.responses) >= wanted.pairs
            && twice(&longer.cost) <= twice(&shorter.cost)
    }

    /// Whether the longer one brings as much for clearly less.
    pub(super) fn is_cheaper(&self, wanted: Wanted) -> bool {
        let Self { shorter, longer } = self;
        twice(&longer.responses) * 100 >= twice(&shorter.responses) * AS_MANY
            && twice(&longer.cost) * 100 <= twice(&shorter.cost) * wanted.cost
            && pairs(&shorter.cost, &longer.cost) >= wanted.pairs
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
    use super::*;

    /// What slices of this length come to in which each turn of 3 ms brings so much.
    fn responses(length: Duration, brought: usize) -> Half {
        let mut slices = Slices::new(length, Duration::ZERO);
        while !slices.are_over() {
            slices.record(brought, Duration::from_millis(3), || Duration::ZERO);
        }
        slices.outcome().longer
    }

    #[test]
    fn slices_end_with_a_turn_and_count_as_if_they_had_not() {
        assert_eq!(responses(SLICE, 30).responses, [100; HALF]);
        assert_eq!(responses(SLICE_MAX, 30).responses, [800; HALF]);
    }

    #[test]
    fn slices_that_differ_too_much_are_not_compared() {
        let half = |responses| Half { responses, cost: [1; HALF] };
        let even = [100, 180, 185, 190, 210, 215, 220, 400];
        for (waves, unsteady) in [
            (even, false),
            ([100, 150, 180, 199, 201, 230, 300, 400], false),
            ([100, 150, 179, 199, 201, 230, 300, 400], true),
            ([10, 20, 90, 200, 200, 300, 500, 900], true),
            ([0; HALF], false),
        ] {
            for (shorter, longer) in [(even, waves), (waves, even)] {
                let outcome = Outcome { shorter: half(shorter), longer: half(longer) };
                assert_eq!(outcome.is_unsteady(), unsteady, "{waves:?}");
            }
        }
    }
}
