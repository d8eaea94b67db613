//! A client that says bytes and looks at the bytes that come.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use socket2::SockRef;

use super::SOON;
use super::wire::shown;

/// One connection.
#[derive(Debug)]
pub(crate) struct Client(Stream);

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// How a wait for bytes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing came for as long as was to be waited.
    Silence,
    /// The other side closed, in whatever way.
    Closed,
}

impl Client {
    /// Connects to a port of 127.0.0.1.
    pub(crate) fn tcp(port: u16) -> Self {
        Self::to(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// Connects to an address.
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address)
            .unwrap_or_else(|error| panic!("connecting to {address}: {error}"));
        stream.set_nodelay(true).expect("it is open");
        Self::new(Stream::Tcp(stream))
    }

    /// Connects to a unix socket.
    pub(crate) fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path)
            .unwrap_or_else(|error| panic!("connecting to {}: {error}", path.display()));
        Self::new(Stream::Unix(stream))
    }

    fn new(stream: Stream) -> Self {
        let mut client = Self(stream);
        client.patience(SOON);
        client
    }

    fn patience(&mut self, patience: Duration) {
        match &self.0 {
            Stream::Tcp(stream) => stream.set_read_timeout(Some(patience)),
            Stream::Unix(stream) => stream.set_read_timeout(Some(patience)),
        }
        .expect("not zero");
    }

    /// The same connection, for a second thread.
    pub(crate) fn again(&self) -> Self {
        Self(match &self.0 {
            Stream::Tcp(stream) => Stream::Tcp(stream.try_clone().expect("it is open")),
            Stream::Unix(stream) => Stream::Unix(stream.try_clone().expect("it is open")),
        })
    }

    /// Sends all of `bytes`.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("the other side takes it");
    }

    /// Sends all of `bytes` to somebody who may close.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        match &mut self.0 {
            Stream::Tcp(stream) => stream.write_all(bytes.as_ref()),
            Stream::Unix(stream) => stream.write_all(bytes.as_ref()),
        }
    }

    /// Reads what there is; 0 at the end of the stream.
    pub(crate) fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Stream::Tcp(stream) => stream.read(space),
            Stream::Unix(stream) => stream.read(space),
        }
    }

    /// Reads `len` bytes, or those that came before the end.
    pub(crate) fn receive(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let mut at = 0;
        while at < len {
            match self.read(&mut bytes[at..]) {
                Ok(0) => break,
                Ok(read) => at += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        bytes.truncate(at);
        bytes
    }

    /// Reads as many bytes as `expected` has, and compares.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        let received = self.receive(expected.len());
        let (received, expected) = (shown(&received), shown(expected));
        assert!(received == expected, "received \"{received}\", expected \"{expected}\"");
    }

    /// Sends `request` and expects `response`.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>, response: impl AsRef<[u8]>) {
        self.send(request);
        self.expect(response);
    }

    /// Reads a line, its end included.
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            match self.receive(1)[..] {
                [byte] => line.push(byte),
                _ => break,
            }
        }
        String::from_utf8_lossy(&line).into_owned()
    }

    /// Reads until nothing more comes for `silence`, or the other side closes.
    pub(crate) fn listen(&mut self, silence: Duration) -> (Vec<u8>, End) {
        self.patience(silence);
        let mut received = Vec::new();
        let mut space = [0; 64 * 1024];
        let end = loop {
            match self.read(&mut space) {
                Ok(0) => break End::Closed,
                Ok(len) => received.extend_from_slice(&space[..len]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break End::Silence,
                Err(_) => break End::Closed,
            }
        };
        self.patience(SOON);
        (received, end)
    }

    /// Expects that the other side closes, and says nothing before.
    #[track_caller]
    pub(crate) fn expect_close(&mut self) {
        let (received, end) = self.listen(SOON);
        assert_eq!((shown(&received).as_str(), end), ("", End::Closed));
    }

    /// Expects that nothing comes.
    #[track_caller]
    pub(crate) fn expect_silence(&mut self, silence: Duration) {
        let (received, end) = self.listen(silence);
        assert_eq!((shown(&received).as_str(), end), ("", End::Silence));
    }

    /// Says that no more will be sent.
    pub(crate) fn half_close(&mut self) {
        // Fails when the other side has closed already.
        let _ = match &self.0 {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }

    /// Closes so that the other side sees a reset.
    pub(crate) fn reset(self) {
        if let Stream::Tcp(stream) = &self.0 {
            SockRef::from(stream).set_linger(Some(Duration::ZERO)).expect("it is open");
        }
    }
}
