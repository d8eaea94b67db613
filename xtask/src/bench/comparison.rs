//! Comparisons of a proxy with itself: what a key or a request costs when there is more of
//! something. The two sides are visited in turn, and the ratio is taken within a round.

use std::net::TcpStream;

use super::crowd;
use super::finding::Finding;
use super::front::{Front, Place, Setup};
use super::goal::{Bound, Goal};
use super::load::{Load, Until};
use super::options::Options;
use super::rig::Rig;
use super::scenario::workload;
use super::spread::Spread;
use super::target::{BOTH, Target};
use super::usage::CpuMeter;
use super::workload::{Operation, Protocol, Workload};
use crate::failure::Result;

/// Two loads that should cost about the same for each key or request.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// What the report calls it, and what `--only` looks in.
    pub(crate) name: &'static str,
    /// What the cost is divided by: a request, or a key.
    unit: &'static str,
    /// Whose cost is compared; the verdict is on the proxy.
    targets: &'static [Target],
    /// The everyday case.
    few: Side,
    /// The one with more of something.
    many: Side,
    /// How many times the cost of `few` that of `many` may be.
    ratio_max: f64,
}

/// One side of a comparison.
#[derive(Debug, Clone, Copy)]
struct Side {
    /// What sets it apart.
    label: &'static str,
    workload: Workload,
    /// Clients that make requests, one at a time each.
    clients: usize,
    /// Clients that are connected besides, and silent.
    idle: usize,
    /// Whether the clients speak RESP3 instead of RESP2.
    resp3: bool,
    setup: Setup,
}

const fn redis(operation: Operation) -> Workload {
    workload(Protocol::Redis, operation, 64)
}

const fn side(label: &'static str, clients: usize, operation: Operation) -> Side {
    Side {
        label,
        workload: redis(operation),
        clients,
        idle: 0,
        resp3: false,
        setup: Setup::EVERYDAY,
    }
}

const fn with_servers(side: Side, servers: usize) -> Side {
    Side { setup: Setup { servers, ..Setup::EVERYDAY }, ..side }
}

const fn with_workers(side: Side, workers: usize) -> Side {
    Side { setup: Setup { workers, place: Place::AllCores, ..Setup::EVERYDAY }, ..side }
}

use Operation::{Get, MultiGet};

/// All comparisons, in the order of the report.
#[rustfmt::skip]
pub(crate) const COMPARISONS: &[Comparison] = &[
    Comparison {
        name: "growth: keys of an MGET", unit: "key", targets: BOTH, ratio_max: 1.2,
        few: side("100 keys", 10, MultiGet(100)),
        many: side("10000 keys", 10, MultiGet(10_000)),
    },
    // A client alone pays for every system call itself: nothing but the servers' number differs.
    Comparison {
        name: "growth: servers in a pool, 1 client", unit: "request", targets: BOTH, ratio_max: 1.2,
        few: with_servers(side("4 servers", 1, Get), 4),
        many: with_servers(side("1000 servers", 1, Get), 1_000),
    },
    // Here requests of many clients for one server share its writes, and few do among a thousand.
    Comparison {
        name: "growth: servers in a pool, 50 clients", unit: "request", targets: BOTH, ratio_max: 1.2,
        few: with_servers(side("4 servers", 50, Get), 4),
        many: with_servers(side("1000 servers", 50, Get), 1_000),
    },
    Comparison {
        name: "growth: clients, mostly idle", unit: "request", targets: BOTH, ratio_max: 1.2,
        few: side("50 clients", 50, Get),
        many: Side { idle: 9_950, ..side("10000 clients, 9950 of them idle", 50, Get) },
    },
    // The same requests, and nothing but the connections that they share differs.
    Comparison {
        name: "RESP3: cost of a GET", unit: "request", targets: &[Target::Proxy], ratio_max: 1.05,
        few: side("RESP2", 50, Get),
        many: Side { resp3: true, ..side("RESP3", 50, Get) },
    },
    // Each worker has half the clients, so less comes together that could share a system call.
    Comparison {
        name: "workers: cost of a second one, 50 clients", unit: "request", targets: &[Target::Proxy], ratio_max: 1.1,
        few: with_workers(side("1 worker", 50, Get), 1),
        many: with_workers(side("2 workers", 50, Get), 2),
    },
    // Where there are clients enough for either.
    Comparison {
        name: "workers: cost of a second one, 1000 clients", unit: "request", targets: &[Target::Proxy], ratio_max: 1.1,
        few: with_workers(side("1 worker", 1_000, Get), 1),
        many: with_workers(side("2 workers", 1_000, Get), 2),
    },
];

/// By what the quick form divides clients that are idle: enough to run every line.
const QUICK_DIVISOR: usize = 20;

impl Comparison {
    /// How many connections a process has at once at most: the load those of both sides' clients,
    /// a proxy those of one side's and to its servers.
    pub(crate) fn connections(&self, quick: bool) -> usize {
        let both = [self.few, self.many];
        let clients: usize = both.iter().map(|side| side.clients + side.idle(quick)).sum();
        clients + both.iter().map(|side| side.setup.servers).max().unwrap_or_default()
    }
}

impl Side {
    /// How many clients are silent in this run.
    fn idle(&self, quick: bool) -> usize {
        if quick { self.idle / QUICK_DIVISOR } else { self.idle }
    }
}

/// Runs `comparison` for the rounds that `options` asks for, with visits half as long: both sides
/// together take the time of one.
///
/// # Errors
/// A wrong answer, or a failure of the tools.
pub(crate) fn run(rig: &mut Rig, comparison: &Comparison, options: &Options) -> Result<Finding> {
    let Comparison { name, unit, targets, ratio_max, .. } = comparison;
    let column = format!("CPU us a {unit}");
    let mut finding = Finding::new(name, &[&column, "ratio", "least", "most"]);
    for target in *targets {
        let (few, many) = sides(rig, *target, comparison, options)
            .map_err(|failure| failure.during(&format!("{name}: {}", target.name())))?;
        let ratios = Spread::of(few.iter().zip(&many).map(|(few, many)| many / few));
        let label = |side: &Side| format!("{}, {}", target.name(), side.label);
        let median = |costs: &[f64]| Spread::of(costs.iter().copied()).map(|cost| cost.median);
        finding.add(label(&comparison.few), vec![median(&few), None, None, None]);
        let figures = vec![
            median(&many),
            ratios.map(|ratios| ratios.median),
            ratios.map(|ratios| ratios.least),
            ratios.map(|ratios| ratios.most),
        ];
        finding.add(label(&comparison.many), figures);
        if *target == Target::Proxy && !options.quick {
            let figure =
                format!("CPU a {unit}, {} to {}", comparison.many.label, comparison.few.label);
            let found = ratios.map(|ratios| ratios.median);
            finding.goals.push(Goal::new(figure, Bound::AtMost(*ratio_max), found));
        }
    }
    Ok(finding)
}

/// What a unit costs `target` on both sides, round by round.
fn sides(
    rig: &mut Rig,
    target: Target,
    comparison: &Comparison,
    options: &Options,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let mut few = Running::start(rig, target, comparison.few, options)?;
    let mut many = Running::start(rig, target, comparison.many, options)?;
    let mut costs = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        costs.0.push(few.visit(Until::Time(options.visit / 2))?);
        costs.1.push(many.visit(Until::Time(options.visit / 2))?);
    }
    Ok(costs)
}

/// A side that is up, its clients connected. They go before the front does.
struct Running {
    load: Load,
    _idle: Vec<TcpStream>,
    front: Front,
    units_per_request: u64,
}

impl Running {
    fn start(rig: &mut Rig, target: Target, side: Side, options: &Options) -> Result<Self> {
        rig.prepare(&side.workload, side.setup.servers)?;
        let front = rig.front(target, side.setup)?;
        let port = front.port(side.workload.protocol);
        let idle = crowd::connect(port, redis(Get), side.idle(options.quick))?;
        let connect = if side.resp3 { Load::connect_resp3 } else { Load::connect };
        let load = connect(port, side.workload, side.clients, 1)?;
        let units_per_request = match side.workload.operation {
            MultiGet(keys) => keys as u64,
            _ => 1,
        };
        let mut running = Self { load, _idle: idle, front, units_per_request };
        // What is done once, such as connecting to a thousand servers, is not measured.
        running.visit(Until::Time(options.visit / 5))?;
        Ok(running)
    }

    /// Runs the load, whose answers are checked. Returns the microseconds of CPU time a unit.
    fn visit(&mut self, until: Until) -> Result<f64> {
        let meter = CpuMeter::start(self.front.pid())?;
        let requests = self.load.run(until)?.requests;
        let cost = meter.micros_each(requests * self.units_per_request)?;
        Ok(cost.expect("both targets of a comparison are processes of their own"))
    }
}
