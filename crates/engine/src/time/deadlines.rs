//! Which server conn's oldest request gives up next.
//!
//! All requests of a pool have the same timeout, so within a server conn the front of the queue is
//! always the next to expire, and the queue is the timer. What is left is to know which conn's front
//! is first: a heap with at most one entry a conn. An entry is not moved when its front is answered;
//! it comes up at its time, finds a younger front (or none), and is set for that. So a request costs
//! nothing here, and a conn one heap operation a timeout.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::ids::ConnId;
use crate::time::tick::Tick;

/// At most one deadline a conn, earliest first.
#[derive(Debug, Default)]
pub(crate) struct Deadlines(BinaryHeap<Reverse<(Tick, ConnId)>>);

impl Deadlines {
    /// Sets a conn's entry. The caller knows that it has none.
    pub(crate) fn set(&mut self, at: Tick, conn: ConnId) {
        self.0.push(Reverse((at, conn)));
    }

    /// The earliest entry's time.
    pub(crate) fn next(&self) -> Option<Tick> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out an entry whose time has come.
    pub(crate) fn pop_due(&mut self, now: Tick) -> Option<ConnId> {
        let Reverse((at, conn)) = *self.0.peek()?;
        if at > now {
            return None;
        }
        self.0.pop();
        Some(conn)
    }
}
