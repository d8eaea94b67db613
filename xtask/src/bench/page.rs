//! The results as a part of a page: Markdown, between two marks of `docs/performance.md`.

use std::fs;
use std::path::Path;

use super::figures::{cell, ratio};
use super::finding::Finding;
use super::plot::PLOTS;
use super::results::Results;
use super::samples::{Ratios, Timed, cpu_goal};
use super::spread::Spread;
use super::target::Target;
use crate::failure::{Failure, Result};

/// The line above the results.
const BEGIN: &str = "<!-- results: begin; `make bench DOCS=1` writes this part -->";
/// The line below them.
const END: &str = "<!-- results: end -->";

/// Puts `results` between the marks of the page in `file`. `folder` is where the plots and the JSON
/// are, as seen from the page.
///
/// # Errors
/// The system's, or a page without its marks.
pub(crate) fn write(file: &Path, folder: &str, results: &Results) -> Result<()> {
    let name = file.display();
    let page = fs::read_to_string(file).map_err(Failure::system(format!("reading {name}")))?;
    let page = replace(&page, &markdown(results, folder)).ok_or_else(|| {
        Failure::Wrong(format!("{name} has no two lines '{BEGIN}' and '{END}', in this order"))
    })?;
    fs::write(file, page).map_err(Failure::system(format!("writing {name}")))
}

/// The page with `text` between the marks; `None` without them.
fn replace(page: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{text}{END}{after}"))
}

/// The results as Markdown.
pub(crate) fn markdown(results: &Results, folder: &str) -> String {
    let mut text = how(results, folder);
    if !results.timed.is_empty() {
        for plot in PLOTS {
            text.push_str(&format!("![{}]({folder}{})\n\n", plot.title, plot.file));
        }
        text.push_str("### CPU time\n\n");
        text.push_str(&cpu_table(results));
        text.push_str("\n### Rate and latency\n\n");
        text.push_str(&rate_table(results));
    }
    for row in &results.findings {
        text.push_str(&finding(row));
    }
    if !results.skipped.is_empty() {
        text.push_str("\n### Left out\n\n");
        for line in &results.skipped {
            text.push_str(&format!("- {}\n", plain(line)));
        }
    }
    text
}

/// On what it was measured, and with what command.
fn how(results: &Results, folder: &str) -> String {
    let (machine, settings) = (&results.machine, &results.settings);
    let place = match machine.proxy_core {
        Some(_) => "the proxy under test on one of them, servers and load on the rest",
        None => "proxy, servers and load on the same",
    };
    let versions: Vec<String> =
        results.versions.iter().map(|one| format!("{} {}", one.program, one.version)).collect();
    let only = settings.only.as_ref().map_or_else(String::new, |part| format!(" ONLY='{part}'"));
    let predixy = if results.has(Target::Predixy) { " PREDIXY=..." } else { "" };
    let (met, all) = results
        .goals()
        .fold((0, 0), |(met, all), (_, goal)| (met + usize::from(goal.met), all + 1));
    let mut text = format!(
        "One run of `make bench DOCS=1{}{predixy}` on {} cores of {},\nLinux {}: {place}.\n\
         {} rounds of {} s a visit.\n\
         {}.\n\
         Figures are medians; ratios are taken within a round, and stand with the least and the\n\
         most. All that was measured is in [results.json]({folder}results.json).\n\n\
         {met} of {all} figures to reach are met.\n\n",
        plain(&only),
        machine.cores,
        plain(&machine.cpu),
        machine.kernel,
        settings.rounds,
        settings.visit_seconds,
        versions.join(", "),
    );
    if !results.has(Target::Predixy) {
        text.push_str("predixy did not take part: no binary was named.\n\n");
    }
    text
}

fn cpu_table(results: &Results) -> String {
    let with_predixy = results.has(Target::Predixy);
    let mut heads = vec!["load", "original", "here", "to the original", "to reach", ""];
    if with_predixy {
        heads.extend(["predixy", "to predixy"]);
    }
    heads.extend(["HAProxy, a floor", "to HAProxy"]);
    let mut text =
        "Microseconds a request, user and system time of the proxy's process.\n\n".into();
    text = table_head(text, &heads);
    for row in &results.timed {
        let micros = |target| cell(row.median(target, |sample| sample.cpu));
        let judged = |target| {
            let ratio = spread_median(row, target, |ratios| ratios.cpu);
            match goal_cells(row, &cpu_goal(target)) {
                Some([bound, verdict]) => format!("{ratio}, {bound}: {verdict}"),
                None => ratio,
            }
        };
        let mut cells = vec![
            plain(&row.name),
            micros(Target::Original),
            micros(Target::Proxy),
            spread_bold(row, |ratios| ratios.cpu),
        ];
        cells.extend(goal_cells(row, &cpu_goal(Target::Original)).unwrap_or_else(no_goal));
        if with_predixy {
            cells.extend([micros(Target::Predixy), judged(Target::Predixy)]);
        }
        cells.extend([micros(Target::Haproxy), judged(Target::Haproxy)]);
        text.push_str(&table_row(&cells));
    }
    text
}

fn rate_table(results: &Results) -> String {
    let mut text = String::from(
        "To the original's, which requests a second should be at least and p99 at most.\n\n",
    );
    let heads = ["load", "made by", "requests/s", "to the original", "", "p50", "p99", ""];
    text = table_head(text, &heads);
    for row in &results.timed {
        let [_, rate_verdict] = goal_cells(row, "requests/s").unwrap_or_else(no_goal);
        let [_, p99_verdict] = goal_cells(row, "p99").unwrap_or_else(no_goal);
        text.push_str(&table_row(&[
            plain(&row.name),
            plain(&row.tool),
            cell(row.median(Target::Proxy, |sample| Some(sample.rate))),
            spread_bold(row, |ratios| ratios.rate),
            rate_verdict,
            spread_median(row, Target::Original, |ratios| ratios.p50),
            spread_bold(row, |ratios| ratios.p99),
            p99_verdict,
        ]));
    }
    text
}

/// A scenario of another kind: a table, and its verdicts as a list.
fn finding(finding: &Finding) -> String {
    let mut text = format!("\n### {}\n\n", plain(&capitalized(&finding.name)));
    let mut heads = vec![""];
    heads.extend(finding.columns.iter().map(String::as_str));
    text = table_head(text, &heads);
    for line in &finding.lines {
        let mut cells = vec![plain(&line.label)];
        cells.extend(line.figures.iter().map(|figure| cell(*figure)));
        text.push_str(&table_row(&cells));
    }
    if !finding.goals.is_empty() {
        text.push('\n');
    }
    for goal in &finding.goals {
        text.push_str(&format!("- {}\n", plain(&goal.to_string())));
    }
    text
}

/// The bound and the verdict of one of a scenario's goals, where it has it.
fn goal_cells(row: &Timed, name: &str) -> Option<[String; 2]> {
    let goal = row.goals.iter().find(|goal| goal.figure == name)?;
    Some([goal.bound.to_string(), goal.verdict().to_owned()])
}

/// The cells of a goal that a scenario does not have.
fn no_goal() -> [String; 2] {
    ["-".to_owned(), "-".to_owned()]
}

fn spread_median(row: &Timed, to: Target, of: fn(&Ratios) -> Option<Spread>) -> String {
    let spread = row.ratios_to(to).and_then(of);
    spread.map_or_else(|| "-".to_owned(), |spread| ratio(spread.median))
}

fn spread_bold(row: &Timed, of: fn(&Ratios) -> Option<Spread>) -> String {
    row.ratios_to(Target::Original).and_then(of).map_or_else(
        || "-".to_owned(),
        |Spread { median, least, most }| {
            format!("**{}** ({} to {})", ratio(median), ratio(least), ratio(most))
        },
    )
}

fn table_head(mut text: String, heads: &[&str]) -> String {
    let heads: Vec<String> = heads.iter().map(|head| plain(head)).collect();
    text.push_str(&table_row(&heads));
    text.push_str(&format!("|{}\n", "---|".repeat(heads.len())));
    text
}

fn table_row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// A name as a heading has it.
fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Text that Markdown takes as it is.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::tests::results;

    #[test]
    fn only_what_is_between_the_marks_is_replaced_and_again_gives_the_same() {
        let page = format!("above\n{BEGIN}\nold\n{END}\nbelow\n");
        let once = replace(&page, "new\n").expect("marks");
        assert_eq!(once, format!("above\n{BEGIN}\nnew\n{END}\nbelow\n"));
        assert_eq!(replace(&once, "new\n").as_deref(), Some(once.as_str()));
    }

    #[test]
    fn a_page_without_its_marks_is_left_alone() {
        for page in ["", BEGIN, END, &format!("{END}\n{BEGIN}\n")] {
            assert_eq!(replace(page, "new\n"), None, "{page:?}");
        }
    }

    #[test]
    fn the_page_has_its_marks() {
        let file = super::super::options::docs_folder().join("performance.md");
        let page = fs::read_to_string(file).expect("the page");
        assert!(replace(&page, "").is_some(), "docs/performance.md has lost its marks");
    }

    #[test]
    fn every_row_of_a_table_has_as_many_cells_as_its_head() {
        let text = markdown(&results(), "performance/");
        let tables = text.split("\n\n").filter(|part| part.starts_with('|'));
        let mut count = 0;
        for table in tables {
            let cells: Vec<usize> =
                table.lines().map(|line| line.replace("\\|", "").matches('|').count()).collect();
            assert!(cells.iter().all(|count| *count == cells[0]), "{cells:?} in\n{table}");
            count += 1;
        }
        assert_eq!(count, 3, "two tables of loads and one of the other kind:\n{text}");
    }

    #[test]
    fn figures_verdicts_and_what_was_left_out_are_told() {
        let text = markdown(&results(), "performance/");
        let parts = [
            "**0.40** (0.30 to 0.50) | at most 0.40 | met",
            "### Growth: &lt;some>",
            "1.30, at most 1.20: NOT MET",
            "another: too little memory",
            "(performance/cpu.svg)",
            "2.00, at most 1.30: NOT MET",
            "3 of 5 figures",
        ];
        for part in parts {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
