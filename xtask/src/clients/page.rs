//! `docs/clients.md`, written from what a run came to.

use std::fmt::Write;

use super::cells::Kind;
use super::known::Known;
use super::report::{Report, Row};
use super::said::{Outcome, Said};

const HEAD: &str = "\
# Client libraries

Libraries as their users have them: at default settings, each from its registry, in its newest version there
(an older one where its name says so), through the proxy with three redis-servers or two memcacheds behind it.
This page is written by `make clients` from such a run; the scripts are in `xtask/data/clients/`, one a library.
Each of them passes all its cells when it speaks to a server itself (`cargo xtask clients --control`).

A cell is `yes`, `no` with a note, or empty where the library has no such thing.

- *connect*: whatever the library sends to greet a server. *get, set*: values of any bytes, and the everyday
  commands. *many keys*: a hundred in a request, spread over the servers.
- *transaction*: `MULTI` and `EXEC`, and `WATCH` with and without a change, on one key and on keys with a hash tag
  (the pool has `hash_tag: \"{}\"`). *scan*: all of 2,000 keys seen by the library's own iterator. *blocking*: with
  and without a value in time. *script*: by the library's own script object, so by `EVALSHA` first.
- *databases*: the library's option for one. *flush refused*: `flush_all` is an error, and nothing is gone.
- Where a framework's transactions or scripts have keys on several servers, a pool of one server serves it as it is,
  and a larger one where the framework can be told a prefix with a hash tag.

No registry of Java's or .NET's libraries was in reach, so none of them is here; nor is a newer library of PHP,
Ruby or Go than Debian has.
";

/// The whole page.
pub(super) fn page(report: &Report, known: &Known) -> String {
    let mut page = HEAD.to_owned();
    let mut notes = Vec::new();
    for kind in Kind::ALL {
        let rows: Vec<&Row> = report.rows.iter().filter(|row| row.library.kind == kind).collect();
        if !rows.is_empty() {
            table(kind, &rows, known, &mut notes, &mut page);
        }
    }
    if !notes.is_empty() {
        page.push('\n');
    }
    for (at, note) in notes.iter().enumerate() {
        let _ = writeln!(page, "{}. {note}", at + 1);
    }
    page
}

fn table(kind: Kind, rows: &[&Row], known: &Known, notes: &mut Vec<String>, page: &mut String) {
    let titles: Vec<&str> = kind.cells().iter().map(|cell| cell.title).collect();
    let _ = writeln!(
        page,
        "\n## {}\n\n| library | version | {} |\n|---|---|{}",
        kind.title(),
        titles.join(" | "),
        "---|".repeat(titles.len())
    );
    for row in rows {
        let library = row.library;
        let _ = write!(page, "| {} ({}) |", library.name, library.language);
        match &row.result {
            Ok(Said { version, outcomes }) => {
                let _ = write!(page, " {} |", version.as_deref().unwrap_or("?"));
                for (cell, outcome) in outcomes {
                    let said = match outcome {
                        Outcome::Works => "yes".to_owned(),
                        Outcome::HasNot => String::new(),
                        Outcome::Fails(why) => {
                            let reason = known.reason(library, cell).unwrap_or(why);
                            format!("no ({})", note(notes, reason))
                        }
                    };
                    let _ = write!(page, " {said} |");
                }
            }
            Err(why) => {
                let why = why.lines().last().unwrap_or_default();
                let _ = write!(page, " not installed ({}) |", note(notes, why));
                page.push_str(&" |".repeat(titles.len()));
            }
        }
        page.push('\n');
    }
}

/// The number of a note, which many cells may share.
fn note(notes: &mut Vec<String>, text: &str) -> usize {
    let at = notes.iter().position(|note| note == text).unwrap_or_else(|| {
        notes.push(text.to_owned());
        notes.len() - 1
    });
    at + 1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::libraries::ALL;
    use super::*;

    #[test]
    fn a_row_has_as_many_cells_as_its_table_and_equal_notes_are_one() {
        let known = Known::read().expect("JSON");
        let mut report = Report::default();
        let outcomes = ALL[0].kind.cells().iter().map(|cell| {
            let fails = ["scan", "close"].contains(&cell.name);
            let outcome =
                if fails { Outcome::Fails("for a reason".to_owned()) } else { Outcome::Works };
            (cell.name.to_owned(), outcome)
        });
        let said = Said { version: Some("7".to_owned()), outcomes: outcomes.collect() };
        report.add(Row::played(&ALL[0], said, Duration::ZERO, Duration::ZERO), &known, false);
        report.add(Row::not_installed(&ALL[1], "gone".to_owned()), &known, false);
        let page = page(&report, &known);
        let bars: Vec<usize> = page
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| line.matches('|').count())
            .collect();
        assert_eq!(bars, [bars[0]; 4]);
        assert_eq!(page.matches("no (1)").count(), 2);
        assert!(page.contains("not installed (2)") && page.ends_with("2. gone\n"), "{page}");
    }
}
