//! What the demo looks like: colours, headings and bars.
//!
//! On a terminal, bars move and are coloured. Elsewhere (a pipe, a CI log) each line is written
//! once, plain and in ASCII. `NO_COLOR` and `TERM=dumb` are respected. A write that fails, such as
//! to a closed pipe, is an error like any other, so that servers are still taken down in order.

use std::io::{self, IsTerminal, Stdout, Write};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};

/// The columns of a line, indent included.
const WIDTH: usize = 78;

/// What everything but headings is indented by.
const INDENT: &str = "     ";

/// The columns of a progress bar.
const BAR_WIDTH: usize = 32;

/// The shortest time between two drawings of a moving line, about that of a screen's frame.
const FRAME: Duration = Duration::from_millis(16);

/// A colour with a meaning. The numbers are those of SGR, the terminal's `ESC [ N m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// The terminal's own.
    Plain,
    /// As it should be.
    Good,
    /// Expected, and worth a look.
    Notice,
    /// A failure.
    Bad,
    /// Names: servers, files, addresses.
    Name,
    /// Of lesser weight.
    Faint,
    /// Of greater weight.
    Strong,
}

impl Ink {
    fn sgr(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Good => "32",
            Self::Notice => "33",
            Self::Bad => "31",
            Self::Name => "36",
            Self::Faint => "2",
            Self::Strong => "1",
        }
    }
}

/// What the output can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    /// A terminal: lines may be drawn over, and it shows Unicode.
    pub(super) live: bool,
    /// Colours are wanted.
    pub(super) colour: bool,
}

impl Style {
    /// What standard output can show.
    fn of_stdout() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let live = io::stdout().is_terminal() && !dumb;
        Self { live, colour: live && !set("NO_COLOR") }
    }

    /// `text` in `ink`.
    pub(super) fn paint(self, ink: Ink, text: &str) -> String {
        if self.colour && ink != Ink::Plain && !text.is_empty() {
            format!("\x1b[{}m{text}\x1b[0m", ink.sgr())
        } else {
            text.to_owned()
        }
    }

    /// A bar of `width` columns for `parts` of `whole`, side by side; the rest is a faint track.
    ///
    /// A part that is not nothing has a column at least, so that one error in ten thousand shows.
    pub(super) fn progress(self, parts: &[(Ink, u64)], whole: u64, width: usize) -> String {
        let (full, track) = if self.live { ("━", "━") } else { ("#", ".") };
        let mut bar = String::new();
        let mut drawn = 0;
        for (index, (ink, columns)) in split_columns(parts, whole, width).into_iter().enumerate() {
            // Without colour, parts are told apart by their letters' shape.
            let letter = if index == 0 || self.colour { full } else { "x" };
            bar += &self.paint(ink, &letter.repeat(columns));
            drawn += columns;
        }
        let track = if self.live && !self.colour { "─" } else { track };
        bar + &self.paint(Ink::Faint, &track.repeat(width - drawn))
    }

    /// A bar of `parts` end to end, of which `whole` would be `width` columns long.
    pub(super) fn stack(self, parts: &[(Ink, u64)], whole: u64, width: usize) -> String {
        let (full, other) = if self.live { ("█", "▒") } else { ("#", "+") };
        let columns = split_columns(parts, whole, width).into_iter().enumerate();
        let draw = |(index, (ink, columns)): (usize, (Ink, usize))| {
            let letter = if index == 0 || self.colour { full } else { other };
            self.paint(ink, &letter.repeat(columns))
        };
        columns.map(draw).collect()
    }

    /// A bar of `width` columns for `whole`, of which `count` is drawn, to an eighth of a column
    /// where the output shows Unicode.
    pub(super) fn histogram(self, ink: Ink, count: u64, whole: u64, width: usize) -> String {
        const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
        if whole == 0 {
            return String::new();
        }
        if !self.live {
            return "#".repeat((count * width as u64).div_ceil(whole) as usize);
        }
        let eighths = (count * width as u64 * 8).div_ceil(whole) as usize;
        let text = "█".repeat(eighths / 8) + EIGHTHS[eighths % 8];
        self.paint(ink, &text)
    }
}

/// How many of `width` columns each part gets: in proportion, at least one for what is not
/// nothing, `width` together when the parts make up the whole and less when they do not.
fn split_columns(parts: &[(Ink, u64)], whole: u64, width: usize) -> Vec<(Ink, usize)> {
    let share = |count: u64| (count * width as u64 / whole.max(1)) as usize;
    let mut columns: Vec<(Ink, usize)> = parts
        .iter()
        .map(|(ink, count)| (*ink, share(*count).max(usize::from(*count > 0))))
        .collect();
    let target = share(parts.iter().map(|(_, count)| count).sum());
    // What rounding took, or the least column gave, is settled with the widest part.
    let used: usize = columns.iter().map(|(_, columns)| columns).sum();
    let widest = columns.iter_mut().map(|(_, columns)| columns).max();
    if let Some(widest) = widest.filter(|widest| **widest > 0) {
        *widest = (*widest + target).saturating_sub(used).max(1);
    }
    columns
}

/// The demo's output.
#[derive(Debug)]
pub(super) struct Term {
    out: Stdout,
    style: Style,
    /// When the moving line at the cursor was drawn; `None` when the cursor is at a line's start.
    moving: Option<Instant>,
}

impl Term {
    /// Standard output.
    pub(super) fn stdout() -> Self {
        Self { out: io::stdout(), style: Style::of_stdout(), moving: None }
    }

    /// What the output can show.
    pub(super) fn style(&self) -> Style {
        self.style
    }

    /// Writes the opening lines.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn title(&mut self, title: &str, subtitle: &str) -> Result<()> {
        let rule = if self.style.live { "─" } else { "-" }.repeat(WIDTH - 2);
        let gap = " ".repeat(WIDTH - 2 - title.len() - subtitle.len());
        let title = self.style.paint(Ink::Strong, title);
        let subtitle = self.style.paint(Ink::Faint, subtitle);
        let rule = self.style.paint(Ink::Faint, &rule);
        self.put(&format!("\n  {title}{gap}{subtitle}\n  {rule}\n"))
    }

    /// Begins a step of the story.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn heading(&mut self, number: usize, title: &str) -> Result<()> {
        let number = self.style.paint(Ink::Name, &number.to_string());
        let title = self.style.paint(Ink::Strong, title);
        self.put(&format!("\n  {number}  {title}\n"))
    }

    /// Writes a line below a heading.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn line(&mut self, text: &str) -> Result<()> {
        if text.is_empty() { self.put("\n") } else { self.put(&format!("{INDENT}{text}\n")) }
    }

    /// Writes `text` as it is.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn raw(&mut self, text: &str) -> Result<()> {
        self.put(text)
    }

    /// Writes a line that matters, flush with the headings.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn outcome(&mut self, text: &str) -> Result<()> {
        self.put(&format!("\n  {text}\n"))
    }

    /// Draws `text` over the moving line, at most once a frame; nothing where lines cannot move.
    /// The next line written takes its place.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn moving(&mut self, text: impl FnOnce(Style) -> String) -> Result<()> {
        let fresh = self.moving.is_some_and(|drawn| drawn.elapsed() < FRAME);
        if !self.style.live || fresh {
            return Ok(());
        }
        self.put(&format!("{INDENT}{}", text(self.style)))?;
        self.moving = Some(Instant::now());
        Ok(())
    }

    /// Writes `text`, in place of the moving line if there is one.
    fn put(&mut self, text: &str) -> Result<()> {
        let clear = if self.moving.take().is_some() { "\r\x1b[K" } else { "" };
        write!(self.out, "{clear}{text}")
            .and_then(|()| self.out.flush())
            .map_err(Failure::system("writing to the terminal"))
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        if self.moving.is_some() {
            // The shell's prompt gets a line of its own; a terminal that is gone needs none.
            let _ = writeln!(self.out);
        }
    }
}

/// A line with a label, a progress bar and a remark.
pub(super) fn progress_line(
    style: Style,
    label: &str,
    parts: &[(Ink, u64)],
    whole: u64,
    remark: &str,
) -> String {
    format!("{label:<11}{}  {remark}", style.progress(parts, whole, BAR_WIDTH))
}

/// `number` with a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `bytes` in the unit that keeps it short, decimal.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

/// `time` in seconds, to the hundredth.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { live: false, colour: false };
    const MONOCHROME: Style = Style { live: true, colour: false };
    const COLOURED: Style = Style { live: true, colour: true };

    fn columns(counts: &[u64], whole: u64, width: usize) -> Vec<usize> {
        let parts: Vec<_> = counts.iter().map(|count| (Ink::Good, *count)).collect();
        split_columns(&parts, whole, width).into_iter().map(|(_, columns)| columns).collect()
    }

    #[test]
    fn parts_share_the_columns_and_none_is_lost() {
        for (counts, whole, expected) in [
            (vec![0, 0], 100, vec![0, 0]),
            (vec![50], 100, vec![5]),
            (vec![100], 100, vec![10]),
            (vec![99, 1], 100, vec![9, 1]),
            (vec![98, 1, 1], 100, vec![8, 1, 1]),
            (vec![1], 100, vec![1]),
            (vec![33, 33, 34], 100, vec![3, 3, 4]),
        ] {
            assert_eq!(columns(&counts, whole, 10), expected, "{counts:?} of {whole}");
        }
    }

    #[test]
    fn a_whole_bar_is_as_wide_as_asked_for() {
        for right in 0..=1000 {
            let counts = [right, (1000 - right) / 2, 1000 - right - (1000 - right) / 2];
            let sum: usize = columns(&counts, 1000, 32).iter().sum();
            assert_eq!(sum, 32, "{counts:?}");
        }
    }

    #[test]
    fn plain_output_is_ascii_without_escapes() {
        let bar = PLAIN.progress(&[(Ink::Good, 50), (Ink::Bad, 1)], 100, 10);
        assert_eq!(bar, "####x.....");
        assert_eq!(PLAIN.histogram(Ink::Good, 25, 100, 10), "###");
        assert_eq!(PLAIN.paint(Ink::Bad, "text"), "text");
    }

    #[test]
    fn a_terminal_without_colour_tells_parts_apart() {
        let bar = MONOCHROME.progress(&[(Ink::Good, 50), (Ink::Bad, 10)], 100, 10);
        assert_eq!(bar, "━━━━━x────");
        assert_eq!(MONOCHROME.histogram(Ink::Good, 25, 100, 10), "██▌");
    }

    #[test]
    fn colours_end_where_the_text_ends() {
        assert_eq!(COLOURED.paint(Ink::Bad, "text"), "\x1b[31mtext\x1b[0m");
        assert_eq!(COLOURED.paint(Ink::Bad, ""), "");
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (10_000, "10,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn bytes_take_the_unit_that_keeps_them_short() {
        for (count, expected) in [(999, "999 B"), (1_000, "1.0 kB"), (2_345_678, "2.3 MB")] {
            assert_eq!(bytes(count), expected);
        }
    }
}
