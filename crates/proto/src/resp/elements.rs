//! Arrays of which some elements are replaced.

use super::response::{array_head, elements_end};

/// `response`, a whole one, with other elements at these places, which grow: at each of them, in order,
/// what `write` appends, a whole value, when it is shown the one that was there. `None` when it is no array (but an error, or null) or has fewer
/// elements; `write` has not been called then. Linear in the response, which is copied.
pub fn with_elements(
    response: &[u8],
    places: &[usize],
    mut write: impl FnMut(&[u8], &mut Vec<u8>),
) -> Option<Vec<u8>> {
    let (count, first) = array_head(response)?;
    if places.last().is_some_and(|last| *last >= count as usize) {
        return None;
    }
    debug_assert!(places.is_sorted_by(|one, next| one < next), "{places:?}");
    let mut replaced = Vec::with_capacity(places.len());
    let (mut at, mut passed) = (first, 0);
    for &place in places {
        let begin = elements_end(response, at, (place - passed) as u64)?;
        at = elements_end(response, begin, 1)?;
        passed = place + 1;
        replaced.push(begin..at);
    }
    let mut out = Vec::with_capacity(response.len());
    let mut copied = 0;
    for element in replaced {
        out.extend_from_slice(&response[copied..element.start]);
        write(&response[element.clone()], &mut out);
        copied = element.end;
    }
    out.extend_from_slice(&response[copied..]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(response: &str, places: &[usize]) -> Option<String> {
        let mut number = 0;
        let out = with_elements(response.as_bytes(), places, |old, out| {
            number += 1;
            assert!(response.as_bytes().windows(old.len()).any(|part| part == old));
            out.extend_from_slice(format!("+{number}\r\n").as_bytes());
        });
        assert!(out.is_some() || number == 0, "{response:?}");
        out.map(|out| String::from_utf8(out).expect("text"))
    }

    #[test]
    fn elements_of_every_kind_are_replaced_or_passed_over() {
        let elements = [
            "+PONG\r\n",
            "$3\r\na\r\n\r\n",
            "$-1\r\n",
            "*2\r\n:1\r\n*1\r\n+x\r\n",
            "%1\r\n+k\r\n_\r\n",
            "-ERR no\r\n",
            "=7\r\ntxt:abc\r\n",
        ];
        let whole = format!("*{}\r\n{}", elements.len(), elements.concat());
        for places in 0..1_usize << elements.len() {
            let places: Vec<usize> =
                (0..elements.len()).filter(|at| places & 1 << at != 0).collect();
            let mut expected = elements.map(ToOwned::to_owned);
            for (number, place) in places.iter().enumerate() {
                expected[*place] = format!("+{}\r\n", number + 1);
            }
            let expected = format!("*{}\r\n{}", elements.len(), expected.concat());
            assert_eq!(replaced(&whole, &places), Some(expected), "{places:?}");
        }
    }

    #[test]
    fn what_is_no_array_or_too_short_is_left_alone() {
        for response in
            ["*-1\r\n", "_\r\n", "-EXECABORT no\r\n", "+OK\r\n", "*0\r\n", "*1\r\n:1\r\n"]
        {
            assert_eq!(replaced(response, &[0, 1]), None, "{response:?}");
        }
        assert_eq!(replaced("*1\r\n:1\r\n", &[0]).as_deref(), Some("*1\r\n+1\r\n"));
    }
}
