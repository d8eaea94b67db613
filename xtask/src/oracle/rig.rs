//! The rig: a server that is asked itself, and others like it behind the proxy.
//!
//! ```text
//!   case ──┬── oracle ──────────────── redis-server
//!          ├── pool `one` ── proxy ─── redis-server
//!          └── pool `four` ─ proxy ─── 4 redis-servers, hash tag {}
//! ```

use std::path::Path;

use super::client::Client;
use crate::failure::Result;
use crate::ports;
use crate::scratch::Scratch;
use crate::servers::{Proxy, ProxySettings, Redis};

/// How many servers the larger pool has.
const SERVERS: usize = 4;

/// All that runs. Fields drop in this order: the folder last.
#[derive(Debug)]
pub(crate) struct Rig {
    proxy: Proxy,
    /// Straight to every server, to empty them.
    direct: Vec<Client>,
    /// The one that is asked itself, the one behind `one`, and the others.
    servers: Vec<Redis>,
    one: u16,
    four: u16,
    _scratch: Scratch,
}

impl Rig {
    /// Starts everything, with the proxy's binary at `program`.
    ///
    /// # Errors
    /// When a server or the proxy is not installed or does not come up.
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let scratch = Scratch::new("oracle")?;
        let folder = scratch.path();
        let servers: Vec<Redis> =
            (0..SERVERS + 2).map(|_| Redis::start(folder)).collect::<Result<_>>()?;
        let direct =
            servers.iter().map(|server| Client::connect(server.port())).collect::<Result<_>>()?;
        let (one, four) = (ports::free()?, ports::free()?);
        let listed = |servers: &[Redis]| -> String {
            let line = |(at, server): (usize, &Redis)| {
                format!("   - 127.0.0.1:{}:1 server{at}\n", server.port())
            };
            servers.iter().enumerate().map(line).collect()
        };
        let pool = |name: &str, listen: u16, servers: &[Redis]| {
            format!(
                "{name}:\n  listen: 127.0.0.1:{listen}\n  redis: true\n  hash: fnv1a_64\n  \
                 hash_tag: \"{{}}\"\n  distribution: ketama\n  timeout: 20000\n  servers:\n{}",
                listed(servers)
            )
        };
        let configuration = pool("one", one, &servers[1..2]) + &pool("four", four, &servers[2..]);
        let settings = ProxySettings {
            name: "proxy",
            program,
            configuration: &configuration,
            cores: &[],
            folder,
            more: &[],
        };
        let proxy = Proxy::start(&settings, &[one, four])?;
        Ok(Self { proxy, direct, servers, one, four, _scratch: scratch })
    }

    /// Where the oracle listens.
    pub(crate) fn oracle(&self) -> u16 {
        self.servers[0].port()
    }

    /// Where the pool with one server listens.
    pub(crate) fn one(&self) -> u16 {
        self.one
    }

    /// Where the pool with four servers listens.
    pub(crate) fn four(&self) -> u16 {
        self.four
    }

    /// Empties all servers of data, scripts and functions.
    ///
    /// # Errors
    /// A server's silence.
    pub(crate) fn empty(&mut self) -> Result<()> {
        for command in [&[&b"FLUSHALL"[..]][..], &[b"SCRIPT", b"FLUSH"], &[b"FUNCTION", b"FLUSH"]] {
            for client in &mut self.direct {
                client.ask(command)?;
            }
        }
        Ok(())
    }

    /// What the oracle serves.
    ///
    /// # Errors
    /// Its silence.
    pub(crate) fn server_commands(&mut self) -> Result<Vec<String>> {
        let reply = self.direct[0].ask(&[b"COMMAND", b"LIST"])?;
        let names = reply.texts().into_iter().map(|name| String::from_utf8_lossy(&name).into());
        Ok(names.filter(|name: &String| !name.contains('|')).collect())
    }

    /// Errs if the proxy or a server is gone.
    ///
    /// # Errors
    /// With its last words.
    pub(crate) fn expect_running(&mut self) -> Result<()> {
        self.servers.iter_mut().try_for_each(|server| server.process().expect_running())?;
        self.proxy.process().expect_running()
    }
}
