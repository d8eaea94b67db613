//! Keys that say whose they are and what a server is to answer to them.
//!
//! Every request asks for keys that no other does. So a server knows what it has seen before, and a
//! client knows, to the byte, the only answer that is its own.

use super::random::Random;

/// What a key says: `c3q17k0v120` is the first key of client 3's request 17, and its value has 120
/// bytes. The first two may stand in braces, as a hash tag; anything behind a `_` says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tag {
    pub(crate) client: u32,
    pub(crate) request: u32,
    pub(crate) part: u32,
    pub(crate) kind: Kind,
}

/// What a server answers to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A value of so many bytes.
    Value(u32),
    /// Nothing is stored there.
    Missing,
    /// An error that is the request's own fault.
    Error,
    /// An error that says the server is unwell.
    Unwell,
    /// This number.
    Number(u32),
    /// A response of a type that the command never gives.
    Wrong,
    /// An error that comes before the request has wholly arrived.
    TooLarge,
}

impl Tag {
    /// The key, with its owner in braces if `braced`, and sometimes longer than it needs to be.
    pub(crate) fn key(&self, braced: bool, random: &mut Random) -> Vec<u8> {
        let owner = format!("c{}q{}", self.client, self.request);
        let owner = if braced { format!("{{{owner}}}") } else { owner };
        let kind = match self.kind {
            Kind::Value(bytes) => format!("v{bytes}"),
            Kind::Missing => "z".into(),
            Kind::Error => "e".into(),
            Kind::Unwell => "l".into(),
            Kind::Number(number) => format!("n{number}"),
            Kind::Wrong => "w".into(),
            Kind::TooLarge => "t".into(),
        };
        let pad = if random.chance(10) { random.between(1, 100) as usize } else { 0 };
        let pad = if pad > 0 { format!("_{}", "p".repeat(pad)) } else { String::new() };
        format!("{owner}k{}{kind}{pad}", self.part).into_bytes()
    }

    /// What `key` says; `None` when it is no key of these.
    pub(crate) fn of(key: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(key).ok()?;
        let text = text.split('_').next()?.replace(['{', '}'], "");
        let (client, rest) = number(text.strip_prefix('c')?)?;
        let (request, rest) = number(rest.strip_prefix('q')?)?;
        let (part, rest) = number(rest.strip_prefix('k')?)?;
        let kind = match rest.split_at_checked(1)? {
            ("v", bytes) => Kind::Value(bytes.parse().ok()?),
            ("z", "") => Kind::Missing,
            ("e", "") => Kind::Error,
            ("l", "") => Kind::Unwell,
            ("n", value) => Kind::Number(value.parse().ok()?),
            ("w", "") => Kind::Wrong,
            ("t", "") => Kind::TooLarge,
            _ => return None,
        };
        Some(Self { client, request, part, kind })
    }
}

/// The digits at the front of `text` as a number, and what is behind them.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|byte: char| !byte.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// `bytes` bytes that no other key's value has.
pub(crate) fn value(key: &[u8], bytes: usize) -> Vec<u8> {
    let mut value = key.repeat(bytes / key.len() + 1);
    value.truncate(bytes);
    value
}
