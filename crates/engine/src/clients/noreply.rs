//! Requests whose clients want no response: memcached's `noreply`.
//!
//! The server answers them all the same, to the proxy. They stand in no client's line, so that no response
//! waits for theirs; but until they end they are outstanding as others are, and so hold back the client that has
//! asked for too many, and its way to another conn or engine. A client that leaves does not wait for them.

use crate::engine::Engine;
use crate::ids::{ConnId, PoolId};
use crate::request::RequestId;

impl Engine {
    /// A request that `conn`, a client of `pool`, wants no response to is being queued.
    pub(crate) fn begin_noreply(&mut self, conn: ConnId, pool: PoolId) {
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        client.outstanding += 1;
        self.pools[pool.0 as usize].silent_requests += 1;
    }

    /// Such a request has ended, in whatever way.
    pub(crate) fn end_noreply(&mut self, id: RequestId) {
        let conn = self.requests.get(id).client.expect("a client has asked for it");
        self.requests.remove(id);
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        client.outstanding -= 1;
        if client.may_resume() {
            self.resuming.push(conn);
        }
    }
}
