//! What the proxy says itself: memcached's own words where memcached has words for it.

use crate::ParseError;

/// The answer to a name that is no command's and to a wrong number of arguments.
pub(super) const ERROR: &[u8] = b"ERROR\r\n";

/// The answer to an argument that is not what it should be.
pub(super) const BAD_FORMAT: &[u8] = b"CLIENT_ERROR bad command line format\r\n";

/// The answer to a `delete` with something else behind its key.
pub(super) const BAD_DELETE: &[u8] =
    b"CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n";

/// The answer to an `incr` or `decr` by what is no number.
pub(super) const BAD_DELTA: &[u8] = b"CLIENT_ERROR invalid numeric delta argument\r\n";

/// The answer to a `touch` whose expiry time is no number.
pub(super) const BAD_EXPTIME: &[u8] = b"CLIENT_ERROR invalid exptime argument\r\n";

/// The answer to a key above [`MEMCACHE_KEY_BYTES_MAX`](crate::limits::MEMCACHE_KEY_BYTES_MAX).
pub(super) const KEY_TOO_LONG: &[u8] = b"CLIENT_ERROR key is longer than 250 bytes\r\n";

/// The answer to a line above
/// [`MEMCACHE_PLAIN_LINE_BYTES_MAX`](crate::limits::MEMCACHE_PLAIN_LINE_BYTES_MAX) that a server
/// might not read.
pub(super) const LINE_TOO_LONG: &[u8] =
    b"CLIENT_ERROR line is longer than 2048 bytes, or begins with more than 100 spaces\r\n";

/// The answer to a storage command whose data is longer than the pool allows: what memcached says to
/// data that is longer than its own limit (`-I`), so that clients know the words.
pub(super) const TOO_LARGE: &[u8] = b"SERVER_ERROR object too large for cache\r\n";

/// The answer to a line with a byte in it that would end it early for some server.
pub(super) const STRAY_BYTE: &[u8] = b"CLIENT_ERROR a line holds no CR and no NUL\r\n";

/// Tells a client which rule it broke, `CLIENT_ERROR rule`. Its connection closes for it.
pub fn protocol_error(error: &ParseError, out: &mut Vec<u8>) {
    out.extend_from_slice(b"CLIENT_ERROR ");
    out.extend_from_slice(error.rule.as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{
        MEMCACHE_KEY_BYTES_MAX, MEMCACHE_LEADING_SPACES_MAX, MEMCACHE_PLAIN_LINE_BYTES_MAX,
    };

    #[test]
    fn a_protocol_error_is_one_line_with_the_rule() {
        let mut out = b"END\r\n".to_vec();
        protocol_error(&ParseError { at: 3, found: Some(b'x'), rule: "bad data chunk" }, &mut out);
        assert_eq!(out, b"END\r\nCLIENT_ERROR bad data chunk\r\n");
    }

    #[test]
    fn answers_name_the_limits_that_hold() {
        let text = |answer: &[u8]| String::from_utf8(answer.to_vec()).unwrap();
        assert!(text(KEY_TOO_LONG).contains(&format!(" {MEMCACHE_KEY_BYTES_MAX} bytes")));
        assert!(text(LINE_TOO_LONG).contains(&format!(" {MEMCACHE_PLAIN_LINE_BYTES_MAX} bytes")));
        assert!(text(LINE_TOO_LONG).contains(&format!(" {MEMCACHE_LEADING_SPACES_MAX} spaces")));
    }

    #[test]
    fn every_answer_is_one_line() {
        for answer in [
            ERROR,
            BAD_FORMAT,
            BAD_DELETE,
            BAD_DELTA,
            BAD_EXPTIME,
            KEY_TOO_LONG,
            LINE_TOO_LONG,
            STRAY_BYTE,
            TOO_LARGE,
        ] {
            let end = answer.iter().position(|&byte| byte == b'\r');
            assert_eq!(end, Some(answer.len() - 2), "{}", answer.escape_ascii());
            assert!(answer.ends_with(b"\r\n"), "{}", answer.escape_ascii());
        }
    }
}
