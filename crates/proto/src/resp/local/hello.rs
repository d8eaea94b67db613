//! `HELLO`, `AUTH` and `SELECT`: who a client is, and what it wants to speak with whom.

use super::super::digits;
use super::{NO_INTEGER, REDIS_LEVEL, Refusal, Reply, is, is_valid_name, printable};
use crate::auth;
use crate::protocol::Version;

/// A user's name and password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// The user; the proxy knows `default` alone.
    pub user: &'a [u8],
    /// The password.
    pub password: &'a [u8],
}

impl Credentials<'_> {
    /// Whether they open a pool with that password. As at a Redis server, any password opens one
    /// that has none.
    #[must_use]
    pub fn open(&self, password: Option<&[u8]>) -> bool {
        self.user == b"default" && password.is_none_or(|password| password == self.password)
    }
}

/// What a `HELLO` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hello<'a> {
    /// Another version, or the one there is.
    pub version: Option<Version>,
    /// `AUTH user password`.
    pub credentials: Option<Credentials<'a>>,
    /// `SETNAME name`, a valid one.
    pub name: Option<&'a [u8]>,
}

/// What the answer to a `HELLO` tells.
#[derive(Clone, Copy, Debug)]
pub struct HelloFacts {
    /// The client's number.
    pub id: u64,
}

/// Reads what follows the word `HELLO`.
///
/// # Errors
/// In Redis' words, and for the first thing that it finds wrong.
pub fn parse_hello<'a>(mut words: impl Iterator<Item = &'a [u8]>) -> Result<Hello<'a>, Refusal> {
    let mut hello = Hello::default();
    let Some(version) = words.next() else { return Ok(hello) };
    hello.version = Some(match digits::whole_integer(version) {
        None => return Err("ERR Protocol version is not an integer or out of range".into()),
        Some(2) => Version::Resp2,
        Some(3) => Version::Resp3,
        Some(_) => return Err("NOPROTO unsupported protocol version".into()),
    });
    while let Some(option) = words.next() {
        if is(option, "AUTH") {
            if let (Some(user), Some(password)) = (words.next(), words.next()) {
                hello.credentials = Some(Credentials { user, password });
                continue;
            }
        } else if is(option, "SETNAME")
            && let Some(name) = words.next()
        {
            if !is_valid_name(name) {
                return Err(super::client::INVALID_NAME);
            }
            hello.name = Some(name);
            continue;
        }
        return Err(format!("ERR Syntax error in HELLO option '{}'", printable(option)).into());
    }
    Ok(hello)
}

/// The answer to a `HELLO`.
pub fn hello(facts: HelloFacts, reply: &mut Reply<'_>) {
    let proto = match reply.version() {
        Version::Resp2 => 2,
        Version::Resp3 => 3,
    };
    reply.map(7);
    for (name, value) in [("server", "redis"), ("version", REDIS_LEVEL)] {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"proto");
    reply.integer(proto);
    reply.bulk(b"id");
    reply.integer(facts.id as i64);
    for (name, value) in [("mode", "standalone"), ("role", "master")] {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"modules");
    reply.array(0);
}

/// What an `AUTH` with these arguments is answered, and whether the client is in from now on; `None`
/// where that stays as it is.
///
/// With one argument in the original's words, and a wrong password takes back what a right one gave.
/// With two as Redis has it.
#[must_use]
pub fn authentication(
    first: &[u8],
    second: Option<&[u8]>,
    password: Option<&[u8]>,
) -> (&'static [u8], Option<bool>) {
    match (second, password) {
        (Some(second), _) => match (Credentials { user: first, password: second }).open(password) {
            true => (auth::ACCEPTED, Some(true)),
            false => (auth::WRONG_PAIR, None),
        },
        (None, None) => (auth::NOT_NEEDED, Some(false)),
        (None, Some(password)) if password == first => (auth::ACCEPTED, Some(true)),
        (None, Some(_)) => (auth::WRONG, Some(false)),
    }
}

/// Why there is no such database, in Redis' words.
pub type SelectError = Refusal;

/// The database that `SELECT` names, of so many; or `own`, which may be beyond them.
///
/// # Errors
/// Where it is no number, or none of theirs.
pub fn parse_select(word: &[u8], databases: u32, own: u32) -> Result<u32, SelectError> {
    let number = digits::whole_integer(word).ok_or(NO_INTEGER)?;
    if i32::try_from(number).is_err() {
        return Err(
            "ERR value is out of range, value must between -2147483648 and 2147483647".into()
        );
    }
    match u32::try_from(number) {
        Ok(number) if number < databases || number == own => Ok(number),
        _ => Err("ERR DB index is out of range".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<Hello<'_>, Refusal> {
        parse_hello(line.split(' ').filter(|word| !word.is_empty()).map(str::as_bytes))
    }

    #[test]
    fn what_hello_asks_for_is_read_in_any_order_and_the_last_word_counts() {
        let version = Some(Version::Resp3);
        let credentials = Some(Credentials { user: b"default", password: b"x" });
        assert_eq!(asked(""), Ok(Hello::default()));
        assert_eq!(asked("2"), Ok(Hello { version: Some(Version::Resp2), ..Hello::default() }));
        let all = Hello { version, credentials, name: Some(b"me") };
        assert_eq!(asked("3 auth default x setname me"), Ok(all));
        assert_eq!(asked("3 SETNAME you SETNAME me AUTH bob y AUTH default x"), Ok(all));
    }

    #[test]
    fn what_hello_does_not_know_is_refused_in_the_words_of_redis() {
        // Each was asked of redis-server 7.0.15.
        let no_number = "ERR Protocol version is not an integer or out of range";
        let no_name = "ERR Client names cannot contain spaces, newlines or special characters.";
        for (line, expected) in [
            ("4", "NOPROTO unsupported protocol version"),
            ("1", "NOPROTO unsupported protocol version"),
            ("-3", "NOPROTO unsupported protocol version"),
            ("abc", no_number),
            ("03", no_number),
            ("SETNAME a", no_number),
            ("3 AUTH default", "ERR Syntax error in HELLO option 'AUTH'"),
            ("3 SETNAME", "ERR Syntax error in HELLO option 'SETNAME'"),
            ("3 SETNAME a FOO", "ERR Syntax error in HELLO option 'FOO'"),
            ("3 FOO", "ERR Syntax error in HELLO option 'FOO'"),
            ("3 F\r\nO", "ERR Syntax error in HELLO option 'F  O'"),
            ("3 SETNAME a\nb", no_name),
        ] {
            assert_eq!(asked(line), Err(expected.into()), "{line}");
        }
    }

    #[test]
    fn hello_is_answered_as_redis_does() {
        let rest = "$2\r\nid\r\n:7\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n";
        let begin =
            "$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.4.0\r\n$5\r\nproto\r\n";
        for (version, head, number) in
            [(Version::Resp2, "*14\r\n", 2), (Version::Resp3, "%7\r\n", 3)]
        {
            let mut out = Vec::new();
            hello(HelloFacts { id: 7 }, &mut Reply::new(version, &mut out));
            let expected = format!("{head}{begin}:{number}\r\n{rest}");
            assert_eq!(String::from_utf8(out), Ok(expected));
        }
    }

    #[test]
    fn a_database_is_a_number_below_theirs() {
        // All but 99 were asked of redis-server 7.0.15.
        let range = "ERR value is out of range, value must between -2147483648 and 2147483647";
        for (word, expected) in [
            ("0", Ok(0)),
            ("15", Ok(15)),
            ("99", Ok(99)),
            ("16", Err("ERR DB index is out of range")),
            ("-1", Err("ERR DB index is out of range")),
            ("4294967296", Err(range)),
            ("99999999999999999999", Err("ERR value is not an integer or out of range")),
            ("", Err("ERR value is not an integer or out of range")),
            ("+1", Err("ERR value is not an integer or out of range")),
            ("01", Err("ERR value is not an integer or out of range")),
            ("abc", Err("ERR value is not an integer or out of range")),
        ] {
            assert_eq!(
                parse_select(word.as_bytes(), 16, 99),
                expected.map_err(Into::into),
                "{word}"
            );
        }
    }

    #[test]
    fn a_password_is_judged_by_how_it_was_given() {
        let secret = Some(&b"s3cret"[..]);
        for (first, second, password, answer, admitted) in [
            ("s3cret", None, secret, auth::ACCEPTED, Some(true)),
            ("wrong", None, secret, auth::WRONG, Some(false)),
            ("any", None, None, auth::NOT_NEEDED, Some(false)),
            ("default", Some("s3cret"), secret, auth::ACCEPTED, Some(true)),
            ("default", Some("wrong"), secret, auth::WRONG_PAIR, None),
            ("bob", Some("s3cret"), secret, auth::WRONG_PAIR, None),
            ("default", Some("any"), None, auth::ACCEPTED, Some(true)),
            ("bob", Some("any"), None, auth::WRONG_PAIR, None),
        ] {
            let second = second.map(str::as_bytes);
            let judged = authentication(first.as_bytes(), second, password);
            assert_eq!(judged, (answer, admitted), "{first}");
        }
    }
}
