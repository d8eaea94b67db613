//! What the command line asks of the fuzzing.

use std::thread;

use lexopt::{Arg, Parser};

use crate::arguments;
use crate::failure::{Failure, Result};

/// The chore whose options these are.
const CHORE: &str = "fuzz";

/// What to run.
#[derive(Debug)]
pub(super) struct Options {
    /// Only targets with this in their name.
    pub(super) only: Option<String>,
    /// How long each runs.
    pub(super) seconds: u64,
    /// How many run at a time.
    pub(super) jobs: usize,
}

/// What `--help` prints.
pub(super) const HELP: &str = "\
usage: cargo xtask fuzz [OPTIONS]

Builds the targets of fuzz/ for libFuzzer, with a stable compiler and a C++ compiler, and has each look
for inputs that break a promise. Fails with the first input of a target that does.

  --seconds N    how long each target runs (default: 60)
  --only TEXT    targets with this in their name
  --jobs N       targets that run at a time (default: the number of cores)
  --help         this text
";

impl Options {
    /// Reads the rest of the command line; `None` when it asks for help.
    ///
    /// # Errors
    /// An option that is unknown or has a bad value.
    pub(super) fn read(mut arguments: Parser) -> Result<Option<Self>> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let mut options = Self { only: None, seconds: 60, jobs: cores };
        while let Some(argument) = arguments.next().map_err(wrong)? {
            match argument {
                Arg::Long("only") => {
                    options.only = Some(arguments::text(&mut arguments, CHORE)?);
                }
                Arg::Long("seconds") => {
                    options.seconds =
                        arguments::number_in(&mut arguments, CHORE, "seconds", 1..=1_000_000)?;
                }
                Arg::Long("jobs") => {
                    options.jobs =
                        arguments::number_in(&mut arguments, CHORE, "jobs", 1..=1_000_000)?;
                }
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(wrong(other.unexpected())),
            }
        }
        Ok(Some(options))
    }
}

fn wrong(what: impl std::fmt::Display) -> Failure {
    arguments::wrong(CHORE, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_make_sense_and_the_rest_has_defaults() {
        let read = |words: &[&str]| Options::read(Parser::from_args(words));
        let options = read(&["--only", "resp", "--seconds", "5"]).expect("good").expect("no help");
        assert_eq!((options.only.as_deref(), options.seconds), (Some("resp"), 5));
        assert!(options.jobs >= 1);
        for bad in [["--seconds", "0"], ["--jobs", "all"], ["--jobs", "-1"]] {
            read(&bad).expect_err(bad[1]);
        }
        assert!(read(&["--help"]).expect("good").is_none());
    }
}
