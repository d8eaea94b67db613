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
mod tests;
