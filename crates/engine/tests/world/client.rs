//! The model clients: they ask, and hold what they are told against what they asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use nutcracker_engine::{ConnId, PoolConfig};
use nutcracker_proto::Protocol;

use super::asks::Asker;
use super::events::{Event, Events};
use super::expected::{Answers, Ask, Expected, shown};
use super::habits::{Ending, Habits};
use super::partly::Partly;
use super::pipe::{End, Pipe};
use super::plan::{MILLISECOND, Plan};
use super::random::Random;
use super::scans::Scan;
use super::session::{Class, Session};
use super::subscriber::Ears;
use super::wire;

/// What a client acts in.
pub(crate) struct Moment<'a> {
    pub(crate) plan: &'a Plan,
    /// The proxy stops.
    pub(crate) stopping: bool,
    pub(crate) now: u64,
    pub(crate) random: &'a mut Random,
    pub(crate) events: &'a mut Events,
}

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
    session: Session,
    scan: Scan,
    pub(crate) ears: Ears,
    /// When a client that listens leaves.
    pub(crate) leaves_at: u64,
    /// Scripts that it knows the proxy to know.
    known: BTreeSet<u32>,
    /// The class of each of its requests, where it is not the pool's own.
    asked_in: BTreeMap<u32, Class>,
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
    /// Bytes of the longest request that it made, and of the longest response that it may get.
    pub(crate) request_bytes_max: usize,
    pub(crate) response_bytes_max: usize,
    /// Requests that were failed, by the proxy's word.
    pub(crate) told: i64,
    /// The proxy closes it, because it held too much.
    pub(crate) evicted: bool,
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

impl Client {
    pub(crate) fn draw(id: u32, plan: &Plan, random: &mut Random) -> Self {
        let pool = random.below(plan.pools.len() as u64) as usize;
        let habits = Habits::draw(plan, pool, random);
        let crowd = random.pick(&[1, 20, 200]) * MILLISECOND;
        Self::new(id, pool, plan, random.below(crowd), habits)
    }

    /// A client that comes at once, and sees that the pool is well.
    pub(crate) fn probe(id: u32, pool: usize, plan: &Plan, now: u64) -> Self {
        Self::new(id, pool, plan, now, Habits::probe())
    }

    fn new(id: u32, pool: usize, plan: &Plan, comes_at: u64, habits: Habits) -> Self {
        let class = Class::of(&plan.pools[pool].config);
        let leaves_at = comes_at + habits.listens_for.unwrap_or(0);
        Self {
            id,
            pool,
            life: Life::Coming(comes_at),
            conn: None,
            habits,
            asked: 0,
            session: Session { class, authenticated: false },
            scan: Scan::default(),
            ears: Ears::default(),
            leaves_at,
            known: BTreeSet::new(),
            asked_in: BTreeMap::new(),
            outbox: Vec::new(),
            asked_bytes: 0,
            due: VecDeque::new(),
            read: 0,
            inbox: Vec::new(),
            next_ask: 0,
            next_read: 0,
            obstructed_at: None,
            request_bytes_max: 0,
            response_bytes_max: 0,
            told: 0,
            evicted: false,
        }
    }

    /// Whether nothing is left that it could wait for.
    pub(crate) fn is_content(&self) -> bool {
        let stays = self.life == Life::Talking && self.habits.ending == Ending::Stays;
        let has_all = self.asked == self.habits.requests && self.due.is_empty();
        self.life == Life::Gone || (stays && has_all)
    }

    /// Whether it has subscribed to something, and reads what comes as it comes.
    pub(crate) fn hears_in_time(&self) -> bool {
        self.ears.has_listened() && self.habits.reads_after_max == 0 && !self.evicted
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

    /// The class of a request that it made.
    pub(crate) fn class_of(&self, request: u32, config: &PoolConfig) -> Class {
        self.asked_in.get(&request).copied().unwrap_or(Class::of(config))
    }

    /// When it will do something, if nothing comes in before.
    pub(crate) fn wakes_at(&self, inbound: &Pipe, outbound: &Pipe, now: u64) -> Option<u64> {
        if self.life == Life::Gone {
            return None;
        }
        let writes = (!self.outbox.is_empty() && inbound.room() > 0).then_some(now + 1);
        let reads = (outbound.readable() > 0).then_some(self.next_read.max(now + 1));
        let asks = self.may_ask().then_some(self.next_ask.max(now + 1));
        let leaves = (self.life == Life::Talking && now < self.leaves_at).then_some(self.leaves_at);
        writes.into_iter().chain(reads).chain(asks).chain(leaves).min()
    }

    /// Listens, asks and leaves as far as it can now.
    pub(crate) fn act(&mut self, inbound: &mut Pipe, outbound: &mut Pipe, at: &mut Moment<'_>) {
        let now = at.now;
        if self.life == Life::Gone {
            return;
        }
        if now >= self.next_read && outbound.readable() > 0 {
            let bytes_max = self.habits.read_bytes_max.min(usize::MAX as u64) as usize;
            outbound.read_all(&mut self.inbox, bytes_max);
            self.next_read = now + at.random.below(self.habits.reads_after_max + 1);
            self.listen(at);
        }
        if let Some(end) = outbound.ended() {
            self.hear_the_end(end, inbound, outbound, at);
            return;
        }
        if self.life == Life::Talking {
            self.ask(at);
        }
        let taken = inbound.write(&self.outbox, now, at.random).unwrap_or(0);
        self.outbox.drain(..taken);
        if self.life == Life::Talking {
            self.leave(inbound, outbound, at);
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

    fn ask(&mut self, at: &mut Moment<'_>) {
        while self.may_ask() && at.now >= self.next_ask {
            let (probes, listens) = (self.habits.probes, self.habits.listens_for.is_some());
            let mut asker = self.asker(at);
            let asks = match probes {
                true => vec![asker.probe()],
                false if listens => vec![asker.of_subscriber()],
                false => asker.phrase().unwrap_or_else(|| vec![asker.any()]),
            };
            for ask in asks {
                self.push(ask);
            }
            if self.session.class != Class::of(&at.plan.pools[self.pool].config) {
                self.asked_in.insert(self.asked, self.session.class);
            }
            self.asked += 1;
            if at.random.chance(30) {
                self.next_ask = at.now + at.random.below(self.habits.asks_after_max + 1);
            }
        }
        if self.asked < self.habits.requests || at.now < self.leaves_at {
            return;
        }
        match self.habits.ending {
            Ending::Quits => {
                let quit = self.asker(at).quit();
                self.push(quit);
                self.life = Life::Leaving;
            }
            Ending::Misbehaves => {
                let nonsense = self.asker(at).nonsense();
                self.push(nonsense);
                self.life = Life::Leaving;
            }
            _ => {}
        }
    }

    fn asker<'a>(&'a mut self, at: &'a mut Moment<'_>) -> Asker<'a> {
        Asker {
            plan: at.plan,
            pool: self.pool,
            client: self.id,
            request: self.asked,
            session: &mut self.session,
            scan: &mut self.scan,
            ears: &mut self.ears,
            now: at.now,
            known: &self.known,
            random: at.random,
        }
    }

    fn push(&mut self, ask: Ask) {
        self.outbox.extend_from_slice(&ask.wire);
        self.asked_bytes += ask.wire.len() as u64;
        self.request_bytes_max = self.request_bytes_max.max(ask.wire.len());
        if let Some(expected) = ask.expected {
            let partly = expected.partly.as_ref().map_or(0, Partly::len_max);
            let longest = expected.answers.len_max().max(partly);
            self.response_bytes_max = self.response_bytes_max.max(longest);
            let (request, ends_at) = (self.asked, self.asked_bytes);
            self.due.push_back(Due { request, expected, ends_at, read_at: None });
        }
    }

    /// Ends the conn from this side, if its time has come.
    fn leave(&mut self, inbound: &mut Pipe, outbound: &mut Pipe, at: &mut Moment<'_>) {
        if at.now < self.leaves_at {
            return;
        }
        let said_all = self.asked == self.habits.requests && self.outbox.is_empty();
        let end = match self.habits.ending {
            Ending::HalfCloses if said_all => {
                inbound.end(End::Eof, at.now, at.random);
                self.life = Life::Leaving;
                return;
            }
            Ending::Closes if said_all && self.due.is_empty() => End::Eof,
            Ending::Vanishes(requests) if self.asked >= requests => End::Eof,
            Ending::Resets(requests) if self.asked >= requests => End::Reset,
            _ => return,
        };
        if !self.due.is_empty() {
            let is_reset = end == End::Reset;
            let event = if is_reset { Event::ClientReset } else { Event::ClientVanished };
            at.events.see(event);
        }
        at.events.see_if(!self.outbox.is_empty(), Event::ClientCutOff);
        at.events.see_if(self.due.iter().any(|due| due.expected.waits > 0), Event::PopGivenUp);
        inbound.end(end, at.now, at.random);
        outbound.break_off();
        self.life = Life::Gone;
    }

    fn listen(&mut self, at: &mut Moment<'_>) {
        let protocol = at.plan.pools[self.pool].config.protocol;
        let mut start = 0;
        while start < self.inbox.len() {
            let rest = &self.inbox[start..];
            let len = wire::response(protocol, rest)
                .unwrap_or_else(|error| panic!("client {} was sent {error}", self.id));
            let Some(len) = len else { break };
            let response = rest[..len].to_vec();
            start += len;
            if self.is_message(&response, at) || self.is_in_burst(&response, at) {
                continue;
            }
            let due = self
                .due
                .pop_front()
                .unwrap_or_else(|| panic!("client {} asked for no {}", self.id, shown(&response)));
            self.read = self.read.saturating_sub(1);
            self.judge(&due, &response, at);
            self.learn(&due, &response, at);
            self.check_punctual(&due, at);
            if due.expected.waits > 0 {
                // What is behind it may have been read, and had to wait.
                for next in &mut self.due {
                    next.read_at = next.read_at.map(|_| at.now);
                }
            }
            self.await_next(due, &response);
        }
        self.inbox.drain(..start);
    }

    /// Whether the response is none, but something that was published.
    fn is_message(&mut self, response: &[u8], at: &mut Moment<'_>) -> bool {
        let steady = at.plan.is_steady(self.pool);
        let is_message = self.habits.listens_for.is_some()
            && self.ears.hear(response, self.session.class.resp3, steady);
        at.events.see_if(is_message, Event::MessageHeard);
        is_message
    }

    /// Whether the response is one of a burst, and not its last.
    fn is_in_burst(&mut self, response: &[u8], at: &mut Moment<'_>) -> bool {
        let is_burst = |due: &Due| matches!(due.expected.answers, Answers::Burst(_));
        if !self.due.front().is_some_and(is_burst) {
            return false;
        }
        let mut due = self.due.pop_front().expect("there is a front");
        let Answers::Burst(burst) = &mut due.expected.answers else { unreachable!("it is one") };
        let is_over = burst.hear(response, || self.may_be_told(response, None, at));
        at.events.see_if(is_over && burst.is_quiet(), Event::BurstQuiet);
        self.due.push_front(due);
        !is_over
    }

    /// One request may have several responses.
    fn await_next(&mut self, due: Due, response: &[u8]) {
        if let Some(then) = due.expected.then
            && !response.starts_with(b"-")
        {
            self.due.push_front(Due { expected: *then, ..due });
            self.read += 1;
        }
    }

    /// Takes from a response what later requests depend on.
    fn learn(&mut self, due: &Due, response: &[u8], at: &mut Moment<'_>) {
        if let Answers::Page(pattern) = &due.expected.answers {
            let servers = at.plan.pools[self.pool].config.servers.len();
            if at.plan.lies {
                self.scan = Scan::default();
            } else if self.scan.hear(pattern, response, servers) {
                at.events.see(Event::ScanWhole);
            }
        }
        if let Answers::Confirmation(confirmation) = &due.expected.answers {
            let is_error = response.starts_with(b"-");
            if !is_error {
                self.ears.confirm(confirmation, at.now);
            }
            let event = match (confirmation.begins, is_error) {
                (true, false) => Event::Subscribed,
                (true, true) => Event::SubscribedInVain,
                (false, _) => Event::Unsubscribed,
            };
            at.events.see(event);
        }
        if let Some(script) = due.expected.learns
            && !matches!(response.first(), Some(b'-'))
        {
            self.known.insert(script);
        }
    }

    /// The response to a request is what it may be.
    fn judge(&mut self, due: &Due, response: &[u8], at: &mut Moment<'_>) {
        let Due { request, expected, .. } = due;
        if expected.answers.allow(response) {
            let is_error = matches!(response.first(), Some(b'-' | b'S'));
            let event = if is_error { Event::AnsweredBadly } else { Event::AnsweredWell };
            at.events.see_if(expected.served, event);
            match expected.event {
                Some(event) if !is_error => at.events.see(event),
                _ => at.events.see_response(response),
            }
            return;
        }
        if expected.partly.as_ref().is_some_and(|partly| partly.allows(response)) {
            return at.events.see(Event::PartAnswered);
        }
        let is_stopped = expected.waits > 0 && response == b"-ERR the proxy is stopping\r\n";
        at.events.see_if(is_stopped, Event::PopStopped);
        // A script may answer with anything, so anything may be taken for its answer.
        let is_script = matches!(expected.event, Some(Event::ScriptRun));
        let answers = (!is_script).then_some(&expected.answers);
        assert!(
            is_stopped || (expected.served && self.may_be_told(response, answers, at)),
            "client {}, request {request}: got {}, not {expected:?}",
            self.id,
            shown(response),
        );
        self.told += i64::from(!at.plan.lies);
    }

    /// Whether a request that a server was to answer may be answered like this all the same.
    fn may_be_told(&self, response: &[u8], answers: Option<&Answers>, at: &mut Moment<'_>) -> bool {
        let protocol = at.plan.pools[self.pool].config.protocol;
        if at.plan.lies {
            // Another's answer, at worst, but one that could be its own.
            return protocol.is_error(response)
                || answers.is_none_or(|answers| answers.are_like(protocol, response));
        }
        let head: &[u8] = match protocol {
            Protocol::Redis => b"-ERR ",
            Protocol::Memcache => b"SERVER_ERROR ",
        };
        let reason = response.strip_prefix(head).and_then(|rest| rest.strip_suffix(b"\r\n"));
        let Some(reason) = reason.and_then(|reason| std::str::from_utf8(reason).ok()) else {
            return false;
        };
        at.events.see_failure(reason);
        at.plan.may_fail(self.pool, reason)
    }

    /// A request that the proxy could work on from the moment it had it ends within the timeout.
    fn check_punctual(&self, due: &Due, at: &Moment<'_>) {
        /// The turn of a deadline may be late by this, and so may others before it.
        const LATENESS_MAX: u64 = 2 * MILLISECOND;
        let (plan, now) = (at.plan, at.now);
        let Some(timeout) = plan.pools[self.pool].config.timeout else { return };
        let times = u64::from(plan.times(self.pool));
        if !due.expected.served || self.habits.reads_after_max > 0 {
            return;
        }
        let read_at = due.read_at.expect("what is answered has been read");
        if self.obstructed_at.is_some_and(|at| at >= read_at) {
            return;
        }
        let timeout = timeout.as_micros() as u64 * due.expected.attempts;
        let latest = (read_at + times * (timeout + LATENESS_MAX))
            .saturating_add(plan.weather.latency_max)
            .saturating_add(plan.stall_allowance())
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
        inbound: &mut Pipe,
        outbound: &mut Pipe,
        at: &mut Moment<'_>,
    ) {
        assert_eq!(end, End::Eof, "the proxy closes in good order");
        // Who ends its stream while it waits for what blocks is gone, for all the proxy knows.
        let gave_up = self.habits.ending == Ending::HalfCloses
            && self.due.iter().any(|due| due.expected.waits > 0);
        assert!(
            gave_up || self.evicted || self.inbox.is_empty(),
            "client {}: half a response and the end",
            self.id
        );
        assert!(
            at.stopping
                || self.evicted
                || (self.life == Life::Leaving && (self.due.is_empty() || gave_up)),
            "client {} was closed while {:?} with {} responses due",
            self.id,
            self.life,
            self.due.len()
        );
        if inbound.next_arrival().is_none() && inbound.ended().is_none() {
            inbound.end(End::Eof, at.now, at.random);
        }
        let is_served = self.due.is_empty() && self.habits.ending == Ending::HalfCloses;
        at.events.see_if(is_served && self.asked > 0, Event::ClientHalfClosed);
        outbound.break_off();
        self.life = Life::Gone;
    }
}
