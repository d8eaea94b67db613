//! Patterns of answers, as the allow-lists have them: `%` stands for any bytes but line ends, `%%`
//! for any bytes.

/// Whether `text` is `pattern`.
pub(crate) fn fits(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'%', b'%', rest @ ..] => (0..=text.len()).any(|at| fits(rest, &text[at..])),
        [b'%', rest @ ..] => {
            let end = text.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(text.len());
            (0..=end).any(|at| fits(rest, &text[at..]))
        }
        [first, rest @ ..] => {
            text.split_first().is_some_and(|(byte, text)| byte == first && fits(rest, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percent_sign_is_anything_but_a_line_end() {
        assert!(fits(b"-ERR %\r\n", b"-ERR a b\r\n"));
        assert!(fits(b"%", b""));
        assert!(!fits(b"-ERR %\r\n", b"-ERR a\r\nb\r\n"));
        assert!(!fits(b"-ERR\r\n", b"-ERR\r\nx"));
        assert!(!fits(b"-ERR %\r\n", b"-ERR"));
    }

    #[test]
    fn two_percent_signs_are_anything() {
        assert!(fits(b"*%%b", b"*1\r\na\r\nb"));
        assert!(!fits(b"*%%b", b"*1\r\na\r\nc"));
    }
}
