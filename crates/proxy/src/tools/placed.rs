//! A pool with its ring, all servers live: who owns which key.

use nutcracker_ring::{Placement, Ring};

use super::arguments::{Given, POOL};
use super::trouble::Trouble;
use crate::config::nearest::nearest;
use crate::config::{Config, Pool, Server};
use crate::topology;

/// A pool that keys can be placed in.
#[derive(Debug)]
pub(super) struct Placed<'a> {
    /// The pool, as the file has it.
    pub(super) pool: &'a Pool,
    /// How it reads keys.
    pub(super) placement: Placement,
    /// Who owns what; built from the pool's servers in their order.
    pub(super) ring: Ring,
}

impl<'a> Placed<'a> {
    /// Builds the ring of `pool`, as the proxy does at its start.
    pub(super) fn new(pool: &'a Pool) -> Self {
        let live = vec![true; pool.servers.len()];
        let ring = Ring::new(pool.distribution, &topology::ring_servers(pool), &live);
        Self { pool, placement: topology::placement(pool), ring }
    }

    /// The part of `key` that is hashed.
    pub(super) fn hashed<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        self.placement.tag.map_or(key, |tag| tag.select(key))
    }

    /// The server that owns `hash`; `None` when it is drawn at each request, so that nobody does.
    pub(super) fn owner(&self, hash: u32) -> Option<usize> {
        let mut drawn = false;
        let server = self.ring.server(hash, || {
            drawn = true;
            0
        });
        server.filter(|_| !drawn)
    }

    /// The server of this index.
    pub(super) fn server(&self, index: usize) -> &'a Server {
        &self.pool.servers[index]
    }
}

/// The pools that `--pool` names, or all of them, in the configuration's order.
///
/// # Errors
/// A name that no pool has.
pub(super) fn chosen<'a>(config: &'a Config, given: &Given) -> Result<Vec<&'a Pool>, Trouble> {
    let names: Vec<String> =
        given.all(POOL.name).map(|name| name.to_string_lossy().into_owned()).collect();
    let known: Vec<&str> = config.pools.iter().map(|pool| &*pool.name).collect();
    for name in &names {
        if !known.contains(&&**name) {
            let meant = match nearest(name, &known) {
                Some(meant) => format!("; did you mean '{meant}'?"),
                None => String::new(),
            };
            let all = known.join(", ");
            return Err(Trouble::Arguments(format!(
                "no pool is called '{name}'{meant} (the pools are {all})"
            )));
        }
    }
    let chosen = config.pools.iter().filter(|pool| names.is_empty() || names.contains(&pool.name));
    Ok(chosen.collect())
}
