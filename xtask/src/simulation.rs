//! The simulation: seeded worlds around the engine, lived for as long as asked; see
//! `crates/engine/tests/simulation.rs`, which does it.

use std::path::Path;
use std::process::Command;

use lexopt::{Arg, Parser};

use crate::arguments;
use crate::failure::{Failure, Result};

const HELP: &str = "\
usage: cargo xtask simulation [OPTIONS]

Lives worlds of clients, servers and faults around the engine, each drawn from a seed, and checks every
turn that all is as it should be. Prints how many worlds it lived a second, and how many of them have
seen each of the things that the simulation is about. The first world that fails ends the run and is
named with the command that lives it again.

  --seconds N    for so long, fresh seeds every time (default: 60)
  --threads N    worlds side by side (default: one a core)
  --seed N       lives the world of this seed alone
  --trace        with --seed: tells all that happens in it
  --help         this text
";

/// The chore whose options these are.
const CHORE: &str = "simulation";

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    seconds: Option<u64>,
    threads: Option<u64>,
    seed: Option<u64>,
    trace: bool,
}

/// Lives worlds.
///
/// # Errors
/// A bad option; or a world failed.
pub(crate) fn run(arguments: Parser) -> Result<()> {
    let Some(options) = Options::read(arguments)? else {
        print!("{HELP}");
        return Ok(());
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the root");
    let status = Command::new("cargo")
        .current_dir(root)
        .args(["test", "--quiet", "--profile", "simulation", "--package", "nutcracker-engine"])
        .args(["--test", "simulation", "--", "--nocapture", "_hold"])
        .envs(options.environment())
        .status()
        .map_err(Failure::system("cargo test"))?;
    crate::interrupt::check()?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::Wrong("a world failed: its seed is named above".into())),
    }
}

impl Options {
    /// Reads the rest of the command line; `None` when it asks for help.
    fn read(mut arguments: Parser) -> Result<Option<Self>> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next().map_err(wrong)? {
            match argument {
                Arg::Long("seconds") => {
                    options.seconds = Some(arguments::number(&mut arguments, CHORE, "seconds")?);
                }
                Arg::Long("threads") => {
                    options.threads = Some(arguments::number(&mut arguments, CHORE, "threads")?);
                }
                Arg::Long("seed") => {
                    options.seed = Some(arguments::number(&mut arguments, CHORE, "seed")?);
                }
                Arg::Long("trace") => options.trace = true,
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(wrong(other.unexpected())),
            }
        }
        if options.trace && options.seed.is_none() {
            return Err(wrong("--trace is for one world: name its --seed"));
        }
        if options.threads == Some(0) {
            return Err(wrong("--threads must be above 0"));
        }
        Ok(Some(options))
    }

    /// The same for the test.
    fn environment(&self) -> Vec<(&'static str, String)> {
        let mut set = vec![("SIMULATION_SECONDS", self.seconds.unwrap_or(60).to_string())];
        set.extend(self.threads.map(|threads| ("SIMULATION_THREADS", threads.to_string())));
        set.extend(self.seed.map(|seed| ("SIMULATION_SEED", seed.to_string())));
        set.extend(self.trace.then(|| ("SIMULATION_TRACE", "1".to_owned())));
        set
    }
}

fn wrong(what: impl std::fmt::Display) -> Failure {
    arguments::wrong(CHORE, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Option<Options>> {
        Options::read(Parser::from_args(words))
    }

    #[test]
    fn options_become_what_the_test_reads() {
        let environment = |words: &[&str]| {
            let options = read(words).expect("good options").expect("no help");
            let set = options.environment();
            set.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(environment(&[]), "SIMULATION_SECONDS=60");
        assert_eq!(
            environment(&["--seconds", "600", "--threads=1"]),
            "SIMULATION_SECONDS=600 SIMULATION_THREADS=1"
        );
        assert_eq!(
            environment(&["--seed", "18446744073709551615", "--trace"]),
            "SIMULATION_SECONDS=60 SIMULATION_SEED=18446744073709551615 SIMULATION_TRACE=1"
        );
        assert_eq!(read(&["--help"]).expect("help is good"), None);
    }

    #[test]
    fn bad_options_are_named() {
        let cases: [(&[&str], &str); 4] = [
            (&["--seeds", "5"], "--seeds"),
            (&["--seed", "-1"], "--seed"),
            (&["--trace"], "--trace"),
            (&["--threads", "0"], "--threads"),
        ];
        for (words, part) in cases {
            let failure = read(words).expect_err("a bad option").to_string();
            assert!(failure.contains(part), "{words:?}: {failure}");
        }
    }
}
