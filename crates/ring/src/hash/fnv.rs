//! Fowler, Noll and Vo's hashes. Bytes are sign-extended in all four.
//!
//! The 64-bit ones run in 32 bits, as in the original: a product's low half depends on the low
//! halves alone, and nothing else of the result is kept.

use super::sign_extend;

/// The original's `hash_fnv1_64`.
#[inline]
pub(super) fn fnv1_64(bytes: &[u8]) -> u32 {
    fnv1(bytes, BASIS_64, PRIME_64)
}

/// The original's `hash_fnv1a_64`, its default.
#[inline]
pub(super) fn fnv1a_64(bytes: &[u8]) -> u32 {
    fnv1a(bytes, BASIS_64, PRIME_64)
}

/// The original's `hash_fnv1_32`.
#[inline]
pub(super) fn fnv1_32(bytes: &[u8]) -> u32 {
    fnv1(bytes, BASIS_32, PRIME_32)
}

/// The original's `hash_fnv1a_32`.
#[inline]
pub(super) fn fnv1a_32(bytes: &[u8]) -> u32 {
    fnv1a(bytes, BASIS_32, PRIME_32)
}

/// Multiplies, then mixes the byte in.
#[inline]
fn fnv1(bytes: &[u8], basis: u32, prime: u32) -> u32 {
    bytes.iter().fold(basis, |hash, &byte| hash.wrapping_mul(prime) ^ sign_extend(byte))
}

/// Mixes the byte in, then multiplies.
#[inline]
fn fnv1a(bytes: &[u8], basis: u32, prime: u32) -> u32 {
    bytes.iter().fold(basis, |hash, &byte| (hash ^ sign_extend(byte)).wrapping_mul(prime))
}

/// The [`fnv1a_64`] of several keys. Each step of a hash waits for the one before, and a processor does those of several at
/// the same time: four cost little more than one.
#[inline]
pub(crate) fn fnv1a_64_each<const N: usize>(keys: [&[u8]; N]) -> [u32; N] {
    let shared = keys.iter().map(|key| key.len()).min().unwrap_or(0);
    let fronts = keys.map(|key| &key[..shared]);
    let mut hashes = [BASIS_64; N];
    for at in 0..shared {
        for (hash, front) in hashes.iter_mut().zip(fronts) {
            *hash = (*hash ^ sign_extend(front[at])).wrapping_mul(PRIME_64);
        }
    }
    for (hash, key) in hashes.iter_mut().zip(keys) {
        *hash = fnv1a(&key[shared..], *hash, PRIME_64);
    }
    hashes
}

/// Low half of the 64-bit offset basis.
const BASIS_64: u32 = 0xcbf2_9ce4_8422_2325_u64 as u32;
/// Low half of the 64-bit prime.
const PRIME_64: u32 = 0x0000_0100_0000_01b3_u64 as u32;
const BASIS_32: u32 = 0x811c_9dc5;
const PRIME_32: u32 = 0x0100_0193;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Generator;

    #[test]
    fn ascii_keys_have_the_published_values() {
        for (key, v1_64, v1a_64, v1_32, v1a_32) in [
            ("a", 0xaf63_bd4c_8601_b7be, 0xaf63_dc4c_8601_ec8c, 0x050c_5d7e, 0xe40c_292c),
            ("foobar", 0x340d_8765_a4dd_a9c2, 0x8594_4171_f739_67e8, 0x31f0_b262, 0xbf9c_f968),
        ] {
            let (v1_64, v1a_64): (u64, u64) = (v1_64, v1a_64);
            let bytes = key.as_bytes();
            assert_eq!(fnv1_64(bytes), v1_64 as u32, "'{key}'");
            assert_eq!(fnv1a_64(bytes), v1a_64 as u32, "'{key}'");
            assert_eq!(fnv1_32(bytes), v1_32, "'{key}'");
            assert_eq!(fnv1a_32(bytes), v1a_32, "'{key}'");
        }
    }

    /// The twin that keeps all 64 bits.
    #[test]
    fn half_of_the_arithmetic_gives_half_of_the_result() {
        let mut random = Generator::seeded(7);
        for round in 0..1000 {
            let key = random.bytes(round % 40);
            let (mut wide, mut wide_a) = (0xcbf2_9ce4_8422_2325_u64, 0xcbf2_9ce4_8422_2325_u64);
            for &byte in &key {
                let byte = byte.cast_signed() as u64;
                wide = wide.wrapping_mul(0x0100_0000_01b3) ^ byte;
                wide_a = (wide_a ^ byte).wrapping_mul(0x0100_0000_01b3);
            }
            assert_eq!(fnv1_64(&key), wide as u32, "'{}'", key.escape_ascii());
            assert_eq!(fnv1a_64(&key), wide_a as u32, "'{}'", key.escape_ascii());
        }
    }

    #[test]
    fn keys_hash_as_recorded_from_the_original_fnv1_64() {
        let recorded: [(&[u8], u32); 7] = [
            (b"apple", 473199127),
            (&[0x7f; 1], 0x8601_b7a0),
            (&[0x80; 1], 0x79fe_485f),
            (&[0xff; 1], 0x79fe_4820),
            (&[0xff; 2], 0xb4eb_719f),
            (&[0xff; 5], 0x8983_7754),
            (&[0xff; 16], 0x610a_98b5),
        ];
        for (key, value) in recorded {
            assert_eq!(fnv1_64(key), value, "'{}'", key.escape_ascii());
        }
    }

    #[test]
    fn keys_hash_as_recorded_from_the_original_fnv1a_64() {
        let recorded: [(&[u8], u32); 7] = [
            (b"apple", 1488911807),
            (&[0x7f; 1], 0x8602_11ee),
            (&[0x80; 1], 0x79fd_ec5f),
            (&[0xff; 1], 0x79fe_466e),
            (&[0xff; 2], 0xb4ee_5163),
            (&[0xff; 5], 0xaed5_4baa),
            (&[0xff; 16], 0x7409_4855),
        ];
        for (key, value) in recorded {
            assert_eq!(fnv1a_64(key), value, "'{}'", key.escape_ascii());
        }
    }

    #[test]
    fn keys_hash_as_recorded_from_the_original_fnv1_32() {
        let recorded: [(&[u8], u32); 7] = [
            (b"apple", 67176023),
            (&[0x7f; 1], 0x050c_5d60),
            (&[0x80; 1], 0xfaf3_a29f),
            (&[0xff; 1], 0xfaf3_a2e0),
            (&[0xff; 2], 0x1276_995f),
            (&[0xff; 5], 0xb7a7_2b54),
            (&[0xff; 16], 0x658a_4655),
        ];
        for (key, value) in recorded {
            assert_eq!(fnv1_32(key), value, "'{}'", key.escape_ascii());
        }
    }

    #[test]
    fn keys_hash_as_recorded_from_the_original_fnv1a_32() {
        let recorded: [(&[u8], u32); 7] = [
            (b"apple", 280767167),
            (&[0x7f; 1], 0xfa0c_4bce),
            (&[0x80; 1], 0x04f3_b29f),
            (&[0xff; 1], 0xf9f3_a14e),
            (&[0xff; 2], 0x3679_10a3),
            (&[0xff; 5], 0xdd8f_ecca),
            (&[0xff; 16], 0xa1a3_6df5),
        ];
        for (key, value) in recorded {
            assert_eq!(fnv1a_32(key), value, "'{}'", key.escape_ascii());
        }
    }
}
