//! A client of either protocol, just large enough for the demo: it sends a batch of requests in one
//! write and reads as many responses.
//!
//! Talks to the proxy, and to the servers themselves when the demo counts what landed where.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::failure::{Failure, Result};
use crate::servers;

/// What a pool or server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// RESP2.
    Redis,
    /// The text protocol.
    Memcached,
}

impl Protocol {
    /// As its users write it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Redis => "Redis",
            Self::Memcached => "memcached",
        }
    }
}

/// What came of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Response {
    /// The value was stored.
    Stored,
    /// The key has this value.
    Value(Vec<u8>),
    /// The key has no value.
    Missing,
    /// An integer, of commands that count.
    Integer(i64),
    /// An error of the proxy or the server, in its words.
    Refused(String),
}

/// One connection.
#[derive(Debug)]
pub(super) struct Client {
    protocol: Protocol,
    port: u16,
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects to `port` of 127.0.0.1.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn connect(protocol: Protocol, port: u16) -> Result<Self> {
        let stream =
            servers::connect(port).map_err(Failure::system(format!("connecting to {port}")))?;
        Ok(Self { protocol, port, stream: BufReader::new(stream) })
    }

    /// Stores `pairs` of key and value: one write, one response a pair, in order.
    ///
    /// # Errors
    /// A connection that ends, a response that takes too long or is not one of the protocol.
    pub(super) fn set(&mut self, pairs: &[(String, String)]) -> Result<Vec<Response>> {
        let mut wire = Vec::new();
        for (key, value) in pairs {
            match self.protocol {
                Protocol::Redis => resp_request(&mut wire, &["SET", key, value]),
                Protocol::Memcached => {
                    let head = format!("set {key} 0 0 {}\r\n", value.len());
                    wire.extend_from_slice(head.as_bytes());
                    wire.extend_from_slice(value.as_bytes());
                    wire.extend_from_slice(b"\r\n");
                }
            }
        }
        self.exchange(&wire, pairs.len())
    }

    /// Asks for the values of `keys`: one write, one request and one response a key, in order.
    ///
    /// # Errors
    /// A connection that ends, a response that takes too long or is not one of the protocol.
    pub(super) fn get(&mut self, keys: &[String]) -> Result<Vec<Response>> {
        let mut wire = Vec::new();
        for key in keys {
            match self.protocol {
                Protocol::Redis => resp_request(&mut wire, &["GET", key]),
                Protocol::Memcached => {
                    wire.extend_from_slice(format!("get {key}\r\n").as_bytes());
                }
            }
        }
        self.exchange(&wire, keys.len())
    }

    /// How many keys a server holds. For a server's own port: the proxy does not add up.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(super) fn count(&mut self) -> Result<u64> {
        let port = self.port;
        let strange = |found: &str| Failure::Wrong(format!("port {port} counts its keys: {found}"));
        match self.protocol {
            Protocol::Redis => match self.redis(&["DBSIZE"])? {
                Response::Integer(count) => Ok(count.unsigned_abs()),
                other => Err(strange(&format!("{other:?}"))),
            },
            Protocol::Memcached => {
                let doing = || format!("asking port {port} for its statistics");
                self.stream.get_mut().write_all(b"stats\r\n").map_err(Failure::system(doing()))?;
                let mut count = None;
                loop {
                    let line = read_line(&mut self.stream).map_err(Failure::system(doing()))?;
                    if let Some(text) = line.strip_prefix("STAT curr_items ") {
                        count = text.parse().ok();
                    } else if line == "END" {
                        return count.ok_or_else(|| strange("no curr_items in its statistics"));
                    }
                }
            }
        }
    }

    /// Sends one Redis command to a Redis server or pool.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(super) fn redis(&mut self, words: &[&str]) -> Result<Response> {
        let mut wire = Vec::new();
        resp_request(&mut wire, words);
        Ok(self.exchange(&wire, 1)?.remove(0))
    }

    fn exchange(&mut self, wire: &[u8], responses: usize) -> Result<Vec<Response>> {
        let failure = |error| {
            let doing = format!("talking {} to port {}", self.protocol.name(), self.port);
            Failure::System { doing, source: error }
        };
        self.stream.get_mut().write_all(wire).map_err(failure)?;
        (0..responses)
            .map(|_| match self.protocol {
                Protocol::Redis => read_resp(&mut self.stream),
                Protocol::Memcached => read_memcached(&mut self.stream),
            })
            .collect::<io::Result<_>>()
            .map_err(failure)
    }
}

/// Appends a Redis request.
fn resp_request(wire: &mut Vec<u8>, words: &[&str]) {
    wire.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        wire.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}

/// Reads one Redis response: those that the demo's commands can get.
fn read_resp(stream: &mut impl BufRead) -> io::Result<Response> {
    let line = read_line(stream)?;
    let number = |text: &str| text.parse::<i64>().map_err(|_| unexpected(&line));
    if line == "+OK" {
        Ok(Response::Stored)
    } else if let Some(text) = line.strip_prefix('-') {
        Ok(Response::Refused(text.to_owned()))
    } else if let Some(text) = line.strip_prefix(':') {
        Ok(Response::Integer(number(text)?))
    } else if let Some(text) = line.strip_prefix('$') {
        match usize::try_from(number(text)?) {
            Ok(len) => Ok(Response::Value(read_block(stream, len)?)),
            // $-1, the null bulk string.
            Err(_) => Ok(Response::Missing),
        }
    } else {
        Err(unexpected(&line))
    }
}

/// Reads one memcached response: those to `set` and to `get` of one key.
fn read_memcached(stream: &mut impl BufRead) -> io::Result<Response> {
    let line = read_line(stream)?;
    if line == "STORED" {
        Ok(Response::Stored)
    } else if line == "END" {
        Ok(Response::Missing)
    } else if line.starts_with("VALUE ") {
        let len = line.rsplit(' ').next().and_then(|text| text.parse().ok());
        let value = read_block(stream, len.ok_or_else(|| unexpected(&line))?)?;
        match read_line(stream)?.as_str() {
            "END" => Ok(Response::Value(value)),
            other => Err(unexpected(other)),
        }
    } else if ["ERROR", "CLIENT_ERROR", "SERVER_ERROR", "NOT_STORED"]
        .iter()
        .any(|word| line.starts_with(word))
    {
        Ok(Response::Refused(line))
    } else {
        Err(unexpected(&line))
    }
}

/// Reads a line and drops its CR LF.
fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(content) => Ok(content.to_owned()),
        None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed")),
    }
}

/// Reads `len` bytes and the CR LF behind them, which it drops.
fn read_block(stream: &mut impl BufRead, len: usize) -> io::Result<Vec<u8>> {
    let mut block = Vec::new();
    stream.take(len as u64 + 2).read_to_end(&mut block)?;
    if block.len() != len + 2 || !block.ends_with(b"\r\n") {
        return Err(unexpected("a value that does not end where it should"));
    }
    block.truncate(len);
    Ok(block)
}

/// A response that the protocol does not have here.
fn unexpected(found: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("an unexpected response: {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Response {
        Response::Value(text.as_bytes().to_vec())
    }

    fn refused(text: &str) -> Response {
        Response::Refused(text.to_owned())
    }

    #[test]
    fn every_redis_response_is_read_to_its_end() {
        let mut wire: &[u8] = b"+OK\r\n$3\r\na\r\n\r\n$0\r\n\r\n$-1\r\n:42\r\n-ERR no\r\n";
        let expected = [
            Response::Stored,
            value("a\r\n"),
            value(""),
            Response::Missing,
            Response::Integer(42),
            refused("ERR no"),
        ];
        for response in expected {
            assert_eq!(read_resp(&mut wire).expect("readable"), response);
        }
        assert!(wire.is_empty(), "left over: {wire:?}");
    }

    #[test]
    fn every_memcached_response_is_read_to_its_end() {
        let mut wire: &[u8] =
            b"STORED\r\nVALUE k 0 5\r\nEND\r\n\r\nEND\r\nEND\r\nSERVER_ERROR no\r\nERROR\r\n";
        let expected = [
            Response::Stored,
            value("END\r\n"),
            Response::Missing,
            refused("SERVER_ERROR no"),
            refused("ERROR"),
        ];
        for response in expected {
            assert_eq!(read_memcached(&mut wire).expect("readable"), response);
        }
        assert!(wire.is_empty(), "left over: {wire:?}");
    }

    #[test]
    fn a_response_cut_anywhere_is_an_error() {
        let redis: &[u8] = b"$3\r\nabc\r\n";
        let memcached: &[u8] = b"VALUE k 0 3\r\nabc\r\nEND\r\n";
        for cut in 0..redis.len() {
            read_resp(&mut &redis[..cut]).expect_err(&format!("Redis, cut at {cut}"));
        }
        for cut in 0..memcached.len() {
            read_memcached(&mut &memcached[..cut]).expect_err(&format!("memcached, cut at {cut}"));
        }
    }

    #[test]
    fn a_request_counts_bytes() {
        let mut wire = Vec::new();
        resp_request(&mut wire, &["SET", "k", "é"]);
        assert_eq!(wire, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\né\r\n".as_bytes());
    }
}
