//! Which files are valid: those that are to the original, and where not, why.

use std::path::Path;

use nutcracker::config::{self, LoadError};

use crate::{data, errors, only_pool, parse, pool_with, valid};

/// Recorded cases that are answered differently, and why.
const DIFFERENT: &[(&str, &str)] =
    &[("reuseport=true", "a key of the original's newest source, which the recorded build lacks")];

#[test]
fn every_recorded_file_gets_the_originals_verdict() {
    let mut cases = 0;
    for line in include_str!("../data/config_cases.jsonl").lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a case a line");
        let name = case["name"].as_str().unwrap();
        let verdict = parse(case["yaml"].as_str().unwrap());
        let different = DIFFERENT.iter().any(|(other, _)| *other == name);
        let expected = case["valid"].as_bool().unwrap() != different;
        assert_eq!(verdict.is_ok(), expected, "{name}: {verdict:?}");
        if let Err(errors) = verdict {
            for problem in errors.problems() {
                assert!(problem.at.line >= 1 && problem.at.column >= 1, "{name}: {problem}");
            }
        }
        cases += 1;
    }
    assert_eq!(cases, 167);
}

#[test]
fn a_file_of_the_original_that_numbers_wrapped_in_is_refused() {
    for line in ["timeout: 4294967297", "backlog: 4294967296", "server_connections: 4294967297"] {
        let key = line.split(':').next().unwrap();
        let errors = errors(pool_with(line));
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(
            errors[0].contains(&format!("'{key}' is not a number above 2147483647")),
            "{errors:?}"
        );
    }
    let yaml = "alpha:\n  listen: 127.0.0.1:1\n  servers:\n   - a:6379:4294967297\n";
    assert!(errors(yaml)[0].contains("'4294967297' is not"), "{:?}", errors(yaml));
}

#[test]
fn a_text_for_servers_is_refused_although_another_key_has_a_list() {
    let yaml = "alpha:\n  listen: 127.0.0.1:1\n  servers: a:6379:1\n  hash:\n   - md5\n";
    let errors = errors(yaml);
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].starts_with("nutcracker.yml:3:12: pool 'alpha': 'servers' is not a list"));
    assert!(errors[1].starts_with("nutcracker.yml:4:3: pool 'alpha': 'hash' has a list"));
}

#[test]
fn a_tab_that_does_not_indent_is_a_space() {
    for yaml in [
        "alpha:\n  listen:\t127.0.0.1:1\n  servers:\n   - a:6379:1\t\n",
        "alpha:\n  listen: \t 127.0.0.1:1\n  hash:\tmd5\t# x\n  servers:\t\n   - a:6379:1\n",
        "alpha:\t\n  listen: 127.0.0.1:1\n   \t\n  servers:\n\t\n   - a:6379:1\n",
        "alpha:\n  listen: 127.0.0.1:1\n\t# a comment\n  servers:\n   - a:6379:1\n",
        "alpha:\n  listen: 127.0.0.1:1\n  servers:\n   -\ta:6379:1\n",
    ] {
        let pool = only_pool(yaml);
        assert_eq!(pool.servers[0].text, "a:6379:1", "{yaml:?}");
    }
}

#[test]
fn a_tab_that_indents_is_refused_wherever_it_stands() {
    for (yaml, place) in [
        ("alpha:\n\tlisten: 127.0.0.1:1\n  servers:\n   - a:6379:1\n", "2:1"),
        ("alpha:\n  \tlisten: 127.0.0.1:1\n    servers:\n   - a:6379:1\n", "2:3"),
        ("alpha:\n   \tlisten: 127.0.0.1:1\n    servers:\n    - a:6379:1\n", "2:4"),
        ("alpha:\n  listen:\n   \t127.0.0.1:1\n  servers:\n   - a:6379:1\n", "3:4"),
        ("alpha:\n  listen: 127.0.0.1:1\n  servers:\n  \t- a:6379:1\n", "4:3"),
    ] {
        let errors = errors(yaml);
        let words = format!("nutcracker.yml:{place}: YAML does not allow tabs for indentation");
        assert!(errors[0].starts_with(&words), "{yaml:?}: {errors:?}");
    }
}

#[test]
fn weird_but_legal_files_are_read() {
    let plain = pool_with("hash: md5");
    let expected = valid(&plain);
    for (what, yaml) in [
        ("CR LF", plain.replace('\n', "\r\n")),
        ("CR", plain.replace('\n', "\r")),
        ("byte order mark", format!("\u{feff}{plain}")),
        ("two files joined", plain.replace("  hash", "\u{feff}  hash")),
        ("a comment behind a quote", plain.replace("md5", "\"md5\"#old")),
        ("no final line end", plain.trim_end().to_owned()),
        ("comments", plain.replace('\n', " # \u{4e2d}\u{6587} {[&*!%\n")),
        ("comment lines", plain.replace('\n', "\n      # alpha: beta\n")),
        ("double quotes", plain.replace("md5", "\"md5\"")),
        ("single quotes", plain.replace("md5", "'md5'")),
        ("quoted keys", plain.replace("hash:", "\"hash\":")),
        ("escapes", plain.replace("md5", "\"m\\x645\"")),
        ("deep indentation", plain.replace("  ", "          ")),
        ("an indented file", plain.lines().map(|line| format!(" {line}\n")).collect()),
        ("list at the key's column", plain.replace("   - ", "  - ")),
        ("trailing spaces", plain.replace('\n', "   \n")),
        ("block text", plain.replace("md5", "|-\n    md5")),
        ("text on its own line", plain.replace(" md5", "\n    md5")),
        ("explicit keys", plain.replace("  hash: md5", "  ? hash\n  : md5")),
    ] {
        assert_eq!(parse(&yaml).as_ref(), Ok(&expected), "{what}: {yaml:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_apart() {
    let error = config::load(Path::new("no-such-file.yml")).expect_err("there is no such file");
    assert!(matches!(error, LoadError::Unreadable { .. }), "{error}");
    let words = "failed to open configuration 'no-such-file.yml': No such file or directory";
    assert_eq!(error.to_string(), words);
}

#[test]
fn any_cut_of_a_file_is_valid_or_explained() {
    let whole = std::fs::read(data("field-configs/five-pools.yml")).expect("readable");
    for cut in 0..=whole.len() {
        if let Err(errors) = parse(&whole[..cut]) {
            assert!(!errors.problems().is_empty(), "cut at byte {cut}");
        }
    }
}
