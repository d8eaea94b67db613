//! One connection of a case: it sends, and waits for one reply after the other.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::reply::{Garbled, Reply};
use crate::failure::{Failure, Result};
use crate::servers;

/// What came where a reply was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A reply: as a tree, and as it stood.
    Reply(Reply, Vec<u8>),
    /// The connection was closed.
    Closed,
    /// Nothing.
    Silence,
    /// What is no reply.
    Garbage(Vec<u8>),
}

/// How long a reply may take. Far above what a busy machine needs, and above every timeout that the
/// forms have.
const PATIENCE: Duration = Duration::from_secs(4);

/// The connection.
#[derive(Debug)]
pub(crate) struct Client {
    socket: TcpStream,
    received: Vec<u8>,
}

impl Client {
    /// Connects to `port`.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn connect(port: u16) -> Result<Self> {
        let connecting = || Failure::system(format!("connecting to port {port}"));
        let socket = servers::connect(port).map_err(connecting())?;
        socket.set_read_timeout(Some(Duration::from_millis(200))).map_err(connecting())?;
        Ok(Self { socket, received: Vec::new() })
    }

    /// Sends bytes. A peer that has closed takes none, which reading will tell.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes);
    }

    /// The next reply.
    pub(crate) fn receive(&mut self) -> Outcome {
        let end = Instant::now() + PATIENCE;
        let mut space = [0; 16 * 1024];
        loop {
            match Reply::read(&self.received) {
                Ok(Some((reply, length))) => {
                    let rest = self.received.split_off(length);
                    return Outcome::Reply(reply, std::mem::replace(&mut self.received, rest));
                }
                Ok(None) => {}
                Err(Garbled) => return Outcome::Garbage(std::mem::take(&mut self.received)),
            }
            match self.socket.read(&mut space) {
                Ok(0) => return Outcome::Closed,
                Ok(count) => self.received.extend_from_slice(&space[..count]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {
                        if Instant::now() >= end {
                            return Outcome::Silence;
                        }
                    }
                    _ => return Outcome::Closed,
                },
            }
        }
    }

    /// Sends a request and returns its reply.
    ///
    /// # Errors
    /// [`Failure::Wrong`] when none comes.
    pub(crate) fn ask(&mut self, words: &[&[u8]]) -> Result<Reply> {
        self.send(&crate::wire::array(words));
        match self.receive() {
            Outcome::Reply(reply, _) => Ok(reply),
            other => {
                let request = words.join(&b' ');
                Err(Failure::Wrong(format!("{}: {other:?}", request.escape_ascii())))
            }
        }
    }
}
