//! Keys in base64, as the meta commands' flag `b` announces them.

use crate::limits::MEMCACHE_KEY_BYTES_MAX;

/// Longest key that base64 of the longest word stands for.
const DECODED_BYTES_MAX: usize = MEMCACHE_KEY_BYTES_MAX / 4 * 3;

/// The bytes that `key` stands for, written to the front of `space`: the key as the server knows it,
/// and as a client that needs no base64 for it writes it.
///
/// `None` when it is no base64: full groups of four, padded in the last alone. What the last group's
/// unused bits hold is of no effect, as for memcached. One pass; allocates nothing.
#[must_use]
pub fn decode_key<'a>(key: &[u8], space: &'a mut [u8; MEMCACHE_KEY_BYTES_MAX]) -> Option<&'a [u8]> {
    let padding = key.iter().rev().take_while(|&&byte| byte == b'=').count();
    if key.is_empty()
        || key.len() > MEMCACHE_KEY_BYTES_MAX
        || !key.len().is_multiple_of(4)
        || padding > 2
    {
        return None;
    }
    let mut len = 0;
    for group in key[..key.len() - padding].chunks(4) {
        let mut bits = 0_u32;
        for &letter in group {
            bits = bits << 6 | u32::from(value(letter)?);
        }
        let bytes = (bits << (6 * (4 - group.len()))).to_be_bytes();
        let whole = group.len() - 1;
        space[len..len + whole].copy_from_slice(&bytes[1..=whole]);
        len += whole;
    }
    debug_assert!(len <= DECODED_BYTES_MAX);
    Some(&space[..len])
}

/// What a letter stands for.
const fn value(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(key: &str) -> Option<Vec<u8>> {
        decode_key(key.as_bytes(), &mut [0; MEMCACHE_KEY_BYTES_MAX]).map(<[u8]>::to_vec)
    }

    // memcached 1.6.18 takes and refuses the same, but for text behind a padding.
    #[test]
    fn a_key_is_full_groups_of_four() {
        for (key, decoded) in [
            ("YWJj", Some(&b"abc"[..])),
            ("YQ==", Some(b"a")),
            ("YR==", Some(b"a")),
            ("YWI=", Some(b"ab")),
            ("YWJ=", Some(b"ab")),
            ("YWJjZGVm", Some(b"abcdef")),
            ("+/+/", Some(b"\xfb\xff\xbf")),
            ("AAAA", Some(b"\0\0\0")),
            ("", None),
            ("=", None),
            ("====", None),
            ("Y===", None),
            ("YWI", None),
            ("YWJjZA", None),
            ("YQ==YQ==", None),
            ("!!!!", None),
            ("YW-_", None),
        ] {
            assert_eq!(decode(key).as_deref(), decoded, "{key}");
        }
        assert_eq!(decode(&"QUFB".repeat(62)), Some(b"AAA".repeat(62)));
        assert_eq!(decode(&"QUFB".repeat(63)), None);
    }
}
