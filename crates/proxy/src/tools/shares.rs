//! How much of the keys each server of a pool has, beside what its weight asks for.
//!
//! Three ways to know, and a [`Method`] says which one it was:
//! - **counted**: every value that the hash can have is given to its owner, so the share is exact as
//!   far as the hash spreads keys evenly;
//! - **measured**: keys are placed. So it is done with the operator's own keys, and with `crc16`,
//!   whose values are far from equally likely;
//! - **drawn**: `random` asks no hash, and each live server gets the same.

use std::fmt;

use nutcracker_ring::{DistributionKind, HashKind};

use super::keys::Source;
use super::placed::Placed;
use super::trouble::Trouble;

/// The shares of a pool's servers, in the pool's order; each list adds up to 1.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    /// What each server has.
    pub(super) has: Vec<f64>,
    /// What its weight asks for.
    pub(super) asked: Vec<f64>,
    /// How this is known.
    pub(super) method: Method,
}

/// How shares are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// By counting the values of this hash.
    Counted(HashKind),
    /// By placing so many keys.
    Measured {
        /// Where they are from.
        source: Source,
        /// How many there were.
        keys: u64,
        /// Whether it is on account of the hash that values were not counted.
        uneven: Option<HashKind>,
    },
    /// By the rule of `random`.
    Drawn,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counted(hash) if hash.values() < 1 << u32::BITS => write!(
                f,
                "exact, by the {} values that {hash} can have ({} bits, not 32)",
                hash.values(),
                hash.values().ilog2()
            ),
            Self::Counted(hash) => write!(f, "exact, by all 2^32 values of {hash}"),
            Self::Measured { source, keys, uneven } => {
                write!(f, "measured on {source}")?;
                if *source != Source::Sample {
                    write!(f, " ({keys})")?;
                }
                match uneven {
                    Some(hash) => {
                        write!(f, " ({hash} clumps keys that are alike: other keys, other shares)")
                    }
                    None => Ok(()),
                }
            }
            Self::Drawn => {
                f.write_str("random draws a server for each request; weights count for nothing")
            }
        }
    }
}

/// The hash whose values are so far from equally likely that counting them says little.
pub(super) fn uneven(hash: HashKind) -> Option<HashKind> {
    (hash == HashKind::Crc16).then_some(hash)
}

impl Shares {
    /// The shares of each of `pools`: of the keys in `source` if there is one, which is read once,
    /// else as exact as they can be known.
    ///
    /// # Errors
    /// Keys that cannot be read, or that there are none of.
    pub(super) fn of(pools: &[Placed<'_>], source: Option<&Source>) -> Result<Vec<Self>, Trouble> {
        let counts = source.map(|source| measure(pools, source)).transpose()?;
        let mut shares = Vec::with_capacity(pools.len());
        for (at, placed) in pools.iter().enumerate() {
            let (has, method) = match (source, &counts) {
                _ if placed.pool.distribution == DistributionKind::Random => drawn(placed),
                (Some(source), Some(counts)) => measured(&counts[at], source, None),
                _ => unasked(placed)?,
            };
            let servers = &placed.pool.servers;
            let total: f64 = servers.iter().map(|server| f64::from(server.weight)).sum();
            let asked = servers.iter().map(|server| f64::from(server.weight) / total).collect();
            shares.push(Self { has, asked, method });
        }
        Ok(shares)
    }

    /// The largest share of either kind.
    pub(super) fn largest(&self) -> f64 {
        self.has.iter().chain(&self.asked).copied().fold(0.0, f64::max)
    }
}

/// The shares when no keys are given.
fn unasked(placed: &Placed<'_>) -> Result<(Vec<f64>, Method), Trouble> {
    let hash = placed.pool.hash;
    if let Some(uneven) = uneven(hash)
        && placed.pool.servers.len() > 1
    {
        let counts = measure(std::slice::from_ref(placed), &Source::Sample)?;
        return Ok(measured(&counts[0], &Source::Sample, Some(uneven)));
    }
    let owned = placed.ring.owned(hash.values()).expect("the pool is not random");
    let has = owned.iter().map(|&count| count as f64 / hash.values() as f64).collect();
    Ok((has, Method::Counted(hash)))
}

fn drawn(placed: &Placed<'_>) -> (Vec<f64>, Method) {
    let count = placed.pool.servers.len();
    (vec![1.0 / count as f64; count], Method::Drawn)
}

fn measured(counts: &[u64], source: &Source, uneven: Option<HashKind>) -> (Vec<f64>, Method) {
    let keys: u64 = counts.iter().sum();
    let has = counts.iter().map(|&count| count as f64 / keys as f64).collect();
    (has, Method::Measured { source: source.clone(), keys, uneven })
}

/// For each of `pools`, how many keys of `source` each of its servers owns.
fn measure(pools: &[Placed<'_>], source: &Source) -> Result<Vec<Vec<u64>>, Trouble> {
    let mut counts: Vec<Vec<u64>> =
        pools.iter().map(|placed| vec![0; placed.pool.servers.len()]).collect();
    let mut keys = 0_u64;
    source.read(|key| {
        keys += 1;
        for (placed, counts) in pools.iter().zip(&mut counts) {
            if let Some(owner) = placed.owner(placed.placement.key_hash(key)) {
                counts[owner] += 1;
            }
        }
        Ok(())
    })?;
    if keys == 0 {
        return Err(no_keys(source));
    }
    Ok(counts)
}

/// The trouble of a list of keys without a key.
pub(super) fn no_keys(source: &Source) -> Trouble {
    Trouble::Arguments(format!("there is nothing to measure: {source} are none at all"))
}
