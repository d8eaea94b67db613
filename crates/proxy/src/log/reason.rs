//! Why a call failed, in the words of `strerror`.

use std::io;

/// What the original's messages end in: the system's text for `error`, without the number and the
/// introduction that the standard library puts around it.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix(RESOLVER_PREFIX).unwrap_or(&text);
    match error.raw_os_error() {
        Some(code) => text.strip_suffix(&format!(" (os error {code})")).unwrap_or(text).to_owned(),
        None => text.to_owned(),
    }
}

/// What the standard library writes before the text of `gai_strerror`.
const RESOLVER_PREFIX: &str = "failed to lookup address information: ";

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::ToSocketAddrs;

    #[test]
    fn a_reason_is_the_systems_text_alone() {
        let missing = std::fs::File::open("/no/such/file").expect_err("there is none");
        assert_eq!(reason(&missing), "No such file or directory");
        assert_eq!(reason(&io::Error::other("of our own")), "of our own");
    }

    #[test]
    fn a_failed_resolution_is_the_resolvers_text_alone() {
        // An empty name is refused without asking anybody.
        let unknown = ("", 1).to_socket_addrs().expect_err("no host has no name");
        assert_eq!(reason(&unknown), "Name or service not known");
    }
}
