//! Decimal numbers on the wire, read as strictly as Redis reads them and written.
//!
//! Redis' `string2ll` is the rule: an optional minus sign, then `0` alone or digits that do not
//! begin with 0. No plus sign, no leading zero, no space, no `-0`. A number that is forwarded has
//! passed the same test that the server will put to it.

use crate::progress::ParseError;

/// The rule that a line ends in both.
pub(super) const LINE_END: &str = "expected LF after CR";

/// Reads the header at `at` when it is whole, begins with `kind`, and is one of nearly all: a
/// length of at most five digits. Returns the length and where the next line begins. `None` says
/// nothing; [`length`] has the answer then.
///
/// One digit and two, which is what keys have, are taken straight from the first word. Three to
/// five are read without a loop, so that lengths that differ from one to the next cost no
/// mispredicted branches.
#[inline(always)]
pub(super) fn short_header(buf: &[u8], at: usize, kind: u8) -> Option<(u32, usize)> {
    let text = buf.get(at..)?;
    // A byte, one digit, CR and LF, as one little-endian number.
    let word = u32::from_le_bytes(*text.first_chunk()?);
    if word & 0xFFFF_00FF == 0x0A0D_0000 | kind as u32 {
        let digit = (word >> 8 & 0xFF).wrapping_sub(u32::from(b'0'));
        return (digit <= 9).then_some((digit, at + 4));
    }
    if word & 0xFF00_00FF == 0x0D00_0000 | kind as u32 {
        let tens = (word >> 8 & 0xFF).wrapping_sub(u32::from(b'0'));
        let ones = (word >> 16 & 0xFF).wrapping_sub(u32::from(b'0'));
        let good = (1..=9).contains(&tens) && ones <= 9 && *text.get(4)? == b'\n';
        return good.then(|| (tens * 10 + ones, at + 5));
    }
    let word = u64::from_le_bytes(*text.first_chunk()?);
    let line = word >> 8;
    // Each digit has this bit and CR has not: how many bytes stand before CR?
    let bits = (!line & 0x0010_1010_1010_1010).trailing_zeros() & !7;
    let first = line as u8;
    if word as u8 != kind || first == b'0' || !(8..=40).contains(&bits) {
        return None;
    }
    if line >> bits & 0xFFFF != 0x0A0D {
        return None;
    }
    // The values of the digits, moved up so that the last is on top and zeros fill the bytes below.
    let digits = (line ^ 0x0030_3030_3030_3030) << (64 - bits);
    // With 6 added, no more than 9 stays in the lower half of its byte.
    if (digits | digits.wrapping_add(0x0606_0606_0606_0606)) & 0xF0F0_F0F0_F0F0_F0F0 != 0 {
        return None;
    }
    // Digits to pairs to fours to eight: each step adds the upper to ten, a hundred, ten thousand
    // times the lower neighbour.
    let pairs = (digits * 10 + (digits >> 8)) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    let value = (fours * 10_000 + (fours >> 32)) as u32;
    Some((value, at + 3 + bits as usize / 8))
}

/// Reads the length that stands at `from`, with its CR LF.
///
/// `Ok(None)` when the bytes end before the line does, else the length and where the next line
/// begins. A few compares a byte.
///
/// # Errors
/// `rule` at the first byte that no length of at most `max` can hold there; without waiting for
/// the rest of the line, so a run of digits is bounded by the digits of `max`.
pub(super) fn length(
    buf: &[u8],
    from: usize,
    max: u32,
    rule: &'static str,
) -> Result<Option<(u32, usize)>, ParseError> {
    let Some(text) = buf.get(from..) else { return Ok(None) };
    let mut value: u64 = 0;
    let mut digits = 0;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        // Zero may stand alone and may not lead.
        if value == 0 && digits > 0 {
            return Err(bad_byte(from + digits, byte, rule));
        }
        value = value * 10 + u64::from(digit);
        if value > u64::from(max) {
            return Err(ParseError { at: from, found: None, rule });
        }
        digits += 1;
    }
    // `max` is 32 bits wide, and so is what was not above it.
    let value = value as u32;
    match text[digits..] {
        [] => Ok(None),
        [b'\r', b'\n', ..] if digits > 0 => Ok(Some((value, from + digits + 2))),
        [b'\r'] if digits > 0 => Ok(None),
        [b'\r', byte, ..] if digits > 0 => Err(bad_byte(from + digits + 1, byte, LINE_END)),
        [byte, ..] => Err(bad_byte(from + digits, byte, rule)),
    }
}

/// Reads the integer that stands at `from`, with its CR LF; as [`length`], with the whole range of
/// 64 bits and both signs.
///
/// # Errors
/// As [`length`].
pub(super) fn integer(
    buf: &[u8],
    from: usize,
    rule: &'static str,
) -> Result<Option<(i64, usize)>, ParseError> {
    let Some(text) = buf.get(from..) else { return Ok(None) };
    let negative = text.first() == Some(&b'-');
    let sign = usize::from(negative);
    // Counted down from zero, for the lowest number has no positive counterpart.
    let mut value: i64 = 0;
    let mut at = sign;
    while let Some(&byte) = text.get(at) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        // Zero may stand alone; it may not lead and has no sign.
        if (value == 0 && at > sign) || (negative && digit == 0 && at == sign) {
            return Err(bad_byte(from + at, byte, rule));
        }
        let next = value.checked_mul(10).and_then(|value| value.checked_sub(i64::from(digit)));
        value = next.ok_or(ParseError { at: from, found: None, rule })?;
        at += 1;
    }
    let value = if negative {
        value
    } else {
        value.checked_neg().ok_or(ParseError { at: from, found: None, rule })?
    };
    match text[at..] {
        [] => Ok(None),
        [b'\r', b'\n', ..] if at > sign => Ok(Some((value, from + at + 2))),
        [b'\r'] if at > sign => Ok(None),
        [b'\r', byte, ..] if at > sign => Err(bad_byte(from + at + 1, byte, LINE_END)),
        [byte, ..] => Err(bad_byte(from + at, byte, rule)),
    }
}

/// Reads `text` as one integer and nothing else; `None` when it is none.
pub(super) fn whole_integer(text: &[u8]) -> Option<i64> {
    // The longest has a sign and 19 digits.
    let mut line = [0; 22];
    let held = line.get_mut(..text.len() + 2)?;
    held[..text.len()].copy_from_slice(text);
    held[text.len()..].copy_from_slice(b"\r\n");
    let (value, end) = integer(held, 0, "an integer").ok()??;
    (end == held.len()).then_some(value)
}

/// Writes `value` in decimal. Allocates nothing of its own.
pub(super) fn push(value: u64, out: &mut Vec<u8>) {
    // 2 to the power of 64 has 20 digits.
    let mut text = [0; 20];
    let mut at = text.len();
    let mut rest = value;
    loop {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
}

#[cold]
fn bad_byte(at: usize, byte: u8, rule: &'static str) -> ParseError {
    ParseError { at, found: Some(byte), rule }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "the rule";

    #[test]
    fn a_length_is_zero_or_digits_that_do_not_begin_with_zero() {
        for (text, value) in
            [("0", 0), ("7", 7), ("10", 10), ("100", 100), ("536870912", 536870912)]
        {
            let line = format!("${text}\r\nrest");
            let read = length(line.as_bytes(), 1, 536_870_912, RULE);
            assert_eq!(read, Ok(Some((value, text.len() + 3))), "{text}");
        }
        for text in ["", "00", "01", "+1", "-1", " 1", "1 ", "x", "1x", "1\n", "\n", "0x1", "1\rx"]
        {
            let line = format!("${text}\r\n");
            let error = length(line.as_bytes(), 1, 100, RULE).expect_err(text);
            assert_eq!(error.found, Some(line.as_bytes()[error.at]), "{text}");
        }
    }

    #[test]
    fn a_short_header_is_read_as_the_long_way_reads_it() {
        for value in (0..1_100).chain([9_999, 10_000, 12_345, 65_535, 99_999]) {
            let line = format!("x${value}\r\nbehind it");
            let read = short_header(line.as_bytes(), 1, b'$');
            assert_eq!(read, length(line.as_bytes(), 2, u32::MAX, RULE).expect("a length"));
            assert_eq!(short_header(line.as_bytes(), 1, b'*'), None, "another kind");
            assert_eq!(short_header(line.as_bytes(), 0, b'$'), None, "not where it begins");
        }
        // It needs 8 bytes for what has more than two digits.
        assert_eq!(short_header(b"$7\r\n", 0, b'$'), Some((7, 4)));
        assert_eq!(short_header(b"$12\r\n", 0, b'$'), Some((12, 5)));
        assert_eq!(short_header(b"$123\r\n.", 0, b'$'), None);
        assert_eq!(short_header(b"$123\r\n..", 0, b'$'), Some((123, 6)));
        assert_eq!(short_header(b"$100000\r\n", 0, b'$'), None, "six digits");
    }

    #[test]
    fn a_short_header_takes_nothing_that_the_long_way_does_not() {
        // Every byte in every place of some headers that are good.
        for good in [&b"$7\r\nbehind"[..], b"$10\r\nbehind", b"$405\r\nbehind", b"$10000\r\nbehind"]
        {
            for at in 0..good.len() {
                let mut line = good.to_vec();
                for byte in 0..=u8::MAX {
                    line[at] = byte;
                    let Some(read) = short_header(&line, 0, b'$') else { continue };
                    let shown = line.escape_ascii();
                    assert_eq!(line[0], b'$', "{shown}");
                    assert_eq!(length(&line, 1, u32::MAX, RULE), Ok(Some(read)), "{shown}");
                }
            }
        }
    }

    #[test]
    fn a_length_above_its_bound_is_refused_before_its_line_ends() {
        assert_eq!(length(b"100\r\n", 0, 100, RULE), Ok(Some((100, 5))));
        let error = ParseError { at: 0, found: None, rule: RULE };
        for text in [&b"101"[..], b"4294967299", b"18446744073709551617", &[b'9'; 100_000]] {
            assert_eq!(length(text, 0, 100, RULE), Err(error), "{}", text.escape_ascii());
        }
        assert_eq!(length(b"4294967295\r\n", 0, u32::MAX, RULE), Ok(Some((u32::MAX, 12))));
        assert_eq!(length(b"4294967296\r\n", 0, u32::MAX, RULE), Err(error));
    }

    #[test]
    fn a_number_that_is_not_all_there_is_waited_for() {
        for text in ["0\r\n", "5\r\n", "1234\r\n"] {
            for cut in 0..text.len() {
                assert_eq!(
                    length(&text.as_bytes()[..cut], 0, 9999, RULE),
                    Ok(None),
                    "{text} {cut}"
                );
                assert_eq!(integer(&text.as_bytes()[..cut], 0, RULE), Ok(None), "{text} {cut}");
            }
        }
        assert_eq!(integer(b"-", 0, RULE), Ok(None));
        assert_eq!(length(b"", 5, 9, RULE), Ok(None), "past the end");
    }

    #[test]
    fn an_integer_is_what_redis_takes_for_one() {
        let lowest = i64::MIN.to_string();
        let highest = i64::MAX.to_string();
        for text in ["0", "1", "-1", "42", "-10", &lowest, &highest] {
            assert_eq!(whole_integer(text.as_bytes()), text.parse().ok(), "{text}");
        }
        for text in [
            "",
            "-",
            "+1",
            "01",
            "-0",
            "-01",
            "1 ",
            " 1",
            "1.0",
            "1-2",
            "1\r\n",
            "x",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
            "999999999999999999999999999999",
        ] {
            assert_eq!(whole_integer(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_number_is_written_as_it_is_read() {
        for value in [0, 1, 9, 10, 99, 100, 12345, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            push(value, &mut out);
            assert_eq!(out, value.to_string().into_bytes());
        }
    }
}
