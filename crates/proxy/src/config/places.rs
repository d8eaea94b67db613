//! Where in the file the names and values of a configuration stand.
//!
//! The checked types carry no positions, as serving needs none. A tool that has something to say
//! about a file asks here for the line and the column.

use std::collections::HashMap;

use super::document::{Document, START, Section, Value};
use super::error::Position;

/// The places of a valid file: sections, keys, servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    sections: HashMap<String, SectionPlaces>,
    tab: Option<Position>,
}

/// The places in one section.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SectionPlaces {
    name: Position,
    /// By key, where its value starts; for a list, where the key does.
    values: HashMap<String, Position>,
    /// By the item's text. Valid pools have no two servers of the same name, so no two of the same
    /// text.
    servers: HashMap<String, Position>,
}

impl Places {
    /// The places in `document`, which was read from `text`.
    pub(super) fn of(document: &Document, text: &str) -> Self {
        let sections = document.sections.iter();
        Self {
            sections: sections.map(|s| (s.name.text.clone(), places_of(s))).collect(),
            tab: leading_tab(text),
        }
    }

    /// The place of the value of `key` in `section`, a pool or `global`; `None` when the file leaves
    /// the key out.
    #[must_use]
    pub fn value(&self, section: &str, key: &str) -> Option<Position> {
        self.sections.get(section)?.values.get(key).copied()
    }

    /// The place of a section's name; the beginning of the file for one that is not there.
    #[must_use]
    pub fn section(&self, section: &str) -> Position {
        self.sections.get(section).map_or(START, |places| places.name)
    }

    /// The place of the server whose item in the list of `pool` reads `text`; that of the pool's
    /// name when there is none.
    #[must_use]
    pub fn server(&self, pool: &str, text: &str) -> Position {
        let found = self.sections.get(pool).and_then(|places| places.servers.get(text));
        found.copied().unwrap_or_else(|| self.section(pool))
    }

    /// The place of the first tab that no text of its line stands before, be it that there is none or that
    /// it is an item, behind whose dash the tab is. The original's reader refuses nearly all of these.
    #[must_use]
    pub fn leading_tab(&self) -> Option<Position> {
        self.tab
    }

    /// The keys that `section` has, in no particular order.
    pub fn keys(&self, section: &str) -> impl Iterator<Item = &str> {
        let values = self.sections.get(section).map(|places| places.values.keys());
        values.into_iter().flatten().map(String::as_str)
    }
}

fn leading_tab(text: &str) -> Option<Position> {
    text.lines().enumerate().find_map(|(i, line)| {
        let rest = line.trim_start_matches(' ');
        let rest = rest.strip_prefix('-').map_or(rest, |item| item.trim_start_matches(' '));
        // What is before it is spaces and a dash, so a byte is a column.
        let before = line.len() - rest.len();
        rest.starts_with('\t').then_some(Position { line: i + 1, column: before + 1 })
    })
}

fn places_of(section: &Section) -> SectionPlaces {
    let mut places = SectionPlaces {
        name: section.name.at,
        values: HashMap::with_capacity(section.entries.len()),
        servers: HashMap::new(),
    };
    for entry in &section.entries {
        let at = match &entry.value {
            Value::Text(text) => text.at,
            Value::List(items) => {
                places.servers = items.iter().map(|item| (item.text.clone(), item.at)).collect();
                entry.key.at
            }
            Value::Faulty => entry.key.at,
        };
        places.values.insert(entry.key.text.clone(), at);
    }
    places
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    const FILE: &str = "\
# a comment
alpha:
  listen: 127.0.0.1:22121
  timeout:   400
  servers:
    - 127.0.0.1:6379:1
    -   127.0.0.1:6380:1 two
global:
  workers: 2
";

    #[test]
    fn what_is_written_has_a_place_and_what_is_not_has_its_sections() {
        let (_, places) =
            config::parse_with_places(FILE.as_bytes(), Path::new("file")).expect("valid");
        let at = |line, column| Position { line, column };
        for (section, key, expected) in [
            ("alpha", "listen", Some(at(3, 11))),
            ("alpha", "timeout", Some(at(4, 14))),
            ("alpha", "servers", Some(at(5, 3))),
            ("alpha", "redis", None),
            ("global", "workers", Some(at(9, 12))),
            ("beta", "listen", None),
        ] {
            assert_eq!(places.value(section, key), expected, "{key} of {section}");
        }
        assert_eq!(places.section("alpha"), at(2, 1));
        assert_eq!(places.section("beta"), START);
        assert_eq!(places.server("alpha", "127.0.0.1:6379:1"), at(6, 7));
        assert_eq!(places.server("alpha", "127.0.0.1:6380:1 two"), at(7, 9));
        assert_eq!(places.server("alpha", "none"), at(2, 1));
        let mut keys: Vec<&str> = places.keys("alpha").collect();
        keys.sort_unstable();
        assert_eq!(keys, ["listen", "servers", "timeout"]);
        assert_eq!(places.leading_tab(), None);
    }

    #[test]
    fn a_tab_has_a_place_where_no_text_of_its_line_is_before_it() {
        let at = |line, column| Some(Position { line, column });
        for (old, new, expected) in [
            ("# a comment", "\t# a comment", at(1, 1)),
            ("# a comment", " \t", at(1, 2)),
            ("    - 127", "    -\t127", at(6, 6)),
            ("    - 127", "    - \t127", at(6, 7)),
            ("timeout:   400", "timeout:\t400\t# ms", None),
            ("# a comment", "#\ta comment", None),
        ] {
            let text = FILE.replacen(old, new, 1);
            let (_, places) =
                config::parse_with_places(text.as_bytes(), Path::new("file")).expect("valid");
            assert_eq!(places.leading_tab(), expected, "{new:?}");
        }
    }
}
