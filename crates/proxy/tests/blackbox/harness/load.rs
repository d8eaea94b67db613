//! Load from client libraries that people use: `clients/load.py`, which remembers what it wrote.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use serde_json::Value;

use super::eventually;

/// Debian's own Python, which has Debian's packages: the first one of a PATH may be another.
const PYTHON: &str = "/usr/bin/python3";

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/blackbox/clients/load.py");

/// A running script. Killed when dropped; ends by itself when the test process does.
#[derive(Debug)]
pub(crate) struct Load {
    process: Child,
    stdin: Option<ChildStdin>,
    tally: Arc<Mutex<Value>>,
    reads: Option<JoinHandle<()>>,
}

impl Load {
    /// Begins, and waits until every client has written all its keys. The arguments are those that
    /// the script describes.
    #[track_caller]
    pub(crate) fn start(args: &[String]) -> Self {
        let mut process = Command::new(PYTHON)
            .arg(SCRIPT)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a python3");
        let stdin = process.stdin.take();
        let stdout = process.stdout.take().expect("it is piped");
        let tally = Arc::new(Mutex::new(Value::Null));
        let told = Arc::clone(&tally);
        let reads = thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).expect("the script says JSON");
                *told.lock().unwrap_or_else(PoisonError::into_inner) = line;
            }
        });
        let load = Self { process, stdin, tally, reads: Some(reads) };
        load.wait("write its keys", |tally| tally["filled"] == true);
        load
    }

    /// How far it is.
    pub(crate) fn tally(&self) -> Value {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until every client has read all its keys `times` times, counted from now.
    #[track_caller]
    pub(crate) fn expect_sweeps(&self, times: u64) {
        let sweeps = |tally: &Value| -> Vec<u64> {
            let each = tally["sweeps"].as_array().expect("a list");
            each.iter().map(|count| count.as_u64().expect("a number")).collect()
        };
        // The sweep that is under way does not count.
        let goal: Vec<u64> = sweeps(&self.tally()).iter().map(|now| now + times + 1).collect();
        self.wait("read all keys", |tally| {
            sweeps(tally).iter().zip(&goal).all(|(now, goal)| now >= goal)
        });
    }

    #[track_caller]
    fn wait(&self, what: &str, done: impl Fn(&Value) -> bool) {
        let over = || self.reads.as_ref().is_some_and(JoinHandle::is_finished);
        let came = eventually(|| done(&self.tally()) || over());
        let tally = self.tally();
        assert!(came && done(&tally), "the clients do not {what}: {tally}");
    }

    /// Ends it: no answer may have been wrong, no key missing, and no error of another kind than
    /// `kinds`. Returns the last tally.
    #[track_caller]
    pub(crate) fn finish(mut self, kinds: &[&str]) -> Value {
        drop(self.stdin.take());
        self.wait("end", |tally| tally["ended"] == true);
        let tally = self.tally();
        for name in ["wrong", "missing"] {
            assert_eq!(tally[name].as_array().map(Vec::len), Some(0), "{name} values: {tally:#}");
        }
        let errors = tally["errors"].as_object().expect("a map");
        let odd: Vec<&String> = errors.keys().filter(|kind| !kinds.contains(&&***kind)).collect();
        assert!(odd.is_empty(), "errors that are no reconnect: {odd:?}: {tally:#}");
        tally
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // Fails when it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(reads) = self.reads.take() {
            let _ = reads.join();
        }
    }
}
