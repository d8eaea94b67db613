//! The proxy's memory and descriptors over a run, by sixths of it: of an hour, each is ten minutes.

/// How many parts a run has.
pub(super) const SIXTHS: usize = 6;

/// What was seen in one sixth.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    samples: u64,
    sum: f64,
    /// The highest.
    pub(super) most: f64,
}

impl Spread {
    fn add(&mut self, value: f64) {
        self.samples += 1;
        self.sum += value;
        self.most = self.most.max(value);
    }

    /// The mean; 0 where nothing was seen.
    pub(super) fn mean(&self) -> f64 {
        self.sum / (self.samples.max(1)) as f64
    }
}

/// Memory and descriptors by sixths.
#[derive(Debug, Default)]
pub(super) struct Sixths {
    /// Bytes resident.
    pub(super) memory: [Spread; SIXTHS],
    /// Open descriptors.
    pub(super) descriptors: [Spread; SIXTHS],
}

impl Sixths {
    /// Adds a look at the proxy, so far into the run (0 to 1).
    pub(super) fn add(&mut self, part: f64, memory: u64, descriptors: usize) {
        let at = ((part * SIXTHS as f64) as usize).min(SIXTHS - 1);
        self.memory[at].add(memory as f64);
        self.descriptors[at].add(descriptors as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_belongs_to_its_sixth_and_what_is_late_to_the_last() {
        let mut sixths = Sixths::default();
        for (part, memory) in [(0.0, 10), (0.16, 30), (0.17, 7), (0.999, 8), (1.2, 4)] {
            sixths.add(part, memory, 3);
        }
        let means = sixths.memory.map(|spread| spread.mean());
        assert_eq!(means, [20.0, 7.0, 0.0, 0.0, 0.0, 6.0]);
        assert_eq!(sixths.memory[0].most, 30.0);
        assert_eq!(sixths.descriptors[5].mean(), 3.0);
    }
}
