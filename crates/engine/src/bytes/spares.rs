//! Buffers between two uses.

use crate::bytes::shared::Shared;
use crate::limits::{
    EVERYDAY_BYTES, FRESH_BYTES, GROWN_BYTES_MAX, HUGE_BYTES_MIN, SPARE_BUFFERS_MAX,
    SPARE_GROWN_MAX, SPARE_HUGE_BYTES_MAX, SPARE_LARGE_BYTES_KEPT, SPARE_LARGE_BYTES_MAX,
};

/// Buffers that no conn needs just now. An idle conn owns none.
///
/// Kept within limits, and large ones no longer than they are of use, so that a burst leaves nothing
/// behind; kept at all, because a fresh large buffer costs a page fault each 4 KiB, which is dearer
/// than what is written there.
#[derive(Debug, Default)]
pub(crate) struct Spares {
    everyday: Vec<Vec<u8>>,
    /// Such as everyday ones grow to by many small messages that are kept: for those who keep the next.
    grown: Vec<Vec<u8>>,
    large: Vec<Vec<u8>>,
    /// Capacity of all in `large`.
    large_bytes: usize,
    /// The least that was since the last [`trim`](Self::trim): what nobody has needed.
    large_bytes_min: usize,
    /// Large ones are given to the system at once.
    thrifty: bool,
}

impl Spares {
    /// A buffer to copy `want` bytes into, and more as they come. What is in it is of no meaning.
    ///
    /// It is empty again within turns, so the newest that is large enough is as good as any.
    pub(crate) fn take(&mut self, want: usize) -> Vec<u8> {
        if want <= EVERYDAY_BYTES {
            return self.everyday(want);
        }
        let fits = self.large.iter().rposition(|buffer| buffer.capacity() >= want);
        fits.map_or_else(|| Vec::with_capacity(want), |at| self.take_large(at))
    }

    /// The same, for what is to be kept for a while: many small messages, behind each other.
    pub(crate) fn take_grown(&mut self, want: usize) -> Vec<u8> {
        let fits = self.grown.last().is_some_and(|buffer| buffer.capacity() >= want);
        let grown = if fits { self.grown.pop() } else { None };
        grown.unwrap_or_else(|| self.take(want))
    }

    /// Takes such a one back.
    pub(crate) fn give_grown(&mut self, buffer: Vec<u8>) {
        if buffer.capacity() <= EVERYDAY_BYTES || buffer.capacity() > GROWN_BYTES_MAX {
            return self.give(buffer);
        }
        // One too many is no large one for who reads: they would pile up, and nobody take them.
        if self.grown.len() < SPARE_GROWN_MAX && !self.thrifty {
            self.grown.push(buffer);
        }
    }

    /// A buffer with room for `want` bytes to read into, the first of a message that may come to `of`:
    /// one that has room for all of it is the better one, and costs nothing more. What is in it is of
    /// no meaning.
    ///
    /// The rest of the message may be long in coming, so one that is far too large is not tied up.
    pub(crate) fn take_for(&mut self, want: usize, of: usize) -> Vec<u8> {
        if want.max(of) <= EVERYDAY_BYTES {
            return self.everyday(want);
        }
        let most = want.max(of).saturating_mul(4);
        let newest = |least: usize| {
            let fits = |buffer: &Vec<u8>| (least..=most).contains(&buffer.capacity());
            self.large.iter().rposition(fits)
        };
        match newest(of) {
            Some(at) => self.take_large(at),
            None if want <= EVERYDAY_BYTES => self.everyday(want),
            None => match newest(want) {
                Some(at) => self.take_large(at),
                // Zeros that the system gives need not be written.
                None => vec![0; want],
            },
        }
    }

    fn everyday(&mut self, want: usize) -> Vec<u8> {
        self.everyday.pop().unwrap_or_else(|| Vec::with_capacity(want.max(FRESH_BYTES)))
    }

    fn take_large(&mut self, at: usize) -> Vec<u8> {
        let buffer = self.large.swap_remove(at);
        self.large_bytes -= buffer.capacity();
        self.large_bytes_min = self.large_bytes_min.min(self.large_bytes);
        buffer
    }

    /// Whether to keep no large buffer at all, because memory is short; gives away what is kept then.
    pub(crate) fn set_thrifty(&mut self, thrifty: bool) {
        self.thrifty = thrifty;
        if thrifty {
            self.grown.clear();
            self.large.clear();
            (self.large_bytes, self.large_bytes_min) = (0, 0);
        }
    }

    /// Whether more is kept than stays for good.
    #[inline]
    pub(crate) const fn has_surplus(&self) -> bool {
        self.large_bytes > SPARE_LARGE_BYTES_KEPT
    }

    /// Gives large buffers to the system that nobody has needed since the last time.
    pub(crate) fn trim(&mut self) {
        let end = (self.large_bytes - self.large_bytes_min).max(SPARE_LARGE_BYTES_KEPT);
        while self.large_bytes > end {
            let Some(buffer) = self.large.pop() else { break };
            self.large_bytes -= buffer.capacity();
        }
        self.large_bytes_min = self.large_bytes;
    }

    /// Takes a buffer back, or gives it to the system when enough are kept.
    pub(crate) fn give(&mut self, buffer: Vec<u8>) {
        match buffer.capacity() {
            0 => {}
            1..=EVERYDAY_BYTES => {
                if self.everyday.len() < SPARE_BUFFERS_MAX {
                    self.everyday.push(buffer);
                }
            }
            capacity => {
                let is_huge = capacity >= HUGE_BYTES_MIN;
                let most = if is_huge { SPARE_HUGE_BYTES_MAX } else { SPARE_LARGE_BYTES_MAX };
                if !self.thrifty && self.large_bytes + capacity <= most {
                    self.large_bytes += capacity;
                    self.large.push(buffer);
                }
            }
        }
    }

    /// Capacity of all buffers. O(buffers), for tests.
    pub(crate) fn bytes(&self) -> usize {
        self.everyday.iter().chain(&self.grown).chain(&self.large).map(Vec::capacity).sum()
    }

    /// Capacity of the large buffers kept.
    #[cfg(test)]
    pub(crate) fn large_bytes(&self) -> usize {
        self.large_bytes
    }

    /// Takes the buffer behind `shared` back, if that was the last to hold it.
    pub(crate) fn give_shared(&mut self, shared: Shared) {
        if let Some(buffer) = shared.into_buffer() {
            self.give(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spares_keep_what_is_used_again_and_no_more() {
        let mut spares = Spares::default();
        for capacity in [FRESH_BYTES, EVERYDAY_BYTES, 2 * EVERYDAY_BYTES, SPARE_LARGE_BYTES_MAX] {
            for _ in 0..2 * SPARE_BUFFERS_MAX {
                spares.give(Vec::with_capacity(capacity));
                spares.give_grown(Vec::with_capacity(GROWN_BYTES_MAX));
            }
        }
        assert_eq!(spares.everyday.len(), SPARE_BUFFERS_MAX);
        assert_eq!(spares.grown.len(), SPARE_GROWN_MAX);
        let large: usize = spares.large.iter().map(Vec::capacity).sum();
        assert!(large <= SPARE_HUGE_BYTES_MAX && large == spares.large_bytes, "{large}");
        while let Some(newest) = spares.large.last() {
            let capacity = newest.capacity();
            assert_eq!(spares.take(capacity).capacity(), capacity);
        }
        assert_eq!(spares.large_bytes, 0);
    }

    #[test]
    fn one_huge_buffer_is_kept_and_many_large_ones_are_not_as_much() {
        const MEBIBYTE: usize = 1 << 20;
        let mut spares = Spares::default();
        spares.give(Vec::with_capacity(65 * MEBIBYTE));
        spares.give(Vec::with_capacity(65 * MEBIBYTE));
        assert_eq!(spares.large_bytes, 65 * MEBIBYTE);
        spares.give(Vec::with_capacity(MEBIBYTE));
        assert_eq!(spares.large_bytes, 65 * MEBIBYTE, "it is there already");
        assert_eq!(spares.take(64 * MEBIBYTE).capacity(), 65 * MEBIBYTE);
        for _ in 0..100 {
            spares.give(Vec::with_capacity(MEBIBYTE));
        }
        assert_eq!(spares.large_bytes, SPARE_LARGE_BYTES_MAX);
    }

    #[test]
    fn a_thrifty_worker_keeps_no_large_buffer() {
        let mut spares = Spares::default();
        let give = |spares: &mut Spares| {
            spares.give_grown(Vec::with_capacity(100_000));
            spares.give(Vec::with_capacity(FRESH_BYTES));
            spares.give(Vec::with_capacity(200_000));
        };
        give(&mut spares);
        spares.set_thrifty(true);
        assert_eq!(spares.bytes(), FRESH_BYTES);
        give(&mut spares);
        assert_eq!((spares.bytes(), spares.large_bytes), (2 * FRESH_BYTES, 0));
        spares.set_thrifty(false);
        give(&mut spares);
        assert_eq!((spares.bytes(), spares.large_bytes), (300_000 + 3 * FRESH_BYTES, 200_000));
    }

    #[test]
    fn what_small_messages_made_grow_is_for_who_keeps_the_next() {
        let mut spares = Spares::default();
        spares.give_grown(Vec::with_capacity(GROWN_BYTES_MAX));
        assert!(
            spares.take_for(100, 100).capacity() <= EVERYDAY_BYTES,
            "a reader may keep it long"
        );
        assert!(spares.take(100).capacity() <= EVERYDAY_BYTES, "a client needs no more");
        assert!(spares.take_grown(2 * GROWN_BYTES_MAX).capacity() > GROWN_BYTES_MAX);
        assert_eq!(spares.take_grown(100).capacity(), GROWN_BYTES_MAX);
        assert!(spares.take_grown(100).capacity() <= EVERYDAY_BYTES);
    }

    #[test]
    fn a_large_buffer_is_used_again_where_it_fits() {
        const WANT: usize = 300_000;
        let mut spares = Spares::default();
        for capacity in [WANT / 2, WANT, 2 * WANT, 5 * WANT] {
            spares.give(Vec::with_capacity(capacity));
        }
        assert_eq!(spares.take_for(WANT, WANT).capacity(), 2 * WANT, "the newest that fits");
        assert_eq!(spares.take_for(WANT, WANT).capacity(), WANT);
        assert_eq!(spares.take_for(WANT, WANT).len(), WANT, "a fresh one");
        assert_eq!(spares.large.len(), 2);
        assert_eq!(
            spares.take_for(WANT, 4 * WANT).capacity(),
            5 * WANT,
            "one for all of the message"
        );
        spares.give(Vec::with_capacity(9 * WANT));
        assert_eq!(spares.take_for(WANT, WANT).capacity(), WANT, "far too large for a message");
        assert_eq!(spares.take(WANT).capacity(), 9 * WANT, "and just right to copy into");
    }

    #[test]
    fn what_nobody_needs_goes_and_what_is_used_all_the_time_stays() {
        const MEBIBYTE: usize = 1 << 20;
        let mut spares = Spares::default();
        for _ in 0..10 {
            spares.give(Vec::with_capacity(MEBIBYTE));
        }
        // Six of ten are used in turn.
        for _ in 0..3 {
            spares.trim();
            let used: Vec<_> = (0..6).map(|_| spares.take_for(MEBIBYTE, MEBIBYTE)).collect();
            used.into_iter().for_each(|buffer| spares.give(buffer));
        }
        spares.trim();
        assert_eq!(spares.large_bytes, 6 * MEBIBYTE);
        assert!(spares.has_surplus());
        spares.trim();
        assert_eq!(spares.large_bytes, 0);
        for _ in 0..20 {
            spares.give(Vec::with_capacity(MEBIBYTE / 20));
        }
        for _ in 0..3 {
            spares.trim();
        }
        assert!(!spares.has_surplus());
        let stays = SPARE_LARGE_BYTES_KEPT - MEBIBYTE / 20..=SPARE_LARGE_BYTES_KEPT;
        assert!(stays.contains(&spares.large_bytes), "{} bytes stay", spares.large_bytes);
    }
}
