//! Clients that are done with, while bytes to them or from them are still on the way.
//!
//! The kernel resets a connection whose socket is closed with bytes unread, or that gets bytes
//! after its socket was closed; and a reset drops what has not reached the peer yet: the responses
//! before a broken rule, the error that names it, the answers before a QUIT. So the proxy closes its
//! own direction, reads on and drops what it reads, and closes the socket when all has arrived.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::time::{Duration, Instant};

use nutcracker_engine::{ConnId, PoolId};

use crate::net::{READ_BYTES_A_TURN, Socket};

/// How often it is looked whether all has arrived.
const STEP: Duration = Duration::from_millis(50);

/// How long a client has for it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How much more a client may say.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The sockets that linger. The engine has forgotten their conns.
#[derive(Debug, Default)]
pub struct Lingering {
    sockets: HashMap<ConnId, Lingerer>,
    /// Those of which more may be read that the kernel will not tell of again; some may have closed in the meantime.
    unread: Vec<ConnId>,
    /// When to look at each again, in order; some may have closed in the meantime.
    steps: VecDeque<(Instant, ConnId)>,
}

#[derive(Debug)]
struct Lingerer {
    pool: PoolId,
    socket: Socket,
    until: Instant,
    /// Bytes read and dropped.
    dropped: usize,
    /// Bytes of these when it was last looked at.
    dropped_before: usize,
    /// It was read enough in this turn.
    is_unread: bool,
}

impl Lingering {
    /// Takes a socket over whose conn has ended, `unread` if the kernel may have bytes of the
    /// client. Returns the pool when there is nothing to wait for and the socket is closed.
    #[must_use]
    pub fn take(
        &mut self,
        (conn, pool): (ConnId, PoolId),
        socket: Socket,
        unread: bool,
        now: Instant,
    ) -> Option<PoolId> {
        // Nothing is lost with a reset of a unix socket: it has no way to be lost on.
        if !matches!(socket, Socket::Tcp(_)) || !(unread || socket.unsent_bytes() > 0) {
            return Some(pool);
        }
        let until = now + TIMEOUT;
        let lingerer =
            Lingerer { pool, socket, until, dropped: 0, dropped_before: 0, is_unread: false };
        if lingerer.socket.shutdown_write().is_err() {
            return Some(pool);
        }
        self.sockets.insert(conn, lingerer);
        self.steps.push_back((now + STEP, conn));
        self.read(conn)
    }

    /// Reads what there is, or as much as is read of one in a turn. Returns the pool of a socket that has closed.
    #[must_use]
    pub fn read(&mut self, conn: ConnId) -> Option<PoolId> {
        let lingerer = self.sockets.get_mut(&conn).filter(|lingerer| !lingerer.is_unread)?;
        let mut space = [0; 16 * 1024];
        let enough = lingerer.dropped + READ_BYTES_A_TURN;
        while lingerer.dropped < BYTES_MAX {
            if lingerer.dropped >= enough {
                lingerer.is_unread = true;
                self.unread.push(conn);
                return None;
            }
            match lingerer.socket.read(&mut space) {
                Ok(len @ 1..) => lingerer.dropped += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Ok(0) | Err(_) => break,
            }
        }
        self.sockets.remove(&conn).map(|lingerer| lingerer.pool)
    }

    /// Reads on where the turn before has left something. Returns the pools of sockets that have closed.
    #[must_use]
    pub fn read_on(&mut self) -> Vec<PoolId> {
        let left = std::mem::take(&mut self.unread);
        let read_on = |conn| {
            self.sockets.get_mut(&conn)?.is_unread = false;
            self.read(conn)
        };
        left.into_iter().filter_map(read_on).collect()
    }

    /// Whether there is something to [read on](Self::read_on).
    #[must_use]
    pub const fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Looks at a socket whose time has come, until there is none. Returns the pool of one that has
    /// closed.
    pub fn poll_closed(&mut self, now: Instant) -> Option<PoolId> {
        loop {
            let (_, conn) = self.steps.pop_front_if(|(at, _)| *at <= now)?;
            let Some(lingerer) = self.sockets.get_mut(&conn) else { continue };
            let silent = lingerer.dropped == lingerer.dropped_before;
            if lingerer.until <= now || (silent && lingerer.socket.unsent_bytes() == 0) {
                return self.sockets.remove(&conn).map(|lingerer| lingerer.pool);
            }
            lingerer.dropped_before = lingerer.dropped;
            self.steps.push_back((now + STEP, conn));
        }
    }

    /// When to call [`poll_closed`](Self::poll_closed) at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.steps.front().map(|(at, _)| *at)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::*;

    #[test]
    fn who_sends_on_is_read_a_part_a_turn_until_it_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let mut client = TcpStream::connect(address).expect("it listens");
        let (stream, peer) = listener.accept().expect("it has connected");
        stream.set_nonblocking(true).expect("it is open");
        let stream = mio::net::TcpStream::from_std(stream);
        let socket = Socket::tcp(stream, peer.ip()).expect("it is open");
        let sender = thread::spawn(move || while client.write_all(&[0; 65_536]).is_ok() {});

        let conn = ConnId::from_bits(0);
        let mut lingering = Lingering::default();
        let mut closed = lingering.take((conn, PoolId(3)), socket, true, Instant::now());
        let mut before = 0;
        while closed.is_none() {
            let dropped = lingering.sockets[&conn].dropped;
            let read = dropped - before;
            assert!(read <= READ_BYTES_A_TURN + 16 * 1024, "{read} bytes behind {before}");
            before = dropped;
            // Where all was read, it is told of as readable again.
            closed = match lingering.has_unread() {
                true => lingering.read_on().pop(),
                false => lingering.read(conn),
            };
        }
        assert_eq!(closed, Some(PoolId(3)));
        assert!(lingering.is_empty());
        sender.join().expect("its conn was closed");
    }
}
