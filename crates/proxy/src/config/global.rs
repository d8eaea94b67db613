//! The `global:` section: options of the process rather than of a pool.
//!
//! The original has no such section, and there a pool may be called "global". So it still may: a
//! `global:` with `listen` or `servers` in it is a pool like any other.

use std::time::Duration;

use super::document::Section;
use super::fault::Fault;
use super::keys::{Findings, Keys, bytes, number};
use super::limits;
use super::types::{Global, MemoryMax, Workers};

/// The keys of the section.
const KEYS: [&str; 4] = ["busy_poll", "memory_max", "turn_pause", "workers"];

/// Whether `section` holds options of the process.
pub(super) fn is_global(section: &Section) -> bool {
    section.name.text == "global"
        && !section.entries.iter().any(|entry| matches!(&*entry.key.text, "listen" | "servers"))
}

/// Reads the section, for which [`is_global`] holds.
pub(super) fn read(section: &Section, findings: &mut Findings) -> Global {
    let keys = &mut Keys::of_process(section, findings);
    keys.check_names(&KEYS, |found, nearest| Fault::UnknownGlobalKey {
        found,
        nearest,
        keys: &KEYS,
    });
    let workers = keys.read("workers", |found| {
        Workers::from_text(found).ok_or_else(|| Fault::Workers { found: found.to_owned() })
    });
    let busy_poll = microseconds(keys, "busy_poll", limits::BUSY_POLL_MICROSECONDS_MAX);
    let turn_pause = microseconds(keys, "turn_pause", limits::TURN_PAUSE_MICROSECONDS_MAX);
    let memory_max = keys.read("memory_max", |found| {
        memory_max(found).ok_or_else(|| Fault::MemoryMax { found: found.to_owned() })
    });
    Global {
        workers,
        busy_poll: busy_poll.unwrap_or_default(),
        turn_pause: turn_pause.unwrap_or(limits::TURN_PAUSE_DEFAULT),
        memory_max: memory_max.unwrap_or(MemoryMax::Auto),
    }
}

fn microseconds(keys: &mut Keys<'_>, key: &'static str, max: u32) -> Option<Duration> {
    keys.read(key, |found| {
        number(found)
            .filter(|&microseconds| microseconds <= max)
            .map(|microseconds| Duration::from_micros(microseconds.into()))
            .ok_or_else(|| Fault::Microseconds { key, found: found.to_owned(), max })
    })
}

fn memory_max(found: &str) -> Option<MemoryMax> {
    if found == "auto" {
        return Some(MemoryMax::Auto);
    }
    match bytes(found)? {
        0 => Some(MemoryMax::Unlimited),
        bytes => limits::MEMORY_MAX.contains(&bytes).then_some(MemoryMax::Bytes(bytes)),
    }
}
