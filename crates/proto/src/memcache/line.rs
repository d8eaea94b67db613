//! What a request's line asks for.

use std::ops::Range;

use super::commands::{self, Form};
use super::words::{Word, Words, word_end};
use super::{digits, encode, meta};
use crate::ParseError;
use crate::command::Command;
use crate::limits::{
    MEMCACHE_KEY_BYTES_MAX, MEMCACHE_LENGTH_DIGITS_MAX, MEMCACHE_PLAIN_LINE_BYTES_MAX,
    VALUE_BYTES_MAX,
};
use crate::request::Meta;

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
        /// The last word is `noreply`.
        noreply: bool,
        /// Bytes to leave out: `noreply` or the flag `q`, and the spaces before it.
        omit: Option<Range<u32>>,
        /// What the meta protocol adds.
        meta: Meta,
    },
    /// It is answered with this, which is nothing when it asks for no answer.
    Refuse(&'static [u8]),
    /// This goes in its place, and means the same.
    Reword(&'static [u8]),
    /// Before it are so many spaces, which are none of it. No server is sent them: memcached 1.6.40 and later
    /// take the name to end at the first space (`process_request`), refuse a line that begins with one, and
    /// run its data.
    Blank(usize),
}

/// Reads `line`, which has its line end with it. Whether meta commands are served, `serves_meta` says.
///
/// One pass over the line; copies and allocates nothing.
///
/// # Errors
/// Only where the stream cannot be followed past the line: there is data behind it, and no saying
/// how much.
#[inline]
pub(super) fn read(line: &[u8], serves_meta: bool) -> Result<Line, ParseError> {
    let text = without_line_end(line);
    let name_end = word_end(text, 0);
    let is_stray = text.get(name_end).is_some_and(|&byte| byte != b' ');
    let (Some((command, form)), false) = (commands::find(&text[..name_end]), is_stray) else {
        return read_unknown(text);
    };
    let mut words = Words::behind(text, name_end);
    let plain = line.len() <= MEMCACHE_PLAIN_LINE_BYTES_MAX;
    match form {
        Form::Keys => Ok(Line::without_block(read_keys(command, words, true))),
        Form::Bare if command.name == "mn" && !serves_meta => {
            Ok(Line::without_block(Verdict::Refuse(encode::META_COMMANDS_OFF)))
        }
        Form::Bare => Ok(Line::without_block(read_bare(command, words, plain))),
        Form::TouchKeys => {
            let exptime = words.next().map(|word| word.of(text));
            let verdict = match (read_keys(command, words, plain), exptime) {
                (Verdict::Route { .. }, Some(exptime)) if !digits::is_number(exptime) => {
                    Verdict::Refuse(encode::BAD_EXPTIME)
                }
                (verdict, _) => verdict,
            };
            Ok(Line::without_block(verdict))
        }
        Form::Flush | Form::Verbosity | Form::Stats => {
            Ok(Line::without_block(read_keyless(text, command, form, words, plain)))
        }
        Form::Meta | Form::MetaStore => read_meta(text, command, form, words, (plain, serves_meta)),
        Form::Refused => Ok(Line::without_block(Verdict::Refuse(encode::ADMINISTRATION))),
        Form::Delete if let Some(reworded) = delete_of_noreply(text, words.clone()) => {
            Ok(Line::without_block(Verdict::Reword(reworded)))
        }
        Form::Store | Form::CompareAndStore | Form::Delete | Form::Count | Form::Touch => {
            let arguments = Arguments::collect(text, words);
            let block_bytes = arguments.block_bytes(form)?;
            let verdict = match arguments.check(command, form, plain) {
                Ok(omit) => {
                    let key = arguments.words[0].range();
                    let noreply = omit.is_some();
                    Verdict::Route { command, key, keys: 1, noreply, omit, meta: Meta::default() }
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

/// A line that does not begin with a command.
#[cold]
fn read_unknown(text: &[u8]) -> Result<Line, ParseError> {
    let mut words = Words::new(text);
    let name = words.next();
    let spaces = name.map_or(text.len(), |name| name.start);
    if spaces > 0 {
        return Ok(Line::without_block(Verdict::Blank(spaces)));
    }
    let Some(name) = name else {
        return Ok(Line::without_block(Verdict::Refuse(encode::ERROR)));
    };
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

/// `get` and `gets`, of which memcached reads a line of any length: every word is a key.
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
    let (key, meta) = (first.range(), Meta::default());
    Verdict::Route { command, key, keys, noreply: false, omit: None, meta }
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
    let meta = Meta::default();
    Verdict::Route { command, key: 0..0, keys: 0, noreply: false, omit: None, meta }
}

/// `flush_all`, `verbosity` and `stats`: what is no key, and perhaps `noreply`.
#[cold]
fn read_keyless(
    text: &[u8],
    command: &'static Command,
    form: Form,
    words: Words<'_>,
    plain: bool,
) -> Verdict {
    let name = words.at() as u32;
    let arguments = Arguments::collect(text, words);
    let count = arguments.count;
    let noreply = form.takes_noreply()
        && count > usize::from(form == Form::Verbosity)
        && arguments.argument(count - 1) == NOREPLY;
    let said = arguments.argument(0);
    let given = count - usize::from(noreply);
    let answer = match form {
        _ if !command.arity.allows(count as u32) || given > 1 => Some(encode::ERROR),
        _ if arguments.stray => Some(encode::STRAY_BYTE),
        _ if !plain => Some(encode::LINE_TOO_LONG),
        _ if given == 0 => None,
        Form::Flush => (!digits::is_number(said)).then_some(encode::BAD_EXPTIME),
        Form::Verbosity => (!digits::are_digits(said)).then_some(encode::BAD_FORMAT),
        _ => (!STATS.contains(&said)).then_some(encode::NO_SUCH_STATS),
    };
    match answer {
        Some(_) if noreply => Verdict::Refuse(b""),
        Some(answer) => Verdict::Refuse(answer),
        None => {
            let before = if given == 0 { name } else { arguments.words[given - 1].range().end };
            let omit = noreply.then(|| before..arguments.words[count - 1].range().end);
            Verdict::Route { command, key: 0..0, keys: 0, noreply, omit, meta: Meta::default() }
        }
    }
}

/// A meta command: a key, for `ms` a length, and flags.
fn read_meta(
    text: &[u8],
    command: &'static Command,
    form: Form,
    mut words: Words<'_>,
    (plain, serves_meta): (bool, bool),
) -> Result<Line, ParseError> {
    let key = words.next();
    let mut before = key;
    let mut block_bytes = 0;
    if form == Form::MetaStore {
        before = words.next();
        let at = before.map_or(text.len(), |word| word.start);
        block_bytes = block(before.map_or(b"", |word| word.of(text)), at)?;
    }
    let (Some(key), Some(before_flags)) = (key, before) else {
        return Ok(Line::without_block(Verdict::Refuse(encode::ERROR)));
    };
    let flags = meta::read_flags(text, command.name, key, before_flags, &mut words);
    let verdict = match flags {
        _ if !serves_meta => Verdict::Refuse(encode::META_COMMANDS_OFF),
        _ if words.stray.is_some() => Verdict::Refuse(encode::STRAY_BYTE),
        _ if key.len() > MEMCACHE_KEY_BYTES_MAX => Verdict::Refuse(encode::KEY_TOO_LONG),
        _ if !plain => Verdict::Refuse(encode::LINE_TOO_LONG),
        _ if form == Form::MetaStore && before_flags.len() > MEMCACHE_LENGTH_DIGITS_MAX => {
            Verdict::Refuse(encode::BAD_FORMAT)
        }
        Err(answer) => Verdict::Refuse(answer),
        Ok(meta::Flags { meta, omit, all_known }) => {
            let is_store = form == Form::MetaStore;
            let command =
                if is_store && !all_known { commands::ms_of_other_flags() } else { command };
            Verdict::Route { command, key: key.range(), keys: 1, noreply: false, omit, meta }
        }
    };
    Ok(Line { block_bytes, verdict })
}

/// What is sent where a `delete` has the key `noreply`. memcached 1.6.40 and later take the last word
/// for that word even where it is the key (`_process_request_noreply`), and do not answer. With a 0
/// behind it all versions read the same: those before take a delay of none, those since overlook it.
///
/// No other line that is sent ends in a key of that name and goes unanswered: a `get` has its values
/// and its `END` all the same, `gat` and the meta commands look for no such word, and what is last of
/// the others is a number.
fn delete_of_noreply(text: &[u8], mut words: Words<'_>) -> Option<&'static [u8]> {
    let mut next = || words.next().map(|word| word.of(text));
    match [next(), next(), next()] {
        [Some(NOREPLY), None, None] => Some(b"delete noreply 0\r\n"),
        [Some(NOREPLY), Some(NOREPLY), None] => Some(b"delete noreply 0 noreply\r\n"),
        _ => None,
    }
}

/// Bytes of the data that is as long as `length` says, which stands at `at`, and its CR LF.
fn block(length: &[u8], at: usize) -> Result<usize, ParseError> {
    match digits::unsigned(length) {
        Some(length) if length <= VALUE_BYTES_MAX => Ok(length as usize + b"\r\n".len()),
        _ => Err(ParseError { at, found: None, rule: NO_DATA_LENGTH }),
    }
}

/// The kinds of figures that are merged. Others change the server, or tell of its connections.
const STATS: [&[u8]; 4] = [b"items", b"slabs", b"sizes", b"settings"];

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
        let at = if n < self.count { self.words[n].start } else { self.text.len() };
        block(self.argument(n), at)
    }

    /// Whether the arguments are what memcached takes, and where their `noreply` is; the answer to
    /// them when they are not.
    fn check(
        &self,
        command: &Command,
        form: Form,
        plain: bool,
    ) -> Result<Option<Range<u32>>, &'static [u8]> {
        if !command.arity.allows(self.count as u32) {
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
            _ => unreachable!("{form:?} has other arguments"),
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

    /// The flags, the expiry time and the length of a storage command. memcached would refuse the line for
    /// them, and take the data behind it for commands.
    fn check_numbers(&self) -> Result<(), &'static [u8]> {
        let fine = digits::unsigned(self.argument(1)).is_some()
            && digits::is_signed(self.argument(2))
            && self.words[3].len() <= MEMCACHE_LENGTH_DIGITS_MAX;
        if fine { Ok(()) } else { Err(encode::BAD_FORMAT) }
    }
}

const NOREPLY: &[u8] = b"noreply";

const NO_HTTP: &str = "HTTP is not served; use the text protocol";

const NO_DATA_LENGTH: &str = "bad data chunk: its length must be a number from 0 to 1073741824";

#[cfg(test)]
mod tests;
