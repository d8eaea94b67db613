//! `cargo xtask commands`: the page of all commands, written from the tables that serve them.

use std::fmt::Write;

use nutcracker_proto::{
    Arity, Command, Gather, Keys, Local, Patience, Protocol, Script, Transaction, Travel,
};

use crate::failure::Result;
use crate::page::Page;

const PAGE: Page = Page {
    path: "docs/commands.md",
    chore: "commands",
    from: "the tables of commands",
    text: page,
};

/// What a row cannot say of its command.
#[rustfmt::skip]
const NOTES: &[(&str, &str)] = &[
    ("copy", "`DB` is passed on; both keys must live on one server"),
    ("evalsha", "a script must keep to the keys that it is given"),
    ("eval", "a script must keep to the keys that it is given"),
    ("fcall", "a function must keep to the keys that it is given"),
    ("msetnx", "never split: all or nothing holds on one server only"),
    ("pubsub|numsub", "the channels must live on one server"),
    ("pubsub|shardnumsub", "as `pubsub numsub`"),
    ("pubsub|numpat", "a pattern is asked for on every server, so one server's number is the number"),
    ("publish", "within `MULTI` the number is the server's, which counts a worker as one"),
    ("spublish", "as `publish`"),
    ("sort", "a pattern of `BY` or `GET` needs the hash tag of the sorted key in front of its `*`, or is refused"),
    ("sort_ro", "as `sort`"),
    ("ma", "as `ms`"),
    ("md", "as `ms`"),
    ("me", "as `ms`"),
    ("mg", "as `ms`"),
    ("mn", "`meta_commands: false` refuses it"),
    ("ms", "needs memcached 1.6.10 or later at every server: older ones run its data; `meta_commands: false` refuses it"),
    ("xread", "with `BLOCK` on a connection of its own"),
    ("xreadgroup", "with `BLOCK` on a connection of its own"),
];

/// Writes the page.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    PAGE.run(arguments)
}

/// The whole page.
fn page() -> String {
    let mut page = String::from(
        "# Commands\n\n\
         Every command that has a row in the tables, how it travels and what limits it. This page is written by\n\
         `cargo xtask commands` from `crates/proto/src/resp/commands.rs`, `subcommands.rs` beside it, and\n\
         `crates/proto/src/memcache/commands.rs`; a test fails when it says something else than they do.\n\n\
         A request with several keys that travels whole needs all of them on one server, and is refused\n\
         otherwise: give the keys the same tag, and the pool a `hash_tag`. Arguments are counted without the\n\
         command's name.\n",
    );
    for (protocol, heading) in [(Protocol::Redis, "Redis"), (Protocol::Memcache, "memcached")] {
        let _ = write!(
            page,
            "\n## {heading}\n\n| command | arguments | keys | how it travels | |\n|---|---|---|---|---|\n"
        );
        for command in protocol.commands() {
            match command.keys {
                Keys::Subcommand(rows) => rows.iter().for_each(|row| line(row, &mut page)),
                _ => line(command, &mut page),
            }
        }
    }
    page
}

/// The row of one command.
fn line(command: &Command, page: &mut String) {
    let note = NOTES.iter().find(|(name, _)| *name == command.name).map_or("", |(_, note)| note);
    let _ = writeln!(
        page,
        "| `{}` | {} | {} | {} | {note} |",
        command.name.replace('|', " "),
        arity(command),
        keys(command.keys),
        travel(command.travel)
    );
}

/// A subcommand's name is no argument to a reader.
fn arity(command: &Command) -> String {
    let less = u32::from(command.name.contains('|'));
    match command.arity {
        Arity::Exactly(count) => (count - less).to_string(),
        Arity::AtLeast(count) if count == less => "any".to_owned(),
        Arity::AtLeast(count) => format!("{} or more", count - less),
        Arity::Pairs => "pairs".to_owned(),
        Arity::Between(low, high) => format!("{low} to {high}"),
    }
}

fn keys(keys: Keys) -> String {
    match keys {
        Keys::None | Keys::Subcommand(_) => String::new(),
        Keys::First => "the first argument".to_owned(),
        Keys::Each => "all".to_owned(),
        Keys::EachPair => "each, a value behind it".to_owned(),
        Keys::Range { first, last, .. } if last == first as i32 => "one".to_owned(),
        Keys::Range { last: -1, .. } => "all from the second on".to_owned(),
        Keys::Range { last: ..0, .. } => "all but the last".to_owned(),
        Keys::Range { .. } => "the first two".to_owned(),
        Keys::Counted { step: 1, .. } => "as many as a number says".to_owned(),
        Keys::Counted { .. } => "as many as a number says, a value behind each".to_owned(),
        Keys::StoreCounted => "the first, and as many as a number says".to_owned(),
        Keys::Streams => "behind `STREAMS`, the first half".to_owned(),
        Keys::SortStore => "the first, and behind `STORE`".to_owned(),
        Keys::GeoStore => "the first, and behind `STORE` or `STOREDIST`".to_owned(),
    }
}

fn travel(travel: Travel) -> String {
    match travel {
        Travel::OneServer | Travel::Sorted => "to the server of its keys".to_owned(),
        Travel::Split(gather) => format!("split, a part a server; {}", gathered(gather)),
        Travel::Anywhere => "to the server of the key `placeholder`".to_owned(),
        Travel::AllServers(gather) => format!("to all servers; {}", gathered(gather)),
        Travel::Flush => "to all servers, where the pool allows it".to_owned(),
        Travel::Scan => "to the servers one after the other, behind one cursor".to_owned(),
        Travel::Script(Script::Body) => {
            "to the server of its keys; the proxy keeps the script".to_owned()
        }
        Travel::Script(Script::Digest) => {
            "to the server of its keys, which is given the script if it lacks it and the proxy knows it"
                .to_owned()
        }
        Travel::Script(Script::Flush) => "to all servers; the proxy forgets them too".to_owned(),
        Travel::Script(Script::Load) => "to all servers; the proxy keeps the script".to_owned(),
        Travel::Audience(_) => {
            "to the server of its keys; clients are counted, over all workers".to_owned()
        }
        Travel::Transaction(step) => match step {
            Transaction::Watch | Transaction::Begin => {
                "on a connection of the client's own, until the transaction ends".to_owned()
            }
            Transaction::Unwatch | Transaction::Commit | Transaction::Discard => {
                "on the transaction's connection".to_owned()
            }
        },
        Travel::Blocking(Patience::BehindBlock) => "to the server of its keys".to_owned(),
        Travel::Blocking(_) => {
            "to the server of its keys, on a connection of the client's own".to_owned()
        }
        Travel::Subscription(_) => {
            "a channel to the server of its name, a pattern to all servers".to_owned()
        }
        Travel::Here(Local::Cluster) => {
            "answered by the proxy, as a server without cluster mode does".to_owned()
        }
        Travel::Here(_) => "answered by the proxy".to_owned(),
        Travel::Refused(reason) => {
            let reason = reason.strip_prefix("not served by the proxy: ").unwrap_or(reason);
            format!("refused: {reason}")
        }
    }
}

fn gathered(gather: Gather) -> &'static str {
    match gather {
        Gather::Array => "their elements, in the order of the keys",
        Gather::Sum => "the sum",
        Gather::Status => "`OK` when all say so",
        Gather::Values => "their values, in the order of the keys",
        Gather::First => "the answer of one, when none fails",
        Gather::Concat => "all their elements",
        Gather::Least => "the least at each place",
        Gather::NotNull => "one that is not null",
        Gather::Okay => "`OK` when all say so",
        Gather::Stats => "their figures, added up",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_commands_is_what_the_tables_say() {
        PAGE.assert_current();
    }

    #[test]
    fn every_note_is_about_a_row() {
        let page = page();
        for (name, note) in NOTES {
            let line = format!("| `{}` |", name.replace('|', " "));
            let found = page.lines().find(|text| text.starts_with(&line));
            assert!(found.is_some_and(|text| text.ends_with(&format!("{note} |"))), "{name}");
        }
    }
}
