//! Whether what came through the proxy is what the server itself said, step by step.

use super::case::{Case, Step};
use super::client::Outcome;
use super::compare::are_same;
use super::rules::Rules;

/// Through what a case is played, beside the oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrangement {
    /// The pool with one server.
    One,
    /// The pool with four servers, on one of which all keys of the case live.
    Four,
    /// The same, with keys that live apart.
    Apart,
}

impl Arrangement {
    /// What rules and reports call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Four => "four",
            Self::Apart => "apart",
        }
    }
}

/// What one step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The same, in the sense of the step.
    Same,
    /// Different, and this rule explains it.
    Allowed(usize),
    /// The proxy does not know the command, and the server does.
    Unserved,
    /// Different.
    Different,
}

/// A step that was judged.
#[derive(Debug)]
pub(crate) struct Judged {
    /// Which step.
    pub(crate) step: usize,
    /// What it came to.
    pub(crate) verdict: Verdict,
    /// All that the server said.
    pub(crate) server: Vec<u8>,
    /// All that came through the proxy.
    pub(crate) ours: Vec<u8>,
}

/// Judges a case up to the first step that differs without a rule, or after which both have
/// different data. Where the server must not be asked, `server` is empty.
pub(crate) fn judge(
    case: &Case,
    place: Arrangement,
    rules: &Rules,
    server: &[Vec<Outcome>],
    ours: &[Vec<Outcome>],
) -> Vec<Judged> {
    let mut judged = Vec::new();
    for (at, step) in case.steps.iter().enumerate() {
        let is_own = step.name() == case.name;
        if case.is_for_proxy_alone && !is_own {
            continue;
        }
        let one = if case.is_for_proxy_alone { None } else { Some(server[at].as_slice()) };
        let one_bytes = one.map_or_else(|| b"not asked".to_vec(), bytes);
        let ours_bytes = bytes(&ours[at]);
        let is_same = one.is_some_and(|one| are_all_same(step, one, &ours[at]));
        let verdict = if is_same {
            Verdict::Same
        } else if let Some(rule) = rules.find(place, &request(step), &one_bytes, &ours_bytes) {
            Verdict::Allowed(rule)
        } else if is_unserved(&ours_bytes) {
            Verdict::Unserved
        } else {
            Verdict::Different
        };
        let is_last = match verdict {
            Verdict::Same => false,
            Verdict::Allowed(rule) => rules.rules[rule].diverges,
            Verdict::Unserved | Verdict::Different => true,
        };
        judged.push(Judged { step: at, verdict, server: one_bytes, ours: ours_bytes });
        if is_last {
            break;
        }
    }
    judged
}

fn are_all_same(step: &Step, server: &[Outcome], ours: &[Outcome]) -> bool {
    server.len() == ours.len()
        && server.iter().zip(ours).all(|pair| match pair {
            (Outcome::Reply(one, _), Outcome::Reply(other, _)) => are_same(step.mode, one, other),
            (one, other) => one == other,
        })
}

/// A request as rules have it: its words with a space between, the name in lower case.
pub(crate) fn request(step: &Step) -> Vec<u8> {
    let mut words = step.words.clone();
    if let Some(name) = words.first_mut() {
        name.make_ascii_lowercase();
    }
    words.join(&b' ')
}

/// What came, as rules and reports have it.
fn bytes(outcomes: &[Outcome]) -> Vec<u8> {
    let parts = outcomes.iter().map(|outcome| match outcome {
        Outcome::Reply(_, bytes) => bytes.clone(),
        Outcome::Closed => b"closes".to_vec(),
        Outcome::Silence => b"silence".to_vec(),
        Outcome::Garbage(bytes) => [b"garbage: ", bytes.as_slice()].concat(),
    });
    parts.collect::<Vec<_>>().concat()
}

fn is_unserved(ours: &[u8]) -> bool {
    ours.starts_with(b"-ERR unknown command") || ours.starts_with(b"-ERR not served")
}

#[cfg(test)]
mod tests {
    use super::super::case;
    use super::super::reply::Reply;
    use super::*;

    fn reply(bytes: &[u8]) -> Vec<Outcome> {
        let reply = Reply::read(bytes).expect("a reply").expect("a whole one").0;
        vec![Outcome::Reply(reply, bytes.to_vec())]
    }

    fn verdicts(server: &[u8], ours: &[u8]) -> Vec<Verdict> {
        // A command that no server knows and no form describes: nothing but requests and a PING.
        let case = case::make("never", None, 1, 0);
        let heard = |first: &[u8]| {
            let mut heard: Vec<_> = case.steps.iter().map(|_| reply(b"+OK\r\n")).collect();
            heard[0] = reply(first);
            heard
        };
        let rules = Rules { rules: Vec::new() };
        let judged = judge(&case, Arrangement::One, &rules, &heard(server), &heard(ours));
        judged.into_iter().map(|judged| judged.verdict).collect()
    }

    #[test]
    fn the_first_difference_ends_a_case() {
        assert!(verdicts(b"+OK\r\n", b"+OK\r\n").iter().all(|one| *one == Verdict::Same));
        assert_eq!(verdicts(b":1\r\n", b":2\r\n"), [Verdict::Different]);
        assert_eq!(verdicts(b"$1\r\na\r\n", b"$1\r\nb\r\n"), [Verdict::Different]);
    }

    #[test]
    fn what_is_not_served_is_told_from_what_is_wrong() {
        let unknown = b"-ERR unknown command 'x', with args beginning with: \r\n";
        assert_eq!(verdicts(b":1\r\n", unknown), [Verdict::Unserved]);
        assert_eq!(verdicts(b":1\r\n", b"-ERR not served\r\n"), [Verdict::Unserved]);
        assert!(verdicts(unknown, unknown).iter().all(|one| *one == Verdict::Same));
    }
}
