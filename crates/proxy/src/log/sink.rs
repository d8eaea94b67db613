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
        /// The last line in it has no end: the disk was full.
        is_torn: bool,
    },
}

impl Sink {
    pub(super) fn stderr() -> Self {
        Self::Stderr
    }

    pub(super) fn file(path: &Path) -> io::Result<Self> {
        Ok(Self::File { path: path.to_owned(), file: open(path)?, is_torn: false })
    }

    /// Opens the file again; on failure the old one stays.
    pub(super) fn reopen(&mut self) -> Result<(), OpenError> {
        if let Self::File { path, file, is_torn } = self {
            *file = open(path).map_err(|source| OpenError { path: path.clone(), source })?;
            *is_torn = false;
        }
        Ok(())
    }

    /// Writes `line`, in one call of the system unless it takes only a part. Of one that a full disk has cut
    /// the beginning stays, on a line of its own.
    pub(super) fn write(&mut self, line: &[u8]) {
        match self {
            Self::Stderr => {
                // There is nowhere left to tell of a failure.
                let _ = io::stderr().write_all(line);
            }
            Self::File { file, is_torn, .. } => write_or_tear(file, is_torn, line),
        }
    }
}

fn write_or_tear(to: &mut impl Write, is_torn: &mut bool, line: &[u8]) {
    if *is_torn && to.write_all(b"\n").is_err() {
        return;
    }
    *is_torn = false;
    let mut rest = line;
    while !rest.is_empty() {
        match to.write(rest) {
            Ok(len) if len > 0 => rest = &rest[len..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => break,
        }
    }
    *is_torn = !rest.is_empty() && rest.len() < line.len();
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o644).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with room for so many bytes.
    struct Disk {
        bytes: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let len = bytes.len().min(self.room);
            if len == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.bytes.extend(&bytes[..len]);
            self.room -= len;
            Ok(len)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_behind_one_that_a_full_disk_cut_begins_a_line() {
        for room in 0..20 {
            let mut disk = Disk { bytes: Vec::new(), room };
            let mut is_torn = false;
            for line in ["first\n", "second\n", "third\n"] {
                write_or_tear(&mut disk, &mut is_torn, line.as_bytes());
            }
            disk.room = 100;
            write_or_tear(&mut disk, &mut is_torn, b"fourth\n");
            let text = String::from_utf8(disk.bytes).expect("it was given text");
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines.last(), Some(&"fourth"), "room for {room}: {text}");
            assert!(!lines.contains(&""), "room for {room}: {text}");
        }
    }
}
