//! When a client's next request must wait until all before it are answered.
//!
//! One client's requests for one server take one conn, so that they keep their order. Some leave
//! that way: they take a conn of the client's own, or make all after them take another. Two conns
//! know no order between them, so such a request is not even parsed for good before the line of its
//! client is empty; the client is paused meanwhile and its bytes stay where they are.
//!
//! Between `MULTI` and its end all requests take the client's own conn, so they wait for nothing.

use nutcracker_proto::{Local, Routed, Travel};

use crate::client::ClientConn;
use crate::engine::Engine;
use crate::ids::ConnId;
use crate::session::Lane;

impl Engine {
    /// Whether `routed`, a request of that client, must wait; the client is paused then, and nothing
    /// of the request may be consumed. One compare for nearly all.
    #[inline]
    pub(crate) fn must_wait(&mut self, conn: ConnId, routed: &Routed) -> bool {
        let Some(client) = self.clients.get_mut(conn.key()) else { return false };
        if client.lane == Lane::Shared && routed.command.travel.is_shared() {
            return false;
        }
        let travel = routed.command.travel;
        let resets = travel == Travel::Here(Local::Reset);
        // They go over the client's own conn, one behind the other.
        if client.is_in_transaction() && !resets {
            return false;
        }
        if client.outstanding == 0 {
            if client.lane == Lane::Own {
                client.lane = Lane::Shared;
            }
            if resets {
                let own = client.own.take();
                self.leave_own(own);
            }
            return false;
        }
        if client.lane == Lane::Listening && travel.is_shared() {
            return false;
        }
        client.hold();
        true
    }
}

impl ClientConn {
    /// Pauses until all that is outstanding has been answered.
    fn hold(&mut self) {
        self.paused = true;
        self.awaits_all = true;
        self.missing = 1;
    }
}
