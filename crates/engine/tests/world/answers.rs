//! What an honest server answers. A function of the request alone, so that its client can tell.

use nutcracker_proto::Protocol;

use super::key::{Kind, Tag, value};
use super::wire::{Tongue, push_bulk, stores};

/// The answer to a request of these words, the first of which is the name in lower case.
pub(crate) fn answer(tongue: Tongue, words: &[Vec<u8>]) -> Vec<u8> {
    match tongue {
        Tongue::Resp2 | Tongue::Resp3 => redis(tongue, words),
        Tongue::Memcached => memcached(words),
    }
}

/// The keys of a request.
pub(crate) fn keys(protocol: Protocol, words: &[Vec<u8>]) -> Vec<&[u8]> {
    let arguments = words[1..].iter().map(Vec::as_slice);
    match (protocol, words[0].as_slice()) {
        (Protocol::Redis, b"mget" | b"del" | b"unlink" | b"exists" | b"touch") => {
            arguments.collect()
        }
        (Protocol::Redis, b"mset") => arguments.step_by(2).collect(),
        (Protocol::Redis, b"ping" | b"multi" | b"exec" | b"discard") => Vec::new(),
        (Protocol::Redis, b"dbsize" | b"randomkey" | b"flushall" | b"flushdb" | b"script") => {
            Vec::new()
        }
        (Protocol::Redis, b"publish" | b"spublish") => arguments.skip(1).take(1).collect(),
        (Protocol::Redis, b"scan") => arguments.skip(2).take(1).collect(),
        (Protocol::Redis, b"eval" | b"evalsha") => arguments.skip(2).take(1).collect(),
        (Protocol::Memcache, b"get" | b"gets") => arguments.collect(),
        (Protocol::Memcache, b"version" | b"stats" | b"flush_all") => Vec::new(),
        _ => arguments.take(1).collect(),
    }
}

/// The values that a request brings along, each with its key.
pub(crate) fn payloads(protocol: Protocol, words: &[Vec<u8>]) -> Vec<(&[u8], &[u8])> {
    match (protocol, words) {
        (Protocol::Redis, [name, pairs @ ..]) if name == b"mset" => {
            pairs.chunks(2).map(|pair| (&*pair[0], &*pair[1])).collect()
        }
        (Protocol::Redis, [name, key, payload, ..]) if name == b"set" => vec![(key, payload)],
        (Protocol::Memcache, [name, key, .., payload]) if name == b"ms" => vec![(key, payload)],
        (Protocol::Memcache, [name, key, .., payload]) if stores(name) && words.len() > 2 => {
            vec![(key, payload)]
        }
        _ => Vec::new(),
    }
}

fn tag(key: &[u8]) -> Tag {
    Tag::of(key).unwrap_or_else(|| panic!("a server is asked for {}", key.escape_ascii()))
}

/// The whole answer, when one of `keys` has none of the kind that was asked for.
pub(crate) fn bad(protocol: Protocol, keys: &[&[u8]]) -> Option<Vec<u8>> {
    keys.iter().find_map(|key| {
        let kind = tag(key).kind;
        let text: &[u8] = match (protocol, kind) {
            (Protocol::Redis, Kind::Error) => b"-ERR ",
            (Protocol::Redis, Kind::Unwell) => b"-LOADING ",
            (Protocol::Memcache, Kind::Error) => b"SERVER_ERROR ",
            (Protocol::Memcache, Kind::TooLarge) => b"SERVER_ERROR too large: ",
            _ => return None,
        };
        Some([text, key, b"\r\n"].concat())
    })
}

/// Whether a server answers a request of these words with something that its client must never see.
pub(crate) fn is_wrong(protocol: Protocol, words: &[Vec<u8>]) -> bool {
    let keys = keys(protocol, words);
    // What a script may answer with nobody knows.
    !words[0].starts_with(b"eval") && keys.iter().any(|key| tag(key).kind == Kind::Wrong)
}

fn redis(tongue: Tongue, words: &[Vec<u8>]) -> Vec<u8> {
    let keys = keys(Protocol::Redis, words);
    if let Some(bad) = bad(Protocol::Redis, &keys) {
        return bad;
    }
    let name = words[0].as_slice();
    if is_wrong(Protocol::Redis, words) {
        return match name {
            b"mget" | b"blpop" | b"bzpopmin" => b"+wrong\r\n".to_vec(),
            _ => b"*1\r\n+wrong\r\n".to_vec(),
        };
    }
    match name {
        b"mget" => {
            let mut out = format!("*{}\r\n", keys.len()).into_bytes();
            keys.iter().for_each(|key| push_element(tongue, key, &mut out));
            out
        }
        b"del" | b"unlink" | b"exists" | b"touch" => {
            let numbers = keys.iter().map(|key| match tag(key).kind {
                Kind::Number(number) => u64::from(number),
                _ => 0,
            });
            format!(":{}\r\n", numbers.sum::<u64>()).into_bytes()
        }
        b"mset" | b"watch" => b"+OK\r\n".to_vec(),
        b"ping" => b"+PONG\r\n".to_vec(),
        b"incr" | b"hset" | b"lpush" | b"zadd" | b"ttl" => {
            format!(":{}\r\n", number(keys[0])).into_bytes()
        }
        b"publish" | b"spublish" => match tag(keys[0]).kind {
            Kind::Number(number) => format!(":{number}\r\n").into_bytes(),
            _ => b":0\r\n".to_vec(),
        },
        b"blpop" | b"bzpopmin" => {
            let mut out = b"*2\r\n".to_vec();
            push_bulk(keys[0], &mut out);
            push_element(tongue, keys[0], &mut out);
            out
        }
        _ => {
            let mut out = Vec::new();
            push_element(tongue, keys[0], &mut out);
            out
        }
    }
}

/// A number that no other request of its kind is answered with.
fn number(key: &[u8]) -> u32 {
    let Tag { client, request, .. } = tag(key);
    client * 100_000 + request
}

fn push_element(tongue: Tongue, key: &[u8], out: &mut Vec<u8>) {
    match tag(key).kind {
        Kind::Value(bytes) => push_bulk(&value(key, bytes as usize), out),
        Kind::Number(number) => push_bulk(number.to_string().as_bytes(), out),
        _ if tongue == Tongue::Resp3 => out.extend_from_slice(b"_\r\n"),
        _ => out.extend_from_slice(b"$-1\r\n"),
    }
}

fn memcached(words: &[Vec<u8>]) -> Vec<u8> {
    let keys = keys(Protocol::Memcache, words);
    if let Some(bad) = bad(Protocol::Memcache, &keys) {
        return bad;
    }
    if is_wrong(Protocol::Memcache, words) {
        return match words[0].as_slice() {
            b"touch" => b"STORED\r\n".to_vec(),
            _ => b"TOUCHED\r\n".to_vec(),
        };
    }
    match words[0].as_slice() {
        b"get" | b"gets" => {
            let blocks = keys.iter().map(|key| block(key, words[0] == b"gets"));
            [blocks.collect::<Vec<_>>().concat(), b"END\r\n".to_vec()].concat()
        }
        b"version" => b"VERSION 1.6.0\r\n".to_vec(),
        _ if tag(keys[0]).kind == Kind::Missing => b"NOT_FOUND\r\n".to_vec(),
        b"incr" => format!("{}\r\n", number(keys[0])).into_bytes(),
        b"delete" => b"DELETED\r\n".to_vec(),
        b"touch" => b"TOUCHED\r\n".to_vec(),
        _ => match tag(keys[0]).kind {
            Kind::Value(_) => b"STORED\r\n".to_vec(),
            _ => b"EXISTS\r\n".to_vec(),
        },
    }
}

/// The block of a key that is found; nothing for one that is not.
pub(crate) fn block(key: &[u8], with_unique: bool) -> Vec<u8> {
    let tag = tag(key);
    let Kind::Value(bytes) = tag.kind else { return Vec::new() };
    let unique = if with_unique { format!(" {}", tag.request) } else { String::new() };
    let head = format!(" {} {bytes}{unique}\r\n", tag.client);
    [b"VALUE ", key, head.as_bytes(), &value(key, bytes as usize), b"\r\n"].concat()
}
