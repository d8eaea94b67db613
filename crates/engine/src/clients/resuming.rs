//! Clients that were paused and may be read from again.
//!
//! A client goes on once a turn. What is answered here needs no server: who asks for much of that is paused by what it
//! has to read, not by what it waits for, and where it reads as quickly as it is written to it could go on over and over,
//! with everybody else waiting for the end of the turn.
//!
//! ```text
//!  turn     .. events | flushes | those found so far go on | flushes | end
//!                                                              ^ who is found from there on goes on in the next turn
//! ```

use crate::ids::ConnId;

/// Clients that may go on. Some of them may be gone, or be there twice.
#[derive(Debug, Default)]
pub(crate) struct Resuming {
    /// Those that go on in this turn.
    now: Vec<ConnId>,
    /// Those that were found since it was said who does so, or before it is.
    found: Vec<ConnId>,
    /// It was said in this turn.
    is_said: bool,
}

impl Resuming {
    /// A turn begins.
    pub(crate) const fn begin_turn(&mut self) {
        self.is_said = false;
    }

    /// `client` may go on.
    #[inline]
    pub(crate) fn push(&mut self, client: ConnId) {
        self.found.push(client);
    }

    /// All of `clients` may, and are taken out there.
    pub(crate) fn append(&mut self, clients: &mut Vec<ConnId>) {
        self.found.append(clients);
    }

    /// The next to go on in this turn. From the first time that it is asked for, those found go on in the next.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<ConnId> {
        if !std::mem::replace(&mut self.is_said, true) {
            self.now.append(&mut self.found);
        }
        self.now.pop()
    }

    /// Whether somebody goes on in the next turn, when nobody is left who does in this one.
    pub(crate) const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}
