//! Plays one scenario: clients, faults at their times, and a look at the proxy every so often.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::accounts::{self, Counters};
use super::client::{Client, Habits};
use super::hostile::{self, Crowd};
use super::known::Known;
use super::outcome::Outcome;
use super::rig::Rig;
use super::scenario::{Fault, Scenario};
use super::scenarios::SERVERS;
use super::sixths::{SIXTHS, Sixths};
use super::tally::Tally;
use super::world::World;
use super::yardstick::Yardstick;
use crate::bench::usage::MachineMeter;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::random::Random;

/// Keys of each client: some on every server.
pub(super) const KEYS: usize = 24;

/// How often the proxy's memory is looked at.
const SAMPLE: Duration = Duration::from_millis(50);

/// How a scenario is played, whichever it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    /// The proxy's binary.
    pub(super) program: &'a Path,
    /// What is added to the timeout before a request without an answer counts as hung.
    pub(super) bound: Duration,
    /// Whether times of requests are kept.
    pub(super) keeps_times: bool,
}

/// What was seen of the proxy itself.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Bytes resident at the start, at the most, and at the end.
    pub(super) memory: [u64; 3],
    /// Descriptors at the start and at the end.
    pub(super) descriptors: [usize; 2],
    /// Memory and descriptors while clients are there.
    pub(super) sixths: Sixths,
    /// What a client saw that no proxy serves, where times are kept.
    pub(super) yardstick: Tally,
    /// How busy the machine's processors were while clients were there, from 0 to 1.
    pub(super) busy: f64,
    /// What is wrong with the proxy.
    pub(super) complaints: Vec<String>,
    /// Lines about failed accepting.
    pub(super) accept_lines: u64,
    /// When ejections were noticed: no more than two samples after they happened.
    pub(super) ejections: Vec<Duration>,
    /// Hostile clients that came; of a flood, those that were answered.
    pub(super) came: usize,
    /// Hostile clients that were to come.
    pub(super) asked: usize,
}

/// Plays it; `None` when the proxy refuses the configuration.
///
/// # Errors
/// When the stage cannot be set, and [`Failure::Interrupted`].
pub(super) fn play(scenario: &Scenario, setting: Setting<'_>) -> Result<Option<Outcome>> {
    let during = |failure: Failure| failure.during(&scenario.name);
    let Some(mut rig) = Rig::start(scenario, setting.program).map_err(during)? else {
        return Ok(None);
    };
    let mut keys = prepare(scenario, setting, &rig).map_err(during)?;
    let mut seen = Seen::default();
    if let Some((memory, descriptors)) = rig.usage() {
        seen.memory[0] = memory;
        seen.descriptors[0] = descriptors;
    }
    let statistics = rig.statistics().map_err(during)?;
    let before = Counters::of(&statistics, &rig.metrics());
    let world = World::new(SERVERS, scenario.ejects);
    let mut tally = Tally::default();
    let mut yardstick = setting
        .keeps_times
        .then(|| Yardstick::new(scenario, &rig, habits(scenario, setting, &rig, u64::MAX)));
    let machine = MachineMeter::start().map_err(during)?;
    let played = thread::scope(|scope| {
        let clients: Vec<_> = keys
            .iter_mut()
            .enumerate()
            .map(|(nth, keys)| {
                let habits = habits(scenario, setting, &rig, nth as u64);
                let world = &world;
                scope.spawn(move || Client::new(habits, keys, world).play())
            })
            .collect();
        let world = &world;
        let yardstick = yardstick.as_mut().map(|it| scope.spawn(move || it.play(world)));
        let played = direct(scenario, &mut rig, world, &mut seen);
        let busy = machine.busy();
        world.end();
        for client in clients {
            tally.add(client.join().expect("a client does not panic"));
        }
        if let Some(yardstick) = yardstick {
            seen.yardstick = yardstick.join().expect("a client does not panic");
        }
        played.and(busy)
    });
    interrupt::check()?;
    seen.busy = played.map_err(during)?;
    if seen.yardstick.errors() > 0 || !seen.yardstick.findings.is_empty() {
        let Tally { errors, findings, .. } = &seen.yardstick;
        seen.complaints.push(format!("without the proxy: {errors:?} {findings:?}"));
    }
    let before = before.filter(|_| scenario.keeps_books());
    look_after(scenario, &mut rig, &mut seen, before, &tally).map_err(during)?;
    Ok(Some(Outcome::new(scenario, &tally, &seen)))
}

/// Sets every key, and finds where each lives.
fn prepare(scenario: &Scenario, setting: Setting<'_>, rig: &Rig) -> Result<Vec<Vec<Known>>> {
    let mut keys: Vec<Vec<Known>> = (0..scenario.clients)
        .map(|client| (0..KEYS).map(|key| Known::new(name(client, key))).collect())
        .collect();
    let calm = World::new(SERVERS, false);
    let mut tally = Tally::default();
    for (nth, keys) in keys.iter_mut().enumerate() {
        let habits = Habits { sixth: None, ..habits(scenario, setting, rig, 1_000 + nth as u64) };
        tally.add(Client::new(habits, keys, &calm).prepare());
    }
    if tally.errors() > 0 || !tally.findings.is_empty() {
        return Err(Failure::Wrong(format!(
            "before any fault: {:?} {:?}",
            tally.errors, tally.findings
        )));
    }
    rig.find_homes(&mut keys.iter_mut().flatten().collect::<Vec<_>>())?;
    for keys in keys.iter_mut().skip(scenario.clients_of_first) {
        keys.retain(|known| known.home != 0);
    }
    hostile::prepare(scenario.protocol, rig.listen());
    Ok(keys)
}

/// A client's key. The noise at its end spreads a client's keys over all servers: the ring's hash keeps
/// names together that differ in their last letters alone.
pub(super) fn name(client: usize, key: usize) -> String {
    let noise = Random::of_stream(client as u64, key as u64).draw();
    format!("c{client}k{key}-{noise:016x}")
}

fn habits(scenario: &Scenario, setting: Setting<'_>, rig: &Rig, seed: u64) -> Habits {
    Habits {
        protocol: scenario.protocol,
        port: rig.listen(),
        window: scenario.window,
        gets_several: scenario.gets_several,
        pace: scenario.pace,
        patience: scenario.timeout + setting.bound,
        sixth: setting.keeps_times.then(|| scenario.end / SIXTHS as u32),
        seed,
    }
}

/// Has everything happen at its time.
fn direct(scenario: &Scenario, rig: &mut Rig, world: &World, seen: &mut Seen) -> Result<()> {
    let mut crowds = Vec::new();
    for step in &scenario.steps {
        watch(rig, world, scenario, step.at, seen)?;
        happen(scenario, &step.fault, rig, world, seen, &mut crowds)?;
    }
    watch(rig, world, scenario, scenario.end, seen)
}

/// Waits until `at`, and looks at the proxy meanwhile.
fn watch(
    rig: &mut Rig,
    world: &World,
    scenario: &Scenario,
    at: Duration,
    seen: &mut Seen,
) -> Result<()> {
    loop {
        if let Some((memory, descriptors)) = rig.usage() {
            let part = world.begun.elapsed().as_secs_f64() / scenario.end.as_secs_f64();
            seen.sixths.add(part, memory, descriptors);
            seen.memory[1] = seen.memory[1].max(memory);
        }
        for _ in 0..rig.new_log_lines("ejected after") {
            // Who was told of the failure was told with it, and counts so.
            seen.ejections.push(world.begun.elapsed() + SAMPLE);
        }
        rig.expect_proxy()?;
        let left = at.saturating_sub(world.begun.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        interrupt::sleep(left.min(SAMPLE))?;
    }
}

fn happen(
    scenario: &Scenario,
    fault: &Fault,
    rig: &mut Rig,
    world: &World,
    seen: &mut Seen,
    crowds: &mut Vec<Crowd>,
) -> Result<()> {
    if let Some(server) = fault.server() {
        world.fault(server);
    }
    match *fault {
        Fault::Freeze(server) => rig.signal_server(server, Signal::STOP)?,
        Fault::Thaw(server) => rig.signal_server(server, Signal::CONT)?,
        Fault::Kill(server) => {
            // Before, for what is set while it dies; and after, for what was set up to then.
            world.lose(server);
            rig.kill(server);
            world.lose(server);
        }
        Fault::Restart(server) => rig.restart(server)?,
        Fault::Relay(server, mode) => {
            if let Some(relay) = rig.relay(server) {
                relay.set(mode);
            }
        }
        Fault::StopProxy => {
            world.set_proxy_leaving(true);
            if let Some(complaint) = rig.stop_proxy()? {
                seen.complaints.push(complaint);
            }
        }
        Fault::StartProxy => {
            rig.start_proxy(scenario.workers)?;
            world.set_proxy_leaving(false);
        }
        Fault::FreezeProxy => rig.signal_proxy(Signal::STOP)?,
        Fault::ThawProxy => rig.signal_proxy(Signal::CONT)?,
        Fault::RotateLog => seen.complaints.extend(rig.rotate_log()?),
        Fault::Reload => seen.complaints.extend(rig.reload()?),
        Fault::Descriptors(more) => rig.limit_descriptors(Some(more))?,
        Fault::NoDescriptorLimit => rig.limit_descriptors(None)?,
        Fault::Come(hostile, count) => {
            let count = count.min(descriptors_left());
            seen.asked += count;
            crowds.push(Crowd::come(hostile, count, scenario.protocol, rig.listen()));
        }
        Fault::Leave => seen.came += crowds.drain(..).map(Crowd::leave).sum::<usize>(),
    }
    Ok(())
}

/// How many connections this process and the proxy can each have besides those they need.
fn descriptors_left() -> usize {
    const NEEDED: u64 = 600;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    usize::try_from(limit.unwrap_or(u64::MAX).saturating_sub(NEEDED)).unwrap_or(usize::MAX)
}

/// Once everybody has left: what the proxy still has, and what it has counted since `before`.
fn look_after(
    scenario: &Scenario,
    rig: &mut Rig,
    seen: &mut Seen,
    before: Option<Counters>,
    tally: &Tally,
) -> Result<()> {
    const SETTLE: Duration = Duration::from_secs(5);
    let allowed = seen.descriptors[0] + SERVERS * scenario.workers;
    let end = Instant::now() + SETTLE;
    loop {
        rig.expect_proxy()?;
        let (memory, descriptors) = rig.usage().unwrap_or_default();
        seen.memory[2] = memory;
        seen.descriptors[1] = descriptors;
        let statistics = rig.statistics()?;
        let mut complaints = unsettled(&statistics);
        let after = Counters::of(&statistics, &rig.metrics());
        if let (Some(before), Some(after)) = (before, after) {
            complaints.extend(accounts::differences(before, after, tally, !scenario.ejects));
        }
        if descriptors > allowed {
            complaints.push(format!("{descriptors} descriptors at the end, {allowed} at most"));
        }
        if complaints.is_empty() || Instant::now() > end {
            seen.complaints.extend(complaints);
            break;
        }
        interrupt::sleep(SAMPLE)?;
    }
    for server in 0..SERVERS {
        if rig.relay(server).is_some_and(|relay| relay.spoilt() == 0) {
            seen.complaints
                .push("the relay had nothing to do: this scenario shows nothing".to_owned());
        }
    }
    seen.accept_lines = rig.log_lines("accept for pool");
    if let Some(complaint) = rig.stop_proxy()? {
        seen.complaints.push(complaint);
    }
    Ok(())
}

/// Counters that are not at rest though everybody has left.
fn unsettled(statistics: &serde_json::Value) -> Vec<String> {
    const POOL: [&str; 1] = ["client_connections"];
    const SERVER: [&str; 4] = ["in_queue", "in_queue_bytes", "out_queue", "out_queue_bytes"];
    let Some(pool) = statistics["chaos"].as_object() else {
        return vec![format!("the statistics lack the pool: {statistics}")];
    };
    let mut found = Vec::new();
    let mut look = |place: &str, name: &str, value: &serde_json::Value| {
        if value.as_i64() != Some(0) {
            found.push(format!("{place}{name} is {value} though nobody is there"));
        }
    };
    for name in POOL {
        look("", name, &pool[name]);
    }
    for (server, counters) in pool.iter().filter(|(_, value)| value.is_object()) {
        for name in SERVER {
            look(&format!("{server}: "), name, &counters[name]);
        }
    }
    found
}
