//! Requests whose answers count subscribers: `PUBLISH`, `SPUBLISH`, `PUBSUB NUMSUB`.
//!
//! They go to the server of their channels as any request with a key; the numbers in the answer are
//! corrected on the way back. With them taken then and not before, whoever was told of its subscription
//! before the request was sent is counted.

use nutcracker_proto::{Audience, Routed, resp};

use crate::action::CloseReason;
use crate::bytes::frame::Frame;
use crate::bytes::held::Held;
use crate::engine::Engine;
use crate::errand::Errand;
use crate::ids::{ConnId, PoolId, ServerId};

use crate::many_keys::together::{Apart, Unplaced};

impl Engine {
    /// Sends a request whose answer counts subscribers. While nobody is subscribed to anything, the
    /// server's numbers are right, and it is an ordinary one.
    #[cold]
    pub(crate) fn count_audience(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        audience: Audience,
        frame: Frame<'_>,
        routed: &Routed,
    ) {
        if routed.keys == 0 || self.pools[pool.0 as usize].shared.audiences.is_empty() {
            return self.forward_together(conn, pool, frame, routed);
        }
        let server = match self.server_of_all(pool, frame, routed) {
            Ok(server) => server,
            Err(Unplaced::Apart) => return self.refuse_apart(conn, pool, Apart::Request),
            Err(Unplaced::AllEjected) => {
                return self.fail_request(Some(conn), pool, CloseReason::Refused);
            }
        };
        let server_conn = match self.open_conn(pool, server, conn) {
            Ok(server_conn) => server_conn,
            Err(reason) => return self.fail_request(Some(conn), pool, reason),
        };
        let channel = &frame.bytes[routed.key.start as usize..routed.key.end as usize];
        let channel = self.holding.hold(channel, &mut self.spares);
        let errand = Errand::Audience { server, audience, channel };
        self.queue_errand(conn, server_conn, errand, frame, routed);
    }

    /// What the client is told when `server` answered with `frame`; `None` for just that.
    pub(crate) fn recount(
        &self,
        conn: ConnId,
        server: ServerId,
        audience: Audience,
        channel: &Held,
        frame: Frame<'_>,
    ) -> Option<Vec<u8>> {
        let pool = self.clients.get(conn.key()).expect("it waits in its line").pool;
        let audiences = &self.pools[pool.0 as usize].shared.audiences;
        resp::recount(frame.bytes, self.holding.bytes(channel), |channel, counted| {
            let (topic, is_message) = audience.of();
            let heard_by = match is_message {
                true => audiences.of_message(topic, channel, server),
                false => audiences.of_topic(topic, channel, server),
            };
            heard_by.told(counted)
        })
    }
}
