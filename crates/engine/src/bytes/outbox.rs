//! What goes out of a conn and is not yet sent; and of what was sent, what may have to be sent again.

use std::collections::VecDeque;
use std::io::IoSlice;

use crate::bytes::shared::Shared;
use crate::bytes::spares::Spares;
use crate::limits::{EVERYDAY_BYTES, GROWN_BYTES_MAX};

/// Bytes on their way out.
///
/// ```text
/// copied   [ gone ........ | aaaa bbbb | cccc ]
///                          ^ sent      ^ shared[0].at: its bytes leave here, between b and c
/// ```
/// Small messages are copied behind each other; large ones are shared and remember the place in
/// the stream of copied bytes where they belong. What is gone lies there until its place is needed, or for
/// as long as somebody may have to send it again.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    copied: Vec<u8>,
    /// Bytes of `copied` that were sent.
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

/// What waits in an outbox, read once from its front to its end.
pub(crate) struct Waiting<'a> {
    copied: &'a [u8],
    /// How much of `copied` is behind it.
    from: usize,
    /// What is shared and not behind it, each with its place in `copied`.
    inserts: VecDeque<(usize, &'a Shared)>,
    /// How much of the first of them is.
    within: usize,
}

impl Waiting<'_> {
    /// Passes over `len` bytes.
    pub(crate) fn skip(&mut self, len: usize) {
        self.pass(len, |_| {});
    }

    /// The next `len` bytes: by reference where they were shared, else a copy.
    pub(crate) fn take(&mut self, len: usize) -> Shared {
        if let Some(&(at, bytes)) = self.inserts.front()
            && at == self.from
            && self.within + len <= bytes.len()
        {
            let part = bytes.slice(self.within..self.within + len);
            self.skip(len);
            return part;
        }
        let mut copy = Vec::with_capacity(len);
        self.pass(len, |bytes| copy.extend_from_slice(bytes));
        Shared::whole(copy)
    }

    /// Passes over `len` bytes, and shows them piece by piece.
    fn pass(&mut self, mut len: usize, mut show: impl FnMut(&[u8])) {
        while len > 0 {
            let first = self.inserts.front().copied();
            let end = first.map_or(self.copied.len(), |(at, _)| at);
            if self.from < end {
                let passed = len.min(end - self.from);
                show(&self.copied[self.from..self.from + passed]);
                self.from += passed;
                len -= passed;
                continue;
            }
            let (_, bytes) = first.expect("no more is passed than waits");
            let passed = len.min(bytes.len() - self.within);
            show(&bytes.bytes()[self.within..self.within + passed]);
            self.within += passed;
            len -= passed;
            if self.within == bytes.len() {
                self.inserts.pop_front();
                self.within = 0;
            }
        }
    }
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
    /// the outbox has none, and a larger one when it has outgrown an everyday one.
    #[inline]
    pub(crate) fn tail(&mut self, want: usize, spares: &mut Spares) -> &mut Vec<u8> {
        self.begin_with(|| spares.take(want));
        if self.copied.capacity() - self.copied.len() < want {
            self.grow(want, spares);
        }
        &mut self.copied
    }

    /// Makes room for `want` bytes more. A large buffer is one that is there already, if it can: were the present one
    /// enlarged, the next outbox would have to begin with a fresh small one and do the same, while those that it was
    /// done for before lie there. Copies what there is, as enlarging it would.
    #[cold]
    fn grow(&mut self, want: usize, spares: &mut Spares) {
        let enough = (self.copied.len() + want).max(2 * self.copied.capacity());
        if enough <= EVERYDAY_BYTES {
            return self.copied.reserve_exact(enough - self.copied.len());
        }
        let mut larger = spares.take_for(enough, enough);
        larger.clear();
        larger.extend_from_slice(&self.copied);
        spares.give(std::mem::replace(&mut self.copied, larger));
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

    /// What waits, to be taken apart from its front.
    pub(crate) fn waiting(&self) -> Waiting<'_> {
        let inserts = self.shared.iter().flat_map(|shared| &shared.queue);
        let inserts = inserts.map(|insert| (insert.at, &insert.bytes)).collect();
        Waiting { copied: &self.copied, from: self.sent, inserts, within: 0 }
    }

    /// Drops `len` bytes that were sent. When none is left, the buffer goes back to `spares`.
    pub(crate) fn advance(&mut self, len: usize, spares: &mut Spares) {
        self.pass(len, spares);
        let gone = self.forget(self.sent, spares);
        spares.give(gone);
    }

    /// `len` bytes were sent: they wait no more. Those that were copied stay in their place until they are
    /// [forgotten](Self::forget).
    pub(crate) fn pass(&mut self, mut len: usize, spares: &mut Spares) {
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
    }

    /// The first `len` of the copied bytes are of no use any more; they were sent. Gives the buffer, if the rest
    /// is of none either or fits a far smaller one; else one without capacity, and their place may be kept for a
    /// while.
    #[must_use = "a buffer is used again"]
    pub(crate) fn forget(&mut self, len: usize, spares: &mut Spares) -> Vec<u8> {
        debug_assert!(len <= self.sent, "what waits is of use");
        if len == self.copied.len() && self.is_empty() {
            (self.sent, self.shared) = (0, None);
            return std::mem::take(&mut self.copied);
        }
        if len <= EVERYDAY_BYTES || len <= self.copied.len() / 2 {
            return Vec::new();
        }
        // A conn that never quite empties does not keep all it ever said. Each byte is moved at most once
        // for each time as many were sent.
        for insert in self.shared.iter_mut().flat_map(|shared| &mut shared.queue) {
            insert.at -= len;
        }
        self.sent -= len;
        // Nor what a burst needed.
        let rest = &self.copied[len..];
        let enough = 2 * rest.len().max(EVERYDAY_BYTES);
        if self.copied.capacity() > GROWN_BYTES_MAX.max(4 * enough) {
            let mut smaller = spares.take_for(rest.len(), enough);
            smaller.clear();
            smaller.extend_from_slice(rest);
            return std::mem::replace(&mut self.copied, smaller);
        }
        self.copied.drain(..len);
        Vec::new()
    }

    /// Has what is appended next go to a buffer of the caller's choice, if there is none.
    #[inline]
    pub(crate) fn begin_with(&mut self, buffer: impl FnOnce() -> Vec<u8>) {
        if self.copied.capacity() == 0 {
            self.copied = buffer();
            self.copied.clear();
        }
    }

    /// Bytes in its place that were copied: those that were sent and are not forgotten, then those that wait.
    pub(crate) fn copied(&self) -> &[u8] {
        &self.copied
    }

    /// How many of the [copied](Self::copied) bytes were sent.
    pub(crate) const fn sent(&self) -> usize {
        self.sent
    }

    /// Gives all up.
    pub(crate) fn clear(&mut self, spares: &mut Spares) {
        spares.give(std::mem::take(&mut self.copied));
        for insert in std::mem::take(self).shared.into_iter().flat_map(|shared| shared.queue) {
            spares.give_shared(insert.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(bytes: &[u8]) -> Shared {
        Shared::whole(bytes.to_vec())
    }

    /// `aabbBBBBccCCddDD`, of which the capital letters are shared.
    fn mixed(spares: &mut Spares) -> Outbox {
        let mut outbox = Outbox::default();
        for (copied, by_reference) in [(&b"aabb"[..], &b"BBBB"[..]), (b"cc", b"CC"), (b"dd", b"DD")]
        {
            outbox.push(copied, spares);
            outbox.share(shared(by_reference));
        }
        outbox
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
            let mut outbox = mixed(&mut spares);
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
    fn what_waits_is_taken_apart_in_order_whatever_the_cuts() {
        let expected = b"bbBBBBccCCddDD";
        for cut in 1..=expected.len() {
            for skipped in 0..=expected.len() {
                let mut spares = Spares::default();
                let mut outbox = mixed(&mut spares);
                outbox.pass(2, &mut spares);
                let mut waiting = outbox.waiting();
                waiting.skip(skipped);
                let mut got = Vec::new();
                while got.len() < expected.len() - skipped {
                    let len = cut.min(expected.len() - skipped - got.len());
                    got.extend_from_slice(waiting.take(len).bytes());
                }
                assert_eq!(got, &expected[skipped..], "cut every {cut} after {skipped}");
            }
        }
    }

    #[test]
    fn what_was_shared_is_taken_by_reference() {
        let mut spares = Spares::default();
        let mut outbox = Outbox::default();
        outbox.push(b"head", &mut spares);
        outbox.share(shared(b"body"));
        let body = |waiting: &mut Waiting<'_>, len| waiting.take(len).bytes().as_ptr();
        let mut waiting = outbox.waiting();
        waiting.skip(4);
        let first = body(&mut waiting, 2);
        assert_eq!(first.wrapping_add(2), body(&mut waiting, 2));
        assert_eq!(outbox.waiting().take(8).bytes(), b"headbody");
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
    #[cfg_attr(miri, ignore = "long")]
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
    fn what_was_sent_is_there_until_it_is_forgotten() {
        let mut spares = Spares::default();
        let mut outbox = Outbox::default();
        outbox.push(b"aabb", &mut spares);
        outbox.share(shared(b"CCC"));
        outbox.push(b"dd", &mut spares);
        outbox.pass(8, &mut spares);
        assert_eq!((outbox.copied(), outbox.sent()), (&b"aabbdd"[..], 5));
        assert_eq!(flatten(&outbox), b"d");
        assert_eq!(outbox.forget(4, &mut spares).capacity(), 0);
        outbox.pass(1, &mut spares);
        assert_eq!(outbox.forget(4, &mut spares).capacity(), 0);
        assert_eq!(outbox.copied(), b"aabbdd", "so little is not worth moving the rest");
        assert!(outbox.forget(6, &mut spares).capacity() >= 6);
        assert!(outbox.copied().is_empty() && outbox.is_empty());
    }

    #[test]
    fn of_a_long_line_what_is_forgotten_makes_room_and_the_rest_stays_as_it_was() {
        let mut spares = Spares::default();
        let mut outbox = Outbox::default();
        outbox.push(&[b'x'; 3 * EVERYDAY_BYTES], &mut spares);
        outbox.push(b"aa", &mut spares);
        outbox.share(shared(b"BB"));
        outbox.push(b"cc", &mut spares);
        outbox.pass(3 * EVERYDAY_BYTES + 1, &mut spares);
        assert_eq!(outbox.forget(2 * EVERYDAY_BYTES, &mut spares).capacity(), 0);
        assert_eq!(outbox.sent(), EVERYDAY_BYTES + 1);
        assert_eq!(flatten(&outbox), b"aBBcc");
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn what_a_burst_needed_is_not_kept_though_the_line_never_empties() {
        let mut spares = Spares::default();
        let mut outbox = Outbox::default();
        outbox.push(&vec![b'x'; 8 << 20], &mut spares);
        outbox.pass(8 << 20, &mut spares);
        outbox.push(b"a", &mut spares);
        let gone = outbox.forget(8 << 20, &mut spares);
        assert!(
            gone.capacity() >= 8 << 20,
            "it is for the next, and given to the system by who keeps them"
        );
        assert_eq!((flatten(&outbox), outbox.sent()), (b"a".to_vec(), 0));
        assert!(outbox.copied.capacity() < 4 * EVERYDAY_BYTES, "{}", outbox.copied.capacity());
    }

    #[test]
    fn many_small_messages_find_the_buffers_of_those_before_them() {
        let mut spares = Spares::default();
        let round = |spares: &mut Spares| {
            let mut outboxes = [Outbox::default(), Outbox::default()];
            for outbox in &mut outboxes {
                (0..100).for_each(|n| outbox.push(&[n; 1_000], spares));
                assert!(
                    flatten(outbox).iter().enumerate().all(|(at, &n)| usize::from(n) == at / 1_000)
                );
            }
            for mut outbox in outboxes {
                outbox.advance(100_000, spares);
            }
            spares.bytes()
        };
        let first = round(&mut spares);
        assert!(first < 2 * 4 * 100_000, "{first}");
        for again in 1..10 {
            assert_eq!(round(&mut spares), first, "round {again}");
        }
    }

    #[test]
    fn a_large_message_that_was_sent_leaves_its_buffer_for_the_next() {
        let mut spares = Spares::default();
        let mut outbox = Outbox::default();
        outbox.share(shared(&[7; 200_000]));
        outbox.advance(60_000, &mut spares);
        assert_eq!(spares.large_bytes(), 0, "part of it waits");
        outbox.advance(140_000, &mut spares);
        assert!(spares.large_bytes() >= 200_000);
    }
}
