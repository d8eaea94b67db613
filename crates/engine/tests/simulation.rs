//! Seeded simulation: whole worlds of clients, servers and faults around the engine, each drawn
//! from one number. See [`world`] for what is in them and what must hold.
//!
//! A run that fails prints its seed, and how to live it again. `cargo xtask simulation` runs this file
//! for as long as asked, with these:
//! - `SIMULATION_SEED=n` lives one world, that of seed `n`.
//! - `SIMULATION_SECONDS=n` looks at fresh seeds for so long; the default is short enough for every
//!   test run.
//! - `SIMULATION_THREADS=n` lives so many worlds side by side.

mod world;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use world::{Coverage, Outcome, World};

/// Seeds that are lived every time. Together they see everything that the simulation is about.
const FIXED_SEEDS: u64 = 200;

/// How long fresh seeds are looked at, unless `SIMULATION_SECONDS` says otherwise: CI does, in a build
/// that lives ten worlds in the time of one.
const FRESH_SECONDS: u64 = 3;

#[test]
fn fixed_seeds_hold() {
    if let Some(seed) = number("SIMULATION_SEED") {
        let mut seen = Coverage::new();
        seen.add(&live(seed));
        println!("{seen}seed {seed} holds; {} turns", seen.turns);
        return;
    }
    if number("SIMULATION_SECONDS").is_some() {
        return;
    }
    let seen = live_all(0, |seed| seed < FIXED_SEEDS);
    println!("{seen}");
    // A simulation that nothing happens in finds nothing.
    let unseen = seen.unseen();
    assert!(unseen.is_empty(), "no world of seeds 0 to {} saw: {unseen:#?}", FIXED_SEEDS - 1);
}

#[test]
fn fresh_seeds_hold() {
    if number("SIMULATION_SEED").is_some() {
        return;
    }
    let wait = Duration::from_secs(number("SIMULATION_SECONDS").unwrap_or(FRESH_SECONDS));
    let begun = now();
    let first = RandomState::new().hash_one(0);
    let seen = live_all(first, |_| now() - begun < wait);
    let took = (now() - begun).as_secs_f64();
    print!("{seen}");
    println!(
        "{} seeds from {first} on hold; {:.0} seeds and {:.0} turns a second",
        seen.seeds,
        seen.seeds as f64 / took,
        seen.turns as f64 / took,
    );
}

#[test]
fn a_seed_lives_the_same_life_twice() {
    if number("SIMULATION_SECONDS").or(number("SIMULATION_SEED")).is_some() {
        return;
    }
    for seed in 0..10 {
        assert_eq!(live(seed), live(seed), "seed {seed}");
    }
}

/// Lives the worlds of `first` and the seeds behind it for as long as `goes_on` says so of the next;
/// many side by side. Fails with the first of them that does.
fn live_all(first: u64, goes_on: impl Fn(u64) -> bool + Sync) -> Coverage {
    let cores = thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let threads = number("SIMULATION_THREADS").unwrap_or(cores).max(1);
    let (next, failed) = (AtomicU64::new(first), AtomicBool::new(false));
    let work = &|| {
        let mut seen = Coverage::new();
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !goes_on(seed) {
                break;
            }
            let outcome = catch_unwind(|| live(seed)).unwrap_or_else(|failure| {
                failed.store(true, Ordering::Relaxed);
                resume_unwind(failure)
            });
            seen.add(&outcome);
        }
        seen
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Coverage::new();
        for thread in threads {
            all.merge(&thread.join().unwrap_or_else(|failure| resume_unwind(failure)));
        }
        all
    })
}

/// Lives one world, and names its seed if that goes wrong.
fn live(seed: u64) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| World::run(seed))).unwrap_or_else(|failure| {
        eprintln!("the world of seed {seed} failed; to live it again:");
        eprintln!("    cargo xtask simulation --seed {seed}");
        resume_unwind(failure)
    })
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text}, not a number")))
}

#[expect(clippy::disallowed_methods, reason = "the bound on the test's own running time")]
fn now() -> Instant {
    Instant::now()
}
