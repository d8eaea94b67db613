//! A trap: a row of data, and what its function is given to look at.

use super::finding::{Finding, Severity};
use super::machine::Machine;
use crate::config::{Config, Places, Pool, Position, Workers};

/// Something legal that bites.
pub(super) struct Trap {
    /// Short and unique.
    pub(super) name: &'static str,
    pub(super) severity: Severity,
    /// A line for the list of traps.
    pub(super) about: &'static str,
    pub(super) look: Look,
}

/// How a trap is looked for.
#[derive(Clone, Copy)]
pub(super) enum Look {
    /// In one pool after the other.
    AtPools(fn(&Subject<'_>, &Pool, &mut Report<'_>)),
    /// In the configuration as a whole.
    AtAll(fn(&Subject<'_>, &mut Report<'_>)),
}

impl Trap {
    /// Where findings of this trap go.
    pub(super) fn report<'a>(&self, findings: &'a mut Vec<Finding>) -> Report<'a> {
        Report { trap: self.name, severity: self.severity, findings }
    }
}

/// What is looked at.
pub(super) struct Subject<'a> {
    pub(super) config: &'a Config,
    pub(super) places: &'a Places,
    pub(super) machine: &'a Machine,
}

impl Subject<'_> {
    /// The place of `key`'s value, or of the pool's name where the file leaves the key out.
    pub(super) fn place(&self, pool: &Pool, key: &str) -> Position {
        let places = self.places;
        places.value(&pool.name, key).unwrap_or_else(|| places.section(&pool.name))
    }

    /// Whether the file has `key` in `pool`.
    pub(super) fn is_written(&self, pool: &Pool, key: &str) -> bool {
        self.places.value(&pool.name, key).is_some()
    }

    /// How many workers the file asks for, on this machine.
    pub(super) fn workers(&self) -> usize {
        self.config.global.workers.map_or(1, Workers::count)
    }
}

/// Where the findings of one trap go.
pub(super) struct Report<'a> {
    trap: &'static str,
    severity: Severity,
    findings: &'a mut Vec<Finding>,
}

impl Report<'_> {
    /// Adds a finding about `pool`.
    pub(super) fn add(
        &mut self,
        at: Position,
        pool: &Pool,
        reason: impl Into<String>,
        cure: impl Into<String>,
    ) {
        self.push(at, Some(pool.name.clone()), reason.into(), cure.into());
    }

    /// Adds a finding that is not about one pool.
    pub(super) fn add_of_process(
        &mut self,
        at: Position,
        reason: impl Into<String>,
        cure: impl Into<String>,
    ) {
        self.push(at, None, reason.into(), cure.into());
    }

    fn push(&mut self, at: Position, pool: Option<String>, reason: String, cure: String) {
        let Self { trap, severity, .. } = *self;
        self.findings.push(Finding { at, severity, trap, pool, reason, cure });
    }
}
