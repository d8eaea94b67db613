//! From key to server: hash tag, hash, ring.

use crate::hash::fnv1a_64_each;
use crate::{HashKind, HashTag, Ring};

/// How a pool reads its keys: the hash, and the hash tag if it has one.
///
/// The third choice, the distribution, is in the [`Ring`]. The default is the original's:
/// [`HashKind::Fnv1a64`] of the whole key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Placement {
    /// The hash of the key, or of its tagged part.
    pub hash: HashKind,
    /// Selects the part of the key that is hashed.
    pub tag: Option<HashTag>,
}

impl Placement {
    /// The server that `key` belongs to, as an index into the servers that `ring` was built from;
    /// `None` when no server is live.
    ///
    /// `draw` gives a random number and is called once if the distribution is `random`, otherwise
    /// never. When a single server is live, or none, nothing is hashed. Else this costs one pass
    /// over the key for the tag, one for the hash, and one [`Ring::server`]; it never allocates.
    #[inline]
    #[must_use]
    pub fn route(&self, ring: &Ring, key: &[u8], draw: impl FnOnce() -> u32) -> Option<usize> {
        ring.pick(|| self.key_hash(key), draw)
    }

    /// The 32 bits that place `key`: the hash of its tagged part, or of all of it.
    ///
    /// An empty key has the value 0 under every hash, as in the original, which then calls none
    /// (`server_pool_hash`).
    #[inline]
    #[must_use]
    pub fn key_hash(&self, key: &[u8]) -> u32 {
        let hashed = self.hashed_part(key);
        if hashed.is_empty() { 0 } else { self.hash.hash(hashed) }
    }

    /// The [`key_hash`](Self::key_hash) of each of several keys, which takes less time than one after the other where the
    /// hash is the default.
    #[inline]
    #[must_use]
    pub fn key_hashes<const N: usize>(&self, keys: [&[u8]; N]) -> [u32; N] {
        if self.hash != HashKind::Fnv1a64 {
            return keys.map(|key| self.key_hash(key));
        }
        let hashed = keys.map(|key| self.hashed_part(key));
        let mut hashes = fnv1a_64_each(hashed);
        for (hash, hashed) in hashes.iter_mut().zip(hashed) {
            if hashed.is_empty() {
                *hash = 0;
            }
        }
        hashes
    }

    /// What is hashed of `key`.
    #[inline]
    fn hashed_part<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        match &self.tag {
            Some(tag) => tag.select(key),
            None => key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Generator;
    use crate::{DistributionKind, RingServer};

    #[test]
    fn an_empty_key_has_the_value_0_under_every_hash() {
        for hash in HashKind::ALL {
            let placement = Placement { hash, tag: HashTag::from_bytes(b"{}") };
            assert_eq!(placement.key_hash(b""), 0, "{hash}");
        }
    }

    #[test]
    fn only_the_tagged_part_of_a_key_counts() {
        for hash in HashKind::ALL {
            let tagged = Placement { hash, tag: HashTag::from_bytes(b"{}") };
            let whole = Placement { hash, tag: None };
            assert_eq!(tagged.key_hash(b"user:{42}:name"), hash.hash(b"42"), "{hash}");
            assert_eq!(tagged.key_hash(b"{}"), hash.hash(b"{}"), "{hash}");
            assert_eq!(whole.key_hash(b"user:{42}:name"), hash.hash(b"user:{42}:name"), "{hash}");
        }
    }

    #[test]
    fn keys_that_are_hashed_together_have_the_values_that_each_has_alone() {
        let mut random = Generator::seeded(5);
        for hash in HashKind::ALL {
            for tag in [None, HashTag::from_bytes(b"{}")] {
                let placement = Placement { hash, tag };
                for round in 0..100 {
                    let keys = [round, 19, 19 + round % 3, round % 5].map(|len| random.bytes(len));
                    let [a, b, c, d] = &keys;
                    let tagged = [b"x{", &a[..], b"}", &b[..]].concat();
                    for keys in [[a, b, c, d], [b, &tagged, d, a], [c, c, c, c]] {
                        let together = placement.key_hashes(keys.map(|key| &key[..]));
                        let alone = keys.map(|key| placement.key_hash(key));
                        assert_eq!(together, alone, "{hash} {tag:?} {keys:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_number_is_drawn_once_by_random_and_never_by_the_others() {
        let servers = [RingServer::new("a", 1), RingServer::new("b", 1), RingServer::new("c", 1)];
        for kind in DistributionKind::ALL {
            let ring = Ring::new(kind, &servers, &[true; 3]);
            let mut draws = 0;
            let owner = Placement::default().route(&ring, b"apple", || {
                draws += 1;
                7
            });
            let random = kind == DistributionKind::Random;
            assert_eq!(draws, usize::from(random), "{kind}");
            assert!(owner.is_some_and(|server| !random || server == 1), "{kind}: {owner:?}");
        }
    }
}
