//! A known-value key: what has been stored under it, and so what a get of it may find.
//!
//! A key belongs to one client, which asks for one thing at a time about it. A value names its key,
//! its sequence number and its length, and fills the rest with bytes that follow from the number: an
//! answer that was meant for somebody else, is older than it may be, or was cut and glued shows.
//!
//! A set that got an error is *in doubt*: the server may have applied it, and may yet, as long as it
//! lies in a frozen server's socket. So it stays possible beside the last acknowledged one.

use std::collections::BTreeSet;

/// One key of one client.
#[derive(Debug)]
pub(super) struct Known {
    /// The key.
    pub(super) key: String,
    /// The index of the server that has it while all are well.
    pub(super) home: usize,
    /// The number of the last set that was sent.
    sent: u64,
    /// The set that is in force as far as is known.
    last: Option<Last>,
    /// Sets that may or may not have been applied.
    doubtful: BTreeSet<u64>,
}

/// The set in force.
#[derive(Debug, Clone, Copy)]
struct Last {
    sequence: u64,
    /// How often the home had lost all it held when the set was sent.
    epoch: u64,
}

/// What the world around a key permits when it is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    /// How often the home has lost all it held.
    pub(super) epoch: u64,
    /// Whether the key may have been elsewhere for a while: then an older value, or none, is right.
    pub(super) may_move: bool,
}

impl Known {
    /// A key that was never set.
    pub(super) fn new(key: String) -> Self {
        Self { key, home: 0, sent: 0, last: None, doubtful: BTreeSet::new() }
    }

    /// Numbers the next set.
    pub(super) fn next_set(&mut self) -> u64 {
        self.sent += 1;
        self.sent
    }

    /// The value of set `sequence`, `len` bytes long, or longer if its names need more.
    pub(super) fn value(&self, sequence: u64, mut len: usize) -> Vec<u8> {
        let mut value = head(&self.key, sequence, len);
        while value.len() > len {
            len = value.len();
            value = head(&self.key, sequence, len);
        }
        let mut value = value.into_bytes();
        value.resize(len, fill(sequence));
        value
    }

    /// Set `sequence`, sent when the home had lost all it held `epoch` times, was acknowledged.
    pub(super) fn acknowledged(&mut self, sequence: u64, epoch: u64) {
        self.last = Some(Last { sequence, epoch });
    }

    /// Set `sequence` got an error, or no answer.
    pub(super) fn in_doubt(&mut self, sequence: u64) {
        self.doubtful.insert(sequence);
    }

    /// A get found this value, or none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn found(&mut self, value: Option<&[u8]>, now: Circumstances) -> Result<(), String> {
        match value {
            Some(value) => self.found_value(value, now),
            None => self.found_nothing(now),
        }
    }

    fn found_value(&mut self, value: &[u8], now: Circumstances) -> Result<(), String> {
        let sequence = self.sequence_of(value)?;
        let known = self.last.is_some_and(|last| last.sequence == sequence);
        let doubtful = self.doubtful.contains(&sequence);
        if known {
            return Ok(());
        }
        if doubtful {
            self.last = Some(Last { sequence, epoch: now.epoch });
            return Ok(());
        }
        if now.may_move && (1..=self.sent).contains(&sequence) {
            return Ok(());
        }
        let last = self.last.map(|last| last.sequence);
        Err(format!(
            "{}: set {sequence} was found, the last acknowledged is {last:?}, in doubt are {:?}",
            self.key, self.doubtful
        ))
    }

    fn found_nothing(&mut self, now: Circumstances) -> Result<(), String> {
        match self.last {
            None => Ok(()),
            Some(_) if now.may_move => Ok(()),
            Some(last) if now.epoch > last.epoch => {
                // What was lost cannot come back.
                self.last = None;
                Ok(())
            }
            Some(last) => Err(format!(
                "{}: nothing was found, though set {} was acknowledged",
                self.key, last.sequence
            )),
        }
    }

    /// The number in a value, if it is one of this key's and whole.
    fn sequence_of(&self, value: &[u8]) -> Result<u64, String> {
        let wrong = |why: &str| {
            let start = String::from_utf8_lossy(&value[..value.len().min(60)]).into_owned();
            Err(format!("{}: {why}: {} bytes, {start:?}", self.key, value.len()))
        };
        let mut parts = value.splitn(4, |byte| *byte == b':');
        let mut part = || parts.next().and_then(|part| std::str::from_utf8(part).ok());
        let (Some(key), Some(sequence), Some(len)) = (part(), part(), part()) else {
            return wrong("this is no value of ours");
        };
        let (Ok(sequence), Ok(len)) = (sequence.parse::<u64>(), len.parse::<usize>()) else {
            return wrong("this is no value of ours");
        };
        if key != self.key {
            return wrong("another key's value was found");
        }
        let whole = self.value(sequence, len);
        if value != whole { wrong("a value was changed on its way") } else { Ok(sequence) }
    }
}

fn head(key: &str, sequence: u64, len: usize) -> String {
    format!("{key}:{sequence}:{len}:")
}

/// The byte that fills a value.
fn fill(sequence: u64) -> u8 {
    b'a' + (sequence % 26) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Circumstances = Circumstances { epoch: 0, may_move: false };

    fn known(sets: u64) -> Known {
        let mut known = Known::new("k".to_owned());
        for _ in 0..sets {
            let sequence = known.next_set();
            known.acknowledged(sequence, 0);
        }
        known
    }

    #[test]
    fn the_last_acknowledged_set_is_right_and_an_older_one_wrong() {
        let mut known = known(3);
        let value = |sequence| Known::new("k".to_owned()).value(sequence, 30);
        known.found(Some(&value(3)), CALM).expect("the last");
        known.found(Some(&value(2)), CALM).expect_err("an older one");
        known.found(Some(&value(4)), CALM).expect_err("one from the future");
        known.found(None, CALM).expect_err("a miss");
    }

    #[test]
    fn another_keys_value_a_cut_one_and_a_mended_one_are_wrong() {
        let mut known = known(1);
        let other = Known::new("other".to_owned()).value(1, 30);
        let error = known.found(Some(&other), CALM).expect_err("another's");
        assert!(error.contains("another key's"), "{error}");
        for len in [1, 9, 30, 99, 100, 1000] {
            let value = known.value(1, len);
            known.found(Some(&value), CALM).expect("whole");
            for cut in 0..value.len() {
                known.found(Some(&value[..cut]), CALM).expect_err("cut");
                let mut changed = value.clone();
                changed[cut] ^= 1;
                known.found(Some(&changed), CALM).expect_err("changed");
            }
        }
    }

    #[test]
    fn a_set_in_doubt_may_have_happened_or_not_and_may_yet() {
        let mut known = known(1);
        let doubt = known.next_set();
        known.in_doubt(doubt);
        let (first, second) = (known.value(1, 30), known.value(2, 30));
        known.found(Some(&first), CALM).expect("not applied yet");
        let third = known.next_set();
        known.acknowledged(third, 0);
        known.found(Some(&second), CALM).expect("the frozen server applied it late");
        known.found(Some(&first), CALM).expect_err("that is gone for good");
        known.found(None, CALM).expect_err("nothing was ever removed");
    }

    #[test]
    fn a_server_that_lost_all_may_miss_what_it_had_and_nothing_else() {
        let mut known = known(1);
        let lost = Circumstances { epoch: 1, may_move: false };
        known.found(None, lost).expect("lost");
        let first = known.value(1, 30);
        known.found(Some(&first), lost).expect_err("what was lost is back");
        let second = known.next_set();
        known.acknowledged(second, 1);
        known.found(None, lost).expect_err("this was set after the loss");
    }

    #[test]
    fn a_key_that_moved_may_be_old_or_missing_but_no_other_keys() {
        let mut known = known(3);
        let moved = Circumstances { epoch: 0, may_move: true };
        let old = known.value(1, 30);
        known.found(Some(&old), moved).expect("what it was before it left");
        known.found(None, moved).expect("it is elsewhere");
        let future = known.value(9, 30);
        known.found(Some(&future), moved).expect_err("never sent");
        let other = Known::new("other".to_owned()).value(1, 30);
        known.found(Some(&other), moved).expect_err("another's");
    }
}
