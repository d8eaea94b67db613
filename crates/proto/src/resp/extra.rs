//! Commands that a pool's configuration adds to the table: a module's, say.

use super::lookup::lookup;
use crate::command::{Arity, Command, Keys, Travel};
use crate::kind::Kinds;
use crate::limits::ARGUMENTS_MAX;

/// Rows beside the table's. Made once, while the configuration is read, and kept for as long as the
/// process: a parsed request points at its row.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ExtraCommands {
    /// Sorted by name.
    rows: Vec<Command>,
}

/// Why a command cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtraError {
    /// The table has a row of this name.
    InTheTable,
    /// It was added before.
    Twice,
    /// The name is empty, or has a byte that is no printable ASCII.
    BadName,
    /// The positions are none: a key is at 1 or further, the last is not before the first, and the
    /// step is 1 or more.
    BadPlace,
}

/// Where an added command's keys are, as a server's `COMMAND INFO` says it: the command's name is
/// at 0, so the first argument is at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPlaces {
    /// The first key; 0 when there is none.
    pub first: u32,
    /// The last key; counted from behind when below zero, where -1 is the last argument.
    pub last: i32,
    /// How far the next key is.
    pub step: u32,
}

/// The furthest argument that a place may name: no request has more.
const PLACE_MAX: u32 = ARGUMENTS_MAX as u32;

impl ExtraCommands {
    /// Adds the command called `name`. It goes, whole, to the one server of its keys, or to any
    /// server when it has none, and is taken to change data. Its response may be of any kind.
    ///
    /// # Errors
    /// [`ExtraError`]; nothing is added then.
    pub fn add(&mut self, name: &str, places: KeyPlaces) -> Result<(), ExtraError> {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ExtraError::BadName);
        }
        if lookup(name.as_bytes()).is_some() {
            return Err(ExtraError::InTheTable);
        }
        let name = name.to_ascii_lowercase();
        let Err(at) = self.rows.binary_search_by(|row| row.name.cmp(&name)) else {
            return Err(ExtraError::Twice);
        };
        let (arity, keys, travel) = match places {
            KeyPlaces { first: 0, .. } => (Arity::AtLeast(0), Keys::None, Travel::Anywhere),
            KeyPlaces { step: 0, .. } => return Err(ExtraError::BadPlace),
            KeyPlaces { first, last, step } => {
                if (last >= 0 && i64::from(last) < i64::from(first)) || first > PLACE_MAX {
                    return Err(ExtraError::BadPlace);
                }
                // A server counts the name, the table does not.
                let (first, last) = (first - 1, if last < 0 { last } else { last - 1 });
                let behind = if last < 0 { last.unsigned_abs() } else { 1 };
                if behind > PLACE_MAX {
                    return Err(ExtraError::BadPlace);
                }
                let least = first + behind;
                let keys = Keys::Range { first, last, step };
                (Arity::AtLeast(least), keys, Travel::OneServer)
            }
        };
        let name = Box::leak(name.into_boxed_str());
        let (writes, repeatable, kinds) = (true, false, Kinds::ANY);
        let row = Command { name, arity, keys, travel, writes, repeatable, kinds };
        self.rows.insert(at, row);
        Ok(())
    }

    /// The row of the command called `name`, whatever the case of its letters.
    pub(super) fn find(&'static self, name: &[u8]) -> Option<&'static Command> {
        let small = name.to_ascii_lowercase();
        let at = self.rows.binary_search_by(|row| row.name.as_bytes().cmp(&small)).ok()?;
        Some(&self.rows[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Progress;
    use crate::request::Request;
    use crate::resp::{Parts, RequestParser};

    fn places(first: u32, last: i32, step: u32) -> KeyPlaces {
        KeyPlaces { first, last, step }
    }

    fn extra() -> &'static ExtraCommands {
        let mut extra = ExtraCommands::default();
        for (name, places) in [
            ("JSON.GET", places(1, 1, 1)),
            ("json.mget", places(1, -2, 1)),
            ("json.mset", places(1, -1, 3)),
            ("ft._list", places(0, 0, 0)),
        ] {
            extra.add(name, places).expect(name);
        }
        Box::leak(Box::new(extra))
    }

    fn parse(words: &[&str], extra: Option<&'static ExtraCommands>) -> (Request, Vec<u8>) {
        let mut frame = format!("*{}\r\n", words.len());
        for word in words {
            frame += &format!("${}\r\n{word}\r\n", word.len());
        }
        let mut parser = RequestParser::new(100, usize::MAX).with_commands(extra);
        // Byte by byte: the place keeps what it knows of the commands.
        for len in 0..frame.len() {
            let said = parser.parse(&frame.as_bytes()[..len]);
            assert!(matches!(said, Ok(Progress::Incomplete { .. })), "{words:?} at {len}");
        }
        match parser.parse(frame.as_bytes()) {
            Ok(Progress::Done(request)) => (request, frame.into_bytes()),
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn an_added_command_is_routed_by_its_keys() {
        for (words, keys) in [
            (&["json.get", "k", "$"][..], &["k"][..]),
            (&["Json.MGet", "a", "b", "$"], &["a", "b"]),
            (&["JSON.MSET", "a", "$", "1", "b", "$", "2"], &["a", "b"]),
            (&["FT._LIST"], &[]),
            (&["GET", "k"], &["k"]),
        ] {
            let (Request::Routed(routed), frame) = parse(words, Some(extra())) else {
                panic!("{words:?} is not routed");
            };
            let parts: Vec<_> =
                Parts::new(&routed, &frame).map(|part| part.key(&frame).to_vec()).collect();
            assert_eq!(parts, keys.iter().map(|key| key.as_bytes()).collect::<Vec<_>>());
            assert_eq!(routed.keys as usize, keys.len());
        }
    }

    #[test]
    fn a_command_that_is_not_added_is_unknown_and_one_without_its_keys_is_too_short() {
        for (words, extra, text) in [
            (&["json.get", "k"][..], None, "unknown command"),
            (&["json.del", "k"], Some(extra()), "unknown command"),
            (&["json.get"], Some(extra()), "wrong number of arguments for 'json.get' command"),
            (&["json.mget", "k"], Some(extra()), "wrong number of arguments for 'json.mget'"),
        ] {
            let (Request::Refused(refused), _) = parse(words, extra) else {
                panic!("{words:?} is not refused");
            };
            let answer = String::from_utf8(refused.answer).expect("text");
            assert!(answer.contains(text), "{answer}");
        }
    }

    #[test]
    fn what_cannot_be_added_is_not() {
        let mut extra = ExtraCommands::default();
        extra.add("bf.add", places(1, 1, 1)).expect("nobody has it");
        for (name, places, error) in [
            ("GET", places(1, 1, 1), ExtraError::InTheTable),
            ("BF.ADD", places(1, 1, 1), ExtraError::Twice),
            ("", places(1, 1, 1), ExtraError::BadName),
            ("a b", places(1, 1, 1), ExtraError::BadName),
            ("\u{e9}", places(1, 1, 1), ExtraError::BadName),
            ("x", places(1, 1, 0), ExtraError::BadPlace),
            ("x", places(2, 1, 1), ExtraError::BadPlace),
            ("x", places(2, 0, 1), ExtraError::BadPlace),
            ("x", places(u32::MAX, -1, 1), ExtraError::BadPlace),
            ("x", places(1, i32::MIN, 1), ExtraError::BadPlace),
        ] {
            assert_eq!(extra.add(name, places), Err(error), "{name}");
        }
        assert_eq!(extra.rows.len(), 1);
    }
}
