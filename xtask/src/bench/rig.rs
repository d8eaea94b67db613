//! The rig: the servers that stay for the whole bench, and the targets put in front of them.
//!
//! ```text
//!   core A (and any beyond two)                         core B
//!   load client ──────────────── proxy of any kind ───── alone
//!        └── direct ── 4 redis-server, 4 memcached
//! ```
//! The proxy under test has a core of its own, so that its CPU time is its own doing; everything
//! else shares the other cores. On two cores the load and the servers limit the rate, and CPU time
//! per request is the figure to compare. With one core nothing is pinned.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::configuration;
use super::front::{Front, Place, Running, Setup};
use super::options::Binaries;
use super::target::Target;
use super::usage;
use super::workload::{Operation, Protocol, Workload};
use crate::failure::{Failure, Result};
use crate::proc::{Launch, Proc};
use crate::scratch::Scratch;
use crate::servers::{self, Memcached, Proxy, ProxySettings, Redis};
use crate::{interrupt, ports, proc};

/// How many servers of each protocol there are.
const SERVERS: usize = 4;

/// The most clients that HAProxy is told to hold: above those of any timed scenario.
const FORWARDED_CLIENTS_MAX: usize = 4_000;

/// The servers, and what proxies are started with. Fields drop in this order: the folder last.
#[derive(Debug)]
pub(crate) struct Rig {
    redis: Vec<Redis>,
    memcached: Vec<Memcached>,
    binaries: Binaries,
    cores: Cores,
    open_files_max: u64,
    /// How many fronts have been started, for files of their own.
    started: usize,
    /// What has been stored, for which number of servers in the pool.
    stored: Vec<(Workload, usize)>,
    scratch: Scratch,
}

/// What the machine has, and what is left to the proxy under test.
#[derive(Debug)]
struct Cores {
    all: Vec<usize>,
    /// The one that nothing else here runs on.
    proxy: Option<usize>,
}

impl Rig {
    /// Pins this process away from the proxy's core, raises the limit of open files and starts
    /// the servers.
    ///
    /// # Errors
    /// When a server is not installed or does not come up.
    pub(crate) fn start(binaries: &Binaries) -> Result<Self> {
        let cores = leave_a_core()?;
        let open_files_max = proc::raise_open_files_limit();
        let scratch = Scratch::new("bench")?;
        let folder = scratch.path();
        let redis = (0..SERVERS).map(|_| Redis::start(folder)).collect::<Result<_>>()?;
        let memcached = (0..SERVERS).map(|_| Memcached::start(folder)).collect::<Result<_>>()?;
        let (binaries, started, stored) = (binaries.clone(), 0, Vec::new());
        Ok(Self { redis, memcached, binaries, cores, open_files_max, started, stored, scratch })
    }

    /// Where files of the bench may go.
    pub(crate) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// The core that only the proxy under test runs on.
    pub(crate) fn proxy_core(&self) -> Option<usize> {
        self.cores.proxy
    }

    /// Whether `target` can be put in front.
    pub(crate) fn has(&self, target: Target) -> bool {
        match target {
            Target::Before => self.binaries.before.is_some(),
            Target::Predixy => self.binaries.predixy.is_some(),
            _ => true,
        }
    }

    /// The CPU time that the Redis servers have had.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn servers_cpu_time(&self) -> Result<Duration> {
        self.redis.iter().map(|server| usage::cpu_time(server.pid())).sum()
    }

    /// Why this machine cannot run a scenario of so many `connections`, with a target that needs up
    /// to `memory_needed` bytes, if it cannot.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn cannot_hold(
        &self,
        connections: usize,
        memory_needed: u64,
    ) -> Result<Option<String>> {
        /// Sockets and files beside those: listeners, pollers, logs.
        const OTHER_FILES: u64 = 100;
        const MIB: u64 = 1024 * 1024;
        let free = usage::memory_available()?;
        if free < memory_needed {
            let needed = memory_needed / MIB;
            return Ok(Some(format!("{} MiB are free and {needed} are needed", free / MIB)));
        }
        let (files, max) = (connections as u64 + OTHER_FILES, self.open_files_max);
        Ok((files > max).then(|| format!("{max} files may be open and {files} are needed")))
    }

    /// Puts `target` in front of the servers and waits until it is up: a fresh process, so that
    /// its peak of memory belongs to one scenario.
    ///
    /// # Errors
    /// When it does not come up, or is none that [`Self::has`].
    pub(crate) fn front(&mut self, target: Target, setup: Setup) -> Result<Front> {
        let mut front = self.launch(target, setup)?;
        let listens: Vec<u16> =
            target.protocols().iter().map(|protocol| front.port(*protocol)).collect();
        if let Some(process) = front.process() {
            servers::await_listens(process, &listens)?;
        }
        Ok(front)
    }

    /// Starts `target` and waits for nothing.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn launch(&mut self, target: Target, setup: Setup) -> Result<Front> {
        let first = (self.redis[0].port(), self.memcached[0].port());
        let (redis_port, memcached_port) = (ports::free()?, ports::free()?);
        let pools = self.pools(redis_port, memcached_port, setup);
        let running = match target {
            Target::Direct => return Ok(Front::new(first.0, first.1, Running::Nothing)),
            Target::Original => {
                let program = self.binaries.original.clone();
                Running::Proxy(self.start_proxy(target, &program, &pools, setup)?)
            }
            Target::Proxy => {
                let program = self.binaries.proxy.clone();
                let text = configuration::workers(setup.workers) + &pools;
                Running::Proxy(self.start_proxy(target, &program, &text, setup)?)
            }
            Target::Before => {
                let program = self.binaries.before.clone().ok_or_else(|| {
                    Failure::Wrong("no earlier build is named; --before does".to_owned())
                })?;
                let text = configuration::workers(setup.workers) + &pools;
                Running::Proxy(self.start_proxy(target, &program, &text, setup)?)
            }
            Target::Haproxy => {
                let program = self.binaries.haproxy.clone();
                let pairs = [(redis_port, first.0), (memcached_port, first.1)];
                let text = configuration::haproxy(&pairs, FORWARDED_CLIENTS_MAX);
                // In the foreground, and silent.
                let flags = ["-db", "-q", "-f"];
                Running::Other(self.start_other(target, &program, &flags, &text, setup)?)
            }
            Target::Predixy => {
                let program = self.binaries.predixy.clone().ok_or_else(|| {
                    Failure::Wrong("predixy's binary is not named; PREDIXY=path does".to_owned())
                })?;
                let servers = self.redis.iter().map(Redis::port);
                let text = configuration::predixy(redis_port, servers);
                Running::Other(self.start_other(target, &program, &[], &text, setup)?)
            }
        };
        Ok(Front::new(redis_port, memcached_port, running))
    }

    /// Stores every key that `workload` reads, once: where the original routes it with so many
    /// `servers` in the pool, so that the proxy finds it only if it routes alike; where predixy
    /// routes it; and on the first server for [`Target::Direct`] and HAProxy. A workload that only
    /// writes needs nothing.
    ///
    /// # Errors
    /// When a key cannot be stored.
    pub(crate) fn prepare(&mut self, workload: &Workload, servers: usize) -> Result<()> {
        // Reading one key or many needs the same keys.
        let keys = Workload { operation: Operation::Get, ..*workload };
        if !workload.is_reading() || self.stored.contains(&(keys, servers)) {
            return Ok(());
        }
        let mut targets = vec![Target::Original, Target::Direct];
        if workload.protocol == Protocol::Redis && self.has(Target::Predixy) {
            targets.push(Target::Predixy);
        }
        for target in targets {
            let front = self.front(target, Setup { servers, ..Setup::EVERYDAY })?;
            store(front.port(workload.protocol), workload)?;
        }
        self.stored.push((keys, servers));
        Ok(())
    }

    /// One pool a protocol, as most installations have it. Only the Redis pool has the servers of
    /// `setup`; the memcached one has those there are.
    fn pools(&self, redis_port: u16, memcached_port: u16, setup: Setup) -> String {
        let redis = self.redis.iter().map(Redis::port).cycle().take(setup.servers);
        let memcached = self.memcached.iter().map(Memcached::port);
        let mut text = configuration::pool("redis", redis_port, true, redis);
        text.push_str(&configuration::pool("memcached", memcached_port, false, memcached));
        text
    }

    /// The cores that `place` stands for.
    fn cores(&self, place: Place) -> Vec<usize> {
        match place {
            Place::OwnCore => self.cores.proxy.into_iter().collect(),
            Place::AllCores => self.cores.all.clone(),
        }
    }

    /// The name of the next front of `target`, which its files have as well.
    fn next_name(&mut self, target: Target) -> String {
        self.started += 1;
        format!("{}-{}", target.name(), self.started)
    }

    fn start_proxy(
        &mut self,
        target: Target,
        program: &Path,
        configuration: &str,
        setup: Setup,
    ) -> Result<Proxy> {
        let (name, cores) = (self.next_name(target), self.cores(setup.place));
        let folder = self.scratch.path();
        let settings =
            ProxySettings { name: &name, program, configuration, cores: &cores, folder, more: &[] };
        Proxy::launch(&settings)
    }

    /// Starts a program whose last argument is its configuration file, after `flags`.
    fn start_other(
        &mut self,
        target: Target,
        program: &Path,
        flags: &[&str],
        configuration: &str,
        setup: Setup,
    ) -> Result<Proc> {
        let (name, cores) = (self.next_name(target), self.cores(setup.place));
        let folder = self.scratch.path();
        let file = folder.join(format!("{name}.conf"));
        fs::write(&file, configuration)
            .map_err(Failure::system(format!("writing {}", file.display())))?;
        let mut arguments: Vec<PathBuf> = flags.iter().map(PathBuf::from).collect();
        arguments.push(file);
        let launch = Launch { name: &name, program, folder, cores: &cores, input: None };
        Proc::start(launch, &arguments)
    }
}

/// Stores the keys of `workload` by way of `port`, a bounded piece at a time.
fn store(port: u16, workload: &Workload) -> Result<()> {
    const PIECE_BYTES: usize = 256 * 1024;
    let piece = (PIECE_BYTES / workload.value_bytes).max(1) as u32;
    let mut stream = servers::connect(port).map_err(Failure::system("connecting to preload"))?;
    let (mut request, mut due) = (Vec::new(), Vec::new());
    for first in (0..workload.keys).step_by(piece as usize) {
        interrupt::check()?;
        request.clear();
        due.clear();
        let numbers = first..workload.keys.min(first + piece);
        workload.write_preload(numbers, &mut request, &mut due);
        let mut response = vec![0; due.len()];
        stream
            .write_all(&request)
            .and_then(|()| stream.read_exact(&mut response))
            .map_err(Failure::system(format!("storing keys by way of port {port}")))?;
        if response != due {
            let found = response.escape_ascii();
            return Err(Failure::Wrong(format!("keys could not be stored: {found}")));
        }
    }
    Ok(())
}

/// Moves this process, and so all it starts, to every core it may use but one, the proxy's.
fn leave_a_core() -> Result<Cores> {
    let pinning = || Failure::system("choosing cores");
    let mut set = sched_getaffinity(None).map_err(std::io::Error::from).map_err(pinning())?;
    let all: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect();
    let proxy = all.get(1).copied();
    if let Some(core) = proxy {
        set.unset(core);
        sched_setaffinity(None, &set).map_err(std::io::Error::from).map_err(pinning())?;
    }
    Ok(Cores { all, proxy })
}
