//! Side by side with the original, in front of the same servers: what one of them wrote the other
//! one finds.

use nutcracker_ring::HashKind;

use crate::harness::client::Client;
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::{MEMCACHED, Memcached, REDIS, Redis};
use crate::harness::wire::{bulk, redis, set, value};

/// Keys each way, a pool.
const KEYS: usize = 100;

/// A pool of both proxies.
struct Pair {
    name: String,
    keys: Vec<String>,
    servers: Vec<String>,
    redis: bool,
    original: u16,
    ours: u16,
}

impl Pair {
    fn new(name: &str, keys: &[&str], servers: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            servers,
            redis: keys.contains(&"redis: true"),
            original: free_port(),
            ours: free_port(),
        }
    }

    fn conf(&self, listen: u16) -> String {
        let keys: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        pool(&self.name, listen, &keys, &self.servers)
    }

    /// A key of this pool alone. Every third has a hash tag, for pools that know one.
    fn key(&self, from: &str, n: usize) -> String {
        let name = &self.name;
        match n % 3 {
            0 => format!("placed:{name}:{{{n}}}:{from}"),
            1 => format!("placed:{name}:{n}:{from}:{}", "k".repeat(n % 40)),
            _ => format!("{n}{from}:placed:{name}"),
        }
    }

    /// Writes keys through one proxy and reads them through the other.
    fn cross(&self, from: &str, write: u16, read: u16) {
        let (mut writer, mut reader) = (Client::tcp(write), Client::tcp(read));
        let keys: Vec<String> = (0..KEYS).map(|n| self.key(from, n)).collect();
        let (mut writes, mut written, mut reads, mut found) = (vec![], vec![], vec![], vec![]);
        for key in &keys {
            let it = format!("value of {key}");
            if self.redis {
                writes.extend(redis(&["SET", key, &it]));
                written.extend(b"+OK\r\n");
                reads.extend(redis(&["GET", key]));
                found.extend(bulk(it));
            } else {
                writes.extend(set(key, it.as_bytes()));
                written.extend(b"STORED\r\n");
                reads.extend(format!("get {key}\r\n").bytes());
                found.extend(value(key, it.as_bytes()));
            }
        }
        writer.ask(writes, written);
        reader.ask(reads, found);
    }
}

#[test]
fn keys_written_through_the_original_are_found_through_the_proxy_and_the_other_way_round() {
    let bare: Vec<String> = REDIS.iter().map(Redis::item).collect();
    let caches: Vec<String> = MEMCACHED.iter().map(Memcached::item).collect();
    let named: Vec<String> = bare
        .iter()
        .zip(["one", "two", "three"])
        .map(|(item, name)| format!("{item} {name}"))
        .collect();
    let weighted: Vec<String> = REDIS
        .iter()
        .zip([5, 1, 3])
        .map(|(s, weight)| format!("127.0.0.1:{}:{weight}", s.port()))
        .collect();

    let mut pairs = Vec::new();
    for hash in HashKind::NAMES {
        for distribution in ["ketama", "modula"] {
            let keys = [&*format!("hash: {hash}"), &*format!("distribution: {distribution}")];
            let redis = [&keys[..], &["redis: true"]].concat();
            pairs.push(Pair::new(&format!("{hash}-{distribution}"), &redis, bare.clone()));
            if ["murmur", "crc32"].contains(&hash) {
                let name = format!("cache-{hash}-{distribution}");
                pairs.push(Pair::new(&name, &keys, caches.clone()));
            }
        }
    }
    for (name, servers) in [("tags", &bare), ("named", &named), ("weighted", &weighted)] {
        for distribution in ["ketama", "modula"] {
            let keys =
                [&*format!("distribution: {distribution}"), "redis: true", r#"hash_tag: "{}""#];
            let keys = if name == "tags" { &keys[..] } else { &keys[..2] };
            pairs.push(Pair::new(&format!("{name}-{distribution}"), keys, servers.clone()));
        }
    }

    let conf = |listen: fn(&Pair) -> u16| -> String {
        pairs.iter().map(|pair| pair.conf(listen(pair))).collect()
    };
    let listens: Vec<u16> = pairs.iter().map(|pair| pair.original).collect();
    let _original = Proxy::start_original(&conf(|pair| pair.original), &listens);
    let _ours = Proxy::start(&conf(|pair| pair.ours));
    let before: Vec<u64> = REDIS.iter().map(Redis::keys).collect();
    for pair in &pairs {
        pair.cross("theirs", pair.original, pair.ours);
        pair.cross("ours", pair.ours, pair.original);
    }
    for (server, before) in REDIS.iter().zip(before) {
        let share = server.keys() - before;
        assert!(share > 500, "the keys are spread: {} got {share} of them", server.item());
    }
}

#[test]
fn random_sends_requests_to_all_servers_alike_whatever_their_weights() {
    const REQUESTS: usize = 600;
    let listen = free_port();
    let servers: Vec<String> = REDIS
        .iter()
        .zip([1000, 1, 1])
        .map(|(server, weight)| format!("127.0.0.1:{}:{weight}", server.port()))
        .collect();
    let conf = pool("alpha", listen, &["redis: true", "distribution: random"], &servers);
    let proxy = Proxy::start(&conf);
    let mut client = Client::tcp(listen);
    let one = redis(&["STRLEN", "placed:random:none"]);
    client.ask(one.repeat(REQUESTS), ":0\r\n".repeat(REQUESTS));
    for server in &*REDIS {
        let share = proxy.figure(&format!("alpha/127.0.0.1:{}", server.port()), "requests");
        assert!(share > 100, "{share} of {REQUESTS} requests, with three servers");
    }
    // Each key of a request draws for itself.
    let keys: Vec<String> = (0..60).map(|n| format!("placed:random:{n}")).collect();
    let words: Vec<&str> = ["MGET"].into_iter().chain(keys.iter().map(|key| &**key)).collect();
    client.ask(redis(&words), format!("*60\r\n{}", "$-1\r\n".repeat(60)));
    assert_eq!(proxy.figure("alpha", "fragments"), 3);
}
