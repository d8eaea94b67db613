//! What a row of a command table says.

use crate::gather::Gather;
use crate::kind::Kinds;

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
    /// Of which kinds a server's response to it may be; errors are always among them.
    pub kinds: Kinds,
}

impl Command {
    /// Whether a request with it may be sent to a server, or to several in turn, more often than its
    /// client asked: it changes nothing, and goes where its keys are.
    #[must_use]
    pub const fn is_read(&self) -> bool {
        let goes_by_keys = matches!(
            self.travel,
            Travel::OneServer | Travel::Split(_) | Travel::Anywhere | Travel::Script(Script::Body)
        );
        self.repeatable && !self.writes && goes_by_keys
    }
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
    /// Argument 0, and no other.
    First,
    /// Every argument is a key.
    Each,
    /// Arguments 0, 2, 4 … are keys, each followed by its value.
    EachPair,
    /// Every so many arguments, from one to another.
    Range {
        /// The first key.
        first: u32,
        /// The last one may be no further than this; counted from behind when below zero, where -1
        /// is the last argument.
        last: i32,
        /// How far the next key is.
        step: u32,
    },
    /// An argument counts the keys that follow it.
    Counted {
        /// That argument.
        number: u32,
        /// How far the next key is.
        step: u32,
        /// How servers take a number that will not do.
        counting: Counting,
    },
    /// Argument 0 is a key, and argument 1 counts those that follow it (`ZUNIONSTORE`).
    StoreCounted,
    /// Behind the word `STREAMS`: the first half of what follows (`XREAD`).
    Streams,
    /// Argument 0, and the one behind the last option `STORE` (`SORT`).
    SortStore,
    /// Argument 0, and the one behind the last option `STORE` or `STOREDIST` (`GEORADIUS`).
    GeoStore,
    /// Argument 0 names one of these rows, which says it all.
    Subcommand(&'static [Command]),
}

/// What a number of keys may be, and how servers say that it will not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// `EVAL` and its like: there may be none.
    Script,
    /// `FCALL`: there may be none.
    Function,
    /// `ZUNION` and its like.
    Combined,
    /// `SINTERCARD`.
    Cardinality,
    /// `LMPOP` and its like.
    Popped,
    /// `MSETEX`: a value is behind each key.
    Pairs,
}

/// How a request reaches its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Travel {
    /// Whole, to the one server that all its keys belong to.
    OneServer,
    /// As [`OneServer`](Self::OneServer), and its options `BY` and `GET` make the names of further keys.
    Sorted,
    /// With two keys or more it is split, a fragment a server; the responses become one.
    Split(Gather),
    /// It has no key and any server will do. To be the original's equal it goes to the server
    /// that owns the key [`PLACEHOLDER_KEY`].
    Anywhere,
    /// Whole, to every server; the responses become one.
    AllServers(Gather),
    /// As [`AllServers`](Self::AllServers) with [`Gather::Status`], where the pool allows its data to
    /// be flushed.
    Flush,
    /// The servers one after the other, behind one cursor.
    Scan,
    /// To the one server of its keys, with a script that the proxy may know.
    Script(Script),
    /// To the one server of its keys; its answer counts subscribers, of which the server knows too few.
    Audience(Audience),
    /// On a conn of the client's own, which is its until the transaction ends.
    Transaction(Transaction),
    /// On a conn of the client's own: the answer may take long.
    Blocking(Patience),
    /// Changes what the client is subscribed to.
    Subscription(Subscription),
    /// Answered by the proxy itself.
    Here(Local),
    /// Never served, for the reason given, which the client is told where the protocol's error has
    /// room for it (memcached's `ERROR` has none).
    Refused(&'static str),
}

impl Travel {
    /// Whether a request that travels so can be sent while others of its client are outstanding, and
    /// others while it is, whatever they are: it goes over the conns that all clients share, and
    /// changes nothing about its client.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        match self {
            Self::OneServer
            | Self::Sorted
            | Self::Split(_)
            | Self::Anywhere
            | Self::AllServers(_)
            | Self::Flush
            | Self::Scan
            | Self::Script(_)
            | Self::Audience(_)
            | Self::Refused(_) => true,
            Self::Transaction(_) | Self::Blocking(_) | Self::Subscription(_) => false,
            Self::Here(local) => !matches!(local, Local::Hello | Local::Select | Local::Reset),
        }
    }
}

/// A request with a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Carries it, as its first argument (`EVAL`).
    Body,
    /// Carries its digest, as its first argument (`EVALSHA`).
    Digest,
    /// Gives it to all servers (`SCRIPT LOAD`); it is the last argument.
    Load,
    /// Has all servers forget all scripts (`SCRIPT FLUSH`).
    Flush,
}

/// Whom an answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Those whom a message reached, by its channel's name or by a pattern (`PUBLISH`).
    OfMessage,
    /// Those whom a message to a shard channel reached (`SPUBLISH`).
    OfShardMessage,
    /// The subscribers of each of some channels (`PUBSUB NUMSUB`).
    OfChannels,
    /// The subscribers of each of some shard channels (`PUBSUB SHARDNUMSUB`).
    OfShards,
}

/// A step of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// `WATCH`.
    Watch,
    /// `UNWATCH`.
    Unwatch,
    /// `MULTI`.
    Begin,
    /// `EXEC`.
    Commit,
    /// `DISCARD`.
    Discard,
}

/// Where a blocking command says how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Its first argument, seconds with a fraction (`BLMPOP`).
    First,
    /// Its last argument, seconds with a fraction (`BLPOP`).
    Last,
    /// Its last argument, milliseconds (`WAIT`).
    LastMillis,
    /// The argument behind the word `BLOCK`, milliseconds; without that word it does not block
    /// (`XREAD`).
    BehindBlock,
}

/// A change of what a client is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// `SUBSCRIBE`.
    Channels,
    /// `PSUBSCRIBE`.
    Patterns,
    /// `SSUBSCRIBE`.
    Shards,
    /// `UNSUBSCRIBE`.
    EndChannels,
    /// `PUNSUBSCRIBE`.
    EndPatterns,
    /// `SUNSUBSCRIBE`.
    EndShards,
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
    /// `HELLO`: which version of the protocol, and who it is.
    Hello,
    /// `CLIENT` and its subcommands.
    Client,
    /// `SELECT`: another database.
    Select,
    /// `RESET`: as if the client had come just now.
    Reset,
    /// `ECHO`.
    Echo,
    /// `TIME`.
    Time,
    /// `COMMAND` and its subcommands, from the table.
    Command,
    /// `INFO`.
    Info,
    /// `CONFIG` and its subcommands.
    Config,
    /// What only a server in cluster mode serves.
    Cluster,
    /// memcached's `mn`: everything before it has been answered.
    Noop,
    /// memcached's `verbosity`.
    Verbosity,
}
