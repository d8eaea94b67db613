//! Buffers between two uses.

use crate::limits::{EVERYDAY_BYTES, FRESH_BYTES, SPARE_BUFFERS_MAX, SPARE_LARGE_BYTES_MAX};
use crate::shared::Shared;

/// Buffers that no conn needs just now. An idle conn owns none.
///
/// Kept within limits, so that a burst leaves nothing behind; kept at all, because a fresh large
/// buffer costs a page fault each 4 KiB, which is dearer than what is written there.
#[derive(Debug, Default)]
pub(crate) struct Spares {
    everyday: Vec<Vec<u8>>,
    large: Vec<Vec<u8>>,
    /// Capacity of all in `large`.
    large_bytes: usize,
}

impl Spares {
    /// A buffer with room for `want` bytes, or for part of them when that is much: it grows. What
    /// is in it is of no meaning.
    pub(crate) fn take(&mut self, want: usize) -> Vec<u8> {
        if want <= EVERYDAY_BYTES {
            let fresh = || Vec::with_capacity(want.max(FRESH_BYTES));
            return self.everyday.pop().unwrap_or_else(fresh);
        }
        match self.large.pop() {
            Some(buffer) => {
                self.large_bytes -= buffer.capacity();
                buffer
            }
            None => Vec::with_capacity(want),
        }
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
                if self.large_bytes + capacity <= SPARE_LARGE_BYTES_MAX {
                    self.large_bytes += capacity;
                    self.large.push(buffer);
                }
            }
        }
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
            }
        }
        assert_eq!(spares.everyday.len(), SPARE_BUFFERS_MAX);
        let large: usize = spares.large.iter().map(Vec::capacity).sum();
        assert!(large <= SPARE_LARGE_BYTES_MAX && large == spares.large_bytes, "{large}");
        while !spares.large.is_empty() {
            spares.take(EVERYDAY_BYTES + 1);
        }
        assert_eq!(spares.large_bytes, 0);
    }
}
