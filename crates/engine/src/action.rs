//! What the engine asks of its shell, and what it tells it.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use nutcracker_proto::ParseError;

use crate::clients::census::Question;
use crate::clients::session::ClientLabel;
use crate::ids::{ConnId, PoolId, ServerId, WorkerId};
use crate::limits::FOUND_BYTES_MAX;

/// Something for the shell to do. Drain [`Engine::poll_action`](crate::Engine::poll_action) at the
/// end of every turn, in order.
#[derive(Debug)]
pub enum Action {
    /// Open a socket to this server and say `handle_connected` or `handle_closed`.
    Connect {
        /// The new conn.
        conn: ConnId,
        /// Its pool.
        pool: PoolId,
        /// The server to reach.
        server: ServerId,
    },
    /// Send what `poll_send` lends, until it lends nothing or the socket takes no more; say
    /// `handle_sent` for each part.
    Flush(ConnId),
    /// Read from this socket now: it was left unread while its client had too much outstanding,
    /// and the kernel will not tell again of what it told before.
    Read(ConnId),
    /// Close the socket. The engine has forgotten the conn.
    Close {
        /// The conn that was.
        conn: ConnId,
        /// Its pool.
        pool: PoolId,
    },
    /// Hand the question to that worker's engine (`handle_question`), and what it says back to this
    /// one (`handle_share`).
    Ask {
        /// Who is asked: another worker, never this one.
        worker: WorkerId,
        /// What is asked.
        question: Arc<Question>,
    },
    /// Say `handle_memory` to the engines of all other workers, with what there is of it, so that they look as well who holds
    /// most. Those that have nothing to do would not.
    SpreadShortage,
    /// Nothing to do, but worth a line in the log.
    Report(Report),
}

/// Why a conn ended, or could not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The other side closed in good order.
    Eof,
    /// The other side reset the conn.
    Reset,
    /// Nobody listens there, or every server of the pool is ejected.
    Refused,
    /// A request's deadline passed, or a connect's.
    TimedOut,
    /// The server's name has no address.
    Unresolved,
    /// The other side broke a rule of the protocol.
    Protocol {
        /// Which byte broke which rule.
        error: ParseError,
        /// How the message begins.
        found: Found,
    },
    /// A response arrived that no request waits for, or none that has begun to leave.
    Unasked(Found),
    /// A response arrived that is of no kind that its request may get.
    WrongKind(Found),
    /// The server did not accept the password or the database of the pool: what it said.
    Handshake(Rc<str>),
    /// The server did not accept the version or the database that the clients of the conn chose: what
    /// it said. They are told, and it is no failure of the server's.
    Session(Rc<str>),
    /// Too much is waiting for the server already.
    QueueFull,
    /// The server is ejected, and its keys fail.
    Ejected,
    /// This machine has no descriptor left for a conn; the system's own words. The server has nothing
    /// to do with it.
    NoRoom(Rc<str>),
    /// The response at the front of a server's stream is more than may be held: what the client whose it is
    /// is told. The stream is of no more use, and the server is well.
    TooLarge(Rc<str>),
    /// The server conn was given up over another request, whose response was [too large](Self::TooLarge).
    GivenUp,
    /// The server conn was given up for the memory that what waited for its server took.
    Relieved(Rc<str>),
    /// The system's own words.
    Other(Rc<str>),
}

impl CloseReason {
    /// What a client is told of it, without the protocol's own beginning: the original's
    /// `strerror` of the conn's error (`msg_get_error`).
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            // The original's errno 0 reads "unknown".
            Self::Eof => "unknown",
            Self::Reset => "Connection reset by peer",
            Self::Refused => "Connection refused",
            Self::TimedOut => "Connection timed out",
            Self::Unresolved => "Host is down",
            Self::Protocol { .. } | Self::Unasked(_) | Self::WrongKind(_) => "Invalid argument",
            Self::QueueFull => "Server queue is full",
            Self::Ejected => "Server is ejected",
            Self::GivenUp => {
                "the server connection was given up over another request, its response was too large"
            }
            Self::Handshake(text)
            | Self::Session(text)
            | Self::NoRoom(text)
            | Self::TooLarge(text)
            | Self::Relieved(text)
            | Self::Other(text) => text,
        }
    }
}

impl CloseReason {
    /// A response of more than `max` bytes, the pool's limit.
    pub(crate) fn too_large(max: usize) -> Self {
        let what = format!("the response has more than {max} bytes");
        Self::TooLarge(format!("{what}: ask for less at a time, or raise 'response_max'").into())
    }

    /// What the requests on a server conn that ends for this reason are told that are not at its front.
    pub(crate) fn of_others(&self) -> Self {
        if matches!(self, Self::TooLarge(_)) { Self::GivenUp } else { self.clone() }
    }

    /// Whether the proxy has to do with it, and the server has not.
    pub(crate) const fn is_ours(&self) -> bool {
        matches!(self, Self::NoRoom(_) | Self::TooLarge(_) | Self::GivenUp | Self::Relieved(_))
    }

    /// Whether the server was lost on the way, so that its requests may do better elsewhere or later. What
    /// it said that should not be said, it may say again.
    pub(crate) const fn is_loss(&self) -> bool {
        match self {
            Self::Eof
            | Self::Reset
            | Self::Refused
            | Self::TimedOut
            | Self::Unresolved
            | Self::GivenUp
            | Self::Other(_) => true,
            Self::Protocol { .. }
            | Self::Unasked(_)
            | Self::WrongKind(_)
            | Self::Handshake(_)
            | Self::Session(_)
            | Self::QueueFull
            | Self::NoRoom(_)
            | Self::TooLarge(_)
            | Self::Relieved(_)
            | Self::Ejected => false,
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eof => f.write_str("closed by the other side"),
            Self::Protocol { error, found } => write!(f, "protocol error: {error}; {found}"),
            Self::Unasked(found) => write!(f, "a response that no request waits for; {found}"),
            Self::WrongKind(found) => {
                write!(f, "a response of a kind that its request never gets; {found}")
            }
            Self::Unresolved => f.write_str("its name has no address"),
            Self::Handshake(text) => write!(f, "handshake refused: {text}"),
            Self::Session(text) => write!(f, "a client's choice refused: {text}"),
            other => f.write_str(other.text()),
        }
    }
}

/// The first bytes of what should not have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found(Rc<[u8]>);

impl Found {
    /// How `message` begins.
    pub(crate) fn in_front_of(message: &[u8]) -> Self {
        Self(message[..message.len().min(FOUND_BYTES_MAX)].into())
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it begins \"{}\"", self.0.escape_ascii())
    }
}

/// Something an operator may want to know.
#[derive(Debug)]
pub enum Report {
    /// A client broke a rule of the protocol and its conn closes.
    ClientError {
        /// Its conn.
        conn: ConnId,
        /// Its address and its number.
        client: ClientLabel,
        /// Its pool.
        pool: PoolId,
        /// Which byte broke which rule.
        error: ParseError,
        /// The first bytes of the message.
        found: Box<[u8]>,
    },
    /// Memory stayed short, and this client was closed for holding most of it.
    ClientHeldMost {
        /// Its conn.
        conn: ConnId,
        /// Its address and its number.
        client: ClientLabel,
        /// Its pool.
        pool: PoolId,
        /// How much was held for it.
        bytes: usize,
    },
    /// A client did not read what it is subscribed to, and was closed.
    SubscriberTooSlow {
        /// Its conn.
        conn: ConnId,
        /// Its address and its number.
        client: ClientLabel,
        /// Its pool.
        pool: PoolId,
        /// How much waited for it.
        bytes: usize,
    },
    /// A conn to a server ended with requests waiting, or in any way but good order.
    ServerClosed {
        /// The pool.
        pool: PoolId,
        /// The server.
        server: ServerId,
        /// Why.
        reason: CloseReason,
        /// Requests that were on it.
        failed: usize,
    },
    /// A server was ejected.
    Ejected {
        /// The pool.
        pool: PoolId,
        /// The server.
        server: ServerId,
        /// How long until it is asked whether it is back.
        away: Duration,
    },
    /// An ejected server did not answer a probe well and stays away.
    StillAway {
        /// The pool.
        pool: PoolId,
        /// The server.
        server: ServerId,
        /// What came of the probe.
        reason: CloseReason,
    },
    /// A server that could not be connected to in time can be again.
    Reached {
        /// The pool.
        pool: PoolId,
        /// The server.
        server: ServerId,
    },
    /// A server's conn has been replaced by one to another address of it.
    Moved {
        /// The pool.
        pool: PoolId,
        /// The server.
        server: ServerId,
    },
    /// A server has another address, but no conn to it could be opened: the one that is there serves
    /// on.
    MovedInVain {
        /// The pool.
        pool: PoolId,
        /// The server.
        server: ServerId,
        /// What came of the conn.
        reason: CloseReason,
    },
    /// An ejected server has answered a probe: it is back.
    Returned {
        /// The pool.
        pool: PoolId,
        /// The server.
        server: ServerId,
    },
}
