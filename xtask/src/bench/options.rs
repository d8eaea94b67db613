//! What the command line asks of the bench.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lexopt::{Arg, Parser};

use crate::arguments;
use crate::failure::{Failure, Result};
use crate::{proc, servers};

/// The chore whose options these are.
const CHORE: &str = "bench";

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
    /// Where to write the results for other programs, besides the folder of results.
    pub(crate) json: Option<PathBuf>,
    /// The folder that gets results and plots.
    pub(crate) out: PathBuf,
    /// Whether the project's page of results is written anew; `out` is then beside it.
    pub(crate) docs: bool,
    /// Results of an earlier run to show, instead of a run.
    pub(crate) from: Option<PathBuf>,
    /// What is put under test.
    pub(crate) binaries: NamedBinaries,
}

/// Binaries as the command line and the environment name them.
#[derive(Debug, Default)]
pub(crate) struct NamedBinaries {
    proxy: Option<PathBuf>,
    before: Option<PathBuf>,
    original: Option<PathBuf>,
    predixy: Option<PathBuf>,
}

/// The binaries of the targets, which are there.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    /// The proxy's.
    pub(crate) proxy: PathBuf,
    /// That of an earlier build of the proxy, where it was named.
    pub(crate) before: Option<PathBuf>,
    /// The original's.
    pub(crate) original: PathBuf,
    /// HAProxy's.
    pub(crate) haproxy: PathBuf,
    /// predixy's, where it was named.
    pub(crate) predixy: Option<PathBuf>,
}

/// What `--help` prints.
pub(crate) const HELP: &str = "\
usage: cargo xtask bench [OPTIONS]

Runs each scenario through the original, the proxy, HAProxy and no proxy, in turn, for several
rounds, and prints tables with ratios to the original and what they should be. Every scenario's
answers are checked first; the run fails if one is wrong, and never because of a figure.

  --rounds N         how often each scenario visits each target (default: 5)
  --seconds S        how long each visit lasts (default: 1)
  --only SUBSTRING   only scenarios whose name holds SUBSTRING
  --quick            one short round: are the answers right?
  --out FOLDER       where results.json, results.md and the plots go (default: target/bench)
  --json FILE        write the JSON to FILE as well
  --docs             write docs/performance.md's results and docs/performance/ anew; not with --quick
  --from FILE        run nothing: print, plot and write the results of an earlier run's JSON
  --proxy PATH       the proxy (default: target/release/nutcracker)
  --before PATH      an earlier build of the proxy, which is visited as well: what has a change cost?
  --original PATH    the original (default: Debian's nutcracker)
  --predixy PATH     predixy, which is visited as well when named (default: the variable PREDIXY)
  --help             this text
";

impl Options {
    /// Reads the rest of the command line; `None` when it asks for help.
    ///
    /// # Errors
    /// An option that is unknown or has a bad value, or options that do not go together.
    pub(crate) fn read(mut arguments: Parser) -> Result<Option<Self>> {
        let (mut rounds, mut seconds) = (None, None);
        let (mut only, mut json, mut out, mut from) = (None, None, None, None);
        let (mut quick, mut docs) = (false, false);
        let predixy = std::env::var_os("PREDIXY").filter(|path| !path.is_empty());
        let mut binaries =
            NamedBinaries { predixy: predixy.map(PathBuf::from), ..NamedBinaries::default() };
        while let Some(argument) = arguments.next().map_err(wrong)? {
            match argument {
                Arg::Long("rounds") => {
                    rounds = Some(arguments::number::<usize>(&mut arguments, CHORE, "rounds")?);
                }
                Arg::Long("seconds") => {
                    seconds = Some(arguments::number::<f64>(&mut arguments, CHORE, "seconds")?);
                }
                Arg::Long("only") => only = Some(arguments::text(&mut arguments, CHORE)?),
                Arg::Long("quick") => quick = true,
                Arg::Long("out") => out = Some(arguments::path(&mut arguments, CHORE)?),
                Arg::Long("json") => json = Some(arguments::path(&mut arguments, CHORE)?),
                Arg::Long("docs") => docs = true,
                Arg::Long("from") => from = Some(arguments::path(&mut arguments, CHORE)?),
                Arg::Long("proxy") => {
                    binaries.proxy = Some(arguments::path(&mut arguments, CHORE)?);
                }
                Arg::Long("before") => {
                    binaries.before = Some(arguments::path(&mut arguments, CHORE)?);
                }
                Arg::Long("original") => {
                    binaries.original = Some(arguments::path(&mut arguments, CHORE)?);
                }
                Arg::Long("predixy") => {
                    binaries.predixy = Some(arguments::path(&mut arguments, CHORE)?);
                }
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(wrong(other.unexpected())),
            }
        }
        let (default_rounds, default_seconds) = if quick { (1, 0.1) } else { (5, 1.0) };
        let rounds = rounds.unwrap_or(default_rounds);
        let visit = Duration::try_from_secs_f64(seconds.unwrap_or(default_seconds))
            .map_err(|error| wrong(format!("--seconds: {error}")))?;
        if rounds == 0 || visit.is_zero() {
            return Err(wrong("--rounds and --seconds must be above 0"));
        }
        if docs && quick {
            return Err(wrong("--docs: the times of --quick mean nothing, so no page shows them"));
        }
        let out = match (out, docs) {
            (Some(_), true) => {
                return Err(wrong("--docs has a folder of its own: leave --out out"));
            }
            (None, true) => docs_folder().join("performance"),
            (Some(folder), false) => folder,
            (None, false) => servers::target_folder().join("bench"),
        };
        Ok(Some(Self { rounds, visit, only, quick, json, out, docs, from, binaries }))
    }

    /// Whether the scenario called `name` is to be run.
    pub(crate) fn includes(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|part| name.contains(part.as_str()))
    }
}

impl NamedBinaries {
    /// Finds the binaries: those that were named, or else those that are usual. In full, because
    /// proxies run in a folder of their own.
    ///
    /// # Errors
    /// [`Failure::MissingProgram`], or the system's about a file that was named and is not there.
    pub(crate) fn find(&self) -> Result<Binaries> {
        let named = |name: &Option<PathBuf>, usual: fn() -> Result<PathBuf>| {
            existing(&name.clone().map_or_else(usual, Ok)?)
        };
        Ok(Binaries {
            proxy: named(&self.proxy, servers::ours)?,
            before: self.before.as_deref().map(existing).transpose()?,
            original: named(&self.original, servers::original)?,
            haproxy: existing(&proc::find("haproxy", "haproxy")?)?,
            predixy: self.predixy.as_deref().map(existing).transpose()?,
        })
    }
}

/// The project's pages.
pub(crate) fn docs_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("docs")
}

fn existing(program: &Path) -> Result<PathBuf> {
    program.canonicalize().map_err(Failure::system(format!("finding {}", program.display())))
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

    fn good(words: &[&str]) -> Options {
        read(words).expect("good options").expect("no help")
    }

    #[test]
    fn options_have_defaults_which_the_quick_form_shortens() {
        let options = good(&[]);
        assert_eq!((options.rounds, options.visit), (5, Duration::from_secs(1)));
        let options = good(&["--quick"]);
        assert_eq!((options.rounds, options.visit), (1, Duration::from_millis(100)));
        assert_eq!(good(&["--quick", "--rounds=3"]).rounds, 3);
    }

    #[test]
    fn only_picks_scenarios_by_a_part_of_their_name() {
        let options = good(&["--only", "GET"]);
        assert!(options.includes("redis GET 64 B"));
        assert!(!options.includes("redis SET 64 B"));
        assert!(good(&[]).includes("redis SET 64 B"));
    }

    #[test]
    fn results_go_below_target_unless_they_are_for_the_docs_or_a_folder_is_named() {
        assert!(good(&[]).out.ends_with("bench"));
        assert!(good(&["--docs"]).out.ends_with("docs/performance"));
        assert_eq!(good(&["--out", "/somewhere"]).out, Path::new("/somewhere"));
    }

    #[test]
    fn bad_options_are_named() {
        let cases: [(&[&str], &str); 8] = [
            (&["--round", "5"], "--round"),
            (&["--rounds"], "--rounds"),
            (&["--rounds", "many"], "many"),
            (&["--rounds", "0"], "above 0"),
            (&["--seconds", "-1"], "--seconds"),
            (&["GET"], "GET"),
            (&["--docs", "--quick"], "--quick"),
            (&["--docs", "--out", "x"], "--out"),
        ];
        for (words, part) in cases {
            let failure = read(words).expect_err("a bad option").to_string();
            assert!(failure.contains(part), "{words:?}: {failure}");
        }
    }

    #[test]
    fn a_binary_that_is_not_there_is_named() {
        let options = good(&["--proxy", "/no/such/proxy"]);
        let failure = options.binaries.find().expect_err("no file").to_string();
        assert!(failure.contains("/no/such/proxy"), "{failure}");
    }

    #[test]
    fn help_wins() {
        assert!(read(&["--help"]).expect("good options").is_none());
    }
}
