//! The figures of several servers, made into those of one.

use crate::gather::{GatherError, Piece};

use super::digits;
use super::response::last_line;
use crate::Outcome;

/// Makes one response of `responses`, each `STAT name value` lines and an `END`: a line for every
/// name, in the order in which the names are first seen.
///
/// What adds up is summed: whole numbers, and the seconds of `rusage_*`. Of the rest, and of all
/// settings (`stats settings`), `Rule` says what becomes. Quadratic in the names at worst, linear
/// when all servers tell the same ones in the same order; allocates a place a name.
///
/// # Errors
/// [`GatherError`] names the first fragment whose response is something else.
pub fn gather_stats(
    responses: &[&[u8]],
    mut emit: impl FnMut(Piece<'_>),
) -> Result<(), GatherError> {
    for (fragment, response) in responses.iter().enumerate() {
        check(fragment, response)?;
    }
    let settings = responses.iter().any(|response| response.starts_with(b"STAT maxbytes "));
    let mut figures: Vec<Figure<'_>> = Vec::new();
    for response in responses {
        // Where a name is likely to be: behind the one before it.
        let mut guess = 0;
        for (name, value) in lines(response) {
            let at = match figures.get(guess) {
                Some(figure) if figure.name == name => Some(guess),
                _ => figures.iter().position(|figure| figure.name == name),
            };
            match at {
                Some(at) => {
                    figures[at].add(value);
                    guess = at + 1;
                }
                None => {
                    let rule = if settings { Rule::First } else { Rule::of(name) };
                    figures.push(Figure { name, rule, value: Value::Told(value) });
                    guess = figures.len();
                }
            }
        }
    }
    for Figure { name, value, .. } in &figures {
        emit(Piece::Bytes(b"STAT "));
        emit(Piece::Bytes(name));
        emit(Piece::Bytes(b" "));
        match value {
            Value::Told(text) => emit(Piece::Bytes(text)),
            Value::Whole(number) => emit(Piece::Bytes(number.to_string().as_bytes())),
            Value::Micros(micros) => {
                let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
                emit(Piece::Bytes(text.as_bytes()));
            }
        }
        emit(Piece::Bytes(b"\r\n"));
    }
    emit(Piece::Bytes(b"END\r\n"));
    Ok(())
}

/// One figure of all servers.
struct Figure<'a> {
    name: &'a [u8],
    rule: Rule,
    value: Value<'a>,
}

/// What it is so far.
enum Value<'a> {
    /// What one server says.
    Told(&'a [u8]),
    /// A sum.
    Whole(u128),
    /// A sum of seconds with six decimals.
    Micros(u128),
}

impl<'a> Figure<'a> {
    /// Brings in what another server says. What is no number stays as the first server says it.
    fn add(&mut self, told: &'a [u8]) {
        let whole = |text: &[u8]| digits::unsigned(text).map(u128::from);
        let (so_far, more) = match self.value {
            Value::Told(text) => (whole(text), whole(told)),
            Value::Whole(sum) => (Some(sum), whole(told)),
            Value::Micros(sum) => {
                self.value = Value::Micros(sum + micros(told).unwrap_or(0));
                return;
            }
        };
        match (self.rule, so_far, more) {
            (Rule::First, ..) => {}
            (Rule::Sum, Some(sum), Some(more)) => self.value = Value::Whole(sum + more),
            (Rule::Most, Some(most), Some(more)) => self.value = Value::Whole(most.max(more)),
            (Rule::Least, Some(least), Some(more)) => self.value = Value::Whole(least.min(more)),
            (Rule::Sum, None, None) => {
                if let Value::Told(text) = self.value
                    && let (Some(sum), Some(more)) = (micros(text), micros(told))
                {
                    self.value = Value::Micros(sum + more);
                }
            }
            _ => {}
        }
    }
}

/// How figures of one name become one.
#[derive(Clone, Copy)]
enum Rule {
    /// Their sum: counters, sizes, limits of memory and of connections.
    Sum,
    /// The largest: an age, a size that is alike on all of them.
    Most,
    /// The least: `uptime`, so that a server that was started anew shows, and `accepting_conns`.
    Least,
    /// The first server's: what is one server's own (`pid`), or has no sense as a sum.
    First,
}

impl Rule {
    fn of(name: &[u8]) -> Self {
        // `items:3:age` and `3:chunk_size` are told a class.
        let last = name.rsplit(|&byte| byte == b':').next().unwrap_or(name);
        match last {
            b"pid" | b"version" | b"libevent" | b"pointer_size" => Self::First,
            b"uptime" | b"accepting_conns" => Self::Least,
            b"time"
            | b"age"
            | b"age_hot"
            | b"age_warm"
            | b"chunk_size"
            | b"chunks_per_page"
            | b"hash_power_level"
            | b"hash_is_expanding"
            | b"slab_reassign_running"
            | b"lru_crawler_running"
            | b"active_slabs" => Self::Most,
            _ => Self::Sum,
        }
    }
}

/// Seconds with six decimals, as microseconds.
fn micros(text: &[u8]) -> Option<u128> {
    let dot = text.iter().position(|&byte| byte == b'.')?;
    let (seconds, decimals) = (&text[..dot], &text[dot + 1..]);
    let decimals = Some(decimals).filter(|decimals| decimals.len() == 6)?;
    let seconds = u128::from(digits::unsigned(seconds)?);
    Some(seconds * 1_000_000 + u128::from(digits::unsigned(decimals)?))
}

/// The names and values of a response that [`check`] has let pass.
fn lines(response: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    response.split(|&byte| byte == b'\n').filter_map(|line| stat(line.strip_suffix(b"\r")?))
}

/// Name and value of a line, which is without its line end, when it is `STAT name [value]`.
pub(super) fn stat(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = line.strip_prefix(b"STAT ")?;
    if text.is_empty() || text[0] == b' ' || memchr::memchr2(b'\r', b'\0', text).is_some() {
        return None;
    }
    let end = memchr::memchr(b' ', text).unwrap_or(text.len());
    Some((&text[..end], text.get(end + 1..).unwrap_or_default()))
}

/// Whether `response`, which the parser has found to be one, is figures and an `END`.
fn check(fragment: usize, response: &[u8]) -> Result<(), GatherError> {
    let wrong = GatherError::WrongType { fragment };
    let mut rest = response;
    loop {
        let end = memchr::memchr(b'\n', rest).ok_or(wrong)?;
        let line = rest[..end].strip_suffix(b"\r").ok_or(wrong)?;
        rest = &rest[end + 1..];
        if stat(line).is_some() {
            continue;
        }
        return match last_line(line) {
            Some(Outcome::Fine) if rest.is_empty() => Ok(()),
            Some(Outcome::Error) if rest.is_empty() => Err(GatherError::Error { fragment }),
            _ => Err(wrong),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(responses: &[&str]) -> Result<String, GatherError> {
        let responses: Vec<_> = responses.iter().map(|text| text.as_bytes()).collect();
        let mut out = Vec::new();
        gather_stats(&responses, |piece| out.extend_from_slice(piece.bytes(&responses)))?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_adds_up_is_summed_and_the_rest_is_not() {
        let one = "STAT pid 11\r\nSTAT uptime 500\r\nSTAT time 1000\r\nSTAT version 1.6.18\r\n\
                   STAT pointer_size 64\r\nSTAT rusage_user 1.900000\r\nSTAT curr_items 7\r\n\
                   STAT limit_maxbytes 67108864\r\nSTAT hash_power_level 16\r\nEND\r\n";
        let other = "STAT pid 12\r\nSTAT uptime 90\r\nSTAT time 1001\r\nSTAT version 1.6.9\r\n\
                     STAT pointer_size 64\r\nSTAT rusage_user 0.100001\r\nSTAT curr_items 35\r\n\
                     STAT limit_maxbytes 67108864\r\nSTAT hash_power_level 18\r\nSTAT new 3\r\nEND\r\n";
        let merged = "STAT pid 11\r\nSTAT uptime 90\r\nSTAT time 1001\r\nSTAT version 1.6.18\r\n\
                      STAT pointer_size 64\r\nSTAT rusage_user 2.000001\r\nSTAT curr_items 42\r\n\
                      STAT limit_maxbytes 134217728\r\nSTAT hash_power_level 18\r\nSTAT new 3\r\nEND\r\n";
        assert_eq!(gather(&[one, other]), Ok(merged.to_owned()));
        assert_eq!(gather(&[one]), Ok(one.to_owned()));
    }

    #[test]
    fn classes_of_slabs_and_items_are_merged_by_name() {
        let one = "STAT items:1:number 1\r\nSTAT items:1:age 9\r\nEND\r\n";
        let other =
            "STAT items:3:number 2\r\nSTAT items:1:number 5\r\nSTAT items:1:age 4\r\nEND\r\n";
        let merged =
            "STAT items:1:number 6\r\nSTAT items:1:age 9\r\nSTAT items:3:number 2\r\nEND\r\n";
        assert_eq!(gather(&[one, other]), Ok(merged.to_owned()));
        let slabs = "STAT 1:chunk_size 96\r\nSTAT 1:used_chunks 4\r\nEND\r\n";
        let both = "STAT 1:chunk_size 96\r\nSTAT 1:used_chunks 8\r\nEND\r\n";
        assert_eq!(gather(&[slabs, slabs]), Ok(both.to_owned()));
        let sizes = "STAT sizes_status disabled\r\nEND\r\n";
        assert_eq!(gather(&[sizes, sizes]), Ok(sizes.to_owned()));
        assert_eq!(gather(&["END\r\n", "END\r\n"]), Ok("END\r\n".to_owned()));
    }

    #[test]
    fn settings_are_those_of_the_first_server() {
        let one = "STAT maxbytes 10\r\nSTAT tcpport 11211\r\nSTAT inter \r\nEND\r\n";
        let other = "STAT maxbytes 20\r\nSTAT tcpport 11212\r\nSTAT inter x\r\nEND\r\n";
        assert_eq!(gather(&[one, other]), Ok(one.to_owned()));
    }

    #[test]
    fn what_is_no_list_of_figures_is_named() {
        let fine = "STAT a 1\r\nEND\r\n";
        assert_eq!(gather(&[fine, "ERROR\r\n"]), Err(GatherError::Error { fragment: 1 }));
        for wrong in ["STORED\r\n", "STAT a 1\r\n", "END\r\nEND\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n"]
        {
            assert_eq!(
                gather(&[wrong, fine]),
                Err(GatherError::WrongType { fragment: 0 }),
                "{wrong}"
            );
        }
    }
}
