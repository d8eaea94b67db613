//! `-p`: the file that holds the process id, for init scripts.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;

use crate::log::reason;

/// A written pid file; dropped, it is removed, unless another process has put its own id there.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Writes the id of this process: decimal, no line end, permissions 0644, in place of what was
    /// there (the original's `nc_create_pidfile`).
    ///
    /// # Errors
    /// [`PidFileError`] when the file cannot be opened or written.
    pub fn create(path: &Path) -> Result<Self, PidFileError> {
        let fail = |doing| move |source| PidFileError { doing, path: path.to_owned(), source };
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o644)
            .open(path)
            .map_err(fail("opening"))?;
        let this = Self { path: path.to_owned() };
        file.write_all(process::id().to_string().as_bytes()).map_err(fail("write to"))?;
        Ok(this)
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Empty when the id could not be written.
        let ours = fs::read_to_string(&self.path)
            .is_ok_and(|pid| pid.is_empty() || pid == process::id().to_string());
        if ours && let Err(error) = fs::remove_file(&self.path) {
            let (path, why) = (self.path.display(), reason(&error));
            tracing::error!("unlink of pid file '{path}' failed, ignored: {why}");
        }
    }
}

/// A pid file could not be written. Reads as the original's message.
#[derive(Debug)]
pub struct PidFileError {
    /// The step that failed.
    doing: &'static str,
    /// The file.
    path: PathBuf,
    /// Why.
    source: io::Error,
}

impl fmt::Display for PidFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { doing, path, source } = self;
        write!(f, "{doing} pid file '{}' failed: {}", path.display(), reason(source))
    }
}

impl std::error::Error for PidFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::env;
    use std::os::unix::fs::PermissionsExt;

    fn scratch(name: &str) -> PathBuf {
        env::temp_dir().join(format!("nutcracker-pid-{}-{name}", process::id()))
    }

    #[test]
    fn a_pid_file_holds_the_bare_id_and_goes_at_the_end() {
        let path = scratch("bare");
        fs::write(&path, "99999999999 left behind").expect("a scratch file");
        let pid_file = PidFile::create(&path).expect("a scratch file can be written");
        let text = fs::read_to_string(&path).expect("it was written");
        assert_eq!(text, process::id().to_string());
        drop(pid_file);
        assert!(!path.exists());
    }

    #[test]
    fn a_new_pid_file_is_for_all_to_read_and_for_us_to_write() {
        let path = scratch("mode");
        let pid_file = PidFile::create(&path).expect("a scratch file can be written");
        let mode = fs::metadata(&path).expect("it was written").permissions().mode();
        // The umask of the test's process may take bits away.
        assert_eq!((mode & 0o600, mode & 0o133), (0o600, 0), "{mode:o}");
        drop(pid_file);
    }

    #[test]
    fn a_pid_file_that_another_process_took_over_stays() {
        let path = scratch("taken");
        let pid_file = PidFile::create(&path).expect("a scratch file can be written");
        fs::write(&path, "1").expect("a scratch file");
        drop(pid_file);
        assert_eq!(fs::read_to_string(&path).expect("it stayed"), "1");
        fs::remove_file(&path).expect("it is ours to remove");
    }

    #[test]
    fn a_failure_reads_as_the_originals() {
        let opening = PidFile::create(Path::new("/no/such/x")).expect_err("no such directory");
        let expected = "opening pid file '/no/such/x' failed: No such file or directory";
        assert_eq!(opening.to_string(), expected);
    }
}
