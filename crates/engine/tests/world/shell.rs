//! The shell around the engine: what a worker does with sockets, done with pipes.
//!
//! Sockets tell of news once (the poller is edge triggered), writes may be short, and a shell may
//! put off reading: all that a real one may do, this one does by chance.

use std::collections::BTreeMap;
use std::io::IoSlice;

use nutcracker_engine::limits::SLICES_A_WRITE;
use nutcracker_engine::{Action, CloseReason, ConnId, MemoryState, PoolId, Report, ServerId, Side};

use super::World;
use super::client::Life;
use super::events::Event;
use super::expected::shown;
use super::pipe::{End, Pipe};
use super::plan::{Absence, MILLISECOND, SECOND};
use super::server::Peer;

/// One conn, with what is at its other end.
#[derive(Debug)]
pub(crate) struct Socket {
    /// To the proxy.
    pub(crate) inbound: Pipe,
    /// From the proxy.
    pub(crate) outbound: Pipe,
    pub(crate) far: Far,
    /// There may be something to read.
    pub(crate) news: bool,
    /// A write was short, and the socket has not said that it takes more.
    pub(crate) blocked: bool,
    /// The proxy has not closed it.
    pub(crate) open: bool,
    /// The engine was told that the stream has ended.
    told_end: bool,
    /// Bytes the proxy has read.
    read_bytes: u64,
}

/// The other end of a conn.
#[derive(Debug)]
pub(crate) enum Far {
    /// A client, by its number.
    Client(usize),
    /// A server of a pool.
    Server { pool: usize, server: usize, connecting: Option<Connecting>, peer: Box<Peer> },
}

/// A conn that is not there yet, and what will become of it.
#[derive(Clone, Debug)]
pub(crate) struct Connecting {
    pub(crate) at: u64,
    outcome: Result<(), CloseReason>,
}

impl World {
    /// One turn of the worker.
    pub(super) fn turn(&mut self) {
        self.engine.begin_turn(self.instant(self.now));
        let short = self.now < self.memory_short_until;
        self.events.see_if(short, Event::MemoryShort);
        let state = match short {
            // Now and then by so much that nobody waits.
            true if self.plan.evicts && self.random.chance(1) => MemoryState::Exhausted,
            true => MemoryState::Short,
            false => MemoryState::Enough,
        };
        self.engine.handle_memory(state);
        self.accept();
        self.move_servers();
        let mut conns: Vec<ConnId> = self.sockets.keys().copied().collect();
        self.random.shuffle(&mut conns);
        for conn in conns {
            self.tend(conn);
        }
        self.engine.handle_timeout();
        self.act();
        self.look_for_obstructions();
    }

    fn accept(&mut self) {
        for n in 0..self.clients.len() {
            if !matches!(self.clients[n].life, Life::Coming(at) if at <= self.now) {
                continue;
            }
            let conn = self.engine.handle_accepted(PoolId(self.clients[n].pool as u32), None);
            self.clients[n].life = Life::Talking;
            self.clients[n].conn = Some(conn);
            self.insert(conn, Far::Client(n));
            self.tell(|| format!("{conn:?} is client {n}"));
        }
    }

    /// Tells of the conns whose server has another address by now.
    fn move_servers(&mut self) {
        while let Some(&(at, pool, server)) = self.plan.moves.get(self.moves_done)
            && at <= self.now
        {
            self.moves_done += 1;
            for (conn, socket) in &self.sockets {
                if matches!(socket.far, Far::Server { pool: p, server: s, .. } if (p, s) == (pool, server))
                {
                    self.engine.handle_moved(*conn);
                }
            }
        }
    }

    fn insert(&mut self, conn: ConnId, far: Far) {
        let socket = Socket {
            inbound: Pipe::new(self.plan.weather),
            outbound: Pipe::new(self.plan.weather),
            far,
            news: false,
            blocked: false,
            open: true,
            told_end: false,
            read_bytes: 0,
        };
        assert!(self.sockets.insert(conn, socket).is_none(), "{conn:?} is given once");
    }

    /// Tells the engine what its socket has to tell.
    fn tend(&mut self, conn: ConnId) {
        let Some(socket) = self.sockets.get_mut(&conn) else { return };
        if !socket.open {
            return;
        }
        if let Far::Server { connecting: due @ Some(_), .. } = &mut socket.far {
            let connecting = due.clone().expect("it is being opened");
            if connecting.at > self.now {
                return;
            }
            *due = None;
            match connecting.outcome {
                Ok(()) => self.engine.handle_connected(conn),
                Err(reason) => {
                    self.engine.handle_closed(conn, reason);
                    return;
                }
            }
        }
        let Some(socket) = self.sockets.get_mut(&conn) else { return };
        if socket.blocked && socket.outbound.is_writable() {
            socket.blocked = false;
            self.engine.handle_writable(conn);
        }
        self.read(conn);
    }

    fn read(&mut self, conn: ConnId) {
        loop {
            let Some(socket) = self.sockets.get_mut(&conn) else { return };
            if !socket.open || !socket.news || socket.told_end {
                return;
            }
            let readable = socket.inbound.readable();
            if readable == 0 {
                socket.news = false;
                let Some(end) = socket.inbound.ended() else { return };
                // A reset is told of whether it is read or not, the end of a stream is read.
                if end == End::Eof && !self.engine.may_read(conn) {
                    self.engine.handle_hung_up(conn);
                    self.engine.handle_unread(conn);
                    return;
                }
                socket.told_end = true;
                let reason = match end {
                    End::Eof => CloseReason::Eof,
                    End::Reset => CloseReason::Reset,
                };
                self.engine.handle_closed(conn, reason);
                return;
            }
            if !self.engine.may_read(conn) {
                socket.news = false;
                if socket.inbound.has_ended() && conn.side() == Side::Client {
                    self.engine.handle_hung_up(conn);
                }
                self.engine.handle_unread(conn);
                return;
            }
            let space = self.engine.recv_space(conn);
            assert!(!space.is_empty(), "{conn:?}: space to read into");
            let mut len = space.len().min(readable);
            if self.random.chance(20) {
                len = self.random.between(1, len as u64) as usize;
            }
            socket.inbound.read(&mut space[..len]);
            if self.trace {
                eprintln!("{:>10} {conn:?} >> {}", self.now, shown(&space[..len]));
            }
            socket.read_bytes += len as u64;
            self.digest.add(self.now, conn, &space[..len]);
            if let Far::Client(n) = socket.far {
                self.clients[n].was_read(socket.read_bytes, self.now);
            }
            if !self.engine.handle_received(conn, len) {
                socket.news = false;
                return;
            }
            if self.random.chance(10) {
                // Others first: there is news still.
                return;
            }
        }
    }

    /// Does what the engine asks.
    fn act(&mut self) {
        while let Some(action) = self.engine.poll_action() {
            if !matches!(action, Action::Flush(_)) {
                self.tell(|| format!("{action:?}"));
            }
            match action {
                Action::Connect { conn, pool, server } => self.connect(conn, pool, server),
                Action::Flush(conn) => self.flush(conn),
                Action::Read(conn) => {
                    let socket = self.sockets.get_mut(&conn).expect("a conn that is read is there");
                    assert!(socket.open && conn.side() == Side::Client, "{conn:?} may be read");
                    socket.news = true;
                    if self.random.chance(50) {
                        self.read(conn);
                    }
                }
                Action::Close { conn, pool } => self.close(conn, pool),
                Action::Ask { worker, .. } => unreachable!("there is no {worker:?}"),
                Action::Report(report) => self.hear(&report),
            }
        }
    }

    fn connect(&mut self, conn: ConnId, pool: PoolId, server: ServerId) {
        let (pool, server) = (pool.0 as usize, server.0 as usize);
        let Some(state) = self.servers[pool].get(server) else { panic!("no server {server}") };
        let absence = state.absence.filter(|_| self.now < state.absent_until);
        let soon = if self.random.chance(30) { 0 } else { self.random.below(MILLISECOND) };
        let (wait, outcome) = match absence {
            None | Some(Absence::Unfriendly) => (soon, Ok(())),
            Some(Absence::Refused) => (soon, Err(CloseReason::Refused)),
            Some(Absence::Unresolved) => (0, Err(CloseReason::Unresolved)),
            // The kernel gives up at some time.
            Some(Absence::Silent) => {
                (self.random.between(1, 3) * SECOND, Err(CloseReason::TimedOut))
            }
        };
        let connecting = Some(Connecting { at: self.now + wait, outcome });
        self.insert(conn, Far::Server { pool, server, connecting, peer: Box::default() });
        if wait == 0 {
            // A socket may be open, or fail, in the very call that opens it.
            self.tend(conn);
        }
    }

    fn flush(&mut self, conn: ConnId) {
        loop {
            let socket = self.sockets.get_mut(&conn).expect("a conn that is flushed is there");
            assert!(socket.open, "{conn:?} is closed");
            assert!(!socket.blocked, "{conn:?} has not said that it takes more");
            let mut slices = [IoSlice::new(&[]); SLICES_A_WRITE];
            let slices_max = if self.random.chance(10) { 1 } else { SLICES_A_WRITE };
            let used = self.engine.poll_send(conn, &mut slices[..slices_max]);
            if used == 0 {
                return;
            }
            let connecting = matches!(socket.far, Far::Server { connecting: Some(_), .. });
            assert!(!connecting, "{conn:?} is not open yet");
            let (mut taken, mut blocked) = (0, false);
            for slice in &slices[..used] {
                if self.trace {
                    eprintln!("{:>10} {conn:?} << {}", self.now, shown(slice));
                }
                assert!(!slice.is_empty(), "{conn:?}: each slice has bytes");
                match socket.outbound.write(slice, self.now, &mut self.random) {
                    Ok(len) => {
                        self.digest.add(self.now, conn, &slice[..len]);
                        taken += len;
                        blocked = len < slice.len();
                    }
                    Err(_) => {
                        self.engine.handle_closed(conn, CloseReason::Reset);
                        return;
                    }
                }
                if blocked {
                    break;
                }
            }
            socket.blocked = blocked;
            let is_client = matches!(socket.far, Far::Client(_));
            let event = if is_client { Event::ClientSlow } else { Event::ServerSlow };
            self.events.see_if(blocked, event);
            self.engine.handle_sent(conn, taken, blocked);
            if blocked {
                return;
            }
        }
    }

    fn close(&mut self, conn: ConnId, pool: PoolId) {
        let socket = self.sockets.get_mut(&conn).expect("a conn is closed once");
        assert!(socket.open, "{conn:?} is closed once");
        socket.open = false;
        socket.blocked = false;
        match socket.far {
            Far::Client(n) => {
                assert_eq!(self.clients[n].pool, pool.0 as usize, "the pool of {conn:?}");
                socket.outbound.end(End::Eof, self.now, &mut self.random);
                socket.inbound.break_off();
            }
            Far::Server { pool: own, .. } => {
                assert_eq!(own, pool.0 as usize, "the pool of {conn:?}");
                self.sockets.remove(&conn);
            }
        }
    }

    fn hear(&mut self, report: &Report) {
        match report {
            Report::ServerClosed { pool, server, failed, reason } => {
                self.failed[pool.0 as usize][server.0 as usize] += *failed as i64;
                self.events.see_server(reason);
            }
            Report::Ejected { pool, server } => {
                let server = &mut self.servers[pool.0 as usize][server.0 as usize];
                server.ejections += 1;
                self.events.see(Event::ServerEjected);
                self.events.see_if(server.ejections > 1, Event::ServerEjectedAgain);
            }
            Report::StillAway { .. } => self.events.see(Event::ServerStillAway),
            Report::Returned { .. } => self.events.see(Event::ServerReturned),
            Report::ClientHeldMost { conn, .. } => {
                assert!(
                    self.plan.evicts,
                    "{conn:?} was closed though memory was short for a moment"
                );
                self.evict(*conn);
            }
            Report::SubscriberTooSlow { conn, .. } => self.evict(*conn),
            Report::Reached { .. } => self.events.see(Event::ServerReached),
            Report::MovedInVain { .. } => self.events.see(Event::ServerMovedInVain),
            // Counted by the engine.
            Report::ClientError { .. } | Report::Moved { .. } => {}
        }
    }

    /// The proxy is about to close a client that did nothing wrong.
    fn evict(&mut self, conn: ConnId) {
        let Some(Socket { far: Far::Client(n), .. }) = self.sockets.get(&conn) else {
            panic!("{conn:?} is no client's");
        };
        self.clients[*n].evicted = true;
    }

    /// Notes which clients the proxy has a reason to let wait.
    fn look_for_obstructions(&mut self) {
        for (conn, socket) in &self.sockets {
            if let Far::Client(n) = socket.far
                && (socket.blocked || !self.engine.may_read(*conn))
            {
                self.clients[n].obstructed_at = Some(self.now);
                self.events.see_if(!socket.blocked && socket.open, Event::ClientNotRead);
            }
        }
    }
}

/// All bytes that passed, boiled down to a number: equal runs have equal ones.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest(u64);

impl Digest {
    fn add(&mut self, now: u64, conn: ConnId, bytes: &[u8]) {
        for number in [now, conn.to_bits(), bytes.len() as u64] {
            self.0 = (self.0 ^ number).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
        }
        for &byte in bytes.iter().take(64) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// The sockets of a world.
pub(crate) type Sockets = BTreeMap<ConnId, Socket>;
