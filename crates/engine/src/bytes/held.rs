//! Responses that came before their turn.
//!
//! A client gets its responses in the order of its requests; servers answer in theirs. What comes
//! early is held here until its turn: small ones are copied behind each other into chunks of
//! [`CHUNK_BYTES`], so holding costs a copy and no allocation; larger ones keep a buffer of their
//! own.
//!
//! ```text
//! chunk 0   [ early | early | gone | early |            ]  live 3   <- current: filled at its end
//! chunk 1   [ gone  | gone  | early                     ]  live 1
//! chunk 2   [                                           ]  live 0   <- spare
//! ```
//! A chunk is used again when the last of what it held has left.

use crate::bytes::shared::Shared;
use crate::bytes::spares::Spares;
use crate::limits::{CHUNK_BYTES, HELD_IN_CHUNK_BYTES_MAX, SPARE_CHUNKS_MAX};

/// One response, held.
#[derive(Debug, Default)]
pub(crate) enum Held {
    /// Nothing.
    #[default]
    None,
    /// Bytes of a chunk.
    Chunk { chunk: u32, start: u32, len: u32 },
    /// Bytes of a buffer that may have other holders.
    Shared(Shared),
}

impl Held {
    /// Bytes held.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Chunk { len, .. } => *len as usize,
            Self::Shared(shared) => shared.len(),
        }
    }
}

/// The chunks of one worker.
#[derive(Debug, Default)]
pub(crate) struct Holding {
    chunks: Vec<Chunk>,
    current: Option<u32>,
    /// Empty chunks that kept their bytes.
    spare: Vec<u32>,
    /// Places whose chunk gave its bytes back.
    vacant: Vec<u32>,
}

#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    live: u32,
}

impl Holding {
    /// Holds a copy of `bytes`. O(bytes); allocates only when every chunk is in use, and for a large
    /// one when no buffer is.
    #[inline]
    pub(crate) fn hold(&mut self, bytes: &[u8], spares: &mut Spares) -> Held {
        if bytes.len() > HELD_IN_CHUNK_BYTES_MAX {
            let mut buffer = spares.take_for(bytes.len(), bytes.len());
            buffer.clear();
            buffer.extend_from_slice(bytes);
            return Held::Shared(Shared::whole(buffer));
        }
        let current = match self.current {
            Some(at) if self.chunks[at as usize].bytes.len() + bytes.len() <= CHUNK_BYTES => at,
            _ => self.next_chunk(),
        };
        let chunk = &mut self.chunks[current as usize];
        let start = chunk.bytes.len() as u32;
        chunk.bytes.extend_from_slice(bytes);
        chunk.live += 1;
        Held::Chunk { chunk: current, start, len: bytes.len() as u32 }
    }

    /// What is held there.
    #[inline]
    pub(crate) fn bytes<'a>(&'a self, held: &'a Held) -> &'a [u8] {
        match held {
            Held::None => &[],
            Held::Chunk { chunk, start, len } => {
                &self.chunks[*chunk as usize].bytes[*start as usize..][..*len as usize]
            }
            Held::Shared(shared) => shared.bytes(),
        }
    }

    /// Lets go of it. A large one's buffer goes to `spares`.
    #[inline]
    pub(crate) fn release(&mut self, held: Held, spares: &mut Spares) {
        let at = match held {
            Held::None => return,
            Held::Shared(shared) => return spares.give_shared(shared),
            Held::Chunk { chunk, .. } => chunk,
        };
        let chunk = &mut self.chunks[at as usize];
        debug_assert!(chunk.live > 0, "released once for each hold");
        chunk.live -= 1;
        if chunk.live > 0 {
            return;
        }
        chunk.bytes.clear();
        if self.current == Some(at) {
            return;
        }
        if self.spare.len() < SPARE_CHUNKS_MAX {
            self.spare.push(at);
        } else {
            chunk.bytes = Vec::new();
            self.vacant.push(at);
        }
    }

    /// Responses that chunks hold. O(chunks).
    pub(crate) fn live(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.live as usize).sum()
    }

    /// Bytes of all chunks that have any.
    #[cfg(test)]
    fn capacity(&self) -> usize {
        (self.chunks.len() - self.vacant.len()) * CHUNK_BYTES
    }

    fn next_chunk(&mut self) -> u32 {
        let at = self.spare.pop().unwrap_or_else(|| {
            let at = self.vacant.pop().unwrap_or_else(|| {
                self.chunks.push(Chunk::default());
                (self.chunks.len() - 1) as u32
            });
            self.chunks[at as usize].bytes = Vec::with_capacity(CHUNK_BYTES);
            at
        });
        debug_assert!(self.chunks[at as usize].bytes.is_empty(), "a spare chunk is empty");
        self.current = Some(at);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_reads_back_until_it_is_released() {
        let mut holding = Holding::default();
        let sizes = [0, 1, 71, HELD_IN_CHUNK_BYTES_MAX, HELD_IN_CHUNK_BYTES_MAX + 1, 100_000];
        let held: Vec<_> = sizes
            .iter()
            .map(|&n| holding.hold(&vec![n as u8; n], &mut Spares::default()))
            .collect();
        for (held, n) in held.iter().zip(sizes) {
            assert_eq!(holding.bytes(held), vec![n as u8; n], "{n} bytes");
        }
        held.into_iter().for_each(|held| holding.release(held, &mut Spares::default()));
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn a_chunk_is_used_again_when_the_last_of_it_has_left() {
        let mut holding = Holding::default();
        for round in 0..1_000 {
            let held: Vec<_> =
                (0..100).map(|n| holding.hold(&[n; 500], &mut Spares::default())).collect();
            for (n, held) in held.into_iter().enumerate() {
                assert_eq!(holding.bytes(&held), [n as u8; 500], "round {round}");
                holding.release(held, &mut Spares::default());
            }
        }
        assert!(holding.capacity() <= 5 * CHUNK_BYTES, "{} bytes", holding.capacity());
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn a_burst_leaves_no_more_than_the_spare_chunks_behind() {
        let mut holding = Holding::default();
        let burst: Vec<_> =
            (0..10_000).map(|_| holding.hold(&[7; 4_000], &mut Spares::default())).collect();
        assert!(holding.capacity() >= 10_000 * 4_000);
        burst.into_iter().for_each(|held| holding.release(held, &mut Spares::default()));
        assert!(holding.capacity() <= (SPARE_CHUNKS_MAX + 1) * CHUNK_BYTES);
    }
}
