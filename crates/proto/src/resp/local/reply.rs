//! A reply of the proxy's own, written in the version that its client speaks.

use super::super::digits;
use crate::protocol::Version;

/// Writes values to the end of a buffer. What RESP2 lacks is written as Redis writes it there: a map
/// as the flat array of its keys and values, a set as an array, a null as a null bulk string.
#[derive(Debug)]
pub struct Reply<'a> {
    version: Version,
    out: &'a mut Vec<u8>,
}

impl<'a> Reply<'a> {
    /// Writes to the end of `out`.
    pub const fn new(version: Version, out: &'a mut Vec<u8>) -> Self {
        Self { version, out }
    }

    /// The version it is written in.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// A status: one line without line ends.
    pub fn status(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.status("OK");
    }

    /// An error: its kind and its words, on one line.
    pub fn error(&mut self, text: &str) {
        debug_assert!(!text.contains(['\r', '\n']), "an error is one line: {text:?}");
        self.line(b'-', text.as_bytes());
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        self.line(b':', value.to_string().as_bytes());
    }

    /// A bulk string.
    pub fn bulk(&mut self, body: &[u8]) {
        self.head(b'$', body.len());
        self.out.extend_from_slice(body);
        self.out.extend_from_slice(b"\r\n");
    }

    /// Text for people to read: a verbatim string in RESP3.
    pub fn text(&mut self, body: &[u8]) {
        match self.version {
            Version::Resp2 => self.bulk(body),
            Version::Resp3 => {
                self.head(b'=', body.len() + 4);
                self.out.extend_from_slice(b"txt:");
                self.out.extend_from_slice(body);
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Nothing.
    pub fn null(&mut self) {
        self.out.extend_from_slice(match self.version {
            Version::Resp2 => b"$-1\r\n",
            Version::Resp3 => b"_\r\n",
        });
    }

    /// The head of an array; so many values follow.
    pub fn array(&mut self, values: usize) {
        self.head(b'*', values);
    }

    /// The head of a map; so many pairs follow.
    pub fn map(&mut self, pairs: usize) {
        match self.version {
            Version::Resp2 => self.head(b'*', 2 * pairs),
            Version::Resp3 => self.head(b'%', pairs),
        }
    }

    /// The head of a set; so many values follow.
    pub fn set(&mut self, values: usize) {
        match self.version {
            Version::Resp2 => self.head(b'*', values),
            Version::Resp3 => self.head(b'~', values),
        }
    }

    fn head(&mut self, kind: u8, count: usize) {
        self.out.push(kind);
        digits::push(count as u64, self.out);
        self.out.extend_from_slice(b"\r\n");
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        self.out.push(kind);
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(version: Version, write: impl FnOnce(&mut Reply<'_>)) -> String {
        let mut out = Vec::new();
        write(&mut Reply::new(version, &mut out));
        out.escape_ascii().to_string()
    }

    #[test]
    fn each_value_is_written_as_its_version_has_it() {
        type Write = fn(&mut Reply<'_>);
        let cases: &[(Write, &str, &str)] = &[
            (|r| r.ok(), r"+OK\r\n", r"+OK\r\n"),
            (|r| r.error("ERR no"), r"-ERR no\r\n", r"-ERR no\r\n"),
            (|r| r.integer(-7), r":-7\r\n", r":-7\r\n"),
            (|r| r.bulk(b"ab"), r"$2\r\nab\r\n", r"$2\r\nab\r\n"),
            (|r| r.text(b"ab"), r"$2\r\nab\r\n", r"=6\r\ntxt:ab\r\n"),
            (|r| r.null(), r"$-1\r\n", r"_\r\n"),
            (|r| r.array(3), r"*3\r\n", r"*3\r\n"),
            (|r| r.map(3), r"*6\r\n", r"%3\r\n"),
            (|r| r.set(3), r"*3\r\n", r"~3\r\n"),
        ];
        for (write, in_two, in_three) in cases {
            assert_eq!(written(Version::Resp2, write), *in_two);
            assert_eq!(written(Version::Resp3, write), *in_three);
        }
    }
}
