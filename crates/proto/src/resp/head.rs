//! The heads of requests that were met lately: a head that comes again is compared, and not read.
//!
//! ```text
//!   *2 CRLF $3 CRLF GET CRLF | $3 CRLF key CRLF
//!   ^ the head               | ^ the first argument
//! ```
//! Clients say few different commands, over and over, so what stands before the first argument is mostly one of a
//! handful of byte strings. Which command it names, and that it has as many arguments as it may, is known then from
//! the last time.

use super::request::short_bulk;
use super::{digits, lookup};
use crate::command::{Command, Keys, Travel};

/// Heads of up to so many bytes are kept.
const HEAD_BYTES_MAX: usize = 16;

/// The head that was met last of each of four kinds, for requests with one key that go to its server.
///
/// What a head tells depends on its bytes alone, so clients of all pools of a worker may share one of these.
#[derive(Clone, Debug)]
pub struct Heads([Head; 4]);

/// One head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// Its bytes, as a little-endian number.
    bytes: u128,
    /// Which bytes of sixteen are its own.
    mask: u128,
    pub(super) command: &'static Command,
    /// How many arguments follow it; at least one.
    pub(super) arguments: u32,
    /// Bytes.
    pub(super) len: usize,
}

impl Default for Heads {
    /// None has been met.
    fn default() -> Self {
        // No head is like this one, whose mask lets nothing through.
        let command = &super::COMMANDS[0];
        Self([Head { bytes: 1, mask: 0, command, arguments: 1, len: 0 }; 4])
    }
}

impl Heads {
    /// The head at the front of `buf`, if its request may be one with one key that goes to that key's server.
    #[inline(always)]
    pub(super) fn find(&mut self, buf: &[u8]) -> Option<Head> {
        let word = u128::from_le_bytes(*buf.first_chunk::<HEAD_BYTES_MAX>()?);
        // By the number of strings, or what two bits of its first digit tell of it: most commands that come together
        // differ in that.
        let head = &mut self.0[usize::from(buf[1] & 3)];
        if word & head.mask == head.bytes {
            return Some(*head);
        }
        let other = read(buf, word)?;
        if other.len <= HEAD_BYTES_MAX {
            *head = other;
        }
        Some(other)
    }
}

/// Reads a head that is not like the last of its kind; `word` is what it begins with.
fn read(buf: &[u8], word: u128) -> Option<Head> {
    let (strings, at) = digits::short_header(buf, 0, b'*')?;
    let arguments = strings.checked_sub(1)?;
    let (start, end) = short_bulk(buf, at)?;
    let command = lookup::lookup(&buf[start..end])?;
    let goes_by_its_key = command.keys == Keys::First && command.travel == Travel::OneServer;
    if !goes_by_its_key || !command.arity.allows(arguments) {
        return None;
    }
    let len = end + 2;
    let mask = u128::MAX >> (8 * HEAD_BYTES_MAX.saturating_sub(len));
    Some(Head { bytes: word & mask, mask, command, arguments, len })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Progress;
    use crate::resp::{COMMANDS, RequestParser};

    fn parser() -> RequestParser {
        RequestParser::new(100, usize::MAX)
    }

    fn request(name: &str, arguments: usize) -> Vec<u8> {
        let head = format!("*{}\r\n${}\r\n{name}\r\n", arguments + 1, name.len());
        (head + &"$5\r\nk:123\r\n".repeat(arguments)).into_bytes()
    }

    #[test]
    fn a_plain_request_is_what_the_parser_finds_whatever_came_before_it() {
        let mut heads = Heads::default();
        let mut found = 0;
        for round in 0..2 {
            for (command, arguments) in
                COMMANDS.iter().flat_map(|command| (0..6).map(move |n| (command, n)))
            {
                let wire = request(command.name, arguments);
                let parsed = parser().parse(&wire);
                match (parser().plain(&wire, &mut heads), parsed) {
                    (Some(plain), Ok(Progress::Done(request))) => {
                        plain.assert_is(&request);
                        found += 1;
                    }
                    (Some(plain), parsed) => panic!("{plain:?} is {parsed:?}"),
                    (None, _) => {}
                }
            }
            assert!(found > 100 * (round + 1), "{found}");
        }
        for name in ["GET", "get", "HGETALL", "ZRANGEBYSCORE"] {
            let arguments = if name == "ZRANGEBYSCORE" { 3 } else { 1 };
            assert!(parser().plain(&request(name, arguments), &mut heads).is_some(), "{name}");
        }
    }

    #[test]
    fn what_is_nearly_the_last_head_is_read_for_what_it_is() {
        let good = request("HSET", 3);
        for at in 0..good.len() {
            let mut wire = good.clone();
            for byte in 0..=u8::MAX {
                wire[at] = byte;
                let mut heads = Heads::default();
                assert!(parser().plain(&good, &mut heads).is_some());
                let afresh = parser().plain(&wire, &mut Heads::default());
                assert_eq!(parser().plain(&wire, &mut heads), afresh, "{}", wire.escape_ascii());
            }
        }
    }

    #[test]
    fn a_request_that_is_not_all_there_is_not_plain() {
        let (wire, mut heads) = (request("SET", 2), Heads::default());
        for end in 0..wire.len() {
            assert_eq!(parser().plain(&wire[..end], &mut heads), None, "{end}");
        }
        let mut begun = parser();
        assert!(matches!(begun.parse(&wire[..20]), Ok(Progress::Incomplete { .. })));
        assert_eq!(begun.plain(&wire, &mut heads), None, "it has its place in another");
    }

    #[test]
    fn limits_hold_for_plain_requests() {
        let (wire, mut heads) = (request("SET", 2), Heads::default());
        for (key, request, is_plain) in
            [(5, wire.len(), true), (4, wire.len(), false), (5, wire.len() - 1, false)]
        {
            let found = RequestParser::new(key, request).plain(&wire, &mut heads);
            assert_eq!(found.is_some(), is_plain, "{key} {request}");
        }
    }
}
