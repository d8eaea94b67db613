//! Whether two replies are the same, in the sense that the request asks for.

use super::reply::Reply;

/// In which sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// To the byte.
    Exact,
    /// What comes out of a hash table comes in any order, at any depth.
    Unordered,
    /// Numbers are so near, at any depth: time has passed.
    Near(i64),
    /// What is drawn at random has the same types and lengths.
    Shape,
    /// A cursor and what was found; all of it in any order if the scan has ended.
    Scan,
    /// A string of the same length.
    Length,
    /// The same fields of a map, with values of the same types: what the proxy says of itself.
    Fields,
    /// The same type: what the proxy says of itself at length.
    Kind,
}

/// Whether the server's reply and ours are the same in the sense of `mode`.
pub(crate) fn are_same(mode: Mode, server: &Reply, ours: &Reply) -> bool {
    if server == ours {
        return true;
    }
    if server.is_error() || ours.is_error() {
        return false;
    }
    match mode {
        Mode::Exact => false,
        Mode::Unordered => sorted(server) == sorted(ours),
        Mode::Near(apart) => are_near(server, ours, apart),
        Mode::Shape => are_alike(server, ours),
        Mode::Scan => are_scans(server, ours),
        Mode::Length => server.kind == ours.kind && server.text.len() == ours.text.len(),
        Mode::Fields => are_of_fields(server, ours),
        Mode::Kind => server.kind == ours.kind && server.is_null == ours.is_null,
    }
}

/// The same reply in the one order that does not depend on a hash table's.
fn sorted(reply: &Reply) -> Reply {
    let mut elements: Vec<Reply> = reply.elements.iter().map(sorted).collect();
    if reply.kind == b'%' {
        let mut pairs: Vec<&[Reply]> = elements.chunks(2).collect();
        pairs.sort_unstable();
        elements = pairs.concat();
    } else {
        // RESP2 does not tell a map from a list: there a field may get another's value unseen. The
        // same request in RESP3 shows it.
        elements.sort_unstable();
    }
    Reply { elements, ..reply.clone() }
}

fn same_make(one: &Reply, other: &Reply) -> bool {
    one.kind == other.kind
        && one.is_null == other.is_null
        && one.elements.len() == other.elements.len()
}

fn are_near(one: &Reply, other: &Reply, apart: i64) -> bool {
    if one.elements.is_empty() {
        let numbers = one.integer().zip(other.integer());
        return one == other
            || numbers.is_some_and(|(a, b)| a >= 0 && b >= 0 && (a - b).abs() <= apart);
    }
    let mut pairs = one.elements.iter().zip(&other.elements);
    same_make(one, other) && pairs.all(|(one, other)| are_near(one, other, apart))
}

fn are_alike(one: &Reply, other: &Reply) -> bool {
    let mut pairs = one.elements.iter().zip(&other.elements);
    same_make(one, other) && pairs.all(|(one, other)| are_alike(one, other))
}

fn are_scans(one: &Reply, other: &Reply) -> bool {
    let ([cursor, found], [other_cursor, other_found]) =
        (one.elements.as_slice(), other.elements.as_slice())
    else {
        return false;
    };
    if cursor.text == b"0" && other_cursor.text == b"0" {
        return sorted(found) == sorted(other_found);
    }
    cursor.kind == other_cursor.kind && found.kind == other_found.kind
}

fn are_of_fields(one: &Reply, other: &Reply) -> bool {
    let mut pairs = one.elements.chunks(2).zip(other.elements.chunks(2));
    same_make(one, other)
        && pairs.all(|(one, other)| one[0] == other[0] && one[1].kind == other[1].kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(bytes: &[u8]) -> Reply {
        Reply::read(bytes).expect("a reply").expect("a whole one").0
    }

    #[track_caller]
    fn check(mode: Mode, one: &[u8], same: &[&[u8]], other: &[&[u8]]) {
        assert!(are_same(mode, &reply(one), &reply(one)));
        for bytes in same {
            assert!(are_same(mode, &reply(one), &reply(bytes)), "{}", bytes.escape_ascii());
        }
        for bytes in other {
            assert!(!are_same(mode, &reply(one), &reply(bytes)), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn an_error_is_the_same_to_the_byte_in_every_mode() {
        let modes = [Mode::Exact, Mode::Near(9), Mode::Shape, Mode::Kind, Mode::Fields];
        for mode in modes {
            check(mode, b"-ERR no\r\n", &[], &[b"-ERR yes\r\n", b"+ERR no\r\n"]);
        }
    }

    #[test]
    fn what_comes_from_a_hash_table_comes_in_any_order() {
        let set = b"~2\r\n+a\r\n+b\r\n";
        check(Mode::Unordered, set, &[b"~2\r\n+b\r\n+a\r\n"], &[b"*2\r\n+a\r\n+b\r\n"]);
        check(Mode::Exact, set, &[], &[b"~2\r\n+b\r\n+a\r\n"]);
        let map = b"%2\r\n+a\r\n+b\r\n+c\r\n+d\r\n";
        let (turned, torn) = (b"%2\r\n+c\r\n+d\r\n+a\r\n+b\r\n", b"%2\r\n+a\r\n+d\r\n+c\r\n+b\r\n");
        check(Mode::Unordered, map, &[turned], &[torn]);
    }

    #[test]
    fn times_are_near_and_their_absence_is_exact() {
        check(Mode::Near(5), b":100\r\n", &[b":95\r\n"], &[b":94\r\n", b":-1\r\n", b"+95\r\n"]);
        check(Mode::Near(5), b"*2\r\n+a\r\n:1\r\n", &[b"*2\r\n+a\r\n:3\r\n"], &[b"*1\r\n+a\r\n"]);
    }

    #[test]
    fn what_is_drawn_has_a_shape() {
        check(Mode::Shape, b"$1\r\na\r\n", &[b"$2\r\nbc\r\n"], &[b"$-1\r\n", b"+a\r\n"]);
        check(Mode::Shape, b"*1\r\n:1\r\n", &[b"*1\r\n:2\r\n"], &[b"*0\r\n", b"*1\r\n+a\r\n"]);
    }

    #[test]
    fn a_scan_that_ended_has_seen_all() {
        let ended = b"*2\r\n$1\r\n0\r\n*2\r\n+a\r\n+b\r\n";
        let turned = b"*2\r\n$1\r\n0\r\n*2\r\n+b\r\n+a\r\n";
        check(Mode::Scan, ended, &[turned], &[b"*2\r\n$1\r\n0\r\n*1\r\n+a\r\n", b"*-1\r\n"]);
    }

    #[test]
    fn fields_are_named_alike() {
        let one = b"%1\r\n+a\r\n:1\r\n";
        check(Mode::Fields, one, &[b"%1\r\n+a\r\n:2\r\n"], &[b"%1\r\n+b\r\n:1\r\n"]);
        check(Mode::Kind, one, &[b"%0\r\n"], &[b"*2\r\n+a\r\n:1\r\n"]);
        check(Mode::Length, b"$1\r\na\r\n", &[b"$1\r\nb\r\n"], &[b"$2\r\nbb\r\n"]);
    }
}
