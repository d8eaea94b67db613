//! A line's words.

use std::ops::Range;

/// The words of a line that has lost its line end, each as where it starts and ends.
///
/// Spaces alone separate: a TAB is a letter here, as it is to memcached. CR and NUL belong to the
/// word they stand in, and `stray` remembers the first. One pass over the line.
#[derive(Clone, Debug)]
pub(super) struct Words<'a> {
    line: &'a [u8],
    at: usize,
    /// The first byte seen so far that has no place in a line.
    pub(super) stray: Option<usize>,
}

impl<'a> Words<'a> {
    /// The words of `line`, which holds no LF.
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self::behind(line, 0)
    }

    /// Those from `at` on.
    pub(super) fn behind(line: &'a [u8], at: usize) -> Self {
        debug_assert!(!line.contains(&b'\n'), "a line without its line end");
        Self { line, at, stray: None }
    }

    /// The end of the last word.
    pub(super) const fn at(&self) -> usize {
        self.at
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    #[inline]
    fn next(&mut self) -> Option<Word> {
        let start = skip_spaces(self.line, self.at);
        if start == self.line.len() {
            self.at = start;
            return None;
        }
        let mut end = word_end(self.line, start);
        while end < self.line.len() && self.line[end] != b' ' {
            self.stray.get_or_insert(end);
            end = word_end(self.line, end + 1);
        }
        self.at = end;
        Some(Word { start, end })
    }
}

/// Where a word is in its line. It is never empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Word {
    /// Its bytes.
    pub(super) fn of(self, line: &[u8]) -> &[u8] {
        &line[self.start..self.end]
    }

    /// Its place, as a request gives places.
    pub(super) fn range(self) -> Range<u32> {
        self.start as u32..self.end as u32
    }

    /// How many bytes it has.
    pub(super) fn len(self) -> usize {
        self.end - self.start
    }
}

/// The first place from `from` on that holds no space, or the line's end.
#[inline]
pub(super) fn skip_spaces(line: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < line.len() && line[at] == b' ' {
        at += 1;
    }
    at
}

/// The first place from `from` on with a byte that ends a word (space, LF) or that has no place in
/// one (CR, NUL), or the line's end.
///
/// Eight bytes a step: keys are some tens of bytes long, too short for a vector search to pay. Of
/// eight bytes the lowest that is at most a space is found by the borrow it causes; bytes above it
/// may seem to be one, so only the lowest counts. Other control characters are rare, part of the
/// word, and cost a step each.
#[inline]
pub(super) fn word_end(line: &[u8], from: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH_BITS: u64 = ONES << 7;
    const ABOVE_SPACE: u64 = ONES * (b' ' as u64 + 1);

    let mut at = from;
    loop {
        match line[at..].first_chunk() {
            Some(&chunk) => {
                let bytes = u64::from_le_bytes(chunk);
                let low = bytes.wrapping_sub(ABOVE_SPACE) & !bytes & HIGH_BITS;
                if low == 0 {
                    at += chunk.len();
                    continue;
                }
                at += low.trailing_zeros() as usize / 8;
            }
            None => {
                while at < line.len() && line[at] > b' ' {
                    at += 1;
                }
                if at == line.len() {
                    return at;
                }
            }
        }
        if ends_word(line[at]) {
            return at;
        }
        at += 1;
    }
}

/// Whether `byte` cannot be part of a word.
#[inline]
fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\0')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> (Vec<&str>, Option<usize>) {
        let mut words = Words::new(line.as_bytes());
        let found = words.by_ref().map(|word| &line[word.start..word.end]).collect();
        (found, words.stray)
    }

    #[test]
    fn spaces_separate_words_and_nothing_else_does() {
        for (line, expected) in [
            ("", vec![]),
            ("   ", vec![]),
            ("get", vec!["get"]),
            ("  get   a  b ", vec!["get", "a", "b"]),
            ("get\ta", vec!["get\ta"]),
            (
                "get a\u{1}b\u{7f}\u{e9} longer-than-eight-bytes",
                vec!["get", "a\u{1}b\u{7f}\u{e9}", "longer-than-eight-bytes"],
            ),
        ] {
            assert_eq!(words(line), (expected, None), "{line:?}");
        }
    }

    #[test]
    fn the_first_stray_byte_is_remembered_and_stays_in_its_word() {
        assert_eq!(words("a b\rc d\0"), (vec!["a", "b\rc", "d\0"], Some(3)));
        assert_eq!(words("\r"), (vec!["\r"], Some(0)));
        assert_eq!(words("abcdefgh\0\0ijklmnop q"), (vec!["abcdefgh\0\0ijklmnop", "q"], Some(8)));
    }

    #[test]
    fn every_byte_ends_a_word_or_not_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                let mut line = [b'x'; 20];
                line[place] = byte;
                let end = if ends_word(byte) { place } else { line.len() };
                assert_eq!(word_end(&line, 0), end, "byte 0x{byte:02x} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_fast_search_agrees_with_the_plain_one(
            line in prop::collection::vec(
                prop_oneof![Just(b' '), Just(b'!'), Just(0x80), 0_u8..0x24, any::<u8>()], 0..40),
            from in 0_usize..40,
        ) {
            let from = from.min(line.len());
            let plain = line[from..].iter().position(|&b| ends_word(b)).map_or(line.len(), |n| from + n);
            prop_assert_eq!(word_end(&line, from), plain);
        }
    }
}
