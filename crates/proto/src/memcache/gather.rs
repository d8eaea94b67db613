//! The responses to the fragments of a `get`, made into one.

use std::ops::Range;

use memchr::memchr;

use super::response::last_line;
use super::value::{self, LineEnd};
use crate::Outcome;
use crate::gather::{GatherError, Piece};

/// Makes one response of `responses`: for each of `owners`, which has the fragment of each key in
/// the order of the request, the next block of that fragment's response, if one is left; then
/// `END`. Blocks are relayed as the server sent them.
///
/// So did the original, in `memcache_post_coalesce`. When every key is found, the values come in
/// the order of the keys; a key that is missed lets later ones of the same server come sooner, as
/// no one looks at whose value a block has. Each block names its key, so a client can tell.
///
/// Linear in the keys and their lines, of which each is read once; data is not looked at. Allocates a place a response.
/// Neighbouring blocks of one response are one piece. All is checked before the first piece comes
/// out.
///
/// # Errors
/// [`GatherError`] names the first fragment whose response is something else than blocks and an
/// `END`.
///
/// # Panics
/// When an owner is no index into `responses`.
pub fn gather_values(
    owners: &[u32],
    responses: &[&[u8]],
    mut emit: impl FnMut(Piece<'_>),
) -> Result<(), GatherError> {
    for (fragment, response) in responses.iter().enumerate() {
        check(fragment, response)?;
    }
    let mut places = vec![0; responses.len()];
    let mut run: Option<(usize, Range<usize>)> = None;
    // Values of one request are like each other, whichever server they come from.
    let mut last = LineEnd::new();
    for &owner in owners {
        let fragment = owner as usize;
        let place = &mut places[fragment];
        let Some(end) = block_end(responses[fragment], *place, &mut last) else {
            continue;
        };
        let block = *place..end;
        *place = end;
        run = match run.take() {
            Some((same, range)) if same == fragment => Some((fragment, range.start..end)),
            before => {
                emit_run(before, &mut emit);
                Some((fragment, block))
            }
        };
    }
    emit_run(run, &mut emit);
    emit(Piece::Bytes(b"END\r\n"));
    Ok(())
}

/// `OK`, when every response is.
///
/// # Errors
/// The first fragment whose response is an error, or another line.
pub fn gather_okay(
    responses: &[&[u8]],
    mut emit: impl FnMut(Piece<'_>),
) -> Result<(), GatherError> {
    const OK: &[u8] = b"OK\r\n";
    if let Some(fragment) = responses.iter().position(|&response| response != OK) {
        check(fragment, responses[fragment])?;
        return Err(GatherError::WrongType { fragment });
    }
    emit(Piece::Bytes(OK));
    Ok(())
}

fn emit_run(run: Option<(usize, Range<usize>)>, emit: &mut impl FnMut(Piece<'_>)) {
    if let Some((fragment, range)) = run {
        emit(Piece::Of { fragment, range });
    }
}

/// Whether `response`, which the parser has found to be one, is blocks and an `END`.
fn check(fragment: usize, response: &[u8]) -> Result<(), GatherError> {
    // A line has no LF in it, so what stands behind the last but one is the last line.
    if response == b"END\r\n"
        || (response.starts_with(b"VALUE ") && response.ends_with(b"\r\nEND\r\n"))
    {
        return Ok(());
    }
    let mut at = 0;
    let mut last = LineEnd::new();
    while let Some(end) = block_end(response, at, &mut last) {
        at = end;
    }
    let Some(line) = response[at..].strip_suffix(b"\r\n") else {
        return Err(GatherError::WrongType { fragment });
    };
    match last_line(line) {
        Some(Outcome::Fine) => Ok(()),
        Some(_) => Err(GatherError::Error { fragment }),
        None => Err(GatherError::WrongType { fragment }),
    }
}

/// Where the block ends that begins at `at`; `None` when there is no whole block. Its line may end like `last`.
fn block_end(response: &[u8], at: usize, last: &mut LineEnd) -> Option<usize> {
    if let Some(end) = last.plain_block(response, at) {
        return (end <= response.len()).then_some(end);
    }
    let line_end = at + memchr(b'\n', &response[at..])?;
    let line = response[at..line_end].strip_suffix(b"\r")?;
    let end = line_end + 1 + value::data_bytes(line)? + b"\r\n".len();
    (end <= response.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The gathered response, and how many pieces it came in.
    fn gather(owners: &[u32], responses: &[&[u8]]) -> Result<(String, usize), GatherError> {
        let mut out = Vec::new();
        let mut pieces = 0;
        gather_values(owners, responses, |piece| {
            pieces += 1;
            match piece {
                Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                Piece::Of { fragment, range } => out.extend_from_slice(&responses[fragment][range]),
            }
        })?;
        Ok((String::from_utf8(out).unwrap(), pieces))
    }

    #[test]
    fn all_servers_are_okay_or_the_first_that_is_not_is_named() {
        let okay = |responses: &[&[u8]]| {
            let mut out = Vec::new();
            let result = gather_okay(responses, |piece| match piece {
                Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                Piece::Of { .. } => panic!("it is no piece of a response"),
            });
            result.map(|()| out)
        };
        assert_eq!(okay(&[b"OK\r\n", b"OK\r\n"]), Ok(b"OK\r\n".to_vec()));
        let failed = okay(&[b"OK\r\n", b"SERVER_ERROR no\r\n", b"ERROR\r\n"]);
        assert_eq!(failed, Err(GatherError::Error { fragment: 1 }));
        for odd in [&b"END\r\n"[..], b"STORED\r\n", b"VALUE k 0 1\r\nx\r\nEND\r\n"] {
            assert_eq!(okay(&[odd]), Err(GatherError::WrongType { fragment: 0 }));
        }
    }

    #[test]
    fn values_come_in_the_order_of_the_keys() {
        // get f e d c b a, of which f, d and c live on one server and the others on another.
        let one = b"VALUE f 0 1\r\n6\r\nVALUE d 0 1\r\n4\r\nVALUE c 0 1\r\n3\r\nEND\r\n";
        let other = b"VALUE e 0 1\r\n5\r\nVALUE b 0 1\r\n2\r\nVALUE a 0 1\r\n1\r\nEND\r\n";
        let expected = "VALUE f 0 1\r\n6\r\nVALUE e 0 1\r\n5\r\nVALUE d 0 1\r\n4\r\n\
                        VALUE c 0 1\r\n3\r\nVALUE b 0 1\r\n2\r\nVALUE a 0 1\r\n1\r\nEND\r\n";
        // d and c are one piece, and so are b and a.
        let pieces = 4 + 1;
        let gathered = gather(&[0, 1, 0, 0, 1, 1], &[one, other]);
        assert_eq!(gathered, Ok((expected.to_owned(), pieces)));
    }

    // Recorded from the original: `get a x b y c z d` with x, y and z missing.
    #[test]
    fn a_miss_lets_later_values_of_its_server_come_sooner() {
        let one = b"VALUE a 0 2\r\naa\r\nVALUE b 0 2\r\nbb\r\nVALUE d 0 2\r\ndd\r\nEND\r\n";
        let other = b"VALUE c 0 2\r\ncc\r\nEND\r\n";
        let expected = "VALUE a 0 2\r\naa\r\nVALUE b 0 2\r\nbb\r\nVALUE d 0 2\r\ndd\r\n\
                        VALUE c 0 2\r\ncc\r\nEND\r\n";
        let (text, _) = gather(&[0, 0, 0, 0, 1, 0, 0], &[one, other]).unwrap();
        assert_eq!(text, expected);
    }

    #[test]
    fn all_misses_are_an_end() {
        assert_eq!(gather(&[0, 1, 0], &[b"END\r\n", b"END\r\n"]), Ok(("END\r\n".to_owned(), 1)));
    }

    #[test]
    fn blocks_that_no_key_asked_for_are_left_out() {
        let response = b"VALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n2\r\nEND\r\n";
        assert_eq!(gather(&[0], &[response]), Ok(("VALUE a 0 1\r\n1\r\nEND\r\n".to_owned(), 2)));
    }

    #[test]
    fn data_that_looks_like_a_response_is_data() {
        let response = b"VALUE a 0 10\r\nEND\r\nVALUE\r\nEND\r\n";
        let (text, _) = gather(&[0], &[response]).unwrap();
        assert_eq!(text.as_bytes(), response);
    }

    #[test]
    fn the_first_response_that_will_not_do_is_named_and_nothing_comes_out() {
        let values = &b"VALUE a 0 1\r\n1\r\nEND\r\n"[..];
        for (response, error) in [
            (&b"ERROR\r\n"[..], GatherError::Error { fragment: 1 }),
            (b"CLIENT_ERROR x\r\n", GatherError::Error { fragment: 1 }),
            (b"SERVER_ERROR out of memory\r\n", GatherError::Error { fragment: 1 }),
            (b"VALUE b 0 1\r\n1\r\nSERVER_ERROR x\r\n", GatherError::Error { fragment: 1 }),
            (b"STORED\r\n", GatherError::WrongType { fragment: 1 }),
            (b"12\r\n", GatherError::WrongType { fragment: 1 }),
            (b"VERSION 1\r\n", GatherError::WrongType { fragment: 1 }),
            (b"END\r\nEND\r\n", GatherError::WrongType { fragment: 1 }),
            (b"VALUE b 0 1\r\n1\r\n", GatherError::WrongType { fragment: 1 }),
            (b"VALUE b 0 9\r\n1\r\n", GatherError::WrongType { fragment: 1 }),
            (b"", GatherError::WrongType { fragment: 1 }),
        ] {
            let mut pieces = 0;
            let responses = [values, response, b"ERROR\r\n"];
            let result = gather_values(&[0, 1, 2], &responses, |_| pieces += 1);
            assert_eq!(result, Err(error), "{}", response.escape_ascii());
            assert_eq!(pieces, 0, "{}", response.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn when_no_key_is_missed_the_order_is_that_of_the_keys(
            owners in prop::collection::vec(0_u32..4, 1..40),
        ) {
            let mut responses = vec![Vec::new(); 4];
            let mut expected = Vec::new();
            for (key, &owner) in owners.iter().enumerate() {
                let block = format!("VALUE k{key} 0 {}\r\n{key}\r\n", key.to_string().len());
                responses[owner as usize].extend_from_slice(block.as_bytes());
                expected.extend_from_slice(block.as_bytes());
            }
            responses.iter_mut().for_each(|response| response.extend_from_slice(b"END\r\n"));
            expected.extend_from_slice(b"END\r\n");
            let responses: Vec<_> = responses.iter().map(Vec::as_slice).collect();
            let (text, pieces) = gather(&owners, &responses).unwrap();
            prop_assert_eq!(text.as_bytes(), expected);
            let runs = 1 + owners.windows(2).filter(|pair| pair[0] != pair[1]).count();
            prop_assert_eq!(pieces, runs + 1);
        }
    }
}
