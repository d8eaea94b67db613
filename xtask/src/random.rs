//! The one source of chance: what is generated follows from the run's seed and its own number, and
//! from nothing else, so that it can be made again alone.

/// A SplitMix64 generator: small, and good from its first number on, whatever the seed.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The generator of one stream of a run.
    pub(crate) fn of_stream(seed: u64, number: u64) -> Self {
        let mut of_run = Self(seed);
        let mut random = Self(of_run.draw() ^ number.wrapping_mul(0xd134_2543_de82_ef95));
        random.draw();
        random
    }

    /// The next number, any of 64 bits.
    pub(crate) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `end`, `end` not included.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.draw() % end as u64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True so many times of a thousand.
    pub(crate) fn chance(&mut self, permille: usize) -> bool {
        self.below(1000) < permille
    }

    /// One of `from`.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One of several, each as often as its weight says.
    pub(crate) fn weighted<T: Copy>(&mut self, from: &[(usize, T)]) -> T {
        let mut at = self.below(from.iter().map(|(weight, _)| weight).sum());
        for (weight, one) in from {
            match at.checked_sub(*weight) {
                None => return *one,
                Some(rest) => at = rest,
            }
        }
        unreachable!("the draw is below the sum of the weights")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_draws_the_same_again_and_its_neighbour_draws_otherwise() {
        let draws = |seed, number| {
            let mut random = Random::of_stream(seed, number);
            [random.draw(), random.draw(), random.draw()]
        };
        assert_eq!(draws(1, 7), draws(1, 7));
        assert_ne!(draws(1, 7), draws(1, 8));
        assert_ne!(draws(1, 7), draws(2, 7));
    }

    #[test]
    fn a_weight_of_nothing_is_never_drawn_and_all_others_are() {
        let mut random = Random::of_stream(1, 1);
        let mut seen = [0; 3];
        for _ in 0..1000 {
            seen[random.weighted(&[(1, 0), (0, 1), (9, 2)])] += 1;
        }
        assert!(seen[0] > 0 && seen[1] == 0 && seen[2] > seen[0], "{seen:?}");
    }
}
