//! Every trap of `nutcracker check`: a configuration that has it, and one like it that has not.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::{Scratch, THREE, pool, run};

/// One trap and two configurations.
struct Case {
    trap: &'static str,
    /// Has the trap, in this line.
    has: String,
    line: usize,
    /// Has it not.
    lacks: String,
}

/// A case where a pool of three Redis servers has the trap with `has` among its keys, in line 3 or
/// the line that it is told for, and not with `lacks`.
fn keys(trap: &'static str, has: &[&str], line: usize, lacks: &[&str]) -> Case {
    let redis = |keys: &[&str]| redis(&[keys, &["redis: true"]].concat(), THREE);
    Case { trap, has: redis(has), line, lacks: redis(lacks) }
}

/// The same for memcached.
fn memcached_keys(trap: &'static str, has: &[&str], line: usize, lacks: &[&str]) -> Case {
    let memcached = |keys| redis(keys, THREE);
    Case { trap, has: memcached(has), line, lacks: memcached(lacks) }
}

/// A case of where clients connect.
fn listens(trap: &'static str, has: &str, lacks: &str) -> Case {
    let conf = |listen| pool("a", listen, &["timeout: 400", "redis: true"], THREE);
    Case { trap, has: conf(has), line: 2, lacks: conf(lacks) }
}

/// A case of servers; the pool has these keys besides.
fn servers(trap: &'static str, key: &str, has: &[&str], line: usize, lacks: &[&str]) -> Case {
    Case { trap, has: redis(&[key], has), line, lacks: redis(&[key], lacks) }
}

/// A pool whose protocol is in `keys`, or memcached.
fn redis(keys: &[&str], servers: &[&str]) -> String {
    pool("a", "127.0.0.1:22121", keys, servers)
}

/// Two pools.
fn two(trap: &'static str, a: String, has: &str, line: usize, lacks: &str) -> Case {
    Case { trap, has: a.clone() + has, line, lacks: a + lacks }
}

fn cases() -> Vec<Case> {
    let mut cases = of_pools();
    cases.extend(of_servers());
    cases.extend(of_listeners());
    cases
}

fn of_pools() -> Vec<Case> {
    const EJECTS: &str = "auto_eject_hosts: true";
    vec![
        keys("no-timeout", &["timeout: 0"], 3, &["timeout: 400"]),
        keys("no-timeout", &[], 1, &["timeout: 1"]),
        keys("short-timeout", &["timeout: 19"], 3, &["timeout: 20"]),
        keys("preconnect-waits", &["preconnect: true"], 3, &["preconnect: true", "timeout: 9"]),
        keys(
            "retry-before-timeout",
            &[EJECTS, "timeout: 3000", "server_retry_timeout: 2999"],
            5,
            &[EJECTS, "timeout: 3000", "server_retry_timeout: 3000"],
        ),
        keys(
            "short-retry",
            &[EJECTS, "server_retry_timeout: 999"],
            4,
            &[EJECTS, "server_retry_timeout: 1000"],
        ),
        keys(
            "short-retry",
            &[EJECTS, "server_retry_timeout: 30"],
            4,
            &["server_retry_timeout: 30"],
        ),
        keys(
            "one-failure-ejects",
            &[EJECTS, "server_failure_limit: 0"],
            4,
            &[EJECTS, "server_failure_limit: 2"],
        ),
        keys(
            "one-failure-ejects",
            &[EJECTS, "server_failure_limit: 1"],
            4,
            &["server_failure_limit: 1"],
        ),
        keys("connections-eject", &[EJECTS, "server_connections: 2"], 4, &[EJECTS]),
        keys(
            "connections-eject",
            &[EJECTS, "server_connections: 3", "server_failure_limit: 3"],
            4,
            &[EJECTS, "server_connections: 3", "server_failure_limit: 4"],
        ),
        // Two workers have two connections where the pool says one.
        Case {
            trap: "connections-eject",
            has: redis(&[EJECTS], THREE) + "global:\n  workers: 2\n",
            line: 1,
            lacks: redis(&[EJECTS], THREE) + "global:\n  workers: 1\n",
        },
        servers("eject-only", EJECTS, &["a:1:1 a"], 3, &["a:1:1 a", "b:1:1 b"]),
        keys(
            "eject-modula",
            &[EJECTS, "distribution: modula"],
            3,
            &[EJECTS, "distribution: ketama"],
        ),
        keys("eject-store", &[EJECTS], 3, &["auto_eject_hosts: false"]),
        memcached_keys(
            "eject-unused",
            &["server_failure_limit: 3"],
            3,
            &["server_failure_limit: 3", EJECTS],
        ),
        keys("eject-unused", &["server_retry_timeout: 2000"], 3, &[]),
        keys("narrow-hash", &["hash: crc32"], 3, &["hash: crc32a"]),
        keys("narrow-hash", &["hash: crc32"], 3, &["hash: crc32", "distribution: modula"]),
        keys("crc16-clumps", &["hash: crc16"], 3, &["hash: crc16", "distribution: modula"]),
        keys("random-misses", &["distribution: random"], 3, &["distribution: modula"]),
        keys("random-unused", &["hash: md5", "distribution: random"], 3, &["hash: md5"]),
        keys(
            "random-unused",
            &["distribution: random", "hash_tag: \"{}\""],
            4,
            &["distribution: random"],
        ),
        keys("modula-moves", &["distribution: modula"], 3, &["distribution: ketama"]),
        keys("odd-hash-tag", &["hash_tag: \"ab\""], 3, &["hash_tag: \"{}\""]),
        keys("odd-hash-tag", &["hash_tag: \"}{\""], 3, &["hash_tag: \"[]\""]),
        keys("odd-hash-tag", &["hash_tag: \"\u{e9}\""], 3, &["hash_tag: \"$$\""]),
        memcached_keys("odd-hash-tag", &["hash_tag: \": \""], 3, &["hash_tag: \"::\""]),
        keys("too-many-files", &["server_connections: 2147483647"], 3, &["server_connections: 1"]),
        keys(
            "clients-above-files",
            &["client_connections: 2147483647"],
            3,
            &["client_connections: 1"],
        ),
        keys(
            "vanished-clients",
            &["client_connections: 9"],
            3,
            &["client_connections: 9", "tcpkeepalive: true"],
        ),
        keys("many-connections", &["server_connections: 65"], 3, &["server_connections: 64"]),
        Case {
            trap: "many-workers",
            has: "global:\n  workers: 1024\n".to_owned() + &redis(&[], THREE),
            line: 2,
            lacks: "global:\n  workers: 1\n".to_owned() + &redis(&[], THREE),
        },
        keys("high-database", &["redis_db: 16"], 3, &["redis_db: 15"]),
        keys("database-moves", &["redis_db: 1", "redis_auth: x"], 3, &["redis_db: 1"]),
        keys("clients-limited", &["client_connections: 100"], 3, &["client_connections: 0"]),
        keys("no-way-back", &["reuseport: true"], 3, &["tcpkeepalive: true"]),
        Case {
            trap: "no-way-back",
            has: redis(&[], THREE) + "global:\n  turn_pause: 0\n",
            line: 7,
            lacks: redis(&[], THREE),
        },
        Case {
            trap: "no-way-back",
            has: redis(&[], THREE) + "\t# spare servers\n",
            line: 7,
            lacks: redis(&[], THREE) + "#\tspare servers\n",
        },
        memcached_keys("odd-value", &["redis_db: 1"], 3, &["redis_db: 0"]),
    ]
}

fn of_servers() -> Vec<Case> {
    const REDIS: &str = "redis: true";
    let other = |keys: &[&str], servers: &[&str]| pool("b", "127.0.0.1:22122", keys, servers);
    let like = redis(&[REDIS], THREE);
    let mut cases = vec![
        servers("own-listener", REDIS, &["127.0.0.1:22121:1 x"], 5, &["127.0.0.1:22122:1 x"]),
        servers(
            "same-address",
            REDIS,
            &["10.0.0.1:1:1 a", "10.0.0.2:1:1 b", "10.0.0.1:1:2 c"],
            7,
            &["10.0.0.1:1:1 a", "10.0.0.2:1:1 b", "10.0.0.1:2:2 c"],
        ),
        servers("unnamed-servers", REDIS, &["a:1:1 a", "b:1:1"], 6, &["a:1:1 a", "b:1:1 b:1"]),
        servers("protocol-port", REDIS, &["a:1:1 a", "b:11211:1 b"], 6, &["b:11212:1 b"]),
        servers("protocol-port", "redis: false", &["a:6379:1 a"], 5, &["a:6380:1 a"]),
        // 40 digests for two servers are 80 in all; one of 1 in 81 gets none.
        servers("zero-points", REDIS, &["a:1:80 a", "b:1:1 b"], 6, &["a:1:79 a", "b:1:1 b"]),
        servers("zero-points", "distribution: ketama", &["a:1:80 a", "b:1:1 b"], 6, &["b:1:1 b"]),
        servers(
            "weights-ignored",
            "distribution: random",
            &["a:1:1 a", "b:1:1 b", "c:1:2 c"],
            7,
            &["a:1:2 a", "b:1:2 b", "c:1:2 c"],
        ),
        // Eight points are at the mercy of where they fall; the names were found by trying.
        servers("uneven-ring", REDIS, &["a:1:39 a", "b:1:1 b10"], 6, &["a:1:39 a", "b:1:1 b5"]),
        servers("database-moves", "redis: true\n  redis_db: 1", &["/run/x:1 x"], 4, &["x:1:1 x"]),
    ];
    for has in [
        other(&[REDIS, "hash: md5"], THREE),
        other(&[REDIS, "distribution: modula"], THREE),
        other(&[REDIS, "hash_tag: \"{}\""], THREE),
        other(&["redis: false", "hash: fnv1a_64"], THREE),
        other(&[REDIS, "hash: fnv1a_64"], &["10.0.0.1:6379:1 one", "10.0.0.9:6379:1 nine"]),
        other(&[REDIS, "hash: fnv1a_64"], &["10.0.0.1:6379:2 one"]),
    ] {
        let lacks = other(&[REDIS, "hash: fnv1a_64"], THREE);
        cases.push(two("shared-server", like.clone(), &has, 13, &lacks));
        let elsewhere = other(&[REDIS, "hash: md5", "redis_db: 2"], THREE);
        cases.push(two("shared-server", like.clone(), &has, 13, &elsewhere));
    }
    cases.push(two(
        "name-reused",
        like,
        &other(&[REDIS], &["10.0.0.9:6379:1 one"]),
        12,
        &other(&[REDIS], &["10.0.0.1:6379:1 one"]),
    ));
    cases
}

fn of_listeners() -> Vec<Case> {
    let at = |name: &str, listen: &str, keys: &[&str]| pool(name, listen, keys, THREE);
    let folder = env!("CARGO_TARGET_TMPDIR");
    let file = format!("{folder}/tools-taken-{}", std::process::id());
    fs::write(&file, "").expect("the tests' folder can be written");
    let ports = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").expect("Linux");
    let outgoing = format!("127.0.0.1:{}", ports.split_whitespace().next().expect("a port"));
    let mut cases = vec![
        listens("stats-port", "127.0.0.1:22222", "127.0.0.1:22223"),
        listens("open-redis", "0.0.0.0:22121", "127.0.0.1:22121"),
        listens("open-redis", ":::22121", "::1:22121"),
        memcached_keys("open-memcached", &[], 2, &[]),
        listens("outgoing-port", &outgoing, "127.0.0.1:80"),
        keys("backlog-cut", &["backlog: 2147483647"], 3, &["backlog: 1"]),
        keys("shared-port", &["reuseport: true"], 3, &["reuseport: false"]),
        listens("open-socket", "/run/x 0666", "/run/x 0660"),
        listens("path-taken", &file, &format!("{file}-not")),
        listens("path-is-folder", folder, &file),
        listens("own-listener", "10.0.0.2:6379", "10.0.0.2:6380"),
    ];
    let open = |listen| at("a", listen, &[]);
    if let Some(case) = cases.iter_mut().find(|case| case.trap == "open-memcached") {
        (case.has, case.lacks) = (open("0.0.0.0:22121"), open("127.0.0.1:22121"));
    }
    if let Some(case) = cases.iter_mut().find(|case| case.trap == "own-listener") {
        case.line = 7;
    }
    let reuseport = &["reuseport: true"][..];
    for (first, has, lacks) in [
        ("0.0.0.0:22121", "127.0.0.1:22121", "127.0.0.1:22122"),
        ("127.0.0.1:22121", "0.0.0.0:22121", "127.0.0.2:22121"),
        ("0.0.0.0:22121", ":::22121", "::1:22121"),
        ("/run/x 0666", "/run/x 0600", "/run/y 0666"),
    ] {
        cases.push(two("listen-twice", open(first), &at("b", has, &[]), 8, &at("b", lacks, &[])));
    }
    cases.push(Case {
        trap: "listen-twice",
        has: open("0.0.0.0:22121") + &at("b", "127.0.0.1:22121", reuseport),
        line: 8,
        lacks: at("a", "0.0.0.0:22121", reuseport) + &at("b", "127.0.0.1:22121", reuseport),
    });
    cases
}

/// The traps that `--help` lists, with their severities.
fn listed() -> Vec<(String, String)> {
    let page = run(&["check", "--help"]).fine();
    let (_, list) = page.split_once("\nTraps:\n").expect("a list");
    let words = list.lines().map(|line| line.split_whitespace());
    words
        .map(|mut words| (words.next().unwrap().to_owned(), words.next().unwrap().to_owned()))
        .collect()
}

/// The lines of findings of one trap.
fn found<'a>(out: &'a str, trap: &str) -> Vec<&'a str> {
    out.lines().filter(|line| line.ends_with(&format!(" [{trap}]"))).collect()
}

#[test]
fn each_trap_is_seen_where_it_is_and_not_where_it_is_not() {
    let listed = listed();
    for Case { trap, has, line, lacks } in cases() {
        let (_, severity) = listed.iter().find(|(name, _)| name == trap).expect(trap);
        let conf = Scratch::conf(&has);
        let said = run(&["check", conf.path()]);
        let lines = found(&said.out, trap);
        assert_eq!(lines.len(), 1, "{trap} in\n{has}\n{}{}", said.out, said.err);
        let place = lines[0].strip_prefix(&format!("{}:{line}:", conf.path()));
        let place = place.unwrap_or_else(|| panic!("not in line {line} of\n{has}\n{}", lines[0]));
        assert!(place.split_once(": ").expect("a column").1.starts_with(severity), "{}", lines[0]);
        let least = match &**severity {
            "error" => 2,
            "warning" => 1,
            _ => 0,
        };
        assert!(said.status >= least, "{trap}: {}", said.status);

        let conf = Scratch::conf(&lacks);
        let said = run(&["check", conf.path()]);
        assert!(said.err.is_empty() && said.out.contains(conf.path()), "{lacks}\n{}", said.err);
        assert!(!said.out.contains(": invalid, "), "{lacks}\n{}", said.out);
        assert_eq!(found(&said.out, trap), [""; 0], "{trap} in\n{lacks}");
    }
}

#[test]
fn a_password_that_everybody_may_read_is_told() {
    let conf = Scratch::conf(&redis(&["redis_auth: x", "redis: true"], THREE));
    for (mode, count) in [(0o644, 1), (0o640, 0), (0o600, 0), (0o604, 1)] {
        fs::set_permissions(conf.path(), Permissions::from_mode(mode)).expect("it is ours");
        let out = run(&["check", conf.path()]).out;
        assert_eq!(found(&out, "public-password").len(), count, "{mode:o}: {out}");
    }
}

#[test]
fn every_trap_has_a_case_and_a_row_in_the_docs() {
    let listed = listed();
    let names: BTreeSet<&str> = listed.iter().map(|(name, _)| &**name).collect();
    let cases = cases();
    let mut tried: BTreeSet<&str> = cases.iter().map(|case| case.trap).collect();
    // In a test of its own.
    tried.insert("public-password");
    assert_eq!(tried, names);
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tools.md");
    let docs = fs::read_to_string(docs).expect("the page");
    for (name, severity) in &listed {
        assert!(docs.contains(&format!("\n| `{name}` | {severity} | ")), "no row for {name}");
    }
    let (_, table) = docs.split_once("\n| trap | severity |").expect("the table");
    assert_eq!(table.matches("\n| `").count(), listed.len(), "a row for a trap that there is not");
}
