//! Keys to try: the operator's own, or a sample that anybody can make again.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::PathBuf;

use super::trouble::Trouble;

/// How many keys the sample has: a share of a tenth is then right to about 0.2 percent points.
pub(super) const SAMPLE_KEYS: u32 = 100_000;

/// Where keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// `key:0`, `key:1` and so on, [`SAMPLE_KEYS`] of them.
    Sample,
    /// A file, one key a line.
    File(PathBuf),
    /// Standard input, one key a line.
    Stdin,
}

/// What a measurement was made on, in words.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sample => write!(f, "{SAMPLE_KEYS} keys, key:0 to key:{}", SAMPLE_KEYS - 1),
            Self::File(path) => write!(f, "the keys in '{}'", path.display()),
            Self::Stdin => f.write_str("the keys on standard input"),
        }
    }
}

impl Source {
    /// The source that an option names: a file, or standard input for a dash.
    pub(super) fn named(name: &OsStr) -> Self {
        if name == "-" { Self::Stdin } else { Self::File(name.into()) }
    }

    /// Calls `each` for every key, until there are no more or it fails.
    ///
    /// A line is a key whatever bytes it has, an empty one included; the last one may lack its line
    /// feed. One line at a time is in memory.
    pub(super) fn read(
        &self,
        each: impl FnMut(&[u8]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let failed = |error| Trouble::File { doing: "reading", path: self.path(), error };
        match self {
            Self::Sample => sample(each),
            Self::File(path) => {
                let file = File::open(path).map_err(failed)?;
                lines(BufReader::with_capacity(READ_BYTES, file), failed, each)
            }
            Self::Stdin => {
                let stdin = io::stdin();
                if stdin.is_terminal() {
                    // Somebody may wonder what is being waited for.
                    let _ = writeln!(io::stderr(), "(one key a line; Ctrl-D ends)");
                }
                lines(stdin.lock(), failed, each)
            }
        }
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Sample | Self::Stdin => PathBuf::from("-"),
        }
    }
}

const READ_BYTES: usize = 64 * 1024;

fn sample(mut each: impl FnMut(&[u8]) -> Result<(), Trouble>) -> Result<(), Trouble> {
    let mut key = Vec::new();
    for n in 0..SAMPLE_KEYS {
        key.clear();
        write!(key, "key:{n}").expect("memory takes what is written to it");
        each(&key)?;
    }
    Ok(())
}

fn lines(
    mut reader: impl BufRead,
    failed: impl Fn(io::Error) -> Trouble,
    mut each: impl FnMut(&[u8]) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(&failed)? == 0 {
            return Ok(());
        }
        each(line.strip_suffix(b"\n").unwrap_or(&line))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        let each = |key: &[u8]| {
            keys.push(key.to_vec());
            Ok(())
        };
        lines(text, Trouble::Write, each).expect("memory can be read");
        keys
    }

    #[test]
    fn a_line_is_a_key_whatever_it_holds() {
        for (text, keys) in [
            (&b""[..], &[][..]),
            (b"a", &[&b"a"[..]]),
            (b"a\n", &[b"a"]),
            (b"a\n\nb\n", &[b"a", b"", b"b"]),
            (b"\xff\0\t\r\n", &[b"\xff\0\t\r"]),
        ] {
            assert_eq!(read(text), keys, "'{}'", text.escape_ascii());
        }
    }

    #[test]
    fn the_sample_is_what_its_description_says() {
        let (mut count, mut first, mut last) = (0, Vec::new(), Vec::new());
        let each = |key: &[u8]| {
            if count == 0 {
                first = key.to_vec();
            }
            count += 1;
            last = key.to_vec();
            Ok(())
        };
        Source::Sample.read(each).expect("a sample can be read");
        let words = format!(
            "{count} keys, {} to {}",
            String::from_utf8_lossy(&first),
            String::from_utf8_lossy(&last)
        );
        assert_eq!(Source::Sample.to_string(), words);
    }
}
