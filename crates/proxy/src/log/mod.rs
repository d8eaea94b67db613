//! The log: lines of the original's form, its twelve levels, a file that can be reopened.
//!
//! The program writes with `tracing`'s macros; [`Log`] is their subscriber and the handle that
//! signals turn. `line.rs` forms a line, `sink.rs` writes it, `limit.rs` keeps a call site that
//! strangers can trigger from filling the disk, `subjects.rs` from being taken up by one of those that it is about,
//! `spell.rs` tells of trouble that lasts, `panics.rs` of the end of the process by a fault of its own, `reason.rs` says why
//! a call of the system failed.
//!
//! A line is one `write` on the thread that logs. Nothing is logged per request in the steady
//! state, so the data plane pays for it only when something goes wrong.

mod limit;
mod line;
mod panics;
mod reason;
mod sink;
mod spell;
mod subjects;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tracing::level_filters::LevelFilter;
use tracing::span;
use tracing::subscriber::{Interest, SetGlobalDefaultError};
use tracing::{Event, Level, Metadata, Subscriber};

pub use limit::{LINES_PER_SECOND, Limit, write_summaries, write_summaries_for_ever};
pub use reason::reason;
use sink::Sink;
pub use spell::{Past, Spell};

/// Logs whatever the level is: the banner, signals, the end.
pub use crate::log_always as always;
/// Logs at `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`, a few lines a second at most: see
/// [`Limit`].
pub use crate::log_limited as limited;
/// The same about one of several, which is given first: its first line is written however many there
/// are about the others.
pub use crate::log_limited_each as limited_each;

/// The highest level there is (`-v`, SIGTTIN).
pub const LEVEL_MAX: u8 = 11;

/// The target of lines that are written whatever the level is; [`always!`](always) sets it.
pub const ALWAYS: &str = "nutcracker::always";

/// The log, as a cheap handle: clones write to the same place at the same level.
#[derive(Clone, Debug)]
pub struct Log(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// 0 to [`LEVEL_MAX`].
    level: AtomicU8,
    sink: Mutex<Sink>,
}

impl Log {
    /// Opens a log at `level`, which is at most [`LEVEL_MAX`], to `file` or else to standard error.
    ///
    /// The file is appended to, and created with permissions 0644 where it does not exist.
    ///
    /// # Errors
    /// [`OpenError`] when the file cannot be opened.
    pub fn open(level: u8, file: Option<&Path>) -> Result<Self, OpenError> {
        let sink = match file {
            None => Sink::stderr(),
            Some(path) => {
                Sink::file(path).map_err(|source| OpenError { path: path.to_owned(), source })?
            }
        };
        let level = AtomicU8::new(level.min(LEVEL_MAX));
        Ok(Self(Arc::new(Shared { level, sink: Mutex::new(sink) })))
    }

    /// Makes this the log of the whole process.
    ///
    /// # Errors
    /// When the process has one already.
    pub fn install(&self) -> Result<(), SetGlobalDefaultError> {
        tracing::subscriber::set_global_default(self.clone())
    }

    /// The level now.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.0.level.load(Ordering::Relaxed)
    }

    /// Logs more, up to [`LEVEL_MAX`] (SIGTTIN; the original's `log_level_up`).
    pub fn level_up(&self) {
        if self.change_level(|level| (level < LEVEL_MAX).then_some(level + 1)) {
            always!("up log level to {}", self.level());
        }
    }

    /// Logs less, down to 0 (SIGTTOU; the original's `log_level_down`).
    pub fn level_down(&self) {
        if self.change_level(|level| level.checked_sub(1)) {
            always!("down log level to {}", self.level());
        }
    }

    /// Whether `step` had a new level.
    fn change_level(&self, step: impl FnMut(u8) -> Option<u8>) -> bool {
        let changed = self.0.level.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).is_ok();
        if changed {
            // Each call site has cached whether anybody listens.
            tracing::callsite::rebuild_interest_cache();
        }
        changed
    }

    /// Opens the file anew, for log rotation (SIGHUP); does nothing on standard error.
    ///
    /// Where that fails, lines go on into the file that is open, and one of them says so.
    pub fn reopen(&self) {
        let reopened = self.sink().reopen();
        if let Err(OpenError { path, source }) = reopened {
            let (path, why) = (path.display(), reason(&source));
            always!("reopening log file '{path}' failed, ignored: {why}");
        }
    }

    fn sink(&self) -> MutexGuard<'_, Sink> {
        // A sink is whole between any two of its steps, so a thread that died left nothing bad.
        self.0.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shows(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == ALWAYS || self.level() >= least_level(*metadata.level())
    }
}

/// The lowest of the original's levels that shows lines of `tracing`'s `level`.
fn least_level(level: Level) -> u8 {
    match level {
        // LOG_ALERT: the original shows errors from the second lowest level on (log_error).
        Level::ERROR => 1,
        // LOG_WARN.
        Level::WARN => 4,
        // LOG_NOTICE, the default.
        Level::INFO => 5,
        // LOG_DEBUG.
        Level::DEBUG => 7,
        // LOG_VERB.
        Level::TRACE => 8,
    }
}

/// The log knows events only: a span would say where a line comes from, and the line does.
impl Subscriber for Log {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.shows(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.shows(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match self.level() {
            // Lines that are always shown are errors to `tracing`.
            0..4 => LevelFilter::ERROR,
            4 => LevelFilter::WARN,
            5..7 => LevelFilter::INFO,
            7 => LevelFilter::DEBUG,
            8.. => LevelFilter::TRACE,
        })
    }

    fn event(&self, event: &Event<'_>) {
        let line = line::form(event, SystemTime::now());
        self.sink().write(line.as_bytes());
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// A log file could not be opened. Reads as the original's message.
#[derive(Debug)]
pub struct OpenError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, why) = (self.path.display(), reason(&self.source));
        write!(f, "opening log file '{path}' failed: {why}")
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// See [`log::always`](crate::log::always).
#[doc(hidden)]
#[macro_export]
macro_rules! log_always {
    ($($message:tt)+) => {
        ::tracing::error!(target: $crate::log::ALWAYS, $($message)+)
    };
}

/// See [`log::limited`](crate::log::limited).
#[doc(hidden)]
#[macro_export]
macro_rules! log_limited {
    ($level:ident, $($message:tt)+) => {{
        static LIMIT: $crate::log::Limit =
            $crate::log::Limit::new(::tracing::Level::$level, file!(), line!());
        if ::tracing::enabled!(::tracing::Level::$level) && LIMIT.admit() {
            ::tracing::event!(::tracing::Level::$level, $($message)+);
        }
    }};
}

/// See [`log::limited_each`](crate::log::limited_each).
#[doc(hidden)]
#[macro_export]
macro_rules! log_limited_each {
    ($level:ident, $subject:expr, $($message:tt)+) => {{
        static LIMIT: $crate::log::Limit =
            $crate::log::Limit::new(::tracing::Level::$level, file!(), line!());
        if ::tracing::enabled!(::tracing::Level::$level) && LIMIT.admit_about(&$subject) {
            ::tracing::event!(::tracing::Level::$level, $($message)+);
        }
    }};
}

#[cfg(test)]
mod tests;
