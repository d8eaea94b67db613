//! Free loopback ports for the servers a chore starts.
//!
//! Ports come from 20000 to 29999: below Linux' range for outgoing connections (32768 and up), so
//! no connection of the chore itself can take a port between its choice and its use.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::failure::{Failure, Result};

/// The ports that are handed out.
const PORTS: Range<u16> = 20_000..30_000;

/// How many ports of the range have been tried so far in this process.
static TRIED: AtomicU16 = AtomicU16::new(0);

/// The ports that have been handed out, so that none is twice. A few dozen at most.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port of 127.0.0.1 on which nothing listens.
///
/// It is not held: another process may take it before its server does, which then fails to start
/// and says so. Two chores at once begin at different places, so this is rare.
///
/// # Errors
/// [`Failure::Wrong`] when the whole range is taken.
pub(crate) fn free() -> Result<u16> {
    let count = PORTS.end - PORTS.start;
    // A prime stride spreads processes with neighbouring ids over the range.
    let first = (process::id().wrapping_mul(131) % u32::from(count)) as u16;
    loop {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        if tried >= count {
            TRIED.store(count, Ordering::Relaxed);
            return Err(Failure::Wrong(format!(
                "no free port is left between {} and {}",
                PORTS.start,
                PORTS.end - 1
            )));
        }
        let port = PORTS.start + (first + tried) % count;
        if claim(port) {
            return Ok(port);
        }
    }
}

/// `port` itself if nothing listens on it and nobody has been given it, else one that is free.
///
/// # Errors
/// As [`free`].
pub(crate) fn prefer(port: u16) -> Result<u16> {
    if claim(port) { Ok(port) } else { free() }
}

/// Whether `port` can be handed out; it then counts as handed out.
fn claim(port: u16) -> bool {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    !given.contains(&port)
        && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && given.insert(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_in_range_and_never_handed_out_twice() {
        let mut seen = BTreeSet::new();
        for _ in 0..50 {
            let port = free().expect("a free port");
            assert!(PORTS.contains(&port), "{port} is out of range");
            assert!(seen.insert(port), "{port} was handed out twice");
        }
    }

    #[test]
    fn a_preferred_port_is_given_once_and_only_while_free() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let port = taken.local_addr().expect("its address").port();
        assert_ne!(prefer(port).expect("another port"), port, "somebody listens on it");
        drop(taken);
        assert_eq!(prefer(port).expect("the port"), port);
        assert_ne!(prefer(port).expect("another port"), port, "it was given away");
    }
}
