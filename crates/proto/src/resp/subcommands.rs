//! The rows of subcommands, where those of one command differ in how they travel or in their keys.
//!
//! A row's name is Redis' own, `object|encoding`; the name of the subcommand is argument 0.
//! Commands that are answered here or refused as a whole have no rows of this kind.

use super::commands::Effect::{Once, Read, Write};
use super::commands::{OF_A_SERVER, row};
use super::kinds::{ANY, INTEGER, INTEGER_OR_NULL, MANY, STATUS, STATUS_OR_TEXT, TEXT};
use crate::command::Arity::{AtLeast, Exactly};
use crate::command::Audience::{OfChannels, OfShards};
use crate::command::Travel::{
    AllServers, Anywhere, Audience, OneServer, Refused, Script as Scripted,
};
use crate::command::{Command, Keys, Script};
use crate::gather::Gather::{Concat, First, Least, Status};

/// The argument behind the subcommand.
const SECOND: Keys = Keys::Range { first: 1, last: 1, step: 1 };
/// All arguments behind the subcommand.
const FROM_SECOND: Keys = Keys::Range { first: 1, last: -1, step: 1 };
const NONE: Keys = Keys::None;

/// `FUNCTION`: every server has the same libraries.
#[rustfmt::skip]
pub(super) static FUNCTION: &[Command] = &[
    //  name                    arguments    keys         travel                effect kinds
    row("function|delete",      Exactly(2),  NONE,        AllServers(Status),   Write, STATUS),
    row("function|dump",        Exactly(1),  NONE,        AllServers(First),    Read,  TEXT),
    row("function|flush",       AtLeast(1),  NONE,        AllServers(Status),   Once,  STATUS),
    row("function|help",        Exactly(1),  NONE,        Anywhere,             Read,  MANY),
    row("function|kill",        Exactly(1),  NONE,        Refused(OF_A_SERVER), Write, ANY),
    row("function|list",        AtLeast(1),  NONE,        AllServers(First),    Read,  MANY),
    row("function|load",        AtLeast(2),  NONE,        AllServers(First),    Write, TEXT),
    row("function|restore",     AtLeast(2),  NONE,        AllServers(Status),   Write, STATUS),
    row("function|stats",       Exactly(1),  NONE,        Refused(OF_A_SERVER), Read,  ANY),
];

/// `MEMORY`.
#[rustfmt::skip]
pub(super) static MEMORY: &[Command] = &[
    row("memory|doctor",        Exactly(1),  NONE,        Refused(OF_A_SERVER), Read,  ANY),
    row("memory|help",          Exactly(1),  NONE,        Anywhere,             Read,  MANY),
    row("memory|malloc-stats",  Exactly(1),  NONE,        Refused(OF_A_SERVER), Read,  ANY),
    row("memory|purge",         Exactly(1),  NONE,        Refused(OF_A_SERVER), Once,  ANY),
    row("memory|stats",         Exactly(1),  NONE,        Refused(OF_A_SERVER), Read,  ANY),
    row("memory|usage",         AtLeast(2),  SECOND,      OneServer,            Read,  INTEGER_OR_NULL),
];

/// `OBJECT`.
#[rustfmt::skip]
pub(super) static OBJECT: &[Command] = &[
    row("object|encoding",      Exactly(2),  SECOND,      OneServer,            Read,  STATUS_OR_TEXT),
    row("object|freq",          Exactly(2),  SECOND,      OneServer,            Read,  INTEGER_OR_NULL),
    row("object|help",          Exactly(1),  NONE,        Anywhere,             Read,  MANY),
    row("object|idletime",      Exactly(2),  SECOND,      OneServer,            Read,  INTEGER_OR_NULL),
    row("object|refcount",      Exactly(2),  SECOND,      OneServer,            Read,  INTEGER_OR_NULL),
];

/// `PUBSUB`: a channel is on the server that its name belongs to, a pattern on every server.
#[rustfmt::skip]
pub(super) static PUBSUB: &[Command] = &[
    row("pubsub|channels",      AtLeast(1),  NONE,        AllServers(Concat),   Read,  MANY),
    row("pubsub|help",          Exactly(1),  NONE,        Anywhere,             Read,  MANY),
    row("pubsub|numpat",        Exactly(1),  NONE,        AllServers(First),    Read,  INTEGER),
    row("pubsub|numsub",        AtLeast(1),  FROM_SECOND, Audience(OfChannels), Read,  MANY),
    row("pubsub|shardchannels", AtLeast(1),  NONE,        AllServers(Concat),   Read,  MANY),
    row("pubsub|shardnumsub",   AtLeast(1),  FROM_SECOND, Audience(OfShards),   Read,  MANY),
];

/// `SCRIPT`: every server is given the same scripts.
#[rustfmt::skip]
pub(super) static SCRIPT: &[Command] = &[
    row("script|debug",         Exactly(2),  NONE,        Refused(OF_A_SERVER), Write, ANY),
    row("script|exists",        AtLeast(2),  NONE,        AllServers(Least),    Read,  MANY),
    row("script|flush",         AtLeast(1),  NONE,        Scripted(Script::Flush), Once,  STATUS),
    row("script|help",          Exactly(1),  NONE,        Anywhere,             Read,  MANY),
    row("script|kill",          Exactly(1),  NONE,        Refused(OF_A_SERVER), Write, ANY),
    row("script|load",          Exactly(2),  NONE,        Scripted(Script::Load), Once,  TEXT),
    row("script|show",          Exactly(2),  NONE,        AllServers(First),    Read,  TEXT),
];

/// `XGROUP`.
#[rustfmt::skip]
pub(super) static XGROUP: &[Command] = &[
    row("xgroup|create",        AtLeast(4),  SECOND,      OneServer,            Write, STATUS),
    row("xgroup|createconsumer", Exactly(4), SECOND,      OneServer,            Write, INTEGER),
    row("xgroup|delconsumer",   Exactly(4),  SECOND,      OneServer,            Write, INTEGER),
    row("xgroup|destroy",       Exactly(3),  SECOND,      OneServer,            Write, INTEGER),
    row("xgroup|help",          Exactly(1),  NONE,        Anywhere,             Read,  MANY),
    row("xgroup|setid",         AtLeast(4),  SECOND,      OneServer,            Once,  STATUS),
];

/// `XINFO`.
#[rustfmt::skip]
pub(super) static XINFO: &[Command] = &[
    row("xinfo|consumers",      Exactly(3),  SECOND,      OneServer,            Read,  MANY),
    row("xinfo|groups",         Exactly(2),  SECOND,      OneServer,            Read,  MANY),
    row("xinfo|help",           Exactly(1),  NONE,        Anywhere,             Read,  MANY),
    row("xinfo|stream",         AtLeast(2),  SECOND,      OneServer,            Read,  MANY),
];

/// The row of the subcommand called `name`, whatever the case of its letters. One compare a row.
pub(super) fn find(rows: &'static [Command], name: &[u8]) -> Option<&'static Command> {
    rows.iter().find(|row| {
        let (_, subcommand) = row.name.split_once('|').expect("a subcommand's name has two parts");
        subcommand.as_bytes().eq_ignore_ascii_case(name)
    })
}
