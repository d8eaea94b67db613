//! What `nutcracker locate` says, held against servers that the original and the proxy have written
//! to.

use std::collections::HashMap;
use std::process::Command;

use crate::harness::client::Client;
use crate::harness::ports::free_port;
use crate::harness::proxy::{BINARY, Proxy, pool, text};
use crate::harness::scratch::Scratch;
use crate::harness::servers::{REDIS, Redis};
use crate::harness::wire::{bulk, redis};

/// Keys of each pool.
const KEYS: usize = 200;

fn keys(pool: &str) -> Vec<String> {
    (0..KEYS).map(|n| format!("located:{pool}:{{{}}}:{n}", n / 3)).collect()
}

/// Where the keys are, by what the tool says: the address of each.
fn located(conf: &str, pool: &str, keys: &[String]) -> HashMap<String, String> {
    let scratch = Scratch::new();
    let conf = scratch.write("nutcracker.yml", conf);
    let mut command = Command::new(BINARY);
    command.args(["locate", "-c", text(&conf), "--pool", pool]).args(keys);
    let output = command.output().expect("it can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("it writes text");
    lines
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            (fields[0].to_owned(), fields[3].to_owned())
        })
        .collect()
}

#[test]
fn a_key_is_on_the_server_where_locate_says_it_is() {
    let servers: Vec<String> = REDIS
        .iter()
        .zip([1, 2, 3])
        .map(|(server, weight)| format!("127.0.0.1:{}:{weight} s{weight}", server.port()))
        .collect();
    let pools: Vec<(String, u16)> = ["ketama", "modula"]
        .into_iter()
        .flat_map(|distribution| ["fnv1a_64", "crc16", "hsieh"].map(|hash| (distribution, hash)))
        .map(|(distribution, hash)| (format!("{distribution}-{hash}"), free_port()))
        .collect();
    let conf: String = pools
        .iter()
        .map(|(name, port)| {
            let (distribution, hash) = name.split_once('-').expect("of two parts");
            let lines = [format!("distribution: {distribution}"), format!("hash: {hash}")];
            let tag = r#"hash_tag: "{}""#;
            pool(name, port, &[&lines[0], &lines[1], "redis: true", tag], &servers)
        })
        .collect();
    let listens: Vec<u16> = pools.iter().map(|(_, port)| *port).collect();

    let _original = Proxy::start_original(&conf, &listens);
    for (name, port) in &pools {
        let keys = keys(name);
        let mut writer = Client::tcp(*port);
        let writes: Vec<u8> = keys.iter().flat_map(|key| redis(&["SET", key, "here"])).collect();
        writer.ask(writes, b"+OK\r\n".repeat(KEYS));

        let located = located(&conf, name, &keys);
        assert_eq!(located.len(), KEYS, "{name}");
        let mut found = 0;
        for server in REDIS.iter() {
            let address = format!("127.0.0.1:{}", server.port());
            let (mut asks, mut answers) = (Vec::new(), Vec::new());
            for key in &keys {
                let here = located[key] == address;
                found += usize::from(here);
                asks.extend(redis(&["GET", key]));
                answers.extend(if here { bulk("here") } else { b"$-1\r\n".to_vec() });
            }
            Redis::client(server).ask(asks, answers);
        }
        assert_eq!(found, KEYS, "{name}: each key is on one server");
    }
}
