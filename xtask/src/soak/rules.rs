//! The allow-list: where the two may differ, how exactly, and why. It is data, in
//! `xtask/data/soak/differences.json`; a difference that no rule fits is unexplained.
//!
//! A rule is for one kind of request, which the generators name. It says all that the original may
//! do and the one thing that ours must, filled in with what the request says, so that no other
//! difference hides behind it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::reply::Protocol;
use crate::failure::{Failure, Result};
use crate::pattern::fits;

const RULES: &str = include_str!("../../data/soak/differences.json");
const REASONS: &str = include_str!("../../data/soak/reasons.json");
/// The reasons of the recorded dialogues' differences, which serve here as well.
const SHARED_REASONS: &str =
    include_str!("../../../crates/proxy/tests/data/transcripts/reasons.json");

/// One rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// Which protocol's.
    protocol: String,
    /// The kind of request it is for.
    pub(crate) kind: String,
    /// Why: a key of the reasons.
    pub(crate) reason: String,
    /// The row of docs/compatibility.md: the text of its first cell, or how it begins.
    pub(crate) docs: String,
    /// What the original may do: `closes`, `hangs`, or an answer, in which `%` stands for anything
    /// but a line end. Answers are told from the two words by their line end.
    original: Vec<String>,
    /// What ours answers. `{NAME}` is filled in.
    ours: String,
    /// Whether ours closes the connection then.
    #[serde(default)]
    pub(crate) closes: bool,
}

impl Rule {
    /// What ours must answer.
    pub(crate) fn ours(&self, fields: &[(&'static str, Vec<u8>)]) -> Vec<u8> {
        let mut answer = Vec::new();
        let mut rest = self.ours.as_str();
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, behind) = behind.split_once('}').expect("a brace is closed");
            answer.extend_from_slice(before.as_bytes());
            let field = fields.iter().find(|(field, _)| *field == name);
            let (_, value) = field.unwrap_or_else(|| panic!("{}: no {{{name}}}", self.kind));
            answer.extend_from_slice(value);
            rest = behind;
        }
        answer.extend_from_slice(rest.as_bytes());
        answer
    }

    /// Whether the original may answer this.
    pub(crate) fn allows(&self, answer: &[u8]) -> bool {
        self.original.iter().any(|pattern| fits(pattern.as_bytes(), answer))
    }

    /// Whether the original may close.
    pub(crate) fn allows_close(&self) -> bool {
        self.original.iter().any(|pattern| pattern == "closes")
    }

    /// Whether the original may say nothing more, and not close.
    pub(crate) fn allows_silence(&self) -> bool {
        self.original.iter().any(|pattern| pattern == "hangs")
    }
}

/// All rules of one protocol.
#[derive(Debug)]
pub(crate) struct Rules {
    rules: BTreeMap<String, Rule>,
}

impl Rules {
    /// Reads the allow-list.
    ///
    /// # Errors
    /// [`Failure::Wrong`], naming the place in the file.
    pub(crate) fn of(protocol: Protocol) -> Result<Self> {
        let rules: Vec<Rule> = serde_json::from_str(RULES).map_err(|error| {
            Failure::Wrong(format!("xtask/data/soak/differences.json: {error}"))
        })?;
        let of_protocol = rules.into_iter().filter(|rule| rule.protocol == protocol.name());
        let rules = of_protocol.map(|rule| (rule.kind.clone(), rule)).collect();
        Ok(Self { rules })
    }

    /// The rule for a kind of request.
    ///
    /// # Panics
    /// When there is none: the generators name only kinds that have one.
    pub(crate) fn rule(&self, kind: &str) -> &Rule {
        self.rules.get(kind).unwrap_or_else(|| panic!("no rule for the kind '{kind}'"))
    }

    /// The kinds there are rules for.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &str> {
        self.rules.keys().map(String::as_str)
    }
}

/// Each reason in full.
///
/// # Errors
/// [`Failure::Wrong`], naming the place in the file.
pub(crate) fn reasons() -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for (file, text) in [("xtask/data/soak", REASONS), ("transcripts", SHARED_REASONS)] {
        let read: BTreeMap<String, String> = serde_json::from_str(text)
            .map_err(|error| Failure::Wrong(format!("{file}/reasons.json: {error}")))?;
        all.extend(read);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Vec<Rule> {
        serde_json::from_str(RULES).expect("JSON")
    }

    #[test]
    fn every_rule_has_a_reason_and_a_row_of_the_docs() {
        let docs = include_str!("../../../docs/compatibility.md");
        let reasons = reasons().expect("JSON");
        for rule in rules() {
            let Rule { kind, reason, docs: row, .. } = &rule;
            assert!(reasons.contains_key(reason), "{kind}: no reason is called '{reason}'");
            let row = format!("| {row}");
            let there = docs.lines().any(|line| line.starts_with(&row));
            assert!(there, "{kind}: docs/compatibility.md has no row that begins '{row}'");
        }
    }

    #[test]
    fn every_reason_of_this_list_alone_is_given_by_a_rule() {
        let own: BTreeMap<String, String> = serde_json::from_str(REASONS).expect("JSON");
        for reason in own.keys() {
            assert!(rules().iter().any(|rule| rule.reason == *reason), "{reason} is not used");
        }
    }

    #[test]
    fn a_kind_has_one_rule() {
        for protocol in Protocol::ALL {
            let all = rules().into_iter().filter(|rule| rule.protocol == protocol.name()).count();
            assert_eq!(Rules::of(protocol).expect("JSON").kinds().count(), all);
        }
    }

    #[test]
    fn a_rule_is_filled_in() {
        let text = r#"{"protocol": "redis", "kind": "k", "reason": "r", "docs": "d",
            "original": ["closes"], "ours": "-ERR '{name}' with {arguments}.\r\n"}"#;
        let rule: Rule = serde_json::from_str(text).expect("JSON");
        let fields = [("arguments", b"\xff".to_vec()), ("name", b"N".to_vec())];
        assert_eq!(rule.ours(&fields), b"-ERR 'N' with \xff.\r\n");
        assert!(rule.allows_close() && !rule.allows_silence() && !rule.closes);
        assert!(!rule.allows(b"+OK\r\n"));
    }
}
