//! What of this machine matters to a configuration.

use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use crate::sys;

/// The machine's limits and settings; what could not be found out is `None`.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// How many clients the kernel keeps waiting at most, whatever `backlog` says.
    pub(super) waiting_max: Option<u32>,
    /// The ports that outgoing connections are given.
    pub(super) outgoing_ports: Option<RangeInclusive<u16>>,
    /// How many files a process may have open, once it has raised its limit.
    pub(super) open_files: Option<u64>,
    /// Processors that the process may use.
    pub(super) processors: Option<usize>,
    /// Whether everybody may read the configuration.
    pub(super) file_is_public: bool,
}

impl Machine {
    /// Asks this machine; the configuration is at `path`.
    pub(super) fn this(path: &Path) -> Self {
        let setting = |name: &str| fs::read_to_string(format!("/proc/sys/net/{name}")).ok();
        let mode = fs::metadata(path).map(|metadata| metadata.permissions().mode());
        Self {
            waiting_max: setting("core/somaxconn").and_then(|text| text.trim().parse().ok()),
            outgoing_ports: setting("ipv4/ip_local_port_range").and_then(|text| range(&text)),
            open_files: sys::open_files_limit().ok().map(|limit| limit.hard),
            processors: thread::available_parallelism().ok().map(usize::from),
            file_is_public: mode.is_ok_and(|mode| mode & 0o004 != 0),
        }
    }
}

/// Two numbers with white space between them.
fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut numbers = text.split_whitespace().map(str::parse);
    Some(numbers.next()?.ok()?..=numbers.next()?.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_ports_is_two_numbers() {
        assert_eq!(range("32768\t60999\n"), Some(32768..=60999));
        assert_eq!(range("32768\n"), None);
        assert_eq!(range("a b"), None);
    }
}
