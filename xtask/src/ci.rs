//! `cargo xtask ci`: everything that is checked before a change is good, in one command.
//!
//! Cheap checks come first. Each step is a command that anyone can type, and is printed as such.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::failure::{Failure, Result};

/// The release of cargo-deny that `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";

/// Where tools of the checks are installed: beside what is built, so that `make clean` takes them.
const TOOLS: &str = "target/tools";

/// One step: what it promises, and the command that checks it.
struct Step {
    promise: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

const fn cargo(promise: &'static str, arguments: &'static [&'static str]) -> Step {
    Step { promise, program: "cargo", arguments, environment: &[] }
}

#[rustfmt::skip]
const STEPS: &[Step] = &[
    cargo("the code is formatted", &["fmt", "--all", "--check"]),
    cargo("clippy has nothing to say", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
    // The bench and the demo run this binary; building it first lets the tests use it as well.
    cargo("the release builds", &["build", "--release", "--package", "nutcracker", "--package", "xtask", "--quiet"]),
    cargo("the tests pass", &["test", "--workspace", "--quiet"]),
    Step { promise: "whatever the seed, the simulation holds", program: "target/release/xtask", arguments: &["simulation", "--seconds", "15"], environment: &[] },
    Step {
        promise: "the documentation builds, every link of it",
        program: "cargo",
        arguments: &["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    Step {
        promise: "dependencies keep to deny.toml",
        program: "target/tools/bin/cargo-deny",
        arguments: &["--all-features", "check", "bans", "licenses", "sources"],
        environment: &[],
    },
    Step { promise: "no input that is found in a minute breaks a promise", program: "target/release/xtask", arguments: &["fuzz", "--seconds", "60"], environment: &[] },
    Step { promise: "no hot path takes more instructions than recorded", program: "target/release/xtask", arguments: &["instructions"], environment: &[] },
    Step { promise: "the demo ends well", program: "target/release/xtask", arguments: &["demo", "--once"], environment: &[] },
    Step { promise: "what the original answers is answered here", program: "target/release/xtask", arguments: &["soak", "--quick"], environment: &[] },
    Step { promise: "whatever fails, every answer is its own", program: "target/release/xtask", arguments: &["chaos", "--quick"], environment: &[] },
    Step { promise: "what Redis answers is answered through the proxy", program: "target/release/xtask", arguments: &["oracle", "--quick"], environment: &[] },
    Step { promise: "client libraries of today are at home", program: "target/release/xtask", arguments: &["clients", "--quick"], environment: &[] },
    Step { promise: "each bench answers right", program: "target/release/xtask", arguments: &["bench", "--quick"], environment: &[] },
];

/// Runs all steps; stops at the first that fails.
///
/// # Errors
/// Names the step, and the command to repeat it with.
pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<()> {
    if let Some(extra) = arguments.next().map_err(|error| Failure::Wrong(error.to_string()))? {
        return Err(Failure::Wrong(format!("ci takes no options, found {extra:?}")));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the root");
    env::set_current_dir(root).map_err(Failure::system("entering the project's folder"))?;
    let begun = Instant::now();
    install_cargo_deny()?;
    for step in STEPS {
        check(step)?;
    }
    println!("\nall of it holds ({:.0} s)", begun.elapsed().as_secs_f64());
    Ok(())
}

fn check(step: &Step) -> Result<()> {
    let Step { promise, program, arguments, environment } = step;
    let line = format!("{program} {}", arguments.join(" "));
    println!("\n== {promise}\n   {line}");
    let begun = Instant::now();
    let status = Command::new(program)
        .args(*arguments)
        .envs(environment.iter().copied())
        .status()
        .map_err(Failure::system(*program))?;
    if !status.success() {
        return Err(Failure::Wrong(format!("not so: {promise}. Repeat it with: {line}")));
    }
    println!("   yes ({:.1} s)", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Installs cargo-deny below `target` when that release is not there. A debug build: it runs for a
/// second, and builds in a minute instead of five.
fn install_cargo_deny() -> Result<()> {
    check(&Step {
        promise: "cargo-deny is there",
        program: "cargo",
        arguments: &[
            "install",
            "--quiet",
            "--locked",
            "--debug",
            "--root",
            TOOLS,
            "--version",
            CARGO_DENY,
            "cargo-deny",
        ],
        environment: &[],
    })
}
