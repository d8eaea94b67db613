//! What a row of a command table says.

use crate::gather::Gather;

/// One command: a row of [`resp::COMMANDS`](crate::resp::COMMANDS) or
/// [`memcache::COMMANDS`](crate::memcache::COMMANDS).
///
/// Adding a command is adding a row: parsing, routing, splitting and the documentation all read
/// the tables.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// The name in lower case.
    pub name: &'static str,
    /// How many arguments may follow the name.
    pub arity: Arity,
    /// Where the keys are among the arguments.
    pub keys: Keys,
    /// How a request with this command reaches its answer.
    pub travel: Travel,
    /// Whether it may change data.
    pub writes: bool,
    /// Whether sending it twice leaves the same data and gives the same answer as sending it once.
    pub repeatable: bool,
}

/// How many arguments follow the command's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// Just so many.
    Exactly(u32),
    /// So many or more.
    AtLeast(u32),
    /// One pair or more.
    Pairs,
    /// From the first to the second number, both included.
    Between(u32, u32),
}

impl Arity {
    /// Whether `arguments` (the name not counted) is a number this arity allows.
    #[must_use]
    pub const fn allows(self, arguments: u32) -> bool {
        match self {
            Self::Exactly(n) => arguments == n,
            Self::AtLeast(n) => arguments >= n,
            Self::Pairs => arguments >= 2 && arguments.is_multiple_of(2),
            Self::Between(low, high) => low <= arguments && arguments <= high,
        }
    }
}

/// Where a command's keys are among its arguments, the first of which is argument 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// It has none.
    None,
    /// Argument 0 decides where the request goes; any others are taken to live there too.
    First,
    /// Every argument is a key.
    Each,
    /// Arguments 0, 2, 4 … are keys, each followed by its value.
    EachPair,
    /// Argument `n` counts the keys that follow it; the first of them decides.
    Counted(u32),
}

/// How a request reaches its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Travel {
    /// Whole, to the one server that its first key belongs to.
    OneServer,
    /// With two keys or more it is split, a fragment a server; the responses become one.
    Split(Gather),
    /// It has no key and any server will do. To be the original's equal it goes to the server
    /// that owns the key [`PLACEHOLDER_KEY`].
    Anywhere,
    /// Answered by the proxy itself.
    Here(Local),
    /// Never served, for the reason given, which the client is told where the protocol's error has
    /// room for it (memcached's `ERROR` has none).
    Refused(&'static str),
}

/// The key whose server answers requests that have none (the original's `redis_fragment` and
/// `msg_backend_idx` know it by this name).
pub const PLACEHOLDER_KEY: &[u8] = b"placeholder";

/// A request that the proxy answers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    /// Is anyone there?
    Ping,
    /// A password for the proxy.
    Authenticate,
    /// The client is leaving: what is due goes out, then the connection closes.
    Quit,
}
