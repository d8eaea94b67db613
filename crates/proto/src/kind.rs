//! Of what kind a response is, and of which kinds one may be.
//!
//! A server's responses belong to requests by their order alone. One of a kind that its request never
//! gets says that the two have fallen out of step, or that the server is none: whoever it was taken to
//! be meant for must not get it, and neither must anybody behind.

/// What a response is by its first bytes: a type of Redis' protocol, a word of memcached's. The
/// protocol's own `kinds` say which there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(u8);

impl Kind {
    /// The kind of that number, of which there are thirty-two: a set of them has room in a request.
    pub(crate) const fn new(number: u8) -> Self {
        assert!((number as u32) < u32::BITS, "a set has a bit for each");
        Self(number)
    }

    /// The set of this kind alone.
    pub(crate) const fn alone(self) -> Kinds {
        Kinds(1 << self.0)
    }
}

/// A set of kinds: those that a request's response may be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    /// All there are: of responses that nothing is known of.
    pub const ANY: Self = Self(u32::MAX);

    /// Those of either.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `kind` is among them. One instruction, and one that goes by its outcome.
    #[must_use]
    #[inline]
    pub const fn contain(self, kind: Kind) -> bool {
        (self.0 >> (kind.0 as u32 % u32::BITS)) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_the_kinds_that_were_put_in_and_no_other() {
        let kinds = Kind::new(0).alone().or(Kind::new(31).alone());
        for number in 0..32 {
            let expected = matches!(number, 0 | 31);
            assert_eq!(kinds.contain(Kind::new(number)), expected, "{number}");
            assert!(Kinds::ANY.contain(Kind::new(number)), "{number}");
        }
    }
}
