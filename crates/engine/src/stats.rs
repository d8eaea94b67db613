//! The tables of figures: each one's names, kind and meaning, written once. What the statistics port
//! says, in both its forms, what `-D` prints, and `docs/metrics.md` (`cargo xtask metrics`) are made of them.
//!
//! Each worker owns one [`Stats`] and is its only writer; the control thread adds the workers'
//! figures up. A tick is a plain load and store on the worker's own memory: no locked instruction.

use std::sync::atomic::{AtomicI64, Ordering};

/// What a figure does over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Microseconds since the Unix epoch, 0 for never.
    Timestamp,
}

/// A figure as `/metrics` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its whole name.
    pub name: String,
    /// What it does over time.
    pub kind: Kind,
    /// Its name in the JSON, which is a closed schema and has some of them only.
    pub json: Option<&'static str>,
    /// What it says, in one line, for operators.
    pub help: &'static str,
}

impl Metric {
    /// Names it by Prometheus' rules: counters end in `_total`, points in time are in seconds.
    fn new(name: &str, kind: Kind, json: Option<&'static str>, help: &'static str) -> Self {
        let name = match kind {
            Kind::Counter => format!("nutcracker_{name}_total"),
            Kind::Gauge => format!("nutcracker_{name}"),
            Kind::Timestamp => {
                format!("nutcracker_{}_timestamp_seconds", name.trim_end_matches("_at"))
            }
        };
        Self { name, kind, json, help }
    }

    /// The kind, as Prometheus calls it.
    #[must_use]
    pub const fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge | Kind::Timestamp => "gauge",
        }
    }
}

/// Declares an enum of figures: of each the name, the kind, what it says to operators, and, where the
/// original has it, the original's description. Their order is that of the original's output (its
/// `STATS_POOL_CODEC`, `STATS_SERVER_CODEC`). What `/metrics` calls them begins with `$scope`.
macro_rules! figures {
    ($(#[$doc:meta])* $table:ident, $scope:literal {
        $($(#[$row_doc:meta])* $variant:ident, $name:literal, $kind:ident, $help:literal $(, $original:literal)?;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $table { $($(#[$row_doc])* $variant),* }

        impl $table {
            /// Every figure, in the order of the output.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name, in the JSON and in memcached's `stats`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What it does over time.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind),* }
            }

            /// What it says, in one line, for operators.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help),* }
            }

            /// The original's description, of those that it has: the JSON and `-D` know no others.
            #[must_use]
            pub fn original(self) -> Option<&'static str> {
                match self { $(Self::$variant => [$($original)?].first().copied()),* }
            }

            /// The figure as `/metrics` has it. Allocates.
            #[must_use]
            pub fn metric(self) -> Metric {
                let name = self.name();
                let json = self.original().map(|_| name);
                match name.starts_with($scope) {
                    true => Metric::new(name, self.kind(), json, self.help()),
                    false => Metric::new(&format!("{}{name}", $scope), self.kind(), json, self.help()),
                }
            }
        }
    };
}

/// The figures of the process, which the shell knows. `/metrics` begins with them, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessFigure {
    /// Which version runs.
    Build,
    /// For how long.
    Uptime,
    /// What it holds on its heap.
    Memory,
    /// What it may hold.
    MemoryMax,
    /// Conns ever made, listeners included.
    TotalConnections,
    /// Conns there are, listeners included.
    CurrConnections,
}

impl ProcessFigure {
    /// Every figure, in the order of the output.
    pub const ALL: &'static [Self] = &[
        Self::Build,
        Self::Uptime,
        Self::Memory,
        Self::MemoryMax,
        Self::TotalConnections,
        Self::CurrConnections,
    ];

    /// The figure as `/metrics` has it. Allocates.
    #[must_use]
    #[rustfmt::skip]
    pub fn metric(self) -> Metric {
        let (name, kind, json, help) = match self {
            Self::Build => ("build_info", Kind::Gauge, None, "always 1; the label says which version runs"),
            Self::Uptime => ("uptime_seconds", Kind::Gauge, Some("uptime"), "seconds since the process began"),
            Self::Memory => ("memory_bytes", Kind::Gauge, None, "memory held for connections, requests and responses, which memory_max limits: the heap, but for pieces below 512 bytes"),
            Self::MemoryMax => ("memory_max_bytes", Kind::Gauge, None, "memory_max in bytes; absent where there is no limit"),
            Self::TotalConnections => ("connections", Kind::Counter, Some("total_connections"), "connections ever made, of clients and to servers, and one listener a pool"),
            Self::CurrConnections => ("connections", Kind::Gauge, Some("curr_connections"), "connections there are, of clients and to servers, and one listener a pool"),
        };
        Metric::new(name, kind, json, help)
    }
}

/// What a pool knows of its servers, which is no count. `/metrics` ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthFigure {
    /// Whether a server is not ejected.
    Live,
}

impl HealthFigure {
    /// Every figure, in the order of the output.
    pub const ALL: &'static [Self] = &[Self::Live];

    /// The figure as `/metrics` has it. Allocates.
    #[must_use]
    pub fn metric(self) -> Metric {
        let Self::Live = self;
        let help = "1 while the server gets the requests for its keys, 0 while it is ejected";
        Metric::new("server_live", Kind::Gauge, None, help)
    }
}

figures! {
    /// The figures of a pool.
    PoolFigure, "" {
        /// Client conns closed after end of stream or QUIT.
        ClientEof, "client_eof", Counter, "client connections that ended in good order: the client closed or said QUIT, or the proxy stopped", "# eof on client connections";
        /// Client conns closed for any other reason.
        ClientErr, "client_err", Counter, "client connections that ended in any other way: reset, killed, closed for a broken rule or at a limit", "# errors on client connections";
        /// Client conns there are.
        ClientConnections, "client_connections", Gauge, "clients that are connected", "# active client connections";
        /// Servers ejected.
        ServerEjects, "server_ejects", Counter, "times a server was ejected, after server_failure_limit failures in a row", "# times backend server was ejected";
        /// Error responses of the proxy's own making, one a client request.
        ForwardError, "forward_error", Counter, "requests answered with an error of the proxy's own, because a server was away, late or ejected, or at a limit", "# times we encountered a forwarding error";
        /// Fragments made of requests with several keys.
        Fragments, "fragments", Counter, "parts that requests for several servers were split into", "# fragments created from a multi-vector request";
    }
}

figures! {
    /// The figures of a server.
    ServerFigure, "server_" {
        /// Server conns the server closed in good order.
        ServerEof, "server_eof", Counter, "connections that the server closed in good order; harmless while nothing was asked on them", "# eof on server connections";
        /// Server conns that ended in any other way.
        ServerErr, "server_err", Counter, "connections to the server that failed: refused, reset, or closed for what it answered", "# errors on server connections";
        /// Server conns closed because a request's deadline passed.
        ServerTimedout, "server_timedout", Counter, "connections to the server that were closed because a connect or a response took too long", "# timeouts on server connections";
        /// Server conns there are.
        ServerConnections, "server_connections", Gauge, "connections to the server that are open", "# active server connections";
        /// When the server was last ejected.
        ServerEjectedAt, "server_ejected_at", Timestamp, "when the server was last ejected, in seconds since 1970; 0 for never", "timestamp when server was ejected in usec since epoch";
        /// Requests queued for the server, each fragment counted.
        Requests, "requests", Counter, "requests queued for the server, each part of a split one counted", "# requests";
        /// Their bytes.
        RequestBytes, "request_bytes", Counter, "bytes of those requests", "total request bytes";
        /// Responses received for requests.
        Responses, "responses", Counter, "responses of the server to requests", "# responses";
        /// Their bytes.
        ResponseBytes, "response_bytes", Counter, "bytes of those responses", "total response bytes";
        /// Requests queued and not yet wholly sent.
        InQueue, "in_queue", Gauge, "requests that wait to be sent to the server", "# requests in incoming queue";
        /// Their bytes.
        InQueueBytes, "in_queue_bytes", Gauge, "bytes of the requests that wait to be sent", "current request bytes in incoming queue";
        /// Requests in flight: sent and awaiting a response.
        OutQueue, "out_queue", Gauge, "requests that were sent and wait for their response", "# requests in outgoing queue";
        /// Their bytes.
        OutQueueBytes, "out_queue_bytes", Gauge, "bytes of the requests that wait for their response", "current request bytes in outgoing queue";
    }
}

figures! {
    /// What a pool's limits did. The original has none of these, and its statistics are a closed
    /// schema; they are told where there is room for more.
    LimitFigure, "" {
        /// Clients closed as they came, because there were as many as there may be.
        ClientRefused, "client_refused", Counter, "clients closed as they came, because of client_connections or the limit of open files";
        /// Times that accepting rested because the system had no descriptor left for a client.
        AcceptPaused, "accept_paused", Counter, "times that clients were left waiting for 100 ms because accept failed, mostly for want of a file descriptor";
        /// Times that a client was left unread until some of its requests were answered or its responses sent.
        ClientPaused, "client_paused", Counter, "times a client was not read from for a while, because of client_requests_max or client_unsent_max";
        /// Times that a client was left unread until its server had taken some of what was queued for it.
        ClientPausedQueue, "client_paused_queue", Counter, "times a client was not read from for a while, because of server_queue_max";
        /// Times that a client was left unread because the process held as much memory as it may.
        ClientPausedMemory, "client_paused_memory", Counter, "times a client was not read from because the process was at memory_max";
        /// Clients closed because memory stayed short and they held most.
        ClientClosedMemory, "client_closed_memory", Counter, "clients closed because the process stayed at memory_max and they held most";
        /// Subscribers closed because they did not read what was published.
        SubscriberClosed, "subscriber_closed", Counter, "subscribers closed because they did not read what was published";
        /// Requests refused because as much was queued for their server as may be.
        ServerQueueFull, "server_queue_full", Counter, "requests refused because server_queue_max bytes waited for their server connection";
        /// Transactions and blocking commands refused because as many clients had a server conn of their own as may.
        PinnedRefused, "pinned_refused", Counter, "transactions and blocking commands refused, because of pinned_connections_max or the limit of open files";
        /// Requests refused because they were longer than they may be, before all of them was there.
        RequestTooLarge, "request_too_large", Counter, "requests refused because they were longer than request_max";
        /// Responses that had more bytes than they may, and that nobody got.
        ResponseTooLarge, "response_too_large", Counter, "responses given up because they were longer than response_max";
        /// Server conns closed because memory stayed short and they held most.
        ServerClosedMemory, "server_closed_memory", Counter, "connections to servers closed because the process held memory_max and they held most";
    }
}

figures! {
    /// How a pool's servers failed, and what was done about it. As [`LimitFigure`], these are told
    /// where the original's schema does not hold.
    FaultFigure, "" {
        /// Conns to servers that could not be opened.
        ConnectFailed, "connect_failed", Counter, "connections to servers that could not be opened";
        /// Conns to servers closed because a request's deadline passed.
        RequestTimedout, "request_timedout", Counter, "connections to servers closed because a request was not answered in time";
        /// Questions whether an ejected server is back.
        Probes, "probes", Counter, "times an ejected server was asked whether it is back";
        /// Those that were not answered well.
        ProbesFailed, "probes_failed", Counter, "times an ejected server was asked whether it is back, and was not";
        /// Conns replaced because their server's name has come to mean another address.
        ServerMoved, "server_moved", Counter, "connections to servers replaced because the server's name means another address";
        /// Requests sent to a server a second time, or more often.
        RequestsRetried, "requests_retried", Counter, "reads that were sent again because their server was lost";
        /// Requests whose server failed before anything was sent of them, and that were queued anew.
        RequestsMoved, "requests_moved", Counter, "requests that were not sent yet when their server was lost, and were queued anew";
        /// Requests that were not sent again because too many were.
        RetriesDenied, "retries_denied", Counter, "reads that were not sent again because the budget of retries was spent";
    }
}

/// One figure. Written by one thread, read by any.
#[derive(Debug, Default)]
pub struct Figure(AtomicI64);

impl Figure {
    /// Adds `n`, which may be negative for a gauge. For the one thread that writes only.
    #[inline]
    pub fn add(&self, n: i64) {
        // The only writer sees its own stores, so a load and a store make an addition.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// Replaces the value. For the one thread that writes only.
    #[inline]
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The value as last stored.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The figures of one server, as one worker saw them. On two cache lines of their own, which the
/// hardware fetches in pairs: what lies beside them in memory may be another worker's.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct ServerStats([Figure; ServerFigure::ALL.len()]);

impl ServerStats {
    /// That figure.
    #[must_use]
    #[inline]
    pub fn at(&self, figure: ServerFigure) -> &Figure {
        &self.0[figure as usize]
    }
}

/// The figures of one pool, as one worker saw them; on lines of their own, as [`ServerStats`].
#[derive(Debug)]
#[repr(align(128))]
pub struct PoolStats {
    figures: [Figure; PoolFigure::ALL.len()],
    limits: [Figure; LimitFigure::ALL.len()],
    faults: [Figure; FaultFigure::ALL.len()],
    /// One a server, in the pool's order.
    pub servers: Box<[ServerStats]>,
}

impl PoolStats {
    /// A pool of `servers` servers that nothing has happened to.
    #[must_use]
    pub fn new(servers: usize) -> Self {
        Self {
            figures: Default::default(),
            limits: Default::default(),
            faults: Default::default(),
            servers: (0..servers).map(|_| ServerStats::default()).collect(),
        }
    }

    /// That figure.
    #[must_use]
    #[inline]
    pub fn at(&self, figure: PoolFigure) -> &Figure {
        &self.figures[figure as usize]
    }

    /// What that limit did.
    #[must_use]
    #[inline]
    pub fn limit(&self, figure: LimitFigure) -> &Figure {
        &self.limits[figure as usize]
    }

    /// How its servers failed.
    #[must_use]
    #[inline]
    pub fn fault(&self, figure: FaultFigure) -> &Figure {
        &self.faults[figure as usize]
    }
}

/// All that one worker counts; on lines of its own, as [`ServerStats`].
#[derive(Debug)]
#[repr(align(128))]
pub struct Stats {
    /// One a pool, in the configuration's order.
    pub pools: Box<[PoolStats]>,
    /// Conns ever made, of clients and servers.
    pub total_connections: Figure,
    /// Conns there are, of clients and servers.
    pub curr_connections: Figure,
}

impl Stats {
    /// Nothing counted yet, for pools with so many servers each.
    #[must_use]
    pub fn new(servers: impl IntoIterator<Item = usize>) -> Self {
        Self {
            pools: servers.into_iter().map(PoolStats::new).collect(),
            total_connections: Figure::default(),
            curr_connections: Figure::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_written_by_two_workers() {
        let workers: Vec<Stats> = (0..8).map(|_worker| Stats::new([3, 1])).collect();
        let mut owners = std::collections::BTreeMap::new();
        let mut lie = |worker: usize, place: *const u8, bytes: usize| {
            for line in place as usize / 128..=(place as usize + bytes - 1) / 128 {
                let owner = *owners.entry(line).or_insert(worker);
                assert_eq!(owner, worker, "workers {owner} and {worker} share a line");
            }
        };
        for (worker, stats) in workers.iter().enumerate() {
            lie(worker, std::ptr::from_ref(stats).cast(), size_of::<Stats>());
            for pool in &stats.pools {
                lie(worker, std::ptr::from_ref(pool).cast(), size_of::<PoolStats>());
                for server in &pool.servers {
                    lie(worker, std::ptr::from_ref(server).cast(), size_of::<ServerStats>());
                }
            }
        }
    }
}
