//! Any events at all, in any order in which a shell may report them: bytes are read as a play.
//!
//! The first two bytes say what the pools are like. After them each byte is a step (its value
//! modulo 16, so that the letters `a` to `p` are all of them), and some steps take bytes of their
//! own:
//!
//! | step | what happens | its bytes |
//! |---|---|---|
//! | `a` | a client comes | which pool |
//! | `b` `n` | a client says a phrase, once or a hundred times | which client, which phrase |
//! | `c` | a client says any bytes | which client, the bytes, `~` |
//! | `d` | a server says a phrase | which conn, which phrase |
//! | `e` | a server says any bytes | which conn, the bytes, `~` |
//! | `f` | a connect comes about | which |
//! | `g` | a connect fails | which, why |
//! | `h` `i` | a client, a server conn closes | which, why; a client's letter `h`: its socket has ended and is unread, `o`: whoever can goes over to another engine, which is this one; a server conn's letter `m`: it lives on, and its server has another address |
//! | `j` | time passes | how much |
//! | `k` | a socket takes only so many bytes more | which, how many |
//! | `l` | it takes all again | which |
//! | `m` | a server answers all it was asked, as it should | which conn |
//! | `o` | something is told of a conn that is gone | which, what |
//! | `p` | the proxy begins to stop | |
//!
//! What must hold: nothing panics; servers get well-formed requests only and clients whole
//! responses only, whatever the other side said; when all have left, nothing is left of them.

mod phrases;

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nutcracker_engine::limits::{PoolLimits, SLICES_A_WRITE};
use nutcracker_engine::stats::{PoolFigure, ServerFigure, Stats};
use nutcracker_engine::{
    Action, CloseReason, ConnId, Ejection, Engine, MultiError, OnEject, PoolConfig, PoolId,
    Retries, SharedPool, Side, WorkerId,
};
use nutcracker_proto::{Progress, Protocol, Request, RequestParser, ResponseParser};
use nutcracker_ring::{DistributionKind, HashKind, Placement, RingServer};

/// Plays `data`.
///
/// # Panics
/// When the engine breaks a promise.
pub(crate) fn fuzz_engine(data: &[u8]) {
    let mut script = Script(data);
    let (Some(habits), Some(spread)) = (script.byte(), script.byte()) else { return };
    let mut play = Play::new(habits, spread);
    play.engine.set_turns_follow(habits & 128 != 0);
    for _ in 0..STEPS_MAX {
        let Some(step) = script.byte() else { break };
        let before = play.now;
        play.engine.begin_turn(play.now);
        if play.step(step, &mut script).is_none() {
            break;
        }
        play.engine.handle_timeout(true);
        play.act();
        let late = play.engine.poll_timeout().is_some_and(|due| due <= before);
        assert!(!late, "what was due before the turn has been done");
    }
    play.end();
}

/// Longest play: enough for all there is to see, few enough to be quick.
const STEPS_MAX: usize = 500;

/// Most actions that one turn can have, of which each conn has a few.
const ACTIONS_MAX: usize = 100_000;

const KEY_BYTES_MAX: usize = 100;

/// The bytes not played yet.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// Everything up to a `~`, or to the end.
    fn text(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|&byte| byte == b'~').unwrap_or(self.0.len());
        let text = &self.0[..end];
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        text
    }
}

/// One conn, as its far end sees it.
struct Peer {
    protocol: Protocol,
    connecting: bool,
    /// What it has said and the engine has not read.
    said: Vec<u8>,
    /// What it has heard and not understood yet.
    heard: Vec<u8>,
    /// It was told in binary that binary is not served: nothing comes after that.
    farewell: bool,
    ear: Ear,
    /// How many bytes its socket still takes; `None` for any number.
    room: Option<usize>,
    /// Requests a server has heard and not answered: the command's name, and how many keys.
    asked: Vec<(&'static str, u32)>,
}

impl Peer {
    /// Understands what it has heard, as far as it is whole.
    fn listen(&mut self) {
        let mut at = 0;
        while at < self.heard.len() {
            let rest = &self.heard[at..];
            assert!(!self.farewell, "more than a farewell is heard: {}", rest.escape_ascii());
            at += match &mut self.ear {
                Ear::Responses(_) if self.protocol == Protocol::Memcache && rest[0] == BINARY => {
                    if rest.len() < BINARY_FAREWELL_BYTES {
                        break;
                    }
                    self.farewell = true;
                    BINARY_FAREWELL_BYTES
                }
                Ear::Responses(parser) => match parser.parse(rest) {
                    Ok(Progress::Done(response)) => response.len,
                    Ok(Progress::Incomplete { .. }) => break,
                    Err(error) => panic!("a client hears {}: {error}", rest.escape_ascii()),
                },
                Ear::Requests(parser) => match parser.parse(rest) {
                    Ok(Progress::Done(Request::Routed(routed))) => {
                        assert!(!routed.noreply, "each request that a server gets is answered");
                        self.asked.push((routed.command.name, routed.keys));
                        routed.len
                    }
                    // Of the handshake: clients have no such command.
                    Ok(Progress::Done(Request::Refused(refused)))
                        if rest.starts_with(b"*2\r\n$6\r\nSELECT\r\n") =>
                    {
                        self.asked.push(("select", 0));
                        refused.len
                    }
                    Ok(Progress::Incomplete { .. }) => break,
                    other => panic!("a server hears {}: {other:?}", rest.escape_ascii()),
                },
            };
        }
        self.heard.drain(..at);
    }
}

/// How a response of memcached's binary protocol begins: the one that says it is not served.
const BINARY: u8 = 0x81;

/// That response: a header, and its text.
const BINARY_FAREWELL_BYTES: usize = 24 + 56;

/// What a peer expects to hear.
enum Ear {
    /// A client's.
    Responses(ResponseParser),
    /// A server's.
    Requests(RequestParser),
}

/// The engine and all around it.
struct Play {
    engine: Engine,
    stats: Arc<Stats>,
    protocols: Vec<Protocol>,
    now: Instant,
    peers: BTreeMap<ConnId, Peer>,
    gone: Vec<ConnId>,
}

impl Play {
    fn new(habits: u8, spread: u8) -> Self {
        let pool = |protocol, servers: usize| PoolConfig {
            protocol,
            key_bytes_max: KEY_BYTES_MAX,
            placement: Placement { hash: HashKind::Fnv1a64, tag: None },
            distribution: match spread % 3 {
                0 => DistributionKind::Modula,
                1 => DistributionKind::Ketama,
                _ => DistributionKind::Random,
            },
            servers: (0..servers).map(|n| RingServer::new(format!("server{n}"), 1)).collect(),
            retries: Retries { times: (spread >> 6) & 1, after_any_loss: habits & 8 != 0 },
            connect_timeout: (habits & 4 != 0).then_some(Duration::from_millis(200)),
            timeout: (habits & 1 != 0).then_some(Duration::from_millis(400)),
            ejection: (habits & 2 != 0).then_some(Ejection {
                failure_limit: u32::from(spread >> 4) % 3,
                retry_timeout: Duration::from_secs(1),
                on_eject: if habits & 1 == 0 { OnEject::Rehash } else { OnEject::Fail },
            }),
            server_connections: 1 + u32::from(habits >> 5) % 3,
            password: (protocol == Protocol::Redis && habits & 4 != 0)
                .then(|| Box::from(&b"secret"[..])),
            database: if protocol == Protocol::Redis { u32::from(habits >> 3 & 1) } else { 0 },
            allow_flush: false,
            meta_commands: true,
            multi_error: MultiError::Fail,
            databases: 16,
            commands: None,
            preconnect: habits & 16 != 0,
            limits: PoolLimits {
                client_requests: if spread & 8 == 0 { 256 } else { 3 },
                response_bytes: if spread & 2 == 0 { 1 << 30 } else { 100 },
                request_bytes: if spread & 4 == 0 { usize::MAX } else { 100 },
                ..PoolLimits::default()
            },
        };
        let protocols = vec![Protocol::Redis, Protocol::Memcache];
        let pools = [pool(protocols[0], 3), pool(protocols[1], 2)];
        let stats = Arc::new(Stats::new(pools.iter().map(|pool| pool.servers.len())));
        let pools = pools.map(|pool| Arc::new(SharedPool::new(pool)));
        let now = epoch();
        let engine = Engine::new(WorkerId(0), &pools, Arc::clone(&stats), now, 1);
        let mut play =
            Self { engine, stats, protocols, now, peers: BTreeMap::new(), gone: Vec::new() };
        play.engine.begin_turn(now);
        play.engine.preconnect();
        play.act();
        play
    }

    /// Plays one step; `None` when the script ends within it.
    fn step(&mut self, step: u8, script: &mut Script<'_>) -> Option<()> {
        match step % 16 {
            1 => {
                let pool = usize::from(script.byte()? % 2);
                let conn = self.engine.handle_accepted(PoolId(pool as u32), None);
                self.insert(conn, self.protocols[pool], false);
            }
            step @ (2 | 14) => {
                let (which, phrase) = (script.byte()?, script.byte()?);
                let times = if step == 2 { 1 } else { 100 };
                if let Some(conn) = self.pick(which, |conn, _| conn.side() == Side::Client) {
                    let phrase = phrases::request(self.peers[&conn].protocol, phrase);
                    // A hundred small ones are a crowd; a hundred large ones are only slow.
                    let times = if phrase.len() > 1_000 { 1 } else { times };
                    self.say(conn, &phrase.repeat(times));
                }
            }
            3 => {
                let (which, text) = (script.byte()?, script.text());
                if let Some(conn) = self.pick(which, |conn, _| conn.side() == Side::Client) {
                    self.say(conn, text);
                }
            }
            4 => {
                let (which, phrase) = (script.byte()?, script.byte()?);
                if let Some(conn) = self.pick(which, is_open_server) {
                    let phrase = phrases::response(self.peers[&conn].protocol, phrase);
                    self.say(conn, &phrase);
                }
            }
            5 => {
                let (which, text) = (script.byte()?, script.text());
                if let Some(conn) = self.pick(which, is_open_server) {
                    self.say(conn, text);
                }
            }
            6 => {
                if let Some(conn) = self.pick(script.byte()?, |_, peer| peer.connecting) {
                    self.peer(conn).connecting = false;
                    self.engine.handle_connected(conn);
                }
            }
            7 => {
                let (which, why) = (script.byte()?, script.byte()?);
                if let Some(conn) = self.pick(which, |_, peer| peer.connecting) {
                    self.engine.handle_closed(conn, reason(why));
                }
            }
            8 => {
                let (which, why) = (script.byte()?, script.byte()?);
                if let Some(conn) = self.pick(which, |conn, _| conn.side() == Side::Client) {
                    match why {
                        b'h' => self.engine.handle_hung_up(conn),
                        b'o' => self.go_over(),
                        _ => self.engine.handle_closed(conn, reason(why)),
                    }
                }
            }
            9 => {
                let (which, why) = (script.byte()?, script.byte()?);
                if let Some(conn) = self.pick(which, is_open_server) {
                    if why == b'm' {
                        self.engine.handle_moved(conn);
                    } else {
                        self.engine.handle_closed(conn, reason(why));
                    }
                }
            }
            10 => {
                self.now += Duration::from_millis(20 * u64::from(script.byte()?));
                self.engine.begin_turn(self.now);
            }
            11 => {
                let (which, room) = (script.byte()?, script.byte()?);
                if let Some(conn) = self.pick(which, |_, _| true) {
                    self.peer(conn).room = Some(usize::from(room));
                }
            }
            12 => {
                if let Some(conn) = self.pick(script.byte()?, |_, peer| peer.room.is_some()) {
                    self.peer(conn).room = None;
                    self.engine.handle_writable(conn);
                }
            }
            13 => {
                if let Some(conn) = self.pick(script.byte()?, is_open_server) {
                    let peer = self.peer(conn);
                    let protocol = peer.protocol;
                    let asked = std::mem::take(&mut peer.asked);
                    for (command, keys) in asked {
                        self.say(conn, &phrases::answer(protocol, command, keys));
                    }
                }
            }
            15 => {
                let (which, what) = (script.byte()?, script.byte()?);
                if !self.gone.is_empty() {
                    let conn = self.gone[usize::from(which) % self.gone.len()];
                    self.mention(conn, what);
                }
            }
            _ => self.engine.drain(),
        }
        Some(())
    }

    /// The clients that can go do, and are taken back as another engine's.
    fn go_over(&mut self) {
        for (old, client) in self.engine.hand_over() {
            let peer = self.peers.remove(&old).expect("it was there");
            self.gone.push(old);
            let new = self.engine.handle_handover(client.pool, client);
            assert!(self.peers.insert(new, peer).is_none(), "{new} is given twice");
            self.read(new);
        }
    }

    /// Tells the engine something of a conn that it has forgotten.
    fn mention(&mut self, conn: ConnId, what: u8) {
        match what % 5 {
            0 => self.engine.handle_connected(conn),
            1 => self.engine.handle_writable(conn),
            2 => self.engine.handle_closed(conn, reason(what)),
            3 => {
                self.engine.recv_space(conn)[0] = b'*';
                assert!(!self.engine.handle_received(conn, 1), "nobody is there to be read on");
            }
            _ => {
                let mut slices = [IoSlice::new(&[]); SLICES_A_WRITE];
                assert_eq!(self.engine.poll_send(conn, &mut slices), 0);
                assert!(!self.engine.may_read(conn));
            }
        }
    }

    fn insert(&mut self, conn: ConnId, protocol: Protocol, connecting: bool) {
        let ear = match conn.side() {
            Side::Client => Ear::Responses(ResponseParser::new(protocol)),
            Side::Server => Ear::Requests(RequestParser::new(protocol, KEY_BYTES_MAX, usize::MAX)),
        };
        let peer = Peer {
            protocol,
            connecting,
            said: Vec::new(),
            heard: Vec::new(),
            farewell: false,
            ear,
            room: None,
            asked: Vec::new(),
        };
        assert!(self.peers.insert(conn, peer).is_none(), "{conn} is given twice");
    }

    fn peer(&mut self, conn: ConnId) -> &mut Peer {
        self.peers.get_mut(&conn).expect("it was picked from those there are")
    }

    /// One of the conns for which `wanted` holds, if there is any.
    fn pick(&self, which: u8, wanted: impl Fn(ConnId, &Peer) -> bool) -> Option<ConnId> {
        let found: Vec<ConnId> = self
            .peers
            .iter()
            .filter(|(conn, peer)| wanted(**conn, peer))
            .map(|(c, _)| *c)
            .collect();
        (!found.is_empty()).then(|| found[usize::from(which) % found.len()])
    }

    /// Bytes arrive on a conn; the engine reads as many of them as it may.
    fn say(&mut self, conn: ConnId, text: &[u8]) {
        self.peer(conn).said.extend_from_slice(text);
        self.read(conn);
    }

    fn read(&mut self, conn: ConnId) {
        while self.engine.may_read(conn) {
            let Some(peer) = self.peers.get_mut(&conn) else { return };
            if peer.said.is_empty() || peer.connecting {
                return;
            }
            let space = self.engine.recv_space(conn);
            let len = space.len().min(peer.said.len());
            assert!(len > 0, "space is never empty");
            space[..len].copy_from_slice(&peer.said[..len]);
            peer.said.drain(..len);
            let go_on = self.engine.handle_received(conn, len);
            assert_eq!(go_on, self.engine.may_read(conn), "both say whether to read on");
        }
    }

    /// Does what the engine asks.
    fn act(&mut self) {
        for _ in 0..ACTIONS_MAX {
            match self.engine.poll_action() {
                None => return,
                Some(Action::Connect { conn, pool, .. }) => {
                    self.insert(conn, self.protocols[pool.0 as usize], true);
                }
                Some(Action::Flush(conn)) => self.flush(conn),
                Some(Action::Read(conn)) => self.read(conn),
                Some(Action::Close { conn, .. }) => {
                    assert!(self.peers.remove(&conn).is_some(), "{conn} is closed once");
                    self.gone.push(conn);
                }
                Some(Action::Ask { worker, .. }) => unreachable!("there is no {worker:?}"),
                Some(Action::SpreadShortage) => unreachable!("there is nobody to tell"),
                Some(Action::Report(_)) => {}
            }
        }
        panic!("the turn has no end");
    }

    fn flush(&mut self, conn: ConnId) {
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES_A_WRITE];
            let used = self.engine.poll_send(conn, &mut slices);
            if used == 0 {
                return;
            }
            let peer = self.peers.get_mut(&conn).expect("the engine sends to those there are");
            let offered: usize = slices[..used].iter().map(|slice| slice.len()).sum();
            let len = peer.room.map_or(offered, |room| room.min(offered));
            let bytes = slices[..used].iter().flat_map(|slice| slice.iter());
            peer.heard.extend(bytes.take(len));
            peer.room = peer.room.map(|room| room - len);
            peer.listen();
            self.engine.handle_sent(conn, len, len < offered);
            if len < offered {
                return;
            }
        }
    }

    /// All leave; nothing must be left of them.
    fn end(mut self) {
        loop {
            self.engine.begin_turn(self.now);
            let Some(conn) = self.peers.keys().next().copied() else { break };
            self.engine.handle_closed(conn, CloseReason::Reset);
            self.act();
            assert!(!self.peers.contains_key(&conn), "{conn} was reset and is still there");
        }
        assert_eq!(self.engine.clients(), 0);
        assert_eq!(self.engine.outstanding(), (0, 0), "requests are left behind");
        assert_eq!(self.engine.held(), 0, "responses are left behind");
        for pool in 0..self.stats.pools.len() {
            assert_eq!(self.engine.pinned(PoolId(pool as u32)), 0, "conns of somebody's own");
        }
        assert_eq!(self.stats.curr_connections.get(), 0);
        for pool in &self.stats.pools {
            assert_eq!(pool.at(PoolFigure::ClientConnections).get(), 0);
            for server in &pool.servers {
                for figure in [
                    ServerFigure::ServerConnections,
                    ServerFigure::InQueue,
                    ServerFigure::InQueueBytes,
                    ServerFigure::OutQueue,
                    ServerFigure::OutQueueBytes,
                ] {
                    assert_eq!(server.at(figure).get(), 0, "{}", figure.name());
                }
            }
        }
    }
}

fn is_open_server(conn: ConnId, peer: &Peer) -> bool {
    conn.side() == Side::Server && !peer.connecting
}

fn reason(number: u8) -> CloseReason {
    match number % 6 {
        0 => CloseReason::Eof,
        1 => CloseReason::Reset,
        2 => CloseReason::Refused,
        3 => CloseReason::TimedOut,
        4 => CloseReason::Unresolved,
        _ => CloseReason::Other("Broken pipe".into()),
    }
}

/// Some moment: the clock is the play's from then on.
#[allow(clippy::disallowed_methods, reason = "an `Instant` has no other beginning")]
fn epoch() -> Instant {
    Instant::now()
}
