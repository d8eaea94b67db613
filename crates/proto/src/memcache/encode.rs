//! What the proxy says itself: memcached's own words where memcached has words for it.

use super::binary::{self, NO_BINARY};
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
pub(super) const LINE_TOO_LONG: &[u8] = b"CLIENT_ERROR line is longer than 1024 bytes\r\n";

/// The answer to a storage command whose data is longer than the pool allows: what memcached says to
/// data that is longer than its own limit (`-I`), so that clients know the words.
pub(super) const TOO_LARGE: &[u8] = b"SERVER_ERROR object too large for cache\r\n";

/// The answer to a line with a byte in it that would end it early for some server.
pub(super) const STRAY_BYTE: &[u8] = b"CLIENT_ERROR a line holds no CR and no NUL\r\n";

/// The answer to a command that is for one server alone. A client's error: `SERVER_ERROR` makes
/// libraries take the server for broken.
pub(super) const ADMINISTRATION: &[u8] =
    b"CLIENT_ERROR not served: servers are administered one by one, not through a proxy\r\n";

/// The answer to a meta command where the operator has turned them off; in the form of that to `flush_all`.
pub(super) const META_COMMANDS_OFF: &[u8] =
    b"CLIENT_ERROR meta commands not allowed: the pool's option 'meta_commands: true' allows them\r\n";

/// The answer to `stats` of a kind that does not merge, or that changes the server: memcached's to one
/// that it does not know, at which readers of figures end.
pub(super) const NO_SUCH_STATS: &[u8] = b"ERROR\r\n";

/// The answer to a flag that is there twice.
pub(super) const DUPLICATE_FLAG: &[u8] = b"CLIENT_ERROR duplicate flag\r\n";

/// The answer to a flag of `ms` for which memcached would refuse the line and not its data.
pub(super) const INVALID_FLAG: &[u8] = b"CLIENT_ERROR invalid flag\r\n";

/// The answer to more flags than memcached takes. To an `ms` with more it would answer so too, and
/// take the data for commands.
pub(super) const TOO_MANY_FLAGS: &[u8] = b"CLIENT_ERROR options flags too long\r\n";

/// The answer to a key that is not the base64 its flag says it is.
pub(super) const BAD_BASE64: &[u8] = b"CLIENT_ERROR error decoding key\r\n";

/// Tells a client which rule the `found` bytes broke, `CLIENT_ERROR rule`, or in the binary
/// protocol's own framing when that is what they are. Its connection closes for it.
pub fn protocol_error(error: &ParseError, found: &[u8], out: &mut Vec<u8>) {
    if let (NO_BINARY, Some(header)) = (error.rule, found.first_chunk()) {
        return binary::refuse(header, out);
    }
    out.extend_from_slice(b"CLIENT_ERROR ");
    out.extend_from_slice(error.rule.as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{MEMCACHE_KEY_BYTES_MAX, MEMCACHE_PLAIN_LINE_BYTES_MAX};

    #[test]
    fn a_protocol_error_is_one_line_with_the_rule() {
        let mut out = b"END\r\n".to_vec();
        protocol_error(
            &ParseError { at: 3, found: Some(b'x'), rule: "bad data chunk" },
            b"",
            &mut out,
        );
        assert_eq!(out, b"END\r\nCLIENT_ERROR bad data chunk\r\n");
    }

    #[test]
    fn answers_name_the_limits_that_hold() {
        let text = |answer: &[u8]| String::from_utf8(answer.to_vec()).unwrap();
        assert!(text(KEY_TOO_LONG).contains(&format!(" {MEMCACHE_KEY_BYTES_MAX} bytes")));
        assert!(text(LINE_TOO_LONG).contains(&format!(" {MEMCACHE_PLAIN_LINE_BYTES_MAX} bytes")));
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
            ADMINISTRATION,
            META_COMMANDS_OFF,
            NO_SUCH_STATS,
            DUPLICATE_FLAG,
            INVALID_FLAG,
            TOO_MANY_FLAGS,
            BAD_BASE64,
        ] {
            let end = answer.iter().position(|&byte| byte == b'\r');
            assert_eq!(end, Some(answer.len() - 2), "{}", answer.escape_ascii());
            assert!(answer.ends_with(b"\r\n"), "{}", answer.escape_ascii());
        }
    }
}
