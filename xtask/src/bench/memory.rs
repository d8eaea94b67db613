//! Runs a weighed scenario: what a proxy's clients cost it in memory, and what stays when they left.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::load::{Load, Until};
use super::rig::{Front, Rig, Target};
use super::scenario::{Habit, MemoryScenario, SETTLE_TIME};
use super::usage;
use super::workload::{Random, Workload};
use crate::failure::{Failure, Result};
use crate::{interrupt, servers};

/// What a proxy's memory came to, in bytes resident.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Weight {
    /// Whose.
    pub(crate) target: Target,
    /// After a few requests of one client.
    pub(crate) before: u64,
    /// With all clients there and at rest.
    pub(crate) during: u64,
    /// The most at any time.
    pub(crate) peak: u64,
    /// A while after the last client left ([`SETTLE_TIME`]).
    pub(crate) after: u64,
    /// How many clients there were.
    pub(crate) clients: usize,
}

impl Weight {
    /// What a client at rest adds, in bytes.
    pub(crate) fn bytes_per_client(&self) -> f64 {
        self.during.saturating_sub(self.before) as f64 / self.clients as f64
    }
}

/// By what the quick form divides clients or requests: enough to run every line.
const QUICK_DIVISOR: usize = 20;

/// Runs `scenario` on the original and the proxy. The `quick` form is a fraction of it.
///
/// # Errors
/// A wrong answer of either, or a failure of the tools.
pub(crate) fn run(rig: &Rig, scenario: &MemoryScenario, quick: bool) -> Result<Vec<Weight>> {
    [Target::Original, Target::Proxy]
        .into_iter()
        .map(|target| {
            weigh(rig, target, scenario, quick)
                .map_err(|failure| failure.during(&format!("{}: {}", scenario.name, target.name())))
        })
        .collect()
}

fn weigh(rig: &Rig, target: Target, scenario: &MemoryScenario, quick: bool) -> Result<Weight> {
    let front = rig.front(target)?;
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
            let idle = idle_clients(port, workload, clients)?;
            let during = usage::resident(pid)?;
            drop(idle);
            during
        }
        Habit::NeverRead(requests) => {
            let requests = if quick { requests.div_ceil(QUICK_DIVISOR) } else { requests };
            let unread = (0..clients)
                .map(|client| send_and_never_read(port, workload, client, requests))
                .collect::<Result<Vec<_>>>()?;
            let during = wait_for_rest(rig, pid)?;
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
    Ok(Weight { target, before, during, peak, after, clients })
}

/// A few requests of one client, so that what every proxy sets up once is there before weighing.
fn warm_up(front: &Front, workload: Workload) -> Result<()> {
    const REQUESTS: u64 = 100;
    let port = front.port(workload.protocol);
    Load::connect(port, workload, 1, 1)?.run(Until::Batches(REQUESTS)).map(drop)
}

/// Connects clients one after the other; each makes a request, checks the response and stays.
fn idle_clients(port: u16, workload: Workload, clients: usize) -> Result<Vec<TcpStream>> {
    let mut random = Random::new(0);
    let (mut request, mut due) = (Vec::new(), Vec::new());
    (0..clients)
        .map(|client| {
            interrupt::check()?;
            request.clear();
            due.clear();
            workload.write(&mut random, &mut request, &mut due);
            let mut response = vec![0; due.len()];
            let mut talk = || {
                let mut stream = servers::connect(port)?;
                stream.write_all(&request)?;
                stream.read_exact(&mut response)?;
                Ok(stream)
            };
            let stream = talk().map_err(Failure::system(format!("idle client {client}")))?;
            if response != due {
                let found = response.escape_ascii();
                return Err(Failure::Wrong(format!("idle client {client} was answered {found}")));
            }
            Ok(stream)
        })
        .collect()
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
    let mut random = Random::new(client);
    let (mut request, mut due) = (Vec::new(), Vec::new());
    for _ in 0..requests {
        workload.write(&mut random, &mut request, &mut due);
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
fn wait_for_rest(rig: &Rig, pid: u32) -> Result<u64> {
    const REST: Duration = Duration::from_secs(2);
    const STEP: Duration = Duration::from_millis(100);
    const TIMEOUT: Duration = Duration::from_secs(60);
    /// A server at rest still looks after its timers.
    const WORK_PER_STEP_MAX: Duration = Duration::from_millis(5);
    let start = Instant::now();
    let (mut most, mut worked) = (usage::resident(pid)?, rig.servers_cpu_time()?);
    let mut last_busy = start;
    while last_busy.elapsed() < REST && start.elapsed() < TIMEOUT {
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
