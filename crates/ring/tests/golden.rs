//! Replays what was recorded from the original; `data/README.md` says what that is.

use std::collections::HashMap;

use nutcracker_ring::{
    DistributionKind, HashKind, HashTag, Placement, Ring, RingBuilder, RingServer,
};
use serde_json::Value;

#[test]
fn every_recorded_hash_is_reproduced() {
    let rows = lines(include_str!("data/hashes.jsonl"));
    for hash in HashKind::NAMES {
        assert!(rows.iter().filter(|row| row["hash"] == hash).count() >= 84, "rows of {hash}");
    }
    for row in &rows {
        let hash: HashKind = text(&row["hash"]).parse().unwrap();
        let key = bytes(&row["key"]);
        assert_eq!(u64::from(hash.hash(&key)), row["value"].as_u64().unwrap(), "{row}");
    }
}

#[test]
fn every_recorded_placement_is_reproduced() {
    let keys = key_sets();
    let lists = server_lists();
    let mut builders = HashMap::new();
    let mut placed = 0;

    for row in lines(include_str!("data/placements.jsonl")) {
        let distribution: DistributionKind = text(&row["distribution"]).parse().unwrap();
        let list = &lists[text(&row["servers"])];
        let ejected = row["ejected"].as_array().unwrap();
        let live: Vec<bool> =
            list.written.iter().map(|at| !ejected.contains(&(*at).into())).collect();
        let placement = Placement {
            hash: text(&row["hash"]).parse().unwrap(),
            tag: row["hash_tag"].as_str().map(|tag| HashTag::from_bytes(tag.as_bytes()).unwrap()),
        };
        // One builder a list, so that rows with ejected servers come from a builder in use.
        let builder = builders
            .entry((text(&row["servers"]).to_owned(), distribution))
            .or_insert_with(|| RingBuilder::new(distribution, &list.servers));
        let ring = builder.build(&live);
        placed += compare(&row, &list.written, &placement, &ring, &keys[text(&row["keys"])]);
    }
    assert_eq!(placed, 175_640, "the number of recorded placements");
}

#[test]
fn odd_rings_place_their_keys_as_recorded() {
    for row in lines(include_str!("data/rings.jsonl")) {
        let servers = row["servers"].as_array().unwrap().iter();
        let list = List::sorted(servers.map(|server| {
            RingServer::new(text(&server[0]), server[1].as_u64().unwrap().try_into().unwrap())
        }));
        let placement = Placement { hash: text(&row["hash"]).parse().unwrap(), tag: None };
        let distribution = text(&row["distribution"]).parse().unwrap();
        let ring = Ring::new(distribution, &list.servers, &vec![true; list.servers.len()]);
        let keys: Vec<_> = row["keys"].as_array().unwrap().iter().map(bytes).collect();
        compare(&row, &list.written, &placement, &ring, &keys);
    }
}

/// Asserts that each key goes to its recorded owner; says how many keys that were.
fn compare(
    row: &Value,
    written: &[usize],
    placement: &Placement,
    ring: &Ring,
    keys: &[Vec<u8>],
) -> usize {
    let owners = text(&row["owners"]);
    assert_eq!(owners.len(), keys.len(), "{row}");
    for (key, owner) in keys.iter().zip(owners.bytes()) {
        let server = placement.route(ring, key, || unreachable!("no recorded pool is random"));
        let found = written[server.expect("a live server")];
        assert_eq!(
            char::from(ALPHABET[found]),
            char::from(owner),
            "key '{}' of {}",
            key.escape_ascii(),
            describe(row)
        );
    }
    keys.len()
}

/// A row without its keys and owners, which fill a screen.
fn describe(row: &Value) -> Value {
    let mut row = row.clone();
    row.as_object_mut().unwrap().retain(|name, _| name != "owners" && name != "keys");
    row
}

/// A pool's servers in the original's order.
struct List {
    servers: Vec<RingServer>,
    /// For each of them, its index in the list as it was written.
    written: Vec<usize>,
}

impl List {
    fn sorted(servers: impl Iterator<Item = RingServer>) -> Self {
        let mut numbered: Vec<_> = servers.enumerate().collect();
        numbered.sort_by(|(_, a), (_, b)| a.order(b));
        let (written, servers) = numbered.into_iter().unzip();
        Self { servers, written }
    }
}

fn server_lists() -> HashMap<String, List> {
    let mut lists = HashMap::new();
    for row in lines(include_str!("data/server_lists.jsonl")) {
        let servers = row["servers"].as_array().unwrap().iter();
        let list = List::sorted(servers.map(|server| server_from_line(text(server))));
        lists.insert(text(&row["id"]).to_owned(), list);
    }
    lists
}

/// A server from `host:port:weight` with an optional name after a space.
fn server_from_line(line: &str) -> RingServer {
    let (address, name) = match line.split_once(' ') {
        Some((address, name)) => (address, Some(name)),
        None => (line, None),
    };
    let (address, weight) = address.rsplit_once(':').unwrap();
    let (host, port) = address.rsplit_once(':').unwrap();
    let name = name.map_or_else(|| RingServer::default_name(host, port), str::to_owned);
    RingServer::new(name, weight.parse().unwrap())
}

fn key_sets() -> HashMap<String, Vec<Vec<u8>>> {
    let mut sets: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
    for row in lines(include_str!("data/keys.jsonl")) {
        let set = sets.entry(text(&row["set"]).to_owned()).or_default();
        assert_eq!(row["i"], set.len(), "keys are in order");
        set.push(bytes(&row["key"]));
    }
    sets
}

fn lines(file: &str) -> Vec<Value> {
    file.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a string, not {value}"))
}

/// The bytes of a string that holds one byte a character.
fn bytes(value: &Value) -> Vec<u8> {
    text(value).chars().map(|byte| u8::try_from(byte).unwrap()).collect()
}

const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
