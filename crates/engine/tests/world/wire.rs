//! Both protocols, read and written once more: by the book, a byte at a time, and without a look at
//! how the proxy does it.

use nutcracker_proto::Protocol;

/// How a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tongue {
    Resp2,
    Resp3,
    Memcached,
}

/// A message that is not what the protocol says it should be.
pub(crate) type Malformed = String;

/// A request as a server understands it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The name in lower case, and its arguments.
    pub(crate) words: Vec<Vec<u8>>,
    /// All of its bytes.
    pub(crate) len: usize,
}

/// A Redis request.
pub(crate) fn array<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    words.iter().for_each(|word| push_bulk(word.as_ref(), &mut out));
    out
}

/// Appends a bulk string.
pub(crate) fn push_bulk(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("${}\r\n", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// The request at the front of `bytes`, once it is whole.
pub(crate) fn request(protocol: Protocol, bytes: &[u8]) -> Result<Option<Request>, Malformed> {
    let found = match protocol {
        Protocol::Redis => redis_request(bytes)?,
        Protocol::Memcache => memcached_request(bytes)?,
    };
    Ok(found.map(|mut request| {
        request.words[0].make_ascii_lowercase();
        request
    }))
}

/// How many bytes the response at the front of `bytes` has, once it is whole.
pub(crate) fn response(protocol: Protocol, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    match protocol {
        Protocol::Redis => redis_value(bytes, 0),
        Protocol::Memcache => memcached_response(bytes),
    }
}

/// The line that begins at `at`, without its CR LF, and where the next one begins.
fn line(bytes: &[u8], at: usize) -> Result<Option<(&str, usize)>, Malformed> {
    let Some(rest) = bytes.get(at..) else { return Ok(None) };
    let Some(len) = rest.iter().position(|&byte| byte == b'\n') else { return Ok(None) };
    let text = rest[..len].strip_suffix(b"\r").ok_or_else(|| malformed("a bare LF", bytes))?;
    let text = std::str::from_utf8(text).map_err(|_| malformed("a line of no text", bytes))?;
    Ok(Some((text, at + len + 1)))
}

fn malformed(what: &str, bytes: &[u8]) -> Malformed {
    format!("{what} in {}", bytes[..bytes.len().min(200)].escape_ascii())
}

fn number(text: &str, bytes: &[u8]) -> Result<i64, Malformed> {
    text.parse().map_err(|_| malformed("no number", bytes))
}

/// Where the data of `len` bytes that begins at `at`, and the CR LF behind it, end.
fn data_end(bytes: &[u8], at: usize, len: usize) -> Result<Option<usize>, Malformed> {
    match bytes.get(at + len..at + len + 2) {
        None => Ok(None),
        Some(b"\r\n") => Ok(Some(at + len + 2)),
        Some(_) => Err(malformed("data without an end", bytes)),
    }
}

fn redis_request(bytes: &[u8]) -> Result<Option<Request>, Malformed> {
    let Some((head, mut at)) = line(bytes, 0)? else { return Ok(None) };
    let count = head.strip_prefix('*').ok_or_else(|| malformed("no array", bytes))?;
    let mut words = Vec::new();
    for _ in 0..number(count, bytes)? {
        let Some((head, start)) = line(bytes, at)? else { return Ok(None) };
        let len = head.strip_prefix('$').ok_or_else(|| malformed("no bulk string", bytes))?;
        let len = number(len, bytes)? as usize;
        let Some(end) = data_end(bytes, start, len)? else { return Ok(None) };
        words.push(bytes[start..start + len].to_vec());
        at = end;
    }
    if words.is_empty() {
        return Err(malformed("an array of nothing", bytes));
    }
    Ok(Some(Request { words, len: at }))
}

/// The bulk strings in a Redis value, however deep.
pub(crate) fn strings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Ok(Some((head, next))) = line(bytes, at) {
        at = next;
        if let Some(len) = head.strip_prefix('$').and_then(|len| len.parse::<usize>().ok()) {
            found.push(bytes[next..next + len].to_vec());
            at = next + len + 2;
        }
    }
    found
}

/// Where the value ends that begins at `at`.
fn redis_value(bytes: &[u8], at: usize) -> Result<Option<usize>, Malformed> {
    let Some((head, next)) = line(bytes, at)? else { return Ok(None) };
    let Some((kind, rest)) = head.split_at_checked(1) else {
        return Err(malformed("a value of nothing", bytes));
    };
    match kind {
        "+" | "-" => Ok(Some(next)),
        ":" => number(rest, bytes).map(|_| Some(next)),
        "_" if rest.is_empty() => Ok(Some(next)),
        "$" if rest == "-1" => Ok(Some(next)),
        "$" => data_end(bytes, next, number(rest, bytes)? as usize),
        "*" | ">" | "%" => {
            let mut end = next;
            let each = if kind == "%" { 2 } else { 1 };
            for _ in 0..number(rest, bytes)? * each {
                let Some(next) = redis_value(bytes, end)? else { return Ok(None) };
                end = next;
            }
            Ok(Some(end))
        }
        _ => Err(malformed("an unknown type", &bytes[at..])),
    }
}

/// The words of the memcached line at the front of `bytes`, and where the data behind it begins.
/// A server takes a bare LF for the end of a line, too.
pub(crate) fn memcached_line(bytes: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    let len = bytes.iter().position(|&byte| byte == b'\n')?;
    let text = bytes[..len].strip_suffix(b"\r").unwrap_or(&bytes[..len]);
    let words = text.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    Some((words.map(<[u8]>::to_vec).collect(), len + 1))
}

/// Whether data follows the line of this command.
pub(crate) fn stores(name: &[u8]) -> bool {
    [&b"set"[..], b"add", b"replace", b"append", b"prepend", b"cas"].contains(&name)
}

fn memcached_request(bytes: &[u8]) -> Result<Option<Request>, Malformed> {
    let Some((mut words, start)) = memcached_line(bytes) else { return Ok(None) };
    let name = words.first().ok_or_else(|| malformed("an empty line", bytes))?;
    let is_meta = name == b"ms";
    if !stores(name) && !is_meta {
        return Ok(Some(Request { words, len: start }));
    }
    let count = if name == b"cas" { 6 } else { 5 };
    if words.len() != count && !is_meta {
        return Err(malformed("a wrong number of words", bytes));
    }
    let len =
        words.get(if is_meta { 2 } else { 4 }).ok_or_else(|| malformed("no length", bytes))?;
    let len = std::str::from_utf8(len).map_err(|_| malformed("no length", bytes))?;
    let len = number(len, bytes)? as usize;
    let Some(end) = data_end(bytes, start, len)? else { return Ok(None) };
    words.push(bytes[start..start + len].to_vec());
    Ok(Some(Request { words, len: end }))
}

fn memcached_response(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let mut at = 0;
    loop {
        let Some((text, next)) = line(bytes, at)? else { return Ok(None) };
        if text.starts_with("STAT ") {
            at = next;
            continue;
        }
        if let Some(rest) = text.strip_prefix("VA ") {
            let len = rest.split(' ').next().unwrap_or_default();
            return data_end(bytes, next, number(len, bytes)? as usize);
        }
        let Some(block) = text.strip_prefix("VALUE ") else { return Ok(Some(next)) };
        let len = block.split(' ').nth(2).ok_or_else(|| malformed("no length", bytes))?;
        let Some(end) = data_end(bytes, next, number(len, bytes)? as usize)? else {
            return Ok(None);
        };
        at = end;
    }
}

#[test]
fn messages_are_whole_at_their_last_byte_and_what_is_not_by_the_book_is_seen() {
    let wire = array(&["SET", "a", "b"]);
    for end in 0..wire.len() {
        assert_eq!(request(Protocol::Redis, &wire[..end]), Ok(None), "{end} bytes");
    }
    let found = request(Protocol::Redis, &wire).unwrap().unwrap();
    assert_eq!((found.words[0].as_slice(), found.len), (&b"set"[..], wire.len()));
    for (protocol, bytes) in [
        (Protocol::Redis, &b"*2\r\n$2\r\nab\r\n*1\r\n:1\r\n"[..]),
        (Protocol::Memcache, b"VALUE a 0 5\r\nEND\r\n\r\nEND\r\n"),
    ] {
        for end in 0..bytes.len() {
            assert_eq!(response(protocol, &bytes[..end]), Ok(None), "{end} bytes");
        }
        assert_eq!(response(protocol, bytes), Ok(Some(bytes.len())));
    }
    for (protocol, bytes) in [
        (Protocol::Redis, &b"get a\r\n"[..]),
        (Protocol::Redis, b"*1\r\n$1\r\nabc\r\n"),
        (Protocol::Memcache, b"set a 0 0 1 noreply\r\nx\r\n"),
        (Protocol::Memcache, b"set a 0 0 1\r\nxyz\r\n"),
    ] {
        assert!(request(protocol, bytes).is_err(), "{}", bytes.escape_ascii());
    }
}
