//! memcached's meta commands: bursts of them, some quiet, with an `mn` behind that ends each.

use nutcracker_proto::Protocol;

use super::answers::bad;
use super::asks::Asker;
use super::events::Event;
use super::expected::{Answers, Ask, Expected};
use super::key::{Kind, Tag, value};

/// The first part of a key of a burst: its requests are told apart by their parts.
const BURST_MAX: u64 = 6;

/// What ends a burst.
const END: &[u8] = b"MN\r\n";

/// The responses to a burst that are still to come.
#[derive(Debug)]
pub(crate) struct Burst {
    due: Vec<Item>,
    /// How many of them have been passed.
    passed: usize,
    /// Errors that took the place of one of them each.
    errors: usize,
    /// Responses that were due, came not, and may have been told of by an error.
    missed: usize,
}

#[derive(Debug)]
struct Item {
    answer: Vec<u8>,
    /// Asked quietly, and the answer is the one that is withheld then.
    withheld: bool,
}

/// What a server answers to a meta command, which it is never asked quietly.
pub(crate) fn answer(words: &[Vec<u8>]) -> Option<Vec<u8>> {
    let name = words[0].as_slice();
    if !matches!(name, b"mg" | b"ms" | b"md") {
        return None;
    }
    let key = &words[1];
    if let Some(bad) = bad(Protocol::Memcache, &[key]) {
        return Some(bad);
    }
    let opaque = words.iter().find(|word| word.starts_with(b"O")).expect("all have one");
    let kind = Tag::of(key).expect("a key of a client's").kind;
    Some(match (name, kind) {
        (b"mg", Kind::Value(bytes)) => {
            let head = format!("VA {bytes} ").into_bytes();
            [&head, &opaque[..], b"\r\n", &value(key, bytes as usize), b"\r\n"].concat()
        }
        (b"mg", _) => b"EN\r\n".to_vec(),
        (_, Kind::Missing) => [b"NF ", &opaque[..], b"\r\n"].concat(),
        _ => [b"HD ", &opaque[..], b"\r\n"].concat(),
    })
}

impl Asker<'_> {
    /// Several meta commands, answered one by one, but for those that are quiet and go well.
    pub(crate) fn burst(&mut self) -> Ask {
        let mut wire = Vec::new();
        let mut due = Vec::new();
        for part in 0..self.random.between(1, BURST_MAX) as u32 {
            let kind = self.kind();
            let key = self.key(part, kind);
            let name = self.random.pick(&["mg", "mg", "ms", "md"]);
            let opaque = format!("O{part}");
            let mut words: Vec<Vec<u8>> = vec![name.into(), key.clone(), opaque.clone().into()];
            let answer = answer(&words).expect("a meta command");
            let quiet = self.random.chance(60);
            if quiet {
                let at = self.random.between(2, 3) as usize;
                words.insert(at, b"q".to_vec());
            }
            if name == "mg" {
                words.push(b"v".to_vec());
            }
            let payload = value(&key, self.random.below(100) as usize);
            if name == "ms" {
                words.insert(2, payload.len().to_string().into());
            }
            wire.extend(words.join(&b' '));
            wire.extend(b"\r\n");
            if name == "ms" {
                wire.extend([&payload[..], b"\r\n"].concat());
            }
            let hidden: &[u8] = if name == "mg" { b"EN" } else { b"HD" };
            due.push(Item { withheld: quiet && answer.starts_with(hidden), answer });
        }
        wire.extend(b"mn\r\n");
        let burst = Burst { due, passed: 0, errors: 0, missed: 0 };
        let expected = Expected::served(Answers::Burst(burst)).seen_as(Event::BurstAnswered);
        Ask { wire, expected: Some(expected) }
    }
}

impl Burst {
    /// Takes the next response. Says whether it was the last one.
    pub(crate) fn hear(&mut self, response: &[u8], may_be_told: impl FnOnce() -> bool) -> bool {
        if response == END {
            self.missed += self.due[self.passed..].iter().filter(|item| !item.withheld).count();
            assert!(self.missed <= self.errors, "{} responses are missing: {self:?}", self.missed);
            return true;
        }
        let rest = &self.due[self.passed..];
        let Some(at) = rest.iter().position(|item| !item.withheld && item.answer == response)
        else {
            assert!(may_be_told(), "got {}, not one of {rest:?}", response.escape_ascii());
            self.errors += 1;
            return false;
        };
        self.missed += rest[..at].iter().filter(|item| !item.withheld).count();
        self.passed += at + 1;
        false
    }

    /// Bytes of its longest response.
    pub(crate) fn len_max(&self) -> usize {
        self.due.iter().map(|item| item.answer.len()).max().unwrap_or(0)
    }

    /// Whether something of it is withheld.
    pub(crate) fn is_quiet(&self) -> bool {
        self.due.iter().any(|item| item.withheld)
    }
}
