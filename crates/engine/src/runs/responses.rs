//! Runs of plain responses, on their way back to clients.

use std::time::Duration;

use nutcracker_proto::{Kind, Outcome, ParseError, Progress, Quiet, Response};

use crate::engine::Engine;
use crate::ids::{ConnId, PoolId, ServerId};
use crate::limits::SHARE_BYTES_MIN;
use crate::request::{Answer, Request, Role};
use crate::server::{Batch, State};
use crate::stats::ServerFigure;
use crate::time::tick::Tick;

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

/// What is counted of responses of one server.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How many, and their bytes.
    responses: u32,
    bytes: i64,
    /// Their requests that had been sent wholly.
    in_flight: Batch,
    /// Those that had not: a server may answer before.
    queued: Batch,
    /// From each one's request being queued, microseconds in all.
    time: u64,
}

impl Tally {
    /// A response of so many bytes to `request`.
    #[inline(always)]
    pub(crate) fn add(&mut self, bytes: usize, request: &Request, in_flight: bool, now: Tick) {
        let batch = if in_flight { &mut self.in_flight } else { &mut self.queued };
        batch.add(request.bytes);
        self.responses += 1;
        self.bytes += bytes as i64;
        self.time += u64::from((now.0 as u32).wrapping_sub(request.queued_at));
    }
}

impl Engine {
    /// Relays the plain responses in `bytes` from `at` on, and moves `at` behind them.
    ///
    /// The bill of such a response: its bytes are copied once, or twice when it is not its turn; one of 4 KiB and more
    /// takes a buffer of its own then.
    pub(crate) fn relay_run(&mut self, conn: ConnId, bytes: &[u8], at: &mut usize) -> RunEnd {
        let server = self.servers.get_mut(conn.key()).expect("the caller has looked at it");
        let (pool, server_id) = (server.pool, server.server);
        let may_run = !matches!(server.state, State::Greeting(_));
        let plain_bytes_max = server.response_bytes_max.min(SHARE_BYTES_MIN - 1);
        let mut tally = Tally::default();
        let end = loop {
            if *at == bytes.len() {
                break RunEnd::Bytes;
            }
            let rest = &bytes[*at..];
            let response = match server.parser.parse(rest) {
                Ok(Progress::Done(response))
                    if may_run && response.len <= plain_bytes_max && is_plain(&response) =>
                {
                    response
                }
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
            tally.add(response.len, request, in_flight, self.now);
            *at += response.len;
            let frame = &rest[..response.len];
            let client_conn = request.client.expect("whoever takes it plainly is there");
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
            client.note_delivery(client_conn, &mut self.resuming, &mut self.flushes);
        };
        if tally.responses > 0 {
            self.record_responses(pool, server_id, &tally);
            self.pools[pool.0 as usize].shared.health.record_success(server_id);
        }
        end
    }

    /// Counts responses of a server.
    pub(crate) fn record_responses(&mut self, pool: PoolId, server: ServerId, tally: &Tally) {
        self.response_times.count += tally.responses;
        self.response_times.time += Duration::from_micros(tally.time);
        let stats = self.server_stats(pool, server);
        stats.at(ServerFigure::Responses).add(tally.responses.into());
        stats.at(ServerFigure::ResponseBytes).add(tally.bytes);
        stats.at(ServerFigure::OutQueue).add(-tally.in_flight.requests);
        stats.at(ServerFigure::OutQueueBytes).add(-tally.in_flight.bytes);
        stats.at(ServerFigure::InQueue).add(-tally.queued.requests);
        stats.at(ServerFigure::InQueueBytes).add(-tally.queued.bytes);
    }
}

/// Whether what the response says is plain.
#[inline(always)]
fn is_plain(response: &Response) -> bool {
    matches!(response.outcome, Outcome::Fine | Outcome::Error)
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
