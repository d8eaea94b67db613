//! A worker's sockets.

use nutcracker_engine::ConnId;

use crate::net::Socket;

/// The sockets of one side, at their conns' places.
#[derive(Debug, Default)]
pub(super) struct Sockets(Vec<Option<Slot>>);

/// A conn's socket, and what is known of it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) conn: ConnId,
    pub(super) socket: Socket,
    /// The connect has not ended.
    pub(super) connecting: bool,
    /// Unread bytes may be in the kernel.
    pub(super) readable: bool,
    /// It was read enough in this turn, and waits for the next with unread bytes.
    pub(super) waits: bool,
    /// It was written to enough in this turn, and waits for the next with bytes to send.
    pub(super) sends_on: bool,
    /// The other side will send no more: read to the end.
    pub(super) read_closed: bool,
}

impl Slot {
    /// A socket of which nothing is known but whether it is `connecting`.
    pub(super) const fn new(conn: ConnId, socket: Socket, connecting: bool) -> Self {
        let [readable, waits, sends_on, read_closed] = [false; 4];
        Self { conn, socket, connecting, readable, waits, sends_on, read_closed }
    }
}

impl Sockets {
    /// Takes a socket in, at its conn's place.
    pub(super) fn insert(&mut self, slot: Slot) {
        let at = slot.conn.index();
        if self.0.len() <= at {
            self.0.resize_with(at + 1, || None);
        }
        self.0[at] = Some(slot);
    }

    /// The conn's socket. O(1).
    pub(super) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Slot> {
        self.0.get_mut(conn.index())?.as_mut().filter(|slot| slot.conn == conn)
    }

    /// Takes the conn's socket out.
    pub(super) fn remove(&mut self, conn: ConnId) -> Option<Slot> {
        self.0.get_mut(conn.index())?.take_if(|slot| slot.conn == conn)
    }

    /// All there are. O(places).
    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.0.iter().flatten()
    }
}
