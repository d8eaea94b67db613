//! What servers send: responses found, matched with their requests, and brought into order.

use std::rc::Rc;

use nutcracker_proto::{GatherError, Outcome, Passed, Piece, Progress, Quiet, Response, gather};

use crate::action::{Action, CloseReason, Found, Report};
use crate::bytes::frame::Frame;
use crate::bytes::held::Held;
use crate::engine::Engine;
use crate::ids::{ConnId, Key, PoolId, ServerId, Side};
use crate::limits::{RESPONSE_BYTES_MAX, SHARE_BYTES_MIN};
use crate::loss::ejection::Verdict;
use crate::many_keys::gathering::{End, Lack};
use crate::request::{Answer, RequestId, Role};
use crate::runs::{RunEnd, Tally};
use crate::server::{State, Tenancy};
use crate::stats::{LimitFigure, PoolFigure};

/// Responses that are gathered without an allocation.
const GATHERED_ON_STACK: usize = 64;

impl Engine {
    /// Relays what was read into the worker's own space; the rest is kept in the inbox.
    pub(crate) fn relay_received(&mut self, conn: ConnId, bytes: &[u8]) {
        let consumed = self.relay(conn, bytes, None);
        let Some(server) = self.servers.get_mut(conn.key()) else { return };
        if consumed < bytes.len() {
            server.inbox.keep(&bytes[consumed..], server.missing, Side::Server, &mut self.spares);
        }
    }

    /// Relays the server conn's inbox.
    pub(crate) fn relay_inbox(&mut self, conn: ConnId) {
        let Some(server) = self.servers.get_mut(conn.key()) else { return };
        let lent = server.inbox.lend();
        let consumed = self.relay(conn, lent.filled(), Some(&lent.buffer));
        let Some(server) = self.servers.get_mut(conn.key()) else { return };
        server.inbox.take_back(lent, consumed, server.missing, &mut self.spares);
    }

    /// Relays the responses at the front of `bytes` and returns how many bytes they took.
    fn relay(&mut self, conn: ConnId, bytes: &[u8], buffer: Option<&Rc<Vec<u8>>>) -> usize {
        let mut at = 0;
        loop {
            let Some(server) = self.servers.get_mut(conn.key()) else { return bytes.len() };
            if at == bytes.len() {
                server.missing = 1;
                return at;
            }
            if server.passing.is_some() {
                let Some(Passed { len, is_end }) = self.pass_response(conn, &bytes[at..]) else {
                    return bytes.len();
                };
                at += len;
                if is_end {
                    continue;
                }
                return at;
            }
            let end = match server.parser.is_at_start() {
                true => self.relay_run(conn, bytes, &mut at),
                false => RunEnd::Found(server.parser.parse(&bytes[at..])),
            };
            let found = match end {
                RunEnd::Bytes => continue,
                RunEnd::Finished(client) => {
                    self.deliver_finished(client);
                    continue;
                }
                RunEnd::Found(found) => found,
            };
            match found {
                Ok(Progress::Incomplete { missing }) => {
                    let server = self.servers.get_mut(conn.key()).expect("it has sent a part");
                    server.missing = missing;
                    if server.is_too_large((bytes.len() - at).saturating_add(missing)) {
                        if self.give_up_response(conn, &bytes[at..]) {
                            continue;
                        }
                        self.close_too_large(conn, &bytes[at..]);
                        return bytes.len();
                    }
                    return at;
                }
                Ok(Progress::Done(response)) => {
                    let frame = Frame::at(bytes, buffer, at, response.len);
                    at += response.len;
                    self.relay_one(conn, frame, response);
                }
                Err(error) => {
                    let found = Found::in_front_of(&bytes[at..]);
                    self.close_server(conn, CloseReason::Protocol { error, found });
                    return bytes.len();
                }
            }
        }
    }

    fn relay_one(&mut self, conn: ConnId, frame: Frame<'_>, response: Response) {
        let Response { outcome, kind, .. } = response;
        if outcome == Outcome::Push {
            // News that nobody asked for: no client of a shared conn is subscribed to anything.
            return;
        }
        let server = self.servers.get_mut(conn.key()).expect("it was parsed for this server");
        if server.is_too_large(frame.bytes.len()) {
            if self.may_give_up(conn, kind) {
                return self.end_given_up(conn, frame.bytes.len());
            }
            return self.close_too_large(conn, frame.bytes);
        }
        if let State::Greeting(_) = server.state {
            return self.hear_greeting(conn, frame.bytes, response);
        }
        let (pool, server_id) = (server.pool, server.server);
        if !server.awaits_response() {
            return match server.tenancy {
                Tenancy::Listener => self.hear(conn, frame),
                Tenancy::Probe => self.judge_probe(conn, frame.bytes, response),
                Tenancy::Shared { .. }
                | Tenancy::Own { .. }
                | Tenancy::Kept
                | Tenancy::Successor
                | Tenancy::Leaving => {
                    self.close_unasked(conn, frame.bytes);
                }
            };
        }
        if !self.requests.get(server.queue.front()).kinds.contain(kind) {
            return self.close_wrong_kind(conn, frame.bytes);
        }
        let id = self.take_answered(conn, frame.bytes.len());
        if outcome == Outcome::Unwell {
            self.record_failure(pool, server_id);
        } else {
            self.pools[pool.0 as usize].shared.health.record_success(server_id);
        }
        self.settle(id, frame);
    }

    /// Takes the request at the front of that conn, whose response has come, and counts that: of so many bytes.
    #[inline(always)]
    pub(crate) fn take_answered(&mut self, conn: ConnId, bytes: usize) -> RequestId {
        let server = self.servers.get_mut(conn.key()).expect("it has just spoken");
        let (pool, server_id) = (server.pool, server.server);
        let (id, in_flight) = server.pop(&mut self.requests).expect("one awaits it");
        if server.keeps_sent() && server.queue.is_empty() {
            server.forget_sent(&mut self.spares);
        }
        let mut tally = Tally::default();
        tally.add(bytes, self.requests.get(id), in_flight, self.now);
        self.record_responses(pool, server_id, &tally);
        id
    }

    /// A response for a request: to its client at once when it is its turn, else held until then. Inlined
    /// where ordinary responses pass; the other caller is an errand's.
    #[inline(always)]
    pub(crate) fn settle(&mut self, id: RequestId, frame: Frame<'_>) {
        let request = self.requests.get(id);
        match (request.role, request.client) {
            (Role::Whole, Some(conn)) => {
                let hidden = request.quiet.hides(frame.bytes);
                let client = self.clients.get_mut(conn.key()).expect("a client in line is here");
                if client.line.front() != id {
                    let held = if hidden { Held::None } else { self.hold(frame) };
                    self.requests.get_mut(id).answer = Answer::Held(held);
                    return;
                }
                match frame.shared() {
                    _ if hidden => {}
                    Some(shared) => client.outbox.share(shared),
                    None => {
                        client.outbox.push(frame.bytes, &mut self.spares);
                    }
                }
                client.line.pop(&mut self.requests);
                client.outstanding -= 1;
                self.requests.remove(id);
                self.deliver_finished(conn);
            }
            (Role::Whole, None) => {
                self.requests.remove(id);
            }
            (Role::Noreply, _) => self.end_noreply(id),
            (Role::Last { conn }, _) => self.settle_last(id, conn, frame),
            (Role::Begin { conn }, _) => {
                self.requests.remove(id);
                self.hear_begun(conn, frame.bytes);
            }
            (Role::Fragment { gathering, ordinal }, _) => {
                let place = self.gatherings.get_mut(gathering);
                let end = match place.parent.is_none() {
                    true => End::Response(Held::None),
                    false if place.take_room(frame.bytes.len()) => End::Response(self.hold(frame)),
                    false => self.outgrown(gathering),
                };
                self.requests.remove(id);
                self.end_fragment(gathering, ordinal, end);
            }
            (Role::Errand { errand }, _) => self.settle_errand(id, errand, frame),
            (Role::Parent { .. } | Role::Subscription | Role::Census { .. }, _) => {
                unreachable!("it is in no server's queue")
            }
        }
    }

    /// The last response of a client on a conn of its own, which has done its work.
    #[cold]
    fn settle_last(&mut self, id: RequestId, conn: Key, frame: Frame<'_>) {
        self.requests.get_mut(id).role = Role::Whole;
        self.end_pinned(conn, frame.bytes);
        self.settle(id, frame);
    }

    /// The end of a fragment whose response would make what is gathered more than may be.
    #[cold]
    fn outgrown(&self, gathering: u32) -> End {
        let parent = self.gatherings.get(gathering).parent;
        let client = self.requests.get(parent).client.expect("a parent leaves with its client");
        let pool = self.clients.get(client.key()).expect("a client in line is here").pool;
        self.pool_stats(pool).limit(LimitFigure::ResponseTooLarge).add(1);
        End::Failed(Box::new(CloseReason::too_large(self.response_bytes_max(pool))))
    }

    /// Most bytes of one response to a client of that pool.
    pub(crate) fn response_bytes_max(&self, pool: PoolId) -> usize {
        let limits = &self.pools[pool.0 as usize].config().limits;
        limits.response_bytes.min(RESPONSE_BYTES_MAX)
    }

    /// A fragment has ended; with the last of them its parent has.
    pub(crate) fn end_fragment(&mut self, gathering: u32, ordinal: u32, end: End) {
        let place = self.gatherings.get_mut(gathering);
        place.ends[ordinal as usize] = end;
        place.pending -= 1;
        if place.pending == 0 {
            self.finish_parent(gathering);
        }
    }

    /// All fragments have ended: the parent is answered in its turn, or forgotten with its client.
    pub(crate) fn finish_parent(&mut self, gathering: u32) {
        let parent = self.gatherings.get_mut(gathering).parent;
        if parent.is_none() {
            return self.forget_gathering(gathering);
        }
        let request = self.requests.get_mut(parent);
        request.answer = Answer::Gathered;
        let conn = request.client.expect("a parent leaves with its client");
        self.deliver_finished(conn);
    }

    /// Moves the finished front of a client's line to its outbox.
    pub(crate) fn deliver_finished(&mut self, conn: ConnId) {
        loop {
            let Some(client) = self.clients.get_mut(conn.key()) else { return };
            let (requests, holding) = (&mut self.requests, &mut self.holding);
            if !client.deliver_held(requests, holding, &mut self.spares) {
                break;
            }
            let front = client.line.pop(&mut self.requests);
            client.outstanding -= 1;
            let pool = client.pool;
            let request = self.requests.get(front);
            let (role, quiet) = (request.role, request.quiet);
            match (self.requests.remove(front), role) {
                (Answer::Failed(reason), _) => self.deliver_failure(conn, pool, &reason),
                (Answer::Gathered, Role::Parent { gathering }) if quiet == Quiet::All => {
                    self.forget_gathering(gathering);
                }
                (Answer::Gathered, Role::Parent { gathering }) => {
                    self.deliver_gathered(conn, pool, gathering);
                }
                other => unreachable!("not an answer: {other:?}"),
            }
        }
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        client.note_delivery(conn, &mut self.resuming, &mut self.flushes);
    }

    fn deliver_failure(&mut self, conn: ConnId, pool: PoolId, reason: &CloseReason) {
        self.pool_stats(pool).at(PoolFigure::ForwardError).add(1);
        let client = self.clients.get_mut(conn.key()).expect("its line was just popped");
        let tail = client.outbox.tail(0, &mut self.spares);
        self.pools[pool.0 as usize].config().protocol.error(reason.text(), tail);
    }

    /// Makes one response of the fragments' and appends it to the client's outbox.
    ///
    /// When fragments failed, the error of the first in the servers' order stands for the whole; a
    /// server's own error response is told as it is.
    fn deliver_gathered(&mut self, conn: ConnId, pool: PoolId, gathering: u32) {
        if self.gatherings.get(gathering).lack != Lack::Fails {
            self.make_up(conn, pool, gathering);
        }
        let place = self.gatherings.get_mut(gathering);
        let (kind, of_all) = (place.gather, place.of_all);
        let owners = std::mem::take(&mut place.owners);
        let ends = std::mem::take(&mut place.ends);
        let failure = ends.iter().enumerate().find_map(|(fragment, end)| match end {
            End::Failed(reason) => Some((fragment, reason)),
            End::Response(_) | End::Pending { .. } => None,
        });
        if let Some((fragment, reason)) = failure {
            match of_all {
                true => {
                    let named = self.failed_server(pool, ServerId(fragment as u32), reason);
                    self.deliver_failure(conn, pool, &named);
                }
                false => self.deliver_failure(conn, pool, reason),
            }
        } else {
            let mut on_stack = [&[][..]; GATHERED_ON_STACK];
            let mut on_heap = Vec::new();
            let responses: &mut [&[u8]] = match on_stack.get_mut(..ends.len()) {
                Some(responses) => responses,
                None => {
                    on_heap.resize(ends.len(), &[][..]);
                    &mut on_heap
                }
            };
            for (response, end) in responses.iter_mut().zip(&ends) {
                if let End::Response(held) = end {
                    *response = self.holding.bytes(held);
                }
            }
            let client = self.clients.get_mut(conn.key()).expect("its line was just popped");
            let (outbox, spares) = (&mut client.outbox, &mut self.spares);
            let bytes: usize = responses.iter().map(|response| response.len()).sum();
            let gathered = if bytes < SHARE_BYTES_MIN {
                // There is no piece that is worth sharing.
                let tail = outbox.tail(bytes, spares);
                gather::gather(kind, &owners, responses, |piece| {
                    tail.extend_from_slice(piece.bytes(responses));
                })
            } else {
                gather::gather(kind, &owners, responses, |piece| match piece {
                    Piece::Of { fragment, ref range }
                        if range.len() >= SHARE_BYTES_MIN
                            && let End::Response(Held::Shared(shared)) = &ends[fragment] =>
                    {
                        outbox.share(shared.slice(range.clone()));
                    }
                    piece => outbox.push(piece.bytes(responses), spares),
                })
            };
            match gathered {
                Ok(()) => {}
                Err(GatherError::Error { fragment }) => {
                    outbox.push(responses[fragment], spares);
                }
                Err(GatherError::WrongType { .. }) => {
                    let reason = CloseReason::Other("Invalid argument".into());
                    self.deliver_failure(conn, pool, &reason);
                }
            }
        }
        let place = self.gatherings.get_mut(gathering);
        place.owners = owners;
        place.ends = ends;
        self.forget_gathering(gathering);
    }

    /// Lets go of a split request whose fragments have all ended.
    fn forget_gathering(&mut self, gathering: u32) {
        let place = self.gatherings.get_mut(gathering);
        debug_assert_eq!(place.pending, 0, "no fragment refers to it any more");
        for end in place.ends.drain(..) {
            if let End::Response(held) = end {
                self.holding.release(held, &mut self.spares);
            }
        }
        self.gatherings.remove(gathering);
    }

    pub(crate) fn hold(&mut self, frame: Frame<'_>) -> Held {
        match frame.shared() {
            Some(shared) => Held::Shared(shared),
            None => self.holding.hold(frame.bytes, &mut self.spares),
        }
    }

    /// A server's answer to the handshake. Requests wait until all of it is right: with a wrong
    /// password they would be refused, with a wrong database they would hit strangers' keys. To the
    /// question whether it is there, any answer is right: its clients shall have the same.
    fn hear_greeting(&mut self, conn: ConnId, answer: &[u8], response: Response) {
        let outcome = response.outcome;
        let server = self.servers.get_mut(conn.key()).expect("it has just spoken");
        let State::Greeting(handshake) = server.state else { return };
        let is_last_asked = handshake.asks && handshake.due == 1;
        if outcome != Outcome::Fine && !is_last_asked {
            let text = error_text(answer).into();
            let pool = &self.pools[server.pool.0 as usize];
            let is_of_class = outcome == Outcome::Error && server.asks_for_class(pool);
            let reason = match is_of_class {
                true => CloseReason::Session(text),
                false => CloseReason::Handshake(text),
            };
            return self.close_server(conn, reason);
        }
        let protocol = self.pools[server.pool.0 as usize].config().protocol;
        let kinds = match is_last_asked {
            true => protocol.probe_kinds(),
            false => protocol.handshake_kinds(),
        };
        if !kinds.contain(response.kind) {
            return self.close_wrong_kind(conn, answer);
        }
        let State::Greeting(handshake) = &mut server.state else { return };
        handshake.due -= 1;
        if handshake.due == 0 {
            server.greet();
            self.mark_server_dirty(conn);
        }
    }

    /// Counts a failure of a server; it may leave the ring for it.
    pub(crate) fn record_failure(&mut self, pool: PoolId, server: ServerId) {
        match self.pools[pool.0 as usize].shared.health.record_failure(server, self.now) {
            Verdict::Stay => {}
            Verdict::Leave { away } => {
                self.pool_stats(pool).at(PoolFigure::ServerEjects).add(1);
                self.actions.push_back(Action::Report(Report::Ejected { pool, server, away }));
                self.pools[pool.0 as usize].refresh();
            }
        }
    }
}

/// The words of a Redis error, on one line: of several, a client would take each for a response.
pub(crate) fn error_text(error: &[u8]) -> String {
    let text = String::from_utf8_lossy(error);
    let text = match text.strip_prefix('!') {
        // A bulk error: its length, then its words.
        Some(bulk) => bulk.split_once('\n').map_or(bulk, |(_, words)| words),
        None => text.strip_prefix('-').unwrap_or(&text),
    };
    let text = text.trim();
    text.strip_prefix("ERR ").unwrap_or(text).replace(['\r', '\n'], " ")
}
