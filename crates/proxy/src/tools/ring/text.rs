//! The chart on a terminal: a table with a bar a server.

use std::io::{self, Write};

use super::Chart;
use crate::tools::shown::percent;

/// Cells of the longest bar.
const BAR_CELLS: usize = 40;

/// Characters that a server's name gets at most; a longer one pushes its own line to the right.
const NAME_CHARS_MAX: usize = 64;

/// Writes the chart of one pool.
pub(super) fn write(chart: &Chart<'_>, out: &mut dyn Write) -> io::Result<()> {
    let shares = &chart.shares;
    let servers = &chart.placed.pool.servers;
    let width = servers.iter().map(|server| server.name.chars().count()).max().unwrap_or_default();
    let width = width.clamp("server".len(), NAME_CHARS_MAX);
    let points = chart.points();
    let scale = shares.largest();

    writeln!(out, "{}", chart.title)?;
    writeln!(out, "shares: {}", shares.method)?;
    let points_head = points.as_ref().map_or("", |_| "  points");
    writeln!(out, "  {:width$}      weight{points_head}     asked       has", "server")?;
    for (at, server) in servers.iter().enumerate() {
        let points = points.as_ref().map_or(String::new(), |points| format!("  {:>6}", points[at]));
        writeln!(
            out,
            "  {:width$}  {:>10}{points}  {}  {}  {}",
            server.name,
            server.weight,
            percent(shares.asked[at]),
            percent(shares.has[at]),
            bar(shares.has[at] / scale, shares.asked[at] / scale)
        )?;
    }
    Ok(())
}

/// A bar of `has`, and a mark at `asked`; 1 is the longest bar.
fn bar(has: f64, asked: f64) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = (has * BAR_CELLS as f64 * 8.0).round() as usize;
    let mark = ((asked * BAR_CELLS as f64).round() as usize).min(BAR_CELLS);
    let cell = |at: usize| match at {
        _ if at == mark => '│',
        _ if at < eighths / 8 => '█',
        _ if at == eighths / 8 => EIGHTHS[eighths % 8],
        _ => ' ',
    };
    let cells: String = (0..=BAR_CELLS).map(cell).collect();
    cells.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_marked_where_it_should_end() {
        for (has, asked, drawn) in [
            (1.0, 1.0, format!("{}│", "█".repeat(40))),
            (0.5, 1.0, format!("{}{}│", "█".repeat(20), " ".repeat(20))),
            (1.0, 0.5, format!("{}│{}", "█".repeat(20), "█".repeat(19))),
            (0.0, 0.25, format!("{}│", " ".repeat(10))),
            (0.2625, 0.0, format!("│{}▌", "█".repeat(9))),
        ] {
            assert_eq!(bar(has, asked), drawn, "{has} of {asked}");
        }
    }
}
