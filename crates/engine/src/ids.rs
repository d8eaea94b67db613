//! Ids that do not mix.

use std::fmt;

/// A pool, by its place in the configuration's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolId(pub u32);

/// A server of a pool, by its place in the pool's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub u32);

/// A worker, by its number among those that share its pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(pub u32);

/// Which side of the proxy a conn is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A client's.
    Client,
    /// A server's.
    Server,
}

/// A conn: one socket of either side. An id is never given twice, so one that is kept too long
/// finds nothing instead of a stranger.
///
/// Layout: generation (32 bits), index (31 bits), side (1 bit).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(u64);

impl ConnId {
    pub(crate) const fn new(side: Side, key: Key) -> Self {
        let side = match side {
            Side::Client => 0,
            Side::Server => 1,
        };
        Self((key.generation as u64) << 32 | (key.index as u64) << 1 | side)
    }

    pub(crate) const fn key(self) -> Key {
        Key { index: (self.0 as u32) >> 1, generation: (self.0 >> 32) as u32 }
    }

    /// Which side it is on.
    #[must_use]
    pub const fn side(self) -> Side {
        if self.0 & 1 == 0 { Side::Client } else { Side::Server }
    }

    /// Its place in a table of one side's conns. Places are used again; small and dense.
    #[must_use]
    pub const fn index(self) -> usize {
        self.key().index as usize
    }

    /// The id as a number, for a poller's token.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The id whose [`to_bits`](Self::to_bits) is `bits`.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl fmt::Debug for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Key { index, generation } = self.key();
        write!(f, "{:?}({index}.{generation})", self.side())
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side() {
            Side::Client => 'c',
            Side::Server => 's',
        };
        write!(f, "{side} {}.{}", self.key().index, self.key().generation)
    }
}

/// A place in a [`Slab`](crate::slab::Slab) and which of its tenants is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}
