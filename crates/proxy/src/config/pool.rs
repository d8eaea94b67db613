//! From a section of the file to a [`Pool`]: the keys, their defaults, and what they may be.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use nutcracker_engine::limits::PoolLimits;
use nutcracker_engine::{MultiError, OnEject, Retries};
use nutcracker_proto::Protocol;
use nutcracker_ring::{DistributionKind, HashKind, HashTag, name_order};

use super::commands::{self, AddedCommands};
use super::document::{Section, Value};
use super::fault::Fault;
use super::keys::{Findings, Keys};
use super::nearest::nearest;
use super::types::{Listen, Pool, Server};
use super::{address, limits};
use Whose::{Original, Own};

/// The keys of a pool in the order in which messages name them, and whose they are.
const KEYS: [(&str, Whose); 33] = [
    ("listen", Original),
    ("hash", Original),
    ("hash_tag", Original),
    ("distribution", Original),
    ("timeout", Original),
    ("backlog", Original),
    ("client_connections", Original),
    ("redis", Original),
    ("tcpkeepalive", Original),
    ("reuseport", Own),
    ("redis_auth", Original),
    ("redis_db", Original),
    ("preconnect", Original),
    ("auto_eject_hosts", Original),
    ("server_connections", Original),
    ("server_retry_timeout", Original),
    ("server_failure_limit", Original),
    ("servers", Original),
    ("databases", Own),
    ("commands", Own),
    ("client_requests_max", Own),
    ("client_unsent_max", Own),
    ("server_queue_max", Own),
    ("request_max", Own),
    ("response_max", Own),
    ("pinned_connections_max", Own),
    ("connect_timeout", Own),
    ("on_eject", Own),
    ("retries", Own),
    ("allow_flush", Own),
    ("meta_commands", Own),
    ("multi_error", Own),
    ("resolve_interval", Own),
];

/// Whose a key is.
#[derive(Clone, Copy)]
enum Whose {
    /// The original 0.5.0 has it as well.
    Original,
    /// It refuses a file with it; `reuseport` is in its newest source.
    Own,
}

/// The keys' names.
pub(super) const NAMES: [&str; KEYS.len()] = {
    let mut names = [""; KEYS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = KEYS[at].0;
        at += 1;
    }
    names
};

/// Whether the original 0.5.0 takes a pool that has `key`.
pub(crate) fn is_originals_key(key: &str) -> bool {
    KEYS.iter().any(|&(name, whose)| name == key && matches!(whose, Original))
}

/// Reads the pool in `section`; `None` when something is wrong, which `findings` then has.
pub(super) fn read(section: &Section, findings: &mut Findings) -> Option<Pool> {
    let wrong_before = findings.problems.len();
    let keys = &mut Keys::of_pool(section, findings);
    keys.check_names(&NAMES, |found, nearest| Fault::UnknownKey { found, nearest, keys: &NAMES });

    let listen = listen(keys);
    let redis = keys.flag("redis").unwrap_or(false);
    let pool = Pool {
        name: section.name.text.clone(),
        protocol: if redis { Protocol::Redis } else { Protocol::Memcache },
        hash: hash(keys),
        hash_tag: keys.read("hash_tag", hash_tag),
        distribution: distribution(keys),
        timeout: keys.number("timeout").filter(|&ms| ms > 0).map(milliseconds),
        connect_timeout: keys.number("connect_timeout").filter(|&ms| ms > 0).map(milliseconds),
        backlog: keys.number("backlog").unwrap_or(limits::BACKLOG_DEFAULT),
        client_connections: keys.number("client_connections").unwrap_or(0),
        redis_auth: redis_auth(keys, redis),
        redis_db: redis_db(keys, redis),
        databases: databases(keys, redis),
        commands: added_commands(keys, redis),
        preconnect: keys.flag("preconnect").unwrap_or(false),
        auto_eject_hosts: keys.flag("auto_eject_hosts").unwrap_or(false),
        server_connections: server_connections(keys),
        server_retry_timeout: keys
            .number("server_retry_timeout")
            .map_or(limits::SERVER_RETRY_TIMEOUT_DEFAULT, milliseconds),
        server_failure_limit: keys
            .number("server_failure_limit")
            .map_or(limits::SERVER_FAILURE_LIMIT_DEFAULT, |limit| limit.max(1)),
        on_eject: keys
            .word("on_eject", &["rehash", "fail"], &[OnEject::Rehash, OnEject::Fail])
            .unwrap_or_default(),
        retries: retries(keys),
        tcpkeepalive: keys.flag("tcpkeepalive").unwrap_or(false),
        reuseport: keys.flag("reuseport").unwrap_or(false),
        servers: servers(keys),
        limits: pool_limits(keys),
        allow_flush: keys.flag("allow_flush").unwrap_or(false),
        meta_commands: meta_commands(keys, redis),
        multi_error: multi_error(keys),
        resolve_interval: Some(
            keys.number("resolve_interval").map_or(limits::RESOLVE_INTERVAL_DEFAULT, milliseconds),
        )
        .filter(|interval| !interval.is_zero()),
        // Last: without a listener there is no pool, but all its other keys have been read.
        listen: listen?,
    };
    (findings.problems.len() == wrong_before).then_some(pool)
}

fn listen(keys: &mut Keys<'_>) -> Option<Listen> {
    if keys.value("listen").is_none() {
        keys.wrong(keys.name().at, Fault::MissingListen);
    }
    let (listen, odd) = keys.read("listen", address::listen)?;
    if let Some(odd) = odd {
        keys.warn(keys.place("listen"), odd);
    }
    Some(listen)
}

fn hash(keys: &mut Keys<'_>) -> HashKind {
    let hash = keys.read("hash", |found| {
        HashKind::from_name(found).ok_or_else(|| Fault::UnknownHash {
            found: found.to_owned(),
            nearest: nearest(found, &HashKind::NAMES),
        })
    });
    hash.unwrap_or(HashKind::Fnv1a64)
}

/// Two bytes rather than two characters, as in the original: "é" is one.
fn hash_tag(found: &str) -> Result<HashTag, Fault> {
    HashTag::from_bytes(found.as_bytes()).ok_or_else(|| Fault::HashTag { found: found.to_owned() })
}

fn distribution(keys: &mut Keys<'_>) -> DistributionKind {
    let distribution = keys.read("distribution", |found| {
        DistributionKind::from_name(found).ok_or_else(|| Fault::UnknownDistribution {
            found: found.to_owned(),
            nearest: nearest(found, &DistributionKind::NAMES),
        })
    });
    distribution.unwrap_or(DistributionKind::Ketama)
}

fn redis_auth(keys: &mut Keys<'_>, redis: bool) -> Option<String> {
    let password = keys.read("redis_auth", |found| Ok(found.to_owned()))?;
    // Where `redis` itself is wrong, that is the problem.
    let said_no = keys.value("redis").is_none_or(|value| value.is_text("false"));
    if !redis && said_no {
        keys.wrong(keys.place("redis_auth"), Fault::AuthWithoutRedis);
    }
    Some(password)
}

fn redis_db(keys: &mut Keys<'_>, redis: bool) -> u32 {
    let db = keys.number("redis_db").unwrap_or(0);
    if db > 0 && !redis {
        keys.warn(keys.place("redis_db"), Fault::DatabaseWithoutRedis);
    }
    db
}

fn added_commands(keys: &mut Keys<'_>, redis: bool) -> Option<AddedCommands> {
    let added = keys.read("commands", commands::read)?;
    if !redis {
        keys.wrong(keys.place("commands"), Fault::CommandsWithoutRedis);
    }
    Some(added)
}

fn meta_commands(keys: &mut Keys<'_>, redis: bool) -> bool {
    if redis && keys.value("meta_commands").is_some() {
        keys.warn(keys.place("meta_commands"), Fault::MetaCommandsWithRedis);
    }
    keys.flag("meta_commands").unwrap_or(true)
}

fn databases(keys: &mut Keys<'_>, redis: bool) -> u32 {
    let Some(databases) = keys.number("databases") else { return limits::DATABASES_DEFAULT };
    if !limits::DATABASES.contains(&databases) {
        keys.wrong(keys.place("databases"), Fault::Databases { found: databases });
    } else if !redis {
        keys.warn(keys.place("databases"), Fault::DatabasesWithoutRedis);
    }
    databases
}

/// How much the pool may hold.
fn pool_limits(keys: &mut Keys<'_>) -> PoolLimits {
    let default = PoolLimits::default();
    let client_requests = keys.number("client_requests_max").unwrap_or(default.client_requests);
    if client_requests == 0 {
        keys.wrong(keys.place("client_requests_max"), Fault::ZeroClientRequests);
    }
    PoolLimits {
        client_requests,
        client_unsent_bytes: keys
            .bytes("client_unsent_max", &limits::CLIENT_UNSENT_MAX)
            .map_or(default.client_unsent_bytes, |bytes| bytes as u32),
        server_queue_bytes: keys
            .bytes("server_queue_max", &limits::SERVER_QUEUE_MAX)
            .unwrap_or(default.server_queue_bytes),
        request_bytes: keys
            .bytes("request_max", &limits::REQUEST_MAX)
            .unwrap_or(default.request_bytes),
        response_bytes: keys
            .bytes("response_max", &limits::RESPONSE_MAX)
            .unwrap_or(default.response_bytes),
        pinned_connections: keys
            .number("pinned_connections_max")
            .unwrap_or(default.pinned_connections),
        passed_over_bytes: default.passed_over_bytes,
        subscriber_unsent_bytes: default.subscriber_unsent_bytes,
    }
}

fn retries(keys: &mut Keys<'_>) -> Retries {
    let Some(found) = keys.number("retries") else { return Retries::default() };
    let times = u8::try_from(found).ok().filter(|times| *times <= limits::RETRIES_MAX);
    times.map(Retries::of).unwrap_or_else(|| {
        keys.wrong(keys.place("retries"), Fault::Retries { found });
        Retries::default()
    })
}

fn multi_error(keys: &mut Keys<'_>) -> MultiError {
    let choice = keys.read("multi_error", |found| match found {
        "fail" => Ok(MultiError::Fail),
        "partial" => Ok(MultiError::Partial),
        _ => Err(Fault::UnknownMultiError { found: found.to_owned() }),
    });
    choice.unwrap_or_default()
}

fn server_connections(keys: &mut Keys<'_>) -> u32 {
    let connections = keys.number("server_connections");
    if connections == Some(0) {
        keys.wrong(keys.place("server_connections"), Fault::ZeroServerConnections);
    }
    connections.unwrap_or(limits::SERVER_CONNECTIONS_DEFAULT)
}

/// Reads the list of servers and puts it in order.
fn servers(keys: &mut Keys<'_>) -> Vec<Server> {
    let items = match keys.value("servers") {
        Some(Value::List(items)) => items,
        Some(Value::Text(text)) => {
            let fault = match text.text.strip_prefix('-') {
                Some(_) => Fault::NoSpaceAfterDash { item: first_word(&text.text[1..]) },
                None => Fault::ServersNotList,
            };
            keys.wrong(text.at, fault);
            return Vec::new();
        }
        Some(Value::Faulty) => return Vec::new(),
        None => {
            keys.wrong(keys.name().at, Fault::MissingServers);
            return Vec::new();
        }
    };
    let mut servers: Vec<Server> = Vec::with_capacity(items.len());
    let mut lines_by_name: HashMap<String, usize> = HashMap::with_capacity(items.len());
    for item in items {
        let Some((server, odd)) = keys.read_text(item, address::server) else {
            continue;
        };
        if let Some(odd) = odd {
            keys.warn(item.at, odd);
        }
        match lines_by_name.entry(server.name.clone()) {
            Entry::Occupied(first) => {
                let (name, first_line) = (server.name, *first.get());
                keys.wrong(item.at, Fault::DuplicateServer { name, first_line });
            }
            Entry::Vacant(vacant) => {
                vacant.insert(item.at.line);
                servers.push(server);
            }
        }
    }
    servers.sort_by(|a, b| name_order(&a.name, &b.name));
    servers
}

/// The first word of a text that YAML made of several lines.
fn first_word(text: &str) -> String {
    text.split(' ').next().unwrap_or(text).to_owned()
}

fn milliseconds(number: u32) -> Duration {
    Duration::from_millis(number.into())
}
