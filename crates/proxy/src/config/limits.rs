//! The numbers of the configuration: limits, defaults, and where they come from.

use std::ops::RangeInclusive;
use std::time::Duration;

use nutcracker_engine::limits::RESPONSE_BYTES_MAX;

/// Most workers. Each is a thread with sockets of its own to every server, so a number above this
/// is a slip of the pen rather than a machine.
pub const WORKERS_MAX: u32 = 1024;

/// `turn_pause` when the file has none. Several requests come together in that time when a worker is
/// busy, and it is less than a request takes then.
pub const TURN_PAUSE_DEFAULT: Duration = Duration::from_micros(120);

/// Longest `turn_pause`, microseconds: a millisecond would be felt.
pub const TURN_PAUSE_MICROSECONDS_MAX: u32 = 1000;

/// Longest `busy_poll`, microseconds: who waits longer than a millisecond does not feel a wake-up.
pub const BUSY_POLL_MICROSECONDS_MAX: u32 = 1000;

/// Least and most that `client_unsent_max` may be, bytes: a page of responses, and what 31 bits hold.
pub const CLIENT_UNSENT_MAX: RangeInclusive<u64> = 4 * KIB..=2 * GIB - 1;

/// Least and most that `server_queue_max` may be, bytes.
pub const SERVER_QUEUE_MAX: RangeInclusive<u64> = 64 * KIB..=1024 * GIB;

/// Least and most that `request_max` may be, bytes: everyday requests, and the protocols' own limit.
pub const REQUEST_MAX: RangeInclusive<u64> = KIB..=GIB;

/// Least and most that `response_max` may be, bytes: everyday responses, and the engine's own limit.
pub const RESPONSE_MAX: RangeInclusive<u64> = KIB..=RESPONSE_BYTES_MAX as u64;

/// Least and most that `memory_max` may be, bytes, if it is not 0: what a proxy with a few thousand
/// clients needs.
pub const MEMORY_MAX: RangeInclusive<u64> = 16 * MIB..=1024 * 1024 * GIB;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// Largest number any key takes: the original counts in a signed 32-bit int.
pub const NUMBER_MAX: u32 = i32::MAX as u32;

/// Longest path of a unix socket in bytes: `sun_path` has 108, one of them for the final zero.
pub const UNIX_PATH_BYTES_MAX: usize = 107;

/// Largest permissions of a unix socket.
pub const UNIX_MODE_MAX: u64 = 0o777;

/// The port whose number is left out of a server's name, so that keys are placed as libmemcached
/// places them (the original's `CONF_DEFAULT_KETAMA_PORT`).
pub const UNNAMED_PORT: u16 = 11211;

/// `backlog` when the file has none.
pub const BACKLOG_DEFAULT: u32 = 512;

/// Least and most that `databases` may be. Each one that a client chooses may have connections of its
/// own to every server, so a number above this is a slip of the pen.
pub const DATABASES: RangeInclusive<u32> = 1..=16_384;

/// Most `retries`. Each may take as long as `timeout`, and nobody waits for so many.
pub const RETRIES_MAX: u8 = 10;

/// `databases` when the file has none: as many as a Redis has.
pub const DATABASES_DEFAULT: u32 = 16;

/// `server_connections` when the file has none.
pub const SERVER_CONNECTIONS_DEFAULT: u32 = 1;

/// `server_retry_timeout` when the file has none.
pub const SERVER_RETRY_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// `resolve_interval` when the file has none: a name that has come to mean another address is noticed
/// in two of them, which is about how long answers are believed elsewhere.
pub const RESOLVE_INTERVAL_DEFAULT: Duration = Duration::from_secs(10);

/// `server_failure_limit` when the file has none.
pub const SERVER_FAILURE_LIMIT_DEFAULT: u32 = 2;
