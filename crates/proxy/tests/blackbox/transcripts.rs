//! The original's recorded dialogues, held against the proxy byte by byte. Where the proxy answers
//! otherwise, `differences.jsonl` says what, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::harness::client::{Client, End};
use crate::harness::peer::{Does, Peer};
use crate::harness::ports::free_port;
use crate::harness::proxy::{Proxy, pool};
use crate::harness::servers::{Memcached, Redis, item};
use crate::harness::wire::{redis, shown};
use crate::harness::{SOON, ms};

const REDIS: &str = include_str!("../data/transcripts/redis.jsonl");
const REDIS_YML: &str = include_str!("../data/transcripts/redis.yml");
const MEMCACHED: &str = include_str!("../data/transcripts/memcached.jsonl");
const MEMCACHED_YML: &str = include_str!("../data/transcripts/memcached.yml");
const REPLIES: &str = include_str!("../data/transcripts/replies.jsonl");
const DIFFERENCES: &str = include_str!("../data/transcripts/differences.jsonl");
const REASONS: &str = include_str!("../data/transcripts/reasons.json");

/// Between two writes of a case.
const PAUSE: Duration = ms(40);

/// How long to see whether anything follows what was expected.
const SILENCE: Duration = ms(12);

/// The same where nothing is expected at all: as long as an answer could take.
const LONG_SILENCE: Duration = ms(60);

/// What came, or should: bytes, and whether the connection closed after them.
#[derive(Clone, PartialEq, Eq)]
struct Outcome {
    output: Vec<u8>,
    closed: bool,
}

impl Outcome {
    fn recorded(row: &Value) -> Self {
        let closed = row["closed"].as_bool().expect("each row has it");
        Self { output: segments(&row["output"]), closed }
    }

    fn shown(&self) -> String {
        let end = if self.closed { "closed" } else { "open" };
        format!("\"{}\" {end}", shown(&self.output))
    }
}

#[test]
fn every_recorded_dialogue_with_redis_is_the_same_or_a_known_difference() {
    let servers = [(); 3].map(|()| Redis::start());
    let guarded = Redis::start_on(free_port(), &["--requirepass", "s3cret"]);
    let peers = Peers::start();
    let ports: Vec<(u16, u16)> = std::iter::zip(17201.., servers.iter().map(Redis::port))
        .chain([(17204, guarded.port())])
        .chain(peers.ports())
        .collect();
    let (conf, listens) = with_ports(REDIS_YML, &ports);

    let mut cleaners: Vec<Client> = servers.iter().map(Redis::client).collect();
    cleaners.push(guarded.client());
    cleaners[3].ask(redis(&["AUTH", "s3cret"]), "+OK\r\n");
    let clean = [redis(&["FLUSHALL"]), redis(&["SCRIPT", "FLUSH"])].concat();

    let mut proxy = Proxy::start(&conf);
    let mut findings = Findings::new("redis");
    for row in rows(REDIS) {
        cleaners.iter_mut().for_each(|cleaner| cleaner.ask(&clean, "+OK\r\n+OK\r\n"));
        let pool = row["pool"].as_str().expect("each row has it");
        if pool.contains("eject") {
            // It begins with all servers in the ring.
            drop(proxy);
            proxy = Proxy::start(&conf);
        }
        let expected = findings.expected(&row);
        let got = hold_dialogue(listens[pool], &row, &expected);
        findings.compare(&row, &expected, &got);
        assert!(proxy.runs(), "the proxy died of {}", row["name"]);
    }
    findings.conclude();
}

#[test]
fn every_recorded_dialogue_with_memcached_is_the_same_or_a_known_difference() {
    let (one, two) = (free_port(), free_port());
    let start = || [Memcached::start_on(one, &[]), Memcached::start_on(two, &[])];
    let peers = Peers::start();
    let ports: Vec<_> = [(17211, one), (17212, two)].into_iter().chain(peers.ports()).collect();
    let (conf, listens) = with_ports(MEMCACHED_YML, &ports);

    let mut servers = start();
    let mut proxy = Proxy::start(&conf);
    let mut findings = Findings::new("memcached");
    for row in rows(MEMCACHED) {
        let input = row["input"].to_string();
        if row["pool"] == "eject" {
            drop(proxy);
            proxy = Proxy::start(&conf);
        }
        if ["gets", "cas"].iter().any(|word| input.contains(word)) {
            // Its answers show numbers that count from the server's start.
            drop((servers, proxy));
            servers = start();
            proxy = Proxy::start(&conf);
        } else {
            for server in &servers {
                Client::tcp(server.port()).ask("flush_all\r\n", "OK\r\n");
            }
        }
        let expected = findings.expected(&row);
        let listen = listens[row["pool"].as_str().expect("each row has it")];
        let got = hold_dialogue(listen, &row, &expected);
        findings.compare(&row, &expected, &got);
        assert!(proxy.runs(), "the proxy died of {}", row["name"]);
    }
    findings.conclude();
}

#[test]
fn every_recorded_reply_of_a_server_is_relayed_the_same_or_a_known_difference() {
    let listen = free_port();
    let mut findings = Findings::new("replies");
    for row in rows(REPLIES) {
        let server = Peer::start(Does::Say(segments(&row["backend_reply"])));
        let protocol = format!("redis: {}", row["proto"] == "redis");
        let keys = ["timeout: 150", &protocol];
        let mut proxy = Proxy::start(&pool("alpha", listen, &keys, &[item(server.port())]));
        let expected = findings.expected(&row);
        let got = hold_dialogue(listen, &row, &expected);
        findings.compare(&row, &expected, &got);
        let heard = server.heard().concat();
        findings.compare_heard(&row, &heard);
        assert!(proxy.runs(), "the proxy died of {}", row["name"]);
    }
    findings.conclude();
}

#[test]
fn every_reason_to_differ_is_given_by_some_difference() {
    let reasons: BTreeMap<String, String> = serde_json::from_str(REASONS).expect("JSON");
    let differences = rows(DIFFERENCES);
    let given: BTreeSet<&str> =
        differences.iter().map(|row| row["why"].as_str().expect("each row has it")).collect();
    assert_eq!(given, reasons.keys().map(String::as_str).collect());
}

/// The servers that are none.
struct Peers {
    nobody: u16,
    silent: Peer,
    closes: Peer,
    resets: Peer,
    full: Peer,
}

impl Peers {
    fn start() -> Self {
        let full = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n";
        Self {
            nobody: free_port(),
            silent: Peer::start(Does::Nothing),
            closes: Peer::start(Does::Close),
            resets: Peer::start(Does::Reset),
            full: Peer::start(Does::Say(full.to_vec())),
        }
    }

    /// By the ports of the recording.
    fn ports(&self) -> [(u16, u16); 5] {
        let Self { nobody, silent, closes, resets, full } = self;
        [
            (17290, *nobody),
            (17291, silent.port()),
            (17292, closes.port()),
            (17293, resets.port()),
            (17294, full.port()),
        ]
    }
}

/// The configuration of the recording on the ports of here, and where each pool listens. A server
/// without a name of its own gets the one it had: what it is called decides the order of servers.
fn with_ports(conf: &str, servers: &[(u16, u16)]) -> (String, BTreeMap<String, u16>) {
    let mut text = String::new();
    let mut listens = BTreeMap::new();
    let mut pool = "";
    for line in conf.lines() {
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            pool = name;
        }
        if line.trim_start().starts_with("listen: ") {
            let port = free_port();
            listens.insert(pool.to_owned(), port);
            text += &format!("  listen: 127.0.0.1:{port}\n");
            continue;
        }
        let Some(server) = line.trim_start().strip_prefix("- 127.0.0.1:") else {
            text += line;
            text += "\n";
            continue;
        };
        let (address, name) = match server.split_once(' ') {
            Some((address, name)) => (address, name.to_owned()),
            None => (server, format!("127.0.0.1:{}", &server[..5])),
        };
        let recorded: u16 = address[..5].parse().expect("a port of five digits");
        let known = servers.iter().find(|(port, _)| *port == recorded);
        let (_, port) = known.unwrap_or_else(|| panic!("no server for {recorded}"));
        text += &format!("   - 127.0.0.1:{port}:1 {name}\n");
    }
    (text, listens)
}

/// Plays a case's client. Waits no longer than it takes to see that the `expected` comes, and
/// nothing else.
fn hold_dialogue(port: u16, row: &Value, expected: &Outcome) -> Outcome {
    let mut client = Client::tcp(port);
    // A second thread sends, so that neither side waits for the other to read.
    let mut sender = client.again();
    let row = row.clone();
    let writes = thread::spawn(move || {
        for (n, write) in row["input"].as_array().expect("a list").iter().enumerate() {
            if n > 0 {
                thread::sleep(PAUSE);
            }
            // The proxy may have closed already: that is for the case to say.
            if sender.try_send(segments(write)).is_err() {
                return;
            }
        }
        if row["half_close"] == true {
            sender.half_close();
        }
    });
    let mut output = client.receive(expected.output.len());
    writes.join().expect("sending does not panic");
    let silence = match expected {
        Outcome { closed: true, .. } => SOON,
        Outcome { output, .. } if output.is_empty() => LONG_SILENCE,
        Outcome { .. } => SILENCE,
    };
    let (more, end) = client.listen(silence);
    output.extend(more);
    Outcome { output, closed: end == End::Closed }
}

/// What was found to be otherwise than it should.
struct Findings {
    file: &'static str,
    differences: BTreeMap<String, Value>,
    wrong: Vec<String>,
}

impl Findings {
    fn new(file: &'static str) -> Self {
        let of_file = format!("{file}/");
        let differences = rows(DIFFERENCES)
            .into_iter()
            .filter_map(|row| {
                let name = row["case"].as_str()?.strip_prefix(&of_file)?.to_owned();
                Some((name, row))
            })
            .collect();
        Self { file, differences, wrong: Vec::new() }
    }

    /// What the proxy should do in this case.
    fn expected(&self, row: &Value) -> Outcome {
        Outcome::recorded(self.differences.get(name(row)).unwrap_or(row))
    }

    fn compare(&mut self, row: &Value, expected: &Outcome, got: &Outcome) {
        let recorded = Outcome::recorded(row);
        let differs = self.differences.get(name(row));
        if differs.is_some_and(|differs| differs["backend_received"].is_null())
            && *expected == recorded
        {
            self.wrong.push(format!("{}: a difference that is none", name(row)));
        }
        let loosely = row["match"].as_str().or_else(|| differs?["match"].as_str());
        let same = match loosely {
            Some("prefix") => {
                got.output.starts_with(&expected.output) && got.closed == expected.closed
            }
            _ => got == expected,
        };
        if !same {
            let (got, expected) = (got.shown(), expected.shown());
            self.wrong.push(format!("{}:\n  {got}, not\n  {expected}", name(row)));
        }
    }

    /// The same for what the server was sent.
    fn compare_heard(&mut self, row: &Value, heard: &[u8]) {
        let differs = self.differences.get(name(row)).map(|row| &row["backend_received"]);
        let expected = differs.filter(|heard| !heard.is_null()).unwrap_or(&row["backend_received"]);
        let expected = segments(expected);
        if heard != expected {
            let (heard, expected) = (shown(heard), shown(&expected));
            self.wrong.push(format!("{}: sent\n  \"{heard}\", not\n  \"{expected}\"", name(row)));
        }
    }

    fn conclude(self) {
        let (count, all) = (self.wrong.len(), self.wrong.join("\n"));
        assert!(self.wrong.is_empty(), "{count} cases of {} are wrong:\n{all}", self.file);
    }
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn name(row: &Value) -> &str {
    row["name"].as_str().expect("each row has it")
}

/// Bytes as the recording writes them. `input` of a reply is a list of writes of segments, and all
/// else a list of segments: nesting does not matter.
fn segments(value: &Value) -> Vec<u8> {
    let byte = |c: char| u8::try_from(u32::from(c)).expect("a character is a byte");
    match value {
        Value::String(text) => text.chars().map(byte).collect(),
        Value::Array(list) => match &list[..] {
            [Value::String(one), Value::Number(count)] => {
                let count = count.as_u64().expect("a count") as usize;
                one.chars().map(byte).collect::<Vec<_>>().repeat(count)
            }
            list => list.iter().flat_map(segments).collect(),
        },
        other => panic!("not bytes: {other}"),
    }
}
