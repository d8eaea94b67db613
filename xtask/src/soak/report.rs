//! What a run has shown: counts, and each finding with all that it takes to see it again.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::{Finding, Verdict};
use super::reply::Protocol;
use super::rules::{self, Rules};
use super::stream::Stream;
use crate::failure::Result;

/// The counts of a run with one protocol.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// Streams played.
    pub(crate) streams: u64,
    /// Requests sent to each side, those behind an odd one included.
    pub(crate) requests: u64,
    /// Pairs of replies compared.
    pub(crate) compared: u64,
    /// Keys whose values were compared in the servers.
    pub(crate) keys: u64,
    /// Figures of the statistics compared.
    pub(crate) figures: u64,
    /// Differences that are allowed, by kind.
    allowed: BTreeMap<String, u64>,
    /// The kinds whose rules ours was held to.
    kinds: BTreeSet<String>,
    /// What nothing explains.
    pub(crate) unexplained: u64,
}

impl Summary {
    /// Takes in what one stream showed.
    pub(crate) fn add(&mut self, stream: &Stream, verdict: &Verdict) {
        self.streams += 1;
        let tail = stream.tail.as_ref().map_or(0, |tail| tail.parts.len());
        self.requests += (stream.asks.len() + tail) as u64;
        self.compared += verdict.compared as u64;
        for kind in &verdict.allowed {
            *self.allowed.entry(kind.clone()).or_default() += 1;
        }
        self.kinds.extend(verdict.kinds.iter().cloned());
        self.unexplained += u64::from(verdict.unexplained.is_some());
    }

    /// Differences that are allowed, by reason, with the rows of docs/compatibility.md.
    fn by_reason<'a>(&self, rules: &'a Rules) -> BTreeMap<&'a str, (u64, BTreeSet<&'a str>)> {
        let mut reasons: BTreeMap<&str, (u64, BTreeSet<&str>)> = BTreeMap::new();
        for (kind, count) in &self.allowed {
            let rule = rules.rule(kind);
            let (all, rows) = reasons.entry(&rule.reason).or_default();
            *all += count;
            rows.insert(&rule.docs);
        }
        reasons
    }

    /// The rules that were not needed.
    pub(crate) fn unused<'a>(&self, rules: &'a Rules) -> Vec<&'a str> {
        rules.kinds().filter(|kind| !self.kinds.contains(*kind)).collect()
    }

    /// The report's lines.
    ///
    /// # Errors
    /// When the reasons cannot be read.
    pub(crate) fn lines(
        &self,
        protocol: Protocol,
        rules: &Rules,
        is_long: bool,
    ) -> Result<Vec<String>> {
        let reasons = rules::reasons()?;
        let mut lines = vec![
            format!("{protocol}: streams tried: {}", self.streams),
            format!("{protocol}: requests sent to each: {}", self.requests),
            format!("{protocol}: replies compared: {}", self.compared),
            format!("{protocol}: keys compared in the servers: {}", self.keys),
            format!("{protocol}: figures compared: {}", self.figures),
        ];
        let by_reason = self.by_reason(rules);
        let all: u64 = by_reason.values().map(|(count, _)| count).sum();
        lines.push(format!(
            "{protocol}: differences allowed: {all}, by reason [rows of docs/compatibility.md]"
        ));
        for (reason, (count, rows)) in by_reason {
            let why = reasons.get(reason).map_or("", String::as_str);
            let rows = rows.into_iter().collect::<Vec<_>>().join("; ");
            lines.push(format!("  {count:>8}  {reason}: {why} [{rows}]"));
        }
        let unused = self.unused(rules);
        if is_long && !unused.is_empty() {
            let unused = unused.join(", ");
            lines.push(format!("{protocol}: rules that were never needed: {unused}"));
        }
        lines.push(format!("{protocol}: differences unexplained: {}", self.unexplained));
        Ok(lines)
    }
}

/// Where a finding was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The protocol.
    pub(crate) protocol: Protocol,
    /// The seed of the run.
    pub(crate) seed: u64,
    /// How many threads ours had.
    pub(crate) workers: usize,
    /// Only this stream is played: it is told of in full.
    pub(crate) is_alone: bool,
}

/// Tells of a finding: the request, both answers, the stream with a bar at each cut, and the command
/// that plays it again.
pub(crate) fn finding_lines(place: Place, stream: &Stream, finding: &Finding) -> Vec<String> {
    let Place { protocol, seed, workers, is_alone } = place;
    let Finding { ask, what, original, ours } = finding;
    let most = if is_alone { usize::MAX } else { 1500 };
    let same = original.iter().zip(ours).take_while(|(one, other)| one == other).count();
    let shown = |bytes: &[u8]| excerpt(bytes, if is_alone { 0 } else { same }, most);
    let place = match ask {
        Some(ask) => format!("request {ask} of {}", stream.asks.len()),
        None => "the end".to_owned(),
    };
    let mut lines =
        vec![format!("UNEXPLAINED: {protocol} stream {}, {place}: {what}", stream.number)];
    if let Some(ask) = ask {
        lines.push(format!(
            "  request:  {}",
            excerpt(&stream.wire[stream.asks[*ask].at.clone()], 0, most)
        ));
    }
    lines.push(format!("  original: {}", shown(original)));
    lines.push(format!("  ours:     {}", shown(ours)));
    let silent = stream.asks.iter().filter(|ask| !ask.is_answered()).count();
    lines.push(format!(
        "  stream:   {} bytes, {} writes, {} requests ({silent} without a reply), {}",
        stream.wire.len(),
        stream.cuts.len() + stream.stages.len() + 1,
        stream.asks.len(),
        if stream.tail.is_some() { "and what the original does not serve" } else { "all valid" },
    ));
    lines.push(format!("  sent:     {}", cut_up(stream, most)));
    lines.push(format!(
        "  again:    cargo xtask soak --protocol {protocol} --workers {workers} --seed {seed} \
         --stream {}",
        stream.number
    ));
    lines
}

/// The bytes around `at`, escaped.
fn excerpt(bytes: &[u8], at: usize, most: usize) -> String {
    const BEFORE: usize = 200;
    let begin = at.saturating_sub(BEFORE).min(bytes.len());
    let end = begin.saturating_add(most).min(bytes.len());
    let (before, after) =
        (if begin > 0 { "..." } else { "" }, if end < bytes.len() { "..." } else { "" });
    format!("{before}\"{}\"{after} ({} bytes)", bytes[begin..end].escape_ascii(), bytes.len())
}

/// The stream as it is sent: `|` where it is cut, `||` where replies are waited for.
fn cut_up(stream: &Stream, most: usize) -> String {
    let mut text = String::new();
    let mut ends: Vec<(usize, &str)> = stream.cuts.iter().map(|cut| (*cut, " | ")).collect();
    ends.extend(stream.stages.iter().map(|end| (*end, " || ")));
    ends.push((stream.wire.len(), ""));
    ends.sort_unstable();
    let mut at = 0;
    for (end, bar) in ends {
        text += &format!("\"{}\"{bar}", stream.wire[at..end].escape_ascii());
        at = end;
        if text.len() > most {
            text.truncate(most);
            text += "...";
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::soak::stream::{Draft, Mode};

    const PLACE: Place = Place { protocol: Protocol::Redis, seed: 7, workers: 2, is_alone: false };

    fn stream() -> Stream {
        let mut draft = Draft::new(12, 0);
        draft.ask(b"*1\r\n$4\r\nPING\r\n", crate::soak::stream::Judge::Same(Mode::Exact));
        draft.finish(&mut Random::of_stream(1, 1))
    }

    #[test]
    fn a_finding_is_told_with_its_bytes_both_answers_and_the_command_that_repeats_it() {
        let what = "they are not the same".to_owned();
        let finding =
            Finding { ask: Some(0), what, original: b"+PONG\r\n".to_vec(), ours: b"x\0".to_vec() };
        let text = finding_lines(PLACE, &stream(), &finding).join("\n");
        for part in [
            "stream 12, request 0 of 1: they are not the same",
            r#"request:  "*1\r\n$4\r\nPING\r\n""#,
            r#"original: "+PONG\r\n""#,
            r#"ours:     "x\x00""#,
            "cargo xtask soak --protocol redis --workers 2 --seed 7 --stream 12",
        ] {
            assert!(text.contains(part), "no {part} in\n{text}");
        }
    }

    #[test]
    fn a_long_answer_is_shown_where_it_differs_and_in_full_when_it_is_alone() {
        let original = vec![b'a'; 100_000];
        let mut ours = original.clone();
        ours[90_000] = b'b';
        let finding = Finding { ask: None, what: String::new(), original, ours };
        let lengths = |place| {
            let lines = finding_lines(place, &stream(), &finding);
            lines.iter().map(String::len).max().unwrap()
        };
        assert!(lengths(PLACE) < 3000);
        assert!(finding_lines(PLACE, &stream(), &finding).join("").contains("aab"));
        assert!(lengths(Place { is_alone: true, ..PLACE }) > 100_000);
    }

    #[test]
    fn differences_are_counted_by_reason_and_rules_that_nobody_needed_are_told() {
        let rules = Rules::of(Protocol::Redis).expect("the allow-list is JSON");
        let mut summary = Summary::default();
        let allowed = |kind: &str| Verdict {
            compared: 3,
            allowed: vec![kind.to_owned()],
            kinds: vec![kind.to_owned()],
            unexplained: None,
        };
        // Two kinds of one reason.
        for kind in ["split-refused", "unwell", "unwell", "arity"] {
            summary.add(&stream(), &allowed(kind));
        }
        let short = summary.lines(Protocol::Redis, &rules, false).expect("reasons").join("\n");
        for part in ["replies compared: 12", "3  servers-words: ", "1  arity: ", "unexplained: 0"] {
            assert!(short.contains(part), "no {part} in\n{short}");
        }
        assert!(!short.contains("never needed"));
        let long = summary.lines(Protocol::Redis, &rules, true).expect("reasons").join("\n");
        let line = long.lines().find(|line| line.contains("never needed")).expect("a line");
        assert!(line.contains("key-length") && !line.contains("unwell"), "{line}");
    }
}
