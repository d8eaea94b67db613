//! Whether the process holds as much memory as it may, and who waits for it to hold less.
//!
//! The state alone; what follows from it is in `relief.rs`.

use crate::ids::ConnId;
use crate::time::tick::Tick;

/// How much memory the process holds of what it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryState {
    /// Less.
    Enough,
    /// All of it: clients are not read until there is enough again.
    Short,
    /// Much more than it may, by what was on its way: conns that hold most are closed at once.
    Exhausted,
}

/// Whether memory is short, and who waits for it.
#[derive(Debug, Default)]
pub(crate) struct Shortage {
    /// When the next client is closed if memory is short still; `None` when it is not.
    pub(crate) patience_ends: Option<Tick>,
    /// Clients that are not read from until it is over.
    pub(crate) waiting: Vec<ConnId>,
}

impl Shortage {
    #[inline]
    pub(crate) const fn is_short(&self) -> bool {
        self.patience_ends.is_some()
    }

    #[inline]
    pub(crate) fn is_overdue(&self, now: Tick) -> bool {
        self.patience_ends.is_some_and(|end| end <= now)
    }

    /// Has `client` wait, which is paused.
    pub(crate) fn wait(&mut self, client: ConnId) {
        self.waiting.push(client);
    }
}
