//! The results: a table in the terminal as they come, and all of them as JSON at the end.

use std::fs;
use std::path::Path;
use std::thread;

use serde::Serialize;

use super::memory::Weight;
use super::options::Options;
use super::rig::Target;
use super::scenario::{Habit, MemoryScenario, SETTLE_TIME, Scenario};
use super::spread::Spread;
use super::timed::{Figure, Visits};
use crate::failure::{Failure, Result};

/// Everything a run has measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    settings: Settings,
    timed: Vec<TimedRow>,
    memory: Vec<MemoryRow>,
    /// Scenarios that could not run on this machine, and why.
    skipped: Vec<String>,
}

/// Where it was measured.
#[derive(Debug, Serialize)]
struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    /// The core that the proxy under test had to itself.
    proxy_core: Option<usize>,
}

/// How it was measured.
#[derive(Debug, Serialize)]
struct Settings {
    rounds: usize,
    visit_seconds: f64,
    quick: bool,
    original: String,
    proxy: String,
}

/// A timed scenario's results.
#[derive(Debug, Serialize)]
struct TimedRow {
    name: &'static str,
    targets: Vec<Visits>,
    /// Of the proxy to the original, round by round.
    ratios: Ratios,
    goal: Option<Goal>,
}

/// Ratios of the proxy's figures to the original's.
#[derive(Debug, Serialize)]
struct Ratios {
    rate: Option<Spread>,
    p50: Option<Spread>,
    p99: Option<Spread>,
    cpu: Option<Spread>,
}

/// A weighed scenario's results.
#[derive(Debug, Serialize)]
struct MemoryRow {
    name: &'static str,
    targets: Vec<Weight>,
    goal: Option<Goal>,
}

/// A figure that must be reached, and whether it is.
#[derive(Debug, Serialize)]
struct Goal {
    /// What is held to it.
    figure: &'static str,
    /// The most it may be.
    most: f64,
    /// What it is, if it could be measured.
    found: Option<f64>,
    met: bool,
}

/// A column of the table of times: its heading, its digits after the point, and its figure.
const COLUMNS: [(&str, usize, Figure); 4] = [
    ("req/s", 0, |sample| Some(sample.rate)),
    ("p50 us", 0, |sample| Some(sample.p50)),
    ("p99 us", 0, |sample| Some(sample.p99)),
    ("CPU us/req", 3, |sample| sample.cpu),
];

const MIB: f64 = 1024.0 * 1024.0;

impl Report {
    /// A report without results yet. `proxy_core` is the core left to the proxy under test.
    pub(crate) fn new(options: &Options, proxy_core: Option<usize>) -> Self {
        let line = |file| fs::read_to_string(file).unwrap_or_default();
        let cpu = line("/proc/cpuinfo")
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map_or_else(String::new, |name| name.trim_start_matches([' ', '\t', ':']).to_owned());
        Self {
            machine: Machine {
                cpu,
                // The cores left to this process, and the one left to the proxy.
                cores: thread::available_parallelism().map_or(1, usize::from)
                    + usize::from(proxy_core.is_some()),
                kernel: line("/proc/sys/kernel/osrelease").trim().to_owned(),
                proxy_core,
            },
            settings: Settings {
                rounds: options.rounds,
                visit_seconds: options.visit.as_secs_f64(),
                quick: options.quick,
                original: options.original.display().to_string(),
                proxy: options.proxy.display().to_string(),
            },
            timed: Vec::new(),
            memory: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// Prints where and how the figures below were taken.
    pub(crate) fn print_head(&self) {
        let Machine { cpu, cores, kernel, proxy_core } = &self.machine;
        let Settings { rounds, visit_seconds, quick, original, proxy } = &self.settings;
        println!("{cpu}, {cores} cores, Linux {kernel}");
        match proxy_core {
            Some(core) => println!("core {core} for the proxy alone; servers and load elsewhere"),
            None => println!("one core for all: nothing is pinned"),
        }
        println!("original: {original}\nproxy:    {proxy}");
        println!("{rounds} rounds, {visit_seconds} s a visit; medians, and ratios within a round");
        if *quick {
            println!("the quick form: answers are checked, and its times mean nothing");
        }
    }

    /// Keeps and prints the results of a timed scenario.
    pub(crate) fn add_timed(&mut self, scenario: &Scenario, targets: Vec<Visits>) {
        let of = |target| targets.iter().find(|visits| visits.target == target);
        let ratio = |figure: Figure| of(Target::Proxy)?.ratio(of(Target::Original)?, figure);
        let [rate, p50, p99, cpu] = COLUMNS.map(|(_, _, figure)| ratio(figure));
        let goal = scenario.cpu_ratio_max.filter(|_| !self.settings.quick).map(|most| {
            Goal::new("CPU per request, to the original's", most, cpu.map(|cpu| cpu.median))
        });
        let ratios = Ratios { rate, p50, p99, cpu };
        let row = TimedRow { name: scenario.name, targets, ratios, goal };
        print!("{row}");
        self.timed.push(row);
    }

    /// Keeps and prints the results of a weighed scenario.
    pub(crate) fn add_weighed(&mut self, scenario: &MemoryScenario, targets: Vec<Weight>) {
        let proxy = targets.iter().find(|weight| weight.target == Target::Proxy);
        let goal = scenario
            .bytes_per_client_max
            .filter(|_| !self.settings.quick)
            .map(|most| Goal::new("bytes a client", most, proxy.map(Weight::bytes_per_client)));
        let row = MemoryRow { name: scenario.name, targets, goal };
        let is_per_client = matches!(scenario.habit, Habit::OneRequestThenIdle);
        print!("{}", row.table(is_per_client));
        self.memory.push(row);
    }

    /// Keeps and prints that a scenario cannot run here.
    pub(crate) fn skip(&mut self, scenario: &MemoryScenario, why: &str) {
        let line = format!("{}: left out, {why}", scenario.name);
        println!("\n{line}");
        self.skipped.push(line);
    }

    /// Prints which of the figures to reach are reached. The quick form judges none.
    pub(crate) fn print_end(&self) {
        let timed = self.timed.iter().map(|row| (row.name, &row.goal));
        let memory = self.memory.iter().map(|row| (row.name, &row.goal));
        let goals: Vec<_> = timed
            .chain(memory)
            .filter_map(|(name, goal)| goal.as_ref().map(|goal| (name, goal)))
            .collect();
        if goals.is_empty() {
            return;
        }
        println!("\nFigures to reach");
        for (name, goal) in goals {
            println!("  {name:<34} {goal}");
        }
    }

    /// Writes everything to `file`, if there is one.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn write_json(&self, file: Option<&Path>) -> Result<()> {
        let Some(file) = file else { return Ok(()) };
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| Failure::Wrong(format!("writing JSON: {error}")))?;
        text.push('\n');
        fs::write(file, text).map_err(Failure::system(format!("writing {}", file.display())))
    }
}

impl Goal {
    fn new(figure: &'static str, most: f64, found: Option<f64>) -> Self {
        Self { figure, most, found, met: found.is_some_and(|found| found <= most) }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { figure, most, found, met } = self;
        let found = found.map_or_else(|| "not measured".to_owned(), |found| figure_text(found, 2));
        let verdict = if *met { "met" } else { "NOT MET" };
        write!(f, "{figure}: {found}, at most {}: {verdict}", figure_text(*most, 2))
    }
}

impl std::fmt::Display for TimedRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\n{:<34}", self.name)?;
        for (heading, ..) in COLUMNS {
            write!(f, "{heading:>13}")?;
        }
        writeln!(f, "{:>10}", "peak MiB")?;
        for visits in &self.targets {
            write!(f, "  {:<32}", visits.target.name())?;
            for (_, digits, figure) in COLUMNS {
                let median = visits.spread(figure).map(|spread| spread.median);
                write!(f, "{:>13}", cell(median, digits))?;
            }
            let peak = visits.resident_peak.map(|bytes| bytes as f64 / MIB);
            writeln!(f, "{:>10}", cell(peak, 1))?;
        }
        let Ratios { rate, p50, p99, cpu } = self.ratios;
        write!(f, "  {:<32}", "proxy to original")?;
        for ratio in [rate, p50, p99, cpu] {
            write!(f, "{:>13}", cell(ratio.map(|ratio| ratio.median), 2))?;
        }
        write!(f, "\n  {:<32}", "  least..most")?;
        for ratio in [rate, p50, p99, cpu] {
            let ends = ratio.map(|ratio| format!("{:.2}..{:.2}", ratio.least, ratio.most));
            write!(f, "{:>13}", ends.unwrap_or_else(|| "-".to_owned()))?;
        }
        writeln!(f)?;
        if let Some(goal) = &self.goal {
            writeln!(f, "  {goal}")?;
        }
        Ok(())
    }
}

impl MemoryRow {
    /// The scenario's part of the table; bytes a client are told where clients are at rest.
    fn table(&self, is_per_client: bool) -> String {
        let settled = format!("{} s after", SETTLE_TIME.as_secs());
        let mut text = format!("\n{}\n  {:<32}", self.name, "resident MiB");
        for heading in ["before", "during", "peak", &settled, "bytes/client"] {
            text.push_str(&format!("{heading:>14}"));
        }
        text.push('\n');
        for weight in &self.targets {
            text.push_str(&format!("  {:<32}", weight.target.name()));
            for bytes in [weight.before, weight.during, weight.peak, weight.after] {
                text.push_str(&format!("{:>14.1}", bytes as f64 / MIB));
            }
            let per_client = is_per_client.then(|| weight.bytes_per_client());
            text.push_str(&format!("{:>14}\n", cell(per_client, 0)));
        }
        if let Some(goal) = &self.goal {
            text.push_str(&format!("  {goal}\n"));
        }
        text
    }
}

/// A figure in a column, or a dash where there is none.
fn cell(figure: Option<f64>, digits: usize) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.digits$}"))
}

/// A figure in a sentence: large ones without digits after the point.
fn figure_text(figure: f64, digits: usize) -> String {
    if figure >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.digits$}") }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::bench::scenario::{MEMORY_SCENARIOS, SCENARIOS};
    use crate::bench::timed::Sample;

    fn visits(target: Target, cpu: &[f64]) -> Visits {
        let sample = |cpu: &f64| Sample { rate: 1_000.0, p50: 1.0, p99: 2.0, cpu: Some(*cpu) };
        Visits { target, samples: cpu.iter().map(sample).collect(), resident_peak: Some(1 << 20) }
    }

    fn options(quick: bool) -> Options {
        Options {
            rounds: 3,
            visit: Duration::from_secs(1),
            only: None,
            quick,
            json: None,
            proxy: PathBuf::new(),
            original: PathBuf::new(),
        }
    }

    #[test]
    fn the_quick_form_judges_no_figure() {
        let mut report = Report::new(&options(true), None);
        for scenario in SCENARIOS {
            let both = vec![visits(Target::Original, &[1.0]), visits(Target::Proxy, &[9.0])];
            report.add_timed(scenario, both);
        }
        assert!(report.timed.iter().all(|row| row.goal.is_none()));
        for scenario in MEMORY_SCENARIOS {
            let target = Target::Proxy;
            let clients = scenario.clients;
            let weight =
                Weight { target, before: 0, during: 1 << 40, peak: 1 << 40, after: 0, clients };
            report.add_weighed(scenario, vec![weight]);
        }
        assert!(report.memory.iter().all(|row| row.goal.is_none()));
    }

    #[test]
    fn a_goal_is_met_by_the_median_of_ratios_within_rounds() {
        let scenario = SCENARIOS.iter().find(|row| row.cpu_ratio_max == Some(0.50));
        let scenario = scenario.expect("a scenario that must halve the original's CPU time");
        let original = [10.0, 20.0, 30.0];
        for (proxy, met) in [([5.0, 10.0, 29.0], true), ([5.1, 10.2, 3.0], false)] {
            let mut report = Report::new(&options(false), None);
            let both = vec![visits(Target::Original, &original), visits(Target::Proxy, &proxy)];
            report.add_timed(scenario, both);
            let goal = report.timed[0].goal.as_ref().expect("a goal");
            assert_eq!(goal.met, met, "{proxy:?}: {goal}");
            let verdict = if met { ": met" } else { "NOT MET" };
            assert!(report.timed[0].to_string().contains(verdict), "{}", report.timed[0]);
        }
    }

    #[test]
    fn a_goal_that_could_not_be_measured_is_not_met() {
        assert!(!Goal::new("anything", 1.0, None).met);
    }
}
