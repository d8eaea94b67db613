//! A conn to a server: what is queued, what is in flight.

use nutcracker_proto::{ResponseParser, Version};

use crate::bytes::inbox::Inbox;
use crate::bytes::outbox::Outbox;
use crate::bytes::spares::Spares;
use crate::clients::crowd::Crowding;
use crate::clients::session::ClassId;
use crate::ids::{ConnId, PoolId, ServerId};
use crate::limits::{EVERYDAY_BYTES, RESPONSE_BYTES_MAX, UNASKED_BYTES_MAX};
use crate::loss::repeat::Moment;
use crate::passing::Passing;
use crate::pool::{Pool, PoolConfig};
use crate::request::{Queue, RequestId, Requests};
use crate::time::tick::Tick;

/// One conn to a server.
///
/// ```text
/// queue    [ r1 | r2 | r3 | r4 | r5 ]     responses match it front to back
///            in flight   ^ unsent: the first that is not wholly sent
/// ```
#[derive(Debug)]
pub(crate) struct ServerConn {
    pub(crate) pool: PoolId,
    pub(crate) server: ServerId,
    /// Whose requests it carries.
    pub(crate) tenancy: Tenancy,
    /// The version and the database that all requests on it agree on.
    pub(crate) class: ClassId,
    pub(crate) state: State,
    pub(crate) parser: ResponseParser,
    pub(crate) inbox: Inbox,
    /// What the response at the front of the inbox misses at least, bytes.
    pub(crate) missing: usize,
    /// What is left of a response that was given up, and how much of it may come.
    pub(crate) passing: Option<Passing>,
    /// Most bytes that a response to a request may have.
    pub(crate) response_bytes_max: usize,
    pub(crate) outbox: Outbox,
    /// Requests that await a response.
    pub(crate) queue: Queue,
    /// The first of the queue that is not wholly sent.
    unsent: RequestId,
    /// From that one on.
    waiting: Batch,
    /// Bytes sent of `unsent`; below zero while the rest of an already answered request goes out.
    credit: i64,
    /// When it last took something.
    pub(crate) took_at: Tick,
    /// When its connect gives up.
    pub(crate) connect_by: Tick,
    /// How requests were placed when the first of its queue was queued, or, while there is none, the last
    /// that was the first.
    pub(crate) placed_at: Moment,
    /// What was sent stays in the outbox until it is answered: it may have to be sent again.
    keeps_sent: bool,
    /// Bytes of the queue's requests that were copied to the outbox: the last that were.
    queued_copied: usize,
    /// Has an entry among the deadlines.
    pub(crate) armed: bool,
    /// Of a pinned conn: when it is looked after; never for most.
    pub(crate) alarm: Tick,
    /// It is opened to see whether its server can be reached: no request waits for that.
    pub(crate) tries_reach: bool,
    /// Of a pinned conn: its server has another address.
    pub(crate) moved: bool,
    /// Whether requests may have to wait for room.
    pub(crate) crowding: Crowding,
    /// In the list of conns to flush.
    pub(crate) dirty: bool,
    /// The socket took less than it was offered: wait until it says it takes more.
    pub(crate) awaits_writable: bool,
}

/// Whose requests a server conn carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tenancy {
    /// Those of many clients of one class. Its pool keeps it at that place.
    Shared {
        /// See [`Pool::slot`](crate::pool::Pool::slot).
        slot: usize,
    },
    /// Those of one client, which does on it what it could not on a shared one: it is *pinned*.
    Own {
        /// Whose; it may be gone.
        client: ConnId,
    },
    /// Nobody's at the moment: a pinned conn that waits for its next client.
    Kept,
    /// Nobody's: it hears what is published, for all clients of the worker that are subscribed.
    Listener,
    /// Nobody's: it asks whether an ejected server is back.
    Probe,
    /// Nobody's yet: its server has another address, and it takes the place of the conn that goes to
    /// the old one once it is open.
    Successor,
    /// Those of many clients still, but no new ones: another has taken its place.
    Leaving,
}

/// How far a server conn has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Waits for the socket. Requests are queued behind the handshake, if there is one.
    Connecting { handshake: Handshake },
    /// Connected; the handshake is being said and heard, and requests wait for its end.
    Greeting(Handshake),
    /// Requests go out.
    Ready,
}

/// What is left of a handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// Bytes at the front of the outbox.
    pub(crate) unsent: usize,
    /// Responses to come.
    pub(crate) due: u32,
    /// Its last request is the question whether the server is there at all: it has been silent before.
    pub(crate) asks: bool,
}

/// So many requests, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) requests: i64,
    pub(crate) bytes: i64,
}

impl Batch {
    /// A request more, of so many bytes.
    pub(crate) const fn add(&mut self, bytes: u32) {
        self.requests += 1;
        self.bytes += bytes as i64;
    }

    /// A request less.
    const fn remove(&mut self, bytes: u32) {
        self.requests -= 1;
        self.bytes -= bytes as i64;
    }
}

impl ServerConn {
    pub(crate) fn new(
        pool: PoolId,
        server: ServerId,
        tenancy: Tenancy,
        class: ClassId,
        config: &PoolConfig,
    ) -> Self {
        let may_repeat = matches!(tenancy, Tenancy::Shared { .. } | Tenancy::Successor);
        Self {
            pool,
            server,
            tenancy,
            class,
            state: State::Connecting { handshake: Handshake::default() },
            parser: ResponseParser::new(config.protocol),
            inbox: Inbox::default(),
            missing: 1,
            passing: None,
            response_bytes_max: config.limits.response_bytes.min(RESPONSE_BYTES_MAX),
            outbox: Outbox::default(),
            queue: Queue::new(),
            unsent: RequestId::NONE,
            waiting: Batch::default(),
            credit: 0,
            took_at: Tick::default(),
            connect_by: Tick::NEVER,
            placed_at: Moment::default(),
            keeps_sent: may_repeat && config.retries.times > 0,
            queued_copied: 0,
            armed: false,
            alarm: Tick::NEVER,
            tries_reach: false,
            moved: false,
            crowding: Crowding::None,
            dirty: false,
            awaits_writable: false,
        }
    }

    /// Whether it takes a place of the [`Room`](crate::Room), as all do but those that have one set aside:
    /// the shared ones of the pool's own class. A probe takes one of these, whose server is away. Of two
    /// conns of which one takes the other's place, the one takes a place until then, the other from then on.
    pub(crate) fn takes_room(&self) -> bool {
        match self.tenancy {
            Tenancy::Shared { .. } => self.class != ClassId::default(),
            Tenancy::Own { .. }
            | Tenancy::Kept
            | Tenancy::Listener
            | Tenancy::Successor
            | Tenancy::Leaving => true,
            Tenancy::Probe => false,
        }
    }

    /// When the conn itself gives up, whatever waits on it; [`Tick::NEVER`] for most.
    pub(crate) fn gives_up_at(&self) -> Tick {
        match (self.state, self.tenancy) {
            (State::Connecting { .. }, _) | (_, Tenancy::Probe | Tenancy::Successor) => {
                self.connect_by
            }
            (State::Greeting(_) | State::Ready, _) => Tick::NEVER,
        }
    }

    /// Whether it is one client's, or waits for the next that it will be.
    pub(crate) const fn is_pinned(&self) -> bool {
        matches!(self.tenancy, Tenancy::Own { .. } | Tenancy::Kept)
    }

    /// How many bytes may go out now; `None` for all there are.
    pub(crate) const fn sendable(&self) -> Option<usize> {
        match self.state {
            State::Connecting { .. } => Some(0),
            State::Greeting(handshake) => Some(handshake.unsent),
            State::Ready => None,
        }
    }

    /// It has something to send: whether it is to be put on the list of those, where it is not yet.
    #[inline]
    pub(crate) const fn become_dirty(&mut self) -> bool {
        let is_new = !self.dirty && !self.awaits_writable;
        self.dirty |= is_new;
        is_new
    }

    /// Whether a flush would send something.
    pub(crate) fn has_sendable(&self) -> bool {
        !self.awaits_writable && !self.outbox.is_empty() && self.sendable() != Some(0)
    }

    /// When it last took something, or had nothing to take.
    pub(crate) fn moved_at(&self, requests: &Requests, now: Tick) -> Tick {
        if self.unsent.is_none() {
            return self.took_at;
        }
        let waited = (now.0 as u32).wrapping_sub(requests.get(self.unsent).queued_at);
        self.took_at.max(Tick(now.0.saturating_sub(waited.into())))
    }

    /// Bytes that wait for it and that no flush would send: it does not take them.
    pub(crate) fn stuck_bytes(&self) -> usize {
        if self.has_sendable() { 0 } else { self.outbox.len() }
    }

    /// The handshake has been heard to its end: requests go out. What the server did not wait to
    /// be told of it still goes out before them.
    pub(crate) fn greet(&mut self) {
        if let State::Greeting(handshake) = self.state {
            self.credit -= handshake.unsent as i64;
        }
        self.state = State::Ready;
    }

    /// Whether the answer that the handshake waits for tells of a class that its clients chose, not of
    /// what the pool itself wants: all but the password's, where the class is not the pool's own.
    pub(crate) fn asks_for_class(&self, pool: &Pool) -> bool {
        let State::Greeting(handshake) = self.state else { return false };
        let class = pool.classes.get(self.class);
        let version = u32::from(class.version == Version::Resp3);
        let due = handshake.due - u32::from(handshake.asks);
        self.class != ClassId::default() && due <= version + u32::from(class.database != 0)
    }

    /// Whether its requests wait for the server to show that it is there.
    pub(crate) const fn is_asking(&self) -> bool {
        match self.state {
            State::Connecting { handshake } | State::Greeting(handshake) => handshake.asks,
            State::Ready => false,
        }
    }

    /// The first request of which not a byte was sent, and where in the outbox it begins.
    pub(crate) fn untouched(&self, requests: &Requests) -> (RequestId, usize) {
        let greeting = self.greeting();
        if self.unsent.is_none() || self.credit <= 0 {
            return (self.unsent, greeting + self.credit.unsigned_abs() as usize);
        }
        let rest = i64::from(requests.get(self.unsent).bytes) - self.credit;
        (self.queue.after(self.unsent, requests), greeting + rest as usize)
    }

    /// Queues a request whose bytes have been appended to the outbox.
    #[inline]
    pub(crate) fn enqueue(&mut self, id: RequestId, requests: &mut Requests) {
        self.queue.push(id, requests);
        let request = requests.get(id);
        self.queued_copied += request.copied();
        self.waiting.add(request.bytes);
        if self.unsent.is_none() {
            self.unsent = id;
        }
    }

    /// Takes `len` bytes, which were sent, from those that wait, and says which requests went from queued to
    /// in flight.
    pub(crate) fn pass(&mut self, len: usize, requests: &Requests, spares: &mut Spares) -> Batch {
        let moved = self.record_sent(len, requests);
        if !self.keeps_sent {
            self.outbox.advance(len, spares);
            return moved;
        }
        self.outbox.pass(len, spares);
        let of_queue = self.outbox.copied().len() - self.queued_copied;
        debug_assert_eq!(of_queue, self.copied_from(self.queue.front(), requests));
        if self.queue.is_empty() {
            self.forget_sent(spares);
        } else if of_queue > EVERYDAY_BYTES {
            let gone = self.outbox.forget(of_queue.min(self.outbox.sent()), spares);
            spares.give_grown(gone);
        }
        moved
    }

    fn record_sent(&mut self, mut len: usize, requests: &Requests) -> Batch {
        if let State::Greeting(handshake) = &mut self.state {
            let greeting = len.min(handshake.unsent);
            handshake.unsent -= greeting;
            len -= greeting;
        }
        self.credit += len as i64;
        if self.credit >= self.waiting.bytes {
            self.credit -= self.waiting.bytes;
            self.unsent = RequestId::NONE;
            return std::mem::take(&mut self.waiting);
        }
        let mut moved = Batch::default();
        while !self.unsent.is_none() {
            let bytes = requests.get(self.unsent).bytes;
            if self.credit < i64::from(bytes) {
                break;
            }
            self.credit -= i64::from(bytes);
            self.waiting.remove(bytes);
            moved.add(bytes);
            self.unsent = self.queue.after(self.unsent, requests);
        }
        moved
    }

    /// Its last request is answered: what was kept of it and those before it is of no use.
    pub(crate) fn forget_sent(&mut self, spares: &mut Spares) {
        debug_assert!(self.queue.is_empty(), "who waits may have to be sent again");
        let gone = self.outbox.forget(self.outbox.sent(), spares);
        spares.give_grown(gone);
    }

    /// Where about `want` bytes of a request are going to be appended.
    #[inline]
    pub(crate) fn tail(&mut self, want: usize, spares: &mut Spares) -> &mut Vec<u8> {
        if self.keeps_sent {
            self.outbox.begin_with(|| spares.take_grown(want));
        }
        self.outbox.tail(want, spares)
    }

    /// Whether what was sent stays in the outbox. A request that only reads is copied there for that, however
    /// large it is.
    pub(crate) const fn keeps_sent(&self) -> bool {
        self.keeps_sent
    }

    /// Where in the outbox's copied bytes those of `first` begin, a request of the queue, if what was sent is
    /// kept: they end with those of the queue's last. O(requests).
    pub(crate) fn copied_from(&self, first: RequestId, requests: &Requests) -> usize {
        let mut from = self.outbox.copied().len();
        let mut at = first;
        while !at.is_none() {
            from -= requests.get(at).copied();
            at = self.queue.after(at, requests);
        }
        from
    }

    /// Bytes that were sent and are kept, for requests of the queue or needlessly. O(requests).
    pub(crate) fn kept_bytes(&self, requests: &Requests) -> usize {
        if !self.keeps_sent {
            return 0;
        }
        if self.queue.is_empty() && self.outbox.is_empty() {
            return self.outbox.copied().len();
        }
        self.outbox.sent().saturating_sub(self.copied_from(self.queue.front(), requests))
    }

    /// Bytes of the handshake that wait.
    fn greeting(&self) -> usize {
        match self.state {
            State::Connecting { handshake } | State::Greeting(handshake) => handshake.unsent,
            State::Ready => 0,
        }
    }

    /// Whether a response can be meant for a request: for one of which at least a byte was sent.
    #[inline]
    pub(crate) fn awaits_response(&self) -> bool {
        let front = self.queue.front();
        !front.is_none() && (front != self.unsent || self.credit > 0)
    }

    /// Whether `bytes` are more than it may say in one piece.
    pub(crate) fn is_too_large(&self, bytes: usize) -> bool {
        bytes > self.response_bytes_max
            && (bytes > UNASKED_BYTES_MAX
                || self.awaits_response()
                || self.tenancy == Tenancy::Listener)
    }

    /// Takes the oldest request. The flag says whether it was in flight; a server may answer before
    /// it has read the whole request (memcached refuses a value that is too large by its length),
    /// and then the rest of it still goes out.
    #[inline]
    pub(crate) fn pop(&mut self, requests: &mut Requests) -> Option<(RequestId, bool)> {
        let id = self.queue.front();
        if id.is_none() {
            return None;
        }
        let in_flight = id != self.unsent;
        let request = requests.get(id);
        self.queued_copied -= request.copied();
        if !in_flight {
            self.credit -= i64::from(request.bytes);
            self.waiting.remove(request.bytes);
            self.unsent = self.queue.after(id, requests);
        }
        self.queue.pop(requests);
        Some((id, in_flight))
    }
}
