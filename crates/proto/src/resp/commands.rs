//! The table of Redis commands, and how a name finds its row.

use crate::command::Arity::{self, AtLeast, Between, Exactly, Pairs};
use crate::command::Keys::{self, Counted, Each, EachPair, First};
use crate::command::Travel::{self, Anywhere, Here, OneServer, Refused, Split};
use crate::command::{Command, Local};
use crate::gather::Gather;
use Effect::{Once, Read, Write};

/// The commands served, sorted by name.
///
/// They are the original's (`redis_parse_req`), with its number of arguments, but for these: a
/// number of keys leads to the key behind it (`EVAL`, `ZUNION` and their like) and may be zero,
/// and `EXISTS` is split. What clients say about themselves is answered by the proxy. A number of arguments that the original passes on, for a server to
/// refuse, is passed on here.
#[rustfmt::skip]
pub static COMMANDS: &[Command] = &[
    //  name                  arguments   keys        travel                    effect
    row("append",             Exactly(2), First,      OneServer,                Write),
    row("asking",             Exactly(0), Keys::None, Here(Local::Cluster),     Read),
    row("auth",               Between(1, 2), Keys::None, Here(Local::Authenticate), Read),
    row("bitcount",           AtLeast(1), First,      OneServer,                Read),
    row("bitfield",           AtLeast(1), First,      OneServer,                Write),
    row("bitpos",             AtLeast(1), First,      OneServer,                Read),
    row("client",             AtLeast(1), Keys::None, Here(Local::Client),      Read),
    row("cluster",            AtLeast(1), Keys::None, Here(Local::Cluster),     Read),
    row("command",            AtLeast(0), Keys::None, Here(Local::Command),     Read),
    row("config",             AtLeast(1), Keys::None, Here(Local::Config),      Read),
    row("copy",               AtLeast(1), First,      OneServer,                Write),
    row("decr",               Exactly(1), First,      OneServer,                Write),
    row("decrby",             Exactly(2), First,      OneServer,                Write),
    row("del",                AtLeast(1), Each,       Split(Gather::Sum),       Write),
    row("dump",               Exactly(1), First,      OneServer,                Read),
    row("echo",               Exactly(1), Keys::None, Here(Local::Echo),        Read),
    row("eval",               AtLeast(2), Counted(1), OneServer,                Write),
    row("evalsha",            AtLeast(2), Counted(1), OneServer,                Write),
    row("exists",             AtLeast(1), Each,       Split(Gather::Sum),       Read),
    row("expire",             Exactly(2), First,      OneServer,                Write),
    row("expireat",           Exactly(2), First,      OneServer,                Write),
    row("geoadd",             AtLeast(1), First,      OneServer,                Write),
    row("geodist",            AtLeast(1), First,      OneServer,                Read),
    row("geohash",            AtLeast(1), First,      OneServer,                Read),
    row("geopos",             AtLeast(1), First,      OneServer,                Read),
    row("georadius",          AtLeast(1), First,      OneServer,                Write),
    row("georadiusbymember",  AtLeast(1), First,      OneServer,                Write),
    row("geosearch",          AtLeast(1), First,      OneServer,                Read),
    row("geosearchstore",     AtLeast(1), First,      OneServer,                Write),
    row("get",                Exactly(1), First,      OneServer,                Read),
    row("getbit",             Exactly(2), First,      OneServer,                Read),
    row("getdel",             Exactly(1), First,      OneServer,                Write),
    row("getex",              AtLeast(1), First,      OneServer,                Write),
    row("getrange",           Exactly(3), First,      OneServer,                Read),
    row("getset",             Exactly(2), First,      OneServer,                Write),
    row("hdel",               AtLeast(1), First,      OneServer,                Write),
    row("hello",              AtLeast(0), Keys::None, Here(Local::Hello),       Read),
    row("hexists",            Exactly(2), First,      OneServer,                Read),
    row("hget",               Exactly(2), First,      OneServer,                Read),
    row("hgetall",            Exactly(1), First,      OneServer,                Read),
    row("hincrby",            Exactly(3), First,      OneServer,                Write),
    row("hincrbyfloat",       Exactly(3), First,      OneServer,                Write),
    row("hkeys",              Exactly(1), First,      OneServer,                Read),
    row("hlen",               Exactly(1), First,      OneServer,                Read),
    row("hmget",              AtLeast(1), First,      OneServer,                Read),
    row("hmset",              AtLeast(1), First,      OneServer,                Once),
    row("hrandfield",         AtLeast(1), First,      OneServer,                Read),
    row("hscan",              AtLeast(1), First,      OneServer,                Read),
    row("hset",               AtLeast(1), First,      OneServer,                Write),
    row("hsetnx",             Exactly(3), First,      OneServer,                Write),
    row("hstrlen",            Exactly(2), First,      OneServer,                Read),
    row("hvals",              Exactly(1), First,      OneServer,                Read),
    row("incr",               Exactly(1), First,      OneServer,                Write),
    row("incrby",             Exactly(2), First,      OneServer,                Write),
    row("incrbyfloat",        Exactly(2), First,      OneServer,                Write),
    row("info",               AtLeast(0), Keys::None, Here(Local::Info),        Read),
    row("lindex",             Exactly(2), First,      OneServer,                Read),
    row("linsert",            Exactly(4), First,      OneServer,                Write),
    row("llen",               Exactly(1), First,      OneServer,                Read),
    row("lmove",              Exactly(4), First,      OneServer,                Write),
    row("lolwut",             AtLeast(0), Keys::None, Anywhere,                 Read),
    row("lpop",               AtLeast(1), First,      OneServer,                Write),
    row("lpos",               AtLeast(1), First,      OneServer,                Read),
    row("lpush",              AtLeast(1), First,      OneServer,                Write),
    row("lpushx",             AtLeast(1), First,      OneServer,                Write),
    row("lrange",             Exactly(3), First,      OneServer,                Read),
    row("lrem",               Exactly(3), First,      OneServer,                Write),
    row("lset",               Exactly(3), First,      OneServer,                Once),
    row("ltrim",              Exactly(3), First,      OneServer,                Write),
    row("mget",               AtLeast(1), Each,       Split(Gather::Array),     Read),
    row("move",               Exactly(2), First,      Refused(MOVE_REFUSED),    Write),
    row("mset",               Pairs,      EachPair,   Split(Gather::Status),    Once),
    row("persist",            Exactly(1), First,      OneServer,                Write),
    row("pexpire",            Exactly(2), First,      OneServer,                Write),
    row("pexpireat",          Exactly(2), First,      OneServer,                Write),
    row("pfadd",              AtLeast(1), First,      OneServer,                Write),
    row("pfcount",            AtLeast(1), First,      OneServer,                Read),
    row("pfmerge",            AtLeast(1), First,      OneServer,                Once),
    row("ping",               Between(0, 1), Keys::None, Here(Local::Ping),        Read),
    row("psetex",             Exactly(3), First,      OneServer,                Write),
    row("pttl",               Exactly(1), First,      OneServer,                Read),
    row("quit",               Exactly(0), Keys::None, Here(Local::Quit),        Read),
    row("readonly",           Exactly(0), Keys::None, Here(Local::Cluster),     Read),
    row("readwrite",          Exactly(0), Keys::None, Here(Local::Cluster),     Read),
    row("reset",              Exactly(0), Keys::None, Here(Local::Reset),       Read),
    row("restore",            AtLeast(1), First,      OneServer,                Write),
    row("rpop",               AtLeast(1), First,      OneServer,                Write),
    row("rpoplpush",          Exactly(2), First,      OneServer,                Write),
    row("rpush",              AtLeast(1), First,      OneServer,                Write),
    row("rpushx",             AtLeast(1), First,      OneServer,                Write),
    row("sadd",               AtLeast(1), First,      OneServer,                Write),
    row("scard",              Exactly(1), First,      OneServer,                Read),
    row("sdiff",              AtLeast(1), First,      OneServer,                Read),
    row("sdiffstore",         AtLeast(1), First,      OneServer,                Write),
    row("select",             Exactly(1), Keys::None, Here(Local::Select),      Read),
    row("set",                AtLeast(1), First,      OneServer,                Write),
    row("setbit",             Exactly(3), First,      OneServer,                Write),
    row("setex",              Exactly(3), First,      OneServer,                Write),
    row("setnx",              Exactly(2), First,      OneServer,                Write),
    row("setrange",           Exactly(3), First,      OneServer,                Once),
    row("sinter",             AtLeast(1), First,      OneServer,                Read),
    row("sinterstore",        AtLeast(1), First,      OneServer,                Once),
    row("sismember",          Exactly(2), First,      OneServer,                Read),
    row("smembers",           Exactly(1), First,      OneServer,                Read),
    row("smismember",         AtLeast(1), First,      OneServer,                Read),
    row("smove",              Exactly(3), First,      OneServer,                Write),
    row("sort",               AtLeast(1), First,      OneServer,                Write),
    row("spop",               AtLeast(1), First,      OneServer,                Write),
    row("srandmember",        AtLeast(1), First,      OneServer,                Read),
    row("srem",               AtLeast(1), First,      OneServer,                Write),
    row("sscan",              AtLeast(1), First,      OneServer,                Read),
    row("strlen",             Exactly(1), First,      OneServer,                Read),
    row("sunion",             AtLeast(1), First,      OneServer,                Read),
    row("sunionstore",        AtLeast(1), First,      OneServer,                Once),
    row("time",               Exactly(0), Keys::None, Here(Local::Time),        Read),
    row("touch",              AtLeast(1), Each,       Split(Gather::Sum),       Read),
    row("ttl",                Exactly(1), First,      OneServer,                Read),
    row("type",               Exactly(1), First,      OneServer,                Read),
    row("unlink",             AtLeast(1), Each,       Split(Gather::Sum),       Write),
    row("zadd",               AtLeast(1), First,      OneServer,                Write),
    row("zcard",              Exactly(1), First,      OneServer,                Read),
    row("zcount",             Exactly(3), First,      OneServer,                Read),
    row("zdiff",              AtLeast(2), Counted(0), OneServer,                Read),
    row("zdiffstore",         AtLeast(1), First,      OneServer,                Write),
    row("zincrby",            Exactly(3), First,      OneServer,                Write),
    row("zinter",             AtLeast(2), Counted(0), OneServer,                Read),
    row("zinterstore",        AtLeast(1), First,      OneServer,                Write),
    row("zlexcount",          Exactly(3), First,      OneServer,                Read),
    row("zmscore",            AtLeast(1), First,      OneServer,                Read),
    row("zpopmax",            AtLeast(1), First,      OneServer,                Write),
    row("zpopmin",            AtLeast(1), First,      OneServer,                Write),
    row("zrandmember",        AtLeast(1), First,      OneServer,                Read),
    row("zrange",             AtLeast(1), First,      OneServer,                Read),
    row("zrangebylex",        AtLeast(1), First,      OneServer,                Read),
    row("zrangebyscore",      AtLeast(1), First,      OneServer,                Read),
    row("zrangestore",        AtLeast(1), First,      OneServer,                Write),
    row("zrank",              Exactly(2), First,      OneServer,                Read),
    row("zrem",               AtLeast(1), First,      OneServer,                Write),
    row("zremrangebylex",     Exactly(3), First,      OneServer,                Write),
    row("zremrangebyrank",    Exactly(3), First,      OneServer,                Write),
    row("zremrangebyscore",   Exactly(3), First,      OneServer,                Write),
    row("zrevrange",          AtLeast(1), First,      OneServer,                Read),
    row("zrevrangebylex",     AtLeast(1), First,      OneServer,                Read),
    row("zrevrangebyscore",   AtLeast(1), First,      OneServer,                Read),
    row("zrevrank",           Exactly(2), First,      OneServer,                Read),
    row("zscan",              AtLeast(1), First,      OneServer,                Read),
    row("zscore",             Exactly(2), First,      OneServer,                Read),
    row("zunion",             AtLeast(2), Counted(0), OneServer,                Read),
    row("zunionstore",        AtLeast(1), First,      OneServer,                Write),
];

/// Why there is no `MOVE`: the original knows the name and closes the connection.
const MOVE_REFUSED: &str = "MOVE is not served: a pool reaches one database";

/// What a command does to data.
enum Effect {
    /// Nothing. Reads that draw a member at random count as repeatable: one draw is as good as
    /// another.
    Read,
    /// Changes it, and a second time may change it again, or answer otherwise. A command whose
    /// options can make it so counts here, as does one that starts a time to live anew.
    Write,
    /// Changes it, once: a second time changes nothing more, and the answer is the same.
    Once,
}

const fn row(
    name: &'static str,
    arity: Arity,
    keys: Keys,
    travel: Travel,
    effect: Effect,
) -> Command {
    let (writes, repeatable) = match effect {
        Read => (false, true),
        Write => (true, false),
        Once => (true, true),
    };
    Command { name, arity, keys, travel, writes, repeatable }
}

/// The row of the command called `name`, whatever the case of its letters.
///
/// A few ns: the name in two words, a hash of them, a look at the slot it gives, and one compare.
#[inline]
pub(super) fn lookup(name: &[u8]) -> Option<&'static Command> {
    let folded = Folded::of(name);
    let mut slot = folded.slot();
    loop {
        let row = usize::from(SLOTS[slot]).checked_sub(1)?;
        if NAMES[row] == folded {
            let command = &COMMANDS[row];
            // The two words hold a name of up to 16 bytes; one row has a longer one.
            let all = folded.len <= 16 || command.name.as_bytes().eq_ignore_ascii_case(name);
            return all.then_some(command);
        }
        slot = (slot + 1) % SLOTS.len();
    }
}

/// A name in small letters: its length, its first bytes and its last, which overlap or meet in a
/// name of up to 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Folded {
    first: u64,
    last: u64,
    len: usize,
}

impl Folded {
    #[inline]
    const fn of(name: &[u8]) -> Self {
        let (first, last) =
            if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
                (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
            } else if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
                (u32::from_le_bytes(*first) as u64, u32::from_le_bytes(*last) as u64)
            } else if let [first, .., last] = name {
                (*first as u64 | (name[1] as u64) << 8, *last as u64)
            } else {
                // No command has a name of one letter.
                (0, 0)
            };
        Self { first: small_letters(first), last: small_letters(last), len: name.len() }
    }

    /// The slot at which the search for this name begins.
    #[inline]
    const fn slot(self) -> usize {
        let mixed = self.first ^ self.last.rotate_left(28);
        // Multiplied, so that every bit has a say in the upper ones.
        (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as usize
    }
}

/// Eight bytes with capitals made small, and nothing else changed.
#[inline]
const fn small_letters(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Seven bits a byte, so that no sum reaches the next byte: the eighth says "from A on" and
    // "behind Z".
    let low = word & (0x7F * ONES);
    let from_a = low + (0x80 - b'A' as u64) * ONES;
    let behind_z = low + (0x7F - b'Z' as u64) * ONES;
    let capitals = from_a & !behind_z & !word & (0x80 * ONES);
    word | capitals >> 2
}

/// The names of [`COMMANDS`], row by row, as a search compares them.
static NAMES: [Folded; COMMANDS.len()] = {
    let mut names = [Folded::of(b""); COMMANDS.len()];
    let mut row = 0;
    while row < COMMANDS.len() {
        names[row] = Folded::of(COMMANDS[row].name.as_bytes());
        row += 1;
    }
    names
};

/// Where each name is: one more than the number of its row, 0 where nothing is. A name that finds
/// its slot taken has the next free one.
static SLOTS: [u8; 1024] = {
    let mut slots = [0; 1024];
    let mut row = 0;
    while row < COMMANDS.len() {
        let mut at = Folded::of(COMMANDS[row].name.as_bytes()).slot();
        while slots[at] != 0 {
            at = (at + 1) % slots.len();
        }
        row += 1;
        slots[at] = row as u8;
    }
    slots
};

const _: () = assert!(COMMANDS.len() <= u8::MAX as usize, "a slot is one byte");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_are_sorted_by_name_and_no_name_is_there_twice() {
        for pair in COMMANDS.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} then {}", pair[0].name, pair[1].name);
        }
    }

    #[test]
    fn every_command_is_found_by_its_name_in_any_case() {
        for command in COMMANDS {
            let capitals = command.name.to_ascii_uppercase();
            let mixed: String = command
                .name
                .chars()
                .enumerate()
                .map(|(i, c)| if i % 2 == 0 { c.to_ascii_uppercase() } else { c })
                .collect();
            for name in [command.name, &capitals, &mixed] {
                let found = lookup(name.as_bytes()).map(|command| command.name);
                assert_eq!(found, Some(command.name), "{name}");
            }
        }
    }

    #[test]
    fn only_capitals_are_made_small() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let mut bytes = [0xC1; 8];
                bytes[place] = byte;
                let mut small = bytes;
                small[place] = byte.to_ascii_lowercase();
                assert_eq!(small_letters(u64::from_le_bytes(bytes)).to_le_bytes(), small);
            }
        }
    }

    #[test]
    fn a_name_that_is_near_a_command_is_none() {
        for command in COMMANDS {
            let name = command.name.as_bytes();
            for at in 0..name.len() {
                let mut near = name.to_vec();
                // What only the bit of capitals would tell apart, and a byte that is no letter.
                for byte in [name[at] ^ 0x80, name[at] ^ 0x40, 0] {
                    near[at] = byte;
                    assert_eq!(lookup(&near), None, "{}", near.escape_ascii());
                }
            }
            assert_eq!(lookup(&[name, b"\0"].concat()), None);
            assert_eq!(lookup(&[name, b" "].concat()), None);
        }
        for name in [&b""[..], b"g", b"ge", b"@et", b"no_such_command_of_any_kind"] {
            assert_eq!(lookup(name), None, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn a_search_looks_at_few_slots() {
        let mut run = 0;
        for row in SLOTS.iter().chain(&SLOTS) {
            run = if *row == 0 { 0 } else { run + 1 };
            assert!(run <= 6, "six names in a row make every search among them slow");
        }
        let at_home = COMMANDS
            .iter()
            .enumerate()
            .filter(|(row, command)| {
                usize::from(SLOTS[Folded::of(command.name.as_bytes()).slot()]) == row + 1
            })
            .count();
        assert!(at_home * 10 >= COMMANDS.len() * 9, "{at_home} of {} at home", COMMANDS.len());
    }

    /// Answered by the proxy itself, and of the last three in more forms than the original has.
    const ANSWERED_HERE: &str = "asking client cluster config echo hello info readonly readwrite \
                                 reset select time auth command ping";

    /// The original's table by class: what may follow the name.
    const OF_THE_ORIGINAL: &[(Arity, &str)] = &[
        (Exactly(0), "quit"),
        (AtLeast(0), "lolwut"),
        (
            Exactly(1),
            "persist pttl ttl type dump decr get getdel incr strlen hgetall hkeys hlen hvals llen \
             scard smembers zcard",
        ),
        (
            Exactly(2),
            "expire expireat pexpire pexpireat move append decrby getbit getset incrby \
             incrbyfloat setnx hexists hget hstrlen lindex rpoplpush sismember zrank zrevrank \
             zscore",
        ),
        (
            Exactly(3),
            "getrange psetex setbit setex setrange hincrby hincrbyfloat hsetnx lrange lrem lset \
             ltrim smove zcount zlexcount zincrby zremrangebylex zremrangebyrank zremrangebyscore",
        ),
        (Exactly(4), "linsert lmove"),
        (
            AtLeast(1),
            "sort copy bitcount bitpos bitfield exists getex set hdel hmget hmset hscan hset \
             hrandfield lpush lpushx rpush rpushx lpop rpop lpos sadd sdiff sdiffstore sinter \
             sinterstore srem sunion sunionstore srandmember sscan spop smismember pfadd pfmerge \
             pfcount zadd zdiffstore zinterstore zmscore zpopmax zpopmin zrandmember zrange \
             zrangebylex zrangebyscore zrangestore zrem zrevrange zrevrangebylex zrevrangebyscore \
             zscan zunionstore geodist geopos geohash geoadd georadius georadiusbymember geosearch \
             geosearchstore restore mget del unlink touch",
        ),
        (Pairs, "mset"),
        // One argument more than the original asks of a sorted set's command (it passes on what a
        // server refuses in the same words), and one less than it asks of a script: no key.
        (AtLeast(2), "eval evalsha zunion zinter zdiff"),
    ];

    #[test]
    fn the_table_has_the_commands_of_the_original_and_what_is_answered_here() {
        let mut seen = 0;
        for (arity, names) in OF_THE_ORIGINAL {
            for name in names.split(' ') {
                let command = lookup(name.as_bytes()).unwrap_or_else(|| panic!("no row {name}"));
                assert_eq!(command.arity, *arity, "{name}");
                seen += 1;
            }
        }
        for name in ANSWERED_HERE.split(' ') {
            let command = lookup(name.as_bytes()).unwrap_or_else(|| panic!("no row {name}"));
            assert!(matches!(command.travel, Here(_)), "{name}");
            seen += 1;
        }
        assert_eq!(seen, COMMANDS.len());
    }

    #[test]
    fn every_row_agrees_with_itself() {
        for command in COMMANDS {
            let Command { name, arity, keys, travel, writes, repeatable } = command;
            assert!(*writes || *repeatable, "{name}: what changes nothing can be repeated");
            let keyed = match keys {
                Keys::None => 0,
                First | Each => 1,
                EachPair => 2,
                Counted(n) => n + 1,
            };
            assert!(
                (0..keyed).all(|arguments| !arity.allows(arguments)),
                "{name}: a number of arguments is allowed that has no place for the key"
            );
            match travel {
                OneServer | Refused(_) => assert_ne!(*keys, Keys::None, "{name}"),
                Split(_) => assert!(matches!(keys, Each | EachPair), "{name}"),
                Anywhere | Here(_) => assert_eq!(*keys, Keys::None, "{name}"),
                _ => {}
            }
        }
    }
}
