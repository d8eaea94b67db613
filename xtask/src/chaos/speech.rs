//! The few words that known-value clients use of each protocol: set, get, and what may come back.

use std::io::Write;

use crate::soak::reply::Protocol;

/// A response, as far as a known-value client cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// A set was done.
    Stored,
    /// A get found this. memcached says under which key.
    Value { key: Option<String>, bytes: Vec<u8> },
    /// A get found nothing.
    Missing,
    /// An error; its text.
    Error(String),
    /// Anything else: neither a set nor a get is answered so.
    Odd(String),
}

/// Appends a set of `key`.
pub(super) fn put_set(protocol: Protocol, out: &mut Vec<u8>, key: &str, value: &[u8]) {
    // Writing to a vector does not fail.
    let _ = match protocol {
        Protocol::Redis => {
            write!(out, "*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${}\r\n", key.len(), value.len())
        }
        Protocol::Memcached => write!(out, "set {key} 0 0 {}\r\n", value.len()),
    };
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends a get of `key`.
pub(super) fn put_get(protocol: Protocol, out: &mut Vec<u8>, key: &str) {
    let _ = match protocol {
        Protocol::Redis => write!(out, "*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len()),
        Protocol::Memcached => write!(out, "get {key}\r\n"),
    };
}

/// The first response in `bytes` and its length; `None` while it is not whole.
pub(super) fn read_reply(protocol: Protocol, bytes: &[u8]) -> Option<(Reply, usize)> {
    let line_len = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let line = String::from_utf8_lossy(&bytes[..line_len]).into_owned();
    let rest = line_len + 2;
    match protocol {
        Protocol::Redis => read_redis(&line, bytes, rest),
        Protocol::Memcached => read_memcached(&line, bytes, rest),
    }
}

fn read_redis(line: &str, bytes: &[u8], rest: usize) -> Option<(Reply, usize)> {
    if line == "+OK" {
        return Some((Reply::Stored, rest));
    }
    if line == "$-1" {
        return Some((Reply::Missing, rest));
    }
    if let Some(text) = line.strip_prefix('-') {
        return Some((Reply::Error(text.to_owned()), rest));
    }
    let Some(len) = line.strip_prefix('$').and_then(|len| len.parse::<usize>().ok()) else {
        return Some((Reply::Odd(line.to_owned()), rest));
    };
    let end = rest + len + 2;
    let whole = bytes.get(rest..end)?;
    if !whole.ends_with(b"\r\n") {
        return Some((Reply::Odd(format!("a value of {len} bytes without its end")), end));
    }
    Some((Reply::Value { key: None, bytes: whole[..len].to_vec() }, end))
}

fn read_memcached(line: &str, bytes: &[u8], rest: usize) -> Option<(Reply, usize)> {
    if line == "STORED" {
        return Some((Reply::Stored, rest));
    }
    if line == "END" {
        return Some((Reply::Missing, rest));
    }
    if line == "ERROR" || line.starts_with("SERVER_ERROR") || line.starts_with("CLIENT_ERROR") {
        return Some((Reply::Error(line.to_owned()), rest));
    }
    let mut words = line.split(' ');
    let (Some("VALUE"), Some(key), Some(_), Some(len)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Some((Reply::Odd(line.to_owned()), rest));
    };
    let Ok(len) = len.parse::<usize>() else {
        return Some((Reply::Odd(line.to_owned()), rest));
    };
    const END: &[u8] = b"\r\nEND\r\n";
    let end = rest + len + END.len();
    let whole = bytes.get(rest..end)?;
    if !whole.ends_with(END) {
        return Some((Reply::Odd(format!("a value of {len} bytes without its end")), end));
    }
    let key = Some(key.to_owned());
    Some((Reply::Value { key, bytes: whole[..len].to_vec() }, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(protocol: Protocol, mut bytes: &[u8]) -> Vec<Reply> {
        let mut replies = Vec::new();
        while let Some((reply, len)) = read_reply(protocol, bytes) {
            replies.push(reply);
            bytes = &bytes[len..];
        }
        assert!(bytes.is_empty(), "all of it is read");
        replies
    }

    #[test]
    fn replies_are_told_apart_and_none_is_read_before_it_is_whole() {
        let value = |key: Option<&str>| Reply::Value {
            key: key.map(str::to_owned),
            bytes: b"a\r\nEND".to_vec(),
        };
        let redis = b"+OK\r\n$-1\r\n$6\r\na\r\nEND\r\n-ERR no\r\n:1\r\n$1\r\nabc";
        let memcached =
            b"STORED\r\nEND\r\nVALUE k 0 6\r\na\r\nEND\r\nEND\r\nSERVER_ERROR no\r\nOK\r\n";
        let odd = Reply::Odd("a value of 1 bytes without its end".to_owned());
        let errors = ["ERR no", "SERVER_ERROR no"].map(|text| Reply::Error(text.to_owned()));
        let [of_redis, of_memcached] = errors;
        let one = Reply::Odd(":1".to_owned());
        assert_eq!(
            all(Protocol::Redis, redis),
            [Reply::Stored, Reply::Missing, value(None), of_redis, one, odd]
        );
        let ok = Reply::Odd("OK".to_owned());
        assert_eq!(
            all(Protocol::Memcached, memcached),
            [Reply::Stored, Reply::Missing, value(Some("k")), of_memcached, ok]
        );
        for cut in 0..12 {
            assert_eq!(read_reply(Protocol::Redis, &b"$6\r\na\r\nEND\r\n"[..cut]), None);
        }
    }
}
