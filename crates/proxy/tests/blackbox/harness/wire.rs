//! Requests and responses as bytes.

/// A Redis request.
pub(crate) fn redis(words: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut wire = format!("*{}\r\n", words.len()).into_bytes();
    words.iter().for_each(|word| wire.extend(bulk(word)));
    wire
}

/// A Redis bulk string.
pub(crate) fn bulk(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A memcached `set`.
pub(crate) fn set(key: &str, value: &[u8]) -> Vec<u8> {
    [format!("set {key} 0 0 {}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat()
}

/// What memcached answers to a `get` of one key it has.
pub(crate) fn value(key: &str, value: &[u8]) -> Vec<u8> {
    [value_block(key, value), b"END\r\n".to_vec()].concat()
}

/// One key's part of that.
pub(crate) fn value_block(key: &str, value: &[u8]) -> Vec<u8> {
    [format!("VALUE {key} 0 {}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat()
}

/// Bytes as a failure shows them: escaped, and the middle left out of many.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const SHOWN: usize = 300;
    if bytes.len() <= 2 * SHOWN {
        return bytes.escape_ascii().to_string();
    }
    let (head, tail) = (&bytes[..SHOWN], &bytes[bytes.len() - SHOWN..]);
    let between = bytes.len() - 2 * SHOWN;
    format!("{} ... {between} bytes ... {}", head.escape_ascii(), tail.escape_ascii())
}
