//! What is left of a response that nobody wants.

use super::kinds;
use super::response::{ResponseParser, string_end};
use crate::kind::Kind;
use crate::progress::ParseError;
use crate::response::Passed;

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
    /// See [`Rest::pass`](crate::response::Rest::pass). Of an element whose end is not there it keeps the head at most, and
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
        b"$12\r\nabcdefg\r\nhij\r\n",
        b"*3\r\n$3\r\nabc\r\n:12\r\n*2\r\n+status\r\n$11\r\nabcdefghijk\r\n",
        b"%2\r\n+a\r\n~2\r\n#t\r\n_\r\n$-1\r\n,1.5\r\n",
        b"*2\r\n*0\r\n*-1\r\n",
        b"=15\r\ntxt:Some string\r\n",
        b"-ERR a line\r\n",
    ];
}
