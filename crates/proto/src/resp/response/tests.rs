//! Responses whole, cut, nested, broken and drawn at random.

use proptest::prelude::*;

use super::*;
use crate::limits::BULK_BYTES_MAX;

/// What a parser says that has seen nothing before.
fn parse(bytes: &[u8]) -> Result<Progress<Response>, ParseError> {
    ResponseParser::new().parse(bytes)
}

/// Every prefix of `stream` must say the same to a parser that grew up with it, byte by byte, as to
/// one that sees it at once.
fn assert_cuts_make_no_difference(stream: &[u8]) {
    let mut parser = ResponseParser::new();
    let mut begin = 0;
    for end in 0..=stream.len() {
        loop {
            let bytes = &stream[begin..end];
            let said = parser.parse(bytes);
            assert_eq!(said, parse(bytes), "{} at {begin}..{end}", stream.escape_ascii());
            match said {
                Ok(Progress::Done(response)) => begin += response.len,
                Ok(Progress::Incomplete { missing }) => {
                    assert!(missing > 0);
                    break;
                }
                Err(_) => return,
            }
        }
    }
}

/// One whole response each.
const WHOLE: &[&[u8]] = &[
    b"+OK\r\n",
    b"+\r\n",
    b"-\r\n",
    b"-ERR some text\r\n",
    b":0\r\n",
    b":-1\r\n",
    b":9223372036854775807\r\n",
    b":-9223372036854775808\r\n",
    b"$-1\r\n",
    b"$0\r\n\r\n",
    b"$3\r\nabc\r\n",
    b"$12\r\n\r\n$-1\r\n*1\r\n:\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"*1\r\n$-1\r\n",
    b"*2\r\n:1\r\n+x\r\n",
    b"*1\r\n-ERR in array\r\n",
    b"*2\r\n*-1\r\n:1\r\n",
    b"*2\r\n*0\r\n:1\r\n",
    b"*3\r\n*2\r\n:1\r\n*1\r\n$1\r\na\r\n*0\r\n$-1\r\n",
    b"*2\r\n$1\r\n0\r\n*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
    // RESP3.
    b"_\r\n",
    b"#t\r\n",
    b"#f\r\n",
    b",1.5\r\n",
    b",-inf\r\n",
    b"(3492890328409238509324850943850943825024385\r\n",
    b"!21\r\nSYNTAX invalid syntax\r\n",
    b"=15\r\ntxt:Some string\r\n",
    b"~2\r\n+a\r\n_\r\n",
    b">2\r\n+message\r\n$1\r\nx\r\n",
    b"%0\r\n",
    b"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n#t\r\n",
    b"|1\r\n+ttl\r\n:3600\r\n$1\r\nv\r\n",
    b"*2\r\n|1\r\n+k\r\n%1\r\n+a\r\n+b\r\n:1\r\n:2\r\n",
    b"|0\r\n|1\r\n|1\r\n+a\r\n+b\r\n+k\r\n+v\r\n+x\r\n",
];

#[test]
fn a_response_ends_where_its_last_element_does() {
    for bytes in WHOLE {
        for behind in [&b""[..], b"+OK\r\n", b"$", b"\r\n"] {
            let buf = [*bytes, behind].concat();
            let said = parse(&buf);
            let Ok(Progress::Done(response)) = said else {
                panic!("{}: {said:?}", bytes.escape_ascii());
            };
            assert_eq!(response.len, bytes.len(), "{}", bytes.escape_ascii());
        }
        assert_cuts_make_no_difference(bytes);
    }
    assert_cuts_make_no_difference(&WHOLE.concat());
}

#[test]
fn what_is_missing_is_never_more_than_what_comes() {
    for bytes in WHOLE {
        for len in 0..bytes.len() {
            let said = parse(&bytes[..len]);
            let Ok(Progress::Incomplete { missing }) = said else { panic!("{said:?}") };
            let left = bytes.len() - len;
            assert!((1..=left).contains(&missing), "{} at {len}", bytes.escape_ascii());
        }
    }
}

#[test]
fn the_outcome_is_in_the_first_word_of_an_error() {
    for (bytes, outcome) in [
        (&b"+OK\r\n"[..], Outcome::Fine),
        (b"+OOM x\r\n", Outcome::Fine),
        (b"*1\r\n-OOM x\r\n", Outcome::Fine),
        (b"$6\r\n-OOM x\r\n", Outcome::Fine),
        (b"-ERR x\r\n", Outcome::Error),
        (b"-\r\n", Outcome::Error),
        (b"-OOMX y\r\n", Outcome::Error),
        (b"-BUSYKEY Target key\r\n", Outcome::Error),
        (b"-BUSYGROUP x\r\n", Outcome::Error),
        (b"-loading lower\r\n", Outcome::Error),
        (b"-LOADINGS\r\n", Outcome::Error),
        (b"-NOAUTH Authentication required.\r\n", Outcome::Error),
        (b"-MASTERDOWN Link\r\n", Outcome::Error),
        (b"!5\r\nOOM x\r\n", Outcome::Error),
        (b"-OOM\r\n", Outcome::Unwell),
        (b"-OOM command not allowed\r\n", Outcome::Unwell),
        (b"-BUSY Redis is busy\r\n", Outcome::Unwell),
        (b"-BUSY\r\n", Outcome::Unwell),
        (b"-LOADING dataset\r\n", Outcome::Unwell),
        (b"-LOADING\r\n", Outcome::Unwell),
        (b"|1\r\n-OOM a\r\n+b\r\n+OK\r\n", Outcome::Fine),
        (b"|1\r\n+a\r\n+b\r\n|0\r\n-ERR x\r\n", Outcome::Error),
        (b"|1\r\n+a\r\n+b\r\n-BUSY x\r\n", Outcome::Unwell),
    ] {
        let whole = Response { len: bytes.len(), outcome, kind: kinds::kind(bytes) };
        assert_eq!(parse(bytes), Ok(Progress::Done(whole)), "{}", bytes.escape_ascii());
        assert_cuts_make_no_difference(bytes);
    }
}

#[test]
fn a_broken_rule_is_named_with_the_byte_that_broke_it() {
    let cases: &[(&[u8], usize, &str)] = &[
        (b"\r\n", 0, TYPE),
        (b"garbage\r\n", 0, TYPE),
        (b"*1\r\n\0", 4, TYPE),
        (b"+OK\rX\r\n", 4, LINE_END),
        (b":\r\n", 1, INTEGER),
        (b":+1\r\n", 1, INTEGER),
        (b":1-2\r\n", 2, INTEGER),
        (b":01\r\n", 2, INTEGER),
        (b":-0\r\n", 2, INTEGER),
        (b":a\r\n", 1, INTEGER),
        (b":1.0\r\n", 2, INTEGER),
        (b":99999999999999999999\r\n", 1, INTEGER),
        (b":9223372036854775808\r\n", 1, INTEGER),
        (b"$\r\n", 1, LENGTH),
        (b"$-2\r\n", 2, LENGTH),
        (b"$-1x", 3, LENGTH),
        (b"$-0\r\n", 2, LENGTH),
        (b"$+1\r\n", 1, LENGTH),
        (b"$01\r\n", 2, LENGTH),
        (b"$?\r\n", 1, LENGTH),
        (b"$3\nabc\n", 2, LENGTH),
        (b"$4294967299\r\nabc\r\n", 1, LENGTH),
        (b"$4293918720\r\n", 1, LENGTH),
        (b"!-1\r\n", 1, LENGTH),
        (b"=-1\r\n", 1, LENGTH),
        (b"$3\r\nabcd\r\n", 7, BULK_END),
        (b"$3\r\nabc\rd", 8, BULK_END),
        (b"*\r\n", 1, COUNT),
        (b"*a\r\n", 1, COUNT),
        (b"*-2\r\n", 2, COUNT),
        (b"*-1\rx", 4, COUNT),
        (b"~-1\r\n", 1, COUNT),
        (b"%-1\r\n", 1, COUNT),
        (b"*?\r\n", 1, COUNT),
        (b"*4294967296\r\n", 1, COUNT),
        (b"*9999999999\r\n", 1, COUNT),
        (b"_x\r\n", 1, NULL),
        (b"#x\r\n", 1, BOOLEAN),
        (b"#tt\r\n", 2, BOOLEAN),
    ];
    for (bytes, at, rule) in cases {
        let error = parse(bytes).expect_err(rule);
        assert_eq!((error.at, error.rule), (*at, *rule), "{}", bytes.escape_ascii());
        assert!(error.found.is_none_or(|byte| byte == bytes[*at]), "{}", bytes.escape_ascii());
        assert_cuts_make_no_difference(bytes);
        // And the same as an element.
        let nested = [b"*2\r\n", *bytes].concat();
        let at = if *at == 0 || bytes.len() > *at { at + 4 } else { *at };
        let error = parse(&nested).expect_err(rule);
        assert_eq!((error.at, error.rule), (at, *rule), "{}", nested.escape_ascii());
    }
}

#[test]
fn a_bulk_string_may_be_longer_than_one_in_a_request() {
    for length in [BULK_BYTES_MAX + 1, 3 * 1024 * 1024 * 1024, RESPONSE_BULK_BYTES_MAX] {
        for (head, others) in [("", 0), ("*2\r\n:1\r\n", 0), ("*2\r\n", ELEMENT_BYTES_MIN)] {
            let header = format!("{head}${length}\r\n");
            let missing = (length + 2 + others) as usize;
            assert_eq!(
                parse(header.as_bytes()),
                Ok(Progress::Incomplete { missing }),
                "{header:?}"
            );
            let mut parser = ResponseParser::new();
            assert_eq!(parser.parse(header.as_bytes()), Ok(Progress::Incomplete { missing }));
            let more = [header.as_bytes(), b"abc"].concat();
            let missing = missing - 3;
            assert_eq!(parser.parse(&more), Ok(Progress::Incomplete { missing }), "{header:?}");
        }
    }
}

#[test]
fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
    let mut line = b"-ERR ".to_vec();
    line.resize(1 + LINE_BYTES_MAX, b'x');
    assert!(matches!(parse(&line), Ok(Progress::Incomplete { .. })));
    line.extend_from_slice(b"\r\n");
    let whole = Response { len: line.len(), outcome: Outcome::Error, kind: kinds::kind(b"-") };
    assert_eq!(parse(&line), Ok(Progress::Done(whole)));
    line.insert(5, b'x');
    let error = ParseError { at: 1 + LINE_BYTES_MAX, found: None, rule: LONG_LINE };
    assert_eq!(parse(&line), Err(error));
    let mut parser = ResponseParser::new();
    assert!(matches!(parser.parse(&line[..1 + LINE_BYTES_MAX]), Ok(Progress::Incomplete { .. })));
    assert_eq!(parser.parse(&line[..2 + LINE_BYTES_MAX]), Err(error), "before its end is there");
}

#[test]
fn a_line_that_grows_byte_by_byte_is_not_read_from_its_start_each_time() {
    let mut line = b"+".to_vec();
    line.resize(1000, b'x');
    line.extend_from_slice(b"\r\n");
    let mut parser = ResponseParser::new();
    for len in 1..line.len() {
        assert!(matches!(parser.parse(&line[..len]), Ok(Progress::Incomplete { .. })), "{len}");
        assert_eq!((parser.at, parser.seen), (0, len));
    }
    assert!(matches!(parser.parse(&line), Ok(Progress::Done(_))));
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn nesting_costs_no_stack_and_a_huge_count_no_memory() {
    let deep = [&b"*1\r\n".repeat(1_000_000)[..], b":1\r\n"].concat();
    let whole = Response { len: deep.len(), outcome: Outcome::Fine, kind: kinds::kind(b"*") };
    assert_eq!(parse(&deep), Ok(Progress::Done(whole)));
    let described = [&b"|0\r\n".repeat(1_000_000)[..], b":1\r\n"].concat();
    let whole = Response { len: described.len(), outcome: Outcome::Fine, kind: kinds::kind(b":") };
    assert_eq!(parse(&described), Ok(Progress::Done(whole)));

    let said = parse(b"*4294967295\r\n");
    let missing = 1 + 3 * (u32::MAX as usize - 1);
    assert_eq!(said, Ok(Progress::Incomplete { missing }));
    let hostile = b"|4294967295\r\n".repeat(10_000);
    assert!(matches!(parse(&hostile), Ok(Progress::Incomplete { .. })));

    // Nobody sends the gigabytes that it takes to count so far; the count is looked after anyway.
    let mut parser = ResponseParser::of_elements(u64::MAX - 1);
    let error = ParseError { at: 0, found: None, rule: COUNT };
    assert_eq!(parser.parse(b"*4\r\n"), Err(error));
    assert!(matches!(parser.parse(b"*1\r\n"), Ok(Progress::Incomplete { missing: usize::MAX })));
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn a_large_array_in_pieces_is_walked_once() {
    const ELEMENTS: usize = 20_000;
    let array = format!("*{ELEMENTS}\r\n{}", "$4\r\nabcd\r\n".repeat(ELEMENTS)).into_bytes();
    let mut parser = ResponseParser::new();
    for len in (0..array.len()).step_by(7) {
        let before = parser.at;
        assert!(matches!(parser.parse(&array[..len]), Ok(Progress::Incomplete { .. })));
        assert!(parser.at >= before, "the place never goes back");
        assert!(len - parser.at < 10, "and is in the element that has not ended");
    }
    let whole = Response { len: array.len(), outcome: Outcome::Fine, kind: kinds::kind(b"*") };
    assert_eq!(parser.parse(&array), Ok(Progress::Done(whole)));
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn a_large_bulk_string_in_pieces_costs_one_compare_a_piece() {
    let value = vec![b'v'; 1024 * 1024];
    let bytes = [b"$1048576\r\n", &value[..], b"\r\n"].concat();
    let mut parser = ResponseParser::new();
    for len in (10..bytes.len()).step_by(1024) {
        let missing = bytes.len() - len;
        assert_eq!(parser.parse(&bytes[..len]), Ok(Progress::Incomplete { missing }), "{len}");
        assert_eq!((parser.at, parser.need), (0, bytes.len()), "nothing moved");
    }
    assert!(matches!(parser.parse(&bytes), Ok(Progress::Done(_))));
}

/// A value, its naive form: made, and not parsed.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let text = "[ -~]{0,12}";
    let leaf = prop_oneof![
        (prop_oneof![Just('+'), Just('-'), Just(','), Just('(')], text)
            .prop_map(|(kind, text)| format!("{kind}{text}\r\n").into_bytes()),
        any::<i64>().prop_map(|number| format!(":{number}\r\n").into_bytes()),
        Just(b"$-1\r\n".to_vec()),
        Just(b"*-1\r\n".to_vec()),
        Just(b"_\r\n".to_vec()),
        Just(b"#t\r\n".to_vec()),
        (
            prop_oneof![Just('$'), Just('!'), Just('=')],
            proptest::collection::vec(any::<u8>(), 0..30)
        )
            .prop_map(|(kind, body)| {
                [format!("{kind}{}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat()
            }),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let some = proptest::collection::vec(inner.clone(), 0..5);
        let kind = prop_oneof![Just('*'), Just('~'), Just('>')];
        prop_oneof![
            (kind, some.clone()).prop_map(|(kind, some)| {
                [format!("{kind}{}\r\n", some.len()).into_bytes(), some.concat()].concat()
            }),
            some.clone().prop_map(|some| {
                let pairs = format!("%{}\r\n", some.len()).into_bytes();
                [pairs, some.concat(), some.concat()].concat()
            }),
            (some, inner).prop_map(|(some, value)| {
                let pairs = format!("|{}\r\n", some.len()).into_bytes();
                [pairs, some.concat(), some.concat(), value].concat()
            }),
        ]
    })
}

proptest! {
    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn any_value_ends_where_it_was_made_to_end(values in proptest::collection::vec(value(), 1..4)) {
        let stream = values.concat();
        let mut rest = &stream[..];
        for value in &values {
            let said = parse(rest);
            let Ok(Progress::Done(response)) = said else {
                panic!("{}: {said:?}", rest.escape_ascii());
            };
            prop_assert_eq!(response.len, value.len());
            rest = &rest[response.len..];
        }
        assert_cuts_make_no_difference(&stream);
    }

    #[test]
    fn a_damaged_value_is_the_same_however_it_is_cut(
        value in value(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = value;
        let at = at.index(bytes.len());
        bytes[at] = byte;
        assert_cuts_make_no_difference(&bytes);
    }
}
