//! A client's own server conn: who gets one, what it is for, and where it goes afterwards.
//!
//! A transaction and a request that blocks take a conn that nobody else uses: a *pinned* one. It is of
//! its client's class, and there are as many at a time as the pool allows. One that is clean
//! afterwards goes to the pool's [`Stock`] and serves the next client; one that is not is closed, and
//! with it the server forgets what was begun on it.

pub(crate) mod aside;
pub(crate) mod blocking;
pub(crate) mod transaction;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use nutcracker_proto::Quiet;

use crate::action::CloseReason;
use crate::bytes::frame::Frame;
use crate::clients::crowd::Crowding;
use crate::clients::session::ClassId;
use crate::engine::Engine;
use crate::ids::{ConnId, Key, PoolId, ServerId, Side};
use crate::limits::{PINNED_KEPT, PINNED_KEPT_MAX};
use crate::own::transaction::Transaction;
use crate::request::{Request, Role};
use crate::server::{State, Tenancy};
use crate::stats::LimitFigure;
use crate::time::tick::Tick;

/// What a client does on a conn of its own.
#[derive(Debug, Default)]
pub(crate) struct Own {
    /// The conn. None before the first key has said to which server, and after it has ended.
    pub(crate) conn: Option<ConnId>,
    /// Keys that are watched.
    pub(crate) watch: Watch,
    /// What is between `MULTI` and its end.
    pub(crate) transaction: Option<Transaction>,
    /// A request that blocks is outstanding.
    pub(crate) blocked: bool,
}

/// Whether a client watches keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Watch {
    /// It does not.
    #[default]
    None,
    /// The server of its own conn does, for it.
    Kept,
    /// It did until its conn ended: nobody knows what became of the keys.
    Broken,
}

/// Pinned conns that nobody uses at the moment, for each class and server in turn.
#[derive(Debug, Default)]
pub(crate) struct Stock(Vec<Vec<ConnId>>);

impl Stock {
    fn shelf(&mut self, at: usize) -> &mut Vec<ConnId> {
        if self.0.len() <= at {
            self.0.resize_with(at + 1, Vec::new);
        }
        &mut self.0[at]
    }
}

/// How many clients of a pool have a conn of their own, over all workers. On cache lines of its own: what
/// lies beside it in the pool is read for every request.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Pinned(AtomicU32);

impl Pinned {
    /// One more, unless there are `max`.
    fn take(&self, max: u32) -> bool {
        let more = |taken: u32| (taken < max).then(|| taken + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give_back(&self) {
        let before = self.0.fetch_sub(1, Ordering::Relaxed);
        debug_assert!(before > 0, "given back once for each that was taken");
    }

    pub(crate) fn taken(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// When pinned conns are to be looked after: at most one entry a conn. Unlike those of shared conns,
/// their deadlines are each another's, so an entry can be moved.
#[derive(Debug, Default)]
pub(crate) struct Alarms(BTreeSet<(Tick, ConnId)>);

impl Alarms {
    /// The earliest.
    pub(crate) fn next(&self) -> Option<Tick> {
        self.0.first().map(|(at, _)| *at)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn remove(&mut self, at: Tick, conn: ConnId) {
        self.0.remove(&(at, conn));
    }

    fn pop_due(&mut self, now: Tick) -> Option<ConnId> {
        let (at, _) = *self.0.first()?;
        if at > now {
            return None;
        }
        self.0.pop_first().map(|(_, conn)| conn)
    }
}

impl Engine {
    /// A conn to `server` that is `client`'s alone: one that is kept, or a new one.
    ///
    /// # Errors
    /// When as many clients have one as may, no open file is left for it, the server is ejected and its keys
    /// fail, or it cannot be reached.
    pub(crate) fn take_pinned(
        &mut self,
        client: ConnId,
        server: ServerId,
    ) -> Result<ConnId, CloseReason> {
        let of = self.clients.get(client.key()).expect("it asked for it");
        let (pool, class) = (of.pool, of.session.class);
        let pool_state = &mut self.pools[pool.0 as usize];
        if pool_state.fails(server) {
            return Err(CloseReason::Ejected);
        }
        let shelf = pool_state.shelf(class, server);
        let kept = pool_state.stock.shelf(shelf).last().copied();
        // Two workers may both see the last place free; there is some to spare.
        if kept.is_none() && pool_state.shared.room.free() <= 0 {
            return Err(self.refuse_pinned(
                pool,
                "the limit of open files leaves none, raise it (ulimit -n, LimitNOFILE)",
            ));
        }
        if kept.is_none() && pool_state.reach.is_lost(server) {
            return Err(CloseReason::TimedOut);
        }
        let max = pool_state.config().limits.pinned_connections;
        if !pool_state.shared.pinned.take(max) {
            let why = format!("{max} are in use, the limit that pinned_connections_max sets");
            return Err(self.refuse_pinned(pool, &why));
        }
        let tenancy = Tenancy::Own { client };
        let Some(conn) = pool_state.stock.shelf(shelf).pop() else {
            return Ok(self.connect(pool, server, class, tenancy));
        };
        self.set_pinned_alarm(conn, Tick::NEVER);
        self.servers.get_mut(conn.key()).expect("what is kept is open").tenancy = tenancy;
        Ok(conn)
    }

    fn refuse_pinned(&self, pool: PoolId, why: &str) -> CloseReason {
        self.pool_stats(pool).limit(LimitFigure::PinnedRefused).add(1);
        let what = "no server connection is left for a transaction or a blocking command";
        CloseReason::Other(format!("{what}: {why}").into())
    }

    /// Appends a whole request to a pinned conn. The server has until `deadline` for it, from the
    /// moment that the conn is open; until then the pool's timeout holds.
    pub(crate) fn send_pinned(
        &mut self,
        conn: ConnId,
        frame: Frame<'_>,
        mut request: Request,
        deadline: Tick,
    ) {
        let opens_until = self.ordinary_deadline(conn);
        let server = self.servers.get_mut(conn.key()).expect("it is open");
        let bytes = frame.bytes.len();
        match frame.shared() {
            Some(shared) => server.outbox.share(shared),
            None => server.outbox.push(frame.bytes, &mut self.spares),
        }
        let limits = &self.pools[server.pool.0 as usize].config().limits;
        if server.outbox.len() >= limits.server_queue_bytes / 2 {
            self.crowd.mark(server, Crowding::Half);
        }
        let at = if server.state == State::Ready { deadline } else { opens_until.min(deadline) };
        let is_earlier = at < server.alarm;
        let in_line = request.client.filter(|_| !matches!(request.role, Role::Begin { .. }));
        let of = in_line.and_then(|client| self.clients.get(client.key()));
        if of.is_some_and(|client| client.session.mute.is_silent()) {
            // It has its place in line all the same: what comes behind it goes another way, and waits.
            request.quiet = Quiet::All;
        }
        request.deadline = deadline;
        let id = self.requests.insert(request);
        if let Some(client) = in_line {
            self.put_in_line(client, id);
        }
        if is_earlier {
            self.set_pinned_alarm(conn, at);
        }
        self.enqueue(conn, id, bytes);
    }

    /// When a request for that conn gives up that is sent now and does not block.
    pub(crate) fn ordinary_deadline(&self, conn: ConnId) -> Tick {
        let server = self.servers.get(conn.key()).expect("it is open");
        let timeout = self.pools[server.pool.0 as usize].config().timeout;
        timeout.map_or(Tick::NEVER, |timeout| self.now.after(timeout))
    }

    /// Whether as much waits on that conn as may.
    pub(crate) fn is_pinned_full(&self, conn: ConnId) -> bool {
        let server = self.servers.get(conn.key()).expect("it is open");
        let pool = &self.pools[server.pool.0 as usize];
        let full = server.outbox.len() >= pool.config().limits.server_queue_bytes;
        if full {
            self.pool_stats(server.pool).limit(LimitFigure::ServerQueueFull).add(1);
        }
        full
    }

    /// The last request of its client on its own conn is answered, with `answer`: the conn has done
    /// its work. It is clean unless the answer is an error after which nobody knows.
    pub(crate) fn end_pinned(&mut self, key: Key, answer: &[u8]) {
        let conn = ConnId::new(Side::Server, key);
        let server = self.servers.get(key).expect("it has just answered");
        let Tenancy::Own { client } = server.tenancy else {
            unreachable!("such a request is on a pinned conn only")
        };
        let moved = server.moved;
        let mut clean =
            !matches!(answer.first(), Some(b'-' | b'!')) || answer.starts_with(b"-EXECABORT ");
        if let Some(client) = self.clients.get_mut(client.key())
            && let Some(own) = client.own.as_mut().filter(|own| own.conn == Some(conn))
        {
            // It blocked: whatever the answer, it does no more.
            own.blocked = false;
            clean = true;
            if own.watch == Watch::Kept {
                return;
            }
            own.conn = None;
            if own.watch == Watch::None {
                client.own = None;
            }
        }
        if clean && !moved { self.keep_pinned(conn) } else { self.retire(conn) }
    }

    /// Keeps a clean conn for the next client that needs one, for a while.
    fn keep_pinned(&mut self, conn: ConnId) {
        let server = self.servers.get_mut(conn.key()).expect("it has just answered");
        debug_assert!(server.queue.is_empty(), "its last request is answered");
        server.tenancy = Tenancy::Kept;
        let (pool, id, class) = (server.pool, server.server, server.class);
        let pool_state = &mut self.pools[pool.0 as usize];
        pool_state.shared.pinned.give_back();
        let shelf = pool_state.shelf(class, id);
        let shelf = pool_state.stock.shelf(shelf);
        if shelf.len() < PINNED_KEPT_MAX {
            shelf.push(conn);
            self.set_pinned_alarm(conn, self.now.after(PINNED_KEPT));
        } else {
            self.retire(conn);
        }
    }

    /// A kept conn is closed: nobody shall be given it.
    pub(crate) fn forget_kept(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        server: ServerId,
        class: ClassId,
    ) {
        let pool_state = &mut self.pools[pool.0 as usize];
        let shelf = pool_state.shelf(class, server);
        pool_state.stock.shelf(shelf).retain(|kept| *kept != conn);
    }

    /// A pinned conn is closed, with what its client had begun on it. What is outstanding there
    /// fails as on any conn.
    pub(crate) fn lose_pinned(&mut self, conn: ConnId, pool: PoolId, client: ConnId) {
        self.pools[pool.0 as usize].shared.pinned.give_back();
        let Some(client) = self.clients.get_mut(client.key()) else { return };
        let Some(own) = client.own.as_mut().filter(|own| own.conn == Some(conn)) else { return };
        own.conn = None;
        own.blocked = false;
        if own.watch == Watch::Kept {
            own.watch = Watch::Broken;
        }
        match &mut own.transaction {
            Some(transaction) => transaction.lose(),
            None if own.watch == Watch::None => client.own = None,
            None => {}
        }
    }

    /// Closes a server conn that did nothing wrong. The server forgets what was begun on it.
    pub(crate) fn retire(&mut self, conn: ConnId) {
        self.take_down(conn, &CloseReason::Eof);
    }

    /// Closes the client's own conn when the client has changed its database or its protocol since it
    /// took it: what is watched there is watched no more.
    pub(crate) fn leave_other_class(&mut self, conn: ConnId) {
        let client = self.clients.get(conn.key()).expect("it sent a request");
        let Some(pinned) = client.own.as_ref().and_then(|own| own.conn) else { return };
        let server = self.servers.get(pinned.key()).expect("it is open");
        if server.class != client.session.class {
            self.retire(pinned);
        }
    }

    /// Ends all that a client has of its own: it says so, or is gone.
    pub(crate) fn leave_own(&mut self, own: Option<Box<Own>>) {
        if let Some(conn) = own.and_then(|own| own.conn) {
            self.retire(conn);
        }
    }

    /// The client's socket has said its end while the client may not be read. Who waits for a request
    /// that blocks is gone: nobody else ends its wait. Others get what is due to them, and are read
    /// to their end.
    pub fn handle_hung_up(&mut self, conn: ConnId) {
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        client.hung_up = true;
        if client.is_blocked() {
            self.drop_client(conn, CloseReason::Eof);
        }
    }

    /// Looks after pinned conns whose time has come: requests give up, kept ones are closed.
    pub(crate) fn tend_pinned(&mut self, looked: Tick) {
        while let Some(conn) = self.alarms.pop_due(looked) {
            let server = self.servers.get_mut(conn.key()).expect("its alarm leaves with it");
            server.alarm = Tick::NEVER;
            if server.tenancy == Tenancy::Kept {
                self.retire(conn);
                continue;
            }
            let front = server.queue.front();
            if front.is_none() {
                continue;
            }
            let deadline = self.requests.get(front).deadline;
            if deadline <= looked || server.state != State::Ready {
                self.close_server(conn, CloseReason::TimedOut);
            } else {
                self.set_pinned_alarm(conn, deadline);
            }
        }
    }

    /// Sets or moves the conn's alarm; [`Tick::NEVER`] for none.
    pub(crate) fn set_pinned_alarm(&mut self, conn: ConnId, at: Tick) {
        let server = self.servers.get_mut(conn.key()).expect("it is open");
        if server.alarm != Tick::NEVER {
            self.alarms.remove(server.alarm, conn);
        }
        server.alarm = at;
        if at != Tick::NEVER {
            self.alarms.0.insert((at, conn));
        }
    }

    /// Clients that have a conn of their own, of all workers. For tests that ask whether anything was
    /// left behind.
    #[must_use]
    pub fn pinned(&self, pool: PoolId) -> u32 {
        self.pools[pool.0 as usize].shared.pinned.taken()
    }
}
