//! Traps in how long things may take.

use std::time::Duration;

use super::finding::Severity::{Note, Warning};
use super::trap::{Look, Report, Subject, Trap};
use crate::config::Pool;

pub(super) const TRAPS: &[Trap] = &[
    Trap {
        name: "no-timeout",
        severity: Warning,
        about: "a request may wait for ever",
        look: Look::AtPools(no_timeout),
    },
    Trap {
        name: "short-timeout",
        severity: Warning,
        about: "'timeout' is so short that it may be meant in seconds",
        look: Look::AtPools(short_timeout),
    },
    Trap {
        name: "preconnect-waits",
        severity: Note,
        about: "'preconnect' without 'timeout'",
        look: Look::AtPools(preconnect_waits),
    },
    Trap {
        name: "retry-before-timeout",
        severity: Warning,
        about: "an ejected server is back sooner than it can fail",
        look: Look::AtPools(retry_before_timeout),
    },
    Trap {
        name: "short-retry",
        severity: Note,
        about: "a dead server is tried again more than once a second",
        look: Look::AtPools(short_retry),
    },
];

/// A shorter timeout than this is below what a fork for a snapshot or a collector's pause takes.
const TIMEOUT_MIN: Duration = Duration::from_millis(20);

/// A shorter time away than this gives nobody time to see to the server.
const RETRY_MIN: Duration = Duration::from_secs(1);

fn no_timeout(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if pool.timeout.is_some() {
        return;
    }
    let ejection = if pool.auto_eject_hosts {
        ", and the server is never ejected, as nothing fails"
    } else {
        ""
    };
    let found = if subject.is_written(pool, "timeout") {
        "'timeout: 0' waits for ever"
    } else {
        "there is no 'timeout'"
    };
    report.add(
        subject.place(pool, "timeout"),
        pool,
        format!(
            "{found}: when a server freezes or its network goes, requests for it and all that come \
             after them on the same client connections hang{ejection}"
        ),
        "set 'timeout', in milliseconds: longer than the slowest request takes, shorter than clients \
         are willing to wait; 400 is a usual value",
    );
}

fn short_timeout(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let Some(timeout) = pool.timeout.filter(|&timeout| timeout < TIMEOUT_MIN) else {
        return;
    };
    report.add(
        subject.place(pool, "timeout"),
        pool,
        format!(
            "'timeout' is {} ms, not seconds: a server that pauses for longer fails all requests that \
             wait on the same connection",
            timeout.as_millis()
        ),
        "give it some hundred milliseconds, unless failing is better than waiting",
    );
}

fn preconnect_waits(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    if !pool.preconnect || pool.timeout.is_some() {
        return;
    }
    report.add(
        subject.place(pool, "preconnect"),
        pool,
        "'preconnect' without 'timeout': a connection to a machine that is off stays half open until \
         the kernel gives up, about two minutes by default, and requests wait on it as long",
        "set 'timeout'; it holds for connecting too",
    );
}

fn retry_before_timeout(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let Some(timeout) = pool.timeout else { return };
    let retry = pool.server_retry_timeout;
    if !pool.auto_eject_hosts || retry >= timeout {
        return;
    }
    report.add(
        subject.place(pool, "server_retry_timeout"),
        pool,
        format!(
            "a server is ejected for {} ms and then frozen requests take {} ms each to time out again: \
             it is in the ring for most of the time that it is frozen",
            retry.as_millis(),
            timeout.as_millis()
        ),
        "make 'server_retry_timeout' several times 'timeout'; the default is 30000",
    );
}

fn short_retry(subject: &Subject<'_>, pool: &Pool, report: &mut Report<'_>) {
    let retry = pool.server_retry_timeout;
    if !pool.auto_eject_hosts || retry >= RETRY_MIN {
        return;
    }
    report.add(
        subject.place(pool, "server_retry_timeout"),
        pool,
        format!(
            "'server_retry_timeout' is {} ms, not seconds: a dead server is tried again with clients' \
             requests that often, and they fail",
            retry.as_millis()
        ),
        "2000 or more; the default is 30000",
    );
}
