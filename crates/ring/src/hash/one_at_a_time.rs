//! Bob Jenkins' one-at-a-time.

use super::sign_extend;

/// The original's `hash_one_at_a_time`. Bytes are sign-extended.
#[inline]
pub(super) fn one_at_a_time(bytes: &[u8]) -> u32 {
    let mut hash: u32 = 0;
    for &byte in bytes {
        hash = hash.wrapping_add(sign_extend(byte));
        hash = hash.wrapping_add(hash << 10);
        hash ^= hash >> 6;
    }
    hash = hash.wrapping_add(hash << 3);
    hash ^= hash >> 11;
    hash.wrapping_add(hash << 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_keys_have_the_published_values() {
        for (key, value) in
            [("a", 0xca2e_9442), ("The quick brown fox jumps over the lazy dog", 0x519e_91f5)]
        {
            assert_eq!(one_at_a_time(key.as_bytes()), value, "'{key}'");
        }
    }

    #[test]
    fn keys_hash_as_recorded_from_the_original() {
        let recorded: [(&[u8], u32); 7] = [
            (b"apple", 2297466611),
            (&[0x7f; 1], 0xeaf3_d5c4),
            (&[0x80; 1], 0xc31d_4e27),
            (&[0xff; 1], 0xae65_a494),
            (&[0xff; 2], 0xe9c2_d586),
            (&[0xff; 5], 0xe9aa_c2b7),
            (&[0xff; 16], 0x95ef_10c0),
        ];
        for (key, value) in recorded {
            assert_eq!(one_at_a_time(key), value, "'{}'", key.escape_ascii());
        }
    }
}
