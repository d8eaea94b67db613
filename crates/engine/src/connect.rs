//! How a conn to a server is opened, and what it says first.

use std::time::Duration;

use crate::action::Action;
use crate::clients::session::{Class, ClassId};
use crate::engine::Engine;
use crate::ids::{ConnId, PoolId, ServerId, Side};
use crate::server::{Handshake, ServerConn, State, Tenancy};
use crate::time::tick::Tick;

impl Engine {
    /// Opens one conn to each server of the pools that want it (`server_pool_preconnect`).
    pub fn preconnect(&mut self) {
        for pool in 0..self.pools.len() {
            if !self.pools[pool].config().preconnect {
                continue;
            }
            for server in 0..self.pools[pool].config().servers.len() {
                let (class, server) = (ClassId::default(), ServerId(server as u32));
                let slot = self.pools[pool].slot(class, server, 0);
                if self.pools[pool].conn(slot).is_none() {
                    self.connect_shared(PoolId(pool as u32), server, class, slot);
                }
            }
        }
    }

    /// Opens a conn to `server` for the clients of a class, and gives it its place in the pool.
    pub(crate) fn connect_shared(
        &mut self,
        pool: PoolId,
        server: ServerId,
        class: ClassId,
        slot: usize,
    ) -> ConnId {
        let conn = self.connect(pool, server, class, Tenancy::Shared { slot });
        self.pools[pool.0 as usize].set_conn(slot, Some(conn));
        conn
    }

    /// Opens a conn to `server`.
    pub(crate) fn connect(
        &mut self,
        pool: PoolId,
        server: ServerId,
        class: ClassId,
        tenancy: Tenancy,
    ) -> ConnId {
        let pool_state = &self.pools[pool.0 as usize];
        let config = pool_state.config();
        let mut conn = ServerConn::new(pool, server, tenancy, class, config);
        if conn.takes_room() {
            pool_state.shared.room.take_anyhow();
        }
        let mut greeting = Vec::new();
        let Class { version, database } = pool_state.classes.get(class);
        let password = config.password.as_deref();
        let mut due = config.protocol.handshake(password, version, database, &mut greeting);
        let is_shared = matches!(tenancy, Tenancy::Shared { .. });
        let asks = is_shared && pool_state.shared.health.is_silent(server);
        if asks {
            greeting.extend_from_slice(config.protocol.probe());
            due += 1;
        }
        if due > 0 {
            conn.outbox.push(&greeting, &mut self.spares);
            let handshake = Handshake { unsent: greeting.len(), due, asks };
            conn.state = State::Connecting { handshake };
        }
        // No request waits for longer than its own timeout, so neither does the connect.
        let patience =
            config.connect_timeout.map(|own| config.timeout.map_or(own, |all| all.min(own)));
        if let Some(patience) = patience {
            conn.connect_by = self.now.after(patience);
            conn.armed = true;
        }
        let connect_by = conn.connect_by;
        let id = ConnId::new(Side::Server, self.servers.insert(conn));
        if connect_by != Tick::NEVER {
            self.deadlines.set(connect_by, id);
        }
        self.stats.total_connections.add(1);
        self.stats.curr_connections.add(1);
        self.actions.push_back(Action::Connect { conn: id, pool, server });
        id
    }

    /// Has a conn that is being opened give up after `patience` at the latest, whether anybody waits for it
    /// or not.
    pub(crate) fn bound_connect(&mut self, conn: ConnId, patience: Duration) {
        let give_up = self.now.after(patience);
        let server = self.servers.get_mut(conn.key()).expect("the caller has just opened it");
        if !server.armed {
            (server.connect_by, server.armed) = (give_up, true);
            self.deadlines.set(give_up, conn);
        }
    }
}
