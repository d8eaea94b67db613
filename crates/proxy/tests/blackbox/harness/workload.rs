//! A client that checks every answer it gets, for as long as the test goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use super::client::Client;
use super::eventually;
use super::wire::{bulk, redis};

/// Pipelines of writes and reads on one connection, each answer compared, until stopped.
#[derive(Debug)]
pub(crate) struct Workload {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// Requests of each kind in a round.
const WIDTH: usize = 20;

impl Workload {
    /// Against a Redis pool; all its keys begin with `prefix`.
    pub(crate) fn start(port: u16, prefix: &str) -> Self {
        let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, counted, prefix) =
            (Arc::clone(&stop), Arc::clone(&rounds), prefix.to_owned());
        let thread = thread::spawn(move || {
            let mut client = Client::tcp(port);
            while !stopped.load(Ordering::Relaxed) {
                let round = counted.load(Ordering::Relaxed);
                client.ask(requests(&prefix, round), responses(round));
                counted.store(round + 1, Ordering::Relaxed);
            }
        });
        Self { stop, rounds, thread: Some(thread) }
    }

    /// Waits until `more` rounds have been made since now.
    #[track_caller]
    pub(crate) fn expect_progress(&self, more: u64) {
        let goal = self.rounds.load(Ordering::Relaxed) + more;
        let came = eventually(|| self.rounds.load(Ordering::Relaxed) >= goal || self.has_failed());
        assert!(came && !self.has_failed(), "a client that did nothing wrong is disturbed");
    }

    fn has_failed(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Ends it; it is an error if any answer was wrong.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().expect("it is stopped once").join();
        assert!(ended.is_ok(), "a client that did nothing wrong got a wrong answer");
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn value(round: u64, n: usize) -> String {
    // Lengths differ, so that an answer of another request is noticed.
    format!("{round}-{n}-{}", "v".repeat((round as usize * 7 + n * 13) % 300))
}

fn requests(prefix: &str, round: u64) -> Vec<u8> {
    let keys: Vec<String> = (0..WIDTH).map(|n| format!("{prefix}:{n}")).collect();
    let mut wire = Vec::new();
    for (n, key) in keys.iter().enumerate() {
        wire.extend(redis(&["SET", key, &value(round, n)]));
    }
    keys.iter().for_each(|key| wire.extend(redis(&["GET", key])));
    let mget: Vec<&str> = ["MGET"].into_iter().chain(keys.iter().map(String::as_str)).collect();
    wire.extend(redis(&mget));
    wire
}

fn responses(round: u64) -> Vec<u8> {
    let mut wire = b"+OK\r\n".repeat(WIDTH);
    let values: Vec<u8> = (0..WIDTH).flat_map(|n| bulk(value(round, n))).collect();
    wire.extend_from_slice(&values);
    wire.extend_from_slice(format!("*{WIDTH}\r\n").as_bytes());
    wire.extend_from_slice(&values);
    wire
}
