//! What a run came to: each finding as it comes, and a table of the commands at the end.

use std::collections::BTreeMap;

use super::case::Case;
use super::judge::{Arrangement, Judged, Verdict, request};
use super::rules::Rules;

/// So many findings of a command are told in full.
const TOLD_MAX: u64 = 2;

/// So many bytes of a request or reply are shown.
const SHOWN_MAX: usize = 600;

/// So many bytes of a request that led to a finding are shown.
const BEFORE_MAX: usize = 120;

/// The verdicts of one command.
#[derive(Debug, Default, Clone)]
struct Row {
    same: u64,
    allowed: u64,
    unserved: u64,
    different: u64,
}

/// What has come to light so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: BTreeMap<String, Row>,
    used: BTreeMap<usize, u64>,
    told: BTreeMap<String, u64>,
    /// Commands that the server or the table has, and no form describes.
    formless: Vec<String>,
    cases: u64,
}

impl Report {
    /// A command for which there is no form.
    pub(crate) fn add_formless(&mut self, name: &str) {
        self.formless.push(name.to_owned());
    }

    /// Adds a case as it went through one arrangement, and returns what there is to tell.
    pub(crate) fn add(
        &mut self,
        case: &Case,
        place: Arrangement,
        judged: &[Judged],
        seed: u64,
        tells_all: bool,
    ) -> Vec<String> {
        self.cases += 1;
        let mut lines = Vec::new();
        for one in judged {
            let step = &case.steps[one.step];
            // What comes without a request is the case's.
            let name = if step.is_named() { step.name() } else { case.name.clone() };
            let row = self.rows.entry(name.clone()).or_default();
            match one.verdict {
                Verdict::Same => row.same += 1,
                Verdict::Allowed(rule) => {
                    row.allowed += 1;
                    *self.used.entry(rule).or_default() += 1;
                }
                Verdict::Unserved => row.unserved += 1,
                Verdict::Different => {
                    row.different += 1;
                    let told = self.told.entry(name).or_default();
                    *told += 1;
                    if tells_all || *told <= TOLD_MAX {
                        lines.extend(finding(case, place, one, seed));
                    }
                }
            }
        }
        lines
    }

    /// The end of the run.
    pub(crate) fn lines(&self, rules: &Rules) -> Vec<String> {
        let mut lines = Vec::new();
        let sum = |of: fn(&Row) -> u64| self.rows.values().map(of).sum::<u64>();
        for (name, row) in &self.rows {
            let Row { same, allowed, unserved, different } = row;
            if allowed + unserved + different > 0 {
                lines.push(format!(
                    "  {name:<22} same {same:>6}   allowed {allowed:>5}   not served {unserved:>5}   \
                     different {different:>5}"
                ));
            }
        }
        let alike =
            self.rows.values().filter(|row| row.allowed + row.unserved + row.different == 0);
        lines.push(format!("  {:<22} of {} commands nothing else", "same", alike.count()));
        for (at, count) in &self.used {
            let rule = &rules.rules[*at];
            lines.push(format!("  allowed {count:>6} times: {} ({})", rule.reason, rule.docs));
        }
        for name in &self.formless {
            lines
                .push(format!("  {name} has no form: xtask/src/oracle/forms/ is where it belongs"));
        }
        lines.push(format!(
            "{} cases: {} steps the same, {} allowed, {} not served, {} different",
            self.cases,
            sum(|row| row.same),
            sum(|row| row.allowed),
            sum(|row| row.unserved),
            sum(|row| row.different)
        ));
        lines
    }

    /// How much is not as it should be.
    pub(crate) fn wrong(&self) -> u64 {
        let of_rows = self.rows.values().map(|row| row.unserved + row.different).sum::<u64>();
        of_rows + self.formless.len() as u64
    }
}

/// A difference, in full.
fn finding(case: &Case, place: Arrangement, judged: &Judged, seed: u64) -> Vec<String> {
    let Case { name, number, .. } = case;
    let step = &case.steps[judged.step];
    let resp = if number % 2 == 1 { "RESP3" } else { "RESP2" };
    let pipelined = if case.is_pipelined { ", pipelined" } else { "" };
    let mut lines = vec![format!("DIFFERENT: {name}, {resp}, pool {}{pipelined}", place.name())];
    // What led there, short of what fills the keys.
    let before = case.steps[..judged.step].iter().rev().take(6).collect::<Vec<_>>();
    for step in before.into_iter().rev() {
        lines.push(format!("  before:   {} {}", step.connection, cut(&request(step), BEFORE_MAX)));
    }
    lines.push(format!("  request:  {} {}", step.connection, shown(&request(step))));
    if step.is_named() {
        lines.push(format!("  wire:     {}", shown(&crate::wire::array(&step.words))));
    }
    lines.push(format!("  server:   {}", shown(&judged.server)));
    lines.push(format!("  ours:     {}", shown(&judged.ours)));
    lines.push(format!(
        "  again:    cargo xtask oracle --seed {seed} --only '{name}' --case {number}"
    ));
    lines
}

fn shown(bytes: &[u8]) -> String {
    cut(bytes, SHOWN_MAX)
}

fn cut(bytes: &[u8], most: usize) -> String {
    let text = bytes[..bytes.len().min(most)].escape_ascii().to_string();
    if bytes.len() > most { format!("{text}... ({} bytes)", bytes.len()) } else { text }
}
