//! The rig: two sides that are alike, each with servers of its own.
//!
//! ```text
//!   streams ──┬── original ── 4 servers, for Redis a 5th with a password
//!             └── ours ────── the same again
//! ```

use std::path::{Path, PathBuf};

use super::direct::Direct;
use super::pools::{self, SERVERS};
use super::redis;
use super::reply::Protocol;
use crate::failure::{Failure, Result};
use crate::scratch::Scratch;
use crate::servers::{Memcached, Proxy, ProxySettings, Redis};
use crate::{ports, wire};

/// A server of either kind.
#[derive(Debug)]
enum Server {
    Redis(Redis),
    Memcached(Memcached),
}

impl Server {
    fn port(&self) -> u16 {
        match self {
            Self::Redis(server) => server.port(),
            Self::Memcached(server) => server.port(),
        }
    }
}

/// A proxy and its servers. Fields drop in this order.
#[derive(Debug)]
pub(crate) struct Side {
    /// What reports call it.
    pub(crate) name: &'static str,
    protocol: Protocol,
    proxy: Proxy,
    program: PathBuf,
    /// In front of the configuration: what only ours knows.
    preface: String,
    listens: Vec<u16>,
    servers: Vec<Server>,
    folder: PathBuf,
}

impl Side {
    fn start(
        name: &'static str,
        protocol: Protocol,
        program: &Path,
        preface: String,
        folder: &Path,
    ) -> Result<Self> {
        // Memory for a batch's largest values, so that none is evicted.
        const MEMCACHED: [&str; 2] = ["-m", "1024"];
        let count = if protocol == Protocol::Redis { SERVERS + 1 } else { SERVERS };
        let server = |_| match protocol {
            Protocol::Redis => Redis::start(folder).map(Server::Redis),
            Protocol::Memcached => Memcached::start_with(folder, &MEMCACHED).map(Server::Memcached),
        };
        let servers: Vec<Server> = (0..count).map(server).collect::<Result<_>>()?;
        if protocol == Protocol::Redis {
            for server in &servers {
                let mut direct = Direct::connect(protocol, server.port())?;
                for (script, _) in redis::LOADED_SCRIPTS {
                    direct.ask(&wire::array(&["SCRIPT", "LOAD", script]))?;
                }
            }
            let guarded = servers.last().expect("there are some").port();
            let mut direct = Direct::connect(protocol, guarded)?;
            direct.tell(&["CONFIG", "SET", "requirepass", pools::PASSWORD])?;
        }
        let pools = pools::pools(protocol).len();
        let listens: Vec<u16> = (0..pools).map(|_| ports::free()).collect::<Result<_>>()?;
        let ports: Vec<u16> = servers.iter().map(Server::port).collect();
        let configuration = preface.clone() + &pools::configuration(protocol, &listens, &ports);
        let proxy = start_proxy(name, program, &configuration, &listens, folder)?;
        let (program, folder) = (program.to_owned(), folder.to_owned());
        Ok(Self { name, protocol, proxy, program, preface, listens, servers, folder })
    }

    /// What its pools speak.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Where pool `index` listens.
    pub(crate) fn listen(&self, index: usize) -> u16 {
        self.listens[index]
    }

    /// Where the proxy's statistics are.
    pub(crate) fn stats_port(&self) -> u16 {
        self.proxy.stats_port()
    }

    /// A connection to each of the servers that most pools share.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn servers(&self) -> Result<Vec<Direct>> {
        let servers = self.servers.iter().take(SERVERS);
        servers.map(|server| Direct::connect(self.protocol, server.port())).collect()
    }

    /// A connection to the server with the password, if there is one.
    ///
    /// # Errors
    /// The system's, or the server's refusal.
    pub(crate) fn guarded_server(&self) -> Result<Option<Direct>> {
        let Some(server) = self.servers.get(SERVERS) else { return Ok(None) };
        let mut direct = Direct::connect(self.protocol, server.port())?;
        direct.tell(&["AUTH", pools::PASSWORD])?;
        Ok(Some(direct))
    }

    /// Errs if the proxy is gone.
    ///
    /// # Errors
    /// [`Failure::Wrong`] with its last words.
    pub(crate) fn expect_running(&mut self) -> Result<()> {
        self.proxy.process().expect_running()
    }

    /// Kills the proxy and starts it anew, on the same ports.
    ///
    /// # Errors
    /// When it does not come up.
    pub(crate) fn restart_proxy(&mut self) -> Result<()> {
        self.proxy.process().kill();
        let ports: Vec<u16> = self.servers.iter().map(Server::port).collect();
        let Self { protocol, listens, preface, .. } = &*self;
        let configuration = preface.clone() + &pools::configuration(*protocol, listens, &ports);
        self.proxy = start_proxy(self.name, &self.program, &configuration, listens, &self.folder)?;
        Ok(())
    }

    /// Has one of the servers refuse to write, or serve again.
    ///
    /// # Errors
    /// The system's, or the server's refusal.
    pub(crate) fn refuse(&self, server: usize, refuses: bool) -> Result<()> {
        let mut direct = Direct::connect(self.protocol, self.servers[server].port())?;
        // There are no replicas to wait for.
        let replicas = if refuses { "1" } else { "0" };
        direct.tell(&["CONFIG", "SET", "min-replicas-to-write", replicas])
    }

    /// Empties all servers.
    ///
    /// # Errors
    /// The system's, or a server's refusal.
    pub(crate) fn flush(&self) -> Result<()> {
        for mut server in self.servers()?.into_iter().chain(self.guarded_server()?) {
            match self.protocol {
                Protocol::Redis => server.tell(&["FLUSHALL"])?,
                Protocol::Memcached => drop(server.ask(b"flush_all\r\n")?),
            }
        }
        Ok(())
    }
}

/// The two sides. Fields drop in this order: the folder last.
#[derive(Debug)]
pub(crate) struct Rig {
    /// The original and its servers.
    pub(crate) original: Side,
    /// Ours and its servers.
    pub(crate) ours: Side,
    _scratch: Scratch,
}

impl Rig {
    /// Starts everything. `workers` is how many threads ours has.
    ///
    /// # Errors
    /// When a server or a proxy is not installed or does not come up.
    pub(crate) fn start(
        protocol: Protocol,
        original: &Path,
        ours: &Path,
        workers: usize,
    ) -> Result<Self> {
        let scratch = Scratch::new("soak")?;
        let folder = scratch.path();
        let original = Side::start("original", protocol, original, String::new(), folder)?;
        let preface = format!("global:\n  workers: {workers}\n");
        let ours = Side::start("ours", protocol, ours, preface, folder)?;
        Ok(Self { original, ours, _scratch: scratch })
    }

    /// Both sides.
    pub(crate) fn sides(&mut self) -> [&mut Side; 2] {
        [&mut self.original, &mut self.ours]
    }
}

fn start_proxy(
    name: &str,
    program: &Path,
    configuration: &str,
    listens: &[u16],
    folder: &Path,
) -> Result<Proxy> {
    let settings = ProxySettings {
        name,
        program,
        configuration,
        cores: &[],
        folder,
        // The original hands its figures over this often, in milliseconds.
        more: &["-i", "50"],
    };
    Proxy::start(&settings, listens)
        .map_err(|failure: Failure| failure.during("starting a side's proxy"))
}
