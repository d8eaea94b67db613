//! The table of scenarios. Names are what the recorded counts are filed under.

use nutcracker_proto::{Gather, Protocol};
use nutcracker_ring::HashKind;

use crate::turns::Load;
use crate::wire::Ask;
use crate::{pieces, turns};

/// The repeated part of a scenario, ready to go.
pub(crate) type Lap = Box<dyn FnMut()>;

/// One row: what is repeated, and how much of it a lap is.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Laps to count. So many that what differs from run to run before the first lap, a few hundred
    /// instructions of the run-time library's reading of its own memory map, does not show.
    pub(crate) laps: u32,
    /// Requests (or responses, where only those are looked at) a lap.
    pub(crate) requests: u32,
    /// Keys a lap, where requests have many; else 0.
    pub(crate) keys: u32,
    /// Bytes of values a lap, where they are what costs; else 0.
    pub(crate) bytes: u64,
    /// Makes all that a lap needs. Costs nothing in the count.
    pub(crate) prepare: fn() -> Lap,
}

/// Small requests that a lap of a single step looks at.
pub(crate) const BATCH: u32 = 64;

/// Laps of what takes thousands of instructions, tens of thousands, hundreds of thousands, and more.
const MANY: u32 = 128;
const SOME: u32 = 32;
const FEW: u32 = 4;
const ONE: u32 = 1;

/// Clients that are busy in a turn.
const BUSY: u32 = 50;

/// Large values are so many of these.
const MIB: u64 = 1024 * 1024;

const fn few(name: &'static str, prepare: fn() -> Lap) -> Scenario {
    Scenario { name, laps: MANY, requests: BATCH, keys: 0, bytes: 0, prepare }
}

const fn one(name: &'static str, keys: u32, prepare: fn() -> Lap) -> Scenario {
    Scenario { name, laps: MANY, requests: 1, keys, bytes: 0, prepare }
}

const fn many(name: &'static str, laps: u32, keys: u32, prepare: fn() -> Lap) -> Scenario {
    Scenario { name, laps, requests: 1, keys, bytes: 0, prepare }
}

const fn turn(name: &'static str, pipeline: u32, keys: u32, prepare: fn() -> Lap) -> Scenario {
    let requests = BUSY * pipeline;
    let laps = if pipeline == 1 && keys == 0 { FEW } else { ONE };
    Scenario { name, laps, requests, keys: requests * keys, bytes: 0, prepare }
}

const fn value(name: &'static str, laps: u32, bytes: u64, prepare: fn() -> Lap) -> Scenario {
    Scenario { name, laps, requests: 1, keys: 0, bytes, prepare }
}

const REDIS: Load = Load {
    protocol: Protocol::Redis,
    servers: 4,
    busy: BUSY as usize,
    idle: 0,
    pipeline: 1,
    in_one_turn: true,
    ask: Ask::Get,
};

const MEMCACHED: Load = Load { protocol: Protocol::Memcache, ..REDIS };

/// One client's value of so many bytes.
const fn alone(ask: Ask) -> Load {
    Load { busy: 1, ask, ..REDIS }
}

#[rustfmt::skip]
pub(crate) const SCENARIOS: &[Scenario] = &[
    few("parse redis GET", || pieces::requests(Protocol::Redis, BATCH, Ask::Get)),
    few("parse redis SET", || pieces::requests(Protocol::Redis, BATCH, Ask::Set)),
    one("parse redis MGET 100", 100, || pieces::requests(Protocol::Redis, 1, Ask::Many(100))),
    few("parse redis bulk", || pieces::responses(Protocol::Redis, BATCH, Ask::Get)),
    one("parse redis array 100", 100, || pieces::responses(Protocol::Redis, 1, Ask::Many(100))),
    few("parse memcached get", || pieces::requests(Protocol::Memcache, BATCH, Ask::Get)),
    few("parse memcached set", || pieces::requests(Protocol::Memcache, BATCH, Ask::Set)),
    one("parse memcached get 100", 100, || pieces::requests(Protocol::Memcache, 1, Ask::Many(100))),
    few("parse memcached VALUE", || pieces::responses(Protocol::Memcache, BATCH, Ask::Get)),
    one("parse memcached VALUE 100", 100, || pieces::responses(Protocol::Memcache, 1, Ask::Many(100))),

    few("route fnv1a_64", || pieces::route(HashKind::Fnv1a64, false)),
    few("route md5", || pieces::route(HashKind::Md5, false)),
    few("route murmur", || pieces::route(HashKind::Murmur, false)),
    few("route crc16", || pieces::route(HashKind::Crc16, false)),
    few("route fnv1a_64, hash tag", || pieces::route(HashKind::Fnv1a64, true)),

    one("split redis MGET 100", 100, || pieces::split_apart(Protocol::Redis)),
    one("split memcached get 100", 100, || pieces::split_apart(Protocol::Memcache)),
    one("gather array 100", 100, || pieces::gather_together(Gather::Array)),
    one("gather values 100", 100, || pieces::gather_together(Gather::Values)),
    one("gather sum", 0, || pieces::gather_together(Gather::Sum)),

    Scenario { name: "enqueue redis GET, pipeline 16", laps: SOME, requests: 16, keys: 0, bytes: 0, prepare: || turns::enqueue(Load { pipeline: 16, ..REDIS }) },

    turn("turn redis GET", 1, 0, || turns::answered(REDIS)),
    turn("turn redis GET, pipeline 16", 16, 0, || turns::answered(Load { pipeline: 16, ..REDIS })),
    turn("turn redis GET, pipeline 100", 100, 0, || turns::answered(Load { pipeline: 100, ..REDIS })),
    turn("turn redis SET, pipeline 16", 16, 0, || turns::answered(Load { pipeline: 16, ask: Ask::Set, ..REDIS })),
    turn("turn redis MGET 100", 1, 100, || turns::answered(Load { ask: Ask::Many(100), ..REDIS })),
    turn("turn redis MSET 100", 1, 100, || turns::answered(Load { ask: Ask::SetMany(100), ..REDIS })),
    turn("turn memcached get, pipeline 16", 16, 0, || turns::answered(Load { pipeline: 16, ..MEMCACHED })),
    turn("turn memcached get 100", 1, 100, || turns::answered(Load { ask: Ask::Many(100), ..MEMCACHED })),

    many("grow redis MGET 100", SOME, 100, || turns::answered(alone(Ask::Many(100)))),
    many("grow redis MGET 10000", ONE, 10_000, || turns::answered(alone(Ask::Many(10_000)))),
    many("grow memcached get 100", SOME, 100, || turns::answered(Load { protocol: Protocol::Memcache, ..alone(Ask::Many(100)) })),
    many("grow memcached get 10000", ONE, 10_000, || turns::answered(Load { protocol: Protocol::Memcache, ..alone(Ask::Many(10_000)) })),
    turn("grow redis GET, 4 servers", 1, 0, || turns::answered(Load { in_one_turn: false, ..REDIS })),
    turn("grow redis GET, 1000 servers", 1, 0, || turns::answered(Load { in_one_turn: false, servers: 1000, ..REDIS })),
    turn("grow redis GET, 10000 idle", 1, 0, || turns::answered(Load { idle: 10_000, ..REDIS })),
    value("grow redis GET 1 MiB", SOME, MIB, || turns::answered(alone(Ask::GetLarge(MIB)))),
    value("grow redis GET 100 MiB", ONE, 100 * MIB, || turns::answered(alone(Ask::GetLarge(100 * MIB)))),
    value("grow redis GET 64 MiB", ONE, 64 * MIB, || turns::answered(alone(Ask::GetLarge(64 * MIB)))),
    value("grow redis SET 1 MiB", SOME, MIB, || turns::answered(alone(Ask::SetLarge(MIB)))),
    value("grow redis SET 100 MiB", ONE, 100 * MIB, || turns::answered(alone(Ask::SetLarge(100 * MIB)))),
    value("grow redis SET 64 MiB", ONE, 64 * MIB, || turns::answered(alone(Ask::SetLarge(64 * MIB)))),
];
