//! `memcaslap`, libmemcached's load (upstream it is called memaslap), run for a scenario and read.
//!
//! It uses keys and values of its own, and compares every value it reads to what it wrote. Before
//! it reads it writes what it will read, a window of keys for each client: those requests count as
//! well, here and in its own figures.

use std::fs;
use std::path::{Path, PathBuf};

use super::scenario::Scenario;
use super::workload::Operation;
use crate::failure::{Failure, Result};
use crate::proc::{self, Launch, Proc};

/// The program, and where its files go.
#[derive(Debug)]
pub(crate) struct Memaslap {
    program: PathBuf,
    folder: PathBuf,
}

/// What one run of it says.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    /// Requests made, of both kinds.
    pub(crate) requests: u64,
    /// Requests a second, of the kind that was asked for.
    pub(crate) rate: f64,
}

/// The smallest window of keys that the program takes, for each client.
const WINDOW: u64 = 1024;

/// How long its keys are, in bytes. Shorter ones it does not make.
const KEY_BYTES: usize = 24;

impl Memaslap {
    /// Finds the program; `folder` is where its files may go.
    ///
    /// # Errors
    /// [`Failure::MissingProgram`].
    pub(crate) fn find(folder: &Path) -> Result<Self> {
        // Debian has renamed it; other systems keep the old name.
        let program = proc::find("memcaslap", "libmemcached-tools")
            .or_else(|missing| proc::find("memaslap", "").map_err(|_| missing))?;
        Ok(Self { program, folder: folder.to_owned() })
    }

    /// Runs `requests` requests of `scenario` against `port`, at least as many as it must, and
    /// besides those that write what will be read.
    ///
    /// # Errors
    /// A value that is missing or not the one that was written, a closed connection, or output
    /// that does not read as expected.
    pub(crate) fn run(&self, port: u16, scenario: &Scenario, requests: u64) -> Result<Outcome> {
        let clients = scenario.clients as u64;
        let (sets, gets) = match scenario.workload.operation {
            Operation::Set => (1, 0),
            _ => (0, 1),
        };
        let file = self.folder.join("memcaslap.conf");
        let bytes = scenario.workload.value_bytes;
        // Least, most, share of the keys; the same of the values; each command's share.
        let text = format!(
            "key\n{KEY_BYTES} {KEY_BYTES} 1\nvalue\n{bytes} {bytes} 1\ncmd\n0 {sets}\n1 {gets}\n"
        );
        fs::write(&file, text).map_err(Failure::system("writing memcaslap's configuration"))?;
        let count = requests.max(WINDOW);
        let arguments = [
            format!("--servers=127.0.0.1:{port}"),
            "--threads=1".to_owned(),
            format!("--concurrency={clients}"),
            format!("--execute_number={count}"),
            format!("--cfg_cmd={}", file.display()),
            "--win_size=1k".to_owned(),
            "--verify=1".to_owned(),
        ];
        let launch = Launch {
            name: "memcaslap",
            program: &self.program,
            folder: &self.folder,
            cores: &[],
            input: None,
        };
        let output = Proc::start(launch, &arguments)?.finish()?;
        parse(&output)
    }
}

/// Reads what it prints at its end: how many requests of each kind, and how many a second.
fn parse(output: &str) -> Result<Outcome> {
    let count = |label: &str| {
        let rest = output.lines().find_map(|line| line.strip_prefix(label));
        rest.and_then(|rest| rest.trim().parse::<u64>().ok())
    };
    for label in ["get_misses:", "verify_misses:", "verify_failed:"] {
        match count(label) {
            None | Some(0) => {}
            Some(wrong) => return Err(Failure::Wrong(format!("memcaslap: {label} {wrong}"))),
        }
    }
    let number = |label: &str| {
        let rest = output.split(label).nth(1)?;
        rest.split_whitespace().next()?.parse::<f64>().ok()
    };
    let outcome = || {
        let (gets, sets) = (count("cmd_get:")?, count("cmd_set:")?);
        // Its seconds are rounded to tenths; these are not. They do not include the writing of
        // what is read, though its requests a second do.
        let seconds = number(" Ops:")? / number(" TPS:")?;
        let timed = if gets > 0 { gets } else { sets };
        let rate = timed as f64 / seconds;
        (timed > 0 && rate.is_finite()).then_some(Outcome { requests: gets + sets, rate })
    };
    outcome().ok_or_else(|| Failure::Wrong(format!("memcaslap wrote no results, but:\n{output}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "servers: 127.0.0.1:28111\nthreads count: 1\nconcurrency: 50\n\
        cmd_get: 100000\ncmd_set: 51200\nget_misses: 0\nverify_misses: 0\nverify_failed: 0\n\
        written_bytes: 8273600\n\nRun time: 0.7s Ops: 151200 TPS: 227665 Net_rate: 28.0M/s\n";

    #[test]
    fn results_are_found_and_read() {
        let outcome = parse(OUTPUT).expect("results");
        assert_eq!(outcome.requests, 151_200);
        // 100000 in 151200 / 227665 seconds: what was written before the reading is not timed.
        assert!((outcome.rate - 150_572.0).abs() < 1.0, "{outcome:?}");
        let sets =
            OUTPUT.replace("cmd_get: 100000", "cmd_get: 0").replace("Ops: 151200", "Ops: 51200");
        let outcome = parse(&sets).expect("results");
        assert_eq!(outcome, Outcome { requests: 51_200, rate: 227_665.0 });
    }

    #[test]
    fn a_value_that_is_missing_or_not_right_fails() {
        for label in ["get_misses", "verify_misses", "verify_failed"] {
            let output = OUTPUT.replace(&format!("{label}: 0"), &format!("{label}: 3"));
            let failure = parse(&output).expect_err("a wrong answer").to_string();
            assert!(failure.contains(&format!("{label}: 3")), "{failure}");
        }
    }

    #[test]
    fn output_without_results_is_not_read() {
        for output in ["", "Please specify\n", "cmd_get: 0\ncmd_set: 0\nTPS: 0\n"] {
            assert!(parse(output).is_err(), "{output:?}");
        }
    }
}
