//! What a client has said about itself, and which server conns its requests may share with others'.
//!
//! Requests of many clients are pipelined on few server conns. A server conn has a state that every
//! request on it depends on: the version of the protocol and the database. Clients that want the
//! same are of one [`Class`], and only they share a conn. Nearly all are of the first class, the
//! pool's own.

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
    /// After 65,536 classes: the caller bounds the databases.
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

/// What a client has said about itself.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// Whose server conns it shares.
    pub(crate) class: ClassId,
    /// Gave the pool's password.
    pub(crate) authenticated: bool,
}

/// Which server conns the requests that a client has outstanding are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Those that it shares with the others of its class.
    #[default]
    Shared,
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
