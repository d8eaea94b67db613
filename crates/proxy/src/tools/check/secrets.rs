//! Traps in what servers are told first: passwords and databases.

use super::finding::Severity::{Note, Warning};
use super::trap::{Look, Report, Subject, Trap};
use crate::config::Pool;
use crate::config::limits::DATABASES_DEFAULT;

pub(super) const TRAPS: &[Trap] = &[
    Trap {
        name: "public-password",
        severity: Note,
        about: "'redis_auth' in a file that everybody may read",
        look: Look::AtPools(public_password),
    },
    Trap {
        name: "high-database",
        severity: Warning,
        about: "a 'redis_db' that a Redis does not have unless told to",
        look: Look::AtPools(high_database),
    },
];

fn public_password(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if pool.redis_auth.is_none() || !subject.machine.file_is_public {
        return;
    }
    report.add(
        subject.place(pool, "redis_auth"),
        pool,
        "the file holds a password, and every user of this machine may read it",
        "chmod o-r, with an owner or a group that the proxy runs as",
    );
}

fn high_database(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if pool.redis_db < DATABASES_DEFAULT {
        return;
    }
    report.add(
        subject.place(pool, "redis_db"),
        pool,
        format!(
            "a Redis has the databases 0 to {} unless its own configuration says otherwise; without \
             database {} every request fails",
            DATABASES_DEFAULT - 1,
            pool.redis_db
        ),
        "set 'databases' on every server, or take a lower number",
    );
}
