//! The error of looking up a hash or a distribution by name.

use std::error::Error;
use std::fmt;

/// No hash, or no distribution, has this name. The message lists the names there are.
///
/// ```
/// use nutcracker_ring::HashKind;
/// let error = "fnv".parse::<HashKind>().unwrap_err();
/// assert!(error.to_string().starts_with("no hash is called 'fnv'; the names are one_at_a_time, "));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// What was looked for: `"hash"` or `"distribution"`.
    pub what: &'static str,
    /// The name that was given.
    pub found: String,
    /// The names there are.
    pub names: &'static [&'static str],
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, found, names } = self;
        write!(f, "no {what} is called '{found}'; the names are {}", names.join(", "))
    }
}

impl Error for UnknownName {}
