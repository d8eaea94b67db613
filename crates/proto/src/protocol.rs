//! Which of the two protocols, and how each words what the proxy says itself.

use crate::command::Command;
use crate::kind::Kinds;
use crate::progress::ParseError;
use crate::{memcache, resp};

/// Which protocol a pool speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Redis: RESP2 arrays and inline requests.
    Redis,
    /// memcached: the text protocol.
    Memcache,
}

/// Which version of Redis' protocol a connection speaks. memcached's text has one version, and a
/// connection of that protocol is said to speak the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// RESP2, in which every connection begins.
    #[default]
    Resp2,
    /// RESP3, after `HELLO 3`.
    Resp3,
}

impl Protocol {
    /// The protocol's table of commands, sorted by name.
    #[must_use]
    pub const fn commands(self) -> &'static [Command] {
        match self {
            Self::Redis => resp::COMMANDS,
            Self::Memcache => memcache::COMMANDS,
        }
    }

    /// Says that a request failed for a reason of the proxy's or a server's: `-ERR text` or
    /// `SERVER_ERROR text`. `text` holds no line end.
    pub fn error(self, text: &str, out: &mut Vec<u8>) {
        debug_assert!(!text.contains(['\r', '\n']), "an error is one line: {text:?}");
        let head: &[u8] = match self {
            Self::Redis => b"-ERR ",
            Self::Memcache => b"SERVER_ERROR ",
        };
        out.extend_from_slice(head);
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    /// Says that the client's bytes, `found` from the message's first on, broke a rule and that the
    /// connection closes for it.
    pub fn protocol_error(self, error: &ParseError, found: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Redis => resp::protocol_error(error, out),
            Self::Memcache => memcache::protocol_error(error, found, out),
        }
    }

    /// Whether `response`, a whole one, is an error.
    #[must_use]
    pub fn is_error(self, response: &[u8]) -> bool {
        match self {
            Self::Redis => resp::is_error(response),
            Self::Memcache => memcache::is_error(response),
        }
    }

    /// The answer to a [`Local::Ping`](crate::Local::Ping); nothing where the protocol has none.
    #[must_use]
    pub const fn pong(self) -> &'static [u8] {
        match self {
            Self::Redis => b"+PONG\r\n",
            Self::Memcache => b"",
        }
    }

    /// The answer to a request to flush the servers' data where the operator has not allowed it.
    /// memcached's begins as that of a memcached which was told so (`-F`): libraries take a
    /// `SERVER_ERROR` for a server that has failed.
    #[must_use]
    pub const fn flush_refused(self) -> &'static [u8] {
        match self {
            Self::Redis => {
                b"-ERR flushing the servers is off; the pool's option 'allow_flush: true' turns it on\r\n"
            }
            Self::Memcache => {
                b"CLIENT_ERROR flush_all not allowed: the pool's option 'allow_flush: true' allows it\r\n"
            }
        }
    }

    /// What a server is asked to learn whether it is there: it costs it nothing, and has an answer.
    #[must_use]
    pub const fn probe(self) -> &'static [u8] {
        match self {
            Self::Redis => b"*1\r\n$4\r\nPING\r\n",
            Self::Memcache => b"version\r\n",
        }
    }

    /// Of which kinds the answer to that may be.
    #[must_use]
    pub const fn probe_kinds(self) -> Kinds {
        match self {
            Self::Redis => resp::STATUSES,
            Self::Memcache => memcache::VERSIONS,
        }
    }

    /// Of which kinds the answers to a handshake may be.
    #[must_use]
    pub const fn handshake_kinds(self) -> Kinds {
        match self {
            Self::Redis => resp::HANDSHAKES,
            Self::Memcache => Kinds::ANY,
        }
    }

    /// The answer to a [`Local::Quit`](crate::Local::Quit); nothing where the protocol has none.
    #[must_use]
    pub const fn goodbye(self) -> &'static [u8] {
        match self {
            Self::Redis => b"+OK\r\n",
            Self::Memcache => b"",
        }
    }

    /// Writes what a new connection must say to a server before its first request, and returns
    /// how many responses that will bring, each of which must be [`Fine`](crate::Outcome::Fine).
    ///
    /// Redis: `AUTH` when there is a password, `HELLO 3` when `version` says so, then `SELECT` when
    /// `database` is not 0. memcached: nothing.
    pub fn handshake(
        self,
        password: Option<&[u8]>,
        version: Version,
        database: u32,
        out: &mut Vec<u8>,
    ) -> u32 {
        match self {
            Self::Redis => resp::handshake(password, version, database, out),
            Self::Memcache => 0,
        }
    }
}
