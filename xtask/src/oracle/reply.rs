//! A reply of Redis, RESP2 or RESP3, as a tree. Read without the project's own parsers: what judges
//! the proxy must not share its mistakes.

/// One reply, or one element of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reply {
    /// The byte it begins with.
    pub(crate) kind: u8,
    /// Its text: a line's, a string's; for an aggregate nothing.
    pub(crate) text: Vec<u8>,
    /// What an aggregate holds; a map's keys and values by turns.
    pub(crate) elements: Vec<Self>,
    /// A string or array of length -1, or RESP3's null.
    pub(crate) is_null: bool,
}

/// Bytes that no reply begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Garbled;

impl Reply {
    /// The reply at the front of `bytes`, and its length; `None` when it has not ended.
    ///
    /// # Errors
    /// [`Garbled`] when no reply begins like this.
    pub(crate) fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, Garbled> {
        let Some((head, mut at)) = line(bytes) else {
            return match bytes.first() {
                None | Some(b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' | b'$' | b'!') => {
                    Ok(None)
                }
                Some(b'=' | b'*' | b'~' | b'>' | b'%' | b'|') => Ok(None),
                Some(_) => Err(Garbled),
            };
        };
        let (&kind, rest) = head.split_first().ok_or(Garbled)?;
        let mut reply = Self { kind, text: Vec::new(), elements: Vec::new(), is_null: false };
        match kind {
            b'+' | b'-' | b':' | b'#' | b',' | b'(' => reply.text = rest.to_vec(),
            b'_' if rest.is_empty() => reply.is_null = true,
            b'$' | b'!' | b'=' => match length(rest)? {
                None => reply.is_null = true,
                Some(length) => {
                    let Some(end) = bytes.get(at + length..at + length + 2) else {
                        return Ok(None);
                    };
                    if end != b"\r\n" {
                        return Err(Garbled);
                    }
                    reply.text = bytes[at..at + length].to_vec();
                    at += length + 2;
                }
            },
            b'*' | b'~' | b'>' | b'%' | b'|' => match length(rest)? {
                None => reply.is_null = true,
                Some(count) => {
                    let count = if matches!(kind, b'%' | b'|') { count * 2 } else { count };
                    for _ in 0..count {
                        let Some((element, length)) = Self::read(&bytes[at..])? else {
                            return Ok(None);
                        };
                        reply.elements.push(element);
                        at += length;
                    }
                }
            },
            _ => return Err(Garbled),
        }
        Ok(Some((reply, at)))
    }

    /// Whether it is an error, of either form.
    pub(crate) fn is_error(&self) -> bool {
        matches!(self.kind, b'-' | b'!')
    }

    /// The number that it is.
    pub(crate) fn integer(&self) -> Option<i64> {
        (self.kind == b':').then(|| std::str::from_utf8(&self.text).ok()?.parse().ok())?
    }

    /// The texts of its elements.
    pub(crate) fn texts(&self) -> Vec<Vec<u8>> {
        self.elements.iter().map(|element| element.text.clone()).collect()
    }
}

/// The first line without its CR LF, and where the next begins.
fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((&bytes[..end], end + 2))
}

/// A length; `None` for -1.
fn length(text: &[u8]) -> Result<Option<usize>, Garbled> {
    let number: i64 =
        std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Garbled)?;
    match number {
        -1 => Ok(None),
        _ => usize::try_from(number).map(Some).map_err(|_| Garbled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_ends_where_its_last_byte_is_and_not_before() {
        let cases: [&[u8]; 14] = [
            b"+OK\r\n",
            b"-ERR no\r\n",
            b":-3\r\n",
            b"$-1\r\n",
            b"$4\r\n\r\n\r\n\r\n",
            b"*0\r\n",
            b"*3\r\n$1\r\na\r\n*2\r\n:1\r\n*-1\r\n$-1\r\n",
            b"_\r\n",
            b"#t\r\n",
            b",3.5\r\n",
            b"(123\r\n",
            b"=7\r\ntxt:abc\r\n",
            b"%1\r\n+a\r\n~2\r\n:1\r\n:2\r\n",
            b">2\r\n+message\r\n!3\r\nERR\r\n",
        ];
        for reply in cases {
            for end in 0..reply.len() {
                let front = &reply[..end];
                assert_eq!(Reply::read(front), Ok(None), "{}", front.escape_ascii());
            }
            let more = [reply, b"+OK\r\n"].concat();
            let (_, length) = Reply::read(&more).expect("a reply").expect("a whole one");
            assert_eq!(length, reply.len());
        }
    }

    #[test]
    fn what_is_no_reply_is_told_from_what_has_not_ended() {
        for bytes in [&b"OK\r\n"[..], b"$x\r\n", b"*-2\r\n", b"$1\r\nabc", b"HTTP"] {
            assert_eq!(Reply::read(bytes), Err(Garbled), "{}", bytes.escape_ascii());
        }
    }
}
