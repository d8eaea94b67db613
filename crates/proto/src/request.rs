//! A request, found but not copied.

use std::ops::Range;

use crate::command::Command;
use crate::plain::Plain;
use crate::progress::{ParseError, Progress};
use crate::{Heads, Protocol, memcache, resp};

/// One whole request at the front of a client's bytes. All ranges are into those bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A command of the table with a fitting number of arguments: it can go on its way.
    Routed(Routed),
    /// Well framed, but not to be served: an unknown command, a wrong number of arguments, a key
    /// that is too long. The connection stays in step, so it lives on.
    Refused(Refused),
    /// An inline line of words, made into the protocol's ordinary form; or a request that not every server
    /// reads alike, in words that all do. Parse `frame` next.
    Inline(Inline),
    /// An empty line or an array of nothing, which asks for nothing and gets no answer; or a part of
    /// a request that was refused before it was whole.
    Blank {
        /// Bytes to consume; those that are not there yet are to be skipped as they come.
        len: usize,
    },
}

/// A request that a server, several servers or the proxy itself will answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// Bytes of the whole request.
    pub len: usize,
    /// Its row in the command table.
    pub command: &'static Command,
    /// The first key, or the password of an `AUTH`; empty when there is neither.
    pub key: Range<u32>,
    /// How many keys it has (pairs count once).
    pub keys: u32,
    /// Bytes to leave out when forwarding, empty (`len..len`) for most. A `noreply` is left out, so
    /// that every request a server gets has one response and the two never fall out of step.
    pub omit: Range<u32>,
    /// The client wants no response.
    pub noreply: bool,
    /// What memcached's meta protocol adds.
    pub meta: Meta,
}

/// What a request of memcached's meta protocol says besides its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Which responses the client does not want to see.
    pub quiet: Quiet,
    /// The key is written in base64: it belongs where the bytes it stands for belong
    /// ([`memcache::decode_key`]).
    pub encoded_key: bool,
}

/// Which responses to a request are kept from its client.
///
/// Quiet mode (flag `q`) is never asked of a server: it would answer some requests and others not.
/// The proxy leaves the flag out on the way and withholds the response itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quiet {
    /// None of them.
    #[default]
    No,
    /// A miss: `EN`.
    Misses,
    /// A success: `HD`, or `VA` of a command that changes data.
    Successes,
    /// All of them: the client has said `CLIENT REPLY OFF`, or `SKIP`.
    All,
}

impl Quiet {
    /// Whether `response`, a whole one, is kept from the client. Looks at two bytes.
    #[must_use]
    #[inline]
    pub fn hides(self, response: &[u8]) -> bool {
        match self {
            Self::No => false,
            Self::All => true,
            Self::Misses => response.starts_with(b"EN"),
            Self::Successes => response.starts_with(b"HD") || response.starts_with(b"VA "),
        }
    }
}

/// A request that gets an error from the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Bytes to consume. Of a request that is too large, they may be more than there are: the rest
    /// is to be skipped as it comes.
    pub len: usize,
    /// The whole error response, in the protocol's form; empty when the client wants none
    /// (`noreply`).
    pub answer: Vec<u8>,
    /// A client that owes the pool's password is asked for it instead. Not so where the command
    /// itself is unknown or has a wrong number of arguments: Redis looks at that first, too.
    pub after_password: bool,
    /// It is longer than it may be.
    pub too_large: bool,
}

/// A request in a form of the proxy's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inline {
    /// Bytes to consume of what was received.
    pub len: usize,
    /// The same request as a frame.
    pub frame: Vec<u8>,
}

/// The place in a request that has been seen in part.
#[derive(Clone, Debug)]
pub enum RequestParser {
    /// Redis.
    Redis(resp::RequestParser),
    /// memcached text.
    Memcache(memcache::RequestParser),
}

impl RequestParser {
    /// A parser at the start of a stream of `protocol`.
    ///
    /// `key_bytes_max` is the longest key, `request_bytes_max` the longest request with all its
    /// values, bytes; the protocol's own limits hold all the same.
    #[must_use]
    pub const fn new(protocol: Protocol, key_bytes_max: usize, request_bytes_max: usize) -> Self {
        match protocol {
            Protocol::Redis => {
                Self::Redis(resp::RequestParser::new(key_bytes_max, request_bytes_max))
            }
            Protocol::Memcache => Self::Memcache(memcache::RequestParser::new(request_bytes_max)),
        }
    }

    /// The same, with Redis commands that the table does not have.
    #[must_use]
    pub fn with_commands(self, extra: Option<&'static resp::ExtraCommands>) -> Self {
        match self {
            Self::Redis(parser) => Self::Redis(parser.with_commands(extra)),
            Self::Memcache(parser) => Self::Memcache(parser),
        }
    }

    /// The same, which serves memcached's meta commands or refuses them.
    #[must_use]
    pub const fn with_meta_commands(self, serves_meta: bool) -> Self {
        match self {
            Self::Redis(parser) => Self::Redis(parser),
            Self::Memcache(parser) => Self::Memcache(parser.with_meta_commands(serves_meta)),
        }
    }

    /// The same place in the stream, with the limits and the commands of `other`, which speaks the same
    /// protocol: for what comes from there on.
    ///
    /// # Panics
    /// When it speaks the other one.
    #[must_use]
    pub fn with_limits_of(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Redis(parser), Self::Redis(other)) => Self::Redis(parser.with_limits_of(other)),
            (Self::Memcache(parser), Self::Memcache(other)) => {
                Self::Memcache(parser.with_limits_of(other))
            }
            _ => panic!("two protocols"),
        }
    }

    /// Whether it is at the start of a request: nothing of one has been seen yet.
    #[must_use]
    #[inline(always)]
    pub const fn is_at_start(&self) -> bool {
        match self {
            Self::Redis(parser) => parser.is_at_start(),
            Self::Memcache(parser) => parser.is_at_start(),
        }
    }

    /// The request at the front of `buf`, if it is a plain one and the parser is not in the midst of another. `None`
    /// says nothing; [`parse`](Self::parse) has the answer then, and would have found the same.
    ///
    /// `heads` is what such requests began with lately, whoever sent them; memcached's are not looked for there.
    #[must_use]
    #[inline(always)]
    pub fn plain(&self, buf: &[u8], heads: &mut Heads) -> Option<Plain> {
        match self {
            Self::Redis(parser) => parser.plain(buf, heads),
            Self::Memcache(parser) => parser.plain(buf),
        }
    }

    /// Looks for one whole request at the front of `buf`, the bytes received and not yet consumed.
    ///
    /// Copies nothing: a [`Request`] is byte ranges into `buf`. After `Incomplete` the parser keeps
    /// its place, so the next call, with `buf` grown at its end, looks only at the new bytes. After
    /// `Done` it is at the start again, for the bytes behind the request.
    ///
    /// # Errors
    /// [`ParseError`] names the byte and the rule it broke; the answer to it is the caller's
    /// ([`Protocol::protocol_error`]), and the stream is of no further use.
    pub fn parse(&mut self, buf: &[u8]) -> Result<Progress<Request>, ParseError> {
        match self {
            Self::Redis(parser) => parser.parse(buf),
            Self::Memcache(parser) => parser.parse(buf),
        }
    }
}
