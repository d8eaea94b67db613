//! The bytes of a conn: what came in and is not yet whole, what goes out and is not yet sent.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::Range;
use std::rc::Rc;

use crate::ids::Side;
use crate::limits::{
    EVERYDAY_BYTES, FRESH_BYTES, GROW_BYTES_MAX, GROW_TIMES, RECV_BYTES, SHARE_BYTES_MIN,
};
use crate::shared::Shared;
use crate::spares::Spares;

/// Bytes on their way out.
///
/// ```text
/// copied   [ gone ........ | aaaa bbbb | cccc ]
///                          ^ sent      ^ shared[0].at: its bytes leave here, between b and c
/// ```
/// Small messages are copied behind each other; large ones are shared and remember the place in
/// the stream of copied bytes where they belong.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    copied: Vec<u8>,
    /// Bytes of `copied` that are gone.
    sent: usize,
    /// None nearly always, and in little room: there is one outbox a conn.
    shared: Option<Box<Inserts>>,
}

/// What is shared, in order.
#[derive(Debug, Default)]
struct Inserts {
    queue: VecDeque<Insert>,
    /// Bytes of them that wait.
    len: usize,
}

#[derive(Debug)]
struct Insert {
    at: usize,
    bytes: Shared,
}

impl Outbox {
    /// Bytes waiting.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        let shared = self.shared.as_ref().map_or(0, |shared| shared.len);
        self.copied.len() - self.sent + shared
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where about `want` copied bytes are going to be appended. Takes a buffer from `spares` when
    /// the outbox has none.
    #[inline]
    pub(crate) fn tail(&mut self, want: usize, spares: &mut Spares) -> &mut Vec<u8> {
        if self.copied.capacity() == 0 {
            self.copied = spares.take(want);
            self.copied.clear();
        }
        &mut self.copied
    }

    /// Appends a copy of `bytes`.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8], spares: &mut Spares) {
        self.tail(bytes.len(), spares).extend_from_slice(bytes);
    }

    /// Appends bytes by reference.
    pub(crate) fn share(&mut self, bytes: Shared) {
        let shared = self.shared.get_or_insert_default();
        shared.len += bytes.len();
        shared.queue.push_back(Insert { at: self.copied.len(), bytes });
    }

    /// Writes the front of what waits into `slices` and returns how many it used. At most the
    /// next `limit` bytes, all of them copied ones, for a conn that may not say more yet.
    pub(crate) fn slices<'a>(&'a self, limit: Option<usize>, slices: &mut [IoSlice<'a>]) -> usize {
        let inserts = self.shared.as_ref().filter(|_| limit.is_none());
        let Some(inserts) = inserts else {
            let waiting = self.copied.len() - self.sent;
            let end = self.sent + limit.map_or(waiting, |limit| limit.min(waiting));
            if self.sent >= end || slices.is_empty() {
                return 0;
            }
            slices[0] = IoSlice::new(&self.copied[self.sent..end]);
            return 1;
        };
        let mut used = 0;
        let mut from = self.sent;
        let mut push = |bytes: &'a [u8]| {
            if bytes.is_empty() {
                return true;
            }
            let Some(slot) = slices.get_mut(used) else { return false };
            *slot = IoSlice::new(bytes);
            used += 1;
            true
        };
        for insert in &inserts.queue {
            if !push(&self.copied[from..insert.at]) || !push(insert.bytes.bytes()) {
                return used;
            }
            from = insert.at;
        }
        push(&self.copied[from..]);
        used
    }

    /// A part of what waits, from its front: by reference where it was shared, else a copy. Linear in what
    /// is shared up to its end.
    pub(crate) fn part(&self, range: Range<usize>) -> Shared {
        let mut copy = Vec::new();
        let (mut from, mut at) = (self.sent, 0);
        let mut take = |bytes: &[u8], at: &mut usize| {
            let (start, end) = (range.start.max(*at), range.end.min(*at + bytes.len()));
            if start < end {
                copy.extend_from_slice(&bytes[start - *at..end - *at]);
            }
            *at += bytes.len();
        };
        for insert in self.shared.iter().flat_map(|shared| &shared.queue) {
            take(&self.copied[from..insert.at], &mut at);
            if range.start >= at && range.end <= at + insert.bytes.len() {
                return insert.bytes.slice(range.start - at..range.end - at);
            }
            take(insert.bytes.bytes(), &mut at);
            from = insert.at;
            if at >= range.end {
                break;
            }
        }
        if at < range.end {
            take(&self.copied[from..], &mut at);
        }
        debug_assert_eq!(copy.len(), range.len(), "the range lies in what waits");
        let len = copy.len();
        Shared::new(Rc::new(copy), 0..len)
    }

    /// Drops `len` bytes that were sent. When none is left, the buffer goes back to `spares`.
    pub(crate) fn advance(&mut self, mut len: usize, spares: &mut Spares) {
        debug_assert!(len <= self.len(), "no more is sent than waits");
        if let Some(shared) = &mut self.shared {
            while let Some(insert) = shared.queue.front_mut() {
                let before = insert.at - self.sent;
                if len < before {
                    break;
                }
                self.sent = insert.at;
                len -= before;
                if len < insert.bytes.len() {
                    insert.bytes = insert.bytes.slice(len..insert.bytes.len());
                    shared.len -= len;
                    return;
                }
                len -= insert.bytes.len();
                shared.len -= insert.bytes.len();
                if let Some(insert) = shared.queue.pop_front() {
                    spares.give_shared(insert.bytes);
                }
            }
        }
        self.sent += len;
        if self.is_empty() {
            self.sent = 0;
            spares.give(std::mem::take(&mut self.copied));
            self.shared = None;
        } else if self.sent > EVERYDAY_BYTES && self.sent > self.copied.len() / 2 {
            // A conn that never quite empties does not keep all it ever said. Each byte is moved
            // at most once for each time as many were sent.
            self.copied.drain(..self.sent);
            for insert in self.shared.iter_mut().flat_map(|shared| &mut shared.queue) {
                insert.at -= self.sent;
            }
            self.sent = 0;
        }
    }

    /// Gives all up.
    pub(crate) fn clear(&mut self, spares: &mut Spares) {
        spares.give(std::mem::take(&mut self.copied));
        for insert in std::mem::take(self).shared.into_iter().flat_map(|shared| shared.queue) {
            spares.give_shared(insert.bytes);
        }
    }
}

/// An inbox's bytes while they are worked on.
#[derive(Debug)]
pub(crate) struct Lent {
    pub(crate) buffer: Rc<Vec<u8>>,
    filled: usize,
}

impl Lent {
    pub(crate) fn filled(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }
}

/// The start of a message whose end has not come. Empty for nearly every conn nearly always: what
/// arrives whole is parsed where the kernel put it.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// Initialised bytes, more than are filled.
    bytes: Vec<u8>,
    filled: usize,
}

/// How many bytes more are believed to come of a message of which `there` are. Servers are few, and
/// the operator's own.
fn believed(side: Side, there: usize) -> usize {
    let most = GROW_BYTES_MAX.max(there);
    match side {
        Side::Client => there.saturating_mul(GROW_TIMES).clamp(FRESH_BYTES, most),
        Side::Server => most,
    }
}

/// Room for a message that is just large enough to be shared, and the beginning of the next.
const SHARED_NEXT_BYTES: usize = SHARE_BYTES_MIN + FRESH_BYTES;

impl Inbox {
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Bytes that were kept.
    pub(crate) const fn len(&self) -> usize {
        self.filled
    }

    /// Bytes it takes up.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Keeps `bytes`, the unparsed end of a read from that side, for a message that misses `missing`
    /// more.
    pub(crate) fn keep(&mut self, bytes: &[u8], missing: usize, side: Side, spares: &mut Spares) {
        debug_assert!(self.is_empty(), "what was kept comes before");
        debug_assert!(!bytes.is_empty(), "there is something to keep");
        // A little more than the message: what follows it may come along.
        let want = bytes.len() + missing.min(believed(side, bytes.len())) + FRESH_BYTES;
        self.bytes = spares.take_for(want, bytes.len().saturating_add(missing));
        if self.bytes.len() < bytes.len() {
            self.bytes.resize(bytes.len(), 0);
        }
        self.bytes[..bytes.len()].copy_from_slice(bytes);
        self.filled = bytes.len();
    }

    /// Space for the next read from that side, behind what is filled.
    ///
    /// For a message that misses much it is just what is missing, so that the message ends where
    /// the buffer ends and the whole can be handed on; else a little more, for what follows. It
    /// grows by what [`believed`] says: space follows bytes received, not lengths announced.
    pub(crate) fn space(&mut self, missing: usize, side: Side) -> &mut [u8] {
        if missing < RECV_BYTES / 4 {
            let end = self.filled + missing.max(FRESH_BYTES);
            if self.bytes.len() < end {
                self.bytes.resize(end, 0);
            }
            return &mut self.bytes[self.filled..end];
        }
        let want = missing.min(believed(side, self.filled));
        // Somebody who sends little at a time does not have it grow each time.
        if self.bytes.len() - self.filled < want.div_ceil(2) {
            let end = self.filled + want;
            // No more than is known to come: twice as much is what a vector would take.
            self.bytes.reserve_exact(end - self.bytes.len());
            self.bytes.resize(end, 0);
        }
        let end = self.bytes.len().min(self.filled + missing);
        &mut self.bytes[self.filled..end]
    }

    /// `len` bytes of the space were filled.
    pub(crate) fn advance(&mut self, len: usize) {
        self.filled += len;
        debug_assert!(self.filled <= self.bytes.len(), "no more is filled than was lent");
    }

    /// Lends the filled bytes out, to be read while the conn is worked on, and parts of them to be
    /// shared. [`take_back`](Self::take_back) must follow.
    pub(crate) fn lend(&mut self) -> Lent {
        Lent { buffer: Rc::new(std::mem::take(&mut self.bytes)), filled: self.filled }
    }

    /// Takes back what was lent, less its first `consumed` bytes. What is left is moved to the
    /// front, once for each message it follows; or to a buffer of its own, when a part of the old
    /// one is on its way elsewhere. `missing` is what the message misses that it begins.
    pub(crate) fn take_back(
        &mut self,
        lent: Lent,
        consumed: usize,
        missing: usize,
        spares: &mut Spares,
    ) {
        let rest = consumed..lent.filled;
        self.filled = rest.len();
        match Rc::try_unwrap(lent.buffer) {
            Ok(bytes) if rest.is_empty() => spares.give(bytes),
            Ok(mut bytes) => {
                if consumed > 0 {
                    bytes.copy_within(rest, 0);
                }
                self.bytes = bytes;
            }
            Err(_) if rest.is_empty() => {}
            Err(shared) => {
                // Large messages follow each other: the next gets a buffer for one at once, and who
                // has just sent so much is believed to send as much again.
                let rest = &shared[rest];
                let want = (rest.len() + missing.min(consumed)).max(SHARED_NEXT_BYTES);
                self.bytes = spares.take_for(want, want.max(rest.len().saturating_add(missing)));
                if self.bytes.len() < rest.len() {
                    self.bytes.resize(rest.len(), 0);
                }
                self.bytes[..rest.len()].copy_from_slice(rest);
            }
        }
    }

    /// Gives all up.
    pub(crate) fn clear(&mut self, spares: &mut Spares) {
        spares.give(std::mem::take(&mut self.bytes));
        self.filled = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(bytes: &[u8]) -> Shared {
        Shared::new(Rc::new(bytes.to_vec()), 0..bytes.len())
    }

    fn flatten(outbox: &Outbox) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 16];
        let used = outbox.slices(None, &mut slices);
        slices[..used].iter().flat_map(|slice| slice.iter().copied()).collect()
    }

    #[test]
    fn copied_and_shared_bytes_leave_in_the_order_they_came_however_they_are_cut() {
        let expected = b"aabbBBBBccCCddDD";
        for cut in 1..=expected.len() {
            let mut spares = Spares::default();
            let mut outbox = Outbox::default();
            outbox.push(b"aabb", &mut spares);
            outbox.share(shared(b"BBBB"));
            outbox.push(b"cc", &mut spares);
            outbox.share(shared(b"CC"));
            outbox.push(b"dd", &mut spares);
            outbox.share(shared(b"DD"));
            let mut got = Vec::new();
            while !outbox.is_empty() {
                let rest = flatten(&outbox);
                assert_eq!(rest.len(), outbox.len(), "cut every {cut}");
                let step = cut.min(rest.len());
                got.extend_from_slice(&rest[..step]);
                outbox.advance(step, &mut spares);
            }
            assert_eq!(got, expected, "cut every {cut}");
        }
    }

    #[test]
    fn a_shared_message_before_anything_copied_goes_first() {
        let mut spares = Spares::default();
        let mut outbox = Outbox::default();
        outbox.share(shared(b"first"));
        outbox.push(b"second", &mut spares);
        assert_eq!(flatten(&outbox), b"firstsecond");
    }

    #[test]
    fn a_limit_counts_from_what_is_sent() {
        let mut spares = Spares::default();
        let mut outbox = Outbox::default();
        outbox.push(b"abcdef", &mut spares);
        outbox.share(shared(b"GHI"));
        outbox.advance(3, &mut spares);
        for (limit, expected) in [(0, &b""[..]), (2, b"de"), (3, b"def")] {
            let mut slices = [IoSlice::new(&[]); 4];
            let used = outbox.slices(Some(limit), &mut slices);
            let got: Vec<u8> = slices[..used].iter().flat_map(|slice| slice.to_vec()).collect();
            assert_eq!(got, expected, "{limit} bytes");
        }
    }

    #[test]
    fn an_outbox_that_never_empties_forgets_what_is_gone() {
        let mut spares = Spares::default();
        let mut outbox = Outbox::default();
        outbox.push(b"x", &mut spares);
        for _ in 0..1_000 {
            outbox.push(&[b'y'; 1_000], &mut spares);
            outbox.advance(1_000, &mut spares);
        }
        assert_eq!(outbox.len(), 1);
        assert!(outbox.copied.capacity() < 8 * EVERYDAY_BYTES, "{}", outbox.copied.capacity());
    }

    #[test]
    fn a_large_message_that_was_sent_leaves_its_buffer_for_the_next() {
        let mut spares = Spares::default();
        let mut outbox = Outbox::default();
        outbox.share(shared(&[7; 100_000]));
        outbox.advance(60_000, &mut spares);
        assert_eq!(spares.large_bytes(), 0, "part of it waits");
        outbox.advance(40_000, &mut spares);
        assert!(spares.large_bytes() >= 100_000);
    }

    #[test]
    fn an_inbox_takes_no_more_than_bytes_received_can_justify() {
        const ANNOUNCED: usize = 512 * 1024 * 1024;
        for (first, step) in
            [(1, 1), (100, 7), (5_000, 1_000), (60_000, 60_000), (1 << 20, 1 << 20)]
        {
            let mut spares = Spares::default();
            let mut inbox = Inbox::default();
            inbox.keep(&vec![1; first], ANNOUNCED, Side::Client, &mut spares);
            let mut filled = first;
            for _ in 0..20 {
                let len = inbox.space(ANNOUNCED - filled, Side::Client).len().min(step);
                assert!(len > 0, "there is always space");
                inbox.advance(len);
                filled += len;
                let most = filled + believed(Side::Client, filled) + FRESH_BYTES;
                assert!(inbox.capacity() <= most, "{} for {filled}", inbox.capacity());
            }
        }
    }

    #[test]
    fn an_inbox_ends_where_its_large_message_ends_and_grows_a_few_times_until_then() {
        const MESSAGE: usize = 1 << 20;
        for first in [40, 16_000, 65_536] {
            let mut spares = Spares::default();
            let mut inbox = Inbox::default();
            let mut capacities = std::collections::BTreeSet::new();
            inbox.keep(&vec![1; first], MESSAGE - first, Side::Client, &mut spares);
            while inbox.filled < MESSAGE {
                let missing = MESSAGE - inbox.filled;
                let len = inbox.space(missing, Side::Client).len();
                assert!(len <= missing, "what follows is not read");
                inbox.advance(len);
                capacities.insert(inbox.capacity());
            }
            assert!(capacities.len() <= 6, "{first}: {capacities:?}");
            assert!(inbox.capacity() < MESSAGE + 2 * FRESH_BYTES, "{first}: {capacities:?}");
        }
    }

    #[test]
    fn what_was_consumed_leaves_the_inbox_and_the_rest_stays() {
        let mut spares = Spares::default();
        let mut inbox = Inbox::default();
        inbox.keep(b"abc", 10, Side::Client, &mut spares);
        inbox.space(10, Side::Client)[..3].copy_from_slice(b"def");
        inbox.advance(3);
        let lent = inbox.lend();
        assert_eq!(lent.filled(), b"abcdef");
        inbox.take_back(lent, 4, 10, &mut spares);
        assert_eq!(inbox.lend().filled(), b"ef");
    }

    #[test]
    fn what_follows_a_shared_message_gets_a_buffer_of_its_own() {
        let mut spares = Spares::default();
        let mut inbox = Inbox::default();
        inbox.keep(b"abcdef", 10, Side::Client, &mut spares);
        let lent = inbox.lend();
        let shared = Shared::new(Rc::clone(&lent.buffer), 0..4);
        inbox.take_back(lent, 4, 10, &mut spares);
        assert_eq!(shared.bytes(), b"abcd");
        assert_eq!(inbox.lend().filled(), b"ef");
    }
}
