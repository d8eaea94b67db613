//! Where a response ends.

use memchr::memchr;

use super::value::LineEnd;
use super::{digits, kinds, stats, value};
use crate::kind::Kind;
use crate::limits::MEMCACHE_RESPONSE_LINE_BYTES_MAX;
use crate::{Outcome, ParseError, Progress, Response};

/// The place in a response that has been seen in part.
///
/// ```text
/// VALUE a 0 5 CR LF ..... CR LF VALUE b 0 2 CR LF .. CR LF END CR LF
///                               ^                 ^
///                               line              searched
/// ```
/// Blocks before `line` are done with. When the data before `line` is still coming, `line` is past
/// the end of what has been received.
#[derive(Clone, Debug)]
pub struct ResponseParser {
    /// Where the line to read next begins: 0, or behind a block.
    line: usize,
    /// Up to here there is no LF in the line; less than `line` as long as the end of the block
    /// before it has not been looked at.
    searched: usize,
}

impl ResponseParser {
    /// A parser at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self { line: 0, searched: 0 }
    }

    /// Where the line to read next begins, from the first byte of the response.
    pub(super) const fn line(&self) -> usize {
        self.line
    }

    /// Whether it is at the start of a response.
    #[must_use]
    #[inline(always)]
    pub const fn is_at_start(&self) -> bool {
        self.line == 0 && self.searched == 0
    }

    /// Looks for one whole response at the front of `buf`, the bytes received and not yet consumed.
    ///
    /// Copies and allocates nothing. After `Incomplete` the parser keeps its place: what is behind
    /// it is not looked at again, and data is not looked at at all. The outcome is never
    /// [`Outcome::Unwell`]: an error line of memcached's says nothing of the server's health, as
    /// in the original.
    ///
    /// # Errors
    /// [`ParseError`] for a line that no request that is served brings, a line longer than
    /// [`MEMCACHE_RESPONSE_LINE_BYTES_MAX`], one that does not end in CR LF, and data that does
    /// not.
    #[inline(always)]
    pub fn parse(&mut self, buf: &[u8]) -> Result<Progress<Response>, ParseError> {
        let plain = if self.is_at_start() { plain(buf) } else { None };
        plain.map_or_else(|| self.parse_any(buf), |response| Ok(Progress::Done(response)))
    }

    /// As [`parse`](Self::parse), of any response.
    #[inline(never)]
    fn parse_any(&mut self, buf: &[u8]) -> Result<Progress<Response>, ParseError> {
        let mut last = LineEnd::new();
        loop {
            if buf.len() < self.line {
                // Behind the data of a `VALUE` there is an `END` at the least.
                let end = if is_meta_value(buf) { 0 } else { b"END\r\n".len() };
                let missing = self.line - buf.len() + end;
                return Ok(Progress::Incomplete { missing });
            }
            if self.searched < self.line {
                self.check_data_end(buf)?;
                if is_meta_value(buf) {
                    let len = self.line;
                    *self = Self::new();
                    return Ok(Progress::Done(Response::fine(len, kinds::VA)));
                }
            }
            if self.searched == self.line {
                // The first is most often the only one, and nothing ends like it.
                let plain = match self.line {
                    0 => value::plain_block(buf, 0),
                    at => last.plain_block(buf, at),
                };
                if let Some(next) = plain {
                    self.line = next;
                    continue;
                }
            }
            let Some(line_end) = self.line_end(buf)? else {
                return Ok(Progress::Incomplete { missing: 1 });
            };
            let line = &buf[self.line..line_end];
            let next = line_end + b"\r\n".len();
            if let Some(data_bytes) = value::data_bytes(line) {
                self.line = next + data_bytes + b"\r\n".len();
                continue;
            }
            if stats::stat(line).is_some() {
                (self.line, self.searched) = (next, next);
                continue;
            }
            if self.line == 0
                && let Some(data_bytes) = value::meta_data_bytes(line)
            {
                self.line = next + data_bytes + b"\r\n".len();
                continue;
            }
            let found = if self.line == 0 { only_line(line) } else { end_of_blocks(buf, line) };
            let Some((outcome, kind)) = found else {
                return Err(ParseError {
                    at: self.line,
                    found: Some(buf[self.line]),
                    rule: UNKNOWN_LINE,
                });
            };
            *self = Self::new();
            return Ok(Progress::Done(Response { len: next, outcome, kind }));
        }
    }

    /// Looks at the two bytes behind the data, which are before the line.
    fn check_data_end(&mut self, buf: &[u8]) -> Result<(), ParseError> {
        for (at, expected) in [(self.line - 2, b'\r'), (self.line - 1, b'\n')] {
            if buf[at] != expected {
                return Err(ParseError { at, found: Some(buf[at]), rule: DATA_END });
            }
        }
        self.searched = self.line;
        Ok(())
    }

    /// Where the line's CR is, when its LF is there.
    fn line_end(&mut self, buf: &[u8]) -> Result<Option<usize>, ParseError> {
        let limit = self.line + MEMCACHE_RESPONSE_LINE_BYTES_MAX;
        let end = buf.len().min(limit);
        if let Some(found) = memchr(b'\n', &buf[self.searched..end]) {
            let lf = self.searched + found;
            if lf == self.line || buf[lf - 1] != b'\r' {
                return Err(ParseError { at: lf, found: Some(b'\n'), rule: BARE_LF });
            }
            return Ok(Some(lf - 1));
        }
        if end == limit {
            return Err(ParseError { at: end, found: None, rule: LINE_TOO_LONG });
        }
        self.searched = end;
        Ok(None)
    }
}

impl Default for ResponseParser {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a response that has a block is a meta command's: `VA` and its data, with nothing behind it.
#[inline]
fn is_meta_value(buf: &[u8]) -> bool {
    // A `VALUE` or a `STAT` has a letter there.
    buf[2] == b' '
}

/// The response that most are: one value, none, or `STORED`; and all there. `None` says nothing;
/// [`ResponseParser::parse_any`] has the answer then.
#[inline(always)]
fn plain(buf: &[u8]) -> Option<Response> {
    const END: &[u8] = b"END\r\n";
    const STORED: &[u8] = b"STORED\r\n";
    match buf.first()? {
        b'V' => {
            let end = value::plain_block(buf, 0)?;
            let is_whole = buf.get(end - 2..end + END.len())? == b"\r\nEND\r\n";
            is_whole.then_some(Response::fine(end + END.len(), kinds::VALUE))
        }
        b'E' => buf.starts_with(END).then_some(Response::fine(END.len(), kinds::END)),
        _ => buf.starts_with(STORED).then_some(Response::fine(STORED.len(), kinds::STORAGE_WORD)),
    }
}

/// What a response of one line says; `None` for a line that is no response.
fn only_line(line: &[u8]) -> Option<(Outcome, Kind)> {
    let kind = match without_trailing_spaces(line) {
        b"STORED" | b"NOT_STORED" | b"EXISTS" => kinds::STORAGE_WORD,
        b"NOT_FOUND" => kinds::NOT_FOUND,
        b"DELETED" => kinds::DELETED,
        b"TOUCHED" => kinds::TOUCHED,
        b"OK" | b"MN" => kinds::OK,
        number if digits::are_digits(number) => kinds::NUMBER,
        _ if is_text_after(b"VERSION", line) => kinds::VERSION,
        _ => match META.iter().find(|(word, _)| is_text_after(word, line)) {
            Some((_, kind)) => *kind,
            None => {
                let outcome = last_line(line)?;
                let kind = match without_trailing_spaces(line) {
                    b"ERROR" | b"CLIENT_ERROR bad command line format" => kinds::REFUSED,
                    b"CLIENT_ERROR invalid flag" => kinds::INVALID_FLAG,
                    _ if outcome == Outcome::Fine => kinds::END,
                    _ => kinds::ERROR,
                };
                return Some((outcome, kind));
            }
        },
    };
    Some((Outcome::Fine, kind))
}

/// What a response says that has blocks and then `line`; `None` for a line that ends none.
#[inline]
fn end_of_blocks(buf: &[u8], line: &[u8]) -> Option<(Outcome, Kind)> {
    let outcome = last_line(line)?;
    let kind = match (outcome, buf[0]) {
        (Outcome::Fine, b'V') => kinds::VALUE,
        (Outcome::Fine, _) => kinds::STAT,
        _ => kinds::ERROR,
    };
    Some((outcome, kind))
}

/// Whether `response`, a whole one, is an error and nothing else.
#[must_use]
pub fn is_error(response: &[u8]) -> bool {
    let line = response.strip_suffix(b"\r\n").unwrap_or(response);
    memchr(b'\n', line).is_none() && last_line(line) == Some(Outcome::Error)
}
/// The words that a meta command is answered with; flags follow.
const META: [(&[u8], Kind); 6] = [
    (b"HD", kinds::HD),
    (b"EN", kinds::EN),
    (b"NF", kinds::NO),
    (b"NS", kinds::NO),
    (b"EX", kinds::NO),
    (b"ME", kinds::ME),
];

/// What a line says that ends a response, whether blocks came before it or not.
pub(super) fn last_line(line: &[u8]) -> Option<Outcome> {
    // The original allows no space behind `END`, and no text behind `ERROR`.
    if line == b"END" {
        return Some(Outcome::Fine);
    }
    let is_error = without_trailing_spaces(line) == b"ERROR"
        || is_text_after(b"CLIENT_ERROR", line)
        || is_text_after(b"SERVER_ERROR", line);
    is_error.then_some(Outcome::Error)
}

/// Whether `line` is `word` alone, or `word`, a space and any text.
fn is_text_after(word: &[u8], line: &[u8]) -> bool {
    let Some(text) = line.strip_prefix(word) else {
        return false;
    };
    // A client may take a CR for the line's end.
    matches!(text, [] | [b' ', ..]) && memchr(b'\r', text).is_none()
}

fn without_trailing_spaces(mut line: &[u8]) -> &[u8] {
    while let [front @ .., b' '] = line {
        line = front;
    }
    line
}

pub(super) const UNKNOWN_LINE: &str = "a response begins with a word that memcached has for it";

const DATA_END: &str = "data is followed by CR LF";

const BARE_LF: &str = "a response's line ends in CR LF";

const LINE_TOO_LONG: &str = "a response's line is longer than 16384 bytes";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::memcache::fuzz;

    fn parse(wire: &[u8], cuts: &[usize]) -> (Vec<Response>, Option<ParseError>) {
        fuzz::responses_in(wire, cuts.iter().copied())
    }

    const WIRES: &[&[u8]] = &[
        b"STORED\r\nNOT_STORED  \r\nEXISTS\r\n12\r\nEND\r\n",
        b"VALUE a 0 1\r\nx\r\nVALUE b 0 0 99\r\n\r\nEND\r\nEND\r\n",
        b"VALUE a 0 5\r\nEND\r\n\r\nEND\r\nERROR\r\n",
        b"VALUE a 0 1\r\nx\r\nSERVER_ERROR oops\r\nVERSION 1.6.18\r\n",
        b"CLIENT_ERROR bad command line format\r\nSERVER_ERROR\r\n",
        b"VALUE a 0 1\r\nxx\r\nEND\r\n",
        b"VALUE a 0 1\r\nx\rxEND\r\n",
        b"VALUE a 0 1\r\nx\r\nSTORED\r\n",
        b"STORED\n",
        b"\r\n",
        b"\n",
        b"STAT a b\r\nSTAT c\r\nEND\r\n",
        b"VA 5 t-1 kab\r\nEND\r\n\r\nHD\r\nEN\r\nNF Oab\r\nMN\r\nVA 0\r\n\r\nNS\r\n",
        b"VA 1\r\nxx\r\n",
        b"VA x\r\nxx\r\n",
        b"STAT a 1\r\nVA 1\r\nx\r\n",
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
    fn every_response_of_a_served_request_is_known() {
        for (wire, outcome, kind) in [
            ("STORED\r\n", Outcome::Fine, kinds::STORAGE_WORD),
            ("NOT_STORED\r\n", Outcome::Fine, kinds::STORAGE_WORD),
            ("EXISTS\r\n", Outcome::Fine, kinds::STORAGE_WORD),
            ("NOT_FOUND\r\n", Outcome::Fine, kinds::NOT_FOUND),
            ("DELETED\r\n", Outcome::Fine, kinds::DELETED),
            ("TOUCHED\r\n", Outcome::Fine, kinds::TOUCHED),
            ("OK\r\n", Outcome::Fine, kinds::OK),
            ("0\r\n", Outcome::Fine, kinds::NUMBER),
            ("18446744073709551615  \r\n", Outcome::Fine, kinds::NUMBER),
            ("END\r\n", Outcome::Fine, kinds::END),
            ("VERSION 1.6.18\r\n", Outcome::Fine, kinds::VERSION),
            ("VALUE a 0 3 7\r\nx\ny\r\nEND\r\n", Outcome::Fine, kinds::VALUE),
            ("STAT a b c\r\nSTAT d\r\nEND\r\n", Outcome::Fine, kinds::STAT),
            ("HD\r\n", Outcome::Fine, kinds::HD),
            ("HD kab O1\r\n", Outcome::Fine, kinds::HD),
            ("VA 3 t-1 O1\r\nx\ny\r\n", Outcome::Fine, kinds::VA),
            ("EN\r\n", Outcome::Fine, kinds::EN),
            ("NF kab\r\n", Outcome::Fine, kinds::NO),
            ("NS\r\n", Outcome::Fine, kinds::NO),
            ("EX O9\r\n", Outcome::Fine, kinds::NO),
            ("ME k exp=-1 la=0 cas=1 fetch=yes cls=1 size=61\r\n", Outcome::Fine, kinds::ME),
            ("MN\r\n", Outcome::Fine, kinds::OK),
            ("ERROR\r\n", Outcome::Error, kinds::REFUSED),
            ("ERROR  \r\n", Outcome::Error, kinds::REFUSED),
            ("CLIENT_ERROR bad command line format\r\n", Outcome::Error, kinds::REFUSED),
            ("CLIENT_ERROR invalid flag\r\n", Outcome::Error, kinds::INVALID_FLAG),
            ("CLIENT_ERROR bad token in command line format\r\n", Outcome::Error, kinds::ERROR),
            ("CLIENT_ERROR\r\n", Outcome::Error, kinds::ERROR),
            ("CLIENT_ERROR line too long\r\n", Outcome::Error, kinds::ERROR),
            ("SERVER_ERROR out of memory storing object\r\n", Outcome::Error, kinds::ERROR),
            ("VALUE a 0 1\r\nx\r\nERROR\r\n", Outcome::Error, kinds::ERROR),
        ] {
            let expected = Response { len: wire.len(), outcome, kind };
            assert_eq!(parse(wire.as_bytes(), &[]), (vec![expected], None), "{wire:?}");
        }
    }

    #[test]
    fn anything_else_breaks_the_protocol() {
        for (wire, at, rule) in [
            ("stored\r\n", 0, UNKNOWN_LINE),
            ("STORED x\r\n", 0, UNKNOWN_LINE),
            ("STORE\r\n", 0, UNKNOWN_LINE),
            ("END \r\n", 0, UNKNOWN_LINE),
            ("ERROR x\r\n", 0, UNKNOWN_LINE),
            ("CLIENT_ERRORS\r\n", 0, UNKNOWN_LINE),
            ("SERVER_ERROR a\rb\r\n", 0, UNKNOWN_LINE),
            ("VERSIONS\r\n", 0, UNKNOWN_LINE),
            ("-1\r\n", 0, UNKNOWN_LINE),
            ("12a\r\n", 0, UNKNOWN_LINE),
            ("1 2\r\n", 0, UNKNOWN_LINE),
            (" \r\n", 0, UNKNOWN_LINE),
            ("\r\n", 0, UNKNOWN_LINE),
            ("HDD\r\n", 0, UNKNOWN_LINE),
            ("VA\r\n", 0, UNKNOWN_LINE),
            ("VA x\r\nx\r\n", 0, UNKNOWN_LINE),
            ("VA 1\r\nxx\r\n", 7, DATA_END),
            ("MN x\r\n", 0, UNKNOWN_LINE),
            ("STAT\r\n", 0, UNKNOWN_LINE),
            ("STAT a b\r\nHD\r\n", 10, UNKNOWN_LINE),
            ("VALUE a -1 1\r\nx\r\nEND\r\n", 0, UNKNOWN_LINE),
            ("VALUE a 0 1\r\nx\r\nSTORED\r\n", 16, UNKNOWN_LINE),
            ("VALUE a 0 1\r\nxx\r\nEND\r\n", 14, DATA_END),
            ("VALUE a 0 1\r\nx\n\nEND\r\n", 14, DATA_END),
            ("VALUE a 0 1\r\nx\r\rEND\r\n", 15, DATA_END),
            ("STORED\n", 6, BARE_LF),
            ("\n", 0, BARE_LF),
            ("VALUE a 0 1\nx\r\nEND\r\n", 11, BARE_LF),
        ] {
            let found = Some(wire.as_bytes()[at]);
            let error = ParseError { at, found, rule };
            assert_eq!(parse(wire.as_bytes(), &[]), (vec![], Some(error)), "{wire:?}");
        }
    }

    #[test]
    fn data_is_awaited_whole_and_told_how_much_is_missing() {
        let mut parser = ResponseParser::new();
        let mut wire = b"VALUE a 0 1000\r\nx".to_vec();
        // 999 of the data, its CR LF, and an END.
        assert_eq!(parser.parse(&wire), Ok(Progress::Incomplete { missing: 999 + 2 + 5 }));
        // Were the line read again, this would be an unknown one.
        wire[0] = b'z';
        wire.resize(16 + 1000, b'x');
        assert_eq!(parser.parse(&wire), Ok(Progress::Incomplete { missing: 2 + 5 }));
        wire.extend_from_slice(b"\r\nEND\r");
        assert_eq!(parser.parse(&wire), Ok(Progress::Incomplete { missing: 1 }));
        wire.push(b'\n');
        // It told by its first byte of what kind it is.
        wire[0] = b'V';
        let response = Response { len: wire.len(), outcome: Outcome::Fine, kind: kinds::VALUE };
        assert_eq!(parser.parse(&wire), Ok(Progress::Done(response)));
    }

    #[test]
    fn a_block_that_is_done_with_is_not_looked_at_again() {
        let mut parser = ResponseParser::new();
        let mut wire = b"VALUE a 0 1\r\nx\r\nVALUE b".to_vec();
        assert_eq!(parser.parse(&wire), Ok(Progress::Incomplete { missing: 1 }));
        wire[1..16].fill(b'z');
        wire.extend_from_slice(b" 0 1\r\ny\r\nEND\r\n");
        let response = Response { len: wire.len(), outcome: Outcome::Fine, kind: kinds::VALUE };
        assert_eq!(parser.parse(&wire), Ok(Progress::Done(response)));
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn a_line_has_a_longest_length_whatever_the_cut() {
        let limit = MEMCACHE_RESPONSE_LINE_BYTES_MAX;
        assert!(LINE_TOO_LONG.ends_with(&format!(" {limit} bytes")));
        let block = b"VALUE a 0 1\r\nx\r\n";
        let mut line = b"SERVER_ERROR ".to_vec();
        line.resize(limit - 2, b'x');
        let fits = [&block[..], &line, b"\r\n"].concat();
        let over = [&block[..], &line, b"x\r\n"].concat();
        let error = ParseError { at: block.len() + limit, found: None, rule: LINE_TOO_LONG };
        for cuts in [&[][..], &[20, limit], &[block.len() + limit]] {
            let response =
                Response { len: fits.len(), outcome: Outcome::Error, kind: kinds::ERROR };
            assert_eq!(parse(&fits, cuts), (vec![response], None), "{cuts:?}");
            assert_eq!(parse(&over, cuts), (vec![], Some(error)), "{cuts:?}");
        }
    }

    #[test]
    fn a_parser_is_small() {
        assert_eq!(size_of::<ResponseParser>(), 16);
    }

    #[test]
    fn the_fuzz_function_holds_over_many_seeds() {
        fuzz::over_seeds(fuzz::fuzz_responses, fuzz::RESPONSE_PIECES);
    }

    proptest! {
        #[test]
        fn values_of_any_bytes_are_one_response_however_cut(
            values in prop::collection::vec(
                ("[!-~]{1,20}", any::<u32>(), prop::collection::vec(any::<u8>(), 0..50)), 0..8),
            cuts in prop::collection::vec(0_usize..500, 0..6),
        ) {
            let mut wire = Vec::new();
            for (key, flags, data) in &values {
                wire.extend_from_slice(format!("VALUE {key} {flags} {}\r\n", data.len()).as_bytes());
                wire.extend_from_slice(data);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"END\r\n");
            let kind = if values.is_empty() { kinds::END } else { kinds::VALUE };
            let response = Response { len: wire.len(), outcome: Outcome::Fine, kind };
            prop_assert_eq!(parse(&wire, &cuts), (vec![response], None));
        }

        #[test]
        fn anything_cut_anywhere_parses_the_same(
            pieces in prop::collection::vec(
                prop::sample::select(fuzz::RESPONSE_PIECES.to_vec()), 0..30),
            cuts in prop::collection::vec(0_usize..200, 0..6),
        ) {
            let wire = pieces.concat();
            prop_assert_eq!(parse(&wire, &cuts), parse(&wire, &[]));
        }
    }
}
