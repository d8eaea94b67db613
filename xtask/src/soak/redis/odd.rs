//! What the original does not serve: it closes at each of these. And what it passes on to the
//! server, which then closes on everybody.

use super::Asker;
use super::cast::LONGEST_KEY;
use super::forms;
use crate::random::Random;
use crate::{values, wire};

/// A request, the kind of the rule for it, and what the rule's text is filled in with.
struct Odd {
    kind: &'static str,
    fields: Vec<(&'static str, Vec<u8>)>,
    bytes: Vec<u8>,
}

/// Ends a stream with something that the original does not serve, and more behind it.
pub(super) fn tail(asker: &mut Asker<'_>, is_spoiling: bool) {
    // What is asked of a spoilt connection fails, whoever asked it: nothing may be outstanding.
    let is_staged = is_spoiling || asker.random.chance(500);
    asker.draft.begin_tail(is_staged);
    let Odd { kind, fields, bytes } = if is_spoiling { spoiling(asker) } else { any(asker) };
    asker.draft.odd(kind, fields, &bytes);
    for nth in 0..asker.random.below(6) {
        if asker.random.chance(300) && !is_spoiling {
            let Odd { kind, fields, bytes } = any(asker);
            asker.draft.odd(kind, fields, &bytes);
        } else {
            // Where one may fail, none depends on the one before.
            let sorts = if is_spoiling { 2 } else { 4 };
            known(asker, nth, sorts);
        }
    }
}

/// Requests whose answers are known, whatever happened before; one of the first so many sorts.
fn known(asker: &mut Asker<'_>, nth: usize, sorts: usize) {
    let key = asker.cast.own(&format!("known{nth}"));
    let other = asker.cast.own(&format!("other{nth}"));
    let value = values::value(asker.random);
    let draft = &mut asker.draft;
    match asker.random.below(sorts) {
        0 => draft.known(&wire::array(&[b"PING"]), b"+PONG\r\n"),
        1 => draft.known(&wire::array(&[b"GET", &asker.cast.own("never")[..]]), b"$-1\r\n"),
        2 => {
            draft.known(&wire::array(&[b"SET", &key[..], &value]), b"+OK\r\n");
            draft.known(&wire::array(&[b"GET", &key[..]]), &wire::bulk(&value));
        }
        _ => {
            draft.known(&wire::array(&[b"MSET", &key[..], &value, &other, b"o"]), b"+OK\r\n");
            let got = [b"*2\r\n$1\r\no\r\n", &wire::bulk(&value)[..]].concat();
            draft.known(&wire::array(&[b"MGET", &other[..], &key]), &got);
            draft.known(&wire::array(&[b"DEL", &key[..], &other, &key]), b":2\r\n");
        }
    }
}

fn any(asker: &mut Asker<'_>) -> Odd {
    match asker.random.below(20) {
        0..5 => unknown(asker.random),
        5..10 => wrong_count(asker),
        10 => plain("move", wire::array(&[b"MOVE", asker.cast.any(asker.random), b"1"])),
        11 => long_key(asker.random),
        12..14 => inline(asker),
        14 => {
            const BLANKS: [&[u8]; 6] =
                [b"\r\n", b"\n", b"*0\r\n", b"*-1\r\n", b"  \r\n", b"*-10\r\n"];
            plain("blank", asker.random.pick::<&[u8]>(&BLANKS).to_vec())
        }
        15..18 => broken(asker.random),
        18 => foreign(asker.random),
        _ => script(asker.random),
    }
}

fn plain(kind: &'static str, bytes: Vec<u8>) -> Odd {
    Odd { kind, fields: Vec::new(), bytes }
}

/// Names of nobody's, and of a server that is no Redis.
#[rustfmt::skip]
pub(super) const UNSERVED: &[&str] = &[
    "SENTINEL", "SLABS", "FLUSH_ALL", "JSON.GET", "BF.ADD",
    "NOSUCH", "GETT", "GE", "G", "", "SETSETSETSETSETSETSETSET", "XREADER", "+PING", "get ", "\u{e9}t\u{e9}", "a\r\nb", "n\0l",
];

fn unknown(random: &mut Random) -> Odd {
    let name = match random.below(20) {
        0 => "W".repeat(random.between(100, 300)).into_bytes(),
        _ => random.pick(UNSERVED).as_bytes().to_vec(),
    };
    let arguments: Vec<Vec<u8>> = (0..random.below(5)).map(|_| values::small(random)).collect();
    // Redis shows 128 bytes of the name, and ends the list of arguments behind as many.
    let shown = |text: &[u8], most: usize| -> Vec<u8> {
        let text = text[..text.len().min(most)].split(|byte| *byte == 0).next();
        let text = text.unwrap_or_default().iter();
        text.map(|byte| if b"\r\n".contains(byte) { b' ' } else { *byte }).collect()
    };
    let mut list = Vec::new();
    for argument in &arguments {
        if list.len() >= 128 {
            break;
        }
        let argument = shown(argument, 128 - list.len());
        list = [&list[..], b"'", &argument, b"' "].concat();
    }
    let fields = vec![("name", shown(&name, 128)), ("arguments", list)];
    let words: Vec<Vec<u8>> = std::iter::once(name).chain(arguments).collect();
    Odd { kind: "unknown-command", fields, bytes: wire::array(&words) }
}

fn wrong_count(asker: &mut Asker<'_>) -> Odd {
    let random = &mut *asker.random;
    let (name, count) = match random.below(8) {
        0..4 => {
            let (name, count) = *random.pick(forms::FIXED);
            (name, *random.pick(&[0, count - 1, count + 1, count + 5]))
        }
        4..6 => (*random.pick(forms::ANY), 0),
        _ => *random.pick(&[
            ("auth", 0),
            ("mset", 0),
            ("mset", 1),
            ("mset", 3),
            ("mset", 5),
            ("exists", 0),
            ("eval", 0),
            ("eval", 1),
            ("evalsha", 1),
            ("zunion", 0),
            ("move", 1),
        ]),
    };
    let mut words = vec![name.to_ascii_uppercase().into_bytes()];
    words.extend((0..count).map(|_| values::small(random)));
    let fields = vec![("name", name.as_bytes().to_vec())];
    Odd { kind: "arity", fields, bytes: wire::array(&words) }
}

fn long_key(random: &mut Random) -> Odd {
    let key = vec![b'L'; LONGEST_KEY + 1 + random.below(2) * random.below(40_000)];
    let words: Vec<&[u8]> = match random.below(3) {
        0 => vec![b"GET", &key],
        1 => vec![b"MGET", b"a", &key],
        _ => vec![b"SET", &key, b"v"],
    };
    plain("key-length", wire::array(&words))
}

fn inline(asker: &mut Asker<'_>) -> Odd {
    let key = asker.cast.own("inline");
    let key = key.escape_ascii().to_string();
    let (bytes, answer): (String, &str) = match asker.random.below(4) {
        0 => ("PING\r\n".to_owned(), "+PONG\r\n"),
        1 => (format!("  set {key} 'a b'\r\nGET {key}\n"), "+OK\r\n$3\r\na b\r\n"),
        2 => (
            format!("MSET {key} 1 {key}2 \"\\x41\\r\"\r\nmget {key} {key}2\r\n"),
            "+OK\r\n*2\r\n$1\r\n1\r\n$2\r\nA\r\r\n",
        ),
        _ => (format!("EXISTS {key}never\n"), ":0\r\n"),
    };
    let fields = vec![("answer", answer.as_bytes().to_vec())];
    Odd { kind: "inline", fields, bytes: bytes.into_bytes() }
}

/// Bytes that no request begins with, and the rule that they break, in Redis' words.
#[rustfmt::skip]
const BROKEN: &[(&[u8], &str)] = &[
    (b"*\r\n", "invalid multibulk length"),
    (b"*x\r\n", "invalid multibulk length"),
    (b"*1x\r\n", "invalid multibulk length"),
    (b"* 1\r\n$4\r\nPING\r\n", "invalid multibulk length"),
    (b"*+1\r\n$4\r\nPING\r\n", "invalid multibulk length"),
    (b"*-x\r\n", "invalid multibulk length"),
    (b"*1\r\n4\r\nPING\r\n", "expected '$', got '4'"),
    (b"*1\r\n:4\r\n", "expected '$', got ':'"),
    (b"*1\r\n*1\r\n$4\r\nPING\r\n", "expected '$', got '*'"),
    (b"*2\r\n$3\r\nGET\r\nk\r\n", "expected '$', got 'k'"),
    (b"*2\r\n$3\r\nGET\r\n$-1\r\n", "invalid bulk length"),
    (b"*1\r\n$x\r\nPING\r\n", "invalid bulk length"),
    (b"*1\r\n$4x\r\nPING\r\n", "invalid bulk length"),
    (b"*1\r\n$\r\nPING\r\n", "invalid bulk length"),
    (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$\r\n\r\n", "invalid bulk length"),
    (b"*1\r\n$3\r\nPING\r\n", "expected CR LF after a bulk string"),
    (b"*1\r\n$5\r\nPING\r\n\r\n", "expected CR LF after a bulk string"),
    (b"*2\r\n$3\r\nGET\r\n$1\r\nkk\r\n", "expected CR LF after a bulk string"),
    (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nvv\r\n", "expected CR LF after a bulk string"),
    (b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\r\n", "expected CR LF after a bulk string"),
    (b"*1\r\rx", "expected LF after CR"),
    (b"PI\0NG\r\n", "NUL in inline request"),
    (b"GET \"k\r\n", "unbalanced quotes in request"),
    (b"*4\r\n$4\r\nEVAL\r\n$1\r\nx\r\n$-1\r\n", "invalid bulk length"),
];

fn broken(random: &mut Random) -> Odd {
    let (bytes, rule) = *random.pick(BROKEN);
    let fields = vec![("rule", rule.as_bytes().to_vec())];
    Odd { kind: "protocol-error", fields, bytes: bytes.to_vec() }
}

fn foreign(random: &mut Random) -> Odd {
    const TALK: [(&[u8], &str); 3] = [
        (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", "this is not an HTTP server"),
        (b"Host: a\r\n", "this is not an HTTP server"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "NUL in inline request"),
    ];
    let (bytes, rule) = *random.pick(&TALK);
    let fields = vec![("rule", rule.as_bytes().to_vec())];
    Odd { kind: "foreign", fields, bytes: bytes.to_vec() }
}

fn script(random: &mut Random) -> Odd {
    const SCRIPTS: [(&[&[u8]], &str); 5] = [
        (&[b"EVAL", b"return 7", b"0"], ":7\r\n"),
        (&[b"EVAL", b"return ARGV[2]", b"0", b"a", b"b"], "$1\r\nb\r\n"),
        (&[b"EVAL", b"return 7", b"x", b"k"], "-ERR value is not an integer or out of range\r\n"),
        (&[b"EVAL", b"return 7", b"", b"k"], "-ERR value is not an integer or out of range\r\n"),
        (&[b"EVAL", b"return 7", b"-1", b"k"], "-ERR Number of keys can't be negative\r\n"),
    ];
    let (words, answer) = *random.pick(&SCRIPTS);
    let fields = vec![("answer", answer.as_bytes().to_vec())];
    Odd { kind: "script-keys", fields, bytes: wire::array(words) }
}

/// What the original passes on, and its server connection does not survive.
fn spoiling(asker: &mut Asker<'_>) -> Odd {
    const NUMBERS: [(&[u8], &str); 8] = [
        (b"*02\r\n$3\r\nGET\r\n$1\r\nk\r\n", "invalid multibulk length"),
        (b"*2\r\n$03\r\nGET\r\n$1\r\nk\r\n", "invalid bulk length"),
        (b"*2\r\n$3\r\nGET\r\n$01\r\nk\r\n", "invalid bulk length"),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0001\r\nv\r\n", "invalid bulk length"),
        (b"*2\r\n$3\r\nGET\r\n$\r\n\r\n", "invalid bulk length"),
        (b"*2\r\n$3\r\nGET\r\n$4294967297\r\nk\r\n", "invalid bulk length"),
        (b"*4294967298\r\n$3\r\nGET\r\n$1\r\nk\r\n", "invalid multibulk length"),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$600000000\r\nv\r\n", "invalid bulk length"),
    ];
    if asker.random.chance(700) {
        let (bytes, rule) = *asker.random.pick(&NUMBERS);
        let fields = vec![("rule", rule.as_bytes().to_vec())];
        return Odd { kind: "numbers", fields, bytes: bytes.to_vec() };
    }
    let word = *asker.random.pick(&["OOM", "BUSY", "LOADING"]);
    let script = format!("return redis.error_reply('{word} by script')");
    let bytes = wire::array(&[b"EVAL", script.as_bytes(), b"1", b"k"]);
    let fields = vec![("words", format!("{word} by script").into_bytes())];
    Odd { kind: "unwell", fields, bytes }
}
