//! A request as its client sees it: its bytes, and the only answers that are its own.

use std::fmt;

use nutcracker_proto::Protocol;

use super::events::Event;
use super::meta::Burst;
use super::partly::Partly;
use super::subscriber::Confirmation;
use super::wire::strings;

/// A request and what may come of it.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) wire: Vec<u8>,
    /// `None` when it gets no response.
    pub(crate) expected: Option<Expected>,
}

impl Ask {
    /// Its answer is worth seeing.
    pub(crate) fn seen_as(self, event: Event) -> Self {
        Self { expected: self.expected.map(|expected| expected.seen_as(event)), ..self }
    }
}

/// A response that is due.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) answers: Answers,
    /// A server is asked: the proxy may have to say that it failed.
    pub(crate) served: bool,
    /// How long its client lets it wait besides, microseconds; the largest number is for ever.
    pub(crate) waits: u64,
    /// How often it may be sent, each time with all of its time.
    pub(crate) attempts: u64,
    /// What is seen when it is answered well.
    pub(crate) event: Option<Event>,
    /// What it may be if some servers failed.
    pub(crate) partly: Option<Partly>,
    /// The script that the proxy knows when it is answered well.
    pub(crate) learns: Option<u32>,
    /// Another response, if this one is no error.
    pub(crate) then: Option<Box<Self>>,
}

impl Expected {
    /// A server gives one of these answers.
    pub(crate) fn served(answers: Answers) -> Self {
        Self { served: true, ..Self::here(answers) }
    }

    /// The proxy gives one of these answers.
    pub(crate) const fn here(answers: Answers) -> Self {
        Self {
            answers,
            served: false,
            waits: 0,
            attempts: 1,
            event: None,
            learns: None,
            partly: None,
            then: None,
        }
    }

    /// It is worth seeing.
    pub(crate) fn seen_as(self, event: Event) -> Self {
        Self { event: Some(event), ..self }
    }
}

/// What a response may be.
pub(crate) enum Answers {
    /// One of these, to the byte.
    AnyOf(Vec<Vec<u8>>),
    /// These blocks, in any order, and `END`.
    Blocks(Vec<Vec<u8>>),
    /// A list of these, in any order.
    Elements(Vec<Vec<u8>>),
    /// What a `SCAN` with this pattern gets.
    Page(Vec<u8>),
    /// This figure, and then the proxy's own.
    Figure(String),
    /// A number that is not far from this one.
    Near(u64),
    /// That a subscription has begun, or ended.
    Confirmation(Confirmation),
    /// Several, behind each other.
    Burst(Burst),
    /// Something that begins like this.
    Beginning(&'static str),
}

impl Answers {
    pub(crate) fn allow(&self, response: &[u8]) -> bool {
        match self {
            Self::AnyOf(answers) => answers.iter().any(|answer| answer == response),
            Self::Blocks(blocks) => {
                let mut left: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
                let mut rest = response;
                while let Some(at) = left.iter().position(|block| rest.starts_with(block)) {
                    rest = &rest[left.swap_remove(at).len()..];
                }
                left.is_empty() && rest == b"END\r\n"
            }
            Self::Elements(elements) => {
                let (mut found, mut expected) = (strings(response), elements.clone());
                found.sort();
                expected.sort();
                response.starts_with(b"*") && found == expected
            }
            Self::Figure(line) => {
                response.starts_with(line.as_bytes()) && response.ends_with(b"\r\nEND\r\n")
            }
            Self::Near(own) => {
                /// More than there are subscribers, and conns that listen for them.
                const FAR: u64 = 200;
                let number =
                    response.strip_prefix(b":").and_then(|rest| rest.strip_suffix(b"\r\n"));
                let number = number.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
                number.is_some_and(|number: u64| number.abs_diff(*own) < FAR)
            }
            Self::Confirmation(confirmation) => confirmation.allows(response),
            Self::Burst(_) => response == b"MN\r\n",
            Self::Page(_) => response.starts_with(b"*2\r\n$"),
            Self::Beginning(text) => response.starts_with(text.as_bytes()),
        }
    }
}

impl Answers {
    /// Whether `response` is of a kind with one of these: what no proxy can tell from them where a server
    /// says what it was not asked for.
    pub(crate) fn are_like(&self, protocol: Protocol, response: &[u8]) -> bool {
        let kin = |answer: &[u8]| match (protocol, answer[0]) {
            // An error does not show what would have been right.
            _ if protocol.is_error(answer) => true,
            (Protocol::Redis, first) => response[0] == first,
            (Protocol::Memcache, b'0'..=b'9') => matches!(response[0], b'0'..=b'9' | b'N'),
            (Protocol::Memcache, b'S' | b'E') => matches!(response[0], b'S' | b'E' | b'N'),
            // Of what was not found nobody knows what was asked of it.
            (Protocol::Memcache, b'N') => response[0] != b'V',
            (Protocol::Memcache, first) => response[0] == first || response[0] == b'N',
        };
        match self {
            Self::AnyOf(answers) => answers.iter().any(|answer| kin(answer)),
            Self::Blocks(_) => response.starts_with(b"VALUE ") || response == b"END\r\n",
            Self::Elements(_) | Self::Page(_) => response[0] == b'*',
            Self::Near(_) => response[0] == b':',
            Self::Beginning(_) => self.allow(response),
            // Each is looked at where it is taken apart, or by its first words alone.
            Self::Figure(_) | Self::Confirmation(_) | Self::Burst(_) => true,
        }
    }

    /// Bytes of the longest of them; of those that are short in any case, more than they have.
    pub(crate) fn len_max(&self) -> usize {
        const SHORT: usize = 2_000;
        let with_heads = |parts: &[Vec<u8>]| parts.iter().map(|part| part.len() + 20).sum();
        let len = match self {
            Self::AnyOf(answers) => answers.iter().map(Vec::len).max().unwrap_or(0),
            Self::Blocks(parts) | Self::Elements(parts) => with_heads(parts),
            Self::Burst(burst) => burst.len_max(),
            Self::Figure(_)
            | Self::Page(_)
            | Self::Near(_)
            | Self::Confirmation(_)
            | Self::Beginning(_) => SHORT,
        };
        len.max(SHORT)
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyOf(answers) => {
                answers.iter().try_for_each(|answer| write!(f, "{} ", shown(answer)))
            }
            Self::Blocks(blocks) => {
                blocks.iter().try_for_each(|block| write!(f, "{} ", shown(block)))?;
                f.write_str("END")
            }
            Self::Elements(elements) => {
                elements.iter().try_for_each(|element| write!(f, "{} ", shown(element)))?;
                f.write_str("in any order")
            }
            Self::Figure(line) => write!(f, "{line}"),
            Self::Near(number) => write!(f, "about {number}"),
            Self::Confirmation(confirmation) => write!(f, "{confirmation:?}"),
            Self::Burst(burst) => write!(f, "{burst:?}"),
            Self::Page(pattern) => write!(f, "a page of {}", pattern.escape_ascii()),
            Self::Beginning(text) => write!(f, "{text}..."),
        }
    }
}

/// Bytes as a failure shows them.
pub(crate) fn shown(bytes: &[u8]) -> String {
    format!("\"{}\" ({} bytes)", bytes[..bytes.len().min(100)].escape_ascii(), bytes.len())
}

pub(crate) fn here(answer: &str) -> Expected {
    Expected::here(Answers::AnyOf(vec![answer.as_bytes().to_vec()]))
}

pub(crate) const fn beginning(text: &'static str) -> Expected {
    Expected::here(Answers::Beginning(text))
}
