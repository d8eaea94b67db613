//! `cargo xtask fuzz`: looks for inputs that break a promise, with libFuzzer and a stable compiler.
//!
//! The targets are those of `fuzz/`. What makes them see which code an input reaches is a pass of the
//! compiler's back end that stable compilers have too; `build.rs` asks for it as cargo-fuzz does. So many
//! run side by side as there are cores, each for so many seconds, beginning with the seeds of the
//! repository and with what earlier runs have found.
//!
//! | file | what it owns |
//! |---|---|
//! | `build.rs` | the instrumented build |
//! | `hunt.rs` | one target's run, and what came of it |
//! | `options.rs` | the command line |

mod build;
mod hunt;
mod options;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

pub(crate) use build::host;
use hunt::{Hunt, Outcome};
use options::Options;

use crate::failure::{Failure, Result};

/// Builds the targets and runs those that are asked for.
///
/// # Errors
/// [`Failure::Wrong`] when an input breaks a promise, takes too long or too much memory.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    let Some(options) = Options::read(arguments)? else {
        print!("{}", options::HELP);
        return Ok(());
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the root");
    let all = build::targets(root)?;
    let is_wanted = |name: &&String| options.only.as_ref().is_none_or(|part| name.contains(part));
    let chosen: Vec<&String> = all.iter().filter(is_wanted).collect();
    if chosen.is_empty() {
        return Err(Failure::Wrong(format!("no target fits; there are: {}", all.join(", "))));
    }
    let folder = build::build(root)?;
    println!(
        "{} targets, {} s each, {} at a time",
        chosen.len(),
        options.seconds,
        options.jobs.min(chosen.len())
    );
    let hunts: Vec<Hunt> = chosen
        .iter()
        .map(|name| Hunt::new(root, &folder, name, options.seconds))
        .collect::<Result<_>>()?;
    let outcomes = hunt_all(&hunts, options.jobs)?;
    let broken: Vec<String> =
        outcomes.iter().filter_map(|outcome| outcome.broken.clone()).collect();
    if broken.is_empty() {
        return Ok(());
    }
    Err(Failure::Wrong(broken.join("\n")))
}

/// Runs so many at a time, each lane on a thread that outlives its children (see `proc.rs`), and tells
/// of each when it is over.
fn hunt_all(hunts: &[Hunt], lanes: usize) -> Result<Vec<Outcome>> {
    let next = AtomicUsize::new(0);
    let told = Mutex::new(Vec::new());
    let lane = || {
        while let Some(hunt) = hunts.get(next.fetch_add(1, Ordering::SeqCst)) {
            let outcome = hunt.run()?;
            println!("{}", outcome.line);
            told.lock().expect("nobody panics while telling").push(outcome);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes.min(hunts.len())).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().try_for_each(|lane| lane.join().expect("a lane does not panic"))
    })?;
    Ok(told.into_inner().expect("nobody panics while telling"))
}
