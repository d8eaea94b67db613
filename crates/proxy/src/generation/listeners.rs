//! Which listeners a generation opens: those of pools that nobody listens for yet.

use nutcracker_engine::PoolId;

use super::Obstacle;
use crate::config::{Config, Pool};
use crate::net::Listener;
use crate::patience;
use crate::polling::Pollers;
use crate::subject::Subject;
use crate::succession::listens_there;

/// Listens for the pools that nobody listens for yet.
pub(super) fn open(
    config: &Config,
    earlier: &[&Pool],
) -> Result<Vec<(PoolId, Listener)>, Obstacle> {
    let pools = config.pools.iter().enumerate();
    if !earlier.is_empty()
        && let Some((pool, other)) = twice(&config.pools)
    {
        return Err(Obstacle::Twice {
            pool: pool.name.clone(),
            address: pool.listen.text().to_owned(),
            other: other.name.clone(),
        });
    }
    let new = pools.filter(|(_, pool)| listens_there(pool, earlier).is_none());
    new.map(|(at, pool)| {
        if let Some(other) = earlier.iter().find(|other| other.listen.overlaps(&pool.listen)) {
            return Err(Obstacle::Overlap {
                pool: pool.name.clone(),
                address: pool.listen.text().to_owned(),
                other: other.listen.text().to_owned(),
            });
        }
        let bind = || Listener::bind(pool);
        let listener = match earlier {
            [] => patience::when_free(bind, |failed| Some(failed.error.kind())),
            _ => bind(),
        };
        Ok((PoolId(at as u32), listener.map_err(Obstacle::Listen)?))
    })
    .collect()
}

/// Has the worker that accepts, whose pollers are given, told of clients.
pub(super) fn watch(
    listeners: &mut [(PoolId, Listener)],
    pollers: &Pollers,
) -> Result<(), Obstacle> {
    for (at, (_, listener)) in listeners.iter_mut().enumerate() {
        let watched = listener.register(pollers.all.registry(), Subject::Listener(at).token());
        watched.map_err(Obstacle::system("watching a listener"))?;
    }
    Ok(())
}

/// A pool that listens where one before it does, if there is any; at a start binding finds it.
fn twice(pools: &[Pool]) -> Option<(&Pool, &Pool)> {
    pools.iter().enumerate().find_map(|(at, pool)| {
        let other = pools[..at].iter().find(|other| other.listen.is_same_place(&pool.listen))?;
        Some((pool, other))
    })
}
