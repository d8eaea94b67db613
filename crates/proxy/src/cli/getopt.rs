//! How options are spelt: the rules of the C library's `getopt_long`, which the original uses.
//!
//! - `-abc` is `-a -b -c`; what follows a letter that takes an argument is the argument, and
//!   otherwise the next word is, whatever it looks like.
//! - `--name=value` or `--name value`; a name may be cut short as long as one option is meant.
//! - `--` ends the options. Words that are no options, `-` among them, may stand anywhere; they
//!   mean nothing here and are skipped.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// An option.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    /// Its short form, an ASCII letter.
    pub(super) letter: char,
    /// Its long form.
    pub(super) name: &'static str,
    /// Whether it takes an argument.
    pub(super) argument: Argument,
}

/// Whether an option takes an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    None,
    Required,
}

/// An option that cannot be used as it is spelt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum GetoptError {
    /// The option of this letter lacks its argument.
    Missing(char),
    /// No option has this letter, or a long option of this letter has an argument and takes none.
    Unknown(u8),
    /// No long option is called so, or several could be meant.
    UnknownLong,
}

/// The options of a command line, from left to right: letter and argument, empty where it takes
/// none.
pub(super) struct Options<I> {
    words: I,
    specs: &'static [Spec],
    /// The letters not yet read of a word that bundles several.
    bundle: Vec<u8>,
    /// How many letters of `bundle` have been read.
    read: usize,
}

impl<I: Iterator<Item = OsString>> Options<I> {
    pub(super) fn new(words: impl IntoIterator<IntoIter = I>, specs: &'static [Spec]) -> Self {
        Self { words: words.into_iter(), specs, bundle: Vec::new(), read: 0 }
    }

    /// The next letter of the bundle, which is not at its end.
    fn short(&mut self) -> Result<(char, OsString), GetoptError> {
        let letter = self.bundle[self.read];
        self.read += 1;
        let spec = self.specs.iter().find(|spec| spec.letter == char::from(letter));
        let spec = spec.ok_or(GetoptError::Unknown(letter))?;
        if spec.argument == Argument::None {
            return Ok((spec.letter, OsString::new()));
        }
        let rest = self.bundle.split_off(self.read);
        let argument =
            if rest.is_empty() { self.words.next() } else { Some(OsString::from_vec(rest)) };
        argument.map(|argument| (spec.letter, argument)).ok_or(GetoptError::Missing(spec.letter))
    }

    /// The long option `word`, its two dashes left out.
    fn long(&mut self, word: &[u8]) -> Result<(char, OsString), GetoptError> {
        let (name, value) = match word.iter().position(|&byte| byte == b'=') {
            Some(equals) => (&word[..equals], Some(OsStr::from_bytes(&word[equals + 1..]))),
            None => (word, None),
        };
        let spec = self.by_name(name).ok_or(GetoptError::UnknownLong)?;
        let argument = match (spec.argument, value) {
            (Argument::None, None) => Some(OsString::new()),
            (Argument::None, Some(_)) => {
                let letter = u8::try_from(spec.letter).expect("letters are ASCII");
                return Err(GetoptError::Unknown(letter));
            }
            (Argument::Required, Some(value)) => Some(value.to_owned()),
            (Argument::Required, None) => self.words.next(),
        };
        argument.map(|argument| (spec.letter, argument)).ok_or(GetoptError::Missing(spec.letter))
    }

    /// The option called `name`, or else the only one whose name begins so.
    fn by_name(&self, name: &[u8]) -> Option<&'static Spec> {
        let specs = self.specs.iter();
        if let Some(exact) = specs.clone().find(|spec| spec.name.as_bytes() == name) {
            return Some(exact);
        }
        let mut begun = specs.filter(|spec| spec.name.as_bytes().starts_with(name));
        let only = begun.next();
        if begun.next().is_some() { None } else { only }
    }
}

impl<I: Iterator<Item = OsString>> Iterator for Options<I> {
    type Item = Result<(char, OsString), GetoptError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.read == self.bundle.len() {
            let word = self.words.next()?;
            match word.as_bytes() {
                b"--" => {
                    self.words.by_ref().for_each(drop);
                    return None;
                }
                [b'-', b'-', long @ ..] => return Some(self.long(long)),
                [b'-', letters @ ..] if !letters.is_empty() => {
                    self.bundle = letters.to_vec();
                    self.read = 0;
                }
                _ => {}
            }
        }
        Some(self.short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[Spec] = &[
        Spec { letter: 'h', name: "help", argument: Argument::None },
        Spec { letter: 'v', name: "verbose", argument: Argument::Required },
        Spec { letter: 'V', name: "version", argument: Argument::None },
        Spec { letter: 'o', name: "out", argument: Argument::Required },
        Spec { letter: 'O', name: "outer", argument: Argument::None },
    ];

    fn read(words: &[&str]) -> Result<String, GetoptError> {
        let words = words.iter().map(OsString::from);
        let options: Result<Vec<String>, _> = Options::new(words, SPECS)
            .map(|option| option.map(|(letter, arg)| format!("{letter}[{}]", arg.display())))
            .collect();
        options.map(|options| options.join(" "))
    }

    #[test]
    fn every_spelling_of_an_option_is_read() {
        for (words, options) in [
            (&["-hV"][..], "h[] V[]"),
            (&["-h", "-V"], "h[] V[]"),
            (&["-v5"], "v[5]"),
            (&["-v", "5"], "v[5]"),
            (&["-hv5", "-V"], "h[] v[5] V[]"),
            (&["-v", "-h"], "v[-h]"),
            (&["-v", "--"], "v[--]"),
            (&["-v", "", "-h"], "v[] h[]"),
            (&["--verbose=5"], "v[5]"),
            (&["--verbose="], "v[]"),
            (&["--verbose", "5"], "v[5]"),
            (&["--verb=a=b"], "v[a=b]"),
            (&["--vers"], "V[]"),
            (&["--out", "x"], "o[x]"),
            (&["--oute"], "O[]"),
            (&["a", "-h", "-", "b", "-V"], "h[] V[]"),
            (&["-h", "--", "-V", "--help"], "h[]"),
            (&[], ""),
        ] {
            assert_eq!(read(words).as_deref(), Ok(options), "{words:?}");
        }
    }

    #[test]
    fn a_wrong_option_is_told_by_its_letter() {
        for (words, error) in [
            (&["-v"][..], GetoptError::Missing('v')),
            (&["-hv"], GetoptError::Missing('v')),
            (&["--verbose"], GetoptError::Missing('v')),
            (&["-z"], GetoptError::Unknown(b'z')),
            (&["-?"], GetoptError::Unknown(b'?')),
            (&["-h-"], GetoptError::Unknown(b'-')),
            (&["--help=x"], GetoptError::Unknown(b'h')),
            (&["--ver"], GetoptError::UnknownLong),
            (&["--foo"], GetoptError::UnknownLong),
            (&["--=x"], GetoptError::UnknownLong),
        ] {
            assert_eq!(read(words), Err(error), "{words:?}");
        }
    }
}
