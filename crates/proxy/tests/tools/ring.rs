//! `nutcracker ring`: shares of the key space, as text and as a picture.

use std::fs;

use nutcracker_ring::{DistributionKind, HashKind};

use crate::{Scratch, THREE, pool, run, run_with};

/// The name, the share asked for and the share had of each server in the first chart of `out`.
fn shares(out: &str) -> Vec<(&str, f64, f64)> {
    let lines = out.lines().skip(3).take_while(|line| !line.is_empty());
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let signs: Vec<usize> = words
                .iter()
                .enumerate()
                .filter(|(_, word)| **word == "%")
                .map(|(at, _)| at)
                .collect();
            let [asked, has] = *signs else { panic!("two shares: {line}") };
            let number = |at: usize| words[at - 1].parse().expect("a number");
            (words[0], number(asked), number(has))
        })
        .collect()
}

/// The chart of a pool with these keys and servers.
fn chart(keys: &[&str], servers: &[&str]) -> String {
    let conf = Scratch::conf(&pool("a", "/run/a", keys, servers));
    run(&["ring", "-c", conf.path()]).fine()
}

#[test]
fn the_shares_of_every_hash_and_distribution_add_up() {
    for hash in HashKind::NAMES {
        for distribution in DistributionKind::NAMES {
            let keys = [&*format!("hash: {hash}"), &*format!("distribution: {distribution}")];
            let out = chart(&keys, &["a:1:1 a", "b:1:2 b", "c:1:3 c", "d:1:4 d"]);
            let shares = shares(&out);
            assert_eq!(shares.len(), 4, "{out}");
            let sum = |of: fn(&(&str, f64, f64)) -> f64| shares.iter().map(of).sum::<f64>();
            // Each is rounded to a hundredth.
            assert!((sum(|share| share.1) - 100.0).abs() < 0.03, "{out}");
            assert!((sum(|share| share.2) - 100.0).abs() < 0.03, "{out}");
        }
    }
}

#[test]
fn a_share_is_what_its_method_says() {
    let weighted = ["a:1:1 a", "b:1:3 b"];
    for (keys, servers, method, a) in [
        (
            &["distribution: modula"][..],
            &weighted[..],
            "exact, by all 2^32 values of fnv1a_64",
            25.0,
        ),
        (&["distribution: random"], &weighted, "random draws a server for each request", 50.0),
        (
            &["distribution: modula", "hash: crc32"],
            // Slots from 2^15 on have no hash.
            &["a:1:32768 a", "b:1:32768 b"],
            "exact, by the 32768 values that crc32 can have (15 bits, not 32)",
            100.0,
        ),
        (&[], &["a:1:1 a"], "exact, by all 2^32 values of fnv1a_64", 100.0),
    ] {
        let out = chart(keys, servers);
        assert!(out.contains(&format!("\nshares: {method}")), "{out}");
        assert_eq!(shares(&out)[0].2, a, "{out}");
    }
    let out = chart(&["hash: crc16"], THREE);
    assert!(
        out.contains("shares: measured on 100000 keys, key:0 to key:99999 (crc16 clumps"),
        "{out}"
    );
    // The lowest values of the circle are all that crc32 reaches.
    let out = chart(&["hash: crc32"], THREE);
    let mut has: Vec<f64> = shares(&out).iter().map(|share| share.2).collect();
    has.sort_by(f64::total_cmp);
    assert_eq!(has, [0.0, 0.0, 100.0], "{out}");
}

#[test]
fn exact_shares_are_those_of_very_many_keys() {
    let conf = Scratch::conf(&pool("a", "/run/a", &["hash: md5"], THREE));
    let exact = run(&["ring", "-c", conf.path()]).fine();
    let keys: String = (0..200_000).map(|n| format!("k{n}\n")).collect();
    let measured = run_with(&["ring", "-c", conf.path(), "--keys", "-"], keys.as_bytes()).fine();
    assert!(
        measured.contains("shares: measured on the keys on standard input (200000)"),
        "{measured}"
    );
    for (exact, measured) in shares(&exact).iter().zip(shares(&measured)) {
        // Four times the standard deviation of a third of so many draws.
        assert!((exact.2 - measured.2).abs() < 0.43, "{exact:?}, {measured:?}");
    }
}

#[test]
fn own_keys_are_counted_for_every_pool_and_none_is_a_trouble() {
    let text = pool("a", "/run/a", &["distribution: modula"], &["a:1:1 a", "b:1:1 b"])
        + &pool("b", "/run/b", &[], &["c:1:1 c"]);
    let conf = Scratch::conf(&text);
    let keys = Scratch::new("keys", "x\n");
    let out = run(&["ring", "-c", conf.path(), "--keys", keys.path()]).fine();
    assert_eq!(out.matches(&format!("measured on the keys in '{}' (1)", keys.path())).count(), 2);
    let mut has: Vec<f64> = shares(&out).iter().map(|share| share.2).collect();
    has.sort_by(f64::total_cmp);
    assert_eq!(has, [0.0, 100.0], "{out}");
    let one = run(&["ring", "-c", conf.path(), "--pool", "b", "--keys", keys.path()]).fine();
    assert!(one.starts_with("pool 'b': ketama, fnv1a_64, 1 server\n"), "{one}");
    let error = run(&["ring", "-c", conf.path(), "--keys", "/dev/null"]).trouble();
    assert!(error.contains("there is nothing to measure: the keys in '/dev/null'"), "{error}");
}

#[test]
fn the_picture_has_a_bar_and_a_mark_for_each_server() {
    let text = pool("a", "/run/a", &[], &["a:1:1 <a&b>", "b:1:1 b", "c:1:2 c"])
        + &pool("b", "/run/b", &[], &["c:1:1 c"]);
    let conf = Scratch::conf(&text);
    let picture = Scratch::new("svg", "");
    run(&["ring", "-c", conf.path(), "--svg", picture.path()]).fine();
    let picture = fs::read_to_string(picture.path()).expect("it was written");
    assert!(picture.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" "), "{picture}");
    assert!(picture.ends_with("</svg>\n"), "{picture}");
    // Beside the servers', each of the two legends has one.
    assert_eq!(picture.matches("fill=\"#4878a8\"").count(), 4 + 2, "{picture}");
    assert_eq!(picture.matches("stroke=\"#d1495b\"").count(), 4 + 2, "{picture}");
    assert!(picture.contains(">&lt;a&amp;b&gt;<title>"), "{picture}");
    for element in ["svg", "text", "title"] {
        let opened = picture.matches(&format!("<{element}")).count();
        assert_eq!(opened, picture.matches(&format!("</{element}>")).count(), "{element}");
    }
    for element in ["rect", "line"] {
        let opened = picture.lines().filter(|line| line.starts_with(&format!("<{element} ")));
        assert!(opened.clone().count() > 4, "{picture}");
        opened.for_each(|line| assert!(line.ends_with("/>"), "{line}"));
    }
}
