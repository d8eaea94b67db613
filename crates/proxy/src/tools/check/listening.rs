//! Traps in where clients connect.

use std::fs::{self, FileType};
use std::os::unix::fs::FileTypeExt;
use std::path::Display;

use nutcracker_proto::Protocol;

use super::finding::Severity::{Error, Note, Warning};
use super::trap::{Look, Report, Subject, Trap};
use crate::cli;
use crate::config::{Listen, Pool, overlap};

pub(super) const TRAPS: &[Trap] = &[
    Trap {
        name: "listen-twice",
        severity: Error,
        about: "two pools on one port or socket",
        look: Look::AtAll(listen_twice),
    },
    Trap {
        name: "stats-port",
        severity: Warning,
        about: "a pool on the port of the statistics",
        look: Look::AtPools(stats_port),
    },
    Trap {
        name: "open-redis",
        severity: Warning,
        about: "Redis for everybody who reaches the machine, without a password",
        look: Look::AtPools(open_redis),
    },
    Trap {
        name: "open-memcached",
        severity: Note,
        about: "memcached for everybody who reaches the machine",
        look: Look::AtPools(open_memcached),
    },
    Trap {
        name: "outgoing-port",
        severity: Note,
        about: "a port that an outgoing connection may hold",
        look: Look::AtPools(outgoing_port),
    },
    Trap {
        name: "backlog-cut",
        severity: Note,
        about: "a 'backlog' above what the kernel allows",
        look: Look::AtPools(backlog_cut),
    },
    Trap {
        name: "shared-port",
        severity: Note,
        about: "'reuseport', with which a second start goes unnoticed",
        look: Look::AtPools(shared_port),
    },
    Trap {
        name: "open-socket",
        severity: Note,
        about: "a unix socket that everybody on the machine may write to",
        look: Look::AtPools(open_socket),
    },
    Trap {
        name: "path-taken",
        severity: Warning,
        about: "a unix socket's path that holds something else, which will be removed",
        look: Look::AtPools(path_taken),
    },
    Trap {
        name: "path-is-folder",
        severity: Error,
        about: "a unix socket's path that is a folder",
        look: Look::AtPools(path_is_folder),
    },
];

fn listen_twice(subject: &Subject<'_>, report: &mut Report<'_>) {
    let pools = &subject.config.pools;
    for (at, pool) in pools.iter().enumerate() {
        for other in &pools[..at] {
            let reason = match (&pool.listen, &other.listen) {
                (Listen::Tcp { addr, .. }, Listen::Tcp { addr: taken, .. })
                    if overlap(*addr, *taken) && !(pool.reuseport && other.reuseport) =>
                {
                    "the second one cannot listen, and the proxy does not start"
                }
                (Listen::Unix { path, .. }, Listen::Unix { path: taken, .. }) if path == taken => {
                    "the second one takes the path away from the first, which nobody reaches then"
                }
                _ => continue,
            };
            report.add(
                subject.place(pool, "listen"),
                pool,
                format!(
                    "'{}' is where pool '{}' listens already, with '{}' (line {}): {reason}",
                    pool.listen.text(),
                    other.name,
                    other.listen.text(),
                    subject.place(other, "listen").line
                ),
                "give one of them another port or path",
            );
        }
    }
}

fn stats_port(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let statistics = cli::Options::default().stats_port;
    if !matches!(&pool.listen, Listen::Tcp { port, .. } if *port == statistics) {
        return;
    }
    report.add(
        subject.place(pool, "listen"),
        pool,
        format!(
            "port {statistics} is the statistics' unless -s or -a says otherwise: one of the two cannot \
             listen, and the proxy does not start"
        ),
        "take another port, or start with -s",
    );
}

/// Whether every address of the machine is listened on.
fn is_open(pool: &Pool) -> bool {
    matches!(&pool.listen, Listen::Tcp { addr, .. } if addr.ip().is_unspecified())
}

fn open_redis(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if pool.protocol != Protocol::Redis || pool.redis_auth.is_some() || !is_open(pool) {
        return;
    }
    report.add(
        subject.place(pool, "listen"),
        pool,
        "the pool listens on every address of the machine and asks for no password: whoever reaches it \
         reads and writes all data",
        "listen on one address of an inner network or on 127.0.0.1, or set 'redis_auth'",
    );
}

fn open_memcached(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if pool.protocol != Protocol::Memcache || !is_open(pool) {
        return;
    }
    report.add(
        subject.place(pool, "listen"),
        pool,
        "the pool listens on every address of the machine, and memcached knows no password here: whoever \
         reaches it reads and writes all data",
        "listen on one address of an inner network or on 127.0.0.1, or have a firewall",
    );
}

fn outgoing_port(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let (Listen::Tcp { port, .. }, Some(outgoing)) =
        (&pool.listen, &subject.machine.outgoing_ports)
    else {
        return;
    };
    if !outgoing.contains(port) {
        return;
    }
    let (first, last) = (outgoing.start(), outgoing.end());
    report.add(
        subject.place(pool, "listen"),
        pool,
        format!(
            "port {port} is one of those this machine gives to outgoing connections ({first} to {last}): \
             now and then one of them has it, and a start fails"
        ),
        format!(
            "take a port below {first}, or reserve this one (sysctl \
             net.ipv4.ip_local_reserved_ports={port})"
        ),
    );
}

fn backlog_cut(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let Some(max) = subject.machine.waiting_max.filter(|&max| max < pool.backlog) else { return };
    report.add(
        subject.place(pool, "backlog"),
        pool,
        format!(
            "'backlog' is {}, and this machine's kernel lets {max} clients wait at most",
            pool.backlog
        ),
        format!("raise the kernel's limit (sysctl net.core.somaxconn={})", pool.backlog),
    );
}

fn shared_port(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if !pool.reuseport || !matches!(pool.listen, Listen::Tcp { .. }) {
        return;
    }
    report.add(
        subject.place(pool, "reuseport"),
        pool,
        "with 'reuseport' a second proxy that is started by mistake does not fail: it gets a part of the \
         clients, maybe with another configuration",
        "leave it out unless several proxies are meant to share the port",
    );
}

fn open_socket(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let Listen::Unix { mode: Some(mode), path, .. } = &pool.listen else { return };
    if mode & 0o002 == 0 || pool.redis_auth.is_some() {
        return;
    }
    report.add(
        subject.place(pool, "listen"),
        pool,
        format!("with permissions {mode:o} every user of the machine may use {}", path.display()),
        "660, and a group for those who may",
    );
}

fn path_taken(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let Some((found, path)) = found_at_path(pool) else { return };
    if !found.is_dir() && !found.is_socket() {
        report.add(
            subject.place(pool, "listen"),
            pool,
            format!("what stands at {path} is no socket, and is removed at the start"),
            "give the socket a path of its own",
        );
    }
}

fn path_is_folder(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let Some((found, path)) = found_at_path(pool) else { return };
    if found.is_dir() {
        report.add(
            subject.place(pool, "listen"),
            pool,
            format!(
                "{path} is a folder: the socket cannot take its place, and the proxy does not start"
            ),
            "name a file in it",
        );
    }
}

/// What stands where `pool` will make its socket, and where that is.
fn found_at_path(pool: &Pool) -> Option<(FileType, Display<'_>)> {
    let Listen::Unix { path, .. } = &pool.listen else { return None };
    Some((fs::symlink_metadata(path).ok()?.file_type(), path.display()))
}
