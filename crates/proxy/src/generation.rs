//! One configuration at work: the pools made of it, the workers that serve them, and what they count.
//!
//! A process has one, and another each time that its configuration is loaded anew. The earlier one hands
//! its listeners and clients over and ends; see [`succession`](crate::succession).

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::{Poll, Waker};
use nutcracker_engine::stats::Stats;
use nutcracker_engine::{PoolId, Room};
use tokio::sync::mpsc::UnboundedSender;

use crate::config::{Config, Global, Pool, Workers};
use crate::log::reason;
use crate::memory::{self, Memory};
use crate::names::Resolver;
use crate::net::{BindError, Listener};
use crate::rounds::Rounds;
use crate::shared::{Mailbox, Message, Shared};
use crate::stats_server::{Past, Place, PoolNames, StatsSource};
use crate::succession::{Successor, heir, listens_there};
use crate::worker::{Seat, WAKE, Worker, listener_token};
use crate::{sys, topology};

/// How long a stop may take: what is outstanding then is dropped.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Descriptors kept for the log, the statistics, the pollers and whatever a library opens (the
/// original's `RESERVED_FDS`).
const RESERVED_DESCRIPTORS: usize = 32;

/// Descriptors a worker needs for itself: its poller, its waker.
const WORKER_DESCRIPTORS: usize = 2;

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

/// Why a configuration cannot be put to work.
#[derive(Debug)]
pub enum Obstacle {
    /// Its pools cannot be listened for.
    Listen(BindError),
    /// A pool is to listen at an address that takes in another one's of the configuration before.
    Overlap {
        /// The pool.
        pool: String,
        /// Its `listen`.
        address: String,
        /// The other's.
        other: String,
    },
    /// Two pools are to listen at one address.
    Twice {
        /// The pool.
        pool: String,
        /// Its `listen`.
        address: String,
        /// The other one.
        other: String,
    },
    /// The system does not give what is needed.
    System {
        /// What for.
        doing: &'static str,
        /// Why not.
        error: io::Error,
    },
}

impl Obstacle {
    /// The system's, while `doing` something.
    pub fn system(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::System { doing, error }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(error) => error.fmt(f),
            Self::Overlap { pool, address, other } => write!(
                f,
                "pool '{pool}': '{address}' and '{other}', which is listened on, overlap: a restart can \
                 change the one to the other, a reload cannot"
            ),
            Self::Twice { pool, address, other } => {
                write!(f, "pool '{pool}': '{address}' is where pool '{other}' listens")
            }
            Self::System { doing, error } => write!(f, "{doing} failed: {}", reason(error)),
        }
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
        let Global { busy_poll, turn_pause, .. } = config.global;
        let memory_max = memory::limit(config.global.memory_max);
        let clients_max = clients_max(&config, workers)?;
        let room = Arc::new(Room::new(clients_max));
        let earlier: Vec<&Pool> = before.iter().flat_map(|before| before.pools()).collect();
        let mut pools = topology::pools(&config, premises.mbuf_bytes, &room);
        if let Some(before) = before {
            topology::succeed(&mut pools, &config, &before.shared);
        }
        let mut listeners = listeners(&config, &earlier)?;

        let mut polls = Vec::with_capacity(workers);
        let mut mailboxes = Vec::with_capacity(workers);
        for _ in 0..workers {
            let poll = Poll::new().map_err(Obstacle::system("epoll create"))?;
            let waker = Waker::new(poll.registry(), WAKE);
            mailboxes.push(Mailbox::new(waker.map_err(Obstacle::system("making a waker"))?));
            polls.push(poll);
        }
        for (at, (_, listener)) in listeners.iter_mut().enumerate() {
            let registered = listener.register(polls[0].registry(), listener_token(at));
            registered.map_err(Obstacle::system("watching a listener"))?;
        }
        let stats: Arc<[Arc<Stats>]> = (0..=workers)
            .map(|_| Arc::new(Stats::new(config.pools.iter().map(|pool| pool.servers.len()))))
            .collect();
        let source = Arc::new(StatsSource::new(
            premises.host_name.clone(),
            premises.begun,
            memory_max,
            pool_names(&config),
            Arc::clone(&stats),
        ));
        tracing::info!(
            "{} pools on {workers} workers, at most {clients_max} clients",
            config.pools.len(),
        );
        let resolver = Arc::clone(&premises.resolver);
        let shared = Arc::new(Shared::new(config, pools, mailboxes.into(), resolver, room));
        let told = Arc::clone(&shared);
        let rounds = Rounds::start(
            shared.shells.iter().map(|shell| &shell.config),
            move |pool, addresses| {
                for mailbox in &told.mailboxes {
                    mailbox.send(Message::Addresses { pool, addresses: Arc::clone(&addresses) });
                }
            },
        );
        let rounds = rounds.map_err(Obstacle::system("starting a thread"))?;
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let mut listeners = Some(listeners);
        let seats = polls
            .into_iter()
            .enumerate()
            .map(|(id, poll)| Seat {
                id,
                poll,
                listeners: listeners.take().unwrap_or_default(),
                stats: Arc::clone(&stats),
                epoch: premises.begun,
                seed: (seed as u64).wrapping_add(id as u64),
                busy_poll,
                turn_pause,
                memory: Memory::new(memory_max),
                stop_timeout: STOP_TIMEOUT,
            })
            .collect();
        Ok(Self {
            number,
            shared,
            stats,
            source,
            seats,
            running: 0,
            predecessors: 0,
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

    /// How many workers it has.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.shared.mailboxes.len()
    }

    /// Its pools.
    pub fn pools(&self) -> impl Iterator<Item = &Pool> {
        self.shared.shells.iter().map(|shell| &shell.config)
    }
}

/// The generations of a process that have not ended.
#[derive(Debug)]
pub struct Generations {
    /// The one whose configuration holds.
    newest: Generation,
    /// Those before it, oldest first.
    elders: Vec<Elder>,
    news: UnboundedSender<News>,
}

impl Generations {
    /// The first. `news` is where [`note`](Self::note) gets what it is told.
    #[must_use]
    pub const fn new(first: Generation, news: UnboundedSender<News>) -> Self {
        Self { newest: first, elders: Vec::new(), news }
    }

    /// The one whose configuration holds.
    #[must_use]
    pub const fn newest(&self) -> &Generation {
        &self.newest
    }

    /// Starts the first one's workers.
    ///
    /// # Errors
    /// As [`Generation::start`].
    pub fn start(&mut self) -> Result<(), Obstacle> {
        self.newest.start(&self.news)
    }

    /// `next` is the newest from now on, started already, and all before it give way to it.
    pub fn succeed(&mut self, next: Generation) {
        let before = std::mem::replace(&mut self.newest, next);
        let into = self.newest.past();
        let heirs = heirs(&before, &self.newest);
        for elder in &mut self.elders {
            for heir in &mut elder.heirs {
                *heir = heir.and_then(|pool| heirs[pool]);
            }
            let places = places(&elder.generation, &elder.heirs, &self.newest);
            elder.past.redirect(Arc::clone(&into), places);
        }
        let places = places(&before, &heirs, &self.newest);
        let past = Past::new(Arc::clone(&before.stats), into, places);
        past.carry();
        // Those that others may still hand something over to hear of it when that is over.
        let is_last = before.predecessors == 0;
        self.elders.push(Elder { generation: before, heirs, past });
        for elder in &self.elders {
            elder.generation.give_way(&elder.heirs, &mut self.newest, &self.news);
        }
        if let Some(before) = self.elders.last()
            && is_last
        {
            before.generation.dismiss();
        }
    }

    /// Whether there are clients of another configuration than the newest.
    #[must_use]
    pub const fn has_elders(&self) -> bool {
        !self.elders.is_empty()
    }

    /// Carries into the newest's counters what others have counted.
    pub fn carry(&self) {
        self.elders.iter().for_each(|elder| elder.past.carry());
    }

    /// Stops all.
    pub fn stop(&self) {
        self.all().for_each(Generation::stop);
    }

    /// Takes news in. Says whether any worker is left.
    ///
    /// # Errors
    /// Why a worker could not go on.
    pub fn note(&mut self, news: News) -> io::Result<bool> {
        match news {
            News::Ended { generation, result } => {
                // One that could not be started is none of these.
                if let Some(generation) = self.find(generation) {
                    result?;
                    generation.running -= 1;
                }
                self.carry();
                self.elders.retain(|elder| elder.generation.running > 0);
            }
            News::Released { generation } => {
                let newest = self.newest.number;
                if let Some(generation) = self.find(generation) {
                    generation.predecessors -= 1;
                    if generation.predecessors == 0 && generation.number != newest {
                        generation.dismiss();
                    }
                }
            }
        }
        Ok(self.all().any(|generation| generation.running > 0))
    }

    fn all(&self) -> impl Iterator<Item = &Generation> {
        self.elders.iter().map(|elder| &elder.generation).chain([&self.newest])
    }

    fn find(&mut self, number: u64) -> Option<&mut Generation> {
        let elders = self.elders.iter_mut().map(|elder| &mut elder.generation);
        elders.chain([&mut self.newest]).find(|generation| generation.number == number)
    }
}

/// A generation whose clients go over to the newest.
#[derive(Debug)]
struct Elder {
    generation: Generation,
    /// For each of its pools, which of the newest's its clients go to.
    heirs: Vec<Option<usize>>,
    /// What it counts.
    past: Past,
}

/// Where the figures of `elder`, whose pools' heirs are given, go on in `newest`. Servers' names are what
/// consumers know them by.
fn places(elder: &Generation, heirs: &[Option<usize>], newest: &Generation) -> Vec<Option<Place>> {
    let pools: Vec<&Pool> = newest.pools().collect();
    let place = |(pool, heir): (&Pool, &Option<usize>)| {
        let heir = (*heir)?;
        let at = |name: &str| pools[heir].servers.iter().position(|other| other.name == name);
        let servers = pool.servers.iter().map(|server| at(&server.name)).collect();
        Some(Place { pool: heir, servers })
    };
    elder.pools().zip(heirs).map(place).collect()
}

/// For each pool of `before`, which of `next` its clients go to.
fn heirs(before: &Generation, next: &Generation) -> Vec<Option<usize>> {
    let pools: Vec<&Pool> = next.pools().collect();
    before.pools().map(|pool| heir(pool, &pools)).collect()
}

/// Listens for the pools that nobody listens for yet.
fn listeners(config: &Config, earlier: &[&Pool]) -> Result<Vec<(PoolId, Listener)>, Obstacle> {
    let pools = config.pools.iter().enumerate();
    if !earlier.is_empty()
        && let Some((pool, other)) = twice(&config.pools)
    {
        return Err(Obstacle::Twice {
            pool: pool.name.clone(),
            address: pool.listen.text().to_owned(),
            other: other.name.clone(),
        });
    }
    let new = pools.filter(|(_, pool)| listens_there(pool, earlier).is_none());
    new.map(|(at, pool)| {
        if let Some(other) = earlier.iter().find(|other| other.listen.overlaps(&pool.listen)) {
            return Err(Obstacle::Overlap {
                pool: pool.name.clone(),
                address: pool.listen.text().to_owned(),
                other: other.listen.text().to_owned(),
            });
        }
        let listener = Listener::bind(pool).map_err(Obstacle::Listen)?;
        Ok((PoolId(at as u32), listener))
    })
    .collect()
}

/// A pool that listens where one before it does, if there is any; at a start binding finds it.
fn twice(pools: &[Pool]) -> Option<(&Pool, &Pool)> {
    pools.iter().enumerate().find_map(|(at, pool)| {
        let other = pools[..at].iter().find(|other| other.listen.is_same_place(&pool.listen))?;
        Some((pool, other))
    })
}

/// How many clients the limit of descriptors leaves room for, once all servers are connected
/// (`core_calc_connections`). They share it with server conns beyond the ordinary ones.
fn clients_max(config: &Config, workers: usize) -> Result<usize, Obstacle> {
    let limit = sys::raise_open_files_limit()
        .map_err(Obstacle::system("raising the limit of open files"))?;
    let taken = descriptors_taken(config, workers);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    match limit.checked_sub(taken) {
        Some(clients) if clients > 0 => Ok(clients),
        _ => Err(Obstacle::System {
            doing: "making room for clients",
            error: io::Error::other(format!(
                "the servers need {taken} open files and the limit is {limit}: raise it (ulimit -n)"
            )),
        }),
    }
}

/// How many open files the proxy needs for all but its clients, once all servers are connected by their
/// ordinary conns. Others (pinned, listening, of another class) take places of clients while they are
/// open, see [`Room`].
#[must_use]
pub fn descriptors_taken(config: &Config, workers: usize) -> usize {
    let servers: usize = config
        .pools
        .iter()
        .map(|pool| pool.servers.len() * pool.server_connections as usize * workers + 1)
        .sum();
    servers + RESERVED_DESCRIPTORS + workers * WORKER_DESCRIPTORS
}

fn pool_names(config: &Config) -> Vec<PoolNames> {
    let names = |pool: &Pool| PoolNames {
        name: pool.name.clone(),
        servers: pool.servers.iter().map(|server| server.name.clone()).collect(),
    };
    config.pools.iter().map(names).collect()
}
