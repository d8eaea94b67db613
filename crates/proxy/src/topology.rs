//! From the configuration to what the engines share.

use std::sync::Arc;

use nutcracker_engine::{Ejection, PoolConfig, Room, SharedPool};
use nutcracker_proto::limits::MBUF_HEADER_BYTES;
use nutcracker_ring::{Placement, RingServer};

use crate::config::{Config, Pool};
use crate::shared::Shared;
use crate::succession::{heir, servers_before};

/// The pools of `config`, their rings built. `mbuf_bytes` (`-m`) bounds the keys of Redis pools, as
/// it did in the original, whose keys had to fit a chunk. All share `room`.
#[must_use]
pub fn pools(config: &Config, mbuf_bytes: usize, room: &Arc<Room>) -> Box<[Arc<SharedPool>]> {
    let key_bytes_max = mbuf_bytes.saturating_sub(MBUF_HEADER_BYTES + 1);
    let shared = |pool| {
        let pool = SharedPool::new(pool_config(pool, key_bytes_max));
        Arc::new(pool.with_room(Arc::clone(room)))
    };
    config.pools.iter().map(shared).collect()
}

/// Has the pools of `config` know what those of the configuration `before` know that they follow: `followed` says for
/// each which of them it is.
pub fn succeed(
    pools: &mut [Arc<SharedPool>],
    config: &Config,
    before: &Shared,
    followed: &[Option<usize>],
) {
    let now: Vec<&Pool> = config.pools.iter().collect();
    for (at, followed) in followed.iter().enumerate() {
        let Some(followed) = *followed else { continue };
        let pool = Arc::get_mut(&mut pools[at]).expect("nobody has it yet");
        let servers = servers_before(now[at], &before.shells[followed].config);
        pool.succeed(&before.pools[followed], &servers);
    }
    for (at, shell) in before.shells.iter().enumerate() {
        if let Some(heir) = heir(&shell.config, &now) {
            pools[heir].number_beyond(&before.pools[at]);
        }
    }
}

fn pool_config(pool: &Pool, key_bytes_max: usize) -> PoolConfig {
    PoolConfig {
        protocol: pool.protocol,
        key_bytes_max,
        placement: placement(pool),
        distribution: pool.distribution,
        servers: ring_servers(pool),
        timeout: pool.timeout,
        connect_timeout: pool.connect_timeout,
        retries: pool.retries,
        ejection: pool.auto_eject_hosts.then_some(Ejection {
            failure_limit: pool.server_failure_limit,
            retry_timeout: pool.server_retry_timeout,
            on_eject: pool.on_eject,
        }),
        server_connections: pool.server_connections,
        password: pool.redis_auth.as_ref().map(|password| password.as_bytes().into()),
        database: pool.redis_db,
        allow_flush: pool.allow_flush,
        meta_commands: pool.meta_commands,
        multi_error: pool.multi_error,
        databases: pool.databases,
        commands: pool.commands.as_ref().map(|added| added.rows),
        preconnect: pool.preconnect,
        limits: pool.limits,
    }
}

/// How `pool` reads its keys.
#[must_use]
pub fn placement(pool: &Pool) -> Placement {
    Placement { hash: pool.hash, tag: pool.hash_tag }
}

/// The servers of `pool` as its ring sees them, in their order.
#[must_use]
pub fn ring_servers(pool: &Pool) -> Vec<RingServer> {
    let servers = pool.servers.iter();
    servers.map(|server| RingServer::new(server.name.clone(), server.weight)).collect()
}
