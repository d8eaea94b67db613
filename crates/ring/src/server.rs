//! A server as the ring sees it: its name, its weight, its place among the others.

use std::cmp::Ordering;

/// One server of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingServer {
    /// The string that a ketama ring hashes, and that orders the servers of a pool: the name the
    /// operator gave, or else [`default_name`](Self::default_name).
    pub name: String,
    /// Its share of the keys, relative to the other servers' weights. At least 1 in the
    /// original; here a server of weight 0 is treated as one that is not live.
    pub weight: u32,
}

impl RingServer {
    /// A server with the name that the operator gave it.
    pub fn new(name: impl Into<String>, weight: u32) -> Self {
        Self { name: name.into(), weight }
    }

    /// The name of a server that the operator gave none: `host:port`, the port as it was written,
    /// or just `host` when the port is 11211, memcached's own.
    ///
    /// The original compares the number but prints the text (`conf_add_server`): port `11211` and
    /// port `011211` both vanish, port `06379` keeps its zero. A unix socket is a host without a
    /// port and so keeps the colon: `/run/x.sock:`.
    ///
    /// ```
    /// use nutcracker_ring::RingServer;
    /// assert_eq!(RingServer::default_name("10.0.0.1", "6379"), "10.0.0.1:6379");
    /// assert_eq!(RingServer::default_name("10.0.0.1", "11211"), "10.0.0.1");
    /// assert_eq!(RingServer::default_name("/run/x.sock", ""), "/run/x.sock:");
    /// ```
    #[must_use]
    pub fn default_name(host: &str, port: &str) -> String {
        if port.trim_start_matches('0') == "11211" {
            return host.to_owned();
        }
        format!("{host}:{port}")
    }

    /// How the original sorts the servers of a pool: by [`name_order`]. Made for `sort_by`.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        name_order(&self.name, &other.name)
    }
}

/// The original's order of names (`string_compare`): a shorter name comes first, names of equal
/// length compare by unsigned bytes. It sorts the servers of a pool, and the pools.
///
/// ```
/// use nutcracker_ring::name_order;
/// let mut names = ["zeta", "b", "10.0.0.10", "10.0.0.9", "a"];
/// names.sort_by(|a, b| name_order(a, b));
/// assert_eq!(names, ["a", "b", "zeta", "10.0.0.9", "10.0.0.10"]);
/// ```
#[must_use]
pub fn name_order(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.as_bytes().cmp(b.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_name_drops_only_the_port_of_memcached() {
        for (host, port, name) in [
            ("10.0.0.1", "6379", "10.0.0.1:6379"),
            ("10.0.0.1", "11211", "10.0.0.1"),
            ("10.0.0.1", "0011211", "10.0.0.1"),
            ("10.0.0.1", "06379", "10.0.0.1:06379"),
            ("10.0.0.1", "1121", "10.0.0.1:1121"),
            ("10.0.0.1", "112110", "10.0.0.1:112110"),
            ("::1", "17001", "::1:17001"),
            ("::1", "11211", "::1"),
            ("/run/x.sock", "", "/run/x.sock:"),
        ] {
            assert_eq!(RingServer::default_name(host, port), name, "{host} and {port}");
        }
    }

    #[test]
    fn names_sort_by_length_and_then_by_unsigned_bytes() {
        let sorted = ["", "A", "Z", "a", "z", "aa", "az", "\u{e9}", "aaa", "server"];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(name_order(a, b), i.cmp(&j), "'{a}' and '{b}'");
            }
        }
    }
}
