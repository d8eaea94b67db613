//! The engine, and a shell around it whose sockets take and bring all at once.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nutcracker_engine::limits::{PoolLimits, SLICES_A_WRITE};
use nutcracker_engine::stats::Stats;
use nutcracker_engine::{
    Action, ConnId, Engine, MemoryState, MultiError, PoolConfig, PoolId, Retries, SharedPool,
    WorkerId,
};
use nutcracker_proto::Protocol;
use nutcracker_ring::{DistributionKind, Placement, RingServer};

use crate::wire::{self, Message};

/// Messages that come in on conns within one turn.
pub(crate) type Incoming = Vec<(ConnId, Message)>;

/// The engine and its shell.
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    /// The time of every turn: that it stands still spares a count that depends on the moment.
    now: Instant,
}

impl Stage {
    pub(crate) fn new(protocol: Protocol, servers: usize) -> Self {
        let config = PoolConfig {
            protocol,
            key_bytes_max: 16_000,
            placement: Placement::default(),
            distribution: DistributionKind::Ketama,
            servers: (0..servers).map(|nth| RingServer::new(format!("server{nth}"), 1)).collect(),
            retries: Retries::default(),
            connect_timeout: None,
            timeout: Some(Duration::from_millis(400)),
            ejection: None,
            server_connections: 1,
            password: None,
            database: 0,
            allow_flush: false,
            meta_commands: true,
            multi_error: MultiError::Fail,
            databases: 16,
            commands: None,
            preconnect: false,
            limits: PoolLimits::default(),
        };
        let now = epoch();
        let stats = Arc::new(Stats::new([servers]));
        let pools = [Arc::new(SharedPool::new(config))];
        let engine = Engine::new(WorkerId(0), &pools, stats, now, 1);
        Self { engine, now }
    }

    /// So many clients come.
    pub(crate) fn clients(&mut self, count: usize) -> Vec<ConnId> {
        self.engine.begin_turn(self.now);
        let conns = (0..count).map(|_| self.engine.handle_accepted(PoolId(0), None)).collect();
        self.act(|conn, _| unreachable!("{conn:?} has nothing to send"));
        conns
    }

    /// One turn. Hands what is sent in it to `sent`.
    pub(crate) fn turn<'a>(
        &mut self,
        incoming: impl IntoIterator<Item = &'a (ConnId, Message)>,
        sent: impl FnMut(ConnId, &[IoSlice<'_>]),
    ) {
        self.engine.begin_turn(self.now);
        self.engine.handle_memory(MemoryState::Enough);
        for (conn, message) in incoming {
            self.receive(*conn, message);
        }
        self.engine.handle_timeout(true);
        self.act(sent);
    }

    /// One turn, whose bytes sent are kept by conn.
    pub(crate) fn turn_kept(&mut self, incoming: &Incoming) -> BTreeMap<ConnId, Vec<u8>> {
        let mut kept: BTreeMap<ConnId, Vec<u8>> = BTreeMap::new();
        self.turn(incoming, |conn, slices| {
            let bytes = kept.entry(conn).or_default();
            slices.iter().for_each(|slice| bytes.extend_from_slice(slice));
        });
        kept
    }

    /// One turn, whose bytes sent are only counted.
    pub(crate) fn turn_counted(&mut self, incoming: &Incoming) -> usize {
        let mut count = 0;
        self.turn(incoming, |_, slices| count += wire::len(slices));
        count
    }

    fn receive(&mut self, conn: ConnId, message: &Message) {
        let mut at = 0;
        while at < message.len() {
            assert!(self.engine.may_read(conn), "{conn:?} may not be read");
            let space = self.engine.recv_space(conn);
            let len = space.len().min(message.len() - at);
            message.write(at, &mut space[..len]);
            at += len;
            let go_on = self.engine.handle_received(conn, len);
            assert!(go_on || at == message.len(), "{conn:?}: bytes stay in the socket");
        }
    }

    /// Does what the engine asks until it asks no more.
    fn act(&mut self, mut sent: impl FnMut(ConnId, &[IoSlice<'_>])) {
        while let Some(action) = self.engine.poll_action() {
            match action {
                Action::Connect { conn, .. } => self.engine.handle_connected(conn),
                Action::Flush(conn) => loop {
                    let mut slices = [IoSlice::new(&[]); SLICES_A_WRITE];
                    let used = self.engine.poll_send(conn, &mut slices);
                    if used == 0 {
                        break;
                    }
                    let slices = &slices[..used];
                    sent(conn, slices);
                    let len = wire::len(slices);
                    self.engine.handle_sent(conn, len, false);
                },
                // What there is to read comes with the next turn.
                Action::Read(_) => {}
                Action::Close { conn, .. } => unreachable!("{conn:?} does nothing wrong"),
                Action::Ask { worker, .. } => unreachable!("there is no {worker:?}"),
                Action::SpreadShortage => unreachable!("there is nobody to tell"),
                Action::Report(report) => unreachable!("nothing fails: {report:?}"),
            }
        }
    }
}

/// Some moment; which one makes no difference to an engine that begins at it.
#[expect(clippy::disallowed_methods, reason = "an `Instant` has no other beginning")]
fn epoch() -> Instant {
    Instant::now()
}
