//! Bytes of Redis requests.

/// A request: an array of bulk strings.
pub(crate) fn array<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(&bulk(word.as_ref()));
    }
    bytes
}

/// A bulk string.
pub(crate) fn bulk(word: &[u8]) -> Vec<u8> {
    let mut bytes = format!("${}\r\n", word.len()).into_bytes();
    bytes.extend_from_slice(word);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_an_array_of_bulk_strings() {
        assert_eq!(array(&[&b"GET"[..], b""]), b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n");
    }
}
