//! Runs of plain requests, and of the responses to them: what nearly all of the traffic is, and often comes together.
//!
//! A request is plain when it has one key, is small, and takes the shared conn of that key's server, which is open.
//! What holds for a whole run of them (who the client is, how its pool is routed, when a request gives up) is looked up
//! once; of each request there is left to find it, to hash its key, to copy it, and to note that it is there. The run
//! ends with the first request that is anything else: that one goes the way of all others. So it is with the responses
//! that a server sends to them.

use std::time::Duration;

use nutcracker_proto::{Kind, Outcome, ParseError, Progress, Quiet, Request as Parsed, Response};

use crate::engine::Engine;
use crate::ids::{ConnId, PoolId, ServerId};
use crate::ledger::Ledger;
use crate::limits::SHARE_BYTES_MIN;
use crate::pool::Pool;
use crate::request::{Answer, Request, Role};
use crate::server::{Batch, State};
use crate::session::Lane;
use crate::stats::ServerFigure;

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
        let owes_password = pool.has_password && !client.session.authenticated;
        let may_run = client.lane == Lane::Shared
            && !owes_password
            && !pool.has_failing()
            && !pool.shared.health.is_probe_due(self.now);
        let slot = pool.slots(client.session.class, conn.index());
        let deadline = pool.deadline(self.now);
        let queue_bytes_max = pool.config().limits.server_queue_bytes;
        let pool: &Pool = pool;
        for _in_the_run in 0..client.room() {
            let rest = &bytes[*at..];
            let found = if may_run { client.parser.plain(rest, &mut self.heads) } else { None };
            let Some(plain) = found.filter(|plain| plain.len < SHARE_BYTES_MIN) else {
                return Some(client.parser.parse(rest));
            };
            let frame = &rest[..plain.len];
            let key = &frame[plain.key];
            let random = &mut self.random;
            let conn_of = |server| pool.conn(slot(server));
            let open = pool.route(key, || random.draw()).and_then(conn_of).and_then(|conn| {
                let server = self.servers.get_mut(conn.key())?;
                let takes_more = !server.trial && server.outbox.len() < queue_bytes_max;
                takes_more.then_some((conn, server))
            });
            let Some((server_conn, server)) = open else {
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

/// How a run of responses ended.
#[derive(Debug)]
pub(crate) enum RunEnd {
    /// With the last of the bytes.
    Bytes,
    /// This client has its response, and the next of its line has its answer as well, which is of another sort.
    Finished(ConnId),
    /// The parser found this.
    Found(Result<Progress<Response>, ParseError>),
}

/// What a run of responses was.
#[derive(Debug, Default)]
struct Tally {
    responses: u32,
    bytes: i64,
    /// Their requests, had they been sent wholly or not.
    in_flight: Batch,
    queued: Batch,
    /// From each one's request being queued, microseconds in all.
    time: u64,
}

impl Engine {
    /// Relays the responses in `bytes` from `at` on that are to plain requests, and moves `at` behind them.
    ///
    /// The bill of such a response: its bytes are copied once, or twice when it is not its turn.
    pub(crate) fn relay_run(&mut self, conn: ConnId, bytes: &[u8], at: &mut usize) -> RunEnd {
        let server = self.servers.get_mut(conn.key()).expect("the caller has looked at it");
        let (pool, server_id) = (server.pool, server.server);
        let may_run = !matches!(server.state, State::Greeting(_));
        let mut tally = Tally::default();
        let end = loop {
            if *at == bytes.len() {
                break RunEnd::Bytes;
            }
            let rest = &bytes[*at..];
            let response = match server.parser.parse(rest) {
                Ok(Progress::Done(response)) if may_run && is_plain_response(&response) => response,
                other => break RunEnd::Found(other),
            };
            let front = server.queue.front();
            if !server.awaits_response() || !self.requests.get(front).takes_plainly(response.kind) {
                break RunEnd::Found(Ok(Progress::Done(response)));
            }
            let (id, in_flight) = server.pop(&mut self.requests).expect("one awaits it");
            if server.keeps_sent() && server.queue.is_empty() {
                server.forget_sent(&mut self.spares);
            }
            let request = self.requests.get_mut(id);
            let batch = if in_flight { &mut tally.in_flight } else { &mut tally.queued };
            batch.add(request.bytes);
            tally.responses += 1;
            tally.bytes += response.len as i64;
            tally.time += u64::from((self.now.0 as u32).wrapping_sub(request.queued_at));
            *at += response.len;
            let frame = &rest[..response.len];
            let client_conn = request.client.expect("a plain request has one");
            let client = self.clients.get_mut(client_conn.key()).expect("a client in line is here");
            if client.line.front() != id {
                request.answer = Answer::Held(self.holding.hold(frame, &mut self.spares));
                continue;
            }
            client.outbox.push(frame, &mut self.spares);
            client.line.pop(&mut self.requests);
            client.outstanding -= 1;
            self.requests.remove(id);
            if client.deliver_held(&mut self.requests, &mut self.holding, &mut self.spares) {
                break RunEnd::Finished(client_conn);
            }
            if client.may_resume() {
                self.resumable.push(client_conn);
            }
            if client.become_dirty() {
                self.flushes.push_client(client_conn);
            }
        };
        if tally.responses > 0 {
            self.record_run(pool, server_id, &tally);
        }
        end
    }

    fn record_run(&mut self, pool: PoolId, server: ServerId, tally: &Tally) {
        self.response_times.count += tally.responses;
        self.response_times.time += Duration::from_micros(tally.time);
        let stats = self.server_stats(pool, server);
        stats.at(ServerFigure::Responses).add(tally.responses.into());
        stats.at(ServerFigure::ResponseBytes).add(tally.bytes);
        stats.at(ServerFigure::OutQueue).add(-tally.in_flight.requests);
        stats.at(ServerFigure::OutQueueBytes).add(-tally.in_flight.bytes);
        stats.at(ServerFigure::InQueue).add(-tally.queued.requests);
        stats.at(ServerFigure::InQueueBytes).add(-tally.queued.bytes);
        self.pools[pool.0 as usize].shared.health.record_success(server);
    }
}

/// Whether the response itself is plain.
#[inline(always)]
fn is_plain_response(response: &Response) -> bool {
    matches!(response.outcome, Outcome::Fine | Outcome::Error) && response.len < SHARE_BYTES_MIN
}

impl Request {
    /// Whether it awaits a response of that kind, which its client gets as it is.
    #[inline(always)]
    fn takes_plainly(&self, kind: Kind) -> bool {
        self.role == Role::Whole
            && self.client.is_some()
            && self.quiet == Quiet::No
            && self.kinds.contain(kind)
    }
}
