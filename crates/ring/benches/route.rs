//! What placing a key costs, and what making a ring costs.
//!
//! `cargo bench -p nutcracker-ring` prints nanoseconds a call; under `cargo test --benches` each
//! case runs a few times only, to show that it still does.

use std::hint::black_box;
use std::time::Instant;

use nutcracker_ring::{DistributionKind, HashKind, Placement, Ring, RingBuilder, RingServer};

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let calls = |count| if measured { count } else { 3 };
    let keys: Vec<Vec<u8>> =
        (0..1024).map(|i| format!("user:{:06}:profile", i * 7919).into_bytes()).collect();

    for hash in HashKind::ALL {
        let placement = Placement { hash, tag: None };
        run(&format!("hash, {hash}, 19 bytes"), calls(1_000_000), |call| {
            placement.key_hash(&keys[call % keys.len()])
        });
    }
    run("hashes of four keys, fnv1a_64, 19 bytes", calls(250_000), |call| {
        Placement::default()
            .key_hashes([0, 1, 2, 3].map(|nth| &keys[(4 * call + nth) % keys.len()][..]))
    });
    for kind in DistributionKind::ALL {
        for count in [2, 10, 100, 1000] {
            let ring = Ring::new(kind, &servers(count), &vec![true; count]);
            run(&format!("owner of a hash, {kind}, {count} servers"), calls(1_000_000), |call| {
                // Successive multiples of an odd number visit the circle in no order.
                let hash = (call as u32).wrapping_mul(0x9e37_79b9);
                ring.server(hash, || hash)
            });
        }
    }
    for count in [10, 100, 1000] {
        let servers = servers(count);
        let mut live = vec![true; count];
        run(&format!("first ketama ring, {count} servers"), calls(10), |_| {
            Ring::new(DistributionKind::Ketama, &servers, &live)
        });
        let mut builder = RingBuilder::new(DistributionKind::Ketama, &servers);
        let _ = builder.build(&live);
        run(&format!("next ketama ring, {count} servers"), calls(100), |call| {
            live[call % count] = call % 2 == 0;
            builder.build(&live)
        });
    }
}

fn servers(count: usize) -> Vec<RingServer> {
    (0..count).map(|i| RingServer::new(format!("10.0.{}.{}:6379", i / 250, i % 250), 1)).collect()
}

/// Calls `work` `calls` times and prints what one call took.
fn run<T>(name: &str, calls: usize, mut work: impl FnMut(usize) -> T) {
    let start = Instant::now();
    for call in 0..calls {
        black_box(work(black_box(call)));
    }
    let each = start.elapsed().as_nanos() as f64 / calls as f64;
    println!("{name:<45} {each:>14.1} ns");
}
