//! Requests that may get another chance when their server is lost: what is kept of them, and which
//! of them may.
//!
//! Two kinds may. A **read** that was sent: to send it again does no harm, so pools with `retries` keep a
//! copy of it until it is answered. And a request of which **nothing was sent**, whatever it does: it is
//! in its conn's outbox still.
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
//! changed meanwhile, later ones may be anywhere; but whatever came later stands in the client's line,
//! for nobody overtakes there. A conn whose place another has taken is no exception: who has requests on it
//! waits with the next ones (see `moving.rs`).

use std::collections::{BTreeSet, VecDeque};

use nutcracker_proto::Routed;

use crate::action::CloseReason;
use crate::engine::Engine;
use crate::errand::Errand;
use crate::frame::Frame;
use crate::held::Held;
use crate::ids::{ConnId, PoolId};
use crate::request::{Answer, Request, RequestId, Role};
use crate::server::{ServerConn, Tenancy};
use crate::shared::Shared;

/// What is kept of a request so that it can be sent again.
#[derive(Debug)]
pub(crate) struct Repeat {
    /// Its bytes, as they are sent.
    pub(crate) kept: Held,
    /// What it is besides.
    pub(crate) under: Role,
    /// How often it may be given to a server once more.
    pub(crate) left: u32,
    /// How requests were placed when it was queued.
    moment: Moment,
}

/// How requests are placed, and how many were sent that stand in no client's line. While it is the same,
/// requests of a client for a key take one conn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Its bytes, where they are not kept anyhow.
    pub(crate) bytes: Option<Shared>,
}

impl Engine {
    /// A request in a pool that retries was sent on its way just now; its client had `before` outstanding.
    /// If it is a read, it is noted as one, and a copy is kept. A fragment's was, when it was written.
    #[inline(never)]
    pub(crate) fn keep_read(
        &mut self,
        conn: ConnId,
        before: u32,
        frame: Frame<'_>,
        routed: &Routed,
    ) {
        let Some(client) = self.clients.get(conn.key()) else { return };
        if client.outstanding != before + 1 || !routed.command.is_read() {
            return;
        }
        let (pool, id) = (client.pool, client.line.back());
        let request = self.requests.get_mut(id);
        request.reads = true;
        if !matches!(request.answer, Answer::Awaited) {
            // It was refused, and is no load for anybody.
            return;
        }
        let is_whole = matches!(request.role, Role::Whole);
        self.pools[pool.0 as usize].budget.earn(self.now);
        if is_whole && routed.omit.is_empty() {
            let left = self.pools[pool.0 as usize].config().retries;
            let kept = self.hold(frame);
            self.keep_for(pool, id, kept, left);
        }
    }

    /// Keeps the bytes of a queued request for so many times.
    pub(crate) fn keep_for(&mut self, pool: PoolId, id: RequestId, kept: Held, left: u32) {
        let moment = self.pools[pool.0 as usize].moment();
        let request = self.requests.get_mut(id);
        let repeat = Repeat { kept, under: request.role, left, moment };
        request.role = Role::Errand { errand: self.errands.insert(Errand::Repeat(repeat)) };
    }

    /// Takes from a request what is kept of it. It is then as any other.
    pub(crate) fn take_repeat(&mut self, id: RequestId) -> Option<Repeat> {
        let Role::Errand { errand } = self.requests.get(id).role else { return None };
        let Errand::Repeat(repeat) = self.errands.remove(errand)? else {
            unreachable!("other errands get no chance")
        };
        self.requests.get_mut(id).role = repeat.under;
        Some(repeat)
    }

    /// Lets go of what is kept of a request so that it can be sent again, if anything is.
    pub(crate) fn forget_repeat(&mut self, id: RequestId) {
        let Role::Errand { errand } = self.requests.get(id).role else { return };
        if matches!(self.errands.get(errand), Some(Errand::Repeat(_))) {
            let under = self.drop_errand(errand);
            self.requests.get_mut(id).role = under;
        }
    }

    /// Which of the requests on `server`, which ends for `reason`, may get another chance; for each in
    /// the order of the queue. Empty where none may.
    pub(crate) fn chances(
        &self,
        server: &ServerConn,
        reason: &CloseReason,
    ) -> VecDeque<Option<Again>> {
        let pool = &self.pools[server.pool.0 as usize];
        let is_shared = matches!(server.tenancy, Tenancy::Shared { .. } | Tenancy::Leaving);
        let has_any = pool.config().retries > 0 || server.is_asking();
        if !is_shared || !has_any || !reason.is_loss() {
            return VecDeque::new();
        }
        let (untouched, mut at) = server.untouched(&self.requests);
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
        for &id in &ids[sent..] {
            let len = self.requests.get(id).bytes as usize;
            chances.push_back(self.chance_of_unsent(server, id, at, len));
            at += len;
        }
        // From the last to the first: what a client has sent behind a read decides.
        let mut writers = BTreeSet::new();
        for &id in ids[..sent].iter().rev() {
            let of = self.client_of(id);
            let may = self.may_be_sent_again(server.pool, id)
                && of.is_some_and(|client| !writers.contains(&Some(client)))
                && !writers.contains(&None);
            if !self.requests.get(id).reads {
                writers.insert(of);
            }
            chances.push_front(may.then_some(Again { id, was_sent: true, bytes: None }));
        }
        chances
    }

    /// Whether a read that was sent may be, once more, as far as it alone decides.
    fn may_be_sent_again(&self, pool: PoolId, id: RequestId) -> bool {
        let request = self.requests.get(id);
        let Role::Errand { errand } = request.role else { return false };
        let Some(Errand::Repeat(repeat)) = self.errands.get(errand) else { return false };
        let now = self.pools[pool.0 as usize].moment();
        if !request.reads || repeat.left == 0 {
            return false;
        }
        repeat.moment.version == now.version
            || repeat.moment == Moment { version: repeat.moment.version, ..now }
                && self.all_behind(id, |behind| behind.reads)
    }

    /// The chance of a request of which nothing was sent. Its bytes are at `at` of the outbox.
    fn chance_of_unsent(
        &self,
        server: &ServerConn,
        id: RequestId,
        at: usize,
        len: usize,
    ) -> Option<Again> {
        self.client_of(id)?;
        let request = self.requests.get(id);
        let (is_kept, under) = match request.role {
            Role::Errand { errand } => match self.errands.get(errand)? {
                Errand::Repeat(repeat) => (true, repeat.under),
                _ => return None,
            },
            role => (false, role),
        };
        match under {
            Role::Whole => {}
            Role::Fragment { gathering, .. } if !self.gatherings.get(gathering).of_all => {}
            _ => return None,
        }
        let pool = &self.pools[server.pool.0 as usize];
        let (then, now) = (server.opened_at, pool.moment());
        let keeps_order = then.version == now.version
            || pool.config().retries > 0
                && then.silent_requests == now.silent_requests
                && self.all_behind(id, |_| false);
        if !keeps_order {
            return None;
        }
        let bytes = (!is_kept).then(|| server.outbox.part(at..at + len));
        Some(Again { id, was_sent: false, bytes })
    }

    /// Who waits for a request, or for what it is a part of.
    pub(crate) fn client_of(&self, id: RequestId) -> Option<ConnId> {
        self.requests.get(self.in_line(id)?).client
    }

    /// The request that stands in its client's line: it, or what it is a part of.
    fn in_line(&self, id: RequestId) -> Option<RequestId> {
        let role = match self.requests.get(id).role {
            Role::Errand { errand } => match self.errands.get(errand) {
                Some(Errand::Repeat(repeat)) => repeat.under,
                _ => Role::Whole,
            },
            role => role,
        };
        match role {
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
