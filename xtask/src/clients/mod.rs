//! The clients: real client libraries at their default settings, each from its registry, through the
//! proxy; and, as a control of our own scripts, straight to a server.
//!
//! | file | what it owns |
//! |---|---|
//! | `libraries.rs`, `cells.rs` | the libraries, and what is tried with each |
//! | `install.rs` | getting a library below the target folder |
//! | `rig.rs` | servers and proxy |
//! | `play.rs`, `said.rs` | a library's script, run, and what it said |
//! | `known.rs` | what is known not to work, which is data |
//! | `report.rs`, `page.rs`, `options.rs` | what a run came to, `docs/clients.md`, the command line |
//!
//! What is tried is written in each library's own language, in `xtask/data/clients/`.

mod cells;
mod install;
mod known;
mod libraries;
mod options;
mod page;
mod play;
mod report;
mod rig;
mod said;

use std::fs;
use std::time::Instant;

use known::Known;
use libraries::Library;
use options::Options;
use report::{Report, Row};
use rig::Rig;

use crate::failure::{Failure, Result};

/// The page, below the root.
const PAGE: &str = "docs/clients.md";

/// Tries libraries as the rest of the command line asks.
///
/// # Errors
/// A cell that fails and is not known to, a proxy or server that ends or does not come up, an option
/// that does not exist, Ctrl-C; with `--quick` a library that cannot be installed.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    let Some(options) = Options::read(arguments)? else {
        print!("{}", options::HELP);
        return Ok(());
    };
    let begun = Instant::now();
    let known = Known::read()?;
    let mut rig = Rig::start(options.proxy.as_deref())?;
    let mut report = Report::default();
    for library in libraries::ALL.iter().filter(|library| options.wants(library)) {
        let row = attempt(library, &options, &mut rig)?;
        for line in report.add(row, &known, options.proxy.is_none()) {
            println!("{line}");
        }
        rig.expect_running()?;
    }
    println!("{}; took {:.0} s", report.summary(), begun.elapsed().as_secs_f64());
    if options.writes_docs {
        let path = install::root().join(PAGE);
        let page = page::page(&report, &known);
        fs::write(&path, page).map_err(Failure::system(format!("writing {PAGE}")))?;
    }
    match report.wrong(options.is_quick) {
        0 => Ok(()),
        wrong => Err(Failure::Wrong(format!(
            "{wrong} things above are not as they should be. Each is a fault of ours, or one that \
             xtask/data/clients/known.json lacks; CONTRIBUTING.md says how to tell"
        ))),
    }
}

/// Installs a library and plays its script.
fn attempt(library: &'static Library, options: &Options, rig: &mut Rig) -> Result<Row> {
    let begun = Instant::now();
    let prepared = match install::prepare(library, options.is_fresh) {
        Ok(prepared) => prepared,
        Err(Failure::Interrupted) => return Err(Failure::Interrupted),
        Err(failure) => return Ok(Row::not_installed(library, failure.to_string())),
    };
    let installed = begun.elapsed();
    rig.empty()?;
    let begun = Instant::now();
    let played = play::play(library, &prepared, rig)?;
    Ok(Row::played(library, played, installed, begun.elapsed()))
}
