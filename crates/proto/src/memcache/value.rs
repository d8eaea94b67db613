//! A block of a response: a `VALUE` line, and the data behind it.

use super::digits;
use super::words::Words;
use crate::limits::VALUE_BYTES_MAX;

/// Bytes of data that follow `line`, which is without its line end, when it is
/// `VALUE key flags bytes [unique]`.
pub(super) fn data_bytes(line: &[u8]) -> Option<usize> {
    let arguments = line.strip_prefix(b"VALUE ")?;
    let mut words = Words::new(arguments);
    let mut next = || words.next().map(|word| word.of(arguments));
    let _key = next()?;
    let _flags = digits::unsigned(next()?)?;
    let length = digits::unsigned(next()?)?;
    if let Some(unique) = next() {
        digits::unsigned(unique)?;
    }
    let fits = next().is_none() && words.stray.is_none() && length <= VALUE_BYTES_MAX;
    fits.then_some(length as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_line_has_a_key_flags_a_length_and_perhaps_a_unique_number() {
        for (line, length) in [
            ("VALUE k 0 5", Some(5)),
            ("VALUE k 4294967295 0 18446744073709551615", Some(0)),
            ("VALUE  k  0  7  ", Some(7)),
            ("VALUE k 0 1073741824", Some(1 << 30)),
            ("VALUE k 0 1073741825", None),
            ("VALUE k 0", None),
            ("VALUE k 0 -1", None),
            ("VALUE k -1 1", None),
            ("VALUE k 0 1 x", None),
            ("VALUE k 0 1 2 3", None),
            ("VALUE k\r 0 1", None),
            ("VALUE", None),
            ("VALUEk 0 1 1", None),
            ("value k 0 1", None),
            ("VA 1", None),
        ] {
            assert_eq!(data_bytes(line.as_bytes()), length, "{line:?}");
        }
    }
}
