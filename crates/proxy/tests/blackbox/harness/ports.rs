//! Ports nobody uses.

use std::net::TcpListener;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// The ports to take from, in blocks: below those that the system gives to outgoing connections.
const FIRST: u16 = 24_000;
const BLOCKS: u16 = 6;
const BLOCK_PORTS: u16 = 1_000;

/// A block that this process has for itself. Its first port is listened on to say so.
static BLOCK: LazyLock<(u16, TcpListener)> = LazyLock::new(|| {
    (0..BLOCKS)
        .map(|block| FIRST + block * BLOCK_PORTS)
        .find_map(|first| Some((first, TcpListener::bind(("127.0.0.1", first)).ok()?)))
        .expect("there are not more runs at a time than blocks of ports")
});

/// A port of 127.0.0.1 on which nobody listens, and which no other caller gets.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    loop {
        let at = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(at < BLOCK_PORTS, "this run has used all its ports");
        let port = BLOCK.0 + at;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
