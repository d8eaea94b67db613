//! The statistics' listener: TCP, or a unix socket where the address is an absolute path.

use std::fmt;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::log::reason;
use crate::names;

/// A bound listener that nobody has been accepted from yet.
#[derive(Debug)]
pub struct StatsServer {
    pub(super) listener: Listener,
}

#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix { listener: UnixListener, path: SocketPath },
}

impl StatsServer {
    /// Listens on `addr` and `port` (`-a`, `-s`). A name in `addr` is resolved, which blocks; an
    /// absolute path makes a unix socket, and the port means nothing then.
    ///
    /// A socket file that nobody listens on is replaced: the original left it behind and could
    /// not start again.
    ///
    /// # Errors
    /// [`BindError`], in the original's words.
    pub fn bind(addr: &str, port: u16) -> Result<Self, BindError> {
        let listener = if addr.starts_with('/') {
            let path = Path::new(addr);
            remove_stale(path);
            let fail = |fd| failing(Step::Bind, fd, addr, port);
            let sock_addr = SockAddr::unix(path).map_err(fail(NO_FD))?;
            let socket = listen(Domain::UNIX, &sock_addr, addr, port)?;
            Listener::Unix { listener: socket.into(), path: SocketPath(path.to_owned()) }
        } else {
            let resolved = resolve(addr, port)?;
            let sock_addr = SockAddr::from(resolved);
            Listener::Tcp(listen(Domain::for_address(resolved), &sock_addr, addr, port)?.into())
        };
        Ok(Self { listener })
    }

    /// Where a TCP listener listens: tells the port that the system chose for port 0. `None` for
    /// a unix socket.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.listener {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            Listener::Unix { .. } => None,
        }
    }
}

fn resolve(host: &str, port: u16) -> Result<SocketAddr, BindError> {
    let found = names::addresses(host, port);
    let found =
        found.map_err(|source| BindError::Resolve { host: host.to_owned(), port, source })?;
    Ok(found[0])
}

fn listen(
    domain: Domain,
    sock_addr: &SockAddr,
    addr: &str,
    port: u16,
) -> Result<Socket, BindError> {
    let socket = Socket::new(domain, Type::STREAM, None).map_err(failing(
        Step::Socket,
        NO_FD,
        addr,
        port,
    ))?;
    let fail = |step| failing(step, socket.as_raw_fd(), addr, port);
    socket.set_reuse_address(true).map_err(fail(Step::Prepare))?;
    socket.set_nonblocking(true).map_err(fail(Step::Prepare))?;
    socket.bind(sock_addr).map_err(fail(Step::Bind))?;
    socket.listen(BACKLOG).map_err(fail(Step::Listen))?;
    Ok(socket)
}

/// Readers that may wait to be accepted.
const BACKLOG: i32 = 128;

/// The number in a message about a descriptor that there is not.
const NO_FD: RawFd = -1;

/// Removes a socket that a process left behind. Whatever else is there stays, and bind fails.
fn remove_stale(path: &Path) {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    if is_socket && UnixStream::connect(path).is_err_and(refused) {
        // Should this fail, bind fails next and says why.
        let _ = fs::remove_file(path);
    }
}

/// A unix socket's file; dropped, it is removed.
#[derive(Debug)]
pub(super) struct SocketPath(PathBuf);

impl Drop for SocketPath {
    fn drop(&mut self) {
        // The next start replaces what stays.
        let _ = fs::remove_file(&self.0);
    }
}

/// Why the statistics cannot be served. Reads as the original's message.
#[derive(Debug)]
pub enum BindError {
    /// The address is a name that means nothing.
    Resolve {
        /// `-a`.
        host: String,
        /// `-s`.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The system refused the socket.
    Listen {
        /// What it refused to do.
        step: Step,
        /// The socket's descriptor.
        fd: RawFd,
        /// `-a`.
        addr: String,
        /// `-s`.
        port: u16,
        /// Why.
        source: io::Error,
    },
}

/// A step on the way to a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make a socket.
    Socket,
    /// Set its options.
    Prepare,
    /// Give it the address.
    Bind,
    /// Have it accept.
    Listen,
}

impl BindError {
    /// What the system said; `None` where it was not asked for an address to listen on.
    #[must_use]
    pub fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Resolve { .. } => None,
            Self::Listen { source, .. } => Some(source.kind()),
        }
    }
}

fn failing(step: Step, fd: RawFd, addr: &str, port: u16) -> impl FnOnce(io::Error) -> BindError {
    move |source| BindError::Listen { step, fd, addr: addr.to_owned(), port, source }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { host, port, source } => {
                let why = reason(source);
                write!(f, "address resolution of node '{host}' service '{port}' failed: {why}")
            }
            Self::Listen { step, fd, addr, port, source } => {
                let doing = match step {
                    Step::Socket => return write!(f, "socket failed: {}", reason(source)),
                    Step::Prepare => format!("setting options of m {fd} for"),
                    Step::Bind => format!("bind on m {fd} to"),
                    Step::Listen => format!("listen on m {fd} on"),
                };
                write!(f, "{doing} stats server addr '{addr}:{port}' failed: {}", reason(source))
            }
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Resolve { source, .. } | Self::Listen { source, .. } => Some(source),
        }
    }
}
