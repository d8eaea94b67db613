//! One message's bytes while it is worked on.

use std::rc::Rc;

use crate::bytes::shared::Shared;
use crate::limits::SHARE_BYTES_MIN;

/// A whole message where it was received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) bytes: &'a [u8],
    /// The buffer that holds it and where in it the message begins, if the buffer may be shared.
    buffer: Option<(&'a Rc<Vec<u8>>, usize)>,
}

impl<'a> Frame<'a> {
    /// A message in space that will be used again: it has to be copied.
    pub(crate) const fn borrowed(bytes: &'a [u8]) -> Self {
        Self { bytes, buffer: None }
    }

    /// A message in a buffer that others may hold parts of.
    pub(crate) fn of_shared(shared: &'a Shared) -> Self {
        let (buffer, start) = shared.place();
        Self { bytes: shared.bytes(), buffer: Some((buffer, start)) }
    }

    /// The `len` bytes at `at` of what was received, which is all of `buffer` if that is given.
    pub(crate) fn at(
        received: &'a [u8],
        buffer: Option<&'a Rc<Vec<u8>>>,
        at: usize,
        len: usize,
    ) -> Self {
        Self { bytes: &received[at..at + len], buffer: buffer.map(|buffer| (buffer, at)) }
    }

    /// The message by reference, when it is large and its buffer may be shared.
    pub(crate) fn shared(&self) -> Option<Shared> {
        let (buffer, at) = self.buffer?;
        (self.bytes.len() >= SHARE_BYTES_MIN)
            .then(|| Shared::new(Rc::clone(buffer), at..at + self.bytes.len()))
    }
}
