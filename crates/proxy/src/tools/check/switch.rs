//! Traps of a switch: what this file means here and not to the original, twemproxy 0.5.0.

use nutcracker_proto::Protocol;

use super::finding::Severity::{Note, Warning};
use super::trap::{Look, Report, Subject, Trap};
use crate::config::{Address, Pool, is_originals_key};

pub(super) const TRAPS: &[Trap] = &[
    Trap {
        name: "database-moves",
        severity: Warning,
        about: "'redis_db' where twemproxy uses database 0 all the same",
        look: Look::AtPools(database_moves),
    },
    Trap {
        name: "clients-limited",
        severity: Note,
        about: "'client_connections', which twemproxy ignores",
        look: Look::AtPools(clients_limited),
    },
    Trap {
        name: "no-way-back",
        severity: Note,
        about: "what twemproxy refuses to read",
        look: Look::AtAll(no_way_back),
    },
];

fn database_moves(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if pool.protocol != Protocol::Redis || pool.redis_db == 0 {
        return;
    }
    let unix = pool.servers.iter().any(|server| matches!(server.address, Address::Unix { .. }));
    let why = if pool.redis_auth.is_some() {
        "it selects it before it gives the password, which the server refuses"
    } else if unix {
        "it selects none on unix sockets"
    } else {
        return;
    };
    report.add(
        subject.place(pool, "redis_db"),
        pool,
        format!(
            "database {} is used here; twemproxy uses database 0 with the same file, as {why}. What was \
             written through it is not found after a switch",
            pool.redis_db
        ),
        "coming from twemproxy with data in database 0: leave 'redis_db' out, or move the data",
    );
}

fn clients_limited(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if pool.client_connections == 0 {
        return;
    }
    report.add(
        subject.place(pool, "client_connections"),
        pool,
        format!(
            "'client_connections' is obeyed: one client more than {} is closed. twemproxy ignores the key",
            pool.client_connections
        ),
        "coming from twemproxy, make sure that the number is what you want; 0 sets no limit",
    );
}

fn no_way_back(subject: &Subject<'_>, report: &mut Report<'_>) {
    const CURE: &str = "fine unless you want to switch back without touching the file";
    let places = subject.places;
    for pool in &subject.config.pools {
        let mut new: Vec<&str> =
            places.keys(&pool.name).filter(|key| !is_originals_key(key)).collect();
        new.sort_unstable();
        for key in new {
            let reason = format!("twemproxy 0.5.0 does not know '{key}' and refuses the file");
            report.add(subject.place(pool, key), pool, reason, CURE);
        }
    }
    if let Some(tab) = places.leading_tab() {
        report.add_of_process(
            tab,
            "twemproxy refuses nearly every file with a tab in an empty line, before a comment or \
             behind a dash",
            "write spaces, unless you never want to switch back",
        );
    }
    let is_pool = subject.config.pools.iter().any(|pool| pool.name == "global");
    if !is_pool && places.keys("global").next().is_some() {
        report.add_of_process(
            places.section("global"),
            "twemproxy takes 'global' for a pool without servers and refuses the file",
            CURE,
        );
    }
}
