//! Traps in when servers leave the ring and what that does to keys.

use nutcracker_proto::Protocol;
use nutcracker_ring::DistributionKind;

use super::finding::Severity::{Note, Warning};
use super::trap::{Look, Report, Subject, Trap};
use crate::config::Pool;

pub(super) const TRAPS: &[Trap] = &[
    Trap {
        name: "one-failure-ejects",
        severity: Warning,
        about: "a single failure ejects a server",
        look: Look::AtPools(one_failure_ejects),
    },
    Trap {
        name: "connections-eject",
        severity: Warning,
        about: "a server's connections eject it when they break together",
        look: Look::AtPools(connections_eject),
    },
    Trap {
        name: "eject-only",
        severity: Warning,
        about: "ejection in a pool of one server",
        look: Look::AtPools(eject_only),
    },
    Trap {
        name: "eject-modula",
        severity: Warning,
        about: "ejection with modula, which moves nearly all keys",
        look: Look::AtPools(eject_modula),
    },
    Trap {
        name: "eject-store",
        severity: Note,
        about: "ejection with Redis, where a returning server has old values",
        look: Look::AtPools(eject_store),
    },
    Trap {
        name: "eject-unused",
        severity: Note,
        about: "keys about ejection in a pool that does not eject",
        look: Look::AtPools(eject_unused),
    },
];

fn one_failure_ejects(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if !pool.auto_eject_hosts || pool.server_failure_limit > 1 {
        return;
    }
    report.add(
        subject.place(pool, "server_failure_limit"),
        pool,
        format!(
            "'server_failure_limit' is 1: a single slow request or broken connection ejects a server for \
             {} ms, and its keys are looked for elsewhere",
            pool.server_retry_timeout.as_millis()
        ),
        "2 or more; failures are counted in a row, so a dead server still reaches it soon",
    );
}

fn connections_eject(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let connections = u64::from(pool.server_connections) * subject.workers() as u64;
    let limit = pool.server_failure_limit;
    if !pool.auto_eject_hosts || limit == 1 || connections < limit.into() {
        return;
    }
    let workers = match subject.workers() {
        1 => String::new(),
        workers => format!(" ({} for each of {workers} workers)", pool.server_connections),
    };
    report.add(
        subject.place(pool, "server_connections"),
        pool,
        format!(
            "a server has up to {connections} connections{workers} and is ejected after {limit} failures \
             in a row: each connection that breaks with requests on it is one, so a single restart or \
             hiccup ejects it at once"
        ),
        format!("make 'server_failure_limit' larger than the connections to a server: {} or more", connections + 1),
    );
}

fn eject_only(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if !pool.auto_eject_hosts || pool.servers.len() > 1 {
        return;
    }
    report.add(
        subject.place(pool, "auto_eject_hosts"),
        pool,
        format!(
            "the pool has one server: while it is ejected every request is refused for {} ms, even if the \
             server is back at once",
            pool.server_retry_timeout.as_millis()
        ),
        "leave 'auto_eject_hosts' out: there is no other server to take over",
    );
}

fn eject_modula(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let modula = pool.distribution == DistributionKind::Modula;
    if !pool.auto_eject_hosts || !modula || pool.servers.len() == 1 {
        return;
    }
    report.add(
        subject.place(pool, "auto_eject_hosts"),
        pool,
        "with modula nearly all keys change their server when one is ejected, and again when it returns: \
         one failing server empties the whole cache",
        "use 'distribution: ketama', which moves the ejected server's keys alone, or do not eject; to \
         change the distribution moves keys once",
    );
}

fn eject_store(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let redis = pool.protocol == Protocol::Redis;
    if !pool.auto_eject_hosts || !redis || pool.servers.len() == 1 {
        return;
    }
    report.add(
        subject.place(pool, "auto_eject_hosts"),
        pool,
        "while a Redis is ejected its keys are written to other servers; when it returns, its own old \
         values are read again and what was written meanwhile is out of sight",
        "fine for a cache whose values expire; for data that exists nowhere else, 'auto_eject_hosts: \
         false'",
    );
}

fn eject_unused(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if pool.auto_eject_hosts {
        return;
    }
    let written: Vec<&str> = ["server_failure_limit", "server_retry_timeout"]
        .into_iter()
        .filter(|key| subject.is_written(pool, key))
        .collect();
    let [first, ..] = *written else { return };
    report.add(
        subject.place(pool, first),
        pool,
        format!(
            "{} without 'auto_eject_hosts: true' {} no effect: a failing server stays in the ring",
            written.iter().map(|key| format!("'{key}'")).collect::<Vec<_>>().join(" and "),
            if written.len() == 1 { "has" } else { "have" }
        ),
        "add 'auto_eject_hosts: true', or leave them out",
    );
}
