//! Clients that go over to another engine, with all that is theirs but the socket: when a configuration is
//! loaded anew, its workers take the clients of those before them.
//!
//! A client goes between two requests: when nothing is due to it, and nothing that it wanted no answer to
//! is still on its way, so that its requests keep their order. Until then its next request is not parsed;
//! the bytes of it that are here already go along. Who has a server conn of its own (a transaction, a
//! watched key, a request that blocks) is served on until that is over. Who is subscribed is subscribed by
//! the other engine, and told nothing of it; what is published between the two is lost, as it is when a
//! server's conn ends.

use nutcracker_proto::resp::pubsub::Topic;
use nutcracker_proto::{RequestParser, Version};

use crate::bytes::inbox::Inbox;
use crate::bytes::outbox::Outbox;
use crate::clients::client::{ClientConn, Farewell};
use crate::clients::session::{Class, ClassId, Lane, Mute, Session};
use crate::engine::Engine;
use crate::ids::{ConnId, Key, PoolId, Side};
use crate::server::Tenancy;
use crate::stats::PoolFigure;

/// A client on its way from one engine to another.
#[derive(Debug)]
pub struct Handover {
    /// Its pool in the engine that it comes from.
    pub pool: PoolId,
    session: Session,
    /// The version of the protocol that it speaks.
    version: Version,
    /// The database that it has chosen; `None` for the pool's own.
    database: Option<u32>,
    subscriptions: Vec<(Topic, Box<[u8]>)>,
    /// Its place in the stream.
    parser: RequestParser,
    /// What it has sent and nobody has parsed to its end.
    unparsed: Vec<u8>,
    /// Bytes to pass over before anything is parsed.
    skip: usize,
}

impl Engine {
    /// Gives away the clients that can go. From the first call on the others are only served until they can;
    /// to be called at the end of each turn until [`clients`](Self::clients) says that none is left. What
    /// follows from it is asked for as in any turn, by [`poll_action`](Self::poll_action). O(clients).
    pub fn hand_over(&mut self) -> Vec<(ConnId, Handover)> {
        self.is_left = true;
        let keys: Vec<Key> = self.clients.keys().collect();
        let leaving = keys.into_iter().filter(|key| {
            let client = self.clients.get_mut(*key).expect("its key was just listed");
            client.prepare_to_go()
        });
        let leaving: Vec<Key> = leaving.collect();
        let given_away = leaving.into_iter().map(|key| {
            let conn = ConnId::new(Side::Client, key);
            (conn, self.give_away(conn))
        });
        let given_away = given_away.collect();
        self.retire_idle();
        given_away
    }

    /// Closes the conns to servers that nobody here needs any more, when all clients that are left have one of their
    /// own: such a client may stay for ever, and is not to keep what others had.
    fn retire_idle(&mut self) {
        if !self.clients.keys().all(|key| self.clients.get(key).is_some_and(|it| it.own.is_some()))
        {
            return;
        }
        let idle = self.servers.keys().filter(|key| {
            let server = self.servers.get(*key).expect("its key was just listed");
            let is_of_all = match server.tenancy {
                Tenancy::Shared { .. } | Tenancy::Kept | Tenancy::Successor | Tenancy::Leaving => {
                    true
                }
                Tenancy::Own { .. } | Tenancy::Listener | Tenancy::Probe => false,
            };
            is_of_all && server.queue.is_empty()
        });
        for key in idle.collect::<Vec<_>>() {
            self.retire(ConnId::new(Side::Server, key));
        }
    }

    /// A client of `pool` that another engine has given away. What it had sent before is served.
    ///
    /// One that has chosen a database which the pool no longer has is closed: no other will do.
    pub fn handle_handover(&mut self, pool: PoolId, client: Handover) -> ConnId {
        let Handover { mut session, version, database, subscriptions, .. } = client;
        let pool_state = &mut self.pools[pool.0 as usize];
        let own = pool_state.config().database;
        let has_database =
            database.is_none_or(|it| it == own || it < pool_state.config().databases);
        session.class = match has_database {
            true => pool_state.class(Class { version, database: database.unwrap_or(own) }),
            false => ClassId::default(),
        };
        let config = pool_state.config();
        let parser = client.parser.with_limits_of(&config.request_parser());
        let (inbox, outbox) = (Inbox::default(), Outbox::default());
        let mut conn = ClientConn::new(pool, parser, inbox, outbox, &config.limits, session);
        conn.skip = client.skip;
        // Whatever lane it was in, nothing is outstanding on it.
        if conn.session.mute != Mute::No {
            conn.lane = Lane::Muted;
        }
        let conn = ConnId::new(Side::Client, self.clients.insert(conn));
        self.pool_stats(pool).at(PoolFigure::ClientConnections).add(1);
        self.stats.curr_connections.add(1);
        if !has_database {
            self.say_farewell(conn, Farewell::Misbehaved);
            return conn;
        }
        if self.draining {
            self.say_farewell(conn, Farewell::Stopping);
            return conn;
        }
        self.subscribe_again(conn, pool, subscriptions);
        if !client.unparsed.is_empty() {
            self.serve_received(conn, &client.unparsed);
        }
        conn
    }

    /// Takes a client out without a word to it.
    fn give_away(&mut self, conn: ConnId) -> Handover {
        let subscriptions = self.subscriptions_of(conn);
        let mut client = self.clients.remove(conn.key()).expect("the caller has looked at it");
        self.forget_subscriber(conn, &mut client);
        let pool_state = &self.pools[client.pool.0 as usize];
        let Class { version, database } = pool_state.classes.get(client.session.class);
        // Who came when there was no password need not give one, as with Redis.
        client.session.authenticated |= !pool_state.has_password;
        let own = pool_state.config().database;
        self.pool_stats(client.pool).at(PoolFigure::ClientConnections).add(-1);
        self.stats.curr_connections.add(-1);
        Handover {
            pool: client.pool,
            version,
            database: (database != own).then_some(database),
            subscriptions,
            parser: client.parser,
            unparsed: client.inbox.take(),
            skip: client.skip,
            session: client.session,
        }
    }
}

impl ClientConn {
    /// Has it parse no further, and says whether it can go. Not so where it is in the midst of something that
    /// further requests belong to, or is closing.
    fn prepare_to_go(&mut self) -> bool {
        if self.own.is_some() {
            return false;
        }
        let farewell = *self.closing.get_or_insert(Farewell::HandedOver);
        farewell == Farewell::HandedOver && self.is_settled() && self.outstanding == 0
    }
}
