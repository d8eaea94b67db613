//! The keys of a request, each with the bytes that travel with it.

use super::digits;
use super::guess::Guess;
use super::locate::{Located, locate};
use super::request::{Bulk, bulk};
use crate::command::Keys;
use crate::limits::ARGUMENTS_MAX;
use crate::request::Routed;
use crate::split::Part;

/// The keys of a request, in order. Copies nothing; one pass over the request in all.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    strings: Strings<'a>,
    /// Keys to come.
    left: u32,
    /// Each key is followed by a value.
    valued: bool,
    /// How many strings stand before the next key. None before the first.
    gap: u32,
    /// How many stand before those after it. None where `gap` is none.
    later_gap: u32,
    /// Of the strings that are keys.
    keys: Guess,
    /// Of those that are values.
    values: Guess,
}

impl<'a> Parts<'a> {
    /// The parts of `request`, whose bytes are `frame`. O(1), but for commands whose keys are
    /// behind a word: it is looked for.
    ///
    /// A command whose arguments are not all keys has parts all the same: its keys, without what
    /// stands around them.
    #[must_use]
    pub fn new(request: &Routed, frame: &'a [u8]) -> Self {
        let mut strings = Strings::new(frame);
        strings.next();
        let keys = request.command.keys;
        if let Keys::First | Keys::Each | Keys::EachPair = keys {
            let valued = keys == Keys::EachPair;
            return Self::of(strings, request.keys, valued, (0, 0));
        }
        match locate(keys, strings.left, strings.clone()) {
            Ok(located) => Self::located(strings, located),
            // It was no fault when the request was parsed.
            Err(_) => Self::of(strings, 0, false, (0, 0)),
        }
    }

    /// The keys that are at these places among the arguments, which `strings` is about to yield.
    pub(super) fn located(mut strings: Strings<'a>, located: Located) -> Self {
        let Located { first, count, gap, later_gap } = located;
        for _before_the_first in 0..first {
            strings.next();
        }
        Self::of(strings, count, false, (gap, later_gap))
    }

    const fn of(
        strings: Strings<'a>,
        left: u32,
        valued: bool,
        (gap, later_gap): (u32, u32),
    ) -> Self {
        Self { strings, left, valued, gap, later_gap, keys: Guess::new(), values: Guess::new() }
    }

    /// How many keys are to come.
    pub(super) const fn left(&self) -> u32 {
        self.left
    }

    #[cold]
    fn pass_over_gap(&mut self) {
        for _between_two_keys in 0..self.gap {
            self.strings.next();
        }
        self.gap = self.later_gap;
    }
}

impl Iterator for Parts<'_> {
    type Item = Part;

    #[inline(always)]
    fn next(&mut self) -> Option<Part> {
        self.left = self.left.checked_sub(1)?;
        let begin = self.strings.at as u32;
        let (start, end) = self.strings.range(&mut self.keys)?;
        if self.valued {
            self.strings.range(&mut self.values)?;
        }
        let part = Part { key: start as u32..end as u32, bytes: begin..self.strings.at as u32 };
        if self.gap != 0 && self.left != 0 {
            self.pass_over_gap();
        }
        Some(part)
    }
}

/// The bulk strings of a request that is known to be whole, its name first. Ends early at bytes
/// that are no bulk string.
#[derive(Clone, Debug)]
pub(super) struct Strings<'a> {
    frame: &'a [u8],
    at: usize,
    /// How many are to come.
    left: u32,
}

impl<'a> Strings<'a> {
    pub(super) fn new(frame: &'a [u8]) -> Self {
        let head = digits::length(frame, 1, ARGUMENTS_MAX as u32, "");
        let (left, at) = head.ok().flatten().unwrap_or((0, frame.len()));
        Self { frame, at, left }
    }
}

impl Strings<'_> {
    /// Where the next string's header begins, in the request's bytes.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// Where the next string's body begins and ends, which may be like those that `guess` comes from.
    #[inline(always)]
    fn range(&mut self, guess: &mut Guess) -> Option<(usize, usize)> {
        let (start, end) =
            guess.short_bulk(self.frame, self.at).or_else(|| any_bulk(self.frame, self.at))?;
        self.at = end + 2;
        Some((start, end))
    }
}

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (start, end) = self.range(&mut Guess::new())?;
        self.left = self.left.saturating_sub(1);
        Some(&self.frame[start..end])
    }
}

/// As [`Guess::short_bulk`], of any length.
#[cold]
fn any_bulk(frame: &[u8], at: usize) -> Option<(usize, usize)> {
    match bulk(frame, at, u32::MAX) {
        Ok(Bulk::Whole { start, end }) => Some((start, end)),
        Ok(Bulk::Part { .. } | Bulk::TooLarge { .. }) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Progress;
    use crate::request::Request;
    use crate::resp::RequestParser;

    /// Each key of the request with the bytes that travel with it.
    fn parts(frame: &str) -> Vec<(String, String)> {
        let parsed = RequestParser::new(100, usize::MAX).parse(frame.as_bytes());
        let Ok(Progress::Done(Request::Routed(routed))) = parsed else { panic!("{parsed:?}") };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Parts::new(&routed, frame.as_bytes())
            .map(|part| (text(part.key(frame.as_bytes())), text(part.bytes(frame.as_bytes()))))
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(key, bytes)| ((*key).into(), (*bytes).into())).collect()
    }

    #[test]
    fn each_key_comes_with_its_header_and_its_line_end() {
        assert_eq!(
            parts("*4\r\n$4\r\nMGET\r\n$1\r\na\r\n$0\r\n\r\n$4\r\n\r\n$1\r\n"),
            pairs(&[("a", "$1\r\na\r\n"), ("", "$0\r\n\r\n"), ("\r\n$1", "$4\r\n\r\n$1\r\n")])
        );
    }

    #[test]
    fn a_value_travels_with_its_key() {
        assert_eq!(
            parts("*5\r\n$4\r\nmset\r\n$1\r\na\r\n$2\r\n12\r\n$1\r\nb\r\n$0\r\n\r\n"),
            pairs(&[("a", "$1\r\na\r\n$2\r\n12\r\n"), ("b", "$1\r\nb\r\n$0\r\n\r\n")])
        );
    }

    #[test]
    fn keys_behind_a_number_are_found_and_what_follows_them_is_not_taken_for_one() {
        assert_eq!(
            parts("*6\r\n$4\r\nEVAL\r\n$1\r\nx\r\n$1\r\n2\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"),
            pairs(&[("a", "$1\r\na\r\n"), ("b", "$1\r\nb\r\n")])
        );
        assert_eq!(
            parts("*4\r\n$6\r\nZUNION\r\n$1\r\n1\r\n$1\r\na\r\n$10\r\nWITHSCORES\r\n"),
            pairs(&[("a", "$1\r\na\r\n")])
        );
    }

    #[test]
    fn a_request_without_a_key_has_no_parts() {
        for frame in [
            "*1\r\n$4\r\nPING\r\n",
            "*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n",
            "*3\r\n$4\r\nEVAL\r\n$1\r\nx\r\n$1\r\n0\r\n",
        ] {
            assert_eq!(parts(frame), [], "{frame:?}");
        }
    }
}
