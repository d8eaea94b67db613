//! Standard error: what a start says to whoever typed it, beside the log.
//!
//! What cannot be written is lost and changes nothing: nothing is left to say that to, and the file of a
//! supervisor on a full disk must not make a failure of a valid configuration. The macros of the standard
//! library would end the process there.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes `text` and a line end.
pub fn say(text: impl Display) {
    write(format!("{text}\n").as_bytes());
}

/// Writes `bytes` as they are.
pub fn write(bytes: &[u8]) {
    let _ = io::stderr().write_all(bytes);
}
