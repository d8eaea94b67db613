//! The demo's configuration file: who is in it, and on which ports.
//!
//! Not a YAML reader: that is the proxy's, which loads the result. It knows the layout that
//! `conf/demo.yml` is written in, one key or server a line, so that a copy with other ports keeps
//! every other byte, comments included.

use std::fmt::Write as _;

use crate::failure::{Failure, Result};

use super::client::Protocol;

/// A configuration's text with what the demo reads in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conf {
    /// What the proxy loads.
    pub(super) text: String,
    /// The pools, as written.
    pub(super) pools: Vec<Pool>,
}

/// One pool of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pool {
    /// Its name in the file and in the statistics.
    pub(super) name: String,
    /// What it speaks.
    pub(super) protocol: Protocol,
    /// The port that clients connect to.
    pub(super) listen: u16,
    /// The servers, as written.
    pub(super) servers: Vec<Server>,
}

/// One server of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// Its name on the ring and in the statistics.
    pub(super) name: String,
    /// Where it listens.
    pub(super) port: u16,
}

impl Conf {
    /// Reads `text`.
    ///
    /// # Errors
    /// [`Failure::Wrong`] names the line that is not laid out as the demo needs it.
    pub(super) fn read(text: &str) -> Result<Self> {
        let mut pools: Vec<Pool> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let at = |what: &str| Failure::Wrong(format!("line {}: {what}: {line}", index + 1));
            let line_kind = Line::of(line);
            if let Line::Pool(name) = line_kind {
                pools.push(Pool::new(name));
                continue;
            }
            let Some(pool) = pools.last_mut() else {
                match line_kind {
                    Line::Other => continue,
                    _ => return Err(at("this belongs to a pool, and none has begun")),
                }
            };
            match line_kind {
                Line::Listen(address) => {
                    pool.listen = address.port.ok_or_else(|| at("expected HOST:PORT"))?;
                }
                Line::Server(address) => {
                    let port = address.port.ok_or_else(|| at("expected HOST:PORT:WEIGHT NAME"))?;
                    let name = address.name.ok_or_else(|| at("the server has no name"))?;
                    pool.servers.push(Server { name: name.to_owned(), port });
                }
                Line::Redis => pool.protocol = Protocol::Redis,
                Line::Pool(_) | Line::Other => {}
            }
        }
        match pools.iter().find(|pool| pool.listen == 0 || pool.servers.is_empty()) {
            Some(pool) => Err(Failure::Wrong(format!(
                "pool '{}' needs a 'listen: HOST:PORT' and servers below 'servers:'",
                pool.name
            ))),
            None => Ok(Self { text: text.to_owned(), pools }),
        }
    }

    /// The same configuration with every port replaced by what `choose` makes of it.
    ///
    /// # Errors
    /// Those of `choose`.
    pub(super) fn with_ports(&self, mut choose: impl FnMut(u16) -> Result<u16>) -> Result<Self> {
        let mut text = String::with_capacity(self.text.len());
        for line in self.text.lines() {
            match Line::of(line) {
                Line::Listen(Address { port: Some(port), before, after, .. })
                | Line::Server(Address { port: Some(port), before, after, .. }) => {
                    let _ = writeln!(text, "{before}{}{after}", choose(port)?);
                }
                _ => {
                    let _ = writeln!(text, "{line}");
                }
            }
        }
        Self::read(&text)
    }

    /// The first pool that speaks `protocol`.
    ///
    /// # Errors
    /// [`Failure::Wrong`] when there is none.
    pub(super) fn pool(&self, protocol: Protocol) -> Result<&Pool> {
        self.pools.iter().find(|pool| pool.protocol == protocol).ok_or_else(|| {
            Failure::Wrong(format!("the configuration has no {} pool", protocol.name()))
        })
    }
}

impl Pool {
    /// A pool of which only the name has been read.
    fn new(name: &str) -> Self {
        let name = name.to_owned();
        Self { name, protocol: Protocol::Memcached, listen: 0, servers: Vec::new() }
    }
}

/// What a line is to the demo.
enum Line<'a> {
    Pool(&'a str),
    Listen(Address<'a>),
    Server(Address<'a>),
    Redis,
    Other,
}

/// A line around its port.
struct Address<'a> {
    before: &'a str,
    port: Option<u16>,
    after: &'a str,
    name: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(line: &'a str) -> Self {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            return Self::Other;
        }
        let top_level = !line.starts_with(char::is_whitespace);
        if top_level && let Some(name) = content.strip_suffix(':') {
            return Self::Pool(name);
        }
        if content.starts_with("listen:") {
            // The port is what follows the last colon.
            let port_at = line.rfind(':').map_or(0, |colon| colon + 1);
            return Self::Listen(Address::around(line, port_at, line.trim_end().len()));
        }
        if content.starts_with("- ") {
            // HOST:PORT:WEIGHT NAME: the port lies between the last two colons.
            let weight_at = line.rfind(':').unwrap_or(0);
            let port_at = line[..weight_at].rfind(':').map_or(0, |colon| colon + 1);
            return Self::Server(Address::around(line, port_at, weight_at));
        }
        if content == "redis: true" { Self::Redis } else { Self::Other }
    }
}

impl<'a> Address<'a> {
    /// `line` with its port from `start` to `end`.
    fn around(line: &'a str, start: usize, end: usize) -> Self {
        let (before, rest) = line.split_at(start);
        let (port, after) = rest.split_at(end.saturating_sub(start));
        let name = after.trim_end().split_once(' ').map(|(_, name)| name);
        Self { before, port: port.parse().ok().filter(|port| *port != 0), after, name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../conf/demo.yml");

    #[test]
    fn the_shipped_file_has_four_redis_and_two_memcached_servers() {
        let conf = Conf::read(SHIPPED).expect("conf/demo.yml is readable");
        let found: Vec<_> = conf
            .pools
            .iter()
            .map(|pool| (pool.protocol, pool.listen, pool.servers.len()))
            .collect();
        assert_eq!(found, [(Protocol::Redis, 22121, 4), (Protocol::Memcached, 22122, 2)]);
        assert_eq!(
            conf.pools[0].servers[2],
            Server { name: "redis-3".to_owned(), port: 22003 },
            "the third server of the first pool"
        );
    }

    #[test]
    fn ports_that_stay_leave_every_byte_as_it_was() {
        let conf = Conf::read(SHIPPED).expect("conf/demo.yml is readable");
        let copy = conf.with_ports(Ok).expect("the copy is readable");
        assert_eq!(copy.text, SHIPPED);
        assert_eq!(copy, conf);
    }

    #[test]
    fn other_ports_change_the_ports_and_nothing_else() {
        let text = "a:\n  listen: 127.0.0.1:7001\n  redis: true\n  timeout: 7001 # not a port\n  \
                    servers:\n    # 127.0.0.1:7002:1 in a comment\n    - 127.0.0.1:7002:7002 x:y\n";
        let conf = Conf::read(&text.replace("x:y", "xy")).expect("readable");
        let copy = conf.with_ports(|port| Ok(port + 1000)).expect("the copy is readable");
        let expected = "a:\n  listen: 127.0.0.1:8001\n  redis: true\n  timeout: 7001 # not a port\n  \
                        servers:\n    # 127.0.0.1:7002:1 in a comment\n    - 127.0.0.1:8002:7002 xy\n";
        assert_eq!(copy.text, expected);
        assert_eq!(copy.pools[0].listen, 8001);
        assert_eq!(copy.pools[0].servers, [Server { name: "xy".to_owned(), port: 8002 }]);
    }

    #[test]
    fn a_line_that_cannot_be_followed_is_named() {
        let pool = |line: &str| format!("a:\n  listen: 127.0.0.1:7001\n  servers:\n{line}\n");
        for (text, expected) in [
            ("  listen: 127.0.0.1:7001\n".to_owned(), "line 1: this belongs to a pool"),
            ("a:\n  listen: /run/a.sock\n".to_owned(), "line 2: expected HOST:PORT"),
            ("a:\n  listen: 127.0.0.1:0\n".to_owned(), "line 2: expected HOST:PORT"),
            (pool("    - 127.0.0.1:7002:1"), "line 4: the server has no name"),
            (pool("    - 127.0.0.1"), "line 4: expected HOST:PORT:WEIGHT NAME"),
            (pool("    - 127.0.0.1:70000:1 x"), "line 4: expected HOST:PORT:WEIGHT NAME"),
            (pool(""), "pool 'a' needs"),
        ] {
            let failure = Conf::read(&text).expect_err(&text).to_string();
            assert!(failure.starts_with(expected), "{text:?} gave {failure:?}");
        }
    }
}
