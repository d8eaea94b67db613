//! What a configuration means once it is checked: durations, addresses and kinds, no text to parse.
//!
//! Nothing here is checked again by later code. Where the file leaves a key out, the field holds
//! the original's default.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use nutcracker_engine::limits::PoolLimits;
use nutcracker_engine::{MultiError, OnEject, Retries};
use nutcracker_proto::Protocol;
use nutcracker_ring::{DistributionKind, HashKind, HashTag};

use super::commands::AddedCommands;
use super::error::Problem;
use super::limits;

/// A whole configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Options of the process, from the `global:` mapping.
    pub global: Global,
    /// The pools, at least one, in the original's order: shorter names first, then by byte value.
    pub pools: Vec<Pool>,
    /// What is legal and yet hardly meant, in the order of the file's lines. For the log.
    pub warnings: Vec<Problem>,
}

/// Options that hold for the process and not for one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Global {
    /// How many workers serve clients; the command line's `-w` wins over it.
    pub workers: Option<Workers>,
    /// How long a worker that has nothing to do looks for events before it sleeps; zero for never.
    pub busy_poll: Duration,
    /// How long a busy worker lets events come together before it polls; zero for never.
    pub turn_pause: Duration,
    /// How much memory the process may hold before it stops reading clients.
    pub memory_max: MemoryMax,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            workers: None,
            busy_poll: Duration::ZERO,
            turn_pause: limits::TURN_PAUSE_DEFAULT,
            memory_max: MemoryMax::Auto,
        }
    }
}

/// How much memory the process may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryMax {
    /// Half of what the machine or the control group has.
    Auto,
    /// No limit.
    Unlimited,
    /// This many bytes, within [`MEMORY_MAX`](limits::MEMORY_MAX).
    Bytes(u64),
}

/// How many workers, that is threads that serve clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// One for each processor the process may use.
    Auto,
    /// This many, between 1 and [`WORKERS_MAX`](limits::WORKERS_MAX).
    Count(u32),
}

impl Workers {
    /// Reads `auto` or a number as the file and the command line write it; `None` for anything
    /// else, 0 and numbers above [`WORKERS_MAX`](limits::WORKERS_MAX) included.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        if text == "auto" {
            return Some(Self::Auto);
        }
        // `parse` takes a sign, which the original's numbers never have.
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let count = text.parse().ok()?;
        (1..=limits::WORKERS_MAX).contains(&count).then_some(Self::Count(count))
    }

    /// How many that is on this machine.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Count(count) => count as usize,
            // Knows of processor affinity and of cgroup quotas.
            Self::Auto => thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// Servers behind one listening address, with one protocol and one ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The key it stands under in the file; unique among the pools.
    pub name: String,
    /// Where clients connect; its text is unique among the pools.
    pub listen: Listen,
    /// `redis: true` or `false`.
    pub protocol: Protocol,
    /// What turns a key into a number.
    pub hash: HashKind,
    /// The two bytes around the part of a key that is hashed; `None` hashes whole keys.
    pub hash_tag: Option<HashTag>,
    /// What turns the number into a server.
    pub distribution: DistributionKind,
    /// How long a request may take, connecting and waiting included; `None` is for ever.
    pub timeout: Option<Duration>,
    /// How long opening a connection to a server may take; `None` is for as long as its requests wait.
    pub connect_timeout: Option<Duration>,
    /// Connections the kernel keeps waiting to be accepted.
    pub backlog: u32,
    /// Most clients at once; 0 sets no limit. The original read this key and ignored it.
    pub client_connections: u32,
    /// The password that clients must give and that servers are given. Only in Redis pools.
    pub redis_auth: Option<String>,
    /// The database that clients begin in. No effect in memcached pools.
    pub redis_db: u32,
    /// How many databases clients may choose from; within [`DATABASES`](limits::DATABASES).
    pub databases: u32,
    /// Commands beside the table's. Only in Redis pools.
    pub commands: Option<AddedCommands>,
    /// Whether servers are connected to before a client asks.
    pub preconnect: bool,
    /// Whether a failing server leaves the ring.
    pub auto_eject_hosts: bool,
    /// Most connections to one server, at least 1.
    pub server_connections: u32,
    /// How long an ejected server stays out of the ring.
    pub server_retry_timeout: Duration,
    /// Failures in a row that eject a server, at least 1: the file's 0 means 1, as in the original.
    pub server_failure_limit: u32,
    /// What becomes of an ejected server's keys.
    pub on_eject: OnEject,
    /// Which requests get another chance when their server is lost, and how often; at most
    /// [`RETRIES_MAX`](limits::RETRIES_MAX) times.
    pub retries: Retries,
    /// Whether idle client connections are probed by the kernel (`SO_KEEPALIVE`).
    pub tcpkeepalive: bool,
    /// Whether other processes may listen on the same address (`SO_REUSEPORT`).
    pub reuseport: bool,
    /// The servers, at least one, names unique, in the same order as pools; `modula` counts on it.
    pub servers: Vec<Server>,
    /// How much it may hold.
    pub limits: PoolLimits,
    /// Whether clients may flush the servers' data.
    pub allow_flush: bool,
    /// Whether memcached's meta commands are served.
    pub meta_commands: bool,
    /// What a request with keys on several servers gets when some of them fail.
    pub multi_error: MultiError,
    /// How often the names of connected servers are looked up again; `None` for never.
    pub resolve_interval: Option<Duration>,
}

/// Whether nobody can listen on both at a time: the same port of the same address, or of all.
pub(crate) fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    // An IPv6 socket on all addresses takes IPv4 clients too, as the kernel has it by default.
    let covers = |all: SocketAddr, one: SocketAddr| {
        all.ip().is_unspecified() && (all.is_ipv6() || one.is_ipv4())
    };
    a.port() == b.port() && (a.ip() == b.ip() || covers(a, b) || covers(b, a))
}

/// Where a pool's clients connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A TCP port.
    Tcp {
        /// The host as written.
        host: String,
        /// The port, not 0.
        port: u16,
        /// What the host resolved to while the file was read: the first answer, as in the original.
        addr: SocketAddr,
        /// The whole value as written; messages and logs name the listener by it.
        text: String,
    },
    /// A unix socket.
    Unix {
        /// The socket's path, short enough for the kernel.
        path: PathBuf,
        /// The permissions to give the socket once it is bound; `None` leaves them to the umask.
        mode: Option<u32>,
        /// The whole value as written; messages and logs name the listener by it.
        text: String,
    },
}

impl Listen {
    /// Whether clients of both come to the same place.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp { addr, .. }, Self::Tcp { addr: other, .. }) => addr == other,
            (Self::Unix { path, .. }, Self::Unix { path: other, .. }) => path == other,
            (Self::Tcp { .. }, Self::Unix { .. }) | (Self::Unix { .. }, Self::Tcp { .. }) => false,
        }
    }

    /// Whether the system lets only one of two different ones be listened on: the same port, at one address
    /// and at all.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp { addr, .. }, Self::Tcp { addr: other, .. }) => {
                addr != other && overlap(*addr, *other)
            }
            _ => false,
        }
    }

    /// The value as the file has it.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Tcp { text, .. } | Self::Unix { text, .. } => text,
        }
    }
}

/// One cache process of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// What the ring, the statistics and the order of servers know it by: the name it was given,
    /// or one made of its address as the original makes it (`address.rs` has the rule).
    pub name: String,
    /// Its share of the keys in proportion to the other servers' weights; at least 1.
    pub weight: u32,
    /// Where it listens.
    pub address: Address,
    /// The item as the file has it.
    pub text: String,
}

/// Where a server listens. A host is resolved when it is connected to, not before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP port.
    Tcp {
        /// A name or an address.
        host: String,
        /// The port, not 0.
        port: u16,
    },
    /// A unix socket.
    Unix {
        /// The socket's path.
        path: PathBuf,
    },
}

/// `host:port` or the path.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix { path } => path.display().fmt(f),
        }
    }
}
