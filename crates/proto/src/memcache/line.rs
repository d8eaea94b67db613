//! What a request's line asks for.

use std::ops::Range;

use super::commands::{self, Form};
use super::words::{Word, Words};
use super::{digits, encode};
use crate::ParseError;
use crate::command::Command;
use crate::limits::{
    MEMCACHE_KEY_BYTES_MAX, MEMCACHE_LEADING_SPACES_MAX, MEMCACHE_PLAIN_LINE_BYTES_MAX,
    VALUE_BYTES_MAX,
};

/// A line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Bytes that follow the line and belong to the request: the data and its CR LF.
    pub(super) block_bytes: usize,
    /// What becomes of the request.
    pub(super) verdict: Verdict,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on its way.
    Route {
        /// Its row.
        command: &'static Command,
        /// The first key, empty when there is none.
        key: Range<u32>,
        /// How many keys.
        keys: u32,
        /// The last word is `noreply`: it and the spaces before it.
        noreply: Option<Range<u32>>,
    },
    /// It is answered with this, which is nothing when it asks for no answer.
    Refuse(&'static [u8]),
}

/// Reads `line`, which has its line end with it.
///
/// One pass over the line; copies and allocates nothing.
///
/// # Errors
/// Only where the stream cannot be followed past the line: there is data behind it, and no saying
/// how much.
#[inline]
pub(super) fn read(line: &[u8]) -> Result<Line, ParseError> {
    let text = without_line_end(line);
    let mut words = Words::new(text);
    let Some(name) = words.next() else {
        return Ok(Line::without_block(Verdict::Refuse(encode::ERROR)));
    };
    let Some((command, form)) = commands::find(name.of(text)) else {
        return read_unknown(text, name, words);
    };
    let plain = line.len() <= MEMCACHE_PLAIN_LINE_BYTES_MAX;
    match form {
        Form::Keys => {
            let fits = plain || name.start <= MEMCACHE_LEADING_SPACES_MAX;
            Ok(Line::without_block(read_keys(command, words, fits)))
        }
        Form::Bare => Ok(Line::without_block(read_bare(command, words, plain))),
        Form::Store
        | Form::CompareAndStore
        | Form::Delete
        | Form::Count
        | Form::Touch
        | Form::Meta => {
            let arguments = Arguments::collect(text, words);
            let block_bytes = arguments.block_bytes(form)?;
            let verdict = match arguments.check(command, form, plain) {
                Ok(noreply) => {
                    let key = arguments.words[0].range();
                    Verdict::Route { command, key, keys: 1, noreply }
                }
                // Who wants no answer would take this one for the next request's.
                Err(_) if form.takes_noreply() && arguments.end_in_noreply() => {
                    Verdict::Refuse(b"")
                }
                Err(answer) => Verdict::Refuse(answer),
            };
            Ok(Line { block_bytes, verdict })
        }
    }
}

impl Line {
    fn without_block(verdict: Verdict) -> Self {
        Self { block_bytes: 0, verdict }
    }
}

/// The line without its LF and the CR before it.
fn without_line_end(line: &[u8]) -> &[u8] {
    debug_assert!(line.ends_with(b"\n"), "a whole line: {}", line.escape_ascii());
    line.strip_suffix(b"\r\n").unwrap_or(&line[..line.len() - 1])
}

/// A line whose first word is no command.
#[cold]
fn read_unknown(text: &[u8], name: Word, words: Words<'_>) -> Result<Line, ParseError> {
    // A web page can make its visitor's browser send lines of its choice, as the body of a request
    // to here. The request's own first line gives it away; memcached closes at it too.
    let last = words.clone().last();
    if let Some(version) = last.filter(|word| word.of(text).starts_with(b"HTTP/")) {
        return Err(ParseError { at: version.start, found: None, rule: NO_HTTP });
    }
    let block_bytes = match commands::find_misspelt_storage(name.of(text)) {
        Some(form) => Arguments::collect(text, words).block_bytes(form)?,
        None => 0,
    };
    Ok(Line { block_bytes, verdict: Verdict::Refuse(encode::ERROR) })
}

/// `get` and `gets`: every word is a key.
fn read_keys(command: &'static Command, mut words: Words<'_>, fits: bool) -> Verdict {
    let Some(first) = words.next() else {
        return Verdict::Refuse(encode::ERROR);
    };
    let mut keys = 1;
    let mut longest = first.len();
    for word in words.by_ref() {
        keys += 1;
        longest = longest.max(word.len());
    }
    if words.stray.is_some() {
        return Verdict::Refuse(encode::STRAY_BYTE);
    }
    if longest > MEMCACHE_KEY_BYTES_MAX {
        return Verdict::Refuse(encode::KEY_TOO_LONG);
    }
    if !fits {
        return Verdict::Refuse(encode::LINE_TOO_LONG);
    }
    Verdict::Route { command, key: first.range(), keys, noreply: None }
}

/// `version` and `quit`, which heed no argument.
fn read_bare(command: &'static Command, mut words: Words<'_>, plain: bool) -> Verdict {
    words.by_ref().for_each(drop);
    if words.stray.is_some() {
        return Verdict::Refuse(encode::STRAY_BYTE);
    }
    if !plain {
        return Verdict::Refuse(encode::LINE_TOO_LONG);
    }
    Verdict::Route { command, key: 0..0, keys: 0, noreply: None }
}

/// The arguments of a line that has a fixed number of them.
struct Arguments<'a> {
    text: &'a [u8],
    words: [Word; ARGUMENTS_MAX + 1],
    /// How many `words` there are. When all places are taken there are too many of them, and no
    /// matter how many more.
    count: usize,
    stray: bool,
}

/// Most arguments in a line that has a fixed number of them: `cas` with `noreply`.
const ARGUMENTS_MAX: usize = 6;

impl<'a> Arguments<'a> {
    fn collect(text: &'a [u8], mut rest: Words<'_>) -> Self {
        let mut words = [Word::default(); ARGUMENTS_MAX + 1];
        let mut count = 0;
        for (place, word) in words.iter_mut().zip(rest.by_ref()) {
            *place = word;
            count += 1;
        }
        Self { text, words, count, stray: rest.stray.is_some() }
    }

    /// The bytes of argument `n`, empty when there is none.
    fn argument(&self, n: usize) -> &'a [u8] {
        self.words[n].of(self.text)
    }

    fn end_in_noreply(&self) -> bool {
        self.count > 1 && self.argument(self.count - 1) == NOREPLY
    }

    /// Bytes of the data and its CR LF, 0 for a form that has no data.
    fn block_bytes(&self, form: Form) -> Result<usize, ParseError> {
        let Some(n) = form.data_length_argument() else {
            return Ok(0);
        };
        match digits::unsigned(self.argument(n)) {
            Some(length) if length <= VALUE_BYTES_MAX => Ok(length as usize + b"\r\n".len()),
            _ => {
                let at = if n < self.count { self.words[n].start } else { self.text.len() };
                Err(ParseError { at, found: None, rule: NO_DATA_LENGTH })
            }
        }
    }

    /// Whether the arguments are what memcached takes, and where their `noreply` is; the answer to
    /// them when they are not.
    fn check(
        &self,
        command: &Command,
        form: Form,
        plain: bool,
    ) -> Result<Option<Range<u32>>, &'static [u8]> {
        if form == Form::Meta || !command.arity.allows(self.count as u32) {
            return Err(encode::ERROR);
        }
        if self.stray {
            return Err(encode::STRAY_BYTE);
        }
        if self.words[0].len() > MEMCACHE_KEY_BYTES_MAX {
            return Err(encode::KEY_TOO_LONG);
        }
        if !plain {
            return Err(encode::LINE_TOO_LONG);
        }
        let fixed = match form {
            Form::Store => {
                self.check_numbers()?;
                4
            }
            Form::CompareAndStore => {
                self.check_numbers()?;
                if digits::unsigned(self.argument(4)).is_none() {
                    return Err(encode::BAD_FORMAT);
                }
                5
            }
            Form::Delete if self.count > 1 && self.argument(1) == b"0" => 2,
            Form::Delete => 1,
            // Of any size, as the original forwards it: the server judges it, in one line.
            Form::Count | Form::Touch if !digits::is_number(self.argument(1)) => {
                let count = form == Form::Count;
                return Err(if count { encode::BAD_DELTA } else { encode::BAD_EXPTIME });
            }
            Form::Count | Form::Touch => 2,
            Form::Keys | Form::Bare | Form::Meta => unreachable!("{form:?} has no fixed arguments"),
        };
        if self.count == fixed {
            return Ok(None);
        }
        if self.count == fixed + 1 && self.argument(fixed) == NOREPLY {
            let Range { start: _, end } = self.words[fixed].range();
            return Ok(Some(self.words[fixed - 1].range().end..end));
        }
        Err(if form == Form::Delete { encode::BAD_DELETE } else { encode::BAD_FORMAT })
    }

    /// The flags and the expiry time of a storage command. memcached would refuse the line for
    /// them, and take the data behind it for commands.
    fn check_numbers(&self) -> Result<(), &'static [u8]> {
        let fine =
            digits::unsigned(self.argument(1)).is_some() && digits::is_signed(self.argument(2));
        if fine { Ok(()) } else { Err(encode::BAD_FORMAT) }
    }
}

const NOREPLY: &[u8] = b"noreply";

const NO_HTTP: &str = "HTTP is not served; use the text protocol";

const NO_DATA_LENGTH: &str = "bad data chunk: its length must be a number from 0 to 1073741824";

#[cfg(test)]
mod tests {
    use super::*;

    /// A line's verdict in short: what is routed and how, or the answer; and the block's length.
    fn read_text(line: &str) -> Result<(String, usize), &'static str> {
        let whole = format!("{line}\r\n");
        let read = read(whole.as_bytes()).map_err(|error| error.rule)?;
        let at = |range: Range<u32>| &line[range.start as usize..range.end as usize];
        let verdict = match read.verdict {
            Verdict::Route { command, key, keys, noreply } => {
                let omit = noreply.map(at).unwrap_or_default();
                format!("{} [{}] {keys} [{omit}]", command.name, at(key))
            }
            Verdict::Refuse(answer) => String::from_utf8(answer.to_vec()).unwrap(),
        };
        Ok((verdict, read.block_bytes))
    }

    #[track_caller]
    fn check(cases: &[(&str, &str, usize)]) {
        for &(line, verdict, block_bytes) in cases {
            assert_eq!(read_text(line), Ok((verdict.to_owned(), block_bytes)), "{line:?}");
        }
    }

    #[test]
    fn each_command_of_the_table_is_routed() {
        check(&[
            ("get a", "get [a] 1 []", 0),
            ("gets a bc  d ", "gets [a] 3 []", 0),
            ("get k noreply", "get [k] 2 []", 0),
            ("set k 0 0 1", "set [k] 1 []", 3),
            ("add k 18446744073709551615 -1 0", "add [k] 1 []", 2),
            ("replace k 0 0 10", "replace [k] 1 []", 12),
            ("append k 007 00 01", "append [k] 1 []", 3),
            ("prepend k 0 9223372036854775807 1", "prepend [k] 1 []", 3),
            ("cas k 0 0 1 18446744073709551615", "cas [k] 1 []", 3),
            ("delete k", "delete [k] 1 []", 0),
            ("delete k 0", "delete [k] 1 []", 0),
            ("delete noreply", "delete [noreply] 1 []", 0),
            ("incr k 5", "incr [k] 1 []", 0),
            ("decr k -1", "decr [k] 1 []", 0),
            ("incr k 99999999999999999999999", "incr [k] 1 []", 0),
            ("touch k -1", "touch [k] 1 []", 0),
            ("version", "version [] 0 []", 0),
            ("version noreply", "version [] 0 []", 0),
            ("  quit  now ", "quit [] 0 []", 0),
        ]);
    }

    #[test]
    fn noreply_is_found_with_the_spaces_before_it() {
        check(&[
            ("set k 0 0 1 noreply", "set [k] 1 [ noreply]", 3),
            ("set k 0 0 1   noreply   ", "set [k] 1 [   noreply]", 3),
            ("cas k 0 0 1 7 noreply", "cas [k] 1 [ noreply]", 3),
            ("delete k noreply", "delete [k] 1 [ noreply]", 0),
            ("delete k 0 noreply", "delete [k] 1 [ noreply]", 0),
            ("delete noreply noreply", "delete [noreply] 1 [ noreply]", 0),
            ("incr k 1 noreply", "incr [k] 1 [ noreply]", 0),
            ("touch k 0 noreply", "touch [k] 1 [ noreply]", 0),
        ]);
    }

    // memcached 1.6.18 gives each of these answers, but for those that name one of our limits.
    #[test]
    fn what_is_refused_gets_the_answer_that_memcached_gives() {
        check(&[
            ("", "ERROR\r\n", 0),
            ("   ", "ERROR\r\n", 0),
            ("foo", "ERROR\r\n", 0),
            ("GET a", "ERROR\r\n", 0),
            ("get\ta", "ERROR\r\n", 0),
            ("get", "ERROR\r\n", 0),
            ("get ", "ERROR\r\n", 0),
            ("set k 0 0 1 2 3", "ERROR\r\n", 3),
            ("set k 0 0 1 2 3 4 5 6 7", "ERROR\r\n", 3),
            ("set k -1 0 1", "CLIENT_ERROR bad command line format\r\n", 3),
            ("set k x 0 1", "CLIENT_ERROR bad command line format\r\n", 3),
            ("set k 18446744073709551616 0 1", "CLIENT_ERROR bad command line format\r\n", 3),
            ("set k 0 x 1", "CLIENT_ERROR bad command line format\r\n", 3),
            ("set k 0 - 1", "CLIENT_ERROR bad command line format\r\n", 3),
            ("set k 0 9223372036854775808 1", "CLIENT_ERROR bad command line format\r\n", 3),
            ("cas k 0 0 1", "ERROR\r\n", 3),
            ("cas k 0 0 1 x", "CLIENT_ERROR bad command line format\r\n", 3),
            ("cas k 0 0 1 -1", "CLIENT_ERROR bad command line format\r\n", 3),
            ("delete", "ERROR\r\n", 0),
            (
                "delete k 1",
                "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n",
                0,
            ),
            (
                "delete k 00",
                "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n",
                0,
            ),
            (
                "delete k noreply 0",
                "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n",
                0,
            ),
            ("delete k 0 x y", "ERROR\r\n", 0),
            ("incr k", "ERROR\r\n", 0),
            ("incr k abc", "CLIENT_ERROR invalid numeric delta argument\r\n", 0),
            ("decr k -", "CLIENT_ERROR invalid numeric delta argument\r\n", 0),
            ("incr k 1 2 3", "ERROR\r\n", 0),
            ("touch k", "ERROR\r\n", 0),
            ("touch k x", "CLIENT_ERROR invalid exptime argument\r\n", 0),
            ("touch k 1 2 3", "ERROR\r\n", 0),
        ]);
    }

    #[test]
    fn a_word_that_memcached_overlooks_is_refused_as_the_original_refused_it() {
        check(&[
            ("set k 0 0 1 norepl", "CLIENT_ERROR bad command line format\r\n", 3),
            ("set k 0 0 1 NOREPLY", "CLIENT_ERROR bad command line format\r\n", 3),
            ("cas k 0 0 1 1 2", "CLIENT_ERROR bad command line format\r\n", 3),
            ("incr k 1 2", "CLIENT_ERROR bad command line format\r\n", 0),
            ("touch k 1 2", "CLIENT_ERROR bad command line format\r\n", 0),
        ]);
    }

    #[test]
    fn commands_that_are_not_served_are_unknown() {
        for name in [
            "gat",
            "gats",
            "mg",
            "md",
            "ma",
            "mn",
            "me",
            "stats",
            "flush_all",
            "verbosity",
            "lru_crawler",
            "lru",
            "slabs",
            "watch",
            "shutdown",
            "cache_memlimit",
        ] {
            check(&[(&format!("{name} 10 k"), "ERROR\r\n", 0)]);
        }
    }

    #[test]
    fn the_data_of_a_storage_command_that_is_not_served_is_no_command() {
        check(&[
            ("ms key 5", "ERROR\r\n", 7),
            ("ms key 5 T0 q", "ERROR\r\n", 7),
            ("SET k 0 0 7", "ERROR\r\n", 9),
            ("Cas k 0 0 7 1", "ERROR\r\n", 9),
        ]);
    }

    #[test]
    fn a_storage_command_whose_length_cannot_be_read_ends_the_stream() {
        for line in [
            "set",
            "set k",
            "set k 0 0",
            "set k 0 0 x",
            "set k 0 0 -1",
            "set k 0 0 1x",
            "set k 0 0 1073741825",
            "set k 0 0 4294967297",
            "set k 0 0 1\rv",
            "set k 0 0 1\0",
            "cas k 0 0",
            "ms",
            "ms key",
            "ms key S5",
            "SET k 0 0",
        ] {
            assert_eq!(read_text(line), Err(NO_DATA_LENGTH), "{line:?}");
        }
        let error = read(b"set k 0 0 -1 noreply\r\n").unwrap_err();
        assert_eq!((error.at, error.found), (10, None));
        assert_eq!(read(b"set k 0 0 \n").unwrap_err().at, 10);
        assert!(NO_DATA_LENGTH.ends_with(&format!(" {VALUE_BYTES_MAX}")));
        assert_eq!(read_text("set k 0 0 1073741824").unwrap().1, 1_073_741_826);
    }

    #[test]
    fn a_key_has_250_bytes_at_most() {
        let fits = "k".repeat(MEMCACHE_KEY_BYTES_MAX);
        let over = "k".repeat(MEMCACHE_KEY_BYTES_MAX + 1);
        let refused = "CLIENT_ERROR key is longer than 250 bytes\r\n";
        for (before, after, block_bytes) in [
            ("get ", "", 0),
            ("get a ", " b", 0),
            ("set ", " 0 0 1", 3),
            ("delete ", "", 0),
            ("incr ", " 1", 0),
            ("touch ", " 1", 0),
            ("cas ", " 0 0 1 1", 3),
        ] {
            let (verdict, _) = read_text(&format!("{before}{fits}{after}")).unwrap();
            assert!(!verdict.contains("ERROR"), "{before}{after}: {verdict}");
            check(&[(&format!("{before}{over}{after}"), refused, block_bytes)]);
        }
    }

    #[test]
    fn who_wants_no_answer_gets_none_when_refused() {
        let over = "k".repeat(MEMCACHE_KEY_BYTES_MAX + 1);
        check(&[
            ("set k x 0 1 noreply", "", 3),
            ("delete k x noreply", "", 0),
            ("incr k abc noreply", "", 0),
            ("incr k noreply", "", 0),
            (&format!("delete {over} noreply"), "", 0),
            ("ms k 1 noreply", "ERROR\r\n", 3),
            ("foo noreply", "ERROR\r\n", 0),
            ("get noreply", "get [noreply] 1 []", 0),
        ]);
    }

    #[test]
    fn cr_and_nul_have_no_place_in_a_line() {
        let refused = "CLIENT_ERROR a line holds no CR and no NUL\r\n";
        check(&[
            ("get a\rb", refused, 0),
            ("get a\r", refused, 0),
            ("get a b\0", refused, 0),
            ("get a \0b c", refused, 0),
            ("set k\0 0 0 7", refused, 9),
            ("set k 0 0 7 \0", refused, 9),
            ("delete k\r", refused, 0),
            ("version \r", refused, 0),
            ("version\0", "ERROR\r\n", 0),
            ("get a\u{1}\tb\u{e9}", "get [a\u{1}\tb\u{e9}] 1 []", 0),
        ]);
    }

    #[test]
    fn a_line_that_memcached_might_not_read_is_not_sent() {
        let refused =
            "CLIENT_ERROR line is longer than 2048 bytes, or begins with more than 100 spaces\r\n";
        let pad = |bytes: usize| " ".repeat(bytes);
        // With its line end and its other words, the line has 2048 bytes and one more.
        check(&[
            (&format!("set{}k 0 0 1", pad(2036)), "set [k] 1 []", 3),
            (&format!("set{}k 0 0 1", pad(2037)), refused, 3),
            (&format!("version{}", pad(2039)), "version [] 0 []", 0),
            (&format!("version{}", pad(2040)), refused, 0),
            (&format!("{}get{}k", pad(100), pad(3000)), "get [k] 1 []", 0),
            (&format!("{}get{}k j", pad(101), pad(3000)), refused, 0),
            (&format!("{}get k", pad(2000)), "get [k] 1 []", 0),
        ]);
    }

    #[test]
    fn a_browser_is_sent_away() {
        for line in ["GET / HTTP/1.1", "POST /x HTTP/1.0", "PRI * HTTP/2.0"] {
            assert_eq!(read_text(line), Err(NO_HTTP), "{line:?}");
        }
    }
}
