//! When a client's next request must wait until all before it are answered.
//!
//! One client's requests for one server take one conn, so that they keep their order. Some leave
//! that way: they take a conn of the client's own, or make all after them take another. Two conns
//! know no order between them, so such a request is not even parsed for good before the line of its
//! client is empty; the client is paused meanwhile and its bytes stay where they are.
//!
//! Between `MULTI` and its end all requests take the client's own conn, so they wait for nothing.

use nutcracker_proto::{Local, Quiet, Routed, Travel};

use crate::clients::client::{ClientConn, Until};
use crate::clients::session::{Lane, Mute};
use crate::engine::Engine;
use crate::ids::ConnId;

impl Engine {
    /// Whether `routed`, a request of that client that does not simply go on, must wait; the client is
    /// paused then, and nothing of the request may be consumed. A request that may go on and that its
    /// client wants no answer to is marked so.
    #[cold]
    pub(crate) fn must_wait(&mut self, conn: ConnId, routed: &mut Routed) -> bool {
        let Some(client) = self.clients.get_mut(conn.key()) else { return false };
        let travel = routed.command.travel;
        let resets = travel == Travel::Here(Local::Reset);
        // They go over the client's own conn, one behind the other.
        if client.is_in_transaction() && !resets {
            client.begin_request();
            return false;
        }
        let keeps_its_way = !matches!(client.lane, Lane::Own | Lane::Left) && travel.is_shared();
        if client.outstanding > 0 && !keeps_its_way {
            client.hold(Until::AllEnded);
            return true;
        }
        if matches!(client.lane, Lane::Own | Lane::Left) {
            client.lane = Lane::Shared;
        }
        client.begin_request();
        if client.session.mute.is_silent() {
            // It has its place in line all the same: what goes another way waits for it.
            routed.meta.quiet = Quiet::All;
        }
        if resets {
            let own = client.own.take();
            self.leave_own(own);
        }
        false
    }
}

impl ClientConn {
    /// Whether a request goes on without a further look, as nearly all do. One compare.
    #[inline]
    pub(crate) fn goes_on(&self, routed: &Routed) -> bool {
        self.lane == Lane::Shared && routed.command.travel.is_shared()
    }

    /// The next request of this client is being served, over the shared conns: it may be one that is
    /// not answered.
    pub(crate) fn begin_request(&mut self) {
        self.session.mute = self.session.mute.at_next();
        if matches!(self.lane, Lane::Shared | Lane::Muted) {
            self.lane = if self.session.mute == Mute::No { Lane::Shared } else { Lane::Muted };
        }
    }

    /// Pauses, with its next request unparsed.
    pub(crate) const fn hold(&mut self, until: Until) {
        self.paused = true;
        self.until = until;
        self.missing = 1;
    }
}
