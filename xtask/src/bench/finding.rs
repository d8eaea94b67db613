//! What a scenario that is no plain load found: a small table of figures, and verdicts.

use serde::{Deserialize, Serialize};

use super::goal::Goal;

/// The results of one scenario beside the timed ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// The scenario's.
    pub(crate) name: String,
    /// What each figure of a line is, with its unit.
    pub(crate) columns: Vec<String>,
    /// A target, or a case of one.
    pub(crate) lines: Vec<Line>,
    /// What the proxy's figures must reach. Empty in the quick form, whose figures mean nothing.
    pub(crate) goals: Vec<Goal>,
}

/// A line of figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Whose they are.
    pub(crate) label: String,
    /// One a column; none where a column does not apply.
    pub(crate) figures: Vec<Option<f64>>,
}

impl Finding {
    /// A finding without lines yet.
    pub(crate) fn new(name: &str, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        Self { name: name.to_owned(), columns, lines: Vec::new(), goals: Vec::new() }
    }

    /// Adds a line.
    pub(crate) fn add(&mut self, label: impl Into<String>, figures: Vec<Option<f64>>) {
        debug_assert_eq!(figures.len(), self.columns.len(), "{}", self.name);
        self.lines.push(Line { label: label.into(), figures });
    }
}
