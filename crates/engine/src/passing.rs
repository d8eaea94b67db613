//! Responses that are more than may be held: given up, and passed over as they come.
//!
//! Whose it is gets an error at once, and the conn stays in step for those who share it. Where that cannot be done,
//! the conn is [closed](Engine::close_too_large).

use nutcracker_proto::{Kind, Passed, Rest};

use crate::action::{CloseReason, Found};
use crate::engine::Engine;
use crate::ids::ConnId;
use crate::server::{State, Tenancy};
use crate::stats::{LimitFigure, ServerFigure};

/// A response that is passed over. Its request has ended.
#[derive(Debug)]
pub(crate) struct Passing {
    rest: Rest,
    /// Bytes that it may have from here on.
    bytes_left: usize,
}

impl Engine {
    /// Gives up the response that `said` begins, which is more than may be held: its client is told so, and what is left
    /// of it is passed over. Says whether that can be done.
    #[cold]
    pub(crate) fn give_up_response(&mut self, conn: ConnId, said: &[u8]) -> bool {
        let server = self.servers.get_mut(conn.key()).expect("it has just spoken");
        let beyond = self.pools[server.pool.0 as usize].config().limits.passed_over_bytes;
        let bytes_max = server.response_bytes_max.saturating_add(beyond);
        let bytes_known = said.len().saturating_add(server.missing);
        if bytes_known > bytes_max {
            return false;
        }
        let mut parser = server.parser.clone();
        let Some((kind, rest)) = parser.give_up(said) else { return false };
        if !self.may_give_up(conn, kind) {
            return false;
        }
        let server = self.servers.get_mut(conn.key()).expect("it was just looked at");
        server.parser = parser;
        server.passing = Some(Passing { rest, bytes_left: bytes_max });
        self.end_given_up(conn, 0);
        true
    }

    /// Whether the response at the front of that conn, of that kind, can be given up and the conn be kept: it belongs
    /// to a request, for all that is known, and others depend on the conn.
    pub(crate) fn may_give_up(&self, conn: ConnId, kind: Kind) -> bool {
        let server = self.servers.get(conn.key()).expect("it has just spoken");
        server.state == State::Ready
            && matches!(server.tenancy, Tenancy::Shared { .. } | Tenancy::Leaving)
            && server.awaits_response()
            && self.requests.get(server.queue.front()).kinds.contain(kind)
    }

    /// Ends the request whose response is given up. It has so many bytes; or none that are counted here, but as they pass.
    pub(crate) fn end_given_up(&mut self, conn: ConnId, bytes: usize) {
        let server = self.servers.get_mut(conn.key()).expect("it has just spoken");
        let (pool, server_id) = (server.pool, server.server);
        let reason = CloseReason::too_large(server.response_bytes_max);
        let id = self.take_answered(conn, bytes);
        self.pools[pool.0 as usize].shared.health.record_success(server_id);
        self.pool_stats(pool).limit(LimitFigure::ResponseTooLarge).add(1);
        self.fail(id, &reason);
    }

    /// Passes over what `bytes` have of a response that was given up. `None` where the conn is closed over it.
    #[cold]
    pub(crate) fn pass_response(&mut self, conn: ConnId, bytes: &[u8]) -> Option<Passed> {
        let server = self.servers.get_mut(conn.key()).expect("it has just spoken");
        let passing = server.passing.as_mut().expect("the caller has seen it");
        let passed = match passing.rest.pass(bytes) {
            Ok(passed) => passed,
            Err(error) => {
                let found = Found::in_front_of(bytes);
                self.close_server(conn, CloseReason::Protocol { error, found });
                return None;
            }
        };
        server.missing = 1;
        let more = passed.len.saturating_add(passing.rest.skips());
        if more > passing.bytes_left {
            self.close_server(conn, CloseReason::GivenUp);
            return None;
        }
        passing.bytes_left -= passed.len;
        if passed.is_end {
            server.passing = None;
        }
        let (pool, server_id) = (server.pool, server.server);
        let stats = self.server_stats(pool, server_id);
        stats.at(ServerFigure::ResponseBytes).add(passed.len as i64);
        Some(passed)
    }
}
