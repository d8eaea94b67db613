//! What is known not to work, and why. It is data, in `xtask/data/clients/known.json`.

use serde::Deserialize;

use super::cells::Kind;
use super::libraries::Library;
use crate::failure::{Failure, Result};

const KNOWN: &str = include_str!("../../data/clients/known.json");

/// One entry.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The library's name.
    library: String,
    /// The heading of the page's table it is in.
    table: String,
    /// The cells that fail; `*` stands for all.
    cells: Vec<String>,
    /// Why.
    reason: String,
}

/// The list.
#[derive(Debug)]
pub(super) struct Known {
    entries: Vec<Entry>,
}

impl Known {
    /// Reads it.
    ///
    /// # Errors
    /// [`Failure::Wrong`], naming the place in the file.
    pub(super) fn read() -> Result<Self> {
        let entries = serde_json::from_str(KNOWN)
            .map_err(|error| Failure::Wrong(format!("xtask/data/clients/known.json: {error}")))?;
        Ok(Self { entries })
    }

    /// Why a cell of a library fails, if it is known to.
    pub(super) fn reason(&self, library: &Library, cell: &str) -> Option<&str> {
        self.entries
            .iter()
            .filter(|entry| entry.library == library.name && is_table(entry, library.kind))
            .find(|entry| entry.cells.iter().any(|known| known == cell || known == "*"))
            .map(|entry| entry.reason.as_str())
    }

    /// Whether all of a library's cells are known to fail, so that one that works is no news.
    pub(super) fn is_all(&self, library: &Library) -> bool {
        self.entries.iter().any(|entry| {
            entry.library == library.name
                && is_table(entry, library.kind)
                && entry.cells.iter().any(|cell| cell == "*")
        })
    }
}

fn is_table(entry: &Entry, kind: Kind) -> bool {
    entry.table == kind.title()
}

#[cfg(test)]
mod tests {
    use super::super::libraries::ALL;
    use super::*;

    #[test]
    fn every_entry_is_about_a_cell_that_is_there() {
        for entry in Known::read().expect("JSON").entries {
            let library = ALL
                .iter()
                .find(|library| library.name == entry.library && is_table(&entry, library.kind));
            let library = library.unwrap_or_else(|| panic!("there is no {}", entry.library));
            assert!(!entry.reason.is_empty(), "{} has no reason", entry.library);
            for name in &entry.cells {
                let cells = library.kind.cells();
                assert!(name == "*" || cells.iter().any(|cell| cell.name == name), "{name}");
            }
        }
    }
}
