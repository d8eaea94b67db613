//! When the process holds as much memory as it may.
//!
//! The shell knows how much that is and says so; the engine then stops reading clients, whose
//! requests would need more, and keeps no buffers for later. What is on its way is answered, and that
//! mostly sets enough free. When it does not, somebody holds memory who will not let go of it: a client
//! that does not read its responses, or one that stopped in the middle of a large request; a server whose
//! response has no end, or one that does not take its requests. Whoever holds most is closed, of all workers' conns
//! (`holders.rs`), and after a while the next. Should what is on its way need so much more that the process is in
//! danger, nobody waits: one is closed a turn.

use crate::action::{Action, CloseReason, Report};
use crate::engine::Engine;
use crate::errand::Errand;
use crate::ids::{ConnId, Key, Side};
use crate::limits::{FRESH_BYTES, ROOM_PATIENCE, SHORT_INTERVAL, SHORT_PATIENCE};
use crate::memory::shortage::MemoryState;
use crate::request::{Answer, Role};
use crate::server::ServerConn;
use crate::stats::LimitFigure;

impl Engine {
    /// How much memory the process holds: once a turn, after [`begin_turn`](Self::begin_turn), and again where much is
    /// read in it.
    #[inline]
    pub fn handle_memory(&mut self, state: MemoryState) {
        if (state, self.shortage.state) != (MemoryState::Enough, MemoryState::Enough) {
            self.note_shortage(state);
        }
    }

    #[cold]
    fn note_shortage(&mut self, state: MemoryState) {
        let before = std::mem::replace(&mut self.shortage.state, state);
        if state == MemoryState::Enough {
            self.spares.set_thrifty(false);
            self.resuming.append(&mut self.shortage.waiting);
            return;
        }
        if before == MemoryState::Enough {
            self.spares.set_thrifty(true);
            self.shortage.since = self.now;
            self.shortage.patience_ends = self.now.after(SHORT_PATIENCE);
            // The others are told at once, so that all know in time who holds most.
            let is_alone = self.holder.is_alone();
            self.shortage.look_at = if is_alone { self.shortage.patience_ends } else { self.now };
        }
        if state == MemoryState::Exhausted {
            (self.shortage.patience_ends, self.shortage.look_at) = (self.now, self.now);
        }
    }

    /// A socket has bytes and was left unread, because [`may_read`](Self::may_read) said so. When it
    /// may be, [`Action::Read`] follows.
    pub fn handle_unread(&mut self, conn: ConnId) {
        if conn.side() == Side::Server || !self.shortage.is_short() {
            return;
        }
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        if client.paused || client.closing.is_some() {
            return;
        }
        client.paused = true;
        let pool = client.pool;
        self.shortage.wait(conn);
        self.pool_stats(pool).limit(LimitFigure::ClientPausedMemory).add(1);
    }

    /// Looks for the client or the server conn that holds most, of those that hold anything worth mentioning, and closes
    /// it if it is time and no worker's holds more. O(conns and requests), at most once every [`SHORT_INTERVAL`], or
    /// once a turn.
    #[cold]
    pub(crate) fn relieve_memory(&mut self) {
        self.shortage.look_at = self.now.after(SHORT_INTERVAL);
        let most = self.holds_most();
        let standing = self.holder.tell(most.map_or(0, |of| of.0), self.now);
        if !standing.all_told && self.holder.may_spread(self.now) {
            self.actions.push_back(Action::SpreadShortage);
        }
        let Some((bytes, side, key)) = most else { return };
        let others_had_time = self.shortage.since.after(SHORT_INTERVAL) <= self.now;
        let is_its = standing.has_most && (standing.all_told || others_had_time);
        if self.shortage.patience_ends > self.now || !is_its {
            return;
        }
        if self.shortage.state == MemoryState::Short && !self.holder.may_close(self.now) {
            return;
        }
        let conn = ConnId::new(side, key);
        match side {
            Side::Client => self.close_holder(conn, bytes),
            Side::Server => self.relieve_of(conn),
        }
    }

    /// What holds most, and how many bytes; `None` where nothing holds anything worth mentioning.
    fn holds_most(&self) -> Option<(usize, Side, Key)> {
        let servers = self.servers.keys().map(|key| (self.stuck_at(key), Side::Server, key));
        let clients = self.clients.keys().map(|key| (self.held_by(key), Side::Client, key));
        let most = servers.chain(clients).max_by_key(|of| of.0);
        most.filter(|(bytes, ..)| *bytes > FRESH_BYTES)
    }

    /// Closes a client that holds so many bytes.
    fn close_holder(&mut self, conn: ConnId, bytes: usize) {
        let client = self.clients.get(conn.key()).expect("its key was just listed");
        let (pool, client) = (client.pool, client.session.label());
        self.pool_stats(pool).limit(LimitFigure::ClientClosedMemory).add(1);
        let report = Report::ClientHeldMost { conn, client, pool, bytes };
        self.actions.push_back(Action::Report(report));
        self.drop_client(conn, CloseReason::Other("memory is short".into()));
    }

    /// Closes a server conn. What fills it is the response at its front, whose client is told so, or what waits for
    /// a server that does not take it: then nothing of it is sent again, which would take as much memory anew.
    fn relieve_of(&mut self, conn: ConnId) {
        let server = self.servers.get(conn.key()).expect("its key was just listed");
        let is_response =
            server.awaits_response() && server.inbox.capacity() >= self.stuck_bytes(server);
        self.pool_stats(server.pool).limit(LimitFigure::ServerClosedMemory).add(1);
        let reason = match is_response {
            true => CloseReason::TooLarge(
                "memory is short for the response: ask for less at a time, or raise 'memory_max'"
                    .into(),
            ),
            false => CloseReason::Relieved(
                "memory is short for what waits for the server: send less at a time, or raise \
                 'memory_max'"
                    .into(),
            ),
        };
        self.close_server(conn, reason);
    }

    /// Bytes of a response whose end has not come, and of requests that the server does not take.
    fn stuck_at(&self, key: Key) -> usize {
        let server = self.servers.get(key).expect("its key was just listed");
        server.inbox.capacity() + self.stuck_bytes(server)
    }

    /// Bytes that wait for a server which has taken nothing for a while. What waits for a busy one comes free by itself.
    /// The events of the turn are told by now: a socket that takes more again, after a turn however long, has said so, and
    /// nothing of its queue [is stuck](ServerConn::stuck_bytes).
    fn stuck_bytes(&self, server: &ServerConn) -> usize {
        let takes = server.moved_at(&self.requests, self.now).after(ROOM_PATIENCE) > self.now;
        if takes { 0 } else { server.stuck_bytes() }
    }

    /// Bytes that are held for a client and for nobody else: part of a request, commands kept for
    /// a transaction, fragments of requests, responses that wait for their turn or to be sent.
    fn held_by(&self, key: Key) -> usize {
        let client = self.clients.get(key).expect("its key was just listed");
        let mut bytes = client.inbox.capacity() + client.outbox.len() + client.kept_bytes();
        let mut at = client.line.front();
        while !at.is_none() {
            let request = self.requests.get(at);
            bytes += match (&request.answer, request.role) {
                (Answer::Held(held), _) => held.len(),
                (_, Role::Parent { gathering }) => self.gatherings.get(gathering).held_bytes(),
                (_, Role::Errand { errand }) => {
                    self.errands.get(errand).map_or(0, Errand::kept_bytes)
                }
                _ => 0,
            };
            at = client.line.after(at, &self.requests);
        }
        bytes
    }
}
