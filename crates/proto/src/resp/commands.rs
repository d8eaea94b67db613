//! The table of Redis commands.

use super::subcommands::{FUNCTION, MEMORY, OBJECT, PUBSUB, SCRIPT, XGROUP, XINFO};
use crate::command::Arity::{self, AtLeast, Between, Exactly, Pairs};
use crate::command::Audience::{OfMessage, OfShardMessage};
use crate::command::Keys::{
    self, Counted, Each, EachPair, First, GeoStore, SortStore, StoreCounted, Streams, Subcommand,
};
use crate::command::Patience::{self, BehindBlock, Last};
use crate::command::Script::{Body, Digest};
use crate::command::Subscription::{
    Channels, EndChannels, EndPatterns, EndShards, Patterns, Shards,
};
use crate::command::Transaction::{Begin, Commit, Discard, Unwatch, Watch};
use crate::command::Travel::{
    self, AllServers, Anywhere, Audience, Blocking, Flush, Here, OneServer, Refused, Scan,
    Script as Scripted, Sorted, Split, Subscription, Transaction,
};
use crate::command::{Command, Counting, Local};
use crate::gather::Gather::{Array, Concat, NotNull, Status, Sum};
use Effect::{Once, Read, Write};

/// The commands of Redis 7 and 8 and of Valkey 8 and 9, sorted by name.
///
/// Those that the original serves too (`redis_parse_req`) have its number of arguments, but where
/// servers take more by now (`EXPIRE key seconds NX`) or where there would be no place for a key:
/// a number of arguments that the original passes on, for a server to refuse, is passed on here.
/// All others have the number that servers want. Commands younger than those servers of which the
/// forms are known for sure ask for a key and leave the rest to the server.
#[rustfmt::skip]
pub static COMMANDS: &[Command] = &[
    //  name                  arguments      keys                  travel                      effect
    row("acl",                  AtLeast(1),    Keys::None,           Refused(USERS),             Write),
    row("append",               Exactly(2),    First,                OneServer,                  Write),
    row("arcount",              AtLeast(1),    First,                OneServer,                  Read),
    row("ardel",                AtLeast(1),    First,                OneServer,                  Write),
    row("ardelrange",           AtLeast(1),    First,                OneServer,                  Write),
    row("arget",                AtLeast(1),    First,                OneServer,                  Read),
    row("argetrange",           AtLeast(1),    First,                OneServer,                  Read),
    row("argrep",               AtLeast(1),    First,                OneServer,                  Read),
    row("arinfo",               AtLeast(1),    First,                OneServer,                  Read),
    row("arinsert",             AtLeast(1),    First,                OneServer,                  Write),
    row("arlastitems",          AtLeast(1),    First,                OneServer,                  Read),
    row("arlen",                AtLeast(1),    First,                OneServer,                  Read),
    row("armget",               AtLeast(1),    First,                OneServer,                  Read),
    row("armset",               AtLeast(1),    First,                OneServer,                  Write),
    row("arnext",               AtLeast(1),    First,                OneServer,                  Read),
    row("arop",                 AtLeast(1),    First,                OneServer,                  Read),
    row("arring",               AtLeast(1),    First,                OneServer,                  Write),
    row("arscan",               AtLeast(1),    First,                OneServer,                  Read),
    row("arseek",               AtLeast(1),    First,                OneServer,                  Write),
    row("arset",                AtLeast(1),    First,                OneServer,                  Write),
    row("asking",               Exactly(0),    Keys::None,           Here(Local::Cluster),       Read),
    row("auth",                 AtLeast(1),    Keys::None,           Here(Local::Authenticate),  Read),
    row("bgrewriteaof",         Exactly(0),    Keys::None,           Refused(OF_A_SERVER),       Write),
    row("bgsave",               AtLeast(0),    Keys::None,           Refused(OF_A_SERVER),       Write),
    row("bitcount",             AtLeast(1),    First,                OneServer,                  Read),
    row("bitfield",             AtLeast(1),    First,                OneServer,                  Write),
    row("bitfield_ro",          AtLeast(1),    First,                OneServer,                  Read),
    row("bitop",                AtLeast(3),    FROM_SECOND,          OneServer,                  Write),
    row("bitpos",               AtLeast(1),    First,                OneServer,                  Read),
    row("blmove",               Exactly(5),    FIRST_TWO,            Blocking(Last),             Write),
    row("blmpop",               AtLeast(4),    POPPED_LATER,         Blocking(Patience::First),  Write),
    row("blpop",                AtLeast(2),    ALL_BUT_LAST,         Blocking(Last),             Write),
    row("brpop",                AtLeast(2),    ALL_BUT_LAST,         Blocking(Last),             Write),
    row("brpoplpush",           Exactly(3),    FIRST_TWO,            Blocking(Last),             Write),
    row("bzmpop",               AtLeast(4),    POPPED_LATER,         Blocking(Patience::First),  Write),
    row("bzpopmax",             AtLeast(2),    ALL_BUT_LAST,         Blocking(Last),             Write),
    row("bzpopmin",             AtLeast(2),    ALL_BUT_LAST,         Blocking(Last),             Write),
    row("client",               AtLeast(1),    Keys::None,           Here(Local::Client),        Read),
    row("cluster",              AtLeast(1),    Keys::None,           Here(Local::Cluster),       Read),
    row("clusterscan",          AtLeast(1),    Keys::None,           Here(Local::Cluster),       Read),
    row("command",              AtLeast(0),    Keys::None,           Here(Local::Command),       Read),
    row("commandlog",           AtLeast(1),    Keys::None,           Refused(OF_A_SERVER),       Write),
    row("config",               AtLeast(1),    Keys::None,           Here(Local::Config),        Read),
    row("copy",                 AtLeast(2),    FIRST_TWO,            OneServer,                  Write),
    row("dbsize",               Exactly(0),    Keys::None,           AllServers(Sum),            Read),
    row("debug",                AtLeast(1),    Keys::None,           Refused(TESTING),           Write),
    row("decr",                 Exactly(1),    First,                OneServer,                  Write),
    row("decrby",               Exactly(2),    First,                OneServer,                  Write),
    row("del",                  AtLeast(1),    Each,                 Split(Sum),                 Write),
    row("delex",                AtLeast(1),    First,                OneServer,                  Write),
    row("delifeq",              Exactly(2),    First,                OneServer,                  Write),
    row("digest",               Exactly(1),    First,                OneServer,                  Read),
    row("discard",              Exactly(0),    Keys::None,           Transaction(Discard),       Write),
    row("dump",                 Exactly(1),    First,                OneServer,                  Read),
    row("echo",                 Exactly(1),    Keys::None,           Here(Local::Echo),          Read),
    row("eval",                 AtLeast(2),    SCRIPTED,             Scripted(Body),             Write),
    row("eval_ro",              AtLeast(2),    SCRIPTED,             Scripted(Body),             Read),
    row("evalsha",              AtLeast(2),    SCRIPTED,             Scripted(Digest),           Write),
    row("evalsha_ro",           AtLeast(2),    SCRIPTED,             Scripted(Digest),           Read),
    row("exec",                 Exactly(0),    Keys::None,           Transaction(Commit),        Write),
    row("exists",               AtLeast(1),    Each,                 Split(Sum),                 Read),
    row("expire",               AtLeast(2),    First,                OneServer,                  Write),
    row("expireat",             AtLeast(2),    First,                OneServer,                  Write),
    row("expiretime",           Exactly(1),    First,                OneServer,                  Read),
    row("failover",             AtLeast(0),    Keys::None,           Refused(REPLICATION),       Write),
    row("fcall",                AtLeast(2),    CALLED,               OneServer,                  Write),
    row("fcall_ro",             AtLeast(2),    CALLED,               OneServer,                  Read),
    row("flushall",             AtLeast(0),    Keys::None,           Flush,                      Once),
    row("flushdb",              AtLeast(0),    Keys::None,           Flush,                      Once),
    row("function",             AtLeast(1),    Subcommand(FUNCTION), Anywhere,                   Write),
    row("gcra",                 AtLeast(4),    First,                OneServer,                  Write),
    row("geoadd",               AtLeast(1),    First,                OneServer,                  Write),
    row("geodist",              AtLeast(1),    First,                OneServer,                  Read),
    row("geohash",              AtLeast(1),    First,                OneServer,                  Read),
    row("geopos",               AtLeast(1),    First,                OneServer,                  Read),
    row("georadius",            AtLeast(1),    GeoStore,             OneServer,                  Write),
    row("georadius_ro",         AtLeast(5),    First,                OneServer,                  Read),
    row("georadiusbymember",    AtLeast(1),    GeoStore,             OneServer,                  Write),
    row("georadiusbymember_ro", AtLeast(4),    First,                OneServer,                  Read),
    row("geosearch",            AtLeast(1),    First,                OneServer,                  Read),
    row("geosearchstore",       AtLeast(7),    FIRST_TWO,            OneServer,                  Write),
    row("get",                  Exactly(1),    First,                OneServer,                  Read),
    row("getbit",               Exactly(2),    First,                OneServer,                  Read),
    row("getdel",               Exactly(1),    First,                OneServer,                  Write),
    row("getex",                AtLeast(1),    First,                OneServer,                  Write),
    row("getrange",             Exactly(3),    First,                OneServer,                  Read),
    row("getset",               Exactly(2),    First,                OneServer,                  Write),
    row("hdel",                 AtLeast(1),    First,                OneServer,                  Write),
    row("hello",                AtLeast(0),    Keys::None,           Here(Local::Hello),         Read),
    row("hexists",              Exactly(2),    First,                OneServer,                  Read),
    row("hexpire",              AtLeast(5),    First,                OneServer,                  Write),
    row("hexpireat",            AtLeast(5),    First,                OneServer,                  Write),
    row("hexpiretime",          AtLeast(4),    First,                OneServer,                  Read),
    row("hget",                 Exactly(2),    First,                OneServer,                  Read),
    row("hgetall",              Exactly(1),    First,                OneServer,                  Read),
    row("hgetdel",              AtLeast(4),    First,                OneServer,                  Write),
    row("hgetex",               AtLeast(4),    First,                OneServer,                  Write),
    row("hincrby",              Exactly(3),    First,                OneServer,                  Write),
    row("hincrbyfloat",         Exactly(3),    First,                OneServer,                  Write),
    row("hkeys",                Exactly(1),    First,                OneServer,                  Read),
    row("hlen",                 Exactly(1),    First,                OneServer,                  Read),
    row("hmget",                AtLeast(1),    First,                OneServer,                  Read),
    row("hmset",                AtLeast(1),    First,                OneServer,                  Once),
    row("hotkeys",              AtLeast(1),    Keys::None,           Refused(OF_A_SERVER),       Write),
    row("hpersist",             AtLeast(4),    First,                OneServer,                  Write),
    row("hpexpire",             AtLeast(5),    First,                OneServer,                  Write),
    row("hpexpireat",           AtLeast(5),    First,                OneServer,                  Write),
    row("hpexpiretime",         AtLeast(4),    First,                OneServer,                  Read),
    row("hpttl",                AtLeast(4),    First,                OneServer,                  Read),
    row("hrandfield",           AtLeast(1),    First,                OneServer,                  Read),
    row("hscan",                AtLeast(1),    First,                OneServer,                  Read),
    row("hset",                 AtLeast(1),    First,                OneServer,                  Write),
    row("hsetex",               AtLeast(5),    First,                OneServer,                  Write),
    row("hsetnx",               Exactly(3),    First,                OneServer,                  Write),
    row("hstrlen",              Exactly(2),    First,                OneServer,                  Read),
    row("httl",                 AtLeast(4),    First,                OneServer,                  Read),
    row("hvals",                Exactly(1),    First,                OneServer,                  Read),
    row("incr",                 Exactly(1),    First,                OneServer,                  Write),
    row("incrby",               Exactly(2),    First,                OneServer,                  Write),
    row("incrbyfloat",          Exactly(2),    First,                OneServer,                  Write),
    row("increx",               AtLeast(1),    First,                OneServer,                  Write),
    row("info",                 AtLeast(0),    Keys::None,           Here(Local::Info),          Read),
    row("keys",                 Exactly(1),    Keys::None,           AllServers(Concat),         Read),
    row("lastsave",             Exactly(0),    Keys::None,           Refused(OF_A_SERVER),       Write),
    row("latency",              AtLeast(1),    Keys::None,           Refused(OF_A_SERVER),       Write),
    row("lcs",                  AtLeast(2),    FIRST_TWO,            OneServer,                  Read),
    row("lindex",               Exactly(2),    First,                OneServer,                  Read),
    row("linsert",              Exactly(4),    First,                OneServer,                  Write),
    row("llen",                 Exactly(1),    First,                OneServer,                  Read),
    row("lmove",                Exactly(4),    FIRST_TWO,            OneServer,                  Write),
    row("lmpop",                AtLeast(3),    POPPED,               OneServer,                  Write),
    row("lolwut",               AtLeast(0),    Keys::None,           Anywhere,                   Read),
    row("lpop",                 AtLeast(1),    First,                OneServer,                  Write),
    row("lpos",                 AtLeast(1),    First,                OneServer,                  Read),
    row("lpush",                AtLeast(1),    First,                OneServer,                  Write),
    row("lpushx",               AtLeast(1),    First,                OneServer,                  Write),
    row("lrange",               Exactly(3),    First,                OneServer,                  Read),
    row("lrem",                 Exactly(3),    First,                OneServer,                  Write),
    row("lset",                 Exactly(3),    First,                OneServer,                  Once),
    row("ltrim",                Exactly(3),    First,                OneServer,                  Write),
    row("memory",               AtLeast(1),    Subcommand(MEMORY),   Anywhere,                   Read),
    row("mget",                 AtLeast(1),    Each,                 Split(Array),               Read),
    row("migrate",              AtLeast(5),    Keys::None,           Refused(MIGRATION),         Write),
    row("module",               AtLeast(1),    Keys::None,           Refused(OF_A_SERVER),       Write),
    row("monitor",              Exactly(0),    Keys::None,           Refused(MONITORING),        Write),
    row("move",                 Exactly(2),    First,                Refused(MOVE_REFUSED),      Write),
    row("mset",                 Pairs,         EachPair,             Split(Status),              Once),
    row("msetex",               AtLeast(3),    COUNTED_PAIRS,        OneServer,                  Write),
    row("msetnx",               Pairs,         EachPair,             OneServer,                  Write),
    row("multi",                Exactly(0),    Keys::None,           Transaction(Begin),         Write),
    row("object",               AtLeast(1),    Subcommand(OBJECT),   Anywhere,                   Read),
    row("persist",              Exactly(1),    First,                OneServer,                  Write),
    row("pexpire",              AtLeast(2),    First,                OneServer,                  Write),
    row("pexpireat",            AtLeast(2),    First,                OneServer,                  Write),
    row("pexpiretime",          Exactly(1),    First,                OneServer,                  Read),
    row("pfadd",                AtLeast(1),    First,                OneServer,                  Write),
    row("pfcount",              AtLeast(1),    Each,                 OneServer,                  Read),
    row("pfdebug",              Exactly(2),    Keys::None,           Refused(TESTING),           Write),
    row("pfmerge",              AtLeast(1),    Each,                 OneServer,                  Once),
    row("pfselftest",           Exactly(0),    Keys::None,           Refused(TESTING),           Write),
    row("ping",                 Between(0, 1), Keys::None,           Here(Local::Ping),          Read),
    row("psetex",               Exactly(3),    First,                OneServer,                  Write),
    row("psubscribe",           AtLeast(1),    Keys::None,           Subscription(Patterns),     Read),
    row("psync",                AtLeast(2),    Keys::None,           Refused(REPLICATION),       Write),
    row("pttl",                 Exactly(1),    First,                OneServer,                  Read),
    row("publish",              Exactly(2),    First,                Audience(OfMessage),        Write),
    row("pubsub",               AtLeast(1),    Subcommand(PUBSUB),   Anywhere,                   Read),
    row("punsubscribe",         AtLeast(0),    Keys::None,           Subscription(EndPatterns),  Read),
    row("quit",                 AtLeast(0),    Keys::None,           Here(Local::Quit),          Read),
    row("randomkey",            Exactly(0),    Keys::None,           AllServers(NotNull),        Read),
    row("readonly",             Exactly(0),    Keys::None,           Here(Local::Cluster),       Read),
    row("readwrite",            Exactly(0),    Keys::None,           Here(Local::Cluster),       Read),
    row("rename",               Exactly(2),    Each,                 OneServer,                  Write),
    row("renamenx",             Exactly(2),    Each,                 OneServer,                  Write),
    row("replconf",             AtLeast(0),    Keys::None,           Refused(REPLICATION),       Write),
    row("replicaof",            Exactly(2),    Keys::None,           Refused(REPLICATION),       Write),
    row("reset",                Exactly(0),    Keys::None,           Here(Local::Reset),         Read),
    row("restore",              AtLeast(1),    First,                OneServer,                  Write),
    row("restore-asking",       AtLeast(3),    Keys::None,           Here(Local::Cluster),       Read),
    row("role",                 Exactly(0),    Keys::None,           Refused(REPLICATION),       Write),
    row("rpop",                 AtLeast(1),    First,                OneServer,                  Write),
    row("rpoplpush",            Exactly(2),    Each,                 OneServer,                  Write),
    row("rpush",                AtLeast(1),    First,                OneServer,                  Write),
    row("rpushx",               AtLeast(1),    First,                OneServer,                  Write),
    row("sadd",                 AtLeast(1),    First,                OneServer,                  Write),
    row("save",                 Exactly(0),    Keys::None,           Refused(OF_A_SERVER),       Write),
    row("scan",                 AtLeast(1),    Keys::None,           Scan,                       Read),
    row("scard",                Exactly(1),    First,                OneServer,                  Read),
    row("script",               AtLeast(1),    Subcommand(SCRIPT),   Anywhere,                   Write),
    row("sdiff",                AtLeast(1),    Each,                 OneServer,                  Read),
    row("sdiffstore",           AtLeast(1),    Each,                 OneServer,                  Write),
    row("select",               Exactly(1),    Keys::None,           Here(Local::Select),        Read),
    row("set",                  AtLeast(1),    First,                OneServer,                  Write),
    row("setbit",               Exactly(3),    First,                OneServer,                  Write),
    row("setex",                Exactly(3),    First,                OneServer,                  Write),
    row("setnx",                Exactly(2),    First,                OneServer,                  Write),
    row("setrange",             Exactly(3),    First,                OneServer,                  Once),
    row("sflush",               AtLeast(2),    Keys::None,           Here(Local::Cluster),       Read),
    row("shutdown",             AtLeast(0),    Keys::None,           Refused(OF_A_SERVER),       Write),
    row("sinter",               AtLeast(1),    Each,                 OneServer,                  Read),
    row("sintercard",           AtLeast(2),    CARDED,               OneServer,                  Read),
    row("sinterstore",          AtLeast(1),    Each,                 OneServer,                  Once),
    row("sismember",            Exactly(2),    First,                OneServer,                  Read),
    row("slaveof",              Exactly(2),    Keys::None,           Refused(REPLICATION),       Write),
    row("slowlog",              AtLeast(1),    Keys::None,           Refused(OF_A_SERVER),       Write),
    row("smembers",             Exactly(1),    First,                OneServer,                  Read),
    row("smismember",           AtLeast(1),    First,                OneServer,                  Read),
    row("smove",                Exactly(3),    FIRST_TWO,            OneServer,                  Write),
    row("sort",                 AtLeast(1),    SortStore,            Sorted,                     Write),
    row("sort_ro",              AtLeast(1),    First,                Sorted,                     Read),
    row("spop",                 AtLeast(1),    First,                OneServer,                  Write),
    row("spublish",             Exactly(2),    First,                Audience(OfShardMessage),   Write),
    row("srandmember",          AtLeast(1),    First,                OneServer,                  Read),
    row("srem",                 AtLeast(1),    First,                OneServer,                  Write),
    row("sscan",                AtLeast(1),    First,                OneServer,                  Read),
    row("ssubscribe",           AtLeast(1),    Keys::None,           Subscription(Shards),       Read),
    row("strlen",               Exactly(1),    First,                OneServer,                  Read),
    row("subscribe",            AtLeast(1),    Keys::None,           Subscription(Channels),     Read),
    row("substr",               Exactly(3),    First,                OneServer,                  Read),
    row("sunion",               AtLeast(1),    Each,                 OneServer,                  Read),
    row("sunionstore",          AtLeast(1),    Each,                 OneServer,                  Once),
    row("sunsubscribe",         AtLeast(0),    Keys::None,           Subscription(EndShards),    Read),
    row("swapdb",               Exactly(2),    Keys::None,           Refused(SWAPPING),          Write),
    row("sync",                 Exactly(0),    Keys::None,           Refused(REPLICATION),       Write),
    row("time",                 Exactly(0),    Keys::None,           Here(Local::Time),          Read),
    row("touch",                AtLeast(1),    Each,                 Split(Sum),                 Read),
    row("ttl",                  Exactly(1),    First,                OneServer,                  Read),
    row("type",                 Exactly(1),    First,                OneServer,                  Read),
    row("unlink",               AtLeast(1),    Each,                 Split(Sum),                 Write),
    row("unsubscribe",          AtLeast(0),    Keys::None,           Subscription(EndChannels),  Read),
    row("unwatch",              Exactly(0),    Keys::None,           Transaction(Unwatch),       Read),
    row("vadd",                 AtLeast(1),    First,                OneServer,                  Write),
    row("vcard",                AtLeast(1),    First,                OneServer,                  Read),
    row("vdim",                 AtLeast(1),    First,                OneServer,                  Read),
    row("vemb",                 AtLeast(1),    First,                OneServer,                  Read),
    row("vgetattr",             AtLeast(1),    First,                OneServer,                  Read),
    row("vinfo",                AtLeast(1),    First,                OneServer,                  Read),
    row("vismember",            AtLeast(1),    First,                OneServer,                  Read),
    row("vlinks",               AtLeast(1),    First,                OneServer,                  Read),
    row("vrandmember",          AtLeast(1),    First,                OneServer,                  Read),
    row("vrange",               AtLeast(1),    First,                OneServer,                  Read),
    row("vrem",                 AtLeast(1),    First,                OneServer,                  Write),
    row("vsetattr",             AtLeast(1),    First,                OneServer,                  Write),
    row("vsim",                 AtLeast(1),    First,                OneServer,                  Read),
    row("wait",                 Exactly(2),    Keys::None,           Refused(ACKNOWLEDGED),      Write),
    row("waitaof",              Exactly(3),    Keys::None,           Refused(ACKNOWLEDGED),      Write),
    row("watch",                AtLeast(1),    Each,                 Transaction(Watch),         Read),
    row("xack",                 AtLeast(3),    First,                OneServer,                  Write),
    row("xackdel",              AtLeast(5),    First,                OneServer,                  Write),
    row("xadd",                 AtLeast(4),    First,                OneServer,                  Write),
    row("xautoclaim",           AtLeast(5),    First,                OneServer,                  Write),
    row("xcfgset",              AtLeast(1),    First,                OneServer,                  Once),
    row("xclaim",               AtLeast(5),    First,                OneServer,                  Write),
    row("xdel",                 AtLeast(2),    First,                OneServer,                  Write),
    row("xdelex",               AtLeast(4),    First,                OneServer,                  Write),
    row("xgroup",               AtLeast(1),    Subcommand(XGROUP),   Anywhere,                   Write),
    row("xinfo",                AtLeast(1),    Subcommand(XINFO),    Anywhere,                   Read),
    row("xlen",                 Exactly(1),    First,                OneServer,                  Read),
    row("xnack",                AtLeast(1),    First,                OneServer,                  Write),
    row("xpending",             AtLeast(2),    First,                OneServer,                  Read),
    row("xrange",               AtLeast(3),    First,                OneServer,                  Read),
    row("xread",                AtLeast(3),    Streams,              Blocking(BehindBlock),      Read),
    row("xreadgroup",           AtLeast(6),    Streams,              Blocking(BehindBlock),      Write),
    row("xrevrange",            AtLeast(3),    First,                OneServer,                  Read),
    row("xsetid",               AtLeast(2),    First,                OneServer,                  Once),
    row("xtrim",                AtLeast(3),    First,                OneServer,                  Write),
    row("zadd",                 AtLeast(1),    First,                OneServer,                  Write),
    row("zcard",                Exactly(1),    First,                OneServer,                  Read),
    row("zcount",               Exactly(3),    First,                OneServer,                  Read),
    row("zdiff",                AtLeast(2),    COMBINED,             OneServer,                  Read),
    row("zdiffstore",           AtLeast(3),    StoreCounted,         OneServer,                  Write),
    row("zincrby",              Exactly(3),    First,                OneServer,                  Write),
    row("zinter",               AtLeast(2),    COMBINED,             OneServer,                  Read),
    row("zintercard",           AtLeast(2),    COMBINED,             OneServer,                  Read),
    row("zinterstore",          AtLeast(3),    StoreCounted,         OneServer,                  Write),
    row("zlexcount",            Exactly(3),    First,                OneServer,                  Read),
    row("zmpop",                AtLeast(3),    POPPED,               OneServer,                  Write),
    row("zmscore",              AtLeast(1),    First,                OneServer,                  Read),
    row("zpopmax",              AtLeast(1),    First,                OneServer,                  Write),
    row("zpopmin",              AtLeast(1),    First,                OneServer,                  Write),
    row("zrandmember",          AtLeast(1),    First,                OneServer,                  Read),
    row("zrange",               AtLeast(1),    First,                OneServer,                  Read),
    row("zrangebylex",          AtLeast(1),    First,                OneServer,                  Read),
    row("zrangebyscore",        AtLeast(1),    First,                OneServer,                  Read),
    row("zrangestore",          AtLeast(4),    FIRST_TWO,            OneServer,                  Write),
    row("zrank",                AtLeast(2),    First,                OneServer,                  Read),
    row("zrem",                 AtLeast(1),    First,                OneServer,                  Write),
    row("zremrangebylex",       Exactly(3),    First,                OneServer,                  Write),
    row("zremrangebyrank",      Exactly(3),    First,                OneServer,                  Write),
    row("zremrangebyscore",     Exactly(3),    First,                OneServer,                  Write),
    row("zrevrange",            AtLeast(1),    First,                OneServer,                  Read),
    row("zrevrangebylex",       AtLeast(1),    First,                OneServer,                  Read),
    row("zrevrangebyscore",     AtLeast(1),    First,                OneServer,                  Read),
    row("zrevrank",             AtLeast(2),    First,                OneServer,                  Read),
    row("zscan",                AtLeast(1),    First,                OneServer,                  Read),
    row("zscore",               Exactly(2),    First,                OneServer,                  Read),
    row("zunion",               AtLeast(2),    COMBINED,             OneServer,                  Read),
    row("zunionstore",          AtLeast(3),    StoreCounted,         OneServer,                  Write),
];

/// Arguments 0 and 1.
const FIRST_TWO: Keys = Keys::Range { first: 0, last: 1, step: 1 };
/// All but the first, which is an operator.
const FROM_SECOND: Keys = Keys::Range { first: 1, last: -1, step: 1 };
/// All but the last, which is a time.
const ALL_BUT_LAST: Keys = Keys::Range { first: 0, last: -2, step: 1 };
/// A script, then a number and so many keys.
const SCRIPTED: Keys = Counted { number: 1, step: 1, counting: Counting::Script };
/// A function's name, then a number and so many keys.
const CALLED: Keys = Counted { number: 1, step: 1, counting: Counting::Function };
/// A number and so many keys of sets that become one.
const COMBINED: Keys = Counted { number: 0, step: 1, counting: Counting::Combined };
/// As [`COMBINED`], for `SINTERCARD`.
const CARDED: Keys = Counted { number: 0, step: 1, counting: Counting::Cardinality };
/// A number and so many keys, the first of which that has elements loses some.
const POPPED: Keys = Counted { number: 0, step: 1, counting: Counting::Popped };
/// A time, then as [`POPPED`].
const POPPED_LATER: Keys = Counted { number: 1, step: 1, counting: Counting::Popped };
/// A number and so many keys, a value behind each.
const COUNTED_PAIRS: Keys = Counted { number: 0, step: 2, counting: Counting::Pairs };

/// Why there is no `MOVE`: the original knows the name and closes the connection.
const MOVE_REFUSED: &str = "MOVE is not served: a pool reaches one database";
pub(super) const OF_A_SERVER: &str =
    "not served by the proxy: this is about one server, and a pool has several; ask the server";
const USERS: &str =
    "not served by the proxy: its clients have no users of the servers'; ask the server";
const TESTING: &str = "not served by the proxy: this is for tests of a server; ask the server";
const MONITORING: &str =
    "not served by the proxy: this shows all that a server is asked; ask the server";
const REPLICATION: &str = "not served by the proxy: replication is between servers; ask the server";
const SWAPPING: &str =
    "not served by the proxy: this swaps databases under all clients of a server; ask the server";
const MIGRATION: &str =
    "not served by the proxy: it would not find the keys again; use DUMP and RESTORE";
const ACKNOWLEDGED: &str = "not served by the proxy: this waits for the writes of one connection \
     to a server, and the proxy's are shared; ask the server";

/// What a command does to data.
pub(super) enum Effect {
    /// Nothing. Reads that draw a member at random count as repeatable: one draw is as good as
    /// another.
    Read,
    /// Changes it, and a second time may change it again, or answer otherwise. A command whose
    /// options can make it so counts here, as does one that starts a time to live anew.
    Write,
    /// Changes it, once: a second time changes nothing more, and the answer is the same.
    Once,
}

pub(super) const fn row(
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

#[cfg(test)]
mod tests;
