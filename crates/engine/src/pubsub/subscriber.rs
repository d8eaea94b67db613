//! The clients' side: requests to subscribe, their answers, and who gets what is published.

use std::collections::BTreeSet;

use nutcracker_proto::resp::pubsub::{self, Topic};
use nutcracker_proto::{Kinds, Local, Routed, Subscription, Travel, Version};

use nutcracker_ring::DistributionKind;

use super::{Pending, Subscriptions};
use crate::action::{Action, CloseReason, Report};
use crate::bytes::frame::Frame;
use crate::clients::client::ClientConn;
use crate::clients::session::Lane;
use crate::engine::Engine;
use crate::ids::{ConnId, Key, PoolId, ServerId};
use crate::limits::SUBSCRIPTIONS_MAX;
use crate::loss::ejection::OnEject;
use crate::request::{Answer, Request, RequestId, Role};
use crate::stats::LimitFigure;

impl Engine {
    /// Serves a request that changes what a client is subscribed to.
    pub(crate) fn change_subscriptions(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        change: Subscription,
        frame: Frame<'_>,
    ) {
        match change.of() {
            (topic, true) => self.subscribe(conn, pool, topic, frame),
            (topic, false) => self.unsubscribe(conn, pool, topic, frame),
        }
    }

    /// Answers a request of a RESP2 client that has subscriptions, other than those that are as for
    /// anybody: nothing but a change of its subscriptions may be asked for, as nothing tells an answer
    /// from what is published.
    pub(crate) fn refuse_listening(
        &mut self,
        conn: ConnId,
        frame: Frame<'_>,
        routed: &Routed,
    ) -> bool {
        let mut answer = Vec::new();
        match routed.command.travel {
            Travel::Subscription(_) | Travel::Here(Local::Quit | Local::Reset) => return false,
            Travel::Here(Local::Ping) => {
                let message = pubsub::names(frame.bytes).next().unwrap_or_default();
                pubsub::subscribers_pong(message, &mut answer);
            }
            _ => pubsub::not_while_subscribed(routed.command.name, &mut answer),
        }
        self.answer(conn, &answer);
        true
    }

    fn subscribe(&mut self, conn: ConnId, pool: PoolId, topic: Topic, frame: Frame<'_>) {
        self.welcome_back(pool);
        self.move_topics(pool);
        if pubsub::names(frame.bytes).any(|name| self.homes(pool, topic, name).is_empty()) {
            let ejection = self.pools[pool.0 as usize].config().ejection;
            let reason = match ejection.map(|ejection| ejection.on_eject) {
                Some(OnEject::Fail) => CloseReason::Ejected,
                _ => CloseReason::Refused,
            };
            return self.fail_request(Some(conn), pool, reason);
        }
        let version = self.version(conn);
        let mut pending = Pending {
            request: RequestId::NONE,
            topics: Vec::new(),
            unheard: BTreeSet::new(),
            reply: Vec::new(),
        };
        for name in pubsub::names(frame.bytes) {
            let client = self.clients.get_mut(conn.key()).expect("it sent the request");
            let subscriptions = client.subscriptions.get_or_insert_default();
            if subscriptions.topics.len() >= SUBSCRIPTIONS_MAX {
                self.abandon(conn, pool, &pending.topics);
                let text = format!("a client may have {SUBSCRIPTIONS_MAX} subscriptions");
                return self.fail_request(Some(conn), pool, CloseReason::Other(text.into()));
            }
            let key = self.topic(pool, topic, name);
            let client = self.clients.get_mut(conn.key()).expect("it sent the request");
            let subscriptions = client.subscriptions.get_or_insert_default();
            if subscriptions.insert(topic, key) {
                let subscribed = self.pubsub[pool.0 as usize].topics.get_mut(key);
                let subscribed = subscribed.expect("it was found or made just now");
                subscribed.waiting.push(conn);
                pending.topics.push(key);
                if subscribed.unheard > 0 {
                    pending.unheard.insert(key);
                }
            }
            let count = subscriptions.count(topic);
            pubsub::confirm(version, (topic, true), Some(name), count, &mut pending.reply);
        }
        let client = self.clients.get_mut(conn.key()).expect("it sent the request");
        if version == Version::Resp2 {
            client.lane = Lane::Listening;
        }
        let is_heard = pending.unheard.is_empty();
        let request = Request::new(Some(conn), Role::Subscription, Kinds::ANY);
        pending.request = self.requests.insert(request);
        let request = pending.request;
        client.subscriptions.get_or_insert_default().pending = Some(pending);
        self.put_in_line(conn, request);
        if is_heard {
            self.confirm(conn, pool);
        }
        self.set_alarm(pool);
    }

    /// The topic of that name; where nobody is subscribed to it yet, its servers are asked for it.
    fn topic(&mut self, pool: PoolId, topic: Topic, name: &[u8]) -> Key {
        if let Some(key) = self.pubsub[pool.0 as usize].find(topic, name) {
            return key;
        }
        let homes = self.homes(pool, topic, name);
        let key = self.pubsub[pool.0 as usize].insert(topic, name, homes.clone());
        self.ask_homes(pool, key, &homes);
        key
    }

    /// Asks all homes of a topic for it.
    fn ask_homes(&mut self, pool: PoolId, key: Key, homes: &[ServerId]) {
        for &server in homes {
            self.ask_for(pool, server, key);
        }
        if let Some(subscribed) = self.pubsub[pool.0 as usize].topics.get_mut(key) {
            subscribed.asked_at = self.now;
        }
    }

    /// All servers listen to what a client asked for: it is told, and gets what is published from now
    /// on.
    pub(super) fn confirm(&mut self, conn: ConnId, pool: PoolId) {
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        let pending = client.subscriptions.as_mut().and_then(|all| all.pending.take());
        let Some(pending) = pending else { return };
        let pubsub = &mut self.pubsub[pool.0 as usize];
        let audiences = &self.pools[pool.0 as usize].shared.audiences;
        for key in pending.topics {
            if let Some(subscribed) = pubsub.topics.get_mut(key) {
                take_out(&mut subscribed.waiting, conn);
                subscribed.clients.push(conn);
                audiences.add_client(self.worker, subscribed.topic, &subscribed.name);
            }
        }
        let held = self.holding.hold(&pending.reply, &mut self.spares);
        self.requests.get_mut(pending.request).answer = Answer::Held(held);
        self.deliver_finished(conn);
    }

    /// A server will not listen to what a client asked for: it is told why, and is subscribed to
    /// nothing of that request.
    pub(super) fn fail_subscription(&mut self, conn: ConnId, pool: PoolId, reason: &CloseReason) {
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        let pending = client.subscriptions.as_mut().and_then(|all| all.pending.take());
        let Some(pending) = pending else { return };
        self.abandon(conn, pool, &pending.topics);
        self.requests.get_mut(pending.request).answer = Answer::Failed(Box::new(reason.clone()));
        self.deliver_finished(conn);
    }

    /// Ends subscriptions whose request failed.
    fn abandon(&mut self, conn: ConnId, pool: PoolId, topics: &[Key]) {
        for &key in topics {
            self.end_subscription(conn, pool, key);
        }
        self.leave_lane(conn);
    }

    fn unsubscribe(&mut self, conn: ConnId, pool: PoolId, topic: Topic, frame: Frame<'_>) {
        let version = self.version(conn);
        let mut reply = Vec::new();
        let mut names: Vec<Box<[u8]>> = pubsub::names(frame.bytes).map(Into::into).collect();
        if names.is_empty() {
            names = self.subscribed_names(conn, pool, topic);
        }
        let mut tell = |name: Option<&[u8]>, left| {
            pubsub::confirm(version, (topic, false), name, left, &mut reply);
        };
        if names.is_empty() {
            tell(None, self.subscription_count(conn, topic));
        }
        for name in names {
            if let Some(key) = self.pubsub[pool.0 as usize].find(topic, &name) {
                self.end_subscription(conn, pool, key);
            }
            tell(Some(&name), self.subscription_count(conn, topic));
        }
        self.leave_lane(conn);
        self.answer(conn, &reply);
    }

    /// Ends all subscriptions of a client without a word.
    pub(crate) fn end_subscriptions(&mut self, conn: ConnId, pool: PoolId) {
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        let Some(subscriptions) = client.subscriptions.take() else { return };
        if client.lane == Lane::Listening {
            client.lane = Lane::Shared;
        }
        self.release_all(conn, pool, &subscriptions);
    }

    /// A client is gone, and its subscriptions with it.
    pub(crate) fn forget_subscriber(&mut self, conn: ConnId, client: &mut ClientConn) {
        if let Some(subscriptions) = client.subscriptions.take() {
            self.release_all(conn, client.pool, &subscriptions);
        }
    }

    fn release_all(&mut self, conn: ConnId, pool: PoolId, subscriptions: &Subscriptions) {
        for &(_, key) in &subscriptions.topics {
            self.release(conn, pool, key);
        }
    }

    fn end_subscription(&mut self, conn: ConnId, pool: PoolId, key: Key) {
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        let Some(subscriptions) = &mut client.subscriptions else { return };
        let Some(subscribed) = self.pubsub[pool.0 as usize].topics.get(key) else { return };
        if subscriptions.remove(subscribed.topic, key) {
            self.release(conn, pool, key);
        }
    }

    /// One client fewer is subscribed to a topic. With the last of them its servers are told.
    fn release(&mut self, conn: ConnId, pool: PoolId, key: Key) {
        let pubsub = &mut self.pubsub[pool.0 as usize];
        let Some(subscribed) = pubsub.topics.get_mut(key) else { return };
        if take_out(&mut subscribed.clients, conn) {
            let audiences = &self.pools[pool.0 as usize].shared.audiences;
            audiences.remove_client(self.worker, subscribed.topic, &subscribed.name);
        }
        take_out(&mut subscribed.waiting, conn);
        take_out(&mut subscribed.joining, conn);
        if subscribed.is_wanted() {
            return;
        }
        let Some(subscribed) = pubsub.remove(key) else { return };
        for &server in &subscribed.homes {
            self.ask_no_more(pool, server, subscribed.topic, &subscribed.name);
        }
        if self.pubsub[pool.0 as usize].topics.len() == 0 {
            self.set_alarm(pool);
        }
    }

    /// A RESP2 client whose last subscription has ended may ask for anything again.
    fn leave_lane(&mut self, conn: ConnId) {
        let Some(client) = self.clients.get_mut(conn.key()) else { return };
        if client.subscriptions.as_ref().is_some_and(|all| all.topics.is_empty()) {
            client.subscriptions = None;
            if client.lane == Lane::Listening {
                client.lane = Lane::Shared;
            }
        }
    }

    /// All that a client is subscribed to.
    pub(crate) fn subscriptions_of(&self, conn: ConnId) -> Vec<(Topic, Box<[u8]>)> {
        let Some(client) = self.clients.get(conn.key()) else { return Vec::new() };
        let topics = &self.pubsub[client.pool.0 as usize].topics;
        let subscribed = client.subscriptions.iter().flat_map(|all| &all.topics);
        let name = |&(topic, key): &(Topic, Key)| Some((topic, topics.get(key)?.name.clone()));
        subscribed.filter_map(name).collect()
    }

    /// Subscribes a client that was subscribed elsewhere, without a word to it.
    ///
    /// What it got there may be on its way here still, where others have come before it. So the servers are
    /// asked once more: what they send behind their answer it cannot have got.
    pub(crate) fn subscribe_again(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        subscriptions: Vec<(Topic, Box<[u8]>)>,
    ) {
        if subscriptions.is_empty() {
            return;
        }
        self.welcome_back(pool);
        self.move_topics(pool);
        for (topic, name) in subscriptions {
            let key = self.topic(pool, topic, &name);
            let subscribed = self.pubsub[pool.0 as usize].topics.get_mut(key);
            let subscribed = subscribed.expect("it was found or made just now");
            subscribed.joining.push(conn);
            if subscribed.asked_at != self.now {
                let homes = subscribed.homes.clone();
                self.ask_homes(pool, key, &homes);
            }
            let client =
                self.clients.get_mut(conn.key()).expect("the caller has just put it there");
            client.subscriptions.get_or_insert_default().insert(topic, key);
        }
        if self.version(conn) == Version::Resp2 {
            let client =
                self.clients.get_mut(conn.key()).expect("the caller has just put it there");
            client.lane = Lane::Listening;
        }
        // Also where no server could be asked.
        self.set_alarm(pool);
    }

    fn subscribed_names(&self, conn: ConnId, pool: PoolId, topic: Topic) -> Vec<Box<[u8]>> {
        let topics = &self.pubsub[pool.0 as usize].topics;
        let subscriptions = self.clients.get(conn.key()).and_then(|it| it.subscriptions.as_ref());
        let of_kind = subscriptions.into_iter().flat_map(|all| &all.topics);
        of_kind
            .filter(|(of, _)| *of == topic)
            .filter_map(|&(_, key)| topics.get(key).map(|subscribed| subscribed.name.clone()))
            .collect()
    }

    fn subscription_count(&self, conn: ConnId, topic: Topic) -> usize {
        let client = self.clients.get(conn.key());
        client.and_then(|it| it.subscriptions.as_ref()).map_or(0, |all| all.count(topic))
    }

    /// The version of the protocol that a client speaks.
    pub(crate) fn version(&self, conn: ConnId) -> Version {
        self.clients.get(conn.key()).map_or(Version::Resp2, |client| {
            self.pools[client.pool.0 as usize].classes.get(client.session.class).version
        })
    }

    /// Hands what was published to everyone who is subscribed: a copy each, or a share of it when it is
    /// large. A client that has not read far too much of what came before is closed.
    pub(super) fn publish(&mut self, pool: PoolId, key: Key, frame: Frame<'_>) {
        let limits = &self.pools[pool.0 as usize].config().limits;
        let unsent_bytes_max = limits.subscriber_unsent_bytes;
        let Some(subscribed) = self.pubsub[pool.0 as usize].topics.get_mut(key) else { return };
        let clients = std::mem::take(&mut subscribed.clients);
        let mut too_slow = Vec::new();
        for &conn in &clients {
            let first = pubsub::push_type(self.version(conn));
            let Some(client) = self.clients.get_mut(conn.key()) else { continue };
            // One that goes over hears on until it goes.
            if client.will_close() {
                continue;
            }
            if client.outbox.len() > unsent_bytes_max {
                too_slow.push((conn, client.session.label(), client.outbox.len()));
                continue;
            }
            client.outbox.push(&[first], &mut self.spares);
            match frame.shared() {
                Some(shared) => client.outbox.share(shared.slice(1..shared.len())),
                None => client.outbox.push(&frame.bytes[1..], &mut self.spares),
            }
            self.mark_client_dirty(conn);
        }
        if let Some(subscribed) = self.pubsub[pool.0 as usize].topics.get_mut(key) {
            subscribed.clients = clients;
        }
        for (conn, client, bytes) in too_slow {
            self.pool_stats(pool).limit(LimitFigure::SubscriberClosed).add(1);
            let report = Report::SubscriberTooSlow { conn, client, pool, bytes };
            self.actions.push_back(Action::Report(report));
            let reason = CloseReason::Other("what is published is not read".into());
            self.drop_client(conn, reason);
        }
    }

    /// The servers that are asked for a topic; none when every server is ejected.
    ///
    /// A channel's own. For a pattern all that are there, and for a channel too where keys are spread
    /// at random: each message then goes to one of them.
    pub(super) fn homes(&self, pool: PoolId, topic: Topic, name: &[u8]) -> Vec<ServerId> {
        let pool = &self.pools[pool.0 as usize];
        let is_placed = pool.config().distribution != DistributionKind::Random;
        if topic != Topic::Pattern && is_placed {
            let home = pool.route(name, || 0).filter(|server| !pool.fails(*server));
            return home.into_iter().collect();
        }
        let live = pool.shared.health.live();
        let servers = live.iter().enumerate().filter(|(_, live)| **live);
        servers.map(|(server, _)| ServerId(server as u32)).collect()
    }
}

/// Takes `conn` out of a list in which it is once at most, and says whether it was. O(list).
fn take_out(list: &mut Vec<ConnId>, conn: ConnId) -> bool {
    let at = list.iter().position(|&other| other == conn);
    at.map(|at| list.swap_remove(at)).is_some()
}
