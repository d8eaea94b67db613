//! What the command line asks of the oracle's run.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use lexopt::{Arg, Parser};

use crate::arguments;
use crate::failure::{Failure, Result};
use crate::servers;

/// The chore whose options these are.
const CHORE: &str = "oracle";

/// What to play, and how much of it.
#[derive(Debug)]
pub(crate) struct Options {
    /// The seed of the run.
    pub(crate) seed: u64,
    /// This command alone.
    pub(crate) only: Option<String>,
    /// This case of it alone.
    pub(crate) case: Option<u64>,
    /// How many cases of each command.
    pub(crate) cases: u64,
    /// Whether all differences are told in full, and not the first of each command.
    pub(crate) tells_all: bool,
    /// The proxy's binary.
    pub(crate) proxy: PathBuf,
}

/// What `--help` prints.
pub(crate) const HELP: &str = "\
usage: cargo xtask oracle [OPTIONS]

Sends generated commands to a redis-server, and through the proxy to one like it and to four, and
compares the replies byte for byte: every command of the server and of the table, in RESP2 and in
RESP3. Every difference is allowed by a rule of xtask/data/oracle/differences.json, or makes this
fail.

  --seed N           what all cases follow from (default: from the clock, and printed)
  --only COMMAND     this command alone
  --case N           this case of it alone; even ones are in RESP2, odd ones in RESP3
  --cases N          cases of each command (default: 60)
  --quick            seed 1, 6 cases of each command
  --all              tells of all differences, not of the first ones of each command
  --proxy PATH       the proxy (default: target/release/nutcracker)
  --help             this text
";

impl Options {
    /// Reads the rest of the command line; `None` when it asks for help.
    ///
    /// # Errors
    /// An option that is unknown or has a bad value, or a binary that is not there.
    pub(crate) fn read(mut arguments: Parser) -> Result<Option<Self>> {
        let (mut seed, mut only, mut case, mut cases) = (None, None, None, None);
        let (mut quick, mut tells_all, mut proxy) = (false, false, None);
        while let Some(argument) = arguments.next().map_err(wrong)? {
            match argument {
                Arg::Long("seed") => seed = Some(arguments::number(&mut arguments, CHORE, "seed")?),
                Arg::Long("only") => {
                    only = Some(arguments::text(&mut arguments, CHORE)?.to_ascii_lowercase());
                }
                Arg::Long("case") => case = Some(arguments::number(&mut arguments, CHORE, "case")?),
                Arg::Long("cases") => {
                    cases = Some(arguments::number(&mut arguments, CHORE, "cases")?);
                }
                Arg::Long("quick") => quick = true,
                Arg::Long("all") => tells_all = true,
                Arg::Long("proxy") => {
                    proxy = Some(arguments.value().map(PathBuf::from).map_err(wrong)?);
                }
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(wrong(other.unexpected())),
            }
        }
        if case.is_some() && only.is_none() {
            return Err(wrong("--case is one of a command: --only says which"));
        }
        let program = proxy.map_or_else(servers::ours, Ok)?;
        let finding = Failure::system(format!("finding {}", program.display()));
        Ok(Some(Self {
            seed: seed.unwrap_or_else(|| if quick { 1 } else { clock() }),
            only,
            case,
            cases: cases.unwrap_or(if quick { 6 } else { 60 }),
            tells_all,
            proxy: program.canonicalize().map_err(finding)?,
        }))
    }
}

/// A seed that the next run will not have: seconds since the epoch.
fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_secs())
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
    fn the_quick_form_is_the_same_every_time() {
        let options = read(&["--quick"]).expect("good").expect("no help");
        assert_eq!((options.seed, options.cases, options.case), (1, 6, None));
        let options = read(&["--quick", "--seed", "7"]).expect("good").expect("no help");
        assert_eq!(options.seed, 7);
    }

    #[test]
    fn a_bad_option_is_named() {
        for words in [&["--never"][..], &["--seed", "x"], &["--case", "3"], &["--cases"]] {
            let failure = read(words).expect_err("bad").to_string();
            assert!(failure.contains("--help"), "{failure}");
        }
        assert!(read(&["--help"]).expect("good").is_none());
    }
}
