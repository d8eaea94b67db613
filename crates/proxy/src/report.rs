//! What the engine reports, as lines of the log.

use nutcracker_engine::{PoolId, Report, ServerId};

use crate::log;
use crate::shared::Shared;

/// Writes a report to the log.
pub fn write(shared: &Shared, report: &Report) {
    match report {
        Report::ClientError { client, pool, error, found, .. } => {
            log::limited!(
                ERROR,
                "client {client} of pool '{}' broke a rule and is closed: {error}; its message begins \"{}\"",
                pool_name(shared, *pool),
                found.escape_ascii()
            );
        }
        Report::ClientHeldMost { client, pool, bytes, .. } => {
            log::limited!(
                WARN,
                "memory_max is reached: client {client} of pool '{}' is closed, it held most of it ({bytes} bytes)",
                pool_name(shared, *pool)
            );
        }
        Report::SubscriberTooSlow { client, pool, bytes, .. } => {
            log::limited!(
                WARN,
                "client {client} of pool '{}' is closed: it does not read what it is subscribed to ({bytes} bytes wait)",
                pool_name(shared, *pool)
            );
        }
        Report::ServerClosed { pool, server, reason, failed } => {
            log::limited!(
                WARN,
                "server '{}' of pool '{}' closed with {failed} requests waiting: {reason}",
                server_name(shared, *pool, *server),
                pool_name(shared, *pool)
            );
        }
        Report::Ejected { pool, server } => {
            let pool_config = &shared.shells[pool.0 as usize].config;
            tracing::warn!(
                "server '{}' of pool '{}' ejected after {} failures in a row, for {} ms",
                server_name(shared, *pool, *server),
                pool_config.name,
                pool_config.server_failure_limit,
                pool_config.server_retry_timeout.as_millis()
            );
        }
        Report::StillAway { pool, server, reason } => {
            log::limited!(
                WARN,
                "server '{}' of pool '{}' is still away: {reason}",
                server_name(shared, *pool, *server),
                pool_name(shared, *pool)
            );
        }
        Report::Reached { pool, server } => {
            log::limited!(
                WARN,
                "server '{}' of pool '{}' can be reached again",
                server_name(shared, *pool, *server),
                pool_name(shared, *pool)
            );
        }
        Report::Moved { pool, server } => {
            log::limited!(
                INFO,
                "server '{}' of pool '{}' has another address, its connection is replaced",
                server_name(shared, *pool, *server),
                pool_name(shared, *pool)
            );
        }
        Report::MovedInVain { pool, server, reason } => {
            log::limited!(
                WARN,
                "server '{}' of pool '{}' has another address, where no connection could be opened, the old one stays: {reason}",
                server_name(shared, *pool, *server),
                pool_name(shared, *pool)
            );
        }
        Report::Returned { pool, server } => {
            tracing::warn!(
                "server '{}' of pool '{}' is back in the ring",
                server_name(shared, *pool, *server),
                pool_name(shared, *pool)
            );
        }
    }
}

fn pool_name(shared: &Shared, pool: PoolId) -> &str {
    &shared.shells[pool.0 as usize].config.name
}

fn server_name(shared: &Shared, pool: PoolId, server: ServerId) -> &str {
    &shared.shells[pool.0 as usize].config.servers[server.0 as usize].name
}
