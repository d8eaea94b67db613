//! A pool: its servers, its ring, and a key's route.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nutcracker_proto::resp::ExtraCommands;
use nutcracker_proto::{Protocol, RequestParser};
use nutcracker_ring::{DistributionKind, Placement, RingBuilder, RingServer};

use crate::action::CloseReason;
use crate::clients::session::{Class, ClassId, Classes};
use crate::ids::{ConnId, ServerId};
use crate::limits::PoolLimits;
use crate::loss::budget::Budget;
use crate::loss::ejection::{Ejection, Health, Routing};
use crate::loss::reach::Reach;
use crate::loss::repeat::Moment;
use crate::many_keys::scan::Cursors;
use crate::own::{Pinned, Stock};
use crate::pubsub::Audiences;
use crate::room::Room;
use crate::scripts::Scripts;
use crate::time::tick::Tick;

/// What a pool is, checked. The same for all workers.
#[derive(Debug)]
pub struct PoolConfig {
    /// What its clients and servers speak.
    pub protocol: Protocol,
    /// Longest key, bytes.
    pub key_bytes_max: usize,
    /// The hash and the hash tag.
    pub placement: Placement,
    /// How keys are spread over the servers.
    pub distribution: DistributionKind,
    /// The servers, in the order that decides their index.
    pub servers: Vec<RingServer>,
    /// How long a request may take from being queued to its response; `None` for ever.
    pub timeout: Option<Duration>,
    /// How long a connect may take, the handshake not counted; `None` for as long as its requests
    /// wait.
    pub connect_timeout: Option<Duration>,
    /// When servers are ejected; `None` for never.
    pub ejection: Option<Ejection>,
    /// Which requests get another chance when their server is lost, and how often.
    pub retries: Retries,
    /// Conns to each server, at least 1. A client's requests for a server always take the same one,
    /// so they are never overtaken by each other.
    pub server_connections: u32,
    /// The password that clients must give and servers are given.
    pub password: Option<Box<[u8]>>,
    /// The database that clients begin in.
    pub database: u32,
    /// How many databases clients may choose from, from 0 up; 16,384 at most.
    pub databases: u32,
    /// Commands beside the table's.
    pub commands: Option<&'static ExtraCommands>,
    /// Whether conns to the servers are opened before the first request.
    pub preconnect: bool,
    /// How much it may hold.
    pub limits: PoolLimits,
    /// Whether clients may flush the servers' data.
    pub allow_flush: bool,
    /// Whether memcached's meta commands are served.
    pub meta_commands: bool,
    /// What a request with keys on several servers gets when some of them fail.
    pub multi_error: MultiError,
}

impl PoolConfig {
    /// What reads its clients, at the start of a stream.
    pub(crate) fn request_parser(&self) -> RequestParser {
        RequestParser::new(self.protocol, self.key_bytes_max, self.limits.request_bytes)
            .with_commands(self.commands)
            .with_meta_commands(self.meta_commands)
    }
}

/// What a request with keys on several servers gets when some of them fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MultiError {
    /// One error for the whole, as from the original.
    #[default]
    Fail,
    /// What the others brought.
    Partial,
}

/// How often a request may be given to a server once more when its server was lost: a read, or one of which
/// nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// So often in all, at most 255.
    pub times: u8,
    /// Whatever the server was lost by: also where it did not answer in time, or no conn to it could be opened.
    /// Else only where a conn ended that was open.
    pub after_any_loss: bool,
}

impl Retries {
    /// Never.
    pub const NEVER: Self = Self::of(0);

    /// So often, whatever the server was lost by.
    #[must_use]
    pub const fn of(times: u8) -> Self {
        Self { times, after_any_loss: true }
    }

    /// How often when a conn ended for `reason` that was open, or was not yet.
    pub(crate) fn after(self, reason: &CloseReason, was_open: bool) -> u8 {
        let has_ended = was_open && *reason != CloseReason::TimedOut;
        let counts = reason.is_loss() && (self.after_any_loss || has_ended);
        if counts { self.times } else { 0 }
    }
}

impl Default for Retries {
    /// Once, where a conn ended. Who has waited in vain for the whole timeout is told so; and a server that
    /// refuses would refuse again, and be ejected for one client's request.
    fn default() -> Self {
        Self { times: 1, after_any_loss: false }
    }
}

/// A pool as all workers share it: what it is, and how its servers are.
#[derive(Debug)]
pub struct SharedPool {
    /// What it is.
    pub config: PoolConfig,
    pub(crate) health: Arc<Health>,
    /// How cursors of a `SCAN` over its servers are made.
    pub(crate) cursors: Cursors,
    /// The scripts that came by.
    pub(crate) scripts: Arc<Scripts>,
    /// Who hears what is published.
    pub(crate) audiences: Audiences,
    /// Clients that have a server conn of their own.
    pub(crate) pinned: Arc<Pinned>,
    /// For clients, and for server conns beyond the ordinary ones; the same for all pools.
    pub(crate) room: Arc<Room>,
    /// The newest client's number.
    newest_client: Arc<AtomicU64>,
}

impl SharedPool {
    /// Whether each server is live, which is not ejected. Takes a lock: for the statistics, not for requests.
    #[must_use]
    pub fn live(&self) -> Vec<bool> {
        self.health.live()
    }

    /// A pool whose servers are all well. Builds the ring: O(points log points).
    #[must_use]
    pub fn new(config: PoolConfig) -> Self {
        let builder = RingBuilder::new(config.distribution, &config.servers);
        let health = Arc::new(Health::new(builder, config.servers.len(), config.ejection));
        let cursors = Cursors::new(&config);
        Self {
            config,
            health,
            cursors,
            scripts: Arc::default(),
            audiences: Audiences::default(),
            pinned: Arc::default(),
            room: Arc::default(),
            newest_client: Arc::default(),
        }
    }

    /// The same, with so much room for sockets instead of as much as may be wanted.
    #[must_use]
    pub fn with_room(self, room: Arc<Room>) -> Self {
        Self { room, ..self }
    }

    /// Takes the place of `earlier`, which goes on until its clients have come over: knows the scripts that
    /// came by there, numbers clients from there on, counts those with a server conn of their own together with those
    /// there, and holds ejected what is ejected there. `servers` says
    /// for each server which of the earlier ones it is, if it is one. Where they are the same ones, what
    /// happens to them counts for both.
    pub fn succeed(&mut self, earlier: &Self, servers: &[Option<ServerId>]) {
        let stays = |(at, server): (usize, &Option<ServerId>)| *server == Some(ServerId(at as u32));
        let (now, before) = (&self.config, &earlier.config);
        let is_same = servers.iter().enumerate().all(stays)
            && now.servers == before.servers
            && now.distribution == before.distribution
            && now.ejection == before.ejection;
        if is_same {
            self.health = Arc::clone(&earlier.health);
        } else {
            self.health.learn(&earlier.health, servers);
        }
        self.scripts = Arc::clone(&earlier.scripts);
        self.newest_client = Arc::clone(&earlier.newest_client);
        self.pinned = Arc::clone(&earlier.pinned);
    }

    /// Gives no client a number that one of `other` has.
    pub fn number_beyond(&self, other: &Self) {
        self.newest_client
            .fetch_max(other.newest_client.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// A number for a client, which no other has; from 1 up.
    pub(crate) fn number_client(&self) -> u64 {
        self.newest_client.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// A pool as one worker uses it.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) shared: Arc<SharedPool>,
    routing: Routing,
    /// The classes that clients of this worker asked for.
    pub(crate) classes: Classes,
    /// This worker's shared conns: for each class in turn `server_connections` a server.
    conns: Vec<Option<ConnId>>,
    /// This worker's pinned conns that no client has.
    pub(crate) stock: Stock,
    /// Clients must give a password.
    pub(crate) has_password: bool,
    /// Servers that this worker cannot reach.
    pub(crate) reach: Reach,
    /// How many requests may be sent again.
    pub(crate) budget: Budget,
    /// Requests so far that want no answer.
    pub(crate) silent_requests: u64,
}

impl Pool {
    pub(crate) fn new(shared: Arc<SharedPool>) -> Self {
        let routing = shared.health.routing();
        let conns = shared.config.servers.len() * shared.config.server_connections as usize;
        let classes = Classes::new(shared.config.database);
        let conns = vec![None; conns];
        let has_password = shared.config.password.is_some();
        Self {
            shared,
            routing,
            classes,
            conns,
            stock: Stock::default(),
            has_password,
            reach: Reach::default(),
            budget: Budget::new(),
            silent_requests: 0,
        }
    }

    pub(crate) fn config(&self) -> &PoolConfig {
        &self.shared.config
    }

    /// Takes the newest routing. One load when there is none newer.
    #[inline]
    pub(crate) fn refresh(&mut self) {
        if self.shared.health.version() != self.routing.version {
            self.routing = self.shared.health.routing();
        }
    }

    /// Grows whenever the routing it uses is another.
    pub(crate) const fn routing_version(&self) -> u64 {
        self.routing.version
    }

    /// How requests are placed at this moment.
    pub(crate) const fn moment(&self) -> Moment {
        Moment { version: self.routing.version, silent_requests: self.silent_requests }
    }

    /// When a request that is queued at `now` gives up.
    #[inline]
    pub(crate) fn deadline(&self, now: Tick) -> Tick {
        self.config().timeout.map_or(Tick::NEVER, |timeout| now.after(timeout))
    }

    /// Whether requests for some server, which is in the ring, fail at once.
    #[inline]
    pub(crate) const fn has_failing(&self) -> bool {
        self.routing.failing.is_some()
    }

    /// Whether requests for that server, which is in the ring, fail at once.
    #[inline]
    pub(crate) fn fails(&self, server: ServerId) -> bool {
        self.routing.failing.as_ref().is_some_and(|failing| failing[server.0 as usize])
    }

    /// The server that `key` belongs to; `None` when every server is ejected.
    #[inline]
    pub(crate) fn route(&self, key: &[u8], draw: impl FnOnce() -> u32) -> Option<ServerId> {
        let server = self.shared.config.placement.route(&self.routing.ring, key, draw)?;
        Some(ServerId(server as u32))
    }

    /// What places `key`.
    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u32 {
        self.shared.config.placement.key_hash(key)
    }

    /// What places each of `keys`; in less time than one after the other.
    #[inline]
    pub(crate) fn hashes<const N: usize>(&self, keys: [&[u8]; N]) -> [u32; N] {
        self.shared.config.placement.key_hashes(keys)
    }

    /// The server that a key of that hash belongs to; `None` when every server is ejected.
    #[inline]
    pub(crate) fn owner(&self, hash: u32, draw: impl FnOnce() -> u32) -> Option<ServerId> {
        self.routing.ring.server(hash, draw).map(|server| ServerId(server as u32))
    }

    /// Where the conns that `client`, of that class, uses for servers are kept. By the client's place,
    /// so that one client's requests keep their order and many clients spread.
    #[inline]
    pub(crate) fn slots(
        &self,
        class: ClassId,
        client: usize,
    ) -> impl Fn(ServerId) -> usize + use<> {
        let each = self.config().server_connections as usize;
        let first = usize::from(class.0) * self.config().servers.len() * each + client % each;
        move |server| first + server.0 as usize * each
    }

    /// Where the conn that `client`, of that class, uses for `server` is kept.
    #[inline]
    pub(crate) fn slot(&self, class: ClassId, server: ServerId, client: usize) -> usize {
        self.slots(class, client)(server)
    }

    /// Where the pinned conns of that class to `server` are kept while nobody has them.
    pub(crate) fn shelf(&self, class: ClassId, server: ServerId) -> usize {
        usize::from(class.0) * self.config().servers.len() + server.0 as usize
    }

    #[inline]
    pub(crate) fn conn(&self, slot: usize) -> Option<ConnId> {
        self.conns[slot]
    }

    pub(crate) fn set_conn(&mut self, slot: usize, conn: Option<ConnId>) {
        self.conns[slot] = conn;
    }

    /// The id of `class`, with room for its conns.
    pub(crate) fn class(&mut self, class: Class) -> ClassId {
        let id = self.classes.id(class);
        let each = self.config().server_connections as usize;
        self.conns.resize(self.classes.len() * self.config().servers.len() * each, None);
        id
    }
}
