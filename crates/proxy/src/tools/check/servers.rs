//! Traps in the lists of servers.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use nutcracker_proto::Protocol;
use nutcracker_ring::DistributionKind;

use super::finding::Severity::{Error, Note, Warning};
use super::trap::{Look, Report, Subject, Trap};
use crate::config::{Address, Listen, Pool, Server};
use crate::tools::placed::Placed;
use crate::tools::shown::counted;
use crate::topology;

pub(super) const TRAPS: &[Trap] = &[
    Trap {
        name: "own-listener",
        severity: Error,
        about: "a pool that has itself for a server",
        look: Look::AtPools(own_listener),
    },
    Trap {
        name: "same-address",
        severity: Warning,
        about: "one server under two names",
        look: Look::AtPools(same_address),
    },
    Trap {
        name: "shared-server",
        severity: Warning,
        about: "pools that share a server and place keys differently",
        look: Look::AtAll(shared_server),
    },
    Trap {
        name: "name-reused",
        severity: Note,
        about: "one name for different servers of two pools",
        look: Look::AtAll(name_reused),
    },
    Trap {
        name: "unnamed-servers",
        severity: Note,
        about: "servers without names, whose keys move with their addresses",
        look: Look::AtPools(unnamed_servers),
    },
    Trap {
        name: "protocol-port",
        severity: Warning,
        about: "servers on the other protocol's usual port",
        look: Look::AtPools(protocol_port),
    },
    Trap {
        name: "zero-points",
        severity: Warning,
        about: "a weight so small that ketama rounds it to nothing",
        look: Look::AtPools(zero_points),
    },
    Trap {
        name: "weights-ignored",
        severity: Warning,
        about: "weights with random, which ignores them",
        look: Look::AtPools(weights_ignored),
    },
];

/// The usual port of Redis.
const REDIS_PORT: u16 = 6379;

/// The usual port of memcached.
const MEMCACHED_PORT: u16 = 11211;

fn own_listener(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    for server in pool.servers.iter().filter(|server| reaches(&server.address, &pool.listen)) {
        report.add(
            subject.places.server(&pool.name, &server.text),
            pool,
            format!(
                "server '{}' is the pool's own listener, {}: a request for it goes round and round",
                server.name,
                pool.listen.text()
            ),
            "give the address of a cache server, or another 'listen'",
        );
    }
}

/// Whether a connection to `address` from this machine is one to `listen`; a host that would have
/// to be looked up is taken for another one.
fn reaches(address: &Address, listen: &Listen) -> bool {
    match (address, listen) {
        (Address::Unix { path }, Listen::Unix { path: listens, .. }) => path == listens,
        (Address::Tcp { host, port }, Listen::Tcp { addr, .. }) => {
            let ip = match &**host {
                "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                host => host.parse::<IpAddr>().ok(),
            };
            let Some(ip) = ip else { return false };
            let here = addr.ip().is_unspecified() && (ip.is_loopback() || ip.is_unspecified());
            *port == addr.port() && (ip == addr.ip() || here)
        }
        _ => false,
    }
}

fn same_address(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    for (at, server) in pool.servers.iter().enumerate() {
        let Some(first) = pool.servers[..at].iter().find(|other| other.address == server.address)
        else {
            continue;
        };
        let line = subject.places.server(&pool.name, &first.text).line;
        report.add(
            subject.places.server(&pool.name, &server.text),
            pool,
            format!(
                "server '{}' is {}, and so is '{}' (line {line}): one process has the keys of both, and \
                 its failures are counted apart",
                server.name, server.address, first.name
            ),
            "list it once, with the sum of the weights; that moves keys",
        );
    }
}

fn shared_server(subject: &Subject<'_>, report: &mut Report<'_>) {
    let pools = &subject.config.pools;
    for (at, pool) in pools.iter().enumerate() {
        for other in &pools[..at] {
            let Some(server) = shared(pool, other) else { continue };
            let Some(difference) = difference(pool, other) else { continue };
            let section = subject.places.section(&other.name);
            report.add(
                subject.places.server(&pool.name, &server.text),
                pool,
                format!(
                    "server {} is also one of pool '{}' (line {}), and {difference}",
                    server.address, other.name, section.line
                ),
                "give both pools the same servers, 'redis', 'hash', 'hash_tag' and 'distribution', or \
                 make sure that no key is used through both",
            );
        }
    }
}

/// A server of `pool` that `other` has too.
fn shared<'a>(pool: &'a Pool, other: &Pool) -> Option<&'a Server> {
    let is_shared = |server: &&Server| other.servers.iter().any(|o| o.address == server.address);
    pool.servers.iter().find(is_shared)
}

/// Why a key written through one pool is not found through the other; `None` when it is, or when
/// the two never meet.
fn difference(pool: &Pool, other: &Pool) -> Option<String> {
    if pool.protocol != other.protocol {
        return Some("that one speaks another protocol: one of the two is wrong".to_owned());
    }
    // Databases of one Redis have nothing to do with each other.
    if pool.protocol == Protocol::Redis && pool.redis_db != other.redis_db {
        return None;
    }
    let what = if pool.distribution != other.distribution {
        format!("distribution {} there, {} here", other.distribution, pool.distribution)
    } else if pool.hash != other.hash {
        format!("hash {} there, {} here", other.hash, pool.hash)
    } else if pool.hash_tag != other.hash_tag {
        "another hash_tag there".to_owned()
    } else if topology::ring_servers(pool) != topology::ring_servers(other) {
        "other servers, names or weights there".to_owned()
    } else {
        return None;
    };
    Some(format!(
        "the two place keys differently ({what}): a key written through one is not always found through \
         the other"
    ))
}

fn name_reused(subject: &Subject<'_>, report: &mut Report<'_>) {
    let mut first: HashMap<&str, (&Pool, &Server)> = HashMap::new();
    for pool in &subject.config.pools {
        for server in &pool.servers {
            let (other, meant) = *first.entry(&server.name).or_insert((pool, server));
            if meant.address == server.address {
                continue;
            }
            report.add(
                subject.places.server(&pool.name, &server.text),
                pool,
                format!(
                    "'{}' is {} here and {} in pool '{}': in logs and graphs the two are easily taken for \
                     one",
                    server.name, server.address, meant.address, other.name
                ),
                "put the pool into the names, as in sessions-1; to rename a server moves keys",
            );
        }
    }
}

fn unnamed_servers(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if pool.distribution == DistributionKind::Random || pool.servers.len() == 1 {
        return;
    }
    // A name of its own stands behind a space.
    let is_unnamed = |server: &&Server| !server.text.ends_with(&format!(" {}", server.name));
    let unnamed: Vec<&Server> = pool.servers.iter().filter(is_unnamed).collect();
    let Some(first) = unnamed.first() else { return };
    let (what, moves) = match pool.distribution {
        DistributionKind::Ketama => ("point on the ring comes", "its keys move"),
        _ => ("place among the others comes", "keys may move"),
    };
    report.add(
        subject.places.server(&pool.name, &first.text),
        pool,
        format!(
            "{} no name: each one's {what} from its address, so {moves} when a machine is replaced by one \
             with another address",
            match unnamed.len() {
                1 => format!("server '{}' has", first.name),
                count => format!("{} of {} have", count, counted(pool.servers.len(), "server")),
            }
        ),
        format!(
            "to keep keys where they are, name each server by what it is called now ('{} {}'), and keep \
             the name when the address changes",
            first.text, first.name
        ),
    );
}

fn protocol_port(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let (other_port, says, cure) = match pool.protocol {
        Protocol::Redis => {
            (MEMCACHED_PORT, "memcached's usual port, and the pool speaks Redis", "'redis: false'")
        }
        Protocol::Memcache => {
            (REDIS_PORT, "the usual port of Redis, and the pool speaks memcached", "'redis: true'")
        }
    };
    let is_odd = |server: &&Server| matches!(server.address, Address::Tcp { port, .. } if port == other_port);
    let Some(server) = pool.servers.iter().find(is_odd) else { return };
    report.add(
        subject.places.server(&pool.name, &server.text),
        pool,
        format!("server '{}' is on port {other_port}, {says}", server.name),
        format!("write {cure} if the server is what its port says"),
    );
}

fn zero_points(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if pool.distribution != DistributionKind::Ketama {
        return;
    }
    let placed = Placed::new(pool);
    for (at, server) in pool.servers.iter().enumerate() {
        if placed.ring.points_of(at) > 0 {
            continue;
        }
        let total: u64 = pool.servers.iter().map(|server| u64::from(server.weight)).sum();
        report.add(
            subject.places.server(&pool.name, &server.text),
            pool,
            format!(
                "server '{}' has weight {} of {total}, which ketama rounds to no point on the ring: it \
                 never gets a key",
                server.name, server.weight
            ),
            format!(
                "a server needs at least a fortieth of the average weight, here {}; or leave it out",
                total.div_ceil(40 * pool.servers.len() as u64)
            ),
        );
    }
}

fn weights_ignored(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let first = &pool.servers[0];
    let other = pool.servers.iter().find(|server| server.weight != first.weight);
    let (Some(other), DistributionKind::Random) = (other, pool.distribution) else { return };
    report.add(
        subject.places.server(&pool.name, &other.text),
        pool,
        format!(
            "weights differ ({} and {}), and random ignores them: every server gets the same",
            first.weight, other.weight
        ),
        "give all the same weight, or use ketama or modula, which go by weight",
    );
}
