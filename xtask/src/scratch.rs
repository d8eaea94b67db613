//! A folder that lives as long as the chore that made it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::failure::{Failure, Result};

/// A folder of its own under the system's temporary one, removed with all in it when dropped.
///
/// Declare it before the servers that run in it: values drop in reverse order of their fields'
/// or bindings' making, and a server must be gone before its folder goes.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes the folder; `purpose` becomes part of its name.
    ///
    /// # Errors
    /// The system's, when the folder cannot be made.
    pub(crate) fn new(purpose: &str) -> Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("nutcracker-{purpose}-{}-{made}", process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).map_err(Failure::system(format!("making {}", path.display())))?;
        Ok(Self { path })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning of its temporary folder.
        let _ = fs::remove_dir_all(&self.path);
    }
}
