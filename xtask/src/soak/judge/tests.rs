//! What is found, and what is allowed: by streams of which both answers are made up.

use super::*;
use crate::random::Random;
use crate::soak::stream::{Company, Draft};

const EXACT: Judge = Judge::Same(Mode::Exact);

fn finish(draft: Draft) -> Stream {
    draft.finish(&mut Random::of_stream(1, 1))
}

fn closed(output: &[u8]) -> Heard {
    Heard { output: output.to_vec(), end: End::Closed }
}

fn ended(output: &[u8], end: End) -> Heard {
    Heard { output: output.to_vec(), end }
}

fn judged(stream: &Stream, original: &Heard, ours: &Heard) -> Verdict {
    let rules = Rules::of(Protocol::Redis).expect("the allow-list is JSON");
    judge(Protocol::Redis, &rules, stream, original, ours)
}

#[track_caller]
fn assert_same(stream: &Stream, original: &Heard, ours: &Heard) {
    let verdict = judged(stream, original, ours);
    assert_eq!(verdict.unexplained, None);
    assert_eq!(verdict.allowed, Vec::<String>::new());
}

#[track_caller]
fn assert_allowed(stream: &Stream, original: &Heard, ours: &Heard, kind: &str) {
    let verdict = judged(stream, original, ours);
    assert_eq!(verdict.unexplained, None);
    assert_eq!(verdict.allowed, [kind]);
}

#[track_caller]
fn assert_unexplained(stream: &Stream, original: &Heard, ours: &Heard) {
    let verdict = judged(stream, original, ours);
    assert!(verdict.unexplained.is_some(), "{original:?} and {ours:?} were taken for the same");
}

/// Three requests that are answered, one that is not.
fn valid() -> Stream {
    let mut draft = Draft::new(0, 0);
    draft.ask(b"get", EXACT);
    draft.ask(b"quiet", Judge::Silent);
    draft.ask(b"mget", EXACT);
    draft.ask(b"exists", EXACT);
    finish(draft)
}

const ANSWER: &[u8] = b"$1\r\nv\r\n*2\r\n$-1\r\n:7\r\n:0\r\n";

#[test]
fn what_is_the_same_is_counted() {
    let verdict = judged(&valid(), &closed(ANSWER), &closed(ANSWER));
    assert_eq!((verdict.compared, verdict.unexplained), (3, None));
}

#[test]
fn any_byte_that_is_not_the_same_is_reported_with_its_request() {
    for at in 0..ANSWER.len() {
        let mut changed = ANSWER.to_vec();
        changed[at] ^= 1;
        assert_unexplained(&valid(), &closed(ANSWER), &closed(&changed));
        assert_unexplained(&valid(), &closed(&changed), &closed(ANSWER));
    }
    let changed = b"$1\r\nv\r\n*2\r\n$-1\r\n:8\r\n:0\r\n";
    let finding = judged(&valid(), &closed(ANSWER), &closed(changed)).unexplained.unwrap();
    assert_eq!(finding.ask, Some(2), "the second that is answered");
    assert_eq!(finding.original, b"*2\r\n$-1\r\n:7\r\n");
    assert_eq!(finding.ours, b"*2\r\n$-1\r\n:8\r\n");
}

#[test]
fn what_is_cut_short_or_goes_on_is_reported() {
    for end in 0..ANSWER.len() {
        assert_unexplained(&valid(), &closed(ANSWER), &closed(&ANSWER[..end]));
        assert_unexplained(&valid(), &closed(&ANSWER[..end]), &closed(ANSWER));
    }
    let more = [ANSWER, b":1\r\n"].concat();
    assert_unexplained(&valid(), &closed(ANSWER), &closed(&more));
    assert_unexplained(&valid(), &closed(&more), &closed(ANSWER));
}

#[test]
fn a_connection_that_does_not_close_or_is_reset_is_reported() {
    for end in [End::Reset, End::Silent] {
        assert_unexplained(&valid(), &closed(ANSWER), &ended(ANSWER, end));
        assert_unexplained(&valid(), &ended(ANSWER, end), &closed(ANSWER));
    }
}

#[test]
fn the_original_may_miss_a_close_that_no_reply_follows_and_ours_may_not() {
    let mut draft = Draft::new(0, 0);
    draft.ask(b"get", EXACT);
    draft.behind(b"half a requ", false);
    let stream = finish(draft);
    assert_same(&stream, &closed(b":1\r\n"), &closed(b":1\r\n"));
    let hangs = ended(b":1\r\n", End::Silent);
    assert_allowed(&stream, &hangs, &closed(b":1\r\n"), MISSED);
    assert_unexplained(&stream, &closed(b":1\r\n"), &hangs);
}

/// A good request, then an unknown command, then one whose reply is known.
fn odd(is_staged: bool) -> Stream {
    let mut draft = Draft::new(0, 0);
    draft.ask(b"get", EXACT);
    draft.ask(b"get", EXACT);
    draft.begin_tail(is_staged);
    let fields = vec![("name", b"N".to_vec()), ("arguments", b"'a' ".to_vec())];
    draft.odd("unknown-command", fields, b"N a");
    draft.known(b"ping", b"+PONG\r\n");
    finish(draft)
}

const GOOD: &[u8] = b":1\r\n:2\r\n";

fn answered_oddly() -> Heard {
    let error = b"-ERR unknown command 'N', with args beginning with: 'a' \r\n+PONG\r\n";
    closed(&[GOOD, error].concat())
}

#[test]
fn a_rule_allows_what_the_original_does_and_holds_ours_to_its_text() {
    for is_staged in [true, false] {
        let stream = odd(is_staged);
        assert_allowed(&stream, &closed(GOOD), &answered_oddly(), "unknown-command");
        assert_allowed(&stream, &ended(GOOD, End::Reset), &answered_oddly(), "unknown-command");
        // The original answers what the rule does not know of, or does not close.
        let other = closed(&[GOOD, b"-ERR no\r\n"].concat());
        assert_unexplained(&stream, &other, &answered_oddly());
        assert_unexplained(&stream, &ended(GOOD, End::Silent), &answered_oddly());
        // Any other byte of ours.
        let Heard { output, .. } = answered_oddly();
        for at in 0..output.len() {
            let mut changed = output.clone();
            changed[at] ^= 1;
            assert_unexplained(&stream, &closed(GOOD), &closed(&changed));
            assert_unexplained(&stream, &closed(GOOD), &closed(&output[..at]));
        }
        assert_unexplained(&stream, &closed(GOOD), &ended(&output, End::Silent));
        assert_unexplained(&stream, &closed(GOOD), &ended(&output, End::Reset));
    }
}

#[test]
fn the_original_may_lose_replies_when_all_was_sent_at_once_and_not_otherwise() {
    for end in 0..GOOD.len() {
        let lost = closed(&GOOD[..end]);
        assert_allowed(&odd(false), &lost, &answered_oddly(), LOST);
        assert_unexplained(&odd(true), &lost, &answered_oddly());
    }
    // What arrived is no beginning of ours.
    assert_unexplained(&odd(false), &closed(b":1\r\n:3"), &answered_oddly());
    assert_unexplained(&odd(false), &closed(b":3"), &answered_oddly());
}

#[test]
fn behind_a_rule_that_closes_nothing_is_answered() {
    let mut draft = Draft::new(0, 0);
    draft.begin_tail(true);
    draft.odd("protocol-error", vec![("rule", b"R".to_vec())], b"*x");
    draft.known(b"ping", b"+PONG\r\n");
    let stream = finish(draft);
    let error = b"-ERR Protocol error: R\r\n";
    assert_allowed(&stream, &closed(b""), &closed(error), "protocol-error");
    // What the client said to a closed connection.
    assert_allowed(&stream, &closed(b""), &ended(error, End::Reset), "protocol-error");
    let more = [&error[..], b"+PONG\r\n"].concat();
    assert_unexplained(&stream, &closed(b""), &closed(&more));
}

#[test]
fn a_count_that_differs_is_allowed_only_if_ours_is_the_sum() {
    let mut draft = Draft::new(0, 0);
    draft.ask(b"one", EXACT);
    draft.ask(b"other", EXACT);
    let ours = Oracle::SumOfLast(2);
    draft.ask(b"both", Judge::MayDiffer { kind: "exists-split", ours });
    let stream = finish(draft);
    let answer = |sum: &[u8]| closed(&[b":1\r\n:1\r\n", sum].concat());
    assert_same(&stream, &answer(b":2\r\n"), &answer(b":2\r\n"));
    assert_allowed(&stream, &answer(b":1\r\n"), &answer(b":2\r\n"), "exists-split");
    assert_unexplained(&stream, &answer(b":2\r\n"), &answer(b":1\r\n"));
    assert_unexplained(&stream, &answer(b":1\r\n"), &answer(b":1\r\n"));
    assert_unexplained(&stream, &answer(b"-ERR no\r\n"), &answer(b":2\r\n"));
}

#[test]
fn numbers_of_gets_rise_on_both_sides_or_on_neither() {
    let rules = Rules::of(Protocol::Memcached).expect("the allow-list is JSON");
    let mut draft = Draft::new(0, 0);
    draft.ask(b"gets k", Judge::Same(Mode::Values));
    draft.ask(b"gets k", Judge::Same(Mode::Values));
    let stream = finish(draft);
    let heard = |uniques: [u32; 2]| {
        let values = uniques.map(|unique| format!("VALUE k 0 1 {unique}\r\nv\r\nEND\r\n"));
        closed(values.concat().as_bytes())
    };
    let is_same = |original, ours| {
        let (original, ours) = (heard(original), heard(ours));
        judge(Protocol::Memcached, &rules, &stream, &original, &ours).unexplained.is_none()
    };
    assert!(is_same([1, 1], [7, 7]) && is_same([1, 3], [7, 8]));
    assert!(!is_same([1, 1], [7, 8]) && !is_same([1, 2], [7, 7]));
}

#[test]
fn answers_of_a_spoilt_connection_are_those_of_the_rule() {
    let mut draft = Draft::new(0, 0);
    draft.company(Company::Spoilt);
    draft.begin_tail(true);
    draft.odd("unwell", vec![("words", b"OOM x".to_vec())], b"eval");
    draft.known(b"ping", b"+PONG\r\n");
    let stream = finish(draft);
    let ours = closed(b"-OOM x\r\n+PONG\r\n");
    let theirs = closed(b"-ERR Invalid argument\r\n+PONG\r\n");
    assert_allowed(&stream, &theirs, &ours, "unwell");
    assert_unexplained(&stream, &closed(b"-ERR Invalid argument\r\n+PING\r\n"), &ours);
    assert_unexplained(&stream, &theirs, &closed(b"-OOM x\r\n-ERR Invalid argument\r\n"));
}
