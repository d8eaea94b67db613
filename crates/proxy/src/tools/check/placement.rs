//! Traps in how keys find their servers: hash, hash tag, distribution.

use nutcracker_proto::Protocol;
use nutcracker_ring::{DistributionKind, HashKind};

use super::finding::Severity::{Note, Warning};
use super::trap::{Look, Report, Subject, Trap};
use crate::config::Pool;
use crate::tools::placed::Placed;
use crate::tools::shown::percent;

pub(super) const TRAPS: &[Trap] = &[
    Trap {
        name: "narrow-hash",
        severity: Warning,
        about: "a hash of 15 bits that does not reach all servers",
        look: Look::AtPools(narrow_hash),
    },
    Trap {
        name: "crc16-clumps",
        severity: Note,
        about: "ketama with crc16, under which like keys share a server",
        look: Look::AtPools(crc16_clumps),
    },
    Trap {
        name: "uneven-ring",
        severity: Note,
        about: "a server that has a quarter more keys than its weight asks for",
        look: Look::AtPools(uneven_ring),
    },
    Trap {
        name: "random-misses",
        severity: Warning,
        about: "random, under which a key is not found where it was written",
        look: Look::AtPools(random_misses),
    },
    Trap {
        name: "random-unused",
        severity: Note,
        about: "keys about hashing in a pool that draws servers",
        look: Look::AtPools(random_unused),
    },
    Trap {
        name: "modula-moves",
        severity: Note,
        about: "modula, under which every change of servers moves nearly all keys",
        look: Look::AtPools(modula_moves),
    },
    Trap {
        name: "odd-hash-tag",
        severity: Warning,
        about: "a hash tag that matches what it should not, or never",
        look: Look::AtPools(odd_hash_tag),
    },
];

/// A server's share over what its weight asks for, from which on it is worth a note: with 160 points
/// a server, less than one in a thousand is off by so much.
const EXCESS_MIN: f64 = 1.25;

/// Each server's share over what its weight asks for, by counting the values of the pool's hash.
fn excesses(pool: &Pool) -> Option<Vec<f64>> {
    let owned = Placed::new(pool).ring.owned(pool.hash.values())?;
    let total: f64 = pool.servers.iter().map(|server| f64::from(server.weight)).sum();
    let excess = |(server, &owned): (&crate::config::Server, &u64)| {
        owned as f64 / pool.hash.values() as f64 / (f64::from(server.weight) / total)
    };
    Some(pool.servers.iter().zip(&owned).map(excess).collect())
}

/// Whether the hash has fewer values than the ring has room for.
fn is_narrow(pool: &Pool) -> bool {
    pool.hash.values() < 1 << u32::BITS
}

fn narrow_hash(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if !is_narrow(pool) || pool.servers.len() == 1 {
        return;
    }
    let Some(excesses) = excesses(pool) else { return };
    let starved = excesses.iter().filter(|&&excess| excess < 0.5).count();
    if starved == 0 {
        return;
    }
    report.add(
        subject.place(pool, "hash"),
        pool,
        format!(
            "{} has {} values, the lowest of the 2^32 that {} spreads over the servers: less than half \
             of what its weight asks for goes to {starved} of {} servers ('nutcracker ring' shows it)",
            pool.hash,
            pool.hash.values(),
            pool.distribution,
            pool.servers.len()
        ),
        "use another hash, for example fnv1a_64 or crc32a; that moves keys",
    );
}

fn crc16_clumps(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let ketama = pool.distribution == DistributionKind::Ketama;
    if pool.hash != HashKind::Crc16 || !ketama || pool.servers.len() == 1 {
        return;
    }
    report.add(
        subject.place(pool, "hash"),
        pool,
        "with crc16, keys that differ only in their last two bytes lie within a 256th of the ketama ring: \
         user:1000 to user:1099 go to a few servers, whatever the number of servers",
        "use another hash, for example fnv1a_64; that moves keys. 'nutcracker ring --keys FILE' shows how \
         your own keys spread",
    );
}

fn uneven_ring(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if pool.distribution != DistributionKind::Ketama || is_narrow(pool) {
        return;
    }
    let Some(excesses) = excesses(pool) else { return };
    let Some((at, &excess)) = excesses.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)) else {
        return;
    };
    if excess < EXCESS_MIN {
        return;
    }
    let server = &pool.servers[at];
    let total: f64 = pool.servers.iter().map(|server| f64::from(server.weight)).sum();
    let asked = f64::from(server.weight) / total;
    report.add(
        subject.places.server(&pool.name, &server.text),
        pool,
        format!(
            "server '{}' has {} of the keys where its weight asks for {}: that is how the names fall on \
             the ring",
            server.name,
            percent(asked * excess).trim_start(),
            percent(asked).trim_start()
        ),
        "give it room for that, or other weights or names ('nutcracker ring' shows what comes of them); \
         that moves keys",
    );
}

fn random_misses(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let count = pool.servers.len();
    if pool.distribution != DistributionKind::Random || count == 1 {
        return;
    }
    report.add(
        subject.place(pool, "distribution"),
        pool,
        format!(
            "random draws a server for each request: a key that was written to one of {count} servers is \
             read from any of them"
        ),
        "right only where all servers hold the same, as replicas that are read from do; else use ketama",
    );
}

fn random_unused(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if pool.distribution != DistributionKind::Random {
        return;
    }
    for key in ["hash", "hash_tag"] {
        if subject.is_written(pool, key) {
            report.add(
                subject.place(pool, key),
                pool,
                format!("'{key}' has no effect with random, which hashes nothing"),
                format!("leave '{key}' out"),
            );
        }
    }
}

fn modula_moves(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if pool.distribution != DistributionKind::Modula || pool.servers.len() == 1 {
        return;
    }
    report.add(
        subject.place(pool, "distribution"),
        pool,
        "with modula nearly all keys change their server when a server is added, removed or given another \
         weight",
        "'nutcracker diff' shows how many before you do it; ketama moves only what it must",
    );
}

fn odd_hash_tag(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let Some(tag) = pool.hash_tag else { return };
    let [open, close] = *tag.as_bytes();
    let shown = tag.as_bytes().escape_ascii();
    let no_key = |byte: u8| matches!(byte, b' ' | b'\r' | b'\n' | b'\0');
    let reason = if !open.is_ascii() || !close.is_ascii() {
        format!(
            "'hash_tag' is two bytes, {shown}, and at least one of them is a part of a character"
        )
    } else if pool.protocol == Protocol::Memcache && (no_key(open) || no_key(close)) {
        format!("no memcached key can hold both bytes of 'hash_tag', {shown}: it never applies")
    } else if open.is_ascii_alphanumeric() || close.is_ascii_alphanumeric() {
        format!(
            "'hash_tag' has a letter or digit, {shown}: ordinary keys hold it too, and what is hashed of \
             them is any piece"
        )
    } else if [*b"}{", *b")(", *b"][", *b"><"].contains(&[open, close]) {
        format!(
            "'hash_tag' is {shown}, the closing one first: in an ordinary {{tag}} it never applies"
        )
    } else {
        return;
    };
    report.add(
        subject.place(pool, "hash_tag"),
        pool,
        reason,
        "two marks that keys hold only for this, \"{}\" as a rule; to change the tag moves the keys it \
         applies to",
    );
}
