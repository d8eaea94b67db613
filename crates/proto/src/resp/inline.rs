//! Inline requests: one line of words, as a person types them into a terminal.
//!
//! Redis' `sdssplitargs` says what a word is. Words are parted by white space; `"…"` holds any
//! byte, with the escapes `\n \r \t \b \a \xHH` and `\` before any other byte for that byte;
//! `'…'` holds bytes as they are but for `\'`. A closing quote ends the word and must be followed
//! by white space or the end of the line.

use super::digits;
use crate::limits::INLINE_BYTES_MAX;
use crate::progress::ParseError;
use crate::request::{Inline, Request};

const TOO_BIG: &str = "too big inline request";
const QUOTES: &str = "unbalanced quotes in request";
/// Redis takes a NUL for the end of what it has received and waits on without an end.
const NUL: &str = "NUL in inline request";
/// A browser can be made to post to any port. The lines of its request must not be taken for
/// commands, so Redis hangs up on these two words (`securityWarningCommand`).
const HTTP: &str = "this is not an HTTP server";
const HTTP_WORDS: [&[u8]; 2] = [b"post", b"host:"];

/// Looks for the line at the front of `buf`, of which `seen` bytes are known to hold no line end.
/// `None` when it has not ended yet.
///
/// Linear in the line, which is at most [`INLINE_BYTES_MAX`] long. Allocates the frame.
///
/// # Errors
/// A line too long, a NUL, a quote without its fellow, and the words that only an HTTP request
/// begins with.
pub(super) fn parse(buf: &[u8], seen: usize) -> Result<Option<Request>, ParseError> {
    let window = &buf[..buf.len().min(INLINE_BYTES_MAX + 1)];
    let fresh = window.get(seen..).unwrap_or_default();
    let Some(found) = memchr::memchr2(b'\n', 0, fresh) else {
        if window.len() > INLINE_BYTES_MAX {
            return Err(ParseError { at: INLINE_BYTES_MAX, found: None, rule: TOO_BIG });
        }
        return Ok(None);
    };
    let end = seen + found;
    if window[end] == 0 {
        return Err(ParseError { at: end, found: Some(0), rule: NUL });
    }
    let len = end + 1;
    let line = &window[..end];
    let line = line.strip_suffix(b"\r").unwrap_or(line);

    let mut words = 0;
    let mut strings = Vec::with_capacity(line.len() + 32);
    let mut word = Vec::new();
    let mut at = 0;
    while let Some(next) = split_word(line, at, &mut word)? {
        if words == 0 && HTTP_WORDS.iter().any(|http| word.eq_ignore_ascii_case(http)) {
            return Err(ParseError { at: 0, found: None, rule: HTTP });
        }
        strings.push(b'$');
        digits::push(word.len() as u64, &mut strings);
        strings.extend_from_slice(b"\r\n");
        strings.extend_from_slice(&word);
        strings.extend_from_slice(b"\r\n");
        words += 1;
        at = next;
    }
    if words == 0 {
        return Ok(Some(Request::Blank { len }));
    }
    let mut frame = Vec::with_capacity(strings.len() + 16);
    frame.push(b'*');
    digits::push(words, &mut frame);
    frame.extend_from_slice(b"\r\n");
    frame.extend_from_slice(&strings);
    Ok(Some(Request::Inline(Inline { len, frame })))
}

/// Puts the first word at or behind `at` into `word` and returns where it ended; `None` when there
/// is no other word.
fn split_word(line: &[u8], at: usize, word: &mut Vec<u8>) -> Result<Option<usize>, ParseError> {
    word.clear();
    let Some(skip) = line[at..].iter().position(|&byte| !is_space(byte)) else { return Ok(None) };
    let mut at = at + skip;
    while let Some(&byte) = line.get(at) {
        match byte {
            b'"' | b'\'' => {
                let end = quoted(line, at, word)?;
                return match line.get(end) {
                    Some(&byte) if !is_space(byte) => {
                        Err(ParseError { at: end, found: Some(byte), rule: QUOTES })
                    }
                    _ => Ok(Some(end)),
                };
            }
            // A vertical tab and a form feed part words, and yet do not end one.
            b' ' | b'\t' | b'\r' => break,
            _ => word.push(byte),
        }
        at += 1;
    }
    Ok(Some(at))
}

/// Adds what the quotes that open at `open` hold to `word`, and returns where they have closed.
fn quoted(line: &[u8], open: usize, word: &mut Vec<u8>) -> Result<usize, ParseError> {
    let quote = line[open];
    let mut rest = &line[open + 1..];
    loop {
        let taken = match (quote, rest) {
            (_, []) => return Err(ParseError { at: open, found: Some(quote), rule: QUOTES }),
            (_, [byte, ..]) if *byte == quote => return Ok(line.len() - rest.len() + 1),
            (b'"', [b'\\', b'x', high, low, ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                word.push(hex(*high) << 4 | hex(*low));
                4
            }
            (b'"', [b'\\', byte, ..]) => {
                word.push(match byte {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                2
            }
            (b'\'', [b'\\', b'\'', ..]) => {
                word.push(b'\'');
                2
            }
            (_, [byte, ..]) => {
                word.push(*byte);
                1
            }
        };
        rest = &rest[taken..];
    }
}

/// What C's `isspace` says of `byte` in the C locale.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The value of one hexadecimal digit.
const fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame_of(words: &[&[u8]]) -> Vec<u8> {
        let mut frame = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            frame.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            frame.extend_from_slice(word);
            frame.extend_from_slice(b"\r\n");
        }
        frame
    }

    fn line(text: &[u8]) -> Result<Option<Request>, ParseError> {
        parse(text, 0)
    }

    #[test]
    fn words_are_what_redis_takes_for_words() {
        // Each held against redis-server 7.0.15 with ECHO.
        let cases: &[(&[u8], &[&[u8]])] = &[
            (b"PING\r\n", &[b"PING"]),
            (b"PING\n", &[b"PING"]),
            (b"PING\r\r\n", &[b"PING"]),
            (b"  \t PING \t \r\n", &[b"PING"]),
            (b"\x0bECHO \x0ca\r\n", &[b"ECHO", b"a"]),
            (b"SET a\x0bb c\x0c\r\n", &[b"SET", b"a\x0bb", b"c\x0c"]),
            (b"ECHO a\rb\r\n", &[b"ECHO", b"a", b"b"]),
            (b"ECHO \"a b\"\r\n", &[b"ECHO", b"a b"]),
            (b"ECHO \"a\"\x0b\r\n", &[b"ECHO", b"a"]),
            (b"ECHO a\"b c\"\r\n", &[b"ECHO", b"ab c"]),
            (b"ECHO a'b'\r\n", &[b"ECHO", b"ab"]),
            (b"ECHO \"\" ''\r\n", &[b"ECHO", b"", b""]),
            (b"ECHO 'a\\'b'\r\n", &[b"ECHO", b"a'b"]),
            (b"ECHO 'a\\nb\\\\ '\r\n", &[b"ECHO", b"a\\nb\\\\ "]),
            (b"ECHO 'a\"b' \"a'b\"\r\n", &[b"ECHO", b"a\"b", b"a'b"]),
            (b"ECHO a\\nb\\\r\n", &[b"ECHO", b"a\\nb\\"]),
            (
                b"ECHO \"\\x41\\n\\r\\t\\b\\a\\q\\\"\\\\\\x4\"\r\n",
                &[b"ECHO", b"A\n\r\t\x08\x07q\"\\x4"],
            ),
            (b"ECHO \"\\xzz\\x0A\\xfF\\x00\"\r\n", &[b"ECHO", b"xzz\x0a\xff\x00"]),
            (b"ECHO \"\xc3\xa9\" \xff\r\n", &[b"ECHO", b"\xc3\xa9", b"\xff"]),
            (b"\"\"\r\n", &[b""]),
        ];
        for (text, words) in cases {
            let inline = Inline { len: text.len(), frame: frame_of(words) };
            assert_eq!(line(text), Ok(Some(Request::Inline(inline))), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn quotes_that_do_not_close_or_close_within_a_word_break_the_protocol() {
        for text in [
            &b"ECHO \"a\"b\r\n"[..],
            b"ECHO 'a'b\r\n",
            b"ECHO \"a\"\"b\"\r\n",
            b"ECHO \"a\r\n",
            b"ECHO 'a\r\n",
            b"ECHO \"\r\n",
            b"ECHO '\r\n",
            b"ECHO \"abc\\\r\n",
            b"ECHO \"abc\\\"\r\n",
            b"ECHO 'abc\\'\r\n",
        ] {
            let error = line(text).expect_err("must be refused");
            assert_eq!(error.rule, QUOTES, "{}", text.escape_ascii());
            assert_eq!(error.found, Some(text[error.at]), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_line_without_a_word_asks_for_nothing() {
        for text in [&b"\n"[..], b"\r\n", b" \t \r\n", b"\r\r\n", b"\x0b\x0c\n"] {
            let blank = Request::Blank { len: text.len() };
            assert_eq!(line(text), Ok(Some(blank)), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
        let mut text = vec![b'a'; INLINE_BYTES_MAX];
        assert_eq!(line(&text), Ok(None));
        text.push(b'\n');
        assert!(matches!(line(&text), Ok(Some(Request::Inline(Inline { len, .. })))
            if len == INLINE_BYTES_MAX + 1));
        text[INLINE_BYTES_MAX] = b'a';
        let error = ParseError { at: INLINE_BYTES_MAX, found: None, rule: TOO_BIG };
        assert_eq!(line(&text), Err(error));
        text.push(b'\n');
        assert_eq!(line(&text), Err(error), "whether its end has come or not");
        assert_eq!(parse(&text, INLINE_BYTES_MAX), Err(error), "wherever it was cut");
    }

    #[test]
    fn a_nul_is_refused_at_once() {
        let error = ParseError { at: 2, found: Some(0), rule: NUL };
        assert_eq!(line(b"PI\0NG\r\n"), Err(error));
        assert_eq!(line(b"PI\0"), Err(error));
        assert_eq!(parse(b"PI\0", 2), Err(error));
        // A TLS client that met a port without TLS.
        assert!(line(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").is_err());
    }

    #[test]
    fn an_http_request_is_hung_up_on() {
        let error = ParseError { at: 0, found: None, rule: HTTP };
        for text in [&b"POST / HTTP/1.1\r\n"[..], b"post /\n", b"Host: localhost:22121\r\n"] {
            assert_eq!(line(text), Err(error), "{}", text.escape_ascii());
        }
        assert!(line(b"GET post\r\n").is_ok(), "only as the first word");
    }

    #[test]
    fn bytes_seen_before_are_not_looked_at_again() {
        // A line end in what was said to hold none is not found.
        assert_eq!(parse(b"A\nB", 3), Ok(None));
        assert_eq!(parse(b"A\nB\n", 3).map(|found| found.is_some()), Ok(true));
    }
}
