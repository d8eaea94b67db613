//! The naive twin: what a request is and where its keys are, said with no thought of speed or of
//! pieces.

use crate::command::Keys;
use crate::limits::{ARGUMENTS_MAX, BULK_BYTES_MAX};

/// The keys among these arguments of a request that is well.
pub(super) fn keys(keys: Keys, arguments: &[Vec<u8>]) -> Vec<&[u8]> {
    let places: Vec<usize> = match keys {
        Keys::None | Keys::Subcommand(_) => Vec::new(),
        Keys::First => vec![0],
        Keys::Each => (0..arguments.len()).collect(),
        Keys::EachPair => (0..arguments.len()).step_by(2).collect(),
        Keys::Range { first, last, step } => {
            let count = arguments.len() as i32;
            let end = if last < 0 { count + last } else { last } + 1;
            (first as usize..end.clamp(0, count) as usize).step_by(step as usize).collect()
        }
        Keys::Counted { number, step, .. } => {
            let first = number as usize + 1;
            let step = step as usize;
            (0..count(&arguments[number as usize])).map(|key| first + key * step).collect()
        }
        Keys::StoreCounted => std::iter::once(0).chain(2..2 + count(&arguments[1])).collect(),
        Keys::Streams => {
            let first = 1 + streams_word(arguments);
            (first..first + (arguments.len() - first) / 2).collect()
        }
        Keys::SortStore => vec![0].into_iter().chain(store(arguments, 1, true)).collect(),
        Keys::GeoStore => vec![0].into_iter().chain(store(arguments, 4, false)).collect(),
    };
    places.into_iter().map(|place| arguments[place].as_slice()).collect()
}

fn count(text: &[u8]) -> usize {
    String::from_utf8_lossy(text).parse().expect("a count")
}

fn upper(word: &[u8]) -> String {
    String::from_utf8_lossy(word).to_ascii_uppercase()
}

fn streams_word(arguments: &[Vec<u8>]) -> usize {
    let mut at = 0;
    loop {
        at += match upper(&arguments[at]).as_str() {
            "STREAMS" => return at,
            "BLOCK" | "COUNT" | "CLAIM" => 2,
            "GROUP" => 3,
            _ => 1,
        };
    }
}

fn store(arguments: &[Vec<u8>], from: usize, sort: bool) -> Option<usize> {
    let mut at = from;
    let mut found = None;
    while at < arguments.len() {
        let word = upper(&arguments[at]);
        at += match word.as_str() {
            "LIMIT" if sort => 3,
            "BY" | "GET" if sort => 2,
            "STORE" if at + 1 < arguments.len() => {
                found = Some(at + 1);
                2
            }
            "STOREDIST" if !sort && at + 1 < arguments.len() => {
                found = Some(at + 1);
                2
            }
            _ => 1,
        };
    }
    found
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It could still become a request.
    Part,
    /// It never will.
    Broken,
    /// It asks for nothing.
    Blank(usize),
    /// Its words and its length.
    Words(Vec<Vec<u8>>, usize),
}

/// A line behind its type, of at most so many as a number.
fn number(bytes: &[u8], max: u64) -> Result<(i128, usize), Found> {
    let text: Vec<u8> = bytes.iter().copied().take_while(|byte| *byte != b'\r').collect();
    let behind = &bytes[text.len()..];
    let text = String::from_utf8(text).map_err(|_| Found::Broken)?;
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let is_part = digits.chars().all(|digit| digit.is_ascii_digit())
        && (digits == "0" && text == "0" || !digits.starts_with('0'));
    let value: Option<i128> =
        if digits.is_empty() { None } else { Some(text.parse().unwrap_or(i128::MAX)) };
    if !is_part
        || value.is_some_and(|value| value > i128::from(max) || value < i128::from(i64::MIN))
    {
        return Err(Found::Broken);
    }
    match (value, behind) {
        (_, []) => Err(Found::Part),
        (None, _) => Err(Found::Broken),
        (Some(_), [b'\r']) => Err(Found::Part),
        (Some(value), [b'\r', b'\n', ..]) => Ok((value, text.len() + 2)),
        _ => Err(Found::Broken),
    }
}

pub(super) fn parse(bytes: &[u8]) -> Found {
    try_parse(bytes).unwrap_or_else(|found| found)
}

fn try_parse(bytes: &[u8]) -> Result<Found, Found> {
    if bytes.is_empty() {
        return Err(Found::Part);
    }
    assert_eq!(bytes[0], b'*', "the twin knows no inline requests");
    let (count, len) = number(&bytes[1..], ARGUMENTS_MAX)?;
    let mut at = 1 + len;
    if count <= 0 {
        return Ok(Found::Blank(at));
    }
    let mut words = Vec::new();
    for _ in 0..count {
        match bytes.get(at) {
            None => return Err(Found::Part),
            Some(b'$') => at += 1,
            Some(_) => return Err(Found::Broken),
        }
        if bytes.get(at) == Some(&b'-') {
            return Err(Found::Broken);
        }
        let (len, taken) = number(&bytes[at..], BULK_BYTES_MAX)?;
        at += taken;
        let end = at + len as usize;
        if bytes.len() < end + 2 {
            return Err(Found::Part);
        }
        if &bytes[end..end + 2] != b"\r\n" {
            return Err(Found::Broken);
        }
        words.push(bytes[at..end].to_vec());
        at = end + 2;
    }
    Ok(Found::Words(words, at))
}
