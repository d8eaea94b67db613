//! What must hold of any file at all that is given for a configuration.

use std::collections::HashSet;
use std::path::Path;

use nutcracker::config::{self, Config};

/// Reads `data` as a configuration file and checks what comes of it.
///
/// # Panics
/// When it is neither a configuration that keeps its promises nor explained.
pub(crate) fn fuzz_config(data: &[u8]) {
    let lines = 1 + data.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count();
    match config::parse(data, Path::new("fuzz.yml")) {
        Ok(config) => check(&config),
        Err(errors) => {
            assert!(!errors.problems().is_empty(), "invalid, and nobody says why");
            for problem in errors.problems() {
                let at = problem.at;
                assert!((1..=lines + 1).contains(&at.line) && at.column >= 1, "{problem}");
            }
            let text = errors.to_string();
            assert_eq!(text.lines().count(), errors.problems().len(), "a line a problem: {text}");
        }
    }
}

/// What `config::Config` says of itself.
fn check(config: &Config) {
    assert!(!config.pools.is_empty());
    let mut names = HashSet::new();
    let mut listens = HashSet::new();
    for pool in &config.pools {
        assert!(names.insert(&pool.name), "{} is there twice", pool.name);
        assert!(listens.insert(pool.listen.text()), "{} is there twice", pool.listen.text());
        assert!(pool.timeout.is_none_or(|timeout| !timeout.is_zero()));
        assert!(pool.server_connections >= 1 && pool.server_failure_limit >= 1);
        assert!(!pool.servers.is_empty(), "{} has no servers", pool.name);
        let mut servers = HashSet::new();
        for server in &pool.servers {
            assert!(servers.insert(&server.name), "{} is there twice", server.name);
            assert!(server.weight >= 1);
        }
    }
}
