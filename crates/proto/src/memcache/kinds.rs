//! The kinds of memcached's responses: their first words, and which of them commands answer with.
//!
//! An error is one of three words, and any request may get it; but some tell of a server that has not read
//! the data behind the line, and runs it. The sets are those of memcached's own
//! `protocol.txt`; commands that store share one, for servers differ in which of its words they use.

use crate::kind::{Kind, Kinds};

/// `ERROR`, `CLIENT_ERROR`, `SERVER_ERROR`, whatever came before it.
pub(super) const ERROR: Kind = Kind::new(0);
/// `END`, with nothing before it.
pub(super) const END: Kind = Kind::new(1);
pub(super) const VALUE: Kind = Kind::new(2);
pub(super) const STAT: Kind = Kind::new(3);
/// `STORED`, `NOT_STORED`, `EXISTS`.
pub(super) const STORAGE_WORD: Kind = Kind::new(4);
pub(super) const NOT_FOUND: Kind = Kind::new(5);
pub(super) const DELETED: Kind = Kind::new(6);
pub(super) const TOUCHED: Kind = Kind::new(7);
/// `OK`; and `MN`, which no server is asked for, and no gathering takes for an `OK`.
pub(super) const OK: Kind = Kind::new(8);
/// A number, alone.
pub(super) const NUMBER: Kind = Kind::new(9);
pub(super) const VERSION: Kind = Kind::new(10);
pub(super) const HD: Kind = Kind::new(11);
pub(super) const VA: Kind = Kind::new(12);
pub(super) const EN: Kind = Kind::new(13);
/// `NF`, `NS`, `EX`.
pub(super) const NO: Kind = Kind::new(14);
pub(super) const ME: Kind = Kind::new(15);

/// `ERROR`, or `CLIENT_ERROR` with the words for a line of bad form. The proxy has checked the line, and
/// found it good: a server that says so has not read the data behind it.
pub(super) const REFUSED: Kind = Kind::new(16);
/// `CLIENT_ERROR invalid flag`. Before 1.6.10 memcached takes the length of an `ms` for a flag, says so and
/// has not read the data. Later ones have, and do not know a flag.
pub(super) const INVALID_FLAG: Kind = Kind::new(17);

/// Whether a response of that kind can be the last blocks of one that has more, with their end.
pub(super) fn end_blocks(kind: Kind) -> bool {
    [END, VALUE, STAT, ERROR].contains(&kind)
}

/// Of `get` and its like.
pub(super) const VALUES: Kinds = any_of(&[VALUE, END]);
/// Of what stores. None of these errors: the data would be run as commands, and their answers be taken for
/// others'.
pub(super) const STORAGE: Kinds = ERROR.alone().or(STORAGE_WORD.alone()).or(NOT_FOUND.alone());
/// Of `incr` and `decr`.
pub(super) const COUNT: Kinds = any_of(&[NUMBER, NOT_FOUND]);
/// Of `delete`.
pub(super) const DELETE: Kinds = any_of(&[DELETED, NOT_FOUND]);
/// Of `touch`.
pub(super) const TOUCH: Kinds = any_of(&[TOUCHED, NOT_FOUND]);
/// Of `flush_all`.
pub(super) const FLUSH: Kinds = any_of(&[OK]);
/// Of `stats`.
pub(super) const STATS: Kinds = any_of(&[STAT, END]);
/// Of `version`.
pub const VERSIONS: Kinds = any_of(&[VERSION]);
/// Of `mg`. Before 1.6.10 memcached said `OK` where it says `HD` since, and up to 1.6.17 it did when told to
/// (`-o meta_response_old`).
pub(super) const META_GET: Kinds = any_of(&[VA, HD, EN, OK]);
/// Of `md`; with the `OK` of older servers.
pub(super) const META_CHANGE: Kinds = any_of(&[HD, NO, OK]);
/// Of `ms` with flags that all servers know who know the command; as [`STORAGE`] without those errors.
pub(super) const META_STORE: Kinds = ERROR.alone().or(HD.alone()).or(NO.alone()).or(OK.alone());
/// Of `ms` with another flag, which a server need not know: a client's mistake closes no connection of all.
pub(super) const META_STORE_OTHERWISE: Kinds = META_STORE.or(INVALID_FLAG.alone());
/// Of `ma`, which may tell the number.
pub(super) const META_COUNT: Kinds = META_CHANGE.or(any_of(&[VA]));
/// Of `me`.
pub(super) const META_DEBUG: Kinds = any_of(&[ME, EN]);
/// Nobody asks: the proxy answers itself.
pub(super) const ANY: Kinds = Kinds::ANY;

/// These, and errors.
const fn any_of(kinds: &[Kind]) -> Kinds {
    let mut set = ERROR.alone().or(REFUSED.alone()).or(INVALID_FLAG.alone());
    let mut at = 0;
    while at < kinds.len() {
        set = set.or(kinds[at].alone());
        at += 1;
    }
    set
}
