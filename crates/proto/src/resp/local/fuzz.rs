//! What must hold of all that clients say about themselves and of the proxy, for the fuzzer and for
//! the tests.

use std::time::Duration;

use super::{ClientAsk, ClientFacts, Reply, ServerFacts};
use crate::auth;
use crate::command::{Local, Travel};
use crate::progress::Progress;
use crate::protocol::Version;
use crate::request::Request;
use crate::resp::fuzz::{assert_one_error, assert_one_response};
use crate::resp::glob::matches;
use crate::resp::pubsub::{self, Heard};
use crate::resp::{RequestParser, encode};

/// What stands between two words of the input.
const BETWEEN_WORDS: u8 = b'\t';

/// What stands between two requests: an information separator of ASCII's.
const BETWEEN_REQUESTS: u8 = 0x1e;

/// Longer patterns than this are not tried the naive way, which takes exponential time.
const PATTERN_BYTES_MAX: usize = 12;

/// Takes `data` for requests of words, and panics where one that the proxy answers itself gets
/// anything but one whole response, in either version of the protocol.
pub fn fuzz_local(data: &[u8]) {
    let mut names: [&[u8]; 3] = [b""; 3];
    for request in data.split(|byte| *byte == BETWEEN_REQUESTS) {
        let words: Vec<&[u8]> = request.split(|byte| *byte == BETWEEN_WORDS).collect();
        check_pattern(&words);
        let mut frame = Vec::new();
        encode::head(words.len() as u64, words[0], &mut frame);
        words[1..].iter().for_each(|word| encode::string(word, &mut frame));
        let parsed = RequestParser::new(usize::MAX, usize::MAX).parse(&frame);
        match parsed {
            Ok(Progress::Done(Request::Routed(routed))) => {
                assert_eq!(routed.len, frame.len(), "a frame is one request");
                assert!(super::words(&frame).eq(words.iter().copied()), "its words come back");
                match routed.command.travel {
                    Travel::Here(local) => {
                        for version in [Version::Resp2, Version::Resp3] {
                            check_answer(local, &words, version, &mut names);
                        }
                    }
                    Travel::Subscription(subscription) => {
                        check_subscription(subscription.of(), &frame);
                    }
                    _ => {}
                }
            }
            Ok(Progress::Done(Request::Refused(refused))) => assert_one_error(&refused.answer),
            other => panic!("{} is no request: {other:?}", frame.escape_ascii()),
        }
    }
}

/// Answers as the engine does, but for what only an engine knows.
fn check_answer<'a>(local: Local, words: &[&'a [u8]], version: Version, names: &mut [&'a [u8]; 3]) {
    let mut out = Vec::new();
    let mut reply = Reply::new(version, &mut out);
    let mut arguments = words[1..].iter().copied();
    let facts = ServerFacts { uptime: 90_000, clients: 3, requests: 7, databases: 16 };
    match local {
        Local::Hello => match super::parse_hello(arguments) {
            Err(refusal) => reply.error(&refusal),
            Ok(hello) => {
                assert!(hello.name.is_none_or(super::is_valid_name));
                super::hello(super::HelloFacts { id: 1 }, &mut reply);
            }
        },
        Local::Client => match super::parse_client(arguments) {
            Err(refusal) => reply.error(&refusal),
            Ok(ask) => answer_client(&ask, version, &mut reply, names),
        },
        Local::Select => {
            let word = arguments.next().unwrap_or_default();
            match super::parse_select(word, facts.databases, 20) {
                Err(refusal) => reply.error(&refusal),
                Ok(database) => {
                    assert!(database < facts.databases || database == 20);
                    reply.ok();
                }
            }
        }
        Local::Authenticate => {
            let first = arguments.next().unwrap_or_default();
            let (answer, admitted) =
                super::authentication(first, arguments.next(), Some(b"secret"));
            if admitted == Some(true) {
                assert!(words[1..].contains(&&b"secret"[..]), "{words:?} opens the pool");
                assert_eq!(answer, auth::ACCEPTED);
            }
            out.extend_from_slice(answer);
        }
        Local::Command => {
            if let Err(refusal) = super::command(arguments, &mut reply) {
                reply.error(&refusal);
            }
        }
        Local::Config => {
            if let Err(refusal) = super::config(arguments, &facts, &mut reply) {
                reply.error(&refusal);
            }
        }
        Local::Info => super::info(arguments, &facts, &mut reply),
        Local::Cluster => reply.error(&super::cluster(words.iter().copied())),
        Local::Time => super::time(Duration::from_millis(1_700_000_000_123), &mut reply),
        // Answered with the word itself, or with nothing of the request in it.
        Local::Ping | Local::Echo | Local::Quit | Local::Reset | Local::Noop | Local::Verbosity => {
            reply.bulk(arguments.next().unwrap_or_default());
        }
    }
    assert_one_response(&out);
}

fn answer_client<'a>(
    ask: &ClientAsk<'a>,
    version: Version,
    reply: &mut Reply<'_>,
    names: &mut [&'a [u8]; 3],
) {
    let [name, library, library_version] = names;
    let set = |place: &mut &'a [u8], word: &'a [u8]| {
        assert!(super::is_valid_name(word));
        *place = word;
    };
    match ask {
        ClientAsk::SetName(word) => set(name, word),
        ClientAsk::SetLibraryName(word) => set(library, word),
        ClientAsk::SetLibraryVersion(word) => set(library_version, word),
        _ => {}
    }
    let facts = ClientFacts {
        id: 7,
        address: "127.0.0.1:4711".to_owned(),
        name,
        library_name: library,
        library_version,
        version,
        ..ClientFacts::default()
    };
    match ask {
        ClientAsk::List(filter) | ClientAsk::Kill(filter) => {
            if filter.passes(&facts) {
                assert!(filter.ids.as_ref().is_none_or(|ids| ids.contains(&facts.id)));
            }
            let mut line = Vec::new();
            super::client_line(&facts, &mut line);
            let ends = line.iter().filter(|byte| **byte == b'\n').count();
            assert!(ends == 1 && line.ends_with(b"\n"), "a client is a line");
            reply.text(&line);
        }
        ClientAsk::TrackingInfo => super::tracking_info(reply),
        ClientAsk::Help => super::client_help(reply),
        _ => reply.ok(),
    }
}

/// What a subscriber is told is a frame that a listener understands, and what servers are asked is
/// about the same names.
fn check_subscription((topic, begin): (pubsub::Topic, bool), frame: &[u8]) {
    for name in pubsub::names(frame).map(Some).chain([None]) {
        for version in [Version::Resp2, Version::Resp3] {
            let mut told = Vec::new();
            pubsub::confirm(version, (topic, begin), name, 3, &mut told);
            assert_one_response(&told);
            assert_eq!(told[0], pubsub::push_type(version));
            assert_eq!(pubsub::hear(&told), Heard::Done, "{}", told.escape_ascii());
        }
        let Some(name) = name else { continue };
        let mut asked = Vec::new();
        pubsub::ask(topic, begin, name, &mut asked);
        assert!(pubsub::names(&asked).eq([name]), "{}", asked.escape_ascii());
    }
}

/// The first two words as a pattern and a text: any are compared without harm, and where the pattern has
/// stars and question marks alone, the quick way and the obvious one agree.
fn check_pattern(words: &[&[u8]]) {
    let [pattern, text, ..] = words else { return };
    let quick = matches(pattern, text);
    let is_plain = !pattern.iter().any(|byte| matches!(byte, b'[' | b'\\'));
    if text.is_empty() {
        assert_eq!(quick, pattern.is_empty(), "no text is as {pattern:?}");
    } else if is_plain && pattern.len().max(text.len()) <= PATTERN_BYTES_MAX {
        assert_eq!(quick, matches_naively(pattern, text), "{pattern:?} on {text:?}");
    }
}

/// As the table of `glob.rs` has it.
fn matches_naively(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        ([b'*', rest @ ..], _) => {
            (0..=text.len()).any(|taken| matches_naively(rest, &text[taken..]))
        }
        ([b'?', rest @ ..], [_, text @ ..]) => matches_naively(rest, text),
        ([first, rest @ ..], [byte, text @ ..]) => first == byte && matches_naively(rest, text),
        (_, []) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUESTS: &[&str] = &[
        "client\tsetname\tme\x1eCLIENT\tSETINFO\tlib-ver\t1.0\x1eclient\tlist",
        "client\tlist\tid\t7\t8\x1eclient\tkill\tid\t7\tskipme\tno\tmaxage\t5",
        "hello\t3\tauth\tdefault\tsecret\tsetname\tme\x1eauth\tsecret\x1eselect\t20",
        "config\tget\t*a*e?\tdata*\x1einfo\tserver\tclients\x1ecluster\tinfo",
        "command\tgetkeys\tmset\ta\t1\tb\t2\x1ecommand\tlist\tfilterby\tpattern\tz*",
        "subscribe\ta\tb\x1epunsubscribe\x1essubscribe\t",
        "*a*b\txaxxb\x1e??*\tab\x1e**\t\x1e\t\x1e[^a-c]\\[*\td[e",
    ];

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn every_answer_is_one_response_whatever_is_asked() {
        for request in REQUESTS {
            fuzz_local(request.as_bytes());
            for at in 0..request.len() {
                fuzz_local(&request.as_bytes()[..at]);
                for byte in *b"\t\x1e*?0\r\n\xff" {
                    let mut changed = request.as_bytes().to_vec();
                    changed[at] = byte;
                    fuzz_local(&changed);
                }
            }
        }
    }
}
