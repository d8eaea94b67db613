//! The proxy's statistics, as any monitor reads them: connect to the stats port, read one JSON
//! object until the end of the stream.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::{Map, Value};

use crate::failure::{Failure, Result};
use crate::servers;

/// One reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stats {
    /// The numbers about the whole process: `uptime`, `total_connections` and so on.
    pub(super) process: Counters,
    /// The pools, by name.
    pub(super) pools: BTreeMap<String, PoolStats>,
}

/// A pool's part of a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PoolStats {
    /// Its own counters.
    pub(super) counters: Counters,
    /// Its servers' counters, by the servers' names.
    pub(super) servers: BTreeMap<String, Counters>,
}

/// Numbers by the names they have on the stats port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counters(BTreeMap<String, i64>);

impl Stats {
    /// Asks the stats port of 127.0.0.1.
    ///
    /// # Errors
    /// The system's, and [`Failure::Wrong`] when the answer is not the JSON of a proxy.
    pub(super) fn ask(port: u16) -> Result<Self> {
        let mut text = String::new();
        servers::connect(port)
            .and_then(|mut stream| stream.read_to_string(&mut text))
            .map_err(Failure::system(format!("reading the stats port {port}")))?;
        Self::read(&text)
    }

    /// Reads the JSON.
    fn read(text: &str) -> Result<Self> {
        let wrong = |what: &str| Failure::Wrong(format!("the statistics {what}: {text}"));
        let whole: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| wrong(&format!("are no JSON ({error})")))?;
        if whole.get("service").is_none() {
            return Err(wrong("lack the member \"service\""));
        }
        let pools = objects(&whole)
            .map(|(name, pool)| {
                let servers = objects(pool)
                    .map(|(name, server)| (name.clone(), Counters::of(server)))
                    .collect();
                (name.clone(), PoolStats { counters: Counters::of(pool), servers })
            })
            .collect();
        Ok(Self { process: Counters::of(&whole), pools })
    }

    /// A counter of a pool; 0 when there is no such pool or counter.
    pub(super) fn of_pool(&self, pool: &str, counter: &str) -> i64 {
        self.pools.get(pool).map_or(0, |pool| pool.counters.get(counter))
    }
}

impl Counters {
    /// The numbers among `members`.
    fn of(members: &Map<String, Value>) -> Self {
        let numbers = members.iter().filter_map(|(name, value)| Some((name, value.as_i64()?)));
        Self(numbers.map(|(name, number)| (name.clone(), number)).collect())
    }

    /// The number called `name`, 0 when there is none.
    pub(super) fn get(&self, name: &str) -> i64 {
        self.0.get(name).copied().unwrap_or(0)
    }
}

/// The objects among `members`.
fn objects(members: &Map<String, Value>) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
    members.iter().filter_map(|(name, value)| Some((name, value.as_object()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shaped as the original sends it, spaces included.
    const SAMPLE: &str = r#"{"service":"nutcracker", "source":"host", "version":"0.5.0", "uptime":7, "timestamp":1700000000, "total_connections":9, "curr_connections":3, "alpha": {"client_eof":2, "client_err":0, "client_connections":1, "server_ejects":1, "forward_error":25, "fragments":0, "one": {"server_eof":1, "server_err":2, "server_timedout":0, "server_connections":1, "server_ejected_at":1700000000123456, "requests":100, "request_bytes":4000, "responses":90, "response_bytes":5000, "in_queue":0, "in_queue_bytes":0, "out_queue":0, "out_queue_bytes":0},"two": {"requests":5}},"beta": {"client_eof":0}}"#;

    #[test]
    fn pools_and_servers_are_told_from_numbers() {
        let stats = Stats::read(SAMPLE).expect("readable");
        assert_eq!(stats.process.get("uptime"), 7);
        assert_eq!(stats.pools.keys().collect::<Vec<_>>(), ["alpha", "beta"]);
        assert_eq!(stats.of_pool("alpha", "server_ejects"), 1);
        let alpha = &stats.pools["alpha"];
        assert_eq!(alpha.servers.keys().collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(alpha.servers["one"].get("server_ejected_at"), 1_700_000_000_123_456);
        assert_eq!(alpha.servers["two"].get("requests"), 5);
    }

    #[test]
    fn what_is_not_there_counts_as_zero() {
        let stats = Stats::read(SAMPLE).expect("readable");
        assert_eq!(stats.of_pool("alpha", "no_such_counter"), 0);
        assert_eq!(stats.of_pool("no_such_pool", "server_ejects"), 0);
        assert_eq!(stats.process.get("service"), 0, "a text is no number");
    }

    #[test]
    fn an_answer_that_is_no_reading_says_so() {
        for cut in 0..SAMPLE.len() {
            Stats::read(&SAMPLE[..cut]).expect_err(&format!("cut at {cut}"));
        }
        let failure = Stats::read("{}").expect_err("not a proxy").to_string();
        assert!(failure.contains("\"service\""), "{failure}");
    }
}
