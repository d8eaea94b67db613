//! Any events at all, in any order; `play/mod.rs` says how bytes are read as events.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/engine/tests/fuzz/play/mod.rs"]
mod play;

fuzz_target!(|data: &[u8]| play::fuzz_engine(data));
