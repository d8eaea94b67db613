//! The traffic of a worker's conns: their sockets are opened, read, written to and closed.

use std::io::{self, IoSlice};
use std::sync::Arc;

use mio::event::Event;
use nutcracker_engine::limits::SLICES_A_WRITE;
use nutcracker_engine::{CloseReason, ConnId, PoolId, ServerId, Side};

use super::Worker;
use super::sockets::{Slot, Sockets};
use crate::net::{Target, close_reason, connect};
use crate::shared::Message;
use crate::subject::Subject;

/// Most bytes read from one conn before the others get their turn.
const READ_BYTES_A_TURN: usize = 256 * 1024;

impl Worker {
    /// Opens the socket of a new server conn, once its host is known.
    pub(super) fn open(&mut self, conn: ConnId, pool: PoolId, server: ServerId) {
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

    pub(super) fn connect(&mut self, conn: ConnId, target: &Target) {
        let opened = connect(target).and_then(|mut socket| {
            socket.register(self.pollers.all.registry(), Subject::Conn(conn).token())?;
            socket
                .register_answers(self.pollers.answers.registry(), Subject::Conn(conn).token())?;
            Ok(socket)
        });
        match opened {
            Ok(socket) => self.servers.insert(Slot::new(conn, socket, true)),
            Err(error) => self.engine.handle_closed(conn, close_reason(&error)),
        }
    }

    pub(super) fn handle_event(&mut self, conn: ConnId, event: &Event) {
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
    pub(super) fn read(&mut self, conn: ConnId) {
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

    /// Sends what a conn has to say: one system call, unless the socket takes less than all.
    pub(super) fn flush(&mut self, conn: ConnId) {
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

    /// Closes a socket; a client's not before all that was due to it has arrived.
    pub(super) fn close(&mut self, conn: ConnId, pool: PoolId) {
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

    pub(super) fn sockets(&mut self, conn: ConnId) -> &mut Sockets {
        match conn.side() {
            Side::Client => &mut self.clients,
            Side::Server => &mut self.servers,
        }
    }
}
