//! Runs of plain requests, on their way to servers.

use nutcracker_proto::{ParseError, Progress, Request as Parsed};

use crate::clients::session::Lane;
use crate::engine::Engine;
use crate::ids::ConnId;
use crate::ledger::Ledger;
use crate::limits::SHARE_BYTES_MIN;
use crate::pool::Pool;
use crate::request::{Request, Role};

impl Engine {
    /// Serves the plain requests of `bytes` from `at` on, and moves `at` behind them. Returns what the parser has found
    /// there then; `None` when it was not asked: there are no more bytes, or the client may have no more outstanding.
    ///
    /// The bill of a plain request: its key is hashed, its bytes are copied once, one place in the table of requests is
    /// taken.
    pub(crate) fn serve_run(
        &mut self,
        conn: ConnId,
        bytes: &[u8],
        at: &mut usize,
    ) -> Option<Result<Progress<Parsed>, ParseError>> {
        let client = self.clients.get_mut(conn.key()).expect("the caller has looked at it");
        let stats = &self.stats.pools[client.pool.0 as usize];
        let pool = &mut self.pools[client.pool.0 as usize];
        pool.refresh();
        let may_run = client.lane == Lane::Shared
            && !client.owes_password(pool)
            && !pool.has_failing()
            && !pool.shared.health.is_probe_due(self.now);
        let slot = pool.slots(client.session.class, conn.index());
        let deadline = pool.deadline(self.now);
        let queue_bytes_max = pool.queue_bytes_plain(&self.crowd);
        let pool: &Pool = pool;
        for _in_the_run in 0..client.requests_left() {
            let rest = &bytes[*at..];
            let found = if may_run { client.parser.plain(rest, &mut self.heads) } else { None };
            let Some(plain) = found.filter(|plain| plain.len < SHARE_BYTES_MIN) else {
                return Some(client.parser.parse(rest));
            };
            let frame = &rest[..plain.len];
            let key = &frame[plain.key];
            let before = self.random;
            let random = &mut self.random;
            let server_conn =
                pool.route(key, || random.draw()).and_then(|server| pool.conn(slot(server)));
            let taker = server_conn.and_then(|server_conn| {
                let server = self.servers.get_mut(server_conn.key())?;
                let takes_more = !server.tries_reach && server.outbox.len() < queue_bytes_max;
                takes_more.then_some((server_conn, server))
            });
            let Some((server_conn, server)) = taker else {
                // The general way draws the same once more.
                self.random = before;
                return Some(client.parser.parse(rest));
            };
            let mut request = Request::new(Some(conn), Role::Whole, plain.command.kinds);
            request.reads = plain.command.is_read();
            let id = self.requests.insert(request);
            client.line.push(id, &mut self.requests);
            client.outstanding += 1;
            server.tail(frame.len(), &mut self.spares).extend_from_slice(frame);
            Ledger {
                pool,
                requests: &mut self.requests,
                deadlines: &mut self.deadlines,
                flushes: &mut self.flushes,
                stats,
                now: self.now,
                deadline,
            }
            .enter(server_conn, server, id, frame.len());
            *at += plain.len;
            if *at == bytes.len() {
                break;
            }
        }
        None
    }
}
