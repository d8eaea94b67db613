//! The responses of all servers to one request, made into one.
//!
//! Unlike the fragments of a split request, each server was asked the same. The forms of RESP2 and
//! RESP3 are taken alike, and what comes out has the form of the first: the servers were asked in
//! one version, and a command answers in one form.

use super::digits;
use super::gather::no_error;
use super::response::{elements_end, integer};
use crate::gather::{GatherError, Piece};

/// The first response, when none is an error.
///
/// # Errors
/// The first fragment whose response is an error.
pub fn gather_first(
    responses: &[&[u8]],
    mut emit: impl FnMut(Piece<'_>),
) -> Result<(), GatherError> {
    no_errors(responses)?;
    let Some(first) = responses.first() else { return Err(GatherError::WrongType { fragment: 0 }) };
    emit(Piece::Of { fragment: 0, range: 0..first.len() });
    Ok(())
}

/// One array or set of the elements of all responses, in the servers' order. A null is an array of
/// nothing. Allocates the new head; elements are neither looked at nor copied.
///
/// # Errors
/// The first fragment whose response is an error, or is neither array nor set nor null, or is not
/// of the first one's kind.
pub fn gather_concat(
    responses: &[&[u8]],
    mut emit: impl FnMut(Piece<'_>),
) -> Result<(), GatherError> {
    no_errors(responses)?;
    let mut total = 0;
    let mut kind = None;
    for (fragment, response) in responses.iter().enumerate() {
        if is_null(response) {
            continue;
        }
        let wrong = GatherError::WrongType { fragment };
        let (elements, _) = list_head(response).ok_or(wrong)?;
        if *kind.get_or_insert(response[0]) != response[0] {
            return Err(wrong);
        }
        total += u64::from(elements);
    }
    let mut head = vec![kind.unwrap_or(b'*')];
    digits::push(total, &mut head);
    head.extend_from_slice(b"\r\n");
    emit(Piece::Bytes(&head));
    for (fragment, response) in responses.iter().enumerate() {
        if let Some((elements, first)) = list_head(response)
            && elements > 0
        {
            emit(Piece::Of { fragment, range: first..response.len() });
        }
    }
    Ok(())
}

/// One array of integers, each the least of those that stand at its place. Allocates it.
///
/// # Errors
/// The first fragment whose response is an error, or no array of integers as long as the first.
pub fn gather_least(
    responses: &[&[u8]],
    mut emit: impl FnMut(Piece<'_>),
) -> Result<(), GatherError> {
    no_errors(responses)?;
    let mut least: Option<Vec<i64>> = None;
    for (fragment, response) in responses.iter().enumerate() {
        let values = integers(response).ok_or(GatherError::WrongType { fragment })?;
        match &mut least {
            None => least = Some(values),
            Some(least) if least.len() == values.len() => {
                least.iter_mut().zip(values).for_each(|(least, value)| *least = value.min(*least));
            }
            Some(_) => return Err(GatherError::WrongType { fragment }),
        }
    }
    let least = least.unwrap_or_default();
    let mut out = format!("*{}\r\n", least.len());
    least.iter().for_each(|value| out.push_str(&format!(":{value}\r\n")));
    emit(Piece::Bytes(out.as_bytes()));
    Ok(())
}

/// The first response from number `begin` on, round and round, that is not null; a null when all
/// are.
///
/// # Errors
/// The first fragment whose response is an error.
pub fn gather_not_null(
    begin: usize,
    responses: &[&[u8]],
    mut emit: impl FnMut(Piece<'_>),
) -> Result<(), GatherError> {
    no_errors(responses)?;
    if responses.is_empty() {
        return Err(GatherError::WrongType { fragment: 0 });
    }
    let begin = begin % responses.len();
    let fragment = (begin..responses.len())
        .chain(0..begin)
        .find(|&fragment| !is_null(responses[fragment]))
        .unwrap_or(begin);
    emit(Piece::Of { fragment, range: 0..responses[fragment].len() });
    Ok(())
}

fn no_errors(responses: &[&[u8]]) -> Result<(), GatherError> {
    let mut responses = responses.iter().enumerate();
    responses.try_for_each(|(fragment, response)| no_error(fragment, response))
}

/// The nulls of both versions.
fn is_null(response: &[u8]) -> bool {
    matches!(response, b"$-1\r\n" | b"*-1\r\n" | b"_\r\n")
}

/// The number of elements in the array or set that `response` is, and where the first begins.
fn list_head(response: &[u8]) -> Option<(u32, usize)> {
    if !matches!(response.first(), Some(b'*' | b'~')) {
        return None;
    }
    digits::length(response, 1, u32::MAX, "").ok()?
}

/// The integers that the array `response` is made of.
fn integers(response: &[u8]) -> Option<Vec<i64>> {
    let (elements, mut at) = list_head(response)?;
    let mut values = Vec::new();
    for _ in 0..elements {
        let end = elements_end(response, at, 1)?;
        values.push(integer(&response[at..end])?);
        at = end;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gather::{Gather, gather};

    /// The response that came of a gathering, or its error.
    fn merged(kind: Gather, owners: &[u32], responses: &[&str]) -> Result<String, GatherError> {
        let responses: Vec<&[u8]> = responses.iter().map(|response| response.as_bytes()).collect();
        let mut out = Vec::new();
        let result = gather(kind, owners, &responses, |piece| {
            out.extend_from_slice(piece.bytes(&responses));
        });
        assert!(result.is_ok() || out.is_empty(), "an error must leave nothing half said");
        result.map(|()| String::from_utf8(out).expect("made of text"))
    }

    const fn error(fragment: usize) -> GatherError {
        GatherError::Error { fragment }
    }

    const fn wrong_type(fragment: usize) -> GatherError {
        GatherError::WrongType { fragment }
    }

    #[test]
    fn an_error_of_any_server_is_the_answer_of_all() {
        for kind in [Gather::First, Gather::Concat, Gather::Least, Gather::NotNull] {
            for bad in ["-ERR no\r\n", "-LOADING wait\r\n", "!6\r\nERR no\r\n"] {
                let answer = merged(kind, &[0], &["*0\r\n", bad, "*0\r\n"]);
                assert_eq!(answer, Err(error(1)), "{kind:?} {bad:?}");
            }
        }
    }

    #[test]
    fn the_first_response_stands_for_all() {
        let digest = "$3\r\nabc\r\n";
        assert_eq!(merged(Gather::First, &[], &[digest, "$1\r\nz\r\n"]), Ok(digest.into()));
        assert_eq!(merged(Gather::First, &[], &["%0\r\n"]), Ok("%0\r\n".into()));
        assert_eq!(merged(Gather::First, &[], &[]), Err(wrong_type(0)));
    }

    #[test]
    fn lists_are_joined_in_the_servers_order_and_keep_their_kind() {
        let cases: &[(&[&str], &str)] = &[
            (
                &["*1\r\n$1\r\na\r\n", "*2\r\n$1\r\nb\r\n$0\r\n\r\n"],
                "*3\r\n$1\r\na\r\n$1\r\nb\r\n$0\r\n\r\n",
            ),
            (&["*0\r\n", "*1\r\n:7\r\n", "*0\r\n"], "*1\r\n:7\r\n"),
            (&["~1\r\n:1\r\n", "~1\r\n:2\r\n"], "~2\r\n:1\r\n:2\r\n"),
            (&["*0\r\n", "*0\r\n"], "*0\r\n"),
            (&["~0\r\n"], "~0\r\n"),
            (&["_\r\n", "*1\r\n:1\r\n", "*-1\r\n"], "*1\r\n:1\r\n"),
            (&["*-1\r\n", "$-1\r\n"], "*0\r\n"),
            (&["*1\r\n*2\r\n:1\r\n:2\r\n", "*1\r\n*0\r\n"], "*2\r\n*2\r\n:1\r\n:2\r\n*0\r\n"),
        ];
        for (responses, expected) in cases {
            assert_eq!(merged(Gather::Concat, &[], responses), Ok((*expected).into()));
        }
        for odd in [":1\r\n", "+OK\r\n", "$1\r\na\r\n", "%0\r\n", "~0\r\n"] {
            assert_eq!(
                merged(Gather::Concat, &[], &["*0\r\n", odd]),
                Err(wrong_type(1)),
                "{odd:?}"
            );
        }
    }

    #[test]
    fn the_least_at_each_place_says_what_all_servers_have() {
        let [none, one, all] = ["*2\r\n:0\r\n:0\r\n", "*2\r\n:0\r\n:1\r\n", "*2\r\n:1\r\n:1\r\n"];
        assert_eq!(merged(Gather::Least, &[], &[all, one, all]), Ok(one.into()));
        assert_eq!(merged(Gather::Least, &[], &[one, none]), Ok(none.into()));
        assert_eq!(merged(Gather::Least, &[], &["*1\r\n:-2\r\n"]), Ok("*1\r\n:-2\r\n".into()));
        for odd in ["*1\r\n:1\r\n", "*2\r\n:1\r\n$1\r\n1\r\n", ":1\r\n", "*-1\r\n", "+OK\r\n"] {
            assert_eq!(merged(Gather::Least, &[], &[all, odd]), Err(wrong_type(1)), "{odd:?}");
        }
    }

    #[test]
    fn one_that_is_not_null_is_found_from_wherever_the_search_begins() {
        let [a, c] = ["$1\r\na\r\n", "$1\r\nc\r\n"];
        for null in ["$-1\r\n", "_\r\n"] {
            for (begin, expected) in [(0, a), (1, c), (2, c), (3, a), (u32::MAX, a)] {
                let answer = merged(Gather::NotNull, &[begin], &[a, null, c]);
                assert_eq!(answer, Ok(expected.into()), "from {begin}");
            }
            assert_eq!(merged(Gather::NotNull, &[1], &[null, null]), Ok(null.into()));
        }
    }
}
