//! Whether a busy worker's longer pause brings more responses a second than its shorter one: it is tried,
//! for nobody can know it.
//!
//! Where clients and servers are kept busy themselves, a longer pause gives them larger batches, and everybody
//! gains. Where they have nothing to do but wait for the proxy, they wait for its pause, and everybody
//! loses. A worker cannot see which it is, but in how many responses come. So every few seconds each of the two
//! holds for some milliseconds, in turns:
//!
//! ```text
//!  short  | short long long short short long long short ... | what has brought more
//!  rests  |  slices of a trial                              | rests
//! ```
//! What each has brought is the median of its slices, for a slice in which the machine did something else says nothing.
//! The longer one has to bring clearly more. So where the responses are as many as the requests that
//! arrive, whatever the pause, it stays with the shorter one, which delays them less.

use std::time::Duration;

/// How long one of the two holds before it is the other's turn.
const SLICE: Duration = Duration::from_millis(10);

/// Slices of a trial. The order of four is turned round in the middle, so that a load that grows or falls
/// favours neither.
const SLICES: usize = 16;

/// Time between trials. A trial is so short beside it that the worse pause costs next to nothing.
const REST: Duration = Duration::from_secs(2);

/// Time before the first one, for connections are opened first, and before the next when one came to nothing.
const FIRST_REST: Duration = Duration::from_millis(100);

/// Fewer responses than that in half of the slices say nothing: chance alone makes for percents.
const RESPONSES_MIN: u64 = 2_000;

/// How much the longer one has to bring to be taken, and to be kept, percent of what the shorter one brings.
const TAKEN_FROM: u64 = 106;
const KEPT_FROM: u64 = 103;

/// Which of two pauses holds, and what is known of them.
#[derive(Debug)]
pub struct Trial {
    longer_holds: bool,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// The next trial begins when so much time has passed, and the pauses differ.
    Rests { left: Duration },
    /// The slice, from 0, how much of it has passed, and what each has brought so far.
    Tries { slice: usize, passed: Duration, brought: [u64; SLICES] },
}

impl Default for Trial {
    /// The shorter one holds.
    fn default() -> Self {
        Self { longer_holds: false, phase: Phase::Rests { left: FIRST_REST } }
    }
}

impl Trial {
    /// Whether the pause that comes is the longer one.
    #[must_use]
    pub const fn is_longer(&self) -> bool {
        match self.phase {
            Phase::Rests { .. } => self.longer_holds,
            Phase::Tries { slice, .. } => is_of_longer(slice),
        }
    }

    /// The two pauses differ now: a trial may begin.
    pub fn offer(&mut self) {
        if let Phase::Rests { left: Duration::ZERO } = self.phase {
            self.phase = Phase::Tries { slice: 0, passed: Duration::ZERO, brought: [0; SLICES] };
        }
    }

    /// A turn took so much `time`, the pause before it included, and brought `responses`.
    pub fn record(&mut self, responses: usize, time: Duration) {
        match &mut self.phase {
            Phase::Rests { left } => *left = left.saturating_sub(time),
            // The load has gone, or paused: nothing to compare.
            Phase::Tries { .. } if time > SLICE => self.phase = Phase::Rests { left: FIRST_REST },
            Phase::Tries { slice, passed, brought } => {
                brought[*slice] += responses as u64;
                *passed += time;
                if *passed >= SLICE {
                    // A slice ends with a turn, and so a little late: as if it had not.
                    let late = passed.as_nanos() as u64;
                    brought[*slice] = brought[*slice] * SLICE.as_nanos() as u64 / late;
                    (*slice, *passed) = (*slice + 1, Duration::ZERO);
                }
                if *slice == SLICES {
                    let brought = *brought;
                    self.decide(&brought);
                }
            }
        }
    }

    fn decide(&mut self, brought: &[u64; SLICES]) {
        let half = |longer: bool| {
            let slices = brought.iter().enumerate();
            let mut own: Vec<u64> = slices
                .filter(|(slice, _)| is_of_longer(*slice) == longer)
                .map(|(_, responses)| *responses)
                .collect();
            own.sort_unstable();
            own
        };
        let (shorter, longer) = (half(false), half(true));
        if shorter.iter().sum::<u64>().min(longer.iter().sum()) >= RESPONSES_MIN {
            let from = if self.longer_holds { KEPT_FROM } else { TAKEN_FROM };
            // Twice the median each: there are two in the middle.
            let twice = |own: &[u64]| own[own.len() / 2 - 1] + own[own.len() / 2];
            self.longer_holds = twice(&longer) * 100 >= twice(&shorter) * from;
        }
        self.phase = Phase::Rests { left: REST };
    }
}

/// Whether a slice is the longer one's.
const fn is_of_longer(slice: usize) -> bool {
    matches!(slice % 4, 1 | 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURN: Duration = Duration::from_micros(250);

    /// Lets so much time pass in turns that bring so many responses with the shorter pause and with the
    /// longer one.
    fn passes(trial: &mut Trial, time: Duration, brought: [usize; 2]) {
        for _ in 0..time.as_nanos() / TURN.as_nanos() {
            trial.offer();
            let responses = brought[usize::from(trial.is_longer())];
            trial.record(responses, TURN);
        }
    }

    /// A trial and the rest behind it, but for as much as the first rest lasts.
    const ROUND: Duration = REST.saturating_add(SLICE.saturating_mul(SLICES as u32));

    #[test]
    fn the_longer_one_holds_where_it_brings_clearly_more_and_for_as_long() {
        let mut trial = Trial::default();
        for (brought, longer) in [
            ([100, 100], false),
            ([100, 105], false),
            ([100, 106], true),
            ([100, 103], true),
            ([100, 102], false),
            ([100, 70], false),
            ([100, 130], true),
            ([100, 70], false),
        ] {
            passes(&mut trial, ROUND, brought);
            assert!(matches!(trial.phase, Phase::Rests { .. }), "{trial:?}");
            assert_eq!(trial.is_longer(), longer, "{brought:?}");
        }
    }

    #[test]
    fn it_is_tried_seldom_and_in_turns() {
        let mut trial = Trial::default();
        let (mut longer, mut turns) = (0, 0);
        for _ in 0..Duration::from_secs(20).as_nanos() / TURN.as_nanos() {
            trial.offer();
            longer += usize::from(trial.is_longer());
            turns += 1;
            trial.record(100, TURN);
        }
        assert!((turns / 40..turns / 20).contains(&longer), "{longer} of {turns} turns");
    }

    #[test]
    fn a_load_that_grows_favours_neither() {
        let mut trial = Trial::default();
        let mut brought = 50.0;
        for _ in 0..Duration::from_secs(3).as_nanos() / TURN.as_nanos() {
            trial.offer();
            trial.record(brought as usize, TURN);
            brought *= 1.002;
            assert!(!trial.longer_holds, "{brought}");
        }
    }

    #[test]
    fn few_responses_say_nothing_and_neither_does_a_load_that_has_gone() {
        let mut trial = Trial::default();
        passes(&mut trial, ROUND, [1, 5]);
        assert!(!trial.is_longer());
        passes(&mut trial, FIRST_REST, [100, 200]);
        trial.offer();
        assert!(matches!(trial.phase, Phase::Tries { .. }));
        passes(&mut trial, SLICE * (SLICES as u32 - 1), [100, 200]);
        trial.record(0, SLICE * 2);
        assert!(matches!(trial.phase, Phase::Rests { left: FIRST_REST }), "{trial:?}");
        assert!(!trial.is_longer());
    }

    #[test]
    fn slices_in_which_the_machine_did_something_else_say_nothing() {
        for (disturbed, brought, longer) in [
            (true, [100, 120], true),
            (false, [100, 120], true),
            (true, [100, 100], false),
            (false, [100, 100], false),
        ] {
            let mut trial = Trial::default();
            passes(&mut trial, FIRST_REST, brought);
            trial.offer();
            for slice in 0..SLICES {
                // Three of the eight slices of one of the two.
                let is_disturbed = trial.is_longer() == disturbed && slice < 6;
                while matches!(trial.phase, Phase::Tries { slice: now, .. } if now == slice) {
                    let responses = brought[usize::from(trial.is_longer())];
                    trial.record(if is_disturbed { responses / 3 } else { responses }, TURN);
                }
            }
            assert_eq!(trial.is_longer(), longer, "{brought:?}");
        }
    }

    #[test]
    fn nothing_is_tried_while_the_pauses_are_the_same() {
        let mut trial = Trial::default();
        trial.record(1, REST * 10);
        assert!(matches!(trial.phase, Phase::Rests { left: Duration::ZERO }));
        trial.record(1, REST);
        assert!(!trial.is_longer());
    }
}
