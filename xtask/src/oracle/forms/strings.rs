//! Forms of commands for strings, bits and HyperLogLogs.

use super::{Forms, any};

/// The forms.
#[rustfmt::skip]
pub(super) const FORMS: &[Forms] = &[
    any("append", &["APPEND @s @v", "APPEND @a @v"]),
    any("bitcount", &["BITCOUNT @b", "BITCOUNT @s @d @d", "BITCOUNT @b @d @d BYTE|BIT|bad"]),
    any("bitfield", &[
        "BITFIELD @b GET u8 @o", "BITFIELD @b SET i5 @o @d GET u4 #1", "BITFIELD @b OVERFLOW WRAP|SAT|FAIL|x INCRBY u2 @o @d",
        "BITFIELD @b GET u64|i65|x 0", "BITFIELD @b",
    ]),
    any("bitfield_ro", &["BITFIELD_RO @b GET u8 @o", "BITFIELD_RO @b SET u8 0 1", "BITFIELD_RO @b"]),
    any("bitop", &["BITOP AND|OR|XOR @a @b @s", "BITOP NOT @a @b", "BITOP NOT @a @b @s", "BITOP XOR|BAD @b [ @s ]+"]),
    any("bitpos", &["BITPOS @b 0|1", "BITPOS @b 0|1|2 @d [ @d ]?", "BITPOS @b 1 0 -1 BYTE|BIT"]),
    any("decr", &["DECR @i", "DECR @a"]),
    any("decrby", &["DECRBY @i @d", "DECRBY @s @d"]),
    any("get", &["GET @s", "GET @k"]),
    any("getbit", &["GETBIT @b @o", "GETBIT @b -1"]),
    any("getdel", &["GETDEL @s", "GETDEL @k"]),
    any("getex", &["GETEX @s", "GETEX @s EX|PX @ttl", "GETEX @s PERSIST", "GETEX @s EXAT 4000000000", "GETEX @s EX", "GETEX @s PERSIST EX 5000"]),
    any("getrange", &["GETRANGE @s @d @d", "GETRANGE @a 0 -1"]),
    any("getset", &["GETSET @s @v"]),
    any("incr", &["INCR @i", "INCR @a", "INCR @s"]),
    any("incrby", &["INCRBY @i @d"]),
    any("incrbyfloat", &["INCRBYFLOAT @i @f", "INCRBYFLOAT @i -3.0e2|nan|inf|x"]),
    any("lcs", &["LCS @s @s", "LCS @s @s LEN", "LCS @s @s IDX [ MINMATCHLEN @o ]? [ WITHMATCHLEN ]?", "LCS @s @a LEN IDX"]),
    any("mget", &["MGET @s", "MGET [ @k ]+", "MGET @s [ @i ]+ @a"]),
    any("mset", &["MSET @s @v", "MSET [ @s @v ]+", "MSET @a @v @i @d"]),
    any("msetnx", &["MSETNX @a @v", "MSETNX @a @v @a @v", "MSETNX @a @v @s @v"]),
    any("psetex", &["PSETEX @s 5000000 @v", "PSETEX @s 0|-1|x @v"]),
    any("set", &[
        "SET @s @v", "SET @i @d", "SET @s @v NX|XX|GET|KEEPTTL", "SET @s @v KEEPTTL GET", "SET @s @v EX|PX @ttl [ NX|XX|GET ]?",
        "SET @s @v EXAT 4000000000", "SET @s @v PXAT 4000000000000", "SET @s @v NX GET", "SET @s @v BAD", "SET @s @v EX", "SET @s @v NX XX",
    ]),
    any("setbit", &["SETBIT @b @o 0|1|2", "SETBIT @a @o 1"]),
    any("setex", &["SETEX @s @ttl @v"]),
    any("setnx", &["SETNX @s @v", "SETNX @a @v"]),
    any("setrange", &["SETRANGE @s @o @v", "SETRANGE @a -1 @v"]),
    any("strlen", &["STRLEN @s", "STRLEN @a"]),
    any("substr", &["SUBSTR @s @d @d"]),
    any("pfadd", &["PFADD @p [ @m ]+", "PFADD @a", "PFADD @s x"]),
    any("pfcount", &["PFCOUNT @p", "PFCOUNT @p [ @p ]+ @a"]),
    any("pfmerge", &["PFMERGE @a @p @p", "PFMERGE @p", "PFMERGE @p @s"]),
    any("pfdebug", &["PFDEBUG ENCODING|GETREG|DECODE|TODENSE @p"]),
];
