//! What came of a scenario, ready to be told and written down.

use std::time::Duration;

use serde::Serialize;

use super::play::Seen;
use super::scenario::{Goal, Scenario};
use super::tally::{Owner, Tally};

/// A scenario's figures.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) requests: u64,
    pub(super) wrong: u64,
    pub(super) lost: u64,
    pub(super) duplicated: u64,
    pub(super) hung: u64,
    pub(super) unreached: u64,
    /// Requests the proxy had not read when it was told to leave.
    pub(super) unread: u64,
    pub(super) errors_faulty: u64,
    pub(super) errors_healthy: u64,
    /// Errors by owner and text.
    pub(super) errors: Vec<Errors>,
    /// Steps, and what followed each.
    pub(super) phases: Vec<Phase>,
    /// The longest that a request about a healthy server's key took.
    pub(super) stall_ms: u64,
    /// Memory of the proxy at the start, at the most and at the end.
    pub(super) memory_mib: [f64; 3],
    /// Descriptors of the proxy at the start and at the end.
    pub(super) descriptors: [usize; 2],
    /// How busy the machine's processors were, from 0 to 1.
    pub(super) busy: f64,
    /// Lines of the log about failed accepting.
    pub(super) accept_lines: u64,
    /// Hostile clients that came.
    pub(super) came: usize,
    /// Limits that are broken. None is what it takes to pass.
    pub(super) broken: Vec<String>,
    /// What was aimed at, and what came of it.
    pub(super) aims: Vec<Aim>,
    /// The first findings, in words.
    pub(super) findings: Vec<String>,
    /// On a long run: its sixths.
    pub(super) sixths: Vec<Sixth>,
}

/// A sixth of a long run.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Sixth {
    /// Answers.
    pub(super) answers: u64,
    /// The 99th percentile of the time they took, in microseconds.
    pub(super) p99_us: u64,
    /// The same of a client that no proxy serves.
    pub(super) direct_p99_us: u64,
    /// Memory in MiB, the mean and the most.
    pub(super) memory_mib: [f64; 2],
    /// Descriptors, the mean and the most.
    pub(super) descriptors: [f64; 2],
}

/// Errors of one kind.
#[derive(Debug, Serialize)]
pub(super) struct Errors {
    pub(super) owner: Owner,
    pub(super) text: String,
    pub(super) count: u64,
}

/// A goal, and what came of it.
#[derive(Debug, Serialize)]
pub(super) struct Aim {
    /// Of what there is to be little.
    pub(super) what: String,
    pub(super) count: u64,
    /// How much there may be.
    pub(super) most: u64,
}

impl Aim {
    /// Whether it was met.
    pub(super) const fn is_met(&self) -> bool {
        self.count <= self.most
    }
}

/// A step and the time until the next one.
#[derive(Debug, Serialize)]
pub(super) struct Phase {
    pub(super) at: f64,
    pub(super) what: String,
    pub(super) errors: u64,
    /// Seconds from the step to the last error before the next step; 0 when there was none.
    pub(super) zero_after: f64,
}

impl Outcome {
    /// The figures of what was seen.
    pub(super) fn new(scenario: &Scenario, tally: &Tally, seen: &Seen) -> Self {
        let errors = tally.errors.iter().map(|((owner, text), count)| Errors {
            owner: *owner,
            text: text.clone(),
            count: *count,
        });
        let phases = phases(scenario, tally);
        Self {
            name: scenario.name.clone(),
            requests: tally.requests,
            wrong: tally.wrong,
            lost: tally.lost,
            duplicated: tally.duplicated,
            hung: tally.hung,
            unreached: tally.unreached,
            unread: tally.unread,
            errors_faulty: tally.errors_of(Owner::Faulty),
            errors_healthy: tally.errors_of(Owner::Healthy),
            errors: errors.collect(),
            broken: broken(scenario, tally, seen),
            aims: aims(scenario, tally, seen, &phases),
            phases,
            stall_ms: tally.stall.as_millis() as u64,
            memory_mib: seen.memory.map(mib),
            descriptors: seen.descriptors,
            busy: seen.busy,
            accept_lines: seen.accept_lines,
            came: seen.came,
            findings: tally.findings.clone(),
            sixths: sixths(tally, seen),
        }
    }

    /// Errors in all.
    pub(super) fn errors_in_all(&self) -> u64 {
        self.errors_faulty + self.errors_healthy
    }

    /// The longest that errors went on after a step.
    pub(super) fn zero_after(&self) -> f64 {
        self.phases.iter().map(|phase| phase.zero_after).fold(0.0, f64::max)
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// None where the times of requests were not kept.
fn sixths(tally: &Tally, seen: &Seen) -> Vec<Sixth> {
    let looks = std::iter::zip(&seen.sixths.memory, &seen.sixths.descriptors);
    let times = std::iter::zip(&tally.sixths, &seen.yardstick.sixths);
    std::iter::zip(times, looks)
        .map(|((times, direct), (memory, descriptors))| Sixth {
            answers: times.len(),
            p99_us: times.value_at_quantile(0.99),
            direct_p99_us: direct.value_at_quantile(0.99),
            memory_mib: [memory.mean(), memory.most].map(|bytes| mib(bytes as u64)),
            descriptors: [descriptors.mean(), descriptors.most],
        })
        .collect()
}

fn phases(scenario: &Scenario, tally: &Tally) -> Vec<Phase> {
    let steps = &scenario.steps;
    let phase = |nth: usize| {
        let begin = steps[nth].at;
        let end = steps.get(nth + 1).map_or(Duration::MAX, |next| next.at);
        let within = tally.moments.iter().filter(|one| (begin..end).contains(&one.at));
        let (errors, last) =
            within.fold((0, begin), |(count, last), one| (count + 1, last.max(one.at)));
        let zero_after = (last - begin).as_secs_f64();
        Phase { at: begin.as_secs_f64(), what: steps[nth].fault.words(), errors, zero_after }
    };
    (0..steps.len()).map(phase).collect()
}

/// What is not as the scenario's limits want it.
fn broken(scenario: &Scenario, tally: &Tally, seen: &Seen) -> Vec<String> {
    let limits = &scenario.limits;
    let mut broken = seen.complaints.clone();
    let mut most = |what: &str, count: u64, limit: Option<u64>| {
        if let Some(limit) = limit
            && count > limit
        {
            broken.push(format!("{what}: {count}, at most {limit}"));
        }
    };
    most("wrong answers", tally.wrong, Some(limits.wrong));
    most("lost answers", tally.lost, Some(limits.lost));
    most("answers nobody asked for", tally.duplicated, Some(limits.duplicated));
    most("hung requests", tally.hung, Some(limits.hung));
    most("attempts to reach the proxy in vain", tally.unreached, Some(limits.unreached));
    most("errors on healthy servers' keys", tally.errors_of(Owner::Healthy), limits.errors_healthy);
    most("errors on faulty servers' keys", tally.errors_of(Owner::Faulty), limits.errors_faulty);
    let stall = limits.stall.map(|stall| stall.as_millis() as u64);
    most("longest stall in ms", tally.stall.as_millis() as u64, stall);
    most("MiB of memory", seen.memory[1] >> 20, limits.peak);
    most("lines about accepting", seen.accept_lines, limits.accept_lines);
    if limits.accept_lines.is_some() && seen.accept_lines == 0 {
        broken.push("the log does not tell of the descriptors that ran out".to_owned());
    }
    if limits.answers_flood && seen.came < seen.asked {
        broken.push(format!("{} of a flood of {} were answered", seen.came, seen.asked));
    }
    if tally.wrong < limits.wrong_at_least {
        let least = limits.wrong_at_least;
        broken.push(format!("{} wrong answers were seen, {least} must be", tally.wrong));
    }
    if tally.requests < 100 {
        broken.push(format!("{} requests are no load", tally.requests));
    }
    broken
}

fn aims(scenario: &Scenario, tally: &Tally, seen: &Seen, phases: &[Phase]) -> Vec<Aim> {
    let aim = |goal: &Goal| {
        let (what, count, most) = match *goal {
            Goal::Stall(most) => {
                let [took, most] = [tally.stall, most].map(|time| time.as_millis() as u64);
                ("longest stall in ms".to_owned(), took, most)
            }
            Goal::Errors(most) => ("errors".to_owned(), tally.errors(), most),
            Goal::ErrorsAfter(nth, most) => {
                (format!("errors after '{}'", phases[nth].what), phases[nth].errors, most)
            }
            Goal::ErrorsAfterEjection(most) => {
                let count = errors_after_ejection(scenario, tally, seen);
                ("errors between an ejection and the next fault".to_owned(), count, most)
            }
        };
        Aim { what, count, most }
    };
    scenario.goals.iter().map(aim).collect()
}

fn errors_after_ejection(scenario: &Scenario, tally: &Tally, seen: &Seen) -> u64 {
    let is_after = |error: Duration| {
        let step = scenario.steps.iter().rfind(|step| step.at <= error);
        let from = step.map_or(Duration::ZERO, |step| step.at);
        seen.ejections.iter().any(|ejection| (from..error).contains(ejection))
    };
    tally.moments.iter().filter(|moment| is_after(moment.at)).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::scenarios;
    use crate::soak::reply::Protocol;

    fn outcome(fill: impl Fn(&mut Tally, &mut Seen)) -> Vec<String> {
        let scenario = scenarios::of(Protocol::Redis, "any");
        let mut tally = Tally { requests: 1_000, ..Tally::default() };
        let mut seen = Seen::default();
        fill(&mut tally, &mut seen);
        Outcome::new(&scenario, &tally, &seen).broken
    }

    #[test]
    fn each_limit_breaks_by_itself() {
        assert!(outcome(|_, _| {}).is_empty());
        let cases: [fn(&mut Tally, &mut Seen); 9] = [
            |tally, _| tally.wrong = 1,
            |tally, _| tally.lost = 1,
            |tally, _| tally.duplicated = 1,
            |tally, _| tally.hung = 1,
            |tally, _| tally.unreached = 1,
            |tally, _| tally.error("any", Owner::Healthy, Duration::ZERO),
            |tally, _| tally.requests = 99,
            |_, seen| seen.memory[1] = 1 << 30,
            |_, seen| seen.complaints.push("any".to_owned()),
        ];
        for (nth, case) in cases.iter().enumerate() {
            assert_eq!(outcome(case).len(), 1, "case {nth}");
        }
        let faulty = |tally: &mut Tally, _: &mut Seen| {
            tally.error("any", Owner::Faulty, Duration::ZERO);
        };
        assert!(outcome(faulty).is_empty(), "a faulty server's keys may get errors");
    }

    #[test]
    fn errors_belong_to_the_step_before_them() {
        let scenario = scenarios::all().swap_remove(0);
        let mut tally = Tally::default();
        for seconds in [3.1, 3.9, 11.5] {
            tally.error("any", Owner::Faulty, Duration::from_secs_f64(seconds));
        }
        let phases = phases(&scenario, &tally);
        let errors: Vec<u64> = phases.iter().map(|phase| phase.errors).collect();
        assert_eq!(errors, [2, 0, 1, 0]);
        assert!((phases[0].zero_after - 0.9).abs() < 1e-6, "{phases:?}");
        let seen = Seen { ejections: vec![Duration::from_secs_f64(3.5)], ..Seen::default() };
        let aims = aims(&scenario, &tally, &seen, &phases);
        assert_eq!(errors_after_ejection(&scenario, &tally, &seen), 1, "{aims:?}");
        assert_eq!(aims.iter().filter(|aim| !aim.is_met()).count(), 1, "{aims:?}");
    }
}
