//! Ctrl-C as a flag.
//!
//! The chores own processes by guards that end them when dropped, and a process killed by a signal
//! drops nothing. So the first SIGINT, SIGTERM or SIGHUP (a closed terminal) only raises a flag; every
//! loop that waits looks at it and returns [`Failure::Interrupted`], and the guards do their work on
//! the way out. A second signal ends this process at once: the children then die by the kernel's hand
//! (see `proc.rs`).

use std::io;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::{Failure, Result};

static RAISED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// The exit code of a chore that was interrupted, as a shell reports SIGINT.
pub(crate) const EXIT_CODE: u8 = 130;

/// Turns SIGINT, SIGTERM and SIGHUP into the flag. Call it once, before the first server starts.
///
/// # Errors
/// The system's, when a handler cannot be installed.
pub(crate) fn install() -> io::Result<()> {
    let raised = RAISED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order: the first signal finds the flag still down and only raises it.
        flag::register_conditional_shutdown(signal, i32::from(EXIT_CODE), Arc::clone(raised))?;
        flag::register(signal, Arc::clone(raised))?;
    }
    Ok(())
}

/// Errs once a signal has come. Every loop that waits calls it.
///
/// # Errors
/// [`Failure::Interrupted`].
pub(crate) fn check() -> Result<()> {
    match RAISED.get() {
        Some(raised) if raised.load(Ordering::Relaxed) => Err(Failure::Interrupted),
        _ => Ok(()),
    }
}

/// Sleeps for `time`, in steps short enough for Ctrl-C to feel immediate.
///
/// # Errors
/// [`Failure::Interrupted`].
pub(crate) fn sleep(time: Duration) -> Result<()> {
    const STEP: Duration = Duration::from_millis(20);
    let end = Instant::now() + time;
    loop {
        check()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(STEP));
    }
}
