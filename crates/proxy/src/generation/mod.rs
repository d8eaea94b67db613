//! One configuration at work: the pools made of it, the workers that serve them, and what they count.
//!
//! A process has one, and another each time that its configuration is loaded anew. The earlier one hands
//! its listeners and clients over and ends; see [`succession`](crate::succession).
//!
//! `generations.rs` has their order, `obstacle.rs` what may be in the way. `listeners.rs` opens what is listened on,
//! `descriptors.rs` counts open files.

mod descriptors;
mod generations;
mod listeners;
mod obstacle;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mio::Waker;
use nutcracker_engine::stats::Stats;
use nutcracker_engine::{Holders, PoolId, Room, SharedPool};
use tokio::sync::mpsc::UnboundedSender;

use crate::config::{Config, Global, Pool, Workers};
use crate::memory;
use crate::names::Resolver;
use crate::net::Listener;
use crate::polling::Pollers;
use crate::rounds::Rounds;
use crate::shared::{Everybody, Mailbox, Message, Shared};
use crate::stats_server::{PoolNames, StatsSource};
use crate::subject::Subject;
use crate::succession::{Successor, followed};
use crate::topology;
use crate::worker::{Seat, Terms, Worker};
use descriptors::clients_max;

pub use descriptors::descriptors_taken;
pub use generations::Generations;
pub use obstacle::Obstacle;

/// What all configurations of a process have in common.
#[derive(Debug)]
pub struct Premises {
    /// When the process began.
    pub begun: Instant,
    /// The name of the host, for the statistics.
    pub host_name: String,
    /// Bytes of a chunk (`-m`).
    pub mbuf_bytes: usize,
    /// How many workers the command line asks for.
    pub workers: Option<Workers>,
    /// Looks hosts up.
    pub resolver: Arc<Resolver>,
    /// The workers of all of them.
    pub everybody: Arc<Everybody>,
    /// What these tell each other while memory is short.
    pub holders: Arc<Holders>,
}

/// One configuration at work.
#[derive(Debug)]
pub struct Generation {
    /// Its number, which no other has.
    number: u64,
    shared: Arc<Shared>,
    /// The counters of each worker, and behind them those of earlier configurations.
    stats: Arc<[Arc<Stats>]>,
    /// What the statistics are made of while it is the newest.
    source: Arc<StatsSource>,
    /// Workers that have not begun.
    seats: Vec<Seat>,
    /// Workers that have begun and not ended.
    running: usize,
    /// How many generations hand over to this one.
    predecessors: usize,
    /// How many clients the limit of open files leaves room for.
    clients_max: usize,
    /// Its thread ends when the generation does.
    _rounds: Rounds,
}

/// What the control plane is told of generations. They are named by their numbers.
#[derive(Debug)]
pub enum News {
    /// A worker has ended.
    Ended {
        /// Whose.
        generation: u64,
        /// Why it could not go on, if it could not.
        result: io::Result<()>,
    },
    /// One generation fewer hands over to this one.
    Released {
        /// This one.
        generation: u64,
    },
}

/// Says [`News::Released`] when it is dropped.
#[derive(Debug)]
pub struct Hold {
    generation: u64,
    news: UnboundedSender<News>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Nobody listens any more when the process ends.
        let _ = self.news.send(News::Released { generation: self.generation });
    }
}

impl Generation {
    /// Makes all that `config` needs. Where there is a configuration `before`, its listeners are not
    /// opened again: they will be handed over.
    ///
    /// # Errors
    /// [`Obstacle`]; what was made is gone again.
    pub fn new(
        premises: &Premises,
        number: u64,
        config: Config,
        before: Option<&Self>,
    ) -> Result<Self, Obstacle> {
        let workers = premises.workers.or(config.global.workers).map_or(1, Workers::count);
        let terms = terms(premises, &config, workers);
        let clients_max = clients_max(&config, workers)?;
        let room = match before {
            Some(before) => Arc::clone(before.shared.room()),
            None => Arc::new(Room::new(clients_max)),
        };
        let mut pools = topology::pools(&config, premises.mbuf_bytes, &room);
        let earlier: Vec<&Pool> = before.iter().flat_map(|before| before.pools()).collect();
        let followed = followed(&earlier, &config.pools.iter().collect::<Vec<_>>());
        if let Some(before) = before {
            topology::succeed(&mut pools, &config, &before.shared, &followed);
        }
        let mut listeners = listeners::open(&config, &earlier)?;
        let (pollers, mailboxes) = stations(workers)?;
        listeners::watch(&mut listeners, &pollers[0])?;
        let source = Arc::new(source(premises, &config, &pools, &terms));
        let resolver = Arc::clone(&premises.resolver);
        let mut shared = Shared::new(config, pools, mailboxes.into(), resolver, room);
        if let Some(before) = before {
            shared.count_on(&before.shared, &followed);
        }
        let shared = Arc::new(shared);
        premises.everybody.join(&shared);
        let rounds = rounds(&shared)?;
        Ok(Self {
            number,
            shared,
            seats: seats(pollers, listeners, &terms),
            stats: terms.stats,
            source,
            running: 0,
            predecessors: 0,
            clients_max,
            _rounds: rounds,
        })
    }

    /// Starts the workers, each on a thread. `news` hears of the end of each.
    ///
    /// # Errors
    /// [`Obstacle`], when the system has no thread left; those that run have to be stopped.
    pub fn start(&mut self, news: &UnboundedSender<News>) -> Result<(), Obstacle> {
        for seat in std::mem::take(&mut self.seats) {
            let (news, shared) = (news.clone(), Arc::clone(&self.shared));
            let (generation, id) = (self.number, seat.id);
            let name = format!("worker-{id}");
            let spawned = thread::Builder::new().name(name).spawn(move || {
                let result = Worker::new(seat, Arc::clone(&shared)).run();
                shared.end_worker(id);
                // The control plane outlives the workers, unless it has given up on them.
                let _ = news.send(News::Ended { generation, result });
            });
            spawned.map_err(Obstacle::system("starting a worker"))?;
            self.running += 1;
        }
        Ok(())
    }

    /// Has its workers answer what is outstanding, and end.
    pub fn stop(&self) {
        for mailbox in &self.shared.mailboxes {
            mailbox.send(Message::Stop);
        }
    }

    /// Leaves as much room for sockets, of all generations together, as its own configuration does, where that of
    /// `before` did until now.
    fn fit_room(&self, before: &Self) {
        let places = |generation: &Self| i64::try_from(generation.clients_max).unwrap_or(i64::MAX);
        self.shared.room().widen(places(self).saturating_sub(places(before)));
    }

    /// Has its workers hand listeners and clients over to those of `next`, from now on.
    fn give_way(&self, heirs: &[Option<usize>], next: &mut Self, news: &UnboundedSender<News>) {
        let hold = Hold { generation: next.number, news: news.clone() };
        next.predecessors += 1;
        let successor = Successor::new(&self.shared, heirs, Arc::clone(&next.shared), hold);
        let successor = Arc::new(successor);
        // The one that accepts passes it on.
        if !self.shared.mailboxes[0].send(Message::Leave(Arc::clone(&successor))) {
            self.shared.pass_on(&successor);
        }
    }

    /// Nobody hands anything over to its workers any more: they may end.
    fn dismiss(&self) {
        for mailbox in &self.shared.mailboxes {
            mailbox.send(Message::Dismiss);
        }
    }

    /// What the statistics are made of while it is the newest.
    #[must_use]
    pub fn source(&self) -> Arc<StatsSource> {
        Arc::clone(&self.source)
    }

    /// The table for what earlier generations count.
    fn past(&self) -> Arc<Stats> {
        Arc::clone(self.stats.last().expect("there is one for it"))
    }

    /// What it is made of, in words for the log.
    #[must_use]
    pub fn extent(&self) -> String {
        let (pools, workers) = (self.pools().count(), self.shared.mailboxes.len());
        format!("pools {pools}, workers {workers}, clients at most {}", self.clients_max)
    }

    /// Its pools.
    pub fn pools(&self) -> impl Iterator<Item = &Pool> {
        self.shared.shells.iter().map(|shell| &shell.config)
    }
}

/// Where each worker waits, and where it is left messages.
fn stations(workers: usize) -> Result<(Vec<Pollers>, Vec<Mailbox>), Obstacle> {
    let station = |_| {
        let pollers = Pollers::new().map_err(Obstacle::system("epoll create"))?;
        let waker = Waker::new(pollers.all.registry(), Subject::Waker.token());
        let waker = waker.map_err(Obstacle::system("making a waker"))?;
        Ok((pollers, Mailbox::new(waker)))
    };
    (0..workers).map(station).collect()
}

/// What the workers have in common. There are counters for each, and behind them those for earlier configurations.
fn terms(premises: &Premises, config: &Config, workers: usize) -> Terms {
    let Global { busy_poll, turn_pause, memory_max, .. } = config.global;
    let servers = || config.pools.iter().map(|pool| pool.servers.len());
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Terms {
        stats: (0..=workers).map(|_| Arc::new(Stats::new(servers()))).collect(),
        epoch: premises.begun,
        seed: seed as u64,
        busy_poll,
        turn_pause,
        memory_max: memory::limit(memory_max),
        everybody: Arc::clone(&premises.everybody),
        holders: Arc::clone(&premises.holders),
    }
}

/// What the statistics are made of.
fn source(
    premises: &Premises,
    config: &Config,
    shared: &[Arc<SharedPool>],
    terms: &Terms,
) -> StatsSource {
    let names = |pool: &Pool| PoolNames {
        name: pool.name.clone(),
        servers: pool.servers.iter().map(|server| server.name.clone()).collect(),
    };
    let pools = config.pools.iter().map(names).collect();
    let (host_name, stats) = (premises.host_name.clone(), Arc::clone(&terms.stats));
    StatsSource::new(host_name, premises.begun, terms.memory_max, pools, stats).of_pools(shared)
}

/// Has all workers told what the names of servers mean, again and again.
fn rounds(shared: &Arc<Shared>) -> Result<Rounds, Obstacle> {
    let told = Arc::clone(shared);
    let tell = move |pool, addresses| {
        for mailbox in &told.mailboxes {
            mailbox.send(Message::Addresses { pool, addresses: Arc::clone(&addresses) });
        }
    };
    let pools = shared.shells.iter().map(|shell| &shell.config);
    Rounds::start(pools, tell).map_err(Obstacle::system("starting a thread"))
}

/// A seat for each worker. The first has the listeners.
fn seats(
    pollers: Vec<Pollers>,
    mut listeners: Vec<(PoolId, Listener)>,
    terms: &Terms,
) -> Vec<Seat> {
    let seat = |(id, pollers)| {
        let listeners = std::mem::take(&mut listeners);
        Seat { id, pollers, listeners, terms: terms.clone() }
    };
    pollers.into_iter().enumerate().map(seat).collect()
}
