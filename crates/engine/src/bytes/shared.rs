//! Large bytes, held once.

use std::ops::Range;
use std::rc::Rc;

/// A range of a buffer that is held once and shared by whoever needs part of it.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    buffer: Rc<Vec<u8>>,
    start: u32,
    len: u32,
}

impl Shared {
    /// That range of `buffer`. A buffer has one message and what was read behind it, which come to much less than
    /// 4 GiB ([`RESPONSE_BYTES_MAX`](crate::limits::RESPONSE_BYTES_MAX)).
    pub(crate) fn new(buffer: Rc<Vec<u8>>, range: Range<usize>) -> Self {
        debug_assert!(range.end <= buffer.len(), "the range lies in the buffer");
        let narrow = |bytes| u32::try_from(bytes).expect("the limits of messages are below 2^32");
        Self { buffer, start: narrow(range.start), len: narrow(range.len()) }
    }

    /// All of `buffer`.
    pub(crate) fn whole(buffer: Vec<u8>) -> Self {
        let len = buffer.len();
        Self::new(Rc::new(buffer), 0..len)
    }

    /// A part of this part.
    pub(crate) fn slice(&self, range: Range<usize>) -> Self {
        debug_assert!(range.end <= self.len as usize, "the range lies in the part");
        let start = self.start as usize + range.start;
        Self::new(Rc::clone(&self.buffer), start..start + range.len())
    }

    /// The whole buffer, if nobody else holds a part of it.
    pub(crate) fn into_buffer(self) -> Option<Vec<u8>> {
        Rc::try_unwrap(self.buffer).ok()
    }

    /// The buffer, and where in it the part begins.
    pub(crate) const fn place(&self) -> (&Rc<Vec<u8>>, usize) {
        (&self.buffer, self.start as usize)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start as usize..][..self.len as usize]
    }

    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }
}
