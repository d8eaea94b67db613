//! The keys of a request, one by one, and the line that asks one server for some of them.

use super::words::{skip_spaces, word_end};
use crate::split::Part;
use crate::{Routed, limits};

/// The keys of a whole request, in its order. O(1) to make; one pass over the line to exhaust.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    frame: &'a [u8],
    /// The next key, or the spaces before it.
    at: usize,
    left: u32,
}

impl<'a> Parts<'a> {
    /// The keys of `request`, whose bytes are `frame`.
    #[must_use]
    pub fn new(request: &Routed, frame: &'a [u8]) -> Self {
        debug_assert_eq!(request.len, frame.len(), "the bytes of the request");
        Self { frame, at: request.key.start as usize, left: request.keys }
    }
}

impl Iterator for Parts<'_> {
    type Item = Part;

    #[inline(always)]
    fn next(&mut self) -> Option<Part> {
        self.left = self.left.checked_sub(1)?;
        let start = skip_spaces(self.frame, self.at);
        let end = word_end(self.frame, start);
        debug_assert!(
            (1..=limits::MEMCACHE_KEY_BYTES_MAX).contains(&(end - start)),
            "the request has as many keys as it says"
        );
        self.at = end;
        let key = start as u32..end as u32;
        Some(Part { bytes: key.clone(), key })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Parts<'_> {}

/// Begins a fragment of `request`, whose bytes are `frame`: its name and a space, and what stands
/// before the keys (`gat`'s expiry time) and a space.
pub fn fragment_head(request: &Routed, frame: &[u8], out: &mut Vec<u8>) {
    let name = request.command.name.as_bytes();
    out.extend_from_slice(name);
    out.push(b' ');
    let start = skip_spaces(frame, name.len());
    if start < request.key.start as usize {
        fragment_part(&frame[start..word_end(frame, start)], out);
    }
}

/// Adds a key to a fragment, and a space: the original's `memcache_append_key` leaves one behind
/// the last key, too.
pub fn fragment_part(key: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    out.push(b' ');
}

/// Ends a fragment.
pub fn fragment_tail(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memcache::RequestParser;
    use crate::{Progress, Request};

    fn parse(frame: &[u8]) -> Routed {
        match RequestParser::new(usize::MAX).parse(frame) {
            Ok(Progress::Done(Request::Routed(routed))) => routed,
            other => panic!("{}: {other:?}", frame.escape_ascii()),
        }
    }

    #[test]
    fn the_parts_are_the_keys() {
        for (frame, keys) in [
            ("get a\r\n", vec!["a"]),
            ("get  a   bb  c  \r\n", vec!["a", "bb", "c"]),
            ("gets  a a\n", vec!["a", "a"]),
            ("set key 0 0 3 noreply\r\nabc\r\n", vec!["key"]),
            ("delete k 0\r\n", vec!["k"]),
            ("version\r\n", vec![]),
            ("quit now\r\n", vec![]),
            (
                "get \u{1}a\tb \u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\r\n",
                vec!["\u{1}a\tb", "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}"],
            ),
        ] {
            let parts = Parts::new(&parse(frame.as_bytes()), frame.as_bytes());
            assert_eq!(parts.len(), keys.len(), "{frame:?}");
            let found: Vec<_> = parts
                .map(|part| {
                    assert_eq!(part.key, part.bytes, "{frame:?}");
                    std::str::from_utf8(part.key(frame.as_bytes())).unwrap()
                })
                .collect();
            assert_eq!(found, keys, "{frame:?}");
        }
    }

    #[test]
    fn a_fragment_has_a_space_behind_every_key() {
        for (frame, fragment) in [
            ("get   a    b  \r\n", "get a b \r\n"),
            ("gets a\n", "gets a \r\n"),
            ("gat  -1   a  b\n", "gat -1 a b \r\n"),
        ] {
            let routed = parse(frame.as_bytes());
            let mut out = Vec::new();
            fragment_head(&routed, frame.as_bytes(), &mut out);
            for part in Parts::new(&routed, frame.as_bytes()) {
                fragment_part(part.bytes(frame.as_bytes()), &mut out);
            }
            fragment_tail(&mut out);
            assert_eq!(out, fragment.as_bytes(), "{frame:?}");
        }
    }
}
