//! Austin Appleby's MurmurHash2, 32 bits.

/// The original's `hash_murmur`, whose seed depends on the length. Bytes are unsigned throughout.
#[inline]
pub(super) fn murmur(bytes: &[u8]) -> u32 {
    let len = bytes.len() as u32;
    let mut hash = 0xdead_beef_u32.wrapping_mul(len) ^ len;
    let (blocks, rest) = bytes.as_chunks::<4>();
    for &block in blocks {
        let mut word = u32::from_le_bytes(block).wrapping_mul(FACTOR);
        word ^= word >> 24;
        word = word.wrapping_mul(FACTOR);
        hash = hash.wrapping_mul(FACTOR) ^ word;
    }
    if !rest.is_empty() {
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u32::from_le_bytes(last)).wrapping_mul(FACTOR);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(FACTOR);
    hash ^ (hash >> 15)
}

const FACTOR: u32 = 0x5bd1_e995;

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from the original: no byte of the key looks the same signed and unsigned.
    #[test]
    fn keys_of_every_remainder_hash_as_recorded() {
        let recorded = [
            0xdb53_0a9c,
            0xde0b_cf8b,
            0x8148_ae87,
            0x05d7_228b,
            0x2ea1_6106,
            0x7a5f_63e7,
            0xfba9_e03a,
            0xf685_b078,
            0x65c5_cc11,
        ];
        for (len, value) in (1..).zip(recorded) {
            assert_eq!(murmur(&vec![0xff; len]), value, "{len} bytes 0xff");
        }
        assert_eq!(murmur(b"apple"), 4142305122);
    }
}
