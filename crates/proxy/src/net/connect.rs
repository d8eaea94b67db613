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
        Target::Tcp(addr) => Socket::tcp(TcpStream::connect(*addr)?, addr.ip()),
        Target::Unix(path) => Ok(Socket::Unix(UnixStream::connect(path)?)),
        Target::Name { host, .. } => unreachable!("'{host}' is resolved before it is connected to"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn what_is_for_a_server_is_sent_at_once_and_on_this_machine_without_a_pace() {
        let server = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let target = Target::Tcp(server.local_addr().expect("it is bound"));
        let Socket::Tcp(socket) = connect(&target).expect("it listens") else {
            panic!("it is TCP")
        };
        assert!(socket.nodelay().expect("it is open"));
        let congestion = socket2::SockRef::from(&socket).tcp_congestion().expect("it is open");
        assert!(congestion.starts_with(b"reno\0"), "{}", congestion.escape_ascii());
    }

    #[test]
    fn a_host_that_is_an_address_needs_no_lookup_and_a_name_is_kept_for_later() {
        let tcp = |host: &str| Target::from(&Address::Tcp { host: host.into(), port: 6379 });
        assert_eq!(tcp("127.0.0.1"), Target::Tcp("127.0.0.1:6379".parse().expect("an address")));
        assert_eq!(tcp("::1"), Target::Tcp("[::1]:6379".parse().expect("an address")));
        let name = Target::Name { host: "cache.example".into(), port: 6379 };
        assert_eq!(tcp("cache.example"), name);
        let path = PathBuf::from("/run/redis.sock");
        assert_eq!(Target::from(&Address::Unix { path: path.clone() }), Target::Unix(path));
    }
}
