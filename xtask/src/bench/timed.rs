//! Runs a timed scenario: checks the answers of every target, then visits them round by round.

use std::time::Duration;

use serde::Serialize;

use super::load::{Load, Until};
use super::redis_benchmark::RedisBenchmark;
use super::rig::{Front, Rig, Target};
use super::scenario::Scenario;
use super::spread::Spread;
use super::usage;
use super::workload::Protocol;
use crate::failure::{Failure, Result};

/// What one visit of a target measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Sample {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Median latency, in microseconds; of a pipelined request, that of its batch.
    pub(crate) p50: f64,
    /// The latency that one request in a hundred passes, in microseconds.
    pub(crate) p99: f64,
    /// CPU time of the proxy a request, user and system, in microseconds.
    pub(crate) cpu: Option<f64>,
}

/// A figure of a [`Sample`], for tables and ratios.
pub(crate) type Figure = fn(&Sample) -> Option<f64>;

/// All visits of one target in one scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Visits {
    /// Whom.
    pub(crate) target: Target,
    /// One a round.
    pub(crate) samples: Vec<Sample>,
    /// The most memory the proxy had resident, in bytes.
    pub(crate) resident_peak: Option<u64>,
}

impl Visits {
    /// The spread of `figure` over the rounds, if the target has it.
    pub(crate) fn spread(&self, figure: Figure) -> Option<Spread> {
        Spread::of(self.samples.iter().filter_map(figure))
    }

    /// The spread of the ratios of `figure` to that of `base` in the same round.
    pub(crate) fn ratio(&self, base: &Self, figure: Figure) -> Option<Spread> {
        let pairs = self.samples.iter().zip(&base.samples);
        Spread::of(pairs.filter_map(|(own, base)| Some(figure(own)? / figure(base)?)))
    }
}

/// How long the check of the answers lasts; it also shows how fast a target is.
const CHECK_TIME: Duration = Duration::from_millis(200);

/// Runs `scenario` for `rounds` rounds, with visits of length `visit`.
///
/// Every round goes to each target in turn, so that what else happens on the machine meets all of
/// them, and ratios are taken within a round.
///
/// # Errors
/// A wrong answer of any target, or a failure of the tools.
pub(crate) fn run(
    rig: &Rig,
    benchmark: &RedisBenchmark,
    scenario: &Scenario,
    rounds: usize,
    visit: Duration,
) -> Result<Vec<Visits>> {
    let mut fronts = Vec::new();
    for target in Target::ALL {
        let front = rig.front(target)?;
        let rate = check(&front, scenario)
            .map_err(|failure| failure.during(&format!("{}: {}", scenario.name, target.name())))?;
        let visits = Visits { target, samples: Vec::with_capacity(rounds), resident_peak: None };
        fronts.push((front, rate, visits));
    }
    for _ in 0..rounds {
        for (front, rate, visits) in &mut fronts {
            let sample = measure(benchmark, front, scenario, *rate, visit).map_err(|failure| {
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

/// Proves that answers are right. Returns the requests a second that came of it.
fn check(front: &Front, scenario: &Scenario) -> Result<f64> {
    let outcome = connect(front, scenario)?.run(Until::Time(CHECK_TIME))?;
    Ok(outcome.requests as f64 / outcome.elapsed.as_secs_f64())
}

/// Visits a target for about `visit`, given the `rate` that it showed last.
fn measure(
    benchmark: &RedisBenchmark,
    front: &Front,
    scenario: &Scenario,
    rate: f64,
    visit: Duration,
) -> Result<Sample> {
    let cpu_time = || front.pid().map(usage::cpu_time).transpose();
    let per_request = |before: Option<Duration>, requests: u64| -> Result<Option<f64>> {
        let Some((after, before)) = cpu_time()?.zip(before) else { return Ok(None) };
        let used = after.checked_sub(before).ok_or_else(|| {
            Failure::Wrong("a busy thread of the proxy ended: its CPU time is lost".to_owned())
        })?;
        Ok(Some(used.as_secs_f64() * 1e6 / requests as f64))
    };
    match scenario.workload.protocol {
        Protocol::Redis => {
            // Whole batches of all clients, so that the number asked for is the number made.
            let batch = (scenario.clients * scenario.pipeline) as u64;
            let requests = ((rate * visit.as_secs_f64()) as u64).div_ceil(batch).max(1) * batch;
            let before = cpu_time()?;
            let port = front.port(Protocol::Redis);
            let outcome = benchmark.run(port, scenario, requests)?;
            let cpu = per_request(before, requests)?;
            Ok(Sample { rate: outcome.rate, p50: outcome.p50, p99: outcome.p99, cpu })
        }
        Protocol::Memcached => {
            let mut load = connect(front, scenario)?;
            let before = cpu_time()?;
            let outcome = load.run(Until::Time(visit))?;
            let cpu = per_request(before, outcome.requests)?;
            Ok(Sample {
                rate: outcome.requests as f64 / outcome.elapsed.as_secs_f64(),
                p50: outcome.latency.value_at_quantile(0.50) as f64,
                p99: outcome.latency.value_at_quantile(0.99) as f64,
                cpu,
            })
        }
    }
}

fn connect(front: &Front, scenario: &Scenario) -> Result<Load> {
    let workload = scenario.workload;
    Load::connect(front.port(workload.protocol), workload, scenario.clients, scenario.pipeline)
}
