//! Walks through the keys of all servers, one `SCAN` after the other.

use std::collections::BTreeSet;

use super::asks::Asker;
use super::broadcasts::list;
use super::expected::{Answers, Ask, Expected};
use super::key::Kind;
use super::wire::{array, push_bulk, strings};

/// A server's own cursors, each the answer to the one before it; the first is the last one's.
const CURSORS: [&str; 4] = ["0", "7", "1234567", "0"];

/// How far a client has come.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// A request is outstanding.
    asked: bool,
    /// Where it goes on; `None` at the beginning.
    cursor: Option<String>,
    /// Servers' pages it has seen: `server.page`.
    seen: BTreeSet<String>,
}

/// What the server of that number answers.
pub(crate) fn answer_at(index: usize, words: &[Vec<u8>]) -> Vec<u8> {
    let page = CURSORS[..3].iter().position(|cursor| cursor.as_bytes() == words[1]);
    let page = page.unwrap_or_else(|| panic!("cursor {} of nobody", words[1].escape_ascii()));
    let mut out = b"*2\r\n".to_vec();
    push_bulk(CURSORS[page + 1].as_bytes(), &mut out);
    out.extend(list(&[[&words[3], format!("@{index}.{page}").as_bytes()].concat()]));
    out
}

impl Asker<'_> {
    /// The next step of the client's walk, unless one is outstanding.
    pub(crate) fn step(&mut self) -> Option<Ask> {
        if self.scan.asked {
            return None;
        }
        self.scan.asked = true;
        let pattern = self.key(0, Kind::Value(0));
        let cursor = self.scan.cursor.clone().unwrap_or("0".into()).into_bytes();
        let wire = array(&[b"SCAN".to_vec(), cursor, b"MATCH".to_vec(), pattern.clone()]);
        Some(Ask { wire, expected: Some(Expected::served(Answers::Page(pattern))) })
    }
}

impl Scan {
    /// Takes the answer to a step. Says whether the walk is over, and it has seen every page of every
    /// server once.
    pub(crate) fn hear(&mut self, pattern: &[u8], response: &[u8], servers: usize) -> bool {
        self.asked = false;
        let words = strings(response);
        let [cursor, element] = words.as_slice() else {
            // An error, which is looked at elsewhere: it begins anew.
            *self = Self::default();
            return false;
        };
        let page = element.strip_prefix(pattern).and_then(|rest| rest.strip_prefix(b"@"));
        let page = page.map(|page| String::from_utf8_lossy(page).into_owned());
        let page = page.unwrap_or_else(|| panic!("{} of another's", element.escape_ascii()));
        assert!(self.seen.insert(page.clone()), "page {page} once more");
        if cursor.as_slice() != b"0" {
            self.cursor = Some(String::from_utf8_lossy(cursor).into_owned());
            return false;
        }
        let expected: BTreeSet<String> =
            (0..servers).flat_map(|at| (0..3).map(move |page| format!("{at}.{page}"))).collect();
        assert_eq!(self.seen, expected, "a walk sees every page of every server");
        *self = Self::default();
        true
    }
}
