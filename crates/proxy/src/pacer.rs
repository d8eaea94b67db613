//! When a busy worker waits a moment for more to do at once.
//!
//! A worker that polls the moment its turn is over handles one event a turn as long as it is quicker
//! than its clients and servers: each request then pays for a poll, two sends and two wake-ups of its
//! own, here and at its peers. When it waits some microseconds first, several events come together
//! and share those. Network cards moderate their interrupts for the same reason.
//!
//! The wait is worth its delay only when processor time is scarce and several clients are served, so
//! both are asked for: see [`Pacer::pause`]. A worker that is less busy polls at once.

use std::time::Duration;

/// Share of its time above which a worker counts as busy: one part in so many.
const BUSY_PART: u32 = 4;

/// Requests that have to be outstanding. With fewer, a pause would delay a client that nothing else
/// could use the time of.
const OUTSTANDING_MIN: usize = 8;

/// Events of a turn below which they are few: requests that take long at both ends, of many keys or
/// in long pipelines.
const EVENTS_FEW: usize = 8;

/// Time over which the share is taken; what is older counts half, and so on.
const WINDOW: Duration = Duration::from_millis(2);

/// Remembers how busy a worker is, and says when it pauses.
#[derive(Debug)]
pub struct Pacer {
    /// How long a pause is; zero for never.
    pause: Duration,
    worked: Duration,
    waited: Duration,
}

impl Pacer {
    /// A worker that has not begun; its pauses last `pause`, zero turns them off.
    #[must_use]
    pub const fn new(pause: Duration) -> Self {
        Self { pause, worked: Duration::ZERO, waited: Duration::ZERO }
    }

    /// A turn's work took `time`.
    pub fn record_work(&mut self, time: Duration) {
        self.worked += time;
    }

    /// The worker waited `time` for events, pauses included.
    pub fn record_wait(&mut self, time: Duration) {
        self.waited += time;
        if self.worked + self.waited > WINDOW {
            // A long wait forgets what was before it.
            let windows = (self.worked + self.waited).as_nanos() / WINDOW.as_nanos();
            let halves = u32::try_from(windows).unwrap_or(u32::MAX).min(16);
            self.worked /= 1 << halves;
            self.waited /= 1 << halves;
        }
    }

    /// How long to wait before the next poll: not at all, unless the worker spends more than a
    /// fourth of its time at work and `outstanding` requests are several. Twice as long when the
    /// turn had so few `events` that they shared little.
    #[must_use]
    pub fn pause(&self, outstanding: usize, events: usize) -> Option<Duration> {
        let busy = self.worked * (BUSY_PART - 1) > self.waited;
        if !busy || outstanding < OUTSTANDING_MIN || self.pause.is_zero() {
            return None;
        }
        Some(if events < EVENTS_FEW { self.pause * 2 } else { self.pause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_micros(50);

    /// A pacer after many turns of so much work and so much waiting.
    fn after(worked: u64, waited: u64) -> Pacer {
        let mut pacer = Pacer::new(PAUSE);
        for _ in 0..1_000 {
            pacer.record_work(Duration::from_micros(worked));
            pacer.record_wait(Duration::from_micros(waited));
        }
        pacer
    }

    #[test]
    fn a_busy_worker_with_several_requests_pauses() {
        for (worked, waited, paused) in
            [(30, 10, true), (30, 80, true), (30, 100, false), (1, 500, false), (10, 10_000, false)]
        {
            let pause = paused.then_some(PAUSE);
            assert_eq!(after(worked, waited).pause(100, EVENTS_FEW), pause, "{worked} to {waited}");
        }
    }

    #[test]
    fn a_turn_of_few_events_is_followed_by_a_longer_pause() {
        assert_eq!(after(30, 0).pause(100, EVENTS_FEW - 1), Some(PAUSE * 2));
        assert_eq!(after(30, 0).pause(100, EVENTS_FEW), Some(PAUSE));
        assert_eq!(after(1, 500).pause(100, 0), None, "not when there is little to do");
    }

    #[test]
    fn a_worker_with_few_requests_never_pauses() {
        assert_eq!(after(30, 0).pause(OUTSTANDING_MIN - 1, EVENTS_FEW), None);
        assert_eq!(after(30, 0).pause(OUTSTANDING_MIN, EVENTS_FEW), Some(PAUSE));
    }

    #[test]
    fn a_worker_that_has_not_begun_and_one_told_not_to_never_pause() {
        assert_eq!(Pacer::new(PAUSE).pause(100, EVENTS_FEW), None);
        let mut pacer = Pacer::new(Duration::ZERO);
        pacer.record_work(Duration::from_secs(1));
        assert_eq!(pacer.pause(100, EVENTS_FEW), None);
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let mut pacer = after(30, 0);
        pacer.record_wait(Duration::from_millis(50));
        assert_eq!(pacer.pause(100, EVENTS_FEW), None, "it has been idle since");
        for _ in 0..200 {
            pacer.record_work(Duration::from_micros(30));
            pacer.record_wait(Duration::from_micros(5));
        }
        assert_eq!(pacer.pause(100, EVENTS_FEW), Some(PAUSE), "it is busy again");
    }
}
