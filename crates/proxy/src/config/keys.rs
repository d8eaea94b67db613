//! A section's keys, looked up by name, and their values read with one kind of error for all.

use std::ops::RangeInclusive;

use super::document::{Section, Text, Value};
use super::error::{Position, Problem};
use super::fault::Fault;
use super::limits;
use super::nearest::nearest;

/// What checking has brought up so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What makes the file invalid.
    pub(super) problems: Vec<Problem>,
    /// What is only odd.
    pub(super) warnings: Vec<Problem>,
}

/// The entries of one section, with the findings about them.
pub(super) struct Keys<'a> {
    section: &'a Section,
    /// The pool's name, for messages; `None` for options of the process.
    pool: Option<&'a str>,
    findings: &'a mut Findings,
}

impl<'a> Keys<'a> {
    /// The keys of a pool.
    pub(super) fn of_pool(section: &'a Section, findings: &'a mut Findings) -> Self {
        Self { section, pool: Some(&section.name.text), findings }
    }

    /// The keys of a section that is no pool.
    pub(super) fn of_process(section: &'a Section, findings: &'a mut Findings) -> Self {
        Self { section, pool: None, findings }
    }

    /// Reports keys that are not among `known`, in the words of `unknown`, and keys that are there
    /// twice.
    pub(super) fn check_names(
        &mut self,
        known: &'static [&'static str],
        unknown: impl Fn(String, Option<&'static str>) -> Fault,
    ) {
        let section = self.section;
        for (i, entry) in section.entries.iter().enumerate() {
            let key = &entry.key;
            let first = section.entries[..i].iter().find(|other| other.key.text == key.text);
            if let Some(first) = first {
                let first_line = first.key.at.line;
                self.wrong(key.at, Fault::DuplicateKey { key: key.text.clone(), first_line });
            } else if !known.contains(&key.text.as_str()) {
                self.wrong(key.at, unknown(key.text.clone(), nearest(&key.text, known)));
            }
        }
    }

    /// The value of `key`; the first one, where there are several.
    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        self.section.entries.iter().find(|entry| entry.key.text == key).map(|entry| &entry.value)
    }

    /// The place of `key`, or of the section's name where the key is missing.
    pub(super) fn place(&self, key: &str) -> Position {
        let entry = self.section.entries.iter().find(|entry| entry.key.text == key);
        entry.map_or(self.section.name.at, |entry| entry.key.at)
    }

    /// The section's name.
    pub(super) fn name(&self) -> &'a Text {
        &self.section.name
    }

    /// Reads the text of `key` with `read`; `None` when the key is not there, or is wrong and has
    /// been reported.
    pub(super) fn read<T>(
        &mut self,
        key: &str,
        read: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        match self.value(key)? {
            Value::Text(text) => self.read_text(text, read),
            Value::List(_) => {
                let fault = Fault::ListNotServers { key: key.to_owned() };
                self.wrong(self.place(key), fault);
                None
            }
            Value::Faulty => None,
        }
    }

    /// Reads `text` with `read`; `None` when it is wrong and has been reported.
    ///
    /// What follows a `//` or `#` that was meant as a comment is not held against the value, once
    /// the comment has been reported.
    pub(super) fn read_text<T>(
        &mut self,
        text: &Text,
        read: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let fault = match read(&text.text) {
            Ok(value) => return Some(value),
            Err(fault) => fault,
        };
        let Some((value, comment)) = split_comment(&text.text) else {
            self.wrong(text.at, fault);
            return None;
        };
        let column = text.at.column + text.text[..comment.start].chars().count();
        self.wrong(Position { column, ..text.at }, comment.fault);
        if let Err(fault) = read(value) {
            self.wrong(text.at, fault);
        }
        None
    }

    /// Reads a number of digits only, [`limits::NUMBER_MAX`] at most.
    pub(super) fn number(&mut self, key: &'static str) -> Option<u32> {
        self.read(key, |found| {
            number(found).ok_or_else(|| {
                let found = found.to_owned();
                if is_digits(&found) {
                    Fault::NumberTooLarge { key, found }
                } else {
                    Fault::NotANumber { key, found }
                }
            })
        })
    }

    /// Reads a number of bytes within `range`; `k`, `m` and `g` behind it are its larger units.
    pub(super) fn bytes(
        &mut self,
        key: &'static str,
        range: &RangeInclusive<u64>,
    ) -> Option<usize> {
        self.read(key, |found| {
            bytes(found)
                .filter(|bytes| range.contains(bytes))
                .map(|bytes| bytes as usize)
                .ok_or_else(|| {
                    let (min, max) = (*range.start(), *range.end());
                    Fault::Bytes { key, found: found.to_owned(), min, max }
                })
        })
    }

    /// Reads `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.read(key, |found| match found {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Fault::NotABool { key, found: found.to_owned() }),
        })
    }

    /// Reads one of the words of a key, each of which stands for a value.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &'static [&'static str],
        values: &[T],
    ) -> Option<T> {
        self.read(key, |found| {
            let at = words.iter().position(|word| *word == found);
            at.map(|at| values[at]).ok_or_else(|| Fault::NotAWord {
                key,
                found: found.to_owned(),
                words,
            })
        })
    }

    /// Reports a problem.
    pub(super) fn wrong(&mut self, at: Position, fault: Fault) {
        let problem = self.problem(at, fault);
        self.findings.problems.push(problem);
    }

    /// Reports an oddity.
    pub(super) fn warn(&mut self, at: Position, fault: Fault) {
        let warning = self.problem(at, fault);
        self.findings.warnings.push(warning);
    }

    fn problem(&self, at: Position, fault: Fault) -> Problem {
        Problem { at, pool: self.pool.map(str::to_owned), fault }
    }
}

/// Reads a number as the original's `nc_atoi` does, but for its wrap-around: ASCII digits, at
/// least one, leading zeros and all; [`limits::NUMBER_MAX`] at most.
pub(super) fn number(text: &str) -> Option<u32> {
    if !is_digits(text) {
        return None;
    }
    text.parse().ok().filter(|&number| number <= limits::NUMBER_MAX)
}

/// Reads a number of bytes: digits, and `k`, `m` or `g` of either case behind them for 1024 times as
/// many, once, twice or three times.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let unit = |letter: u8| match letter.to_ascii_lowercase() {
        b'k' => Some(1 << 10),
        b'm' => Some(1 << 20),
        b'g' => Some(1 << 30),
        _ => None,
    };
    let (digits, factor) = match text.bytes().last().and_then(unit) {
        Some(factor) => (&text[..text.len() - 1], factor),
        None => (text, 1),
    };
    if !is_digits(digits) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A comment that YAML does not take for one.
struct Comment {
    /// Its first byte in the value.
    start: usize,
    fault: Fault,
}

/// Splits `text` before what looks like a comment and is none.
fn split_comment(text: &str) -> Option<(&str, Comment)> {
    let (start, fault) = if let Some(space) = text.find(" //") {
        (space + 1, Fault::SlashComment)
    } else {
        let hash = text.find('#').filter(|&hash| hash > 0)?;
        (hash, Fault::NoSpaceBeforeHash { value: text[..hash].to_owned() })
    };
    Some((text[..start].trim_end(), Comment { start, fault }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_digits_and_perhaps_a_unit() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1048576", Some(1 << 20)),
            ("64k", Some(64 << 10)),
            ("16M", Some(16 << 20)),
            ("8g", Some(8 << 30)),
            ("17179869184g", None),
            ("", None),
            ("k", None),
            ("-1k", None),
            ("1kb", None),
            ("1.5m", None),
            ("1 m", None),
        ] {
            assert_eq!(bytes(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_number_is_digits_within_31_bits() {
        for (text, expected) in [
            ("0", Some(0)),
            ("0100", Some(100)),
            ("2147483647", Some(2_147_483_647)),
            ("00000000000000000001", Some(1)),
            ("2147483648", None),
            ("4294967297", None),
            ("99999999999999999999", None),
            ("", None),
            ("+1", None),
            ("-1", None),
            (" 5", None),
            ("1.5", None),
            ("\u{0661}", None),
        ] {
            assert_eq!(number(text), expected, "{text:?}");
        }
    }
}
