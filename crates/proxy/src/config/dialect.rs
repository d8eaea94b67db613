//! From the original's YAML 1.1 to the scanner's 1.2, where files in the field are likely to differ.
//!
//! Each change puts one space for one character, so every position stays what it is in the file.

/// Puts spaces for
/// - tabs between a key's colon and its value, which the scanner refuses before a letter;
/// - a comment right behind a quoted text, which the scanner wants a space before.
///
/// Looks at a line at a time. A text in quotes that goes on over several lines could be mistaken
/// for keys, in theory; keys hold no such text.
pub(super) fn translate(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive(['\n', '\r']) {
        let head = head(line);
        let rest = &line[head.len()..];
        let value = rest.trim_start_matches([' ', '\t']);
        // The line end, a break of any kind, stays.
        let body = value.trim_end_matches(['\n', '\r']);
        let kept = quoted(body).filter(|&end| body[end..].starts_with('#')).unwrap_or(body.len());
        out.push_str(head);
        // Without a key before it, white space is none of this function's business.
        if head.ends_with(':') {
            spaces(&mut out, &rest[..rest.len() - value.len()]);
        } else {
            out.push_str(&rest[..rest.len() - value.len()]);
        }
        out.push_str(&body[..kept]);
        spaces(&mut out, &body[kept..]);
        out.push_str(&value[body.len()..]);
    }
    out
}

/// The part of `line` before its value: indentation, then a key and its colon or an item's dash.
fn head(line: &str) -> &str {
    let text = line.trim_start_matches(' ');
    let word = text.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(0);
    let end = match &text[word..] {
        after if word > 0 && after.starts_with(':') => word + 1,
        after if word == 0 && after.starts_with("- ") => 1,
        _ => 0,
    };
    &line[..line.len() - text.len() + end]
}

/// Where the quoted text at the front of `value` ends, if there is one and it ends in this line.
fn quoted(value: &str) -> Option<usize> {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut chars = value.char_indices().skip(1).peekable();
    while let Some((i, c)) = chars.next() {
        if c == '\\' && quote == '"' {
            chars.next();
        } else if c == quote {
            // Two single quotes in a row are one of the text.
            if quote == '"' || chars.next_if(|&(_, next)| next == quote).is_none() {
                return Some(i + 1);
            }
        }
    }
    None
}

/// Appends a space for each character of `text`.
fn spaces(out: &mut String, text: &str) {
    out.extend(text.chars().map(|_| ' '));
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn what_the_scanner_would_refuse_becomes_spaces() {
        for (text, expected) in [
            ("hash:\tmd5", "hash: md5"),
            ("  hash: \t md5\tx", "  hash:   md5\tx"),
            ("a:\t\nb:\tc\r\n", "a: \nb: c\r\n"),
            ("a: \"{}\"#\u{e9}\nb: c", "a: \"{}\"  \nb: c"),
            ("a: 'it''s'# x\r\n", "a: 'it''s'   \r\n"),
            ("  - \"a:1:1 \\\"b\"#c", "  - \"a:1:1 \\\"b\"  "),
        ] {
            assert_eq!(translate(text), expected, "{text:?}");
        }
    }

    #[test]
    fn all_else_stays() {
        for text in [
            "",
            "\n",
            "alpha:\n  listen: a:1 # x\n",
            "\thash:\tmd5",
            "  - a:\tb",
            "  -\ta:\tb",
            ":\tx",
            "a: \"x # y\"",
            "a: \"x\" # y",
            "a: 'x''#y'",
            "a: \"x\\\"#y\"",
            "a: \"x",
            "a: b\"#c",
            "\u{e9}: b",
        ] {
            assert_eq!(translate(text), text, "{text:?}");
        }
    }
}
