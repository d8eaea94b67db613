//! A page of the docs that is written from tables of the source, so that the two say the same.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// Such a page.
pub(crate) struct Page {
    /// Where it is, below the root.
    pub(crate) path: &'static str,
    /// The chore that writes it.
    pub(crate) chore: &'static str,
    /// What it is written from.
    pub(crate) from: &'static str,
    /// All of it.
    pub(crate) text: fn() -> String,
}

impl Page {
    /// Writes the page; the chore knows no option but `--help`.
    pub(crate) fn run(&self, mut arguments: lexopt::Parser) -> Result<()> {
        let Self { path, chore, from, text } = self;
        match arguments.next().map_err(|error| Failure::Wrong(error.to_string()))? {
            Some(lexopt::Arg::Long("help")) => {
                print!("usage: cargo xtask {chore}\n\nWrites {path} from {from}.\n");
                Ok(())
            }
            Some(other) => Err(Failure::Wrong(other.unexpected().to_string())),
            None => fs::write(self.place(), text())
                .map_err(|error| Failure::Wrong(format!("{path}: {error}"))),
        }
    }

    fn place(&self) -> PathBuf {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(self.path)
    }

    /// Fails when the page that is there says something else than it would now.
    #[cfg(test)]
    pub(crate) fn assert_current(&self) {
        let Self { path, chore, from, text } = self;
        let written = fs::read_to_string(self.place()).expect(path);
        assert!(written == text(), "run `cargo xtask {chore}`: {path} is not what {from} say");
    }
}
