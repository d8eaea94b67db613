//! Requests with scripts: `EVAL`, `EVALSHA`, `SCRIPT LOAD` and `SCRIPT FLUSH`.
//!
//! A script that was loaded on all servers is missing on one that was away, or was started anew. When
//! such a server says so to an `EVALSHA`, and the script has come by here before, the request is sent
//! again with the script itself; the client sees the final answer alone. Nothing was run before, and
//! its place in the client's line is kept. What the client sent behind it may have been run
//! meanwhile.

use std::sync::Arc;

use nutcracker_proto::{Gather, Routed, Script, resp};

use crate::action::CloseReason;
use crate::bytes::frame::Frame;
use crate::bytes::held::Held;
use crate::engine::Engine;
use crate::errand::Errand;
use crate::ids::{ConnId, PoolId, ServerId};
use crate::many_keys::gathering::Lack;
use crate::many_keys::together::{Apart, Unplaced};
use crate::request::RequestId;

impl Engine {
    /// Sends a request with a script on its way.
    pub(crate) fn run_script(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        script: Script,
        frame: Frame<'_>,
        routed: &Routed,
    ) {
        let shared = Arc::clone(&self.pools[pool.0 as usize].shared);
        match script {
            Script::Body => {
                self.note_script(pool, frame);
                if routed.keys < 2 || shared.config.servers.len() == 1 {
                    self.forward(conn, pool, frame, routed);
                } else {
                    self.forward_together(conn, pool, frame, routed);
                }
            }
            Script::Digest => self.run_by_digest(conn, pool, frame, routed),
            Script::Load => {
                self.note_loaded_script(pool, frame);
                // A server that is away is told the script when it is asked for it.
                self.ask_all(conn, pool, frame, routed, (Gather::First, Lack::LeftOut));
            }
            Script::Flush => {
                shared.scripts.clear();
                self.ask_all(conn, pool, frame, routed, (Gather::Status, Lack::Fails));
            }
        }
    }

    /// Remembers the script that a request carries, wherever it goes.
    pub(crate) fn note_script(&self, pool: PoolId, frame: Frame<'_>) {
        if let Some(body) = resp::script_argument(frame.bytes) {
            self.pools[pool.0 as usize].shared.scripts.note(body);
        }
    }

    /// Remembers the script that a `SCRIPT LOAD` gives to the servers.
    pub(crate) fn note_loaded_script(&self, pool: PoolId, frame: Frame<'_>) {
        if let Some(body) = resp::loaded_script(frame.bytes) {
            self.pools[pool.0 as usize].shared.scripts.remember(body);
        }
    }

    /// Queues a request that names a script by its digest, and keeps a copy of it.
    fn run_by_digest(&mut self, conn: ConnId, pool: PoolId, frame: Frame<'_>, routed: &Routed) {
        let server = match self.server_of_all(pool, frame, routed) {
            Ok(server) => server,
            Err(Unplaced::Apart) => return self.refuse_apart(conn, pool, Apart::Request),
            Err(Unplaced::AllEjected) => {
                return self.fail_request(Some(conn), pool, CloseReason::Refused);
            }
        };
        // A copy would be of no use where the script is not known.
        let digest = resp::script_argument(frame.bytes).unwrap_or_default();
        if !self.pools[pool.0 as usize].shared.scripts.knows(digest) {
            return self.forward(conn, pool, frame, routed);
        }
        let server_conn = match self.open_conn(pool, server, conn) {
            Ok(server_conn) => server_conn,
            Err(reason) => return self.fail_request(Some(conn), pool, reason),
        };
        let kept = self.hold(frame);
        self.queue_errand(conn, server_conn, Errand::Script { server, kept }, frame, routed);
    }

    /// Sends the request in `kept` to `server` once more, with its script in the digest's place, if
    /// `response` says that the server does not know it. Says whether it did.
    pub(crate) fn send_with_script(
        &mut self,
        conn: ConnId,
        server: ServerId,
        request: RequestId,
        kept: &Held,
        response: Frame<'_>,
    ) -> bool {
        if !resp::is_unknown_script(response.bytes) {
            return false;
        }
        let pool = self.clients.get(conn.key()).expect("it waits in its line").pool;
        let digest = resp::script_argument(self.holding.bytes(kept)).unwrap_or_default();
        let Some(script) = self.pools[pool.0 as usize].shared.scripts.find(digest) else {
            return false;
        };
        let Ok(server_conn) = self.open_conn(pool, server, conn) else { return false };
        let kept = self.holding.bytes(kept);
        let server = self.servers.get_mut(server_conn.key()).expect("it is open");
        let before = server.outbox.len();
        let tail = server.tail(kept.len() + script.len(), &mut self.spares);
        resp::with_script(kept, &script, tail);
        let bytes = server.outbox.len() - before;
        self.requests.get_mut(request).is_shared = false;
        self.enqueue(server_conn, request, bytes);
        true
    }
}
