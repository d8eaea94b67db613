//! How clients come to a worker.
//!
//! The first worker also accepts, for all of them: a client is dealt to the worker with the fewest,
//! which is the accepting one itself when there is no other.

use nutcracker_engine::stats::LimitFigure;
use nutcracker_engine::{ConnId, PoolId};

use super::Worker;
use super::accepting::{ACCEPTS_A_TURN, Accepted, Accepting};
use super::sockets::Slot;
use crate::log::{self, reason};
use crate::net::{Listener, Socket, close_reason};
use crate::shared::Message;
use crate::subject::Subject;

impl Worker {
    /// Takes the clients that wait, for all workers.
    pub(super) fn accept(&mut self) {
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
    pub(super) fn adopt(&mut self, pool: PoolId, socket: Socket) {
        let conn = self.engine.handle_accepted(pool, socket.peer());
        self.take_in(conn, pool, socket);
    }

    /// The engine has a client, and this is its socket.
    pub(super) fn take_in(&mut self, conn: ConnId, pool: PoolId, mut socket: Socket) {
        if self.shared.shells[pool.0 as usize].config.tcpkeepalive
            && let Err(error) = socket.set_keepalive()
        {
            log::limited!(WARN, "set tcpkeepalive failed, ignored: {}", reason(&error));
        }
        match socket.register(self.pollers.all.registry(), Subject::Conn(conn).token()) {
            Ok(()) => self.clients.insert(Slot::new(conn, socket, false)),
            Err(error) => self.engine.handle_closed(conn, close_reason(&error)),
        }
    }

    /// Takes the clients that come to `listener`, which is registered.
    pub(super) fn accept_at(&mut self, pool: PoolId, listener: Listener) {
        let name = self.shared.shells[pool.0 as usize].config.name.clone();
        self.listeners.push(Accepting::new(pool, name, listener));
    }

    /// Takes over what clients of the pool came to before.
    pub(super) fn listen_on(&mut self, pool: PoolId, mut listener: Listener) {
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
}
