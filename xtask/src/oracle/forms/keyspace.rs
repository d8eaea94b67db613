//! Forms of commands for keys of any sort, scripts and functions, transactions and channels.

use super::{Forms, any, as_is, proxy_alone};

/// The forms.
#[rustfmt::skip]
pub(super) const FORMS: &[Forms] = &[
    // Any key.
    any("copy", &["COPY @k @a", "COPY @k @k REPLACE", "COPY @s @k", "COPY @s @a BAD"]),
    any("del", &["DEL @k", "DEL [ @k ]+"]),
    any("dump", &["DUMP @s", "DUMP @z", "DUMP @a"]),
    any("exists", &["EXISTS @k", "EXISTS [ @k ]+"]),
    any("expire", &["EXPIRE @k @ttl", "EXPIRE @k @ttl NX|XX|GT|LT", "EXPIRE @s 100 NX GT", "EXPIRE @s 100 BAD"]),
    any("expireat", &["EXPIREAT @k 4000000000|1", "EXPIREAT @k 4000000000 NX|XX|GT|LT"]),
    any("expiretime", &["EXPIRETIME @k"]),
    any("persist", &["PERSIST @s"]),
    any("pexpire", &["PEXPIRE @k 5000000|0", "PEXPIRE @k 5000000 NX|XX|GT|LT"]),
    any("pexpireat", &["PEXPIREAT @k 4000000000000|1", "PEXPIREAT @k 4000000000000 LT"]),
    any("pexpiretime", &["PEXPIRETIME @k"]),
    any("pttl", &["PTTL @k"]),
    any("ttl", &["TTL @k"]),
    any("type", &["TYPE @k"]),
    any("touch", &["TOUCH [ @k ]+"]),
    any("unlink", &["UNLINK [ @k ]+"]),
    any("rename", &["RENAME @k @k", "RENAME @s @a", "RENAME @a @s"]),
    any("renamenx", &["RENAMENX @k @k", "RENAMENX @s @a"]),
    any("move", &["MOVE @s 3", "MOVE @s 0|x|99"]),
    any("object", &["OBJECT ENCODING @k", "OBJECT REFCOUNT @s", "OBJECT IDLETIME @s", "OBJECT FREQ @s", "OBJECT HELP", "OBJECT BAD @k", "OBJECT ENCODING"]),
    any("memory", &["MEMORY USAGE @k", "MEMORY USAGE @l SAMPLES 5", "MEMORY HELP", "MEMORY BAD", "MEMORY USAGE", "MEMORY DOCTOR", "MEMORY STATS", "MEMORY PURGE"]),
    any("restore", &["RESTORE @a 0 @dump", "RESTORE @s 0 @dump", "RESTORE @s 0 @dump REPLACE", "RESTORE @a 5000000 @dump", "RESTORE @a 0 bad", "RESTORE @a -1 @dump"]),
    any("restore-asking", &["RESTORE-ASKING @a 0 @dump"]),
    any("sort", &[
        "SORT @n", "SORT @L", "SORT @l ALPHA [ DESC ]? [ LIMIT 0 2 ]?", "SORT @L LIMIT 1 2 DESC", "SORT @l", "SORT @l ALPHA STORE @a", "SORT @e ALPHA",
        "SORT @L BY nosort", "SORT @L BY @pattern", "SORT @L GET #", "SORT @L GET @pattern", "SORT @L LIMIT 1", "SORT @L BAD",
    ]),
    any("sort_ro", &["SORT_RO @L [ DESC ]?", "SORT_RO @L STORE @a", "SORT_RO @l ALPHA LIMIT 1 2"]),
    any("scan", &["SCAN 0 COUNT 1000", "SCAN 0 MATCH @all COUNT 1000", "SCAN 0 TYPE string|list|bad COUNT 1000", "SCAN x|-1|99999999999999999999", "SCAN 0 BAD", "SCAN 0 COUNT 0|x"]),
    any("keys", &["KEYS *", "KEYS @all", "KEYS never*"]),
    any("dbsize", &["DBSIZE"]),
    any("randomkey", &["RANDOMKEY"]),
    as_is("wait", &["WAIT 0 10", "WAIT 1 20", "WAIT x 10", "WAIT 0 -1", "WAIT 0"]),
    // Scripts and functions.
    any("eval", &["EVAL @script 1 @s @v", "EVAL @script 2 @l @i @d", "EVAL @script 0 @v", "EVAL @script -1|x|9223372036854775808|3 @s", "EVAL nolua 0"]),
    any("eval_ro", &["EVAL_RO @script 1 @s @v", "EVAL_RO @script 0"]),
    any("evalsha", &["EVALSHA ffffffffffffffffffffffffffffffffffffffff 1 @s", "EVALSHA short 0", "EVALSHA @digest 1 @s"]),
    any("evalsha_ro", &["EVALSHA_RO ffffffffffffffffffffffffffffffffffffffff 1 @s"]),
    as_is("script", &["SCRIPT LOAD @script", "SCRIPT EXISTS @digest ffffffffffffffffffffffffffffffffffffffff", "SCRIPT HELP", "SCRIPT BAD", "SCRIPT", "SCRIPT LOAD", "SCRIPT EXISTS", "SCRIPT KILL", "SCRIPT LOAD nolua", "SCRIPT FLUSH BAD"]),
    as_is("function", &["FUNCTION LIST", "FUNCTION LOAD REPLACE @library", "FUNCTION LOAD @library", "FUNCTION DELETE never", "FUNCTION HELP", "FUNCTION BAD", "FUNCTION", "FUNCTION LOAD nolua", "FUNCTION LIST LIBRARYNAME oracle"]),
    any("fcall", &["FCALL never 0", "FCALL never 1 @s", "FCALL never -1|x 1"]),
    any("fcall_ro", &["FCALL_RO never 1 @s"]),
    // Transactions. What they are made of is in `scenes.rs`.
    as_is("multi", &["MULTI", "MULTI x"]),
    as_is("exec", &["EXEC", "EXEC x"]),
    as_is("discard", &["DISCARD", "DISCARD x"]),
    as_is("watch", &["WATCH [ @k ]+", "WATCH"]),
    as_is("unwatch", &["UNWATCH", "UNWATCH x"]),
    // Channels. Conversations are in `scenes.rs`.
    as_is("subscribe", &["SUBSCRIBE @channel", "SUBSCRIBE @channel @channel", "SUBSCRIBE"]),
    as_is("psubscribe", &["PSUBSCRIBE @channel", "PSUBSCRIBE"]),
    as_is("ssubscribe", &["SSUBSCRIBE @channel", "SSUBSCRIBE"]),
    as_is("unsubscribe", &["UNSUBSCRIBE @channel", "UNSUBSCRIBE"]),
    as_is("punsubscribe", &["PUNSUBSCRIBE @channel", "PUNSUBSCRIBE"]),
    as_is("sunsubscribe", &["SUNSUBSCRIBE @channel", "SUNSUBSCRIBE"]),
    any("publish", &["PUBLISH @channel @v", "PUBLISH @channel"]),
    any("spublish", &["SPUBLISH @channel @v", "SPUBLISH @channel"]),
    as_is("pubsub", &["PUBSUB CHANNELS", "PUBSUB NUMSUB @channel", "PUBSUB NUMSUB", "PUBSUB NUMPAT", "PUBSUB SHARDCHANNELS", "PUBSUB SHARDNUMSUB @channel", "PUBSUB HELP", "PUBSUB BAD", "PUBSUB"]),
    // Whole data sets.
    proxy_alone("flushall", &["FLUSHALL", "FLUSHALL ASYNC"]),
    proxy_alone("flushdb", &["FLUSHDB", "FLUSHDB SYNC"]),
];
