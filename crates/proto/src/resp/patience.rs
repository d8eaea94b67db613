//! How long a blocking request may take, as it says itself.

use std::time::Duration;

use super::parts::Strings;
use crate::command::Patience;

/// How long a request may block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all: it is an ordinary request.
    Never,
    /// So long. Of a request that the server is going to refuse for what it says, not at all long.
    UpTo(Duration),
    /// Until there is something, however long that takes.
    Unbounded,
}

/// The longest wait that is told from an unbounded one: a hundred years.
const WAIT_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

impl Patience {
    /// What `frame`, a whole request whose row says this, asks for. One pass over its arguments.
    ///
    /// What is no time is the server's to refuse, at once.
    #[must_use]
    pub fn wait(self, frame: &[u8]) -> Wait {
        let mut arguments = Strings::new(frame).skip(1);
        match self {
            Self::First => seconds(arguments.next()),
            Self::Last => seconds(arguments.last()),
            Self::LastMillis => millis(arguments.last()),
            Self::BehindBlock => behind_block(arguments),
        }
    }
}

/// The options of `XREAD` and `XREADGROUP` before the streams, each with as many arguments as it has:
/// a group may be called `BLOCK`.
fn behind_block<'a>(mut arguments: impl Iterator<Item = &'a [u8]>) -> Wait {
    while let Some(word) = arguments.next() {
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        if is(b"block") {
            return millis(arguments.next());
        } else if is(b"streams") {
            break;
        } else if is(b"group") {
            arguments.next();
            arguments.next();
        } else if is(b"count") {
            arguments.next();
        }
    }
    Wait::Never
}

fn seconds(text: Option<&[u8]>) -> Wait {
    let number = text.and_then(|text| std::str::from_utf8(text).ok()?.parse::<f64>().ok());
    match number {
        Some(0.0) => Wait::Unbounded,
        number => up_to(number.and_then(|number| Duration::try_from_secs_f64(number).ok())),
    }
}

fn millis(text: Option<&[u8]>) -> Wait {
    match text.and_then(super::digits::whole_integer) {
        Some(0) => Wait::Unbounded,
        number => up_to(number.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis)),
    }
}

fn up_to(wait: Option<Duration>) -> Wait {
    Wait::UpTo(wait.unwrap_or_default().min(WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(patience: Patience, line: &str) -> Wait {
        let words: Vec<&str> = line.split(' ').collect();
        let mut frame = format!("*{}\r\n", words.len());
        for word in words {
            frame.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        patience.wait(frame.as_bytes())
    }

    #[test]
    fn each_command_says_where_its_patience_stands() {
        let ms = |ms| Wait::UpTo(Duration::from_millis(ms));
        for (patience, line, expected) in [
            (Patience::Last, "BLPOP a b 5", ms(5_000)),
            (Patience::Last, "BLPOP a 0.25", ms(250)),
            (Patience::Last, "BLPOP a 0", Wait::Unbounded),
            (Patience::Last, "BLPOP a 0.0", Wait::Unbounded),
            (Patience::First, "BLMPOP 1.5 1 a LEFT", ms(1_500)),
            (Patience::First, "BZMPOP 0 1 a MIN", Wait::Unbounded),
            (Patience::LastMillis, "WAIT 1 30", ms(30)),
            (Patience::LastMillis, "WAIT 1 0", Wait::Unbounded),
            (Patience::BehindBlock, "XREAD BLOCK 30 STREAMS s 0", ms(30)),
            (Patience::BehindBlock, "XREAD COUNT 2 block 0 STREAMS s 0", Wait::Unbounded),
            (Patience::BehindBlock, "XREAD COUNT 2 STREAMS s 0", Wait::Never),
            (Patience::BehindBlock, "XREAD STREAMS block 0", Wait::Never),
            (Patience::BehindBlock, "XREADGROUP GROUP block c STREAMS s >", Wait::Never),
            (Patience::BehindBlock, "XREADGROUP GROUP g c BLOCK 9 NOACK STREAMS s >", ms(9)),
        ] {
            assert_eq!(wait(patience, line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_no_time_does_not_wait_for_the_server_to_refuse_it() {
        for word in ["x", "", "-1", "-0.5", "nan", "inf", "1e300", "\u{ff11}"] {
            let line = format!("BLPOP a {word}");
            assert_eq!(wait(Patience::Last, &line), Wait::UpTo(Duration::ZERO), "{word:?}");
        }
        for word in ["x", "-1", "0.5", "9223372036854775808"] {
            let line = format!("XREAD BLOCK {word} STREAMS s 0");
            assert_eq!(wait(Patience::BehindBlock, &line), Wait::UpTo(Duration::ZERO), "{word:?}");
        }
        assert_eq!(wait(Patience::BehindBlock, "XREAD BLOCK"), Wait::UpTo(Duration::ZERO));
        assert_eq!(wait(Patience::Last, "BLPOP a 1e18"), Wait::UpTo(WAIT_MAX));
    }
}
