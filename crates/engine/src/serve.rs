//! What clients send: requests found, routed, split and queued, or answered here.

use std::rc::Rc;

use nutcracker_proto::command::PLACEHOLDER_KEY;
use nutcracker_proto::limits::MEMCACHE_KEY_BYTES_MAX;
use nutcracker_proto::{
    Kinds, Local, ParseError, Progress, Protocol, Refused, Request as Parsed, Routed, Travel, auth,
    memcache,
};

use crate::action::{Action, CloseReason, Report};
use crate::bytes::frame::Frame;
use crate::clients::client::{Farewell, Until};
use crate::clients::crowd::Crowding;
use crate::clients::session::{ClassId, Lane, Mute};
use crate::engine::Engine;
use crate::ids::{ConnId, PoolId, ServerId, Side};
use crate::ledger::Ledger;
use crate::limits::{FOUND_BYTES_MAX, SHARE_BYTES_MIN};
use crate::many_keys::gathering::Lack;
use crate::request::{Answer, Request, RequestId, Role};
use crate::stats::{LimitFigure, PoolFigure};

/// The length of a Redis `PING` without a message.
const PING: usize = b"*1\r\n$4\r\nPING\r\n".len();

impl Engine {
    /// Serves what was read into the worker's own space: whole requests where they lie, and the
    /// rest is kept in the client's inbox.
    pub(crate) fn serve_received(&mut self, conn: ConnId, bytes: &[u8]) {
        let consumed = self.serve(conn, bytes, None);
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        if consumed < bytes.len() && client.closing.is_none() {
            client.inbox.keep(&bytes[consumed..], client.missing, Side::Client, &mut self.spares);
        }
    }

    /// Serves the client's inbox.
    pub(crate) fn serve_inbox(&mut self, conn: ConnId) {
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        let lent = client.inbox.lend();
        let consumed = self.serve(conn, lent.filled(), Some(&lent.buffer));
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        client.inbox.take_back(lent, consumed, client.missing, &mut self.spares);
    }

    /// A paused client has little enough outstanding: parses what it sent before, and has its
    /// socket read again.
    pub(crate) fn resume(&mut self, conn: ConnId) {
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        if !client.may_resume() || client.closing.is_some() {
            return;
        }
        // What it goes on with is the other engine's.
        if self.is_left && client.own.is_none() {
            return;
        }
        // A large request that is here already needs no more memory on its way, and frees it at its end.
        let frees = client.until == Until::HasRoom && client.inbox.len() >= SHARE_BYTES_MIN;
        if self.shortage.is_short() && !frees {
            return self.shortage.wait(conn);
        }
        if client.until == Until::Room {
            self.crowd.forget(conn);
        }
        (client.paused, client.until) = (false, Until::HalfEnded);
        if !client.inbox.is_empty() {
            self.serve_inbox(conn);
        }
        if self.may_read(conn) {
            self.actions.push_back(Action::Read(conn));
        } else {
            self.handle_unread(conn);
        }
    }

    /// Serves the requests at the front of `bytes` and returns how many bytes they took. Stops at
    /// the first that is not whole, or when the client has as much outstanding as it may.
    fn serve(&mut self, conn: ConnId, bytes: &[u8], buffer: Option<&Rc<Vec<u8>>>) -> usize {
        let mut at = 0;
        loop {
            let Some(client) = self.clients.get_mut(conn.key()) else { return bytes.len() };
            if client.closing.is_some() {
                return bytes.len();
            }
            if at == bytes.len() {
                client.missing = 1;
                return at;
            }
            if client.is_full() {
                client.paused = true;
                client.missing = 1;
                let pool = client.pool;
                self.pool_stats(pool).limit(LimitFigure::ClientPaused).add(1);
                return at;
            }
            let parsed = match client.parser.is_at_start() {
                true => self.serve_run(conn, bytes, &mut at),
                false => Some(client.parser.parse(&bytes[at..])),
            };
            let Some(parsed) = parsed else { continue };
            let client = self.clients.get_mut(conn.key()).expect("it has sent what is parsed");
            match parsed {
                Ok(Progress::Incomplete { missing }) => {
                    client.missing = missing;
                    return at;
                }
                Ok(Progress::Done(Parsed::Routed(mut routed))) => {
                    let goes_on = client.goes_on(&routed);
                    if self.holds_back(conn, goes_on, &bytes[at..at + routed.len], &mut routed) {
                        return at;
                    }
                    let frame = Frame::at(bytes, buffer, at, routed.len);
                    at += routed.len;
                    self.dispatch(conn, frame, &routed);
                }
                Ok(Progress::Done(Parsed::Refused(refused))) => {
                    if refused.too_large {
                        let pool = client.pool;
                        self.pool_stats(pool).limit(LimitFigure::RequestTooLarge).add(1);
                    }
                    self.refuse(conn, &refused);
                    at = self.pass_over(conn, at + refused.len, bytes.len());
                }
                Ok(Progress::Done(Parsed::Inline(inline))) => {
                    if !self.serve_frame(conn, &inline.frame) {
                        return at;
                    }
                    at += inline.len;
                }
                Ok(Progress::Done(Parsed::Blank { len })) => {
                    at = self.pass_over(conn, at + len, bytes.len());
                }
                Err(error) => {
                    self.refuse_stream(conn, error, &bytes[at..]);
                    return bytes.len();
                }
            }
        }
    }

    /// Consumes up to `end`, of which `received` bytes are there: the rest of a request that was
    /// refused before it was whole will be skipped. Returns what is consumed now.
    fn pass_over(&mut self, conn: ConnId, end: usize, received: usize) -> usize {
        if end > received
            && let Some(client) = self.clients.get_mut(conn.key())
        {
            client.skip = end - received;
        }
        end.min(received)
    }

    /// Serves an inline request in its ordinary form. Says whether it did: it may have to wait.
    fn serve_frame(&mut self, conn: ConnId, frame: &[u8]) -> bool {
        let Some(client) = self.clients.get(conn.key()) else { return true };
        let config = self.pools[client.pool.0 as usize].config();
        match config.request_parser().parse(frame) {
            Ok(Progress::Done(Parsed::Routed(mut routed))) => {
                let goes_on = client.goes_on(&routed);
                if self.holds_back(conn, goes_on, frame, &mut routed) {
                    return false;
                }
                self.dispatch(conn, Frame::borrowed(frame), &routed);
            }
            Ok(Progress::Done(Parsed::Refused(refused))) => self.refuse(conn, &refused),
            other => unreachable!("an inline request is encoded as one whole frame: {other:?}"),
        }
        true
    }

    /// Whether `routed`, the next request of that client, whose bytes are `frame`, has to wait; the client is paused
    /// then, and nothing of the request may be consumed. `goes_on`: it does not wait for others of the client.
    #[inline]
    fn holds_back(
        &mut self,
        conn: ConnId,
        goes_on: bool,
        frame: &[u8],
        routed: &mut Routed,
    ) -> bool {
        let lacks_room = self.crowd.is_near() && self.must_wait_for_room(conn, frame, routed);
        lacks_room || (!goes_on && self.must_wait(conn, routed))
    }

    /// Answers a request that cannot be served.
    #[cold]
    fn refuse(&mut self, conn: ConnId, refused: &Refused) {
        self.hear_refusal(conn, &refused.answer);
        if let Some(client) = self.clients.get_mut(conn.key())
            && client.session.mute != Mute::No
        {
            client.begin_request();
        }
        if refused.after_password && self.owes_password(conn) {
            return self.answer(conn, auth::REQUIRED);
        }
        self.answer(conn, &refused.answer);
    }

    /// Whether the pool has a password that this client has not given.
    fn owes_password(&self, conn: ConnId) -> bool {
        let client = self.clients.get(conn.key()).expect("it was parsed for this client");
        client.owes_password(&self.pools[client.pool.0 as usize])
    }

    /// Sends one request on its way.
    ///
    /// The bill of a whole request: its key is hashed, its bytes are copied once (or shared, when
    /// large), one place in the table of requests is taken.
    fn dispatch(&mut self, conn: ConnId, frame: Frame<'_>, routed: &Routed) {
        let client = self.clients.get(conn.key()).expect("it was parsed for this client");
        let (pool, lane) = (client.pool, client.lane);
        // Little may be asked without the password.
        let is_of_session = || {
            let travel = routed.command.travel;
            matches!(
                travel,
                Travel::Here(Local::Authenticate | Local::Quit | Local::Hello | Local::Reset)
            )
        };
        if self.pools[pool.0 as usize].has_password && !is_of_session() && self.owes_password(conn)
        {
            return self.answer(conn, auth::REQUIRED);
        }
        self.send_on(conn, pool, lane, frame, routed);
    }

    /// Sends one request on the way that its command travels. Inlined: it is the rest of `dispatch`.
    #[inline(always)]
    fn send_on(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        lane: Lane,
        frame: Frame<'_>,
        routed: &Routed,
    ) {
        let is_served = match lane {
            Lane::Shared | Lane::Muted | Lane::Left => false,
            Lane::Own => self.queue_in_transaction(conn, pool, frame, routed),
            Lane::Listening => self.refuse_listening(conn, frame, routed),
        };
        if is_served {
            return;
        }
        let config = self.pools[pool.0 as usize].config();
        match routed.command.travel {
            Travel::OneServer if routed.keys >= 2 => {
                self.forward_together(conn, pool, frame, routed);
            }
            Travel::Sorted => self.forward_sorted(conn, pool, frame, routed),
            Travel::OneServer | Travel::Anywhere => self.forward(conn, pool, frame, routed),
            Travel::Split(gather) if routed.keys >= 2 && config.servers.len() > 1 => {
                self.split(conn, pool, frame, routed, gather);
            }
            Travel::Split(_) => self.forward(conn, pool, frame, routed),
            Travel::Here(local) => self.answer_here(conn, pool, local, frame, routed),
            Travel::AllServers(gather) => {
                self.ask_all(conn, pool, frame, routed, (gather, Lack::Fails));
            }
            Travel::Flush => self.flush_all(conn, pool, frame, routed),
            Travel::Scan => self.scan(conn, pool, frame, routed),
            Travel::Script(script) => self.run_script(conn, pool, script, frame, routed),
            Travel::Audience(of) => self.count_audience(conn, pool, of, frame, routed),
            Travel::Transaction(step) => self.take_step(conn, pool, step, frame, routed),
            Travel::Blocking(patience) => self.block(conn, pool, patience, frame, routed),
            Travel::Subscription(change) => self.change_subscriptions(conn, pool, change, frame),
            Travel::Refused(reason) => self.refuse_command(conn, pool, reason),
        }
    }

    /// Answers a request that no server is needed for.
    fn answer_here(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        local: Local,
        frame: Frame<'_>,
        routed: &Routed,
    ) {
        let config = self.pools[pool.0 as usize].config();
        match local {
            Local::Ping if config.protocol == Protocol::Memcache || frame.bytes.len() == PING => {
                let pong = config.protocol.pong();
                self.answer(conn, pong);
            }
            Local::Quit => {
                let goodbye = config.protocol.goodbye();
                self.answer(conn, goodbye);
                self.say_farewell(conn, Farewell::Asked);
            }
            // In its place in line, and so behind all responses to what came before it.
            Local::Noop => self.answer(conn, b"MN\r\n"),
            Local::Verbosity => self.answer(conn, if routed.noreply { &[] } else { b"OK\r\n" }),
            _ => self.answer_session(conn, pool, local, frame.bytes),
        }
    }

    /// Queues a request, whole, for the server that its first key belongs to.
    pub(crate) fn forward(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        frame: Frame<'_>,
        routed: &Routed,
    ) {
        let key = if routed.keys == 0 {
            PLACEHOLDER_KEY
        } else {
            &frame.bytes[routed.key.start as usize..routed.key.end as usize]
        };
        self.welcome_back(pool);
        let client = (!routed.noreply).then_some(conn);
        let server_conn = match routed.meta.encoded_key {
            true => self.server_conn_of_encoded(pool, key, conn),
            false => self.server_conn(pool, key, conn),
        };
        let server_conn = match server_conn {
            Ok(server_conn) => server_conn,
            Err(reason) => return self.fail_request(client, pool, reason),
        };
        let role = if routed.noreply { Role::Noreply } else { Role::Whole };
        let mut request = Request::new(Some(conn), role, routed.command.kinds);
        request.quiet = routed.meta.quiet;
        request.reads = routed.command.is_read();
        let request = self.requests.insert(request);
        match role {
            Role::Noreply => self.begin_noreply(conn, pool),
            _ => self.put_in_line(conn, request),
        }
        self.queue_frame(server_conn, request, frame, routed);
    }

    /// Queues a request whose bytes are in the outbox already; see [`Ledger::enter`].
    #[inline(always)]
    pub(crate) fn enqueue(&mut self, conn: ConnId, id: RequestId, bytes: usize) {
        let server = self.servers.get_mut(conn.key()).expect("the caller wrote to it");
        let pool = &self.pools[server.pool.0 as usize];
        Ledger {
            pool,
            requests: &mut self.requests,
            deadlines: &mut self.deadlines,
            flushes: &mut self.flushes,
            stats: &self.stats.pools[server.pool.0 as usize],
            now: self.now,
            deadline: pool.deadline(self.now),
        }
        .enter(conn, server, id, bytes);
    }

    /// The conn for a key: its server's, opened if need be.
    #[inline(always)]
    fn server_conn(
        &mut self,
        pool: PoolId,
        key: &[u8],
        client: ConnId,
    ) -> Result<ConnId, CloseReason> {
        let random = &mut self.random;
        // No reason is made where none is needed: it would have to be dropped.
        match self.pools[pool.0 as usize].route(key, || random.draw()) {
            Some(server) => self.open_conn(pool, server, client),
            None => Err(CloseReason::Refused),
        }
    }

    /// The conn for a key in base64: the one for the key that the server will know.
    #[cold]
    fn server_conn_of_encoded(
        &mut self,
        pool: PoolId,
        key: &[u8],
        client: ConnId,
    ) -> Result<ConnId, CloseReason> {
        let mut space = [0; MEMCACHE_KEY_BYTES_MAX];
        let key = memcache::decode_key(key, &mut space).expect("the parser looked at it");
        self.server_conn(pool, key, client)
    }

    /// The conn that `client` uses for `server`, opened if need be.
    #[inline]
    pub(crate) fn open_conn(
        &mut self,
        pool: PoolId,
        server: ServerId,
        client: ConnId,
    ) -> Result<ConnId, CloseReason> {
        if self.pools[pool.0 as usize].fails(server) {
            return Err(CloseReason::Ejected);
        }
        let pool_state = &self.pools[pool.0 as usize];
        // Nearly all pools have one class, their own.
        let class = match pool_state.classes.len() {
            1 => ClassId(0),
            _ => self.clients.get(client.key()).map_or(ClassId(0), |client| client.session.class),
        };
        let slot = pool_state.slot(class, server, client.index());
        let Some(conn) = pool_state.conn(slot) else {
            return match pool_state.reach.is_lost(server) {
                true => Err(CloseReason::TimedOut),
                false => Ok(self.connect_shared(pool, server, class, slot)),
            };
        };
        let (queued, tries_reach) = self
            .servers
            .get(conn.key())
            .map_or((0, false), |server| (server.outbox.len(), server.tries_reach));
        if tries_reach {
            return Err(CloseReason::TimedOut);
        }
        let limit = pool_state.config().limits.server_queue_bytes;
        if queued >= limit / 2
            && let Some(server) = self.servers.get_mut(conn.key())
        {
            self.crowd.mark(server, Crowding::Half);
        }
        if queued >= limit {
            self.pool_stats(pool).limit(LimitFigure::ServerQueueFull).add(1);
            return Err(CloseReason::QueueFull);
        }
        Ok(conn)
    }

    /// Has ejected servers probed whose time has come, and takes the newest routing. Two loads when
    /// nothing changed.
    #[inline]
    pub(crate) fn welcome_back(&mut self, pool: PoolId) {
        let is_due = self.pools[pool.0 as usize].shared.health.is_probe_due(self.now);
        if is_due && !self.is_left {
            self.probe(pool);
        }
        self.pools[pool.0 as usize].refresh();
    }

    /// Gives a request its place in its client's line.
    pub(crate) fn put_in_line(&mut self, conn: ConnId, request: RequestId) {
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        client.line.push(request, &mut self.requests);
        client.outstanding += 1;
    }

    /// Answers the client in its turn with a response that is known already.
    pub(crate) fn answer(&mut self, conn: ConnId, response: &[u8]) {
        // A memcached request that wants no response gets none, not even an error.
        if response.is_empty() {
            return;
        }
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        if client.session.mute.is_silent() {
            return;
        }
        if client.line.is_empty() {
            client.outbox.push(response, &mut self.spares);
            self.mark_client_dirty(conn);
            return;
        }
        let mut request = Request::new(Some(conn), Role::Whole, Kinds::ANY);
        request.answer = Answer::Held(self.holding.hold(response, &mut self.spares));
        // No server hears of it.
        request.reads = true;
        let request = self.requests.insert(request);
        self.put_in_line(conn, request);
    }

    /// Answers a request that could not be queued. Nobody is told when nobody waits.
    pub(crate) fn fail_request(
        &mut self,
        client: Option<ConnId>,
        pool: PoolId,
        reason: CloseReason,
    ) {
        let Some(conn) = client else { return };
        let mut answer = Vec::new();
        self.pools[pool.0 as usize].config().protocol.error(reason.text(), &mut answer);
        self.pool_stats(pool).at(PoolFigure::ForwardError).add(1);
        self.answer(conn, &answer);
    }

    /// The client's stream cannot be followed: what is finished goes out, then the error, then the
    /// conn closes.
    fn refuse_stream(&mut self, conn: ConnId, error: ParseError, found: &[u8]) {
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        let (pool, label) = (client.pool, client.session.label());
        if client.session.mute != Mute::No {
            client.begin_request();
        }
        let mut answer = Vec::new();
        self.pools[pool.0 as usize].config().protocol.protocol_error(&error, found, &mut answer);
        let found = found[..found.len().min(FOUND_BYTES_MAX)].into();
        let report = Report::ClientError { conn, client: label, pool, error, found };
        self.actions.push_back(Action::Report(report));
        self.answer(conn, &answer);
        self.say_farewell(conn, Farewell::Misbehaved);
    }
}
