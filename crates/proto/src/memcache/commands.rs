//! The table of commands.

use super::kinds;
use crate::command::{Arity, Command, Keys, Local, Travel};
use crate::gather::Gather;
use crate::kind::Kinds;

/// Every command there is, sorted by name.
///
/// A command that is not here is answered with `ERROR`, memcached's own word for it, and the
/// connection lives on.
pub const COMMANDS: &[Command] = &commands();

/// Looks `name` up: the command's row and the form its line has. No allocation; a comparison of
/// one machine word a row.
#[inline]
pub(super) fn find(name: &[u8]) -> Option<(&'static Command, Form)> {
    let Some(name) = packed(name) else { return find_long(name) };
    let at = usize::from(ORDER[NAMES.iter().position(|&known| known == name)?]);
    Some((&COMMANDS[at], ROWS[at].form))
}

/// As [`find`], for a name that is no machine word: administration, all of it.
#[cold]
fn find_long(name: &[u8]) -> Option<(&'static Command, Form)> {
    let at = COMMANDS.iter().position(|command| command.name.as_bytes() == name)?;
    Some((&COMMANDS[at], ROWS[at].form))
}

/// The form of a name that would be a storage command's but for its letters' case.
///
/// memcached knows lower case alone, and so `SET` is no command; but whoever sends it sends data
/// behind it, which is not to be read as commands.
pub(super) fn find_misspelt_storage(name: &[u8]) -> Option<Form> {
    ROWS.iter()
        .filter(|row| row.form.data_length_argument().is_some())
        .find(|row| name.eq_ignore_ascii_case(row.command.name.as_bytes()))
        .map(|row| row.form)
}

/// `ms` with a flag that came after 1.6.10, or may yet come: of a server that does not know it another
/// answer is expected. In all else its row in the table.
pub(super) fn ms_of_other_flags() -> &'static Command {
    static ROW: Row = row(
        "ms",
        Arity::AtLeast(2),
        Keys::First,
        ONE,
        true,
        false,
        Form::MetaStore,
        kinds::META_STORE_OTHERWISE,
    );
    &ROW.command
}

/// What follows the name on a command's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One key or more.
    Keys,
    /// `key flags exptime bytes [noreply]`, and data.
    Store,
    /// `key flags exptime bytes unique [noreply]`, and data.
    CompareAndStore,
    /// `key [0] [noreply]`: the 0 is what is left of a delay that memcached once knew.
    Delete,
    /// `key delta [noreply]`.
    Count,
    /// `key exptime [noreply]`.
    Touch,
    /// Nothing, and what there is all the same is of no effect.
    Bare,
    /// `exptime`, and one key or more.
    TouchKeys,
    /// `[delay] [noreply]`.
    Flush,
    /// `level [noreply]`.
    Verbosity,
    /// Nothing, or which figures.
    Stats,
    /// `key flag*`.
    Meta,
    /// `key bytes flag*`, and data.
    MetaStore,
    /// Anything: it is refused.
    Refused,
}

impl Form {
    /// Which argument says how long the data behind the line is.
    pub(super) const fn data_length_argument(self) -> Option<usize> {
        match self {
            Self::Store | Self::CompareAndStore => Some(3),
            Self::MetaStore => Some(1),
            _ => None,
        }
    }

    /// Whether a last word `noreply` asks for silence.
    pub(super) const fn takes_noreply(self) -> bool {
        matches!(
            self,
            Self::Store
                | Self::CompareAndStore
                | Self::Delete
                | Self::Count
                | Self::Touch
                | Self::Flush
                | Self::Verbosity
        )
    }
}

/// A command, and how to read its line.
struct Row {
    command: Command,
    form: Form,
}

impl Row {
    /// The same command once more. It is no `Clone`: a command is its row, and has one place.
    const fn command(&self) -> Command {
        let Command { name, arity, keys, travel, writes, repeatable, kinds } = self.command;
        Command { name, arity, keys, travel, writes, repeatable, kinds }
    }
}

const ONE: Travel = Travel::OneServer;
const VALUES: Travel = Travel::Split(Gather::Values);
const QUIT: Travel = Travel::Here(Local::Quit);
const NOOP: Travel = Travel::Here(Local::Noop);
const VERBOSITY: Travel = Travel::Here(Local::Verbosity);
const STATS: Travel = Travel::AllServers(Gather::Stats);
const ADMIN: Travel = Travel::Refused("servers are administered one by one, not through a proxy");
const ANY: Arity = Arity::AtLeast(0);

/// The rows. Arguments are counted with `noreply` and without the data.
///
/// Only what reads, and what sets the same expiry time again, is repeatable: a write sent twice may
/// undo what another client wrote in between. `mg` may create an item (flag `N`) and tells one client
/// alone that it won, so it is no mere read. The keys of `gat` stand behind its expiry time.
#[rustfmt::skip]
static ROWS: [Row; ROW_COUNT] = [
    //  name             arguments              keys         travel             writes repeat form                    kinds of responses
    row("add",            Arity::Between(4, 5),  Keys::First, ONE,               true,  false, Form::Store,            kinds::STORAGE),
    row("append",         Arity::Between(4, 5),  Keys::First, ONE,               true,  false, Form::Store,            kinds::STORAGE),
    row("cache_memlimit", ANY,                   Keys::None,  ADMIN,             true,  false, Form::Refused,          kinds::ANY),
    row("cas",            Arity::Between(5, 6),  Keys::First, ONE,               true,  false, Form::CompareAndStore,  kinds::STORAGE),
    row("decr",           Arity::Between(2, 3),  Keys::First, ONE,               true,  false, Form::Count,            kinds::COUNT),
    row("delete",         Arity::Between(1, 3),  Keys::First, ONE,               true,  false, Form::Delete,           kinds::DELETE),
    row("extstore",       ANY,                   Keys::None,  ADMIN,             true,  false, Form::Refused,          kinds::ANY),
    row("flush_all",      Arity::Between(0, 2),  Keys::None,  Travel::Flush,     true,  false, Form::Flush,            kinds::FLUSH),
    row("gat",            Arity::AtLeast(2),     Keys::Each,  VALUES,            true,  true,  Form::TouchKeys,        kinds::VALUES),
    row("gats",           Arity::AtLeast(2),     Keys::Each,  VALUES,            true,  true,  Form::TouchKeys,        kinds::VALUES),
    row("get",            Arity::AtLeast(1),     Keys::Each,  VALUES,            false, true,  Form::Keys,             kinds::VALUES),
    row("gets",           Arity::AtLeast(1),     Keys::Each,  VALUES,            false, true,  Form::Keys,             kinds::VALUES),
    row("incr",           Arity::Between(2, 3),  Keys::First, ONE,               true,  false, Form::Count,            kinds::COUNT),
    row("lru",            ANY,                   Keys::None,  ADMIN,             true,  false, Form::Refused,          kinds::ANY),
    row("lru_crawler",    ANY,                   Keys::None,  ADMIN,             true,  false, Form::Refused,          kinds::ANY),
    row("ma",             Arity::AtLeast(1),     Keys::First, ONE,               true,  false, Form::Meta,             kinds::META_COUNT),
    row("md",             Arity::AtLeast(1),     Keys::First, ONE,               true,  false, Form::Meta,             kinds::META_CHANGE),
    row("me",             Arity::AtLeast(1),     Keys::First, ONE,               false, true,  Form::Meta,             kinds::META_DEBUG),
    row("mg",             Arity::AtLeast(1),     Keys::First, ONE,               true,  false, Form::Meta,             kinds::META_GET),
    row("misbehave",      ANY,                   Keys::None,  ADMIN,             true,  false, Form::Refused,          kinds::ANY),
    row("mn",             ANY,                   Keys::None,  NOOP,              false, true,  Form::Bare,             kinds::ANY),
    row("ms",             Arity::AtLeast(2),     Keys::First, ONE,               true,  false, Form::MetaStore,        kinds::META_STORE),
    row("prepend",        Arity::Between(4, 5),  Keys::First, ONE,               true,  false, Form::Store,            kinds::STORAGE),
    row("quit",           ANY,                   Keys::None,  QUIT,              false, true,  Form::Bare,             kinds::ANY),
    row("refresh_certs",  ANY,                   Keys::None,  ADMIN,             true,  false, Form::Refused,          kinds::ANY),
    row("replace",        Arity::Between(4, 5),  Keys::First, ONE,               true,  false, Form::Store,            kinds::STORAGE),
    row("set",            Arity::Between(4, 5),  Keys::First, ONE,               true,  false, Form::Store,            kinds::STORAGE),
    row("shutdown",       ANY,                   Keys::None,  ADMIN,             true,  false, Form::Refused,          kinds::ANY),
    row("slabs",          ANY,                   Keys::None,  ADMIN,             true,  false, Form::Refused,          kinds::ANY),
    row("stats",          Arity::Between(0, 1),  Keys::None,  STATS,             false, true,  Form::Stats,            kinds::STATS),
    row("touch",          Arity::Between(2, 3),  Keys::First, ONE,               true,  true,  Form::Touch,            kinds::TOUCH),
    row("verbosity",      Arity::Between(1, 2),  Keys::None,  VERBOSITY,         false, true,  Form::Verbosity,        kinds::ANY),
    row("version",        ANY,                   Keys::None,  Travel::Anywhere,  false, true,  Form::Bare,             kinds::VERSIONS),
    row("watch",          ANY,                   Keys::None,  ADMIN,             false, false, Form::Refused,          kinds::ANY),
];

const ROW_COUNT: usize = 34;

/// The names that are looked for first, so that what is asked most is found soonest.
const FIRST: [&str; 4] = ["get", "gets", "set", "mg"];

#[expect(clippy::too_many_arguments, reason = "a row has a column for each")]
const fn row(
    name: &'static str,
    arity: Arity,
    keys: Keys,
    travel: Travel,
    writes: bool,
    repeatable: bool,
    form: Form,
    kinds: Kinds,
) -> Row {
    Row { command: Command { name, arity, keys, travel, writes, repeatable, kinds }, form }
}

/// The rows' commands, which is what the rest of the program sees of them.
const fn commands() -> [Command; ROW_COUNT] {
    let mut commands = [const { ROWS[0].command() }; ROW_COUNT];
    let mut at = 0;
    while at < ROW_COUNT {
        commands[at] = ROWS[at].command();
        at += 1;
    }
    commands
}

/// The rows in the order in which they are looked through.
static ORDER: [u8; ROW_COUNT] = ordered();

const fn ordered() -> [u8; ROW_COUNT] {
    let mut order = [0; ROW_COUNT];
    let mut taken = [false; ROW_COUNT];
    let mut len = 0;
    while len < FIRST.len() {
        let mut at = 0;
        while !same(packed(ROWS[at].command.name.as_bytes()), packed(FIRST[len].as_bytes())) {
            at += 1;
        }
        order[len] = at as u8;
        taken[at] = true;
        len += 1;
    }
    let mut at = 0;
    while at < ROW_COUNT {
        if !taken[at] {
            order[len] = at as u8;
            len += 1;
        }
        at += 1;
    }
    order
}

/// Whether both are the same name that can be packed.
const fn same(one: Option<u64>, other: Option<u64>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one == other)
}

/// The rows' names, packed, in that order; 0, which no name is, for one that is too long for it.
static NAMES: [u64; ROW_COUNT] = {
    let mut names = [0; ROW_COUNT];
    let order = ordered();
    let mut at = 0;
    while at < ROW_COUNT {
        if let Some(name) = packed(ROWS[order[at] as usize].command.name.as_bytes()) {
            names[at] = name;
        }
        at += 1;
    }
    names
};

/// A name of up to seven bytes as one number, so that two are compared at once. A 1 stands before
/// it, for a NUL in front would not be seen otherwise.
#[inline]
const fn packed(name: &[u8]) -> Option<u64> {
    if name.is_empty() || name.len() > 7 {
        return None;
    }
    let mut packed = 1;
    let mut at = 0;
    while at < name.len() {
        packed = packed << 8 | name[at] as u64;
        at += 1;
    }
    Some(packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_name_and_no_name_is_there_twice() {
        for pair in COMMANDS.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} before {}", pair[0].name, pair[1].name);
        }
    }

    #[test]
    fn every_command_of_the_original_and_every_meta_command_is_there() {
        for name in [
            "get", "gets", "set", "add", "replace", "append", "prepend", "cas", "delete", "incr",
            "decr", "touch", "version", "quit", "mg", "ms", "md", "ma", "me", "mn",
        ] {
            assert!(COMMANDS.iter().any(|command| command.name == name), "{name}");
        }
    }

    #[test]
    fn every_name_is_found_and_no_other_is() {
        for (row, command) in ROWS.iter().zip(COMMANDS) {
            assert_eq!(&row.command, command);
            assert_eq!(
                find(command.name.as_bytes()),
                Some((command, row.form)),
                "{}",
                command.name
            );
        }
        for name in [
            "",
            "ge",
            "getx",
            "xget",
            "GET",
            "Get",
            "flush_al",
            "flush_alll",
            "\0get",
            "get\0",
            "replacee",
            "prepend\0",
            "a",
        ] {
            assert_eq!(find(name.as_bytes()), None, "{name:?}");
        }
    }

    #[test]
    fn a_command_is_answered_with_its_own_words_and_no_other_but_an_error() {
        use crate::memcache::fuzz;
        let stores = ["set", "add", "replace", "append", "prepend", "cas", "ms"];
        let refusals = [
            "ERROR\r\n",
            "CLIENT_ERROR bad command line format\r\n",
            "CLIENT_ERROR invalid flag\r\n",
        ];
        let words = [
            "VALUE k 0 1\r\nv\r\nEND\r\n",
            "END\r\n",
            "STORED\r\n",
            "NOT_STORED\r\n",
            "EXISTS\r\n",
            "NOT_FOUND\r\n",
            "DELETED\r\n",
            "TOUCHED\r\n",
            "OK\r\n",
            "7\r\n",
            "VERSION 1.6.18\r\n",
            "STAT pid 1\r\nEND\r\n",
            "HD\r\n",
            "VA 1\r\nv\r\n",
            "EN\r\n",
            "NF\r\n",
            "NS\r\n",
            "EX\r\n",
            "ME k exp=-1\r\n",
            "CLIENT_ERROR x\r\n",
            "SERVER_ERROR x\r\n",
            "VALUE k 0 1\r\nv\r\nSERVER_ERROR x\r\n",
        ];
        for (names, expected) in [
            (&["get", "gets", "gat", "gats"][..], &["VALUE", "END"][..]),
            (
                &["set", "add", "replace", "append", "prepend", "cas"],
                &["STORED", "NOT_STORED", "EXISTS", "NOT_FOUND"],
            ),
            (&["incr", "decr"], &["7", "NOT_FOUND"]),
            (&["delete"], &["DELETED", "NOT_FOUND"]),
            (&["touch"], &["TOUCHED", "NOT_FOUND"]),
            (&["flush_all"], &["OK"]),
            (&["version"], &["VERSION"]),
            (&["stats"], &["STAT", "END"]),
            (&["mg"], &["VA", "HD", "EN", "OK"]),
            (&["ms", "md"], &["HD", "NF", "NS", "EX", "OK"]),
            (&["ma"], &["HD", "VA", "NF", "NS", "EX", "OK"]),
            (&["me"], &["ME", "EN"]),
        ] {
            for name in names {
                let (command, _) = find(name.as_bytes()).expect(name);
                for wire in words.iter().chain(&refusals) {
                    let (responses, _) = fuzz::responses_in(wire.as_bytes(), []);
                    let [response] = responses[..] else { panic!("{wire} is one response") };
                    let word = wire.split([' ', '\r']).next().expect("a word");
                    let runs_its_data = stores.contains(name) && refusals.contains(wire);
                    let is_error = wire.contains("ERROR") && !runs_its_data;
                    let fits = expected.contains(&word) || is_error;
                    assert_eq!(command.kinds.contain(response.kind), fits, "{name}: {wire:?}");
                }
            }
        }
    }

    #[test]
    fn other_flags_of_ms_have_a_row_that_differs_in_one_answer() {
        let (command, _) = find(b"ms").expect("ms");
        let other = ms_of_other_flags();
        assert_eq!(other.kinds, command.kinds.or(kinds::INVALID_FLAG.alone()));
        assert_ne!(other.kinds, command.kinds);
        let Row { command: like, .. } = row(
            "ms",
            command.arity,
            command.keys,
            command.travel,
            command.writes,
            command.repeatable,
            Form::MetaStore,
            other.kinds,
        );
        assert_eq!(other, &like);
    }

    #[test]
    fn storage_names_are_known_in_any_case() {
        for (name, form) in [
            ("SET", Some(Form::Store)),
            ("Cas", Some(Form::CompareAndStore)),
            ("MS", Some(Form::MetaStore)),
            ("GET", None),
            ("sets", None),
        ] {
            assert_eq!(find_misspelt_storage(name.as_bytes()), form, "{name}");
        }
    }

    #[test]
    fn what_may_be_silent_writes_and_what_stores_has_its_length_among_its_arguments() {
        for row in &ROWS {
            let name = row.command.name;
            let writes = row.command.writes || row.form == Form::Verbosity;
            assert!(!row.form.takes_noreply() || writes, "{name}");
            if let Some(argument) = row.form.data_length_argument() {
                assert!(!row.command.arity.allows(argument as u32), "{name} could lack its length");
                assert!(row.command.writes, "{name}");
            }
        }
    }
}
