//! Where a reply ends, read without the project's own parsers: what judges the proxy must not share
//! its mistakes.

use std::fmt;

/// What a pool speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Redis, RESP2.
    Redis,
    /// memcached's text protocol.
    Memcached,
}

impl Protocol {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Redis, Self::Memcached];

    /// What options, files and reports call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Memcached => "memcached",
        }
    }

    /// The length of the reply at the front of `bytes`; `None` when it has not ended.
    ///
    /// # Errors
    /// [`Garbled`] when no reply begins like this.
    pub(crate) fn reply_length(self, bytes: &[u8]) -> Result<Option<usize>, Garbled> {
        match self {
            Self::Redis => redis_length(bytes),
            Self::Memcached => memcached_length(bytes),
        }
    }

    /// Takes `bytes` apart: the whole replies, and what is left behind them.
    pub(crate) fn replies(self, bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
        let mut replies = Vec::new();
        let mut rest = bytes;
        while let Ok(Some(length)) = self.reply_length(rest) {
            let (reply, behind) = rest.split_at(length);
            replies.push(reply);
            rest = behind;
        }
        (replies, rest)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bytes that no reply begins with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Garbled;

/// The line at `at` without its CR LF, and where the next one begins.
fn line(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..)?;
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    Some((&rest[..end], at + end + 2))
}

fn number(text: &[u8]) -> Result<i64, Garbled> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Garbled)
}

fn redis_length(bytes: &[u8]) -> Result<Option<usize>, Garbled> {
    let mut at = 0;
    let mut left: usize = 1;
    while left > 0 {
        match bytes.get(at) {
            None => return Ok(None),
            Some(b'+' | b'-' | b':' | b'$' | b'*') => {}
            Some(_) => return Err(Garbled),
        }
        let Some((head, next)) = line(bytes, at) else { return Ok(None) };
        at = next;
        left -= 1;
        match head[0] {
            b'$' => {
                if let Ok(length) = usize::try_from(number(&head[1..])?) {
                    at += length + 2;
                    if at > bytes.len() {
                        return Ok(None);
                    }
                }
            }
            b'*' => left += usize::try_from(number(&head[1..])?).unwrap_or(0),
            _ => {}
        }
    }
    Ok(Some(at))
}

fn memcached_length(bytes: &[u8]) -> Result<Option<usize>, Garbled> {
    let mut at = 0;
    loop {
        let Some((head, next)) = line(bytes, at) else { return Ok(None) };
        if !head.starts_with(b"VALUE ") {
            return Ok(Some(next));
        }
        let length = head.split(|byte| *byte == b' ').nth(3).ok_or(Garbled)?;
        let length = usize::try_from(number(length)?).map_err(|_| Garbled)?;
        at = next + length + 2;
        if at > bytes.len() {
            return Ok(None);
        }
    }
}

/// The elements of an array of RESP2, each as it stands; `None` when it is none, or is nil.
pub(crate) fn elements(reply: &[u8]) -> Option<Vec<&[u8]>> {
    let (head, at) = line(reply, 0)?;
    let count = usize::try_from(number(head.strip_prefix(b"*")?).ok()?).ok()?;
    let (elements, rest) = Protocol::Redis.replies(&reply[at..]);
    (elements.len() == count && rest.is_empty()).then_some(elements)
}

/// The number that a reply of RESP2 is.
pub(crate) fn integer(reply: &[u8]) -> Option<i64> {
    number(reply.strip_prefix(b":")?.strip_suffix(b"\r\n")?).ok()
}

/// One value of memcached's, as its line tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    /// Whose value.
    pub(crate) key: &'a [u8],
    /// The line up to the number that only `gets` shows, and the data.
    pub(crate) head: &'a [u8],
    /// The data, with its line end.
    pub(crate) data: &'a [u8],
    /// That number.
    pub(crate) unique: Option<u64>,
}

/// The values in a reply to `get` or `gets`, and its last line.
pub(crate) fn values(reply: &[u8]) -> Option<(Vec<Value<'_>>, &[u8])> {
    let mut values = Vec::new();
    let mut at = 0;
    loop {
        let (head, next) = line(reply, at)?;
        if !head.starts_with(b"VALUE ") {
            return Some((values, &reply[at..]));
        }
        let words: Vec<&[u8]> = head.split(|byte| *byte == b' ').collect();
        let end = next + usize::try_from(number(words.get(3)?).ok()?).ok()? + 2;
        let unique = match words.get(4) {
            Some(text) => Some(std::str::from_utf8(text).ok()?.parse().ok()?),
            None => None,
        };
        let shown = words[..4].iter().map(|word| word.len() + 1).sum::<usize>() - 1;
        let data = reply.get(next..end)?;
        values.push(Value { key: words[1], head: &head[..shown], data, unique });
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_ends_where_its_last_byte_is_and_not_before() {
        let cases: [(Protocol, &[u8]); 13] = [
            (Protocol::Redis, b"+OK\r\n"),
            (Protocol::Redis, b"-ERR no\r\n"),
            (Protocol::Redis, b":-3\r\n"),
            (Protocol::Redis, b"$-1\r\n"),
            (Protocol::Redis, b"$0\r\n\r\n"),
            (Protocol::Redis, b"$4\r\n\r\n\r\n\r\n"),
            (Protocol::Redis, b"*0\r\n"),
            (Protocol::Redis, b"*3\r\n$1\r\na\r\n*2\r\n:1\r\n*-1\r\n$-1\r\n"),
            (Protocol::Memcached, b"STORED\r\n"),
            (Protocol::Memcached, b"END\r\n"),
            (Protocol::Memcached, b"VALUE k 0 3\r\n\r\nE\r\nEND\r\n"),
            (Protocol::Memcached, b"VALUE k 0 0 17\r\n\r\nVALUE j 1 1\r\nx\r\nEND\r\n"),
            (Protocol::Memcached, b"17\r\n"),
        ];
        for (protocol, reply) in cases {
            for end in 0..reply.len() {
                let front = &reply[..end];
                assert_eq!(protocol.reply_length(front), Ok(None), "{}", front.escape_ascii());
            }
            let more = [reply, b"+OK\r\n"].concat();
            assert_eq!(protocol.reply_length(&more), Ok(Some(reply.len())));
        }
    }

    #[test]
    fn what_is_no_reply_is_told_from_what_has_not_ended() {
        assert_eq!(Protocol::Redis.reply_length(b"OK\r\n"), Err(Garbled));
        assert_eq!(Protocol::Redis.reply_length(b"$x\r\n"), Err(Garbled));
        assert_eq!(Protocol::Memcached.reply_length(b"VALUE k\r\n"), Err(Garbled));
        assert_eq!(Protocol::Redis.replies(b"+A\r\n+B"), (vec![&b"+A\r\n"[..]], &b"+B"[..]));
    }

    #[test]
    fn an_array_is_its_elements_as_they_stand() {
        let array = b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n";
        assert_eq!(elements(array), Some(vec![&b"$1\r\na\r\n"[..], b"*1\r\n:1\r\n"]));
        for none in [&b"$1\r\na\r\n"[..], b"*-1\r\n", b"*2\r\n:1\r\n"] {
            assert_eq!(elements(none), None, "{}", none.escape_ascii());
        }
    }

    #[test]
    fn a_value_is_told_from_its_number() {
        let (values, end) = values(b"VALUE k 7 2 99\r\nab\r\nVALUE j 0 0\r\n\r\nEND\r\n").unwrap();
        assert_eq!(end, b"END\r\n");
        let one = Value { key: b"k", head: b"VALUE k 7 2", data: b"ab\r\n", unique: Some(99) };
        let other = Value { key: b"j", head: b"VALUE j 0 0", data: b"\r\n", unique: None };
        assert_eq!(values, [one, other]);
    }
}
