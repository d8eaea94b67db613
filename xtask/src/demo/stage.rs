//! Everything that runs during the demo: the scratch folder, the servers, the proxy.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};
use crate::ports;
use crate::scratch::Scratch;
use crate::servers::{Memcached, Proxy, ProxySettings, Redis};

use super::client::{Client, Protocol};
use super::conf::{Conf, Pool};

/// The configuration, seen from the workspace.
const CONF_FILE: &str = "conf/demo.yml";

/// What the proxy's copy of the configuration and its log are called, without their endings.
const PROXY_NAME: &str = "nutcracker";

/// The running demo. Dropping it ends every process and removes the folder: fields drop in the
/// order in which they are written here.
#[derive(Debug)]
pub(super) struct Stage {
    /// The proxy.
    pub(super) proxy: Proxy,
    redis: Vec<Redis>,
    /// Held for their end.
    _memcached: Vec<Memcached>,
    conf: Conf,
    /// How many of the file's ports were taken and had to be replaced.
    ports_replaced: usize,
    scratch: Scratch,
}

impl Stage {
    /// Starts the servers that the configuration names, then the `proxy` in front of them: on the
    /// configuration's ports, as far as they are free.
    ///
    /// # Errors
    /// When one of them is missing or does not come up.
    pub(super) fn set(proxy: &Path) -> Result<Self> {
        match Self::set_on(proxy, ports::prefer) {
            // A second demo started at the same time may have taken a port between its choice and
            // its use. On ports that nobody prefers, what is really wrong shows again.
            Err(Failure::Wrong(_)) => Self::set_on(proxy, |_| ports::free()),
            other => other,
        }
    }

    /// The same, on the ports that `choose` makes of the configuration's.
    fn set_on(proxy: &Path, choose: impl Fn(u16) -> Result<u16>) -> Result<Self> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(CONF_FILE);
        let text = fs::read_to_string(&file)
            .map_err(Failure::system(format!("reading {}", file.display())))?;
        let mut ports_replaced = 0;
        let conf = Conf::read(&text)?.with_ports(|wanted| {
            let port = choose(wanted)?;
            ports_replaced += usize::from(port != wanted);
            Ok(port)
        })?;

        let scratch = Scratch::new("demo")?;
        let mut redis = Vec::new();
        let mut memcached = Vec::new();
        for pool in &conf.pools {
            for server in &pool.servers {
                match pool.protocol {
                    Protocol::Redis => redis.push(Redis::start_on(server.port, scratch.path())?),
                    Protocol::Memcached => {
                        memcached.push(Memcached::start_on(server.port, scratch.path())?);
                    }
                }
            }
        }
        let listens: Vec<u16> = conf.pools.iter().map(|pool| pool.listen).collect();
        let settings = ProxySettings {
            name: PROXY_NAME,
            program: proxy,
            configuration: &conf.text,
            cores: &[],
            folder: scratch.path(),
            more: &[],
        };
        let proxy = Proxy::start(&settings, &listens)?;
        Ok(Self { proxy, redis, _memcached: memcached, conf, ports_replaced, scratch })
    }

    /// The first pool of `protocol`.
    ///
    /// # Errors
    /// [`Failure::Wrong`] when the configuration has none.
    pub(super) fn pool(&self, protocol: Protocol) -> Result<&Pool> {
        self.conf.pool(protocol)
    }

    /// All pools, in the file's order.
    pub(super) fn pools(&self) -> &[Pool] {
        &self.conf.pools
    }

    /// Where everything is.
    pub(super) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// The file that the proxy loaded.
    pub(super) fn conf_file(&self) -> PathBuf {
        self.folder().join(PROXY_NAME).with_extension("yml")
    }

    /// The file that the proxy logs to.
    pub(super) fn log_file(&self) -> PathBuf {
        self.folder().join(PROXY_NAME).with_extension("log")
    }

    /// Which configuration runs, for a person to read.
    pub(super) fn conf_remark(&self) -> String {
        match self.ports_replaced {
            0 => CONF_FILE.to_owned(),
            1 => format!("{CONF_FILE}, with another port for one that was taken"),
            count => format!("{CONF_FILE}, with other ports for {count} that were taken"),
        }
    }

    /// How many keys each server of `pool` holds, in the pool's order, asked of the servers
    /// themselves. `None` stands for a server that cannot be reached.
    ///
    /// # Errors
    /// An answer that is none.
    pub(super) fn keys_held(&self, pool: &Pool) -> Result<Vec<Option<u64>>> {
        pool.servers
            .iter()
            .map(|server| match Client::connect(pool.protocol, server.port) {
                Ok(mut client) => client.count().map(Some),
                Err(Failure::System { .. }) => Ok(None),
                Err(other) => Err(other),
            })
            .collect()
    }

    /// Kills the Redis server on `port` with SIGKILL and waits until it is gone.
    pub(super) fn kill_redis(&mut self, port: u16) {
        if let Some(redis) = self.redis.iter_mut().find(|redis| redis.port() == port) {
            redis.process().kill();
        }
    }

    /// Starts a Redis server, empty, in place of the one that was killed on `port`.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) fn restart_redis(&mut self, port: u16) -> Result<()> {
        self.redis.retain(|redis| redis.port() != port);
        self.redis.push(Redis::start_on(port, self.scratch.path())?);
        Ok(())
    }

    /// Waits until a signal comes, which is how the demo is meant to end.
    ///
    /// # Errors
    /// [`Failure::Wrong`] when the proxy ends before.
    pub(super) fn wait_for_ctrl_c(&mut self) -> Result<()> {
        const STEP: std::time::Duration = std::time::Duration::from_millis(500);
        loop {
            match crate::interrupt::sleep(STEP) {
                Err(Failure::Interrupted) => return Ok(()),
                other => other?,
            }
            self.proxy.process().expect_running()?;
        }
    }
}
