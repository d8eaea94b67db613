//! What clients say about themselves, and how servers are told: the version of the protocol, the
//! database, the password.

use nutcracker_engine::PoolConfig;
use nutcracker_proto::Protocol;

use super::asks::Asker;
use super::expected::{Answers, Ask, Expected, here};
use super::wire::{Tongue, array};

/// What all requests on one conn to a server have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    /// The newer version of Redis' protocol.
    pub(crate) resp3: bool,
    pub(crate) database: u32,
}

impl Class {
    /// What every client of a pool begins with.
    pub(crate) const fn of(config: &PoolConfig) -> Self {
        Self { resp3: false, database: config.database }
    }

    /// How its requests are answered.
    pub(crate) const fn tongue(self, protocol: Protocol) -> Tongue {
        match protocol {
            Protocol::Redis if self.resp3 => Tongue::Resp3,
            Protocol::Redis => Tongue::Resp2,
            Protocol::Memcache => Tongue::Memcached,
        }
    }
}

/// What a client has said about itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    pub(crate) class: Class,
    /// It has given the password.
    pub(crate) authenticated: bool,
}

impl Asker<'_> {
    /// Whether the client owes the password.
    pub(crate) fn owes(&self) -> bool {
        self.config().password.is_some() && !self.session.authenticated
    }

    /// The password, or a guess.
    pub(crate) fn auth(&mut self) -> Ask {
        let right = self.random.chance(80);
        let wire = array(&["AUTH", if right { "s3cret" } else { "guess" }]);
        let answer = if self.config().password.is_none() {
            "-ERR Client sent AUTH, but no password is set\r\n"
        } else {
            self.session.authenticated = right;
            if right { "+OK\r\n" } else { "-ERR invalid password\r\n" }
        };
        Ask { wire, expected: Some(here(answer)) }
    }

    /// A change of what the client has said about itself; only from those who may ask at all.
    pub(crate) fn introduction(&mut self) -> Ask {
        let beginning = |text| Some(Expected::here(Answers::Beginning(text)));
        match self.random.below(10) {
            0..5 => {
                let resp3 = self.random.chance(60);
                self.session.class.resp3 = resp3;
                let (version, answer) = if resp3 { ("3", "%7\r\n") } else { ("2", "*14\r\n") };
                Ask { wire: array(&["HELLO", version]), expected: beginning(answer) }
            }
            5..9 => {
                let database = self.random.below(4) as u32;
                self.session.class.database = database;
                let wire = array(&["SELECT", &database.to_string()]);
                Ask { wire, expected: Some(here("+OK\r\n")) }
            }
            _ => {
                let class = Class::of(self.config());
                *self.session = Session { class, authenticated: false };
                Ask { wire: array(&["RESET"]), expected: Some(here("+RESET\r\n")) }
            }
        }
    }
}

/// What a conn to a server has been told before its first request.
#[derive(Debug)]
pub(crate) struct Greeting {
    given: bool,
    step: u32,
    pub(crate) class: Class,
}

impl Default for Greeting {
    fn default() -> Self {
        let class = Class { resp3: false, database: 0 };
        Self { given: false, step: 0, class }
    }
}

impl Greeting {
    /// Whether the request is one of the handshake's; each comes once at most, and in its place. What
    /// it is answered.
    pub(crate) fn hear(&mut self, words: &[Vec<u8>], config: &PoolConfig) -> Option<&'static str> {
        let (step, answer) = match words[0].as_slice() {
            b"auth" => {
                assert_eq!(Some(&*words[1]), config.password.as_deref(), "the password");
                self.given = true;
                (1, "+OK\r\n")
            }
            b"hello" => {
                assert_eq!(words[1], b"3", "the version is said where it is not the usual one");
                self.class.resp3 = true;
                (2, "%1\r\n+proto\r\n:3\r\n")
            }
            b"select" => {
                let number = std::str::from_utf8(&words[1]).ok().and_then(|text| text.parse().ok());
                self.class.database = number.expect("a database is a number");
                (3, "+OK\r\n")
            }
            _ => {
                let owes = config.password.is_some() && !self.given;
                assert!(!owes, "{} before the password", words[0].escape_ascii());
                return None;
            }
        };
        assert!(step > self.step, "{} out of its place", words[0].escape_ascii());
        self.step = step;
        Some(answer)
    }

    /// A request has come: there is no more handshake.
    pub(crate) const fn end(&mut self) {
        self.step = u32::MAX;
    }
}
