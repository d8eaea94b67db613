//! What the keys of streams of both protocols begin with.

/// What all keys of a stream begin with. Those of streams that the original does not serve to
/// their end begin otherwise: what they leave in the servers is not compared.
pub(crate) fn name_space(number: u64, is_odd: bool) -> Vec<u8> {
    let kind = if is_odd { 'x' } else { 'c' };
    format!("{kind}{number}:").into_bytes()
}

/// Whether the servers' contents under this key are compared, and how: `None` if not at all, else
/// whether members were drawn from it at random.
pub(crate) fn is_random(key: &[u8]) -> Option<bool> {
    let is_odd = key.first() == Some(&b'x');
    let sort = key.iter().position(|byte| *byte == b':').and_then(|at| key.get(at + 1));
    (!is_odd).then_some(sort == Some(&b'r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_whether_it_is_compared() {
        let key = |is_odd, rest: &[u8]| [&name_space(12, is_odd)[..], rest].concat();
        assert_eq!(is_random(&key(false, b"s0")), Some(false));
        assert_eq!(is_random(&key(false, b"r0")), Some(true));
        assert_eq!(is_random(&key(true, b"s0")), None);
        assert_eq!(is_random(b""), Some(false));
    }
}
