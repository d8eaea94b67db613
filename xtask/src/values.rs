//! Values of every size, from nothing to beyond what a server takes, and of every sort.

use crate::random::Random;

/// What lies around the original's chunk of 16 KiB, whole and less its header.
const CHUNKS: [usize; 2] = [16384, 16384 - 48];

/// A value: mostly small; rarely a megabyte.
pub(crate) fn value(random: &mut Random) -> Vec<u8> {
    let length = match random.below(2000) {
        0..200 => 0,
        200..1300 => random.between(1, 20),
        1300..1880 => random.between(20, 300),
        1880..1965 => random.between(300, 4000),
        1965..1985 => random.pick(&CHUNKS) + random.below(60) - 30,
        1985..1990 => random.between(1, 3) * random.pick(&CHUNKS) + random.below(9) - 4,
        1990..1999 => random.between(16_000, 60_000),
        _ => 1024 * 1024 - 200 + random.below(300),
    };
    bytes(random, length)
}

/// A value that a server keeps in its small form: 60 bytes at most.
pub(crate) fn small(random: &mut Random) -> Vec<u8> {
    let length = random.below(60);
    bytes(random, length)
}

/// So many bytes: digits, letters, line ends, pieces of the protocols, or anything.
fn bytes(random: &mut Random, length: usize) -> Vec<u8> {
    const PIECES: [&[u8]; 8] =
        [b"\r\n", b"$5\r\n", b"*2\r\n", b"END\r\n", b"VALUE k 0 3\r\n", b"-ERR x\r\n", b"\0", b" "];
    let mut bytes = match random.below(5) {
        0 => {
            let digits = (0..length.min(15)).map(|_| b'0' + random.below(10) as u8);
            digits.collect::<Vec<u8>>()
        }
        1 | 2 => {
            let from = random.below(26);
            (0..length).map(|at| b'a' + ((from + at) % 26) as u8).collect()
        }
        3 => {
            let mut bytes = Vec::with_capacity(length + 16);
            while bytes.len() < length {
                bytes.extend_from_slice(random.pick::<&[u8]>(&PIECES));
            }
            bytes
        }
        _ => {
            let mut bytes = Vec::with_capacity(length + 8);
            while bytes.len() < length {
                bytes.extend_from_slice(&random.draw().to_le_bytes());
            }
            bytes
        }
    };
    bytes.truncate(length);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_empty_small_around_a_chunk_and_a_megabyte() {
        let mut random = Random::of_stream(1, 1);
        let lengths: Vec<usize> = (0..20_000).map(|_| value(&mut random).len()).collect();
        let some = |range: std::ops::Range<usize>| lengths.iter().any(|len| range.contains(len));
        assert!(some(0..1) && some(1..20) && some(16_336..16_337) && some(16_384..16_400));
        assert!(some(1_000_000..1_100_000));
        assert!((0..1000).all(|_| small(&mut random).len() <= 60));
    }
}
