//! Seeded simulation: whole worlds of clients, servers and faults around the engine, each drawn
//! from one number. See [`world`] for what is in them and what must hold.
//!
//! A run that fails prints its seed, and how to live it again:
//! - `SIMULATION_SEED=n` lives one world, that of seed `n`.
//! - `SIMULATION_SECONDS=n` looks at fresh seeds for so long; the default is short enough for every
//!   test run.

mod world;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use world::{Outcome, World};

/// Seeds that are lived every time.
const FIXED_SEEDS: u64 = 100;

/// How long fresh seeds are looked at, unless `SIMULATION_SECONDS` says otherwise.
const FRESH_SECONDS: u64 = 5;

#[test]
fn fixed_seeds_hold() {
    if let Some(seed) = number("SIMULATION_SEED") {
        live(seed);
        return;
    }
    let mut all = Outcome::default();
    for seed in 0..FIXED_SEEDS {
        let outcome = live(seed);
        all.responses += outcome.responses;
        all.failed += outcome.failed;
        all.fragments += outcome.fragments;
        all.ejects += outcome.ejects;
        all.timeouts += outcome.timeouts;
        all.moves += outcome.moves;
        all.retried += outcome.retried;
        all.moved += outcome.moved;
    }
    println!("{all:?}");
    // A simulation that nothing happens in finds nothing.
    assert!(all.responses > 15_000, "{all:?}");
    assert!(all.failed > 300, "{all:?}");
    assert!(all.fragments > 2_000, "{all:?}");
    assert!(all.ejects > 20, "{all:?}");
    assert!(all.timeouts > 20, "{all:?}");
    assert!(all.moves > 100, "{all:?}");
    assert!(all.retried > 15, "{all:?}");
    assert!(all.moved > 80, "{all:?}");
}

#[test]
fn fresh_seeds_hold() {
    if number("SIMULATION_SEED").is_some() {
        return;
    }
    let wait = Duration::from_secs(number("SIMULATION_SECONDS").unwrap_or(FRESH_SECONDS));
    let begin = now();
    let first = RandomState::new().hash_one(0);
    let mut seeds = 0;
    while now() - begin < wait {
        live(first.wrapping_add(seeds));
        seeds += 1;
    }
    println!("{seeds} fresh seeds from {first}");
}

#[test]
fn a_seed_lives_the_same_life_twice() {
    for seed in 0..10 {
        assert_eq!(live(seed), live(seed), "seed {seed}");
    }
}

/// Lives one world, and names its seed if that goes wrong.
fn live(seed: u64) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| World::run(seed))).unwrap_or_else(|failure| {
        eprintln!("the world of seed {seed} failed; to live it again:");
        eprintln!("SIMULATION_SEED={seed} cargo test -p nutcracker-engine --test simulation fixed");
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
