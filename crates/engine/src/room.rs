//! Room for sockets: how many the process may open beyond those that it is sure to need.
//!
//! A system lets a process have so many open files. Listeners and each worker's ordinary conns to the
//! servers have theirs set aside; what is left is one room, for clients and for all server conns that
//! come and go with what clients do: pinned ones, those that listen, those of another class than the
//! pool's own. Nothing is set aside for these, so that nobody has room for fewer clients for the sake
//! of conns that nobody may ever need; who comes when the room is full is told so.

use std::sync::atomic::{AtomicI64, Ordering};

/// Places for sockets, of all workers and pools, and of all configurations.
#[derive(Debug)]
pub struct Room(AtomicI64);

impl Room {
    /// Of so many places.
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self(AtomicI64::new(i64::try_from(places).unwrap_or(i64::MAX)))
    }

    /// Takes a place, unless there is none.
    #[must_use]
    pub fn take(&self) -> bool {
        let fewer = |free: i64| (free > 0).then(|| free - 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok()
    }

    /// Takes a place for a conn that many clients depend on, or for a client that is there already, even
    /// where there is none: then one of those that are set aside, and the next client has to wait for two to
    /// be given back.
    pub fn take_anyhow(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Gives a place back.
    pub fn give_back(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// So many more places, or fewer: another configuration holds.
    pub fn widen(&self, places: i64) {
        self.0.fetch_add(places, Ordering::Relaxed);
    }

    /// Places that are left; below zero when too many were taken.
    #[must_use]
    pub fn free(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for Room {
    /// For as many as may come: half of what can be counted, so that it may be given back to as well.
    fn default() -> Self {
        Self(AtomicI64::new(i64::MAX / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_room_takes_nobody_before_all_that_is_too_much_has_left() {
        let room = Room::new(2);
        assert!(room.take() && room.take() && !room.take());
        room.take_anyhow();
        assert_eq!(room.free(), -1);
        room.give_back();
        assert!(!room.take());
        room.give_back();
        assert!(room.take() && !room.take());
        room.widen(-2);
        room.give_back();
        assert!(!room.take());
        room.widen(2);
        assert!(room.take() && !room.take());
        assert!(Room::default().take());
    }
}
