//! Whether all keys of a request live on one server.
//!
//! A request that cannot be split must go to a server that has all its keys. The original looks at
//! the first and takes the others to live there too; where they do not, the server answers as if
//! they did not exist. Here such a request is refused, with words that say what would do.

use nutcracker_proto::command::PLACEHOLDER_KEY;
use nutcracker_proto::{Routed, split};
use nutcracker_ring::DistributionKind;

use crate::engine::Engine;
use crate::frame::Frame;
use crate::ids::{ConnId, PoolId, ServerId};

/// Why a request with several keys goes to no server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unplaced {
    /// Its keys belong to different servers.
    Apart,
    /// All servers are ejected.
    AllEjected,
}

impl Engine {
    /// The server that all keys of `routed` belong to, which has at least one. Linear in its keys.
    pub(crate) fn server_of_all(
        &mut self,
        pool: PoolId,
        frame: Frame<'_>,
        routed: &Routed,
    ) -> Result<ServerId, Unplaced> {
        debug_assert!(routed.keys > 0, "a key decides");
        self.welcome_back(pool);
        let pool = &self.pools[pool.0 as usize];
        let random = &mut self.random;
        let mut parts = split::parts(pool.config().protocol, routed, frame.bytes);
        let first = parts.next().map_or(0, |part| pool.hash(part.key(frame.bytes)));
        let server = pool.owner(first, || random.draw()).ok_or(Unplaced::AllEjected)?;
        // Where servers are drawn no key has a home.
        if pool.config().distribution == DistributionKind::Random {
            return Ok(server);
        }
        for part in parts {
            let hash = pool.hash(part.key(frame.bytes));
            if hash != first && pool.owner(hash, || random.draw()) != Some(server) {
                return Err(Unplaced::Apart);
            }
        }
        Ok(server)
    }

    /// The server of a request without a key.
    pub(crate) fn server_of_none(&mut self, pool: PoolId) -> Result<ServerId, Unplaced> {
        self.welcome_back(pool);
        let random = &mut self.random;
        let server = self.pools[pool.0 as usize].route(PLACEHOLDER_KEY, || random.draw());
        server.ok_or(Unplaced::AllEjected)
    }

    /// Queues a request with several keys for the server of all of them, or refuses it.
    pub(crate) fn forward_together(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        frame: Frame<'_>,
        routed: &Routed,
    ) {
        if self.pools[pool.0 as usize].config().servers.len() == 1 || routed.keys < 2 {
            return self.forward(conn, pool, frame, routed);
        }
        match self.server_of_all(pool, frame, routed) {
            Err(Unplaced::Apart) => self.refuse_apart(conn, pool),
            // Where all are ejected, the way of a request with one key has the words for it.
            Ok(_) | Err(Unplaced::AllEjected) => self.forward(conn, pool, frame, routed),
        }
    }

    /// Tells a client that its request's keys are on different servers. It begins as a Redis in
    /// cluster mode says it, for that is what programs and people know.
    #[cold]
    pub(crate) fn refuse_apart(&mut self, conn: ConnId, pool: PoolId) {
        let mut answer = "-CROSSSLOT Keys in request don't hash to the same slot: they are on \
                          different servers of this pool; "
            .to_owned();
        match self.pools[pool.0 as usize].config().placement.tag {
            None => answer.push_str(
                "with the pool's option 'hash_tag: \"{}\"', keys with the same text in braces \
                 share a server",
            ),
            Some(tag) => {
                let [open, close] = tag.as_bytes().map(|byte| byte.escape_ascii().to_string());
                answer.push_str(&format!(
                    "keys with the same text between '{open}' and '{close}' share a server (the \
                     pool's option 'hash_tag')"
                ));
            }
        }
        answer.push_str("\r\n");
        self.answer(conn, answer.as_bytes());
    }
}
