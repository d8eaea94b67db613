//! The model clients: they ask, and hold what they are told against what they asked.

use std::collections::VecDeque;

use nutcracker_engine::ConnId;
use nutcracker_proto::Protocol;

use super::asks::{Ask, Asker, Expected, shown};
use super::pipe::{End, Pipe};
use super::plan::{MILLISECOND, Plan};
use super::random::Random;
use super::wire;

/// One client, from its coming to its end.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: u32,
    pub(crate) pool: usize,
    pub(crate) life: Life,
    pub(crate) conn: Option<ConnId>,
    habits: Habits,
    /// Requests made.
    asked: u32,
    authenticated: bool,
    outbox: Vec<u8>,
    /// Bytes of all requests so far.
    asked_bytes: u64,
    /// Responses due, in order.
    due: VecDeque<Due>,
    /// How many of `due` the proxy has read the requests of.
    read: usize,
    inbox: Vec<u8>,
    next_ask: u64,
    next_read: u64,
    /// When the proxy last had a reason to make it wait: its pipe was full, or it was paused.
    pub(crate) obstructed_at: Option<u64>,
}

/// A response that is due.
#[derive(Debug)]
struct Due {
    request: u32,
    expected: Expected,
    /// Where the request ends in the client's stream.
    ends_at: u64,
    /// When the proxy had read all of it.
    read_at: Option<u64>,
}

/// Where a client is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Comes at this time.
    Coming(u64),
    /// Asks and listens.
    Talking,
    /// Has said its last word, and listens until the proxy ends the conn.
    Leaving,
    /// Is gone.
    Gone,
}

/// How a client behaves.
#[derive(Debug)]
struct Habits {
    /// Requests it makes.
    requests: u32,
    /// Requests outstanding at most.
    window: u64,
    /// Pauses between requests, at most, microseconds.
    asks_after_max: u64,
    /// Pauses between reads, at most, microseconds; and bytes a read. A client without pauses reads
    /// all there is.
    reads_after_max: u64,
    read_bytes_max: u64,
    /// It asks only what cannot fail once all is well.
    probes: bool,
    ending: Ending,
}

/// How a client's life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// It stays connected.
    Stays,
    /// It has all its responses and closes.
    Closes,
    /// It ends its own stream behind its last request.
    HalfCloses,
    /// It says QUIT.
    Quits,
    /// It breaks a rule of the protocol.
    Misbehaves,
    /// It closes without waiting for what is due, after so many requests.
    Vanishes(u32),
    /// It resets the conn, after so many requests.
    Resets(u32),
}

impl Client {
    pub(crate) fn draw(id: u32, plan: &Plan, random: &mut Random) -> Self {
        let requests = random.between(0, plan.requests_max) as u32;
        let some = random.below(u64::from(requests) + 1) as u32;
        let slow_reader = random.chance(20);
        let habits = Habits {
            requests,
            window: random.between(1, plan.window_max),
            asks_after_max: random.pick(&[0, 0, 200, 2 * MILLISECOND]),
            reads_after_max: if slow_reader { 2 * MILLISECOND } else { 0 },
            probes: false,
            read_bytes_max: if slow_reader { random.pick(&[700, 30_000]) } else { u64::MAX },
            ending: match random.below(10) {
                0 => Ending::Stays,
                1..3 => Ending::Closes,
                3..5 => Ending::HalfCloses,
                5 => Ending::Quits,
                6 => Ending::Misbehaves,
                7..9 => Ending::Vanishes(some),
                _ => Ending::Resets(some),
            },
        };
        let pool = random.below(plan.pools.len() as u64) as usize;
        let crowd = random.pick(&[1, 20, 200]) * MILLISECOND;
        Self::new(id, pool, random.below(crowd), habits)
    }

    /// A client that comes at once, and sees that the pool is well.
    pub(crate) fn probe(id: u32, pool: usize, now: u64) -> Self {
        const REQUESTS: u32 = 10;
        let habits = Habits {
            requests: REQUESTS,
            window: 1,
            asks_after_max: 0,
            reads_after_max: 0,
            read_bytes_max: u64::MAX,
            probes: true,
            ending: Ending::Closes,
        };
        Self::new(id, pool, now, habits)
    }

    fn new(id: u32, pool: usize, comes_at: u64, habits: Habits) -> Self {
        Self {
            id,
            pool,
            life: Life::Coming(comes_at),
            conn: None,
            habits,
            asked: 0,
            authenticated: false,
            outbox: Vec::new(),
            asked_bytes: 0,
            due: VecDeque::new(),
            read: 0,
            inbox: Vec::new(),
            next_ask: 0,
            next_read: 0,
            obstructed_at: None,
        }
    }

    /// Whether nothing is left that it could wait for.
    pub(crate) fn is_content(&self) -> bool {
        let stays = self.life == Life::Talking && self.habits.ending == Ending::Stays;
        let has_all = self.asked == self.habits.requests && self.due.is_empty();
        self.life == Life::Gone || (stays && has_all)
    }

    /// The proxy has read so many bytes of its stream.
    pub(crate) fn was_read(&mut self, bytes: u64, now: u64) {
        while let Some(due) = self.due.get_mut(self.read)
            && due.ends_at <= bytes
        {
            due.read_at = Some(now);
            self.read += 1;
        }
    }

    /// When it will do something, if nothing comes in before.
    pub(crate) fn wakes_at(&self, inbound: &Pipe, outbound: &Pipe, now: u64) -> Option<u64> {
        if self.life == Life::Gone {
            return None;
        }
        let writes = (!self.outbox.is_empty() && inbound.room() > 0).then_some(now + 1);
        let reads = (outbound.readable() > 0).then_some(self.next_read.max(now + 1));
        let asks = self.may_ask().then_some(self.next_ask.max(now + 1));
        writes.into_iter().chain(reads).chain(asks).min()
    }

    /// Listens, asks and leaves as far as it can now.
    pub(crate) fn act(
        &mut self,
        inbound: &mut Pipe,
        outbound: &mut Pipe,
        plan: &Plan,
        stopping: bool,
        now: u64,
        random: &mut Random,
    ) {
        if self.life == Life::Gone {
            return;
        }
        if now >= self.next_read && outbound.readable() > 0 {
            let bytes_max = self.habits.read_bytes_max.min(usize::MAX as u64) as usize;
            outbound.read_all(&mut self.inbox, bytes_max);
            self.next_read = now + random.below(self.habits.reads_after_max + 1);
            self.listen(plan, now);
        }
        if let Some(end) = outbound.ended() {
            self.hear_the_end(end, stopping, inbound, outbound, now, random);
            return;
        }
        if self.life == Life::Talking {
            self.ask(plan, now, random);
        }
        let taken = inbound.write(&self.outbox, now, random).unwrap_or(0);
        self.outbox.drain(..taken);
        if self.life == Life::Talking {
            self.leave(inbound, outbound, now, random);
        }
    }

    fn may_ask(&self) -> bool {
        /// A client does not go on asking while so many bytes have not left it.
        const OUTBOX_BYTES_MAX: usize = 100_000;
        self.life == Life::Talking
            && self.asked < self.habits.requests
            && (self.due.len() as u64) < self.habits.window
            && self.outbox.len() < OUTBOX_BYTES_MAX
    }

    fn ask(&mut self, plan: &Plan, now: u64, random: &mut Random) {
        while self.may_ask() && now >= self.next_ask {
            let probes = self.habits.probes;
            let mut asker = self.asker(plan, random);
            let asks = match probes {
                true => vec![asker.probe()],
                false => asker.phrase().unwrap_or_else(|| vec![asker.any()]),
            };
            for ask in asks {
                self.push(ask);
            }
            self.asked += 1;
            if random.chance(30) {
                self.next_ask = now + random.below(self.habits.asks_after_max + 1);
            }
        }
        if self.asked < self.habits.requests {
            return;
        }
        match self.habits.ending {
            Ending::Quits => {
                let quit = self.asker(plan, random).quit();
                self.push(quit);
                self.life = Life::Leaving;
            }
            Ending::Misbehaves => {
                let nonsense = self.asker(plan, random).nonsense();
                self.push(nonsense);
                self.life = Life::Leaving;
            }
            _ => {}
        }
    }

    fn asker<'a>(&'a mut self, plan: &'a Plan, random: &'a mut Random) -> Asker<'a> {
        Asker {
            plan,
            pool: self.pool,
            client: self.id,
            request: self.asked,
            authenticated: &mut self.authenticated,
            random,
        }
    }

    fn push(&mut self, ask: Ask) {
        self.outbox.extend_from_slice(&ask.wire);
        self.asked_bytes += ask.wire.len() as u64;
        if let Some(expected) = ask.expected {
            let (request, ends_at) = (self.asked, self.asked_bytes);
            self.due.push_back(Due { request, expected, ends_at, read_at: None });
        }
    }

    /// Ends the conn from this side, if its time has come.
    fn leave(&mut self, inbound: &mut Pipe, outbound: &mut Pipe, now: u64, random: &mut Random) {
        let said_all = self.asked == self.habits.requests && self.outbox.is_empty();
        let end = match self.habits.ending {
            Ending::HalfCloses if said_all => {
                inbound.end(End::Eof, now, random);
                self.life = Life::Leaving;
                return;
            }
            Ending::Closes if said_all && self.due.is_empty() => End::Eof,
            Ending::Vanishes(requests) if self.asked >= requests => End::Eof,
            Ending::Resets(requests) if self.asked >= requests => End::Reset,
            _ => return,
        };
        inbound.end(end, now, random);
        outbound.break_off();
        self.life = Life::Gone;
    }

    fn listen(&mut self, plan: &Plan, now: u64) {
        let protocol = plan.pools[self.pool].config.protocol;
        let mut start = 0;
        while start < self.inbox.len() {
            let rest = &self.inbox[start..];
            let len = wire::response(protocol, rest)
                .unwrap_or_else(|error| panic!("client {} was sent {error}", self.id));
            let Some(len) = len else { break };
            let due = self.due.pop_front().unwrap_or_else(|| {
                panic!("client {} asked for no {}", self.id, shown(&rest[..len]))
            });
            self.read = self.read.saturating_sub(1);
            let is_fine = due.expected.answers.allow(&rest[..len])
                || (due.expected.served && self.may_be_told(&rest[..len], &due, plan))
                || (due.expected.waits > 0 && &rest[..len] == b"-ERR the proxy is stopping\r\n");
            assert!(
                is_fine,
                "client {}, request {}: got {}, not {:?}",
                self.id,
                due.request,
                shown(&rest[..len]),
                due.expected
            );
            self.check_punctual(&due, plan, now);
            start += len;
        }
        self.inbox.drain(..start);
    }

    /// Whether a request that a server was to answer may be answered like this all the same.
    fn may_be_told(&self, response: &[u8], due: &Due, plan: &Plan) -> bool {
        let protocol = plan.pools[self.pool].config.protocol;
        if plan.lies {
            // Another's answer, at worst, but one that could be its own.
            let answers = &due.expected.answers;
            return protocol.is_error(response) || answers.are_like(protocol, response);
        }
        let head: &[u8] = match protocol {
            Protocol::Redis => b"-ERR ",
            Protocol::Memcache => b"SERVER_ERROR ",
        };
        let reason = response.strip_prefix(head).and_then(|rest| rest.strip_suffix(b"\r\n"));
        reason
            .and_then(|reason| std::str::from_utf8(reason).ok())
            .is_some_and(|reason| plan.may_fail(self.pool, reason))
    }

    /// A request that the proxy could work on from the moment it had it ends within the timeout.
    fn check_punctual(&self, due: &Due, plan: &Plan, now: u64) {
        /// The turn of a deadline may be late by this, and so may others before it.
        const LATENESS_MAX: u64 = 2 * MILLISECOND;
        let Some(timeout) = plan.pools[self.pool].config.timeout else { return };
        let times = u64::from(plan.times(self.pool));
        if !due.expected.served || self.habits.reads_after_max > 0 {
            return;
        }
        let read_at = due.read_at.expect("what is answered has been read");
        if self.obstructed_at.is_some_and(|at| at >= read_at) {
            return;
        }
        let latest = (read_at + times * (timeout.as_micros() as u64 + LATENESS_MAX))
            .saturating_add(plan.weather.latency_max)
            .saturating_add(due.expected.waits);
        assert!(
            now <= latest,
            "client {}, request {}: read at {read_at}, answered at {now}, due by {latest}",
            self.id,
            due.request
        );
    }

    fn hear_the_end(
        &mut self,
        end: End,
        stopping: bool,
        inbound: &mut Pipe,
        outbound: &mut Pipe,
        now: u64,
        random: &mut Random,
    ) {
        assert_eq!(end, End::Eof, "the proxy closes in good order");
        // Who ends its stream while it waits for what blocks is gone, for all the proxy knows.
        let gave_up = self.habits.ending == Ending::HalfCloses
            && self.due.iter().any(|due| due.expected.waits > 0);
        assert!(
            gave_up || self.inbox.is_empty(),
            "client {}: half a response and the end",
            self.id
        );
        assert!(
            stopping || (self.life == Life::Leaving && (self.due.is_empty() || gave_up)),
            "client {} was closed while {:?} with {} responses due",
            self.id,
            self.life,
            self.due.len()
        );
        if inbound.next_arrival().is_none() && inbound.ended().is_none() {
            inbound.end(End::Eof, now, random);
        }
        outbound.break_off();
        self.life = Life::Gone;
    }
}
