//! Forms of commands about the connection and the server.

use super::{Forms, any, as_is, proxy_alone};

/// The forms.
#[rustfmt::skip]
pub(super) const FORMS: &[Forms] = &[
    // The connection.
    any("ping", &["PING", "PING @v"]),
    any("echo", &["ECHO @v", "ECHO"]),
    as_is("quit", &["QUIT", "QUIT x"]),
    any("auth", &["AUTH @v", "AUTH default @v", "AUTH never @v", "AUTH", "AUTH never @v @v"]),
    as_is("select", &["SELECT 0", "SELECT 3", "SELECT 15", "SELECT 16|99", "SELECT x|-1", "SELECT", "SELECT 1 2"]),
    as_is("reset", &["RESET", "RESET x"]),
    as_is("hello", &["HELLO", "HELLO 2", "HELLO 3", "HELLO 3 SETNAME @v", "HELLO 4|1|x", "HELLO 3 AUTH default x", "HELLO 3 AUTH default", "HELLO 3 BAD", "HELLO 3 SETNAME"]),
    as_is("client", &[
        "CLIENT ID", "CLIENT SETNAME name|with-dash", "CLIENT GETNAME", "CLIENT INFO", "CLIENT LIST", "CLIENT NO-EVICT ON|OFF|x", "CLIENT HELP", "CLIENT BAD", "CLIENT",
        "CLIENT SETNAME", "CLIENT KILL ID 999999999", "CLIENT KILL 127.0.0.1:1", "CLIENT KILL BAD x", "CLIENT REPLY ON", "CLIENT REPLY x", "CLIENT LIST TYPE normal", "CLIENT LIST TYPE bad",
        "CLIENT GETREDIR", "CLIENT TRACKINGINFO", "CLIENT CACHING YES", "CLIENT UNBLOCK 999999999", "CLIENT SETINFO LIB-NAME x", "CLIENT NO-TOUCH ON",
    ]),
    // The server.
    any("time", &["TIME"]),
    any("command", &["COMMAND COUNT", "COMMAND INFO get", "COMMAND DOCS get", "COMMAND LIST", "COMMAND GETKEYS SET a b", "COMMAND GETKEYS MSET a b c d", "COMMAND GETKEYS EVAL x 2 a b c",
        "COMMAND GETKEYS XREAD STREAMS a b 0 0", "COMMAND GETKEYS PING", "COMMAND GETKEYS never a", "COMMAND HELP", "COMMAND BAD", "COMMAND", "COMMAND INFO never", "COMMAND GETKEYS ZUNIONSTORE d 2 a b",
        "COMMAND GETKEYS GET", "COMMAND GETKEYS SORT a STORE b", "COMMAND GETKEYS BITOP NOT a b"]),
    any("info", &["INFO", "INFO server|replication|keyspace|never", "INFO server clients"]),
    as_is("config", &["CONFIG GET maxmemory", "CONFIG GET save", "CONFIG GET databases", "CONFIG GET never-there", "CONFIG HELP", "CONFIG BAD", "CONFIG", "CONFIG GET"]),
    any("lolwut", &["LOLWUT", "LOLWUT VERSION 5 1"]),
    any("lastsave", &["LASTSAVE"]),
    any("role", &["ROLE"]),
    any("readonly", &["READONLY"]),
    any("readwrite", &["READWRITE"]),
    any("asking", &["ASKING"]),
    any("cluster", &["CLUSTER INFO", "CLUSTER SLOTS", "CLUSTER KEYSLOT a", "CLUSTER BAD", "CLUSTER", "CLUSTER HELP", "CLUSTER NODES a", "CLUSTER ADDSLOTS", "CLUSTER MEET a b", "CLUSTER FAILOVER"]),
    as_is("latency", &["LATENCY LATEST", "LATENCY HELP", "LATENCY BAD", "LATENCY"]),
    as_is("slowlog", &["SLOWLOG LEN", "SLOWLOG GET 0", "SLOWLOG HELP", "SLOWLOG BAD", "SLOWLOG"]),
    as_is("acl", &["ACL WHOAMI", "ACL CAT", "ACL HELP", "ACL BAD", "ACL"]),
    as_is("module", &["MODULE LIST", "MODULE HELP", "MODULE BAD", "MODULE"]),
    // A server would do these, and the proxy does not let them through.
    as_is("debug", &["DEBUG SLEEP 0", "DEBUG"]),
    proxy_alone("bgrewriteaof", &["BGREWRITEAOF"]),
    proxy_alone("bgsave", &["BGSAVE", "BGSAVE SCHEDULE"]),
    proxy_alone("save", &["SAVE"]),
    proxy_alone("failover", &["FAILOVER"]),
    proxy_alone("migrate", &["MIGRATE 127.0.0.1 1 @s 0 10"]),
    proxy_alone("monitor", &["MONITOR"]),
    proxy_alone("pfselftest", &["PFSELFTEST"]),
    proxy_alone("psync", &["PSYNC ? -1"]),
    proxy_alone("replconf", &["REPLCONF ACK 0"]),
    proxy_alone("replicaof", &["REPLICAOF NO ONE"]),
    proxy_alone("shutdown", &["SHUTDOWN NOSAVE"]),
    proxy_alone("slaveof", &["SLAVEOF NO ONE"]),
    proxy_alone("swapdb", &["SWAPDB 0 1"]),
    proxy_alone("sync", &["SYNC"]),
];
