//! How a name finds its row in the table of commands.

use super::commands::COMMANDS;
use crate::command::Command;

/// The row of the command called `name`, whatever the case of its letters.
///
/// A few ns: the name in two words, a hash of them, a look at the slot it gives, and one compare.
/// Inlined where ordinary requests pass, which is not the only caller.
#[inline(always)]
pub(super) fn lookup(name: &[u8]) -> Option<&'static Command> {
    let folded = Folded::of(name);
    let mut slot = folded.slot();
    loop {
        let row = usize::from(SLOTS[slot]).checked_sub(1)?;
        if NAMES[row] == folded {
            let command = &COMMANDS[row];
            // The two words hold a name of up to 16 bytes; few rows have a longer one.
            let all = folded.len <= 16 || command.name.as_bytes().eq_ignore_ascii_case(name);
            return all.then_some(command);
        }
        slot = (slot + 1) % SLOTS.len();
    }
}

/// A name in small letters: its length, its first bytes and its last, which overlap or meet in a
/// name of up to 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Folded {
    first: u64,
    last: u64,
    len: usize,
}

impl Folded {
    #[inline(always)]
    const fn of(name: &[u8]) -> Self {
        let (first, last) =
            if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
                (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
            } else if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
                (u32::from_le_bytes(*first) as u64, u32::from_le_bytes(*last) as u64)
            } else if let [first, .., last] = name {
                (*first as u64 | (name[1] as u64) << 8, *last as u64)
            } else {
                // No command has a name of one letter.
                (0, 0)
            };
        Self { first: small_letters(first), last: small_letters(last), len: name.len() }
    }

    /// The slot at which the search for this name begins.
    #[inline(always)]
    const fn slot(self) -> usize {
        let mixed = self.first ^ self.last.rotate_left(28);
        // Multiplied, so that every bit has a say in the upper ones.
        (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 53) as usize
    }
}

/// Eight bytes with capitals made small, and nothing else changed.
#[inline]
const fn small_letters(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Seven bits a byte, so that no sum reaches the next byte: the eighth says "from A on" and
    // "behind Z".
    let low = word & (0x7F * ONES);
    let from_a = low + (0x80 - b'A' as u64) * ONES;
    let behind_z = low + (0x7F - b'Z' as u64) * ONES;
    let capitals = from_a & !behind_z & !word & (0x80 * ONES);
    word | capitals >> 2
}

/// The names of [`COMMANDS`], row by row, as a search compares them.
static NAMES: [Folded; COMMANDS.len()] = {
    let mut names = [Folded::of(b""); COMMANDS.len()];
    let mut row = 0;
    while row < COMMANDS.len() {
        names[row] = Folded::of(COMMANDS[row].name.as_bytes());
        row += 1;
    }
    names
};

/// Where each name is: one more than the number of its row, 0 where nothing is. A name that finds
/// its slot taken has the next free one.
static SLOTS: [u16; 2048] = {
    let mut slots = [0; 2048];
    let mut row = 0;
    while row < COMMANDS.len() {
        let mut at = Folded::of(COMMANDS[row].name.as_bytes()).slot();
        while slots[at] != 0 {
            at = (at + 1) % slots.len();
        }
        row += 1;
        slots[at] = row as u16;
    }
    slots
};

const _: () = assert!(COMMANDS.len() <= u16::MAX as usize, "a slot has two bytes");
const _: () =
    assert!(SLOTS.len() == 1 << (64 - 53), "a hash has as many values as there are slots");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_by_its_name_in_any_case() {
        for command in COMMANDS {
            let capitals = command.name.to_ascii_uppercase();
            let mixed: String = command
                .name
                .chars()
                .enumerate()
                .map(|(i, c)| if i % 2 == 0 { c.to_ascii_uppercase() } else { c })
                .collect();
            for name in [command.name, &capitals, &mixed] {
                let found = lookup(name.as_bytes()).map(|command| command.name);
                assert_eq!(found, Some(command.name), "{name}");
            }
        }
    }

    #[test]
    fn only_capitals_are_made_small() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let mut bytes = [0xC1; 8];
                bytes[place] = byte;
                let mut small = bytes;
                small[place] = byte.to_ascii_lowercase();
                assert_eq!(small_letters(u64::from_le_bytes(bytes)).to_le_bytes(), small);
            }
        }
    }

    #[test]
    fn a_name_that_is_near_a_command_is_none() {
        for command in COMMANDS {
            let name = command.name.as_bytes();
            for at in 0..name.len() {
                let mut near = name.to_vec();
                // What only the bit of capitals would tell apart, and a byte that is no letter.
                for byte in [name[at] ^ 0x80, name[at] ^ 0x40, 0] {
                    near[at] = byte;
                    assert_eq!(lookup(&near), None, "{}", near.escape_ascii());
                }
            }
            assert_eq!(lookup(&[name, b"\0"].concat()), None);
            assert_eq!(lookup(&[name, b" "].concat()), None);
        }
        for name in [&b""[..], b"g", b"ge", b"@et", b"no_such_command_of_any_kind"] {
            assert_eq!(lookup(name), None, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn a_search_looks_at_few_slots() {
        let mut run = 0;
        for row in SLOTS.iter().chain(&SLOTS) {
            run = if *row == 0 { 0 } else { run + 1 };
            assert!(run <= 6, "six names in a row make every search among them slow");
        }
        let at_home = COMMANDS
            .iter()
            .enumerate()
            .filter(|(row, command)| {
                usize::from(SLOTS[Folded::of(command.name.as_bytes()).slot()]) == row + 1
            })
            .count();
        assert!(at_home * 10 >= COMMANDS.len() * 9, "{at_home} of {} at home", COMMANDS.len());
    }
}
