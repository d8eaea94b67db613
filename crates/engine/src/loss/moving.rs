//! What becomes of conns whose server's name has come to mean another address.
//!
//! The old conn serves on until a new one is open; then the clients go over to that, what is outstanding
//! is answered on the old one, and it is closed. Nothing is lost, and a client's requests keep their
//! order: one that has requests on the old conn goes over when they are answered.

use crate::action::{Action, CloseReason, Report};
use crate::clients::session::Lane;
use crate::engine::Engine;
use crate::ids::{ConnId, PoolId, ServerId};
use crate::limits::PROBE_PATIENCE;
use crate::server::{State, Tenancy};
use crate::stats::FaultFigure;

/// Conns on their way from one address of their server to another. Both lists are empty nearly always.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    openings: Vec<Opening>,
    /// Conns that get no more requests.
    leavings: Vec<ConnId>,
}

/// A conn that is being opened to take the place of another.
#[derive(Clone, Copy, Debug)]
struct Opening {
    pool: PoolId,
    /// See [`Pool::slot`](crate::pool::Pool::slot).
    slot: usize,
    old: ConnId,
    new: ConnId,
}

impl Moves {
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.openings.is_empty() && self.leavings.is_empty()
    }
}

impl Engine {
    /// The pool and the server that a server conn goes to, while it is there.
    #[must_use]
    pub fn server_of(&self, conn: ConnId) -> Option<(PoolId, ServerId)> {
        self.servers.get(conn.key()).map(|server| (server.pool, server.server))
    }

    /// The server of that conn has another address than it is connected to: it is replaced.
    ///
    /// May be said again for a conn that is there still: what could not be opened is tried anew, and
    /// what was in use looked at again.
    pub fn handle_moved(&mut self, conn: ConnId) {
        let Some(server) = self.servers.get_mut(conn.key()) else { return };
        let (pool, id, class) = (server.pool, server.server, server.class);
        match server.tenancy {
            Tenancy::Shared { slot } => {
                let is_under_way = self.moves.openings.iter().any(|opening| opening.old == conn);
                if is_under_way || server.state != State::Ready {
                    return;
                }
                let timeout = self.pools[pool.0 as usize].config().timeout;
                let new = self.connect(pool, id, class, Tenancy::Successor);
                self.bound_connect(new, timeout.unwrap_or(PROBE_PATIENCE));
                self.moves.openings.push(Opening { pool, slot, old: conn, new });
            }
            // It is closed when its client has done with it.
            Tenancy::Own { .. } => server.moved = true,
            Tenancy::Kept => {
                self.retire(conn);
                self.record_move(pool, id);
            }
            Tenancy::Listener => {
                if self.relisten(pool, id) {
                    self.record_move(pool, id);
                }
            }
            Tenancy::Probe | Tenancy::Successor | Tenancy::Leaving => {}
        }
    }

    /// Takes the moves further that can go further. Says whether one did.
    #[cold]
    pub(crate) fn tend_moves(&mut self) -> bool {
        let before = (self.moves.openings.len(), self.moves.leavings.len());
        for opening in std::mem::take(&mut self.moves.openings) {
            if !self.succeed(opening) {
                self.moves.openings.push(opening);
            }
        }
        let after_openings = self.moves.leavings.len();
        for old in std::mem::take(&mut self.moves.leavings) {
            if !self.leave(old) {
                self.moves.leavings.push(old);
            }
        }
        before != (self.moves.openings.len(), after_openings)
            || after_openings != self.moves.leavings.len()
    }

    /// Has the new conn take the old one's place, once it is open. Says whether that is settled, in
    /// whatever way.
    fn succeed(&mut self, opening: Opening) -> bool {
        let Opening { pool, slot, old, new } = opening;
        let Some(successor) = self.servers.get_mut(new.key()) else { return true };
        if successor.state != State::Ready {
            return false;
        }
        let server = successor.server;
        match self.pools[pool.0 as usize].conn(slot) {
            Some(present) if present == old => {
                self.turn_clients_over(old);
                let successor = self.servers.get_mut(new.key()).expect("it is open");
                successor.tenancy = Tenancy::Shared { slot };
                let old_conn = self.servers.get_mut(old.key()).expect("its pool has it");
                old_conn.tenancy = Tenancy::Leaving;
                self.pools[pool.0 as usize].set_conn(slot, Some(new));
                self.moves.leavings.push(old);
                self.record_move(pool, server);
            }
            // The old one has ended meanwhile, and nobody has asked for another.
            None => {
                successor.tenancy = Tenancy::Shared { slot };
                let takes_room = successor.takes_room();
                let pool = &mut self.pools[pool.0 as usize];
                pool.set_conn(slot, Some(new));
                if !takes_room {
                    pool.shared.room.give_back();
                }
            }
            Some(_) => self.retire(new),
        }
        true
    }

    /// Closes the old conn once nothing is outstanding on it. Says whether it is gone.
    fn leave(&mut self, old: ConnId) -> bool {
        if let Some(server) = self.servers.get(old.key()) {
            if !server.queue.is_empty() {
                return false;
            }
            self.retire(old);
        }
        true
    }

    /// Has each client with a request on `old` wait for it before its next one.
    fn turn_clients_over(&mut self, old: ConnId) {
        let queue = &self.servers.get(old.key()).expect("its pool has it").queue;
        let mut id = queue.front();
        while !id.is_none() {
            if let Some(client) = self.client_of(id).and_then(|it| self.clients.get_mut(it.key()))
                && matches!(client.lane, Lane::Shared | Lane::Muted)
            {
                client.lane = Lane::Left;
            }
            id = queue.after(id, &self.requests);
        }
    }

    fn record_move(&mut self, pool: PoolId, server: ServerId) {
        self.pool_stats(pool).fault(FaultFigure::ServerMoved).add(1);
        self.actions.push_back(Action::Report(Report::Moved { pool, server }));
    }

    /// The new conn could not be opened: the old one serves on.
    pub(crate) fn record_vain_move(&mut self, pool: PoolId, server: ServerId, reason: CloseReason) {
        self.actions.push_back(Action::Report(Report::MovedInVain { pool, server, reason }));
    }
}
