//! What the command line asks of a run with client libraries.

use std::path::PathBuf;

use lexopt::{Arg, Parser};

use super::libraries::Library;
use crate::arguments;
use crate::failure::{Failure, Result};
use crate::servers;

/// The chore whose options these are.
const CHORE: &str = "clients";

/// Which libraries to try, and against what.
#[derive(Debug)]
pub(super) struct Options {
    only: Option<String>,
    /// Those that install quickly alone; each must be there.
    pub(super) is_quick: bool,
    /// Whether libraries that are there are installed again.
    pub(super) is_fresh: bool,
    /// Whether the page is written.
    pub(super) writes_docs: bool,
    /// The proxy's binary; none when libraries are to speak to a server itself.
    pub(super) proxy: Option<PathBuf>,
}

/// What `--help` prints.
pub(super) const HELP: &str = "\
usage: cargo xtask clients [OPTIONS]

Tries real client libraries at default settings through the proxy. What is missing is installed:
libraries below target/clients, packages of Debian by scripts/install.sh. A cell that fails and is
not in xtask/data/clients/known.json makes this fail.

  --only TEXT        libraries whose name contains TEXT
  --quick            those that install quickly; one that cannot be installed makes this fail
  --control          straight to a server, where every cell must work
  --fresh            installs again what is there, in its newest version
  --docs             writes docs/clients.md
  --proxy PATH       the proxy (default: target/release/nutcracker)
  --help             this text
";

impl Options {
    /// Reads the rest of the command line; `None` when it asks for help.
    ///
    /// # Errors
    /// An option that is unknown or has a bad value, or a binary that is not there.
    pub(super) fn read(mut arguments: Parser) -> Result<Option<Self>> {
        let (mut only, mut proxy) = (None, None);
        let (mut is_quick, mut is_fresh, mut is_control, mut writes_docs) =
            (false, false, false, false);
        while let Some(argument) = arguments.next().map_err(wrong)? {
            match argument {
                Arg::Long("only") => {
                    only = Some(arguments::text(&mut arguments, CHORE)?);
                }
                Arg::Long("quick") => is_quick = true,
                Arg::Long("control") => is_control = true,
                Arg::Long("fresh") => is_fresh = true,
                Arg::Long("docs") => writes_docs = true,
                Arg::Long("proxy") => {
                    proxy = Some(arguments.value().map(PathBuf::from).map_err(wrong)?);
                }
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(wrong(other.unexpected())),
            }
        }
        if writes_docs && (is_quick || is_control || only.is_some()) {
            return Err(wrong("--docs is for all libraries, through the proxy"));
        }
        let proxy = match is_control {
            true => None,
            false => {
                let program = proxy.map_or_else(servers::ours, Ok)?;
                let finding = Failure::system(format!("finding {}", program.display()));
                Some(program.canonicalize().map_err(finding)?)
            }
        };
        Ok(Some(Self { only, is_quick, is_fresh, writes_docs, proxy }))
    }

    /// Whether a library is to be tried.
    pub(super) fn wants(&self, library: &Library) -> bool {
        (library.is_quick || !self.is_quick)
            && self.only.as_ref().is_none_or(|only| library.name.contains(only.as_str()))
    }
}

fn wrong(what: impl std::fmt::Display) -> Failure {
    arguments::wrong(CHORE, what)
}

#[cfg(test)]
mod tests {
    use super::super::libraries::ALL;
    use super::*;

    fn read(words: &[&str]) -> Result<Option<Options>> {
        // Any file that is there will do as a binary.
        let binary = ["--proxy", env!("CARGO_MANIFEST_PATH")];
        Options::read(Parser::from_args(binary.iter().chain(words)))
    }

    #[test]
    fn libraries_are_chosen() {
        let wanted = |words: &[&str]| {
            let options = read(words).expect("good").expect("no help");
            ALL.iter().filter(|library| options.wants(library)).count()
        };
        assert_eq!(wanted(&[]), ALL.len());
        assert!(wanted(&["--quick"]) < ALL.len());
        assert_eq!(wanted(&["--only", "redis-py", "--quick"]), 2);
    }

    #[test]
    fn a_control_needs_no_proxy() {
        assert!(read(&["--control"]).expect("good").expect("no help").proxy.is_none());
        assert!(read(&[]).expect("good").expect("no help").proxy.is_some());
    }

    #[test]
    fn a_bad_option_is_named() {
        for words in [&["--never"][..], &["--only"], &["--docs", "--quick"]] {
            let failure = read(words).expect_err("bad").to_string();
            assert!(failure.contains("--help"), "{failure}");
        }
        assert!(read(&["--help"]).expect("good").is_none());
    }
}
