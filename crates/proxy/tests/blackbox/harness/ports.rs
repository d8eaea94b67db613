//! Ports nobody uses.

use std::net::TcpListener;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// The ports to take from: below those that the system gives to outgoing connections.
const FIRST: u32 = 26_000;
const COUNT: u32 = 3_000;

/// A port of 127.0.0.1 on which nobody listens, and which no other caller in this process gets.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..COUNT {
        let at = NEXT.fetch_add(1, Ordering::Relaxed);
        // Two runs at a time begin at different places.
        let port = (FIRST + process::id().wrapping_mul(37).wrapping_add(at) % COUNT) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
