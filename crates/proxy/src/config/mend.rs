//! Why a file is not YAML, told line by line, and what the file would be without those slips.
//!
//! YAML's own reader stops at the first tab and says little about the rest. This one knows the
//! slips that people make (tabs, `//`, a missing space, characters of another keyboard), names
//! every one of them, and puts right what it can, so that the rest of the file can be checked too.
//! A mended file is only ever checked, never used.

use super::document::{self, Document};
use super::error::{Position, Problem};
use super::fault::Fault;
use super::nearest::nearest;
use super::pool;

/// Finds the slips in `text`, which is not YAML.
///
/// Returns them with what the mended file holds, all positions those of `text`; `None` when there
/// are no slips this reader knows.
pub(super) fn mend(text: &str) -> Option<Document> {
    // How far a tab indents is not known; the first width that makes YAML of the file will do.
    let mut mended = Mended::new(text, TAB_WIDTHS[0]);
    if mended.problems.is_empty() {
        return None;
    }
    let mut document = document::read(&mended.text);
    for &width in &TAB_WIDTHS[1..] {
        if document.broken.is_none() {
            break;
        }
        mended = Mended::new(text, width);
        document = document::read(&mended.text);
    }
    mended.restore(&mut document);
    document.problems.append(&mut mended.problems);
    Some(document)
}

const TAB_WIDTHS: [usize; 3] = [8, 4, 2];

/// A text being put right.
struct Mended {
    text: String,
    problems: Vec<Problem>,
    shifts: Vec<Shift>,
    tab_width: usize,
    tab_lines: Vec<Position>,
}

/// In the mended text, what stands in `line` from column `from` on stands `by` columns too far
/// right. Shifts of one line are in the order of their columns, and add up.
struct Shift {
    line: usize,
    from: usize,
    by: isize,
}

impl Mended {
    fn new(text: &str, tab_width: usize) -> Self {
        let mut mended = Self {
            text: String::with_capacity(text.len()),
            problems: Vec::new(),
            shifts: Vec::new(),
            tab_width,
            tab_lines: Vec::new(),
        };
        for (i, line) in text.lines().enumerate() {
            mended.line(i + 1, line);
            mended.text.push('\n');
        }
        mended.problems.extend(document::tabs_indent(&mended.tab_lines));
        mended
    }

    /// Appends `line`, the `number`th, put right.
    fn line(&mut self, number: usize, line: &str) {
        let body = line.trim_start();
        let indent = &line[..line.len() - body.len()];
        // Spaces and tabs are free where nothing follows them but a comment.
        if body.is_empty() || body.starts_with('#') {
            self.text.push_str(body);
            return;
        }
        let column = indent.chars().count() + 1;
        let mut out = Line { number, column, written: 0 };
        self.indent(&mut out, indent);

        if body.starts_with("//") {
            self.report(&out, Fault::SlashComment);
            return;
        }
        let mut rest = body;
        if let Some(item) = body.strip_prefix('-')
            && !item.starts_with([' ', '\t', '-'])
            && !item.is_empty()
        {
            self.report(&out, Fault::NoSpaceAfterDash { item: item.trim_end().to_owned() });
            self.copy(&mut out, "-");
            self.insert_space(&mut out);
            rest = item;
        } else {
            let word = body.find(|c: char| c != '_' && !c.is_ascii_alphanumeric());
            let (key, after) = body.split_at(word.unwrap_or(body.len()));
            if let Some(value) = after.strip_prefix('\u{ff1a}') {
                self.copy(&mut out, key);
                self.report(&out, Fault::WideColon);
                self.copy(&mut out, ":");
                self.insert_space(&mut out);
                rest = value;
            } else if let Some(value) = after.strip_prefix(':')
                && !value.is_empty()
                && !value.starts_with([' ', '\t'])
                && nearest(key, &pool::NAMES).is_some()
            {
                let shown = value.split([' ', '\t', '#']).next().unwrap_or(value);
                self.report(
                    &out,
                    Fault::NoSpaceAfterColon { key: key.to_owned(), value: shown.to_owned() },
                );
                self.copy(&mut out, key);
                self.copy(&mut out, ":");
                self.insert_space(&mut out);
                rest = value;
            }
        }
        if let Some(start) = slash_comment(rest) {
            let (kept, _) = rest.split_at(start);
            self.copy(&mut out, kept);
            self.report(&out, Fault::SlashComment);
        } else {
            self.copy(&mut out, rest);
        }
    }

    /// Appends `indent` as plain spaces.
    fn indent(&mut self, out: &mut Line, indent: &str) {
        let mut width = 0;
        for (i, space) in indent.chars().enumerate() {
            let at = Position { line: out.number, column: i + 1 };
            match space {
                '\t' => {
                    if self.tab_lines.last().is_none_or(|last| last.line != out.number) {
                        self.tab_lines.push(at);
                    }
                    width += self.tab_width - width % self.tab_width;
                }
                ' ' => width += 1,
                found => {
                    self.problems.push(Problem::new(at, Fault::OddSpace { found }));
                    width += 1;
                }
            }
        }
        self.text.extend(std::iter::repeat_n(' ', width));
        out.written = width;
        self.shift(out, width.cast_signed() - (out.column - 1).cast_signed());
    }

    /// Appends `text` as it is.
    fn copy(&mut self, out: &mut Line, text: &str) {
        self.text.push_str(text);
        let chars = text.chars().count();
        out.written += chars;
        out.column += chars;
    }

    /// Appends a space that the file lacks.
    fn insert_space(&mut self, out: &mut Line) {
        self.text.push(' ');
        out.written += 1;
        self.shift(out, 1);
    }

    /// What is written in this line from here on stands `by` columns further right than it did.
    fn shift(&mut self, out: &Line, by: isize) {
        self.shifts.push(Shift { line: out.number, from: out.written + 1, by });
    }

    fn report(&mut self, out: &Line, fault: Fault) {
        let at = Position { line: out.number, column: out.column };
        self.problems.push(Problem::new(at, fault));
    }

    /// Turns the positions of `document`, read from the mended text, into the file's own.
    fn restore(&self, document: &mut Document) {
        document.for_each_position(|at| {
            let by: isize = self
                .shifts
                .iter()
                .filter(|shift| shift.line == at.line && shift.from <= at.column)
                .map(|shift| shift.by)
                .sum();
            at.column = at.column.saturating_add_signed(-by).max(1);
        });
    }
}

/// A line being written.
struct Line {
    /// Which, from 1.
    number: usize,
    /// The column of what comes next in the file.
    column: usize,
    /// Characters written of it so far.
    written: usize,
}

/// Where `rest` of a line turns into a `//` comment that keeps it from being YAML.
///
/// Text with ` //` in it is YAML, and what it is the value of will tell whether it is wrong; so
/// this looks only for comments that hold a colon or stand where the value should.
fn slash_comment(rest: &str) -> Option<usize> {
    let start = if rest.starts_with("//") { 0 } else { rest.find(" //")? + 1 };
    let (before, comment) = rest.split_at(start);
    let is_whole_value = before.trim_end().ends_with(':') || before.trim().is_empty();
    (is_whole_value || comment.contains(": ") || comment.ends_with(':')).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slips of `text`, one a line, and the mended text.
    fn mended(text: &str) -> (Vec<String>, String) {
        let mended = Mended::new(text, 4);
        (mended.problems.iter().map(ToString::to_string).collect(), mended.text)
    }

    #[test]
    fn each_slip_is_named_and_put_right() {
        for (line, slip, right) in [
            ("\tlisten: a:1", "1:1: YAML does not allow tabs", "    listen: a:1\n"),
            (" \u{a0}listen: a:1", "1:2: the space U+00A0", "  listen: a:1\n"),
            ("  // note: this", "1:3: '//' does not start", "  \n"),
            ("  redis: true // note: this", "1:15: '//' does not start", "  redis: true \n"),
            ("  servers: // list", "1:12: '//' does not start", "  servers: \n"),
            ("  listen:0.0.0.0:1 # x", "write 'listen: 0.0.0.0:1'", "  listen: 0.0.0.0:1 # x\n"),
            ("  lisen:0.0.0.0:1", "write 'lisen: 0.0.0.0:1'", "  lisen: 0.0.0.0:1\n"),
            ("  redis\u{ff1a}true", "1:8: the full-width", "  redis: true\n"),
            ("  -a:1:1 b", "write '- a:1:1 b'", "  - a:1:1 b\n"),
        ] {
            let (problems, text) = mended(line);
            assert_eq!(problems.len(), 1, "{line:?}: {problems:?}");
            assert!(problems[0].contains(slip), "{line:?}: {problems:?}");
            assert_eq!(text, right, "{line:?}");
        }
    }

    #[test]
    fn a_line_without_a_slip_stays_as_it_is() {
        for line in ["  listen: a:1", "- a:1:1 //name", "  redis_auth: a //b", "---", "x:y", "-"] {
            assert_eq!(mended(line), (vec![], format!("{line}\n")), "{line:?}");
        }
    }

    #[test]
    fn positions_are_those_of_the_file() {
        let text = "\talpha:\n\t\tlisten:a:1\n\t\tbogus: 1\n\t\thash:none\n";
        let document = mend(text).expect("there are slips");
        assert!(document.broken.is_none());
        let places: Vec<(String, usize, usize)> = document.sections[0]
            .entries
            .iter()
            .map(|entry| match &entry.value {
                document::Value::Text(value) => {
                    (entry.key.text.clone(), entry.key.at.column, value.at.column)
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            places,
            [("listen".into(), 3, 10), ("bogus".into(), 3, 10), ("hash".into(), 3, 8)]
        );
    }
}
