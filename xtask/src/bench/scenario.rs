//! The timed scenarios: what is asked, by whom, how deep, and the figures to reach.
//!
//! A scenario is a row. Adding one is adding a row: the load tools read all they need from it. What
//! is more than a load over time has a table of its own, beside the code that runs it:
//! `comparison.rs`, `large.rs`, `dealing.rs`, `memory.rs`, `idle.rs`.

use super::target::Target;
use super::workload::{Operation, Protocol, Workload};

/// A load that is run for a while in every round, and timed.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// What the report calls it, and what `--only` looks in.
    pub(crate) name: &'static str,
    /// Who makes the load.
    pub(crate) tool: Tool,
    /// How many connections are open and busy at once.
    pub(crate) clients: usize,
    /// How many of all clients' batches are due a second, at random moments; `None` for as soon as a response is there.
    pub(crate) rate: Option<u32>,
    /// How many requests a client sends before it waits for their responses.
    pub(crate) pipeline: usize,
    /// What each request asks.
    pub(crate) workload: Workload,
    /// The ratios of CPU time per request to other targets' that must not be passed.
    pub(crate) cpu_ratios_max: &'static [(Target, f64)],
}

/// A program that makes load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Debian's `redis-benchmark`.
    RedisBenchmark,
    /// Debian's `memcaslap`. It tells no percentiles, so it is the second opinion on `Ours`.
    Memaslap,
    /// The client in `load.rs`: memcached with percentiles, pipelines and many keys, and so many requests a second.
    Ours,
}

impl Tool {
    /// What the report calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RedisBenchmark => "redis-benchmark",
            Self::Memaslap => "memcaslap",
            Self::Ours => "own",
        }
    }

    /// Whether it tells the latency that one request in a hundred passes.
    pub(crate) fn tells_percentiles(self) -> bool {
        self != Self::Memaslap
    }
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

use Operation::{Get, MultiGet, MultiSet, Set};
use Protocol::{Memcached, Redis};
use Target::{Haproxy, Original, Predixy};
use Tool::{Memaslap, Ours, RedisBenchmark};

/// A workload on as many keys as suit the size of the values: enough that no server and no key is
/// favoured, few enough to be stored fast.
pub(crate) const fn workload(
    protocol: Protocol,
    operation: Operation,
    value_bytes: usize,
) -> Workload {
    let keys = if value_bytes <= KIB {
        10_000
    } else if value_bytes <= 16 * KIB {
        1_000
    } else if value_bytes <= 100_000 {
        100
    } else {
        16
    };
    Workload { protocol, operation, value_bytes, keys }
}

const fn row(
    name: &'static str,
    tool: Tool,
    clients: usize,
    pipeline: usize,
    workload: Workload,
    cpu_ratios_max: &'static [(Target, f64)],
) -> Scenario {
    Scenario { name, tool, clients, rate: None, pipeline, workload, cpu_ratios_max }
}

/// The same with so many batches a second.
const fn paced(rate: u32, row: Scenario) -> Scenario {
    Scenario { rate: Some(rate), ..row }
}

/// The timed scenarios, in the order of the report.
#[rustfmt::skip]
pub(crate) const SCENARIOS: &[Scenario] = &[
    //   name                               load tool    clients pipeline    protocol   command        size        CPU a request, to that of
    row("redis GET 64 B, 50 clients",       RedisBenchmark,    50,   1, workload(Redis,     Get,           64),       &[(Original, 0.85), (Predixy, 0.90)]),
    row("redis SET 64 B, 50 clients",       RedisBenchmark,    50,   1, workload(Redis,     Set,           64),       &[(Original, 0.85), (Predixy, 0.90)]),
    row("redis GET 64 B, 1000 clients",     RedisBenchmark, 1_000,   1, workload(Redis,     Get,           64),       &[(Original, 0.90), (Predixy, 0.90)]),
    row("redis GET 64 B, 1 client",         RedisBenchmark,     1,   1, workload(Redis,     Get,           64),       &[(Original, 0.90), (Predixy, 0.90)]),
    row("redis GET 64 B, pipeline 16",      RedisBenchmark,    50,  16, workload(Redis,     Get,           64),       &[(Original, 0.40), (Predixy, 0.70), (Haproxy, 1.30)]),
    row("redis SET 64 B, pipeline 16",      RedisBenchmark,    50,  16, workload(Redis,     Set,           64),       &[(Original, 0.50), (Predixy, 0.65)]),
    row("redis GET 64 B, pipeline 100",     RedisBenchmark,    50, 100, workload(Redis,     Get,           64),       &[(Original, 0.10), (Predixy, 0.30), (Haproxy, 1.30)]),
    row("redis MGET 100 keys",              RedisBenchmark,    50,   1, workload(Redis,     MultiGet(100), 64),       &[(Original, 0.35), (Predixy, 0.25)]),
    row("redis MSET 100 keys, 4 servers",   RedisBenchmark,    50,   1, workload(Redis,     MultiSet(100), 64),       &[(Original, 0.40), (Predixy, 0.30)]),
    row("redis GET 16 KiB, 50 clients",     RedisBenchmark,    50,   1, workload(Redis,     Get,           16 * KIB), &[(Original, 0.95), (Predixy, 0.85)]),
    row("redis SET 16 KiB, 50 clients",     RedisBenchmark,    50,   1, workload(Redis,     Set,           16 * KIB), &[(Original, 0.95), (Predixy, 0.85)]),
    row("redis GET 1 MiB, 10 clients",      RedisBenchmark,    10,   1, workload(Redis,     Get,           MIB),      &[(Original, 1.00), (Predixy, 0.70)]),
    row("redis SET 1 MiB, 10 clients",      RedisBenchmark,    10,   1, workload(Redis,     Set,           MIB),      &[(Original, 1.00), (Predixy, 0.70)]),
    paced(30_000, row("redis GET 64 B, 30000/s",   Ours,       50,   1, workload(Redis,     Get,           64),       &[(Original, 0.90)])),
    paced(6_000,  row("redis GET 64 B, pipeline 16, 6000/s", Ours, 50, 16, workload(Redis, Get,           64),       &[(Original, 0.80)])),
    paced(5_000,  row("redis MGET 100 keys, 5000/s", Ours,     50,   1, workload(Redis,     MultiGet(100), 64),       &[(Original, 0.80)])),
    row("memcached get 64 B, 50 clients",   Ours,              50,   1, workload(Memcached, Get,           64),       &[(Original, 0.85)]),
    row("memcached set 64 B, 50 clients",   Ours,              50,   1, workload(Memcached, Set,           64),       &[(Original, 0.85)]),
    row("memcached get 64 B, memcaslap",    Memaslap,          50,   1, workload(Memcached, Get,           64),       &[(Original, 0.85)]),
    row("memcached set 64 B, memcaslap",    Memaslap,          50,   1, workload(Memcached, Set,           64),       &[(Original, 0.85)]),
    row("memcached get 64 B, pipeline 16",  Ours,              50,  16, workload(Memcached, Get,           64),       &[(Original, 0.40)]),
    row("memcached get 100 keys",           Ours,              50,   1, workload(Memcached, MultiGet(100), 64),       &[(Original, 0.35)]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_given_what_they_can_do() {
        for Scenario { name, tool, workload, pipeline, rate, .. } in SCENARIOS {
            let fits = match tool {
                RedisBenchmark => workload.protocol == Redis,
                Memaslap => workload.protocol == Memcached && *pipeline == 1,
                Ours => true,
            };
            assert!(fits && (rate.is_none() || *tool == Ours), "{name}: not for {}", tool.name());
        }
    }
}
