//! A stall of the process itself: no server is to blame for it.
//!
//! A worker that was stopped, swapped out or moved to another machine goes on in the middle of its turn. What it
//! had read before goes out only now, and by the turn's reading of the clock the time for it is over. So
//! all that is outstanding gets as much more time as the stall took:
//!
//! ```text
//!  read            sent  answered
//!   |--- stall ------|-------|                 the server took this: |-------|
//!   |--- timeout --|                            given up here, by the clock alone
//!                    |--- timeout --|           given up here
//! ```
//! A worker that stalls over and over again must still end its requests: each gets more time once.

use std::time::Duration;

use crate::engine::Engine;
use crate::ids::{ConnId, Side};
use crate::server::Tenancy;

impl Engine {
    /// The worker was held up for so long, before this turn or in the last one. Called at the beginning of a turn,
    /// before what has come in is told. O(requests outstanding).
    #[cold]
    pub fn handle_stall(&mut self, lasted: Duration) {
        if self.now < self.excuses_until {
            return;
        }
        let timeouts = self.pools.iter().filter_map(|pool| pool.config().timeout);
        self.excuses_until = self.now.after(timeouts.max().unwrap_or_default());
        for key in self.servers.keys().collect::<Vec<_>>() {
            let conn = ConnId::new(Side::Server, key);
            let server = self.servers.get_mut(key).expect("its key was just listed");
            // Its entry among the deadlines comes up when it did, and is set for the new time then.
            server.connect_by = server.connect_by.after(lasted);
            let mut waits = server.queue.front();
            while !waits.is_none() {
                let request = self.requests.get_mut(waits);
                request.deadline = request.deadline.after(lasted);
                waits = server.queue.after(waits, &self.requests);
            }
            if matches!(server.tenancy, Tenancy::Own { .. }) {
                let alarm = server.alarm.after(lasted);
                self.set_pinned_alarm(conn, alarm);
            }
        }
        self.excuse_listeners(lasted);
    }
}
