//! The tools beside the proxy: they read configurations and serve nobody.
//!
//! `nutcracker locate`, `ring`, `diff` and `check` say where keys are, how they are spread, what a
//! change of configuration moves and what in a file bites in production. Each is a subcommand: it
//! runs when the first argument is exactly its name. The original ignores words that are no
//! options, so any other command line means what it always meant.
//!
//! Results go to standard output, troubles to standard error. Status 2 says that the tool could
//! not do its work; what 0 and 1 mean is the tool's own, and its `--help` says it.
//!
//! - `arguments.rs` reads what was given and prints `--help`; `trouble.rs` has what may go wrong.
//! - `keys.rs`, `placed.rs` and `shares.rs` are what several tools need: keys to try, a pool with its
//!   ring, how much of the keys each server has. `shown.rs` makes text of what is to be shown.
//! - `locate.rs`, `ring/`, `diff/` and `check/` are the tools.

mod arguments;
mod check;
mod diff;
mod keys;
mod locate;
mod placed;
mod ring;
mod shares;
mod shown;
mod trouble;

use std::ffi::{OsStr, OsString};
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use crate::standard_error::say;
use arguments::{Given, Manual};
use trouble::Trouble;

/// One of the tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Where keys are.
    Locate,
    /// How keys are spread.
    Ring,
    /// What changes from one configuration to another.
    Diff,
    /// What in a configuration bites in production.
    Check,
}

impl Tool {
    const ALL: [Self; 4] = [Self::Locate, Self::Ring, Self::Diff, Self::Check];

    /// The tool whose name is `word`, to the letter.
    #[must_use]
    pub fn named(word: &OsStr) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| word == tool.manual().name)
    }

    fn manual(self) -> &'static Manual {
        match self {
            Self::Locate => &locate::MANUAL,
            Self::Ring => &ring::MANUAL,
            Self::Diff => &diff::MANUAL,
            Self::Check => &check::MANUAL,
        }
    }
}

/// What a tool found, as its exit status: 2 is for troubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// 0: nothing to see to.
    Clean,
    /// 1: something to see to.
    Findings,
    /// 2: a configuration that cannot be used.
    Unusable,
}

/// Runs `tool` with `args`, those behind its name, and returns the status to exit with.
///
/// A reader that goes away, as `head` does, is no trouble: the tool ends without a word.
pub fn run(tool: Tool, args: impl Iterator<Item = OsString>) -> ExitCode {
    // Standard output writes line by line; in front of it, lines go out by the buffer.
    let mut out = BufWriter::with_capacity(OUT_BYTES, io::stdout().lock());
    let result = execute(tool, args, &mut out).and_then(|verdict| {
        out.flush().map_err(Trouble::Write)?;
        Ok(verdict)
    });
    match result {
        Ok(Verdict::Clean) => ExitCode::SUCCESS,
        Ok(Verdict::Findings) => ExitCode::from(1),
        Ok(Verdict::Unusable) => ExitCode::from(2),
        Err(Trouble::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            // What is still in the buffer has no reader, so it is not flushed again.
            let (_stdout, _unread) = out.into_parts();
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            // What was found before the trouble came is worth reading.
            let _ = out.flush();
            say(trouble.text(tool.manual().name));
            ExitCode::from(2)
        }
    }
}

/// Bytes of output that are gathered before they are written.
const OUT_BYTES: usize = 64 * 1024;

fn execute(
    tool: Tool,
    args: impl Iterator<Item = OsString>,
    out: &mut dyn Write,
) -> Result<Verdict, Trouble> {
    let given = Given::read(tool.manual(), args)?;
    if given.wants_help() {
        let help = match tool {
            Tool::Check => tool.manual().help() + &check::list_of_traps(),
            _ => tool.manual().help(),
        };
        out.write_all(help.as_bytes()).map_err(Trouble::Write)?;
        return Ok(Verdict::Clean);
    }
    match tool {
        Tool::Locate => locate::run(&given, out),
        Tool::Ring => ring::run(&given, out),
        Tool::Diff => diff::run(&given, out),
        Tool::Check => check::run(&given, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_known_by_its_exact_name_alone() {
        for name in ["locate", "ring", "diff", "check"] {
            let tool = Tool::named(OsStr::new(name)).expect(name);
            assert_eq!(tool.manual().name, name);
        }
        for word in ["", "Locate", "loc", "locate ", "-locate", "rings", "start", "stop"] {
            assert_eq!(Tool::named(OsStr::new(word)), None, "'{word}'");
        }
    }
}
