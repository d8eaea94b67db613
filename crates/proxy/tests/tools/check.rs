//! `nutcracker check`: severities, statuses and the form of what it says. The traps themselves are in
//! `traps.rs`.

use std::path::Path;

use crate::{Scratch, THREE, pool, run};

#[test]
fn the_status_is_that_of_the_worst_finding() {
    let fine = pool("a", "127.0.0.1:22121", &["redis: true", "timeout: 400"], THREE);
    let note = pool("a", "127.0.0.1:22121", &["redis: true", "timeout: 400"], &["a:1:1", "b:1:1"]);
    let warning = fine.replace("  timeout: 400\n", "");
    let error = fine.clone() + &pool("b", "0.0.0.0:22121", &["redis: true"], THREE);
    for (text, status, counts) in [
        (fine, 0, "nothing found"),
        (note, 0, "1 note"),
        (warning, 1, "1 warning"),
        (error, 2, "1 error, 2 warnings"),
    ] {
        let conf = Scratch::conf(&text);
        let out = run(&["check", conf.path()]).ended(status);
        assert_eq!(out.lines().last(), Some(&*format!("{}: {counts}", conf.path())), "{out}");
        assert_eq!(run(&["check", "-c", conf.path()]).ended(status), out);
    }
}

#[test]
fn a_finding_has_a_place_a_reason_a_name_and_a_cure() {
    let conf = "\
# sessions of the shop
sessions:
  listen: 127.0.0.1:22121
  redis: true
  timeout:  5
  servers:
    - 10.0.0.1:6379:1 one
    - 10.0.0.1:6379:1   # the same again
";
    let conf = Scratch::conf(conf);
    let path = conf.path();
    let out = run(&["check", path]).ended(1);
    let lines: Vec<&str> = out.lines().collect();
    let head = |line: &str, start: &str, end: &str| {
        assert!(line.starts_with(&format!("{path}:{start}")) && line.ends_with(end), "{line}");
    };
    head(
        lines[0],
        "5:13: warning: pool 'sessions': 'timeout' is 5 ms, not seconds",
        " [short-timeout]",
    );
    assert!(lines[1].starts_with("    give it some hundred milliseconds"), "{out}");
    head(lines[2], "8:7: warning: pool 'sessions': server '10.0.0.1:6379' is", " [same-address]");
    assert!(lines[2].contains("so is 'one' (line 7)"), "{out}");
    head(
        lines[4],
        "8:7: note: pool 'sessions': server '10.0.0.1:6379' has no",
        " [unnamed-servers]",
    );
    assert_eq!(lines.len(), 7, "{out}");
}

#[test]
fn a_trap_that_is_allowed_is_not_told() {
    let conf = Scratch::conf(&pool("a", "127.0.0.1:22121", &["redis: true"], THREE));
    let path = conf.path();
    let out = run(&["check", path, "--allow", "no-timeout"]).fine();
    assert_eq!(out, format!("{path}: nothing found\n"));
    let odd =
        Scratch::conf(&pool("a", "127.0.0.1:22121", &["redis_db: 1", "timeout: 400"], &["a:1:1"]));
    assert!(run(&["check", odd.path()]).ended(1).contains(" [odd-value]\n"));
    run(&["check", odd.path(), "--allow", "odd-value"]).fine();
}

#[test]
fn the_samples_have_nothing_above_a_note() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conf");
    for entry in std::fs::read_dir(folder).expect("the samples") {
        let path = entry.expect("a sample").path();
        run(&["check", path.to_str().expect("text")]).ended(0);
    }
}

#[test]
fn published_files_have_what_their_readers_were_not_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/field-configs");
    for (file, status, traps) in [
        ("first-alpha.yml", 1, &["no-timeout", "one-failure-ejects", "eject-only"][..]),
        ("two-servers-indented.yml", 1, &["no-timeout", "short-retry"]),
        ("meetbill.yml", 1, &["one-failure-ejects", "eject-store"]),
        (
            "five-pools.yml",
            1,
            &["zero-points", "no-timeout", "shared-server", "one-failure-ejects"],
        ),
        ("guide-two-pools-four-servers.yml", 2, &[]),
        ("sxt-tabs-typo.yml", 2, &[]),
    ] {
        let path = folder.join(file);
        let out = run(&["check", path.to_str().expect("text")]).ended(status);
        for trap in traps {
            assert!(out.contains(&format!(" [{trap}]\n")), "{file}: no {trap}\n{out}");
        }
    }
}
