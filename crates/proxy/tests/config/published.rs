//! Files that people use: the samples that come with the program, and what guides print.

use std::path::Path;

use nutcracker::config::{self, LoadError};

use crate::{data, errors, pool_with};

#[test]
fn published_files_that_the_original_takes_are_taken() {
    for (file, pools) in [
        ("first-alpha.yml", &["alpha"][..]),
        ("two-servers-indented.yml", &["alpha"]),
        ("meetbill.yml", &["meetbill"]),
        ("five-pools.yml", &["beta", "alpha", "delta", "gamma", "omega"]),
    ] {
        let config = config::load(&data("field-configs").join(file))
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        let names: Vec<&str> = config.pools.iter().map(|pool| &*pool.name).collect();
        assert_eq!(names, pools, "{file}");
        assert_eq!(config.warnings, [], "{file}");
    }
}

#[test]
fn every_sample_is_valid() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conf");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(samples).expect("the samples") {
        let path = entry.expect("a sample").path();
        let config = config::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.warnings, [], "{}", path.display());
        names.push(path.file_name().expect("a name").to_string_lossy().into_owned());
    }
    for name in ["nutcracker.yml", "redis.yml", "memcached.yml"] {
        assert!(names.iter().any(|other| other == name), "{name} is not among {names:?}");
    }
}

#[test]
fn the_sample_shows_every_key_and_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conf/nutcracker.yml");
    let sample = std::fs::read_to_string(path).expect("the sample");
    // The keys, as a message lists them.
    let message = errors(pool_with("x: y")).remove(0);
    let (_, keys) = message.split_once("the keys are ").expect("a list of keys");
    for key in keys.split(", ") {
        let shown = |prefix: &str| sample.contains(&format!("\n  {prefix}{key}:"));
        assert!(shown("") || shown("# "), "{key}");
    }
    // With the comments before keys taken away it is valid too, and says the same.
    let plain = config::parse(sample.as_bytes(), Path::new("plain")).expect("valid");
    let shown = sample.replace("\n  # redis_db: ", "\n  redis_db: ");
    let shown = [
        "server_connections",
        "preconnect",
        "client_connections",
        "backlog",
        "tcpkeepalive",
        "reuseport",
    ]
    .iter()
    .fold(shown, |text, key| text.replace(&format!("\n  # {key}: "), &format!("\n  {key}: ")));
    assert_ne!(shown, sample);
    assert_eq!(config::parse(shown.as_bytes(), Path::new("shown")), Ok(plain));
}

/// The messages for a published file that is invalid, the file's name left out.
fn published_errors(file: &str) -> Vec<String> {
    let path = data("field-configs").join(file);
    let Err(LoadError::Invalid(errors)) = config::load(&path) else {
        panic!("{file} is not invalid");
    };
    let prefix = format!("{}:", path.display());
    let lines = errors.to_string();
    lines
        .lines()
        .map(|line| line.strip_prefix(&prefix).expect("the file's name").to_owned())
        .collect()
}

#[test]
fn a_published_file_without_a_space_after_a_colon_is_explained() {
    assert_eq!(
        published_errors("guide-two-pools-four-servers.yml"),
        ["16:3: 'listen:0.0.0.0:10000' is no key with a value: a space is missing after the \
          colon; write 'listen: 0.0.0.0:10000'"]
    );
}

#[test]
fn each_slip_of_a_published_file_with_tabs_is_explained() {
    assert_eq!(
        published_errors("sxt-tabs-typo.yml"),
        [
            "1:1: YAML does not allow tabs for indentation; use spaces (lines 1-12)",
            "2:11: pool 'sxt': no such address: 192.168.56.291 has 291, and 255 is the largest \
             it can be",
            "3:9: pool 'sxt': no hash is called 'fnvla_64'; did you mean 'fnv1a_64'? (the names \
             are one_at_a_time, md5, crc16, crc32, crc32a, fnv1_64, fnv1a_64, fnv1_32, \
             fnv1a_32, hsieh, murmur, jenkins)",
            "5:26: pool 'sxt': '//' does not start a comment; '#' does",
            "6:15: pool 'sxt': '//' does not start a comment; '#' does",
        ]
    );
}
