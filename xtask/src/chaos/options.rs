//! What the command line asks of the chaos.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser};

use crate::arguments;
use crate::failure::{Failure, Result};
use crate::servers;

/// The chore whose options these are.
const CHORE: &str = "chaos";

/// What to play.
#[derive(Debug)]
pub(crate) struct Options {
    /// Only scenarios with this in their name.
    pub(crate) only: Option<String>,
    /// The short form.
    pub(crate) quick: bool,
    /// How many scenarios are played side by side.
    pub(crate) lanes: usize,
    /// Whether the original plays the named scenario too; its binary.
    pub(crate) original: Option<PathBuf>,
    /// A long run of this length instead of the scenarios.
    pub(crate) long: Option<Duration>,
    /// Where the figures go, for other programs to read.
    pub(crate) json: Option<PathBuf>,
    /// Whether the page of the docs is written.
    pub(crate) docs: bool,
    /// Whether only names are told.
    pub(crate) list: bool,
    /// The proxy's binary.
    pub(crate) proxy: PathBuf,
}

/// What `--help` prints.
pub(crate) const HELP: &str = "\
usage: cargo xtask chaos [OPTIONS]

Real servers behind the proxy, under load from clients that know what each answer must be, while
servers freeze, die, return empty, lie, and the proxy is stopped and frozen. Fails where a scenario's
limit is broken.

  --only TEXT        scenarios with this in their name
  --quick            a few short ones, side by side
  --lanes N          scenarios that are played side by side (default: 1)
  --original         the original plays the named script too, and is not judged
  --minutes N        a long run instead: mixed load at 70 %, a fault every minute, and at its end what
                     has changed since its begin
  --json FILE        writes the figures
  --docs             writes them into docs/chaos.md, those of a long run into a section of their own
  --list             what the scenarios are called
  --proxy PATH       the proxy (default: target/release/nutcracker)
  --help             this text
";

impl Options {
    /// Reads the rest of the command line; `None` when it asks for help.
    ///
    /// # Errors
    /// An option that is unknown or has a bad value, or a binary that is not there.
    pub(crate) fn read(mut arguments: Parser) -> Result<Option<Self>> {
        let (mut only, mut quick, mut original, mut long) = (None, false, false, None);
        let (mut json, mut docs, mut list, mut proxy) = (None, false, false, None);
        let mut lanes = 1;
        while let Some(argument) = arguments.next().map_err(wrong)? {
            match argument {
                Arg::Long("only") => {
                    only = Some(arguments::text(&mut arguments, CHORE)?);
                }
                Arg::Long("quick") => quick = true,
                Arg::Long("lanes") => {
                    lanes = arguments::number_in(&mut arguments, CHORE, "lanes", 1..=16)?;
                }
                Arg::Long("original") => original = true,
                Arg::Long("minutes") => {
                    let range = 0.5..=10_000.0;
                    let minutes: f64 =
                        arguments::number_in(&mut arguments, CHORE, "minutes", range)?;
                    long = Some(Duration::from_secs_f64(minutes * 60.0));
                }
                Arg::Long("json") => json = Some(arguments.value().map_err(wrong)?.into()),
                Arg::Long("docs") => docs = true,
                Arg::Long("list") => list = true,
                Arg::Long("proxy") => proxy = Some(arguments.value().map_err(wrong)?.into()),
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(wrong(other.unexpected())),
            }
        }
        if docs && (quick || only.is_some()) {
            return Err(wrong("--docs is about all scenarios: leave out --quick and --only"));
        }
        if long.is_some() && original {
            return Err(wrong("--minutes is about our proxy alone: leave out --original"));
        }
        let proxy: PathBuf = proxy.map_or_else(servers::ours, Ok)?;
        Ok(Some(Self {
            only,
            quick,
            lanes,
            original: original.then(servers::original).transpose()?,
            long,
            json,
            docs,
            list,
            // In full: it runs in a folder of its own.
            proxy: proxy
                .canonicalize()
                .map_err(Failure::system(format!("finding {}", proxy.display())))?,
        }))
    }
}

fn wrong(what: impl std::fmt::Display) -> Failure {
    arguments::wrong(CHORE, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Option<Options>> {
        // Any file that is there will do as a binary.
        let binary = ["--proxy", env!("CARGO_MANIFEST_PATH")];
        Options::read(Parser::from_args(binary.iter().chain(words)))
    }

    #[test]
    fn a_long_run_has_a_length_that_makes_sense() {
        let options = read(&["--minutes", "1.5"]).expect("good").expect("no help");
        assert_eq!(options.long, Some(Duration::from_secs(90)));
        for bad in ["0", "-1", "NaN", "an hour"] {
            read(&["--minutes", bad]).expect_err(bad);
        }
    }

    #[test]
    fn the_page_is_written_by_a_whole_run_alone() {
        assert!(read(&["--docs"]).expect("good").expect("no help").docs);
        for part in [&["--docs", "--quick"][..], &["--only", "frozen", "--docs"]] {
            read(part).expect_err("a part of a run");
        }
        assert!(read(&["--docs", "--minutes", "1"]).expect("good").expect("no help").docs);
        assert!(read(&["--help"]).expect("good").is_none());
    }
}
