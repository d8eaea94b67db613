//! Where a request ends.

use memchr::memchr;

use super::line::{self, Verdict};
use super::{binary, encode, plain};
use crate::limits::MEMCACHE_LINE_BYTES_MAX;
use crate::{Inline, ParseError, Plain, Progress, Refused, Request, Routed};

/// The place in a request that has been seen in part.
///
/// ```text
/// set key 0 0 5 LF ..... CR LF
/// ^           ^ ^            ^
/// 0   line_end  |            whole
///               data
/// ```
/// While the line's end is unknown, `searched` grows with the bytes received and `whole` is 0.
/// Once the line has told the request's length, `searched` is the line's end and `whole` the
/// request's, and nothing is looked at until that many bytes are there.
#[derive(Clone, Debug)]
pub struct RequestParser {
    /// So many bytes hold no line end.
    searched: u32,
    /// Bytes of the whole request; 0 as long as it is not known.
    whole: u32,
    /// Longest request, bytes.
    request_bytes_max: u32,
    /// Whether meta commands are served.
    serves_meta: bool,
}

impl RequestParser {
    /// A parser at the start of a stream. `request_bytes_max` is the longest storage command with
    /// its data, bytes.
    #[must_use]
    pub const fn new(request_bytes_max: usize) -> Self {
        let longest = u32::MAX as usize;
        let max = if request_bytes_max < longest { request_bytes_max } else { longest };
        Self { searched: 0, whole: 0, request_bytes_max: max as u32, serves_meta: true }
    }

    /// The same, which serves meta commands or refuses them.
    #[must_use]
    pub const fn with_meta_commands(self, serves_meta: bool) -> Self {
        Self { serves_meta, ..self }
    }

    /// The same place, with the limits of `other`; it serves what that serves.
    #[must_use]
    pub const fn with_limits_of(self, other: &Self) -> Self {
        let Self { request_bytes_max, serves_meta, .. } = *other;
        Self { request_bytes_max, serves_meta, ..self }
    }

    /// Looks for one whole request at the front of `buf`, the bytes received and not yet consumed.
    ///
    /// Copies nothing; allocates only the answer of a [`Refused`] and the frame of an [`Inline`]. After `Incomplete` the parser
    /// keeps its place, so the next call, with `buf` grown at its end, searches only the new bytes
    /// for a line end, or, when data is awaited, does nothing but compare two lengths. A line is
    /// read at most twice: when it is there, and, if its data was not, when that is there.
    ///
    /// A [`Refused`] whose answer is empty is a request with `noreply`. The spaces before a command's
    /// name are a [`Request::Blank`] of their own: they ask for nothing.
    ///
    /// # Errors
    /// [`ParseError`] for the binary protocol and for HTTP, for a line longer than
    /// [`MEMCACHE_LINE_BYTES_MAX`], for data whose length cannot be read, and for data with no
    /// line end behind it.
    pub fn parse(&mut self, buf: &[u8]) -> Result<Progress<Request>, ParseError> {
        if buf.len() < self.whole as usize {
            return Ok(Progress::Incomplete { missing: self.whole as usize - buf.len() });
        }
        let Some(line_bytes) = self.line_bytes(buf)? else {
            return Ok(Progress::Incomplete { missing: 1 });
        };
        let line = line::read(&buf[..line_bytes], self.serves_meta)?;
        let len = line_bytes + line.block_bytes;
        if line.block_bytes > 0 && len > self.request_bytes_max as usize {
            (self.searched, self.whole) = (0, 0);
            return Ok(Progress::Done(too_large(len, &line.verdict)));
        }
        if buf.len() < len {
            debug_assert_eq!(self.whole, 0, "a line tells one length");
            self.searched = line_bytes as u32 - 1;
            self.whole = len as u32;
            return Ok(Progress::Incomplete { missing: len - buf.len() });
        }
        if line.block_bytes > 0 {
            check_data_end(buf, len)?;
        }
        (self.searched, self.whole) = (0, 0);
        Ok(Progress::Done(request(len, line.verdict)))
    }

    /// Whether it is at the start of a request.
    #[must_use]
    #[inline(always)]
    pub const fn is_at_start(&self) -> bool {
        self.whole == 0 && self.searched == 0
    }

    /// A plain request at the front of `buf`; see [`RequestParser::plain`](crate::RequestParser::plain).
    #[inline(always)]
    pub fn plain(&self, buf: &[u8]) -> Option<Plain> {
        if self.is_at_start() { plain::plain(buf, self.request_bytes_max) } else { None }
    }

    /// Bytes of the line at the front of `buf`, its LF included, when it is there.
    #[inline]
    fn line_bytes(&mut self, buf: &[u8]) -> Result<Option<usize>, ParseError> {
        if let Some(&binary::MAGIC) = buf.first() {
            return refuse_binary(buf);
        }
        let searched = self.searched as usize;
        let end = buf.len().min(MEMCACHE_LINE_BYTES_MAX);
        if let Some(found) = memchr(b'\n', &buf[searched..end]) {
            return Ok(Some(searched + found + 1));
        }
        if end == MEMCACHE_LINE_BYTES_MAX {
            return Err(ParseError { at: end, found: None, rule: LINE_TOO_LONG });
        }
        self.searched = end as u32;
        Ok(None)
    }
}

/// The binary protocol is refused in its own words, which take a whole header.
#[cold]
fn refuse_binary(buf: &[u8]) -> Result<Option<usize>, ParseError> {
    if buf.len() < binary::HEADER_BYTES {
        return Ok(None);
    }
    Err(ParseError { at: 0, found: Some(binary::MAGIC), rule: binary::NO_BINARY })
}

/// Data is followed by CR LF, and by nothing else.
fn check_data_end(buf: &[u8], len: usize) -> Result<(), ParseError> {
    for (at, expected) in [(len - 2, b'\r'), (len - 1, b'\n')] {
        if buf[at] != expected {
            return Err(ParseError { at, found: Some(buf[at]), rule: BAD_DATA });
        }
    }
    Ok(())
}

/// A storage command that is refused for its size before its data is there.
#[cold]
fn too_large(len: usize, verdict: &Verdict) -> Request {
    let answer = match verdict {
        // Who wants no answer would take this one for the next request's.
        Verdict::Route { noreply: true, .. } => b"",
        Verdict::Route { .. } => encode::TOO_LARGE,
        Verdict::Refuse(answer) => answer,
        Verdict::Reword(_) | Verdict::Blank(_) => unreachable!("it has no data"),
    };
    Request::Refused(Refused {
        len,
        answer: answer.to_vec(),
        after_password: false,
        too_large: true,
    })
}

#[inline]
fn request(len: usize, verdict: Verdict) -> Request {
    match verdict {
        Verdict::Route { command, key, keys, noreply, omit, meta } => {
            let end = len as u32;
            Request::Routed(Routed {
                len,
                command,
                key,
                keys,
                noreply,
                omit: omit.unwrap_or(end..end),
                meta,
            })
        }
        Verdict::Refuse(answer) => Request::Refused(Refused {
            len,
            answer: answer.to_vec(),
            after_password: false,
            too_large: false,
        }),
        Verdict::Blank(len) => Request::Blank { len },
        Verdict::Reword(frame) => Request::Inline(Inline { len, frame: frame.to_vec() }),
    }
}

const LINE_TOO_LONG: &str = "line is longer than 1048576 bytes";

/// memcached's own words. It then looks for the next line's end and goes on behind it, which may
/// well be in the middle of the data.
const BAD_DATA: &str = "bad data chunk";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::memcache::{fuzz, naive};

    /// The requests in `wire`, and the error behind them, when it comes in pieces that end at
    /// `cuts`.
    fn parse(wire: &[u8], cuts: &[usize]) -> (Vec<Request>, Option<ParseError>) {
        fuzz::requests_in(wire, cuts.iter().copied())
    }

    fn routed(wire: &[u8]) -> Routed {
        match parse(wire, &[]).0.as_slice() {
            [Request::Routed(routed)] => routed.clone(),
            other => panic!("{} gave {other:?}", wire.escape_ascii()),
        }
    }

    const WIRES: &[&[u8]] = &[
        b"get a\r\n",
        b"get a\nget b\n",
        b"  gets  a  b  \r\nversion\r\n",
        b"set k 0 0 5\r\nhello\r\nget k\r\n",
        b"set k 0 0 4\r\na\r\nb\r\nget k\r\n",
        b"set k 0 0 0 noreply\r\n\r\ndelete k\r\n",
        b"cas k 0 0 1 1\nv\r\nincr n 1\r\nquit\r\n",
        b"\r\n\n  \nfoo\r\nget\r\nget a\rb\n",
        b" set k 0 0 11\r\nflush_all\r\n\r\n  ms k 2\r\n  \r\n   \x80",
        b"set k 0 0 00000000007\r\nversion\r\nms k 00000000007\r\nversion\r\nms k 7 -x\r\nversion\r\n",
        b"ms k 7\r\nversion\r\nversion\r\n",
        b"set k x 0 7\r\nversion\r\nversion\r\n",
        b"set k 0 0 1\r\nvv\r\nget a\r\n",
        b"set k 0 0 1\r\nv\rXget a\r\n",
        b"get a\r\nset k 0 0 -1\r\n",
        b"get a\r\n\x80\x00",
        b"get a\r\n\x80\x0b0123456789\n12345678901234",
        b"delete noreply\r\ndelete  noreply noreply \ndelete noreply 0\r\ndelete noreply x\r\nget noreply\r\n",
        b"mg a v q\r\nms b 2 q Oab\r\nxy\r\nmn\r\nmd YWJj q b\r\nmg YW b\r\n",
        b"gat 10 a b\r\nflush_all 0 noreply\r\nverbosity 1\r\nstats items\r\nstats reset\r\nslabs\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
    ];

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn a_stream_cut_anywhere_parses_the_same() {
        for wire in WIRES {
            let whole = parse(wire, &[]);
            for first in 0..=wire.len() {
                for second in first..=wire.len() {
                    let cut = parse(wire, &[first, second]);
                    assert_eq!(cut, whole, "{} at {first}, {second}", wire.escape_ascii());
                }
            }
            let every: Vec<_> = (0..wire.len()).collect();
            assert_eq!(parse(wire, &every), whole, "{} byte by byte", wire.escape_ascii());
        }
    }

    #[test]
    fn the_naive_twin_agrees_on_every_prefix() {
        for wire in WIRES {
            for end in 0..=wire.len() {
                let front = &wire[..end];
                let fast = RequestParser::new(usize::MAX).parse(front);
                assert_eq!(fast, naive::parse(front), "{}", front.escape_ascii());
            }
        }
    }

    #[test]
    fn a_request_says_where_its_key_and_its_noreply_are() {
        let wire = b"set  key  1 2 3  noreply \r\nabc\r\n";
        let routed = routed(wire);
        assert_eq!(routed.len, wire.len());
        assert_eq!(routed.command.name, "set");
        assert_eq!((routed.key, routed.keys), (5..8, 1));
        assert!(routed.noreply);
        let (start, end) = (routed.omit.start as usize, routed.omit.end as usize);
        let forwarded = [&wire[..start], &wire[end..]].concat();
        assert_eq!(forwarded, b"set  key  1 2 3 \r\nabc\r\n");
    }

    // memcached 1.6.40 answers ERROR to such a line, and runs its data.
    #[test]
    fn spaces_before_a_name_are_no_part_of_the_request() {
        let wire = b"   set k 0 0 11\r\nflush_all\r\n\r\n";
        for cuts in [&[][..], &[1], &[2, 5], &[3, 20]] {
            let (found, error) = parse(wire, cuts);
            let [Request::Blank { len: 3 }, Request::Routed(set)] = found.as_slice() else {
                panic!("{found:?} {error:?}")
            };
            assert_eq!((set.command.name, &set.key, set.len), ("set", &(4..5), wire.len() - 3));
        }
        let (found, _) = parse(b"  \r\n", &[]);
        let [Request::Blank { len: 2 }, Request::Refused(refused)] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(refused.answer, b"ERROR\r\n");
    }

    #[test]
    fn a_request_that_is_forwarded_whole_omits_nothing_at_its_end() {
        let routed = routed(b"delete k\r\n");
        assert_eq!(routed.omit, 10..10);
        assert!(!routed.noreply);
    }

    #[test]
    fn a_bare_lf_ends_a_line_so_no_command_hides_in_a_key() {
        let (requests, _) = parse(b"get a\nflush_all\r\n", &[]);
        let [Request::Routed(get), Request::Routed(flush)] = requests.as_slice() else {
            panic!("{requests:?}");
        };
        assert_eq!((get.len, get.keys), (6, 1));
        assert_eq!((flush.len, flush.command.name), (11, "flush_all"));
    }

    #[test]
    fn data_is_awaited_whole_and_told_how_much_is_missing() {
        let mut parser = RequestParser::new(usize::MAX);
        let wire = b"set k 0 0 100000\r\n".to_vec();
        assert_eq!(parser.parse(&wire), Ok(Progress::Incomplete { missing: 100_002 }));
        let more = [wire.as_slice(), &[b'x'; 100_001]].concat();
        assert_eq!(parser.parse(&more), Ok(Progress::Incomplete { missing: 1 }));
    }

    #[test]
    fn awaiting_data_looks_at_nothing() {
        let mut parser = RequestParser::new(usize::MAX);
        let mut wire = b"set k 0 0 8\r\n".to_vec();
        parser.parse(&wire).unwrap();
        // Were the line read again before the data is there, this would be an unknown command.
        wire[0] = b'z';
        wire.extend_from_slice(b"1234567");
        assert_eq!(parser.parse(&wire), Ok(Progress::Incomplete { missing: 3 }));
    }

    #[test]
    fn a_line_is_searched_once() {
        let mut parser = RequestParser::new(usize::MAX);
        assert_eq!(parser.parse(b"get a"), Ok(Progress::Incomplete { missing: 1 }));
        assert_eq!(parser.searched, 5);
        assert!(matches!(parser.parse(b"get a\r\n"), Ok(Progress::Done(Request::Routed(_)))));
        assert_eq!(parser.searched, 0, "at the start again");
    }

    #[test]
    fn data_above_the_pools_limit_is_refused_before_it_is_there_and_the_next_is_served() {
        let data = "v".repeat(100);
        for (line, answer) in [
            ("set k 0 0 100", "SERVER_ERROR object too large for cache\r\n"),
            ("cas k 0 0 100 7", "SERVER_ERROR object too large for cache\r\n"),
            ("set k 0 0 100 noreply", ""),
            ("ms k 100 q", "SERVER_ERROR object too large for cache\r\n"),
            ("set k x 0 100", "CLIENT_ERROR bad command line format\r\n"),
        ] {
            let wire = format!("{line}\r\n{data}\r\nget a\r\n").into_bytes();
            for cuts in [&[][..], &[5, 20, 60, 118]] {
                let (found, error) = fuzz::requests_up_to(90, &wire, cuts.iter().copied());
                let [Request::Refused(refused), Request::Routed(get)] = found.as_slice() else {
                    panic!("{line}: {found:?} {error:?}");
                };
                assert_eq!(refused.answer, answer.as_bytes(), "{line}");
                assert_eq!((refused.len + get.len, error), (wire.len(), None), "{line}");
            }
        }
    }

    #[test]
    fn data_without_its_line_end_ends_the_stream() {
        for (wire, at, found) in [
            (&b"set k 0 0 1\r\nvv\r\n"[..], 14, b'v'),
            (b"set k 0 0 1\r\nv\rx", 15, b'x'),
            (b"set k 0 0 1\r\nv\n\n", 14, b'\n'),
            (b"set k x 0 1\r\nvv\r\n", 14, b'v'),
        ] {
            let error = ParseError { at, found: Some(found), rule: "bad data chunk" };
            assert_eq!(parse(wire, &[]), (vec![], Some(error)), "{}", wire.escape_ascii());
        }
    }

    #[test]
    fn meta_commands_that_are_not_served_are_refused_with_their_data() {
        let mut parser = RequestParser::new(usize::MAX).with_meta_commands(false);
        let mut wire = &b"ms k 11 T0\r\nflush_all\r\n\r\nmg k v\r\nmn\r\n"[..];
        let place = RequestParser::new(usize::MAX).with_limits_of(&parser);
        assert!(!place.serves_meta, "a client that changes over keeps to the new pool's word");
        for _ in 0..3 {
            let found = parser.parse(wire);
            let Ok(Progress::Done(Request::Refused(refused))) = found else { panic!("{found:?}") };
            assert_eq!(refused.answer, encode::META_COMMANDS_OFF);
            wire = &wire[refused.len..];
        }
        assert_eq!(wire, b"");
    }

    #[test]
    fn the_binary_protocol_is_told_from_its_first_byte() {
        let error = ParseError { at: 0, found: Some(0x80), rule: binary::NO_BINARY };
        let header = [0x80; binary::HEADER_BYTES];
        assert_eq!(RequestParser::new(usize::MAX).parse(&header), Err(error));
        let incomplete = Ok(Progress::Incomplete { missing: 1 });
        assert_eq!(RequestParser::new(usize::MAX).parse(&header[1..]), incomplete);
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn a_line_has_a_longest_length_whatever_the_cut() {
        assert!(LINE_TOO_LONG.ends_with(&format!(" {MEMCACHE_LINE_BYTES_MAX} bytes")));
        let error = ParseError { at: MEMCACHE_LINE_BYTES_MAX, found: None, rule: LINE_TOO_LONG };
        let mut line = b"get ".to_vec();
        line.resize(MEMCACHE_LINE_BYTES_MAX - 1, b' ');
        line[4] = b'k';
        let cut = line.len() / 2;

        let mut over = line.clone();
        over.extend_from_slice(b" \n");
        for cuts in [&[][..], &[cut, MEMCACHE_LINE_BYTES_MAX]] {
            assert_eq!(parse(&over, cuts), (vec![], Some(error)), "{cuts:?}");
        }

        line.push(b'\n');
        assert_eq!(routed(&line).len, MEMCACHE_LINE_BYTES_MAX);
        assert_eq!(parse(&line, &[cut, line.len() - 1]), parse(&line, &[]));
    }

    #[test]
    fn a_parser_is_small() {
        assert_eq!(size_of::<RequestParser>(), 16);
    }

    #[test]
    fn the_fuzz_function_holds_over_many_seeds() {
        fuzz::over_seeds(fuzz::fuzz_requests, fuzz::REQUEST_PIECES);
    }

    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::sample::select(fuzz::REQUEST_PIECES.to_vec()).prop_map(<[u8]>::to_vec),
            "[a-z]{1,9}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 1..4),
        ];
        prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    /// A stream of requests that are all in order, each with how long it is.
    fn good_requests() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let key = "[!-~]{1,30}";
        let space = " {1,3}";
        let noreply = prop_oneof![Just(""), Just(" noreply"), Just("  noreply ")];
        let end = prop_oneof![Just("\r\n"), Just("\n")];
        let get = (
            prop_oneof![Just("get"), Just("gets")],
            prop::collection::vec(key, 1..6),
            space,
            end.clone(),
        )
            .prop_map(|(name, keys, space, end)| {
                format!("{name}{space}{}{end}", keys.join(&space)).into_bytes()
            });
        let store = (
            prop_oneof![Just("set"), Just("add"), Just("replace"), Just("append"), Just("prepend")],
            key,
            any::<u32>(),
            any::<i32>(),
            prop::collection::vec(any::<u8>(), 0..60),
            noreply.clone(),
            end.clone(),
        )
            .prop_map(|(name, key, flags, exptime, data, noreply, end)| {
                let line = format!("{name} {key} {flags} {exptime} {}{noreply}{end}", data.len());
                [line.as_bytes(), &data, b"\r\n"].concat()
            });
        let count = (
            prop_oneof![Just("incr"), Just("decr"), Just("touch")],
            key,
            any::<u32>(),
            noreply,
            end,
        )
            .prop_map(|(name, key, number, noreply, end)| {
                format!("{name} {key} {number}{noreply}{end}").into_bytes()
            });
        prop::collection::vec(prop_oneof![get, store, count], 0..8)
    }

    proptest! {
        #[test]
        fn requests_in_order_are_all_routed_however_cut(
            requests in good_requests(),
            cuts in prop::collection::vec(0_usize..400, 0..6),
        ) {
            let (found, error) = parse(&requests.concat(), &cuts);
            prop_assert_eq!(error, None);
            let lengths = |found: &[Request]| -> Vec<_> {
                found.iter().map(|request| match request {
                    Request::Routed(routed) => routed.len,
                    other => panic!("{other:?}"),
                }).collect()
            };
            prop_assert_eq!(lengths(&found), requests.iter().map(Vec::len).collect::<Vec<_>>());
        }

        #[test]
        fn the_naive_twin_agrees_on_anything(wire in pieces()) {
            prop_assert_eq!(RequestParser::new(usize::MAX).parse(&wire), naive::parse(&wire));
        }

        #[test]
        fn anything_cut_anywhere_parses_the_same(
            wire in pieces(),
            cuts in prop::collection::vec(0_usize..200, 0..6),
        ) {
            prop_assert_eq!(parse(&wire, &cuts), parse(&wire, &[]));
        }
    }
}
