//! Scenes: requests that belong together, of one client or two.
//!
//! A line is who speaks (`A` or `B`) and a form. `#n` at its end says how many replies it waits for,
//! where that is not the ordinary number; `A #1` waits without saying anything, and `wait` gives
//! what was said time to arrive. `SCAN...` stands for a whole iteration, from cursor to cursor.

/// One scene: the command it is counted for, and its lines.
pub(crate) type Scene = (&'static str, &'static [&'static str]);

/// Scenes whose keys live together.
#[rustfmt::skip]
pub(crate) const TOGETHER: &[Scene] = &[
    // Transactions.
    ("multi", &["A MULTI", "A SET @s0 x", "A INCR @i0", "A EXEC", "A GET @s0"]),
    ("multi", &["A MULTI", "A SET @s0 x", "A LPUSH @s0 y", "A GET @s0", "A EXEC"]),
    ("multi", &["A MULTI", "A NEVER x", "A SET @s0 v", "A EXEC", "A GET @s0"]),
    ("multi", &["A MULTI", "A SET @s0", "A SET @s0 v", "A EXEC", "A GET @s0"]),
    ("multi", &["A MULTI", "A MULTI", "A GET @s0", "A EXEC"]),
    ("multi", &["A MULTI", "A EXEC", "A EXEC"]),
    ("multi", &["A MULTI", "A BLPOP @a0 0", "A BLPOP @l0 0", "A EXEC"]),
    ("multi", &["A MULTI", "A PING", "A ECHO hi", "A GET @s0", "A EXEC"]),
    ("multi", &["A MULTI", "A PING", "A EXEC"]),
    ("multi", &["A MULTI", "A EVAL @script 1 @s0 v", "A HGETALL @h0", "A SMEMBERS @e0", "A ZSCORE @z0 m1", "A EXEC"]),
    ("multi", &["A MULTI", "A MGET @s0 @i0 @a0", "A DEL @s0 @i0", "A MSET @s0 a @i0 1", "A EXISTS @s0 @i0 @a0", "A EXEC"]),
    ("multi", &["A MULTI", "A GET @s0", "A RESET", "A EXEC"]),
    ("multi", &["A MULTI", "A GET @s0", "A QUIT", "A PING"]),
    ("multi", &["A MULTI", "A SELECT 3", "A SET @s0 three", "A SELECT 0", "A GET @s0", "A EXEC", "A SELECT 3", "A GET @s0"]),
    ("multi", &["A MULTI", "A XREAD STREAMS @x0 0", "A SORT @L0", "A OBJECT ENCODING @l0", "A EXEC"]),
    ("multi", &["A MULTI", "A PUBLISH @ch1 hi", "A EXEC"]),
    ("multi", &["A MULTI", "A CLIENT SETNAME inside", "A CLIENT GETNAME", "A GET @s0", "A EXEC"]),
    ("multi", &["A MULTI", "A DBSIZE", "A GET @s0", "A KEYS @s0", "A EXEC"]),
    ("multi", &["A MULTI", "A CLIENT KILL ID 1", "A GET @s0", "A EXEC"]),
    ("multi", &["A GET @s0", "A MULTI", "A GET @s0", "A GET @h0", "A EXEC", "A GET @s0", "A MULTI", "A INCR @i0", "A EXEC"]),
    ("exec", &["A MULTI", "A HGETALL @h0", "A SMEMBERS @e0", "A ZRANGE @z0 0 -1 WITHSCORES", "A GET @a0", "A LRANGE @a0 0 -1", "A XRANGE @x0 - +", "A LPOP @a0 2", "A INCRBYFLOAT @i0 0.5", "A EXEC"]),
    ("exec", &["A MULTI", "A GET @s0", "A EXEC x", "A EXEC", "A GET @s0"]),
    ("discard", &["A MULTI", "A SET @s0 x", "A DISCARD", "A GET @s0", "A DISCARD"]),
    ("watch", &["A WATCH @s0", "B SET @s0 new", "A MULTI", "A GET @s0", "A EXEC", "A GET @s0"]),
    ("watch", &["A WATCH @s0", "A MULTI", "A GET @s0", "A EXEC"]),
    ("watch", &["A WATCH @s0 @l0 @a0", "B RPUSH @l0 x", "A MULTI", "A GET @s0", "A EXEC", "A MULTI", "A GET @s0", "A EXEC"]),
    ("watch", &["A WATCH @s0", "A SET @s0 own", "A MULTI", "A GET @s0", "A EXEC"]),
    ("watch", &["A WATCH @a0", "B SET @a0 there", "A MULTI", "A EXEC"]),
    ("watch", &["A MULTI", "A WATCH @s0", "A GET @s0", "A EXEC"]),
    ("unwatch", &["A WATCH @s0", "A UNWATCH", "B SET @s0 new", "A MULTI", "A GET @s0", "A EXEC"]),
    ("unwatch", &["A MULTI", "A UNWATCH", "A GET @s0", "A EXEC"]),
    ("watch", &["A WATCH @s0", "B SET @s0 new", "A MULTI", "A GET @s0", "A DISCARD", "A MULTI", "A GET @s0", "A EXEC"]),
    // Databases and handshakes.
    ("select", &["A SELECT 3", "A SET @s0 three", "A SELECT 0", "A GET @s0", "B GET @s0", "A SELECT 3", "A GET @s0", "A DEL @s0", "A SELECT 15", "A EXISTS @s0"]),
    ("select", &["A SELECT 3", "A MSET @s0 a @i0 b", "A MGET @s0 @i0 @a0", "A RESET", "A GET @s0"]),
    ("hello", &["A HELLO 3", "A HGETALL @h0", "A ZSCORE @z0 m2", "A GET @a0", "A SMEMBERS @e0", "A HELLO 2", "A HGETALL @h0", "A ZSCORE @z0 m2"]),
    ("hello", &["A HELLO 3", "A MGET @s0 @a0 @i0", "A RESET", "A MGET @s0 @a0 @i0"]),
    ("hello", &["A HELLO 2 SETNAME you", "A CLIENT GETNAME", "A HELLO 9", "A CLIENT GETNAME"]),
    ("client", &["A CLIENT SETNAME me", "A CLIENT GETNAME", "B CLIENT GETNAME", "A RESET", "A CLIENT GETNAME"]),
    ("client", &["A CLIENT SETNAME me", "A CLIENT SETNAME with space", "A CLIENT GETNAME"]),
    ("client", &["A CLIENT REPLY OFF #0", "A SET @s0 unseen #0", "A CLIENT REPLY ON #1", "A GET @s0"]),
    ("client", &["A CLIENT REPLY SKIP #0", "A GET @s0 #0", "A GET @s0"]),
    ("client", &["A CLIENT REPLY OFF #0", "A MULTI #0", "A SET @s0 unseen #0", "A EXEC #0", "A CLIENT REPLY ON #1", "A GET @s0"]),
    ("client", &["A CLIENT REPLY SKIP #0", "A MULTI #0", "A GET @s0", "A PING", "A EXEC", "A GET @s0"]),
    ("client", &["A CLIENT REPLY SKIP #0", "A MULTI #0", "A PING", "A NEVER x", "A GET @s0", "A EXEC", "A GET @s0"]),
    ("client", &["A CLIENT REPLY SKIP #0", "A WATCH @s0 #0", "A MULTI", "A GET @s0", "A EXEC"]),
    ("client", &["A CLIENT REPLY SKIP #0", "A BLPOP @l0 1 #0", "A NEVER x", "A LLEN @l0"]),
    ("client", &["A CLIENT REPLY OFF #0", "A BLPOP @l0 1 #0", "A NEVER x #0", "A WATCH @s0 #0", "A UNWATCH #0", "A CLIENT REPLY ON #1", "A LLEN @l0"]),
    ("quit", &["A SET @s0 last", "A QUIT", "A PING"]),
    // Channels.
    ("subscribe", &["A SUBSCRIBE @ch1 @ch2", "B PUBLISH @ch1 hi", "A #1", "B PUBLISH @ch2 ho", "A #1", "A UNSUBSCRIBE @ch1", "B PUBLISH @ch1 x", "A UNSUBSCRIBE", "A PING"]),
    ("subscribe", &["A SUBSCRIBE @ch1", "A GET @s0", "A PING hi", "A PING", "A UNSUBSCRIBE @ch1", "A PING", "A GET @s0"]),
    ("subscribe", &["A SUBSCRIBE @ch1", "A HGETALL @h0", "A MULTI", "A ZSCORE @z0 m1", "A EXEC", "A BLPOP @l0 1", "B PUBLISH @ch1 hi", "A #1", "A SET @s0 v", "A PUBLISH @ch2 ho", "A UNSUBSCRIBE", "A GET @s0"]),
    ("subscribe", &["A SUBSCRIBE @ch1 @ch1", "A UNSUBSCRIBE @ch1 @ch1"]),
    ("subscribe", &["A SUBSCRIBE @ch1", "A RESET", "A PING", "B PUBLISH @ch1 gone"]),
    ("subscribe", &["A SUBSCRIBE @ch1", "A QUIT"]),
    ("subscribe", &["A SUBSCRIBE @ch1", "A MULTI", "A SET @s0 x", "A EXEC"]),
    ("subscribe", &["A SUBSCRIBE @ch1", "B MULTI", "B SET @s0 x", "B PUBLISH @ch1 within", "B EXEC", "A #1"]),
    ("subscribe", &["A SUBSCRIBE @ch1", "B EVAL @publish 1 @ch1", "A #1"]),
    ("psubscribe", &["A PSUBSCRIBE @chp", "B PUBLISH @ch1 hi", "A #1", "A PUNSUBSCRIBE @chp", "B PUBLISH @ch1 hi"]),
    ("psubscribe", &["A SUBSCRIBE @ch1", "A PSUBSCRIBE @chp", "B PUBLISH @ch1 both", "A #2", "A PUNSUBSCRIBE", "A UNSUBSCRIBE"]),
    ("psubscribe", &["A PSUBSCRIBE @chp @chp", "A PUNSUBSCRIBE never", "A PUNSUBSCRIBE"]),
    ("ssubscribe", &["A SSUBSCRIBE @ch1", "B SPUBLISH @ch1 hi", "A #1", "A SUNSUBSCRIBE @ch1", "B SPUBLISH @ch1 hi"]),
    ("ssubscribe", &["A SSUBSCRIBE @ch1 @ch2", "A SUBSCRIBE @ch1", "B PUBLISH @ch1 hi", "A #1", "A SUNSUBSCRIBE @ch2", "A SUNSUBSCRIBE"]),
    ("unsubscribe", &["A UNSUBSCRIBE", "A PUNSUBSCRIBE", "A SUNSUBSCRIBE", "A UNSUBSCRIBE @ch1 @ch2"]),
    ("publish", &["B PUBLISH @ch1 none", "A SUBSCRIBE @ch1", "B PUBLISH @ch1 one", "A #1"]),
    ("pubsub", &["A SUBSCRIBE @ch1", "B PUBSUB NUMSUB @ch1 @ch2", "B PUBSUB CHANNELS @chp", "B PUBSUB NUMPAT", "A PSUBSCRIBE @chp", "B PUBSUB NUMPAT", "B PUBSUB CHANNELS"]),
    ("pubsub", &["A SUBSCRIBE @ch1 @ch2", "B SUBSCRIBE @ch1", "B PUBSUB NUMSUB @ch1 @ch2", "B UNSUBSCRIBE @ch1", "B PUBSUB NUMSUB @ch1 @ch2", "B PUBSUB CHANNELS"]),
    ("pubsub", &["A SSUBSCRIBE @ch1", "B SSUBSCRIBE @ch1 @ch2", "B PUBSUB SHARDNUMSUB @ch1 @ch2", "B SUNSUBSCRIBE @ch1", "B PUBSUB SHARDNUMSUB @ch1 @ch2"]),
    ("pubsub", &["A SSUBSCRIBE @ch1", "B PUBSUB SHARDNUMSUB @ch1 @ch2", "B PUBSUB SHARDCHANNELS @chp"]),
    // Waiting for another client.
    ("blpop", &["A BLPOP @a0 3 #0", "wait", "B RPUSH @a0 v", "A #1"]),
    ("blpop", &["A BLPOP @a0 @a1 3 #0", "wait", "B RPUSH @a1 v w", "A #1", "A BLPOP @a0 @a1 3"]),
    ("blmove", &["A BLMOVE @a0 @l0 LEFT LEFT 3 #0", "wait", "B RPUSH @a0 v", "A #1"]),
    ("blmpop", &["A BLMPOP 3 2 @a0 @a1 LEFT COUNT 2 #0", "wait", "B RPUSH @a1 v w x", "A #1"]),
    ("bzpopmin", &["A BZPOPMIN @a0 3 #0", "wait", "B ZADD @a0 1.5 m", "A #1"]),
    ("bzmpop", &["A BZMPOP 3 1 @a0 MAX #0", "wait", "B ZADD @a0 1.5 m 2 n", "A #1"]),
    ("xread", &["A XREAD BLOCK 3000 STREAMS @x0 $ #0", "wait", "B XADD @x0 9-9 f v", "A #1"]),
    ("xreadgroup", &["A XREADGROUP GROUP g1 c9 BLOCK 3000 STREAMS @x1 > #0", "A #1", "A XREADGROUP GROUP g1 c9 BLOCK 3000 STREAMS @x1 > #0", "wait", "B XADD @x1 9-9 f v", "A #1"]),
    ("blpop", &["A BLPOP @l0 0", "A GET @s0", "A BLPOP @a0 0.02", "A GET @s0"]),
    // Scripts and functions.
    ("evalsha", &["A SCRIPT LOAD @script", "A SCRIPT EXISTS @digest", "A EVALSHA @digest 1 @s0 v", "A EVALSHA @digest 2 @s0 @i0", "B EVALSHA @digest 1 @i0 7"]),
    ("script", &["A EVALSHA @digest 1 @s0", "A SCRIPT LOAD @script", "A SCRIPT FLUSH", "A SCRIPT EXISTS @digest", "A SCRIPT LOAD @script", "A SCRIPT EXISTS @digest @digest 00"]),
    ("fcall", &["A FUNCTION LOAD @library", "A FCALL oracle 1 @s0", "A FCALL_RO oracle 1 @s0", "A FUNCTION LIST", "A FUNCTION LOAD @library", "A FUNCTION LOAD REPLACE @library", "A FUNCTION DELETE oracle", "A FCALL oracle 1 @s0"]),
    ("function", &["A FUNCTION LOAD @library", "A FUNCTION LIST LIBRARYNAME oracle WITHCODE", "A FUNCTION LIST LIBRARYNAME never", "A FUNCTION DELETE oracle", "A FUNCTION DELETE oracle"]),
];

/// Scenes whose keys live on several servers.
#[rustfmt::skip]
pub(crate) const APART: &[Scene] = &[
    ("mget", &["A MGET @s0 @i0 @a0 @h0 @s1 @i1 @e0 @b0 @s2 @i2", "A MGET @s0 @s0 @i0 @s0"]),
    ("mset", &["A MSET @s0 a @s1 b @s2 c @i0 1 @i1 2 @h0 d @a0 e @a1 f", "A MGET @s0 @s1 @s2 @i0 @i1 @h0 @a0 @a1", "A MSET @s0 a @s1", "A MSET @s0 a @s0 b @s1 c", "A MGET @s0 @s1"]),
    ("del", &["A DEL @s0 @s0 @i0 @a0 @h0 @e0 @l0 @z0", "A EXISTS @s0 @i0 @h0 @e0 @l0 @z0 @x0"]),
    ("unlink", &["A UNLINK @s0 @i0 @a0 @h0 @e0 @l3 @z3 @h3", "A EXISTS @s0 @i0 @h0 @e0 @l3"]),
    ("exists", &["A EXISTS @s0 @s0 @i0 @a0 @h0 @e0 @l0 @z0 @x0 @g0 @p0"]),
    ("touch", &["A TOUCH @s0 @s0 @i0 @a0 @h0 @e0 @l0 @z0 @x0"]),
    ("dbsize", &["A DBSIZE", "A SET @s0 x", "A SET @s1 x", "A SET @s2 x", "A SET @i0 1", "A DBSIZE", "A DEL @s0 @s1", "A DBSIZE"]),
    ("keys", &["A MSET @s0 x @s1 x @s2 x @i0 1 @h0 v @l0 x", "A KEYS *", "A KEYS *s*", "A KEYS never*"]),
    ("scan", &["A SCAN...", "A MSET @s0 x @s1 x @s2 x @i0 1 @h0 v @l0 x @a0 x @a1 y @a2 z", "A SCAN...", "A SCAN... COUNT 1", "A SCAN... MATCH *s*", "A SCAN... COUNT 1000"]),
    ("scan", &["A PING", "A LLEN @l0", "A LLEN @l1", "A SCARD @e0", "A HLEN @h0", "A HLEN @h1", "A GET @s0", "A SCAN... TYPE list", "A SCAN... TYPE string COUNT 2", "A SCAN... TYPE hash MATCH *h1"]),
    ("scan", &["A SCAN 123456789123456789", "A SCAN 4", "A SCAN 0 COUNT 0", "A SCAN 0 TYPE", "A SCAN -1", "A SCAN 18446744073709551615", "A SCAN 18446744073709551616"]),
    ("randomkey", &["A RANDOMKEY", "A SET @s0 x", "A RANDOMKEY", "A DEL @s0", "A RANDOMKEY"]),
    ("script", &["A SCRIPT LOAD @script", "A SCRIPT EXISTS @digest 00", "A EVALSHA @digest 1 @s0 v", "A EVALSHA @digest 1 @s1 v", "A EVALSHA @digest 1 @i0 1", "A EVALSHA @digest 1 @l0 v", "A SCRIPT FLUSH SYNC", "A SCRIPT EXISTS @digest"]),
    ("evalsha", &["A EVAL @script 1 @s0 v", "A SCRIPT LOAD @script", "A EVALSHA @digest 1 @s0 v", "A EVALSHA @digest 1 @s1 v", "A EVALSHA @digest 1 @i1 v", "A EVALSHA @digest 1 @i2 v", "A EVALSHA @digest 1 @e1 v"]),
    ("function", &["A FUNCTION LOAD @library", "A FCALL oracle 1 @s0", "A FCALL oracle 1 @s1", "A FCALL oracle 1 @i0", "A FCALL oracle 1 @i1", "A FUNCTION DELETE oracle", "A FCALL oracle 1 @s1"]),
    ("select", &["A SELECT 5", "A MSET @s0 a @s1 b @i0 c @i1 d", "A MGET @s0 @s1 @i0 @i1 @a0", "A DBSIZE", "A SELECT 0", "A MGET @s0 @s1 @i0 @i1 @a0"]),
    ("subscribe", &["A SUBSCRIBE @ch1 @ch2 @ch3 @ch4", "B PUBLISH @ch3 hi", "A #1", "B PUBLISH @ch1 hi", "A #1", "A UNSUBSCRIBE @ch1 @ch4", "B PUBLISH @ch1 x", "B PUBLISH @ch2 y", "A #1"]),
    ("psubscribe", &["A PSUBSCRIBE @chp", "B PUBLISH @ch1 hi", "A #1", "B PUBLISH @ch2 hi", "A #1", "B PUBLISH @ch3 hi", "A #1", "B PUBLISH @ch4 hi", "A #1", "A PUNSUBSCRIBE", "B PUBLISH @ch1 x"]),
    ("pubsub", &["A SUBSCRIBE @ch1 @ch2 @ch3 @ch4", "B PUBSUB NUMSUB @ch1 @ch2 @ch5", "B PUBSUB CHANNELS", "B PUBSUB CHANNELS @chp"]),
    ("multi", &["A MULTI", "A SET @s0 x", "A GET @s0", "A EXEC", "A MULTI", "A SET @s1 x", "A EXEC", "A MULTI", "A INCR @i0", "A EXEC"]),
    // What cannot be done for keys that live apart is refused.
    ("sunion", &["A SUNION @e0 @e1 @e2 @e3 @n0 @n1 @n2"]),
    ("sinterstore", &["A SINTERSTORE @a0 @e0 @e1 @e2 @e3 @n0 @n1"]),
    ("sdiff", &["A SDIFF @e0 @e1 @e2 @e3 @n0 @n1"]),
    ("sintercard", &["A SINTERCARD 6 @e0 @e1 @e2 @e3 @n0 @n1"]),
    ("zunion", &["A ZUNION 6 @z0 @z1 @z2 @z3 @y0 @y1"]),
    ("zunionstore", &["A ZUNIONSTORE @a0 6 @z0 @z1 @z2 @z3 @y0 @y1"]),
    ("pfcount", &["A PFCOUNT @p0 @p1 @p2 @p3 @a0 @a1"]),
    ("pfmerge", &["A PFMERGE @a0 @p0 @p1 @p2 @p3"]),
    ("bitop", &["A BITOP OR @a0 @b0 @b1 @b2 @b3 @s0"]),
    ("msetnx", &["A MSETNX @a0 x @a1 y @a2 z @a3 z @s0 q @s1 r"]),
    ("lmpop", &["A LMPOP 6 @a0 @a1 @l0 @l1 @l2 @l3 LEFT"]),
    ("zmpop", &["A ZMPOP 6 @a0 @a1 @z0 @z1 @z2 @z3 MIN"]),
    ("blpop", &["A BLPOP @a0 @a1 @a2 @l0 @l1 @l2 1"]),
    ("bzpopmin", &["A BZPOPMIN @a0 @a1 @a2 @z0 @z1 @z2 1"]),
    ("xread", &["A XREAD STREAMS @x0 @x1 @x2 @x3 @a0 0 0 0 0 0"]),
    ("eval", &["A EVAL @script 6 @s0 @s1 @s2 @i0 @i1 @i2 v"]),
    ("watch", &["A WATCH @s0 @s1 @s2 @s3 @i0 @i1"]),
    ("multi", &["A MULTI", "A SET @s0 x", "A SET @s1 x", "A SET @s2 x", "A SET @i0 x", "A SET @i1 x", "A SET @i2 x", "A EXEC"]),
    ("ssubscribe", &["A SSUBSCRIBE @ch1 @ch2 @ch3 @ch4 @ch5 @ch6"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_speaks() {
        for (name, lines) in TOGETHER.iter().chain(APART) {
            for line in *lines {
                let speaks = line.starts_with("A ") || line.starts_with("B ") || *line == "wait";
                assert!(speaks, "{name}: {line}");
            }
        }
    }
}
