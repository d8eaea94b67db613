//! What good requests look like: every command of the original's table, in every form that its
//! replies can be compared in.
//!
//! A form is words, as `form.rs` says. Those that begin with `@` are drawn:
//!
//! | word | is |
//! |---|---|
//! | `@s @i @l @h @e @n @z @p @g` | a key of strings, integers, lists, hashes, sets, sets of integers, sorted sets, HyperLogLogs, places |
//! | `@r` | a key of sets that members are drawn from at random |
//! | `@y` | a key of sorted sets whose scores are all 0: of others the order by name is left to chance |
//! | `@k` | a key of any sort but `@r` and `@y` |
//! | `@v @w` | a value of any size, a small one |
//! | `@m` | a member or field, of a dozen |
//! | `@q` | a member that is never drawn again |
//! | `@d @o @u @f` | a small integer with a sign, an offset, a score, a number with a fraction |
//! | `@t` | a time to live, seconds or milliseconds, long enough or past |
//!
//! Now and then a key is one of another sort, so errors are compared as well.

use crate::soak::stream::Mode;

/// The forms. A command that is here twice is drawn twice as often.
#[rustfmt::skip]
pub(super) const FORMS: &[&str] = &[
    // Strings.
    "APPEND @s @v", "BITCOUNT @s", "BITCOUNT @s @d @d [ BYTE|BIT ]?", "BITPOS @s 0|1 [ @d ]?",
    "BITFIELD @s GET u8 @o", "BITFIELD @s SET i5 @o @d GET u4 0", "BITFIELD @s OVERFLOW WRAP|SAT|FAIL INCRBY u2 @o @d",
    "DECR @i", "DECRBY @i @d", "GET @s", "GET @s", "GET @k", "GETBIT @s @o", "GETDEL @s",
    "GETEX @s", "GETEX @s EX @t", "GETEX @s PERSIST", "GETRANGE @s @d @d", "GETSET @s @v",
    "INCR @i", "INCRBY @i @d", "INCRBYFLOAT @i @f", "PSETEX @s 5000000 @v",
    "SET @s @v", "SET @s @v", "SET @i @d", "SET @s @v NX|XX|GET|KEEPTTL", "SET @s @w EX @t [ NX|XX|GET ]?", "SET @s @w BAD",
    "SETBIT @s @o 0|1", "SETEX @s @t @v", "SETNX @s @v", "SETRANGE @s @o @w", "STRLEN @s",
    // Any sort of key.
    "COPY @k @k", "COPY @k @k REPLACE", "DUMP @k", "EXISTS @k", "EXPIRE @k @t", "EXPIREAT @k 4000000000|1",
    "PERSIST @k", "PEXPIRE @k 5000000|0", "PEXPIREAT @k 4000000000000|1", "PTTL @k", "TTL @k", "TYPE @k",
    "SORT @n", "SORT @l ALPHA [ DESC ]? [ LIMIT 0 @d ]?", "SORT @e ALPHA", "SORT @n LIMIT 1 2 DESC", "SORT @l", "SORT @l ALPHA STORE @l",
    // Split over the servers.
    "DEL @k", "DEL [ @k ]+", "UNLINK @k", "UNLINK [ @k ]+", "TOUCH @k", "TOUCH [ @k ]+",
    "MGET @s", "MGET [ @k ]+", "MGET [ @s ]+ [ @i ]+ [ @s ]+", "MGET [ @s ]+", "MSET @s @v", "MSET [ @s @w ]+", "MSET [ @s @v ]+", "MSET [ @i @d ]+ @s @w",
    // Hashes.
    "HDEL @h [ @m ]+", "HEXISTS @h @m", "HGET @h @m", "HGETALL @h", "HINCRBY @h @m @d", "HINCRBYFLOAT @h @m @f",
    "HKEYS @h", "HLEN @h", "HMGET @h [ @m ]+", "HMSET @h [ @m @w ]+", "HSET @h [ @m @w ]+", "HSET @h @m @v", "HSET @h @m @d",
    "HRANDFIELD @h", "HRANDFIELD @h @d [ WITHVALUES ]?", "HSCAN @h 0 COUNT 1000", "HSETNX @h @m @w", "HSTRLEN @h @m", "HVALS @h",
    // Lists.
    "LINDEX @l @d", "LINSERT @l BEFORE|AFTER @m @w", "LLEN @l", "LMOVE @l @l LEFT|RIGHT LEFT|RIGHT",
    "LPOP @l", "LPOP @l @d", "LPOS @l @m", "LPOS @l @m RANK @d", "LPOS @l @m COUNT 0 MAXLEN @d", "LPUSH @l [ @m ]+", "LPUSH @l @v", "LPUSHX @l [ @m ]+",
    "LRANGE @l @d @d", "LRANGE @l 0 -1", "LREM @l @d @m", "LSET @l @d @w", "LTRIM @l @d @d",
    "RPOP @l", "RPOP @l @d", "RPOPLPUSH @l @l", "RPUSH @l [ @m ]+", "RPUSH @l [ @v ]+", "RPUSHX @l @m",
    // Sets.
    "SADD @e [ @m ]+", "SADD @n [ @d ]+", "SADD @r [ @q ]+", "SCARD @e", "SCARD @r", "SDIFF @e [ @e ]+", "SDIFFSTORE @e @e @e",
    "SINTER @e [ @e ]+", "SINTER @n @n", "SINTERSTORE @e @e @e", "SISMEMBER @e @m", "SISMEMBER @n @d", "SMEMBERS @e", "SMEMBERS @n",
    "SMISMEMBER @e [ @m ]+", "SMOVE @e @e @m", "SPOP @r", "SPOP @r @o", "SRANDMEMBER @r", "SRANDMEMBER @e @d", "SREM @e [ @m ]+",
    "SSCAN @e 0 COUNT 1000", "SUNION @e [ @e ]+", "SUNION @n @n", "SUNIONSTORE @e @e @n",
    // Sorted sets.
    "ZADD @z [ @u @m ]+", "ZADD @z [ @u @m ]+", "ZADD @z NX|XX|GT|LT CH @u @m", "ZADD @z INCR @f @m", "ZCARD @z",
    "ZCOUNT @z -inf|(1|0 +inf|(3|5", "ZDIFFSTORE @z 2 @z @z", "ZINCRBY @z @u @m", "ZINTERSTORE @z 2 @z @z", "ZINTERSTORE @z 2 @z @e WEIGHTS 2 0.5",
    "ZADD @y 0 @m", "ZADD @y 0 @m 0 @m 0 @m", "ZLEXCOUNT @y - +", "ZLEXCOUNT @y [m1|- [m5|(m6|+", "ZMSCORE @z [ @m ]+", "ZPOPMAX @z", "ZPOPMAX @z @o", "ZPOPMIN @z", "ZPOPMIN @z 2",
    "ZRANDMEMBER @z", "ZRANDMEMBER @z @d [ WITHSCORES ]?", "ZRANGE @z @d @d [ REV ]? [ WITHSCORES ]?", "ZRANGE @z 0 -1 WITHSCORES", "ZRANGE @z (1|-inf +inf BYSCORE LIMIT 0 3",
    "ZRANGEBYLEX @y -|[m1 +|(m7", "ZRANGEBYSCORE @z -inf|(1 +inf|4 [ WITHSCORES ]?", "ZRANGESTORE @z @z 0 @d", "ZRANK @z @m", "ZREM @z [ @m ]+",
    "ZREMRANGEBYLEX @y [m1 (m3", "ZREMRANGEBYRANK @z @d @d", "ZREMRANGEBYSCORE @z (1 2", "ZREVRANGE @z @d @d [ WITHSCORES ]?", "ZREVRANGEBYLEX @y + -",
    "ZREVRANGEBYSCORE @z +inf (1 [ LIMIT 1 2 ]?", "ZREVRANK @z @m", "ZSCAN @z 0 COUNT 1000", "ZSCORE @z @m", "ZUNIONSTORE @z 2 @z @z AGGREGATE SUM|MIN|MAX", "ZUNIONSTORE @z 1 @e",
    "ZUNION 0|x|-1|5|1.5 @z", "ZINTER 0|x|5 @z", "ZDIFF 0|-2|5 @z @z",
    // HyperLogLogs and places.
    "PFADD @p [ @m ]+", "PFADD @p", "PFCOUNT @p", "PFCOUNT @p @p", "PFMERGE @p @p", "PFMERGE @p @p @p",
    "GEOADD @g 13.361389 38.115556 @m 15.087269 37.502669 @m", "GEOADD @g @f @f @m", "GEODIST @g @m @m [ km|ft ]?", "GEOHASH @g [ @m ]+", "GEOPOS @g [ @m ]+",
    "GEORADIUS @g 15 37 200 km ASC WITHDIST", "GEORADIUSBYMEMBER @g @m 100 km ASC", "GEOSEARCH @g FROMLONLAT 15 37 BYRADIUS 200 km ASC", "GEOSEARCH @g FROMMEMBER @m BYBOX 400 400 km DESC COUNT 2",
    "GEOSEARCHSTORE @g @g FROMLONLAT 15 37 BYRADIUS 300 km",
];

/// Scripts, which get one key, and one or two arguments. Each answers the same again.
pub(super) const SCRIPTS: &[&str] = &[
    "return redis.call('get',KEYS[1])",
    "return redis.call('set',KEYS[1],ARGV[1])",
    "return {1,2,{3,'four',false},ARGV[1]}",
    "return redis.status_reply('FINE')",
    "return redis.error_reply('MINE is an error')",
    "return redis.call('lpush',KEYS[1],ARGV[1])",
    "return nil",
    "no lua",
    "return tonumber(ARGV[1])",
];

/// Scripts that servers know from the start, by the digests that name them.
pub(in crate::soak) const LOADED_SCRIPTS: &[(&str, &str)] =
    &[("return redis.call('type',KEYS[1])", "262cbdae43bac19d76e592ebfe8b0e5eaf83decf")];

/// A serialized string, "soak", as Redis 7.0 writes it, and one whose sum is wrong.
pub(super) const DUMPED: [&[u8]; 2] =
    [b"\x00\x04soak\n\x00\xa7)0\x91k\x16Q\xd7", b"\x00\x04soak\n\x00AAAAAAAA"];

/// In which sense replies to the command called `name` are compared.
pub(super) fn mode(name: &str) -> Mode {
    match name.to_ascii_lowercase().as_str() {
        "smembers" | "sunion" | "sinter" | "sdiff" | "hkeys" | "hvals" => Mode::Elements,
        "hgetall" => Mode::Pairs,
        "sscan" => Mode::Scan,
        "hscan" | "zscan" => Mode::ScanPairs,
        // Far above what a busy machine needs from one proxy's turn to the other's.
        "ttl" => Mode::Near(60),
        "pttl" => Mode::Near(60_000),
        "spop" | "srandmember" | "hrandfield" | "zrandmember" | "lolwut" => Mode::Shape,
        "dump" => Mode::Dump,
        _ => Mode::Exact,
    }
}

/// Commands with a fixed number of arguments in the original, all of them keys and what belongs to
/// one: what else it takes there is nothing to compare, as it closes.
#[rustfmt::skip]
pub(super) const FIXED: &[(&str, usize)] = &[
    ("persist", 1), ("pttl", 1), ("ttl", 1), ("type", 1), ("dump", 1), ("decr", 1), ("get", 1), ("getdel", 1), ("incr", 1), ("strlen", 1),
    ("hgetall", 1), ("hkeys", 1), ("hlen", 1), ("hvals", 1), ("llen", 1), ("scard", 1), ("smembers", 1), ("zcard", 1),
    ("append", 2), ("decrby", 2), ("getbit", 2), ("getset", 2), ("incrby", 2),
    ("incrbyfloat", 2), ("setnx", 2), ("hexists", 2), ("hget", 2), ("hstrlen", 2), ("lindex", 2), ("rpoplpush", 2), ("sismember", 2),
    ("zscore", 2),
    ("getrange", 3), ("psetex", 3), ("setbit", 3), ("setex", 3), ("setrange", 3), ("hincrby", 3), ("hincrbyfloat", 3), ("hsetnx", 3), ("lrange", 3),
    ("lrem", 3), ("lset", 3), ("ltrim", 3), ("smove", 3), ("zcount", 3), ("zlexcount", 3), ("zincrby", 3), ("zremrangebylex", 3),
    ("zremrangebyrank", 3), ("zremrangebyscore", 3),
    ("linsert", 4), ("lmove", 4),
];

/// Commands of which the original takes any number of arguments from one on, but for those that
/// draw at random, that write to a second key, or whose answers differ: any words may follow them.
#[rustfmt::skip]
pub(super) const ANY: &[&str] = &[
    "sort", "bitcount", "bitpos", "bitfield", "set", "hdel", "hmget", "hmset", "hset", "lpush", "lpushx", "rpush", "rpushx", "lpop", "rpop", "lpos",
    "sadd", "sdiff", "sinter", "sunion", "srem", "smismember", "pfadd", "pfcount", "pfmerge", "zadd", "zmscore", "zpopmax", "zpopmin", "zrange",
    "zrangebylex", "zrangebyscore", "zrem", "zrevrange", "zrevrangebylex", "zrevrangebyscore", "geodist", "geopos", "geohash", "geoadd",
    "geosearch", "touch", "mget", "del", "unlink", "sdiffstore", "sinterstore", "sunionstore", "zunionstore", "zinterstore", "zdiffstore",
    "zrangestore", "geosearchstore",
];
