//! What is left of a response that nobody wants.

use super::kinds;
use super::response::{ResponseParser, UNKNOWN_LINE};
use crate::kind::Kind;
use crate::progress::{ParseError, Progress};
use crate::rest::Passed;

/// The rest of a memcached response, of which at least one block was seen.
///
/// What follows a block is a response again, of fewer blocks: another `VALUE`, or `END`.
#[derive(Clone, Debug)]
pub struct Rest {
    /// Bytes up to where the next line begins.
    skip: usize,
    /// Nothing follows them: it is a meta command's.
    is_last: bool,
}

impl ResponseParser {
    /// See [`ResponseParser::give_up`](crate::ResponseParser::give_up).
    pub fn give_up(&mut self, buf: &[u8]) -> Option<(Kind, Rest)> {
        let skip = self.line();
        let kind = match buf {
            _ if skip == 0 => return None,
            [b'V', b'A', b' ', ..] => kinds::VA,
            [b'V', ..] => kinds::VALUE,
            [b'S', ..] => kinds::STAT,
            _ => return None,
        };
        *self = Self::new();
        Some((kind, Rest { skip, is_last: kind == kinds::VA }))
    }
}

impl Rest {
    /// See [`Rest::pass`](crate::Rest::pass). Of a line whose end is not there it keeps what is.
    ///
    /// # Errors
    /// [`ParseError`] when the server does not keep to the protocol.
    pub fn pass(&mut self, buf: &[u8]) -> Result<Passed, ParseError> {
        let skipped = self.skip.min(buf.len());
        self.skip -= skipped;
        let lines = &buf[skipped..];
        if self.is_last || lines.is_empty() {
            return Ok(Passed { len: skipped, is_end: self.is_last && self.skip == 0 });
        }
        let mut parser = ResponseParser::new();
        match parser.parse(lines)? {
            Progress::Done(end) if kinds::end_blocks(end.kind) => {
                Ok(Passed { len: skipped + end.len, is_end: true })
            }
            Progress::Done(_) => {
                Err(ParseError { at: skipped, found: lines.first().copied(), rule: UNKNOWN_LINE })
            }
            Progress::Incomplete { .. } => {
                let passed = parser.line().min(lines.len());
                self.skip = parser.line() - passed;
                Ok(Passed { len: skipped + passed, is_end: false })
            }
        }
    }

    pub(crate) const fn skips(&self) -> usize {
        self.skip
    }
}
