//! The responses of a request's fragments, made into one.
//!
//! The original puts them together with less care (`redis_post_coalesce`): it sums in 32 bits
//! without the sign, and takes what is no array for one. Here every response is of the right type
//! and length before a byte goes out.

use super::digits;
use super::guess::Guess;
use super::response::{array_head, further_elements_end, integer, outcome};
use crate::gather::{GatherError, Piece};
use crate::response::Outcome;

/// What has been used of one fragment's response.
struct Cursor {
    /// Where the next element begins.
    at: usize,
    /// Keys of the fragment whose elements are still to come.
    left: u32,
}

/// One array, with an element of its fragment for each of `owners`, in that order.
///
/// Time is linear in keys and responses. Allocates 16 bytes a fragment; elements are not
/// copied, and those that stand together in a response leave together.
///
/// # Errors
/// The first fragment whose response is an error, or is no array of as many elements as the
/// fragment has keys.
pub fn gather_array(
    owners: &[u32],
    responses: &[&[u8]],
    mut emit: impl FnMut(Piece<'_>),
) -> Result<(), GatherError> {
    let mut cursors: Vec<Cursor> =
        responses.iter().map(|_response| Cursor { at: 0, left: 0 }).collect();
    for &owner in owners {
        cursors[owner as usize].left += 1;
    }
    for (fragment, (response, cursor)) in responses.iter().zip(&mut cursors).enumerate() {
        no_error(fragment, response)?;
        match array_head(response) {
            Some((elements, first)) if elements == cursor.left => cursor.at = first,
            _ => return Err(GatherError::WrongType { fragment }),
        }
    }

    let mut head = Vec::with_capacity(16);
    head.push(b'*');
    digits::push(owners.len() as u64, &mut head);
    head.extend_from_slice(b"\r\n");
    emit(Piece::Bytes(&head));
    // Values of one request are like each other, whichever server they come from.
    let mut guess = Guess::new();
    for run in owners.chunk_by(|one, next| one == next) {
        let fragment = run[0] as usize;
        let cursor = &mut cursors[fragment];
        let response = responses[fragment];
        cursor.left -= run.len() as u32;
        let end = if cursor.left == 0 {
            // What is left of a whole response are its last elements, be they many or large.
            response.len()
        } else {
            let end = further_elements_end(response, cursor.at, run.len() as u64, &mut guess);
            debug_assert!(end.is_some(), "a response is whole");
            end.unwrap_or(response.len())
        };
        if cursor.at < end {
            emit(Piece::Of { fragment, range: cursor.at..end });
        }
        cursor.at = end;
    }
    Ok(())
}

/// The sum of the integers that the responses are.
///
/// # Errors
/// The first fragment whose response is an error or no integer, or at which the sum leaves 64 bits.
pub fn gather_sum(responses: &[&[u8]], mut emit: impl FnMut(Piece<'_>)) -> Result<(), GatherError> {
    let mut sum: i64 = 0;
    for (fragment, response) in responses.iter().enumerate() {
        no_error(fragment, response)?;
        let grown = integer(response).and_then(|value| sum.checked_add(value));
        sum = grown.ok_or(GatherError::WrongType { fragment })?;
    }
    emit(Piece::Bytes(format!(":{sum}\r\n").as_bytes()));
    Ok(())
}

/// `+OK`, when every response is a status or, as the original has it, an integer.
///
/// # Errors
/// The first fragment whose response is neither.
pub fn gather_status(
    responses: &[&[u8]],
    mut emit: impl FnMut(Piece<'_>),
) -> Result<(), GatherError> {
    for (fragment, response) in responses.iter().enumerate() {
        no_error(fragment, response)?;
        if !matches!(response.first(), Some(b'+' | b':')) {
            return Err(GatherError::WrongType { fragment });
        }
    }
    emit(Piece::Bytes(b"+OK\r\n"));
    Ok(())
}

pub(super) fn no_error(fragment: usize, response: &[u8]) -> Result<(), GatherError> {
    match outcome(response) {
        // What is no response is of no type that a command gives, which is found out next.
        Outcome::Fine | Outcome::Push => Ok(()),
        Outcome::Error | Outcome::Unwell => Err(GatherError::Error { fragment }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole response that came of a gathering, or its error, and in how many pieces.
    fn gathered(
        gather: impl FnOnce(&mut dyn FnMut(Piece<'_>)) -> Result<(), GatherError>,
        responses: &[&[u8]],
    ) -> Result<(String, usize), GatherError> {
        let mut out = Vec::new();
        let mut pieces = 0;
        let result = gather(&mut |piece| {
            pieces += 1;
            match piece {
                Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                Piece::Of { fragment, range } => {
                    assert!(!range.is_empty(), "an empty piece says nothing");
                    out.extend_from_slice(&responses[fragment][range]);
                }
            }
        });
        if result.is_err() {
            assert_eq!(pieces, 0, "an error must leave nothing half said");
        }
        result.map(|()| (out.escape_ascii().to_string(), pieces))
    }

    fn array(owners: &[u32], responses: &[&[u8]]) -> Result<(String, usize), GatherError> {
        gathered(|emit| gather_array(owners, responses, emit), responses)
    }

    fn sum(responses: &[&[u8]]) -> Result<(String, usize), GatherError> {
        gathered(|emit| gather_sum(responses, emit), responses)
    }

    fn status(responses: &[&[u8]]) -> Result<(String, usize), GatherError> {
        gathered(|emit| gather_status(responses, emit), responses)
    }

    fn text(bytes: &[u8]) -> String {
        bytes.escape_ascii().to_string()
    }

    const WRONG: fn(usize) -> GatherError = |fragment| GatherError::WrongType { fragment };
    const ERROR: fn(usize) -> GatherError = |fragment| GatherError::Error { fragment };

    #[test]
    fn elements_come_in_the_order_of_the_keys() {
        let responses: &[&[u8]] = &[
            b"*2\r\n$1\r\na\r\n$-1\r\n",
            b"*1\r\n$3\r\n\r\n*\r\n",
            b"*2\r\n$0\r\n\r\n$1\r\nd\r\n",
        ];
        let whole = text(b"*5\r\n$0\r\n\r\n$1\r\na\r\n$3\r\n\r\n*\r\n$1\r\nd\r\n$-1\r\n");
        assert_eq!(array(&[2, 0, 1, 2, 0], responses), Ok((whole, 6)));
    }

    #[test]
    fn elements_that_stand_together_leave_together() {
        let responses: &[&[u8]] = &[b"*3\r\n:1\r\n:2\r\n:3\r\n", b"*2\r\n:4\r\n:5\r\n"];
        let whole = text(b"*5\r\n:1\r\n:2\r\n:4\r\n:5\r\n:3\r\n");
        assert_eq!(array(&[0, 0, 1, 1, 0], responses), Ok((whole, 4)));
        let alone: &[&[u8]] = &[b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"];
        assert_eq!(array(&[0, 0], alone), Ok((text(alone[0]), 2)));
    }

    #[test]
    fn an_element_may_be_of_any_type_and_hold_others() {
        let responses: &[&[u8]] = &[
            b"*2\r\n*2\r\n:1\r\n*1\r\n+x\r\n_\r\n",
            b"*2\r\n|1\r\n+k\r\n+v\r\n%1\r\n+a\r\n:1\r\n-ERR inside\r\n",
        ];
        let whole = text(
            b"*4\r\n|1\r\n+k\r\n+v\r\n%1\r\n+a\r\n:1\r\n*2\r\n:1\r\n*1\r\n+x\r\n-ERR inside\r\n_\r\n",
        );
        assert_eq!(array(&[1, 0, 1, 0], responses), Ok((whole, 5)));
    }

    #[test]
    fn an_array_of_another_length_or_type_will_not_do() {
        let good: &[u8] = b"*1\r\n$1\r\na\r\n";
        for bad in [
            &b"*-1\r\n"[..],
            b"*0\r\n",
            b"*2\r\n:1\r\n:2\r\n",
            b":1\r\n",
            b"+OK\r\n",
            b"$1\r\na\r\n",
            b"~1\r\n:1\r\n",
            b"_\r\n",
            b"",
        ] {
            assert_eq!(array(&[0, 1], &[good, bad]), Err(WRONG(1)), "{}", text(bad));
            assert_eq!(array(&[0, 1], &[bad, good]), Err(WRONG(0)), "{}", text(bad));
        }
    }

    #[test]
    fn an_error_stands_for_the_whole_and_the_first_one_is_named() {
        let array_of_one: &[u8] = b"*1\r\n:1\r\n";
        for error in [&b"-ERR no\r\n"[..], b"-OOM no\r\n", b"!2\r\nno\r\n"] {
            assert_eq!(array(&[0, 1], &[array_of_one, error]), Err(ERROR(1)));
            assert_eq!(array(&[0, 1], &[error, b"+OK\r\n"]), Err(ERROR(0)));
            assert_eq!(sum(&[b":1\r\n", error, error]), Err(ERROR(1)));
            assert_eq!(sum(&[b"+OK\r\n", error]), Err(WRONG(0)));
            assert_eq!(status(&[b"+OK\r\n", error]), Err(ERROR(1)));
        }
    }

    #[test]
    fn a_sum_has_64_bits_and_its_sign() {
        assert_eq!(sum(&[b":2\r\n", b":0\r\n", b":3\r\n"]), Ok((text(b":5\r\n"), 1)));
        assert_eq!(sum(&[b":4294967295\r\n", b":1\r\n"]), Ok((text(b":4294967296\r\n"), 1)));
        assert_eq!(sum(&[b":-5\r\n", b":2\r\n"]), Ok((text(b":-3\r\n"), 1)));
        assert_eq!(sum(&[b":9223372036854775807\r\n", b":1\r\n"]), Err(WRONG(1)));
        for bad in [&b"+OK\r\n"[..], b"$1\r\n1\r\n", b"*1\r\n:1\r\n", b"_\r\n", b""] {
            assert_eq!(sum(&[b":1\r\n", bad]), Err(WRONG(1)), "{}", text(bad));
        }
    }

    #[test]
    fn a_status_of_all_is_ok_whatever_their_words() {
        let ok = Ok((text(b"+OK\r\n"), 1));
        assert_eq!(status(&[b"+OK\r\n", b"+FOO\r\n", b":1\r\n"]), ok);
        for bad in [&b"$2\r\nOK\r\n"[..], b"*0\r\n", b"_\r\n", b""] {
            assert_eq!(status(&[b"+OK\r\n", bad]), Err(WRONG(1)), "{}", text(bad));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn a_gathering_of_many_keys_takes_each_element_once() {
        // Keys alternate between two servers, so that each element is a piece of its own. Were the
        // responses walked from the start for each, this would take minutes.
        let keys = 200_000;
        let response = format!("*{}\r\n{}", keys / 2, ":7\r\n".repeat(keys / 2)).into_bytes();
        let owners: Vec<u32> = (0..keys as u32).map(|key| key % 2).collect();
        let mut bytes = 0;
        let result = gather_array(&owners, &[&response, &response], |piece| {
            bytes += match piece {
                Piece::Bytes(bytes) => bytes.len(),
                Piece::Of { range, .. } => range.len(),
            };
        });
        assert_eq!(result, Ok(()));
        assert_eq!(bytes, format!("*{keys}\r\n").len() + keys * 4);
    }
}
