//! Requests that may get another chance when their server is lost: which they are, and where their bytes
//! are.
//!
//! Two kinds may. A **read** that was sent: to send it again does no harm, so in pools with `retries` what
//! was sent stays in its conn's outbox until it is answered. And a request of which **nothing was sent**,
//! whatever it does: it is there anyhow.
//!
//! A client's requests for one key must take effect in their order, so a read is not sent again behind a
//! request of its client that may change what it reads:
//!
//! ```text
//! GET k  sent     may not be sent again: it would see what SET wrote
//! SET k  sent     fails: it may have been done, and is not done twice
//! GET k  sent     may be sent again
//! SET k  unsent   may go elsewhere, behind it
//! ```
//! What such requests are is known by where they are. As long as a client's requests are placed by one
//! ring, those for a key are all on the conn that failed, and its queue has their order. When the ring has
//! changed since the oldest of the queue came, later ones may be anywhere; but whatever came later stands in
//! the client's line, for nobody overtakes there. A conn whose place another has taken is no exception: who has
//! requests on it waits with the next ones (see `moving.rs`).

use std::collections::{BTreeSet, VecDeque};

use nutcracker_ring::DistributionKind;

use crate::action::CloseReason;
use crate::bytes::outbox::Waiting;
use crate::bytes::shared::Shared;
use crate::engine::Engine;
use crate::ids::ConnId;
use crate::loss::ejection::OnEject;
use crate::request::{Request, RequestId, Role};
use crate::server::{ServerConn, State, Tenancy};

/// How requests are placed, and how many were sent that stand in no client's line. While it is the same,
/// requests of a client for a key take one conn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The routing's version.
    pub(crate) version: u64,
    /// Requests without an answer, so far.
    pub(crate) silent_requests: u64,
}

/// A request that may get another chance.
#[derive(Debug)]
pub(crate) struct Again {
    pub(crate) id: RequestId,
    /// It was sent, at least in part.
    pub(crate) was_sent: bool,
    /// Its bytes, as they were or would have been sent.
    pub(crate) bytes: Shared,
}

impl Engine {
    /// Which of the requests on `server`, which ends for `reason`, may get another chance; for each in
    /// the order of the queue. Empty where none may.
    pub(crate) fn chances(
        &self,
        server: &ServerConn,
        reason: &CloseReason,
    ) -> VecDeque<Option<Again>> {
        let config = self.pools[server.pool.0 as usize].config();
        let was_open = !matches!(server.state, State::Connecting { .. });
        let times = config.retries.after(reason, was_open);
        let rehashes = config.ejection.is_some_and(|it| it.on_eject == OnEject::Rehash);
        let is_shared = matches!(server.tenancy, Tenancy::Shared { .. } | Tenancy::Leaving);
        // One that may be given to no server once more may go elsewhere, if this ejects its own.
        let has_any = times > 0 || rehashes && (config.retries.times > 0 || server.is_asking());
        if !is_shared || !has_any || !reason.is_loss() {
            return VecDeque::new();
        }
        let (untouched, begins) = server.untouched(&self.requests);
        let mut ids = Vec::new();
        let mut sent = usize::MAX;
        let mut id = server.queue.front();
        while !id.is_none() {
            if id == untouched {
                sent = ids.len();
            }
            ids.push(id);
            id = server.queue.after(id, &self.requests);
        }
        let sent = sent.min(ids.len());
        let mut chances: VecDeque<Option<Again>> = VecDeque::with_capacity(ids.len());
        let mut waiting = server.outbox.waiting();
        if sent < ids.len() {
            waiting.skip(begins);
        }
        for &id in &ids[sent..] {
            chances.push_back(self.chance_of_unsent(server, id, &mut waiting));
        }
        if !server.keeps_sent() {
            (0..sent).for_each(|_| chances.push_front(None));
            return chances;
        }
        let mut end = server.copied_from(untouched, &self.requests);
        // From the last to the first: what a client has sent behind a read decides.
        let mut writers = BTreeSet::new();
        for &id in ids[..sent].iter().rev() {
            let request = self.requests.get(id);
            let start = end - request.copied();
            let of = self.client_of(id);
            let may = request.had.tries < times
                && self.may_be_sent_again(server, id)
                && of.is_some_and(|client| !writers.contains(&Some(client)))
                && !writers.contains(&None);
            if !request.reads {
                writers.insert(of);
            }
            chances.push_front(may.then(|| {
                let bytes = Shared::whole(server.outbox.copied()[start..end].to_vec());
                Again { id, was_sent: true, bytes }
            }));
            end = start;
        }
        chances
    }

    /// Whether a read that was sent may be, once more, as far as it alone decides.
    fn may_be_sent_again(&self, server: &ServerConn, id: RequestId) -> bool {
        let request = self.requests.get(id);
        if !request.reads || request.is_shared || !self.goes_where_its_keys_are(id) {
            return false;
        }
        self.keeps_order(server, id, |behind| behind.reads)
    }

    /// Whether no request that its client has sent behind this one, and that is not of a kind, can have
    /// overtaken it: those for its key are on the same conn, or there are none.
    fn keeps_order(&self, server: &ServerConn, id: RequestId, is: fn(&Request) -> bool) -> bool {
        let pool = &self.pools[server.pool.0 as usize];
        let (then, now) = (server.placed_at, pool.moment());
        let has_home = pool.config().distribution != DistributionKind::Random;
        has_home && then.version == now.version
            || then.silent_requests == now.silent_requests && self.all_behind(id, is)
    }

    /// Whether a request goes to one server, for its keys, and its response needs no further work.
    fn goes_where_its_keys_are(&self, id: RequestId) -> bool {
        match self.requests.get(id).role {
            Role::Whole => true,
            Role::Fragment { gathering, .. } => !self.gatherings.get(gathering).of_all,
            _ => false,
        }
    }

    /// The chance of a request of which nothing was sent, and whose bytes are the next that wait in the outbox.
    fn chance_of_unsent(
        &self,
        server: &ServerConn,
        id: RequestId,
        waiting: &mut Waiting<'_>,
    ) -> Option<Again> {
        let len = self.requests.get(id).bytes as usize;
        let has_chance = self.client_of(id).is_some()
            && self.goes_where_its_keys_are(id)
            && self.keeps_order(server, id, |_| false);
        if !has_chance {
            waiting.skip(len);
            return None;
        }
        Some(Again { id, was_sent: false, bytes: waiting.take(len) })
    }

    /// Who waits for a request or for what it is a part of, or has asked for it and wants no response. May
    /// be gone.
    pub(crate) fn client_of(&self, id: RequestId) -> Option<ConnId> {
        self.requests.get(self.in_line(id)?).client
    }

    /// The request that stands in its client's line: it, or what it is a part of.
    fn in_line(&self, id: RequestId) -> Option<RequestId> {
        match self.requests.get(id).role {
            Role::Fragment { gathering, .. } => {
                let parent = self.gatherings.get(gathering).parent;
                (!parent.is_none()).then_some(parent)
            }
            _ => Some(id),
        }
    }

    /// Whether all requests behind this one in its client's line are of a kind.
    fn all_behind(&self, id: RequestId, is: impl Fn(&Request) -> bool) -> bool {
        let Some(mut at) = self.in_line(id) else { return false };
        let Some(client) = self.requests.get(at).client else { return false };
        let line = self.clients.get(client.key()).expect("it waits").line;
        loop {
            at = line.after(at, &self.requests);
            if at.is_none() {
                return true;
            }
            if !is(self.requests.get(at)) {
                return false;
            }
        }
    }
}
