//! The two address formats: `listen` and the items of `servers`.
//!
//! Both are read from the right, as in the original: the last space, then the last colon, and so
//! on. So an IPv6 host needs no brackets (`::1:22121`), a host may hold colons and a name may not
//! hold a space.
//!
//! # A server's name
//! The ring, the statistics and the order of servers go by it, so it must be the original's to the
//! byte (`conf_add_server`):
//! - the name given after a space;
//! - else the bare host, if the port is 11211;
//! - else `host:port` as written, leading zeros of the port included;
//! - else, for a unix socket, the path with a colon behind it.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::fault::Fault;
use super::keys::number;
use super::limits;
use super::types::{Address, Listen, Server};
use crate::log::reason;
use crate::names;

/// A value that could be read, and what is odd about it.
pub(super) type Read<T> = Result<(T, Option<Fault>), Fault>;

/// Reads the value of `listen`, `host:port` or `/path [permissions]`, and resolves the host: this
/// may wait for the system's name resolution.
pub(super) fn listen(text: &str) -> Read<Listen> {
    if text.starts_with('/') { listen_unix(text) } else { listen_tcp(text) }
}

fn listen_tcp(text: &str) -> Read<Listen> {
    let (host, port) =
        text.rsplit_once(':').ok_or_else(|| Fault::ListenForm { found: text.to_owned() })?;
    let port = read_port(port).ok_or_else(|| Fault::ListenPort { found: port.to_owned() })?;
    let (addr, odd) = resolve(host, port)?;
    Ok((Listen::Tcp { host: host.to_owned(), port, addr, text: text.to_owned() }, odd))
}

fn resolve(host: &str, port: u16) -> Read<SocketAddr> {
    if host.is_empty() {
        return Err(Fault::ListenHostEmpty);
    }
    if host.starts_with('[') {
        return Err(Fault::ListenBrackets { host: host.to_owned() });
    }
    if let Some(fault) = impossible_ipv4(host) {
        return Err(fault);
    }
    let found = names::addresses(host, port)
        .map_err(|error| Fault::Unresolved { host: host.to_owned(), reason: reason(&error) })?;
    Ok((found[0], (host == names::ASTERISK).then_some(Fault::ListenAsterisk)))
}

/// What is wrong with `host` if it is four numbers with dots and yet no IPv4 address.
fn impossible_ipv4(host: &str) -> Option<Fault> {
    let numbers: Vec<&str> = host.split('.').collect();
    let all_digits = numbers
        .iter()
        .all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    if numbers.len() != 4 || !all_digits {
        return None;
    }
    let number = numbers.iter().find(|number| number.parse::<u8>().is_err())?;
    Some(Fault::ImpossibleIpv4 { host: host.to_owned(), number: (*number).to_owned() })
}

fn listen_unix(text: &str) -> Read<Listen> {
    let (path, permissions) = match text.rsplit_once(' ') {
        Some((path, permissions)) => (path, Some(permissions)),
        None => (text, None),
    };
    if path.len() > limits::UNIX_PATH_BYTES_MAX {
        return Err(Fault::UnixPathLong { bytes: path.len() });
    }
    let mode = read_mode(permissions.unwrap_or_default());
    if mode > limits::UNIX_MODE_MAX {
        return Err(Fault::UnixMode { found: permissions.unwrap_or_default().to_owned() });
    }
    let odd = permissions
        .filter(|found| !found.bytes().all(|byte| matches!(byte, b'0'..=b'7')))
        .map(|found| Fault::ModeIgnored { found: found.to_owned() });
    let mode = u32::try_from(mode).ok().filter(|&mode| mode > 0);
    Ok((Listen::Unix { path: PathBuf::from(path), mode, text: text.to_owned() }, odd))
}

/// Reads octal digits up to the first other character, as the C library's `strtol` does for the
/// original. A minus gives a number far too large, as it does there.
fn read_mode(text: &str) -> u64 {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = digits
        .bytes()
        .map_while(|byte| char::from(byte).to_digit(8))
        .fold(0, |value: u64, digit| value.saturating_mul(8).saturating_add(digit.into()));
    if negative && value > 0 { u64::MAX } else { value }
}

/// Reads an item of `servers`, `host:port:weight [name]` or `/path:weight [name]`.
pub(super) fn server(text: &str) -> Read<Server> {
    let form = || Fault::ServerForm { found: text.to_owned() };
    let (place, name) = match text.rsplit_once(' ') {
        Some((place, name)) => (place, Some(name)),
        None => (text, None),
    };
    let (place, weight_text) = place.rsplit_once(':').ok_or_else(form)?;
    let weight =
        number(weight_text).ok_or_else(|| Fault::ServerWeight { found: weight_text.to_owned() });

    let (address, unnamed, odd) = if place.starts_with('/') {
        if place.contains(':') {
            return Err(form());
        }
        (Address::Unix { path: PathBuf::from(place) }, format!("{place}:"), None)
    } else {
        let (host, port_text) = place.rsplit_once(':').ok_or_else(form)?;
        let port =
            read_port(port_text).ok_or_else(|| Fault::ServerPort { found: port_text.to_owned() });
        // The weight stands further right, but a wrong one is the original's first complaint.
        let port = weight.clone().and(port)?;
        let unnamed = if port == limits::UNNAMED_PORT { host } else { place };
        let address = Address::Tcp { host: host.to_owned(), port };
        (address, unnamed.to_owned(), impossible_ipv4(host))
    };
    let weight = weight?;
    if weight == 0 {
        return Err(Fault::ServerZeroWeight);
    }
    let name = name.map_or(unnamed, str::to_owned);
    Ok((Server { name, weight, address, text: text.to_owned() }, odd))
}

fn read_port(text: &str) -> Option<u16> {
    number(text).and_then(|port| u16::try_from(port).ok()).filter(|&port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_as_in_the_original() {
        for (text, name) in [
            ("127.0.0.1:6379:1", "127.0.0.1:6379"),
            ("127.0.0.1:06379:1", "127.0.0.1:06379"),
            ("127.0.0.1:11211:1", "127.0.0.1"),
            ("127.0.0.1:011211:1", "127.0.0.1"),
            ("127.0.0.1:11211:1 alpha", "alpha"),
            ("::1:17001:1", "::1:17001"),
            (":17001:1", ":17001"),
            ("/run/x.sock:1", "/run/x.sock:"),
            ("/run/x.sock:1 alpha", "alpha"),
            ("/run/x y.sock:1 alpha", "alpha"),
            ("cache.example:6379:1 //alpha", "//alpha"),
            ("127.0.0.1:6379:1 ", ""),
        ] {
            let (server, _) = server(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            assert_eq!(server.name, name, "{text}");
        }
    }

    #[test]
    fn a_wrong_server_is_told_by_its_first_wrong_part_from_the_right() {
        for (text, words) in [
            ("127.0.0.1", "'127.0.0.1' is no server"),
            ("127.0.0.1:6379", "'127.0.0.1:6379' is no server"),
            ("/run/x.sock", "'/run/x.sock' is no server"),
            ("/run/x:y.sock:1", "'/run/x:y.sock:1' is no server"),
            ("a:6379:1 two words", "'1 two' is not"),
            ("a:6379:x", "'x' is not"),
            ("a:6379:2147483648", "'2147483648' is not"),
            ("a:0:x", "'x' is not"),
            ("a:0:1", "'0' is not a valid port"),
            ("a::1", "'' is not a valid port"),
            ("a:65536:1", "'65536' is not a valid port"),
            ("a:6379:0", "cannot be zero"),
        ] {
            let fault = server(text).expect_err(text).to_string();
            assert!(fault.contains(words), "{text}: {fault}");
        }
    }

    #[test]
    fn a_unix_listener_takes_permissions_as_the_original_does() {
        for (text, path, mode) in [
            ("/run/x.sock", "/run/x.sock", None),
            ("/run/x.sock 0666", "/run/x.sock", Some(0o666)),
            ("/run/x.sock 777", "/run/x.sock", Some(0o777)),
            ("/run/x.sock 999", "/run/x.sock", None),
            ("/run/x.sock 69", "/run/x.sock", Some(0o6)),
            ("/run/x.sock +660", "/run/x.sock", Some(0o660)),
            ("/run/x.sock ", "/run/x.sock", None),
            ("/run/x y 600", "/run/x y", Some(0o600)),
        ] {
            let expected = Listen::Unix { path: PathBuf::from(path), mode, text: text.to_owned() };
            assert_eq!(listen(text).map(|(listen, _)| listen), Ok(expected), "{text}");
        }
        for text in ["/run/x 1777", "/run/x -1", "/run/x 77777777777777777777777777777"] {
            assert!(matches!(listen(text), Err(Fault::UnixMode { .. })), "{text}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_is_told_without_asking_a_name_server() {
        for (host, number) in [
            ("192.168.56.291", Some("291")),
            ("256.0.0.1", Some("256")),
            ("1.2.3.999", Some("999")),
            ("1.2.3.4", None),
            ("1.2.3", None),
            ("1.2.3.4.500", None),
            ("a.b.c.999", None),
            ("0.0.0.0", None),
        ] {
            let expected = number.map(|number| Fault::ImpossibleIpv4 {
                host: host.to_owned(),
                number: number.to_owned(),
            });
            assert_eq!(impossible_ipv4(host), expected, "{host}");
        }
    }
}
