//! Conns to servers for which the system has no descriptor.
//!
//! During a reload both sets of workers have conns to servers, and near the limit of open files there are not enough
//! for that. Those of the set before are closed as their clients go over, in a fraction of a second; so a conn that cannot be
//! opened is tried again for as long as [`PATIENCE`] before its requests fail. Where they have less time than twice that, it
//! is half of their time: when all of it is over the server would be to blame. Where it was in vain the
//! want is another one, and lasts: others fail at once until it is over.

use std::time::{Duration, Instant};

use nutcracker_engine::{CloseReason, ConnId, PoolConfig, Report};

use super::Worker;
use crate::log::{Past, Spell};

/// How long a conn waits for a descriptor at most, and how often it is tried meanwhile.
const PATIENCE: Duration = Duration::from_millis(500);
const INTERVAL: Duration = Duration::from_millis(5);

/// How long a conn to a server of that pool does.
fn patience(pool: &PoolConfig) -> Duration {
    let bounds = pool.timeout.into_iter().chain(pool.connect_timeout);
    bounds.map(|bound| bound / 2).fold(PATIENCE, Duration::min)
}

/// Conns that wait for a descriptor, and whether there is a want of them.
#[derive(Debug, Default)]
pub(super) struct NoRoom {
    /// Conns that failed for it.
    failed: Spell,
    waiting: Vec<Wait>,
}

/// A conn that is tried again.
#[derive(Clone, Copy, Debug)]
struct Wait {
    conn: ConnId,
    until: Instant,
    /// When; `None` while that is under way.
    try_at: Option<Instant>,
}

impl NoRoom {
    /// There is no descriptor for that conn, which waits for as long as `patience`. Says whether it is tried again.
    fn postpone(&mut self, conn: ConnId, patience: Duration, now: Instant) -> bool {
        let at = self.waiting.iter().position(|wait| wait.conn == conn).or_else(|| {
            let waits = self.failed.poll_timeout().is_none();
            waits.then(|| {
                self.waiting.push(Wait { conn, until: now + patience, try_at: None });
                self.waiting.len() - 1
            })
        });
        let Some(at) = at else { return false };
        let until = self.waiting[at].until;
        let waits = now < until;
        if waits {
            self.waiting[at].try_at = Some(until.min(now + INTERVAL));
        } else {
            self.waiting.remove(at);
        }
        waits
    }

    /// That conn waits no longer: it is open, or ended.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.waiting.retain(|wait| wait.conn != conn);
    }

    /// The conns to try again now, which is under way from here on.
    fn take_due(&mut self, now: Instant) -> Vec<ConnId> {
        let due = |wait: &mut Wait| wait.try_at.take_if(|at| *at <= now).map(|_| wait.conn);
        self.waiting.iter_mut().filter_map(due).collect()
    }

    /// When there is something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let next_try = self.waiting.iter().filter_map(|wait| wait.try_at);
        next_try.chain(self.failed.poll_timeout()).min()
    }

    /// Whether that report is worth a line: of conns that failed for it the first is.
    pub(super) fn is_news(&mut self, what: &Report, now: Instant) -> bool {
        let is_of_it = matches!(what, Report::ServerClosed { reason: CloseReason::NoRoom(_), .. });
        !is_of_it || self.failed.show(now)
    }
}

impl Worker {
    /// A conn could not be opened, for `reason`. It is tried again where that is for want of a descriptor, and soon there
    /// may be one.
    pub(super) fn handle_unopened(&mut self, conn: ConnId, reason: CloseReason) {
        let of = self.engine.server_of(conn).filter(|_| matches!(reason, CloseReason::NoRoom(_)));
        let waits = of.is_some_and(|(pool, _)| {
            let patience = patience(&self.shared.pools[pool.0 as usize].config);
            self.no_room.postpone(conn, patience, self.now)
        });
        if !waits {
            self.no_room.forget(conn);
            self.engine.handle_closed(conn, reason);
        }
    }

    /// Tries conns again that wait for a descriptor, and says so when others have failed for want of one and can be
    /// opened again.
    pub(super) fn tend_room(&mut self) {
        for conn in self.no_room.take_due(self.now) {
            match self.engine.server_of(conn) {
                Some((pool, server)) => self.open(conn, pool, server),
                // Its requests have given up.
                None => self.no_room.forget(conn),
            }
        }
        if let Some(Past { lasted, times }) = self.no_room.failed.take_past(self.now) {
            tracing::warn!(
                "no connection to a server has failed for want of a descriptor for a second, \
                 before that {times} in {} ms",
                lasted.as_millis()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use mio::Token;

    use super::*;
    use crate::subject::Subject;

    /// A server's conn.
    fn conn(nth: usize) -> ConnId {
        match Subject::of(Token(2 * nth + 1)) {
            Subject::Conn(conn) => conn,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_conn_waits_for_so_long_and_after_that_no_other_does() {
        let begin = Instant::now();
        let [first, second] = [0, 1].map(conn);
        let mut room = NoRoom::default();
        assert!(room.postpone(first, PATIENCE, begin));
        let mut now = begin;
        let mut tries = 0;
        loop {
            assert_eq!(room.take_due(now), []);
            now = room.poll_timeout().expect("it is tried again");
            assert_eq!(room.take_due(now), [first]);
            assert_eq!(room.poll_timeout(), None, "that is under way");
            tries += 1;
            if !room.postpone(first, PATIENCE, now) {
                break;
            }
        }
        assert_eq!(now, begin + PATIENCE);
        assert_eq!(tries, PATIENCE.as_millis() / INTERVAL.as_millis());
        room.failed.show(now);
        assert!(!room.postpone(second, PATIENCE, now), "it lasts");
        let past = room.poll_timeout().expect("it is told when it is over");
        assert!(room.failed.take_past(past).is_some());
        assert!(room.postpone(second, PATIENCE, past));
        room.forget(second);
        assert_eq!(room.poll_timeout(), None);
    }
}
