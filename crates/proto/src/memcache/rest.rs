//! What is left of a response that nobody wants.

use super::kinds;
use super::response::{ResponseParser, UNKNOWN_LINE};
use crate::kind::Kind;
use crate::progress::{ParseError, Progress};
use crate::response::Passed;

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
    /// See [`Rest::pass`](crate::response::Rest::pass). Of a line whose end is not there it keeps what is.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Progress;

    /// However a response is cut, and whenever it is given up, its end is where the parser finds it.
    #[test]
    fn what_is_given_up_ends_where_it_would_have_ended() {
        for response in RESPONSES {
            let stream = [response, &b"NEXT"[..]].concat();
            for step in [1, 2, 3, 5, 8, 100] {
                for given_up_at in 1..response.len() {
                    let mut parser = ResponseParser::new();
                    let seen = parser.parse(&stream[..given_up_at]);
                    assert!(matches!(seen, Ok(Progress::Incomplete { .. })), "{seen:?}");
                    let Some((kind, mut rest)) = parser.give_up(&stream[..given_up_at]) else {
                        continue;
                    };
                    assert!(parser.is_at_start());
                    let whole = ResponseParser::new().parse(response);
                    assert!(matches!(whole, Ok(Progress::Done(it)) if it.kind == kind), "{kind:?}");
                    let (mut from, mut to) = (0, given_up_at);
                    loop {
                        let passed =
                            rest.pass(&stream[from..to]).expect("it keeps to the protocol");
                        from += passed.len;
                        if passed.is_end {
                            break;
                        }
                        assert!(to < stream.len(), "it has an end");
                        to = stream.len().min(to + step);
                    }
                    assert_eq!(from, response.len(), "{}", response.escape_ascii());
                }
            }
        }
    }

    const RESPONSES: &[&[u8]] = &[
        b"VALUE a 0 12\r\nabcdefg\r\nhij\r\nVALUE b 7 0 99\r\n\r\nEND\r\n",
        b"VALUE a 0 2\r\nab\r\nEND\r\n",
        b"VALUE a 0 5\r\nEND\r\n\r\nEND\r\n",
        b"VA 9 f1 kb\r\nEND\r\nab\r\n\r\n",
        b"STAT pid 1\r\nSTAT uptime 22\r\nEND\r\n",
    ];
}
