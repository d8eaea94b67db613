//! `nutcracker locate`: where keys are, and why.

use std::ffi::OsStr;
use std::io::{IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;

use nutcracker_ring::Spot;

use super::Verdict;
use super::arguments::{CONF_FILE, Given, Manual, POOL};
use super::keys::Source;
use super::placed::{Placed, chosen};
use super::shown::field;
use super::trouble::Trouble;
use crate::config;

pub(super) static MANUAL: Manual = Manual {
    name: "locate",
    usage: "[-c FILE] [--pool NAME]... [KEY...]",
    about: "\
Says for each key which server of each pool it belongs to while all servers are live. Keys are read
from standard input, one a line, when none is given, and where a - stands for one.

The output is a line a key and pool, fields separated by tabs, after a line that names the fields:
  key      the key; control characters, backslashes and bytes that are no UTF-8 are spelt as in C
  pool     the pool
  server   the server's name
  address  where it listens
  hash     the hash's value
  spot     what decides: the ketama point the hash belongs to, or the modula slot
  hashed   the part of the key that was hashed: all of it, or what stands between the hash tag's
           two characters
A pool that draws a server for each request has (any) for the server. On a terminal the fields are
aligned instead. Two configurations are compared with: diff <(... locate -c OLD < keys)
<(... locate -c NEW < keys); 'nutcracker diff' sums that up.

The status is 0, or 2 when something is wrong with the arguments, the configuration or the keys.",
    flags: &[CONF_FILE, POOL],
};

/// Writes the lines of all keys.
pub(super) fn run(given: &Given, out: &mut dyn Write) -> Result<Verdict, Trouble> {
    let config = config::load(&given.conf_file()).map_err(Trouble::Load)?;
    let pools: Vec<Placed<'_>> = chosen(&config, given)?.into_iter().map(Placed::new).collect();
    let key_chars = given.words.iter().map(|word| field(word.as_bytes()).chars().count()).max();
    let mut table = Table {
        out,
        widths: std::io::stdout()
            .is_terminal()
            .then(|| widths(&pools, key_chars.unwrap_or(KEY_COLUMN))),
    };
    table.row(&COLUMNS)?;

    let stdin = OsStr::new("-");
    let words: Vec<&OsStr> = match &*given.words {
        [] => vec![stdin],
        words => words.iter().map(|word| &**word).collect(),
    };
    for word in words {
        if word == stdin {
            Source::Stdin.read(|key| table.key(&pools, key))?;
        } else {
            table.key(&pools, word.as_bytes())?;
        }
    }
    Ok(Verdict::Clean)
}

const COLUMNS: [&str; 7] = ["key", "pool", "server", "address", "hash", "spot", "hashed"];

/// What the server is called where none owns the key.
const ANY: &str = "(any)";

/// Characters for keys on a terminal when they are not known beforehand.
const KEY_COLUMN: usize = 24;

/// How many characters each column but the last gets on a terminal.
fn widths(pools: &[Placed<'_>], key_chars: usize) -> [usize; 6] {
    let mut widths = [key_chars, 0, ANY.len(), ANY.len(), 10, "point 4294967295".len()];
    for placed in pools {
        widths[1] = widths[1].max(placed.pool.name.chars().count());
        for server in &placed.pool.servers {
            widths[2] = widths[2].max(server.name.chars().count());
            widths[3] = widths[3].max(server.address.to_string().chars().count());
        }
    }
    for (width, column) in widths.iter_mut().zip(COLUMNS) {
        *width = (*width).max(column.len());
    }
    widths
}

/// The lines being written.
struct Table<'a> {
    out: &'a mut dyn Write,
    /// Of the columns but the last, if they are to be aligned.
    widths: Option<[usize; 6]>,
}

impl Table<'_> {
    /// The lines of one key, one a pool.
    fn key(&mut self, pools: &[Placed<'_>], key: &[u8]) -> Result<(), Trouble> {
        let shown = field(key);
        for placed in pools {
            let hash = placed.placement.key_hash(key);
            let spot = placed.ring.spot(hash).expect("a pool has servers, and all are live");
            let pool = field(placed.pool.name.as_bytes());
            match placed.owner(hash) {
                Some(owner) => {
                    let server = placed.server(owner);
                    self.row(&[
                        &shown,
                        &pool,
                        &field(server.name.as_bytes()),
                        &field(server.address.to_string().as_bytes()),
                        &hash.to_string(),
                        &spot.to_string(),
                        &field(placed.hashed(key)),
                    ])?;
                }
                None => {
                    debug_assert!(matches!(spot, Spot::Drawn { .. }));
                    self.row(&[&shown, &pool, ANY, ANY, "-", &spot.to_string(), "-"])?;
                }
            }
        }
        if self.widths.is_some() {
            // Somebody is watching.
            self.out.flush().map_err(Trouble::Write)?;
        }
        Ok(())
    }

    fn row(&mut self, fields: &[&str; 7]) -> Result<(), Trouble> {
        let [front @ .., last] = fields;
        match self.widths {
            None => front.iter().try_for_each(|text| write!(self.out, "{text}\t")),
            Some(widths) => front
                .iter()
                .zip(widths)
                .try_for_each(|(text, width)| write!(self.out, "{text:width$}  ")),
        }
        .and_then(|()| writeln!(self.out, "{last}"))
        .map_err(Trouble::Write)
    }
}
