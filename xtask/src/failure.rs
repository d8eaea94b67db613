//! Why a chore stopped: one error type for all of them, told to a person in a terminal.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What every fallible function of this crate answers.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why a chore stopped before its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Ctrl-C or a request to end; nothing is wrong.
    Interrupted,
    /// A program the chore runs is not installed.
    MissingProgram {
        /// The name or path that was looked for.
        program: PathBuf,
        /// How a person gets it: a Debian package or a command.
        remedy: String,
    },
    /// The system refused something.
    System {
        /// What was being done, as "reading /proc/1/stat".
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// Something ran and its result is not right; the text says where, what and what would do.
    Wrong(String),
}

impl Failure {
    /// An adapter for `map_err` around a call of the system: `doing` as in "reading FILE".
    pub(crate) fn system(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::System { doing, source }
    }

    /// The same failure, with what was going on in front of what happened.
    pub(crate) fn during(self, what: &str) -> Self {
        match self {
            Self::System { doing, source } => {
                Self::System { doing: format!("{what}: {doing}"), source }
            }
            Self::Wrong(why) => Self::Wrong(format!("{what}: {why}")),
            Self::Interrupted | Self::MissingProgram { .. } => self,
        }
    }

    /// A program that is not there; `package` is the Debian package that brings it.
    pub(crate) fn missing_package(program: &Path, package: &str) -> Self {
        let remedy = format!("Debian's package '{package}' brings it: apt-get install {package}");
        Self::MissingProgram { program: program.to_owned(), remedy }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => write!(f, "interrupted"),
            Self::MissingProgram { program, remedy } => {
                write!(f, "{} is not there; {remedy}", program.display())
            }
            Self::System { doing, source } => write!(f, "{doing}: {source}"),
            Self::Wrong(what) => write!(f, "{what}"),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System { source, .. } => Some(source),
            Self::Interrupted | Self::MissingProgram { .. } | Self::Wrong(_) => None,
        }
    }
}
