//! `cargo xtask demo`: the proxy shown at work in a terminal.
//!
//! Starts four Redis and two memcached servers and the proxy in a scratch folder, sends keys through
//! both pools, kills a server and brings it back, and checks every value on the way. It then stays
//! up until Ctrl-C, or ends at once with `--once`, which CI runs: the exit code is 0 only when every
//! value came back right.

mod charts;
mod client;
mod conf;
mod keys;
mod stage;
mod stats;
mod story;
mod table;
mod term;
mod traffic;

use std::path::PathBuf;

use crate::failure::{Failure, Result};
use crate::servers;

use term::Term;

const HELP: &str = "\
usage: cargo xtask demo [OPTIONS]

  --once         end when all has been shown, instead of staying up
  --proxy FILE   show this binary (default: target/release/nutcracker)
";

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    once: bool,
    proxy: Option<PathBuf>,
    help: bool,
}

/// Runs the demo.
///
/// # Errors
/// What cannot be started, and whatever in the story did not come out as told.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    let options = Options::read(arguments)
        .map_err(|error| Failure::Wrong(format!("demo: {error}\n\n{HELP}")))?;
    let mut term = Term::stdout();
    if options.help {
        return term.raw(HELP);
    }
    let proxy = match options.proxy {
        Some(file) => file,
        None => servers::ours()?,
    };
    // Whole, because the proxy runs in another folder than this one.
    let proxy = proxy
        .canonicalize()
        .map_err(Failure::system(format!("looking for {}", proxy.display())))?;
    story::tell(&proxy, options.once, &mut term)
}

impl Options {
    fn read(mut arguments: lexopt::Parser) -> std::result::Result<Self, lexopt::Error> {
        use lexopt::prelude::*;
        let mut options = Self::default();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("once") => options.once = true,
                Long("proxy") => options.proxy = Some(arguments.value()?.into()),
                Long("help") | Short('h') => options.help = true,
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> std::result::Result<Options, lexopt::Error> {
        Options::read(lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn options_are_read_and_strangers_refused() {
        assert_eq!(read(&[]).expect("none"), Options::default());
        let expected = Options { once: true, proxy: Some("/a/b".into()), help: false };
        assert_eq!(read(&["--proxy", "/a/b", "--once"]).expect("both"), expected);
        for arguments in [&["--twice"][..], &["once"], &["--proxy"], &["--once=yes"]] {
            read(arguments).expect_err(&format!("{arguments:?}"));
        }
    }
}
