//! The engine: its tables, and the face it shows its shell.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nutcracker_proto::Heads;

use crate::action::{Action, CloseReason};
use crate::bytes::held::Holding;
use crate::bytes::inbox::Inbox;
use crate::bytes::outbox::Outbox;
use crate::bytes::spares::Spares;
use crate::clients::census::Census;
use crate::clients::client::{ClientConn, Farewell};
use crate::clients::crowd::{Crowd, Crowding};
use crate::clients::resuming::Resuming;
use crate::clients::session::{Peer, Session};
use crate::errand::Errand;
use crate::flushes::Flushes;
use crate::ids::{ConnId, PoolId, ServerId, Side, WorkerId};
use crate::limits::{RECV_BYTES, SPARE_TRIM_INTERVAL};
use crate::loss::moving::Moves;
use crate::many_keys::gathering::Gatherings;
use crate::many_keys::spread::Spread;
use crate::memory::holders::{Holder, Holders};
use crate::memory::shortage::Shortage;
use crate::own::Alarms;
use crate::pool::{Pool, SharedPool};
use crate::pubsub::PubSub;
use crate::request::Requests;
use crate::server::{ServerConn, State};
use crate::slab::Slab;
use crate::stats::{PoolFigure, PoolStats, ServerFigure, ServerStats, Stats};
use crate::time::deadlines::Deadlines;
use crate::time::look::Look;
use crate::time::tick::Tick;

/// What happens to messages, for the conns of one worker.
///
/// Its methods are of four kinds, to be called in the order of a turn (see the crate's front page):
/// - `begin_turn`: the time, once a turn.
/// - `handle_*`: what happened. They queue; they send nothing.
/// - `poll_*`: what to do next. [`poll_action`](Self::poll_action) until it has nothing more.
/// - commands: [`preconnect`](Self::preconnect), [`drain`](Self::drain).
///
/// The answer of [`poll_timeout`](Self::poll_timeout) can change with any of them but `poll_send`.
#[derive(Debug)]
pub struct Engine {
    /// Which of the workers it is.
    pub(crate) worker: WorkerId,
    pub(crate) epoch: Instant,
    /// The epoch, after the beginning of 1970.
    pub(crate) epoch_time: Duration,
    pub(crate) now: Tick,
    pub(crate) look: Look,
    pub(crate) pools: Box<[Pool]>,
    /// What clients' requests began with lately.
    pub(crate) heads: Heads,
    pub(crate) clients: Slab<ClientConn>,
    pub(crate) servers: Slab<ServerConn>,
    pub(crate) requests: Requests,
    pub(crate) gatherings: Gatherings,
    pub(crate) errands: Slab<Errand>,
    pub(crate) holding: Holding,
    pub(crate) spares: Spares,
    pub(crate) deadlines: Deadlines,
    /// Until then no further stall puts deadlines off.
    pub(crate) excuses_until: Tick,
    pub(crate) stats: Arc<Stats>,
    /// Those of all workers.
    pub(crate) all_stats: Arc<[Arc<Stats>]>,
    pub(crate) random: Random,
    pub(crate) spread: Spread,
    /// Where a conn with an empty inbox is read; see [`recv_space`](Self::recv_space).
    scratch: Vec<u8>,
    pub(crate) actions: VecDeque<Action>,
    pub(crate) flushes: Flushes,
    pub(crate) resuming: Resuming,
    pub(crate) draining: bool,
    /// Its clients go over to another.
    pub(crate) is_left: bool,
    pub(crate) shortage: Shortage,
    /// Among all workers, while memory is short.
    pub(crate) holder: Holder,
    pub(crate) crowd: Crowd,
    pub(crate) response_times: ResponseTimes,
    /// When pinned conns are looked after.
    pub(crate) alarms: Alarms,
    /// Who is subscribed to what, a pool.
    pub(crate) pubsub: Box<[PubSub]>,
    /// What the other workers were asked.
    pub(crate) census: Census,
    /// Conns whose server has another address.
    pub(crate) moves: Moves,
    /// When buffers are looked through for what nobody needs.
    trim_at: Option<Tick>,
}

impl Drop for Engine {
    /// Gives back the places of the conns that end with it.
    fn drop(&mut self) {
        for key in self.servers.keys() {
            if let Some(server) = self.servers.get(key).filter(|server| server.takes_room()) {
                self.pools[server.pool.0 as usize].shared.room.give_back();
            }
        }
    }
}

/// How many responses came, and how long the servers took for them in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseTimes {
    /// Responses.
    pub count: u32,
    /// From each one's request being queued to its response, added up; to the turn exactly.
    pub time: Duration,
}

/// A xorshift generator: for spreading keys at random, where quality hardly matters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn draw(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }
}

impl Engine {
    /// An engine without conns for `pools`, which it shares with the other workers. None of them has its
    /// number, `worker`.
    ///
    /// `epoch` is a moment before any `now`, the same for all workers. `stats` is this worker's
    /// own. `seed` decides what [`random`](nutcracker_ring::DistributionKind::Random) pools draw.
    #[must_use]
    pub fn new(
        worker: WorkerId,
        pools: &[Arc<SharedPool>],
        stats: Arc<Stats>,
        epoch: Instant,
        seed: u64,
    ) -> Self {
        assert_eq!(stats.pools.len(), pools.len(), "one table of counters a pool");
        let pools: Box<[Pool]> = pools.iter().map(|pool| Pool::new(Arc::clone(pool))).collect();
        let pubsub = pools.iter().map(|pool| PubSub::new(&pool.shared)).collect();
        let servers = pools.iter().map(|pool| pool.config().servers.len()).max().unwrap_or(0);
        Self {
            worker,
            epoch,
            epoch_time: Duration::ZERO,
            now: Tick::default(),
            look: Look::default(),
            pools,
            heads: Heads::default(),
            clients: Slab::new(),
            servers: Slab::new(),
            requests: Requests::new(),
            gatherings: Gatherings::default(),
            errands: Slab::new(),
            holding: Holding::default(),
            spares: Spares::default(),
            deadlines: Deadlines::default(),
            excuses_until: Tick::default(),
            all_stats: Arc::from([Arc::clone(&stats)]),
            stats,
            random: Random(seed | 1),
            spread: Spread::new(servers),
            scratch: vec![0; RECV_BYTES],
            actions: VecDeque::new(),
            flushes: Flushes::default(),
            resuming: Resuming::default(),
            draining: false,
            is_left: false,
            shortage: Shortage::default(),
            holder: Holder::join(&Arc::default()),
            crowd: Crowd::default(),
            response_times: ResponseTimes::default(),
            alarms: Alarms::default(),
            pubsub,
            census: Census::default(),
            moves: Moves::default(),
            trim_at: None,
        }
    }

    /// The epoch was so long after the beginning of 1970, for who asks the time.
    pub const fn set_epoch_time(&mut self, epoch_time: Duration) {
        self.epoch_time = epoch_time;
    }

    /// The workers of the process, this one among them, tell each other who holds most when memory is short. Without it, the
    /// engine is alone.
    pub fn set_holders(&mut self, holders: &Arc<Holders>) {
        self.holder = Holder::join(holders);
    }

    /// Begins a turn: `now` is its time to the end.
    pub fn begin_turn(&mut self, now: Instant) {
        self.look.begin_turn(self.now);
        self.now = Tick::since(self.epoch, now);
        self.flushes.begin_turn();
        self.resuming.begin_turn();
    }

    /// A client of `pool` was accepted, from `peer` where that has an address.
    pub fn handle_accepted(&mut self, pool: PoolId, peer: Option<SocketAddr>) -> ConnId {
        let config = self.pools[pool.0 as usize].config();
        let (limits, parser) = (&config.limits, config.request_parser());
        let number = self.pools[pool.0 as usize].shared.number_client();
        let session = Session::new(number, Peer::from(peer), self.now.seconds());
        let (inbox, outbox) = (Inbox::default(), Outbox::default());
        let client = ClientConn::new(pool, parser, inbox, outbox, limits, session);
        let id = ConnId::new(Side::Client, self.clients.insert(client));
        self.pool_stats(pool).at(PoolFigure::ClientConnections).add(1);
        self.stats.total_connections.add(1);
        self.stats.curr_connections.add(1);
        if self.draining {
            self.say_farewell(id, Farewell::Stopping);
        }
        id
    }

    /// Space to read a conn's socket into; never empty. The bytes go to `handle_received`, before
    /// space for another conn is asked for.
    ///
    /// An idle conn owns no space: it is lent the worker's. So is one with a small part of a small message, behind a copy of
    /// that part: much may follow it. A conn with part of a large message is lent the end of its own buffer, as much as the
    /// message is known to miss.
    pub fn recv_space(&mut self, conn: ConnId) -> &mut [u8] {
        let (inbox, missing) = match conn.side() {
            Side::Client => match self.clients.get_mut(conn.key()) {
                Some(client) => (&mut client.inbox, client.missing),
                None => return &mut self.scratch,
            },
            Side::Server => match self.servers.get_mut(conn.key()) {
                Some(server) => (&mut server.inbox, server.missing),
                None => return &mut self.scratch,
            },
        };
        if inbox.is_empty() {
            return &mut self.scratch;
        }
        if inbox.is_small(missing) {
            let part = inbox.filled();
            self.scratch[..part.len()].copy_from_slice(part);
            return &mut self.scratch[part.len()..];
        }
        inbox.space(missing, conn.side())
    }

    /// `len` bytes, at least one, were read into the conn's `recv_space`. Parses them and queues
    /// all that follows from them.
    ///
    /// Returns whether the socket may be read on. When not, the conn is paused or gone; a paused
    /// one is asked for again with [`Action::Read`].
    pub fn handle_received(&mut self, conn: ConnId, len: usize) -> bool {
        match conn.side() {
            Side::Client => {
                let Some(client) = self.clients.get_mut(conn.key()) else { return false };
                if client.closing.is_some() {
                    return false;
                }
                if client.inbox.is_small(client.missing) {
                    let received = client.inbox.len() + len;
                    client.inbox.clear(&mut self.spares);
                    debug_assert!(
                        client.skip == 0 || received == len,
                        "what is passed over is not kept"
                    );
                    let skipped = client.skip.min(len);
                    client.skip -= skipped;
                    let scratch = std::mem::take(&mut self.scratch);
                    self.serve_received(conn, &scratch[skipped..received]);
                    self.scratch = scratch;
                } else {
                    client.inbox.advance(len);
                    self.serve_inbox(conn);
                }
                self.clients.get(conn.key()).is_some_and(ClientConn::is_readable)
            }
            Side::Server => {
                let Some(server) = self.servers.get_mut(conn.key()) else { return false };
                if server.inbox.is_small(server.missing) {
                    let received = server.inbox.len() + len;
                    server.inbox.clear(&mut self.spares);
                    let scratch = std::mem::take(&mut self.scratch);
                    self.relay_received(conn, &scratch[..received]);
                    self.scratch = scratch;
                } else {
                    server.inbox.advance(len);
                    self.relay_inbox(conn);
                }
                self.servers.get(conn.key()).is_some()
            }
        }
    }

    /// Whether the socket may be read. A paused client's may not, and while memory is short no client's but for the end of
    /// a large request that there is room for already: with that it can be sent on, and its memory comes free. Its bytes
    /// stay in the kernel. Say [`handle_unread`](Self::handle_unread) then.
    #[must_use]
    pub fn may_read(&self, conn: ConnId) -> bool {
        match conn.side() {
            Side::Client => self.clients.get(conn.key()).is_some_and(|client| {
                let needs_memory = || !client.inbox.has_room_for(client.missing);
                client.is_readable() && !(self.shortage.is_short() && needs_memory())
            }),
            Side::Server => self.servers.get(conn.key()).is_some(),
        }
    }

    /// Whether what a client sends next is more of a large request, part of which is there.
    #[must_use]
    pub fn is_amid_large(&self, conn: ConnId) -> bool {
        let client = || self.clients.get(conn.key());
        conn.side() == Side::Client
            && client().is_some_and(|client| !client.inbox.is_small(client.missing))
    }

    /// The socket of a server conn is connected.
    pub fn handle_connected(&mut self, conn: ConnId) {
        let Some(server) = self.servers.get_mut(conn.key()) else { return };
        let State::Connecting { handshake } = server.state else { return };
        server.tries_reach = false;
        server.state = if handshake.due > 0 { State::Greeting(handshake) } else { State::Ready };
        let (pool, server_id) = (server.pool, server.server);
        self.mark_server_dirty(conn);
        self.server_stats(pool, server_id).at(ServerFigure::ServerConnections).add(1);
        self.note_connect(pool, server_id);
    }

    /// The socket takes bytes. Pollers say so along with other news; it matters only for a conn
    /// that awaits it.
    pub fn handle_writable(&mut self, conn: ConnId) {
        match conn.side() {
            Side::Client => {
                let Some(client) = self.clients.get_mut(conn.key()) else { return };
                if std::mem::take(&mut client.awaits_writable) {
                    self.mark_client_dirty(conn);
                }
            }
            Side::Server => {
                let Some(server) = self.servers.get_mut(conn.key()) else { return };
                if std::mem::take(&mut server.awaits_writable) {
                    self.mark_server_dirty(conn);
                }
            }
        }
    }

    /// The socket ended, or could not be opened.
    ///
    /// A client that ended its stream in good order still gets what is due to it; the engine asks
    /// to close the conn when that is sent. One that waits for a request that blocks is gone at once.
    pub fn handle_closed(&mut self, conn: ConnId, reason: CloseReason) {
        match conn.side() {
            Side::Client
                if reason == CloseReason::Eof
                    && !self.clients.get(conn.key()).is_some_and(ClientConn::is_blocked) =>
            {
                self.say_farewell(conn, Farewell::Asked);
            }
            Side::Client => self.drop_client(conn, reason),
            Side::Server => self.close_server(conn, reason),
        }
    }

    /// Fails the requests whose deadline has passed, sees to the conns that listen, tries servers that could not
    /// be reached, closes who holds most when memory has been short for too long, and gives back
    /// what a burst needed.
    ///
    /// `took_all` says whether the turn told all that its poll had found, or left some of it for the next. A
    /// deadline that has passed since the turn before may have been met by what the next poll will find, and waits
    /// for that.
    pub fn handle_timeout(&mut self, took_all: bool) {
        let looked = self.look.record(took_all);
        if self.trim_at.is_some_and(|at| at <= self.now) {
            self.trim_at = None;
            self.spares.trim();
            self.requests.trim();
        }
        if self.shortage.poll_timeout().is_some_and(|at| at <= self.now) {
            self.relieve_memory();
        }
        if self.crowd.look_at.is_some_and(|at| at <= self.look.before()) {
            self.let_on();
        }
        // Who is left asks servers for nothing more on behalf of others.
        let pools = if self.is_left { 0 } else { self.pools.len() };
        for pool in 0..pools {
            if self.pools[pool].shared.health.is_probe_due(self.now) {
                self.probe(PoolId(pool as u32));
            }
            if self.pools[pool].reach.next_try().is_some_and(|at| at <= self.now) {
                self.try_to_reach(PoolId(pool as u32));
            }
        }
        self.tend_listeners(looked);
        self.tend_pinned(looked);
        self.tend_census(looked);
        while let Some(conn) = self.deadlines.pop_due(looked) {
            let Some(server) = self.servers.get_mut(conn.key()) else { continue };
            server.armed = false;
            let front = server.queue.front();
            // What waits on a pinned conn has an alarm of its own.
            let waits_until = if front.is_none() || server.is_pinned() {
                Tick::NEVER
            } else {
                self.requests.get(front).deadline
            };
            let deadline = waits_until.min(server.gives_up_at());
            if deadline == Tick::NEVER {
                continue;
            }
            if deadline <= looked {
                // What is passed over may take long: then who waits behind it has waited for that, not for the server.
                let reason = match server.passing {
                    Some(_) => CloseReason::GivenUp,
                    None => CloseReason::TimedOut,
                };
                self.close_server(conn, reason);
            } else {
                server.armed = true;
                self.deadlines.set(deadline, conn);
            }
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let ends = self.shortage.poll_timeout().into_iter().chain(self.trim_at);
        let ends = ends.chain(self.crowd.look_at);
        let ends = ends.chain(self.pubsub.iter().filter_map(PubSub::alarm));
        let pools = if self.is_left { &[] } else { &self.pools[..] };
        let probes = pools.iter().filter_map(|pool| pool.shared.health.next_probe());
        let tries = pools.iter().filter_map(|pool| pool.reach.next_try());
        let ends = ends.chain(probes).chain(tries);
        let ends = ends.chain(self.alarms.next()).chain(self.census.alarm());
        let next = self.deadlines.next().into_iter().chain(ends).min()?;
        Some(next.instant(self.epoch))
    }

    /// The next thing to do, until there is none and the turn is over.
    pub fn poll_action(&mut self) -> Option<Action> {
        loop {
            if let Some(action) = self.actions.pop_front() {
                return Some(action);
            }
            if let Some(conn) = self.poll_flush() {
                return Some(Action::Flush(conn));
            }
            // A client to which nothing was due any more may have been closed.
            if !self.actions.is_empty() {
                continue;
            }
            let Some(conn) = self.resuming.pop() else {
                if !self.moves.is_empty() && self.tend_moves() {
                    continue;
                }
                if self.spares.has_surplus() || self.requests.has_surplus() {
                    self.trim_at.get_or_insert(self.now.after(SPARE_TRIM_INTERVAL));
                }
                return None;
            };
            self.resume(conn);
        }
    }

    /// Lends the bytes to send, front first, and says how many slices it used; 0 for nothing.
    pub fn poll_send<'a>(&'a self, conn: ConnId, slices: &mut [IoSlice<'a>]) -> usize {
        match conn.side() {
            Side::Client => match self.clients.get(conn.key()) {
                Some(client) => client.outbox.slices(None, slices),
                None => 0,
            },
            Side::Server => match self.servers.get(conn.key()) {
                Some(server) => server.outbox.slices(server.sendable(), slices),
                None => 0,
            },
        }
    }

    /// `len` of the bytes that `poll_send` lent were sent. `awaits_writable`: the socket took less
    /// than it was offered, and `handle_writable` will follow when it takes more.
    pub fn handle_sent(&mut self, conn: ConnId, len: usize, awaits_writable: bool) {
        match conn.side() {
            Side::Client => {
                let Some(client) = self.clients.get_mut(conn.key()) else { return };
                client.outbox.advance(len, &mut self.spares);
                client.awaits_writable = awaits_writable;
                if client.may_resume() {
                    self.resuming.push(conn);
                }
                if client.closing.is_some() {
                    self.close_if_settled(conn);
                }
            }
            Side::Server => {
                let Some(server) = self.servers.get_mut(conn.key()) else { return };
                server.awaits_writable = awaits_writable;
                if len > 0 {
                    server.took_at = self.now;
                }
                let is_crowded = server.crowding != Crowding::None;
                let moved = server.pass(len, &self.requests, &mut self.spares);
                if server.keeps_sent() && moved.requests > 0 {
                    let pool = &mut self.pools[server.pool.0 as usize];
                    pool.budget.earn(moved.requests as u32, self.now);
                }
                let stats = self.server_stats_of(conn);
                stats.at(ServerFigure::InQueue).add(-moved.requests);
                stats.at(ServerFigure::InQueueBytes).add(-moved.bytes);
                stats.at(ServerFigure::OutQueue).add(moved.requests);
                stats.at(ServerFigure::OutQueueBytes).add(moved.bytes);
                if is_crowded {
                    self.note_room(conn);
                }
            }
        }
    }

    /// The response times since last asked.
    pub fn take_response_times(&mut self) -> ResponseTimes {
        std::mem::take(&mut self.response_times)
    }

    /// Clients there are.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Requests and split requests there are: both zero when nothing is outstanding, and nothing was left
    /// behind.
    #[must_use]
    pub fn outstanding(&self) -> (usize, usize) {
        (self.requests.len(), self.gatherings.len())
    }

    /// Responses that are held in chunks: none when nothing is outstanding. O(chunks), for tests.
    #[must_use]
    pub fn held(&self) -> usize {
        self.holding.live()
    }

    #[inline]
    pub(crate) fn pool_stats(&self, pool: PoolId) -> &PoolStats {
        &self.stats.pools[pool.0 as usize]
    }

    #[inline]
    pub(crate) fn server_stats(&self, pool: PoolId, server: ServerId) -> &ServerStats {
        &self.pool_stats(pool).servers[server.0 as usize]
    }

    fn server_stats_of(&self, conn: ConnId) -> &ServerStats {
        let server = self.servers.get(conn.key()).expect("the caller has just used it");
        self.server_stats(server.pool, server.server)
    }
}
