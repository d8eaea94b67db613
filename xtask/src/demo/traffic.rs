//! All the demo's keys through one pool, written or read, with every response accounted for.

use crate::failure::Result;
use crate::interrupt;

use super::client::{Client, Response};
use super::keys;

/// How many requests travel in one write.
const BATCH: usize = 100;

/// What came of a pass over keys. The counts add up to the keys done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Stored, or read with the value that belongs to the key.
    pub(super) right: u64,
    /// Read, and there was no value.
    pub(super) missing: u64,
    /// Answered by an error.
    pub(super) refused: u64,
    /// Answered by anything else, such as another key's value. Never to be seen.
    pub(super) wrong: u64,
    /// The numbers of the keys that were missing or refused.
    pub(super) lacking: Vec<u32>,
    /// What the first error said.
    pub(super) first_refusal: Option<String>,
    /// The first answer counted as wrong, with its key.
    pub(super) first_wrong: Option<String>,
}

impl Tally {
    /// How many keys are done.
    pub(super) fn done(&self) -> u64 {
        self.right + self.missing + self.refused + self.wrong
    }

    /// Counts the `response` to a request about key `index`, for which `expected` would be right.
    fn count(&mut self, index: u32, response: Response, expected: &Response) {
        if response == *expected {
            self.right += 1;
            return;
        }
        match response {
            Response::Missing => {
                self.missing += 1;
                self.lacking.push(index);
            }
            Response::Refused(text) => {
                self.refused += 1;
                self.lacking.push(index);
                self.first_refusal.get_or_insert(text);
            }
            Response::Stored | Response::Value(_) | Response::Integer(_) => {
                self.wrong += 1;
                let found = match response {
                    Response::Value(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                    other => format!("{other:?}"),
                };
                let key = keys::key(index);
                self.first_wrong.get_or_insert_with(|| format!("{key} came back as '{found}'"));
            }
        }
    }
}

/// Writes the values of the keys numbered `indexes`; `watch` sees the tally after each batch.
///
/// # Errors
/// Of the connection, of `watch`, and Ctrl-C.
pub(super) fn write(
    client: &mut Client,
    indexes: &[u32],
    generation: u32,
    mut watch: impl FnMut(&Tally) -> Result<()>,
) -> Result<Tally> {
    let mut tally = Tally::default();
    for batch in indexes.chunks(BATCH) {
        interrupt::check()?;
        let pair = |&index: &u32| (keys::key(index), keys::value(index, generation));
        let responses = client.set(&batch.iter().map(pair).collect::<Vec<_>>())?;
        for (index, response) in batch.iter().zip(responses) {
            tally.count(*index, response, &Response::Stored);
        }
        watch(&tally)?;
    }
    Ok(tally)
}

/// Reads the keys numbered `indexes` and checks their values; `watch` sees the tally after each
/// batch.
///
/// # Errors
/// Of the connection, of `watch`, and Ctrl-C.
pub(super) fn read(
    client: &mut Client,
    indexes: &[u32],
    generation: u32,
    mut watch: impl FnMut(&Tally) -> Result<()>,
) -> Result<Tally> {
    let mut tally = Tally::default();
    for batch in indexes.chunks(BATCH) {
        interrupt::check()?;
        let names: Vec<String> = batch.iter().map(|&index| keys::key(index)).collect();
        for (index, response) in batch.iter().zip(client.get(&names)?) {
            let expected = Response::Value(keys::value(*index, generation).into_bytes());
            tally.count(*index, response, &expected);
        }
        watch(&tally)?;
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_response_is_counted_in_one_place() {
        let right = Response::Value(keys::value(1, 1).into_bytes());
        let mut tally = Tally::default();
        tally.count(1, right.clone(), &right);
        tally.count(2, Response::Missing, &right);
        tally.count(3, Response::Refused("first".to_owned()), &right);
        tally.count(4, Response::Refused("second".to_owned()), &right);
        tally.count(5, Response::Value(keys::value(1, 2).into_bytes()), &right);
        tally.count(6, Response::Stored, &right);
        let expected = Tally {
            right: 1,
            missing: 1,
            refused: 2,
            wrong: 2,
            lacking: vec![2, 3, 4],
            first_refusal: Some("first".to_owned()),
            first_wrong: Some(format!("user:00005:name came back as '{}'", keys::value(1, 2))),
        };
        assert_eq!(tally, expected);
        assert_eq!(tally.done(), 6);
    }
}
