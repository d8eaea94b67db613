//! The slices of a trial of two pauses: what each has brought and cost in its own, and whether one is clearly better.
//!
//! Two slices of one pause differ, by chance and by what else the machine does. So what a pause has brought is the median
//! of its slices, and it has to be better in most pairs of a slice of each as well.

use std::time::Duration;

/// How long one of the two holds at least before it is the other's turn.
pub(super) const SLICE: Duration = Duration::from_millis(10);

/// And at most. In between it takes until so many times as many responses have come as requests are outstanding: with a
/// thousand clients one round of all takes longer than the shortest slice, and comes in waves.
const SLICE_MAX: Duration = Duration::from_millis(60);
const ROUNDS: u64 = 2;

/// Slices of a trial. The order of four is turned round in the middle, so that a load that grows or falls
/// favours neither.
pub(super) const SLICES: usize = 16;

/// Slices of each of the two.
const HALF: usize = SLICES / 2;

/// Fewer responses than that in half of the slices say nothing.
const RESPONSES_MIN: u64 = 2_000;

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
    /// None has passed; the worker has taken so much processor time before.
    pub(super) const fn new(began: Duration) -> Self {
        let (responses, cost) = ([0; SLICES], [0; SLICES]);
        Self { slice: 0, passed: Duration::ZERO, began, responses, cost }
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

    /// A turn took so much `time` and brought `responses`; so many were `outstanding`. The processor time is asked for at the end of a slice.
    pub(super) fn record(
        &mut self,
        responses: usize,
        outstanding: usize,
        time: Duration,
        cpu_time: fn() -> Duration,
    ) {
        let own = &mut self.responses[self.slice];
        *own += responses as u64;
        self.passed += time;
        let is_enough = *own >= outstanding as u64 * ROUNDS || self.passed >= SLICE_MAX;
        if self.passed < SLICE || !is_enough {
            return;
        }
        let now = cpu_time();
        let taken = now.saturating_sub(self.began).as_nanos() as u64;
        self.cost[self.slice] = taken * 1_000 / (*own).max(1);
        // A slice ends with a turn, and so a little late: as if it had not.
        *own = *own * SLICE.as_nanos() as u64 / self.passed.as_nanos() as u64;
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

    /// Whether the longer one brings clearly more.
    pub(super) fn brings_more(&self, wanted: Wanted) -> bool {
        let (shorter, longer) = (&self.shorter.responses, &self.longer.responses);
        twice(longer) * 100 >= twice(shorter) * wanted.responses
            && pairs(longer, shorter) >= wanted.pairs
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

    /// How many turns of a millisecond a slice takes that bring so much each, with so much outstanding.
    fn turns(responses: usize, outstanding: usize) -> usize {
        let mut slices = Slices::new(Duration::ZERO);
        let mut turns = 0;
        while slices.slice == 0 {
            slices.record(responses, outstanding, Duration::from_millis(1), || Duration::ZERO);
            turns += 1;
        }
        turns
    }

    #[test]
    fn a_slice_lasts_two_rounds_of_all_clients_within_bounds() {
        for (responses, outstanding, expected) in
            [(10, 0, 10), (10, 50, 10), (10, 51, 11), (10, 100, 20), (10, 1_000, 60), (0, 1, 60)]
        {
            assert_eq!(turns(responses, outstanding), expected, "{responses} of {outstanding}");
        }
    }

    #[test]
    fn slices_of_other_lengths_compare() {
        let mut slices = Slices::new(Duration::ZERO);
        while !slices.are_over() {
            let outstanding = if slices.is_of_longer() { 400 } else { 0 };
            slices.record(10, outstanding, Duration::from_millis(1), || Duration::ZERO);
        }
        let Outcome { shorter, longer } = slices.outcome();
        assert_eq!(shorter.responses, longer.responses);
    }
}
