//! The project's own chores, each a subcommand with a folder or file of its own.
#![forbid(unsafe_code)]

mod arguments;
mod bench;
mod chaos;
mod ci;
mod clients;
mod commands;
mod demo;
mod failure;
mod form;
mod fuzz;
mod instructions;
mod interrupt;
mod metrics;
mod oracle;
mod page;
mod pattern;
mod ports;
mod proc;
mod random;
mod sanitize;
mod scratch;
mod servers;
mod simulation;
mod soak;
mod values;
mod wire;

use std::process::ExitCode;

use failure::{Failure, Result};

/// A chore: what it is called, what it does in a line, and the function that reads its options.
struct Chore {
    name: &'static str,
    summary: &'static str,
    run: fn(lexopt::Parser) -> Result<()>,
}

#[rustfmt::skip]
const CHORES: &[Chore] = &[
    Chore { name: "bench", summary: "the proxy, the original and others, side by side", run: bench::run },
    Chore { name: "chaos", summary: "real servers that fail under load, and every answer checked", run: chaos::run },
    Chore { name: "ci", summary: "everything that is checked before a change is good", run: ci::run },
    Chore { name: "clients", summary: "real client libraries at default settings, through the proxy", run: clients::run },
    Chore { name: "commands", summary: "writes the page of all commands from the tables", run: commands::run },
    Chore { name: "demo", summary: "servers, the proxy, a failure and a return, shown in a terminal", run: demo::run },
    Chore { name: "fuzz", summary: "inputs that break a promise, looked for with libFuzzer", run: fuzz::run },
    Chore { name: "instructions", summary: "what the hot paths cost, counted instead of timed", run: instructions::run },
    Chore { name: "metrics", summary: "writes the page of all metrics from the tables", run: metrics::run },
    Chore { name: "oracle", summary: "generated commands to Redis itself and through the proxy, compared", run: oracle::run },
    Chore { name: "sanitize", summary: "tests under sanitizers and, where it is installed, miri", run: sanitize::run },
    Chore { name: "simulation", summary: "seeded worlds of clients, servers and faults around the engine", run: simulation::run },
    Chore { name: "soak", summary: "generated streams to the original and the proxy, and all of it compared", run: soak::run },
];

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Interrupted) => ExitCode::from(interrupt::EXIT_CODE),
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Finds the chore that the first argument names, and runs it.
fn dispatch() -> Result<()> {
    interrupt::install().map_err(Failure::system("installing signal handlers"))?;
    let mut arguments = lexopt::Parser::from_env();
    let first = arguments.next().map_err(usage_error)?;
    let Some(lexopt::Arg::Value(name)) = first else {
        print!("{}", usage());
        return Ok(());
    };
    match CHORES.iter().find(|chore| name == chore.name) {
        Some(chore) => (chore.run)(arguments),
        None => Err(usage_error(format!("no chore is called '{}'", name.to_string_lossy()))),
    }
}

/// What can be run.
fn usage() -> String {
    let mut text = String::from("usage: cargo xtask CHORE [OPTIONS]\n\n");
    for chore in CHORES {
        text.push_str(&format!("  {:<12} {}\n", chore.name, chore.summary));
    }
    text.push_str("\nCHORE --help lists a chore's options.\n");
    text
}

/// A command line that cannot be followed.
fn usage_error(what: impl std::fmt::Display) -> Failure {
    Failure::Wrong(format!("{what}\n{}", usage()))
}
