//! Where the keys of a request are whose row does not say it in one word: a range, behind a number,
//! behind a word.
//!
//! It is asked once a request is whole, and looks at no more arguments than a server does to know
//! the same. What would be no request to a server is refused in the server's words.

use super::digits;
use super::parts::Strings;
use super::request::Fault;
use crate::command::{Counting, Keys};

/// Where keys are: one, and then `count - 1` more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Located {
    /// The first key's place among the arguments.
    pub(super) first: u32,
    /// How many keys there are.
    pub(super) count: u32,
    /// How many arguments stand between the first key and the second.
    pub(super) gap: u32,
    /// How many stand between later keys. None where there is no gap behind the first.
    pub(super) later_gap: u32,
}

impl Located {
    const NOWHERE: Self = Self { first: 0, count: 0, gap: 0, later_gap: 0 };

    /// `count` keys, the first of which is argument `first`, and each next one `step` further.
    const fn every(first: u32, count: u32, step: u32) -> Self {
        Self { first, count, gap: step - 1, later_gap: step - 1 }
    }

    /// Argument 0, and argument `other` if there is one.
    fn first_and(other: Option<u32>) -> Self {
        match other {
            None => Self::every(0, 1, 1),
            Some(other) => Self { first: 0, count: 2, gap: other - 1, later_gap: 0 },
        }
    }
}

/// Finds the keys among `arguments` arguments, which `strings` is about to yield.
///
/// # Errors
/// What a server would say.
pub(super) fn locate(
    keys: Keys,
    arguments: u32,
    mut strings: Strings<'_>,
) -> Result<Located, Fault> {
    match keys {
        Keys::None | Keys::Subcommand(_) => Ok(Located::NOWHERE),
        Keys::First => Ok(Located::every(0, 1, 1)),
        Keys::Each => Ok(Located::every(0, arguments, 1)),
        Keys::EachPair => Ok(Located::every(0, arguments / 2, 2)),
        Keys::Range { first, last, step } => {
            let from_behind = i64::from(arguments) + i64::from(last);
            let last = if last < 0 { from_behind } else { i64::from(last) };
            let last = last.min(i64::from(arguments) - 1);
            let further = last - i64::from(first);
            // The row's arity has room for one key; but a range may be empty (`PUBSUB NUMSUB`).
            let count = if further < 0 { 0 } else { further / i64::from(step) + 1 };
            Ok(Located::every(first, count as u32, step))
        }
        Keys::Counted { number, step, counting } => {
            let text = strings.nth(number as usize).unwrap_or_default();
            let count = counted(text, counting, (arguments - number - 1) / step)?;
            Ok(Located::every(number + 1, count, step))
        }
        Keys::StoreCounted => {
            let text = strings.nth(1).unwrap_or_default();
            let count = counted(text, Counting::Combined, arguments - 2)?;
            Ok(Located { first: 0, count: 1 + count, gap: 1, later_gap: 0 })
        }
        Keys::Streams => streams(arguments, strings),
        Keys::SortStore => Ok(Located::first_and(sort_store(strings))),
        Keys::GeoStore => Ok(Located::first_and(geo_store(strings))),
    }
}

/// The number of keys that `text` is, of which there may be `most`.
fn counted(text: &[u8], counting: Counting, most: u32) -> Result<u32, Fault> {
    let least = match counting {
        Counting::Script | Counting::Function => 0,
        Counting::Combined | Counting::Cardinality | Counting::Popped | Counting::Pairs => 1,
    };
    match digits::whole_integer(text) {
        None => Err(Fault::BadCount),
        Some(count) if count < least => Err(Fault::LowCount),
        Some(count) if count > i64::from(most) => Err(Fault::HighCount),
        Some(count) => Ok(count as u32),
    }
}

/// `XREAD [COUNT n] [BLOCK ms] STREAMS key... id...`, and `XREADGROUP`. A word that is none of
/// these is passed over: the server knows it, or refuses it.
fn streams(arguments: u32, mut strings: Strings<'_>) -> Result<Located, Fault> {
    let mut at = 0;
    while let Some(word) = strings.next() {
        at += 1;
        let behind = arguments - at;
        let values = match Word::of(word) {
            Word::Streams if behind > 0 => {
                if !behind.is_multiple_of(2) {
                    return Err(Fault::Unbalanced);
                }
                return Ok(Located::every(at, behind / 2, 1));
            }
            Word::Block if behind > 0 => {
                at += 1;
                let text = strings.next().unwrap_or_default();
                match digits::whole_integer(text) {
                    None => return Err(Fault::BadTimeout),
                    Some(..0) => return Err(Fault::LowTimeout),
                    Some(0..) => 0,
                }
            }
            Word::Count if behind > 0 => {
                at += 1;
                let text = strings.next().unwrap_or_default();
                digits::whole_integer(text).ok_or(Fault::BadInteger)?;
                0
            }
            Word::Claim if behind > 0 => 1,
            Word::Group if behind > 1 => 2,
            _ => 0,
        };
        for _ in 0..values {
            at += 1;
            strings.next();
        }
    }
    Err(Fault::Syntax)
}

/// A word before the names of streams.
enum Word {
    Streams,
    Block,
    Count,
    Claim,
    Group,
    Other,
}

impl Word {
    fn of(word: &[u8]) -> Self {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("STREAMS") {
            Self::Streams
        } else if is("BLOCK") {
            Self::Block
        } else if is("COUNT") {
            Self::Count
        } else if is("CLAIM") {
            Self::Claim
        } else if is("GROUP") {
            Self::Group
        } else {
            Self::Other
        }
    }
}

/// What stands in front of the `*` of each pattern of a whole `SORT` or `SORT_RO` (`BY` and `GET`), which
/// puts an element in its place to make a key. A pattern without a `*` makes none, and what follows a `->`
/// is a field's name and not the key's.
pub fn sort_patterns(frame: &[u8]) -> impl Iterator<Item = &[u8]> {
    sort_options(Strings::new(frame).skip(1)).filter_map(|option| match option {
        SortOption::Pattern(pattern) => {
            pattern.iter().position(|&byte| byte == b'*').map(|star| &pattern[..star])
        }
        SortOption::Store(_) => None,
    })
}

/// Where `SORT` stores: behind the last `STORE` that is no pattern and no number.
fn sort_store(strings: Strings<'_>) -> Option<u32> {
    let places = sort_options(strings).filter_map(|option| match option {
        SortOption::Store(place) => Some(place),
        SortOption::Pattern(_) => None,
    });
    places.last()
}

/// An option of `SORT` that names keys.
enum SortOption<'a> {
    /// `BY` or `GET`, and its pattern.
    Pattern(&'a [u8]),
    /// `STORE`, and where among the arguments the key is.
    Store(u32),
}

/// The options of a `SORT` with these arguments, the first of which is the sorted key, that name keys.
fn sort_options<'a>(
    arguments: impl Iterator<Item = &'a [u8]>,
) -> impl Iterator<Item = SortOption<'a>> {
    let mut options = arguments.enumerate().skip(1);
    std::iter::from_fn(move || {
        loop {
            let (_, word) = options.next()?;
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if is("LIMIT") {
                options.nth(1);
            } else if is("BY") || is("GET") {
                return options.next().map(|(_, pattern)| SortOption::Pattern(pattern));
            } else if is("STORE") {
                return options.next().map(|(place, _)| SortOption::Store(place as u32));
            }
        }
    })
}

/// Where `GEORADIUS` stores, which has its options from argument 4 on.
fn geo_store(strings: Strings<'_>) -> Option<u32> {
    let mut store = None;
    let mut options = strings.enumerate().skip(4).peekable();
    while let Some((_, word)) = options.next() {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if (is("STORE") || is("STOREDIST")) && options.peek().is_some() {
            store = options.next().map(|(place, _)| place as u32);
        }
    }
    store
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_make_keys_are_known_by_what_is_in_front_of_their_star() {
        let cases: [(&[&str], &[&str]); 6] = [
            (&["SORT", "BY"], &[]),
            (&["SORT", "k", "BY", "nosort", "GET", "#", "get", "o_*->f*"], &["o_"]),
            (&["SORT", "k", "by", "{t}w_*", "LIMIT", "BY", "1", "GET", "*"], &["{t}w_", ""]),
            (&["SORT", "k", "STORE", "BY", "GET", "a*b*"], &["a"]),
            (&["SORT", "k", "ASC", "BY"], &[]),
            (&["SORT_RO", "GET", "GET", "GET*"], &["GET"]),
        ];
        for (words, expected) in cases {
            let mut frame = format!("*{}\r\n", words.len()).into_bytes();
            for word in words {
                frame.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
            }
            let found: Vec<&[u8]> = sort_patterns(&frame).collect();
            let expected: Vec<&[u8]> = expected.iter().map(|word| word.as_bytes()).collect();
            assert_eq!(found, expected, "{words:?}");
        }
    }
}
