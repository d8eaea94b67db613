//! What the servers hold when all has been said: each server of one side the same as its fellow on
//! the other, key by key. Different placement shows here, as does a write that got lost.

use std::collections::BTreeSet;

use super::compare::are_same;
use super::direct::Direct;
use super::names;
use super::pools;
use super::reply::{self, Protocol};
use super::rig::Rig;
use super::stream::{Mode, Stream};
use crate::failure::Result;
use crate::wire;

/// What was looked at.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// How many keys, of either side.
    pub(crate) keys: usize,
    /// Where they differ, in words; a few at most.
    pub(crate) differences: Vec<String>,
}

impl Contents {
    fn differ(&mut self, what: impl FnOnce() -> String) {
        const MOST: usize = 5;
        if self.differences.len() < MOST {
            self.differences.push(what());
        }
    }
}

/// Compares what the servers of both sides hold of the keys of `streams`.
///
/// # Errors
/// The system's.
pub(crate) fn compare(protocol: Protocol, rig: &Rig, streams: &[Stream]) -> Result<Contents> {
    let mut contents = Contents::default();
    let originals = rig.original.servers()?.into_iter().chain(rig.original.guarded_server()?);
    let ours = rig.ours.servers()?.into_iter().chain(rig.ours.guarded_server()?);
    for (index, (mut original, mut ours)) in originals.zip(ours).enumerate() {
        let name = pools::server_name(index);
        match protocol {
            Protocol::Redis => {
                for database in [0, pools::DATABASE] {
                    let select = database.to_string();
                    original.tell(&["SELECT", &select])?;
                    ours.tell(&["SELECT", &select])?;
                    let place = format!("{name}, database {database}");
                    compare_redis(&place, &mut original, &mut ours, &mut contents)?;
                }
            }
            Protocol::Memcached => {
                compare_memcached(&name, &mut original, &mut ours, streams, &mut contents)?;
            }
        }
    }
    Ok(contents)
}

fn compare_redis(
    place: &str,
    original: &mut Direct,
    ours: &mut Direct,
    contents: &mut Contents,
) -> Result<()> {
    let keys = redis_keys(original)?;
    let our_keys = redis_keys(ours)?;
    for key in keys.symmetric_difference(&our_keys) {
        let side = if keys.contains(key) { "the original" } else { "ours" };
        contents.differ(|| format!("{place}: only {side} has the key \"{}\"", key.escape_ascii()));
    }
    let both: Vec<&Vec<u8>> = keys.intersection(&our_keys).collect();
    contents.keys += both.len();
    let look = |key: &&Vec<u8>| {
        ["TYPE", "PTTL", "DUMP"].map(|name| wire::array(&[name.as_bytes(), key.as_slice()]))
    };
    let requests: Vec<Vec<u8>> = both.iter().flat_map(look).collect();
    let (found, our_found) = (original.ask_all(&requests)?, ours.ask_all(&requests)?);
    for (nth, key) in both.iter().enumerate() {
        let [kind, left, dump] = [0, 1, 2].map(|n| (&found[3 * nth + n], &our_found[3 * nth + n]));
        let is_random = names::is_random(key) == Some(true);
        let is_same = kind.0 == kind.1
            && are_same(Mode::Near(120_000), left.0, left.1)
            && (is_random || dump.0 == dump.1 || are_same_inside(key, kind.0, original, ours)?);
        if !is_same {
            contents.differ(|| {
                let shown = |reply: &[u8]| reply[..reply.len().min(200)].escape_ascii().to_string();
                let [kind, left, dump] =
                    [kind, left, dump].map(|(one, other)| (shown(one), shown(other)));
                let key = key.escape_ascii();
                format!(
                    "{place}: the key \"{key}\" differs (original, ours): {kind:?} {left:?} {dump:?}"
                )
            });
        }
    }
    Ok(())
}

/// Whether a key whose dumps differ is a hash table with the same in it.
fn are_same_inside(
    key: &[u8],
    kind: &[u8],
    original: &mut Direct,
    ours: &mut Direct,
) -> Result<bool> {
    let (name, mode) = match kind {
        b"+set\r\n" => ("SMEMBERS", Mode::Elements),
        b"+hash\r\n" => ("HGETALL", Mode::Pairs),
        _ => return Ok(false),
    };
    let request = wire::array(&[name.as_bytes(), key]);
    Ok(are_same(mode, &original.ask(&request)?, &ours.ask(&request)?))
}

fn redis_keys(server: &mut Direct) -> Result<BTreeSet<Vec<u8>>> {
    let reply = server.ask(&wire::array(&["KEYS", "*"]))?;
    let keys = reply::elements(&reply).unwrap_or_default();
    let keys = keys.into_iter().filter_map(|bulk| {
        let start = bulk.iter().position(|byte| *byte == b'\n')? + 1;
        let key = bulk.get(start..bulk.len() - 2)?;
        names::is_random(key).is_some().then(|| key.to_vec())
    });
    Ok(keys.collect())
}

/// memcached lists no keys: asks for all those that the streams named.
fn compare_memcached(
    place: &str,
    original: &mut Direct,
    ours: &mut Direct,
    streams: &[Stream],
    contents: &mut Contents,
) -> Result<()> {
    let mut keys = BTreeSet::new();
    for stream in streams.iter().filter(|stream| stream.tail.is_none()) {
        for ask in &stream.asks {
            let line = stream.wire[ask.at.clone()].split(|byte| *byte == b'\r').next();
            let words = line.unwrap_or_default().split(|byte| *byte == b' ');
            keys.extend(words.filter(|word| word.starts_with(b"c") && word.contains(&b':')));
        }
    }
    contents.keys += keys.len();
    let requests: Vec<Vec<u8>> = keys.iter().map(|key| [b"get ", *key, b"\r\n"].concat()).collect();
    let (found, our_found) = (original.ask_all(&requests)?, ours.ask_all(&requests)?);
    for ((key, found), our_found) in keys.iter().zip(&found).zip(&our_found) {
        if found != our_found {
            contents.differ(|| {
                let shown = |reply: &[u8]| reply[..reply.len().min(200)].escape_ascii().to_string();
                let (found, our_found) = (shown(found), shown(our_found));
                format!("{place}: the key \"{}\" differs: the original's holds \"{found}\", ours \"{our_found}\"", key.escape_ascii())
            });
        }
    }
    Ok(())
}
