//! The rig: the servers that stay for the whole bench, and the targets put in front of them.
//!
//! ```text
//!   core A (and any beyond two)                         core B
//!   load client ──────────────── original or proxy ───── alone
//!        └── direct ── 4 redis-server, 4 memcached
//! ```
//! The proxy under test has a core of its own, so that its CPU time is its own doing; everything
//! else shares the other cores. On two cores the load and the servers limit the rate, and CPU time
//! per request is the figure to compare. With one core nothing is pinned.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::Serialize;

use super::scenario::MemoryScenario;
use super::usage;
use super::workload::{Protocol, Workload};
use crate::failure::{Failure, Result};
use crate::scratch::Scratch;
use crate::servers::{self, Memcached, Proxy, ProxySettings, Redis};
use crate::{interrupt, ports, proc};

/// How many servers of each protocol a pool has.
const SERVERS: usize = 4;

/// What the load is pointed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Target {
    /// The original, which the ratios are against.
    Original,
    /// This project's proxy.
    Proxy,
    /// The first server, which holds every key: what no proxy costs.
    Direct,
}

impl Target {
    /// In the order in which a round visits them.
    pub(crate) const ALL: [Self; 3] = [Self::Original, Self::Proxy, Self::Direct];

    /// What the report calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Proxy => "proxy",
            Self::Direct => "direct",
        }
    }
}

/// A target that is up.
#[derive(Debug)]
pub(crate) struct Front {
    redis_port: u16,
    memcached_port: u16,
    /// `None` in front of [`Target::Direct`].
    proxy: Option<Proxy>,
}

impl Front {
    /// Where clients of `protocol` connect.
    pub(crate) fn port(&self, protocol: Protocol) -> u16 {
        match protocol {
            Protocol::Redis => self.redis_port,
            Protocol::Memcached => self.memcached_port,
        }
    }

    /// The process id of the proxy, if there is one.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.proxy.as_ref().map(Proxy::pid)
    }
}

/// The servers, and what proxies are started with. Fields drop in this order: the folder last.
#[derive(Debug)]
pub(crate) struct Rig {
    redis: Vec<Redis>,
    memcached: Vec<Memcached>,
    original: PathBuf,
    proxy: PathBuf,
    proxy_core: Option<usize>,
    open_files_max: u64,
    scratch: Scratch,
}

impl Rig {
    /// Pins this process away from the proxy's core, raises the limit of open files and starts
    /// the servers. `original` and `proxy` are the binaries.
    ///
    /// # Errors
    /// When a server is not installed or does not come up.
    pub(crate) fn start(original: &Path, proxy: &Path) -> Result<Self> {
        let proxy_core = leave_a_core()?;
        let open_files_max = proc::raise_open_files_limit();
        let scratch = Scratch::new("bench")?;
        let folder = scratch.path();
        let redis = (0..SERVERS).map(|_| Redis::start(folder)).collect::<Result<_>>()?;
        let memcached = (0..SERVERS).map(|_| Memcached::start(folder)).collect::<Result<_>>()?;
        let (original, proxy) = (original.to_owned(), proxy.to_owned());
        Ok(Self { redis, memcached, original, proxy, proxy_core, open_files_max, scratch })
    }

    /// Where files of the bench may go.
    pub(crate) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// The core that only the proxy under test runs on.
    pub(crate) fn proxy_core(&self) -> Option<usize> {
        self.proxy_core
    }

    /// The CPU time that the Redis servers have had.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn servers_cpu_time(&self) -> Result<Duration> {
        self.redis.iter().map(|server| usage::cpu_time(server.pid())).sum()
    }

    /// Why this machine cannot run `scenario`, if it cannot.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn cannot_hold(&self, scenario: &MemoryScenario) -> Result<Option<String>> {
        /// Sockets and files beside those of the clients: servers, listeners, logs.
        const OTHER_FILES: u64 = 100;
        const MIB: u64 = 1024 * 1024;
        let free = usage::memory_available()?;
        if free < scenario.memory_needed {
            let needed = scenario.memory_needed / MIB;
            return Ok(Some(format!("{} MiB are free and {needed} are needed", free / MIB)));
        }
        let (files, max) = (scenario.clients as u64 + OTHER_FILES, self.open_files_max);
        Ok((files > max).then(|| format!("{max} files may be open and {files} are needed")))
    }

    /// Puts `target` in front of the servers: a fresh proxy process, so that its peak of memory
    /// belongs to one scenario.
    ///
    /// # Errors
    /// When the proxy does not come up.
    pub(crate) fn front(&self, target: Target) -> Result<Front> {
        let program = match target {
            Target::Original => &self.original,
            Target::Proxy => &self.proxy,
            Target::Direct => {
                let (redis_port, memcached_port) = (self.redis[0].port(), self.memcached[0].port());
                return Ok(Front { redis_port, memcached_port, proxy: None });
            }
        };
        let (redis_port, memcached_port) = (ports::free()?, ports::free()?);
        let proxy = Proxy::start(&ProxySettings {
            name: target.name(),
            program,
            configuration: &self.configuration(redis_port, memcached_port),
            listens: &[redis_port, memcached_port],
            core: self.proxy_core,
            folder: self.folder(),
        })?;
        Ok(Front { redis_port, memcached_port, proxy: Some(proxy) })
    }

    /// Stores every key that `workload` reads: where the original routes it, so that the proxy
    /// finds it only if it routes alike, and on the first server for [`Target::Direct`].
    ///
    /// # Errors
    /// When a key cannot be stored.
    pub(crate) fn preload(&self, workload: &Workload) -> Result<()> {
        for target in [Target::Original, Target::Direct] {
            let front = self.front(target)?;
            store(front.port(workload.protocol), workload)?;
        }
        Ok(())
    }

    /// One pool a protocol, as most installations have it: one connection a server, a timeout.
    /// The timeout is generous: an answer that comes late is slow here, and not wrong.
    fn configuration(&self, redis_port: u16, memcached_port: u16) -> String {
        let redis = self.redis.iter().map(Redis::port);
        let memcached = self.memcached.iter().map(Memcached::port);
        let mut text = pool("redis", redis_port, true, redis);
        text.push_str(&pool("memcached", memcached_port, false, memcached));
        text
    }
}

fn pool(name: &str, port: u16, is_redis: bool, servers: impl Iterator<Item = u16>) -> String {
    let mut text = format!(
        "{name}:\n  listen: 127.0.0.1:{port}\n  redis: {is_redis}\n  hash: fnv1a_64\n  \
         distribution: ketama\n  backlog: 1024\n  preconnect: true\n  timeout: 30000\n  servers:\n"
    );
    for (index, server) in servers.enumerate() {
        // Named servers: the placement of keys is the same in every run, whatever the ports.
        text.push_str(&format!("   - 127.0.0.1:{server}:1 {name}{index}\n"));
    }
    text
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

/// Moves this process, and so all it starts, to every core it may use but one. Returns that one.
fn leave_a_core() -> Result<Option<usize>> {
    let pinning = || Failure::system("choosing cores");
    let mut cores = sched_getaffinity(None).map_err(std::io::Error::from).map_err(pinning())?;
    let Some(core) = (0..CpuSet::MAX_CPU).filter(|core| cores.is_set(*core)).nth(1) else {
        return Ok(None);
    };
    cores.unset(core);
    sched_setaffinity(None, &cores).map_err(std::io::Error::from).map_err(pinning())?;
    Ok(Some(core))
}
