//! The command line, the original's to the byte.
//!
//! [`parse`] is a pure function from arguments to a [`Command`], or to a [`CliError`] that holds
//! what standard error gets to see. `getopt.rs` knows how options are spelt, `text.rs` what is
//! printed; this file knows the options.
//!
//! Kept from the original, and held by its recorded answers in `tests/cli_parse.rs`: options are
//! read from left to right and the first bad one ends the run, even behind a `-h`; words that are
//! no options are ignored; all text goes to standard error. Different, on purpose:
//! - `-w`, `--workers`, which the original lacks, adds a line to the usage;
//! - numbers that wrap around at 32 bits there are out of range here.

mod getopt;
mod text;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::{Workers, limits};
use getopt::{Argument, GetoptError, Options as Getopt, Spec};

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `-h`, `-V`, `-D`: print [`Information::text`] to standard error and exit with status 0.
    Inform(Information),
    /// `-t`: check the configuration and say whether it is valid.
    TestConf {
        /// The file to check, if the command line names one.
        conf_file: Option<PathBuf>,
    },
    /// Start.
    Run(Options),
}

/// Which texts are asked for, besides the version that is always printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Information {
    /// `-h`: the usage.
    pub usage: bool,
    /// `-D`: what each counter of the JSON means.
    pub stats: bool,
}

impl Information {
    /// The text asked for, line ends included.
    #[must_use]
    pub fn text(self) -> String {
        let mut text = text::VERSION.to_owned();
        if self.usage {
            text += text::USAGE;
        }
        if self.stats {
            text += &text::stats();
        }
        text
    }
}

/// How to run. The defaults are the original's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `-v`: how much is logged, 0 to [`VERBOSITY_MAX`].
    pub verbosity: u8,
    /// `-o`: the log file, if the command line says anything; an empty path is standard error.
    pub output: Option<PathBuf>,
    /// `-c`: the configuration file, if the command line names one.
    pub conf_file: Option<PathBuf>,
    /// `-s`: the port of the statistics, not 0.
    pub stats_port: u16,
    /// `-a`: the address of the statistics; an absolute path is a unix socket.
    pub stats_addr: String,
    /// `-i`: how often the original gathers its statistics; may be zero.
    pub stats_interval: Duration,
    /// `-p`: the file that gets the process id, if the command line names one.
    pub pid_file: Option<PathBuf>,
    /// `-m`: the size of a buffer chunk in bytes, within [`MBUF_BYTES_MIN`] and
    /// [`MBUF_BYTES_MAX`].
    pub mbuf_bytes: usize,
    /// `-d`: whether to run in the background.
    pub daemonize: bool,
    /// `-w`: how many workers; `None` leaves it to the configuration file.
    pub workers: Option<Workers>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            verbosity: 5,
            output: None,
            conf_file: None,
            stats_port: 22222,
            stats_addr: "0.0.0.0".to_owned(),
            stats_interval: Duration::from_secs(30),
            pid_file: None,
            mbuf_bytes: 16384,
            daemonize: false,
            workers: None,
        }
    }
}

/// Highest level of logging; higher numbers mean this one.
pub const VERBOSITY_MAX: u8 = 11;

/// Smallest size of a buffer chunk that `-m` takes.
pub const MBUF_BYTES_MIN: usize = 512;

/// Largest size of a buffer chunk that `-m` takes.
pub const MBUF_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A command line that cannot be followed. The exit status is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CliError {
    line: Vec<u8>,
}

impl CliError {
    fn new(line: impl Into<Vec<u8>>) -> Self {
        Self { line: line.into() }
    }

    /// What standard error gets to see: what is wrong, then the usage. Bytes, because an unknown
    /// option may be any byte, zero included.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        [b"nutcracker: ", &*self.line, b"\n", text::USAGE.as_bytes()].concat()
    }
}

/// Reads the arguments of the process, its own name left out.
///
/// # Errors
/// [`CliError`] for the first option, from the left, that is unknown, lacks its argument or has a
/// wrong one.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, CliError> {
    let mut options = Options::default();
    let mut test_conf = false;
    let mut inform = None;
    for option in Getopt::new(args, SPECS) {
        let (letter, argument) = option.map_err(|error| misspelt(&error))?;
        let information = || Information { usage: false, stats: false };
        match letter {
            'h' => inform.get_or_insert_with(information).usage = true,
            'V' => _ = inform.get_or_insert_with(information),
            'D' => inform.get_or_insert_with(information).stats = true,
            't' => test_conf = true,
            'd' => options.daemonize = true,
            'v' => options.verbosity = verbosity(&argument)?,
            'o' => options.output = Some(argument.into()),
            'c' => options.conf_file = Some(argument.into()),
            's' => options.stats_port = stats_port(&argument)?,
            'i' => options.stats_interval = stats_interval(&argument)?,
            // The argument is a host or a path, and goes into text of the log.
            'a' => options.stats_addr = argument.into_string().map_err(|_| requires('a'))?,
            'p' => options.pid_file = Some(argument.into()),
            'm' => options.mbuf_bytes = mbuf_bytes(&argument)?,
            'w' => options.workers = Some(workers(&argument)?),
            other => unreachable!("'{other}' is not among the options"),
        }
    }
    Ok(match inform {
        Some(information) => Command::Inform(information),
        None if test_conf => Command::TestConf { conf_file: options.conf_file },
        None => Command::Run(options),
    })
}

#[rustfmt::skip]
const SPECS: &[Spec] = &[
    Spec { letter: 'h', name: "help",           argument: Argument::None },
    Spec { letter: 'V', name: "version",        argument: Argument::None },
    Spec { letter: 't', name: "test-conf",      argument: Argument::None },
    Spec { letter: 'd', name: "daemonize",      argument: Argument::None },
    Spec { letter: 'D', name: "describe-stats", argument: Argument::None },
    Spec { letter: 'v', name: "verbose",        argument: Argument::Required },
    Spec { letter: 'o', name: "output",         argument: Argument::Required },
    Spec { letter: 'c', name: "conf-file",      argument: Argument::Required },
    Spec { letter: 's', name: "stats-port",     argument: Argument::Required },
    Spec { letter: 'i', name: "stats-interval", argument: Argument::Required },
    Spec { letter: 'a', name: "stats-addr",     argument: Argument::Required },
    Spec { letter: 'p', name: "pid-file",       argument: Argument::Required },
    Spec { letter: 'm', name: "mbuf-size",      argument: Argument::Required },
    Spec { letter: 'w', name: "workers",        argument: Argument::Required },
];

/// The original's words for an option that getopt refuses; a long option goes by its letter.
fn misspelt(error: &GetoptError) -> CliError {
    match *error {
        GetoptError::Missing(letter) => requires(letter),
        GetoptError::Unknown(byte) => invalid(byte),
        // getopt names no letter here, and the original prints the zero it finds.
        GetoptError::UnknownLong => invalid(0),
    }
}

fn invalid(byte: u8) -> CliError {
    CliError::new([b"invalid option -- '", &[byte][..], b"'"].concat())
}

/// What an option's argument must be, in the words for one that is missing or of a wrong kind.
fn requires(letter: char) -> CliError {
    let what = match letter {
        'o' | 'c' | 'p' => "a file name",
        'a' => "a string",
        'w' => return workers_wrong(),
        _ => "a number",
    };
    CliError::new(format!("option -{letter} requires {what}"))
}

/// Reads a number as the original's `nc_atoi`: ASCII digits, at least one. One that does not fit
/// is `u64::MAX`, which is out of every range.
fn number(text: &OsStr) -> Option<u64> {
    let digits = text.as_bytes();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0, |value: u64, &byte| {
        let digit = char::from(byte).to_digit(10)?;
        Some(value.saturating_mul(10).saturating_add(digit.into()))
    })
}

fn verbosity(text: &OsStr) -> Result<u8, CliError> {
    let level = number(text).ok_or_else(|| requires('v'))?;
    Ok(u8::try_from(level).map_or(VERBOSITY_MAX, |level| level.min(VERBOSITY_MAX)))
}

fn stats_port(text: &OsStr) -> Result<u16, CliError> {
    let value = number(text).ok_or_else(|| requires('s'))?;
    let port = u16::try_from(value).ok().filter(|&port| port > 0);
    port.ok_or_else(|| CliError::new(format!("option -s value {value} is not a valid port")))
}

fn stats_interval(text: &OsStr) -> Result<Duration, CliError> {
    let millis = number(text).ok_or_else(|| requires('i'))?;
    if millis > limits::NUMBER_MAX.into() {
        let max = limits::NUMBER_MAX;
        return Err(CliError::new(format!("option -i requires a number of at most {max}")));
    }
    Ok(Duration::from_millis(millis))
}

fn mbuf_bytes(text: &OsStr) -> Result<usize, CliError> {
    let bytes = number(text)
        .filter(|&bytes| bytes > 0)
        .ok_or_else(|| CliError::new("option -m requires a non-zero number"))?;
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    if !(MBUF_BYTES_MIN..=MBUF_BYTES_MAX).contains(&bytes) {
        return Err(CliError::new(format!(
            "mbuf chunk size must be between {MBUF_BYTES_MIN} and {MBUF_BYTES_MAX} bytes"
        )));
    }
    Ok(bytes)
}

fn workers(text: &OsStr) -> Result<Workers, CliError> {
    text.to_str().and_then(Workers::from_text).ok_or_else(workers_wrong)
}

fn workers_wrong() -> CliError {
    let max = limits::WORKERS_MAX;
    CliError::new(format!("option -w requires auto or a number between 1 and {max}"))
}
