//! What the original does not serve: it closes at each of these. And what it passes on to the
//! server, whose connection is then out of step or closed.

use super::{Asker, LONGEST_KEY};
use crate::random::Random;
use crate::values;

/// A request, the kind of the rule for it, and what the rule's text is filled in with.
struct Odd {
    kind: &'static str,
    fields: Vec<(&'static str, Vec<u8>)>,
    bytes: Vec<u8>,
}

/// Ends a stream with something that the original does not serve, and more behind it.
pub(super) fn tail(asker: &mut Asker<'_>, is_spoiling: bool) {
    // On a connection that is out of step anybody gets the wrong answer: nothing may be
    // outstanding.
    let is_staged = is_spoiling || asker.random.chance(500);
    asker.draft.begin_tail(is_staged);
    let Odd { kind, fields, bytes } = if is_spoiling { spoiling(asker) } else { any(asker) };
    asker.draft.odd(kind, fields, &bytes);
    if is_spoiling {
        return;
    }
    for nth in 0..asker.random.below(6) {
        if asker.random.chance(300) {
            let Odd { kind, fields, bytes } = any(asker);
            asker.draft.odd(kind, fields, &bytes);
        } else {
            known(asker, nth);
        }
    }
}

/// Requests whose answers are known, whatever happened before.
fn known(asker: &mut Asker<'_>, nth: usize) {
    let key = asker.own(&format!("known{nth}"));
    let other = asker.own(&format!("other{nth}"));
    let never = asker.own("never");
    let mut value = values::value(asker.random);
    value.truncate(900_000);
    let set = |key: &[u8], value: &[u8]| {
        let numbers = format!(" 3 0 {}\r\n", value.len());
        [b"set ", key, numbers.as_bytes(), value, b"\r\n"].concat()
    };
    let block = |key: &[u8], value: &[u8]| {
        let numbers = format!(" 3 {}\r\n", value.len());
        [b"VALUE ", key, numbers.as_bytes(), value, b"\r\n"].concat()
    };
    let draft = &mut asker.draft;
    match asker.random.below(3) {
        0 => draft.known(&[b"get ", &never[..], b"\r\n"].concat(), b"END\r\n"),
        1 => {
            draft.known(&set(&key, &value), b"STORED\r\n");
            let got = [&block(&key, &value)[..], b"END\r\n"].concat();
            draft.known(&[b"get ", &key[..], b"\r\n"].concat(), &got);
        }
        _ => {
            draft.known(&set(&key, b"one"), b"STORED\r\n");
            draft.known(&set(&other, &value), b"STORED\r\n");
            let got = [&block(&other, &value)[..], &block(&key, b"one"), b"END\r\n"].concat();
            draft.known(&[b"get ", &other[..], b" ", &key, b"\r\n"].concat(), &got);
            draft.known(&[b"delete ", &key[..], b"\r\n"].concat(), b"DELETED\r\n");
        }
    }
}

fn any(asker: &mut Asker<'_>) -> Odd {
    match asker.random.below(20) {
        0..5 => unknown(asker.random),
        5..11 => refused(asker),
        11..13 => accepted(asker),
        13..15 => long_key(asker.random),
        15 => carriage_return(asker.random),
        16..18 => no_length(asker.random),
        18 => bad_data(asker.random),
        _ => foreign(asker.random),
    }
}

fn plain(kind: &'static str, bytes: Vec<u8>) -> Odd {
    Odd { kind, fields: Vec::new(), bytes }
}

fn answered(kind: &'static str, bytes: &[u8], answer: &str) -> Odd {
    Odd { kind, fields: vec![("answer", answer.into())], bytes: bytes.to_vec() }
}

/// Lines whose first word is not served; some have data behind them.
#[rustfmt::skip]
const UNSERVED: &[&[u8]] = &[
    b"shutdown\r\n", b"cache_memlimit 1\r\n", b"lru tune 1 2 3\r\n", b"slabs automove 1\r\n", b"watch\r\n",
    b"nosuch\r\n", b"nosuch noreply\r\n", b"GET k\r\n", b"Get k\r\n", b"VERSION\r\n", b"SET k 0 0 9\r\nflush_all\r\n", b"Cas k 0 0 9 1\r\nflush_all\r\n",
    b"get\tk\r\n", b"getk\r\n", b"sett k 0 0 1\r\n", b"se k\r\n", b"\xc3\xa9\r\n",
];

fn unknown(random: &mut Random) -> Odd {
    const ADMINISTRATION: &str =
        "CLIENT_ERROR not served: servers are administered one by one, not through a proxy\r\n";
    let line = *random.pick::<&[u8]>(UNSERVED);
    let names: [&[u8]; 5] = [b"shutdown", b"cache_memlimit", b"lru ", b"slabs", b"watch"];
    let is_administration = names.iter().any(|name| line.starts_with(name));
    answered("unknown-command", line, if is_administration { ADMINISTRATION } else { "ERROR\r\n" })
}

/// Lines of commands that memcached answers with an error, and the error.
fn refused(asker: &mut Asker<'_>) -> Odd {
    const FORMAT: &str = "CLIENT_ERROR bad command line format\r\n";
    const USAGE: &str = "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n";
    const DELTA: &str = "CLIENT_ERROR invalid numeric delta argument\r\n";
    const TIME: &str = "CLIENT_ERROR invalid exptime argument\r\n";
    #[rustfmt::skip]
    const LINES: &[(&[u8], &str)] = &[
        (b"\r\n", "ERROR\r\n"), (b"   \r\n", "ERROR\r\n"), (b"get\r\n", "ERROR\r\n"), (b"get \r\n", "ERROR\r\n"), (b"gets\r\n", "ERROR\r\n"),
        (b"delete\r\n", "ERROR\r\n"), (b"incr k\r\n", "ERROR\r\n"), (b"touch k\r\n", "ERROR\r\n"), (b"incr k 1 2 3\r\n", "ERROR\r\n"),
        (b"cas k 0 0 9\r\nflush_all\r\n", "ERROR\r\n"), (b"set k 0 0 9 2 3\r\nflush_all\r\n", "ERROR\r\n"),
        (b"set k -1 0 9\r\nflush_all\r\n", FORMAT), (b"set k x 0 9\r\nflush_all\r\n", FORMAT), (b"set k 0 x 9\r\nflush_all\r\n", FORMAT),
        (b"cas k 0 0 9 x\r\nflush_all\r\n", FORMAT), (b"set k 0 0 9 norepl\r\nflush_all\r\n", FORMAT), (b"set k 0 0 9 NOREPLY\r\nflush_all\r\n", FORMAT),
        (b"incr k 1 2\r\n", FORMAT), (b"touch k 1 2\r\n", FORMAT), (b"delete k 1\r\n", USAGE), (b"delete k x\r\n", USAGE),
        (b"incr k x\r\n", DELTA), (b"decr k 1x\r\n", DELTA), (b"incr k --1\r\n", DELTA), (b"touch k x\r\n", TIME),
        (b"set k x 0 9 noreply\r\nflush_all\r\n", ""), (b"incr k x noreply\r\n", ""), (b"delete k x noreply\r\n", ""),
    ];
    let (bytes, answer) = *asker.random.pick(LINES);
    answered("line", bytes, answer)
}

/// What memcached takes and the original does not.
fn accepted(asker: &mut Asker<'_>) -> Odd {
    let key = asker.own("accepted");
    let line = |before: &str, after: &str| [before.as_bytes(), &key, after.as_bytes()].concat();
    match asker.random.below(3) {
        0 => answered("accepted", &line("set ", " 0 -1 1\r\nv\r\n"), "STORED\r\n"),
        1 => answered("accepted", &line("delete ", "never 0\r\n"), "NOT_FOUND\r\n"),
        _ => answered("accepted", &line("add ", " 0 -100 1\r\nv\r\n"), "STORED\r\n"),
    }
}

fn long_key(random: &mut Random) -> Odd {
    let length = if random.chance(300) { 1000 } else { LONGEST_KEY + 1 };
    let key = vec![b'L'; length];
    const LINES: [(&[u8], &[u8]); 6] = [
        (b"get ", b"\r\n"),
        (b"get a ", b" b\r\n"),
        (b"set ", b" 0 0 9\r\nflush_all\r\n"),
        (b"delete ", b"\r\n"),
        (b"incr ", b" 1\r\n"),
        (b"touch ", b" 1\r\n"),
    ];
    let (before, after) = *random.pick(&LINES);
    plain("key-length", [before, &key, after].concat())
}

fn carriage_return(random: &mut Random) -> Odd {
    const LINES: [&[u8]; 4] =
        [b"get a\rb\r\n", b"delete a\rb\r\n", b"get a \rb\r\n", b"version \rx\r\n"];
    plain("carriage-return", random.pick::<&[u8]>(&LINES).to_vec())
}

fn no_length(random: &mut Random) -> Odd {
    const LINES: [&[u8]; 7] = [
        b"set\r\n",
        b"set k\r\n",
        b"set k 0 0\r\n",
        b"set k 0 0 x\r\n",
        b"set k 0 0 -1\r\n",
        b"set k 0 0 1x\r\n",
        b"cas k 0 0 \r\n",
    ];
    plain("data-length", random.pick::<&[u8]>(&LINES).to_vec())
}

fn bad_data(random: &mut Random) -> Odd {
    const LINES: [&[u8]; 3] =
        [b"set k 0 0 1\r\nvv\r\n", b"set k 0 0 3\r\nv\r\nx\r\n", b"set k 0 0 0 noreply\r\nvv\r\n"];
    plain("bad-data", random.pick::<&[u8]>(&LINES).to_vec())
}

fn foreign(random: &mut Random) -> Odd {
    const HTTP: &str = "HTTP is not served; use the text protocol";
    const TALK: [(&[u8], &str); 2] =
        [(b"GET / HTTP/1.1\r\nHost: a\r\n", HTTP), (b"POST /x HTTP/1.0\r\n", HTTP)];
    let (bytes, rule) = *random.pick(&TALK);
    Odd { kind: "foreign", fields: vec![("rule", rule.into())], bytes: bytes.to_vec() }
}

/// What the original passes on.
fn spoiling(asker: &mut Asker<'_>) -> Odd {
    const LENGTH: &str =
        "CLIENT_ERROR bad data chunk: its length must be a number from 0 to 1073741824\r\n";
    let key = asker.own("never");
    let line = |before: &str, after: &str| [before.as_bytes(), &key, after.as_bytes()].concat();
    match asker.random.below(8) {
        0 => answered("two-lines", &line("get ", "\nversionx\r\n"), "END\r\nERROR\r\n"),
        1 => answered("two-lines", &line("get ", "\nget k\r\n"), "END\r\nEND\r\n"),
        2 => {
            answered("two-lines", &line("delete ", "\r\ndelete k\n"), "NOT_FOUND\r\nNOT_FOUND\r\n")
        }
        3 => plain("nul", line("get ", "\0x\r\n")),
        4 => {
            let wide = " ".repeat(asker.random.between(1030, 5000));
            plain("long-line", line("delete ", &format!("{wide}\r\n")))
        }
        5 => {
            let answer = "CLIENT_ERROR bad command line format\r\n";
            answered("large-flags", &line("set ", " 99999999999999999999 0 1\r\nv\r\n"), answer)
        }
        6 => answered("wrapped-length", &line("set ", " 0 0 4294967297\r\nv\r\n"), LENGTH),
        _ => {
            let value = vec![b'v'; 2 * 1024 * 1024];
            let head = line("set ", &format!(" 0 0 {} noreply\r\n", value.len()));
            let request = [&head[..], &value, b"\r\n"].concat();
            plain("large-noreply", request)
        }
    }
}
