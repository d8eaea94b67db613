//! A channel matches a pattern where a Redis server says that it does.

use nutcracker_proto::resp::glob;

#[test]
fn channels_match_the_patterns_that_redis_matches_them_with() {
    let mut rows = 0;
    for line in include_str!("data/redis_globs.tsv").lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[reached, pattern, channel] = &fields[..] else { panic!("three fields: {line}") };
        let matches = glob::matches(&bytes_of(pattern), &bytes_of(channel));
        assert_eq!(matches, reached == "1", "{line}");
        rows += 1;
    }
    assert_eq!(rows, 508);
}

/// The bytes of a field: printable ones as they are, others as `\xNN`, all in quotes.
fn bytes_of(field: &str) -> Vec<u8> {
    let text = field.strip_prefix('"').and_then(|text| text.strip_suffix('"')).expect("quotes");
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}
