//! What an engine holds, counted by looking at all of it: for tests, which hold it against the limits,
//! the counters, and what should be left when all is quiet.

use std::collections::HashMap;

use crate::engine::Engine;
use crate::ids::{ConnId, PoolId, Side};
use crate::request::Role;
use crate::server::Tenancy;

/// What there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Requests in the table.
    pub requests: usize,
    /// Requests that wait in a server conn's queue, sent or not.
    pub queued: usize,
    /// Their bytes.
    pub queued_bytes: usize,
    /// Requests that were split or went to all servers.
    pub gatherings: usize,
    /// Requests with an errand.
    pub errands: usize,
    /// Responses that are held in chunks.
    pub held: usize,
    /// Bytes that clients have sent in part, of all of them.
    pub unparsed_bytes: usize,
    /// Bytes that wait to be sent, on all conns.
    pub unsent_bytes: usize,
    /// Bytes that were sent to servers and are kept, because they may have to be sent again.
    pub kept_bytes: usize,
    /// For each pool, the bytes that wait for the shared server conn with most of them.
    pub server_queue_bytes: Vec<usize>,
    /// Topics that somebody is subscribed to.
    pub topics: usize,
    /// Subscriptions of all clients.
    pub subscriptions: usize,
    /// The same, as their topics know them.
    pub subscribers: usize,
    /// Clients that wait for memory.
    pub waiting: usize,
    /// Pinned conns that have an alarm.
    pub alarms: usize,
    /// Pinned conns that no client has.
    pub kept: usize,
    /// Capacity of buffers between two uses, bytes.
    pub spare_bytes: usize,
    /// The clients.
    pub clients: Vec<ClientInventory>,
}

/// What there is of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientInventory {
    /// Its pool.
    pub pool: PoolId,
    /// Requests in its line.
    pub line: usize,
    /// Requests that it wants no response to and that have not ended.
    pub noreply: usize,
    /// Both together, as the client knows it.
    pub outstanding: usize,
    /// Response bytes that wait to be sent.
    pub unsent_bytes: usize,
    /// It has subscriptions.
    pub listens: bool,
}

impl Engine {
    /// Counts all there is. O(all of it).
    #[must_use]
    pub fn inventory(&self) -> Inventory {
        let mut all = Inventory {
            requests: self.requests.len(),
            gatherings: self.gatherings.len(),
            errands: self.errands.len(),
            held: self.holding.live(),
            waiting: self.shortage.waiting.len() + self.crowd.waiting(),
            alarms: self.alarms.len(),
            spare_bytes: self.spares.bytes(),
            server_queue_bytes: vec![0; self.pools.len()],
            ..Inventory::default()
        };
        let mut noreply: HashMap<ConnId, usize> = HashMap::new();
        for key in self.servers.keys() {
            let Some(server) = self.servers.get(key) else { continue };
            let mut at = server.queue.front();
            while !at.is_none() {
                all.queued += 1;
                let request = self.requests.get(at);
                all.queued_bytes += request.bytes as usize;
                if let (Role::Noreply, Some(asker)) = (request.role, request.client) {
                    *noreply.entry(asker).or_default() += 1;
                }
                at = server.queue.after(at, &self.requests);
            }
            let unsent = server.outbox.len();
            all.unsent_bytes += unsent;
            all.kept_bytes += server.kept_bytes(&self.requests);
            match server.tenancy {
                Tenancy::Shared { .. } => {
                    let most = &mut all.server_queue_bytes[server.pool.0 as usize];
                    *most = unsent.max(*most);
                }
                Tenancy::Kept => all.kept += 1,
                Tenancy::Own { .. }
                | Tenancy::Listener
                | Tenancy::Probe
                | Tenancy::Successor
                | Tenancy::Leaving => {}
            }
        }
        for key in self.clients.keys() {
            let Some(client) = self.clients.get(key) else { continue };
            let (mut line, mut at) = (0, client.line.front());
            while !at.is_none() {
                line += 1;
                at = client.line.after(at, &self.requests);
            }
            let subscriptions = client.subscriptions.as_ref().map_or(0, |all| all.len());
            all.subscriptions += subscriptions;
            all.unparsed_bytes += client.inbox.len();
            all.unsent_bytes += client.outbox.len();
            all.clients.push(ClientInventory {
                pool: client.pool,
                line,
                noreply: noreply.get(&ConnId::new(Side::Client, key)).copied().unwrap_or(0),
                outstanding: client.outstanding as usize,
                unsent_bytes: client.outbox.len(),
                listens: subscriptions > 0,
            });
        }
        for pubsub in &self.pubsub {
            let (topics, subscribers) = pubsub.census();
            all.topics += topics;
            all.subscribers += subscribers;
        }
        all
    }
}
