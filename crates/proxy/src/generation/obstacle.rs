//! Why a configuration cannot be put to work, in words for the log.

use std::fmt;
use std::io;

use crate::log::reason;
use crate::net::BindError;

/// Why a configuration cannot be put to work.
#[derive(Debug)]
pub enum Obstacle {
    /// Its pools cannot be listened for.
    Listen(BindError),
    /// A pool is to listen at an address that takes in another one's of the configuration before.
    Overlap {
        /// The pool.
        pool: String,
        /// Its `listen`.
        address: String,
        /// The other's.
        other: String,
    },
    /// Two pools are to listen at one address.
    Twice {
        /// The pool.
        pool: String,
        /// Its `listen`.
        address: String,
        /// The other one.
        other: String,
    },
    /// The system does not give what is needed.
    System {
        /// What for.
        doing: &'static str,
        /// Why not.
        error: io::Error,
    },
}

impl Obstacle {
    /// The system's, while `doing` something.
    pub fn system(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::System { doing, error }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(error) => error.fmt(f),
            Self::Overlap { pool, address, other } => write!(
                f,
                "pool '{pool}': '{address}' and '{other}', which is listened on, overlap: a restart can \
                 change the one to the other, a reload cannot"
            ),
            Self::Twice { pool, address, other } => {
                write!(f, "pool '{pool}': '{address}' is where pool '{other}' listens")
            }
            Self::System { doing, error } => write!(f, "{doing} failed: {}", reason(error)),
        }
    }
}
