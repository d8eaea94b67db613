//! What requests look like: at least one form for every command, the server's and the table's.
//!
//! A form is words, as `form.rs` says. Those that begin with `@` are drawn: a key of a sort by its
//! letter (`keys.rs`), with a digit behind it just that key, and `@k` any key; or what
//! `draw.rs` lists.

mod collections;
mod keyspace;
mod server;
mod strings;

use super::compare::Mode;

/// The forms of one command.
#[derive(Debug)]
pub(crate) struct Forms {
    /// The command's name in lower case.
    pub(crate) name: &'static str,
    /// Good ones.
    pub(crate) forms: &'static [&'static str],
    /// What may be done with them.
    pub(crate) care: Care,
}

/// What may be done with a command's forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// Anything: words are left out, added and replaced.
    None,
    /// They are sent as they are: otherwise the request might wait for ever, say, or be answered with
    /// another number of replies.
    AsTheyAre,
    /// They are sent to the proxy alone, which refuses them; a server would do as it is told.
    ProxyAlone,
}

const fn any(name: &'static str, forms: &'static [&'static str]) -> Forms {
    Forms { name, forms, care: Care::None }
}

const fn as_is(name: &'static str, forms: &'static [&'static str]) -> Forms {
    Forms { name, forms, care: Care::AsTheyAre }
}

const fn proxy_alone(name: &'static str, forms: &'static [&'static str]) -> Forms {
    Forms { name, forms, care: Care::ProxyAlone }
}

/// All forms.
pub(crate) fn all() -> impl Iterator<Item = &'static Forms> {
    [strings::FORMS, collections::FORMS, keyspace::FORMS, server::FORMS].into_iter().flatten()
}

/// In which sense replies to a request are compared. The name is in lower case.
pub(crate) fn mode(name: &str, words: &[Vec<u8>]) -> Mode {
    let has = |text: &str| words.iter().any(|word| word.eq_ignore_ascii_case(text.as_bytes()));
    match name {
        "smembers" | "sunion" | "sinter" | "sdiff" | "hkeys" | "hvals" | "hgetall" | "keys"
        | "exec" | "pubsub" | "function" | "sort" | "sort_ro" | "georadius" | "geosearch" => {
            Mode::Unordered
        }
        "sscan" | "hscan" | "zscan" | "scan" => Mode::Scan,
        // Seconds, and milliseconds: far above what lies between one server's turn and the next's.
        "ttl" | "expiretime" => Mode::Near(5),
        "pttl" | "pexpiretime" => Mode::Near(5000),
        "xpending" | "xinfo" | "xautoclaim" | "xclaim" => Mode::Near(10_000),
        "object" if has("idletime") || has("freq") => Mode::Near(5),
        "memory" if has("usage") => Mode::Near(64),
        "spop" | "srandmember" | "hrandfield" | "zrandmember" | "randomkey" => Mode::Shape,
        "xadd" if has("*") || has("5-*") => Mode::Shape,
        "dump" => Mode::Length,
        "hello" => Mode::Fields,
        // What there is to help with is the proxy's own.
        "command" | "client" | "config" if has("help") => Mode::Kind,
        "command" if has("getkeys") || has("getkeysandflags") => Mode::Exact,
        "client" if has("id") || has("info") || has("list") => Mode::Kind,
        "config" if has("get") => Mode::Kind,
        "time" | "info" | "lastsave" | "lolwut" | "command" | "memory" | "latency" | "slowlog" => {
            Mode::Kind
        }
        _ => Mode::Exact,
    }
}

/// How many replies come to a request.
pub(crate) fn replies(name: &str, arguments: usize) -> usize {
    match name {
        "subscribe" | "psubscribe" | "ssubscribe" | "unsubscribe" | "punsubscribe"
        | "sunsubscribe" => arguments.max(1),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use nutcracker_proto::resp::COMMANDS;

    use super::*;

    #[test]
    fn a_command_has_its_forms_in_one_place_and_they_begin_with_its_name() {
        let mut names = BTreeSet::new();
        for Forms { name, forms, .. } in all() {
            assert!(names.insert(name), "{name} is there twice");
            assert!(!forms.is_empty(), "{name}");
            for form in *forms {
                let first = form.split(' ').next().unwrap_or_default();
                assert!(first.eq_ignore_ascii_case(name), "{form}");
            }
        }
        let known = COMMANDS.iter().filter(|row| names.contains(&row.name)).count();
        assert!(known >= 137, "{known} of the table's commands have forms");
    }
}
