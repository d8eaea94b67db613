//! Where lines go: standard error or a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::OpenError;

/// Takes lines, and loses them rather than fail: a full disk must not stop the proxy.
#[derive(Debug)]
pub(super) enum Sink {
    /// Standard error.
    Stderr,
    /// A file that is appended to.
    File {
        /// As the command line named it: opened again by SIGHUP.
        path: PathBuf,
        /// It.
        file: File,
    },
}

impl Sink {
    pub(super) fn stderr() -> Self {
        Self::Stderr
    }

    pub(super) fn file(path: &Path) -> io::Result<Self> {
        Ok(Self::File { path: path.to_owned(), file: open(path)? })
    }

    /// Opens the file again; on failure the old one stays.
    pub(super) fn reopen(&mut self) -> Result<(), OpenError> {
        if let Self::File { path, file } = self {
            *file = open(path).map_err(|source| OpenError { path: path.clone(), source })?;
        }
        Ok(())
    }

    /// Writes `line`, in one call of the system unless it takes only a part.
    pub(super) fn write(&mut self, line: &[u8]) {
        // There is nowhere left to tell of a failure.
        let _ = match self {
            Self::Stderr => io::stderr().write_all(line),
            Self::File { file, .. } => file.write_all(line),
        };
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o644).open(path)
}
