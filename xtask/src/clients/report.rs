//! What a run came to.

use std::time::Duration;

use super::known::Known;
use super::libraries::Library;
use super::said::{Outcome, Said};

/// What came of one library.
#[derive(Debug)]
pub(super) struct Row {
    /// The library.
    pub(super) library: &'static Library,
    /// What its script said, or why it could not be installed.
    pub(super) result: Result<Said, String>,
    install_time: Duration,
    play_time: Duration,
}

impl Row {
    /// A library that was tried.
    pub(super) fn played(
        library: &'static Library,
        said: Said,
        install_time: Duration,
        play_time: Duration,
    ) -> Self {
        Self { library, result: Ok(said), install_time, play_time }
    }

    /// A library that could not be installed.
    pub(super) fn not_installed(library: &'static Library, why: String) -> Self {
        let result = Err(why);
        Self { library, result, install_time: Duration::ZERO, play_time: Duration::ZERO }
    }
}

/// All rows.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// In the order they were tried.
    pub(super) rows: Vec<Row>,
    worked: usize,
    known: usize,
    failed: usize,
    not_installed: usize,
}

impl Report {
    /// Adds a row, and returns what is told of it. A server itself knows no failure (`is_control`).
    pub(super) fn add(&mut self, row: Row, known: &Known, is_control: bool) -> Vec<String> {
        let library = row.library;
        let name = format!("{} ({})", library.name, library.kind.title());
        let lines = match &row.result {
            Err(why) => {
                self.not_installed += 1;
                vec![format!("{name}: not installed: {why}")]
            }
            Ok(said) => {
                let version = said.version.as_deref().unwrap_or("of an unknown version");
                let (install, play) = (row.install_time.as_secs_f64(), row.play_time.as_secs_f64());
                let mut lines =
                    vec![format!("{name} {version}: {install:.1} s to install, {play:.1} s")];
                let mut excused: Vec<(&str, Vec<&str>)> = Vec::new();
                for (cell, outcome) in &said.outcomes {
                    let reason = if is_control { None } else { known.reason(library, cell) };
                    match (outcome, reason) {
                        (Outcome::HasNot, _) => {}
                        (Outcome::Works, reason) => {
                            self.worked += 1;
                            if reason.is_some() && !known.is_all(library) {
                                lines.push(format!(
                                    "   {cell} works, and is listed as known not to"
                                ));
                            }
                        }
                        (Outcome::Fails(_), Some(reason)) => {
                            self.known += 1;
                            match excused.iter_mut().find(|(other, _)| *other == reason) {
                                Some((_, cells)) => cells.push(cell),
                                None => excused.push((reason, vec![cell])),
                            }
                        }
                        (Outcome::Fails(why), None) => {
                            self.failed += 1;
                            lines.push(format!("   {cell} FAILS: {why}"));
                        }
                    }
                }
                for (reason, cells) in excused {
                    lines.push(format!("   known to fail: {}: {reason}", cells.join(", ")));
                }
                lines
            }
        };
        self.rows.push(row);
        lines
    }

    /// How many things are wrong; a quick run must have all its libraries.
    pub(super) fn wrong(&self, is_quick: bool) -> usize {
        self.failed + if is_quick { self.not_installed } else { 0 }
    }

    /// All of it in a line.
    pub(super) fn summary(&self) -> String {
        format!(
            "{} libraries and uses of them, {} not installed; {} cells work, {} are known to fail, \
             {} fail",
            self.rows.len(),
            self.not_installed,
            self.worked,
            self.known,
            self.failed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::libraries::ALL;
    use super::*;

    fn row(outcome: Outcome) -> Row {
        let said = Said { version: None, outcomes: vec![("connect".to_owned(), outcome)] };
        Row::played(&ALL[0], said, Duration::ZERO, Duration::ZERO)
    }

    #[test]
    fn a_failure_that_nobody_knows_is_wrong() {
        let known = Known::read().expect("JSON");
        let mut report = Report::default();
        assert_eq!(report.add(row(Outcome::Works), &known, false).len(), 1);
        assert_eq!(report.add(row(Outcome::HasNot), &known, false).len(), 1);
        assert_eq!(report.wrong(true), 0);
        let lines = report.add(row(Outcome::Fails("no".to_owned())), &known, false);
        assert_eq!(lines[1], "   connect FAILS: no");
        assert_eq!(report.wrong(false), 1);
    }

    #[test]
    fn a_library_that_is_missing_is_wrong_in_a_quick_run_only() {
        let known = Known::read().expect("JSON");
        let mut report = Report::default();
        report.add(Row::not_installed(&ALL[0], "no network".to_owned()), &known, false);
        assert_eq!((report.wrong(false), report.wrong(true)), (0, 1));
    }
}
