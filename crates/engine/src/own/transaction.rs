//! Transactions: `WATCH`, `MULTI`, what is queued in between, and how it ends.
//!
//! ```text
//! client            proxy                                    pinned conn
//! MULTI             +OK, said here                           -
//! PING              +QUEUED, said here; the frame is kept    -
//! SET a 1           the server of `a` is chosen              MULTI, PING, SET a 1
//! GET b             b lives elsewhere: an error              -
//! EXEC              -EXECABORT, said here                    DISCARD
//! ```
//! A transaction is of one server: that of its first key, or of the keys that were watched before. What
//! the server would have queued and did not get makes the whole fail, as an error of the server's own
//! does. Not one of its commands is ever run outside it. What the proxy itself answers is in `aside.rs`.

use nutcracker_proto::{Kinds, Local, Routed, Script, Transaction as Step, Travel, resp};

use crate::action::{CloseReason, Report};
use crate::bytes::frame::Frame;
use crate::clients::client::ClientConn;
use crate::clients::session::Lane;
use crate::engine::Engine;
use crate::ids::{ConnId, Key, PoolId, ServerId, Side};
use crate::limits::TRANSACTION_KEPT_BYTES_MAX;
use crate::many_keys::together::{Apart, Unplaced};
use crate::own::aside::Aside;
use crate::own::{Own, Watch};
use crate::request::{Request, Role};

/// What is between `MULTI` and its end.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    course: Course,
    /// Commands without a key that came before the first key, one behind the other.
    kept: Vec<u8>,
    /// How long each of them is, bytes.
    lengths: Vec<usize>,
    /// How many commands `EXEC` will run.
    queued: usize,
    /// Those of them that the proxy answers itself.
    asides: Vec<Aside>,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Course {
    /// `EXEC` will run it.
    #[default]
    Open,
    /// A command was refused: `EXEC` will discard it.
    Failed,
    /// The conn on which it began, or on which its keys were watched, has ended.
    Lost,
}

/// Redis' own words.
const OK: &[u8] = b"+OK\r\n";
const QUEUED: &[u8] = b"+QUEUED\r\n";
const NOTHING_RUN: &[u8] = b"*0\r\n";
const NESTED: &[u8] = b"-ERR MULTI calls can not be nested\r\n";
const WATCH_INSIDE: &[u8] = b"-ERR WATCH inside MULTI is not allowed\r\n";
const EXEC_OUTSIDE: &[u8] = b"-ERR EXEC without MULTI\r\n";
const DISCARD_OUTSIDE: &[u8] = b"-ERR DISCARD without MULTI\r\n";
const ABORTED: &[u8] = b"-EXECABORT Transaction discarded because of previous errors.\r\n";

/// What the proxy says to servers.
const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const DISCARD: &[u8] = b"*1\r\n$7\r\nDISCARD\r\n";

/// In the proxy's own.
pub(crate) const NOT_INSIDE: &str =
    "this command cannot be part of a transaction through the proxy";
const TOO_MUCH_KEPT: &str = "too much is queued before the first key of the transaction";
const LOST: &str = "the transaction is lost: its server connection has ended";
const WATCH_LOST: &str =
    "the watched keys are lost: their server connection has ended, UNWATCH first";

impl Transaction {
    /// Its conn has ended.
    pub(crate) fn lose(&mut self) {
        self.course = Course::Lost;
    }

    fn fail(&mut self) {
        if self.course == Course::Open {
            self.course = Course::Failed;
        }
    }
}

impl ClientConn {
    /// Whether it is between `MULTI` and its end.
    pub(crate) fn is_in_transaction(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.transaction.is_some())
    }

    /// Bytes of the commands that are kept for its transaction.
    pub(crate) fn kept_bytes(&self) -> usize {
        let transaction = self.own.as_ref().and_then(|own| own.transaction.as_ref());
        transaction.map_or(0, |transaction| {
            let asides: usize = transaction.asides.iter().map(Aside::kept_bytes).sum();
            transaction.kept.capacity() + asides
        })
    }

    /// The commands of its transaction that the proxy answers itself.
    pub(crate) fn asides(&self) -> &[Aside] {
        let transaction = self.own.as_ref().and_then(|own| own.transaction.as_ref());
        transaction.map_or(&[], |transaction| &transaction.asides)
    }

    /// One more of them, which has just been queued.
    pub(crate) fn push_aside(&mut self, aside: Aside) {
        self.transaction().expect("it is in a transaction").asides.push(aside);
    }

    /// How many commands its transaction has, if it is in one.
    pub(crate) fn queued_commands(&self) -> Option<usize> {
        let transaction = self.own.as_ref()?.transaction.as_ref();
        transaction.map(|transaction| transaction.queued)
    }

    fn transaction(&mut self) -> Option<&mut Transaction> {
        self.own.as_mut()?.transaction.as_mut()
    }
}

impl Engine {
    /// A step of a transaction, of a client that is in none.
    pub(crate) fn take_step(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        step: Step,
        frame: Frame<'_>,
        routed: &Routed,
    ) {
        match step {
            Step::Begin => self.begin(conn),
            Step::Commit => self.answer(conn, EXEC_OUTSIDE),
            Step::Discard => self.answer(conn, DISCARD_OUTSIDE),
            Step::Watch => self.watch(conn, pool, frame, routed),
            Step::Unwatch => self.unwatch(conn, frame),
        }
    }

    /// A request of a client whose requests go over a conn of its own. Says whether it was one of a
    /// transaction, and is dealt with.
    pub(crate) fn queue_in_transaction(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        frame: Frame<'_>,
        routed: &Routed,
    ) -> bool {
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        if !client.is_in_transaction() {
            return false;
        }
        let config = self.pools[pool.0 as usize].config();
        let is_only_server = config.servers.len() == 1;
        match routed.command.travel {
            Travel::Here(Local::Quit) => return false,
            Travel::Transaction(Step::Begin) => self.answer(conn, NESTED),
            Travel::Transaction(Step::Watch) => self.answer(conn, WATCH_INSIDE),
            Travel::Transaction(Step::Commit) => self.commit(conn, pool, frame),
            Travel::Transaction(Step::Discard) => self.discard(conn, frame),
            Travel::OneServer
            | Travel::Split(_)
            | Travel::Anywhere
            | Travel::Blocking(_)
            | Travel::Script(Script::Digest)
            // The answer is part of the transaction's, which is the server's as it is.
            | Travel::Audience(_)
            | Travel::Transaction(Step::Unwatch)
            | Travel::Here(Local::Ping | Local::Echo | Local::Time) => {
                self.queue_command(conn, pool, frame, routed);
            }
            Travel::Sorted => match self.refuse_patterns(pool, frame, routed) {
                Some(text) => self.refuse_command(conn, pool, &text),
                None => self.queue_command(conn, pool, frame, routed),
            },
            Travel::Script(Script::Body) => {
                self.note_script(pool, frame);
                self.queue_command(conn, pool, frame, routed);
            }
            Travel::Refused(reason) => self.refuse_command(conn, pool, reason),
            Travel::Here(
                local @ (Local::Client
                | Local::Select
                | Local::Command
                | Local::Config
                | Local::Info
                | Local::Cluster),
            ) => self.queue_aside(conn, pool, local, frame, routed),
            // What is asked of all servers is asked of the only one.
            Travel::AllServers(_) | Travel::Scan if is_only_server => {
                self.queue_command(conn, pool, frame, routed);
            }
            Travel::Flush if is_only_server && config.allow_flush => {
                self.queue_command(conn, pool, frame, routed);
            }
            Travel::Script(Script::Load) if is_only_server => {
                self.note_loaded_script(pool, frame);
                self.queue_command(conn, pool, frame, routed);
            }
            Travel::AllServers(_)
            | Travel::Flush
            | Travel::Scan
            | Travel::Script(Script::Load | Script::Flush)
            | Travel::Subscription(_)
            | Travel::Here(_) => self.refuse_command(conn, pool, NOT_INSIDE),
        }
        true
    }

    /// The parser refused a request of that client, with `answer`: a transaction that it is in fails, or
    /// ends if that is what the answer says.
    pub(crate) fn hear_refusal(&mut self, conn: ConnId, answer: &[u8]) {
        if answer.starts_with(b"-EXECABORT ") {
            self.abort(conn);
        } else {
            self.fail_transaction(conn);
        }
    }

    /// Ends the transaction of that client, if it is in one, and nothing of it is run.
    fn abort(&mut self, conn: ConnId) {
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        if !client.is_in_transaction() {
            return;
        }
        if let Some(pinned) = client.own.take().and_then(|own| own.conn) {
            self.send_last(pinned, Frame::borrowed(DISCARD), None, resp::STATUSES);
        }
    }

    /// A request of that client was refused: a transaction that it is in fails.
    pub(crate) fn fail_transaction(&mut self, conn: ConnId) {
        let client = self.clients.get_mut(conn.key());
        if let Some(transaction) = client.and_then(ClientConn::transaction) {
            transaction.fail();
        }
    }

    /// Refuses a command, and with it the transaction that it may be in.
    #[cold]
    pub(crate) fn refuse_command(&mut self, conn: ConnId, pool: PoolId, text: &str) {
        self.fail_transaction(conn);
        let mut answer = Vec::new();
        self.pools[pool.0 as usize].config().protocol.error(text, &mut answer);
        self.answer(conn, &answer);
    }

    /// `MULTI`. Nothing is asked of a server, unless keys are watched there.
    fn begin(&mut self, conn: ConnId) {
        self.leave_other_class(conn);
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        client.lane = Lane::Own;
        let own = client.own.get_or_insert_default();
        let mut transaction = Transaction::default();
        if own.watch == Watch::Broken {
            transaction.lose();
        }
        own.transaction = Some(transaction);
        let pinned = own.conn;
        self.answer(conn, OK);
        if let Some(pinned) = pinned {
            self.begin_at_server(conn, pinned);
        }
    }

    fn begin_at_server(&mut self, conn: ConnId, pinned: ConnId) {
        let role = Role::Begin { conn: pinned.key() };
        let request = Request::new(Some(conn), role, resp::STATUSES);
        let deadline = self.ordinary_deadline(pinned);
        self.send_pinned(pinned, Frame::borrowed(MULTI), request, deadline);
    }

    /// The server has answered `MULTI`. When it refuses it, it would run each command as it comes.
    pub(crate) fn hear_begun(&mut self, key: Key, answer: &[u8]) {
        if answer.first() == Some(&b'+') {
            return;
        }
        let text = crate::relay::error_text(answer);
        let reason = CloseReason::Other(format!("MULTI was refused: {text}").into());
        if let Some(ended) = self.take_down(ConnId::new(Side::Server, key), &reason) {
            let (pool, server, failed) = (ended.pool, ended.server, ended.failed);
            let report = Report::ServerClosed { pool, server, reason, failed };
            self.actions.push_back(crate::Action::Report(report));
        }
    }

    /// A command between `MULTI` and its end, for a server to queue.
    pub(crate) fn queue_command(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        frame: Frame<'_>,
        routed: &Routed,
    ) {
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        let own = client.own.as_mut().expect("it is in a transaction");
        let course = own.transaction.as_ref().expect("it is in a transaction").course;
        let pinned = own.conn;
        if course == Course::Lost {
            return self.fail_request(Some(conn), pool, CloseReason::Other(LOST.into()));
        }
        let chosen = pinned.and_then(|pinned| Some(self.servers.get(pinned.key())?.server));
        let pinned = match (self.home(pool, frame, routed, chosen), pinned) {
            (Err(Unplaced::Apart), _) => {
                self.fail_transaction(conn);
                return self.refuse_apart(conn, pool, Apart::Transaction);
            }
            (Err(Unplaced::AllEjected), _) => {
                self.fail_transaction(conn);
                return self.fail_request(Some(conn), pool, CloseReason::Refused);
            }
            (Ok(_), Some(pinned)) => pinned,
            // It will not be run: no server needs to know of it.
            (Ok(_), None) if course == Course::Failed => return self.answer(conn, QUEUED),
            (Ok(None), None) => return self.keep(conn, pool, frame),
            (Ok(Some(server)), None) => match self.open_transaction(conn, server) {
                Ok(pinned) => pinned,
                Err(reason) => {
                    self.fail_transaction(conn);
                    return self.fail_request(Some(conn), pool, reason);
                }
            },
        };
        if self.is_pinned_full(pinned) {
            self.fail_transaction(conn);
            return self.fail_request(Some(conn), pool, CloseReason::QueueFull);
        }
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        client.transaction().expect("it is in a transaction").queued += 1;
        let request = Request::new(Some(conn), Role::Whole, resp::STATUSES);
        let deadline = self.ordinary_deadline(pinned);
        self.send_pinned(pinned, frame, request, deadline);
    }

    /// Keeps a command until a key says where it goes.
    fn keep(&mut self, conn: ConnId, pool: PoolId, frame: Frame<'_>) {
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        let transaction = client.transaction().expect("it is in a transaction");
        if transaction.kept.len() + frame.bytes.len() > TRANSACTION_KEPT_BYTES_MAX {
            return self.refuse_command(conn, pool, TOO_MUCH_KEPT);
        }
        transaction.kept.extend_from_slice(frame.bytes);
        transaction.lengths.push(frame.bytes.len());
        transaction.queued += 1;
        self.answer(conn, QUEUED);
    }

    /// Begins the transaction at a server, with what is kept.
    fn open_transaction(&mut self, conn: ConnId, server: ServerId) -> Result<ConnId, CloseReason> {
        let pinned = self.take_pinned(conn, server)?;
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        let own = client.own.as_mut().expect("it is in a transaction");
        own.conn = Some(pinned);
        let transaction = own.transaction.as_mut().expect("it is in a transaction");
        let kept = std::mem::take(&mut transaction.kept);
        let lengths = std::mem::take(&mut transaction.lengths);
        self.begin_at_server(conn, pinned);
        let mut rest = &kept[..];
        for len in lengths {
            let (frame, behind) = rest.split_at(len);
            rest = behind;
            // It was answered when it was kept.
            let request = Request::new(None, Role::Whole, resp::STATUSES);
            let deadline = self.ordinary_deadline(pinned);
            self.send_pinned(pinned, Frame::borrowed(frame), request, deadline);
        }
        Ok(pinned)
    }

    /// `EXEC`. The client is out of the transaction, whatever the answer.
    fn commit(&mut self, conn: ConnId, pool: PoolId, frame: Frame<'_>) {
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        let own = client.own.as_mut().expect("it is in a transaction");
        let transaction = own.transaction.as_mut().expect("it is in a transaction");
        let asides = std::mem::take(&mut transaction.asides);
        match (transaction.course, own.conn) {
            (Course::Open, Some(pinned)) => {
                client.own = None;
                self.send_exec(pinned, frame, conn, asides);
            }
            (Course::Open, None) if transaction.lengths.is_empty() => {
                client.own = None;
                self.answer(conn, NOTHING_RUN);
            }
            (Course::Open, None) => {
                let home = self.server_of_none(pool).map_err(|_| CloseReason::Refused);
                let opened = home.and_then(|server| self.open_transaction(conn, server));
                self.clients.get_mut(conn.key()).expect("it sent the request").own = None;
                match opened {
                    Ok(pinned) => self.send_exec(pinned, frame, conn, asides),
                    Err(reason) => self.fail_request(Some(conn), pool, reason),
                }
            }
            (Course::Failed | Course::Lost, _) => {
                self.abort(conn);
                self.answer(conn, ABORTED);
            }
        }
    }

    /// `DISCARD`. The client is out of the transaction, and watches nothing.
    fn discard(&mut self, conn: ConnId, frame: Frame<'_>) {
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        match client.own.take().and_then(|own| own.conn) {
            Some(pinned) => self.send_last(pinned, frame, Some(conn), resp::STATUSES),
            None => self.answer(conn, OK),
        }
    }

    /// Sends the last request of a client on its own conn, which serves the next when it is answered.
    pub(crate) fn send_last(
        &mut self,
        pinned: ConnId,
        frame: Frame<'_>,
        client: Option<ConnId>,
        kinds: Kinds,
    ) {
        let request = Request::new(client, Role::Last { conn: pinned.key() }, kinds);
        let deadline = self.ordinary_deadline(pinned);
        self.send_pinned(pinned, frame, request, deadline);
    }

    /// `WATCH`. The conn is the client's until it ends its transaction, or says `UNWATCH`.
    fn watch(&mut self, conn: ConnId, pool: PoolId, frame: Frame<'_>, routed: &Routed) {
        self.leave_other_class(conn);
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        client.lane = Lane::Own;
        let (watch, watching) =
            client.own.as_ref().map_or((Watch::None, None), |own| (own.watch, own.conn));
        if watch == Watch::Broken {
            return self.fail_request(Some(conn), pool, CloseReason::Other(WATCH_LOST.into()));
        }
        let chosen = watching.and_then(|pinned| Some(self.servers.get(pinned.key())?.server));
        let home = match self.home(pool, frame, routed, chosen) {
            Ok(home) => home.expect("WATCH has a key"),
            Err(Unplaced::Apart) => return self.refuse_apart(conn, pool, Apart::Watched),
            Err(Unplaced::AllEjected) => {
                return self.fail_request(Some(conn), pool, CloseReason::Refused);
            }
        };
        let pinned = match watching {
            Some(pinned) => pinned,
            None => match self.take_pinned(conn, home) {
                Ok(pinned) => pinned,
                Err(reason) => return self.fail_request(Some(conn), pool, reason),
            },
        };
        let own = Own { conn: Some(pinned), watch: Watch::Kept, ..Own::default() };
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        client.own = Some(Box::new(own));
        let deadline = self.ordinary_deadline(pinned);
        let request = Request::new(Some(conn), Role::Whole, resp::STATUSES);
        self.send_pinned(pinned, frame, request, deadline);
    }

    /// `UNWATCH`.
    fn unwatch(&mut self, conn: ConnId, frame: Frame<'_>) {
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        match client.own.take().and_then(|own| own.conn) {
            Some(pinned) => {
                client.lane = Lane::Own;
                self.send_last(pinned, frame, Some(conn), resp::STATUSES);
            }
            None => self.answer(conn, OK),
        }
    }
}
