//! Where the points of a ketama ring come from, kept from one ring to the next.
//!
//! How many points a server has depends on who else is live; where its n-th point lies depends on
//! its name alone. So the places are computed once, and a ring takes as many as it needs.

use md5::{Digest, Md5};

use super::ketama::{Ketama, Point};
use crate::RingServer;

/// Every point computed so far for the servers of one pool.
#[derive(Debug, Clone)]
pub(crate) struct PointCache {
    /// Sorted.
    points: Vec<CachedPoint>,
    /// For each server, the number of its digests that are in `points`.
    digests: Vec<u32>,
}

/// Ordered by value, then by server: the original sorts by value with a stable sort, from a list
/// in server order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct CachedPoint {
    value: u32,
    server: u32,
    /// Which digest of its server the point is from; a ring takes those below a limit.
    digest: u32,
}

impl PointCache {
    pub(crate) fn new(server_count: usize) -> Self {
        Self { points: Vec::new(), digests: vec![0; server_count] }
    }

    /// The circle of the servers in `live`, an ascending list of indexes into `servers` that is
    /// not empty.
    pub(crate) fn ketama(&mut self, servers: &[RingServer], live: &[u32]) -> Ketama {
        let wanted = digest_counts(servers, live);
        self.compute(servers, &wanted);

        let count = wanted.iter().map(|&digests| digests as usize * POINTS_PER_DIGEST).sum();
        // One more than the points, for the guard.
        let mut points = Vec::with_capacity(count + 1);
        points.extend(
            self.points
                .iter()
                .filter(|point| point.digest < wanted[point.server as usize])
                .map(|point| Point { value: point.value, server: point.server }),
        );
        debug_assert_eq!(points.len(), count, "every wanted point is computed");
        Ketama::new(points)
    }

    /// Adds what is missing of the first `wanted[s]` digests of each server `s`.
    fn compute(&mut self, servers: &[RingServer], wanted: &[u32]) {
        let known = self.points.len();
        for (at, server) in (0_u32..).zip(servers) {
            let done = &mut self.digests[at as usize];
            for digest in *done..wanted[at as usize] {
                let values = point_values(&server.name, digest);
                self.points.extend(values.map(|value| CachedPoint { value, server: at, digest }));
            }
            *done = (*done).max(wanted[at as usize]);
        }
        if self.points.len() > known {
            // The points known before are a sorted run, which the standard stable sort merges
            // rather than sorts again.
            self.points.sort();
        }
    }
}

/// For each server, how many of its digests make points when those in `live` share the circle;
/// none if it is not live.
///
/// The original sums weights in 32 bits. Where the sum wraps, its shares come out too large, and
/// as long as its table holds them they are what it places by. Beyond that it writes past the
/// table; no placement of the original is there to be kept, and the true sum is taken instead.
fn digest_counts(servers: &[RingServer], live: &[u32]) -> Vec<u32> {
    let count = |total_weight: f32| {
        let mut digests = vec![0; servers.len()];
        for &at in live {
            let weight = servers[at as usize].weight;
            digests[at as usize] = digest_count(weight, total_weight, live.len());
        }
        digests
    };
    let true_total: u64 = live.iter().map(|&at| u64::from(servers[at as usize].weight)).sum();
    let digests = count(true_total as u32 as f32);
    let room = (live.len() + SPARE_SERVERS) * POINTS_PER_SERVER / POINTS_PER_DIGEST;
    // In 64 bits, for a sum of weights that wraps to 0 asks for all the digests there can be.
    if digests.iter().map(|&count| u64::from(count)).sum::<u64>() <= room as u64 {
        digests
    } else {
        count(true_total as f32)
    }
}

/// How many digests of a server of `weight` make points, among `live` servers of `total_weight`
/// together: about 40, times its weight over the average.
///
/// `ketama_update` computes in single precision, adds a hair in double precision and rounds back.
/// Each rounding shows: equal weights get 40 digests with 24 servers and 39 with 25, so no step may
/// be reordered or widened.
fn digest_count(weight: u32, total_weight: f32, live: usize) -> u32 {
    let share = weight as f32 / total_weight;
    let digests = share * POINTS_PER_SERVER as f32 / POINTS_PER_DIGEST as f32 * live as f32;
    let digests = (f64::from(digests) + 0.000_000_000_1) as f32;
    digests.floor() as u32
}

/// The points of one digest: the MD5 of `NAME-digest`, read as four little-endian words
/// (`ketama_hash`).
fn point_values(name: &str, digest: u32) -> [u32; POINTS_PER_DIGEST] {
    let mut text = format!("{name}-{digest}").into_bytes();
    text.truncate(DIGEST_INPUT_BYTES_MAX);
    let md5: [u8; 16] = Md5::digest(&text).into();
    let (words, _) = md5.as_chunks();
    std::array::from_fn(|word| u32::from_le_bytes(words[word]))
}

/// Points of a server whose weight is the average (the original's `KETAMA_POINTS_PER_SERVER`).
const POINTS_PER_SERVER: usize = 160;

/// The original's table has room for so many servers' points beyond the live ones' when it is
/// allocated (`KETAMA_CONTINUUM_ADDITION`).
const SPARE_SERVERS: usize = 10;

/// One MD5 digest is four words.
const POINTS_PER_DIGEST: usize = 4;

/// What fits the buffer in which the original prints the string to digest, its last byte taken by
/// the terminating zero (`KETAMA_MAX_HOSTLEN`).
const DIGEST_INPUT_BYTES_MAX: usize = 272;

#[cfg(test)]
mod tests {
    use super::*;

    /// How many points each server has, by weight, when all are live.
    fn points(weights: &[u32]) -> Vec<u32> {
        let servers: Vec<_> = weights.iter().map(|&weight| RingServer::new("s", weight)).collect();
        let live: Vec<u32> = (0..weights.len() as u32).collect();
        digest_counts(&servers, &live).into_iter().map(|digests| 4 * digests).collect()
    }

    #[test]
    fn equal_weights_give_160_points_except_where_single_precision_rounds_down() {
        let short: Vec<usize> =
            (1..=100).filter(|&servers| points(&vec![1; servers]) != vec![160; servers]).collect();
        assert_eq!(short, [25, 47, 50, 55, 61, 71, 94, 100]);
        for servers in short {
            assert_eq!(points(&vec![1; servers]), vec![156; servers]);
        }
    }

    #[test]
    fn points_follow_weights_and_may_round_to_none() {
        assert_eq!(points(&[1]), [160]);
        assert_eq!(points(&[7]), [160]);
        assert_eq!(points(&[1, 2, 3]), [80, 160, 240]);
        // The ideal would be 319.9968 and 0.0032.
        assert_eq!(points(&[100_000, 1]), [316, 0]);
    }

    #[test]
    fn a_sum_of_weights_that_wraps_counts_only_while_the_originals_table_holds_the_points() {
        let heavy = i32::MAX.cast_unsigned();
        assert_eq!(points(&[heavy; 2]), [160; 2]);
        // The sum is 2^31 - 3 in 32 bits, so each of the three has the share of all.
        assert_eq!(points(&[heavy; 3]), [480; 3]);
        // The sum is 0 in 32 bits, then 1.
        assert_eq!(points(&[heavy, heavy, 2]), [240, 240, 0]);
        assert_eq!(points(&[heavy, heavy, 3]), [240, 240, 0]);
    }

    #[test]
    fn a_digest_is_read_as_four_little_endian_words() {
        // `printf a-0 | md5sum` prints a165efd1 96e17ba1 95ad4dc5 0028b39a.
        assert_eq!(point_values("a", 0), [0xd1ef_65a1, 0xa17b_e196, 0xc54d_ad95, 0x9ab3_2800]);
        // And of 127.0.0.1:17001-39: ceb50e74 10bc39cf 8db2a268 fc9636b9.
        assert_eq!(
            point_values("127.0.0.1:17001", 39),
            [0x740e_b5ce, 0xcf39_bc10, 0x68a2_b28d, 0xb936_96fc]
        );
    }

    #[test]
    fn the_digested_string_is_cut_to_272_bytes() {
        let name = "n".repeat(270);
        assert_ne!(point_values(&name, 1), point_values(&name, 2));
        assert_eq!(point_values(&name, 10), point_values(&name, 19));
        let long = "n".repeat(272);
        assert_eq!(point_values(&long, 0), point_values(&long, 1));
        assert_eq!(point_values(&long, 0), point_values(&"n".repeat(300), 7));
    }
}
