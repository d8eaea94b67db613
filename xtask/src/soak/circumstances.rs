//! Under which circumstances a stream is made, all of which follow from the seed and its number.

use super::pools::{self, Pool, SERVERS};
use super::reply::Protocol;
use super::stream::{Company, Stream};
use super::{memcached, redis};
use crate::random::Random;

/// How many streams are played between two looks at what the servers hold.
pub(crate) const BATCH: u64 = 1024;

/// Of so many streams in a row one has the servers to itself, and one spoils the original.
const ROUND: u64 = 128;

/// What a stream is made for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    /// The pool it goes to.
    pub(crate) pool: &'a Pool,
    /// Its place among the pools.
    pub(crate) pool_index: usize,
    /// The number of the stream.
    pub(crate) number: u64,
    /// Who may be served beside it.
    pub(crate) company: Company,
    /// Whether the original does not serve all of it.
    pub(crate) is_odd: bool,
    /// Whether one of the servers refuses to write.
    pub(crate) is_refused: bool,
}

/// Which server refuses to write while the batch of stream `number` is played, if one does.
pub(crate) fn refusing(protocol: Protocol, number: u64) -> Option<usize> {
    let batch = number / BATCH;
    (protocol == Protocol::Redis && batch % 4 == 2).then_some((batch / 4) as usize % SERVERS)
}

/// Makes stream `number` of the run with this seed.
pub(crate) fn stream(protocol: Protocol, seed: u64, number: u64) -> Stream {
    let mut random = Random::of_stream(seed, number);
    let is_refused = refusing(protocol, number).is_some();
    let (company, is_odd) = match number % ROUND {
        63 => (Company::None, false),
        127 if !is_refused => (Company::Spoilt, true),
        // Of what follows in an odd stream the answers are known, unless a server refuses.
        _ => (Company::Any, random.chance(200) && !is_refused),
    };
    let lenient = pools::lenient(protocol);
    let pool_index = match company {
        // One pool each, so that a batch needs one clean-up.
        Company::Spoilt => lenient.start + (number / ROUND) as usize % lenient.len(),
        Company::None => random.between(pools::COUNTED, lenient.end - 1),
        Company::Any if is_odd => random.between(lenient.start, lenient.end - 1),
        Company::Any => random.below(pools::pools(protocol).len()),
    };
    let pool = &pools::pools(protocol)[pool_index];
    let circumstances = Circumstances { pool, pool_index, number, company, is_odd, is_refused };
    match protocol {
        Protocol::Redis => redis::stream(circumstances, &mut random),
        Protocol::Memcached => memcached::stream(circumstances, &mut random),
    }
}

const _: () = assert!(BATCH.is_multiple_of(ROUND));

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::soak::judge;
    use crate::soak::rules::Rules;
    use crate::soak::stream::{Judge, Part};

    #[test]
    fn a_stream_is_made_the_same_again() {
        for protocol in Protocol::ALL {
            for number in 0..200 {
                let (one, other) = (stream(protocol, 3, number), stream(protocol, 3, number));
                assert_eq!(one.wire, other.wire, "{protocol} stream {number}");
                assert_eq!(one.cuts, other.cuts);
            }
        }
    }

    #[test]
    fn the_spoiling_streams_of_a_batch_have_a_pool_each() {
        for protocol in Protocol::ALL {
            let streams = (0..BATCH).map(|number| stream(protocol, 3, number));
            let spoilt = streams.filter(|stream| stream.company == Company::Spoilt);
            let pools: Vec<usize> = spoilt.map(|stream| stream.pool).collect();
            let distinct: BTreeSet<&usize> = pools.iter().collect();
            assert_eq!(distinct.len(), pools.len(), "{pools:?}");
            assert!(!pools.is_empty());
        }
    }

    #[test]
    fn every_rule_is_for_a_kind_that_is_drawn_and_every_kind_has_its_rule() {
        for protocol in Protocol::ALL {
            let rules = Rules::of(protocol).expect("the allow-list is JSON");
            let mut drawn = BTreeSet::from([judge::LOST, judge::MISSED]);
            for number in 0..BATCH * 7 {
                let stream = stream(protocol, 3, number);
                if stream.farewell().is_some_and(|goodbye| !goodbye.is_empty()) {
                    drawn.insert(judge::GOODBYE);
                }
                for ask in &stream.asks {
                    if let Judge::MayDiffer { kind, .. } = ask.judge {
                        drawn.insert(kind);
                    }
                }
                for part in stream.tail.iter().flat_map(|tail| &tail.parts) {
                    if let Part::Odd { kind, fields } = part {
                        // It fails when the rule wants a field that the stream has not.
                        rules.rule(kind).ours(fields);
                        drawn.insert(kind);
                    }
                }
            }
            let listed: BTreeSet<&str> = rules.kinds().collect();
            assert_eq!(drawn, listed, "{protocol}");
        }
    }
}
