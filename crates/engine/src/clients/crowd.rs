//! Clients whose next request waits until its server has taken some of what is queued for it.
//!
//! Requests come faster than a server takes them, for a moment or for long: many clients send large values in the same
//! turn, or one sends a long pipeline of them. What may wait for a server conn is bounded, and at the bound nobody has
//! to fail: the request is not consumed, its client is not read on, and TCP tells it to wait.
//!
//! ```text
//! queued   0 ....... quarter ....... half ................... limit
//!                    |               |                        |
//!                    all go on       a large request waits    every request waits,
//!                                    if its client has more   and from here on all do
//!                                    outstanding              until a quarter is left
//! ```
//! The upper half is for those who ask for little, or have asked for nothing yet: who fills a queue alone
//! leaves them room. Who comes later gets none before those who wait: were it let in as soon as there is a little, those
//! who are being served could keep the others out for ever.
//!
//! All this is for servers that are busy. One that has taken nothing for [`ROOM_PATIENCE`] is stuck,
//! and holds nobody back from other servers: requests for it are queued up to the limit, and fail there at once. What
//! counts is the time up to the turn before: in that one it was given what there was, however long the turn took.

use nutcracker_proto::command::PLACEHOLDER_KEY;
use nutcracker_proto::limits::MEMCACHE_KEY_BYTES_MAX;
use nutcracker_proto::{Routed, Script, Travel, memcache, split};

use crate::clients::client::Until;
use crate::engine::Engine;
use crate::ids::{ConnId, ServerId};
use crate::limits::{ROOM_PATIENCE, SHARE_BYTES_MIN};
use crate::pool::Pool;
use crate::server::ServerConn;
use crate::stats::LimitFigure;
use crate::time::tick::Tick;

/// How much waits for a server conn, as it is marked until a quarter of what may wait is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Crowding {
    /// Little.
    #[default]
    None,
    /// Half of what may, or more.
    Half,
    /// As much as may, and somebody waits for room.
    Full,
}

/// Who waits for room, and how many server conns are short of it.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    /// Server conns that are marked as crowded.
    servers: usize,
    /// Those of them that are full.
    full: usize,
    /// Clients that wait, in the order they came.
    waiting: Vec<ConnId>,
    /// When to look whether their servers have taken nothing; [`None`] where nobody waits.
    pub(crate) look_at: Option<Tick>,
}

impl Crowd {
    /// Whether a request may have to wait.
    #[inline]
    pub(crate) const fn is_near(&self) -> bool {
        self.servers > 0
    }

    /// Marks a server conn, unless it is marked as much already.
    pub(crate) fn mark(&mut self, server: &mut ServerConn, crowding: Crowding) {
        if crowding > server.crowding {
            self.servers += usize::from(server.crowding == Crowding::None);
            self.full += usize::from(crowding == Crowding::Full);
            server.crowding = crowding;
        }
    }

    /// Takes the mark from a server conn. Says whether it had one.
    pub(crate) fn unmark(&mut self, server: &mut ServerConn) -> bool {
        let was = std::mem::take(&mut server.crowding);
        self.servers -= usize::from(was != Crowding::None);
        self.full -= usize::from(was == Crowding::Full);
        was != Crowding::None
    }

    /// All that this client had outstanding has ended: it need not wait. O(those who wait).
    #[cold]
    pub(crate) fn forget(&mut self, client: ConnId) {
        self.waiting.retain(|waits| *waits != client);
    }

    /// Clients that wait.
    pub(crate) const fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

impl Engine {
    /// Whether `routed`, the next request of that client, whose bytes are `frame`, waits for room on a server conn; the
    /// client is paused then, and nothing of the request may be consumed. Asked only while the crowd
    /// [is near](Crowd::is_near).
    #[cold]
    pub(crate) fn must_wait_for_room(
        &mut self,
        conn: ConnId,
        frame: &[u8],
        routed: &Routed,
    ) -> bool {
        let Some((full, moved_at)) = self.server_without_room(conn, frame, routed) else {
            return false;
        };
        let server = self.servers.get_mut(full.key()).expect("it was just looked at");
        let limit = self.pools[server.pool.0 as usize].config().limits.server_queue_bytes;
        let is_full = server.outbox.len() >= limit;
        self.crowd.mark(server, if is_full { Crowding::Full } else { Crowding::Half });
        let look_at = moved_at.after(ROOM_PATIENCE);
        self.crowd.look_at = Some(self.crowd.look_at.map_or(look_at, |at| at.min(look_at)));
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        // One that is blocked is read all the same, and each time it is asked anew.
        let is_new = client.until != Until::Room;
        client.hold(Until::Room);
        let pool = client.pool;
        if is_new {
            self.crowd.waiting.push(conn);
            self.pool_stats(pool).limit(LimitFigure::ClientPausedQueue).add(1);
        }
        true
    }

    /// The first of the server conns a request would go to that has no room for it, but takes what it has; and when it
    /// last did. Linear in the request's keys.
    fn server_without_room(
        &self,
        conn: ConnId,
        frame: &[u8],
        routed: &Routed,
    ) -> Option<(ConnId, Tick)> {
        let client = self.clients.get(conn.key()).expect("it sent the request");
        let pool = &self.pools[client.pool.0 as usize];
        let limit = pool.config().limits.server_queue_bytes;
        let has_more = client.outstanding > 0;
        let most = if has_more && routed.len >= SHARE_BYTES_MIN { limit / 2 } else { limit };
        let is_short = |conn: ConnId| {
            let server = self.servers.get(conn.key())?;
            let moved_at = server.moved_at(&self.requests, self.now);
            let has_room = server.outbox.len() < most && server.crowding != Crowding::Full;
            let takes = moved_at.after(ROOM_PATIENCE) > self.look.before();
            (!has_room && takes).then_some((conn, moved_at))
        };
        if client.is_in_transaction() {
            return client.own.as_ref()?.conn.and_then(is_short);
        }
        let slots = pool.slots(client.session.class, conn.index());
        let is_server_short = |server| pool.conn(slots(server)).and_then(is_short);
        let is_of_all = match routed.command.travel {
            Travel::OneServer | Travel::Sorted | Travel::Split(_) | Travel::Anywhere => false,
            Travel::Script(Script::Body | Script::Digest) | Travel::Audience(_) => false,
            Travel::Script(Script::Load | Script::Flush) => true,
            Travel::AllServers(_) | Travel::Flush | Travel::Scan => true,
            // They take another conn, or none.
            Travel::Transaction(_) | Travel::Blocking(_) | Travel::Subscription(_) => return None,
            Travel::Here(_) | Travel::Refused(_) => return None,
        };
        if is_of_all {
            let servers = 0..pool.config().servers.len() as u32;
            return servers.map(ServerId).find_map(is_server_short);
        }
        // The request itself draws the same once more.
        let mut random = self.random;
        let mut server_of = |key: &[u8]| pool.route(key, || random.draw());
        if routed.keys >= 2 {
            return split::parts(pool.config().protocol, routed, frame)
                .filter_map(|part| server_of(part.key(frame)))
                .find_map(is_server_short);
        }
        let key = match routed.keys {
            0 => PLACEHOLDER_KEY,
            _ => &frame[routed.key.start as usize..routed.key.end as usize],
        };
        let mut space = [0; MEMCACHE_KEY_BYTES_MAX];
        let key = match routed.meta.encoded_key {
            true => memcache::decode_key(key, &mut space).expect("the parser looked at it"),
            false => key,
        };
        server_of(key).and_then(is_server_short)
    }

    /// That server conn has taken something. Where it was crowded and has little left, who waits goes on.
    #[cold]
    pub(crate) fn note_room(&mut self, conn: ConnId) {
        let Some(server) = self.servers.get_mut(conn.key()) else { return };
        let limit = self.pools[server.pool.0 as usize].config().limits.server_queue_bytes;
        if server.outbox.len() <= limit / 4 && self.crowd.unmark(server) {
            self.let_on();
        }
    }

    /// Those who wait for room try again: first who came first.
    #[cold]
    pub(crate) fn let_on(&mut self) {
        self.crowd.look_at = None;
        for conn in std::mem::take(&mut self.crowd.waiting).into_iter().rev() {
            let Some(client) = self.clients.get_mut(conn.key()) else { continue };
            client.until = Until::HasRoom;
            self.resuming.push(conn);
        }
    }
}

impl Pool {
    /// What may be queued on a server conn before a plain request has to ask for room: half of it while no conn is known
    /// to have as much, so that the first that does is marked; and a quarter where one was full and has more.
    #[inline]
    pub(crate) fn queue_bytes_plain(&self, crowd: &Crowd) -> usize {
        let halvings = if crowd.full > 0 { 2 } else { u32::from(!crowd.is_near()) };
        self.config().limits.server_queue_bytes >> halvings
    }
}
