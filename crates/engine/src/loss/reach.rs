//! Servers that cannot be reached, in pools that eject none.
//!
//! A connect that nobody answers costs the requests that wait for it all the time that they have. A pool that
//! ejects servers is soon rid of such a one. In others it would cost every request that, for as long as the
//! server is away; so once a connect took all of its time, requests that need a new conn to that server fail
//! at once. The proxy goes on trying, every [`REACH_INTERVAL`], with a conn that no request waits for.
//!
//! Conns that are open are used as ever: a server with too many connects to answer may serve those it has.
//! And a connect that is *refused* costs no time, so each request tries it, as in the original.

use crate::action::{Action, CloseReason, Report};
use crate::clients::session::ClassId;
use crate::close::Ended;
use crate::engine::Engine;
use crate::ids::{PoolId, ServerId};
use crate::limits::{PROBE_PATIENCE, REACH_INTERVAL};
use crate::server::{State, Tenancy};
use crate::time::tick::Tick;

/// Which servers of a pool a worker cannot reach. Empty nearly always.
#[derive(Debug, Default)]
pub(crate) struct Reach(Vec<Lost>);

/// A server to which the last connect took all of its time.
#[derive(Clone, Copy, Debug)]
struct Lost {
    server: ServerId,
    /// Whose conn it was to be, and its place in the pool: the next has them again.
    class: ClassId,
    slot: usize,
    /// When the next is opened; [`Tick::NEVER`] while one is.
    try_at: Tick,
}

impl Reach {
    /// Whether the last connect to `server` took all of its time. One load, nearly always.
    #[inline]
    pub(crate) fn is_lost(&self, server: ServerId) -> bool {
        self.0.iter().any(|lost| lost.server == server)
    }

    /// When the first server is to be tried again.
    pub(crate) fn next_try(&self) -> Option<Tick> {
        self.0.iter().map(|lost| lost.try_at).filter(|at| *at != Tick::NEVER).min()
    }

    fn lose(&mut self, new: Lost) {
        match self.0.iter_mut().find(|lost| lost.server == new.server) {
            Some(lost) => *lost = new,
            None => self.0.push(new),
        }
    }

    fn postpone(&mut self, server: ServerId, try_at: Tick) {
        if let Some(lost) = self.0.iter_mut().find(|lost| lost.server == server) {
            lost.try_at = try_at;
        }
    }

    /// Says whether it was lost.
    fn find(&mut self, server: ServerId) -> bool {
        let before = self.0.len();
        self.0.retain(|lost| lost.server != server);
        self.0.len() < before
    }
}

impl Engine {
    /// A conn ended for `reason` before it was open.
    pub(crate) fn note_vain_connect(&mut self, ended: &Ended, reason: &CloseReason) {
        let pool = &mut self.pools[ended.pool.0 as usize];
        if pool.shared.health.ejects() {
            return;
        }
        match reason {
            CloseReason::TimedOut => {
                let slot = match ended.tenancy {
                    Tenancy::Shared { slot } => slot,
                    _ => pool.slot(ended.class, ended.server, 0),
                };
                let try_at = self.now.after(REACH_INTERVAL);
                pool.reach.lose(Lost { server: ended.server, class: ended.class, slot, try_at });
            }
            // That says nothing of the server.
            CloseReason::NoRoom(_) => {
                pool.reach.postpone(ended.server, self.now.after(REACH_INTERVAL));
            }
            // Whoever tries learns it at once.
            _ => {
                pool.reach.find(ended.server);
            }
        }
    }

    /// A conn to `server` is open.
    pub(crate) fn note_connect(&mut self, pool: PoolId, server: ServerId) {
        let pool_state = &mut self.pools[pool.0 as usize];
        pool_state.shared.health.note_connect(server);
        if pool_state.reach.find(server) {
            self.actions.push_back(Action::Report(Report::Reached { pool, server }));
        }
    }

    /// Tries the servers of a pool that could not be reached and whose time has come.
    #[cold]
    pub(crate) fn try_to_reach(&mut self, pool: PoolId) {
        let now = self.now;
        let pool_state = &self.pools[pool.0 as usize];
        let patience = pool_state.config().timeout.unwrap_or(PROBE_PATIENCE);
        let due = pool_state.reach.0.iter().filter(|lost| lost.try_at <= now);
        for Lost { server, class, slot, .. } in due.copied().collect::<Vec<_>>() {
            let present = self.pools[pool.0 as usize].conn(slot);
            let present = present.and_then(|conn| self.servers.get(conn.key()));
            let reach = &mut self.pools[pool.0 as usize].reach;
            match present.map(|conn| conn.state) {
                None => {
                    reach.postpone(server, Tick::NEVER);
                    let conn = self.connect_shared(pool, server, class, slot);
                    let opened = self.servers.get_mut(conn.key()).expect("it was opened just now");
                    opened.tries_reach = true;
                    self.bound_connect(conn, patience);
                }
                // It was being opened already, for requests, and will tell.
                Some(State::Connecting { .. }) => reach.postpone(server, now.after(REACH_INTERVAL)),
                // It cannot be reached by one client's conn; by those of the others it can.
                Some(_) => {
                    reach.find(server);
                }
            }
        }
    }
}
