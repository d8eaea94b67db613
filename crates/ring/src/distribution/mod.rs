//! The ways of spreading hash values over servers.

mod ketama;
mod modula;
mod points;
mod random;

use std::fmt;
use std::str::FromStr;

use crate::UnknownName;

pub(crate) use ketama::Ketama;
pub(crate) use modula::Modula;
pub(crate) use points::PointCache;
pub(crate) use random::Random;

/// A way of spreading keys over servers, under the original's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DistributionKind {
    /// Consistent hashing by weight: when a server leaves, mostly its own keys move. The
    /// original's default.
    #[default]
    Ketama,
    /// The hash modulo the sum of the weights: even shares, but most keys move when a server
    /// leaves.
    Modula,
    /// Any live server, whatever the key and the weights.
    Random,
}

impl DistributionKind {
    /// Every distribution, in the original's order.
    pub const ALL: [Self; 3] = [Self::Ketama, Self::Modula, Self::Random];

    /// Their names, in the same order.
    pub const NAMES: [&'static str; 3] = ["ketama", "modula", "random"];

    /// The name in a configuration file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The distribution of this name, case included.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for DistributionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DistributionKind {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::from_name(name).ok_or_else(|| UnknownName {
            what: "distribution",
            found: name.to_owned(),
            names: &Self::NAMES,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_distribution_is_found_by_its_name_and_by_no_other() {
        for (kind, name) in DistributionKind::ALL.into_iter().zip(DistributionKind::NAMES) {
            assert_eq!(kind.to_string(), name);
            assert_eq!(name.parse(), Ok(kind));
        }
        for name in ["", "Ketama", "ketama ", "modulo"] {
            assert_eq!(DistributionKind::from_name(name), None, "'{name}'");
        }
        assert_eq!(
            "modulo".parse::<DistributionKind>().unwrap_err().to_string(),
            "no distribution is called 'modulo'; the names are ketama, modula, random"
        );
    }
}
