//! The keys that are found in a request are those that a Redis server finds in it.

use nutcracker_proto::{Progress, Protocol, Request, RequestParser, Travel, split};

/// Requests of which the server says otherwise, and why the table does.
const OTHERWISE: &[(&str, &[&str], &str)] = &[
    ("publish a0 a1", &["a0"], "a channel lives on the server of its name"),
    ("spublish a0 a1", &["a0"], "the same"),
    ("pubsub numsub a0", &["a0"], "the same"),
    ("pubsub numsub a0 a1", &["a0", "a1"], "the same"),
    ("pubsub numsub a0 a1 a2", &["a0", "a1", "a2"], "the same"),
    ("pubsub shardnumsub a0", &["a0"], "the same"),
    ("pubsub shardnumsub a0 a1", &["a0", "a1"], "the same"),
    ("pubsub shardnumsub a0 a1 a2", &["a0", "a1", "a2"], "the same"),
    ("pfmerge a0", &["a0"], "it is served, and the server looks for a second key in vain"),
    ("georadius a 1 2 3 km STORE d STOREDIST e", &["a", "e"], "the last is what it stores at"),
];

/// Commands without keys of which fewer arguments are taken than the server's table says: its own
/// code refuses them.
const STRICTER: &[&str] = &["auth", "ping"];

#[test]
fn the_keys_of_every_command_are_those_that_redis_finds() {
    let mut found = 0;
    for line in include_str!("data/redis_keys.tsv").lines().filter(|line| !line.starts_with('#')) {
        let (words, keys) = line.split_once('\t').expect("two fields");
        let frame = frame_of(words);
        let request = RequestParser::new(Protocol::Redis, usize::MAX, usize::MAX).parse(&frame);
        let Ok(Progress::Done(Request::Routed(routed))) = request else {
            let name = words.split(' ').next().expect("a name");
            if STRICTER.contains(&name) {
                continue;
            }
            panic!("{words} is a request to a server, and here {request:?}");
        };
        if let Travel::Refused(_) | Travel::Here(_) = routed.command.travel {
            continue;
        }
        let expected: Vec<&str> = match OTHERWISE.iter().find(|(known, ..)| *known == words) {
            Some((_, keys, _)) => keys.to_vec(),
            None if keys.is_empty() || keys.starts_with('-') => Vec::new(),
            None => keys.split(' ').collect(),
        };
        let parts: Vec<&str> = split::parts(Protocol::Redis, &routed, &frame)
            .map(|part| std::str::from_utf8(part.key(&frame)).expect("text"))
            .collect();
        assert_eq!(parts, expected, "{words}");
        assert_eq!(routed.keys as usize, expected.len(), "{words}");
        let first = &frame[routed.key.start as usize..routed.key.end as usize];
        assert_eq!(first, expected.first().copied().unwrap_or_default().as_bytes(), "{words}");
        found += 1;
    }
    assert_eq!(found, 619);
}

fn frame_of(words: &str) -> Vec<u8> {
    let words: Vec<&str> = words.split(' ').collect();
    let mut frame = format!("*{}\r\n", words.len());
    for word in words {
        frame += &format!("${}\r\n{word}\r\n", word.len());
    }
    frame.into_bytes()
}
