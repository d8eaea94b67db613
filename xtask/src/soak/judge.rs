//! What one stream shows: the replies that are the same, the differences that a rule allows, and
//! what nothing explains.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::compare::are_same;
use super::reply::{self, Protocol};
use super::rules::Rules;
use super::stream::{Ask, Judge, Mode, Oracle, Part, Stream, Tail};
use super::talk::{End, Heard};

/// What one stream showed.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Pairs of replies that were compared.
    pub(crate) compared: usize,
    /// The kinds of the differences that were found and are allowed.
    pub(crate) allowed: Vec<String>,
    /// The kinds whose rules ours was held to.
    pub(crate) kinds: Vec<String>,
    /// What is not explained.
    pub(crate) unexplained: Option<Finding>,
}

/// A difference that no rule allows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The request, counted from 0 among those that both serve; `None` for the end of the stream.
    pub(crate) ask: Option<usize>,
    /// What is wrong.
    pub(crate) what: String,
    /// What the original said.
    pub(crate) original: Vec<u8>,
    /// What ours said.
    pub(crate) ours: Vec<u8>,
}

/// The rule for what the original loses when it closes, which is of no request.
pub(crate) const LOST: &str = "lost-at-close";

/// The rule for a client's close that the original does not notice.
pub(crate) const MISSED: &str = "missed-close";

/// The kind of the rule by which ours answers a client that takes its leave.
pub(crate) const GOODBYE: &str = "goodbye";

/// Judges what both said to `stream`.
pub(crate) fn judge(
    protocol: Protocol,
    rules: &Rules,
    stream: &Stream,
    original: &Heard,
    ours: &Heard,
) -> Verdict {
    let mut court = Court {
        rules,
        stream,
        original,
        ours,
        theirs: Replies::of(protocol, original),
        mine: Replies::of(protocol, ours),
        uniques: BTreeMap::new(),
        verdict: Verdict::default(),
    };
    if let Err(finding) = court.hear() {
        court.verdict.unexplained = Some(finding);
    }
    court.verdict
}

/// What a proxy said, taken apart.
struct Replies<'a> {
    whole: Vec<&'a [u8]>,
    rest: &'a [u8],
    output: &'a [u8],
}

impl<'a> Replies<'a> {
    fn of(protocol: Protocol, heard: &'a Heard) -> Self {
        let (whole, rest) = protocol.replies(&heard.output);
        Self { whole, rest, output: &heard.output }
    }

    /// What was said behind the first `count` replies.
    fn behind(&self, count: usize) -> &'a [u8] {
        let front: usize = self.whole.iter().take(count).map(|reply| reply.len()).sum();
        &self.output[front..]
    }
}

struct Court<'a> {
    rules: &'a Rules,
    stream: &'a Stream,
    original: &'a Heard,
    ours: &'a Heard,
    theirs: Replies<'a>,
    mine: Replies<'a>,
    /// The number that `gets` showed last for a key, on either side.
    uniques: BTreeMap<Vec<u8>, (u64, u64)>,
    verdict: Verdict,
}

impl<'a> Court<'a> {
    fn hear(&mut self) -> Result<(), Finding> {
        let stream = self.stream;
        let asks = stream.asks.iter().enumerate();
        let answered: Vec<(usize, &Ask)> = asks.filter(|(_, ask)| ask.is_answered()).collect();
        let mut is_lost = false;
        for (nth, (at, ask)) in answered.iter().enumerate() {
            let Some(mine) = self.mine.whole.get(nth).copied() else {
                return Err(self.end_finding(Some(*at), "ours did not answer"));
            };
            match self.theirs.whole.get(nth).copied() {
                Some(theirs) => {
                    self.verdict.compared += 1;
                    self.compare(&ask.judge, nth, theirs, mine).map_err(|what| Finding {
                        ask: Some(*at),
                        what,
                        original: theirs.to_vec(),
                        ours: mine.to_vec(),
                    })?;
                }
                None if self.may_lose() => {
                    is_lost = true;
                    let is_exact = ask.judge == Judge::Same(Mode::Exact);
                    if nth == self.theirs.whole.len()
                        && is_exact
                        && !mine.starts_with(self.theirs.rest)
                    {
                        let what = "the original's last words are not the beginning of ours";
                        return Err(self.end_finding(Some(*at), what));
                    }
                }
                None => return Err(self.end_finding(Some(*at), "the original did not answer")),
            }
        }
        if is_lost {
            self.verdict.kinds.push(LOST.to_owned());
            self.verdict.allowed.push(LOST.to_owned());
        }
        let is_fine = match self.ours.end {
            End::Closed => true,
            // What the client said to a closed connection, when all had been delivered.
            End::Reset => self.is_cut_short(),
            End::Silent => false,
        };
        if !is_fine {
            return Err(self.end_finding(None, "ours did not close in good order"));
        }
        match &stream.tail {
            None => self.hear_end(answered.len(), is_lost),
            Some(tail) => self.hear_tail(tail, answered.len(), is_lost),
        }
    }

    /// Whether the original may have lost replies: it closed, and not because it was asked to.
    fn may_lose(&self) -> bool {
        let at_once = self.stream.tail.as_ref().is_some_and(|tail| !tail.is_staged);
        let is_reset = self.stream.is_cut_short && self.original.end == End::Reset;
        (at_once && self.original.end != End::Silent) || is_reset
    }

    /// Whether bytes follow the request at which ours closes.
    fn is_cut_short(&self) -> bool {
        let closes = |part: &Part| match part {
            Part::Odd { kind, .. } => self.rules.rule(kind).closes,
            Part::Known(_) => false,
        };
        let parts = self.stream.tail.iter().flat_map(|tail| &tail.parts);
        self.stream.is_cut_short || parts.into_iter().any(closes)
    }

    /// A valid stream ends without another word.
    fn hear_end(&mut self, answered: usize, is_lost: bool) -> Result<(), Finding> {
        let goodbye = self.stream.farewell().unwrap_or_default();
        if self.mine.behind(answered) != goodbye {
            return Err(self.end_finding(None, "ours did not end as it should"));
        }
        if !goodbye.is_empty() {
            self.verdict.kinds.push(GOODBYE.to_owned());
            self.verdict.allowed.push(GOODBYE.to_owned());
        }
        if is_lost {
            return Ok(());
        }
        if !self.theirs.behind(answered).is_empty() {
            return Err(self.end_finding(None, "the original said more than it was asked"));
        }
        match self.original.end {
            End::Closed => Ok(()),
            // Bytes that it never read were on the way.
            End::Reset if self.stream.is_cut_short => Ok(()),
            End::Silent if self.stream.ends_unanswered() => {
                self.verdict.kinds.push(MISSED.to_owned());
                self.verdict.allowed.push(MISSED.to_owned());
                Ok(())
            }
            End::Reset | End::Silent => {
                Err(self.end_finding(None, "the original did not close in good order"))
            }
        }
    }

    /// A tail ends as its rules say.
    fn hear_tail(&mut self, tail: &Tail, answered: usize, is_lost: bool) -> Result<(), Finding> {
        let mut due = Vec::new();
        for part in &tail.parts {
            match part {
                Part::Known(reply) => due.extend_from_slice(reply),
                Part::Odd { kind, fields } => {
                    let rule = self.rules.rule(kind);
                    due.extend_from_slice(&rule.ours(fields));
                    self.verdict.kinds.push((*kind).to_owned());
                    if rule.closes {
                        break;
                    }
                }
            }
        }
        let said = self.mine.behind(answered);
        if said != due {
            let what = format!("ours should have ended with \"{}\"", due.escape_ascii());
            return Err(self.end_finding(None, &what));
        }
        if is_lost {
            return Ok(());
        }
        let Some(Part::Odd { kind, .. }) = tail.parts.first() else {
            unreachable!("a tail begins with what is odd");
        };
        let rule = self.rules.rule(kind);
        let is_allowed = match self.original.end {
            End::Closed | End::Reset => rule.allows_close(),
            End::Silent => rule.allows_silence(),
        };
        let theirs = self.theirs.whole.get(answered..).unwrap_or_default();
        let is_known = |reply: &&[u8]| {
            tail.parts.iter().any(|part| matches!(part, Part::Known(known) if known == reply))
        };
        let is_allowed = is_allowed
            && self.theirs.rest.is_empty()
            && theirs.len() <= tail.parts.len()
            && theirs.iter().all(|reply| rule.allows(reply) || is_known(reply));
        if !is_allowed {
            let what = format!("the rule '{kind}' does not say that the original does so");
            return Err(self.end_finding(None, &what));
        }
        if self.theirs.behind(answered) != said || self.original.end != End::Closed {
            self.verdict.allowed.push((*kind).to_owned());
        }
        Ok(())
    }

    /// Compares one pair of replies.
    fn compare(
        &mut self,
        judge: &Judge,
        nth: usize,
        theirs: &[u8],
        mine: &[u8],
    ) -> Result<(), String> {
        match judge {
            Judge::Silent | Judge::Farewell(_) => unreachable!("nobody answers it"),
            Judge::Same(mode) if !are_same(*mode, theirs, mine) => {
                Err(format!("they are not the same ({mode:?})"))
            }
            Judge::Same(Mode::Values) => self.compare_uniques(theirs, mine),
            Judge::Same(_) => Ok(()),
            Judge::MayDiffer { kind, ours } => self.compare_by_rule(kind, *ours, nth, theirs, mine),
        }
    }

    /// The numbers that `gets` shows are each server's own; whether one has risen since it was
    /// seen last is the same on both sides.
    fn compare_uniques(&mut self, theirs: &[u8], mine: &[u8]) -> Result<(), String> {
        let (Some((theirs, _)), Some((mine, _))) = (reply::values(theirs), reply::values(mine))
        else {
            return Ok(());
        };
        for (theirs, mine) in theirs.iter().zip(&mine) {
            let (Some(one), Some(other)) = (theirs.unique, mine.unique) else { continue };
            let before = self.uniques.insert(theirs.key.to_vec(), (one, other));
            let moved = |(before_one, before_other): (u64, u64)| {
                let moves = [one.cmp(&before_one), other.cmp(&before_other)];
                (moves[0] != moves[1] || moves[0] == Ordering::Less).then_some(())
            };
            if before.and_then(moved).is_some() {
                let key = theirs.key.escape_ascii();
                return Err(format!("the number of '{key}' has changed on one side alone"));
            }
        }
        Ok(())
    }

    fn compare_by_rule(
        &mut self,
        kind: &str,
        ours: Oracle,
        nth: usize,
        theirs: &[u8],
        mine: &[u8],
    ) -> Result<(), String> {
        let rule = self.rules.rule(kind);
        let before = |count: usize| self.mine.whole.get(nth.wrapping_sub(count)..nth);
        let fields = match ours {
            Oracle::Rule if theirs == mine => return Ok(()),
            Oracle::Rule => Vec::new(),
            Oracle::Last => vec![("expected", before(1).unwrap_or_default().concat())],
            Oracle::SumOfLast(count) => {
                let parts = before(count).unwrap_or_default();
                let sum: i64 = parts.iter().filter_map(|part| reply::integer(part)).sum();
                vec![("expected", format!(":{sum}\r\n").into_bytes())]
            }
        };
        self.verdict.kinds.push(kind.to_owned());
        let due = rule.ours(&fields);
        if mine != due {
            return Err(format!("ours should be \"{}\"", due.escape_ascii()));
        }
        if theirs == mine {
            return Ok(());
        }
        if !rule.allows(theirs) {
            return Err(format!("the rule '{kind}' does not say that the original answers so"));
        }
        self.verdict.allowed.push(kind.to_owned());
        Ok(())
    }

    fn end_finding(&self, ask: Option<usize>, what: &str) -> Finding {
        let told = |heard: &Heard| {
            let mut bytes = heard.output.clone();
            bytes.extend_from_slice(format!("<{:?}>", heard.end).as_bytes());
            bytes
        };
        let what = what.to_owned();
        Finding { ask, what, original: told(self.original), ours: told(self.ours) }
    }
}

#[cfg(test)]
mod tests;
