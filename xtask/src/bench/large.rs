//! Large values: does a value of 64 MiB pass in time linear in its size, and in how much memory?

use super::finding::Finding;
use super::front::{Front, Setup};
use super::goal::{Bound, Goal};
use super::load::{Load, Until};
use super::memory::warm_up;
use super::options::Options;
use super::rig::Rig;
use super::scenario::workload;
use super::spread::Spread;
use super::target::Target;
use super::usage::{self, CpuMeter};
use super::workload::{Operation, Protocol, Workload};
use crate::failure::Result;

/// What the report calls it, and what `--only` looks in.
pub(crate) const NAME: &str = "growth: size of a value";

const MIB: usize = 1024 * 1024;

/// The sizes, in MiB. The first is what the others are compared to; the last is judged.
const SIZES: [usize; 4] = [1, 4, 16, 64];

/// How much of a value's size passes in a round, in MiB: of the small ones many pass.
const MIB_A_ROUND: usize = 64;

/// How many times the time a MiB of the smallest size a MiB of the largest may take. A MiB fits in
/// a processor's cache and in buffers that are used again, and 64 do not: hence half as much again.
/// What grew with the square of the size would be at 64.
const TIME_RATIO_MAX: f64 = 1.5;

/// How many times the CPU time a MiB of the smallest a MiB of the largest may take.
const CPU_RATIO_MAX: f64 = 1.2;

/// How many times the size of the largest a proxy may need in memory for it.
const MEMORY_RATIO_MAX: f64 = 2.2;

/// Values of one size on their way through a proxy of their own, and what they came to.
#[derive(Debug)]
struct Passage {
    load: Load,
    front: Front,
    mib: usize,
    /// The memory that was resident before, in bytes; of no process where no proxy is.
    before: Option<u64>,
    /// Milliseconds from a request's first byte to its response's last one, a MiB, round by round.
    millis: Vec<f64>,
    /// CPU time in microseconds, a MiB, round by round.
    cpu: Vec<f64>,
}

/// Writes and reads values of growing sizes, one at a time, through the original, no proxy and the proxy.
///
/// # Errors
/// A wrong answer, or a failure of the tools.
pub(crate) fn run(rig: &mut Rig, options: &Options) -> Result<Finding> {
    let columns = ["ms/MiB", "to 1 MiB", "CPU us/MiB", "to 1 MiB", "memory/size"];
    let mut finding = Finding::new(NAME, &columns);
    // The quick form leaves the large ones out: half a second each, and no line more.
    let sizes = if options.quick { &SIZES[..2] } else { &SIZES[..] };
    for (operation, word) in [(Operation::Set, "SET"), (Operation::Get, "GET")] {
        for target in [Target::Original, Target::Direct, Target::Proxy] {
            let passages = pass(rig, target, operation, sizes, options.rounds)
                .map_err(|failure| failure.during(&format!("{NAME}: {}", target.name())))?;
            for passage in &passages {
                let size = &passage.mib;
                let label = format!("{word} of {size} MiB");
                let time = ratio(&passage.millis, &passages[0].millis);
                let cpu = ratio(&passage.cpu, &passages[0].cpu);
                let memory = passage.memory_ratio()?;
                let (millis, micros) = (median(&passage.millis), median(&passage.cpu));
                finding.add(
                    format!("{}, {label}", target.name()),
                    vec![millis, time, micros, cpu, memory],
                );
                let is_judged = target == Target::Proxy && *size == SIZES[SIZES.len() - 1];
                if is_judged && !options.quick {
                    let mut judge = |what: &str, most, found| {
                        let figure = format!("{label}, {what}");
                        finding.goals.push(Goal::new(figure, Bound::AtMost(most), found));
                    };
                    judge("time a MiB to that of 1 MiB", TIME_RATIO_MAX, time);
                    judge("CPU a MiB to that of 1 MiB", CPU_RATIO_MAX, cpu);
                    judge("memory to its size", MEMORY_RATIO_MAX, memory);
                }
            }
        }
    }
    Ok(finding)
}

/// Has values of all `sizes` written or read through `target`, one value at a time, each size
/// through a process of its own. Every round goes to each size in turn.
fn pass(
    rig: &mut Rig,
    target: Target,
    operation: Operation,
    sizes: &[usize],
    rounds: usize,
) -> Result<Vec<Passage>> {
    let mut passages = sizes
        .iter()
        .map(|size| Passage::start(rig, target, operation, *size))
        .collect::<Result<Vec<_>>>()?;
    for _ in 0..rounds {
        passages.iter_mut().try_for_each(Passage::round)?;
    }
    Ok(passages)
}

impl Passage {
    fn start(rig: &mut Rig, target: Target, operation: Operation, mib: usize) -> Result<Self> {
        let small = workload(Protocol::Redis, Operation::Get, 64);
        let large =
            Workload { protocol: Protocol::Redis, operation, value_bytes: mib * MIB, keys: 1 };
        rig.prepare(&small, Setup::EVERYDAY.servers)?;
        rig.prepare(&large, Setup::EVERYDAY.servers)?;
        let front = rig.front(target, Setup::EVERYDAY)?;
        warm_up(&front, small)?;
        let before = front.pid().map(usage::resident).transpose()?;
        let load = Load::connect(front.port(Protocol::Redis), large, 1, 1)?;
        Ok(Self { load, front, mib, before, millis: Vec::new(), cpu: Vec::new() })
    }

    /// Lets values pass, of small ones many.
    fn round(&mut self) -> Result<()> {
        let batches = (MIB_A_ROUND / self.mib).max(1) as u64;
        let meter = CpuMeter::start(self.front.pid())?;
        let outcome = self.load.run(Until::Batches(batches))?;
        self.cpu.extend(meter.micros_each(outcome.requests * self.mib as u64)?);
        // The latency leaves out what the load needs to write a request into its memory.
        self.millis.push(outcome.latency.mean() / 1e3 / self.mib as f64);
        Ok(())
    }

    /// How many times a value's size the process had resident at most, over what it had before.
    fn memory_ratio(&self) -> Result<Option<f64>> {
        let Some((pid, before)) = self.front.pid().zip(self.before) else { return Ok(None) };
        let grown = usage::resident_peak(pid)?.saturating_sub(before);
        Ok(Some(grown as f64 / (self.mib * MIB) as f64))
    }
}

/// The median of the rounds' ratios.
fn ratio(own: &[f64], base: &[f64]) -> Option<f64> {
    Spread::of(own.iter().zip(base).map(|(own, base)| own / base)).map(|ratio| ratio.median)
}

fn median(values: &[f64]) -> Option<f64> {
    Spread::of(values.iter().copied()).map(|value| value.median)
}
