//! What the command line asks of the bench.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::failure::{Failure, Result};
use crate::servers;

/// What to run, how long, and where the results go.
#[derive(Debug)]
pub(crate) struct Options {
    /// How often each scenario visits each target.
    pub(crate) rounds: usize,
    /// How long each visit lasts.
    pub(crate) visit: Duration,
    /// Only scenarios whose name holds this.
    pub(crate) only: Option<String>,
    /// The short form: are the answers right, and does every scenario run? Its times mean nothing.
    pub(crate) quick: bool,
    /// Where to write the results for other programs.
    pub(crate) json: Option<PathBuf>,
    /// The proxy's binary.
    pub(crate) proxy: PathBuf,
    /// The original's binary.
    pub(crate) original: PathBuf,
}

/// What `--help` prints.
pub(crate) const HELP: &str = "\
usage: cargo xtask bench [OPTIONS]

Runs each scenario through the original, the proxy and no proxy, in turn, for several rounds, and
prints a table with ratios to the original. Every scenario's answers are checked first.

  --rounds N         how often each scenario visits each target (default: 5)
  --seconds S        how long each visit lasts (default: 1.5)
  --only SUBSTRING   only scenarios whose name holds SUBSTRING
  --quick            one short round: fails on wrong answers, never on times
  --json FILE        write all results to FILE as well
  --proxy PATH       the proxy (default: target/release/nutcracker)
  --original PATH    the original (default: Debian's nutcracker)
  --help             this text
";

impl Options {
    /// Reads the rest of the command line; `None` when it asks for help.
    ///
    /// # Errors
    /// An option that is unknown or has a bad value, or a binary that is not there.
    pub(crate) fn read(mut arguments: Parser) -> Result<Option<Self>> {
        let (mut rounds, mut seconds) = (None, None);
        let (mut only, mut json, mut proxy, mut original) = (None, None, None, None);
        let mut quick = false;
        while let Some(argument) = arguments.next().map_err(wrong)? {
            match argument {
                Arg::Long("rounds") => rounds = Some(number::<usize>(&mut arguments, "rounds")?),
                Arg::Long("seconds") => seconds = Some(number::<f64>(&mut arguments, "seconds")?),
                Arg::Long("only") => only = Some(text(&mut arguments)?),
                Arg::Long("quick") => quick = true,
                Arg::Long("json") => json = Some(path(&mut arguments)?),
                Arg::Long("proxy") => proxy = Some(path(&mut arguments)?),
                Arg::Long("original") => original = Some(path(&mut arguments)?),
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(wrong(other.unexpected())),
            }
        }
        let (default_rounds, default_seconds) = if quick { (1, 0.2) } else { (5, 1.5) };
        let rounds = rounds.unwrap_or(default_rounds);
        let visit = Duration::try_from_secs_f64(seconds.unwrap_or(default_seconds))
            .map_err(|error| wrong(format!("--seconds: {error}")))?;
        if rounds == 0 || visit.is_zero() {
            return Err(wrong("--rounds and --seconds must be above 0"));
        }
        let proxy = existing(proxy, servers::ours)?;
        let original = existing(original, servers::original)?;
        Ok(Some(Self { rounds, visit, only, quick, json, proxy, original }))
    }

    /// Whether the scenario called `name` is to be run.
    pub(crate) fn includes(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|part| name.contains(part.as_str()))
    }
}

/// The binary that was named, which must be there, or else the default one. In full, because
/// proxies run in a folder of their own.
fn existing(named: Option<PathBuf>, default: impl Fn() -> Result<PathBuf>) -> Result<PathBuf> {
    let program = named.map_or_else(default, Ok)?;
    program.canonicalize().map_err(Failure::system(format!("finding {}", program.display())))
}

fn number<T: FromStr>(arguments: &mut Parser, option: &str) -> Result<T> {
    let value = text(arguments)?;
    value.parse().map_err(|_| wrong(format!("--{option}: '{value}' is not a number for it")))
}

fn text(arguments: &mut Parser) -> Result<String> {
    arguments.value().and_then(|value| value.string()).map_err(wrong)
}

fn path(arguments: &mut Parser) -> Result<PathBuf> {
    arguments.value().map(PathBuf::from).map_err(wrong)
}

fn wrong(what: impl std::fmt::Display) -> Failure {
    Failure::Wrong(format!("{what}; 'cargo xtask bench --help' lists the options"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Option<Options>> {
        // Any file that is there will do as a binary.
        let file = env!("CARGO_MANIFEST_PATH");
        let binaries = ["--proxy", file, "--original", file];
        Options::read(Parser::from_args(binaries.iter().chain(words)))
    }

    #[test]
    fn options_have_defaults_which_the_quick_form_shortens() {
        let options = read(&[]).expect("good options").expect("no help");
        assert_eq!((options.rounds, options.visit), (5, Duration::from_millis(1500)));
        let options = read(&["--quick"]).expect("good options").expect("no help");
        assert_eq!((options.rounds, options.visit), (1, Duration::from_millis(200)));
        let options = read(&["--quick", "--rounds=3"]).expect("good options").expect("no help");
        assert_eq!(options.rounds, 3);
    }

    #[test]
    fn only_picks_scenarios_by_a_part_of_their_name() {
        let options = read(&["--only", "GET"]).expect("good options").expect("no help");
        assert!(options.includes("redis GET 64 B"));
        assert!(!options.includes("redis SET 64 B"));
        assert!(read(&[]).expect("good options").expect("no help").includes("redis SET 64 B"));
    }

    #[test]
    fn bad_options_are_named() {
        let cases: [(&[&str], &str); 6] = [
            (&["--round", "5"], "--round"),
            (&["--rounds"], "--rounds"),
            (&["--rounds", "many"], "many"),
            (&["--rounds", "0"], "above 0"),
            (&["--seconds", "-1"], "--seconds"),
            (&["GET"], "GET"),
        ];
        for (words, part) in cases {
            let failure = read(words).expect_err("a bad option").to_string();
            assert!(failure.contains(part), "{words:?}: {failure}");
        }
    }

    #[test]
    fn a_binary_that_is_not_there_is_named() {
        let failure = read(&["--proxy", "/no/such/proxy"]).expect_err("no file").to_string();
        assert!(failure.contains("/no/such/proxy"), "{failure}");
    }

    #[test]
    fn help_wins() {
        assert!(read(&["--help"]).expect("good options").is_none());
    }
}
