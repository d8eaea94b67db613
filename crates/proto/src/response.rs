//! A response, found but not copied.

use crate::kind::Kind;
use crate::progress::{ParseError, Progress};
use crate::rest::Rest;
use crate::{Protocol, memcache, resp};

/// One whole response at the front of a server's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// Bytes of the whole response.
    pub len: usize,
    /// What it says about the request and the server.
    pub outcome: Outcome,
    /// Of what kind it is, which its request may get or not.
    pub kind: Kind,
}

impl Response {
    /// An answer of so many bytes.
    #[inline(always)]
    pub(crate) const fn fine(len: usize, kind: Kind) -> Self {
        Self { len, outcome: Outcome::Fine, kind }
    }
}

/// What a response says about the request and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer.
    Fine,
    /// An error, the request's own fault.
    Error,
    /// An error that says the server cannot serve just now: Redis' `-OOM`, `-BUSY` and `-LOADING`
    /// (the original's `redis_error`). It counts as a failure of the server.
    Unwell,
    /// No response: RESP3's push, which comes when the server has news.
    Push,
}

/// The place in a response that has been seen in part.
#[derive(Clone, Debug)]
pub enum ResponseParser {
    /// Redis.
    Redis(resp::ResponseParser),
    /// memcached text.
    Memcache(memcache::ResponseParser),
}

impl ResponseParser {
    /// A parser at the start of a stream of `protocol`.
    #[must_use]
    pub const fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Redis => Self::Redis(resp::ResponseParser::new()),
            Protocol::Memcache => Self::Memcache(memcache::ResponseParser::new()),
        }
    }

    /// Whether it is at the start of a response: nothing of one has been seen yet.
    #[must_use]
    #[inline(always)]
    pub const fn is_at_start(&self) -> bool {
        match self {
            Self::Redis(parser) => parser.is_at_start(),
            Self::Memcache(parser) => parser.is_at_start(),
        }
    }

    /// Gives up the response at the front of `buf`, of which [`parse`](Self::parse) has just said that it is incomplete:
    /// of what kind it is, and what is left of it from the front of `buf` on. The parser is at the start of the next one
    /// then. `None`, with nothing changed, where its kind is not clear yet, and for what is no response.
    pub fn give_up(&mut self, buf: &[u8]) -> Option<(Kind, Rest)> {
        match self {
            Self::Redis(parser) => {
                parser.give_up(buf).map(|(kind, rest)| (kind, Rest::Redis(rest)))
            }
            Self::Memcache(parser) => {
                parser.give_up(buf).map(|(kind, rest)| (kind, Rest::Memcache(rest)))
            }
        }
    }

    /// Looks for one whole response at the front of `buf`; as [`RequestParser::parse`], with the
    /// same promises.
    ///
    /// # Errors
    /// [`ParseError`] when the server does not keep to the protocol.
    ///
    /// [`RequestParser::parse`]: crate::RequestParser::parse
    #[inline(always)]
    pub fn parse(&mut self, buf: &[u8]) -> Result<Progress<Response>, ParseError> {
        match self {
            Self::Redis(parser) => parser.parse(buf),
            Self::Memcache(parser) => parser.parse(buf),
        }
    }
}
