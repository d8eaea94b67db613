//! The cursor of a `SCAN`: where it stands in the request, where in the response.
//!
//! What a cursor means is the caller's; here it is a number that is found and replaced.

use std::ops::Range;

use super::digits;
use super::parts::Strings;
use super::response::{array_head, elements_end};

/// Where a cursor stands among other bytes, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The number.
    pub value: u64,
    /// The whole bulk string, header and line end included.
    place: Range<usize>,
}

impl Cursor {
    /// Writes `bytes`, in which this cursor was found, with `value` in its place. Copies them.
    pub fn replace(&self, bytes: &[u8], value: u64, out: &mut Vec<u8>) {
        let mut text = Vec::with_capacity(20);
        digits::push(value, &mut text);
        out.extend_from_slice(&bytes[..self.place.start]);
        out.push(b'$');
        digits::push(text.len() as u64, out);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&text);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&bytes[self.place.end..]);
    }
}

/// The cursor in `frame`, a whole `SCAN`: its first argument. `None` when that is no number of 64
/// bits.
#[must_use]
pub fn request_cursor(frame: &[u8]) -> Option<Cursor> {
    let mut strings = Strings::new(frame);
    strings.next()?;
    let begin = strings.at();
    let text = strings.next()?;
    Some(Cursor { value: number(text)?, place: begin..strings.at() })
}

/// The cursor in `response`, a whole answer to a `SCAN`: the first of an array's two elements. `None`
/// when it is no such answer.
#[must_use]
pub fn response_cursor(response: &[u8]) -> Option<Cursor> {
    let (elements, begin) = array_head(response)?;
    let end = elements_end(response, begin, 1)?;
    let text = response[begin..end].strip_prefix(b"$")?.strip_suffix(b"\r\n")?;
    let header = text.iter().position(|&byte| byte == b'\n')?;
    let value = number(&text[header + 1..])?;
    (elements == 2).then_some(Cursor { value, place: begin..end })
}

/// Digits and nothing else.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(bytes: &str, cursor: Option<Cursor>, value: u64) -> Option<(u64, String)> {
        let cursor = cursor?;
        let mut out = Vec::new();
        cursor.replace(bytes.as_bytes(), value, &mut out);
        Some((cursor.value, String::from_utf8(out).expect("made of text")))
    }

    #[test]
    fn a_requests_cursor_is_replaced_and_what_follows_it_stays() {
        let request = "*4\r\n$4\r\nscan\r\n$1\r\n0\r\n$5\r\nCOUNT\r\n$3\r\n100\r\n";
        assert_eq!(
            replaced(request, request_cursor(request.as_bytes()), 1234),
            Some((0, "*4\r\n$4\r\nscan\r\n$4\r\n1234\r\n$5\r\nCOUNT\r\n$3\r\n100\r\n".into()))
        );
        for (text, value) in [("007", Some(7)), ("18446744073709551615", Some(u64::MAX))] {
            let request = format!("*2\r\n$4\r\nSCAN\r\n${}\r\n{text}\r\n", text.len());
            assert_eq!(request_cursor(request.as_bytes()).map(|cursor| cursor.value), value);
        }
        for text in ["", "-1", "+1", "1x", " 1", "18446744073709551616", "1\n"] {
            let request = format!("*2\r\n$4\r\nSCAN\r\n${}\r\n{text}\r\n", text.len());
            assert_eq!(request_cursor(request.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_responses_cursor_is_replaced_and_its_keys_stay() {
        let response = "*2\r\n$2\r\n17\r\n*1\r\n$1\r\n5\r\n";
        assert_eq!(
            replaced(response, response_cursor(response.as_bytes()), 4_000_000),
            Some((17, "*2\r\n$7\r\n4000000\r\n*1\r\n$1\r\n5\r\n".into()))
        );
        for odd in [
            "-ERR no\r\n",
            "*1\r\n$1\r\n0\r\n",
            "*2\r\n:0\r\n*0\r\n",
            "*2\r\n$-1\r\n*0\r\n",
            "*2\r\n$1\r\nx\r\n*0\r\n",
            "$1\r\n0\r\n",
            "*0\r\n",
        ] {
            assert_eq!(response_cursor(odd.as_bytes()), None, "{odd:?}");
        }
    }
}
