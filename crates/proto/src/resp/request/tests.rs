//! Requests whole, cut, broken and drawn at random, and a naive parser to agree with.

use proptest::prelude::*;

use super::super::{commands, protocol_error};
use super::*;
use crate::command::Local;
use crate::limits::INLINE_BYTES_MAX;

mod naive;

const KEY_BYTES_MAX: usize = 100;

fn frame_of<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut frame = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        frame.extend_from_slice(format!("${}\r\n", word.as_ref().len()).as_bytes());
        frame.extend_from_slice(word.as_ref());
        frame.extend_from_slice(b"\r\n");
    }
    frame
}

/// What a parser says that has seen nothing before.
fn parse(bytes: &[u8]) -> Result<Progress<Request>, ParseError> {
    RequestParser::new(KEY_BYTES_MAX, usize::MAX).parse(bytes)
}

fn routed(bytes: &[u8]) -> Routed {
    match parse(bytes) {
        Ok(Progress::Done(Request::Routed(routed))) => routed,
        other => panic!("{}: {other:?}", bytes.escape_ascii()),
    }
}

fn refused(words: &[&str]) -> String {
    let frame = frame_of(words);
    match parse(&frame) {
        Ok(Progress::Done(Request::Refused(refused))) => {
            assert_eq!(refused.len, frame.len(), "{words:?} is skipped to its end");
            String::from_utf8(refused.answer).expect("the words are text")
        }
        other => panic!("{words:?}: {other:?}"),
    }
}

/// The key, the number of keys and the name of what `words` make.
fn route(words: &[&str]) -> (String, u32, &'static str) {
    let frame = frame_of(words);
    let routed = routed(&frame);
    assert_eq!(routed.len, frame.len(), "{words:?}");
    assert_eq!(routed.omit, frame.len() as u32..frame.len() as u32, "{words:?}");
    assert!(!routed.noreply, "{words:?}");
    let key = &frame[routed.key.start as usize..routed.key.end as usize];
    (key.escape_ascii().to_string(), routed.keys, routed.command.name)
}

/// Every prefix of `stream` must say the same to a parser that grew up with it, byte by byte, as to
/// one that sees it at once.
fn assert_cuts_make_no_difference(stream: &[u8]) {
    let mut parser = RequestParser::new(KEY_BYTES_MAX, usize::MAX);
    let mut begin = 0;
    for end in 0..=stream.len() {
        loop {
            let bytes = &stream[begin..end];
            let said = parser.parse(bytes);
            assert_eq!(said, parse(bytes), "{} at {begin}..{end}", stream.escape_ascii());
            match said {
                Ok(Progress::Done(request)) => begin += consumed(&request),
                Ok(Progress::Incomplete { .. }) => break,
                Err(_) => return,
            }
        }
    }
}

fn consumed(request: &Request) -> usize {
    match request {
        Request::Routed(routed) => routed.len,
        Request::Refused(refused) => refused.len,
        Request::Inline(inline) => inline.len,
        Request::Blank { len } => *len,
    }
}

#[test]
fn a_request_is_routed_by_its_deciding_key() {
    let cases: &[(&[&str], &str, u32, &str)] = &[
        (&["GET", "foo"], "foo", 1, "get"),
        (&["get", ""], "", 1, "get"),
        (&["sEt", "k", "v", "EX", "10"], "k", 1, "set"),
        (&["SINTERSTORE", "to", "a", "b"], "to", 3, "sinterstore"),
        (&["SMOVE", "a", "b", "member"], "a", 2, "smove"),
        (&["BITOP", "NOT", "to", "a"], "to", 2, "bitop"),
        (&["BLPOP", "a", "b", "0.5"], "a", 2, "blpop"),
        (&["BLMPOP", "0", "2", "a", "b", "LEFT"], "a", 2, "blmpop"),
        (&["MSETEX", "2", "a", "1", "b", "2", "EX", "1"], "a", 2, "msetex"),
        (&["XREAD", "COUNT", "1", "STREAMS", "a", "b", "0", "0"], "a", 2, "xread"),
        (&["XREADGROUP", "GROUP", "STREAMS", "c", "STREAMS", "a", ">"], "a", 1, "xreadgroup"),
        (&["XREAD", "LATER", "STREAMS", "a", "0"], "a", 1, "xread"),
        (&["SORT", "a", "BY", "STORE", "STORE", "to"], "a", 2, "sort"),
        (&["GEORADIUS", "a", "1", "2", "3", "km", "STOREDIST", "to"], "a", 2, "georadius"),
        (&["OBJECT", "ENCODING", "k"], "k", 1, "object|encoding"),
        (&["object", "Help"], "", 0, "object|help"),
        (&["PUBSUB", "NUMSUB"], "", 0, "pubsub|numsub"),
        (&["SCRIPT", "LOAD", "return 1"], "", 0, "script|load"),
        (&["FLUSHALL", "ASYNC"], "", 0, "flushall"),
        (&["CLIENT", "SETINFO", "LIB-NAME", "x"], "", 0, "client"),
        (&["AUTH", "user", "s3cret"], "s3cret", 0, "auth"),
        (&["MGET", "a", "b", "c"], "a", 3, "mget"),
        (&["EXISTS", "a", "a"], "a", 2, "exists"),
        (&["MSET", "a", "1", "b", "2"], "a", 2, "mset"),
        (&["EVAL", "return 1", "2", "a", "b", "c"], "a", 2, "eval"),
        (&["EVAL", "return 1", "0"], "", 0, "eval"),
        (&["EVALSHA", "ffff", "0", "arg"], "", 0, "evalsha"),
        (&["ZUNION", "2", "a", "b"], "a", 2, "zunion"),
        (&["ZINTER", "1", "z", "WITHSCORES"], "z", 1, "zinter"),
        (&["ZUNIONSTORE", "to", "2", "a", "b"], "to", 3, "zunionstore"),
        (&["AUTH", "s3cret"], "s3cret", 0, "auth"),
        (&["PING"], "", 0, "ping"),
        (&["QUIT"], "", 0, "quit"),
        (&["QUIT", "x"], "", 0, "quit"),
        (&["COMMAND"], "", 0, "command"),
        (&["LOLWUT", "VERSION", "5"], "", 0, "lolwut"),
        (&["MOVE", "k", "1"], "k", 1, "move"),
    ];
    for (words, key, keys, name) in cases {
        assert_eq!(route(words), ((*key).into(), *keys, *name), "{words:?}");
        assert_cuts_make_no_difference(&frame_of(words));
    }
}

#[test]
fn a_row_is_the_one_of_the_table() {
    let ping = routed(b"*1\r\n$4\r\nping\r\n").command;
    assert_eq!(ping.travel, Travel::Here(Local::Ping));
    assert!(commands::COMMANDS.iter().any(|row| std::ptr::eq(row, ping)));
}

#[test]
fn a_request_with_a_fitting_frame_is_refused_in_the_words_of_redis() {
    let unknown = |name: &str, arguments: &str| {
        format!("-ERR unknown command '{name}', with args beginning with: {arguments}\r\n")
    };
    let arity = |name: &str| format!("-ERR wrong number of arguments for '{name}' command\r\n");
    assert_eq!(refused(&["FOO", "a", "b"]), unknown("FOO", "'a' 'b' "));
    assert_eq!(refused(&[""]), unknown("", ""));
    assert_eq!(refused(&["GET "]), unknown("GET ", ""));
    for words in [
        &["GET"][..],
        &["GeT", "a", "b"],
        &["MSET"],
        &["MSET", "a"],
        &["MSET", "a", "b", "c"],
        &["MGET"],
        &["PING", "hi", "there"],
        &["AUTH"],
        &["OBJECT"],
        &["XREAD", "STREAMS", "a"],
        &["EVAL", "return 1"],
        &["ZUNION", "1"],
        &["SET"],
    ] {
        assert_eq!(refused(words), arity(&words[0].to_lowercase()), "{words:?}");
        assert_cuts_make_no_difference(&frame_of(words));
    }
    for (words, text) in [
        (&["EVAL", "x", "two", "a"][..], "value is not an integer or out of range"),
        (&["EVAL", "x", "", "a"], "value is not an integer or out of range"),
        (&["EVAL", "x", "01", "a"], "value is not an integer or out of range"),
        (&["EVAL", "x", "-1", "a"], "Number of keys can't be negative"),
        (&["EVAL", "x", "2", "a"], "Number of keys can't be greater than number of args"),
        (&["EVALSHA", "x", "1"], "Number of keys can't be greater than number of args"),
        (&["EVAL", "x", "4294967297", "a"], "Number of keys can't be greater than number of args"),
        (&["ZDIFF", "x", "a"], "value is not an integer or out of range"),
        (&["ZUNION", "0", "a"], "at least 1 input key is needed for 'zunion' command"),
        (&["ZINTER", "2", "a"], "syntax error"),
        (&["OBJECT", "x"], "unknown subcommand 'x'. Try OBJECT HELP."),
        (&["script", "\r\nx"], "unknown subcommand '  x'. Try SCRIPT HELP."),
        (&["OBJECT", "ENCODING"], "wrong number of arguments for 'object|encoding' command"),
        (&["SCRIPT", "LOAD"], "wrong number of arguments for 'script|load' command"),
        (&["FCALL", "f", "x"], "Bad number of keys provided"),
        (&["FCALL", "f", "-1"], "Number of keys can't be negative"),
        (&["FCALL", "f", "1"], "Number of keys can't be greater than number of args"),
        (
            &["ZUNIONSTORE", "to", "0", "a"],
            "at least 1 input key is needed for 'zunionstore' command",
        ),
        (&["ZUNIONSTORE", "to", "x", "a"], "value is not an integer or out of range"),
        (&["ZUNIONSTORE", "to", "2", "a"], "syntax error"),
        (&["SINTERCARD", "x", "a"], "numkeys should be greater than 0"),
        (&["SINTERCARD", "0", "a"], "numkeys should be greater than 0"),
        (&["SINTERCARD", "2", "a"], "Number of keys can't be greater than number of args"),
        (&["LMPOP", "9223372036854775808", "a", "LEFT"], "numkeys should be greater than 0"),
        (&["LMPOP", "-1", "a", "LEFT"], "numkeys should be greater than 0"),
        (&["BZMPOP", "0", "9223372036854775807", "a", "MIN"], "syntax error"),
        (&["MSETEX", "2", "a", "1", "b"], "wrong number of key-value pairs"),
        (&["XREAD", "COUNT", "x", "STREAMS", "a"], "value is not an integer or out of range"),
        (&["XREAD", "BLOCK", "x", "STREAMS", "a"], "timeout is not an integer or out of range"),
        (&["XREAD", "BLOCK", "-1", "STREAMS", "a"], "timeout is negative"),
        (&["XREAD", "COUNT", "1", "STREAMS"], "syntax error"),
        (
            &["XREADGROUP", "GROUP", "g", "c", "STREAMS", "a", "b", "c"],
            "Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
        ),
    ] {
        assert_eq!(refused(words), format!("-ERR {text}\r\n"), "{words:?}");
        assert_cuts_make_no_difference(&frame_of(words));
    }
}

#[test]
fn a_key_may_be_as_long_as_the_limit_and_no_longer() {
    let longest = "k".repeat(KEY_BYTES_MAX);
    let longer = "k".repeat(KEY_BYTES_MAX + 1);
    for (before, after) in [
        (&["GET"][..], &[][..]),
        (&["SET"], &["v"]),
        (&["MGET"], &["a"]),
        (&["MGET", "a"], &["b"]),
        (&["MSET", "a", "1"], &["1"]),
        (&["EVAL", "x", "1"], &["arg"]),
        (&["ZUNION", "1"], &[]),
        (&["ZUNIONSTORE", "to", "1"], &[]),
        (&["SMOVE", "a"], &["member"]),
        (&["XREAD", "STREAMS", "a"], &["0", "0"]),
        (&["SORT", "a", "STORE"], &[]),
        (&["OBJECT", "ENCODING"], &[]),
    ] {
        let words = |key| [before, &[key], after].concat();
        assert!(matches!(
            parse(&frame_of(&words(longest.as_str()))),
            Ok(Progress::Done(Request::Routed(_)))
        ));
        assert_eq!(
            refused(&words(longer.as_str())),
            "-ERR a key is longer than 100 bytes, the limit that -m/--mbuf-size sets\r\n",
            "{before:?}"
        );
    }
    for words in [&["SET", "k", &longer][..], &["MSET", "a", &longer], &["EVAL", &longer, "0"]] {
        assert!(
            matches!(parse(&frame_of(words)), Ok(Progress::Done(Request::Routed(_)))),
            "what is no key has no such limit: {words:?}"
        );
    }
    let password = frame_of(&["AUTH", &longer]);
    assert_eq!(routed(&password).key.len(), longer.len(), "a password is no key");
}

#[test]
fn what_is_refused_leaves_the_connection_in_step() {
    let mut stream = frame_of(&["FOO", "*1\r\n$4\r\nPING\r\n", "\r\n"]);
    let begin = stream.len();
    stream.extend_from_slice(&frame_of(&["GET", "k"]));
    let Ok(Progress::Done(Request::Refused(refused))) = parse(&stream) else { panic!() };
    assert_eq!(refused.len, begin);
    assert_eq!(routed(&stream[begin..]).len, stream.len() - begin);
    assert_cuts_make_no_difference(&stream);
}

#[test]
fn a_request_of_nothing_is_skipped() {
    for (bytes, len) in [
        (&b"*0\r\n"[..], 4),
        (b"*-1\r\n*1\r\n", 5),
        (b"*-5\r\n", 5),
        (b"*-9223372036854775808\r\n", 23),
        (b"\r\n", 2),
        (b"\n\n", 1),
        (b" \t\r\nPING\r\n", 4),
    ] {
        let said = parse(bytes);
        assert_eq!(said, Ok(Progress::Done(Request::Blank { len })), "{}", bytes.escape_ascii());
        assert_cuts_make_no_difference(bytes);
    }
}

#[test]
fn a_line_of_words_becomes_a_frame() {
    let said = parse(b"SET k \"a b\"\r\nGET k\n");
    let Ok(Progress::Done(Request::Inline(inline))) = said else { panic!("{said:?}") };
    assert_eq!(inline.len, 13);
    assert_eq!(inline.frame, frame_of(&["SET", "k", "a b"]));
    assert_cuts_make_no_difference(b"SET k \"a b\"\r\nGET k\n\r\n*1\r\n$4\r\nPING\r\nquit\n");
}

#[test]
fn a_broken_rule_is_named_with_the_byte_that_broke_it() {
    let cases: &[(&[u8], usize, &str)] = &[
        (b"*\r\n", 1, "invalid multibulk length"),
        (b"*x", 1, "invalid multibulk length"),
        (b"* 1\r\n", 1, "invalid multibulk length"),
        (b"*+1\r\n", 1, "invalid multibulk length"),
        (b"*00\r\n", 2, "invalid multibulk length"),
        (b"*01\r\n", 2, "invalid multibulk length"),
        (b"*-0\r\n", 2, "invalid multibulk length"),
        (b"*-\r\n", 2, "invalid multibulk length"),
        (b"*-9223372036854775809\r\n", 1, "invalid multibulk length"),
        (b"*1x\r\n", 2, "invalid multibulk length"),
        (b"*1\n$4\nPING\n", 2, "invalid multibulk length"),
        (b"*1\rx", 3, "expected LF after CR"),
        (b"*1048577\r\n", 1, "invalid multibulk length"),
        (b"*4294967297\r\n", 1, "invalid multibulk length"),
        (b"*1\r\n4\r\n", 4, "expected '$', got '4'"),
        (b"*1\r\n:4\r\n", 4, "expected '$', got ':'"),
        (b"*1\r\n\r\n", 4, "expected '$', got ' '"),
        (b"*2\r\n$3\r\nGET\r\n*1\r\n$1\r\nk\r\n", 13, "expected '$', got '*'"),
        (b"*2\r\n$3\r\nGET\r\n+k\r\n", 13, "expected '$', got '+'"),
        (b"*1\r\n$\r\n", 5, "invalid bulk length"),
        (b"*1\r\n$x", 5, "invalid bulk length"),
        (b"*1\r\n$-1\r\n", 5, "invalid bulk length"),
        (b"*1\r\n$+4\r\n", 5, "invalid bulk length"),
        (b"*1\r\n$04\r\nPING\r\n", 6, "invalid bulk length"),
        (b"*1\r\n$4\rxPING\r\n", 7, "expected LF after CR"),
        (b"*1\r\n$536870913\r\n", 5, "invalid bulk length"),
        (b"*1\r\n$4294967300\r\nPING\r\n", 5, "invalid bulk length"),
        (b"*1\r\n$18446744073709551620\r\nPING\r\n", 5, "invalid bulk length"),
        (b"*2\r\n$3\r\nGET\r\n$\r\n\r\n", 14, "invalid bulk length"),
        (b"*1\r\n$3\r\nPING\r\n", 11, "expected CR LF after a bulk string"),
        (b"*1\r\n$4\r\nPING\rX", 13, "expected CR LF after a bulk string"),
        (b"*2\r\n$3\r\nGET\r\n$1\r\nkk\r\n", 18, "expected CR LF after a bulk string"),
        (b"*2\r\n$3\r\nFOO\r\n$1\r\nkk\r\n", 18, "expected CR LF after a bulk string"),
        (b"GET \"k\r\n", 4, "unbalanced quotes in request"),
        (b"PI\0NG\r\n", 2, "NUL in inline request"),
        (b"POST / HTTP/1.1\r\n", 0, "this is not an HTTP server"),
    ];
    for (bytes, at, words) in cases {
        let error = parse(bytes).expect_err(words);
        let mut said = Vec::new();
        protocol_error(&error, &mut said);
        let expected = format!("-ERR Protocol error: {words}\r\n");
        assert_eq!(String::from_utf8_lossy(&said), expected, "{}", bytes.escape_ascii());
        assert_eq!(error.at, *at, "{}", bytes.escape_ascii());
        assert_cuts_make_no_difference(bytes);
    }
    let endless = vec![b'a'; INLINE_BYTES_MAX + 1];
    assert_eq!(parse(&endless).map_err(|error| error.rule), Err("too big inline request"));
}

#[test]
fn a_request_larger_than_the_limit_is_refused_at_the_header_that_takes_it_there() {
    // A gigabyte of zeros that the system need not find memory for: none of it is looked at, for
    // the place says that all before the last header has been seen.
    let header = format!("${}\r\n", BULK_BYTES_MAX);
    let fits = REQUEST_BYTES_MAX - BULK_BYTES_MAX as usize - header.len();
    for (at, too_big) in [(fits, false), (fits + 1, true)] {
        let mut buf = vec![0; at + header.len()];
        buf[0] = b'*';
        buf[at..].copy_from_slice(header.as_bytes());
        let mut parser = RequestParser::new(KEY_BYTES_MAX, usize::MAX);
        parser.place = Place { at: at as u32, left: 1, arguments: 3, ..parser.place };
        let error = ParseError { at, found: None, rule: TOO_BIG };
        assert_eq!(parser.parse(&buf).err(), too_big.then_some(error), "{at}");
    }
}

#[test]
fn a_large_value_in_pieces_costs_one_compare_a_piece() {
    const PIECE: usize = 1024;
    let value = vec![b'v'; 1024 * PIECE];
    let frame = frame_of(&[&b"SET"[..], b"k", &value, b"EX", b"10"]);
    let header = frame.len() - value.len() - frame_of(&[b"EX", b"10"]).len() + 2;
    let mut parser = RequestParser::new(KEY_BYTES_MAX, usize::MAX);
    let mut place = None;
    for len in (header..header + value.len()).step_by(PIECE) {
        let said = parser.parse(&frame[..len]);
        // What is left of the value and its line end, and two bulk strings of 6 bytes at least.
        let missing = header + value.len() + 2 - len + 12;
        assert_eq!(said, Ok(Progress::Incomplete { missing }), "at {len}");
        // Nothing moved, so nothing but the length was looked at.
        let now = (parser.place.at, parser.place.need, parser.place.left);
        assert_eq!(*place.get_or_insert(now), now, "at {len}");
        assert_eq!(parser.place.need as usize, header + value.len() + 2);
    }
    let said = parser.parse(&frame);
    assert!(matches!(said, Ok(Progress::Done(Request::Routed(ref r))) if r.len == frame.len()));
}

#[test]
fn what_is_missing_is_never_more_than_what_comes() {
    for words in [
        &["SET", "key", "some value", "EX", "100"][..],
        &["MGET", "", "", ""],
        &["NOSUCH", "", "a"],
        &["PING"],
    ] {
        let frame = frame_of(words);
        for len in 0..frame.len() {
            let said = parse(&frame[..len]);
            let Ok(Progress::Incomplete { missing }) = said else { panic!("{said:?}") };
            assert!((1..=frame.len() - len).contains(&missing), "{words:?} at {len}: {missing}");
        }
    }
}

#[test]
fn a_parser_is_at_the_start_again_after_each_request() {
    let stream: Vec<u8> = [
        frame_of(&["MSET", "a", "1", "b", "2"]),
        frame_of(&["PING"]),
        frame_of(&["FOO", "x"]),
        b"*0\r\n*-1\r\nPING\r\n\r\n".to_vec(),
        frame_of(&["GET", "k"]),
        frame_of(&["AUTH", "pw"]),
    ]
    .concat();
    assert_cuts_make_no_difference(&stream);
}

/// A word of a known subcommand; nothing for other bytes.
fn text(word: &[u8]) -> &str {
    std::str::from_utf8(word).unwrap_or("")
}

fn assert_agrees_with_the_naive_twin(bytes: &[u8]) {
    let shown = bytes.escape_ascii();
    match (parse(bytes), naive::parse(bytes)) {
        (Ok(Progress::Incomplete { .. }), naive::Found::Part) | (Err(_), naive::Found::Broken) => {}
        (Ok(Progress::Done(Request::Blank { len })), naive::Found::Blank(twin)) => {
            assert_eq!(len, twin, "{shown}");
        }
        (Ok(Progress::Done(Request::Routed(routed))), naive::Found::Words(words, len)) => {
            assert_eq!(routed.len, len, "{shown}");
            let name = String::from_utf8(words[0].to_ascii_lowercase()).expect("a known name");
            let whole = format!("{name}|{}", words.get(1).map_or("", |word| text(word)));
            let found = routed.command.name;
            assert!(found == name || found == whole.to_ascii_lowercase(), "{shown}");
            assert!(routed.command.arity.allows(words.len() as u32 - 1), "{shown}");
            let keys = naive::keys(routed.command.keys, &words[1..]);
            let parts: Vec<&[u8]> =
                Parts::new(&routed, bytes).map(|part| part.key(bytes)).collect();
            assert_eq!(parts, keys, "{shown}");
            assert_eq!(routed.keys as usize, keys.len(), "{shown}");
            let key = &bytes[routed.key.start as usize..routed.key.end as usize];
            let decides = match routed.command.travel {
                Travel::Here(Local::Authenticate) => &words[words.len() - 1],
                _ => keys.first().copied().unwrap_or_default(),
            };
            assert_eq!(key, decides, "{shown}");
        }
        (Ok(Progress::Done(Request::Refused(refused))), naive::Found::Words(words, len)) => {
            assert_eq!(refused.len, len, "{shown}");
            let row = commands::COMMANDS
                .iter()
                .find(|row| words[0].eq_ignore_ascii_case(row.name.as_bytes()));
            let faulty = row.is_none_or(|row| {
                !row.arity.allows(words.len() as u32 - 1)
                    || matches!(
                        row.keys,
                        Keys::Counted { .. }
                            | Keys::StoreCounted
                            | Keys::Streams
                            | Keys::Subcommand(_)
                    )
                    || words.iter().any(|word| word.len() > KEY_BYTES_MAX)
            });
            assert!(faulty, "refused for no reason: {shown}");
        }
        (said, twin) => panic!("{shown}: {said:?}, and the twin {twin:?}"),
    }
}

#[test]
fn the_parser_and_its_naive_twin_agree_on_all_short_inputs() {
    // Every string of up to 6 bytes behind the star, of the bytes that matter.
    let alphabet = b"01-$\r\n";
    let mut inputs = vec![b"*".to_vec()];
    for _ in 0..6 {
        for input in &inputs {
            assert_agrees_with_the_naive_twin(input);
        }
        inputs = inputs
            .iter()
            .filter(|input| naive::parse(input) == naive::Found::Part)
            .flat_map(|input| alphabet.iter().map(|byte| [&input[..], &[*byte]].concat()))
            .collect();
    }
    assert!(!inputs.is_empty());
}

fn words() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let known = (0..commands::COMMANDS.len())
        .prop_map(|row| commands::COMMANDS[row].name.to_uppercase().into_bytes());
    let name = prop_oneof![8 => known, 1 => proptest::collection::vec(any::<u8>(), 0..20)];
    let word = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..12),
        2 => "[0-9]{1,2}".prop_map(String::into_bytes),
        2 => "[0-3]".prop_map(String::into_bytes),
        2 => proptest::sample::select(&[
            "STREAMS", "block", "COUNT", "GROUP", "store", "STOREDIST", "BY", "LIMIT", "encoding",
            "LOAD", "help", "create",
        ][..]).prop_map(|word| word.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 90..110),
    ];
    (name, proptest::collection::vec(word, 0..8)).prop_map(|(name, mut words)| {
        words.insert(0, name);
        words
    })
}

proptest! {
    #[test]
    fn any_request_is_the_same_however_it_is_cut(words in words()) {
        let frame = frame_of(&words);
        assert_cuts_make_no_difference(&frame);
        assert_agrees_with_the_naive_twin(&frame);
    }

    #[test]
    fn a_damaged_request_is_what_the_naive_twin_takes_it_for(
        words in words(),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![Just(b'0'), Just(b'9'), Just(b'\r'), Just(b'\n'), Just(b'$'), any::<u8>()],
    ) {
        let mut frame = frame_of(&words);
        let at = 1 + at.index(frame.len() - 1);
        frame[at] = byte;
        assert_cuts_make_no_difference(&frame);
        assert_agrees_with_the_naive_twin(&frame);
    }

    #[test]
    fn a_stream_of_any_bytes_is_the_same_however_it_is_cut(
        stream in proptest::collection::vec(
            prop_oneof![Just(b'*'), Just(b'$'), Just(b'1'), Just(b'\r'), Just(b'\n'), Just(b'"'), any::<u8>()],
            0..60,
        ),
    ) {
        assert_cuts_make_no_difference(&stream);
    }

    #[test]
    fn a_pipeline_of_any_requests_comes_out_as_it_went_in(
        pipeline in proptest::collection::vec(words(), 1..6),
        pieces in proptest::collection::vec(1_usize..40, 1..20),
    ) {
        let stream: Vec<u8> = pipeline.iter().flat_map(|words| frame_of(words)).collect();
        let mut parser = RequestParser::new(KEY_BYTES_MAX, usize::MAX);
        let (mut begin, mut end) = (0, 0);
        let mut pieces = pieces.iter().cycle();
        let mut found = Vec::new();
        while begin < stream.len() {
            match parser.parse(&stream[begin..end]).expect("well framed") {
                Progress::Done(request) => {
                    found.push(consumed(&request));
                    begin += consumed(&request);
                }
                Progress::Incomplete { .. } => {
                    end = stream.len().min(end + pieces.next().expect("a cycle does not end"));
                }
            }
        }
        let sent: Vec<usize> = pipeline.iter().map(|words| frame_of(words).len()).collect();
        prop_assert_eq!(found, sent);
    }
}

/// The requests in `stream`, none longer than `request_bytes_max`, when it comes `step` bytes at a
/// time; bytes that are consumed before they came are passed over, as the engine does.
fn requests_up_to(request_bytes_max: usize, stream: &[u8], step: usize) -> Vec<Request> {
    let mut parser = RequestParser::new(KEY_BYTES_MAX, request_bytes_max);
    let (mut begin, mut end) = (0, 0);
    let mut found = Vec::new();
    while end < stream.len() {
        end = (end + step).min(stream.len());
        while begin < end {
            match parser.parse(&stream[begin..end]).unwrap() {
                Progress::Incomplete { .. } => break,
                Progress::Done(request) => {
                    begin += consumed(&request);
                    found.push(request);
                }
            }
        }
    }
    assert_eq!(begin, stream.len(), "nothing is left over");
    found
}

#[test]
fn a_request_above_the_pools_limit_is_refused_before_its_value_is_there_and_the_next_is_served() {
    let large = vec![b'v'; 500];
    let get = frame_of(&[&b"GET"[..], b"k"]);
    for words in [
        &[&b"SET"[..], b"k", &large][..],
        &[b"SET", b"k", &large, b"EX", b"10"],
        &[b"MSET", b"a", &large[..60], b"b", &large[..60], b"c", b"1"],
        &[&large],
    ] {
        let stream = [frame_of(words), get.clone()].concat();
        for step in [1, 7, stream.len()] {
            let found = requests_up_to(100, &stream, step);
            let (Some(Request::Refused(refused)), Some(Request::Routed(routed))) =
                (found.first(), found.last())
            else {
                panic!("{found:?}");
            };
            let text = String::from_utf8_lossy(&refused.answer);
            assert_eq!(
                text,
                "-ERR request is longer than 100 bytes, the limit that request_max sets\r\n"
            );
            assert_eq!(routed.len, get.len());
            let between = &found[1..found.len() - 1];
            assert!(between.iter().all(|part| matches!(part, Request::Blank { .. })), "{found:?}");
        }
    }
    let header = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500\r\n";
    let said = RequestParser::new(KEY_BYTES_MAX, 100).parse(header);
    assert!(
        matches!(said, Ok(Progress::Done(Request::Refused(ref r))) if r.len == header.len() + 502),
        "at once: {said:?}"
    );
}

#[test]
fn a_request_that_just_fits_the_pools_limit_is_served() {
    let frame = frame_of(&[&b"SET"[..], b"k", &[b'v'; 50]]);
    for (max, fits) in [(frame.len(), true), (frame.len() - 1, false)] {
        let found = requests_up_to(max, &frame, frame.len());
        assert_eq!(matches!(found[..], [Request::Routed(_)]), fits, "{max}: {found:?}");
    }
}
