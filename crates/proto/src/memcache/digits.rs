//! Decimal numbers, read with the ranges that memcached reads them with.

/// The value of `digits`, which must be digits alone and at least one.
///
/// `None` for anything else and for what is more than 64 bits hold.
pub(super) fn unsigned(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut value = 0_u64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// The number that stands at `at`, of one digit to `digits_max`, and where it ends: at a byte that is there
/// and is no digit. `None` says nothing; [`unsigned`] has the answer then.
#[inline(always)]
pub(super) fn short(buf: &[u8], at: usize, digits_max: usize) -> Option<(u64, usize)> {
    debug_assert!(digits_max <= SHORT_DIGITS_MAX, "so many may not fit");
    let mut value = 0;
    let mut end = at;
    loop {
        let digit = buf.get(end)?.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value * 10 + u64::from(digit);
        end += 1;
        if end - at > digits_max {
            return None;
        }
    }
    (end > at).then_some((value, end))
}

/// Where the number ends that [`short`] would read at `at`, of 18 digits at most.
#[inline(always)]
pub(super) fn skip_short(buf: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while buf.get(end)?.is_ascii_digit() {
        end += 1;
        if end - at > SHORT_DIGITS_MAX {
            return None;
        }
    }
    (end > at).then_some(end)
}

/// Digits that fit 64 bits whatever they are.
pub(super) const SHORT_DIGITS_MAX: usize = 18;

/// Whether `text` is a number of at most 64 bits that may be negative, as an expiry time may.
pub(super) fn is_signed(text: &[u8]) -> bool {
    match text {
        [b'-', digits @ ..] => unsigned(digits).is_some_and(|value| value <= 1 << 63),
        digits => unsigned(digits).is_some_and(|value| value < 1 << 63),
    }
}

/// Whether `text` is one digit or more, with at most one `-` before them.
pub(super) fn is_number(text: &[u8]) -> bool {
    are_digits(text.strip_prefix(b"-").unwrap_or(text))
}

/// Whether `text` is one digit or more and nothing else.
pub(super) fn are_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_number_ends_at_a_byte_that_is_there() {
        for (text, found) in [
            ("x7 ", Some((7, 2))),
            ("x0123\r", Some((123, 5))),
            ("x999999999999999999 ", Some((999_999_999_999_999_999, 19))),
            ("x1000000000000000000 ", None),
            ("x12", None),
            ("x ", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(short(text.as_bytes(), 1, SHORT_DIGITS_MAX), found, "{text:?}");
            let fits = found.filter(|(_, end)| *end <= 5);
            assert_eq!(short(text.as_bytes(), 1, 4), fits, "{text:?}");
            assert_eq!(skip_short(text.as_bytes(), 1), found.map(|(_, end)| end), "{text:?}");
        }
    }

    #[test]
    fn an_unsigned_number_is_digits_that_fit_64_bits() {
        for (text, value) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("99999999999999999999999", None),
            ("00000000000000000000000000001", Some(1)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1x", None),
            (" 1", None),
            ("/", None),
            (":", None),
        ] {
            assert_eq!(unsigned(text.as_bytes()), value, "{text:?}");
        }
    }

    #[test]
    fn a_signed_number_fits_64_bits_on_either_side_of_zero() {
        for (text, fits) in [
            ("0", true),
            ("-0", true),
            ("-1", true),
            ("9223372036854775807", true),
            ("9223372036854775808", false),
            ("-9223372036854775808", true),
            ("-9223372036854775809", false),
            ("", false),
            ("-", false),
            ("--1", false),
            ("+1", false),
            ("1-", false),
        ] {
            assert_eq!(is_signed(text.as_bytes()), fits, "{text:?}");
        }
    }

    #[test]
    fn a_number_of_any_size_may_have_one_minus_before_it() {
        for (text, is) in [
            ("5", true),
            ("-5", true),
            ("99999999999999999999999", true),
            ("", false),
            ("-", false),
            ("--5", false),
            ("5x", false),
        ] {
            assert_eq!(is_number(text.as_bytes()), is, "{text:?}");
        }
    }
}
