//! The statistics as those who watch the original read them: what it says and what the proxy says
//! after the same traffic, side by side.

mod consumers;
mod reading;
mod report;

use consumers::{CONSUMERS, nagios};
use report::{Node, shape};

use crate::harness::client::{Client, End};
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool, read_unix};
use crate::harness::servers::{MEMCACHED, REDIS, item};
use crate::harness::wire::{bulk, redis, set, value};
use crate::harness::{SOON, eventually};

/// A proxy with three pools: Redis, memcached, and one whose only server is dead.
struct Watched {
    proxy: Proxy,
    ports: [u16; 3],
}

/// The dead server's port is the same for all.
fn conf(ports: [u16; 3], dead: u16) -> String {
    let [one, two, three] = &*REDIS;
    let stores = [format!("{} one", one.item()), format!("{} two", two.item()), three.item()];
    let caches = [MEMCACHED[0].item(), MEMCACHED[1].item()];
    let eject = ["redis: true", "auto_eject_hosts: true", "server_retry_timeout: 600000"];
    pool("alpha", ports[0], &["redis: true", "hash: murmur"], &stores)
        + &pool("beta", ports[1], &[], &caches)
        + &pool("gamma", ports[2], &eject, &[format!("{} gone", item(dead))])
}

impl Watched {
    fn original(dead: u16) -> Self {
        let ports = [(); 3].map(|()| free_port());
        // The original hands its figures over so often.
        let args = ["-i", "20"];
        Self { proxy: Proxy::start_original_with(&conf(ports, dead), &ports, &args), ports }
    }

    fn ours(dead: u16) -> Self {
        let ports = [(); 3].map(|()| free_port());
        Self { proxy: Proxy::start(&conf(ports, dead)), ports }
    }

    fn report(&self) -> String {
        read_unix(&self.proxy.stats_socket())
    }

    /// The same requests and the same ways to leave for each. Returns the clients that stay.
    fn traffic(&self) -> Vec<Client> {
        let [mut store, mut cache, mut dead] = self.ports.map(Client::tcp);
        let keys: Vec<String> = (0..30).map(|n| format!("monitoring:{n}")).collect();
        for key in &keys {
            store.ask(redis(&["SET", key, key]), "+OK\r\n");
            store.ask(redis(&["GET", key]), bulk(key));
            cache.ask(set(key, key.as_bytes()), "STORED\r\n");
            cache.ask(format!("get {key}\r\n"), value(key, key.as_bytes()));
        }
        let mget: Vec<&str> = ["MGET"].into_iter().chain(keys.iter().map(|key| &**key)).collect();
        let values: Vec<u8> = keys.iter().flat_map(bulk).collect();
        store.ask(redis(&mget), [b"*30\r\n", &values[..]].concat());
        store.ask(redis(&["PING"]), "+PONG\r\n");
        store.send(redis(&["LPUSH", &keys[0], "not a list"]));
        assert!(store.line().starts_with("-WRONGTYPE"), "an error of the server's own");
        cache.ask("delete monitoring:none\r\n", "NOT_FOUND\r\n");
        for _ in 0..3 {
            dead.ask(redis(&["GET", "k"]), "-ERR Connection refused\r\n");
        }
        drop(Client::tcp(self.ports[0]));
        let mut quits = Client::tcp(self.ports[0]);
        quits.send(redis(&["QUIT"]));
        // The original says nothing to it.
        let (goodbye, end) = quits.listen(SOON);
        assert!(goodbye.is_empty() || goodbye == b"+OK\r\n", "{}", goodbye.escape_ascii());
        assert_eq!(end, End::Closed);
        let mut resets = Client::tcp(self.ports[1]);
        resets.ask("get monitoring:none\r\n", "END\r\n");
        resets.reset();
        vec![store, cache, dead]
    }
}

/// Figures of the two that are not the same at the same moment: times, and what the original does
/// not count.
fn is_of_the_moment(name: &str) -> bool {
    ["uptime", "timestamp", "fragments", "server_ejected_at"].iter().any(|each| name.contains(each))
}

#[test]
fn every_figure_and_every_byte_between_them_is_the_originals_after_the_same_traffic() {
    let dead = free_port();
    let (original, ours) = (Watched::original(dead), Watched::ours(dead));
    let before = [&original, &ours].map(Watched::report);
    assert_eq!(shape(&before[1]), shape(&before[0]), "before any traffic");
    let _clients = (original.traffic(), ours.traffic());
    let figures = |report: &str| -> Vec<(String, u64)> {
        let report = Node::read_all(report).unwrap_or_else(|error| panic!("{error}: {report}"));
        report.figures().into_iter().filter(|(name, _)| !is_of_the_moment(name)).collect()
    };
    // The original is late.
    let same = || figures(&ours.report()) == figures(&original.report());
    let came = eventually(same);
    let (theirs, report) = (original.report(), ours.report());
    assert!(came, "ours: {report}\ntheirs: {theirs}");
    assert_eq!(shape(&report), shape(&theirs), "keys, their order, separators, names, texts");

    // The figures that differ for a reason, and are numbers of the same kind all the same.
    let [theirs, report] = [&theirs, &report].map(|text| Node::read_all(text).expect("read"));
    let at = |report: &Node, path: &str| -> u64 {
        let node = path.split('/').try_fold(report, |node, key| node.get(key));
        node.and_then(Node::number).unwrap_or_else(|| panic!("{path} of {report:?}"))
    };
    for time in ["uptime", "timestamp"] {
        let apart = at(&report, time).abs_diff(at(&theirs, time));
        assert!(apart < SOON.as_secs(), "{time}, in seconds: {report:?} {theirs:?}");
    }
    let ejected = |report: &Node| at(report, "gamma/gone/server_ejected_at");
    assert!(ejected(&report).abs_diff(ejected(&theirs)) < SOON.as_micros() as u64, "microseconds");
    assert_eq!((at(&report, "alpha/fragments"), at(&theirs, "alpha/fragments")), (3, 0));

    // And what programs make of it.
    for (name, consumer) in CONSUMERS {
        let read = |text: &str| -> Vec<(String, u64)> {
            let figures = consumer(text).unwrap_or_else(|error| panic!("{name}: {error}: {text}"));
            figures.into_iter().filter(|(name, _)| !is_of_the_moment(name)).collect()
        };
        let (ours, theirs) = (read(&ours.report()), read(&original.report()));
        assert!(ours.len() > 60, "{name} finds its figures: {ours:?}");
        assert_eq!(ours, theirs, "{name}");
    }
    let trouble = [nagios(&before[0], &original.report()), nagios(&before[1], &ours.report())];
    assert_eq!(trouble, [Ok(vec!["gone".to_owned()]), Ok(vec!["gone".to_owned()])]);

    // So that none of this is for want of figures.
    for (path, least) in [
        ("alpha/one/requests", 3),
        ("alpha/two/response_bytes", 10),
        ("beta/client_err", 1),
        ("alpha/client_eof", 2),
        ("gamma/forward_error", 3),
        ("gamma/server_ejects", 1),
        ("gamma/gone/server_err", 2),
    ] {
        assert!(at(&report, path) >= least, "{path}: {report:?}");
    }
}
