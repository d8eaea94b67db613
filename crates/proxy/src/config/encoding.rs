//! From a file's bytes to its text.
//!
//! Files are UTF-8. A byte order mark is skipped, at the beginning of the file or of a line (files
//! may have been joined), and one of UTF-16 is obeyed: that is what an editor on Windows may save,
//! and what the original's YAML reader takes.

use super::document::START;
use super::error::{Position, Problem};
use super::fault::Fault;

/// Decodes `bytes`, a whole file.
///
/// # Errors
/// A problem for bytes that are no text, or for each control character.
pub(super) fn decode(bytes: &[u8]) -> Result<String, Vec<Problem>> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        bytes => utf8(bytes),
    };
    let text = text.map_err(|problem| vec![problem])?;
    let problems: Vec<Problem> = text
        .char_indices()
        .filter(|&(_, found)| !is_printable(found))
        .map(|(i, found)| Problem::new(end_of(&text[..i]), Fault::ControlCharacter { found }))
        .take(CONTROLS_TOLD_MAX)
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(text.replace("\n\u{feff}", "\n"))
}

/// A file with more control characters than this is no text, and a longer list would not help.
const CONTROLS_TOLD_MAX: usize = 10;

fn utf8(bytes: &[u8]) -> Result<String, Problem> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            Err(Problem::new(end_of(&good), Fault::BadEncoding { encoding: "UTF-8" }))
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Problem> {
    let bad = Problem::new(START, Fault::BadEncoding { encoding: "UTF-16" });
    let (pairs, []) = bytes.as_chunks::<2>() else {
        return Err(bad);
    };
    let units = pairs.iter().map(|&pair| unit(pair));
    char::decode_utf16(units).collect::<Result<String, _>>().map_err(|_| bad)
}

/// Whether YAML 1.1 allows `c` in a file (`yaml_parser_update_buffer` of the original's reader).
fn is_printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

/// The position of the character after `text`, the head of a file.
fn end_of(text: &str) -> Position {
    let line_start = text.rfind('\n').map_or(0, |end| end + 1);
    Position {
        line: text.matches('\n').count() + 1,
        column: text[line_start..].chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_same_in_every_encoding() {
        let text = "alpha: \u{20ac}\u{1f600}\n";
        let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (name, mark, bytes) in [
            ("plain UTF-8", &[][..], text.as_bytes()),
            ("marked UTF-8", &[0xef, 0xbb, 0xbf], text.as_bytes()),
            ("UTF-16 LE", &[0xff, 0xfe], &le),
            ("UTF-16 BE", &[0xfe, 0xff], &be),
        ] {
            assert_eq!(decode(&[mark, bytes].concat()).as_deref(), Ok(text), "{name}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_told_with_their_place() {
        for (bytes, at) in [
            (&b"ab\ncd\xff"[..], "2:3: not UTF-8"),
            (b"\xc3\xa9\xff", "1:2: not UTF-8"),
            (b"a\n\nb\x01", "3:2: the control character U+0001"),
            (b"a\0", "1:2: the control character U+0000"),
            (b"\xff\xfea", "1:1: not UTF-16"),
            (b"\xff\xfe\x00\xd8", "1:1: not UTF-16"),
        ] {
            let problems = decode(bytes).expect_err(at);
            assert!(problems[0].to_string().starts_with(at), "{bytes:?}: {}", problems[0]);
        }
    }
}
