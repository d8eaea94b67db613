//! One step alone: parsing, routing, splitting, gathering.

use std::hint::black_box;

use nutcracker_proto::{
    Gather, Progress, Protocol, Request, RequestParser, ResponseParser, Routed, gather, split,
};
use nutcracker_ring::{DistributionKind, HashKind, HashTag, Placement, Ring, RingServer};

use crate::scenarios::{BATCH, Lap};
use crate::wire::{self, Ask};

/// Servers that keys are spread over.
const SERVERS: usize = 4;

/// Keys of a request with many.
const KEYS: u32 = 100;

/// Parses a pipeline of requests.
pub(crate) fn requests(protocol: Protocol, count: u32, ask: Ask) -> Lap {
    let stream = wire::pipeline(protocol, ask, count, 0);
    let mut parser = RequestParser::new(protocol, usize::MAX, usize::MAX);
    Box::new(move || {
        let mut rest = black_box(stream.bytes());
        for _ in 0..count {
            let request = black_box(parser.parse(rest));
            let Ok(Progress::Done(Request::Routed(routed))) = request else {
                unreachable!("whole requests of known commands");
            };
            rest = &rest[routed.len..];
        }
        assert!(rest.is_empty(), "all is parsed");
    })
}

/// Parses the responses to a pipeline of requests.
pub(crate) fn responses(protocol: Protocol, count: u32, ask: Ask) -> Lap {
    let stream = wire::pipeline(protocol, ask, count, 0);
    let stream = wire::answer(protocol, ask, stream.bytes());
    let mut parser = ResponseParser::new(protocol);
    Box::new(move || {
        let mut rest = black_box(stream.bytes());
        for _ in 0..count {
            let Ok(Progress::Done(response)) = black_box(parser.parse(rest)) else {
                unreachable!("whole responses");
            };
            rest = &rest[response.len..];
        }
        assert!(rest.is_empty(), "all is parsed");
    })
}

/// Finds the servers of keys, by the whole key or by a tag in it.
pub(crate) fn route(hash: HashKind, tagged: bool) -> Lap {
    let placement = Placement { hash, tag: tagged.then_some(HashTag::new(b'{', b'}')) };
    let ring = ring();
    let name = |number| match tagged {
        false => wire::key(number),
        true => [b"of:{", wire::key(number).as_slice(), b"}:name"].concat(),
    };
    let keys: Vec<Vec<u8>> = (0..BATCH).map(name).collect();
    Box::new(move || {
        for key in black_box(&keys) {
            black_box(placement.route(&ring, key, || 0));
        }
    })
}

/// Finds the server of each key of a request, and writes a fragment for each server. The engine
/// keeps what it found by server; here each key is written where it belongs at once.
pub(crate) fn split_apart(protocol: Protocol) -> Lap {
    let stream = wire::pipeline(protocol, Ask::Many(KEYS), 1, 0);
    let routed = parsed(protocol, stream.bytes());
    let placement = Placement::default();
    let ring = ring();
    let mut counts = [0; SERVERS];
    for part in split::parts(protocol, &routed, stream.bytes()) {
        counts[owner(placement, &ring, part.key(stream.bytes()))] += 1;
    }
    let mut fragments = [(); SERVERS].map(|()| Vec::new());
    Box::new(move || {
        let frame = black_box(stream.bytes());
        for (fragment, count) in fragments.iter_mut().zip(counts) {
            fragment.clear();
            split::head(protocol, &routed, frame, count, fragment);
        }
        for part in split::parts(protocol, &routed, frame) {
            let fragment = &mut fragments[owner(placement, &ring, part.key(frame))];
            split::part(protocol, part.bytes(frame), fragment);
        }
        for fragment in &mut fragments {
            split::tail(protocol, fragment);
        }
        black_box(&fragments);
    })
}

/// Makes one response of the fragments' responses.
pub(crate) fn gather_together(kind: Gather) -> Lap {
    let protocol = if kind == Gather::Values { Protocol::Memcache } else { Protocol::Redis };
    let stream = wire::pipeline(protocol, Ask::Many(KEYS), 1, 0);
    let routed = parsed(protocol, stream.bytes());
    let (placement, ring) = (Placement::default(), ring());
    let frame = stream.bytes();
    let owners: Vec<u32> = split::parts(protocol, &routed, frame)
        .map(|part| owner(placement, &ring, part.key(frame)) as u32)
        .collect();
    let responses: Vec<Vec<u8>> = (0..SERVERS as u32)
        .map(|server| {
            let own = owners.iter().filter(|owner| **owner == server).count() as u32;
            match kind {
                Gather::Sum => format!(":{own}\r\n").into_bytes(),
                _ => {
                    let asked = wire::pipeline(protocol, Ask::Many(own), 1, server);
                    wire::answer(protocol, Ask::Many(own), asked.bytes()).bytes().to_vec()
                }
            }
        })
        .collect();
    let mut out: Vec<u8> = Vec::new();
    Box::new(move || {
        let responses: [&[u8]; SERVERS] = [0, 1, 2, 3].map(|at| responses[at].as_slice());
        out.clear();
        let done = gather::gather(kind, black_box(&owners), black_box(&responses), |piece| {
            out.extend_from_slice(piece.bytes(&responses));
        });
        assert!(done.is_ok(), "the responses fit together");
        black_box(&out);
    })
}

fn parsed(protocol: Protocol, stream: &[u8]) -> Routed {
    match RequestParser::new(protocol, usize::MAX, usize::MAX).parse(stream) {
        Ok(Progress::Done(Request::Routed(routed))) => routed,
        other => unreachable!("a whole request of a known command: {other:?}"),
    }
}

fn ring() -> Ring {
    let servers: Vec<RingServer> =
        (0..SERVERS).map(|nth| RingServer::new(format!("server{nth}"), 1)).collect();
    Ring::new(DistributionKind::Ketama, &servers, &[true; SERVERS])
}

fn owner(placement: Placement, ring: &Ring, key: &[u8]) -> usize {
    placement.route(ring, key, || 0).expect("all servers are live")
}
