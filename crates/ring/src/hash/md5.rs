//! MD5, cut to 32 bits.

use md5::{Digest, Md5};

/// The first four bytes of the digest as a little-endian word (the original's `hash_md5`).
#[inline]
pub(super) fn md5(bytes: &[u8]) -> u32 {
    let digest: [u8; 16] = Md5::digest(bytes).into();
    u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_of_the_published_digests_is_taken() {
        // RFC 1321, A.5: 0cc175b9..., 900150983..., f96b697d...
        for (key, value) in
            [("a", 0xb975_c10c), ("abc", 0x9850_0190), ("message digest", 0x7d69_6bf9)]
        {
            assert_eq!(md5(key.as_bytes()), value, "'{key}'");
        }
    }

    #[test]
    fn keys_hash_as_recorded_from_the_original() {
        let recorded: [(&[u8], u32); 7] = [
            (b"apple", 3195025439),
            (&[0x7f; 1], 0xe6b6_ac83),
            (&[0x80; 1], 0x7edd_398d),
            (&[0xff; 1], 0xd44f_5900),
            (&[0xff; 2], 0x280d_2aab),
            (&[0xff; 5], 0xa30e_f250),
            (&[0xff; 16], 0xc9cb_798d),
        ];
        for (key, value) in recorded {
            assert_eq!(md5(key), value, "'{}'", key.escape_ascii());
        }
    }
}
