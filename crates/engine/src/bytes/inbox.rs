//! What came in on a conn and is not yet whole.

use std::rc::Rc;

use crate::bytes::spares::Spares;
use crate::ids::Side;
use crate::limits::{
    FRESH_BYTES, GROW_BYTES_AT_ONCE, GROW_BYTES_MAX, GROW_TIMES, RECV_BYTES, SHARE_BYTES_MIN,
};

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
    let most = there.clamp(GROW_BYTES_MAX, GROW_BYTES_AT_ONCE);
    match side {
        Side::Client => there.saturating_mul(GROW_TIMES).clamp(FRESH_BYTES, most),
        Side::Server => most,
    }
}

/// How much room to make for a message of which `there` are and that misses `missing`: what is believed, and the
/// little that would be missing then.
fn step(missing: usize, side: Side, there: usize) -> usize {
    let believed = believed(side, there);
    if missing < believed + LITTLE_MISSING { missing } else { believed }
}

/// So little of a message may be missing that its end and what follows it are read together.
const LITTLE_MISSING: usize = RECV_BYTES / 4;

/// Room for a message that is just large enough to be shared, and the beginning of the next.
const SHARED_NEXT_BYTES: usize = SHARE_BYTES_MIN + FRESH_BYTES;

impl Inbox {
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Whether what is kept begins a message, which misses `missing` more, that is copied on its way anyway; or nothing is.
    #[inline]
    pub(crate) const fn is_small(&self, missing: usize) -> bool {
        self.filled == 0 || self.filled.saturating_add(missing) < SHARE_BYTES_MIN
    }

    /// Whether what is kept begins a large message, of which `missing` more are to come, and there is room for these.
    pub(crate) const fn has_room_for(&self, missing: usize) -> bool {
        !self.is_small(missing) && self.bytes.len() - self.filled >= missing
    }

    /// What is kept.
    pub(crate) fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
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
        let want = bytes.len() + step(missing, side, bytes.len()) + FRESH_BYTES;
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
    /// the buffer ends and the whole can be handed on; else a little more, for what follows. At most
    /// [`RECV_BYTES`]. It grows by what [`believed`] says: space follows bytes received, not lengths announced.
    pub(crate) fn space(&mut self, missing: usize, side: Side) -> &mut [u8] {
        if missing < LITTLE_MISSING {
            // One of many parts is as likely to be followed by more as it is long already.
            let most = missing.max(FRESH_BYTES).max(RECV_BYTES.min(self.filled / 4));
            // Where there is room for the rest of the message, what follows it is not worth a larger buffer.
            if self.bytes.len() - self.filled < missing.max(1) {
                self.bytes.resize(self.filled + most, 0);
            }
            let end = self.bytes.len().min(self.filled + most);
            return &mut self.bytes[self.filled..end];
        }
        let want = step(missing, side, self.filled);
        // Somebody who sends little at a time does not have it grow each time.
        if self.bytes.len() - self.filled < want.div_ceil(2) {
            let end = self.filled + want;
            // No more than is known to come: twice as much is what a vector would take.
            self.bytes.reserve_exact(end - self.bytes.len());
            self.bytes.resize(end, 0);
        }
        let end = self.bytes.len().min(self.filled + missing.min(RECV_BYTES));
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

    /// Takes all out, as it was received.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.truncate(std::mem::take(&mut self.filled));
        bytes
    }

    /// Gives all up.
    #[inline]
    pub(crate) fn clear(&mut self, spares: &mut Spares) {
        if self.bytes.capacity() > 0 {
            spares.give(std::mem::take(&mut self.bytes));
            self.filled = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::shared::Shared;

    #[test]
    #[cfg_attr(miri, ignore = "long")]
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
    #[cfg_attr(miri, ignore = "long")]
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
    #[cfg_attr(miri, ignore = "long")]
    fn however_large_a_message_is_its_space_grows_by_a_bounded_step() {
        const MESSAGE: usize = 100 << 20;
        for side in [Side::Client, Side::Server] {
            let mut spares = Spares::default();
            let mut inbox = Inbox::default();
            inbox.keep(&[1; 1000], MESSAGE - 1000, side, &mut spares);
            while inbox.filled < MESSAGE {
                let before = inbox.bytes.len();
                let len = inbox.space(MESSAGE - inbox.filled, side).len();
                let grown = inbox.bytes.len() - before;
                assert!(grown <= GROW_BYTES_AT_ONCE + LITTLE_MISSING, "{grown} behind {before}");
                inbox.advance(len.min(MESSAGE - inbox.filled));
            }
            assert!(inbox.capacity() <= MESSAGE + 2 * LITTLE_MISSING, "{}", inbox.capacity());
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn however_a_large_message_is_cut_its_buffer_is_of_its_size() {
        for message in [100_000, 340_000, 1 << 20, (1 << 20) + 10, 1_120_000, 5_000_000] {
            for step in [1_000, 4_096, 61_003, 65_000, RECV_BYTES] {
                for side in [Side::Client, Side::Server] {
                    let mut spares = Spares::default();
                    let mut inbox = Inbox::default();
                    let first = step.min(RECV_BYTES);
                    inbox.keep(&vec![1; first], message - first, side, &mut spares);
                    while inbox.filled < message {
                        let missing = message - inbox.filled;
                        let len = inbox.space(missing, side).len().min(missing).min(step);
                        inbox.advance(len);
                    }
                    let (room, most) = (inbox.capacity(), message + 2 * LITTLE_MISSING);
                    assert!(room <= most, "{room} for {message} in steps of {step}");
                }
            }
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
