//! What the demo writes: each value follows from its key and from how often it was written, so a
//! value that comes back can be checked without remembering it.

/// How many keys go through each pool.
pub(super) const COUNT: u32 = 10_000;

/// The key with number `index`.
pub(super) fn key(index: u32) -> String {
    format!("user:{index:05}:name")
}

/// The value of key `index` when it is written for the `generation`th time.
///
/// Between 26 and 122 bytes; no two keys and no two generations of a key share one.
pub(super) fn value(index: u32, generation: u32) -> String {
    let digest = mix(u64::from(index) << 32 | u64::from(generation));
    let filler = "=".repeat(index as usize % 97);
    format!("{index:05}.{generation:03}.{digest:016x}{filler}")
}

/// SplitMix64's output function: every bit of the result depends on every bit of `number`.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_keys_and_no_two_generations_share_a_value() {
        let mut seen = HashSet::new();
        for index in 0..COUNT {
            for generation in 1..=2 {
                let value = value(index, generation);
                assert!((26..=122).contains(&value.len()), "{} bytes", value.len());
                assert!(seen.insert(value), "key {index}, generation {generation}");
            }
        }
    }
}
