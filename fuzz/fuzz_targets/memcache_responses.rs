//! What memcached servers send. The input is a number of cuts, the cuts, and the stream.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nutcracker_proto::memcache::fuzz::fuzz_responses;

fuzz_target!(|data: &[u8]| fuzz_responses(data));
