//! `SORT` and `SORT_RO`, whose options `BY` and `GET` make the names of further keys.
//!
//! The server looks those keys up among its own. Where they would belong to another server it finds
//! none, and its answer is wrong without a word of it. So a pattern must say by a hash tag, in front of
//! what is put in, that all its keys are where the sorted key is; a Redis in cluster mode asks for the
//! same.

use nutcracker_proto::Routed;
use nutcracker_proto::resp::sort_patterns;
use nutcracker_ring::DistributionKind;

use crate::bytes::frame::Frame;
use crate::engine::Engine;
use crate::ids::{ConnId, PoolId};
use crate::many_keys::together::{self, Unplaced};

impl Engine {
    /// Queues a `SORT` for the server of its keys, or refuses it.
    #[cold]
    pub(crate) fn forward_sorted(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        frame: Frame<'_>,
        routed: &Routed,
    ) {
        match self.refuse_patterns(pool, frame, routed) {
            Some(text) => self.refuse_command(conn, pool, &text),
            None => self.forward_together(conn, pool, frame, routed),
        }
    }

    /// What to say to a `SORT` whose patterns may make keys of another server; `None` where they do not.
    pub(crate) fn refuse_patterns(
        &mut self,
        pool: PoolId,
        frame: Frame<'_>,
        routed: &Routed,
    ) -> Option<String> {
        let config = self.pools[pool.0 as usize].config();
        // Most have no pattern; one server has all keys; and where servers are drawn no key has a home.
        let mut patterns = sort_patterns(frame.bytes).peekable();
        if patterns.peek().is_none()
            || config.servers.len() == 1
            || config.distribution == DistributionKind::Random
        {
            return None;
        }
        let tag = config.placement.tag;
        let home = match self.server_of_all(pool, frame, routed) {
            Ok(server) => server,
            // The words for these come with what every such request is told.
            Err(Unplaced::Apart | Unplaced::AllEjected) => return None,
        };
        let pool = &self.pools[pool.0 as usize];
        let random = &mut self.random;
        let astray = patterns.find(|before| {
            let tagged = tag.map_or(*before, |tag| tag.select(before));
            tagged.len() == before.len()
                || pool.owner(pool.hash(before), || random.draw()) != Some(home)
        })?;
        let (shown, hint) = (astray.escape_ascii(), together::hint(tag));
        Some(format!(
            "BY and GET look up keys that may be on other servers of this pool ('{shown}*'); put the \
             sorted key's hash tag in front of the '*': {hint}"
        ))
    }
}
