//! CRC-16, or what becomes of it in 32 bits.

/// The original's `hash_crc16`: CRC-16/XMODEM (polynomial 0x1021, not reflected), whose register
/// is 32 bits wide and never masked to 16. The upper half, bytes shifted out of the CRC proper,
/// stays in the result and takes part in the placement.
#[inline]
pub(super) fn crc16(bytes: &[u8]) -> u32 {
    let mut hash: u32 = 0;
    for &byte in bytes {
        let entry = ((hash >> 8) ^ u32::from(byte)) & 0xff;
        hash = (hash << 8) ^ u32::from(TABLE[entry as usize]);
    }
    hash
}

/// The CRC of each single byte.
static TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc << 1) ^ if crc & 0x8000 != 0 { 0x1021 } else { 0 };
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

    #[test]
    fn the_low_half_is_the_published_crc_and_the_high_half_is_kept() {
        let check = crc16(b"123456789");
        assert_eq!(check & 0xffff, 0x31c3);
        assert_ne!(check >> 16, 0);
    }

    #[test]
    fn keys_hash_as_recorded_from_the_original() {
        let recorded: [(&[u8], u32); 7] = [
            (b"apple", 3662830516),
            (&[0x7f; 1], 0x0000_8f78),
            (&[0x80; 1], 0x0000_9188),
            (&[0xff; 1], 0x0000_1ef0),
            (&[0xff; 2], 0x001e_1d0f),
            (&[0xff; 5], 0xd299_c360),
            (&[0xff; 16], 0x6a98_0041),
        ];
        for (key, value) in recorded {
            assert_eq!(crc16(key), value, "'{}'", key.escape_ascii());
        }
    }
}
