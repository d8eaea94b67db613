//! A connection to a server itself, past the proxies: to set it up, and to look at what it holds.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::reply::{Garbled, Protocol};
use crate::failure::{Failure, Result};
use crate::{servers, wire};

/// The connection.
#[derive(Debug)]
pub(crate) struct Direct {
    socket: TcpStream,
    protocol: Protocol,
    port: u16,
    received: Vec<u8>,
}

impl Direct {
    /// Connects to the server on `port`.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn connect(protocol: Protocol, port: u16) -> Result<Self> {
        let connecting = Failure::system(format!("connecting to the {protocol} on port {port}"));
        let socket = servers::connect(port).map_err(connecting)?;
        Ok(Self { socket, protocol, port, received: Vec::new() })
    }

    /// Sends requests and returns the reply to each.
    ///
    /// # Errors
    /// The system's, and replies that are none.
    pub(crate) fn ask_all(&mut self, requests: &[Vec<u8>]) -> Result<Vec<Vec<u8>>> {
        /// Little enough for the replies to wait in the sockets while requests are written.
        const AT_A_TIME: usize = 100;
        let mut replies = Vec::with_capacity(requests.len());
        for some in requests.chunks(AT_A_TIME) {
            let asking = || Failure::system(format!("asking the server on port {}", self.port));
            self.socket.write_all(&some.concat()).map_err(asking())?;
            for _ in some {
                replies.push(self.reply()?);
            }
        }
        Ok(replies)
    }

    /// Sends one request and returns its reply.
    ///
    /// # Errors
    /// The system's, and a reply that is none.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let mut replies = self.ask_all(&[request.to_vec()])?;
        Ok(replies.remove(0))
    }

    /// Sends a Redis command, which must be answered with `+OK`.
    ///
    /// # Errors
    /// [`Failure::Wrong`] when it is not.
    pub(crate) fn tell(&mut self, words: &[&str]) -> Result<()> {
        let reply = self.ask(&wire::array(words))?;
        if reply == b"+OK\r\n" {
            return Ok(());
        }
        let (port, reply) = (self.port, reply.escape_ascii());
        Err(Failure::Wrong(format!("{words:?} on port {port} was answered with \"{reply}\"")))
    }

    fn reply(&mut self) -> Result<Vec<u8>> {
        let mut space = [0; 64 * 1024];
        loop {
            match self.protocol.reply_length(&self.received) {
                Ok(Some(length)) => {
                    let rest = self.received.split_off(length);
                    return Ok(std::mem::replace(&mut self.received, rest));
                }
                Ok(None) => {}
                Err(Garbled) => {
                    let begin = &self.received[..self.received.len().min(80)];
                    let (port, begin) = (self.port, begin.escape_ascii());
                    return Err(Failure::Wrong(format!("port {port} said \"{begin}\"")));
                }
            }
            let reading = Failure::system(format!("reading from the server on port {}", self.port));
            let count = self.socket.read(&mut space).map_err(reading)?;
            if count == 0 {
                let port = self.port;
                return Err(Failure::Wrong(format!("the server on port {port} hung up")));
            }
            self.received.extend_from_slice(&space[..count]);
        }
    }
}
