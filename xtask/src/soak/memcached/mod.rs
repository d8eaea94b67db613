//! Streams for a memcached pool; `odd.rs` has what the original does not serve.

mod odd;

use super::circumstances::Circumstances;
use super::names;
use super::stream::{BLANK_DIGITS, Company, Draft, Judge, Mode, Stream};
use crate::random::Random;
use crate::values;

/// Makes a stream.
pub(super) fn stream(circumstances: Circumstances<'_>, random: &mut Random) -> Stream {
    let Circumstances { pool, pool_index, number, company, is_odd, .. } = circumstances;
    let mut draft = Draft::new(number, pool_index);
    draft.company(company);
    let space = names::name_space(number, is_odd);
    let mut keys: Vec<Vec<u8>> =
        (0..random.between(2, 8)).map(|nth| name(&space, nth, random)).collect();
    if company == Company::None {
        // Others have it as well.
        keys.push(b"shared".to_vec());
        draft.ask(b"delete shared\r\n", Judge::Same(Mode::Exact));
    }
    let mut asker = Asker { space, keys, is_counted: pool.is_counted, random, draft };
    let most = asker.random.weighted(&[(100, 6), (300, 30), (300, 80), (30, 400), (3, 2000)]);
    let mut requests = asker.random.below(most) + 1;
    if is_odd {
        requests /= 3;
    }
    // A stream in lock step: each request waits for the reply to the one before.
    let in_step = asker.random.chance(40);
    for _ in 0..requests {
        asker.request();
        if in_step {
            asker.draft.stage();
        }
        if asker.draft.len() > STREAM_BYTES_MAX {
            break;
        }
    }
    if is_odd {
        odd::tail(&mut asker, company == Company::Spoilt);
    } else {
        asker.end();
    }
    let Asker { draft, random, .. } = asker;
    draft.finish(random)
}

/// A stream is ended when it is longer than this, bytes.
const STREAM_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The longest key there may be, bytes.
const LONGEST_KEY: usize = 250;

/// A key: plain, with a hash tag or something like it, with bytes of any sort, or long.
fn name(space: &[u8], nth: usize, random: &mut Random) -> Vec<u8> {
    let mut name = [space, format!("k{nth}").as_bytes()].concat();
    match random.below(20) {
        0..9 => {}
        9..14 => {
            const TAGS: [&[u8]; 7] = [b"{a}", b"{ab}x", b"{}", b"{", b"}a{", b"$t$", b"$$u$"];
            name.extend_from_slice(random.pick::<&[u8]>(&TAGS));
        }
        14..18 => {
            let bytes = (0..random.between(1, 30)).map(|_| random.draw() as u8);
            name.extend(bytes.filter(|byte| !b" \r\n\0".contains(byte)));
        }
        18 => name.resize(random.between(100, 250), b'k'),
        _ => name.resize(LONGEST_KEY, b'K'),
    }
    name
}

/// Draws the requests of one stream.
struct Asker<'a> {
    space: Vec<u8>,
    keys: Vec<Vec<u8>>,
    is_counted: bool,
    random: &'a mut Random,
    draft: Draft,
}

impl Asker<'_> {
    /// Any request, or a few that belong together.
    fn request(&mut self) {
        match self.random.below(100) {
            0..28 => self.store(),
            28..50 => self.get(),
            50..58 if !self.is_counted => self.gets(),
            58..64 if !self.is_counted => self.get_many(),
            64..68 if !self.is_counted => self.compare_and_store(),
            68..76 => self.change(b"delete", Vec::new()),
            76..90 => self.count(),
            90..95 => {
                const TIMES: [&str; 6] = ["0", "5000", "100000", "-1", "2592001", "007000"];
                let time = self.random.pick(&TIMES).as_bytes().to_vec();
                self.change(b"touch", time);
            }
            95..97 => self.line(&[b"version"], Judge::Same(Mode::Exact)),
            _ => self.store(),
        }
    }

    fn key(&mut self) -> Vec<u8> {
        if self.random.chance(30) {
            return self.own("missing");
        }
        self.random.pick(&self.keys).clone()
    }

    /// A key that no other request of the stream has.
    fn own(&self, name: &str) -> Vec<u8> {
        [&self.space[..], b"own:", name.as_bytes()].concat()
    }

    /// Adds a line with its words parted by a space, or now and then by more, and with more behind the last; and
    /// before the first, but where bytes are counted: the proxy sends none of those.
    fn line(&mut self, words: &[&[u8]], judge: Judge) {
        let line = self.spaced(words);
        self.draft.ask(&line, judge);
    }

    fn spaced(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let mut line = Vec::new();
        let is_wide = self.random.chance(60);
        let mut spaces = |least: usize| {
            let more = if is_wide { self.random.below(4) } else { 0 };
            b" ".repeat(least + more)
        };
        if !self.is_counted {
            line.extend(spaces(0));
        }
        for (nth, word) in words.iter().enumerate() {
            if nth > 0 {
                line.extend(spaces(1));
            }
            line.extend_from_slice(word);
        }
        line.extend(spaces(0));
        line.extend_from_slice(b"\r\n");
        line
    }

    /// `noreply`, sometimes, and how the reply is judged.
    fn noreply(&mut self) -> (Option<&'static [u8]>, Judge) {
        if !self.is_counted && self.random.chance(150) {
            (Some(b"noreply"), Judge::Silent)
        } else {
            (None, Judge::Same(Mode::Exact))
        }
    }

    /// A storage command.
    fn store(&mut self) {
        const NAMES: [(usize, &[u8]); 5] =
            [(10, b"set"), (2, b"add"), (2, b"replace"), (2, b"append"), (2, b"prepend")];
        let name: &[u8] = self.random.weighted(&NAMES);
        let mut value = self.value();
        if name.ends_with(b"pend") && !value.is_empty() {
            // Numbers do not grow by this beyond what `value` says.
            value[0] = b'v';
        }
        // What a server answers to a value that is too large, it answers in spite of noreply.
        let (noreply, judge) =
            if value.len() > 100_000 { (None, Judge::Same(Mode::Exact)) } else { self.noreply() };
        let head = self.storage_line(name, value.len(), &noreply.into_iter().collect::<Vec<_>>());
        self.draft.ask(&[&head[..], &value, b"\r\n"].concat(), judge);
    }

    /// A value: a number, one time in four. Two sorts are left out, because memcached's `incr` reads
    /// on behind them in its memory (`safe_strtoull`), and finds there what it may: numbers from
    /// 2^63 on, with what would lead to one, and white space with nothing else.
    fn value(&mut self) -> Vec<u8> {
        if self.random.chance(250) {
            const NUMBERS: [&str; 6] =
                ["0", "7", "99", "1000000000000000", "99999999999999999999", "12x"];
            return self.random.pick(&NUMBERS).as_bytes().to_vec();
        }
        not_blank(values::value(self.random))
    }

    /// `name key flags exptime bytes` and the words behind them.
    fn storage_line(&mut self, name: &[u8], bytes: usize, behind: &[&[u8]]) -> Vec<u8> {
        const FLAGS: [&str; 5] = ["0", "1", "4294967295", "0032", "77"];
        const TIMES: [&str; 6] = ["0", "0", "0", "5000", "2592001", "2000000000"];
        let key = self.key();
        let flags = self.random.pick(&FLAGS).as_bytes();
        let time = self.random.pick(&TIMES).as_bytes();
        let bytes = if self.random.chance(50) { format!("{bytes:06}") } else { bytes.to_string() };
        let words: Vec<&[u8]> = [name, &key, flags, time, bytes.as_bytes()]
            .into_iter()
            .chain(behind.iter().copied())
            .collect();
        self.spaced(&words)
    }

    fn get(&mut self) {
        let key = self.key();
        self.line(&[b"get", &key], Judge::Same(Mode::Exact));
    }

    fn gets(&mut self) {
        let mut keys = vec![b"gets".to_vec()];
        keys.extend((0..self.random.between(1, 3)).map(|_| Vec::new()));
        for key in &mut keys[1..] {
            *key = self.key();
        }
        let words: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        self.line(&words, Judge::Same(Mode::Values));
    }

    /// A `get` of several keys, with some missing and some twice; rarely of very many.
    fn get_many(&mut self) {
        let count = if self.random.chance(50) { 300 } else { 8 };
        let mut words = vec![b"get".to_vec()];
        for _ in 0..self.random.between(2, count) {
            let word = self.key();
            words.push(word);
        }
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        self.line(&words, Judge::Same(Mode::Exact));
    }

    /// `gets`, and behind its reply a `cas` with the number that it showed, or another.
    fn compare_and_store(&mut self) {
        let key = self.key();
        let from = self.draft.answered();
        self.draft.ask(&[b"gets ", &key[..], b"\r\n"].concat(), Judge::Same(Mode::Values));
        if self.random.chance(300) {
            self.draft.ask(
                &[b"append ", &key[..], b" 0 0 1\r\n-\r\n"].concat(),
                Judge::Same(Mode::Exact),
            );
        }
        let is_known = self.random.chance(700);
        if is_known {
            self.draft.stage();
        }
        let value = not_blank(values::small(self.random));
        let (noreply, judge) = self.noreply();
        let noreply: &[u8] = if noreply.is_some() { b" noreply" } else { b"" };
        let head = format!(" 5 0 {} ", value.len());
        // No server has counted so far.
        let unique = format!("{:0width$}", i64::MAX, width = BLANK_DIGITS);
        let behind = [noreply, b"\r\n", &value, b"\r\n"].concat();
        let request = [b"cas ", &key[..], head.as_bytes(), unique.as_bytes(), &behind].concat();
        self.draft.ask(&request, judge);
        if is_known {
            self.draft.blank(BLANK_DIGITS + behind.len(), from);
        }
    }

    /// `incr` and `decr`. A `decr` that makes a number shorter is left out: memcached writes the new one
    /// over the old and pads it with spaces, unless a response of the same turn still holds the old
    /// one (`do_add_delta`), so its length depends on what came in one read.
    fn count(&mut self) {
        const DELTAS: [&str; 9] =
            ["1", "5", "100", "0", "1000000000000000", "99999999999999999999", "-1", "007", "-"];
        let name: &[u8] = if self.random.chance(500) { b"incr" } else { b"decr" };
        // The last is refused by memcached, and by us without asking it.
        let count = DELTAS.len() - usize::from(self.is_counted);
        let mut delta = self.random.pick(&DELTAS[..count]).as_bytes().to_vec();
        let is_number = delta.iter().all(u8::is_ascii_digit) && delta.len() <= 16;
        if name == b"decr" && is_number {
            delta = b"0".to_vec();
        }
        self.change(name, delta);
    }

    /// A command of one line that changes something.
    fn change(&mut self, name: &[u8], argument: Vec<u8>) {
        let key = self.key();
        let (noreply, judge) = self.noreply();
        let mut words = vec![name, &key];
        words.extend((!argument.is_empty()).then_some(&argument[..]));
        words.extend(noreply);
        self.line(&words, judge);
    }

    /// How a valid stream ends: mostly nothing more is said; or `quit`, with or without something
    /// behind it; or half a request.
    fn end(&mut self) {
        match self.random.below(20) {
            // A close that the original does not notice, it does not count.
            19 if self.is_counted => {}
            0..15 => {}
            15..18 => self.draft.ask(b"quit\r\n", Judge::Farewell(b"")),
            18 => {
                self.draft.ask(b"quit\r\n", Judge::Farewell(b""));
                let key = self.own("q");
                let behind = [b"set ", &key[..], b" 0 0 5\r\nnever\r\n"].concat();
                self.draft.behind(&behind.repeat(self.random.between(1, 3)), true);
            }
            _ => {
                let key = self.own("h");
                let value = values::value(self.random);
                let head = format!(" 0 0 {}\r\n", value.len());
                let half = [b"set ", &key[..], head.as_bytes(), &value, b"\r\n"].concat();
                let end = self.random.between(1, half.len() - 1);
                self.draft.behind(&half[..end], false);
            }
        }
    }
}

/// The value, with a letter in it if it is white space alone; see `value`.
fn not_blank(mut value: Vec<u8>) -> Vec<u8> {
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    if !value.is_empty() && value.iter().all(is_space) {
        value[0] = b'v';
    }
    value
}
