//! What all chores do alike with their command lines: values read, and words for those that cannot be.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use lexopt::{Parser, ValueExt};

use crate::failure::{Failure, Result};

/// The number behind `--option` of that chore.
///
/// # Errors
/// When there is none, or it is no number of that kind.
pub(crate) fn number<N: FromStr>(arguments: &mut Parser, chore: &str, option: &str) -> Result<N> {
    let value = text(arguments, chore)?;
    value.parse().map_err(|_| wrong(chore, format!("--{option}: '{value}' is not a number for it")))
}

/// The number behind `--option` of that chore, which must be in `range`.
///
/// # Errors
/// When there is none, or it is no such number.
pub(crate) fn number_in<N: FromStr + PartialOrd + Display>(
    arguments: &mut Parser,
    chore: &str,
    option: &str,
    range: RangeInclusive<N>,
) -> Result<N> {
    let value = text(arguments, chore)?;
    let number = value.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let (least, most) = range.into_inner();
        wrong(chore, format!("--{option}: '{value}' is not a number from {least} to {most}"))
    })
}

/// The words behind an option.
///
/// # Errors
/// When there are none.
pub(crate) fn text(arguments: &mut Parser, chore: &str) -> Result<String> {
    arguments.value().and_then(|value| value.string()).map_err(|error| wrong(chore, error))
}

/// The path behind an option.
///
/// # Errors
/// When there is none.
pub(crate) fn path(arguments: &mut Parser, chore: &str) -> Result<PathBuf> {
    arguments.value().map(PathBuf::from).map_err(|error| wrong(chore, error))
}

/// A command line of that chore that cannot be followed.
pub(crate) fn wrong(chore: &str, what: impl Display) -> Failure {
    Failure::Wrong(format!("{what}; 'cargo xtask {chore} --help' lists the options"))
}
