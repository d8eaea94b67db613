//! Whether the process holds as much memory as it may, and who waits for it to hold less.
//!
//! The state alone; what follows from it is in `relief.rs`.

use crate::ids::ConnId;
use crate::time::tick::Tick;

/// How much memory the process holds of what it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryState {
    /// Less.
    #[default]
    Enough,
    /// All of it: clients are not read until there is enough again.
    Short,
    /// Much more than it may, by what was on its way: conns that hold most are closed at once.
    Exhausted,
}

/// Whether memory is short, and who waits for it.
#[derive(Debug, Default)]
pub(crate) struct Shortage {
    pub(crate) state: MemoryState,
    /// When it began. Of meaning while it lasts, as the next two.
    pub(crate) since: Tick,
    /// Before that nobody is closed.
    pub(crate) patience_ends: Tick,
    /// When to look who holds most.
    pub(crate) look_at: Tick,
    /// Clients that are not read from until it is over.
    pub(crate) waiting: Vec<ConnId>,
}

impl Shortage {
    #[inline]
    pub(crate) fn is_short(&self) -> bool {
        self.state != MemoryState::Enough
    }

    /// When to look who holds most; `None` while memory is not short.
    #[inline]
    pub(crate) fn poll_timeout(&self) -> Option<Tick> {
        self.is_short().then_some(self.look_at)
    }

    /// Has `client` wait, which is paused.
    pub(crate) fn wait(&mut self, client: ConnId) {
        self.waiting.push(client);
    }
}
