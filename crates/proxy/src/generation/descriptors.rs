//! The open files that a generation needs; clients get what is left.

use std::io;

use super::Obstacle;
use crate::config::Config;
use crate::log::reason;
use crate::sys::{self, OpenFilesLimit};

/// Descriptors kept for the log, the statistics, the pollers and whatever a library opens (the
/// original's `RESERVED_FDS`).
const RESERVED_DESCRIPTORS: usize = 32;

/// Descriptors a worker needs for itself: its pollers, its waker.
const WORKER_DESCRIPTORS: usize = 3;

/// How many clients the limit of descriptors leaves room for, once all servers are connected
/// (`core_calc_connections`). They share it with server conns beyond the ordinary ones.
pub(super) fn clients_max(config: &Config, workers: usize) -> Result<usize, Obstacle> {
    let limit = match sys::raise_open_files_limit() {
        Ok(limit) => limit,
        // Some systems give a process a hard limit that it may not use.
        Err(error) => {
            let OpenFilesLimit { soft, hard } = sys::open_files_limit()
                .map_err(Obstacle::system("asking for the limit of open files"))?;
            tracing::warn!(
                "raising the limit of open files from {soft} to {hard} failed, ignored: {}",
                reason(&error)
            );
            soft
        }
    };
    let taken = descriptors_taken(config, workers);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    match limit.checked_sub(taken) {
        Some(clients) if clients > 0 => Ok(clients),
        _ => Err(Obstacle::System {
            doing: "making room for clients",
            error: io::Error::other(format!(
                "the servers need {taken} open files and the limit is {limit}: raise it (ulimit -n)"
            )),
        }),
    }
}

/// How many open files the proxy needs for all but its clients, once all servers are connected by their
/// ordinary conns. Others (pinned, listening, of another class) take places of clients while they are
/// open, see [`Room`](nutcracker_engine::Room).
#[must_use]
pub fn descriptors_taken(config: &Config, workers: usize) -> usize {
    let servers: usize = config
        .pools
        .iter()
        .map(|pool| pool.servers.len() * pool.server_connections as usize * workers + 1)
        .sum();
    servers + RESERVED_DESCRIPTORS + workers * WORKER_DESCRIPTORS
}
