//! A front: one target, up and ready, and the process that is measured.

use super::workload::Protocol;
use crate::proc::Proc;
use crate::servers::Proxy;

/// How the pool behind a front, and the front itself, differ from the everyday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setup {
    /// How many servers the Redis pool has: names in the ring, each with connections of its own.
    /// The real servers take turns in answering to them.
    pub(crate) servers: usize,
    /// Threads of the proxy that serve clients.
    pub(crate) workers: usize,
    /// Where the front may run.
    pub(crate) place: Place,
}

/// Where a front may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the core that is left to it.
    OwnCore,
    /// On every core: it has more threads than one core is for.
    AllCores,
}

impl Setup {
    /// Four servers, one worker, a core of its own.
    pub(crate) const EVERYDAY: Self = Self { servers: 4, workers: 1, place: Place::OwnCore };
}

/// A target that is up.
#[derive(Debug)]
pub(crate) struct Front {
    redis_port: u16,
    /// Nothing listens there where a target does not speak memcached.
    memcached_port: u16,
    running: Running,
}

/// The process of a front, ended when dropped.
#[derive(Debug)]
pub(super) enum Running {
    /// Ours or the original.
    Proxy(Proxy),
    /// HAProxy or predixy.
    Other(Proc),
    /// A server that is there anyway.
    Nothing,
}

impl Front {
    /// A front whose clients connect to these ports.
    pub(super) fn new(redis_port: u16, memcached_port: u16, running: Running) -> Self {
        Self { redis_port, memcached_port, running }
    }

    /// Where clients of `protocol` connect.
    pub(crate) fn port(&self, protocol: Protocol) -> u16 {
        match protocol {
            Protocol::Redis => self.redis_port,
            Protocol::Memcached => self.memcached_port,
        }
    }

    /// The id of the process that is measured, if there is one.
    pub(crate) fn pid(&self) -> Option<u32> {
        match &self.running {
            Running::Proxy(proxy) => Some(proxy.pid()),
            Running::Other(process) => Some(process.pid()),
            Running::Nothing => None,
        }
    }

    /// The process, if there is one.
    pub(super) fn process(&mut self) -> Option<&mut Proc> {
        match &mut self.running {
            Running::Proxy(proxy) => Some(proxy.process()),
            Running::Other(process) => Some(process),
            Running::Nothing => None,
        }
    }
}
