//! The long run: mixed load at about 70 % of what the stage can do, and a fault every minute.
//!
//! What must hold is what every scenario must; beyond that, memory and the slowest requests of the
//! first sixth are compared with those of the last, and told of.

use std::time::Duration;

use super::outcome::Outcome;
use super::play::{self, Setting};
use super::relay::Mode;
use super::report;
use super::scenario::{Fault, Limits, Scenario};
use super::scenarios::{self, SERVERS};
use crate::failure::{Failure, Result};
use crate::soak::reply::Protocol;

/// The share of what is possible that is asked for.
const LOAD: f64 = 0.7;

/// How long it takes to find out what is possible.
const TRIAL: f64 = 4.0;

/// Runs `time` with each protocol in half of it, and returns the outcomes.
///
/// # Errors
/// When the stage cannot be set, and [`Failure::Interrupted`].
pub(super) fn run(time: Duration, setting: Setting<'_>) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for protocol in Protocol::ALL {
        let trial = Scenario {
            pace: Duration::ZERO,
            window: 4,
            ..scenarios::of(protocol, "what is possible").until(TRIAL)
        };
        let possible = play_one(&trial, setting)?.requests as f64 / TRIAL;
        let scenario = scenario(protocol, time / 2, possible * LOAD);
        println!(
            "{protocol}: {possible:.0} requests a second are possible, {:.0} are asked for",
            possible * LOAD
        );
        let outcome = play_one(&scenario, Setting { keeps_times: true, ..setting })?;
        for line in report::lines(&outcome).into_iter().chain(sixths(&outcome)) {
            println!("{line}");
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn play_one(scenario: &Scenario, setting: Setting<'_>) -> Result<Outcome> {
    play::play(scenario, setting)?.ok_or_else(|| {
        Failure::Wrong(format!("{}: the proxy refuses its configuration", scenario.name))
    })
}

/// A run of `time` with so many requests a second.
fn scenario(protocol: Protocol, time: Duration, rate: f64) -> Scenario {
    let base = scenarios::of(protocol, &format!("{} s of load", time.as_secs()));
    let window = 4;
    let pace = Duration::from_secs_f64((base.clients * window) as f64 / rate.max(1.0));
    Scenario {
        window,
        pace,
        ejects: false,
        workers: 2,
        limits: Limits { peak: Some(512), ..Limits::STRICT },
        ..base.steps(&faults(time.as_secs_f64())).until(time.as_secs_f64())
    }
}

/// A fault every minute, each healed three seconds later; in a short run more often, so that each
/// kind has its turn.
fn faults(seconds: f64) -> Vec<(f64, Fault)> {
    let every = (seconds / 6.0).clamp(5.0, 60.0);
    let mut steps = Vec::new();
    let mut nth = 0;
    loop {
        let at = every * (0.5 + nth as f64);
        if at + 4.0 > seconds {
            return steps;
        }
        // The relay's server is not one that is killed: a fault has one cause.
        let server = 1 + nth % (SERVERS - 1);
        let (fault, cure) = match nth % 6 {
            0 => (Fault::Freeze(server), Fault::Thaw(server)),
            1 => (Fault::Kill(server), Fault::Restart(server)),
            2 => (Fault::Relay(0, Mode::Cut), Fault::Relay(0, Mode::Pass)),
            3 => (Fault::Relay(0, Mode::Delay(50)), Fault::Relay(0, Mode::Pass)),
            4 => (Fault::Relay(0, Mode::Garbage), Fault::Relay(0, Mode::Pass)),
            _ => (Fault::Relay(0, Mode::Truncated(700)), Fault::Relay(0, Mode::Pass)),
        };
        steps.extend([(at, fault), (at + 3.0, cure)]);
        nth += 1;
    }
}

/// How the sixths of a run compare.
fn sixths(outcome: &Outcome) -> Vec<String> {
    let (Some(first), Some(last)) = (outcome.p99_us.first(), outcome.p99_us.last()) else {
        return Vec::new();
    };
    let change = 100.0 * (*last as f64 / (*first).max(1) as f64 - 1.0);
    let within = if change <= 10.0 { "within" } else { "NOT within" };
    vec![
        format!("    99th percentile by sixths, in us: {:?}", outcome.p99_us),
        format!("    the last is {change:+.0} % of the first: {within} 10 %"),
        format!(
            "    most memory by sixths, in MiB: {}",
            outcome
                .memory_by_sixths
                .iter()
                .map(|mib| format!("{mib:.1}"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_a_fault_a_minute_and_each_is_healed() {
        let steps = faults(3600.0);
        assert_eq!(steps.len(), 2 * 60);
        assert!(steps.is_sorted_by(|one, next| one.0 < next.0));
        assert!(steps.last().is_some_and(|(at, _)| *at < 3600.0));
    }

    #[test]
    fn a_short_run_has_a_fault_of_each_kind() {
        assert_eq!(faults(60.0).len(), 2 * 6);
    }

    #[test]
    fn the_pace_makes_the_rate() {
        let scenario = scenario(Protocol::Redis, Duration::from_secs(60), 8_000.0);
        let rate = (scenario.clients * scenario.window) as f64 / scenario.pace.as_secs_f64();
        assert!((rate - 8_000.0).abs() < 1.0, "{rate}");
    }
}
