//! The long run: mixed load at about 70 % of what the stage can do, and a fault every minute.
//!
//! Both protocols have a proxy each, side by side, for all of the time: what they can do is found out
//! together, too. What must hold is what every scenario must; beyond that, the last sixth of the run is
//! compared with the first (`verdicts.rs`).

use std::thread;
use std::time::Duration;

use super::outcome::Outcome;
use super::play::{self, Setting};
use super::relay::Mode;
use super::report;
use super::scenario::{Fault, Limits, Scenario};
use super::scenarios::{self, SERVERS};
use super::verdicts::{self, Verdict};
use crate::failure::{Failure, Result};
use crate::soak::reply::Protocol;

/// The share of what is possible that is asked for; and of the processors' time that may go into it,
/// because requests that come one by one cost more than those that come in a crowd.
const LOAD: f64 = 0.7;

/// How long it takes to find out what is possible, and what some load takes, in seconds.
const TRIAL: f64 = 8.0;

/// How often a load is tried before it is taken as it is.
const TRIALS_MAX: usize = 5;

/// How far above its share of the processors' time a load may be.
const TOLERANCE: f64 = 0.03;

/// How one protocol fared.
#[derive(Debug)]
pub(super) struct Run {
    /// Requests a second that were possible, and that were asked for.
    pub(super) rates: [f64; 2],
    pub(super) outcome: Outcome,
    pub(super) verdicts: Vec<Verdict>,
}

/// Runs `time` with each protocol, both at once, and tells of them.
///
/// # Errors
/// When the stage cannot be set, and [`Failure::Interrupted`].
pub(super) fn run(time: Duration, setting: Setting<'_>) -> Result<Vec<Run>> {
    let possible = side_by_side(|protocol| {
        let trial = Scenario {
            pace: Duration::ZERO,
            window: 4,
            workers: 2,
            ..scenarios::of(protocol, "what is possible").until(TRIAL)
        };
        Ok(play_one(&trial, setting)?.requests as f64 / TRIAL)
    })?;
    let rate = |protocol, share: f64| {
        let nth = Protocol::ALL.iter().position(|one| *one == protocol).unwrap_or(0);
        [possible[nth], possible[nth] * share]
    };
    let share = find_share(setting, |protocol, share| rate(protocol, share)[1])?;
    for protocol in Protocol::ALL {
        let [possible, asked] = rate(protocol, share);
        println!(
            "{protocol}: {possible:.0} requests a second are possible, {asked:.0} are asked for"
        );
    }
    let of = |protocol| {
        let rates = rate(protocol, share);
        let scenario = scenario(protocol, time, rates[1]);
        let mut outcome = play_one(&scenario, Setting { keeps_times: true, ..setting })?;
        let verdicts = verdicts::of(&outcome, time);
        let broken = verdicts.iter().filter(|verdict| !verdict.holds && verdict.must);
        outcome.broken.extend(broken.map(Verdict::words));
        Ok(Run { rates, outcome, verdicts })
    };
    let runs = side_by_side(of)?;
    for run in &runs {
        report::lines(&run.outcome).iter().for_each(|line| println!("{line}"));
        report::long_lines(run).iter().for_each(|line| println!("    {line}"));
    }
    Ok(runs)
}

/// The share of what is possible that keeps the machine busy for [`LOAD`] of its time, [`LOAD`] at most.
fn find_share(setting: Setting<'_>, rate: impl Fn(Protocol, f64) -> f64 + Sync) -> Result<f64> {
    let mut share = LOAD;
    for _ in 0..TRIALS_MAX {
        let busy = side_by_side(|protocol| {
            let calm = Scenario {
                steps: Vec::new(),
                ..scenario(protocol, Duration::from_secs_f64(TRIAL), rate(protocol, share))
            };
            Ok(play_one(&calm, setting)?.busy)
        })?;
        let busy = busy.into_iter().fold(0.0, f64::max);
        println!(
            "{:.0} % of what is possible keeps the machine {:.0} % busy",
            share * 100.0,
            busy * 100.0
        );
        if busy <= LOAD + TOLERANCE {
            break;
        }
        share *= LOAD / busy;
    }
    Ok(share)
}

/// Has `play` run for each protocol on a thread of its own, which its servers need (see `proc.rs`).
fn side_by_side<T: Send>(play: impl Fn(Protocol) -> Result<T> + Sync) -> Result<Vec<T>> {
    let play = &play;
    thread::scope(|scope| {
        let lanes = Protocol::ALL.map(|protocol| scope.spawn(move || play(protocol)));
        lanes.into_iter().map(|lane| lane.join().expect("a run does not panic")).collect()
    })
}

fn play_one(scenario: &Scenario, setting: Setting<'_>) -> Result<Outcome> {
    play::play(scenario, setting)?.ok_or_else(|| {
        Failure::Wrong(format!("{}: the proxy refuses its configuration", scenario.name))
    })
}

/// A run of `time` with so many requests a second.
fn scenario(protocol: Protocol, time: Duration, rate: f64) -> Scenario {
    let base = scenarios::of(protocol, &length(time));
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

/// The run's name.
fn length(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..120 => format!("{seconds} s of load"),
        seconds => format!("{} minutes of load", seconds / 60),
    }
}

/// A fault every minute, each healed three seconds later; in a short run more often, so that each
/// kind has its turn. After ten they begin anew, so that each sixth of an hour has the same.
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
        let of_ten = nth % 10;
        let server = 1 + of_ten % (SERVERS - 1);
        let (fault, cure) = match of_ten % 6 {
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
    fn each_sixth_of_an_hour_has_the_same_faults() {
        let steps = faults(3600.0);
        let of_sixth = |nth: usize| steps[nth * 20..][..20].iter().map(|(_, fault)| fault.words());
        assert!((1..6).all(|nth| of_sixth(nth).eq(of_sixth(0))));
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
