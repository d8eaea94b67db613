//! Traps in how much there may be: connections, clients, workers.

use super::finding::Severity::{Error, Note, Warning};
use super::trap::{Look, Report, Subject, Trap};
use crate::config::Pool;
use crate::generation;

pub(super) const TRAPS: &[Trap] = &[
    Trap {
        name: "too-many-files",
        severity: Error,
        about: "more server connections than files may be open",
        look: Look::AtAll(too_many_files),
    },
    Trap {
        name: "clients-above-files",
        severity: Warning,
        about: "'client_connections' above what the limit of open files leaves",
        look: Look::AtPools(clients_above_files),
    },
    Trap {
        name: "vanished-clients",
        severity: Note,
        about: "'client_connections' without 'tcpkeepalive'",
        look: Look::AtPools(vanished_clients),
    },
    Trap {
        name: "many-connections",
        severity: Note,
        about: "so many connections to a server that they cost more than they give",
        look: Look::AtPools(many_connections),
    },
    Trap {
        name: "many-workers",
        severity: Note,
        about: "more workers than processors",
        look: Look::AtAll(many_workers),
    },
];

/// Connections to one server above which more are hardly of use: each carries many requests at a
/// time, and the fewer they are, the more leave in one write.
const CONNECTIONS_MAX: u64 = 64;

/// How many files may be open beyond those that all but clients take; `None` if that is unknown.
fn room(subject: &Subject<'_>) -> Option<i128> {
    let taken = generation::descriptors_taken(subject.config, subject.workers());
    Some(i128::from(subject.machine.open_files?) - taken as i128)
}

fn too_many_files(subject: &Subject<'_>, report: &mut Report<'_>) {
    let (Some(room), Some(limit)) = (room(subject), subject.machine.open_files) else { return };
    if room > 0 {
        return;
    }
    let connections = |pool: &&Pool| pool.servers.len() * pool.server_connections as usize;
    let Some(pool) = subject.config.pools.iter().max_by_key(connections) else { return };
    report.add(
        subject.place(pool, "server_connections"),
        pool,
        format!(
            "the connections to servers may take {} open files, and the limit is {limit} here: the proxy \
             does not start",
            i128::from(limit) - room
        ),
        "fewer 'server_connections' or workers, or a higher limit (ulimit -Hn, LimitNOFILE=)",
    );
}

fn clients_above_files(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let Some(room) = room(subject).filter(|&room| room > 0) else { return };
    if i128::from(pool.client_connections) <= room {
        return;
    }
    report.add(
        subject.place(pool, "client_connections"),
        pool,
        format!(
            "'client_connections' lets {} clients in, and the limit of open files leaves room for {room} \
             here: those above it are closed as they come",
            pool.client_connections
        ),
        "raise the limit (ulimit -Hn, LimitNOFILE=), or lower the number",
    );
}

fn vanished_clients(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if pool.client_connections == 0 || pool.tcpkeepalive {
        return;
    }
    report.add(
        subject.place(pool, "client_connections"),
        pool,
        format!(
            "{} clients at most, and no 'tcpkeepalive': a client whose machine or network goes away keeps \
             its place for ever",
            pool.client_connections
        ),
        "add 'tcpkeepalive: true'",
    );
}

fn many_connections(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let workers = subject.workers() as u64;
    let connections = u64::from(pool.server_connections) * workers;
    if connections <= CONNECTIONS_MAX {
        return;
    }
    report.add(
        subject.place(pool, "server_connections"),
        pool,
        format!(
            "up to {connections} connections to each server ({} for each of {workers} workers): requests \
             of all clients share them, so they are not needed, and each proxy takes that many of a \
             server's",
            pool.server_connections
        ),
        "one to a few; more than one helps only against large values that hold others up",
    );
}

fn many_workers(subject: &Subject<'_>, report: &mut Report<'_>) {
    let (workers, Some(processors)) = (subject.workers(), subject.machine.processors) else {
        return;
    };
    if workers <= processors {
        return;
    }
    let places = subject.places;
    report.add_of_process(
        places.value("global", "workers").unwrap_or_else(|| places.section("global")),
        format!("{workers} workers, and this machine has {processors} processors for them"),
        "'workers: auto' is one a processor",
    );
}
