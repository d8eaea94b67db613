//! When a busy worker waits a moment for more to do at once.
//!
//! A worker that polls the moment its turn is over handles one event a turn as long as it is quicker
//! than its clients and servers: each request then pays for a poll, two sends and two wake-ups of its
//! own, here and at its peers. When it waits some microseconds first, several events come together
//! and share those. Network cards moderate their interrupts for the same reason.
//!
//! The wait is worth its delay when processor time is scarce, or when the servers take so long that
//! nobody can tell it from their time; and only when several clients are served. See [`Pacer::pause`].
//! Any other worker polls at once.

use std::time::Duration;

use crate::trial::Trial;

/// Share of its time above which a worker counts as busy: one part in so many.
const BUSY_PART: u32 = 4;

/// Requests that have to be outstanding. With fewer, a pause would delay a client that nothing else
/// could use the time of.
const OUTSTANDING_MIN: usize = 8;

/// Events of a turn below which they are few: requests that take long at both ends, of many keys or
/// in long pipelines.
const EVENTS_FEW: usize = 8;

/// Share of the time that servers take to respond which nobody misses: one part in so many.
const RESPONSE_PART: u32 = 16;

/// Share of that time which a busy worker's pause may be at most, one part in so many: where servers are
/// quick, clients soon wait for the pause instead of the processor. The second share is for where they
/// do not, which is tried out.
const BUSY_RESPONSE_PARTS: [u32; 2] = [4, 2];

/// Longest pause that slow servers bring about, in pauses of a busy worker.
const SLOW_PAUSES_MAX: u32 = 4;

/// Bytes read an event or a response from which on conns carry large values. There the kernel's buffers are
/// what fills up during a pause, and a full one makes its sender wait. Many responses that come at once are not
/// one large value.
const BULK_BYTES: usize = 24 * 1024;

/// Events that are there before a pause from which on they are enough: more would share little more, and those
/// that come in the meantime come together anyway.
pub const EVENTS_ENOUGH: usize = 16;

/// Bytes that are enough as well: what takes long to pass needs no company.
const BYTES_ENOUGH: usize = 128 * 1024;

/// Time over which the share is taken; what is older counts half, and so on.
const WINDOW: Duration = Duration::from_millis(2);

/// Remembers how busy a worker is, and says when it pauses.
#[derive(Debug)]
pub struct Pacer {
    /// How long a pause is; zero for never.
    pause: Duration,
    worked: Duration,
    waited: Duration,
    /// Responses of late, and how long they took in all.
    responses: u32,
    response_time: Duration,
    /// Responses of the last turn.
    turn_responses: usize,
    /// How long the last turn worked.
    turn_work: Duration,
    /// Which share of the servers' time a busy worker's pause may be.
    trial: Trial,
}

impl Pacer {
    /// A worker that has not begun; its pauses last `pause`, zero turns them off.
    #[must_use]
    pub fn new(pause: Duration) -> Self {
        let zero = Duration::ZERO;
        Self {
            pause,
            worked: zero,
            waited: zero,
            responses: 0,
            response_time: zero,
            turn_responses: 0,
            turn_work: zero,
            trial: Trial::default(),
        }
    }

    /// `responses` came in a turn, and servers took `time` for them in all.
    pub fn record_responses(&mut self, responses: u32, time: Duration) {
        self.turn_responses = responses as usize;
        self.responses = self.responses.saturating_add(responses);
        self.response_time += time;
    }

    /// A turn's work took `time`.
    pub fn record_work(&mut self, time: Duration) {
        self.worked += time;
        self.turn_work = time;
    }

    /// The worker waited `time` for events, pauses included.
    pub fn record_wait(&mut self, time: Duration) {
        self.waited += time;
        self.trial.record(self.turn_responses, self.turn_work + time);
        if self.worked + self.waited > WINDOW {
            // A long wait forgets what was before it.
            let windows = (self.worked + self.waited).as_nanos() / WINDOW.as_nanos();
            let halves = u32::try_from(windows).unwrap_or(u32::MAX).min(16);
            self.worked /= 1 << halves;
            self.waited /= 1 << halves;
            self.responses >>= halves;
            // The time of responses that are forgotten is no other's.
            self.response_time = if self.responses == 0 {
                Duration::ZERO
            } else {
                self.response_time / (1 << halves)
            };
        }
    }

    /// How long to wait before the next poll: not at all, unless `outstanding` requests are several,
    /// and either the worker spends more than a fourth of its time at work or servers take long.
    ///
    /// After a turn that read large values, `bytes` in all, there is none.
    ///
    /// A busy worker's pause is twice as long when the turn had so few `events` that they shared
    /// little; quick servers make it shorter, by as much as brings the most responses. Slow servers make
    /// it a part of the time they take, so that it adds no more to it.
    #[must_use]
    pub fn pause(&mut self, outstanding: usize, events: usize, bytes: usize) -> Option<Duration> {
        let is_bulk = bytes > events.max(self.turn_responses).max(1) * BULK_BYTES;
        if outstanding < OUTSTANDING_MIN || is_bulk || self.pause.is_zero() {
            return None;
        }
        let is_busy = self.worked * (BUSY_PART - 1) > self.waited;
        let busy = match (is_busy, events < EVENTS_FEW) {
            (false, _) => Duration::ZERO,
            (true, true) => self.pause * 2,
            (true, false) => self.pause,
        };
        let response = self.response_time.checked_div(self.responses).unwrap_or(Duration::MAX);
        let [shorter, longer] = BUSY_RESPONSE_PARTS.map(|part| busy.min(response / part));
        if shorter < longer {
            self.trial.offer();
        }
        let busy = if self.trial.is_longer() { longer } else { shorter };
        let slow = response / RESPONSE_PART;
        let slow = if self.responses == 0 || slow < self.pause { Duration::ZERO } else { slow };
        let pause = busy.max(slow.min(self.pause * SLOW_PAUSES_MAX));
        (!pause.is_zero()).then_some(pause)
    }

    /// How many events have to be there already for a pause not to be worth it. The last turn read `bytes` with
    /// its `events`, and so will the next.
    #[must_use]
    pub fn enough(events: usize, bytes: usize) -> usize {
        let an_event = bytes / events.max(1);
        EVENTS_ENOUGH.min(BYTES_ENOUGH / an_event.max(1)).max(1)
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
    fn few_large_events_are_enough_or_many_small_ones() {
        assert_eq!(Pacer::enough(10, 10 * 100), EVENTS_ENOUGH);
        assert_eq!(Pacer::enough(10, 10 * 16 * 1024), 8);
        assert_eq!(Pacer::enough(1, 1 << 20), 1);
        assert_eq!(Pacer::enough(0, 0), EVENTS_ENOUGH);
    }

    #[test]
    fn a_busy_worker_with_several_requests_pauses() {
        for (worked, waited, paused) in
            [(30, 10, true), (30, 80, true), (30, 100, false), (1, 500, false), (10, 10_000, false)]
        {
            let pause = paused.then_some(PAUSE);
            assert_eq!(
                after(worked, waited).pause(100, EVENTS_FEW, 0),
                pause,
                "{worked} to {waited}"
            );
        }
    }

    #[test]
    fn a_turn_of_few_events_is_followed_by_a_longer_pause() {
        assert_eq!(after(30, 0).pause(100, EVENTS_FEW - 1, 0), Some(PAUSE * 2));
        assert_eq!(after(30, 0).pause(100, EVENTS_FEW, 0), Some(PAUSE));
        assert_eq!(after(1, 500).pause(100, 0, 0), None, "not when there is little to do");
    }

    #[test]
    fn slow_servers_make_the_pause_a_small_part_of_their_time() {
        for (each, paused) in
            [(100, 0), (799, 0), (800, 50), (1_600, 100), (3_200, 200), (90_000, 200)]
        {
            let mut pacer = after(1, 500);
            pacer.record_responses(10, Duration::from_micros(10 * each));
            let pause = (paused > 0).then_some(Duration::from_micros(paused));
            assert_eq!(pacer.pause(100, EVENTS_FEW, 0), pause, "{each} us a response");
            assert_eq!(pacer.pause(OUTSTANDING_MIN - 1, EVENTS_FEW, 0), None);
        }
        let mut busy = after(30, 0);
        busy.record_responses(10, Duration::from_millis(2));
        assert_eq!(busy.pause(100, EVENTS_FEW, 0), Some(PAUSE), "neither quick nor slow");
        let mut busy = after(30, 0);
        busy.record_responses(10, Duration::from_millis(1));
        assert_eq!(busy.pause(100, EVENTS_FEW, 0), Some(Duration::from_micros(25)), "quick");
        let mut told_not_to = Pacer::new(Duration::ZERO);
        told_not_to.record_responses(10, Duration::from_secs(1));
        assert_eq!(told_not_to.pause(100, EVENTS_FEW, 0), None);
    }

    #[test]
    fn where_a_longer_pause_brings_more_it_is_made_of_it() {
        let shorter = PAUSE - Duration::from_micros(10);
        for (longer_brings, pause) in [(120, PAUSE), (80, shorter)] {
            let mut pacer = Pacer::new(PAUSE);
            let mut last = None;
            for _ in 0..10_000 {
                pacer.record_work(PAUSE);
                let brought = if last == Some(PAUSE) { longer_brings } else { 100 };
                pacer.record_responses(brought, 4 * shorter * brought);
                last = pacer.pause(100, EVENTS_FEW, 0);
                pacer.record_wait(PAUSE);
            }
            assert_eq!(last, Some(pause), "{longer_brings} to 100");
        }
    }

    #[test]
    fn the_time_of_a_response_that_is_forgotten_is_no_others() {
        let mut pacer = Pacer::new(PAUSE);
        pacer.record_responses(1, Duration::from_secs(1));
        pacer.record_wait(WINDOW * 2);
        pacer.record_responses(1, Duration::from_micros(100));
        assert_eq!(pacer.pause(100, EVENTS_FEW, 0), None, "quick servers, and nothing to do");
    }

    #[test]
    fn a_turn_that_read_large_values_is_followed_by_no_pause() {
        let mut pacer = after(30, 0);
        assert_eq!(pacer.pause(100, 8, 8 * BULK_BYTES), Some(PAUSE));
        assert_eq!(pacer.pause(100, 8, 8 * BULK_BYTES + 1), None);
        assert_eq!(pacer.pause(100, 0, BULK_BYTES + 1), None, "left from the turn before");
        pacer.record_responses(9, Duration::from_micros(9 * 400));
        assert_eq!(pacer.pause(100, 8, 8 * BULK_BYTES + 1), Some(PAUSE), "nine small ones");
    }

    #[test]
    fn a_worker_with_few_requests_never_pauses() {
        assert_eq!(after(30, 0).pause(OUTSTANDING_MIN - 1, EVENTS_FEW, 0), None);
        assert_eq!(after(30, 0).pause(OUTSTANDING_MIN, EVENTS_FEW, 0), Some(PAUSE));
    }

    #[test]
    fn a_worker_that_has_not_begun_and_one_told_not_to_never_pause() {
        assert_eq!(Pacer::new(PAUSE).pause(100, EVENTS_FEW, 0), None);
        let mut pacer = Pacer::new(Duration::ZERO);
        pacer.record_work(Duration::from_secs(1));
        assert_eq!(pacer.pause(100, EVENTS_FEW, 0), None);
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let mut pacer = after(30, 0);
        pacer.record_wait(Duration::from_millis(50));
        assert_eq!(pacer.pause(100, EVENTS_FEW, 0), None, "it has been idle since");
        for _ in 0..200 {
            pacer.record_work(Duration::from_micros(30));
            pacer.record_wait(Duration::from_micros(5));
        }
        assert_eq!(pacer.pause(100, EVENTS_FEW, 0), Some(PAUSE), "it is busy again");
    }
}
