//! Asides: commands of a transaction that the proxy answers itself.
//!
//! The server queues a `PING` in the place of each, so that its answer to `EXEC` has an element there.
//! When that comes, the proxy does what was asked and puts its own answers in these places; when the
//! server has run nothing, nothing is done here either.
//!
//! ```text
//! client              proxy                              pinned conn
//! CLIENT SETNAME me   +QUEUED is the server's            PING
//! GET a                                                  GET a
//! EXEC                                                   *2 +PONG $1 v
//!                     the name is changed; *2 +OK $1 v
//! ```
//! `SELECT` is of both: the server gets it as it is, and with its `+OK` the client is in that database
//! here too. The conn is then no longer what the next client expects, and is closed.
//!
//! One that would be answered with an error fails the transaction, as one that a server will not queue
//! does. So do those whose answer is not at hand when `EXEC`'s is (`CLIENT LIST`), or which change how
//! that is told (`HELLO`, `CLIENT REPLY`).

use nutcracker_proto::resp::local::{self, ClientAsk};
use nutcracker_proto::{Local, Routed, resp};

use crate::bytes::frame::Frame;
use crate::engine::Engine;
use crate::errand::Errand;
use crate::ids::{ConnId, PoolId};
use crate::limits::TRANSACTION_KEPT_BYTES_MAX;
use crate::own::transaction::NOT_INSIDE;
use crate::request::{Request, Role};

/// One of them, in a transaction.
#[derive(Debug)]
pub(crate) struct Aside {
    /// How many commands are queued before it.
    place: usize,
    local: Local,
    frame: Box<[u8]>,
}

impl Aside {
    /// Whether it moves the conn to another database.
    pub(crate) fn moves_conn(&self) -> bool {
        self.local == Local::Select
    }

    /// Bytes kept for it.
    pub(crate) const fn kept_bytes(&self) -> usize {
        size_of::<Self>() + self.frame.len()
    }
}

/// What the server queues instead.
const STAND_IN: &[u8] = b"*1\r\n$4\r\nPING\r\n";

const TOO_MANY: &str = "too much is queued in the transaction that the proxy answers itself";

impl Engine {
    /// Queues a command that the proxy answers itself.
    pub(crate) fn queue_aside(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        local: Local,
        frame: Frame<'_>,
        routed: &Routed,
    ) {
        let refusal = match local {
            Local::Client => match local::parse_client(local::words(frame.bytes).skip(1)) {
                Err(refusal) => Some(format!("-{refusal}\r\n").into_bytes()),
                Ok(
                    ClientAsk::List(_)
                    | ClientAsk::Kill(_)
                    | ClientAsk::KillAddress(_)
                    | ClientAsk::Reply(_),
                ) => return self.refuse_command(conn, pool, NOT_INSIDE),
                Ok(_) => None,
            },
            Local::Select => {
                let config = self.pools[pool.0 as usize].config();
                let word = local::words(frame.bytes).nth(1).unwrap_or_default();
                let parsed = local::parse_select(word, config.databases, config.database);
                parsed.err().map(|refusal| format!("-{refusal}\r\n").into_bytes())
            }
            // The others change nothing, so it can be seen what they come to.
            _ => self.local_answer(conn, pool, local, frame.bytes).filter(|it| it[0] == b'-'),
        };
        if let Some(refusal) = refusal {
            self.fail_transaction(conn);
            return self.answer(conn, &refusal);
        }
        let client = self.clients.get(conn.key()).expect("it sent the request");
        let kept: usize = client.asides().iter().map(Aside::kept_bytes).sum();
        if kept + frame.bytes.len() > TRANSACTION_KEPT_BYTES_MAX {
            return self.refuse_command(conn, pool, TOO_MANY);
        }
        let place = client.queued_commands().expect("it is in a transaction");
        let queued = if local == Local::Select { frame } else { Frame::borrowed(STAND_IN) };
        self.queue_command(conn, pool, queued, routed);
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        if client.queued_commands() > Some(place) {
            client.push_aside(Aside { place, local, frame: frame.bytes.into() });
        }
    }

    /// Sends an `EXEC` in whose answer these have their places.
    pub(crate) fn send_exec(
        &mut self,
        pinned: ConnId,
        frame: Frame<'_>,
        conn: ConnId,
        asides: Vec<Aside>,
    ) {
        if asides.is_empty() {
            return self.send_last(pinned, frame, Some(conn), resp::TRANSACTIONS);
        }
        let errand = self.errands.insert(Errand::Exec { pinned: pinned.key(), asides });
        let request = Request::new(Some(conn), Role::Errand { errand }, resp::TRANSACTIONS);
        let deadline = self.ordinary_deadline(pinned);
        self.send_pinned(pinned, frame, request, deadline);
    }

    /// What the client is told when the server answered its `EXEC` with `response`; `None` for that as
    /// it is, because nothing was run.
    pub(crate) fn exec_answer(
        &mut self,
        conn: ConnId,
        asides: &[Aside],
        response: &[u8],
    ) -> Option<Vec<u8>> {
        let pool = self.clients.get(conn.key()).expect("it waits in its line").pool;
        let places: Vec<usize> = asides.iter().map(|aside| aside.place).collect();
        let mut asides = asides.iter();
        resp::with_elements(response, &places, |of_server, out| {
            let Aside { local, frame, .. } = asides.next().expect("one a place");
            if *local == Local::Select && of_server.first() != Some(&b'+') {
                return out.extend_from_slice(of_server);
            }
            let answer = self.local_answer(conn, pool, *local, frame);
            out.extend_from_slice(&answer.expect("those that come later are not queued"));
        })
    }
}
