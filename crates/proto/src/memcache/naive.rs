//! The obvious request parser: it starts over at every call, copies what it likes, and is what the
//! fast one has to agree with.

use super::commands::{COMMANDS, ms_of_other_flags};
use super::encode;
use crate::{Inline, Meta, ParseError, Progress, Quiet, Refused, Request, Routed};

/// As [`RequestParser::parse`](super::RequestParser::parse) at the start of a request, for lines
/// that the limits of a line allow.
pub(super) fn parse(buf: &[u8]) -> Result<Progress<Request>, ParseError> {
    if buf.first() == Some(&0x80) {
        if buf.len() < 24 {
            return Ok(Progress::Incomplete { missing: 1 });
        }
        let rule = "the binary protocol is not served; use the text protocol";
        return Err(ParseError { at: 0, found: Some(0x80), rule });
    }
    let Some(line_end) = buf.iter().position(|&byte| byte == b'\n') else {
        return Ok(Progress::Incomplete { missing: 1 });
    };
    let spaces = buf.iter().take_while(|&&byte| byte == b' ').count();
    if spaces > 0 {
        return Ok(Progress::Done(Request::Blank { len: spaces }));
    }
    let text = buf[..line_end].strip_suffix(b"\r").unwrap_or(&buf[..line_end]);
    let words = words(text);
    let name = words.first().map_or(&b""[..], |word| word.1);
    let arguments = words.get(1..).unwrap_or_default();

    let row = COMMANDS.iter().find(|row| row.name.as_bytes() == name);
    let last = arguments.last().filter(|word| row.is_none() && word.1.starts_with(b"HTTP/"));
    if let Some(&(at, _)) = last {
        let rule = "HTTP is not served; use the text protocol";
        return Err(ParseError { at, found: None, rule });
    }

    let mut len = line_end + 1;
    let length_argument = match name.to_ascii_lowercase().as_slice() {
        b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" => Some(3),
        b"ms" => Some(1),
        _ => None,
    };
    if let Some(n) = length_argument {
        let length = arguments.get(n).and_then(|word| number::<u64>(word.1, false));
        let Some(length) = length.filter(|&length| length <= 1 << 30) else {
            let at = arguments.get(n).map_or(text.len(), |word| word.0);
            let rule = "bad data chunk: its length must be a number from 0 to 1073741824";
            return Err(ParseError { at, found: None, rule });
        };
        len += length as usize + 2;
        if buf.len() < len {
            return Ok(Progress::Incomplete { missing: len - buf.len() });
        }
        for (at, expected) in [(len - 2, b'\r'), (len - 1, b'\n')] {
            if buf[at] != expected {
                return Err(ParseError { at, found: Some(buf[at]), rule: "bad data chunk" });
            }
        }
    }

    let writes = row.is_some_and(|row| row.writes && !row.name.starts_with('m'));
    let least = match name {
        b"flush_all" => 1,
        b"gat" | b"gats" => usize::MAX,
        _ => 2,
    };
    let silent = (writes || name == b"verbosity")
        && arguments.len() >= least
        && arguments.len() <= 6
        && arguments.last().unwrap().1 == b"noreply";
    let told: Vec<_> = arguments.iter().map(|word| word.1).collect();
    let frame = match (name, told.as_slice()) {
        (b"delete", [b"noreply"]) => Some("delete noreply 0\r\n"),
        (b"delete", [b"noreply", b"noreply"]) => Some("delete noreply 0 noreply\r\n"),
        _ => None,
    };
    if let Some(frame) = frame {
        return Ok(Progress::Done(Request::Inline(Inline { len, frame: frame.into() })));
    }
    if let Some(answer) = refusal(name, arguments, text) {
        let answer = if silent { Vec::new() } else { answer.to_vec() };
        return Ok(Progress::Done(Request::Refused(Refused {
            len,
            answer,
            after_password: false,
            too_large: false,
        })));
    }
    let command = match row.expect("an unknown command is refused") {
        row if row.name == "ms"
            && !told[2..].iter().all(|flag| b"CDFIJMNORTbcfhklqstuv".contains(&flag[0])) =>
        {
            ms_of_other_flags()
        }
        row => row,
    };
    let keyless: [&[u8]; 6] = [b"version", b"quit", b"mn", b"stats", b"flush_all", b"verbosity"];
    let has_key = !keyless.contains(&name);
    let first_key = usize::from(matches!(name, b"gat" | b"gats"));
    let span = |word: &(usize, &[u8])| word.0 as u32..(word.0 + word.1.len()) as u32;
    let omit = if silent {
        let [.., before, last] = &words[..] else { unreachable!("a name and an argument") };
        span(before).end..span(last).end
    } else if quiet(name, arguments) > 0 {
        let at =
            1 + arguments.iter().skip(flags_at(name)).position(|word| word.1[0] == b'q').unwrap();
        let at = at + flags_at(name);
        span(&words[at - 1]).end..span(&words[at]).end
    } else {
        len as u32..len as u32
    };
    let keys = match name {
        b"get" | b"gets" => arguments.len() as u32,
        b"gat" | b"gats" => arguments.len() as u32 - 1,
        _ => u32::from(has_key),
    };
    let key = if has_key { span(&arguments[first_key]) } else { 0..0 };
    let meta = Meta {
        quiet: match (quiet(name, arguments), name) {
            (0, _) => Quiet::No,
            (_, b"mg") => Quiet::Misses,
            _ => Quiet::Successes,
        },
        encoded_key: is_encoded(name, arguments),
    };
    Ok(Progress::Done(Request::Routed(Routed {
        len,
        command,
        key,
        keys,
        omit,
        noreply: silent,
        meta,
    })))
}

/// The answer to a line that is not to be served.
fn refusal(name: &[u8], arguments: &[(usize, &[u8])], text: &[u8]) -> Option<&'static [u8]> {
    let words: Vec<&[u8]> = arguments.iter().map(|word| word.1).collect();
    let counts = match name {
        b"get" | b"gets" => 1..=usize::MAX,
        b"set" | b"add" | b"replace" | b"append" | b"prepend" => 4..=5,
        b"cas" => 5..=6,
        b"delete" => 1..=3,
        b"incr" | b"decr" | b"touch" => 2..=3,
        b"version" | b"quit" | b"mn" => 0..=usize::MAX,
        b"gat" | b"gats" => 2..=usize::MAX,
        b"mg" | b"md" | b"ma" | b"me" => 1..=usize::MAX,
        b"ms" => 2..=usize::MAX,
        b"flush_all" => 0..=2,
        b"stats" => 0..=1,
        b"verbosity" => 1..=2,
        b"cache_memlimit" | b"extstore" | b"lru" | b"lru_crawler" | b"misbehave"
        | b"refresh_certs" | b"shutdown" | b"slabs" | b"watch" => {
            return Some(encode::ADMINISTRATION);
        }
        _ => return Some(encode::ERROR),
    };
    if !counts.contains(&words.len()) {
        return Some(encode::ERROR);
    }
    let told = words.strip_suffix(&[&b"noreply"[..]]).unwrap_or(&words);
    if matches!(name, b"flush_all") && told.len() > 1
        || name == b"verbosity" && words.len() == 2 && words[1] != b"noreply"
    {
        return Some(encode::ERROR);
    }
    if text.iter().any(|byte| matches!(byte, b'\r' | b'\0')) {
        return Some(encode::STRAY_BYTE);
    }
    let keys = match name {
        b"get" | b"gets" => &words[..],
        b"version" | b"quit" | b"mn" | b"stats" | b"flush_all" | b"verbosity" => &[],
        b"gat" | b"gats" => &words[1..],
        _ => &words[..1],
    };
    if keys.iter().any(|key| key.len() > 250) {
        return Some(encode::KEY_TOO_LONG);
    }
    let length = match name {
        b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" => words[3],
        b"ms" => words[1],
        _ => b"",
    };
    if length.len() > 10 {
        return Some(encode::BAD_FORMAT);
    }
    let noreply = |at: usize| words.len() == at || words[at..] == [b"noreply"];
    let store = |words: &[&[u8]]| {
        number::<u64>(words[1], false).is_some() && number::<i64>(words[2], true).is_some()
    };
    let (fine, answer) = match name {
        b"set" | b"add" | b"replace" | b"append" | b"prepend" => {
            (store(&words) && noreply(4), encode::BAD_FORMAT)
        }
        b"cas" => (
            store(&words) && number::<u64>(words[4], false).is_some() && noreply(5),
            encode::BAD_FORMAT,
        ),
        b"delete" => (
            matches!(words[1..], [] | [b"0"] | [b"noreply"] | [b"0", b"noreply"]),
            encode::BAD_DELETE,
        ),
        b"incr" | b"decr" | b"touch" => {
            let digits = words[1].strip_prefix(b"-").unwrap_or(words[1]);
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                let touch = name == b"touch";
                (false, if touch { encode::BAD_EXPTIME } else { encode::BAD_DELTA })
            } else {
                (noreply(2), encode::BAD_FORMAT)
            }
        }
        b"gat" | b"gats" => (is_integer(words[0]), encode::BAD_EXPTIME),
        b"flush_all" => (told.iter().all(|word| is_integer(word)), encode::BAD_EXPTIME),
        b"verbosity" => (words[0].iter().all(u8::is_ascii_digit), encode::BAD_FORMAT),
        b"stats" => (
            matches!(words[..], [] | [b"items"] | [b"slabs"] | [b"sizes"] | [b"settings"]),
            encode::NO_SUCH_STATS,
        ),
        b"mg" | b"ms" | b"md" | b"ma" | b"me" if quiet(name, arguments) > 1 => {
            (false, encode::DUPLICATE_FLAG)
        }
        b"mg" | b"ms" | b"md" | b"ma" | b"me" if words.len() - flags_at(name) > 16 => {
            (false, encode::TOO_MANY_FLAGS)
        }
        b"ms"
            if !words[2..]
                .iter()
                .all(|flag| flag[0].is_ascii_digit() || (65..=122).contains(&flag[0])) =>
        {
            (false, encode::INVALID_FLAG)
        }
        b"mg" | b"ms" | b"md" | b"ma" | b"me" => {
            (!is_encoded(name, arguments) || is_base64(words[0]), encode::BAD_BASE64)
        }
        _ => (true, encode::ERROR),
    };
    (!fine).then_some(answer)
}

/// How many arguments of a meta command are no flags.
fn flags_at(name: &[u8]) -> usize {
    if name == b"ms" { 2 } else { 1 }
}

fn is_meta(name: &[u8]) -> bool {
    matches!(name, b"mg" | b"ms" | b"md" | b"ma" | b"me")
}

/// How many flags ask for quiet.
fn quiet(name: &[u8], arguments: &[(usize, &[u8])]) -> usize {
    if !is_meta(name) || name == b"me" {
        return 0;
    }
    arguments.iter().skip(flags_at(name)).filter(|word| word.1[0] == b'q').count()
}

fn is_encoded(name: &[u8], arguments: &[(usize, &[u8])]) -> bool {
    is_meta(name) && arguments.iter().skip(flags_at(name)).any(|word| word.1[0] == b'b')
}

fn is_base64(key: &[u8]) -> bool {
    let letters = key.strip_suffix(b"==").or(key.strip_suffix(b"=")).unwrap_or(key);
    let fine = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    key.len().is_multiple_of(4) && letters.iter().all(fine)
}

fn is_integer(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// The words of a line, each with its place.
fn words(text: &[u8]) -> Vec<(usize, &[u8])> {
    let mut at = 0;
    let mut words = Vec::new();
    for word in text.split(|&byte| byte == b' ') {
        if !word.is_empty() {
            words.push((at, word));
        }
        at += word.len() + 1;
    }
    words
}

fn number<T: std::str::FromStr>(text: &[u8], signed: bool) -> Option<T> {
    let text = std::str::from_utf8(text).ok()?;
    let sign = text.starts_with('+') || (text.starts_with('-') && !signed);
    if sign { None } else { text.parse().ok() }
}
