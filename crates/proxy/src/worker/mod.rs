//! One thread: its pollers, one engine, the loop.
//!
//! The first worker also accepts, for all of them: a client is dealt to the worker with the fewest,
//! which is the accepting one itself when there is no other.
//!
//! `accepting.rs` is a listener as its worker uses it, `sockets.rs` has the sockets of conns. `waiting.rs` waits for the
//! next turn; how long `pacer.rs` says, by what `trial/` has found.

mod accepting;
mod pacer;
mod sockets;
mod trial;
mod waiting;

use std::io;
use std::io::IoSlice;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::event::Event;
use nutcracker_engine::limits::SLICES_A_WRITE;
use nutcracker_engine::stats::{LimitFigure, ServerFigure, Stats};
use nutcracker_engine::{
    Action, CloseReason, ConnId, Engine, PoolId, Report, ServerId, Side, WorkerId,
};

use crate::log::{self, Past, Spell, reason};
use crate::memory::Memory;
use crate::net::{Lingering, Listener, Socket, Target, close_reason, connect};
use crate::polling::Pollers;
use crate::report;
use crate::shared::{Message, Shared};
use crate::subject::Subject;
use crate::succession::Successor;
use crate::sys;
use accepting::{ACCEPTS_A_TURN, Accepted, Accepting};
use pacer::Done;
use sockets::{Slot, Sockets};
use waiting::Waiting;

/// Most bytes read from one conn before the others get their turn.
const READ_BYTES_A_TURN: usize = 256 * 1024;

/// How much later than asked for a worker may be woken.
const TIMER_SLACK: Duration = Duration::from_micros(1);

/// A worker that was held up for so long, or was so long at work in one turn, has stalled.
const STALL_MIN: Duration = Duration::from_millis(20);

/// One worker.
#[derive(Debug)]
pub struct Worker {
    id: usize,
    pollers: Pollers,
    engine: Engine,
    /// The engine's counters, of which one is a time of day.
    stats: Arc<Stats>,
    shared: Arc<Shared>,
    clients: Sockets,
    servers: Sockets,
    /// Conns with unread bytes in the kernel that it will not tell of again.
    unread: Vec<ConnId>,
    listeners: Vec<Accepting>,
    /// Who takes the clients over, once another configuration holds.
    successor: Option<Arc<Successor>>,
    /// Nobody will hand anything over to it.
    dismissed: bool,
    /// It was told to stop.
    stops: bool,
    /// What this turn has done so far.
    turn: Done,
    /// The turn is about all there is, and not about servers' answers alone.
    is_whole: bool,
    /// How long to look for events before it sleeps, and to wait when it is busy.
    busy_poll: Duration,
    turn_pause: Duration,
    /// When to stop reading clients.
    memory: Memory,
    /// The system had no descriptor left for a conn to a server.
    no_room: Spell,
    /// Clients' sockets that are about to close.
    lingering: Lingering,
    /// When this turn began.
    now: Instant,
    /// How long a stop may take.
    stop_timeout: Duration,
}

/// What a worker begins with. Unlike a worker, which keeps to its thread, it can be handed over.
#[derive(Debug)]
pub struct Seat {
    /// The worker's number, from 0.
    pub id: usize,
    /// The pollers, of which the first has the mailbox's waker registered as
    /// [`Subject::Waker`].
    pub pollers: Pollers,
    /// The listeners, and whose clients come there, for the worker that accepts; none for the others. Each is
    /// registered with it as a [`Subject::Listener`].
    pub listeners: Vec<(PoolId, Listener)>,
    /// The counters of all workers; the worker's own are at its number.
    pub stats: Arc<[Arc<Stats>]>,
    /// A moment before any other, the same for all workers.
    pub epoch: Instant,
    /// What the worker's choices at random begin with.
    pub seed: u64,
    /// How long the worker looks for events before it sleeps; zero for never.
    pub busy_poll: Duration,
    /// How long the worker waits before a poll when it is busy; zero for never.
    pub turn_pause: Duration,
    /// How much memory the process may hold.
    pub memory: Memory,
    /// How long a stop may take.
    pub stop_timeout: Duration,
}

impl Worker {
    /// Takes the seat, in the thread that will run it.
    #[must_use]
    pub fn new(seat: Seat, shared: Arc<Shared>) -> Self {
        let Seat { id, pollers, listeners, stats, epoch, seed, memory, stop_timeout, .. } = seat;
        let own = Arc::clone(&stats[id]);
        let number = WorkerId(id as u32);
        let mut engine = Engine::new(number, &shared.pools, Arc::clone(&own), epoch, seed);
        engine.set_all_stats(stats);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        engine.set_epoch_time(wall.saturating_sub(epoch.elapsed()));
        engine.set_worker_count(shared.mailboxes.len() as u32);
        let mut worker = Self {
            id,
            pollers,
            engine,
            stats: own,
            shared,
            clients: Sockets::default(),
            servers: Sockets::default(),
            unread: Vec::new(),
            listeners: Vec::new(),
            successor: None,
            dismissed: false,
            stops: false,
            turn: Done::default(),
            is_whole: true,
            busy_poll: seat.busy_poll,
            turn_pause: seat.turn_pause,
            memory,
            no_room: Spell::new(),
            lingering: Lingering::default(),
            now: epoch,
            stop_timeout,
        };
        for (pool, listener) in listeners {
            worker.accept_at(pool, listener);
        }
        worker
    }

    /// Serves until it is told to stop, then answers what is outstanding and returns. Sockets that
    /// are left when the stop has taken too long are closed as they are.
    ///
    /// # Errors
    /// When the poller fails: the worker cannot go on.
    pub fn run(mut self) -> io::Result<()> {
        let mut waiting = Waiting::new(self.busy_poll, self.turn_pause);
        let mut stopping: Option<Instant> = None;
        // A pause is shorter than what the kernel adds to a thread's sleep by default. Where it may
        // not be asked for less, pauses are that much longer.
        let _ = sys::set_timer_slack(TIMER_SLACK);
        self.begin_turn();
        self.engine.preconnect();
        self.act();
        loop {
            let timeout = self.timeout(stopping);
            let done = self.end_turn();
            let waited = waiting.wait(&mut self.pollers, timeout, &self.turn, done)?;
            self.engine.set_turns_follow(waited.turns_follow);
            let begun = self.now;
            self.begin_turn();
            waiting.record_wait(self.now - done);
            // What it was at work for, and what it slept longer than it had asked for.
            let asked = waited.asked.unwrap_or(Duration::MAX);
            let own = (done - begun) + (self.now - done).saturating_sub(asked);
            if own >= STALL_MIN {
                self.engine.handle_stall(own);
            }
            self.is_whole = !waiting.is_of_answers();
            if self.is_whole {
                self.read_on();
            }
            for event in waiting.events() {
                self.turn.events += 1;
                match Subject::of(event.token()) {
                    Subject::Waker => {
                        if self.take_messages() {
                            stopping.get_or_insert(self.now + self.stop_timeout);
                        }
                    }
                    Subject::Listener(at) => {
                        if let Some(listener) = self.listeners.get_mut(at) {
                            listener.wake();
                        }
                    }
                    Subject::Conn(conn) => self.handle_event(conn, event),
                }
            }
            if self.is_whole {
                self.accept();
                let is_read = self.unread.iter().all(|conn| conn.side() == Side::Client);
                self.engine.handle_timeout(is_read && !waiting.is_full());
            }
            self.memory.give_back(self.now);
            self.tell_of_room();
            self.act();
            while let Some(pool) = self.lingering.poll_closed(self.now) {
                self.shared.release(self.id, pool);
            }
            if let Some(successor) = self.successor.clone() {
                self.hand_over(&successor);
                self.act();
                if self.is_settled() && self.dismissed {
                    return Ok(());
                }
            }
            if stopping.is_some_and(|deadline| self.is_settled() || self.now >= deadline) {
                return Ok(());
            }
        }
    }

    /// Reads the clock and the count of memory, once a turn.
    fn begin_turn(&mut self) {
        self.now = Instant::now();
        self.turn = Done::default();
        self.engine.begin_turn(self.now);
        self.engine.handle_memory(self.memory.state(self.now));
    }

    /// Sums up what the turn has done, and says when it was over.
    fn end_turn(&mut self) -> Instant {
        let done = Instant::now();
        self.turn.work = done - self.now;
        self.turn.responses = self.engine.take_response_times();
        self.turn.outstanding = self.engine.outstanding().0;
        self.turn.is_cut_short = self.unread.iter().any(|conn| conn.side() == Side::Server);
        done
    }

    /// Reads conns of which the turn before has left something.
    fn read_on(&mut self) {
        for conn in std::mem::take(&mut self.unread) {
            if let Some(slot) = self.sockets(conn).get_mut(conn) {
                slot.waits = false;
                self.read(conn);
            }
        }
    }

    /// Whether there is no client, none that still has something to get, and no request on its way: not
    /// even of who wants no response, or has left.
    fn is_settled(&self) -> bool {
        let outstanding = self.engine.outstanding().0;
        self.engine.clients() == 0 && outstanding == 0 && self.lingering.is_empty()
    }

    /// How long the next poll may wait. Counted from the turn's own time, which is a few
    /// microseconds ago: the clock is not read twice for that.
    fn timeout(&self, stopping: Option<Instant>) -> Option<Duration> {
        if !self.unread.is_empty()
            || self.engine.has_postponed()
            || self.listeners.iter().any(Accepting::is_ready)
        {
            return Some(Duration::ZERO);
        }
        let rests = self.listeners.iter().filter_map(Accepting::poll_timeout);
        let ends = self.engine.poll_timeout().into_iter().chain(self.lingering.poll_timeout());
        let ends = ends.chain(self.memory.poll_timeout()).chain(self.no_room.poll_timeout());
        let next = rests.chain(ends).chain(stopping).min()?;
        Some(next.saturating_duration_since(self.now))
    }

    /// Handles what other threads left. Says whether one of them asked to stop.
    fn take_messages(&mut self) -> bool {
        let mut stop = false;
        for message in self.shared.mailboxes[self.id].take() {
            match message {
                Message::Client { pool, socket } => self.adopt(pool, socket),
                Message::Resolved { conn, target } => match target {
                    // Its requests may have given up in the meantime, and the conn with them; a
                    // socket opened for it now would take the place of another's.
                    Ok(target) if self.engine.may_read(conn) => self.connect(conn, &target),
                    Ok(_) => {}
                    Err(error) => {
                        let reason = match close_reason(&error) {
                            reason @ CloseReason::NoRoom(_) => reason,
                            _ => CloseReason::Unresolved,
                        };
                        self.engine.handle_closed(conn, reason);
                    }
                },
                Message::Question(question) => {
                    let share = self.engine.handle_question(&question);
                    let asker = &self.shared.mailboxes[question.asker().0 as usize];
                    asker.send(Message::Share(share));
                }
                Message::Share(share) => self.engine.handle_share(share),
                Message::Addresses { pool, addresses } => self.move_servers(pool, &addresses),
                Message::Listener { pool, listener } => match &self.successor {
                    Some(successor) => successor.take_listener(pool, listener),
                    None if self.stops => {}
                    None => self.listen_on(pool, listener),
                },
                Message::HandedOver { pool, socket, client } => {
                    let conn = self.engine.handle_handover(pool, *client);
                    self.take_in(conn, pool, socket);
                    if self.successor.as_ref().is_some_and(|it| !it.takes(pool)) {
                        self.engine.drain_pool(pool);
                    }
                }
                Message::Leave(successor) => self.leave(successor),
                Message::Dismiss => self.dismissed = true,
                Message::Stop => {
                    stop = true;
                    (self.stops, self.successor) = (true, None);
                    self.listeners.clear();
                    self.engine.drain();
                }
            }
        }
        stop
    }

    /// Has the conns to a pool's servers replaced whose names mean other addresses by now. One system
    /// call a conn of a server with a name.
    fn move_servers(&mut self, pool: PoolId, addresses: &[Option<Box<[IpAddr]>>]) {
        for slot in self.servers.iter() {
            let Some((_, server)) = self.engine.server_of(slot.conn).filter(|of| of.0 == pool)
            else {
                continue;
            };
            // One that is not connected yet has no peer; the next round finds it.
            if let Some(known) = &addresses[server.0 as usize]
                && let Some(peer) = slot.socket.peer()
                && !known.contains(&peer.ip())
            {
                self.engine.handle_moved(slot.conn);
            }
        }
    }

    fn handle_event(&mut self, conn: ConnId, event: &Event) {
        let Some(slot) = self.sockets(conn).get_mut(conn) else {
            let closed = self.lingering.read(conn);
            return self.release(closed);
        };
        if slot.connecting {
            match slot.socket.connected() {
                Ok(()) => slot.connecting = false,
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return,
                Err(error) => return self.engine.handle_closed(conn, close_reason(&error)),
            }
            self.engine.handle_connected(conn);
        }
        let Some(slot) = self.sockets(conn).get_mut(conn) else { return };
        if event.is_read_closed() || event.is_error() {
            slot.read_closed = true;
        }
        if event.is_readable() || slot.read_closed {
            slot.readable = true;
            self.read(conn);
        }
        if event.is_writable() {
            self.engine.handle_writable(conn);
        }
    }

    /// Reads a conn until the kernel has no more, or the others have waited long enough; then it goes on
    /// in the next turn about all, whatever is told of it in this one.
    fn read(&mut self, conn: ConnId) {
        let sockets = match conn.side() {
            Side::Client => &mut self.clients,
            Side::Server => &mut self.servers,
        };
        let Some(slot) = sockets.get_mut(conn) else { return };
        if !slot.readable || slot.connecting || slot.waits {
            return;
        }
        let mut budget = READ_BYTES_A_TURN;
        let error = loop {
            // A paused client's bytes stay in the kernel; `Action::Read` comes when it goes on.
            if !self.engine.may_read(conn) {
                if slot.read_closed {
                    self.engine.handle_hung_up(conn);
                }
                return self.engine.handle_unread(conn);
            }
            if budget == 0 {
                slot.waits = true;
                self.unread.push(conn);
                return;
            }
            let space = self.engine.recv_space(conn);
            let offered = space.len();
            match slot.socket.read(space) {
                Ok(0) => break CloseReason::Eof,
                Ok(len) => {
                    budget = budget.saturating_sub(len);
                    self.turn.bytes += len;
                    // A short read has emptied the socket: the next edge will tell of more. But an
                    // end that came with the data has had its edge already.
                    slot.readable = len == offered || slot.read_closed;
                    let go_on = self.engine.handle_received(conn, len);
                    // Nor will there be an edge to tell the engine that the peer of a client that is
                    // paused by now has gone.
                    if !slot.readable || (!go_on && !slot.read_closed) {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    slot.readable = false;
                    return;
                }
                Err(error) => break close_reason(&error),
            }
        };
        slot.readable = false;
        self.engine.handle_closed(conn, error);
    }

    /// Does what the engine asks, to the end of the turn.
    fn act(&mut self) {
        while let Some(action) = self.engine.poll_action() {
            match action {
                Action::Flush(conn) => self.flush(conn),
                Action::Read(conn) => self.read(conn),
                Action::Connect { conn, pool, server } => self.open(conn, pool, server),
                Action::Close { conn, pool } => self.close(conn, pool),
                Action::Ask { worker, question } => {
                    let mailbox = &self.shared.mailboxes[worker.0 as usize];
                    if !mailbox.send(Message::Question(Arc::clone(&question))) {
                        self.engine.handle_absent(worker, &question);
                    }
                }
                Action::Report(what) => self.report(&what),
            }
        }
    }

    /// Closes a socket; a client's not before all that was due to it has arrived.
    fn close(&mut self, conn: ConnId, pool: PoolId) {
        let slot = self.sockets(conn).remove(conn);
        if conn.side() == Side::Server {
            return;
        }
        let closed = match slot {
            Some(Slot { socket, readable, read_closed: false, .. }) => {
                // What clients have sent is not told of in a turn of answers.
                let unread = readable || !self.is_whole;
                self.lingering.take((conn, pool), socket, unread, self.now)
            }
            // The client has closed already, or its socket never worked.
            Some(_) | None => Some(pool),
        };
        self.release(closed);
    }

    /// Counts a client out whose socket has closed.
    fn release(&self, closed: Option<PoolId>) {
        if let Some(pool) = closed {
            self.shared.release(self.id, pool);
        }
    }

    /// Logs a report. The engine knows no time of day, so an ejection's is noted here.
    fn report(&mut self, what: &Report) {
        if let Report::Ejected { pool, server } = what {
            let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let servers = &self.stats.pools[pool.0 as usize].servers;
            let figure = servers[server.0 as usize].at(ServerFigure::ServerEjectedAt);
            figure.set(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX));
        }
        if let Report::ServerClosed { reason: CloseReason::NoRoom(_), .. } = what
            && !self.no_room.show(self.now)
        {
            return;
        }
        report::write(&self.shared, what);
    }

    /// Says that conns to servers could not be opened and can be again.
    fn tell_of_room(&mut self) {
        if let Some(Past { lasted, times }) = self.no_room.take_past(self.now) {
            tracing::warn!(
                "no connection to a server has failed for want of a descriptor for a second, \
                 before that {times} in {} ms",
                lasted.as_millis()
            );
        }
    }

    /// Sends what a conn has to say: one system call, unless the socket takes less than all.
    fn flush(&mut self, conn: ConnId) {
        loop {
            let sockets = match conn.side() {
                Side::Client => &mut self.clients,
                Side::Server => &mut self.servers,
            };
            let Some(slot) = sockets.get_mut(conn) else { return };
            let mut slices = [IoSlice::new(&[]); SLICES_A_WRITE];
            let used = self.engine.poll_send(conn, &mut slices);
            if used == 0 {
                return;
            }
            self.turn.writes += usize::from(conn.side() == Side::Client);
            match slot.socket.write(&slices[..used]) {
                Ok(len) => self.engine.handle_sent(conn, len, false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return self.engine.handle_sent(conn, 0, true);
                }
                Err(error) => return self.engine.handle_closed(conn, close_reason(&error)),
            }
        }
    }

    /// Opens the socket of a new server conn, once its host is known.
    fn open(&mut self, conn: ConnId, pool: PoolId, server: ServerId) {
        let shared = Arc::clone(&self.shared);
        match &shared.shells[pool.0 as usize].targets[server.0 as usize] {
            Target::Name { host, port } => {
                let (reply, id) = (Arc::clone(&self.shared), self.id);
                shared.resolver.resolve(host, *port, move |found| {
                    let target = found.map(Target::Tcp);
                    reply.mailboxes[id].send(Message::Resolved { conn, target });
                });
            }
            target => self.connect(conn, target),
        }
    }

    fn connect(&mut self, conn: ConnId, target: &Target) {
        let opened = connect(target).and_then(|mut socket| {
            socket.register(self.pollers.all.registry(), Subject::Conn(conn).token())?;
            socket
                .register_answers(self.pollers.answers.registry(), Subject::Conn(conn).token())?;
            Ok(socket)
        });
        match opened {
            Ok(socket) => self.servers.insert(Slot {
                conn,
                socket,
                connecting: true,
                readable: false,
                waits: false,
                read_closed: false,
            }),
            Err(error) => self.engine.handle_closed(conn, close_reason(&error)),
        }
    }

    /// Takes the clients that wait, for all workers.
    fn accept(&mut self) {
        for at in 0..self.listeners.len() {
            self.listeners[at].begin_turn(self.now);
            for _ in 0..ACCEPTS_A_TURN {
                match self.listeners[at].accept(self.now) {
                    Accepted::Client(socket) => self.deal(at, socket),
                    Accepted::Nobody => break,
                    Accepted::Paused => {
                        let pool = self.listeners[at].pool;
                        let stats = &self.stats.pools[pool.0 as usize];
                        stats.limit(LimitFigure::AcceptPaused).add(1);
                        break;
                    }
                }
            }
        }
    }

    /// Gives a new client of that listener to the worker that should have it. One too many is closed
    /// at once.
    fn deal(&mut self, at: usize, socket: Socket) {
        let pool = self.listeners[at].pool;
        match self.shared.deal(pool) {
            Ok(worker) if worker == self.id => self.adopt(pool, socket),
            Ok(worker) => {
                self.shared.mailboxes[worker].send(Message::Client { pool, socket });
            }
            Err(full) => {
                self.stats.pools[pool.0 as usize].limit(LimitFigure::ClientRefused).add(1);
                self.listeners[at].refuse(full, self.now);
            }
        }
    }

    /// A client is this worker's from now on.
    fn adopt(&mut self, pool: PoolId, socket: Socket) {
        let conn = self.engine.handle_accepted(pool, socket.peer());
        self.take_in(conn, pool, socket);
    }

    /// The engine has a client, and this is its socket.
    fn take_in(&mut self, conn: ConnId, pool: PoolId, mut socket: Socket) {
        if self.shared.shells[pool.0 as usize].config.tcpkeepalive
            && let Err(error) = socket.set_keepalive()
        {
            log::limited!(WARN, "set tcpkeepalive failed, ignored: {}", reason(&error));
        }
        match socket.register(self.pollers.all.registry(), Subject::Conn(conn).token()) {
            Ok(()) => self.clients.insert(Slot {
                conn,
                socket,
                connecting: false,
                readable: false,
                waits: false,
                read_closed: false,
            }),
            Err(error) => self.engine.handle_closed(conn, close_reason(&error)),
        }
    }

    /// Takes the clients that come to `listener`, which is registered.
    fn accept_at(&mut self, pool: PoolId, listener: Listener) {
        let name = self.shared.shells[pool.0 as usize].config.name.clone();
        self.listeners.push(Accepting::new(pool, name, listener));
    }

    /// Takes over what clients of the pool came to before.
    fn listen_on(&mut self, pool: PoolId, mut listener: Listener) {
        let config = &self.shared.shells[pool.0 as usize].config;
        if let Err(error) = listener.adapt(config) {
            tracing::error!("{error}");
        }
        match listener
            .register(self.pollers.all.registry(), Subject::Listener(self.listeners.len()).token())
        {
            Ok(()) => self.accept_at(pool, listener),
            Err(error) => {
                tracing::error!("pool '{}' listens no more: {}", config.name, reason(&error));
            }
        }
    }

    /// Another configuration holds: its workers get the listeners that stay, and the clients as they can go.
    /// Those of pools that are no more get what is due to them, and are closed.
    fn leave(&mut self, successor: Arc<Successor>) {
        for accepting in self.listeners.drain(..) {
            let (pool, mut listener) = accepting.into_parts();
            match listener.deregister(self.pollers.all.registry()) {
                Ok(()) => successor.take_listener(pool, listener),
                Err(error) => tracing::error!("a listener is closed: {}", reason(&error)),
            }
        }
        // What this one has dealt to the others is in their mailboxes before.
        if self.id == 0 {
            self.shared.pass_on(&successor);
        }
        for pool in successor.pools_without_heir() {
            self.engine.drain_pool(pool);
        }
        self.successor = Some(successor);
    }

    /// Gives the clients that can go to the workers of the configuration that holds.
    fn hand_over(&mut self, successor: &Successor) {
        for (conn, client) in self.engine.hand_over() {
            self.shared.release(self.id, client.pool);
            let Some(Slot { mut socket, .. }) = self.clients.remove(conn) else { continue };
            match socket.deregister(self.pollers.all.registry()) {
                Ok(()) => successor.take_client(socket, client),
                Err(error) => tracing::error!("a client is closed: {}", reason(&error)),
            }
        }
    }

    fn sockets(&mut self, conn: ConnId) -> &mut Sockets {
        match conn.side() {
            Side::Client => &mut self.clients,
            Side::Server => &mut self.servers,
        }
    }
}
