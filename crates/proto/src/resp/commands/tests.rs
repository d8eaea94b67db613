//! The rows agree with themselves, with the original, and with what a server says of its own.

use super::super::kinds::kind;
use super::super::lookup::lookup;
use super::super::subcommands;
use super::*;

/// The rows of all containers, with the container's.
fn subcommand_rows() -> impl Iterator<Item = (&'static Command, &'static Command)> {
    COMMANDS.iter().flat_map(|container| match container.keys {
        Subcommand(rows) => rows.iter().map(move |row| (container, row)).collect(),
        _ => Vec::new(),
    })
}

#[test]
fn the_rows_are_sorted_by_name_and_no_name_is_there_twice() {
    for pair in COMMANDS.windows(2) {
        assert!(pair[0].name < pair[1].name, "{} then {}", pair[0].name, pair[1].name);
    }
    for container in COMMANDS {
        let Subcommand(rows) = container.keys else { continue };
        for pair in rows.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} then {}", pair[0].name, pair[1].name);
        }
    }
}

#[test]
fn a_subcommand_is_found_by_its_name_in_any_case_and_belongs_to_its_command() {
    for (container, row) in subcommand_rows() {
        let Subcommand(rows) = container.keys else { unreachable!() };
        let (name, subcommand) = row.name.split_once('|').expect("two names");
        assert_eq!(name, container.name);
        for text in [subcommand, &subcommand.to_ascii_uppercase()] {
            assert_eq!(subcommands::find(rows, text.as_bytes()), Some(row));
        }
        assert_eq!(subcommands::find(rows, &subcommand.as_bytes()[1..]), None);
    }
    assert_eq!(subcommand_rows().count(), 43);
}

/// The original's table by class: what may follow the name.
const OF_THE_ORIGINAL: &[(Arity, &str)] = &[
    (
        Exactly(1),
        "persist pttl ttl type dump decr get getdel incr strlen hgetall hkeys hlen hvals llen \
         scard smembers zcard",
    ),
    (
        Exactly(2),
        "move append decrby getbit getset incrby incrbyfloat setnx hexists hget hstrlen lindex \
         rpoplpush sismember zscore",
    ),
    (
        Exactly(3),
        "getrange psetex setbit setex setrange hincrby hincrbyfloat hsetnx lrange lrem lset \
         ltrim smove zcount zlexcount zincrby zremrangebylex zremrangebyrank zremrangebyscore",
    ),
    (Exactly(4), "linsert lmove"),
    (
        AtLeast(1),
        "sort bitcount bitpos bitfield exists getex set hdel hmget hmset hscan hset hrandfield \
         lpush lpushx rpush rpushx lpop rpop lpos sadd sdiff sdiffstore sinter sinterstore srem \
         sunion sunionstore srandmember sscan spop smismember pfadd pfmerge pfcount zadd zmscore \
         zpopmax zpopmin zrandmember zrange zrangebylex zrangebyscore zrem zrevrange \
         zrevrangebylex zrevrangebyscore zscan geodist geopos geohash geoadd georadius \
         georadiusbymember geosearch restore mget del unlink touch",
    ),
    (Pairs, "mset"),
    // Each of these takes more here, or another number of keys, than with the original.
    (Between(0, 1), "ping"),
    (AtLeast(1), "auth"),
    (AtLeast(0), "quit"),
    (AtLeast(0), "command lolwut"),
    (AtLeast(2), "expire expireat pexpire pexpireat zrank zrevrank"),
    (AtLeast(2), "eval evalsha zunion zinter zdiff"),
    // And of these it passes on what a server refuses, where there is no place for all keys.
    (AtLeast(2), "copy"),
    (AtLeast(3), "zdiffstore zinterstore zunionstore"),
    (AtLeast(4), "zrangestore"),
    (AtLeast(7), "geosearchstore"),
];

#[test]
fn the_table_has_the_commands_of_the_original() {
    let mut seen = 0;
    for (arity, names) in OF_THE_ORIGINAL {
        for name in names.split(' ') {
            let command = lookup(name.as_bytes()).unwrap_or_else(|| panic!("no row {name}"));
            assert_eq!(command.arity, *arity, "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, 137, "as many as the original has");
}

#[test]
fn every_row_agrees_with_itself() {
    let of_containers = subcommand_rows().map(|(_, row)| row);
    for command in COMMANDS.iter().chain(of_containers) {
        let Command { name, arity, keys, travel, writes, repeatable, kinds } = command;
        assert!(*writes || *repeatable, "{name}: what changes nothing can be repeated");
        assert!(kinds.contain(kind(b"-ERR x\r\n")), "{name}: anything may fail");
        let is_known =
            !matches!(travel, Here(_) | Refused(_) | Subscription(_) | Scripted(Body | Digest));
        assert!(is_known || *kinds == Kinds::ANY, "{name}: nobody knows, or nobody asks");
        // Behind some subcommands there may be channels or none.
        let may_be_empty = name.starts_with("pubsub|");
        let keyed = match keys {
            Keys::None => 0,
            First | Each | SortStore | GeoStore | Subcommand(_) => 1,
            EachPair => 2,
            Keys::Range { last: 0.., .. } if may_be_empty => 0,
            Keys::Range { last: ..0, .. } if may_be_empty => 1,
            Keys::Range { first, last, .. } if *last < 0 => first + last.unsigned_abs(),
            Keys::Range { last, .. } => last.unsigned_abs() + 1,
            Counted { number, step, .. } => number + step,
            StoreCounted => 3,
            Streams => 3,
        };
        assert!(
            (0..keyed).all(|arguments| !arity.allows(arguments)),
            "{name}: a number of arguments is allowed that has no place for the keys"
        );
        match travel {
            OneServer | Sorted | Audience(_) => assert_ne!(*keys, Keys::None, "{name}"),
            Split(_) => assert!(matches!(keys, Each | EachPair), "{name}"),
            Anywhere => assert!(matches!(keys, Keys::None | Subcommand(_)), "{name}"),
            Blocking(_) => assert_ne!(*keys, Keys::None, "{name}"),
            Here(_) | AllServers(_) | Flush | Scan | Subscription(_) => {
                assert_eq!(*keys, Keys::None, "{name}");
            }
            Refused(reason) => {
                assert!(*keys == Keys::None || *name == "move", "{name}");
                assert!(reason.contains("not served"), "{name}");
            }
            Scripted(_) | Transaction(_) => {}
        }
        if name.contains('|') {
            let by_place = matches!(keys, Keys::None | Keys::Range { first: 1, .. });
            assert!(by_place, "{name}: argument 0 is the subcommand");
        }
    }
}

#[test]
fn a_command_is_answered_with_what_servers_have_for_it_and_with_nothing_else() {
    let all = [
        "+OK",
        ":1",
        "$1\r\na",
        "=5\r\ntxt:a",
        "$-1",
        "*-1",
        "_",
        ",1.5",
        "#t",
        "(12",
        "*1\r\n:1",
        "~1\r\n:1",
        "%1\r\n:1\r\n:1",
    ];
    for (line, fitting) in [
        ("get", "$1 =5 $-1 *-1 _"),
        ("set", "+OK $1 =5 $-1 *-1 _"),
        ("mset", "+OK"),
        ("incr", ":1 #t"),
        ("exists", ":1 #t"),
        ("incrbyfloat", "$1 =5 $-1 *-1 _ ,1.5"),
        ("zscore", "$1 =5 $-1 *-1 _ ,1.5"),
        ("zadd", ":1 #t $1 =5 $-1 *-1 _ ,1.5"),
        ("mget", "*1 ~1 %1 $-1 *-1 _"),
        ("smembers", "*1 ~1 %1 $-1 *-1 _"),
        ("hgetall", "*1 ~1 %1 $-1 *-1 _"),
        ("blpop", "*1 ~1 %1 $-1 *-1 _"),
        ("exec", "*1 ~1 %1 $-1 *-1 _"),
        ("lpop", "$1 =5 *1 ~1 %1 $-1 *-1 _"),
        ("zrank", ":1 #t *1 ~1 %1 $-1 *-1 _"),
        ("memory usage", ":1 #t $-1 *-1 _"),
        ("eval", "+OK :1 $1 =5 $-1 *-1 _ ,1.5 #t (12 *1 ~1 %1"),
    ] {
        let (name, subcommand) = line.split_once(' ').unwrap_or((line, ""));
        let row = lookup(name.as_bytes()).expect(name);
        let row = match row.keys {
            Subcommand(rows) => subcommands::find(rows, subcommand.as_bytes()).expect(line),
            _ => row,
        };
        for response in all {
            let head = response.split('\r').next().expect("a line");
            let fits = fitting.split(' ').any(|fitting| fitting == head);
            let whole = format!("{response}\r\n");
            assert_eq!(row.kinds.contain(kind(whole.as_bytes())), fits, "{line}: {response:?}");
            let described = format!("|1\r\n+a\r\n-b\r\n{whole}");
            assert_eq!(
                row.kinds.contain(kind(described.as_bytes())),
                fits,
                "{line}: {described:?}"
            );
        }
    }
}
