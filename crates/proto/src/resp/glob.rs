//! Patterns as Redis has them, for channels and for names: whether a text is as a pattern says.
//!
//! | in a pattern | stands for |
//! |---|---|
//! | `*` | any bytes, or none |
//! | `?` | any byte |
//! | `[abc]`, `[a-c]`, `[^a]` | one of these bytes, one in that range, one that is none of these |
//! | `\` | the byte behind it, which means nothing else then |
//!
//! A server sends what is published to those whose patterns match its channel, and the proxy must know
//! which these are. So this is its `stringmatchlen` to the last oddity, each of which has a comment
//! below and a line among the recorded answers, `tests/data/redis_globs.tsv`.

/// Stars that a pattern may have which are not its end (the depth of the server's recursion). What
/// would need one more to match does not.
const STARS_MAX: u32 = 1_000;

/// Whether `text` is as `pattern` says.
///
/// No allocation, no recursion. At worst the product of the lengths: when a text stops fitting, only
/// what the newest star takes in is tried longer, as older stars have nothing to gain by it.
#[must_use]
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // The server does not begin to look where there is no text: not even a star matches that.
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut rest, mut left) = (pattern, text);
    // What is behind the newest star, and what of the text it has not taken in.
    let mut star = None;
    let mut stars = 0;
    while let Some((&byte, behind)) = left.split_first() {
        if rest.first() == Some(&b'*') {
            rest = behind_stars(rest);
            stars += 1;
            if rest.is_empty() || stars > STARS_MAX {
                return rest.is_empty();
            }
            star = Some((rest, left));
            continue;
        }
        if let Some((true, len)) = one(rest, byte) {
            (rest, left) = (&rest[len..], behind);
            continue;
        }
        let Some((after, [_, fewer @ ..])) = star else { return false };
        star = Some((after, fewer));
        (rest, left) = (after, fewer);
    }
    behind_stars(rest).is_empty()
}

/// What follows the stars that a pattern begins with.
fn behind_stars(pattern: &[u8]) -> &[u8] {
    let stars = pattern.iter().take_while(|&&byte| byte == b'*').count();
    &pattern[stars..]
}

/// Whether `byte` is what a pattern begins with, and how much of the pattern says so. The pattern does
/// not begin with a star; `None` for an empty one.
fn one(pattern: &[u8], byte: u8) -> Option<(bool, usize)> {
    Some(match pattern {
        [] => return None,
        [b'?', ..] => (true, 1),
        [b'[', class @ ..] => {
            let (fits, len) = class_has(class, byte);
            (fits, 1 + len)
        }
        [b'\\', escaped, ..] => (*escaped == byte, 2),
        [literal, ..] => (*literal == byte, 1),
    })
}

/// Whether `byte` is in the class whose opening bracket was before `class`, and how long that is, with
/// its closing bracket. A class that is not closed ends with the pattern.
fn class_has(class: &[u8], byte: u8) -> (bool, usize) {
    let is_negated = class.first() == Some(&b'^');
    let mut at = usize::from(is_negated);
    let mut has = false;
    loop {
        let (fits, len) = match &class[at..] {
            [] => return (has != is_negated, at),
            [b'\\', escaped, ..] => (*escaped == byte, 2),
            [b']', ..] => return (has != is_negated, at + 1),
            // Any byte may end a range, a bracket too. The server compares `char`, which has a sign on
            // most machines: 0xFF is before `a`. And ends that are the wrong way round are exchanged.
            [start, b'-', end, ..] => {
                let (start, end, byte) = (*start as i8, *end as i8, byte as i8);
                ((start.min(end)..=start.max(end)).contains(&byte), 3)
            }
            [literal, ..] => (*literal == byte, 1),
        };
        has |= fits;
        at += len;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same without a thought for time: each star tries everything.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            ([b'*', rest @ ..], text) => (0..=text.len()).any(|at| naive(rest, &text[at..])),
            (_, []) => false,
            (pattern, [byte, text @ ..]) => {
                one(pattern, *byte).is_some_and(|(fits, len)| fits && naive(&pattern[len..], text))
            }
        }
    }

    proptest! {
        #[test]
        fn going_back_to_the_newest_star_is_enough(
            pattern in "[ab*?\\[\\]^\\\\-]{0,10}",
            text in "[ab\\]-]{1,8}",
        ) {
            let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(matches(pattern, text), naive(pattern, text));
        }

        #[test]
        fn no_pattern_is_too_odd(pattern: Vec<u8>, text: Vec<u8>) {
            let _any = matches(&pattern, &text);
            prop_assert!(matches(b"*", &text) != text.is_empty());
        }
    }

    #[test]
    fn an_abusive_pattern_takes_no_time_to_speak_of() {
        let pattern = [b"a*".repeat(500), b"b".to_vec()].concat();
        assert!(!matches(&pattern, &[b'a'; 50_000]));
    }

    #[test]
    fn more_stars_than_a_server_bears_match_nothing() {
        for (stars, expected) in [(1_000, true), (1_001, false)] {
            let text = b"a".repeat(stars);
            assert_eq!(matches(&b"*a".repeat(stars), &text), expected, "{stars}");
            let longer = [&text[..], b"b"].concat();
            assert!(matches(&b"a*".repeat(stars), &longer), "the last is its end");
            assert_eq!(matches(&[&b"*a".repeat(stars)[..], b"*"].concat(), &longer), expected);
        }
    }
}
