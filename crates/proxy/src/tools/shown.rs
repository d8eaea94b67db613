//! Text of what is to be shown: keys of any bytes, percentages.

use std::borrow::Cow;

/// Bytes as one field of a line: text as it is, but for control characters, backslashes and bytes
/// that are no UTF-8, which are spelt as in C (`\t`, `\\`, `\xff`). Copies only where it has to.
pub(super) fn field(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes)
        && !text.chars().any(is_spelt)
    {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_spelt(c) {
                shown.extend(c.escape_default());
            } else {
                shown.push(c);
            }
        }
        for byte in chunk.invalid() {
            shown += &format!("\\x{byte:02x}");
        }
    }
    Cow::Owned(shown)
}

fn is_spelt(c: char) -> bool {
    c.is_control() || c == '\\'
}

/// A share between 0 and 1 as `12.34 %`, six characters before the sign's space.
pub(super) fn percent(share: f64) -> String {
    format!("{:6.2} %", share * 100.0)
}

/// `count` and the noun, an `s` behind it unless there is one.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("{count} {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_holds_any_bytes_in_one_line() {
        for (bytes, shown) in [
            (&b"user:{42}"[..], "user:{42}"),
            ("caf\u{e9}".as_bytes(), "caf\u{e9}"),
            (b"a b", "a b"),
            (b"", ""),
            (b"a\tb\n\r", "a\\tb\\n\\r"),
            (b"\\x", "\\\\x"),
            (b"\0\x7f", "\\u{0}\\u{7f}"),
            (b"\xffa\xc3", "\\xffa\\xc3"),
        ] {
            assert_eq!(field(bytes), shown, "'{}'", bytes.escape_ascii());
        }
    }

    #[test]
    fn shares_are_aligned() {
        for (share, shown) in [(0.0, "  0.00 %"), (0.5, " 50.00 %"), (1.0, "100.00 %")] {
            assert_eq!(percent(share), shown);
        }
    }
}
