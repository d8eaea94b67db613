//! A request with several keys, taken apart: one fragment a server.
//!
//! The caller walks the request once with [`parts`] to learn which server owns which key, and a
//! second time to write: for each server a [`head`], for each of its keys a [`part`], and a
//! [`tail`]. Nothing is kept in between but the owners.

use crate::command::Command;
use crate::{Protocol, Routed, memcache, resp};

/// One key of a request, and all that travels with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The bytes of the request that hold the key and its value, if it has one.
    pub bytes: &'a [u8],
}

/// The keys of a whole request, in its order. O(1) to make, one pass over the request to exhaust.
#[derive(Clone, Debug)]
pub enum Parts<'a> {
    /// Redis.
    Redis(resp::Parts<'a>),
    /// memcached text.
    Memcache(memcache::Parts<'a>),
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
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

/// Begins a fragment with `parts` parts.
pub fn head(protocol: Protocol, command: &Command, parts: u32, out: &mut Vec<u8>) {
    match protocol {
        Protocol::Redis => resp::fragment_head(command, parts, out),
        Protocol::Memcache => memcache::fragment_head(command, out),
    }
}

/// Adds one part to a fragment. Copies it: a key, and its value if it has one.
pub fn part(protocol: Protocol, part: &Part<'_>, out: &mut Vec<u8>) {
    match protocol {
        Protocol::Redis => out.extend_from_slice(part.bytes),
        Protocol::Memcache => memcache::fragment_part(part, out),
    }
}

/// Ends a fragment.
pub fn tail(protocol: Protocol, out: &mut Vec<u8>) {
    match protocol {
        Protocol::Redis => {}
        Protocol::Memcache => memcache::fragment_tail(out),
    }
}
