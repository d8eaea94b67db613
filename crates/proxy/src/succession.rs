//! From one configuration to the next: which pools, servers and listeners go on, and as what.

use std::sync::Arc;

use nutcracker_engine::{Handover, PoolId, ServerId};

use crate::config::Pool;
use crate::generation::Hold;
use crate::net::{Listener, Socket};
use crate::shared::{Message, Shared};

/// The configuration that holds, as the workers of the one before see it.
#[derive(Debug)]
pub struct Successor {
    /// Its workers.
    shared: Arc<Shared>,
    /// For each pool before, where its clients go; `None` for nowhere.
    pools: Box<[Option<PoolId>]>,
    /// For each pool before, whose clients come to its listener; `None` where nobody listens any more.
    listeners: Box<[Option<PoolId>]>,
    /// As long as there is this, somebody may hand something over.
    _hold: Hold,
}

impl Successor {
    /// What takes over from `before`, whose pools' heirs are given.
    #[must_use]
    pub fn new(before: &Shared, heirs: &[Option<usize>], now: Arc<Shared>, hold: Hold) -> Self {
        let pools: Vec<&Pool> = now.shells.iter().map(|shell| &shell.config).collect();
        let listener_of = |pool: &Pool| listens_there(pool, &pools).map(id);
        Self {
            pools: heirs.iter().map(|heir| heir.map(id)).collect(),
            listeners: before.shells.iter().map(|shell| listener_of(&shell.config)).collect(),
            shared: now,
            _hold: hold,
        }
    }

    /// Whether the clients of that pool go somewhere.
    #[must_use]
    pub fn takes(&self, pool: PoolId) -> bool {
        self.pools[pool.0 as usize].is_some()
    }

    /// The pools before whose clients go nowhere.
    pub fn pools_without_heir(&self) -> impl Iterator<Item = PoolId> {
        let pools = self.pools.iter().enumerate();
        pools.filter(|(_, heir)| heir.is_none()).map(|(at, _)| id(at))
    }

    /// Takes over what clients of `pool` came to. It is closed where nobody listens any more.
    pub fn take_listener(&self, pool: PoolId, listener: Listener) {
        if let Some(pool) = self.listeners[pool.0 as usize] {
            self.shared.mailboxes[0].send(Message::Listener { pool, listener });
        }
    }

    /// Takes a client over, which is closed where its pool has no heir.
    pub fn take_client(&self, socket: Socket, client: Handover) {
        if let Some(pool) = self.pools[client.pool.0 as usize] {
            let worker = self.shared.deal_anyhow(pool);
            let client = Box::new(client);
            self.shared.mailboxes[worker].send(Message::HandedOver { pool, socket, client });
        }
    }
}

const fn id(at: usize) -> PoolId {
    PoolId(at as u32)
}

/// Which of `pools` the clients of `pool` go to: that of its name, else the one at its address; and none
/// that speaks another protocol.
#[must_use]
pub fn heir(pool: &Pool, pools: &[&Pool]) -> Option<usize> {
    let by_name = pools.iter().position(|other| other.name == pool.name);
    let heir = by_name.or_else(|| listens_there(pool, pools))?;
    (pools[heir].protocol == pool.protocol).then_some(heir)
}

/// For each pool of `now`, which of those `before` it follows: of two that become one, the one of the same name.
#[must_use]
pub fn followed(before: &[&Pool], now: &[&Pool]) -> Vec<Option<usize>> {
    let mut followed = vec![None; now.len()];
    for (at, pool) in before.iter().enumerate() {
        let Some(heir) = heir(pool, now) else { continue };
        let name = &now[heir].name;
        if pool.name == *name || !before.iter().any(|other| other.name == *name) {
            followed[heir] = Some(at);
        }
    }
    followed
}

/// Which of `pools` listens where `pool` does.
#[must_use]
pub fn listens_there(pool: &Pool, pools: &[&Pool]) -> Option<usize> {
    pools.iter().position(|other| other.listen.is_same_place(&pool.listen))
}

/// For each server of `pool`, which of `earlier` it is: the one of its name, at its address.
#[must_use]
pub fn servers_before(pool: &Pool, earlier: &Pool) -> Vec<Option<ServerId>> {
    let before = |server: &crate::config::Server| {
        let is = |other: &crate::config::Server| {
            other.name == server.name && other.address == server.address
        };
        earlier.servers.iter().position(is).map(|at| ServerId(at as u32))
    };
    pool.servers.iter().map(before).collect()
}
