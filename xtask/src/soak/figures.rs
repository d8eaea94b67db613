//! The counters of both statistics ports, compared after traffic that both serve alike.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::pools::{self, COUNTED};
use super::rig::Side;
use crate::failure::{Failure, Result};
use crate::{interrupt, servers};

/// The figures of some pools, by `pool/server/name` or `pool/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figures(BTreeMap<String, i64>);

/// How long the original may take to hand its figures over; many times what it needs.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often to look.
const STEP: Duration = Duration::from_millis(60);

impl Figures {
    /// Reads what a side counts now in the counted pools.
    fn read(side: &Side) -> Result<Self> {
        Self::of_pools(side, 0..COUNTED)
    }

    fn of_pools(side: &Side, indexes: Range<usize>) -> Result<Self> {
        let doing = || Failure::system(format!("reading the statistics of {}", side.name));
        let mut text = String::new();
        let mut stream = servers::connect(side.stats_port()).map_err(doing())?;
        stream.read_to_string(&mut text).map_err(doing())?;
        let report: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::Wrong(format!("the statistics of {}: {error}", side.name)))?;
        let mut figures = BTreeMap::new();
        for index in indexes {
            let pool = pools::name(index);
            for (name, value) in report[&pool].as_object().into_iter().flatten() {
                match value {
                    Value::Object(server) => {
                        for (figure, value) in server {
                            let value = value.as_i64().unwrap_or(i64::MIN);
                            figures.insert(format!("{pool}/{name}/{figure}"), value);
                        }
                    }
                    value => {
                        let value = value.as_i64().unwrap_or(i64::MIN);
                        figures.insert(format!("{pool}/{name}"), value);
                    }
                }
            }
        }
        if figures.is_empty() {
            return Err(Failure::Wrong(format!("{} counts nothing: {text}", side.name)));
        }
        Ok(Self(figures))
    }

    /// Reads them when they have come to rest: what was counted before is in them.
    ///
    /// # Errors
    /// The system's, and [`Failure::Wrong`] when they do not come to rest.
    pub(crate) fn settled(side: &Side) -> Result<Self> {
        let end = Instant::now() + PATIENCE;
        let mut before = Self::read(side)?;
        let mut alike = 0;
        while Instant::now() < end {
            nudge(side)?;
            interrupt::sleep(STEP)?;
            let now = Self::read(side)?;
            alike = if now == before { alike + 1 } else { 0 };
            // Once more than the hand-over takes.
            if alike == 3 {
                return Ok(now);
            }
            before = now;
        }
        Err(Failure::Wrong(format!("the figures of {} do not come to rest", side.name)))
    }

    /// What has been counted since `before`.
    fn since(&self, before: &Self) -> BTreeMap<&str, i64> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value - before.0.get(name).unwrap_or(&0)))
            .collect()
    }
}

/// The gauges of ours that do not fall to nothing when nobody is served, each in words.
///
/// # Errors
/// The system's.
pub(crate) fn busy(ours: &Side) -> Result<Vec<String>> {
    const GAUGES: [&str; 5] =
        ["client_connections", "in_queue", "in_queue_bytes", "out_queue", "out_queue_bytes"];
    let end = Instant::now() + PATIENCE;
    loop {
        let all = Figures::of_pools(ours, 0..pools::pools(ours.protocol()).len())?;
        let is_gauge = |name: &str| GAUGES.iter().any(|gauge| name.ends_with(&format!("/{gauge}")));
        let above = all.0.iter().filter(|(name, value)| is_gauge(name) && **value != 0);
        let busy: Vec<String> = above
            .map(|(name, value)| format!("{name} of ours is {value}, and nobody is served"))
            .collect();
        if busy.is_empty() || Instant::now() >= end {
            return Ok(busy);
        }
        interrupt::sleep(STEP)?;
    }
}

/// The original's loop hands its figures over at the end of a turn: has it turn once, by a client
/// of a pool that is not counted.
fn nudge(side: &Side) -> Result<()> {
    let connecting = Failure::system(format!("connecting to {}", side.name));
    servers::connect(side.listen(COUNTED)).map(drop).map_err(connecting)
}

/// Compares what both have counted since they counted `before`; each difference in words, and how
/// many figures were compared.
///
/// # Errors
/// The system's.
pub(crate) fn compare(sides: [&Side; 2], before: &[Figures; 2]) -> Result<(usize, Vec<String>)> {
    let end = Instant::now() + PATIENCE;
    loop {
        let [original, ours] = [Figures::read(sides[0])?, Figures::read(sides[1])?];
        let (one, other) = (original.since(&before[0]), ours.since(&before[1]));
        let mut differences = Vec::new();
        for (name, count) in &one {
            // The original never counts its fragments (docs/compatibility.md).
            if name.ends_with("/fragments") {
                continue;
            }
            let our_count = other.get(name).copied().unwrap_or(i64::MIN);
            if *count != our_count {
                differences.push(format!("{name}: the original counts {count}, ours {our_count}"));
            }
        }
        if differences.is_empty() || Instant::now() >= end {
            return Ok((one.len(), differences));
        }
        nudge(sides[0])?;
        interrupt::sleep(STEP)?;
    }
}
