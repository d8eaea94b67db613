//! The requests of a workload, made of parts that were written beforehand: a client that loads a machine it
//! shares with servers should have little to do.

use super::workload::{Piece, Random, Workload};

/// What a workload asks: the parts of its requests, and of the responses that are right.
#[derive(Debug)]
pub(crate) struct Script {
    /// Keys a request.
    count: usize,
    head: Piece,
    /// One a key.
    parts: Vec<Piece>,
    tail: Piece,
    is_unordered: bool,
}

impl Script {
    /// Writes the parts. O(keys).
    pub(crate) fn new(workload: &Workload) -> Self {
        let prefix = if workload.is_reading() { 'r' } else { 'w' };
        Self {
            count: workload.count(),
            head: workload.head(),
            parts: (0..workload.keys).map(|number| workload.part(prefix, number)).collect(),
            tail: workload.tail(),
            is_unordered: workload.is_unordered(),
        }
    }

    /// Appends one request on random keys to `request`, and its right response to `response`.
    pub(crate) fn write(&self, random: &mut Random, request: &mut Vec<u8>, response: &mut Vec<u8>) {
        let keys = self.parts.len() as u32;
        let parts = (0..self.count).map(|_| &self.parts[random.below(keys) as usize]);
        for piece in [&self.head].into_iter().chain(parts).chain([&self.tail]) {
            request.extend_from_slice(&piece.request);
            response.extend_from_slice(&piece.response);
        }
    }

    /// Whether `found` is the right response to a request where `due` is, but for the order of its values. They
    /// are of one length, each with its key of one length.
    pub(crate) fn has_all(&self, found: &[u8], due: &[u8]) -> bool {
        if found == due {
            return true;
        }
        let value_bytes = self.parts[0].response.len();
        let [mut found_values, mut due_values] =
            [found, due].map(|bytes| bytes.chunks(value_bytes).collect::<Vec<_>>());
        found_values.sort_unstable();
        due_values.sort_unstable();
        found_values == due_values
    }

    /// Whether the right response may come in another order, and is compared when all of it is there.
    pub(crate) const fn is_unordered(&self) -> bool {
        self.is_unordered
    }
}
