//! What the proxy says itself in Redis' protocol: errors in Redis' own words, and the first
//! requests on a connection to a server.

use super::digits;
use super::parts::Strings;
use super::request::{DOLLAR, Fault};
use crate::command::{Command, Counting, Keys};
use crate::progress::ParseError;
use crate::protocol::Version;

/// Says that the client's bytes broke a rule: `-ERR Protocol error: ` and the rule, as a Redis
/// server words it.
pub fn protocol_error(error: &ParseError, out: &mut Vec<u8>) {
    out.extend_from_slice(b"-ERR Protocol error: ");
    out.extend_from_slice(error.rule.as_bytes());
    if let Some(found) = error.found
        && error.rule == DOLLAR
    {
        out.extend_from_slice(b", got '");
        out.push(printed(found));
        out.push(b'\'');
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes what a new connection says to a server first: `AUTH` when there is a password, `HELLO 3`
/// when it shall speak RESP3, then `SELECT` when `database` is not 0. Returns how many responses that
/// brings.
///
/// In this order, unlike the original, whose `SELECT` comes first and fails. The password has a
/// request of its own: `HELLO`'s `AUTH` wants a user's name, and a server that is too old for `HELLO`
/// shall say so, not that the password is wrong.
pub fn handshake(
    password: Option<&[u8]>,
    version: Version,
    database: u32,
    out: &mut Vec<u8>,
) -> u32 {
    let mut responses = 0;
    if let Some(password) = password {
        head(2, b"AUTH", out);
        string(password, out);
        responses += 1;
    }
    if version == Version::Resp3 {
        head(2, b"HELLO", out);
        string(b"3", out);
        responses += 1;
    }
    if database != 0 {
        let mut number = Vec::with_capacity(10);
        digits::push(u64::from(database), &mut number);
        head(2, b"SELECT", out);
        string(&number, out);
        responses += 1;
    }
    responses
}

/// Begins a fragment with `parts` parts: the head of its array and the command's name.
pub fn fragment_head(command: &Command, parts: u32, out: &mut Vec<u8>) {
    let strings = if command.keys == Keys::EachPair { 2 } else { 1 };
    head(1 + u64::from(parts) * strings, command.name.as_bytes(), out);
}

/// The whole answer to the request in `frame`, which is well framed and not to be served.
#[cold]
pub(super) fn refusal(
    fault: Fault,
    command: Option<&Command>,
    frame: &[u8],
    key_bytes_max: u32,
) -> Vec<u8> {
    let name = command.map_or("", |command| command.name);
    let text = match fault {
        Fault::Unknown => return unknown(frame),
        Fault::UnknownSubcommand => return unknown_subcommand(name, frame),
        Fault::Arity if name == "exec" => return EXEC_ARITY.into(),
        Fault::Arity => format!("wrong number of arguments for '{name}' command"),
        Fault::LongKey => {
            format!(
                "a key is longer than {key_bytes_max} bytes, the limit that -m/--mbuf-size sets"
            )
        }
        Fault::BadCount | Fault::LowCount | Fault::HighCount => {
            bad_count(fault, command.map(|command| command.keys), name)
        }
        Fault::BadInteger => NO_INTEGER.into(),
        Fault::BadTimeout => "timeout is not an integer or out of range".into(),
        Fault::LowTimeout => "timeout is negative".into(),
        Fault::Unbalanced => "Unbalanced XREAD list of streams: for each stream key an ID or '$' \
                              must be specified."
            .into(),
        Fault::Syntax => SYNTAX.into(),
    };
    format!("-ERR {text}\r\n").into_bytes()
}

/// A server ends the transaction, if there is one, over whatever is wrong with `EXEC` itself.
const EXEC_ARITY: &str = "-EXECABORT Transaction discarded because of: wrong number of arguments \
                          for 'exec' command\r\n";
const NO_INTEGER: &str = "value is not an integer or out of range";
const SYNTAX: &str = "syntax error";

/// What is wrong with the number of keys, as the servers' commands say it, each in its own way.
fn bad_count(fault: Fault, keys: Option<Keys>, name: &str) -> String {
    let counting = match keys {
        Some(Keys::Counted { counting, .. }) => counting,
        _ => Counting::Combined,
    };
    match (counting, fault) {
        (Counting::Function, Fault::BadCount) => "Bad number of keys provided".into(),
        (Counting::Script | Counting::Combined, Fault::BadCount) => NO_INTEGER.into(),
        (Counting::Script | Counting::Function, Fault::LowCount) => {
            "Number of keys can't be negative".into()
        }
        (Counting::Combined, Fault::LowCount) => {
            format!("at least 1 input key is needed for '{name}' command")
        }
        (Counting::Script | Counting::Function | Counting::Cardinality, Fault::HighCount) => {
            "Number of keys can't be greater than number of args".into()
        }
        (Counting::Combined | Counting::Popped, Fault::HighCount) => SYNTAX.into(),
        (Counting::Cardinality | Counting::Popped, _) => "numkeys should be greater than 0".into(),
        (Counting::Pairs, Fault::HighCount) => "wrong number of key-value pairs".into(),
        (Counting::Pairs, _) => "invalid numkeys value".into(),
        (Counting::Script | Counting::Function | Counting::Combined, _) => NO_INTEGER.into(),
    }
}

/// The answer to a subcommand that no row has, as Redis' `commandCheckExistence` gives it.
fn unknown_subcommand(command: &str, frame: &[u8]) -> Vec<u8> {
    const SHOWN_BYTES_MAX: usize = 128;
    let name = Strings::new(frame).nth(1).unwrap_or_default();
    let mut out = b"-ERR unknown subcommand '".to_vec();
    show(name, SHOWN_BYTES_MAX, &mut out);
    let rest = format!("'. Try {} HELP.\r\n", command.to_ascii_uppercase());
    out.extend_from_slice(rest.as_bytes());
    out
}

/// The answer to a request that is longer than the pool allows.
#[cold]
pub(super) fn too_large(request_bytes_max: u32) -> Vec<u8> {
    format!(
        "-ERR request is longer than {request_bytes_max} bytes, the limit that request_max sets\r\n"
    )
    .into_bytes()
}

/// The answer to a command that no row has, byte by byte Redis' (`commandCheckExistence`): some of
/// the name, some of the arguments, and no line end from either.
fn unknown(frame: &[u8]) -> Vec<u8> {
    /// Of the name, and of all arguments with their quotes before the last begins.
    const SHOWN_BYTES_MAX: usize = 128;
    let mut strings = Strings::new(frame);
    let mut out = b"-ERR unknown command '".to_vec();
    let name = strings.next().unwrap_or_default();
    show(name, SHOWN_BYTES_MAX, &mut out);
    out.extend_from_slice(b"', with args beginning with: ");
    let begin = out.len();
    for string in strings {
        let shown = out.len() - begin;
        if shown >= SHOWN_BYTES_MAX {
            break;
        }
        out.push(b'\'');
        show(string, SHOWN_BYTES_MAX - shown, &mut out);
        out.extend_from_slice(b"' ");
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// Adds at most `bytes_max` bytes of `text`, up to its first NUL, as Redis' `%.*s` does.
fn show(text: &[u8], bytes_max: usize, out: &mut Vec<u8>) {
    let text = &text[..text.len().min(bytes_max)];
    out.extend(text.iter().take_while(|&&byte| byte != 0).map(|&byte| printed(byte)));
}

/// `byte` as it may stand in an error, which is one line.
const fn printed(byte: u8) -> u8 {
    match byte {
        b'\r' | b'\n' | 0 => b' ',
        other => other,
    }
}

/// The head of an array of `strings` bulk strings, and the first of them.
pub(super) fn head(strings: u64, name: &[u8], out: &mut Vec<u8>) {
    out.push(b'*');
    digits::push(strings, out);
    out.extend_from_slice(b"\r\n");
    string(name, out);
}

pub(super) fn string(body: &[u8], out: &mut Vec<u8>) {
    out.push(b'$');
    digits::push(body.len() as u64, out);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::super::lookup::lookup;
    use super::*;

    fn frame_of(words: &[&[u8]]) -> Vec<u8> {
        let mut frame = Vec::new();
        head(words.len() as u64, words[0], &mut frame);
        for word in &words[1..] {
            string(word, &mut frame);
        }
        frame
    }

    fn said(error: &ParseError) -> Vec<u8> {
        let mut out = Vec::new();
        protocol_error(error, &mut out);
        out
    }

    #[test]
    fn a_broken_rule_is_told_in_the_words_of_redis() {
        let rule = "invalid bulk length";
        let error = ParseError { at: 7, found: Some(b'x'), rule };
        assert_eq!(said(&error), b"-ERR Protocol error: invalid bulk length\r\n");
        for (found, shown) in [(b'4', b'4'), (b'\'', b'\''), (0xff, 0xff), (b'\r', b' '), (0, b' ')]
        {
            let error = ParseError { at: 4, found: Some(found), rule: DOLLAR };
            let expected = [&b"-ERR Protocol error: expected '$', got '"[..], &[shown], b"'\r\n"];
            assert_eq!(said(&error), expected.concat());
        }
    }

    #[test]
    fn an_unknown_command_is_answered_byte_by_byte_as_redis_does() {
        let ks = |n| vec![b'k'; n];
        let tail = |n: usize| [&b"'"[..], &ks(n), b"' "].concat();
        // Every one was asked of redis-server 7.0.15.
        type Case<'a> = (&'a [&'a [u8]], &'a [u8], Vec<u8>);
        let cases: &[Case<'_>] = &[
            (&[b"FOO", b"a", b"b"], b"FOO", b"'a' 'b' ".to_vec()),
            (&[b"FOO"], b"FOO", Vec::new()),
            (&[b"FOO", b"a\r\nb", b"x\0y", b"z"], b"FOO", b"'a  b' 'x' 'z' ".to_vec()),
            (&[b"F\0O", b"a"], b"F", b"'a' ".to_vec()),
            (&[b"F\nO", b"a"], b"F O", b"'a' ".to_vec()),
            (&[b"", b"a"], b"", b"'a' ".to_vec()),
            (&[&[b'X'; 300], &ks(200), b"z"], &[b'X'; 128], tail(128)),
            (&[b"XX", &ks(100), &[b'z'; 50], b"m"], b"XX", {
                [tail(100), b"'zzzzzzzzzzzzzzzzzzzzzzzzz' ".to_vec()].concat()
            }),
            (&[b"XX", &ks(126), b"z"], b"XX", tail(126)),
            (&[b"XX", &ks(125), b"z"], b"XX", tail(125)),
            (&[b"XX", &ks(124), b"z", b"m"], b"XX", [tail(124), b"'z' ".to_vec()].concat()),
        ];
        for (words, name, shown) in cases {
            let expected = [
                &b"-ERR unknown command '"[..],
                name,
                b"', with args beginning with: ",
                shown,
                b"\r\n",
            ];
            let answer = refusal(Fault::Unknown, None, &frame_of(words), 0);
            assert_eq!(
                answer.escape_ascii().to_string(),
                expected.concat().escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn each_fault_has_its_words() {
        // All but the limit of keys are redis-server 7.0.15's.
        let cases = [
            (Fault::Arity, "get", "wrong number of arguments for 'get' command"),
            (
                Fault::LongKey,
                "get",
                "a key is longer than 99 bytes, the limit that -m/--mbuf-size sets",
            ),
            (Fault::BadCount, "eval", "value is not an integer or out of range"),
            (Fault::LowCount, "eval", "Number of keys can't be negative"),
            (Fault::HighCount, "eval", "Number of keys can't be greater than number of args"),
            (Fault::BadCount, "zunion", "value is not an integer or out of range"),
            (Fault::LowCount, "zdiff", "at least 1 input key is needed for 'zdiff' command"),
            (Fault::HighCount, "zinter", "syntax error"),
        ];
        for (fault, name, text) in cases {
            let answer = refusal(fault, lookup(name.as_bytes()), b"", 99);
            assert_eq!(answer, format!("-ERR {text}\r\n").into_bytes());
        }
    }

    #[test]
    fn what_is_wrong_with_exec_discards_a_transaction() {
        let answer = refusal(Fault::Arity, lookup(b"exec"), b"", 0);
        let expected =
            b"-EXECABORT Transaction discarded because of: wrong number of arguments for \
                         'exec' command\r\n";
        assert_eq!(answer, expected);
    }

    #[test]
    fn a_handshake_gives_the_password_before_it_selects() {
        use Version::{Resp2, Resp3};
        type Case<'a> = (Option<&'a [u8]>, Version, u32, &'a [u8], u32);
        let cases: &[Case<'_>] = &[
            (None, Resp2, 0, b"", 0),
            (None, Resp3, 0, b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", 1),
            (Some(b"s3cret"), Resp2, 0, b"*2\r\n$4\r\nAUTH\r\n$6\r\ns3cret\r\n", 1),
            (
                Some(b"x"),
                Resp3,
                5,
                b"*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n\
                  *2\r\n$6\r\nSELECT\r\n$1\r\n5\r\n",
                3,
            ),
            (None, Resp2, 12, b"*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n", 1),
            (
                Some(b"a\r\nb"),
                Resp2,
                7,
                b"*2\r\n$4\r\nAUTH\r\n$4\r\na\r\nb\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n",
                2,
            ),
        ];
        for (password, version, database, bytes, responses) in cases {
            let mut out = Vec::new();
            assert_eq!(handshake(*password, *version, *database, &mut out), *responses);
            assert_eq!(out.escape_ascii().to_string(), bytes.escape_ascii().to_string());
        }
    }

    #[test]
    fn a_fragment_begins_with_the_small_name_and_the_number_of_its_strings() {
        for (name, parts, head) in [
            ("del", 2, &b"*3\r\n$3\r\ndel\r\n"[..]),
            ("mget", 1_000, b"*1001\r\n$4\r\nmget\r\n"),
            ("mset", 3, b"*7\r\n$4\r\nmset\r\n"),
        ] {
            let mut out = Vec::new();
            fragment_head(lookup(name.as_bytes()).expect(name), parts, &mut out);
            assert_eq!(out, head, "{name}");
        }
    }
}
