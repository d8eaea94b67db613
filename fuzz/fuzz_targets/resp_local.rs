//! What Redis clients ask of the proxy itself. The input is words with tabs between them, and requests
//! with 0x1e between them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nutcracker_proto::resp::local::fuzz_local;

fuzz_target!(|data: &[u8]| fuzz_local(data));
