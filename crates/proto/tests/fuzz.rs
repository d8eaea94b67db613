//! The fuzz functions of both protocols as ordinary tests, over the seeds of their targets.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use nutcracker_proto::{memcache, resp};

/// Runs `fuzz` on every seed of `target`.
fn over_the_corpus(target: &str, fuzz: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut seeds = 0;
    for entry in fs::read_dir(&folder).expect("the corpus") {
        let path = entry.expect("a file").path();
        let data = fs::read(&path).expect("a file that can be read");
        assert!(catch_unwind(|| fuzz(&data)).is_ok(), "{}", path.display());
        seeds += 1;
    }
    assert!(seeds > 0, "{target} has seeds");
}

#[test]
fn redis_requests_of_the_corpus_hold() {
    over_the_corpus("resp_requests", resp::fuzz_requests);
}

#[test]
fn what_the_proxy_is_asked_itself_holds_of_the_corpus() {
    over_the_corpus("resp_local", resp::local::fuzz_local);
}

#[test]
fn redis_responses_of_the_corpus_hold() {
    over_the_corpus("resp_responses", resp::fuzz_responses);
}

#[test]
fn memcached_requests_of_the_corpus_hold() {
    over_the_corpus("memcache_requests", memcache::fuzz::fuzz_requests);
}

#[test]
fn memcached_responses_of_the_corpus_hold() {
    over_the_corpus("memcache_responses", memcache::fuzz::fuzz_responses);
}
