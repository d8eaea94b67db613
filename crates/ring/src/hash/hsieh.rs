//! Paul Hsieh's SuperFastHash.

use super::sign_extend;

/// The original's `hash_hsieh`. It starts from 0 where its author starts from the length, and of
/// the bytes left over at the end it sign-extends the third of three but not a single one.
#[inline]
pub(super) fn hsieh(bytes: &[u8]) -> u32 {
    let (blocks, rest) = bytes.as_chunks::<4>();
    let mut hash: u32 = 0;
    for &[b0, b1, b2, b3] in blocks {
        hash = hash.wrapping_add(half(b0, b1));
        hash = (hash << 16) ^ ((half(b2, b3) << 11) ^ hash);
        hash = hash.wrapping_add(hash >> 11);
    }
    match *rest {
        [b0, b1, b2] => {
            hash = hash.wrapping_add(half(b0, b1));
            hash ^= hash << 16;
            hash ^= sign_extend(b2) << 18;
            hash = hash.wrapping_add(hash >> 11);
        }
        [b0, b1] => {
            hash = hash.wrapping_add(half(b0, b1));
            hash ^= hash << 11;
            hash = hash.wrapping_add(hash >> 17);
        }
        [b0] => {
            hash = hash.wrapping_add(u32::from(b0));
            hash ^= hash << 10;
            hash = hash.wrapping_add(hash >> 1);
        }
        _ => {}
    }
    hash ^= hash << 3;
    hash = hash.wrapping_add(hash >> 5);
    hash ^= hash << 4;
    hash = hash.wrapping_add(hash >> 17);
    hash ^= hash << 25;
    hash.wrapping_add(hash >> 6)
}

/// Two bytes as a little-endian number.
#[inline]
fn half(low: u8, high: u8) -> u32 {
    u32::from(u16::from_le_bytes([low, high]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from the original: no byte of the key looks the same signed and unsigned.
    #[test]
    fn keys_of_every_remainder_hash_as_recorded() {
        let recorded = [
            0x02a6_dba8,
            0x03be_b609,
            0x8a98_f6ae,
            0x26e2_dcb2,
            0xe9ff_d14d,
            0xa8bc_9dcf,
            0xea98_0ceb,
            0xf36c_d681,
            0x26e0_7840,
        ];
        for (len, value) in (1..).zip(recorded) {
            assert_eq!(hsieh(&vec![0xff; len]), value, "{len} bytes 0xff");
        }
        assert_eq!(hsieh(b"apple"), 3738850110);
    }
}
