//! The keys of one case: a few of each sort, all with the case's hash tag, filled before they are
//! used.
//!
//! | letter | sort |
//! |---|---|
//! | `s i b` | strings: a text, an integer, bits |
//! | `l L` | lists: of texts, of integers |
//! | `h` | hashes |
//! | `e n` | sets: of texts, of integers |
//! | `z y` | sorted sets: of different scores, of one score |
//! | `p` | HyperLogLogs |
//! | `g` | places |
//! | `x` | streams, with a group `g1` whose consumer `c1` has two entries pending |
//! | `a` | nothing there |

use std::collections::BTreeSet;

use crate::random::Random;

/// All sorts.
pub(crate) const SORTS: &[u8] = b"siblLhenzypgxa";

/// How many keys of a sort there are. The last of them is large: a server keeps it in another form.
const OF_A_SORT: u8 = 4;

/// The keys of a case.
#[derive(Debug)]
pub(crate) struct Keys {
    tag: String,
    /// A key may be of another sort than asked for.
    may_mistake: bool,
    /// The tag is not marked as one, so that they live apart.
    are_apart: bool,
    used: BTreeSet<(u8, u8)>,
}

impl Keys {
    /// Those whose tag is `tag`. `may_mistake`: a key may be of another sort than asked for;
    /// `are_apart`: they do not live together.
    pub(crate) fn new(tag: String, may_mistake: bool, are_apart: bool) -> Self {
        Self { tag, may_mistake, are_apart, used: BTreeSet::new() }
    }

    /// A key of a sort; now and then one of another, where that is allowed.
    pub(crate) fn draw(&mut self, sort: u8, random: &mut Random) -> Vec<u8> {
        let is_mistaken = self.may_mistake && random.chance(70);
        let sort = if sort == b'k' || is_mistaken { *random.pick(SORTS) } else { sort };
        let nth = random.weighted(&[(6, 0), (4, 1), (3, 2), (1, OF_A_SORT - 1)]);
        self.key(sort, nth)
    }

    /// Just this key.
    pub(crate) fn key(&mut self, sort: u8, nth: u8) -> Vec<u8> {
        self.used.insert((sort, nth));
        self.name(sort, nth)
    }

    /// A name that is no key: a channel's, say.
    pub(crate) fn tagged(&self, rest: &str) -> Vec<u8> {
        let Self { tag, are_apart, .. } = self;
        let text = if *are_apart { format!("{tag}:{rest}") } else { format!("{{{tag}}}{rest}") };
        text.into_bytes()
    }

    /// What the tag is.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    fn name(&self, sort: u8, nth: u8) -> Vec<u8> {
        self.tagged(&format!("{}{nth}", sort as char))
    }

    /// The requests that fill the keys that have been used.
    pub(crate) fn fill(&self) -> Vec<Vec<Vec<u8>>> {
        let fillings = self.used.iter().flat_map(|&(sort, nth)| {
            let key = self.name(sort, nth);
            filling(sort, nth).into_iter().map(move |line| {
                let words = line.split(' ').map(|word| match word {
                    "@" => key.clone(),
                    _ => word.as_bytes().to_vec(),
                });
                words.collect()
            })
        });
        fillings.collect()
    }

    /// The requests that show what is under the keys that have been used.
    pub(crate) fn show(&self) -> Vec<Vec<Vec<u8>>> {
        let shows = self.used.iter().flat_map(|&(sort, nth)| {
            let key = self.name(sort, nth);
            let content = match sort {
                b'l' | b'L' => "LRANGE @ 0 -1",
                b'h' => "HGETALL @",
                b'e' | b'n' => "SMEMBERS @",
                b'z' | b'y' | b'g' => "ZRANGE @ 0 -1 WITHSCORES",
                b'x' => "XRANGE @ - +",
                _ => "GET @",
            };
            ["TYPE @", content, "PTTL @"].map(|line| {
                let words = line.split(' ').map(|word| match word {
                    "@" => key.clone(),
                    _ => word.as_bytes().to_vec(),
                });
                words.collect()
            })
        });
        shows.collect()
    }
}

/// What fills a key, which `@` stands for.
fn filling(sort: u8, nth: u8) -> Vec<String> {
    let is_large = nth == OF_A_SORT - 1;
    let many = |head: &str, item: &dyn Fn(usize) -> String| {
        let items: Vec<String> = (0..200).map(item).collect();
        vec![format!("{head} {}", items.join(" "))]
    };
    let one = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    match (sort, nth) {
        (b's', _) if is_large => vec![format!("SET @ {}", "v".repeat(5000))],
        (b's', 0) => one(&["SET @ ohmytext"]),
        (b's', _) => one(&["SET @ mynewtext EX 5000"]),
        (b'i', 0) => one(&["SET @ 10"]),
        (b'i', 1) => one(&["SET @ 3.5"]),
        (b'i', _) => one(&["SET @ 9223372036854775806"]),
        (b'b', _) => vec![format!("SETBIT @ {} 1", 5 + 3 * nth), "SETBIT @ 40 1".to_owned()],
        (b'l', _) if is_large => many("RPUSH @", &|at| format!("element-{at}")),
        (b'l', _) => one(&["RPUSH @ m0 m1 m2 m1 m3 m1"]),
        (b'L', _) => one(&["RPUSH @ 3 1 10 2"]),
        (b'h', _) if is_large => many("HSET @", &|at| format!("field-{at} {at}")),
        (b'h', 0) => one(&["HSET @ m0 v0 m1 1 m2 3.5"]),
        (b'h', _) => one(&["HSET @ m1 5 m3 text"]),
        (b'e', _) if is_large => many("SADD @", &|at| format!("member-{at}")),
        (b'e', 0) => one(&["SADD @ m0 m1 m2 m3"]),
        (b'e', _) => one(&["SADD @ m1 m3 m5"]),
        (b'n', _) => vec![format!("SADD @ 1 2 3 {nth}5")],
        (b'z', _) if is_large => many("ZADD @", &|at| format!("{at}.5 member-{at}")),
        (b'z', 0) => one(&["ZADD @ 1 m0 2 m1 3.5 m2 4 m3"]),
        (b'z', _) => one(&["ZADD @ 2 m1 -1 m2 10 m5"]),
        (b'y', _) => one(&["ZADD @ 0 m0 0 m1 0 m2 0 m3 0 m4"]),
        (b'p', _) => vec![format!("PFADD @ m0 m1 m{nth}")],
        (b'g', _) => one(&["GEOADD @ 13.361389 38.115556 m0 15.087269 37.502669 m1 13.5 38.1 m2"]),
        (b'x', _) => one(&[
            "XADD @ 1-1 m0 v0",
            "XADD @ 2-1 m1 v1 m2 v2",
            "XADD @ 3-1 m0 v3",
            "XADD @ 3-2 m0 v4",
            "XGROUP CREATE @ g1 0",
            "XREADGROUP GROUP g1 c1 COUNT 2 STREAMS @ >",
        ]),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sort_but_nothing_is_filled_under_its_key_alone() {
        let mut keys = Keys::new("t".to_owned(), false, false);
        for &sort in SORTS {
            for nth in 0..OF_A_SORT {
                assert_eq!(filling(sort, nth).is_empty(), sort == b'a', "{}", sort as char);
                keys.key(sort, nth);
            }
        }
        for words in keys.fill().iter().chain(&keys.show()) {
            assert!(words.iter().any(|word| word.starts_with(b"{t}")), "{words:?}");
        }
    }
}
