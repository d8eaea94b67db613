//! What is wrong with a configuration file, and where.
//!
//! `fault.rs` has the words for what was found and what would do; a [`Problem`] adds where, and
//! [`ConfigErrors`] gathers all of a file's problems. They are the operator's, never ours.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::fault::Fault;
use crate::log::reason;

/// A place in the file, both numbers counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One thing that is wrong, or in [`warnings`](super::Config::warnings) merely odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it is.
    pub at: Position,
    /// The pool it concerns, where it concerns one.
    pub pool: Option<String>,
    /// What was found and what would do; [`Display`](fmt::Display) says it.
    pub(super) fault: Fault,
}

impl Problem {
    /// A problem of the file as a whole or as a text.
    pub(super) fn new(at: Position, fault: Fault) -> Self {
        Self { at, pool: None, fault }
    }

    /// A problem of a pool.
    pub(super) fn of_pool(pool: &str, at: Position, fault: Fault) -> Self {
        Self { at, pool: Some(pool.to_owned()), fault }
    }

    /// What was found and what would do, in one line, without the place and the pool.
    #[must_use]
    pub fn words(&self) -> String {
        one_line(&self.fault.to_string())
    }
}

/// `7:9: pool 'alpha': what is wrong`, to be put behind the file's name and a colon.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.at)?;
        if let Some(pool) = &self.pool {
            write!(f, "pool '{}': ", one_line(pool))?;
        }
        f.write_str(&self.words())
    }
}

/// What was found may be quoted, and a text of YAML may go on over several lines.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// All that is wrong with a file, as far as it can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    path: PathBuf,
    problems: Vec<Problem>,
}

impl ConfigErrors {
    /// Puts `problems`, of which there is at least one, in the order of the file's lines.
    pub(super) fn new(path: PathBuf, mut problems: Vec<Problem>) -> Self {
        assert!(!problems.is_empty(), "an error without a problem");
        problems.sort_by_key(|problem| problem.at);
        // A mended file is read twice; what both readings found is one problem.
        problems.dedup();
        Self { path, problems }
    }

    /// The problems, at least one, in the order of the file's lines.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// One line a problem, `file:line:column: what is wrong`; no line end after the last.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            let line_end = if i == 0 { "" } else { "\n" };
            write!(f, "{line_end}{}:{problem}", self.path.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Why a file gave no configuration.
#[derive(Debug)]
pub enum LoadError {
    /// It could not be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// It was read and is wrong.
    Invalid(ConfigErrors),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, reason: error } => {
                let why = reason(error);
                write!(f, "failed to open configuration '{}': {why}", path.display())
            }
            Self::Invalid(errors) => errors.fmt(f),
        }
    }
}

impl std::error::Error for LoadError {}
