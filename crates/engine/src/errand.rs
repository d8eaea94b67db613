//! What is to be done with a response before its client gets it, and what must be kept for that.
//!
//! An ordinary request needs none of this: its role says so, and it pays nothing. One with an errand
//! has a place in a side table, where a copy of its bytes may lie until it is answered.

use nutcracker_proto::{Audience, Routed};

use crate::bytes::frame::Frame;
use crate::bytes::held::Held;
use crate::engine::Engine;
use crate::ids::{ConnId, Key, ServerId, Side};
use crate::own::aside::Aside;
use crate::request::{Request, RequestId, Role};

/// What is to be done with a request's response.
#[derive(Debug)]
pub(crate) enum Errand {
    /// It is this server's answer to a `SCAN`: its cursor becomes one of the pool.
    Scan {
        /// The server.
        server: ServerId,
    },
    /// It may say that the server does not know the script: the request is sent again with it.
    Script {
        /// The server.
        server: ServerId,
        /// The request's bytes.
        kept: Held,
    },
    /// It is the last answer of that pinned conn, to an `EXEC`: it gets the proxy's own answers.
    Exec {
        /// The conn.
        pinned: Key,
        /// What the proxy answers.
        asides: Vec<Aside>,
    },
    /// It counts subscribers at this server: the numbers are corrected.
    Audience {
        /// The server.
        server: ServerId,
        /// Whom it counts.
        audience: Audience,
        /// The channel, for an answer that does not name it.
        channel: Held,
    },
}

impl Errand {
    /// What is kept for it in the chunks.
    fn into_kept(self) -> Option<Held> {
        match self {
            Self::Script { kept, .. } | Self::Audience { channel: kept, .. } => Some(kept),
            Self::Scan { .. } | Self::Exec { .. } => None,
        }
    }

    /// Bytes kept for it.
    pub(crate) fn kept_bytes(&self) -> usize {
        match self {
            Self::Scan { .. } => 0,
            Self::Script { kept, .. } | Self::Audience { channel: kept, .. } => kept.len(),
            Self::Exec { asides, .. } => asides.iter().map(Aside::kept_bytes).sum(),
        }
    }
}

impl Engine {
    /// Queues a request, whole, whose response has an errand.
    pub(crate) fn queue_errand(
        &mut self,
        conn: ConnId,
        server_conn: ConnId,
        errand: Errand,
        frame: Frame<'_>,
        routed: &Routed,
    ) {
        let errand = self.errands.insert(errand);
        let mut request = Request::new(Some(conn), Role::Errand { errand }, routed.command.kinds);
        request.quiet = routed.meta.quiet;
        let request = self.requests.insert(request);
        self.put_in_line(conn, request);
        self.queue_frame(server_conn, request, frame, routed);
    }

    /// The response to a request with an errand.
    #[cold]
    pub(crate) fn settle_errand(&mut self, id: RequestId, errand: Key, frame: Frame<'_>) {
        let errand = self.errands.remove(errand).expect("its request is outstanding");
        let request = self.requests.get_mut(id);
        request.role = Role::Whole;
        let client = request.client;
        match (errand, client) {
            (Errand::Scan { server }, Some(conn)) => {
                let answer = self.scan_answer(conn, server, frame);
                self.settle(id, Frame::borrowed(&answer));
            }
            (Errand::Scan { .. }, None) => self.settle(id, frame),
            (Errand::Script { server, kept }, client) => {
                let again = client
                    .is_some_and(|conn| self.send_with_script(conn, server, id, &kept, frame));
                self.holding.release(kept, &mut self.spares);
                if !again {
                    self.settle(id, frame);
                }
            }
            (Errand::Exec { pinned, asides }, client) => {
                // Not a null, which says that nothing was run.
                let ran = matches!(frame.bytes, [b'*', b'0'..=b'9', ..]);
                if ran && asides.iter().any(Aside::moves_conn) {
                    self.retire(ConnId::new(Side::Server, pinned));
                } else {
                    self.end_pinned(pinned, frame.bytes);
                }
                match client.and_then(|conn| self.exec_answer(conn, &asides, frame.bytes)) {
                    Some(answer) => self.settle(id, Frame::borrowed(&answer)),
                    None => self.settle(id, frame),
                }
            }
            (Errand::Audience { server, audience, channel }, client) => {
                let answer =
                    client.and_then(|conn| self.recount(conn, server, audience, &channel, frame));
                self.holding.release(channel, &mut self.spares);
                self.settle(id, answer.as_deref().map_or(frame, Frame::borrowed));
            }
        }
    }

    /// The request gets no response: what was kept is let go, and the request is as any other.
    pub(crate) fn drop_errand(&mut self, id: RequestId, errand: Key) {
        let errand = self.errands.remove(errand).expect("its request is outstanding");
        if let Some(kept) = errand.into_kept() {
            self.holding.release(kept, &mut self.spares);
        }
        self.requests.get_mut(id).role = Role::Whole;
    }
}
