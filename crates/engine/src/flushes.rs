//! Which conns have something to send, and whose flush may wait for a turn.
//!
//! The responses of a pipeline come from several servers, and leave in the order of its requests. What the first
//! servers have answered when the others have not is often a few responses, and a write of their own costs as much
//! as one that carries all. So where the next turn follows closely they wait for it:
//!
//! ```text
//!  requests   1A 2B 3A 4C 5B 6A ..
//!  turn n     1A    3A       6A      servers A has answered: 1 may go, and waits
//!  turn n+1      2B    4C 5B         all may go, in one write
//! ```

use crate::clients::client::ClientConn;
use crate::engine::Engine;
use crate::ids::ConnId;
use crate::server::ServerConn;

/// Conns to flush.
#[derive(Debug, Default)]
pub(crate) struct Flushes {
    servers: Vec<ConnId>,
    clients: Vec<ConnId>,
    /// Clients whose flush waits for the next turn.
    postponed: Vec<ConnId>,
    /// The next turn follows closely.
    may_postpone: bool,
}

impl Flushes {
    /// A turn begins: what waited for it is flushed in it, or waits once more.
    pub(crate) fn begin_turn(&mut self) {
        self.clients.append(&mut self.postponed);
    }

    /// A server conn that has [become dirty](ServerConn::become_dirty).
    pub(crate) fn push_server(&mut self, conn: ConnId) {
        self.servers.push(conn);
    }

    /// A client's conn that has [become dirty](ClientConn::become_dirty).
    pub(crate) fn push_client(&mut self, conn: ConnId) {
        self.clients.push(conn);
    }
}

impl Engine {
    /// Whether the next turn follows this one closely, whatever comes: a few responses of many may wait for it. For
    /// the turns to come, until it is said anew.
    pub fn set_turns_follow(&mut self, closely: bool) {
        self.flushes.may_postpone = closely;
    }

    /// Whether responses wait for the next turn, or clients to go on in it. That must not wait for events then.
    #[must_use]
    pub fn has_postponed(&self) -> bool {
        !self.flushes.postponed.is_empty() || !self.resuming.is_empty()
    }

    #[inline]
    pub(crate) fn mark_client_dirty(&mut self, conn: ConnId) {
        if self.clients.get_mut(conn.key()).is_some_and(ClientConn::become_dirty) {
            self.flushes.clients.push(conn);
        }
    }

    #[inline]
    pub(crate) fn mark_server_dirty(&mut self, conn: ConnId) {
        if self.servers.get_mut(conn.key()).is_some_and(ServerConn::become_dirty) {
            self.flushes.servers.push(conn);
        }
    }

    /// The next conn to flush. Servers first: what they get now they can work on while the clients are
    /// written to.
    #[inline]
    pub(crate) fn poll_flush(&mut self) -> Option<ConnId> {
        while let Some(conn) = self.flushes.servers.pop() {
            let Some(server) = self.servers.get_mut(conn.key()) else { continue };
            server.dirty = false;
            if server.has_sendable() {
                return Some(conn);
            }
        }
        while let Some(conn) = self.flushes.clients.pop() {
            let Some(client) = self.clients.get_mut(conn.key()) else { continue };
            if self.flushes.may_postpone && client.postpone() {
                self.flushes.postponed.push(conn);
                continue;
            }
            (client.dirty, client.postponed) = (false, 0);
            if !client.awaits_writable && !client.outbox.is_empty() {
                return Some(conn);
            }
            // The last that was due to it was not to be told: nothing is sent that would end it.
            if client.closing.is_some() {
                self.close_if_settled(conn);
            }
        }
        None
    }
}
