//! The response parser: one typed value, found and followed to its end.
//!
//! Arrays nest to any depth, and there is no stack: it is enough to know how many elements are
//! still to come, for an array of `n` is no more than its head and `n` elements after it.
//!
//! | first byte | what follows it | still to come |
//! |---|---|---|
//! | `+` `-` `,` `(` | a line | |
//! | `:` | an integer | |
//! | `_` `#` | nothing; `t` or `f` | |
//! | `$` `!` `=` | a length, then so many bytes; `$-1` is null | |
//! | `*` `~` `>` | a count; `*-1` is null | as many elements |
//! | `%` | a count of pairs | twice as many |
//! | <code>\|</code> | a count of pairs | twice as many, and then the element they describe |

use super::digits::{self, LINE_END};
use super::guess::{Guess, ends};
use super::kinds::{self, INTEGER_KIND, NULL_KIND, STATUS_KIND, STRING_KIND};
use super::request::BULK_END;
use crate::limits::{LINE_BYTES_MAX, RESPONSE_BULK_BYTES_MAX};
use crate::progress::{ParseError, Progress};
use crate::response::{Outcome, Response};

/// The place in a Redis response that has been seen in part. 32 bytes.
#[derive(Clone, Debug)]
pub struct ResponseParser {
    /// Where the next element begins, from the first byte of the response.
    at: usize,
    /// How long the bytes must be before it is worth another look. At least 1.
    need: usize,
    /// No line end is known of before here. Of use while the element at `at` is a line.
    seen: usize,
    /// Elements still to come, the one at `at` among them.
    left: u64,
}

const LENGTH: &str = "invalid bulk length";
const COUNT: &str = "invalid multibulk length";
const INTEGER: &str = "invalid integer";
const LONG_LINE: &str = "too long a line";
const NULL: &str = "expected CR LF after a null";
const BOOLEAN: &str = "expected 't' or 'f' and CR LF after '#'";
const TYPE: &str = "no type begins with this byte";

/// The nulls of RESP2.
const NULL_BULK: &[u8] = b"$-1\r\n";
const NULL_ARRAY: &[u8] = b"*-1\r\n";

/// The shortest element, bytes: its type and a line end.
const ELEMENT_BYTES_MIN: u64 = 3;

impl ResponseParser {
    /// A parser at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self::of_elements(1)
    }

    /// A parser of so many elements, one behind the other.
    pub(super) const fn of_elements(left: u64) -> Self {
        Self { at: 0, need: 1, seen: 0, left }
    }

    /// Where the next element begins, and how many are still to come from there on.
    pub(super) const fn place(&self) -> (usize, u64) {
        (self.at, self.left)
    }

    /// Whether it is at the start of a response.
    #[must_use]
    #[inline(always)]
    pub const fn is_at_start(&self) -> bool {
        self.need == 1
    }

    /// Looks for one whole response at the front of `buf`; see
    /// [`ResponseParser::parse`](crate::ResponseParser::parse).
    ///
    /// Copies nothing and allocates nothing. Of a bulk string it looks at the header and the line
    /// end, of a line at every byte once.
    ///
    /// # Errors
    /// [`ParseError`] when the server does not keep to the protocol, in RESP2 or RESP3: an unknown
    /// type, a length above [`RESPONSE_BULK_BYTES_MAX`], a line that does not end.
    #[inline(always)]
    pub fn parse(&mut self, buf: &[u8]) -> Result<Progress<Response>, ParseError> {
        let plain = if self.is_at_start() { plain(buf) } else { None };
        plain.map_or_else(|| self.parse_any(buf), |response| Ok(Progress::Done(response)))
    }

    /// As [`parse`](Self::parse), of any response.
    #[inline(never)]
    fn parse_any(&mut self, buf: &[u8]) -> Result<Progress<Response>, ParseError> {
        match self.walk(buf)? {
            Some(len) => {
                *self = Self::new();
                let response = &buf[..len];
                let (outcome, kind) = (outcome(response), kinds::kind(response));
                Ok(Progress::Done(Response { len, outcome, kind }))
            }
            None => {
                let others = self.left.saturating_sub(1).saturating_mul(ELEMENT_BYTES_MIN);
                let others = usize::try_from(others).unwrap_or(usize::MAX);
                let missing = (self.need - buf.len()).saturating_add(others);
                Ok(Progress::Incomplete { missing })
            }
        }
    }

    /// Follows the elements to their end and returns where it is; `None`, with the place kept,
    /// when the end is not there.
    #[inline]
    pub(super) fn walk(&mut self, buf: &[u8]) -> Result<Option<usize>, ParseError> {
        if buf.len() < self.need {
            return Ok(None);
        }
        let mut at = self.at;
        let mut left = self.left;
        let mut guess = Guess::new();
        while left > 0 {
            if let Some(next) = small_element(buf, at, &mut guess) {
                at = next;
                left -= 1;
                continue;
            }
            let step = match buf.get(at) {
                None => Step::Wait { need: at + 1 },
                Some(b'$' | b'!' | b'=') => bulk(buf, at)?,
                Some(b'+' | b'-' | b',' | b'(') => line(buf, at, self.seen)?,
                Some(b':') => match digits::integer(buf, at + 1, INTEGER)? {
                    Some((_, next)) => Step::Next { next, more: 0 },
                    None => Step::Wait { need: buf.len() + 1 },
                },
                Some(b'*' | b'~' | b'>' | b'%' | b'|') => aggregate(buf, at)?,
                Some(b'_') => literal(buf, at, &[b"_\r\n"], NULL)?,
                Some(b'#') => literal(buf, at, &[b"#t\r\n", b"#f\r\n"], BOOLEAN)?,
                Some(&byte) => return Err(ParseError { at, found: Some(byte), rule: TYPE }),
            };
            match step {
                Step::Next { next, more } => {
                    let count = (left - 1).checked_add(more);
                    left = count.ok_or(ParseError { at, found: None, rule: COUNT })?;
                    at = next;
                }
                Step::Wait { need } => {
                    debug_assert!(need > buf.len());
                    *self = Self { at, need, seen: buf.len(), left };
                    return Ok(None);
                }
            }
        }
        Ok(Some(at))
    }
}

/// The response that most are: a value of fewer than 100,000 bytes, a null, a
/// small number or `OK`, and all there. `None` says nothing; [`ResponseParser::walk`] has the answer
/// then.
#[inline(always)]
fn plain(buf: &[u8]) -> Option<Response> {
    match buf.first()? {
        b'$' => {
            let len = short_bulk(buf, 0)?;
            // No string is as short as null: it has two line ends.
            let is_null = len == NULL_BULK.len();
            Some(Response::fine(len, if is_null { NULL_KIND } else { STRING_KIND }))
        }
        b':' => {
            digits::short_header(buf, 0, b':').map(|(_, next)| Response::fine(next, INTEGER_KIND))
        }
        _ => buf.starts_with(b"+OK\r\n").then_some(Response::fine(5, STATUS_KIND)),
    }
}

/// Where the bulk string at `at` ends, line end and all, when it is null or of fewer than 100,000
/// bytes, and all there. `None` says nothing; [`bulk`] has the answer then.
#[inline(always)]
fn short_bulk(buf: &[u8], at: usize) -> Option<usize> {
    if let Some((len, start)) = digits::short_header(buf, at, b'$') {
        let end = start + len as usize;
        return ends(buf, end).then_some(end + 2);
    }
    null_end(buf, at)
}

/// As [`short_bulk`], where the strings before it may have been like it.
#[inline(always)]
fn small_element(buf: &[u8], at: usize, guess: &mut Guess) -> Option<usize> {
    guess.short_bulk(buf, at).map(|(_, end)| end + 2).or_else(|| null_end(buf, at))
}

/// Where the null at `at` ends, if there is one.
#[inline]
fn null_end(buf: &[u8], at: usize) -> Option<usize> {
    let end = at + NULL_BULK.len();
    (buf.get(at..end)? == NULL_BULK).then_some(end)
}

impl Default for ResponseParser {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the `elements` elements that begin at `at` end, in a response that is known to be whole.
/// `None` where it is not, after all.
pub(super) fn elements_end(response: &[u8], at: usize, elements: u64) -> Option<usize> {
    further_elements_end(response, at, elements, &mut Guess::new())
}

/// As [`elements_end`], of elements that may be like those that `guess` comes from.
#[inline(always)]
pub(super) fn further_elements_end(
    response: &[u8],
    mut at: usize,
    mut elements: u64,
    guess: &mut Guess,
) -> Option<usize> {
    while elements > 0 {
        let Some(next) = small_element(response, at, guess) else {
            return any_elements_end(response, at, elements);
        };
        at = next;
        elements -= 1;
    }
    Some(at)
}

/// As [`elements_end`], of any elements.
#[cold]
fn any_elements_end(response: &[u8], at: usize, elements: u64) -> Option<usize> {
    let end = ResponseParser::of_elements(elements).walk(response.get(at..)?).ok()??;
    Some(at + end)
}

/// The number of elements in the array that `response` is, and where the first begins. `None` when
/// it is no array, or null.
pub(super) fn array_head(response: &[u8]) -> Option<(u32, usize)> {
    if response.first() != Some(&b'*') {
        return None;
    }
    digits::length(response, 1, u32::MAX, COUNT).ok()?
}

/// The integer that `response` is, if it is one.
pub(super) fn integer(response: &[u8]) -> Option<i64> {
    if response.first() != Some(&b':') {
        return None;
    }
    digits::integer(response, 1, INTEGER).ok()?.map(|(value, _)| value)
}

/// Whether `response`, a whole one, is an error.
#[must_use]
pub fn is_error(response: &[u8]) -> bool {
    outcome(response) != Outcome::Fine
}

/// What a whole response says about the request and the server.
pub(super) fn outcome(response: &[u8]) -> Outcome {
    match response {
        [b'-', words @ ..] => {
            for word in [&b"OOM"[..], b"BUSY", b"LOADING"] {
                // The whole first word: -BUSYKEY is the request's own fault.
                if let Some([b' ' | b'\r', ..]) = words.strip_prefix(word) {
                    return Outcome::Unwell;
                }
            }
            Outcome::Error
        }
        [b'!', ..] => Outcome::Error,
        [b'>', ..] => Outcome::Push,
        [b'|', ..] => outcome(described(response)),
        _ => Outcome::Fine,
    }
}

/// What the attributes at the front of `response` describe: what is behind the last of them, be they as
/// many as they may.
#[cold]
pub(super) fn described(mut response: &[u8]) -> &[u8] {
    let behind = |attributes: &[u8]| {
        let (pairs, first) = digits::length(attributes, 1, u32::MAX, COUNT).ok()??;
        elements_end(attributes, first, 2 * u64::from(pairs))
    };
    while let [b'|', ..] = response {
        let end = behind(response).unwrap_or(response.len());
        response = response.get(end..).unwrap_or_default();
    }
    response
}

/// What came of one element.
enum Step {
    /// It, or its head, is whole.
    Next {
        /// Where what follows begins.
        next: usize,
        /// Elements that it adds to those still to come.
        more: u64,
    },
    /// It is not, until the bytes have `need` bytes.
    Wait {
        /// Bytes, more than there are.
        need: usize,
    },
}

/// A length and so many bytes.
fn bulk(buf: &[u8], at: usize) -> Result<Step, ParseError> {
    let (len, start) = match digits::length(buf, at + 1, RESPONSE_BULK_BYTES_MAX as u32, LENGTH) {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(Step::Wait { need: buf.len() + 1 }),
        Err(error) => return null(buf, at, NULL_BULK, error),
    };
    let end = start + len as usize;
    match buf.get(end..).unwrap_or_default() {
        [b'\r', b'\n', ..] => Ok(Step::Next { next: end + 2, more: 0 }),
        [b'\r', byte, ..] => Err(ParseError { at: end + 1, found: Some(*byte), rule: BULK_END }),
        [byte, _, ..] => Err(ParseError { at: end, found: Some(*byte), rule: BULK_END }),
        [_] | [] => Ok(Step::Wait { need: end + 2 }),
    }
}

/// Where the string ends that `element`, of which the end is not there, begins with; `None` where that is not known, or
/// it is no string.
pub(super) fn string_end(element: &[u8]) -> Option<usize> {
    if !matches!(element.first(), Some(b'$' | b'!' | b'=')) {
        return None;
    }
    let (len, start) =
        digits::length(element, 1, RESPONSE_BULK_BYTES_MAX as u32, LENGTH).ok()??;
    Some(start + len as usize + 2)
}

/// The head of what holds other elements.
fn aggregate(buf: &[u8], at: usize) -> Result<Step, ParseError> {
    match digits::length(buf, at + 1, u32::MAX, COUNT) {
        Ok(Some((count, next))) => {
            let count = u64::from(count);
            let more = match buf[at] {
                b'%' => 2 * count,
                // What describes the next element is not that element.
                b'|' => 2 * count + 1,
                _ => count,
            };
            Ok(Step::Next { next, more })
        }
        Ok(None) => Ok(Step::Wait { need: buf.len() + 1 }),
        Err(error) => null(buf, at, NULL_ARRAY, error),
    }
}

/// The one length below zero that there is: the null of RESP2. `error` is what it is otherwise.
#[cold]
fn null(buf: &[u8], at: usize, null: &[u8], error: ParseError) -> Result<Step, ParseError> {
    // Its type and its minus sign; without them the byte that no length has tells more.
    if buf.get(at..at + 2) != null.get(..2) {
        return Err(error);
    }
    literal(buf, at, &[null], error.rule)
}

/// One of `literals`, byte by byte.
fn literal(
    buf: &[u8],
    at: usize,
    literals: &[&[u8]],
    rule: &'static str,
) -> Result<Step, ParseError> {
    let text = &buf[at..];
    let shared = |literal: &&[u8]| literal.iter().zip(text).take_while(|(a, b)| a == b).count();
    let (matched, len) =
        literals.iter().map(|literal| (shared(literal), literal.len())).max().unwrap_or_default();
    if matched == len {
        Ok(Step::Next { next: at + len, more: 0 })
    } else if let Some(&byte) = text.get(matched) {
        Err(ParseError { at: at + matched, found: Some(byte), rule })
    } else {
        Ok(Step::Wait { need: buf.len() + 1 })
    }
}

/// A line, of which no end is before `seen`.
fn line(buf: &[u8], at: usize, seen: usize) -> Result<Step, ParseError> {
    // A CR that was the last byte is found again: its LF has not been looked at.
    let from = seen.saturating_sub(1).max(at + 1);
    let to = at + 1 + LINE_BYTES_MAX + 1;
    let window = buf.get(from..to.min(buf.len())).unwrap_or_default();
    let Some(found) = memchr::memchr(b'\r', window) else {
        if buf.len() >= to {
            return Err(ParseError { at: to - 1, found: None, rule: LONG_LINE });
        }
        return Ok(Step::Wait { need: buf.len() + 1 });
    };
    let end = from + found;
    match buf.get(end + 1) {
        Some(b'\n') => Ok(Step::Next { next: end + 2, more: 0 }),
        Some(&byte) => Err(ParseError { at: end + 1, found: Some(byte), rule: LINE_END }),
        None => Ok(Step::Wait { need: end + 2 }),
    }
}

#[cfg(test)]
mod tests;
