//! A pool's accepting socket.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use mio::event::Source;
use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockAddr, Socket as RawSocket, Type};

use crate::config::{Listen, Pool};
use crate::log::reason;
use crate::net::Socket;

/// A pool's accepting socket.
#[derive(Debug)]
pub enum Listener {
    /// Over TCP.
    Tcp(TcpListener),
    /// Over a unix socket.
    Unix(UnixListener),
}

/// A pool's address cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    /// The pool.
    pub pool: String,
    /// Its `listen`, as written.
    pub address: String,
    /// Which step failed.
    pub step: &'static str,
    /// Why.
    pub error: io::Error,
}

impl std::fmt::Display for BindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { pool, address, step, error } = self;
        let why = reason(error);
        write!(f, "pool '{pool}': {step} on '{address}' failed: {why}")?;
        match error.kind() {
            io::ErrorKind::AddrInUse => {
                f.write_str("; another process listens there: stop it, or change 'listen'")
            }
            io::ErrorKind::AddrNotAvailable => {
                f.write_str("; no interface of this machine has that address")
            }
            io::ErrorKind::PermissionDenied => {
                f.write_str("; ports below 1024 and some folders need more rights")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for BindError {}

impl Listener {
    /// Listens where `pool` says, with its backlog and permissions (`proxy_listen`).
    ///
    /// What stands at a unix socket's path is removed first, as by the original.
    ///
    /// # Errors
    /// [`BindError`] names the pool, the address and the step.
    pub fn bind(pool: &Pool) -> Result<Self, BindError> {
        let failed = |step| {
            move |error| BindError {
                pool: pool.name.clone(),
                address: pool.listen.text().to_owned(),
                step,
                error,
            }
        };
        let backlog = i32::try_from(pool.backlog).unwrap_or(i32::MAX);
        match &pool.listen {
            Listen::Tcp { addr, .. } => {
                let socket = RawSocket::new(Domain::for_address(*addr), Type::STREAM, None)
                    .map_err(failed("socket"))?;
                socket.set_reuse_address(true).map_err(failed("set reuseaddr"))?;
                if pool.reuseport {
                    socket.set_reuse_port(true).map_err(failed("set reuseport"))?;
                }
                socket.bind(&SockAddr::from(*addr)).map_err(failed("bind"))?;
                socket.listen(backlog).map_err(failed("listen"))?;
                socket.set_nonblocking(true).map_err(failed("set nonblocking"))?;
                Ok(Self::Tcp(TcpListener::from_std(socket.into())))
            }
            Listen::Unix { path, mode, .. } => {
                remove_stale(path).map_err(failed("unlink"))?;
                let socket =
                    RawSocket::new(Domain::UNIX, Type::STREAM, None).map_err(failed("socket"))?;
                let address = SockAddr::unix(path).map_err(failed("bind"))?;
                socket.bind(&address).map_err(failed("bind"))?;
                if let Some(mode) = mode {
                    fs::set_permissions(path, fs::Permissions::from_mode(*mode))
                        .map_err(failed("chmod"))?;
                }
                socket.listen(backlog).map_err(failed("listen"))?;
                socket.set_nonblocking(true).map_err(failed("set nonblocking"))?;
                Ok(Self::Unix(UnixListener::from_std(socket.into())))
            }
        }
    }

    /// Takes the next client off the queue.
    ///
    /// # Errors
    /// As `accept(2)`; `WouldBlock` when nobody waits.
    pub fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                let socket = Socket::Tcp(stream);
                socket.set_nodelay()?;
                Ok(socket)
            }
            Self::Unix(listener) => Ok(Socket::Unix(listener.accept()?.0)),
        }
    }

    /// Has `registry` report clients that wait.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => listener.register(registry, token, Interest::READABLE),
            Self::Unix(listener) => listener.register(registry, token, Interest::READABLE),
        }
    }
}

fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
