//! The scripts that a pool's clients have sent, by their digest: bounded, the oldest out.
//!
//! One a pool, shared by all workers: a script that came by way of one is asked for at another. A
//! digest is a few microseconds for a script of a kilobyte, which is more than all the rest of an
//! `EVAL` costs here. So a script that is known is recognised without: by a quick sum of a few of its
//! bytes, and then by comparing all of them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use sha1::{Digest as _, Sha1};

use crate::limits::{SCRIPT_BYTES_MAX, SCRIPTS_BYTES_MAX, SCRIPTS_MAX};

/// SHA-1, as servers name scripts by it.
type Digest = [u8; 20];

/// The scripts of one pool. On cache lines of their own: what lies beside them in the pool is read for
/// every request.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Scripts(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    by_digest: HashMap<Digest, Arc<[u8]>>,
    /// The last script with that quick sum.
    by_sum: HashMap<u64, Arc<[u8]>>,
    /// The digests, the oldest first.
    order: VecDeque<Digest>,
    /// Bytes of all scripts.
    bytes: usize,
}

impl Scripts {
    /// Remembers `script`, if it is not too large to be worth it.
    ///
    /// For a script that is known: a sum of a few bytes, a look-up, a compare. Never waits: while
    /// another worker is at it, the script is not remembered this time.
    pub(crate) fn note(&self, script: &[u8]) {
        let known = match self.0.try_lock() {
            Ok(known) => known,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if script.len() > SCRIPT_BYTES_MAX || known.has(script) {
            return;
        }
        drop(known);
        self.remember(script);
    }

    /// Remembers `script`, if it is not too large to be worth it. Computes its digest.
    pub(crate) fn remember(&self, script: &[u8]) {
        if script.len() > SCRIPT_BYTES_MAX {
            return;
        }
        let digest: Digest = Sha1::digest(script).into();
        self.known().insert(digest, script);
    }

    /// The script whose digest is `text`, forty hexadecimal digits in any case.
    pub(crate) fn find(&self, text: &[u8]) -> Option<Arc<[u8]>> {
        let digest = digest_of(text)?;
        self.known().by_digest.get(&digest).map(Arc::clone)
    }

    /// Whether there is a script of that digest.
    pub(crate) fn knows(&self, text: &[u8]) -> bool {
        digest_of(text).is_some_and(|digest| self.known().by_digest.contains_key(&digest))
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        *self.known() = Known::default();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic leaves at worst a script that is not found.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn has(&self, script: &[u8]) -> bool {
        self.by_sum.get(&quick_sum(script)).is_some_and(|found| **found == *script)
    }

    fn insert(&mut self, digest: Digest, script: &[u8]) {
        let sum = quick_sum(script);
        if let Some(known) = self.by_digest.get(&digest) {
            self.by_sum.insert(sum, Arc::clone(known));
            return;
        }
        let kept: Arc<[u8]> = script.into();
        self.by_sum.insert(sum, Arc::clone(&kept));
        self.by_digest.insert(digest, kept);
        self.order.push_back(digest);
        self.bytes += script.len();
        while self.order.len() > SCRIPTS_MAX || self.bytes > SCRIPTS_BYTES_MAX {
            let Some(oldest) = self.order.pop_front() else { break };
            let Some(script) = self.by_digest.remove(&oldest) else { continue };
            self.bytes -= script.len();
            let sum = quick_sum(&script);
            if self.by_sum.get(&sum).is_some_and(|last| Arc::ptr_eq(last, &script)) {
                self.by_sum.remove(&sum);
            }
        }
    }
}

/// A sum of the length, the last bytes and some words on the way there. Two scripts with the same are
/// told apart by comparing them; only the last of them is then known without its digest.
fn quick_sum(script: &[u8]) -> u64 {
    const WORDS: usize = 16;
    let add = |sum: u64, at: usize| {
        let word = match script[at..].first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => script[at..].iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        // Multiplied and turned, so that every bit has a say in the next step.
        (sum ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
    };
    let step = (script.len() / WORDS).max(8);
    let last = script.len().saturating_sub(8);
    (0..last).step_by(step).chain([last]).fold(script.len() as u64, add)
}

/// The digest that `text` writes out.
fn digest_of(text: &[u8]) -> Option<Digest> {
    let mut digest = Digest::default();
    if text.len() != 2 * digest.len() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(digest)
}

/// The value of a hexadecimal digit.
const fn digit(text: u8) -> Option<u8> {
    match text {
        b'0'..=b'9' => Some(text - b'0'),
        b'a'..=b'f' => Some(text - b'a' + 10),
        b'A'..=b'F' => Some(text - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `redis-cli script load 'return 1'` says so.
    const RETURN_1: &[u8] = b"e0e1f9fabfc9d4800c877a703b823ac0578ff8db";

    #[test]
    fn a_script_is_found_by_the_digest_that_a_server_gives_it() {
        let scripts = Scripts::default();
        assert_eq!(scripts.find(RETURN_1), None);
        scripts.note(b"return 1");
        assert_eq!(scripts.find(RETURN_1).as_deref(), Some(&b"return 1"[..]));
        assert!(scripts.find(&RETURN_1.to_ascii_uppercase()).is_some());
        for odd in [&RETURN_1[1..], b"", &[b'x'; 40], &[0xFF; 40]] {
            assert_eq!(scripts.find(odd), None, "{}", odd.escape_ascii());
        }
        scripts.clear();
        assert_eq!(scripts.find(RETURN_1), None);
    }

    #[test]
    fn a_known_script_is_known_and_one_that_differs_anywhere_is_not() {
        let scripts = Scripts::default();
        let script = vec![b'x'; 5_000];
        scripts.note(&script);
        assert!(scripts.known().has(&script));
        for at in (0..script.len()).step_by(7) {
            let mut other = script.clone();
            other[at] = b'y';
            assert!(!scripts.known().has(&other), "byte {at}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn the_oldest_leave_when_there_are_too_many_or_too_large_ones() {
        let scripts = Scripts::default();
        let script = |n: usize| format!("return {n}").into_bytes();
        (0..SCRIPTS_MAX + 10).for_each(|n| scripts.note(&script(n)));
        assert!(!scripts.known().has(&script(9)) && scripts.known().has(&script(10)));
        let known = scripts.known();
        let sizes = (known.by_digest.len(), known.by_sum.len(), known.order.len());
        assert_eq!(sizes, (SCRIPTS_MAX, SCRIPTS_MAX, SCRIPTS_MAX));
        drop(known);

        (0..1_000).for_each(|n: u64| {
            let mut large = vec![b' '; SCRIPT_BYTES_MAX];
            large[..8].copy_from_slice(&n.to_le_bytes());
            scripts.note(&large);
            assert!(scripts.known().bytes <= SCRIPTS_BYTES_MAX);
        });
        scripts.note(&vec![b' '; SCRIPT_BYTES_MAX + 1]);
        let known = scripts.known();
        assert_eq!(known.order.len(), SCRIPTS_BYTES_MAX / SCRIPT_BYTES_MAX);
        assert_eq!(known.bytes, known.by_digest.values().map(|script| script.len()).sum());
    }
}
