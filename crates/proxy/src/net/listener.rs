//! A pool's accepting socket.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use mio::event::Source;
use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockAddr, SockRef, Socket as RawSocket, Type};

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
        let failed = |step| failed(pool, step);
        let backlog = backlog(pool);
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
                let (stream, peer) = listener.accept()?;
                Socket::tcp(stream, peer.ip())
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

    /// Has `registry` report no more.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => listener.deregister(registry),
            Self::Unix(listener) => listener.deregister(registry),
        }
    }

    /// Takes on the backlog and the permissions of `pool`, which listens at the same address.
    ///
    /// # Errors
    /// [`BindError`] names the pool, the address and the step; it listens as before.
    pub fn adapt(&self, pool: &Pool) -> Result<(), BindError> {
        let failed = |step| failed(pool, step);
        let socket = match self {
            Self::Tcp(listener) => SockRef::from(listener),
            Self::Unix(listener) => SockRef::from(listener),
        };
        socket.listen(backlog(pool)).map_err(failed("listen"))?;
        if let Listen::Unix { path, mode: Some(mode), .. } = &pool.listen {
            fs::set_permissions(path, fs::Permissions::from_mode(*mode))
                .map_err(failed("chmod"))?;
        }
        Ok(())
    }
}

/// What the error of a step becomes.
fn failed(pool: &Pool, step: &'static str) -> impl FnOnce(io::Error) -> BindError {
    let (pool, address) = (pool.name.clone(), pool.listen.text().to_owned());
    move |error| BindError { pool, address, step, error }
}

fn backlog(pool: &Pool) -> i32 {
    i32::try_from(pool.backlog).unwrap_or(i32::MAX)
}

fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    use crate::config;

    /// A pool on a free port of loopback, with a further line.
    fn pool(line: &str) -> Pool {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("loopback has a free port")
            .port();
        let text =
            format!("alpha:\n  listen: 127.0.0.1:{port}\n{line}  servers:\n   - 127.0.0.1:1:1\n");
        let config = config::parse(text.as_bytes(), Path::new("pool.yml")).expect("it is valid");
        config.pools.into_iter().next().expect("there is one")
    }

    #[test]
    fn an_address_in_time_wait_is_listened_on_and_one_in_use_is_not_shared_unasked() {
        for (line, shared) in [("", false), ("  reuseport: true\n", true)] {
            let pool = pool(line);
            let first = Listener::bind(&pool).expect("the port is free");
            let Listener::Tcp(socket) = &first else { panic!("it listens on TCP") };
            assert!(SockRef::from(socket).reuse_address().expect("it is open"));
            assert_eq!(SockRef::from(socket).reuse_port().expect("it is open"), shared);
            assert_eq!(Listener::bind(&pool).is_ok(), shared, "{line:?}");
        }
    }

    #[test]
    fn what_is_for_a_client_is_sent_at_once_and_on_this_machine_without_a_pace() {
        let pool = pool("");
        let listener = Listener::bind(&pool).expect("the port is free");
        let _client = TcpStream::connect(pool.listen.text()).expect("it listens");
        let Socket::Tcp(accepted) = listener.accept().expect("it waits") else {
            panic!("it came over TCP")
        };
        assert!(accepted.nodelay().expect("it is open"));
        let congestion = SockRef::from(&accepted).tcp_congestion().expect("it is open");
        assert!(congestion.starts_with(b"reno\0"), "{}", congestion.escape_ascii());
    }
}
