//! A block of a response: a `VALUE` line, and the data behind it.

use memchr::memchr;

use super::digits;
use super::words::{Words, word_end};
use crate::limits::VALUE_BYTES_MAX;

/// Where the block ends that begins at `at`, data and line end included, when its line is all there
/// and is written as memcached writes it: one space between words, no number longer than it needs to
/// be. The data may not be there yet, and is not looked at.
///
/// `None` says nothing; [`data_bytes`] has the answer then. One pass over the line.
#[inline]
pub(super) fn plain_block(buf: &[u8], at: usize) -> Option<usize> {
    let key_end = plain_key_end(buf, at)?;
    let flags_end = digits::skip_short(buf, key_end + 1)?;
    if (buf[key_end], buf[flags_end]) != (b' ', b' ') {
        return None;
    }
    let (length, length_end) = digits::short(buf, flags_end + 1, digits::SHORT_DIGITS_MAX)?;
    let line_end = match buf[length_end] {
        b' ' => digits::skip_short(buf, length_end + 1)?,
        _ => length_end,
    };
    let data = line_end + b"\r\n".len();
    let is_plain = buf.get(line_end..data)? == b"\r\n" && length <= VALUE_BYTES_MAX;
    is_plain.then(|| data + length as usize + b"\r\n".len())
}

/// Where the key of the `VALUE` line at `at` ends.
#[inline(always)]
fn plain_key_end(buf: &[u8], at: usize) -> Option<usize> {
    const NAME: &[u8] = b"VALUE ";
    if buf.get(at..at + NAME.len())? != NAME {
        return None;
    }
    let key = at + NAME.len();
    let key_end = word_end(buf, key);
    (key_end.wrapping_sub(key).wrapping_sub(1) < PLAIN_KEY_BYTES_MAX).then_some(key_end)
}

/// What stands behind the key in a `VALUE` line, as it was read last: values of one response are mostly of one
/// length, and then a line's end is not read but compared with the last one's, as one number.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineEnd {
    /// Its bytes, as a little-endian number.
    bytes: u128,
    /// Which bytes of sixteen are its own.
    mask: u128,
    /// Where the block ends, counted from the key's end.
    block_end: usize,
}

impl LineEnd {
    /// Nothing has been read: no line ends like it.
    pub(super) const fn new() -> Self {
        Self { bytes: u128::MAX, mask: 0, block_end: 0 }
    }

    /// As [`plain_block`], of a line that may end like the one before it.
    #[inline(always)]
    pub(super) fn plain_block(&mut self, buf: &[u8], at: usize) -> Option<usize> {
        let key_end = plain_key_end(buf, at)?;
        if let Some(chunk) = buf.get(key_end..)?.first_chunk()
            && u128::from_le_bytes(*chunk) & self.mask == self.bytes
        {
            return Some(key_end + self.block_end);
        }
        self.read(buf, at, key_end)
    }

    /// As [`plain_block`], of a line that does not end like the last; the next may end like it.
    #[inline(never)]
    fn read(&mut self, buf: &[u8], at: usize, key_end: usize) -> Option<usize> {
        let block_end = plain_block(buf, at)?;
        let behind_key = &buf[key_end..];
        let len = memchr(b'\n', behind_key)? + 1;
        if len <= size_of::<u128>()
            && let Some(chunk) = behind_key.first_chunk()
        {
            self.mask = u128::MAX >> (u128::BITS as usize - 8 * len);
            self.bytes = u128::from_le_bytes(*chunk) & self.mask;
            self.block_end = block_end - key_end;
        }
        Some(block_end)
    }
}

/// Longest key in a plain line: far from where a line would be too long.
const PLAIN_KEY_BYTES_MAX: usize = 1024;

/// Bytes of data that follow `line`, which is without its line end, when it is
/// `VALUE key flags bytes [unique]`.
pub(super) fn data_bytes(line: &[u8]) -> Option<usize> {
    let arguments = line.strip_prefix(b"VALUE ")?;
    let mut words = Words::new(arguments);
    let mut next = || words.next().map(|word| word.of(arguments));
    let _key = next()?;
    let _flags = digits::unsigned(next()?)?;
    let length = digits::unsigned(next()?)?;
    if let Some(unique) = next() {
        digits::unsigned(unique)?;
    }
    let fits = next().is_none() && words.stray.is_none() && length <= VALUE_BYTES_MAX;
    fits.then_some(length as usize)
}

/// Bytes of data that follow `line`, which is without its line end, when it is `VA bytes flag*`.
pub(super) fn meta_data_bytes(line: &[u8]) -> Option<usize> {
    let arguments = line.strip_prefix(b"VA ")?;
    let mut words = Words::new(arguments);
    let length = digits::unsigned(words.next()?.of(arguments))?;
    words.by_ref().for_each(drop);
    (words.stray.is_none() && length <= VALUE_BYTES_MAX).then_some(length as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_ends_like_the_last_is_read_like_any_other() {
        let lines = ["VALUE k 0 5\r\n", "VALUE key 0 5\r\n", "VALUE k 10 1048576\r\n"];
        for last in lines.map(str::as_bytes) {
            let mut line_end = LineEnd::new();
            let padded = [last, b"behind it, the data"].concat();
            assert!(line_end.plain_block(&padded, 0).is_some());
            for line in lines.map(str::as_bytes) {
                let good = [line, b"behind it, the data"].concat();
                for at in 0..line.len() + 1 {
                    let mut buf = good.clone();
                    for byte in 0..=u8::MAX {
                        buf[at] = byte;
                        let (mut warm, shown) = (line_end, buf.escape_ascii());
                        assert_eq!(warm.plain_block(&buf, 0), plain_block(&buf, 0), "{shown}");
                    }
                }
                for cut in 0..good.len() {
                    let (mut warm, buf) = (line_end, &good[..cut]);
                    assert_eq!(warm.plain_block(buf, 0), plain_block(buf, 0), "cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn a_plain_block_is_what_the_thorough_reader_says_it_is() {
        for line in [
            "VALUE k 0 5",
            "VALUE k 4294967295 0 18446744073709551615",
            "VALUE k 4294967295 0 1844674407370955161",
            "VALUE key-of-some-length 12 100 7",
            "VALUE  k 0 7",
            "VALUE k 0 7 ",
            "VALUE k 0 1073741824",
            "VALUE k 0 1073741825",
            "VALUE k 0",
            "VALUE k 0 -1",
            "VALUE k -1 1",
            "VALUE k 0 1 x",
            "VALUE k 0 1 2 3",
            "VALUE k\r 0 1",
            "VALUE k\0 0 1",
            "VALUE  ",
            "VALUEk 0 1 1",
            "END",
        ] {
            let whole = format!("before{line}\r\n");
            let thorough = data_bytes(line.as_bytes()).map(|data| whole.len() + data + 2);
            let plain = plain_block(whole.as_bytes(), 6);
            assert!(plain.is_none() || plain == thorough, "{line:?}: {plain:?}, {thorough:?}");
            for cut in 0..whole.len() {
                assert_eq!(plain_block(&whole.as_bytes()[..cut], 6), None, "{line:?} cut at {cut}");
            }
        }
        assert_eq!(plain_block(b"VALUE k 0 5\r\n", 0), Some(20));
        assert_eq!(plain_block(b"VALUE k 0 5 1234567890123\r\n", 0), Some(34));
    }

    #[test]
    fn a_value_line_has_a_key_flags_a_length_and_perhaps_a_unique_number() {
        for (line, length) in [
            ("VALUE k 0 5", Some(5)),
            ("VALUE k 4294967295 0 18446744073709551615", Some(0)),
            ("VALUE  k  0  7  ", Some(7)),
            ("VALUE k 0 1073741824", Some(1 << 30)),
            ("VALUE k 0 1073741825", None),
            ("VALUE k 0", None),
            ("VALUE k 0 -1", None),
            ("VALUE k -1 1", None),
            ("VALUE k 0 1 x", None),
            ("VALUE k 0 1 2 3", None),
            ("VALUE k\r 0 1", None),
            ("VALUE", None),
            ("VALUEk 0 1 1", None),
            ("value k 0 1", None),
            ("VA 1", None),
        ] {
            assert_eq!(data_bytes(line.as_bytes()), length, "{line:?}");
        }
    }
}
