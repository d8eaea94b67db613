//! What a proxy costs that has nothing to do, and how soon it can have: wake-ups, and its start.

use std::io::{self, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::crowd;
use super::finding::Finding;
use super::front::{Front, Setup};
use super::goal::{Bound, Goal};
use super::options::Options;
use super::rig::Rig;
use super::scenario::workload;
use super::spread::Spread;
use super::target::{BOTH, Target};
use super::usage::{self, CpuMeter};
use super::workload::{Operation, Protocol};
use crate::failure::{Failure, Result};
use crate::{interrupt, servers};

/// What the report calls the wake-ups, and what `--only` looks in.
pub(crate) const WAKE_UPS: &str = "idle: wake-ups";

/// What the report calls the starts, and what `--only` looks in.
pub(crate) const START: &str = "start: until the first answer";

/// How many clients sit with a proxy that has some.
const CLIENTS: usize = 100;

/// How often a second an idle proxy may wake: a few threads that look after something once a
/// second each. A machine that is to sleep feels tens.
const WAKE_UPS_MAX: f64 = 5.0;

/// How long a start may take, in milliseconds.
const START_MAX: f64 = 20.0;

/// Counts how often the threads of idle proxies wake, all at the same time: without clients, and
/// with some that are silent.
///
/// # Errors
/// A wrong answer to the clients' one request, or the system's.
pub(crate) fn wake_ups(rig: &mut Rig, options: &Options) -> Result<Finding> {
    let time = Duration::from_secs_f64(if options.quick { 0.5 } else { 5.0 });
    /// The work of the start and of the clients' requests is over by then.
    const REST: Duration = Duration::from_millis(500);
    let workload = workload(Protocol::Redis, Operation::Get, 64);
    rig.prepare(&workload, Setup::EVERYDAY.servers)?;
    let mut fronts = Vec::new();
    for target in BOTH {
        for clients in [0, CLIENTS] {
            let front = rig.front(*target, Setup::EVERYDAY)?;
            let crowd = crowd::connect(front.port(Protocol::Redis), workload, clients)?;
            fronts.push((*target, clients, crowd, front));
        }
    }
    interrupt::sleep(REST)?;
    let start = Instant::now();
    let mut counts = Vec::new();
    for (.., front) in &fronts {
        let pid = pid(front);
        counts.push((pid, usage::sleeps(pid)?, CpuMeter::start(Some(pid))?));
    }
    interrupt::sleep(time)?;
    let seconds = start.elapsed().as_secs_f64();

    let mut finding = Finding::new(WAKE_UPS, &["wake-ups/s", "CPU us/s"]);
    for ((target, clients, ..), (pid, before, meter)) in fronts.iter().zip(counts) {
        let a_second = usage::sleeps(pid)?.saturating_sub(before) as f64 / seconds;
        let cpu = meter.micros_each(1)?.map(|micros| micros / seconds);
        let label = format!("{clients} idle clients");
        if *target == Target::Proxy && !options.quick {
            let figure = format!("wake-ups a second, {label}");
            finding.goals.push(Goal::new(figure, Bound::AtMost(WAKE_UPS_MAX), Some(a_second)));
        }
        finding.add(format!("{}, {label}", target.name()), vec![Some(a_second), cpu]);
    }
    Ok(finding)
}

/// Starts each proxy a number of times, in turn, and takes the time until a client's `PING` is
/// answered. The programs that it is started by (see `proc.rs`) are in that time.
///
/// # Errors
/// A wrong answer, or a proxy that does not come up.
pub(crate) fn starts(rig: &mut Rig, options: &Options) -> Result<Finding> {
    let count = if options.quick { 2 } else { 20 };
    let mut times: Vec<(Target, Vec<f64>)> =
        BOTH.iter().map(|target| (*target, Vec::new())).collect();
    for _ in 0..count {
        for (target, times) in &mut times {
            let millis = start(rig, *target)
                .map_err(|failure| failure.during(&format!("{START}: {}", target.name())))?;
            times.push(millis);
        }
    }
    let mut finding = Finding::new(START, &["median ms", "least ms", "most ms"]);
    for (target, times) in times {
        let spread = Spread::of(times.into_iter()).expect("there were starts");
        if target == Target::Proxy && !options.quick {
            let figure = "milliseconds to the first answer, median";
            finding.goals.push(Goal::new(figure, Bound::AtMost(START_MAX), Some(spread.median)));
        }
        let figures = [spread.median, spread.least, spread.most];
        finding.add(format!("{}, {count} starts", target.name()), figures.map(Some).into());
    }
    Ok(finding)
}

/// Starts `target` once. Returns the milliseconds until it answered.
fn start(rig: &mut Rig, target: Target) -> Result<f64> {
    const TIMEOUT: Duration = Duration::from_secs(10);
    /// Short beside what is measured, and long enough not to take the core from the one who starts.
    const STEP: Duration = Duration::from_micros(200);
    let begun = Instant::now();
    let mut front = rig.launch(target, Setup::EVERYDAY)?;
    let port = front.port(Protocol::Redis);
    loop {
        interrupt::check()?;
        if let Some(process) = front.process() {
            process.expect_running()?;
        }
        match ping(port) {
            Ok(()) => return Ok(begun.elapsed().as_secs_f64() * 1e3),
            Err(error) if begun.elapsed() > TIMEOUT => {
                return Err(Failure::system("waiting for the first answer")(error));
            }
            Err(_) => thread::sleep(STEP),
        }
    }
}

/// Asks whoever listens on `port` for a sign of life.
fn ping(port: u16) -> io::Result<()> {
    let mut stream = servers::connect(port)?;
    stream.write_all(b"*1\r\n$4\r\nPING\r\n")?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    if answer == *b"+PONG\r\n" { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn pid(front: &Front) -> u32 {
    front.pid().expect("both targets are processes of their own")
}
