//! Publish and subscribe on the wire: what is said to a server about a topic, what a server says of it,
//! and what a client is told.
//!
//! A topic is a channel, a pattern, or a shard channel. In RESP2 what a server pushes is an array like
//! any other, in RESP3 it has a type of its own; but for that first byte they are the same.

use super::digits;
use super::encode::{head, string};
use super::parts::Strings;
use crate::command::Subscription;
use crate::protocol::Version;

/// The kinds of topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// What is published to a channel of that name.
    Channel,
    /// What is published to any channel whose name matches.
    Pattern,
    /// What is published to a shard channel of that name.
    Shard,
}

impl Topic {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 3] = [Self::Channel, Self::Pattern, Self::Shard];

    const fn subscribe(self) -> &'static [u8] {
        match self {
            Self::Channel => b"subscribe",
            Self::Pattern => b"psubscribe",
            Self::Shard => b"ssubscribe",
        }
    }

    const fn unsubscribe(self) -> &'static [u8] {
        match self {
            Self::Channel => b"unsubscribe",
            Self::Pattern => b"punsubscribe",
            Self::Shard => b"sunsubscribe",
        }
    }
}

impl Subscription {
    /// The kind of topic it is about, and whether it begins (not ends) a subscription.
    #[must_use]
    pub const fn of(self) -> (Topic, bool) {
        match self {
            Self::Channels => (Topic::Channel, true),
            Self::Patterns => (Topic::Pattern, true),
            Self::Shards => (Topic::Shard, true),
            Self::EndChannels => (Topic::Channel, false),
            Self::EndPatterns => (Topic::Pattern, false),
            Self::EndShards => (Topic::Shard, false),
        }
    }
}

/// What a server says on a connection that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// Something was published. The whole frame is what a subscriber of the topic gets.
    Message {
        /// The kind of topic.
        topic: Topic,
        /// The topic's name; of a pattern: the pattern.
        name: &'a [u8],
    },
    /// The next of the requests to begin or to end a subscription was carried out.
    Done,
    /// The next of them was refused, in these words.
    Refused(&'a [u8]),
    /// An answer to a `PING`.
    Pong,
    /// A server that listens to the protocol says nothing of the kind.
    Odd,
}

/// Reads one whole frame of a connection that listens. No copy, no allocation.
#[must_use]
pub fn hear(frame: &[u8]) -> Heard<'_> {
    match frame.first() {
        Some(b'*' | b'>') => {}
        // What a connection that has no subscription left answers to a `PING`.
        Some(b'+') => return Heard::Pong,
        Some(b'-') => return Heard::Refused(frame[1..].trim_ascii()),
        _ => return Heard::Odd,
    }
    let mut strings = Strings::new(frame);
    let Some(verb) = strings.next() else { return Heard::Odd };
    let topic = match verb {
        b"message" => Topic::Channel,
        b"pmessage" => Topic::Pattern,
        b"smessage" => Topic::Shard,
        b"pong" => return Heard::Pong,
        _ => {
            let known = |topic: &Topic| [topic.subscribe(), topic.unsubscribe()].contains(&verb);
            return if Topic::ALL.iter().any(known) { Heard::Done } else { Heard::Odd };
        }
    };
    strings.next().map_or(Heard::Odd, |name| Heard::Message { topic, name })
}

/// Asks a server for what is published to a topic, or for no more of it.
pub fn ask(topic: Topic, begin: bool, name: &[u8], out: &mut Vec<u8>) {
    head(2, if begin { topic.subscribe() } else { topic.unsubscribe() }, out);
    string(name, out);
}

/// The names in a client's request.
pub fn names(frame: &[u8]) -> impl Iterator<Item = &[u8]> {
    Strings::new(frame).skip(1)
}

/// Tells a client that a subscription has begun or ended, and how many it has left.
///
/// `name` is `None` for a client that wanted to end all and had none.
pub fn confirm(
    version: Version,
    (topic, begin): (Topic, bool),
    name: Option<&[u8]>,
    left: usize,
    out: &mut Vec<u8>,
) {
    out.push(push_type(version));
    out.extend_from_slice(b"3\r\n");
    string(if begin { topic.subscribe() } else { topic.unsubscribe() }, out);
    match (name, version) {
        (Some(name), _) => string(name, out),
        (None, Version::Resp2) => out.extend_from_slice(b"$-1\r\n"),
        (None, Version::Resp3) => out.extend_from_slice(b"_\r\n"),
    }
    out.push(b':');
    digits::push(left as u64, out);
    out.extend_from_slice(b"\r\n");
}

/// The first byte of what is pushed to a client of that version.
#[must_use]
pub const fn push_type(version: Version) -> u8 {
    match version {
        Version::Resp2 => b'*',
        Version::Resp3 => b'>',
    }
}

/// The answer to `PING` for a RESP2 client that has subscriptions: an array, so that it is not taken
/// for an answer to something else.
pub fn subscribers_pong(message: &[u8], out: &mut Vec<u8>) {
    head(2, b"pong", out);
    string(message, out);
}

/// What a RESP2 client that has subscriptions is told about any other request.
pub fn not_while_subscribed(command: &str, out: &mut Vec<u8>) {
    // A server ends a transaction over whatever is wrong with `EXEC`, even where there is none.
    let code: &[u8] = match command {
        "exec" => b"-EXECABORT Transaction discarded because of: ",
        _ => b"-ERR ",
    };
    out.extend_from_slice(code);
    out.extend_from_slice(b"Can't execute '");
    out.extend_from_slice(command.as_bytes());
    out.extend_from_slice(
        b"': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_told_apart() {
        let message = |topic, name| Heard::Message { topic, name };
        let cases: &[(&[u8], Heard<'_>)] = &[
            (b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n", message(Topic::Channel, b"a")),
            (
                b">4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$2\r\nab\r\n$2\r\nhi\r\n",
                message(Topic::Pattern, b"a*"),
            ),
            (b"*3\r\n$8\r\nsmessage\r\n$0\r\n\r\n$2\r\nhi\r\n", message(Topic::Shard, b"")),
            (b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n", Heard::Done),
            (b"*3\r\n$12\r\npunsubscribe\r\n$1\r\na\r\n:0\r\n", Heard::Done),
            (b"*3\r\n$12\r\nsunsubscribe\r\n$-1\r\n:0\r\n", Heard::Done),
            (b"*2\r\n$4\r\npong\r\n$0\r\n\r\n", Heard::Pong),
            (b"-NOPERM no\r\n", Heard::Refused(b"NOPERM no")),
            (b"+PONG\r\n", Heard::Pong),
            (b":1\r\n", Heard::Odd),
            (b"*0\r\n", Heard::Odd),
            (b"*1\r\n$7\r\nmessage\r\n", Heard::Odd),
            (b"*1\r\n:7\r\n", Heard::Odd),
            (b"*2\r\n$6\r\nmonkey\r\n$1\r\na\r\n", Heard::Odd),
        ];
        for (frame, expected) in cases {
            assert_eq!(hear(frame), *expected, "{}", frame.escape_ascii());
        }
    }

    #[test]
    fn a_client_is_told_in_its_own_version() {
        let told = |version, change, name, left| {
            let mut out = Vec::new();
            confirm(version, change, name, left, &mut out);
            String::from_utf8(out).unwrap()
        };
        let begin = (Topic::Channel, true);
        assert_eq!(
            told(Version::Resp2, begin, Some(b"a"), 1),
            "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
        );
        assert_eq!(
            told(Version::Resp3, (Topic::Pattern, true), Some(b""), 12),
            ">3\r\n$10\r\npsubscribe\r\n$0\r\n\r\n:12\r\n"
        );
        let end = (Topic::Shard, false);
        assert_eq!(
            told(Version::Resp2, end, None, 0),
            "*3\r\n$12\r\nsunsubscribe\r\n$-1\r\n:0\r\n"
        );
        assert_eq!(told(Version::Resp3, end, None, 0), ">3\r\n$12\r\nsunsubscribe\r\n_\r\n:0\r\n");
    }

    #[test]
    fn other_requests_than_a_subscriber_s_are_refused_in_a_server_s_words() {
        // As redis-server 7.0.15 says it.
        let rest = "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
                    this context\r\n";
        for (command, begin) in [
            ("get", "-ERR Can't execute 'get': "),
            ("exec", "-EXECABORT Transaction discarded because of: Can't execute 'exec': "),
        ] {
            let mut out = Vec::new();
            not_while_subscribed(command, &mut out);
            assert_eq!(out, format!("{begin}{rest}").into_bytes());
        }
    }

    #[test]
    fn a_server_is_asked_and_a_request_has_its_names() {
        for change in [
            Subscription::Channels,
            Subscription::Patterns,
            Subscription::Shards,
            Subscription::EndChannels,
            Subscription::EndPatterns,
            Subscription::EndShards,
        ] {
            let (topic, begin) = change.of();
            let mut out = Vec::new();
            ask(topic, begin, b"n\r\n", &mut out);
            assert_eq!(names(&out).collect::<Vec<_>>(), [b"n\r\n"], "{change:?}");
        }
    }
}
