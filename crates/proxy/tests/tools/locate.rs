//! `nutcracker locate`: the place of every key that was recorded from the original, and a stream
//! that ends when its reader does.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use serde_json::Value;

use crate::{BINARY, Scratch, THREE, pool, run, run_command, run_with, start};

/// The fields of each line, without the line of their names.
fn rows(out: &str) -> Vec<Vec<&str>> {
    let mut lines = out.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().expect("a line that names the fields");
    assert_eq!(head, ["key", "pool", "server", "address", "hash", "spot", "hashed"]);
    lines.inspect(|row| assert_eq!(row.len(), 7, "{row:?}")).collect()
}

#[test]
fn every_recorded_key_is_where_the_original_sent_it() {
    let lists: HashMap<String, Vec<String>> = recorded("server_lists.jsonl")
        .iter()
        .map(|row| {
            let servers = row["servers"].as_array().expect("a list");
            (text(&row["id"]).to_owned(), servers.iter().map(|s| text(s).to_owned()).collect())
        })
        .collect();
    let mut keys: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
    for row in recorded("keys.jsonl") {
        let key = text(&row["key"]).chars().map(|c| u8::try_from(c).expect("a byte")).collect();
        keys.entry(text(&row["set"]).to_owned()).or_default().push(key);
    }
    let pools: Vec<Value> = recorded("placements.jsonl")
        .into_iter()
        .filter(|row| row["ejected"].as_array().is_some_and(Vec::is_empty))
        .collect();

    let mut located = 0;
    for (set, keys) in &keys {
        let pools: Vec<&Value> = pools.iter().filter(|row| row["keys"] == **set).collect();
        let conf: String =
            pools.iter().enumerate().map(|(n, row)| conf_of(n, row, &lists)).collect();
        let conf = Scratch::conf(&conf);
        // What no line of a file can hold is given as an argument, and what neither can is left out.
        let (lines, words): (Vec<_>, Vec<_>) = keys.iter().partition(|key| !key.contains(&b'\n'));
        let words: Vec<_> = words.into_iter().filter(|key| !key.contains(&0)).collect();
        let mut command = Command::new(BINARY);
        command.args(["locate", "-c", conf.path(), "-", "--"]);
        command.args(words.iter().map(|key| OsStr::from_bytes(key)));
        let input: Vec<u8> = lines.iter().flat_map(|key| [key, &b"\n"[..]].concat()).collect();
        let out = run_command(&mut command, &input).fine();

        let keys_in_order: Vec<&Vec<u8>> = lines.into_iter().chain(words).collect();
        let index_of: HashMap<&Vec<u8>, usize> =
            keys.iter().enumerate().map(|(at, key)| (key, at)).collect();
        let rows = rows(&out);
        assert_eq!(rows.len(), keys_in_order.len() * pools.len());
        for (key, rows) in keys_in_order.iter().zip(rows.chunks(pools.len())) {
            for row in rows {
                let number: usize =
                    row[1].strip_prefix('p').expect("a pool").parse().expect("its number");
                let pool = pools[number];
                let owner = text(&pool["owners"]).as_bytes()[index_of[key]];
                let at = ALPHABET.iter().position(|c| *c == owner).expect("an owner");
                let item = &lists[text(&pool["servers"])][at];
                assert_eq!(row[3], address_of(item), "'{}' in {row:?}", key.escape_ascii());
                located += 1;
            }
        }
    }
    assert!(located > 165_000, "{located} placements of 166008; a few keys fit neither way");
}

const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The pool of a recorded row.
fn conf_of(number: usize, row: &Value, lists: &HashMap<String, Vec<String>>) -> String {
    let mut keys = vec![
        format!("hash: {}", text(&row["hash"])),
        format!("distribution: {}", text(&row["distribution"])),
        format!("redis: {}", row["proto"] == "redis"),
    ];
    if let Some(tag) = row["hash_tag"].as_str() {
        keys.push(format!("hash_tag: \"{tag}\""));
    }
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let servers: Vec<&str> = lists[text(&row["servers"])].iter().map(String::as_str).collect();
    pool(&format!("p{number}"), &format!("/run/p{number}"), &keys, &servers)
}

/// `host:port` of `host:port:weight name`.
fn address_of(item: &str) -> &str {
    let place = item.split(' ').next().expect("an item");
    place.rsplit_once(':').expect("a weight").0
}

fn recorded(file: &str) -> Vec<Value> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ring/tests/data");
    let text = std::fs::read_to_string(data.join(file)).expect("the recording");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn a_line_says_what_was_hashed_and_what_decided() {
    let conf = pool("ketama", "/run/k", &["hash_tag: \"{}\""], THREE)
        + &pool("modula", "/run/m", &["distribution: modula", "hash: crc32a"], THREE)
        + &pool("random", "/run/r", &["distribution: random"], THREE);
    let conf = Scratch::conf(&conf);
    let out = run(&["locate", "-c", conf.path(), "user:{42}:name", "{42}", "42"]).fine();
    let rows = rows(&out);
    assert_eq!(rows.len(), 9, "three pools and three keys: {out}");
    // Pools of names of equal length are in the order of their letters.
    let [ketama, modula, random] = [&rows[0], &rows[1], &rows[2]];
    assert_eq!(ketama[..2], ["user:{42}:name", "ketama"]);
    assert_eq!((ketama[4], ketama[6]), ("3031536163", "42"), "{ketama:?}");
    assert_eq!(modula[6], "user:{42}:name");
    let hash: u32 = modula[4].parse().expect("a number");
    assert_eq!(modula[5], format!("slot {} of 3", hash % 3));
    let servers = ["one", "two", "three"];
    // In the pool's order, which is by length and then by letters: one, two, three.
    assert_eq!(modula[2], servers[(hash % 3) as usize]);
    assert_eq!(random[1..], ["random", "(any)", "(any)", "-", "drawn of 3", "-"]);
    // One tag, one place; and the point is one that lies at or behind the hash.
    assert!(rows[3][2..] == ketama[2..] && rows[6][2..] == ketama[2..], "{out}");
    let point: u32 = ketama[5].strip_prefix("point ").expect("a point").parse().expect("a number");
    assert!(point >= 3031536163, "{out}");
    let only = run(&["locate", "-c", conf.path(), "--pool", "modula", "user:{42}:name"]).fine();
    assert_eq!(only.lines().nth(1), out.lines().nth(2));
}

#[test]
fn keys_come_from_standard_input_where_none_is_given_and_where_a_dash_stands() {
    let conf = Scratch::conf(&pool("a", "/run/a", &[], THREE));
    let keys =
        |out: String| -> Vec<String> { rows(&out).iter().map(|row| row[0].to_owned()).collect() };
    let input = b"x\n\na\tb\\\xff\nlast";
    let escaped = ["x", "", "a\\tb\\\\\\xff", "last"];
    assert_eq!(keys(run_with(&["locate", "-c", conf.path()], input).fine()), escaped);
    let out = run_with(&["locate", "k", "-", "l", "-c", conf.path()], input).fine();
    assert_eq!(keys(out), [&["k"], &escaped[..], &["l"]].concat());
    // Behind two dashes, what begins with one is a key.
    assert_eq!(keys(run(&["locate", "-c", conf.path(), "--", "-x"]).fine()), ["-x"]);
    assert_eq!(keys(run(&["locate", "-c", conf.path()]).fine()), [""; 0]);
}

#[test]
fn many_keys_stream_through_little_memory() {
    const KEYS: u32 = 300_000;
    let conf = Scratch::conf(&pool("a", "/run/a", &[], THREE));
    let mut child = start(Command::new(BINARY).args(["locate", "-c", conf.path()]));
    let mut stdin = child.stdin.take().expect("it is piped");
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let (look, looked_at) = mpsc::channel::<()>();
    let writer = thread::spawn(move || {
        // In lumps, so that the other side is not woken for each line.
        for lump in (0..KEYS).collect::<Vec<_>>().chunks(1000) {
            let lines: String = lump.iter().map(|n| format!("user:{n}:session\n")).collect();
            stdin.write_all(lines.as_bytes()).expect("it reads");
        }
        // It stays open until the other side has been looked at.
        let _ = looked_at.recv();
    });
    stdout.next().expect("the names of the fields").expect("text");
    let mut bytes = 0;
    // The last lines stay in its buffer until standard input ends.
    for n in 0..KEYS - 10_000 {
        let row = stdout.next().expect("a line for each key").expect("text");
        assert!(row.starts_with(&format!("user:{n}:session\ta\t")), "{row}");
        bytes += row.len();
    }
    let resident = resident_bytes(child.id());
    drop(look);
    assert_eq!(stdout.by_ref().count(), 10_000);
    writer.join().expect("all keys are written");
    assert!(child.wait().expect("it is our child").success());
    assert!(bytes > 20_000_000, "{bytes}");
    assert!(resident < 15_000_000, "{resident} bytes after {bytes} bytes of output");
}

fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux");
    let kilobytes: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("one");
    kilobytes * 1024
}

#[test]
fn a_reader_that_goes_away_ends_it_without_a_word() {
    let conf = Scratch::conf(&pool("a", "/run/a", &[], THREE));
    let mut child = start(Command::new(BINARY).args(["locate", "-c", conf.path()]));
    let mut stdin = child.stdin.take().expect("it is piped");
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let writer = thread::spawn(move || {
        // More than a pipe and the buffers hold; it ends when nobody reads any more.
        while stdin.write_all(b"key\n".repeat(10_000).as_slice()).is_ok() {}
    });
    let mut head = String::new();
    stdout.read_line(&mut head).expect("text");
    assert!(head.starts_with("key\t"), "{head}");
    drop(stdout);
    let output = child.wait_with_output().expect("it is our child");
    writer.join().expect("it ends when the pipe breaks");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
