//! Rounds through the names of a pool's servers, to see whether they still mean the addresses they
//! meant. On a thread of their own: names that nobody answers for hold up no conn's lookup.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use nutcracker_engine::PoolId;

use crate::config::Pool;
use crate::log::reason;
use crate::names;
use crate::net::Target;

/// For each server of a pool the addresses that its name means; `None` where that is not known, or the
/// server has no name.
pub type Addresses = Arc<[Option<Box<[IpAddr]>>]>;

/// The thread that makes the rounds. Dropped, it ends the thread once its present lookup is done.
#[derive(Debug)]
pub struct Rounds {
    /// Never sent on: its end is what the thread waits for.
    _stop: Option<mpsc::Sender<()>>,
}

impl Rounds {
    /// Starts the rounds of the pools that want them; without any there is no thread. `tell` is called
    /// with what each round found, on the thread.
    ///
    /// # Errors
    /// The system's, when it has no thread left.
    pub fn start<'a>(
        pools: impl Iterator<Item = &'a Pool>,
        tell: impl FnMut(PoolId, Addresses) + Send + 'static,
    ) -> io::Result<Self> {
        let rounds = pools.enumerate().filter_map(|(at, pool)| Round::of(PoolId(at as u32), pool));
        Self::start_with(rounds.collect(), names::look_up_all, tell)
    }

    fn start_with(
        mut rounds: Vec<Round>,
        look_up: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + 'static,
        mut tell: impl FnMut(PoolId, Addresses) + Send + 'static,
    ) -> io::Result<Self> {
        if rounds.is_empty() {
            return Ok(Self { _stop: None });
        }
        let (stop, stopped) = mpsc::channel();
        thread::Builder::new().name("rounds".to_owned()).spawn(move || {
            while let Some(next) = rounds.iter_mut().min_by_key(|round| round.due) {
                let wait = next.due.saturating_duration_since(Instant::now());
                match stopped.recv_timeout(wait) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
                let addresses = next.make(&look_up);
                // A round that took long is not made up for.
                next.due = Instant::now() + next.interval;
                tell(next.pool, addresses);
            }
        })?;
        Ok(Self { _stop: Some(stop) })
    }
}

/// The names of one pool, and when they are looked up next.
#[derive(Debug)]
struct Round {
    pool: PoolId,
    pool_name: String,
    interval: Duration,
    due: Instant,
    /// How many servers the pool has.
    servers: usize,
    names: Vec<Name>,
}

/// A name, and what it meant.
#[derive(Debug)]
struct Name {
    host: String,
    /// The servers with that host, by their index.
    servers: Vec<usize>,
    /// The newest answer, and the one before it.
    answers: [Option<Vec<IpAddr>>; 2],
    /// The last lookup came to nothing.
    is_lost: bool,
}

impl Round {
    /// The round of `pool`; `None` where it has no names, or does not want one.
    fn of(id: PoolId, pool: &Pool) -> Option<Self> {
        let interval = pool.resolve_interval?;
        let mut names: Vec<Name> = Vec::new();
        for (at, server) in pool.servers.iter().enumerate() {
            let Target::Name { host, .. } = Target::from(&server.address) else { continue };
            match names.iter_mut().find(|name| name.host == host) {
                Some(name) => name.servers.push(at),
                None => names.push(Name {
                    host,
                    servers: vec![at],
                    answers: [None, None],
                    is_lost: false,
                }),
            }
        }
        (!names.is_empty()).then(|| Self {
            pool: id,
            pool_name: pool.name.clone(),
            interval,
            due: Instant::now() + interval,
            servers: pool.servers.len(),
            names,
        })
    }

    /// Looks all names up. Blocks until each has an answer.
    fn make(&mut self, look_up: &impl Fn(&str) -> io::Result<Vec<IpAddr>>) -> Addresses {
        let mut addresses = vec![None; self.servers];
        for name in &mut self.names {
            name.hear(look_up(&name.host), &self.pool_name);
            for &server in &name.servers {
                addresses[server] = name.meaning();
            }
        }
        addresses.into()
    }
}

impl Name {
    /// Takes an answer in. One that is none changes nothing, and is said once.
    fn hear(&mut self, answer: io::Result<Vec<IpAddr>>, pool: &str) {
        let host = &self.host;
        match answer {
            Ok(found) => {
                if std::mem::take(&mut self.is_lost) {
                    tracing::warn!("server host '{host}' of pool '{pool}' has an address again");
                }
                let [newest, before] = &mut self.answers;
                *before = newest.replace(found);
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_lost, true) {
                    tracing::warn!(
                        "looking up server host '{host}' of pool '{pool}' failed, what is connected \
                         stays: {}",
                        reason(&error)
                    );
                }
            }
        }
    }

    /// What it means: all that it meant in the last two answers, since a name server may tell a part of
    /// what it knows, another each time. `None` before there are two.
    fn meaning(&self) -> Option<Box<[IpAddr]>> {
        match &self.answers {
            [Some(newest), Some(before)] => Some(newest.iter().chain(before).copied().collect()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::sync::Mutex;

    const SOON: Duration = Duration::from_secs(10);

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn name(host: &str, servers: &[usize]) -> Name {
        Name {
            host: host.to_owned(),
            servers: servers.to_vec(),
            answers: [None, None],
            is_lost: false,
        }
    }

    fn round(interval_ms: u64, servers: usize, names: Vec<Name>) -> Round {
        let (interval, due) = (Duration::from_millis(interval_ms), Instant::now());
        Round { pool: PoolId(3), pool_name: "alpha".to_owned(), interval, due, servers, names }
    }

    #[test]
    fn an_address_is_gone_when_two_answers_lack_it() {
        let mut name = name("cache", &[0]);
        let answers: [&[u8]; 6] = [&[1], &[1], &[2], &[2, 3], &[3], &[1]];
        let meanings: [Option<&[u8]>; 6] =
            [None, Some(&[1, 1]), Some(&[2, 1]), Some(&[2, 3, 2]), Some(&[3, 2, 3]), Some(&[1, 3])];
        for (answer, meaning) in answers.iter().zip(meanings) {
            name.hear(Ok(answer.iter().copied().map(ip).collect()), "alpha");
            let expected = meaning.map(|all| all.iter().copied().map(ip).collect());
            assert_eq!(name.meaning(), expected, "after {answer:?}");
        }
    }

    #[test]
    fn a_lookup_that_fails_changes_nothing() {
        let mut name = name("cache", &[0]);
        let lost = || Err(io::Error::other("no such name"));
        name.hear(lost(), "alpha");
        assert_eq!((name.meaning(), name.is_lost), (None, true));
        for _ in 0..2 {
            name.hear(Ok(vec![ip(1)]), "alpha");
        }
        for _ in 0..3 {
            name.hear(lost(), "alpha");
            assert_eq!(name.meaning(), Some([ip(1), ip(1)].into()));
            assert!(name.is_lost);
        }
        name.hear(Ok(vec![ip(1)]), "alpha");
        assert!(!name.is_lost);
    }

    #[test]
    fn a_round_asks_for_each_name_once_and_tells_of_every_server() {
        let asked = Mutex::new(Vec::new());
        let mut round = round(1, 4, vec![name("a", &[0, 3]), name("b", &[1])]);
        let look_up = |host: &str| {
            asked.lock().expect("one thread").push(host.to_owned());
            Ok(vec![if host == "a" { ip(1) } else { ip(2) }])
        };
        assert_eq!(*round.make(&look_up), [None, None, None, None]);
        let (a, b) = (Some([ip(1), ip(1)].into()), Some([ip(2), ip(2)].into()));
        assert_eq!(*round.make(&look_up), [a.clone(), b, None, a]);
        assert_eq!(*asked.lock().expect("one thread"), ["a", "b", "a", "b"]);
    }

    #[test]
    fn rounds_go_on_until_they_are_dropped() {
        let (tell, told) = mpsc::channel();
        let answers = Mutex::new(VecDeque::from([1, 1, 2, 2]));
        let look_up = move |_: &str| {
            let mut answers = answers.lock().expect("one thread");
            let next = answers.pop_front().ok_or_else(|| io::Error::other("no more"))?;
            Ok(vec![ip(next)])
        };
        let tell = move |pool, addresses: Addresses| {
            // The test may have heard enough.
            let _ = tell.send((pool, addresses));
        };
        let rounds =
            Rounds::start_with(vec![round(1, 1, vec![name("cache", &[0])])], look_up, tell)
                .expect("there are threads");
        let heard: Vec<_> = (0..6)
            .map(|_| {
                let (pool, addresses) = told.recv_timeout(SOON).expect("a round is made");
                assert_eq!(pool, PoolId(3));
                addresses[0].clone().map(Vec::from)
            })
            .collect();
        let two = |newest, before| Some(vec![ip(newest), ip(before)]);
        assert_eq!(heard, [None, two(1, 1), two(2, 1), two(2, 2), two(2, 2), two(2, 2)]);
        drop(rounds);
        let ended = loop {
            match told.recv_timeout(SOON) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(ended, RecvTimeoutError::Disconnected, "the thread has ended");
    }

    #[test]
    fn pools_without_names_or_without_an_interval_have_no_round() {
        let pool = |servers: &str, more: &str| {
            let text = format!(
                "alpha:\n  listen: 127.0.0.1:22121\n  redis: true\n{more}  servers:\n{servers}"
            );
            let config = crate::config::parse(text.as_bytes(), std::path::Path::new("alpha.yml"));
            config.expect("it is valid").pools.remove(0)
        };
        let named =
            "  - cache.example:6379:1 a\n  - 127.0.0.1:6379:1 b\n  - cache.example:6380:1 c\n";
        let some = Round::of(PoolId(0), &pool(named, "")).expect("it has names");
        let [name] = &some.names[..] else { panic!("one name: {some:?}") };
        assert_eq!((name.host.as_str(), some.servers), ("cache.example", 3));
        assert_eq!(name.servers.len(), 2);
        assert!(Round::of(PoolId(0), &pool(named, "  resolve_interval: 0\n")).is_none());
        assert!(Round::of(PoolId(0), &pool("  - 127.0.0.1:6379:1\n", "")).is_none());
    }
}
