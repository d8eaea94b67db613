//! An address that another process listens on: one that has just been told to end frees it soon.
//!
//! `kill PID; nutcracker -d ...` is a restart where the first process is gone at once, as the original is. This one answers
//! what is outstanding first; but it lets go of its ports when it hears the signal, and for that long a start waits.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// How long a start waits for an address that is taken.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long until it is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// Tries to `bind` until it is done, or fails for another reason than an address that is taken, or has been tried for half a
/// second. `kind` says why it failed.
///
/// # Errors
/// Those of `bind`, the last one.
pub fn when_free<T, E>(
    mut bind: impl FnMut() -> Result<T, E>,
    kind: impl Fn(&E) -> Option<io::ErrorKind>,
) -> Result<T, E> {
    let begun = Instant::now();
    loop {
        match bind() {
            Err(error)
                if kind(&error) == Some(io::ErrorKind::AddrInUse) && begun.elapsed() < PATIENCE =>
            {
                thread::sleep(PAUSE);
            }
            result => return result,
        }
    }
}
