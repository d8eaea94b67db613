//! Figures to reach, and whether they are: the verdicts. A verdict informs and never fails a run.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::figures;

/// A figure that must be reached, and whether it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Goal {
    /// What is held to it.
    pub(crate) figure: String,
    /// Where it must lie.
    pub(crate) bound: Bound,
    /// What it is, if it could be measured.
    pub(crate) found: Option<f64>,
    /// Whether it lies there.
    pub(crate) met: bool,
}

/// Where a figure must lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    /// At this or below it.
    AtMost(f64),
    /// At this or above it.
    AtLeast(f64),
}

impl Goal {
    /// Judges `found`. It is judged as it is printed, so that no line says that 1.00 is not 1.00;
    /// what could not be measured does not reach anything.
    pub(crate) fn new(figure: impl Into<String>, bound: Bound, found: Option<f64>) -> Self {
        let printed = found.and_then(|found| figures::figure(found).parse::<f64>().ok());
        let met = printed.is_some_and(|found| match bound {
            Bound::AtMost(most) => found <= most,
            Bound::AtLeast(least) => found >= least,
        });
        Self { figure: figure.into(), bound, found, met }
    }

    /// One word for it.
    pub(crate) fn verdict(&self) -> &'static str {
        if self.met { "met" } else { "NOT MET" }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "at most {}", figures::figure(*most)),
            Self::AtLeast(least) => write!(f, "at least {}", figures::figure(*least)),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { figure, bound, found, .. } = self;
        let found = found.map_or_else(|| "not measured".to_owned(), figures::figure);
        write!(f, "{figure}: {found}, {bound}: {}", self.verdict())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_on_its_side_of_the_bound_and_at_it() {
        let cases = [
            (Bound::AtMost(0.85), 0.84, true),
            (Bound::AtMost(0.85), 0.85, true),
            (Bound::AtMost(0.85), 0.86, false),
            (Bound::AtLeast(1.0), 1.01, true),
            (Bound::AtLeast(1.0), 1.0, true),
            (Bound::AtLeast(1.0), 0.99, false),
        ];
        for (bound, found, met) in cases {
            let goal = Goal::new("a ratio", bound, Some(found));
            assert_eq!(goal.met, met, "{goal}");
            let end = if met { ": met" } else { ": NOT MET" };
            assert!(goal.to_string().ends_with(end), "{goal}");
        }
    }

    #[test]
    fn a_goal_is_judged_as_it_is_printed() {
        for (bound, found) in [(Bound::AtMost(1.0), 1.0049), (Bound::AtLeast(1.0), 0.9951)] {
            let goal = Goal::new("a ratio", bound, Some(found));
            assert!(goal.met && goal.to_string().contains(" 1.00, at"), "{goal}");
        }
    }

    #[test]
    fn what_was_not_measured_meets_nothing() {
        for bound in [Bound::AtMost(f64::MAX), Bound::AtLeast(0.0)] {
            let goal = Goal::new("anything", bound, None);
            assert!(!goal.met && goal.to_string().contains("not measured"), "{goal}");
        }
    }
}
