//! `cargo xtask chaos`: real servers that fail under load, and every answer checked.
//!
//! ```text
//!  scenarios ── play ──┬── rig: servers, relays, the proxy
//!                      ├── client x 40 ── conversation ── known
//!                      └── hostile
//!                              │
//!                    tally ── outcome ── report
//! ```
//!
//! A client's values say which key and which set they belong to, so each answer is either right, a
//! true error, or a fault of the proxy's. What happens and what must hold is data (`scenarios.rs`).

mod accounts;
mod client;
mod conversation;
mod hostile;
mod known;
mod long;
mod options;
mod outcome;
mod play;
mod relay;
mod report;
mod rig;
mod scenario;
mod scenarios;
mod sixths;
mod speech;
mod tally;
mod verdicts;
mod world;
mod yardstick;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use options::Options;
use outcome::Outcome;
use play::Setting;
use scenario::{Limits, Scenario};

use crate::failure::{Failure, Result};
use crate::proc;

/// Added to a request's timeout before it counts as hung. Far above what a busy machine takes, and
/// still a client's patience.
const BOUND: Duration = Duration::from_secs(5);

/// The page of the docs.
const PAGE: &str = "docs/chaos.md";

/// Runs what the command line asks for.
///
/// # Errors
/// [`Failure::Wrong`] when a limit is broken.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    let Some(options) = Options::read(arguments)? else {
        print!("{}", options::HELP);
        return Ok(());
    };
    let chosen = chosen(&options)?;
    if options.list {
        chosen.iter().for_each(|scenario| println!("{}", scenario.name));
        return Ok(());
    }
    proc::raise_open_files_limit();
    let begun = Instant::now();
    let setting = Setting { program: &options.proxy, bound: BOUND, keeps_times: false };
    let mut skipped = Vec::new();
    println!("{}", report::heads());
    let mut outcomes = match options.long {
        Some(time) => {
            let runs = long::run(time, setting)?;
            if options.docs {
                report::write_long_page(&root().join(PAGE), &runs)?;
            }
            runs.into_iter().map(|run| run.outcome).collect()
        }
        None => {
            let lanes = if options.quick { chosen.len() } else { options.lanes };
            play_all(&chosen, lanes, setting, &mut skipped)?
        }
    };
    if let Some(original) = &options.original {
        outcomes.extend(play_original(original, setting)?);
    }
    for name in &skipped {
        println!("left out, for this proxy refuses its options: {name}");
    }
    if let Some(file) = &options.json {
        report::write_json(file, &outcomes)?;
    }
    if options.docs && options.long.is_none() {
        report::write_page(&root().join(PAGE), &outcomes, &skipped)?;
    }
    let broken: Vec<&str> = outcomes
        .iter()
        .filter(|outcome| !outcome.broken.is_empty())
        .map(|outcome| &*outcome.name)
        .collect();
    println!("{} scenarios in {:.0} s", outcomes.len(), begun.elapsed().as_secs_f64());
    if broken.is_empty() {
        return Ok(());
    }
    Err(Failure::Wrong(format!(
        "limits are broken in: {}. One alone: cargo xtask chaos --only '{}'",
        broken.join(", "),
        broken[0]
    )))
}

/// The project's folder.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the root")
}

/// The scenarios that are asked for.
fn chosen(options: &Options) -> Result<Vec<Scenario>> {
    let chosen: Vec<Scenario> = scenarios::all()
        .into_iter()
        .filter(|one| !options.quick || one.is_quick)
        .filter(|one| options.only.as_ref().is_none_or(|text| one.name.contains(&**text)))
        .collect();
    if chosen.is_empty() {
        return Err(Failure::Wrong(
            "no scenario has that in its name; --list tells them".to_owned(),
        ));
    }
    Ok(chosen)
}

/// Plays them, so many side by side, and tells of each when it is over. Each lane is a thread that
/// outlives the servers of its scenarios (see `proc.rs`).
fn play_all(
    scenarios: &[Scenario],
    lanes: usize,
    setting: Setting<'_>,
    skipped: &mut Vec<String>,
) -> Result<Vec<Outcome>> {
    let next = AtomicUsize::new(0);
    let told = Mutex::new(Vec::new());
    let lane = || {
        while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::SeqCst)) {
            let outcome = play::play(scenario, setting)?;
            let mut told = told.lock().expect("nobody panics while telling");
            if let Some(outcome) = &outcome {
                report::lines(outcome).iter().for_each(|line| println!("{line}"));
            }
            told.push((&scenario.name, outcome));
        }
        Ok(())
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().try_for_each(|lane| lane.join().expect("a scenario does not panic"))
    })?;
    let mut told = told.into_inner().expect("nobody panics while telling");
    told.sort_by_key(|(name, _)| scenarios.iter().position(|one| one.name == **name));
    let left_out = told.iter().filter(|(_, outcome)| outcome.is_none());
    skipped.extend(left_out.map(|(name, _)| (*name).clone()));
    Ok(told.into_iter().filter_map(|(_, outcome)| outcome).collect())
}

/// The named script, played by the original: its figures are for comparison, and break nothing.
fn play_original(program: &Path, setting: Setting<'_>) -> Result<Vec<Outcome>> {
    const ANY: Limits = Limits {
        wrong: u64::MAX,
        lost: u64::MAX,
        duplicated: u64::MAX,
        hung: u64::MAX,
        unreached: u64::MAX,
        errors_healthy: None,
        peak: None,
        ..Limits::STRICT
    };
    let named = scenarios::all().into_iter().filter(|one| {
        one.name.starts_with(scenarios::NAMED) && one.lines.is_empty() && one.workers == 1
    });
    let mut outcomes = Vec::new();
    for scenario in named {
        let scenario = Scenario {
            name: format!("{}, the original", scenario.name),
            limits: ANY,
            goals: Vec::new(),
            ..scenario
        };
        let setting = Setting { program, ..setting };
        if let Some(mut outcome) = play::play(&scenario, setting)? {
            outcome.broken.clear();
            report::lines(&outcome).iter().for_each(|line| println!("{line}"));
            outcomes.push(outcome);
        }
    }
    Ok(outcomes)
}
