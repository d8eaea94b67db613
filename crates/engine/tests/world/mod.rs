//! A small world on one thread with a clock of its own: clients and servers, a network between
//! them, and the engine in the middle. All that happens follows from one seed.
//!
//! ```text
//! client ==pipe==> shell <=pipe== server         time: microseconds; nobody waits
//! client <==pipe=  engine =pipe==> server
//! ```
//! - `plan`: what the seed draws first: pools, clients, weather, faults.
//! - `client`, `asks`: who asks what, and the only answers that are right.
//! - `phrases`: requests that belong together, and those that block.
//! - `server`, `answers`: who checks what arrives, and answers it.
//! - `key`: how a key says whose it is. `wire`: both protocols, by the book.
//! - `pipe`: bytes on their way. `shell`: the turn. `random`: the seed's numbers.
//!
//! The world panics at the first thing that is not as it should be. What should be:
//! - each request gets exactly one response, in order, and it is its own;
//! - a dead client's responses are discarded and nobody else's;
//! - a server receives each request whole, in its client's order, behind the handshake;
//! - a request arrives once; in a pool that retries, one that only reads may arrive as often as that says,
//!   and behind later reads of its client, but never behind a later request that changes data;
//! - a request with a timeout ends in time, each time that it may be sent, and `poll_timeout` tells when;
//! - when all is said nothing is outstanding, and the counters add up;
//! - when all faults are over every pool serves again.

mod answers;
mod asks;
mod client;
mod key;
mod phrases;
mod pipe;
mod plan;
mod random;
mod server;
mod shell;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nutcracker_engine::stats::{FaultFigure, Kind, PoolFigure, ServerFigure, Stats};
use nutcracker_engine::{Engine, PoolId, SharedPool};
use nutcracker_ring::{DistributionKind, Ring};

use client::{Client, Life};
use pipe::End;
use plan::{Fault, MILLISECOND, Plan, SECOND, may_move, rehashes};
use random::Random;
use server::{Server, Slip, Surroundings};
use shell::{Digest, Far, Sockets};

/// One run of the world.
pub(crate) struct World {
    plan: Plan,
    random: Random,
    engine: Engine,
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
    memory_short_until: u64,
    stopping: bool,
    digest: Digest,
}

/// What came of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    digest: Digest,
    /// Responses that servers gave.
    pub(crate) responses: i64,
    /// Requests that failed with their server's conn.
    pub(crate) failed: i64,
    /// Requests that were taken apart, by their fragments.
    pub(crate) fragments: i64,
    /// Servers that left the ring.
    pub(crate) ejects: i64,
    /// Conns closed by a deadline.
    pub(crate) timeouts: i64,
    /// Conns replaced by one to another address.
    pub(crate) moves: i64,
    /// Requests sent again.
    pub(crate) retried: i64,
    /// Requests that were not sent when their server failed, and were queued anew.
    pub(crate) moved: i64,
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
        let mut world = Self {
            engine: Engine::new(&plan.pools, Arc::clone(&stats), epoch, random.draw()),
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
            memory_short_until: 0,
            stopping: false,
            digest: Digest::default(),
        };
        world.live();
        if !world.stopping {
            world.recover();
        }
        world.stop();
        world.outcome()
    }

    fn live(&mut self) {
        self.engine.begin_turn(self.instant(0));
        self.engine.preconnect();
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
            self.clients.push(Client::probe(self.clients.len() as u32, pool, comes_at));
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
            assert!(self.now < 2_000 * SECOND, "a run comes to an end");
            self.step();
        }
        panic!("{STEPS_MAX} steps, and no end");
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
        self.turn();
        self.let_all_act();
        self.sockets.retain(|_, socket| match socket.far {
            Far::Client(n) => socket.open || self.clients[n].life != Life::Gone,
            Far::Server { .. } => true,
        });
        let due = self.engine.poll_timeout();
        assert!(due.is_none_or(|due| due > self.instant(self.now)), "what is due is dealt with");
        self.check_gauges();
    }

    fn next_event(&self) -> Option<u64> {
        let mut times = Vec::new();
        for (conn, socket) in &self.sockets {
            times.extend(socket.inbound.next_arrival().filter(|_| socket.open));
            times.extend(socket.outbound.next_arrival());
            let reads = socket.news && self.engine.may_read(*conn);
            let writes = socket.blocked && socket.outbound.is_writable();
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
        times.extend(self.engine.poll_timeout().map(|at| (at - self.epoch).as_micros() as u64));
        times.into_iter().min().map(|at| at.max(self.now + 1))
    }

    /// Clients and servers do what they can.
    fn let_all_act(&mut self) {
        let Self { sockets, clients, servers, plan, random, received, rings, now, .. } = self;
        for socket in sockets.values_mut() {
            let (inbound, outbound) = (&mut socket.inbound, &mut socket.outbound);
            match &mut socket.far {
                Far::Client(n) => {
                    clients[*n].act(inbound, outbound, plan, self.stopping, *now, random);
                }
                Far::Server { connecting: Some(_), .. } => {}
                Far::Server { pool, server, peer, .. } => {
                    let config = &plan.pools[*pool].config;
                    let homes = |key: &[u8]| {
                        let route = |ring| config.placement.route(ring, key, || 0);
                        rings[*pool].iter().filter_map(route).collect()
                    };
                    let mut surroundings = Surroundings {
                        config,
                        server: &mut servers[*pool][*server],
                        received,
                        homes: &homes,
                        index: *server,
                        thinks_max: plan.thinks_max,
                        lies: plan.lies,
                        now: *now,
                        random,
                    };
                    peer.act(inbound, outbound, &mut surroundings);
                }
            }
        }
    }

    /// Lets the faults happen whose time has come.
    fn go_wrong(&mut self) {
        while let Some((at, fault)) = self.plan.faults.get(self.faults_done).copied()
            && at <= self.now
        {
            self.faults_done += 1;
            match fault {
                Fault::Close { pool, server } => self.end_conns(pool, server, End::Eof),
                Fault::Reset { pool, server } => self.end_conns(pool, server, End::Reset),
                Fault::Half { pool, server } => {
                    let end = self.random.pick(&[End::Eof, End::Reset]);
                    self.servers[pool][server].slip = Some(Slip::Half(end));
                }
                Fault::Torn { pool, server, wait } => {
                    self.servers[pool][server].slip = Some(Slip::Torn(wait));
                }
                Fault::Garbage { pool, server } => {
                    self.servers[pool][server].slip = Some(Slip::Garbage);
                }
                Fault::Unasked { pool, server } => {
                    self.servers[pool][server].slip = Some(Slip::Unasked);
                }
                Fault::Freeze { pool, server, wait } => {
                    self.servers[pool][server].frozen_until = self.now + wait;
                }
                Fault::Short { wait } => {
                    let until = self.now + wait;
                    // Faults that follow each other must not use up the engine's patience.
                    if self.memory_short_until == 0 || self.now > self.memory_short_until + SECOND {
                        self.memory_short_until = until;
                    }
                }
                Fault::Absent { pool, server, wait, absence } => {
                    let server = &mut self.servers[pool][server];
                    (server.absence, server.absent_until) = (Some(absence), self.now + wait);
                }
            }
        }
    }

    fn end_conns(&mut self, pool: usize, server: usize, end: End) {
        for socket in self.sockets.values_mut() {
            match &mut socket.far {
                Far::Server { pool: p, server: s, connecting: None, peer }
                    if (*p, *s) == (pool, server) =>
                {
                    peer.end(end, &mut socket.inbound, self.now, &mut self.random);
                }
                _ => {}
            }
        }
    }

    fn drain(&mut self) {
        self.stopping = true;
        self.engine.begin_turn(self.instant(self.now));
        self.engine.drain();
    }

    /// Stops the proxy, and sees that every client hears of it.
    fn stop(&mut self) {
        self.drain();
        self.turn();
        self.pass();
        assert_eq!(self.engine.clients(), 0, "clients left behind");
        for client in &self.clients {
            assert_eq!(client.life, Life::Gone, "client {} was not told", client.id);
        }
        self.check_counters();
    }

    /// No gauge is ever below zero.
    fn check_gauges(&self) {
        for pool in &self.stats.pools {
            for figure in PoolFigure::ALL {
                assert!(pool.at(*figure).get() >= 0, "{}", figure.name());
            }
            for server in &pool.servers {
                for figure in ServerFigure::ALL {
                    assert!(server.at(*figure).get() >= 0, "{}", figure.name());
                }
            }
        }
    }

    /// Nothing is outstanding, and the counters add up.
    fn check_counters(&self) {
        assert_eq!(self.engine.outstanding(), (0, 0), "requests, split requests");
        assert_eq!(self.engine.held(), 0, "responses held");
        for pool in 0..self.plan.pools.len() {
            let pinned = self.engine.pinned(PoolId(pool as u32));
            assert_eq!(pinned, 0, "clients of pool {pool} with a conn of their own");
        }
        for (p, pool) in self.stats.pools.iter().enumerate() {
            for (s, figures) in pool.servers.iter().enumerate() {
                let at = |figure| figures.at(figure).get();
                let (name, model) = (format!("pool {p}, server {s}"), &self.servers[p][s]);
                let (responses, failed) = (at(ServerFigure::Responses), self.failed[p][s]);
                let ended = responses + failed;
                // What a client leaves behind on a conn of its own nobody waits for.
                if self.plan.pins {
                    assert!(at(ServerFigure::Requests) >= ended, "{name}: requests");
                } else {
                    assert_eq!(at(ServerFigure::Requests), ended, "{name}: requests");
                }
                for figure in ServerFigure::ALL {
                    if figure.kind() == Kind::Gauge && *figure != ServerFigure::ServerConnections {
                        assert_eq!(at(*figure), 0, "{name}: {}", figure.name());
                    }
                }
                if self.plan.quiet && !self.plan.pins {
                    let bytes = [at(ServerFigure::RequestBytes), at(ServerFigure::ResponseBytes)];
                    let seen = [model.received_bytes as i64, model.sent_bytes as i64];
                    assert_eq!(bytes, seen, "{name}: bytes of requests and responses");
                    assert_eq!(failed, 0, "{name}: nothing went wrong");
                }
                let conns = self.sockets.values().filter(|socket| {
                    matches!(socket.far, Far::Server { pool, server, .. } if (pool, server) == (p, s))
                });
                let conns = conns.count() as i64;
                assert_eq!(at(ServerFigure::ServerConnections), conns, "{name}: conns");
            }
            let all =
                self.clients.iter().filter(|client| client.pool == p && client.conn.is_some());
            let all = all.count() as i64;
            let open = self.sockets.values().filter(
                |socket| matches!(socket.far, Far::Client(n) if socket.open && self.clients[n].pool == p),
            );
            let open = open.count() as i64;
            let at = |figure| pool.at(figure).get();
            assert_eq!(at(PoolFigure::ClientConnections), open, "pool {p}: clients");
            let ended = at(PoolFigure::ClientEof) + at(PoolFigure::ClientErr);
            assert_eq!(ended + open, all, "pool {p}: clients that came and went");
        }
        let open = self.sockets.values().filter(|socket| socket.open);
        assert_eq!(self.stats.curr_connections.get(), open.count() as i64, "conns");
    }

    fn outcome(self) -> Outcome {
        let mut outcome = Outcome { digest: self.digest, ..Outcome::default() };
        for (pool, failed) in self.stats.pools.iter().zip(&self.failed) {
            outcome.fragments += pool.at(PoolFigure::Fragments).get();
            outcome.ejects += pool.at(PoolFigure::ServerEjects).get();
            outcome.moves += pool.fault(FaultFigure::ServerMoved).get();
            outcome.failed += failed.iter().sum::<i64>();
            outcome.retried += pool.fault(FaultFigure::RequestsRetried).get();
            outcome.moved += pool.fault(FaultFigure::RequestsMoved).get();
            for server in &pool.servers {
                outcome.responses += server.at(ServerFigure::Responses).get();
                outcome.timeouts += server.at(ServerFigure::ServerTimedout).get();
            }
        }
        outcome
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
