//! What the engine reports, as lines of the log.
//!
//! Lines about clients share an allowance; of lines about servers the first about each is written whatever
//! the others do, see [`limited_each!`](log::limited_each).

use std::fmt;

use nutcracker_engine::{PoolId, Report, ServerId};

use crate::log;
use crate::shared::Shared;

/// Writes a report to the log.
pub fn write(shared: &Shared, report: &Report) {
    let server = |pool: &PoolId, server: &ServerId| ServerName::of(shared, *pool, *server);
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
        Report::ServerClosed { pool, server: id, reason, failed } => {
            let server = server(pool, id);
            log::limited_each!(
                WARN,
                server,
                "{server} closed with {failed} requests waiting: {reason}"
            );
        }
        Report::Ejected { pool, server: id, away } => {
            let limit = shared.shells[pool.0 as usize].config.server_failure_limit;
            tracing::warn!(
                "{} ejected after {limit} failures in a row, for {} ms",
                server(pool, id),
                away.as_millis()
            );
        }
        Report::StillAway { pool, server: id, reason } => {
            let server = server(pool, id);
            log::limited_each!(WARN, server, "{server} is still away: {reason}");
        }
        Report::Reached { pool, server: id } => {
            let server = server(pool, id);
            log::limited_each!(WARN, server, "{server} can be reached again");
        }
        Report::Moved { pool, server: id } => {
            let server = server(pool, id);
            log::limited_each!(
                INFO,
                server,
                "{server} has another address, its connection is replaced"
            );
        }
        Report::MovedInVain { pool, server: id, reason } => {
            let server = server(pool, id);
            log::limited_each!(
                WARN,
                server,
                "{server} has another address, where no connection could be opened, the old one stays: {reason}"
            );
        }
        Report::Returned { pool, server: id } => {
            tracing::warn!("{} is back", server(pool, id));
        }
    }
}

fn pool_name(shared: &Shared, pool: PoolId) -> &str {
    &shared.shells[pool.0 as usize].config.name
}

/// A server as the log names it.
struct ServerName<'a> {
    server: &'a str,
    pool: &'a str,
}

impl<'a> ServerName<'a> {
    fn of(shared: &'a Shared, pool: PoolId, server: ServerId) -> Self {
        let config = &shared.shells[pool.0 as usize].config;
        Self { server: &config.servers[server.0 as usize].name, pool: &config.name }
    }
}

impl fmt::Display for ServerName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server '{}' of pool '{}'", self.server, self.pool)
    }
}
