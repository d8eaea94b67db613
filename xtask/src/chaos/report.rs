//! The outcomes as lines for a terminal, as JSON, and as a part of `docs/chaos.md`.

use std::fs;
use std::path::Path;

use super::long::Run;
use super::outcome::{Outcome, Sixth};
use super::tally::Owner;
use super::verdicts::Verdict;
use crate::failure::{Failure, Result};

/// The line above the results.
const BEGIN: &str = "<!-- results: begin; `make chaos DOCS=1` writes this part -->";
/// The line below them.
const END: &str = "<!-- results: end -->";
/// The line above those of the long run.
const LONG_BEGIN: &str =
    "<!-- long run: begin; `make chaos MINUTES=60 DOCS=1` writes this part -->";
/// The line below them.
const LONG_END: &str = "<!-- long run: end -->";

/// The heads of the columns, as wide as their numbers need.
const COLUMNS: [(&str, usize); 12] = [
    ("requests", 9),
    ("wrong", 6),
    ("lost", 5),
    ("twice", 6),
    ("hung", 5),
    ("errors", 7),
    ("healthy's", 10),
    ("zero after s", 13),
    ("stall ms", 9),
    ("peak MiB", 9),
    ("grown MiB", 10),
    ("descriptors", 12),
];

/// The width of a name.
const NAME: usize = 58;

/// A scenario's numbers, one for each of [`COLUMNS`].
fn cells(outcome: &Outcome) -> [String; COLUMNS.len()] {
    let [start, peak, end] = outcome.memory_mib;
    let [before, after] = outcome.descriptors;
    [
        outcome.requests.to_string(),
        outcome.wrong.to_string(),
        outcome.lost.to_string(),
        outcome.duplicated.to_string(),
        outcome.hung.to_string(),
        outcome.errors_in_all().to_string(),
        outcome.errors_healthy.to_string(),
        format!("{:.1}", outcome.zero_after()),
        outcome.stall_ms.to_string(),
        format!("{peak:.1}"),
        format!("{:.1}", end - start),
        format!("{before} to {after}"),
    ]
}

/// The heads, for a terminal.
pub(super) fn heads() -> String {
    let columns = COLUMNS.map(|(head, width)| format!("{head:>width$}")).concat();
    format!("{:<NAME$}{columns}", "scenario")
}

/// A scenario, for a terminal: its numbers, and below them what is to be told.
pub(super) fn lines(outcome: &Outcome) -> Vec<String> {
    let cells = cells(outcome);
    let columns: Vec<String> =
        COLUMNS.iter().zip(&cells).map(|((_, width), cell)| format!("{cell:>width$}")).collect();
    let mut lines = vec![format!("{:<NAME$}{}", outcome.name, columns.concat())];
    lines.extend(notes(outcome).into_iter().map(|note| format!("    {note}")));
    lines.extend(outcome.aims.iter().map(|aim| {
        let met = if aim.is_met() { "met" } else { "missed" };
        format!("    aim {met}: {}: {}, at most {}", aim.what, aim.count, aim.most)
    }));
    if !outcome.broken.is_empty() {
        lines.extend(outcome.broken.iter().map(|broken| format!("    BROKEN: {broken}")));
        lines.extend(outcome.findings.iter().map(|finding| format!("      {finding}")));
    }
    lines
}

/// What the numbers leave out.
fn notes(outcome: &Outcome) -> Vec<String> {
    let mut notes = Vec::new();
    for errors in &outcome.errors {
        let owner = match errors.owner {
            Owner::Faulty => "faulty",
            Owner::Healthy => "healthy",
        };
        notes.push(format!("{} x '{}' on keys of a {owner} server", errors.count, errors.text));
    }
    let phases: Vec<String> = outcome
        .phases
        .iter()
        .filter(|phase| phase.errors > 0)
        .map(|phase| {
            format!(
                "{} at {:.1} s: {}, the last after {:.2} s",
                phase.what, phase.at, phase.errors, phase.zero_after
            )
        })
        .collect();
    if !phases.is_empty() {
        notes.push(format!("errors after {}", phases.join("; ")));
    }
    for (count, what) in [
        (outcome.unread, "requests not read when the proxy was told to leave"),
        (outcome.accept_lines, "lines of the log about accepting"),
        (outcome.came as u64, "other clients were there"),
    ] {
        if count > 0 {
            notes.push(format!("{count} {what}"));
        }
    }
    notes
}

/// Writes the outcomes for other programs to read.
///
/// # Errors
/// The system's.
pub(super) fn write_json(file: &Path, outcomes: &[Outcome]) -> Result<()> {
    let text = serde_json::to_string_pretty(outcomes).expect("figures are JSON") + "\n";
    fs::write(file, text).map_err(Failure::system(format!("writing {}", file.display())))
}

/// Puts the outcomes between the marks of the page in `file`.
///
/// # Errors
/// The system's, or a page without its marks.
pub(super) fn write_page(file: &Path, outcomes: &[Outcome], skipped: &[String]) -> Result<()> {
    write_part(file, [BEGIN, END], &markdown(outcomes, skipped))
}

/// Puts the long run between its marks.
///
/// # Errors
/// As [`write_page`].
pub(super) fn write_long_page(file: &Path, runs: &[Run]) -> Result<()> {
    write_part(file, [LONG_BEGIN, LONG_END], &long_markdown(runs))
}

fn write_part(file: &Path, marks: [&str; 2], text: &str) -> Result<()> {
    let name = file.display();
    let page = fs::read_to_string(file).map_err(Failure::system(format!("reading {name}")))?;
    let page = replace(&page, marks, text).ok_or_else(|| {
        let [begin, end] = marks;
        Failure::Wrong(format!("{name} has no two lines '{begin}' and '{end}', in this order"))
    })?;
    fs::write(file, page).map_err(Failure::system(format!("writing {name}")))
}

/// The page with `text` between the marks; `None` without them.
fn replace(page: &str, [begin, end]: [&str; 2], text: &str) -> Option<String> {
    let (before, rest) = page.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n\n{text}\n{end}{after}"))
}

/// A long run by its sixths: what the row is about, and a figure a sixth.
fn sixths(outcome: &Outcome) -> Vec<(&'static str, Vec<String>)> {
    let row = |what, of: &dyn Fn(&Sixth) -> String| (what, outcome.sixths.iter().map(of).collect());
    vec![
        row("answers", &|sixth| sixth.answers.to_string()),
        row("99th percentile, us", &|sixth| sixth.p99_us.to_string()),
        row("the same without the proxy, us", &|sixth| sixth.direct_p99_us.to_string()),
        row("memory, mean MiB", &|sixth| format!("{:.1}", sixth.memory_mib[0])),
        row("memory, most MiB", &|sixth| format!("{:.1}", sixth.memory_mib[1])),
        row("descriptors, mean", &|sixth| format!("{:.1}", sixth.descriptors[0])),
        row("descriptors, most", &|sixth| format!("{:.0}", sixth.descriptors[1])),
    ]
}

/// What changed in a long run, for a terminal.
pub(super) fn long_lines(run: &Run) -> Vec<String> {
    let rows = sixths(&run.outcome).into_iter();
    let rows = rows.map(|(what, figures)| format!("{what}, by sixths: {}", figures.join(", ")));
    rows.chain(run.verdicts.iter().map(Verdict::words)).collect()
}

/// The same for the page, and what any scenario tells.
fn long_markdown(runs: &[Run]) -> String {
    let mut text = String::new();
    for Run { rates: [possible, asked], outcome, verdicts } in runs {
        text.push_str(&format!(
            "**{}**: {possible:.0} requests a second were possible, {asked:.0} were asked for, which kept the \
             machine's processors {:.0} % busy; {} requests, {} errors on keys of servers with a fault.\n\n",
            outcome.name,
            outcome.busy * 100.0,
            outcome.requests,
            outcome.errors_faulty
        ));
        text.push_str("| to hold | | the last sixth, and an earlier one |\n|---|---|---|\n");
        for Verdict { what, holds, figures, .. } in verdicts {
            let holds = if *holds { "held" } else { "**not held**" };
            text.push_str(&format!("| {what} | {holds} | {figures} |\n"));
        }
        let heads: Vec<String> = (1..=outcome.sixths.len()).map(|nth| nth.to_string()).collect();
        text.push_str(&format!(
            "\n| by sixths | {} |\n|---|{}\n",
            heads.join(" | "),
            "--:|".repeat(heads.len())
        ));
        for (what, figures) in sixths(outcome) {
            text.push_str(&format!("| {what} | {} |\n", figures.join(" | ")));
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// A table, and what it leaves out.
fn markdown(outcomes: &[Outcome], skipped: &[String]) -> String {
    let heads = COLUMNS.map(|(head, _)| head).join(" | ");
    let mut text = format!("| scenario | {heads} |\n|---|{}\n", "--:|".repeat(COLUMNS.len()));
    for outcome in outcomes {
        text.push_str(&format!("| {} | {} |\n", outcome.name, cells(outcome).join(" | ")));
    }
    text.push_str("\nErrors by kind:\n\n");
    for outcome in outcomes.iter().filter(|outcome| !notes(outcome).is_empty()) {
        text.push_str(&format!("- **{}**: {}\n", outcome.name, notes(outcome).join("; ")));
    }
    for name in skipped {
        text.push_str(&format!("\nLeft out, for this proxy lacks the option: {name}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_replaced_and_nothing_else() {
        let page = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let marks = [BEGIN, END];
        let replaced = replace(&page, marks, "new\n").expect("a page with marks");
        assert_eq!(replaced, format!("a\n{BEGIN}\n\nnew\n\n{END}\nb\n"));
        assert_eq!(replace(&replaced, marks, "new\n").as_deref(), Some(&*replaced));
        assert_eq!(replace("no marks", marks, "new"), None);
    }
}
