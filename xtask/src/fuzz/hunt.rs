//! One target's run.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::proc::{Launch, Proc};

/// Seconds that one input may take. The slowest take a fraction of one, on a machine with a core to
/// spare.
const INPUT_SECONDS_MAX: u64 = 60;

/// Memory that a target may need, in MiB.
const MEMORY_MIB_MAX: u64 = 2048;

/// A target about to run.
#[derive(Debug)]
pub(super) struct Hunt {
    name: String,
    program: PathBuf,
    /// Where its log lies, and inputs that fail.
    folder: PathBuf,
    /// Where it puts what reaches new code, for later runs to begin with.
    found: PathBuf,
    seeds: PathBuf,
    seconds: u64,
}

/// How it went.
#[derive(Debug)]
pub(super) struct Outcome {
    /// In a line.
    pub(super) line: String,
    /// What is wrong, and how to see it again.
    pub(super) broken: Option<String>,
}

impl Hunt {
    /// A run of `seconds`.
    ///
    /// # Errors
    /// The system's: folders that cannot be made.
    pub(super) fn new(root: &Path, programs: &Path, name: &str, seconds: u64) -> Result<Self> {
        let folder = root.join("fuzz/artifacts").join(name);
        let found = root.join("fuzz/artifacts/found").join(name);
        for folder in [&folder, &found] {
            fs::create_dir_all(folder).map_err(Failure::system("making a folder for a target"))?;
        }
        Ok(Self {
            name: name.to_owned(),
            program: programs.join(name),
            folder,
            found,
            seeds: root.join("fuzz/corpus").join(name),
            seconds,
        })
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// The system's, and [`Failure::Interrupted`].
    pub(super) fn run(&self) -> Result<Outcome> {
        let arguments = [
            self.found.display().to_string(),
            self.seeds.display().to_string(),
            format!("-max_total_time={}", self.seconds),
            format!("-timeout={INPUT_SECONDS_MAX}"),
            format!("-report_slow_units={INPUT_SECONDS_MAX}"),
            format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
            format!("-artifact_prefix={}/", self.folder.display()),
            "-print_final_stats=1".to_owned(),
        ];
        let launch = Launch {
            name: &self.name,
            program: &self.program,
            folder: &self.folder,
            cores: &[],
            input: None,
        };
        let mut process = Proc::start(launch, &arguments)?;
        let status = loop {
            match process.ended()? {
                Some(status) => break status,
                None => interrupt::sleep(std::time::Duration::from_millis(50))?,
            }
        };
        let log = process.output();
        let broken = (!status.success()).then(|| self.explain(&log));
        Ok(Outcome { line: line(&self.name, &log, broken.is_none()), broken })
    }

    /// What an input did, where it lies, and how to try it again.
    fn explain(&self, log: &str) -> String {
        let panic = log.lines().skip_while(|line| !line.contains("panicked at")).take(3);
        let panic: Vec<&str> = panic.collect();
        let kind = log.lines().find(|line| line.starts_with("SUMMARY:"));
        let input = log.lines().find_map(|line| line.split_once("Test unit written to "));
        let said =
            if panic.is_empty() { kind.unwrap_or("it ended early") } else { &panic.join("\n") };
        match input {
            Some((_, input)) => format!(
                "{}: {said}\nthe input: {input}\nonce more: {} {input}",
                self.name,
                self.program.display()
            ),
            None => format!("{}: {said}\nthe log is {}", self.name, self.folder.display()),
        }
    }
}

/// The figures of libFuzzer's log.
fn line(name: &str, log: &str, holds: bool) -> String {
    let statistic = |what: &str| {
        let line = log.lines().find_map(|line| line.strip_prefix(&format!("stat::{what}:")));
        line.map_or("?", str::trim).to_owned()
    };
    // "#4242 DONE cov: 3828 ft: 16728 ...": the last one is that of the end.
    let coverage = log.lines().filter_map(|line| line.split_once(" cov: ")).next_back();
    let coverage = coverage.and_then(|(_, rest)| rest.split(' ').next()).unwrap_or("?");
    format!(
        "{name:<20} {} inputs, {} a second, {coverage} edges reached, {} MiB: {}",
        statistic("number_of_executed_units"),
        statistic("average_exec_per_sec"),
        statistic("peak_rss_mb"),
        if holds { "all hold" } else { "ONE FAILS" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from libFuzzer, and shortened.
    const GOOD: &str = "INFO: Seed: 1\n#2\tINITED cov: 20 ft: 21 corp: 1/1b exec/s: 0 rss: 30Mb\n\
        #828950\tDONE   cov: 4031 ft: 18632 corp: 3693/544Kb lim: 459 exec/s: 6850 rss: 37Mb\n\
        Done 828950 runs in 121 second(s)\nstat::number_of_executed_units: 828950\n\
        stat::average_exec_per_sec:     6850\nstat::peak_rss_mb:              37\n";

    const BAD: &str = "#7\tNEW    cov: 3443 ft: 17111 corp: 2787/129Kb\n\n\
        thread '<unnamed>' (20825) panicked at play/mod.rs:117:35:\na client hears nonsense\n\
        stack backtrace:\n==20825== ERROR: libFuzzer: deadly signal\n\
        SUMMARY: libFuzzer: deadly signal\n\
        artifact_prefix='a/'; Test unit written to a/crash-acc8\n\
        stat::number_of_executed_units: 419478\n";

    #[test]
    fn a_good_run_is_a_line_of_figures() {
        assert_eq!(
            line("config", GOOD, true),
            "config               828950 inputs, 6850 a second, 4031 edges reached, 37 MiB: all hold"
        );
        assert!(
            line("config", BAD, false)
                .ends_with("419478 inputs, ? a second, 3443 edges reached, ? MiB: ONE FAILS")
        );
    }

    #[test]
    fn a_failure_is_told_with_its_input_and_how_to_try_it_again() {
        let hunt = Hunt {
            name: "engine".to_owned(),
            program: "bin/engine".into(),
            folder: "a".into(),
            found: "f".into(),
            seeds: "s".into(),
            seconds: 1,
        };
        let told = hunt.explain(BAD);
        assert!(told.contains("play/mod.rs:117"), "{told}");
        assert!(told.contains("a client hears nonsense"), "{told}");
        assert!(told.ends_with("once more: bin/engine a/crash-acc8"), "{told}");
        let slow = "SUMMARY: libFuzzer: timeout\nTest unit written to a/timeout-1\n";
        assert!(hunt.explain(slow).starts_with("engine: SUMMARY: libFuzzer: timeout"));
        assert!(hunt.explain("").contains("ended early"));
    }
}
