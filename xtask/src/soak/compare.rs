//! Whether two replies are the same, in the sense that the request asks for.

use super::reply;
use super::stream::Mode;

/// Whether the original's reply and ours are the same in the sense of `mode`.
pub(crate) fn are_same(mode: Mode, original: &[u8], ours: &[u8]) -> bool {
    if original == ours {
        return true;
    }
    match mode {
        Mode::Exact => false,
        Mode::Elements => sorted(original, 1).is_some_and(|one| Some(one) == sorted(ours, 1)),
        Mode::Pairs => sorted(original, 2).is_some_and(|one| Some(one) == sorted(ours, 2)),
        Mode::Scan => are_scans(original, ours, 1),
        Mode::ScanPairs => are_scans(original, ours, 2),
        Mode::Near(apart) => match (reply::integer(original), reply::integer(ours)) {
            (Some(one), Some(other)) => one >= 0 && other >= 0 && (one - other).abs() <= apart,
            _ => false,
        },
        Mode::Shape => match (reply::elements(original), reply::elements(ours)) {
            (Some(one), Some(other)) => one.len() == other.len(),
            (None, None) => are_texts(original, ours),
            _ => false,
        },
        Mode::Dump => are_dumps(original, ours),
        Mode::Values => are_values(original, ours),
    }
}

/// An array's elements, taken together in groups of `size`, sorted.
fn sorted(array: &[u8], size: usize) -> Option<Vec<Vec<&[u8]>>> {
    let elements = reply::elements(array)?;
    let mut groups: Vec<Vec<&[u8]>> = elements.chunks(size).map(<[&[u8]]>::to_vec).collect();
    groups.sort_unstable();
    Some(groups)
}

/// Replies to a scan that saw all there is: the cursor is 0 again.
fn are_scans(original: &[u8], ours: &[u8], size: usize) -> bool {
    let found = |reply| match reply::elements(reply)?.as_slice() {
        [b"$1\r\n0\r\n", found] => sorted(found, size),
        _ => None,
    };
    found(original).is_some_and(|one| Some(one) == found(ours))
}

/// Bulk strings, neither of them nil.
fn are_texts(original: &[u8], ours: &[u8]) -> bool {
    let is_text = |reply: &[u8]| matches!(reply, [b'$', b'0'..=b'9', ..]);
    is_text(original) && is_text(ours)
}

/// Serialized values. A set and a hash that are hash tables (types 2 and 4) come in any order.
fn are_dumps(original: &[u8], ours: &[u8]) -> bool {
    let kind = |reply: &[u8]| {
        let start = reply.iter().position(|byte| *byte == b'\n')? + 1;
        (reply.first() == Some(&b'$')).then_some(*reply.get(start)?)
    };
    original.len() == ours.len()
        && kind(original) == kind(ours)
        && matches!(kind(original), Some(2 | 4))
}

/// Replies to `gets`: all but the numbers is the same.
fn are_values(original: &[u8], ours: &[u8]) -> bool {
    let (Some((one, end)), Some((other, other_end))) =
        (reply::values(original), reply::values(ours))
    else {
        return false;
    };
    let alike = |(one, other): (&reply::Value<'_>, &reply::Value<'_>)| {
        (one.head, one.data, one.unique.is_some())
            == (other.head, other.data, other.unique.is_some())
    };
    end == other_end && one.len() == other.len() && one.iter().zip(&other).all(alike)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mode: Mode, one: &[u8], same: &[&[u8]], other: &[&[u8]]) {
        assert!(are_same(mode, one, one));
        for reply in same {
            assert!(are_same(mode, one, reply), "{mode:?}: {}", reply.escape_ascii());
        }
        for reply in other {
            assert!(!are_same(mode, one, reply), "{mode:?}: {}", reply.escape_ascii());
        }
    }

    const SET: &[u8] = b"*2\r\n$1\r\na\r\n$1\r\nb\r\n";
    const TURNED: &[u8] = b"*2\r\n$1\r\nb\r\n$1\r\na\r\n";
    const ERROR: &[u8] = b"-ERR no\r\n";

    #[test]
    fn what_is_exact_is_the_same_to_the_byte() {
        check(Mode::Exact, SET, &[], &[TURNED, ERROR, b"", b"*2\r\n$1\r\na\r\n$1\r\nB\r\n"]);
    }

    #[test]
    fn what_comes_from_a_hash_table_comes_in_any_order() {
        let more = b"*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nb\r\n";
        let others: [&[u8]; 4] = [ERROR, more, b"*2\r\n$1\r\na\r\n$1\r\na\r\n", b"*-1\r\n"];
        check(Mode::Elements, SET, &[TURNED], &others);
        let pairs = b"*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n";
        let turned = b"*4\r\n:3\r\n:4\r\n:1\r\n:2\r\n";
        check(Mode::Pairs, pairs, &[turned], &[b"*4\r\n:1\r\n:4\r\n:3\r\n:2\r\n", ERROR]);
        check(Mode::Elements, ERROR, &[], &[b"-ERR yes\r\n"]);
    }

    #[test]
    fn a_scan_has_seen_all() {
        let scan = |cursor: &str, found: &[u8]| {
            [format!("*2\r\n$1\r\n{cursor}\r\n").as_bytes(), found].concat()
        };
        let one = scan("0", SET);
        check(Mode::Scan, &one, &[&scan("0", TURNED)], &[&scan("5", TURNED), SET, ERROR]);
        check(Mode::ScanPairs, &one, &[], &[&scan("0", TURNED)]);
    }

    #[test]
    fn times_are_near_and_their_absence_is_exact() {
        check(Mode::Near(5), b":100\r\n", &[b":95\r\n"], &[b":94\r\n", b":-1\r\n", ERROR]);
        check(Mode::Near(5), b":-1\r\n", &[], &[b":-2\r\n", b":0\r\n"]);
    }

    #[test]
    fn what_is_drawn_has_a_shape() {
        check(Mode::Shape, b"$1\r\na\r\n", &[b"$2\r\nbc\r\n"], &[b"$-1\r\n", SET, ERROR]);
        check(Mode::Shape, SET, &[b"*2\r\n:1\r\n:2\r\n"], &[b"*0\r\n", b"$1\r\na\r\n", ERROR]);
        check(Mode::Shape, ERROR, &[], &[b"-ERR yes\r\n"]);
    }

    #[test]
    fn a_dump_of_a_hash_table_has_a_length() {
        check(Mode::Dump, b"$3\r\n\x02ab\r\n", &[b"$3\r\n\x02ba\r\n"], &[b"$2\r\n\x02b\r\n"]);
        check(Mode::Dump, b"$3\r\n\x00ab\r\n", &[], &[b"$3\r\n\x00ba\r\n", b"$-1\r\n", ERROR]);
    }

    #[test]
    fn values_have_numbers_of_their_own() {
        let one = b"VALUE k 0 1 7\r\na\r\nEND\r\n";
        let others: [&[u8]; 4] = [
            b"VALUE k 0 1\r\na\r\nEND\r\n",
            b"VALUE k 1 1 7\r\na\r\nEND\r\n",
            b"VALUE k 0 1 7\r\nb\r\nEND\r\n",
            b"END\r\n",
        ];
        check(Mode::Values, one, &[b"VALUE k 0 1 1234\r\na\r\nEND\r\n"], &others);
    }
}
