//! A panic in the log: where the program has a fault of its own, and ends.
//!
//! A daemon has no standard error, so without this it would be gone without a word.

use std::backtrace::Backtrace;
use std::panic::{self, PanicHookInfo};
use std::sync::TryLockError;
use std::thread;
use std::time::Duration;

use super::{Log, always};
use crate::standard_error::say;

/// How often it is tried, a millisecond apart, whether the log is free: a thread that panicked within it never lets it go.
const TRIES: u32 = 100;

impl Log {
    /// Has every panic written to this log, which is the process's, with the way to it: what was called from where.
    pub fn record_panics(&self) {
        let log = self.clone();
        panic::set_hook(Box::new(move |panic| log.record(panic)));
    }

    fn record(&self, panic: &PanicHookInfo<'_>) {
        let thread = thread::current();
        let name = thread.name().unwrap_or("without a name");
        let panic = panic.to_string().replace('\n', " ");
        let backtrace = Backtrace::force_capture().to_string();
        if !self.is_free() {
            say(format_args!("thread '{name}' ends the process: {panic}\n{backtrace}"));
            return;
        }
        // Also where this thread's log would be another one.
        tracing::subscriber::with_default(self.clone(), || {
            always!("thread '{name}' ends the process: {panic}");
            for line in backtrace.lines() {
                always!("{line}");
            }
        });
    }

    fn is_free(&self) -> bool {
        (0..TRIES).any(|_| match self.0.sink.try_lock() {
            Err(TryLockError::WouldBlock) => {
                thread::sleep(Duration::from_millis(1));
                false
            }
            Ok(_) | Err(TryLockError::Poisoned(_)) => true,
        })
    }
}
