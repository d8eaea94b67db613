//! What a run is made of: its pools, its clients, its weather and its faults, all drawn at once.

use std::sync::Arc;
use std::time::Duration;

use nutcracker_engine::limits::PoolLimits;
use nutcracker_engine::{Ejection, MultiError, OnEject, PoolConfig, Retries, SharedPool};
use nutcracker_proto::Protocol;
use nutcracker_ring::{DistributionKind, HashKind, HashTag, Placement, RingServer};

use super::board::FORBIDDEN_WORDS;
use super::pipe::Weather;
use super::random::Random;

/// A moment or a while of the world, microseconds.
pub(crate) const MILLISECOND: u64 = 1_000;
pub(crate) const SECOND: u64 = 1_000 * MILLISECOND;

/// The timeout where nothing goes wrong.
const QUIET_TIMEOUT: Duration = Duration::from_secs(100);

/// One run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) pools: Vec<Arc<SharedPool>>,
    pub(crate) clients: u32,
    /// Requests that a client makes at most.
    pub(crate) requests_max: u64,
    /// Requests that a client has outstanding at most.
    pub(crate) window_max: u64,
    /// Bytes of the largest value.
    pub(crate) value_bytes_max: u64,
    /// Many values are large, and clients ask for many: more than the proxy lets wait for one.
    pub(crate) heavy: bool,
    pub(crate) weather: Weather,
    /// How long a server thinks at most, microseconds.
    pub(crate) thinks_max: u64,
    /// Nothing goes wrong: no request may fail.
    pub(crate) quiet: bool,
    /// The faults, by time; none in a quiet run.
    pub(crate) faults: Vec<(u64, Fault)>,
    /// Servers whose name comes to mean another address, and when. Nobody notices.
    pub(crate) moves: Vec<(u64, usize, usize)>,
    /// When another engine takes the clients over.
    pub(crate) reloads: Vec<u64>,
    /// When the proxy is held up in the middle of a turn, and for how long.
    pub(crate) stalls: Vec<(u64, u64)>,
    /// Some keys are answered with `-LOADING`.
    pub(crate) unwell: bool,
    /// Some keys are answered with what is no answer to the request.
    pub(crate) wrong: bool,
    /// Clients ask for what takes a conn of their own.
    pub(crate) pins: bool,
    /// Clients make servers forget their scripts.
    pub(crate) forgets: bool,
    /// Clients walk through all keys.
    pub(crate) scans: bool,
    /// Clients subscribe, and publish.
    pub(crate) subscribers: bool,
    /// Clients want no answer to some requests.
    pub(crate) mutes: bool,
    /// Clients change their database and the version of the protocol.
    pub(crate) switches: bool,
    /// Servers say what they were not asked for. All that can be promised then is that each
    /// request has one response, of a kind that it may get: a protocol without numbers cannot tell one
    /// from another.
    pub(crate) lies: bool,
    /// Memory may be short for longer than the engine's patience: it closes clients then.
    pub(crate) evicts: bool,
    /// When the proxy begins to stop, though clients have not finished.
    pub(crate) drains_at: Option<u64>,
}

/// Something that goes wrong on the side of the servers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// All conns of a server end in good order.
    Close { pool: usize, server: usize },
    /// All conns of a server are reset.
    Reset { pool: usize, server: usize },
    /// A server says a part of its next answer and closes.
    Half { pool: usize, server: usize },
    /// A server says a part of its next answer, and the rest so long after it.
    Torn { pool: usize, server: usize, wait: u64 },
    /// A server says something that is no answer.
    Garbage { pool: usize, server: usize },
    /// A server says something that answers nothing.
    Unasked { pool: usize, server: usize },
    /// A server does nothing for so long.
    Freeze { pool: usize, server: usize, wait: u64 },
    /// For so long a server cannot be reached, in this way.
    Absent { pool: usize, server: usize, wait: u64, absence: Absence },
    /// A server forgets the scripts it knows: no request fails for it.
    Forget { pool: usize, server: usize },
    /// Memory is short for so long.
    Short { wait: u64 },
}

/// Why there is no conn to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// Nobody listens.
    Refused,
    /// Nobody answers.
    Silent,
    /// Its name is not known.
    Unresolved,
    /// It listens, and refuses the handshake.
    Unfriendly,
}

impl Plan {
    pub(crate) fn draw(random: &mut Random) -> Self {
        let pools: Vec<_> = (0..random.between(1, 3)).map(|_| draw_pool(random)).collect();
        let quiet = random.chance(25);
        let lies = !quiet && random.chance(15);
        let heavy = random.chance(8);
        // What fits decides how many steps a large value takes.
        let capacity = if heavy { 60_000 } else { random.pick(&[300, 4_000, 60_000, 1_000_000]) };
        let value_bytes_max = match capacity {
            300 => 2_000,
            4_000 => 60_000,
            _ => 300_000,
        };
        let evicts = !quiet && random.chance(15);
        let mut faults = if quiet { Vec::new() } else { draw_faults(random, &pools, lies, evicts) };
        if random.chance(50) {
            let forget = |pool| Fault::Forget { pool, server: 0 };
            faults.extend(
                (0..pools.len()).map(|pool| (random.below(50 * MILLISECOND), forget(pool))),
            );
            faults.sort_by_key(|(at, _)| *at);
        }
        let sizes: Vec<usize> = pools.iter().map(|pool| pool.servers.len()).collect();
        let pools = pools.into_iter().map(|mut pool| {
            if quiet {
                pool.connect_timeout = None;
            }
            if quiet {
                let PoolLimits { server_queue_bytes, response_bytes, pinned_connections, .. } =
                    PoolLimits::default();
                let own = pool.limits;
                pool.limits =
                    PoolLimits { server_queue_bytes, response_bytes, pinned_connections, ..own };
            }
            if quiet && pool.timeout.is_some() {
                // Long enough that nobody fails who does nothing wrong.
                pool.timeout = Some(QUIET_TIMEOUT);
            }
            Arc::new(SharedPool::new(pool))
        });
        Self {
            pools: pools.collect(),
            clients: random.between(1, if heavy { 3 } else { 12 }) as u32,
            requests_max: if heavy { 80 } else { random.pick(&[5, 50, 400]) },
            window_max: if heavy { 600 } else { random.pick(&[1, 4, 30, 600]) },
            value_bytes_max,
            heavy,
            weather: Weather {
                latency_max: random.pick(&[0, 50, MILLISECOND]),
                capacity,
                cut_percent: random.pick(&[0, 20, 60]),
                short_percent: random.pick(&[0, 0, 10, 50]),
            },
            thinks_max: random.pick(&[0, 100, 3 * MILLISECOND]),
            quiet,
            faults,
            unwell: !quiet && random.chance(30),
            wrong: !quiet && random.chance(30),
            pins: random.chance(50),
            forgets: random.chance(30),
            scans: random.chance(30),
            subscribers: random.chance(40),
            mutes: random.chance(30),
            switches: random.chance(30),
            lies,
            evicts,
            drains_at: random.chance(15).then(|| random.below(50 * MILLISECOND)),
            reloads: if random.chance(30) { draw_reloads(random) } else { Vec::new() },
            stalls: if random.chance(30) { draw_stalls(random, quiet) } else { Vec::new() },
            moves: if random.chance(40) { draw_moves(random, &sizes) } else { Vec::new() },
        }
    }

    /// Whether the keys of a pool always go to the same server.
    pub(crate) fn is_steady(&self, pool: usize) -> bool {
        let config = &self.pools[pool].config;
        let rehashes = config.ejection.is_some_and(|it| it.on_eject == OnEject::Rehash);
        !rehashes && config.distribution != DistributionKind::Random
    }

    /// How often a request of `pool` may have the timeout: once, again for each time that it may be queued
    /// once more, and once for going elsewhere when its server is found to be gone.
    pub(crate) fn times(&self, pool: usize) -> u32 {
        let config = &self.pools[pool].config;
        1 + u32::from(config.retries.times) + u32::from(rehashes(config))
    }

    /// How much later than without stalls a request may end: it waits while they last, and its server has as
    /// much more time.
    pub(crate) fn stall_allowance(&self) -> u64 {
        self.stalls.iter().map(|(_, lasts)| 2 * lasts).sum()
    }

    /// Whether a client of `pool` may be told that its request failed for this reason.
    pub(crate) fn may_fail(&self, pool: usize, reason: &str) -> bool {
        let config = &self.pools[pool].config;
        // Of a request that went to all servers.
        if let Some((name, rest)) =
            reason.strip_prefix("server '").and_then(|it| it.split_once('\''))
        {
            assert!(config.servers.iter().any(|server| server.name == name), "server {name}?");
            return match rest.strip_prefix(": ") {
                Some(reason) => self.may_fail(pool, reason),
                None => {
                    rest.starts_with(" is ejected, and '")
                        && !self.quiet
                        && config.ejection.is_some()
                }
            };
        }
        let faults = |which: fn(&Fault) -> bool| self.faults.iter().any(|(_, fault)| which(fault));
        let absence = |which| {
            let is = move |fault: &Fault| matches!(fault, Fault::Absent { absence, .. } if *absence == which);
            self.faults.iter().any(|(_, fault)| is(fault))
        };
        match reason {
            "unknown" => faults(|fault| matches!(fault, Fault::Close { .. } | Fault::Half { .. })),
            "Connection reset by peer" => {
                faults(|fault| matches!(fault, Fault::Reset { .. } | Fault::Half { .. }))
            }
            "Connection timed out" => {
                let has_timeout = config.timeout.or(config.connect_timeout).is_some();
                (!self.quiet && has_timeout) || absence(Absence::Silent)
            }
            "Connection refused" => {
                absence(Absence::Refused) || (!self.quiet && config.ejection.is_some())
            }
            "Server is ejected" => {
                let fails = |ejection: Ejection| ejection.on_eject == OnEject::Fail;
                !self.quiet && config.ejection.is_some_and(fails)
            }
            FORBIDDEN_WORDS => !self.quiet && self.subscribers,
            "Host is down" => absence(Absence::Unresolved),
            "WRONGPASS go away" => absence(Absence::Unfriendly),
            "Invalid argument" => {
                self.lies || self.wrong || faults(|fault| matches!(fault, Fault::Garbage { .. }))
            }
            "Server queue is full" => {
                config.limits.server_queue_bytes < PoolLimits::default().server_queue_bytes
            }
            _ if reason.starts_with("the response has more than ") => bounds_responses(config),
            _ if reason.starts_with("memory is short for ") => self.evicts,
            _ if reason.starts_with("the server connection was given up") => {
                self.evicts || bounds_responses(config)
            }
            _ if reason.starts_with("no server connection is left for") => {
                config.limits.pinned_connections < PoolLimits::default().pinned_connections
            }
            _ => false,
        }
    }
}

/// Whether responses in that pool may be too large.
fn bounds_responses(config: &PoolConfig) -> bool {
    config.limits.response_bytes < PoolLimits::default().response_bytes
}

/// Whether an ejected server's keys go to the others.
pub(crate) fn rehashes(config: &PoolConfig) -> bool {
    config.ejection.is_some_and(|ejection| ejection.on_eject == OnEject::Rehash)
}

/// Whether a request may come to be sent elsewhere than it was queued for: in a pool that retries, and,
/// where there is a timeout, when a silent server that it waits for is ejected.
pub(crate) fn may_move(config: &PoolConfig) -> bool {
    config.retries.times > 0 || rehashes(config) && config.timeout.is_some()
}

fn draw_pool(random: &mut Random) -> PoolConfig {
    let protocol = random.pick(&[Protocol::Redis, Protocol::Redis, Protocol::Memcache]);
    let is_redis = protocol == Protocol::Redis;
    let servers = random.between(1, 5);
    let ejection = random.chance(50).then(|| Ejection {
        failure_limit: random.between(0, 3) as u32,
        retry_timeout: Duration::from_millis(random.between(1, 60)),
        on_eject: if random.chance(30) { OnEject::Fail } else { OnEject::Rehash },
    });
    PoolConfig {
        protocol,
        key_bytes_max: 16_000,
        placement: Placement {
            hash: random.pick(&[HashKind::Fnv1a64, HashKind::Md5, HashKind::Crc16]),
            tag: if random.chance(40) { HashTag::from_bytes(b"{}") } else { None },
        },
        distribution: random.pick(&DistributionKind::ALL),
        servers: (0..servers)
            .map(|n| RingServer::new(format!("server{n}"), random.between(1, 3) as u32))
            .collect(),
        retries: random.pick(&[Retries::default(), Retries::NEVER, Retries::of(1), Retries::of(2)]),
        connect_timeout: random.chance(30).then(|| Duration::from_millis(random.between(5, 60))),
        timeout: random.chance(60).then(|| Duration::from_millis(random.between(20, 50))),
        ejection,
        server_connections: random.between(1, 3) as u32,
        password: (is_redis && random.chance(30)).then(|| (*b"s3cret").into()),
        database: if is_redis && random.chance(30) { random.between(1, 15) as u32 } else { 0 },
        allow_flush: random.chance(50),
        meta_commands: true,
        multi_error: random.pick(&[MultiError::Fail, MultiError::Fail, MultiError::Partial]),
        databases: 16,
        commands: None,
        preconnect: random.chance(30),
        limits: PoolLimits {
            client_requests: random.pick(&[256, 256, 1, 4]),
            client_unsent_bytes: random.pick(&[1 << 20, 1 << 20, 1 << 12]),
            server_queue_bytes: random.pick(&[1 << 26, 1 << 26, 1 << 26, 20_000, 2_000]),
            request_bytes: random.pick(&[usize::MAX, usize::MAX, usize::MAX, 50_000, 5_000]),
            response_bytes: random.pick(&[1 << 30, 1 << 30, 1 << 30, 20_000, 2_000]),
            passed_over_bytes: random.pick(&[1 << 28, 1 << 28, 1_000, 0]),
            pinned_connections: random.pick(&[1_000, 1_000, 3, 1]),
            subscriber_unsent_bytes: random.pick(&[1 << 25, 2_000, 10_000]),
        },
    }
}

fn draw_reloads(random: &mut Random) -> Vec<u64> {
    let end = random.pick(&[5, 50, 300]) * MILLISECOND;
    let mut reloads: Vec<u64> = (0..random.between(1, 4)).map(|_| random.below(end)).collect();
    reloads.sort_unstable();
    reloads
}

/// In a quiet run there is one, mostly for longer than the timeout: nobody fails for it all the same.
fn draw_stalls(random: &mut Random, quiet: bool) -> Vec<(u64, u64)> {
    let end = random.pick(&[5, 50, 300]) * MILLISECOND;
    if quiet {
        let timeout = QUIET_TIMEOUT.as_secs();
        return vec![(random.below(end), random.between(timeout / 2, 3 * timeout) * SECOND)];
    }
    let mut stalls: Vec<_> = (0..random.between(1, 5))
        .map(|_| (random.below(end), random.between(1, 150) * MILLISECOND))
        .collect();
    stalls.sort_unstable();
    stalls
}

fn draw_moves(random: &mut Random, sizes: &[usize]) -> Vec<(u64, usize, usize)> {
    let end = random.pick(&[5, 50, 300]) * MILLISECOND;
    let mut moves: Vec<_> = (0..random.between(1, 30))
        .map(|_| {
            let pool = random.below(sizes.len() as u64) as usize;
            (random.below(end), pool, random.below(sizes[pool] as u64) as usize)
        })
        .collect();
    moves.sort_unstable();
    moves
}

fn draw_faults(
    random: &mut Random,
    pools: &[PoolConfig],
    lies: bool,
    evicts: bool,
) -> Vec<(u64, Fault)> {
    let faults_end = random.pick(&[5, 50, 300]) * MILLISECOND;
    let mut kinds: Vec<u64> = (0..12).filter(|_| random.chance(40)).collect();
    kinds.push(random.below(12));
    let mut faults: Vec<(u64, Fault)> = (0..random.between(1, 25))
        .map(|_| {
            let pool = random.below(pools.len() as u64) as usize;
            let server = random.below(pools[pool].servers.len() as u64) as usize;
            let wait = random.between(1, 150) * MILLISECOND;
            let absent = |absence| Fault::Absent { pool, server, wait, absence };
            let fault = match random.pick(&kinds) {
                0 => Fault::Close { pool, server },
                1 => Fault::Reset { pool, server },
                2 => Fault::Half { pool, server },
                3 => Fault::Garbage { pool, server },
                4 | 5 => Fault::Freeze { pool, server, wait },
                6 => absent(Absence::Refused),
                7 => absent(Absence::Silent),
                8 => absent(Absence::Unresolved),
                9 => absent(Absence::Unfriendly),
                10 => Fault::Torn { pool, server, wait },
                _ => Fault::Short { wait },
            };
            (random.below(faults_end), fault)
        })
        .collect();
    if lies {
        faults.extend((0..random.between(1, 5)).map(|_| {
            let pool = random.below(pools.len() as u64) as usize;
            let server = random.below(pools[pool].servers.len() as u64) as usize;
            (random.below(faults_end), Fault::Unasked { pool, server })
        }));
    }
    if evicts {
        let wait = SECOND + random.between(100, 2_000) * MILLISECOND;
        faults.push((random.below(faults_end), Fault::Short { wait }));
    }
    if random.chance(25) {
        faults.extend(flap(random, pools));
    }
    faults.sort_by_key(|(at, _)| *at);
    faults
}

/// A server that is killed and comes back, without its scripts, again and again.
fn flap(random: &mut Random, pools: &[PoolConfig]) -> Vec<(u64, Fault)> {
    let pool = random.below(pools.len() as u64) as usize;
    let server = random.below(pools[pool].servers.len() as u64) as usize;
    let period = random.between(5, 60) * MILLISECOND;
    let wait = random.between(1, period / MILLISECOND) * MILLISECOND;
    let absence = random.pick(&[Absence::Refused, Absence::Refused, Absence::Silent]);
    let mut faults = Vec::new();
    for turn in 0..random.between(3, 12) {
        let at = turn * period;
        faults.push((at, Fault::Reset { pool, server }));
        faults.push((at, Fault::Forget { pool, server }));
        faults.push((at, Fault::Absent { pool, server, wait, absence }));
    }
    faults
}
