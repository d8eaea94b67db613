//! What signals do, on the control plane: the original's table (`nc_signal.c`), a graceful
//! stop for SIGINT and SIGTERM, and a reload for SIGUSR2, which the original only logs.
//!
//! SIGPIPE is ignored by every Rust program. Signals that are not in the table do what the system
//! does by default, as with the original.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::process;
use std::task::{Context, Poll};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::log::{self, Log};

/// What a signal makes the process do, once it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Nothing,
    LevelUp,
    LevelDown,
    Reopen,
    Reload,
    Stop,
}

/// What a signal asks of the proxy as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To read its configuration anew.
    Reload,
    /// To end.
    Stop,
}

/// A signal, and what comes of it.
#[derive(Debug)]
struct Row {
    number: i32,
    name: &'static str,
    /// What the log adds to the signal's name.
    suffix: &'static str,
    effect: Effect,
}

const fn row(number: i32, name: &'static str, suffix: &'static str, effect: Effect) -> Row {
    Row { number, name, suffix, effect }
}

const TABLE: &[Row] = &[
    row(libc::SIGUSR1, "SIGUSR1", "", Effect::Nothing),
    row(libc::SIGUSR2, "SIGUSR2", ", reloading configuration", Effect::Reload),
    row(libc::SIGTTIN, "SIGTTIN", ", up logging level", Effect::LevelUp),
    row(libc::SIGTTOU, "SIGTTOU", ", down logging level", Effect::LevelDown),
    row(libc::SIGHUP, "SIGHUP", ", reopening log file", Effect::Reopen),
    row(libc::SIGINT, "SIGINT", ", exiting", Effect::Stop),
    row(libc::SIGTERM, "SIGTERM", ", exiting", Effect::Stop),
];

/// The signals of the table, caught from [`catch`](Self::catch) on.
#[derive(Debug)]
pub struct Signals(Vec<(&'static Row, Signal)>);

impl Signals {
    /// Takes the signals over, but for those that end the process: none of the others has its default effect any
    /// more, and one that comes before [`run`](Self::run) is kept for it. To be called within the control plane's
    /// runtime.
    ///
    /// # Errors
    /// The system's.
    pub fn catch() -> io::Result<Self> {
        let mut signals = Self(Vec::with_capacity(TABLE.len()));
        signals.take_over(|effect| effect != Effect::Stop)?;
        Ok(signals)
    }

    /// Takes over SIGINT and SIGTERM as well. Until then they end the process on the spot, for a start that waits
    /// for an answer about a name has nothing to bring to an end.
    ///
    /// # Errors
    /// The system's.
    pub fn catch_stops(&mut self) -> io::Result<()> {
        self.take_over(|effect| effect == Effect::Stop)
    }

    fn take_over(&mut self, takes: impl Fn(Effect) -> bool) -> io::Result<()> {
        for row in TABLE.iter().filter(|row| takes(row.effect)) {
            self.0.push((row, signal(SignalKind::from_raw(row.number))?));
        }
        Ok(())
    }

    /// Logs and obeys signals for ever.
    ///
    /// What is wished of the proxy is told to `wish`. The second SIGINT or SIGTERM ends the process on the
    /// spot with status 1, as the first one did in the original.
    pub async fn run(mut self, log: Log, wish: impl Fn(Wish)) -> Infallible {
        let mut is_stopping = false;
        loop {
            let Row { number, name, suffix, effect } = poll_fn(|cx| self.poll_next(cx)).await;
            log::always!("signal {number} ({name}) received{suffix}");
            match effect {
                Effect::Nothing => {}
                Effect::LevelUp => log.level_up(),
                Effect::LevelDown => log.level_down(),
                Effect::Reopen => log.reopen(),
                Effect::Reload => wish(Wish::Reload),
                Effect::Stop if is_stopping => process::exit(1),
                Effect::Stop => {
                    is_stopping = true;
                    wish(Wish::Stop);
                }
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<&'static Row> {
        for (row, signal) in &mut self.0 {
            if signal.poll_recv(cx).is_ready() {
                return Poll::Ready(row);
            }
        }
        Poll::Pending
    }
}
