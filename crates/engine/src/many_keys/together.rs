//! Whether all keys of a request live on one server, and what its client is told where they do not.
//!
//! A request that cannot be split must go to a server that has all its keys. The original looks at
//! the first and takes the others to live there too; where they do not, the server answers as if
//! they did not exist. Here such a request is refused, with words that say what would do.

use nutcracker_proto::command::PLACEHOLDER_KEY;
use nutcracker_proto::{Routed, split};
use nutcracker_ring::{DistributionKind, HashTag};

use crate::bytes::frame::Frame;
use crate::engine::Engine;
use crate::ids::{ConnId, PoolId, ServerId};

/// Why a request with several keys goes to no server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unplaced {
    /// Its keys belong to different servers.
    Apart,
    /// All servers are ejected.
    AllEjected,
}

/// Whose keys ought to be on one server, and are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Apart {
    /// Those of a request that cannot be split.
    Request,
    /// Those of a transaction.
    Transaction,
    /// Those that a client watches.
    Watched,
    /// Those of a request that blocks.
    Blocking,
    /// The same, of a client that watches keys.
    BlockingWatched,
}

impl Apart {
    /// What their client is told, in a pool with that hash tag. It begins as a Redis in cluster mode says it,
    /// for that is what programs and people know.
    fn answer(self, tag: Option<HashTag>) -> String {
        let (words, hint) = (self.words(), hint(tag));
        format!("-CROSSSLOT Keys in request don't hash to the same slot: {words}; {hint}\r\n")
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Request => "they are on different servers of this pool",
            // Users of libraries often meet MULTI without having asked for it: the way around it is told.
            Self::Transaction => {
                "the keys of a transaction must be on one server, or be sent without MULTI (redis-py: \
                 pipeline(transaction=False))"
            }
            Self::Watched => "watched keys must be on one server",
            Self::Blocking => "the keys of a blocking command must be on one server",
            Self::BlockingWatched => {
                "the keys of a blocking command must be on the server of the watched ones, unless \
                 UNWATCH comes first"
            }
        }
    }
}

/// What makes keys share a server, to say in an error: the tag that the pool has, or one that it could have.
pub(crate) fn hint(tag: Option<HashTag>) -> String {
    let Some(tag) = tag else { return UNTAGGED.to_owned() };
    let [open, close] = tag.as_bytes().map(|byte| byte.escape_ascii());
    format!(
        "keys with the same text between '{open}' and '{close}' share a server (the pool's option \
         'hash_tag')"
    )
}

const UNTAGGED: &str = "with the pool's option 'hash_tag: \"{}\"', keys with the same text in braces share a \
                        server";

impl Engine {
    /// The server that all keys of a request belong to, which must be `chosen` if one is; `chosen`
    /// where it has no keys. Linear in them.
    pub(crate) fn home(
        &mut self,
        pool: PoolId,
        frame: Frame<'_>,
        routed: &Routed,
        chosen: Option<ServerId>,
    ) -> Result<Option<ServerId>, Unplaced> {
        self.welcome_back(pool);
        let pool = &self.pools[pool.0 as usize];
        let config = pool.config();
        // Where servers are drawn no key has a home.
        let anywhere = config.distribution == DistributionKind::Random;
        let random = &mut self.random;
        let mut home = chosen;
        for part in split::parts(config.protocol, routed, frame.bytes) {
            if anywhere && home.is_some() {
                break;
            }
            let owner = pool.route(part.key(frame.bytes), || random.draw());
            let owner = owner.ok_or(Unplaced::AllEjected)?;
            if *home.get_or_insert(owner) != owner {
                return Err(Unplaced::Apart);
            }
        }
        Ok(home)
    }

    /// The server of a request that goes to one, whole: that of all its keys, or the one for those that have none.
    pub(crate) fn server_of_all(
        &mut self,
        pool: PoolId,
        frame: Frame<'_>,
        routed: &Routed,
    ) -> Result<ServerId, Unplaced> {
        match self.home(pool, frame, routed, None)? {
            Some(server) => Ok(server),
            None => self.server_of_none(pool),
        }
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
            Err(Unplaced::Apart) => self.refuse_apart(conn, pool, Apart::Request),
            // Where all are ejected, the way of a request with one key has the words for it.
            Ok(_) | Err(Unplaced::AllEjected) => self.forward(conn, pool, frame, routed),
        }
    }

    /// Tells a client that its keys are on different servers.
    #[cold]
    pub(crate) fn refuse_apart(&mut self, conn: ConnId, pool: PoolId, apart: Apart) {
        let tag = self.pools[pool.0 as usize].config().placement.tag;
        self.answer(conn, apart.answer(tag).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_names_the_tag_that_the_pool_has() {
        let untagged = "; with the pool's option 'hash_tag: \"{}\"', keys with the same text in \
                        braces share a server\r\n";
        let tagged = "; keys with the same text between '<' and '\\n' share a server (the pool's \
                      option 'hash_tag')\r\n";
        let tag = HashTag::new(b'<', b'\n');
        for apart in [
            Apart::Request,
            Apart::Transaction,
            Apart::Watched,
            Apart::Blocking,
            Apart::BlockingWatched,
        ] {
            let begins = "-CROSSSLOT Keys in request don't hash to the same slot: ";
            let begins = [begins, apart.words()].concat();
            assert_eq!(apart.answer(None), begins.clone() + untagged);
            assert_eq!(apart.answer(Some(tag)), begins + tagged);
        }
    }
}
