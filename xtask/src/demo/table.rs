//! Columns that line up, whatever is written in them.

use super::term::{Ink, Style};

/// A table: columns, then rows of as many cells.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// One column.
#[derive(Debug)]
struct Column {
    title: &'static str,
    align: Align,
}

/// The side that a column's cells keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// What stands where a row meets a column.
#[derive(Debug)]
pub(super) struct Cell {
    text: String,
    /// `None` leaves the text as it is, colours and all. That is for a row's last cell, whose width
    /// nobody asks for.
    ink: Option<Ink>,
}

impl Table {
    /// A table without rows.
    pub(super) fn new(columns: &[(&'static str, Align)]) -> Self {
        let columns = columns.iter().map(|&(title, align)| Column { title, align }).collect();
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.rows.push(cells);
    }

    /// The table's lines, titles first.
    pub(super) fn lines(&self, style: Style) -> Vec<String> {
        let titles = self.columns.iter().map(|column| Cell::inked(Ink::Faint, column.title));
        let titles: Vec<Cell> = titles.collect();
        let rows = || std::iter::once(&titles).chain(&self.rows);
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| rows().map(|row| row[column].width()).max().unwrap_or(0))
            .collect();
        rows().map(|row| self.line(row, &widths, style)).collect()
    }

    fn line(&self, row: &[Cell], widths: &[usize], style: Style) -> String {
        let mut line = String::new();
        for ((cell, column), width) in row.iter().zip(&self.columns).zip(widths) {
            let gap = if line.is_empty() { "" } else { "  " };
            let space = " ".repeat(width - cell.width());
            let text = match cell.ink {
                Some(ink) => style.paint(ink, &cell.text),
                None => cell.text.clone(),
            };
            line += &match column.align {
                Align::Left => format!("{gap}{text}{space}"),
                Align::Right => format!("{gap}{space}{text}"),
            };
        }
        line.truncate(line.trim_end().len());
        line
    }
}

impl Cell {
    /// Text in `ink`.
    pub(super) fn inked(ink: Ink, text: impl Into<String>) -> Self {
        Self { text: text.into(), ink: Some(ink) }
    }

    /// Text as it is; see the field.
    pub(super) fn drawn(text: impl Into<String>) -> Self {
        Self { text: text.into(), ink: None }
    }

    /// How many columns of the terminal it takes.
    fn width(&self) -> usize {
        match self.ink {
            Some(_) => self.text.chars().count(),
            None => 0,
        }
    }
}

impl From<String> for Cell {
    /// Plain text, of plain weight.
    fn from(text: String) -> Self {
        Self::inked(Ink::Plain, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_with_and_without_colour() {
        let mut table =
            Table::new(&[("server", Align::Left), ("keys", Align::Right), ("", Align::Left)]);
        table.row(vec![Cell::inked(Ink::Name, "a"), "1,234".to_owned().into(), Cell::drawn("##")]);
        table.row(vec![Cell::inked(Ink::Name, "b-é"), "5".to_owned().into(), Cell::drawn("")]);
        let plain = table.lines(Style { live: false, colour: false });
        assert_eq!(plain, ["server   keys", "a       1,234  ##", "b-é         5"]);
        let coloured = table.lines(Style { live: true, colour: true });
        assert_eq!(coloured[1], "\x1b[36ma\x1b[0m       1,234  ##");
    }
}
