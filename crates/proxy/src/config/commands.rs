//! Commands that a pool adds to the table: `json.get 1, json.mset 1..-1/3`.
//!
//! ```text
//!   json.mset 1..-1/3      name, the first key, the last, how far the next one is
//!             |  |  |      as a server's COMMAND INFO counts them: the first argument is 1, the last -1
//!             |  |  1 where it is left out
//!             |  the first where it is left out
//!             0 for none
//! ```

use nutcracker_proto::resp::{ExtraCommands, ExtraError, KeyPlaces};

use super::fault::Fault;

/// Commands beside the table's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedCommands {
    /// As the file has them.
    pub text: String,
    /// What requests are looked up in.
    pub rows: &'static ExtraCommands,
}

/// Reads a list of them.
pub(super) fn read(found: &str) -> Result<AddedCommands, Fault> {
    let mut rows = ExtraCommands::default();
    for item in found.split(',').map(str::trim) {
        let wrong = |why| Fault::Command { item: item.to_owned(), why };
        let (name, places) = item.split_once(' ').ok_or_else(|| wrong(NO_PLACE))?;
        let places = places_of(places.trim()).ok_or_else(|| wrong(BAD_PLACE))?;
        rows.add(name, places).map_err(|error| {
            wrong(match error {
                ExtraError::InTheTable => "the proxy knows it already",
                ExtraError::Twice => "it is there twice",
                ExtraError::BadName => "a name is of letters, digits and marks",
                ExtraError::BadPlace => BAD_PLACE,
            })
        })?;
    }
    // Kept for as long as the process, some hundred bytes for each time that the file is read: each request
    // points at its row.
    Ok(AddedCommands { text: found.to_owned(), rows: Box::leak(Box::new(rows)) })
}

const NO_PLACE: &str = "say behind it which argument is its first key, 0 for none";

const BAD_PLACE: &str =
    "its keys are a number, as in 1, or a first and a last and a step, as in 1..-1/2";

/// `first`, `first..last` or `first..last/step`.
fn places_of(text: &str) -> Option<KeyPlaces> {
    let (text, step) = match text.split_once('/') {
        Some((text, step)) => (text, step.parse().ok()?),
        None => (text, 1),
    };
    let (first, last) = match text.split_once("..") {
        Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
        None => (text.parse().ok()?, text.parse().ok()?),
    };
    Some(KeyPlaces { first, last, step })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_a_number_or_a_range_with_a_step() {
        let place = |first, last, step| Some(KeyPlaces { first, last, step });
        for (text, expected) in [
            ("1", place(1, 1, 1)),
            ("0", place(0, 0, 1)),
            ("1..-2", place(1, -2, 1)),
            ("2..4/2", place(2, 4, 2)),
            ("x", None),
            ("-1", None),
            ("1..", None),
            ("1/x", None),
            ("", None),
        ] {
            assert_eq!(places_of(text), expected, "{text:?}");
        }
    }
}
