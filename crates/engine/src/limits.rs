//! The engine's numbers, and why. Those that are a pool's own are in [`PoolLimits`].

use std::time::Duration;

use nutcracker_proto::limits::REQUEST_BYTES_MAX;

/// How much of what one pool may hold. Backpressure comes before errors, and errors before closing
/// anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Requests of one client that may be outstanding, at least 1, whether it wants a response or not. At
    /// the limit the client is not read from until half of them have ended; it is told nothing and loses
    /// nothing.
    pub client_requests: u32,
    /// Response bytes of one client that may wait to be sent. At the limit the client is not read
    /// from until half of them have gone.
    pub client_unsent_bytes: u32,
    /// Request bytes that may wait to be sent to one server conn. At the limit clients with requests for it
    /// are not read from, and from half of it on those with large ones who have more outstanding. Where the server takes
    /// nothing, requests above the limit are answered with an error at once.
    pub server_queue_bytes: usize,
    /// Longest request with all its values, bytes. A longer one is answered with an error as soon as
    /// its length is known, and its bytes are passed over as they come.
    pub request_bytes: usize,
    /// Longest response with all its elements, bytes, and most that is gathered of the responses to one
    /// request. For more the client gets an error, and the server conn, if it came in there, is closed. What is
    /// above [`RESPONSE_BYTES_MAX`] is that.
    pub response_bytes: usize,
    /// How much of a response is passed over beyond those, bytes. Who waits behind it on the same conn waits for as long
    /// as that takes, up to its timeout; then, or with more, the conn is closed, which costs them a write that was sent,
    /// or a second try. No operator sets this one.
    pub passed_over_bytes: usize,
    /// Clients that may have a server conn of their own at a time, for a transaction or a request that
    /// blocks; over all workers. At the limit such a request is answered with an error at once.
    pub pinned_connections: u32,
    /// Bytes that may wait for a subscriber that does not read. Beyond them it is closed: what is
    /// published cannot be held back. No operator sets this one.
    pub subscriber_unsent_bytes: usize,
}

impl Default for PoolLimits {
    /// What suits production. 128 requests cover the pipelines that client libraries send by
    /// default and bound what 128 large responses can cost; 1 MiB keeps a fast network busy for a
    /// client's round trip; 64 MiB for a server are a burst of the largest values that people cache.
    /// Requests may be as long as the protocols let them, and responses twice as long as Redis' longest string. A
    /// thousand clients that block are as many as a
    /// large fleet of queue workers, and a tenth of the clients that a Redis server takes by default.
    fn default() -> Self {
        Self {
            client_requests: 128,
            client_unsent_bytes: 1024 * 1024,
            server_queue_bytes: 64 * 1024 * 1024,
            request_bytes: usize::MAX,
            response_bytes: 1024 * 1024 * 1024,
            // A quarter of a second at 10 Gbit/s.
            passed_over_bytes: 256 * 1024 * 1024,
            pinned_connections: 1_000,
            // Redis' own hard limit (`client-output-buffer-limit pubsub 32mb`).
            subscriber_unsent_bytes: 32 * 1024 * 1024,
        }
    }
}

/// What one read of a socket may bring, bytes: the worker's one shared space, lent to whichever
/// conn is read. Large enough for a pipeline of a thousand small requests in one system call, small
/// enough to stay in a core's second-level cache. Of a large value no more is read at once either: whoever reads
/// more opens the window for as much at once, and the sender's writes cost it a fifth more.
pub const RECV_BYTES: usize = 64 * 1024;

/// Most that a response may have, bytes: twice the longest request, and half of what 32 bits hold, in which the
/// ranges of messages are. The rest is room for what is read behind it, and for what is put into it.
pub const RESPONSE_BYTES_MAX: usize = 2 * 1024 * 1024 * 1024;

/// Most that a server may say in one piece when no client has asked, bytes, where a response may have less: the
/// answers to a handshake are not for the operator to bound.
pub const UNASKED_BYTES_MAX: usize = 64 * 1024;

/// A message of so many bytes or more is handed on by reference instead of being copied. Below,
/// one `memcpy` is cheaper than a reference count and an entry in `writev`.
pub const SHARE_BYTES_MIN: usize = 16 * 1024;

/// Buffers up to this capacity are everyday ones: they go back to the worker's pool when they
/// empty. Larger ones do so within [`SPARE_LARGE_BYTES_MAX`], for a while.
pub const EVERYDAY_BYTES: usize = 16 * 1024;

/// Capacity of a fresh everyday buffer, bytes.
pub const FRESH_BYTES: usize = 4 * 1024;

/// Everyday buffers kept for the next conn that needs one. A turn sees at most
/// [`EVENTS_A_TURN`] conns, but seldom more than an eighth of them; the rest is given back.
pub const SPARE_BUFFERS_MAX: usize = 128;

/// Capacity to which an everyday buffer grows by the small messages of long pipelines, bytes.
pub const GROWN_BYTES_MAX: usize = 256 * 1024;

/// Buffers of such a capacity kept for the next outbox: those of the servers that pipelines are longest to.
pub const SPARE_GROWN_MAX: usize = 4;

/// Capacity of all large buffers kept for the next large message, bytes. A fresh one costs a page
/// fault each 4 KiB, which is dearer than what is written there; this is enough for some tens of
/// clients that exchange values of 1 MiB at the same time.
pub const SPARE_LARGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Capacity of a buffer that nothing but a very large value needs, bytes.
pub const HUGE_BYTES_MIN: usize = 16 * 1024 * 1024;

/// The same as [`SPARE_LARGE_BYTES_MAX`] where such a buffer is to be kept: enough for one with a value of 64 MiB.
/// Many buffers that pipelines leave behind are not to add up to as much.
pub const SPARE_HUGE_BYTES_MAX: usize = 80 * 1024 * 1024;

/// Capacity of large buffers that stays when the rest was of no use for [`SPARE_TRIM_INTERVAL`]. Who needs a
/// larger one less often than that does not mind its page faults.
pub const SPARE_LARGE_BYTES_KEPT: usize = 512 * 1024;

/// How long a large buffer may be of no use before it is given back.
pub const SPARE_TRIM_INTERVAL: Duration = Duration::from_secs(1);

/// Readiness events that one turn handles.
pub const EVENTS_A_TURN: usize = 1024;

/// A chunk of held responses, bytes (see `held.rs`).
pub const CHUNK_BYTES: usize = 16 * 1024;

/// A response of more bytes than this is held in a buffer of its own, so that one slow response
/// does not keep a chunk full of strangers.
pub const HELD_IN_CHUNK_BYTES_MAX: usize = 4 * 1024;

/// Empty chunks kept for later.
pub const SPARE_CHUNKS_MAX: usize = 32;

/// How long a server may take nothing of what is queued for it before requests do not wait for room any more: a fork
/// of a large Redis takes less, and so does what the network loses once.
pub const ROOM_PATIENCE: Duration = Duration::from_secs(1);

/// How long memory may be short before the conn that holds most is closed: what is on its way has
/// ended by then, or waits for somebody who does not read.
pub const SHORT_PATIENCE: Duration = Duration::from_secs(1);

/// How long after it the next one is closed, when memory is short still.
pub const SHORT_INTERVAL: Duration = Duration::from_millis(10);

/// How long what a worker told of who holds most is taken to be so. It tells anew each [`SHORT_INTERVAL`], unless its turn
/// takes longer.
pub const TOLD_FOR: Duration = Duration::from_millis(100);

/// How far the space for a client's message of known size grows ahead of its bytes: so many times what
/// is there. A length is a promise, and who has kept more of it is believed more. With 4, a value of 1 MiB of
/// which 64 KiB came in the first read takes two steps.
pub const GROW_TIMES: usize = 4;

/// Largest such step, unless more than that is there; then it is as much.
pub const GROW_BYTES_MAX: usize = 1024 * 1024;

/// Largest step at all: new space is set to zero, at a millisecond for some MiB, and everybody waits for that.
pub const GROW_BYTES_AT_ONCE: usize = 8 * 1024 * 1024;

/// How often the time that a server stays away may double: up to eight times as long.
pub const EJECTION_DOUBLINGS_MAX: u32 = 3;

/// A server that is ejected again within so many times its retry timeout after it came back is
/// flapping, and stays away for longer.
pub const FLAPPING_TIMES: u32 = 4;

/// Requests sent that earn one retry. Those that are sent again are among them, so servers in trouble are
/// asked to bear a fifth more at most.
pub const RETRY_REQUESTS: u32 = 6;

/// Retries that a pool and worker may make a second however little was asked, so that a quiet pool has
/// the use of them too.
pub const RETRIES_A_SECOND: u32 = 10;

/// What was earned in the window before the last is worth nothing: an outage must not find an hour's
/// retries saved up.
pub const RETRY_WINDOW: Duration = Duration::from_secs(5);

/// The shortest time before a server is probed, for pools whose retry timeout is less.
pub const PROBE_INTERVAL_MIN: Duration = Duration::from_millis(10);

/// How long a ring rests after it was made, for each of its points: about ten times as long as it takes to
/// make. So an outage of thousands of servers costs a worker a tenth of its time at most.
pub const RING_REST_A_POINT: Duration = Duration::from_nanos(100);

/// A shorter rest is none: making a ring of some sixty servers takes less time than a burst of requests.
pub const RING_REST_MIN: Duration = Duration::from_millis(1);

/// How long after a server closed a conn of which nothing was asked a refused connect says that it was
/// going.
pub const DEPARTURE_WINDOW: Duration = Duration::from_secs(1);

/// How long after a connect took all of its time the next is tried.
pub const REACH_INTERVAL: Duration = Duration::from_millis(250);

/// How long a probe may take where the pool has no timeout.
pub const PROBE_PATIENCE: Duration = Duration::from_secs(1);

/// What one client may be subscribed to.
pub const SUBSCRIPTIONS_MAX: usize = 64 * 1024;

/// How long after the end of a conn that listened the next one is opened; twice as long after each that
/// came to nothing, up to [`LISTEN_AGAIN_MAX`].
pub const LISTEN_AGAIN: Duration = Duration::from_millis(100);

/// The longest time between two attempts.
pub const LISTEN_AGAIN_MAX: Duration = Duration::from_secs(5);

/// How long a server may be silent on a conn that listens before it is asked whether it is there, and how
/// long it may then take to answer where the pool has no timeout.
pub const LISTEN_SILENCE_MAX: Duration = Duration::from_secs(10);

/// How often a pool that ejects servers looks whether another worker did, while there are subscribers.
pub const LISTEN_CHECK: Duration = Duration::from_secs(1);

/// Pinned conns to one server that one worker keeps for the next client of a class that needs one.
pub const PINNED_KEPT_MAX: usize = 32;

/// How long it keeps them.
pub const PINNED_KEPT: Duration = Duration::from_secs(30);

/// How long the other workers may take to say what clients they have. A worker's turn lasts some
/// milliseconds; one that has not come to its messages in this time is in trouble, and who asks about
/// clients is somebody who looks for trouble.
pub const CENSUS_PATIENCE: Duration = Duration::from_secs(1);

/// Commands without a key that are kept before the first key of a transaction says where they go,
/// bytes. People open a transaction with a PING at most.
pub const TRANSACTION_KEPT_BYTES_MAX: usize = 64 * 1024;

/// Bytes of responses that may wait for the rest of their pipeline's. More are worth a write of their own.
pub const POSTPONED_BYTES_MAX: usize = EVERYDAY_BYTES;

/// For how many turns they may.
pub const POSTPONED_TURNS_MAX: u8 = 8;

/// Slots of requests kept when none is outstanding: what a burst needed above this goes back, after
/// [`SPARE_TRIM_INTERVAL`].
pub const SPARE_REQUESTS_MAX: usize = 4 * 1024;

/// Scripts remembered a pool, the oldest out: a program has some tens.
pub const SCRIPTS_MAX: usize = 1024;

/// Bytes of all scripts remembered a pool.
pub const SCRIPTS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Longest script that is remembered, bytes: it is copied when a server lacks it.
pub const SCRIPT_BYTES_MAX: usize = 256 * 1024;

/// How much a client that is blocked is read for that it has sent behind its request, bytes. The end of its
/// stream is behind that, and is to be seen: it ends the wait.
pub const BLOCKED_UNPARSED_BYTES_MAX: usize = 256 * 1024;

/// How much of a message that should not have come a report shows, bytes.
pub const FOUND_BYTES_MAX: usize = 64;

/// Slices offered to one `writev`. A conn without large messages uses one.
pub const SLICES_A_WRITE: usize = 16;

const _: () = assert!(
    REQUEST_BYTES_MAX < RESPONSE_BYTES_MAX && RESPONSE_BYTES_MAX <= u32::MAX as usize / 2 + 1,
    "no message comes near what 32 bits hold"
);
const _: () = assert!(HELD_IN_CHUNK_BYTES_MAX <= CHUNK_BYTES, "what is held in a chunk fits one");
const _: () = assert!(
    SPARE_BUFFERS_MAX * EVERYDAY_BYTES
        + SPARE_GROWN_MAX * GROWN_BYTES_MAX
        + SPARE_LARGE_BYTES_KEPT
        + SPARE_CHUNKS_MAX * CHUNK_BYTES
        <= 4 * 1024 * 1024,
    "what a burst leaves behind is little"
);
const _: () = assert!(SCRIPT_BYTES_MAX <= SCRIPTS_BYTES_MAX, "one script fits");
const _: () = assert!(FRESH_BYTES <= GROW_BYTES_MAX, "the least step is one");
const _: () = assert!(GROW_BYTES_MAX <= GROW_BYTES_AT_ONCE, "the first step is no larger than any");
const _: () = assert!(FRESH_BYTES <= EVERYDAY_BYTES, "a fresh buffer is an everyday one");
const _: () = assert!(SHARE_BYTES_MIN < RECV_BYTES, "small messages are read whole");
