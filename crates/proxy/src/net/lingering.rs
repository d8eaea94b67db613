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

use crate::net::Socket;

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
        let lingerer =
            Lingerer { pool, socket, until: now + TIMEOUT, dropped: 0, dropped_before: 0 };
        if lingerer.socket.shutdown_write().is_err() {
            return Some(pool);
        }
        self.sockets.insert(conn, lingerer);
        self.steps.push_back((now + STEP, conn));
        self.read(conn)
    }

    /// Reads what there is. Returns the pool of a socket that has closed.
    #[must_use]
    pub fn read(&mut self, conn: ConnId) -> Option<PoolId> {
        let lingerer = self.sockets.get_mut(&conn)?;
        let mut space = [0; 16 * 1024];
        while lingerer.dropped < BYTES_MAX {
            match lingerer.socket.read(&mut space) {
                Ok(len @ 1..) => lingerer.dropped += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Ok(0) | Err(_) => break,
            }
        }
        self.sockets.remove(&conn).map(|lingerer| lingerer.pool)
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
