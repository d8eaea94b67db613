//! What must hold of any bytes at all, for the fuzzer and for the tests.

use std::time::Duration;

use super::pubsub::{Heard, hear, push_type};
use super::{
    Heads, Parts, RequestParser, ResponseParser, Wait, fragment_head, gather_array, loaded_script,
    protocol_error, recount, request_cursor, response_cursor, script_argument, with_script,
};
use crate::command::{Script, Travel};
use crate::gather::{Gather, Piece, gather};
use crate::limits::BULK_BYTES_MAX;
use crate::progress::{ParseError, Progress};
use crate::protocol::Version;
use crate::request::{Request, Routed};

/// Short, so that a key of a few bytes is already too long.
const KEY_BYTES_MAX: usize = 12;

/// Longest requests: one that every request fits, and one that many are longer than.
const REQUEST_BYTES_MAX: [usize; 2] = [usize::MAX, 40];

/// Takes `data` for what a client sends, its first 8 bytes for the places at which it is cut, and
/// panics where the request parser, [`Parts`] or an answer breaks a promise.
pub fn fuzz_requests(data: &[u8]) {
    let Some((seed, stream)) = data.split_first_chunk() else { return };
    for request_bytes_max in REQUEST_BYTES_MAX {
        let cuts = Cuts(u64::from_le_bytes(*seed));
        check_requests(stream, cuts, request_bytes_max);
    }
}

fn check_requests(stream: &[u8], mut cuts: Cuts, request_bytes_max: usize) {
    let whole = requests(request_bytes_max, stream, |rest| rest);
    let cut = requests(request_bytes_max, stream, |rest| cuts.next(rest));
    assert_eq!(cut, whole, "cuts make a difference");

    let (found, end) = whole;
    let mut heads = Heads::default();
    let parser = RequestParser::new(KEY_BYTES_MAX, request_bytes_max);
    let mut plain = |stream| parser.plain(stream, &mut heads);
    let mut at = 0;
    for request in &found {
        // Whatever came before it.
        if let Some(plain) = plain(&stream[at..]) {
            plain.assert_is(request);
        }
        let len = match request {
            Request::Routed(routed) => routed.len,
            Request::Refused(refused) => refused.len,
            Request::Inline(inline) => inline.len,
            Request::Blank { len } => *len,
        };
        match stream.get(at..at + len) {
            Some(bytes) => check_request(request, bytes),
            None => assert!(len <= BULK_BYTES_MAX as usize + 32, "a part is a bulk string at most"),
        }
        at += len;
    }
    // What is left of a request that was too large may look like another.
    let skips = |request: &Request| matches!(request, Request::Refused(it) if it.too_large);
    if !found.iter().any(skips) {
        assert_eq!(plain(&stream[at..]), None, "no request is there");
    }
    match end {
        Ok(missing) => assert!(missing > 0),
        Err(error) => {
            assert!(at + error.at <= stream.len(), "{error}");
            assert!(error.found.is_none_or(|byte| stream[at + error.at] == byte), "{error}");
            let mut answer = Vec::new();
            protocol_error(&error, &mut answer);
            assert_one_error(&answer);
        }
    }
}

/// As [`fuzz_requests`], for what a server sends.
pub fn fuzz_responses(data: &[u8]) {
    let Some((seed, stream)) = data.split_first_chunk() else { return };
    let whole = responses(stream, |rest| rest);
    let mut cuts = Cuts(u64::from_le_bytes(*seed));
    assert_eq!(responses(stream, |rest| cuts.next(rest)), whole, "cuts make a difference");

    let mut rest = stream;
    for len in whole.0 {
        let (response, behind) = rest.split_at(len);
        rest = behind;
        check_response(response);
    }
}

fn check_request(request: &Request, bytes: &[u8]) {
    match request {
        Request::Routed(routed) => {
            assert!(bytes.get(routed.key.start as usize..routed.key.end as usize).is_some());
            assert!(routed.omit.is_empty() && !routed.noreply, "Redis has no noreply");
            let parts: Vec<_> = Parts::new(routed, bytes).collect();
            assert_eq!(parts.len(), routed.keys as usize, "a part a key");
            check_rewritten(routed, bytes);
            let Some(first) = parts.first() else { return };
            let key = first.key(bytes);
            assert_eq!(first.key, routed.key, "the first key decides");
            assert!(key.len() <= KEY_BYTES_MAX);
            if !matches!(routed.command.travel, Travel::Split(_)) {
                return;
            }
            // All of them in one fragment make the same request again.
            let mut fragment = Vec::new();
            fragment_head(routed.command, routed.keys, &mut fragment);
            for part in &parts {
                fragment.extend_from_slice(part.bytes(bytes));
            }
            let again = RequestParser::new(KEY_BYTES_MAX, usize::MAX).parse(&fragment);
            let Ok(Progress::Done(Request::Routed(again))) = again else {
                panic!("a fragment is no request: {again:?}");
            };
            assert_eq!((again.len, again.keys), (fragment.len(), routed.keys));
            let same = std::iter::zip(Parts::new(&again, &fragment), &parts)
                .all(|(part, first)| part.bytes(&fragment) == first.bytes(bytes));
            assert!(same, "its parts are the same");
        }
        Request::Refused(refused) => assert_one_error(&refused.answer),
        Request::Inline(inline) => {
            let again = RequestParser::new(KEY_BYTES_MAX, usize::MAX).parse(&inline.frame);
            let Ok(Progress::Done(frame)) = again else {
                panic!("an inline request makes no frame: {again:?}");
            };
            assert!(matches!(frame, Request::Routed(_) | Request::Refused(_)), "{frame:?}");
            check_request(&frame, &inline.frame);
        }
        Request::Blank { .. } => {}
    }
}

/// A cursor and a digest are replaced, and the request is as good as before.
fn check_rewritten(routed: &Routed, bytes: &[u8]) {
    let mut out = Vec::new();
    match routed.command.travel {
        Travel::Scan => match request_cursor(bytes) {
            Some(cursor) => cursor.replace(bytes, u64::MAX, &mut out),
            None => return,
        },
        Travel::Script(script) => {
            let named = script_argument(bytes).is_some() && loaded_script(bytes).is_some();
            assert!(named || script == Script::Flush, "{}", bytes.escape_ascii());
            match script {
                Script::Digest => with_script(bytes, b"return 1", &mut out),
                Script::Body | Script::Load | Script::Flush => return,
            }
        }
        Travel::Blocking(patience) => {
            if let Wait::UpTo(wait) = patience.wait(bytes) {
                assert!(wait < Duration::from_secs(101 * 365 * 24 * 3_600), "{wait:?}");
            }
            return;
        }
        _ => return,
    }
    let again = RequestParser::new(KEY_BYTES_MAX, usize::MAX).parse(&out);
    let Ok(Progress::Done(Request::Routed(again))) = again else {
        panic!("{} is no request: {again:?}", out.escape_ascii());
    };
    assert_eq!((again.len, again.keys), (out.len(), routed.keys));
}

fn check_response(response: &[u8]) {
    if let Heard::Message { name, .. } = hear(response) {
        assert!(response.windows(name.len().max(1)).any(|part| part == name) || name.is_empty());
        // Passed on in the version of the subscriber: only the first byte differs.
        for version in [Version::Resp2, Version::Resp3] {
            let mut told = response.to_vec();
            told[0] = push_type(version);
            assert_one_response(&told);
        }
    }
    let owners = [0; 3];
    for keys in 0..=owners.len() {
        let mut out = Vec::new();
        let gathered = gather_array(&owners[..keys], &[response], |piece| match piece {
            Piece::Bytes(bytes) => out.extend_from_slice(bytes),
            Piece::Of { range, .. } => out.extend_from_slice(&response[range]),
        });
        match gathered {
            Ok(()) => assert_eq!(out, response, "one fragment's array is the whole"),
            Err(_) => assert!(out.is_empty(), "an error leaves nothing half said"),
        }
    }
    // Taken apart element by element and put together again, twice over.
    let twice = [response; 2];
    let mut out = Vec::new();
    let gathered =
        gather_array(&[0, 1, 0, 1], &twice, |piece| out.extend_from_slice(piece.bytes(&twice)));
    if gathered.is_ok() {
        assert_one_response(&out);
    }
    for kind in [Gather::First, Gather::Concat, Gather::Least, Gather::NotNull] {
        let mut out = Vec::new();
        let gathered =
            gather(kind, &[1], &twice, |piece| out.extend_from_slice(piece.bytes(&twice)));
        match gathered {
            Ok(()) => assert_one_response(&out),
            Err(_) => assert!(out.is_empty(), "an error leaves nothing half said"),
        }
    }
    if let Some(out) = recount(response, b"a", |_, number| number) {
        assert_eq!(out, response, "the same numbers make the same answer");
    }
    if let Some(cursor) = response_cursor(response) {
        let mut out = Vec::new();
        cursor.replace(response, u64::MAX, &mut out);
        assert_one_response(&out);
        assert_eq!(response_cursor(&out).map(|cursor| cursor.value), Some(u64::MAX));
    }
    for kind in [Gather::Sum, Gather::Status] {
        let mut out = Vec::new();
        let gathered = gather(kind, &[], &twice, |piece| match piece {
            Piece::Bytes(bytes) => out.extend_from_slice(bytes),
            Piece::Of { .. } => panic!("a number is no piece of a response"),
        });
        if gathered.is_ok() {
            assert_one_response(&out);
        }
    }
}

pub(super) fn assert_one_error(answer: &[u8]) {
    let is_error = [&b"-ERR "[..], b"-EXECABORT "].iter().any(|begin| answer.starts_with(begin));
    assert!(is_error, "{}", answer.escape_ascii());
    assert_one_response(answer);
}

pub(super) fn assert_one_response(bytes: &[u8]) {
    let parsed = ResponseParser::new().parse(bytes);
    let Ok(Progress::Done(response)) = parsed else {
        panic!("{} is no response: {parsed:?}", bytes.escape_ascii());
    };
    assert_eq!(response.len, bytes.len(), "{}", bytes.escape_ascii());
}

/// What the parser found in `stream`, and how it ended: with bytes missing, or an error. `reach`
/// says how many bytes arrive next, of so many to come.
fn requests(
    request_bytes_max: usize,
    stream: &[u8],
    mut reach: impl FnMut(usize) -> usize,
) -> (Vec<Request>, Result<usize, ParseError>) {
    let mut parser = RequestParser::new(KEY_BYTES_MAX, request_bytes_max);
    let mut found = Vec::new();
    let mut begin = 0;
    let mut end = 0;
    loop {
        match parser.parse(&stream[begin..end]) {
            Err(error) => return (found, Err(error)),
            Ok(Progress::Done(request)) => {
                begin += match &request {
                    Request::Routed(routed) => routed.len,
                    Request::Refused(refused) => refused.len,
                    Request::Inline(inline) => inline.len,
                    Request::Blank { len } => *len,
                };
                found.push(request);
                if begin > stream.len() {
                    return (found, Ok(begin - stream.len()));
                }
                end = end.max(begin);
            }
            Ok(Progress::Incomplete { missing }) if end == stream.len() => {
                return (found, Ok(missing));
            }
            Ok(Progress::Incomplete { missing }) => {
                assert!(missing > 0);
                end += reach(stream.len() - end);
            }
        }
    }
}

/// As [`requests`]; of each response its length.
fn responses(
    stream: &[u8],
    mut reach: impl FnMut(usize) -> usize,
) -> (Vec<usize>, Result<usize, ParseError>) {
    let mut parser = ResponseParser::new();
    let mut found = Vec::new();
    let mut begin = 0;
    let mut end = 0;
    loop {
        match parser.parse(&stream[begin..end]) {
            Err(error) => return (found, Err(error)),
            Ok(Progress::Done(response)) => {
                found.push(response.len);
                begin += response.len;
            }
            Ok(Progress::Incomplete { missing }) if end == stream.len() => {
                return (found, Ok(missing));
            }
            Ok(Progress::Incomplete { missing }) => {
                assert!(missing > 0);
                end += reach(stream.len() - end);
            }
        }
    }
}

/// Draws the lengths of the pieces that arrive: short ones mostly.
struct Cuts(u64);

impl Cuts {
    fn next(&mut self, rest: usize) -> usize {
        // A linear congruential generator; its upper bits are the better ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let draw = (self.0 >> 33) as usize;
        let longest = if draw.is_multiple_of(8) { 64 } else { 4 };
        (1 + (draw >> 3) % longest).min(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUESTS: &[&[u8]] = &[
        b"",
        b"*2\r\n$3\r\nGET\r\n$3\r\nfoo\r\n*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n",
        b"*3\r\n$4\r\nmget\r\n$1\r\na\r\n$0\r\n\r\n*5\r\n$4\r\nMSET\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$2\r\n\r\n\r\n",
        b"*4\r\n$4\r\nEVAL\r\n$1\r\nx\r\n$1\r\n1\r\n$1\r\nk\r\n*3\r\n$4\r\nEVAL\r\n$1\r\nx\r\n$1\r\n0\r\n",
        b"*3\r\n$6\r\nZUNION\r\n$1\r\n2\r\n$1\r\na\r\n*3\r\n$4\r\nHGET\r\n$20\r\n01234567890123456789\r\n$1\r\nf\r\n",
        b"*3\r\n$3\r\nFOO\r\n$3\r\na\r\n\r\n$1\r\n\0\r\n*0\r\n*-1\r\n\r\n  \nSET a \"b c\\x41\"\r\nget k\nPOST\n",
        b"*4\r\n$11\r\nZUNIONSTORE\r\n$1\r\nd\r\n$1\r\n1\r\n$1\r\na\r\n*3\r\n$5\r\nBLPOP\r\n$1\r\na\r\n$1\r\n0\r\n",
        b"*6\r\n$5\r\nXREAD\r\n$5\r\nCOUNT\r\n$1\r\n1\r\n$7\r\nSTREAMS\r\n$1\r\na\r\n$1\r\n0\r\n",
        b"*4\r\n$4\r\nSORT\r\n$1\r\na\r\n$5\r\nSTORE\r\n$1\r\nd\r\n*3\r\n$6\r\nOBJECT\r\n$4\r\nFREQ\r\n$1\r\nk\r\n",
        b"*1\r\n$4\r\nPING\rX",
        b"*1\r\n:4\r\n",
        b"*99999999\r\n",
        b"*3\r\n$999999999\r\n",
        b"GET \"a\r\n",
        b"\x16\x03\x01\x02\x00",
    ];

    const RESPONSES: &[&[u8]] = &[
        b"",
        b"+OK\r\n-ERR no\r\n:12\r\n:-1\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n*0\r\n",
        b"*2\r\n$1\r\na\r\n$-1\r\n*3\r\n*1\r\n*1\r\n:1\r\n*0\r\n+x\r\n",
        b"%1\r\n+a\r\n:1\r\n~2\r\n#t\r\n#f\r\n>1\r\n+x\r\n_\r\n,1.5\r\n(123\r\n!2\r\nno\r\n=5\r\ntxt:a\r\n|1\r\n+k\r\n+v\r\n:1\r\n",
        b"-OOM x\r\n-BUSYKEY x\r\n:+1\r\n",
        b"*9999999999\r\n",
        b"*4294967295\r\n*4294967295\r\n*4294967295\r\n|4294967295\r\n",
        b"garbage\r\n",
    ];

    /// Each sample under several cuts, and with each of its bytes changed.
    fn try_all(samples: &[&[u8]], target: fn(&[u8])) {
        for sample in samples {
            for seed in 0..16_u64 {
                let mut data = seed.to_le_bytes().to_vec();
                data.extend_from_slice(sample);
                target(&data);
                for at in 8..data.len() {
                    let kept = data[at];
                    for byte in [b'0', b'1', b'9', b'$', b'*', b'-', b'\r', b'\n', b'"', 0] {
                        data[at] = byte;
                        target(&data);
                    }
                    data[at] = kept;
                }
            }
        }
    }

    #[test]
    fn what_is_left_of_a_request_that_was_too_large_is_no_request() {
        let large = format!("*3\r\n$3\r\nSET\r\n$50\r\n{}\r\n", "x".repeat(50));
        let stream = [&[0; 8], large.as_bytes(), b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"].concat();
        fuzz_requests(&stream);
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn requests_keep_the_promises_whatever_comes() {
        try_all(REQUESTS, fuzz_requests);
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn responses_keep_the_promises_whatever_comes() {
        try_all(RESPONSES, fuzz_responses);
    }
}
