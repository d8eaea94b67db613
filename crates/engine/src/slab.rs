//! A table whose places are used again, and whose keys are not.

use crate::ids::Key;

/// Values at places. A place is used again after its value left; the generation in the key tells
/// the tenants apart.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    /// The most recently freed place, first to be used again: it is the likeliest in cache.
    free: Option<u32>,
    len: usize,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Taken(T),
    Free { next: Option<u32> },
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), free: None, len: 0 }
    }

    /// Values there are.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The key that the next value will have.
    pub(crate) fn next_key(&self) -> Key {
        let index = self.free.unwrap_or(self.slots.len() as u32);
        let generation = self.slots.get(index as usize).map_or(0, |slot| slot.generation);
        Key { index, generation }
    }

    /// Puts a value into a free place. Amortised O(1).
    ///
    /// # Panics
    /// After 2^31 values at once: a `ConnId` has no room for more.
    pub(crate) fn insert(&mut self, value: T) -> Key {
        self.len += 1;
        if let Some(index) = self.free {
            let slot = &mut self.slots[index as usize];
            let State::Free { next } = slot.state else { unreachable!("the free list is free") };
            self.free = next;
            slot.state = State::Taken(value);
            return Key { index, generation: slot.generation };
        }
        let index = u32::try_from(self.slots.len()).expect("fewer than 2^32 values");
        assert!(index < 1 << 31, "a ConnId has 31 bits for the place");
        self.slots.push(Slot { generation: 0, state: State::Taken(value) });
        Key { index, generation: 0 }
    }

    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        match self.slots.get(key.index as usize) {
            Some(Slot { generation, state: State::Taken(value) })
                if *generation == key.generation =>
            {
                Some(value)
            }
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.slots.get_mut(key.index as usize) {
            Some(Slot { generation, state: State::Taken(value) })
                if *generation == key.generation =>
            {
                Some(value)
            }
            _ => None,
        }
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        let slot = &mut self.slots[key.index as usize];
        slot.generation = slot.generation.wrapping_add(1);
        let state = std::mem::replace(&mut slot.state, State::Free { next: self.free });
        self.free = Some(key.index);
        self.len -= 1;
        match state {
            State::Taken(value) => Some(value),
            State::Free { .. } => unreachable!("get found it"),
        }
    }

    /// The keys of all values there are. O(places).
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| match slot.state {
            State::Taken(_) => Some(Key { index: index as u32, generation: slot.generation }),
            State::Free { .. } => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_kept_after_its_value_left_finds_nothing_in_the_place_used_again() {
        let mut slab = Slab::new();
        let first = slab.insert("first");
        assert_eq!(slab.remove(first), Some("first"));
        let next = slab.next_key();
        let second = slab.insert("second");
        assert_eq!(next, second);
        assert_ne!(slab.next_key(), second);
        assert_eq!(second.index, first.index, "the place is used again");
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get(second), Some(&"second"));
        assert_eq!(slab.len(), 1);
        assert_eq!(slab.keys().collect::<Vec<_>>(), [second]);
    }

    #[test]
    fn places_freed_last_are_used_first() {
        let mut slab = Slab::new();
        let keys: Vec<_> = (0..4).map(|n| slab.insert(n)).collect();
        slab.remove(keys[1]);
        slab.remove(keys[3]);
        assert_eq!(slab.insert(10).index, 3);
        assert_eq!(slab.insert(11).index, 1);
        assert_eq!(slab.insert(12).index, 4);
    }
}
