//! The stage of a scenario: real servers, relays where the scenario wants them, and the proxy.
//!
//! ```text
//!   clients ── proxy ──┬── (relay) ── A
//!                      ├── B
//!                      ├── C
//!                      └── D
//! ```

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};

use super::known::Known;
use super::relay::Relay;
use super::scenario::{Fault, Scenario};
use super::scenarios::SERVERS;
use super::speech::{self, Reply};
use crate::bench::usage;
use crate::failure::{Failure, Result};
use crate::proc::Proc;
use crate::scratch::Scratch;
use crate::servers::{self, Memcached, Proxy, ProxySettings, Redis};
use crate::soak::reply::Protocol;
use crate::{interrupt, ports};

/// A server of either kind.
#[derive(Debug)]
enum Server {
    Redis(Redis),
    Memcached(Memcached),
}

impl Server {
    fn start(protocol: Protocol, port: u16, folder: &Path) -> Result<Self> {
        match protocol {
            Protocol::Redis => Redis::start_on(port, folder).map(Self::Redis),
            Protocol::Memcached => Memcached::start_on(port, folder).map(Self::Memcached),
        }
    }

    fn process(&mut self) -> &mut Proc {
        match self {
            Self::Redis(server) => server.process(),
            Self::Memcached(server) => server.process(),
        }
    }
}

/// A server's place.
#[derive(Debug)]
struct Seat {
    port: u16,
    server: Option<Server>,
    relay: Option<Relay>,
}

/// Everything that runs. Fields drop in this order: the folder last.
#[derive(Debug)]
pub(super) struct Rig {
    protocol: Protocol,
    proxy: Option<Proxy>,
    seats: Vec<Seat>,
    program: PathBuf,
    configuration: String,
    listen: u16,
    /// Where the proxy logs, if that is to be moved away; else it is with the process.
    log: Option<Log>,
    /// How much of the running process' output [`Self::new_log_lines`] has read, in bytes.
    log_read: u64,
    scratch: Scratch,
}

/// A log that is moved away.
#[derive(Debug)]
struct Log {
    path: PathBuf,
    /// How often it was.
    moved: usize,
}

/// How long a proxy may take to leave: its own five seconds, and what a busy machine adds.
const LEAVE: Duration = Duration::from_secs(15);

/// How long the proxy has for what a signal asks of it.
const SOON: Duration = Duration::from_secs(5);

impl Rig {
    /// Starts servers and relays; `None` when the proxy refuses the scenario's configuration.
    ///
    /// # Errors
    /// When something is not installed or does not come up.
    pub(super) fn start(scenario: &Scenario, program: &Path) -> Result<Option<Self>> {
        let scratch = Scratch::new("chaos")?;
        let folder = scratch.path();
        let mut seats = Vec::new();
        for index in 0..SERVERS {
            let port = ports::free()?;
            let server = Some(Server::start(scenario.protocol, port, folder)?);
            let is_relayed = scenario
                .steps
                .iter()
                .any(|step| matches!(step.fault, Fault::Relay(server, _) if server == index));
            let relay = is_relayed.then(|| Relay::start(scenario.protocol, port)).transpose()?;
            seats.push(Seat { port, server, relay });
        }
        let listen = ports::free()?;
        let configuration = configuration(scenario, listen, &seats);
        let mut rig = Self {
            protocol: scenario.protocol,
            proxy: None,
            seats,
            program: program.to_owned(),
            configuration,
            listen,
            log: scenario
                .steps
                .iter()
                .any(|step| matches!(step.fault, Fault::RotateLog))
                .then(|| Log { path: scratch.path().join("rotated.log"), moved: 0 }),
            log_read: 0,
            scratch,
        };
        // The original and ours both know the options of the original; only what is beyond needs
        // to be asked for.
        if !scenario.lines.is_empty() && !rig.accepts_configuration()? {
            return Ok(None);
        }
        rig.start_proxy(scenario.workers)?;
        Ok(Some(rig))
    }

    /// Where a server listens, on 127.0.0.1.
    pub(super) fn server_port(&self, server: usize) -> u16 {
        self.seats[server].port
    }

    /// Where the proxy listens, on 127.0.0.1.
    pub(super) fn listen(&self) -> u16 {
        self.listen
    }

    fn accepts_configuration(&self) -> Result<bool> {
        let file = self.scratch.path().join("asked.yml");
        fs::write(&file, &self.configuration).map_err(Failure::system("writing a file"))?;
        let output = Command::new(&self.program)
            .arg("-t")
            .arg("-c")
            .arg(&file)
            .output()
            .map_err(Failure::system("asking about a configuration"))?;
        Ok(output.status.success())
    }

    /// Starts the proxy.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) fn start_proxy(&mut self, workers: usize) -> Result<()> {
        let workers = workers.to_string();
        // The original has no such option, and one worker.
        let mut more = if workers == "1" { Vec::new() } else { vec!["-w", &workers] };
        let log = self.log.as_ref().map(|log| log.path.to_string_lossy().into_owned());
        if let Some(log) = &log {
            more.extend(["-o", log]);
        }
        let settings = ProxySettings {
            name: "proxy",
            program: &self.program,
            configuration: &self.configuration,
            cores: &[],
            folder: self.scratch.path(),
            more: &more,
        };
        self.proxy = Some(Proxy::start(&settings, &[self.listen])?);
        self.log_read = 0;
        Ok(())
    }

    /// Sends SIGTERM and waits for the end; how it was, when it was not a good one.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn stop_proxy(&mut self) -> Result<Option<String>> {
        let Some(mut proxy) = self.proxy.take() else { return Ok(None) };
        proxy.process().signal(Signal::TERM)?;
        let end = Instant::now() + LEAVE;
        loop {
            match proxy.process().ended()? {
                Some(status) if status.success() => return Ok(None),
                Some(status) => return Ok(Some(format!("it ended with {status} at SIGTERM"))),
                None if Instant::now() > end => {
                    return Ok(Some(format!("SIGTERM did not end it in {LEAVE:?}")));
                }
                None => interrupt::sleep(Duration::from_millis(5))?,
            }
        }
    }

    /// Errs if the proxy has ended that should be running.
    ///
    /// # Errors
    /// [`Failure::Wrong`] with its last words.
    pub(super) fn expect_proxy(&mut self) -> Result<()> {
        self.proxy.as_mut().map_or(Ok(()), |proxy| proxy.process().expect_running())
    }

    /// Sends the proxy a signal.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn signal_proxy(&mut self, signal: Signal) -> Result<()> {
        self.proxy.as_mut().map_or(Ok(()), |proxy| proxy.process().signal(signal))
    }

    /// Moves the proxy's log away and sends SIGHUP; what is wrong, when no new one begins.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn rotate_log(&mut self) -> Result<Option<String>> {
        let Some(log) = &mut self.log else { return Ok(None) };
        log.moved += 1;
        let path = log.path.clone();
        let away = path.with_extension(format!("log.{}", log.moved));
        fs::rename(&path, &away).map_err(Failure::system("moving the proxy's log"))?;
        self.signal_proxy(Signal::HUP)?;
        let end = Instant::now() + SOON;
        while !path.exists() {
            if Instant::now() > end {
                return Ok(Some(format!("no new log {SOON:?} after SIGHUP")));
            }
            interrupt::sleep(Duration::from_millis(5))?;
        }
        Ok(None)
    }

    /// Sends SIGUSR2; what is wrong, when the proxy does not say that its configuration is loaded anew.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn reload(&mut self) -> Result<Option<String>> {
        const DONE: &str = "' is reloaded: ";
        let before = self.log_lines(DONE);
        self.signal_proxy(Signal::USR2)?;
        let end = Instant::now() + SOON;
        while self.log_lines(DONE) == before {
            if Instant::now() > end {
                return Ok(Some(format!("not reloaded {SOON:?} after SIGUSR2")));
            }
            interrupt::sleep(Duration::from_millis(5))?;
        }
        Ok(None)
    }

    /// Sends a server a signal.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn signal_server(&mut self, server: usize, signal: Signal) -> Result<()> {
        self.seats[server].server.as_mut().map_or(Ok(()), |one| one.process().signal(signal))
    }

    /// Kills a server.
    pub(super) fn kill(&mut self, server: usize) {
        if let Some(mut server) = self.seats[server].server.take() {
            server.process().kill();
        }
    }

    /// Starts a server anew, empty, on its port.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) fn restart(&mut self, server: usize) -> Result<()> {
        self.kill(server);
        let seat = &mut self.seats[server];
        seat.server = Some(Server::start(self.protocol, seat.port, self.scratch.path())?);
        Ok(())
    }

    /// The relay in front of a server.
    pub(super) fn relay(&self, server: usize) -> Option<&Relay> {
        self.seats[server].relay.as_ref()
    }

    /// The memory and descriptors that the proxy has, if it runs.
    pub(super) fn usage(&self) -> Option<(u64, usize)> {
        let pid = self.proxy.as_ref()?.pid();
        let memory = usage::resident(pid).ok()?;
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
        Some((memory, descriptors))
    }

    /// Lets the proxy open so many files more than now; `None` lifts that.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn limit_descriptors(&self, more: Option<u64>) -> Result<()> {
        let (Some(proxy), Some((_, open))) = (&self.proxy, self.usage()) else { return Ok(()) };
        let ours = getrlimit(Resource::Nofile);
        let current = more.map_or(ours.current, |more| Some(open as u64 + more));
        let limit = Rlimit { current, maximum: ours.maximum };
        let pid = i32::try_from(proxy.pid()).ok().and_then(Pid::from_raw);
        prlimit(pid, Resource::Nofile, limit)
            .map(drop)
            .map_err(|error| Failure::system("limiting the proxy's descriptors")(error.into()))
    }

    /// Lines of the proxy's log that contain `text` and have come since this was asked before.
    ///
    /// A long run asks often: the whole log each time would be a load of its own.
    pub(super) fn new_log_lines(&mut self, text: &str) -> usize {
        let Some(proxy) = &mut self.proxy else { return 0 };
        let lines = proxy.process().lines_from(self.log_read);
        self.log_read += lines.len() as u64;
        String::from_utf8_lossy(&lines).lines().filter(|line| line.contains(text)).count()
    }

    /// Lines of the proxy's log that contain `text`.
    pub(super) fn log_lines(&mut self, text: &str) -> u64 {
        let Some(proxy) = &mut self.proxy else { return 0 };
        let log = proxy.process().output();
        log.lines().filter(|line| line.contains(text)).count() as u64
    }

    /// What the statistics port says to somebody who asks for `/metrics`: nothing, if it is the original's.
    pub(super) fn metrics(&self) -> String {
        let Some(proxy) = &self.proxy else { return String::new() };
        // Who is not heard in time gets the JSON.
        (0..20)
            .filter_map(|_| ask(proxy.stats_port(), b"GET /metrics HTTP/1.0\r\n\r\n").ok())
            .find(|text| text.starts_with("HTTP/"))
            .unwrap_or_default()
    }

    /// The statistics, or what is wrong with them.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn statistics(&self) -> Result<serde_json::Value> {
        let Some(proxy) = &self.proxy else { return Ok(serde_json::Value::Null) };
        let text =
            ask(proxy.stats_port(), b"").map_err(Failure::system("reading the statistics"))?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::Wrong(format!("the statistics are no JSON ({error})")))
    }

    /// Finds which server each key is on by asking the servers themselves.
    ///
    /// # Errors
    /// The system's, or a key that is on no server.
    pub(super) fn find_homes(&self, keys: &mut [&mut Known]) -> Result<()> {
        for index in 0..self.seats.len() {
            let found = self.holds(index, keys).map_err(Failure::system("asking a server"))?;
            for (known, found) in keys.iter_mut().zip(found) {
                if found {
                    known.home = index;
                }
            }
        }
        Ok(())
    }

    /// Whether a server has each of the keys.
    fn holds(&self, server: usize, keys: &[&mut Known]) -> io::Result<Vec<bool>> {
        let mut requests = Vec::new();
        for known in keys {
            speech::put_get(self.protocol, &mut requests, &[&known.key]);
        }
        let mut stream = servers::connect(self.seats[server].port)?;
        let mut writer = stream.try_clone()?;
        std::thread::scope(|scope| {
            // Both at once: neither side's buffers hold all of it.
            scope.spawn(move || writer.write_all(&requests));
            let (mut bytes, mut found) = (Vec::new(), Vec::new());
            let mut chunk = [0; 16 * 1024];
            while found.len() < keys.len() {
                let len = stream.read(&mut chunk)?;
                if len == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                bytes.extend_from_slice(&chunk[..len]);
                while let Some((reply, len)) = speech::read_reply(self.protocol, &bytes) {
                    found.push(matches!(reply, Reply::Value { .. }));
                    bytes.drain(..len);
                }
            }
            Ok(found)
        })
    }
}

/// All that a port says to a request, or to none.
fn ask(port: u16, request: &[u8]) -> io::Result<String> {
    let mut stream = servers::connect(port)?;
    // Who has answered already may have closed.
    let _ = stream.write_all(request);
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// The configuration file.
fn configuration(scenario: &Scenario, listen: u16, seats: &[Seat]) -> String {
    let mut text = format!(
        "chaos:\n  listen: 127.0.0.1:{listen}\n  redis: {}\n  hash: fnv1a_64\n  \
         distribution: ketama\n  timeout: {}\n  auto_eject_hosts: {}\n  \
         server_failure_limit: 2\n  server_retry_timeout: 2000\n",
        scenario.protocol == Protocol::Redis,
        scenario.timeout.as_millis(),
        scenario.ejects,
    );
    for line in scenario.lines {
        text.push_str(&format!("  {line}\n"));
    }
    text.push_str("  servers:\n");
    for (index, seat) in seats.iter().enumerate() {
        let port = seat.relay.as_ref().map_or(seat.port, Relay::port);
        // Named, so that keys live on the same servers whatever ports are free.
        text.push_str(&format!("    - 127.0.0.1:{port}:1 {}\n", char::from(b'A' + index as u8)));
    }
    text
}
