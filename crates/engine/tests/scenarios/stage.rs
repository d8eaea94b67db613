//! The stage: the engine, a shell that does what it asks, and both sides' lines.
//!
//! Each thing that happens is one turn. Servers accept at once, unless told not to, and sockets
//! take all they are offered, unless they are clogged.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IoSlice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nutcracker_engine::limits::{PoolLimits, SLICES_A_WRITE};
use nutcracker_engine::stats::{LimitFigure, PoolFigure, ServerFigure, Stats};
use nutcracker_engine::{
    Action, CloseReason, ConnId, Ejection, Engine, MemoryState, MultiError, OnEject, PoolConfig,
    PoolId, Question, Report, Retries, Room, ServerId, Share, SharedPool, Side, WorkerId,
};
use nutcracker_proto::Protocol;
use nutcracker_ring::{DistributionKind, HashKind, Placement, Ring, RingServer};

/// The one pool of a stage.
pub(crate) const POOL: PoolId = PoolId(0);

/// A Redis pool of so many servers that never times out and never ejects.
pub(crate) fn redis(servers: usize) -> PoolConfig {
    pool(Protocol::Redis, servers)
}

/// The same for memcached.
pub(crate) fn memcached(servers: usize) -> PoolConfig {
    pool(Protocol::Memcache, servers)
}

fn pool(protocol: Protocol, servers: usize) -> PoolConfig {
    PoolConfig {
        protocol,
        key_bytes_max: 16_000,
        placement: Placement { hash: HashKind::Fnv1a64, tag: None },
        distribution: DistributionKind::Modula,
        servers: (0..servers).map(|n| RingServer::new(format!("server{n}"), 1)).collect(),
        timeout: None,
        retries: Retries::NEVER,
        connect_timeout: None,
        ejection: None,
        server_connections: 1,
        password: None,
        database: 0,
        allow_flush: false,
        meta_commands: true,
        multi_error: MultiError::Fail,
        databases: 16,
        commands: None,
        preconnect: false,
        limits: PoolLimits::default(),
    }
}

/// Ejection after so many failures, for so many milliseconds.
pub(crate) fn ejection(failure_limit: u32, retry_ms: u64) -> Option<Ejection> {
    let retry_timeout = Duration::from_millis(retry_ms);
    Some(Ejection { failure_limit, retry_timeout, on_eject: OnEject::Rehash })
}

/// A request as an array of bulk strings, of the words of `line`.
pub(crate) fn cmd(line: &str) -> Vec<u8> {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    array(&words)
}

/// A request as an array of bulk strings.
pub(crate) fn array(words: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    words.iter().for_each(|word| out.extend(bulk(word)));
    out
}

/// A bulk string.
pub(crate) fn bulk(bytes: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// The engine and all around it.
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) stats: Arc<Stats>,
    shared: Arc<SharedPool>,
    /// The ring with all servers in it.
    ring: Ring,
    pub(crate) now: Instant,
    /// Whether servers accept by themselves.
    pub(crate) servers_accept: bool,
    /// Conns that were asked for and have neither been opened nor failed.
    pub(crate) connecting: Vec<(ConnId, ServerId)>,
    /// The conns of each server, in the order they were asked for.
    conns: BTreeMap<ServerId, Vec<ConnId>>,
    /// What the proxy has sent on each conn, and nobody has looked at.
    sent: BTreeMap<ConnId, Vec<u8>>,
    /// How many bytes more a clogged socket takes.
    room: BTreeMap<ConnId, usize>,
    closed: BTreeSet<ConnId>,
    /// Conns that the engine asked to read.
    pub(crate) reads: Vec<ConnId>,
    pub(crate) reports: Vec<Report>,
    /// What other workers are to be asked.
    pub(crate) questions: Vec<(WorkerId, Arc<Question>)>,
    /// How often other workers were to be told that memory is short.
    pub(crate) shortages: usize,
    /// Writes the shell made, of either side.
    pub(crate) writes: usize,
}

impl Stage {
    pub(crate) fn new(config: PoolConfig) -> Self {
        Self::sharing(&Arc::new(SharedPool::new(config)), epoch(), WorkerId(0))
    }

    /// One in a process that may open so many sockets beyond the ordinary ones.
    pub(crate) fn with_room(config: PoolConfig, room: &Arc<Room>) -> Self {
        let shared = SharedPool::new(config).with_room(Arc::clone(room));
        Self::sharing(&Arc::new(shared), epoch(), WorkerId(0))
    }

    /// The other of two workers of the same process.
    pub(crate) fn sibling(&self) -> Self {
        Self::sharing(&self.shared, self.now, WorkerId(1))
    }

    /// All workers of one process.
    pub(crate) fn workers<const N: usize>(config: PoolConfig) -> [Self; N] {
        let (shared, epoch) = (Arc::new(SharedPool::new(config)), epoch());
        let holders = Arc::default();
        std::array::from_fn(|own| {
            let mut stage = Self::sharing(&shared, epoch, WorkerId(own as u32));
            stage.engine.set_worker_count(N as u32);
            stage.engine.set_holders(&holders);
            stage
        })
    }

    /// Another worker's question comes in.
    pub(crate) fn is_asked(&mut self, question: &Question) -> Share {
        self.engine.begin_turn(self.now);
        let share = self.engine.handle_question(question);
        self.finish_turn();
        share
    }

    /// Another worker's answer comes in.
    pub(crate) fn is_told(&mut self, share: Share) {
        self.engine.begin_turn(self.now);
        self.engine.handle_share(share);
        self.finish_turn();
    }

    fn sharing(shared: &Arc<SharedPool>, epoch: Instant, worker: WorkerId) -> Self {
        let stats = Arc::new(Stats::new([shared.config.servers.len()]));
        let config = &shared.config;
        let live = vec![true; config.servers.len()];
        let ring = Ring::new(config.distribution, &config.servers, &live);
        let engine = Engine::new(worker, &[Arc::clone(shared)], Arc::clone(&stats), epoch, 1);
        Self {
            engine,
            stats,
            shared: Arc::clone(shared),
            ring,
            now: epoch,
            servers_accept: true,
            connecting: Vec::new(),
            conns: BTreeMap::new(),
            sent: BTreeMap::new(),
            room: BTreeMap::new(),
            closed: BTreeSet::new(),
            reads: Vec::new(),
            reports: Vec::new(),
            questions: Vec::new(),
            shortages: 0,
            writes: 0,
        }
    }

    /// A key that begins with `stem` and belongs to `server` while all servers are in the ring.
    pub(crate) fn key(&self, server: u32, stem: &str) -> String {
        (0..)
            .map(|n| format!("{stem}{n}"))
            .find(|key| self.owner(key) == server)
            .expect("every server has keys")
    }

    /// The server that `key` belongs to while all are in the ring.
    pub(crate) fn owner(&self, key: &str) -> u32 {
        let owner = self.shared.config.placement.route(&self.ring, key.as_bytes(), || 0);
        owner.expect("a server is in the ring") as u32
    }

    /// A client comes.
    pub(crate) fn client(&mut self) -> ConnId {
        self.client_from("127.0.0.1:50000")
    }

    /// A client comes from there.
    pub(crate) fn client_from(&mut self, address: &str) -> ConnId {
        self.engine.begin_turn(self.now);
        let peer = address.parse().expect("it is an address");
        let conn = self.engine.handle_accepted(POOL, Some(peer));
        self.finish_turn();
        conn
    }

    /// The newest conn to a server.
    #[track_caller]
    pub(crate) fn server(&self, server: u32) -> ConnId {
        *self.conns_of(server).last().unwrap_or_else(|| panic!("no conn to server {server}"))
    }

    /// All conns there ever were to a server, oldest first.
    pub(crate) fn conns_of(&self, server: u32) -> &[ConnId] {
        self.conns.get(&ServerId(server)).map_or(&[], Vec::as_slice)
    }

    /// Bytes come in on `conn`; says whether the socket may be read on.
    pub(crate) fn sends(&mut self, conn: ConnId, bytes: impl AsRef<[u8]>) -> bool {
        self.engine.begin_turn(self.now);
        let readable = self.receive(conn, bytes.as_ref());
        self.finish_turn();
        readable
    }

    /// Several conns' bytes come in within one turn.
    pub(crate) fn all_send(&mut self, lines: &[(ConnId, &[u8])]) {
        self.engine.begin_turn(self.now);
        for (conn, bytes) in lines {
            self.receive(*conn, bytes);
        }
        self.finish_turn();
    }

    fn receive(&mut self, conn: ConnId, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            assert!(self.engine.may_read(conn), "{conn:?} may not be read");
            let space = self.engine.recv_space(conn);
            let len = space.len().min(bytes.len());
            space[..len].copy_from_slice(&bytes[..len]);
            bytes = &bytes[len..];
            if !self.engine.handle_received(conn, len) {
                assert!(bytes.is_empty(), "{conn:?}: {} bytes stay in the socket", bytes.len());
                return false;
            }
        }
        true
    }

    /// The process holds so much memory from now on.
    pub(crate) fn memory_is(&mut self, state: MemoryState) {
        self.engine.begin_turn(self.now);
        self.engine.handle_memory(state);
        self.engine.handle_timeout(true);
        self.finish_turn();
    }

    /// The other side of `conn` ends it.
    pub(crate) fn closes(&mut self, conn: ConnId, reason: CloseReason) {
        self.engine.begin_turn(self.now);
        self.engine.handle_closed(conn, reason);
        self.finish_turn();
    }

    /// The server of `conn` has another address from now on.
    pub(crate) fn moves(&mut self, conn: ConnId) {
        self.engine.begin_turn(self.now);
        self.engine.handle_moved(conn);
        self.finish_turn();
    }

    /// A server that did not accept by itself does.
    pub(crate) fn accepts(&mut self, conn: ConnId) {
        self.connecting.retain(|(other, _)| *other != conn);
        self.engine.begin_turn(self.now);
        self.engine.handle_connected(conn);
        self.finish_turn();
    }

    /// From now on the socket of `conn` takes `room` bytes and no more.
    pub(crate) fn clogs(&mut self, conn: ConnId, room: usize) {
        self.room.insert(conn, room);
    }

    /// The socket of `conn` takes `room` bytes more, and says so.
    pub(crate) fn takes(&mut self, conn: ConnId, room: usize) {
        self.room.insert(conn, room);
        self.engine.begin_turn(self.now);
        self.engine.handle_writable(conn);
        self.finish_turn();
    }

    /// The socket of `conn` takes all it is offered again, and says so.
    pub(crate) fn unclogs(&mut self, conn: ConnId) {
        self.room.remove(&conn);
        self.engine.begin_turn(self.now);
        self.engine.handle_writable(conn);
        self.finish_turn();
    }

    /// A turn in which nothing comes.
    pub(crate) fn turns(&mut self) {
        self.engine.begin_turn(self.now);
        self.engine.handle_timeout(true);
        self.finish_turn();
    }

    /// Time passes; deadlines on the way are met on time.
    pub(crate) fn passes(&mut self, wait_ms: u64) {
        let end = self.now + Duration::from_millis(wait_ms);
        while let Some(due) = self.engine.poll_timeout()
            && due <= end
        {
            self.now = self.now.max(due);
            // One that the deadline woke, and one that knows it to be missed.
            self.turns();
            self.turns();
            assert!(
                self.engine.poll_timeout().is_none_or(|next| next > self.now),
                "what is due is dealt with"
            );
        }
        self.now = end;
    }

    /// The worker is held up for so long, and then looks at what is due.
    pub(crate) fn stalls(&mut self, lasted_ms: u64) {
        let lasted = Duration::from_millis(lasted_ms);
        self.now += lasted;
        self.engine.begin_turn(self.now);
        self.engine.handle_stall(lasted);
        self.engine.handle_timeout(true);
        self.finish_turn();
    }

    /// The worker is held up for so long after its poll has returned, and nothing tells it so.
    pub(crate) fn stalls_unseen(&mut self, lasted_ms: u64) {
        self.now += Duration::from_millis(lasted_ms);
        self.turns();
    }

    /// An ejected server's time passes, it is asked whether it is back, and says so.
    #[track_caller]
    pub(crate) fn returns(&mut self, server: u32, after_ms: u64) {
        self.passes(after_ms + 1);
        let probe = self.server(server);
        self.gets(probe, cmd("PING"));
        self.sends(probe, "+PONG\r\n");
        assert!(self.is_closed(probe), "a probe ends with its answer");
        let last = self.reports.last();
        assert!(matches!(last, Some(Report::Returned { .. })), "{last:?}");
    }

    /// What has been sent on `conn` since last asked.
    pub(crate) fn take(&mut self, conn: ConnId) -> Vec<u8> {
        self.sent.remove(&conn).unwrap_or_default()
    }

    /// What has been sent on `conn` since last asked is just this.
    #[track_caller]
    pub(crate) fn gets(&mut self, conn: ConnId, expected: impl AsRef<[u8]>) {
        let (got, expected) = (self.take(conn), expected.as_ref());
        assert!(got == expected, "{conn:?} got {}, not {}", shown(&got), shown(expected));
    }

    #[track_caller]
    pub(crate) fn gets_nothing(&mut self, conn: ConnId) {
        self.gets(conn, "");
    }

    pub(crate) fn is_closed(&self, conn: ConnId) -> bool {
        self.closed.contains(&conn)
    }

    /// One of the pool's figures.
    pub(crate) fn figure(&self, figure: PoolFigure) -> i64 {
        self.stats.pools[0].at(figure).get()
    }

    /// What one of the pool's limits did.
    pub(crate) fn limit(&self, figure: LimitFigure) -> i64 {
        self.stats.pools[0].limit(figure).get()
    }

    /// One of a server's figures.
    pub(crate) fn server_figure(&self, server: usize, figure: ServerFigure) -> i64 {
        self.stats.pools[0].servers[server].at(figure).get()
    }

    /// Nothing is outstanding and no gauge says otherwise.
    #[track_caller]
    pub(crate) fn is_quiet(&self) {
        assert_eq!(self.engine.outstanding(), (0, 0), "requests, split requests");
        assert_eq!(self.engine.held(), 0, "responses held");
        for (n, server) in self.stats.pools[0].servers.iter().enumerate() {
            for figure in [
                ServerFigure::InQueue,
                ServerFigure::InQueueBytes,
                ServerFigure::OutQueue,
                ServerFigure::OutQueueBytes,
            ] {
                assert_eq!(server.at(figure).get(), 0, "server {n}: {}", figure.name());
            }
        }
    }

    /// Does what the engine asks until it asks no more.
    pub(crate) fn finish_turn(&mut self) {
        while let Some(action) = self.engine.poll_action() {
            match action {
                Action::Connect { conn, pool, server } => {
                    assert_eq!(pool, POOL);
                    self.conns.entry(server).or_default().push(conn);
                    if self.servers_accept {
                        self.engine.handle_connected(conn);
                    } else {
                        self.connecting.push((conn, server));
                    }
                }
                Action::Flush(conn) => self.flush(conn),
                Action::Read(conn) => {
                    assert_eq!(conn.side(), Side::Client, "only clients are paused");
                    self.reads.push(conn);
                }
                Action::Close { conn, pool } => {
                    assert_eq!(pool, POOL);
                    assert!(self.closed.insert(conn), "{conn:?} is closed once");
                }
                Action::Ask { worker, question } => self.questions.push((worker, question)),
                Action::SpreadShortage => self.shortages += 1,
                Action::Report(report) => self.reports.push(report),
            }
        }
    }

    fn flush(&mut self, conn: ConnId) {
        assert!(!self.closed.contains(&conn), "{conn:?} is closed");
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES_A_WRITE];
            let used = self.engine.poll_send(conn, &mut slices);
            if used == 0 {
                return;
            }
            self.writes += 1;
            let offered: usize = slices[..used].iter().map(|slice| slice.len()).sum();
            assert!(offered > 0, "an offer has bytes");
            let taken = offered.min(self.room.get(&conn).copied().unwrap_or(usize::MAX));
            if let Some(room) = self.room.get_mut(&conn) {
                *room -= taken;
            }
            let sent = self.sent.entry(conn).or_default();
            let end = sent.len() + taken;
            for slice in &slices[..used] {
                let part = slice.len().min(end - sent.len());
                sent.extend_from_slice(&slice[..part]);
            }
            let is_short = taken < offered;
            self.engine.handle_sent(conn, taken, is_short);
            if is_short {
                return;
            }
        }
    }
}

/// Some moment: the clock is the stage's from then on.
#[expect(clippy::disallowed_methods, reason = "an `Instant` has no other beginning")]
fn epoch() -> Instant {
    Instant::now()
}

fn shown(bytes: &[u8]) -> String {
    const SHOWN_BYTES_MAX: usize = 400;
    if bytes.len() <= SHOWN_BYTES_MAX {
        return format!("\"{}\"", bytes.escape_ascii());
    }
    format!("\"{}\"... ({} bytes)", bytes[..SHOWN_BYTES_MAX].escape_ascii(), bytes.len())
}
