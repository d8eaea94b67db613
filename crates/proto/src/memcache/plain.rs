//! Plain requests, found without a look at what makes others different.

use super::commands::{self, Form};
use super::digits;
use super::words::word_end;
use crate::Plain;
use crate::limits::{MEMCACHE_KEY_BYTES_MAX, MEMCACHE_LENGTH_DIGITS_MAX, VALUE_BYTES_MAX};

/// The plain request at the front of `buf`, if that is one and is all there: words with one space between them, CR LF,
/// and no `noreply`. Data is of such a length that the request has at most `request_bytes_max` bytes.
#[inline(always)]
pub(super) fn plain(buf: &[u8], request_bytes_max: u32) -> Option<Plain> {
    let name_end = word_end(buf, 0);
    let (command, form) = commands::find(&buf[..name_end])?;
    let start = word(buf, name_end)?;
    let end = word_end(buf, start);
    if end == start || end - start > MEMCACHE_KEY_BYTES_MAX {
        return None;
    }
    let len = match form {
        Form::Keys => behind_line_end(buf, end)?,
        Form::Delete => delete_end(buf, start, end)?,
        Form::Count | Form::Touch => behind_line_end(buf, number(buf, end)?)?,
        Form::Store => {
            let exptime_end = number(buf, number(buf, end)?)?;
            let length = word(buf, exptime_end)?;
            let (data, length_end) = digits::short(buf, length, MEMCACHE_LENGTH_DIGITS_MAX)?;
            if data > VALUE_BYTES_MAX {
                return None;
            }
            let len = behind_line_end(buf, behind_line_end(buf, length_end)? + data as usize)?;
            if len > request_bytes_max as usize {
                return None;
            }
            len
        }
        _ => return None,
    };
    Some(Plain { command, key: start..end, len })
}

/// Where a `delete` of the key at `start..end` ends, which is not `noreply`. A routine of its own: there is more to
/// what nearly all requests are than to this.
#[inline(never)]
fn delete_end(buf: &[u8], start: usize, end: usize) -> Option<usize> {
    if &buf[start..end] == b"noreply" { None } else { behind_line_end(buf, end) }
}

/// Where the word begins behind the one that ends at `end`.
#[inline(always)]
fn word(buf: &[u8], end: usize) -> Option<usize> {
    (*buf.get(end)? == b' ').then_some(end + 1)
}

/// Where the number ends behind the word that ends at `end`.
#[inline(always)]
fn number(buf: &[u8], end: usize) -> Option<usize> {
    digits::skip_short(buf, word(buf, end)?)
}

#[inline(always)]
fn behind_line_end(buf: &[u8], at: usize) -> Option<usize> {
    (buf.get(at..at + 2)? == b"\r\n").then_some(at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memcache::RequestParser;
    use crate::{Progress, Request};

    /// The key of the plain request at the front of `wire`, which the parser finds as well.
    fn found(wire: &[u8]) -> Option<&[u8]> {
        let plain = RequestParser::new(100).plain(wire)?;
        match RequestParser::new(100).parse(wire) {
            Ok(Progress::Done(request)) => plain.assert_is(&request),
            other => panic!("{plain:?} is {other:?}"),
        }
        Some(&wire[plain.key])
    }

    #[test]
    fn what_clients_mostly_send_is_plain() {
        for wire in [
            "get k:1\r\n",
            "gets k:1\r\nget another\r\n",
            "delete k:1\r\n",
            "incr k:1 18446744073709551\r\n",
            "touch k:1 0\r\n",
            "set k:1 0 0 5\r\nhello\r\n",
            "add k:1 123 999999 0\r\n\r\n",
            "replace k:1 0 0 0000000005\r\nhello\r\n",
            "append k:1 0 0 4\r\n\r\n\r\n\r\n",
        ] {
            assert_eq!(found(wire.as_bytes()), Some(&b"k:1"[..]), "{wire:?}");
            for end in 0..wire.find("\r\nget").map_or(wire.len(), |end| end + 2) {
                assert_eq!(found(&wire.as_bytes()[..end]), None, "{wire:?} up to {end}");
            }
        }
    }

    #[test]
    fn what_needs_a_closer_look_is_not() {
        for wire in [
            "get k:1 k:2\r\n",
            "get  k:1\r\n",
            " get k:1\r\n",
            "get k:1 \r\n",
            "get k:1\n",
            "get k\r1\r\n",
            "get \r\n",
            "GET k:1\r\n",
            "delete k:1 noreply\r\n",
            "delete noreply\r\n",
            "incr k:1 -1\r\n",
            "incr k:1 1 noreply\r\n",
            "set k:1 0 0 5 noreply\r\nhello\r\n",
            "set k:1 0 -1 5\r\nhello\r\n",
            "set k:1 0 0 5\r\nhello, world\r\n",
            "set k:1 0 0 5\nhello\r\n",
            "set k:1 0 0 00000000005\r\nhello\r\n",
            "cas k:1 0 0 5 1\r\nhello\r\n",
            "gat 1 k:1\r\n",
            "mg k:1 v\r\n",
            "version\r\n",
        ] {
            assert_eq!(found(wire.as_bytes()), None, "{wire:?}");
        }
        let long = [b"get ".as_slice(), &[b'k'; MEMCACHE_KEY_BYTES_MAX + 1], b"\r\n"].concat();
        assert_eq!(found(&long), None);
        let large = [b"set k 0 0 90\r\n".as_slice(), &[b'v'; 90], b"\r\n"].concat();
        assert_eq!(found(&large), None, "it is longer than requests may be");
    }

    #[test]
    fn a_parser_in_the_midst_of_a_request_finds_none() {
        let mut parser = RequestParser::new(100);
        assert!(matches!(parser.parse(b"get k"), Ok(Progress::Incomplete { .. })));
        assert_eq!(parser.plain(b"get key\r\n"), None);
        assert!(matches!(parser.parse(b"get key\r\n"), Ok(Progress::Done(Request::Routed(_)))));
        assert!(parser.plain(b"get key\r\n").is_some());
    }
}
