//! Runs a timed scenario: checks the answers of every target, then visits them round by round.

use std::time::Duration;

use super::front::{Front, Setup};
use super::load::{Load, Outcome, Until};
use super::memaslap::Memaslap;
use super::redis_benchmark::RedisBenchmark;
use super::rig::Rig;
use super::samples::{Sample, Visits};
use super::scenario::{Scenario, Tool};
use super::target::Target;
use super::usage::{self, CpuMeter};
use crate::failure::Result;

/// The load tools that others wrote, found.
#[derive(Debug)]
pub(crate) struct Tools {
    redis_benchmark: RedisBenchmark,
    memaslap: Memaslap,
}

impl Tools {
    /// Finds them; their files go to the folder of `rig`.
    ///
    /// # Errors
    /// [`crate::failure::Failure::MissingProgram`].
    pub(crate) fn find(rig: &Rig) -> Result<Self> {
        let redis_benchmark = RedisBenchmark::find(rig.folder())?;
        Ok(Self { redis_benchmark, memaslap: Memaslap::find(rig.folder())? })
    }
}

/// How long the check of the answers lasts; it also shows how fast a target is.
const CHECK_TIME: Duration = Duration::from_millis(200);

/// Runs `scenario` for `rounds` rounds, with visits of length `visit`, on all of its targets that
/// `rig` has.
///
/// Every round goes to each target in turn, so that what else happens on the machine meets all of
/// them, and ratios are taken within a round.
///
/// # Errors
/// A wrong answer of any target, or a failure of the tools.
pub(crate) fn run(
    rig: &mut Rig,
    tools: &Tools,
    scenario: &Scenario,
    rounds: usize,
    visit: Duration,
) -> Result<Vec<Visits>> {
    rig.prepare(&scenario.workload, Setup::EVERYDAY.servers)?;
    let mut fronts = Vec::new();
    for target in Target::speaking(scenario.workload.protocol) {
        if !rig.has(target) {
            continue;
        }
        let front = rig.front(target, Setup::EVERYDAY)?;
        let rate = check(&front, scenario, visit.min(CHECK_TIME))
            .map_err(|failure| failure.during(&format!("{}: {}", scenario.name, target.name())))?;
        let visits = Visits { target, samples: Vec::with_capacity(rounds), resident_peak: None };
        fronts.push((front, rate, visits));
    }
    for _ in 0..rounds {
        for (front, rate, visits) in &mut fronts {
            let sample = measure(tools, front, scenario, *rate, visit).map_err(|failure| {
                failure.during(&format!("{}: {}", scenario.name, visits.target.name()))
            })?;
            *rate = sample.rate;
            visits.samples.push(sample);
        }
    }
    fronts
        .into_iter()
        .map(|(front, _, mut visits)| {
            visits.resident_peak = front.pid().map(usage::resident_peak).transpose()?;
            Ok(visits)
        })
        .collect()
}

/// Proves for `time` that answers are right. Returns the requests a second that came of it.
fn check(front: &Front, scenario: &Scenario, time: Duration) -> Result<f64> {
    Ok(rate(&connect(front, scenario)?.run(Until::Time(time))?))
}

/// Visits a target for about `visit`, given the `rate` that it showed last.
fn measure(
    tools: &Tools,
    front: &Front,
    scenario: &Scenario,
    last_rate: f64,
    visit: Duration,
) -> Result<Sample> {
    let port = front.port(scenario.workload.protocol);
    let wanted = (last_rate * visit.as_secs_f64()) as u64;
    match scenario.tool {
        Tool::RedisBenchmark => {
            // Whole batches of all clients, so that the number asked for is the number made.
            let batch = (scenario.clients * scenario.pipeline) as u64;
            let requests = wanted.div_ceil(batch).max(1) * batch;
            let meter = CpuMeter::start(front.pid())?;
            let outcome = tools.redis_benchmark.run(port, scenario, requests)?;
            let cpu = meter.micros_each(requests)?;
            let (p50, p99) = (Some(outcome.p50), Some(outcome.p99));
            Ok(Sample { rate: outcome.rate, p50, p99, cpu })
        }
        Tool::Memaslap => {
            let meter = CpuMeter::start(front.pid())?;
            let outcome = tools.memaslap.run(port, scenario, wanted)?;
            let cpu = meter.micros_each(outcome.requests)?;
            Ok(Sample { rate: outcome.rate, p50: None, p99: None, cpu })
        }
        Tool::Ours => {
            let mut load = connect(front, scenario)?;
            let meter = CpuMeter::start(front.pid())?;
            let outcome = match scenario.rate {
                None => load.run(Until::Time(visit))?,
                Some(rate) => load.run_at(rate, visit)?,
            };
            let cpu = meter.micros_each(outcome.requests)?;
            let latency = |share| Some(outcome.latency.value_at_quantile(share) as f64);
            Ok(Sample { rate: rate(&outcome), p50: latency(0.50), p99: latency(0.99), cpu })
        }
    }
}

fn rate(outcome: &Outcome) -> f64 {
    outcome.requests as f64 / outcome.elapsed.as_secs_f64()
}

fn connect(front: &Front, scenario: &Scenario) -> Result<Load> {
    let workload = scenario.workload;
    Load::connect(front.port(workload.protocol), workload, scenario.clients, scenario.pipeline)
}
