//! The kinds of Redis' responses: the types of RESP2 and RESP3, and what commands answer in them.
//!
//! A kind is coarser than a type: it tells a number from a string, not a set from a list. For null it is
//! finer: RESP2 has two ways to say it and RESP3 a third, and servers of different ages do not agree which
//! one a command uses.

use super::response::described;
use crate::kind::{Kind, Kinds};

pub(super) const ERROR_KIND: Kind = Kind::new(0);
pub(super) const STATUS_KIND: Kind = Kind::new(1);
pub(super) const INTEGER_KIND: Kind = Kind::new(2);
pub(super) const STRING_KIND: Kind = Kind::new(3);
pub(super) const NULL_KIND: Kind = Kind::new(4);
const FRACTION_KIND: Kind = Kind::new(5);
const ELEMENTS_KIND: Kind = Kind::new(6);
/// What no command of the table answers with: a big number, a push.
const ODD_KIND: Kind = Kind::new(7);

/// `OK` and its like.
pub(super) const STATUS: Kinds = STATUS_KIND.alone();
/// A number without a fraction, or the boolean that RESP3 has for one that is 0 or 1.
pub(super) const INTEGER: Kinds = INTEGER_KIND.alone();
/// Null.
pub(super) const NULL: Kinds = NULL_KIND.alone();
/// A string, which may be missing.
pub(super) const TEXT: Kinds = STRING_KIND.alone().or(NULL);
/// A number with a fraction, which RESP2 has no type for. It may be missing.
pub(super) const NUMBER: Kinds = TEXT.or(FRACTION_KIND.alone());
/// Elements in an array, a set or a map, which may be missing as a whole.
pub(super) const MANY: Kinds = ELEMENTS_KIND.alone().or(NULL);
/// Nobody knows: a script's, say, or that of a command of which the forms are not known for sure. Or
/// nobody asks: the proxy answers itself.
pub(super) const ANY: Kinds = Kinds::ANY;
/// With an option there is a value (`SET key value GET`); or the word is a string to some servers.
pub(super) const STATUS_OR_TEXT: Kinds = STATUS.or(TEXT);
/// One, or as many as an argument says (`LPOP`).
pub(super) const TEXT_OR_MANY: Kinds = TEXT.or(MANY);
/// Elements, or how many were stored (`SORT`); a place, with or without more (`ZRANK`, `LPOS`).
pub(super) const INTEGER_OR_MANY: Kinds = INTEGER.or(MANY);
/// How many were added, or with `INCR` the score (`ZADD`).
pub(super) const INTEGER_OR_NUMBER: Kinds = INTEGER.or(NUMBER);
/// A figure of a key, which may be missing.
pub(super) const INTEGER_OR_NULL: Kinds = INTEGER.or(NULL);
/// Errors, which any request may get.
pub(super) const ERRORS: Kinds = ERROR_KIND.alone();

/// What a server says to a request that it only queues, between `MULTI` and its end; to `MULTI`, to
/// `DISCARD`; to `PING`.
pub const STATUSES: Kinds = STATUS.or(ERRORS);
/// What `EXEC` brings.
pub const TRANSACTIONS: Kinds = MANY.or(ERRORS);
/// What the steps of a handshake bring: `AUTH` and `SELECT` a status, `HELLO` a map.
pub const HANDSHAKES: Kinds = STATUSES.or(MANY);

/// The kind of `response`, a whole one.
pub(super) fn kind(response: &[u8]) -> Kind {
    match response {
        [b'-' | b'!', ..] => ERROR_KIND,
        [b'+', ..] => STATUS_KIND,
        [b':' | b'#', ..] => INTEGER_KIND,
        [b'$' | b'*', b'-', ..] | [b'_', ..] => NULL_KIND,
        [b'$' | b'=', ..] => STRING_KIND,
        [b',', ..] => FRACTION_KIND,
        [b'*' | b'~' | b'%', ..] => ELEMENTS_KIND,
        [b'|', ..] => kind(described(response)),
        _ => ODD_KIND,
    }
}
