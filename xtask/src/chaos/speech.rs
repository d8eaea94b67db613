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
    /// A get of several found these: what stands at each place, where Redis says so.
    Places(Vec<Option<Vec<u8>>>),
    /// A get of several found these: their keys and values, as memcached says it.
    Pairs(Vec<(String, Vec<u8>)>),
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

/// Appends a get of one key, or of several at once.
pub(super) fn put_get(protocol: Protocol, out: &mut Vec<u8>, keys: &[&str]) {
    match protocol {
        Protocol::Redis => {
            let name = if keys.len() == 1 { "GET" } else { "MGET" };
            let _ = write!(out, "*{}\r\n", 1 + keys.len());
            for word in [name].iter().chain(keys) {
                let _ = write!(out, "${}\r\n{word}\r\n", word.len());
            }
        }
        Protocol::Memcached => {
            let _ = write!(out, "get {}\r\n", keys.join(" "));
        }
    }
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
    if let Some(count) = line.strip_prefix('*').and_then(|count| count.parse::<usize>().ok()) {
        return read_places(count, bytes, rest);
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

/// The elements of an array.
fn read_places(count: usize, bytes: &[u8], mut at: usize) -> Option<(Reply, usize)> {
    let mut places = Vec::new();
    let mut odd = None;
    for _ in 0..count {
        let (reply, len) = read_reply(Protocol::Redis, &bytes[at..])?;
        at += len;
        match reply {
            Reply::Value { bytes, .. } => places.push(Some(bytes)),
            Reply::Missing => places.push(None),
            other => odd = Some(other),
        }
    }
    match odd {
        Some(other) => Some((Reply::Odd(format!("an array with {other:?} in it")), at)),
        None => Some((Reply::Places(places), at)),
    }
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
    if !line.starts_with("VALUE ") {
        return Some((Reply::Odd(line.to_owned()), rest));
    }
    let mut pairs = Vec::new();
    let mut at = 0;
    loop {
        let line_len = bytes[at..].windows(2).position(|pair| pair == b"\r\n")?;
        let line = String::from_utf8_lossy(&bytes[at..at + line_len]).into_owned();
        at += line_len + 2;
        if line == "END" {
            break;
        }
        let words: Vec<&str> = line.split(' ').collect();
        let ["VALUE", key, _, len] = &words[..] else {
            return Some((Reply::Odd(format!("{line:?} among values")), at));
        };
        let Ok(len) = len.parse::<usize>() else {
            return Some((Reply::Odd(line), at));
        };
        let whole = bytes.get(at..at + len + 2)?;
        at += len + 2;
        if !whole.ends_with(b"\r\n") {
            return Some((Reply::Odd(format!("a value of {len} bytes without its end")), at));
        }
        pairs.push(((*key).to_owned(), whole[..len].to_vec()));
    }
    if pairs.len() == 1
        && let Some((key, bytes)) = pairs.pop()
    {
        return Some((Reply::Value { key: Some(key), bytes }, at));
    }
    Some((Reply::Pairs(pairs), at))
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
    fn several_values_are_told_by_place_or_by_key() {
        let redis = b"*3\r\n$1\r\na\r\n$-1\r\n$1\r\nb\r\n*1\r\n:1\r\n";
        let places = [Some(b"a".to_vec()), None, Some(b"b".to_vec())];
        let odd = Reply::Odd("an array with Odd(\":1\") in it".to_owned());
        assert_eq!(all(Protocol::Redis, redis), [Reply::Places(places.into()), odd]);
        let memcached = b"VALUE k 0 1\r\na\r\nVALUE l 0 1\r\nb\r\nEND\r\n";
        let pairs = [("k", b"a"), ("l", b"b")].map(|(key, value)| (key.to_owned(), value.to_vec()));
        assert_eq!(all(Protocol::Memcached, memcached), [Reply::Pairs(pairs.into())]);
        for cut in 0..redis.len() - 8 {
            assert_eq!(read_reply(Protocol::Redis, &redis[..cut.min(26)]), None);
        }
        for cut in 0..memcached.len() {
            assert_eq!(read_reply(Protocol::Memcached, &memcached[..cut]), None);
        }
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
