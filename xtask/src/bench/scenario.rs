//! The scenarios: what is asked, by how many clients, how deep, and the figure to reach.
//!
//! A scenario is a row. Adding one is adding a row; the engines that run it (`redis_benchmark.rs`,
//! `load.rs`, `memory.rs`) read all they need from it.

use std::time::Duration;

use super::workload::{Operation, Protocol, Workload};

/// A load that is run for a while in every round, and timed.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// What the report calls it, and what `--only` looks in.
    pub(crate) name: &'static str,
    /// What each request asks.
    pub(crate) workload: Workload,
    /// How many connections are open and busy at once.
    pub(crate) clients: usize,
    /// How many requests a client sends before it waits for their responses.
    pub(crate) pipeline: usize,
    /// The ratio of CPU time per request to the original's that must not be passed.
    pub(crate) cpu_ratio_max: Option<f64>,
}

/// A situation that is set up once, and whose memory is weighed.
#[derive(Debug)]
pub(crate) struct MemoryScenario {
    /// What the report calls it, and what `--only` looks in.
    pub(crate) name: &'static str,
    /// What each request asks.
    pub(crate) workload: Workload,
    /// How many clients there are.
    pub(crate) clients: usize,
    /// What they do.
    pub(crate) habit: Habit,
    /// The bytes of resident memory per client that must not be passed.
    pub(crate) bytes_per_client_max: Option<f64>,
    /// What the original needs at most, in bytes: the scenario is left out where less is free.
    pub(crate) memory_needed: u64,
}

/// What the clients of a [`MemoryScenario`] do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Habit {
    /// Each makes one request, reads the response and stays connected. One after the other: what
    /// is weighed is a client at rest, and all at once would also weigh the crowd's requests.
    OneRequestThenIdle,
    /// Each sends this many requests and reads nothing.
    NeverRead(usize),
    /// Each sends this many requests at once and reads every response.
    PipelineAndRead(usize),
}

/// How long a proxy may take to give memory back after its clients left.
pub(crate) const SETTLE_TIME: Duration = Duration::from_secs(5);

/// Keys for small values: enough that no server and no key is favoured, few enough to preload fast.
const SMALL: u32 = 10_000;
/// Keys for values of 1 KiB to 100 KB.
const MEDIUM: u32 = 1_000;
/// Keys for values of 1 MiB.
const LARGE: u32 = 16;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

use Operation::{Get, MultiGet, MultiSet, Set};
use Protocol::{Memcached, Redis};

const fn workload(
    protocol: Protocol,
    operation: Operation,
    value_bytes: usize,
    keys: u32,
) -> Workload {
    Workload { protocol, operation, value_bytes, keys }
}

const fn row(
    name: &'static str,
    workload: Workload,
    clients: usize,
    pipeline: usize,
    cpu_ratio_max: Option<f64>,
) -> Scenario {
    Scenario { name, workload, clients, pipeline, cpu_ratio_max }
}

/// The timed scenarios, in the order of the report.
#[rustfmt::skip]
pub(crate) const SCENARIOS: &[Scenario] = &[
    //   name                                        protocol   operation      bytes     keys     clients pipeline CPU ratio
    row("redis GET 64 B, 50 clients",       workload(Redis,     Get,           64,       SMALL),      50,   1, Some(0.90)),
    row("redis SET 64 B, 50 clients",       workload(Redis,     Set,           64,       SMALL),      50,   1, None),
    row("redis GET 64 B, 1000 clients",     workload(Redis,     Get,           64,       SMALL),   1_000,   1, None),
    row("redis GET 64 B, 1 client",         workload(Redis,     Get,           64,       SMALL),       1,   1, None),
    row("redis GET 64 B, pipeline 16",      workload(Redis,     Get,           64,       SMALL),      50,  16, Some(0.50)),
    row("redis SET 64 B, pipeline 16",      workload(Redis,     Set,           64,       SMALL),      50,  16, None),
    row("redis GET 64 B, pipeline 100",     workload(Redis,     Get,           64,       SMALL),      50, 100, Some(0.15)),
    row("redis MGET 100 keys",              workload(Redis,     MultiGet(100), 64,       SMALL),      50,   1, Some(0.50)),
    row("redis MSET 100 keys",              workload(Redis,     MultiSet(100), 64,       SMALL),      50,   1, None),
    row("redis GET 16 KiB, 50 clients",     workload(Redis,     Get,           16 * KIB, MEDIUM),     50,   1, None),
    row("redis SET 16 KiB, 50 clients",     workload(Redis,     Set,           16 * KIB, MEDIUM),     50,   1, None),
    row("redis GET 1 MiB, 10 clients",      workload(Redis,     Get,           MIB,      LARGE),      10,   1, None),
    row("redis SET 1 MiB, 10 clients",      workload(Redis,     Set,           MIB,      LARGE),      10,   1, None),
    row("memcached get 64 B, 50 clients",   workload(Memcached, Get,           64,       SMALL),      50,   1, None),
    row("memcached set 64 B, 50 clients",   workload(Memcached, Set,           64,       SMALL),      50,   1, None),
    row("memcached get 64 B, pipeline 16",  workload(Memcached, Get,           64,       SMALL),      50,  16, None),
    row("memcached get 100 keys",           workload(Memcached, MultiGet(100), 64,       SMALL),      50,   1, None),
];

/// The weighed scenarios, in the order of the report.
pub(crate) const MEMORY_SCENARIOS: &[MemoryScenario] = &[
    MemoryScenario {
        name: "memory: 10000 idle clients",
        workload: workload(Redis, Get, 64, SMALL),
        clients: 10_000,
        habit: Habit::OneRequestThenIdle,
        bytes_per_client_max: Some(400.0),
        memory_needed: 256 * MIB as u64,
    },
    MemoryScenario {
        name: "memory: 1 client asks for 20000 x 100 KB and never reads",
        workload: workload(Redis, Get, 100_000, 100),
        clients: 1,
        habit: Habit::NeverRead(20_000),
        bytes_per_client_max: None,
        memory_needed: 4 * 1024 * MIB as u64,
    },
    MemoryScenario {
        name: "memory: 200 clients, pipelines of 1000 x 1 KB, all read",
        workload: workload(Redis, Get, 1_000, MEDIUM),
        clients: 200,
        habit: Habit::PipelineAndRead(1_000),
        bytes_per_client_max: None,
        memory_needed: 6 * 1024 * MIB as u64,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_scenario_has_a_name_of_its_own() {
        let timed = SCENARIOS.iter().map(|scenario| scenario.name);
        let weighed = MEMORY_SCENARIOS.iter().map(|scenario| scenario.name);
        let mut seen = BTreeSet::new();
        for name in timed.chain(weighed) {
            assert!(seen.insert(name), "two scenarios are called {name}");
        }
    }
}
