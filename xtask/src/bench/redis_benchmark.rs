//! `redis-benchmark`, the load that everybody knows, run for a scenario and read.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::scenario::Scenario;
use super::workload::{Operation, value};
use crate::failure::{Failure, Result};
use crate::proc::{self, Launch, Proc};

/// The program, and where its files go.
#[derive(Debug)]
pub(crate) struct RedisBenchmark {
    program: PathBuf,
    folder: PathBuf,
}

/// What one run of it says.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Median latency, in microseconds.
    pub(crate) p50: f64,
    /// The latency that one request in a hundred passes, in microseconds.
    pub(crate) p99: f64,
}

impl RedisBenchmark {
    /// Finds the program; `folder` is where its files may go.
    ///
    /// # Errors
    /// [`Failure::MissingProgram`].
    pub(crate) fn find(folder: &Path) -> Result<Self> {
        let program = proc::find("redis-benchmark", "redis-tools")?;
        Ok(Self { program, folder: folder.to_owned() })
    }

    /// Runs `requests` requests of `scenario` against `port`.
    ///
    /// # Errors
    /// An error response, a closed connection, or output that does not read as expected.
    pub(crate) fn run(&self, port: u16, scenario: &Scenario, requests: u64) -> Result<Outcome> {
        let workload = &scenario.workload;
        #[rustfmt::skip]
        let mut arguments: Vec<String> = [
            ("-p", u64::from(port)),
            ("-c", scenario.clients as u64),
            ("-P", scenario.pipeline as u64),
            ("-n", requests),
            ("-r", u64::from(workload.keys)),
        ].into_iter().flat_map(|(flag, value)| [flag.to_owned(), value.to_string()]).collect();
        arguments.extend(["-h", "127.0.0.1", "--csv"].map(str::to_owned));
        let mut input = None;
        if workload.operation == Operation::Set {
            let file = self.folder.join("value");
            fs::write(&file, value(0, workload.value_bytes))
                .map_err(Failure::system("writing a value"))?;
            input = Some(File::open(&file).map_err(Failure::system("reading a value"))?);
            arguments.push("-x".to_owned());
        }
        arguments.extend(workload.redis_command());
        let launch = Launch {
            name: "redis-benchmark",
            program: &self.program,
            folder: &self.folder,
            cores: &[],
            input,
        };
        let output = Proc::start(launch, &arguments)?.finish()?;
        parse(&output).ok_or_else(|| {
            Failure::Wrong(format!("redis-benchmark wrote no line of results, but:\n{output}"))
        })
    }
}

/// Reads the last line of `--csv`: the command, then requests a second and six latencies in
/// milliseconds (mean, least, p50, p95, p99, most), each in quotes.
fn parse(output: &str) -> Option<Outcome> {
    let line = output.lines().rev().find(|line| line.starts_with('"'))?;
    // From the right: the command at the left may hold anything.
    let mut fields = line.rsplit(',').map(|field| field.trim_matches('"').parse::<f64>().ok());
    let [_max, p99, _p95, p50, _min, _mean, rate] =
        std::array::from_fn(|_| fields.next().flatten());
    Some(Outcome { rate: rate?, p50: p50? * 1_000.0, p99: p99? * 1_000.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_results_is_found_and_read() {
        let output = "WARNING: Could not fetch server CONFIG\n\
            \"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\
            \"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n\
            \"get \"a,b\"\",\"89285.71\",\"0.292\",\"0.064\",\"0.279\",\"0.351\",\"0.727\",\"2.863\"\n";
        let outcome = parse(output).expect("a line of results");
        assert_eq!((outcome.rate, outcome.p50, outcome.p99), (89285.71, 279.0, 727.0));
    }

    #[test]
    fn output_without_results_is_not_read() {
        for output in ["", "Could not connect\n", "\"test\",\"rps\",\"p50_latency_ms\"\n"] {
            assert!(parse(output).is_none(), "{output:?}");
        }
    }
}
