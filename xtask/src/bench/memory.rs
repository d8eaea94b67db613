//! Weighed scenarios: what a proxy's clients cost it in memory, and what stays when they left.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::crowd;
use super::finding::Finding;
use super::front::{Front, Setup};
use super::goal::{Bound, Goal};
use super::load::{Load, Until};
use super::rig::Rig;
use super::scenario::workload;
use super::script::Script;
use super::target::{BOTH, Target};
use super::usage;
use super::workload::{Operation, Protocol, Random, Workload};
use crate::failure::{Failure, Result};
use crate::{interrupt, servers};

/// A situation that is set up once, and whose memory is weighed.
#[derive(Debug)]
pub(crate) struct Weighed {
    /// What the report calls it, and what `--only` looks in.
    pub(crate) name: &'static str,
    /// What each request asks.
    workload: Workload,
    /// How many clients there are.
    clients: usize,
    /// What they do.
    habit: Habit,
    /// What the original needs at most, in bytes.
    memory_needed: u64,
}

impl Weighed {
    /// How many connections a process has at once at most, and how many bytes of memory the
    /// original may need: the scenario is left out where there is less.
    pub(crate) fn needs(&self, quick: bool) -> (usize, u64) {
        let divisor = if quick { QUICK_DIVISOR } else { 1 };
        (self.clients.div_ceil(divisor), self.memory_needed / divisor as u64)
    }
}

/// What the clients of a [`Weighed`] scenario do, which is also what is asked of its memory.
#[derive(Debug, Clone, Copy)]
enum Habit {
    /// Each makes one request, reads the response and stays connected.
    OneRequestThenIdle,
    /// Each sends this many requests and reads nothing.
    NeverRead(usize),
    /// Each sends this many requests at once and reads every response.
    PipelineAndRead(usize),
}

const MB: f64 = 1e6;
const GB: u64 = 1_000_000_000;

/// The weighed scenarios, in the order of the report.
pub(crate) const WEIGHED: &[Weighed] = &[
    Weighed {
        name: "memory: 10000 idle clients",
        workload: workload(Protocol::Redis, Operation::Get, 64),
        clients: 10_000,
        habit: Habit::OneRequestThenIdle,
        memory_needed: GB / 4,
    },
    Weighed {
        name: "memory: 1 client asks for 20000 x 100 KB and never reads",
        workload: workload(Protocol::Redis, Operation::Get, 100_000),
        clients: 1,
        habit: Habit::NeverRead(20_000),
        memory_needed: 4 * GB,
    },
    Weighed {
        name: "memory: 200 clients, pipelines of 1000 x 1 KB, all read",
        workload: workload(Protocol::Redis, Operation::Get, 1_000),
        clients: 200,
        habit: Habit::PipelineAndRead(1_000),
        memory_needed: 6 * GB,
    },
];

/// What an idle client may cost, in bytes.
const BYTES_PER_IDLE_CLIENT_MAX: f64 = 300.0;

/// What a proxy may have resident at most, whatever its clients do, in MB.
const PEAK_MAX: f64 = 64.0;

/// What may stay of a burst, [`SETTLE_TIME`] after its clients left, in MB.
const LEFT_OVER_MAX: f64 = 8.0;

/// How long a proxy may take to give memory back after its clients left.
const SETTLE_TIME: Duration = Duration::from_secs(5);

/// By what the quick form divides clients or requests: enough to run every line.
const QUICK_DIVISOR: usize = 20;

/// What a proxy's memory came to, in bytes resident.
#[derive(Debug, Clone, Copy)]
struct Weight {
    /// After a few requests of one client.
    before: u64,
    /// With all clients there and at rest.
    during: u64,
    /// The most at any time.
    peak: u64,
    /// A while after the last client left ([`SETTLE_TIME`]).
    after: u64,
    /// How many clients there were.
    clients: usize,
}

impl Weight {
    /// What a client at rest adds, in bytes.
    fn bytes_per_client(&self) -> f64 {
        self.during.saturating_sub(self.before) as f64 / self.clients as f64
    }

    /// What stays, in MB; below zero when there is less than before.
    fn left_over(&self) -> f64 {
        (self.after as f64 - self.before as f64) / MB
    }
}

/// Runs `scenario` on the original and the proxy. The `quick` form is a fraction of it.
///
/// # Errors
/// A wrong answer of either, or a failure of the tools.
pub(crate) fn run(rig: &mut Rig, scenario: &Weighed, quick: bool) -> Result<Finding> {
    let settled = format!("{} s after", SETTLE_TIME.as_secs());
    let columns = ["MB before", "during", "peak", &settled, "bytes a client"];
    let mut finding = Finding::new(scenario.name, &columns);
    for target in BOTH {
        let weight = weigh(rig, *target, scenario, quick)
            .map_err(|failure| failure.during(&format!("{}: {}", scenario.name, target.name())))?;
        let is_idle = matches!(scenario.habit, Habit::OneRequestThenIdle);
        let mut figures: Vec<_> = [weight.before, weight.during, weight.peak, weight.after]
            .map(|bytes| Some(bytes as f64 / MB))
            .into();
        figures.push(is_idle.then(|| weight.bytes_per_client()));
        finding.add(target.name(), figures);
        if *target == Target::Proxy && !quick {
            finding.goals = goals(scenario.habit, &weight);
        }
    }
    Ok(finding)
}

/// What is asked of a weight.
fn goals(habit: Habit, weight: &Weight) -> Vec<Goal> {
    let first = match habit {
        Habit::OneRequestThenIdle => Goal::new(
            "bytes a client",
            Bound::AtMost(BYTES_PER_IDLE_CLIENT_MAX),
            Some(weight.bytes_per_client()),
        ),
        Habit::NeverRead(_) | Habit::PipelineAndRead(_) => {
            Goal::new("MB at the peak", Bound::AtMost(PEAK_MAX), Some(weight.peak as f64 / MB))
        }
    };
    let figure = format!("MB more than at the start, {} s after", SETTLE_TIME.as_secs());
    vec![first, Goal::new(figure, Bound::AtMost(LEFT_OVER_MAX), Some(weight.left_over()))]
}

fn weigh(rig: &mut Rig, target: Target, scenario: &Weighed, quick: bool) -> Result<Weight> {
    rig.prepare(&scenario.workload, Setup::EVERYDAY.servers)?;
    let front = rig.front(target, Setup::EVERYDAY)?;
    let pid = front.pid().expect("both targets of this function are proxies");
    let workload = scenario.workload;
    let port = front.port(workload.protocol);
    warm_up(&front, workload)?;
    let before = usage::resident(pid)?;
    let mut clients = scenario.clients;
    let during = match scenario.habit {
        Habit::OneRequestThenIdle => {
            if quick {
                clients = clients.div_ceil(QUICK_DIVISOR);
            }
            let idle = crowd::connect(port, workload, clients)?;
            let during = usage::resident(pid)?;
            drop(idle);
            during
        }
        Habit::NeverRead(requests) => {
            let requests = if quick { requests.div_ceil(QUICK_DIVISOR) } else { requests };
            let unread = (0..clients)
                .map(|client| send_and_never_read(port, workload, client, requests))
                .collect::<Result<Vec<_>>>()?;
            let during = wait_for_rest(rig, pid, quick)?;
            drop(unread);
            during
        }
        Habit::PipelineAndRead(requests) => {
            if quick {
                clients = clients.div_ceil(QUICK_DIVISOR);
            }
            let mut load = Load::connect(port, workload, clients, requests)?;
            load.run(Until::Batches(1))?;
            usage::resident(pid)?
        }
    };
    interrupt::sleep(if quick { SETTLE_TIME / QUICK_DIVISOR as u32 } else { SETTLE_TIME })?;
    // The kernel's record of the peak is the rougher figure, and may lie below what was counted.
    let (peak, after) = (usage::resident_peak(pid)?.max(during), usage::resident(pid)?);
    Ok(Weight { before, during, peak, after, clients })
}

/// Makes a few requests of one client, so that what every proxy sets up once is there before
/// weighing.
///
/// # Errors
/// A wrong answer.
pub(crate) fn warm_up(front: &Front, workload: Workload) -> Result<()> {
    const REQUESTS: u64 = 100;
    let port = front.port(workload.protocol);
    Load::connect(port, workload, 1, 1)?.run(Until::Batches(REQUESTS)).map(drop)
}

/// Connects a client and sends requests for as long as they are taken: until all are sent, the
/// proxy has not read for a while, or it has closed the connection. Both of the latter are good
/// defences, so neither is a failure.
fn send_and_never_read(
    port: u16,
    workload: Workload,
    client: usize,
    requests: usize,
) -> Result<TcpStream> {
    const STALL_MAX: Duration = Duration::from_secs(3);
    const STEP: Duration = Duration::from_millis(10);
    let mut stream = servers::connect(port).map_err(Failure::system("connecting"))?;
    stream.set_nonblocking(true).map_err(Failure::system("making a socket non-blocking"))?;
    let (script, mut random) = (Script::new(&workload), Random::new(client));
    let (mut request, mut due) = (Vec::new(), Vec::new());
    for _ in 0..requests {
        script.write(&mut random, &mut request, &mut due);
        due.clear();
    }
    let (mut sent, mut last_taken) = (0, Instant::now());
    while sent < request.len() && last_taken.elapsed() < STALL_MAX {
        match stream.write(&request[sent..]) {
            Ok(count) => {
                sent += count;
                last_taken = Instant::now();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => interrupt::sleep(STEP)?,
            Err(_) => break,
        }
    }
    Ok(stream)
}

/// Waits until nothing is under way any more, and returns the memory of `pid`, the proxy.
///
/// Its memory standing still is not enough: the servers need seconds to make gigabytes of
/// responses, and send few of them meanwhile. So the servers must be at rest too.
fn wait_for_rest(rig: &Rig, pid: u32, quick: bool) -> Result<u64> {
    let rest = Duration::from_millis(if quick { 300 } else { 2_000 });
    const STEP: Duration = Duration::from_millis(100);
    const TIMEOUT: Duration = Duration::from_secs(60);
    /// A server at rest still looks after its timers.
    const WORK_PER_STEP_MAX: Duration = Duration::from_millis(5);
    let start = Instant::now();
    let (mut most, mut worked) = (usage::resident(pid)?, rig.servers_cpu_time()?);
    let mut last_busy = start;
    while last_busy.elapsed() < rest && start.elapsed() < TIMEOUT {
        interrupt::sleep(STEP)?;
        let (now, work) = (usage::resident(pid)?, rig.servers_cpu_time()?);
        if now > most || work.saturating_sub(worked) > WORK_PER_STEP_MAX {
            last_busy = Instant::now();
        }
        most = most.max(now);
        worked = work;
    }
    usage::resident(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_judged_by_what_the_clients_do() {
        let weight = |during: u64, peak: u64, after: u64| Weight {
            before: 3_000_000,
            during,
            peak,
            after,
            clients: 10_000,
        };
        let cases = [
            (Habit::OneRequestThenIdle, weight(5_900_000, 6_000_000, 5_900_000), [true, true]),
            (Habit::OneRequestThenIdle, weight(6_100_000, 6_100_000, 2_000_000), [false, true]),
            (Habit::NeverRead(1), weight(64_000_000, 64_000_000, 11_000_000), [true, true]),
            (Habit::PipelineAndRead(1), weight(9, 65_000_000, 11_500_000), [false, false]),
        ];
        for (habit, weight, met) in cases {
            let goals = goals(habit, &weight);
            let found: Vec<bool> = goals.iter().map(|goal| goal.met).collect();
            assert_eq!(found, met, "{habit:?}: {goals:?}");
        }
    }
}
