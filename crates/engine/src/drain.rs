//! How an engine, or one of its pools, stops in good order.

use crate::clients::client::Farewell;
use crate::engine::Engine;
use crate::ids::{ConnId, Key, PoolId, Side};
use crate::own::blocking::{REMOVED, STOPPING};

impl Engine {
    /// Stops in good order: no further request is read, what is outstanding is answered, and each
    /// client is closed when its responses have gone; who waits for a request that blocks is told so
    /// at once. [`clients`](Self::clients) says how many are left, and [`outstanding`](Self::outstanding) what
    /// is on its way, for clients that have left as well.
    pub fn drain(&mut self) {
        self.draining = true;
        let all = self.clients.keys().collect();
        self.send_off(all, STOPPING);
    }

    /// Stops as [`drain`](Self::drain), but for the clients of one pool alone.
    pub fn drain_pool(&mut self, pool: PoolId) {
        let is_there = |key: &Key| self.clients.get(*key).is_some_and(|it| it.pool == pool);
        let keys: Vec<Key> = self.clients.keys().filter(is_there).collect();
        self.send_off(keys, REMOVED);
    }

    fn send_off(&mut self, clients: Vec<Key>, why: &'static str) {
        for key in clients {
            let conn = ConnId::new(Side::Client, key);
            self.unblock(conn, why);
            self.say_farewell(conn, Farewell::Stopping);
        }
    }
}
