//! A request with several keys, taken apart: one fragment a server.
//!
//! The caller walks the request once with [`parts`] to learn which server owns which key, and a
//! second time to write: for each server a [`head`], for each of its keys a [`part`], and a
//! [`tail`]. Nothing is kept in between but the owners.

use std::ops::Range;

use crate::gather::Gather;
use crate::protocol::Version;
use crate::{Protocol, Routed, memcache, resp};

/// One key of a request, and all that travels with it. Ranges are into the request's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The key.
    pub key: Range<u32>,
    /// The bytes that hold the key and its value, if it has one.
    pub bytes: Range<u32>,
}

impl Part {
    /// The key's bytes, of the request's.
    #[must_use]
    #[inline]
    pub fn key<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        &frame[self.key.start as usize..self.key.end as usize]
    }

    /// The key and its value as they stand in the request's bytes.
    #[must_use]
    #[inline]
    pub fn bytes<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        &frame[self.bytes.start as usize..self.bytes.end as usize]
    }
}

/// The keys of a whole request, in its order. O(1) to make, one pass over the request to exhaust.
#[derive(Clone, Debug)]
pub enum Parts<'a> {
    /// Redis.
    Redis(resp::Parts<'a>),
    /// memcached text.
    Memcache(memcache::Parts<'a>),
}

impl Iterator for Parts<'_> {
    type Item = Part;

    #[inline]
    fn next(&mut self) -> Option<Part> {
        match self {
            Self::Redis(parts) => parts.next(),
            Self::Memcache(parts) => parts.next(),
        }
    }
}

/// The parts of `request`, whose bytes are `frame`.
#[must_use]
pub fn parts<'a>(protocol: Protocol, request: &Routed, frame: &'a [u8]) -> Parts<'a> {
    match protocol {
        Protocol::Redis => Parts::Redis(resp::Parts::new(request, frame)),
        Protocol::Memcache => Parts::Memcache(memcache::Parts::new(request, frame)),
    }
}

/// Begins a fragment of `request`, whose bytes are `frame`, with `parts` parts.
pub fn head(protocol: Protocol, request: &Routed, frame: &[u8], parts: u32, out: &mut Vec<u8>) {
    match protocol {
        Protocol::Redis => resp::fragment_head(request.command, parts, out),
        Protocol::Memcache => memcache::fragment_head(request, frame, out),
    }
}

/// Adds one part to a fragment: the `bytes` of the request that [`Part::bytes`] names. Copies them.
#[inline]
pub fn part(protocol: Protocol, bytes: &[u8], out: &mut Vec<u8>) {
    match protocol {
        Protocol::Redis => out.extend_from_slice(bytes),
        Protocol::Memcache => memcache::fragment_part(bytes, out),
    }
}

/// Ends a fragment.
pub fn tail(protocol: Protocol, out: &mut Vec<u8>) {
    match protocol {
        Protocol::Redis => {}
        Protocol::Memcache => memcache::fragment_tail(out),
    }
}

/// Writes what stands for the response to a fragment with `keys` keys that brought none, when the
/// client is to have what the others brought: a null for each key, nothing counted, no block. Says
/// whether there is such a thing; where a key that was not written would go unnoticed there is not.
pub fn stand_in(gather: Gather, version: Version, keys: usize, out: &mut Vec<u8>) -> bool {
    match gather {
        Gather::Array => {
            let null: &[u8] = match version {
                Version::Resp2 => b"$-1\r\n",
                Version::Resp3 => b"_\r\n",
            };
            out.extend_from_slice(format!("*{keys}\r\n").as_bytes());
            (0..keys).for_each(|_key| out.extend_from_slice(null));
        }
        Gather::Sum => out.extend_from_slice(b":0\r\n"),
        Gather::Values => out.extend_from_slice(b"END\r\n"),
        Gather::Status
        | Gather::First
        | Gather::Concat
        | Gather::Least
        | Gather::NotNull
        | Gather::Okay
        | Gather::Stats => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_for_a_response_is_as_good_as_one_to_the_gathering() {
        use crate::gather::gather;
        let whole = |kind, version, response: &[u8]| {
            let mut missing = Vec::new();
            assert!(stand_in(kind, version, 2, &mut missing));
            let responses = [response, &missing];
            let mut out = Vec::new();
            let result = gather(kind, &[1, 0, 1], &responses, |piece| {
                out.extend_from_slice(piece.bytes(&responses));
            });
            assert_eq!(result, Ok(()), "{kind:?}");
            String::from_utf8(out).expect("made of text")
        };
        let array = "*1\r\n$1\r\nv\r\n".as_bytes();
        assert_eq!(whole(Gather::Array, Version::Resp2, array), "*3\r\n$-1\r\n$1\r\nv\r\n$-1\r\n");
        assert_eq!(whole(Gather::Array, Version::Resp3, array), "*3\r\n_\r\n$1\r\nv\r\n_\r\n");
        assert_eq!(whole(Gather::Sum, Version::Resp2, b":1\r\n"), ":1\r\n");
        let block = "VALUE k 0 1\r\nv\r\nEND\r\n";
        assert_eq!(whole(Gather::Values, Version::Resp2, block.as_bytes()), block);
        assert!(!stand_in(Gather::Status, Version::Resp2, 2, &mut Vec::new()));
    }
}
