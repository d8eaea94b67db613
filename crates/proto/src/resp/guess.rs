//! The guess that a bulk string's header is the one before it again.
//!
//! Keys of one request and values of one response are mostly of one length. Where they are, a header is
//! not read: it is compared with the last, as one number. Where they are not, it is read, and the guess
//! has cost a few instructions.

use super::digits;

/// The header that was read last, and how far its string reaches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess {
    /// Its bytes, as a little-endian number.
    header: u64,
    /// Which bytes of eight are its own.
    mask: u64,
    /// Where the body begins, counted from the header.
    start: usize,
    /// Where the body ends, counted from the header.
    end: usize,
}

impl Guess {
    /// Nothing has been read: no header is like it.
    pub(super) const fn new() -> Self {
        Self { header: u64::MAX, mask: 0, start: 0, end: 0 }
    }

    /// The body of the bulk string that begins at `at`, when it is all there and has fewer than 100,000
    /// bytes. `None` says nothing, as of [`digits::short_header`].
    #[inline(always)]
    pub(super) fn short_bulk(&mut self, buf: &[u8], at: usize) -> Option<(usize, usize)> {
        let word = buf.get(at..).and_then(|text| text.first_chunk());
        let is_like = word.is_some_and(|word| u64::from_le_bytes(*word) & self.mask == self.header);
        if !is_like && !self.read(buf, at) {
            return None;
        }
        let (start, end) = (at + self.start, at + self.end);
        ends(buf, end).then_some((start, end))
    }

    /// Reads a header that is not like the last; the next may be like it. Says whether there is one. Where it
    /// leads is told by the guess itself: a pair that is returned in memory is slower to get than to read.
    fn read(&mut self, buf: &[u8], at: usize) -> bool {
        let Some((len, start)) = digits::short_header(buf, at, b'$') else { return false };
        let bytes = start - at;
        *self = Self { start: bytes, end: bytes + len as usize, ..Self::new() };
        if let Some(word) = buf.get(at..).and_then(|text| text.first_chunk()) {
            self.mask = u64::MAX >> (64 - 8 * bytes);
            self.header = u64::from_le_bytes(*word) & self.mask;
        }
        true
    }
}

/// Whether a body that ends at `end` has its line end behind it.
#[inline(always)]
pub(super) fn ends(buf: &[u8], end: usize) -> bool {
    buf.get(end..end + 2).is_some_and(|line_end| line_end == b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found of the strings that stand behind each other in `buf`, by a guess that goes along.
    fn walk(buf: &[u8]) -> Vec<(usize, usize)> {
        let (mut guess, mut at) = (Guess::new(), 0);
        std::iter::from_fn(|| {
            let (start, end) = guess.short_bulk(buf, at)?;
            at = end + 2;
            Some((start, end))
        })
        .collect()
    }

    /// The same, of which each header is read.
    fn read(buf: &[u8]) -> Vec<(usize, usize)> {
        let mut at = 0;
        std::iter::from_fn(|| {
            let found = Guess::new().short_bulk(buf, at)?;
            at = found.1 + 2;
            Some(found)
        })
        .collect()
    }

    #[test]
    fn strings_of_one_length_and_of_many_are_found_as_by_reading() {
        let lengths: &[&[usize]] =
            &[&[3; 9], &[64; 9], &[64, 64, 5, 5, 64, 0, 0, 1], &[9, 10, 99, 100, 1_000, 12_345]];
        for &lengths in lengths {
            let mut buf = Vec::new();
            for len in lengths {
                buf.extend_from_slice(format!("${len}\r\n{}\r\n", "x".repeat(*len)).as_bytes());
            }
            let found = walk(&buf);
            assert!(found.iter().map(|(start, end)| end - start).eq(lengths.iter().copied()));
            for cut in 0..buf.len() {
                assert_eq!(walk(&buf[..cut]), read(&buf[..cut]), "{lengths:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_nearly_the_last_header_is_read_for_what_it_is() {
        let good = b"$12\r\nhello, world\r\n$12\r\nhello, world\r\nbehind";
        for at in 0..good.len() {
            let mut buf = good.to_vec();
            for byte in 0..=u8::MAX {
                buf[at] = byte;
                assert_eq!(walk(&buf), read(&buf), "{}", buf.escape_ascii());
            }
        }
    }
}
