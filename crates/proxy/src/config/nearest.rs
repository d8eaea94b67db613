//! The nearest of some names to a misspelt one.

use std::cmp::Reverse;

/// The name that `found` is most likely a misspelling of, if any is near enough.
///
/// Near enough is one edit for every three letters, with letter case counting for nothing: close
/// calls help, far-fetched ones mislead. Of equally near names the longest wins, as letters are
/// more often left out than changed. For error messages only: it costs `found`'s length times each
/// name's.
pub(crate) fn nearest<'a>(found: &str, names: &[&'a str]) -> Option<&'a str> {
    let found: Vec<char> = found.to_lowercase().chars().collect();
    let allowed = (found.len() / 3).max(1);
    names
        .iter()
        .map(|&name| (name, name.to_lowercase().chars().collect::<Vec<char>>()))
        // A name whose length differs by more is out without counting.
        .filter(|(_, letters)| letters.len().abs_diff(found.len()) <= allowed)
        .map(|(name, letters)| (distance(&found, &letters), name))
        .filter(|&(edits, _)| edits <= allowed)
        .min_by_key(|&(edits, name)| (edits, Reverse(name.len())))
        .map(|(_, name)| name)
}

/// How many edits make `b` out of `a`: a letter put in, taken out or replaced, or two neighbours
/// swapped.
fn distance(a: &[char], b: &[char]) -> usize {
    // `before`, `last` and `row` are the distances of the first letters of `a` (as many as the
    // index says) from ever longer heads of `b`: two letters ago, one letter ago, now.
    let mut before = Vec::new();
    let mut last: Vec<usize> = (0..=a.len()).collect();
    for j in 1..=b.len() {
        let mut row = vec![j; a.len() + 1];
        for i in 1..=a.len() {
            let replaced = last[i - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[i] = replaced.min(last[i] + 1).min(row[i - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                let swapped: usize = before[i - 2];
                row[i] = row[i].min(swapped + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[a.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const NAMES: &[&str] = &["md5", "fnv1_64", "fnv1a_64", "redis", "server_retry_timeout"];

    #[test]
    fn a_misspelt_name_finds_the_name_meant() {
        for (found, meant) in [
            ("fnvla_64", "fnv1a_64"),
            ("fnv1a64", "fnv1a_64"),
            ("fnv164", "fnv1_64"),
            ("MD5", "md5"),
            ("Redis", "redis"),
            ("redsi", "redis"),
            ("rdis", "redis"),
            ("server_retry_time", "server_retry_timeout"),
            ("redis", "redis"),
        ] {
            assert_eq!(nearest(found, NAMES), Some(meant), "{found}");
        }
    }

    #[test]
    fn a_name_far_from_all_finds_none() {
        for found in ["sha1", "", "x", "timeout", "fnvla_64 and more"] {
            assert_eq!(nearest(found, NAMES), None, "{found}");
        }
    }
}
