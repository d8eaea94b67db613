//! Where a server is, and the way there.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use mio::net::{TcpStream, UnixStream};

use crate::config::Address;
use crate::net::Socket;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A host that has to be resolved, each time a conn is opened, as by the original.
    Name {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// A unix socket.
    Unix(PathBuf),
}

impl From<&Address> for Target {
    fn from(address: &Address) -> Self {
        match address {
            Address::Tcp { host, port } => match host.parse::<IpAddr>() {
                Ok(ip) => Self::Tcp(SocketAddr::new(ip, *port)),
                Err(_) => Self::Name { host: host.clone(), port: *port },
            },
            Address::Unix { path } => Self::Unix(path.clone()),
        }
    }
}

/// Begins to connect. The socket becomes writable when the connect has ended, well or not.
///
/// # Errors
/// When it fails at once.
///
/// # Panics
/// For a [`Target::Name`]: it has no address yet.
pub fn connect(target: &Target) -> io::Result<Socket> {
    match target {
        Target::Tcp(addr) => {
            let socket = Socket::Tcp(TcpStream::connect(*addr)?);
            socket.set_nodelay()?;
            Ok(socket)
        }
        Target::Unix(path) => Ok(Socket::Unix(UnixStream::connect(path)?)),
        Target::Name { host, .. } => unreachable!("'{host}' is resolved before it is connected to"),
    }
}
