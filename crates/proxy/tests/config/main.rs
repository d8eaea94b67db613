//! Configuration files: the original's verdict on each, what a valid one means, and what an operator
//! is told about an invalid one.

mod messages;
mod published;
mod values;
mod verdicts;

use std::path::{Path, PathBuf};

use nutcracker::config::{self, Config, Pool};

/// A file with one pool, `lines` (one key each) added to it.
fn pool_with(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("  {line}\n")).collect();
    format!("alpha:\n  listen: 127.0.0.1:22121\n{lines}  servers:\n   - 127.0.0.1:6379:1\n")
}

fn parse(yaml: impl AsRef<[u8]>) -> Result<Config, config::ConfigErrors> {
    config::parse(yaml.as_ref(), Path::new("nutcracker.yml"))
}

fn valid(yaml: impl AsRef<[u8]>) -> Config {
    parse(yaml.as_ref())
        .unwrap_or_else(|errors| panic!("{}\n{errors}", String::from_utf8_lossy(yaml.as_ref())))
}

/// The messages for a file that is invalid.
fn errors(yaml: impl AsRef<[u8]>) -> Vec<String> {
    match parse(yaml.as_ref()) {
        Ok(_) => panic!("valid:\n{}", String::from_utf8_lossy(yaml.as_ref())),
        Err(errors) => errors.to_string().lines().map(str::to_owned).collect(),
    }
}

fn only_pool(yaml: impl AsRef<[u8]>) -> Pool {
    let mut pools = valid(yaml).pools;
    assert_eq!(pools.len(), 1);
    pools.remove(0)
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}
