//! Scripts: loaded everywhere, run by their digests, and forgotten by servers now and then.

use std::collections::BTreeSet;

use sha1::{Digest as _, Sha1};

use super::answers::answer;
use super::asks::Asker;
use super::events::Event;
use super::expected::{Answers, Ask, Expected};
use super::wire::array;

/// How many scripts there are.
const SCRIPTS: u32 = 4;

/// What a server says of a digest that it does not know.
pub(crate) const UNKNOWN: &[u8] = b"-NOSCRIPT No matching script. Please use EVAL.\r\n";

fn body(script: u32) -> String {
    format!("return redis.call('get', KEYS[1]) -- {script}")
}

fn digest(body: &[u8]) -> String {
    Sha1::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digest of a script that servers may know.
pub(crate) fn some_digest() -> String {
    digest(body(0).as_bytes())
}

/// The scripts that a server knows, by their digests.
#[derive(Debug, Default)]
pub(crate) struct Known(BTreeSet<Vec<u8>>);

impl Known {
    /// It forgets all.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What it answers to a request with a script that is no run; `None` to any other. Learns from
    /// all.
    pub(crate) fn hear(&mut self, words: &[Vec<u8>]) -> Option<Vec<u8>> {
        match words {
            [name, body, ..] if name == b"eval" => {
                self.0.insert(digest(body).into_bytes());
                None
            }
            [name, digest, ..] if name == b"evalsha" && !self.0.contains(digest) => {
                Some(UNKNOWN.to_vec())
            }
            [name, step, body] if name == b"script" && step.eq_ignore_ascii_case(b"load") => {
                let digest = digest(body);
                self.0.insert(digest.clone().into_bytes());
                Some(format!("$40\r\n{digest}\r\n").into_bytes())
            }
            [name, _] if name == b"script" => {
                self.clear();
                Some(b"+OK\r\n".to_vec())
            }
            _ => None,
        }
    }
}

impl Asker<'_> {
    /// A script is loaded, run, or all are forgotten.
    pub(crate) fn script(&mut self) -> Ask {
        let script = self.random.below(SCRIPTS.into()) as u32;
        let (body, digest) = (body(script), digest(body(script).as_bytes()));
        let learns = Answers::AnyOf(vec![format!("$40\r\n{digest}\r\n").into_bytes()]);
        match self.random.below(10) {
            0 if self.plan.forgets => {
                let expected = Expected::served(Answers::AnyOf(vec![b"+OK\r\n".to_vec()]));
                let expected = Some(expected.seen_as(Event::ScriptsFlushed));
                Ask { wire: array(&["SCRIPT", "FLUSH"]), expected }
            }
            0..3 => {
                let expected = Expected { learns: Some(script), ..Expected::served(learns) };
                let expected = Some(expected.seen_as(Event::ScriptLoaded));
                Ask { wire: array(&["script", "load", &body]), expected }
            }
            3..5 => self.run("EVAL", &body, Some(script), true),
            _ => {
                // A script that came by is sent along to a server that has forgotten it.
                let is_sure = self.plan.quiet && !self.plan.forgets && self.known.contains(&script);
                self.run("evalsha", &digest, None, is_sure)
            }
        }
    }

    fn run(&mut self, name: &str, script: &str, learns: Option<u32>, is_sure: bool) -> Ask {
        let kind = self.kind();
        let key = self.key(0, kind);
        let words = [name.into(), script.into(), b"1".to_vec(), key, b"x".to_vec()];
        let wire = array(&words);
        let mut words: Vec<Vec<u8>> = words.to_vec();
        words[0].make_ascii_lowercase();
        let mut answers = vec![answer(self.tongue(), &words)];
        if !is_sure {
            answers.push(UNKNOWN.to_vec());
        }
        let expected = Expected {
            learns,
            // Sent once more, it has its time once more.
            attempts: 2,
            ..Expected::served(Answers::AnyOf(answers))
        };
        Ask { wire, expected: Some(expected.seen_as(Event::ScriptRun)) }
    }
}
