//! What the words of a form that begin with `@` and are no keys stand for.
//!
//! | word | is |
//! |---|---|
//! | `@v @m` | a small value; a member or field, of a dozen |
//! | `@d @o @u @f` | a small integer with a sign, an offset, a score, a number with a fraction |
//! | `@ttl @id` | a time to live, an entry of a stream |
//! | `@dump` | a serialized string, or something broken |
//! | `@script @publish @library` | a script, one that publishes, a library |
//! | `@digest` | the digest that the last `SCRIPT LOAD` of the case was answered with |
//! | `@channel @ch1 ... @chp` | a channel, a certain one, a pattern of all of them |
//! | `@pattern @all` | a pattern for `SORT`, one of all keys of the case |

use super::keys::{Keys, SORTS};
use crate::random::Random;
use crate::values;

/// Stands for a digest until a case is played.
pub(crate) const DIGEST: &[u8] = b"@digest";

/// Scripts. Each gets keys, and arguments or not, and answers the same again.
const SCRIPTS: &[&str] = &[
    "return redis.call('get',KEYS[1])",
    "return redis.call('set',KEYS[1],ARGV[1])",
    "return {1,2,{3,'four',false},ARGV[1],KEYS[2]}",
    "return redis.status_reply('FINE')",
    "return redis.error_reply('MINE is an error')",
    "return redis.pcall('lpush',KEYS[1],ARGV[1])",
    "return nil",
    "return tonumber(ARGV[1])",
    "redis.setresp(3); return redis.call('hgetall',KEYS[1])",
    "return {double=3.5}",
];

/// A serialized string, "soak", as Redis 7.0 writes it, and one whose sum is wrong.
const DUMPED: [&[u8]; 3] = [
    b"\x00\x04soak\n\x00\xa7)0\x91k\x16Q\xd7",
    b"\x00\x04soak\n\x00\xa7)0\x91k\x16Q\xd7",
    b"\x00\x04soak\n\x00AAAAAAAA",
];

/// Draws what a form asks for.
///
/// # Panics
/// When there is no such thing.
pub(crate) fn word(what: &str, keys: &mut Keys, random: &mut Random) -> Vec<u8> {
    match *what.as_bytes() {
        [sort] if sort == b'k' || SORTS.contains(&sort) => return keys.draw(sort, random),
        [sort, nth @ b'0'..=b'9'] if SORTS.contains(&sort) => return keys.key(sort, nth - b'0'),
        _ => {}
    }
    let text = match what {
        "v" => return values::small(random),
        "m" => return member(random),
        "d" => number(random),
        "o" => random.below(40).to_string(),
        "u" => {
            const SCORES: [&str; 9] = ["0", "1", "2", "3", "3.5", "-1", "inf", "1e3", "x"];
            (*random.pick(&SCORES)).to_owned()
        }
        "f" => format!("{}.{:02}", random.below(60), random.below(100)),
        "ttl" => {
            const TIMES: [&str; 6] = ["5000", "100000", "5000", "0", "-1", "9999999999999999"];
            (*random.pick(&TIMES)).to_owned()
        }
        "id" => {
            const IDS: [&str; 8] = ["1-1", "2-1", "3-1", "3-2", "9-9", "2", "0-0", "x"];
            (*random.pick(&IDS)).to_owned()
        }
        "dump" => return random.pick(&DUMPED).to_vec(),
        // A script of another case must not be known from there.
        "script" => format!("{} --{}", random.pick(SCRIPTS), keys.tag()),
        "publish" => "return redis.call('publish',KEYS[1],'from a script')".to_owned(),
        "library" => "#!lua name=oracle\nredis.register_function{function_name='oracle', \
                      callback=function(keys, args) return redis.call('get', keys[1]) end, \
                      flags={'no-writes'}}"
            .to_owned(),
        "digest" => return DIGEST.to_vec(),
        "channel" => return keys.tagged(&format!("ch{}", random.below(3))),
        "chp" => return keys.tagged("ch*"),
        "pattern" => return keys.tagged("w*"),
        "all" => return keys.tagged("*"),
        channel if channel.starts_with("ch") => return keys.tagged(channel),
        _ => panic!("nothing is called @{what}"),
    };
    text.into_bytes()
}

/// Words that are put where others belong. None is a small number above 0: as a time to live in
/// milliseconds it would end now for one server, and for the other later.
pub(crate) const CARELESS: [&str; 16] = [
    "0",
    "-1",
    "x",
    "",
    "LIMIT",
    "WITHSCORES",
    "99999999999999999999",
    "9223372036854775808",
    "1.5",
    "nan",
    "-inf",
    "COUNT",
    "9223372036854775807",
    "GET",
    "NX",
    "m1",
];

fn member(random: &mut Random) -> Vec<u8> {
    match random.below(16) {
        0..12 => format!("m{}", random.below(8)).into_bytes(),
        12 => Vec::new(),
        13 => b"\r\n\0\xff".to_vec(),
        14 => vec![b'l'; 70],
        _ => random.below(5).to_string().into_bytes(),
    }
}

/// A number: mostly small, with a sign; rarely at the end of 64 bits.
fn number(random: &mut Random) -> String {
    match random.below(30) {
        0 => i64::MAX.to_string(),
        1 => i64::MIN.to_string(),
        2 => "many".to_owned(),
        _ => (random.below(16) as i64 - 5).to_string(),
    }
}
