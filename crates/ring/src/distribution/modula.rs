//! The hash modulo the sum of the weights.

use crate::RingServer;

/// Each live server holds as many slots as it has weight, in server order; slot `hash mod slots`
/// owns the hash.
///
/// The original writes the slots out, one entry a unit of weight (`modula_update`). Here only the
/// end of each server's run is kept, so a weight of a million costs nothing.
#[derive(Debug, Clone)]
pub(crate) struct Modula {
    runs: Box<[Run]>,
    slots: u64,
}

/// The slots of one server: from the end of the run before to `end`.
#[derive(Debug, Clone, Copy)]
struct Run {
    end: u64,
    server: u32,
}

impl Modula {
    /// The runs of the servers in `live`, an ascending list of indexes into `servers` that is not
    /// empty.
    pub(crate) fn new(servers: &[RingServer], live: &[u32]) -> Self {
        let mut slots = 0;
        let runs = live
            .iter()
            .map(|&server| {
                slots += u64::from(servers[server as usize].weight);
                Run { end: slots, server }
            })
            .collect();
        Self { runs, slots }
    }

    /// The server that holds slot `hash mod slots`: a division, and a search by halves.
    #[inline]
    pub(crate) fn server(&self, hash: u32) -> usize {
        let slot = u64::from(hash) % self.slots;
        let run = self.runs.partition_point(|run| run.end <= slot);
        self.runs[run].server as usize
    }

    /// How many slots there are.
    pub(crate) fn slots(&self) -> u64 {
        self.slots
    }

    /// Adds to each server's place in `owned` how many of the hashes below `values` are its own.
    pub(crate) fn count(&self, values: u64, owned: &mut [u64]) {
        let (rounds, rest) = (values / self.slots, values % self.slots);
        let mut start = 0;
        for run in &self.runs {
            let of_rest = run.end.min(rest).saturating_sub(start);
            owned[run.server as usize] += rounds * (run.end - start) + of_rest;
            start = run.end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Generator;

    #[test]
    fn runs_find_what_slots_written_out_hold() {
        let mut random = Generator::seeded(5);
        for round in 0..if cfg!(miri) { 2 } else { 200 } {
            let servers: Vec<RingServer> = (0..1 + random.below(20))
                .map(|i| RingServer::new(format!("s{i}"), 1 + random.below(9)))
                .collect();
            let mut live: Vec<u32> =
                (0..servers.len() as u32).filter(|_| random.below(4) > 0).collect();
            if live.is_empty() {
                live.push(0);
            }
            let mut slots = Vec::new();
            for &server in &live {
                slots.extend((0..servers[server as usize].weight).map(|_| server as usize));
            }
            let modula = Modula::new(&servers, &live);
            let hashes = (0..300).chain([u32::MAX - 1, u32::MAX]);
            for hash in hashes.chain((0..100).map(|_| random.next_u32())) {
                let expected = slots[hash as usize % slots.len()];
                assert_eq!(modula.server(hash), expected, "round {round}, hash {hash}");
            }
        }
    }

    #[test]
    fn weights_may_add_up_to_more_than_32_bits() {
        let servers = [RingServer::new("a", u32::MAX), RingServer::new("b", u32::MAX)];
        let modula = Modula::new(&servers, &[0, 1]);
        assert_eq!((modula.server(0), modula.server(u32::MAX - 1)), (0, 0));
        assert_eq!(modula.server(u32::MAX), 1);
    }
}
