//! The scenarios, as a list.

use std::time::Duration;

use super::hostile::Hostile;
use super::relay::Mode;
use super::scenario::{Fault, Goal, Limits, Scenario, Step};
use crate::soak::reply::Protocol;

/// Servers behind the proxy, in every scenario.
pub(super) const SERVERS: usize = 4;

/// The scenario whose figures are compared with the original's.
pub(super) const NAMED: &str = "freeze and kill";

/// A faulty server costs others nothing: had they to wait for its timeout, it would be more. On a busy
/// machine it may be for other reasons, so it is aimed at and no limit.
const STALL: Goal = Goal::Stall(Duration::from_millis(300));

use Fault::{
    Come, Descriptors, Freeze, FreezeProxy, Kill, Leave, NoDescriptorLimit, Relay, Reload, Restart,
    RotateLog, StartProxy, StopProxy, Thaw, ThawProxy,
};

/// All of them, in the order of the report.
pub(super) fn all() -> Vec<Scenario> {
    let mut list = Vec::new();
    for protocol in Protocol::ALL {
        list.extend(of_servers(protocol));
        list.extend(of_relays(protocol));
        list.extend(of_the_proxy(protocol));
        list.extend(of_clients(protocol));
    }
    list.push(proof());
    list
}

/// Servers that freeze, die and return.
fn of_servers(protocol: Protocol) -> Vec<Scenario> {
    let quick = protocol == Protocol::Redis;
    let named = Scenario {
        // As the aims were set: a request that needs several servers fails with each of them.
        gets_several: false,
        goals: vec![STALL, Goal::Errors(90), Goal::ErrorsAfter(2, 2), Goal::ErrorsAfterEjection(0)],
        ..of(protocol, NAMED)
            .steps(&[(3.0, Freeze(0)), (8.0, Thaw(0)), (11.0, Kill(1)), (15.0, Restart(1))])
            .until(19.0)
    };
    let retries = Scenario {
        name: format!("{} ({protocol}), retries", NAMED),
        lines: &["retries: 1"],
        goals: vec![STALL, Goal::Errors(45), Goal::ErrorsAfter(2, 2), Goal::ErrorsAfterEjection(0)],
        ..named.clone()
    };
    let two_workers = Scenario {
        name: format!("{} ({protocol}), 2 workers", NAMED),
        workers: 2,
        goals: vec![STALL],
        ..named.clone()
    };
    let fails = Scenario {
        name: format!("{} ({protocol}), on_eject: fail", NAMED),
        lines: &["on_eject: fail"],
        goals: vec![STALL],
        ..named.clone()
    };
    let freeze = [(1.0, Freeze(0)), (3.0, Thaw(0))];
    let flaps: Vec<(f64, Fault)> = (0..5)
        .flat_map(|nth| {
            let at = 1.0 + 0.8 * f64::from(nth);
            [(at, Kill(2)), (at + 0.4, Restart(2))]
        })
        .collect();
    let everyone: Vec<(f64, Fault)> = (0..SERVERS)
        .map(|server| (1.0, Kill(server)))
        .chain((0..SERVERS).map(|server| (3.0, Restart(server))))
        .collect();
    vec![
        named,
        two_workers,
        retries,
        fails,
        Scenario { is_quick: quick, ..of(protocol, "frozen, no ejection") }
            .keep()
            .steps(&freeze)
            .until(5.0),
        Scenario { window: 16, workers: 2, ..of(protocol, "frozen, pipelines of 16") }
            .keep()
            .steps(&freeze)
            .until(5.0),
        of(protocol, "frozen, ejected, pipelines of 16").window(16).steps(&freeze).until(7.0),
        Scenario { is_quick: !quick, ..of(protocol, "killed and back, empty") }
            .keep()
            .steps(&[(1.0, Kill(1)), (2.5, Restart(1))])
            .until(4.5),
        of(protocol, "killed and back, pipelines of 16, 2 workers")
            .keep()
            .window(16)
            .workers(2)
            .steps(&[(1.0, Kill(1)), (2.5, Restart(1))])
            .until(4.5),
        of(protocol, "flapping").steps(&flaps).until(8.0),
        of(protocol, "flapping, no ejection").keep().steps(&flaps).until(7.0),
        of(protocol, "refuses for long").steps(&[(1.0, Kill(3)), (7.0, Restart(3))]).until(9.5),
        of(protocol, "all dead").keep().steps(&everyone).until(5.0),
        of(protocol, "all dead, ejected").steps(&everyone).until(8.0),
    ]
}

/// Networks that delay and cut, servers that lie.
fn of_relays(protocol: Protocol) -> Vec<Scenario> {
    let with = |name: &str, mode: Mode| {
        Scenario { goals: vec![STALL], ..of(protocol, name) }
            .keep()
            .steps(&[(1.0, Relay(0, mode)), (4.0, Relay(0, Mode::Pass))])
    };
    let tight = Limits { errors_faulty: Some(0), ..Limits::STRICT };
    let truncated = Mode::Truncated(700);
    vec![
        // Slow is not late, on a busy machine either.
        Scenario {
            limits: tight,
            timeout: Duration::from_secs(2),
            ..with("slow: 50 ms", Mode::Delay(50))
        },
        with("slow: 600 ms", Mode::Delay(600)).until(6.5),
        Scenario {
            limits: tight,
            timeout: Duration::from_secs(2),
            ..with("a byte at a time", Mode::Trickle)
        }
        .clients(8),
        with("cut in an answer", Mode::Cut),
        with("cut in an answer, pipelines of 16", Mode::Cut).window(16).workers(2),
        with("reset in an answer", Mode::Reset),
        with("garbage", Mode::Garbage),
        with("garbage, pipelines of 16", Mode::Garbage).window(16),
        // With one client there is never a request on its way that the lie could be taken for.
        Scenario { clients_of_first: 1, ..with("an answer nobody asked for", Mode::Unasked) },
        Scenario {
            is_quick: protocol == Protocol::Redis,
            ..with("cut, and continued after the timeout", truncated)
        }
        .until(5.5),
        with("continued after the timeout, pipelines of 16", truncated).window(16).until(5.5),
        // Whoever got one would have counted it as wrong.
        with("an answer of a wrong kind", Mode::WrongKind),
        with("an answer of a wrong kind, pipelines of 16", Mode::WrongKind).window(16),
        with("accepts and never answers", Mode::Silent).until(6.0),
        of(protocol, "accepts and never answers, ejected")
            .steps(&[(1.0, Relay(0, Mode::Silent)), (6.0, Relay(0, Mode::Pass))])
            .until(9.5),
    ]
}

/// The proxy stopped, started, frozen, and out of descriptors.
fn of_the_proxy(protocol: Protocol) -> Vec<Scenario> {
    let quick = protocol == Protocol::Memcached;
    let bounce = [(1.0, StopProxy), (1.6, StartProxy), (2.6, StopProxy), (3.2, StartProxy)];
    let none = Limits { errors_faulty: Some(0), ..Limits::STRICT };
    vec![
        Scenario { limits: none, is_quick: quick, ..of(protocol, "proxy stopped and started") }
            .steps(&bounce)
            .until(4.5),
        Scenario { limits: none, ..of(protocol, "proxy stopped, pipelines of 16, 2 workers") }
            .window(16)
            .workers(2)
            .steps(&bounce)
            .until(4.5),
        // Each time for longer than the timeout: servers are not to blame for what was on its way.
        Scenario { limits: none, ..of(protocol, "proxy frozen for 2 s") }
            .keep()
            .steps(&[(1.0, FreezeProxy), (3.0, ThawProxy)])
            .until(5.0),
        Scenario {
            limits: none,
            is_quick: quick,
            ..of(protocol, "proxy frozen again and again, 2 workers")
        }
        .workers(2)
        .steps(&naps(0.5, 5))
        .until(6.0),
        Scenario { limits: none, ..of(protocol, "log moved away and reopened, 2 workers") }
            .workers(2)
            .steps(&[(0.5, RotateLog), (1.0, RotateLog), (1.1, RotateLog), (2.0, RotateLog)])
            .until(3.0),
        Scenario {
            limits: none,
            ..of(protocol, "reloaded every 100 ms, pipelines of 16, 2 workers")
        }
        .window(16)
        .workers(2)
        .steps(&reloads(0.5, 20))
        .until(3.5),
        of(protocol, "reloaded while a server is frozen")
            .steps(&[&[(1.0, Freeze(0))], &reloads(1.2, 25)[..], &[(4.0, Thaw(0))]].concat())
            .until(7.0),
        Scenario {
            // One when it begins, and one when it is over.
            limits: Limits { accept_lines: Some(2), ..none },
            ..of(protocol, "out of descriptors")
        }
        .steps(&[
            (0.5, Descriptors(24)),
            (1.0, Come(Hostile::Flood, 200)),
            (3.0, Leave),
            (4.0, NoDescriptorLimit),
            (4.5, Come(Hostile::Flood, 200)),
            (6.0, Leave),
        ])
        .until(7.0),
    ]
}

/// So many reloads, a tenth of a second apart.
fn reloads(begin: f64, times: u32) -> Vec<(f64, Fault)> {
    (0..times).map(|nth| (begin + 0.1 * f64::from(nth), Reload)).collect()
}

/// The proxy does nothing for 600 ms, once a second.
fn naps(begin: f64, times: u32) -> Vec<(f64, Fault)> {
    let naps = (0..times).map(|nth| begin + f64::from(nth));
    naps.flat_map(|at| [(at, FreezeProxy), (at + 0.6, ThawProxy)]).collect()
}

/// Clients that are no friends.
fn of_clients(protocol: Protocol) -> Vec<Scenario> {
    let with = |name: &str, hostile, count| {
        let limits = Limits { errors_faulty: Some(0), ..Limits::STRICT };
        // They are load too, and a server may take its time over it: what is asked is that nobody
        // fails.
        Scenario { limits, timeout: Duration::from_secs(5), ..of(protocol, name) }
            .steps(&[(1.0, Come(hostile, count)), (5.0, Leave)])
            .until(6.5)
    };
    let mut flood = with("20,000 clients at once", Hostile::Flood, 20_000);
    // A kilobyte each, all told; the kernel's part of a connection is not the proxy's.
    flood.limits = Limits { answers_flood: true, peak: Some(48), ..flood.limits };
    vec![
        with("2,000 clients at once", Hostile::Flood, 2_000),
        flood
            // Those that the kernel's queue has no room for come again after 1, 3, 7, 15 and 31 seconds.
            .steps(&[(1.0, Come(Hostile::Flood, 20_000)), (33.5, Leave)])
            .until(35.0),
        with("a byte a second", Hostile::Drip, 200),
        with("512 MB announced", Hostile::Announce, 200),
        with("never reads", Hostile::Deaf, 50),
        with("vanishes in mid-request", Hostile::Vanish, 8),
        with("vanishes in mid-reply", Hostile::VanishReading, 8).workers(2),
    ]
}

/// Two answers in each other's place: what must be seen is seen.
fn proof() -> Scenario {
    let limits = Limits { wrong: u64::MAX, wrong_at_least: 10, ..Limits::STRICT };
    Scenario {
        limits,
        is_quick: true,
        ..of(Protocol::Redis, "the proof: swapped answers are seen")
    }
    .keep()
    .window(16)
    .steps(&[(1.0, Relay(0, Mode::Swap)), (3.0, Relay(0, Mode::Pass))])
    .until(4.0)
}

/// A scenario with nothing in it yet, after the figures of the named one.
pub(super) fn of(protocol: Protocol, name: &str) -> Scenario {
    Scenario {
        name: format!("{name} ({protocol})"),
        protocol,
        workers: 1,
        timeout: Duration::from_millis(400),
        ejects: true,
        lines: &[],
        clients: 40,
        clients_of_first: usize::MAX,
        window: 1,
        gets_several: true,
        pace: Duration::from_millis(5),
        steps: Vec::new(),
        end: Duration::from_secs(5),
        limits: Limits::STRICT,
        goals: Vec::new(),
        is_quick: false,
    }
}

impl Scenario {
    /// Failing servers stay in the ring.
    fn keep(self) -> Self {
        Self { ejects: false, ..self }
    }

    fn window(self, window: usize) -> Self {
        // As much load, in larger bites.
        Self { window, pace: self.pace * 4, ..self }
    }

    fn workers(self, workers: usize) -> Self {
        Self { workers, ..self }
    }

    fn clients(self, clients: usize) -> Self {
        Self { clients, ..self }
    }

    /// These faults, at these seconds.
    pub(super) fn steps(self, steps: &[(f64, Fault)]) -> Self {
        let step = |(at, fault): &(f64, Fault)| Step {
            at: Duration::from_secs_f64(*at),
            fault: fault.clone(),
        };
        Self { steps: steps.iter().map(step).collect(), ..self }
    }

    /// The end, in seconds.
    pub(super) fn until(self, seconds: f64) -> Self {
        Self { end: Duration::from_secs_f64(seconds), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_steps_are_in_order_and_end_before_the_scenario() {
        let all = all();
        let names: std::collections::BTreeSet<&str> = all.iter().map(|one| &*one.name).collect();
        assert_eq!(names.len(), all.len());
        for scenario in &all {
            let times: Vec<Duration> = scenario.steps.iter().map(|step| step.at).collect();
            assert!(times.is_sorted(), "{}", scenario.name);
            assert!(times.last().is_some_and(|at| *at < scenario.end), "{}", scenario.name);
        }
    }

    #[test]
    fn every_fault_is_healed_before_the_last_look() {
        for scenario in all() {
            for server in 0..SERVERS {
                let last =
                    scenario.steps.iter().rev().find(|one| one.fault.server() == Some(server));
                let is_healed = last.is_none_or(|step| {
                    matches!(step.fault, Thaw(_) | Restart(_) | Relay(_, Mode::Pass))
                });
                assert!(is_healed, "{}: server {server}", scenario.name);
            }
        }
    }

    #[test]
    fn the_quick_run_is_short_and_has_both_protocols() {
        let quick: Vec<Scenario> = all().into_iter().filter(|one| one.is_quick).collect();
        assert!((3..=6).contains(&quick.len()), "{}", quick.len());
        assert!(quick.iter().all(|one| one.end <= Duration::from_secs(6)));
        for protocol in Protocol::ALL {
            assert!(quick.iter().any(|one| one.protocol == protocol));
        }
    }
}
