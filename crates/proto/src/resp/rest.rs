//! What is left of a response that nobody wants.

use super::kinds;
use super::response::{ResponseParser, string_end};
use crate::kind::Kind;
use crate::progress::ParseError;
use crate::rest::Passed;

/// The rest of a Redis response.
///
/// ```text
/// *3  $9 CR LF abc|defghi CR LF  :1 CR LF  $2 ..
///                  skip ......   left: 2
/// ```
#[derive(Clone, Debug)]
pub struct Rest {
    /// Bytes up to where the next element begins.
    skip: usize,
    /// Elements still to come from there on.
    left: u64,
}

impl ResponseParser {
    /// See [`ResponseParser::give_up`](crate::ResponseParser::give_up).
    pub fn give_up(&mut self, buf: &[u8]) -> Option<(Kind, Rest)> {
        // A push is nobody's response.
        if matches!(buf.first(), None | Some(b'>')) {
            return None;
        }
        let (skip, left) = self.place();
        *self = Self::new();
        Some((kinds::kind(buf), Rest { skip, left }))
    }
}

impl Rest {
    /// See [`Rest::pass`](crate::Rest::pass). Of an element whose end is not there it keeps the head at most, and
    /// a line.
    ///
    /// # Errors
    /// [`ParseError`] when the server does not keep to the protocol.
    pub fn pass(&mut self, buf: &[u8]) -> Result<Passed, ParseError> {
        let skipped = self.skip.min(buf.len());
        self.skip -= skipped;
        if self.left == 0 {
            return Ok(Passed { len: skipped, is_end: self.skip == 0 });
        }
        let elements = &buf[skipped..];
        let mut parser = ResponseParser::of_elements(self.left);
        if let Some(end) = parser.walk(elements)? {
            self.left = 0;
            return Ok(Passed { len: skipped + end, is_end: true });
        }
        let (at, left) = parser.place();
        self.left = left;
        match string_end(&elements[at..]) {
            Some(end) => {
                (self.skip, self.left) = (end - (elements.len() - at), left - 1);
                Ok(Passed { len: buf.len(), is_end: false })
            }
            None => Ok(Passed { len: skipped + at, is_end: false }),
        }
    }

    pub(crate) const fn skips(&self) -> usize {
        self.skip
    }
}
