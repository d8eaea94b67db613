//! Options side by side: a row a key of the configuration, and which of them differ.

use std::time::Duration;

use nutcracker_engine::{MultiError, OnEject, Retries};
use nutcracker_proto::Protocol;

use crate::config::{Config, MemoryMax, Places, Pool, Workers};

/// A key of a pool, and its value in words. Two values are the same if their words are.
struct Row {
    key: &'static str,
    value: fn(&Pool) -> String,
}

/// Every key of a pool but `servers`; a test of the binary finds the one that is missing.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { key: "listen",               value: |pool| pool.listen.text().to_owned() },
    Row { key: "redis",                value: |pool| (pool.protocol == Protocol::Redis).to_string() },
    Row { key: "hash",                 value: |pool| pool.hash.to_string() },
    Row { key: "hash_tag",             value: hash_tag },
    Row { key: "distribution",         value: |pool| pool.distribution.to_string() },
    Row { key: "timeout",              value: |pool| pool.timeout.map_or_else(|| "none".to_owned(), ms) },
    Row { key: "auto_eject_hosts",     value: |pool| pool.auto_eject_hosts.to_string() },
    Row { key: "server_failure_limit", value: |pool| pool.server_failure_limit.to_string() },
    Row { key: "server_retry_timeout", value: |pool| ms(pool.server_retry_timeout) },
    Row { key: "server_connections",   value: |pool| pool.server_connections.to_string() },
    Row { key: "preconnect",           value: |pool| pool.preconnect.to_string() },
    Row { key: "redis_auth",           value: |pool| pool.redis_auth.clone().unwrap_or_default() },
    Row { key: "redis_db",             value: |pool| pool.redis_db.to_string() },
    Row { key: "databases",            value: |pool| pool.databases.to_string() },
    Row { key: "commands",             value: |pool| pool.commands.as_ref().map_or_else(|| "none".to_owned(), |added| added.text.clone()) },
    Row { key: "client_connections",   value: |pool| no_limit(pool.client_connections) },
    Row { key: "backlog",              value: |pool| pool.backlog.to_string() },
    Row { key: "tcpkeepalive",         value: |pool| pool.tcpkeepalive.to_string() },
    Row { key: "reuseport",            value: |pool| pool.reuseport.to_string() },
    Row { key: "connect_timeout",      value: |pool| pool.connect_timeout.map_or_else(|| "none".to_owned(), ms) },
    Row { key: "on_eject",             value: on_eject },
    Row { key: "retries",              value: retries },
    Row { key: "client_requests_max",  value: |pool| pool.limits.client_requests.to_string() },
    Row { key: "client_unsent_max",    value: |pool| bytes(pool.limits.client_unsent_bytes as usize) },
    Row { key: "server_queue_max",     value: |pool| bytes(pool.limits.server_queue_bytes) },
    Row { key: "request_max",          value: |pool| bytes(pool.limits.request_bytes) },
    Row { key: "response_max",         value: |pool| bytes(pool.limits.response_bytes) },
    Row { key: "allow_flush",          value: |pool| pool.allow_flush.to_string() },
    Row { key: "meta_commands",        value: |pool| pool.meta_commands.to_string() },
    Row { key: "multi_error",          value: multi_error },
    Row { key: "resolve_interval",     value: |pool| pool.resolve_interval.map_or_else(|| "never".to_owned(), ms) },
    Row { key: "pinned_connections_max", value: |pool| pool.limits.pinned_connections.to_string() },
];

fn retries(pool: &Pool) -> String {
    match pool.retries {
        Retries { times, after_any_loss: true } => times.to_string(),
        Retries { times, after_any_loss: false } => format!("{times}, if a connection ended"),
    }
}

fn multi_error(pool: &Pool) -> String {
    match pool.multi_error {
        MultiError::Fail => "fail".to_owned(),
        MultiError::Partial => "partial".to_owned(),
    }
}

fn hash_tag(pool: &Pool) -> String {
    match pool.hash_tag {
        Some(tag) => format!("\"{}\"", tag.as_bytes().escape_ascii()),
        None => "none".to_owned(),
    }
}

fn on_eject(pool: &Pool) -> String {
    match pool.on_eject {
        OnEject::Rehash => "rehash".to_owned(),
        OnEject::Fail => "fail".to_owned(),
    }
}

fn ms(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

fn bytes(count: usize) -> String {
    if count == usize::MAX { "the protocol's".to_owned() } else { format!("{count} bytes") }
}

fn no_limit(count: u32) -> String {
    if count == 0 { "no limit".to_owned() } else { count.to_string() }
}

/// One side of a comparison: a configuration, and what of it is written in its file.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) config: Config,
    pub(super) places: Places,
}

impl Side {
    /// `value`, and whether it is the default of a key that the file leaves out.
    fn shown(&self, section: &str, key: &str, value: &str) -> String {
        match self.places.value(section, key) {
            Some(_) => value.to_owned(),
            None => format!("{value} (default)"),
        }
    }
}

/// The options that differ between two pools, one of each side, as `key: old -> new`.
pub(super) fn of_pools(old: (&Side, &Pool), new: (&Side, &Pool)) -> Vec<String> {
    let mut lines = Vec::new();
    for Row { key, value } in ROWS {
        let (before, after) = (value(old.1), value(new.1));
        if before == after {
            continue;
        }
        if *key == "redis_auth" {
            lines.push(password(&before, &after).to_owned());
            continue;
        }
        let before = old.0.shown(&old.1.name, key, &before);
        let after = new.0.shown(&new.1.name, key, &after);
        lines.push(format!("{key}: {before} -> {after}"));
    }
    lines
}

/// Passwords are not shown; an empty one is none.
fn password(before: &str, after: &str) -> &'static str {
    match (before.is_empty(), after.is_empty()) {
        (true, _) => "redis_auth: none -> a password",
        (_, true) => "redis_auth: a password -> none",
        _ => "redis_auth: a password -> another one",
    }
}

/// The options of the process that differ.
pub(super) fn of_process(old: &Side, new: &Side) -> Vec<String> {
    let workers = |side: &Side| match side.config.global.workers {
        None => "1".to_owned(),
        Some(Workers::Auto) => "auto".to_owned(),
        Some(Workers::Count(count)) => count.to_string(),
    };
    let microseconds = |time: Duration| match time.as_micros() {
        0 => "never".to_owned(),
        microseconds => format!("{microseconds} microseconds"),
    };
    let pause = |side: &Side| microseconds(side.config.global.turn_pause);
    let busy = |side: &Side| microseconds(side.config.global.busy_poll);
    let mut lines = Vec::new();
    let memory = |side: &Side| match side.config.global.memory_max {
        MemoryMax::Auto => "auto".to_owned(),
        MemoryMax::Unlimited => "no limit".to_owned(),
        MemoryMax::Bytes(bytes) => format!("{bytes} bytes"),
    };
    for (key, before, after) in [
        ("workers", workers(old), workers(new)),
        ("busy_poll", busy(old), busy(new)),
        ("turn_pause", pause(old), pause(new)),
        ("memory_max", memory(old), memory(new)),
    ] {
        if before != after {
            let (before, after) =
                (old.shown("global", key, &before), new.shown("global", key, &after));
            lines.push(format!("{key}: {before} -> {after}"));
        }
    }
    lines
}
