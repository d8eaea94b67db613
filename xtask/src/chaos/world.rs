//! What the clients of a scenario must know of the faults around them, shared by all of them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::known::Circumstances;

/// The state of a scenario's stage.
#[derive(Debug)]
pub(super) struct World {
    /// When the scenario began.
    pub(super) begun: Instant,
    /// Whether keys of a server that failed go to others.
    ejects: bool,
    /// Whether the proxy is on its way out, or gone: connections may end, and requests with them.
    is_proxy_leaving: AtomicBool,
    /// Whether the scenario is over.
    is_over: AtomicBool,
    servers: Vec<Server>,
}

/// What is true of a server.
#[derive(Debug, Default)]
struct Server {
    /// How often it has lost all that it held.
    epoch: AtomicU64,
    /// Whether it has had a fault yet.
    is_faulty: AtomicBool,
}

impl World {
    /// All is well, from now on.
    pub(super) fn new(servers: usize, ejects: bool) -> Self {
        Self {
            begun: Instant::now(),
            ejects,
            is_proxy_leaving: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            servers: (0..servers).map(|_| Server::default()).collect(),
        }
    }

    /// What a get of a key may find that lives on server `home`.
    pub(super) fn circumstances(&self, home: usize) -> Circumstances {
        let may_move = self.ejects && self.is_faulty(home);
        Circumstances { epoch: self.epoch(home), may_move }
    }

    /// How often a server has lost all that it held.
    pub(super) fn epoch(&self, server: usize) -> u64 {
        self.servers[server].epoch.load(Ordering::SeqCst)
    }

    /// A server loses, or has just lost, all that it held.
    pub(super) fn lose(&self, server: usize) {
        self.servers[server].epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether a server has had a fault.
    pub(super) fn is_faulty(&self, server: usize) -> bool {
        self.servers[server].is_faulty.load(Ordering::SeqCst)
    }

    /// A server has a fault.
    pub(super) fn fault(&self, server: usize) {
        self.servers[server].is_faulty.store(true, Ordering::SeqCst);
    }

    /// Whether connections may end.
    pub(super) fn is_proxy_leaving(&self) -> bool {
        self.is_proxy_leaving.load(Ordering::SeqCst)
    }

    /// The proxy is about to leave, or is back.
    pub(super) fn set_proxy_leaving(&self, leaving: bool) {
        self.is_proxy_leaving.store(leaving, Ordering::SeqCst);
    }

    /// Whether clients are to come to their end.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Clients are to come to their end.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}
