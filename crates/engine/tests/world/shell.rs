//! The shell around the engine: what a worker does with sockets, done with pipes.
//!
//! Sockets tell of news once (the poller is edge triggered), writes may be short, and a shell may
//! put off reading: all that a real one may do, this one does by chance.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use nutcracker_engine::limits::SLICES_A_WRITE;
use nutcracker_engine::{
    Action, CloseReason, Engine, MemoryState, PoolId, Report, ServerId, Side, WorkerId,
};

use super::World;
use super::client::Life;
use super::engines::Line;
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
    pub(crate) awaits_writable: bool,
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
        if self.plan.reloads.get(self.reloads_done).is_some_and(|at| *at <= self.now) {
            self.reload();
        }
        self.accept();
        self.move_servers();
        for number in self.engines.numbers() {
            self.turn_of(number);
        }
        self.look_for_obstructions();
    }

    /// Another engine takes the place of the one that is the newest, for the same pools.
    fn reload(&mut self) {
        self.reloads_done += 1;
        // While it stops, nothing else is begun.
        if self.stopping {
            return;
        }
        let stats = Arc::clone(&self.stats);
        // To the pools it is one more worker.
        let worker = WorkerId(self.engines.next_number());
        let seed = self.random.draw();
        let mut engine = Engine::new(worker, &self.plan.pools, stats, self.epoch, seed);
        engine.begin_turn(self.instant(self.now));
        engine.preconnect();
        let busy = self.engines.newest().1.outstanding().0 > 0;
        self.events.see_if(busy, Event::ReloadedBusy);
        self.engines.add(engine);
        self.tell(|| "another engine".to_owned());
    }

    /// One turn of one engine.
    fn turn_of(&mut self, number: u32) {
        let now = self.instant(self.now);
        self.engines.of_mut(number).begin_turn(now);
        if let Some(lasted) = self.stalled.remove(&number) {
            self.engines.of_mut(number).handle_stall(Duration::from_micros(lasted));
        }
        let closely = self.random.chance(50);
        self.engines.of_mut(number).set_turns_follow(closely);
        let short = self.now < self.memory_short_until;
        self.events.see_if(short, Event::MemoryShort);
        let state = match short {
            // Now and then by so much that nobody waits.
            true if self.plan.evicts && self.random.chance(1) => MemoryState::Exhausted,
            true => MemoryState::Short,
            false => MemoryState::Enough,
        };
        self.engines.of_mut(number).handle_memory(state);
        // A worker that pauses hears of nothing but servers' answers in the meantime.
        let partly = self.random.chance(20);
        if partly {
            self.partly.insert(number);
            self.events.see(Event::AnswersAlone);
        } else {
            self.partly.remove(&number);
        }
        let is_told = |line: &Line| !partly || line.conn.side() == Side::Server;
        let lines = self.sockets.keys().copied();
        let lines = lines.filter(|line| line.engine == number && is_told(line));
        let mut lines: Vec<Line> = lines.collect();
        self.random.shuffle(&mut lines);
        for line in lines {
            self.tend(line);
        }
        self.stall();
        if !partly {
            self.engines.of_mut(number).handle_timeout(true);
        }
        self.act(number);
        if number != self.engines.newest().0 && !self.stopping {
            self.hand_over(number);
        }
    }

    /// The clients of an engine that is not the newest go over to that as they can, and with the last of them
    /// it is gone.
    fn hand_over(&mut self, number: u32) {
        let newest = self.engines.newest().0;
        let leaving = self.engines.of_mut(number).hand_over();
        let now = self.instant(self.now);
        for (conn, client) in leaving {
            let mut socket =
                self.sockets.remove(&Line { engine: number, conn }).expect("it is there");
            let engine = self.engines.of_mut(newest);
            engine.begin_turn(now);
            let conn = engine.handle_handover(client.pool, client);
            self.tell(|| format!("{conn:?} of engine {newest} has come over"));
            self.events.see(Event::ClientCameOver);
            // A poller that a socket is new to tells of all that there is.
            (socket.news, socket.awaits_writable) = (true, false);
            let line = Line { engine: newest, conn };
            assert!(self.sockets.insert(line, socket).is_none(), "{line:?} is given once");
        }
        self.act(number);
        let engine = self.engines.of(number);
        if engine.clients() > 0 || engine.outstanding().0 > 0 {
            return;
        }
        let lines = self.sockets.keys().copied().filter(|line| line.engine == number);
        for line in lines.collect::<Vec<_>>() {
            self.engines.of_mut(number).handle_closed(line.conn, CloseReason::Eof);
        }
        self.act(number);
        self.engines.remove(number);
        self.stalled.remove(&number);
        self.partly.remove(&number);
    }

    fn accept(&mut self) {
        for n in 0..self.clients.len() {
            if !matches!(self.clients[n].life, Life::Coming(at) if at <= self.now) {
                continue;
            }
            let pool = PoolId(self.clients[n].pool as u32);
            let now = self.instant(self.now);
            let engine = self.engines.newest_mut();
            engine.begin_turn(now);
            let conn = engine.handle_accepted(pool, None);
            self.clients[n].life = Life::Talking;
            self.clients[n].conn = Some(conn);
            self.insert(Line { engine: self.engines.newest().0, conn }, Far::Client(n));
            self.tell(|| format!("{conn:?} is client {n}"));
        }
    }

    /// Tells of the conns whose server has another address by now.
    fn move_servers(&mut self) {
        while let Some(&(at, pool, server)) = self.plan.moves.get(self.moves_done)
            && at <= self.now
        {
            self.moves_done += 1;
            let now = self.instant(self.now);
            for (line, socket) in &self.sockets {
                if matches!(socket.far, Far::Server { pool: p, server: s, .. } if (p, s) == (pool, server))
                {
                    let engine = self.engines.of_mut(line.engine);
                    engine.begin_turn(now);
                    engine.handle_moved(line.conn);
                }
            }
        }
    }

    fn insert(&mut self, line: Line, far: Far) {
        let socket = Socket {
            inbound: Pipe::new(self.plan.weather),
            outbound: Pipe::new(self.plan.weather),
            far,
            news: false,
            awaits_writable: false,
            open: true,
            told_end: false,
            read_bytes: 0,
        };
        assert!(self.sockets.insert(line, socket).is_none(), "{line:?} is given once");
    }

    /// Tells the engine what its socket has to tell.
    fn tend(&mut self, line: Line) {
        let Some(socket) = self.sockets.get_mut(&line) else { return };
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
                Ok(()) => self.engines.of_mut(line.engine).handle_connected(line.conn),
                Err(reason) => {
                    self.engines.of_mut(line.engine).handle_closed(line.conn, reason);
                    return;
                }
            }
        }
        let Some(socket) = self.sockets.get_mut(&line) else { return };
        if socket.awaits_writable && socket.outbound.is_writable() {
            socket.awaits_writable = false;
            self.engines.of_mut(line.engine).handle_writable(line.conn);
        }
        self.read(line);
    }

    fn read(&mut self, line: Line) {
        loop {
            let Some(socket) = self.sockets.get_mut(&line) else { return };
            if !socket.open || !socket.news || socket.told_end {
                return;
            }
            let readable = socket.inbound.readable();
            if readable == 0 {
                socket.news = false;
                let Some(end) = socket.inbound.ended() else { return };
                // A reset is told of whether it is read or not, the end of a stream is read.
                if end == End::Eof && !self.engines.of(line.engine).may_read(line.conn) {
                    self.engines.of_mut(line.engine).handle_hung_up(line.conn);
                    self.engines.of_mut(line.engine).handle_unread(line.conn);
                    return;
                }
                socket.told_end = true;
                let reason = match end {
                    End::Eof => CloseReason::Eof,
                    End::Reset => CloseReason::Reset,
                };
                self.engines.of_mut(line.engine).handle_closed(line.conn, reason);
                return;
            }
            if !self.engines.of(line.engine).may_read(line.conn) {
                socket.news = false;
                if socket.inbound.has_ended() && line.conn.side() == Side::Client {
                    self.engines.of_mut(line.engine).handle_hung_up(line.conn);
                }
                self.engines.of_mut(line.engine).handle_unread(line.conn);
                return;
            }
            let space = self.engines.of_mut(line.engine).recv_space(line.conn);
            assert!(!space.is_empty(), "{line:?}: space to read into");
            let mut len = space.len().min(readable);
            if self.random.chance(20) {
                len = self.random.between(1, len as u64) as usize;
            }
            socket.inbound.read(&mut space[..len]);
            if self.trace {
                eprintln!("{:>10} {line:?} >> {}", self.now, shown(&space[..len]));
            }
            socket.read_bytes += len as u64;
            self.digest.add(self.now, line, &space[..len]);
            if let Far::Client(n) = socket.far {
                self.clients[n].was_read(socket.read_bytes, self.now);
            }
            if !self.engines.of_mut(line.engine).handle_received(line.conn, len) {
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
    fn act(&mut self, number: u32) {
        let of = |conn| Line { engine: number, conn };
        while let Some(action) = self.engines.of_mut(number).poll_action() {
            if !matches!(action, Action::Flush(_)) {
                self.tell(|| format!("{action:?}"));
            }
            match action {
                Action::Connect { conn, pool, server } => self.connect(of(conn), pool, server),
                Action::Flush(conn) => self.flush(of(conn)),
                Action::Read(conn) => {
                    let line = of(conn);
                    let socket = self.sockets.get_mut(&line).expect("a conn that is read is there");
                    assert!(
                        socket.open && line.conn.side() == Side::Client,
                        "{line:?} may be read"
                    );
                    socket.news = true;
                    if self.random.chance(50) {
                        self.read(line);
                    }
                }
                Action::Close { conn, pool } => self.close(of(conn), pool),
                Action::Ask { worker, .. } => unreachable!("there is no {worker:?}"),
                Action::SpreadShortage => unreachable!("there is nobody to tell"),
                Action::Report(report) => self.hear(number, &report),
            }
        }
    }

    fn connect(&mut self, line: Line, pool: PoolId, server: ServerId) {
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
        self.insert(line, Far::Server { pool, server, connecting, peer: Box::default() });
        if wait == 0 {
            // A socket may be open, or fail, in the very call that opens it.
            self.tend(line);
        }
    }

    fn flush(&mut self, line: Line) {
        loop {
            let socket = self.sockets.get_mut(&line).expect("a conn that is flushed is there");
            assert!(socket.open, "{line:?} is closed");
            assert!(!socket.awaits_writable, "{line:?} has not said that it takes more");
            let mut slices = [IoSlice::new(&[]); SLICES_A_WRITE];
            let slices_max = if self.random.chance(10) { 1 } else { SLICES_A_WRITE };
            let used = self.engines.of(line.engine).poll_send(line.conn, &mut slices[..slices_max]);
            if used == 0 {
                return;
            }
            let connecting = matches!(socket.far, Far::Server { connecting: Some(_), .. });
            assert!(!connecting, "{line:?} is not open yet");
            let (mut taken, mut is_short) = (0, false);
            for slice in &slices[..used] {
                if self.trace {
                    eprintln!("{:>10} {line:?} << {}", self.now, shown(slice));
                }
                assert!(!slice.is_empty(), "{line:?}: each slice has bytes");
                match socket.outbound.write(slice, self.now, &mut self.random) {
                    Ok(len) => {
                        self.digest.add(self.now, line, &slice[..len]);
                        taken += len;
                        is_short = len < slice.len();
                    }
                    Err(_) => {
                        self.engines
                            .of_mut(line.engine)
                            .handle_closed(line.conn, CloseReason::Reset);
                        return;
                    }
                }
                if is_short {
                    break;
                }
            }
            socket.awaits_writable = is_short;
            let is_client = matches!(socket.far, Far::Client(_));
            let event = if is_client { Event::ClientSlow } else { Event::ServerSlow };
            self.events.see_if(is_short, event);
            self.engines.of_mut(line.engine).handle_sent(line.conn, taken, is_short);
            if is_short {
                return;
            }
        }
    }

    fn close(&mut self, line: Line, pool: PoolId) {
        let socket = self.sockets.get_mut(&line).expect("a conn is closed once");
        assert!(socket.open, "{line:?} is closed once");
        socket.open = false;
        socket.awaits_writable = false;
        match socket.far {
            Far::Client(n) => {
                assert_eq!(self.clients[n].pool, pool.0 as usize, "the pool of {line:?}");
                socket.outbound.end(End::Eof, self.now, &mut self.random);
                socket.inbound.break_off();
            }
            Far::Server { pool: own, .. } => {
                assert_eq!(own, pool.0 as usize, "the pool of {line:?}");
                self.sockets.remove(&line);
            }
        }
    }

    fn hear(&mut self, number: u32, report: &Report) {
        match report {
            Report::ServerClosed { pool, server, failed, reason } => {
                self.failed[pool.0 as usize][server.0 as usize] += *failed as i64;
                self.events.see_server(reason);
            }
            Report::Ejected { pool, server, .. } => {
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
                self.evict(Line { engine: number, conn: *conn });
            }
            Report::SubscriberTooSlow { conn, .. } => {
                self.evict(Line { engine: number, conn: *conn });
            }
            Report::Reached { .. } => self.events.see(Event::ServerReached),
            Report::MovedInVain { .. } => self.events.see(Event::ServerMovedInVain),
            // Counted by the engine.
            Report::ClientError { .. } | Report::Moved { .. } => {}
        }
    }

    /// The proxy is about to close a client that did nothing wrong.
    fn evict(&mut self, line: Line) {
        let Some(Socket { far: Far::Client(n), .. }) = self.sockets.get(&line) else {
            panic!("{line:?} is no client's");
        };
        self.clients[*n].evicted = true;
    }

    /// Notes which clients the proxy has a reason to let wait.
    fn look_for_obstructions(&mut self) {
        for (line, socket) in &self.sockets {
            if let Far::Client(n) = socket.far
                && (socket.awaits_writable
                    || !socket.open
                    || !self.engines.of(line.engine).may_read(line.conn))
            {
                self.clients[n].obstructed_at = Some(self.now);
                self.events.see_if(!socket.awaits_writable && socket.open, Event::ClientNotRead);
            }
        }
    }
}

/// All bytes that passed, boiled down to a number: equal runs have equal ones.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest(u64);

impl Digest {
    fn add(&mut self, now: u64, line: Line, bytes: &[u8]) {
        for number in [now, line.conn.to_bits(), bytes.len() as u64] {
            self.0 = (self.0 ^ number).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
        }
        for &byte in bytes.iter().take(64) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// The sockets of a world.
pub(crate) type Sockets = BTreeMap<Line, Socket>;
