//! What clients say about themselves, and what the proxy answers to it.
//!
//! Redis' protocol alone: memcached's clients say nothing of the kind. Arguments are read and answers
//! written by [`resp::local`](nutcracker_proto::resp::local); here is what they change.

use std::time::Duration;

use nutcracker_proto::resp::local::{self, ClientAsk, ClientFacts, Reply, ReplyMode};
use nutcracker_proto::{Local, Version, auth};

use crate::clients::client::ClientConn;
use crate::clients::session::{Class, Lane, Mute, Session};
use crate::engine::Engine;
use crate::ids::{ConnId, PoolId};

impl Engine {
    /// Answers a request of Redis' protocol that is about its client, or about the proxy.
    #[cold]
    pub(crate) fn answer_session(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        local: Local,
        frame: &[u8],
    ) {
        if let Some(answer) = self.local_answer(conn, pool, local, frame) {
            self.answer(conn, &answer);
        }
    }

    /// Does what such a request asks for, and says what the answer is; `None` where it comes later.
    pub(crate) fn local_answer(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        local: Local,
        frame: &[u8],
    ) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let version = self.class_of(conn, pool).version;
        let mut words = local::words(frame).skip(1);
        let mut reply = Reply::new(version, &mut out);
        match local {
            Local::Hello => self.hello(conn, pool, words, &mut out),
            Local::Authenticate => {
                let (first, second) = (words.next().unwrap_or_default(), words.next());
                let password = self.pools[pool.0 as usize].config().password.as_deref();
                let (answer, admitted) = match words.next() {
                    Some(_) => (auth::TOO_MANY, None),
                    None => local::authentication(first, second, password),
                };
                if let Some(admitted) = admitted {
                    self.session_mut(conn).authenticated = admitted;
                }
                out.extend_from_slice(answer);
            }
            Local::Select => {
                let config = self.pools[pool.0 as usize].config();
                let word = words.next().unwrap_or_default();
                match local::parse_select(word, config.databases, config.database) {
                    Err(refusal) => reply.error(&refusal),
                    Ok(database) => {
                        let class = self.class_of(conn, pool);
                        self.set_class(conn, pool, Class { database, ..class });
                        reply.ok();
                    }
                }
            }
            Local::Reset => {
                self.end_subscriptions(conn, pool);
                let client = self.clients.get_mut(conn.key()).expect("it sent the request");
                client.session.reset();
                client.lane = Lane::Shared;
                reply.status("RESET");
            }
            Local::Client => match local::parse_client(words) {
                Err(refusal) => reply.error(&refusal),
                Ok(ask @ (ClientAsk::List(_) | ClientAsk::Kill(_) | ClientAsk::KillAddress(_))) => {
                    self.take_census(conn, pool, version, &ask, frame);
                    return None;
                }
                Ok(ask) => self.answer_client(conn, &ask, &mut reply),
            },
            Local::Ping | Local::Echo => reply.bulk(words.next().unwrap_or_default()),
            Local::Command => {
                if let Err(refusal) = local::command(words, &mut reply) {
                    reply.error(&refusal);
                }
            }
            Local::Info => local::info(words, &self.server_facts(pool), &mut reply),
            Local::Config => {
                if let Err(refusal) = local::config(words, &self.server_facts(pool), &mut reply) {
                    reply.error(&refusal);
                }
            }
            Local::Time => {
                let now = self.epoch_time + Duration::from_micros(self.now.0);
                local::time(now, &mut reply);
            }
            Local::Cluster => reply.error(&local::cluster(local::words(frame))),
            _ => reply.error("ERR not served"),
        }
        Some(out)
    }

    fn hello<'a>(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        words: impl Iterator<Item = &'a [u8]>,
        out: &mut Vec<u8>,
    ) {
        let class = self.class_of(conn, pool);
        let asked = match local::parse_hello(words) {
            Ok(asked) => asked,
            Err(refusal) => return Reply::new(class.version, out).error(&refusal),
        };
        let password = self.pools[pool.0 as usize].config().password.as_deref();
        let owes = password.is_some() && !self.session_mut(conn).authenticated;
        let password = self.pools[pool.0 as usize].config().password.as_deref();
        match asked.credentials {
            Some(credentials) if !credentials.open(password) => {
                return out.extend_from_slice(auth::WRONG_PAIR);
            }
            None if owes => return out.extend_from_slice(auth::HELLO_REQUIRED),
            Some(_) => self.session_mut(conn).authenticated = true,
            None => {}
        }
        let session = self.session_mut(conn);
        if let Some(name) = asked.name {
            session.names_mut().own = name.into();
        }
        let id = session.id;
        let version = asked.version.unwrap_or(class.version);
        self.set_class(conn, pool, Class { version, ..class });
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        if version == Version::Resp2 && client.subscriptions.is_some() {
            client.lane = Lane::Listening;
        }
        local::hello(local::HelloFacts { id }, &mut Reply::new(version, out));
    }

    fn answer_client(&mut self, conn: ConnId, ask: &ClientAsk<'_>, reply: &mut Reply<'_>) {
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        let session = &mut client.session;
        match ask {
            ClientAsk::Id => reply.integer(session.id as i64),
            ClientAsk::GetName => match session.names() {
                Some(names) if !names.own.is_empty() => reply.bulk(&names.own),
                _ => reply.null(),
            },
            ClientAsk::SetName(name) => {
                session.names_mut().own = (*name).into();
                reply.ok();
            }
            ClientAsk::SetLibraryName(name) => {
                session.names_mut().library = (*name).into();
                reply.ok();
            }
            ClientAsk::SetLibraryVersion(version) => {
                session.names_mut().library_version = (*version).into();
                reply.ok();
            }
            ClientAsk::NoEvict(choice) => {
                session.no_evict = *choice;
                reply.ok();
            }
            ClientAsk::NoTouch(choice) => {
                session.no_touch = *choice;
                reply.ok();
            }
            ClientAsk::Reply(mode) => {
                if client.set_reply(*mode) {
                    reply.ok();
                }
            }
            ClientAsk::TrackingOff => reply.ok(),
            ClientAsk::TrackingInfo => local::tracking_info(reply),
            ClientAsk::GetRedirection => reply.integer(-1),
            ClientAsk::Help => local::client_help(reply),
            ClientAsk::Info => {
                let mut line = Vec::new();
                let facts = self.facts(self.clients.get(conn.key()).expect("it is there"));
                let facts = ClientFacts { command: Some("client|info"), ..facts };
                local::client_line(&facts, &mut line);
                reply.text(&line);
            }
            ClientAsk::List(_) | ClientAsk::Kill(_) | ClientAsk::KillAddress(_) => {
                unreachable!("asked of all workers: {ask:?}")
            }
        }
    }

    /// What is told of a client.
    pub(crate) fn facts<'a>(&self, client: &'a ClientConn) -> ClientFacts<'a> {
        let session = &client.session;
        let Class { version, database } =
            self.pools[client.pool.0 as usize].classes.get(session.class);
        let mut facts = ClientFacts {
            id: session.id,
            address: session.peer.to_string(),
            age: u64::from(self.now.seconds().saturating_sub(session.since)),
            database,
            version,
            no_evict: session.no_evict,
            no_touch: session.no_touch,
            subscriptions: client.subscriptions.as_ref().map_or([0; 3], |all| all.counts()),
            queued: client.queued_commands(),
            unsent_bytes: client.outbox.len(),
            ..ClientFacts::default()
        };
        if let Some(names) = session.names() {
            facts.name = &names.own;
            facts.library_name = &names.library;
            facts.library_version = &names.library_version;
        }
        facts
    }

    /// What a client's requests agree on.
    pub(crate) fn class_of(&self, conn: ConnId, pool: PoolId) -> Class {
        let client = self.clients.get(conn.key()).expect("it sent the request");
        self.pools[pool.0 as usize].classes.get(client.session.class)
    }

    fn set_class(&mut self, conn: ConnId, pool: PoolId, class: Class) {
        self.session_mut(conn).class = self.pools[pool.0 as usize].class(class);
    }

    fn session_mut(&mut self, conn: ConnId) -> &mut Session {
        &mut self.clients.get_mut(conn.key()).expect("it sent the request").session
    }
}

impl ClientConn {
    /// Says which requests are answered from now on, and whether this one is.
    fn set_reply(&mut self, mode: ReplyMode) -> bool {
        self.session.mute = match (mode, self.session.mute) {
            (ReplyMode::On, _) => Mute::No,
            (ReplyMode::Off, _) | (ReplyMode::Skip, Mute::All) => Mute::All,
            (ReplyMode::Skip, _) => Mute::Next,
        };
        self.lane = if self.session.mute == Mute::No { Lane::Shared } else { Lane::Muted };
        mode == ReplyMode::On
    }
}
