//! `cargo xtask metrics`: the page of all metrics, written from the tables of figures.

use std::fmt::Write;

use nutcracker_engine::stats::{
    FaultFigure, HealthFigure, LimitFigure, Metric, PoolFigure, ProcessFigure, ServerFigure,
};

use crate::failure::Result;
use crate::page::Page;

const PAGE: Page =
    Page { path: "docs/metrics.md", chore: "metrics", from: "the tables of figures", text: page };

/// What stands before the tables.
const HEAD: &str = "\
# Metrics

What `/metrics` on the statistics port says, for Prometheus. This page is written by `cargo xtask metrics` from
`crates/engine/src/stats.rs`; tests fail when it says something else than the tables or the proxy.

```yaml
scrape_configs:
  - job_name: nutcracker
    static_configs:
      - targets: ['127.0.0.1:22222']
```

- Every name begins with `nutcracker_`, and that of a counter ends in `_total`.
- The JSON on the same port has the original's names, and no others: its readers break on a key that they do not know.
  The tables say what is there. memcached's `stats` has a pool's figures as `proxy_client_eof` and so on.
- Figures are current, and workers are added up. All are there from the start, at 0, so that `increase` counts the
  first event as well.
- Counters begin at 0 with the process. A reload (SIGUSR2) carries them on, by the names of pools and servers.

## Worth an alert

Whether the proxy is there at all is what Prometheus' own `up` says. For most of these the log has a line, with the
server's name and the reason.

| expression | says | then |
|---|---|---|
";

/// Expressions, what is the matter where they hold, and what to do.
#[rustfmt::skip]
const ALERTS: &[(&str, &str, &str)] = &[
    ("nutcracker_uptime_seconds < 300", "the process has begun anew", "if nobody asked for it, see how the one before ended, in the log and the supervisor's"),
    ("sum by (instance, pool) (rate(nutcracker_forward_error_total[5m])) / sum by (instance, pool) (rate(nutcracker_server_requests_total[5m])) > 0.001", "one request in a thousand gets an error of the proxy's own: this is what clients see", "the next rows say which servers and why"),
    ("increase(nutcracker_server_ejects_total[5m]) > 0", "a server has left the ring: its keys miss on the others, or fail (`on_eject`)", "look at that server"),
    ("nutcracker_server_live == 0", "a server is ejected at the moment; for longer than `server_retry_timeout` it has answered no probe either", "bring it back, or take it out of the file and reload"),
    ("increase(nutcracker_connect_failed_total[5m]) > 0", "a server cannot be connected to; without `auto_eject_hosts` this is how one that is down shows", "look at that server, its name and its `maxclients`"),
    ("increase(nutcracker_request_timedout_total[5m]) > 0", "a server took longer than `timeout`: it is frozen, overloaded or has slow commands", "`nutcracker_server_timedout_total` says which, and counts connects too"),
    ("increase(nutcracker_server_queue_full_total[5m]) > 0", "requests are refused because their server takes nothing", "as above; `nutcracker_server_in_queue_bytes` says which"),
    ("increase(nutcracker_client_refused_total[5m]) > 0 or increase(nutcracker_accept_paused_total[5m]) > 0", "clients are turned away, or cannot be accepted", "raise `client_connections` or the limit of open files, or find who opens so many"),
    ("nutcracker_memory_bytes / nutcracker_memory_max_bytes > 0.8 or increase(nutcracker_client_paused_memory_total[5m]) > 0", "memory is getting short; at the limit no client is read", "raise `memory_max`, or find the clients that do not read: the log names those that are closed"),
    ("increase(nutcracker_pinned_refused_total[5m]) > 0", "transactions or blocking commands are refused", "raise `pinned_connections_max`, and the servers' `maxclients` with it"),
];

/// What stands behind the expressions.
const NO_ALERTS: &str = "
No alert: `nutcracker_client_paused_total` grows with every deep pipeline, `nutcracker_client_paused_queue_total`
where more is written in a moment than a server takes in it, `nutcracker_server_eof_total` where servers
close idle connections, `nutcracker_client_err_total` with every client that resets its connection.
";

/// Writes the page.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    PAGE.run(arguments)
}

/// The whole page.
fn page() -> String {
    let mut page = HEAD.to_owned();
    for (expression, says, then) in ALERTS {
        let _ = writeln!(page, "| `{expression}` | {says} | {then} |");
    }
    page.push_str(NO_ALERTS);
    let process = ProcessFigure::ALL.iter().map(|it| it.metric());
    table("The process", "", process.collect(), &mut page);
    let pool = PoolFigure::ALL.iter().map(|it| it.metric());
    let faults = FaultFigure::ALL.iter().map(|it| it.metric());
    let limits = LimitFigure::ALL.iter().map(|it| it.metric());
    table("A pool", "`pool`", pool.chain(faults).chain(limits).collect(), &mut page);
    let server = ServerFigure::ALL.iter().map(|it| it.metric());
    let health = HealthFigure::ALL.iter().map(|it| it.metric());
    table("A server", "`pool`, `server`", server.chain(health).collect(), &mut page);
    page.push_str("\nIn the JSON `server_ejected_at` is in microseconds.\n");
    page
}

/// The table of the figures of one kind of thing.
fn table(heading: &str, labels: &str, metrics: Vec<Metric>, page: &mut String) {
    let _ = write!(
        page,
        "\n## {heading}\n\n| at `/metrics` | type | labels | in the JSON | |\n|---|---|---|---|---|\n"
    );
    for metric in metrics {
        let kind = metric.kind_name();
        let Metric { name, json, help, .. } = metric;
        // The one figure that is a text.
        let labels = if name == "nutcracker_build_info" { "`version`" } else { labels };
        let json = json.map_or(String::new(), |json| format!("`{json}`"));
        let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {json} | {} |", marked(help));
    }
}

/// A text with the names of options and figures in it between backticks.
fn marked(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let name = word.trim_end_matches([',', ':']);
        match name.contains('_') {
            true => format!("`{name}`{}", &word[name.len()..]),
            false => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_metrics_is_what_the_tables_say() {
        PAGE.assert_current();
    }
}
