//! The responses of a request's fragments, made into one.

use std::ops::Range;

use crate::{memcache, resp};

/// What the fragments' responses become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gather {
    /// One array with an element a key, in the order of the request (`MGET`).
    Array,
    /// The sum of their integers (`DEL`, `UNLINK`, `EXISTS`, `TOUCH`).
    Sum,
    /// `+OK`, when every one of them is a status (`MSET`).
    Status,
    /// memcached `VALUE` blocks, in the order of the request's keys, then `END`.
    Values,
    /// The first of them, when none is an error (`SCRIPT LOAD`).
    First,
    /// One array with the elements of all of theirs (`KEYS`).
    Concat,
    /// One array of integers, each the least of those at its place (`SCRIPT EXISTS`).
    Least,
    /// One that is not null, or null when all are (`RANDOMKEY`).
    NotNull,
    /// memcached's `OK`, when every one of them is (`flush_all`).
    Okay,
    /// memcached `STAT` lines: those with the same name become one, then `END`.
    Stats,
}

/// A piece of the gathered response, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// These bytes of that fragment's response. Said by place, not by slice, so that a large one
    /// can be handed on without a copy.
    Of {
        /// Index into the responses.
        fragment: usize,
        /// Bytes of that response.
        range: Range<usize>,
    },
}

impl<'a> Piece<'a> {
    /// Its bytes, of `responses` where it is of one of them.
    #[must_use]
    #[inline(always)]
    pub fn bytes(self, responses: &[&'a [u8]]) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Of { fragment, range } => &responses[fragment][range],
        }
    }
}

/// Why the fragments' responses do not make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatherError {
    /// This fragment's response is an error: it stands for the whole.
    Error {
        /// Index into the responses.
        fragment: usize,
    },
    /// This fragment's response is of a type, or a length, that its command never gives.
    WrongType {
        /// Index into the responses.
        fragment: usize,
    },
}

/// Makes one response of `responses`, each a whole one as [`ResponseParser`] found it, and hands
/// it to `emit` piece by piece.
///
/// `owners` has, for each key of the request in order, the index of the fragment that carried it. For
/// [`Gather::NotNull`], which knows no keys, it has one number: where among the responses the search
/// begins.
/// Time is linear in the responses and the keys. All is checked before the first piece comes out,
/// so an error leaves nothing half said.
///
/// # Errors
/// [`GatherError`] names the first fragment that will not do.
///
/// [`ResponseParser`]: crate::ResponseParser
pub fn gather(
    gather: Gather,
    owners: &[u32],
    responses: &[&[u8]],
    emit: impl FnMut(Piece<'_>),
) -> Result<(), GatherError> {
    match gather {
        Gather::Array => resp::gather_array(owners, responses, emit),
        Gather::Sum => resp::gather_sum(responses, emit),
        Gather::Status => resp::gather_status(responses, emit),
        Gather::Values => memcache::gather_values(owners, responses, emit),
        Gather::First => resp::gather_first(responses, emit),
        Gather::Concat => resp::gather_concat(responses, emit),
        Gather::Least => resp::gather_least(responses, emit),
        Gather::NotNull => {
            let begin = owners.first().map_or(0, |&begin| begin as usize);
            resp::gather_not_null(begin, responses, emit)
        }
        Gather::Okay => memcache::gather_okay(responses, emit),
        Gather::Stats => memcache::gather_stats(responses, emit),
    }
}
