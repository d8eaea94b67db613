//! One case: what is sent on which connection, and how each reply is compared.
//!
//! ```text
//!   HELLO 3 | fill the keys | forms of one command, some spoilt, or a scene | PING || what the keys hold
//!   ---------------------- connection A (and B) ----------------------------- || connection C
//! ```
//! A case follows from the run's seed, its command's name and its number, and from nothing else.

use super::compare::Mode;
use super::draw::{self, CARELESS, DIGEST};
use super::forms::{self, Care, Forms};
use super::keys::Keys;
use super::scenes::{self, Scene};
use crate::form;
use crate::random::Random;

/// A case, made.
#[derive(Debug)]
pub(crate) struct Case {
    /// The command it is for, in lower case.
    pub(crate) name: String,
    /// Which of the command's.
    pub(crate) number: u64,
    /// Its requests are sent without waiting for replies.
    pub(crate) is_pipelined: bool,
    /// Its keys live on several servers.
    pub(crate) is_apart: bool,
    /// The proxy alone is asked.
    pub(crate) is_for_proxy_alone: bool,
    /// What happens.
    pub(crate) steps: Vec<Step>,
}

/// Something that is sent, or waited for.
#[derive(Debug)]
pub(crate) struct Step {
    /// On which connection.
    pub(crate) connection: usize,
    /// The request; of no words when nothing is sent.
    pub(crate) words: Vec<Vec<u8>>,
    /// So many replies come.
    pub(crate) replies: usize,
    /// In which sense they are compared.
    pub(crate) mode: Mode,
    /// What else there is to it.
    pub(crate) turn: Turn,
}

/// What a step does besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing.
    Plain,
    /// Gives what was sent time to arrive.
    Wait,
    /// Sends its one word as it is.
    Raw,
    /// Repeats the request with the cursor of the reply until that is 0.
    Iterate,
}

impl Step {
    fn request(connection: usize, words: Vec<Vec<u8>>) -> Self {
        let name = name_of(&words);
        let replies = forms::replies(&name, words.len().saturating_sub(1));
        let mode = forms::mode(&name, &words);
        Self { connection, words, replies, mode, turn: Turn::Plain }
    }

    /// Whether it has a command's name.
    pub(crate) fn is_named(&self) -> bool {
        !self.words.is_empty() && self.turn != Turn::Raw
    }

    /// The command's name in lower case.
    pub(crate) fn name(&self) -> String {
        name_of(&self.words)
    }
}

fn name_of(words: &[Vec<u8>]) -> String {
    words
        .first()
        .map_or_else(String::new, |name| String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// The connection on which what the keys hold is looked at.
const SHOWING: usize = 2;

/// Makes a case of the command called `name`. Even numbers speak RESP2, odd ones RESP3.
pub(crate) fn make(name: &str, forms: Option<&Forms>, seed: u64, number: u64) -> Case {
    let sum = name.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(131) + u64::from(byte));
    let mut random = Random::of_stream(seed, sum.wrapping_mul(1_000_003).wrapping_add(number));
    let scene = scene(name, number, &mut random);
    let is_apart = matches!(scene, Some((_, true)));
    let tag = format!("{name}-{number}");
    let mut maker = Maker {
        keys: Keys::new(tag, scene.is_none(), is_apart),
        random,
        forms,
        name,
        steps: Vec::new(),
    };
    match scene {
        Some((scene, _)) => maker.scene(scene),
        None => maker.forms(),
    }
    maker.finish(number, is_apart)
}

/// What a case of bytes that are no ordinary request is for.
pub(crate) const PROTOCOL: &str = "(protocol)";

/// Makes a case that sends such bytes, behind a request or alone.
pub(crate) fn make_broken(bytes: &[u8], replies: usize, number: u64) -> Case {
    let request = |words: &[&str]| {
        Step::request(0, words.iter().map(|word| word.as_bytes().to_vec()).collect())
    };
    let mut steps = Vec::new();
    if number % 2 == 1 {
        steps.push(request(&["HELLO", "3"]));
    }
    steps.push(request(&["SET", "{inline}k", "before"]));
    let raw = Step { replies, turn: Turn::Raw, ..Step::request(0, vec![bytes.to_vec()]) };
    steps.push(raw);
    steps.push(request(&["PING"]));
    Case {
        name: PROTOCOL.to_owned(),
        number,
        is_pipelined: number / 2 % 2 == 1,
        is_apart: false,
        is_for_proxy_alone: false,
        steps,
    }
}

/// The scene that a case plays, and whether its keys live apart; every other case plays one, as
/// long as there are any.
fn scene(name: &str, number: u64, random: &mut Random) -> Option<(&'static Scene, bool)> {
    let of = |scenes: &'static [Scene], apart| {
        scenes.iter().filter(move |scene| scene.0 == name).map(move |scene| (scene, apart))
    };
    let all: Vec<_> = of(scenes::TOGETHER, false).chain(of(scenes::APART, true)).collect();
    // Two numbers, one of each protocol, play a scene; the two behind them do not.
    if all.is_empty() || number / 2 % 2 == 1 {
        return None;
    }
    let turn = number as usize / 4;
    let at = if turn < all.len() { turn } else { random.below(all.len()) };
    Some(all[at])
}

/// How many cases of a command it takes to play each of its scenes in both protocols.
pub(crate) fn enough(name: &str) -> u64 {
    let count =
        scenes::TOGETHER.iter().chain(scenes::APART).filter(|scene| scene.0 == name).count();
    count as u64 * 4
}

/// Makes the steps of one case.
struct Maker<'a> {
    keys: Keys,
    random: Random,
    forms: Option<&'a Forms>,
    name: &'a str,
    steps: Vec<Step>,
}

impl Maker<'_> {
    /// Forms of the command, some of them spoilt.
    fn forms(&mut self) {
        for _ in 0..self.random.between(1, 4) {
            let Some(forms) = self.forms else {
                let words = self.generic();
                self.steps.push(Step::request(0, words));
                continue;
            };
            let form = *self.random.pick(forms.forms);
            let mut words = self.expand(form);
            if forms.care == Care::None && self.random.chance(350) {
                self.spoil(&mut words);
            }
            self.mix_case(&mut words[0]);
            self.steps.push(Step::request(0, words));
        }
    }

    /// A request with a command that the server does not know.
    fn generic(&mut self) -> Vec<Vec<u8>> {
        let mut words = vec![self.name.to_ascii_uppercase().into_bytes()];
        for _ in 0..self.random.below(5) {
            let word = if self.random.chance(700) {
                self.keys.draw(b'k', &mut self.random)
            } else {
                self.random.pick(&CARELESS).as_bytes().to_vec()
            };
            words.push(word);
        }
        words
    }

    fn expand(&mut self, form: &str) -> Vec<Vec<u8>> {
        let keys = &mut self.keys;
        form::expand(form, &mut self.random, &mut |what, random| draw::word(what, keys, random))
    }

    /// Leaves a word out, adds one, or puts one in the place of another.
    fn spoil(&mut self, words: &mut Vec<Vec<u8>>) {
        let random = &mut self.random;
        let careless = random.pick(&CARELESS).as_bytes().to_vec();
        match random.below(5) {
            0 if words.len() > 1 => drop(words.pop()),
            1 if words.len() > 1 => drop(words.remove(random.between(1, words.len() - 1))),
            2 if words.len() > 1 => {
                let at = random.between(1, words.len() - 1);
                words[at] = careless;
            }
            3 if words.len() > 2 => {
                let at = random.between(1, words.len() - 1);
                words.swap(1, at);
            }
            _ => words.push(careless),
        }
    }

    /// Capitals, small letters, or both.
    fn mix_case(&mut self, name: &mut [u8]) {
        match self.random.below(10) {
            0..6 => {}
            6..8 => name.make_ascii_lowercase(),
            _ => {
                for byte in name {
                    if self.random.chance(500) {
                        byte.make_ascii_lowercase();
                    }
                }
            }
        }
    }

    fn scene(&mut self, scene: &Scene) {
        for line in scene.1 {
            let step = self.line(line);
            self.steps.push(step);
        }
    }

    fn line(&mut self, line: &str) -> Step {
        let nothing = |connection| Step { replies: 0, ..Step::request(connection, Vec::new()) };
        if line == "wait" {
            return Step { turn: Turn::Wait, ..nothing(0) };
        }
        let (who, form) = line.split_once(' ').expect("a line says who speaks");
        let connection = usize::from(who == "B");
        let (form, replies) = match form.split_once('#') {
            Some((form, replies)) => (form.trim_end(), replies.parse().ok()),
            None => (form, None),
        };
        let mut step = if form.is_empty() {
            nothing(connection)
        } else {
            Step::request(connection, self.expand(form))
        };
        if let Some(rest) = form.strip_prefix("SCAN...") {
            let words = self.expand(&format!("SCAN 0{rest}"));
            step = Step { turn: Turn::Iterate, mode: Mode::Unordered, ..step };
            step.words = words;
        }
        step.replies = replies.unwrap_or(step.replies);
        step
    }

    fn finish(mut self, number: u64, is_apart: bool) -> Case {
        let is_resp3 = number % 2 == 1;
        let speakers = 1 + self.steps.iter().map(|step| step.connection).max().unwrap_or(0);
        let has_digest = self.steps.iter().any(|step| step.words.iter().any(|word| word == DIGEST));
        let is_long = self.steps.iter().any(|step| step.turn != Turn::Plain);
        let is_pipelined = speakers == 1 && !has_digest && !is_long && self.random.chance(500);
        let is_for_proxy_alone = self.forms.is_some_and(|forms| forms.care == Care::ProxyAlone);
        let mut steps = Vec::new();
        let hello = |connection| {
            Step::request(connection, [b"HELLO", &b"3"[..]].map(<[u8]>::to_vec).to_vec())
        };
        if is_resp3 {
            steps.extend((0..speakers).map(hello));
        }
        steps.extend(self.keys.fill().into_iter().map(|words| Step::request(0, words)));
        steps.append(&mut self.steps);
        // Whatever is left over shows here, and at the front of what comes behind.
        steps.push(Step::request(0, vec![b"PING".to_vec()]));
        if is_resp3 {
            steps.push(hello(SHOWING));
        }
        let is_drawn = steps.iter().any(|step| step.mode == Mode::Shape);
        steps.extend(self.keys.show().into_iter().map(|words| {
            let step = Step::request(SHOWING, words);
            // What was drawn at random is gone at random, or there.
            let mode =
                if is_drawn && step.mode != Mode::Near(5000) { Mode::Shape } else { step.mode };
            Step { mode, ..step }
        }));
        Case {
            name: self.name.to_owned(),
            number,
            is_pipelined,
            is_apart,
            is_for_proxy_alone,
            steps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(case: &Case) -> String {
        format!("{case:?}")
    }

    #[test]
    fn a_case_follows_from_seed_name_and_number() {
        let forms = forms::all().find(|forms| forms.name == "zrange");
        let make = |seed, number| shown(&make("zrange", forms, seed, number));
        assert_eq!(make(1, 3), make(1, 3));
        assert_ne!(make(1, 3), make(1, 5));
        assert_ne!(make(1, 3), make(2, 3));
    }

    #[test]
    fn every_form_and_scene_can_be_drawn() {
        for forms in forms::all() {
            for number in 0..40.max(enough(forms.name)) {
                let case = make(forms.name, Some(forms), 1, number);
                assert!(
                    case.steps
                        .iter()
                        .any(|step| step.name() == forms.name || enough(forms.name) > 0),
                    "{}: {case:?}",
                    forms.name
                );
            }
        }
        for (name, _) in scenes::TOGETHER.iter().chain(scenes::APART) {
            assert!(forms::all().any(|forms| forms.name == *name), "{name} has no forms");
        }
    }

    #[test]
    fn cases_that_keep_their_keys_together_name_no_other_keys() {
        let forms = forms::all().find(|forms| forms.name == "sunion").expect("it has forms");
        let case = make("sunion", Some(forms), 1, 2);
        let keys = case.steps.iter().flat_map(|step| &step.words);
        assert!(
            keys.filter(|word| word.starts_with(b"{"))
                .all(|word| { word.starts_with(b"{sunion-2}") })
        );
    }
}
