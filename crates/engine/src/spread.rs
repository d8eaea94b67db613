//! The keys of a request that is being split, by server.

use std::ops::Range;

use crate::ids::ServerId;

/// Which keys of a request go to which server. Kept between requests for its room.
///
/// Keys are first collected with their hashes and then given to servers: a hash is a long chain of
/// steps that each wait for the one before, and a processor works on the chains of several keys at a
/// time as long as nothing it cannot foresee, as a server is, stands between them.
///
/// The keys of one server are chained, so that its fragment is written in one go whatever order
/// the keys came in. All of it is linear in the keys.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    /// The request's keys, in order.
    keys: Vec<Key>,
    /// For each server of a pool; of meaning for those with a key.
    chains: Box<[Chain]>,
    /// Servers with a key in the request.
    servers: Vec<u32>,
}

#[derive(Debug)]
struct Key {
    /// What travels with it, in the request's bytes.
    bytes: Range<u32>,
    /// Its hash, until its server is known.
    hash: u32,
    server: u32,
    /// The next key of the same server.
    next: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Chain {
    first: u32,
    last: u32,
    len: u32,
    /// Which fragment the keys make.
    ordinal: u32,
}

impl Spread {
    /// One for pools of up to `servers_max` servers.
    pub(crate) fn new(servers_max: usize) -> Self {
        Self { chains: vec![Chain::default(); servers_max].into(), ..Self::default() }
    }

    /// Adds the request's next key, whose part of the request is `bytes`.
    #[inline]
    pub(crate) fn push(&mut self, hash: u32, bytes: Range<u32>) {
        self.keys.push(Key { bytes, hash, server: u32::MAX, next: u32::MAX });
    }

    /// Gives each key, when all are there, to the server that `owner` says its hash belongs to. `None`
    /// when it says so.
    pub(crate) fn assign(&mut self, mut owner: impl FnMut(u32) -> Option<ServerId>) -> Option<()> {
        for at in 0..self.keys.len() {
            let server = owner(self.keys[at].hash)?.0;
            let chain = &mut self.chains[server as usize];
            if chain.len == 0 {
                chain.first = at as u32;
                self.servers.push(server);
            } else {
                self.keys[chain.last as usize].next = at as u32;
            }
            chain.last = at as u32;
            chain.len += 1;
            self.keys[at].server = server;
        }
        Some(())
    }

    /// Numbers the fragments, when all keys are assigned, and says how many there are. In the
    /// servers' order: it decides whose error is told when several fail, as in the original.
    pub(crate) fn arrange(&mut self) -> usize {
        self.servers.sort_unstable();
        for (ordinal, &server) in self.servers.iter().enumerate() {
            self.chains[server as usize].ordinal = ordinal as u32;
        }
        self.servers.len()
    }

    /// How many fragments there are.
    pub(crate) const fn fragments(&self) -> usize {
        self.servers.len()
    }

    /// The server of fragment `ordinal`, and how many keys it carries.
    pub(crate) fn fragment(&self, ordinal: usize) -> (u32, u32) {
        let server = self.servers[ordinal];
        (server, self.chains[server as usize].len)
    }

    /// What travels in fragment `ordinal`, in the order of the request.
    pub(crate) fn parts(&self, ordinal: usize) -> impl Iterator<Item = Range<usize>> {
        let chain = self.chains[self.servers[ordinal] as usize];
        let mut at = chain.first;
        (0..chain.len).map(move |_| {
            let key = &self.keys[at as usize];
            at = key.next;
            key.bytes.start as usize..key.bytes.end as usize
        })
    }

    /// For each key of the request, in order, its fragment.
    pub(crate) fn owners(&self) -> impl Iterator<Item = u32> {
        self.keys.iter().map(|key| self.chains[key.server as usize].ordinal)
    }

    /// Ready for the next request. What a giant one needed is given back.
    pub(crate) fn clear(&mut self) {
        for server in self.servers.drain(..) {
            self.chains[server as usize].len = 0;
        }
        self.keys.clear();
        self.keys.shrink_to(KEYS_KEPT_MAX);
    }
}

/// Keys for which room is kept.
const KEYS_KEPT_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_servers_keys_keep_their_order_and_fragments_are_in_the_servers() {
        let mut spread = Spread::new(10);
        for round in 0..2 {
            for (key, server) in [7, 2, 7, 9, 2, 7].into_iter().enumerate() {
                let at = key as u32 * 10;
                spread.push(server, at..at + 5);
            }
            assert_eq!(spread.assign(|hash| Some(ServerId(hash))), Some(()));
            assert_eq!(spread.arrange(), 3, "round {round}");
            assert_eq!(spread.owners().collect::<Vec<_>>(), [1, 0, 1, 2, 0, 1]);
            let parts = |ordinal| spread.parts(ordinal).map(|part| part.start).collect::<Vec<_>>();
            assert_eq!((spread.fragment(0), parts(0)), ((2, 2), vec![10, 40]));
            assert_eq!((spread.fragment(1), parts(1)), ((7, 3), vec![0, 20, 50]));
            assert_eq!((spread.fragment(2), parts(2)), ((9, 1), vec![30]));
            spread.clear();
        }
    }
}
