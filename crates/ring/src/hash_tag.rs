//! The part of a key that is hashed.

/// Two marks; the bytes between them, where a key has both, are hashed instead of the whole key.
///
/// Keys that share those bytes land on one server. The marks are bytes rather than characters, as
/// in the original, and may be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashTag([u8; 2]);

impl HashTag {
    /// A tag with the marks `open` and `close`.
    #[must_use]
    pub const fn new(open: u8, close: u8) -> Self {
        Self([open, close])
    }

    /// The tag written as its two marks, as in a configuration file; `None` when `marks` is not
    /// exactly two bytes long.
    #[must_use]
    pub const fn from_bytes(marks: &[u8]) -> Option<Self> {
        match *marks {
            [open, close] => Some(Self::new(open, close)),
            _ => None,
        }
    }

    /// The two marks, opening one first.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 2] {
        &self.0
    }

    /// The part of `key` that is hashed: what lies between the first opening mark and the first
    /// closing mark after it, or all of `key` where that is missing or empty.
    ///
    /// There is no second attempt further right (the original's `server_pool_idx`), so of
    /// `{}{a}` the whole key counts. One pass, nothing copied.
    #[inline]
    #[must_use]
    pub fn select<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        let [open, close] = self.0;
        let Some(start) = key.iter().position(|&byte| byte == open) else { return key };
        let after = &key[start + 1..];
        match after.iter().position(|&byte| byte == close) {
            None | Some(0) => key,
            Some(len) => &after[..len],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_between_the_first_marks_are_selected() {
        for (marks, key, selected) in [
            ("{}", "{a}", "a"),
            ("{}", "user:{42}:name", "42"),
            ("{}", "{a}{b}", "a"),
            ("{}", "{{a}}", "{a"),
            ("{}", "}{a}", "a"),
            ("{}", "{a}}", "a"),
            ("$$", "x$tag$y", "tag"),
            ("$$", "$a$b$", "a"),
            ("{}", "{ }", " "),
        ] {
            let tag = HashTag::from_bytes(marks.as_bytes()).unwrap();
            assert_eq!(tag.select(key.as_bytes()), selected.as_bytes(), "'{key}' by '{marks}'");
        }
    }

    #[test]
    fn a_key_without_a_filled_pair_of_marks_is_taken_whole() {
        for (marks, key) in [
            ("{}", ""),
            ("{}", "plain"),
            ("{}", "{"),
            ("{}", "}"),
            ("{}", "{open"),
            ("{}", "closed}"),
            ("{}", "}a{"),
            ("{}", "{}"),
            ("{}", "{}{a}"),
            ("$$", "$"),
            ("$$", "$$"),
            ("$$", "$$a$"),
        ] {
            let tag = HashTag::from_bytes(marks.as_bytes()).unwrap();
            assert_eq!(tag.select(key.as_bytes()), key.as_bytes(), "'{key}' by '{marks}'");
        }
    }

    #[test]
    fn a_tag_is_two_bytes_whatever_characters_they_spell() {
        assert_eq!(HashTag::from_bytes("\u{e9}".as_bytes()), Some(HashTag::new(0xc3, 0xa9)));
        for marks in ["", "{", "{x}", "\u{20ac}"] {
            assert_eq!(HashTag::from_bytes(marks.as_bytes()), None, "'{marks}'");
        }
        assert_eq!(HashTag::new(b'[', b']').as_bytes(), b"[]");
    }
}
