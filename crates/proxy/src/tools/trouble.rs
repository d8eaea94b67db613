//! Why a tool could not do its work.

use std::io;
use std::path::PathBuf;

use crate::config::LoadError;
use crate::log::reason;

/// What went wrong. It is the operator's or the system's doing, never ours.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The command line cannot be followed: what was found, and what would do.
    Arguments(String),
    /// A configuration cannot be read or is wrong.
    Load(LoadError),
    /// Another file, or standard input, cannot be read or written.
    File {
        /// What was being done to it.
        doing: &'static str,
        /// The file; a dash is a standard stream.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The results cannot be written.
    Write(io::Error),
}

impl Trouble {
    /// What standard error gets to see, under the tool's name; a configuration's faults are told as
    /// `-t` tells them.
    pub(super) fn text(&self, tool: &str) -> String {
        match self {
            Self::Arguments(words) => {
                format!("nutcracker {tool}: {words}\n(nutcracker {tool} --help says more)")
            }
            Self::Load(error) => error.to_string(),
            Self::File { doing, path, error } => {
                let (path, why) = (path.display(), reason(error));
                format!("nutcracker {tool}: {doing} '{path}' failed: {why}")
            }
            Self::Write(error) => {
                format!("nutcracker {tool}: writing the results failed: {}", reason(error))
            }
        }
    }
}
