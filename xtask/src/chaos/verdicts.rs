//! Whether a long run was the same at its end as at its begin.

use std::time::Duration;

use serde::Serialize;

use super::outcome::{Outcome, Sixth};
use super::sixths::SIXTHS;

/// One thing that is to hold, and whether it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Verdict {
    pub(super) what: &'static str,
    pub(super) holds: bool,
    /// Whether the run fails without it. Times are the machine's too, so they are told and fail nothing.
    pub(super) must: bool,
    /// In the last sixth, against an earlier one.
    pub(super) figures: String,
}

impl Verdict {
    /// In a line.
    pub(super) fn words(&self) -> String {
        let holds = if self.holds { "held" } else { "NOT held" };
        format!("{}: {holds} ({})", self.what, self.figures)
    }
}

/// How much more the last sixth may have than an earlier one.
const GROWTH: f64 = 1.1;

/// Bytes that come and go with where a fault fell, in MiB.
const MEMORY_SLACK_MIB: f64 = 1.0;

/// Connections that faults break are closed and made anew; on the mean that is less than one.
const DESCRIPTORS_SLACK: f64 = 1.0;

/// How long it takes until every buffer has been in use that faults need: before that, memory grows.
const WARM: Duration = Duration::from_secs(120);

/// Everything that is to hold of a run of `time`; nothing where its sixths were not kept.
pub(super) fn of(outcome: &Outcome, time: Duration) -> Vec<Verdict> {
    let [first, second, .., last] = &outcome.sixths[..] else { return Vec::new() };
    let is_warm = time / SIXTHS as u32 >= WARM;
    vec![
        Verdict { must: is_warm, ..memory(second, last) },
        descriptors(first, last),
        counters(outcome),
        answers(outcome),
        times(first, last),
    ]
}

/// The first sixth begins with a process that holds nothing yet, so it is the second that counts.
fn memory(second: &Sixth, last: &Sixth) -> Verdict {
    let [from, to] = [second, last].map(|sixth| sixth.memory_mib[0]);
    Verdict {
        what: "memory flat",
        holds: to <= from * GROWTH + MEMORY_SLACK_MIB,
        must: true,
        figures: format!("mean {to:.1} MiB, in the second sixth {from:.1}"),
    }
}

fn descriptors(first: &Sixth, last: &Sixth) -> Verdict {
    let [from, to] = [first, last].map(|sixth| sixth.descriptors[0]);
    Verdict {
        what: "descriptors flat",
        holds: (to - from).abs() <= DESCRIPTORS_SLACK,
        must: true,
        figures: format!("mean {to:.1}, in the first sixth {from:.1}"),
    }
}

/// What is wrong with the counters is among the complaints already: here it is only told.
fn counters(outcome: &Outcome) -> Verdict {
    let differs = outcome.broken.iter().any(|broken| broken.contains("the proxy counts"));
    Verdict {
        what: "counters consistent",
        holds: !differs,
        must: false,
        figures: "clients, errors, fragments, requests and responses, against what clients saw"
            .to_owned(),
    }
}

fn answers(outcome: &Outcome) -> Verdict {
    let Outcome { wrong, lost, duplicated, hung, errors_healthy, .. } = outcome;
    Verdict {
        what: "every answer its own",
        holds: wrong + lost + duplicated + hung + errors_healthy == 0,
        must: false,
        figures: format!(
            "{wrong} wrong, {lost} lost, {duplicated} twice, {hung} hung, {errors_healthy} errors on \
             healthy servers' keys"
        ),
    }
}

fn times(first: &Sixth, last: &Sixth) -> Verdict {
    let [from, to] = [first, last].map(|sixth| sixth.p99_us.max(1));
    let change = 100.0 * (to as f64 / from as f64 - 1.0);
    Verdict {
        what: "99th percentile within 10 %",
        holds: to as f64 <= from as f64 * GROWTH,
        must: false,
        figures: format!("{to} us, in the first sixth {from}: {change:+.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sixth(memory: f64, descriptors: f64, p99_us: u64) -> Sixth {
        Sixth {
            answers: 1,
            p99_us,
            direct_p99_us: 1,
            memory_mib: [memory, 2.0 * memory],
            descriptors: [descriptors, 2.0 * descriptors],
        }
    }

    #[test]
    fn what_grows_does_not_hold_and_what_stays_does() {
        let first = sixth(10.0, 60.0, 1_000);
        let cases: [(Sixth, [bool; 3]); 5] = [
            (first.clone(), [true; 3]),
            (sixth(11.9, 60.4, 1_090), [true; 3]),
            (sixth(12.1, 60.0, 1_000), [false, true, true]),
            (sixth(10.0, 62.0, 1_000), [true, false, true]),
            (sixth(1.0, 60.0, 1_200), [true, true, false]),
        ];
        for (last, expected) in cases {
            let found = [memory(&first, &last), descriptors(&first, &last), times(&first, &last)];
            assert_eq!(found.map(|verdict| verdict.holds), expected, "{last:?}");
        }
    }
}
