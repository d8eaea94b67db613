//! What the command line asks of the fuzzing.

use std::thread;

use lexopt::{Arg, Parser, ValueExt};

use crate::failure::{Failure, Result};

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
                    let part = arguments.value().and_then(|text| text.string());
                    options.only = Some(part.map_err(wrong)?);
                }
                Arg::Long("seconds") => options.seconds = number(&mut arguments, "--seconds")?,
                Arg::Long("jobs") => {
                    options.jobs = number(&mut arguments, "--jobs")? as usize;
                }
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(wrong(other.unexpected())),
            }
        }
        Ok(Some(options))
    }
}

fn number(arguments: &mut Parser, option: &str) -> Result<u64> {
    let value = arguments.value().and_then(|text| text.string()).map_err(wrong)?;
    match value.parse() {
        Ok(number @ 1..=1_000_000) => Ok(number),
        _ => Err(wrong(format!("{option}: '{value}' is not a number from 1 to 1000000"))),
    }
}

fn wrong(what: impl std::fmt::Display) -> Failure {
    Failure::Wrong(format!("{what}; 'cargo xtask fuzz --help' lists the options"))
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
