//! The engine's time: microseconds since the process began.

use std::time::{Duration, Instant};

/// A moment, microseconds after the epoch that all engines of a process share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(pub(crate) u64);

impl Tick {
    /// Later than any moment.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// `now`, rounded down to the microsecond.
    pub(crate) fn since(epoch: Instant, now: Instant) -> Self {
        Self(now.saturating_duration_since(epoch).as_micros() as u64)
    }

    /// Whole seconds after the epoch. They last for 136 years.
    pub(crate) const fn seconds(self) -> u32 {
        (self.0 / 1_000_000) as u32
    }

    /// So much later; [`NEVER`](Self::NEVER) stays what it is.
    pub(crate) fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait.as_micros() as u64))
    }

    /// As an instant, rounded up to the next microsecond so that a wait until then is long enough.
    pub(crate) fn instant(self, epoch: Instant) -> Instant {
        epoch + Duration::from_micros(self.0.saturating_add(1))
    }
}
