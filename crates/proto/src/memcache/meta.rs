//! The flags of a meta command, as far as the proxy heeds them.

use std::ops::Range;

use super::base64;
use super::encode;
use super::words::{Word, Words};
use crate::limits::MEMCACHE_KEY_BYTES_MAX;
use crate::request::{Meta, Quiet};

/// Most flags that memcached takes. An `ms` with more is refused there, and its data read as
/// commands.
const FLAGS_MAX: usize = 16;

/// The flags that memcached knows since 1.6.10 (`_meta_flag_preparse`), the first to have `ms` as it is.
const KNOWN: &[u8] = b"CDFIJMNORTbcfhklqstuv";

/// What the flags of a meta command say.
pub(super) struct Flags {
    /// What the proxy heeds.
    pub(super) meta: Meta,
    /// Which bytes of the line are left out on the way.
    pub(super) omit: Option<Range<u32>>,
    /// Every server that knows the command knows them all.
    pub(super) all_known: bool,
}

/// Reads the flags of a meta command.
///
/// `words` stands behind the key, or behind the length of `ms`, and `before` is the word before it.
/// All flags are passed on but `q`, whose place is told with the spaces before it: a server must
/// answer every request. What the proxy does not know is for the server to judge, as long as it goes on
/// behind the data.
///
/// # Errors
/// The answer to flags that would leave it unclear which bytes to leave out, or where the key belongs;
/// and to those of an `ms` at which a server would take the data for commands.
pub(super) fn read_flags(
    text: &[u8],
    command: &str,
    key: Word,
    before: Word,
    words: &mut Words<'_>,
) -> Result<Flags, &'static [u8]> {
    let mut meta = Meta::default();
    let (mut omit, mut twice, mut invalid) = (None, false, false);
    let (mut count, mut all_known) = (0, true);
    let mut end = before.end;
    for word in words {
        count += 1;
        let flag = text[word.start];
        invalid |= command == "ms" && !may_begin(flag);
        all_known &= KNOWN.contains(&flag);
        match flag {
            b'q' if command == "me" => {}
            b'q' if omit.is_some() => twice = true,
            b'q' => {
                omit = Some(end as u32..word.end as u32);
                meta.quiet = if command == "mg" { Quiet::Misses } else { Quiet::Successes };
            }
            b'b' => meta.encoded_key = true,
            _ => {}
        }
        end = word.end;
    }
    // Not before the line's end: a byte that may be in none of it is the graver fault.
    if twice {
        return Err(encode::DUPLICATE_FLAG);
    }
    if count > FLAGS_MAX {
        return Err(encode::TOO_MANY_FLAGS);
    }
    if invalid {
        return Err(encode::INVALID_FLAG);
    }
    if meta.encoded_key
        && base64::decode_key(key.of(text), &mut [0; MEMCACHE_KEY_BYTES_MAX]).is_none()
    {
        return Err(encode::BAD_BASE64);
    }
    Ok(Flags { meta, omit, all_known })
}

/// Whether a flag may begin so for memcached 1.6.40 and later (`_mcmc_tokenize_meta`). Any other ends
/// their reading of the line: they answer that its form is bad, and run the data of an `ms`. A command
/// without data gets that answer from them.
fn may_begin(flag: u8) -> bool {
    matches!(flag, b'A'..=b'z' | b'0'..=b'9')
}
