//! What a parser answers: not yet, a message, or a broken rule.

use std::fmt;

/// What a parser found at the front of the bytes it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<T> {
    /// Part of a message. At least `missing` more bytes are needed (1 when nothing better is
    /// known), which is a hint for the size of the next read and never a promise of the peer's.
    Incomplete {
        /// Bytes, at least 1.
        missing: usize,
    },
    /// A whole message.
    Done(T),
}

/// Bytes that no rule of the protocol allows: the stream cannot be followed past them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Offset of the offending byte from the start of the message.
    pub at: usize,
    /// The offending byte; `None` where the fault is a number or a length, not one byte.
    pub found: Option<u8>,
    /// The rule that was broken, in the words the peer is told.
    pub rule: &'static str,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.found {
            Some(byte) => write!(
                f,
                "byte {} is '{}' (0x{byte:02x}): {}",
                self.at,
                byte.escape_ascii(),
                self.rule
            ),
            None => write!(f, "at byte {}: {}", self.at, self.rule),
        }
    }
}

impl std::error::Error for ParseError {}
