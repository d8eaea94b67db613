//! A listener as its worker uses it: whether clients may be waiting there, and when to try again.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use nutcracker_engine::PoolId;

use crate::log::{Past, Spell, reason};
use crate::net::{Listener, Socket};
use crate::shared::Full;
use crate::sys;

/// Most clients accepted before those that are there get their turn.
pub(super) const ACCEPTS_A_TURN: usize = 256;

/// How long accepting rests when the system has no descriptor left.
const REST: Duration = Duration::from_millis(100);

/// A listener and its state.
#[derive(Debug)]
pub(super) struct Accepting {
    /// Whose clients come here.
    pub(super) pool: PoolId,
    /// The pool's name, for the log.
    name: String,
    listener: Listener,
    /// Clients may be waiting that the kernel will not tell of again.
    ready: bool,
    /// When to try again after the system had no descriptor left.
    resting: Option<Instant>,
    /// The system had no descriptor left, or something else that a client takes.
    failing: Spell,
    /// There were as many clients as there may be.
    refusing: Spell,
    /// Which limits the log was told of since that began.
    told: Told,
}

/// The limits that clients were refused for, of those that there are.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    pool: bool,
    open_files: bool,
}

impl Accepting {
    /// One that knows of no client yet.
    #[must_use]
    pub(super) const fn new(pool: PoolId, name: String, listener: Listener) -> Self {
        let (failing, refusing) = (Spell::new(), Spell::new());
        let told = Told { pool: false, open_files: false };
        Self { pool, name, listener, ready: false, resting: None, failing, refusing, told }
    }

    /// Whose clients come here, and the listener.
    #[must_use]
    pub(super) fn into_parts(self) -> (PoolId, Listener) {
        (self.pool, self.listener)
    }

    /// The kernel has told of a client.
    pub(super) const fn wake(&mut self) {
        self.ready = true;
    }

    /// Whether clients may be waiting that can be accepted now.
    #[must_use]
    pub(super) const fn is_ready(&self) -> bool {
        self.ready && self.resting.is_none()
    }

    /// When to try again after a failure, or to look whether trouble is over.
    #[must_use]
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let spells = [&self.failing, &self.refusing].into_iter().filter_map(Spell::poll_timeout);
        self.resting.into_iter().chain(spells).min()
    }

    /// Ends a rest that is over, and tells of trouble that is.
    pub(super) fn begin_turn(&mut self, now: Instant) {
        let name = &self.name;
        if self.resting.is_some_and(|until| until <= now) {
            self.resting = None;
        }
        if let Some(Past { lasted, times }) = self.failing.take_past(now) {
            tracing::warn!(
                "accept for pool '{name}' goes on, it failed {times} times in {} ms",
                lasted.as_millis()
            );
        }
        if let Some(Past { lasted, times }) = self.refusing.take_past(now) {
            self.told = Told::default();
            tracing::warn!(
                "pool '{name}' has closed no new client for a second, before that {times} in {} ms",
                lasted.as_millis()
            );
        }
    }

    /// Takes a client that waits.
    pub(super) fn accept(&mut self, now: Instant) -> Accepted {
        while self.is_ready() {
            match self.listener.accept() {
                Ok(socket) => return Accepted::Client(socket),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => self.ready = false,
                    // The client is gone before it was taken; the next may be there.
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
                    _ => {
                        if self.failing.show(now) {
                            let name = &self.name;
                            tracing::error!(
                                "accept for pool '{name}' failed, next try in {} ms: {}",
                                REST.as_millis(),
                                reason(&error)
                            );
                        }
                        self.resting = Some(now + REST);
                        return Accepted::Paused;
                    }
                },
            }
        }
        Accepted::Nobody
    }

    /// A client was one too many, and is closed. The log is told once of each limit that it is closed for.
    pub(super) fn refuse(&mut self, full: Full, now: Instant) {
        self.refusing.show(now);
        let told = match full {
            Full::Pool { .. } => &mut self.told.pool,
            Full::OpenFiles => &mut self.told.open_files,
        };
        if !std::mem::replace(told, true) {
            let words = Refusal { pool: &self.name, full };
            tracing::warn!("{words}");
        }
    }
}

/// That a client of a pool is closed, and what would do.
struct Refusal<'a> {
    pool: &'a str,
    full: Full,
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, full } = self;
        match full {
            Full::Pool { clients, limit } if clients > limit => write!(
                f,
                "pool '{pool}' has {clients} clients, more than the {limit} that 'client_connections' \
                 lets it have: one more is closed"
            ),
            Full::Pool { clients, .. } => write!(
                f,
                "pool '{pool}' has {clients} clients, as many as 'client_connections' lets it have: one \
                 more is closed"
            ),
            Full::OpenFiles => {
                f.write_str("the limit of open files")?;
                if let Ok(limit) = sys::open_files_limit() {
                    write!(f, " ({})", limit.soft)?;
                }
                write!(
                    f,
                    " leaves no room for more clients: one more of pool '{pool}' is closed; raise it \
                     (ulimit -n, LimitNOFILE=)"
                )
            }
        }
    }
}

/// What came of an accept.
#[derive(Debug)]
pub(super) enum Accepted {
    /// A client.
    Client(Socket),
    /// Nobody waits.
    Nobody,
    /// Somebody waits, and has to: accepting rests.
    Paused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_limit_and_what_would_do() {
        let words = |full| Refusal { pool: "alpha", full }.to_string();
        let limit = sys::open_files_limit().expect("it can be read").soft;
        for (full, expected) in [
            (
                Full::Pool { clients: 100, limit: 100 },
                "pool 'alpha' has 100 clients, as many as 'client_connections' lets it have: one more is \
                 closed",
            ),
            (
                Full::Pool { clients: 120, limit: 100 },
                "pool 'alpha' has 120 clients, more than the 100 that 'client_connections' lets it have: \
                 one more is closed",
            ),
            (
                Full::OpenFiles,
                &format!(
                    "the limit of open files ({limit}) leaves no room for more clients: one more of pool \
                     'alpha' is closed; raise it (ulimit -n, LimitNOFILE=)"
                ),
            ),
        ] {
            assert_eq!(words(full), expected);
        }
    }
}
