//! How large the parts of a message may be, and why.

/// Longest memcached key, bytes (memcached's `doc/protocol.txt`: "the length limit of a key is set
/// at 250 characters").
pub const MEMCACHE_KEY_BYTES_MAX: usize = 250;

/// What the original keeps of a chunk for its own header, bytes: a Redis key must be shorter than
/// the chunk less this (`mbuf_data_size`, on 64-bit machines).
pub const MBUF_HEADER_BYTES: usize = 48;

/// The original's default chunk, bytes (`-m`).
pub const MBUF_BYTES_DEFAULT: usize = 16_384;

/// Longest Redis key when `-m` is left at its default, bytes.
pub const REDIS_KEY_BYTES_MAX_DEFAULT: usize = MBUF_BYTES_DEFAULT - MBUF_HEADER_BYTES - 1;

/// Longest bulk string in a Redis request, bytes: Redis' own `proto-max-bulk-len`.
pub const BULK_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Longest bulk string in a Redis response, bytes. Redis bounds what it is sent, not what it sends: a
/// `DUMP` of a large collection is longer, and so are values where `proto-max-bulk-len` was raised. This
/// is what 32 bits hold, with room for what stands around it; how much of a response is kept is for others to
/// say.
pub const RESPONSE_BULK_BYTES_MAX: u64 = u32::MAX as u64 - 1024 * 1024;

/// Most bulk strings in a Redis request: Redis' own bound up to release 6.2
/// (`processMultibulkBuffer`; later ones take more, and nobody sends as many).
pub const ARGUMENTS_MAX: u64 = 1024 * 1024;

/// Longest Redis request, bytes: Redis' default `client-query-buffer-limit`.
pub const REQUEST_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// Longest line in a Redis response (a status, an error, a number), bytes. A script may answer a
/// status of any length; servers themselves keep to a few hundred bytes.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

/// Longest inline request, bytes: Redis' `PROTO_INLINE_MAX_SIZE`.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;

/// Longest memcached request line, bytes. A `get` of many keys is one line; memcached itself takes
/// any number of keys, so the line is bounded by what a client may reasonably batch: about 4,000
/// keys of the longest size.
pub const MEMCACHE_LINE_BYTES_MAX: usize = 1024 * 1024;

/// Longest memcached request line that goes to a server as its client sent it, bytes, unless it is
/// a `get` or `gets`. memcached closes a connection that holds more than these without a line end,
/// which fails the requests of everybody on it (`try_read_command`). From 1.6.14 on it takes twice as
/// many; a pool's servers may be older.
pub const MEMCACHE_PLAIN_LINE_BYTES_MAX: usize = 1024;

/// Most digits of the length of a memcached value, those of the largest: memcached 1.6.40 and later
/// refuse a line with more than eleven, whatever they say (`mcmc_tokto32`), and run its data.
pub const MEMCACHE_LENGTH_DIGITS_MAX: usize = 10;

/// Longest line of a memcached response, bytes: far more than memcached's longest, a `VALUE` line
/// with a key of 250 bytes, to leave room for an error of many words.
pub const MEMCACHE_RESPONSE_LINE_BYTES_MAX: usize = 16 * 1024;

/// Largest memcached value, bytes: memcached's own ceiling for `-I`.
pub const VALUE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

const _: () = assert!(INLINE_BYTES_MAX > REDIS_KEY_BYTES_MAX_DEFAULT, "an inline line holds a key");
const _: () = assert!(MEMCACHE_LINE_BYTES_MAX > 2 * MEMCACHE_KEY_BYTES_MAX);
const _: () = assert!(VALUE_BYTES_MAX < 10_u64.pow(MEMCACHE_LENGTH_DIGITS_MAX as u32));
const _: () = assert!(
    MEMCACHE_PLAIN_LINE_BYTES_MAX > MEMCACHE_KEY_BYTES_MAX + 4 * 21 + " prepend noreply\r\n".len(),
    "a storage line with its longest numbers fits"
);
const _: () = assert!(MEMCACHE_RESPONSE_LINE_BYTES_MAX > MEMCACHE_PLAIN_LINE_BYTES_MAX);
const _: () = assert!(BULK_BYTES_MAX < u32::MAX as u64, "ranges within a message are 32 bits");
const _: () = assert!(RESPONSE_BULK_BYTES_MAX > BULK_BYTES_MAX, "what was sent comes back");
const _: () = assert!(RESPONSE_BULK_BYTES_MAX < u32::MAX as u64, "a length is 32 bits");
const _: () = assert!(
    MEMCACHE_LINE_BYTES_MAX as u64 + VALUE_BYTES_MAX + 2 < u32::MAX as u64,
    "ranges within a message are 32 bits"
);
