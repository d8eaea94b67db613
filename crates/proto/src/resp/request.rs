//! The request parser: an array of bulk strings, found, checked and given its row.
//!
//! ```text
//!   *3 CRLF $3 CRLF SET CRLF $3 CRLF key CRLF $5 CRLF value CRLF
//!   |       |                |       ^^^                        |
//!   head    name             |       Routed::key                Routed::len
//!                            arguments, from number 0
//! ```
//!
//! The parser's place is always at the beginning of the head or of a bulk string. What is kept
//! with it is how far the bytes must reach before there is anything new to see, so a bulk string
//! that comes in small pieces costs one compare a piece. Its header is read again when its last
//! byte is there: a dozen bytes, once.
//!
//! A request that cannot be served (an unknown command, say) is followed to its end all the same:
//! the connection stays in step and the answer takes the request's place in line.

use std::ops::Range;

use super::extra::ExtraCommands;
use super::guess::{Guess, ends};
use super::head::Heads;
use super::locate::locate;
use super::parts::{Parts, Strings};
use super::{digits, encode, inline, lookup, subcommands};
use crate::command::{Command, Keys, Local, Travel};
use crate::limits::{ARGUMENTS_MAX, BULK_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::plain::Plain;
use crate::progress::{ParseError, Progress};
use crate::request::{Meta, Refused, Request, Routed};

/// The place in a Redis request that has been seen in part. 56 bytes.
#[derive(Clone, Debug)]
pub struct RequestParser {
    place: Place,
}

/// What is known of the request so far. Offsets are from its first byte.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Where the next line begins: the head's, then each bulk string's. Of an inline request: how
    /// far no line end was found.
    at: u32,
    /// How long the bytes must be before it is worth another look. At least 1.
    need: u32,
    /// Bulk strings not yet seen whole, the name's among them.
    left: u32,
    /// How many arguments follow the name; [`UNNAMED`] while the name has not been seen.
    arguments: u32,
    /// The next argument that is more than bytes to skip; [`NOTHING`] when none is.
    watch: u32,
    /// The first key or the password, `key.0..key.1`, where the row says in one word where it is.
    key: (u32, u32),
    /// The row, unless the name is unknown.
    command: Option<&'static Command>,
    /// Commands that are not in the table. The same for every request.
    extra: Option<&'static ExtraCommands>,
    /// Why the request will be refused.
    fault: Option<Fault>,
    /// The request was too large and is answered: what is left of it is skipped.
    skipping: bool,
    /// The longest key and the longest request. The same for every request.
    limits: Limits,
}

/// How much a client may send, bytes.
#[derive(Clone, Copy, Debug)]
struct Limits {
    key: u32,
    request: u32,
}

/// Why a request is refused that is well framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No row has its name.
    Unknown,
    /// Its command has subcommands, and no row has the name of this one.
    UnknownSubcommand,
    /// Its row allows no such number of arguments.
    Arity,
    /// A key is longer than the limit.
    LongKey,
    /// The number of keys is none.
    BadCount,
    /// The number of keys is below zero, or zero where there must be a key.
    LowCount,
    /// There are fewer arguments than the number of keys.
    HighCount,
    /// Another number is none.
    BadInteger,
    /// A time is no number.
    BadTimeout,
    /// A time is below zero.
    LowTimeout,
    /// There are not as many ids as streams.
    Unbalanced,
    /// A word is missing.
    Syntax,
}

const UNNAMED: u32 = u32::MAX;
const NOTHING: u32 = u32::MAX;

/// The rule that a bulk string begins with `$`; its wording takes in the byte that was found.
pub(super) const DOLLAR: &str = "expected '$'";
const COUNT: &str = "invalid multibulk length";
const LENGTH: &str = "invalid bulk length";
/// The rule that a body is as long as its header says.
pub(super) const BULK_END: &str = "expected CR LF after a bulk string";
const TOO_BIG: &str = "too big request";

/// The shortest bulk string, bytes: `$0`, a line end, nothing, and a line end.
const BULK_BYTES_MIN: usize = 6;

impl RequestParser {
    /// A parser at the start of a stream. `key_bytes_max` is the longest key, `request_bytes_max`
    /// the longest request, bytes; Redis' own limits hold all the same.
    #[must_use]
    pub const fn new(key_bytes_max: usize, request_bytes_max: usize) -> Self {
        let longest = u32::MAX as usize;
        let key = if key_bytes_max < longest { key_bytes_max as u32 } else { u32::MAX };
        let request = if request_bytes_max < REQUEST_BYTES_MAX {
            request_bytes_max as u32
        } else {
            REQUEST_BYTES_MAX as u32
        };
        Self { place: Place::start(Limits { key, request }, None) }
    }

    /// The same, with commands that the table does not have.
    #[must_use]
    pub const fn with_commands(self, extra: Option<&'static ExtraCommands>) -> Self {
        Self { place: Place { extra, ..self.place } }
    }

    /// The same place, with the limits and the commands of `other`.
    #[must_use]
    pub const fn with_limits_of(self, other: &Self) -> Self {
        let Place { limits, extra, .. } = other.place;
        Self { place: Place { limits, extra, ..self.place } }
    }

    /// Looks for one whole request at the front of `buf`; see
    /// [`RequestParser::parse`](crate::RequestParser::parse).
    ///
    /// The bill of a [`Routed`] request: nothing copied, nothing allocated, one table look-up, and
    /// of each argument the header and the line end. What is refused, and an inline request,
    /// allocate their answer and their frame.
    ///
    /// # Errors
    /// [`ParseError`] where a Redis server says "Protocol error". Unlike Redis the parser does not
    /// wait for the end of a line whose beginning is wrong, and it wants each CR followed by LF.
    #[inline(always)]
    pub fn parse(&mut self, buf: &[u8]) -> Result<Progress<Request>, ParseError> {
        if buf.len() < self.place.need as usize {
            return Ok(Progress::Incomplete { missing: self.place.missing(buf.len()) });
        }
        if self.is_at_start()
            && let Some(routed) = self.whole(buf)
        {
            return Ok(Progress::Done(Request::Routed(routed)));
        }
        if self.place.skipping {
            return self.skip(buf);
        }
        if buf[0] == b'*' { self.array(buf) } else { self.inline(buf) }
    }

    /// Whether it is at the start of a request.
    #[must_use]
    #[inline(always)]
    pub const fn is_at_start(&self) -> bool {
        // Every wait needs more than the one byte that the start needs.
        self.place.need == 1
    }

    /// A plain request at the front of `buf`; see [`RequestParser::plain`](crate::RequestParser::plain).
    #[inline(always)]
    pub fn plain(&self, buf: &[u8], heads: &mut Heads) -> Option<Plain> {
        if !self.is_at_start() {
            return None;
        }
        let head = heads.find(buf)?;
        let (start, end) = short_bulk(buf, head.len)?;
        let mut next = end + 2;
        for _behind_the_key in 1..head.arguments {
            next = short_bulk(buf, next)?.1 + 2;
        }
        let limits = self.place.limits;
        let fits = end - start <= limits.key as usize && next <= limits.request as usize;
        fits.then_some(Plain { command: head.command, key: start..end, len: next })
    }

    /// The request that nearly all are: all there, nothing wrong with it, and none of its bulk
    /// strings of 100,000 bytes or more. `None` says nothing; [`array`](Self::array) has the answer
    /// then, which is the same with more words.
    ///
    /// Reads and writes no state, and has few variables, so that they stay in registers.
    #[inline(always)]
    fn whole(&self, buf: &[u8]) -> Option<Routed> {
        let (strings, at) = digits::short_header(buf, 0, b'*')?;
        let arguments = strings.checked_sub(1)?;
        let (start, end) = short_bulk(buf, at)?;
        let command = lookup::lookup(&buf[start..end])?;
        if !command.arity.allows(arguments) {
            return None;
        }
        let fits = |key: &(usize, usize)| key.1 - key.0 <= self.place.limits.key as usize;
        let mut next = end + 2;
        // The first key, and how many there are.
        let (key, keys) = match command.keys {
            Keys::First => {
                let key = short_bulk(buf, next).filter(fits)?;
                next = key.1 + 2;
                for _further in 1..arguments {
                    next = short_bulk(buf, next)?.1 + 2;
                }
                (key, 1)
            }
            Keys::Each => {
                let mut guess = Guess::new();
                let key = guess.short_bulk(buf, next).filter(fits)?;
                next = key.1 + 2;
                for _further in 1..arguments {
                    next = guess.short_bulk(buf, next).filter(fits)?.1 + 2;
                }
                (key, arguments)
            }
            Keys::EachPair => {
                let (mut of_keys, mut of_values) = (Guess::new(), Guess::new());
                let key = of_keys.short_bulk(buf, next).filter(fits)?;
                next = of_values.short_bulk(buf, key.1 + 2)?.1 + 2;
                for _further in 1..arguments / 2 {
                    let key = of_keys.short_bulk(buf, next).filter(fits)?;
                    next = of_values.short_bulk(buf, key.1 + 2)?.1 + 2;
                }
                (key, arguments / 2)
            }
            Keys::None if arguments == 0 => ((0, 0), 0),
            _ => return None,
        };
        if next > self.place.limits.request as usize {
            return None;
        }
        let key = key.0 as u32..key.1 as u32;
        let omit = next as u32..next as u32;
        Some(Routed { len: next, command, key, keys, omit, noreply: false, meta: Meta::default() })
    }

    /// Any request that begins with `*`.
    fn array(&mut self, buf: &[u8]) -> Result<Progress<Request>, ParseError> {
        let mut place = self.place;
        if place.at == 0 {
            match digits::length(buf, 1, ARGUMENTS_MAX as u32, COUNT) {
                Ok(Some((0, len))) => return Ok(self.blank(len)),
                Ok(Some((strings, next))) => {
                    place.left = strings;
                    place.at = next as u32;
                }
                Ok(None) => return Ok(self.wait(place, buf.len() + 1, buf.len())),
                Err(error) => return self.below_zero(buf, error),
            }
        }
        if place.arguments == UNNAMED {
            match bulk(buf, place.at as usize, self.place.limits.request)? {
                Bulk::Part { need } => return Ok(self.wait(place, need, buf.len())),
                Bulk::TooLarge { end } => return Ok(self.refuse_rest(place, end)),
                Bulk::Whole { start, end } => place.name(&buf[start..end], end),
            }
        }
        while place.left > 0 {
            let (start, end) = match bulk(buf, place.at as usize, self.place.limits.request)? {
                Bulk::Part { need } => return Ok(self.wait(place, need, buf.len())),
                Bulk::TooLarge { end } => return Ok(self.refuse_rest(place, end)),
                Bulk::Whole { start, end } => (start, end),
            };
            let number = place.arguments - place.left;
            if number == place.watch {
                place.notice(number, start, &buf[start..end]);
            }
            place.left -= 1;
            place.at = (end + 2) as u32;
        }
        self.restart();
        let len = place.at as usize;
        match (place.command, place.fault) {
            (Some(command), None) => match place.keys(command, &buf[..len]) {
                Ok((key, keys)) => Ok(Progress::Done(Request::Routed(Routed {
                    len,
                    command,
                    key,
                    keys,
                    omit: place.at..place.at,
                    noreply: false,
                    meta: Meta::default(),
                }))),
                Err(fault) => Ok(place.refuse(fault, &buf[..len])),
            },
            (_, fault) => Ok(place.refuse(fault.unwrap_or(Fault::Unknown), &buf[..len])),
        }
    }

    /// Keeps the place until `need` bytes are there; `len` are now.
    fn wait(&mut self, place: Place, need: usize, len: usize) -> Progress<Request> {
        // A header may begin where the longest request ends.
        debug_assert!(need > len && need <= REQUEST_BYTES_MAX + 32, "{len} {need}");
        self.place = Place { need: need as u32, ..place };
        Progress::Incomplete { missing: self.place.missing(len) }
    }

    /// Back to the start, if the parser has left it.
    fn restart(&mut self) {
        if !self.is_at_start() {
            self.place = Place::start(self.place.limits, self.place.extra);
        }
    }

    /// The request becomes too large with the bulk string that ends at `end`: it is refused before
    /// that string is there, and what is left of it is skipped. The stream stays in step.
    #[cold]
    fn refuse_rest(&mut self, place: Place, end: usize) -> Progress<Request> {
        self.place = place.behind_refused();
        let answer = encode::too_large(place.limits.request);
        Progress::Done(Request::Refused(Refused {
            len: end + 2,
            answer,
            after_password: false,
            too_large: true,
        }))
    }

    /// Passes over a bulk string of a request that was refused.
    #[cold]
    fn skip(&mut self, buf: &[u8]) -> Result<Progress<Request>, ParseError> {
        let place = self.place;
        match bulk(buf, 0, 0)? {
            Bulk::Part { need } => Ok(self.wait(place, need, buf.len())),
            Bulk::TooLarge { end } | Bulk::Whole { end, .. } => {
                self.place = place.behind_refused();
                Ok(Progress::Done(Request::Blank { len: end + 2 }))
            }
        }
    }

    fn blank(&mut self, len: usize) -> Progress<Request> {
        self.restart();
        Progress::Done(Request::Blank { len })
    }

    /// A head whose number is no length: Redis takes any number below zero for a request of
    /// nothing, and so does the parser. `error` is what the head is otherwise.
    #[cold]
    fn below_zero(
        &mut self,
        buf: &[u8],
        error: ParseError,
    ) -> Result<Progress<Request>, ParseError> {
        if buf.get(1) != Some(&b'-') {
            return Err(error);
        }
        match digits::integer(buf, 1, COUNT)? {
            Some((_, len)) => Ok(self.blank(len)),
            None => Ok(self.wait(self.place, buf.len() + 1, buf.len())),
        }
    }

    #[cold]
    fn inline(&mut self, buf: &[u8]) -> Result<Progress<Request>, ParseError> {
        match inline::parse(buf, self.place.at as usize)? {
            Some(request) => {
                self.restart();
                Ok(Progress::Done(request))
            }
            None => {
                let place = Place { at: buf.len() as u32, ..self.place };
                Ok(self.wait(place, buf.len() + 1, buf.len()))
            }
        }
    }
}

impl Place {
    const fn start(limits: Limits, extra: Option<&'static ExtraCommands>) -> Self {
        Self {
            at: 0,
            need: 1,
            left: 0,
            arguments: UNNAMED,
            watch: NOTHING,
            key: (0, 0),
            command: None,
            fault: None,
            skipping: false,
            limits,
            extra,
        }
    }

    /// The place behind a bulk string of a request that is refused: before the next one to skip, or
    /// at the start of the next request.
    const fn behind_refused(self) -> Self {
        let start = Self::start(self.limits, self.extra);
        match self.left {
            0 | 1 => start,
            // `need` is not the start's, so nothing looks for a request here.
            left => Self { left: left - 1, skipping: true, need: BULK_BYTES_MIN as u32, ..start },
        }
    }

    /// How many bytes are missing at the least, when `len` are there.
    fn missing(&self, len: usize) -> usize {
        let others = self.left.saturating_sub(1) as usize * BULK_BYTES_MIN;
        self.need as usize - len + others
    }

    /// Takes in the name, which ends at `end`.
    fn name(&mut self, name: &[u8], end: usize) {
        self.at = (end + 2) as u32;
        self.left -= 1;
        self.arguments = self.left;
        let added = || self.extra.and_then(|extra| extra.find(name));
        let Some(command) = lookup::lookup(name).or_else(added) else {
            self.fault = Some(Fault::Unknown);
            return;
        };
        self.command = Some(command);
        if !command.arity.allows(self.arguments) {
            self.fault = Some(Fault::Arity);
            return;
        }
        self.watch = match command.keys {
            Keys::First | Keys::Each | Keys::EachPair | Keys::Subcommand(_) => 0,
            Keys::None if command.travel == Travel::Here(Local::Authenticate) => self.arguments - 1,
            _ => NOTHING,
        };
    }

    /// Takes in an argument that was waited for: the body `text`, which begins at `start`.
    fn notice(&mut self, number: u32, start: usize, text: &[u8]) {
        let Some(command) = self.command else { return };
        let (is_key, watch) = match command.keys {
            Keys::Each => (true, number + 1),
            Keys::EachPair => (true, number + 2),
            Keys::Subcommand(rows) => return self.subcommand(rows, text),
            // A password. Its length is for the one who compares it.
            Keys::None => (false, NOTHING),
            _ => (true, NOTHING),
        };
        if number == 0 || watch == NOTHING {
            self.key = (start as u32, (start + text.len()) as u32);
        }
        self.watch = watch;
        if is_key && text.len() > self.limits.key as usize {
            self.watch = NOTHING;
            self.fault = Some(Fault::LongKey);
        }
    }

    /// Takes in the name of a subcommand: its row is the request's from here on.
    fn subcommand(&mut self, rows: &'static [Command], name: &[u8]) {
        self.watch = NOTHING;
        match subcommands::find(rows, name) {
            None => self.fault = Some(Fault::UnknownSubcommand),
            Some(command) => {
                self.command = Some(command);
                if !command.arity.allows(self.arguments) {
                    self.fault = Some(Fault::Arity);
                }
            }
        }
    }

    /// The first key of the whole request in `frame`, and how many keys it has.
    fn keys(&self, command: &Command, frame: &[u8]) -> Result<(Range<u32>, u32), Fault> {
        let key = self.key.0..self.key.1;
        match command.keys {
            Keys::None => Ok((key, 0)),
            Keys::First => Ok((key, 1)),
            Keys::Each => Ok((key, self.arguments)),
            Keys::EachPair => Ok((key, self.arguments / 2)),
            keys => self.locate_keys(keys, frame),
        }
    }

    /// As [`keys`](Self::keys), where it takes a walk over the request.
    fn locate_keys(&self, keys: Keys, frame: &[u8]) -> Result<(Range<u32>, u32), Fault> {
        let mut strings = Strings::new(frame);
        strings.next();
        let located = locate(keys, self.arguments, strings.clone())?;
        let mut parts = Parts::located(strings, located);
        let count = parts.left();
        let Some(first) = parts.next() else { return Ok((0..0, 0)) };
        let fits = |key: &Range<u32>| key.end - key.start <= self.limits.key;
        if !fits(&first.key) || !parts.all(|part| fits(&part.key)) {
            return Err(Fault::LongKey);
        }
        Ok((first.key, count))
    }

    /// The answer to the whole request in `frame`.
    #[cold]
    fn refuse(&self, fault: Fault, frame: &[u8]) -> Progress<Request> {
        let answer = encode::refusal(fault, self.command, frame, self.limits.key);
        let after_password =
            !matches!(fault, Fault::Unknown | Fault::UnknownSubcommand | Fault::Arity);
        Progress::Done(Request::Refused(Refused {
            len: frame.len(),
            answer,
            after_password,
            too_large: false,
        }))
    }
}

/// One bulk string, or as much of it as is there.
pub(super) enum Bulk {
    /// It does not end before the bytes have `need` bytes.
    Part {
        /// Bytes, more than there are.
        need: usize,
    },
    /// With it the request is longer than it may be, whether it is all there or not.
    TooLarge {
        /// Where its body ends, which may be beyond the bytes.
        end: usize,
    },
    /// Its body is `start..end`; a line end follows, which is there and checked.
    Whole {
        /// Offset.
        start: usize,
        /// Offset.
        end: usize,
    },
}

/// The body of the bulk string that begins at `at`, when it is all there and has fewer than
/// 100,000 bytes. `None` says nothing; [`bulk`] has the answer then.
#[inline(always)]
pub(super) fn short_bulk(buf: &[u8], at: usize) -> Option<(usize, usize)> {
    let (len, start) = digits::short_header(buf, at, b'$')?;
    let end = start + len as usize;
    (end <= REQUEST_BYTES_MAX && ends(buf, end)).then_some((start, end))
}

/// Finds the bulk string that begins at `at`, of a request that may have `request_bytes_max` bytes.
/// Looks at the header and the line end only.
///
/// # Errors
/// Where a Redis server says so, and where the body is not followed by CR LF.
pub(super) fn bulk(buf: &[u8], at: usize, request_bytes_max: u32) -> Result<Bulk, ParseError> {
    if let Some((start, end)) = short_bulk(buf, at)
        && end + 2 <= request_bytes_max as usize
    {
        return Ok(Bulk::Whole { start, end });
    }
    match buf.get(at) {
        Some(b'$') => {}
        Some(&byte) => return Err(ParseError { at, found: Some(byte), rule: DOLLAR }),
        None => return Ok(Bulk::Part { need: at + 1 }),
    }
    let Some((len, start)) = digits::length(buf, at + 1, BULK_BYTES_MAX as u32, LENGTH)? else {
        return Ok(Bulk::Part { need: buf.len() + 1 });
    };
    let end = start + len as usize;
    if end > REQUEST_BYTES_MAX {
        return Err(ParseError { at, found: None, rule: TOO_BIG });
    }
    if end + 2 > request_bytes_max as usize {
        return Ok(Bulk::TooLarge { end });
    }
    match buf.get(end..).unwrap_or_default() {
        [b'\r', b'\n', ..] => Ok(Bulk::Whole { start, end }),
        [b'\r', byte, ..] => Err(ParseError { at: end + 1, found: Some(*byte), rule: BULK_END }),
        [byte, _, ..] => Err(ParseError { at: end, found: Some(*byte), rule: BULK_END }),
        [_] | [] => Ok(Bulk::Part { need: end + 2 }),
    }
}

const _: () = assert!(size_of::<RequestParser>() <= 56, "a parser is kept for every client");
const _: () = assert!(ARGUMENTS_MAX < u32::MAX as u64, "UNNAMED and NOTHING are no numbers");
const _: () = assert!(REQUEST_BYTES_MAX < u32::MAX as usize - 2, "offsets are 32 bits");

#[cfg(test)]
mod tests;
