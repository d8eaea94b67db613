//! What `check` has found, and how it reads.

use std::fmt;

use crate::config::Position;

/// How bad a finding is; the worst is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// The proxy does not start, or serves nobody.
    Error,
    /// Will bite sooner or later.
    Warning,
    /// Good to know; may well be meant.
    Note,
}

impl Severity {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A trap in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) at: Position,
    pub(super) severity: Severity,
    /// The trap's name, which `--allow` takes.
    pub(super) trap: &'static str,
    /// The pool it concerns, where it concerns one.
    pub(super) pool: Option<String>,
    /// What was found, and what comes of it.
    pub(super) reason: String,
    /// What would do.
    pub(super) cure: String,
}

/// Two lines, to be put behind the file's name and a colon; no line end after the second.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, severity, trap, pool, reason, cure } = self;
        let pool = pool.as_ref().map_or(String::new(), |pool| format!("pool '{pool}': "));
        let head = format!("{at}: {severity}: {pool}{reason} [{trap}]");
        // Names may hold anything that YAML takes.
        let head = head.replace(char::is_control, " ");
        write!(f, "{head}\n    {}", cure.replace(char::is_control, " "))
    }
}
