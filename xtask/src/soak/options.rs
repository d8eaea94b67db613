//! What the command line asks of the soak.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lexopt::{Arg, Parser};

use super::reply::Protocol;
use crate::arguments;
use crate::failure::{Failure, Result};
use crate::servers;

/// The chore whose options these are.
const CHORE: &str = "soak";

/// What to play, and how much of it.
#[derive(Debug)]
pub(crate) struct Options {
    /// The protocols.
    pub(crate) protocols: Vec<Protocol>,
    /// The seed of the run.
    pub(crate) seed: u64,
    /// Ends when so many requests of a protocol have been sent.
    pub(crate) requests: u64,
    /// Or when so much time has passed, a protocol.
    pub(crate) time: Option<Duration>,
    /// Only this stream.
    pub(crate) stream: Option<u64>,
    /// The first stream's number.
    pub(crate) from: u64,
    /// How many streams are played side by side.
    pub(crate) lanes: usize,
    /// How many threads ours has: the run is divided evenly among these numbers.
    pub(crate) workers: Vec<usize>,
    /// Whether the run is long enough for every rule to be used.
    pub(crate) is_long: bool,
    /// The proxy's binary.
    pub(crate) proxy: PathBuf,
    /// The original's binary.
    pub(crate) original: PathBuf,
}

/// What `--help` prints.
pub(crate) const HELP: &str = "\
usage: cargo xtask soak [OPTIONS]

Plays generated streams to the original and to the proxy, each in front of servers of its own, and
compares what they answer byte for byte, what the servers then hold, and what is counted. Every
difference is allowed by a rule of xtask/data/soak/differences.json, or makes this fail.

  --protocol NAME    redis or memcached (default: one after the other)
  --requests N       ends when so many have been sent, each protocol (default: 1100000)
  --seconds S        ends when so much time has passed, each protocol (default: no end)
  --seed N           what all streams follow from (default: from the clock, and printed)
  --stream N         plays this stream alone
  --from N           begins with this stream (default: 0)
  --lanes N          streams that are played side by side (default: 6)
  --workers N        threads of the proxy (default: one half of a run with 1, the other with 2)
  --quick            seed 1, 120000 requests, and 20 seconds at most
  --proxy PATH       the proxy (default: target/release/nutcracker)
  --original PATH    the original (default: Debian's nutcracker)
  --help             this text
";

/// From here on every rule should have been used.
const LONG: u64 = 1_000_000;

impl Options {
    /// Reads the rest of the command line; `None` when it asks for help.
    ///
    /// # Errors
    /// An option that is unknown or has a bad value, or a binary that is not there.
    pub(crate) fn read(mut arguments: Parser) -> Result<Option<Self>> {
        let (mut protocols, mut seed, mut requests, mut time) = (None, None, None, None);
        let (mut stream, mut from, mut lanes, mut workers) = (None, 0, 6, None);
        let (mut quick, mut proxy, mut original) = (false, None, None);
        while let Some(argument) = arguments.next().map_err(wrong)? {
            match argument {
                Arg::Long("protocol") => protocols = Some(vec![protocol(&mut arguments)?]),
                Arg::Long("requests") => {
                    requests = Some(arguments::number(&mut arguments, CHORE, "requests")?);
                }
                Arg::Long("seconds") => time = Some(seconds(&mut arguments)?),
                Arg::Long("seed") => seed = Some(arguments::number(&mut arguments, CHORE, "seed")?),
                Arg::Long("stream") => {
                    stream = Some(arguments::number(&mut arguments, CHORE, "stream")?);
                }
                Arg::Long("from") => from = arguments::number(&mut arguments, CHORE, "from")?,
                Arg::Long("lanes") => lanes = arguments::number(&mut arguments, CHORE, "lanes")?,
                Arg::Long("workers") => {
                    workers = Some(arguments::number(&mut arguments, CHORE, "workers")?);
                }
                Arg::Long("quick") => quick = true,
                Arg::Long("proxy") => proxy = Some(arguments::path(&mut arguments, CHORE)?),
                Arg::Long("original") => original = Some(arguments::path(&mut arguments, CHORE)?),
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(wrong(other.unexpected())),
            }
        }
        if lanes == 0 || workers == Some(0) {
            return Err(wrong("--lanes and --workers must be above 0"));
        }
        let requests = requests.unwrap_or(if quick { 120_000 } else { 1_100_000 });
        Ok(Some(Self {
            protocols: protocols.unwrap_or(Protocol::ALL.to_vec()),
            seed: seed.unwrap_or_else(|| if quick { 1 } else { clock() }),
            requests,
            time: time.or(quick.then_some(Duration::from_secs(20))),
            stream,
            from,
            lanes,
            workers: match workers {
                Some(workers) => vec![workers],
                // A stream alone has no second half.
                None if stream.is_some() => vec![1],
                None => vec![1, 2],
            },
            is_long: requests >= LONG && stream.is_none(),
            proxy: existing(proxy, servers::ours)?,
            original: existing(original, servers::original)?,
        }))
    }
}

/// A seed that the next run will not have: seconds since the epoch.
fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_secs())
}

/// The binary that was named, which must be there, or else the default one. In full, because
/// proxies run in a folder of their own.
fn existing(named: Option<PathBuf>, default: impl Fn() -> Result<PathBuf>) -> Result<PathBuf> {
    let program = named.map_or_else(default, Ok)?;
    program.canonicalize().map_err(Failure::system(format!("finding {}", program.display())))
}

fn protocol(arguments: &mut Parser) -> Result<Protocol> {
    let name = arguments::text(arguments, CHORE)?;
    let found = Protocol::ALL.into_iter().find(|protocol| protocol.name() == name);
    found.ok_or_else(|| wrong(format!("--protocol: '{name}' is neither redis nor memcached")))
}

fn seconds(arguments: &mut Parser) -> Result<Duration> {
    let seconds: f64 = arguments::number(arguments, CHORE, "seconds")?;
    Duration::try_from_secs_f64(seconds).map_err(|error| wrong(format!("--seconds: {error}")))
}

fn wrong(what: impl std::fmt::Display) -> Failure {
    arguments::wrong(CHORE, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Option<Options>> {
        // Any file that is there will do as a binary.
        let file = env!("CARGO_MANIFEST_PATH");
        let binaries = ["--proxy", file, "--original", file];
        Options::read(Parser::from_args(binaries.iter().chain(words)))
    }

    fn good(words: &[&str]) -> Options {
        read(words).expect("good options").expect("no help")
    }

    #[test]
    fn the_quick_form_is_short_and_the_same_each_time() {
        let options = good(&["--quick"]);
        assert_eq!((options.seed, options.is_long), (1, false));
        assert_eq!(options.time, Some(Duration::from_secs(20)));
        let options = good(&[]);
        assert!(options.is_long && options.time.is_none());
        assert_eq!(options.protocols, Protocol::ALL);
    }

    #[test]
    fn one_stream_of_a_run_can_be_named() {
        let options = good(&["--seed", "7", "--stream=12", "--protocol", "memcached"]);
        assert_eq!((options.seed, options.stream), (7, Some(12)));
        assert_eq!(options.protocols, [Protocol::Memcached]);
        assert!(!options.is_long);
    }

    #[test]
    fn bad_options_are_named() {
        let cases: [(&[&str], &str); 5] = [
            (&["--streams", "5"], "--streams"),
            (&["--protocol", "http"], "http"),
            (&["--requests", "many"], "many"),
            (&["--lanes", "0"], "above 0"),
            (&["--seconds", "-1"], "--seconds"),
        ];
        for (words, part) in cases {
            let failure = read(words).expect_err("a bad option").to_string();
            assert!(failure.contains(part), "{words:?}: {failure}");
        }
    }
}
