//! The hashes: the bytes of a key to 32 bits, under the original's names.
//!
//! All arithmetic is modulo 2^32. Several hashes of the original read the key as `char`, which is
//! signed where it is used most (amd64, and arm64 on Apple's systems); [`sign_extend`] keeps what
//! that does to bytes above 0x7f, on every machine. Which hash does so, and in which step, differs
//! from one to the next: see each file.

mod crc16;
mod crc32;
mod fnv;
mod hsieh;
mod jenkins;
mod md5;
mod murmur;
mod one_at_a_time;

use std::fmt;
use std::str::FromStr;

pub(crate) use fnv::fnv1a_64_each;

use crate::UnknownName;

/// A hash of keys. [`Fnv1a64`](Self::Fnv1a64) is the original's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HashKind {
    /// Bob Jenkins' one-at-a-time.
    OneAtATime,
    /// The first word of the MD5 digest.
    Md5,
    /// CRC-16/XMODEM in a 32-bit register that is never masked.
    Crc16,
    /// Bits 16 to 30 of [`Crc32a`](Self::Crc32a), as libmemcached does it.
    Crc32,
    /// CRC-32 as everybody does it.
    Crc32a,
    /// FNV-1, 64 bits, cut to the low 32.
    Fnv1_64,
    /// FNV-1a, 64 bits, cut to the low 32.
    #[default]
    Fnv1a64,
    /// FNV-1, 32 bits.
    Fnv1_32,
    /// FNV-1a, 32 bits.
    Fnv1a32,
    /// Paul Hsieh's SuperFastHash.
    Hsieh,
    /// Austin Appleby's MurmurHash2, 32 bits.
    Murmur,
    /// Bob Jenkins' lookup3.
    Jenkins,
}

impl HashKind {
    /// Every hash, in the original's order.
    pub const ALL: [Self; 12] = [
        Self::OneAtATime,
        Self::Md5,
        Self::Crc16,
        Self::Crc32,
        Self::Crc32a,
        Self::Fnv1_64,
        Self::Fnv1a64,
        Self::Fnv1_32,
        Self::Fnv1a32,
        Self::Hsieh,
        Self::Murmur,
        Self::Jenkins,
    ];

    /// Their names, in the same order.
    pub const NAMES: [&'static str; 12] = [
        "one_at_a_time",
        "md5",
        "crc16",
        "crc32",
        "crc32a",
        "fnv1_64",
        "fnv1a_64",
        "fnv1_32",
        "fnv1a_32",
        "hsieh",
        "murmur",
        "jenkins",
    ];

    /// The name in a configuration file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The hash of this name, case included.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How many values the hash can have, from 0 on: 2^15 for [`Crc32`](Self::Crc32), which is
    /// that many bits of a longer one, and 2^32 for the others.
    ///
    /// That all can occur does not say that all are as likely. [`Crc16`](Self::Crc16) is the one to
    /// mind: its highest byte depends on no more than what stands before a key's last two bytes.
    #[must_use]
    pub const fn values(self) -> u64 {
        match self {
            Self::Crc32 => 1 << 15,
            _ => 1 << u32::BITS,
        }
    }

    /// The hash of `bytes`. One pass, nothing allocated.
    ///
    /// The original never hashes an empty key: what it takes for one is 0, which
    /// [`Placement::key_hash`](crate::Placement::key_hash) knows and this function does not.
    #[inline]
    #[must_use]
    pub fn hash(self, bytes: &[u8]) -> u32 {
        match self {
            Self::OneAtATime => one_at_a_time::one_at_a_time(bytes),
            Self::Md5 => md5::md5(bytes),
            Self::Crc16 => crc16::crc16(bytes),
            Self::Crc32 => crc32::crc32(bytes),
            Self::Crc32a => crc32::crc32a(bytes),
            Self::Fnv1_64 => fnv::fnv1_64(bytes),
            Self::Fnv1a64 => fnv::fnv1a_64(bytes),
            Self::Fnv1_32 => fnv::fnv1_32(bytes),
            Self::Fnv1a32 => fnv::fnv1a_32(bytes),
            Self::Hsieh => hsieh::hsieh(bytes),
            Self::Murmur => murmur::murmur(bytes),
            Self::Jenkins => jenkins::jenkins(bytes),
        }
    }
}

impl fmt::Display for HashKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for HashKind {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::from_name(name).ok_or_else(|| UnknownName {
            what: "hash",
            found: name.to_owned(),
            names: &Self::NAMES,
        })
    }
}

/// A byte as C reads it through a signed `char`: 0x80 to 0xff become 0xffffff80 to 0xffffffff.
#[inline]
const fn sign_extend(byte: u8) -> u32 {
    byte.cast_signed() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_is_found_by_its_name_and_by_no_other() {
        for (kind, name) in HashKind::ALL.into_iter().zip(HashKind::NAMES) {
            assert_eq!(kind.to_string(), name);
            assert_eq!(name.parse(), Ok(kind));
        }
        for name in ["", "FNV1A_64", "fnv1a64", "md5 ", "sha1"] {
            assert_eq!(HashKind::from_name(name), None, "'{name}'");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn no_value_is_beyond_the_count_of_values_and_the_highest_are_reached() {
        for kind in HashKind::ALL {
            let largest = (0_u32..100_000)
                .map(|n| u64::from(kind.hash(n.to_string().repeat(3).as_bytes())))
                .max()
                .expect("there are keys");
            let values = kind.values();
            assert!(largest < values && largest > values / 100 * 98, "{kind}: {largest}");
        }
    }

    #[test]
    fn the_highest_byte_of_crc16_is_the_same_for_keys_that_differ_in_their_last_two_bytes() {
        let top = |key: &str| HashKind::Crc16.hash(key.as_bytes()) >> 24;
        for stem in ["", "a", "user:", "user:10", "user:11"] {
            let first = top(&format!("{stem}00"));
            for n in 1..100 {
                assert_eq!(top(&format!("{stem}{n:02}")), first, "{stem}{n:02}");
            }
        }
        assert_ne!(top("user:1000"), top("user:1100"));
    }

    #[test]
    fn bytes_above_0x7f_are_sign_extended() {
        for (byte, wide) in
            [(0, 0), (0x7f, 0x7f), (0x80, 0xffff_ff80), (0xc3, 0xffff_ffc3), (0xff, 0xffff_ffff)]
        {
            assert_eq!(sign_extend(byte), wide, "byte {byte:#x}");
        }
    }
}
