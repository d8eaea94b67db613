//! The tables of the demo: what is shown of pools, shares, losses and statistics.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::conf::{Pool, Server};
use super::stats::{Counters, Stats};
use super::table::{Align, Cell, Table};
use super::term::{Ink, Style, bytes, grouped};
use super::traffic::Tally;

/// The columns of a table's longest bar.
const BAR_WIDTH: usize = 36;

/// Where clients connect, and to which servers that leads.
pub(super) fn pools(pools: &[Pool]) -> Table {
    let mut table = Table::new(&[
        ("pool", Align::Left),
        ("clients connect to", Align::Left),
        ("servers on", Align::Left),
    ]);
    for pool in pools {
        let ports: Vec<_> = pool.servers.iter().map(|server| server.port.to_string()).collect();
        let servers =
            format!("{} {}: {}", pool.servers.len(), pool.protocol.name(), ports.join(" "));
        table.row(vec![
            Cell::inked(Ink::Name, &pool.name),
            Cell::inked(Ink::Strong, format!("127.0.0.1:{}", pool.listen)),
            servers.into(),
        ]);
    }
    table
}

/// How many keys each server holds, and what share that is of the `whole` of its pool.
pub(super) fn shares<'a>(
    held: impl Iterator<Item = (&'a Server, u64)> + Clone,
    whole: u64,
    style: Style,
) -> Table {
    let widest = held.clone().map(|(_, count)| count).max().unwrap_or(0);
    let mut table = Table::new(&[
        ("server", Align::Left),
        ("port", Align::Right),
        ("keys", Align::Right),
        ("share", Align::Right),
        ("", Align::Left),
    ]);
    for (server, count) in held {
        table.row(vec![
            Cell::inked(Ink::Name, &server.name),
            Cell::inked(Ink::Faint, server.port.to_string()),
            grouped(count).into(),
            format!("{:.1} %", 100.0 * count as f64 / whole as f64).into(),
            Cell::drawn(style.histogram(Ink::Name, count, widest, BAR_WIDTH)),
        ]);
    }
    table
}

/// What a reading with a dead server came to, one line an outcome. Its title line is empty.
pub(super) fn losses(tally: &Tally) -> Table {
    let errors = match &tally.first_refusal {
        Some(text) => format!("until the proxy ejected it: {text}"),
        None => "the proxy ejected it before a request came".to_owned(),
    };
    let mut table = Table::new(&[("", Align::Right), ("", Align::Left), ("", Align::Left)]);
    for (ink, count, what, why) in [
        (Ink::Good, tally.right, "right", "on the others: none of their keys has moved"),
        (Ink::Bad, tally.refused, "errors", errors.as_str()),
        (Ink::Notice, tally.missing, "missing", "re-hashed to the others, which lack them yet"),
        (Ink::Good, tally.wrong, "wrong", "another key's value, or an older one"),
    ] {
        table.row(vec![Cell::inked(ink, grouped(count)), Cell::inked(ink, what), Cell::drawn(why)]);
    }
    table
}

/// Who took over a dead server's keys: each server with how many it held before and, unless it is
/// dead, holds now.
pub(super) fn heirs(changes: &[(&Server, (u64, Option<u64>))], style: Style) -> Table {
    let widest = changes.iter().filter_map(|(_, (_, now))| *now).max().unwrap_or(0);
    let mut table = Table::new(&[
        ("server", Align::Left),
        ("before", Align::Right),
        ("now", Align::Right),
        ("gain", Align::Right),
        ("", Align::Left),
    ]);
    for &(server, (before, now)) in changes {
        let gain = now.map(|now| now.saturating_sub(before));
        let bar = gain.map_or(String::new(), |gain| {
            style.stack(&[(Ink::Name, before), (Ink::Notice, gain)], widest, BAR_WIDTH)
        });
        table.row(vec![
            Cell::inked(Ink::Name, &server.name),
            grouped(before).into(),
            now.map_or_else(|| Cell::inked(Ink::Bad, "dead"), |now| grouped(now).into()),
            Cell::inked(
                Ink::Notice,
                gain.map_or(String::new(), |gain| format!("+{}", grouped(gain))),
            ),
            Cell::drawn(bar),
        ]);
    }
    table
}

/// The servers' counters.
pub(super) fn statistics(stats: &Stats) -> Table {
    let mut table = Table::new(&[
        ("server", Align::Left),
        ("requests", Align::Right),
        ("responses", Align::Right),
        ("sent", Align::Right),
        ("received", Align::Right),
        ("failures", Align::Right),
        ("ejected", Align::Right),
    ]);
    for (server, counters) in stats.pools.values().flat_map(|pool| &pool.servers) {
        table.row(statistics_row(server, counters));
    }
    table
}

fn statistics_row(server: &str, counters: &Counters) -> Vec<Cell> {
    // A gauge of the original can be negative; none of these is one.
    let count = |name: &str| u64::try_from(counters.get(name)).unwrap_or(0);
    let failures = count("server_eof") + count("server_err") + count("server_timedout");
    let failures_ink = if failures > 0 { Ink::Bad } else { Ink::Faint };
    let ejected_at = Duration::from_micros(count("server_ejected_at"));
    let ejected = if ejected_at.is_zero() {
        Cell::inked(Ink::Faint, "never")
    } else {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ago = now.saturating_sub(ejected_at).as_secs_f64();
        Cell::inked(Ink::Notice, format!("{ago:.1} s ago"))
    };
    vec![
        Cell::inked(Ink::Name, server),
        grouped(count("requests")).into(),
        grouped(count("responses")).into(),
        bytes(count("request_bytes")).into(),
        bytes(count("response_bytes")).into(),
        Cell::inked(failures_ink, grouped(failures)),
        ejected,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { live: false, colour: false };

    fn server(name: &str, port: u16) -> Server {
        Server { name: name.to_owned(), port }
    }

    #[test]
    fn shares_are_of_the_whole_and_bars_of_the_widest() {
        let (one, two) = (server("one", 1), server("two", 2));
        let lines = shares([(&one, 7500), (&two, 2500)].into_iter(), 10_000, PLAIN).lines(PLAIN);
        let expected = [
            "server  port   keys   share".to_owned(),
            format!("one        1  7,500  75.0 %  {}", "#".repeat(36)),
            format!("two        2  2,500  25.0 %  {}", "#".repeat(12)),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_dead_server_has_no_gain_and_no_bar() {
        let (one, two) = (server("one", 1), server("two", 2));
        let changes = [(&one, (600, Some(900))), (&two, (300, None))];
        let lines = heirs(&changes, PLAIN).lines(PLAIN);
        let expected = [
            "server  before   now  gain".to_owned(),
            format!("one        600   900  +300  {}{}", "#".repeat(24), "+".repeat(12)),
            "two        300  dead".to_owned(),
        ];
        assert_eq!(lines, expected);
    }
}
