//! How conns end, and what becomes of the requests on them.

use nutcracker_proto::Quiet;

use crate::action::{Action, CloseReason, Found, Report};
use crate::bytes::held::Held;
use crate::clients::client::{Farewell, Until};
use crate::clients::session::ClassId;
use crate::engine::Engine;
use crate::ids::{ConnId, PoolId, ServerId};
use crate::loss::repeat::Again;
use crate::many_keys::gathering::End;
use crate::request::{Answer, RequestId, Role};
use crate::server::{State, Tenancy};
use crate::stats::{FaultFigure, LimitFigure, PoolFigure, ServerFigure};
use crate::time::tick::Tick;

/// A server conn that is no more.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) pool: PoolId,
    pub(crate) server: ServerId,
    /// Whose it was.
    pub(crate) tenancy: Tenancy,
    /// What its clients agreed on.
    pub(crate) class: ClassId,
    /// Nothing was asked of it.
    pub(crate) idle: bool,
    /// It was never connected.
    pub(crate) was_connecting: bool,
    /// Requests that were on it.
    pub(crate) failed: usize,
    /// Those of them that have not failed yet, in their order.
    pub(crate) again: Vec<Again>,
}

impl Engine {
    /// No more requests of this client: what is due goes out, then it is closed.
    pub(crate) fn say_farewell(&mut self, conn: ConnId, farewell: Farewell) {
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        // The first reason stands: a client that misbehaved and then left has misbehaved.
        if !client.will_close() {
            client.closing = Some(farewell);
        }
        client.inbox.clear(&mut self.spares);
        self.close_if_settled(conn);
    }

    /// Closes a client that is leaving once nothing is due to it.
    pub(crate) fn close_if_settled(&mut self, conn: ConnId) {
        let Some(client) = self.clients.get(conn.key()) else { return };
        if client.will_close() && client.is_settled() {
            self.drop_client(conn, CloseReason::Eof);
        }
    }

    /// Forgets a client. Its requests in flight stay in their servers' queues; their responses will
    /// be discarded, and nobody else's.
    pub(crate) fn drop_client(&mut self, conn: ConnId, reason: CloseReason) {
        let Some(mut client) = self.clients.remove(conn.key()) else { return };
        client.outbox.clear(&mut self.spares);
        client.inbox.clear(&mut self.spares);
        self.forget_subscriber(conn, &mut client);
        if client.until == Until::Room {
            self.crowd.forget(conn);
        }
        let own = client.own.take();
        loop {
            let id = client.line.pop(&mut self.requests);
            if id.is_none() {
                break;
            }
            self.orphan(id);
        }
        self.leave_own(own);
        let asked = match client.closing {
            Some(Farewell::Asked | Farewell::Stopping) => true,
            Some(Farewell::Misbehaved) => false,
            Some(Farewell::HandedOver) | None => reason == CloseReason::Eof,
        };
        let figure = if asked { PoolFigure::ClientEof } else { PoolFigure::ClientErr };
        let stats = self.pool_stats(client.pool);
        stats.at(figure).add(1);
        stats.at(PoolFigure::ClientConnections).add(-1);
        self.stats.curr_connections.add(-1);
        self.actions.push_back(Action::Close { conn, pool: client.pool });
    }

    /// A request whose client is gone: an answer that is here is dropped, one that is to come will
    /// be.
    fn orphan(&mut self, id: RequestId) {
        let request = self.requests.get_mut(id);
        match (request.role, &request.answer) {
            (Role::Whole | Role::Errand { .. } | Role::Last { .. }, Answer::Awaited) => {
                request.client = None;
            }
            (Role::Parent { gathering }, answer) => {
                let finished = !matches!(answer, Answer::Awaited);
                self.requests.remove(id);
                self.gatherings.get_mut(gathering).parent = RequestId::NONE;
                if finished {
                    self.finish_parent(gathering);
                }
            }
            (Role::Whole | Role::Last { .. }, _) => {
                if let Answer::Held(held) = self.requests.remove(id) {
                    self.holding.release(held, &mut self.spares);
                }
            }
            (Role::Subscription, _) => {
                self.requests.remove(id);
            }
            (Role::Census { ask }, _) => {
                self.requests.remove(id);
                self.census.forget(ask);
            }
            (Role::Errand { .. }, _) => unreachable!("an errand ends with the answer"),
            (Role::Fragment { .. } | Role::Begin { .. } | Role::Noreply, _) => {
                unreachable!("it is in no client's line")
            }
        }
    }

    /// Forgets a server conn and fails all that was queued or in flight on it, but for what may be queued
    /// anew (see `repeat.rs`). It counts as one failure of the server, unless the server closed it in
    /// good order while nothing was asked of it, which is a server tidying up, or refused what its
    /// clients chose for themselves, which is their affair; and unless it could not be opened, or be kept, for a
    /// reason that is this machine's own. Where nobody listens right after a server closed a conn so, it was
    /// not tidying up, and both ends count.
    pub(crate) fn close_server(&mut self, conn: ConnId, reason: CloseReason) {
        let Some(ended) = self.take_down(conn, &reason) else { return };
        if ended.was_connecting && ended.tenancy != Tenancy::Successor {
            self.note_vain_connect(&ended, &reason);
        }
        let Ended { pool, server, tenancy, idle, was_connecting, failed, again, .. } = ended;
        self.server_stats(pool, server)
            .at(match reason {
                CloseReason::Eof => ServerFigure::ServerEof,
                CloseReason::TimedOut => ServerFigure::ServerTimedout,
                _ => ServerFigure::ServerErr,
            })
            .add(1);
        if was_connecting {
            self.pool_stats(pool).fault(FaultFigure::ConnectFailed).add(1);
        } else if reason == CloseReason::TimedOut {
            self.pool_stats(pool).fault(FaultFigure::RequestTimedout).add(1);
        }
        if tenancy == Tenancy::Successor {
            return self.record_vain_move(pool, server, reason);
        }
        let is_session = matches!(reason, CloseReason::Session(_));
        let is_ours = reason.is_ours();
        let has_tidied = idle && reason == CloseReason::Eof;
        if has_tidied && tenancy != Tenancy::Leaving {
            self.pools[pool.0 as usize].shared.health.note_departure(server, self.now);
        }
        if !(has_tidied || is_session) {
            let report = Report::ServerClosed { pool, server, reason: reason.clone(), failed };
            self.actions.push_back(Action::Report(report));
            if tenancy != Tenancy::Leaving && !is_ours {
                // A server that dies takes conns for a while still, and resets them.
                let shared = &self.pools[pool.0 as usize].shared;
                let is_late = reason == CloseReason::TimedOut && !was_connecting;
                if is_late || shared.config.retries.after(&reason, !was_connecting) > 0 && !idle {
                    shared.health.note_silence(server);
                }
                let is_gone = was_connecting && reason == CloseReason::Refused;
                if is_gone && shared.health.take_departure(server, self.now) {
                    self.record_failure(pool, server);
                }
                self.record_failure(pool, server);
            }
        }
        // Behind the failure: if it ejects the server, they belong elsewhere.
        if !again.is_empty() {
            self.send_again((pool, server), again, &reason.of_others(), !was_connecting);
        }
    }

    /// The server has said what nobody asked for: nothing that it says on that conn can be believed.
    #[cold]
    pub(crate) fn close_unasked(&mut self, conn: ConnId, said: &[u8]) {
        self.close_server(conn, CloseReason::Unasked(Found::in_front_of(said)));
    }

    /// What the server says, of which this is the beginning, is more than may be held.
    #[cold]
    pub(crate) fn close_too_large(&mut self, conn: ConnId, said: &[u8]) {
        let server = self.servers.get(conn.key()).expect("it has just spoken");
        if !server.awaits_response() && server.tenancy != Tenancy::Listener {
            return self.close_unasked(conn, said);
        }
        self.pool_stats(server.pool).limit(LimitFigure::ResponseTooLarge).add(1);
        self.close_server(conn, CloseReason::too_large(server.response_bytes_max));
    }

    /// The server has answered a request with what it never gets. Whatever went wrong, none of those that
    /// wait can be sure of its own answer from here on.
    #[cold]
    pub(crate) fn close_wrong_kind(&mut self, conn: ConnId, said: &[u8]) {
        self.close_server(conn, CloseReason::WrongKind(Found::in_front_of(said)));
    }

    /// Forgets a server conn and fails all that was queued or in flight on it, but for those that may get
    /// another chance: they are the caller's to see to. Nobody is to blame.
    pub(crate) fn take_down(&mut self, conn: ConnId, reason: &CloseReason) -> Option<Ended> {
        let mut server = self.servers.remove(conn.key())?;
        let (pool, id) = (server.pool, server.server);
        if self.crowd.unmark(&mut server) {
            self.let_on();
        }
        if server.takes_room() {
            self.pools[pool.0 as usize].shared.room.give_back();
        }
        match server.tenancy {
            Tenancy::Shared { slot } => self.pools[pool.0 as usize].set_conn(slot, None),
            Tenancy::Own { client } => self.lose_pinned(conn, pool, client),
            Tenancy::Kept => self.forget_kept(conn, pool, id, server.class),
            Tenancy::Probe => {
                self.end_probe(server, conn, reason.clone());
                return None;
            }
            Tenancy::Listener => self.close_listener(pool, id, reason),
            Tenancy::Successor | Tenancy::Leaving => {}
        }
        if server.alarm != Tick::NEVER {
            self.alarms.remove(server.alarm, conn);
        }

        let others = reason.of_others();
        let mut chances = self.chances(&server, &others);
        if others != *reason
            && let Some(front) = chances.front_mut()
        {
            // To send it again would bring the same.
            *front = None;
        }
        let mut told = reason;
        let mut again = Vec::new();
        server.outbox.clear(&mut self.spares);
        server.inbox.clear(&mut self.spares);
        let idle = server.queue.is_empty();
        let mut failed = 0;
        let (mut queued, mut queued_bytes) = (0, 0);
        let (mut flying, mut flying_bytes) = (0, 0);
        while let Some((request, in_flight)) = server.pop(&mut self.requests) {
            let bytes = i64::from(self.requests.get(request).bytes);
            if in_flight {
                flying += 1;
                flying_bytes += bytes;
            } else {
                queued += 1;
                queued_bytes += bytes;
            }
            failed += 1;
            match chances.pop_front().flatten() {
                Some(chance) => again.push(chance),
                None => self.fail(request, told),
            }
            told = &others;
        }

        let stats = self.server_stats(pool, id);
        stats.at(ServerFigure::InQueue).add(-queued);
        stats.at(ServerFigure::InQueueBytes).add(-queued_bytes);
        stats.at(ServerFigure::OutQueue).add(-flying);
        stats.at(ServerFigure::OutQueueBytes).add(-flying_bytes);
        let was_connecting = matches!(server.state, State::Connecting { .. });
        if !was_connecting {
            stats.at(ServerFigure::ServerConnections).add(-1);
        }
        self.stats.curr_connections.add(-1);
        self.actions.push_back(Action::Close { conn, pool });
        let tenancy = server.tenancy;
        let class = server.class;
        Some(Ended { pool, server: id, tenancy, class, idle, was_connecting, failed, again })
    }

    /// A request that will have no response.
    pub(crate) fn fail(&mut self, id: RequestId, reason: &CloseReason) {
        let request = self.requests.get_mut(id);
        if let Role::Errand { errand } = request.role {
            self.drop_errand(id, errand);
            return self.fail(id, reason);
        }
        match (request.role, request.client) {
            (Role::Whole | Role::Last { .. }, None) | (Role::Begin { .. }, _) => {
                self.requests.remove(id);
            }
            (Role::Noreply, _) => self.end_noreply(id),
            (Role::Whole | Role::Last { .. }, Some(conn)) => {
                request.answer = match request.quiet {
                    Quiet::All => Answer::Held(Held::None),
                    _ => Answer::Failed(Box::new(reason.clone())),
                };
                self.deliver_finished(conn);
            }
            (Role::Fragment { gathering, ordinal }, _) => {
                self.requests.remove(id);
                self.end_fragment(gathering, ordinal, End::Failed(Box::new(reason.clone())));
            }
            (
                Role::Parent { .. }
                | Role::Subscription
                | Role::Census { .. }
                | Role::Errand { .. },
                _,
            ) => unreachable!("it is in no server's queue, and an errand was seen to"),
        }
    }
}
