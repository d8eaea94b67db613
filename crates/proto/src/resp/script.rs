//! Requests that carry a script, or its digest, and the answer of a server that does not know it.

use super::encode;
use super::parts::Strings;

/// What a request says of a script: the first argument of `EVAL` and `EVALSHA`.
#[must_use]
pub fn script_argument(frame: &[u8]) -> Option<&[u8]> {
    Strings::new(frame).nth(1)
}

/// The script that a `SCRIPT LOAD` gives to the servers: the last of its arguments.
#[must_use]
pub fn loaded_script(frame: &[u8]) -> Option<&[u8]> {
    Strings::new(frame).last()
}

/// Writes the request in `frame`, which names a script by its digest, with the script itself in the
/// digest's place: `EVALSHA` becomes `EVAL`, and `EVALSHA_RO` `EVAL_RO`. Copies it.
pub fn with_script(frame: &[u8], script: &[u8], out: &mut Vec<u8>) {
    let mut strings = Strings::new(frame);
    let count = strings.clone().count();
    let name = strings.next().unwrap_or_default();
    let name: &[u8] = if name.len() == "EVALSHA".len() { b"EVAL" } else { b"EVAL_RO" };
    strings.next();
    encode::head(count as u64, name, out);
    encode::string(script, out);
    out.extend_from_slice(&frame[strings.at()..]);
}

/// Whether `response` says that the server does not know the script of that digest: nothing was run.
#[must_use]
pub fn is_unknown_script(response: &[u8]) -> bool {
    response.starts_with(b"-NOSCRIPT ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_takes_the_place_of_its_digest() {
        for (name, becomes) in [("EVALSHA", "$4\r\nEVAL"), ("evalsha_ro", "$7\r\nEVAL_RO")] {
            let head = format!("*5\r\n${}\r\n{name}\r\n", name.len());
            let rest = "$1\r\n1\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n";
            let frame = format!("{head}$3\r\nabc\r\n{rest}");
            assert_eq!(script_argument(frame.as_bytes()), Some(&b"abc"[..]));
            let mut out = Vec::new();
            with_script(frame.as_bytes(), b"return 1", &mut out);
            let expected = format!("*5\r\n{becomes}\r\n$8\r\nreturn 1\r\n{rest}");
            assert_eq!(out, expected.as_bytes(), "{name}");
        }
    }

    #[test]
    fn the_script_to_load_is_the_last_argument() {
        let frame = b"*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$8\r\nreturn 1\r\n";
        assert_eq!(loaded_script(frame), Some(&b"return 1"[..]));
    }

    #[test]
    fn only_the_servers_own_word_says_that_it_knows_no_such_script() {
        assert!(is_unknown_script(b"-NOSCRIPT No matching script. Please use EVAL.\r\n"));
        for other in [&b"-ERR NOSCRIPT\r\n"[..], b"+NOSCRIPT x\r\n", b"$8\r\nNOSCRIPT\r\n"] {
            assert!(!is_unknown_script(other), "{}", other.escape_ascii());
        }
    }
}
