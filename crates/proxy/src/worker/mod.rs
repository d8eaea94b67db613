//! One thread: its pollers, one engine, the loop.
//!
//! - `seat.rs`: what a worker begins with; `messages.rs`: what other threads leave it.
//! - `clients.rs`: how clients come, with `accepting.rs`, a listener as its worker uses it.
//! - `traffic.rs`: what conns say and are told, by way of `sockets.rs`; `no_room.rs`: conns that cannot be opened yet.
//! - `waiting.rs`: the wait for the next turn; how long `pacer.rs` says, by what `trial/` has found.

mod accepting;
mod clients;
mod messages;
mod no_room;
mod pacer;
mod seat;
mod sockets;
mod traffic;
mod trial;
mod waiting;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nutcracker_engine::stats::{ServerFigure, Stats};
use nutcracker_engine::{Action, ConnId, Engine, Report, Side, WorkerId};

use crate::memory::Memory;
use crate::net::Lingering;
use crate::polling::Pollers;
use crate::report;
use crate::shared::{Message, Shared};
use crate::subject::Subject;
use crate::succession::Successor;
use crate::sys;
use accepting::Accepting;
use no_room::NoRoom;
use pacer::Done;
pub use seat::{Seat, Terms};
use sockets::Sockets;
use waiting::Waiting;

/// How much later than asked for a worker may be woken.
const TIMER_SLACK: Duration = Duration::from_micros(1);

/// How long a stop may take: what is outstanding then is dropped.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// The same of clients that were put off, as the turn had read enough: first of all in the next.
    put_off: Vec<ConnId>,
    /// Conns whose sockets may take more than was sent.
    unsent: Vec<ConnId>,
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
    /// What it began with, as all workers did.
    terms: Terms,
    /// When to stop reading clients.
    memory: Memory,
    /// How many bytes the turn had read when memory was last looked at.
    memory_looked_at: usize,
    /// The system had no descriptor left for a conn to a server.
    no_room: NoRoom,
    /// Clients' sockets that are about to close.
    lingering: Lingering,
    /// When this turn began.
    now: Instant,
}

impl Worker {
    /// Takes the seat, in the thread that will run it.
    #[must_use]
    pub fn new(seat: Seat, shared: Arc<Shared>) -> Self {
        let Seat { id, pollers, listeners, terms } = seat;
        let stats = Arc::clone(&terms.stats[id]);
        let seed = terms.seed.wrapping_add(id as u64);
        let number = WorkerId(id as u32);
        let mut engine = Engine::new(number, &shared.pools, Arc::clone(&stats), terms.epoch, seed);
        engine.set_all_stats(Arc::clone(&terms.stats));
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        engine.set_epoch_time(wall.saturating_sub(terms.epoch.elapsed()));
        engine.set_worker_count(shared.mailboxes.len() as u32);
        engine.set_holders(&terms.holders);
        let mut worker = Self {
            id,
            pollers,
            engine,
            stats,
            shared,
            clients: Sockets::default(),
            servers: Sockets::default(),
            unread: Vec::new(),
            put_off: Vec::new(),
            unsent: Vec::new(),
            listeners: Vec::new(),
            successor: None,
            dismissed: false,
            stops: false,
            turn: Done::default(),
            is_whole: true,
            memory: Memory::new(terms.memory_max),
            memory_looked_at: 0,
            no_room: NoRoom::default(),
            lingering: Lingering::default(),
            now: terms.epoch,
            terms,
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
        let mut waiting = Waiting::new(self.terms.busy_poll, self.terms.turn_pause);
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
                            stopping.get_or_insert(self.now + STOP_TIMEOUT);
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
            self.tend_room();
            self.send_on();
            self.act();
            for pool in self.lingering.read_on() {
                self.shared.release(self.id, pool);
            }
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

    /// Reads the clock, once a turn, and the count of memory.
    fn begin_turn(&mut self) {
        self.now = Instant::now();
        self.turn = Done::default();
        self.memory_looked_at = 0;
        self.engine.begin_turn(self.now);
        self.engine.handle_memory(self.memory.state(self.now));
    }

    /// Sums up what the turn has done, and says when it was over.
    fn end_turn(&mut self) -> Instant {
        let done = Instant::now();
        self.turn.work = done - self.now;
        self.turn.responses = self.engine.take_response_times();
        self.turn.outstanding = self.engine.outstanding().0;
        let server_waits = self.unread.iter().any(|conn| conn.side() == Side::Server);
        self.turn.is_cut_short = server_waits || !self.unsent.is_empty();
        done
    }

    /// Reads conns of which the turn before has left something.
    fn read_on(&mut self) {
        let put_off = std::mem::take(&mut self.put_off);
        for conn in put_off.into_iter().chain(std::mem::take(&mut self.unread)) {
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
            || !self.put_off.is_empty()
            || !self.unsent.is_empty()
            || self.lingering.has_unread()
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
                Action::SpreadShortage => self.terms.everybody.spread_shortage(),
                Action::Report(what) => self.report(&what),
            }
        }
    }

    /// Logs a report. The engine knows no time of day, so an ejection's is noted here.
    fn report(&mut self, what: &Report) {
        if let Report::Ejected { pool, server, .. } = what {
            let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let servers = &self.stats.pools[pool.0 as usize].servers;
            let figure = servers[server.0 as usize].at(ServerFigure::ServerEjectedAt);
            figure.set(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX));
        }
        if self.no_room.is_news(what, self.now) {
            report::write(&self.shared, what);
        }
    }
}
