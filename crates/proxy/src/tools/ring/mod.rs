//! `nutcracker ring`: how keys are spread over the servers of a pool, beside what weights ask for.

mod svg;
mod text;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use nutcracker_ring::DistributionKind;

use super::Verdict;
use super::arguments::{CONF_FILE, Flag, Given, KEYS, Manual, POOL};
use super::keys::Source;
use super::placed::{Placed, chosen};
use super::shares::Shares;
use super::shown::counted;
use super::trouble::Trouble;
use crate::config;

pub(super) static MANUAL: Manual = Manual {
    name: "ring",
    usage: "[-c FILE] [--pool NAME]... [--keys FILE] [--svg OUT.svg]",
    about: "\
Says how much of the keys each server of a pool has while all are live, beside the share that its
weight asks for, and draws it: a bar for what the server has, a mark for what was asked.

The line 'shares' names how they are known. With ketama and modula, every value the hash can have is
given to its owner, which is exact as far as the hash spreads keys evenly. With the hash crc16, whose
values are far from equally likely, a sample of keys is placed; --keys places your own, whatever the
hash. With random each server gets the same.

The status is 0, or 2 when something is wrong with the arguments, the configuration or a file.",
    flags: &[
        CONF_FILE,
        POOL,
        KEYS,
        Flag {
            letter: None,
            name: "svg",
            value: Some("OUT.svg"),
            about: "write the chart to this file too",
        },
    ],
};

/// Writes the shares of all pools that are asked for.
pub(super) fn run(given: &Given, out: &mut dyn Write) -> Result<Verdict, Trouble> {
    given.no_words()?;
    let config = config::load(&given.conf_file()).map_err(Trouble::Load)?;
    let pools: Vec<Placed<'_>> = chosen(&config, given)?.into_iter().map(Placed::new).collect();
    let source = given.last(KEYS.name).map(Source::named);
    let shares = Shares::of(&pools, source.as_ref())?;
    let charts: Vec<Chart<'_>> = pools
        .iter()
        .zip(shares)
        .map(|(placed, shares)| Chart { title: title(placed), placed, shares })
        .collect();

    for (at, chart) in charts.iter().enumerate() {
        if at > 0 {
            writeln!(out).map_err(Trouble::Write)?;
        }
        text::write(chart, out).map_err(Trouble::Write)?;
    }
    if let Some(path) = given.last("svg") {
        let path = PathBuf::from(path);
        fs::write(&path, svg::draw(&charts)).map_err(|error| Trouble::File {
            doing: "writing",
            path,
            error,
        })?;
    }
    Ok(Verdict::Clean)
}

/// What there is to show of one pool.
struct Chart<'a> {
    title: String,
    placed: &'a Placed<'a>,
    shares: Shares,
}

impl Chart<'_> {
    /// The points of each server, where the distribution has them.
    fn points(&self) -> Option<Vec<usize>> {
        let Placed { pool, ring, .. } = self.placed;
        (pool.distribution == DistributionKind::Ketama).then(|| {
            let mut points = vec![0; pool.servers.len()];
            ring.points().for_each(|(_, server)| points[server] += 1);
            points
        })
    }
}

/// `pool 'alpha': ketama, fnv1a_64, 3 servers`.
fn title(placed: &Placed<'_>) -> String {
    let pool = placed.pool;
    let servers = counted(pool.servers.len(), "server");
    format!("pool '{}': {}, {}, {servers}", pool.name, pool.distribution, pool.hash)
}
