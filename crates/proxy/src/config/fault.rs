//! The words for every fault of a configuration file: what was found, and what would do.

use std::fmt;

use nutcracker_ring::{DistributionKind, HashKind};

use super::limits;

/// One way for a file to be wrong, with what was found. The text of each is in `Display` below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    // The file as a text.
    BadEncoding {
        encoding: &'static str,
    },
    ControlCharacter {
        found: char,
    },
    TabIndent {
        lines: String,
    },
    SlashComment,
    NoSpaceBeforeHash {
        value: String,
    },
    NoSpaceAfterColon {
        key: String,
        value: String,
    },
    NoSpaceAfterDash {
        item: String,
    },
    WideColon,
    OddSpace {
        found: char,
    },
    Yaml {
        words: String,
    },

    // YAML that is more than this file may use.
    DocumentMark {
        mark: &'static str,
    },
    Anchor,
    Alias,
    Tag,
    FlowMapping,
    FlowList,

    // The shape: pools, keys, one list.
    NoPools,
    TopList,
    TopScalar {
        found: String,
    },
    KeyNotText,
    EmptyKey,
    EmptyPool,
    PoolIsText {
        found: String,
    },
    PoolIsList,
    KeyAtMargin {
        key: String,
    },
    EmptyValue {
        key: String,
    },
    EmptyItem,
    ItemNotText,
    NestedMapping {
        key: String,
    },
    ListNotServers {
        key: String,
    },
    ServersNotList,

    // The keys and their values.
    UnknownKey {
        found: String,
        nearest: Option<&'static str>,
        keys: &'static [&'static str],
    },
    UnknownGlobalKey {
        found: String,
        nearest: Option<&'static str>,
        keys: &'static [&'static str],
    },
    DuplicateKey {
        key: String,
        first_line: usize,
    },
    MissingListen,
    MissingServers,
    UnknownHash {
        found: String,
        nearest: Option<&'static str>,
    },
    UnknownDistribution {
        found: String,
        nearest: Option<&'static str>,
    },
    UnknownMultiError {
        found: String,
    },
    HashTag {
        found: String,
    },
    NotANumber {
        key: &'static str,
        found: String,
    },
    NumberTooLarge {
        key: &'static str,
        found: String,
    },
    NotABool {
        key: &'static str,
        found: String,
    },
    /// The value of `key` is none of its words.
    NotAWord {
        key: &'static str,
        found: String,
        words: &'static [&'static str],
    },
    ZeroServerConnections,
    AuthWithoutRedis,
    Workers {
        found: String,
    },
    /// A number of microseconds that is none, or above what it may be.
    Microseconds {
        key: &'static str,
        found: String,
        max: u32,
    },

    /// A number of bytes that is none, or out of its range.
    Bytes {
        key: &'static str,
        found: String,
        min: u64,
        max: u64,
    },
    /// `client_requests_max` is 0.
    ZeroClientRequests,
    /// An item of `commands` cannot be added.
    Command {
        item: String,
        why: &'static str,
    },
    CommandsWithoutRedis,
    /// `retries` is out of its range.
    Retries {
        found: u32,
    },
    /// `databases` is out of its range.
    Databases {
        found: u32,
    },
    /// `memory_max` is neither a number of bytes in its range nor `auto` nor 0.
    MemoryMax {
        found: String,
    },

    // Addresses.
    ListenForm {
        found: String,
    },
    ListenPort {
        found: String,
    },
    ListenHostEmpty,
    ListenBrackets {
        host: String,
    },
    ImpossibleIpv4 {
        host: String,
        number: String,
    },
    Unresolved {
        host: String,
        reason: String,
    },
    UnixPathLong {
        bytes: usize,
    },
    UnixMode {
        found: String,
    },
    ServerForm {
        found: String,
    },
    ServerPort {
        found: String,
    },
    ServerWeight {
        found: String,
    },
    ServerZeroWeight,
    DuplicateServer {
        name: String,
        first_line: usize,
    },

    // Between pools.
    DuplicatePool {
        first_line: usize,
    },
    SameListen {
        other: String,
        text: String,
        first_line: usize,
    },

    // Legal, and only warned of.
    ModeIgnored {
        found: String,
    },
    ListenAsterisk,
    DatabaseWithoutRedis,
    DatabasesWithoutRedis,
    MetaCommandsWithRedis,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadEncoding { encoding } => {
                write!(f, "not {encoding} text from here on; save the file as UTF-8")
            }
            Self::ControlCharacter { found } => {
                write!(f, "the control character U+{:04X} is not allowed", u32::from(*found))
            }
            Self::TabIndent { lines } => {
                write!(f, "YAML does not allow tabs for indentation; use spaces ({lines})")
            }
            Self::SlashComment => f.write_str("'//' does not start a comment; '#' does"),
            Self::NoSpaceBeforeHash { value } => {
                write!(f, "'#' starts a comment only after a space: write '{value} #'")
            }
            Self::NoSpaceAfterColon { key, value } => write!(
                f,
                "'{key}:{value}' is no key with a value: a space is missing after the colon; \
                 write '{key}: {value}'"
            ),
            Self::NoSpaceAfterDash { item } => write!(
                f,
                "'-{item}' is no item of a list: a space is missing after the dash; \
                 write '- {item}'"
            ),
            Self::WideColon => f.write_str("the full-width '\u{ff1a}' is no colon; write ': '"),
            Self::OddSpace { found } => write!(
                f,
                "the space U+{:04X} is not one that YAML knows; use plain spaces",
                u32::from(*found)
            ),
            Self::Yaml { words } => write!(f, "not YAML: {words}"),

            Self::DocumentMark { mark } => {
                write!(f, "'{mark}' is not allowed: the file is one document without such marks")
            }
            Self::Anchor => f.write_str("YAML anchors ('&name') are not allowed"),
            Self::Alias => f.write_str("YAML aliases ('*name') are not allowed"),
            Self::Tag => f.write_str("YAML tags ('!name') are not allowed"),
            Self::FlowMapping => f.write_str(
                "'{' opens a mapping in braces, which is not allowed: \
                 write one 'key: value' a line, or quote the text (\"{}\")",
            ),
            Self::FlowList => f.write_str(
                "'[' opens a list in brackets, which is not allowed: \
                 write one '- item' a line, or quote the text (\"[]\")",
            ),

            Self::NoPools => f.write_str(
                "the file has no pools; a pool is a name, a colon, and \
                 keys indented below it, 'listen' and 'servers' at least",
            ),
            Self::TopList => f.write_str(
                "a list stands outside of any pool; servers are listed \
                 under 'servers:' in a pool",
            ),
            Self::TopScalar { found } => {
                write!(f, "'{found}' is no pool; a pool is a name and a colon")
            }
            Self::KeyNotText => f.write_str("a key is one word and a colon"),
            Self::EmptyKey => f.write_str("a word is missing before the colon"),
            Self::EmptyPool => {
                f.write_str("the pool has no keys; they are indented below its name")
            }
            Self::PoolIsText { found } => write!(
                f,
                "'{found}' stands where the pool's keys should; they go below its name, indented"
            ),
            Self::PoolIsList => f.write_str(
                "the pool is a list; it should be keys, with the list \
                 under 'servers:'",
            ),
            Self::KeyAtMargin { key } => write!(
                f,
                "'{key}' stands at the left margin, where pools are named; \
                 indent it below the pool it belongs to"
            ),
            Self::EmptyValue { key } => {
                write!(f, "'{key}' has no value; give it one or leave the key out")
            }
            Self::EmptyItem => f.write_str("an item of the list is empty"),
            Self::ItemNotText => f.write_str(
                "a server is one line of text, \
                 'host:port:weight [name]' or '/path:weight [name]'",
            ),
            Self::NestedMapping { key } => write!(
                f,
                "'{key}' has keys of its own below it; the keys of a pool have plain values"
            ),
            Self::ListNotServers { key } => {
                write!(f, "'{key}' has a list as its value; only 'servers' takes one")
            }
            Self::ServersNotList => f.write_str(
                "'servers' is not a list; write one server a \
                 line below it, each after a dash and a space",
            ),

            Self::UnknownKey { found, nearest, keys } => {
                write!(f, "no key is called '{found}'")?;
                choices(f, *nearest, "keys", keys)
            }
            Self::UnknownGlobalKey { found, nearest, keys } => {
                write!(f, "'global', unless it is a pool with 'listen', has no key '{found}'")?;
                choices(f, *nearest, "keys", keys)
            }
            Self::DuplicateKey { key, first_line } => {
                write!(f, "'{key}' is a duplicate; line {first_line} has it already")
            }
            Self::MissingListen => f.write_str(
                "'listen' is missing; it is the address clients \
                 connect to, 'host:port' or '/path'",
            ),
            Self::MissingServers => f.write_str(
                "the pool has no servers; list them under \
                 'servers:', one '- host:port:weight' a line",
            ),
            Self::UnknownHash { found, nearest } => {
                write!(f, "no hash is called '{found}'")?;
                choices(f, *nearest, "names", &HashKind::NAMES)
            }
            Self::UnknownDistribution { found, nearest } => {
                write!(f, "no distribution is called '{found}'")?;
                choices(f, *nearest, "names", &DistributionKind::NAMES)
            }
            Self::UnknownMultiError { found } => {
                write!(f, "'multi_error' is 'fail' or 'partial', not '{found}'")
            }
            Self::HashTag { found } => write!(
                f,
                "'hash_tag' is exactly two characters, as in \"{{}}\"; '{found}' is {} bytes",
                found.len()
            ),
            Self::NotANumber { key, found } => {
                write!(f, "'{key}' is a number, digits only; '{found}' is not a number")
            }
            Self::NumberTooLarge { key, found } => write!(
                f,
                "'{key}' is not a number above {}; {found} is too large",
                limits::NUMBER_MAX
            ),
            Self::NotABool { key, found } => {
                write!(f, "'{key}' is either true or false, in lower case; '{found}' is neither")
            }
            Self::NotAWord { key, found, words } => {
                write!(f, "'{key}' is one of {}; '{found}' is none", words.join(", "))
            }
            Self::ZeroServerConnections => f.write_str("'server_connections' cannot be 0"),
            Self::Command { item, why } => {
                write!(f, "'commands' cannot add '{item}': {why}")
            }
            Self::CommandsWithoutRedis => f.write_str(
                "'commands' is only valid for a Redis pool; add 'redis: true' or leave it out",
            ),
            Self::AuthWithoutRedis => f.write_str(
                "'redis_auth' is only valid for a Redis pool; \
                 add 'redis: true' or leave it out",
            ),
            Self::Microseconds { key, found, max } => write!(
                f,
                "'{key}' is a number of microseconds from 0, for never, to {max}, and not '{found}'"
            ),
            Self::Bytes { key, found, min, max } => write!(
                f,
                "'{key}' is a number of bytes from {min} to {max}, with k, m or g behind it for larger \
                 units; '{found}' is not"
            ),
            Self::ZeroClientRequests => f.write_str(
                "'client_requests_max' is at least 1: with 0 no request could ever be sent",
            ),
            Self::Retries { found } => {
                let most = limits::RETRIES_MAX;
                write!(f, "'retries' is a number from 0 to {most}; {found} is not")
            }
            Self::Databases { found } => write!(
                f,
                "'databases' is a number from {} to {}; {found} is not",
                limits::DATABASES.start(),
                limits::DATABASES.end()
            ),
            Self::MemoryMax { found } => write!(
                f,
                "'memory_max' is 'auto' for half of the machine's memory, 0 for no limit, or a number \
                 of bytes of at least {}, with k, m or g behind it for larger units; '{found}' is none \
                 of these",
                limits::MEMORY_MAX.start()
            ),
            Self::Workers { found } => write!(
                f,
                "'workers' is 'auto' or a number from 1 to {}; '{found}' is neither",
                limits::WORKERS_MAX
            ),

            Self::ListenForm { found } => {
                write!(f, "'listen' is 'host:port' or '/path [permissions]'; '{found}' has no port")
            }
            Self::ListenPort { found } => {
                write!(f, "'listen' has a port from 1 to 65535; '{found}' is not a valid port")
            }
            Self::ListenHostEmpty => f.write_str(
                "'listen' has no host before the port; \
                 0.0.0.0 is every address of this machine",
            ),
            Self::ListenBrackets { host } => write!(
                f,
                "'{host}' is no host: IPv6 addresses are written without brackets, \
                 as in ::1:22121"
            ),
            Self::ImpossibleIpv4 { host, number } => {
                write!(f, "no such address: {host} has {number}, and 255 is the largest it can be")
            }
            Self::Unresolved { host, reason } => {
                write!(f, "the host '{host}' has no address: {reason}")
            }
            Self::UnixPathLong { bytes } => write!(
                f,
                "the path has {bytes} bytes; a unix socket's has at most {}",
                limits::UNIX_PATH_BYTES_MAX
            ),
            Self::UnixMode { found } => {
                write!(f, "'{found}' are no permissions of a socket; they are octal, 0777 at most")
            }
            Self::ServerForm { found } => write!(
                f,
                "'{found}' is no server; write host:port:weight [name] or /path:weight [name]"
            ),
            Self::ServerPort { found } => {
                write!(f, "a server has a port from 1 to 65535; '{found}' is not a valid port")
            }
            Self::ServerWeight { found } => write!(
                f,
                "the weight, after the last colon, is a number from 1 to {}; '{found}' is not; \
                 a name after it is one word, one space away",
                limits::NUMBER_MAX
            ),
            Self::ServerZeroWeight => f.write_str(
                "a server's weight cannot be zero; \
                 leave the server out instead",
            ),
            Self::DuplicateServer { name, first_line } => write!(
                f,
                "line {first_line} has a server of the same name, '{name}'; \
                 give one of them a name of its own"
            ),

            Self::DuplicatePool { first_line } => {
                write!(f, "line {first_line} has the same name already")
            }
            Self::SameListen { other, text, first_line } => write!(
                f,
                "pool '{other}' on line {first_line} has the same listen address, '{text}'"
            ),

            Self::ModeIgnored { found } => write!(
                f,
                "'{found}' are no octal permissions; the digits up to the first other \
                 character count, and none leave the socket as the umask makes it"
            ),
            Self::ListenAsterisk => f.write_str(
                "'*' is the loopback address alone, ::1 or, without IPv6, 127.0.0.1; \
                 0.0.0.0 is every address of this machine",
            ),
            Self::DatabaseWithoutRedis => {
                f.write_str("'redis_db' has no effect in a memcached pool")
            }
            Self::DatabasesWithoutRedis => {
                f.write_str("'databases' has no effect in a memcached pool")
            }
            Self::MetaCommandsWithRedis => {
                f.write_str("'meta_commands' has no effect in a Redis pool")
            }
        }
    }
}

/// Ends a message about an unknown name with the nearest one and all of them.
fn choices(
    f: &mut fmt::Formatter<'_>,
    nearest: Option<&str>,
    noun: &str,
    names: &[&str],
) -> fmt::Result {
    if let Some(nearest) = nearest {
        write!(f, "; did you mean '{nearest}'?")?;
        return write!(f, " (the {noun} are {})", names.join(", "));
    }
    write!(f, "; the {noun} are {}", names.join(", "))
}
