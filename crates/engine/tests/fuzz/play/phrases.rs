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

/// Those with a conn of the client's own, and what else came later, by the letters from `g` on.
const FURTHER_REQUESTS: &[&[u8]] = &[
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
    // From the letter `q` on: subscriptions, cursors, scripts, and what is asked of the proxy itself.
    b"*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n$1\r\nb\r\n",
    b"*2\r\n$10\r\nPSUBSCRIBE\r\n$2\r\na*\r\n",
    b"*1\r\n$11\r\nUNSUBSCRIBE\r\n",
    b"*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$2\r\nhi\r\n",
    b"*2\r\n$4\r\nSCAN\r\n$1\r\n0\r\n",
    b"*4\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n1\r\n$1\r\na\r\n",
    b"*4\r\n$7\r\nEVALSHA\r\n$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n$1\r\n1\r\n$1\r\na\r\n",
    b"*2\r\n$6\r\nDBSIZE\r\n$1\r\nx\r\n*1\r\n$6\r\nDBSIZE\r\n",
    b"*4\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$6\r\nSKIPME\r\n$3\r\nyes\r\n*2\r\n$6\r\nCLIENT\r\n$4\r\nLIST\r\n",
    b"*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n",
    b"*1\r\n$5\r\nRESET\r\n",
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

/// What a server says besides, by the letters from `g` on.
const FURTHER_RESPONSES: &[&[u8]] = &[
    b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n",
    b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n",
    b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n",
    b"*4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$2\r\nab\r\n$2\r\nhi\r\n",
    b"*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n",
    b"*2\r\n$1\r\n7\r\n*1\r\n$1\r\na\r\n",
    b"*2\r\n$1\r\n0\r\n*0\r\n",
    b"-NOSCRIPT No matching script\r\n",
    b"+QUEUED\r\n",
    b"+PONG\r\n",
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

/// The meta commands and what else came later, by the letters from `g` on.
const META_REQUESTS: &[&[u8]] = &[
    b"mg a v t k O1\r\n",
    b"mg a v q\r\nmg b v q k\r\nmn\r\n",
    b"ms a 1 T30 q\r\nv\r\nmn\r\n",
    b"md a q\r\n",
    b"ma a N0 J1 D2 v\r\n",
    b"mn\r\n",
    b"mg YQ== b v k\r\n",
    b"gat 10 a b c\r\n",
    b"verbosity 1\r\n",
    b"flush_all\r\n",
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

/// Their answers, by the letters from `g` on.
const META_RESPONSES: &[&[u8]] = &[
    b"HD\r\n",
    b"EN\r\n",
    b"VA 1 t5 ka O1\r\nv\r\n",
    b"MN\r\n",
    b"NS q\r\n",
    b"VA 1 kYQ== b\r\nv\r\n",
];

/// The client's phrase of that number; one of them is large.
pub(super) fn request(protocol: Protocol, number: u8) -> Vec<u8> {
    if let Some(further) = number.checked_sub(b'g') {
        let phrases = match protocol {
            Protocol::Redis => FURTHER_REQUESTS,
            Protocol::Memcache => META_REQUESTS,
        };
        return phrases[usize::from(further) % phrases.len()].to_vec();
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
    if let Some(further) = number.checked_sub(b'g') {
        let phrases = match protocol {
            Protocol::Redis => FURTHER_RESPONSES,
            Protocol::Memcache => META_RESPONSES,
        };
        return phrases[usize::from(further) % phrases.len()].to_vec();
    }
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
        (Protocol::Redis, "scan") => b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n".to_vec(),
        (Protocol::Redis, "evalsha") => b"-NOSCRIPT No matching script\r\n".to_vec(),
        (Protocol::Redis, "subscribe") => b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n".to_vec(),
        (Protocol::Redis, "publish") => b":1\r\n".to_vec(),
        (Protocol::Redis, _) => b"+OK\r\n".to_vec(),
        (Protocol::Memcache, "get" | "gets") => {
            let mut out = Vec::new();
            (0..keys).for_each(|_| out.extend_from_slice(b"VALUE a 0 1\r\nv\r\n"));
            out.extend_from_slice(b"END\r\n");
            out
        }
        (Protocol::Memcache, "mg") => b"VA 1\r\nv\r\n".to_vec(),
        (Protocol::Memcache, "ms" | "md" | "ma") => b"HD\r\n".to_vec(),
        (Protocol::Memcache, "mn") => b"MN\r\n".to_vec(),
        (Protocol::Memcache, _) => b"STORED\r\n".to_vec(),
    }
}
