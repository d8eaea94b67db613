//! The fuzz function of the engine as an ordinary test: over the corpus, and over drawn bytes.

mod play;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use play::fuzz_engine;

#[test]
fn the_corpus_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/engine");
    let mut seeds = 0;
    for entry in fs::read_dir(&folder).expect("the corpus") {
        let path = entry.expect("a file").path();
        let data = fs::read(&path).expect("a file that can be read");
        let outcome = catch_unwind(|| fuzz_engine(&data));
        assert!(outcome.is_ok(), "{}", path.display());
        seeds += 1;
    }
    assert!(seeds > 0, "the corpus is not empty");
}

#[test]
fn drawn_bytes_hold() {
    for seed in 0..1_000_u64 {
        let data = draw(seed);
        let outcome = catch_unwind(|| fuzz_engine(&data));
        assert!(outcome.is_ok(), "seed {seed}: {}", data.escape_ascii());
    }
}

/// Some steps that open a pool, and then bytes as they come, letters mostly: those are steps.
fn draw(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u32
    };
    let mut data = vec![random() as u8, random() as u8];
    data.extend_from_slice(b"a0a1b00b12f0m0");
    for _ in 0..random() % 200 {
        data.push(match random() % 4 {
            0 => random() as u8,
            1 => b'0' + (random() % 10) as u8,
            _ => b'a' + (random() % 16) as u8,
        });
    }
    data
}
