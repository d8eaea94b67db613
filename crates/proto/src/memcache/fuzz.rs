//! What must hold for any bytes at all, for the fuzz targets and for the tests beside the parsers.

use super::{Parts, RequestParser, ResponseParser, gather_stats, gather_values};
use crate::limits::MEMCACHE_KEY_BYTES_MAX;
use crate::{Meta, ParseError, Piece, Progress, Quiet, Request, Response, Routed};

/// Reads `data` as cuts and a client's stream, and checks that the cuts do not matter and that
/// each request is what it says.
///
/// # Panics
/// When it is not so.
pub fn fuzz_requests(data: &[u8]) {
    let (cuts, wire) = cuts_and_wire(data);
    let cuts: Vec<_> = cuts.collect();
    for request_bytes_max in [usize::MAX, SMALL_REQUEST_BYTES_MAX] {
        check_requests(wire, &cuts, request_bytes_max);
    }
}

/// A longest request that many are longer than.
const SMALL_REQUEST_BYTES_MAX: usize = 24;

fn check_requests(wire: &[u8], cuts: &[usize], request_bytes_max: usize) {
    let (requests, error) = requests_up_to(request_bytes_max, wire, []);
    let cut = requests_up_to(request_bytes_max, wire, cuts.iter().copied());
    assert_eq!(cut, (requests.clone(), error));
    let plain = |wire| RequestParser::new(request_bytes_max).plain(wire);
    let mut at = 0;
    for request in &requests {
        let len = request_len(request);
        let Some(frame) = wire.get(at..at + len) else {
            assert!(
                len > request_bytes_max,
                "only what is too large is refused before it is whole"
            );
            return;
        };
        if let Some(plain) = plain(&wire[at..]) {
            plain.assert_is(request);
        }
        match request {
            Request::Routed(routed) => {
                assert!(frame.ends_with(b"\n"), "{}", frame.escape_ascii());
                check_routed(routed, frame);
            }
            Request::Refused(refused) => {
                let answer = &refused.answer;
                assert!(answer.is_empty() || answer.ends_with(b"\r\n"), "{refused:?}");
            }
            Request::Blank { .. } => assert_eq!(frame.trim_ascii_start(), b"", "spaces"),
            Request::Inline(inline) => match requests_in(&inline.frame, []).0.as_slice() {
                [Request::Routed(routed)] => check_routed(routed, &inline.frame),
                other => panic!("{inline:?} is {other:?}"),
            },
        }
        at += len;
    }
    assert_eq!(plain(&wire[at..]), None, "no request is there");
    assert!(error.is_none_or(|error| at + error.at <= wire.len()), "{error:?} is in the stream");
}

/// Reads `data` as cuts and a server's stream, and checks that the cuts do not matter and that
/// what is gathered from its responses is a response.
///
/// # Panics
/// When it is not so.
pub fn fuzz_responses(data: &[u8]) {
    let (cuts, wire) = cuts_and_wire(data);
    let (responses, error) = responses_in(wire, []);
    assert_eq!(responses_in(wire, cuts), (responses.clone(), error));
    let mut frames = Vec::new();
    let mut rest = wire;
    for response in responses {
        let (frame, behind) = rest.split_at(response.len);
        assert!(frame.ends_with(b"\r\n"), "{}", frame.escape_ascii());
        frames.push(frame);
        rest = behind;
    }
    assert!(error.is_none_or(|error| error.at <= rest.len()), "{error:?} is in the stream");

    let owners: Vec<_> = (0..frames.len() as u32).cycle().take(3 * frames.len()).collect();
    let mut gathered = Vec::new();
    let result =
        gather_values(&owners, &frames, |piece| gathered.extend_from_slice(piece.bytes(&frames)));
    check_gathered(result.is_ok(), &gathered);
    gathered.clear();
    let result = gather_stats(&frames, |piece| match piece {
        Piece::Bytes(bytes) => gathered.extend_from_slice(bytes),
        Piece::Of { .. } => panic!("figures are told anew"),
    });
    check_gathered(result.is_ok(), &gathered);
}

fn check_gathered(is_ok: bool, gathered: &[u8]) {
    let (responses, error) = responses_in(gathered, []);
    match is_ok {
        true => assert_eq!((responses.len(), error), (1, None), "{}", gathered.escape_ascii()),
        false => assert!(gathered.is_empty(), "{}", gathered.escape_ascii()),
    }
}

/// The requests in `wire`, and the error behind them, when it comes in pieces that end at `cuts`.
pub fn requests_in(
    wire: &[u8],
    cuts: impl IntoIterator<Item = usize>,
) -> (Vec<Request>, Option<ParseError>) {
    requests_up_to(usize::MAX, wire, cuts)
}

/// As [`requests_in`], of which none is longer than `request_bytes_max`.
pub fn requests_up_to(
    request_bytes_max: usize,
    wire: &[u8],
    cuts: impl IntoIterator<Item = usize>,
) -> (Vec<Request>, Option<ParseError>) {
    let mut parser = RequestParser::new(request_bytes_max);
    messages_in(wire, cuts, |buf| parser.parse(buf), request_len)
}

/// The responses in `wire`, and the error behind them, when it comes in pieces that end at `cuts`.
pub fn responses_in(
    wire: &[u8],
    cuts: impl IntoIterator<Item = usize>,
) -> (Vec<Response>, Option<ParseError>) {
    let mut parser = ResponseParser::new();
    messages_in(wire, cuts, |buf| parser.parse(buf), |response| response.len)
}

fn messages_in<T>(
    wire: &[u8],
    cuts: impl IntoIterator<Item = usize>,
    mut parse: impl FnMut(&[u8]) -> Result<Progress<T>, ParseError>,
    len: impl Fn(&T) -> usize,
) -> (Vec<T>, Option<ParseError>) {
    let mut ends: Vec<_> = cuts.into_iter().map(|cut| cut.min(wire.len())).collect();
    ends.push(wire.len());
    ends.sort_unstable();
    let mut messages = Vec::new();
    let mut start = 0;
    for received in ends {
        // An earlier message may already have taken in all there was.
        while start < received {
            match parse(&wire[start..received]) {
                Ok(Progress::Done(message)) => {
                    let len = len(&message);
                    assert!(len > 0, "a message of nothing");
                    start += len;
                    messages.push(message);
                }
                Ok(Progress::Incomplete { missing }) => {
                    assert!(missing > 0, "a message that lacks nothing");
                    break;
                }
                Err(error) => return (messages, Some(error)),
            }
        }
    }
    (messages, None)
}

fn request_len(request: &Request) -> usize {
    match request {
        Request::Routed(routed) => routed.len,
        Request::Refused(refused) => refused.len,
        Request::Blank { len } => *len,
        Request::Inline(inline) => inline.len,
    }
}

/// Checks that the ranges of a request hold what they should.
fn check_routed(routed: &Routed, frame: &[u8]) {
    let parts: Vec<_> = Parts::new(routed, frame).collect();
    let keys: Vec<_> = parts.iter().map(|part| part.key(frame)).collect();
    assert_eq!(keys.len(), routed.keys as usize, "{routed:?}");
    let first = &frame[routed.key.start as usize..routed.key.end as usize];
    assert_eq!(keys.first().copied().unwrap_or_default(), first, "{routed:?}");
    for key in keys {
        assert!((1..=MEMCACHE_KEY_BYTES_MAX).contains(&key.len()), "{routed:?}");
        assert!(!key.iter().any(|byte| b" \r\n\0".contains(byte)), "{routed:?}");
    }

    let sent = [&frame[..routed.omit.start as usize], &frame[routed.omit.end as usize..]].concat();
    // No other white space than blanks ends a word.
    let is_end = |byte: &u8| matches!(byte, b' ' | b'\r' | b'\n');
    let words = sent.len() - sent.iter().rev().take_while(|byte| is_end(byte)).count();
    let may_end_so = routed.command.name != "delete" || !sent[..words].ends_with(b" noreply");
    assert!(may_end_so, "a server would not answer {}", sent.escape_ascii());
    let omit = &frame[routed.omit.start as usize..routed.omit.end as usize];
    let is_quiet = routed.meta.quiet != Quiet::No;
    assert_eq!(routed.noreply || is_quiet, !omit.is_empty(), "{routed:?}");
    if !omit.is_empty() {
        match is_quiet {
            true => assert!(omit.trim_ascii_start().starts_with(b"q"), "{routed:?}"),
            false => assert_eq!(omit.trim_ascii_start(), b"noreply", "{routed:?}"),
        }
        // What is left is the same request, but for the silence.
        let len = sent.len();
        let end = len as u32;
        let meta = Meta { quiet: Quiet::No, ..routed.meta };
        let expected = Routed { len, omit: end..end, noreply: false, meta, ..routed.clone() };
        assert_eq!(requests_in(&sent, []).0, [Request::Routed(expected)]);
    }
}

/// The first byte says how many of those behind it are cuts; the rest is the stream.
fn cuts_and_wire(data: &[u8]) -> (impl Iterator<Item = usize>, &[u8]) {
    let (&count, rest) = data.split_first().unwrap_or((&0, &[]));
    let (cuts, wire) = rest.split_at(rest.len().min(usize::from(count % 8)));
    (cuts.iter().map(|&cut| usize::from(cut) % (wire.len() + 1)), wire)
}

/// Runs a fuzz function on streams of `pieces`, each made from its seed.
#[cfg(test)]
pub(super) fn over_seeds(fuzz: fn(&[u8]), pieces: &[&[u8]]) {
    let seeds: u64 = if cfg!(miri) { 20 } else { 20_000 };
    for seed in 0..seeds {
        // SplitMix64: any seed will do, and the next one gives something else altogether.
        let mut state = seed;
        let mut random = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ (mixed >> 31)) as usize
        };
        let mut data = vec![7];
        data.extend((0..7).map(|_| random() as u8));
        for _ in 0..random() % 24 {
            match random() % 16 {
                0 => data.push(random() as u8),
                place => data.extend_from_slice(pieces[(place + random()) % pieces.len()]),
            }
        }
        let outcome = std::panic::catch_unwind(|| fuzz(&data));
        assert!(outcome.is_ok(), "seed {seed}: {}", data.escape_ascii());
    }
}

/// What requests are made of.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const REQUEST_PIECES: &[&[u8]] = &[
    b"get ", b"gets ", b"set ", b"cas ", b"append ", b"delete ", b"incr ", b"touch ", b"version",
    b"quit", b"ms ", b"SET ", b"k ", b"key2 ", b"0 ", b"0", b"1 ", b"3", b"-1 ", b"noreply", b" noreply",
    b" ", b"  ", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\0", b"abc\r\n", b"\r\n\r\n",
    b"set k 0 0 3\r\nabc\r\n", b"set k 0 0 ", b"delete k 0", b"cas k 1 2 3 4 ", b"\x80", b"HTTP/1.1",
    b"mg ", b"md ", b"ma ", b"me ", b"mn", b"gat ", b"gats ", b"flush_all", b"verbosity ", b"stats", b" items",
    b"slabs ", b"cache_memlimit ", b"ms k 3 q\r\nabc\r\n", b"mg k v", b" q", b" q ", b" b", b"YWJj ", b"YQ== ",
    b"   set k 0 0 3\r\nabc\r\n", b"ms k 3 -x\r\nabc\r\n", b"ms k 3 q z\r\nabc\r\n", b"set k 0 0 00000000003\r\nabc\r\n", b"0000000000",
    b"delete noreply", b"delete noreply\t\r\n", b" {", b" \x01", b" ~", b" \xff",
];

/// What responses are made of.
#[cfg(test)]
#[rustfmt::skip]
pub(super) const RESPONSE_PIECES: &[&[u8]] = &[
    b"VALUE ", b"k ", b"0 ", b"1", b"3 ", b"\r\n", b"\r\n", b"\n", b"\r", b"END\r\n", b"END\r\n", b"END",
    b"VALUE k 0 3\r\nabc\r\n", b"VALUE k 0 0 9\r\n\r\n", b"VALUE k 0 ", b"abc\r\n", b" ", b"STORED",
    b"STORED\r\n", b"12\r\n", b"ERROR\r\n", b"CLIENT_ERROR x\r\n", b"SERVER_ERROR ", b"VERSION 1\r\n",
    b"HD\r\n", b"EN\r\n", b"NF k\r\n", b"MN\r\n", b"ME k x=1\r\n", b"VA 3 q\r\nabc\r\n", b"VA ", b"STAT a 1\r\n", b"STAT ",
];
