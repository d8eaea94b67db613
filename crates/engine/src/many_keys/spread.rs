//! The keys of a request that is being split, by server.

use std::array;
use std::ops::Range;

use nutcracker_proto::split::Part;

use crate::ids::ServerId;

/// So many keys are hashed at a time.
const HASHED_TOGETHER: usize = 4;

/// Which keys of a request go to which server. Kept between requests for its room.
///
/// Keys are first collected and then hashed and given to servers, [`HASHED_TOGETHER`] at a time: a hash is a long chain
/// of steps that each wait for the one before, and a processor works on several such chains at the same time.
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
    /// Where it is in the request's bytes, and what travels with it.
    part: Part,
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

    /// Adds the request's next key.
    #[inline]
    pub(crate) fn push(&mut self, part: Part) {
        self.keys.push(Key { part, server: u32::MAX, next: u32::MAX });
    }

    /// Gives each key of the request whose bytes are `frame`, when all are there, to the server that `owner` says its
    /// hash belongs to. `None` when it says so. Behind the last key hashes of empty ones may be asked for.
    pub(crate) fn assign(
        &mut self,
        frame: &[u8],
        hashes: impl Fn([&[u8]; HASHED_TOGETHER]) -> [u32; HASHED_TOGETHER],
        mut owner: impl FnMut(u32) -> Option<ServerId>,
    ) -> Option<()> {
        for first in (0..self.keys.len()).step_by(HASHED_TOGETHER) {
            let group = &self.keys[first..];
            let keys =
                array::from_fn(|nth| group.get(nth).map_or(&[][..], |key| key.part.key(frame)));
            for (key, hash) in self.keys[first..].iter_mut().zip(hashes(keys)) {
                key.server = owner(hash)?.0;
            }
        }
        for at in 0..self.keys.len() {
            self.chain(at as u32, ServerId(self.keys[at].server));
        }
        Some(())
    }

    /// Puts a key behind the last of those of its server.
    #[inline]
    fn chain(&mut self, at: u32, ServerId(server): ServerId) {
        let chain = &mut self.chains[server as usize];
        if chain.len == 0 {
            chain.first = at;
            self.servers.push(server);
        } else {
            self.keys[chain.last as usize].next = at;
        }
        chain.last = at;
        chain.len += 1;
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
            key.part.bytes.start as usize..key.part.bytes.end as usize
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
            // Keys of one byte, which is their hash and their server.
            let frame = [7, 2, 7, 9, 2, 7];
            for key in 0..frame.len() as u32 {
                spread.push(Part { key: key..key + 1, bytes: key * 10..key * 10 + 5 });
            }
            let hashes = |keys: [&[u8]; HASHED_TOGETHER]| {
                keys.map(|key| key.first().map_or(0, |&byte| byte.into()))
            };
            let assigned = spread.assign(&frame, hashes, |hash| Some(ServerId(hash)));
            assert_eq!(assigned, Some(()));
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
