//! `nutcracker diff`: what changes, and which keys move.

use crate::{Said, Scratch, THREE, pool, run, run_with};

/// A pool on ketama with these further keys and servers.
fn conf(keys: &[&str], servers: &[&str]) -> String {
    pool("alpha", "127.0.0.1:22121", &[&["redis: true"], keys].concat(), servers)
}

fn diff(old: &str, new: &str) -> Said {
    let (old, new) = (Scratch::conf(old), Scratch::conf(new));
    run(&["diff", old.path(), new.path()])
}

/// What is said of two configurations that differ.
#[track_caller]
fn changes(old: &str, new: &str) -> String {
    diff(old, new).ended(1)
}

/// The share of keys that move to another server.
#[track_caller]
fn moved(out: &str) -> f64 {
    let (_, line) = out.split_once("\n  keys: ").unwrap_or_else(|| panic!("no keys: {out}"));
    if line.starts_with("none move") {
        return 0.0;
    }
    let (share, words) = line.split_once(" % ").expect("a share");
    assert!(words.starts_with("move to another server"), "{out}");
    share.parse().expect("a number")
}

#[test]
fn what_means_the_same_is_no_difference() {
    let old = conf(&["timeout: 400", "hash: fnv1a_64"], THREE);
    let backwards: Vec<&str> = THREE.iter().rev().copied().collect();
    let new = format!("# of another day\n\n{}", conf(&["timeout: \"0400\"  # ms"], &backwards));
    for (old, new) in [(&old, &old), (&old, &new), (&new, &old)] {
        assert_eq!(diff(old, new).ended(0), "", "{old}{new}");
    }
}

#[test]
fn every_option_that_differs_is_told_with_what_it_was() {
    let one = &["10.0.0.1:6379:1 one"][..];
    let with = |key: &str| pool("alpha", "127.0.0.1:22121", &["redis: true", key], one);
    let plain = pool("alpha", "127.0.0.1:22121", &["redis: true"], one);
    let cases = [
        ("hash: murmur", "hash: fnv1a_64 (default) -> murmur"),
        ("hash_tag: \"{}\"", "hash_tag: none (default) -> \"{}\""),
        ("distribution: modula", "distribution: ketama (default) -> modula"),
        ("timeout: 400", "timeout: none (default) -> 400 ms"),
        ("backlog: 1024", "backlog: 512 (default) -> 1024"),
        ("client_connections: 9", "client_connections: no limit (default) -> 9"),
        ("tcpkeepalive: true", "tcpkeepalive: false (default) -> true"),
        ("reuseport: true", "reuseport: false (default) -> true"),
        ("redis_auth: s3cret", "redis_auth: none -> a password"),
        ("redis_db: 3", "redis_db: 0 (default) -> 3"),
        ("databases: 64", "databases: 16 (default) -> 64"),
        ("commands: json.get 1", "commands: none (default) -> json.get 1"),
        ("preconnect: true", "preconnect: false (default) -> true"),
        ("auto_eject_hosts: true", "auto_eject_hosts: false (default) -> true"),
        ("server_connections: 4", "server_connections: 1 (default) -> 4"),
        ("server_retry_timeout: 5", "server_retry_timeout: 30000 ms (default) -> 5 ms"),
        ("server_failure_limit: 5", "server_failure_limit: 2 (default) -> 5"),
        ("connect_timeout: 250", "connect_timeout: none (default) -> 250 ms"),
        ("on_eject: fail", "on_eject: rehash (default) -> fail"),
        ("retries: 1", "retries: 1, if a connection ended (default) -> 1"),
        ("client_requests_max: 9", "client_requests_max: 128 (default) -> 9"),
        ("client_unsent_max: 64k", "client_unsent_max: 1048576 bytes (default) -> 65536 bytes"),
        ("server_queue_max: 1m", "server_queue_max: 67108864 bytes (default) -> 1048576 bytes"),
        ("allow_flush: true", "allow_flush: false (default) -> true"),
        ("meta_commands: false", "meta_commands: true (default) -> false"),
        ("multi_error: partial", "multi_error: fail (default) -> partial"),
        ("request_max: 1m", "request_max: the protocol's (default) -> 1048576 bytes"),
        ("response_max: 1m", "response_max: 1073741824 bytes (default) -> 1048576 bytes"),
        ("resolve_interval: 0", "resolve_interval: 10000 ms (default) -> never"),
        ("pinned_connections_max: 0", "pinned_connections_max: 1000 (default) -> 0"),
    ];
    for (key, line) in cases {
        let out = changes(&plain, &with(key));
        assert!(
            out.starts_with("pool 'alpha'\n") && out.contains(&format!("\n  {line}\n")),
            "{out}"
        );
        let (name, values) = line.split_once(": ").expect("a key");
        let (before, after) = values.split_once(" -> ").expect("two values");
        let back = changes(&with(key), &plain);
        assert!(back.contains(&format!("\n  {name}: {after} -> {before}\n")), "{back}");
    }
    // A key that is new to the program has a row in the tool, and a case here.
    let message = run(&["-t", "-c", Scratch::conf(&with("x: y")).path()]).err;
    let (_, keys) = message.split_once("the keys are ").expect("a list of keys");
    for key in keys.lines().next().expect("a line").trim_end_matches(')').split(", ") {
        let told = ["listen", "redis", "servers"].contains(&key)
            || cases.iter().any(|(case, _)| case.split(':').next() == Some(key));
        assert!(told, "no case for '{key}'");
    }
    let out = changes(&plain, &plain.replace("22121", "22122").replace("true", "false"));
    assert!(out.contains("  listen: 127.0.0.1:22121 -> 127.0.0.1:22122\n"), "{out}");
    assert!(out.contains("  redis: true -> false\n"), "{out}");
    let global = "global:\n  workers: auto\n  turn_pause: 0\n  busy_poll: 50\n  memory_max: 1g\n"
        .to_owned()
        + &plain;
    let out = changes(&plain, &global);
    let lines = "global\n  workers: 1 (default) -> auto\n  busy_poll: never (default) -> 50 microseconds\n  turn_pause: 120 microseconds (default) -> never\n  memory_max: auto (default) -> 1073741824 bytes\n";
    assert_eq!(out, lines);
}

#[test]
fn passwords_are_never_shown() {
    let (one, other) = (conf(&["redis_auth: s3cret"], THREE), conf(&["redis_auth: h1dden"], THREE));
    let none = conf(&[], THREE);
    for (old, new, line) in [
        (&none, &one, "redis_auth: none -> a password"),
        (&one, &other, "redis_auth: a password -> another one"),
        (&one, &none, "redis_auth: a password -> none"),
    ] {
        let out = changes(old, new);
        assert!(out.contains(line), "{out}");
        assert!(!out.contains("s3cret") && !out.contains("h1dden"), "{out}");
    }
}

#[test]
fn pools_are_told_apart_by_name_and_then_by_where_they_listen() {
    let server = &["10.0.0.1:6379:1 one"][..];
    let at = |name: &str, port: u16| pool(name, &format!("127.0.0.1:{port}"), &[], server);
    let (old, new) = (at("a", 22121) + &at("b", 22122), at("c", 22122) + &at("d", 22123));
    assert_eq!(
        changes(&old, &new),
        "pool 'a' removed: listens on 127.0.0.1:22121, 1 server\n\
         pool 'b' renamed: 'c'\n  \
           keys: none move (exact, by all 2^32 values of fnv1a_64)\n\
         pool 'd' added: listens on 127.0.0.1:22123, 1 server\n"
    );
    // One that takes another's place is told by its name all the same.
    let swapped = at("a", 22122) + &at("b", 22121);
    let out = changes(&old, &swapped);
    assert!(out.contains("pool 'a'\n  listen: 127.0.0.1:22121 -> 127.0.0.1:22122\n"), "{out}");
}

#[test]
fn servers_are_told_apart_by_name_and_then_by_address() {
    let new = ["10.0.0.1:6379:2 one", "10.0.0.9:6379:1 two", "10.0.0.3:6379:1 drei", "d:1:7"];
    let out = changes(&conf(&[], THREE), &conf(&[], &new));
    for line in [
        "server 'one' weight: 1 -> 2",
        "server 'two' address: 10.0.0.2:6379 -> 10.0.0.9:6379",
        "server 'three' renamed: 'drei'",
        "server 'd:1' added: d:1, weight 7",
    ] {
        assert!(out.contains(&format!("\n  {line}\n")), "{out}");
    }
    let out = changes(&conf(&[], &new), &conf(&[], &new[..3]));
    assert!(out.contains("\n  server 'd:1' removed: d:1, weight 7\n"), "{out}");
}

#[test]
fn a_server_more_under_ketama_moves_about_its_share_and_only_to_it() {
    let servers: Vec<String> = (1..=10).map(|n| format!("10.0.0.{n}:6379:1 s{n}")).collect();
    let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
    for count in [2, 4, 9] {
        let (old, new) = (&servers[..count], &servers[..=count]);
        let out = changes(&conf(&[], old), &conf(&[], new));
        let share = moved(&out);
        let due = 100.0 / (count + 1) as f64;
        assert!((share - due).abs() < due * 0.25, "{share} % of {due} %: {out}");
        assert!(out.contains("(exact, by all 2^32 values of fnv1a_64)"), "{out}");
        let moves: Vec<&str> = out.lines().filter(|line| line.contains(" -> ")).collect();
        let target = format!(" -> s{}", count + 1);
        assert_eq!(moves.len(), count, "{out}");
        assert!(moves.iter().all(|line| line.ends_with(&target)), "{out}");
        // And back again: as much, the other way.
        let back = changes(&conf(&[], new), &conf(&[], old));
        assert!((moved(&back) - share).abs() < 0.001, "{back}");
    }
}

#[test]
fn a_server_more_under_modula_moves_most_keys() {
    let keys = &["distribution: modula"][..];
    // In the pool's order: "one", "two", and "three" behind them. Of the hashes 0 to 5 the slots are
    // 0 1 0 1 0 1 before and 0 1 2 0 1 2 after.
    let out = changes(&conf(keys, &THREE[..2]), &conf(keys, THREE));
    assert_eq!(moved(&out), 66.67, "{out}");
    for line in ["16.67 %  one -> two", "16.67 %  one -> three", "16.67 %  two -> one"] {
        assert!(out.contains(line), "{out}");
    }
    assert!(out.contains("(exact, by all 2^32 values of fnv1a_64)"), "{out}");
    // So many slots that their common multiple is beyond the hash.
    let weights = |weight: u32| vec![format!("a:1:{weight} a"), "b:1:1999999 b".to_owned()];
    let (old, new) = (weights(2_000_001), weights(2_000_003));
    let lines = |servers: &[String]| -> String {
        conf(keys, &servers.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let out = changes(&lines(&old), &lines(&new));
    assert!(out.contains("(exact, by all"), "{out}");
    // 1073 rounds, each two slots further off than the one before, and the server changes twice a
    // round: 2 * 2 * (1 + ... + 1073) values of 2^32.
    assert_eq!(moved(&out), 0.05, "{out}");
    // A hash that changes along is another matter.
    let out = changes(&conf(keys, THREE), &conf(&["distribution: modula", "hash: md5"], THREE));
    assert!(out.contains("(measured on 100000 keys, key:0 to key:99999)"), "{out}");
    assert!((moved(&out) - 66.67).abs() < 1.0, "{out}");
}

#[test]
fn exact_and_measured_movement_agree() {
    let old = conf(&["hash: md5"], THREE);
    let new = conf(&["hash: md5"], &[THREE, &["10.0.0.4:6379:2 four"]].concat());
    let exact = moved(&changes(&old, &new));
    let keys: String = (0..200_000).map(|n| format!("k{n}\n")).collect();
    let (old, new) = (Scratch::conf(&old), Scratch::conf(&new));
    let out = run_with(&["diff", "--keys", "-", old.path(), new.path()], keys.as_bytes()).ended(1);
    assert!(out.contains("(measured on the keys on standard input: 200000)"), "{out}");
    // Four times the standard deviation of two fifths of so many draws.
    assert!((moved(&out) - exact).abs() < 0.44, "{exact} %, {out}");
}

#[test]
fn a_key_moves_when_the_address_of_its_server_changes() {
    let renamed = ["10.0.0.1:6379:1 one", "10.0.0.2:6379:1 two", "10.0.0.3:6379:1 drei"];
    // Another name is another place on the ring: keys move to and from it, but not all of its own.
    let out = changes(&conf(&[], THREE), &conf(&[], &renamed));
    let share = moved(&out);
    assert!(share > 20.0 && share < 50.0, "{out}");
    // Names that say what servers are called anyway change nothing.
    let bare = ["10.0.0.1:6379:1", "10.0.0.2:11211:1"];
    let named = ["10.0.0.1:6379:1 10.0.0.1:6379", "10.0.0.2:11211:1 10.0.0.2"];
    assert_eq!(diff(&conf(&[], &bare), &conf(&[], &named)).ended(0), "");
    // With another address under the same name the ring stays, and the data has to go along.
    let moved_out = ["10.0.0.1:6379:1 one", "10.0.0.2:6379:1 two", "10.9.9.9:6379:1 three"];
    let out = changes(&conf(&[], THREE), &conf(&[], &moved_out));
    assert!(!out.contains("move to another server"), "{out}");
    assert!(out.contains(" % stay with a server whose address changes"), "{out}");
    assert!(out.contains("three: 10.0.0.3:6379 -> 10.9.9.9:6379\n"), "{out}");
}

#[test]
fn what_cannot_be_known_is_said() {
    let random = conf(&["distribution: random"], THREE);
    let out = changes(&conf(&[], THREE), &random);
    assert!(
        out.contains("keys: random draws a server for each request; no key has a place"),
        "{out}"
    );
    let out = changes(&conf(&[], THREE), &conf(&["hash_tag: \"{}\""], THREE));
    assert!(out.contains("keys: none move (measured on 100000 keys"), "{out}");
    assert!(out.contains("measure with your own (--keys FILE)"), "{out}");
    let out = changes(&conf(&[], THREE), &conf(&["redis_db: 1"], THREE));
    assert!(out.contains("keys: none is found, as another database is asked"), "{out}");
    let keys = Scratch::new("keys", "a{1}\nb{1}\nc{1}\nd{1}\n");
    let (old, new) = (conf(&[], THREE), conf(&["hash_tag: \"{}\""], THREE));
    let (old, new) = (Scratch::conf(&old), Scratch::conf(&new));
    let out = run(&["diff", "--keys", keys.path(), old.path(), new.path()]).ended(1);
    assert!(moved(&out) > 0.0, "{out}");
    assert!(!out.contains("--keys FILE"), "{out}");
}

#[test]
fn many_pairs_of_servers_are_summed_up_unless_all_are_wanted() {
    let servers: Vec<String> = (1..=9).map(|n| format!("10.0.0.{n}:6379:1 s{n}")).collect();
    let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
    let keys = &["distribution: modula"][..];
    let (old, new) =
        (Scratch::conf(&conf(keys, &servers[..8])), Scratch::conf(&conf(keys, &servers)));
    let pairs = |out: &str| -> Vec<f64> {
        let shares = out.lines().filter(|line| line.starts_with("    "));
        shares.map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect()
    };
    let short = run(&["diff", old.path(), new.path()]).ended(1);
    let long = run(&["diff", "--all", old.path(), new.path()]).ended(1);
    assert_eq!((pairs(&short).len(), pairs(&long).len()), (21, 64), "{short}{long}");
    assert!(short.contains("  44 more pairs of servers (--all lists them)\n"), "{short}");
    for out in [&short, &long] {
        let sum: f64 = pairs(out).iter().sum();
        assert!((sum - moved(out)).abs() < 0.5, "{sum}: {out}");
    }
}
