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
mod tests;
