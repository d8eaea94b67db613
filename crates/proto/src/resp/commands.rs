//! The table of Redis commands.

use super::kinds::{
    ANY, ERRORS, INTEGER, INTEGER_OR_MANY, INTEGER_OR_NUMBER, MANY, NUMBER, STATUS, STATUS_OR_TEXT,
    TEXT, TEXT_OR_MANY,
};
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
use crate::kind::Kinds;
use Effect::{Once, Read, Write};

/// The commands of Redis 7 and 8 and of Valkey 8 and 9, sorted by name.
///
/// Those that the original serves too (`redis_parse_req`) have its number of arguments, but where
/// servers take more by now (`EXPIRE key seconds NX`) or where there would be no place for a key:
/// a number of arguments that the original passes on, for a server to refuse, is passed on here.
/// All others have the number that servers want. Commands younger than those servers of which the
/// forms are known for sure ask for a key and leave the rest to the server.
///
/// The kinds of their responses are those of all versions since Redis 6, with every option and in RESP2
/// and RESP3. Where in doubt a row has a kind too many: one too few would close the connection of all
/// who share it, for nothing.
#[rustfmt::skip]
pub static COMMANDS: &[Command] = &[
    //  name                  arguments      keys                  travel                      effect kinds
    row("acl",                  AtLeast(1),    Keys::None,           Refused(USERS),             Write, ANY),
    row("append",               Exactly(2),    First,                OneServer,                  Write, INTEGER),
    row("arcount",              AtLeast(1),    First,                OneServer,                  Read,  ANY),
    row("ardel",                AtLeast(1),    First,                OneServer,                  Write, ANY),
    row("ardelrange",           AtLeast(1),    First,                OneServer,                  Write, ANY),
    row("arget",                AtLeast(1),    First,                OneServer,                  Read,  ANY),
    row("argetrange",           AtLeast(1),    First,                OneServer,                  Read,  ANY),
    row("argrep",               AtLeast(1),    First,                OneServer,                  Read,  ANY),
    row("arinfo",               AtLeast(1),    First,                OneServer,                  Read,  ANY),
    row("arinsert",             AtLeast(1),    First,                OneServer,                  Write, ANY),
    row("arlastitems",          AtLeast(1),    First,                OneServer,                  Read,  ANY),
    row("arlen",                AtLeast(1),    First,                OneServer,                  Read,  ANY),
    row("armget",               AtLeast(1),    First,                OneServer,                  Read,  ANY),
    row("armset",               AtLeast(1),    First,                OneServer,                  Write, ANY),
    row("arnext",               AtLeast(1),    First,                OneServer,                  Read,  ANY),
    row("arop",                 AtLeast(1),    First,                OneServer,                  Read,  ANY),
    row("arring",               AtLeast(1),    First,                OneServer,                  Write, ANY),
    row("arscan",               AtLeast(1),    First,                OneServer,                  Read,  ANY),
    row("arseek",               AtLeast(1),    First,                OneServer,                  Write, ANY),
    row("arset",                AtLeast(1),    First,                OneServer,                  Write, ANY),
    row("asking",               Exactly(0),    Keys::None,           Here(Local::Cluster),       Read,  ANY),
    row("auth",                 AtLeast(1),    Keys::None,           Here(Local::Authenticate),  Read,  ANY),
    row("bgrewriteaof",         Exactly(0),    Keys::None,           Refused(OF_A_SERVER),       Write, ANY),
    row("bgsave",               AtLeast(0),    Keys::None,           Refused(OF_A_SERVER),       Write, ANY),
    row("bitcount",             AtLeast(1),    First,                OneServer,                  Read,  INTEGER),
    row("bitfield",             AtLeast(1),    First,                OneServer,                  Write, MANY),
    row("bitfield_ro",          AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("bitop",                AtLeast(3),    FROM_SECOND,          OneServer,                  Write, INTEGER),
    row("bitpos",               AtLeast(1),    First,                OneServer,                  Read,  INTEGER),
    row("blmove",               Exactly(5),    FIRST_TWO,            Blocking(Last),             Write, TEXT),
    row("blmpop",               AtLeast(4),    POPPED_LATER,         Blocking(Patience::First),  Write, MANY),
    row("blpop",                AtLeast(2),    ALL_BUT_LAST,         Blocking(Last),             Write, MANY),
    row("brpop",                AtLeast(2),    ALL_BUT_LAST,         Blocking(Last),             Write, MANY),
    row("brpoplpush",           Exactly(3),    FIRST_TWO,            Blocking(Last),             Write, TEXT),
    row("bzmpop",               AtLeast(4),    POPPED_LATER,         Blocking(Patience::First),  Write, MANY),
    row("bzpopmax",             AtLeast(2),    ALL_BUT_LAST,         Blocking(Last),             Write, MANY),
    row("bzpopmin",             AtLeast(2),    ALL_BUT_LAST,         Blocking(Last),             Write, MANY),
    row("client",               AtLeast(1),    Keys::None,           Here(Local::Client),        Read,  ANY),
    row("cluster",              AtLeast(1),    Keys::None,           Here(Local::Cluster),       Read,  ANY),
    row("clusterscan",          AtLeast(1),    Keys::None,           Here(Local::Cluster),       Read,  ANY),
    row("command",              AtLeast(0),    Keys::None,           Here(Local::Command),       Read,  ANY),
    row("commandlog",           AtLeast(1),    Keys::None,           Refused(OF_A_SERVER),       Write, ANY),
    row("config",               AtLeast(1),    Keys::None,           Here(Local::Config),        Read,  ANY),
    row("copy",                 AtLeast(2),    FIRST_TWO,            OneServer,                  Write, INTEGER),
    row("dbsize",               Exactly(0),    Keys::None,           AllServers(Sum),            Read,  INTEGER),
    row("debug",                AtLeast(1),    Keys::None,           Refused(TESTING),           Write, ANY),
    row("decr",                 Exactly(1),    First,                OneServer,                  Write, INTEGER),
    row("decrby",               Exactly(2),    First,                OneServer,                  Write, INTEGER),
    row("del",                  AtLeast(1),    Each,                 Split(Sum),                 Write, INTEGER),
    row("delex",                AtLeast(1),    First,                OneServer,                  Write, INTEGER),
    row("delifeq",              Exactly(2),    First,                OneServer,                  Write, INTEGER),
    row("digest",               Exactly(1),    First,                OneServer,                  Read,  TEXT),
    row("discard",              Exactly(0),    Keys::None,           Transaction(Discard),       Write, STATUS),
    row("dump",                 Exactly(1),    First,                OneServer,                  Read,  TEXT),
    row("echo",                 Exactly(1),    Keys::None,           Here(Local::Echo),          Read,  ANY),
    row("eval",                 AtLeast(2),    SCRIPTED,             Scripted(Body),             Write, ANY),
    row("eval_ro",              AtLeast(2),    SCRIPTED,             Scripted(Body),             Read,  ANY),
    row("evalsha",              AtLeast(2),    SCRIPTED,             Scripted(Digest),           Write, ANY),
    row("evalsha_ro",           AtLeast(2),    SCRIPTED,             Scripted(Digest),           Read,  ANY),
    row("exec",                 Exactly(0),    Keys::None,           Transaction(Commit),        Write, MANY),
    row("exists",               AtLeast(1),    Each,                 Split(Sum),                 Read,  INTEGER),
    row("expire",               AtLeast(2),    First,                OneServer,                  Write, INTEGER),
    row("expireat",             AtLeast(2),    First,                OneServer,                  Write, INTEGER),
    row("expiretime",           Exactly(1),    First,                OneServer,                  Read,  INTEGER),
    row("failover",             AtLeast(0),    Keys::None,           Refused(REPLICATION),       Write, ANY),
    row("fcall",                AtLeast(2),    CALLED,               OneServer,                  Write, ANY),
    row("fcall_ro",             AtLeast(2),    CALLED,               OneServer,                  Read,  ANY),
    row("flushall",             AtLeast(0),    Keys::None,           Flush,                      Once,  STATUS),
    row("flushdb",              AtLeast(0),    Keys::None,           Flush,                      Once,  STATUS),
    row("function",             AtLeast(1),    Subcommand(FUNCTION), Anywhere,                   Write, ANY),
    row("gcra",                 AtLeast(4),    First,                OneServer,                  Write, ANY),
    row("geoadd",               AtLeast(1),    First,                OneServer,                  Write, INTEGER),
    row("geodist",              AtLeast(1),    First,                OneServer,                  Read,  NUMBER),
    row("geohash",              AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("geopos",               AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("georadius",            AtLeast(1),    GeoStore,             OneServer,                  Write, INTEGER_OR_MANY),
    row("georadius_ro",         AtLeast(5),    First,                OneServer,                  Read,  MANY),
    row("georadiusbymember",    AtLeast(1),    GeoStore,             OneServer,                  Write, INTEGER_OR_MANY),
    row("georadiusbymember_ro", AtLeast(4),    First,                OneServer,                  Read,  MANY),
    row("geosearch",            AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("geosearchstore",       AtLeast(7),    FIRST_TWO,            OneServer,                  Write, INTEGER),
    row("get",                  Exactly(1),    First,                OneServer,                  Read,  TEXT),
    row("getbit",               Exactly(2),    First,                OneServer,                  Read,  INTEGER),
    row("getdel",               Exactly(1),    First,                OneServer,                  Write, TEXT),
    row("getex",                AtLeast(1),    First,                OneServer,                  Write, TEXT),
    row("getrange",             Exactly(3),    First,                OneServer,                  Read,  TEXT),
    row("getset",               Exactly(2),    First,                OneServer,                  Write, TEXT),
    row("hdel",                 AtLeast(1),    First,                OneServer,                  Write, INTEGER),
    row("hello",                AtLeast(0),    Keys::None,           Here(Local::Hello),         Read,  ANY),
    row("hexists",              Exactly(2),    First,                OneServer,                  Read,  INTEGER),
    row("hexpire",              AtLeast(5),    First,                OneServer,                  Write, MANY),
    row("hexpireat",            AtLeast(5),    First,                OneServer,                  Write, MANY),
    row("hexpiretime",          AtLeast(4),    First,                OneServer,                  Read,  MANY),
    row("hget",                 Exactly(2),    First,                OneServer,                  Read,  TEXT),
    row("hgetall",              Exactly(1),    First,                OneServer,                  Read,  MANY),
    row("hgetdel",              AtLeast(4),    First,                OneServer,                  Write, MANY),
    row("hgetex",               AtLeast(4),    First,                OneServer,                  Write, MANY),
    row("hincrby",              Exactly(3),    First,                OneServer,                  Write, INTEGER),
    row("hincrbyfloat",         Exactly(3),    First,                OneServer,                  Write, NUMBER),
    row("hkeys",                Exactly(1),    First,                OneServer,                  Read,  MANY),
    row("hlen",                 Exactly(1),    First,                OneServer,                  Read,  INTEGER),
    row("hmget",                AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("hmset",                AtLeast(1),    First,                OneServer,                  Once,  STATUS),
    row("hotkeys",              AtLeast(1),    Keys::None,           Refused(OF_A_SERVER),       Write, ANY),
    row("hpersist",             AtLeast(4),    First,                OneServer,                  Write, MANY),
    row("hpexpire",             AtLeast(5),    First,                OneServer,                  Write, MANY),
    row("hpexpireat",           AtLeast(5),    First,                OneServer,                  Write, MANY),
    row("hpexpiretime",         AtLeast(4),    First,                OneServer,                  Read,  MANY),
    row("hpttl",                AtLeast(4),    First,                OneServer,                  Read,  MANY),
    row("hrandfield",           AtLeast(1),    First,                OneServer,                  Read,  TEXT_OR_MANY),
    row("hscan",                AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("hset",                 AtLeast(1),    First,                OneServer,                  Write, INTEGER),
    row("hsetex",               AtLeast(5),    First,                OneServer,                  Write, INTEGER),
    row("hsetnx",               Exactly(3),    First,                OneServer,                  Write, INTEGER),
    row("hstrlen",              Exactly(2),    First,                OneServer,                  Read,  INTEGER),
    row("httl",                 AtLeast(4),    First,                OneServer,                  Read,  MANY),
    row("hvals",                Exactly(1),    First,                OneServer,                  Read,  MANY),
    row("incr",                 Exactly(1),    First,                OneServer,                  Write, INTEGER),
    row("incrby",               Exactly(2),    First,                OneServer,                  Write, INTEGER),
    row("incrbyfloat",          Exactly(2),    First,                OneServer,                  Write, NUMBER),
    row("increx",               AtLeast(1),    First,                OneServer,                  Write, ANY),
    row("info",                 AtLeast(0),    Keys::None,           Here(Local::Info),          Read,  ANY),
    row("keys",                 Exactly(1),    Keys::None,           AllServers(Concat),         Read,  MANY),
    row("lastsave",             Exactly(0),    Keys::None,           Refused(OF_A_SERVER),       Write, ANY),
    row("latency",              AtLeast(1),    Keys::None,           Refused(OF_A_SERVER),       Write, ANY),
    row("lcs",                  AtLeast(2),    FIRST_TWO,            OneServer,                  Read,  ANY),
    row("lindex",               Exactly(2),    First,                OneServer,                  Read,  TEXT),
    row("linsert",              Exactly(4),    First,                OneServer,                  Write, INTEGER),
    row("llen",                 Exactly(1),    First,                OneServer,                  Read,  INTEGER),
    row("lmove",                Exactly(4),    FIRST_TWO,            OneServer,                  Write, TEXT),
    row("lmpop",                AtLeast(3),    POPPED,               OneServer,                  Write, MANY),
    row("lolwut",               AtLeast(0),    Keys::None,           Anywhere,                   Read,  TEXT),
    row("lpop",                 AtLeast(1),    First,                OneServer,                  Write, TEXT_OR_MANY),
    row("lpos",                 AtLeast(1),    First,                OneServer,                  Read,  INTEGER_OR_MANY),
    row("lpush",                AtLeast(1),    First,                OneServer,                  Write, INTEGER),
    row("lpushx",               AtLeast(1),    First,                OneServer,                  Write, INTEGER),
    row("lrange",               Exactly(3),    First,                OneServer,                  Read,  MANY),
    row("lrem",                 Exactly(3),    First,                OneServer,                  Write, INTEGER),
    row("lset",                 Exactly(3),    First,                OneServer,                  Once,  STATUS),
    row("ltrim",                Exactly(3),    First,                OneServer,                  Write, STATUS),
    row("memory",               AtLeast(1),    Subcommand(MEMORY),   Anywhere,                   Read,  ANY),
    row("mget",                 AtLeast(1),    Each,                 Split(Array),               Read,  MANY),
    row("migrate",              AtLeast(5),    Keys::None,           Refused(MIGRATION),         Write, ANY),
    row("module",               AtLeast(1),    Keys::None,           Refused(OF_A_SERVER),       Write, ANY),
    row("monitor",              Exactly(0),    Keys::None,           Refused(MONITORING),        Write, ANY),
    row("move",                 Exactly(2),    First,                Refused(MOVE_REFUSED),      Write, ANY),
    row("mset",                 Pairs,         EachPair,             Split(Status),              Once,  STATUS),
    row("msetex",               AtLeast(3),    COUNTED_PAIRS,        OneServer,                  Write, INTEGER),
    row("msetnx",               Pairs,         EachPair,             OneServer,                  Write, INTEGER),
    row("multi",                Exactly(0),    Keys::None,           Transaction(Begin),         Write, STATUS),
    row("object",               AtLeast(1),    Subcommand(OBJECT),   Anywhere,                   Read,  ANY),
    row("persist",              Exactly(1),    First,                OneServer,                  Write, INTEGER),
    row("pexpire",              AtLeast(2),    First,                OneServer,                  Write, INTEGER),
    row("pexpireat",            AtLeast(2),    First,                OneServer,                  Write, INTEGER),
    row("pexpiretime",          Exactly(1),    First,                OneServer,                  Read,  INTEGER),
    row("pfadd",                AtLeast(1),    First,                OneServer,                  Write, INTEGER),
    row("pfcount",              AtLeast(1),    Each,                 OneServer,                  Read,  INTEGER),
    row("pfdebug",              Exactly(2),    Keys::None,           Refused(TESTING),           Write, ANY),
    row("pfmerge",              AtLeast(1),    Each,                 OneServer,                  Once,  STATUS),
    row("pfselftest",           Exactly(0),    Keys::None,           Refused(TESTING),           Write, ANY),
    row("ping",                 Between(0, 1), Keys::None,           Here(Local::Ping),          Read,  ANY),
    row("psetex",               Exactly(3),    First,                OneServer,                  Write, STATUS),
    row("psubscribe",           AtLeast(1),    Keys::None,           Subscription(Patterns),     Read,  ANY),
    row("psync",                AtLeast(2),    Keys::None,           Refused(REPLICATION),       Write, ANY),
    row("pttl",                 Exactly(1),    First,                OneServer,                  Read,  INTEGER),
    row("publish",              Exactly(2),    First,                Audience(OfMessage),        Write, INTEGER),
    row("pubsub",               AtLeast(1),    Subcommand(PUBSUB),   Anywhere,                   Read,  ANY),
    row("punsubscribe",         AtLeast(0),    Keys::None,           Subscription(EndPatterns),  Read,  ANY),
    row("quit",                 AtLeast(0),    Keys::None,           Here(Local::Quit),          Read,  ANY),
    row("randomkey",            Exactly(0),    Keys::None,           AllServers(NotNull),        Read,  TEXT),
    row("readonly",             Exactly(0),    Keys::None,           Here(Local::Cluster),       Read,  ANY),
    row("readwrite",            Exactly(0),    Keys::None,           Here(Local::Cluster),       Read,  ANY),
    row("rename",               Exactly(2),    Each,                 OneServer,                  Write, STATUS),
    row("renamenx",             Exactly(2),    Each,                 OneServer,                  Write, INTEGER),
    row("replconf",             AtLeast(0),    Keys::None,           Refused(REPLICATION),       Write, ANY),
    row("replicaof",            Exactly(2),    Keys::None,           Refused(REPLICATION),       Write, ANY),
    row("reset",                Exactly(0),    Keys::None,           Here(Local::Reset),         Read,  ANY),
    row("restore",              AtLeast(1),    First,                OneServer,                  Write, STATUS),
    row("restore-asking",       AtLeast(3),    Keys::None,           Here(Local::Cluster),       Read,  ANY),
    row("role",                 Exactly(0),    Keys::None,           Refused(REPLICATION),       Write, ANY),
    row("rpop",                 AtLeast(1),    First,                OneServer,                  Write, TEXT_OR_MANY),
    row("rpoplpush",            Exactly(2),    Each,                 OneServer,                  Write, TEXT),
    row("rpush",                AtLeast(1),    First,                OneServer,                  Write, INTEGER),
    row("rpushx",               AtLeast(1),    First,                OneServer,                  Write, INTEGER),
    row("sadd",                 AtLeast(1),    First,                OneServer,                  Write, INTEGER),
    row("save",                 Exactly(0),    Keys::None,           Refused(OF_A_SERVER),       Write, ANY),
    row("scan",                 AtLeast(1),    Keys::None,           Scan,                       Read,  MANY),
    row("scard",                Exactly(1),    First,                OneServer,                  Read,  INTEGER),
    row("script",               AtLeast(1),    Subcommand(SCRIPT),   Anywhere,                   Write, ANY),
    row("sdiff",                AtLeast(1),    Each,                 OneServer,                  Read,  MANY),
    row("sdiffstore",           AtLeast(1),    Each,                 OneServer,                  Write, INTEGER),
    row("select",               Exactly(1),    Keys::None,           Here(Local::Select),        Read,  ANY),
    row("set",                  AtLeast(1),    First,                OneServer,                  Write, STATUS_OR_TEXT),
    row("setbit",               Exactly(3),    First,                OneServer,                  Write, INTEGER),
    row("setex",                Exactly(3),    First,                OneServer,                  Write, STATUS),
    row("setnx",                Exactly(2),    First,                OneServer,                  Write, INTEGER),
    row("setrange",             Exactly(3),    First,                OneServer,                  Once,  INTEGER),
    row("sflush",               AtLeast(2),    Keys::None,           Here(Local::Cluster),       Read,  ANY),
    row("shutdown",             AtLeast(0),    Keys::None,           Refused(OF_A_SERVER),       Write, ANY),
    row("sinter",               AtLeast(1),    Each,                 OneServer,                  Read,  MANY),
    row("sintercard",           AtLeast(2),    CARDED,               OneServer,                  Read,  INTEGER),
    row("sinterstore",          AtLeast(1),    Each,                 OneServer,                  Once,  INTEGER),
    row("sismember",            Exactly(2),    First,                OneServer,                  Read,  INTEGER),
    row("slaveof",              Exactly(2),    Keys::None,           Refused(REPLICATION),       Write, ANY),
    row("slowlog",              AtLeast(1),    Keys::None,           Refused(OF_A_SERVER),       Write, ANY),
    row("smembers",             Exactly(1),    First,                OneServer,                  Read,  MANY),
    row("smismember",           AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("smove",                Exactly(3),    FIRST_TWO,            OneServer,                  Write, INTEGER),
    row("sort",                 AtLeast(1),    SortStore,            Sorted,                     Write, INTEGER_OR_MANY),
    row("sort_ro",              AtLeast(1),    First,                Sorted,                     Read,  MANY),
    row("spop",                 AtLeast(1),    First,                OneServer,                  Write, TEXT_OR_MANY),
    row("spublish",             Exactly(2),    First,                Audience(OfShardMessage),   Write, INTEGER),
    row("srandmember",          AtLeast(1),    First,                OneServer,                  Read,  TEXT_OR_MANY),
    row("srem",                 AtLeast(1),    First,                OneServer,                  Write, INTEGER),
    row("sscan",                AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("ssubscribe",           AtLeast(1),    Keys::None,           Subscription(Shards),       Read,  ANY),
    row("strlen",               Exactly(1),    First,                OneServer,                  Read,  INTEGER),
    row("subscribe",            AtLeast(1),    Keys::None,           Subscription(Channels),     Read,  ANY),
    row("substr",               Exactly(3),    First,                OneServer,                  Read,  TEXT),
    row("sunion",               AtLeast(1),    Each,                 OneServer,                  Read,  MANY),
    row("sunionstore",          AtLeast(1),    Each,                 OneServer,                  Once,  INTEGER),
    row("sunsubscribe",         AtLeast(0),    Keys::None,           Subscription(EndShards),    Read,  ANY),
    row("swapdb",               Exactly(2),    Keys::None,           Refused(SWAPPING),          Write, ANY),
    row("sync",                 Exactly(0),    Keys::None,           Refused(REPLICATION),       Write, ANY),
    row("time",                 Exactly(0),    Keys::None,           Here(Local::Time),          Read,  ANY),
    row("touch",                AtLeast(1),    Each,                 Split(Sum),                 Read,  INTEGER),
    row("ttl",                  Exactly(1),    First,                OneServer,                  Read,  INTEGER),
    row("type",                 Exactly(1),    First,                OneServer,                  Read,  STATUS_OR_TEXT),
    row("unlink",               AtLeast(1),    Each,                 Split(Sum),                 Write, INTEGER),
    row("unsubscribe",          AtLeast(0),    Keys::None,           Subscription(EndChannels),  Read,  ANY),
    row("unwatch",              Exactly(0),    Keys::None,           Transaction(Unwatch),       Read,  STATUS),
    row("vadd",                 AtLeast(1),    First,                OneServer,                  Write, INTEGER),
    row("vcard",                AtLeast(1),    First,                OneServer,                  Read,  INTEGER),
    row("vdim",                 AtLeast(1),    First,                OneServer,                  Read,  INTEGER),
    row("vemb",                 AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("vgetattr",             AtLeast(1),    First,                OneServer,                  Read,  TEXT),
    row("vinfo",                AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("vismember",            AtLeast(1),    First,                OneServer,                  Read,  INTEGER),
    row("vlinks",               AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("vrandmember",          AtLeast(1),    First,                OneServer,                  Read,  TEXT_OR_MANY),
    row("vrange",               AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("vrem",                 AtLeast(1),    First,                OneServer,                  Write, INTEGER),
    row("vsetattr",             AtLeast(1),    First,                OneServer,                  Write, INTEGER),
    row("vsim",                 AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("wait",                 Exactly(2),    Keys::None,           Refused(ACKNOWLEDGED),      Write, ANY),
    row("waitaof",              Exactly(3),    Keys::None,           Refused(ACKNOWLEDGED),      Write, ANY),
    row("watch",                AtLeast(1),    Each,                 Transaction(Watch),         Read,  STATUS),
    row("xack",                 AtLeast(3),    First,                OneServer,                  Write, INTEGER),
    row("xackdel",              AtLeast(5),    First,                OneServer,                  Write, MANY),
    row("xadd",                 AtLeast(4),    First,                OneServer,                  Write, TEXT),
    row("xautoclaim",           AtLeast(5),    First,                OneServer,                  Write, MANY),
    row("xcfgset",              AtLeast(1),    First,                OneServer,                  Once,  ANY),
    row("xclaim",               AtLeast(5),    First,                OneServer,                  Write, MANY),
    row("xdel",                 AtLeast(2),    First,                OneServer,                  Write, INTEGER),
    row("xdelex",               AtLeast(4),    First,                OneServer,                  Write, MANY),
    row("xgroup",               AtLeast(1),    Subcommand(XGROUP),   Anywhere,                   Write, ANY),
    row("xinfo",                AtLeast(1),    Subcommand(XINFO),    Anywhere,                   Read,  ANY),
    row("xlen",                 Exactly(1),    First,                OneServer,                  Read,  INTEGER),
    row("xnack",                AtLeast(1),    First,                OneServer,                  Write, ANY),
    row("xpending",             AtLeast(2),    First,                OneServer,                  Read,  MANY),
    row("xrange",               AtLeast(3),    First,                OneServer,                  Read,  MANY),
    row("xread",                AtLeast(3),    Streams,              Blocking(BehindBlock),      Read,  MANY),
    row("xreadgroup",           AtLeast(6),    Streams,              Blocking(BehindBlock),      Write, MANY),
    row("xrevrange",            AtLeast(3),    First,                OneServer,                  Read,  MANY),
    row("xsetid",               AtLeast(2),    First,                OneServer,                  Once,  STATUS),
    row("xtrim",                AtLeast(3),    First,                OneServer,                  Write, INTEGER),
    row("zadd",                 AtLeast(1),    First,                OneServer,                  Write, INTEGER_OR_NUMBER),
    row("zcard",                Exactly(1),    First,                OneServer,                  Read,  INTEGER),
    row("zcount",               Exactly(3),    First,                OneServer,                  Read,  INTEGER),
    row("zdiff",                AtLeast(2),    COMBINED,             OneServer,                  Read,  MANY),
    row("zdiffstore",           AtLeast(3),    StoreCounted,         OneServer,                  Write, INTEGER),
    row("zincrby",              Exactly(3),    First,                OneServer,                  Write, NUMBER),
    row("zinter",               AtLeast(2),    COMBINED,             OneServer,                  Read,  MANY),
    row("zintercard",           AtLeast(2),    COMBINED,             OneServer,                  Read,  INTEGER),
    row("zinterstore",          AtLeast(3),    StoreCounted,         OneServer,                  Write, INTEGER),
    row("zlexcount",            Exactly(3),    First,                OneServer,                  Read,  INTEGER),
    row("zmpop",                AtLeast(3),    POPPED,               OneServer,                  Write, MANY),
    row("zmscore",              AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("zpopmax",              AtLeast(1),    First,                OneServer,                  Write, MANY),
    row("zpopmin",              AtLeast(1),    First,                OneServer,                  Write, MANY),
    row("zrandmember",          AtLeast(1),    First,                OneServer,                  Read,  TEXT_OR_MANY),
    row("zrange",               AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("zrangebylex",          AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("zrangebyscore",        AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("zrangestore",          AtLeast(4),    FIRST_TWO,            OneServer,                  Write, INTEGER),
    row("zrank",                AtLeast(2),    First,                OneServer,                  Read,  INTEGER_OR_MANY),
    row("zrem",                 AtLeast(1),    First,                OneServer,                  Write, INTEGER),
    row("zremrangebylex",       Exactly(3),    First,                OneServer,                  Write, INTEGER),
    row("zremrangebyrank",      Exactly(3),    First,                OneServer,                  Write, INTEGER),
    row("zremrangebyscore",     Exactly(3),    First,                OneServer,                  Write, INTEGER),
    row("zrevrange",            AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("zrevrangebylex",       AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("zrevrangebyscore",     AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("zrevrank",             AtLeast(2),    First,                OneServer,                  Read,  INTEGER_OR_MANY),
    row("zscan",                AtLeast(1),    First,                OneServer,                  Read,  MANY),
    row("zscore",               Exactly(2),    First,                OneServer,                  Read,  NUMBER),
    row("zunion",               AtLeast(2),    COMBINED,             OneServer,                  Read,  MANY),
    row("zunionstore",          AtLeast(3),    StoreCounted,         OneServer,                  Write, INTEGER),
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
    kinds: Kinds,
) -> Command {
    let (writes, repeatable) = match effect {
        Read => (false, true),
        Write => (true, false),
        Once => (true, true),
    };
    Command { name, arity, keys, travel, writes, repeatable, kinds: kinds.or(ERRORS) }
}

#[cfg(test)]
mod tests;
