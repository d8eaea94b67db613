//! What a library's script said: a line a cell, `CELL ok`, `CELL none` or `CELL fail WHY`, and a line
//! `version VERSION`. Other lines are the library's own talk.

/// How a cell went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As it should.
    Works,
    /// The library has no such thing.
    HasNot,
    /// It does not work, and why.
    Fails(String),
}

/// All that was said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The library's version.
    pub(super) version: Option<String>,
    /// The cells, in the order they were spoken of.
    pub(super) outcomes: Vec<(String, Outcome)>,
}

impl Said {
    /// Reads what a script wrote of `cells`, which it was asked for in this order. Ends where it left
    /// one out.
    pub(super) fn read(output: &str, cells: &[&str]) -> Self {
        let mut said = Self::default();
        for line in output.lines() {
            let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
            if name == "version" && said.version.is_none() {
                said.version = Some(rest.trim().to_owned());
            }
            if cells.get(said.outcomes.len()) != Some(&name) {
                continue;
            }
            let (word, why) = rest.split_once(' ').unwrap_or((rest, ""));
            let outcome = match word {
                "ok" => Outcome::Works,
                "none" => Outcome::HasNot,
                "fail" => Outcome::Fails(why.trim().to_owned()),
                _ => continue,
            };
            said.outcomes.push((name.to_owned(), outcome));
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_has_a_line() {
        let output = "version 1.2\nconnect ok\nPush response: news\nscan fail Error: no, not 5\n\
                      meta none\n";
        let said = Said::read(output, &["connect", "scan", "meta"]);
        assert_eq!(said.version.as_deref(), Some("1.2"));
        let expected = [
            ("connect".to_owned(), Outcome::Works),
            ("scan".to_owned(), Outcome::Fails("Error: no, not 5".to_owned())),
            ("meta".to_owned(), Outcome::HasNot),
        ];
        assert_eq!(said.outcomes, expected);
    }

    #[test]
    fn what_a_library_says_itself_is_no_outcome() {
        let said = Said::read("connect\nconnect refused\nclose ok\n", &["connect", "close"]);
        assert_eq!(said, Said::default());
    }

    #[test]
    fn a_script_that_dies_has_said_what_it_said() {
        let said = Said::read("version 1\nconnect ok\nSegmentation fault\n", &["connect", "scan"]);
        assert_eq!(said.outcomes, [("connect".to_owned(), Outcome::Works)]);
    }
}
