//! Bob Jenkins' lookup3.

/// The original's `hash_jenkins`: lookup3's `hashlittle` with the initial value 13. The original
/// reads by words, halves or bytes as the key's alignment allows; all three give this.
#[inline]
pub(super) fn jenkins(bytes: &[u8]) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32).wrapping_add(INITIAL);
    let (mut a, mut b, mut c) = (start, start, start);

    // The last block, of 1 to 12 bytes, is mixed differently, so a full one must be left for it.
    let mut left = bytes;
    while let Some((block, rest)) = left.split_first_chunk::<12>()
        && !rest.is_empty()
    {
        (a, b, c) = add(block, a, b, c);
        (a, b, c) = mix(a, b, c);
        left = rest;
    }
    if left.is_empty() {
        return c;
    }
    let mut last = [0; 12];
    last[..left.len()].copy_from_slice(left);
    (a, b, c) = add(&last, a, b, c);
    finish(a, b, c)
}

/// Adds the block's three little-endian words.
#[inline]
fn add(block: &[u8; 12], a: u32, b: u32, c: u32) -> (u32, u32, u32) {
    let word =
        |at: usize| u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
    (a.wrapping_add(word(0)), b.wrapping_add(word(4)), c.wrapping_add(word(8)))
}

/// Mixes three words reversibly (lookup3's `mix`).
#[inline]
fn mix(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32, u32) {
    a = a.wrapping_sub(c) ^ c.rotate_left(4);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(6);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(8);
    b = b.wrapping_add(a);
    a = a.wrapping_sub(c) ^ c.rotate_left(16);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(19);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(4);
    b = b.wrapping_add(a);
    (a, b, c)
}

/// Mixes three words into one (lookup3's `final`).
#[inline]
fn finish(mut a: u32, mut b: u32, mut c: u32) -> u32 {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

/// What lookup3 calls `initval`.
const INITIAL: u32 = 13;

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from the original: no byte of the key looks the same signed and unsigned.
    #[test]
    fn keys_of_every_remainder_hash_as_recorded() {
        let recorded = [
            0xe196_4da8,
            0x5952_6a84,
            0x2723_4079,
            0x428a_df39,
            0x2d39_a7b7,
            0xfd34_7a73,
            0xc9b4_6658,
            0xfa8c_6941,
            0xf7b0_3afb,
            0x3d69_5212,
            0x428d_9484,
            0xfb56_25aa,
            0x9026_65b2,
            0x1431_a42f,
            0xbf5e_dcf0,
            0xe69a_7d06,
            0x9480_5b39,
        ];
        for (len, value) in (1..).zip(recorded) {
            assert_eq!(jenkins(&vec![0xff; len]), value, "{len} bytes 0xff");
        }
        assert_eq!(jenkins(b"apple"), 1442444624);
    }
}
