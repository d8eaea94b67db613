//! The side-by-side bench: the original, the proxy and no proxy at all, in one run.
//!
//! Figures of two runs do not compare: machines and days differ. So every scenario visits each
//! target in turn, several times over, and what counts are the ratios within a round; the report
//! gives their median, least and most, beside the figure that must be reached.
//!
//! | file | what it owns |
//! |---|---|
//! | `scenario.rs` | the table of scenarios and the figures to reach |
//! | `workload.rs` | requests, and the responses that are right |
//! | `rig.rs` | the servers, the targets in front of them, the cores they run on |
//! | `timed.rs`, `memory.rs` | running a scenario for its times, for its memory |
//! | `load.rs`, `redis_benchmark.rs` | the two load generators |
//! | `usage.rs`, `spread.rs` | reading `/proc`; medians |
//! | `report.rs`, `options.rs` | the table and the JSON; the command line |
//!
//! The quick form (`--quick`) runs every line of this in under a minute. It fails on wrong answers
//! and never on times, so it holds on any machine.

mod load;
mod memory;
mod options;
mod redis_benchmark;
mod report;
mod rig;
mod scenario;
mod spread;
mod timed;
mod usage;
mod workload;

use options::Options;
use redis_benchmark::RedisBenchmark;
use report::Report;
use rig::Rig;
use scenario::{MEMORY_SCENARIOS, SCENARIOS};
use workload::{Operation, Workload};

use crate::failure::{Failure, Result};

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
    let timed: Vec<_> = SCENARIOS.iter().filter(|row| options.includes(row.name)).collect();
    let weighed: Vec<_> =
        MEMORY_SCENARIOS.iter().filter(|row| options.includes(row.name)).collect();
    if timed.is_empty() && weighed.is_empty() {
        let all = SCENARIOS.iter().map(|row| row.name);
        let all: Vec<_> = all.chain(MEMORY_SCENARIOS.iter().map(|row| row.name)).collect();
        return Err(Failure::Wrong(format!("no scenario fits; there are:\n{}", all.join("\n"))));
    }

    let rig = Rig::start(&options.original, &options.proxy)?;
    let benchmark = RedisBenchmark::find(rig.folder())?;
    let mut stored: Vec<Workload> = Vec::new();
    let workloads = timed.iter().map(|row| row.workload);
    for workload in workloads.chain(weighed.iter().map(|row| row.workload)) {
        // Reading one key or many needs the same keys.
        let keys = Workload { operation: Operation::Get, ..workload };
        if workload.is_reading() && !stored.contains(&keys) {
            rig.preload(&keys)?;
            stored.push(keys);
        }
    }

    let mut report = Report::new(&options, rig.proxy_core());
    report.print_head();
    for scenario in timed {
        let visits = timed::run(&rig, &benchmark, scenario, options.rounds, options.visit)?;
        report.add_timed(scenario, visits);
    }
    for scenario in weighed {
        if let Some(why) = rig.cannot_hold(scenario)? {
            report.skip(scenario, &why);
            continue;
        }
        report.add_weighed(scenario, memory::run(&rig, scenario, options.quick)?);
    }
    report.print_end();
    report.write_json(options.json.as_deref())
}
