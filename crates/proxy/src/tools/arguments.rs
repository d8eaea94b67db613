//! What a tool is given: options, words, and the page that explains them.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use lexopt::Arg;

use super::trouble::Trouble;
use crate::config::nearest::nearest;
use crate::paths::Paths;

/// A tool's page of `--help`, and with it what the tool may be given.
#[derive(Debug)]
pub(super) struct Manual {
    /// The subcommand.
    pub(super) name: &'static str,
    /// The command line behind the name.
    pub(super) usage: &'static str,
    /// What it is for, and how to read what it says.
    pub(super) about: &'static str,
    /// The options besides `--help`, which every tool has.
    pub(super) flags: &'static [Flag],
}

/// An option.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flag {
    /// Its letter, if it has one.
    pub(super) letter: Option<char>,
    /// Its long name.
    pub(super) name: &'static str,
    /// What its value is called in the help; `None` for a switch.
    pub(super) value: Option<&'static str>,
    /// What it does.
    pub(super) about: &'static str,
}

/// `-c FILE`, as for the proxy itself.
pub(super) const CONF_FILE: Flag = Flag {
    letter: Some('c'),
    name: "conf-file",
    value: Some("FILE"),
    about: "the configuration (default: conf/nutcracker.yml)",
};

/// `--pool NAME`.
pub(super) const POOL: Flag = Flag {
    letter: None,
    name: "pool",
    value: Some("NAME"),
    about: "this pool only; may be given again for another",
};

/// `--keys FILE`.
pub(super) const KEYS: Flag = Flag {
    letter: None,
    name: "keys",
    value: Some("FILE"),
    about: "measure with the keys in FILE, one a line; - is standard input",
};

const HELP: Flag =
    Flag { letter: Some('h'), name: "help", value: None, about: "this help, on standard output" };

impl Manual {
    /// The page.
    pub(super) fn help(&self) -> String {
        let mut page = format!("Usage: nutcracker {} {}\n\n", self.name, self.usage);
        page += self.about;
        page += "\n\nOptions:\n";
        let spelt: Vec<String> = self.all_flags().map(|flag| flag.spelt()).collect();
        let width = spelt.iter().map(String::len).max().unwrap_or_default();
        for (flag, spelt) in self.all_flags().zip(&spelt) {
            page += &format!("  {spelt:width$}  {}\n", flag.about);
        }
        page
    }

    fn all_flags(&self) -> impl Iterator<Item = &Flag> {
        self.flags.iter().chain([&HELP])
    }

    fn unknown(&self, found: &str) -> Trouble {
        let names: Vec<&str> = self.all_flags().map(|flag| flag.name).collect();
        let bare = found.trim_start_matches('-');
        let meant = match nearest(bare, &names) {
            Some(name) => format!("; did you mean '--{name}'?"),
            None => String::new(),
        };
        let spelt: Vec<String> = self.all_flags().map(|flag| flag.spelt()).collect();
        let spelt: Vec<&str> = spelt.iter().map(|text| text.trim_start()).collect();
        let all = spelt.join("; ");
        Trouble::Arguments(format!("no option is called '{found}'{meant} (the options are {all})"))
    }
}

impl Flag {
    /// `-c, --conf-file FILE`, indented where the letter would be.
    fn spelt(&self) -> String {
        let letter = match self.letter {
            Some(letter) => format!("-{letter}, "),
            None => " ".repeat(4),
        };
        let value = self.value.map_or(String::new(), |value| format!(" {value}"));
        format!("{letter}--{}{value}", self.name)
    }
}

/// What was given.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Options by long name, in the order they came; a switch has an empty value.
    options: Vec<(&'static str, OsString)>,
    /// What is no option.
    pub(super) words: Vec<OsString>,
}

impl Given {
    /// Reads `args`, those behind the tool's name. Options may stand anywhere before `--`.
    ///
    /// # Errors
    /// The first option that is unknown or lacks its value.
    pub(super) fn read(
        manual: &'static Manual,
        args: impl Iterator<Item = OsString>,
    ) -> Result<Self, Trouble> {
        let mut given = Self::default();
        let mut parser = lexopt::Parser::from_args(args);
        while let Some(arg) = parser.next().map_err(|error| wrong(&error))? {
            let flag = match arg {
                Arg::Value(word) => {
                    given.words.push(word);
                    continue;
                }
                Arg::Short(letter) => manual
                    .all_flags()
                    .find(|flag| flag.letter == Some(letter))
                    .ok_or_else(|| manual.unknown(&format!("-{letter}")))?,
                Arg::Long(name) => manual
                    .all_flags()
                    .find(|flag| flag.name == name)
                    .ok_or_else(|| manual.unknown(&format!("--{name}")))?,
            };
            let value = match flag.value {
                Some(_) => parser.value().map_err(|error| wrong(&error))?,
                None => OsString::new(),
            };
            given.options.push((flag.name, value));
        }
        Ok(given)
    }

    pub(super) fn wants_help(&self) -> bool {
        self.last(HELP.name).is_some()
    }

    /// The value of the option of this name; the last one, where there are several.
    pub(super) fn last(&self, name: &'static str) -> Option<&OsStr> {
        self.all(name).last()
    }

    /// Every value that was given for the option of this name.
    pub(super) fn all(&self, name: &'static str) -> impl Iterator<Item = &OsStr> {
        self.options.iter().filter(move |(of, _)| *of == name).map(|(_, value)| &**value)
    }

    /// The configuration that `-c` names, or the proxy's default.
    pub(super) fn conf_file(&self) -> PathBuf {
        let named = self.last(CONF_FILE.name).map(PathBuf::from);
        Paths::of_test(named, Path::new("/")).conf_file
    }

    /// Makes sure that there are no words.
    ///
    /// # Errors
    /// Names the first one.
    pub(super) fn no_words(&self) -> Result<(), Trouble> {
        match self.words.first() {
            None => Ok(()),
            Some(word) => Err(Trouble::Arguments(format!(
                "'{}' is one word too many; the configuration is given with -c FILE",
                Path::new(word).display()
            ))),
        }
    }
}

fn wrong(error: &lexopt::Error) -> Trouble {
    Trouble::Arguments(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    static MANUAL: Manual =
        Manual { name: "probe", usage: "[WORD...]", about: "A probe.", flags: &[CONF_FILE, POOL] };

    fn read(args: &[&str]) -> Result<Given, String> {
        Given::read(&MANUAL, args.iter().map(OsString::from)).map_err(|error| error.text("probe"))
    }

    #[test]
    fn options_and_words_may_be_mixed() {
        let given = read(&["-cx.yml", "a", "--pool=p", "-", "--pool", "q", "--", "-b"]).unwrap();
        assert_eq!(given.words, ["a", "-", "-b"]);
        assert_eq!(given.conf_file(), Path::new("x.yml"));
        assert_eq!(given.all("pool").collect::<Vec<_>>(), ["p", "q"]);
        assert!(!given.wants_help());
        assert!(read(&["a", "-h"]).unwrap().wants_help());
        assert_eq!(read(&[]).unwrap().conf_file(), Path::new("conf/nutcracker.yml"));
    }

    #[test]
    fn a_wrong_option_is_told_with_the_one_that_was_meant() {
        for (args, words) in [
            (&["--pol", "x"][..], "no option is called '--pol'; did you mean '--pool'?"),
            (&["-x"], "no option is called '-x' (the options are -c, --conf-file FILE; --pool"),
            (&["--pool"], "missing argument for option '--pool'"),
            (&["--help=1"], "unexpected argument for option '--help'"),
        ] {
            let error = read(args).expect_err(words);
            assert!(error.contains(words), "{args:?}: {error}");
            assert!(error.starts_with("nutcracker probe: "), "{error}");
        }
    }

    #[test]
    fn the_help_lists_every_option() {
        let help = MANUAL.help();
        for words in
            ["Usage: nutcracker probe [WORD...]\n", "-c, --conf-file FILE  the", "--pool NAME"]
        {
            assert!(help.contains(words), "{help}");
        }
    }
}
