//! The rig: servers, and before them the proxy with a pool for each protocol; for a control, a server
//! of each.

use std::io::{Read, Write};
use std::path::Path;

use super::cells::Kind;
use crate::failure::{Failure, Result};
use crate::ports;
use crate::scratch::Scratch;
use crate::servers::{self, Memcached, Proxy, ProxySettings, Redis};

/// Servers of each kind, behind the proxy.
const REDIS: usize = 3;
const MEMCACHED: usize = 2;

/// All that runs. Fields drop in this order: the folder last.
#[derive(Debug)]
pub(super) struct Rig {
    proxy: Option<Proxy>,
    redis: Vec<Redis>,
    memcached: Vec<Memcached>,
    redis_port: u16,
    memcached_port: u16,
    scratch: Scratch,
}

impl Rig {
    /// Starts everything, with the proxy's binary at `program`; without one, servers alone.
    ///
    /// # Errors
    /// When a server or the proxy is not installed or does not come up.
    pub(super) fn start(program: Option<&Path>) -> Result<Self> {
        let scratch = Scratch::new("clients")?;
        let folder = scratch.path();
        let count = |many| if program.is_some() { many } else { 1 };
        let redis: Vec<Redis> =
            (0..count(REDIS)).map(|_| Redis::start(folder)).collect::<Result<_>>()?;
        let memcached: Vec<Memcached> =
            (0..count(MEMCACHED)).map(|_| Memcached::start(folder)).collect::<Result<_>>()?;
        let Some(program) = program else {
            let (redis_port, memcached_port) = (redis[0].port(), memcached[0].port());
            return Ok(Self { proxy: None, redis, memcached, redis_port, memcached_port, scratch });
        };
        let (redis_port, memcached_port) = (ports::free()?, ports::free()?);
        let redis_ports: Vec<u16> = redis.iter().map(Redis::port).collect();
        let memcached_ports: Vec<u16> = memcached.iter().map(Memcached::port).collect();
        let configuration = pool("redis", redis_port, "  redis: true\n", &redis_ports)
            + &pool("memcached", memcached_port, "", &memcached_ports);
        let settings = ProxySettings {
            name: "proxy",
            program,
            configuration: &configuration,
            cores: &[],
            folder,
            more: &[],
        };
        let proxy = Some(Proxy::start(&settings, &[redis_port, memcached_port])?);
        Ok(Self { proxy, redis, memcached, redis_port, memcached_port, scratch })
    }

    /// Where a library of this kind connects to.
    pub(super) fn port(&self, kind: Kind) -> u16 {
        if kind.is_redis() { self.redis_port } else { self.memcached_port }
    }

    /// Whether libraries speak to a server itself.
    pub(super) fn is_control(&self) -> bool {
        self.proxy.is_none()
    }

    /// Where scripts run.
    pub(super) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// Empties all servers of data and scripts.
    ///
    /// # Errors
    /// A server's silence.
    pub(super) fn empty(&mut self) -> Result<()> {
        for server in &self.redis {
            ask(server.port(), "FLUSHALL\r\nSCRIPT FLUSH\r\n", "+OK\r\n+OK\r\n")?;
        }
        for server in &self.memcached {
            ask(server.port(), "flush_all\r\n", "OK\r\n")?;
        }
        Ok(())
    }

    /// Errs if the proxy or a server is gone.
    ///
    /// # Errors
    /// With its last words.
    pub(super) fn expect_running(&mut self) -> Result<()> {
        self.redis.iter_mut().try_for_each(|server| server.process().expect_running())?;
        self.memcached.iter_mut().try_for_each(|server| server.process().expect_running())?;
        self.proxy.iter_mut().try_for_each(|proxy| proxy.process().expect_running())
    }
}

/// The configuration of a pool. All but the hash tag is as in the original's examples.
fn pool(name: &str, listen: u16, more: &str, servers: &[u16]) -> String {
    let mut text = format!(
        "{name}:\n  listen: 127.0.0.1:{listen}\n  hash: fnv1a_64\n  hash_tag: \"{{}}\"\n  \
         distribution: ketama\n  timeout: 20000\n{more}  servers:\n"
    );
    for (at, port) in servers.iter().enumerate() {
        text.push_str(&format!("   - 127.0.0.1:{port}:1 server{at}\n"));
    }
    text
}

/// Sends `request` to a server and expects `answer`.
fn ask(port: u16, request: &str, answer: &str) -> Result<()> {
    let talk = || {
        let mut stream = servers::connect(port)?;
        stream.write_all(request.as_bytes())?;
        let mut found = vec![0; answer.len()];
        stream.read_exact(&mut found)?;
        Ok(found)
    };
    let found = talk().map_err(Failure::system(format!("emptying the server on {port}")))?;
    if found != answer.as_bytes() {
        let found = String::from_utf8_lossy(&found);
        return Err(Failure::Wrong(format!("{request:?} to a server got {found:?}")));
    }
    Ok(())
}
