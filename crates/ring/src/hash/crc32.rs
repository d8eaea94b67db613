//! CRC-32, whole and in part.

/// The original's `hash_crc32a`: the usual CRC-32 (reflected polynomial 0xedb88320, complemented
/// at both ends).
#[inline]
pub(super) fn crc32a(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        let entry = (crc ^ u32::from(byte)) & 0xff;
        crc = (crc >> 8) ^ TABLE[entry as usize];
    }
    !crc
}

/// The original's `hash_crc32`: 15 bits from the upper half of [`crc32a`], as libmemcached's
/// clients compute it. A ketama ring then sees hashes below 2^15 only, so that nearly every key is
/// its first point's owner's.
#[inline]
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    (crc32a(bytes) >> 16) & 0x7fff
}

/// The CRC of each single byte.
static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ if crc & 1 != 0 { 0xedb8_8320 } else { 0 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Generator;

    #[test]
    fn the_published_check_value_comes_out() {
        assert_eq!(crc32a(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"123456789"), 0x4bf4);
    }

    #[test]
    fn of_the_short_form_only_15_bits_are_ever_set() {
        let mut random = Generator::seeded(6);
        for round in 0..1000 {
            let key = random.bytes(1 + round % 40);
            assert!(crc32(&key) < 1 << 15, "'{}'", key.escape_ascii());
        }
    }

    #[test]
    fn keys_hash_as_recorded_from_the_original_crc32() {
        let recorded: [(&[u8], u32); 7] = [
            (b"apple", 10542),
            (&[0x7f; 1], 0x0000_12b8),
            (&[0x80; 1], 0x0000_3fba),
            (&[0xff; 1], 0x0000_7f00),
            (&[0xff; 2], 0x0000_7fff),
            (&[0xff; 5], 0x0000_52fd),
            (&[0xff; 16], 0x0000_3fb3),
        ];
        for (key, value) in recorded {
            assert_eq!(crc32(key), value, "'{}'", key.escape_ascii());
        }
    }

    #[test]
    fn keys_hash_as_recorded_from_the_original_crc32a() {
        let recorded: [(&[u8], u32); 7] = [
            (b"apple", 2838417488),
            (&[0x7f; 1], 0x12b8_8320),
            (&[0x80; 1], 0x3fba_6cad),
            (&[0xff; 1], 0xff00_0000),
            (&[0xff; 2], 0xffff_0000),
            (&[0xff; 5], 0xd2fd_1072),
            (&[0xff; 16], 0x3fb3_c61a),
        ];
        for (key, value) in recorded {
            assert_eq!(crc32a(key), value, "'{}'", key.escape_ascii());
        }
    }
}
