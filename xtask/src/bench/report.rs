//! The results in a terminal, as they come.

use super::figures::{cell, ratio};
use super::finding::Finding;
use super::goal::Goal;
use super::results::Results;
use super::samples::{Figure, Timed};
use super::spread::Spread;
use super::target::Target;

/// A column of the table of times: its heading and its figure.
const COLUMNS: [(&str, Figure); 4] = [
    ("req/s", |sample| Some(sample.rate)),
    ("p50 us", |sample| sample.p50),
    ("p99 us", |sample| sample.p99),
    ("CPU us/req", |sample| sample.cpu),
];

/// How wide the first column is, which names whose figures follow.
const LABEL: usize = 52;

/// Where and how the figures below were taken.
pub(crate) fn head(results: &Results) -> String {
    let (machine, settings) = (&results.machine, &results.settings);
    let mut text = format!("{}, {} cores, Linux {}\n", machine.cpu, machine.cores, machine.kernel);
    text.push_str(&match machine.proxy_core {
        Some(core) => format!("core {core} for the proxy alone; servers and load elsewhere\n"),
        None => "one core for all: nothing is pinned\n".to_owned(),
    });
    let versions: Vec<String> =
        results.versions.iter().map(|one| format!("{} {}", one.program, one.version)).collect();
    text.push_str(&format!("{}\n", versions.join(", ")));
    let (rounds, seconds) = (settings.rounds, settings.visit_seconds);
    text.push_str(&format!(
        "{rounds} rounds, {seconds} s a visit; medians, and ratios within a round\n"
    ));
    if settings.quick {
        text.push_str("the quick form: answers are checked, and its times mean nothing\n");
    }
    text
}

/// A timed scenario's part.
pub(crate) fn timed(row: &Timed) -> String {
    let mut text = format!("\n{:<LABEL$}", format!("{} ({})", row.name, row.tool));
    for (heading, _) in COLUMNS {
        text.push_str(&format!("{heading:>12}"));
    }
    text.push_str(&format!("{:>10}\n", "peak MB"));
    for visits in &row.targets {
        text.push_str(&format!("  {:<width$}", visits.target.name(), width = LABEL - 2));
        for (_, figure) in COLUMNS {
            let median = visits.spread(figure).map(|spread| spread.median);
            text.push_str(&format!("{:>12}", cell(median)));
        }
        let peak = visits.resident_peak.map(|bytes| bytes as f64 / 1e6);
        text.push_str(&format!("{:>10}\n", cell(peak)));
    }
    for ratios in &row.ratios {
        let note = if ratios.to == Target::Haproxy { ", a floor" } else { "" };
        let figures = [ratios.rate, ratios.p50, ratios.p99, ratios.cpu];
        let line = |label: &str, write: fn(Spread) -> String| {
            let mut line = format!("  {label:<width$}", width = LABEL - 2);
            for figure in figures {
                line.push_str(&format!("{:>12}", figure.map_or_else(|| "-".to_owned(), write)));
            }
            line + "\n"
        };
        let label = format!("proxy to {}{note}", ratios.to.name());
        text.push_str(&line(&label, |spread| ratio(spread.median)));
        text.push_str(&line("  least..most", |spread| {
            format!("{}..{}", ratio(spread.least), ratio(spread.most))
        }));
    }
    text + &verdicts(&row.goals)
}

/// The part of a scenario of another kind.
pub(crate) fn finding(finding: &Finding) -> String {
    let widths: Vec<usize> =
        finding.columns.iter().map(|column| (column.len() + 2).max(12)).collect();
    let mut text = format!("\n{:<LABEL$}", finding.name);
    // A long name has a line of its own, and pushes no column aside.
    if finding.name.len() >= LABEL {
        text.push_str(&format!("\n{:<LABEL$}", ""));
    }
    for (column, width) in finding.columns.iter().zip(&widths) {
        text.push_str(&format!("{column:>width$}"));
    }
    text.push('\n');
    for line in &finding.lines {
        text.push_str(&format!("  {:<width$}", line.label, width = LABEL - 2));
        for (figure, width) in line.figures.iter().zip(&widths) {
            text.push_str(&format!("{:>width$}", cell(*figure)));
        }
        text.push('\n');
    }
    text + &verdicts(&finding.goals)
}

/// The end: every figure to reach, those that are not reached first. The quick form judges none.
pub(crate) fn end(results: &Results) -> String {
    let (met, missed): (Vec<_>, Vec<_>) = results.goals().partition(|(_, goal)| goal.met);
    if met.is_empty() && missed.is_empty() {
        return String::new();
    }
    let mut text = format!("\nFigures to reach: {} met, {} not\n", met.len(), missed.len());
    for (name, goal) in missed.iter().chain(&met) {
        text.push_str(&format!("  {:<LABEL$} {goal}\n", format!("{name}:")));
    }
    text
}

fn verdicts(goals: &[Goal]) -> String {
    goals.iter().map(|goal| format!("  {goal}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::tests::results;

    #[test]
    fn a_timed_scenario_shows_medians_ratios_and_verdicts() {
        let text = timed(&results().timed[0]);
        let expected = [
            "(redis-benchmark)",
            "proxy to original",
            "0.30..0.50",
            "a floor",
            "0.40, at most 0.40",
        ];
        for part in expected {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn columns_line_up() {
        let results = results();
        for text in [timed(&results.timed[0]), finding(&results.findings[0])] {
            let table = text.lines().skip(1).take_while(|line| !line.contains(", at "));
            let mut widths: Vec<usize> = table.map(str::len).collect();
            widths.dedup();
            assert!(widths.len() <= 2, "{widths:?} in\n{text}");
        }
    }

    #[test]
    fn what_is_not_reached_comes_first_at_the_end() {
        let text = end(&results());
        let first = text.lines().nth(2).expect("a verdict");
        assert!(text.contains("3 met, 2 not") && first.contains("NOT MET"), "{text}");
    }
}
