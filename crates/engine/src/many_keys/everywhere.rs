//! Requests that go to every server of a pool.
//!
//! A wrong answer is worse than an error: `DBSIZE` without one server's keys is wrong. So a server
//! that fails, or is ejected, makes the whole an error, which names the server. The exception is what
//! is made good later, by itself ([`Lack::LeftOut`]).

use nutcracker_proto::{Gather, Protocol, Routed};

use crate::action::CloseReason;
use crate::bytes::frame::Frame;
use crate::engine::Engine;
use crate::ids::{ConnId, PoolId, ServerId};
use crate::many_keys::gathering::{End, Lack};
use crate::request::{Request, RequestId, Role};
use crate::stats::PoolFigure;

impl Engine {
    /// Queues a request, whole, for every server of the pool; their responses become one.
    ///
    /// The bill: the request's bytes are copied once a server, and a place in the table of requests
    /// is taken for each and one more.
    pub(crate) fn ask_all(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        frame: Frame<'_>,
        routed: &Routed,
        (gather, lack): (Gather, Lack),
    ) {
        let with_ours = gather == Gather::Stats && frame.bytes.trim_ascii() == b"stats";
        if self.pools[pool.0 as usize].config().servers.len() == 1 && !with_ours {
            return self.forward(conn, pool, frame, routed);
        }
        self.welcome_back(pool);
        let client = (!routed.noreply).then_some(conn);
        let live = self.pools[pool.0 as usize].shared.health.live();
        if let Some(ejected) = live.iter().position(|live| !live)
            && (lack == Lack::Fails || !live.contains(&true))
        {
            let reason = self.ejected(pool, ServerId(ejected as u32), routed);
            return self.fail_request(client, pool, reason);
        }
        let gathering = client.map(|conn| self.begin_gathering_of_all(conn, routed, gather, lack));
        for (server, live) in live.iter().enumerate() {
            let server_conn = match live {
                true => self.open_conn(pool, ServerId(server as u32), conn),
                false => Err(CloseReason::Refused),
            };
            let (role, end) = match (gathering, &server_conn) {
                (Some(gathering), Ok(_)) => (
                    Role::Fragment { gathering, ordinal: server as u32 },
                    End::Pending { bytes: 0 },
                ),
                (_, Err(reason)) => (Role::Noreply, End::Failed(Box::new(reason.clone()))),
                (None, Ok(_)) => (Role::Noreply, End::Pending { bytes: 0 }),
            };
            if let Some(gathering) = gathering {
                let place = self.gatherings.get_mut(gathering);
                place.pending += u32::from(server_conn.is_ok());
                place.ends.push(end);
            }
            if let Ok(server_conn) = server_conn {
                let mut request = Request::new(None, role, routed.command.kinds);
                if role == Role::Noreply {
                    request.client = Some(conn);
                    self.begin_noreply(conn, pool);
                }
                let request = self.requests.insert(request);
                self.queue_frame(server_conn, request, frame, routed);
            }
        }
        self.pool_stats(pool).at(PoolFigure::Fragments).add(live.len() as i64);
        if let Some(gathering) = gathering
            && with_ours
        {
            let ours = self.answer_stats(pool);
            self.gatherings.get_mut(gathering).ends.push(ours);
        }
        if let Some(gathering) = gathering
            && self.gatherings.get_mut(gathering).pending == 0
        {
            self.finish_parent(gathering);
        }
    }

    /// Flushes the servers' data, where the operator allows it.
    pub(crate) fn flush_all(
        &mut self,
        conn: ConnId,
        pool: PoolId,
        frame: Frame<'_>,
        routed: &Routed,
    ) {
        let config = self.pools[pool.0 as usize].config();
        if !config.allow_flush {
            if !routed.noreply {
                let answer = config.protocol.flush_refused();
                self.answer(conn, answer);
            }
            return;
        }
        let gather = match config.protocol {
            Protocol::Redis => Gather::Status,
            Protocol::Memcache => Gather::Okay,
        };
        self.ask_all(conn, pool, frame, routed, (gather, Lack::Fails));
    }

    /// Why a request that needs that server, which is ejected, is not sent.
    pub(crate) fn ejected(&self, pool: PoolId, server: ServerId, routed: &Routed) -> CloseReason {
        let name = &self.pools[pool.0 as usize].config().servers[server.0 as usize].name;
        let command = routed.command.name.replace('|', " ");
        let text = format!("server '{name}' is ejected, and '{command}' needs every server");
        CloseReason::Other(text.into())
    }

    /// Why a request that went to all servers failed: what became of it at that one.
    #[cold]
    pub(crate) fn failed_server(
        &self,
        pool: PoolId,
        server: ServerId,
        reason: &CloseReason,
    ) -> CloseReason {
        let name = &self.pools[pool.0 as usize].config().servers[server.0 as usize].name;
        CloseReason::Other(format!("server '{name}': {}", reason.text()).into())
    }

    /// Writes a request, less what is to be omitted, to a server conn's outbox and queues it. A large one is
    /// not copied, unless the copy is what may have to be sent again. Inlined: it is a good part of what an
    /// ordinary request costs.
    #[inline(always)]
    pub(crate) fn queue_frame(
        &mut self,
        conn: ConnId,
        request: RequestId,
        frame: Frame<'_>,
        routed: &Routed,
    ) {
        let server = self.servers.get_mut(conn.key()).expect("found or opened just now");
        let before = server.outbox.len();
        let omit = routed.omit.start as usize..routed.omit.end as usize;
        match frame.shared() {
            Some(shared)
                if omit.is_empty()
                    && !(server.keeps_sent() && self.requests.get(request).reads) =>
            {
                self.requests.get_mut(request).is_shared = true;
                server.outbox.share(shared);
            }
            _ => {
                let tail = server.tail(frame.bytes.len(), &mut self.spares);
                tail.extend_from_slice(&frame.bytes[..omit.start]);
                if !omit.is_empty() {
                    tail.extend_from_slice(&frame.bytes[omit.end..]);
                }
            }
        }
        let bytes = server.outbox.len() - before;
        self.enqueue(conn, request, bytes);
    }

    /// A place in its client's line for a request that goes to all servers, and a place where their
    /// responses come together.
    fn begin_gathering_of_all(
        &mut self,
        conn: ConnId,
        routed: &Routed,
        gather: Gather,
        lack: Lack,
    ) -> u32 {
        let parent = self.begin_parent(conn, routed);
        let pool = self.clients.get(conn.key()).expect("it sent the request").pool;
        let room = self.response_bytes_max(pool);
        let gathering = self.gatherings.insert(gather, parent, room);
        self.requests.get_mut(parent).role = Role::Parent { gathering };
        let place = self.gatherings.get_mut(gathering);
        (place.lack, place.of_all) = (lack, true);
        if gather == Gather::NotNull {
            // Where to begin: keys of every server shall come up.
            place.owners.push(self.random.draw());
        }
        gathering
    }
}
