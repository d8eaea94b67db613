//! The side-by-side bench: the original, the proxy, other proxies and no proxy at all, in one run.
//!
//! Figures of two runs do not compare: machines and days differ. So every scenario visits each
//! target in turn, several times over, and what counts are the ratios within a round; the report
//! gives their median, least and most, beside the figure that must be reached.
//!
//! | file | what it owns |
//! |---|---|
//! | `scenario.rs` | the table of timed scenarios and the figures to reach |
//! | `comparison.rs`, `large.rs`, `dealing.rs`, `memory.rs`, `idle.rs` | scenarios of other kinds, each with its table and figures |
//! | `workload.rs`, `script.rs` | requests, and the responses that are right |
//! | `target.rs`, `configuration.rs`, `front.rs` | whom the load goes to, and how they are set up |
//! | `rig.rs` | the servers, the targets in front of them, the cores they run on |
//! | `timed.rs` | running a timed scenario |
//! | `load.rs`, `crowd.rs`, `redis_benchmark.rs`, `memaslap.rs` | the load tools, two of them our own |
//! | `usage.rs`, `spread.rs`, `samples.rs`, `goal.rs`, `finding.rs` | reading `/proc`; medians, ratios, verdicts |
//! | `results.rs`, `machine.rs` | everything that was found, and its JSON |
//! | `report.rs`, `page.rs`, `plot.rs`, `svg.rs`, `figures.rs` | the same for a terminal, a page, as plots |
//! | `options.rs` | the command line |
//!
//! The quick form (`--quick`) runs every line of this in under a minute. It fails on wrong answers
//! and never on times, so it holds on any machine.

mod comparison;
mod configuration;
mod crowd;
mod dealing;
mod figures;
mod finding;
mod front;
mod goal;
mod idle;
mod large;
mod load;
mod machine;
mod memaslap;
mod memory;
mod options;
mod paced;
mod page;
mod plot;
mod redis_benchmark;
mod report;
mod results;
mod rig;
mod samples;
mod scenario;
mod script;
mod spread;
mod svg;
mod target;
mod timed;
pub(crate) mod usage;
mod workload;

use std::fs;

use comparison::{COMPARISONS, Comparison};
use machine::Machine;
use memory::{WEIGHED, Weighed};
use options::Options;
use plot::PLOTS;
use results::Results;
use rig::Rig;
use samples::Timed;
use scenario::{SCENARIOS, Scenario};
use timed::Tools;

use crate::failure::{Failure, Result};

/// A scenario of any kind.
#[derive(Debug)]
enum Row {
    Timed(&'static Scenario),
    Comparison(&'static Comparison),
    Large,
    Dealing,
    Weighed(&'static Weighed),
    WakeUps,
    Start,
}

impl Row {
    /// All of them, in the order of the report.
    fn all() -> Vec<Self> {
        let mut rows: Vec<Self> = SCENARIOS.iter().map(Self::Timed).collect();
        rows.push(Self::Large);
        rows.extend(COMPARISONS.iter().map(Self::Comparison));
        rows.push(Self::Dealing);
        rows.extend(WEIGHED.iter().map(Self::Weighed));
        rows.extend([Self::WakeUps, Self::Start]);
        rows
    }

    /// What the report calls it, and what `--only` looks in.
    fn name(&self) -> &'static str {
        match self {
            Self::Timed(row) => row.name,
            Self::Comparison(row) => row.name,
            Self::Large => large::NAME,
            Self::Dealing => dealing::NAME,
            Self::Weighed(row) => row.name,
            Self::WakeUps => idle::WAKE_UPS,
            Self::Start => idle::START,
        }
    }

    /// How many connections it has at once at most, and how many bytes of memory a target may need.
    fn needs(&self, quick: bool) -> (usize, u64) {
        match self {
            Self::Timed(row) => (row.clients, 0),
            Self::Comparison(row) => (row.connections(quick), 0),
            Self::Weighed(row) => row.needs(quick),
            Self::Large | Self::Dealing | Self::WakeUps | Self::Start => (0, 0),
        }
    }
}

/// Runs the bench as the rest of the command line asks. A figure that is not reached is reported
/// and is no failure.
///
/// # Errors
/// A wrong answer, a server that does not come up, an option that does not exist, Ctrl-C.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    let Some(options) = Options::read(arguments)? else {
        print!("{}", options::HELP);
        return Ok(());
    };
    let results = match &options.from {
        Some(file) => show(file)?,
        None => measure(&options)?,
    };
    print!("{}", report::end(&results));
    write(&options, &results)
}

/// Prints the results of an earlier run.
fn show(file: &std::path::Path) -> Result<Results> {
    let results = Results::read(file)?;
    print!("{}", report::head(&results));
    results.timed.iter().for_each(|row| print!("{}", report::timed(row)));
    results.findings.iter().for_each(|row| print!("{}", report::finding(row)));
    results.skipped.iter().for_each(|line| println!("\n{line}"));
    Ok(results)
}

/// Runs the scenarios that are asked for, and prints each one's results as they come.
fn measure(options: &Options) -> Result<Results> {
    let rows: Vec<Row> =
        Row::all().into_iter().filter(|row| options.includes(row.name())).collect();
    if rows.is_empty() {
        let all: Vec<_> = Row::all().iter().map(Row::name).collect();
        return Err(Failure::Wrong(format!("no scenario fits; there are:\n{}", all.join("\n"))));
    }
    let binaries = options.binaries.find()?;
    let mut rig = Rig::start(&binaries)?;
    let tools = Tools::find(&rig)?;
    let machine = Machine::look(rig.proxy_core());
    let mut results = Results::new(options, machine, machine::versions(&binaries));
    print!("{}", report::head(&results));
    for row in rows {
        let (connections, memory) = row.needs(options.quick);
        if let Some(why) = rig.cannot_hold(connections, memory)? {
            let line = format!("{}: left out, {why}", row.name());
            println!("\n{line}");
            results.skipped.push(line);
            continue;
        }
        let finding = match row {
            Row::Timed(row) => {
                let (rounds, visit) = (options.rounds, options.visit);
                let visits = timed::run(&mut rig, &tools, row, rounds, visit)?;
                let row = Timed::new(row, visits, options.quick);
                print!("{}", report::timed(&row));
                results.timed.push(row);
                continue;
            }
            Row::Comparison(row) => comparison::run(&mut rig, row, options)?,
            Row::Large => large::run(&mut rig, options)?,
            Row::Dealing => dealing::run(&mut rig, options)?,
            Row::Weighed(row) => memory::run(&mut rig, row, options.quick)?,
            Row::WakeUps => idle::wake_ups(&mut rig, options)?,
            Row::Start => idle::starts(&mut rig, options)?,
        };
        print!("{}", report::finding(&finding));
        results.findings.push(finding);
    }
    Ok(results)
}

/// Writes the results as JSON, as Markdown and as plots, and into the project's page if asked to.
///
/// # Errors
/// The system's, or results of the quick form that were to go into the page.
fn write(options: &Options, results: &Results) -> Result<()> {
    if options.docs && results.settings.quick {
        let why = "these results are of the quick form, whose times mean nothing: not for the docs";
        return Err(Failure::Wrong(why.to_owned()));
    }
    let folder = &options.out;
    fs::create_dir_all(folder).map_err(Failure::system(format!("making {}", folder.display())))?;
    let json = results.to_json()?;
    let mut files = vec![(folder.join("results.json"), json.clone())];
    files.extend(options.json.iter().map(|file| (file.clone(), json.clone())));
    files.extend(PLOTS.iter().map(|plot| (folder.join(plot.file), plot.draw(results))));
    if options.docs {
        page::write(&options::docs_folder().join("performance.md"), "performance/", results)?;
    } else {
        files.push((folder.join("results.md"), page::markdown(results, "")));
    }
    for (file, text) in files {
        fs::write(&file, text).map_err(Failure::system(format!("writing {}", file.display())))?;
    }
    println!("\nresults and plots: {}", folder.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_scenario_has_a_name_of_its_own() {
        let mut seen = BTreeSet::new();
        for row in Row::all() {
            assert!(seen.insert(row.name()), "two scenarios are called {}", row.name());
        }
    }
}
