//! A request with several keys, taken apart: one fragment a server.
//!
//! The caller walks the request once with [`parts`] to learn which server owns which key, and a
//! second time to write: for each server a [`head`], for each of its keys a [`part`], and a
//! [`tail`]. Nothing is kept in between but the owners.

use std::ops::Range;

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
