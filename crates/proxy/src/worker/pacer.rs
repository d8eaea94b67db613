//! When a busy worker waits a moment for more to do at once, and who waits with it.
//!
//! A worker that polls the moment its turn is over handles one event a turn as long as it is quicker
//! than its clients and servers: each request then pays for a poll, two sends and two wake-ups of its
//! own, here and at its peers. When it waits some microseconds first, several events come together
//! and share those. Network cards moderate their interrupts for the same reason.
//!
//! Requests always share: those for one server leave in one write. Responses share only where one client gets
//! several at once, by a pipeline or a request of many keys. Elsewhere each has a write of its own, whenever
//! that is, and nothing is gained by keeping it: there the pause is for clients alone, and servers' answers are taken
//! as they come.
//!
//! The wait is worth its delay when processor time is scarce, which shows in what it brings ([`trial`](super::trial)),
//! or when the servers take so long that nobody can tell it from their time; and only when several clients are served.
//! See [`Pacer::pause`]. Any other worker polls at once.

use std::time::Duration;

use nutcracker_engine::ResponseTimes;

use super::trial::Trial;

/// Share of its time above which a worker counts as busy: one part in so many. Below it a pause has little to spare,
/// and is not even tried.
const BUSY_PART: u32 = 8;

/// Requests that have to be outstanding at one time. With fewer, a pause would delay a client that nothing else
/// could use the time of.
const OUTSTANDING_MIN: usize = 8;

/// Events of a turn below which they are few: requests that take long at both ends, of many keys or
/// in long pipelines.
const EVENTS_FEW: usize = 8;

/// Responses a write to a client from which on they share it, in halves: one and a half.
const SHARED_FROM_HALVES: u64 = 3;

/// Share of the time that servers take to respond which nobody misses: one part in so many.
const RESPONSE_PART: u32 = 16;

/// Share of that time which a busy worker's pause may be at most where responses wait as well, one part in so many:
/// where servers are quick, clients soon wait for the pause instead of the processor. The second share is for where
/// they do not, which is tried out.
const BUSY_RESPONSE_PARTS: [u32; 2] = [4, 2];

/// Longest pause that slow servers bring about, in pauses of a busy worker.
const SLOW_PAUSES_MAX: u32 = 4;

/// Bytes read an event or a response from which on conns carry large values. There the kernel's buffers are
/// what fills up during a pause, and a full one makes its sender wait. Many responses that come at once are not
/// one large value.
const BULK_BYTES: usize = 24 * 1024;

/// Events that are there before a pause from which on they are enough: more would share little more, and those
/// that come in the meantime come together anyway.
pub(super) const EVENTS_ENOUGH: usize = 16;

/// Bytes that are enough as well: what takes long to pass needs no company.
const BYTES_ENOUGH: usize = 128 * 1024;

/// Time over which the share is taken; what is older counts half, and so on.
const WINDOW: Duration = Duration::from_millis(2);

/// What a turn did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Done {
    /// How long it worked.
    pub(super) work: Duration,
    /// Events it handled.
    pub(super) events: usize,
    /// Bytes it read.
    pub(super) bytes: usize,
    /// Responses that came in it, and how long servers took for them.
    pub(super) responses: ResponseTimes,
    /// Writes to clients.
    pub(super) writes: usize,
    /// Requests that were outstanding when it was over.
    pub(super) outstanding: usize,
    /// A server has sent more than it read, or a socket takes more than it sent: the rest is not to wait for a pause.
    pub(super) is_cut_short: bool,
}

/// A pause before the next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    /// How long it is.
    pub(super) length: Duration,
    /// How many events have to be there already for it not to be worth it.
    pub(super) enough: usize,
    /// Whether it is for clients alone, and servers' answers are taken in the meantime.
    pub(super) takes_answers: bool,
}

/// Remembers how busy a worker is, and says when it pauses.
#[derive(Debug)]
pub(super) struct Pacer {
    /// How long a pause is; zero for never.
    pause: Duration,
    worked: Duration,
    waited: Duration,
    /// Responses of late, how long they took in all, and writes to clients.
    responses: u32,
    response_time: Duration,
    writes: u32,
    /// Most requests that were outstanding at one time, in this window and the one before.
    outstanding: [usize; 2],
    /// How long the last turn worked, and its responses.
    turn_work: Duration,
    turn_responses: usize,
    /// What the turns did since it was last asked for a pause.
    since: Since,
    /// Which of two pauses a busy worker makes.
    trial: Trial,
}

/// What turns did together.
#[derive(Debug, Default)]
struct Since {
    events: usize,
    bytes: usize,
    responses: usize,
}

impl Since {
    /// Whether they read large values.
    fn is_bulk(&self) -> bool {
        self.bytes > self.events.max(self.responses).max(1) * BULK_BYTES
    }

    /// How many events of this kind are enough: those to come will bring as many bytes.
    fn enough(&self) -> usize {
        let an_event = self.bytes / self.events.max(1);
        EVENTS_ENOUGH.min(BYTES_ENOUGH / an_event.max(1)).max(1)
    }
}

impl Pacer {
    /// A worker that has not begun; its pauses last `pause`, zero turns them off.
    #[must_use]
    pub(super) fn new(pause: Duration) -> Self {
        let zero = Duration::ZERO;
        Self {
            pause,
            worked: zero,
            waited: zero,
            responses: 0,
            response_time: zero,
            writes: 0,
            outstanding: [0; 2],
            turn_work: zero,
            turn_responses: 0,
            since: Since::default(),
            trial: Trial::default(),
        }
    }

    /// A worker whose pause is known to be worth it.
    #[cfg(test)]
    pub(super) fn pausing(pause: Duration) -> Self {
        Self { trial: Trial::holding(super::trial::Length::Shorter), ..Self::new(pause) }
    }

    /// A turn is over.
    pub(super) fn record_turn(&mut self, done: &Done) {
        let ResponseTimes { count, time } = done.responses;
        self.responses = self.responses.saturating_add(count);
        self.response_time += time;
        self.writes = self.writes.saturating_add(u32::try_from(done.writes).unwrap_or(u32::MAX));
        self.worked += done.work;
        self.outstanding[0] = self.outstanding[0].max(done.outstanding);
        (self.turn_work, self.turn_responses) = (done.work, count as usize);
        self.since.events += done.events;
        self.since.bytes += done.bytes;
        self.since.responses += count as usize;
    }

    /// The worker waited `time` for events, pauses included.
    pub(super) fn record_wait(&mut self, time: Duration) {
        self.waited += time;
        self.trial.record(self.turn_responses, self.turn_work + time);
        if self.worked + self.waited > WINDOW {
            // A long wait forgets what was before it.
            let windows = (self.worked + self.waited).as_nanos() / WINDOW.as_nanos();
            let halves = u32::try_from(windows).unwrap_or(u32::MAX).min(16);
            self.worked /= 1 << halves;
            self.waited /= 1 << halves;
            self.responses >>= halves;
            self.writes >>= halves;
            // The time of responses that are forgotten is no other's.
            self.response_time = if self.responses == 0 {
                Duration::ZERO
            } else {
                self.response_time / (1 << halves)
            };
            self.outstanding = [0, if halves > 1 { 0 } else { self.outstanding[0] }];
        }
    }

    /// How long to wait before the next poll: not at all, unless several requests were outstanding at one time of
    /// late, and either the worker spends more than an eighth of its time at work or servers take long.
    ///
    /// After turns that read large values there is none.
    ///
    /// A busy worker makes none, a shorter one or a longer one, whichever is found to be best. Where responses do not
    /// share their writes, it is for clients alone, and as long as the worker was told, or twice as long. Where they do
    /// share, it is twice as long when there were so few events that they shared little, but at most a fourth of the time
    /// that servers take, or half of it. Slow servers make it a part of the time they take, so that it adds no more to it.
    #[must_use]
    pub(super) fn pause(&mut self) -> Option<Pause> {
        let since = std::mem::take(&mut self.since);
        let outstanding = self.outstanding.into_iter().max().unwrap_or(0);
        if outstanding < OUTSTANDING_MIN || since.is_bulk() || self.pause.is_zero() {
            return None;
        }
        let takes_answers =
            u64::from(self.responses) * 2 < u64::from(self.writes) * SHARED_FROM_HALVES;
        let is_busy = self.worked * (BUSY_PART - 1) > self.waited;
        let response = self.response_time.checked_div(self.responses).unwrap_or(Duration::MAX);
        let [shorter, longer] = match (is_busy, takes_answers) {
            (false, _) => [Duration::ZERO; 2],
            (true, true) => [self.pause, self.pause * 2],
            (true, false) => {
                let few = if since.events < EVENTS_FEW { 2 } else { 1 };
                BUSY_RESPONSE_PARTS.map(|part| (self.pause * few).min(response / part))
            }
        };
        let slow = response / RESPONSE_PART;
        let slow = if self.responses == 0 || slow < self.pause { Duration::ZERO } else { slow };
        let slow = slow.min(self.pause * SLOW_PAUSES_MAX);
        let lengths = [slow, shorter.max(slow), longer.max(slow)];
        if is_busy {
            self.trial.offer(lengths);
        }
        let length = lengths[self.trial.length() as usize];
        (!length.is_zero()).then(|| Pause { length, enough: since.enough(), takes_answers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_micros(50);

    /// A turn of enough events, after which many requests are outstanding, and responses of the servers'
    /// count share writes: that of a pipeline.
    fn turn(work: u64) -> Done {
        Done {
            work: Duration::from_micros(work),
            events: EVENTS_FEW,
            outstanding: 100,
            ..Done::default()
        }
    }

    fn responses(count: u32, each: u64) -> ResponseTimes {
        ResponseTimes { count, time: Duration::from_micros(each) * count }
    }

    /// Has turns of so much work and so much waiting pass.
    fn pass(pacer: &mut Pacer, done: Done, waited: u64, turns: usize) {
        for _ in 0..turns {
            pacer.record_turn(&done);
            pacer.record_wait(Duration::from_micros(waited));
            pacer.since = Since::default();
        }
    }

    /// A pacer after many turns of so much work and so much waiting.
    fn after(worked: u64, waited: u64) -> Pacer {
        let mut pacer = Pacer::pausing(PAUSE);
        pass(&mut pacer, turn(worked), waited, 1_000);
        pacer
    }

    /// The pause after one more turn, which does as much as those before.
    fn pause_after(pacer: &mut Pacer, done: Done) -> Option<Duration> {
        pacer.record_turn(&done);
        pacer.pause().map(|pause| pause.length)
    }

    #[test]
    fn few_large_events_are_enough_or_many_small_ones() {
        let enough = |events, bytes| Since { events, bytes, responses: 0 }.enough();
        assert_eq!(enough(10, 10 * 100), EVENTS_ENOUGH);
        assert_eq!(enough(10, 10 * 16 * 1024), 8);
        assert_eq!(enough(1, 1 << 20), 1);
        assert_eq!(enough(0, 0), EVENTS_ENOUGH);
    }

    #[test]
    fn a_busy_worker_with_several_requests_pauses() {
        for (worked, waited, paused) in [
            (30, 10, true),
            (30, 200, true),
            (30, 220, false),
            (1, 500, false),
            (10, 10_000, false),
        ] {
            let pause = paused.then_some(PAUSE);
            assert_eq!(
                pause_after(&mut after(worked, waited), turn(0)),
                pause,
                "{worked} to {waited}"
            );
        }
    }

    #[test]
    fn turns_of_few_events_are_followed_by_a_longer_pause() {
        let few = Done { events: EVENTS_FEW - 1, ..turn(0) };
        assert_eq!(pause_after(&mut after(30, 0), few), Some(PAUSE * 2));
        assert_eq!(pause_after(&mut after(30, 0), turn(0)), Some(PAUSE));
        assert_eq!(pause_after(&mut after(1, 500), few), None, "not when there is little to do");
        let mut pacer = after(30, 0);
        pacer.record_turn(&few);
        assert_eq!(pause_after(&mut pacer, few), Some(PAUSE), "two of them since the last pause");
    }

    #[test]
    fn the_pause_is_for_clients_alone_where_each_response_has_a_write_of_its_own() {
        for (writes, alone) in [(0, false), (4, false), (8, false), (9, true), (12, true)] {
            let mut pacer = Pacer::pausing(PAUSE);
            let done = Done { responses: responses(12, 400), writes, ..turn(30) };
            pass(&mut pacer, done, 0, 100);
            pacer.record_turn(&done);
            let pause = pacer.pause().expect("it is busy");
            assert_eq!(pause.takes_answers, alone, "12 responses in {writes} writes");
        }
    }

    #[test]
    fn a_pause_for_clients_alone_asks_not_how_quick_the_servers_are() {
        for each in [1, 100, 700] {
            let mut pacer = Pacer::pausing(PAUSE);
            let done = Done { responses: responses(1, each), writes: 1, ..turn(30) };
            pass(&mut pacer, done, 0, 1);
            let few = Done { events: 1, ..done };
            assert_eq!(pause_after(&mut pacer, few), Some(PAUSE), "{each} us");
        }
    }

    #[test]
    fn slow_servers_make_the_pause_a_small_part_of_their_time() {
        for (each, paused) in
            [(100, 0), (799, 0), (800, 50), (1_600, 100), (3_200, 200), (90_000, 200)]
        {
            for writes in [0, 10] {
                let mut pacer = after(1, 500);
                let pause = (paused > 0).then_some(Duration::from_micros(paused));
                let done = Done { responses: responses(10, each), writes, ..turn(0) };
                assert_eq!(pause_after(&mut pacer, done), pause, "{each} us a response");
            }
        }
        let done = |each| Done { responses: responses(10, each), ..turn(0) };
        assert_eq!(
            pause_after(&mut after(30, 0), done(200)),
            Some(PAUSE),
            "neither quick nor slow"
        );
        let quick = Some(Duration::from_micros(25));
        assert_eq!(pause_after(&mut after(30, 0), done(100)), quick);
        assert_eq!(
            pause_after(&mut Pacer::pausing(Duration::ZERO), done(100_000)),
            None,
            "told not to"
        );
    }

    #[test]
    fn the_pause_is_the_one_that_brings_most_if_any_does() {
        // Where responses wait as well, servers that are quick make the shorter one; elsewhere it is half.
        let shorter = PAUSE - Duration::from_micros(10);
        for (writes, [shorter, longer]) in [(0, [shorter, PAUSE]), (200, [PAUSE, PAUSE * 2])] {
            for (without, longer_brings, pause) in
                [(90, 120, Some(longer)), (90, 80, Some(shorter)), (110, 120, None)]
            {
                let mut pacer = Pacer { trial: Trial::free_of_cost(), ..Pacer::new(PAUSE) };
                let mut last = None;
                for _ in 0..10_000 {
                    let brought = match last {
                        None => without,
                        Some(last) if last == longer => longer_brings,
                        Some(_) => 100,
                    };
                    let each = 4 * shorter.as_micros() as u64;
                    let responses = responses(brought, each);
                    let work = PAUSE;
                    last = pause_after(&mut pacer, Done { work, responses, writes, ..turn(0) });
                    pacer.record_wait(PAUSE);
                }
                assert_eq!(last, pause, "{without}, 100, {longer_brings}");
            }
        }
    }

    #[test]
    fn while_slow_servers_make_the_pause_nothing_is_found_out_about_others() {
        let mut pacer = Pacer { trial: Trial::free_of_cost(), ..Pacer::new(PAUSE) };
        let mut last = None;
        let mut without = |each, brought_without, seconds| {
            let turns = Duration::from_secs(seconds).as_micros() / (2 * PAUSE).as_micros();
            let mut without = 0;
            for _ in 0..turns {
                let brought = if last.is_none() { brought_without } else { 100 };
                let responses = responses(brought, each);
                last = pause_after(&mut pacer, Done { work: PAUSE, responses, ..turn(0) });
                pacer.record_wait(PAUSE);
                without += usize::from(last.is_none());
            }
            without as f64 / turns as f64
        };
        let slow = 2 * u64::from(RESPONSE_PART) * PAUSE.as_micros() as u64;
        assert_eq!(without(slow, 100, 20), 0.0);
        let quick = 4 * PAUSE.as_micros() as u64;
        let lost = without(quick, 80, 3);
        assert!(lost < 0.1, "{lost}");
        assert_eq!(without(slow, 100, 20), 0.0);
        let found = without(quick, 100, 3);
        assert!(found > 0.8, "{found}");
    }

    #[test]
    fn the_time_of_a_response_that_is_forgotten_is_no_others() {
        let mut pacer = Pacer::pausing(PAUSE);
        let done = |each| Done { responses: responses(1, each), ..turn(0) };
        pass(&mut pacer, done(1_000_000), WINDOW.as_micros() as u64 * 2, 1);
        assert_eq!(pause_after(&mut pacer, done(100)), None, "quick servers, and nothing to do");
    }

    #[test]
    fn turns_that_read_large_values_are_followed_by_no_pause() {
        let mut pacer = after(30, 0);
        let read = |bytes| Done { bytes, ..turn(0) };
        assert_eq!(pause_after(&mut pacer, read(8 * BULK_BYTES)), Some(PAUSE));
        assert_eq!(pause_after(&mut pacer, read(8 * BULK_BYTES + 1)), None);
        let left = Done { events: 0, ..read(BULK_BYTES + 1) };
        assert_eq!(pause_after(&mut pacer, left), None, "left from the turn before");
        let small = Done { responses: responses(9, 400), ..read(8 * BULK_BYTES + 1) };
        assert_eq!(pause_after(&mut pacer, small), Some(PAUSE), "nine small ones");
        pacer.record_turn(&read(8 * BULK_BYTES + 1));
        assert_eq!(pause_after(&mut pacer, turn(0)), Some(PAUSE), "a turn later they are fewer");
    }

    #[test]
    fn a_worker_with_few_requests_never_pauses() {
        let with = |outstanding| Done { outstanding, ..turn(30) };
        for (outstanding, pause) in [(OUTSTANDING_MIN - 1, None), (OUTSTANDING_MIN, Some(PAUSE))] {
            let mut pacer = Pacer::pausing(PAUSE);
            pass(&mut pacer, with(outstanding), 0, 1_000);
            assert_eq!(pause_after(&mut pacer, with(0)), pause);
        }
    }

    #[test]
    fn a_worker_that_had_several_requests_at_one_time_pauses_for_a_while() {
        let mut pacer = after(30, 0);
        let none = Done { outstanding: 0, ..turn(30) };
        let turns = WINDOW.as_micros() as usize / 30;
        pass(&mut pacer, none, 0, turns / 2);
        assert_eq!(pause_after(&mut pacer, none), Some(PAUSE), "they were answered in between");
        pass(&mut pacer, none, 0, turns * 2);
        assert_eq!(pause_after(&mut pacer, none), None);
    }

    #[test]
    fn a_worker_that_has_not_begun_and_one_told_not_to_never_pause() {
        assert_eq!(pause_after(&mut Pacer::pausing(PAUSE), turn(0)), None);
        let mut pacer = Pacer::pausing(Duration::ZERO);
        assert_eq!(pause_after(&mut pacer, turn(1_000_000)), None);
    }

    #[test]
    fn what_was_long_ago_is_forgotten() {
        let mut pacer = after(30, 0);
        pacer.record_wait(Duration::from_millis(50));
        assert_eq!(pause_after(&mut pacer, turn(0)), None, "it has been idle since");
        pass(&mut pacer, turn(30), 5, 200);
        assert_eq!(pause_after(&mut pacer, turn(0)), Some(PAUSE), "it is busy again");
    }
}
