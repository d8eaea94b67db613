//! What Redis servers send. The input is a seed for the cuts (8 bytes) and the stream.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nutcracker_proto::resp::fuzz_responses;

fuzz_target!(|data: &[u8]| fuzz_responses(data));
