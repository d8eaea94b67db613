//! Streams for a Redis pool.
//!
//! | file | what it owns |
//! |---|---|
//! | `forms.rs` | what good requests look like: a table |
//! | `cast.rs` | the keys of a stream |
//! | `odd.rs` | what the original does not serve, and does not survive |

mod cast;
mod forms;
mod odd;

use nutcracker_proto::resp::{Parts, RequestParser};
use nutcracker_proto::{Progress, Request, Travel};

use super::circumstances::Circumstances;
use super::names;
use super::pools::Pool;
use super::stream::{Company, Draft, Judge, Mode, Oracle, Stream};
use crate::random::Random;
use crate::{form, values, wire};
use cast::Cast;
pub(super) use forms::LOADED_SCRIPTS;

/// Makes a stream.
pub(super) fn stream(circumstances: Circumstances<'_>, random: &mut Random) -> Stream {
    let Circumstances { pool, pool_index, number, company, is_odd, is_refused, .. } = circumstances;
    let mut draft = Draft::new(number, pool_index);
    draft.company(company);
    let space = names::name_space(number, is_odd);
    let mut cast = Cast::draw(&space, pool.hash_tag, random);
    if company == Company::None {
        cast.add_empty_key();
        draft.ask(&wire::array(&["DEL", ""]), Judge::Same(Mode::Exact));
    }
    let mut asker = Asker { cast, pool, is_refused, random, draft };
    asker.authenticate();
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

/// Puts the first key of a request that travels whole in the place of all its others.
fn make_one_key(words: &mut [Vec<u8>]) {
    let frame = wire::array(words);
    let parsed = RequestParser::new(usize::MAX, usize::MAX).parse(&frame);
    let Ok(Progress::Done(Request::Routed(routed))) = parsed else { return };
    if routed.keys < 2 || matches!(routed.command.travel, Travel::Split(_)) {
        return;
    }
    let keys: Vec<Vec<u8>> =
        Parts::new(&routed, &frame).map(|part| part.key(&frame).to_vec()).collect();
    for word in words.iter_mut().skip(1).filter(|word| keys.contains(word)) {
        word.clone_from(&keys[0]);
    }
}

/// Whether ours refuses a request for its arguments.
fn is_refused(words: &[Vec<u8>]) -> bool {
    let parsed = RequestParser::new(usize::MAX, usize::MAX).parse(&wire::array(words));
    matches!(parsed, Ok(Progress::Done(Request::Refused(_))))
}

/// Forms that are not counted alike: of an MSET that it takes apart the original counts some of the
/// bytes twice; and a wrong number of keys never gets to a server of ours.
const UNCOUNTED: [&str; 4] = ["MSET [", "ZUNION", "ZINTER ", "ZDIFF "];

/// A stream is ended when it is longer than this, bytes.
const STREAM_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Draws the requests of one stream.
struct Asker<'a> {
    cast: Cast,
    pool: &'a Pool,
    is_refused: bool,
    random: &'a mut Random,
    draft: Draft,
}

impl Asker<'_> {
    /// Any request, or a few that belong together.
    fn request(&mut self) {
        match self.random.below(200) {
            0..165 => self.form(),
            165..180 => self.careless(),
            180..186 => self.script(),
            186..189 => self.local(),
            189..191 => self.exists(),
            191..193 => self.sets_by_number(),
            193 => self.restore(),
            194 => self.wide(),
            195 if !self.pool.is_counted => self.keyless(),
            _ => self.form(),
        }
    }

    /// One of the table of forms.
    fn form(&mut self) {
        let form: &str = loop {
            let form = *self.random.pick(forms::FORMS);
            // What is compared by shape has as many bytes as chance gives it.
            let name = form.split(' ').next().unwrap_or_default();
            let mode = forms::mode(name);
            let is_uncounted = UNCOUNTED.iter().any(|uncounted| form.starts_with(uncounted))
                || matches!(mode, Mode::Shape | Mode::Near(_));
            if !(self.pool.is_counted && is_uncounted) {
                break form;
            }
        };
        let cast = &self.cast;
        let words = form::expand(form, self.random, &mut |what, random| word(cast, what, random));
        self.send(words);
    }

    /// Sends a request whose replies are to be the same, in the sense of its name.
    ///
    /// The keys of one that cannot be split are one key: on different servers ours refuses them, and
    /// what the original then does to the first key's server would show in everything that follows.
    /// The oracle plays such requests.
    fn send(&mut self, mut words: Vec<Vec<u8>>) {
        make_one_key(&mut words);
        self.send_as_is(words);
    }

    /// The same of one whose keys are known to live together.
    fn send_as_is(&mut self, mut words: Vec<Vec<u8>>) {
        // What ours refuses comes before the password, and never gets to a server of ours, which may
        // have a reason of its own to refuse it.
        let is_told = self.pool.is_counted || self.pool.password.is_some() || self.is_refused;
        if is_told && is_refused(&words) {
            return;
        }
        let name = String::from_utf8_lossy(&words[0]).to_ascii_lowercase();
        let judge = self.judge(&name, words.len());
        self.mix_case(&mut words[0]);
        self.draft.ask(&wire::array(&words), judge);
    }

    /// How the replies to a command are judged.
    fn judge(&self, name: &str, words: usize) -> Judge {
        let is_split = match name {
            "del" | "unlink" => words > 2,
            "mset" => words > 3,
            _ => false,
        };
        if self.is_refused && is_split {
            return Judge::MayDiffer { kind: "split-refused", ours: Oracle::Rule };
        }
        Judge::Same(forms::mode(name))
    }

    /// Capitals, small letters, or both.
    fn mix_case(&mut self, name: &mut [u8]) {
        match self.random.below(10) {
            0..5 => {}
            5..8 => name.make_ascii_lowercase(),
            _ => {
                for byte in name {
                    if self.random.chance(500) {
                        byte.make_ascii_lowercase();
                    }
                }
            }
        }
    }

    /// A command with arguments that may be anything, in a number that the original takes.
    fn careless(&mut self) {
        const WORDS: [&str; 14] = [
            "0",
            "1",
            "-1",
            "x",
            "",
            "LIMIT",
            "WITHSCORES",
            "99999999999999999999",
            "1.5",
            "nan",
            "-inf",
            "COUNT",
            "9223372036854775807",
            "m1",
        ];
        // A second key that is one of these words would be everyone's, and times would be short.
        const LEFT_OUT: [&str; 12] = [
            "smove",
            "rpoplpush",
            "lmove",
            "expire",
            "pexpire",
            "expireat",
            "pexpireat",
            "setex",
            "psetex",
            "ttl",
            "pttl",
            "setrange",
        ];
        let (name, count) = if self.random.chance(500) {
            let (name, count) = *self.random.pick(forms::FIXED);
            if LEFT_OUT.contains(&name) {
                return self.form();
            }
            (name, count)
        } else {
            (*self.random.pick(forms::ANY), self.random.between(1, 6))
        };
        let mut words = vec![name.as_bytes().to_vec(), self.cast.any(self.random).to_vec()];
        for _ in 1..count {
            let word = match self.random.below(4) {
                0 if name != "set" => self.cast.any(self.random).to_vec(),
                _ => self.random.pick(&WORDS).as_bytes().to_vec(),
            };
            words.push(word);
        }
        self.send(words);
    }

    /// A script with a key, or with fewer arguments than it says.
    fn script(&mut self) {
        let key = self.cast.key(b's', self.random).to_vec();
        let argument = number(self.random);
        // A server says that the number is too large, and so do we, without asking one.
        let count = if self.random.chance(100) && !self.pool.is_counted { "3" } else { "1" };
        let (name, script) = match self.random.below(10) {
            0..8 => ("EVAL", self.random.pick(forms::SCRIPTS).to_string()),
            8 => ("EVALSHA", self.random.pick(LOADED_SCRIPTS).1.to_owned()),
            _ => ("EVALSHA", "ffffffffffffffffffffffffffffffffffffffff".to_owned()),
        };
        let words = [name.as_bytes(), script.as_bytes(), count.as_bytes(), &key, &argument];
        self.send(words.map(<[u8]>::to_vec).to_vec());
    }

    /// What the proxy answers itself.
    fn local(&mut self) {
        if self.random.chance(500) {
            return self.send(vec![b"PING".to_vec()]);
        }
        let password = match self.pool.password {
            Some(password) if self.random.chance(600) => password.as_bytes().to_vec(),
            _ => values::small(self.random),
        };
        self.send(vec![b"AUTH".to_vec(), password]);
    }

    /// Where a password is asked for, mostly gives it, after this and that.
    fn authenticate(&mut self) {
        let Some(password) = self.pool.password else { return };
        for _ in 0..self.random.below(4) {
            self.request();
        }
        if self.random.chance(900) {
            self.send(vec![b"AUTH".to_vec(), password.as_bytes().to_vec()]);
        }
    }

    /// EXISTS of several keys, behind one of each, so that the sum is known.
    fn exists(&mut self) {
        // Who is not let in gets no number; and who splits counts more requests.
        if self.pool.password.is_some() || self.pool.is_counted {
            return self.form();
        }
        let count = self.random.between(2, 5);
        let keys: Vec<Vec<u8>> = (0..count).map(|_| self.cast.any(self.random).to_vec()).collect();
        for key in &keys {
            self.send(vec![b"EXISTS".to_vec(), key.clone()]);
        }
        let words: Vec<Vec<u8>> = std::iter::once(b"EXISTS".to_vec()).chain(keys).collect();
        let judge = Judge::MayDiffer { kind: "exists-split", ours: Oracle::SumOfLast(count) };
        self.draft.ask(&wire::array(&words), judge);
    }

    /// ZUNION and its like, behind something that answers the same.
    fn sets_by_number(&mut self) {
        let differs = Judge::MayDiffer { kind: "number-of-keys", ours: Oracle::Last };
        if self.pool.is_counted || self.is_refused || self.pool.password.is_some() {
            return self.form();
        }
        let name = *self.random.pick(&["ZUNION", "ZINTER", "ZDIFF"]);
        let scores = self.random.chance(500).then_some("WITHSCORES");
        if let Some([one, other, result]) = self.cast.together(b'z') {
            for key in [&one, &other] {
                let mut words = vec![b"ZADD".to_vec(), key.clone()];
                for _ in 0..self.random.between(1, 4) {
                    words.push(number(self.random));
                    words.push(member(self.random));
                }
                self.send(words);
            }
            let store = format!("{name}STORE");
            let words = [store.as_bytes(), &result, b"2", &one, &other];
            self.send_as_is(words.map(<[u8]>::to_vec).to_vec());
            let mut words = [b"ZRANGE", &result[..], b"0", b"-1"].map(<[u8]>::to_vec).to_vec();
            words.extend(scores.map(|word| word.as_bytes().to_vec()));
            self.send(words);
            let mut words = [name.as_bytes(), b"2", &one, &other].map(<[u8]>::to_vec).to_vec();
            words.extend(scores.map(|word| word.as_bytes().to_vec()));
            self.draft.ask(&wire::array(&words), differs);
        } else {
            let key = self.cast.own("z");
            let words = [b"ZADD", &key[..], b"1", b"a", b"2", &member(self.random)];
            self.send(words.map(<[u8]>::to_vec).to_vec());
            let mut words = [b"ZRANGE", &key[..], b"0", b"-1"].map(<[u8]>::to_vec).to_vec();
            words.extend(scores.map(|word| word.as_bytes().to_vec()));
            self.send(words);
            let mut words = [name.as_bytes(), b"1", &key].map(<[u8]>::to_vec).to_vec();
            words.extend(scores.map(|word| word.as_bytes().to_vec()));
            self.draft.ask(&wire::array(&words), differs);
        }
    }

    /// RESTORE of what a server wrote, and of what none did.
    fn restore(&mut self) {
        let key = self.cast.key(b's', self.random).to_vec();
        let dumped = *self.random.pick(&forms::DUMPED);
        let mut words = [b"RESTORE", &key[..], b"0", dumped].map(<[u8]>::to_vec).to_vec();
        if self.random.chance(600) {
            words.push(b"REPLACE".to_vec());
        }
        self.send(words);
    }

    /// A split command of very many keys.
    fn wide(&mut self) {
        let mset = if self.pool.is_counted { "MGET" } else { "MSET" };
        let name = *self.random.pick(&["MGET", "DEL", "UNLINK", "TOUCH", mset]);
        let mut words = vec![name.as_bytes().to_vec()];
        for _ in 0..self.random.between(50, 1000) {
            let nth = self.random.below(300);
            words.push(self.cast.own(&nth.to_string()));
            if name == "MSET" {
                words.push(values::small(self.random));
            }
        }
        self.send(words);
    }

    /// What goes to the server of the placeholder.
    fn keyless(&mut self) {
        if self.random.chance(200) {
            self.send([&b"LOLWUT"[..], b"VERSION", b"5", b"1"].map(<[u8]>::to_vec).to_vec());
        } else {
            self.send(vec![b"LOLWUT".to_vec()]);
        }
    }

    /// How a valid stream ends: mostly nothing more is said; or QUIT, with or without something
    /// behind it; or half a request.
    fn end(&mut self) {
        let quit = wire::array(&[&b"QUIT"[..]]);
        match self.random.below(20) {
            // A close that the original does not notice, it does not count.
            19 if self.pool.is_counted => {}
            0..15 => {}
            15..18 => self.draft.ask(&quit, Judge::Farewell(b"+OK\r\n")),
            18 => {
                self.draft.ask(&quit, Judge::Farewell(b"+OK\r\n"));
                let key = self.cast.own("q");
                let behind = wire::array(&[&b"SET"[..], &key, b"never"]);
                self.draft.behind(&behind.repeat(self.random.between(1, 3)), true);
            }
            _ => {
                let key = self.cast.own("h");
                let half = wire::array(&[&b"SET"[..], &key, &values::value(self.random)]);
                let end = self.random.between(1, half.len() - 1);
                self.draft.behind(&half[..end], false);
            }
        }
    }
}

/// What a form asks to be drawn.
fn word(cast: &Cast, what: &str, random: &mut Random) -> Vec<u8> {
    match what.as_bytes()[0] {
        b'v' => values::value(random),
        b'w' => values::small(random),
        b'm' => member(random),
        b'q' => random.draw().to_string().into_bytes(),
        b'd' => number(random),
        b'o' => random.below(40).to_string().into_bytes(),
        b'u' => {
            const SCORES: [&str; 9] = ["0", "1", "2", "3", "3.5", "-1", "inf", "1e3", "x"];
            random.pick(&SCORES).as_bytes().to_vec()
        }
        b'f' => {
            let (whole, part) = (random.below(60), random.below(100));
            format!("{whole}.{part:02}").into_bytes()
        }
        b't' => {
            const TIMES: [&str; 5] = ["5000", "100000", "5000", "0", "-1"];
            random.pick(&TIMES).as_bytes().to_vec()
        }
        sort => cast.key(sort, random).to_vec(),
    }
}

/// A member of a set, or a field: one of a dozen.
fn member(random: &mut Random) -> Vec<u8> {
    match random.below(16) {
        0..12 => format!("m{}", random.below(8)).into_bytes(),
        12 => Vec::new(),
        13 => b"\r\n\0\xff".to_vec(),
        14 => vec![b'l'; 70],
        _ => random.below(5).to_string().into_bytes(),
    }
}

/// A number: mostly small, with a sign; rarely at the end of 64 bits.
fn number(random: &mut Random) -> Vec<u8> {
    match random.below(30) {
        0 => i64::MAX.to_string().into_bytes(),
        1 => i64::MIN.to_string().into_bytes(),
        2 => b"many".to_vec(),
        _ => (random.below(16) as i64 - 5).to_string().into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use nutcracker_proto::resp::COMMANDS;

    use super::*;

    #[test]
    fn every_command_of_the_original_is_drawn() {
        let name = |words: &str| words.split(' ').next().unwrap_or_default().to_ascii_lowercase();
        let mut drawn: BTreeSet<String> = forms::FORMS.iter().map(|form| name(form)).collect();
        // Those that have a function of their own.
        let others =
            "auth command eval evalsha exists lolwut move ping quit restore zdiff zinter zunion";
        drawn.extend(others.split(' ').map(str::to_owned));
        assert_eq!(drawn.len(), 137, "as many as the original has: {drawn:?}");
        for name in &drawn {
            assert!(COMMANDS.iter().any(|row| row.name == *name), "{name} is not served");
        }
        for (name, _) in forms::FIXED {
            assert!(drawn.contains(*name), "{name}");
        }
        for name in forms::ANY {
            assert!(drawn.contains(*name), "{name}");
        }
    }

    #[test]
    fn no_command_that_is_served_is_among_the_unserved() {
        for name in odd::UNSERVED {
            let is_served = COMMANDS.iter().any(|row| row.name.eq_ignore_ascii_case(name));
            assert!(!is_served, "take {name} out of the list in soak/redis/odd.rs: it is served");
        }
    }
}
