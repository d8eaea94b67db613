//! What each line asks for.

use super::*;
use crate::request::Quiet;

/// A line's verdict in short: what is routed and how, or the answer; and the block's length.
fn read_text(line: &str) -> Result<(String, usize), &'static str> {
    let whole = format!("{line}\r\n");
    let read = read(whole.as_bytes(), true).map_err(|error| error.rule)?;
    let at = |range: Range<u32>| &line[range.start as usize..range.end as usize];
    let verdict = match read.verdict {
        Verdict::Route { command, key, keys, omit, .. } => {
            let omit = omit.map(at).unwrap_or_default();
            format!("{} [{}] {keys} [{omit}]", command.name, at(key))
        }
        Verdict::Refuse(answer) | Verdict::Reword(answer) => {
            String::from_utf8(answer.to_vec()).unwrap()
        }
        Verdict::Blank(spaces) => format!("{spaces} spaces"),
    };
    Ok((verdict, read.block_bytes))
}

#[track_caller]
fn check(cases: &[(&str, &str, usize)]) {
    for &(line, verdict, block_bytes) in cases {
        assert_eq!(read_text(line), Ok((verdict.to_owned(), block_bytes)), "{line:?}");
    }
}

#[test]
fn each_command_of_the_table_is_routed() {
    check(&[
        ("get a", "get [a] 1 []", 0),
        ("gets a bc  d ", "gets [a] 3 []", 0),
        ("get k noreply", "get [k] 2 []", 0),
        ("set k 0 0 1", "set [k] 1 []", 3),
        ("add k 18446744073709551615 -1 0", "add [k] 1 []", 2),
        ("replace k 0 0 10", "replace [k] 1 []", 12),
        ("append k 007 00 01", "append [k] 1 []", 3),
        ("prepend k 0 9223372036854775807 1", "prepend [k] 1 []", 3),
        ("set k 0 0 0000000001", "set [k] 1 []", 3),
        ("ms k 0000000001", "ms [k] 1 []", 3),
        ("cas k 0 0 1 18446744073709551615", "cas [k] 1 []", 3),
        ("delete k", "delete [k] 1 []", 0),
        ("delete k 0", "delete [k] 1 []", 0),
        ("incr k 5", "incr [k] 1 []", 0),
        ("decr k -1", "decr [k] 1 []", 0),
        ("incr k 99999999999999999999999", "incr [k] 1 []", 0),
        ("touch k -1", "touch [k] 1 []", 0),
        ("version", "version [] 0 []", 0),
        ("version noreply", "version [] 0 []", 0),
        ("quit  now ", "quit [] 0 []", 0),
    ]);
}

#[test]
fn noreply_is_found_with_the_spaces_before_it() {
    check(&[
        ("set k 0 0 1 noreply", "set [k] 1 [ noreply]", 3),
        ("set k 0 0 1   noreply   ", "set [k] 1 [   noreply]", 3),
        ("cas k 0 0 1 7 noreply", "cas [k] 1 [ noreply]", 3),
        ("delete k noreply", "delete [k] 1 [ noreply]", 0),
        ("delete k 0 noreply", "delete [k] 1 [ noreply]", 0),
        ("delete noreply 0 noreply", "delete [noreply] 1 [ noreply]", 0),
        ("incr k 1 noreply", "incr [k] 1 [ noreply]", 0),
        ("touch k 0 noreply", "touch [k] 1 [ noreply]", 0),
    ]);
}

// memcached 1.6.40 would take the key for the word, and not answer.
#[test]
fn the_key_noreply_is_deleted_in_words_that_every_server_answers() {
    check(&[
        ("delete noreply", "delete noreply 0\r\n", 0),
        ("delete   noreply  ", "delete noreply 0\r\n", 0),
        ("delete noreply noreply", "delete noreply 0 noreply\r\n", 0),
        ("delete noreply 0", "delete [noreply] 1 []", 0),
        ("incr noreply 5", "incr [noreply] 1 []", 0),
        ("touch noreply 5", "touch [noreply] 1 []", 0),
        ("gat 5 noreply", "gat [noreply] 1 []", 0),
        ("incr noreply noreply", "", 0),
        ("touch noreply noreply", "", 0),
    ]);
}

// memcached 1.6.18 gives each of these answers, but for those that name one of our limits.
#[test]
fn what_is_refused_gets_the_answer_that_memcached_gives() {
    check(&[
        ("", "ERROR\r\n", 0),
        ("foo", "ERROR\r\n", 0),
        ("set\0 k 0 0 1", "ERROR\r\n", 0),
        ("get\r a", "ERROR\r\n", 0),
        ("GET a", "ERROR\r\n", 0),
        ("get\ta", "ERROR\r\n", 0),
        ("get", "ERROR\r\n", 0),
        ("get ", "ERROR\r\n", 0),
        ("set k 0 0 1 2 3", "ERROR\r\n", 3),
        ("set k 0 0 1 2 3 4 5 6 7", "ERROR\r\n", 3),
        ("set k -1 0 1", "CLIENT_ERROR bad command line format\r\n", 3),
        ("set k x 0 1", "CLIENT_ERROR bad command line format\r\n", 3),
        ("set k 18446744073709551616 0 1", "CLIENT_ERROR bad command line format\r\n", 3),
        ("set k 0 x 1", "CLIENT_ERROR bad command line format\r\n", 3),
        ("set k 0 - 1", "CLIENT_ERROR bad command line format\r\n", 3),
        ("set k 0 9223372036854775808 1", "CLIENT_ERROR bad command line format\r\n", 3),
        ("cas k 0 0 1", "ERROR\r\n", 3),
        ("cas k 0 0 1 x", "CLIENT_ERROR bad command line format\r\n", 3),
        ("cas k 0 0 1 -1", "CLIENT_ERROR bad command line format\r\n", 3),
        ("delete", "ERROR\r\n", 0),
        (
            "delete k 1",
            "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n",
            0,
        ),
        (
            "delete k 00",
            "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n",
            0,
        ),
        (
            "delete k noreply 0",
            "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n",
            0,
        ),
        ("delete k 0 x y", "ERROR\r\n", 0),
        ("incr k", "ERROR\r\n", 0),
        ("incr k abc", "CLIENT_ERROR invalid numeric delta argument\r\n", 0),
        ("decr k -", "CLIENT_ERROR invalid numeric delta argument\r\n", 0),
        ("incr k 1 2 3", "ERROR\r\n", 0),
        ("touch k", "ERROR\r\n", 0),
        ("touch k x", "CLIENT_ERROR invalid exptime argument\r\n", 0),
        ("touch k 1 2 3", "ERROR\r\n", 0),
    ]);
}

#[test]
fn a_word_that_memcached_overlooks_is_refused_as_the_original_refused_it() {
    check(&[
        ("set k 0 0 1 norepl", "CLIENT_ERROR bad command line format\r\n", 3),
        ("set k 0 0 1 NOREPLY", "CLIENT_ERROR bad command line format\r\n", 3),
        ("cas k 0 0 1 1 2", "CLIENT_ERROR bad command line format\r\n", 3),
        ("incr k 1 2", "CLIENT_ERROR bad command line format\r\n", 0),
        ("touch k 1 2", "CLIENT_ERROR bad command line format\r\n", 0),
    ]);
}

#[test]
fn administration_is_refused_with_a_reason_and_any_other_name_is_unknown() {
    let refused =
        "CLIENT_ERROR not served: servers are administered one by one, not through a proxy\r\n";
    for name in [
        "lru_crawler",
        "lru",
        "slabs",
        "watch",
        "shutdown",
        "cache_memlimit",
        "misbehave",
        "extstore",
        "refresh_certs",
    ] {
        check(&[(&format!("{name} 10 k"), refused, 0), (name, refused, 0)]);
    }
    for name in ["verb", "flush_al", "flush_alll", "MG", "mx", "shutdown2"] {
        check(&[(&format!("{name} 10 k"), "ERROR\r\n", 0)]);
    }
}

#[test]
fn gat_has_its_keys_behind_its_expiry_time() {
    let bad = "CLIENT_ERROR invalid exptime argument\r\n";
    let long = "CLIENT_ERROR line is longer than 1024 bytes\r\n";
    check(&[
        ("gat 10 a", "gat [a] 1 []", 0),
        ("gats  -1  a bc ", "gats [a] 2 []", 0),
        ("gat x a", bad, 0),
        ("gat 10", "ERROR\r\n", 0),
        ("gat", "ERROR\r\n", 0),
        (&format!("gat 1{} a", " ".repeat(1024)), long, 0),
    ]);
}

#[test]
fn requests_without_a_key_may_have_arguments() {
    let stats = "ERROR\r\n";
    check(&[
        ("flush_all", "flush_all [] 0 []", 0),
        ("flush_all 10", "flush_all [] 0 []", 0),
        ("flush_all noreply", "flush_all [] 0 [ noreply]", 0),
        ("flush_all -1  noreply ", "flush_all [] 0 [  noreply]", 0),
        ("flush_all x", "CLIENT_ERROR invalid exptime argument\r\n", 0),
        ("flush_all x noreply", "", 0),
        ("flush_all 1 2", "ERROR\r\n", 0),
        ("flush_all 1 2 3", "ERROR\r\n", 0),
        ("verbosity 1", "verbosity [] 0 []", 0),
        ("verbosity 1 noreply", "verbosity [] 0 [ noreply]", 0),
        ("verbosity", "ERROR\r\n", 0),
        ("verbosity a", "CLIENT_ERROR bad command line format\r\n", 0),
        ("verbosity a noreply", "", 0),
        ("stats", "stats [] 0 []", 0),
        ("stats items", "stats [] 0 []", 0),
        ("stats settings ", "stats [] 0 []", 0),
        ("stats reset", stats, 0),
        ("stats conns", stats, 0),
        ("stats detail on", "ERROR\r\n", 0),
        ("mn", "mn [] 0 []", 0),
        ("mn x", "mn [] 0 []", 0),
    ]);
}

#[test]
fn a_meta_command_loses_its_q_and_nothing_else() {
    let duplicate = "CLIENT_ERROR duplicate flag\r\n";
    check(&[
        ("mg k", "mg [k] 1 []", 0),
        ("mg  k  v  q  Oab", "mg [k] 1 [  q]", 0),
        ("mg q q", "mg [q] 1 [ q]", 0),
        ("mg k qk v", "mg [k] 1 [ qk]", 0),
        ("mg k Oq kq", "mg [k] 1 []", 0),
        ("mg k q v q", duplicate, 0),
        ("md k q", "md [k] 1 [ q]", 0),
        ("ma k N0 J4 q", "ma [k] 1 [ q]", 0),
        ("me k q", "me [k] 1 []", 0),
        ("ms k 5 T0 q", "ms [k] 1 [ q]", 7),
        ("ms k 5", "ms [k] 1 []", 7),
        ("ms k 5 q q", duplicate, 7),
        ("mg", "ERROR\r\n", 0),
        (&format!("mg k{}", " v".repeat(16)), "mg [k] 1 []", 0),
        (&format!("ms k 5{}", " I".repeat(17)), "CLIENT_ERROR options flags too long\r\n", 7),
    ]);
    let meta = |line: &[u8]| match read(line, true).unwrap().verdict {
        Verdict::Route { meta, noreply: false, .. } => (meta.quiet, meta.encoded_key),
        other => panic!("{other:?}"),
    };
    assert_eq!(meta(b"mg a q\n"), (Quiet::Misses, false));
    assert_eq!(meta(b"ms a 1 q\n"), (Quiet::Successes, false));
    assert_eq!(meta(b"md YQ== q b\n"), (Quiet::Successes, true));
    assert_eq!(meta(b"mg YQ== b\n"), (Quiet::No, true));
}

#[test]
fn meta_commands_are_refused_with_their_data_where_the_operator_says_so() {
    for (line, block_bytes) in [
        (&b"mg k v\r\n"[..], 0),
        (b"ms k 11 q q\r\n", 13),
        (b"md k\r\n", 0),
        (b"ma k\r\n", 0),
        (b"me k\r\n", 0),
        (b"mn\r\n", 0),
        (b"ms k 11 -\r\n", 13),
    ] {
        let refused = Line { block_bytes, verdict: Verdict::Refuse(encode::META_COMMANDS_OFF) };
        assert_eq!(read(line, false), Ok(refused), "{}", line.escape_ascii());
    }
    assert_eq!(read(b"ms k x\r\n", false).map_err(|error| error.rule), Err(NO_DATA_LENGTH));
    for line in [&b"get k\r\n"[..], b"set k 0 0 1\r\n", b"version\r\n", b"quit\r\n"] {
        assert_eq!(read(line, false), read(line, true));
    }
}

#[test]
fn a_key_that_is_no_base64_has_no_place_to_go() {
    let bad = "CLIENT_ERROR error decoding key\r\n";
    check(&[
        ("mg YWJj b", "mg [YWJj] 1 []", 0),
        ("mg YWJ b", bad, 0),
        ("mg YWJ", "mg [YWJ] 1 []", 0),
        ("ms !!!! 2 b", bad, 4),
    ]);
}

#[test]
fn the_data_of_a_storage_command_that_is_not_served_is_no_command() {
    check(&[
        ("MS key 5 T0 q", "ERROR\r\n", 7),
        ("SET k 0 0 7", "ERROR\r\n", 9),
        ("Cas k 0 0 7 1", "ERROR\r\n", 9),
    ]);
}

// memcached 1.6.40 refuses these lines and runs the data behind them; earlier ones do not.
#[test]
fn a_storage_command_whose_data_a_server_might_run_is_refused_with_its_data() {
    let (format, flag) =
        ("CLIENT_ERROR bad command line format\r\n", "CLIENT_ERROR invalid flag\r\n");
    check(&[
        ("set k 0 0 00000000009", format, 11),
        ("set k 0 0 00000000009 noreply", "", 11),
        ("cas k 0 0 000000000000000000009 1", format, 11),
        ("ms k 00000000009", format, 11),
        ("ms k 9 T0 -x", flag, 11),
        ("ms k 9 A a Z z 0 9 [ ` _", "ms [k] 1 []", 11),
    ]);
    for byte in 1..=u8::MAX {
        if b" \r\n".contains(&byte) {
            continue;
        }
        let line = [b"ms YWJj 9 ".as_slice(), &[byte], b"x\r\n"].concat();
        let is_taken = (65..=122).contains(&byte) || byte.is_ascii_digit();
        let Line { block_bytes, verdict } = read(&line, true).unwrap();
        match verdict {
            Verdict::Route { .. } => assert!(is_taken, "{byte}"),
            Verdict::Refuse(answer) => assert!(!is_taken && answer == flag.as_bytes(), "{byte}"),
            Verdict::Reword(_) | Verdict::Blank(_) => unreachable!("it is an ms"),
        }
        assert_eq!(block_bytes, 11);
    }
    check(&[("mg k -x", "mg [k] 1 []", 0), ("md k !", "md [k] 1 []", 0)]);
}

#[test]
fn a_storage_command_whose_length_cannot_be_read_ends_the_stream() {
    for line in [
        "set",
        "set k",
        "set k 0 0",
        "set k 0 0 x",
        "set k 0 0 -1",
        "set k 0 0 1x",
        "set k 0 0 1073741825",
        "set k 0 0 4294967297",
        "set k 0 0 1\rv",
        "set k 0 0 1\0",
        "cas k 0 0",
        "ms",
        "ms key",
        "ms key S5",
        "SET k 0 0",
    ] {
        assert_eq!(read_text(line), Err(NO_DATA_LENGTH), "{line:?}");
    }
    let error = read(b"set k 0 0 -1 noreply\r\n", true).unwrap_err();
    assert_eq!((error.at, error.found), (10, None));
    assert_eq!(read(b"set k 0 0 \n", true).unwrap_err().at, 10);
    assert!(NO_DATA_LENGTH.ends_with(&format!(" {VALUE_BYTES_MAX}")));
    assert_eq!(read_text("set k 0 0 1073741824").unwrap().1, 1_073_741_826);
}

#[test]
fn a_key_has_250_bytes_at_most() {
    let fits = "k".repeat(MEMCACHE_KEY_BYTES_MAX);
    let over = "k".repeat(MEMCACHE_KEY_BYTES_MAX + 1);
    let refused = "CLIENT_ERROR key is longer than 250 bytes\r\n";
    for (before, after, block_bytes) in [
        ("get ", "", 0),
        ("get a ", " b", 0),
        ("set ", " 0 0 1", 3),
        ("delete ", "", 0),
        ("incr ", " 1", 0),
        ("touch ", " 1", 0),
        ("cas ", " 0 0 1 1", 3),
    ] {
        let (verdict, _) = read_text(&format!("{before}{fits}{after}")).unwrap();
        assert!(!verdict.contains("ERROR"), "{before}{after}: {verdict}");
        check(&[(&format!("{before}{over}{after}"), refused, block_bytes)]);
    }
}

#[test]
fn who_wants_no_answer_gets_none_when_refused() {
    let over = "k".repeat(MEMCACHE_KEY_BYTES_MAX + 1);
    check(&[
        ("set k x 0 1 noreply", "", 3),
        ("delete k x noreply", "", 0),
        ("incr k abc noreply", "", 0),
        ("incr k noreply", "", 0),
        (&format!("delete {over} noreply"), "", 0),
        ("ms k 1 noreply", "ms [k] 1 []", 3),
        ("foo noreply", "ERROR\r\n", 0),
        ("get noreply", "get [noreply] 1 []", 0),
    ]);
}

#[test]
fn spaces_before_a_line_are_none_of_it() {
    check(&[
        (" ", "1 spaces", 0),
        ("  get a", "2 spaces", 0),
        ("   set k 0 0 9", "3 spaces", 0),
        ("    foo HTTP/1.1", "4 spaces", 0),
    ]);
}

#[test]
fn cr_and_nul_have_no_place_in_a_line() {
    let refused = "CLIENT_ERROR a line holds no CR and no NUL\r\n";
    check(&[
        ("get a\rb", refused, 0),
        ("get a\r", refused, 0),
        ("get a b\0", refused, 0),
        ("get a \0b c", refused, 0),
        ("set k\0 0 0 7", refused, 9),
        ("set k 0 0 7 \0", refused, 9),
        ("delete k\r", refused, 0),
        ("version \r", refused, 0),
        ("version\0", "ERROR\r\n", 0),
        ("get a\u{1}\tb\u{e9}", "get [a\u{1}\tb\u{e9}] 1 []", 0),
    ]);
}

#[test]
fn a_line_that_memcached_might_not_read_is_not_sent() {
    let refused = "CLIENT_ERROR line is longer than 1024 bytes\r\n";
    let pad = |bytes: usize| " ".repeat(bytes);
    // With its line end and its other words, the line has 1024 bytes and one more.
    check(&[
        (&format!("set{}k 0 0 1", pad(1012)), "set [k] 1 []", 3),
        (&format!("set{}k 0 0 1", pad(1013)), refused, 3),
        (&format!("version{}", pad(1015)), "version [] 0 []", 0),
        (&format!("version{}", pad(1016)), refused, 0),
        (&format!("get{}k", pad(3000)), "get [k] 1 []", 0),
    ]);
}

#[test]
fn a_browser_is_sent_away() {
    for line in ["GET / HTTP/1.1", "POST /x HTTP/1.0", "PRI * HTTP/2.0"] {
        assert_eq!(read_text(line), Err(NO_HTTP), "{line:?}");
    }
}
