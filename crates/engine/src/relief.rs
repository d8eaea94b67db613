//! When the process holds as much memory as it may.
//!
//! The shell knows how much that is and says so; the engine then stops reading clients, whose
//! requests would need more, and keeps no buffers for later. What is on its way is answered, and that
//! mostly sets enough free. When it does not, somebody holds memory who will not let go of it: a client
//! that does not read its responses, or one that stopped in the middle of a large request. The one that
//! holds most is closed, and after a while the next. Should what is on its way need so much more that
//! the process is in danger, nobody waits: one is closed a turn.

use crate::action::{Action, CloseReason, Report};
use crate::engine::Engine;
use crate::errand::Errand;
use crate::ids::{ConnId, Key, Side};
use crate::limits::{FRESH_BYTES, SHORT_INTERVAL, SHORT_PATIENCE};
use crate::request::{Answer, Role};
use crate::shortage::MemoryState;
use crate::stats::LimitFigure;

impl Engine {
    /// How much memory the process holds, once a turn, after [`begin_turn`](Self::begin_turn).
    #[inline]
    pub fn handle_memory(&mut self, state: MemoryState) {
        match (state, self.shortage.patience_ends) {
            (MemoryState::Enough, None) | (MemoryState::Short, Some(_)) => {}
            (MemoryState::Enough, Some(_)) => {
                self.spares.set_thrifty(false);
                self.shortage.patience_ends = None;
                self.resumable.append(&mut self.shortage.waiting);
            }
            (MemoryState::Short, None) => {
                self.spares.set_thrifty(true);
                self.shortage.patience_ends = Some(self.now.after(SHORT_PATIENCE));
            }
            (MemoryState::Exhausted, _) => {
                self.spares.set_thrifty(true);
                self.shortage.patience_ends = Some(self.now);
            }
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

    /// Closes the client that holds most, of those that hold anything worth mentioning. O(clients and
    /// requests), at most once every [`SHORT_INTERVAL`], or once a turn.
    #[cold]
    pub(crate) fn relieve_memory(&mut self) {
        self.shortage.patience_ends = Some(self.now.after(SHORT_INTERVAL));
        let most = self.clients.keys().map(|key| (self.held_by(key), key)).max_by_key(|of| of.0);
        let Some((bytes, key)) = most.filter(|(bytes, _)| *bytes > FRESH_BYTES) else { return };
        let conn = ConnId::new(Side::Client, key);
        let pool = self.clients.get(key).expect("its key was just listed").pool;
        self.pool_stats(pool).limit(LimitFigure::ClientClosedMemory).add(1);
        self.actions.push_back(Action::Report(Report::ClientHeldMost { conn, pool, bytes }));
        self.drop_client(conn, CloseReason::Other("memory is short".into()));
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
