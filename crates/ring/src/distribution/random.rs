//! Any live server.

/// The live servers; weights do not count, as in the original (`random_update`).
#[derive(Debug, Clone)]
pub(crate) struct Random {
    live: Box<[u32]>,
}

impl Random {
    /// One place for each server in `live`, which is not empty.
    pub(crate) fn new(live: &[u32]) -> Self {
        Self { live: live.into() }
    }

    /// The live server at place `draw mod live` (`random_dispatch`).
    #[inline]
    pub(crate) fn server(&self, draw: u32) -> usize {
        self.live[draw as usize % self.live.len()] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_is_counted_around_the_live_servers() {
        let random = Random::new(&[0, 2, 5]);
        for (draw, server) in [(0, 0), (1, 2), (2, 5), (3, 0), (4, 2), (u32::MAX, 0)] {
            assert_eq!(random.server(draw), server, "draw {draw}");
        }
    }
}
