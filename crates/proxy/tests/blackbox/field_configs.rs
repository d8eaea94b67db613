//! The configurations that people published, run: those that are valid serve beside the original,
//! in front of the same servers; those that are not are refused before anything is opened.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::kernel;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, run, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{Memcached, Redis};
use crate::harness::wire::{bulk, redis, set, value};

/// Keys each way, a pool: ten servers get some each.
const KEYS: usize = 60;

fn published(file: &str) -> String {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/field-configs");
    fs::read_to_string(data.join(file)).expect("a published file")
}

/// A pool's servers run as long as this does.
enum Server {
    Redis(Redis),
    Memcached(Memcached),
}

impl Server {
    fn port(&self) -> u16 {
        match self {
            Self::Redis(server) => server.port(),
            Self::Memcached(server) => server.port(),
        }
    }
}

/// A pool of a copy: where it listens now, and which protocol it speaks.
struct Pool {
    listen: String,
    redis: bool,
}

impl Pool {
    fn client(&self) -> Client {
        match self.listen.strip_prefix("127.0.0.1:") {
            Some(port) => Client::tcp(port.parse().expect("a port")),
            None => Client::unix(Path::new(&self.listen)),
        }
    }

    fn listens(&self) -> bool {
        match self.listen.strip_prefix("127.0.0.1:") {
            Some(port) => kernel::listens(port.parse().expect("a port")),
            None => UnixStream::connect(&self.listen).is_ok(),
        }
    }

    /// Writes keys here and reads them through `other`.
    fn cross(&self, other: &Self, from: &str) {
        let (mut writer, mut reader) = (self.client(), other.client());
        for n in 0..KEYS {
            let (key, it) = (format!("{{{n}}}{from}:{n}"), format!("value {n} of {from}"));
            if self.redis {
                writer.ask(redis(&["SET", &key, &it]), "+OK\r\n");
                reader.ask(redis(&["GET", &key]), bulk(&it));
            } else {
                writer.ask(set(&key, it.as_bytes()), "STORED\r\n");
                reader.ask(format!("get {key}\r\n"), value(&key, it.as_bytes()));
            }
        }
    }
}

/// The file with the addresses of its listeners and servers replaced by some that this machine has,
/// timeouts by one that a busy machine keeps, and nothing else: comments, names, weights and spaces
/// stay. Starts a server for each address that
/// `servers` has none for yet.
fn copy(
    file: &str,
    scratch: &Scratch,
    servers: &mut BTreeMap<String, Server>,
) -> (String, Vec<Pool>) {
    let text_of = published(file);
    let (mut conf, mut pools) = (String::new(), Vec::<Pool>::new());
    for (at, line) in text_of.lines().enumerate() {
        let word = |after: &str| -> Option<String> {
            let rest = line.trim_start().strip_prefix(after)?;
            Some(rest.split_whitespace().next().expect("a value").to_owned())
        };
        let mut line = line.to_owned();
        if let Some(address) = word("listen:") {
            let listen = match address.starts_with('/') {
                true => text(&scratch.path(&format!("{}.sock", pools.len()))).to_owned(),
                false => format!("127.0.0.1:{}", free_port()),
            };
            // Keys of a pool come in any order, and the next pool begins at the margin.
            let rest = text_of.lines().skip(at).take_while(|line| line.starts_with([' ', '\t']));
            let redis = rest.map(str::trim_start).any(|line| {
                line.strip_prefix("redis:").is_some_and(|value| value.trim().starts_with("true"))
            });
            line = line.replace(&address, &listen);
            pools.push(Pool { listen, redis });
        } else if let Some(item) = word("- ") {
            let (address, _weight) = item.rsplit_once(':').expect("a weight");
            let redis = pools.last().expect("servers come last").redis;
            let server = servers.entry(address.to_owned()).or_insert_with(|| match redis {
                true => Server::Redis(Redis::start()),
                false => Server::Memcached(Memcached::start()),
            });
            line = line.replace(address, &format!("127.0.0.1:{}", server.port()));
        } else if let Some(timeout) = word("timeout:") {
            line = line.replacen(&timeout, "10000", 1);
        }
        conf += &format!("{line}\n");
    }
    (conf, pools)
}

#[test]
fn published_files_that_are_valid_serve_the_keys_that_they_serve_with_the_original() {
    for (file, pools) in [
        ("first-alpha.yml", 1),
        ("two-servers-indented.yml", 1),
        ("meetbill.yml", 1),
        ("five-pools.yml", 5),
    ] {
        let (theirs, ours) = (Scratch::new(), Scratch::new());
        let mut servers = BTreeMap::new();
        let (conf, originals) = copy(file, &theirs, &mut servers);
        assert_eq!(originals.len(), pools, "{file}");
        let _original = Proxy::start_original(&conf, &[]);
        assert!(eventually(|| originals.iter().all(Pool::listens)), "{file}: the original");
        let (conf, replacements) = copy(file, &ours, &mut servers);
        let proxy = Proxy::start(&conf);
        for (original, replacement) in originals.iter().zip(&replacements) {
            original.cross(replacement, "theirs");
            replacement.cross(original, "ours");
        }
        let log = proxy.log();
        let odd: Vec<&str> = log.lines().filter(|line| line.contains("failed")).collect();
        assert!(odd.is_empty(), "{file}: {odd:?}");
    }
}

#[test]
fn published_files_that_are_invalid_are_refused_with_reasons_before_anything_is_opened() {
    let scratch = Scratch::new();
    // Were the statistics opened, this would be told of.
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let stats = taken.local_addr().expect("it is bound").port().to_string();
    let (pid, log) = (scratch.path("pid"), scratch.path("log"));
    fs::write(&pid, "of another process").expect("a scratch file can be written");
    for (file, reasons) in [
        ("guide-two-pools-four-servers.yml", &[(":16:3: ", "write 'listen: 0.0.0.0:10000'")][..]),
        (
            "sxt-tabs-typo.yml",
            &[
                (":1:1: ", "use spaces"),
                (":2:11: ", "255 is the largest it can be"),
                (":3:9: ", "did you mean 'fnv1a_64'?"),
                (":5:26: ", "'#' does"),
                (":6:15: ", "'#' does"),
            ],
        ),
    ] {
        let conf = scratch.write(file, &published(file));
        let verdict =
            format!("nutcracker: configuration file '{}' syntax is invalid\n", text(&conf));
        let args = ["-c", text(&conf), "-a", "127.0.0.1", "-s", &stats, "-p", text(&pid)];
        for further in [&[][..], &["-o", text(&log)], &["-d", "-o", text(&log)], &["-d"]] {
            let _ = fs::remove_file(&log);
            let output = run(&[&args[..], further].concat());
            let said = String::from_utf8(output.stderr).expect("text");
            assert_eq!(output.status.code(), Some(1), "{file} {further:?}: {said}");
            assert!(said.ends_with(&verdict), "{file} {further:?}: {said}");
            let mut places = vec![("standard error", said)];
            if further.contains(&"-o") {
                places.push(("the log", fs::read_to_string(&log).expect("there is a log")));
            }
            for (place, said) in places {
                for (at, cure) in reasons {
                    let at = format!("{}{at}", text(&conf));
                    let told = said.lines().any(|line| line.contains(&at) && line.contains(cure));
                    assert!(told, "{file} {further:?}: no {at}...{cure} on {place}: {said}");
                }
                assert!(!said.contains("bind"), "{file} {further:?}: {said}");
            }
            let left = fs::read_to_string(&pid).expect("it stays");
            assert_eq!(left, "of another process", "{file} {further:?}");
        }
    }
}
