//! Running the example under valgrind, and what came out.
//!
//! Cachegrind without its caches counts instructions and does nothing else. What the C library
//! chooses by the processor is pinned where it can be, see [`TUNABLES`]; the environment is empty.
//! Every count is the difference of two runs, with once and with twice the laps.

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::failure::{Failure, Result};
use crate::proc::{self, Launch, Proc};
use crate::scratch::Scratch;

/// Keeps glibc's copies from using `rep movsb`, which valgrind counts once a byte, transactional
/// variants, and stores past the cache whose use depends on the cache's size.
const TUNABLES: &str = "GLIBC_TUNABLES=glibc.cpu.hwcaps=-ERMS,-FSRM,-RTM\
    :glibc.cpu.x86_non_temporal_threshold=0x40000000";

/// A scenario as the example lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// Laps to count.
    laps: u64,
    /// A lap's requests.
    requests: u64,
    /// A lap's keys; 0 where requests have one or none.
    keys: u64,
    /// A lap's bytes of values; 0 where they are few.
    bytes: u64,
}

/// What a scenario costs.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    pub(crate) name: String,
    scenario: Scenario,
    /// Instructions a lap.
    a_lap: f64,
}

impl Count {
    pub(crate) fn a_request(&self) -> f64 {
        self.a_lap / self.scenario.requests as f64
    }

    /// `None` where requests have one key or none.
    pub(crate) fn a_key(&self) -> Option<f64> {
        (self.scenario.keys > 0).then(|| self.a_lap / self.scenario.keys as f64)
    }

    /// `None` where values are small.
    pub(crate) fn a_byte(&self) -> Option<f64> {
        (self.scenario.bytes > 0).then(|| self.a_lap / self.scenario.bytes as f64)
    }

    /// One that cost so much a lap of so many requests, keys and bytes.
    #[cfg(test)]
    pub(crate) fn made_up(name: &str, a_lap: f64, requests: u64, keys: u64, bytes: u64) -> Self {
        let scenario = Scenario { name: name.to_owned(), laps: 1, requests, keys, bytes };
        Self { name: name.to_owned(), scenario, a_lap }
    }
}

/// Asks the example what there is.
///
/// # Errors
/// When it cannot be run, or lists what this does not understand.
pub(crate) fn scenarios(program: &Path) -> Result<Vec<Scenario>> {
    let doing = format!("running {}", program.display());
    let output = Command::new(program).output().map_err(Failure::system(doing))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| {
            read_scenario(line).ok_or_else(|| {
                Failure::Wrong(format!("the example lists '{line}', not a scenario"))
            })
        })
        .collect()
}

fn read_scenario(line: &str) -> Option<Scenario> {
    let mut fields = line.split('\t');
    let name = fields.next()?.to_owned();
    let mut number = || fields.next()?.parse::<u64>().ok();
    let (laps, requests, keys, bytes) = (number()?, number()?, number()?, number()?);
    let whole = laps > 0 && requests > 0 && fields.next().is_none();
    whole.then_some(Scenario { name, laps, requests, keys, bytes })
}

/// Counts all scenarios, as many at a time as there are cores.
///
/// # Errors
/// The first that fails; valgrind that is not there; Ctrl-C.
pub(crate) fn all(program: &Path, scenarios: Vec<Scenario>) -> Result<Vec<Count>> {
    let scratch = Scratch::new("instructions")?;
    let valgrind = proc::find("valgrind", "valgrind")?;
    let env = proc::find("env", "coreutils")?;
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let next = AtomicUsize::new(0);
    let counts: Mutex<Vec<Option<Count>>> = Mutex::new(vec![None; scenarios.len()]);
    let tools = Tools { program, valgrind: &valgrind, env: &env, folder: scratch.path() };
    thread::scope(|scope| {
        let work = || -> Result<()> {
            while let Some((at, scenario)) = {
                let at = next.fetch_add(1, Ordering::Relaxed);
                scenarios.get(at).map(|scenario| (at, scenario))
            } {
                let count = tools.count(scenario).inspect_err(|_| {
                    // The other threads need not begin what nobody will look at.
                    next.store(scenarios.len(), Ordering::Relaxed);
                })?;
                counts.lock().expect("no thread panics")[at] = Some(count);
            }
            Ok(())
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
    })?;
    let counts = counts.into_inner().expect("no thread panics");
    Ok(counts.into_iter().map(|count| count.expect("all are counted")).collect())
}

/// What a run needs.
#[derive(Clone, Copy)]
struct Tools<'a> {
    program: &'a Path,
    valgrind: &'a Path,
    env: &'a Path,
    folder: &'a Path,
}

impl Tools<'_> {
    fn count(&self, scenario: &Scenario) -> Result<Count> {
        let once = self.executed(scenario, scenario.laps)?;
        let twice = self.executed(scenario, 2 * scenario.laps)?;
        let name = scenario.name.clone();
        let laps = twice.checked_sub(once).filter(|laps| *laps > 0).ok_or_else(|| {
            Failure::Wrong(format!("'{name}' costs {once} once and {twice} twice: laps do nothing"))
        })?;
        Ok(Count { name, scenario: scenario.clone(), a_lap: laps as f64 / scenario.laps as f64 })
    }

    /// Instructions of a whole run.
    fn executed(&self, scenario: &Scenario, laps: u64) -> Result<u64> {
        let name = format!("{}, {laps} laps", scenario.name);
        let (valgrind, program) = (self.valgrind.display(), self.program.display());
        #[rustfmt::skip]
        let arguments = [
            "-i", TUNABLES, &valgrind.to_string(),
            "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
            &program.to_string(), &scenario.name, &laps.to_string(),
        ];
        let Self { env, folder, .. } = *self;
        let launch = Launch { name: &name, program: env, folder, cores: &[], input: None };
        let said = Proc::start(launch, &arguments)?.finish()?;
        read_total(&said).ok_or_else(|| {
            Failure::Wrong(format!("{name}: valgrind gave no count; it said:\n{said}"))
        })
    }
}

/// Finds the line `==1234== I   refs:      1,234,567` in what cachegrind wrote.
fn read_total(said: &str) -> Option<u64> {
    let (_, number) = said.lines().find_map(|line| {
        let (what, number) = line.split_once("refs:")?;
        what.trim_end().ends_with('I').then_some((what, number))
    })?;
    number.trim().replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_what_valgrind_says() {
        let cases = [
            ("==7== Cachegrind\n==7== \n==7== I   refs:      1,234,567\n", Some(1_234_567)),
            ("==7== I refs:        12\n", Some(12)),
            ("==7== D   refs:      1,234\n", None),
            ("==7== I   refs:      many\n", None),
            ("", None),
        ];
        for (said, expected) in cases {
            assert_eq!(read_total(said), expected, "{said}");
        }
    }

    #[test]
    fn a_scenario_is_five_fields() {
        let scenario = read_scenario("turn redis GET\t4\t50\t0\t0").expect("a scenario");
        assert_eq!((scenario.name.as_str(), scenario.laps), ("turn redis GET", 4));
        for line in ["", "a", "a\t4\t50\t0", "a\t4\t50\t0\t0\t0", "a\t0\t1\t0\t0", "a\t1\t0\t0\t0"]
        {
            assert_eq!(read_scenario(line), None, "{line}");
        }
    }

    #[test]
    fn a_lap_is_shared_out_among_its_requests_keys_and_bytes() {
        let count = Count::made_up("a", 1000.0, 4, 200, 500);
        assert_eq!(
            (count.a_request(), count.a_key(), count.a_byte()),
            (250.0, Some(5.0), Some(2.0))
        );
        let count = Count::made_up("a", 1000.0, 4, 0, 0);
        assert_eq!((count.a_key(), count.a_byte()), (None, None));
    }
}
