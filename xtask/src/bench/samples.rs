//! What visits measured, and the ratios between targets: figures of the same round are divided, and
//! of the rounds' ratios the median counts.

use serde::{Deserialize, Serialize};

use super::goal::{Bound, Goal};
use super::scenario::Scenario;
use super::spread::Spread;
use super::target::Target;

/// What one visit of a target measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Median latency, in microseconds; of a pipelined request, that of its batch.
    pub(crate) p50: Option<f64>,
    /// The latency that one request in a hundred passes, in microseconds.
    pub(crate) p99: Option<f64>,
    /// CPU time of the target's process a request, user and system, in microseconds.
    pub(crate) cpu: Option<f64>,
}

/// A figure of a [`Sample`], for tables and ratios.
pub(crate) type Figure = fn(&Sample) -> Option<f64>;

/// All visits of one target in one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Visits {
    /// Whom.
    pub(crate) target: Target,
    /// One a round.
    pub(crate) samples: Vec<Sample>,
    /// The most memory the process had resident, in bytes.
    pub(crate) resident_peak: Option<u64>,
}

impl Visits {
    /// The spread of `figure` over the rounds, if the target has it.
    pub(crate) fn spread(&self, figure: Figure) -> Option<Spread> {
        Spread::of(self.samples.iter().filter_map(figure))
    }

    /// The spread of the ratios of `figure` to that of `base` in the same round.
    pub(crate) fn ratio(&self, base: &Self, figure: Figure) -> Option<Spread> {
        let pairs = self.samples.iter().zip(&base.samples);
        Spread::of(pairs.filter_map(|(own, base)| Some(figure(own)? / figure(base)?)))
    }
}

/// Ratios of the proxy's figures to those of another target.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ratios {
    /// The other target.
    pub(crate) to: Target,
    /// Of CPU time a request.
    pub(crate) cpu: Option<Spread>,
    /// Of requests a second.
    pub(crate) rate: Option<Spread>,
    /// Of the median latency.
    pub(crate) p50: Option<Spread>,
    /// Of the latency that one request in a hundred passes.
    pub(crate) p99: Option<Spread>,
}

/// A timed scenario's results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Timed {
    /// The scenario's name.
    pub(crate) name: String,
    /// Who made the load.
    pub(crate) tool: String,
    /// What was measured, target by target.
    pub(crate) targets: Vec<Visits>,
    /// The proxy's figures to those of each of the others that were visited.
    pub(crate) ratios: Vec<Ratios>,
    /// What the ratios must reach. Empty in the quick form.
    pub(crate) goals: Vec<Goal>,
}

impl Timed {
    /// Takes the ratios of what was measured and, unless the run was `quick`, judges them.
    pub(crate) fn new(scenario: &Scenario, targets: Vec<Visits>, quick: bool) -> Self {
        let of = |target| targets.iter().find(|visits| visits.target == target);
        let ratios: Vec<Ratios> = Target::BASES
            .into_iter()
            .filter_map(|to| {
                let (own, base) = (of(Target::Proxy)?, of(to)?);
                Some(Ratios {
                    to,
                    cpu: own.ratio(base, |sample| sample.cpu),
                    rate: own.ratio(base, |sample| Some(sample.rate)),
                    p50: own.ratio(base, |sample| sample.p50),
                    p99: own.ratio(base, |sample| sample.p99),
                })
            })
            .collect();
        let mut row = Self {
            name: scenario.name.to_owned(),
            tool: scenario.tool.name().to_owned(),
            targets,
            ratios,
            goals: Vec::new(),
        };
        if !quick {
            row.judge(scenario);
        }
        row
    }

    /// The ratios to one of the other targets.
    pub(crate) fn ratios_to(&self, target: Target) -> Option<&Ratios> {
        self.ratios.iter().find(|ratios| ratios.to == target)
    }

    /// The median of a figure of one target.
    pub(crate) fn median(&self, target: Target, figure: Figure) -> Option<f64> {
        let visits = self.targets.iter().find(|visits| visits.target == target)?;
        visits.spread(figure).map(|spread| spread.median)
    }

    fn judge(&mut self, scenario: &Scenario) {
        let median = |to, of: fn(&Ratios) -> Option<Spread>| {
            self.ratios_to(to).and_then(of).map(|spread| spread.median)
        };
        // predixy is in no package: where it took no part there is nothing to judge. What else was not measured
        // reaches nothing.
        let takes_part = |to| to != Target::Predixy || self.ratios_to(to).is_some();
        let bounds = scenario.cpu_ratios_max.iter().filter(|(to, _)| takes_part(*to));
        let cpu = bounds.map(|&(to, most)| {
            Goal::new(cpu_goal(to), Bound::AtMost(most), median(to, |ratios| ratios.cpu))
        });
        let mut goals: Vec<Goal> = cpu.collect();
        let rate = median(Target::Original, |ratios| ratios.rate);
        goals.push(Goal::new("requests/s", Bound::AtLeast(1.0), rate));
        if scenario.tool.tells_percentiles() {
            let p99 = median(Target::Original, |ratios| ratios.p99);
            goals.push(Goal::new("p99", Bound::AtMost(1.0), p99));
        }
        self.goals = goals;
    }
}

/// What the goal of CPU time a request, as a ratio to that of `to`, is called.
pub(crate) fn cpu_goal(to: Target) -> String {
    match to {
        Target::Original => "CPU a request".to_owned(),
        other => format!("CPU a request, to {}", other.name()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bench::scenario::SCENARIOS;

    pub(crate) fn visits(target: Target, cpu: &[f64]) -> Visits {
        let sample =
            |cpu: &f64| Sample { rate: 1_000.0, p50: Some(1.0), p99: Some(2.0), cpu: Some(*cpu) };
        Visits { target, samples: cpu.iter().map(sample).collect(), resident_peak: Some(1 << 20) }
    }

    /// The scenario whose CPU time must be at most 0.40 of the original's, 0.70 of predixy's and
    /// 1.30 of HAProxy's.
    pub(crate) fn scenario() -> &'static Scenario {
        let bounds = [(Target::Original, 0.40), (Target::Predixy, 0.70), (Target::Haproxy, 1.30)];
        SCENARIOS.iter().find(|row| row.cpu_ratios_max == bounds).expect("such a scenario")
    }

    #[test]
    fn a_goal_is_met_by_the_median_of_ratios_within_rounds() {
        let original = [10.0, 20.0, 30.0];
        for (proxy, met) in [([4.0, 8.0, 29.0], true), ([4.1, 8.2, 3.0], false)] {
            let both = vec![visits(Target::Original, &original), visits(Target::Proxy, &proxy)];
            let row = Timed::new(scenario(), both, false);
            let found: Vec<bool> = row.goals.iter().map(|goal| goal.met).collect();
            // HAProxy was not visited, and what was not measured is not met.
            assert_eq!(found, [met, false, true, true], "{proxy:?}: {:?}", row.goals);
        }
    }

    #[test]
    fn every_target_has_its_goal_and_predixy_where_it_takes_part() {
        for (predixy, haproxy, met) in [
            (Some(6.0), 4.0, vec![true, true, true]),
            (Some(5.0), 3.0, vec![true, false, false]),
            (None, 4.0, vec![true, true]),
        ] {
            let mut all = vec![
                visits(Target::Original, &[10.0]),
                visits(Target::Proxy, &[4.0]),
                visits(Target::Haproxy, &[haproxy]),
            ];
            all.extend(predixy.map(|cpu| visits(Target::Predixy, &[cpu])));
            let goals = Timed::new(scenario(), all, false).goals;
            let cpu = goals.iter().filter(|goal| goal.figure.starts_with("CPU a request"));
            assert_eq!(cpu.map(|goal| goal.met).collect::<Vec<_>>(), met, "{goals:?}");
        }
    }

    #[test]
    fn the_quick_form_judges_no_figure() {
        let both = vec![visits(Target::Original, &[1.0]), visits(Target::Proxy, &[9.0])];
        assert_eq!(Timed::new(scenario(), both, true).goals, []);
    }

    #[test]
    fn ratios_are_taken_to_each_of_the_others_that_was_visited() {
        let targets = vec![
            visits(Target::Original, &[10.0]),
            visits(Target::Proxy, &[5.0]),
            visits(Target::Haproxy, &[4.0]),
            visits(Target::Direct, &[1.0]),
        ];
        let row = Timed::new(scenario(), targets, false);
        let cpu = |to| Some(row.ratios_to(to)?.cpu?.median);
        assert_eq!(cpu(Target::Original), Some(0.5));
        assert_eq!(cpu(Target::Haproxy), Some(1.25));
        assert_eq!(cpu(Target::Predixy), None, "it was not visited");
        assert_eq!(row.ratios.len(), 2, "no proxy, no ratio: {:?}", row.ratios);
    }
}
