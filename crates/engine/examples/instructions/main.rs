//! Work to be counted: the hot paths as named scenarios, each repeated as often as asked.
//!
//! `cargo xtask instructions` builds this in the release profile and runs it under valgrind, which
//! counts instructions. A scenario is prepared, warmed up and then repeated; a run with twice the
//! laps differs from one with once the laps by those laps alone, whatever getting ready costs. All
//! is the same in every run: no clock is read on the way, nothing is drawn at random, and no hash
//! table has a seed.
//!
//! What a kernel would do costs nothing but small copies: bytes that come in are copied to where a
//! read would put them, and those that go out are counted.
//!
//! | file | what it owns |
//! |---|---|
//! | `scenarios.rs` | the table |
//! | `pieces.rs` | parsing, routing, splitting, gathering: one step alone |
//! | `turns.rs` | whole turns of an engine under a load |
//! | `stage.rs` | the engine, and the shell around it that makes no system call |
//! | `wire.rs` | what clients ask and servers answer |
//!
//! ```text
//! instructions             the scenarios: name, laps to count; requests, keys, bytes a lap
//! instructions NAME LAPS   prepares a scenario and repeats it
//! ```

mod pieces;
mod scenarios;
mod stage;
mod turns;
mod wire;

use std::process::ExitCode;

use scenarios::{SCENARIOS, Scenario};

/// Laps before those that are asked for: buffers have found their size then, and tables theirs.
const WARM_UP_LAPS: u32 = 4;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => {
            for row in SCENARIOS {
                let Scenario { name, laps, requests, keys, bytes, .. } = row;
                println!("{name}\t{laps}\t{requests}\t{keys}\t{bytes}");
            }
            ExitCode::SUCCESS
        }
        [name, laps] => {
            match (SCENARIOS.iter().find(|row| row.name == name), laps.parse::<u32>()) {
                (Some(scenario), Ok(laps)) => {
                    let mut lap = (scenario.prepare)();
                    for _ in 0..WARM_UP_LAPS + laps {
                        lap();
                    }
                    ExitCode::SUCCESS
                }
                (None, _) => fail(&format!("no scenario is called '{name}'")),
                (_, Err(_)) => fail(&format!("'{laps}' is not a number of laps")),
            }
        }
        _ => fail("usage: instructions [NAME LAPS]"),
    }
}

fn fail(what: &str) -> ExitCode {
    eprintln!("instructions: {what}");
    ExitCode::FAILURE
}
