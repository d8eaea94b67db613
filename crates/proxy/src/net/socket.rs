//! One stream socket, TCP or unix.

use std::io::{self, IoSlice, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nutcracker_engine::CloseReason;

use crate::log::reason;
use crate::sys;

/// The congestion control that every Linux has and lets every process choose. It never waits between two
/// segments, as BBR does.
const WITHOUT_A_PACE: &[u8] = b"reno";

/// A stream socket that never blocks.
#[derive(Debug)]
pub enum Socket {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a unix socket.
    Unix(UnixStream),
}

impl Socket {
    /// A socket over TCP, as a proxy needs it: small writes leave at once, for there is nothing to wait for, and
    /// what goes to a peer on a loopback address has no pace, for there is no network to share. Other peers get
    /// the system's congestion control. Two system calls at most.
    ///
    /// # Errors
    /// As `setsockopt(2)`, but for the pace: where the kernel will not, it stays.
    pub fn tcp(stream: TcpStream, peer: IpAddr) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        if peer.to_canonical().is_loopback() {
            let _ = socket2::SockRef::from(&stream).set_tcp_congestion(WITHOUT_A_PACE);
        }
        Ok(Self::Tcp(stream))
    }

    /// Reads what there is, up to the length of `space`. One system call.
    ///
    /// # Errors
    /// As `read(2)`; `WouldBlock` when there is nothing.
    pub fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(space),
            Self::Unix(stream) => stream.read(space),
        }
    }

    /// Writes as much of `slices` as the socket takes. One system call: `write(2)` for one slice,
    /// which the kernel handles in less time, `writev(2)` for more.
    ///
    /// # Errors
    /// As `write(2)`; `WouldBlock` when it takes nothing.
    pub fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (self, slices) {
            (Self::Tcp(stream), [slice]) => stream.write(slice),
            (Self::Unix(stream), [slice]) => stream.write(slice),
            (Self::Tcp(stream), slices) => stream.write_vectored(slices),
            (Self::Unix(stream), slices) => stream.write_vectored(slices),
        }
    }

    /// Bytes written that the peer has not acknowledged, as far as the system tells.
    #[must_use]
    pub fn unsent_bytes(&self) -> usize {
        match self {
            Self::Tcp(stream) => sys::unsent_bytes(stream.as_fd()),
            Self::Unix(stream) => sys::unsent_bytes(stream.as_fd()),
        }
    }

    /// Where it is connected to, when that has an address.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// Says that no more will be written.
    ///
    /// # Errors
    /// As `shutdown(2)`.
    pub fn shutdown_write(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    /// Lets the kernel probe an idle peer. No-op for a unix socket.
    ///
    /// # Errors
    /// As `setsockopt(2)`.
    pub fn set_keepalive(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => socket2::SockRef::from(stream).set_keepalive(true),
            Self::Unix(_) => Ok(()),
        }
    }

    /// Whether a connect that was begun has succeeded.
    ///
    /// # Errors
    /// Why it has failed; `NotConnected` while it is under way.
    pub fn connected(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => match stream.take_error()? {
                Some(error) => Err(error),
                None => stream.peer_addr().map(drop),
            },
            Self::Unix(stream) => match stream.take_error()? {
                Some(error) => Err(error),
                None => stream.peer_addr().map(drop),
            },
        }
    }

    /// Has `registry` report both readiness kinds, once a change.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        // Both at once: an edge is reported only when it happens, so there is nothing to change
        // later, and no system call for it.
        let both = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Tcp(stream) => stream.register(registry, token, both),
            Self::Unix(stream) => stream.register(registry, token, both),
        }
    }

    /// Has another `registry` than the first report as well, but only that there is something to read, once a
    /// change.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub fn register_answers(&self, registry: &Registry, token: Token) -> io::Result<()> {
        let descriptor = match self {
            Self::Tcp(stream) => stream.as_raw_fd(),
            Self::Unix(stream) => stream.as_raw_fd(),
        };
        registry.register(&mut SourceFd(&descriptor), token, Interest::READABLE)
    }

    /// Has `registry` report no more.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.deregister(registry),
            Self::Unix(stream) => stream.deregister(registry),
        }
    }
}

/// What a failed system call on a conn means to the engine.
#[must_use]
pub fn close_reason(error: &io::Error) -> CloseReason {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => CloseReason::Refused,
        io::ErrorKind::ConnectionReset => CloseReason::Reset,
        io::ErrorKind::TimedOut => CloseReason::TimedOut,
        _ if is_want_of_room(error) => CloseReason::NoRoom(reason(error).into()),
        _ => CloseReason::Other(reason(error).into()),
    }
}

/// Whether the process or the machine has no descriptor or no memory left for one more socket.
fn is_want_of_room(error: &io::Error) -> bool {
    let wants = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    error.raw_os_error().is_some_and(|code| wants.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_an_error_is_the_systems_own_words() {
        for (code, text) in [
            (111, "Connection refused"),
            (104, "Connection reset by peer"),
            (110, "Connection timed out"),
            (32, "Broken pipe"),
            (113, "No route to host"),
            (101, "Network is unreachable"),
        ] {
            let reason = close_reason(&io::Error::from_raw_os_error(code));
            assert_eq!(reason.text(), text, "errno {code}");
        }
    }

    #[test]
    fn want_of_room_is_told_from_a_servers_failures() {
        for (code, text) in
            [(libc::EMFILE, "Too many open files"), (libc::ENOMEM, "Cannot allocate memory")]
        {
            let reason = close_reason(&io::Error::from_raw_os_error(code));
            assert_eq!(reason, CloseReason::NoRoom(text.into()));
        }
    }
}
