//! What other threads leave a worker: its mailbox, emptied, and what that leads to.

use std::net::IpAddr;
use std::sync::Arc;

use nutcracker_engine::{CloseReason, PoolId};

use super::Worker;
use super::sockets::Slot;
use crate::log::reason;
use crate::net::close_reason;
use crate::shared::Message;
use crate::succession::Successor;

impl Worker {
    /// Handles what other threads left. Says whether one of them asked to stop.
    pub(super) fn take_messages(&mut self) -> bool {
        let mut stop = false;
        for message in self.shared.mailboxes[self.id].take() {
            match message {
                Message::Client { pool, socket } => self.adopt(pool, socket),
                Message::Resolved { conn, target } => match target {
                    // Its requests may have given up in the meantime, and the conn with them; a
                    // socket opened for it now would take the place of another's.
                    Ok(target) if self.engine.may_read(conn) => self.connect(conn, &target),
                    Ok(_) => self.no_room.forget(conn),
                    Err(error) => {
                        let reason = match close_reason(&error) {
                            reason @ CloseReason::NoRoom(_) => reason,
                            _ => CloseReason::Unresolved,
                        };
                        self.handle_unopened(conn, reason);
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
                Message::MemoryIsShort => {
                    self.memory.hear_of_shortage();
                    self.engine.handle_memory(self.memory.state(self.now));
                }
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
    pub(super) fn hand_over(&mut self, successor: &Successor) {
        for (conn, client) in self.engine.hand_over() {
            let pool = client.pool;
            if let Some(Slot { mut socket, .. }) = self.clients.remove(conn) {
                match socket.deregister(self.pollers.all.registry()) {
                    Ok(()) => successor.take_client(socket, client),
                    Err(error) => tracing::error!("a client is closed: {}", reason(&error)),
                }
            }
            // Not before it is counted there: another would be let in to its place.
            self.shared.release(self.id, pool);
        }
    }
}
