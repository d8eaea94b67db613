//! What clients and servers say, so that no effort goes into guessing bytes.

use nutcracker_proto::Protocol;

/// A large value's length: above what is copied, so that it is handed on by reference.
const LARGE: usize = 40_000;

const REDIS_REQUESTS: &[&[u8]] = &[
    b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\nv\r\n",
    b"*5\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n",
    b"*4\r\n$3\r\nDEL\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
    b"*7\r\n$4\r\nMSET\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\nc\r\n$1\r\n3\r\n",
    b"*1\r\n$4\r\nPING\r\n",
    b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n",
    b"*2\r\n$4\r\nAUTH\r\n$5\r\nwrong\r\n",
    b"*1\r\n$3\r\nFOO\r\n",
    b"GET a\r\n",
    b"*1\r\n$6\r\nLOLWUT\r\n",
    b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n",
    b"*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n",
    b"*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$4\r\nSKIP\r\n",
    b"*2\r\n$3\r\nGET\r\n$1\r\n",
    b"*1\r\n$4\r\nQUIT\r\n",
];

/// Those with a conn of the client's own, by the letters from `g` on.
const PINNED_REQUESTS: &[&[u8]] = &[
    b"*1\r\n$5\r\nMULTI\r\n",
    b"*1\r\n$4\r\nEXEC\r\n",
    b"*2\r\n$5\r\nWATCH\r\n$1\r\na\r\n",
    b"*3\r\n$5\r\nBLPOP\r\n$1\r\na\r\n$1\r\n0\r\n",
    b"*1\r\n$7\r\nDISCARD\r\n",
    b"*1\r\n$7\r\nUNWATCH\r\n",
    b"*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nEXEC\r\n",
    b"*3\r\n$5\r\nBRPOP\r\n$1\r\nb\r\n$3\r\n0.1\r\n",
    b"*5\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n",
    b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
];

const REDIS_RESPONSES: &[&[u8]] = &[
    b"$1\r\nv\r\n",
    b"+OK\r\n",
    b":1\r\n",
    b"$-1\r\n",
    b"*1\r\n$1\r\nv\r\n",
    b"*2\r\n$1\r\nv\r\n$-1\r\n",
    b"*-1\r\n",
    b"-ERR no\r\n",
    b"-OOM no\r\n",
    b"*2\r\n$1\r\n",
    b"v\r\n",
];

const MEMCACHED_REQUESTS: &[&[u8]] = &[
    b"get a\r\n",
    b"set a 0 0 1\r\nv\r\n",
    b"get a b c d e\r\n",
    b"set b 0 0 1 noreply\r\nv\r\n",
    b"delete c noreply\r\n",
    b"incr a 1\r\n",
    b"version\r\n",
    b"foo\r\n",
    b"set a 0 0 7\r\n",
    b"gets a b\r\n",
    b"quit\r\n",
];

const MEMCACHED_RESPONSES: &[&[u8]] = &[
    b"VALUE a 0 1\r\nv\r\nEND\r\n",
    b"END\r\n",
    b"STORED\r\n",
    b"DELETED\r\n",
    b"1\r\n",
    b"VERSION 1\r\n",
    b"ERROR\r\n",
    b"SERVER_ERROR out of memory\r\n",
    b"VALUE a 0 7\r\nv",
    b"v\r\n",
];

/// The client's phrase of that number; one of them is large.
pub(super) fn request(protocol: Protocol, number: u8) -> Vec<u8> {
    if let (Protocol::Redis, Some(pinned)) = (protocol, number.checked_sub(b'g')) {
        return PINNED_REQUESTS[usize::from(pinned) % PINNED_REQUESTS.len()].to_vec();
    }
    let (phrases, mut large) = match protocol {
        Protocol::Redis => {
            (REDIS_REQUESTS, format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${LARGE}\r\n").into_bytes())
        }
        Protocol::Memcache => (MEMCACHED_REQUESTS, format!("set a 0 0 {LARGE}\r\n").into_bytes()),
    };
    large.resize(large.len() + LARGE, b'v');
    large.extend_from_slice(b"\r\n");
    phrases.get(usize::from(number) % (phrases.len() + 1)).map_or(large, |phrase| phrase.to_vec())
}

/// The server's phrase of that number; one of them is large.
pub(super) fn response(protocol: Protocol, number: u8) -> Vec<u8> {
    let (phrases, mut large, end) = match protocol {
        Protocol::Redis => (REDIS_RESPONSES, format!("${LARGE}\r\n").into_bytes(), &b"\r\n"[..]),
        Protocol::Memcache => (
            MEMCACHED_RESPONSES,
            format!("VALUE a 0 {LARGE}\r\n").into_bytes(),
            &b"\r\nEND\r\n"[..],
        ),
    };
    large.resize(large.len() + LARGE, b'v');
    large.extend_from_slice(end);
    phrases.get(usize::from(number) % (phrases.len() + 1)).map_or(large, |phrase| phrase.to_vec())
}

/// What a server that keeps to the rules answers to a command with so many keys.
pub(super) fn answer(protocol: Protocol, command: &str, keys: u32) -> Vec<u8> {
    match (protocol, command) {
        (Protocol::Redis, "get") => b"$1\r\nv\r\n".to_vec(),
        (Protocol::Redis, "mget") => {
            let mut out = format!("*{keys}\r\n").into_bytes();
            (0..keys).for_each(|_| out.extend_from_slice(b"$1\r\nv\r\n"));
            out
        }
        (Protocol::Redis, "del") => format!(":{keys}\r\n").into_bytes(),
        (Protocol::Redis, _) => b"+OK\r\n".to_vec(),
        (Protocol::Memcache, "get" | "gets") => {
            let mut out = Vec::new();
            (0..keys).for_each(|_| out.extend_from_slice(b"VALUE a 0 1\r\nv\r\n"));
            out.extend_from_slice(b"END\r\n");
            out
        }
        (Protocol::Memcache, _) => b"STORED\r\n".to_vec(),
    }
}
