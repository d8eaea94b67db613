//! The table of recorded counts: text, so that a change shows in a diff.
//!
//! ```text
//! # Instructions of the hot paths, ...
//! # compiler: rustc 1.95.0 (59807616e 2026-04-14)
//! scenario <tab> a request <tab> a key
//! ```

use super::count::Count;

/// How the line begins that names the compiler.
const COMPILER: &str = "# compiler: ";

const HEAD: &str = "\
# Instructions of the hot paths, as `cargo xtask instructions` counts them and `--record` writes them.
# scenario, instructions a request, instructions a key
";

/// One recorded count.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    name: String,
    /// Instructions a request.
    a_request: f64,
    /// Instructions a key, where requests have many. For the reader: it is the same count.
    a_key: Option<f64>,
}

impl Row {
    /// The row of a fresh count, rounded as it is written.
    pub(crate) fn of(count: &Count) -> Self {
        let round = |number: f64| (number * 10.0).round() / 10.0;
        Self {
            name: count.name.clone(),
            a_request: round(count.a_request()),
            a_key: count.a_key().map(round),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let (name, a_request, a_key) = (fields.next()?, fields.next()?, fields.next()?);
        let number = |text: &str| text.parse::<f64>().ok().filter(|found| *found > 0.0);
        let a_key = if a_key == "-" { None } else { Some(number(a_key)?) };
        let row = Self { name: name.to_owned(), a_request: number(a_request)?, a_key };
        fields.next().is_none().then_some(row)
    }
}

/// The table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recorded {
    /// The compiler that built what was counted, as it names itself.
    pub(crate) compiler: String,
    rows: Vec<Row>,
}

impl Recorded {
    /// Reads the table's text.
    ///
    /// # Errors
    /// `LINE: what is wrong with it`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (mut compiler, mut rows) = (None, Vec::<Row>::new());
        for (at, line) in text.lines().enumerate() {
            let at = at + 1;
            if let Some(name) = line.strip_prefix(COMPILER) {
                compiler = Some(name.to_owned());
            }
            if line.starts_with('#') {
                continue;
            }
            let row = Row::parse(line).ok_or_else(|| {
                format!("{at}: '{line}' is not a scenario, a count above 0, and another or '-'")
            })?;
            if rows.iter().any(|other| other.name == row.name) {
                return Err(format!("{at}: '{}' is there twice", row.name));
            }
            rows.push(row);
        }
        let compiler = compiler.ok_or_else(|| format!("1: no line begins with '{COMPILER}'"))?;
        Ok(Self { compiler, rows })
    }

    /// The text that [`parse`](Self::parse) reads.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{HEAD}{COMPILER}{}\n", self.compiler);
        for Row { name, a_request, a_key } in &self.rows {
            let a_key = a_key.map_or_else(|| "-".to_owned(), |found| format!("{found:.1}"));
            text.push_str(&format!("{name}\t{a_request:.1}\t{a_key}\n"));
        }
        text
    }

    /// Puts `rows` in the place of those of the same name, or of all when they are `all` there are.
    pub(crate) fn take(&mut self, rows: Vec<Row>, all: bool) {
        if all {
            self.rows = rows;
            return;
        }
        for row in rows {
            match self.rows.iter_mut().find(|other| other.name == row.name) {
                Some(place) => *place = row,
                None => self.rows.push(row),
            }
        }
    }

    /// The recorded instructions a request of that scenario.
    pub(crate) fn a_request(&self, name: &str) -> Option<f64> {
        self.rows.iter().find(|row| row.name == name).map(|row| row.a_request)
    }

    /// The recorded scenarios that are not among `counts`.
    pub(crate) fn without<'a>(&'a self, counts: &'a [Count]) -> impl Iterator<Item = &'a str> {
        let names = self.rows.iter().map(|row| row.name.as_str());
        names.filter(|name| counts.iter().all(|count| count.name != *name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# compiler: rustc 1\nparse\t277.5\t-\nmany\t8396.0\t84.0\n";

    #[test]
    fn what_is_written_is_read_again() {
        let table = Recorded::parse(TEXT).expect("a good table");
        assert_eq!(table.compiler, "rustc 1");
        assert_eq!(table.a_request("parse"), Some(277.5));
        assert_eq!(table.a_request("many"), Some(8396.0));
        assert_eq!(table.a_request("none"), None);
        assert_eq!(Recorded::parse(&table.text()), Ok(table));
    }

    #[test]
    fn a_bad_line_is_named_with_what_is_wrong() {
        let cases = [
            ("a\t1.0\t-\n", "1: no line begins"),
            ("# compiler: x\na\t1.0\n", "2: 'a\t1.0' is not"),
            ("# compiler: x\na\t1.0\t-\t-\n", "2: 'a"),
            ("# compiler: x\na\tone\t-\n", "2: 'a"),
            ("# compiler: x\na\t0\t-\n", "2: 'a"),
            ("# compiler: x\na\tNaN\t-\n", "2: 'a"),
            ("# compiler: x\n\n", "2: '' is not"),
            ("# compiler: x\na\t1.0\t-\na\t2.0\t-\n", "3: 'a' is there twice"),
        ];
        for (text, expected) in cases {
            let why = Recorded::parse(text).expect_err("a bad table");
            assert!(why.starts_with(expected), "{text:?}: {why}");
        }
    }

    #[test]
    fn recording_some_leaves_the_others_and_recording_all_drops_them() {
        let fresh = || vec![Row::of(&Count::made_up("many", 812.34, 1, 100, 0))];
        let mut table = Recorded::parse(TEXT).expect("a good table");
        table.take(fresh(), false);
        assert_eq!((table.a_request("parse"), table.a_request("many")), (Some(277.5), Some(812.3)));
        table.take(vec![Row::of(&Count::made_up("new", 5.0, 1, 0, 0))], false);
        assert_eq!(table.a_request("new"), Some(5.0));
        table.take(fresh(), true);
        assert_eq!((table.a_request("parse"), table.a_request("many")), (None, Some(812.3)));
        assert!(table.text().ends_with("many\t812.3\t8.1\n"), "{}", table.text());
    }

    #[test]
    fn what_is_recorded_and_gone_is_found() {
        let table = Recorded::parse(TEXT).expect("a good table");
        let counts = [Count::made_up("many", 1.0, 1, 0, 0)];
        assert_eq!(table.without(&counts).collect::<Vec<_>>(), ["parse"]);
    }
}
