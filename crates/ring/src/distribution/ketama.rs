//! Consistent hashing: the sorted circle of points, and how a hash finds its point on it.
//!
//! A hash belongs to the first point whose value is not below it; past the last point, the circle
//! starts again at the first. The original finds it by binary search (`ketama_dispatch`), some
//! eleven steps for ten servers. Here the circle is cut into equal arcs, at least as many as there
//! are points, and a table says for each arc which point is the first at or after its start:
//!
//! ```text
//! hash     0x00..        0x40..        0x80..        0xc0..       0xffffffff
//! points     |   A     B   |             |  C    D  E  |             | (A)
//! starts     A             C             C             (A)
//! ```
//!
//! The top bits of a hash name its arc. From there a scan takes less than one step on average.
//! `(A)` is a copy of the first point's owner with the highest value there is: every scan stops
//! at it, so going around the circle needs no code.

/// One position on the circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) value: u32,
    pub(crate) server: u32,
}

/// The points of the live servers, ready to be searched.
#[derive(Debug, Clone)]
pub(crate) struct Ketama {
    /// Ascending by value, points of one value in the order of their servers; then the guard.
    points: Box<[Point]>,
    /// For each arc, the index in `points` of the first point at or after the arc's start.
    starts: Box<[u32]>,
    /// How far a hash is shifted right to give its arc; below 32.
    shift: u32,
}

impl Ketama {
    /// The circle of `points`, which are sorted and at least one. One pass.
    pub(crate) fn new(mut points: Vec<Point>) -> Self {
        debug_assert!(points.is_sorted_by_key(|point| (point.value, point.server)));
        let first = *points.first().expect("a live server of the largest weight has points");
        // More arcs than points where that costs little: fewer points in each.
        let arcs = points.len().next_power_of_two().max(2);
        let arcs = if arcs <= SMALL_ARCS_MAX { 2 * arcs } else { arcs };
        let shift = u32::BITS - arcs.trailing_zeros();

        let mut starts = Vec::with_capacity(arcs);
        for (at, point) in (0_u32..).zip(&points) {
            // Every arc that starts at or below this point and has none yet starts its scan here.
            while starts.len() < arcs && (starts.len() as u32) << shift <= point.value {
                starts.push(at);
            }
        }
        starts.resize(arcs, points.len() as u32);

        points.push(Point { value: u32::MAX, server: first.server });
        Self { points: points.into(), starts: starts.into(), shift }
    }

    /// The server whose point is the first not below `hash`.
    #[inline]
    pub(crate) fn server(&self, hash: u32) -> usize {
        self.points[self.first_not_below(hash)].server as usize
    }

    /// The value of the point that `hash` belongs to.
    pub(crate) fn point(&self, hash: u32) -> u32 {
        let at = self.first_not_below(hash);
        // The guard stands for the first point.
        self.points().get(at).unwrap_or(&self.points[0]).value
    }

    /// Adds to each server's place in `owned` how many of the hashes below `values` are its own.
    pub(crate) fn count(&self, values: u64, owned: &mut [u64]) {
        let mut counted = 0;
        // The guard's arc goes to the end of the circle.
        for point in &self.points {
            let end = values.min(u64::from(point.value) + 1);
            owned[point.server as usize] += end - counted;
            counted = end;
        }
    }

    #[inline]
    fn first_not_below(&self, hash: u32) -> usize {
        let mut at = self.starts[(hash >> self.shift) as usize] as usize;
        // Nobody can foresee whether the first point of the arc is the one, so two steps are taken
        // without a branch; a third is rare, and that can be foreseen.
        at += usize::from(self.points[at].value < hash);
        at += usize::from(self.points[at].value < hash);
        while self.points[at].value < hash {
            at += 1;
        }
        at
    }

    /// The points, without the guard.
    pub(crate) fn points(&self) -> &[Point] {
        &self.points[..self.points.len() - 1]
    }
}

/// So many arcs are few: twice as many are 64 KiB.
const SMALL_ARCS_MAX: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Generator;

    /// The obvious search that the table must agree with.
    fn naive(points: &[Point], hash: u32) -> usize {
        points.iter().find(|point| point.value >= hash).unwrap_or(&points[0]).server as usize
    }

    /// Compares both searches on the hashes around every point and arc, and on `draws` others.
    fn agree(mut points: Vec<Point>, random: &mut Generator, draws: usize) {
        points.sort_by_key(|point| (point.value, point.server));
        let ketama = Ketama::new(points.clone());
        assert_eq!(ketama.points(), points);
        let mut hashes = vec![0, 1, u32::MAX - 1, u32::MAX];
        for point in &points {
            let value = point.value;
            hashes.extend([value.wrapping_sub(1), value, value.wrapping_add(1)]);
        }
        for arc in 0..ketama.starts.len() as u32 {
            let start = arc << ketama.shift;
            hashes.extend([start.wrapping_sub(1), start, start + 1]);
        }
        hashes.extend((0..draws).map(|_| random.next_u32()));
        for hash in hashes {
            assert_eq!(ketama.server(hash), naive(&points, hash), "hash {hash} in {points:?}");
        }
    }

    #[test]
    fn the_table_finds_what_a_plain_search_finds_among_random_points() {
        let mut random = Generator::seeded(2);
        let counts = (1..40).chain([63, 64, 65, 160, 1000]);
        for count in counts.take(if cfg!(miri) { 8 } else { usize::MAX }) {
            let points = (0..count)
                .map(|server| Point { value: random.next_u32(), server: server % 7 })
                .collect();
            agree(points, &mut random, 1000);
        }
    }

    #[test]
    fn the_table_finds_what_a_plain_search_finds_among_crowded_points() {
        let mut random = Generator::seeded(3);
        for base in [0, 0x7fff_fff0, 0x8000_0000, u32::MAX - 64] {
            for count in 1..if cfg!(miri) { 5 } else { 40 } {
                let points = (0..count)
                    .map(|server| Point { value: base + random.below(65), server })
                    .collect();
                agree(points, &mut random, 100);
            }
        }
    }

    #[test]
    fn the_ends_of_the_circle_may_be_points() {
        let mut random = Generator::seeded(4);
        for values in [&[0][..], &[u32::MAX], &[0, u32::MAX], &[0, 0, u32::MAX, u32::MAX]] {
            let points =
                (0..).zip(values).map(|(server, &value)| Point { value, server }).collect();
            agree(points, &mut random, 100);
        }
    }

    /// The original sorts its points with the C library's stable sort, so of two points with one
    /// value the earlier server's comes first and owns the hashes.
    #[test]
    fn of_two_points_with_one_value_the_earlier_servers_counts() {
        let points = [(10, 1), (10, 3), (20, 0), (20, 2)];
        let points = points.map(|(value, server)| Point { value, server });
        let ketama = Ketama::new(points.to_vec());
        for (hash, owner) in [(0, 1), (9, 1), (10, 1), (11, 0), (20, 0), (21, 1)] {
            assert_eq!(ketama.server(hash), owner, "hash {hash}");
        }
    }
}
