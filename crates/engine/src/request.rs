//! Requests on their way, and the table they live in.

use nutcracker_proto::{Kinds, Quiet};

use crate::action::CloseReason;
use crate::bytes::held::Held;
use crate::ids::{ConnId, Key};
use crate::limits::SPARE_REQUESTS_MAX;
use crate::time::tick::Tick;

/// A request's place in [`Requests`]. Whoever holds one is a list the request is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(u32);

impl RequestId {
    /// No request.
    pub(crate) const NONE: Self = Self(u32::MAX);

    #[inline]
    pub(crate) fn is_none(self) -> bool {
        self == Self::NONE
    }
}

/// One request, or one fragment of one. A cache line.
#[derive(Debug)]
pub(crate) struct Request {
    /// Who waits for it; `None` when nobody does (any more): its response is discarded. Of a
    /// [`Noreply`](Role::Noreply): who has asked for it, and may be gone.
    pub(crate) client: Option<ConnId>,
    /// The next in its client's line of responses.
    next_in_line: RequestId,
    /// The next in its server conn's queue; the next free place in the table.
    next_in_queue: RequestId,
    /// What it is.
    pub(crate) role: Role,
    /// Which responses are kept from the client. Such a request has its place in line all the same.
    pub(crate) quiet: Quiet,
    /// Of which kinds its server's response may be.
    pub(crate) kinds: Kinds,
    /// It is known to change nothing.
    pub(crate) reads: bool,
    /// Its bytes lie elsewhere: the outbox has no copy of them.
    pub(crate) is_shared: bool,
    /// The chances it has had.
    pub(crate) had: Chances,
    /// Where its answer is.
    pub(crate) answer: Answer,
    /// When it gives up.
    pub(crate) deadline: Tick,
    /// Bytes it takes in its server conn's outbox.
    pub(crate) bytes: u32,
    /// When it was queued, the low half of the tick: enough to tell how long ago that was.
    pub(crate) queued_at: u32,
}

/// The chances that a request has had of those whose server is lost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chances {
    /// How often it was given to a server once more.
    pub(crate) tries: u8,
    /// Its server was ejected before it was sent, and it went to another without counting.
    pub(crate) moved: bool,
}

/// What a request is to its client and its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Goes to one server as it came; or was answered here.
    Whole,
    /// As `Whole`, and its client wants no response: in no client's line, and outstanding all the same.
    Noreply,
    /// Was split: it waits in its client's line for its fragments.
    Parent { gathering: u32 },
    /// A part of a split request: it waits in a server's queue.
    Fragment { gathering: u32, ordinal: u32 },
    /// `MULTI`, said to a server for a client that was answered before; in no client's line.
    Begin { conn: Key },
    /// As `Whole`, and the last of its client on that pinned conn, which is free with the answer.
    Last { conn: Key },
    /// Waits for servers to say that its client is subscribed; on no server conn.
    Subscription,
    /// Waits for other workers to say what clients they have; on no server conn.
    Census { ask: Key },
    /// As [`Whole`](Self::Whole), and something is to be done with its response first.
    Errand { errand: Key },
}

/// Where a request's answer is.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Still to come.
    Awaited,
    /// Here: a response.
    Held(Held),
    /// There will be none: this is why.
    Failed(Box<CloseReason>),
    /// All fragments of the parent have ended, each in its own way.
    Gathered,
}

impl Request {
    pub(crate) const fn new(client: Option<ConnId>, role: Role, kinds: Kinds) -> Self {
        Self {
            client,
            next_in_line: RequestId::NONE,
            next_in_queue: RequestId::NONE,
            role,
            quiet: Quiet::No,
            kinds,
            reads: false,
            is_shared: false,
            had: Chances { tries: 0, moved: false },
            answer: Answer::Awaited,
            deadline: Tick::NEVER,
            bytes: 0,
            queued_at: 0,
        }
    }

    /// Bytes of it that were copied to its server conn's outbox.
    #[inline]
    pub(crate) const fn copied(&self) -> usize {
        if self.is_shared { 0 } else { self.bytes as usize }
    }
}

/// All requests of a worker that are outstanding. Places are used again, the last freed first.
#[derive(Debug)]
pub(crate) struct Requests {
    table: Vec<Request>,
    free: RequestId,
    len: usize,
    /// Gives the table back when it is empty.
    trims: bool,
}

impl Requests {
    pub(crate) const fn new() -> Self {
        Self { table: Vec::new(), free: RequestId::NONE, len: 0, trims: false }
    }

    /// Requests outstanding.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Amortised O(1); allocates only when more are outstanding than ever since it was last trimmed. Inlined,
    /// for the request is made where it is to lie.
    #[inline(always)]
    pub(crate) fn insert(&mut self, request: Request) -> RequestId {
        self.len += 1;
        if self.free.is_none() {
            let id = u32::try_from(self.table.len()).expect("fewer than 2^32 requests");
            self.table.push(request);
            return RequestId(id);
        }
        let id = self.free;
        let place = &mut self.table[id.0 as usize];
        self.free = place.next_in_queue;
        *place = request;
        id
    }

    /// Frees the place and gives the answer it had.
    #[inline(always)]
    pub(crate) fn remove(&mut self, id: RequestId) -> Answer {
        self.len -= 1;
        let place = &mut self.table[id.0 as usize];
        place.next_in_queue = self.free;
        self.free = id;
        let answer = std::mem::replace(&mut place.answer, Answer::Awaited);
        if self.len == 0 && self.trims {
            self.forget_burst();
        }
        answer
    }

    /// Whether more room is kept than stays for good, and is not about to go.
    #[inline]
    pub(crate) const fn has_surplus(&self) -> bool {
        self.table.capacity() > SPARE_REQUESTS_MAX && !self.trims
    }

    /// Gives back what a burst needed, at once or when the last of what is outstanding is answered. Called once
    /// in a while: bursts that follow each other closely find its room there.
    pub(crate) fn trim(&mut self) {
        self.trims |= self.has_surplus();
        if self.trims && self.len == 0 {
            self.forget_burst();
        }
    }

    #[cold]
    fn forget_burst(&mut self) {
        *self = Self::new();
    }

    #[inline]
    pub(crate) fn get(&self, id: RequestId) -> &Request {
        &self.table[id.0 as usize]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: RequestId) -> &mut Request {
        &mut self.table[id.0 as usize]
    }
}

/// Requests in an order, linked through the table: no memory of its own, so an idle conn's two
/// words are all it costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List<const LINE: bool> {
    head: RequestId,
    tail: RequestId,
}

/// A client's line of responses.
pub(crate) type Line = List<true>;

/// A server conn's queue.
pub(crate) type Queue = List<false>;

impl<const LINE: bool> List<LINE> {
    pub(crate) const fn new() -> Self {
        Self { head: RequestId::NONE, tail: RequestId::NONE }
    }

    /// The first, or [`RequestId::NONE`].
    #[inline]
    pub(crate) const fn front(&self) -> RequestId {
        self.head
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    #[inline]
    pub(crate) fn push(&mut self, id: RequestId, requests: &mut Requests) {
        if self.head.is_none() {
            self.head = id;
        } else {
            *Self::next_mut(requests.get_mut(self.tail)) = id;
        }
        self.tail = id;
    }

    /// Takes the first out, or gives [`RequestId::NONE`].
    #[inline]
    pub(crate) fn pop(&mut self, requests: &mut Requests) -> RequestId {
        let id = self.head;
        if !id.is_none() {
            let next = Self::next_mut(requests.get_mut(id));
            self.head = std::mem::replace(next, RequestId::NONE);
            if self.head.is_none() {
                self.tail = RequestId::NONE;
            }
        }
        id
    }

    /// The one after `id`.
    pub(crate) fn after(&self, id: RequestId, requests: &Requests) -> RequestId {
        let request = requests.get(id);
        if LINE { request.next_in_line } else { request.next_in_queue }
    }

    #[inline]
    const fn next_mut(request: &mut Request) -> &mut RequestId {
        if LINE { &mut request.next_in_line } else { &mut request.next_in_queue }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_cache_line_and_a_half_at_most() {
        assert!(size_of::<Request>() <= 96, "{} bytes", size_of::<Request>());
    }

    #[test]
    fn a_line_and_a_queue_share_requests_and_keep_their_own_order() {
        let mut requests = Requests::new();
        let ids: Vec<_> =
            (0..4).map(|_| requests.insert(Request::new(None, Role::Whole, Kinds::ANY))).collect();
        let (mut line, mut queue) = (Line::new(), Queue::new());
        ids.iter().for_each(|&id| line.push(id, &mut requests));
        ids.iter().rev().for_each(|&id| queue.push(id, &mut requests));
        for n in 0..4 {
            assert_eq!(line.pop(&mut requests), ids[n]);
            assert_eq!(queue.pop(&mut requests), ids[3 - n]);
        }
        assert!(line.is_empty() && queue.is_empty());
        assert!(line.pop(&mut requests).is_none());
    }

    #[test]
    fn places_are_used_again_and_a_burst_leaves_none_behind() {
        let mut requests = Requests::new();
        let burst: Vec<_> = (0..10_000)
            .map(|_| requests.insert(Request::new(None, Role::Whole, Kinds::ANY)))
            .collect();
        let mut burst = burst.into_iter();
        let last = burst.next().expect("there are many");
        burst.for_each(|id| drop(requests.remove(id)));
        requests.trim();
        assert!(requests.table.capacity() >= 10_000, "it is in use");
        assert!(!requests.has_surplus(), "nobody has to wake up for it again");
        requests.trim();
        requests.remove(last);
        assert_eq!((requests.len(), requests.table.capacity()), (0, 0));
        let first = requests.insert(Request::new(None, Role::Whole, Kinds::ANY));
        requests.remove(first);
        assert_eq!(requests.insert(Request::new(None, Role::Whole, Kinds::ANY)), first);
    }

    #[test]
    fn bursts_that_follow_each_other_find_the_room_there_until_it_is_trimmed() {
        let mut requests = Requests::new();
        for _ in 0..2 {
            let burst: Vec<_> = (0..10_000)
                .map(|_| requests.insert(Request::new(None, Role::Whole, Kinds::ANY)))
                .collect();
            burst.into_iter().for_each(|id| drop(requests.remove(id)));
            assert!(requests.has_surplus());
        }
        assert!(requests.table.len() == 10_000, "places are used again");
        requests.trim();
        assert!(!requests.has_surplus());
    }
}
