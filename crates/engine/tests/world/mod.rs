//! A small world on one thread with a clock of its own: clients and servers, a network between
//! them, and the engine in the middle. All that happens follows from one seed.
//!
//! ```text
//! client ==pipe==> shell <=pipe== server         time: microseconds; nobody waits
//! client <==pipe=  engine =pipe==> server
//! ```
//! - `plan`: what the seed draws first: pools, clients, weather, faults.
//! - `client`, `habits`, `asks`, `expected`: who asks what, and the only answers that are right.
//! - `session`: what clients say of themselves. `phrases`: requests that belong together, and
//!   those that block. `broadcasts`, `scans`, `scripts`: those that are about all servers. `meta`: bursts.
//!   `partly`: what a request gets of which a part failed.
//!   `subscriber`, `board`: who listens, and to what is published.
//! - `server`, `answers`: who checks what arrives, and answers it.
//! - `key`: how a key says whose it is. `wire`: both protocols, by the book.
//! - `engines`: one, and those whose clients go over to it. `pipe`: bytes on their way. `shell`: the turn. `trouble`: faults as they happen.
//! - `checks`: what must hold. `events`: what was seen. `random`: the seed's numbers.
//!
//! The world panics at the first thing that is not as it should be. What should be:
//! - each request gets exactly one response, in order, and it is its own;
//! - a dead client's responses are discarded and nobody else's;
//! - a server receives each request whole, in its client's order, behind the handshake;
//! - a request arrives once; in a pool that retries, one that only reads may arrive as often as that says,
//!   and behind later reads of its client, but never behind a later request that changes data;
//! - who is subscribed hears each message once, and in order; where nothing goes wrong, all of them;
//! - a request with a timeout ends in time, each time that it may be sent, and `poll_timeout` tells when;
//! - no client and no server conn holds more than its limits let it, and what is counted is there;
//! - when all is said nothing is outstanding, nothing is left behind, and the counters add up;
//! - when all faults are over every pool serves again.

mod answers;
mod asks;
mod board;
mod broadcasts;
mod checks;
mod client;
mod engines;
mod events;
mod expected;
mod habits;
mod key;
mod meta;
mod partly;
mod phrases;
mod pipe;
mod plan;
mod random;
mod scans;
mod scripts;
mod server;
mod session;
mod shell;
mod subscriber;
mod trouble;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nutcracker_engine::stats::Stats;
use nutcracker_engine::{Engine, SharedPool, WorkerId};
use nutcracker_ring::{DistributionKind, Ring};

pub(crate) use events::Coverage;

use client::{Client, Life, Moment};
use engines::Engines;
use events::{Event, Events};
use plan::{MILLISECOND, Plan, SECOND, may_move, rehashes};
use random::Random;
use server::{Server, Surroundings};
use shell::{Digest, Far, Sockets};

/// One run of the world.
pub(crate) struct World {
    plan: Plan,
    random: Random,
    engines: Engines,
    stats: Arc<Stats>,
    epoch: Instant,
    /// Microseconds since the epoch.
    now: u64,
    sockets: Sockets,
    clients: Vec<Client>,
    /// The servers of each pool.
    servers: Vec<Vec<Server>>,
    /// The rings of each pool where keys have a home: with all its servers, and what it may come to.
    rings: Vec<Vec<Ring>>,
    /// Keys that servers have received, and how often.
    received: BTreeMap<(u32, u32, u32), u32>,
    /// Requests that failed, as reported, for each server of each pool.
    failed: Vec<Vec<i64>>,
    faults_done: usize,
    moves_done: usize,
    reloads_done: usize,
    stalls_done: usize,
    /// Engines that are still to hear of a stall, and how long it lasted.
    stalled: BTreeMap<u32, u64>,
    /// Engines whose last turn was about servers' answers alone.
    partly: BTreeSet<u32>,
    /// When the last step was.
    last_step: u64,
    memory_short_until: u64,
    stopping: bool,
    digest: Digest,
    turns: u64,
    events: Events,
    /// Tells all that happens.
    trace: bool,
}

/// What came of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    digest: Digest,
    /// The worker's turns.
    pub(crate) turns: u64,
    /// What was seen.
    pub(crate) events: Events,
    /// What the engine's own counters have seen.
    pub(crate) counted: Vec<u64>,
}

impl World {
    /// Lives one world through.
    pub(crate) fn run(seed: u64) -> Outcome {
        let mut random = Random::seeded(seed);
        let plan = Plan::draw(&mut random);
        let clients = (0..plan.clients).map(|id| Client::draw(id, &plan, &mut random)).collect();
        let sizes: Vec<usize> = plan.pools.iter().map(|pool| pool.config.servers.len()).collect();
        let stats = Arc::new(Stats::new(sizes.iter().copied()));
        let epoch = epoch();
        let first = Engine::new(WorkerId(0), &plan.pools, Arc::clone(&stats), epoch, random.draw());
        let mut world = Self {
            engines: Engines::new(first),
            rings: plan.pools.iter().map(|pool| rings(pool)).collect(),
            servers: sizes
                .iter()
                .map(|&size| (0..size).map(|_| Server::default()).collect())
                .collect(),
            failed: sizes.iter().map(|&size| vec![0; size]).collect(),
            plan,
            random,
            stats,
            epoch,
            now: 0,
            sockets: Sockets::new(),
            clients,
            received: BTreeMap::new(),
            faults_done: 0,
            moves_done: 0,
            reloads_done: 0,
            stalls_done: 0,
            stalled: BTreeMap::new(),
            partly: BTreeSet::new(),
            last_step: 0,
            memory_short_until: 0,
            stopping: false,
            digest: Digest::default(),
            turns: 0,
            events: Events::default(),
            trace: std::env::var_os("SIMULATION_TRACE").is_some(),
        };
        world.tell(|| format!("{:#?}", world.plan));
        world.live();
        if !world.stopping {
            world.recover();
        }
        world.stop();
        world.outcome()
    }

    fn live(&mut self) {
        let now = self.instant(0);
        self.engines.newest_mut().begin_turn(now);
        self.engines.newest_mut().preconnect();
        self.turn();
        self.pass();
        for client in &self.clients {
            assert!(
                client.is_content() || self.stopping,
                "all is quiet, and client {} waits: {client:?}",
                client.id
            );
        }
        self.check_counters();
        self.check_heard();
    }

    /// Some time after the last fault every pool serves again: ejected servers are back.
    fn recover(&mut self) {
        self.now += 10 * SECOND;
        for server in self.servers.iter_mut().flatten() {
            server.slip = None;
        }
        for pool in 0..self.plan.pools.len() {
            // By then the proxy has found that they are back.
            let comes_at = self.now + SECOND;
            let id = self.clients.len() as u32;
            self.clients.push(Client::probe(id, pool, &self.plan, comes_at));
        }
        self.pass();
        assert!(self.clients.iter().all(Client::is_content), "a probe waits: {:?}", self.clients);
        self.check_counters();
    }

    /// Time passes, event by event, until there is none to come.
    fn pass(&mut self) {
        /// No run takes so many steps, unless something goes round in circles.
        const STEPS_MAX: usize = 2_000_000;
        for _ in 0..STEPS_MAX {
            let Some(next) = self.next_event() else { return };
            debug_assert!(next > self.now, "time goes on");
            let late = if self.random.chance(20) { self.random.below(MILLISECOND / 2) } else { 0 };
            self.now = next + late;
            // A client that reads seldom, and asks hundreds of times, takes an hour.
            assert!(self.now < 50_000 * SECOND, "a run comes to an end");
            self.step();
        }
        let talking = self.clients.iter().filter(|client| client.life != Life::Gone);
        panic!("{STEPS_MAX} steps, and no end: {:?}", talking.collect::<Vec<_>>());
    }

    fn step(&mut self) {
        for socket in self.sockets.values_mut() {
            socket.news |= socket.inbound.settle(self.now);
            socket.outbound.settle(self.now);
        }
        self.go_wrong();
        if !self.stopping && self.plan.drains_at.is_some_and(|at| at <= self.now) {
            self.drain();
        }
        self.let_all_act();
        let before = std::mem::replace(&mut self.last_step, self.now);
        self.turn();
        self.let_all_act();
        self.sockets.retain(|_, socket| match socket.far {
            Far::Client(n) => socket.open || self.clients[n].life != Life::Gone,
            Far::Server { .. } => true,
        });
        for number in self.engines.numbers() {
            let engine = self.engines.of(number);
            let due = engine.poll_timeout();
            assert!(
                due.is_none_or(|due| due > self.instant(before))
                    || !self.stalled.is_empty()
                    || self.partly.contains(&number),
                "what was due before the turn is dealt with"
            );
            self.events.see_if(engine.held() > 0, Event::ResponseHeld);
            self.events.see_if(engine.has_postponed(), Event::FlushPostponed);
        }
        self.turns += 1;
        self.check_turn();
    }

    fn next_event(&self) -> Option<u64> {
        let mut times = Vec::new();
        for (line, socket) in &self.sockets {
            times.extend(socket.inbound.next_arrival().filter(|_| socket.open));
            times.extend(socket.outbound.next_arrival());
            let reads =
                socket.open && socket.news && self.engines.of(line.engine).may_read(line.conn);
            let writes = socket.awaits_writable && socket.outbound.is_writable();
            times.extend((socket.open && (reads || writes)).then_some(self.now + 1));
            match &socket.far {
                Far::Client(n) => times.extend(self.clients[*n].wakes_at(
                    &socket.inbound,
                    &socket.outbound,
                    self.now,
                )),
                Far::Server { connecting: Some(connecting), .. } => times.push(connecting.at),
                Far::Server { pool, server, peer, .. } => times.extend(peer.wakes_at(
                    &socket.inbound,
                    &self.servers[*pool][*server],
                    self.now,
                )),
            }
        }
        times.extend(self.clients.iter().filter_map(|client| match client.life {
            Life::Coming(at) => Some(at),
            _ => None,
        }));
        times.extend(self.plan.faults.get(self.faults_done).map(|(at, _)| *at));
        times.extend(self.plan.moves.get(self.moves_done).map(|(at, ..)| *at));
        times.extend(Some(self.memory_short_until).filter(|until| *until > self.now));
        times.extend(self.plan.drains_at.filter(|_| !self.stopping));
        times.extend(self.plan.reloads.get(self.reloads_done));
        times.extend(self.plan.stalls.get(self.stalls_done).map(|(at, _)| *at));
        let postponed = self.engines.iter().any(Engine::has_postponed);
        let goes_on = postponed || !self.stalled.is_empty() || !self.partly.is_empty();
        times.extend(goes_on.then_some(self.now + 1));
        let due = self.engines.iter().filter_map(Engine::poll_timeout);
        times.extend(due.map(|at| (at - self.epoch).as_micros() as u64));
        times.into_iter().min().map(|at| at.max(self.now + 1))
    }

    /// Clients and servers do what they can.
    fn let_all_act(&mut self) {
        let stopping = self.stopping;
        let Self { sockets, clients, servers, plan, random, received, rings, now, events, .. } =
            self;
        for socket in sockets.values_mut() {
            let (inbound, outbound) = (&mut socket.inbound, &mut socket.outbound);
            match &mut socket.far {
                Far::Client(n) => {
                    let mut moment = Moment { plan, stopping, now: *now, random, events };
                    clients[*n].act(inbound, outbound, &mut moment);
                }
                Far::Server { connecting: Some(_), .. } => {}
                Far::Server { pool, server, peer, .. } => {
                    let config = &plan.pools[*pool].config;
                    let homes = |key: &[u8]| {
                        let route = |ring| config.placement.route(ring, key, || 0);
                        rings[*pool].iter().filter_map(route).collect()
                    };
                    let class_of =
                        |client: u32, request| clients[client as usize].class_of(request, config);
                    let mut surroundings = Surroundings {
                        config,
                        server: &mut servers[*pool][*server],
                        received,
                        homes: &homes,
                        class_of: &class_of,
                        index: *server,
                        thinks_max: plan.thinks_max,
                        lies: plan.lies,
                        now: *now,
                        random,
                        events,
                    };
                    peer.act(inbound, outbound, &mut surroundings);
                }
            }
        }
    }

    fn drain(&mut self) {
        let is_busy = self.engines.iter().any(|engine| engine.outstanding().0 > 0);
        self.events.see_if(is_busy, Event::DrainedBusy);
        self.stopping = true;
        let now = self.instant(self.now);
        for number in self.engines.numbers() {
            let engine = self.engines.of_mut(number);
            engine.begin_turn(now);
            engine.drain();
        }
    }

    /// Stops the proxy, and sees that every client hears of it.
    fn stop(&mut self) {
        self.drain();
        self.turn();
        self.pass();
        assert_eq!(self.engines.clients(), 0, "clients left behind");
        for client in &self.clients {
            assert_eq!(client.life, Life::Gone, "client {} was not told", client.id);
        }
        self.check_counters();
    }

    fn outcome(self) -> Outcome {
        let counted = events::counted(&self.stats.pools);
        Outcome { digest: self.digest, turns: self.turns, events: self.events, counted }
    }

    /// Says what happens, to who wants to know.
    fn tell(&self, what: impl FnOnce() -> String) {
        if self.trace {
            eprintln!("{:>10} {}", self.now, what());
        }
    }

    fn instant(&self, at: u64) -> Instant {
        self.epoch + Duration::from_micros(at)
    }
}

/// The ring of a pool with all its servers; and, where requests may move, those with any of them. None
/// where keys have no home.
fn rings(pool: &SharedPool) -> Vec<Ring> {
    let config = &pool.config;
    if config.distribution == DistributionKind::Random {
        return Vec::new();
    }
    let all = (1_u32 << config.servers.len()) - 1;
    let least = if rehashes(config) && may_move(config) { 1 } else { all };
    let ring = |members: u32| {
        let live: Vec<bool> = (0..config.servers.len()).map(|at| members >> at & 1 == 1).collect();
        Ring::new(config.distribution, &config.servers, &live)
    };
    (least..=all).rev().map(ring).collect()
}

/// Some moment: the clock is the world's from then on.
#[expect(clippy::disallowed_methods, reason = "an `Instant` has no other beginning")]
fn epoch() -> Instant {
    Instant::now()
}
