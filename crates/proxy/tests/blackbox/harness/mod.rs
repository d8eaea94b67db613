//! What the tests are made with: real servers, proxies, scripted peers, a raw client.

pub(crate) mod client;
pub(crate) mod kernel;
pub(crate) mod load;
pub(crate) mod peer;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod scratch;
pub(crate) mod servers;
pub(crate) mod wire;
pub(crate) mod workload;

use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything that works takes, even on a busy machine; shorter than a test run.
pub(crate) const SOON: Duration = Duration::from_secs(15);

/// Waits until `done`, for [`SOON`] at most, and says whether it came to that.
pub(crate) fn eventually(mut done: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while !done() {
        if begun.elapsed() > SOON {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Milliseconds.
pub(crate) const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}
