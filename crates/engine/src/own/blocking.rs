//! Requests whose answer may take long: each on a conn of its client's own, for as long as it takes.
//!
//! The client's next request waits behind it. It gives up when its own time and the pool's timeout
//! have passed, or never if it says so; it ends with its client, whose leaving closes the conn.

use nutcracker_proto::{Patience, Routed, Wait};

use crate::action::CloseReason;
use crate::bytes::frame::Frame;
use crate::clients::client::ClientConn;
use crate::clients::session::Lane;
use crate::engine::Engine;
use crate::ids::{ConnId, PoolId};
use crate::limits::BLOCKED_UNPARSED_BYTES_MAX;
use crate::many_keys::together::{Apart, Unplaced};
use crate::request::{Request, Role};
use crate::time::tick::Tick;

/// What a client is told when the proxy stops.
pub(crate) const STOPPING: &str = "the proxy is stopping";

/// What a client is told when its pool is in the configuration no more.
pub(crate) const REMOVED: &str = "the pool is removed";

impl ClientConn {
    /// Whether a request of it that blocks is outstanding.
    pub(crate) fn is_blocked(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.blocked)
    }

    /// Whether its socket may be read: it is not paused. One that is blocked is read all the same for a
    /// while, for the end of its stream.
    #[inline]
    pub(crate) fn is_readable(&self) -> bool {
        let is_read =
            !self.paused || (self.is_blocked() && self.inbox.len() < BLOCKED_UNPARSED_BYTES_MAX);
        is_read && self.closing.is_none()
    }
}

impl Engine {
    /// Sends a request that may block. Everything before it is answered.
    pub(crate) fn block(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        patience: Patience,
        frame: Frame<'_>,
        routed: &Routed,
    ) {
        let wait = patience.wait(frame.bytes);
        if wait == Wait::Never {
            return self.forward_together(conn, pool, frame, routed);
        }
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        if client.hung_up {
            return self.drop_client(conn, CloseReason::Eof);
        }
        client.lane = Lane::Own;
        self.leave_other_class(conn);
        let client = self.clients.get(conn.key()).expect("it sent the request");
        // Watched keys hold a conn, which does for this, too.
        let watching = client.own.as_ref().and_then(|own| own.conn);
        let chosen = watching.and_then(|conn| Some(self.servers.get(conn.key())?.server));
        let home = match self.home(pool, frame, routed, chosen) {
            Ok(Some(server)) => Ok(server),
            Ok(None) => self.server_of_none(pool).map_err(|_| CloseReason::Refused),
            Err(Unplaced::AllEjected) => Err(CloseReason::Refused),
            Err(Unplaced::Apart) => {
                let apart = if chosen.is_some() { Apart::BlockingWatched } else { Apart::Blocking };
                return self.refuse_apart(conn, pool, apart);
            }
        };
        let pinned = match (home, watching) {
            (Ok(_), Some(pinned)) => Ok(pinned),
            (Ok(server), None) => self.take_pinned(conn, server),
            (Err(reason), _) => Err(reason),
        };
        let pinned = match pinned {
            Ok(pinned) => pinned,
            Err(reason) => return self.fail_request(Some(conn), pool, reason),
        };
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        let own = client.own.get_or_insert_default();
        (own.conn, own.blocked) = (Some(pinned), true);
        let timeout = self.pools[pool.0 as usize].config().timeout;
        let deadline = match (wait, timeout) {
            (Wait::UpTo(wait), Some(timeout)) => self.now.after(wait + timeout),
            _ => Tick::NEVER,
        };
        let role = Role::Last { conn: pinned.key() };
        let request = Request::new(Some(conn), role, routed.command.kinds);
        self.send_pinned(pinned, frame, request, deadline);
    }

    /// A client that waits is told why it need not.
    pub(crate) fn unblock(&mut self, conn: ConnId, why: &'static str) {
        let Some(client) = self.clients.get(conn.key()) else { return };
        if !client.is_blocked() {
            return;
        }
        let pinned = client.own.as_ref().and_then(|own| own.conn).expect("it is blocked there");
        self.take_down(pinned, &CloseReason::Other(why.into()));
    }
}
