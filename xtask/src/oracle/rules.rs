//! The allow-list: where the proxy may answer otherwise than the server, how exactly, and why. It
//! is data, in `xtask/data/oracle/differences.json`.
//!
//! A rule fits a request, the server's answer and ours, each by a pattern in which `%` stands for
//! anything but a line end, and `%%` for anything. The first that fits explains a difference. What a
//! server must not be asked is in the list as well: there the server's answer is `not asked`.

use serde::Deserialize;

use super::judge::Arrangement;
use crate::failure::{Failure, Result};
use crate::pattern::fits;

const RULES: &str = include_str!("../../data/oracle/differences.json");

/// One rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// The requests it is for: their words with a space between, the name in lower case.
    requests: Vec<String>,
    /// Where it holds: `one`, `four`, `apart`; everywhere if none is given.
    #[serde(default)]
    only: Vec<String>,
    /// What the server answers.
    server: Vec<String>,
    /// What ours answers.
    ours: Vec<String>,
    /// Both have different data then, so the rest of the case is not compared.
    #[serde(default)]
    pub(crate) diverges: bool,
    /// Why.
    pub(crate) reason: String,
    /// The row of docs/compatibility.md: the text of its first cell, or how it begins.
    pub(crate) docs: String,
}

impl Rule {
    fn fits(&self, place: Arrangement, request: &[u8], server: &[u8], ours: &[u8]) -> bool {
        let any = |patterns: &[String], text: &[u8]| {
            patterns.iter().any(|pattern| fits(pattern.as_bytes(), text))
        };
        (self.only.is_empty() || self.only.iter().any(|only| only == place.name()))
            && any(&self.requests, request)
            && any(&self.server, server)
            && any(&self.ours, ours)
    }
}

/// The list.
#[derive(Debug)]
pub(crate) struct Rules {
    /// In order.
    pub(crate) rules: Vec<Rule>,
}

impl Rules {
    /// Reads it.
    ///
    /// # Errors
    /// [`Failure::Wrong`], naming the place in the file.
    pub(crate) fn read() -> Result<Self> {
        let rules = serde_json::from_str(RULES).map_err(|error| {
            Failure::Wrong(format!("xtask/data/oracle/differences.json: {error}"))
        })?;
        Ok(Self { rules })
    }

    /// The rule that explains a difference.
    pub(crate) fn find(
        &self,
        place: Arrangement,
        request: &[u8],
        server: &[u8],
        ours: &[u8],
    ) -> Option<usize> {
        self.rules.iter().position(|rule| rule.fits(place, request, server, ours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_names_a_row_of_the_docs() {
        let docs = include_str!("../../../docs/compatibility.md");
        for rule in Rules::read().expect("JSON").rules {
            let row = format!("| {}", rule.docs);
            let there = docs.lines().any(|line| line.starts_with(&row));
            assert!(
                there,
                "{:?}: docs/compatibility.md has no row that begins '{row}'",
                rule.requests
            );
        }
    }

    #[test]
    fn a_rule_fits_where_it_says_and_what_it_says() {
        let text = r#"{"requests": ["move %%"], "only": ["four"], "server": [":1\r\n"],
            "ours": ["-ERR %\r\n"], "reason": "r", "docs": "d"}"#;
        let rule: Rule = serde_json::from_str(text).expect("JSON");
        let fits = |place, request: &[u8], server: &[u8], ours: &[u8]| {
            rule.fits(place, request, server, ours)
        };
        assert!(fits(Arrangement::Four, b"move a 3", b":1\r\n", b"-ERR no\r\n"));
        assert!(!fits(Arrangement::One, b"move a 3", b":1\r\n", b"-ERR no\r\n"));
        assert!(!fits(Arrangement::Four, b"get a", b":1\r\n", b"-ERR no\r\n"));
        assert!(!fits(Arrangement::Four, b"move a 3", b":0\r\n", b"-ERR no\r\n"));
        assert!(!fits(Arrangement::Four, b"move a 3", b":1\r\n", b"+OK\r\n"));
    }
}
