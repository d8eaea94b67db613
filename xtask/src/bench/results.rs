//! The results of a run, and their way into a file and back.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::goal::Goal;
use super::machine::{Machine, Version};
use super::options::Options;
use super::samples::Timed;
use super::target::Target;
use crate::failure::{Failure, Result};

/// Everything a run has measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Results {
    /// Where it was measured.
    pub(crate) machine: Machine,
    /// With what.
    pub(crate) versions: Vec<Version>,
    /// How.
    pub(crate) settings: Settings,
    /// The timed scenarios.
    pub(crate) timed: Vec<Timed>,
    /// The others.
    pub(crate) findings: Vec<Finding>,
    /// Scenarios that could not run on this machine, and why.
    pub(crate) skipped: Vec<String>,
}

/// How it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// How often each target was visited.
    pub(crate) rounds: usize,
    /// How long a visit lasted.
    pub(crate) visit_seconds: f64,
    /// The short form, whose times mean nothing.
    pub(crate) quick: bool,
    /// Only scenarios whose name holds this were run.
    pub(crate) only: Option<String>,
}

impl Results {
    /// Results of a run that begins.
    pub(crate) fn new(options: &Options, machine: Machine, versions: Vec<Version>) -> Self {
        let settings = Settings {
            rounds: options.rounds,
            visit_seconds: options.visit.as_secs_f64(),
            quick: options.quick,
            only: options.only.clone(),
        };
        let (timed, findings, skipped) = (Vec::new(), Vec::new(), Vec::new());
        Self { machine, versions, settings, timed, findings, skipped }
    }

    /// Every verdict, with the scenario it belongs to.
    pub(crate) fn goals(&self) -> impl Iterator<Item = (&str, &Goal)> {
        let timed = self.timed.iter().map(|row| (&row.name, &row.goals));
        let others = self.findings.iter().map(|row| (&row.name, &row.goals));
        timed.chain(others).flat_map(|(name, goals)| goals.iter().map(|goal| (name.as_str(), goal)))
    }

    /// Whether `target` was visited in any timed scenario.
    pub(crate) fn has(&self, target: Target) -> bool {
        self.timed.iter().any(|row| row.targets.iter().any(|visits| visits.target == target))
    }

    /// Everything as JSON.
    ///
    /// # Errors
    /// A figure that JSON has no word for.
    pub(crate) fn to_json(&self) -> Result<String> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| Failure::Wrong(format!("writing JSON: {error}")))?;
        text.push('\n');
        Ok(text)
    }

    /// Reads what [`Self::to_json`] wrote to `file`.
    ///
    /// # Errors
    /// The system's, or where the file does not hold results.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let name = file.display();
        let text = fs::read_to_string(file).map_err(Failure::system(format!("reading {name}")))?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::Wrong(format!("{name} holds no results of a bench: {error}")))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bench::goal::Bound;
    use crate::bench::samples::tests::{scenario, visits};

    /// Results with one row of each kind.
    pub(crate) fn results() -> Results {
        let targets = vec![
            visits(Target::Original, &[10.0, 10.0, 10.0]),
            visits(Target::Proxy, &[4.0, 3.0, 5.0]),
            visits(Target::Haproxy, &[2.0, 2.0, 2.0]),
            Visits { resident_peak: None, ..visits(Target::Direct, &[]) },
        ];
        let mut finding = Finding::new("growth: <some>", &["MB", "ratio"]);
        finding.add("proxy", vec![Some(0.1), None]);
        finding.goals.push(Goal::new("ratio", Bound::AtMost(1.2), Some(1.3)));
        Results {
            machine: Machine {
                cpu: "a processor".to_owned(),
                cores: 2,
                kernel: "6.1".to_owned(),
                proxy_core: Some(1),
            },
            versions: vec![Version { program: "Redis".to_owned(), version: "7.0.15".to_owned() }],
            settings: Settings { rounds: 3, visit_seconds: 1.0, quick: false, only: None },
            timed: vec![Timed::new(scenario(), targets, false)],
            findings: vec![finding],
            skipped: vec!["another: too little memory".to_owned()],
        }
    }

    use crate::bench::samples::Visits;

    #[test]
    fn results_come_back_from_json_as_they_were() {
        let before = results();
        let text = before.to_json().expect("JSON");
        let after: Results = serde_json::from_str(&text).expect("results");
        assert_eq!(after, before, "{text}");
    }

    #[test]
    fn a_file_that_holds_something_else_is_named() {
        let file = Path::new(env!("CARGO_MANIFEST_PATH"));
        let failure = Results::read(file).expect_err("no results").to_string();
        assert!(failure.contains("Cargo.toml"), "{failure}");
    }

    #[test]
    fn verdicts_of_all_kinds_are_listed() {
        let results = results();
        let names: Vec<&str> = results.goals().map(|(name, _)| name).collect();
        let expected = "CPU to two targets, rate and p99 of one row, and one of the other";
        assert_eq!(names.len(), 5, "{expected}: {names:?}");
    }
}
