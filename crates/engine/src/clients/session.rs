//! What a client has said about itself, and which server conns its requests may share with others'.
//!
//! Requests of many clients are pipelined on few server conns. A server conn has a state that every
//! request on it depends on: the version of the protocol and the database. Clients that want the
//! same are of one [`Class`], and only they share a conn. Nearly all are of the first class, the
//! pool's own.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use nutcracker_proto::Version;

/// What all requests on a shared server conn agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    /// The version of the protocol.
    pub(crate) version: Version,
    /// The database.
    pub(crate) database: u32,
}

/// A class, by its place in [`Classes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClassId(pub(crate) u16);

/// The classes of a pool that a worker has met, the pool's own first. They are as many as there are
/// databases, times two, and never forgotten.
#[derive(Debug)]
pub(crate) struct Classes(Vec<Class>);

impl Classes {
    /// The class that every client begins in: the pool's database in RESP2.
    pub(crate) fn new(database: u32) -> Self {
        Self(vec![Class { version: Version::Resp2, database }])
    }

    pub(crate) fn get(&self, id: ClassId) -> Class {
        self.0[usize::from(id.0)]
    }

    /// The id of `class`, which is a new one where none has asked for it before. O(classes).
    ///
    /// # Panics
    /// After 65,536 classes: [`PoolConfig::databases`](crate::PoolConfig::databases) are bounded.
    pub(crate) fn id(&mut self, class: Class) -> ClassId {
        let at = self.0.iter().position(|known| *known == class).unwrap_or_else(|| {
            self.0.push(class);
            self.0.len() - 1
        });
        ClassId(u16::try_from(at).expect("databases are bounded"))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What a client has said about itself, and what else tells it from others.
#[derive(Debug)]
pub(crate) struct Session {
    /// Its number, which no other client of the pool has or had.
    pub(crate) id: u64,
    /// Where it is connected from.
    pub(crate) peer: Peer,
    /// Its names, for those who have some.
    names: Option<Box<Names>>,
    /// When it came, seconds after the engine's epoch.
    pub(crate) since: u32,
    /// Whose server conns it shares.
    pub(crate) class: ClassId,
    /// Gave the pool's password.
    pub(crate) authenticated: bool,
    /// Which of its requests are answered.
    pub(crate) mute: Mute,
    /// Asked to be spared when memory is short; told on, and nothing else.
    pub(crate) no_evict: bool,
    /// Asked that its reads count for nothing; told on, and nothing else.
    pub(crate) no_touch: bool,
}

impl Session {
    /// That of a client which has just come.
    pub(crate) const fn new(id: u64, peer: Peer, since: u32) -> Self {
        Self {
            id,
            peer,
            names: None,
            since,
            class: ClassId(0),
            authenticated: false,
            mute: Mute::No,
            no_evict: false,
            no_touch: false,
        }
    }

    /// As if the client had come just now; it is known by its number still, and by its library.
    pub(crate) fn reset(&mut self) {
        self.class = ClassId::default();
        self.authenticated = false;
        self.mute = Mute::No;
        (self.no_evict, self.no_touch) = (false, false);
        if let Some(names) = &mut self.names {
            names.own = Box::default();
        }
    }

    /// What the log calls it.
    pub(crate) fn label(&self) -> ClientLabel {
        ClientLabel { id: self.id, peer: self.peer.clone() }
    }

    /// Its names, where it has given any.
    pub(crate) fn names(&self) -> Option<&Names> {
        self.names.as_deref()
    }

    /// Its names, to be changed.
    pub(crate) fn names_mut(&mut self) -> &mut Names {
        self.names.get_or_insert_default()
    }
}

/// What a client calls itself.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Itself.
    pub(crate) own: Box<[u8]>,
    /// Its library.
    pub(crate) library: Box<[u8]>,
    /// Its library's version.
    pub(crate) library_version: Box<[u8]>,
}

/// What a client is known by outside: its address and its number, as `CLIENT LIST` shows them. For reports
/// of a client; one of whom nothing is reported has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientLabel {
    id: u64,
    peer: Peer,
}

impl fmt::Display for ClientLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (id {})", self.peer, self.id)
    }
}

/// Where a client is connected from. 16 bytes: it is kept for every client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Nowhere with an address: a socket of this machine's file system.
    Local,
    /// An address of four bytes, and a port.
    V4([u8; 4], u16),
    /// One of sixteen bytes.
    V6(Box<SocketAddr>),
}

impl From<Option<SocketAddr>> for Peer {
    fn from(address: Option<SocketAddr>) -> Self {
        match address {
            None => Self::Local,
            Some(address) => match address.ip().to_canonical() {
                IpAddr::V4(ip) => Self::V4(ip.octets(), address.port()),
                IpAddr::V6(_) => Self::V6(Box::new(address)),
            },
        }
    }
}

/// As Redis writes it, but for a socket's path, which the conn does not tell.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("unix:0"),
            Self::V4(ip, port) => write!(f, "{}", SocketAddr::from((*ip, *port))),
            Self::V6(address) => address.fmt(f),
        }
    }
}

/// Which of a client's requests are answered (`CLIENT REPLY`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mute {
    /// All.
    #[default]
    No,
    /// Those after the next.
    Next,
    /// Those after this one.
    This,
    /// None.
    All,
}

impl Mute {
    /// What it is when the next request comes.
    pub(crate) const fn at_next(self) -> Self {
        match self {
            Self::No | Self::This => Self::No,
            Self::Next => Self::This,
            Self::All => Self::All,
        }
    }

    /// Whether the request that is being served is not answered.
    pub(crate) const fn is_silent(self) -> bool {
        matches!(self, Self::This | Self::All)
    }
}

/// Which server conns the requests that a client has outstanding are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Those that it shares with the others of its class.
    #[default]
    Shared,
    /// Those as well, but not all of its requests are answered: see [`Session::mute`].
    Muted,
    /// Those as well, of which at least one is being left: the next request waits until all before it
    /// are answered, and goes to its successor.
    Left,
    /// One of its own. A request that shall go another way waits until all before it are answered,
    /// because two conns know no order between them.
    Own,
    /// A RESP2 client with subscriptions, which may not ask for anything else.
    Listening,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_written_as_redis_does_and_a_client_with_its_number_behind() {
        for (address, expected) in [
            (Some("127.0.0.1:60698"), "127.0.0.1:60698"),
            (Some("[::ffff:10.0.0.1]:5"), "10.0.0.1:5"),
            (Some("[2001:db8::1]:6379"), "[2001:db8::1]:6379"),
            (None, "unix:0"),
        ] {
            let address = address.map(|text| text.parse::<SocketAddr>().expect(text));
            let peer = Peer::from(address);
            assert_eq!(peer.to_string(), expected);
            let label = Session::new(17, peer, 0).label();
            assert_eq!(label.to_string(), format!("{expected} (id 17)"));
        }
    }

    #[test]
    fn one_request_is_passed_over_or_all_are() {
        let mut mute = Mute::Next;
        let silent = [(); 3].map(|()| {
            mute = mute.at_next();
            mute.is_silent()
        });
        assert_eq!(silent, [true, false, false]);
        assert!(Mute::All.at_next().is_silent() && !Mute::No.at_next().is_silent());
    }

    #[test]
    fn a_class_has_one_id_however_often_it_is_asked_for() {
        let mut classes = Classes::new(3);
        let own = Class { version: Version::Resp2, database: 3 };
        let other = Class { version: Version::Resp3, database: 3 };
        assert_eq!(classes.id(own), ClassId::default());
        assert_eq!(classes.id(other), ClassId(1));
        assert_eq!((classes.id(other), classes.len()), (ClassId(1), 2));
        assert_eq!(classes.get(ClassId(1)), other);
    }
}
