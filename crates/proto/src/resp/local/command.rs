//! `COMMAND` and its subcommands, answered from the table.

use super::super::commands::COMMANDS;
use super::super::lookup::lookup;
use super::super::{Parts, RequestParser, glob};
use super::{Refusal, Reply, SYNTAX, help, is, unknown_subcommand, wrong_arity};
use crate::command::{Arity, Command, Keys, Travel};
use crate::progress::Progress;
use crate::request::Request;

/// Answers a `COMMAND`; `words` follow that word.
///
/// # Errors
/// In Redis' words.
pub fn command<'a>(
    words: impl Iterator<Item = &'a [u8]>,
    reply: &mut Reply<'_>,
) -> Result<(), Refusal> {
    let words: Vec<&[u8]> = words.collect();
    let [subcommand, arguments @ ..] = words.as_slice() else {
        reply.array(COMMANDS.len());
        COMMANDS.iter().for_each(|row| info(row, reply));
        return Ok(());
    };
    match (subcommand.to_ascii_lowercase().as_slice(), arguments) {
        (b"count", []) => reply.integer(COMMANDS.len() as i64),
        (b"info", []) => {
            reply.array(COMMANDS.len());
            COMMANDS.iter().for_each(|row| info(row, reply));
        }
        (b"info", names) => {
            reply.array(names.len());
            for name in names {
                match lookup(name) {
                    Some(row) => info(row, reply),
                    None => reply.null(),
                }
            }
        }
        (b"docs", names) => {
            let named = |name: &&[u8]| lookup(name);
            let rows: Vec<&Command> = match names {
                [] => COMMANDS.iter().collect(),
                names => names.iter().filter_map(named).collect(),
            };
            reply.map(rows.len());
            for row in rows {
                reply.bulk(row.name.as_bytes());
                reply.map(2);
                reply.bulk(b"summary");
                reply.bulk(summary(row).as_bytes());
                reply.bulk(b"group");
                reply.bulk(b"generic");
            }
        }
        (b"list", filter) => list(filter, reply)?,
        (b"getkeys", [_, _, ..]) => {
            let keys = keys(arguments)?;
            reply.array(keys.len());
            keys.iter().for_each(|key| reply.bulk(key));
        }
        (b"getkeysandflags", [name, _, ..]) => {
            let keys = keys(arguments)?;
            let writes = lookup(name).is_some_and(|row| row.writes);
            reply.array(keys.len());
            for key in keys {
                reply.array(2);
                reply.bulk(&key);
                let flags = if writes { ["RW", "update"] } else { ["RO", "access"] };
                reply.set(flags.len());
                flags.iter().for_each(|flag| reply.status(flag));
            }
        }
        (b"help", []) => help(
            "COMMAND",
            &[
                ("(no subcommand)", "All commands that are served."),
                ("COUNT", "How many they are."),
                ("DOCS [<command-name> ...]", "What they are."),
                ("GETKEYS <full-command>", "The keys of a command."),
                ("GETKEYSANDFLAGS <full-command>", "The same, and whether it may change them."),
                ("INFO [<command-name> ...]", "Their arguments and keys."),
                ("LIST [FILTERBY <filter> <value>]", "Their names."),
            ],
            reply,
        ),
        (b"count" | b"getkeys" | b"getkeysandflags" | b"help", _) => {
            return Err(wrong_arity("command", subcommand));
        }
        _ => return Err(unknown_subcommand("command", subcommand)),
    }
    Ok(())
}

/// One row as `COMMAND INFO` has it.
fn info(row: &Command, reply: &mut Reply<'_>) {
    let arity = match row.arity {
        Arity::Exactly(n) => i64::from(n) + 1,
        Arity::AtLeast(n) | Arity::Between(n, _) => -i64::from(n) - 1,
        Arity::Pairs => -3,
    };
    let mut flags = vec![if row.writes { "write" } else { "readonly" }];
    if row.keys == Keys::None {
        flags = Vec::new();
    }
    let (first, last, step) = match row.keys {
        Keys::None => (0, 0, 0),
        Keys::First => (1, 1, 1),
        Keys::Each => (1, -1, 1),
        Keys::EachPair => (1, -1, 2),
        Keys::Range { first, last, step } => {
            // Redis counts from the name, and from behind without it.
            let last = i64::from(last) + i64::from(last >= 0);
            (i64::from(first) + 1, last, i64::from(step))
        }
        Keys::SortStore | Keys::GeoStore | Keys::StoreCounted => {
            flags.push("movablekeys");
            (1, 1, 1)
        }
        Keys::Counted { .. } | Keys::Streams => {
            flags.push("movablekeys");
            (0, 0, 0)
        }
        Keys::Subcommand(_) => (0, 0, 0),
    };
    reply.array(10);
    reply.bulk(row.name.as_bytes());
    reply.integer(arity);
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.status(flag));
    for number in [first, last, step] {
        reply.integer(number);
    }
    // Categories of access, hints, key specifications, subcommands: the proxy has none to tell.
    reply.set(0);
    for _nothing in 0..3 {
        reply.array(0);
    }
}

fn summary(row: &Command) -> &'static str {
    match row.travel {
        Travel::Here(_) => "Answered by the proxy.",
        Travel::Refused(reason) => reason,
        Travel::Split(_) => "Sent to the servers of its keys.",
        _ => "Sent to the server of its key.",
    }
}

fn list(filter: &[&[u8]], reply: &mut Reply<'_>) -> Result<(), Refusal> {
    let passes: Box<dyn Fn(&Command) -> bool> = match filter {
        [] => Box::new(|_| true),
        [by, kind, value] if is(by, "filterby") && is(kind, "pattern") => {
            let pattern = value.to_ascii_lowercase();
            Box::new(move |row| glob::matches(&pattern, row.name.as_bytes()))
        }
        // The table knows of no categories and there are no modules.
        [by, kind, _] if is(by, "filterby") && (is(kind, "aclcat") || is(kind, "module")) => {
            Box::new(|_| false)
        }
        _ => return Err(SYNTAX),
    };
    let rows: Vec<&Command> = COMMANDS.iter().filter(|row| passes(row)).collect();
    reply.array(rows.len());
    rows.iter().for_each(|row| reply.bulk(row.name.as_bytes()));
    Ok(())
}

/// The keys of a whole command.
fn keys(words: &[&[u8]]) -> Result<Vec<Vec<u8>>, Refusal> {
    let mut frame = Vec::new();
    let mut writer = Reply::new(crate::protocol::Version::Resp2, &mut frame);
    writer.array(words.len());
    words.iter().for_each(|word| writer.bulk(word));
    match RequestParser::new(usize::MAX, usize::MAX).parse(&frame) {
        Ok(Progress::Done(Request::Routed(routed))) => match routed.command.keys {
            Keys::None => Err("ERR The command has no key arguments".into()),
            _ => Ok(Parts::new(&routed, &frame).map(|part| part.key(&frame).to_vec()).collect()),
        },
        _ if lookup(words[0]).is_none() => Err("ERR Invalid command specified".into()),
        _ => Err("ERR Invalid number of arguments specified for command".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Version;

    fn asked(version: Version, line: &str) -> String {
        let mut out = Vec::new();
        let mut reply = Reply::new(version, &mut out);
        let words = line.split(' ').filter(|word| !word.is_empty()).map(str::as_bytes);
        match command(words, &mut reply) {
            Ok(()) => String::from_utf8(out).expect("text"),
            Err(refusal) => format!("-{refusal}"),
        }
    }

    #[test]
    fn rows_are_told_as_redis_tells_them() {
        // The first six of redis-server 7.0.15's ten fields, but for flags of its own.
        let get = "*10\r\n$3\r\nget\r\n:2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n";
        let said = asked(Version::Resp2, "INFO get nosuch");
        assert!(said.starts_with(&format!("*2\r\n{get}")) && said.ends_with("$-1\r\n"), "{said}");
        let mset = "*1\r\n*10\r\n$4\r\nmset\r\n:-3\r\n~1\r\n+write\r\n:1\r\n:-1\r\n:2\r\n~0\r\n";
        assert!(asked(Version::Resp3, "INFO MSET").starts_with(mset));
        assert_eq!(asked(Version::Resp2, "COUNT"), format!(":{}\r\n", COMMANDS.len()));
        assert!(asked(Version::Resp2, "").starts_with(&format!("*{}\r\n*10", COMMANDS.len())));
        assert!(asked(Version::Resp3, "DOCS get nosuch").starts_with("%1\r\n$3\r\nget\r\n%2\r\n"));
        assert!(
            asked(Version::Resp2, "LIST FILTERBY PATTERN GETD*").starts_with("*1\r\n$6\r\ngetdel")
        );
    }

    #[test]
    fn keys_are_found_as_requests_are_routed() {
        for (line, expected) in [
            ("GETKEYS get k", "*1\r\n$1\r\nk\r\n"),
            ("GETKEYS mset a b c d", "*2\r\n$1\r\na\r\n$1\r\nc\r\n"),
            ("GETKEYS eval x 1 k", "*1\r\n$1\r\nk\r\n"),
            ("GETKEYS get", "-ERR wrong number of arguments for 'command|getkeys' command"),
            ("GETKEYS nosuch k", "-ERR Invalid command specified"),
            ("GETKEYSANDFLAGS get k", "*1\r\n*2\r\n$1\r\nk\r\n*2\r\n+RO\r\n+access\r\n"),
            ("FOO", "-ERR unknown subcommand 'FOO'. Try COMMAND HELP."),
            ("LIST FOO", "-ERR syntax error"),
        ] {
            assert_eq!(asked(Version::Resp2, line), expected, "{line}");
        }
    }
}
