//! Where and with what it was measured.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde::{Deserialize, Serialize};

use super::options::Binaries;
use crate::proc;

/// The machine, as the kernel describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) cpu: String,
    /// How many cores the bench may use.
    pub(crate) cores: usize,
    /// The kernel's release.
    pub(crate) kernel: String,
    /// The core that the proxy under test had to itself.
    pub(crate) proxy_core: Option<usize>,
}

impl Machine {
    /// Looks at this one, once its cores are dealt out. What it does not tell stays empty.
    pub(crate) fn look(proxy_core: Option<usize>) -> Self {
        let line = |file| fs::read_to_string(file).unwrap_or_default();
        let cpu = line("/proc/cpuinfo")
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map_or_else(String::new, |name| name.trim_start_matches([' ', '\t', ':']).to_owned());
        // The cores left to this process, and the one left to the proxy.
        let own = thread::available_parallelism().map_or(1, usize::from);
        let cores = own + usize::from(proxy_core.is_some());
        let kernel = line("/proc/sys/kernel/osrelease").trim().to_owned();
        Self { cpu, cores, kernel, proxy_core }
    }
}

/// A program that took part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Version {
    /// What it is called.
    pub(crate) program: String,
    /// What it says of itself.
    pub(crate) version: String,
}

/// Asks the programs that others wrote which version they are. One that does not tell is left out.
pub(crate) fn versions(binaries: &Binaries) -> Vec<Version> {
    let found = |program| proc::find(program, "").ok();
    let programs = [
        ("twemproxy", Some(binaries.original.clone()), "-V"),
        ("HAProxy", Some(binaries.haproxy.clone()), "-v"),
        ("predixy", binaries.predixy.clone(), "--version"),
        ("Redis", found("redis-server"), "--version"),
        ("memcached", found("memcached"), "--version"),
    ];
    programs
        .into_iter()
        .filter_map(|(name, program, flag)| {
            let version = ask(&program?, flag)?;
            Some(Version { program: name.to_owned(), version })
        })
        .collect()
}

fn ask(program: &Path, flag: &str) -> Option<String> {
    let output = Command::new(program).arg(flag).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    version_in(&String::from_utf8_lossy(&text)).map(str::to_owned)
}

/// The first run of digits and dots that holds a dot between digits.
fn version_in(text: &str) -> Option<&str> {
    text.split(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .map(|run| run.trim_matches('.'))
        .find(|run| run.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        let cases = [
            ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0", Some("7.0.15")),
            ("memcached 1.6.18\n", Some("1.6.18")),
            ("HAProxy version 2.6.12-1+deb12u1 2023/12/16 - https://haproxy.org/", Some("2.6.12")),
            ("This is nutcracker-0.5.0\n", Some("0.5.0")),
            ("a program. It has 2 words", None),
        ];
        for (text, version) in cases {
            assert_eq!(version_in(text), version, "{text}");
        }
    }

    #[test]
    fn the_machine_has_a_core_and_a_kernel() {
        let machine = Machine::look(None);
        assert!(machine.cores > 0 && !machine.kernel.is_empty(), "{machine:?}");
    }
}
